"""Customers under contract in the periods to come, by a model of renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.economics.outlook.base_ahead import variance_of_model, why_unbounded
from retention.economics.value.renewal_chances import survivors_kept
from retention.errors import ContentError
from retention.frames import collect
from retention.tables import Column, Kind, require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.economics.outlook.base_ahead import Window
    from retention.repeat_buying.renewal.models import RenewalModel

    Floats = NDArray[np.float64]

_RENEWING = Kind(
    "customers",
    "a spell in whole contract periods",
    "renewal_periods",
    (
        Column("duration", "integer", "renewals behind"),
        Column("churned", "flag", "whether it has ended"),
        Column("set_aside", "text", "why it does not count", optional=True),
    ),
)


def renewals_ahead(
    spells: object, model: RenewalModel, window: Window
) -> tuple[Floats, Floats, Floats]:
    """Of the present, of those won, and the variance of both together, period by period.

    Raises:
        ColumnError: if it is not a table of `renewal_periods`.
        ContentError: if a running spell has no duration.
    """
    frame = require(spells, _RENEWING)
    running = frame.filter(~nw.col("churned"))
    if "set_aside" in frame.collect_schema():
        running = running.filter(nw.col("set_aside").is_null())
    found = collect(running.group_by("duration").agg(nw.len().alias("n")))
    tenure, people = found["duration"].astype(np.float64), found["n"].astype(np.float64)
    if not (np.isfinite(tenure) & (tenure >= 0)).all():
        raise ContentError("customers: a running spell has no duration, or one below 0.")
    order = np.argsort(tenure)
    tenure, people = tenure[order], people[order]

    def sums(theta: Floats) -> tuple[Floats, Floats, Floats]:
        return _sums_of_renewing(theta, tenure, people, window.acquired)

    def total(theta: Floats) -> Floats:
        old, new, _ = sums(theta)
        return old + new

    old, new, chance = sums(model.theta)
    unsure = np.full(old.size, np.nan)
    if why_unbounded(model) is None:
        unsure = variance_of_model(model.theta, model.covariance_of_logs, total)
    return old, new, chance + unsure


def _sums_of_renewing(
    theta: Floats, tenure: Floats, people: Floats, acquired: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sums of chances to be here, of the present and of those won, and of p (1 − p)."""
    n = acquired.size
    kept = survivors_kept(theta, tenure, np.arange(1.0, n + 1)[:, None])
    later = survivors_kept(theta, np.zeros(n), np.arange(float(n)))
    new, spread = (np.convolve(acquired, part)[:n] for part in (later, later * (1 - later)))
    return kept @ people, new, (kept * (1 - kept)) @ people + spread

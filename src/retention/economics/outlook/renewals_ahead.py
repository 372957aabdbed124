"""Customers under contract in the periods to come, by a model of renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.economics.outlook.base_ahead import Foretold, variance_of_model, why_unbounded
from retention.economics.value.renewal_chances import survivors_kept
from retention.errors import ContentError
from retention.frames import collect, count
from retention.tables import Column, Kind, require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.economics.outlook.base_ahead import Window
    from retention.repeat_buying.renewal.models import RenewalModel

    Floats = NDArray[np.float64]

RENEWING = Kind(
    "customers",
    "a spell in whole contract periods",
    "renewal_periods",
    (
        Column("duration", "integer", "renewals behind"),
        Column("churned", "flag", "whether it has ended"),
        Column("n_spells", "integer", "how many spells the row stands for", optional=True),
        Column("set_aside", "text", "why it does not count", optional=True),
    ),
)


def renewals_ahead(spells: object, model: RenewalModel, window: Window) -> Foretold:
    """How many of the present and of those won are here, period by period.

    Raises:
        ColumnError: if it is not a table of `renewal_periods`.
        ContentError: if it is not known whether a spell has ended, or how long it has run.
    """
    tenure, people = _running_by_tenure(require(spells, RENEWING))
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
    return Foretold(old, new, chance + unsure, np.zeros(old.size), why_unbounded(model))


def _running_by_tenure(frame: nw.LazyFrame[Any]) -> tuple[Floats, Floats]:
    """Renewals behind, and how many running spells have so many."""
    there = frame.collect_schema()
    stands_for = nw.col("n_spells") if "n_spells" in there else nw.lit(1)
    rows = frame.filter(nw.col("set_aside").is_null()) if "set_aside" in there else frame
    unknown = count(nw.col("churned").is_null() | nw.col("_n").is_null())
    rows = rows.select("duration", "churned", _n=stands_for).with_columns(_unknown=unknown)
    rows = rows.filter(~nw.col("churned") | nw.col("churned").is_null())
    found = collect(
        rows.group_by("duration").agg(
            nw.col("_n").sum().alias("n"),
            nw.col("_n").min().alias("fewest"),
            nw.col("_unknown").sum(),
        )
    )
    tenure, people = found["duration"].astype(np.float64), found["n"].astype(np.float64)
    if found["_unknown"].any() or (found["fewest"].astype(np.float64) < 0).any():
        raise ContentError(
            "customers: of a spell `churned` or n_spells is missing, or n_spells is below 0: say "
            "whether it has ended, and how many it stands for."
        )
    if not (np.isfinite(tenure) & (tenure >= 0)).all():
        raise ContentError("customers: a running spell has no duration, or one below 0.")
    return tenure, people


def _sums_of_renewing(
    theta: Floats, tenure: Floats, people: Floats, acquired: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sums of chances to be here, of the present and of those won, and of p (1 − p)."""
    n = acquired.size
    kept = survivors_kept(theta, tenure, np.arange(1.0, n + 1)[:, None])
    later = survivors_kept(theta, np.zeros(n), np.arange(float(n)))
    new, spread = (np.convolve(acquired, part)[:n] for part in (later, later * (1 - later)))
    return kept @ people, new, (kept * (1 - kept)) @ people + spread

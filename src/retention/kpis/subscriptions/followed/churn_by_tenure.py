"""The churn rate by how long customers have been here."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import RetentionError, check_choice, is_number
from retention.frames import (
    Columns,
    Frame,
    frame_at_hand,
    is_at_hand,
    rows_at_hand,
    table_like,
)
from retention.kpis.subscriptions.followed.reached_in_time import share_gone_with_bounds
from retention.numerics import step_functions
from retention.numerics.codes import long_table
from retention.survival.counts.risk_sets import risk_sets_by_segment
from retention.tables import LIFETIMES, SPELLS, require, segments
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.counts.risk_sets import RiskSets

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_PLACES = 31
"""A tenure of m months and r days more is numbered 31 m + r, so that anniversaries are even."""

_MOST_DAYS = 1_000_000
"""Over so many days the months of each are held at once."""


@gives(
    "segment and band of tenure",
    texts("band"),
    numbers("tenure_from", "tenure_to", unit="as length"),
    whole_numbers("n_reached", "n_entered", "n_churned", "n_censored"),
    shares("churn_rate", "lower", "upper"),
    shares("churn_per_period", "per_period_lower", "per_period_upper"),
    constants(texts("length")),
)
def churn_by_tenure(
    spells: IntoFrameT,
    *,
    bands: Sequence[float],
    length: Literal["day", "week", "month", "quarter", "year"],
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of the customers who reach a tenure, the share lost before the next one: when churn happens.

    With a band from a to b, n_u the spells at risk at tenure u and d_u those that end there,

        churn rate = 1 − Π over a < u ≤ b of (1 − d_u / n_u) = 1 − S(b) / S(a),

    of the Kaplan–Meier curve S: of those who reach a, the share that leaves by b, whoever was not
    seen so long counting as long as seen. Over neighbouring bands the complements multiply to the
    curve itself. Who leaves on the very day that ends a band leaves in it: a contract of three
    months not renewed is a loss of the third month, not of the fourth. Bands of unequal width are
    compared by the churn of one period, c = 1 − (1 − churn rate)^(1 / (b − a)).

    Months are those of the calendar from each customer's own start, the last day of a shorter one
    standing for a day that it lacks. The customers of today by tenure, of whom so many left last
    month, are another question: who was lost early is not among them.

    Args:
        spells: a table from `contract_spells` or `purchase_spells`. Spells that are set aside are
            left out.
        bands: where the bands begin, ascending, such as [0, 3, 6, 12, 24] in units of `length`. The
            last has no end.
        length: in what tenure is counted.
        by: segment columns of the spells that were kept along (`keep=`).
        level: confidence of the bounds.

    Returns:
        One row per segment and band, in the caller's kind: the `by` columns, `band` (such as "3 to
        6"), `tenure_from` a, `tenure_to` b (null of the last), `n_reached` (stayed beyond a, and
        under observation then), `n_entered` (came under observation later in the band),
        `n_churned`, `n_censored` (not seen beyond it), `churn_rate`, `lower`, `upper` (Wilson's
        with the effective number of customers, which is `n_reached` where none is censored),
        `churn_per_period`, `per_period_lower`, `per_period_upper`, and `length`. n_reached +
        n_entered − n_churned − n_censored is the n_reached of the next band. Null where a band has
        no end, was not seen to its end by anybody, or not from its beginning on.

    Raises:
        RetentionError: if `bands` do not ascend from 0 or more, or the spells look into the future.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no spell that can be used.

    Example:
        Of four Ann leaves after two months, Bob after four; Cem was seen for one month only.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-06-30", "2024-01-01"]),
        ...     "end": pd.to_datetime(["2024-03-01", "2024-05-01", None, None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-07-31", grace=0)
        >>> found = rt.kpis.churn_by_tenure(spells, bands=[0, 3, 6], length="month")
        >>> found[["band", "n_reached", "n_churned", "n_censored", "churn_rate"]].head(2)
             band  n_reached  n_churned  n_censored  churn_rate
        0  0 to 3          4          1           1    0.333333
        1  3 to 6          2          1           0    0.500000

    Source:
        Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53,
        457–481. Bounds: Rothman, K. J. (1978), Journal of Chronic Diseases 31, 557–560.
    """
    intervals.quantile_of(level)
    check_choice("length", length, (*_DAYS, *_MONTHS))
    edges = _edges_of_bands(bands)
    names = segments(by, LIFETIMES)
    frame = require(spells, SPELLS, extra=names)
    unit = _DAYS.get(length) or _PLACES * _MONTHS[length]
    placed = _spells_by_anniversaries(spells, frame) if length in _MONTHS else frame
    groups = risk_sets_by_segment(placed, by)
    parts = [(group.key, _columns_of_bands(group, edges, unit, level)) for group in groups]
    table = long_table(parts, names)
    return table_like({**table, "length": np.full(len(table["band"]), length, object)}, spells)


def _edges_of_bands(bands: Sequence[float]) -> Floats:
    """Where the bands begin, and that the last has no end."""
    wrong = RetentionError(
        f"bands must be where bands of tenure begin, ascending from 0 or more, such as "
        f"[0, 3, 6, 12]; got {bands!r}."
    )
    try:
        given = list(bands)
    except TypeError:
        raise wrong from None
    if not given or not all(is_number(edge) for edge in given):
        raise wrong
    edges = np.array(given, np.float64)
    if not np.isfinite(edges).all() or edges[0] < 0 or (np.diff(edges) <= 0).any():
        raise wrong
    return np.append(edges, np.inf)


def _spells_by_anniversaries(spells: object, frame: Frame) -> Frame:
    """Spells whose durations and entries are numbered so that those of a month are alike."""
    found = _tenures_at_hand(frame) if is_at_hand(spells) else None
    return _tenures_by_query(frame) if found is None else found


def _tenures_at_hand(frame: Frame) -> Frame | None:
    """The same of a table at hand; None where a start or a duration is not known."""
    table = rows_at_hand(frame)
    moments = table["start"].to_numpy()
    duration, entry = (
        table[name].cast(nw.Float64).to_numpy().astype(np.float64) for name in ("duration", "entry")
    )
    dated = moments.dtype.kind == "M" and not np.isnat(moments).any()
    known = np.isfinite(duration) & (duration >= 0) & ~np.isinf(entry)
    if not (dated and known.all()):
        return None
    start, late = periods.day_numbers(moments), np.flatnonzero(entry > 0)
    until = start + duration.astype(np.int64)
    if not start.size or int(until.max()) - int(start.min()) > _MOST_DAYS:
        return None
    begun = np.full(entry.size, np.nan)
    if late.size:
        seen = np.trunc(start[late] + entry[late]).astype(np.int64)
        begun[late] = _places_of_days(start[late], seen)
    columns: dict[str, Any] = {name: table[name].to_native() for name in table.columns}
    made = {"duration": _places_of_days(start, until), "entry": begun}
    return frame_at_hand(columns | made, frame.implementation)


def _places_of_days(start: Whole, day: Whole) -> Whole:
    """The whole months since each start, and days beyond: an anniversary ends the month before."""
    low = int(start.min())
    known = np.arange(low, int(max(start.max(), day.max())) + 2).astype("datetime64[D]")
    month = known.astype("datetime64[M]")
    opens = periods.day_numbers(np.arange(month[0], month[-1] + 2)) - low
    place = (month - month[0]).astype(np.int64)
    turn = np.arange(known.size) - opens[place]
    begun, ends = start - low, day - low
    short = turn[ends + 1] <= turn[begun]
    at = place[ends + 1] - short
    anniversary = np.minimum(opens[at] + turn[begun], opens[at + 1] - 1)
    return np.asarray((at - place[begun]) * _PLACES + ends - anniversary)


def _tenures_by_query(frame: Frame) -> Frame:
    """The same by the user's engine."""
    engine = frame.implementation
    late = nw.when(nw.col("entry") > 0).then(nw.col("entry")).otherwise(nw.lit(0))
    placed = frame.with_columns(_start=periods.day_expr("start", engine)).with_columns(
        _until=(nw.col("_start") + nw.col("duration")).cast(nw.Int64),
        _from=(nw.col("_start") + late).cast(nw.Int64),
    )
    found = {}
    for name in ("_until", "_from"):
        placed = placed.with_columns(_next=nw.col(name) + 1).with_columns(
            _date=periods.date_expr(nw.col("_next"), engine)
        )
        placed = placed.with_columns(_months=periods.months_before("_date", "start"))
        rest = nw.col(name) - periods.anniversary_number("start", nw.col("_months"))
        placed = placed.with_columns((nw.col("_months") * _PLACES + rest).alias(f"{name}_place"))
        found[name] = nw.col(f"{name}_place").cast(nw.Int64)
    entered = nw.when(nw.col("entry") > 0).then(found["_from"].cast(nw.Float64))
    return placed.with_columns(duration=found["_until"], entry=entered).drop(
        *("_start", "_until", "_from", "_next", "_date", "_months"),
        *("_until_place", "_from_place"),
    )


def _columns_of_bands(group: RiskSets, edges: Floats, unit: int, level: float) -> Columns:
    """The counts and rates of each band of one segment."""
    counts = _counts_of_bands(group, edges * unit)
    gone = _share_lost_in_bands(group, edges * unit, counts["n_reached"], level)
    width = edges[1:] - edges[:-1]
    each = [np.where(np.isfinite(width), 1 - (1 - v) ** (1 / width), np.nan) for v in gone]
    named = [f"{start:g} to {end:g}" for start, end in pairwise(edges[:-1])]
    bounds = {"churn_rate": gone[0], "lower": gone[1], "upper": gone[2]}
    bounds |= {"churn_per_period": each[0]}
    bounds |= {"per_period_lower": each[1], "per_period_upper": each[2]}
    return {
        "band": np.array([*named, f"{edges[-2]:g} and more"], object),
        "tenure_from": edges[:-1],
        "tenure_to": np.where(np.isfinite(edges[1:]), edges[1:], np.nan),
        **counts,
        **bounds,
    }


def _counts_of_bands(group: RiskSets, edges: Floats) -> Columns:
    """Who reached each band, came under observation in it, left in it and was last seen in it."""
    # Whoever leaves on the day of the start itself leaves in the first band.
    at = np.searchsorted(group.duration, np.where(edges == 0, -np.inf, edges), side="right")
    joined = np.searchsorted(group.entries, edges, side="right")
    totals = {
        "n_entered": np.append(0, np.cumsum(group.entering))[joined],
        "n_churned": np.append(0, np.cumsum(group.n_churned[:, 0]))[at],
        "n_censored": np.append(0, np.cumsum(group.n_censored))[at],
    }
    begun = int(group.n_entered.sum() - group.entering.sum())
    there = begun + totals["n_entered"] - totals["n_churned"] - totals["n_censored"]
    counts = {name: np.diff(total).astype(np.int64) for name, total in totals.items()}
    return {"n_reached": there[:-1].astype(np.int64), **counts}


def _share_lost_in_bands(
    group: RiskSets, edges: Floats, n_reached: NDArray[np.int64], level: float
) -> tuple[Floats, Floats, Floats]:
    """The share of those who reach a band that leaves in it, and its bounds."""
    d, n = group.n_churned[:, 0], group.n_at_risk
    band = np.searchsorted(edges[1:-1], group.duration, side="left")
    band[group.duration <= edges[0]] = edges.size  # before all of them
    band[(group.duration == 0) & (edges[0] == 0)] = 0
    stayed, spread = np.ones(edges.size - 1), np.zeros(edges.size - 1)
    inside = band < edges.size - 1
    np.multiply.at(stayed, band[inside], (1 - step_functions.hazard(d, n))[inside])
    np.add.at(spread, band[inside], step_functions.greenwood_terms(d, n)[inside])
    start, end = edges[:-1], np.where(np.isfinite(edges[1:]), edges[1:], edges[:-1])
    known = np.isfinite(edges[1:]) & (n_reached > 0)
    known &= (group.duration[-1] >= end) | (stayed == 0)
    known &= group.unseen.first_unknown(start, end) < 0
    known &= ~group.unseen.starts_in_leading(start, end)
    seen = np.where(stayed > 0, group.at_risk(end), n_reached)
    return share_gone_with_bounds(np.where(known, stayed, np.nan), spread, seen, level)

"""Spells cut into intervals: the table from which any classifier learns who leaves next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, RetentionError, check_choice
from retention.frames import Frame, as_lazy, beside, collect, in_kind_of, table_like
from retention.names import inner_name
from retention.survival.counts.equal_moments import warn_of_ends
from retention.survival.counts.histories import read_spells
from retention.survival.counts.observation import unseen_between, warn_of_unseen_stretches
from retention.tables import LIFETIMES, refuse_hidden, require
from retention.tables.answer_columns import flags, gives, ids, optional_columns, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories
    from retention.survival.counts.observation import Unseen

Unit = Literal["day", "week", "month", "quarter", "year"]

DAYS_IN: Mapping[str, float] = {
    "day": 1.0,
    "week": 7.0,
    "month": 30.4375,
    "quarter": 91.3125,
    "year": 365.25,
}
"""Lengths of intervals; a year has 365.25 days, and a quarter and a month are their share of it."""

_FROM_THERE = "Predict from these rows for customers with a tenure of {until} or more."
_IDS = ("customer_id", "spell")


@gives(
    "spell and interval in which it was at risk",
    optional_columns(ids("customer_id"), whole_numbers("spell")),
    whole_numbers("interval"),
    flags("churned"),
    optional_columns(whole_numbers("n_spells")),
)
def person_periods(
    spells: IntoFrameT,
    *,
    unit: Unit = "month",
    duration_unit: Unit = "day",
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """Each spell as one row for every interval it was at risk in, with whether it ended there.

    Interval j covers the durations above (j − 1) units and up to j units. A spell that ended at t
    has rows up to the interval that holds t, `churned` in the last one. Of a spell that was seen no
    further than t only intervals that lie wholly within t have rows: what happened in the one under
    way is not known yet. With an `entry` e, only intervals that begin at e or later have rows.
    So no row says what was not known when its interval was over, and the share of `churned` in an
    interval estimates the chance of leaving in it, given still here as it begins.

    An end at duration 0 is in interval 0, which is there only if somebody ended so. Intervals in
    which nobody was at risk, under late entry, have no row, and a warning names them.

    Args:
        spells: as in `survival_curve`.
        unit: length of an interval: "day", "week", "month" (30.4375 days), "quarter" (three
            months) or "year" (365.25 days).
        duration_unit: what `duration` and `entry` count. If it is the same, they are taken as they
            are: months stay whole months, and an end at 3 is in interval 3.
        keep: columns carried along, such as covariates. They say what is known about the spell as
            a whole; take care that it was known when it began.

    Returns:
        One row per spell and interval, in the caller's kind: `customer_id` and `spell` where the
        spells have them, `interval` (1, 2, …), `churned` (the spell ended in it), `n_spells` where
        the spells have it (how many spells the row stands for), and the `keep` columns.

    Raises:
        RetentionError: if a unit is none of the five, or intervals are shorter than the unit of the
            durations.
        ColumnError: if a column is missing, named twice or has a meaning here already.
        ContentError: as `survival_curve`.

    Example:
        Ann left after 40 days, in her second month; Bob has been here for 70 days, of which two
        months are over.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"], "duration": [40, 70], "churned": [True, False],
        ... })
        >>> rt.survival.person_periods(spells, unit="month")
          customer_id  interval  churned
        0         Ann         1    False
        1         Ann         2     True
        2         Bob         1    False
        3         Bob         2    False

    Source:
        Allison, P. D. (1982), Sociological Methodology 13, 61–98. Singer, J. D. and Willett, J. B.
        (1993), Journal of Educational Statistics 18, 155–195.
    """
    per_unit = lengths_in_days(unit, duration_unit)
    names = [inner_name(name) for name in ([keep] if isinstance(keep, str) else keep)]
    wanted = [*_IDS, *names]
    present = as_lazy(spells, name="spells", only=[*LIFETIMES.names, *wanted]).collect_schema()
    _refuse_unfit_columns(names, present)
    ids = [name for name in _IDS if name in present]
    found = read_spells(spells, collapse=True)
    origin = first_interval(found)
    intervals_at_risk(found, per_unit)
    _warn_of_gaps(found, per_unit)
    frame = require(spells, LIFETIMES, extra=[*ids, *names], alone=True)
    if "set_aside" in present:
        frame = frame.filter(nw.col("set_aside").is_null())
    weight = ["n_spells"] if "n_spells" in present else []
    bounded = _spells_with_intervals(frame, per_unit, origin).select(
        *ids, "churned", *weight, *names, "_first", "_last"
    )
    expanded = bounded.join(
        beside(bounded, _rows_of_intervals(bounded, spells), name="intervals"),
        on=["_first", "_last"],
    )
    ended = nw.col("churned") & (nw.col("interval") == nw.col("_last"))
    rows = expanded.with_columns(churned=ended)
    rows = rows.select(*ids, "interval", "churned", *weight, *names)
    return in_kind_of(rows, spells, order=[*ids, "interval"], keep_type=[*ids, *weight, *names])


def lengths_in_days(unit: str, duration_unit: str) -> tuple[float, float]:
    """An interval's length and the durations' unit, in days.

    Raises:
        RetentionError: if one is not known, or intervals are shorter than the durations' unit.
    """
    check_choice("unit", unit, DAYS_IN)
    check_choice("duration_unit", duration_unit, DAYS_IN)
    if DAYS_IN[unit] < DAYS_IN[duration_unit]:
        raise RetentionError(
            f"unit={unit!r} is shorter than duration_unit={duration_unit!r}: durations in "
            f"{duration_unit}s do not say in which {unit} a spell ended."
        )
    return DAYS_IN[unit], DAYS_IN[duration_unit]


def first_interval(spells: Histories) -> int:
    """0 if somebody's end was seen at duration 0, else 1."""
    return 0 if (spells.churned & (spells.duration == 0)).any() else 1


def intervals_at_risk(
    spells: Histories, per_unit: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last interval of each row; none where the last comes before the first.

    Warns of durations that rounding alone puts beyond the end of an interval.
    """
    length, of_duration = per_unit
    warn_of_ends(spells.duration, length / of_duration, table="spells")
    time = spells.duration * of_duration / length
    last = np.where(spells.churned, np.ceil(time), np.floor(time)).astype(np.int64)
    first = np.full(last.size, first_interval(spells), np.int64)
    if spells.entry is not None:
        late = spells.entry > 0
        first[late] = np.ceil(spells.entry[late] * of_duration / length).astype(np.int64) + 1
    return first, last


def unseen_intervals(at_risk: NDArray[np.int64], origin: int, length: float) -> Unseen:
    """The stretches of intervals in which nobody was at risk.

    Args:
        at_risk: spells at risk in each interval, from the first to the last that was observed.
        origin: the number of the first.
        length: of an interval, in the unit of the durations.
    """
    empty = np.concatenate([[False], at_risk == 0, [False]])
    first, last = (np.flatnonzero(np.diff(empty * 1) == turn) for turn in (1, -1))
    since, until = ((origin + place - 1) * length for place in (first, last))
    return unseen_between(since, until, ended_at_start=origin == 0)


def _warn_of_gaps(spells: Histories, per_unit: tuple[float, float]) -> None:
    if spells.entry is None:
        return
    first, last = intervals_at_risk(spells, per_unit)
    there, origin = last >= first, first_interval(spells)
    if there.any():
        size = int(last[there].max()) - origin + 2
        begun, over = (
            np.bincount(at - origin, minlength=size) for at in (first[there], last[there] + 1)
        )
        unseen = unseen_intervals(np.cumsum(begun - over)[:-1], origin, per_unit[0] / per_unit[1])
        told = [("", unseen, 0.0, np.inf)]
        warn_of_unseen_stretches(
            told, _FROM_THERE, table="spells", beyond="there are no rows of that time"
        )


def _spells_with_intervals(frame: Frame, per_unit: tuple[float, float], origin: int) -> Frame:
    """The same as `intervals_at_risk`, by the engine that holds the spells."""
    length, of_duration = per_unit
    time = nw.col("duration").cast(nw.Float64) * of_duration / length
    last = nw.when(nw.col("churned")).then(time.ceil()).otherwise(time.floor())
    first = nw.lit(origin)
    if "entry" in frame.collect_schema():
        entry = nw.col("entry").cast(nw.Float64)
        late = nw.when(~entry.is_nan()).then(entry) * of_duration / length
        first = nw.when(late > 0).then(late.ceil() + 1).otherwise(nw.lit(float(origin)))
    return frame.with_columns(_first=first.cast(nw.Int64), _last=last.cast(nw.Int64))


def _rows_of_intervals(bounded: Frame, like: IntoFrameT) -> IntoFrameT:
    """For each pair of first and last interval that occurs the intervals between them."""
    pairs = collect(bounded.select("_first", "_last").unique())
    first, last = (pairs[name].astype(np.int64) for name in ("_first", "_last"))
    size = np.maximum(last - first + 1, 0)
    before = np.repeat(np.cumsum(size) - size, size)
    columns = {
        "_first": np.repeat(first, size),
        "_last": np.repeat(last, size),
        "interval": np.repeat(first, size) + np.arange(size.sum()) - before,
    }
    return table_like(columns, like)


def _refuse_unfit_columns(names: Sequence[str], present: Collection[str]) -> None:
    own = {taken.lower() for taken in LIFETIMES.names}
    for name in names:
        if str(name).lower() in own:
            raise ColumnError(f"keep: {name!r} is a column of spells itself.")
        if name not in present:
            raise ColumnError.unknown("keep", name, present)
    refuse_hidden(names, argument="keep")
    if len(set(names)) < len(names):
        raise ColumnError(f"keep names a column twice: {list(names)}.")

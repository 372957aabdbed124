"""What had come together of a customer by a day: one pass over dated rows for all days asked for.

How features are made of a table with dates. Take the snapshots and the table on one engine, say of
each row from when until when it counts, and ask:

    rows, log = tables_together(snapshots, contacts, CONTACTS, adds=names)    # days.asked_days
    day = periods.day_expr("date", log.implementation).cast(nw.Int64)
    dated = with_moments(log.select("customer_id", "hours", _one=ONE, _date=day), window=90)
    found = known_sums(rows, [Told(dated, (
        in_window("n_now", "_one"), in_window_before("n_before", "_one"),
        ever("n", "_one"), ever("hours", "hours"),
    ), most=("_date",))])
    answer = rows.join(found, on=["customer_id", "_day"], how="left")

`found` has `customer_id`, `_day` (each customer and day that was asked for, once), the sums under
their names, and the greatest `_date` by then; a sum of nothing is 0, the least or greatest of
nothing is null. A row counts on day a only if its date and, where it is later, the day `_known` on
which it was learnt are not after a. Spans are not windows alone: what was open, overdue or in force
on the day counts from one column of days until another, `Span("n_open", "_one", "_opened",
"_closed")`; a null end is open still.

Sums of whole numbers are exact, and so are those of amounts, which are added up in whole
parts: what is known of a day is the same to the last bit whether or not the log goes on after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.activity.from_contracts import rows_n_times
from retention.frames import Frame, collect
from retention.signals.days.asked_days import with_number_before
from retention.signals.known.exact_amounts import (
    exact_amount,
    exact_kind,
    exact_parts,
    with_exact_parts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ONE = nw.lit(1).cast(nw.Int64)
"""A column to count rows by."""

_FAR = 10**12
"""Beyond any day and whole number that is asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """A sum over the rows that count on a day: from one on, until before another.

    Attributes:
        name: what it is called.
        value: the column that is added up, of whole numbers or amounts; null counts as 0.
        start: the column of the first day on which a row counts; null if it never does.
        end: that of the first day on which it no longer does, null if it does for good; "" where
            all rows do.
    """

    name: str
    value: str
    start: str
    end: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A table of dated rows, and what is asked of it.

    Attributes:
        rows: `customer_id`, the columns of days (as numbers) and of values.
        spans: the sums.
        least: columns of whole numbers of which the least so far is asked for.
        most: those of which the greatest is.
        start: the column of the day from which on a row counts in these two.
    """

    rows: Frame
    spans: tuple[Span, ...]
    least: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    start: str = "_enters"


def ever(name: str, value: str) -> Span:
    """The sum over all rows by then, of a table with moments."""
    return Span(name, value, "_enters")


def in_window(name: str, value: str) -> Span:
    """The sum over the window that ends on the day, of a table with moments."""
    return Span(name, value, "_enters", "_passes")


def in_window_before(name: str, value: str) -> Span:
    """The sum over the window of the same length before that one, of a table with moments."""
    return Span(name, value, "_passes", "_leaves")


def with_moments(rows: Frame, *, window: int) -> Frame:
    """Rows with the days on which they come into the window of their date, the one before, and out.

    Args:
        rows: with `_date` and, where rows may have been learnt later, `_known`, as numbers of days.
        window: days of the window (a − window, a] of a day a; the one before it is as long.

    Returns:
        The same with `_enters` (the date, or the day on which it was learnt if later), `_passes`
        and `_leaves` (so many days after the date, but not before `_enters`).
    """
    enters = nw.col("_date")
    if "_known" in rows.collect_schema():
        late = nw.col("_known") > nw.col("_date")
        enters = nw.when(late).then(nw.col("_known")).otherwise(nw.col("_date"))
    dated = rows.with_columns(_enters=enters.cast(nw.Int64))
    moments = {"_passes": nw.col("_date") + window, "_leaves": nw.col("_date") + 2 * window}
    in_time = {
        name: nw.when(day > nw.col("_enters")).then(day).otherwise(nw.col("_enters"))
        for name, day in moments.items()
    }
    return dated.with_columns(**in_time)


def known_sums(asked: Frame, told: Sequence[Told]) -> Frame:
    """What the rows of some tables had come to, for each customer and day asked for.

    The rows are put to the first of the days on which they count, added up by customer and such
    day, and then along the days: the heaviest step is one grouping, and what is sorted afterwards
    has one row for each customer and day at most.

    Args:
        asked: customers and days, `customer_id` and `_day`.
        told: the tables, and what is asked of each. A name in several is summed over all.

    Returns:
        `customer_id`, `_day`, each once; the sums, the least, and the greatest, under their names.
    """
    days = _days_asked_for(asked)
    figures = _Figures.of(told, asked)
    day = nw.col("_day").cast(nw.Int64)
    dated = with_number_before(asked.select("customer_id", _at=day, _asked=day), "_at", days)
    questions = dated.select("customer_id", "_asked", "_n_at", **figures.nothing)
    rows = nw.concat([questions, *(_events_of(one, figures, days) for one in told)])
    each = rows.group_by("customer_id", "_n_at").agg(
        nw.col("_asked").max(),
        *(nw.col(name).sum() for name in figures.sums),
        *(nw.col(name).min() for name in figures.least),
        *(nw.col(name).max() for name in figures.most),
    )
    found = _added_up_along_days(each, figures).filter(nw.col("_asked") > -_FAR)
    ends = {
        name: nw.when(nw.col(name).abs() < _FAR).then(nw.col(name))
        for name in (*figures.least, *figures.most)
    }
    sums = {
        name: exact_amount(name, asked) if is_amount else nw.col(name)
        for name, is_amount in figures.amounts.items()
    }
    return found.select("customer_id", _day=nw.col("_asked"), **sums, **ends)


@dataclass(frozen=True, slots=True)
class _Figures:
    """What is asked for, and how the engine holds it.

    Attributes:
        amounts: the names of the sums, and whether they are of amounts rather than whole numbers.
        least: the names of the least values.
        most: those of the greatest.
        frame: a frame over the engine.
    """

    amounts: Mapping[str, bool]
    least: tuple[str, ...]
    most: tuple[str, ...]
    frame: Frame

    @classmethod
    def of(cls, told: Sequence[Told], frame: Frame) -> _Figures:
        """Those of some tables."""
        amounts: dict[str, bool] = {}
        for one in told:
            schema = one.rows.collect_schema()
            for span in one.spans:
                is_amount = schema[span.value].is_float()
                amounts[span.name] = amounts.get(span.name, False) or is_amount
        least = tuple(name for one in told for name in one.least)
        return cls(amounts, least, tuple(name for one in told for name in one.most), frame)

    @property
    def sums(self) -> dict[str, Any]:
        """The columns that are added up, and the type of each."""
        wide = exact_kind(self.frame)
        return {
            part: wide if is_amount else nw.Int64
            for name, is_amount in self.amounts.items()
            for part in _parts(name, self.frame if is_amount else None)
        }

    @property
    def nothing(self) -> dict[str, nw.Expr]:
        """What a row says that tells nothing."""
        none = {name: nw.lit(0).cast(kind) for name, kind in self.sums.items()}
        none |= {name: nw.lit(_FAR).cast(nw.Int64) for name in self.least}
        return none | {name: nw.lit(-_FAR).cast(nw.Int64) for name in self.most}


def _days_asked_for(asked: Frame) -> NDArray[np.int64]:
    """The different days, in order; some day where there is none."""
    found = collect(asked.select("_day").unique())["_day"].astype(np.int64)
    return np.sort(found) if found.size else np.zeros(1, np.int64)


def _added_up_along_days(each: Frame, figures: _Figures) -> Frame:
    """What had come together by each day, of what each brought."""
    typed = each.with_columns(nw.col(name).cast(kind) for name, kind in figures.sums.items())
    running = {name: nw.col(name).cum_sum() for name in figures.sums}
    running |= {name: nw.col(name).cum_min() for name in figures.least}
    running |= {name: nw.col(name).cum_max() for name in figures.most}
    along = {name: so_far.over("customer_id", order_by="_n_at") for name, so_far in running.items()}
    found = typed.with_columns(**along)
    return found.with_columns(nw.col(name).cast(kind) for name, kind in figures.sums.items())


def _events_of(told: Told, figures: _Figures, days: NDArray[np.int64]) -> Frame:
    """What changes on which day: a row comes into the sums it belongs to, and goes out again."""
    moments = _moments_of(told)
    split = told.rows.with_columns(_n=nw.lit(len(moments)).cast(nw.Int64))
    for value, is_amount in {one.value: figures.amounts[one.name] for one in told.spans}.items():
        split = _with_parts_of_value(split, value, is_amount)
    each = rows_n_times(split, len(moments))
    place = {name: nw.col("_place") == k for k, name in enumerate(moments)}
    changes = figures.nothing
    for one in told.spans:
        changes |= _changes_of_sum(one, figures, place)
    for name in (*told.least, *told.most):
        known = nw.col(name).fill_null(_FAR if name in told.least else -_FAR).cast(nw.Int64)
        changes[name] = nw.when(place[told.start]).then(known).otherwise(changes[name])
    at = nw.lit(_FAR).cast(nw.Int64)
    for name, here in place.items():
        at = nw.when(here).then(nw.col(name).fill_null(_FAR).cast(nw.Int64)).otherwise(at)
    in_time = each.with_columns(_at=at).filter(nw.col("_at") <= int(days[-1]))
    dated = with_number_before(in_time, "_at", days)
    told_of_none = {"_asked": nw.lit(-_FAR).cast(nw.Int64), "_n_at": nw.col("_n_at")}
    return dated.select("customer_id", **told_of_none, **changes)


def _moments_of(told: Told) -> list[str]:
    """The columns of days on which something changes, each once."""
    ends = [name for one in told.spans for name in (one.start, one.end) if name]
    return list(dict.fromkeys([*ends, *([told.start] if told.least or told.most else [])]))


def _changes_of_sum(
    one: Span, figures: _Figures, place: Mapping[str, nw.Expr]
) -> dict[str, nw.Expr]:
    """What a row adds to the parts of a sum, or takes from them, at each of its moments."""
    counts = place[one.start]
    if one.end:
        lasting = nw.col(one.end).is_null() | (nw.col(one.end) > nw.col(one.start))
        counts = counts & lasting
    frame = figures.frame if figures.amounts[one.name] else None
    changes, parts = {}, _parts(f"_part {one.value}", frame)
    for made, part in zip(_parts(one.name, frame), parts, strict=True):
        value = nw.col(part)
        change = nw.when(counts).then(value).otherwise(nw.lit(0))
        if one.end:
            ends = place[one.end] & (nw.col(one.end) > nw.col(one.start))
            change = nw.when(ends).then(value * -1).otherwise(change)
        changes[made] = change.cast(figures.sums[made])
    return changes


def _with_parts_of_value(rows: Frame, value: str, is_amount: bool) -> Frame:
    """A column as whole numbers: itself, or the parts of an amount."""
    if is_amount:
        return with_exact_parts(rows, value, f"_part {value}")
    return rows.with_columns(nw.col(value).fill_null(0).cast(nw.Int64).alias(f"_part {value}"))


def _parts(name: str, frame: Frame | None) -> list[str]:
    """The columns of a sum: of an amount its parts on the engine of a frame, else itself."""
    return [name] if frame is None else exact_parts(name, frame)

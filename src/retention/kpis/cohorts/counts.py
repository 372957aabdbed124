"""From activity to the counts and sums behind a cohort table: who was back at which age.

The user's engine puts each customer's periods beside the one they began in and counts; what comes
back is one row per segment, start and age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.base_and_later import activity_by_segments, has_starts
from retention.activity.window import CONSTANTS, window_of
from retention.errors import ContentError, RetentionError, warn
from retention.frames import Columns, Frame, collect, count, is_at_hand, one_row, with_first
from retention.kpis.cohorts.stretches_at_hand import ages_at_hand
from retention.tables import ACTIVITY, refuse_several_each, require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.tables import Adds

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_WHO = "customer_id"
_NOBODY = "there is no customer to follow"
_SUMS = ("_y", "_xx", "_xy", "_yy", "_unknown")


@dataclass(frozen=True, slots=True)
class Ageing:
    """What the user asked of a cohort table: who belongs to a cohort, and how age is counted."""

    kind: str
    measure: str
    basis: str
    edges: tuple[int, ...]
    cohorts: str
    freq: str | None
    clock: str
    week_start: str

    @property
    def in_money(self) -> bool:
        """Whether sales or profit are summed, not customers alone."""
        return self.measure != "customers"

    def adds_up(self, seen: Seen | None) -> bool:
        """Whether money of several periods of the activity makes a cell, refunds alone included."""
        longer = seen is not None and (seen.merged or seen.size > 1)
        return self.in_money and (longer or self.kind == "bracket")

    @property
    def is_plain(self) -> bool:
        """Whether customers begin once, and each active period of theirs makes a cell."""
        begin_once = self.kind != "bracket" and self.cohorts in ("first", "attribute")
        return begin_once and not self.is_converted

    @property
    def is_converted(self) -> bool:
        """Whether periods are other ones than those of the activity."""
        return self.freq is not None or self.clock == "elapsed" or self.shift > 0

    @property
    def shift(self) -> int:
        """How many days after Monday weeks begin."""
        return WEEKDAYS.index(self.week_start)


@dataclass(frozen=True, slots=True)
class Seen:
    """The periods that were observed whole: cohorts in steps of `freq`, starts in their own unit.

    A start is a period, or with elapsed weeks a day (`by_day`); an age is `size` of these. `merged`
    periods are made of the days of the activity.
    """

    first: int
    last: int
    freq: str
    until: int
    size: int = 1
    shift: int = 0
    by_day: bool = False
    merged: bool = False

    def cohort_of(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The period in which each start lies."""
        if not self.by_day:
            return starts
        days, place = np.unique(starts, return_inverse=True)
        steps = [periods.step_of(periods.day_of(day - self.shift), self.freq) for day in days]
        return np.array(steps, dtype=np.int64)[place]

    def follow_up(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The last age that was observed whole for who began then; below 0 where none was."""
        return (self.until + 1 - starts) // self.size - 1

    def first_start(self, step: int) -> int:
        """The first start that lies in a period."""
        return periods.first_day_number(step, self.freq) + self.shift if self.by_day else step

    def first_days(self, steps: NDArray[np.int64]) -> NDArray[np.datetime64]:
        """The first days of periods, whichever day their weeks begin on."""
        return periods.first_days(steps, self.freq) + np.timedelta64(self.shift, "D")


def count_ages(activity: object, asked: Ageing, by: Sequence[str]) -> tuple[Columns, Seen]:
    """Count who was back at which age, and sum their money, for each segment and start.

    Returns:
        One row per segment, start, `_cell` (an age; for on_or_after the last age; for brackets
        their number, −1 outside) and `_begun` (1 where the row holds the customers' first age): `n`
        and the sums; and what was observed.

    Raises:
        ContentError: if the activity is empty, or no period of the length asked for is whole.
        RetentionError: if the activity cannot serve the clock, weeks or length asked for.
    """
    adds: Adds = "within" if asked.in_money else "none"
    plain = asked.is_plain and is_at_hand(activity)
    # once, so that its parts can be joined
    scanned = require(activity, ACTIVITY, extra=by, adds=adds, by_row=plain)
    if asked.in_money:
        refuse_several_each(scanned, ACTIVITY, by)
    # Who is active in a period, new or not, needs no start: of contracts, those at its opening.
    starts = has_starts(scanned) and asked.cohorts != "every"
    firm, _ = activity_by_segments(scanned, (), adds="none", starts=starts, by_row=plain)
    seen = window_in_length(firm, asked, starts) if asked.is_converted else None
    counted = None
    if plain and not starts:
        counted = ages_at_hand(
            firm if asked.in_money and not by else scanned,
            by,
            until=asked.kind == "on_or_after",
            money=asked.measure if asked.in_money else None,
            base=asked.basis == "base",
        )
    if counted is None:
        parts = activity_by_segments(scanned, by, adds="none", starts=starts)[0] if by else None
        counted = _ages_by_query(firm, parts, asked, seen, by)
    if seen is None:
        limits = window_of(firm, empty=_NOBODY, counted=counted)
        seen = (
            _contracts_observed(limits, counted["_start"])
            if starts
            else Seen(*limits, until=limits.last_step)
        )
    return {name: values for name, values in counted.items() if name not in CONSTANTS}, seen


def _ages_by_query(
    firm: Frame, parts: Frame | None, asked: Ageing, seen: Seen | None, by: Sequence[str]
) -> Columns:
    """The counts and sums by the user's engine."""
    aged = _rows_with_age(activity_by_unit(firm, asked, seen), asked, seen)
    cells = _customers_in_cells(aged, asked)
    if parts is not None:
        size = 1 if seen is None else seen.size
        begun = _segments_of_first_age(activity_by_unit(parts, asked, seen, by), by, size)
        cells = cells.join(begun, on=[_WHO, "_start"], how="inner")
    return _counts_of_cells(cells, asked, by)


def _contracts_observed(limits: periods.Window, started: NDArray[np.int64]) -> Seen:
    """What was observed of contracts: all starts of a period once the next one has opened.

    The first contract of the file may begin before the first opening.
    """
    first, last, freq = limits
    return Seen(min(first, int(started.min(initial=first))), last - 1, freq, until=last)


def window_in_length(firm: Frame, asked: Ageing, starts: bool) -> Seen:
    """What was observed, in periods of the length asked for."""
    first, last, own = window_of(firm, empty=_NOBODY)
    last -= starts  # of contracts, the last day is the one that opens after `as_of`
    freq = str(asked.freq or own)
    _refuse_untellable_time(own, freq, asked)
    if freq == own:
        return Seen(first, last, freq, until=last + starts)
    if starts and asked.clock == "calendar":
        raise RetentionError(
            f"The activity is of contracts by day, and cohorts by {freq} follow them from opening "
            f"to opening: make it with `contract_periods(..., freq={freq!r})`, or say "
            "`clock='elapsed'` with weeks, which begin on the first day of each customer."
        )
    begun = first
    if starts:  # whenever in its week a first contract began, it was seen from its first day
        begun = min(first, int(one_row(firm.select(nw.col("started").min()))["started"]))
        step = periods.step_of(periods.day_of(begun - asked.shift), freq)
        begun = periods.first_day_number(step, freq) + asked.shift
    begin, end = (periods.day_of(day - asked.shift) for day in (begun, last))
    whole = periods.whole_periods(begin, end, freq)
    if not whole.n_steps > 0:
        days = f"{periods.label(first, own)} to {periods.label(last, own)}"
        raise ContentError(f"There is no whole {freq} within the days of the activity, {days}.")
    _warn_of_the_edge(begin, whole)
    if asked.clock == "elapsed":
        return Seen(*whole, until=last, size=7, shift=asked.shift, by_day=True)
    return Seen(*whole, until=whole.last_step, shift=asked.shift, merged=True)


def _warn_of_the_edge(begin: date, whole: periods.Window) -> None:
    """Warn of a first period of which days were not observed: who began then is in no cohort.

    Not of a week, of which six days at most lack, and which seldom begins on the day that was said.
    """
    if whole.begins > begin and periods.length_of(whole.freq) != "week":
        lacking = periods.step_of(begin, whole.freq)
        warn(
            f"Left out, as not observed whole: {periods.label(lacking, whole.freq)} (the days of "
            f"the activity begin on {begin}). If nobody was a customer before, make the activity "
            f"with `observed_from='{periods.first_day(lacking, whole.freq)}'`."
        )


def _refuse_untellable_time(own: str, freq: str, asked: Ageing) -> None:
    """Refuse a clock, weeks or a length that the activity cannot tell."""
    if own != "day" and (freq != own or asked.clock == "elapsed" or asked.shift):
        raise RetentionError(
            f"The activity is by {own}, and a {own} does not say on which day it was. For another "
            "freq, `clock='elapsed'` or weeks that begin on another day, start from "
            "customer_periods(..., `freq='day'`)."
        )
    if asked.shift and freq != "week":
        raise RetentionError(
            f"`week_start={asked.week_start!r}` says where weeks begin, but periods are of a "
            f"{freq}. "
            "Say `freq='week'` as well."
        )
    if asked.clock == "elapsed" and freq not in ("day", "week"):
        raise RetentionError(
            f"`clock='elapsed'` counts days since the start, and a {freq} has no fixed number of "
            "them. Say `freq='day'` or 'week', with `kind='bracket'` for longer ages: 30 days, "
            "90 days."
        )


def activity_by_unit(
    frame: Frame, asked: Ageing, seen: Seen | None, by: Sequence[str] = ()
) -> Frame:
    """Who was active when, one row per customer and unit of time, with its money as `_y`."""
    kept = [_WHO, *by]
    money = nw.col(asked.measure if asked.in_money else "sales")
    rows = frame.with_columns(_unit=nw.col("step"))
    if "started" in frame.collect_schema():
        # Whose start was not observed is in no cohort: others of theirs had left before.
        earliest = nw.col("step").min().over(_WHO)
        rows = rows.with_columns(_earliest=earliest).filter(
            nw.col("_earliest") == nw.col("started")
        )
        at_start = nw.col(f"{asked.measure}_at_start" if asked.in_money else "sales_at_start")
        money = nw.when(nw.col("step") == nw.col("started")).then(at_start).otherwise(money)
    elif not asked.adds_up(seen):
        rows = rows.filter(nw.col("active"))
    if asked.in_money:
        rows = rows.with_columns(_y=money, _unknown=count(money.is_null()))
        kept += ["_y", "_unknown"]
    if asked.adds_up(seen):
        starts = "started" in frame.collect_schema()
        rows = rows.with_columns(_on=nw.lit(1) if starts else count(nw.col("active")))
        kept += ["_on"]
    if seen is None:
        return rows.select(*kept, "_unit", *CONSTANTS)
    if not seen.merged:
        return rows.select(*kept, "_unit")
    numbered = rows.with_columns(_day=nw.col("step") - seen.shift)
    numbered = numbered.with_columns(_unit=periods.step_expr("period", "_day", seen.freq))
    merged = _rows_made_one(numbered.select(*kept, "_unit"), [_WHO, *by, "_unit"])
    return _rows_of_whole_cells(merged.filter(nw.col("_unit") <= seen.last), asked)


def _segments_of_first_age(units: Frame, by: Sequence[str], size: int) -> Frame:
    """The segments of each customer and start: those of the whole first age, of `size` units."""
    units = _active_rows(units)
    if size == 1:
        return units.select(_WHO, *by, _start=nw.col("_unit"))
    first = units.with_columns(_start=nw.col("_unit").min().over(_WHO))
    first = first.filter(nw.col("_unit") < nw.col("_start") + size)
    return first.group_by(_WHO, *by, "_start").agg(nw.len().alias("_n")).drop("_n")


def _rows_made_one(rows: Frame, keys: Sequence[str]) -> Frame:
    """Rows with the same keys made one: their money summed, unknown where a part is unknown."""
    names = rows.collect_schema().names()
    sums = [nw.col(name).sum() for name in ("_y", "_unknown") if name in names]
    most = [nw.col(name).max() for name in ("_x", "_begun", "_on") if name in names]
    one = rows.group_by(*keys).agg(nw.len().alias("_n"), *sums, *most, *_constants(rows)).drop("_n")
    return one.with_columns(_y=_money_if_known("_y")) if sums else one


def _rows_of_whole_cells(rows: Frame, asked: Ageing) -> Frame:
    """The rows with activity, once they are whole cells: in brackets several make one."""
    if "_on" not in rows.collect_schema() or asked.kind == "bracket":
        return rows
    return rows.filter(nw.col("_on") == 1).drop("_on")


def _active_rows(rows: Frame) -> Frame:
    return rows.filter(nw.col("_on") == 1) if "_on" in rows.collect_schema() else rows


def _constants(rows: Frame) -> list[nw.Expr]:
    """The constants of the activity, as far as they are carried along."""
    names = rows.collect_schema().names()
    return [nw.col(name).min() for name in CONSTANTS if name in names]


def _money_if_known(money: str) -> nw.Expr:
    return nw.when(nw.col("_unknown") == 0).then(nw.col(money))


def _rows_with_age(rows: Frame, asked: Ageing, seen: Seen | None) -> Frame:
    """Each row beside the start it counts from (`_start`), its age and the first age's money."""
    if asked.cohorts == "every":
        return _rows_from_every_start(rows, asked)
    weekly = seen is not None and seen.size > 1
    if asked.kind == "on_or_after" and not (asked.in_money or weekly):
        ends = rows.group_by(_WHO).agg(
            nw.col("_unit").min().alias("_start"),
            nw.col("_unit").max().alias("_last"),
            *_constants(rows),
        )
        return ends.with_columns(_age=nw.lit(0), _cell=nw.col("_last") - nw.col("_start"))
    money = "_y" if asked.in_money else None
    if seen is not None and weekly:
        rows = _rows_of_whole_cells(
            _days_in_elapsed_weeks(_rows_since_first(rows, None), seen), asked
        )
        aged = with_first(rows, _WHO, "_age", "_zero", money).drop("_zero")
    else:
        aged = _rows_since_first(rows, money)
        aged = aged.with_columns(_age=nw.col("_unit") - nw.col("_start"))
    if asked.kind == "on_or_after":
        aged = aged.with_columns(_cell=nw.col("_age").max().over(_WHO))
    return aged


def _rows_since_first(rows: Frame, money: str | None) -> Frame:
    """Rows from the customer's first activity on, beside when that was and its money."""
    if "_on" not in rows.collect_schema():
        return with_first(rows, _WHO, "_unit", "_start", money)
    rows = rows.with_columns(_when=nw.when(nw.col("_on") == 1).then(nw.col("_unit")))
    begun = with_first(rows, _WHO, "_when", "_start", money).drop("_when")
    return begun.filter(nw.col("_unit") >= nw.col("_start"))


def _days_in_elapsed_weeks(days: Frame, seen: Seen) -> Frame:
    """Days put into weeks since the start, as far as these were observed whole."""
    aged = days.with_columns(_age=(nw.col("_unit") - nw.col("_start")) // seen.size)
    closed = nw.col("_start") + (nw.col("_age") + 1) * seen.size <= seen.until + 1
    aged = aged.filter((nw.col("_age") == 0) | closed).drop("_unit")
    return _rows_made_one(aged, [_WHO, "_start", "_age"])


def _rows_from_every_start(rows: Frame, asked: Ageing) -> Frame:
    """The same with a start in every period in which the customer was active."""
    base = {"_x": nw.col("_y")} if asked.in_money else {}
    begun = rows.with_columns(_start=nw.col("_unit"), **base)
    if asked.kind == "on_or_after":
        last = nw.col("_unit").max().over(_WHO)
        return begun.with_columns(_age=nw.lit(0), _cell=last - nw.col("_unit"))
    starts = _active_rows(begun).select(_WHO, "_start", *base)
    pairs = rows.join(starts, on=_WHO, how="inner").filter(nw.col("_unit") >= nw.col("_start"))
    return pairs.with_columns(_age=nw.col("_unit") - nw.col("_start"))


def _customers_in_cells(aged: Frame, asked: Ageing) -> Frame:
    """One row per customer, start and cell of the table, `_begun` where it holds the first age."""
    rows = aged.with_columns(_begun=count(nw.col("_age") == 0))
    if asked.kind == "on_or_after":
        return rows.filter(nw.col("_begun") == 1)
    if asked.kind == "on":
        return rows.with_columns(_cell=nw.col("_age"))
    place = nw.sum_horizontal(*(count(nw.col("_age") >= edge) for edge in asked.edges)) - 1
    beyond = nw.col("_age") >= asked.edges[-1]
    rows = rows.with_columns(_cell=nw.when(beyond).then(nw.lit(-1)).otherwise(place))
    return _active_rows(_rows_made_one(rows, [_WHO, "_start", "_cell"]))


def _counts_of_cells(cells: Frame, asked: Ageing, by: Sequence[str]) -> Columns:
    found = [nw.len().alias("_n")]
    found += _constants(cells)
    if asked.in_money:
        x, y = nw.col("_x"), nw.col("_x" if asked.basis == "base" else "_y")
        unknown = count(x.is_null() | y.is_null())
        cells = cells.with_columns(_y=y, _xx=x * x, _xy=x * y, _yy=y * y, _unknown=unknown)
        found += [nw.col(name).sum() for name in ("_x", *_SUMS)]
    keys = ["_start", "_cell", "_begun"]
    grouped = cells.group_by(*by, *keys).agg(*found)
    return collect(grouped.with_columns(nw.col(*keys, "_n").cast(nw.Int64)))

"""Holes in a log of orders: days on which nobody at all bought, between busy ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import warn
from retention.frames import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Frame

    Days = NDArray[np.int64]
    Customers = Callable[[int, int], int]


class Hole(NamedTuple):
    """Its first day and the day after its last, as numbers, and how many bought all the same."""

    opens: int
    ends: int
    customers: int = 0


BUSY = 10
"""Where so many were customers just before and just after, chance does not make a time empty."""

_DAYS_OFF, _HOLIDAYS = 7, 14
"""Shorter silences are days off; up to the second, in days, they are at the turn of a year."""

_USUAL, _UNLIKE = 0.95, 1.8
"""Of the pauses between days with orders so many are usual; a hole is so many times as long."""

_ENOUGH = 20
"""Pauses, below which none tells which are usual."""

_STRAY, RARE = 3, 20
"""So many lines alone in a silence are strays; there are so many times as many customers beside."""

_YEAR, _SEASON = 365.25, 21
"""What comes again after whole years, give or take so many days, is a season."""


def is_closing_time(opens: int, ends: int) -> bool:
    """Whether a silence is no longer than shops are closed: a few days, or about the year's turn.

    Args:
        opens: its first day, as a number of days since 1970-01-01.
        ends: the day after its last.
    """
    if ends - opens < _DAYS_OFF:
        return True
    turn = {(12, 25), (12, 26), (12, 31), (1, 1)}
    days = [periods.day_of(day) for day in range(opens, min(ends, opens + _HOLIDAYS))]
    return ends - opens <= _HOLIDAYS and any((day.month, day.day) in turn for day in days)


def warn_of_hole(
    lines: Frame,
    day: str,
    *,
    as_of: date,
    least: int,
    then: str,
    since: date | None = None,
    whole: str | None = None,
    known: tuple[Days, Days] | None = None,
) -> None:
    """Warn where nobody bought for a time, between busy ones: it may lack in the file.

    Args:
        lines: order lines.
        day: the column of their days: midnights, or numbers of days since 1970-01-01.
        as_of: the last observed day.
        least: days; shorter silences do no harm.
        then: what a hole does to the answer, and what to do, with {since} for the day after it.
        since: the first observed day, where it is known.
        whole: a length of periods, of which one that is empty is told elsewhere.
        known: the days with lines and how many each has, where a look has told them already.
    """
    numbered = lines.collect_schema()[day].is_numeric()
    every, n = known or _lines_by_day(lines, day, numbered)
    seen = every <= periods.number_of(as_of)
    if since is not None:
        seen &= every >= periods.number_of(since)
    days, n = every[seen], n[seen]

    def day_value(number: int) -> nw.Expr:
        if numbered:
            return nw.lit(number)
        return periods.day_literal(periods.day_of(number), lines.implementation)

    def customers_between(first: int, last: int) -> int:
        some = lines.filter(nw.col(day) >= day_value(first), nw.col(day) <= day_value(last))
        counted = collect(some.select(nw.col("customer_id").n_unique().alias("n")))["n"]
        return int(np.nan_to_num(counted[0]))  # DuckDB counts nobody as null

    tell_of_hole(hole_among(days, n, customers_between, least=least), then=then, whole=whole)


def _lines_by_day(lines: Frame, day: str, numbered: bool) -> tuple[Days, Days]:
    found = collect(lines.group_by(day).agg(nw.len().alias("n")))
    every = found[day].astype(np.int64) if numbered else periods.day_numbers(found[day])
    order = np.argsort(every)
    return every[order], found["n"][order].astype(np.int64)


def days_of_lines(
    day: NDArray[np.integer[Any]],
    customer: NDArray[np.integer[Any]],
    *,
    since: int | None,
    until: int,
) -> tuple[Days, Days, Customers]:
    """What `hole_among` asks of lines at hand: the days with lines, how many, and for customers.

    Args:
        day: of each line, as a number of days since 1970-01-01.
        customer: who bought, as any number.
        since: the first day that counts, None where all do.
        until: the last.
    """
    low = int(day.min())
    n = np.bincount(day - low)
    days = np.flatnonzero(n) + low
    days = days[(days <= until) & (days >= (low if since is None else since))]

    def customers(first: int, last: int) -> int:
        return int(np.unique(customer[(day >= first) & (day <= last)]).size)

    return days, n[days - low], customers


def tell_of_hole(hole: Hole | None, *, then: str, whole: str | None = None) -> None:
    """The warning of a hole, if there is one, unless it empties a whole period."""
    if hole is None:
        return
    opens, ends = periods.day_of(hole.opens), periods.day_of(hole.ends)
    if whole and periods.step_of(ends, whole) - periods.step_of(opens, whole) > 1:
        return
    length, who = hole.ends - hole.opens, "Hardly anybody" if hole.customers else "Nobody at all"
    warn(
        f"{who} bought from {opens} to {periods.days_after(ends, -1)} ({length:,} days), "
        f"between busy times. If that lacks in the file, {then.format(since=ends)}"
    )


def hole_among(days: Days, n: Days, customers: Customers, *, least: int) -> Hole | None:
    """The longest time without orders, but for a stray one, between busy times.

    Args:
        days: the days with orders, each once, rising.
        n: how many lines each has.
        customers: how many customers bought from one day to another.
        least: days; shorter silences do no harm.

    Returns:
        None if there is none.
    """
    pauses = np.diff(days)
    if pauses.size < _ENOUGH:
        return None
    usual = np.quantile(pauses, _USUAL, method="lower")
    long = np.flatnonzero((pauses > _DAYS_OFF) & (pauses > _UNLIKE * usual))
    silences = _merged_pauses(days, n, long)
    so_far = np.concatenate([[0], np.cumsum(n)])

    def lines_between(first: int, last: int) -> int:
        ends = np.searchsorted(days, [first, last + 1])
        return int(so_far[ends[1]] - so_far[ends[0]])

    for opens, ends, _ in sorted(silences, key=lambda one: one.opens - one.ends):
        length = ends - opens
        if length < max(least, _DAYS_OFF) or is_closing_time(opens, ends):
            continue
        # Fewer lines than customers that are wanted: nobody need be counted.
        few = (
            min(lines_between(opens - length, opens - 1), lines_between(ends, ends + length - 1))
            < BUSY
        )
        if few or _recurs_yearly(Hole(opens, ends), silences):
            continue
        within = customers(opens, ends - 1)
        busy = min(customers(opens - length, opens - 1), customers(ends, ends + length - 1))
        if busy >= max(BUSY, RARE * within):
            return Hole(opens, ends, within)
    return None


def _merged_pauses(days: Days, n: Days, long: NDArray[np.intp]) -> list[Hole]:
    """Long pauses, those made one between which there is a stray order or two."""
    if not long.size:
        return []
    between = np.add.reduceat(n, [0, *(long + 1)])
    found: list[Hole] = []
    for number, place in enumerate(long.tolist()):
        opens, ends = int(days[place]) + 1, int(days[place + 1])
        if found and number > 0 and between[number] <= _STRAY:
            opens = found.pop().opens
        found.append(Hole(opens, ends))
    return found


def _recurs_yearly(hole: Hole, silences: Sequence[Hole]) -> bool:
    """Whether a like silence lies some years before or after: a season, or holidays."""
    for other in silences:
        years = round((other.opens - hole.opens) / _YEAR)
        off = abs(other.opens - hole.opens - years * _YEAR)
        if years and off <= _SEASON and 2 * (other.ends - other.opens) >= hole.ends - hole.opens:
            return True
    return False

"""Holes in a log of orders: days on which nobody at all bought, between busy ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import warn
from retention.frames import collect

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Frame

    Days = NDArray[np.int64]
    Customers = Callable[[int, int], int]

BUSY = 10
"""Where so many were customers just before and just after, chance does not make a time empty."""

_DAYS_OFF, _HOLIDAYS = 7, 14
"""Shorter silences are days off; up to the second, in days, they are at the turn of a year."""

_USUAL, _UNLIKE = 0.95, 1.8
"""Of the pauses between days with orders so many are usual; a hole is so many times as long."""


def closed(opens: int, ends: int) -> bool:
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


def warn_of_hole(lines: Frame, day: str, *, as_of: date, least: int, then: str) -> None:
    """Warn where nobody bought for a time, between busy ones: it may lack in the file.

    Args:
        lines: order lines.
        day: the column of their days, as numbers of days since 1970-01-01.
        as_of: the last observed day.
        least: days; shorter silences do no harm.
        then: what a hole does to the answer, and what to do.
    """
    until = periods.number_of(as_of)
    days = collect(lines.filter(nw.col(day) <= until).select(_at=nw.col(day)).unique())["_at"]

    def customers(first: int, last: int) -> int:
        some = lines.filter(nw.col(day) >= first, nw.col(day) <= last)
        found = collect(some.select(nw.col("customer_id").n_unique().alias("n")))["n"]
        return int(found[0])

    warn_of_hole_among(np.sort(days.astype(np.int64)), customers, least=least, then=then)


def warn_of_hole_among(days: Days, customers: Customers, *, least: int, then: str) -> None:
    """The same, of the days with orders at hand.

    Args:
        days: each once, rising.
        customers: how many there are from one day to another.
        least: days; shorter silences do no harm.
        then: what a hole does to the answer, and what to do; with {since} for the day after it.
    """
    pauses = np.diff(days)
    if not pauses.size:
        return
    usual = np.quantile(pauses, _USUAL, method="lower")
    long = np.flatnonzero((pauses > max(least, _DAYS_OFF)) & (pauses > _UNLIKE * usual))
    for place in long[np.argsort(-pauses[long], kind="stable")].tolist():
        before, after, length = int(days[place]), int(days[place + 1]), int(pauses[place]) - 1
        busy = customers(before - length + 1, before), customers(after, after + length - 1)
        if min(busy) >= BUSY and not closed(before + 1, after):
            since, begun = periods.day_of(after), periods.day_of(before + 1)
            warn(
                f"Nobody at all bought from {begun} to {periods.day_of(after - 1)} ({length:,} "
                f"days), between busy times. If that lacks in the file, {then.format(since=since)}"
            )
            return

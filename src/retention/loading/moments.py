"""Points in time from whole seconds, the offsets of a time zone, and what can be wrong with a date.

A moment is counted in seconds since 1970-01-01 00:00 of the calendar on the wall.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from retention import periods
from retention.loading.checks import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from retention.frames import Frame

EARLIEST, LATEST = -30_610_224_000, 253_402_300_799
"""Seconds of 1000-01-01 and of the end of 9999: what every engine can write."""

_SHIFT = 719_468  # days that make any day since the year 0 positive, where all engines divide alike


def with_month(frame: Frame, at: str) -> Frame:
    """The frame with `{at}first`, the first day of a month, and `{at}length`, how many days it has.

    The month is given by `{at}year` and `{at}month`; days are counted from 1970-01-01.
    """
    year, month = nw.col(f"{at}year"), nw.col(f"{at}month")
    leap = (year // 4 * 4 == year) & ((year // 100 * 100 != year) | (year // 400 * 400 == year))
    february = nw.when(leap).then(nw.lit(29)).otherwise(nw.lit(28))
    length = nw.when(month == 2).then(february).otherwise(nw.lit(31))
    length = nw.when(month.is_in([4, 6, 9, 11])).then(nw.lit(30)).otherwise(length)
    frame = frame.with_columns(
        length.alias(f"{at}length"), (year * 12 + month - 1).alias(f"{at}step")
    )
    first = periods.first_number(nw.col(f"{at}step"), "month")
    return frame.with_columns(first.alias(f"{at}first"))


def with_moment(frame: Frame, seconds: str, where: nw.Expr, name: str) -> Frame:
    """The frame with a naive time from a column of whole seconds, null where `where` fails."""
    day, moment = f"{name}_day", f"{name}_moment"
    whole = (nw.col(seconds) + _SHIFT * 86_400) // 86_400 - _SHIFT
    frame = frame.with_columns(whole.cast(nw.Int64).alias(day))
    date = periods.date_expr(nw.col(day), frame.implementation).alias(moment)
    if isinstance(frame.select(date).collect_schema()[moment], nw.Datetime):
        time = (nw.col(seconds) * 1_000_000).cast(
            nw.Datetime("us")
        )  # where a day is a time already
    else:
        frame, time = _clocked(frame.with_columns(date), seconds, day, moment)
    frame = frame.with_columns(time.alias(moment))
    return frame.with_columns(nw.when(where).then(nw.col(moment)).alias(name))


def _clocked(frame: Frame, seconds: str, day: str, date: str) -> tuple[Frame, nw.Expr]:
    """Where a day is a day, engines agree on text only: the date, then a clock of six digits."""
    rest, clock = nw.col(seconds) - nw.col(day) * 86_400, f"{date}_clock"
    minutes, hours = rest // 60, rest // 3600
    digits = 1_000_000 + hours * 10_000 + (minutes - hours * 60) * 100 + (rest - minutes * 60)
    frame = frame.with_columns(digits.cast(nw.Int64).cast(nw.String).alias(clock))
    text = nw.concat_str(nw.col(date).cast(nw.String), nw.lit(" "), nw.col(clock).str.slice(1, 6))
    return frame, text.str.to_datetime(format="%Y-%m-%d %H%M%S").cast(nw.Datetime("us"))


def date_checks(
    role: str,
    column: str,
    *,
    missing: nw.Expr,
    broken: nw.Expr | None = None,
    unclear: nw.Expr | None = None,
    why: Callable[[Frame], str] | str = "",
    absent: nw.Expr | None = None,
) -> list[Check]:
    """The checks of a date: where it is missing, cannot be read, reads in two ways, is no day."""
    fix = "Correct them or leave those rows out."
    odd = f"{fix} If all are written alike, say date_format=, such as '%d.%m.%y'."
    return [
        Check(f"missing {role}", column, "Fill them in or leave those rows out.", missing),
        Check(f"unreadable {role}", column, odd, broken),
        Check(f"ambiguous {role}", column, why, unclear),
        Check(f"{role} that does not exist", column, fix, absent),
    ]


def zone_shift(seconds: str, zone: str, first: int, last: int) -> nw.Expr:
    """Seconds to add to UTC for the wall clock of a zone, for moments from `first` to `last`."""
    offsets = _offsets(ZoneInfo(zone), first, last)
    found = nw.lit(offsets[0][1])
    for since, offset in offsets[1:]:
        found = nw.when(nw.col(seconds) >= since).then(nw.lit(offset)).otherwise(found)
    return found


def _offsets(zone: ZoneInfo, first: int, last: int) -> Sequence[tuple[int, int]]:
    """Each offset of a zone from UTC, in seconds, and the second it starts at."""
    found = [(first, _offset(zone, first))]
    for day in range(first, last + 86_400, 86_400):
        if _offset(zone, day + 86_400) != found[-1][1]:
            low, high = day, day + 86_400
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (middle, high) if _offset(zone, middle) == found[-1][1] else (low, middle)
                )
            found.append((high, _offset(zone, high)))
    return found


def _offset(zone: ZoneInfo, seconds: int) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())

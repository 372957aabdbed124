"""Points in time from whole seconds, the offsets of a time zone, and what can be wrong with a date.

A moment is counted in seconds since 1970-01-01 00:00 of the calendar on the wall.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from retention import periods
from retention.loading.dates.by_format import PARTS
from retention.loading.rows.row_checks import Check

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from retention.frames import Frame

EARLIEST, LATEST = -30_610_224_000, 253_402_300_799
"""Seconds of 1000-01-01 and of the end of 9999: what every engine can write."""

ADVICE_ON_ABSENT = "Correct them or leave those rows out."
"""What to do about dates that do not exist."""

ADVICE_ON_UNREAD = (
    "Correct them or leave those rows out. If all are written alike, say `date_format=`, such as "
    "'%d.%m.%y'."
)
"""What to do about dates that cannot be read."""

_YEAR_2100 = (4_102_444_800, 4_118_083_200)  # seconds of its January 1 and July 1
_SHIFT = 719_468  # days that make any day since the year 0 positive, where all engines divide alike


def with_existence(frame: Frame, at: str) -> Frame:
    """The frame with the flag `{at}exists`: the parts `{at}year` to `{at}second` are a moment."""
    part = {name: nw.col(f"{at}{name}") for name in PARTS}
    year, month, day = part["year"], part["month"], part["day"]
    leap = (year // 4 * 4 == year) & ((year // 100 * 100 != year) | (year // 400 * 400 == year))
    short = (day == 31) & month.is_in([2, 4, 6, 9, 11])
    february = (month == 2) & ((day == 30) | ((day == 29) & ~leap))
    clock = (part["hour"] <= 23) & (part["minute"] <= 59) & (part["second"] <= 59)
    within = (year >= 1000) & month.is_between(1, 12) & day.is_between(1, 31) & clock
    frame = frame.with_columns((within & ~short & ~february).alias(f"{at}exists"))
    return frame.with_columns((nw.col(f"{at}exists") & nw.col(f"{at}reads")).alias(f"{at}exists"))


def with_time(frame: Frame, at: str, name: str) -> Frame:
    """The frame with the naive time that the parts at `at` make, null where it does not exist."""
    exists = nw.col(f"{at}exists")
    if _days_are_times(frame):
        return with_moment(with_seconds(frame, at), f"{at}seconds", exists, name)
    number = nw.col(f"{at}year").cast(nw.Int64)
    for part in PARTS[1:6]:
        number = number * 100 + nw.col(f"{at}{part}")
    frame = frame.with_columns(number.cast(nw.String).alias(f"{at}stamp"))
    stamp = nw.when(exists).then(nw.col(f"{at}stamp")).otherwise(nw.lit("20000101000000"))
    frame = frame.with_columns(stamp.alias(f"{at}stamp"))
    time = nw.col(f"{at}stamp").str.to_datetime(format="%Y%m%d%H%M%S").cast(nw.Datetime("us"))
    return frame.with_columns(nw.when(exists).then(time).alias(name))


def with_seconds(frame: Frame, at: str) -> Frame:
    """The frame with `{at}seconds`, the moment of the parts in seconds; 0 where there is none."""
    part = {name: nw.col(f"{at}{name}") for name in PARTS}
    frame = frame.with_columns((part["year"] * 12 + part["month"] - 1).alias(f"{at}step"))
    first = periods.first_day_number(nw.col(f"{at}step"), "month")
    clock = part["hour"] * 3600 + part["minute"] * 60 + part["second"]
    seconds = (first + part["day"] - 1) * 86_400 + clock
    known = nw.when(nw.col(f"{at}exists")).then(seconds).otherwise(nw.lit(0))
    return frame.with_columns(known.alias(f"{at}seconds"))


def with_moment(frame: Frame, seconds: str, where: nw.Expr, name: str) -> Frame:
    """The frame with a naive time from a column of whole seconds, null where `where` fails."""
    moment = f"{name}_moment"
    if _days_are_times(frame):
        time = (nw.col(seconds) * 1_000_000).cast(nw.Datetime("us"))
    else:
        frame, time = _with_clock_text(frame, seconds, moment)
    frame = frame.with_columns(time.alias(moment))
    return frame.with_columns(nw.when(where).then(nw.col(moment)).alias(name))


def _days_are_times(frame: Frame) -> bool:
    """Whether the engine writes a day as a time, so that seconds can be counted on from it."""
    day = periods.date_expr(nw.lit(0), frame.implementation).alias("day")
    return isinstance(frame.select(day).collect_schema()["day"], nw.Datetime)


def _with_clock_text(frame: Frame, seconds: str, name: str) -> tuple[Frame, nw.Expr]:
    """Where a day is a day, engines agree on text only: the date, then a clock of six digits."""
    day, date, clock = (f"{name}_{part}" for part in ("day", "date", "clock"))
    whole = (nw.col(seconds) + _SHIFT * 86_400) // 86_400 - _SHIFT
    frame = frame.with_columns(whole.cast(nw.Int64).alias(day))
    rest = nw.col(seconds) - nw.col(day) * 86_400
    minutes, hours = rest // 60, rest // 3600
    digits = 1_000_000 + hours * 10_000 + (minutes - hours * 60) * 100 + (rest - minutes * 60)
    frame = frame.with_columns(
        digits.cast(nw.Int64).cast(nw.String).alias(clock),
        periods.date_expr(nw.col(day), frame.implementation).cast(nw.String).alias(date),
    )
    text = nw.concat_str(nw.col(date), nw.lit(" "), nw.col(clock).str.slice(1, 6))
    return frame, text.str.to_datetime(format="%Y-%m-%d %H%M%S").cast(nw.Datetime("us"))


def date_checks(
    role: str,
    column: str,
    *,
    missing: nw.Expr,
    broken: nw.Expr | None = None,
    unread: Callable[[Frame], str] | str = "",
    unclear: nw.Expr | None = None,
    why: Callable[[Frame], str] | str = "",
    absent: nw.Expr | None = None,
    unreal: Callable[[Frame], str] | str = "",
) -> list[Check]:
    """The checks of a date: where it is missing, cannot be read, reads in two ways, is no day."""
    fix = ADVICE_ON_ABSENT
    return [
        Check(f"missing {role}", column, "Fill them in or leave those rows out.", missing),
        Check(f"unreadable {role}", column, unread or ADVICE_ON_UNREAD, broken),
        Check(f"ambiguous {role}", column, why, unclear, asks=True),
        Check(f"{role} that does not exist", column, unreal or fix, absent),
    ]


def zone_shift(seconds: str, zone: str, first: int, last: int) -> nw.Expr:
    """Seconds to add to UTC for the wall clock of a zone, for moments from `first` to `last`."""
    offsets = changes_of_offset(ZoneInfo(zone), first, last)
    found = nw.lit(offsets[0][1])
    for since, offset in offsets[1:]:
        found = nw.when(nw.col(seconds) >= since).then(nw.lit(offset)).otherwise(found)
    return found


def least_offset(zone: str) -> int:
    """The offset from UTC, in seconds, of a zone's winter time, by the rule that holds today."""
    return min(_offset_at(ZoneInfo(zone), seconds) for seconds in _YEAR_2100)


def changes_of_offset(zone: ZoneInfo, first: int, last: int) -> Sequence[tuple[int, int]]:
    """Each offset of a zone from UTC, in seconds, and the second it starts at."""
    found = [(first, _offset_at(zone, first))]
    for day in range(first, last + 86_400, 86_400):
        if _offset_at(zone, day + 86_400) != found[-1][1]:
            low, high = day, day + 86_400
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (middle, high) if _offset_at(zone, middle) == found[-1][1] else (low, middle)
                )
            found.append((high, _offset_at(zone, high)))
    return found


def _offset_at(zone: ZoneInfo, seconds: int) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())

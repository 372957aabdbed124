"""Working hours: how much of the time between two moments a desk was open.

A calendar of working hours is said once, as data: `{"mon-fri": "09:00-17:30", "sat": "10:00-14:00",
"tz": "Europe/Berlin", "holidays": ["2024-12-25"]}`. Hours are counted by the clock on the wall of
that zone, from the opening to the closing of each working day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError
from retention.frames import added_up, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.frames import Frame

BusinessHours = Mapping[str, Any] | str
"""How users say it: days and their hours, `tz` and `holidays`; or the word "always"."""

ALWAYS = "always"
"""What users say of hours that run day and night."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 86_400
_SPAN = re.compile(r"(\d{1,2}):(\d{2}) ?[-–] ?(\d{1,2}):(\d{2})")
_LONG_AGO = 7 * 300_000  # days, so that no day counted from there is negative
_EXAMPLE = "{'mon-fri': '09:00-17:30', 'tz': 'Europe/Berlin', 'holidays': ['2024-12-25']}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a desk is open: for each day of the week, from Monday, its spans in seconds of the day.

    Attributes:
        week: seven days, each a tuple of (opens, closes), in order and apart from each other.
        tz: the zone whose clock the hours are of, or "" where none was said.
        holidays: days on which it is closed, counted from 1970-01-01, in order.
    """

    week: tuple[tuple[tuple[int, int], ...], ...]
    tz: str = ""
    holidays: tuple[int, ...] = ()

    def __str__(self) -> str:
        """The calendar as one line of text, from which it can be read again."""
        days = [
            f"{name} {','.join(f'{_clock_text(a)}-{_clock_text(b)}' for a, b in spans)}"
            for name, spans in zip(_DAYS, self.week, strict=True)
            if spans
        ]
        days += [f"tz {self.tz}"] if self.tz else []
        off = ",".join(str(periods.day_of(day)) for day in self.holidays)
        return "; ".join([*days, f"holidays {off}"] if off else days)

    def with_worked(self, frame: Frame, seconds: str, name: str) -> Frame:
        """The frame with the working seconds from a Monday long ago to a moment.

        Of two moments the difference is taken. It is null where there is no moment.

        Args:
            frame: any frame.
            seconds: the column of the moment: whole seconds since 1970-01-01 00:00 by the clock on
                the wall.
            name: what the further column is called.
        """
        day, clock, weekday = (f"{name}_{part}" for part in ("day", "clock", "weekday"))
        # Each step stands on columns: an expression said twice is computed twice.
        frame = frame.with_columns(((nw.col(seconds) + _LONG_AGO * _DAY) // _DAY).alias(day))
        week = (nw.col(day) + 3) // 7  # 1970-01-01 was a Thursday
        frame = frame.with_columns(
            (nw.col(seconds) + _LONG_AGO * _DAY - nw.col(day) * _DAY).alias(clock),
            week.alias(f"{name}_week"),
        )
        frame = frame.with_columns((nw.col(day) + 3 - nw.col(f"{name}_week") * 7).alias(weekday))
        lengths = [sum(b - a for a, b in spans) for spans in self.week]
        before: nw.Expr = nw.lit(0)
        today: nw.Expr = nw.lit(0)
        for place, spans in enumerate(self.week):
            here = nw.col(weekday) == place
            before = nw.when(here).then(nw.lit(sum(lengths[:place]))).otherwise(before)
            if spans:
                today = nw.when(here).then(_worked_seconds(nw.col(clock), spans)).otherwise(today)
        closed: nw.Expr = nw.lit(0)
        off = {day + _LONG_AGO: lengths[(day + 3) % 7] for day in self.holidays}
        if off := {number: length for number, length in off.items() if length}:
            today = nw.when(nw.col(day).is_in(list(off))).then(nw.lit(0)).otherwise(today)
            closed = added_up(
                [count(nw.col(day) > number) * length for number, length in off.items()]
            )
        worked = nw.col(f"{name}_week") * sum(lengths) + before + today - closed
        known = nw.when(~nw.col(seconds).is_null()).then(worked)
        return frame.with_columns(known.alias(name))

    def with_first_day(self, frame: Frame, worked: str, name: str) -> Frame:
        """The frame with the first day on whose evening so many seconds had been worked.

        Args:
            frame: any frame.
            worked: the column of working seconds, from the Monday long ago of `with_worked` on.
            name: what the further column is called: days since 1970-01-01.
        """
        lengths = [sum(b - a for a, b in spans) for spans in self.week]
        missed, lost = [nw.lit(0).cast(nw.Int64)], 0
        for day in (number + _LONG_AGO for number in self.holidays):
            week, place = divmod(day + 3, 7)
            lost += lengths[place]
            by_then = week * sum(lengths) + sum(lengths[: place + 1]) - lost
            missed.append(count(nw.col(worked) > by_then) * lengths[place])
        whole, week_no, rest = (f"{name}_{part}" for part in ("whole", "week", "rest"))
        # As if no holiday had been one.
        frame = frame.with_columns((nw.col(worked) + added_up(missed)).alias(whole))
        frame = frame.with_columns(((nw.col(whole) - 1) // sum(lengths)).alias(week_no))
        left = nw.col(whole) - nw.col(week_no) * sum(lengths)
        frame = frame.with_columns(left.alias(rest))
        days = [count(nw.col(rest) > sum(lengths[: place + 1])) for place in range(7)]
        first = nw.col(week_no) * 7 + added_up(days) - 3 - _LONG_AGO
        return frame.with_columns(first.alias(name))


def calendar_of(said: object) -> Calendar | None:
    """The calendar that a user said; None for hours that run day and night.

    Args:
        said: "always", a mapping of days to hours, or the text of a `Calendar`.

    Raises:
        RetentionError: if a day, a span of hours, the zone or a holiday cannot be understood, two
            spans of a day overlap, or no day has hours.
    """
    if isinstance(said, str):
        if said == ALWAYS:
            return None
        said = _calendar_parts(said)
    if not isinstance(said, Mapping):
        raise _calendar_refusal(f"got {said!r}")
    given = {str(key).strip().lower(): value for key, value in said.items()}
    tz, off = given.pop("tz", ""), given.pop("holidays", ())
    week: list[tuple[tuple[int, int], ...]] = [()] * 7
    for names, hours in given.items():
        for place in _weekday_places(names):
            if week[place]:
                raise _calendar_refusal(f"{_DAYS[place]!r} is said twice")
            week[place] = _spans_of_day(hours)
    if not any(week):
        raise _calendar_refusal("no day has hours")
    return Calendar(tuple(week), _zone_name(tz), _holiday_numbers(off))


def _calendar_parts(text: str) -> dict[str, str]:
    """The text of a calendar as a mapping."""
    pairs = [part.strip().partition(" ") for part in text.split(";") if part.strip()]
    return {name: value.strip() for name, _, value in pairs}


def _weekday_places(names: str) -> list[int]:
    """The days that "mon", "mon-fri" or "sat,sun" name, by their place in the week."""
    found: list[int] = []
    for part in names.replace("–", "-").split(","):
        ends = [end.strip()[:3] for end in part.split("-")]
        if len(ends) > 2 or any(end not in _DAYS for end in ends):
            raise _calendar_refusal(f"{part.strip()!r} is no day such as 'mon', 'mon-fri' or 'sat'")
        first, last = _DAYS.index(ends[0]), _DAYS.index(ends[-1])
        found += [place % 7 for place in range(first, last + 1 + 7 * (last < first))]
    return found


def _spans_of_day(hours: object) -> tuple[tuple[int, int], ...]:
    """The spans of a day in seconds, from "09:00-12:00,13:00-17:30" or a list of such."""
    texts = hours.split(",") if isinstance(hours, str) else hours
    if not isinstance(texts, Iterable):
        raise _calendar_refusal(f"{hours!r} are no hours such as '09:00-17:30'")
    found = []
    for text in texts:
        match = _SPAN.fullmatch(str(text).strip())
        if match is None:
            raise _calendar_refusal(f"{text!r} are no hours such as '09:00-17:30'")
        h, m, hh, mm = map(int, match.groups())
        opens, closes = h * 3600 + m * 60, hh * 3600 + mm * 60
        if max(m, mm) > 59 or not opens < closes <= _DAY:
            raise _calendar_refusal(
                f"{text!r} does not end after it begins, by 24:00 (a night shift is two spans)"
            )
        found.append((opens, closes))
    found.sort()
    if any(after[0] < before[1] for before, after in pairwise(found)):
        raise _calendar_refusal(f"the spans {hours!r} overlap")
    return tuple(found)


def _zone_name(tz: object) -> str:
    try:
        return ZoneInfo(str(tz)).key if tz else ""
    except (KeyError, ValueError, OSError):
        raise _calendar_refusal(f"tz {tz!r} is no IANA zone such as 'Europe/Berlin'") from None


def _holiday_numbers(days: object) -> tuple[int, ...]:
    given = days.split(",") if isinstance(days, str) else days
    if not isinstance(given, Iterable):
        raise _calendar_refusal(f"holidays must be a list of days; got {days!r}")
    said = [day.strip() if isinstance(day, str) else day for day in given]
    numbers = {
        periods.number_of(periods.as_day(day, argument="business_hours: a holiday")) for day in said
    }
    return tuple(sorted(numbers))


def _worked_seconds(clock: nw.Expr, spans: Sequence[tuple[int, int]]) -> nw.Expr:
    """The working seconds of a day up to a second of it."""
    parts = [
        nw.when(clock >= closes)
        .then(nw.lit(closes - opens))
        .otherwise(nw.when(clock > opens).then(clock - opens).otherwise(nw.lit(0)))
        for opens, closes in spans
    ]
    return added_up([nw.lit(0), *parts])


def _clock_text(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"


def _calendar_refusal(why: str) -> RetentionError:
    return RetentionError(
        f"business_hours: {why}. Say 'always' of hours that run day and night, or when the desk is "
        f"open, such as {_EXAMPLE}."
    )

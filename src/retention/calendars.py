"""Calendars other than the civil one: fiscal years, weeks of any first day, retail years of weeks.

A calendar is the name of a period's length, and stands wherever "month" or "quarter" does. Only
`periods` asks what it means; everything here is arithmetic on whole numbers, alike for one number,
an array and an expression of any engine.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import narwhals.stable.v2 as nw

from retention.errors import RetentionError, check_choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    Number = TypeVar("Number", int, NDArray[np.int64], nw.Expr)

__all__ = ["Calendar"]

LENGTHS = ("day", "week", "month", "quarter", "year")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PATTERNS = ("4-4-5", "4-5-4", "5-4-4")

_STEPS = {"month": 12, "quarter": 4, "year": 1}  # in a year
_LEAST = {"day": 1, "week": 7, "month": 28, "quarter": 84, "year": 364}
_NEAREST = 3  # days after the end of a month: what is last by then is nearest to it
_FAR = 200_000  # weeks that make any day of the calendar positive, where all engines divide alike
_PROPER = {name: name.capitalize() for name in (*MONTHS, *WEEKDAYS)}
_EVER = 4_000  # days, more than lie between a day and the starts of the years about it
_ENDS = re.compile(f"(nearest|last) ({'|'.join(WEEKDAYS)}) (?:to|of|in) ({'|'.join(MONTHS)})")
_A_MONTH, _A_DAY = ("|".join(map(str.capitalize, words)) for words in (MONTHS, WEEKDAYS))
_DAYS = re.compile(r"([1-9][0-9]{0,4})[ -]days?(?: period)?", re.IGNORECASE)
_BLOCK = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([1-9][0-9]{0,4})-day period")
_TEXT = re.compile(
    f"({_A_MONTH}) fiscal (quarter|year)|({_A_DAY}) (week)"
    f"|({'|'.join(PATTERNS)}) ({_A_MONTH})-(nearest|last)-({_A_DAY}) (month|quarter|year)"
)


class Calendar(str):
    """Periods of another calendar, said wherever `freq=` is.

    Fiscal quarters and years start in any month; weeks on any day. A retail calendar (4-4-5, 4-5-4,
    5-4-4) has years of whole weeks: each quarter has 13 weeks, in months of 4 or 5, and the year
    ends on one weekday, either the last of a month or the one nearest to the end of that month.
    A year of 53 weeks has the odd one in its last month.

    The sales of a contract are spread evenly: a retail month of 4 weeks has a twelfth of a year's,
    as one of 5 weeks has, so that no revenue moves where no contract changed.

    Windows of so many days, such as the last 30, 90 or 365, follow one another back from the last
    day of one of them, mostly `as_of`: with "90 days", the rate of the latest base is the share of
    the customers of the 90 days before that also bought in the last 90. (For the same as of each
    day, see `rolling_retention`.)

    Whether a fiscal year is called by the year in which it starts or ends differs from firm to
    firm: periods are labelled by their months or their first day.

    Args:
        length: of a period: "week", "month", "quarter" or "year", or "90 days"; or the name of a
            calendar, as it stands in tables, and on the command line after `--freq`: "April fiscal
            quarter".
        year_starts: for fiscal quarters and years, the month in which the year starts: "april".
        week_starts: for weeks, their first day: "sunday". ISO weeks start on Monday, and are
            `freq="week"`.
        weeks: for retail months, quarters and years, the weeks in the months of each quarter:
            "4-4-5", "4-5-4" or "5-4-4", with …
        year_ends: … on which day the year ends: "nearest saturday to january" (National Retail
            Federation), or "last saturday of june". "nearest sunday to december" with quarters or
            years makes the ISO years.
        ends: for windows of days, the last day of one of them: "2024-12-31".

    Raises:
        RetentionError: if a word is not known, or does not belong to the length.

    Example:
        >>> import retention as rt
        >>> rt.Calendar("quarter", year_starts="april")
        Calendar('April fiscal quarter')
        >>> nrf = rt.Calendar("month", weeks="4-5-4", year_ends="nearest saturday to january")
        >>> orders = rt.sample_company(200, seed=1).orders
        >>> window = {"observed_from": "2024-01-01", "as_of": "2024-04-06"}
        >>> found = rt.customer_periods(orders, freq=nrf, **window)
        >>> str(found["period"].min().date())  # the first month of the NRF's fiscal 2024
        '2024-02-04'

    Source:
        National Retail Federation, 4-5-4 Calendar: years end on the Saturday nearest to the end of
        January; fiscal 2023 began on 2023-01-29 and has 53 weeks. The "last" rule is that of the
        US tax code (26 CFR 1.441-2, 52-53-week taxable year), as the "nearest" one is.
    """

    __slots__ = ()

    def __new__(
        cls,
        length: str,
        *,
        year_starts: str | None = None,
        week_starts: str | None = None,
        weeks: str | None = None,
        year_ends: str | None = None,
        ends: date | str | None = None,
    ) -> Calendar:
        """The name of the calendar, once its words make sense."""
        length = _as_written_in_tables(length)
        days = _DAYS.fullmatch(length) if isinstance(length, str) else None
        said = {"year_starts": year_starts, "week_starts": week_starts, "weeks": weeks}
        said["year_ends"] = year_ends
        if days or ends is not None:
            other = next((name for name, value in said.items() if value is not None), "")
            return str.__new__(cls, _name_of_window(days, ends, other))
        if rule_of(length) is None:
            check_choice("length", length, LENGTHS)
        for argument, lengths in _FOR.items():
            if said[argument] is not None and length not in lengths:
                raise RetentionError(
                    f"`{argument}=` is about a {' or '.join(lengths)}, not a {length}: {_ELSE}"
                )
        if weeks is not None or year_ends is not None:
            return str.__new__(cls, _retail_name(length, weeks, year_ends, year_starts))
        if year_starts is not None:
            month = _known_word("year_starts", year_starts, MONTHS)
            plain = month == MONTHS[0]
            return str.__new__(cls, length if plain else f"{month.capitalize()} fiscal {length}")
        if week_starts is not None:
            weekday = _known_word("week_starts", week_starts, WEEKDAYS)
            plain = weekday == WEEKDAYS[0]
            return str.__new__(cls, length if plain else f"{weekday.capitalize()} week")
        return str.__new__(cls, length)

    def __repr__(self) -> str:
        """The name, as it also stands in tables."""
        return f"Calendar({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its name, which says it all."""
        return (Calendar, (str(self),))


class Rule(NamedTuple):
    """What the name of a length means.

    Attributes:
        length: which of `LENGTHS` it is like.
        after: how many days after Monday its weeks start, or how many months after January its
            years do.
        pattern: weeks in the three months of a quarter, or none.
        month: the number of the month at whose end a year of weeks ends.
        slack: how many days after that end the last weekday counts.
        days: how many days a window has, or 0 of other periods; then `after` is the number of the
            first day of one of them.
    """

    length: str
    after: int = 0
    pattern: tuple[int, ...] = ()
    month: int = 0
    slack: int = 0
    days: int = 0

    def first_day_number(self, step: Number) -> Number:
        """The first day of a period of whole weeks, as a number of days since 1970-01-01."""
        per_year = _STEPS[self.length]
        year = whole_share(step, per_year)
        third = (step - year * per_year) * (12 // per_year)  # in months of the year
        quarter = whole_share(third, 3)
        month = third - quarter * 3
        first, second, _ = self.pattern
        weeks = quarter * 13 + month * first + whole_share(month, 2) * (second - first)
        found: Number = self._start(year) + weeks * 7
        return found

    def step(self, number: Number) -> Number:
        """The period of whole weeks that a day lies in.

        A week opens a year if a certain day of the civil year falls in it, by slack and weekday. So
        one day x tells its year, as the Thursday tells that of an ISO week: here in civil years
        that start in March, whose days are counted from 0000-03-01.
        """
        week_of_all = whole_share(number + 2 - self.after + 7 * _FAR, 7)
        days_before = (153 * ((self.month - 2) % 12) + 2) // 5
        shift = 719_468 - 7 * _FAR + 7 + self.after - days_before - self.slack - 3
        x = week_of_all * 7 + shift
        century = whole_share(x * 4 + 3, 146_097)
        of_century = x - whole_share(century * 146_097, 4)
        year_of_century = whole_share(of_century * 4 + 3, 1_461)
        year = century * 100 + year_of_century - (self.month - 2) // 12
        per_year = _STEPS[self.length]
        if per_year == 1:
            return year
        week = whole_share(of_century - whole_share(year_of_century * 1_461, 4), 7)
        quarter = whole_share(week, 13) - whole_share(week, 52)
        if per_year == 4:
            return year * 4 + quarter
        rest, (first, second, _) = week - quarter * 13, self.pattern
        month = _from_on(rest, first) + _from_on(rest, first + second)
        found: Number = year * 12 + quarter * 3 + month
        return found

    def _start(self, year: Number) -> Number:
        """The first day of the year of weeks that begins after the month's end in a civil year."""
        past = year + (self.month - 2) // 12  # in years that start in March
        days_before = (153 * ((self.month - 2) % 12) + 2) // 5
        next_month = (
            365 * past
            + whole_share(past, 4)
            - whole_share(past, 100)
            + whole_share(past, 400)
            + days_before
            - 719_468
        )
        end = next_month - 1 + self.slack + 3 - self.after
        start: Number = whole_share(end + 7 * _FAR, 7) * 7 - 7 * _FAR - 3 + self.after + 1
        return start


_FOR = {
    "year_starts": ("quarter", "year"),
    "week_starts": ("week",),
    "weeks": ("month", "quarter", "year"),
}
_ELSE = (
    "months are the same in every fiscal year (`freq='month'`), and weeks, also those of a "
    "retail year, are told by their first day, week_starts."
)


@lru_cache(maxsize=512)
def rule_of(freq: str) -> Rule | None:
    """What the name of a length means; None of one that is not known."""
    if freq in LENGTHS:
        return Rule(freq)
    if block := _BLOCK.fullmatch(freq):
        return _rule_of_window(*block.groups())
    found = _TEXT.fullmatch(freq)
    if found is None:
        return None
    starts, fiscal, weekday, week, pattern, month, how, last, length = found.groups()
    if fiscal:
        return Rule(fiscal, MONTHS.index(starts.lower()))
    if week:
        return Rule(week, WEEKDAYS.index(weekday.lower()))
    parts = tuple(int(part) for part in pattern.split("-"))
    slack = _NEAREST if how == "nearest" else 0
    ends = MONTHS.index(month.lower()) + 1
    return Rule(length, WEEKDAYS.index(last.lower()), parts, ends, slack)


def names_of_calendars(weekday: int | None) -> Iterator[str]:
    """The names but those of windows; those of whole weeks only for days all of a weekday."""
    yield from LENGTHS
    for month, length in product(MONTHS[1:], ("quarter", "year")):
        yield f"{month.capitalize()} fiscal {length}"
    if weekday is None:
        return
    yield f"{WEEKDAYS[weekday].capitalize()} week"
    last = WEEKDAYS[weekday - 1].capitalize()
    for pattern, month, how, length in product(PATTERNS, MONTHS, ("nearest", "last"), _STEPS):
        yield f"{pattern} {month.capitalize()}-{how}-{last} {length}"


def name_of_window(days: int, first: int) -> str | None:
    """The name of windows of so many days, of which one starts on a day; None if there is none."""
    last = first - 1 + date(1970, 1, 1).toordinal()
    if not (1 < days < 100_000 and 1 <= last < date.max.toordinal()):
        return None
    return f"{date.fromordinal(last)} {days}-day period"


def _name_of_window(days: re.Match[str] | None, ends: date | str | None, other: str) -> str:
    """The name of windows of so many days that end on a day, and every so many days before."""
    if days is None or ends is None or other:
        raise RetentionError(
            "Windows of days are told by their length and the last day of one, and nothing else, "
            "such as Calendar('90 days', `ends='2024-12-31'`)."
        )
    try:
        last = date.fromisoformat(str(ends)[:10])
    except ValueError:
        raise RetentionError(f"ends must be a day such as '2024-12-31'; got {ends!r}.") from None
    n = int(days[1])
    return "day" if n == 1 else f"{last} {n}-day period"


def _rule_of_window(last: str, days: str) -> Rule | None:
    """Windows of so many days, like the longest length that is no longer."""
    try:
        after = date.fromisoformat(last).toordinal() + 1 - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    n = int(days)
    like = [length for length, least in _LEAST.items() if least <= n]
    return Rule(like[-1], after, days=n)


def _retail_name(
    length: str, weeks: str | None, year_ends: str | None, year_starts: str | None
) -> str:
    """The name of a calendar of whole weeks."""
    if weeks is None or year_ends is None or year_starts is not None:
        raise RetentionError(
            "A year of whole weeks is told by `weeks=` and `year_ends=`, without `year_starts=`, "
            "such as '4-5-4' and 'nearest saturday to january'."
        )
    check_choice("weeks", weeks, PATTERNS)
    found = _ENDS.fullmatch(year_ends.lower()) if isinstance(year_ends, str) else None
    if found is None:
        raise RetentionError(
            "year_ends must name a weekday and a month, such as 'nearest saturday to january' or "
            f"'last saturday of june'; got {year_ends!r}."
        )
    how, weekday, month = found.groups()
    return f"{weeks} {month.capitalize()}-{how}-{weekday.capitalize()} {length}"


def _as_written_in_tables(name: str) -> str:
    """The name of a length with months and weekdays in capitals."""
    if not isinstance(name, str):
        return name
    return re.sub("[a-z]+", lambda word: _PROPER.get(word[0], word[0]), name.strip().lower())


def _known_word(argument: str, value: object, choices: tuple[str, ...]) -> str:
    word = value.lower() if isinstance(value, str) else value
    check_choice(argument, word, choices)
    return str(word)


def _from_on(number: Number, first: Number | int) -> Number:
    """1 from a number on, 0 before."""
    return whole_share(number - first + _EVER, _EVER)


def whole_share(number: Number, by: int) -> Number:
    """A whole number divided, rounded down.

    Of an expression by way of floats, a half away from where they could err: a quotient is written
    out twice or more on DuckDB and Spark, and one within another soon fills the memory.
    """
    if isinstance(number, nw.Expr):
        return ((number + 0.5) * (1 / by)).floor().cast(nw.Int64)
    return number // by

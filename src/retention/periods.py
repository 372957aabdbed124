"""The calendar: which period a day falls in, its consecutive number, its first day.

The only file that knows what a week is. Everything is whole numbers: a day is the number of days
since 1970-01-01, a period has a consecutive number (`step`), and the next period is `step + 1`
across any year's end. Weeks start on Monday, unless a calendar says otherwise.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import narwhals.stable.v2 as nw
import numpy as np

from retention.calendars import (
    LENGTHS,
    Calendar,
    Rule,
    name_of_window,
    names_of_calendars,
    rule_of,
    whole_share,
)
from retention.errors import RetentionError, check_choice, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

Freq = Literal["day", "week", "month", "quarter", "year"] | Calendar
"""How long a period is."""

FREQS = LENGTHS
EPOCH = date(1970, 1, 1)
_BEFORE = EPOCH.toordinal()
DAYS = {"day": 1, "week": 7}
"""How many days periods have of which none is longer than another."""

DAYS_A_MONTH = 30.4375
"""A year of 365.25 days has twelve months."""

_MOST_DAYS = 1_000_000  # as many days as pass from the year 1 to 2738
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_Number = TypeVar("_Number", int, "NDArray[np.int64]", nw.Expr)


def as_day(value: object, *, argument: str) -> date:
    """The calendar day a user meant: a date, a datetime, a pandas Timestamp or ISO text.

    Raises:
        RetentionError: if it is none of these; text must read as 2024-12-31.
    """
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[D]").astype(date)
    try:
        if isinstance(value, date) and value == value:  # noqa: PLR0124 - NaT of pandas is a date
            day = value.date() if isinstance(value, datetime) else value
        else:
            day = datetime.fromisoformat(value).date()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise RetentionError(
            f"{argument} must be a day such as '2024-12-31' or datetime.date(2024, 12, 31); "
            f"got {value!r}."
        ) from None
    if day.year == date.max.year:
        raise RetentionError(
            f"{argument} is {day}, the end of the calendar: that stands for no day that came. Say "
            "the last day the data cover, as in `as_of='2024-12-31'`."
        )
    return day


def check_freq(freq: str) -> None:
    """Refuse a period length that is neither one of the five nor a calendar's."""
    if not isinstance(freq, str) or rule_of(freq) is None:
        check_choice("freq", freq, (*LENGTHS, "a Calendar(...)"))


def length_of(freq: str) -> str:
    """Which of the five lengths a period has, whatever the calendar; "period" of none of ours.

    Of a window of days, the longest one that is no longer.
    """
    rule = rule_of(freq)
    return "period" if rule is None else rule.length


def is_civil(freq: str) -> bool:
    """Whether it is one of the five lengths of the civil calendar."""
    return freq in LENGTHS


def months_of(freq: str) -> int:
    """How many whole months of the civil calendar a period has; 0 where it is made of days."""
    rule = rule_of(freq)
    if rule is None or rule.pattern or rule.days:
        return 0
    return _MONTHS.get(rule.length, 0)


def amount_months(freq: str) -> float:
    """For how many months' worth of an amount a period has, were all months of a year alike."""
    rule = _known_rule(freq)
    if rule.length in _MONTHS and not rule.days:
        return float(_MONTHS[rule.length])
    return (rule.days or DAYS[rule.length]) / DAYS_A_MONTH


def days_of(freq: str) -> int:
    """How many days a window of days has; 0 of other periods."""
    rule = rule_of(freq)
    return 0 if rule is None else rule.days


def _known_rule(freq: str) -> Rule:
    rule = rule_of(freq)
    if rule is None:
        raise RetentionError(f"freq {freq!r} is no period of a calendar.")
    return rule


def number_of(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The day that lies `number` days after 1970-01-01; the first or last one beyond these."""
    return date.fromordinal(min(max(int(number) + _BEFORE, 1), date.max.toordinal()))


def days_after(day: date, days: int) -> date:
    """The day so many days later, or before for a number below 0."""
    return day_of(number_of(day) + days)


def step_of(day: date, freq: str) -> int:
    """The consecutive number of the period that contains `day`."""
    rule = _known_rule(freq)
    if rule.pattern:
        return rule.step(number_of(day))
    if rule.length in _MONTHS and not rule.days:
        return (day.year * 12 + day.month - 1 - rule.after) // _MONTHS[rule.length]
    return step_of_number(number_of(day), freq)


def step_of_number(number: _Number, freq: str) -> _Number:
    """The day or week `number` days after 1970-01-01: of one day, an array or an expression.

    Months are not told by counting days: see `step_expr`.
    """
    if freq == "day":
        return number
    rule = _known_rule(freq)
    return (number - rule.after) // rule.days if rule.days else (number + 3 - rule.after) // 7


def first_day_number(step: _Number, freq: str) -> _Number:
    """The first day of period `step` as a number of days: of a step, an array, an expression."""
    if freq == "day":
        return step
    rule = _known_rule(freq)
    if rule.days:
        return step * rule.days + rule.after
    if rule.length == "week":
        return step * 7 - 3 + rule.after
    if rule.pattern:
        return rule.first_day_number(step)
    month = step * _MONTHS[rule.length] + rule.after  # months since the year 0
    shifted = month - 2  # in years that start in March, so that a leap day comes last
    year = whole_share(shifted, 12)
    days_before = whole_share(153 * (shifted - year * 12) + 2, 5)
    leaps = whole_share(year, 4) - whole_share(year, 100) + whole_share(year, 400)
    return 365 * year + leaps + days_before - 719468


def first_day(step: int, freq: str) -> date:
    """The first day of period `step`."""
    return day_of(first_day_number(int(step), freq))


class Window(NamedTuple):
    """The periods that were observed, by the numbers of the first and the last."""

    first_step: int
    last_step: int
    freq: str

    @property
    def n_steps(self) -> int:
        """How many periods there are."""
        return self.last_step - self.first_step + 1

    @property
    def steps(self) -> NDArray[np.int64]:
        """Their numbers."""
        return np.arange(self.first_step, self.last_step + 1)

    @property
    def begins(self) -> date:
        """The first day of the first."""
        return first_day(self.first_step, self.freq)

    @property
    def is_over(self) -> date:
        """The first day after the last."""
        return first_day(self.last_step + 1, self.freq)


def first_day_numbers(window: Window) -> NDArray[np.int64]:
    """The first day of each period of a window, and of the one after the last, as numbers."""
    steps = np.arange(window.first_step, window.last_step + 2)
    return np.asarray(first_day_number(steps, window.freq))


def whole_periods(first: date, last: date, freq: str) -> Window:
    """Those that lie wholly within `first` to `last`, both days included; none if first > last."""
    earliest, latest = step_of(first, freq), step_of(last, freq)
    if first_day_number(earliest, freq) < number_of(first):
        earliest += 1
    if first_day_number(latest + 1, freq) > number_of(last) + 1:
        latest -= 1
    return Window(earliest, latest, str(freq))


def label(step: int, freq: str) -> str:
    """A period as people write it: 2024-02-29, the week of 2024-02-26, 2024-02, 2024-Q1, 2024."""
    day = first_day(step, freq)
    if days_of(freq):
        return f"the {days_of(freq):,} days from {day}"
    if length_of(freq) == "week":
        return f"the week of {day}"
    if not is_civil(freq):
        return f"the {length_of(freq)} from {day}"
    written = {"month": f"{day:%Y-%m}", "quarter": f"{day.year}-Q{(day.month + 2) // 3}"}
    return written.get(freq, str(day) if freq == "day" else str(day.year))


def zone_of(dtype: nw.dtypes.DType, engine: nw.Implementation) -> str | None:
    """The time zone of a column, on which the day of its times depends; else None.

    Spark reads its timestamps in the zone of the session, which the user has chosen.
    """
    if not isinstance(dtype, nw.Datetime) or engine.is_pyspark():
        return None
    return dtype.time_zone


def day_expr(column: str, engine: nw.Implementation) -> nw.Expr:
    """Days since 1970-01-01 of a date or time column, the fastest way an engine has."""
    moment = nw.col(column)
    if engine.is_polars():
        return moment.cast(nw.Date).cast(nw.Int32).cast(nw.Int64)
    if engine.is_duckdb():
        return (moment.cast(nw.Date) - nw.lit(EPOCH)).cast(nw.Int64)
    if engine.is_pandas() or engine.is_pyarrow():
        return moment.dt.timestamp("ms") // 86_400_000
    past = moment.dt.year().cast(nw.Int64) - 1
    leaps = past // 4 - past // 100 + past // 400
    return past * 365 + leaps + moment.dt.ordinal_day().cast(nw.Int64) - 719163


def day_numbers(moments: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Days since 1970-01-01 of dates or times at hand."""
    return moments.astype("datetime64[D]").astype(np.int64)


def second_expr(column: str, dtype: nw.dtypes.DType, engine: nw.Implementation) -> nw.Expr:
    """Whole seconds since 1970-01-01 00:00 of a date or time column; a date is its midnight."""
    moment = nw.col(column)
    if engine.is_polars() or engine.is_pandas() or engine.is_pyarrow():
        return moment.dt.timestamp("ms") // 1000
    day = day_expr(column, engine) * 86_400
    if isinstance(dtype, nw.Date):
        return day
    hour, minute, second = (
        part.cast(nw.Int64) for part in (moment.dt.hour(), moment.dt.minute(), moment.dt.second())
    )
    return day + hour * 3600 + minute * 60 + second


def instant_expr(column: str, dtype: nw.dtypes.DType, engine: nw.Implementation) -> nw.Expr:
    """Whole seconds since 1970-01-01 00:00 UTC of a column of times with a zone."""
    moment = nw.col(column)
    if engine.is_polars() or engine.is_pandas() or engine.is_pyarrow():
        return moment.dt.timestamp("ms") // 1000
    if engine.is_spark_like():
        return moment.cast(nw.Int64)
    offset = moment.dt.to_string("%z")  # of the session's clock: +01, -03:30
    west = offset.str.starts_with("-")
    hours = offset.str.slice(1, 2).cast(nw.Int64)
    minutes = nw.concat_str(nw.lit("0"), offset.str.slice(4, 2)).cast(nw.Int64) + hours * 60
    east = nw.when(west).then(minutes * -1).otherwise(minutes)
    return second_expr(column, dtype, engine) - east * 60


def midnight_expr(column: str, engine: nw.Implementation) -> nw.Expr:
    """The day of a date or time column, as the engine writes days."""
    if engine.is_pandas():
        return nw.col(column).cast(nw.Datetime("us")).dt.truncate("1d")
    return nw.col(column).cast(nw.Date)


def is_endless(column: str, engine: nw.Implementation) -> nw.Expr | None:
    """Whether a moment is infinity, which is no day; None for engines that have no such thing."""
    if not engine.is_duckdb():
        return None
    return nw.col(column).dt.year().is_null() & ~nw.col(column).is_null()


def day_literal(day: date, engine: nw.Implementation) -> nw.Expr:
    """A day to compare such a column with."""
    return nw.lit(datetime.combine(day, time()) if engine.is_pandas() else day)


def step_expr(column: str, day: str, freq: str) -> nw.Expr:
    """The period number of each row, from a time column and its number of days."""
    rule = _known_rule(freq)
    if rule.days or rule.length not in _MONTHS:
        return step_of_number(nw.col(day), freq)
    if rule.pattern:
        return rule.step(nw.col(day).cast(nw.Int64))
    moment = nw.col(column)
    year = moment.dt.year().cast(nw.Int64)
    month = year * 12 + moment.dt.month().cast(nw.Int64) - 1
    month = month - rule.after if rule.after else month
    return month // _MONTHS[rule.length] if rule.length != "month" else month


def date_expr(number: nw.Expr, engine: nw.Implementation) -> nw.Expr:
    """The date that lies `number` days after 1970-01-01, as the engine writes dates."""
    if engine.is_polars():
        return number.cast(nw.Int32).cast(nw.Date)
    if engine.is_pandas():
        return (number * 86_400_000_000).cast(nw.Datetime("us"))
    if engine.is_ibis():
        return (number * 86_400).cast(nw.Datetime("us")).cast(nw.Date)
    return nw.lit(EPOCH) + number.cast(nw.Int32)


def period_expr(step: str, freq: str, engine: nw.Implementation) -> nw.Expr:
    """The first day of the period numbered in column `step`."""
    return date_expr(first_day_number(nw.col(step), freq), engine)


def first_days(steps: Any, freq: str) -> NDArray[np.datetime64]:
    """The first days of many periods, as a NumPy array of days."""
    numbers = first_day_number(np.asarray(steps, dtype=np.int64), freq)
    return numbers.astype("datetime64[D]")


def freq_of(first_days_of: NDArray[Any], steps: NDArray[Any]) -> str:
    """How long periods are: that for which their numbers are those of their first days.

    "period" if they are of no calendar of ours.
    """
    days, numbers = first_days_of.astype("datetime64[D]"), steps.astype(np.int64)
    if not days.size:
        return "period"
    weekdays = np.unique((day_numbers(days) + 3) % 7)
    only = int(weekdays[0]) if weekdays.size == 1 else None
    for freq in names_of_calendars(only):
        if bool((first_days(numbers, freq) == days).all()):
            return freq
    return _window_of(day_numbers(days), numbers) or "period"


def _window_of(days: NDArray[np.int64], steps: NDArray[np.int64]) -> str | None:
    """The name of windows of days, of which at least two start on these days; else None."""
    apart, later = int(steps.max() - steps.min()), int(days.max() - days.min())
    if not apart or later % apart:
        return None
    name = name_of_window(later // apart, int(days[0] - steps[0] * (later // apart)))
    here = name is not None and bool((first_day_number(steps, name) == days).all())
    return name if here else None


def whole_days(value: object, *, argument: str, least: int) -> int:
    """A number of days that a user gave, as an int.

    Raises:
        RetentionError: if it is not a whole number, below `least`, or longer than the calendar.
    """
    return whole_number(argument, value, least=least, of="days", most=_MOST_DAYS)


def observed_days(as_of: date | str, observed_from: date | str | None) -> tuple[date, date | None]:
    """The last observed day, and the first where the user named it.

    Raises:
        RetentionError: if either is not a day, or the first comes after the last.
    """
    last = as_day(as_of, argument="as_of")
    if observed_from is None:
        return last, None
    first = as_day(observed_from, argument="observed_from")
    if first > last:
        raise RetentionError(
            f"`observed_from` is {first}, after `as_of` {last}: nothing was observed."
        )
    return last, first


def check_lag(lag: int, *, argument: str = "lag") -> None:
    """Refuse a lag that is not a whole number of periods, 1 or more."""
    whole_number(argument, lag, least=1, of="periods", most=_MOST_DAYS)

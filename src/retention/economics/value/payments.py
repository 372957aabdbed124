"""Payments to come: when each falls due, who makes it, how much it is and what it counts today."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import numpy as np

from retention.errors import (
    ColumnError,
    ContentError,
    RetentionError,
    check_choice,
    count_of,
    discount_a_year,
    is_number,
    whole_number,
)
from retention.frames import as_text, collect
from retention.numerics.codes import Key, group_numbers
from retention.orders import MOST
from retention.periods import DAYS
from retention.survival.models.lifetime_model import is_table
from retention.tables import PROFITS, require, segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

Length = Literal["day", "week", "month", "quarter", "year"] | int
Timing = Literal["start", "middle", "end", "arrears", "renewal"]

DAYS_A_YEAR = 365.25
MOST_PERIODS = 100_000
"""How far ahead one may look: with a discount of a tenth a period a horizon of 300 is for ever."""

_A_YEAR = {"month": 12.0, "quarter": 4.0, "year": 1.0}
_A_YEAR |= {name: DAYS_A_YEAR / days for name, days in DAYS.items()}

_TIMINGS: dict[str, tuple[float, float, int]] = {
    "start": (0.0, 0.0, 0),
    "middle": (0.5, 0.5, 0),
    "end": (1.0, 1.0, 0),
    "arrears": (0.0, 1.0, 0),
    "renewal": (1.0, 0.0, 1),
}
"""Of each: how far into its period a customer must still be here, how far it is discounted, and by
how many ages the period that is paid for lies later."""


_MOST_AGES = 200_000
_NOBODY: Key = ()


@dataclass(frozen=True, slots=True)
class Payments:
    """A payment in each of the periods to come, of a customer who is here now.

    Attributes:
        horizon: how many.
        timing: when they fall due, and who makes them.
        length: of a period, in words.
        discount: effective rate a year.
        factor: what an amount counts a period before it is paid.
    """

    horizon: int
    timing: str
    length: str
    discount: float
    factor: float

    @property
    def due(self) -> Floats:
        """How long from now a customer must still be here to make each payment."""
        return np.asarray(np.arange(self.horizon) + _TIMINGS[self.timing][0], np.float64)

    @property
    def renewals(self) -> Counts:
        """How many renewals a customer of whole periods must make to make each payment."""
        return np.floor(self.due).astype(np.int64)

    @property
    def discounts(self) -> Floats:
        """What each counts today."""
        return np.asarray(self.factor ** (np.arange(self.horizon) + _TIMINGS[self.timing][1]))

    @property
    def ages(self) -> Counts:
        """The period of tenure that each pays for, of a customer in the first."""
        return np.arange(1, self.horizon + 1) + _TIMINGS[self.timing][2]

    def constants(self, n: int) -> dict[str, NDArray[Any]]:
        """The conventions as columns of n rows."""
        return {
            "horizon": np.full(n, self.horizon),
            "timing": np.full(n, self.timing, dtype=object),
            "length": np.full(n, self.length, dtype=object),
            "discount": np.full(n, self.discount),
        }


def payments_to_come(horizon: object, timing: object, length: object, discount: object) -> Payments:
    """The payments that a user asked for.

    Raises:
        RetentionError: if one of the four is none of what it may be.
    """
    ahead = whole_number("horizon", horizon, least=1, of="periods", most=MOST_PERIODS)
    check_choice("timing", timing, _TIMINGS)
    years, rate = years_of_period(length), discount_a_year(discount)
    name = length_in_words(length)
    return Payments(ahead, str(timing), name, rate, float((1 + rate) ** -years))


_LONGEST = 36_525
"""Days of a century: nothing is paid more rarely."""


def years_of_period(length: object) -> float:
    """How many years a period lasts.

    Raises:
        RetentionError: if it is no length.
    """
    if isinstance(length, str) and length in _A_YEAR:
        return 1 / _A_YEAR[length]
    if (
        isinstance(length, Integral)
        and not isinstance(length, bool)
        and 0 < int(length) <= _LONGEST
    ):
        return int(length) / DAYS_A_YEAR
    raise RetentionError(
        "length is how long a period is, the unit of tenures, horizon and profit: 'day', 'week', "
        f"'month', 'quarter', 'year' or a whole number of days; got {length!r}."
    )


def length_in_words(length: object) -> str:
    """What the length of a period is called, as `renewal_periods` calls it."""
    return length if isinstance(length, str) else f"{length} days"


def periods_in_words(n: int, length: str) -> str:
    """So many periods: 72 months; 3 periods of 28 days."""
    if length in _A_YEAR:
        return count_of(n, length)
    return f"{count_of(n, 'period')} of {length}"


def checked_cost(argument: str, cost: object, what: str) -> float:
    """A cost of a customer.

    Args:
        argument: the keyword.
        cost: what was given.
        what: what it is, for the message.

    Raises:
        RetentionError: if it is no amount of at least 0.
    """
    if not (is_amount(cost) and cost >= 0):
        raise RetentionError(f"{argument} is {what}: an amount, 0 or more; got {cost!r}.")
    return float(cost)


def is_amount(value: object) -> TypeGuard[float]:
    """Whether it is one number that money can be."""
    return is_number(value) and abs(value) <= MOST


@dataclass(frozen=True, slots=True)
class Profit:
    """What a customer brings in each period of their tenure.

    Attributes:
        known: of each segment, the profit of ages 1, 2, …; NaN where it is not known.
        names: the segment columns; without any, what is said holds for all.
        flat: whether the first age stands for all.
    """

    known: Mapping[Key, Floats]
    names: tuple[str, ...] = ()
    flat: bool = True

    def of_ages(self, key: Key, ages: Counts) -> Floats:
        """The profit of each of these ages in a segment, NaN where it is not known.

        Raises:
            ContentError: if nothing is said of the segment.
        """
        mine = key if self.names else _NOBODY
        if mine not in self.known:
            said = ", ".join(f"{n} = {v!r}" for n, v in zip(self.names, mine, strict=True))
            raise ContentError(
                f"profit: there is no row for {said}. Give rows for every segment, or name one "
                "amount."
            )
        known = self.known[mine]
        if self.flat:
            return np.full(ages.shape, known[0])
        within = ages <= known.size
        return np.where(within, known[np.where(within, ages - 1, 0)], np.nan)

    def of_payments(self, key: Key, ages: Counts) -> Floats:
        """The same, where all must be known.

        Raises:
            ContentError: if one is not, with the horizon up to which they are.
        """
        found = self.of_ages(key, ages)
        unknown = np.flatnonzero(np.isnan(found))
        if unknown.size:
            raise unknown_profit_error(int(ages[unknown[0]]), int(unknown[0]))
        return found


def unknown_profit_error(age: int, horizon: int) -> ContentError:
    """What to do where the profit of an age is not known, and up to which horizon it is."""
    way = f"take horizon={horizon} or name one amount" if horizon else "name one amount"
    return ContentError(f"profit: unknown from age {age:,} on; {way}.")


def read_profit(profit: object, *, by: Sequence[str] = (), length: str | None = None) -> Profit:
    """What was given as profit, read.

    Args:
        profit: an amount, or a table with `profit_per_customer` by `age`.
        by: the segment columns of what is valued; a table that has none of them holds for all.
        length: of a period, in words.

    Raises:
        RetentionError: if it is neither.
        ColumnError: if the table lacks a column, or some of the segments.
        ContentError: if an age is below 1, comes twice, or is of another length; or an amount is
            infinite.
    """
    if is_amount(profit):
        return Profit({_NOBODY: np.array([float(profit)])})
    if not is_table(profit):
        raise RetentionError(
            "profit is what a customer brings a period: an amount, or a table with a row per age, "
            f"`age` and `profit_per_customer`; got {profit!r}."
        )
    schema = require(profit, PROFITS, by_row=True, adds="none").collect_schema()
    names = [name for name in segments(by, PROFITS) if name in schema]
    if names and (absent := [name for name in by if name not in schema]):
        raise ColumnError.unknown("by", absent[0], schema)
    frame = require(profit, PROFITS, extra=names, alone=True)
    own = [name for name in PROFITS.names[:3] if name in schema]
    labels = (as_text(name, schema[name]) for name in names)
    found = collect(frame.select(*labels, *own))
    _refuse_impossible_profits(found, length)
    return Profit(_profits_by_segment(found, names), tuple(names), flat="age" not in found)


def _refuse_impossible_profits(found: Columns, length: str | None) -> None:
    amounts = found["profit_per_customer"].astype(np.float64)
    if not amounts.size:
        raise ContentError("profit: the table is empty.")
    if (np.abs(amounts) > MOST).any():
        raise ContentError("profit: an amount is infinite, or beyond what money can be.")
    said = {str(each) for each in found.get("length", np.array([]))} - {length}
    if length and said:
        raise ContentError(
            f"profit: its ages are of the length {min(said)!r}, length= says {length!r}. Give both "
            "the same."
        )
    ages = found.get("age", np.ones(1)).astype(np.float64)
    if not ((ages >= 1) & (ages <= _MOST_AGES)).all():
        raise ContentError("profit: ages are whole numbers from 1 on, 1 for the first period.")


def _profits_by_segment(found: Columns, names: Sequence[str]) -> dict[Key, Floats]:
    """The profit of ages 1, 2, … of each segment; of a table without ages that of each segment."""
    amounts = found["profit_per_customer"].astype(np.float64)
    ages = found.get("age", np.ones(amounts.size)).astype(np.int64)
    code, keys = group_numbers(found, names, amounts.size)
    made = {}
    for number, key in enumerate(keys):
        mine = ages[code == number]
        if np.unique(mine).size < mine.size:
            what = "an age" if "age" in found else "a segment"
            raise ContentError(
                f"profit: {what} comes twice. Say by= with the segments it was made with, or give "
                "one row each."
            )
        made[key] = np.full(mine.max(), np.nan)
        made[key][mine - 1] = amounts[code == number]
    return made

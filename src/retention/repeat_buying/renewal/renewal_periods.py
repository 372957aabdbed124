"""Spells in days, brought to whole contract periods: how many renewals each has behind it."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionError
from retention.frames import count, in_kind_of
from retention.tables import SPELLS, refuse_taken, require
from retention.tables.answer_columns import (
    constants,
    flags,
    gives,
    ids,
    numbers,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame

Length = Literal["month", "quarter", "year"]

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_UNSEEN = "ended before it came under observation"
_TOO_LATE = "observation ended before it came under observation"
_COUNTED = ("duration", "entry", "set_aside")
_MOMENTS = ("_until", "_from")


@gives(
    "spell",
    ids("customer_id"),
    whole_numbers("spell"),
    times("start", "end"),
    numbers("entry", unit="as duration"),
    whole_numbers("duration", unit="days"),
    flags("churned"),
    texts("set_aside"),
    constants(texts("reactivation"), whole_numbers("grace", unit="days"), texts("length")),
)
def renewal_periods(spells: IntoFrameT, *, length: Length | int) -> IntoFrameT:
    """How many renewals each customer has behind, from spells in days: what renewal models take.

    Contracts of so many days come up for renewal every so many days; those of a month, a quarter or
    a year on the same day of the month, or the last of a shorter one. Who leaves within a period
    has not renewed at its end: the time to an end is rounded up. Of those still here only renewals
    count that are behind them: their time is rounded down. The entry of those who came under
    observation late is rounded up: they are compared with those who got to the renewal after it.

    Args:
        spells: a table of `contract_spells`, all of whose contracts run for as long.
        length: of a contract: "month", "quarter", "year", or a number of days.

    Returns:
        The table with `duration` and `entry` in periods (entry 0 if at risk from the start), in the
        caller's kind; `set_aside` also names spells that came under observation late and did not
        reach a renewal after it (of others, who had not come to a first renewal lasted 0); a column
        `length` says how long a period is. Eager tables are sorted by customer and spell.

    Raises:
        RetentionError: if `length` is none of these.
        ColumnError: if a column is missing or of the wrong type.

    Example:
        Of two contracts that began on 31 January, Ann's ended on 1 April, after the renewals of 29
        February and 31 March and before that of 30 April. Bob's goes on.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2024-01-31", "2024-01-31"]),
        ...     "end": pd.to_datetime(["2024-04-01", None]),
        ... })
        >>> spells = rt.contract_spells(contracts, as_of="2024-04-01", grace=0)
        >>> months = rt.repeat_buying.renewal_periods(spells, length="month")
        >>> months[["customer_id", "duration", "churned", "length"]]
          customer_id  duration  churned length
        0         Ann         3     True  month
        1         Bob         2    False  month

    Source:
        Discrete-time survival data: Singer, J. D. and Willett, J. B. (2003), Applied Longitudinal
        Data Analysis, chapter 10.
    """
    said = _name_of_length(length)
    frame = require(spells, SPELLS)
    names = frame.collect_schema().names()
    refuse_taken(names, ["length"], argument="spells")
    marked = _spells_in_days(frame)
    by_calendar = isinstance(length, str)
    passed = (
        _periods_of_calendar(marked, said) if by_calendar else _periods_of_days(marked, int(length))
    )
    counted = _spells_in_periods(passed)
    late = (nw.col("entry") > 0) & (nw.col("entry") >= nw.col("duration"))
    reason = nw.when(nw.col("churned")).then(nw.lit(_UNSEEN)).otherwise(nw.lit(_TOO_LATE))
    told = nw.when(nw.col("set_aside").is_null() & late).then(reason)
    answer = counted.with_columns(
        set_aside=told.otherwise(nw.col("set_aside")), length=nw.lit(said)
    )
    kept = [name for name in names if name not in _COUNTED]
    order = ["customer_id", "spell"]
    return in_kind_of(answer.select(*names, "length"), spells, order=order, keep_type=kept)


def _name_of_length(length: object) -> str:
    """What the length of a period is called."""
    if isinstance(length, str) and length in _MONTHS:
        return length
    if isinstance(length, Integral) and not isinstance(length, bool) and int(length) > 0:
        return f"{length} days"
    raise RetentionError(
        f"length must be 'month', 'quarter', 'year' or a whole number of days; got {length!r}."
    )


def _spells_in_days(frame: Frame) -> Frame:
    """The spells with what they last in days (`_days`), enter at (`_late`), and 1 for an end."""
    late = nw.when(nw.col("entry") > 0).then(nw.col("entry")).otherwise(nw.lit(0))
    return frame.with_columns(
        _days=nw.col("duration").cast(nw.Int64),
        _late=late.cast(nw.Int64),
        _left=count(nw.col("churned")),
    )


def _periods_of_days(marked: Frame, days: int) -> Frame:
    """The periods passed and entered at (`_passed`, `_entered`), each of so many days."""
    up = days - 1
    return marked.with_columns(
        _passed=(nw.col("_days") + nw.col("_left") * up) // days,
        _entered=(nw.col("_late") + up) // days,
    )


def _periods_of_calendar(marked: Frame, length: str) -> Frame:
    """The same by the calendar.

    Renewals up to a day are those before the next day: so the same count is taken on the day after
    for who is still here, and on the day itself, with one more, for who has left or comes in.
    """
    months, engine = _MONTHS[length], marked.implementation
    placed = marked.with_columns(_start=periods.day_expr("start", engine)).with_columns(
        _until=nw.col("_start") + nw.col("_days") + 1 - nw.col("_left"),
        _from=nw.col("_start") + nw.col("_late"),
    )
    dated = placed.with_columns(
        periods.date_expr(nw.col(name), engine).alias(f"{name}_date") for name in _MOMENTS
    )
    passed, entered = (periods.months_before(f"{name}_date", "start") for name in _MOMENTS)
    return dated.with_columns(
        _passed=(passed + nw.col("_left") * months) // months, _entered=(entered + months) // months
    )


def _spells_in_periods(counted: Frame) -> Frame:
    """Duration, 1 at least for who has left, and entry, 0 for who was there from the start."""
    none = (nw.col("_left") == 1) & (nw.col("_passed") < 1)
    duration = nw.when(none).then(nw.lit(1)).otherwise(nw.col("_passed"))
    entry = nw.when(nw.col("_late") > 0).then(nw.col("_entered")).otherwise(nw.lit(0))
    return counted.with_columns(duration=duration.cast(nw.Int64), entry=entry.cast(nw.Float64))

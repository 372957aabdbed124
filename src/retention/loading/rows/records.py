"""Rows of Python values, from a sheet or a database, as a typed pandas table: exactly, no guessing.

pandas alone would make whole numbers with gaps into floats (and long ids into other ids).
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXACT = 2**53  # beyond it, neighbouring whole numbers are the same float


def table_of_rows(rows: Sequence[Sequence[object]], names: Sequence[str]) -> pd.DataFrame:
    """The rows as a table whose columns are flags, whole numbers, numbers, times or text.

    A column of one kind of value keeps it; whole numbers beside fractions become floats; a column
    of several kinds (numbers with a stray "n/a") becomes text, to be parsed or refused at the door:
    see `text_of_value` for how it tells a number from a text that looks like one.
    """
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pd.DataFrame(
        dict(zip(names, map(typed_column, columns), strict=True)), columns=list(names)
    )


def typed_column(values: Sequence[Any]) -> pd.Series[Any]:
    """One column of Python values, None where missing, in the type that holds them all exactly."""
    kinds = {_kind_of_type(kind) for kind in set(map(type, values)) - {type(None)}}
    if kinds == {"flag"}:
        return pd.Series(values, dtype="boolean")
    if kinds == {"time"}:
        return _times_column(values)
    if kinds and kinds <= {"integer", "decimal"} and all(v is None or _is_whole(v) for v in values):
        return pd.Series([None if v is None else int(v) for v in values], dtype="Int64")
    if kinds and kinds <= {"integer", "decimal", "real"} and kinds != {"integer"}:
        return pd.Series([np.nan if v is None else float(v) for v in values], dtype="float64")
    return _text_column(values)


def _kind_of_type(of: type) -> str:
    kinds = {"flag": bool, "integer": Integral, "decimal": Decimal, "real": Real, "time": date}
    return next((kind for kind, parent in kinds.items() if issubclass(of, parent)), "text")


def _is_whole(value: int | Decimal) -> bool:
    """Whether a number is whole as written (10.00 is not: money stays money) and fits 64 bits."""
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < 0:
            return False
    return -(2**63) <= value < 2**63


def _times_column(values: Sequence[Any]) -> pd.Series[Any]:
    """Dates and times in microseconds, which hold an open end such as 9999-12-31."""
    zoned = {getattr(value, "tzinfo", None) is not None for value in values if value is not None}
    if len(zoned) > 1:
        return _text_column(values)
    plain = [_time_in_utc(value) if zoned == {True} else value for value in values]
    times = pd.Series(np.array(plain, dtype="datetime64[us]"))
    return times.dt.tz_localize("UTC") if zoned == {True} else times


def _time_in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None)


def _text_column(values: Sequence[Any]) -> pd.Series[Any]:
    return pd.Series(
        [None if value is None else text_of_value(value) for value in values], dtype="string"
    )


def text_of_value(value: object) -> str:
    """A value as text that has one reading, whatever text stands beside it.

    A fraction gets an exponent ("1.125e0"), a time its T ("2024-02-05T00:00:00"): nobody types
    either, every program reads both, and neither depends on what people mean by a comma or by
    03/04.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return f"{value}T00:00:00"
    if isinstance(value, np.datetime64):
        return str(np.datetime_as_string(value, unit="s"))
    if isinstance(value, Real | Decimal) and not isinstance(value, Integral):
        return _text_of_number(value)
    return str(value)


def _text_of_number(value: Real | Decimal) -> str:
    try:
        number = float(value)
    except (ValueError, OverflowError):  # a signalling NaN, a fraction too large for a float
        return str(value)
    if not math.isfinite(number):
        return "nan" if math.isnan(number) else "-1e999"[number > 0 :]
    if number.is_integer() and abs(number) < _EXACT:
        return str(int(number))
    text = repr(number)
    return text if "e" in text else f"{text}e0"

"""Rows as whole numbers, whose sums are exact and do not depend on the order of adding.

Every row becomes a whole number modulo a prime, made of all its columns. The number of rows, the
sum of these numbers and the sum of their squares say whether two tables hold the same rows.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import added_up, as_lazy, count, with_text_numbers

if TYPE_CHECKING:
    from retention.frames import Frame

NUMBERED = ("_h", "_h2")
_PRIME = 2_147_483_647
_UNIT = 1_000_000.0  # numbers count to six decimals
_LARGEST = 9e15  # a float is a whole number exactly up to here
_LONG_AGO = 100_000_000_000  # seconds before 1970, more than 3,000 years


def kind_in_words(dtype: nw.dtypes.DType) -> str:
    """What a column holds, in words that do not differ between engines."""
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, nw.Boolean):
        return "flag"
    return "time" if isinstance(dtype, nw.Date | nw.Datetime) else "text"


def digits_of_value(marks: Any, n: int) -> str:
    """The first `n` hexadecimal digits that stand for a JSON value."""
    return hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest()[:n]


def plain_frame(table: object, *, name: str) -> Frame:
    """The table as a frame; in pandas, objects of whatever kind are written out as text."""
    native = nw.to_native(table, pass_through=True)
    given = nw.from_native(cast("Any", native))
    odd = [n for n, dtype in given.collect_schema().items() if isinstance(dtype, nw.Object)]
    if odd:
        known = {n: native[n].where(native[n].isna(), native[n].astype(str)) for n in odd}
        native = native.assign(**{n: column.astype("string") for n, column in known.items()})
    return as_lazy(native, name=name)


def frame_with_numbers(frame: Frame) -> Frame:
    """The frame with the number of each row, `_h`, and its square, `_h2`.

    A lazy engine writes an expression out wherever it is used again, so none is nested in another
    more than twice.
    """
    schema, engine = frame.collect_schema(), frame.implementation
    places = {column: i for i, column in enumerate(schema)}
    texts = {
        c: f"_code{places[c]}" for c, dtype in schema.items() if kind_in_words(dtype) == "text"
    }
    parts: dict[str, nw.Expr] = {}
    for column, i in places.items():
        kind = kind_in_words(schema[column])
        if kind == "number":
            parts |= _parts_of_number(i, column)
        elif kind == "flag":  # a missing truth is not false
            known = ~nw.col(column).is_null()
            parts[f"_code{i}"] = count(nw.col(column)) + count(known)
        elif kind == "time":
            second = periods.second_expr(column, schema[column], engine) + _LONG_AGO
            parts[f"_time{i}"] = second.fill_null(0)
    row = with_text_numbers(frame, texts)
    row = row.with_columns(**parts) if parts else row
    codes = [term for column, i in places.items() for term in _terms_of_column(column, i, parts)]
    row = row.with_columns(added_up([nw.lit(1).cast(nw.Int64), *codes]).alias("_sum"))
    row = row.with_columns(_remainder(nw.col("_sum")).alias("_h"))
    square = _remainder(nw.col("_h") * nw.col("_h")).alias("_h2")
    return row.with_columns(square).select(*schema, *NUMBERED)


def _weight_of_column(name: str) -> int:
    """A whole number below 2²⁰ that stands for a column."""
    return crc32(name.encode()) % 1_048_573 + 1


def _remainder(value: nw.Expr) -> nw.Expr:
    """The remainder of whole numbers from 0 on, without %, which not every engine has."""
    return value - (value // _PRIME) * _PRIME


def _parts_of_number(i: int, column: str) -> dict[str, nw.Expr]:
    """The whole part, the millionths, and what else there is to know of a number."""
    x = nw.col(column).cast(nw.Float64)
    there = ~x.is_null() & ~x.is_nan()
    known = there & (x.abs() <= _LARGEST)
    # Rounded before it is parted: a sum may come out as 2 or as 1.9999999999999998.
    size = nw.when(known).then(x.abs() + 0.5 / _UNIT).otherwise(nw.lit(0.0))
    return {
        f"_whole{i}": size.floor().cast(nw.Int64),
        f"_part{i}": ((size - size.floor()) * _UNIT).floor().cast(nw.Int64),
        f"_mark{i}": count(there) + count(x < 0) + count(there & (x.abs() > _LARGEST)) * 3,
    }


def _terms_of_column(column: str, i: int, parts: dict[str, nw.Expr]) -> list[nw.Expr]:
    """What a column adds to the number of a row: whole numbers below 2⁵³."""
    if f"_whole{i}" in parts:
        names = {"whole": _remainder(nw.col(f"_whole{i}")), "part": nw.col(f"_part{i}")}
        names["mark"] = nw.col(f"_mark{i}")
        return [
            value.cast(nw.Int64) * _weight_of_column(f"{column} {n}") for n, value in names.items()
        ]
    if f"_time{i}" in parts:
        return [_remainder(nw.col(f"_time{i}").cast(nw.Int64)) * _weight_of_column(column)]
    return [nw.col(f"_code{i}").cast(nw.Int64) * _weight_of_column(column)]

"""A table in a few numbers: the same on every engine and in any order of rows, exact.

Every row becomes a whole number modulo a prime, a sum over its columns. Sums of these numbers and
of their squares over all rows, over the rows of each id and over those of each text do not depend
on the order in which an engine adds, since they are whole numbers.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import as_lazy, collect, count, one_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from retention.frames import Frame

_PRIME = 2_147_483_647
_UNIT = 10_000.0  # numbers count to four decimals
_LARGEST = 9e14  # times the unit still a whole number of 64 bits
_FEW = 10_000
_H, _H2 = "_h", "_h2"
IDS = ("customer_id", "order_id", "contract_id", "survey_id", "contact_id")
"""Columns whose values are names: which rows share one matters, not how it is written."""


def fingerprint(table: object, *, name: str) -> dict[str, Any]:
    """The columns and the number of rows of a table, and sixteen hexadecimal digits of its content.

    Two tables have the same digits if they differ in nothing but the engine, the order of rows and
    columns, how ids are written, times within a day, and digits beyond the fourth decimal.
    """
    frame = _usable(table, name)
    schema = frame.collect_schema()
    texts = [column for column in schema if _is_label(column, schema[column])]
    rows = _numbered(frame, [column for column in schema if column not in texts])
    marks: dict[str, Any] = {"rows": _sums(rows)}
    for column in texts:
        marks[column] = _by_label(rows, column, named=column in IDS)
    written = json.dumps(marks, sort_keys=True)
    return {
        "n_rows": marks["rows"]["n"],
        "columns": {column: _plainly(schema[column]) for column in sorted(schema)},
        "digits": hashlib.sha256(written.encode()).hexdigest()[:16],
    }


def _usable(table: object, name: str) -> Frame:
    """The columns that hold numbers, truths, times or text, which all engines know."""
    schema = nw.from_native(cast("Any", nw.to_native(table, pass_through=True))).collect_schema()
    wanted = [column for column, dtype in schema.items() if _plainly(dtype) != "other"]
    frame = as_lazy(table, name=name, only=wanted)
    present = frame.collect_schema()
    return frame.select(*(column for column in wanted if column in present))


def _plainly(dtype: nw.dtypes.DType) -> str:
    """What a column holds, in words that do not differ between engines."""
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, nw.Boolean):
        return "flag"
    if isinstance(dtype, nw.Date | nw.Datetime):
        return "time"
    return "text" if isinstance(dtype, nw.String | nw.Categorical | nw.Enum) else "other"


def _is_label(column: str, dtype: nw.dtypes.DType) -> bool:
    return column in IDS or _plainly(dtype) == "text"


def _weight(text: str) -> int:
    """A whole number below 2²⁰ that stands for a name."""
    return crc32(text.encode()) % 1_048_573 + 1


def _modulo(value: nw.Expr) -> nw.Expr:
    """The remainder of whole numbers from 0 on, without %, which not every engine has."""
    return value - (value // _PRIME) * _PRIME


def _numbered(frame: Frame, columns: Iterable[str]) -> Frame:
    """The rows with their number `_h` and its square `_h2`; labels stay beside them."""
    schema, engine = frame.collect_schema(), frame.implementation
    row = frame.with_columns(nw.lit(1).cast(nw.Int64).alias(_H))
    for column in columns:
        kind = _plainly(schema[column])
        if kind == "number":
            row = _with_number(row, column)
        elif kind == "flag":
            row = row.with_columns(_code=count(nw.col(column)) + 1)
        else:
            row = row.with_columns(_code=periods.day_expr(column, engine) + 800_000)
        code = nw.col("_code").fill_null(0).cast(nw.Int64) * _weight(column)
        row = row.with_columns(_modulo(nw.col(_H) + _modulo(code)).alias(_H))
        if kind == "flag":  # a missing truth is not false
            missing = count(nw.col(column).is_null()) * _weight(f"no {column}")
            row = row.with_columns(_modulo(nw.col(_H) + missing).alias(_H))
    labels = [column for column in schema if _is_label(column, schema[column])]
    return row.select(*labels, _H, _modulo(nw.col(_H) * nw.col(_H)).alias(_H2))


def _with_number(frame: Frame, column: str) -> Frame:
    """`_code`: ten thousandths of the number modulo the prime, odd where it is negative."""
    x = nw.col(column).cast(nw.Float64)
    known = ~x.is_null() & ~x.is_nan() & (x.abs() <= _LARGEST)
    size = nw.when(known).then(x.abs()).otherwise(nw.lit(0.0))
    sized = frame.with_columns(
        _size=(size * _UNIT + 0.5).floor().cast(nw.Int64),
        _low=count(known & (x < 0)),
        _known=count(known),
    )
    return sized.with_columns(
        _code=nw.col("_known") * (_modulo(nw.col("_size")) * 2 + nw.col("_low") + 1)
    )


def _sums(rows: Frame) -> dict[str, int]:
    found = one_row(rows.select(nw.len().alias("n"), nw.col(_H).sum(), nw.col(_H2).sum()))
    return {"n": int(found["n"]), "h": int(found[_H] or 0), "h2": int(found[_H2] or 0)}


def _by_label(rows: Frame, column: str, *, named: bool) -> Mapping[str, int]:
    """Sums over the rows of each label: weighed with the label, or for names squared."""
    grouped = rows.group_by(column).agg(nw.len().alias("n"), nw.col(_H).sum(), nw.col(_H2).sum())
    whole = grouped.with_columns(nw.col("n", _H, _H2).cast(nw.Int64))
    if not named and int(one_row(whole.select(nw.len().alias("n")))["n"]) <= _FEW:
        found = collect(whole)
        sums = zip(*(found[name].tolist() for name in (column, "n", _H)), strict=True)
        return {"h": sum(_weight(f"{label}") * (n + h) for label, n, h in sums) % _PRIME}
    part = _modulo(nw.col(_H) + nw.col("n"))
    squared = whole.with_columns(_part=part).with_columns(
        _square=_modulo(nw.col("_part") * nw.col("_part"))
    )
    return {"h": int(one_row(squared.select(nw.col("_square").sum()))["_square"] or 0)}

"""Exact duplicate lines: rows that repeat an earlier one in every column of the user's table.

All columns count, not only the named ones: two lines of one invoice may agree in customer, time,
quantity and price, and differ in the product. What a clean table costs is one number a row.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import as_lazy, one_row
from retention.loading.columns import ROW
from retention.loading.text import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.frames import Frame
    from retention.loading.columns import Source

_COPY, _LINE = f"{OURS}copy", f"{OURS}line"


def fingerprint(source: Source) -> nw.Expr:
    """One number a row, made of all its numbers and times: where it differs, lines differ."""
    total = nw.lit(0.0)
    engine = source.frame.implementation
    for i, (name, dtype) in enumerate(source.schema.items()):
        weight = math.sqrt(2 * i + 3)
        if dtype.is_numeric():
            total = total + nw.col(name).cast(nw.Float64).fill_null(0.0) * weight
        elif isinstance(dtype, nw.Date | nw.Datetime):
            total = total + _seconds(name, dtype, engine).cast(nw.Float64).fill_null(0.0) * weight
    return total


def with_repeats(source: Source, frame: Frame, flag: str) -> Frame | None:
    """The frame with a flag on every copy of a line but the first; None if no line is repeated."""
    if not _n_copies(source):
        return None
    texts = _as_text(source.schema)
    line = [f"{_LINE}{i}" if name in texts else name for i, name in enumerate(source.schema)]
    named = zip(source.schema, line, strict=True)
    frame = frame.with_columns(*(texts[name].alias(ours) for name, ours in named if name in texts))
    order = ROW if source.eager else _COPY
    copy = nw.col(_COPY).cum_sum().over(*line, order_by=order)
    frame = frame.with_columns(nw.lit(1).alias(_COPY)).with_columns(copy.alias(_COPY))
    return frame.with_columns((nw.col(_COPY) > 1).alias(flag))


def _seconds(name: str, dtype: nw.dtypes.DType, engine: nw.Implementation) -> nw.Expr:
    time = nw.col(name)
    if engine.is_pandas() or engine.is_polars():
        return time.dt.timestamp("ms")
    day = periods.day_expr(name, engine) * 86_400
    if isinstance(dtype, nw.Date):
        return day
    clock = time.dt.hour().cast(nw.Int64) * 3600 + time.dt.minute().cast(nw.Int64) * 60
    return day + clock + time.dt.second().cast(nw.Int64)


def _as_text(schema: Mapping[str, nw.dtypes.DType]) -> dict[str, nw.Expr]:
    """Columns of mixed Python objects, which engines cannot group by as they are, as text."""
    odd = nw.Object | nw.Unknown
    return {n: nw.col(n).cast(nw.String) for n, dtype in schema.items() if isinstance(dtype, odd)}


def _n_copies(source: Source) -> int:
    """How many rows repeat an earlier one, counted by the engine that counts fastest."""
    frame = as_lazy(source.table, name=source.kind.name).with_columns(**_as_text(source.schema))
    lines = frame.group_by(*source.schema).agg(nw.len().alias(_COPY))
    extra = lines.with_columns(nw.col(_COPY).cast(nw.Int64) - 1)
    return int(one_row(extra.select(nw.col(_COPY).sum()))[_COPY] or 0)

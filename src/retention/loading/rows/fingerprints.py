"""One number a row, made of what stands in it: where the numbers differ, lines differ.

It tells for a fraction of the price of a comparison that a clean table has no line twice, and which
rows of another are worth comparing.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.frames import added_up, numbers_of_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.loading.rows.columns import Source

_ODD, _FOLD = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)
_BLOCK = 100_000  # rows at a time, so that what is between stays in the processor's cache
_FIRST_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=np.uint64)


def fingerprint(source: Source) -> nw.Expr:
    """The number of each row of a lazy table, of its numbers and times."""
    terms = [nw.lit(0.0)]
    for i, (name, dtype) in enumerate(source.schema.items()):
        weight = math.sqrt(2 * i + 3)
        if dtype.is_numeric():
            terms.append(nw.col(name).cast(nw.Float64).fill_null(0.0) * weight)
        elif isinstance(dtype, nw.Date | nw.Datetime):
            terms.append(
                _seconds_of_time(source, name, dtype).cast(nw.Float64).fill_null(0.0) * weight
            )
    return added_up(terms)


def rows_of_like_fingerprint(source: Source) -> NDArray[np.int64]:
    """The rows of an eager table that share their number, of all columns, with another row."""
    table = nw.from_native(cast("Any", source.table), eager_only=True)
    found = np.zeros(len(table), dtype=np.uint64)
    for name, dtype in source.schema.items():
        bits = _bits_of_values(table[name], dtype)
        if bits is not None:
            found ^= bits
            found *= _ODD
            found ^= found >> _FOLD
    ordered = np.sort(found)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not twice.size:
        return np.array([], dtype=np.int64)
    near = np.minimum(np.searchsorted(twice, found), twice.size - 1)
    return np.flatnonzero(twice[near] == found).astype(np.int64)


def _seconds_of_time(source: Source, name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    time = nw.col(name)
    day = periods.day_expr(name, source.frame.implementation) * 86_400
    if isinstance(dtype, nw.Date):
        return day
    clock = time.dt.hour().cast(nw.Int64) * 3600 + time.dt.minute().cast(nw.Int64) * 60
    return day + clock + time.dt.second().cast(nw.Int64)


def _bits_of_values(column: nw.Series[Any], dtype: nw.dtypes.DType) -> NDArray[np.uint64] | None:
    """64 bits of each value, the same for the same value; None where there is no cheap way."""
    if isinstance(dtype, nw.String):
        numbers = numbers_of_texts(column)
        return _text_bits(column) if numbers is None else numbers
    if isinstance(dtype, nw.Int128 | nw.UInt128):  # NumPy has no such numbers
        return None
    if not (dtype.is_numeric() or isinstance(dtype, nw.Date | nw.Datetime | nw.Boolean)):
        return None
    values = column.to_numpy()
    if values.dtype.kind == "f":
        values = values.astype(np.float64) + 0.0  # -0.0 is 0.0
        values[np.isnan(values)] = np.nan
        return cast("NDArray[np.uint64]", values.view(np.uint64))
    if values.dtype.kind in "iubM":
        return values.astype(np.int64).view(np.uint64)
    return None


def _text_bits(column: nw.Series[Any]) -> NDArray[np.uint64] | None:
    """The first and last eight bytes of each text and its length, read off Arrow's buffers."""
    if not find_spec("pyarrow"):
        return None
    texts = column.to_arrow()
    texts = texts.combine_chunks() if hasattr(texts, "combine_chunks") else texts
    width = {"string": "<i4", "large_string": "<i8"}.get(str(texts.type))
    _, places, letters = texts.buffers() if width else (None, None, None)
    if places is None or letters is None:
        return None
    ends = np.frombuffer(places, dtype=width)[texts.offset : texts.offset + len(texts) + 1]
    padded = np.concatenate([np.frombuffer(letters, dtype=np.uint8), np.zeros(8, dtype=np.uint8)])
    eight = np.ndarray((padded.size - 7,), dtype=np.uint64, buffer=padded, strides=(1,))
    found = np.empty(len(texts), dtype=np.uint64)
    for since in range(0, len(texts), _BLOCK):
        block = ends[since : since + _BLOCK + 1].astype(np.int64)
        start, end = block[:-1], block[1:]
        mask = _FIRST_BYTES[np.minimum(end - start, 8)]
        bits = (eight[start] & mask) * _ODD ^ (eight[np.maximum(end - 8, start)] & mask)
        found[since : since + _BLOCK] = bits * _ODD ^ (end - start).view(np.uint64)
    if texts.null_count:
        found[texts.is_null().to_numpy(zero_copy_only=False)] = 0
    return found

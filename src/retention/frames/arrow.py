"""Columns of Arrow and pandas in types that every engine reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from retention.errors import ColumnError

_EXACT = 2**53
_VIEWS = {"string_view": "string", "binary_view": "object"}
_CALENDAR = {"s": 1, "ms": 1_000}
_PER_SECOND = {**_CALENDAR, "us": 1_000_000}
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # seconds of the years 1 to 9999
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


def readable_column(column: Any, name: str, table: str) -> Any:
    """A column of Arrow; wide decimals and half floats as numbers that every engine has.

    Raises:
        ColumnError: if it holds days that no calendar has: another unit was meant.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_decimal256(kind):
        return column.cast(pa.float64())
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_dictionary(kind) and not _is_arrow_text(kind.value_type):
        return readable_column(column.cast(kind.value_type), name, table)
    if pa.types.is_run_end_encoded(kind):
        import pyarrow.compute as pc

        return pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks])
    if pa.types.is_timestamp(kind) and kind.unit in _CALENDAR:
        per_second = _CALENDAR[kind.unit]
        _refuse_beyond_calendar(
            column.cast(pa.int64()), _FIRST * per_second, _LAST * per_second, name, table
        )
    if pa.types.is_date32(kind):
        _refuse_beyond_calendar(column.cast(pa.int32()), _FIRST_DAY, _LAST_DAY, name, table)
    return column


def _is_arrow_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def readable_pandas(values: Any, name: str, table: str) -> Any:
    """A pandas column likewise; the very same where there is nothing to do."""
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return _column_out_of_arrow(values, name, table)
    if str(dtype) == "float16":
        return values.astype("float32")
    if dtype.kind == "M" and not str(dtype).startswith("datetime64[ns"):
        _refuse_far_pandas_moments(values, name, table)
    return values


def _refuse_far_pandas_moments(values: Any, name: str, table: str) -> None:
    """Refuse moments beyond the calendar: their ends are looked at in the unit that they have."""
    unit = values.dt.unit
    moments, missing = values.to_numpy(f"datetime64[{unit}]").view("int64"), np.iinfo(np.int64).min
    if moments.size and moments.min() == missing:
        moments = moments[moments != missing]
    if moments.size:
        ends = (int(moments.min()) // _PER_SECOND[unit], int(moments.max()) // _PER_SECOND[unit])
        if ends[0] < _FIRST or ends[1] > _LAST:
            raise calendar_refusal(name, table)


def _column_out_of_arrow(values: Any, name: str, table: str) -> Any:
    """Pandas over Arrow: what Arrow has few functions for goes into pandas' own types."""
    import pandas as pd
    import pyarrow as pa

    given = pa.chunked_array(values.array.__arrow_array__())
    read = readable_column(given, name, table)
    kind = read.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        plain = read.to_pandas()
    elif pa.types.is_integer(kind) and kind.bit_width == 64 and _is_beyond_floats(values):
        plain = values.astype("UInt64" if kind == pa.uint64() else "Int64")
    elif str(kind) in ("string_view", "binary_view"):
        plain = pd.Series(read.to_pylist(), dtype=_VIEWS[str(kind)])
    elif pa.types.is_union(kind) or str(kind) == "month_day_nano_interval":
        plain = pd.Series(read.to_pylist(), dtype=object)
    elif read is given:
        return values
    else:
        plain = pd.Series(pd.arrays.ArrowExtensionArray(read))
    plain.index = values.index
    return plain


def _is_beyond_floats(values: Any) -> bool:
    """Whether a whole number is too large for Arrow to take it as a float."""
    some = values.dropna()
    return len(some) > 0 and not -_EXACT <= int(some.min()) <= int(some.max()) <= _EXACT


def _refuse_beyond_calendar(numbers: Any, first: int, last: int, name: str, table: str) -> None:
    import pyarrow.compute as pc

    ends = pc.min_max(numbers)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is not None and (low < first or high > last):
        raise calendar_refusal(name, table)


def is_in_calendar(least: float, most: float) -> bool:
    """Whether milliseconds since 1970 lie in the years 1 to 9999."""
    return least >= _FIRST * 1000 and most < (_LAST + 1) * 1000


def calendar_refusal(name: str, table: str) -> ColumnError:
    """The refusal of a column with moments outside the years 1 to 9999."""
    return ColumnError(
        f"{table}: column {name!r} holds moments outside the years 1 to 9999. Were they counted in "
        "another unit, such as milliseconds for seconds? Convert the column anew."
    )

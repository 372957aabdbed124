"""A number of 64 bits for each row of a lazy table, from engines that have one at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention.frames.column_labels import sql_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.frames.engines import Frame


def numbers_rows(frame: Frame, schema: Mapping[str, nw.dtypes.DType]) -> bool:
    """Whether the engine of a frame has such a number for these columns."""
    plain = all(
        dtype.is_numeric() or isinstance(dtype, nw.String | nw.Date | nw.Datetime | nw.Boolean)
        for dtype in schema.values()
    )
    return frame.implementation.is_duckdb() or (frame.implementation.is_polars() and plain)


def rows_may_repeat(frame: Frame, schema: Mapping[str, nw.dtypes.DType]) -> bool:
    """Whether two rows of these columns share their number, as rows do that are alike."""
    native = cast("Any", frame.to_native())
    if frame.implementation.is_duckdb():
        hashed = native.project(f"hash({', '.join(map(sql_name, schema))}) AS h")
        twice = hashed.aggregate("h, count(*) AS n", "h").filter("n > 1")
        return bool(twice.limit(1).fetchall())
    import polars as pl

    floats = [name for name, dtype in schema.items() if dtype.is_float()]
    values = native.with_columns(pl.col(floats) + 0.0) if floats else native  # -0.0 is 0.0
    numbers = [pl.col(name).hash(i) for i, name in enumerate(schema)]
    told = values.select(pl.sum_horizontal(numbers).n_unique() == pl.len()).collect()
    return not told.item()

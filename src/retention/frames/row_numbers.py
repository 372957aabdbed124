"""A number of 64 bits for each row of a lazy table, from engines that have one at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames.column_labels import sql_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames.engines import Frame

MOST_SORTED = 2**24
"""So many numbers of rows take 128 MB."""

_SAMPLE = 10_000
"""Rows that tell whether it is worth the while to look at some of the columns alone."""


def numbers_rows(frame: Frame, schema: Mapping[str, nw.dtypes.DType]) -> bool:
    """Whether the engine of a frame has such a number for these columns."""
    plain = all(
        dtype.is_numeric() or isinstance(dtype, nw.String | nw.Date | nw.Datetime | nw.Boolean)
        for dtype in schema.values()
    )
    return frame.implementation.is_duckdb() or (frame.implementation.is_polars() and plain)


def numbers_of_texts(texts: nw.Series[Any]) -> NDArray[np.uint64] | None:
    """Such a number of each text at hand, the same of the same text, where the engine has it."""
    return texts.to_native().hash().to_numpy() if texts.implementation.is_polars() else None


def with_row_numbers(frame: Frame, columns: Mapping[str, nw.dtypes.DType], name: str) -> Frame:
    """The frame with the number of these columns of each row, the same where they are the same."""
    native = cast("Any", frame.to_native())
    if frame.implementation.is_duckdb():
        made = native.project(f"*, {_hash_of(list(columns))} AS {sql_name(name)}")
    else:
        made = native.with_columns(_polars_hash(columns).alias(name))
    return cast("Frame", nw.from_native(made))


def rows_may_repeat(frame: Frame, schema: Mapping[str, nw.dtypes.DType], *, few: bool) -> bool:
    """Whether two rows of these columns share their number, as rows do that are alike.

    Numbers and times are asked first where a sample of them differs: texts cost more.

    Args:
        frame: the rows.
        schema: the columns.
        few: whether there are no more than `MOST_SORTED`: NumPy sorts the numbers three times as
            fast as DuckDB groups them, which is left to it where there are more.
    """
    plain = [name for name, dtype in schema.items() if not isinstance(dtype, nw.String)]
    native = cast("Any", frame.to_native())
    if frame.implementation.is_duckdb():
        if few and 0 < len(plain) < len(schema) and not _repeats(native.limit(_SAMPLE), plain):
            return _repeats(native, plain) and _repeats(native, list(schema))
        return _repeats(native, list(schema)) if few else _repeats_in_groups(native, schema)
    import polars as pl

    told = native.select(_polars_hash(schema).n_unique() == pl.len()).collect()
    return not told.item()


def _hash_of(columns: Sequence[str]) -> str:
    return f"hash({', '.join(map(sql_name, columns))})"


def _repeats(relation: Any, columns: Sequence[str]) -> bool:
    """Whether two rows of a relation share the number of these columns, by sorting."""
    found = np.sort(np.asarray(relation.project(f"{_hash_of(columns)} AS h").fetchnumpy()["h"]))
    return bool((found[1:] == found[:-1]).any())


def _repeats_in_groups(relation: Any, columns: Mapping[str, object]) -> bool:
    hashed = relation.project(f"{_hash_of(list(columns))} AS h")
    twice = hashed.aggregate("h, count(*) AS n", "h").filter("n > 1")
    return bool(twice.limit(1).fetchall())


def _polars_hash(schema: Mapping[str, nw.dtypes.DType]) -> Any:
    """The sum of the hashes of columns; -0.0 is 0.0."""
    import polars as pl

    values = {name: pl.col(name) for name in schema}
    numbers = [
        (values[name] + 0.0 if dtype.is_float() else values[name]).hash(i)
        for i, (name, dtype) in enumerate(schema.items())
    ]
    return pl.sum_horizontal(numbers)

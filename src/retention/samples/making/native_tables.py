"""Simulated columns as tables of the engine that was asked for."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.samples.world import Columns, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import polars as pl
    from numpy.typing import NDArray

ENGINES = ("pandas", "polars", "pyarrow", "duckdb")


def sizes_of_tables(world: Any) -> str:
    """The name of a world and the number of rows of each of its tables."""
    lines = [
        f"  {field.name:<10}{getattr(world, field.name).shape[0]:>12,} rows"
        for field in fields(world)
    ]
    return "\n".join([type(world).__name__, *lines])


def as_tables(columns: Mapping[str, Columns], engine: str) -> dict[str, Any]:
    """Named tables on one engine; DuckDB's share a connection that lives as long as they do."""
    if engine == "duckdb":
        return _duckdb_relations(columns)
    build = {"pandas": _pandas_frame, "polars": _polars_frame, "pyarrow": _arrow_table}[engine]
    return {name: build(table) for name, table in columns.items()}


def _pandas_frame(columns: Columns) -> pd.DataFrame:
    """Text is `str` on pandas 3 and `object` on pandas 2, as it is when pandas reads a file."""
    import pandas as pd

    def column(values: NDArray[Any] | Text) -> Any:
        if not isinstance(values, Text):
            return values
        known = pd.Series(values.values.astype(object), dtype="str").array
        return known.take(values.codes, allow_fill=True)

    return pd.DataFrame({name: column(of) for name, of in columns.items()}, copy=False)


def _polars_frame(columns: Columns) -> pl.DataFrame:
    import polars as pl

    def column(values: NDArray[Any] | Text) -> pl.Series:
        if not isinstance(values, Text):
            return pl.Series(values, nan_to_null=True)
        places, known = _with_null_last(values)
        return pl.Series(known, dtype=pl.String).gather(places)

    return pl.DataFrame({name: column(of) for name, of in columns.items()})


def _arrow_table(columns: Columns) -> Any:
    import pyarrow as pa

    def column(values: NDArray[Any] | Text) -> Any:
        if not isinstance(values, Text):
            return pa.array(values, from_pandas=True)  # NaN is null
        places, known = _with_null_last(values)
        return pa.array(known, type=pa.large_string()).take(pa.array(places))

    return pa.table({name: column(of) for name, of in columns.items()})


def _duckdb_relations(columns: Mapping[str, Columns]) -> dict[str, Any]:
    import duckdb

    connection = duckdb.connect(config={"pandas_analyze_sample": 0})  # objects are text
    for name, table in columns.items():
        connection.register("frame", _pandas_frame(table))
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
        connection.unregister("frame")
    return {name: connection.table(name) for name in columns}


def _with_null_last(text: Text) -> tuple[NDArray[np.int64], list[str | None]]:
    places = text.codes.astype(np.int64)
    places[places < 0] = len(text.values)
    return places, [*text.values.tolist(), None]

"""Simulated columns as tables of the engine that was asked for."""

from __future__ import annotations

from dataclasses import fields
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.printed import Printed, Shown
from retention.samples.world import Columns, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    import polars as pl
    from numpy.typing import NDArray

ENGINES = ("pandas", "polars", "pyarrow", "duckdb")


class SampleWorld(Printed):
    """A simulated world: it prints the rows and the columns of each of its tables."""

    __slots__ = ()

    def _shown(self) -> Shown:
        world: Any = self
        tables = {one.name: getattr(self, one.name) for one in fields(world)}
        rows = [
            (name, f"{table.shape[0]:,}", _named_in_short(nw.from_native(table).collect_schema()))
            for name, table in tables.items()
        ]
        name = type(self).__name__
        return Shown(f"{name}, its tables by name:", (("table", "rows", "columns"), *rows))


def _named_in_short(columns: Iterable[str]) -> str:
    return shorten(", ".join(columns), 75, placeholder=" …")


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

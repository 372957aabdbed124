"""One fixture runs a test on every engine; small named shops make tests read as sentences."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings

from choosing import asked_on_lowest, asked_on_newest

gc.set_threshold(100_000, 20, 20)  # looking for rubbish among what lasts took a twentieth

_PROFILE = {
    "deadline": None,
    "derandomize": True,
    "report_multiple_bugs": False,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}
settings.register_profile("house", max_examples=5, **_PROFILE)
settings.register_profile("few", max_examples=3, **_PROFILE)  # for a second environment
settings.register_profile(
    "unshrunk", max_examples=15, phases=[Phase.explicit, Phase.generate], **_PROFILE
)
settings.register_profile("with_spark", max_examples=2, **_PROFILE)  # seconds an example
settings.register_profile("anew", max_examples=60, **{**_PROFILE, "derandomize": False})


def at_most(n: int) -> int:
    """So many random examples of a test that is slow, or fewer where the profile says so."""
    return min(n, settings().max_examples)


def pytest_configure(config: pytest.Config) -> None:
    """Fewer random examples where Spark takes part, or where the command line says so."""
    with_spark = "not spark and" not in config.option.markexpr
    asked = config.getoption("--hypothesis-profile")
    settings.load_profile("with_spark" if with_spark else asked or "house")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The whole grid of tests and engines is a night's work, so it is asked for."""
    parser.addoption(
        "--whole", action="store_true", help="every case of every test on every engine"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what can show something (`tools/choosing.py`), the longest first."""
    items.sort(key=lambda item: "test_stacked_shops" not in item.nodeid)
    if config.getoption("--whole"):
        return
    few = config.getoption("--hypothesis-profile") == "few"
    asked = set(map(id, (asked_on_lowest if few else asked_on_newest)(items)))
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in asked])
    items[:] = [item for item in items if id(item) in asked]


SPARK = [pytest.mark.spark, pytest.mark.xdist_group("spark")]  # one session serves them all
KINDS = ("pandas", "polars", "polars_lazy", "pyarrow", "duckdb", "ibis")


class Engine:
    """One dataframe engine: pandas frames go in as its kind of table and come back to be read."""

    def __init__(self, name: str, session: Any = None) -> None:
        self.name = name
        self.session = session

    def table(self, frame: pd.DataFrame) -> Any:
        """The frame as this engine's kind of table."""
        return _MAKERS[self.name](frame, self.session)

    def read(self, table: Any, *, order: list[str] | None = None) -> pd.DataFrame:
        """A table of this engine as a pandas frame, sorted where `order` says."""
        frame = _to_pandas(table)
        return frame.sort_values(order, ignore_index=True) if order else frame

    def is_mine(self, table: Any) -> bool:
        """Whether a table is of this engine's kind."""
        return type(table).__module__.startswith(_MODULES[self.name]) and (
            ("Lazy" in type(table).__name__) == (self.name == "polars_lazy")
        )

    def __repr__(self) -> str:
        return self.name


def _arrow(frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, field in enumerate(table.schema):
        if pa.types.is_null(field.type):  # an empty column of text, on pandas 2
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table


def _polars(frame: pd.DataFrame) -> Any:
    import polars as pl

    return pl.from_arrow(_arrow(frame))


def _duckdb(frame: pd.DataFrame) -> Any:
    return _duckdb_connection().from_arrow(_arrow(frame))


@cache
def _duckdb_connection() -> Any:
    """One connection for all tables, so that two of them can be joined."""
    import duckdb

    return duckdb.connect()


def _ibis(frame: pd.DataFrame) -> Any:
    import ibis

    return ibis.memtable(_arrow(frame))


_MAKERS: dict[str, Callable[[pd.DataFrame, Any], Any]] = {
    "pandas": lambda frame, _: frame.copy(),
    "polars": lambda frame, _: _polars(frame),
    "polars_lazy": lambda frame, _: _polars(frame).lazy(),
    "pyarrow": lambda frame, _: _arrow(frame),
    "duckdb": lambda frame, _: _duckdb(frame),
    "ibis": lambda frame, _: _ibis(frame),
    "spark": lambda frame, session: session.createDataFrame(_arrow(frame)),
}

_MODULES = {
    "pandas": "pandas",
    "polars": "polars",
    "polars_lazy": "polars",
    "pyarrow": "pyarrow",
    "duckdb": ("duckdb", "_duckdb"),
    "ibis": "ibis",
    "spark": "pyspark",
}


def _to_pandas(table: Any) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        return table
    if hasattr(table, "collect_schema") and hasattr(table, "lazy") and hasattr(table, "collect"):
        table = table.collect() if "Lazy" in type(table).__name__ else table
    for method in ("toArrow", "to_arrow_table", "fetch_arrow_table", "to_pyarrow", "to_arrow"):
        if hasattr(table, method):
            table = getattr(table, method)()
            break
    return table.to_pandas(date_as_object=False)


@pytest.fixture(
    params=[*KINDS, pytest.param("spark", marks=SPARK)],
)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every engine in turn; Spark only where its marker is asked for."""
    if request.param == "ibis":  # tables of a few rows: merging SELECTs takes as long again
        monkeypatch = request.getfixturevalue("monkeypatch")
        monkeypatch.setattr("ibis.options.sql.fuse_selects", False)
    if request.param == "spark":
        return Engine("spark", request.getfixturevalue("spark"))
    return Engine(request.param)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One Spark session for all tests that need it."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # what workers run
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        # tables of a few rows: interpreting a plan is quicker than compiling it
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.python.sql.dataFrameDebugging.enabled", "false")
        .config("spark.sql.dataFrameQueryContext.enabled", "false")
        .config("spark.sql.constraintPropagation.enabled", "false")
        # a plan is made once, not again at each shuffle; little is kept, so a plain collector does
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()

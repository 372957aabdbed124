"""One fixture runs a test on every engine; small named shops make tests read as sentences."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose which engines run which tests, by what an engine's run costs and can show.

    What Hypothesis draws is asked of pandas alone, which shrinks it quickest; the other engines are
    asked about random shops all at once, in `whole/test_stacked_shops.py`; Spark draws two
    examples. What is refused is asked of pandas alone too, unless a test's name says "every
    engine". Of the other tests by example, pandas runs every case, DuckDB one of each test;
    Polars, lazy and not, and PyArrow those that hold an engine to a definition (`_TWINS`), and the
    first of each file; Ibis and Spark, which take seconds where others take milliseconds, the
    former. A second environment has Spark in the place of Ibis, asks of DuckDB what it asks of
    Spark but no shops (they go to it under PyArrow), of Polars and PyArrow the shops alone, nothing
    that is marked to be asked once, of each test the first case, and of each file but those about
    reading tables (`_MEET_PANDAS`) the first six tests and those that hold to a definition.
    What takes longest comes first, so that no core waits for it at the end.
    """
    items.sort(key=lambda item: "test_stacked_shops" not in item.nodeid)
    one_case, none = {"duckdb"}, set[str]()
    twins_only = {"polars", "polars_lazy", "pyarrow", "ibis", "spark"}
    few = config.getoption("--hypothesis-profile") == "few"
    if few:
        one_case, none = set[str](), {"ibis", "polars", "polars_lazy", "pyarrow"}
        twins_only = {"duckdb", "spark"}
    seen: set[tuple[object, str]] = set()
    of_file: Counter[str] = Counter()
    left: list[pytest.Item] = []
    for item in items:
        engine = _engine_of(item)
        if engine == "spark" and item.originalname in _LONG_ON_SPARK:
            left.append(item)
            continue
        test, file = item.nodeid.split("[")[0], item.nodeid.split("::")[0]
        if few and item.get_closest_marker("once"):
            left.append(item)
            continue
        if engine in (None, "pandas"):
            of_file[file] += (test, engine) not in seen
            late = of_file[file] > 6 and not (_TWINS.search(test) or file.startswith(_MEET_PANDAS))
            if few and (late or (test, engine) in seen):
                left.append(item)
            seen.add((test, engine))
            continue
        if few and "stacked_shops" in test:
            left += [item] if engine in {"duckdb", "ibis"} else []
            continue
        drawn = hasattr(getattr(item, "obj", None), "hypothesis")
        if (drawn or "refuse" in test) and "every_engine" not in test and engine != "spark":
            left.append(item)
            continue
        if engine not in one_case | twins_only | none:
            continue
        first = not (few or engine in {"ibis", "spark"}) and (file, engine) not in seen
        asked = engine in one_case or _TWINS.search(test) or first
        if engine in none or not asked or (test, engine) in seen:
            left.append(item)
        seen |= {(test, engine), (file, engine)}
    if left:
        gone = set(map(id, left))
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if id(item) not in gone]


_TWINS = re.compile("agree|engine|definition")
_MEET_PANDAS = tuple(
    f"tests/{room}/" for room in ("exports", "ground", "loading", "tables", "whole")
)
_LONG_ON_SPARK = {
    "test_engines_agree_with_its_definition_in_plain_python",
    "test_a_total_on_the_first_line_counts_once_on_every_engine",
    "test_every_engine_leaves_unknown_sales_unknown",
    "test_on_every_engine_the_log_cut_on_a_day_tells_the_same_to_the_last_bit",
    "test_engines_answer_alike_under_a_name_that_they_would_read",
}
"""A sixth of Spark's time, for doors and figures of which it is asked elsewhere."""


def _engine_of(item: pytest.Item) -> str | None:
    case = getattr(item, "callspec", None)
    return case.params.get("engine") if case else None


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
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()

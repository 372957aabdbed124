"""Which tests run, by what an engine's run costs and can show.

What Hypothesis draws is asked of pandas alone, which shrinks it quickest; the other engines are
asked about random shops all at once, in `whole/test_stacked_shops.py`, and Spark about the wing of
signals in `signals/test_signals_on_spark.py`. What is refused is asked of pandas alone too, unless
a test's name says "every engine".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

TWIN = re.compile("agree|engine|definition")
"""Names of tests that hold an engine to a definition."""

DEFINED = re.compile("agree|definition")
"""Those that hold it to a definition in loops, not to a case worked by hand."""

MEET_PANDAS = re.compile("tests/(exports|ground|loading|tables|whole)/")
"""Rooms about reading tables, where the lowest pandas differs most from the newest."""

LONG_ON_SPARK = {
    "test_engines_agree_with_its_definition_in_plain_python",
    "test_a_total_on_the_first_line_counts_once_on_every_engine",
    "test_every_engine_leaves_unknown_sales_unknown",
    "test_on_every_engine_the_log_cut_on_a_day_tells_the_same_to_the_last_bit",
    "test_engines_answer_alike_under_a_name_that_they_would_read",
}
"""A sixth of Spark's time, for doors and figures of which it is asked elsewhere."""

MADE_OF_OTHERS = ("tests/economics/test_staff_and_customers", "tests/kpis/test_bridge")
"""Figures that put rates together of which Spark is asked, and would ask it for each again."""

ALONE_ON_SPARK = ("tests/signals/test_purchase_features", "tests/signals/test_label_silence")
"""The rooms of signals that hold Spark to what `test_signals_on_spark.py` leaves to them."""


def asked_on_newest(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Every case on pandas; on other engines one of each twin, and of the first test of a file.

    Ibis and Spark take seconds where others take milliseconds. They are held to definitions, and to
    a case worked by hand in a file that has nothing else.
    """
    seen: set[tuple[object, str]] = set()
    for item in items:
        engine, test, file = _engine_of(item), _test_of(item), _file_of(item)
        if engine in (None, "pandas"):
            yield item
            continue
        is_first = (file, engine) not in seen
        if (test, engine) in seen or not _can_show(item, engine):
            continue
        if engine in {"ibis", "spark"}:
            asked = DEFINED.search(test) or (is_first and TWIN.search(test))
        else:
            asked = is_first or TWIN.search(test)
        if asked:
            seen |= {(test, engine), (file, engine)}
            yield item


def asked_on_lowest(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """The first case of a file's first three tests and of its twins; eight of rooms about reading.

    DuckDB runs one case of each twin; Spark, which is there in Ibis's place, has a run of its own.
    The shops go to pandas, Polars and PyArrow, which hands them to DuckDB. What is marked to be
    asked once was asked on the newest versions.
    """
    seen: set[tuple[object, str]] = set()
    of_file: Counter[str] = Counter()
    for item in items:
        engine, test, file = _engine_of(item), _test_of(item), _file_of(item)
        if item.get_closest_marker("once"):
            continue
        if "test_stacked_shops" in test and engine not in (None, "pandas"):
            if engine not in {"duckdb", "ibis"}:
                yield item
            continue
        if (test, engine or "pandas") in seen:
            continue
        if engine in (None, "pandas"):
            of_file[file] += 1
            asked = of_file[file] <= (8 if MEET_PANDAS.match(file) else 3) or TWIN.search(test)
        else:
            asked = engine == "duckdb" and TWIN.search(test) and _can_show(item, engine)
        seen.add((test, engine or "pandas"))
        if asked:
            yield item


def _can_show(item: pytest.Item, engine: str) -> bool:
    """Whether an engine other than pandas is asked at all."""
    test, file = _test_of(item), _file_of(item)
    if engine == "spark":
        said_before = file.startswith("tests/signals/") and not file.startswith(ALONE_ON_SPARK)
        long = test.split("::")[-1] in LONG_ON_SPARK or file.startswith(MADE_OF_OTHERS)
        return not (said_before or long)
    drawn = hasattr(getattr(item, "obj", None), "hypothesis")
    return "every_engine" in test or not (drawn or "refuse" in test)


def _engine_of(item: pytest.Item) -> str | None:
    case = getattr(item, "callspec", None)
    return case.params.get("engine") if case else None


def _test_of(item: pytest.Item) -> str:
    return item.nodeid.split("[")[0]


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.split("::")[0]

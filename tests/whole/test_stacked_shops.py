"""Random shops under one another: asked at once, each engine says of them what pandas does."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import pandas as pd
import pytest

import naming
import retention as rt
import stacked
from conftest import KINDS, Engine
from naming import PLAIN, run, same
from stacked import ASKED, TARGET, shops

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


LAZY = {"duckdb", "ibis"}
"""What asks all questions before again at each step; `house/test_names.py` lets DuckDB do so."""


ANSWERS: dict[str, Any] = {}
"""What pandas answered, as it was handed out."""


SHARE = {"ibis": (4, 3), "pyarrow": (2, 1), "duckdb": (2, 0), "polars_lazy": (2, 1)}
"""What takes longest, or does its work as another does, is asked each second or fourth question,
from which on: PyArrow's tables go through DuckDB, so the two share the questions."""


@cache
def on_pandas() -> dict[str, Any]:
    """Every step's answer over all shops."""
    return dict(run(PLAIN, Engine("pandas"), tables=shops(), steps=ASKED, kept=ANSWERS))


@pytest.mark.parametrize("engine", KINDS, indirect=True)
def test_every_engine_agrees_with_pandas_on_all_shops_at_once(engine):
    """From doors that let edges in to scores, with further readings of some figures.

    Behind the doors some are asked a share of the questions.
    """
    expected = on_pandas()
    assert {step for step, answer in expected.items() if isinstance(answer, Exception)} == set()
    if engine.name == "pandas":
        return
    behind = [step for step in ASKED if step not in naming.DOORS]
    share, turn = SHARE.get(engine.name, (1, 0))
    known = {step: ANSWERS[step] for place, step in enumerate(behind) if place % share != turn}
    asked = run(PLAIN, engine, tables=shops(), steps=ASKED, at_rest=LAZY, known=known)
    for step, found in asked:
        assert not isinstance(found, Exception), (step, found)
        assert same(expected[step], found), step


@pytest.mark.once
def test_a_shop_alone_has_the_answers_that_it_has_among_others():
    """A segment's rows are its own, but where a figure compares, or its window is the log's."""
    tables = {name: of_one(table) for name, table in shops().items()}
    compared = set()
    for step, alone in run(PLAIN, Engine("pandas"), tables=tables, steps=ASKED):
        among = on_pandas()[step]
        if isinstance(among, pd.DataFrame) and PLAIN in among and step not in LOOK_BEYOND:
            assert not isinstance(alone, Exception), (step, alone)
            assert same(of_one(among), alone), step
            compared.add(step)
    assert len(compared) > 50


def test_every_function_that_gives_a_table_is_asked_about_the_shops():
    """Where it is not, its twin would have to run on every engine."""
    asked = "".join(inspect.getsource(room) for room in (naming, stacked))
    missed = {
        name
        for module in rt._MODULES
        for name in getattr(rt, module).__all__
        if inspect.isfunction(function := getattr(getattr(rt, module), name))
        and "IntoFrameT" in str(inspect.signature(function))
        and f".{name}(" not in asked
    }
    assert missed == set()


LOOK_BEYOND = {
    *("churn_by", "churn_bridge", "reasons by segment"),  # the others are the measure
    *("reasons together", "pooled"),  # what is rare or does not occur is told by all
    *("mean difference", "compare", "compare within", "staff link"),
    *("compare clusters", "compare incidence"),
    *("scored", "scored in strata", "scored by aft", "expected profit"),  # by a model of all
    "scored by reason",
    "outlook of fees",  # by a curve of all
    *("alarm kpis", "alarm leads"),  # of lists that rank the customers of all
    "money effect",  # of several segments, each told of the others
    *("arms compared", "arms compared by cluster", "arms' lifetimes"),  # corrected for all
    "compared rates",  # likewise
    *("voice", "repeat", "reasons in time"),  # from the first line of the log on
}


def of_one(table):
    """The rows of one shop; all rows of what belongs to none."""
    if PLAIN not in table:
        return table
    return table[table[PLAIN] == TARGET].reset_index(drop=True)

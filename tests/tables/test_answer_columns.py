"""Answers are declared beside the functions that give them: what they declare is what they give."""

from __future__ import annotations

import doctest
import inspect
import re

import numpy as np
import pandas as pd
import pytest

import retention as rt
from conftest import Engine
from naming import PLAIN, run
from retention.tables.answer_columns import ANSWERS, answer_of, unit_of

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

KINDS = {"integer": "iu", "number": "iuf", "flag": "bO", "time": "M"}
MODULES = (
    "activity",
    "benchmarks",
    "economics",
    "findings",
    "kpis",
    "reasons",
    "recording",
    "repeat_buying",
    "spells",
)
FACES = [getattr(rt, module) for module in (*MODULES, "survival")]
FUNCTIONS = {
    name: getattr(face, name)
    for face in FACES
    for name in face.__all__
    if inspect.isfunction(getattr(face, name)) and getattr(face, name) in ANSWERS
}
NO_TABLE = {
    *("annualise", "finding", "recorded", "with_predictions", "with_reason_predictions"),
    *(name for face in FACES for name in face.__all__ if name.startswith(("fit_", "load_"))),
    *("extend_lexicon", "from_lifelines", "reason_categories", "reason_prompt", "reason_schema"),
}
"""Functions that give something else than a table of their own: its view, a model, a number."""


def test_every_function_that_gives_a_table_declares_it():
    """And none declares what it does not give."""
    public = {
        name
        for face in FACES
        for name in face.__all__
        if inspect.isfunction(getattr(face, name)) and name not in NO_TABLE
    }
    assert public == set(FUNCTIONS)


@pytest.fixture(scope="module")
def given():
    """What each function gave in a run over all of them: the table, and how it was asked."""
    found = {}

    def kept(name, function):
        def asked(*args, **said):
            table = function(*args, **said)
            found.setdefault(name, []).append((table, said))
            return table

        return asked

    with pytest.MonkeyPatch.context() as patch:
        for face in FACES:
            for name in set(face.__all__) & set(FUNCTIONS):
                patch.setattr(face, name, kept(name, FUNCTIONS[name]))
                if name in rt.__all__:
                    patch.setattr(rt, name, getattr(face, name))
        for step, answer in run(PLAIN, Engine("pandas")):
            assert not isinstance(answer, Exception), step
    for name in sorted(set(FUNCTIONS) - set(found)):  # as their own examples ask them
        with pytest.MonkeyPatch.context() as patch:
            for face in (rt, *FACES):
                if name in face.__all__:
                    patch.setattr(face, name, kept(name, FUNCTIONS[name]))
            (example,) = doctest.DocTestFinder(recurse=False).find(FUNCTIONS[name], name)
            exec("".join(line.source for line in example.examples), {})
    return found


def users_own(name, said):
    """The columns that a call asked to stand beside those of the answer."""
    if name == "compare_runs":  # whatever tells the rows of the compared answers apart
        return {"period"}
    asked = [said.get(word, ()) for word in ("by", "keep", "keep_first", "keep_last")]
    return {name for one in asked for name in ([one] if isinstance(one, str) else one)}


def test_what_is_declared_is_what_is_given(given):
    """Names and order, types, and what is the same in all rows."""
    assert set(given) == set(FUNCTIONS)
    for name, calls in given.items():
        declared = answer_of(FUNCTIONS[name]).columns
        for table, said in calls:
            ours = [column for column in table.columns if column not in users_own(name, said)]
            there = [c.name for c in declared if not c.optional or c.name in ours]
            assert ours == there, name
            for column in declared:
                values = table.get(column.name)
                if values is None or not values.notna().any():
                    continue
                dtype = np.dtype(values.dtype) if isinstance(values.dtype, np.dtype) else None
                if dtype is not None and column.type in KINDS:
                    whole = column.type == "integer" and (values.dropna() % 1 == 0).all()
                    assert whole or dtype.kind in KINDS[column.type], (name, column.name)
                if column.constant:
                    assert values.nunique(dropna=False) == 1, (name, column.name)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_no_segment_is_named_like_a_column_of_the_answer(name):
    """It is refused before anything is looked at, in whatever case it is written."""
    function = FUNCTIONS[name]
    named = inspect.signature(function).parameters
    tables = [None for p in named.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    for argument in {"by", "keep", "keep_first", "keep_last"} & set(named):
        for column in answer_of(function).names:
            for asked in (column, [column.upper()]):
                with pytest.raises(rt.ColumnError, match="is a name that answers use themselves"):
                    function(*tables, **{argument: asked})


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_each_column_is_told_in_the_docstring(name):
    """By its name, or by the function whose answer it has beside its own."""
    told = inspect.getdoc(FUNCTIONS[name])
    more = [inspect.getdoc(FUNCTIONS[other]) for other in FUNCTIONS if f"`{other}`" in told]
    for column in answer_of(FUNCTIONS[name]).columns:
        written = (column.name, re.sub("(before|after)$", "…", column.name))
        said = any(f"`{one}`" in text for text in (told, *more) for one in written)
        of_a_category = name == "note_reasons" and column.type == "number"
        assert said or of_a_category or column.name.endswith(("_lower", "_upper")), column.name


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_units_are_those_of_the_catalogue(name):
    """A figure has one unit wherever it stands."""
    units = {figure.name: figure.unit for figure in rt.catalogue.FIGURES}
    for column in answer_of(FUNCTIONS[name]).columns:
        # "value" is a figure of customers, and what an answer calls each of several figures.
        if column.name in units and column.name not in ("value", "satisfaction"):
            assert column.unit == units[column.name], column.name


def test_a_column_is_told_by_the_company_it_keeps():
    """`lower` is a share beside a rate, days beside a lifetime, and nothing alone."""
    assert unit_of("lower", ["period", "retention_rate", "lower", "upper"]) == "share of 1"
    assert unit_of("lower", ["lost", "lifetime", "lower", "upper"]) == "as duration"
    assert unit_of("retention_rate", ["retention_rate"]) == "share of 1"
    assert unit_of("colour", ["colour"]) == ""
    shown = rt.plots.to_style(pd.DataFrame({"lifetime": [120.5], "lower": [90.0]})).to_html()
    assert "120.50" in shown
    assert "%" not in shown

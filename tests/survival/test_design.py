"""Covariates and strata: which columns are numbers, flags or labels, and what a model reads."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.numerics.codes import label_codes
from retention.survival.counts.clustered_rows import cluster_of_rows
from retention.survival.models.covariates import (
    Covariate,
    design_from_columns,
    learnt_covariates,
    named_columns,
    names_of_terms,
    places_of_strata,
    strata_of_rows,
    warn_of_labels,
)
from retention.survival.models.unknowns import MISSING, UNSEEN, Reader

ABC = ["a", "b", "c", "b", "a", "c"]
COLUMNS = {
    "whole": (pd.Series([1, 2, 3, 4, 5, 6]), "number"),
    "byte": (pd.Series([1, 2, 3, 4, 5, 6], dtype="int8"), "number"),
    "float": (pd.Series([1.5, 2, 3, 4, 5, 6]), "number"),
    "nullable": (pd.Series([1, 2, 3, 4, 5, 6], dtype="Int64"), "number"),
    "decimal": (pd.Series([Decimal(i) for i in range(6)], dtype=object), "number"),
    "objects": (pd.Series([1, 2, 3, 4, 5, 6], dtype=object), "number"),
    "flag": (pd.Series([True, False] * 3), "flag"),
    "flags": (pd.Series([True, False] * 3, dtype=object), "flag"),
    "boolean": (pd.Series([True, False] * 3, dtype="boolean"), "flag"),
    "text": (pd.Series(ABC), "label"),
    "category": (pd.Series(pd.Categorical(ABC)), "label"),
    "codes": (pd.Series(pd.Categorical([1, 2, 1, 2, 1, 3])), "label"),
}


def six(**columns):
    """Six spells, of which four ended."""
    churned = [True, True, False, True, False, True]
    return pd.DataFrame({"duration": [1, 2, 3, 4, 5, 6], "churned": churned, **columns})


@pytest.mark.parametrize("name", COLUMNS)
def test_what_a_column_holds_is_what_it_is_taken_for(name, engine):
    """Numbers, true or false, labels: the same on every engine that can hold the column."""
    values, kind = COLUMNS[name]
    table = six(x=values)
    if name in ("codes", "objects", "flags") and engine.name != "pandas":
        table["x"] = table["x"].astype("str" if name == "codes" else values[0].__class__.__name__)
    model = rt.fit_cox(engine.table(table), covariates="x", penalty=1)
    (covariate,) = model.covariates
    assert covariate.kind == kind
    if kind == "label":
        assert covariate.levels == (("1", "2", "3") if name == "codes" else ("a", "b", "c"))
    customers = table.assign(customer_id=range(6), tenure=0)
    here = rt.survival.predict_survival(engine.table(customers), model=model, times=2)
    found = engine.read(here, order=["customer_id"])
    assert found["survival"].between(0, 1, inclusive="neither").all()


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([None, 1, 2, 3, 4, 5], dtype="Int64"),
        pd.Series([np.nan, 1, 2, 3, 4, 5]),
        pd.Series([None, True, False, True, False, True], dtype=object),
        pd.Series([True, False, True, False, True, None], dtype=object),
        pd.Series([None, True, False, True, False, True], dtype="boolean"),
        pd.Series(["a", "b", "a", "b", "a", None]),
        pd.Series(pd.Categorical(["a", "b", "a", "b", "a", None])),
    ],
    ids=["integers", "floats", "flags", "last flag", "boolean", "text", "category"],
)
def test_missing_values_are_refused_with_their_number(values):
    """In the fit and for customers alike; of chunks all are counted."""
    with pytest.raises(rt.ContentError, match="1 row has no 'x'. Fill it in, or leave it out"):
        rt.fit_cox(six(x=values), covariates="x")
    many = pd.concat([six(x=values)] * 20_000)
    with pytest.raises(rt.ContentError, match="20,000 rows have no 'x'"):
        rt.fit_cox(many, covariates="x")
    known = values.dropna()
    model = rt.fit_cox(six().iloc[: len(known)].assign(x=known.to_numpy()), covariates="x")
    customers = six(x=values).assign(customer_id=range(6), tenure=0)
    with pytest.warns(rt.RetentionWarning, match="1 of 6 rows gets no prediction: 1 has no 'x'"):
        soon = rt.predict_churn(customers, model=model, within=1)
    assert soon["churn_probability"].isna().tolist() == values.isna().tolist()
    assert soon["reason"].dropna().tolist() == ["a covariate is missing"]


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (pd.Timestamp("2024-01-01"), rt.ColumnError, "'x' holds datetime64.*numbers or labels"),
        (pd.Timedelta("1D"), rt.ColumnError, "'x' holds timedelta64.*give numbers or labels"),
        ([np.inf, 1, 2, 3, 4, 5], rt.ContentError, "1 row has an infinite 'x', or one above"),
    ],
)
def test_columns_that_are_no_covariates_are_refused(values, error, message):
    """Times and infinite numbers."""
    with pytest.raises(error, match=message):
        rt.fit_cox(six(x=values), covariates="x")


def aged(n=400):
    """Customers of 20 to 59, half of whom left; who is older stays longer."""
    rng = np.random.default_rng(3)
    age = rng.integers(20, 60, n)
    time = rng.exponential(age / 10).astype(int) + 1
    return pd.DataFrame({"duration": time, "churned": rng.random(n) < 0.5, "age": age})


FITS = {
    "cox": rt.fit_cox,
    "aft": lambda table, **say: rt.survival.fit_aft(table, distribution="weibull", **say),
    "hazard": lambda table, **say: rt.survival.fit_hazard(table, unit="day", **say),
}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
def test_numbers_written_as_text_are_named_and_the_cure_is_the_fit_of_numbers(fit, engine):
    """Forty levels of an age; said to be converted, they are one coefficient again."""
    table = aged()
    text = table.assign(age=table["age"].astype(str))
    with pytest.warns(rt.RetentionWarning, match="'age' holds 40 different texts that are all n"):
        FITS[fit](engine.table(text), covariates="age")
    spells = text
    spells["age"] = pd.to_numeric(spells["age"])
    model = FITS[fit](engine.table(spells), covariates="age")
    assert [one.kind for one in model.covariates] == ["number"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([f"{i},5" for i in range(20)], "20 different texts that are all numbers"),
        ([*map(str, range(29)), " "], r"numbers but for 1.*errors='coerce'\)"),
        ([*range(19), "19"], "20 different texts that are all numbers"),
        ([f"town {i}" for i in range(30)], "30 levels for 120 ends, fewer than 5 each"),
    ],
)
def test_levels_that_deserve_a_look_are_named(values, said):
    """Decimal commas, a blank among numbers, one text among them, more towns than ends allow."""
    known = learnt_covariates(["x"], {"x": np.array(values, dtype=object)}, {})
    with pytest.warns(rt.RetentionWarning, match=said):
        warn_of_labels(known, 120)


@pytest.mark.parametrize("form", ["{}", "1,{:03}", "{},5", "1,234,{:03}.5"])
def test_what_the_warning_says_to_write_makes_numbers(form):
    """Written exactly: plain, with thousands, with a decimal comma, with both."""
    spells = pd.DataFrame({"x": [form.format(i) for i in range(20)]})
    with pytest.warns(rt.RetentionWarning) as caught:
        warn_of_labels(learnt_covariates(["x"], {"x": spells["x"].to_numpy(object)}, {}), 120)
    said = str(caught[0].message).partition("first: spells['x'] = ")[2].partition(". If they")[0]
    numbers = eval(said, {"spells": spells, "pd": pd})
    expected = [
        float(form.replace(",", "." if form == "{},5" else "").format(i)) for i in range(20)
    ]
    assert numbers.tolist() == expected


@pytest.mark.parametrize(
    "values",
    [
        [str(month) for month in range(1, 13)],
        [f"code {i}" for i in range(24)],
        ["1 star", "2 stars", "3 stars"],
    ],
)
def test_classes_are_no_news(values):
    """Months, codes that say so, a few stars, with ends enough."""
    warn_of_labels(learnt_covariates(["x"], {"x": np.array(values, dtype=object)}, {}), 120)


def test_identifiers_are_no_labels():
    """More than a thousand different ones are not classes."""
    n = 1200
    table = pd.DataFrame({"duration": range(n), "churned": True, "x": [f"c{i}" for i in range(n)]})
    with pytest.raises(
        rt.ContentError, match="'x' makes 1,200 levels, more than 1,000: that is an ident"
    ):
        rt.fit_cox(table, covariates="x")
    with pytest.raises(rt.RetentionError, match="names a column twice"):
        named_columns(["x", "x"])
    assert named_columns("x") == ["x"]
    with pytest.raises(rt.ColumnError, match="strata: 'entry' is a column of spells itself"):
        named_columns(["entry"], "strata")


def test_numbers_given_as_text_are_refused_and_labels_read_as_they_are_written():
    """A model of numbers does not guess; one of labels reads 2, 2.0 and "2" alike."""
    by_number = rt.fit_cox(six(x=[1, 2, 3, 2, 1, 3]), covariates="x")
    by_label = rt.fit_cox(six(x=["1", "2", "3", "2", "1", "3"]), covariates="x", penalty=1)
    base = pd.DataFrame({"customer_id": [1, 2], "tenure": 0})
    with pytest.raises(rt.ColumnError, match="'x' held numbers or flags when the model was fitted"):
        rt.predict_churn(base.assign(x=["1", "2"]), model=by_number, within=1)
    answers = [
        rt.predict_churn(base.assign(x=values), model=by_label, within=1)[
            "churn_probability"
        ].tolist()
        for values in (["1", "2"], [1, 2], [1.0, 2.0])
    ]
    assert answers[0] == answers[1] == answers[2]


def test_matrix_has_a_column_for_each_level_but_the_reference():
    """Numbers as they are, flags as 0 and 1, labels against the first level."""
    columns = {
        "n": np.array([1.5, 2.0, 3.0]),
        "f": np.array([True, False, True]),
        "l": np.array(["b", "c", "a"], dtype=object),
    }
    covariates = learnt_covariates(["n", "f", "l"], columns, {"l": "b"})
    assert names_of_terms(covariates) == ("n", "f", "l=a", "l=c")
    expected = [[1.5, 1, 0, 0], [2, 0, 0, 1], [3, 1, 1, 0]]
    np.testing.assert_array_equal(design_from_columns(covariates, columns, 3), expected)
    assert design_from_columns((), {}, 3).shape == (3, 0)


@given(
    st.lists(st.sampled_from(["a", "b", "", None, "z"]), min_size=1, max_size=30),
    st.integers(1, 3),
)
def test_chunks_of_a_matrix_are_the_whole(values, times):
    """Filled some rows at a time: each row has a 1 where its level is."""
    column = np.array([value or "none" for value in values] * 9_000 * times, dtype=object)
    covariates = learnt_covariates(["x"], {"x": column}, {})
    found = design_from_columns(covariates, {"x": column}, column.size)
    levels = covariates[0].levels
    assert list(levels) == sorted(set(column))
    expected = np.array([[value == level for level in levels[1:]] for value in column[:500]])
    np.testing.assert_array_equal(found[:500], expected.reshape(500, len(levels) - 1))
    np.testing.assert_array_equal(found[-len(values) :], found[: len(values)])


def test_labels_are_read_alike_whatever_their_type():
    """Whole numbers, floats beside missing ones, flags and text, with −1 for what is missing."""
    codes, texts = label_codes(np.array([2.0, np.nan, 10.0, 2.0]))
    assert (codes.tolist(), texts) == ([1, -1, 0, 1], ["10", "2"])
    codes, texts = label_codes(np.array([True, False]))
    assert (codes.tolist(), texts) == ([1, 0], ["false", "true"])
    codes, texts = label_codes(np.array(["b", None, "a", 2, 2.0], dtype=object))
    assert (codes.tolist(), texts) == ([2, -1, 1, 0, 0], ["2", "a", "b"])


def test_clusters_are_numbered():
    """Any ids, none missing."""
    assert cluster_of_rows(np.array(["x", "y", "x"], dtype=object), "id").tolist() == [0, 1, 0]
    with pytest.raises(rt.ContentError, match="cluster: 1 row has no 'id'"):
        cluster_of_rows(np.array([1.0, np.nan]), "id")


def test_rows_a_model_can_read():
    """Nothing missing, no label that is new; the others are told apart by why they cannot be."""
    covariates = (
        Covariate(name="n", kind="number"),
        Covariate(name="l", kind="label", levels=("a", "b")),
    )
    columns = {
        "n": np.array([1.0, np.nan, 2.0, 3.0]),
        "l": np.array(["a", "b", None, "c"], dtype=object),
    }
    reader = Reader(covariates)
    design, why = reader.read(columns, 4)
    assert why.tolist() == [-1, MISSING, MISSING, UNSEEN]
    assert (design[0].tolist(), reader.n, reader.unknown) == ([1, 0], 4, 3)
    assert (reader.missing, reader.unseen["l"]) == ({"n": 1, "l": 1}, {"c": 1})
    with pytest.raises(rt.ColumnError, match="the model names 'l', which is not a column"):
        Reader(covariates).read({"n": columns["n"]}, 4)


label = st.sampled_from(["a", "b", "", None, "c"])


@given(st.lists(st.tuples(label, st.sampled_from([1, 2, 3])), min_size=1, max_size=20))
def test_strata_are_the_combinations_there_are(rows):
    """Sorted, with what is missing or empty as "(missing)"; others are not known afterwards."""
    columns = {
        "plan": np.array([plan for plan, _ in rows], dtype=object),
        "size": np.array([size for _, size in rows]),
    }
    numbers, keys = strata_of_rows(columns, ["plan", "size"], len(rows))
    expected = [(plan or "(missing)", str(size)) for plan, size in rows]
    assert [keys[number] for number in numbers] == expected
    assert keys == sorted(set(expected))
    assert places_of_strata(columns, ["plan", "size"], keys, len(rows)).tolist() == numbers.tolist()
    fewer = places_of_strata(columns, ["plan", "size"], keys[1:], len(rows))
    assert fewer.tolist() == [number - 1 for number in numbers.tolist()]
    assert strata_of_rows({}, [], 2)[1] == [()]


def test_strata_read_alike_on_every_engine(engine):
    """Flags, whole numbers beside missing ones, text with gaps: the keys are text."""
    table = six(
        flag=[True, False] * 3,
        number=[1, None, 1, None, 2, 2],
        text=["x", None, "x", "y", "y", "x"],
    )
    model = rt.fit_cox(engine.table(table), strata=["flag", "number", "text"])
    assert model.stratum_keys == (
        ("false", "(missing)", "(missing)"),
        ("false", "(missing)", "y"),
        ("false", "2", "x"),
        ("true", "1", "x"),
        ("true", "2", "y"),
    )
    customers = engine.table(table.assign(customer_id=range(6), tenure=0))
    found = engine.read(rt.predict_churn(customers, model=model, within=1), order=["customer_id"])
    assert found["reason"].isna().all()


@pytest.mark.parametrize("values", [[0.5, 1.0] * 3, pd.Timestamp("2024-01-01")])
def test_what_is_no_label_makes_no_stratum(values):
    """Decimals and times are put into classes first."""
    with pytest.raises(rt.ColumnError, match="strata: 'x' holds .*put it into classes first"):
        rt.fit_cox(six(x=values), strata="x")

"""What is written out for DuckDB: rows beside later ones, and numbers of rows that may repeat."""

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import pytest

import retention as rt
from retention.frames import (
    as_lazy,
    collect,
    rows_may_repeat,
    same_values_of,
    with_later,
    with_same_values,
)
from shops import orders

LINES = orders(
    ("A", "2024-01-05", 10.0),
    ("A", "2024-02-05", 20.0),
    ("B", "2024-01-06", 30.0),
    ("B", "2024-03-06", 5.0),
    ("C", "2024-02-07", 7.0),
    ("C", "2024-03-31", 7.0),
)
MONTHS = {"freq": "month", "as_of": "2024-03-31", "observed_from": "2024-01-01"}
FIGURES = ["n_base", "n_retained", "sales_base", "sales_retained"]


def relation(**columns):
    """A DuckDB relation of its own."""
    frame = pd.DataFrame(columns)
    return duckdb.connect().from_df(frame)


def test_each_row_stands_beside_the_row_so_much_later():
    """Of the same keys, whatever their names; who has none has no values."""
    rows = {'a "{view}" b': ["x", "x", "x", "y"], "at": [1, 2, 4, 2], "v": [1, 2, 4, 8]}
    frame = as_lazy(relation(**rows))
    key = frame.collect_schema().names()[0]
    found = collect(with_later(frame, [key], "at", lag=2, met="there", values={"v": "w"}))
    rows = zip(*(found[name].tolist() for name in (key, "at", "v", "there", "w")), strict=True)
    assert [[None if pd.isna(each) else each for each in row] for row in sorted(rows)] == [
        ["x", 1, 1, 0, None],
        ["x", 2, 2, 1, 4],
        ["x", 4, 4, 0, None],
        ["y", 2, 8, 0, None],
    ]


def test_what_is_the_same_in_every_row_is_known_of_that_relation_alone():
    """Not of one made of it, in which it may be something else."""
    frame = with_same_values(as_lazy(relation(x=[1, 2])), {"n": 5, "text": "month"})
    assert collect(frame)["n"].tolist() == [5, 5]
    assert same_values_of(frame) == {"n": 5, "text": "month"}
    assert same_values_of(nw.from_native(frame.to_native())) == {"n": 5, "text": "month"}
    assert not same_values_of(frame.with_columns(n=nw.col("x")))
    assert not same_values_of(as_lazy(pd.DataFrame({"x": [1]})))


@pytest.mark.parametrize("how", ["as it is", "filtered", "stored", "by hand"])
@pytest.mark.parametrize("lag", [1, 2])
def test_rates_are_the_same_of_activity_that_was_stored_or_changed(how, lag):
    """Its constants are then read from its columns."""
    table = duckdb.connect()
    activity = rt.customer_periods(table.from_df(LINES), **MONTHS)
    expected = rt.customer_periods(LINES, **MONTHS)
    if how == "filtered":
        activity = activity.filter("customer_id <> 'C'")
        expected = expected[expected["customer_id"] != "C"].reset_index(drop=True)
    elif how == "stored":
        activity.create("kept")
        activity = table.table("kept")
    elif how == "by hand":
        activity = activity.project("* REPLACE (last_step - 1 AS last_step)")
        expected = expected.assign(last_step=expected["last_step"] - 1)
    if how == "by hand" and lag == 2:
        with pytest.raises(rt.errors.ContentError, match="needs 3 whole periods"):
            rt.outcome_kpis(activity, lag=lag)
        return
    found = rt.outcome_kpis(activity, lag=lag, sales_basis="base").df()
    pd.testing.assert_frame_equal(
        found[FIGURES], rt.outcome_kpis(expected, lag=lag)[FIGURES], check_dtype=False
    )
    current = rt.sales_adjusted_retention(activity, lag=lag, basis="current").df()
    again = rt.sales_adjusted_retention(expected, lag=lag, basis="current")
    assert current["sales_retained"].tolist() == again["sales_retained"].tolist()


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize(
    ("columns", "repeat"),
    [
        ({"n": [1, 2, 1], "text": ["a", "b", "b"]}, False),
        ({"n": [1, 2, 1], "text": ["a", "b", "a"]}, True),
        ({"n": [1, 2, 3], "text": ["a", "a", "a"]}, False),
        ({"text": ["a", "b", "a"]}, True),
        ({"n": [0.0, 1.0, -0.0]}, True),
    ],
)
def test_rows_that_may_repeat_agree_in_every_column(kind, few, columns, repeat):
    """Whether numbers are sorted or grouped, and whether a part of the columns tells them apart."""
    import polars as pl

    table = relation(**columns) if kind == "duckdb" else pl.LazyFrame(columns)
    frame = as_lazy(table)
    assert rows_may_repeat(frame, frame.collect_schema(), few=few) is repeat


def test_rows_of_which_a_sample_differs_in_numbers_are_still_compared_whole():
    """Beyond the sample two agree in numbers, and only one pair of them in the text as well."""
    n = [*range(10_050), 7, 8]
    for last, repeat in (("c", False), ("a", True)):
        frame = as_lazy(relation(n=n, text=["a"] * 10_050 + ["b", last]))
        assert rows_may_repeat(frame, frame.collect_schema(), few=True) is repeat

"""customer_equity: a twin in lists, on every engine, ties, what is not known, refusals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from renewers import HIGH_END, YEARS, model_with

rows = st.lists(
    st.tuples(st.none() | st.integers(-5, 9), st.sampled_from(["a", "b", None])),
    min_size=1, max_size=15,
)  # fmt: skip


def values_of(rows):
    """Customers c0, c1, … with a value and a plan each."""
    frame = pd.DataFrame(rows, columns=["value", "plan"])
    named = frame.assign(customer_id=[f"c{i}" for i in range(len(frame))])
    return named.astype({"value": "float64"})


def naive_equity(worth, top):
    """The figures of some customers, from the list of their values."""
    known = sorted((float(v) for v in worth if v is not None), reverse=True)
    n_top = math.ceil(len(known) * top - 1e-9)
    equity = sum(known)
    best = sum(known[:n_top])
    return {
        "n_customers": len(worth),
        "n_valued": len(known),
        "n_unvalued": len(worth) - len(known),
        "equity": equity,
        "mean_value": equity / len(known) if known else None,
        "n_negative": sum(v < 0 for v in known),
        "equity_negative": sum(v for v in known if v < 0),
        "top": top,
        "n_top": n_top,
        "equity_of_top": best,
        "top_share": best / equity if equity > 0 else None,
    }


@settings(max_examples=at_most(8))
@given(rows=rows, top=st.sampled_from([[0.1], [0.2, 0.5], [0.07, 0.99]]))
def test_agrees_with_the_definition_in_lists(engine, rows, top):
    """By plan and of all, customers without a value left out and counted."""
    table = engine.table(values_of(rows))
    for by, keys in (((), [()]), ("plan", sorted({p or "(missing)" for _, p in rows}))):
        answer = rt.economics.customer_equity(table, by=by, top=top)
        assert engine.is_mine(answer)
        order = [*([by] if by else []), "top"]
        found = engine.read(answer, order=order).to_dict("records")
        expected = [
            naive_equity([v for v, p in rows if not by or (p or "(missing)") == key], share)
            for key in keys
            for share in sorted(top)
        ]
        for row, twin in zip(found, expected, strict=True):
            for name, value in twin.items():
                assert pd.isna(row[name]) if value is None else row[name] == pytest.approx(value)


def test_agrees_on_every_engine(engine):
    """Two plans, a value that is not known and one below 0."""
    table = values_of([(5, "a"), (3, "a"), (None, "b"), (-1, "b"), (2, "b")])
    found = rt.economics.customer_equity(engine.table(table), by="plan", top=0.5)
    assert engine.is_mine(found)
    read = engine.read(found, order=["plan"])
    assert read["equity"].tolist() == [8, 1]
    assert read["n_top"].tolist() == [1, 1]
    assert read["top_share"].tolist() == [5 / 8, 2]
    assert read["n_unvalued"].tolist() == [0, 1]


def test_takes_what_the_library_gives():
    """Values of residual_value with a kept column: the sum is theirs."""
    customers = pd.DataFrame(
        {"customer_id": range(9), "tenure": [0, 1, 2] * 3, "plan": list("abc") * 3}
    )
    values = rt.economics.residual_value(
        customers, model=model_with(*HIGH_END), profit=10, horizon=20, timing="start", keep="plan",
        **YEARS,
    )  # fmt: skip
    found = rt.economics.customer_equity(values, by="plan", top=0.2)
    assert found["equity"].sum() == pytest.approx(values["value"].sum())
    assert found["n_customers"].tolist() == [3, 3, 3]


def test_a_large_pandas_table_goes_through_duckdb(monkeypatch):
    """And gives the same."""
    table = values_of([(5, "a"), (3, "a"), (None, "b"), (-1, "b"), (2, "b")])
    small = rt.economics.customer_equity(table, by="plan")
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 2)
    pd.testing.assert_frame_equal(rt.economics.customer_equity(table, by="plan"), small)


def test_where_no_value_is_known_there_is_no_mean():
    """Equity of nobody is 0, and no share of it is anybody's."""
    found = rt.economics.customer_equity(values_of([(None, "a"), (None, "a")])).iloc[0]
    assert (found["n_unvalued"], found["equity"], found["n_top"]) == (2, 0, 0)
    assert np.isnan([found["mean_value"], found["top_share"]]).all()


@pytest.mark.parametrize(
    ("table", "asked", "message"),
    [
        (values_of([(1, "a")]), {"top": 0}, "top is the share of customers that counts as best"),
        (values_of([(1, "a")]), {"top": [0.1, 1]}, "between 0 and 1, such as 0.1, or several"),
        (values_of([(1, "a")]), {"top": "best"}, "got 'best'"),
        (values_of([(1, "a")]), {"top": []}, "got .."),
        (values_of([(1, "a")]), {"by": "equity"}, "'equity' is a name that answers use"),
        (values_of([(1, "a")]), {"by": "value"}, "'value' is a column of values itself"),
        (values_of([(1, "a")]), {"by": "shop"}, "by.* names 'shop', which is not a column"),
        (values_of([(np.inf, "a")]), {}, "a value is infinite"),
        (values_of([(1, "a")]).head(0), {}, "values: the table is empty"),
        (values_of([(1, "a")]).drop(columns="value"), {}, "values .* lacks 'value'"),
        (
            values_of([(1, "a"), (2, "b"), (3, "b")]).assign(customer_id=["Zoe", "Ann", "Ann"]),
            {},
            "values: 1 customer has several rows, such as .Ann.. Keep one row of each",
        ),
        (values_of([(1, "EUR"), (2, "USD")]).rename(columns={"plan": "currency"}), {}, "currenc"),
    ],
)
def test_refusals(table, asked, message):
    """What cannot be asked is said in the user's words."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.economics.customer_equity(table, **asked)

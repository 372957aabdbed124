"""value_tiers: a twin that counts who is better, ties, shares of the value, refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.signals.groups.value_tiers import value_tiers

FIFTHS = {"A": Fraction(1, 5), "B": Fraction(3, 10), "C": Fraction(1, 2)}
HALVES = {"top": Fraction(1, 2), "rest": Fraction(1, 2)}
ONE = {"all": Fraction(1)}


def values_of(known):
    """A table of the values of customers."""
    people = pd.Series(list(known), dtype=pd.Series(["a"]).dtype)
    return pd.DataFrame({"customer_id": people, "value": pd.Series(known.values(), dtype=float)})


def naive_tiers(known, tiers, of):
    """Each customer's tier, by who is better."""
    those = {who: Fraction(v) for who, v in known.items() if v is not None}
    total = sum(max(v, 0) for v in those.values())
    found = dict.fromkeys(known, "(unknown)")
    for who, value in those.items():
        better = [v for v in those.values() if v > value]
        held = len(better) if of == "customers" else sum(max(v, 0) for v in better)
        whole = len(those) if of == "customers" else total
        upto = Fraction(0)
        for name, share in tiers.items():
            upto += share
            last = name == list(tiers)[-1]
            if last or (held < upto * whole and (of == "customers" or value > 0)):
                found[who] = name
                break
    return found


def agrees_with_counting(engine, known, tiers, of):
    """Every customer's tier is that of the twin."""
    shares = {name: float(share) for name, share in tiers.items()}
    answer = value_tiers(engine.table(values_of(known)), tiers=shares, of=of)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["customer_id"])
    expected = naive_tiers(known, tiers, of)
    assert dict(zip(found["customer_id"], found["segment"], strict=True)) == expected
    n = sum(value is not None for value in known.values())
    assert set(found["n_customers"]) == {n}
    assert set(found["n_unknown"]) == {len(known) - n}
    assert set(found["of"]) == {of}


amounts = st.one_of(st.none(), st.integers(-3, 9))


@given(
    known=st.dictionaries(st.sampled_from("abcdefghijk"), amounts).map(lambda v: {"z": 4, **v}),
    tiers=st.sampled_from([FIFTHS, HALVES, ONE]),
    of=st.sampled_from(["customers", "value"]),
)
def test_agrees_with_counting_who_is_better(known, tiers, of):
    """Ties, unknown values, nothing, amounts below 0."""
    agrees_with_counting(Engine("pandas"), known, tiers, of)


@pytest.mark.parametrize("of", ["customers", "value"])
def test_every_engine_agrees_with_counting(engine, of):
    """Seven customers, one unknown, two at one value."""
    known = {"d": 9, "a": 5, "b": 5, "c": 0, "e": -2, "f": None, "g": 1}
    agrees_with_counting(engine, known, FIFTHS, of)


def test_a_table_worked_by_hand():
    """Of 100 two hold 80: the best fifth of ten are two, one holds a fifth."""
    known = dict(zip("abcdefghij", [50, 30, 5, 5, 4, 2, 1, 1, 1, 1], strict=True))
    by = {of: value_tiers(values_of(known), of=of)["segment"] for of in ("customers", "value")}
    assert "".join(by["customers"]) == "AABBBCCCCC"
    assert "".join(by["value"]) == "ACCCCCCCCC"  # those above b hold .5 already


def test_shares_of_a_hundred_take_in_whom_they_should():
    """0.07 · 100 is above 7 in a computer, 0.29 · 100 below 29: seven and 29 all the same."""
    values = values_of({f"{n:03}": 1000 - n for n in range(100)})
    for share in (0.07, 0.29, 0.57):
        found = value_tiers(values, tiers={"A": share, "B": 1 - share})
        assert (found["segment"] == "A").sum() == round(100 * share)


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_strategic_customers_are_the_best_tier():
    """The same rule, of the same people."""
    days = pd.to_datetime(["2024-01-01"] * 5)
    sales = [5.0, 9.0, 9.0, 1.0, 2.0]
    orders = pd.DataFrame({"customer_id": [*"abcde"], "date": days, "sales": sales})
    activity = rt.customer_periods(orders, freq="month", as_of="2024-01-31")
    top = rt.kpis.strategic_customers(activity, volume=0.2)["customer_id"].tolist()
    values = orders.rename(columns={"sales": "value"})
    found = value_tiers(values, tiers={"A": 0.2, "B": 0.8})
    assert found.loc[found["segment"] == "A", "customer_id"].tolist() == top == ["b", "c"]


@pytest.mark.parametrize(
    ("tiers", "told"),
    [
        ({}, "tiers must say the share of each"),
        ([0.2, 0.8], "tiers must say the share of each"),
        ({"A": 20, "B": 80}, "share of 'A' must be above 0 and at most 1 .say 0.2 for 20 %"),
        ({"A": 0.0, "B": 1.0}, "share of 'A' must be above 0"),
        ({"A": 0.2, "B": 0.7}, "must add up to 1; they add up to 0.9"),
        ({1: 1.0}, "must be named by text"),
        ({"(unknown)": 1.0}, r"not '\(unknown\)'"),
    ],
)
def test_what_are_no_tiers_is_refused(tiers, told):
    """In the user's words."""
    with pytest.raises(rt.RetentionError, match=told):
        value_tiers(values_of({"a": 1, "b": 2}), tiers=tiers)


def test_values_that_are_none_are_refused():
    """Nobody's, twice, infinite, unknown, all nothing, in two currencies."""
    two = values_of({"a": 1, "b": 2})
    with pytest.raises(rt.RetentionError, match="of must be one of 'customers', 'value'"):
        value_tiers(two, of="sales")
    with pytest.raises(rt.ContentError, match="1 row has no 'customer_id'. Leave them out"):
        value_tiers(two.assign(customer_id=two["customer_id"].where([True, False])))
    with pytest.raises(
        rt.ContentError, match="1 customer has several rows, such as 'a'. Keep one of them"
    ):
        value_tiers(pd.concat([two, two[:1]]))
    with pytest.raises(rt.ContentError, match="1 row has a 'value' that is no amount of money"):
        value_tiers(two.assign(value=[1.0, np.inf]))
    for nothing in (two[:0], two.assign(value=np.nan)):
        with pytest.raises(rt.ContentError, match="values is empty, or holds no value"):
            value_tiers(nothing)
    with pytest.raises(rt.ContentError, match='nobody has a value above 0.*Say of="customers"'):
        value_tiers(values_of({"a": 0, "b": -1}), of="value")
    assert set(value_tiers(values_of({"a": 0, "b": -1}))["segment"]) == {"A", "C"}
    with pytest.raises(rt.ContentError, match="currenc"):
        value_tiers(two.assign(currency=["EUR", "USD"]))
    with pytest.raises(rt.ColumnError, match="lacks 'value'"):
        value_tiers(two.drop(columns="value"))

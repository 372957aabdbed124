"""Tables at hand are counted by whole numbers, lazy ones by a query: with the same answers."""

import math

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.activity import at_hand, purchases_at_hand

cents = st.integers(-300, 900).map(lambda n: n / 100) | st.sampled_from([0.0, 0.1, 0.2, -0.3])
line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Ð"]),
    st.integers(0, 130),
    cents,
    cents,
    st.integers(1, 4),
    st.sampled_from(["north", "south", None]),
)
shops = st.lists(line, min_size=1, max_size=40)
SAY = {"as_of": "2024-05-10", "observed_from": "2024-01-01"}


def table_of(lines, *, order_ids, numbers):
    """The lines as a table, with a purchase so that it is a log at all."""
    names = ["customer_id", "day", "sales", "profit", "order_id", "region"]
    table = pd.DataFrame([*lines, ("Ann", 3, 5.0, 1.0, 9, "north")], columns=names)
    table["date"] = (pd.Timestamp("2024-01-01") + pd.to_timedelta(table.pop("day"), "D")).astype(
        "datetime64[us]"
    )
    if numbers:
        table["customer_id"] = table["customer_id"].map({"Ann": 7, "Bob": -2, "Cem": 900, "Ð": 0})
    return table if order_ids else table.drop(columns="order_id")


def by_query(table, function, **say):
    """What the same function says of a lazy table, as pandas, sorted like activity."""
    answer = function(duckdb.connect().from_df(table), **say).df()
    order = ["customer_id", *(["region"] if "region" in answer else []), "step"]
    return answer.sort_values(order, ignore_index=True)


@pytest.mark.filterwarnings("ignore")
@given(
    lines=shops,
    order_ids=st.booleans(),
    numbers=st.booleans(),
    by=st.sampled_from([(), ("region",)]),
    freq=st.sampled_from(["month", "week", "quarter"]),
)
def test_numbers_say_what_a_query_says(lines, order_ids, numbers, by, freq):
    """Refunds of orders over segments and days, zero orders, cents that do not add up to zero."""
    table = table_of(lines, order_ids=order_ids, numbers=numbers)
    say = {"freq": freq, "by": by, **SAY}
    found = rt.customer_periods(table, **say)
    asked = by_query(table, rt.customer_periods, **say)
    for name in found:
        if name in ("sales", "profit"):
            np.testing.assert_allclose(found[name], asked[name], rtol=1e-9, atol=1e-12)
        else:
            assert found[name].tolist() == asked[name].tolist(), name


def test_keys_that_no_number_holds_go_to_the_query(monkeypatch):
    """The answer is the same."""
    table = table_of([("Bob", 40, 2.0, 1.0, 2, None)], order_ids=True, numbers=False)
    say = {"freq": "month", "by": "region", **SAY}
    usual = rt.customer_periods(table, **say)
    asked = []
    monkeypatch.setattr(purchases_at_hand, "LARGEST", 1)
    query = rt.customer_periods(table, **say)
    monkeypatch.setattr(at_hand, "numbers_of_values", asked.append)
    pd.testing.assert_frame_equal(query, usual)
    pd.testing.assert_frame_equal(rt.customer_periods(table, **say), usual)
    assert asked


@pytest.mark.filterwarnings("ignore")
@given(lines=shops, lag=st.integers(1, 3), lost_to=st.sampled_from(["firm", "segment"]))
def test_rates_are_those_of_a_query_in_whatever_order_the_rows_lie(lines, lag, lost_to):
    """Later periods are looked up among all rows of a customer."""
    table = table_of(lines, order_ids=True, numbers=False)
    activity = rt.customer_periods(table, freq="month", by="region", **SAY)
    shuffled = activity.sample(frac=1, random_state=1)
    say = {"by": "region", "lag": lag, "lost_to": lost_to, "sales_basis": "current"}
    lazy = duckdb.connect().from_df(activity)
    asked = rt.outcome_kpis(lazy, **say).df().sort_values(["region", "step"], ignore_index=True)
    for rows in (activity, shuffled):
        found = rt.outcome_kpis(rows, **say)
        for name in ("n_base", "n_retained", "step"):
            assert found[name].tolist() == asked[name].tolist()
        for name in ("sales_retained", "sales_adjusted_retention", "profit_adjusted_retention"):
            np.testing.assert_allclose(found[name], asked[name], rtol=1e-9, atol=1e-12)


def test_sums_of_ten_million_rows_lose_no_digits():
    """Against sums that are exact to the last bit."""
    n = 10_000_000
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 3, n),
            "date": np.datetime64("2024-01-01", "us")
            + rng.integers(0, 365, n).astype("timedelta64[D]"),
            "sales": np.exp(rng.normal(3, 2, n)),
        }
    )
    activity = rt.customer_periods(
        table, freq="year", as_of="2024-12-31", observed_from="2024-01-01"
    )
    exact = [math.fsum(table["sales"][table["customer_id"] == who]) for who in range(3)]
    np.testing.assert_allclose(activity["sales"], exact, rtol=1e-12)
    assert activity["n_orders"].tolist() == [
        table["date"][table["customer_id"] == who].nunique() for who in range(3)
    ]

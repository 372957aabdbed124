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
    monkeypatch.setattr(at_hand, "numbers_of_values", lambda each, **_: asked.append(each))
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


@pytest.mark.once
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


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_small_types_hold_ids_far_apart(dtype):
    """The distance of two may be more than the type holds."""
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    table = pd.DataFrame(
        {
            "customer_id": np.array([low, 45, high, low, 45, high], dtype),
            "order_id": np.array([low, -27, 28, high, 1, 2], dtype),
            "date": pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-10"] * 2 + ["2024-02-29"]),
            "sales": [1.0, 2, 4, 8, 16, 32],
        }
    )
    found = rt.customer_periods(table, freq="month", as_of="2024-02-29")
    assert found["customer_id"].tolist() == [low, low, 45, 45, high, high]
    assert found["sales"].tolist() == [1, 8, 2, 16, 4, 32]
    assert found["n_orders"].tolist() == [1] * 6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("order", [["o1", 7, 7], ["o1", b"x", b"x"]])
def test_ids_of_several_kinds_go_to_the_query(order):
    """pandas calls a column text whose first rows are."""
    table = pd.DataFrame(
        {
            "customer_id": ["Ann"] * 300,
            "date": pd.date_range("2024-01-01", periods=300),
            "sales": 1.0,
            "order_id": pd.Series([order[0]] * 298 + order[1:], dtype=object),
        }
    )
    found = rt.customer_periods(table, freq="year", as_of="2024-12-31", observed_from="2024-01-01")
    assert found["n_orders"].tolist() == [300]
    assert rt.repeat_buying.purchase_summary(table, as_of="2024-10-26")["x"].tolist() == [299]


def test_whole_numbers_of_128_bits_go_to_the_query():
    """NumPy has no such numbers."""
    pl = pytest.importorskip("polars")
    table = pl.DataFrame(
        {
            "customer_id": ["a", "a"],
            "order_id": pl.Series([1, 2], dtype=pl.Int128),
            "date": pd.to_datetime(["2024-01-01", "2024-01-31"]),
            "sales": [1.0, 2.0],
        }
    )
    found = rt.customer_periods(table, freq="month", as_of="2024-01-31")
    assert found["n_orders"].to_list() == [2]


@pytest.mark.parametrize("column", ["active", "step"])
def test_a_row_of_activity_that_lacks_something_is_not_there(column):
    """As on every engine."""
    activity = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "b"],
            "period": pd.to_datetime(["2024-01-01"] * 2 + ["2024-02-01"] * 2),
            "step": pd.array([24288, 24288, 24289, 24289], dtype="Int64"),
            "n_orders": 1,
            "sales": [1.0, 2, 3, 4],
            "profit": np.nan,
            "active": pd.array([True] * 4, dtype="boolean"),
            "first_step": 24288,
            "last_step": 24289,
            "freq": "month",
        }
    )
    activity.loc[3, column] = pd.NA
    found = rt.retention_rate(activity)
    assert found[["n_base", "n_retained"]].values.tolist() == [[2, 1]]


def test_activities_of_several_windows_are_counted_to_the_last():
    """Joined by hand, as long as the same first step holds."""
    table = table_of([("Ann", 40, 1.0, 1.0, 1, None)], order_ids=False, numbers=False)
    activity = rt.customer_periods(table, freq="month", **SAY)
    later = activity.assign(last_step=activity["last_step"] + 1, customer_id="Bob")
    found = rt.retention_rate(pd.concat([activity, later], ignore_index=True))
    assert found["n_base"].tolist() == [2, 2, 0, 0]


def test_a_later_question_does_not_change_an_earlier_answer():
    """Older versions of DuckDB look a view up by its name when it is read."""
    connection = duckdb.connect()
    connection.sql("CREATE TEMP VIEW retention_lines AS SELECT 1 AS q")
    lines = connection.sql(
        "SELECT 'c' || (i % 3) AS customer_id, DATE '2024-01-01' + (i % 91)::INT AS date, "
        "1.0::DOUBLE AS sales FROM range(300) t(i)"
    )
    months = rt.customer_periods(lines, freq="month", as_of="2024-03-31")
    weeks = rt.customer_periods(lines, freq="week", as_of="2024-03-31")
    assert len(months.fetchall()) == 9
    assert len(weeks.fetchall()) == 39
    other = connection.sql("SELECT 'x' AS who, DATE '2024-01-01' AS day, 2.0 AS paid")
    rt.as_transactions(other, customer_id="who", date="day", sales="paid")
    assert len(months.fetchall()) == 9

"""Different histories of a purchase summary: collapsed by an engine or by keys, never changed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.numerics.distinct_rows import distinct_rows
from retention.repeat_buying.summary.purchase_histories import (
    read_customers,
    read_histories,
    read_spend,
)

history = st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 6)).map(
    lambda found: (found[0], found[1] + 1 if found[0] else 0, found[1] + found[2] + 1)
)
histories = st.lists(history, min_size=1, max_size=30)


def summary(rows, *, scale=1, unit="day"):
    """A summary of (x, t_x, T), ages divided by `scale`."""
    frame = pd.DataFrame(rows, columns=["x", "t_x", "T"])
    frame.insert(0, "customer_id", [f"c{at}" for at in range(len(rows))])
    mean = np.where(frame["x"] > 0, 10.0 + frame["x"], np.nan)
    ages = frame[["t_x", "T"]] / scale
    return frame.assign(**ages, mean_sales=mean, unit=unit)


def found_in(read):
    """The histories as a count by history."""
    return dict(zip(zip(read.x, read.t_x, read.T, strict=True), read.n.tolist(), strict=True))


@settings(max_examples=at_most(6))
@given(rows=histories, weeks=st.booleans())
def test_each_history_is_counted_once_on_every_engine(engine, rows, weeks):
    """As a counter over customers counts them; customers find their own, in their order."""
    frame = summary(rows, scale=7 if weeks else 1, unit="week" if weeks else "day")
    expected = Counter(zip(frame["x"], frame["t_x"], frame["T"], strict=True))
    read = read_histories(engine.table(frame))
    assert found_in(read) == expected
    assert (read.n_customers, read.unit) == (len(rows), "week" if weeks else "day")
    order = list(zip(read.x, read.T, read.t_x, strict=True))
    assert order == sorted(order)

    customers = read_customers(engine.table(frame), spend=True)
    assert found_in(customers.histories) == expected
    own = frame.set_index("customer_id").loc[list(customers.customer_id)]
    for name in ("x", "t_x", "T"):
        assert (getattr(customers.histories, name)[customers.place] == own[name]).all()
    np.testing.assert_array_equal(customers.mean_sales, own["mean_sales"])

    spend = read_spend(engine.table(frame))
    told = Counter(dict.fromkeys(zip(spend.x, spend.mean_sales, strict=True), 0))
    for x, mean, n in zip(spend.x, spend.mean_sales, spend.n, strict=True):
        told[x, mean] += int(n)
    again = own[own["x"] > 0]
    assert told == Counter(zip(again["x"], again["mean_sales"], strict=True))


numbers = st.one_of(
    st.integers(-5, 5).map(float),
    st.integers(-20, 20).map(lambda days: days / 7),
    st.floats(-1e300, 1e300),
)


@settings(max_examples=60)
@given(data=st.data(), columns=st.integers(1, 3), n=st.integers(1, 20), counted=st.booleans())
def test_rows_that_are_alike_become_one_whatever_the_numbers(data, columns, n, counted):
    """Whole, sevenths or any floats, far apart or close together, counted or one each."""
    rows = data.draw(st.lists(st.tuples(*[numbers] * columns), min_size=n, max_size=n))
    each = data.draw(st.lists(st.integers(1, 9), min_size=n, max_size=n)) if counted else None
    expected = Counter()
    for row, weight in zip(rows, each or [1] * n, strict=True):
        expected[row] += weight
    given_columns = [np.array(column) for column in zip(*rows, strict=True)]
    gathered = distinct_rows(given_columns, None if each is None else np.array(each))
    different = list(zip(*gathered.columns, strict=True))
    assert dict(zip(different, gathered.n.tolist(), strict=True)) == expected
    assert different == sorted(different)
    places = gathered.places()
    assert [different[place] for place in places] == rows


def test_keys_that_no_number_holds_are_sorted_as_rows():
    """Seven columns of a thousand numbers far apart make too many keys."""
    rng = np.random.default_rng(0)
    columns = [rng.permutation(1000) * 1.1 for _ in range(7)]
    columns = [np.append(column, column[:1]) for column in columns]
    gathered = distinct_rows(columns)
    assert sorted(gathered.n)[-2:] == [1, 2]
    places = gathered.places()
    assert all(
        (found[places] == column).all()
        for found, column in zip(gathered.columns, columns, strict=True)
    )


@pytest.mark.parametrize("unit", [True, False])
def test_a_summary_without_names_or_units_will_do(unit):
    """Models need three columns; another tool's summary has no more."""
    frame = summary([(0, 0, 30), (1, 10, 30)])[["x", "t_x", "T"]]
    frame = frame.assign(unit=pd.Categorical(["week", "week"])) if unit else frame
    assert read_histories(frame).unit == ("week" if unit else None)
    with pytest.raises(rt.ColumnError, match="summary lacks 'customer_id'"):
        read_customers(frame)
    with pytest.raises(rt.ColumnError, match="summary lacks 'mean_sales'"):
        read_spend(frame)


def test_the_summary_of_orders_is_read_as_it_comes():
    """From a log to histories, in whole days and in weeks."""
    days = pd.to_datetime(["2024-01-01", "2024-01-15", "2024-01-03"]).astype("datetime64[us]")
    log = pd.DataFrame({"customer_id": ["a", "a", "b"], "date": days, "sales": 1.0})
    for unit, scale in {"day": 1, "week": 7}.items():
        read = read_histories(rt.purchase_summary(log, as_of="2024-01-20", unit=unit))
        assert found_in(read) == {(0, 0, 17 / scale): 1, (1, 14 / scale, 19 / scale): 1}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((1, 40, 30), r"1 bought last after they were observed \(t_x > T\).*'c2': x = 1, t_x = 40"),
        ((0, 5, 30), r"1 has no repeat purchase and yet an age at it"),
        ((2, 0, 30), r"1 has repeat purchases at age 0"),
        ((-1, 0, 30), r"1 has no usable x \(missing, negative or infinite\).*x = -1"),
        ((np.inf, 2, 30), r"1 has no usable x"),
        ((1, -2, 30), r"1 has no usable t_x"),
        ((1, 2, np.inf), r"1 has no usable T"),
        ((1.5, 2, 30), r"1 has a value of x that is no whole number"),
        ((2 * 10**9, 2, 30), r"1 has a value of x beyond 1,000,000\. For example"),
        ((1, 2, 1.5e308), r"1 has a T beyond 1,000,000,000 \(are ages in days or weeks\?\)"),
        ((1, np.nan, 30), r"of 3 customers 1 has no usable t_x.*'c2': x = 1, t_x = missing"),
    ],
)
def test_what_no_customer_can_have_done_is_refused(engine, row, message):
    """The message counts them, names the first and says who makes such a table."""
    frame = summary([(0, 0, 30), (1, 3, 30), row])
    for read in (read_histories, read_customers):
        with pytest.raises(rt.ContentError, match=message):
            read(engine.table(frame))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"unit": ["day", "week"]}, rt.ContentError, "the same for all customers; found 'day', 'w"),
        ({"unit": "month"}, rt.ContentError, "'unit' must be 'day' or 'week'.*found 'month'"),
        ({"x": ["a", "b"]}, rt.ColumnError, "'x' .* must be numbers; got"),
    ],
)
def test_other_units_and_types_are_refused(change, error, message):
    """Ages in days and in weeks cannot be told apart by a model."""
    with pytest.raises(error, match=message):
        read_histories(summary([(0, 0, 30), (1, 3, 30)]).assign(**change))


@pytest.mark.parametrize("column", ["T", "x", "customer_id"])
def test_the_advice_on_a_missing_column_can_be_followed(column):
    """purchase_summary works it out and has no such argument."""
    frame = summary([(0, 0, 30), (1, 3, 30)]).rename(columns={column: f"{column}_"})
    with pytest.raises(rt.ColumnError, match=f"lacks '{column}'") as refusal:
        read_customers(frame)
    say = f"Make the table with purchase_summary, or rename your column to '{column}'."
    assert say in str(refusal.value)


def test_whole_floats_count_as_well(engine):
    """As other tools and files with gaps have them; half a purchase is none, of spend either."""
    frame = summary([(0, 0, 30), (2, 3, 30), (2, 3, 30)]).assign(mean_sales=[None, 4.0, 4.0])
    floats = frame.assign(x=frame["x"].astype(np.float64))
    assert found_in(read_histories(engine.table(floats))) == found_in(read_histories(frame))
    assert sorted(read_spend(engine.table(floats)).x.tolist())[-1] == 2
    for bad in (2.5, 1e7):
        with pytest.raises(rt.ContentError, match="1 has a value of x"):
            read_spend(floats.assign(x=[0, 2, bad]))
    with pytest.raises(rt.ContentError, match="1 has repeat purchases but no usable mean_sales"):
        read_spend(floats.assign(mean_sales=[None, 4.0, 1e308]))


def test_an_empty_summary_and_a_missing_mean_are_refused():
    """There is nothing to fit, or not enough to fit it on."""
    frame = summary([(1, 3, 30)])
    for read in (read_histories, read_customers, read_spend):
        with pytest.raises(rt.ContentError, match="base is empty: there is no customer in it"):
            read(frame.iloc[:0], table="base")
    with pytest.raises(rt.ContentError, match="1 has repeat purchases but no usable mean_sales"):
        read_spend(frame.assign(mean_sales=np.nan))

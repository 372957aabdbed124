"""Retention over the last days as of each day, against sets of customers day by day."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt

QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")


def rows_twin(orders, days, observed_from, as_of):
    """For each day the customers of the window before and of the last one, as sets."""
    bought = set(zip(orders["customer_id"], orders["date"].dt.normalize(), strict=True))
    rows = []
    first = pd.Timestamp(observed_from) + pd.Timedelta(2 * days - 1, "D")
    for day in pd.date_range(first, as_of):
        start, middle = day - pd.Timedelta(2 * days, "D"), day - pd.Timedelta(days, "D")
        base = {who for who, on in bought if start < on <= middle}
        rows.append((day, len(base), len({who for who, on in bought if middle < on <= day} & base)))
    return rows


@st.composite
def logs(draw):
    """A few customers, each with days of purchases that lie near and far."""
    days = st.lists(st.integers(0, 60), min_size=1, max_size=9)
    found = draw(st.lists(days, min_size=1, max_size=4))
    rows = [
        (f"c{i}", pd.Timestamp("2023-12-20") + pd.Timedelta(n, "D"))
        for i, on in enumerate(found)
        for n in on
    ]
    return pd.DataFrame(rows, columns=["customer_id", "date"]).assign(sales=1.0)


@QUIET
@given(orders=logs(), days=st.integers(1, 14))
def test_every_day_is_that_of_sets_of_customers(engine, orders, days):
    """Whatever the gaps between purchases are, beside the length of a window."""
    said = {"observed_from": "2024-01-01", "as_of": "2024-02-10"}
    if orders["date"].min() > pd.Timestamp(said["as_of"]):
        return
    found = engine.read(rt.kpis.rolling_retention(engine.table(orders), days=days, **said))
    expected = rows_twin(orders, days, **said)
    assert [
        tuple(row) for row in found[["date", "n_base", "n_retained"]].itertuples(index=False)
    ] == expected
    assert (found["days"] == days).all()
    rate = [kept / base if base else np.nan for _, base, kept in expected]
    np.testing.assert_allclose(found["retention_rate"].astype(float), rate)
    np.testing.assert_allclose(found["churn_rate"].astype(float), 1 - np.array(rate))


@QUIET
def test_as_of_one_day_it_is_the_retention_of_windows_of_a_calendar():
    """The last row of each says the same, bounds and all."""
    orders = rt.sample_company(300, seed=5).orders
    said = {"observed_from": "2023-01-01", "as_of": "2024-12-15"}
    window = rt.Calendar("90 days", ends="2024-12-15")
    rates = rt.retention_rate(rt.customer_periods(orders, freq=window, **said))
    rolling = rt.kpis.rolling_retention(orders, days=90, **said)
    same = ["n_base", "n_retained", "retention_rate", "lower", "upper", "churn_rate"]
    ends = pd.to_datetime(rates["period"]) + pd.Timedelta(179, "D")
    at = rolling.set_index("date").loc[ends, same].reset_index(drop=True)
    pd.testing.assert_frame_equal(at, rates[same])
    assert len(at) == 6


@QUIET
def test_months_are_told_as_of_their_last_days():
    """The same figures as day by day."""
    orders = rt.sample_company(100, seed=5).orders
    said = {"observed_from": "2024-01-01", "as_of": "2024-12-15", "days": 30}
    daily = rt.kpis.rolling_retention(orders, **said).set_index("date")
    monthly = rt.kpis.rolling_retention(orders, freq="month", **said).set_index("date")
    assert [str(day.date()) for day in monthly.index[:2]] == ["2024-02-29", "2024-03-31"]
    assert str(monthly.index[-1].date()) == "2024-11-30"
    pd.testing.assert_frame_equal(monthly, daily.loc[monthly.index])


@QUIET
def test_a_refund_is_no_purchase():
    """Nor a reason to be in the base."""
    orders = pd.DataFrame(
        {
            "customer_id": ["Ann", "Ann", "Bob", "Bob"],
            "date": pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-02", "2024-01-04"]),
            "sales": [10.0, -10.0, 5.0, 5.0],
        }
    )
    found = rt.kpis.rolling_retention(orders, days=2, as_of="2024-01-04")
    assert found[["n_base", "n_retained"]].to_numpy().tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"days": 0}, "days must be"),
        ({"days": 2.5}, "days must be"),
        ({"days": 30}, "Two windows of 30 days.*2024-01-01 and as_of 2024-02-10.*fewer days="),
        ({"days": 15, "freq": "quarter"}, "with a quarter that ends there"),
        ({"days": 15, "freq": "fortnight"}, "freq must be one of"),
        ({"days": 15, "level": 2}, "level"),
    ],
)
def test_what_cannot_be_told_is_refused(said, message):
    """In words that name the keyword."""
    orders = pd.DataFrame({"customer_id": ["Ann", "Bob"], "sales": [1.0, 1.0]})
    orders["date"] = pd.to_datetime(["2024-01-01", "2024-02-10"])
    with pytest.raises(rt.RetentionError) as refusal:
        rt.kpis.rolling_retention(orders, as_of="2024-02-10", **said)
    assert re.search(message, str(refusal.value).replace("`", ""))

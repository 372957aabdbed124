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


def segments_twin(orders, days, observed_from, as_of, lost_to):
    """The same in each segment; an order is a purchase in one if it is one in all and there."""
    lines = orders.assign(kind=orders["kind"].fillna("(missing)"))
    in_all = lines.groupby(["customer_id", "date"])["sales"].sum()
    there = lines.groupby(["customer_id", "date", "kind"])["sales"].sum()
    bought = {key for key, sales in there.items() if sales >= 0 and in_all[key[:2]] >= 0}
    rows = []
    first = pd.Timestamp(observed_from) + pd.Timedelta(2 * days - 1, "D")
    for kind in sorted({kind for _, _, kind in bought}):
        mine = []
        for day in pd.date_range(first, as_of):
            start, middle = day - pd.Timedelta(2 * days, "D"), day - pd.Timedelta(days, "D")
            base = {who for who, on, what in bought if start < on <= middle and what == kind}
            back = {
                who
                for who, on, what in bought
                if middle < on <= day and (what == kind or lost_to == "firm")
            }
            mine.append((kind, day, len(base), len(base & back)))
        rows += mine if any(n for _, _, n, _ in mine) else []
    return rows


@st.composite
def logs_in_segments(draw):
    """A few customers who buy in several segments, one of them unknown, and give some back."""
    line = st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 40),
        st.sampled_from(["x", "y", None]),
        st.sampled_from([1.0, 2.0, 1.0, -1.0]),
    )
    drawn = [("a", 0, "x", 1.0), *draw(st.lists(line, min_size=8, max_size=30))]
    orders = pd.DataFrame(drawn, columns=["customer_id", "date", "kind", "sales"])
    return orders.assign(
        date=pd.Timestamp("2023-12-25") + pd.to_timedelta(orders["date"], unit="D")
    )


@QUIET
@pytest.mark.parametrize("lost_to", ["firm", "segment"])
@given(
    orders=logs_in_segments(),
    days=st.integers(1, 9),
    since=st.sampled_from(["2023-12-01", "2024-01-01"]),
)
def test_every_segment_is_that_of_sets_of_customers(engine, lost_to, orders, days, since):
    """In the base of each segment in which they bought, whatever lies between in the others."""
    said = {"observed_from": since, "as_of": "2024-02-03"}
    found = engine.read(
        rt.kpis.rolling_retention(
            engine.table(orders), days=days, by="kind", lost_to=lost_to, **said
        ),
        order=["kind", "date"],
    )
    columns = found[["kind", "date", "n_base", "n_retained"]].itertuples(index=False)
    assert [tuple(row) for row in columns] == segments_twin(orders, days, lost_to=lost_to, **said)


@QUIET
@pytest.mark.parametrize("lost_to", ["firm", "segment"])
def test_as_of_one_day_segments_are_those_of_windows_of_a_calendar(lost_to):
    """Row by row, bounds and all: customers of several segments, orders across them, blanks."""
    orders = rt.sample_company(150, seed=5).orders
    orders.loc[orders.index[::9], "region"] = None
    said = {"observed_from": "2023-01-01", "as_of": "2024-12-15"}
    by, window = ["region", "category"], rt.Calendar("90 days", ends="2024-12-15")
    activity = rt.customer_periods(orders, freq=window, by=by, **said)
    rates = rt.retention_rate(activity, by=by, lost_to=lost_to)
    rolling = rt.kpis.rolling_retention(
        orders, days=90, freq=window, by=by, lost_to=lost_to, **said
    )
    ends = pd.to_datetime(rates["period"]) + pd.Timedelta(179, "D")
    assert (ends == rolling["date"]).all()
    assert len(rates) == 6 * len(rates[by].drop_duplicates())
    same = [*by, "n_base", "n_retained", "retention_rate", "lower", "upper", "churn_rate"]
    pd.testing.assert_frame_equal(rolling[same], rates[same], check_dtype=False)
    assert "(missing)" in set(rolling["region"])


@QUIET
def test_one_segment_for_all_is_the_firm():
    """Whether lost to the firm or to the segment."""
    orders = rt.sample_company(100, seed=5).orders.assign(all="one")
    said = {"observed_from": "2024-01-01", "as_of": "2024-12-15", "days": 30, "freq": "week"}
    firm = rt.kpis.rolling_retention(orders, **said)
    for lost_to in ("firm", "segment"):
        found = rt.kpis.rolling_retention(orders, by="all", lost_to=lost_to, **said)
        found = found.drop(columns=["all", "lost_to"])
        pd.testing.assert_frame_equal(found, firm.drop(columns="lost_to"))


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
        ({"days": 15, "lost_to": "shop"}, "lost_to"),
        ({"days": 15, "by": "sales"}, "'sales' is a column of transactions itself"),
        ({"days": 15, "by": "date"}, "'date' is a name that answers use"),
        ({"days": 15, "by": "churn_rate"}, "churn_rate"),
        ({"days": 15, "by": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_told_is_refused(said, message):
    """In words that name the keyword."""
    orders = pd.DataFrame({"customer_id": ["Ann", "Bob"], "sales": [1.0, 1.0]})
    orders["date"] = pd.to_datetime(["2024-01-01", "2024-02-10"])
    with pytest.raises(rt.RetentionError) as refusal:
        rt.kpis.rolling_retention(orders, as_of="2024-02-10", **said)
    assert re.search(message, str(refusal.value).replace("`", ""))


@pytest.mark.parametrize("say", [{}, {"by": "kind"}, {"observed_from": "2024-01-01"}])
def test_orders_that_all_sum_to_less_than_nothing_are_no_purchase_and_refused(say):
    """Though a line of one is above 0; spells and silences of nobody are none."""
    order = {"customer_id": ["a", "a"], "date": pd.to_datetime(["2024-01-02"] * 2)}
    lines = pd.DataFrame({**order, "sales": [10.0, -30.0], "kind": ["x", "y"]})
    with pytest.raises(rt.ContentError, match="no purchase up to as_of 2024-01-05: the lines of"):
        rt.kpis.rolling_retention(lines, days=1, as_of="2024-01-05", **say)
    if not say:
        assert len(rt.purchase_spells(lines, gap=1, as_of="2024-01-05")) == 0
        assert rt.gap_table(lines, gaps=[1], as_of="2024-01-05", within=1)["n_lost"].tolist() == [0]


@QUIET
def test_segments_that_are_as_many_as_lines_are_refused():
    """A row per line and day would fill the memory."""
    one = pd.Timestamp("2024-01-01")
    lines = pd.DataFrame({"customer_id": 1, "date": one, "sales": 1.0, "line": range(20_000)})
    with pytest.raises(rt.RetentionError, match="20,000 segments on 1,0.. days"):
        rt.kpis.rolling_retention(lines, days=1, as_of="2026-10-01", by="line")


@QUIET
def test_duckdb_counts_marks_of_days_and_agrees_with_days_in_order():
    """With orders of several lines, segments and refunds, over more days than a word has marks."""
    import duckdb

    draw, n = np.random.default_rng(3), 900
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 140, n), unit="D")
    orders = pd.DataFrame({"customer_id": draw.integers(0, 60, n), "date": days})
    orders["order_id"], orders["kind"] = draw.integers(0, 2, n), draw.choice(["a", "b", "c"], n)
    orders["sales"] = draw.choice([1.0, 2.0, -1.5], n)
    relation = duckdb.from_df(orders)
    for lost_to, freq in (("firm", "day"), ("segment", "month")):
        said = {"days": 25, "freq": freq, "by": "kind", "lost_to": lost_to, "as_of": "2024-05-15"}
        found = rt.kpis.rolling_retention(relation, **said).df()
        expected = rt.kpis.rolling_retention(orders, **said)
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
        assert 0 < expected["n_retained"].sum() < expected["n_base"].sum()

"""Active customers of each period, against sets of customers counted one by one."""

from __future__ import annotations

import re
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import retention as rt
from shops import a_month_with_nobody, orders, refund_only

QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")
COLUMNS = ["period", "n_active", "n_new", "n_orders", "sales", "n_days", "n_active_days", "known"]
SAID = {"freq": "month", "as_of": "2024-04-30", "observed_from": "2024-02-01"}


def purchases_twin(lines, by):
    """Customer, segment and day of each purchase, an order at a time; `by` is "" or a column."""
    found = defaultdict(lambda: defaultdict(list))
    for row in lines.to_dict("records"):
        order = (row["customer_id"], row["date"], row["order_id"])
        found[order][row[by] if by else ""].append(row["sales"])
    return [
        (who, segment, day)
        for (who, day, _), parts in found.items()
        for segment, sales in parts.items()
        if sum(sales) >= 0 and sum(sum(part) for part in parts.values()) >= 0
    ]


def rows_twin(lines, by, washout):
    """What is to be said of each segment and month: counts as sets, money as sums."""
    bought = purchases_twin(lines, by)
    whole = purchases_twin(lines, "")
    first = {who: min(day for one, _, day in whole if one == who) for who, _, _ in whole}
    months = pd.date_range("2024-02-01", "2024-04-01", freq="MS")
    known = pd.date_range(min(lines["date"].min(), months[0]), "2024-12-31", freq="MS")[washout]
    seen = lines[(lines["date"] >= months[0]) & (lines["date"] <= "2024-04-30")]
    rows = []
    for segment in sorted(set(seen[by])) if by else [""]:
        for month in months:
            days = set(pd.date_range(month, month + pd.offsets.MonthEnd(0)))
            here = [one for one in bought if one[1] == segment and one[2] in days]
            active = {who for who, _, _ in here}
            told = seen[seen["date"].isin(days) & (seen[by] == segment if by else True)]
            rows.append(
                {
                    "period": month,
                    "n_active": len(active),
                    "n_new": len({who for who in active if first[who] in days}),
                    "n_orders": len(here),
                    "sales": told["sales"].sum(),
                    "n_days": len(days),
                    "n_active_days": len({(who, day) for who, _, day in here}),
                    "known": month >= known,
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


@st.composite
def logs(draw):
    """Lines of some customers, in orders that may span segments, with refunds."""
    line = st.tuples(
        st.sampled_from("abcde"),
        st.integers(0, 110),
        st.sampled_from([1.0, 2.5, 4.0, -2.5]),
        st.sampled_from("xy"),
        st.integers(0, 2),
    )
    drawn = draw(st.lists(line, min_size=1, max_size=40))
    rows = [(who, day, sales, kind, f"o{number}") for who, day, sales, kind, number in drawn]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "sales", "kind", "order_id"])
    start = pd.DataFrame([("z", 20, 1.0, "x", "o9")], columns=frame.columns)
    frame = pd.concat([frame, start], ignore_index=True)
    frame["date"] = pd.Timestamp("2024-01-10") + pd.to_timedelta(frame["date"], unit="D")
    return frame.astype({"date": "datetime64[us]"})


@QUIET
@pytest.mark.parametrize("by", ["", "kind"])
@given(lines=logs(), washout=st.integers(0, 2))
def test_every_count_is_that_of_sets_of_customers(engine, by, lines, washout):
    """Refunds, orders that span segments, customers known from before: all as in the definition."""
    table = engine.table(lines)
    found = engine.read(
        rt.kpis.active_customers(table, by=by or (), washout=washout, **SAID),
        order=[by or "period", "period"][not by :],
    )
    expected = rows_twin(lines, by, washout)
    for name in ("n_active", "n_orders", "n_days", "n_active_days"):
        assert found[name].astype(int).tolist() == expected[name].tolist(), name
    np.testing.assert_allclose(
        found["sales"].astype(float), expected["sales"].astype(float), atol=1e-12
    )
    new = expected["n_new"].astype(float).where(expected["known"].astype(bool))
    np.testing.assert_array_equal(found["n_new"].astype(float), new)
    np.testing.assert_array_equal(
        found["n_returning"].astype(float), expected["n_active"].astype(float) - new
    )


def test_a_month_by_hand():
    """In February 3 purchases of 2 customers for 90, on 3 customer-days of 29 days."""
    lines = orders(
        ("Ann", "2024-01-01", 10),
        ("Ann", "2024-02-10", 30),
        ("Ann", "2024-02-11", 20),
        ("Bob", "2024-02-03", 40),
    )
    row = rt.kpis.active_customers(lines, as_of="2024-02-29").iloc[1]
    assert row[["n_active", "n_new", "n_returning", "n_orders"]].tolist() == [2, 1, 1, 3]
    figures = ["orders_per_customer", "average_order_value", "sales_per_customer"]
    assert row[figures].tolist() == [3 / 2, 90 / 3, 90 / 2]
    assert row[["new_share", "returning_share"]].tolist() == [1 / 2, 1 / 2]
    wilson = rt.intervals.wilson_bounds(1, 2)
    assert row[["new_share_lower", "new_share_upper"]].tolist() == [float(b) for b in wilson]
    assert row["daily_active"] == 3 / 29
    assert row["stickiness"] == pytest.approx(3 / 29 / 2, rel=1e-15)


@QUIET
@pytest.mark.parametrize(
    "freq", ["month", "week", "day", rt.Calendar("30 days", ends="2024-12-15")]
)
@pytest.mark.parametrize("by", [(), ["region", "category"]])
def test_active_orders_and_sales_are_those_of_customer_periods(freq, by):
    """The identity with the table that every rate is counted from, in each cell."""
    said = {"freq": freq, "as_of": "2024-12-15", "observed_from": "2024-06-20"}
    lines = rt.sample_company(150, seed=3).orders
    found = rt.kpis.active_customers(lines, by=by, **said).set_index([*by, "period"])
    rows = rt.customer_periods(lines, by=by, **said)
    cells = rows.groupby([*by, "period"])
    counted = cells.agg(n=("active", "sum"), orders=("n_orders", "sum"), money=("sales", "sum"))
    here = found.loc[counted.index]
    assert here["n_active"].tolist() == counted["n"].tolist()
    assert here["n_orders"].tolist() == counted["orders"].tolist()
    np.testing.assert_allclose(here["sales"], counted["money"], rtol=1e-9)
    empty = found.drop(counted.index)
    assert not empty[["n_active", "n_orders", "sales", "n_active_days"]].to_numpy().any()
    assert empty[["stickiness", "sales_per_customer", "average_order_value"]].isna().all(axis=None)


@QUIET
def test_daily_active_is_the_mean_of_the_days_own_counts():
    """DAU by day, averaged over the month, is the month's; a day's own stickiness is 1."""
    lines = rt.sample_company(300, seed=4).orders
    said = {"as_of": "2024-06-30", "observed_from": "2024-01-01"}
    months = rt.kpis.active_customers(lines, freq="month", **said)
    days = rt.kpis.active_customers(lines, freq="day", **said)
    mean = days.groupby(days["period"].dt.to_period("M"))["n_active"].mean()
    np.testing.assert_allclose(months["daily_active"], mean)
    np.testing.assert_allclose(months["stickiness"], mean.to_numpy() / months["n_active"])
    assert (days.loc[days["n_active"] > 0, "stickiness"] == 1).all()
    np.testing.assert_allclose(months["sales"].sum(), days["sales"].sum())
    assert months["n_new"].iloc[1:].sum() == days.loc[days["period"] >= "2024-02-01", "n_new"].sum()


@QUIET
def test_the_bounds_of_stickiness_are_those_of_a_mean_over_customers():
    """Student's interval of the share of days, one value a customer (SciPy)."""
    often = [1 + (7 * n) % 9 for n in range(40)]
    rows = [
        (f"c{n:02}", f"2024-01-{day + 1:02}", 1) for n, k in enumerate(often) for day in range(k)
    ]
    row = rt.kpis.active_customers(orders(*rows), as_of="2024-01-31").iloc[0]
    shares = np.array(often) / 31
    low, high = stats.t.interval(0.95, 39, shares.mean(), stats.sem(shares))
    assert row["stickiness"] == pytest.approx(shares.mean(), rel=1e-12)
    assert row["stickiness_lower"] == pytest.approx(low, rel=1e-9)
    assert row["stickiness_upper"] == pytest.approx(high, rel=1e-9)


def spend_of_many():
    """Forty customers, some of whom buy often, one for little and one who only gives back."""
    rows = [
        (f"c{n:02}", f"2024-01-{day + 1:02}", 5 + n * 7 % 11 + day)
        for n in range(40)
        for day in range(1 + n * 3 % 5)
    ]
    return orders(*rows, ("c40", "2024-01-09", 1), ("c41", "2024-01-20", -30))


@QUIET
def test_the_bounds_of_sales_per_customer_are_those_of_a_mean():
    """Student's interval of the customers' own sales (SciPy), where nobody only gives back."""
    lines = spend_of_many().iloc[:-1]
    row = rt.kpis.active_customers(lines, as_of="2024-01-31", level=0.9).iloc[0]
    sales = lines.groupby("customer_id")["sales"].sum()
    low, high = stats.t.interval(0.9, 40, sales.mean(), stats.sem(sales))
    bounds = row[["sales_per_customer", "sales_per_customer_lower", "sales_per_customer_upper"]]
    assert bounds.tolist() == pytest.approx([sales.mean(), low, high], rel=1e-9)


@QUIET
@pytest.mark.parametrize("by", ["", "region"])
def test_bounds_of_money_are_those_of_ratios_over_customers(by):
    """From the rows of customer_periods, of who only gave back too: residuals one by one."""
    lines = rt.sample_company(400, seed=6).orders
    said = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2024-01-01"}
    found = rt.kpis.active_customers(lines, by=by or (), **said)
    rows = rt.customer_periods(lines, by=by or (), **said)
    compared = 0
    for (_, cell), row in zip(
        rows.groupby([by, "period"] if by else "period"), found.itertuples(), strict=True
    ):
        n, y = int(cell["active"].sum()), cell["sales"]
        assert row.n_active == n
        for name, of in (("average_order_value", "n_orders"), ("sales_per_customer", "active")):
            x = cell[of].astype(float)
            ratio = y.sum() / x.sum()
            freedom = x.sum() ** 2 / (x**2).sum() - 1
            error = np.sqrt(n / (n - 1) * ((y - ratio * x) ** 2).sum()) / x.sum()
            half = stats.t.ppf(0.975, freedom) * error
            bounds = [getattr(row, name + end) for end in ("", "_lower", "_upper")]
            expected = [ratio, ratio - half, ratio + half] if n >= 30 else [ratio, np.nan, np.nan]
            assert bounds == pytest.approx(expected, rel=1e-9, nan_ok=True)
            compared += n >= 30
    assert compared >= 8


@QUIET
def test_money_of_few_or_of_all_alike_has_no_bounds():
    """Of 29 customers nothing is said, nor of 30 who each paid the same."""
    names = [f"{what}_{end}" for what in ("average_order_value", "sales_per_customer")
             for end in ("lower", "upper")]  # fmt: skip
    many = spend_of_many()
    few = many[many["customer_id"] <= "c28"]
    alike = orders(*[(f"c{n:02}", "2024-01-05", 0.1) for n in range(30)])
    said = {"as_of": "2024-01-31", "observed_from": "2024-01-01"}
    for lines in (few, alike):
        assert rt.kpis.active_customers(lines, **said)[names].isna().all(axis=None)
    assert rt.kpis.active_customers(many, **said)[names].notna().all(axis=None)


def test_where_a_log_begins_new_is_not_told_from_returning():
    """Null in the first month; 0 for `washout` says that the log begins with the firm."""
    said = {"as_of": "2024-02-29"}
    assert rt.kpis.active_customers(refund_only(), **said)["n_new"].isna().tolist() == [True, False]
    born = rt.kpis.active_customers(refund_only(), washout=0, **said)
    assert born["n_new"].tolist() == [2, 0]
    assert born["returning_share"].tolist() == [0, 1]


@QUIET
def test_orders_before_the_first_observed_day_tell_who_is_not_new():
    """And let the first observed month be told."""
    found = rt.kpis.active_customers(refund_only(), as_of="2024-02-29", observed_from="2024-02-01")
    assert found[["n_active", "n_new", "n_returning"]].to_numpy().tolist() == [[1, 0, 1]]


def test_a_refund_lowers_sales_and_makes_nobody_active():
    """Bob only returns in February."""
    found = rt.kpis.active_customers(refund_only(), as_of="2024-02-29").iloc[1]
    assert found[["n_active", "n_orders", "sales"]].tolist() == [1, 1, -10]


def test_a_month_with_nobody_was_observed_too():
    """Its counts are 0 and what they are divided by is null."""
    found = rt.kpis.active_customers(a_month_with_nobody(), as_of="2024-03-31").iloc[1]
    assert found[["n_active", "n_new", "n_orders", "sales", "daily_active"]].tolist() == [0] * 5
    ratios = ["orders_per_customer", "average_order_value", "sales_per_customer", "new_share"]
    assert found[[*ratios, "stickiness"]].isna().all()


@QUIET
def test_rows_may_come_in_any_order_and_ids_be_numbers():
    """Nor does an order line in two parts change anything, nor a missing segment refuse."""
    lines = rt.sample_company(60, seed=5).orders
    lines.loc[lines.index[::7], "region"] = None
    said = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    plain = rt.kpis.active_customers(lines, by="region", **said)
    assert "(missing)" in set(plain["region"])
    halves = pd.concat([lines.assign(sales=lines["sales"] / 2)] * 2)
    numbers = lines.assign(customer_id=lines["customer_id"].astype("category").cat.codes + 5)
    coded = lines.assign(region=lines["region"].astype("category").cat.add_categories("never"))
    seconds = lines.assign(date=lines["date"].astype("datetime64[s]"))
    for other in (lines.sample(frac=1, random_state=1), halves, numbers, coded, seconds):
        found = rt.kpis.active_customers(other, by="region", **said)
        pd.testing.assert_frame_equal(found, plain, check_dtype=False, rtol=1e-9)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"freq": "fortnight"}, "freq must be one of"),
        ({"washout": -1}, "washout must be"),
        ({"washout": 1.5}, "washout must be"),
        ({"level": 2}, "level"),
        ({"by": "sales"}, "'sales' is a name that answers use"),
        ({"by": "n_active"}, "n_active"),
        ({"as_of": "2023-12-31"}, "the first order is of 2024-01-01"),
        ({"as_of": "2024-01-20"}, "There is no whole month"),
        ({"observed_from": "2099-01-01"}, "`?observed_from`? is 2099-01-01, after `?as_of`? "),
    ],
)
def test_what_cannot_be_told_is_refused(said, message):
    """In words that name the keyword."""
    with pytest.raises(rt.RetentionError) as refusal:
        rt.kpis.active_customers(refund_only(), **{"as_of": "2024-02-29", **said})
    assert re.search(message, str(refusal.value).replace("`", ""))

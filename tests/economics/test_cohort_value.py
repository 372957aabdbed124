"""cohort_value and payback_age: loops over customers, a table by hand, and identities."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import retention as rt
from retention.economics.tenure.cohort_value import cohort_value
from retention.economics.tenure.payback_age import payback_age

MONTHS = pd.date_range("2024-01-01", periods=6, freq="MS")
AS_OF = "2024-06-30"

BY_HAND = pd.DataFrame(
    [
        ("Ann", "2024-01-03", 10.0, "web"),
        ("Ann", "2024-02-10", 20.0, "web"),
        ("Ann", "2024-04-01", -5.0, "web"),
        ("Bob", "2024-01-31", 30.0, "shop"),
        ("Cem", "2024-02-01", -8.0, "web"),
        ("Cem", "2024-03-05", 40.0, "shop"),
        ("Cem", "2024-05-05", 15.0, "web"),
        ("Dee", "2024-06-30", 7.0, "web"),
    ],
    columns=["customer_id", "date", "sales", "channel"],
).assign(date=lambda lines: pd.to_datetime(lines["date"]), profit=lambda lines: lines["sales"] / 2)
"""January: Ann 10, 30, 30, 25 and Bob 30. Cem's refund came before he had bought."""


def activity_of(lines, **more):
    """Months of these lines, all of them watched."""
    return rt.customer_periods(lines, freq="month", as_of=AS_OF, observed_from="2024-01-01", **more)


def naive_values(lines, of, by=None):
    """{(segment, cohort, age): (n, Σ c, [c of each])} by loops over customers, months as 0 to 5."""
    orders = defaultdict(list)
    for row in lines.to_dict("records"):
        orders[row["customer_id"]].append(row)
    members = defaultdict(list)
    for who, own in orders.items():
        by_day = defaultdict(float)
        for row in own:
            by_day[row["date"], row.get(by)] += row["sales"]
        days = defaultdict(list)
        for (day, _), sales in by_day.items():
            days[day].append(sales)
        bought = {day for day, parts in days.items() if sum(parts) > 0}
        if not bought:
            continue
        first = min(bought)
        where = {
            row.get(by) for row in own
            if row["date"] in bought and row["date"].month == first.month
            and by_day[row["date"], row.get(by)] > 0
        }  # fmt: skip
        for segment in where:
            members[segment, first.month - 1].append(who)
    found = {}
    for (segment, cohort), people in members.items():
        for age in range(6 - cohort):
            sums = [
                sum(r[of] for r in orders[p] if cohort <= r["date"].month - 1 <= cohort + age)
                for p in people
            ]
            found[segment, cohort, age] = (len(people), sum(sums), sums)
    return found


def agrees_with_loops(lines, of, by=None):
    """Every cell with customers is the one found by hand; all others hold nobody."""
    columns = [by] * (by is not None)
    values = cohort_value(activity_of(lines, by=columns), of=of, by=columns, washout=0)
    expected = naive_values(lines, of, by)
    seen = values[values["n_eligible"] > 0]
    assert len(seen) == len(expected)
    for row in seen.to_dict("records"):
        n, total, _ = expected[row.get(by), row["cohort"].month - 1, row["age"]]
        assert (row["n_cohort"], row["n_eligible"]) == (n, n)
        assert row["total"] == pytest.approx(total, abs=1e-9)
        assert row["value_per_customer"] == pytest.approx(total / n, abs=1e-9)
    late = values["cohort"].dt.month + values["age"] > 6
    assert values["observed"].tolist() == (~late).tolist()
    assert values.loc[late, ["total", "net", "lower"]].isna().all(axis=None)


line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]), st.integers(0, 5), st.sampled_from([0, 9]),
    st.integers(-6, 9).filter(bool), st.sampled_from(["web", "shop"]),
)  # fmt: skip


def lines_of(rows):
    """Order lines of (who, month, day in it, sales, channel), whose profit is a part of sales."""
    rows = [*rows, ("Zoe", 5, 29, 5, "web")]  # so that no silence is at the end
    made = [(w, MONTHS[m] + pd.Timedelta(days=d), float(s), s / 4 + 1, c) for w, m, d, s, c in rows]
    return pd.DataFrame(made, columns=["customer_id", "date", "sales", "profit", "channel"])


@given(rows=st.lists(line, min_size=1, max_size=14), of=st.sampled_from(["sales", "profit"]))
def test_agrees_with_loops_over_customers(rows, of):
    """Refunds, gaps, refunds before the first purchase."""
    agrees_with_loops(lines_of(rows), of)


@given(rows=st.lists(line.filter(lambda row: row[3] > 0), min_size=1, max_size=14))
def test_segments_agree_with_loops_over_customers(rows):
    """Who was in two segments at first is in both."""
    agrees_with_loops(lines_of(rows), "profit", "channel")


def test_every_engine_gives_the_table_by_hand(engine):
    """Ann and Bob of January, Cem of March; sums to the end of each age."""
    values = engine.read(
        cohort_value(activity_of(engine.table(BY_HAND)), of="sales", washout=0),
        order=["cohort", "age"],
    )
    january = values[values["cohort"].astype(str).str.startswith("2024-01")]
    assert january["total"].tolist() == [40, 60, 60, 55, 55, 55]
    assert january["value_per_customer"].tolist() == [20, 30, 30, 27.5, 27.5, 27.5]
    march = values[values["cohort"].astype(str).str.startswith("2024-03")]
    assert march["total"].tolist()[:4] == [40, 40, 55, 55]
    assert march["total"].isna().tolist() == [False] * 4 + [True] * 2
    none = values[values["cohort"].astype(str).str.startswith("2024-02")]
    assert none["n_cohort"].tolist() == [0] * 6
    assert none["value_per_customer"].isna().all()


def test_the_last_cell_is_all_that_the_cohort_ever_brought():
    """n × the last cumulative value is the sum of its customers' lines since they began."""
    orders = rt.sample_company(300, seed=4).orders
    activity = rt.customer_periods(
        orders, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01"
    )
    values = cohort_value(activity, of="profit", washout=0)
    last = values[values["observed"]].groupby("cohort").tail(1)
    bought = activity[activity["active"]]
    first = bought.groupby("customer_id")["period"].min().rename("cohort").reset_index()
    since = orders.merge(first, on="customer_id")
    since = since[(since["date"] >= since["cohort"]) & (since["date"] < "2025-01-01")]
    assert (last["n_eligible"] * last["value_per_customer"]).sum() == pytest.approx(
        since["profit"].sum()
    )
    assert last.set_index("cohort")["total"][lambda t: t.notna()].tolist() == pytest.approx(
        since.groupby("cohort")["profit"].sum().tolist()
    )


def test_agrees_with_profit_by_tenure_where_all_begin_on_the_first_of_a_month():
    """There an own month is one of the calendar, and the sums of one cohort are the same."""
    rng = np.random.default_rng(5)
    n = 60
    begun = pd.DataFrame({"customer_id": range(n), "date": MONTHS[0], "sales": 5.0})
    later = pd.DataFrame({
        "customer_id": rng.integers(0, n, 150), "sales": rng.gamma(2.0, 10.0, 150),
        "date": MONTHS[0] + pd.to_timedelta(rng.integers(1, 182, 150), unit="D"),
    })  # fmt: skip
    lines = pd.concat([begun, later]).assign(profit=lambda both: both["sales"] * 0.3)
    values = cohort_value(activity_of(lines), of="profit", acquisition_cost=9.0, washout=0)
    values = values[values["cohort"] == MONTHS[0]]
    tenure = rt.activity.tenure_periods(lines, as_of=AS_OF, length="month")
    lifetime = rt.economics.lifetime_profit(tenure, discount=0.0, acquisition_cost=9.0)
    assert values["value_per_customer"].tolist() == pytest.approx(
        lifetime["cumulative_profit"].tolist()
    )
    assert values["net"].tolist() == pytest.approx(lifetime["net"].tolist())
    exact = rt.economics.break_even_tenure(lifetime)["break_even_acquired"][0]
    assert payback_age(values)["payback_age"][0] + 1 == np.ceil(exact)


def test_bounds_are_students_over_customers():
    """As SciPy has them, with the effective number of customers less one; net moves along."""
    rng = np.random.default_rng(6)
    lines = pd.DataFrame({
        "customer_id": np.repeat(range(40), 2), "sales": rng.gamma(2.0, 9.0, 80),
        "date": MONTHS[0] + pd.to_timedelta(np.tile([3, 40], 40), unit="D"),
    })  # fmt: skip
    late = pd.DataFrame(
        {"customer_id": [40], "sales": [1.0], "date": pd.to_datetime(["2024-06-30"])}
    )
    lines = pd.concat([lines, late]).assign(profit=lambda both: both["sales"])
    values = cohort_value(activity_of(lines), of="profit", acquisition_cost=12.0, washout=0)
    row = values[(values["age"] == 3) & (values["n_cohort"] > 0)].iloc[0]
    c = lines[:80].groupby("customer_id")["sales"].sum()
    freedom = c.sum() ** 2 / (c**2).sum() - 1
    half = stats.t.ppf(0.975, freedom) * c.std() / np.sqrt(40)
    assert row[["lower", "upper"]].tolist() == pytest.approx([c.mean() - half, c.mean() + half])
    assert row["bounds"] == "linearised"
    assert row[["net_lower", "net_upper"]].tolist() == pytest.approx(
        [c.mean() - half - 12, c.mean() + half - 12]
    )


def test_cohorts_together_are_the_sum_of_those_followed_so_long():
    """At each age the totals and customers of the cells that are observed, and their cost."""
    activity = activity_of(BY_HAND)
    cost = pd.DataFrame({"cohort": MONTHS, "acquisition_cost": [6.0, 1, 9, 1, 1, 3]})
    asked = {"of": "profit", "acquisition_cost": cost, "washout": 0}
    apart = cohort_value(activity, **asked)
    apart["cost"] = (apart["acquisition_cost"] * apart["n_eligible"]).fillna(0.0)
    together = cohort_value(activity, cohorts="attribute", **asked)
    sums = apart.groupby("age")[["n_eligible", "total", "cost"]].sum()
    assert together["n_eligible"].tolist() == sums["n_eligible"].tolist() == [4, 3, 3, 3, 2, 2]
    assert together["total"].tolist() == pytest.approx(sums["total"].tolist())
    net = (sums["total"] - sums["cost"]) / sums["n_eligible"]
    assert together["net"].tolist() == pytest.approx(net.tolist())
    assert together["cohort"].isna().all()


def test_costs_may_differ_by_channel():
    """Web customers cost 4, those of the shop 100."""
    activity = activity_of(BY_HAND, by="channel")
    cost = pd.DataFrame({"channel": ["web", "shop"], "acquisition_cost": [4.0, 100.0]})
    values = cohort_value(activity, of="profit", acquisition_cost=cost, by="channel", washout=0)
    found = payback_age(values, by="channel")
    found = found[found["n_cohort"] > 0].set_index(["channel", "cohort"])
    assert found["payback_age"]["web"].tolist()[0] == 0
    assert found["reason"]["shop"].tolist() == [
        "not within 6 observed months", "not within 4 observed months",
    ]  # fmt: skip


def test_payback_is_the_first_age_by_which_the_cost_is_back():
    """15 of January's profit comes at age 1, exactly; a later refund does not undo it."""
    values = cohort_value(activity_of(BY_HAND), of="profit", acquisition_cost=15.0, washout=0)
    found = payback_age(values)
    assert found["payback_age"].tolist()[0] == 1
    assert found["n_ages"].tolist() == [6, 5, 4, 3, 2, 1]
    assert found["reason"].tolist()[1] == "nobody was won"
    assert found["reason"].tolist()[5] == "not within 1 observed month"
    assert found[["lower", "upper"]].isna().all(axis=None)  # too few customers


def test_bounds_of_payback_are_where_the_bounds_reach_the_cost():
    """Read off the table of values."""
    orders = rt.sample_company(400, seed=4).orders
    activity = rt.customer_periods(
        orders, freq="quarter", as_of="2024-12-31", observed_from="2022-01-01"
    )
    values = cohort_value(
        activity, of="profit", acquisition_cost=60.0, washout=1, cohorts="attribute"
    )
    found = payback_age(values).iloc[0]
    for name, line in (("payback_age", "net"), ("lower", "net_upper"), ("upper", "net_lower")):
        assert found[name] == values.loc[values[line] >= 0, "age"].min()
    assert found["lower"] <= found["payback_age"] <= found["upper"]


def test_the_first_period_is_left_out_and_counted():
    """Who is first seen in it may be an old customer."""
    with pytest.warns(rt.RetentionWarning, match="Left out: 2 customers first seen in 2024-01"):
        values = cohort_value(activity_of(BY_HAND), of="sales")
    assert values["cohort"].min() == MONTHS[1]
    assert set(values["washout"]) == {1}


def test_contracts_say_when_they_began():
    """30 a month from 10 January on, ended in March: what is in force as months open."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann", "Bob"], "start": pd.to_datetime(["2024-01-10", "2024-02-01"]),
        "end": pd.to_datetime(["2024-03-20", None]), "sales": [30.0, 50.0],
    })  # fmt: skip
    activity = rt.contract_periods(contracts, freq="month", as_of="2024-05-31")
    values = cohort_value(activity, of="sales")
    totals = values[values["observed"]].groupby("cohort")["total"].agg(list)
    assert totals.iloc[0] == [30, 60, 90, 90, 90]
    assert totals.iloc[1] == [50, 100, 150, 200]


def test_profit_that_is_not_known_is_null():
    """And not 0; customers count all the same."""
    lines = BY_HAND.drop(columns="profit")
    values = cohort_value(activity_of(lines), of="profit", washout=0)
    assert values["total"].isna().all()
    assert values["n_eligible"].max() == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"of": "money"}, "of must be one of 'sales', 'profit'"),
        ({"of": "sales", "acquisition_cost": 5}, "paid back from profit, not from sales"),
        ({"of": "profit", "acquisition_cost": "5"}, "an amount, or a table of it; got '5'"),
        ({"of": "profit", "acquisition_cost": -5}, "an amount, 0 or more"),
        ({"of": "profit", "washout": 6}, "customers of the first 6 are left out"),
        ({"of": "profit", "cohorts": "every"}, "cohorts must be one of 'first', 'attribute'"),
    ],
)
def test_says_no_in_words(asked, message):
    """What cannot be."""
    with pytest.raises(rt.RetentionError, match=message):
        cohort_value(activity_of(BY_HAND), **{"washout": 0, **asked})


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        ({"cohort": MONTHS[:1], "acquisition_cost": 1.0}, "no row for 2 cohorts .* 2024-03"),
        ({"cohort": [*MONTHS, MONTHS[0]], "acquisition_cost": 1.0}, "several rows for one"),
        (
            {"cohort": [*MONTHS, pd.Timestamp("2024-01-09")], "acquisition_cost": 1.0},
            "several rows for cohort 2024-01",
        ),
        ({"cohort": MONTHS, "acquisition_cost": np.nan}, "6 rows have no cost"),
        ({"plan": ["a"], "acquisition_cost": 1.0}, "none of 'cohort'"),
    ],
)
def test_says_no_to_costs_in_words(cost, message):
    """Tables of costs that lack something, or have it twice."""
    with pytest.raises(rt.RetentionError, match=message):
        cohort_value(
            activity_of(BY_HAND), of="profit", acquisition_cost=pd.DataFrame(cost), washout=0
        )


def test_payback_asks_for_a_cost_and_whole_tables():
    """Values without a cost, and a table with a row missing."""
    values = cohort_value(activity_of(BY_HAND), of="profit", washout=0)
    with pytest.raises(rt.RetentionError, match="no acquisition_cost is known"):
        payback_age(values)
    values = cohort_value(activity_of(BY_HAND), of="profit", acquisition_cost=1, washout=0)
    with pytest.raises(rt.RetentionError, match="0, 1, 2, … once each"):
        payback_age(values.drop(index=1))


def test_a_lower_bound_never_comes_after_the_age_itself():
    """One large order leaves age 0 without bounds; those of age 1 say nothing of it."""
    who = [f"c{i:02}" for i in range(40)]
    first = pd.DataFrame({"customer_id": who, "date": MONTHS[0], "sales": [900.0] + [1.0] * 39})
    later = pd.DataFrame({"customer_id": who, "date": MONTHS[1], "sales": 300.0})
    last = pd.DataFrame({"customer_id": ["Zoe"], "date": pd.Timestamp("2024-06-29"), "sales": 1.0})
    lines = pd.concat([first, later, last]).assign(profit=lambda rows: rows["sales"])
    values = cohort_value(activity_of(lines), of="profit", acquisition_cost=10.0, washout=0)
    assert values["net_upper"].isna().tolist()[:2] == [True, False]
    found = payback_age(values)
    assert found["payback_age"][0] == 0
    assert np.isnan(found["lower"][0])
    assert found["upper"][0] == 1


def test_what_is_not_known_is_not_said_to_be_unpaid():
    """Profit that nobody knows; and a cost that is no amount in a table, as alone, is refused."""
    activity = activity_of(BY_HAND)
    lacking = activity.assign(
        profit=activity["profit"].where(activity["step"] > activity["step"][0])
    )
    values = cohort_value(lacking, of="profit", acquisition_cost=10.0, washout=0)
    assert payback_age(values)["reason"][0] == "profit is known of 0 of 6 observed months"
    costs = pd.DataFrame(
        {"cohort": MONTHS, "acquisition_cost": [1.0, 2.0, np.inf, 4.0, 5.0, 1e300]}
    )
    with pytest.raises(rt.ContentError, match="2 rows have no cost, or one below 0 or infinite"):
        cohort_value(activity, of="profit", acquisition_cost=costs, washout=0)

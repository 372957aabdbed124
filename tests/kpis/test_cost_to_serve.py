"""cost_to_serve: against a twin in loops, the identity that no cost is lost, and its refusals."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.kpis.costs.serving import cost_to_serve, unallocated_costs
from retention.periods import step_of
from shops import orders

FIRST, LAST = 24288, 24290  # January to March 2024
RULES = ("equal", "orders", "sales")
SERVING = ["wages", "space"]

names = st.sampled_from(["Ann", "Bob", "Cem", "Dee"])
regions = st.sampled_from(["north", "south"])
days = st.dates(date(2024, 1, 1), date(2024, 3, 31))
bought = st.tuples(names, days, st.integers(-9, 9), st.integers(-5, 5), regions)
incurred = st.tuples(
    st.dates(date(2023, 12, 1), date(2024, 4, 30)),
    st.sampled_from(["wages", "space", "acquisition"]),
    st.integers(-9, 30),
    st.sampled_from([None, "Ann", "Bob", "Eve"]),
    st.sampled_from(["north", "south", None]),
)
in_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def costs(*rows):
    """Costs as (day, kind, amount, customer or None, region)."""
    frame = pd.DataFrame(rows, columns=["date", "kind", "amount", "customer_id", "region"])
    days = pd.to_datetime(frame["date"], format="ISO8601").astype("datetime64[us]")
    text = frame[["customer_id", "region"]].astype("str").where(frame.notna(), None)
    return frame.assign(date=days, amount=frame["amount"].astype(float), **text)


def activity_of(engine, lines):
    """Lines of (customer, day, sales, profit, region) as activity by region."""
    frame = orders(*lines, columns=("profit", "region"))
    frame = frame.assign(profit=frame["profit"].astype(float))
    return rt.customer_periods(
        engine.table(frame),
        freq="month",
        as_of="2024-03-31",
        by="region",
        observed_from="2024-01-01",
    )


def weight_of(row, rule):
    """What an active customer's row weighs."""
    return {"equal": 1, "orders": row["n_orders"], "sales": max(row["sales"], 0)}[rule]


def by_hand(activity, spent, rule, within):
    """Cost of each (customer, step), and what is left of each (region, step, kind)."""
    rows = defaultdict(lambda: {"n_orders": 0, "sales": 0.0, "active": False})
    for row in activity.to_dict("records"):
        cell = rows[row["customer_id"], row["region"] if within else "", row["step"]]
        cell["n_orders"] += row["n_orders"]
        cell["sales"] += row["sales"]
        cell["active"] |= row["active"]
    borne, left = defaultdict(float), defaultdict(float)
    for row in spent.to_dict("records"):
        if row["kind"] not in SERVING:
            continue
        step = step_of(row["date"].date(), "month")
        region = (row["region"] if isinstance(row["region"], str) else "(missing)") * within
        if not FIRST <= step <= LAST:
            left[region, step, row["kind"]] += row["amount"]
        elif isinstance(row["customer_id"], str):
            borne[row["customer_id"], step] += row["amount"]
        else:
            who = {
                c: weight_of(cell, rule)
                for (c, r, s), cell in rows.items()
                if (r, s) == (region, step) and cell["active"]
            }
            if sum(who.values()) <= 0:
                left[region, step, row["kind"]] += row["amount"]
                continue
            for customer, weight in who.items():
                borne[customer, step] += row["amount"] * weight / sum(who.values())
    return borne, left


@in_silence
@given(
    lines=st.lists(bought, max_size=12),
    spent=st.lists(incurred, max_size=10),
    rule=st.sampled_from(RULES),
    within=st.booleans(),
)
def test_agrees_with_the_definition_in_loops(lines, spent, rule, within):
    """Each customer bears what the rule says, and what nobody bears is shown: nothing is lost."""
    agrees_with_loops(Engine("pandas"), lines, spent, rule, within)


@in_silence
@pytest.mark.parametrize("rule", RULES)
def test_every_engine_agrees_with_the_definition_in_loops(engine, rule):
    """On a table with refunds, credits, strangers and costs of no region, within regions."""
    lines = [
        ("Ann", "2024-01-03", 9, 4, "south"),
        ("Bob", "2024-01-05", 4, 1, "north"),
        ("Bob", "2024-01-09", -9, -4, "north"),
        ("Cem", "2024-01-20", 7, 3, "south"),
        ("Cem", "2024-02-20", -7, -3, "south"),
        ("Ann", "2024-03-31", 5, 0, "south"),
    ]
    days = ["2023-12-31", "2024-01-02", "2024-01-30", "2024-02-02", "2024-03-03", "2024-04-01"]
    spent = [
        (day, kind, amount, customer, region)
        for i, day in enumerate(days)
        for kind, amount in (("wages", 3 + i), ("space", -i), ("acquisition", 50))
        for customer in (None, "Ann", "Eve")
        for region in ("north", "south", None)
    ]
    agrees_with_loops(engine, lines, spent, rule, within=True)


def agrees_with_loops(engine, lines, spent, rule, within):
    """Both answers are those of the definition, row by row."""
    lines = [("Ann", "2024-01-01", 5, 1, "north"), *lines]
    spent = costs(("2024-01-05", "wages", 1, None, "north"), *spent,
                  ("2024-01-05", "space", 1, "Bob", "north"))  # fmt: skip
    activity = activity_of(engine, lines)
    asked = {"of": SERVING, "allocation": rule, "within": "region" if within else ()}
    found = engine.read(cost_to_serve(engine.table(spent), activity, **asked))
    left = engine.read(unallocated_costs(engine.table(spent), activity, **asked))
    rows = engine.read(activity)
    borne, unborne = by_hand(rows, spent, rule, within)
    there = {(row["customer_id"], row["step"]): row for row in found.to_dict("records")}
    bought = rows.groupby(["customer_id", "step"])[["sales", "profit"]].sum()
    on = rows.groupby(["customer_id", "step"])["active"].max()
    assert set(there) >= set(bought.index)
    for key, row in there.items():
        cost = borne.pop(key, 0.0)
        sales, profit = bought.loc[key] if key in bought.index else (0.0, 0.0)
        assert row["cost_to_serve"] == pytest.approx(cost, abs=1e-9)
        assert (row["sales"], row["profit"]) == pytest.approx((sales, profit))
        assert row["active"] == (key in on.index and on[key])
        assert row["profit_after_cost_to_serve"] == pytest.approx(profit - cost, abs=1e-9)
        assert row["costs_more_than_it_brings"] == (profit - cost < -1e-8)
    assert not any(borne.values())
    region = left["region"] if within else [""] * len(left)
    shown = dict(zip(zip(region, left["step"], left["kind"], strict=True), left["amount"],
                     strict=True))  # fmt: skip
    assert shown == pytest.approx(unborne)
    total = spent.loc[spent["kind"].isin(SERVING), "amount"].sum()
    assert found["cost_to_serve"].sum() + left["amount"].sum() == pytest.approx(total)


def small(**columns):
    """Ann and Bob buy in January; Cem returns something; in February nobody buys."""
    frame = orders(
        ("Ann", "2024-01-01", 60, 20),
        ("Bob", "2024-01-20", 20, 5),
        ("Bob", "2024-01-21", 20, 5),
        ("Cem", "2024-03-01", 20, 5),
        ("Cem", "2024-01-31", -30, -10),
        columns=("profit",),
    ).astype({"profit": float})
    return rt.customer_periods(frame.assign(**columns), freq="month", as_of="2024-03-31")


@pytest.mark.parametrize(("rule", "ann", "bob"), [
    ("equal", 15.0, 15.0), ("orders", 10.0, 20.0), ("sales", 18.0, 12.0),
])  # fmt: skip
def test_a_rule_spreads_shared_costs_over_active_customers(rule, ann, bob):
    """Of 30, half each, by one and two orders, by 60 and 40 of sales; a refund alone bears none."""
    shared = costs(("2024-01-15", "space", 30, None, None))
    found = cost_to_serve(shared, small(), of="space", allocation=rule)
    january = found[found["step"] == FIRST].set_index("customer_id")
    assert january["allocated_cost"].to_dict() == pytest.approx({"Ann": ann, "Bob": bob, "Cem": 0})
    assert january["direct_cost"].tolist() == [0, 0, 0]
    assert january.loc["Cem", "costs_more_than_it_brings"]  # the refund
    assert (found["allocation"] == rule).all()


def test_a_customer_whose_refunds_exceed_purchases_weighs_nothing_by_sales():
    """Not less than nothing: otherwise others would bear more than there is."""
    lines = orders(("Ann", "2024-01-01", 10), ("Bob", "2024-01-02", 5), ("Bob", "2024-01-31", -9))
    activity = rt.customer_periods(lines, freq="month", as_of="2024-01-31")
    shared = costs(("2024-01-15", "space", 30, None, None))
    found = cost_to_serve(shared, activity, of="space", allocation="sales")
    assert found["active"].tolist() == [True, True]
    assert found["allocated_cost"].tolist() == [30.0, 0.0]


def test_a_customer_who_is_served_without_buying_bears_the_direct_cost():
    """The cost of a customer who bought nothing stands in a row of its own."""
    own = costs(("2024-02-15", "wages", 8, "Ann", None), ("2024-02-15", "wages", 4, "Eve", None))
    found = cost_to_serve(own, small(), of="wages", allocation="equal")
    february = found[found["step"] == FIRST + 1]
    shown = ["customer_id", "active", "sales", "profit", "cost_to_serve"]
    assert february[shown].values.tolist() == [["Ann", False, 0, 0, 8], ["Eve", False, 0, 0, 4]]
    assert february["costs_more_than_it_brings"].all()


def test_costs_that_nobody_bears_are_told_and_shown():
    """A warning says how many and how much, a table of its own which and why."""
    spent = costs(
        ("2024-02-15", "space", 8, None, None),
        ("2024-02-20", "space", 2, None, None),
        ("2024-04-15", "space", 7, "Ann", None),
        ("2024-01-15", "wages", 1, None, None),
    )
    asked = {"of": SERVING, "allocation": "sales"}
    with pytest.warns(rt.RetentionWarning, match=r"3 costs \(17\.00 in sum\) borne by no"):
        found = cost_to_serve(spent, small(), **asked)
    assert found["cost_to_serve"].sum() == 1
    left = unallocated_costs(spent, small(), **asked)
    assert left[["step", "kind", "n_costs", "amount"]].values.tolist() == [
        [FIRST + 1, "space", 2, 10.0],
        [FIRST + 3, "space", 1, 7.0],
    ]
    assert left["reason"].tolist() == [
        "no active customer in the period",
        "outside the whole periods of the activity",
    ]


def test_nobody_with_sales_above_0_is_a_reason_of_its_own():
    """Those who are active are there, but the rule gives them no weight."""
    lines = orders(("Bob", "2024-01-01", 5), ("Bob", "2024-01-31", -9))
    activity = rt.customer_periods(lines, freq="month", as_of="2024-01-31")
    shared = costs(("2024-01-15", "space", 30, None, None))
    left = unallocated_costs(shared, activity, of="space", allocation="sales")
    assert left["reason"].tolist() == ["no active customer with sales above 0 in the period"]


def test_profit_that_is_not_known_leaves_the_cost_known(engine):
    """Without profit there is no profit after cost to serve, nor a loss to flag."""
    lines = engine.table(orders(("Ann", "2024-01-01", 10), ("Ann", "2024-01-31", 10)))
    activity = rt.customer_periods(lines, freq="month", as_of="2024-01-31")
    shared = engine.table(costs(("2024-01-15", "space", 30, None, None)))
    found = engine.read(cost_to_serve(shared, activity, of="space", allocation="equal"))
    assert found["cost_to_serve"].tolist() == [30.0]
    unknown = ["profit", "profit_after_cost_to_serve", "costs_more_than_it_brings"]
    assert found[unknown].isna().all(axis=None)


def test_a_cost_as_high_as_the_profit_is_no_loss():
    """Shares of an amount, added up again, differ from it by rounding only."""
    lines = orders(
        *(
            (f"c{i}", day, 1, 0.1)
            for i, day in enumerate(["2024-01-01", "2024-01-20", "2024-01-31"])
        ),
        columns=("profit",),
    )
    activity = rt.customer_periods(lines, freq="month", as_of="2024-01-31")
    shared = costs(("2024-01-15", "space", 0.3, None, None))
    found = cost_to_serve(shared, activity, of="space", allocation="sales")
    assert not found["costs_more_than_it_brings"].any()


def test_a_lazy_table_stays_lazy(engine):
    """A table of customers is the engine's own, and as lazy as the activity."""
    lines = [("Ann", day, 5, 1, "north") for day in ("2024-01-01", "2024-03-31")]
    activity = activity_of(engine, lines)
    spent = engine.table(costs(("2024-01-05", "wages", 1, None, "north")))
    found = cost_to_serve(spent, activity, of="wages", allocation="equal")
    assert engine.is_mine(found)
    left = unallocated_costs(spent, activity, of="wages", allocation="equal")
    assert engine.is_mine(left)
    assert len(engine.read(left)) == 0
    assert list(engine.read(left))[:5] == ["period", "step", "kind", "reason", "n_costs"]


def test_whole_numbers_are_customers_too():
    """In pandas ids of costs are decimals beside a gap; they are the activity's all the same."""
    lines = orders((7, "2024-01-01", 10), (8, "2024-01-31", 10))
    activity = rt.customer_periods(lines, freq="month", as_of="2024-01-31")
    spent = costs(*[("2024-01-05", "wages", 4, None, None)] * 2).assign(customer_id=[8.0, np.nan])
    found = cost_to_serve(spent, activity, of="wages", allocation="equal")
    assert found["customer_id"].dtype == activity["customer_id"].dtype
    assert found[["customer_id", "cost_to_serve"]].values.tolist() == [[7, 2], [8, 6]]


def test_a_large_activity_that_goes_through_duckdb_meets_small_costs(monkeypatch):
    """The costs follow the activity to the engine that counts."""
    spent = costs(("2024-01-15", "space", 30, None, None), ("2024-03-15", "space", 3, "Cem", None))
    activity = small()
    expected = cost_to_serve(spent, activity, of="space", allocation="sales")
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 2)
    found = cost_to_serve(spent, activity, of="space", allocation="sales")
    pd.testing.assert_frame_equal(found, expected)


def test_on_the_sample_company_every_cent_is_borne(engine):
    """By any rule, within regions or not, the same costs are spread."""
    company = rt.sample_company(200, seed=1)
    activity = rt.customer_periods(
        engine.table(company.orders),
        freq="year",
        as_of="2024-12-31",
        observed_from="2022-01-01",
        by="region",
    )
    kinds = sorted(set(company.costs["kind"]) - {"acquisition"})
    spent = engine.table(company.costs)
    of = company.costs[company.costs["kind"].isin(kinds)]
    for rule in RULES:
        served = cost_to_serve(spent, activity, of=kinds, allocation=rule, within="region")
        read = engine.read(served)
        assert read["cost_to_serve"].sum() == pytest.approx(of["amount"].sum())
        direct = of.loc[of["customer_id"].notna(), "amount"].sum()
        assert read["direct_cost"].sum() == pytest.approx(direct)


def test_a_rule_must_be_named():
    """There is no default for how costs are spread."""
    shared = costs(("2024-01-15", "space", 30, None, None))
    with pytest.raises(rt.RetentionError, match="allocation must be one of 'equal', 'orders'"):
        cost_to_serve(shared, small(), of="space", allocation="profit")
    with pytest.raises(TypeError, match="allocation"):
        cost_to_serve(shared, small(), of="space")


def test_sales_that_are_not_known_are_no_weight():
    """Contracts without a price have no sales to go by; they are in force as February opens."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann"],
        "start": pd.to_datetime(["2024-01-01"]),
        "end": pd.to_datetime([None]),
    })  # fmt: skip
    activity = rt.contract_periods(contracts, freq="month", as_of="2024-01-31")
    shared = costs(("2024-01-15", "space", 30, None, None))
    found = cost_to_serve(shared, activity, of="space", allocation="equal")
    assert found["cost_to_serve"].tolist() == [30.0, 0.0]
    assert found["sales"].isna().all()
    with pytest.raises(rt.ContentError, match="the sales of 2 rows are not known"):
        cost_to_serve(shared, activity, of="space", allocation="sales")


@pytest.mark.parametrize(("within", "said"), [
    ("region", r"within \(in activity\) names 'region'"),
    ("kind", "'kind' is a column of costs itself"),
    ("reason", "'reason' is a name that answers use"),
])  # fmt: skip
def test_costs_are_shared_within_columns_of_both_tables(within, said):
    """Each is looked for where it must be."""
    shared = costs(("2024-01-15", "space", 30, None, "north"))
    with pytest.raises(rt.ColumnError, match=said):
        cost_to_serve(
            shared.assign(reason="x"), small().assign(reason="x"),
            of="space", allocation="equal", within=within,
        )  # fmt: skip


def test_refuses_costs_of_other_customers():
    """Numbers are never the customers of text."""
    own = costs(("2024-01-15", "space", 30, None, None)).assign(customer_id=[7])
    with pytest.raises(rt.ColumnError, match="costs: 'customer_id' holds Int64, in activity"):
        cost_to_serve(own, small(), of="space", allocation="equal")

"""strategic_customers: against the definition in loops, by example, and its refusals."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.kpis.costs.strategic import strategic_customers
from shops import orders

names = st.sampled_from([f"c{i}" for i in range(12)])
days = st.dates(date(2024, 1, 1), date(2024, 3, 31))
in_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def activity_of(engine, *lines):
    """Lines of (customer, day, sales, profit) as activity of the first quarter of 2024."""
    frame = orders(*lines, columns=("profit",)).astype({"profit": float})
    return rt.customer_periods(
        engine.table(frame), freq="month", as_of="2024-03-31", observed_from="2024-01-01"
    )


def top(totals, share):
    """⌈share · n⌉ of n customers, and all who tie with the last of them."""
    wanted = math.ceil(share * len(totals) - 1e-9)
    least = sorted(totals.values(), reverse=True)[wanted - 1]
    return {customer for customer, worth in totals.items() if worth >= least}


def agrees_with_loops(engine, lines, share):
    """By profit, sales and orders the flagged are those of the definition."""
    activity = activity_of(engine, ("c0", "2024-01-01", 5, 1), *lines)
    totals = {name: defaultdict(float) for name in ("profit", "sales", "n_orders")}
    rows = engine.read(activity).to_dict("records")
    ever = {row["customer_id"] for row in rows if row["active"]}
    for row in rows:
        for name, sums in totals.items():
            sums[row["customer_id"]] += row[name]
    totals = {n: {c: x for c, x in sums.items() if c in ever} for n, sums in totals.items()}
    for by, column in (("sales", "sales"), ("orders", "n_orders")):
        found = engine.read(
            strategic_customers(activity, value=share, volume=share, volume_by=by),
            order=["customer_id", "significance"],
        )
        flagged = {
            rule: set(found.loc[found["significance"] == rule, "customer_id"])
            for rule in ("value", "volume")
        }
        assert flagged == {
            "value": top(totals["profit"], share),
            "volume": top(totals[column], share),
        }
        assert len(found) == sum(map(len, flagged.values()))
        for row in found.to_dict("records"):
            for name, sums in totals.items():
                assert row[name] == sums[row["customer_id"]]


@in_silence
@given(
    lines=st.lists(
        st.tuples(names, days, st.integers(-3, 9), st.integers(-2, 3)), min_size=1, max_size=25
    ),
    share=st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.9]),
)
def test_agrees_with_the_definition_in_loops(lines, share):
    """The top share of those who were ever active, ties included."""
    agrees_with_loops(Engine("pandas"), lines, share)


@in_silence
def test_every_engine_agrees_with_the_definition_in_loops(engine):
    """With ties at the threshold, a refund-only customer and losses."""
    lines = [(f"c{i}", f"2024-0{1 + i % 3}-10", 5 + i % 4, i % 3 - 1) for i in range(10)]
    agrees_with_loops(engine, [*lines, ("c11", "2024-02-02", -5, 90)], 0.3)


FOUR = [
    ("Ann", "2024-01-01", 60, 1234),
    ("Bob", "2024-01-20", 90, 10),
    ("Cem", "2024-02-02", 5, 1),
    ("Dee", "2024-03-31", 90, 1),
]


def test_each_rule_says_itself_with_its_threshold():
    """One row per customer and rule; who meets two rules stands twice; ties are all in."""
    activity = activity_of(Engine("pandas"), *FOUR)
    found = strategic_customers(
        activity, value=0.25, volume=0.25, benchmark=["Dee"], door_openers=("Cem", "Ann")
    )
    assert found[["customer_id", "significance", "rule"]].values.tolist() == [
        ["Ann", "door opener", "named as a door opener to new customers or markets"],
        ["Ann", "value", "among the top 25 % by profit: 1,234.00 or more"],
        ["Bob", "volume", "among the top 25 % by sales: 90.00 or more"],
        ["Cem", "door opener", "named as a door opener to new customers or markets"],
        ["Dee", "benchmark", "named as a benchmark, whom other customers copy"],
        ["Dee", "volume", "among the top 25 % by sales: 90.00 or more"],
    ]


def test_volume_by_orders_counts_them():
    """Many small orders are volume, too."""
    lines = [*FOUR, ("Cem", "2024-02-03", 1, 0), ("Cem", "2024-03-03", 1, 0)]
    found = strategic_customers(
        activity_of(Engine("pandas"), *lines), volume=0.25, volume_by="orders"
    )
    assert found["customer_id"].tolist() == ["Cem"]
    assert found["rule"].tolist() == ["among the top 25 % by orders: 3 or more"]


def test_a_lazy_table_stays_lazy(engine):
    """A table of customers is the engine's own; its columns are always the same."""
    found = strategic_customers(activity_of(engine, *FOUR), benchmark=["Ann"])
    assert engine.is_mine(found)
    read = engine.read(found)
    columns = ["customer_id", "significance", "rule", "n_orders", "sales", "profit"]
    assert list(read) == columns
    assert read.values.tolist() == [
        ["Ann", "benchmark", "named as a benchmark, whom other customers copy", 1, 60, 1234]
    ]


def test_volume_needs_no_profit():
    """Money that is not known is null, not 0; only the rule that needs it is refused."""
    frame = orders(("Ann", "2024-01-01", 9), ("Bob", "2024-01-31", 5))
    activity = rt.customer_periods(frame, freq="month", as_of="2024-01-31")
    found = strategic_customers(activity, volume=0.5)
    assert found["customer_id"].tolist() == ["Ann"]
    assert found["profit"].isna().all()
    with pytest.raises(rt.ContentError, match="does not know the profit of any customer"):
        strategic_customers(activity, value=0.5)


def test_customers_may_be_whole_numbers():
    """Lists hold ids as the activity has them."""
    frame = orders((7, "2024-01-01", 9), (8, "2024-01-31", 5))
    activity = rt.customer_periods(frame, freq="month", as_of="2024-01-31")
    listed = strategic_customers(activity, benchmark=pd.Series([8, 8]), door_openers=7)
    assert listed["customer_id"].tolist() == [7, 8]
    with pytest.raises(rt.RetentionError, match="benchmark must list ids .*whole numbers; got '8'"):
        strategic_customers(activity, benchmark=["8"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "Say at least one rule: value=0.1"),
        ({"value": 10}, "value must be the share of customers .* got 10"),
        ({"volume": True}, "volume must be the share of customers .* got True"),
        ({"volume": 0.1, "volume_by": "profit"}, "volume_by must be one of 'sales', 'orders'"),
        ({"benchmark": ["Eve", "Ann"]}, "benchmark names 1 of 2 customers .*: 'Eve'"),
        ({"door_openers": []}, "door_openers is empty"),
        ({"door_openers": [7]}, "door_openers must list ids .* text; got 7"),
    ],
)
def test_refuses_what_is_no_rule(asked, said):
    """In the user's words, with what to do."""
    with pytest.raises(rt.RetentionError, match=said):
        strategic_customers(activity_of(Engine("pandas"), *FOUR), **asked)

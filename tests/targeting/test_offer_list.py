"""offer_list: whom to make the offer within a budget, and why each is on the list or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.errors import ColumnError, ContentError, RetentionError
from retention.targeting import Offer, offer_list, offer_profit

money = st.integers(-8, 40).map(float) | st.none()
cost = st.integers(0, 12).map(float)


def profits(*rows):
    """Customers C01, C02, …, as (expected profit, expected cost), in no order."""
    table = pd.DataFrame(rows, columns=["expected_profit", "expected_taking"], dtype=float)
    table.insert(0, "customer_id", [f"C{i:02}" for i in range(1, len(rows) + 1)])
    return table.assign(making=0.0).iloc[::-1].reset_index(drop=True)


FOUR = profits((30, 10), (22, 20), (20, 10), (-5, 4))


def by_definition(rows, budget, at_most, at_least, always, never):
    """Customers one after the other, as a person would go through them."""
    standing, left, places = {}, budget, at_most
    for name in always:
        standing[name] = "always"
        left, places = left - rows[name][1], places - 1

    def merit(name):
        profit, price = rows[name]
        if budget == np.inf:
            return profit
        return profit / price if price else np.sign(profit) * np.inf if profit else 0.0

    known = [name for name in rows if rows[name][0] is not None and name not in always]
    unknown = [name for name in rows if rows[name][0] is None and name not in always]
    firsts = sorted(always, key=lambda n: (-merit(n) if rows[n][0] is not None else np.inf, n))
    order = [*firsts, *sorted(known, key=lambda n: (-merit(n), n)), *sorted(unknown)]
    for name in order:
        profit, price = rows[name]
        if name in standing:
            continue
        if name in never:
            standing[name] = "never"
        elif profit is None:
            standing[name] = "the expected profit is missing"
        elif profit <= 0:
            standing[name] = "profit not above 0"
        elif profit < at_least:
            standing[name] = "profit below the least asked"
        elif places <= 0:
            standing[name] = "the list is full"
        elif price > left:
            standing[name] = "the budget is used up"
        else:
            standing[name] = "profit above 0"
            left, places = left - price, places - 1
    return order, standing


@given(
    rows=st.lists(st.tuples(money, cost), min_size=1, max_size=9),
    budget=st.integers(1, 40).map(float) | st.just(np.inf),
    at_most=st.integers(1, 9) | st.just(10**6),
    at_least=st.sampled_from([0.0, 10.0]),
    data=st.data(),
)
def test_agrees_with_the_definition(engine, rows, budget, at_most, at_least, data):
    """Who is on the list, in which order, and why."""
    table = profits(*rows)
    names = sorted(table["customer_id"])
    told = dict(zip(names, rows, strict=True))
    always = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    never = [name for name in data.draw(st.lists(st.sampled_from(names))) if name not in always]
    spent = sum(told[name][1] for name in always)
    budget, at_most = max(budget, spent + 1), max(at_most, len(always))
    asked = {"budget": None if budget == np.inf else budget, "at_least": at_least}
    asked |= {"at_most": None if at_most == 10**6 else at_most, "always": always, "never": never}
    answer = offer_list(engine.table(table), **asked)
    assert engine.is_mine(answer)
    found = engine.read(answer).sort_values("rank").reset_index(drop=True)
    order, standing = by_definition(told, budget, at_most, at_least, always, set(never))
    assert found["customer_id"].tolist() == order
    assert found["why"].tolist() == [standing[name] for name in order]
    selected = [standing[name] in ("always", "profit above 0") for name in order]
    assert found["selected"].tolist() == selected
    costs = np.cumsum([told[n][1] * s for n, s in zip(order, selected, strict=True)])
    assert found["cumulative_cost"].tolist() == costs.tolist()
    brought = np.cumsum([(told[n][0] or 0) * s for n, s in zip(order, selected, strict=True)])
    assert found["cumulative_profit"].tolist() == brought.tolist()
    assert costs[-1] <= budget


def test_the_list_of_four(engine):
    """20 pay for the first and the third, whatever engine holds them."""
    found = engine.read(offer_list(engine.table(FOUR), budget=20)).sort_values("rank")
    assert found["customer_id"].tolist() == ["C01", "C03", "C02", "C04"]
    assert found["selected"].tolist() == [True, True, False, False]
    assert found["cumulative_profit"].tolist() == [30, 50, 50, 50]
    found = engine.read(offer_list(engine.table(FOUR))).sort_values("rank")
    assert found["customer_id"].tolist() == ["C01", "C02", "C03", "C04"]


def best_of_all(profit, price, budget):
    """The most that any list within the budget brings: the knapsack, by whole units of cost."""
    best = np.zeros(int(budget) + 1)
    for brings, costs in zip(profit, price.astype(int), strict=True):
        if brings > 0:
            best[costs:] = np.maximum(best[costs:], best[: best.size - costs] + brings)
    return best[-1]


def test_profit_per_cost_comes_near_the_exact_knapsack():
    """Twelve shops of 400 customers: .999 of the best on average; by profit alone below .9."""
    draw = np.random.default_rng(2)
    ours, by_profit = [], []
    for _ in range(12):
        price = draw.integers(1, 30, 400).astype(float)
        brings = draw.gamma(1.0, 20.0, 400) - 8 - 0.3 * price
        table = profits(*zip(brings, price, strict=True))
        exact = best_of_all(brings, price, 400)
        found = offer_list(table, budget=400)
        assert found["cumulative_cost"].max() <= 400
        ours.append(found["cumulative_profit"].iloc[-1] / exact)
        plain = offer_list(table)
        first = plain[plain["cumulative_cost"] <= 400]
        by_profit.append(first["cumulative_profit"].iloc[-1] / exact)
    assert np.mean(ours) > 0.999
    assert min(ours) > 0.99
    assert np.mean(by_profit) < 0.9


def test_it_takes_what_offer_profit_answers(engine):
    """Who lacks a value is at the end, with the reason that is known already."""
    table = pd.DataFrame({
        "customer_id": [1, 2, 3], "churn_probability": [0.2, 0.5, 0.4],
        "value": [400.0, 200.0, None], "plan": ["a", "b", "c"],
    })  # fmt: skip
    offer = Offer(making=1, taking=10, success=0.3, stayers_taking=1, stayers_lost=0)
    expected = offer_profit(engine.table(table), offer=offer, keep="plan")
    found = engine.read(offer_list(expected, keep="plan")).sort_values("rank")
    assert found["customer_id"].tolist() == [2, 1, 3]
    assert found["why"].tolist() == ["profit above 0"] * 2 + ["the value is missing"]
    assert found["expected_cost"].tolist()[:2] == pytest.approx([7.5, 9.6])
    assert found["plan"].tolist() == ["b", "a", "c"]


def test_always_takes_the_table_of_strategic_customers():
    """And never any table of customers, or ids of whatever kind of list."""
    company = rt.sample_company(60, seed=3)
    whole = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(company.orders, freq="quarter", **whole)
    chosen = rt.kpis.strategic_customers(activity, value=0.1)
    everybody = activity[["customer_id"]].drop_duplicates()
    table = everybody.assign(expected_profit=-1.0, expected_taking=2.0, making=1.0)
    found = offer_list(table, always=chosen)
    assert set(found[found["selected"]]["customer_id"]) == set(chosen["customer_id"])
    assert found["cumulative_cost"].max() == 3 * chosen["customer_id"].nunique()
    gone = offer_list(table.assign(expected_profit=1.0), never=chosen["customer_id"])
    assert set(gone[~gone["selected"]]["customer_id"]) == set(chosen["customer_id"])


def test_customers_who_are_not_there_are_told_of():
    """A strategic customer who is not in the table cannot be on the list."""
    with pytest.warns(
        rt.errors.RetentionWarning, match="1 customer is not in profits, such as 'Z'"
    ):
        offer_list(FOUR, always=["C01", "Z"])
    assert not offer_list(FOUR, never=["Z", "C01"])["selected"].iloc[0]


def test_costs_that_add_up_to_the_budget_fit_it():
    """0.1 three times is not more than 0.3."""
    found = offer_list(profits((5, 0.1), (5, 0.1), (5, 0.1)), budget=0.3)
    assert found["selected"].all()


def test_an_empty_table_has_an_empty_list(engine):
    """With its columns."""
    assert len(engine.read(offer_list(engine.table(FOUR.head(0)), budget=5))) == 0


@pytest.mark.parametrize(
    ("table", "asked", "error", "said"),
    [
        (FOUR, {"budget": 0}, RetentionError, "budget is what the list may cost"),
        (FOUR, {"budget": float("nan")}, RetentionError, "got nan"),
        (FOUR, {"at_most": 0}, RetentionError, "at_most must be a whole number of customers"),
        (FOUR, {"at_least": -1}, RetentionError, "named in always"),
        (FOUR, {"always": "C01"}, RetentionError, "say always=['C01']"),
        (FOUR, {"never": 7}, RetentionError, "say never=[7]"),
        (FOUR, {"never": [["C01"]]}, RetentionError, "never must list ids of customers"),
        (FOUR, {"always": ["C01"], "never": ["C01"]}, RetentionError, "both name 1 customer, such"),
        (FOUR, {"always": ["C01", "C02"], "at_most": 1}, RetentionError, "more than at_most=1"),
        (FOUR, {"always": ["C01", "C02"], "budget": 25}, RetentionError, "cost 30, more than"),
        (
            FOUR.assign(making=np.nan),
            {"always": ["C01"], "budget": 25},
            RetentionError,
            "is not known of 1 customer",
        ),
        (
            pd.concat([FOUR, FOUR.tail(1)]),
            {},
            ContentError,
            "1 row too many, the first is of 'C01'",
        ),
        (FOUR.assign(customer_id=None), {}, ContentError, "4 rows have no customer_id"),
        (FOUR.assign(making=np.inf), {}, ContentError, "an amount in 'making' is infinite"),
        (FOUR.drop(columns="making"), {}, ColumnError, "Make the table with offer_profit"),
        (FOUR, {"keep": "plan"}, ColumnError, "keep names 'plan'"),
        (FOUR, {"keep": "rank"}, ColumnError, "a name that answers use themselves"),
        (FOUR.assign(currency=["EUR", "USD"] * 2), {}, ContentError, "in 2 currencies"),
    ],
)
def test_what_cannot_be_meant_is_refused(table, asked, error, said):
    """In the user's words."""
    with pytest.raises(error) as refused:
        offer_list(table, **asked)
    assert said in str(refused.value)

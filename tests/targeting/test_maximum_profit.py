"""maximum_profit: the best list of a ranking, by the published measure, and where it misleads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given

from holdout_twins import EIGHT, TIME, can_be_weighed, histories, holdout, offered
from retention.errors import RetentionError, RetentionWarning
from retention.targeting import maximum_profit, profit_curve

OPTIMIST = pytest.mark.filterwarnings("ignore:maximum_profit. the list is chosen and judged")


@OPTIMIST
def test_the_maximum_of_the_eight_of_empulse(engine):
    """MPC 23.875 at .875 (empulse 0.13.1: mpc_score, with V 200, d 10, f 1, success .3)."""
    found = maximum_profit(engine.table(EIGHT), offer=offered(), value=200, time=5)
    assert engine.is_mine(found)
    row = engine.read(found).iloc[0]
    assert row["profit_per_customer"] == pytest.approx(23.875, rel=1e-14)
    assert row[["share", "threshold", "n_offered"]].tolist() == [0.875, 0.2, 7]
    assert row["profit_everyone"] == pytest.approx(22.5)
    assert row["profit_random"] == pytest.approx(0.875 * 22.5)
    assert row[["n_customers", "n_churned", "n_still", "n_unknown"]].tolist() == [8, 4, 4, 0]
    assert row["chosen_on"] == "the same customers"


@OPTIMIST
@pytest.mark.parametrize(
    ("of_churners", "of_stayers", "wanted"),
    [(1000, 10, 143.875), (10, 1000, 0), (505, 505, 69.625)],
)
def test_values_are_each_customers_own_and_not_their_mean(of_churners, of_stayers, wanted):
    """Their mean is 505 three times; empulse 0.13.1 with an array of values says 69.625 to all."""
    table = EIGHT.assign(worth=np.where(EIGHT["churned"], of_churners, of_stayers))
    row = maximum_profit(table, offer=offered(), value="worth", time=5).iloc[0]
    assert row["profit_per_customer"] == pytest.approx(wanted)


@OPTIMIST
@given(rows=histories)
def test_it_is_the_highest_point_of_the_curve(rows):
    """The shortest list of those that bring most."""
    assume(can_be_weighed(rows, TIME))
    asked = {"offer": offered(), "value": "worth", "time": TIME}
    curve = profit_curve(holdout(rows), **asked)
    row = maximum_profit(holdout(rows), **asked).iloc[0]
    if curve["reason"].notna().any():
        assert np.isnan(row["profit_per_customer"])
        assert np.isnan(row["share"])
        return
    best = curve["profit_per_customer"].to_numpy()
    assert row["profit_per_customer"] == best.max()
    assert row["share"] == curve["share"].iloc[int(np.argmax(best))]
    assert row["profit_per_customer"] >= max(0, row["profit_everyone"])


def chancy(draw, n):
    """Customers of whom few leave, and a risk that says little: an offer hardly pays."""
    x = draw.normal(size=n)
    left = draw.random(n) < 1 / (1 + np.exp(3.2 - 0.5 * x))
    return pd.DataFrame({"duration": np.where(left, 1, 9), "churned": left, "risk": x})


def test_a_list_chosen_on_the_same_customers_promises_too_much():
    """Thirty times 500 customers: it promises .09 a customer, and earns less than 0 on others."""
    draw = np.random.default_rng(2)
    asked = {"offer": offered(), "value": 200, "time": 5}
    promised, earned = [], []
    for _ in range(30):
        mine, others = chancy(draw, 500), chancy(draw, 500)
        with pytest.warns(RetentionWarning, match="chosen and judged on the same customers"):
            promised.append(maximum_profit(mine, **asked)["profit_per_customer"].iloc[0])
        honest = maximum_profit(others, chosen_on=mine, **asked).iloc[0]
        assert honest["chosen_on"] == "other customers"
        earned.append(honest["profit_per_customer"])
    assert np.mean(promised) > 0.06
    assert np.mean(earned) < 0


def test_bounds_are_those_of_the_curve_at_the_list():
    """By the same redraws."""
    asked = {"offer": offered(), "value": 200, "time": 5, "seed": 4, "chosen_on": EIGHT}
    repeated = pd.concat([EIGHT] * 5)
    row = maximum_profit(repeated, **asked).iloc[0]
    curve = profit_curve(repeated, **asked).set_index("n_offered").loc[35]
    assert row[["lower", "upper"]].tolist() == curve[["lower", "upper"]].tolist()
    assert row["lower"] < row["profit_per_customer"] < row["upper"]


@OPTIMIST
def test_where_no_offer_pays_the_best_list_is_nobody():
    """Its profit is 0, and there is no threshold."""
    twice = pd.concat([EIGHT, EIGHT])
    row = maximum_profit(twice, offer=offered(making=500), value=200, time=5, seed=1).iloc[0]
    assert row[["share", "n_offered", "profit_per_customer", "lower", "upper"]].tolist() == [0] * 5
    assert np.isnan(row["threshold"])


def test_what_cannot_be_meant_is_refused():
    """As the curve does, by this name."""
    late = EIGHT.assign(entry=0.5)
    with pytest.raises(RetentionError, match="maximum_profit: 8 spells of scored came under"):
        maximum_profit(late, offer=offered(), value=200, time=5)
    with pytest.raises(RetentionError, match="seed must be a whole number"):
        maximum_profit(EIGHT, offer=offered(), value=200, time=5, seed="a")

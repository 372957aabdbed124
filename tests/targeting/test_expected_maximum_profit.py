"""expected_maximum_profit: the best list on average over the offer's success, exactly."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import beta as beta_function

from holdout_twins import EIGHT, TIME, can_be_weighed, histories, holdout, offered
from retention.errors import RetentionError
from retention.targeting import Offer, expected_maximum_profit, maximum_profit
from retention.targeting.holdouts.ranked_holdout import Asked, ranked_holdout

SHAPE = (6, 14)
OPTIMIST = pytest.mark.filterwarnings("ignore:maximum_profit. the list is chosen and judged")


def expected(table=EIGHT, **asked):
    """The row of a holdout, by the shape of the published studies."""
    standard = {"offer": offered(), "success_shape": SHAPE, "value": 200, "time": 5}
    return expected_maximum_profit(table, **standard | asked)


def test_the_eight_of_empulse_to_the_last_digit(engine):
    """empulse 0.13.1: empc_score 23.875593418348124, optimal_rate .8743700763487141."""
    found = expected(engine.table(EIGHT))
    assert engine.is_mine(found)
    row = engine.read(found).iloc[0]
    assert row["profit_per_customer"] == pytest.approx(23.875593418348124, rel=1e-14)
    assert row["share"] == pytest.approx(0.8743700763487141, rel=1e-14)
    assert row["profit_everyone"] == pytest.approx(22.5)
    assert row[["n_customers", "n_churned", "n_still", "n_unknown"]].tolist() == [8, 4, 4, 0]
    assert row[["success_assumed", "success_a", "success_b"]].tolist() == [0.3, 6, 14]


def test_a_wrong_ranking_and_none_score_alike():
    """22.50079122445112 both, as empulse's: profit_everyone is what tells."""
    for risk in (0.5, -EIGHT["risk"]):
        row = expected(EIGHT.assign(risk=risk)).iloc[0]
        assert row["profit_per_customer"] == pytest.approx(22.50079122445112, rel=1e-14)
        assert row["profit_everyone"] == pytest.approx(22.5)


def by_quadrature(table, offer, shape):
    """The mean of the best list's profit over a fine grid of chances, and of its share."""
    asked = Asked(offer, "risk", "worth", TIME, None, None, ())
    ranked = ranked_holdout(table, asked, "score")
    edges = np.linspace(0, 1, 20_001)
    middle = (edges[1:] + edges[:-1]) / 2
    dense = middle ** (shape[0] - 1) * (1 - middle) ** (shape[1] - 1) / beta_function(*shape)
    each = np.outer(ranked.gains, middle) - ranked.costs[:, None]
    best = each.max(axis=0)
    return float((best * dense).sum() / middle.size), ranked.reason


@given(
    rows=histories,
    f=st.integers(0, 3),
    d=st.integers(0, 60),
    b=st.sampled_from([0.0, 0.05]),
    shape=st.sampled_from([(6, 14), (2, 2), (3, 1.5)]),
    below=st.integers(0, 40),
)
def test_agrees_with_the_definition_by_quadrature(engine, rows, f, d, b, shape, below):
    """Values of each customer, also below the discount or below 0; costs of 0; weights."""
    assume(can_be_weighed(rows, TIME))
    table = holdout(rows).assign(worth=lambda rows: rows["worth"] - below)
    mean = shape[0] / sum(shape)
    offer = Offer(making=f, taking=d, success=mean, stayers_taking=0.8, stayers_lost=b)
    wanted, reason = by_quadrature(table, offer, shape)
    asked = {"offer": offer, "success_shape": shape, "value": "worth", "time": TIME}
    row = engine.read(expected(engine.table(table), **asked)).iloc[0]
    if reason is not None:
        assert np.isnan(row["profit_per_customer"])
        return
    assert row["profit_per_customer"] == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    assert row["profit_per_customer"] >= max(0, row["profit_everyone"]) - 1e-9
    assert 0 <= row["share"] <= 1


@OPTIMIST
def test_of_a_success_that_is_known_it_is_the_maximum_profit():
    """The narrower the shape, the nearer."""
    best = maximum_profit(EIGHT, offer=offered(), value=200, time=5).iloc[0]
    for narrow, near in ((1e2, 1e-1), (1e6, 1e-9)):
        row = expected(success_shape=(3 * narrow, 7 * narrow)).iloc[0]
        assert row["profit_per_customer"] == pytest.approx(best["profit_per_customer"], abs=near)
    assert row["share"] == pytest.approx(best["share"])


@given(rows=histories, times=st.integers(2, 3))
def test_a_holdout_twice_over_scores_as_once(rows, times):
    """And so does what rises with the rank."""
    assume(can_be_weighed(rows, TIME))
    once = expected(holdout(rows), time=TIME).iloc[0]
    table = holdout(rows).assign(n_spells=lambda rows: times * rows["n_spells"])
    more = expected(table.assign(risk=np.exp(table["risk"])), time=TIME).iloc[0]
    if once["reason"] is None or pd.isna(once["reason"]):
        names = ["profit_per_customer", "share", "profit_everyone"]
        assert more[names].tolist() == pytest.approx(once[names].tolist(), abs=1e-9)


TIED = [
    (1, 200, 10, 1, 15.948062696812851),
    (2, 120, 25, 3, 2.380224990167003),
    (3, 60, 5, 0.5, 3.9953866754463325),
    (4, 400, 40, 2, 9.877079099933262),
]
"""empulse 0.13.1: empc_score(y, score, alpha=6, beta=14, clv, incentive_cost, contact_cost)."""


@pytest.mark.parametrize(("seed", "value", "taking", "making", "wanted"), TIED)
def test_tied_tables_score_as_empulse_says(seed, value, taking, making, wanted):
    """Reference values computed by empulse 0.13.1."""
    offer = offered(taking=taking, making=making)
    row = expected(tied_table(seed), offer=offer, value=value).iloc[0]
    assert row["profit_per_customer"] == pytest.approx(wanted, rel=1e-12)


def tied_table(seed):
    """Twenty customers with eight different risks."""
    draw = np.random.default_rng(seed)
    left = draw.random(20) < 0.4
    risk = draw.integers(0, 8, 20) / 8
    return pd.DataFrame({"duration": np.where(left, 1, 9), "churned": left, "risk": risk})


def test_a_hundred_thousand_customers_take_a_fraction_of_a_second():
    """A million take .3 CPU seconds (tests/benchmarks/profit_curves.py); here with much room."""
    draw = np.random.default_rng(0)
    risk = draw.random(100_000)
    left = draw.random(100_000) < 0.2 * risk
    table = pd.DataFrame({"duration": np.where(left, 1, 9), "churned": left, "risk": risk})
    expected(EIGHT)
    before = time.process_time()
    expected(table)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"success_shape": 0.3}, "two numbers above 0, as in (6, 14), mean 0.3; got 0.3"),
        ({"success_shape": (6, 0)}, "got (6, 0)"),
        ({"success_shape": (6, float("inf"))}, "got (6, inf)"),
        (
            {"offer": offered(success=0.2)},
            "The offer says success=0.2, and success_shape=(6, 14) has the mean 0.3. Say "
            "success=0.3 in the Offer",
        ),
        ({"offer": None}, "offer must be an Offer"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked, said):
    """In the user's words."""
    with pytest.raises(RetentionError) as refused:
        expected(**asked)
    assert said in str(refused.value)


def test_a_column_of_successes_has_no_shape():
    """One shape is everybody's."""
    table = EIGHT.assign(chance=0.3)
    with pytest.raises(RetentionError, match="The offer says success='chance'"):
        expected(table, offer=offered(success="chance"))

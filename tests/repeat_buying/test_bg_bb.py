"""BG/BB: the donors of Fader, Hardie and Shang, histories summed over all lives, hard data."""

from __future__ import annotations

from fractions import Fraction
from math import comb, exp, lgamma, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.repeat_buying.buying.bg_bb_likelihood import log_likelihood, ways_of_histories
from retention.repeat_buying.summary.purchase_histories import read_histories

NAMES = ["alpha", "beta", "gamma", "delta"]
PUBLISHED = pd.read_csv(
    Path(__file__).parents[1] / "reference/fader_hardie_shang_2010.csv", comment="#"
)
THETA = np.array([1.2, 0.75, 0.66, 2.78])


def donors():
    """One row per donor."""
    table = PUBLISHED.loc[PUBLISHED.index.repeat(PUBLISHED["n"])].drop(columns="n")
    return table.assign(customer_id=np.arange(len(table))).reset_index(drop=True)


def customers(*histories):
    """Customers as (x, t_x, T)."""
    frame = pd.DataFrame(histories, columns=["x", "t_x", "T"])
    return frame.assign(customer_id=range(len(frame)))


def beta_ratio(a, b, some, none):
    """B(a + some, b + none) / B(a, b), from gamma functions."""
    up = lgamma(a + some) + lgamma(b + none) - lgamma(a + b + some + none)
    return exp(up - lgamma(a) - lgamma(b) + lgamma(a + b))


def naive_likelihood(theta, x, t_x, n):
    """The chance of one history: over each number of opportunities that the customer lived."""
    a, b, c, d = theta
    total = beta_ratio(a, b, x, n - x) * beta_ratio(c, d, 0, n)
    for lived in range(t_x, n):
        total += beta_ratio(a, b, x, lived - x) * beta_ratio(c, d, 1, lived)
    return total


def naive_future(theta, x, t_x, n, within):
    """P(alive next), E[purchases] and P(none), from the chances of longer histories."""
    a, b, c, d = theta
    now = naive_likelihood(theta, x, t_x, n)
    next_time = beta_ratio(a, b, x, n - x) * beta_ratio(c, d, 0, n + 1) / now
    here = [beta_ratio(a, b, x, n - x) * beta_ratio(c, d, 0, n + k) for k in range(1, within + 1)]
    expected = (a + x) / (a + b + n) * sum(here) / now
    return next_time, expected, naive_likelihood(theta, x, t_x, n + within) / now


def fitted():
    """The model of the donors."""
    return rt.repeat_buying.fit_bg_bb(donors())


def test_parameters_are_those_of_fader_hardie_and_shang_2010():
    """Published 1.204 .750 .657 2.783 −33225.6; more digits and errors as computed twice."""
    model = fitted()
    np.testing.assert_allclose(model.parameters, [1.203530, 0.749719, 0.656707, 2.783376], 3e-5)
    assert model.log_likelihood == pytest.approx(-33225.581274, abs=1e-6)
    error = model.coefficients()["standard_error"]
    np.testing.assert_allclose(error, [0.06939, 0.02945, 0.05101, 0.32080], rtol=2e-4)
    assert (model.status, model.n_customers, model.n_histories) == ("converged", 11104, 22)
    assert model.coefficients()["parameter"].tolist() == NAMES


def test_predictions_are_those_of_btyd():
    """R's BTYD prints 0.1302169 and 3.627858 gifts at ten more appeals for (0, 0) and (4, 5)."""
    model = fitted()
    ten = model.expected_purchases(customers((0, 0, 6), (4, 5, 6)), within=10)
    np.testing.assert_allclose(ten["expected_purchases"], [0.1302169, 3.627858], rtol=4e-5)


def test_cohort_is_expected_to_buy_what_its_new_customers_are():
    """E[p] Σ P(still here): one cohort of 3 that came at once, one of 2 that came two years on."""
    model = fitted_once()
    a, b, c, d = model.parameters
    here = np.cumprod([(d + k) / (c + d + k) for k in range(10)])
    each = np.concatenate([[0], a / (a + b) * np.cumsum(here)])
    found = model.expected_cumulative([0, 1, 2, 6, 10], [6.0, 6.0, 6.0, 4.0, 4.0])
    wanted = 3 * each[[0, 1, 2, 6, 10]] + 2 * each[[0, 0, 0, 4, 8]]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


history = st.integers(1, 9).flatmap(
    lambda n: st.integers(0, n).flatmap(
        lambda t: st.tuples(st.integers(1, t) if t else st.just(0), st.just(t), st.just(n))
    )
)
parameters = st.tuples(*[st.floats(0.05, 30.0)] * 4)


@given(theta=parameters, histories=st.lists(history, min_size=1, max_size=8))
def test_likelihood_is_that_of_each_history_by_itself(theta, histories):
    """Over all numbers of opportunities a customer may have lived."""
    value, _, _ = log_likelihood(
        ways_of_histories(read_histories(customers(*histories))), np.array(theta)
    )
    each = sum(log(naive_likelihood(theta, *one)) for one in histories)
    assert value == pytest.approx(each, rel=1e-9, abs=1e-9)


def test_chances_of_all_histories_are_1():
    """Counting how many orders of purchases share a history."""
    for n in range(1, 8):
        total = naive_likelihood(THETA, 0, 0, n)
        for t_x in range(1, n + 1):
            for x in range(1, t_x + 1):
                total += comb(t_x - 1, x - 1) * naive_likelihood(THETA, x, t_x, n)
        assert total == pytest.approx(1, rel=1e-12)


def test_likelihood_by_hand():
    """α = β = γ = δ = 1, bought at the first of two opportunities: 1/9 + 1/12."""
    staying = Fraction(1, 6) * Fraction(1, 3)
    leaving = Fraction(1, 2) * Fraction(1, 6)
    value, _, _ = log_likelihood(
        ways_of_histories(read_histories(customers((1, 1, 2)))), np.ones(4)
    )
    assert exp(value) == pytest.approx(float(staying + leaving), rel=1e-14)


@pytest.mark.parametrize("theta", [THETA, np.array([8.0, 20.0, 0.05, 0.7]), np.full(4, 60.0)])
def test_gradient_and_hessian_are_the_slopes(theta):
    """Against central differences."""
    ways = ways_of_histories(read_histories(donors()))
    _, gradient, hessian = log_likelihood(ways, theta)
    steps = np.diag(theta) * 1e-5
    ends = [[log_likelihood(ways, theta + s * step) for s in (1, -1)] for step in steps]
    apart = 2e-5 * theta
    slope = np.array([up[0] - down[0] for up, down in ends]) / apart
    np.testing.assert_allclose(slope, gradient, rtol=1e-6, atol=1e-6 * np.abs(gradient).max())
    bend = np.array([up[1] - down[1] for up, down in ends]) / apart[:, None]
    np.testing.assert_allclose(bend, hessian, rtol=1e-6, atol=1e-8 * np.abs(hessian).max())


@settings(max_examples=at_most(10))
@given(histories=st.lists(history, min_size=1, max_size=8), within=st.integers(1, 6))
def test_predictions_are_chances_of_longer_histories(histories, within):
    """No purchase within t is the history of t more opportunities; with bounds on both sides."""
    model = fitted_once()
    people = customers(*histories)
    alive = model.p_alive(people)
    some = model.expected_purchases(people, within=within)
    none = model.p_no_purchase(people, within=within)
    naive = [naive_future(model.parameters, *one, within) for one in histories]
    tables = [(alive, "p_alive"), (some, "expected_purchases"), (none, "p_no_purchase")]
    for (table, name), wanted in zip(tables, zip(*naive, strict=True), strict=True):
        np.testing.assert_allclose(table[name], wanted, rtol=1e-9)
        assert ((table["lower"] < table[name]) & (table[name] < table["upper"])).all()
        assert table["customer_id"].tolist() == list(range(len(histories)))


_KEPT = []


def fitted_once():
    """The model of the donors, which random examples share."""
    if not _KEPT:
        _KEPT.append(fitted())
    return _KEPT[0]


def test_collapsed_is_expanded():
    """Every donor, every kind of donor with a weight: the same likelihood and slopes."""
    each = donors().sample(frac=1, random_state=0)
    on = read_histories(each)
    value, gradient, _ = log_likelihood(ways_of_histories(on), THETA)
    rows = [
        log_likelihood(ways_of_histories(read_histories(each.iloc[[i]])), THETA) for i in range(40)
    ]
    some = log_likelihood(ways_of_histories(read_histories(each.iloc[:40])), THETA)
    assert some[0] == pytest.approx(sum(row[0] for row in rows), rel=1e-12)
    np.testing.assert_allclose(some[1], sum(row[1] for row in rows), rtol=1e-10)
    by_kind = [
        row.n * log(naive_likelihood(THETA, row.x, row.t_x, 6)) for row in PUBLISHED.itertuples()
    ]
    assert value == pytest.approx(sum(by_kind), rel=1e-12)
    assert on.n.sum() == 11104
    assert gradient.shape == (4,)


def test_model_is_the_same_on_every_engine(engine):
    """And predictions come back in the caller's kind."""
    table = donors().iloc[::7]
    model = rt.repeat_buying.fit_bg_bb(engine.table(table))
    here = rt.repeat_buying.fit_bg_bb(table)
    np.testing.assert_allclose(model.parameters, here.parameters, rtol=1e-9)
    answer = here.p_no_purchase(engine.table(table.head(9)), within=5)
    assert engine.is_mine(answer)
    wanted = here.p_no_purchase(table.head(9), within=5)
    pd.testing.assert_frame_equal(
        engine.read(answer, order=["customer_id"]), wanted, check_dtype=False
    )


def test_parameters_are_recovered():
    """60,000 customers who were followed for 1 to 24 opportunities."""
    rng = np.random.default_rng(3)
    n, truth = 60_000, np.array([0.9, 1.6, 0.7, 4.0])
    p, theta = rng.beta(truth[0], truth[1], n), rng.beta(truth[2], truth[3], n)
    lived, seen = rng.geometric(theta) - 1, rng.integers(1, 25, n)
    x, last = np.zeros(n, int), np.zeros(n)
    for k in range(1, 25):
        bought = (rng.random(n) < p) & (k <= lived) & (k <= seen)
        x, last = x + bought, np.where(bought, k, last)
    model = rt.repeat_buying.fit_bg_bb(pd.DataFrame({"x": x, "t_x": last, "T": seen}))
    away = np.log(model.parameters / truth)
    assert away @ np.linalg.solve(model.covariance_of_logs, away) < 14.9  # 1 in 200 goes beyond


HARD = {
    "nobody buys again": [(0, 0, 5)] * 30,
    "all buy every time": [(5, 5, 5)] * 30,
    "one customer": [(1, 2, 5)],
    "no opportunity yet": [(0, 0, 0)] * 3,
    "one opportunity": [(0, 0, 1), (1, 1, 1), (1, 1, 1)],
    "all stop after the second": [(2, 2, 8)] * 20,
    "all buy at the last": [(1, 6, 6), (3, 6, 6), (5, 6, 6)],
    "a long time": [(0, 0, 400), (300, 390, 400), (4, 20, 400)],
}


@pytest.mark.parametrize("histories", HARD.values(), ids=HARD)
def test_hard_data_are_no_error(histories):
    """A status and a reason in words, and predictions that can be."""
    model = rt.repeat_buying.fit_bg_bb(customers(*histories))
    assert (model.status == "converged") == (model.notes == ())
    people = customers(*histories, (0, 0, 5))
    for table in (model.p_alive(people), model.p_no_purchase(people, within=3)):
        assert table.iloc[:, -3].between(0, 1).all()
        if model.status != "converged":
            assert table[["lower", "upper"]].isna().to_numpy().all()
    assert model.expected_purchases(people, within=3)["expected_purchases"].between(0, 3).all()
    assert rt.repeat_buying.BgBbModel.model_validate_json(model.model_dump_json()) == model


def test_limits_are_reached():
    """Who buys every time will; of those who never did, nobody is expected to."""
    every = rt.repeat_buying.fit_bg_bb(customers(*HARD["all buy every time"]))
    again = every.expected_purchases(customers((5, 5, 5)), within=4)["expected_purchases"]
    assert again[0] == pytest.approx(4, abs=1e-5)
    never = rt.repeat_buying.fit_bg_bb(customers(*HARD["nobody buys again"]))
    none = never.p_no_purchase(customers((0, 0, 5)), within=4)["p_no_purchase"]
    assert none[0] == pytest.approx(1, abs=1e-5)


def test_none_within_no_time():
    """Zero opportunities bring no purchase."""
    people = customers((0, 0, 6), (6, 6, 6))
    assert fitted_once().p_no_purchase(people, within=0)["p_no_purchase"].tolist() == [1, 1]
    some = fitted_once().expected_purchases(people, within=0)["expected_purchases"]
    assert some.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (customers((1, 1.5, 3)), "1 has an age that is no whole number of opportunities"),
        (customers((1, 1, 3.5)), "BG/BB counts opportunities to buy"),
        (customers((3, 2, 3), (0, 0, 3)), r"of 2 customers 1 has more purchases.*x > t_x"),
        (customers((1, 4, 1e7)), r"1 has more than 10,000 opportunities \(T\)"),
        (customers((1, 4, 3)), "bought last after they were observed"),
    ],
)
def test_what_is_no_history_of_opportunities_is_refused(table, message):
    """To fit and to predict, in one message."""
    with pytest.raises(rt.ContentError, match=message):
        rt.repeat_buying.fit_bg_bb(table)
    with pytest.raises(rt.ContentError, match=message):
        fitted_once().p_alive(table)


def test_part_of_an_opportunity_cannot_be_asked_for():
    """Half an appeal is none."""
    for ask in (fitted_once().p_no_purchase, fitted_once().expected_purchases):
        with pytest.raises(rt.RetentionError, match="whole number of opportunities.*got 2.5"):
            ask(customers((0, 0, 6)), within=2.5)
        with pytest.raises(rt.RetentionError, match="up to 10,000; got 10001"):
            ask(customers((0, 0, 6)), within=10_001)

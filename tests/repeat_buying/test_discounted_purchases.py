"""discounted_purchases: against closed forms, customer_value with a far horizon, and refusals."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import beta as beta_function
from scipy.special import hyp2f1, hyperu

import retention as rt
from buyers import CDNOW, histories_of, model_of, summary_of
from retention.repeat_buying.buying.bg_bb import BgBbModel
from retention.repeat_buying.buying.bg_cnbd import BgCnbdModel, MbgCnbdModel
from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from retention.repeat_buying.value.regular_discount import discounted_if_regular

YEARLY = np.expm1(0.0027 * 365.25 / 7)
"""A rate a year that is 0.0027 a week compounded continuously: 15 %, as in the paper."""

discounted = rt.repeat_buying.discounted_purchases


def closed_form(theta, x, age, delta):
    """(r + x)/(α + T) · δ^(s − 1) (β + T)^s Ψ(s, s; δ (β + T)), of one who is alive."""
    r, alpha, s, beta = theta
    until = beta + age
    tricomi = hyperu(s, s, delta * until)
    return (r + x) / (alpha + age) * delta ** (s - 1) * until**s * tricomi


def integral(theta, x, age, delta):
    """(r + x)/(α + T) ∫ e^(−δ t) ((β + T)/(β + T + t))^s dt, with β + T + t = (β + T) e^y."""
    r, alpha, s, beta = theta
    until = beta + age
    end = np.log1p(40 / (delta * until))
    inner = lambda y: np.exp(y * (1 - s) - delta * until * np.expm1(y))  # noqa: E731
    area = quad(inner, 0, end, epsabs=0, epsrel=1e-12, limit=400)[0]
    return (r + x) / (alpha + age) * until * area


@pytest.mark.parametrize(
    ("theta", "history"),
    [
        ((0.5629966, 12.5590370, 0.4081095, 10.5148048), (7, 35, 77.86)),
        (CDNOW[ParetoNbdModel], (2, 30.43, 38.86)),
        (CDNOW[ParetoNbdModel], (0, 0, 5)),
        ((2.0, 3.0, 1.0, 20.0), (40, 9, 10)),
        ((0.1, 1.0, 4.0, 0.5), (1, 0.5, 1)),
    ],
)
def test_of_pareto_nbd_it_is_the_closed_form_of_fader_hardie_and_lee(theta, history):
    """By Tricomi's function, and its integral; the first is the example of BTYD's manual page."""
    model = model_of(ParetoNbdModel, theta, unit="week")
    shop = summary_of(*([value] for value in history))
    row = discounted(shop, model=model, discount=YEARLY).iloc[0]
    asked = (theta, history[0], history[2], 0.0027)
    found = row["discounted_purchases"] / row["p_alive"]
    assert found == pytest.approx(integral(*asked), rel=1e-9)
    assert found == pytest.approx(closed_form(*asked), rel=1e-6)
    assert row["p_alive"] == pytest.approx(model.p_alive(shop)["p_alive"][0])


def test_of_bg_bb_it_is_equation_14_of_fader_hardie_and_shang():
    """With the parameters of the donations, 10 % a year, all histories of six opportunities."""
    a, b, c, d = theta = (1.204, 0.750, 0.657, 2.783)
    model, n, rate = model_of(BgBbModel, theta), 6, 0.1
    pairs = [(0, 0), *((x, t) for t in range(1, 7) for x in range(1, t + 1))]
    shop = summary_of(*zip(*pairs, strict=True), [n] * len(pairs))
    found = discounted(shop, model=model, discount=0.1)["discounted_purchases"]
    for (x, t_x), value in zip(pairs, found, strict=True):
        ways = beta_function(a + x, b + n - x) * beta_function(c, d + n)
        ways += sum(
            beta_function(a + x, b + s - x) * beta_function(c + 1, d + s) for s in range(t_x, n)
        )
        ahead = hyp2f1(1, d + n + 1, c + d + n + 1, 1 / (1 + rate)) / (1 + rate)
        wanted = beta_function(a + x + 1, b + n - x) * beta_function(c, d + n + 1) * ahead / ways
        assert value == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("kind", [BgNbdModel, ParetoNbdModel])
def test_it_is_the_integral_of_the_expectations(kind):
    """δ ∫ e^(−δ t) E(t) dt, by parts, with the model's own E(t); by an adaptive rule."""
    model = model_of(kind, CDNOW[kind], unit="week")
    shop, on = summary_of([2], [30], [38]), histories_of(2, 30, 38)
    row = discounted(shop, model=model, discount=YEARLY).iloc[0]

    def alive(u):
        return np.exp(-u + model.log_purchases_if_alive(model.theta, on, u / 0.0027)[0])

    parts = [quad(alive, *ends, epsrel=1e-9) for ends in ((1e-12, 2), (2, 40))]
    wanted = row["p_alive"] * sum(part[0] for part in parts)
    assert row["discounted_purchases"] == pytest.approx(wanted, rel=1e-7)


def test_of_regular_buyers_at_random_it_is_that_of_mbg_nbd():
    """k = 1, at a rate of 100 % a year."""
    shop = summary_of([0, 2], [0, 30], [38, 38])
    plain = model_of(MbgNbdModel, CDNOW[MbgNbdModel], unit="week")
    regular = model_of(MbgCnbdModel, CDNOW[MbgNbdModel], unit="week", k=1)
    found, wanted = (discounted(shop, model=model, discount=1.0) for model in (regular, plain))
    np.testing.assert_allclose(
        found["discounted_purchases"], wanted["discounted_purchases"], rtol=1e-7
    )


@pytest.mark.parametrize(
    ("kind", "theta", "k"),
    [
        (MbgCnbdModel, (0.85, 1.45, 0.79, 2.42), 3),
        (BgCnbdModel, (0.5, 3, 1e-7, 2), 2),
        (MbgCnbdModel, (0.5, 3, 1e6, 5e7), 12),
        (BgCnbdModel, (1e5, 1e5, 0.5, 2), 6),
    ],
)
def test_of_regular_buyers_each_purchase_to_come_counts(kind, theta, k):
    """The m-th by E[(1 − p)^(m − 1)] (λ/(λ + δ))^(k m − j), one by one on a grid of rates."""
    model = model_of(kind, theta, unit="week", k=k)
    on = histories_of([0, 1, 9], [0, 12, 50], [40, 12, 55])
    found = discounted_if_regular(model, on, 0.5)
    (r, alpha, a, b), m = theta, np.arange(4000 // k)
    for at, (x, t_x, age) in enumerate(zip(on.x, on.t_x, on.T, strict=True)):
        c, stayed = r + k * x, b + x + (kind is MbgCnbdModel)
        kept = np.cumprod(np.append(1, (stayed + m) / (a + stayed + m)))[:-1]
        middle = np.log(c / (alpha + age))
        wide = 9 / np.sqrt(c)
        y = np.linspace(middle - 30 / c - wide, middle + wide + min(2, 30 / c), 400)
        log_f = -np.log1p(0.5 * np.exp(-y))
        ahead = np.exp(k * np.outer(log_f, m)) @ kept
        prior = np.exp(c * (y - middle) - (np.exp(y) - np.exp(middle)) * (alpha + age))
        since = [(np.exp(y) * (age - t_x)) ** j / math.factorial(j) for j in range(k)]
        wanted = prior @ (ahead * sum(s * np.exp((k - j) * log_f) for j, s in enumerate(since)))
        assert found[at] == pytest.approx(wanted / (prior @ sum(since)), rel=1e-7)


def test_of_many_regular_buyers_it_is_worked_out_at_once():
    """3,000 customers at 15 % a year, for whom purchases were summed 120 times one by one."""
    model = model_of(MbgCnbdModel, (0.85, 1.45, 0.79, 2.42), unit="week", k=3)
    age = np.arange(1, 3001) / 20
    shop = summary_of(np.full(3000, 2), age / 2, age)
    start = time.process_time()
    assert discounted(shop, model=model, discount=0.15)["discounted_purchases"].gt(0).all()
    assert time.process_time() - start < 5


def test_it_is_what_customer_value_comes_to():
    """Twelve years on, at a rate of 100 % a year, next to nothing is left to come."""
    model = model_of(ParetoNbdModel, CDNOW[ParetoNbdModel], unit="week")
    shop = summary_of([0, 2, 8], [0, 30, 35], [38, 38, 38])
    asked = {"horizon": 624, "margin": 1.0, "discount": 1.0}
    value = rt.repeat_buying.customer_value(shop, model=model, spend=1.0, **asked)["value"]
    found = discounted(shop, model=model, discount=1.0)["discounted_purchases"]
    np.testing.assert_allclose(found, value, rtol=1e-3)


def test_what_cannot_be_asked_is_refused():
    """No discount, a model of nothing, ages without a unit, opportunities without end."""
    shop = summary_of([1], [4], [9])
    model = model_of(ParetoNbdModel, CDNOW[ParetoNbdModel], unit="week")
    with pytest.raises(rt.RetentionError, match="above 0"):
        discounted(shop, model=model, discount=0.0)
    with pytest.raises(rt.RetentionError, match="fit_pareto_nbd"):
        discounted(shop, model=1, discount=0.1)
    with pytest.raises(rt.RetentionError, match="unit"):
        discounted(shop, model=model_of(ParetoNbdModel, CDNOW[ParetoNbdModel]), discount=0.1)
    with pytest.raises(rt.errors.ContentError, match="fitted on weeks"):
        discounted(shop.assign(unit="day"), model=model, discount=0.1)
    with pytest.raises(rt.RetentionError, match="too low"):
        discounted(shop, model=model_of(BgBbModel, (1, 1, 1, 1)), discount=1e-4)

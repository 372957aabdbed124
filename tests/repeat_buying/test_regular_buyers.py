"""MBG/CNBD-k and BG/CNBD-k: against k = 1, customers one by one, simulation and differences."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc, betaln, gammainc, gammaln

import retention as rt
from buyers import CDNOW, cohort, histories_of, model_of, summary_of
from conftest import at_most
from retention.repeat_buying.buying.bg_cnbd import BgCnbdModel, MbgCnbdModel, regular_purchases
from retention.repeat_buying.buying.bg_likelihood import BgLikelihood, EventsSince
from retention.repeat_buying.buying.bg_nbd import (
    BgNbdModel,
    MbgNbdModel,
    purchases_until_leaving,
)

KINDS = (BgCnbdModel, MbgCnbdModel)
FITS = {BgCnbdModel: rt.repeat_buying.fit_bg_cnbd, MbgCnbdModel: rt.repeat_buying.fit_mbg_cnbd}
every_kind = pytest.mark.parametrize("kind", KINDS)
THETA = np.array([0.85, 1.45, 0.79, 2.42])
"""Of the simulations in the package BTYDplus 1.2.0 (its tests of both models), k = 3."""


class OneByOne:
    """Customers of each rate and chance of leaving, on a grid, weighed by how common they are."""

    def __init__(self, kind, theta, k):
        r, alpha, a, b = theta
        self.kind, self.k = kind, k
        u = np.linspace(-30 / r, 8, 200)[:, None] - np.log(alpha / r)
        v = np.linspace(-30 / a, 30 / b, 110)[None]
        self.rate, self.leaves = np.exp(u), 1 / (1 + np.exp(-v))
        log = r * (u + np.log(alpha)) - gammaln(r) - alpha * self.rate - betaln(a, b)
        log = log - a * np.log1p(np.exp(-v)) - b * np.log1p(np.exp(v))
        self.prior = np.exp(log) * (u[1] - u[0]) * (v[0, 1] - v[0, 0])

    def fewer(self, time):
        """Fewer than k events in some time, without e^(−λ time)."""
        return sum((self.rate * time) ** j / math.factorial(j) for j in range(self.k))

    def __call__(self, x, t_x, age, within):
        """Likelihood but for its constant, P(alive), E[purchases] and P(none)."""
        first = self.kind is MbgCnbdModel
        stays, rate, silence = 1 - self.leaves, self.rate, age - t_x
        base = self.prior * rate ** (self.k * x)
        alive = base * stays ** (x + first) * np.exp(-rate * age) * self.fewer(silence)
        gone = base * self.leaves * stays ** (x - 1 + first) * np.exp(-rate * t_x)
        gone = gone if x or first else 0 * gone
        total = alive.sum() + gone.sum()
        none = np.exp(-rate * within) * self.fewer(silence + within) / self.fewer(silence)
        # of those alive with j events since the last purchase, the m-th comes with k m − j more
        expected = 0.0
        since = [(rate * silence) ** j / math.factorial(j) for j in range(self.k)]
        m = np.arange(1, 200 // self.k)
        staying = stays ** (m[:, None] - 1)
        for j, weight in enumerate(since):
            tails = gammainc(self.k * m - j, rate * within)
            share = alive * weight / self.fewer(silence)
            expected += ((tails.T @ share) * staying).sum()
        return {
            "log_likelihood": np.log(total),
            "p_alive": alive.sum() / total,
            "expected_purchases": expected / total,
            "p_no_purchase": ((alive * none).sum() + gone.sum()) / total,
        }


@cache
def one_by_one(kind, k):
    """The grid of a model, made once."""
    return OneByOne(kind, THETA, k)


@every_kind
@settings(max_examples=at_most(8))
@given(
    st.integers(0, 6), st.floats(0.05, 1), st.floats(0.5, 60), st.floats(0.1, 8), st.integers(1, 4)
)
def test_what_a_model_says_is_the_sum_over_customers(kind, x, part, age, within, k):
    """The likelihood and all three predictions of any history, by brute integration."""
    t_x = part * age if x else 0.0
    by_hand = one_by_one(kind, k)(x, t_x, age, within)
    model, summary = model_of(kind, THETA, k=k), summary_of([x], [t_x], [age])
    said = {
        "p_alive": model.p_alive(summary),
        "expected_purchases": model.expected_purchases(summary, within=within),
        "p_no_purchase": model.p_no_purchase(summary, within=within),
    }
    for name, table in said.items():
        assert table[name][0] == pytest.approx(by_hand[name], rel=1e-6, abs=1e-9)
    likelihood = BgLikelihood(histories_of(x, t_x, age), first_too=kind is MbgCnbdModel, k=k)
    assert likelihood(THETA)[0] == pytest.approx(by_hand["log_likelihood"], rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("first_too", [False, True])
@pytest.mark.parametrize("k", [1, 2, 3, 12])
def test_gradient_and_hessian_are_those_of_the_likelihood(k, first_too):
    """Against central differences, with histories of silence 0, of nobody and of many."""
    on = histories_of([0, 1, 3, 12, 0, 2], [0, 4, 20, 30, 0, 39], [30, 30, 39, 31, 5, 39], range(6))
    evaluate = BgLikelihood(on, first_too=first_too, k=k)
    _, gradient, hessian = evaluate(THETA)
    for i, step in enumerate(1e-5 * np.eye(4)):
        up, down = evaluate(THETA + step), evaluate(THETA - step)
        assert (up[0] - down[0]) / 2e-5 == pytest.approx(gradient[i], rel=1e-6, abs=1e-6)
        np.testing.assert_allclose((up[1] - down[1]) / 2e-5, hessian[i], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "other", "fit"),
    [
        (BgCnbdModel, BgNbdModel, rt.repeat_buying.fit_bg_nbd),
        (MbgCnbdModel, MbgNbdModel, rt.repeat_buying.fit_mbg_nbd),
    ],
)
def test_with_k_of_1_it_is_the_model_of_purchases_at_random(kind, other, fit):
    """Fit, standard errors and predictions, to 1e-10; expectations to what the other's rule has."""
    summary = cohort(other, CDNOW[other], 200, horizon=1, seed=3)
    plain, regular = fit(summary), FITS[kind](summary, k=1)
    np.testing.assert_allclose(regular.parameters, plain.parameters, rtol=1e-10)
    np.testing.assert_allclose(regular.covariance_of_logs, plain.covariance_of_logs, rtol=1e-10)
    assert regular.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-13)
    for method, asked in (("p_alive", {}), ("p_no_purchase", {"within": 20})):
        found, wanted = (getattr(model, method)(summary, **asked) for model in (regular, plain))
        pd.testing.assert_frame_equal(found, wanted, rtol=1e-10, atol=1e-12)
    found, wanted = (model.expected_purchases(summary, within=20) for model in (regular, plain))
    pd.testing.assert_frame_equal(found, wanted, rtol=1e-7)
    times = np.array([0.0, 1.0, 30.0])
    new = (model.purchases_of_new(model.theta, times) for model in (regular, plain))
    np.testing.assert_allclose(*new, rtol=1e-8)


@cache
def regular_cohort(kind, k, n=2000):
    """Customers who live out the story, as BTYDplus draws them: 50 to 90 weeks, 40 more."""
    rng = np.random.default_rng(1)
    r, alpha, a, b = THETA
    rows = []
    for age in rng.uniform(50, 90, n):
        rate, leaves, bought = rng.gamma(r) / alpha, rng.beta(a, b), [0.0]
        gone = kind is MbgCnbdModel and rng.random() < leaves
        while not gone:
            at = bought[-1] + rng.gamma(k) / rate
            if at > age + 40:
                break
            bought.append(at)
            gone = rng.random() < leaves
        seen = [at for at in bought if at <= age]
        alive = len(seen) < len(bought) or not gone
        gaps = np.log(np.diff(seen)).sum()
        rows.append((len(seen) - 1, seen[-1], age, gaps, len(bought) - len(seen), alive))
    frame = pd.DataFrame(rows, columns=["x", "t_x", "T", "log_gaps", "later", "alive"])
    return frame.assign(customer_id=np.arange(n))


@every_kind
def test_what_customers_were_drawn_from_is_found_again(kind):
    """k = 3 and the parameters to 10 % (the tolerance of BTYDplus' own test), and what came."""
    shop = regular_cohort(kind, 3)
    model = FITS[kind](shop)
    assert (model.k, model.status) == (3, "converged")
    np.testing.assert_allclose(model.parameters, THETA, rtol=0.1)
    z = np.log(model.theta / THETA) / np.sqrt(np.diagonal(model.covariance_of_logs))
    assert np.abs(z).max() < 3
    none = model.p_no_purchase(shop, within=40)["p_no_purchase"]
    assert none.mean() == pytest.approx((shop["later"] == 0).mean(), abs=0.015)
    assert model.p_alive(shop)["p_alive"].mean() == pytest.approx(shop["alive"].mean(), abs=0.02)
    expected = model.expected_purchases(shop, within=40)["expected_purchases"]
    assert expected.sum() == pytest.approx(shop["later"].sum(), rel=0.05)


def test_who_buys_once_a_year_is_scored_as_what_comes():
    """Last seen 3 to 12 months ago: about .29 stay away a year more; Pareto/NBD says .64."""
    rng = np.random.default_rng(1)
    rows = []
    for who in range(500):
        age, bought, leaves = round(rng.uniform(200, 1825)), [0.0], rng.beta(3, 7)
        gone = rng.random() < leaves
        while not gone and bought[-1] <= age + 365:
            bought.append(np.round(bought[-1] + 365 * rng.gamma(40) / 40))
            gone = rng.random() < leaves
        seen = [day for day in bought if day <= age]
        later = any(age < day <= age + 365 for day in bought)
        rows.append((who, len(seen) - 1, seen[-1], age, np.log(np.diff(seen)).sum(), not later))
    shop = pd.DataFrame(rows, columns=["customer_id", "x", "t_x", "T", "log_gaps", "none"])
    due = (shop["T"] - shop["t_x"]).between(90, 365)
    asked = {"within": 365}
    fits = (rt.repeat_buying.fit_pareto_nbd, rt.repeat_buying.fit_mbg_cnbd)
    said = [fit(shop).p_no_purchase(shop, **asked)["p_no_purchase"] for fit in fits]
    truth = shop["none"][due].mean()
    assert said[0][due].mean() > truth + 0.3
    assert said[1][due].mean() == pytest.approx(truth, abs=0.08)
    brier = [((score - shop["none"]) ** 2).mean() for score in said]
    assert brier[1] < 0.7 * brier[0]


@every_kind
def test_the_unit_of_time_says_the_same(kind):
    """Days are weeks times 7: α too, the likelihood of gaps falls by log 7 each, k stays."""
    weeks = regular_cohort(kind, 3).head(600)
    times = {name: weeks[name] * 7 for name in ("t_x", "T")}
    days = weeks.assign(**times, log_gaps=weeks["log_gaps"] + weeks["x"] * math.log(7))
    one, other = FITS[kind](weeks), FITS[kind](days)
    assert one.k == other.k
    np.testing.assert_allclose(other.theta / one.theta, [1, 7, 1, 1], rtol=1e-6)
    shift = weeks["x"].sum() * math.log(7)
    assert other.log_likelihood == pytest.approx(one.log_likelihood - shift, rel=1e-9)


def test_customers_who_share_a_history_weigh_as_many():
    """Doubling everybody doubles the likelihood and moves nothing."""
    shop = regular_cohort(MbgCnbdModel, 3).head(300)
    twice = pd.concat([shop, shop], ignore_index=True)
    one, two = (rt.repeat_buying.fit_mbg_cnbd(table) for table in (shop, twice))
    assert one.k == two.k
    np.testing.assert_allclose(two.parameters, one.parameters, rtol=1e-6)
    assert two.log_likelihood == pytest.approx(2 * one.log_likelihood)


def test_a_part_of_very_many_histories_finds_the_same_k(monkeypatch):
    """As it does with all of them."""
    from retention.repeat_buying.buying import fit

    shop = regular_cohort(MbgCnbdModel, 3)
    whole = rt.repeat_buying.fit_mbg_cnbd(shop)
    monkeypatch.setattr(fit, "_MANY", 800)
    part = rt.repeat_buying.fit_mbg_cnbd(shop)
    assert part.k == whole.k
    np.testing.assert_allclose(part.parameters, whole.parameters, rtol=1e-4)


def test_a_given_k_needs_no_gaps_but_has_no_likelihood_then():
    """The parameters are the same."""
    shop = regular_cohort(MbgCnbdModel, 3).head(200)
    with_gaps = rt.repeat_buying.fit_mbg_cnbd(shop, k=2)
    without = rt.repeat_buying.fit_mbg_cnbd(shop.drop(columns="log_gaps"), k=2)
    assert without.parameters == with_gaps.parameters
    assert without.log_likelihood is None
    assert with_gaps.log_likelihood is not None
    again = MbgCnbdModel.model_validate_json(with_gaps.model_dump_json())
    assert again == with_gaps


def test_nobody_who_bought_twice_tells_how_regularly():
    """It is said, and k = 1."""
    shop = summary_of([0, 0], [0, 0], [9, 4], log_gaps=[0.0, 0.0])
    model = rt.repeat_buying.fit_mbg_cnbd(shop)
    assert model.k == 1
    assert "Nobody bought twice" in " ".join(model.notes)


@pytest.mark.parametrize("k", [0, 13, 2.5, True, "3"])
def test_a_k_that_cannot_be_is_refused(k):
    """With the range."""
    with pytest.raises(rt.RetentionError, match="whole number from 1 to 12"):
        rt.repeat_buying.fit_mbg_cnbd(summary_of([0], [0], [9]), k=k)


def test_gaps_that_are_missing_or_cannot_be_are_refused():
    """With where they come from."""
    shop = summary_of([1, 2], [4, 9], [9, 9])
    with pytest.raises(rt.errors.ColumnError, match="summary_with_gaps"):
        rt.repeat_buying.fit_mbg_cnbd(shop)
    for gaps in (9.0, np.nan):
        with pytest.raises(rt.errors.ContentError, match="log_gaps"):
            rt.repeat_buying.fit_mbg_cnbd(shop.assign(log_gaps=[1.0, gaps]))
    with pytest.raises(rt.errors.ColumnError, match="must be numbers"):
        rt.repeat_buying.fit_mbg_cnbd(shop.assign(log_gaps="a"))


@pytest.mark.parametrize(
    ("a", "stayed", "shape", "ahead", "k"),
    [(0.8, 3.4, 1.2, 900, 3), (1e-6, 50, 30, 60, 4), (1e6, 5e9, 2, 300, 1), (3, 0.2, 500, 5, 12)],
)
def test_very_many_purchases_are_summed_as_one_by_one(a, stayed, shape, ahead, k):
    """Where steps have grown, where nobody leaves, customers hardly differ, or buy at one rate."""
    waits = EventsSince(np.array([float(shape)]), np.array([0.3]), k)
    m = np.arange(40_000 // k)
    kept = np.cumprod(np.append(1, (stayed + m) / (a + stayed + m)))[:-1]
    tails = betainc(k * (m + 1)[:, None] - np.arange(k), shape + np.arange(k), ahead / (1 + ahead))
    asked = np.array([float(stayed)]), waits, np.array([float(ahead)])
    wanted = kept @ (tails @ waits.share[:, 0])
    assert regular_purchases(a, *asked)[0] == pytest.approx(wanted, rel=1e-11)


def test_purchases_without_end_are_counted_too():
    """Of a million weeks: for k = 1 as in BG/NBD, else c q/k where nobody leaves."""
    waits = EventsSince(np.array([1.2]), np.array([0.3]), 1)
    found = regular_purchases(0.8, np.array([3.4]), waits, np.array([1e6]))
    assert found == pytest.approx(purchases_until_leaving(0.8, 3.4, 1.2, 1e6), rel=1e-8)
    model = model_of(MbgCnbdModel, (1.0, 1.0, 1e-12, 1.0), k=2)
    ahead = model.expected_purchases(summary_of([3], [5], [5]), within=1e6)["expected_purchases"]
    assert ahead[0] == pytest.approx((1 + 6) / (1 + 5) * 1e6 / 2, rel=1e-5)


def test_a_customer_is_worth_what_their_purchases_bring():
    """customer_value takes the model as it takes the others."""
    shop = regular_cohort(MbgCnbdModel, 3).head(50).assign(unit="week")
    model = rt.repeat_buying.fit_mbg_cnbd(shop)
    asked = {"horizon": 52, "margin": 1.0, "discount": 0.0}
    value = rt.repeat_buying.customer_value(shop, model=model, spend=2.0, **asked)["value"]
    expected = model.expected_purchases(shop, within=52)["expected_purchases"]
    np.testing.assert_allclose(value, 2 * expected, rtol=1e-9)


def naive_log_gaps(orders, as_of):
    """The logs of each customer's gaps, summed."""
    days = {}
    for row in orders.itertuples():
        if row.date <= as_of:
            days.setdefault(row.customer_id, set()).add(row.date)
    return {
        who: sum(math.log((b - a).days) for a, b in itertools.pairwise(sorted(dates)))
        for who, dates in days.items()
    }


@settings(max_examples=at_most(8))
@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 60)), min_size=1, max_size=25),
    st.sampled_from(["day", "week"]),
)
@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_log_gaps_are_those_of_the_days_in_order(lines, unit):
    """On pandas, Polars and DuckDB, beside the columns of purchase_summary."""
    import duckdb
    import polars as pl

    start = pd.Timestamp("2024-01-01")
    dates = [start + timedelta(day) for _, day in lines]
    orders = pd.DataFrame({"customer_id": [who for who, _ in lines], "date": dates, "sales": 1.0})
    as_of = start + timedelta(max(40, min(day for _, day in lines)))
    asked = {"as_of": as_of.date(), "unit": unit}
    found = rt.repeat_buying.summary_with_gaps(orders, **asked)
    pd.testing.assert_frame_equal(
        found.drop(columns="log_gaps"), rt.purchase_summary(orders, **asked)
    )
    wanted = naive_log_gaps(orders, as_of)
    scale = math.log(7) if unit == "week" else 0.0
    for row in found.itertuples():
        assert row.log_gaps == pytest.approx(wanted[row.customer_id] - row.x * scale, abs=1e-12)
    lazy = rt.repeat_buying.summary_with_gaps(pl.from_pandas(orders).lazy(), **asked).collect()
    there = rt.repeat_buying.summary_with_gaps(duckdb.from_df(orders), **asked).df()
    for other in (lazy.to_pandas(), there):
        gaps = other.sort_values("customer_id")["log_gaps"].to_numpy()
        np.testing.assert_allclose(gaps, found["log_gaps"].to_numpy(), atol=1e-12)

"""Pareto/NBD, BG/NBD, MBG/NBD: against published numbers, customers one by one and simulation."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

import retention as rt
from buyers import CDNOW, ByHand, cohort, histories_of, model_of, summary_of
from conftest import at_most
from retention.repeat_buying.buying import fit as fitting
from retention.repeat_buying.buying.bg_likelihood import BgLikelihood
from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel, purchases_until_leaving
from retention.repeat_buying.buying.pareto_likelihood import ParetoLikelihood, Powers
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel, time_alive
from retention.repeat_buying.buying.purchase_model import PurchaseModel, RepeatBuyingModel

FITS = {
    BgNbdModel: rt.repeat_buying.fit_bg_nbd,
    MbgNbdModel: rt.repeat_buying.fit_mbg_nbd,
    ParetoNbdModel: rt.repeat_buying.fit_pareto_nbd,
}
KINDS = list(FITS)
METHODS = ("p_no_purchase", "expected_purchases", "p_alive")
every_kind = pytest.mark.parametrize("kind", KINDS)


def likelihood_of(kind, on):
    """The likelihood that a kind of model is fitted by."""
    if kind is ParetoNbdModel:
        return ParetoLikelihood(on)
    return BgLikelihood(on, first_too=kind is MbgNbdModel)


def said(model, summary, within=39):
    """All three predictions in one table, with their bounds."""
    tables = {
        "p_no_purchase": model.p_no_purchase(summary, within=within),
        "expected_purchases": model.expected_purchases(summary, within=within),
        "p_alive": model.p_alive(summary),
    }
    return pd.concat(
        {name: table.drop(columns="customer_id") for name, table in tables.items()}, axis=1
    )


FOUR = summary_of([2, 0, 26, 1], [30.43, 0, 30.86, 1.71], [38.86, 38.86, 31, 38.86])
"""Four histories of the CDNOW table, in weeks."""

PUBLISHED = {
    BgNbdModel: [
        (1.22591045, 0.72660915, 0.44539252),
        (0.19478085, 1.0, 0.85567217),
        (20.75056953, 0.96891971, 0.03108029),
        (0.20325064, 0.21222741, 0.88328748),
    ],
    MbgNbdModel: [
        (1.26267079, 0.70612625, 0.44008093),
        (0.15395365, 0.38971631, 0.89120422),
        (19.44803666, 0.96555287, 0.03444713),
        (0.18878925, 0.17081963, 0.89517345),
    ],
    ParetoNbdModel: [
        (1.45511297, 0.86911872, 0.40809107),
        (0.10705979, 0.29509716, 0.93073330),
        (20.11586726, 0.99791794, 0.02381864),
        (0.17098052, 0.16787198, 0.91342023),
    ],
}
"""E[purchases in 39 weeks], P(alive), P(no purchase); lifetimes agrees as far as it converges."""


@every_kind
def test_four_histories_of_cdnow(kind):
    """Predictions at the parameters that fit the public table, to seven digits."""
    found = said(model_of(kind, CDNOW[kind]), FOUR)
    columns = ["expected_purchases", "p_alive", "p_no_purchase"]
    values = np.array([found[name, name] for name in columns]).T
    np.testing.assert_allclose(values, PUBLISHED[kind], rtol=2e-7)


@pytest.mark.parametrize(
    ("parameters", "history", "expected"),
    [
        ((0.553, 10.578, 0.606, 11.669), (0, 0, 39), -0.521507418877),
        ((0.553, 10.578, 0.606, 11.669), (50, 5, 39), 4.02714594917),
        ((2, 1000, 0.05, 0.01), (0, 0, 39), -0.0527168911663),
        ((0.5, 0.1, 0.6, 100), (1000, 10, 40), 3583.39546787),
        ((50, 400, 30, 5000), (50, 5, 39), -90.0000392042),
    ],
)
def test_pareto_likelihoods_that_hypergeometric_functions_miss(parameters, history, expected):
    """Forty-digit values; where lifetimes gives NaN among them."""
    value = ParetoLikelihood(histories_of(*history))(np.array(parameters, float))[0]
    assert value == pytest.approx(expected, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(
    ("parameters", "history", "expected"),
    [
        ((0.243, 4.414, 0.793, 2.426), (300, 5), 2377.4090561547),
        ((1.5, 20, 0.999999, 3), (300, 5), 1123.7450878162),
        ((2, 5, 8, 40), (300, 5), 347 / 7),
        ((5, 100, 200, 1000), (1000, 5), 2199 / 199),
    ],
)
def test_bg_expectations_that_hypergeometric_functions_miss(parameters, history, expected):
    """Forty-digit values, and the limit (a + b + x − 1)/(a − 1) of a long time."""
    x, age = (np.array([value], float) for value in history)
    model = model_of(BgNbdModel, parameters)
    found = model.purchases_if_alive(model.theta, x, age, 1000.0)
    assert found[0] == pytest.approx(expected, rel=1e-9)


@cache
def grid(kind, *parameters):
    """Customers one by one."""
    return ByHand(kind, parameters)


whole = st.integers(0, 8)
share = st.floats(0.01, 1)


@every_kind
@settings(max_examples=at_most(10))
@given(whole, share, st.floats(0.5, 60), st.floats(0, 60), st.sampled_from([0.6, 1.0, 3.0]))
def test_what_a_model_says_is_the_sum_over_customers(kind, x, part, age, within, spread):
    """All three predictions and the likelihood of any history, on a grid of customers."""
    parameters = np.array(CDNOW[kind]) * [spread, 1, spread, 1]
    by_hand = grid(kind, *parameters)(x, part * age if x else 0.0, age, within)
    history = (x, part * age if x else 0.0, age)
    found = said(model_of(kind, parameters), summary_of(*([v] for v in history)), within)
    for name in METHODS:
        assert found[name, name][0] == pytest.approx(by_hand[name], rel=1e-7, abs=1e-12)
    value = likelihood_of(kind, histories_of(*history))(parameters)[0]
    assert value == pytest.approx(by_hand["log_likelihood"], rel=1e-8, abs=1e-8)


@every_kind
@given(
    st.lists(st.tuples(whole, share, st.floats(0, 50), st.integers(1, 9)), min_size=1, max_size=8),
    st.lists(st.floats(-2, 2), min_size=4, max_size=4),
)
def test_gradient_and_hessian_are_those_of_the_likelihood(kind, rows, logs):
    """Against central differences, and symmetric; T = 0 and t_x = T included."""
    x = [row[0] if row[2] > 0 else 0 for row in rows]
    t_x = [row[1] * row[2] if some else 0.0 for some, row in zip(x, rows, strict=True)]
    on = histories_of(x, t_x, [row[2] for row in rows], [row[3] for row in rows])
    evaluate, theta = likelihood_of(kind, on), np.array(CDNOW[kind]) * np.exp(logs)
    value, gradient, hessian = evaluate(theta)
    scale = max(abs(value), np.abs(theta * gradient).max(), 1.0)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-9 * scale)
    for i, step in enumerate(1e-5 * np.diag(theta)):
        above, below = evaluate(theta + step), evaluate(theta - step)
        slope = theta[i] * (above[0] - below[0]) / (2 * step[i])
        assert slope == pytest.approx(theta[i] * gradient[i], abs=1e-7 * scale)
        curve = theta * (above[1] - below[1]) / (2 * step[i]) * theta[i]
        np.testing.assert_allclose(curve, theta * hessian[i] * theta[i], atol=1e-7 * scale)


@every_kind
def test_collapsed_is_expanded(kind):
    """A history that n customers have is n rows: value, gradient and Hessian."""
    x, t_x, age, n = [0, 2, 2, 7], [0, 3.0, 9, 9], [10, 10, 10, 12.0], [5, 1, 3, 2]
    theta = np.array(CDNOW[kind])
    one = likelihood_of(kind, histories_of(x, t_x, age, n))(theta)
    rows = np.repeat(np.arange(4), n)
    expanded = histories_of(*(np.array(values)[rows] for values in (x, t_x, age)))
    other = likelihood_of(kind, expanded)(theta)
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


@cache
def bought(kind):
    """Three thousand customers who live as a model says."""
    return cohort(kind, CDNOW[kind], 3000, horizon=20, seed=5)


@every_kind
def test_a_cohort_that_lives_as_the_model_says_gives_its_parameters_back(kind):
    """Within four standard errors, and the errors are those of the Hessian."""
    model = FITS[kind](bought(kind))
    assert (model.status, model.notes, model.n_customers) == ("converged", (), 3000)
    table = model.coefficients()
    away = np.log(table["estimate"] / np.array(CDNOW[kind])) / (
        table["standard_error"] / table["estimate"]
    )
    assert (away.abs() < 4).all()
    theta0 = np.array(CDNOW[kind])
    inside = (table["lower"] < theta0) & (table["upper"] > theta0)
    assert inside.sum() >= 3
    theta = model.theta
    _, gradient, hessian = likelihood_of(
        kind, histories_of(*bought(kind)[["x", "t_x", "T"]].T.values)
    )(theta)
    logs = theta[:, None] * hessian * theta + np.diag(theta * gradient)
    errors = np.sqrt(np.diagonal(np.linalg.inv(-logs)))
    np.testing.assert_allclose(table["standard_error"], theta * errors, rtol=1e-5)


@every_kind
def test_predictions_are_right_on_average(kind):
    """What came later: who bought, how often, who was still alive, each within four errors."""
    summary = bought(kind)
    found = said(model_of(kind, CDNOW[kind]), summary, 20)
    came = {
        "p_no_purchase": summary["later"] == 0,
        "expected_purchases": summary["later"],
        "p_alive": summary["alive"],
    }
    for name, happened in came.items():
        miss = found[name, name] - happened
        assert abs(miss.mean()) < 4 * miss.std() / np.sqrt(len(miss))


@every_kind
def test_days_or_weeks_is_a_matter_of_unit(kind):
    """Scales times 7, log-likelihood less by Σ x log 7, the same chances and errors."""
    weeks = bought(kind).drop(columns=["later", "alive"]).assign(unit="week")
    days = weeks.assign(t_x=weeks["t_x"] * 7, T=weeks["T"] * 7, unit="day")
    slow, fast = FITS[kind](weeks), FITS[kind](days)
    scales = [1, 7, 1, 7 if kind is ParetoNbdModel else 1]
    np.testing.assert_allclose(fast.parameters, slow.theta * scales, rtol=1e-7)
    shift = weeks["x"].sum() * np.log(7)
    assert fast.log_likelihood == pytest.approx(slow.log_likelihood - shift, rel=1e-12)
    np.testing.assert_allclose(fast.covariance_of_logs, slow.covariance_of_logs, rtol=1e-5)
    pd.testing.assert_series_equal(
        slow.p_no_purchase(weeks, within=4)["upper"], fast.p_no_purchase(days, within=28)["upper"]
    )
    with pytest.raises(rt.ContentError, match=r"in weeks, the model was fitted on days. Say pur"):
        fast.p_alive(weeks)


@every_kind
def test_the_order_of_rows_changes_nothing(kind):
    """The same model bit for bit, and each customer's own prediction."""
    summary = bought(kind).head(500)
    mixed = summary.sample(frac=1, random_state=1)
    model = FITS[kind](summary)
    assert FITS[kind](mixed) == model
    one, other = (model.p_alive(table) for table in (summary, mixed))
    assert other["customer_id"].tolist() == mixed["customer_id"].tolist()
    pd.testing.assert_frame_equal(other.sort_values("customer_id", ignore_index=True), one)


HARD = {
    "everyone_bought_once": summary_of([0] * 9, [0] * 9, [30, 30, 30, 20, 20, 10, 5, 1, 1]),
    "nobody_ever_left": summary_of([1, 2, 5, 9, 30], [30] * 5, [30] * 5),
    "everyone_left_at_once": summary_of([3] * 9, [1] * 9, [1000] * 9),
    "all_T_equal": summary_of([0, 0, 2, 5, 1], [0, 0, 9, 20, 3], [30] * 5),
    "one_customer": summary_of([3], [5], [9]),
    "one_customer_once": summary_of([0], [0], [9]),
    "T_is_0": summary_of([0] * 3, [0] * 3, [0] * 3),
    "T_is_0_for_some": summary_of([0, 0, 4], [0, 0, 9], [0, 30, 30]),
    "a_thousand_purchases": summary_of([3000, 0, 10], [300, 0, 100], [365] * 3),
    "a_tiny_unit": summary_of([0, 3, 1], [0, 4e-9, 2e-9], [9e-9] * 3),
    "no_spread": summary_of([4] * 50, [20] * 50, [25] * 50),
}


@every_kind
@pytest.mark.parametrize("shop", HARD)
def test_hard_data_is_answered_not_refused(kind, shop):
    """A status with its reason, and never a NaN among the predictions."""
    summary = HARD[shop]
    model = FITS[kind](summary)
    assert model.status in ("converged", "flat", "boundary")
    assert bool(model.notes) == (model.status != "converged")
    found = said(model, summary)
    for name in METHODS:
        assert found[name, name].between(0, 1 if name.startswith("p_") else 1e9).all()
        has_bounds = model.status == "converged"
        assert (found[name][["lower", "upper"]].notna() == has_bounds).all(axis=None)
    table = model.coefficients()
    assert (table["standard_error"].notna() == has_bounds).all()
    assert np.isfinite(model.expected_cumulative([0, 10, 50], summary["T"])).all()
    assert kind.model_validate_json(model.model_dump_json()) == model


@every_kind
def test_nobody_leaves_and_the_reason_stands_in_words(kind):
    """Everyone bought on the last day: rates are those of an NBD, and all are alive."""
    model = FITS[kind](HARD["nobody_ever_left"])
    assert model.status == "boundary"
    assert model.notes[-1] == "Nobody seems to leave."
    assert "runs to infinity: " not in model.notes[0]
    r, alpha = model.parameters[:2]
    found = said(model, HARD["nobody_ever_left"], 10)
    x = HARD["nobody_ever_left"]["x"]
    np.testing.assert_allclose(found["p_alive", "p_alive"], 1, atol=1e-6)
    expected = found["expected_purchases", "expected_purchases"]
    np.testing.assert_allclose(expected, (r + x) / (alpha + 30) * 10, rtol=1e-5)


def test_customers_who_do_not_differ_are_said_not_to():
    """Fifty alike: r and α run to infinity together."""
    notes = rt.repeat_buying.fit_pareto_nbd(HARD["no_spread"]).notes
    assert "Customers hardly differ in how often they buy." in notes
    assert (
        "Hardly anyone bought again."
        in rt.repeat_buying.fit_bg_nbd(HARD["everyone_bought_once"]).notes
    )


def test_bg_nbd_takes_all_who_bought_once_for_alive():
    """Why P(alive) is secondary: 1 without any doubt, though most will never buy again."""
    model = rt.repeat_buying.fit_bg_nbd(bought(MbgNbdModel))
    once = bought(MbgNbdModel).query("x == 0")
    assert (model.p_alive(once)[["p_alive", "lower", "upper"]] == 1).all(axis=None)
    assert (model.p_no_purchase(once, within=20)["p_no_purchase"] < 1).all()


@every_kind
def test_bounds_are_the_delta_method_on_the_logs_of_the_parameters(kind):
    """Gradients by other differences, of the table's own values, one parameter at a time."""
    model, h = FITS[kind](bought(kind)), 1e-3

    def at(logs):
        moved = model.model_copy(update={"parameters": tuple(model.theta * np.exp(logs))})
        return said(moved, FOUR)

    middle, around = at(np.zeros(4)), [(at(step), at(-step)) for step in h * np.eye(4)]
    for name in METHODS:
        scale = np.log if name == "expected_purchases" else lambda v: np.log(v) - np.log1p(-v)
        sure = middle[name, name] == 1
        assert sure.sum() <= 1
        value, lower, upper = (scale(middle[name][c][~sure]) for c in (name, "lower", "upper"))
        pairs = [[scale(table[name, name][~sure]) for table in pair] for pair in around]
        slope = np.array([(above - below) / (2 * h) for above, below in pairs])
        error = np.sqrt(np.einsum("ik,ij,jk->k", slope, model.covariance_of_logs, slope))
        np.testing.assert_allclose(upper - lower, 2 * 1.959963984540054 * error, rtol=1e-4)
        np.testing.assert_allclose((upper + lower) / 2, value, rtol=1e-6)


def test_bounds_cover():
    """Of forty cohorts, the bounds of P(no purchase) hold the truth about 95 times."""
    truth = said(model_of(BgNbdModel, CDNOW[BgNbdModel]), FOUR)["p_no_purchase", "p_no_purchase"]
    rng = np.random.default_rng(3)
    r, alpha, a, b = CDNOW[BgNbdModel]
    hits = []
    for _ in range(40):
        rate, chance, age = rng.gamma(r, 1 / alpha, 1500), rng.beta(a, b, 1500), np.full(1500, 39.0)
        last = rng.geometric(np.maximum(chance, 1e-9))
        gaps = rng.exponential(1, (1500, 40)) / np.maximum(rate, 1e-9)[:, None]
        at = gaps.cumsum(axis=1)
        seen = (at <= 39) & (np.arange(40) < last[:, None])
        summary = summary_of(seen.sum(axis=1), (at * seen).max(axis=1), age)
        bounds = rt.repeat_buying.fit_bg_nbd(summary).p_no_purchase(FOUR, within=39)
        hits.append((bounds["lower"] < truth) & (truth < bounds["upper"]))
    assert 0.90 <= np.mean(hits) <= 0.99


@every_kind
def test_a_cohort_grows_as_its_customers_one_by_one(kind):
    """Each from the own first purchase on; as a mean over customers of every kind."""
    ages, times = [30.0, 30.0, 35.5, 40.0], [0.0, 3.0, 10.0, 40.0, 70.0]
    model = model_of(kind, CDNOW[kind])
    found = model.expected_cumulative(times, ages)
    by_hand = grid(kind, *CDNOW[kind])
    expected = [sum(by_hand.of_new(max(t - (40 - age), 0)) for age in ages) for t in times]
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)
    counted = model.expected_cumulative(times, [30.0, 35.5, 40.0], [2, 1, 1])
    np.testing.assert_array_equal(counted, found)


def test_at_a_shape_of_one_the_formula_has_a_limit():
    """Pareto/NBD with s = 1: a logarithm, which its neighbours approach."""
    assert time_alive(1.0, 5.0, 20.0) == pytest.approx(5 * np.log(5))
    for near in (1 - 1e-9, 1 + 1e-9, 1 - 1e-13):
        assert time_alive(near, 5.0, 20.0) == pytest.approx(5 * np.log(5), rel=1e-8)
    found = said(model_of(ParetoNbdModel, (0.55, 10.6, 1.0, 11.7)), FOUR)
    expected = found["expected_purchases", "expected_purchases"]
    around = [
        said(model_of(ParetoNbdModel, (0.55, 10.6, s, 11.7)), FOUR)["expected_purchases"]
        for s in (0.999, 1.001)
    ]
    middle = (around[0]["expected_purchases"] + around[1]["expected_purchases"]) / 2
    np.testing.assert_allclose(expected, middle, rtol=1e-5)


def purchases_one_by_one(a, b, k, q):
    """Σ over m of E[(1 − p)^(m − 1)] · P(m purchases or more): another way to the same."""
    m = np.arange(1, 20_001.0)
    kept = np.exp(np.append(0.0, np.cumsum(np.log1p(-a / (a + b + m[:-1] - 1)))))
    return float((betainc(m, k, q / (1 + q)) * kept).sum())


@pytest.mark.parametrize("a", [0.01, 0.79, 1.0, 30.0, 1000.0])
@pytest.mark.parametrize("b", [0.01, 0.1, 2.4, 1000.0])
def test_purchases_until_leaving_are_counted_one_by_one(a, b):
    """To 1e-11, where chances of leaving differ much or little and purchases are few or many."""
    k, q = (each.ravel() for each in np.meshgrid([0.01, 0.24, 10, 300], [1e-3, 0.1, 1, 10]))
    found = purchases_until_leaving(a, b, k, q)
    by_hand = [purchases_one_by_one(a, b, *each) for each in zip(k, q, strict=True)]
    np.testing.assert_allclose(found, by_hand, rtol=1e-11)


def test_purchases_until_leaving_hold_where_purchases_have_no_end():
    """Of all to come, a long time on, there are (a + b − 1)/(a − 1) on average, if a is above 1."""
    for a, b, k in ((30.0, 0.1, 1e6), (3.0, 1e3, 1e4), (1e3, 1.0, 300.0)):
        found = purchases_until_leaving(a, b, k, 1e12)
        assert found[0] == pytest.approx((a + b - 1) / (a - 1), rel=1e-11)


@given(st.floats(-6, 6), st.floats(-3, 6), st.floats(-3, 6), st.floats(-6, 6))
def test_purchases_until_leaving_stays_between_its_bounds(a, b, k, q):
    """Between g(1) and g(0), above g of the mean p (g is convex), and 0 for no time."""
    a, b, k, q = np.exp([a, b, k, q])
    p = a / (a + b)
    value = purchases_until_leaving(a, b, k, q)[0]
    mean = -np.expm1(-k * np.log1p(p * q)) / p
    assert mean * (1 - 1e-9) <= value <= k * q * (1 + 1e-9)
    assert purchases_until_leaving(a, b, k, 0.0)[0] == 0


@pytest.mark.parametrize(
    "within", [-1, float("nan"), float("inf"), 1e300, "39", True, [1, 2], None]
)
def test_a_length_of_time_that_is_none_is_refused(within):
    """In the user's words."""
    model = model_of(BgNbdModel, CDNOW[BgNbdModel])
    for ask in (model.p_no_purchase, model.expected_purchases):
        with pytest.raises(rt.RetentionError, match="within must be one length of time from 0 to"):
            ask(FOUR, within=within)


def test_what_is_asked_must_make_sense():
    """A level between 0 and 1, customers with names, and a history that can be."""
    model = model_of(BgNbdModel, CDNOW[BgNbdModel])
    with pytest.raises(rt.RetentionError, match="level must lie between 0 and 1"):
        model.p_alive(FOUR, level=95)
    with pytest.raises(rt.ColumnError, match="lacks 'customer_id'"):
        model.p_alive(FOUR.drop(columns="customer_id"))
    with pytest.raises(rt.ContentError, match=r"t_x > T"):
        rt.repeat_buying.fit_pareto_nbd(summary_of([1], [5], [4]))


@every_kind
def test_no_time_no_purchase(kind):
    """Within 0 nothing happens, for sure."""
    model = FITS[kind](bought(kind).head(300))
    found = said(model, FOUR, 0)
    assert (found["p_no_purchase"].drop(columns="within") == 1).all(axis=None)
    assert (found["expected_purchases"].drop(columns="within") == 0).all(axis=None)


def test_a_fitted_model_is_a_value():
    """Frozen, equal to itself read back, with names and a table; no error where none is known."""
    for kind, fit in FITS.items():
        model = fit(bought(kind).head(400))
        assert isinstance(model, PurchaseModel)
        assert isinstance(model, RepeatBuyingModel)
        again = kind.model_validate_json(model.model_dump_json())
        assert again == model
        assert hash(again) == hash(model)
        table = model.coefficients(level=0.9)
        assert table["parameter"].tolist() == list(model.names)
        assert table["estimate"].tolist() == list(model.parameters)
        with pytest.raises(ValueError, match="frozen"):
            model.unit = "day"


def test_what_another_model_wrote_is_refused():
    """BG/NBD and MBG/NBD have the same number of parameters, by the same names."""
    written = model_of(BgNbdModel, CDNOW[BgNbdModel]).model_dump_json()
    assert BgNbdModel.model_validate_json(written)
    for kind in (MbgNbdModel, ParetoNbdModel):
        with pytest.raises(ValueError, match="(?s)model.*should be '(mbg|pareto)_nbd'.*'bg_nbd'"):
            kind.model_validate_json(written)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": (1.0, 2.0)}, "parameters of bg_nbd are r, alpha, a, b, all above 0; got"),
        ({"parameters": (1.0, 2.0, -3.0, 4.0)}, r"all above 0; got \(1.0, 2.0, -3.0, 4.0\)"),
        ({"covariance": ((1.0,),)}, "covariance of bg_nbd must have 4 rows of 4"),
    ],
)
def test_parameters_that_no_fit_gives_are_refused(change, message):
    """Too few, or one that is not above 0."""
    fields = model_of(BgNbdModel, CDNOW[BgNbdModel]).model_dump()
    with pytest.raises(ValueError, match=message):
        BgNbdModel(**fields | change)


@every_kind
def test_ages_too_small_to_compute_with_are_said_not_raised(kind):
    """There is no log-likelihood, the note says so, and the model can be written and read."""
    model = FITS[kind](summary_of([0, 1, 2], [0, 1e-300, 2e-300], [3e-300] * 3))
    assert model.status == "flat"
    assert model.log_likelihood is None
    assert model.notes[0].startswith("The likelihood cannot be computed for these data")
    assert kind.model_validate_json(model.model_dump_json()) == model


def test_a_cohort_has_as_many_numbers_as_ages():
    """And one row of them."""
    model = model_of(BgNbdModel, CDNOW[BgNbdModel])
    for ages, n in (([1.0, 2.0], [1.0]), ([[1.0, 2.0]], None)):
        with pytest.raises(rt.RetentionError, match="n has one number for each"):
            model.expected_cumulative([1], ages, n)


@every_kind
def test_many_histories_start_from_a_part_of_them(kind, monkeypatch):
    """The same parameters as without the detour."""
    plain = FITS[kind](bought(kind))
    monkeypatch.setattr(fitting, "_MANY", 800)
    detour = FITS[kind](bought(kind))
    np.testing.assert_allclose(detour.parameters, plain.parameters, rtol=1e-6)
    assert detour.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-9)


@every_kind
@pytest.mark.parametrize("differ", [True, False])
def test_of_many_histories_on_a_ridge_all_are_gone_over_thirty_times_at_most(
    kind, differ, monkeypatch
):
    """Nobody leaves, and customers differ or do not: the same answer as without a part of them.

    Where on the ridge a fit ends may differ, and so which parameters it says run away.
    """
    rng = np.random.default_rng(3)
    age = rng.uniform(50, 100, 3_000)
    x = rng.poisson(age * (rng.gamma(2.0, 0.05, age.size) if differ else 0.1))
    last = age * rng.beta(np.maximum(x, 1), 1.0) * (x > 0)
    summary = summary_of(x, last, age)
    plain = FITS[kind](summary)
    passes = []
    counted = ParetoLikelihood if kind is ParetoNbdModel else BgLikelihood
    evaluate = counted.__call__

    def counting(self, theta):
        passes.append(self.on.x.size)
        return evaluate(self, theta)

    monkeypatch.setattr(counted, "__call__", counting)
    monkeypatch.setattr(fitting, "_MANY", 1_000)
    found = FITS[kind](summary)
    assert max(passes) == age.size
    assert passes.count(age.size) <= 30
    assert found.status == plain.status != "converged"
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-3)
    said = [model.p_no_purchase(summary, within=30)["p_no_purchase"] for model in (found, plain)]
    np.testing.assert_allclose(said[0], said[1], atol=1e-4)


def test_every_engine_gives_the_same_answer(engine):
    """Fits and predictions, in the caller's kind and order."""
    summary = bought(MbgNbdModel).head(60).drop(columns=["later", "alive"]).assign(unit="week")
    given_table = engine.table(summary)
    for fit in FITS.values():
        model = fit(summary)
        assert fit(given_table) == model
        for name in METHODS:
            asked = {} if name == "p_alive" else {"within": 9}
            answer = getattr(model, name)(given_table, **asked)
            assert engine.is_mine(answer)
            wanted = getattr(model, name)(summary, **asked)
            found = engine.read(answer, order=["customer_id"])
            pd.testing.assert_frame_equal(found, wanted, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("within", [0.001, 5.0, 5000.0])
def test_pareto_bounds_by_derivatives_are_those_by_differences(monkeypatch, within):
    """Those of P(no purchase), which are asked of a million customers."""
    table = cohort(ParetoNbdModel, CDNOW[ParetoNbdModel], 400, horizon=1, seed=3)
    covariance = tuple(map(tuple, (np.eye(4) / 50 + 0.01).tolist()))
    model = model_of(
        ParetoNbdModel, CDNOW[ParetoNbdModel], covariance=covariance, status="converged"
    )
    table = table.assign(customer_id=np.arange(400))
    table.loc[table["x"] > 5, "t_x"] = table["T"]  # bought on the last day
    fast = model.p_no_purchase(table, within=within)
    monkeypatch.setattr(ParetoNbdModel, "slopes_of_silence", lambda *_, within: None)
    slow = model.p_no_purchase(table, within=within)
    for name in ("p_no_purchase", "lower", "upper"):
        np.testing.assert_allclose(fast[name], slow[name], rtol=1e-7)


def test_few_nodes_are_enough_where_little_varies():
    """Against 64 nodes, on 6,000 cases that vary little or much; 24 are the most that are taken."""
    rng = np.random.default_rng(2)
    a, b = 10.0 ** rng.uniform(-1, 4, (2, 6_000))
    k, end = 10.0 ** rng.uniform(-1, 3, 6_000), rng.uniform(0, 1800, 6_000)
    powers = Powers(a, b, k, 1.6, end)
    enough, most = powers.enough_nodes(24), powers.log_integral(64)
    assert set(enough.tolist()) == {8, 10, 12, 20, 24}
    for n in (8, 10, 12, 20):
        np.testing.assert_allclose(
            powers.log_integral(n)[enough == n], most[enough == n], rtol=0, atol=3e-14
        )

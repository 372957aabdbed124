"""value_of_retention: five points read six ways, twins of each lever, bounds, refusals."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from renewers import HIGH_END, QUESTIONS, REGULAR, YEARS, coverage_of_bounds, model_with

LEVERS = ["rates", "hazards", "customers", "once_as_survivors", "once"]
OF_CURVES = ["rates", "hazards", "once_as_survivors"]
PAY = {"profit": 1, "timing": "renewal", **YEARS}
FREE = {"profit": 10, "timing": "end", "length": "year", "discount": 0}


def gain_of(source, lever, **asked):
    """The row of one segment."""
    return rt.economics.value_of_retention(source, lever=lever, **{**PAY, **asked}).iloc[0]


PRINTED = {
    (HIGH_END, 3000): [51.8, 25.6, 16.5, 5.9, 3.1],
    (HIGH_END, 7): [20.3, 15.3, 12.5, 5.9, 4.1],
    (REGULAR, 3000): [52.2, 19.6, 9.7, 8.0, 3.3],
    (REGULAR, 7): [22.3, 14.7, 9.4, 8.0, 4.3],
}
"""What each lever gains, in per cent: for ever, and for seven renewals."""


@pytest.mark.parametrize("theta", [HIGH_END, REGULAR])
def test_five_points_are_read_six_ways(theta):
    """From +3 % to +52 %: five levers, for ever and for seven years; the sixth is the textbook."""
    model = model_with(*theta)
    for horizon in (3000, 7):
        found = [gain_of(model, lever, points=0.05, horizon=horizon) for lever in LEVERS]
        shares = [round(100 * row["gain_share"], 1) for row in found]
        assert shares == PRINTED[theta, horizon]
    base = gain_of(model, "once", points=0.05, horizon=3000)["value_before"]
    assert round(base, 3) == {HIGH_END: 5.414, REGULAR: 2.964}[theta]
    kept = model.survival(7)["survival"][0] ** (1 / 7)
    one = [model_with(1e7 * (1 - r), 1e7 * r) for r in (kept, kept + 0.05)]
    asked = {"acquisition_cost": 0, "horizon": 1000, **PAY}
    before, after = (rt.economics.lifetime_value(m, **asked)["value"][0] for m in one)
    assert round(100 * (after / before - 1), 1) == {HIGH_END: 41.4, REGULAR: 28.7}[theta]


def changed_shares(rates, lever, c, x):
    """Those kept after 1, 2, … renewals if the lever is pulled, one renewal after the other."""
    kept, shares = 1.0, []
    for place, rate in enumerate(rates):
        moved = lever == "hazards" or place == 0
        less = 1 - c * (1 - rate) if moved else rate
        kept *= min(rate + x, 1) if lever == "rates" else less
        shares.append(kept)
    return shares


@settings(max_examples=at_most(8))
@given(
    spells=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12),
    lever=st.sampled_from(OF_CURVES),
    horizon=st.integers(1, 5),
    cut=st.sampled_from([0, 0.25, 0.5, 1]),
    profit=st.sampled_from([-3, 10]),
)
def test_of_a_curve_it_agrees_with_the_definition(engine, spells, lever, horizon, cut, profit):
    """Rate by rate, with the share that left at once untouched."""
    spells = [*spells, (6, False)]
    table = pd.DataFrame(spells, columns=["duration", "churned"])
    answer = rt.economics.value_of_retention(
        rt.survival_curve(engine.table(table)), lever=lever, churn_cut=cut, horizon=horizon,
        **{**FREE, "profit": profit},
    )  # fmt: skip
    assert engine.is_mine(answer)
    found = engine.read(answer).iloc[0]
    at_risk = {u: sum(d >= u for d, _ in spells) for u in range(7)}
    left = {u: sum(d == u and gone for d, gone in spells) for u in range(7)}
    rates = [1 - left[u] / at_risk[u] for u in range(1, horizon + 1)]
    first = 1 - left[0] / at_risk[0]
    x = cut * (1 - rates[0])
    before = profit * first * sum(changed_shares(rates, "hazards", 1, 0))
    after = profit * first * sum(changed_shares(rates, lever, 1 - cut, x))
    assert found["value_before"] == pytest.approx(before, abs=1e-9)
    assert found["gain"] == pytest.approx(after - before, abs=1e-9)
    assert (found["points"], found["churn_cut"]) == pytest.approx((x, cut))
    if lever == "rates":
        assert found["n_capped"] == sum(r + x > 1 + 1e-9 for r in rates)
    if x:
        assert found["gain_per_point"] == pytest.approx((after - before) / (100 * x), abs=1e-9)


@settings(max_examples=at_most(8))
@given(
    a=st.floats(0.05, 20), b=st.floats(0.05, 20), cut=st.floats(0.01, 0.99),
    horizon=st.integers(1, 25),
)  # fmt: skip
def test_of_customers_it_agrees_with_a_coin_that_keeps_them(a, b, cut, horizon):
    """θ → cθ: each time one would leave, a coin of chance c decides: E over K of S(K)."""
    c = 1 - cut
    kept = [1.0, *np.cumprod([(b + u) / (a + b + u) for u in range(horizon)])]
    after = sum(
        sum(comb(t, k) * c**k * cut ** (t - k) * kept[k] for k in range(t + 1))
        for t in range(1, horizon + 1)
    )
    found = gain_of(model_with(a, b), "customers", churn_cut=cut, horizon=horizon, discount=0)
    assert found["value_after"] == pytest.approx(after, rel=1e-9)


def test_of_customers_it_is_the_hypergeometric_function():
    """E[(1 − cθ)^t] = ₂F₁(−t, a; a + b; c), far ahead as well, and where customers differ most."""
    from scipy.special import hyp2f1

    for a, b in (HIGH_END, REGULAR, (0.001, 0.002)):
        found = gain_of(model_with(a, b), "customers", churn_cut=0.3, horizon=1500, discount=0)
        expected = hyp2f1(-np.arange(1.0, 1501), a, a + b, 0.7).sum()
        assert found["value_after"] == pytest.approx(expected, rel=1e-9)


@settings(max_examples=at_most(8))
@given(
    a=st.floats(0.05, 20), b=st.floats(0.05, 20), part=st.floats(0.01, 1),
    horizon=st.integers(1, 40), timing=st.sampled_from(["start", "middle", "end", "arrears"]),
)  # fmt: skip
def test_levers_are_in_order_and_none_is_nothing(a, b, part, horizon, timing):
    """Rates ≥ hazards ≥ customers ≥ once, for rates rise over time; a cut of 0 gains 0."""
    model = model_with(a, b)
    asked = {"horizon": horizon, "timing": timing}
    gains = [
        gain_of(model, lever, churn_cut=part, **asked)["gain"]
        for lever in ("rates", "hazards", "customers", "once")
    ]
    assert all(one >= other - 1e-9 * horizon for one, other in pairwise(gains))
    assert gains[-1] >= -1e-12
    for lever in LEVERS:
        none = gain_of(model, lever, churn_cut=0, **asked)
        assert none["gain"] == pytest.approx(0, abs=1e-10)
        assert np.isnan(none["gain_per_point"])


@pytest.mark.parametrize("lever", LEVERS)
def test_points_and_a_cut_are_two_names_of_one_pull(lever):
    """x = (1 − c)(1 − r_1)."""
    model = model_with(*HIGH_END)
    asked = {"horizon": 9}
    by_points = gain_of(model, lever, points=0.05, **asked)
    by_cut = gain_of(model, lever, churn_cut=by_points["churn_cut"], **asked)
    assert by_cut["points"] == pytest.approx(0.05)
    assert by_cut["gain"] == pytest.approx(by_points["gain"], rel=1e-9)
    assert by_points["gain_per_point"] == pytest.approx(by_points["gain"] / 5)


@pytest.mark.parametrize("lever", OF_CURVES)
@pytest.mark.parametrize("pull", [{"points": 0.05}, {"churn_cut": 0.3}])
def test_error_of_a_curve_is_that_of_its_rates_moved_one_by_one(lever, pull):
    """The delta method by differences: each rate is moved a little, with the customers at risk."""
    at_risk, left = np.array([400, 300, 200, 120]), np.array([60, 30, 12, 5])
    duration = [1, 1, 2, 2, 3, 3, 4, 4]
    censored = at_risk - left - np.append(at_risk[1:], 0)
    spells = pd.DataFrame({
        "duration": duration, "churned": [True, False] * 4,
        "n_spells": np.column_stack([left, censored]).ravel(),
    })  # fmt: skip
    found = gain_of(rt.survival_curve(spells), lever, horizon=4, **pull)

    def gain(rates):
        x = pull.get("points", pull.get("churn_cut", 0) * (1 - rates[0]))
        c = 1 - x / (1 - rates[0])
        counts = 1.1 ** -np.arange(4)
        return counts @ changed_shares(rates, lever, c, x) - counts @ np.cumprod(rates)

    rates, step = 1 - left / at_risk, 1e-6
    slope = [(gain(rates + step * e) - gain(rates - step * e)) / (2 * step) for e in np.eye(4)]
    variance = np.square(slope) @ (rates * (1 - rates) / at_risk)
    assert found["gain"] == pytest.approx(gain(rates))
    assert found["standard_error"] == pytest.approx(variance**0.5, rel=1e-6)


@pytest.mark.once
def test_bounds_hold_the_truth():
    """A dozen cohorts of two thousand; tests/benchmarks/value_bounds.py draws a thousand."""
    found = coverage_of_bounds(12, seed=3, n=2000, theta=HIGH_END)
    assert len(found) == len(QUESTIONS)
    assert (found["without"] == 0).all()
    assert (found["coverage"] >= 0.75).all()


def test_what_a_curve_has_not_seen_is_null():
    """With the reason; and the first renewal that nobody watched."""
    spells = pd.DataFrame({"duration": [1, 2, 3], "churned": [True, True, False]})
    found = gain_of(rt.survival_curve(spells), "hazards", churn_cut=0.5, horizon=5)
    assert np.isnan(found[["gain", "value_before", "lower", "n_capped"]].astype(float)).all()
    assert found["reason"] == (
        "observed for 3 years; for more, give a model from fit_beta_geometric"
    )
    with pytest.warns(rt.RetentionWarning, match="nobody was watched before"):
        late = rt.survival_curve(spells.assign(entry=[0.0, 1.0, 1.0]).tail(2))
    with pytest.warns(rt.RetentionWarning, match="nobody was watched before"):
        found = gain_of(late, "hazards", churn_cut=0.5, horizon=3)
    assert found["reason"] == "given still here at 1: nobody was watched before"
    assert np.isnan(found["gain"])


def test_where_all_stay_nothing_can_be_gained_and_where_all_leave_chance_is_not_known():
    """A rate of 1 has no points to give; from 1 to 0 at once says nothing of chance."""
    stay = rt.survival_curve(pd.DataFrame({"duration": [3, 3], "churned": [False, False]}))
    found = gain_of(stay, "hazards", churn_cut=0.5, horizon=3)
    assert (found["gain"], found["standard_error"], found["points"]) == (0, 0, 0)
    with pytest.raises(rt.RetentionError, match="rate is 1.000, so at most 0.000 can be gained"):
        gain_of(stay, "hazards", points=0.05, horizon=3)
    leave = rt.survival_curve(pd.DataFrame({"duration": [1, 1], "churned": [True, True]}))
    found = gain_of(leave, "hazards", churn_cut=0.5, horizon=2)
    assert found["reason"].startswith("observed for 1 year;")
    found = gain_of(leave, "hazards", churn_cut=0.5, horizon=1)
    assert (found["value_before"], found["gain"]) == (0, 0.5)
    assert np.isnan([found["gain_share"], found["lower"]]).all()


def test_segments_have_their_own_first_rates():
    """Five points are another part of each one's churn."""
    spells = pd.DataFrame({
        "duration": [1, 2, 1, 2], "churned": [True, False] * 2, "plan": ["a", "a", "b", "b"],
        "n_spells": [10, 90, 50, 50],
    })  # fmt: skip
    curve = rt.survival_curve(spells, by="plan")
    found = rt.economics.value_of_retention(
        curve, lever="hazards", points=0.05, by="plan", horizon=2, **PAY
    )
    assert found["plan"].tolist() == ["a", "b"]
    assert found["churn_cut"].tolist() == pytest.approx([0.5, 0.1])


def test_answers_in_the_kind_of_the_curve_on_every_engine(engine):
    """Same columns, same values."""
    spells = pd.DataFrame({"duration": [1, 2, 3, 3], "churned": [True, True, False, True]})
    asked = {"lever": "rates", "points": 0.1, "horizon": 3, **PAY}
    curve = rt.survival_curve(engine.table(spells))
    found = rt.economics.value_of_retention(curve, **asked)
    assert engine.is_mine(found)
    expected = rt.economics.value_of_retention(rt.survival_curve(spells), **asked)
    numbers = expected.select_dtypes("number").columns
    pd.testing.assert_frame_equal(engine.read(found)[numbers], expected[numbers], check_dtype=False)


CURVE = rt.survival_curve(
    pd.DataFrame({"duration": [1, 2, 3, 4], "churned": [True, False, True, False]})
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lever": None}, "Five points of what. lever= says: 'rates', 'hazards', 'customers'"),
        ({"lever": "churn"}, "lever must be one of 'rates', 'hazards', 'customers', 'once', "),
        ({"lever": "customers"}, "A curve does not know how customers differ: give a model from"),
        ({"lever": "once"}, "or say lever='once_as_survivors' or 'hazards'"),
        ({"points": None}, "in one of two ways: points=0.05, .* or churn_cut=0.2"),
        ({"churn_cut": 0.2}, "in one of two ways"),
        ({"points": 5}, "points is a share of 1, from 0 on; got 5. For 5 points say 0.05."),
        ({"points": -0.05}, "points is a share of 1, from 0 on; got -0.05"),
        ({"points": None, "churn_cut": 20}, "churn_cut is a share of 1.*For 20 % say 0.2"),
        ({"points": True}, "points is a share of 1"),
        ({"points": 0.3}, "the first retention rate is 0.750, so at most 0.250 can be gained"),
        ({"horizon": 0}, "horizon must be a whole number of periods"),
        ({"level": 1}, "level must lie between 0 and 1"),
        ({"timing": "now"}, "timing must be one of"),
    ],
)
def test_refusals(change, message):
    """What cannot be asked is said in the user's words."""
    asked = {"lever": "hazards", "points": 0.05, "horizon": 3, **PAY, **change}
    with pytest.raises(rt.RetentionError, match=message):
        rt.economics.value_of_retention(CURVE, **asked)


def test_advice_of_refusals_works():
    """Each of the ways out is taken."""
    for lever in ("once_as_survivors", "hazards"):
        assert gain_of(CURVE, lever, points=0.05, horizon=3)["gain"] > 0
    assert gain_of(CURVE, "hazards", points=0.25, horizon=3)["churn_cut"] == 1
    spells = pd.DataFrame({"duration": [30.5, 61], "churned": [True, False]})
    with pytest.raises(rt.ContentError, match="it has a step at 30.5, and a lever is pulled at"):
        gain_of(rt.survival_curve(spells), "hazards", points=0.05, horizon=40)
    with pytest.raises(rt.RetentionError, match="CoxModel is asked customer by customer: a lever"):
        gain_of(rt.fit_cox(spells), "hazards", points=0.05, horizon=2)
    with pytest.raises(rt.RetentionError, match="a model is of all its customers together"):
        gain_of(model_with(*HIGH_END), "hazards", points=0.05, horizon=2, by="plan")


def test_a_model_that_is_flat_has_a_gain_without_bounds():
    """And says why."""
    spells = pd.DataFrame({"duration": [1, 1], "churned": [True, False], "n_spells": [4, 6]})
    model = rt.repeat_buying.fit_beta_geometric(spells)
    assert model.status == "flat"
    found = gain_of(model, "hazards", churn_cut=0.5, horizon=1)
    assert found["gain"] == pytest.approx(0.2, abs=1e-6)
    assert np.isnan(found["lower"])
    assert found["reason"] == " ".join(model.notes)

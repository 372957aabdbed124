"""Sizes of tests of retention and of money: authorities, twins, identities, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, ttest_ind

import retention as rt
from retention.errors import ContentError, RetentionError

retention_size = rt.experiments.retention_test_size
profit_size = rt.experiments.profit_test_size

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])
POWERS = st.sampled_from([0.5, 0.8, 0.9, 0.95])
TREATED = st.sampled_from([0.1, 0.25, 0.5, 0.8])


def test_it_is_power_prop_test_of_r():
    """R's help: p .50 and .75 at power .90 take 76.7 a group; 50 a group have power .740."""
    assert retention_size(retention=0.5, difference=0.25, power=0.9)["n_control"][0] == 77
    found = retention_size(retention=0.5, difference=0.25, n=100)
    assert found["power"][0] == pytest.approx(0.7402, abs=5e-5)


STATSMODELS_SHARES = [
    (0.8, 0.02, 0.8, 1, 0.05, 6038.533884755637),
    (0.8, 0.05, 0.9, 1, 0.05, 1211.5289167860683),
    (0.9, 0.01, 0.8, 1, 0.05, 13494.969706443551),
    (0.9, 0.05, 0.9, 1, 0.05, 581.0820538344757),
    (0.5, 0.25, 0.9, 1, 0.05, 76.70692845177747),
    (0.6, -0.1, 0.8, 1, 0.1, 304.9884911725862),
    (0.8, 0.03, 0.8, 3, 0.05, 1773.5202191250373),
    (0.3, 0.05, 0.9, 0.25, 0.01, 6569.206359137807),
]
"""Retention, difference, power, control over treated, alpha; customers treated, by
`samplesize_proportions_2indep_onetail` of statsmodels 0.15.0 (tests/benchmarks/sizes.py)."""

STATSMODELS_MEANS = [
    (15, 0.5, 0.8, 1, 0.05, 14127.948916801524),
    (15, 2, 0.9, 1, 0.05, 1182.0846835891696),
    (40, 3, 0.8, 3, 0.1, 1465.4190991304795),
    (1, 0.2, 0.85, 0.25, 0.01, 1631.0552170665405),
]
"""Deviation, difference, power, control over treated, alpha; customers treated, by
`NormalIndPower` of statsmodels 0.15.0, which counts the far side of the test too."""


@pytest.mark.parametrize(("p", "d", "power", "ratio", "alpha", "treated"), STATSMODELS_SHARES)
def test_sizes_of_shares_are_those_of_statsmodels(p, d, power, ratio, alpha, treated):
    """Rounded up in each arm; and the real number is within what one customer more makes of it."""
    arms = {"shares": (ratio / (1 + ratio), 1 / (1 + ratio)), "level": 1 - alpha}
    row = retention_size(retention=p, difference=d, power=power, **arms).iloc[0]
    assert (row["n_treated"], row["n_control"]) == (math.ceil(treated), math.ceil(ratio * treated))
    assert power <= row["power"] < power + 0.01
    least = retention_size(retention=p, n=10**9, power=power, **arms)["difference"][0]
    assert 0 < least < abs(d)


@pytest.mark.parametrize(("sd", "d", "power", "ratio", "alpha", "treated"), STATSMODELS_MEANS)
def test_sizes_of_money_are_those_of_statsmodels(sd, d, power, ratio, alpha, treated):
    """Rounded up in each arm."""
    arms = {"shares": (ratio / (1 + ratio), 1 / (1 + ratio)), "level": 1 - alpha}
    row = profit_size(sd=sd, difference=d, power=power, **arms).iloc[0]
    assert (row["n_treated"], row["n_control"]) == (math.ceil(treated), math.ceil(ratio * treated))


@given(p=st.integers(2, 98), d=st.integers(-60, 60), power=POWERS, treated=TREATED, level=LEVELS)
def test_retention_is_sized_by_the_formula_as_it_is_printed(p, d, power, treated, level):
    """Fleiss, with k = n1/n0: the twin counts the control and the others from it."""
    p, d = p / 100, d / 100
    if d == 0 or not 0 <= p + d <= 1:
        return
    q, k = p + d, treated / (1 - treated)
    bar, z, zp = (p + k * q) / (1 + k), norm.ppf((1 + level) / 2), norm.ppf(power)
    error = z * math.sqrt((1 + 1 / k) * bar * (1 - bar))
    error += zp * math.sqrt(p * (1 - p) + q * (1 - q) / k)
    n = (error / d) ** 2
    arms = {"shares": (1 - treated, treated), "level": level}
    if n < 2 or n * k < 2:
        return
    row = retention_size(retention=p, difference=d, power=power, **arms).iloc[0]
    assert row["n_control"] == pytest.approx(n, abs=1 + 1e-6)
    assert n - 1e-6 <= row["n_control"]
    again = retention_size(retention=p, difference=d, n=int(row["n"]), **arms)["power"][0]
    assert again == pytest.approx(row["power"])  # the row says of itself what it would be told
    if d > 0:
        back = retention_size(retention=p, n=int(row["n"]), power=row["power"], **arms)
        assert back["difference"][0] == pytest.approx(d, rel=1e-6)


@given(
    sds=st.tuples(st.floats(0.1, 50), st.floats(0.1, 50)),
    d=st.floats(0.05, 20),
    power=POWERS,
    treated=TREATED,
    left=st.sampled_from([0.1, 0.5, 1.0]),
)
def test_money_is_sized_by_welch_s_error(sds, d, power, treated, left):
    """At the exact n, the difference is as many of Welch's standard errors as the quantiles sum."""
    arms = {"shares": (1 - treated, treated), "variance_left": left, "sd": sds}
    n = 100_000
    found = profit_size(n=n, power=power, **arms)["difference"][0]
    error = math.sqrt(left * (sds[0] ** 2 / ((1 - treated) * n) + sds[1] ** 2 / (treated * n)))
    assert found == pytest.approx((norm.ppf(0.975) + norm.ppf(power)) * error, rel=1e-9)
    chance = profit_size(n=n, difference=d, **arms)["power"][0]
    assert chance == pytest.approx(norm.cdf(d / error - norm.ppf(0.975)), rel=1e-9)
    assert profit_size(n=n, difference=-d, **arms)["power"][0] == chance


def test_clusters_multiply_by_the_design_effect():
    """1 + (m − 1) ρ: branches of 200 with ICC .01 take 2.99 times as many, in whole branches."""
    alone = retention_size(retention=0.8, difference=0.05, power=0.8).iloc[0]
    asked = {"retention": 0.8, "difference": 0.05, "power": 0.8, "cluster_size": 200, "icc": 0.01}
    branches = retention_size(**asked).iloc[0]
    assert branches["design_effect"] == pytest.approx(2.99)
    assert branches["n"] == pytest.approx(2.99 * alone["n"], abs=4)
    assert branches["n_clusters"] == 2 * math.ceil(branches["n_control"] / 200)
    assert branches["power"] == pytest.approx(alone["power"], abs=1e-3)
    assert math.isnan(alone["n_clusters"])
    money = profit_size(sd=15, difference=0.5, power=0.8, cluster_size=1, icc=0.4).iloc[0]
    assert (money["n_control"], money["design_effect"]) == (14_128, 1.0)


def test_expected_leavers_are_counted():
    """Of 1,000 at .8 and 1,000 at .9, 300 leave."""
    row = retention_size(retention=0.8, difference=0.1, n=2_000).iloc[0]
    assert row["n_events"] == pytest.approx(300)


def test_simulated_power_of_retention_is_the_planned_one():
    """906 in each arm find .80 → .85 in 80 of 100 tests; the test is that of pooled shares."""
    n = int(retention_size(retention=0.8, difference=0.05, power=0.8)["n_control"][0])
    draw = np.random.default_rng(1)
    a, b = draw.binomial(n, 0.8, 40_000) / n, draw.binomial(n, 0.85, 40_000) / n
    pooled = (a + b) / 2
    found = np.abs(b - a) > norm.ppf(0.975) * np.sqrt(2 * pooled * (1 - pooled) / n)
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_simulated_power_of_money_is_the_planned_one():
    """Welch's test on skewed money in arms of 3:1: the planned 80 of 100."""
    arms = {"shares": (0.75, 0.25)}
    row = profit_size(sd=(1.0, 1.2), difference=0.25, power=0.8, **arms).iloc[0]
    draw = np.random.default_rng(2)
    control = draw.exponential(1.0, (2_000, int(row["n_control"])))
    treated = 0.05 + draw.exponential(1.2, (2_000, int(row["n_treated"])))
    found = ttest_ind(treated, control, axis=1, equal_var=False).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_retention_of_all_is_the_farthest_effect():
    """Nobody keeps more than all: few customers cannot find it, and are told so."""
    with pytest.raises(ContentError, match="Even a retention of 100 % would be found in"):
        retention_size(retention=0.95, n=40, power=0.8)
    assert retention_size(retention=0.95, n=400, power=0.8)["difference"][0] < 0.05
    assert retention_size(retention=0.5, difference=0.5, power=0.8)["retention_treated"][0] == 1.0
    assert retention_size(retention=0.5, difference=-0.5, power=0.8)["retention_treated"][0] == 0.0


@pytest.mark.parametrize("given_", [{}, {"n": 100}, {"n": 9, "difference": 0.1, "power": 0.8}])
def test_exactly_one_of_three_is_left_out(given_):
    """No unknown or several are no question."""
    with pytest.raises(RetentionError, match="leave out the one you want to know"):
        retention_size(retention=0.5, **given_)
    with pytest.raises(RetentionError, match="n=, difference=|difference=, n="):
        profit_size(sd=1.0, **given_)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"retention": 80}, "such as 0.8 for 80 %"),
        ({"retention": True}, "retention"),
        ({"difference": 2}, "such as 0.02 for two points"),
        ({"difference": 0}, "not be 0"),
        ({"difference": 0.3}, "make 1.1"),
        ({"power": 80}, "such as 0.8 for 80 %"),
        ({"power": 0.2}, "power"),
        ({"level": 95}, "level"),
        ({"shares": (0.5, 0.4)}, "sum to 1"),
        ({"shares": 0.5}, "sum to 1"),
        ({"shares": (1.0, 0.0)}, "sum to 1"),
        ({"shares": (0.5, 0.25, 0.25)}, "two numbers"),
        ({"cluster_size": 20}, "go together"),
        ({"icc": 0.1}, "go together"),
        ({"cluster_size": 0.5, "icc": 0.1}, "cluster_size"),
        ({"cluster_size": 20, "icc": 5}, "icc"),
    ],
)
def test_what_is_no_share_is_refused(wrong, said):
    """Per cents, shares that do not sum to 1, half of a cluster's terms."""
    asked = {"retention": 0.8, "difference": 0.02, "power": 0.8} | wrong
    with pytest.raises(RetentionError, match=said):
        retention_size(**asked)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sd": 0}, "sd"),
        ({"sd": (1, 2, 3)}, "two of them"),
        ({"sd": math.inf}, "sd"),
        ({"difference": 0}, "not 0"),
        ({"difference": "much"}, "difference"),
        ({"variance_left": 40}, "variance_left"),
        ({"difference": 1e-9}, "too small for any test"),
        ({"difference": 1e9}, "leaves [01] customers? in an arm"),
        ({"difference": None, "n": 3}, "n must be a whole number"),
        ({"difference": None, "n": 10.5}, "n must be a whole number"),
        ({"difference": None, "n": 10, "shares": (0.95, 0.05)}, "in an arm, which tells nothing"),
    ],
)
def test_what_is_no_money_is_refused(wrong, said):
    """No deviation, no difference, no variance; tests that are too large or too small."""
    asked = {"sd": 15, "difference": 0.5, "power": 0.8} | wrong
    with pytest.raises(RetentionError, match=said):
        profit_size(**asked)

"""Bounds: published values, their limits, and whether they cover the truth in simulations."""

from __future__ import annotations

import numpy as np
import pytest

from retention import intervals
from retention.errors import RetentionError


def test_wilson_agrees_with_newcombe_1998_table_1():
    """81 of 263 and 15 of 148, 0 of 20 and 1 of 29: Newcombe, Statistics in Medicine 17, 857."""
    lower, upper = intervals.wilson_bounds([81, 15, 0, 1], [263, 148, 20, 29])
    np.testing.assert_allclose(lower, [0.2553, 0.0624, 0.0, 0.0061], atol=5e-5)
    np.testing.assert_allclose(upper, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


def test_wilson_bounds_hold_the_rate_and_stay_within_zero_and_one():
    """For every count up to 40 of 40."""
    n = np.repeat(np.arange(1, 41), 41)
    k = np.minimum(np.tile(np.arange(41), 40), n)
    lower, upper = intervals.wilson_bounds(k, n)
    assert ((lower >= 0) & (lower <= k / n) & (k / n <= upper) & (upper <= 1)).all()


def test_wilson_of_nobody_is_missing():
    """0 of 0 has no bounds."""
    assert np.isnan(intervals.wilson_bounds([0], [0])).all()


def test_kish_counts_equal_customers_fully_and_one_whale_as_one():
    """Ten equal weights are ten; one weight that dwarfs the rest is about one."""
    assert intervals.effective_n(10.0, 10.0) == 10
    assert intervals.effective_n(1000.0 + 9, 1000.0**2 + 9) == pytest.approx(1.018, abs=1e-3)


def test_linearised_interval_of_a_ratio_by_hand():
    """x = 1, 2, 3 and y = 1, 1, 3: r = 5/6, Σe² = 1/36 + 16/36 + 9/36, t with 36/14 − 1 degrees."""
    from scipy.stats import t

    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 3.0])
    r = 5 / 6
    squares = ((y - r * x) ** 2).sum()
    assert squares == pytest.approx(26 / 36)
    effective = 36 / 14
    half = t.ppf(0.975, effective - 1) * np.sqrt(3 / 2 * squares) / 6
    lower, upper = intervals.linearised_bounds(r, x.sum(), squares, (3, effective))
    np.testing.assert_allclose([lower, upper], [r - half, r + half])


def test_bootstrap_does_not_depend_on_the_order_of_customers():
    """The same customers in another order give the same bounds; another seed gives others."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(size=60)
    y = x * (rng.random(60) < 0.7)
    order = rng.permutation(60)
    first = intervals.bootstrap_bounds(y, x, seed=1)
    assert intervals.bootstrap_bounds(y[order], x[order], seed=1) == first
    assert intervals.bootstrap_bounds(y, x, seed=2) != first


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, "high"])
def test_level_must_be_a_probability(level):
    """95 is a usual slip for 0.95."""
    with pytest.raises(RetentionError, match="level must lie between 0 and 1"):
        intervals.wilson_bounds([1], [2], level)


def simulated(rng, n, sigma, kind):
    """Customers with heavy-tailed sales of whom 7 in 10 stay: x, y and the true ratio."""
    x = np.exp(rng.normal(0, sigma, n))
    stays = rng.random(n) < 0.7
    growth = np.exp(rng.normal(0, 0.5, n))
    if kind == "base":
        return x, np.where(stays, x, 0.0), 0.7
    if kind == "current":
        return x, np.where(stays, x * growth, 0.0), 0.7 * np.exp(0.125)
    if kind == "capped":
        # E[min(1, G)] of a lognormal G with σ = 0.5: Φ(0) + exp(σ²/2) Φ(−σ)
        return x, np.where(stays, x * np.minimum(growth, 1), 0.0), 0.7 * 0.8496212
    margin = x * (0.3 + rng.normal(0, 0.5, n))  # many customers lose the firm money
    return margin, np.where(stays, margin, 0.0), 0.7


def covers(kind, n, sigma, rounds=600):
    """How often the bounds hold the truth, among the rounds that give bounds at all."""
    rng = np.random.default_rng(11)
    held = given = 0
    for _ in range(rounds):
        x, y, truth = simulated(rng, n, sigma, kind)
        rate = intervals.ratio(y.sum(), x.sum())
        if kind == "base":
            effective = intervals.effective_n(x.sum(), (x**2).sum())
            lower, upper = intervals.wilson_bounds(rate * effective, effective)
        else:
            squares = ((y - rate * x) ** 2).sum()
            lower, upper, _ = intervals.ratio_bounds(rate, x.sum(), (x**2).sum(), squares, n)
        if np.isfinite(lower):
            given += 1
            held += bool(lower <= truth <= upper)
    return held / given if given else None


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("n", [30, 100, 400])
def test_kish_wilson_covers_where_the_rate_is_a_weighted_share(n, sigma):
    """Basis base with sales above 0: at least 92 times in 100, heavy tails included."""
    assert covers("base", n, sigma) >= 0.92


@pytest.mark.parametrize("kind", ["current", "capped", "profit"])
@pytest.mark.parametrize(
    ("n", "sigma"), [(30, 0.5), (100, 1.0), (100, 1.5), (400, 1.0), (400, 2.0)]
)
def test_linearised_bounds_cover_where_they_are_given(kind, n, sigma):
    """The other bases: at least 85 times in 100, where the plain linearisation sinks to 71."""
    share = covers(kind, n, sigma)
    assert share is None or share >= 0.85


P_1995 = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262),
    *(0.5719, 0.6528, 0.7590, 1.0),
]


def test_adjusted_p_finds_what_benjamini_and_hochberg_1995_found():
    """Section 3.1, fifteen comparisons at .05: four by their method, three by Bonferroni's kin."""
    found = intervals.adjusted_p(P_1995)
    assert (found <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert found[3] == 15 / 4 * 0.0095
    assert (intervals.adjusted_p(P_1995, "holm") <= 0.05).sum() == 3


def test_adjusted_p_agrees_with_scipy_and_with_its_definition():
    """Vectors of any length and order, with ties; Holm's by its steps, one after the other."""
    from scipy.stats import false_discovery_control

    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 60):
        p = rng.random(n).round(2) ** 2
        np.testing.assert_allclose(
            intervals.adjusted_p(p), false_discovery_control(p, method="bh"), rtol=1e-12
        )
        order, least = np.argsort(p), 0.0
        holm = np.empty(n)
        for place, i in enumerate(order):
            least = max(least, min(1.0, (n - place) * p[i]))
            holm[i] = least
        np.testing.assert_allclose(intervals.adjusted_p(p, "holm"), holm, rtol=1e-12)


def test_adjusted_p_does_not_count_what_was_not_tested():
    """A missing p-value stays missing; none at all gives none."""
    found = intervals.adjusted_p([0.04, np.nan, 0.03])
    assert found[[0, 2]].tolist() == [0.04, 0.04]
    assert np.isnan(found[1])
    assert intervals.adjusted_p([]).size == 0
    for wrong, method in (([0.5, 5], "holm"), ([0.5], "bonferroni")):
        with pytest.raises(RetentionError, match="a p-value lies between|method must be one of"):
            intervals.adjusted_p(wrong, method)

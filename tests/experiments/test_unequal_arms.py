"""Branches of unequal size, and unequally many in the arms: bounds that hold all the same."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import t

from retention.experiments.effects.adjusted_means import two_means
from retention.experiments.effects.compared_arms import Trial
from retention.experiments.effects.corrected_effects import freedom_of_sum
from retention.experiments.effects.customer_money import Sums
from retention.experiments.effects.followed_customers import Followed
from retention.experiments.effects.paired_estimates import bounds_about, effect_columns
from retention.experiments.effects.retention_effect import bounds_of_share
from simulated_trials import PLAIN

N_DRAWS = 250
WIDE = {"few against many": ((5, 35), 1), "some five times as large": ((10, 30), 5)}


def sizes_of_branches(rng, branches, times):
    """About 40 customers each, of every fourth branch so many times as many."""
    sizes = [rng.poisson(40, n) + 1 for n in branches]
    return [np.where(np.arange(n.size) % 4 == 0, n * times, n) for n in sizes]


def read_branches(rng, branches, times, of):
    """All followed for 30 days, branches differing, and no effect."""
    size = np.concatenate(sizes_of_branches(rng, branches, times))
    arm, cluster = np.repeat([0, 1], branches), np.repeat(np.arange(size.size), size)
    rate = 0.02 * np.exp(0.4 * rng.normal(size=size.size))
    stay = np.ceil(rng.exponential(1 / rate[cluster]))
    followed = Followed(
        cell=arm[cluster],
        stratum=np.zeros(cluster.size, np.intp),
        cluster=cluster,
        day=np.minimum(stay, 30).astype(np.int64),
        left=stay <= 30,
        mature=np.ones(cluster.size, bool),
        n=np.ones(cluster.size, np.int64),
        n_set_aside=np.zeros(2, np.int64),
    )
    trial = Trial(None, (), {}, ("none", "offer"), np.ones(1), stratified=False, clustered=True)
    bounds = bounds_about if of == "lifetime" else partial(bounds_of_share, mature=False)
    return effect_columns(trial, followed, PLAIN, of=of, horizon=30, figure="value", bounds=bounds)


@pytest.mark.parametrize("world", WIDE)
@pytest.mark.parametrize("of", ["survival", "lifetime"])
def test_bounds_hold_where_the_smaller_arm_has_few_branches(world, of):
    """Of the difference, of the ratio, and of the smaller arm alone; the error is the spread."""
    rng = np.random.default_rng(7)
    told = [read_branches(rng, *WIDE[world], of) for _ in range(N_DRAWS)]
    truth = np.mean([one["value_control"][0] for one in told])
    for true, lower, upper in (
        (0.0, "difference_lower", "difference_upper"),
        (0.0, "relative_lower", "relative_upper"),
        (truth, "lower_control", "upper_control"),
    ):
        held = np.mean([one[lower][0] <= true <= one[upper][0] for one in told])
        assert 0.92 <= held <= 0.985, lower
    spread = np.std([one["difference"][0] for one in told])
    error = np.sqrt(np.mean([one["standard_error"][0] ** 2 for one in told]))
    assert error == pytest.approx(spread, rel=0.12)


def test_money_of_unequal_branches_is_no_surer_than_it_is():
    """The same of two means."""
    rng, held, off, squares = np.random.default_rng(7), [], [], []
    for _ in range(800):
        arms = []
        for size in sizes_of_branches(rng, (10, 10), 5):
            n, none = size.astype(float), np.zeros(size.size)
            y = n * rng.normal(20, 4, n.size) + 15 * np.sqrt(n) * rng.normal(size=n.size)
            place = np.arange(n.size)
            whole = dict.fromkeys(("x", "xx", "xy", "n_capped", "yy"), none)
            start = {"cell": place * 0, "stratum": place * 0, "cluster": place, "new": none > 0}
            arms.append(Sums(**start, n=n, y=y, n_assigned=n[:2], **whole))
        found = two_means(*arms, clustered=True, adjusted=False)
        off.append(found.means[0] - found.means[1])
        squares.append(found.variance)
        held.append(abs(off[-1]) <= t.ppf(0.975, found.freedom) * found.variance**0.5)
    assert 0.925 <= np.mean(held) <= 0.975
    assert np.sqrt(np.mean(squares)) == pytest.approx(np.std(off), rel=0.07)


def test_freedom_of_a_sum_lies_between_that_of_the_least_part_and_of_all():
    """By hand (3 + 1)² / (9/9 + 1/29); what is known for certain takes none away."""
    assert freedom_of_sum(np.array([3.0, 1.0]), np.array([9.0, 29.0])) == pytest.approx(464 / 30)
    assert freedom_of_sum(np.array([1.0, 1.0]), np.array([5.0, 5.0])) == pytest.approx(10)
    assert freedom_of_sum(np.array([2.0, 0.0]), np.array([5.0, np.nan])) == pytest.approx(5)
    assert freedom_of_sum(np.array([2.0, 1.0]), np.array([np.inf, np.inf])) == np.inf
    assert freedom_of_sum(np.array([1e300, 1e300]), np.array([5.0, 5.0])) == pytest.approx(10)
    for unknown in ([np.nan, 1.0], [0.0, 0.0]):
        assert np.isnan(freedom_of_sum(np.array(unknown), np.array([5.0, 5.0])))
    assert np.isnan(freedom_of_sum(np.array([1.0, 1.0]), np.array([-0.5, 5.0])))

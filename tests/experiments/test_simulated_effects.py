"""Tests keep their level and bounds hold the truth, in small; a script does it in large."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import retention as rt
from retention.experiments.effects.corrected_effects import Reading
from simulated_trials import Draw, World, told_of

pytestmark = pytest.mark.once

STRATA = ((0.5, 0.3), (0.3, 1.0), (0.2, 4.0))
BRANCHES = World(n=400, branches=10, spread=0.4, enrolled=((0, 90), (0, 90)))
N_DRAWS = 100


def alarms_in(told):
    """The share of draws that alarm."""
    return np.mean([one["p_value"][0] < 0.05 for one in told])


@pytest.mark.parametrize(
    ("world", "of"),
    [
        (World(n=150), "mature"),
        (World(n=150, strata=STRATA), "kaplan-meier"),
        (World(n=150), "lifetime"),
        (BRANCHES, "kaplan-meier"),
    ],
)
def test_no_effect_alarms_about_five_times_in_a_hundred(world, of):
    """With arms filled at other times, within strata, and by branches."""
    rng = np.random.default_rng(1)
    told = [told_of(Draw(world, rng), of) for _ in range(N_DRAWS)]
    assert 0.01 <= alarms_in(told) <= 0.11
    middle = np.mean([one["difference"][0] for one in told])
    error = np.mean([one["standard_error"][0] for one in told])
    spread = np.std([one["difference"][0] for one in told])
    assert abs(middle) < 3.5 * spread / N_DRAWS**0.5
    assert error == pytest.approx(spread, rel=0.2)


def test_branches_compared_by_customer_alarm_far_more_often():
    """The same draws, as if customers had been assigned one by one."""
    rng = np.random.default_rng(1)
    draws = [Draw(BRANCHES, rng) for _ in range(N_DRAWS)]
    for draw in draws:
        draw.world = replace(draw.world, branches=0)
    assert alarms_in([told_of(draw, "kaplan-meier") for draw in draws]) > 0.15


@pytest.mark.parametrize("of", ["kaplan-meier", "lifetime"])
def test_bounds_hold_a_true_effect(of):
    """Of the difference and its ratio, in strata of other risks."""
    world, rng = World(n=200, rates=(0.012, 0.008), strata=STRATA), np.random.default_rng(2)
    truth = [
        world.mean_stay(arm) if of == "lifetime" else world.lasting(arm, world.horizon)
        for arm in (1, 0)
    ]
    told = [told_of(Draw(world, rng), of) for _ in range(N_DRAWS)]
    for true, lower, upper in (
        (truth[0] - truth[1], "difference_lower", "difference_upper"),
        (truth[0] / truth[1] - 1, "relative_lower", "relative_upper"),
        (truth[0], "lower", "upper"),
        (truth[1], "lower_control", "upper_control"),
    ):
        held = np.mean([one[lower][0] <= true <= one[upper][0] for one in told])
        assert 0.9 <= held <= 0.99, lower


def test_looks_cost_alarms_unless_they_are_planned_or_paid_for():
    """Four looks at 1.96, at the critical values of their information, and at any time."""
    world, rng = World(n=300, enrolled=((0, 90), (0, 90))), np.random.default_rng(3)
    any_time = Reading(0.95, "holm", "always-valid", 600)
    z, information, alarms = [], [], []
    for _ in range(60):
        draw = Draw(world, rng)
        told = [told_of(draw, "kaplan-meier", as_of=day) for day in (75, 90, 105, 150)]
        z.append([abs(one["z"][0]) for one in told])
        information.append([one["standard_error"][0] ** -2 for one in told])
        late = told_of(draw, "kaplan-meier", as_of=150, reading=any_time)
        alarms.append(late["p_value"][0] < 0.05)
    shares = np.mean(information, axis=0)
    critical = rt.experiments.look_bounds((shares / shares[-1]).tolist())["z"].to_numpy()
    plain = (np.array(z) > 1.959964).any(axis=1).mean()
    planned = (np.array(z) > critical).any(axis=1).mean()
    assert planned < plain
    assert planned <= 0.1
    assert np.mean(alarms) <= 0.03

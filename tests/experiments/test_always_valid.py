"""Bounds that hold however often somebody looks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retention.errors import RetentionError
from retention.experiments.looks.always_valid import always_valid_p, always_valid_quantile
from retention.intervals import p_value, quantile_of


def half_width(n: float, sd: float, alpha: float, meant: float) -> float:
    """The formula of Waudby-Smith et al., as it is printed."""
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / meant
    inner = 2 * (n * rho2 + 1) / (n * n * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha)
    return sd * math.sqrt(inner)


def test_the_half_width_is_that_of_drconfseq():
    """n 10,000, a standard deviation of 1 and n* 5,000, as its package drconfseq gives it."""
    quantile = always_valid_quantile(10_000, tuned_for=5_000)
    assert quantile / 100 == pytest.approx(0.030614772188674172, rel=1e-14)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_it_is_the_printed_formula_over_the_plain_error(level):
    """Half width over sigma/√n, and wider than the plain quantile at every n."""
    n = np.array([200, 999, 5_000, 1e6])
    quantile = always_valid_quantile(n, tuned_for=700, level=level)
    printed = [half_width(seen, 1, 1 - level, 700) * math.sqrt(seen) for seen in n]
    assert quantile == pytest.approx(printed, rel=1e-12)
    assert (quantile > quantile_of(level)).all()  # always valid contains plain


def test_below_two_hundred_nothing_is_said():
    """The bounds rest on large n, so there are none before 200 customers."""
    assert np.isnan(always_valid_quantile([0, 199, 200], tuned_for=500)).tolist() == [1, 1, 0]
    assert np.isnan(always_valid_p([9.0, 9.0], [199, 200], tuned_for=500)).tolist() == [1, 0]


def test_the_p_value_is_the_level_at_which_the_bounds_reach_0():
    """At the edge of the bounds p is 1 − level, elsewhere above the plain p."""
    n, z = np.array([300.0, 5_000.0, 80_000.0]), np.array([0.0, 1.0, 3.0, 9.0])
    edge = always_valid_quantile(n, tuned_for=4_000, level=0.9)
    assert always_valid_p(edge, n, tuned_for=4_000, level=0.9) == pytest.approx([0.1] * 3)
    wider = always_valid_p(z, 5_000, tuned_for=4_000)
    assert (wider >= p_value(z)).all()
    assert wider[0] == 1.0
    assert np.isnan(always_valid_p(np.nan, 5_000, tuned_for=4_000))


@pytest.mark.parametrize("tuned_for", [None, 199, 10.5, True, "many"])
def test_what_it_is_tuned_for_is_a_number_of_customers(tuned_for):
    """It is refused left out, below 200 or as no whole number."""
    with pytest.raises(RetentionError, match="tuned_for"):
        always_valid_quantile(1_000, tuned_for=tuned_for)
    always_valid_quantile(1_000, tuned_for=10_000)  # as the message says


def test_looking_after_every_customer_keeps_the_level():
    """Plain bounds give a false alarm in four of ten tests watched so, these in few of 100."""
    rng = np.random.default_rng(17)
    arm = np.where(rng.random((400, 5_000)) < 0.5, 2.0, -2.0)
    effects = arm * ((rng.random(arm.shape) < 0.2) - 0.2)
    n = np.arange(1, effects.shape[1] + 1)
    mean = effects.cumsum(1) / n
    sd = np.sqrt((effects**2).cumsum(1) / n - mean**2 + 1e-12)
    z = np.abs(mean / (sd / np.sqrt(n)))[:, 200:]
    alarms = (z > always_valid_quantile(n[200:], tuned_for=2_000)).any(1).mean()
    assert (z > 1.96).any(1).mean() > 0.3
    assert alarms <= 0.05

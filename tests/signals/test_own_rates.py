"""Own rates: the closed form against numbers worked by hand, integrals and the beta function."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betainc
from scipy.stats import gamma

import retention as rt
from retention.signals.days import own_rates
from retention.signals.days.own_rates import Rates
from watched_days import MODEL

RATES = Rates(0.5, 20.0)


def test_the_vector_worked_by_hand():
    """r .5, α 20, x 4, t_x 80, s 60: (100/160)^4.5, and what follows."""
    p = own_rates.p_silence(RATES, 4.0, 80.0, 60.0)
    assert p == pytest.approx(0.625**4.5)
    assert round(p, 6) == 0.120631
    density = own_rates.purchase_density(RATES, 4.0, 80.0, 60.0)
    assert round(density, 8) == 0.00339276
    assert own_rates.own_rate(RATES, 4.0, 80.0, 60.0) == 4.5 / 160
    assert round(own_rates.false_alarms_per_month(density), 3) == 10.327
    budget = own_rates.density_of_budget(3.0)
    days = own_rates.rings_after(RATES, np.array([4.0]), np.array([80.0]), budget)
    assert round(days[0], 2) == 100.32


@pytest.mark.parametrize(("x", "t_x", "s"), [(0, 0, 5), (1, 30, 0), (4, 80, 60), (50, 300, 4)])
def test_the_closed_forms_are_the_integrals_over_rates(x, t_x, s):
    """Over λ ~ Gamma(r + x, α + t_x): e^(−λs), λ e^(−λs)."""
    rate = gamma(RATES.r + x, scale=1 / (RATES.alpha + t_x))
    top = rate.ppf(1 - 1e-13)
    silent = quad(lambda v: rate.pdf(v) * np.exp(-v * s), 0, top, limit=200)[0]
    dense = quad(lambda v: rate.pdf(v) * v * np.exp(-v * s), 0, top, limit=200)[0]
    assert own_rates.p_silence(RATES, x, t_x, s) == pytest.approx(silent, rel=1e-4)
    assert own_rates.purchase_density(RATES, x, t_x, s) == pytest.approx(dense, rel=1e-4)


def test_the_silence_is_a_beta_tail():
    """1 − I_{s/(s+α+t_x)}(1, r + x), by SciPy."""
    x, t_x, s = np.arange(8.0), np.arange(8.0) * 13, np.arange(8.0) * 7
    told = 1 - betainc(1, RATES.r + x, s / (s + RATES.alpha + t_x))
    np.testing.assert_allclose(own_rates.p_silence(RATES, x, t_x, s), told, rtol=1e-10)


def test_the_density_has_fallen_to_the_budget_on_the_day_that_rings():
    """And to less at once for who is slower than the budget: 0 days."""
    x, t_x = np.array([0.0, 1.0, 9.0]), np.array([0.0, 40.0, 90.0])
    c = own_rates.density_of_budget(3.0)
    days = own_rates.rings_after(RATES, x, t_x, c)
    np.testing.assert_allclose(own_rates.purchase_density(RATES, x, t_x, days), c)
    assert own_rates.rings_after(RATES, x, t_x, 1e3).tolist() == [0.0] * 3


def test_who_stays_misses_the_own_window_with_the_chance_that_was_said():
    """((α + t_x + s)/(α + t_x + s + w))^(r + x) = miss."""
    w = own_rates.own_window(RATES, 4.0, 80.0, 60.0, 0.05)
    assert (160 / (160 + w)) ** 4.5 == pytest.approx(0.05)


def test_rates_are_in_days_whatever_the_model_was_fitted_in():
    """Of weeks α is seven times as long in days."""
    r, alpha = MODEL.parameters[:2]
    assert own_rates.rates_of_purchases(MODEL) == Rates(r, alpha)
    weeks = MODEL.model_copy(update={"unit": "week"})
    assert own_rates.rates_of_purchases(weeks) == Rates(r, 7 * alpha)
    with pytest.raises(rt.RetentionError, match="Fit it on a table of purchase_summary"):
        own_rates.rates_of_purchases(MODEL.model_copy(update={"unit": None}))

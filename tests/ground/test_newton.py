"""Newton's method: where it arrives, where it cannot, and terms that data cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.numerics.newton import (
    ascent_step,
    covariance_of_estimates,
    maximise,
    moments,
    terms_without_bound,
    usable_terms,
)

values = st.lists(st.integers(-3, 3), min_size=8, max_size=8)


@given(
    columns=st.lists(values, min_size=1, max_size=5),
    weights=st.lists(st.integers(1, 4), min_size=8, max_size=8),
)
def test_a_term_is_kept_if_it_raises_the_rank(columns, weights):
    """One after the other, beside a column of ones: as many are kept as the rank has room for."""
    design = np.array(columns, np.float64).T
    keep, notes = usable_terms(design, np.array(weights), [f"x{i}" for i in range(len(columns))])
    before = np.ones((8, 1))
    for j, kept in enumerate(keep):
        with_it = np.concatenate([before, design[:, [j]]], axis=1)
        assert kept == (np.linalg.matrix_rank(with_it) > np.linalg.matrix_rank(before))
        before = with_it
    assert len(notes) == (~keep).sum()


def test_what_is_left_out_is_named_with_what_it_repeats():
    """A constant far from 0, and a sum of two others."""
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(3, 50))
    design = np.array([x, np.full(50, 3.7e9), y, z, 5e3 + 2 * x - z]).T
    keep, notes = usable_terms(design, np.ones(50), list("abcde"))
    assert keep.tolist() == [True, False, True, True, False]
    assert notes == ["'b' is a constant: left out.", "'e' is a combination of 'a', 'd': left out."]


def test_moments_are_those_of_the_expanded_rows():
    """A weight is as many rows; a constant has a variance of exactly 0."""
    rng = np.random.default_rng(0)
    design, weights = rng.normal(size=(40, 3)) + 1e6, rng.integers(1, 5, 40)
    design[:, 1] = 0.1
    mean, covariance = moments(design, weights)
    rows = design.repeat(weights, axis=0)
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(covariance, np.cov(rows.T, bias=True), rtol=1e-9, atol=1e-16)
    assert covariance[1, 1] == 0


def logistic(design, y):
    """Value, gradient and Hessian of a logistic regression."""

    def evaluate(beta):
        eta = design @ beta
        p = 1 / (1 + np.exp(-eta))
        value = y @ eta - np.logaddexp(0, eta).sum()
        return value, design.T @ (y - p), -(design * (p * (1 - p))[:, None]).T @ design

    return evaluate


def test_it_arrives_where_the_gradient_is_nothing():
    """From 0, in a few steps, whatever the scale of a column."""
    rng = np.random.default_rng(1)
    for scale in (1e-6, 1.0, 1e6):
        design = np.array([np.ones(300), scale * rng.normal(size=300)]).T
        y = rng.random(300) < 0.3
        evaluate = logistic(design, y)
        found = maximise(evaluate, np.zeros(2))
        assert found.status == "converged"
        assert found.n < 10
        np.testing.assert_allclose(evaluate(found.point)[1] / [1, scale], 0, atol=1e-8)
        errors = np.sqrt(np.diagonal(covariance_of_estimates(found.hessian)))
        assert errors[0] == pytest.approx(1 / np.sqrt(300 * y.mean() * (1 - y.mean())), rel=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_derivatives_are_those_of_the_point_where_it_ends(seed):
    """And of the point before for who says so: a pass less, and errors to five digits or so."""
    rng = np.random.default_rng(seed)
    design = np.array([np.ones(12), rng.normal(size=12)]).T
    y = np.arange(12) % 3 == 0
    evaluate = logistic(design, y)
    found, unsettled = (
        maximise(evaluate, np.zeros(2), settled=settled) for settled in (True, False)
    )
    value, gradient, hessian = evaluate(found.point)
    np.testing.assert_allclose(found.hessian, hessian, rtol=2e-9)
    np.testing.assert_allclose(found.gradient, gradient, atol=1e-6)
    assert found.value == pytest.approx(value, rel=1e-14)
    np.testing.assert_array_equal(found.point, unsettled.point)
    assert found.n - unsettled.n in (0, 1)


def test_a_fit_that_starts_at_its_maximum_is_evaluated_twice_at_most():
    """The first step says nothing of how far the derivatives are from those at the end."""
    design = np.array([np.ones(12), np.arange(12.0)]).T
    evaluate = logistic(design, np.arange(12) % 3 == 0)
    start = maximise(evaluate, np.zeros(2)).point
    assert maximise(evaluate, start).n == 2
    assert maximise(evaluate, start, settled=False).n == 1


def test_a_coefficient_without_a_bound_is_named():
    """A flag that only those who left have: the steps keep their length to the end."""
    design = np.array([np.ones(20), np.arange(20) >= 15, np.tile([0, 1], 10)], np.float64).T
    y = (np.arange(20) >= 15) | (np.arange(20) % 5 == 0)
    found = maximise(logistic(design, y), np.zeros(3))
    assert found.status == "flat"
    away, notes = terms_without_bound(found, np.ptp(design, axis=0), ["one", "flag", "other"])
    assert away == ["flag"]
    assert notes == [
        "'flag' tells those who left from the rest without a fault: its coefficient has no bound."
    ]


def test_it_climbs_where_the_likelihood_is_not_concave():
    """From a saddle's side of the peak of −(x² − 1)² − y², and is never led down."""

    def evaluate(point):
        x, y = point
        gradient = np.array([-4 * x * (x * x - 1), -2 * y])
        return -((x * x - 1) ** 2) - y * y, gradient, np.diag([4 - 12 * x * x, -2.0])

    found = maximise(evaluate, np.array([0.1, 3.0]))
    assert found.status == "converged"
    np.testing.assert_allclose(found.point, [1, 0], atol=1e-12)


def test_without_parameters_there_is_nothing_to_do():
    """An empty step, an empty covariance, converged at once."""
    nothing = np.zeros((0, 0))
    assert ascent_step(nothing, np.zeros(0)).size == 0
    assert covariance_of_estimates(nothing).shape == (0, 0)
    found = maximise(lambda point: (1.0, np.zeros(0), nothing), np.zeros(0))
    assert (found.status, found.value) == ("converged", 1.0)


def test_no_covariance_where_two_parameters_are_one():
    """A singular Hessian is NaN throughout, not an exception."""
    assert np.isnan(covariance_of_estimates(-np.ones((2, 2)))).all()

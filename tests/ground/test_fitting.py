"""fit_logs: positive parameters by maximum likelihood, and what it says where data tell nothing."""

from __future__ import annotations

import numpy as np
import pytest

from retention.numerics.positive_parameters import fit_logs


def gamma_rates(counts, exposure):
    """Counts whose rates are Gamma(r, α): value, gradient and Hessian, term by term."""

    def evaluate(theta):
        r, alpha = theta
        value, gradient, hessian = 0.0, np.zeros(2), np.zeros((2, 2))
        for x, t in zip(counts, exposure, strict=True):
            value += r * np.log(alpha / (alpha + t)) - x * np.log(alpha + t)
            gradient += [np.log(alpha / (alpha + t)), r / alpha - (r + x) / (alpha + t)]
            cross = 1 / alpha - 1 / (alpha + t)
            bend = (r + x) / (alpha + t) ** 2 - r / alpha**2
            hessian += [[0, cross], [cross, bend]]
            for j in range(x):
                value += np.log(r + j)
                gradient[0] += 1 / (r + j)
                hessian[0, 0] -= 1 / (r + j) ** 2
        return value, gradient, hessian

    return evaluate


def hill(*, limit=None):
    """−Σ (log θ − log of 2, 3)², the second parameter without effect or running to a limit."""

    def evaluate(theta):
        a, b = theta
        away = np.log(a / 2)
        value, slope, curve = -(away**2), -2 * away / a, (2 * away - 2) / a**2
        if limit == "infinity":
            rest = (-1 / b, 1 / b**2, -2 / b**3)
        elif limit == "0":
            rest = (-b, -1.0, 0.0)
        else:
            rest = (0.0, 0.0, 0.0)
        return value + rest[0], np.array([slope, rest[1]]), np.diag([curve, rest[2]])

    return evaluate


def counted(evaluate):
    """The same likelihood, and how often it was asked."""
    asked = []

    def asking(theta):
        asked.append(theta)
        return evaluate(theta)

    return asking, asked


NAMES = ("r", "alpha")
COUNTS, EXPOSURE = [0, 0, 1, 3, 9, 0, 2, 12], [4.0, 9.0, 5.0, 6.0, 8.0, 3.0, 7.0, 9.0]


def test_it_arrives_at_the_top_with_the_errors_of_the_logs():
    """No gradient is left; the covariance is minus the inverse Hessian in logs, by differences."""
    evaluate = gamma_rates(COUNTS, EXPOSURE)
    found = fit_logs(evaluate, [np.array([1.0, 1.0])], NAMES)
    assert (found.status, found.notes) == ("converged", ())
    np.testing.assert_allclose(evaluate(found.parameters)[1], 0, atol=1e-7)
    assert np.isnan(found.limits).all()
    logs, h = np.log(found.parameters), 1e-4
    steps = h * np.eye(2)
    curve = [
        [
            sum(
                i * j * evaluate(np.exp(logs + i * steps[k] + j * steps[m]))[0]
                for i in (1, -1)
                for j in (1, -1)
            )
            / (4 * h * h)
            for m in range(2)
        ]
        for k in range(2)
    ]
    np.testing.assert_allclose(found.covariance, np.linalg.inv(-np.array(curve)), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 7.0, 1e4])
def test_the_unit_of_time_changes_nothing_but_the_unit(scale):
    """As many steps, α times the unit, the log-likelihood less by Σ x log(unit)."""
    start = np.array([1.0, 1.0])
    here, here_asked = counted(gamma_rates(COUNTS, EXPOSURE))
    there, there_asked = counted(gamma_rates(COUNTS, np.array(EXPOSURE) * scale))
    one = fit_logs(here, [start], NAMES)
    other = fit_logs(there, [start * [1, scale]], NAMES)
    np.testing.assert_allclose(other.parameters, one.parameters * [1, scale], rtol=1e-9)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-6)
    shift = sum(COUNTS) * np.log(scale)
    assert other.log_likelihood == pytest.approx(one.log_likelihood - shift, rel=1e-12)
    assert len(there_asked) == len(here_asked)


@pytest.mark.parametrize("limit", ["infinity", "0"])
def test_a_parameter_that_runs_away_is_a_boundary_and_is_named(limit):
    """The other one is found all the same; there are no errors."""
    evaluate, asked = counted(hill(limit=limit))
    found = fit_logs(evaluate, [np.array([1.0, 1.0])], ("a", "b"))
    assert found.status == "boundary"
    assert found.notes == (
        f"The likelihood rises for ever, by less and less, as b runs to {limit}. Predictions are "
        "those of the limit; there are no standard errors.",
    )
    assert found.limits[1] == (np.inf if limit == "infinity" else 0)
    assert found.parameters[0] == pytest.approx(2)
    assert np.isnan(found.covariance).all()
    assert found.log_likelihood == pytest.approx(0, abs=1e-5)
    assert len(asked) < 40


def test_rates_that_do_not_differ_run_to_infinity_together():
    """Everyone bought three times in as long: the mean stays, the shape has no bound."""
    found = fit_logs(gamma_rates([3] * 9, [6.0] * 9), [np.array([1.0, 1.0])], NAMES)
    assert found.status == "boundary"
    assert "as r and alpha run to infinity" in found.notes[0]
    assert found.parameters[0] / found.parameters[1] == pytest.approx(0.5, rel=1e-4)


def test_a_parameter_without_effect_is_flat():
    """Newton's method arrives, but the Hessian tells nothing of it."""
    found = fit_logs(hill(), [np.array([1.0, 1.0])], ("a", "b"))
    assert found.status == "flat"
    assert found.notes[0].startswith("The data do not tell a and b: many values fit alike.")
    assert np.isnan(found.covariance).all()
    assert np.isnan(found.limits).all()


def two_hills(theta):
    """A hill of height 1 at 1 and one of height 2 at e^6."""
    z = np.log(theta[0])
    tops = ((1.0, z), (2.0, z - 6))
    value = sum(top * np.exp(-(at**2)) for top, at in tops)
    slope = sum(-2 * top * at * np.exp(-(at**2)) for top, at in tops)
    curve = sum(top * (4 * at**2 - 2) * np.exp(-(at**2)) for top, at in tops)
    return value, np.array([slope / theta[0]]), np.array([[(curve - slope) / theta[0] ** 2]])


def test_further_starts_are_for_the_thorough_and_for_those_who_have_not_arrived():
    """One converged start is enough unless all are wanted; the higher peak is kept."""
    starts = [np.array([1.1]), np.array([300.0])]
    quick = fit_logs(two_hills, starts, ("a",))
    assert quick.parameters[0] == pytest.approx(1, rel=1e-6)
    thorough = fit_logs(two_hills, starts, ("a",), thorough=True)
    assert thorough.parameters[0] == pytest.approx(np.exp(6), rel=1e-6)
    away = fit_logs(two_hills, [np.array([1e-12]), starts[0]], ("a",))
    assert away.status == "converged"


def test_what_has_no_likelihood_is_said_not_raised():
    """NaN at every start."""
    found = fit_logs(lambda theta: (np.nan, theta, np.diag(theta)), [np.ones(2)] * 2, NAMES)
    assert (found.status, found.notes) == ("flat", found.notes)
    assert found.notes[0].startswith("The likelihood cannot be computed for these data")
    assert found.parameters.tolist() == [1, 1]


def test_no_step_leaves_what_numbers_hold():
    """Beyond a cliff the likelihood is not finite: the step is halved until it is."""

    def evaluate(theta):
        z = np.log(theta)
        value = float(-((z - 3) ** 2).sum()) if (z < 3.5).all() else np.nan
        return value, -2 * (z - 3) / theta, np.diag((2 * (z - 3) - 2) / theta**2)

    found = fit_logs(evaluate, [np.array([1e-8])], ("a",))
    assert found.status == "converged"
    assert found.parameters[0] == pytest.approx(np.exp(3))

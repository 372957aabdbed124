"""The chance that a customer is still here after some renewals, in models of renewal.

Customers differ in their chance θ to leave, which has a beta(a, b) distribution; a customer of that
θ is still here after t renewals with the chance (1 − θ)^(t^c), where c = 1 in the beta-geometric
model. All functions take the parameters, (a, b) or (a, b, c), so that bounds can be had by moving
these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.log_beta import log_mean_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from retention.repeat_buying.renewal.models import RenewalModel

    Floats = NDArray[np.float64]

_FARTHEST = 300.0  # the log of the largest t^c
_STEP = 1e-4  # in the log of a parameter
_AT_ONCE = 4_000_000  # nodes × periods
_RESOLVED = 100_000.0  # the largest power of 1 − θ whose mean the nodes give


def survivors_kept(theta: Floats, tenure: float | Floats, periods: Floats) -> Floats:
    """S(n + k) / S(n): who has n renewals behind makes k more."""
    n, k = np.broadcast_arrays(tenure, periods)
    behind, ahead = (exposure_of_periods(theta, t.ravel()) for t in (n, n + k))
    logs = log_mean_kept(theta[0], theta[1] + behind, ahead - behind)  # one row of numbers
    return np.exp(logs).reshape(n.shape)


def saved_kept(theta: Floats, tenure: float, periods: Floats) -> Floats:
    """The same of those who would have left at renewal n and were kept there.

    Their θ is that of a customer who leaves at renewal n: beta(a + 1, b + n − 1) where c = 1.
    """
    a, b = theta[0], theta[1]
    before, behind = exposure_of_periods(theta, tenure - 1), exposure_of_periods(theta, tenure)
    passed = before + exposure_of_periods(theta, tenure + periods) - behind
    kept = log_mean_kept(a, b + before, passed - before)
    leaves = -np.expm1(log_mean_kept(a, b + passed, behind - before))
    first = -np.expm1(log_mean_kept(a, b + before, behind - before))
    return np.asarray(np.exp(kept) * leaves / first)


def kept_with_less_churn(theta: Floats, left: float, periods: Floats) -> Floats:
    """Of new customers, those still here if each one's θ falls to a part of it: E[(1 − cθ)^s].

    Beyond what the nodes resolve only customers with the smallest θ are here, of whom there are
    c^(−a) times as many as without the change.
    """
    exposure = exposure_of_periods(theta, periods)
    near = exposure <= _RESOLVED
    far = np.log(np.maximum(survivors_kept(theta, 0, periods), 1e-300))
    found = np.exp(np.minimum(far - theta[0] * np.log(max(left, 1e-300)), 0.0))
    chances, weights = chances_to_leave(theta[0], theta[1], float(exposure[near].max(initial=0.0)))
    parts = 1 + periods.size * chances.size // _AT_ONCE
    for some in np.array_split(np.flatnonzero(near), parts):
        found[some] = (1 - left * chances) ** exposure[some][:, None] @ weights
    return np.asarray(np.minimum(found, 1.0))


def chances_to_leave(a: float, b: float, power: float) -> tuple[Floats, Floats]:
    """Values of θ and their weights, for means over customers of (1 − θ) to a power.

    Gauss's nodes of the beta distribution, as the eigenvalues of its Jacobi matrix (Golub and
    Welsch 1969): they are exact for polynomials of θ.
    """
    n = np.arange(1.0, 48 + 3 * int(np.sqrt(min(power, _RESOLVED))))
    first, both = a - 1, a + b - 2
    middle = (a - b) * both / ((2 * n + both) * (2 * n + both + 2))
    beside = n * (n + b - 1) * (n + first) / (2 * n + both) ** 2 / (2 * n + both + 1)
    later = (n[1:] + both) / (2 * n[1:] + both - 1)
    beside = np.sqrt(4 * beside * np.append(1.0, later))
    matrix = (
        np.diag(np.append((a - b) / (a + b), middle)) + np.diag(beside, 1) + np.diag(beside, -1)
    )
    nodes, vectors = np.linalg.eigh(matrix)
    return np.clip((1 + nodes) / 2, 0.0, 1.0), vectors[0] ** 2


def error_by_moving(model: RenewalModel, figure: Callable[[Floats], float]) -> float:
    """The standard error of what follows from a model's parameters (delta method on their logs).

    NaN where the model has none.
    """
    if not np.isfinite(model.covariance_of_logs).all():
        return float("nan")
    moves = np.exp(_STEP * np.eye(model.theta.size))
    slope = [(figure(model.theta * m) - figure(model.theta / m)) / (2 * _STEP) for m in moves]
    variance = np.array(slope) @ model.covariance_of_logs @ np.array(slope)
    return float(np.sqrt(max(variance, 0.0)))


def watched_renewals(model: RenewalModel) -> int:
    """How many renewals were watched in a row from the first on."""
    nobody = np.flatnonzero(np.array([*model.n_at_risk, 0]) == 0)
    return int(nobody[0])


def why_no_bounds(model: RenewalModel) -> str | None:
    """Why a model's figures have no bounds, None if they have."""
    if model.status == "converged":
        return None
    return " ".join(model.notes) or f"the model is {model.status}"


def exposure_of_periods(theta: Floats, periods: Floats | float) -> Floats:
    """t^c, the power of 1 − θ with which a customer is here after t renewals."""
    t = np.asarray(periods, np.float64)
    if theta.size < 3:
        return t
    logs = theta[2] * np.log(np.maximum(t, 1.0))
    return np.where(t > 0, np.exp(np.minimum(logs, _FARTHEST)), 0.0)

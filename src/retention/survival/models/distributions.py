"""The shapes of lifetimes: what a model's likelihood adds up, with two derivatives each.

In continuous time z is the standardised logarithm of a lifetime, z = (log t − μ)/σ; H(z) is the
cumulative hazard and an end adds the logarithm of h(z) = H'(z). In discrete time z is the linear
predictor of an interval with hazard h; H(z) = −log(1 − h) and an end adds log(h / (1 − h)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Derivatives = tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape.

    Attributes:
        cumulative: H, H', H'' at z.
        end: what an end adds to the log-likelihood, and its derivatives, at z.
        at_cumulative: the z at which H is so large.
        early_mean: E[e^(σ Z); Z ≤ z], given z and σ, where it has a closed form.
    """

    cumulative: Callable[[Floats], Derivatives]
    end: Callable[[Floats], Derivatives]
    at_cumulative: Callable[[Floats], Floats]
    early_mean: Callable[[Floats, float], Floats] | None = None


_ZERO, _ONE = np.zeros(()), np.ones(())


def _exponential(z: Floats) -> Derivatives:
    h = np.exp(z)
    return h, h, h


def _identity(z: Floats) -> Derivatives:
    return z, _ONE, _ZERO


def _softplus(z: Floats) -> Derivatives:
    """log(1 + e^z)."""
    small = np.exp(-np.abs(z))
    chance = 1 / (1 + small)
    bend = small * chance * chance
    return (
        np.maximum(z, 0) + np.log1p(small),
        np.where(z > 0, chance, small * chance),
        bend,
    )


def _log_logistic_end(z: Floats) -> Derivatives:
    """The log of the derivative of the softplus."""
    small = np.exp(-np.abs(z))
    rest = np.where(z > 0, small, 1.0) / (1 + small)
    return np.minimum(z, 0) - np.log1p(small), rest, -small / (1 + small) ** 2


def _normal(z: Floats) -> Derivatives:
    """−log Φ(−z)."""
    from scipy.special import log_ndtr  # loaded late: SciPy takes longer to import than all else

    h = _mills(z)
    return -log_ndtr(-z), h, h * (h - z)


def _normal_end(z: Floats) -> Derivatives:
    from scipy.special import log_ndtr

    h = _mills(z)
    value = -(z * z) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(-z)
    return value, h - z, h * (h - z) - 1


def _mills(z: Floats) -> Floats:
    """φ(z) / Φ(−z), also far out in the tails."""
    from scipy.special import erfcx

    return np.asarray(np.sqrt(2 / np.pi) / erfcx(z / np.sqrt(2)))


def _double_exponential_end(z: Floats) -> Derivatives:
    """log(e^m − 1) with m = e^z."""
    m = np.exp(z)
    left = -np.expm1(-m)
    first = np.divide(m, left, out=np.ones_like(m), where=left > 0)
    value = np.log(left, out=np.array(z, np.float64), where=left > 0)  # m = 0: log m is z
    return m + value, first, first * (1 - first * np.exp(-m))


def _log_expm1(h: Floats) -> Floats:
    return h + np.log(-np.expm1(-h))


def _normal_quantile_of_hazard(h: Floats) -> Floats:
    from scipy.special import ndtri

    early = h < np.log(2)
    z = ndtri(np.where(early, -np.expm1(-h), np.exp(-h)))
    return np.asarray(np.where(early, z, -z))


def _extreme_early_mean(z: Floats, sigma: float) -> Floats:
    from scipy.special import gamma, gammainc

    return np.asarray(gamma(1 + sigma) * gammainc(1 + sigma, np.exp(z)))


def _normal_early_mean(z: Floats, sigma: float) -> Floats:
    from scipy.special import ndtr

    return np.asarray(np.exp(sigma**2 / 2) * ndtr(z - sigma))


_EXTREME = Shape(_exponential, _identity, np.log, _extreme_early_mean)

DISTRIBUTIONS: Mapping[str, Shape] = {
    "weibull": _EXTREME,
    "lognormal": Shape(_normal, _normal_end, _normal_quantile_of_hazard, _normal_early_mean),
    "loglogistic": Shape(_softplus, _log_logistic_end, _log_expm1),
    "exponential": _EXTREME,
}
"""Of lifetimes in continuous time; the exponential is the Weibull with σ = 1."""

LINKS: Mapping[str, Shape] = {
    "logit": Shape(_softplus, _identity, _log_expm1),
    "cloglog": Shape(_exponential, _double_exponential_end, np.log),
}
"""Of the hazard of an interval."""

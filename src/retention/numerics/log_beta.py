"""Differences of the gamma function's logarithm and its derivatives, without cancellation.

Written as differences of two values they lose all their digits where parameters are large, and
parameters grow large wherever customers are alike. Here the difference itself is summed: ten terms
exactly, and what remains by Stirling's series, which is good to 16 digits from 10 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Step = Callable[[Floats, Floats], Floats]

_EXACT = np.arange(10.0)[:, None]
"""Terms that are summed one by one before Stirling's series takes over."""

_LOG_GAMMA = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132)
_TRIGAMMA = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66)


def log_mean_kept(a: Floats | float, b: Floats | float, s: Floats | float) -> Floats:
    """The log of B(a, b + s) / B(a, b): the mean of (1 − θ)^s for θ with a beta(a, b) distribution.

    a and s may change places; as the step the smaller of them loses fewer digits.
    """
    a, b, s = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in (a, b, s)))
    a, s = np.maximum(a, s), np.minimum(a, s)
    each = b + _EXACT
    exact = np.log1p(-a / (a + each) * (s / (each + s))).sum(axis=0)
    z, w = b + _EXACT.size, a + b + _EXACT.size
    whole = (z - 0.5) * np.log1p(s / z) - (w - 0.5) * np.log1p(s / w)
    series = [_stirling_series(_LOG_GAMMA, y, 1) for y in (z + s, z, w + s, w)]
    rest = series[0] - series[1] - (series[2] - series[3])
    return np.asarray(exact + whole - s * np.log1p(a / (z + s)) + rest)


def log_of_complement(log_some: Floats) -> Floats:
    """log(1 − e^a)."""
    near = log_some > -np.log(2)
    return np.where(near, np.log(-np.expm1(log_some)), np.log1p(-np.exp(log_some)))


def mixed_difference(step: Step, z: Floats, first: Floats | float, second: Floats) -> Floats:
    """f(z + first + second) − f(z + first) − f(z + second) + f(z), from f(z + s) − f(z)."""
    short, long = np.minimum(first, second), np.maximum(first, second)
    return step(z + long, short) - step(z, short)


def digamma_step(z: Floats | float, s: Floats | float) -> Floats:
    """ψ(z + s) − ψ(z)."""
    z, s = np.broadcast_arrays(np.asarray(z, np.float64), np.asarray(s, np.float64))
    each = np.atleast_1d(z) + _EXACT
    exact = (s / (each + s) / each).sum(axis=0).reshape(z.shape)
    y = z + _EXACT.size
    rest = _stirling_series(_DIGAMMA, y + s, 2) - _stirling_series(_DIGAMMA, y, 2)
    return np.asarray(exact + np.log1p(s / y) + s / (y + s) / (2 * y) - rest)


def trigamma_step(z: Floats | float, s: Floats | float) -> Floats:
    """ψ′(z + s) − ψ′(z)."""
    z, s = np.broadcast_arrays(np.asarray(z, np.float64), np.asarray(s, np.float64))
    each = np.atleast_1d(z) + _EXACT
    exact = (s / (each + s) / each * (1 / each + 1 / (each + s))).sum(axis=0).reshape(z.shape)
    y = z + _EXACT.size
    first = s / (y + s) / y * (1 + 1 / (2 * y) + 1 / (2 * (y + s)))
    rest = _stirling_series(_TRIGAMMA, y + s, 3) - _stirling_series(_TRIGAMMA, y, 3)
    return np.asarray(rest - exact - first)


def trigamma(z: Floats) -> Floats:
    """ψ′(z)."""
    y = z + _EXACT.size
    exact = ((1 / (z + _EXACT)) ** 2).sum(axis=0)
    return np.asarray(exact + 1 / y + (1 / y) ** 2 / 2 + _stirling_series(_TRIGAMMA, y, 3))


def _stirling_series(coefficients: tuple[float, ...], y: Floats, power: int) -> Floats:
    """Stirling's series: c₀ / y^power + c₁ / y^(power + 2) and so on."""
    inverse = (1 / y) ** 2
    total = np.zeros_like(y)
    for coefficient in reversed(coefficients):
        total = total * inverse + coefficient
    return np.asarray(total * (1 / y) ** power)

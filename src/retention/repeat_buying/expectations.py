"""How often someone buys who leaves after each purchase with a chance p that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_POINTS = 128
_DEPTH = 75.0
"""Where the density has fallen by e to the minus this, the rest is nothing."""
_ROWS = 16_384


def purchases_until_leaving(a: float, b: ArrayLike, k: ArrayLike, q: ArrayLike) -> Floats:
    """E[(1 − (1 + p q)^(−k)) / p] over p with the distribution Beta(a, b).

    The purchases of one whose rate is Gamma(k, α) over q = t/α. The usual form with ₂F₁ overflows
    or cancels for many purchases and where a is near 1; this one does neither. With g(p) the
    expression in brackets, its straight line g(0)(1 − p) + g(1) p, with g(0) = k q, has an exact
    expectation; what is left is summed by the trapezoid rule in log(p/(1 − p)), which converges
    exponentially.

    Args:
        a: first parameter, above 0.
        b: second parameter, above 0, one a case.
        k: the shape of the rate, above 0, one a case.
        q: how far to look, 0 or more, one a case.

    Returns:
        One number a case.
    """
    arrays = [np.asarray(values, np.float64) for values in (b, k, q)]
    b_, k_, q_ = (values.reshape(-1) for values in np.broadcast_arrays(*arrays))
    found = np.empty(b_.size)
    for start in range(0, b_.size, _ROWS):
        rows = slice(start, start + _ROWS)
        found[rows] = _expected(a, b_[rows], k_[rows], q_[rows])
    return found


def _expected(a: float, b: Floats, k: Floats, q: Floats) -> Floats:
    from scipy.special import betaln

    first, last = k * q, -np.expm1(-k * np.log1p(q))
    mode = np.log((a + 1) / (b + 1))
    one = np.full(b.size, a + 1)
    left, right = _reach(one, b + 1), _reach(b + 1, one)
    width = (left + right) / _POINTS
    scale = betaln(a, b)
    total = np.zeros(b.size)
    for point in range(_POINTS + 1):
        y = mode - left + point * width
        log_p, log_rest = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
        p = np.exp(log_p)
        bend = -np.expm1(-k * np.log1p(p * q)) / p - first * np.exp(log_rest) - last * p
        total += bend * np.exp(a * log_p + b * log_rest - scale)
    mean = a / (a + b)
    found = first * (b / (a + b)) + last * mean + total * width
    # g is convex and at most k q: where k q is huge, rounding errors would leave these bounds
    return np.clip(found, -np.expm1(-k * np.log1p(mean * q)) / mean, first)


def _reach(slope: Floats, other: Floats) -> Floats:
    """How far from its mode the density of log(p/(1 − p)) has fallen by e^(−75), on one side.

    At a distance w the log of the density has fallen by (s + o) log(1 + o/(s + o) (e^w − 1)) − o w,
    which is convex: Newton's method from a bound beyond the root comes down to it.
    """
    total = slope + other
    curve = slope * other / total
    share = other / total
    w = np.where(curve < 3 * _DEPTH, _DEPTH / curve + 1, np.sqrt(3 * _DEPTH / curve))
    for _ in range(5):
        grown = share * np.expm1(w)
        fallen = total * np.log1p(grown) - other * w
        steepness = total * (grown + share) / (1 + grown) - other
        w = w - (fallen - _DEPTH) / steepness
    return np.asarray(w)

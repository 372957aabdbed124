"""Discounted purchases to come of regular buyers: a double integral over rates and chances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.newton import chunks
from retention.repeat_buying.buying.bg_likelihood import EventsSince
from retention.repeat_buying.buying.bg_nbd import reach_from_mode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.repeat_buying.buying.bg_cnbd import BgCnbdModel, MbgCnbdModel
    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]

_CHANCES = 128
_RATES = 160
_ROWS = 128
"""Histories that are worked on at a time, with all chances."""

_DEPTH = 40.0
"""What is smaller by e to the minus this is nothing beside the rest."""


def discounted_if_regular(model: BgCnbdModel | MbgCnbdModel, on: Histories, delta: float) -> Floats:
    """Σ over m of E[(1 − p)^(m − 1) e^(−δ t)] with t the time of the m-th purchase to come.

    Of one with rate λ who made j events since the last purchase it comes after k m − j events, so
    e^(−δ t) is on average f^(k m − j) with f = λ/(λ + δ), and with z = f^k the sum over m is
    f^(k − j)/(1 − (1 − p) z). The mean over p and λ is taken by the trapezoid rule in
    log(p/(1 − p)) and log λ, which converges exponentially; see `_mean_over_chances`.

    Args:
        model: of regular buyers.
        on: the different histories.
        delta: the discount rate, continuous, in the model's unit of time.

    Returns:
        One number a history, of those who are alive.
    """
    r, alpha, a, b = model.theta
    found = np.empty(on.x.size)
    for rows in chunks(on.x.size, _ROWS):
        until = alpha + on.T[rows]
        silence = (on.T[rows] - on.t_x[rows]) / until
        waits = EventsSince(r + model.k * on.x[rows], silence, model.k)
        stayed = b + on.x[rows] + model.first_too
        found[rows] = _mean_over_rates(a, stayed, waits, delta * until)
    return found


def _mean_over_rates(a: float, stayed: Floats, waits: EventsSince, delta: Floats) -> Floats:
    """The mean over the rates λ (α + T), which are Gamma(c + j, 1) with the chance of each j."""
    from scipy.special import gammaln

    c, k = waits.shape, waits.k
    mode = np.log(c + k)
    # on the left what is summed falls as λ^c where λ is above δ, and as λ^(c + k) below it
    middle = np.log(c)
    reach = np.sqrt(2 * _DEPTH / c)
    falls = np.minimum(middle, np.log(delta)) - _DEPTH / (c + k)
    low = np.maximum(middle - _DEPTH / c - reach, falls - reach)
    high = mode + np.log1p(np.sqrt(2 * _DEPTH / (c + k)) + _DEPTH / (c + k))
    width = (high - low) / _RATES
    chances = _Chances(a, stayed)
    with np.errstate(divide="ignore"):  # nobody made events who bought on the last day
        log_share = [np.log(waits.share[j]) - gammaln(c + j) for j in range(k)]
    total = np.zeros(c.size)
    for point in range(_RATES + 1):
        y = low + point * width
        rate = np.exp(y)
        log_f = -np.log1p(delta / rate)
        each = sum(np.exp(log_share[j] + (c + j) * y - rate + (k - j) * log_f) for j in range(k))
        total += each * chances.mean_of_sums(np.exp(k * log_f), -np.expm1(k * log_f))
    return total * width


class _Chances:
    """Chances p of leaving, Beta(a, b), for means of 1/(1 − (1 − p) z).

    With e = 1 − z that is its straight line (1 − p)/e + p less z² p (1 − p)/(e (e + z p)), and
    p (1 − p) makes of the density that of Beta(a + 1, b + 1).
    """

    def __init__(self, a: float, b: Floats) -> None:
        from scipy.special import betaln

        self.stay, self.leave = b / (a + b), a / (a + b)
        one = np.full(b.size, a + 1)
        left, right = reach_from_mode(one, b + 1), reach_from_mode(b + 1, one)
        width = (left + right) / _CHANCES
        y = np.log((a + 1) / (b + 1)) - left + np.arange(_CHANCES + 1)[:, None] * width
        log_p, log_rest = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
        self.p = np.exp(log_p)
        self.weight = np.exp((a + 1) * log_p + (b + 1) * log_rest - betaln(a, b)) * width

    def mean_of_sums(self, z: Floats, e: Floats) -> Floats:
        """E[1/(1 − (1 − p) z)], with e = 1 − z."""
        bend = (self.weight / (e + z * self.p)).sum(axis=0)
        return np.asarray((self.stay - z**2 * bend) / e + self.leave)

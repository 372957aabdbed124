"""The likelihood of customers who leave right after a purchase, with its derivatives.

Rates of buying are Gamma(r, α), chances p of leaving after a purchase Beta(a, b). In BG/NBD that is
after a repeat purchase, in MBG/NBD after the first one too. The log-likelihood of a history is

    Σ_{j<x} log(r + j) − Σ_{j<m} log(1 + a/(b + j)) − r log(1 + T/α) − x log(α + T) + log(1 + e^d),
    d = log a − log(b + m − 1) + (r + x) log((α + T)/(α + t_x)),

with m = x in BG/NBD, where e^d is left out for x = 0, and m = x + 1 in MBG/NBD. e^d are the odds of
having left. Written like this nothing cancels, neither for many purchases nor where parameters run
to infinity.

For regular buyers only every k-th event of the process is a purchase: x in r + x, in the first sum
and in x log(α + T) becomes k x, and 1 of those who stayed becomes the weight of fewer than k events
since the last purchase, with c = r + k x and q = (T − t_x)/(α + T),

    S = Σ_{j<k} c (c + 1) … (c + j − 1)/j! · q^j, in log(S + e^d).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.log_beta import (
    digamma_step,
    log_mean_kept,
    mixed_difference,
    trigamma_step,
)
from retention.numerics.newton import chunks
from retention.repeat_buying.buying.gamma_rates import (
    Moves,
    customers_with_more,
    sum_of_log_rates,
    sum_over_histories,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.repeat_buying.buying.gamma_rates import Own, Parts, Rows
    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]

ROWS = 16_384
"""Histories that are summed over at a time, so that they stay in the processor's cache."""


class BgLikelihood:
    """The log-likelihood of r, α, a, b, its gradient and its Hessian.

    Args:
        on: the different histories.
        first_too: whether customers may leave after the first purchase (MBG/NBD).
        k: which event of the process is a purchase: every one, every second, every third …
        moves: how covariates move α and a; then the e^γ of their terms follow the four parameters.
    """

    def __init__(
        self, on: Histories, *, first_too: bool, k: int = 1, moves: Moves | None = None
    ) -> None:
        self.on, self.first_too, self.k, self.moves = on, first_too, k, moves
        self.beyond = customers_with_more(k * on.x, on.n)
        self.chances = customers_with_more(on.x + first_too, on.n)

    def __call__(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """Value, gradient and Hessian at (r, α, a, b)."""
        r, _, a, b = theta[:4]
        value, gradient, hessian = 0.0, np.zeros(theta.size), np.zeros((theta.size, theta.size))
        shared = [(sum_of_log_rates(r, self.beyond), [0])]
        if self.moves is None or not self.moves.n_leaving:
            shared.append((_beta_terms(a, b, self.chances), [2, 3]))
        for part, places in shared:
            value += part[0]
            gradient[places] += part[1]
            hessian[np.ix_(places, places)] += part[2]
        for rows in chunks(self.on.x.size, ROWS):
            part = sum_over_histories(self, theta, rows)
            value, gradient, hessian = value + part[0], gradient + part[1], hessian + part[2]
        return value, gradient, hessian

    def parts_of_histories(self, own: Own, rows: Rows) -> Parts:
        """What depends on the ages of some histories, with derivatives by their parameters."""
        r, alpha, a, _ = own
        x, age, n = self.on.x[rows], self.on.T[rows], self.on.n[rows].astype(np.float64)
        events, until = self.k * x, alpha + age
        log_odds, since, shift, last = log_odds_of_leaving(
            own, x, self.on.t_x[rows], age, self.first_too, self.k
        )
        waits = EventsSince(r + events, (age - self.on.t_x[rows]) / until, self.k)
        either = np.logaddexp(waits.log_weight, log_odds)
        left, here = n * np.exp(log_odds - either), np.exp(waits.log_weight - either)
        grown = np.log1p(age / alpha)
        value = n * (either - r * grown - events * np.log(until))
        # d is linear in r and log a: its derivatives by r, α, a, b
        each = np.broadcast_to(1 / a, x.shape)
        slopes = np.array([since, -(r + events) * shift, each, -last])
        first, second = slopes * left, np.zeros((4, 4, x.size))
        first[0] -= n * grown
        first[1] += n * ((r * age / alpha - events) / until)
        if self.k > 1:
            waiting, second[:2, :2] = waits.derivatives(until, n * here)
            first[:2] += waiting * (n * here)
            slopes[:2] -= waiting
        second += slopes[:, None] * (slopes * (left * here))
        pulled = age / (alpha * until)
        second[1, 1] += left * ((r + events) * shift * (2 / until + shift)) + n * (
            events / until**2 - r * pulled * (1 / alpha + 1 / until)
        )
        bend = n * pulled - left * shift
        second[0, 1] += bend
        second[1, 0] += bend
        second[2, 2] -= left / a**2
        second[3, 3] += left * last**2
        if np.ndim(a):
            _add_own_chances(own, x + self.first_too, n, (value, first, second))
        return value, first, second


class EventsSince:
    """Fewer than k events since the last purchase: how likely each number of them is.

    Attributes:
        log_weight: log S, one a case.
        share: of each number 0, …, k − 1 (k × cases).
    """

    def __init__(self, shape: Floats, silence: Floats, k: int) -> None:
        self.shape, self.k = shape, k
        self.log_weight = np.zeros(shape.size)
        self.share = np.ones((1, shape.size))
        if k == 1:
            return
        logs = np.zeros((k, shape.size))
        with np.errstate(divide="ignore"):
            for j in range(1, k):
                logs[j] = logs[j - 1] + np.log((shape + (j - 1)) / j * silence)
        most = logs.max(axis=0)
        self.share = np.exp(logs - most)
        total = self.share.sum(axis=0)
        self.log_weight = most + np.log(total)
        self.share /= total

    def derivatives(self, until: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Those of log S by r and α (2 × cases), and its second ones weighted (2 × 2 × cases)."""
        number = np.arange(self.k)[:, None]
        steps = 1 / (self.shape + number)
        before = np.cumsum(steps, axis=0) - steps
        square = np.cumsum(steps**2, axis=0) - steps**2
        mean, many = (self.share * before).sum(axis=0), (self.share * number).sum(axis=0)
        away, off = before - mean, number - many
        spread, both, apart = (
            (self.share * value).sum(axis=0) for value in (away**2, away * off, off**2)
        )
        own = weight * (spread - (self.share * square).sum(axis=0))
        cross = -(weight * (both / until))
        scale = weight * ((apart + many) / until**2)
        return np.array([mean, -many / until]), np.array([[own, cross], [cross, scale]])


def log_odds_of_leaving(
    own: Own,
    x: Floats,
    t_x: Floats,
    age: Floats,
    first_too: bool,
    k: int = 1,
) -> tuple[Floats, Floats, Floats, Floats]:
    """The log-odds d of having left, log((α + T)/(α + t_x)) and what derivatives of d are made of.

    Returns:
        d; that logarithm; minus its derivative by α; 1/(b + m − 1).
    """
    r, alpha, a, b = own
    after = alpha + t_x
    silence = (age - t_x) / after
    since = np.log1p(silence)
    last = 1 / (b + (x if first_too else np.maximum(x - 1, 0.0)))
    log_odds = np.log(a) + np.log(last) + (r + k * x) * since
    if not first_too:
        log_odds = np.where(x > 0, log_odds, -np.inf)
    return log_odds, since, silence / (alpha + age), last


def _beta_terms(a: float, b: float, chances: Floats) -> tuple[float, Floats, Floats]:
    """−Σ over customers of Σ_{j<m} log(1 + a/(b + j)), with derivatives by a and b."""
    below = b + np.arange(chances.size)
    above = a + below
    square = chances @ above**-2.0
    gradient = [-(chances @ (1 / above)), chances @ (a / (below * above))]
    bend = -(chances @ (a * (above + below) / (below * above) ** 2))
    hessian = np.array([[square, square], [square, bend]])
    return -float(chances @ np.log1p(a / below)), np.array(gradient), hessian


def _add_own_chances(own: Own, m: Floats, n: Floats, parts: Parts) -> None:
    """Add the same of each history, whose a is its own."""
    _, _, a, b = own
    value, first, second = parts
    value += n * log_mean_kept(a, b, m)
    first[2] -= n * digamma_step(a + b, m)
    first[3] -= n * mixed_difference(digamma_step, b, a, m)
    square = n * trigamma_step(a + b, m)
    second[2, 2] -= square
    second[2, 3] -= square
    second[3, 2] -= square
    second[3, 3] -= n * mixed_difference(trigamma_step, b, a, m)

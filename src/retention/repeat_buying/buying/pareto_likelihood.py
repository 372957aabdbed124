"""The likelihood of customers who leave at any time, with its derivatives.

Rates of buying are Gamma(r, α), rates of leaving Gamma(s, β). The log-likelihood of a history is

    Σ_{j<x} log(r + j) − r log(1 + T/α) − x log(α + T) − s log(1 + T/β) + log(1 + e^d),
    e^d = s (α + T)^(r + x) (β + T)^s ∫ (α + u)^(−r − x) (β + u)^(−s − 1) du from t_x to T,

the odds of having left. The integral is taken by Gauss and Legendre's rule in the logarithm
y = log((m + u)/(m + t_x)) with m the smaller of α and β: the logarithm of what is integrated is
concave in y, so few nodes do for any parameters, where ₂F₁ overflows or cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.newton import chunks
from retention.repeat_buying.buying.gamma_rates import (
    Moves,
    customers_with_more,
    parameters_of_each,
    sum_of_log_rates,
    sum_over_histories,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from retention.repeat_buying.buying.gamma_rates import Own, Parts, Rows
    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]

ROWS = 2_048
"""Histories that are worked on at a time: with all nodes they stay in the processor's cache."""

_ALL = slice(None)

_VARIES = np.array([1.0, 2.0, 4.0, 8.0])
_ENOUGH = np.array([8, 10, 12, 20])
"""Nodes that are enough where the logarithm varies by less, found by trying 240,000 cases."""

_NOTHING = 37.0
"""What is smaller by e to the minus this is nothing beside 1."""


@dataclass(frozen=True, slots=True)
class Powers:
    """(1 + u/a)^(−k) (1 + u/b)^(−m), which is integrated over u from 0 to `end`, one a case."""

    a: Floats
    b: Floats
    k: Floats
    m: float
    end: Floats

    def part(self, rows: Rows) -> Powers:
        """Some of the cases."""
        return Powers(self.a[rows], self.b[rows], self.k[rows], self.m, self.end[rows])

    def enough_nodes(self, most: int) -> NDArray[np.int64]:
        """So many nodes give each case to 1e-14, if `most` do not have to.

        By how far the logarithm of what is integrated varies over the range.
        """
        least = np.minimum(self.a, self.b)
        top = np.log1p(self.end / least)
        falls = least * (self.k / self.a + self.m / self.b) - 1
        top = np.minimum(top, _NOTHING / np.maximum(falls, 1e-300))
        u = least * np.expm1(top)
        ends = top - self.k * np.log1p(u / self.a) - self.m * np.log1p(u / self.b)
        varies = top + np.maximum(np.abs(ends), np.abs(falls) * top)
        tier = np.searchsorted(_VARIES, varies, side="right")
        return np.asarray(np.minimum(np.append(_ENOUGH, most)[tier], most), np.int64)

    def rows_by_nodes(self, most: int) -> Iterator[tuple[NDArray[np.intp], int]]:
        """The cases, some at a time, and so many nodes as are enough for these."""
        enough = self.enough_nodes(most)
        for n in np.unique(enough).tolist():
            rows = np.flatnonzero(enough == n)
            for part in chunks(rows.size, ROWS):
                yield rows[part], n

    def nodes(self, n: int) -> tuple[Floats, Floats, Floats, Floats]:
        """The nodes u (n × cases), log(1 + u/a) and log(1 + u/b) there, and log(weight · value)."""
        least = np.minimum(self.a, self.b)
        top = np.log1p(self.end / least)
        falls = least * (self.k / self.a + self.m / self.b) - 1
        top = np.where(falls * top > _NOTHING, _NOTHING / np.maximum(falls, 1e-300), top)
        at, weight = _legendre_nodes(n)
        y = top * at[:, None]
        u = least * np.expm1(y)
        log_a, log_b = np.log1p(u / self.a), np.log1p(u / self.b)
        log_value = y - self.k * log_a - self.m * log_b + weight[:, None]
        with np.errstate(divide="ignore"):
            log_value += np.log(least * top)
        return u, log_a, log_b, log_value

    def means(self, n: int) -> tuple[Floats, Floats]:
        """The log of the integral, and means of what its derivatives are made of (4 × cases).

        Of log(1 + u/a), u/(a (a + u)), log(1 + u/b) and u/(b (b + u)), with the nodes' shares.
        """
        u, log_a, log_b, log_value = self.nodes(n)
        found, share = _log_sum(log_value)
        values = (log_a, u / (self.a * (self.a + u)), log_b, u / (self.b * (self.b + u)))
        return found, np.array([np.einsum("ij,ij->j", share, value) for value in values])

    def log_integral(self, n: int) -> Floats:
        """The log of the integral; −∞ where the range is nothing."""
        return _log_sum(self.nodes(n)[3])[0]


class ParetoLikelihood:
    """The log-likelihood of r, α, s, β, its gradient and its Hessian.

    Args:
        on: the different histories.
        n: how many nodes the integrals have.
        moves: how covariates move α and β; then the e^γ of their terms follow the four parameters.
    """

    def __init__(self, on: Histories, n: int = 24, moves: Moves | None = None) -> None:
        self.on, self.n_nodes, self.moves = on, n, moves
        self.beyond = customers_with_more(on.x, on.n)

    def __call__(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """Value, gradient and Hessian at (r, α, s, β)."""
        gradient, hessian = np.zeros(theta.size), np.zeros((theta.size, theta.size))
        part = sum_of_log_rates(theta[0], self.beyond)
        value, gradient[0], hessian[0, 0] = part[0], part[1][0], part[2][0, 0]
        for rows, _ in self._powers_of(parameters_of_each(self, theta)).rows_by_nodes(self.n_nodes):
            one = sum_over_histories(self, theta, rows)
            value, gradient, hessian = value + one[0], gradient + one[1], hessian + one[2]
        return value, gradient, hessian

    def _powers_of(self, own: Own, rows: Rows = _ALL) -> Powers:
        r, alpha, s, beta = own
        t_x = self.on.t_x[rows]
        return Powers(alpha + t_x, beta + t_x, r + self.on.x[rows], s + 1, self.on.T[rows] - t_x)

    def parts_of_histories(self, own: Own, rows: Rows) -> Parts:
        """What depends on the ages of some histories, with derivatives by their parameters."""
        r, alpha, s, beta = own
        x, age, n = self.on.x[rows], self.on.T[rows], self.on.n[rows].astype(np.float64)
        log_odds, slopes, curves = self._log_odds_of_leaving(own[2], self._powers_of(own, rows))
        either = np.logaddexp(0.0, log_odds)
        left = n * np.exp(log_odds - either)
        buying, leaving = np.log1p(age / alpha), np.log1p(age / beta)
        until = alpha + age
        value = n * (either - r * buying - x * np.log(until) - s * leaving)
        curves *= left
        curves += slopes[:, None] * (slopes * (left * np.exp(-either)))
        slopes *= left
        pulled, drawn = age / (alpha * until), age / (beta * (beta + age))
        slopes += n * np.array([-buying, (r * age / alpha - x) / until, -leaving, s * drawn])
        curves[0, 1] += n * pulled
        curves[1, 1] += n * (x / until**2 - r * pulled * (1 / alpha + 1 / until))
        curves[2, 3] += n * drawn
        curves[3, 3] -= s * n * (drawn * (1 / beta + 1 / (beta + age)))
        for i, j in zip(*np.tril_indices(4, -1), strict=True):
            curves[i, j] = curves[j, i]
        return value, slopes, curves

    def _log_odds_of_leaving(self, s: float, powers: Powers) -> Parts:
        """d, its derivatives (4 × cases) and its second derivatives (4 × 4 × cases, upper half).

        With φ the log of what is integrated, those of the integral's log are E[φ′] and
        E[φ″] + Cov(φ′, φ′), taken with the nodes' shares as probabilities.
        """
        a, b, k, m, end = powers.a, powers.b, powers.k, powers.m, powers.end
        u, log_a, log_b, log_value = powers.nodes(int(powers.enough_nodes(self.n_nodes).max()))
        log_integral, share = _log_sum(log_value)
        pull_a, pull_b = u / (a * (a + u)), u / (b * (b + u))
        mean, cov = _moments(share, (log_a, pull_a, log_b, pull_b))
        full_a, full_b = np.log1p(end / a), np.log1p(end / b)
        last_a, last_b = end / (a * (a + end)), end / (b * (b + end))
        log_odds = np.log(s / b) + log_integral + k * full_a + s * full_b
        scale = np.array([-np.ones_like(k), k, -np.ones_like(k), np.full_like(k, m)])
        slopes = scale * mean
        slopes += np.array([full_a, -k * last_a, 1 / s + full_b, -1 / b - s * last_b])
        curves = scale[:, None] * cov * scale
        curves[0, 1] += mean[1] - last_a
        curves[1, 1] += k * (last_a * (2 / a - last_a) - 2 / a * mean[1] + cov[1, 1] + mean[1] ** 2)
        curves[2, 2] -= 1 / s**2
        curves[2, 3] += mean[3] - last_b
        curves[3, 3] += 1 / b**2 + s * last_b * (2 / b - last_b)
        curves[3, 3] -= m * (2 / b * mean[3] - cov[3, 3] - mean[3] ** 2)
        return log_odds, slopes, curves


def log_odds_gone(own: Own, on: Histories, n: int) -> Floats:
    """The log-odds d of having left, of each history with its own parameters."""
    r, alpha, s, beta = own
    whole = Powers(alpha + on.t_x, beta + on.t_x, r + on.x, s + 1, on.T - on.t_x)
    found = np.empty(on.x.size)
    for rows, enough in whole.rows_by_nodes(n):
        powers = whole.part(rows)
        grown = powers.k * np.log1p(powers.end / powers.a) + s * np.log1p(powers.end / powers.b)
        found[rows] = np.log(s / powers.b) + powers.log_integral(enough) + grown
    return found


def log_odds_with_slopes(theta: Floats, on: Histories, n: int) -> tuple[Floats, Floats]:
    """The same, the parameters alike for all, with slopes by r, α, s and β (4 × histories)."""
    r, alpha, s, beta = theta
    whole = Powers(alpha + on.t_x, beta + on.t_x, r + on.x, s + 1, on.T - on.t_x)
    found, slopes = np.empty(on.x.size), np.empty((4, on.x.size))
    for rows, enough in whole.rows_by_nodes(n):
        powers = whole.part(rows)
        a, b, k, end = powers.a, powers.b, powers.k, powers.end
        log_integral, means = powers.means(enough)
        grown_a, grown_b = np.log1p(end / a), np.log1p(end / b)
        found[rows] = np.log(s / b) + log_integral + k * grown_a + s * grown_b
        slopes[0, rows] = grown_a - means[0]
        slopes[1, rows] = k * (means[1] - end / (a * (a + end)))
        slopes[2, rows] = 1 / s + grown_b - means[2]
        slopes[3, rows] = (s + 1) * means[3] - 1 / b - s * end / (b * (b + end))
    return found, slopes


def _log_sum(log_value: Floats) -> tuple[Floats, Floats]:
    """The log of the sum over nodes, and the nodes' shares of it."""
    most = log_value.max(axis=0)
    known = np.isfinite(most)
    share = np.exp(log_value - np.where(known, most, 0.0))
    total = share.sum(axis=0)
    with np.errstate(divide="ignore"):
        found = np.log(total) + np.where(known, most, 0.0)
    return found, np.divide(share, total, out=share, where=total > 0)


def _moments(share: Floats, values: tuple[Floats, ...]) -> tuple[Floats, Floats]:
    """Means and covariances over the nodes, one a case; of the covariances the upper half."""
    n = len(values)
    mean = np.array([np.einsum("ij,ij->j", share, value) for value in values])
    cov = np.zeros((n, n, share.shape[1]))
    for i, value in enumerate(values):
        weighted = share * value
        for j in range(i, n):
            cov[i, j] = np.einsum("ij,ij->j", weighted, values[j]) - mean[i] * mean[j]
    return mean, cov


@cache
def _legendre_nodes(n: int) -> tuple[Floats, Floats]:
    """Nodes between 0 and 1, and the logs of their weights."""
    at, weight = np.polynomial.legendre.leggauss(n)
    return (at + 1) / 2, np.log(weight / 2)

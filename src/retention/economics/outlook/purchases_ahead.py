"""What a model of purchases expects of a customer between two days to come, and how much it varies.

Of one who is still a customer now, λ is Gamma(k, A) with k = r + x and A = α + T. A purchase at a
time w from now comes at the rate λ S(w), and two of them at u < w at the rate λ² S₂(w), with

    Pareto/NBD   S = S₂ = e^(−μ w), μ ~ Gamma(s, β + T)
    (M)BG/NBD    S = e^(−λ p w), S₂ = (1 − p) S, p ~ Beta(a, b + x), b + x + 1 in MBG/NBD.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from retention.economics.value.renewal_chances import chances_to_leave
from retention.numerics.newton import chunks
from retention.repeat_buying.buying.bg_nbd import MbgNbdModel
from retention.repeat_buying.buying.pareto_likelihood import Powers
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel, time_alive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.repeat_buying.buying.purchase_model import PurchaseModel

    Floats = NDArray[np.float64]

_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is expected of each customer who is still one now.

    Attributes:
        active: the chance of at least one purchase.
        mean: E[N], purchases.
        pairs: E[N (N − 1)].
    """

    active: Floats
    mean: Floats
    pairs: Floats

    def weighed(self, chance: Floats | float) -> Ahead:
        """The same of those who are still customers with that chance."""
        return Ahead(chance * self.active, chance * self.mean, chance * self.pairs)


def purchases_ahead(
    model: PurchaseModel, theta: Floats, who: tuple[Floats, Floats], times: tuple[Floats, Floats]
) -> Ahead:
    """What is expected from one time to another, of customers who are still here now.

    Args:
        model: which one it is.
        theta: its parameters.
        who: x and T, one each.
        times: from and to when, in the unit of the model, one each.
    """
    ahead_of = _ahead_of_pareto if isinstance(model, ParetoNbdModel) else _ahead_of_beta
    extra = int(isinstance(model, MbgNbdModel))
    x, age, start, end = np.broadcast_arrays(*who, *times)
    found = [np.empty(x.size) for _ in range(3)]
    for rows in chunks(x.size, _ROWS):
        part = ahead_of(theta, (x[rows], age[rows]), (start[rows], end[rows]), extra)
        for whole, values in zip(found, part, strict=True):
            whole[rows] = values
    return Ahead(*found)


def chance_of_staying(model: PurchaseModel, theta: Floats) -> float:
    """The chance that a customer just won is one after the first purchase."""
    if isinstance(model, MbgNbdModel):
        return float(theta[3] / (theta[2] + theta[3]))
    return 1.0


def _ahead_of_pareto(
    theta: Floats, who: tuple[Floats, Floats], times: tuple[Floats, Floats], _: int
) -> tuple[Floats, Floats, Floats]:
    r, alpha, s, beta = theta
    k, a, b = r + who[0], alpha + who[1], beta + who[1]
    start, end = times
    stayed = np.exp(-s * np.log1p(start / b))
    some = k / a * np.exp(Powers(a, b + start, k + 1, s, end - start).log_integral(32))
    mean = k / a * stayed * time_alive(s, b + start, end - start)
    nodes, weights = _nodes_between(start, end)
    squared = 2 * ((nodes - start) * np.exp(-s * np.log1p(nodes / b)) * weights).sum(axis=0)
    return stayed * np.minimum(some, 1.0), mean, k * (k + 1) / a**2 * squared


def _ahead_of_beta(
    theta: Floats, who: tuple[Floats, Floats], times: tuple[Floats, Floats], extra: int
) -> tuple[Floats, Floats, Floats]:
    r, alpha, a, b = theta
    active, mean, pairs = (np.empty(who[0].size) for _ in range(3))
    for x in np.unique(who[0]):
        rows = np.flatnonzero(who[0] == x)
        k = float(r + x)
        p, weight = chances_to_leave(a, b + x + extra, k)
        p, weight = np.maximum(p, 1e-300)[:, None], weight[:, None]
        rate, start, end = alpha + who[1][rows], times[0][rows], times[1][rows]
        here = np.exp(-k * np.log1p(p * start / rate))
        some = -np.expm1(-k * np.log1p((end - start) / (rate + p * start)))
        active[rows] = (weight * here * some).sum(axis=0)
        left = -np.expm1(-k * np.log1p(p * (end - start) / (rate + p * start)))
        mean[rows] = (weight * here * left / p).sum(axis=0)
        nodes, widths = _nodes_between(start, end)
        total = np.zeros(rows.size)
        for w, width in zip(nodes, widths, strict=True):
            both = (1 - p) * np.exp(-(k + 2) * np.log1p(p * w / rate))
            total += width * (w - start) * (weight * both).sum(axis=0)
        pairs[rows] = 2 * k * (k + 1) / rate**2 * total
    return active, mean, pairs


def _nodes_between(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Times between two and their weights, for integrals over them."""
    at, weight = legendre_places(8)
    return start + (end - start) * at[:, None], (end - start) * weight[:, None]


@cache
def legendre_places(n: int) -> tuple[Floats, Floats]:
    """Gauss and Legendre's nodes from 0 to 1, and their weights."""
    at, weight = np.polynomial.legendre.leggauss(n)
    return (at + 1) / 2, weight / 2

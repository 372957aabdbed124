"""What likelihoods share in which rates of buying are Gamma(r, α): also how covariates move them.

With covariates z each customer has parameters of their own: α e^(−γ′z) for α, and of leaving β
e^(−γ′z) for β (Pareto/NBD) or a e^(γ′z) for a ((M)BG/NBD). The parameters of a fit are then the
four, followed by e^γ of each term, so that all are above 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from retention.numerics.log_beta import log_mean_kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]
    Parts = tuple[Floats, Floats, Floats]
    Rows = slice | NDArray[np.intp]
    Own = Any  # the four parameters: numbers, or one value a row

_ALPHA = 1
"""The place of the parameter that covariates of buying move."""


@dataclass(frozen=True, slots=True)
class Moves:
    """How covariates move the parameters of a customer.

    Attributes:
        n_buying: how many terms move α: the first of each row of terms.
        n_leaving: how many of the others move a parameter of leaving.
        place: of that parameter among the four.
        sign: 1 where it grows with γ′z, −1 where it falls.
    """

    n_buying: int
    n_leaving: int
    place: int
    sign: int

    def directions(self) -> tuple[tuple[int, int, slice], ...]:
        """Place, sign and terms of each parameter that is moved."""
        both = (
            (_ALPHA, -1, slice(0, self.n_buying)),
            (self.place, self.sign, slice(self.n_buying, self.n_buying + self.n_leaving)),
        )
        return tuple(each for each in both if each[2].start < each[2].stop)

    def own_parameters(self, theta: Floats, terms: Floats) -> Own:
        """The four parameters, one value a row of terms where they are moved."""
        own, effects = list(theta[:4]), np.log(theta[4:])
        for place, sign, some in self.directions():
            own[place] = own[place] * np.exp(sign * (terms[:, some] @ effects[some]))
        return tuple(own)

    def sum_of_parts(
        self, theta: Floats, own: Own, parts: Parts, terms: Floats
    ) -> tuple[float, Floats, Floats]:
        """Value, gradient and Hessian by all parameters, from those by the own ones of each row.

        Both are brought to logs, in which the own parameters are linear in all parameters.

        Args:
            theta: the four parameters and e^γ of each term.
            own: the four parameters of each row.
            parts: value (rows), slopes (4 × rows) and curves (4 × 4 × rows) by the own parameters,
                weighted.
            terms: one row each.
        """
        value, slopes, curves = parts
        at = np.array([np.broadcast_to(each, value.shape) for each in own])
        slopes, curves = slopes * at, curves * at[:, None] * at
        curves[np.arange(4), np.arange(4)] += slopes
        reach = np.zeros((4, value.size, theta.size))
        reach[np.arange(4), :, np.arange(4)] = 1.0
        for place, sign, some in self.directions():
            reach[place, :, 4 + some.start : 4 + some.stop] = sign * terms[:, some]
        gradient = np.einsum("in,ink->k", slopes, reach)
        hessian = np.zeros((theta.size, theta.size))
        for i in range(4):
            for j in range(4):
                hessian += reach[i].T @ (curves[i, j][:, None] * reach[j])
        back = (hessian - np.diag(gradient)) / np.outer(theta, theta)
        return float(value.sum()), gradient / theta, back


def customers_with_more(x: Floats, n: NDArray[np.int64]) -> Floats:
    """How many customers have an x of more than j, for j = 0, 1, 2 and so on."""
    counts = np.bincount(x.astype(np.int64), weights=n)
    return np.asarray(counts[::-1].cumsum()[::-1][1:])


def sum_of_log_rates(r: float, beyond: Floats) -> tuple[float, Floats, Floats]:
    """Σ over customers of Σ_{j<x} log(r + j), with derivatives: gamma functions would cancel."""
    at = r + np.arange(beyond.size)
    return (
        float(beyond @ np.log(at)),
        np.array([beyond @ (1 / at)]),
        np.array([[-(beyond @ at**-2.0)]]),
    )


def purchase_chances(r: float, alpha: float, times: Floats, most: int) -> Floats:
    """P(n purchases) for n = 0, …, most of one who stays, at each time (times × numbers).

    Γ(r + n)/(Γ(r) n!) (α/(α + t))^r (t/(α + t))^n, the ratio of gamma functions as a product.
    """
    n = np.arange(most)
    ratios = np.append(0.0, np.cumsum(np.log((r + n) / (n + 1))))
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.arange(most + 1) * np.log(times / (alpha + times))[:, None]
    grown[:, 0] = 0.0
    return np.asarray(np.exp(ratios + grown - r * np.log1p(times / alpha)[:, None]))


def chances_after_purchases(theta: Floats, within: float, most: int, first: bool, k: int) -> Floats:
    """P(n purchases within some time) where customers may leave right after a purchase.

    With G(m) the chance of m events or more, of which every k-th is a purchase,

        P(n) = B(a, b + m)/B(a, b) · (G(k n) − G(k n + k)) + B(a + 1, b + m − 1)/B(a, b) · G(k n),

    with m = n, and without the second term for n = 0; m = n + 1 if the first may be the last.

    Args:
        theta: r, α, a, b.
        within: the time.
        most: the largest n.
        first: whether customers may leave after the first purchase too.
        k: which event is a purchase.
    """
    from scipy.special import betainc

    r, alpha, a, b = (float(np.squeeze(each)) for each in theta)
    n = np.arange(most + 1.0)
    m, share = n + first, within / (alpha + within)
    events = purchase_chances(r, alpha, np.array([within]), k * (most + 1) - 1)[0]
    tails = np.append(1.0, betainc(k * n[1:], r, share))
    kept = np.exp(log_mean_kept(a, b, m))
    left = np.where(m > 0, kept * a / (b + np.maximum(m, 1) - 1), 0.0)
    return np.asarray(kept * events.reshape(-1, k).sum(axis=1) + left * tails)


class ByHistory(Protocol):
    """A likelihood that sums over histories."""

    on: Histories
    moves: Moves | None

    def parts_of_histories(self, own: Own, rows: Rows) -> Parts:
        """Value, slopes and curves of some histories by their own parameters, weighted."""


def parameters_of_each(likelihood: ByHistory, theta: Floats) -> Own:
    """The four parameters, of each history where covariates move them."""
    moves, terms = likelihood.moves, likelihood.on.terms
    return tuple(theta) if moves is None or terms is None else moves.own_parameters(theta, terms)


def sum_over_histories(
    likelihood: ByHistory, theta: Floats, rows: Rows
) -> tuple[float, Floats, Floats]:
    """The value of some histories, its gradient and Hessian by all parameters."""
    moves, terms = likelihood.moves, likelihood.on.terms
    if moves is None or terms is None:
        value, slopes, curves = likelihood.parts_of_histories(tuple(theta), rows)
        return float(value.sum()), slopes.sum(axis=1), curves.sum(axis=2)
    own = moves.own_parameters(theta, terms[rows])
    return moves.sum_of_parts(theta, own, likelihood.parts_of_histories(own, rows), terms[rows])

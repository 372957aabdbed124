"""The likelihood of BG/BB: products of whole numbers of terms, so sums of logs say it exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.newton import chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from retention.repeat_buying.summary.purchase_histories import Histories

    Floats = NDArray[np.float64]
    Whole = NDArray[np.intp]

_ROWS = 4_096
"""Histories whose ways are written out at a time."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How histories may have come about: leaving at some time since the last purchase, or not.

    Attributes:
        x: purchases, of each way.
        lived: opportunities at which the customer was still one.
        left: 1 where they left after these, 0 where they are still here.
        first: where the ways of each history start; the last of them is that of staying.
        n: how many customers have each history.
    """

    x: Whole
    lived: Whole
    left: Whole
    first: Whole
    n: Floats


def ways_of_histories(on: Histories) -> list[Ways]:
    """The ways of all histories, some histories at a time."""
    found = []
    for rows in chunks(on.x.size, _ROWS):
        x, last, age = (v[rows].astype(np.intp) for v in (on.x, on.t_x, on.T))
        size = age - last + 1
        first = np.cumsum(size) - size
        lived = np.arange(size.sum()) - np.repeat(first - last, size)
        left = (lived < np.repeat(age, size)).astype(np.intp)
        found.append(Ways(np.repeat(x, size), lived, left, first, on.n[rows].astype(np.float64)))
    return found


def log_likelihood_of_ways(theta: Floats, ways: Ways) -> Floats:
    """The log of the likelihood of each way.

    With s opportunities lived through, B(α + x, β + s − x)/B(α, β) of buying at x of them, times
    B(γ + 1, δ + s)/B(γ, δ) of leaving after them or B(γ, δ + s)/B(γ, δ) of staying.
    """
    some, none, stayed, chances, ends = _sums_of_terms(theta, ways, np.log)
    return np.asarray(ways.left * np.log(theta[2]) + some + none + stayed - chances - ends)


def log_likelihood(parts: list[Ways], theta: Floats) -> tuple[float, Floats, Floats]:
    """The log-likelihood of all customers, its gradient and Hessian in α, β, γ and δ."""
    value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
    for ways in parts:
        size = np.diff(np.append(ways.first, ways.x.size))
        logs = log_likelihood_of_ways(theta, ways)
        top = np.maximum.reduceat(logs, ways.first)
        share = np.exp(logs - np.repeat(top, size))
        total = np.add.reduceat(share, ways.first)
        share /= np.repeat(total, size)
        slopes, bends = _derivatives_of_ways(theta, ways)
        mean = np.add.reduceat(slopes * share, ways.first, axis=1)
        weight = share * np.repeat(ways.n, size)
        value += float(ways.n @ (top + np.log(total)))
        gradient += slopes @ weight
        hessian += (slopes * weight) @ slopes.T - (mean * ways.n) @ mean.T
        hessian += _symmetric_matrix(bends @ weight)
    return value, gradient, hessian


def _derivatives_of_ways(theta: Floats, ways: Ways) -> tuple[Floats, Floats]:
    """The derivatives of each way's log: in α, β, γ, δ; in αα, ββ, γγ, δδ, αβ and γδ."""
    first, second = (_sums_of_terms(theta, ways, f) for f in (lambda z: 1 / z, lambda z: -1 / z**2))
    none = np.zeros(ways.x.size)
    own = [np.stack([part[0], part[1], none, part[2]]) for part in (first, second)]
    both = [np.stack([part[3], part[3], part[4], part[4]]) for part in (first, second)]
    slopes, bends = (mine - shared for mine, shared in zip(own, both, strict=True))
    slopes[2] += ways.left / theta[2]
    bends[2] -= ways.left / theta[2] ** 2
    return slopes, np.vstack([bends, -np.stack(second[3:])])


def _sums_of_terms(theta: Floats, ways: Ways, term: Callable[[Floats], Floats]) -> list[Floats]:
    """Σ term(z + j) over j below a number that each way has, for z = α, β, δ, α + β and γ + δ."""
    a, b, c, d = theta
    numbers = [ways.x, ways.lived - ways.x, ways.lived, ways.lived, ways.lived + ways.left]
    each = np.arange(int(ways.lived.max(initial=0)) + 1)
    return [
        np.append(0.0, term(z + each).cumsum())[number]
        for z, number in zip((a, b, d, a + b, c + d), numbers, strict=True)
    ]


def _symmetric_matrix(six: Floats) -> Floats:
    """A symmetric matrix of its diagonal, its first pair and its second pair."""
    found = np.diag(six[:4])
    found[0, 1] = found[1, 0] = six[4]
    found[2, 3] = found[3, 2] = six[5]
    return found

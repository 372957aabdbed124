"""The likelihood of lifetimes with a location and a scale, ends unseen and late entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.newton import Maximum, chunks, maximise
from retention.survival.models.clustered_scores import sums_within_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories
    from retention.survival.models.distributions import Shape

    Floats = NDArray[np.float64]

LEAST_LOG_SCALE = -15.0
"""With no more spread than that in their logarithms, all ends are at what is one duration."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The sums of a likelihood: a late entry is a row that takes hazard back.

    Attributes:
        design: of the scaled terms, with a column of ones as the last.
        log_time: of the duration, or of the entry.
        ends: how many spells end there.
        weight: how many lasted so long; below 0 for those who entered then.
        row: the spell of each, a place among those that are counted.
    """

    design: Floats
    log_time: Floats
    ends: Floats
    weight: Floats
    row: NDArray[np.intp]


def stacked_terms(spells: Histories, used: NDArray[np.intp], design: Floats) -> Terms:
    """The sums that these rows of the spells add to the likelihood.

    Args:
        spells: durations above 0.
        used: their rows that are counted.
        design: one row for each of those.
    """
    weight = spells.likelihood_weights[used].astype(np.float64)
    time = spells.duration[used].astype(np.float64)
    ends = weight * spells.churned[used]
    row = np.arange(used.size)
    if spells.entry is not None:
        entry = spells.entry[used]
        late = np.flatnonzero(entry > 0)
        design = np.concatenate([design, design[late]])
        time = np.concatenate([time, entry[late]])
        ends = np.concatenate([ends, np.zeros(late.size)])
        weight = np.concatenate([weight, -weight[late]])
        row = np.concatenate([row, late])
    return Terms(design, np.log(time), ends, weight, row)


def aft_maximum(rows: Terms, shape: Shape, start: Floats) -> Maximum[Floats]:
    """Where the likelihood is largest.

    Args:
        rows: the sums.
        shape: the distribution.
        start: coefficients and log σ; without log σ, σ is 1.
    """
    n_terms = rows.design.shape[1]
    n = start.size

    def evaluate(point: Floats) -> tuple[float, Floats, Floats]:
        log_sigma = float(point[n_terms]) if n > n_terms else 0.0
        value, gradient, hessian = _likelihood(rows, shape, point[:n_terms], log_sigma)
        inside = log_sigma > LEAST_LOG_SCALE and np.isfinite(hessian).all()
        return value if inside else -np.inf, gradient[:n], hessian[:n, :n]

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return maximise(evaluate, start)


def _likelihood(
    rows: Terms, shape: Shape, beta: Floats, log_sigma: float
) -> tuple[float, Floats, Floats]:
    """Value, gradient and Hessian in (β, log σ)."""
    sigma, n_ends, k = np.exp(log_sigma), rows.ends.sum(), beta.size
    value = -float(n_ends * log_sigma + rows.ends @ rows.log_time)
    gradient, hessian = np.zeros(k + 1), np.zeros((k + 1, k + 1))
    gradient[k] = -n_ends
    for some in chunks(rows.log_time.size):
        x, ends, weight = rows.design[some], rows.ends[some], rows.weight[some]
        z = (rows.log_time[some] - x @ beta) / sigma
        lost, end = shape.cumulative(z), shape.end(z)
        value += float(ends @ end[0] - weight @ lost[0])
        slope, bend = (ends * end[i] - weight * lost[i] for i in (1, 2))
        mixed = bend * z + slope
        gradient[:k] -= slope @ x / sigma
        gradient[k] -= slope @ z
        hessian[:k, :k] += (x * bend[:, None]).T @ x / sigma**2
        hessian[:k, k] += mixed @ x / sigma
        hessian[k, k] += mixed @ z
    hessian[k, :k] = hessian[:k, k]
    return value, gradient, hessian


def scores_of_clusters(
    rows: Terms, shape: Shape, point: Floats, member: NDArray[np.intp], n_clusters: int
) -> Floats:
    """What each cluster adds to the gradient, a column per parameter.

    Args:
        rows: as the likelihood adds them up.
        shape: of the lifetimes.
        point: coefficients and, if it is free, log σ.
        member: the cluster of each spell, from 0 to n_clusters − 1.
        n_clusters: how many there are.
    """
    n_terms = rows.design.shape[1]
    free = point.size > n_terms
    sigma = float(np.exp(point[n_terms])) if free else 1.0
    total = np.zeros((n_clusters, point.size))
    for some in chunks(rows.log_time.size):
        x, ends, weight = rows.design[some], rows.ends[some], rows.weight[some]
        z = (rows.log_time[some] - x @ point[:n_terms]) / sigma
        slope = ends * shape.end(z)[1] - weight * shape.cumulative(z)[1]
        score = -slope[:, None] * x / sigma
        if free:
            score = np.concatenate([score, (-ends - slope * z)[:, None]], axis=1)
        total += sums_within_clusters(score, member[rows.row[some]], n_clusters)
    return total

"""Errors of a discrete-time hazard whose spells depend on one another: effects and levels at once.

What a cluster adds to the score of effects and levels moves both: with P the second derivatives in
the effects, the levels following them, u its score there and l that of the levels, whose second
derivatives are h, the effects move by −P⁻¹ u and each level by its slope times that, less l / h.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from retention.survival.models.clustered_scores import sums_within_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.hazard.exposure import Exposure
    from retention.survival.hazard.likelihood import Arrow, Design
    from retention.survival.models.distributions import Shape

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

_CELLS = 262_144  # stretches × intervals that are worked on at a time


@dataclass(frozen=True, slots=True)
class Robust:
    """Covariances by clusters, in the units of the scaled design.

    Attributes:
        effects: of the effects.
        mixed: of effects (rows) and what levels move beside them (columns).
        levels: of what levels move beside the effects.
    """

    effects: Floats
    mixed: Floats
    levels: Floats


def robust_covariances(
    counts: Exposure,
    design: Design,
    shape: Shape,
    maximum: tuple[Floats, Arrow, Floats],
    clusters: tuple[Places, int],
) -> Robust:
    """The sandwich of a hazard model.

    Args:
        counts: who was at risk and who left, with a stretch for each row of the table.
        design: the scaled covariates.
        shape: the link.
        maximum: the estimates, the second derivatives there, the covariance of the effects that
            these give where rows are independent.
        clusters: the cluster of each stretch, and how many there are.
    """
    point, arrow, covariance = maximum
    n_levels, m = arrow.levels.size, arrow.effects.shape[0]
    order = np.argsort(clusters[0], kind="stable")
    effects, levels = np.zeros((m, m)), np.zeros((n_levels, n_levels))
    mixed = np.zeros((m, n_levels))
    for rows in _whole_clusters(clusters[0][order], n_levels):
        some = order[rows]
        slope = _slopes_of_stretches(counts, design, shape, point, some)
        member = clusters[0][some] - clusters[0][some[0]]
        n = int(member[-1]) + 1
        own = sums_within_clusters(
            _scores_of_effects(design, counts.pattern[some], slope), member, n
        )
        level = sums_within_clusters(slope, member, n)
        moved = (own + level @ arrow.slopes) @ covariance
        beside = -level / arrow.levels
        effects += moved.T @ moved
        mixed += moved.T @ beside
        levels += beside.T @ beside
    return Robust(effects, mixed, levels)


def _whole_clusters(member: Places, width: int) -> list[slice]:
    """The sorted rows, some clusters at a time."""
    starts = np.flatnonzero(np.append(True, member[1:] != member[:-1]))
    size = max(1, _CELLS // max(width, 1))
    wanted = np.arange(0, member.size, size)
    first = starts[np.searchsorted(starts, wanted, "right") - 1]
    edges = np.unique(np.append(first, member.size)).tolist()
    return [slice(a, b) for a, b in pairwise(edges)]


def _slopes_of_stretches(
    counts: Exposure, design: Design, shape: Shape, point: Floats, some: Places
) -> Floats:
    """The derivative of each stretch's likelihood by its linear predictor, interval by interval."""
    first, last = counts.first[some], counts.last[some]
    eta = design.predictors(point, counts.pattern[some], slice(None))
    place = np.arange(eta.shape[1])
    seen = (place >= first[:, None]) & (place < last[:, None])
    slope = np.where(seen, -shape.cumulative(eta)[1], 0.0)
    ended = np.flatnonzero(counts.churned[some])
    there = (ended, last[ended] - 1)
    slope[there] += shape.end(eta[there])[1]
    return np.asarray(slope * counts.weight[some, None])


def _scores_of_effects(design: Design, pattern: Places, slope: Floats) -> Floats:
    lasting = design.fixed[pattern] * slope.sum(axis=1)[:, None]
    growing = design.varying[pattern] * (slope @ design.log_interval)[:, None]
    return np.concatenate([lasting, growing], axis=1)

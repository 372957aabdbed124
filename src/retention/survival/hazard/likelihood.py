"""The likelihood of a hazard in discrete time: effects, and a level for each interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.numerics.newton import Maximum, ascent_step, maximise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.hazard.exposure import Block, Exposure
    from retention.survival.models.distributions import Shape

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Arrow:
    """Second derivatives in effects and levels; those of two different levels are 0.

    Attributes:
        effects: by two effects.
        mixed: by an effect and a level.
        levels: by a level, twice.
    """

    effects: Floats
    mixed: Floats
    levels: Floats

    @property
    def slopes(self) -> Floats:
        """How the best levels move with the effects: a row per level."""
        return -(self.mixed / self.levels).T

    @property
    def profile(self) -> Floats:
        """Second derivatives in the effects, the levels following them."""
        return self.effects + self.mixed @ self.slopes


@dataclass(frozen=True, slots=True)
class Design:
    """Scaled covariates, a row per pattern.

    Attributes:
        fixed: of effects that last.
        varying: of effects that grow with the logarithm of time.
        log_interval: that logarithm, for each interval that has a level.
    """

    fixed: Floats
    varying: Floats
    log_interval: Floats

    def predictors(self, point: Floats, patterns: NDArray[np.intp], columns: slice) -> Floats:
        """The linear predictor of some patterns, a row each, in some intervals."""
        k, m = self.fixed.shape[1], self.fixed.shape[1] + self.varying.shape[1]
        eta = (self.fixed[patterns] @ point[:k])[:, None] + point[m:][columns]
        if m > k:
            eta += np.outer(self.varying[patterns] @ point[k:m], self.log_interval[columns])
        return np.asarray(eta)


def hazard_maximum(counts: Exposure, design: Design, shape: Shape, start: Floats) -> Maximum[Arrow]:
    """Where the likelihood is largest.

    Args:
        counts: who was at risk and who left.
        design: the covariates.
        shape: the link.
        start: lasting effects, growing effects, levels.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return maximise(
            lambda point: _likelihood(counts, design, shape, point), start, step=_newton_step
        )


def _newton_step(hessian: Arrow, gradient: Floats) -> Floats:
    m = hessian.effects.shape[0]
    effects = ascent_step(hessian.profile, gradient[:m] + hessian.slopes.T @ gradient[m:])
    levels = hessian.slopes @ effects - gradient[m:] / hessian.levels
    return np.concatenate([effects, levels])


def _likelihood(
    counts: Exposure, design: Design, shape: Shape, point: Floats
) -> tuple[float, Floats, Arrow]:
    k, m, n = design.fixed.shape[1], design.fixed.shape[1] + design.varying.shape[1], point.size
    base, drift, levels = design.fixed @ point[:k], design.varying @ point[k:m], point[m:]
    value, gradient = 0.0, np.zeros(n)
    arrow = Arrow(np.zeros((m, m)), np.zeros((m, n - m)), np.zeros(n - m))
    for block in counts.blocks():
        rows, columns = block.patterns, block.columns
        when = design.log_interval[columns]
        eta = base[rows, None] + levels[columns]
        if m > k:
            eta += drift[rows, None] * when
        gained, slope, bend = _likelihood_of_cells(block, shape, eta)
        value += gained
        x, v = design.fixed[rows], design.varying[rows]
        gradient[:k] += slope.sum(axis=1) @ x
        gradient[k:m] += (slope @ when) @ v
        gradient[m:][columns] += slope.sum(axis=0)
        _add_second_derivatives(arrow, block, (x, v), when, bend)
    arrow.effects[k:, :k] = arrow.effects[:k, k:].T
    arrow.levels[:] = np.minimum(arrow.levels, -np.finfo(float).tiny)
    return value, gradient, arrow


def _likelihood_of_cells(block: Block, shape: Shape, eta: Floats) -> tuple[float, Floats, Floats]:
    """The log-likelihood of a block, and its two derivatives by each linear predictor."""
    lost = shape.cumulative(eta)
    there = (block.row, block.column)
    end = shape.end(eta[there])
    slope, bend = -block.at_risk * lost[1], -block.at_risk * lost[2]
    slope[there] += block.ended * end[1]
    bend[there] += block.ended * end[2]
    return float(block.ended @ end[0] - np.vdot(block.at_risk, lost[0])), slope, bend


def _add_second_derivatives(
    arrow: Arrow, block: Block, design: tuple[Floats, Floats], when: Floats, bend: Floats
) -> None:
    """The second derivatives of a block."""
    x, v = design
    k = x.shape[1]
    arrow.levels[block.columns] += bend.sum(axis=0)
    arrow.mixed[:k, block.columns] += x.T @ bend
    arrow.effects[:k, :k] += (x * bend.sum(axis=1)[:, None]).T @ x
    if v.shape[1]:
        arrow.mixed[k:, block.columns] += (v.T @ bend) * when
        arrow.effects[:k, k:] += (x * (bend @ when)[:, None]).T @ v
        arrow.effects[k:, k:] += (v * (bend @ when**2)[:, None]).T @ v

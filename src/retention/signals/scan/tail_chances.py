"""How likely so large a score is by chance where few leave, and the normal law does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MOST_STEPS = 100
_CLOSE = 1e-9
"""A score found so near to the one asked for, as a share of its standard deviation, is it."""

_AT_MEAN = 1e-4
"""Nearer to the mean than that, in standard deviations, the formula divides nothing by nothing."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score U = Σ r (y − p), in which each y is 1 with chance p.

    Attributes:
        n: how many y each row stands for.
        chance: p.
        residual: r, what is left of the indicator of a group once the model has been taken out.
    """

    n: Floats
    chance: Floats
    residual: Floats

    @property
    def variance(self) -> float:
        """Of U: Σ n r² p (1 − p)."""
        return float((self.n * self.residual**2 * self.chance * (1 - self.chance)).sum())

    def turned(self) -> Score:
        """The score −U."""
        return Score(self.n, self.chance, -self.residual)

    def cumulants(self, t: float) -> tuple[float, float, float]:
        """K(t) = log E[exp(t U)] and its first two derivatives."""
        stays, leaves = np.log1p(-self.chance), np.log(self.chance) + self.residual * t
        both = np.logaddexp(stays, leaves)
        tilted = np.exp(leaves - both)
        weight = self.n * self.residual
        value = self.n @ both - t * (weight @ self.chance)
        bend = (weight * self.residual) @ (tilted * (1 - tilted))
        return float(value), float(weight @ (tilted - self.chance)), float(bend)


def two_sided_chance(score: Score, value: float) -> float:
    """The chance of a score at least as far from 0 as the value, by the saddlepoint.

    With t where K′(t) = u, w = sign(t) √(2 (t u − K(t))) and v = t √K″(t), the chance of a score of
    u or more is 1 − Φ(w + log(v / w) / w); that of −u or less is added.

    Source:
        Barndorff-Nielsen, O. E. (1990), Journal of the Royal Statistical Society B 52, 485–496; of
        score tests of rare outcomes, Dey, R. et al. (2017), American Journal of Human Genetics 101,
        37–49.
    """
    known = (score.chance > 0) & (score.chance < 1)
    told = Score(score.n[known], score.chance[known], score.residual[known])
    far = abs(value)
    return min(1.0, _upper_chance(told, far) + _upper_chance(told.turned(), far))


def _upper_chance(score: Score, value: float) -> float:
    """The chance of a score of at least that, which lies above the mean."""
    spread = np.sqrt(score.variance)
    up = score.residual > 0
    weight = score.n * score.residual
    highest = float(weight @ (up - score.chance))
    if value > highest + _CLOSE * spread:
        return 0.0
    if value > highest - 1e-6 * spread:  # everybody whose leaving raises it left, and nobody else
        stays = score.n[~up] @ np.log1p(-score.chance[~up])
        return float(np.exp(score.n[up] @ np.log(score.chance[up]) + stays))
    if value < _AT_MEAN * spread:
        return 0.5
    t = _saddlepoint(score, value, spread)
    k, _, bend = score.cumulants(t)
    w = float(np.sqrt(max(2 * (t * value - k), 0.0)))
    v = t * np.sqrt(bend)
    if not (w > 0 and v > 0):
        return 0.5
    at = w + np.log(v / w) / w
    tail = float(intervals.p_value(at)) / 2
    return tail if at > 0 else 1 - tail


def _saddlepoint(score: Score, value: float, spread: float) -> float:
    """Where the first derivative of K is the value: Newton's method within ever nearer ends."""
    low, high, t = 0.0, np.inf, value / spread**2
    for _ in range(_MOST_STEPS):
        _, slope, bend = score.cumulants(t)
        if abs(slope - value) <= _CLOSE * spread:
            break
        low, high = (t, high) if slope < value else (low, t)
        step = t + (value - slope) / bend if bend > 0 else np.inf
        middle = 2 * t if np.isinf(high) else (low + high) / 2
        t = step if low < step < min(high, 4 * t + 1 / spread) else middle
    return t

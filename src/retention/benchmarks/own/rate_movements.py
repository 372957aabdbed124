"""How far usual rates lie apart: by the chance of each customer, and by what moves all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]

_RANGE = 1.128  # d2: the mean distance of two independent standard normal values, 2/√π
_ROUNDING = 1e-12
"""Less than this of 1/n is nothing: the period is alone in its place of the season."""

_STEPS = 100
_CLOSE = 1e-13


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Neighbouring periods of each baseline, a row per baseline.

    Attributes:
        apart: how far each period's rate, less the usual one, is from that of the period before.
        chance: the variance of that by the chance of each customer.
        moves: how many times τ² is in it as well.
        both: whether both periods are known.
    """

    apart: Floats
    chance: Floats
    moves: Floats
    both: Flags

    @property
    def pairs(self) -> Floats:
        """How many there are of each baseline."""
        return np.asarray(self.both.sum(axis=1), np.float64)

    def dispersion(self) -> Floats:
        """Laney's σ: how many times as far apart they are as by chance alone; 1 if all alike."""
        sigma = self._times_as_far(np.zeros(self.apart.shape[0]))
        return np.asarray(np.where(sigma > 0, sigma, np.where(self.pairs > 0, 1.0, np.nan)))

    def movement(self) -> Floats:
        """The τ² for which they are as far apart as they should be; 0 where chance does.

        1/f² of their mean distance f is concave in τ², so that Newton's steps ascend to its root.
        """
        square = np.zeros(self.apart.shape[0])
        for _ in range(_STEPS):
            far = self._times_as_far(square)
            step = (far**3 - far) / (-2 * self._slope(square, far))
            step = np.where((far > 1) & np.isfinite(step), step, 0.0)
            square = square + step
            if (step <= _CLOSE * square).all():
                break
        return square

    def _times_as_far(self, square: Floats) -> Floats:
        spread = self._spread(square)
        far = np.sqrt(2 / spread) * self.apart
        return intervals.ratio((far * self._told()).sum(axis=1), self.pairs) / _RANGE

    def _slope(self, square: Floats, far: Floats) -> Floats:
        """The derivative of the distance by τ²; −1 where there is none, and no step is taken."""
        spread = self._spread(square)
        part = np.sqrt(2 / spread) * self.apart * self.moves / spread
        slope = -intervals.ratio((part * self._told()).sum(axis=1), self.pairs) / _RANGE / 2
        return np.asarray(np.where((far > 1) & (slope < 0), slope, -1.0))

    def _spread(self, square: Floats) -> Floats:
        return np.where(self._told(), self.chance + square[:, None] * self.moves, 1.0)

    def _told(self) -> Flags:
        return self.both & (self.chance > 0)


def neighbours_of_baselines(
    within: Flags,
    place: Rows,
    counts: tuple[Floats, Floats],
    placed: Sequence[Floats],
    seasonal: bool,
) -> Neighbours:
    """The neighbouring periods of each baseline.

    Args:
        within: for each judged period which others are its baseline.
        place: of each period in the season.
        counts: n and how many of them, of each period.
        placed: for each baseline and place the sums of n, of the counts and of n².
        seasonal: whether each place has a usual rate of its own.
    """
    n, k = counts
    total, kept, squares = (each[:, place] for each in placed)
    usual = intervals.ratio(kept, total)
    own = intervals.ratio(1.0, total) if seasonal else 0.0
    told = intervals.ratio(1.0, n) - own
    valid = within & (told > _ROUNDING)
    chance = np.where(valid, usual * (1 - usual) * told, 0.0)
    moves = np.where(valid, 1 - 2 * n * own + squares * own**2, 0.0)
    rest = np.where(valid, intervals.ratio(k, n) - usual, 0.0)
    both = valid[:, 1:] & valid[:, :-1]
    chance, moves = (each[:, 1:] + each[:, :-1] for each in (chance, moves))
    return Neighbours(np.abs(np.diff(rest, axis=1)), chance, moves, both)

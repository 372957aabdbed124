"""The difference of two rates that may share customers: bounds, p-values, and their ratio.

With p = k/n, l and u Wilson's bounds at z, and φ the correlation of the two rates,

    lower = d − √(a² − 2 φ a b + b²),  a = p1 − l1,  b = u2 − p2,
    upper = d + √(c² − 2 φ c e + e²),  c = u1 − p1,  e = p2 − l2.

Of different customers φ is 0, and this is Newcombe's method 10; where the same ones stand on both
sides it is his method 8 for pairs. A p-value is found where a bound at z reaches the value asked
about, so that p ≤ 1 − level exactly where the bounds leave the value out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HALVINGS, _FARTHEST = 60, 40.0
"""Beyond 40 standard errors a p-value is 0 in 64 bits."""


@dataclass(frozen=True, slots=True)
class RatePairs:
    """Pairs of rates: k of n, k_other of n_other, and the correlation of the two."""

    k: Floats
    n: Floats
    k_other: Floats
    n_other: Floats
    correlation: Floats

    @property
    def difference(self) -> Floats:
        """The first less the other."""
        return intervals.ratio(self.k, self.n) - intervals.ratio(self.k_other, self.n_other)

    def bounds_at(self, quantile: float | Floats) -> tuple[Floats, Floats]:
        """Bounds of the difference at so many standard errors."""
        p, q = intervals.ratio(self.k, self.n), intervals.ratio(self.k_other, self.n_other)
        low, high = intervals.wilson_at(self.k, self.n, quantile)
        other_low, other_high = intervals.wilson_at(self.k_other, self.n_other, quantile)
        phi = self.correlation
        lower = p - q - _joint_width(p - low, other_high - q, phi)
        return lower, p - q + _joint_width(high - p, q - other_low, phi)

    def chance_of_less(self, value: float) -> Floats:
        """One-sided p: how likely so high a difference is if the true one is no more than that."""
        apart = self.difference
        above = apart > value
        nearest, farthest = np.zeros(apart.size), np.full(apart.size, _FARTHEST)
        for _ in range(_HALVINGS):
            middle = (nearest + farthest) / 2
            lower, upper = self.bounds_at(middle)
            reached = np.where(above, lower <= value, upper >= value)
            farthest = np.where(reached, middle, farthest)
            nearest = np.where(reached, nearest, middle)
        tail = intervals.p_value((nearest + farthest) / 2) / 2
        p = np.where(apart == value, 0.5, np.where(above, tail, 1 - tail))
        return np.where(np.isnan(apart), np.nan, p)

    def p_of_none(self) -> Floats:
        """Two-sided p: how likely so large a difference is if there is none."""
        p = self.chance_of_less(0.0)
        return np.asarray(np.minimum(2 * np.minimum(p, 1 - p), 1.0))


def _joint_width(one: Floats, other: Floats, phi: Floats) -> Floats:
    return np.sqrt(np.maximum(one**2 - 2 * phi * one * other + other**2, 0.0))


def ratio_with_bounds(pairs: RatePairs, level: float) -> tuple[Floats, Floats, Floats]:
    """The ratio p1/p2 with the bounds that Wilson's of each give (MOVER-R); independent rates.

    Source:
        Newcombe, R. G. (2016), Statistical Methods in Medical Research 25, 1774–1778; Donner, A.
        and Zou, G. Y. (2012), Statistical Methods in Medical Research 21, 347–359.
    """
    p, q = intervals.ratio(pairs.k, pairs.n), intervals.ratio(pairs.k_other, pairs.n_other)
    low, high = intervals.wilson_bounds(pairs.k, pairs.n, level)
    other_low, other_high = intervals.wilson_bounds(pairs.k_other, pairs.n_other, level)
    both, phi = p * q, pairs.correlation
    least, most = low * (2 * p - low), other_low * (2 * q - other_low)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = both - phi * (p - low) * (other_high - q)
        root = np.sqrt(np.maximum(middle**2 - least * other_high * (2 * q - other_high), 0.0))
        lower = np.where(least > 0, least / (middle + root), 0.0 * p)
        middle = both - phi * (high - p) * (q - other_low)
        root = np.sqrt(np.maximum(middle**2 - high * (2 * p - high) * most, 0.0))
        upper = np.where(most > 0, (middle + root) / most, np.nan)
    known = q > 0
    return intervals.ratio(p, q), np.where(known, lower, np.nan), np.where(known, upper, np.nan)

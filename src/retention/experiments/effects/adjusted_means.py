"""The means of two arms, by what was known before, within strata and between clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.experiments.effects.corrected_effects import freedom_of_sum
from retention.experiments.effects.stratified_curves import FEWEST_IN_STRATUM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.experiments.effects.customer_money import Sums

    Floats = NDArray[np.float64]
    Whole = NDArray[np.intp]

_FEWEST_NEW = 10  # customers in each arm, for being new to be told apart
_FEWEST_CLUSTERS = 2
_ROUNDING = 1e-9  # squares below this share of those about 0 are what one pass leaves of nothing
_RANK = 1e-10


@dataclass(frozen=True, slots=True)
class TwoMeans:
    """The means of an arm and of the control, and how they vary together.

    Attributes:
        means: of the arm, of the control.
        covariance: of both, two by two; NaN where it is not known.
        units: customers, or clusters where these were assigned.
        freedom: degrees of freedom of the difference.
    """

    means: Floats
    covariance: Floats
    units: float
    freedom: float

    @property
    def variance(self) -> float:
        """Of the difference."""
        (one, both), (_, other) = self.covariance
        return float(one + other - 2 * both)


@dataclass(frozen=True, slots=True)
class _Arm:
    """Moments of an arm by stratum, of y and the covariates: n, means, centred squares."""

    n: Floats
    means: Floats
    squares: Floats

    @property
    def y(self) -> Floats:
        """The mean of what was brought, of each stratum."""
        return self.means[:, 0]

    @property
    def z(self) -> Floats:
        """The means of the covariates, of each stratum."""
        return self.means[:, 1:]

    def slopes(self) -> tuple[Floats, int]:
        """The coefficients of the covariates within strata, and how many there are."""
        whole = self.squares.sum(axis=0)
        zz, zy = whole[1:, 1:], whole[1:, 0]
        scale = np.sqrt(np.diag(zz))
        used = scale > 0
        if not used.any():
            return np.zeros(scale.size), 0
        unit = np.where(used, scale, 1.0)
        alike = zz / np.outer(unit, unit)
        solved = np.linalg.pinv(alike, rcond=_RANK, hermitian=True) @ (zy / unit)
        return solved / unit, int(np.linalg.matrix_rank(alike, tol=_RANK, hermitian=True))


def two_means(one: Sums, other: Sums, *, clustered: bool, adjusted: bool) -> TwoMeans:
    """The means of an arm and of the control, over the strata that they share.

    Args:
        one: sums over the customers of the arm.
        other: those of the control.
        clustered: whether whole clusters were assigned.
        adjusted: whether for what was brought before, and for being new.
    """
    if not (one.n.size and other.n.size):
        nothing = np.full(2, np.nan)
        return TwoMeans(nothing, np.full((2, 2), np.nan), 0.0, np.nan)
    arms = (one, other)
    strata, k = _strata_with_enough(arms, clustered)
    moments = _moments_of_rows(arms, adjusted=adjusted)
    parts = [_arm_of(rows, place, k) for rows, place in zip(moments, strata, strict=True)]
    size = parts[0].n + parts[1].n
    middle = (parts[0].n[:, None] * parts[0].z + parts[1].n[:, None] * parts[1].z) / size[:, None]
    share = size / size.sum()
    slopes = [part.slopes() for part in parts]
    means = np.array(
        [
            share @ (part.y + (middle - part.z) @ slope)
            for part, (slope, _) in zip(parts, slopes, strict=True)
        ]
    )
    told = _Told(parts, strata, moments, slopes, share, size, middle)
    if clustered:
        covariance, units, freedom = told.between_clusters(arms)
    else:
        covariance, units, freedom = told.between_customers()
    return TwoMeans(means, covariance, units, freedom)


def _strata_with_enough(arms: tuple[Sums, Sums], clustered: bool) -> tuple[list[Whole], int]:
    """The strata of each arm's rows, numbered anew, those with few units of an arm as one.

    Where even they are few together they join the smallest of the others.
    """
    n_strata = max(int(rows.stratum.max()) for rows in arms) + 1
    least = _FEWEST_CLUSTERS if clustered else FEWEST_IN_STRATUM
    units = np.array([_units_of_strata(rows, n_strata, clustered) for rows in arms])
    fine = (units >= least).all(axis=0)
    number = np.where(fine, np.cumsum(fine), 0)
    if fine.any() and not fine.all() and (units[:, ~fine].sum(axis=1) < least).any():
        number[~fine] = number[np.argmin(np.where(fine, units.sum(axis=0), np.inf))]
    places = [number[rows.stratum] for rows in arms]
    used = np.unique(np.concatenate(places))
    return [np.searchsorted(used, place) for place in places], int(used.size)


def _units_of_strata(rows: Sums, n_strata: int, clustered: bool) -> Floats:
    if not clustered:
        return np.bincount(rows.stratum, rows.n, n_strata).astype(np.float64)
    pairs = np.unique(np.stack([rows.stratum, rows.cluster]), axis=1)
    return np.bincount(pairs[0], minlength=n_strata).astype(np.float64)


def _moments_of_rows(arms: tuple[Sums, Sums], *, adjusted: bool) -> list[Floats]:
    """Of each row the sums of products of 1, y and the covariates.

    The covariates are what was brought before, for the new the mean of the others, and where there
    are enough of both in both arms whether they are new.
    """
    old = [float(rows.n[~rows.new].sum()) for rows in arms]
    new = [float(rows.n[rows.new].sum()) for rows in arms]
    told_apart = min(*old, *new) >= _FEWEST_NEW
    before = sum(float(rows.x[~rows.new].sum()) for rows in arms)
    fill = before / sum(old) if sum(old) else 0.0
    made = []
    for rows in arms:
        x = np.where(rows.new, rows.n * fill, rows.x)
        xx = np.where(rows.new, rows.n * fill**2, rows.xx)
        xy = np.where(rows.new, rows.y * fill, rows.xy)
        table = [[rows.n, rows.y, x], [rows.y, rows.yy, xy], [x, xy, xx]]
        if not adjusted:
            table = [row[:2] for row in table[:2]]
        elif told_apart:
            flag = [np.where(rows.new, values, 0.0) for values in (rows.n, rows.y, x, rows.n)]
            table = [[*row, one] for row, one in zip(table, flag, strict=False)] + [flag]
        made.append(np.moveaxis(np.array(table, dtype=np.float64), 2, 0))
    return made


def _arm_of(moments: Floats, stratum: Whole, n_strata: int) -> _Arm:
    """Moments by stratum, about their means; what is rounding is 0."""
    whole = np.zeros((n_strata, *moments.shape[1:]))
    np.add.at(whole, stratum, moments)
    n = whole[:, 0, 0]
    means = whole[:, 0, 1:] / n[:, None]
    squares = whole[:, 1:, 1:] - n[:, None, None] * means[:, :, None] * means[:, None, :]
    about_0 = np.diagonal(whole[:, 1:, 1:], axis1=1, axis2=2)
    varies = np.diagonal(squares, axis1=1, axis2=2) > _ROUNDING * about_0
    return _Arm(n, means, np.where(varies[:, :, None] & varies[:, None, :], squares, 0.0))


@dataclass(frozen=True, slots=True)
class _Told:
    """All that the errors of both means are made of."""

    parts: list[_Arm]
    strata: list[Whole]
    moments: list[Floats]
    slopes: list[tuple[Floats, int]]
    share: Floats
    size: Floats
    middle: Floats

    def between_customers(self) -> tuple[Floats, float, float]:
        """The covariance of customers assigned one by one; how many; degrees of freedom."""
        covariance, parts, freedoms = np.zeros((2, 2)), [], []
        for arm, (part, (slope, rank)) in enumerate(zip(self.parts, self.slopes, strict=True)):
            left = float((part.n - 1).sum())
            each, freedom = _residual_variances(part, slope, (left - rank) / left if left else 0.0)
            terms = self.share**2 * each / part.n
            covariance[arm, arm] = terms.sum()
            parts.append(terms)
            freedoms.append(freedom)
        common = self._spread_of_middle()
        b = np.array([slope for slope, _ in self.slopes])
        covariance += b @ common @ b.T
        apart = float((b[0] - b[1]) @ common @ (b[0] - b[1]))
        terms = np.concatenate([*parts, [apart]])
        freedom = np.concatenate([*freedoms, [float((self.size - 1).sum())]])
        return covariance, float(self.size.sum()), float(freedom_of_sum(terms, freedom))

    def _spread_of_middle(self) -> Floats:
        """The covariance of the common means of the covariates."""
        about = np.zeros((self.size.size, *self.parts[0].squares.shape[1:]))[:, 1:, 1:]
        for part in self.parts:
            off = part.z - self.middle
            about += part.squares[:, 1:, 1:]
            about += part.n[:, None, None] * off[:, :, None] * off[:, None, :]
        weight = self.share**2 / (self.size * np.maximum(self.size - 1, 1))
        return np.asarray((weight[:, None, None] * about).sum(axis=0))

    def between_clusters(self, arms: tuple[Sums, Sums]) -> tuple[Floats, float, float]:
        """The covariance of clusters assigned as a whole; how many; degrees of freedom."""
        covariance, units, parts, freedoms = np.zeros((2, 2)), 0.0, [], []
        for arm, rows in enumerate(arms):
            place = self.strata[arm]
            n, weight = rows.n, self.share[place] / self.size[place]
            off = self.moments[arm][:, 0, 2:] - n[:, None] * self.middle[place]
            adds = np.stack([weight * (off @ slope) for slope, _ in self.slopes])
            part, (slope, rank) = self.parts[arm], self.slopes[arm]
            own = self.moments[arm][:, 0, 2:] - n[:, None] * part.z[place]
            left = rows.y - n * part.y[place] - own @ slope
            adds[arm] += self.share[place] / part.n[place] * left
            _, cluster = np.unique(rows.cluster, return_inverse=True)
            sums = np.array([np.bincount(cluster, values) for values in adds])
            sizes, pulls = np.bincount(cluster, n), np.bincount(cluster, n / part.n[place])
            c, k = sizes.size, self.share.size + rank
            slopes = (c - self.share.size) / (c - k) if c > k else np.nan
            added = sums / (1 - pulls if c > k else np.nan) @ sums.T * slopes
            covariance, units = covariance + added, units + c
            parts.append(added[0, 0] + added[1, 1] - 2 * added[0, 1])
            freedoms.append(intervals.effective_n(sizes.sum(), (sizes**2).sum())[()] - k)
        return covariance, units, float(freedom_of_sum(np.array(parts), np.array(freedoms)))


def _residual_variances(part: _Arm, slope: Floats, left: float) -> tuple[Floats, Floats]:
    """The variance within each stratum that the slopes leave, and its degrees of freedom."""
    away = np.append(1.0, -slope)
    squares = np.einsum("i,kij,j->k", away, part.squares, away)
    freedom = (part.n - 1) * left
    known = freedom > 0
    floor = _ROUNDING * part.squares[:, 0, 0]
    squares = np.where(squares > floor, squares, 0.0)
    each = np.divide(squares, freedom, out=np.full(squares.size, np.nan), where=known)
    return each, freedom

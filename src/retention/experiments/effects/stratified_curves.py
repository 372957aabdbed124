"""How many of an arm stay to the horizon, or how long they stay within it: from counted rows.

In each stratum a Kaplan–Meier curve; the strata are weighted by all their customers, of both arms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from retention import intervals
from retention.numerics import step_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.experiments.effects.followed_customers import Followed

    Floats = NDArray[np.float64]
    Whole = NDArray[np.intp]

Of = Literal["survival", "lifetime"]

FEWEST_IN_STRATUM = 10
"""Strata with fewer known customers in an arm are taken together."""

_FEWEST_CLUSTERS = 2  # in an arm of a stratum: of one cluster nothing tells how clusters differ


@dataclass(frozen=True, slots=True)
class ArmEstimate:
    """The figure of one arm.

    Attributes:
        value: the share that stays to the horizon, or the days within it; NaN if not known.
        variance: of that figure, the strata being as they are; NaN if not known.
        of_mix: what the figure varies more as other customers would mix the strata otherwise.
        n_known: customers who left by the horizon or were followed to it.
        units: those, or clusters where these are the unit.
        freedom: the effective number of clusters less one for each stratum; infinite without.
    """

    value: float
    variance: float
    of_mix: float
    n_known: float
    units: float
    freedom: float


@dataclass(frozen=True, slots=True)
class _Steps:
    """The curve of each stratum: a row a stratum, a column a day on which somebody left.

    Attributes:
        value: the figure of each stratum.
        weight: what a step of the cumulative hazard takes from it.
        terms: d / (Y (Y − d)), 0 where all are gone.
        single: 1 / (Y − d), likewise.
    """

    value: Floats
    weight: Floats
    terms: Floats
    single: Floats


def estimates_of_pair(
    arm: Followed, control: Followed, *, of: Of, horizon: int, clustered: bool
) -> tuple[ArmEstimate, ArmEstimate]:
    """The figures of an arm and of the control, over the strata that they share.

    Args:
        arm: the counted customers of the arm.
        control: those of the control.
        of: the share that stays to the horizon, or the mean of the days within it.
        horizon: in days.
        clustered: whether whole clusters were assigned.
    """
    strata, n_strata = _strata_known_enough((arm, control), horizon, clustered)
    size = np.zeros(n_strata)
    for rows, stratum in zip((arm, control), strata, strict=True):
        size += np.bincount(stratum, rows.n, n_strata)
    one, other = (
        _estimate_of_arm(rows, stratum, size, of=of, horizon=horizon, clustered=clustered)
        for rows, stratum in zip((arm, control), strata, strict=True)
    )
    return one, other


def _strata_known_enough(
    arms: tuple[Followed, Followed], horizon: int, clustered: bool
) -> tuple[list[Whole], int]:
    """The strata of each arm's rows, numbered anew, those in which little is known as one.

    Where even they know too little they join the smallest of the others.
    """
    if not all(rows.n.size for rows in arms):
        return [np.zeros(rows.n.size, np.intp) for rows in arms], 1
    n = max(int(rows.stratum.max()) for rows in arms) + 1
    known = np.array([_known_units(rows, rows.stratum, n, horizon, clustered) for rows in arms])
    fine = (known >= (_FEWEST_CLUSTERS if clustered else FEWEST_IN_STRATUM)).all(axis=0)
    number = np.where(fine, np.cumsum(fine), 0)  # 0: together
    if not fine.all():
        rest = [
            _known_units(rows, (number[rows.stratum] > 0).astype(np.intp), 2, horizon, clustered)[0]
            for rows in arms
        ]
        if fine.any() and min(rest) < (_FEWEST_CLUSTERS if clustered else FEWEST_IN_STRATUM):
            smallest = int(np.argmin(np.where(fine, known.sum(axis=0), np.inf)))
            number = np.where(fine, number, number[smallest])
    places = [number[rows.stratum] for rows in arms]
    used = np.unique(np.concatenate(places))
    return [np.searchsorted(used, place) for place in places], int(used.size)


def _known_units(
    rows: Followed, stratum: Whole, n_strata: int, horizon: int, clustered: bool
) -> Floats:
    """Of each stratum how many customers (or clusters) are known; 0 if its curve ends too early."""
    known = rows.left | (rows.day >= horizon)
    customers = np.bincount(stratum, np.where(known, rows.n, 0), n_strata)
    reached = np.bincount(stratum, (rows.day >= horizon) * rows.n, n_strata) > 0
    all_known = np.bincount(stratum, np.where(known, 0, rows.n), n_strata) == 0
    if clustered:
        pairs = np.unique(np.stack([stratum, rows.cluster]), axis=1)
        customers = np.where(customers > 0, np.bincount(pairs[0], minlength=n_strata), 0)
    return np.where(reached | all_known, customers, 0.0)


def _estimate_of_arm(
    rows: Followed, stratum: Whole, size: Floats, *, of: Of, horizon: int, clustered: bool
) -> ArmEstimate:
    n = max(float(size.sum()), 1.0)
    share = size / n
    known = rows.left | (rows.day >= horizon)
    n_known = float(rows.n[known].sum())
    if not rows.n.size:
        return ArmEstimate(np.nan, np.nan, 0.0, 0.0, 0.0, np.inf)
    if not _known_units(rows, stratum, share.size, horizon, clustered=False).all():
        return ArmEstimate(np.nan, np.nan, 0.0, n_known, n_known, np.inf)
    times = np.unique(rows.day[rows.left])
    steps = _steps_of_strata(rows, stratum, share.size, times, of, horizon)
    value = float(share @ steps.value)
    if clustered:
        variance, units, freedom = _variance_between_clusters(rows, stratum, share, times, steps)
        return ArmEstimate(value, variance, 0.0, n_known, units, freedom)
    each = np.bincount(stratum, np.where(known, rows.n, 0), share.size)
    single = share.size == 1
    widened = 1.0 if single else each / np.maximum(each - 1, 1)
    variance = float((share**2 * widened * (steps.weight**2 * steps.terms).sum(axis=1)).sum())
    if not variance:
        variance = _variance_of_nothing_seen(value, n_known) if of == "survival" else np.nan
    of_mix = float(share @ (steps.value - value) ** 2) / n
    return ArmEstimate(value, variance, of_mix, n_known, n_known, np.inf)


def _variance_of_nothing_seen(share: float, n: float) -> float:
    """The variance of a share of which all or nothing was seen: half a customer counts each way."""
    middle = (share * n + 0.5) / (n + 1)
    return middle * (1 - middle) / (n + 1)


def _steps_of_strata(
    rows: Followed, stratum: Whole, n_strata: int, times: NDArray[np.int64], of: Of, horizon: int
) -> _Steps:
    reached = np.searchsorted(times, rows.day, side="right")  # how many times are not after it
    width = times.size + 1
    shape = (n_strata, width)
    followed = np.bincount(stratum * width + reached, rows.n, n_strata * width).reshape(shape)
    at_risk = np.cumsum(followed[:, ::-1], axis=1)[:, ::-1][:, 1:]
    leaving = np.where(rows.left, rows.n, 0)
    ended = np.bincount(stratum * width + reached, leaving, n_strata * width).reshape(shape)[:, 1:]
    curve = np.cumprod(1 - step_functions.hazard(ended, at_risk), axis=1)
    if of == "survival":
        value = curve[:, -1] if times.size else np.ones(n_strata)
        weight = np.repeat(value[:, None], times.size, axis=1)
    else:
        pieces = curve * np.diff(np.append(times, horizon))
        weight = np.cumsum(pieces[:, ::-1], axis=1)[:, ::-1]
        value = (times[0] + weight[:, 0]) if times.size else np.full(n_strata, float(horizon))
    left = at_risk - ended
    single = np.divide(1.0, left, out=np.zeros_like(left), where=left > 0)
    terms = np.divide(ended, at_risk, out=np.zeros_like(left), where=at_risk > 0) * single
    return _Steps(np.asarray(value, np.float64), weight, terms, single)


def _variance_between_clusters(
    rows: Followed, stratum: Whole, share: Floats, times: NDArray[np.int64], steps: _Steps
) -> tuple[float, float, float]:
    """The variance of sums by cluster of what each customer adds; clusters; degrees of freedom.

    A customer who left at u adds −W_u / (Y_u − d_u) + Σ over v ≤ u of W_v d_v / (Y_v (Y_v − d_v)),
    one followed up to u the second term alone: the derivative of the figure by their weight. A
    cluster with the part p of its arm (and stratum) pulls the figure its own way by p, so that its
    square is 1 − p of what it should be.
    """
    reached = np.searchsorted(times, rows.day, side="right")
    zero = np.zeros((share.size, 1))
    gained = np.hstack([zero, np.cumsum(steps.weight * steps.terms, axis=1)])[stratum, reached]
    lost = np.hstack([zero, steps.weight * steps.single])[stratum, reached]
    adds = share[stratum] * rows.n * (gained - np.where(rows.left, lost, 0.0))
    _, cluster = np.unique(rows.cluster, return_inverse=True)
    sums, sizes = np.bincount(cluster, adds), np.bincount(cluster, rows.n)
    n, squares = sizes.size, sums**2
    if n <= share.size or not squares.any():
        return np.nan, float(n), np.nan
    whole = np.bincount(stratum, rows.n, share.size)
    part = np.bincount(cluster, rows.n / whole[stratum])
    effective = float(intervals.effective_n(sizes.sum(), (sizes.astype(float) ** 2).sum())[()])
    return float((squares / (1 - part)).sum()), float(n), effective - share.size

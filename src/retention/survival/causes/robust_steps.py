"""Errors of predicted chances where rows of a cluster depend on one another.

What a baseline or coefficient gains as the rows of a cluster weigh a little more is the influence
of the cluster; sums of products of these over clusters are the covariances of all of them, of all
reasons together. Of the baselines they are kept for stretches of durations, so that a model stays
small: within a stretch what a step does to a chance is taken as its mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention.numerics.newton import covariance_of_estimates
from retention.survival.cox.partial_likelihood import score_residuals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.cox.fit import Fit
    from retention.survival.cox.partial_likelihood import RiskData

    Floats = NDArray[np.float64]

_STRETCHES = 200
"""Of all reasons and strata together, but no fewer than 5 of each, nor more than 50."""

_CLUSTERS = 20_000  # at a time: their products are added up


class RobustSteps(BaseModel):
    """Covariances of the baselines of one stratum and of the coefficients.

    Attributes:
        until: the last duration of each stretch.
        covariance: of what the baselines add in each stretch, reason by reason, then of the
            coefficients, reason by reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    until: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]


def robust_steps(fits: Sequence[Fit], members: NDArray[np.intp]) -> tuple[RobustSteps, ...]:
    """The covariances of each stratum; none if there are no more clusters than coefficients.

    The influences of all clusters are 0 together, so that one alone would seem to be sure.

    Args:
        fits: of each reason, to the same rows.
        members: the number of each row's cluster.
    """
    n_strata, n = fits[0].data.stratum_starts.size, int(members.max()) + 1
    if n <= max(1, *(int(fit.keep.sum()) for fit in fits)):
        return ()
    moved = [_influence_on_coefficients(fit, members, n) for fit in fits]
    most = int(np.clip(_STRETCHES // (len(fits) * n_strata), 5, 50))
    made = []
    for stratum in range(n_strata):
        until = _ends_of_stretches(fits, stratum, most)
        parts = [_influence_on_steps(fit, members, n, stratum, until) for fit in fits]
        total = np.concatenate([*parts, *moved], axis=1)
        covariance = sum(
            (total[i : i + _CLUSTERS].T @ total[i : i + _CLUSTERS] for i in range(0, n, _CLUSTERS)),
            np.zeros((total.shape[1], total.shape[1])),
        )
        covariance = np.nan_to_num(covariance)
        made.append(
            RobustSteps(
                until=tuple(until.tolist()), covariance=tuple(map(tuple, covariance.tolist()))
            )
        )
    return tuple(made)


def _bins_of_stratum(data: RiskData, stratum: int) -> slice:
    edges = [*data.stratum_starts.tolist(), data.starts.size]
    return slice(edges[stratum], edges[stratum + 1])


def _ends_of_stretches(fits: Sequence[Fit], stratum: int, most: int) -> Floats:
    """The last duration of each stretch, about as many ends in each."""
    data = fits[0].data
    here = _bins_of_stratum(data, stratum)
    ends = np.sum([fit.data.n_ends[here] for fit in fits], axis=0)
    some = np.flatnonzero(ends)
    time = np.asarray(data.time[here], np.float64)[some]
    if time.size <= most:
        return time
    so_far = np.cumsum(ends[some])
    last = np.searchsorted(so_far, np.linspace(0, so_far[-1], most + 1)[1:])
    return np.asarray(time[np.unique(np.minimum(last, time.size - 1))])


def _influence_on_coefficients(fit: Fit, members: NDArray[np.intp], n: int) -> Floats:
    """Of each cluster, in the units of the covariates; 0 for terms that are not told."""
    made = np.zeros((n, fit.keep.size))
    inverse = np.nan_to_num(covariance_of_estimates(fit.found.hessian))
    residuals = score_residuals(fit.data, fit.sums)
    weight = np.empty(members.size)
    weight[fit.data.order] = fit.data.weight
    moved = (residuals * weight[:, None]) @ inverse / fit.scale
    for place, column in zip(np.flatnonzero(fit.keep).tolist(), moved.T, strict=True):
        made[:, place] = np.bincount(members, column, minlength=n)
    return made


def _influence_on_steps(
    fit: Fit, members: NDArray[np.intp], n: int, stratum: int, until: Floats
) -> Floats:
    """Of each cluster on what the baseline adds in each stretch, for known coefficients.

    An end adds its part a/d of the step, and a row at risk takes off risk · p (Efron: less risk · q
    at its own end).
    """
    data, sums = fit.data, fit.sums
    here = _bins_of_stratum(data, stratum)
    rows = np.flatnonzero((data.bin >= here.start) & (data.bin < here.stop))
    own = data.bin[rows]
    since = np.full(rows.size, here.start)
    if data.entry_bin is not None:
        since = np.maximum(since, data.entry_bin[rows] + 1)
    member, weight = members[data.order[rows]], data.weight[rows] * np.exp(-sums.shift)
    risk = np.asarray(sums.risk[rows], np.float64)
    passed = np.append(0.0, np.cumsum(sums.p.astype(np.float64)))
    last = here.start + np.searchsorted(data.time[here], until, side="right")
    first = np.append(here.start, last[:-1])
    part = np.divide(sums.a, data.n_ends, out=np.zeros(sums.a.size), where=data.n_ends > 0)
    gained = data.churned[rows] * (part[own] + risk * sums.q[own])
    made = np.empty((n, until.size))
    for b, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        to, start = np.minimum(own + 1, high), np.maximum(since, low)
        change = -risk * np.where(to > start, passed[to] - passed[np.minimum(start, to)], 0.0)
        change += np.where((own >= low) & (own < high), gained, 0.0)
        made[:, b] = np.bincount(member, change * weight, minlength=n)
    return made

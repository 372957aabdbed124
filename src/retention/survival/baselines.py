"""The baseline of a Cox model: a step function a stratum, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention.survival import steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.risk_sums import RiskData, RiskSums

    Floats = NDArray[np.float64]

MOST_VARIANCES = 1_000
"""Variances are kept at no more than so many durations: beyond that bounds hardly change."""

_NODES = 257
_DIRECT = 2_000_000  # rows × steps that are simply added up
_MOST_STEPS = 20_000
_SPENT = 12.0  # where so much hazard lies behind, differences of areas lose their digits


class Baseline(BaseModel):
    """The cumulative hazard of one stratum at the mean of the covariates.

    Attributes:
        stratum: its labels.
        duration: the durations at which spells end.
        cumulative_hazard: after each of them.
        follow_up: the longest duration that was seen.
        variance_duration: the durations at which the next two are kept.
        variance: of the cumulative hazard, for known coefficients.
        drift: Σ hazard · (mean covariates of those at risk − means), which carries the variance of
            the coefficients into that of a prediction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stratum: tuple[str, ...]
    duration: tuple[float, ...]
    cumulative_hazard: tuple[float, ...]
    follow_up: float
    variance_duration: tuple[float, ...]
    variance: tuple[float, ...]
    drift: tuple[tuple[float, ...], ...]

    def between(self, start: Floats, end: Floats) -> Between:
        """The hazard that lies between two times, its variance and its drift."""
        duration, hazard = np.array(self.duration), np.array(self.cumulative_hazard)
        kept = np.array(self.variance_duration)
        first, last = (np.searchsorted(kept, time, side="right") for time in (start, end))
        variance = np.concatenate([[0.0], self.variance])
        drift = np.array(self.drift).reshape(kept.size, -1)
        drift = np.concatenate([np.zeros((1, drift.shape[1])), drift])
        return Between(
            hazard=steps.at(duration, hazard, end, 0.0) - steps.at(duration, hazard, start, 0.0),
            variance=variance[last] - variance[first],
            drift=drift[last] - drift[first],
        )


@dataclass(frozen=True, slots=True)
class Between:
    """What lies between two times of a baseline, one element a customer."""

    hazard: Floats
    variance: Floats
    drift: Floats


def baselines(
    data: RiskData,
    sums: RiskSums,
    strata: Sequence[tuple[str, ...]],
    scale: Floats,
    keep: NDArray[np.bool_],
) -> tuple[Baseline, ...]:
    """The baselines from the risk sums at the fitted coefficients.

    Args:
        data: the spells.
        sums: the sums at the coefficients of the scaled design.
        strata: their labels, in the order of the strata in `data`.
        scale: the standard deviations by which the design was divided.
        keep: which terms the design has, of all terms; the others do not drift.
    """
    shrunk = np.exp(-sums.shift)
    drift = np.zeros((sums.a.size, keep.size))
    drift[:, keep] = (sums.s1 * sums.p[:, None] - sums.d1 * sums.q[:, None]) * scale * shrunk
    edges = [*data.stratum_starts.tolist(), data.starts.size]
    made = []
    for key, (first, last) in zip(strata, pairwise(edges), strict=True):
        own = data.events[(data.events >= first) & (data.events < last)]
        hazard, spread = np.cumsum(sums.a[own]) * shrunk, np.cumsum(sums.p[own]) * shrunk**2
        size = max(1, -(-own.size // MOST_VARIANCES))
        kept = np.arange(own.size)[::-1][::size][::-1]
        made.append(
            Baseline(
                stratum=key,
                duration=tuple(data.time[own].astype(np.float64).tolist()),
                cumulative_hazard=tuple(hazard.tolist()),
                follow_up=float(data.time[last - 1]),
                variance_duration=tuple(data.time[own[kept]].astype(np.float64).tolist()),
                variance=tuple(spread[kept].tolist()),
                drift=tuple(map(tuple, np.cumsum(drift[own], axis=0)[kept].tolist())),
            )
        )
    return tuple(made)


def step_area(
    duration: Floats, hazard: Floats, eta: Floats, start: Floats, horizon: float
) -> Floats:
    """∫ over 0 ≤ u ≤ horizon of exp(−e^η (H(start + u) − H(start))) du, for each row.

    Many rows are read off a table over values of η, with six-point interpolation between them (a
    relative error below 1e-7); so are baselines of more than 20,000 steps, thinned to that many.
    """
    if eta.size * duration.size <= _DIRECT:
        return _added_up(duration, hazard, np.exp(eta), start, horizon)
    if duration.size > _MOST_STEPS:
        kept = np.linspace(0, duration.size - 1, _MOST_STEPS).astype(np.intp)
        duration, hazard = duration[kept], hazard[kept]
    risk = np.exp(eta)
    behind = steps.at(duration, hazard, start, 0.0)
    ahead = np.flatnonzero(risk * behind > _SPENT)
    found = _looked_up(duration, hazard, eta, start, horizon)
    for i in range(0, ahead.size, max(1, _DIRECT // duration.size)):
        rows = ahead[i : i + max(1, _DIRECT // duration.size)]
        found[rows] = _added_up(duration, hazard, risk[rows], start[rows], horizon)
    return found


def _added_up(
    duration: Floats, hazard: Floats, risk: Floats, start: Floats, horizon: float
) -> Floats:
    """Step by step: exact, and as many numbers as there are rows and steps."""
    end = start + horizon
    edges = np.clip(duration[None, :], start[:, None], end[:, None])
    widths = np.diff(np.concatenate([start[:, None], edges, end[:, None]], axis=1), axis=1)
    heights = (
        np.concatenate([[0.0], hazard])[None, :] - steps.at(duration, hazard, start, 0.0)[:, None]
    )
    return np.asarray((widths * np.exp(-risk[:, None] * np.maximum(heights, 0.0))).sum(axis=1))


def _looked_up(
    duration: Floats, hazard: Floats, eta: Floats, start: Floats, horizon: float
) -> Floats:
    """From prefix areas at equally spaced values of η, interpolated."""
    low, high = float(eta.min()), float(eta.max())
    nodes = np.linspace(low, max(high, low + 1e-6), _NODES)
    step = nodes[1] - nodes[0]
    edges = np.concatenate([[0.0], duration])
    survival = np.exp(-np.concatenate([[0.0], hazard])[:, None] * np.exp(nodes)[None, :])
    filled = np.cumsum(survival[:-1] * np.diff(edges)[:, None], axis=0)
    filled = np.concatenate([np.zeros((1, _NODES)), filled])
    found = np.empty(eta.size)
    for i in range(0, eta.size, 65_536):
        rows = slice(i, i + 65_536)
        first = np.clip(((eta[rows] - low) / step).astype(np.intp) - 2, 0, _NODES - 6)
        where = (eta[rows] - low) / step - first
        a, b = (
            np.searchsorted(edges, t, "right") - 1 for t in (start[rows], start[rows] + horizon)
        )
        more = [(t - edges[k]) for t, k in ((start[rows], a), (start[rows] + horizon, b))]
        total = np.zeros(where.size)
        for j, share in enumerate(_lagrange(where)):
            node = first + j
            upto = filled[b, node] + more[1] * survival[b, node]
            total += (
                share * (upto - filled[a, node] - more[0] * survival[a, node]) / survival[a, node]
            )
        found[rows] = total
    return found


def _lagrange(where: Floats) -> list[Floats]:
    """The weights of six equally spaced points 0 … 5 at a place among them."""
    weights = []
    for j in range(6):
        others = [k for k in range(6) if k != j]
        product = np.ones(where.size)
        for k in others:
            product *= (where - k) / (j - k)
        weights.append(product)
    return weights

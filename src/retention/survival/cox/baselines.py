"""The baseline of a Cox model: a step function a stratum, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention.numerics import step_functions
from retention.survival.counts.observation import Unseen, unseen_between, unseen_of_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.cox.partial_likelihood import RiskData, RiskSums

    Floats = NDArray[np.float64]

MOST_VARIANCES = 1_000
"""Variances are kept at no more than so many durations, and interpolated between them."""


class Baseline(BaseModel):
    """The cumulative hazard of one stratum at the mean of the covariates.

    Attributes:
        stratum: its labels.
        duration: the durations at which spells end.
        cumulative_hazard: after each of them.
        follow_up: the longest duration that was seen.
        unseen: stretches before it, from and until, in which nobody was under observation.
        variance_duration: the durations at which the next two are kept; none if they are not known.
        variance: of the cumulative hazard, for known coefficients.
        drift: Σ hazard · (mean covariates of those at risk − means), which carries the variance of
            the coefficients into that of a prediction.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stratum: tuple[str, ...]
    duration: tuple[float, ...]
    cumulative_hazard: tuple[float, ...]
    follow_up: float
    unseen: tuple[tuple[float, float], ...] = ()
    variance_duration: tuple[float, ...]
    variance: tuple[float, ...]
    drift: tuple[tuple[float, ...], ...]

    @property
    def hidden(self) -> Unseen:
        """The stretches in which nobody was under observation."""
        since, until = ([pair[i] for pair in self.unseen] for i in (0, 1))
        ended = bool(self.duration and self.duration[0] <= 0)
        return unseen_between(since, until, ended_at_start=ended)

    @cached_property
    def path(self) -> Path:
        """The same as arrays, made once."""
        duration, known = np.array(self.duration), np.array(self.variance_duration)
        spread = np.full((1, 2), np.nan if duration.size else 0.0)
        if known.size:
            drift = np.array(self.drift).reshape(known.size, -1)
            spread = np.concatenate([np.array(self.variance)[:, None], drift], axis=1)
            spread = np.concatenate([np.zeros((1, spread.shape[1])), spread])
        kept = np.concatenate([[0], np.searchsorted(duration, known, side="right")])
        passed = np.arange(duration.size + 1)
        before = np.searchsorted(kept, passed, side="right") - 1
        after = np.minimum(before + 1, kept.size - 1)
        return Path(
            duration=duration,
            hazard=np.array(self.cumulative_hazard),
            follow_up=self.follow_up,
            unseen=self.hidden,
            spread=spread,
            before=before,
            share=(passed - kept[before]) / np.maximum(kept[after] - kept[before], 1),
        )


@dataclass(frozen=True, slots=True)
class Between:
    """What lies between two times of a baseline, one element a customer."""

    hazard: Floats
    variance: Floats
    drift: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A baseline as arrays.

    Attributes:
        duration: the durations at which spells end.
        hazard: cumulative, after each of them.
        follow_up: the longest duration that was seen.
        unseen: the stretches in which nobody was under observation.
        spread: variance and drift, from 0 on, where they are kept.
        before: for each number of steps passed the row of `spread` at or before it.
        share: how far it lies on the way to the next row.
    """

    duration: Floats
    hazard: Floats
    follow_up: float
    unseen: Unseen
    spread: Floats
    before: NDArray[np.intp]
    share: Floats

    def between(self, start: Floats, end: Floats) -> Between:
        """The hazard that lies between two times, its variance and its drift; NaN if not seen."""
        first, last = (
            step_functions.n_passed(self.duration, start),
            step_functions.n_passed(self.duration, end),
        )
        total = np.concatenate([[0.0], self.hazard])
        hazard = np.where(self.is_observed(start, end), total[last] - total[first], np.nan)
        spread = self.variance_and_drift(last) - self.variance_and_drift(first)
        return Between(hazard, spread[:, 0], spread[:, 1:])

    def is_observed(self, start: Floats, end: Floats) -> NDArray[np.bool_]:
        """Whether somebody was under observation from `start`, or the first entry, to `end`."""
        return np.asarray((end <= self.follow_up) & (self.unseen.first_unknown(start, end) < 0))

    def variance_and_drift(self, passed: NDArray[np.intp]) -> Floats:
        """Variance and drift after so many steps, interpolated where not all are kept."""
        if self.spread.shape[0] == self.before.size:
            return np.take(self.spread, passed, axis=0)
        rise = np.diff(self.spread, axis=0, append=self.spread[-1:])
        before = self.before[passed]
        way = self.share[passed, None] * np.take(rise, before, axis=0)
        return np.asarray(np.take(self.spread, before, axis=0) + way)


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
    shrunk = np.exp(-sums.a.dtype.type(sums.shift))
    drift = sums.s1[data.events] * sums.p[data.events, None]
    if data.has_ties:
        drift -= sums.d1[data.events] * sums.q[data.events, None]
    drift = drift * (scale * shrunk)
    edges = [*data.stratum_starts.tolist(), data.starts.size]
    made = []
    for key, (first, last) in zip(strata, pairwise(edges), strict=True):
        here = slice(*np.searchsorted(data.events, [first, last]).tolist())
        own = data.events[here]
        hazard, spread = np.cumsum(sums.a[own] * shrunk), np.cumsum(sums.p[own] * shrunk**2)
        size = max(1, -(-own.size // MOST_VARIANCES))
        kept = np.arange(own.size)[::-1][::size][::-1]
        if data.sampled:  # what ends weigh differs: the sums above are then no variances
            kept = kept[:0]
        made.append(
            Baseline(
                stratum=key,
                duration=_finite_tuple(data.time[own]),
                cumulative_hazard=_finite_tuple(hazard),
                follow_up=float(data.time[last - 1]),
                unseen=_unseen_of_stratum(data, first, last),
                variance_duration=_finite_tuple(data.time[own[kept]]),
                variance=_finite_tuple(spread[kept]),
                drift=_drift_of_all_terms(np.cumsum(drift[here], axis=0)[kept], keep),
            )
        )
    return tuple(made)


def _drift_of_all_terms(kept: Floats, keep: NDArray[np.bool_]) -> tuple[tuple[float, ...], ...]:
    """For all terms, 0 for those that are left out."""
    wide = np.zeros((kept.shape[0], keep.size))
    wide[:, keep] = _clipped_to_numbers(kept)
    return tuple(map(tuple, wide.tolist()))


def _finite_tuple(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(_clipped_to_numbers(values).tolist())


def _clipped_to_numbers(values: NDArray[Any]) -> Floats:
    """As a value may hold them: where risks are beyond all bounds, the largest number there is."""
    most = np.finfo(np.float64).max
    return np.asarray(np.clip(values, -most, most), np.float64)


def _unseen_of_stratum(data: RiskData, first: int, last: int) -> tuple[tuple[float, float], ...]:
    """Stretches of a stratum, given by its bins, in which nobody is under observation."""
    if data.entry is None:
        return ()
    ends = [*data.starts.tolist(), data.bin.size]
    rows = slice(ends[first], ends[last])
    found = unseen_of_rows(data.entry[rows], data.time[data.bin[rows]], data.churned[rows])
    return tuple(zip(found.since.tolist(), found.until.tolist(), strict=True))

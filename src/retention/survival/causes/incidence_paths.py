"""Aalen–Johansen of fitted hazards: the chance of each reason, customer by customer.

Hazards step up at the durations at which somebody left. With D_k the step of reason k at u, D that
of all of them together, the chance of still being here falls from S(u−) to S(u−) e^(−D) there, and
what it falls by is parted among the reasons as D_k / D: no chance is below 0 or above 1, and those
of the reasons and of staying add up to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics import step_functions
from retention.numerics.frozen import array_of_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from retention.survival.causes.robust_steps import RobustSteps
    from retention.survival.cox.model import CoxModel

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

_CELLS = 500_000  # customers × durations at a time: they stay in the cache


@dataclass(frozen=True, slots=True)
class ReasonSteps:
    """The baselines of one stratum at the durations at which anybody left, reason by reason.

    Attributes:
        duration: those durations.
        hazard: what each adds to the cumulative hazard, a row per reason.
        variance: to its variance, for known coefficients.
        drift: to what carries the variance of the coefficients over: reason, duration, term.
        covariance: of the coefficients of each reason.
        known: whether the model of every reason has errors.
        robust: with clusters, the covariance of all stretches and coefficients together, and the
            part of each step in its stretch: reason, duration, stretch.
    """

    duration: Floats
    hazard: Floats
    variance: Floats
    drift: Floats
    covariance: Floats
    known: bool
    robust: tuple[Floats, Floats] | None = None


def steps_of_stratum(
    models: Sequence[CoxModel], stratum: int, robust: Sequence[RobustSteps] = ()
) -> ReasonSteps:
    """The baselines of a stratum side by side."""
    paths = [model.baselines[stratum].path for model in models]
    duration = np.unique(np.concatenate([path.duration for path in paths]))
    few = models[0].cluster is not None and not robust  # clusters, for any errors
    n, p = duration.size, len(models[0].coef)
    hazard, spread = np.zeros((len(paths), n)), np.zeros((len(paths), n, 1 + p))
    for k, path in enumerate(paths):
        total = step_functions.values_at(path.duration, path.hazard, duration, 0.0)
        hazard[k] = np.diff(total, prepend=0.0)
        passed = step_functions.n_passed(path.duration, duration)
        kept = path.variance_and_drift(passed)
        kept = kept if kept.shape[1] == 1 + p else np.zeros((n, 1 + p))
        spread[k] = np.diff(kept, axis=0, prepend=np.zeros((1, 1 + p)))
    return ReasonSteps(
        duration=duration,
        hazard=hazard,
        variance=spread[:, :, 0],
        drift=spread[:, :, 1:],
        covariance=np.nan_to_num([array_of_table(each.covariance, p) for each in models]),
        known=not few and all(model.status == "converged" for model in models),
        robust=_parts_of_stretches(duration, hazard, robust[stratum]) if robust else None,
    )


def _parts_of_stretches(
    duration: Floats, hazard: Floats, robust: RobustSteps
) -> tuple[Floats, Floats]:
    """The covariance, and which part of its stretch each step is."""
    until = np.array(robust.until)
    block = np.minimum(np.searchsorted(until, duration), until.size - 1)
    inside = block[:, None] == np.arange(until.size)
    total = (hazard @ inside)[:, block]
    part = np.divide(hazard, total, out=np.zeros_like(hazard), where=total > 0)
    return np.array(robust.covariance), part[:, :, None] * inside


@dataclass(frozen=True, slots=True)
class ReasonChances:
    """Chances by customer, time and reason, their variances, and the chance of staying."""

    incidence: Floats
    variance: Floats
    survival: Floats


def chances_of_reasons(
    models: Sequence[CoxModel], steps: ReasonSteps, design: Floats, start: Floats, ends: Floats
) -> ReasonChances:
    """The chance of leaving for each reason after `start` up to each end, given still here then.

    Args:
        models: of each reason.
        steps: their baselines in the stratum of all these customers.
        design: covariates, a row per customer.
        start: the tenure of each.
        ends: a column for each time.
    """
    eta = np.stack([model.risk_score(design) for model in models], axis=1)
    first = step_functions.n_passed(steps.duration, start)
    last = np.zeros(ends.shape, np.intp)
    for h, end in enumerate(ends.T):
        last[:, h] = step_functions.n_passed(steps.duration, end)
    one, back = _distinct_customers(eta, first, last)
    shape = (one.size, ends.shape[1], len(models))
    made = ReasonChances(np.zeros(shape), np.zeros(shape), np.ones(shape[:2]))
    away = design[one] - np.array(models[0].means)
    for rows in _blocks_of_customers(first[one], last[one]):
        here = one[rows]
        paths = _paths(steps, np.exp(np.minimum(eta[here], 700.0)), first[here], last[here])
        for h in range(shape[1]):
            found = paths.up_to(last[here, h], away[rows])
            made.incidence[rows, h], made.variance[rows, h], made.survival[rows, h] = found
    return ReasonChances(made.incidence[back], made.variance[back], made.survival[back])


def _distinct_customers(eta: Floats, first: Places, last: Places) -> tuple[Places, Places]:
    """One row of each that is like others, and for every row its place among these."""
    from pandas import factorize

    code = np.zeros(first.size, np.int64)
    for column in (*eta.T, first, *last.T):
        own, distinct = factorize(column)
        code = factorize(code * (len(distinct) + 1) + own)[0].astype(np.int64)
    one = np.unique(code, return_index=True)[1]
    return one[np.argsort(first[one], kind="stable")], _places_after_sort(code, one, first)


def _places_after_sort(code: NDArray[np.int64], one: Places, first: Places) -> Places:
    order = np.argsort(first[one], kind="stable")
    place = np.empty(one.size, np.intp)
    place[order] = np.arange(one.size)
    return np.asarray(place[code])


def _blocks_of_customers(first: Places, last: Places) -> Iterator[slice]:
    """Some at a time, who are sorted by their first step."""
    low = 0
    while low < first.size:
        width = max(1, int(last[low:].max(initial=0) - first[low]))
        high = min(first.size, low + max(1, _CELLS // width))
        yield slice(low, high)
        low = high


@dataclass(frozen=True, slots=True)
class _Paths:
    """Some customers at the steps ahead of any of them: a row each.

    Attributes:
        steps: the baselines.
        here: which of their steps.
        place: the number of each step.
        first: the step each customer begins at.
        risk: e^η, a column per reason.
        after: the chance of still being here after each step.
        slope: what F_k gains there as the hazard of k grows.
        lost: what each F_k gains as the hazard of whatever reason grows, at this step.
        share: F_k after each step.
    """

    steps: ReasonSteps
    here: slice
    place: Places
    first: Places
    risk: Floats
    after: Floats
    slope: Floats
    lost: Floats
    share: Floats

    def up_to(self, last: Places, away: Floats) -> tuple[Floats, Floats, Floats]:
        """Chances, their variances, and that of staying, before the step `last` of each."""
        n, k = self.risk.shape
        at = last - self.place[0] - 1 if self.place.size else np.full(n, -1)
        rows, none = np.arange(n), (last <= self.first)[:, None]
        if not self.place.size:
            return np.zeros((n, k)), np.zeros((n, k)), np.ones(n)
        share = np.where(none, 0.0, self.share[:, rows, at].T)
        stay = np.where(none[:, 0], 1.0, self.after[rows, at])
        if not self.steps.known:
            return share, np.full((n, k), np.nan), stay
        ahead = (self.place >= self.first[:, None]) & (self.place < last[:, None])
        variance = [self._variance(j, share[:, j], ahead, away) for j in range(k)]
        return share, np.stack(variance, axis=1), stay

    def _variance(self, k: int, share: Floats, ahead: NDArray[np.bool_], away: Floats) -> Floats:
        """Of F_k, by the delta method: from each step of each baseline, and the coefficients."""
        total = np.zeros(share.size)
        common = self.lost[k] + self.share[k] - share[:, None]
        stretches, pulls = [], []
        for j, covariance in enumerate(self.steps.covariance):
            gained = np.where(ahead, common + self.slope if j == k else common, 0.0)
            gained *= self.risk[:, j : j + 1]
            pull = away * (gained @ self.steps.hazard[j, self.here])[:, None]
            pull -= gained @ self.steps.drift[j, self.here]
            if self.steps.robust is not None:
                stretches.append(gained @ self.steps.robust[1][j, self.here])
                pulls.append(pull)
                continue
            total += gained**2 @ self.steps.variance[j, self.here]
            total += ((pull @ covariance) * pull).sum(axis=1)
        if self.steps.robust is not None:
            slope = np.concatenate([*stretches, *pulls], axis=1)
            total = ((slope @ self.steps.robust[0]) * slope).sum(axis=1)
        return total


def _paths(steps: ReasonSteps, risk: Floats, first: Places, last: Places) -> _Paths:
    """The chances of some customers step by step."""
    here = slice(int(first.min()), max(int(last.max(initial=0)), int(first.min())))
    place = np.arange(here.start, here.stop)
    own = steps.hazard[:, here]
    hazard = (risk @ own) * (place >= first[:, None])
    after = np.exp(-np.cumsum(hazard, axis=1))
    before = np.concatenate([np.ones((risk.shape[0], 1)), after], axis=1)[:, :-1]
    some = hazard > 0
    slope: Any = np.divide(before - after, hazard, out=before.copy(), where=some)
    part = [
        np.divide(risk[:, k : k + 1] * own[k], hazard, out=0 * hazard, where=some)
        for k in range(risk.shape[1])
    ]
    gained = [part[k] * (before - after) for k in range(len(part))]
    return _Paths(
        steps=steps,
        here=here,
        place=place,
        first=first,
        risk=risk,
        after=after,
        slope=slope,
        lost=np.stack([each * (after - slope) for each in part]),
        share=np.stack([np.cumsum(each, axis=1) for each in gained]),
    )

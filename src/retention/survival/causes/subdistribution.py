"""The estimating equation of Fine and Gray on sorted arrays: risk sets in which others stay.

Who left for another reason stays in the risk set of this one, with the chance w(t) = G(t−)/G(T−) of
not having been censored since: at the k-th duration

    S0 = Σ over T ≥ t of e^η + G(t−) Σ over other ends with T < t of e^η / G(T−),

so that sums over risk sets are sums from behind plus sums from the front, and no row is met with
each duration. G is Kaplan–Meier of censoring as in R's crr: ends at a time count as at risk of
being censored then.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics import step_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SubdistributionData:
    """Spells sorted by duration.

    Attributes:
        order: the row of the table that each sorted row was.
        design: covariates, centred and scaled.
        weight: how many spells a row stands for.
        case: whether it ended for the reason.
        other: whether it ended for another.
        place: the place of its duration.
        starts: the first row of each duration.
        time: the distinct durations.
    """

    order: NDArray[np.intp]
    design: Floats
    weight: Floats
    case: NDArray[np.bool_]
    other: NDArray[np.bool_]
    place: NDArray[np.intp]
    starts: NDArray[np.intp]
    time: NDArray[Any]

    @cached_property
    def n_cases(self) -> Floats:
        """Ends for the reason at each duration."""
        return np.asarray(self.per_place(self.weight * self.case))

    @cached_property
    def n_at_risk(self) -> Floats:
        """Spells that lasted so long."""
        return np.asarray(np.cumsum(self.per_place(self.weight)[::-1])[::-1])

    @cached_property
    def censoring(self) -> Floats:
        """The hazard of being censored at each duration."""
        censored = self.per_place(self.weight * ~(self.case | self.other))
        return step_functions.hazard(censored, self.n_at_risk)

    @cached_property
    def staying(self) -> Floats:
        """G(t−) at each duration."""
        return np.concatenate([[1.0], np.cumprod(1 - self.censoring)[:-1]])

    @cached_property
    def lasting(self) -> Floats:
        """1/G(T−) of those who left for another reason, else 0."""
        return np.where(self.other, 1 / self.staying[self.place], 0.0)

    @cached_property
    def at_cases(self) -> Floats:
        """The design summed over the ends for the reason."""
        return np.asarray((self.weight * self.case) @ self.design)

    def per_place(self, values: Any) -> Any:
        """Sums over the rows of each duration."""
        return np.add.reduceat(values, self.starts, axis=0)

    def over_risk_sets(self, values: Floats) -> Floats:
        """Sums over each risk set, those of others with their weights."""
        wide = values.ndim > 1
        lasting, staying = (
            (each[:, None] if wide else each) for each in (self.lasting, self.staying)
        )
        behind = np.cumsum(self.per_place(values)[::-1], axis=0)[::-1]
        gone = _sums_before(self.per_place(values * lasting))
        return np.asarray(behind + staying * gone)


@dataclass(frozen=True, slots=True)
class SubdistributionSums:
    """Everything at one value of the coefficients.

    Attributes:
        log_likelihood: the log of the partial likelihood.
        risk: e^η of each row for one spell.
        step: what each duration adds to the baseline.
        mean: of the design over each risk set.
        s0: the sum of e^η over each risk set.
    """

    log_likelihood: float
    risk: Floats
    step: Floats
    mean: Floats
    s0: Floats


def prepared_subdistribution(
    found: Histories, design: Floats, case: NDArray[np.bool_]
) -> SubdistributionData:
    """The spells sorted by duration."""
    order = np.argsort(found.duration, kind="stable")
    time = found.duration[order]
    new = np.append(True, time[1:] != time[:-1])
    return SubdistributionData(
        order=order,
        design=np.take(design, order, axis=0),
        weight=found.weights[order].astype(np.float64),
        case=case[order],
        other=(found.churned & ~case)[order],
        place=np.cumsum(new) - 1,
        starts=np.flatnonzero(new),
        time=time[new],
    )


def subdistribution_sums(data: SubdistributionData, beta: Floats) -> SubdistributionSums:
    """The sums over risk sets at some coefficients."""
    eta = data.design @ beta
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        risk = np.exp(eta)
        total = risk * data.weight
        s0 = data.over_risk_sets(total)
        s1 = data.over_risk_sets(total[:, None] * data.design)
        some = data.n_cases > 0
        logs = float(data.n_cases[some] @ np.log(s0[some]))
        step = np.divide(data.n_cases, s0, out=np.zeros_like(s0), where=some)
        mean = np.divide(s1, s0[:, None], out=np.zeros_like(s1), where=some[:, None])
    return SubdistributionSums(float(data.at_cases @ beta) - logs, risk, step, mean, s0)


def subdistribution_score(
    data: SubdistributionData, sums: SubdistributionSums
) -> tuple[Floats, Floats]:
    """The score, and the Hessian of the log-likelihood."""
    with np.errstate(over="ignore", invalid="ignore"):
        score = data.at_cases - data.n_cases @ sums.mean
        held = sums.risk * data.weight * _hazard_held(data, sums)
        second = (data.design * held[:, None]).T @ data.design
        cross = (sums.mean * data.n_cases[:, None]).T @ sums.mean
    return score, cross - second


def _hazard_held(data: SubdistributionData, sums: SubdistributionSums) -> Floats:
    """The baseline that each row was at risk of, with its weights."""
    own = np.cumsum(sums.step)[data.place]
    return np.asarray(own + data.lasting * _sums_beyond(data.staying * sums.step)[data.place])


def influence_on_score(data: SubdistributionData, sums: SubdistributionSums) -> Floats:
    """What one spell of each row adds to the score, G being estimated too: in the table's order."""
    step, mean, place = sums.step, sums.mean, data.place
    drift = step[:, None] * mean
    later = data.staying * step
    ahead, ahead_drift = _sums_beyond(later), _sums_beyond(data.staying[:, None] * drift)
    own = _hazard_held(data, sums)[:, None] * data.design - np.cumsum(drift, axis=0)[place]
    own -= data.lasting[:, None] * ahead_drift[place]
    found = -sums.risk[:, None] * own
    found += np.where(data.case[:, None], data.design - mean[place], 0.0)
    # Censoring at u takes from those who left for another reason before all that lies ahead.
    kept = sums.risk * data.weight * data.lasting
    before = _sums_before(data.per_place(kept))
    before_design = _sums_before(data.per_place(kept[:, None] * data.design))
    pull = before_design * (ahead + later)[:, None]
    pull -= before[:, None] * (ahead_drift + data.staying[:, None] * drift)
    found += _influence_of_censoring(data, pull)
    answer = np.empty(found.shape)
    answer[data.order] = found
    return answer


def influence_on_baseline(
    data: SubdistributionData, sums: SubdistributionSums, last: int
) -> Floats:
    """What one spell of each row adds to the baseline up to a duration, at known coefficients."""
    place = data.place
    at = np.divide(sums.step, sums.s0, out=np.zeros_like(sums.s0), where=sums.step > 0)
    own = np.cumsum(at)[np.minimum(place, last)]
    lasting = np.cumsum(data.staying * at)
    ahead = np.maximum(lasting[last] - lasting, 0.0)
    found = -sums.risk * (own + data.lasting * ahead[place])
    cases = np.flatnonzero(data.case & (place <= last))
    found[cases] += 1 / sums.s0[place[cases]]
    before = _sums_before(data.per_place(sums.risk * data.weight * data.lasting))
    pull = before * np.maximum(lasting[last] - lasting + data.staying * at, 0.0)
    found += _influence_of_censoring(data, pull[:, None])[:, 0]
    answer = np.empty(found.size)
    answer[data.order] = found
    return answer


def _influence_of_censoring(data: SubdistributionData, pull: Floats) -> Floats:
    """What a row adds through G, where a censoring at each duration pulls so much."""
    per_spell = pull / data.n_at_risk[:, None]
    censored = ~(data.case | data.other)
    expected = np.cumsum(per_spell * data.censoring[:, None], axis=0)
    own = np.where(censored[:, None], per_spell[data.place], 0.0)
    return np.asarray(own - expected[data.place])


def _sums_beyond(values: Floats) -> Floats:
    """Sums over later durations."""
    total = np.cumsum(values[::-1], axis=0)[::-1]
    return np.asarray(total - values)


def _sums_before(values: Floats) -> Floats:
    """Sums over earlier durations."""
    return np.asarray(np.cumsum(values, axis=0) - values)

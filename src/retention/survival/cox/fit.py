"""How a Cox model is fitted: the maximum, what the data do not tell, and the errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError
from retention.numerics.frozen import frozen_numbers, frozen_table
from retention.numerics.newton import (
    NOT_ARRIVED,
    Maximum,
    covariance_of_estimates,
    maximise,
    moments,
    terms_without_bound,
    usable_by_moments,
)
from retention.survival.cox.baselines import baselines
from retention.survival.cox.partial_likelihood import (
    RiskData,
    RiskSums,
    gradient_and_information,
    prepared_risk_data,
    risk_sums,
    score_residuals,
)
from retention.survival.models import covariates as designs
from retention.survival.models.clustered_scores import note_of_few_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.numerics.frozen import Status
    from retention.survival.counts.histories import Histories
    from retention.survival.models.covariates import Covariate

    Floats = NDArray[np.float64]

_NOTHING = 1e-13  # of an end, or of the largest eigenvalue: no information
_PART = 1e-6  # of a direction: the term has no part in it
_FAR = 50.0  # in the linear predictor: e to that is more than the customers of any table
_MOST = 700.0  # in the linear predictor: e to more is beyond what numbers can hold
_LEVEL = 1e-9  # of the log-likelihood: rounding
_NO_BOUNDS = "Predictions have no bounds: rows have sampling weights."


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit in the units of the scaled design, of the terms that were kept.

    Attributes:
        data: the spells, sorted.
        sums: the sums over risk sets at the coefficients.
        strata: the labels of the strata.
        terms: of all covariates.
        keep: which of them say something.
        mean: of all terms.
        scale: standard deviations of those kept.
        found: the maximum of the log-likelihood less the penalty.
        null: value, score and Hessian where all coefficients are 0.
        notes: what was left out.
        flat: whether that is because nothing that was seen tells a coefficient.
        away: the terms whose coefficient has no bound, and a note for each.
    """

    data: RiskData
    sums: RiskSums
    strata: Sequence[tuple[str, ...]]
    terms: Sequence[str]
    keep: NDArray[np.bool_]
    mean: Floats
    scale: Floats
    found: Maximum[Floats]
    null: tuple[float, Floats, Floats]
    notes: list[str]
    flat: bool
    away: tuple[list[str], list[str]]

    @property
    def kept(self) -> list[str]:
        """The terms that say something."""
        return [term for term, keep in zip(self.terms, self.keep, strict=True) if keep]


def fit_partial_likelihood(
    spells: Histories,
    covariates: Sequence[Covariate],
    labels: tuple[NDArray[np.intp], Sequence[tuple[str, ...]]],
    ties: str,
    penalty: float,
) -> Fit:
    """The coefficients at which the partial likelihood, less the penalty, is largest.

    Args:
        spells: with the columns of the covariates.
        covariates: as they were learnt.
        labels: the stratum of each row, and the strata.
        ties: "efron" or "breslow".
        penalty: λ.

    Raises:
        ContentError: if a covariate is missing somewhere, or nobody's end was seen.
    """
    names = designs.names_of_terms(covariates)
    matrix = designs.design_from_columns(covariates, spells.columns, spells.duration.size)
    mean, spread = moments(matrix, spells.likelihood_weights)
    keep, notes = usable_by_moments(mean, spread, names)
    scale = np.sqrt(np.diagonal(spread))
    matrix = matrix if keep.all() else matrix[:, keep]
    matrix -= mean[keep]
    matrix /= scale[keep]
    data = prepared_risk_data(spells, matrix, labels[0], efron=ties == "efron")
    del matrix  # as large as the sorted one in `data`
    inner = _centred_within_strata(data)
    null = _likelihood_at(inner, np.zeros(int(keep.sum())), penalty)[1]
    some = _informative_terms(-null[2], float(data.ended.sum()))
    if not some.all():
        said = "the ends that were seen do not tell its coefficient: left out."
        notes += [f"{names[i]!r}: {said}" for i in np.flatnonzero(keep)[~some]]
        keep[keep] = some
        data = replace(data, design=np.ascontiguousarray(data.design[:, some]))
        inner = _centred_within_strata(data)
        null = _likelihood_at(inner, np.zeros(int(some.sum())), penalty)[1]
    found = maximise(
        lambda beta: _likelihood_at(inner, beta, penalty)[1] if beta.any() else null,
        np.zeros(int(some.sum())),
        settled=False,  # the sums at the end are asked for below
    )
    kept = [names[i] for i in np.flatnonzero(keep)]
    sums, (value, gradient, hessian) = _likelihood_at(inner, found.point, penalty)
    away = _separating_terms(inner, replace(found, value=value), kept, penalty)
    point = _coefficients_within_reach(data, found.point, kept, bounded=not away[0])
    there = replace(found, point=point, value=value, gradient=gradient, hessian=hessian)
    if inner is not data:
        sums = risk_sums(data, point)
    flat = not some.all()
    return Fit(
        data, sums, labels[1], names, keep, mean, scale[keep], there, null, notes, flat, away
    )


def _centred_within_strata(data: RiskData) -> RiskData:
    """The same with covariates less their mean in the stratum, which no partial likelihood sees.

    Where strata differ more than customers within them, variances within a risk set would else be
    small differences of large numbers.
    """
    if data.stratum_starts.size < 2:
        return data
    first = data.starts[data.stratum_starts]
    weight = data.weight.astype(np.float64)
    total = np.add.reduceat(data.design * weight[:, None], first)
    mean = total / np.add.reduceat(weight, first)[:, None]
    rows = np.diff(np.append(first, weight.size))
    return replace(data, design=data.design - np.repeat(mean, rows, axis=0))


def _coefficients_within_reach(
    data: RiskData, point: Floats, names: Sequence[str], *, bounded: bool
) -> Floats:
    """The coefficients, so long as the baselines at the mean of all strata are numbers.

    Those without a bound are held where they still are.

    Raises:
        ContentError: if strata lie so far apart that they are not.
    """
    reach = float(np.abs(data.design @ point).max(initial=0.0))
    if reach <= _MOST:
        return point
    if not bounded:
        return point * (_MOST / reach)
    far = names[int(np.argmax(np.abs(point) * np.ptp(data.design, axis=0)))]
    raise ContentError(
        f"covariates: {far!r} multiplies the risk by more than e^{_MOST:.0f} between customers, so "
        "that no baseline at its mean can be written down. Give it as the distance from its mean "
        "in the stratum, or in classes."
    )


def _likelihood_at(
    data: RiskData, beta: Floats, penalty: float
) -> tuple[RiskSums, tuple[float, Floats, Floats]]:
    """The sums over risk sets; value, score and Hessian of the likelihood less the penalty."""
    sums = risk_sums(data, beta)
    with np.errstate(over="ignore", invalid="ignore"):
        score, information = gradient_and_information(data, sums)
    value = sums.log_likelihood - penalty / 2 * float(beta @ beta)
    return sums, (value, score - penalty * beta, -information - penalty * np.eye(beta.size))


def _informative_terms(information: Floats, n_ends: float) -> NDArray[np.bool_]:
    """Which terms differ within risk sets, in a way that those before them do not."""
    told = np.diagonal(information) > _NOTHING * n_ends
    among = information[np.ix_(told, told)]
    told[told], _ = usable_by_moments(np.zeros(among.shape[0]), among, [""] * among.shape[0])
    return np.asarray(told)


def fields_of_cox(fit: Fit, clusters: NDArray[np.intp] | None) -> dict[str, Any]:
    """What a fit says, in the units of the covariates.

    Args:
        fit: the fit.
        clusters: the number of each row's cluster; None if rows do not depend on one another.
    """
    status, told, notes = _status_and_told_terms(fit)
    covariance, said = _covariance(fit, told, clusters)
    said += [_NO_BOUNDS] * fit.data.sampled
    beta = np.full(fit.keep.size, np.nan)
    beta[fit.keep] = fit.found.point / fit.scale
    wide = np.full((fit.keep.size, fit.keep.size), np.nan)
    wide[np.ix_(fit.keep, fit.keep)] = covariance / np.outer(fit.scale, fit.scale)
    score, known = fit.null[1], covariance_of_estimates(fit.null[2])
    return {
        "coef": frozen_numbers(beta),
        "covariance": frozen_table(wide),
        "log_likelihood": fit.sums.log_likelihood,
        "log_likelihood_null": fit.null[0],
        "status": status,
        "notes": (*fit.notes, *notes, *said),
        "means": tuple(fit.mean.tolist()),
        "baselines": baselines(fit.data, fit.sums, fit.strata, fit.scale, fit.keep),
        "score_statistic": float(score @ known @ score) if np.isfinite(known).all() else None,
    }


def _status_and_told_terms(fit: Fit) -> tuple[Status, NDArray[np.bool_], list[str]]:
    """How the fit ended, and which of the kept terms the data tell."""
    away, notes = fit.away
    told = ~np.isin(fit.kept, away)
    if fit.found.status == "not converged":
        none = np.zeros(told.size, np.bool_)
        return ("separated", none, notes) if away else ("not converged", none, [NOT_ARRIVED])
    unknown = np.flatnonzero(told)[_undetermined_terms(fit.found.hessian[np.ix_(told, told)])]
    told[unknown] = False
    said = "the ends that were seen do not tell its coefficient."
    notes += [f"{fit.kept[i]!r}: {said}" for i in unknown]
    if away:
        return "separated", told, notes
    return ("flat" if unknown.size or fit.flat else fit.found.status), told, notes


def _separating_terms(
    data: RiskData, found: Maximum[Floats], names: Sequence[str], penalty: float
) -> tuple[list[str], list[str]]:
    """Terms without a bound, and a note for each; with a penalty every term has one.

    No row lies further from the mean than √n standard deviations. Where Newton's method did not
    arrive, its last step may be long for other reasons: then the likelihood has to rise for good.
    """
    step = found.step
    if penalty or (np.abs(step) * np.sqrt(data.weight.sum()) < 1e-3).all():
        return [], []
    spread = np.ptp(data.design, axis=0)
    if found.status != "not converged":
        return terms_without_bound(found, spread, names)
    alone = np.array(
        [
            _rises_along(data, found, np.where(np.arange(step.size) == i, step, 0.0))
            for i in range(step.size)
        ],
        np.bool_,
    )
    if alone.any():
        return terms_without_bound(replace(found, step=np.where(alone, step, 0.0)), spread, names)
    return (
        terms_without_bound(found, spread, names) if _rises_along(data, found, step) else ([], [])
    )


def _rises_along(data: RiskData, found: Maximum[Floats], direction: Floats) -> bool:
    """Whether the likelihood, which is concave, falls nowhere in a direction, however far."""
    far = np.ptp(data.design @ direction)
    if not far > 0:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        there = risk_sums(data, found.point + direction * (_FAR / far)).log_likelihood
    return bool(there >= found.value - _LEVEL * max(abs(found.value), 1.0))


def _undetermined_terms(hessian: Floats) -> NDArray[np.bool_]:
    """Which terms have a part in a direction in which the likelihood is flat."""
    diagonal = np.abs(np.diagonal(hessian))
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(-hessian / np.outer(scale, scale))
    flat = values <= _NOTHING * values.max(initial=0.0)
    return np.asarray((np.abs(vectors[:, flat]) > _PART).any(axis=1))


def _covariance(
    fit: Fit, told: NDArray[np.bool_], clusters: NDArray[np.intp] | None
) -> tuple[Floats, list[str]]:
    """Of the kept terms, NaN for those that the data do not tell: the inverse of the information.

    With clusters Lin and Wei's: the score residuals are added up within each cluster. A sum of
    fewer than k + 1 of them, which are 0 together, says nothing of k terms.
    """
    wide = np.full((told.size, told.size), np.nan)
    covariance = covariance_of_estimates(fit.found.hessian[np.ix_(told, told)])
    if clusters is not None:
        n = int(clusters.max()) + 1
        if few := note_of_few_clusters(int(told.sum()), n):
            return wide, few
        residuals = score_residuals(fit.data, fit.sums)[:, told]
        weight = np.empty(clusters.size)
        weight[fit.data.order] = fit.data.weight
        summed = np.zeros((n, covariance.shape[0]))
        np.add.at(summed, clusters, residuals * weight[:, None])
        covariance = np.asarray(covariance @ (summed.T @ summed) @ covariance)
    wide[np.ix_(told, told)] = covariance
    return wide, []

"""How a Cox model is fitted: the maximum, what the data do not tell, and the errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.survival import design as designs
from retention.survival.baselines import baselines
from retention.survival.models import Status, frozen, frozen_table
from retention.survival.newton import (
    Maximum,
    inverse,
    maximise,
    moments,
    usable_of,
    without_bound,
)
from retention.survival.risk_sums import (
    RiskData,
    RiskSums,
    gradient_and_information,
    prepared,
    risk_sums,
    score_residuals,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.design import Covariate
    from retention.survival.histories import Histories

    Floats = NDArray[np.float64]

_NOTHING = 1e-13  # of an end, or of the largest eigenvalue: no information
_PART = 1e-6  # of a direction: the term has no part in it


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

    @property
    def kept(self) -> list[str]:
        """The terms that say something."""
        return [term for term, keep in zip(self.terms, self.keep, strict=True) if keep]


def fitted(
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
    names = designs.terms(covariates)
    matrix = designs.matrix(covariates, spells.columns, spells.duration.size)
    mean, spread = moments(matrix, spells.weights)
    keep, notes = usable_of(mean, spread, names)
    scale = np.sqrt(np.diagonal(spread))
    matrix = matrix if keep.all() else matrix[:, keep]
    matrix -= mean[keep]
    matrix /= scale[keep]
    data = prepared(spells, matrix, labels[0], efron=ties == "efron")
    del matrix  # as large as the sorted one in `data`
    null = _evaluated(data, np.zeros(int(keep.sum())), penalty)[1]
    some = _informative(-null[2], float(data.ended.sum()))
    if not some.all():
        said = "the ends that were seen do not tell its coefficient: left out."
        notes += [f"{names[i]!r}: {said}" for i in np.flatnonzero(keep)[~some]]
        keep[keep] = some
        data = replace(data, design=np.ascontiguousarray(data.design[:, some]))
        null = _evaluated(data, np.zeros(int(some.sum())), penalty)[1]
    found = maximise(
        lambda beta: _evaluated(data, beta, penalty)[1] if beta.any() else null,
        np.zeros(int(some.sum())),
    )
    sums, (value, gradient, hessian) = _evaluated(data, found.point, penalty)
    there = replace(found, value=value, gradient=gradient, hessian=hessian)
    flat = not some.all()
    return Fit(data, sums, labels[1], names, keep, mean, scale[keep], there, null, notes, flat)


def _evaluated(
    data: RiskData, beta: Floats, penalty: float
) -> tuple[RiskSums, tuple[float, Floats, Floats]]:
    """The sums over risk sets; value, score and Hessian of the likelihood less the penalty."""
    sums = risk_sums(data, beta)
    with np.errstate(over="ignore", invalid="ignore"):
        score, information = gradient_and_information(data, sums)
    value = sums.log_likelihood - penalty / 2 * float(beta @ beta)
    return sums, (value, score - penalty * beta, -information - penalty * np.eye(beta.size))


def _informative(information: Floats, n_ends: float) -> NDArray[np.bool_]:
    """Which terms differ within risk sets, in a way that those before them do not."""
    told = np.diagonal(information) > _NOTHING * n_ends
    among = information[np.ix_(told, told)]
    told[told], _ = usable_of(np.zeros(among.shape[0]), among, [""] * among.shape[0])
    return np.asarray(told)


def fields(fit: Fit, clusters: NDArray[np.intp] | None) -> dict[str, Any]:
    """What a fit says, in the units of the covariates.

    Args:
        fit: the fit.
        clusters: the number of each row's cluster; None if rows do not depend on one another.
    """
    status, told, notes = _status(fit)
    covariance, said = _covariance(fit, told, clusters)
    beta = np.full(fit.keep.size, np.nan)
    beta[fit.keep] = fit.found.point / fit.scale
    wide = np.full((fit.keep.size, fit.keep.size), np.nan)
    wide[np.ix_(fit.keep, fit.keep)] = covariance / np.outer(fit.scale, fit.scale)
    score, known = fit.null[1], inverse(fit.null[2])
    return {
        "coef": frozen(beta),
        "covariance": frozen_table(wide),
        "log_likelihood": fit.sums.log_likelihood,
        "log_likelihood_null": fit.null[0],
        "status": status,
        "notes": (*fit.notes, *notes, *said),
        "means": tuple(fit.mean.tolist()),
        "baselines": baselines(fit.data, fit.sums, fit.strata, fit.scale, fit.keep),
        "score_statistic": float(score @ known @ score) if np.isfinite(known).all() else None,
    }


def _status(fit: Fit) -> tuple[Status, NDArray[np.bool_], list[str]]:
    """How the fit ended, and which of the kept terms the data tell."""
    away, notes = _separating(fit)
    told = ~np.isin(fit.kept, away)
    if fit.found.status not in ("converged", "flat"):
        return fit.found.status, np.zeros(told.size, np.bool_), notes
    unknown = np.flatnonzero(told)[_untold(fit.found.hessian[np.ix_(told, told)])]
    told[unknown] = False
    said = "the ends that were seen do not tell its coefficient."
    notes += [f"{fit.kept[i]!r}: {said}" for i in unknown]
    if away:
        return "separated", told, notes
    return ("flat" if unknown.size or fit.flat else fit.found.status), told, notes


def _separating(fit: Fit) -> tuple[list[str], list[str]]:
    """Terms without a bound; no row lies further from the mean than √n standard deviations."""
    if (np.abs(fit.found.step) * np.sqrt(fit.data.weight.sum()) < 1e-3).all():
        return [], []
    return without_bound(fit.found, np.ptp(fit.data.design, axis=0), fit.kept)


def _untold(hessian: Floats) -> NDArray[np.bool_]:
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
    covariance = inverse(fit.found.hessian[np.ix_(told, told)])
    if clusters is not None:
        n = int(clusters.max()) + 1
        if n <= told.sum():
            few = f"The errors of {told.sum()} coefficients take more than {n} clusters."
            return wide, [few] if told.any() else []
        residuals = score_residuals(fit.data, fit.sums)[:, told]
        weight = np.empty(clusters.size)
        weight[fit.data.order] = fit.data.weight
        summed = np.zeros((n, covariance.shape[0]))
        np.add.at(summed, clusters, residuals * weight[:, None])
        covariance = np.asarray(covariance @ (summed.T @ summed) @ covariance)
    wide[np.ix_(told, told)] = covariance
    return wide, []

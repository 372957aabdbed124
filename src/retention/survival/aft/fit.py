"""How a model of lifetimes with a formula is fitted: rows that say something, scale, errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError, count_of
from retention.numerics.frozen import Status, frozen_numbers, frozen_table
from retention.numerics.newton import (
    NOT_ARRIVED,
    Maximum,
    covariance_of_estimates,
    moments,
    terms_without_bound,
    usable_by_moments,
)
from retention.survival.aft.likelihood import (
    LEAST_LOG_SCALE,
    Terms,
    aft_maximum,
    scores_of_clusters,
    stacked_terms,
)
from retention.survival.models.clustered_scores import (
    note_of_few_clusters,
    numbers_of_clusters,
    sandwich_covariance,
)
from retention.survival.models.distributions import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories
    from retention.survival.models.distributions import Shape

    Floats = NDArray[np.float64]

_WIDEST = 4.0  # a logarithm of σ at which the spread of lifetimes has no bound


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit in the units of the scaled design: terms that were kept, intercept, log σ."""

    rows: Terms
    shape: Shape
    found: Maximum[Floats]
    null: float
    terms: Sequence[str]
    keep: NDArray[np.bool_]
    mean: Floats
    scale: Floats
    spread: Floats
    notes: list[str]


def informative_rows(spells: Histories) -> tuple[NDArray[np.intp], list[str]]:
    """The rows that say something.

    Raises:
        ContentError: if an end is at duration 0, or none was seen.
    """
    at_zero = spells.duration == 0
    if n := int(spells.weights[at_zero & spells.churned].sum()):
        raise ContentError(
            f"spells: {n:,} ended at duration 0, whose logarithm does not exist. Count the first "
            "day as day 1 (duration + 1), or use fit_cox or fit_hazard."
        )
    if not spells.churned.any():
        raise ContentError("spells: nobody's end was seen, so nothing says how long stays are.")
    n = int(spells.weights[at_zero].sum())
    notes = [f"{_how_many_censored(n)} nothing: left out."] if n else []
    return np.flatnonzero(~at_zero), notes


def _how_many_censored(n: int) -> str:
    return count_of(n, "spell censored at duration 0 says", "spells censored at duration 0 say")


def fit_lifetimes(
    spells: Histories,
    matrix: Floats,
    used: NDArray[np.intp],
    terms: Sequence[str],
    distribution: str,
) -> Fit:
    """The parameters at which the likelihood of these rows is largest.

    Args:
        spells: durations above 0 in the rows that are used.
        matrix: covariates, a row per spell.
        used: the rows that say something.
        terms: the names of the columns of the matrix.
        distribution: of the lifetimes.
    """
    matrix = matrix if used.size == matrix.shape[0] else matrix[used]
    mean, covariance = moments(matrix, spells.likelihood_weights[used])
    keep, notes = usable_by_moments(mean, covariance, terms)
    scale = np.sqrt(np.diagonal(covariance)[keep])
    design = np.ones((used.size, scale.size + 1))
    design[:, :-1] = (matrix[:, keep] - mean[keep]) / scale
    rows = stacked_terms(spells, used, design)
    shape, free = DISTRIBUTIONS[distribution], distribution != "exponential"
    start = np.log((rows.weight @ np.exp(rows.log_time)) / rows.ends.sum())
    alone = replace(rows, design=rows.design[:, -1:])
    null = aft_maximum(alone, shape, np.array([start, 0.0])[: 1 + free])
    begin = np.concatenate([np.zeros(scale.size), null.point[:1], np.maximum(null.point[1:], 0.0)])
    found = aft_maximum(rows, shape, begin)
    spread = np.ptp(rows.design[:, :-1], axis=0)
    return Fit(rows, shape, found, null.value, terms, keep, mean, scale, spread, notes)


def fields_of_aft(
    fit: Fit, notes: Sequence[str], member: NDArray[np.intp] | None
) -> dict[str, Any]:
    """What a fit says, in the units of the covariates and of time.

    Args:
        fit: the fit.
        notes: what was said before.
        member: the cluster of each row that was used; None if rows do not depend on one another.
    """
    n, size = fit.found.point.size, fit.scale.size + 2
    point = np.zeros(size)
    point[:n] = fit.found.point
    status, said = _status_and_notes(fit, float(point[-1]))
    covariance = np.zeros((size, size))
    covariance[:n, :n], few = (
        _covariance_of_fit(fit, member) if status == "converged" else (np.nan, [])
    )
    back = _unscaling_matrix(fit)
    values, full = back @ point, back @ covariance @ back.T
    left_out = 1 + np.flatnonzero(~fit.keep)
    values[left_out], full[left_out], full[:, left_out] = np.nan, np.nan, np.nan
    return {
        "coef": frozen_numbers(values[1:-1]),
        "covariance": frozen_table(full[1:-1, 1:-1]),
        "log_likelihood": fit.found.value,
        "log_likelihood_null": fit.null,
        "status": status,
        "notes": (*notes, *fit.notes, *said, *few),
        "intercept": float(values[0]),
        "log_scale": float(values[-1]),
        "full_covariance": frozen_table(full),
    }


def _covariance_of_fit(fit: Fit, member: NDArray[np.intp] | None) -> tuple[Floats, list[str]]:
    """Of the scaled parameters, and what is to be said of it."""
    point = fit.found.point
    if member is None:
        return covariance_of_estimates(fit.found.hessian), []
    number, n = numbers_of_clusters(member)
    if few := note_of_few_clusters(point.size, n):
        return np.full((point.size, point.size), np.nan), few
    covariance = covariance_of_estimates(fit.found.hessian)
    scores = scores_of_clusters(fit.rows, fit.shape, point, number, n)
    return sandwich_covariance(covariance, scores), []


def _unscaling_matrix(fit: Fit) -> Floats:
    """From scaled terms, intercept and log σ to intercept, all terms and log σ."""
    k = fit.scale.size
    back = np.zeros((fit.keep.size + 2, k + 2))
    back[1 + np.flatnonzero(fit.keep), np.arange(k)] = 1 / fit.scale
    back[0, :k], back[0, k], back[-1, -1] = -fit.mean[fit.keep] / fit.scale, 1.0, 1.0
    return back


def _status_and_notes(fit: Fit, log_scale: float) -> tuple[Status, list[str]]:
    names = [term for term, keep in zip(fit.terms, fit.keep, strict=True) if keep]
    away, said = terms_without_bound(fit.found, fit.spread / np.exp(log_scale), names)
    if log_scale < LEAST_LOG_SCALE + 1:
        return "flat", ["All ends are at one duration, so their spread goes to 0."]
    if away:
        return "separated", said
    if fit.found.status == "not converged" and log_scale < _WIDEST:
        return "not converged", [NOT_ARRIVED]
    if (
        fit.found.status != "converged"
        or np.isnan(covariance_of_estimates(fit.found.hessian)).any()
    ):
        return "flat", ["The likelihood is flat: these data do not tell location and spread apart."]
    return "converged", []

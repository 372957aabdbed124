"""Fine and Gray's regression: what changes the share of customers that leaves for each reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import RetentionError, count_of
from retention.numerics.frozen import (
    Numbers,
    array_of_numbers,
    array_of_table,
    frozen_numbers,
    frozen_table,
)
from retention.numerics.newton import (
    NOT_ARRIVED,
    Maximum,
    covariance_of_estimates,
    maximise,
    moments,
    terms_without_bound,
    usable_by_moments,
)
from retention.survival.causes.cause_specific import ModelOfReasons, seen_reasons
from retention.survival.causes.subdistribution import (
    SubdistributionData,
    influence_on_baseline,
    influence_on_score,
    prepared_subdistribution,
    subdistribution_score,
    subdistribution_sums,
)
from retention.survival.counts.clustered_rows import cluster_of_rows
from retention.survival.counts.histories import read_spells
from retention.survival.models import covariates as designs
from retention.survival.models.clustered_scores import note_of_few_clusters
from retention.survival.models.lifetime_model import LifetimeModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    from retention.numerics.frozen import Status
    from retention.survival.counts.histories import Histories
    from retention.survival.models.covariates import Covariate

    Floats = NDArray[np.float64]

MOST_KEPT = 100
"""Variances are kept at no more than so many durations, and interpolated between them."""

MEANING = (
    "Ratios are of subdistribution hazards, in which who left for another reason stays at risk: no "
    "effects on the rate among those still here. Chances of all reasons may add up to more than 1."
)
"""What every such model notes."""


class SubdistributionModel(LifetimeModel):
    """Fine and Gray's model of one reason: F(t) = 1 − e^(−Λ(t) e^(coef · (covariates − means))).

    Attributes:
        cluster: the column whose rows may depend on one another; null if rows do not.
        means: of the terms, at which the baseline stands.
        duration: the durations at which spells end for the reason.
        cumulative_hazard: Λ after each of them.
        longest: the longest duration that was seen.
        variance_duration: durations at which variances are kept.
        variance: of Λ at these.
        drift: covariances of Λ with the coefficients at these.
    """

    cluster: str | None
    means: tuple[float, ...]
    duration: tuple[float, ...]
    cumulative_hazard: tuple[float, ...]
    longest: float
    variance_duration: tuple[float, ...]
    variance: Numbers
    drift: tuple[Numbers, ...]

    def _told_of_ratios(self) -> str:
        return "ratio above 1: a larger share leaves for this reason"

    def _calls_to_make(self) -> tuple[str, ...]:
        return ()  # of one reason alone nothing is predicted

    @property
    def follow_up(self) -> float:
        """The longest duration that was seen."""
        return self.longest

    def risk_score(self, design: Floats) -> Floats:
        """η = coef · (covariates − means)."""
        return np.asarray((design - np.array(self.means)) @ self.beta)

    def hazard_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, end: Floats
    ) -> tuple[Floats, Floats]:
        """Λ(end) e^η; NaN after a stay has begun, of which the model says nothing."""
        del stratum
        known = (start < 0) & (end <= self.longest)
        at = np.searchsorted(np.array(self.duration), end, side="right")
        total = np.append(0.0, self.cumulative_hazard)[at]
        away = design - np.array(self.means)
        covariance = np.nan_to_num(array_of_table(self.covariance, len(self.coef)))
        variance, drift = self._variance_and_drift(end)
        spread = variance + 2 * total * (away * drift).sum(axis=1)
        spread += total**2 * ((away @ covariance) * away).sum(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            risk = np.exp(away @ self.beta)
            hazard = np.where(total > 0, risk * total, 0.0)
            spread = risk**2 * np.maximum(spread, 0.0)
        told = known & (self.status == "converged")
        return np.where(known, hazard, np.nan), np.where(told, spread, np.nan)

    def _variance_and_drift(self, end: Floats) -> tuple[Floats, Floats]:
        """Of Λ at some durations, by straight lines between those that were kept."""
        # A duration between two steps has the variance of the last one.
        steps = np.array(self.duration)
        at = np.append(0.0, steps)[np.searchsorted(steps, end, side="right")]
        kept = np.append(0.0, self.variance_duration)
        columns = [array_of_numbers(self.variance), *np.array(self.drift, np.float64).T]
        found = [np.interp(at, kept, np.append(0.0, column)) for column in columns]
        drift = np.array(found[1:]).reshape(len(self.coef), end.size).T
        return found[0], np.nan_to_num(drift)

    def area_between(
        self, design: Floats, stratum: NDArray[np.intp], start: Floats, horizon: float
    ) -> Floats:
        """NaN: one reason alone says nothing of how long customers stay."""
        del design, stratum, horizon
        return np.full(start.size, np.nan)


class FineGrayModel(ModelOfReasons):
    """Fine and Gray's model for each reason: a frozen value, in and out of JSON bit for bit.

    Attributes:
        models: of each reason, with the same covariates and spells.
    """

    models: tuple[SubdistributionModel, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the models say is not to be relied on, and what their ratios do not mean."""
        return (*super().notes, MEANING)


def fit_fine_gray(
    spells: IntoFrame,
    *,
    covariates: str | Sequence[str] = (),
    cause: str = "reason",
    cluster: str | None = None,
    reference: Mapping[str, str] | None = None,
) -> FineGrayModel:
    """What raises or lowers the share that leaves for each reason: Fine and Gray's regression.

    The share that has left for reason k by t, with the other reasons at work as they are, is

        F_k(t) = 1 − e^(−Λ_k(t) e^(β_k x)).

    β_k maximises Cox's partial likelihood with risk sets in which those who left for another reason
    stay, weighted by the chance G(t−)/G(T−) of not having been censored since (Kaplan–Meier of
    censoring, in which ends at a time are at risk of it). Ties are Breslow's. Errors are those of
    the sandwich, G being estimated too; all as in `crr` of R's package cmprsk.

    A ratio says in which direction a covariate moves the share, and not what it does to customers
    who are still here: a covariate that only makes them leave for a rival lowers the share that
    leaves over the price as well. For that, and for chances given a tenure, see
    `fit_cause_specific`. Each F_k is a model of its own: together they may exceed 1.

    Args:
        spells: as in `fit_cause_specific`, from the origin on: without late `entry`.
        covariates: as in `fit_cox`.
        cause: the column of reasons.
        cluster: as in `fit_cox`: a column whose rows may depend on one another. Errors, and bounds
            of `predict_reasons`, then allow for it.
        reference: as in `fit_cox`.

    Returns:
        A `FineGrayModel`: a frozen value with `reasons` and a model for each in `models`.
        `coefficients()` reads them as one pandas table; `predict_reasons(given=None)` gives each
        customer's chances.

    Raises:
        RetentionError: if spells came under observation late, or the reason is a covariate.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a covariate is missing somewhere, nobody's end was seen, or there are more
            than 50 reasons.

    Example:
        Who leaves for a rival on day 1 is still at risk on days 2 and 3, so that r = e^β makes
        r / (2r + 1) · 1 / (r + 1) largest: r = 1/√2.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 3], "churned": [True, True, True],
        ...     "reason": ["rival", "price", "price"], "x": [1, 1, 0],
        ... })
        >>> model = rt.survival.fit_fine_gray(spells, covariates="x")
        >>> model.reasons, round(model.models[0].coef[0], 4)  # -log(2) / 2
        (('price', 'rival'), -0.3466)

    Source:
        Fine, J. P. and Gray, R. J. (1999), Journal of the American Statistical Association 94,
        496–509. Clusters: Zhou, B. et al. (2012), Biostatistics 13, 371–383. What ratios mean:
        Austin, P. C. and Fine, J. P. (2017), Statistics in Medicine 36, 4391–4400; sums above 1:
        Austin, P. C. et al. (2022), Statistics in Medicine 41, 1–16.
    """
    names = designs.named_columns(covariates)
    if cause in names:
        raise RetentionError(f"{cause!r} is why spells ended, so it cannot be a covariate as well.")
    clusters = [] if cluster is None else [cluster]
    asked = {"covariates": names, "cluster": clusters, "cause": [cause]}
    found = read_spells(spells, columns=asked, collapse=cluster is None)
    _refuse_spells_with_entry(found)
    known = designs.learnt_covariates(names, found.columns, reference or {}, found.weight)
    designs.warn_of_labels(known, int(found.weights[found.churned].sum()))
    members = None if cluster is None else cluster_of_rows(found.columns[cluster], cluster)
    code, reasons = seen_reasons(found, cause)
    matrix = designs.design_from_columns(known, found.columns, found.duration.size)
    models = [
        SubdistributionModel(
            **_fields_of_subdistribution(
                found, matrix, found.churned & (code == k), members, known
            ),
            covariates=known,
            n_spells=found.n,
            n_churned=int(found.weights[found.churned & (code == k)].sum()),
            cluster=cluster,
        )
        for k in range(len(reasons))
    ]
    return FineGrayModel(cause=cause, reasons=tuple(reasons), models=tuple(models))


def _refuse_spells_with_entry(found: Histories) -> None:
    if found.entry is None:
        return
    n = count_of(int(found.weights[found.entry > 0].sum()), "spell")
    raise RetentionError(
        f"fit_fine_gray: {n} came under observation after the start (entry). Who left for another "
        "reason stays at risk in this model, so that the weights of those who came late are not "
        "known. Say fit_cause_specific, which takes them, or leave those spells out."
    )


def _fields_of_subdistribution(
    found: Histories,
    matrix: Floats,
    case: NDArray[np.bool_],
    members: NDArray[np.intp] | None,
    known: Sequence[Covariate],
) -> dict[str, Any]:
    """The fit for one reason, in the units of the covariates."""
    names = designs.names_of_terms(known)
    mean, spread = moments(matrix, found.weights)
    keep, notes = usable_by_moments(mean, spread, names)
    scale = np.sqrt(np.diagonal(spread))[keep]
    data = prepared_subdistribution(found, (matrix[:, keep] - mean[keep]) / scale, case)

    def evaluate(beta: Floats) -> tuple[float, Floats, Floats]:
        sums = subdistribution_sums(data, beta)
        return (sums.log_likelihood, *subdistribution_score(data, sums))

    best = maximise(evaluate, np.zeros(scale.size))
    kept = [name for name, keeps in zip(names, keep, strict=True) if keeps]
    told, status, said = _told_terms(data, best, kept)
    covariance, *spreads = _robust_spread(data, best, told, members, found)
    if few := [] if members is None else _note_of_clusters(told, members):
        covariance = np.full_like(covariance, np.nan)
        spreads[1:] = [np.full_like(each, np.nan) for each in spreads[1:]]
    beta, wide = np.full(keep.size, np.nan), np.full((keep.size, keep.size), np.nan)
    beta[keep], wide[np.ix_(keep, keep)] = best.point / scale, covariance / np.outer(scale, scale)
    return {
        "coef": frozen_numbers(beta),
        "covariance": frozen_table(wide),
        "log_likelihood": best.value,
        "log_likelihood_null": evaluate(np.zeros(scale.size))[0],
        "status": status,
        "notes": (*notes, *said, *few),
        "means": tuple(mean.tolist()),
        "longest": float(data.time[-1]),
        **_frozen_baseline(data, best.point, spreads, (keep, scale)),
    }


def _note_of_clusters(told: NDArray[np.bool_], members: NDArray[np.intp]) -> list[str]:
    """What to say where there are no more clusters than coefficients, or a baseline has one."""
    return note_of_few_clusters(max(int(told.sum()), 1), int(members.max()) + 1)


def _told_terms(
    data: SubdistributionData, best: Maximum[Floats], kept: Sequence[str]
) -> tuple[NDArray[np.bool_], Status, list[str]]:
    """Which coefficients the data tell, how the fit ended, and notes."""
    away, notes = terms_without_bound(best, np.ptp(data.design, axis=0), kept)
    told = ~np.isin(kept, away)
    if away:
        return told, "separated", notes
    if best.status == "not converged":
        return np.zeros_like(told), "not converged", [NOT_ARRIVED]
    if kept and np.isnan(covariance_of_estimates(best.hessian)).any():
        return np.zeros_like(told), "flat", ["The ends that were seen do not tell coefficients."]
    return told, best.status, []


def _robust_spread(
    data: SubdistributionData,
    best: Maximum[Floats],
    told: NDArray[np.bool_],
    members: NDArray[np.intp] | None,
    found: Histories,
) -> tuple[Floats, Floats, Floats, Floats]:
    """The covariance of the coefficients; durations, variances and covariances of the baseline."""
    sums = subdistribution_sums(data, best.point)
    p = told.size
    wide = np.full((p, p), np.nan)
    inverse = np.zeros((p, p))
    inverse[np.ix_(told, told)] = np.nan_to_num(
        covariance_of_estimates(best.hessian[np.ix_(told, told)])
    )
    weight = found.weights.astype(np.float64)

    def sums_of_squares(one: Floats, other: Floats) -> Floats:
        if members is None:
            return np.asarray((one * weight[:, None]).T @ other)
        parts = [_sums_by_cluster(each * weight[:, None], members) for each in (one, other)]
        return np.asarray(parts[0].T @ parts[1])

    moved = influence_on_score(data, sums) @ inverse
    covariance = sums_of_squares(moved, moved)
    wide[np.ix_(told, told)] = covariance[np.ix_(told, told)]
    steps = np.flatnonzero(data.n_cases)
    kept = steps[np.unique(np.linspace(0, steps.size - 1, MOST_KEPT).round().astype(int))]
    variance, drift = np.zeros(kept.size), np.zeros((kept.size, p))
    pull = np.cumsum(sums.step[:, None] * sums.mean, axis=0)
    for i, last in enumerate(kept.tolist()):
        own = influence_on_baseline(data, sums, last) - moved @ pull[last]
        crossed = sums_of_squares(own[:, None], np.column_stack([own, moved]))[0]
        variance[i], drift[i] = crossed[0], crossed[1:]
    return wide, data.time[kept].astype(np.float64), variance, drift


def _sums_by_cluster(values: Floats, members: NDArray[np.intp]) -> Floats:
    n = int(members.max()) + 1
    made = np.zeros((n, values.shape[1]))
    for i, column in enumerate(values.T):
        made[:, i] = np.bincount(members, column, minlength=n)
    return made


def _frozen_baseline(
    data: SubdistributionData,
    point: Floats,
    spreads: Sequence[Floats],
    units: tuple[NDArray[np.bool_], Floats],
) -> dict[str, Any]:
    """Λ at the mean of the covariates, and its variances."""
    sums, (keep, scale) = subdistribution_sums(data, point), units
    steps = np.flatnonzero(data.n_cases)
    drift = np.zeros((spreads[0].size, keep.size))
    drift[:, keep] = spreads[2] / scale
    return {
        "duration": tuple(data.time[steps].astype(np.float64).tolist()),
        "cumulative_hazard": tuple(np.cumsum(sums.step)[steps].tolist()),
        "variance_duration": tuple(spreads[0].tolist()),
        "variance": frozen_numbers(spreads[1]),
        "drift": frozen_table(drift),
    }

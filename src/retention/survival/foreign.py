"""Models that lifelines has fitted, read into ours: predictions and scores work on them as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import RetentionError
from retention.survival.aft import AftModel
from retention.survival.baselines import Baseline
from retention.survival.cox import CoxModel
from retention.survival.design import Covariate
from retention.survival.models import frozen, frozen_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.survival.models import LifetimeModel

# Of each fitter: the distribution, the parameter of location, that of scale, and its sign.
_AFT = {
    "WeibullAFTFitter": ("weibull", "lambda_", "rho_", -1.0),
    "LogNormalAFTFitter": ("lognormal", "mu_", "sigma_", 1.0),
    "LogLogisticAFTFitter": ("loglogistic", "alpha_", "beta_", -1.0),
}


def from_lifelines(fitter: Any) -> LifetimeModel:
    """A model fitted by lifelines as one of ours, to predict, score and keep it as JSON.

    Coefficients and covariance are taken as they are. lifelines' Cox model has Breslow's baseline
    whatever its ties, so its predictions are those of lifelines, not those of `fit_cox`; their
    bounds are not known and null.

    Args:
        fitter: a fitted CoxPHFitter (also with strata), WeibullAFTFitter, LogNormalAFTFitter or
            LogLogisticAFTFitter, on plain numeric columns.

    Returns:
        A `CoxModel` or an `AftModel`.

    Raises:
        RetentionError: if it is another fitter, is not fitted, or was fitted with a formula, with
            splines or with covariates of the scale parameter.

    Example:
        >>> import pandas as pd
        >>> from lifelines import CoxPHFitter
        >>> import retention as rt
        >>> table = pd.DataFrame({
        ...     "duration": [1, 2, 3, 4], "churned": [True, True, False, True], "x": [1, 0, 1, 0],
        ... })
        >>> fitter = CoxPHFitter().fit(table, "duration", "churned")
        >>> model = rt.from_lifelines(fitter)
        >>> model.terms, bool(model.coef[0] == fitter.params_["x"])
        (('x',), True)

    Source:
        Davidson-Pilon, C. (2019), Journal of Open Source Software 4(40), 1317: lifelines.
    """
    name = type(fitter).__name__
    if name != "CoxPHFitter" and name not in _AFT:
        known = ", ".join(["CoxPHFitter", *_AFT])
        raise RetentionError(f"from_lifelines reads {known}; got {name}.")
    if not hasattr(fitter, "params_"):
        raise RetentionError(f"from_lifelines: the {name} is not fitted. Call its fit(...) first.")
    return _cox(fitter) if name == "CoxPHFitter" else _aft(fitter, *_AFT[name])


def _cox(fitter: Any) -> CoxModel:
    if fitter.baseline_estimation_method != "breslow":
        raise RetentionError(
            "from_lifelines: a CoxPHFitter with a baseline of splines or pieces has no counterpart "
            "here. Fit it with baseline_estimation_method='breslow'."
        )
    names = [str(name) for name in fitter.params_.index]
    _refuse_formula(fitter, names, list(fitter._norm_mean.index))
    strata = fitter.strata or []
    hazards = fitter.baseline_cumulative_hazard_
    longest = _longest(fitter, hazards, bool(strata))
    return CoxModel(
        covariates=tuple(Covariate(name=name, kind="number") for name in names),
        coef=frozen(fitter.params_.to_numpy(np.float64)),
        covariance=frozen_table(fitter.variance_matrix_.to_numpy(np.float64)),
        **_counts(fitter),
        log_likelihood_null=_null(fitter),
        ties="efron",
        strata=tuple([strata] if isinstance(strata, str) else strata),
        cluster=fitter.cluster_col,
        penalty=0.0,
        means=tuple(fitter._norm_mean.to_numpy(np.float64).tolist()),
        baselines=tuple(
            _baseline(_key(column, bool(strata)), hazards[column].dropna(), longest[column])
            for column in sorted(hazards.columns, key=str)
        ),
        score_statistic=None,
    )


def _aft(fitter: Any, distribution: Any, location: str, scale: str, sign: float) -> AftModel:
    params = fitter.params_
    names = [str(name) for name in params[location].index]
    if list(params[scale].index) != ["Intercept"] or "Intercept" not in names:
        raise RetentionError(
            f"from_lifelines: here {scale} depends on covariates, or {location} has no intercept; "
            "neither has a counterpart."
        )
    terms = [name for name in names if name != "Intercept"]
    _refuse_formula(fitter, terms, [term for term in terms if ":" not in term and "[" not in term])
    order = [(location, "Intercept"), *((location, name) for name in terms), (scale, "Intercept")]
    turned = np.append(np.ones(len(terms) + 1), sign)
    covariance = fitter.variance_matrix_.loc[order, order].to_numpy(np.float64)
    covariance = covariance * np.outer(turned, turned)
    return AftModel(
        covariates=tuple(Covariate(name=name, kind="number") for name in terms),
        coef=frozen(np.array([params[location, name] for name in terms], np.float64)),
        covariance=frozen_table(covariance[1:-1, 1:-1]),
        **_counts(fitter),
        log_likelihood_null=_null(fitter),
        distribution=distribution,
        intercept=float(params[location, "Intercept"]),
        log_scale=sign * float(params[scale, "Intercept"]),
        full_covariance=frozen_table(covariance),
    )


def _refuse_formula(fitter: Any, terms: Sequence[str], columns: Sequence[Any]) -> None:
    strange = sorted(set(terms) - {str(column) for column in columns})
    if strange or getattr(fitter, "formula", None):
        raise RetentionError(
            "from_lifelines: the model was fitted with a formula, whose terms have no counterpart "
            "here. Fit it on the columns themselves, or with our fit_cox or fit_aft."
        )


def _counts(fitter: Any) -> dict[str, Any]:
    weights = np.asarray(fitter.weights, np.float64)
    ended = np.asarray(fitter.event_observed, bool)
    return {
        "n_spells": round(float(weights.sum())),
        "n_churned": round(float(weights[ended].sum())),
        "log_likelihood": float(fitter.log_likelihood_),
        "status": "converged",
        "notes": ("Fitted by lifelines.",),
    }


def _null(fitter: Any) -> float:
    """The log-likelihood without covariates, from the likelihood-ratio test."""
    return (
        float(fitter.log_likelihood_) - float(fitter.log_likelihood_ratio_test().test_statistic) / 2
    )


def _key(column: Any, stratified: bool) -> tuple[str, ...]:
    if not stratified:
        return ()
    values = column if isinstance(column, tuple) else (column,)
    return tuple(str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values)


def _longest(fitter: Any, hazards: Any, stratified: bool) -> dict[Any, float]:
    """The longest duration that was seen, by stratum."""
    duration = fitter._predicted_partial_hazards_["T"]  # the only place where strata are kept
    if not stratified:
        return {column: float(duration.max()) for column in hazards.columns}
    several = list(range(duration.index.nlevels))
    longest = duration.groupby(level=several if len(several) > 1 else 0).max()
    return {column: float(longest.loc[column]) for column in hazards.columns}


def _baseline(key: tuple[str, ...], hazard: Any, longest: float) -> Baseline:
    total = hazard.to_numpy(np.float64)
    rises = np.diff(total, prepend=0.0) > 0
    return Baseline(
        stratum=key,
        duration=tuple(hazard.index.to_numpy(np.float64)[rises].tolist()),
        cumulative_hazard=tuple(total[rises].tolist()),
        follow_up=longest,
        variance_duration=(),
        variance=(),
        drift=(),
    )

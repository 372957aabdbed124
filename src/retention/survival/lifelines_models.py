"""Models that lifelines has fitted, read into ours: they predict, and go to JSON, as ours do."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import RetentionError
from retention.numerics.frozen import frozen_numbers, frozen_table
from retention.survival.aft.model import AftModel
from retention.survival.counts.histories import Histories
from retention.survival.cox.baselines import Baseline, baselines
from retention.survival.cox.model import CoxModel
from retention.survival.cox.partial_likelihood import prepared_risk_data, risk_sums
from retention.survival.models.covariates import Covariate, strata_of_rows
from retention.survival.models.lifetime_model import LifetimeModel, description_of, is_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.aft.model import Distribution

    Floats = NDArray[np.float64]

_SHAPES: dict[
    str, tuple[Distribution, str, str, float]
] = {  # of lifelines: ours, the parameter that covariates move, the other, sign of its log
    "WeibullAFTFitter": ("weibull", "lambda_", "rho_", -1.0),
    "LogNormalAFTFitter": ("lognormal", "mu_", "sigma_", 1.0),
    "LogLogisticAFTFitter": ("loglogistic", "alpha_", "beta_", -1.0),
}
_CONSTANT = "Intercept"


def from_lifelines(fitter: object) -> CoxModel | AftModel:
    """A model that lifelines has fitted, as a value of ours.

    It predicts with our functions: for millions of customers, given their tenure, and under late
    entry, which lifelines leaves out of account as it predicts. Without late entry survival at the
    durations of the spells is that of lifelines' `predict_survival_function`; between them ours
    stays as it is, lifelines' is interpolated.

    Args:
        fitter: a fitted CoxPHFitter (with its baseline of Breslow's kind, the default; strata,
            weights, entries and clusters too), WeibullAFTFitter, LogNormalAFTFitter or
            LogLogisticAFTFitter (whose second parameter is one number for all customers).
            Covariates are plain columns of numbers.

    Returns:
        A `CoxModel` or an `AftModel`. A CoxPHFitter does not keep its covariates, so predictions
        of its customers have no bounds.

    Raises:
        RetentionError: if it is not fitted, or of a kind that cannot be read.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> from lifelines import WeibullAFTFitter
        >>> spells = pd.DataFrame({"duration": [1, 3, 4, 8], "churned": [1, 1, 1, 0]})
        >>> fitter = WeibullAFTFitter().fit(spells, "duration", "churned")
        >>> model = rt.survival.from_lifelines(fitter)
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [0]})
        >>> ours = rt.survival.predict_survival(customers, model=model, times=2)["survival"][0]
        >>> theirs = fitter.predict_survival_function(spells, times=[2]).iloc[0, 0]
        >>> print(abs(ours - theirs) < 1e-9)
        True

    Source:
        Davidson-Pilon, C. (2019), lifelines: survival analysis in Python, Journal of Open Source
        Software 4(40), 1317.
    """
    kind = type(fitter).__name__
    if kind not in ("CoxPHFitter", *_SHAPES) or "lifelines" not in type(fitter).__module__:
        known = ", ".join(("CoxPHFitter", *_SHAPES))
        raise RetentionError(
            f"fitter must be one of lifelines' {known}; got {description_of(fitter)}."
            f"{_advice_on_fitter(fitter)}"
        )
    if not hasattr(fitter, "params_"):
        raise RetentionError(f"fitter: this {kind} is not fitted yet. Call its fit(...) first.")
    with warnings.catch_warnings():
        # lifelines 0.30.0 on pandas 3
        warnings.filterwarnings("ignore", "Starting with pandas version 4", module="lifelines")
        return (
            _cox_model_of(fitter)
            if kind == "CoxPHFitter"
            else _aft_model_of(fitter, *_SHAPES[kind])
        )


def _advice_on_fitter(fitter: object) -> str:
    if isinstance(fitter, LifetimeModel):
        return " It predicts as it is: predict_churn(customers, model=model, within=90)."
    name = getattr(fitter, "__name__", "")
    if isinstance(fitter, type) and name in ("CoxPHFitter", *_SHAPES):
        return f" Fit it first: {name}().fit(table, 'duration', 'churned')."
    if is_table(fitter):
        return " Fit a model of the table first: fit_cox(spells, covariates=['plan'])."
    return " With fit_cox, fit_aft or fit_hazard a model is fitted here."


def _cox_model_of(fitter: Any) -> CoxModel:
    if fitter.baseline_estimation_method != "breslow":
        raise RetentionError(
            f"fitter: its baseline is a {fitter.baseline_estimation_method}. Only that of "
            "Breslow's kind can be read: CoxPHFitter(baseline_estimation_method='breslow')."
        )
    names = [str(name) for name in fitter.params_.index]
    _refuse_formula(fitter, "beta_", names)
    notes = ["Coefficients are lifelines', by Efron's likelihood; the baseline is Breslow's."]
    if fitter.entries is not None:
        notes.append("The baseline was made anew: lifelines' own leaves late entry out of account.")
    if fitter.robust or fitter.cluster_col:
        covariance = np.where(
            np.eye(len(names)) > 0, fitter.standard_errors_.to_numpy() ** 2, np.nan
        )
    else:
        covariance = fitter.variance_matrix_.to_numpy(np.float64)
    strata = [fitter.strata] if isinstance(fitter.strata, str) else list(fitter.strata or ())
    return CoxModel(
        **_common_fields(fitter, names, notes),
        coef=frozen_numbers(fitter.params_.to_numpy(np.float64)),
        covariance=frozen_table(covariance),
        ties="efron",
        strata=tuple(str(name) for name in strata),
        cluster=fitter.cluster_col,
        penalty=float(np.mean(fitter.penalizer)) * len(fitter.durations),
        means=tuple(fitter._norm_mean.tolist()),
        baselines=_breslow_baselines(fitter, strata),
        score_statistic=None,
    )


def _breslow_baselines(fitter: Any, strata: Sequence[str]) -> tuple[Baseline, ...]:
    """Breslow's, from the risks that lifelines keeps of its rows."""
    rows = fitter._predicted_partial_hazards_
    entry = None if fitter.entries is None else fitter.entries.to_numpy(np.float64)
    spells = Histories(
        duration=rows["T"].to_numpy(np.float64),
        churned=rows["E"].to_numpy(np.bool_),
        entry=None if entry is None else np.where(entry > 0, entry, -np.inf),
        weight=rows["W"].to_numpy(),
        columns={},
    )
    columns = {name: rows.index.get_level_values(name).to_numpy() for name in strata}
    numbers, keys = strata_of_rows(columns, strata, len(rows))
    risk = np.log(rows["P"].to_numpy(np.float64))[:, None]
    data = prepared_risk_data(spells, risk, numbers, efron=False)
    made = baselines(data, risk_sums(data, np.ones(1)), keys, np.ones(1), np.ones(1, np.bool_))
    unknown: dict[str, Any] = {"variance_duration": (), "variance": (), "drift": ()}
    return tuple(baseline.model_copy(update=unknown) for baseline in made)


def _aft_model_of(
    fitter: Any, distribution: Distribution, moved: str, other: str, sign: float
) -> AftModel:
    params = fitter.params_
    names = [str(name) for name in params[moved].index if name != _CONSTANT]
    if str(fitter._censoring_type) != "CensoringType.RIGHT":
        raise RetentionError(
            "fitter: only a fit to right-censored spells, by fit(...), can be read."
        )
    if list(params[other].index) != [_CONSTANT]:
        raise RetentionError(
            f"fitter: its {other} depends on covariates. Only one that is the same for all can be "
            "read: fit it with ancillary=False."
        )
    if _CONSTANT not in params[moved].index:
        raise RetentionError("fitter: it has no intercept. Fit it with fit_intercept=True.")
    _refuse_formula(fitter, moved, names)
    order = [(moved, _CONSTANT), *((moved, name) for name in names), (other, _CONSTANT)]
    signs = np.array([1.0] * (len(order) - 1) + [sign])
    point = params.loc[order].to_numpy(np.float64) * signs
    covariance = fitter.variance_matrix_.loc[order, order].to_numpy(np.float64)
    covariance = covariance * np.outer(signs, signs)
    return AftModel(
        **_common_fields(fitter, names, []),
        coef=frozen_numbers(point[1:-1]),
        covariance=frozen_table(covariance[1:-1, 1:-1]),
        distribution=distribution,
        intercept=float(point[0]),
        log_scale=float(point[-1]),
        full_covariance=frozen_table(covariance),
    )


def _common_fields(fitter: Any, names: Sequence[str], notes: Sequence[str]) -> dict[str, Any]:
    """What models of all kinds have."""
    weight = np.asarray(fitter.weights, np.float64)
    ended = weight[np.asarray(fitter.event_observed, np.bool_)]
    return {
        "covariates": tuple(Covariate(name=name, kind="number") for name in names),
        "n_spells": round(float(weight.sum())),
        "n_churned": round(float(ended.sum())),
        "log_likelihood": float(fitter.log_likelihood_),
        "log_likelihood_null": float(
            fitter.log_likelihood_ - fitter.log_likelihood_ratio_test().test_statistic / 2
        ),
        "status": "converged",
        "notes": ("Fitted by lifelines.", *notes),
    }


def _refuse_formula(fitter: Any, parameter: str, names: Sequence[str]) -> None:
    """A formula is as good as a list of columns while its terms are plain columns."""
    mapping = fitter.regressors.mappings[parameter]
    plain = names if isinstance(mapping, list) else getattr(mapping, "required_variables", ())
    made = [name for name in names if name not in plain]
    if made:
        raise RetentionError(
            f"fitter: its formula makes {made[0]!r} of other columns. Only plain columns of "
            "numbers can be read: make them columns of the table, and fit on those."
        )

"""Do hazard ratios hold over time? The test that a Cox model needs before it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention.errors import ContentError, RetentionError, check_choice
from retention.frames import table_like
from retention.numerics import step_functions
from retention.numerics.newton import covariance_of_estimates, moments
from retention.survival.counts.histories import read_spells
from retention.survival.cox.model import CoxModel
from retention.survival.cox.partial_likelihood import (
    gradient_and_information,
    prepared_risk_data,
    risk_sums,
)
from retention.survival.models import covariates as designs
from retention.survival.models.covariates import strata_of_rows
from retention.survival.models.lifetime_model import check_model, description_of
from retention.tables.answer_columns import constants, gives, numbers, texts, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories
    from retention.survival.cox.partial_likelihood import RiskData

    Floats = NDArray[np.float64]

_NOTHING = 1e-10  # of the variance of a score: nothing is left beside the other terms

Transform = Literal["km", "rank", "event-rank", "identity", "log"]


@gives(
    "term, and one for all of them",
    texts("term"),
    numbers("statistic"),
    whole_numbers("degrees_of_freedom"),
    numbers("p_value"),
    constants(texts("transform")),
)
def proportional_hazards_test(
    spells: IntoFrameT, *, model: CoxModel, transform: Transform = "km"
) -> IntoFrameT:
    """Whether the hazard ratios of a Cox model change with time, term by term and together.

    The score test that the coefficient of x · g(t) is 0, for each term and for all at once, with
    g centred at its mean over the ends. A small p-value says that the ratio is not one number but
    changes with tenure: stratify by that covariate, or let it vary in `fit_hazard`. Rows are taken
    as independent, also where the model has a `cluster`.

    Args:
        spells: the spells that it was fitted on.
        model: a model from `fit_cox`.
        transform: g(t): "km" (1 − the Kaplan–Meier survival just before t), "rank" (of t among
            the durations of all spells, censored ones too, ties at the mean of their ranks: R's),
            "event-rank" (of t among the distinct durations at which spells end: 1, 2, 3, …),
            "identity" or "log".

    Returns:
        One row per term and one last row for all of them, in the caller's kind: `term` ("(all)" in
        the last), `statistic` (χ²), `degrees_of_freedom`, `p_value`, `transform`. Null for terms
        that the model knows no error of, or if ends at one time only were seen; p-values are null
        if the model has a penalty.

    Raises:
        ContentError: if the model has no covariates, these are not the spells it was fitted on, or
            durations of 0 are to be logarithms.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [9, 1, 1, 6, 6, 8], "churned": [True, True, False, True, True, False],
        ...     "x": [0, 1, 1, 1, 0, 0],
        ... })
        >>> model = rt.fit_cox(spells, covariates="x")
        >>> rt.survival.proportional_hazards_test(spells, model=model)["term"].tolist()
        ['x', '(all)']

    Source:
        Grambsch, P. M. and Therneau, T. M. (1994), Biometrika 81, 515–526, as a score test as in
        cox.zph of R's survival package from version 3.0 on.
    """
    _check_cox_model(model)
    check_choice("transform", transform, get_args(Transform))
    if not model.terms:
        raise ContentError("model: it has no covariates, so there are no hazard ratios to test.")
    names = [covariate.name for covariate in model.covariates]
    found = read_spells(
        spells, columns={"covariates": names, "strata": model.strata}, table="spells"
    )
    _refuse_other_spells(model, found)
    matrix = designs.design_from_columns(model.covariates, found.columns, found.duration.size)
    keep = np.array([value is not None for value in model.coef])
    mean, covariance = moments(matrix[:, keep], found.weights)
    scale = np.sqrt(np.where(np.diagonal(covariance) > 0, np.diagonal(covariance), 1.0))
    scaled = (matrix[:, keep] - mean) / scale
    stratum, _ = strata_of_rows(found.columns, model.strata, found.duration.size)
    data = prepared_risk_data(found, scaled, stratum, efron=model.ties == "efron")
    told = np.isfinite(model.standard_errors)
    beta, time = model.beta[keep] * scale, _transformed_time(data, transform)
    single, together = _score_statistics(data, beta, time, told[keep])
    return table_like(_rows_of_tests(model, told, single, together, transform), spells)


def _check_cox_model(model: object) -> None:
    check_model(model, "proportional_hazards_test(spells, model=model)")
    if not isinstance(model, CoxModel):
        raise RetentionError(
            f"model must come from fit_cox, for others have no hazard ratios that hold over time "
            f"to be tested; got {description_of(model)}. With fit_hazard say varying= instead."
        )


def _refuse_other_spells(model: CoxModel, spells: Histories) -> None:
    n_churned = int(spells.weights[spells.churned].sum())
    if (spells.n, n_churned) != (model.n_spells, model.n_churned):
        raise ContentError(
            f"spells: there are {spells.n:,}, of which {n_churned:,} ended; the model was fitted "
            f"on {model.n_spells:,}, of which {model.n_churned:,} ended. Give it the same spells."
        )


def _score_statistics(
    data: RiskData, beta: Floats, time: Floats, told: NDArray[np.bool_]
) -> tuple[Floats, float]:
    """The score statistic of each term times g, and of all of them."""
    sums = risk_sums(data, beta)
    score = gradient_and_information(data, sums, time)[0][told]
    information, mixed, squared = (
        gradient_and_information(data, sums, g)[1][np.ix_(told, told)]
        for g in (np.ones(time.size), time, time**2)
    )
    known = covariance_of_estimates(-information)
    covariance = squared - mixed @ known @ mixed
    left = np.diagonal(covariance)
    some = left > _NOTHING * np.diagonal(squared)
    single = np.divide(score**2, left, out=np.full(score.size, np.nan), where=some)
    if not some.all():
        return single, float("nan")
    return single, float(score @ covariance_of_estimates(-covariance) @ score)


def _transformed_time(data: RiskData, transform: str) -> Floats:
    """The transform g at each bin, centred at its mean over the ends."""
    time = data.time.astype(np.float64)
    instants = np.unique(time[data.events])
    if transform == "log":
        if (instants <= 0).any():
            raise ContentError("transform: an end at duration 0 has no logarithm. Take another.")
        g: Any = np.log(np.where(time > 0, time, 1.0))
    elif transform == "rank":
        g = _mean_ranks_of_times(data, time)
    elif transform == "event-rank":
        g = np.searchsorted(instants, time, side="right").astype(np.float64)
    elif transform == "km":
        g = _share_lost_before(data, instants, time)
    else:
        g = time
    ends = data.n_ends.astype(np.float64)
    return np.asarray(g - (ends @ g) / ends.sum())


def _mean_ranks_of_times(data: RiskData, time: Floats) -> Floats:
    """The mean rank of each time among the durations of all spells."""
    different, place = np.unique(time, return_inverse=True)
    n = np.bincount(place[data.bin], data.weight, minlength=different.size)
    return np.asarray((np.cumsum(n) - (n - 1) / 2)[place])


def _share_lost_before(data: RiskData, instants: Floats, time: Floats) -> Floats:
    """1 − the Kaplan–Meier survival of all strata together, just before each time."""
    weight = data.weight.astype(np.float64)
    place = np.searchsorted(instants, time)[data.bin]
    ends = np.bincount(place, data.ended, minlength=instants.size + 1)[: instants.size]
    left = np.bincount(np.searchsorted(instants, time, "right")[data.bin], weight)
    at_risk = weight.sum() - np.cumsum(np.append(left, np.zeros(1)))[: instants.size]
    if data.entry is not None:
        ahead = np.searchsorted(instants, data.entry, "right")
        late = np.bincount(ahead, weight, minlength=instants.size + 1)
        at_risk = at_risk - (weight.sum() - np.cumsum(late)[: instants.size])
    survival = step_functions.kaplan_meier(ends, at_risk)
    return np.asarray(
        1 - step_functions.values_at(instants, survival, np.nextafter(time, -np.inf), 1.0)
    )


def _rows_of_tests(
    model: CoxModel, told: NDArray[np.bool_], single: Floats, together: float, transform: str
) -> dict[str, NDArray[Any]]:
    from scipy.special import chdtrc

    statistic = np.full(told.size + 1, np.nan)
    statistic[:-1][told] = single
    statistic[-1] = together if told.any() else np.nan
    freedom = np.append(np.ones(told.size, np.int64), int(told.sum()))
    known = np.isfinite(statistic) & (model.penalty == 0)
    return {
        "term": np.array([*model.terms, "(all)"], dtype=object),
        "statistic": statistic,
        "degrees_of_freedom": freedom,
        "p_value": np.where(known, chdtrc(freedom, statistic), np.nan),
        "transform": np.full(statistic.size, transform, dtype=object),
    }

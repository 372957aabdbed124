"""Do hazard ratios hold over time? The test that a Cox model needs before it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention.errors import ContentError, one_of
from retention.frames import table_like
from retention.survival import design as designs
from retention.survival import steps
from retention.survival.histories import read
from retention.survival.risk_sums import gradient_and_information, prepared, risk_sums
from retention.survival.strata import labelled

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.cox import CoxModel
    from retention.survival.risk_sums import RiskData

    Floats = NDArray[np.float64]

Transform = Literal["km", "rank", "identity", "log"]


def proportional_hazards_test(
    model: CoxModel, spells: IntoFrameT, *, transform: Transform = "km"
) -> IntoFrameT:
    """Whether the hazard ratios of a Cox model change with time, term by term and together.

    The score test that the coefficient of x · g(t) is 0, for each term and for all at once, with
    g centred at its mean over the ends. A small p-value says that the ratio is not one number but
    changes with tenure: stratify by that covariate, or let it vary in `fit_hazard`.

    Args:
        model: a model from `fit_cox`.
        spells: the spells that it was fitted on.
        transform: g(t): "km" (1 − the Kaplan–Meier survival just before t), "rank" (of the
            distinct durations at which spells end), "identity" or "log".

    Returns:
        One row a term and one last row for all of them, in the caller's kind: `term` ("(all)" in
        the last), `statistic` (χ²), `degrees_of_freedom`, `p_value`, `transform`. Null where the
        term could not be fitted.

    Raises:
        ContentError: if the model has no covariates, or durations of 0 are to be logarithms.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [9, 1, 1, 6, 6, 8], "churned": [True, True, False, True, True, False],
        ...     "x": [0, 1, 1, 1, 0, 0],
        ... })
        >>> model = rt.fit_cox(spells, covariates="x")
        >>> rt.proportional_hazards_test(model, spells)["term"].tolist()
        ['x', '(all)']

    Source:
        Grambsch, P. M. and Therneau, T. M. (1994), Biometrika 81, 515–526, as a score test as in
        cox.zph of R's survival package from version 3.0 on.
    """
    one_of("transform", transform, ("km", "rank", "identity", "log"))
    if not model.terms:
        raise ContentError("model: it has no covariates, so there are no hazard ratios to test.")
    names = [covariate.name for covariate in model.covariates]
    found = read(spells, columns={"covariates": names, "strata": model.strata}, table="spells")
    matrix = designs.matrix(model.covariates, found.columns, found.duration.size)
    keep = np.array([value is not None for value in model.coef])
    spread = matrix[:, keep].std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    scaled = (matrix[:, keep] - np.array(model.means)[keep]) / scale
    stratum, _ = labelled(found.columns, model.strata, found.duration.size)
    data = prepared(found, scaled, stratum, efron=model.ties == "efron")
    statistic, together = _statistics(data, model.beta[keep] * scale, _time(data, transform))
    return table_like(_rows(model, keep, statistic, together, transform), spells)


def _statistics(data: RiskData, beta: Floats, time: Floats) -> tuple[Floats, float]:
    """The score statistic of each term times g, and of all of them."""
    sums = risk_sums(data, beta)
    score, _ = gradient_and_information(data, sums, time)
    information, mixed, squared = (
        gradient_and_information(data, sums, g)[1] for g in (np.ones(time.size), time, time**2)
    )
    known = np.linalg.pinv(information, hermitian=True)
    covariance = squared - mixed @ known @ mixed
    left = np.diagonal(squared) - np.einsum("ij,jk,ki->i", mixed, known, mixed)
    single = np.divide(score**2, left, out=np.full(score.size, np.nan), where=left > 0)
    return single, float(score @ np.linalg.pinv(covariance, hermitian=True) @ score)


def _time(data: RiskData, transform: str) -> Floats:
    """The transform g at each bin, centred at its mean over the ends."""
    time = data.time.astype(np.float64)
    moments = np.unique(time[data.events])
    if transform == "log":
        if (moments <= 0).any():
            raise ContentError("transform: an end at duration 0 has no logarithm. Take another.")
        g: Any = np.log(np.where(time > 0, time, 1.0))
    elif transform == "rank":
        g = np.searchsorted(moments, time, side="right").astype(np.float64)
    elif transform == "km":
        g = _lost_before(data, moments, time)
    else:
        g = time
    ends = data.n_ends.astype(np.float64)
    return np.asarray(g - (ends @ g) / ends.sum())


def _lost_before(data: RiskData, moments: Floats, time: Floats) -> Floats:
    """1 − the Kaplan–Meier survival of all strata together, just before each time."""
    weight = data.weight.astype(np.float64)
    place = np.searchsorted(moments, time)[data.bin]
    ends = np.bincount(place, data.ended, minlength=moments.size + 1)[: moments.size]
    left = np.bincount(np.searchsorted(moments, time, "right")[data.bin], weight)
    at_risk = weight.sum() - np.cumsum(np.append(left, np.zeros(1)))[: moments.size]
    if data.entry_bin is not None:
        entry = np.where(data.entry_bin >= 0, time[data.entry_bin], -np.inf)
        ahead = np.searchsorted(moments, entry, "right")
        late = np.bincount(ahead, weight, minlength=moments.size + 1)
        at_risk = at_risk - (weight.sum() - np.cumsum(late)[: moments.size])
    survival = steps.kaplan_meier(ends, at_risk)
    return np.asarray(1 - steps.at(moments, survival, np.nextafter(time, -np.inf), 1.0))


def _rows(
    model: CoxModel, keep: NDArray[np.bool_], single: Floats, together: float, transform: str
) -> dict[str, NDArray[Any]]:
    from scipy.special import chdtrc

    statistic = np.full(len(model.terms) + 1, np.nan)
    statistic[:-1][keep] = single
    statistic[-1] = together
    freedom = np.append(np.ones(len(model.terms), np.int64), int(keep.sum()))
    return {
        "term": np.array([*model.terms, "(all)"], dtype=object),
        "statistic": statistic,
        "degrees_of_freedom": freedom,
        "p_value": chdtrc(freedom, statistic),
        "transform": np.full(statistic.size, transform, dtype=object),
    }

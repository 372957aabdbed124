"""What a fitted model says of customers: who is still here when, who leaves soon, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals
from retention.errors import ColumnError, ContentError, RetentionError, one_of
from retention.frames import Columns, as_lazy, collect, table_like
from retention.survival import design as designs
from retention.survival.strata import coded
from retention.tables import CUSTOMERS, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.models import LifetimeModel

    Floats = NDArray[np.float64]

Given = Literal["tenure"] | None

_CHUNK = 131_072  # customers at a time, so that no array of customers × covariates grows large
_BEYOND = "beyond what the model has seen"
_STRANGER = "of a stratum that the model has not seen"


def predict_survival(
    model: LifetimeModel,
    customers: IntoFrameT,
    *,
    times: float | Sequence[float],
    given: Given = "tenure",
    level: float = 0.95,
) -> IntoFrameT:
    """The chance that each customer is still here after some time from now.

    With tenure s and the model's cumulative hazard H of the customer,

        P(T > s + t | T > s) = exp(−(H(s + t) − H(s))),

    or S(t) = exp(−H(t)) for customers who are only starting (`given=None`).

    Args:
        model: a model from `fit_cox`, `fit_aft`, `fit_hazard` or `from_lifelines`.
        customers: a table with `customer_id`, `tenure` (how long they have stayed, in the unit of
            the durations that the model was fitted on), and the model's covariates and strata.
        times: how much later, in that unit; one time or several.
        given: "tenure" (they are still here after it) or None (they are only starting).
        level: confidence of the bounds, which are those of the estimate: whether a customer leaves
            is chance beyond them. From log(−log S), by the delta method.

    Returns:
        One row a customer and time, in the caller's kind and the customers' order: `customer_id`,
        `tenure` (0 with `given=None`), `time`, `survival`, `lower`, `upper`, `reason` (why there is
        no prediction; else null: the time may lie beyond what the model has seen, or the stratum
        may be new).

    Raises:
        RetentionError: if a time is below 0.
        ColumnError: if a column is missing.
        ContentError: if a covariate or a tenure is missing somewhere, or a label is new.

    Example:
        Nobody but Ann has been seen beyond day 2; half of those left there.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> model = rt.fit_cox(spells, ties="breslow")
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [1]})
        >>> later = rt.predict_survival(model, customers, times=[1, 9])
        >>> later[["time", "survival", "reason"]].round(4)
           time  survival                          reason
        0   1.0    0.7165                             NaN
        1   9.0       NaN  beyond what the model has seen

    Source:
        Klein, J. P. and Moeschberger, M. L. (2003), Survival Analysis, 2nd ed., section 8.8.
    """
    asked = _lengths(times, "times")
    z = intervals.quantile_of(level)
    keys = _keys(model, customers, given)
    n = keys["tenure"].size
    found = np.full((3, n, asked.size), np.nan)
    reason = np.full((n, asked.size), None, dtype=object)
    for rows, design, stratum, start in _chunks(model, keys):
        for i, time in enumerate(asked):
            hazard, variance = model.hazard_between(design, stratum, start, start + time)
            found[:, rows, i] = _bounded(hazard, variance, z)
            reason[rows, i] = _why(hazard, stratum)
    return table_like(
        {
            "customer_id": np.repeat(keys["customer_id"], asked.size),
            "tenure": np.repeat(keys["tenure"], asked.size),
            "time": np.tile(asked, n),
            **dict(zip(("survival", "lower", "upper"), found.reshape(3, -1), strict=True)),
            "reason": reason.ravel(),
        },
        customers,
    )


def predict_churn(
    model: LifetimeModel,
    customers: IntoFrameT,
    *,
    within: float,
    given: Given = "tenure",
    level: float = 0.95,
) -> IntoFrameT:
    """The chance that each customer leaves within some time from now.

    1 − P(T > s + within | T > s); see `predict_survival`.

    Args:
        model: a fitted model.
        customers: as in `predict_survival`.
        within: the time from now, in the unit of the durations.
        given: "tenure" or None, as in `predict_survival`.
        level: confidence of the bounds of the estimate.

    Returns:
        One row a customer, in the caller's kind and the customers' order: `customer_id`, `tenure`,
        `within`, `churn_probability`, `lower`, `upper`, `reason`.

    Raises:
        as `predict_survival`.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> model = rt.fit_cox(spells, ties="breslow")
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [1]})
        >>> soon = rt.predict_churn(model, customers, within=1)
        >>> print(f"{soon['churn_probability'][0]:.4f}")  # 1 − e^(−1/3)
        0.2835

    Source:
        as `predict_survival`.
    """
    asked = _lengths(within, "within")
    if asked.size != 1:
        raise RetentionError(f"within must be one length of time; got {within!r}.")
    z = intervals.quantile_of(level)
    keys = _keys(model, customers, given)
    found = np.full((3, keys["tenure"].size), np.nan)
    reason = np.full(keys["tenure"].size, None, dtype=object)
    for rows, design, stratum, start in _chunks(model, keys):
        hazard, variance = model.hazard_between(design, stratum, start, start + asked[0])
        found[:, rows] = 1 - _bounded(hazard, variance, z)
        reason[rows] = _why(hazard, stratum)
    return table_like(
        {
            "customer_id": keys["customer_id"],
            "tenure": keys["tenure"],
            "within": np.full(reason.size, asked[0]),
            "churn_probability": found[0],
            "lower": found[2],
            "upper": found[1],
            "reason": reason,
        },
        customers,
    )


def expected_remaining_lifetime(
    model: LifetimeModel, customers: IntoFrameT, *, horizon: float, given: Given = "tenure"
) -> IntoFrameT:
    """How long each customer may be expected to stay on, within a horizon.

    ∫ from 0 to the horizon of P(T > s + u | T > s) du: the restricted mean of what remains.

    Args:
        model: a fitted model.
        customers: as in `predict_survival`.
        horizon: how far to look, in the unit of the durations: stays beyond it count as that long.
        given: "tenure" or None, as in `predict_survival`.

    Returns:
        One row a customer, in the caller's kind and the customers' order: `customer_id`, `tenure`,
        `horizon`, `expected_lifetime` (between 0 and the horizon, in its unit), `reason`.

    Raises:
        as `predict_survival`.

    Example:
        A third of a chance a day of leaving at the end of day 2, then nobody: 1 + e^(−1/3).

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> model = rt.fit_cox(spells, ties="breslow")
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [1]})
        >>> left = rt.expected_remaining_lifetime(model, customers, horizon=2)
        >>> print(f"{left['expected_lifetime'][0]:.4f}")
        1.7165

    Source:
        Klein and Moeschberger (2003), section 2.4: mean residual life.
    """
    asked = _lengths(horizon, "horizon")
    if asked.size != 1 or asked[0] == 0:
        raise RetentionError(f"horizon must be one length of time above 0; got {horizon!r}.")
    keys = _keys(model, customers, given)
    found = np.full(keys["tenure"].size, np.nan)
    reason = np.full(found.size, None, dtype=object)
    for rows, design, stratum, start in _chunks(model, keys):
        area = model.area_between(design, stratum, start, float(asked[0]))
        found[rows], reason[rows] = area, _why(area, stratum)
    return table_like(
        {
            "customer_id": keys["customer_id"],
            "tenure": keys["tenure"],
            "horizon": np.full(found.size, asked[0]),
            "expected_lifetime": found,
            "reason": reason,
        },
        customers,
    )


def with_predictions(
    model: LifetimeModel,
    spells: IntoFrameT,
    *,
    times: float | Sequence[float] = (),
    landmark: float = 0.0,
) -> IntoFrameT:
    """Spells with what the model says of them beside what happened: what the scores ask for.

    Args:
        model: a fitted model.
        spells: spells of any kind, with the model's covariates and strata.
        times: times since the start, in the unit of the durations, at which survival is wanted.
        landmark: the predictions are those of a customer who has stayed so long, as for the scores
            with the same `landmark`.

    Returns:
        The table with further columns, in the caller's kind: `risk` (higher: leaves sooner) and
        for each time `survival_<time>`, S(time) / S(landmark): null where the model has not seen so
        much.

    Raises:
        RetentionError: if a time is below the landmark.
        ColumnError: if a column is missing or there already.
        ContentError: if a covariate is missing somewhere, or a label is new.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> scored = rt.with_predictions(rt.fit_cox(spells), spells, times=2)
        >>> scored.columns.tolist()
        ['duration', 'churned', 'risk', 'survival_2']

    Source:
        Harrell, F. E. (2015), Regression Modeling Strategies, 2nd ed., chapter 20.
    """
    asked = _lengths(times, "times")
    if (asked < landmark).any():
        raise RetentionError(f"times: {asked.min():g} lies before the landmark {landmark:g}.")
    frame = as_lazy(spells, name="spells")
    made = ["risk", *(f"survival_{time:g}" for time in asked)]
    if there := [name for name in made if name in frame.collect_schema()]:
        raise ColumnError(f"spells: there is a column {there[0]!r} already. Rename or drop it.")
    columns = collect(frame)
    n = next(iter(columns.values())).size
    answer: Columns = columns | {name: np.full(n, np.nan) for name in made}
    columns = columns | {"tenure": np.full(n, float(landmark))}
    for rows, design, stratum, start in _chunks(model, columns):
        answer["risk"][rows] = model.risk_score(design)
        for name, time in zip(made[1:], asked, strict=True):
            ahead = np.full(start.size, time)
            hazard, _ = model.hazard_between(design, stratum, start, ahead)
            answer[name][rows] = np.exp(-hazard)
    return table_like(answer, spells)


def _keys(model: LifetimeModel, customers: object, given: str | None) -> Columns:
    """What is needed of the customers, with a tenure for each."""
    one_of("given", given, ("tenure", None))  # type: ignore[arg-type]
    frame = require(customers, CUSTOMERS)
    schema = frame.collect_schema()
    needed = _needed(model)
    for name in needed:
        if name not in schema:
            raise ColumnError.unknown("the model", name, schema)
    if given == "tenure" and "tenure" not in schema:
        raise ColumnError(
            "customers lacks 'tenure' (how long the customer has stayed already). For customers "
            "who are only starting, say given=None."
        )
    wanted = ["customer_id", *(["tenure"] if given else []), *needed]
    columns = collect(frame.select(*dict.fromkeys(wanted)))
    tenure = columns.get("tenure", np.zeros(columns["customer_id"].size)).astype(np.float64)
    if not (tenure >= 0).all():
        n = int((~(tenure >= 0)).sum())
        raise ContentError(f"customers: {n:,} have no tenure, or one below 0.")
    return columns | {"tenure": tenure}


def _needed(model: LifetimeModel) -> list[str]:
    return [*(covariate.name for covariate in model.covariates), *model.stratum_columns]


def _chunks(
    model: LifetimeModel, columns: Columns
) -> Iterator[tuple[slice, Floats, NDArray[np.intp], Floats]]:
    """Some customers at a time: their rows, design, strata and tenures."""
    for name in _needed(model):
        if name not in columns:
            raise ColumnError.unknown("the model", name, columns)
    n = columns["tenure"].size
    for first in range(0, n, _CHUNK):
        rows = slice(first, min(first + _CHUNK, n))
        here = {name: columns[name][rows] for name in _needed(model)}
        size = rows.stop - first
        design = designs.matrix(model.covariates, here, size)
        stratum = coded(here, model.stratum_columns, model.stratum_keys, size)
        yield rows, design, stratum, columns["tenure"][rows]


def _bounded(hazard: Floats, variance: Floats, z: float) -> Floats:
    """Survival with its lower and upper bounds, from a cumulative hazard and its variance."""
    some = hazard > 0
    spread = np.full(hazard.size, np.nan)
    spread[some] = np.exp(z * np.sqrt(variance[some]) / hazard[some])
    lower, upper = np.exp(-hazard * spread), np.exp(-hazard / spread)
    none = np.where(hazard == 0, 1.0, np.nan)
    return np.stack([np.exp(-hazard), np.where(some, lower, none), np.where(some, upper, none)])


def _why(values: Floats, stratum: NDArray[np.intp]) -> NDArray[Any]:
    """Why there is no prediction, where there is none."""
    reason = np.full(values.size, None, dtype=object)
    reason[np.isnan(values)] = _BEYOND
    reason[stratum < 0] = _STRANGER
    return reason


def _lengths(value: Any, argument: str) -> Floats:
    """One length of time or several."""
    try:
        lengths = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        lengths = np.array([np.nan])
    if lengths.ndim != 1 or not (np.isfinite(lengths) & (lengths >= 0)).all():
        raise RetentionError(f"{argument} must be lengths of time, 0 or more; got {value!r}.")
    return lengths

"""What a fitted model says of customers: who is still here when, who leaves soon, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals
from retention.errors import ColumnError, RetentionError, warn
from retention.frames import (
    Columns,
    as_lazy,
    beside_columns,
    collect,
    is_lazy,
    table_like,
)
from retention.names import columns_as_asked
from retention.survival.models.customers_given import (
    chunks_of_customers,
    columns_needed,
    columns_of_customers,
    columns_of_model,
    refuse_absent_columns,
)
from retention.survival.models.lifetime_model import ORIGIN, check_model
from retention.survival.models.unpredicted import Why
from retention.tables import column_names
from retention.tables.answer_columns import constants, gives, ids, numbers, shares, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.models.lifetime_model import LifetimeModel

    Floats = NDArray[np.float64]

Given = Literal["tenure"] | None


@gives(
    "customer and time",
    ids("customer_id"),
    numbers("tenure", "time", unit="as duration"),
    shares("survival", "lower", "upper"),
    texts("reason", "note"),
)
def predict_survival(
    customers: IntoFrameT,
    *,
    model: LifetimeModel,
    times: float | Sequence[float],
    given: Given = "tenure",
    keep: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """The chance that each customer is still here after some time from now.

    With tenure s and the model's cumulative hazard H of the customer,

        P(T > s + t | T > s) = exp(−(H(s + t) − H(s))),

    or S(t) = exp(−H(t)) for customers who are only starting (`given=None`), some of whom may leave
    at time 0, which those with a tenure of 0 have behind them.

    Args:
        customers: a table with `customer_id`, `tenure` (how long they have stayed, in the unit of
            the durations that the model was fitted on), and the model's covariates and strata. Or
            a table of spells, as the model was fitted on: those that go on (`churned` is false)
            are predicted, their `duration` is the tenure; those that ended have no row, and
            those that are set aside no prediction. (With `given=None` all have one; and a table
            with a column `tenure` is one of customers.)
        model: a model from `fit_cox`, `fit_aft`, `fit_hazard` or `from_lifelines`.
        times: how much later, in that unit; one time or several.
        given: "tenure" (they are still here after it) or None (they are only starting).
        keep: columns of `customers` that come along, behind all others.
        level: confidence of the bounds, which are those of the estimate: whether a customer leaves
            is chance beyond them. From log(−log S), by the delta method.

    Returns:
        One row per customer and time, in the caller's kind and the customers' order: `customer_id`,
        `tenure` (0 with `given=None`), `time`, `survival`, `lower`, `upper`, `reason` (why there is
        no prediction; else null: some of the time may lie beyond the longest duration, or where
        under late entry nobody was watched, the stratum or a label may be new, or a covariate
        missing), `note` (what the prediction is given: that customers are still here when the first
        came under observation; else null), then the `keep` columns. Bounds are null where the model
        has no errors. A warning counts whom new labels or missing covariates leave out.

    Raises:
        RetentionError: if a time is below 0, or the model is none of a lifetime.
        ColumnError: if a column is missing, or holds something else than in the fit.
        ContentError: if a tenure is missing somewhere, or a covariate is missing or new in all of
            several rows: the table is then of something else.

    Example:
        Nobody but Ann has been seen beyond day 2; half of those left there.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> model = rt.fit_cox(spells, ties="breslow")
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [1]})
        >>> later = rt.survival.predict_survival(customers, model=model, times=[1, 9])
        >>> later[["time", "survival", "reason"]].round(4)
           time  survival                          reason
        0   1.0    0.7165                             NaN
        1   9.0       NaN  outside what the model has seen

    Source:
        Klein, J. P. and Moeschberger, M. L. (2003), Survival Analysis, 2nd ed., section 8.8.
    """
    check_model(model, "predict_survival(customers, model=model, times=[30, 90])")
    names = column_names(keep, argument="keep")
    asked = lengths_of_time(times, "times")
    warn_of_intervals(model, "times", float(min(asked[asked > 0], default=0)))
    keys, kept = columns_of_customers(model, customers, given, names)
    shape = (keys["tenure"].size, asked.size)
    survival, lower, upper, why = _predicted_survival(model, keys, asked, level)
    return table_like(
        {
            "customer_id": _repeated_for_times(keys["customer_id"][:, None], shape),
            "tenure": _repeated_for_times(keys["tenure"][:, None], shape),
            "time": _repeated_for_times(asked, shape),
            "survival": survival,
            "lower": lower,
            "upper": upper,
            **why.columns(),
            **{name: _repeated_for_times(values[:, None], shape) for name, values in kept.items()},
        },
        customers,
    )


@gives(
    "customer",
    ids("customer_id"),
    numbers("tenure", unit="as duration"),
    constants(numbers("within", unit="as duration")),
    shares("churn_probability", "lower", "upper"),
    texts("reason", "note"),
)
def predict_churn(
    customers: IntoFrameT,
    *,
    model: LifetimeModel,
    within: float,
    given: Given = "tenure",
    keep: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """The chance that each customer leaves within some time from now.

    1 − P(T > s + within | T > s); see `predict_survival`.

    Args:
        customers: as in `predict_survival`.
        model: a fitted model.
        within: the time from now, in the unit of the durations.
        given: "tenure" or None, as in `predict_survival`.
        keep: as in `predict_survival`.
        level: confidence of the bounds of the estimate.

    Returns:
        One row per customer, in the caller's kind and the customers' order: `customer_id`,
        `tenure`, `within`, `churn_probability`, `lower`, `upper`, `reason`, `note`, and the `keep`
        columns.

    Raises:
        as `predict_survival`.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> model = rt.fit_cox(spells, ties="breslow")
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [1]})
        >>> soon = rt.predict_churn(customers, model=model, within=1)
        >>> print(f"{soon['churn_probability'][0]:.4f}")  # 1 − e^(−1/3)
        0.2835

        The table of spells does as well: the two that go on have lasted 2 and 4.

        >>> spells["customer_id"], spells["plan"] = ["Ann", "Bob", "Cem", "Dee"], "basic"
        >>> soon = rt.predict_churn(spells, model=model, within=1, keep="plan")
        >>> soon[["customer_id", "tenure", "churn_probability", "plan"]]
          customer_id  tenure  churn_probability   plan
        0         Cem     2.0                0.0  basic
        1         Dee     4.0                NaN  basic

    Source:
        as `predict_survival`.
    """
    check_model(model)
    names = column_names(keep, argument="keep")
    asked = lengths_of_time(within, "within")
    if asked.size != 1:
        raise RetentionError(f"within must be one length of time; got {within!r}.")
    warn_of_intervals(model, "within", float(asked[0]))
    keys, kept = columns_of_customers(model, customers, given, names)
    survival, lower, upper, why = _predicted_survival(model, keys, asked, level)
    return table_like(
        {
            "customer_id": keys["customer_id"],
            "tenure": keys["tenure"],
            "within": np.full(survival.size, asked[0]),
            "churn_probability": np.subtract(1, survival, out=survival),
            "lower": np.subtract(1, upper, out=upper),
            "upper": np.subtract(1, lower, out=lower),
            **why.columns(),
            **kept,
        },
        customers,
    )


@gives(
    "customer",
    ids("customer_id"),
    numbers("tenure", unit="as duration"),
    constants(numbers("horizon", unit="as duration")),
    numbers("expected_lifetime", unit="as duration"),
    texts("reason", "note"),
)
def expected_remaining_lifetime(
    customers: IntoFrameT,
    *,
    model: LifetimeModel,
    horizon: float,
    given: Given = "tenure",
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """How long each customer may be expected to stay on, within a horizon.

    ∫ from 0 to the horizon of P(T > s + u | T > s) du: the restricted mean of what remains.

    Args:
        customers: as in `predict_survival`.
        model: a fitted model.
        horizon: how far to look, in the unit of the durations: stays beyond it count as that long.
        given: "tenure" or None, as in `predict_survival`.
        keep: as in `predict_survival`.

    Returns:
        One row per customer, in the caller's kind and the customers' order: `customer_id`,
        `tenure`, `horizon`, `expected_lifetime` (between 0 and the horizon, in its unit), `reason`,
        `note`, and the `keep` columns.

    Raises:
        as `predict_survival`.

    Example:
        A third of a chance a day of leaving at the end of day 2, then nobody: 1 + e^(−1/3).

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> model = rt.fit_cox(spells, ties="breslow")
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [1]})
        >>> left = rt.survival.expected_remaining_lifetime(customers, model=model, horizon=2)
        >>> print(f"{left['expected_lifetime'][0]:.4f}")
        1.7165

    Source:
        Klein and Moeschberger (2003), section 2.4: mean residual life.
    """
    check_model(model, "expected_remaining_lifetime(customers, model=model, horizon=365)")
    names = column_names(keep, argument="keep")
    asked = lengths_of_time(horizon, "horizon")
    if asked.size != 1 or asked[0] == 0:
        raise RetentionError(f"horizon must be one length of time above 0; got {horizon!r}.")
    keys, kept = columns_of_customers(model, customers, given, names)
    found = np.empty(keys["tenure"].size)
    why = Why.of(model, found.size)
    for some in chunks_of_customers(model, keys, keys["start"]):
        area = model.area_between(some.design, some.stratum, some.start, float(asked[0]))
        found[some.rows] = some.where_known(area)
        end = np.maximum(some.start, 0.0) + asked[0]
        places = np.arange(found.size)[some.rows]
        why.explain(places, area, some.stratum, (some.start, end), some.why)
    return table_like(
        {
            "customer_id": keys["customer_id"],
            "tenure": keys["tenure"],
            "horizon": np.full(found.size, asked[0]),
            "expected_lifetime": found,
            **why.columns(),
            **kept,
        },
        customers,
    )


def with_predictions(
    spells: IntoFrameT,
    *,
    model: LifetimeModel,
    times: float | Sequence[float] = (),
    landmark: float | None = None,
) -> IntoFrameT:
    """Spells with what the model says of them beside what happened: what the scores ask for.

    Args:
        spells: spells of any kind, with the model's covariates and strata.
        model: a fitted model.
        times: times since the start, in the unit of the durations, at which survival is wanted.
        landmark: the predictions are those of a customer who has stayed longer than that, as for
            the scores with the same `landmark`; None for one who is only starting.

    Returns:
        The table with further columns, in the caller's kind: `risk` (higher: leaves sooner; with
        strata, to be compared within a stratum only) and for each time `survival_<time>`, S(time)
        or S(time) / S(landmark): null where it lies outside what the model has seen. Both are null
        where a covariate is missing or has a label that the model was not fitted on. Warnings count
        these, and say where nobody was under observation for a while.

    Raises:
        RetentionError: if a time is below the landmark, or the model is none of a lifetime.
        ColumnError: if a column is missing or there already, or holds something else than in the
            fit.
        ContentError: if a covariate is missing or new in all of several rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 2, 2, 4], "churned": [True, True, False, False]})
        >>> scored = rt.survival.with_predictions(spells, model=rt.fit_cox(spells), times=2)
        >>> scored.columns.tolist()
        ['duration', 'churned', 'risk', 'survival_2']

    Source:
        Harrell, F. E. (2015), Regression Modeling Strategies, 2nd ed., chapter 20.
    """
    check_model(model, "with_predictions(spells, model=model)")
    asked = lengths_of_time(times, "times")
    since = lengths_of_time(0.0 if landmark is None else landmark, "landmark")
    if since.size != 1:
        raise RetentionError(f"landmark must be one length of time; got {landmark!r}.")
    if (asked < since).any():
        raise RetentionError(f"times: {asked.min():g} lies before the landmark {since[0]:g}.")
    frame = as_lazy(spells, name="spells", by_row=True)
    made = ["risk", *(f"survival_{time:.15g}" for time in asked)]
    schema = frame.collect_schema()
    refuse_absent_columns(model, schema)
    if there := [name for name in made if name in schema]:
        raise ColumnError(f"spells: there is a column {there[0]!r} already. Rename or drop it.")
    wanted = frame if is_lazy(spells) else frame.select(*columns_needed(model, schema))
    given = columns_as_asked(collect(wanted), columns_of_model(model))
    n = next(iter(given.values())).size
    answer: Columns = {name: np.empty(n) for name in made}
    begun, why = np.full(n, ORIGIN if landmark is None else since[0]), Why.of(model, n)
    for some in chunks_of_customers(model, given, begun, "spells"):
        rows, start = some.rows, some.start
        answer["risk"][rows] = some.where_known(model.risk_score(some.design))
        for name, time in zip(made[1:], asked, strict=True):
            end = np.full(start.size, time)
            hazard, _ = model.hazard_between(some.design, some.stratum, start, end)
            answer[name][rows] = some.where_known(np.exp(-hazard))
            places = np.arange(rows.start, rows.stop)
            why.explain(places, answer[name][rows], some.stratum, (start, end), some.why)
    why.warn("spells", "say landmark={until}, here and in the score, to look on from there")
    return beside_columns(given, answer, spells)


def _predicted_survival(
    model: LifetimeModel, keys: Columns, times: Floats, level: float
) -> tuple[Floats, Floats, Floats, Why]:
    """Survival, its bounds and why it is not known, customer by customer and time by time."""
    z = intervals.quantile_of(level)
    shape = (keys["tenure"].size, times.size)
    found = [np.empty(shape[0] * shape[1]) for _ in range(3)]
    why = Why.of(model, shape[0] * shape[1])
    for some in chunks_of_customers(model, keys, keys["start"]):
        for i, time in enumerate(times):
            end = np.maximum(some.start, 0.0) + time
            hazard, variance = model.hazard_between(some.design, some.stratum, some.start, end)
            hazard = some.where_known(hazard)
            for column, values in zip(
                found, _survival_with_bounds(hazard, variance, z), strict=True
            ):
                column.reshape(shape)[some.rows, i] = values
            places = np.arange(some.rows.start, some.rows.stop) * times.size + i
            why.explain(places, hazard, some.stratum, (some.start, end), some.why)
    return found[0], found[1], found[2], why


def warn_of_intervals(model: LifetimeModel, argument: str, shortest: float) -> None:
    """A warning where the time that is asked about is shorter than the intervals of the model."""
    if 0 < shortest < model.interval_length:
        warn(
            f"{argument}: {shortest:g} is shorter than the intervals of the model, "
            f"{model.interval_length:g}: it says 0 for whoever's interval does not end by then. "
            "Fit it with a shorter unit=, or ask further ahead."
        )


def _repeated_for_times(values: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """A value for each customer and time, one after the other: ten times as fast as np.repeat."""
    found = np.empty(shape[0] * shape[1], values.dtype)
    found.reshape(shape)[:] = values
    return found


def _survival_with_bounds(
    hazard: Floats, variance: Floats, z: float
) -> tuple[Floats, Floats, Floats]:
    """Survival with its lower and upper bounds, from a cumulative hazard and its variance.

    Where the hazard is 0 nobody has been seen to leave, and both bounds are 1.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.exp(z * np.sqrt(variance) / hazard)
        lower, upper = np.exp(-hazard * spread), np.exp(-hazard / spread)
    none = hazard == 0
    lower[none], upper[none] = 1.0, 1.0
    return np.exp(-hazard), lower, upper


def lengths_of_time(value: Any, argument: str) -> Floats:
    """One length of time or several."""
    try:
        lengths = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        lengths = np.array([np.nan])
    if lengths.ndim != 1 or not (np.isfinite(lengths) & (lengths >= 0)).all():
        raise RetentionError(f"{argument} must be lengths of time, 0 or more; got {value!r}.")
    return lengths

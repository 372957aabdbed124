"""What models of reasons say of customers: who leaves, when, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import ColumnError, RetentionError, count_of, warn
from retention.frames import (
    FewTexts,
    as_lazy,
    beside_columns,
    collect,
    is_lazy,
    table_like,
)
from retention.names import columns_as_asked
from retention.numerics import step_functions
from retention.survival.causes.cause_specific import CauseSpecificModel
from retention.survival.causes.fine_gray import FineGrayModel
from retention.survival.causes.incidence_paths import chances_of_reasons, steps_of_stratum
from retention.survival.models.customers_given import (
    chunks_of_customers,
    columns_needed,
    columns_of_customers,
    columns_of_model,
    refuse_absent_columns,
)
from retention.survival.models.lifetime_model import ORIGIN, description_of
from retention.survival.models.prediction import lengths_of_time
from retention.survival.models.unpredicted import BEHIND, REASONS, Why
from retention.tables import column_names
from retention.tables.answer_columns import gives, ids, numbers, shares, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.survival.models.customers_given import Chunk
    from retention.survival.models.lifetime_model import LifetimeModel
    from retention.survival.models.prediction import Given

    Floats = NDArray[np.float64]


@gives(
    "customer, time and reason",
    ids("customer_id"),
    numbers("tenure", "time", unit="as duration"),
    texts("reason"),
    shares("reason_probability", "lower", "upper", "survival"),
    texts("note"),
)
def predict_reasons(
    customers: IntoFrameT,
    *,
    model: CauseSpecificModel | FineGrayModel,
    times: float | Sequence[float],
    given: Given = "tenure",
    keep: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Who leaves, when, and why: the chance that a customer leaves for each reason in a time.

    With tenure s and H_k the cumulative hazard of the customer for reason k (Aalen–Johansen),

        F_k(t) = Σ over s < u ≤ s + t of (S(u−) − S(u)) ΔH_k(u) / ΔH(u),

    S(u) = e^(−(H(u) − H(s))) and H the sum of all H_k, so that S(s + t) + Σ_k F_k(t) = 1 for every
    customer and time. F_k is not 1 − e^(−H_k): who left for one reason cannot leave for another.

    Args:
        customers: as in `predict_survival`: a table with `customer_id`, `tenure` and the model's
            covariates and strata, or a table of spells, of which those that go on are predicted.
        model: from `fit_cause_specific`; or from `fit_fine_gray`, with `given=None` alone: it says
            F_k(t) = 1 − e^(−Λ_k(t) e^(β_k x)) of each reason by itself, so that they may add up to
            more than 1 (a warning counts the customers), and nothing of `survival`, which is null.
        times: how much later, in the unit of the durations; one time or several.
        given: "tenure" (they are still here after it) or None (they are only starting).
        keep: columns of `customers` that come along, behind all others.
        level: confidence of the bounds, which are those of the estimate (delta method, from
            log(−log(1 − F_k))): whether a customer leaves is chance beyond them. Where the model
            has a `cluster`, they allow for its rows depending on one another.

    Returns:
        One row per customer, time and reason, in the caller's kind and the customers' order:
        `customer_id`, `tenure` (0 with `given=None`), `time`, `reason`, `reason_probability`
        (F_k), `lower`, `upper` (null where a model has no errors), `survival` (of all reasons),
        `note` (why there is no prediction, or what it is given; else null), then the `keep`
        columns. A warning counts whom new labels or missing covariates leave out.

    Raises:
        RetentionError: if a time is below 0, or the model is none of reasons, or of `fit_fine_gray`
            with a tenure; and as `predict_survival`.

    Example:
        Half of those at risk on day 1 leave over the price, half of the rest for a rival.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 2, 3], "churned": [True, True, False, False],
        ...     "reason": ["price", "rival", None, None],
        ... })
        >>> model = rt.survival.fit_cause_specific(spells, ties="breslow")
        >>> customers = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [0]})
        >>> why = rt.survival.predict_reasons(customers, model=model, times=2)
        >>> why[["reason", "reason_probability", "survival"]].round(4)  # e^(−1/4) is .7788
          reason  reason_probability  survival
        0  price              0.2212     0.558
        1  rival              0.2208     0.558

    Source:
        Benichou, J. and Gail, M. H. (1990), Biometrics 46, 813–826. Cheng, S. C., Fine, J. P. and
        Wei, L. J. (1998), Biometrics 54, 219–228. Putter, Fiocco and Geskus (2007), Statistics in
        Medicine 26, section 3.3.
    """
    _check_reason_model(model, "given=None", given is not None)
    z = intervals.quantile_of(level)
    names = column_names(keep, argument="keep")
    asked = lengths_of_time(times, "times")
    first = _model_of_the_unseen(model)
    keys, kept = columns_of_customers(first, customers, given, names)
    shape = (keys["tenure"].size, asked.size, len(model.reasons))
    chances, why = _reason_chances_and_why(model, first, keys, asked)
    lower, upper = step_functions.log_log_at(
        1 - chances[0], chances[1] / np.maximum(1 - chances[0], 1e-300) ** 2, z
    )
    known = ~np.isnan(chances[1])  # a chance of 0 from a model without errors is not sure
    columns = {
        "customer_id": keys["customer_id"][:, None, None],
        "tenure": keys["tenure"][:, None, None],
        "time": asked[:, None],
        "reason": None,
        "reason_probability": chances[0],
        "lower": np.where(known, 1 - upper, np.nan),
        "upper": np.where(known, 1 - lower, np.nan),
        "survival": chances[2][:, :, None],
        "note": None,
        **{name: values[:, None, None] for name, values in kept.items()},
    }
    texts_of = {
        "reason": FewTexts(np.tile(np.arange(shape[2]), shape[0] * shape[1]), model.reasons),
        "note": _notes_by_reason(why, shape[2]),
    }
    return table_like(
        {
            name: texts_of[name] if values is None else np.broadcast_to(values, shape).ravel()
            for name, values in columns.items()
        },
        customers,
    )


def with_reason_predictions(
    spells: IntoFrameT,
    *,
    model: CauseSpecificModel | FineGrayModel,
    times: float | Sequence[float],
    landmark: float | None = None,
) -> IntoFrameT:
    """Spells with the chance of leaving for each reason beside what happened, to be scored.

    Args:
        spells: spells of any kind, with the model's covariates and strata.
        model: from `fit_cause_specific`, or without a landmark from `fit_fine_gray`.
        times: times since the start, in the unit of the durations.
        landmark: chances are those of a customer who has stayed longer than that, as for the scores
            with the same `landmark`; None for one who is only starting.

    Returns:
        The table with further columns, in the caller's kind: for each reason and time
        `<reason>_<time>`, the chance F_k of `predict_reasons` from the start, or from the landmark,
        to that time. It is null where it lies outside what the model has seen, and where a
        covariate is missing or has a label that the model was not fitted on; warnings count these.

    Raises:
        RetentionError: if a time is below the landmark, or the model is none of reasons.
        ColumnError: if a column is missing or there already, or holds something else than in the
            fit.
        ContentError: if a covariate is missing or new in all of several rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 2, 3], "churned": [True, True, False, False],
        ...     "reason": ["price", "rival", "", ""],
        ... })
        >>> model = rt.survival.fit_cause_specific(spells)
        >>> scored = rt.survival.with_reason_predictions(spells, model=model, times=2)
        >>> scored.columns.tolist()
        ['duration', 'churned', 'reason', 'price_2', 'rival_2']

    Source:
        as `predict_reasons`.
    """
    _check_reason_model(model, "landmark=None", landmark is not None)
    asked = lengths_of_time(times, "times")
    since = lengths_of_time(0.0 if landmark is None else landmark, "landmark")
    if since.size != 1:
        raise RetentionError(f"landmark must be one length of time; got {landmark!r}.")
    if (asked < since).any():
        raise RetentionError(f"times: {asked.min():g} lies before the landmark {since[0]:g}.")
    first = _model_of_the_unseen(model)
    frame = as_lazy(spells, name="spells", by_row=True)
    schema = frame.collect_schema()
    refuse_absent_columns(first, schema)
    made = [f"{reason}_{time:.15g}" for reason in model.reasons for time in asked]
    if there := [name for name in made if name in schema]:
        raise ColumnError(f"spells: there is a column {there[0]!r} already. Rename or drop it.")
    wanted = frame if is_lazy(spells) else frame.select(*columns_needed(first, schema))
    given = columns_as_asked(collect(wanted), columns_of_model(first))
    n = next(iter(given.values())).size
    begun = np.full(n, ORIGIN if landmark is None else since[0])
    keys = given | {"tenure": begun, "start": begun}
    chances, why = _reason_chances_and_why(model, first, keys, asked - since, "spells")
    why.warn("spells", "say landmark={until}, here and in the score, to look on from there")
    columns = chances[0].transpose(2, 1, 0).reshape(len(made), n)
    return beside_columns(given, dict(zip(made, columns, strict=True)), spells)


def _check_reason_model(model: object, say: str, later: bool) -> None:
    """Refuse what is no model of reasons, or says nothing of those who have stayed for a while."""
    if isinstance(model, FineGrayModel) and later:
        raise RetentionError(
            "A model of fit_fine_gray says nothing of customers who have stayed already: say "
            f"{say} for those who are only starting, or fit the model with fit_cause_specific."
        )
    if not isinstance(model, CauseSpecificModel | FineGrayModel):
        raise RetentionError(
            "model must come from fit_cause_specific or fit_fine_gray; got "
            f"{description_of(model)}. Fit one, as in "
            "model = rt.survival.fit_cause_specific(spells, covariates=['plan'])."
        )


def _model_of_the_unseen(model: CauseSpecificModel | FineGrayModel) -> LifetimeModel:
    """Of models of the same spells the one that says what nobody observed: with ends at time 0."""
    if isinstance(model, FineGrayModel):
        return model.models[0]
    starts = [
        any(base.duration and base.duration[0] <= 0 for base in each.baselines)
        for each in model.models
    ]
    return model.models[int(np.argmax(starts))]


def _reason_chances_and_why(
    model: CauseSpecificModel | FineGrayModel,
    first: LifetimeModel,
    keys: Columns,
    times: Floats,
    table: str = "customers",
) -> tuple[tuple[Floats, Floats, Floats], Why]:
    """Chances, variances and survival by customer, time and reason, and why they are not known."""
    n = keys["tenure"].size
    shape = (n, times.size, len(model.models))
    made = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape[:2], np.nan)
    why = Why.of(first, n * times.size)
    for some in chunks_of_customers(first, keys, keys["start"], table):
        ends = np.maximum(some.start, 0.0)[:, None] + times
        if isinstance(model, FineGrayModel):
            _put_subdistributions(model, some, ends, made)
        else:
            _put_cause_specific(model, some, ends, made)
            _hide_the_unseen(first, some, ends, made)
        for i in range(times.size):
            places = np.arange(some.rows.start, some.rows.stop) * times.size + i
            known = made[0][some.rows, i, 0]
            why.explain(places, known, some.stratum, (some.start, ends[:, i]), some.why)
    if isinstance(model, FineGrayModel):
        _warn_of_sums(made[0], table)
    return made, why


def _put_cause_specific(
    model: CauseSpecificModel, some: Chunk, ends: Floats, made: tuple[Floats, Floats, Floats]
) -> None:
    """Aalen–Johansen of all reasons together, stratum by stratum."""
    for number in np.unique(some.stratum[some.stratum >= 0]).tolist():
        rows = np.flatnonzero((some.stratum == number) & (some.why < 0))
        if rows.size:
            steps = steps_of_stratum(model.models, number, model.robust)
            found = chances_of_reasons(
                model.models, steps, some.design[rows], some.start[rows], ends[rows]
            )
            at = some.rows.start + rows
            made[0][at], made[1][at], made[2][at] = found.incidence, found.variance, found.survival


def _put_subdistributions(
    model: FineGrayModel, some: Chunk, ends: Floats, made: tuple[Floats, Floats, Floats]
) -> None:
    """Each reason by itself."""
    for k, each in enumerate(model.models):
        for i, end in enumerate(ends.T):
            hazard, variance = each.hazard_between(some.design, some.stratum, some.start, end)
            staying = np.exp(-hazard)
            made[0][some.rows, i, k] = some.where_known(1 - staying)
            made[1][some.rows, i, k] = some.where_known(staying**2 * variance)


def _warn_of_sums(chances: Floats, table: str) -> None:
    """Count the customers whose chances of all reasons add up to more than 1."""
    total = np.nan_to_num(chances.sum(axis=2)).max(axis=1, initial=0.0)
    if n := int((total > 1).sum()):
        has = count_of(n, "row has", "rows have")
        warn(
            f"{table}: {has} chances that add up to more than 1 over the reasons, up to "
            f"{total.max():.3g}: in Fine and Gray's model each reason is told by itself. Chances "
            "that add up come from fit_cause_specific."
        )


def _hide_the_unseen(
    first: LifetimeModel, some: Chunk, ends: Floats, made: tuple[Floats, Floats, Floats]
) -> None:
    """Nothing is said of times in which nobody was under observation."""
    for i, end in enumerate(ends.T):
        hazard, _ = first.hazard_between(some.design, some.stratum, some.start, end)
        unknown = np.arange(some.rows.start, some.rows.stop)[np.isnan(hazard)]
        for each in made:
            each[unknown, i] = np.nan


def _notes_by_reason(why: Why, n_reasons: int) -> FewTexts:
    """Why there is no prediction, or what it is given, once for each reason."""
    why.warn("customers", BEHIND)
    note = np.where(why.note >= 0, why.note + len(REASONS), -1)
    place = np.where(why.reason >= 0, why.reason, note).astype(np.int32)
    return FewTexts(np.repeat(place, n_reasons), (*REASONS, *why.texts))

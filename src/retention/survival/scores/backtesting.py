"""Would the model have known? Fitted as of a day, scored on what happened after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import (
    ContentError,
    RetentionError,
    check_choice,
    count_of,
    warn,
)
from retention.frames import Columns, collect, in_kind_of, one_row, table_like
from retention.periods import whole_days
from retention.survival.models.covariates import places_of_strata
from retention.survival.models.lifetime_model import (
    LifetimeModel,
    check_model,
    description_of,
    is_table,
)
from retention.survival.models.prediction import warn_of_intervals
from retention.survival.models.unknowns import Reader
from retention.survival.models.unpredicted import Why
from retention.survival.scores.all_scores import FEWEST, all_scores, columns_of_scores
from retention.survival.scores.holdouts import HOLDOUTS, Holdout, held_out
from retention.survival.scores.known_by_then import Build, Rebuilt, check_build
from retention.survival.scores.scored_tables import LOW
from retention.tables import SPELLS, require
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Predict = Callable[[Any, float], Any]


@gives(
    "cut",
    times("cut"),
    constants(whole_numbers("horizon", "embargo", unit="days"), texts("holdout")),
    whole_numbers(
        "n_fitted", "n_fitted_churned", "n_running", "n_unpredicted", "n_scored", "n_churned"
    ),
    shares(
        "predicted_churn",
        "observed_churn",
        "lower",
        "upper",
        "concordance",
        "concordance_lower",
        "concordance_upper",
        "auc",
        "auc_error",
    ),
    numbers("brier_score", "brier_reference", unit="squared share"),
    shares("skill"),
    numbers("top_lift", unit="times the average"),
    texts("status", "reason", "note"),
)
def backtest(
    table: IntoFrameT,
    *,
    fit: Callable[[Any], LifetimeModel | Predict],
    cuts: date | str | Sequence[date | str],
    horizon: int,
    build: Build | None = None,
    embargo: int = 0,
    holdout: Holdout = "time",
    level: float = 0.95,
) -> IntoFrameT:
    """Whether the model would have known who leaves: fitted as of several days, scored after each.

    For each cut: spells are rebuilt as they were known on it (less the embargo), `fit` makes a
    model of them, the customers still here on the cut are given their chance of leaving within the
    horizon, and what happened by cut + horizon scores it. Nothing after the cut is visible to
    `fit`: spells that ended later are still running, and spells that began later are not there.

    Args:
        table: spells from `purchase_spells` or `contract_spells`, with covariates known at their
            start; or, together with `build`, orders (or anything else with a `date`) or contracts.
        fit: takes a table of spells and gives a model, as in
            `lambda spells: rt.fit_cox(spells, covariates=["plan"])`; or gives a function that
            takes the running spells (with their `tenure` in days) and the horizon, and gives each
            one's chance of leaving: anybody's classifier.
        cuts: the day, or days in any order. The data must reach to the last one + horizon.
        horizon: days after a cut within which leaving counts.
        build: a function that makes spells of the table and a day, as in
            `lambda orders, as_of: rt.purchase_spells(orders, gap=90, as_of=as_of)`. It is given
            only the rows up to that day; contracts that ended later are still running. Default: the
            table holds spells, which are cut off there; an end is taken to be known on the day it
            is dated. Where it is known later (contracts with a `grace`), give the contracts and
            say `build`: running spells are then known up to an earlier day, from which tenure and
            horizon are counted. Of spells that are cut off, `last_order` is null
            where it lies after the cut; columns from `keep_last=` tell of the end of a spell, so
            leave them out.
        embargo: days before each cut that are kept from `fit`, as when data arrive late.
        holdout: "time" (all customers are fitted on and scored) or "customers" (a fifth of them,
            chosen by a checksum of the id, is scored, the others are fitted on, so that no customer
            is on both sides).
        level: confidence of the bounds.

    Returns:
        One row a cut, in the caller's kind: `cut`, `horizon`, `embargo`, `holdout`, `n_fitted` and
        `n_fitted_churned` (spells), `n_running` (spells on the cut), `n_unpredicted` (of these,
        where the model cannot look so far, has not seen the label, or a covariate is missing: they
        are not scored), `n_scored`, `n_churned` (within
        the horizon), `predicted_churn` (mean) and `observed_churn` with `lower` and `upper`,
        `concordance`, `concordance_lower`, `concordance_upper`, `auc`, `auc_error`, `brier_score`,
        `brier_reference`, `skill` (see `brier_score`), `top_lift` (of the tenth with the highest
        risk), `status` (of the model; "predictions" for a function, "not fitted" where `fit`
        refused), `reason` (why a cut has no scores, as that fewer than 10 spells can be scored,
        else null), `note` (where nobody of those fitted on was watched: what predictions
        are given, or why some are null; else null).

    Raises:
        RetentionError: if `horizon` or `embargo` is not a whole number of days.
        ContentError: if a cut + horizon lies after the last observed day, or nobody was there.

    Example:
        >>> import retention as rt
        >>> orders = rt.sample_company(2_000, seed=1).orders
        >>> scores = rt.survival.backtest(
        ...     orders,
        ...     fit=lambda spells: rt.fit_cox(spells),
        ...     build=lambda known, day: rt.purchase_spells(known, gap=120, as_of=day),
        ...     cuts=["2023-12-31"],
        ...     horizon=90,
        ... )
        >>> bool(scores["n_churned"][0] > 0)
        True

    Source:
        Tashman, L. J. (2000), International Journal of Forecasting 16, 437–450: rolling-origin
        evaluation. López de Prado, M. (2018), Advances in Financial Machine Learning, chapter 7:
        embargo.
    """
    _check_fit(fit)
    check_build(build)
    check_choice("holdout", holdout, HOLDOUTS)
    ahead, kept = (
        whole_days(horizon, argument="horizon", least=1),
        whole_days(embargo, argument="embargo", least=0),
    )
    made = Rebuilt(table, build)
    several = list(cuts) if isinstance(cuts, Iterable) and not isinstance(cuts, str) else [cuts]
    days = sorted(periods.as_day(cut, argument="cuts") for cut in several)
    if not days:
        raise RetentionError("cuts: name at least one day.")
    made.refuse_beyond(periods.days_after(days[-1], ahead))
    split = holdout == "customers"
    rows = [_scores_of_cut(fit, made, cut, (ahead, kept), split, level) for cut in days]
    _warn_of_first_note([row["note"] for row in rows])
    _warn_of_sign([row["concordance"] for row in rows])
    said = {"horizon": ahead, "embargo": kept, "holdout": holdout}
    parts: Columns = {"cut": np.array([np.datetime64(cut, "D") for cut in days])}
    parts |= {name: np.full(len(days), value, _dtype_of(value)) for name, value in said.items()}
    parts |= columns_of_scores(rows)
    return table_like(parts, table)


def _warn_of_sign(found: Sequence[float | None]) -> None:
    """One warning for all cuts, where the chances that `fit` gives may be of staying."""
    low = sum(value is not None and value < LOW for value in found)
    if low:
        warn(
            f"fit: on {low:,} of {count_of(len(found), 'cut')} the concordance is below {LOW:g}, "
            "worse than a coin's ½: perhaps the sign is turned. It must be the chance of leaving, "
            "not of staying."
        )


def _check_fit(fit: object) -> None:
    """Refuse what cannot fit anything, such as a model that was fitted already.

    Raises:
        RetentionError: with what to write.
    """
    if callable(fit) and not isinstance(fit, type):
        return
    example = "lambda spells: rt.fit_cox(spells, covariates=['plan'])"
    first = " The table comes first, then fit=." if is_table(fit) else ""
    raise RetentionError(
        f"fit must be a function that takes spells and gives a model, fitted anew for each cut, as "
        f"in {example}; got {description_of(fit)}.{first}"
    )


def _scores_of_cut(
    fit: Callable[[Any], LifetimeModel | Predict],
    made: Rebuilt,
    cut: date,
    days: tuple[int, int],
    split: bool,
    level: float,
) -> dict[str, Any]:
    """One cut: fitted before it, scored after it."""
    horizon, embargo = days
    fitted = _spells_of_fold(made.known(periods.days_after(cut, -embargo)), split, scored=False)
    n_fitted, n_churned = _numbers_of_spells(fitted)
    running = _running_spells(_spells_of_fold(made.known(cut), split, scored=True))
    later = _outcomes_since_cut(made.outcome(periods.days_after(cut, horizon)), running)
    refused, note = "", None
    chance, status = np.full(running["tenure"].size, np.nan), "not fitted"
    try:
        model = fit(fitted)
    except ContentError as error:
        refused = f"fit: {error}"
    else:
        if not callable(model):
            check_model(model)
        chance, note = _chances_of_leaving(model, running, horizon)
        status = getattr(model, "status", "predictions")
    known = np.isfinite(chance) & np.isfinite(later["since"])
    counts = {
        "n_fitted": n_fitted,
        "n_fitted_churned": n_churned,
        "n_running": int(chance.size),
        "n_unpredicted": int((~known).sum()),
        "n_scored": int(known.sum()),
    }
    scores = all_scores(
        later["since"][known], later["churned"][known], chance[known], horizon, level
    )
    said = {"reason": refused or _why_unscored(counts, scores), "note": note}
    return {**counts, **scores, "status": str(status), **said}


def _warn_of_first_note(notes: list[str | None]) -> None:
    told = [note for note in notes if note]
    if told:
        warn(
            f"backtest: {told[0]} ({len(told):,} of {len(notes):,} cuts say such a thing in "
            "'note'). Fit on spells that were watched from their start, or say cuts= later."
        )


def _running_spells(spells: Any) -> Columns:
    """The spells that run on the cut, with the tenure they are known to have by then."""
    frame = require(spells, SPELLS)
    start = periods.day_expr("start", frame.implementation)
    running = frame.filter(~nw.col("churned"), nw.col("set_aside").is_null())
    columns = collect(running.with_columns(_start=start))
    return columns | {"tenure": columns["duration"].astype(np.float64)}


def _outcomes_since_cut(spells: Any, running: Columns) -> Columns:
    """For each running spell for how long it was seen since, and whether it ended then."""
    import pandas as pd

    frame = require(spells, SPELLS)
    start = periods.day_expr("start", frame.implementation)
    wanted = frame.select("customer_id", "churned", "duration", _start=start.cast(nw.Int64))
    later = pd.DataFrame(collect(wanted)).drop_duplicates(["customer_id", "_start"])
    mine = pd.DataFrame({name: running[name] for name in ("customer_id", "_start")})
    found = mine.merge(later, on=["customer_id", "_start"], how="left")
    until = found["duration"] - running["tenure"]
    # An end that is dated before the cut, and was not known on it, became known right after it.
    churned = found["churned"].eq(True).to_numpy()
    since = until.to_numpy(np.float64)
    return {"since": np.where(churned, np.maximum(since, 1.0), since), "churned": churned}


def _chances_of_leaving(
    model: LifetimeModel | Predict, running: Columns, horizon: int
) -> tuple[Floats, str | None]:
    """The chance of leaving within the horizon, NaN where the model cannot say, and a note."""
    import pandas as pd

    n = running["tenure"].size
    if not isinstance(model, LifetimeModel):
        named = {name: values for name, values in running.items() if name != "_start"}
        answer = model(pd.DataFrame(named), float(horizon))
        try:
            said = np.asarray(answer, np.float64)
        except (TypeError, ValueError):
            raise RetentionError(
                "fit: its function must give one chance of leaving, 0 to 1, for each running "
                f"spell; got {description_of(answer)}."
            ) from None
        if said.shape != (n,):
            raise RetentionError(
                f"fit: its function gave {said.shape} predictions for {n:,} running spells."
            )
        return said, None
    warn_of_intervals(model, "horizon", float(horizon))
    design, lacking = Reader(model.covariates).read(running, n)
    stratum = places_of_strata(running, model.stratum_columns, model.stratum_keys, n)
    span = running["tenure"], running["tenure"] + horizon
    hazard, _ = model.hazard_between(design, stratum, *span)
    chance = np.where(lacking < 0, -np.expm1(-hazard), np.nan)
    why = Why.of(model, n)
    why.explain(np.arange(n), chance, stratum, span, lacking)
    return np.asarray(chance), "; ".join(why.texts) or None


def _why_unscored(counts: dict[str, int], scores: dict[str, Any]) -> str | None:
    if counts["n_running"] == 0:
        return "nobody was here on the cut"
    if counts["n_scored"] < FEWEST:
        few = f"fewer than {FEWEST} can be scored"
        if not counts["n_unpredicted"]:
            return f"{few}: no more were here on the cut"
        return f"{few}: the model cannot look so far for the others, or does not know their labels"
    return None if scores["n_churned"] else "nobody left within the horizon"


def _spells_of_fold(spells: Any, split: bool, *, scored: bool) -> Any:
    """The customers of one side: every fifth is scored, the others are fitted on."""
    if not split:
        return spells
    frame = require(spells, SPELLS)
    ids = collect(frame.select("customer_id").unique())["customer_id"].tolist()
    chosen = [i for i, out in zip(ids, held_out(ids), strict=True) if out == scored]
    return in_kind_of(frame.filter(nw.col("customer_id").is_in(chosen)), spells)


def _numbers_of_spells(spells: Any) -> tuple[int, int]:
    """How many spells can be used, and how many of them ended."""
    frame = require(spells, SPELLS).filter(nw.col("set_aside").is_null())
    found = one_row(frame.select(n=nw.len(), ended=nw.col("churned").cast(nw.Int64).sum()))
    return int(found["n"]), int(found["ended"] or 0)


def _dtype_of(value: object) -> Any:
    return object if isinstance(value, str) else None

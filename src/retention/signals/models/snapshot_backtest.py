"""Would a classifier have known: fitted on labels that were known on a day, scored on that day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals, periods
from retention.errors import ContentError, RetentionError, check_choice, count_of
from retention.frames import table_like
from retention.names import outer_text
from retention.signals.leaks.folds import days_of_cuts, refuse_unlabelled, rows_of_cut
from retention.signals.leaks.labelled import labelled_snapshots, names_of_features
from retention.signals.models.calibration_line import calibration_line
from retention.signals.models.chances import (
    chances_of_rows,
    check_chances,
    fitted_clone,
    is_classifier,
)
from retention.survival.models.lifetime_model import description_of, is_table
from retention.survival.scores.all_scores import FEWEST, all_scores, columns_of_scores
from retention.survival.scores.backtesting import backtest
from retention.survival.scores.holdouts import HOLDOUTS, Holdout
from retention.tables.answer_columns import answer_of, gives, numbers
from retention.wording import quoted_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.signals.leaks.labelled import Labelled

    Flags = NDArray[np.bool_]

_EXAMPLE = "fit=make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())"


@gives(
    "cut",
    answer_of(backtest).columns,
    numbers("calibration_slope", "calibration_intercept", unit="log odds"),
)
def backtest_snapshots(
    snapshots: IntoFrameT,
    *,
    fit: Any,
    features: str | Sequence[str],
    cuts: date | str | Sequence[date | str],
    holdout: Holdout = "time",
    level: float = 0.95,
) -> IntoFrameT:
    """Whether a classifier would have known whom it loses: fitted by a day, scored on that day.

    For each cut it is fitted on the snapshots of earlier days whose label was known by then
    (`known_on` not after the cut), gives the snapshots of the cut their chance of a loss, and their
    labels score it. Anything else promises more than it keeps: see `snapshot_folds`.

    The columns are those of `survival.backtest` and `backtest_purchases`, so that rows stack: a
    classifier on snapshots of customers who had bought within H days, with labels of H days, is
    scored on the same customers and losses as a purchase model with `within=H`. With p the chance
    and y the label, two more say how far chances can be taken at their word:

        logit P(y = 1) = a + calibration_slope · logit p,
        logit P(y = 1) = calibration_intercept + logit p.

    A slope below 1 says that chances are too bold (overfitted), an intercept below 0 that they are
    too high.

    Args:
        snapshots: labelled snapshots with features as columns: from `label_silence` or
            `label_churn`, or your own with `customer_id`, `as_of`, `churned` and `known_on`.
        fit: an unfitted classifier in the way of scikit-learn, copied for each cut, as in
            `make_pipeline(SimpleImputer(), LogisticRegression())`. Or a function: it is given the
            snapshots before the cut, in your kind of table, as they were known on it (`churned` is
            null where the label was not known yet: a survival model can use these rows, others
            drop them first), and gives a fitted classifier, or a function that takes the snapshots
            of the cut as a pandas table and gives each one's chance.
        features: the columns that classifiers are given. True and false are read as 1 and 0.
        cuts: days of the snapshots, in any order, whose labels are known.
        holdout: "time" or "customers", as in `snapshot_folds`: the fifth is that of
            `survival.backtest`.
        level: confidence of the bounds.

    Returns:
        One row per cut, in the caller's kind, as of `survival.backtest`: `cut`, `horizon` (days
        from a snapshot to the end of its label's window; the longest), `embargo` (0: `known_on`
        says when a label was known), `holdout`, `n_fitted` and `n_fitted_churned` (snapshots with a
        label), `n_running` (snapshots of the cut), `n_unpredicted` (of these, without a prediction
        or a label), `n_scored`, `n_churned`, `predicted_churn`, `observed_churn`, `lower`, `upper`,
        `concordance`, `concordance_lower`, `concordance_upper`, `auc`, `auc_error`, `brier_score`,
        `brier_reference`, `skill`, `top_lift`, `status` ("predictions", or what the function's
        model says; "not fitted"), `reason`, `note`; then `calibration_slope` and
        `calibration_intercept` (null where a chance is 0 or 1, or nothing tells).

    Raises:
        ColumnError: if a column is missing, or says who, when or what became of them.
        ContentError: if a cut is no day of the snapshots or its labels are not known, a feature is
            null in all rows that are fitted on (some classifiers break on it), or a prediction is
            no share of 1.
        RetentionError: if `fit` is none of these, or refuses the rows.

    Example:
        Who was silent for longer than a month stays so; the classifier finds it.

        >>> import pandas as pd
        >>> from sklearn.linear_model import LogisticRegression
        >>> import retention as rt
        >>> days = pd.to_datetime(["2024-01-31", "2024-03-31"])
        >>> table = pd.DataFrame({
        ...     "customer_id": [*range(40)] * 2, "as_of": days.repeat(40),
        ...     "days_silent": [*range(0, 80, 2)] * 2,
        ... })
        >>> table["churned"] = (table["days_silent"] > 30).astype(float)
        >>> table["known_on"] = table["as_of"] + pd.Timedelta(days=30)
        >>> scores = rt.signals.backtest_snapshots(
        ...     table, fit=LogisticRegression(), features="days_silent", cuts="2024-03-31"
        ... )
        >>> scores[["n_fitted", "n_scored", "n_churned", "auc"]]
           n_fitted  n_scored  n_churned  auc
        0        40        40         24  1.0

    Source:
        As `survival.backtest`. Calibration: Cox, D. R. (1958), Biometrika 45, 562–565; Van Calster
        and others (2019), BMC Medicine 17, 230 (slope, and intercept with the slope at 1).
    """
    _check_fit_of_snapshots(fit)
    check_choice("holdout", holdout, HOLDOUTS)
    intervals.quantile_of(level)
    names, days = names_of_features(features), days_of_cuts(cuts)
    found = labelled_snapshots(snapshots, features=names, needs=("churned", "known_on"))
    refuse_unlabelled(found, days)
    rows = [_scores_of_day(found, day, fit, names, (holdout, level), snapshots) for day in days]
    columns = {"cut": np.array([np.datetime64(day, "D") for day in days])}
    columns |= _conventions(found, days, holdout)
    columns |= columns_of_scores(rows)
    return table_like(columns, snapshots)


def _check_fit_of_snapshots(fit: object) -> None:
    """Refuse what cannot be fitted.

    Raises:
        RetentionError: with what to write.
    """
    if is_classifier(fit) or (callable(fit) and not isinstance(fit, type)):
        return
    first = " The table comes first, then fit=." if is_table(fit) else ""
    chances = " It has no predict_proba, so it gives no chances." if hasattr(fit, "fit") else ""
    raise RetentionError(
        f"fit must be an unfitted classifier, as in {_EXAMPLE}, or a function of the snapshots; "
        f"got {description_of(fit)}.{'' if isinstance(fit, type) else chances}{first}"
    )


def _conventions(
    found: Labelled, days: Sequence[date], holdout: Holdout
) -> dict[str, NDArray[Any]]:
    """What is the same in all rows of the answer."""
    ends = np.where(np.isfinite(found.until), found.until, found.known)
    scored = np.isin(found.day, [periods.number_of(day) for day in days]) & found.has_label
    longest = int(np.nanmax((ends - found.day)[scored]))
    return {
        "horizon": np.full(len(days), longest, np.int64),
        "embargo": np.zeros(len(days), np.int64),
        "holdout": np.full(len(days), holdout, object),
    }


def _scores_of_day(
    found: Labelled,
    day: date,
    fit: Any,
    names: Sequence[str],
    said: tuple[Holdout, float],
    like: Any,
) -> dict[str, Any]:
    """One cut: fitted on what was known on it, scored on what became of those of that day."""
    holdout, level = said
    known, _ = rows_of_cut(found, day, holdout)
    aside = found.held_out if holdout == "customers" else np.zeros(known.size, np.bool_)
    here = (found.day == periods.number_of(day)) & (aside | (holdout == "time"))
    running = found.part(here)
    chance, status, why = np.full(running.day.size, np.nan), "not fitted", None
    left = found.label[known]
    if not left.size:
        why = "no label was known by then"
    elif left.min() == left.max():
        why = f"all whose label was known by then had {'left' if left.min() else 'stayed'}"
    elif running.day.size:
        _refuse_blank_features(found.part(known), names, day)
        earlier = (found.day < periods.number_of(day)) & ~aside
        try:
            model = _model_of_day(fit, found, (known, earlier), names, like)
        except ContentError as error:
            why = f"fit: {error}"
        else:
            inputs = _inputs_of_classifier(running, names)
            chance = chances_of_rows(model, running.pandas_frame(), inputs)
            check_chances(chance)
            status = str(getattr(model, "status", "predictions"))
    return {
        "n_fitted": int(left.size),
        "n_fitted_churned": int(left.sum()),
        **_scores_of_chances(running, chance, level, why, status),
    }


def _model_of_day(
    fit: Any, found: Labelled, rows: tuple[Flags, Flags], names: Sequence[str], like: Any
) -> Any:
    """What was fitted: on labels alone, or by a function on all that was known on the day."""
    known, earlier = rows
    if is_classifier(fit):
        part = found.part(known)
        inputs = _inputs_of_classifier(part, names)
        return fitted_clone(fit, inputs, part.label.astype(np.int64))
    columns = dict(found.columns)
    columns["churned"] = np.where(known, found.label, np.nan)
    return fit(table_like({name: each[earlier] for name, each in columns.items()}, like))


def _inputs_of_classifier(part: Labelled, names: Sequence[str]) -> Any:
    return part.pandas_frame()[[outer_text(name) for name in names]]


def _refuse_blank_features(part: Labelled, names: Sequence[str], day: date) -> None:
    """Refuse features of nothing: some classifiers break on them, others make up a value.

    Raises:
        ContentError: with their names.
    """
    import pandas as pd

    blank = [name for name in names if pd.isna(part.columns[name]).all()]
    if blank:
        n = count_of(part.day.size, "row")
        raise ContentError(
            f"features: {quoted_names([outer_text(name) for name in blank])} "
            f"{'is' if len(blank) == 1 else 'are'} null in all of the {n} whose labels were known "
            f"on {day}. Leave {'it' if len(blank) == 1 else 'them'} out, or take later cuts."
        )


def _scores_of_chances(
    running: Labelled, chance: NDArray[np.float64], level: float, why: str | None, status: str
) -> dict[str, Any]:
    """The scores of one day, and why there are none."""
    scored = np.isfinite(chance) & running.has_label
    lost = running.label[scored] == 1
    # Silences end together, at the end of the window; whoever was not lost was seen beyond it.
    since = np.where(lost, 1.0, 2.0)
    scores = all_scores(since, lost, chance[scored], 1, level)
    enough = scored.sum() >= FEWEST
    slope, intercept = calibration_line(chance[scored], lost) if enough else (None, None)
    if why is None and not enough:
        why = f"fewer than {FEWEST} can be scored: the others have no label or no prediction"
    elif why is None and not lost.any():
        why = "nobody left within the window"
    return {
        "n_running": int(chance.size),
        "n_unpredicted": int((~scored).sum()),
        "n_scored": int(scored.sum()),
        **scores,
        "status": status,
        "reason": why,
        "note": None,
        "calibration_slope": slope,
        "calibration_intercept": intercept,
    }

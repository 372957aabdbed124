"""How far predicted chances of staying lie from what happened, and how well risks tell leavers."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import RetentionError, RetentionWarning, warn
from retention.frames import Columns, table_like
from retention.numerics import step_functions
from retention.survival.scores.censoring_weights import censoring_weighting, strata_names
from retention.survival.scores.scored_tables import (
    LOW,
    advice_on_reversal,
    check_landmark,
    check_times,
    column_of_predictions,
    column_of_probabilities,
    read_scored,
    times_with_columns,
)
from retention.tables.answer_columns import gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories
    from retention.survival.scores.censoring_weights import Points, Weighting

    Floats = NDArray[np.float64]
    Survival = Mapping[float, str] | Sequence[str] | str

FIRST_COLUMNS = 8
"""Columns of predictions that are read at first, before it is known how long they are."""

CELLS = 32_000_000
"""Predictions that are read at a time thereafter, a quarter of a gigabyte."""


@gives(
    "time",
    numbers("time", unit="as duration"),
    whole_numbers("n_spells", "n_churned", "n_still", "n_unknown"),
    numbers("n_effective", unit="customers"),
    numbers("brier_score", "reference", unit="squared share"),
    shares("skill"),
    texts("reason"),
)
def brier_score(
    scored: IntoFrameT,
    *,
    survival: Survival,
    times: Sequence[float] | None = None,
    censoring: object | None = None,
    censoring_by: str | Sequence[str] = (),
    landmark: float | None = None,
) -> IntoFrameT:
    """How far the predicted chances of still being here lie from who was: mean squared error.

    With s_i the predicted chance that spell i lasts beyond t, T_i its duration, n the number of
    spells and G the chance of not having been censored (Kaplan–Meier with censoring as the event,
    ends before censorings at equal durations),

        score(t) = 1/n (Σ over ends with T_i ≤ t of s_i² / G(T_i−)
                        + Σ over T_i > t of (1 − s_i)² / G(t)).

    Spells censored by t count 0; the weights of the others make up for them, also on whole months
    with many ties. 0 is perfect; ¼ is what saying ½ of everybody gets. `reference` is the score of
    saying the Kaplan–Meier S(t) of everybody, and skill = 1 − score / reference: 0 is no better
    than that, below 0 worse.

    Censoring must not depend on the lifetime, given the strata. A point is null, with the reason,
    where nobody was followed for so long, or where the weights explode: the largest is above 10
    and n_effective below 10.

    Args:
        scored: a table of spells (`duration`, `churned`, perhaps `n_spells`) with the predictions
            as columns.
        survival: the column of predicted S(t) for each time, as in {30: "s30", 90: "s90"}; or a
            list of columns, one for each of `times`.
        times: when to score, from the start of the spell, in the unit of `duration`; with a
            mapping, None for all its times.
        censoring: spells from which G is estimated, say those the model was fitted on; None for
            those that are scored.
        censoring_by: columns of both tables, in whose strata G is estimated.
        landmark: score the spells that are under observation at this time, from there on; the
            predictions are then chances given that. Needed where spells came under observation
            late (`entry`), since G is not defined before.

    Returns:
        One row a time, rising, in the caller's kind: `time`, `n_spells`, `n_churned` (by then),
        `n_still` (beyond), `n_unknown` (censored by then), `n_effective` (equally weighted spells
        that would say as much), `brier_score`, `reference`, `skill` (null where the reference is
        0), `reason` (null, or why the score is).

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a prediction is missing or not between 0 and 1.
        RetentionError: if times and columns do not belong together, or spells came under
            observation late and there is no landmark.

    Example:
        The one who left by day 2 was given 0.5, those who stayed 0.5 and 1: (0.25 + 0.25 + 0) / 3.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [1, 3, 4], "churned": [True, True, False], "s2": [0.5, 0.5, 1.0],
        ... })
        >>> score = rt.survival.brier_score(scored, survival={2: "s2"})
        >>> score[["time", "n_churned", "n_still", "brier_score", "reference", "skill"]].round(4)
           time  n_churned  n_still  brier_score  reference  skill
        0   2.0          1        2       0.1667     0.2222   0.25

    Source:
        Graf, E. et al. (1999), Statistics in Medicine 18, 2529–2545. Gerds, T. A. and Schumacher,
        M. (2006), Biometrical Journal 48, 1029–1040.
    """
    mark = check_landmark(landmark)
    asked = times_with_columns(survival, times, mark)
    return table_like(_brier_scores(scored, asked, (censoring, censoring_by), mark), scored)


@gives(
    "scored table",
    numbers("first_time", "last_time", unit="as duration"),
    whole_numbers("n_times", "n_spells", "n_churned", "n_still", "n_unknown"),
    numbers("integrated_brier_score", "reference", unit="squared share"),
    shares("skill"),
    texts("reason"),
)
def integrated_brier_score(
    scored: IntoFrameT,
    *,
    survival: Survival,
    times: Sequence[float] | None = None,
    censoring: object | None = None,
    censoring_by: str | Sequence[str] = (),
    landmark: float | None = None,
) -> IntoFrameT:
    """The Brier score over a stretch of time, in one number.

    With the scores at t_1 < … < t_m joined by straight lines (trapezoids),

        ∫ score(t) dt / (t_m − t_1).

    Take times close enough for the lines to fit, and no later than the customers were followed.

    Args:
        scored: as in `brier_score`.
        survival: as in `brier_score`, for two times or more.
        times: as in `brier_score`.
        censoring: as in `brier_score`.
        censoring_by: as in `brier_score`.
        landmark: as in `brier_score`.

    Returns:
        One row, in the caller's kind: `first_time`, `last_time`, `n_times`; `n_spells`,
        `n_churned`, `n_still`, `n_unknown` (at the last time); `integrated_brier_score`,
        `reference` (of the Kaplan–Meier curve as everybody's prediction), `skill`, `reason` (null,
        or why the score is: it is null if one of its points is).

    Raises:
        RetentionError: if there are fewer than two times; else as `brier_score`.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [1, 3, 4], "churned": [True, True, False],
        ...     "s2": [0.5, 0.5, 1.0], "s3": [0.5, 0.5, 1.0],
        ... })
        >>> score = rt.survival.integrated_brier_score(scored, survival={2: "s2", 3: "s3"})
        >>> print(f"{score['integrated_brier_score'][0]:.4f}")
        0.1667

    Source:
        Graf, E. et al. (1999), Statistics in Medicine 18, 2529–2545.
    """
    mark = check_landmark(landmark)
    asked = times_with_columns(survival, times, mark)
    if len(asked) < 2:
        raise RetentionError(f"survival must name two times or more; got {asked[0][0]:g} alone.")
    points = _brier_scores(scored, asked, (censoring, censoring_by), mark)
    return table_like(_integrated_scores(points), scored)


@gives(
    "time",
    numbers("time", unit="as duration"),
    whole_numbers("n_spells", "n_cases", "n_controls", "n_unknown"),
    numbers("n_effective", unit="customers"),
    shares("auc", "standard_error"),
    texts("reason"),
)
def time_dependent_auc(
    scored: IntoFrameT,
    *,
    risk: str = "risk",
    times: Sequence[float],
    censoring: object | None = None,
    censoring_by: str | Sequence[str] = (),
    landmark: float | None = None,
) -> IntoFrameT:
    """Of one who has left by a time and one who has not, how often the leaver has the higher risk.

    Cases i ended by t and weigh w_i = 1/G(T_i−), controls j go on beyond t and weigh v_j = 1/G(t)
    (see `brier_score`); those censored by t are neither. With equal risks a pair counts half:

        AUC(t) = Σ_i Σ_j w_i v_j (1[r_i > r_j] + ½ 1[r_i = r_j]) / (Σ_i w_i · Σ_j v_j).

    The standard error is DeLong's, from how each case does among the controls and each control
    among the cases, with the weights taken as known.

    Args:
        scored: a table of spells with the prediction as a column.
        risk: the column of predictions, higher where the customer is thought to leave sooner.
        times: when to score, from the start of the spell, in the unit of `duration`.
        censoring: as in `brier_score`.
        censoring_by: as in `brier_score`.
        landmark: as in `brier_score`.

    Returns:
        One row a time, rising, in the caller's kind: `time`, `n_spells`, `n_cases`, `n_controls`,
        `n_unknown` (censored by then), `n_effective` (equally weighted spells that would say as
        much), `auc` (1 is perfect, ½ a coin's), `standard_error`, `reason` (null, or why the AUC
        is).

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a prediction is missing.
        RetentionError: if a time is none, or spells came under observation late and there is no
            landmark.

    Example:
        Of the four pairs of a leaver and a stayer one is in the wrong order.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [1, 2, 3, 4], "churned": [True, True, True, False],
        ...     "risk": [0.9, 0.4, 0.6, 0.1],
        ... })
        >>> auc = rt.survival.time_dependent_auc(scored, times=[2])
        >>> auc[["time", "n_cases", "n_controls", "auc"]]
           time  n_cases  n_controls   auc
        0   2.0        2           2  0.75

    Source:
        Uno, H. et al. (2007), Journal of the American Statistical Association 102, 527–537; Hung,
        H. and Chiang, C. (2010), Canadian Journal of Statistics 38, 8–26. Standard error: DeLong,
        E. R. et al. (1988), Biometrics 44, 837–845.
    """
    mark, names = check_landmark(landmark), strata_names(censoring_by)
    asked = sorted(check_times(times, mark))
    found = read_scored(scored, {"risk": [risk], "censoring_by": names}, mark)
    values = column_of_predictions(found, risk, "risk")
    weighting = censoring_weighting(found, "time_dependent_auc", censoring, names, mark)
    rates = _areas_at_times(found, values, weighting, asked)
    points, fates = weighting.points(asked), weighting.together.fates(asked)
    reason = points.reason.copy()
    reason[points.known & (fates.n_still == 0)] = "nobody goes on beyond this time"
    reason[points.known & (fates.n_churned == 0)] = "nobody had left by this time"
    known = np.array([why is None for why in reason])
    table: Columns = {"time": np.array(asked), "n_spells": fates.n_spells}
    table |= {"n_cases": fates.n_churned, "n_controls": fates.n_still}
    table |= {"n_unknown": fates.n_unknown, "n_effective": points.n_effective}
    table |= {name: np.where(known, each, np.nan) for name, each in rates.items()}
    if (low := table["auc"][table["auc"] < LOW]).size:
        warn(advice_on_reversal(f"the area under the curve is {low[0]:.3g}", risk))
    return table_like({**table, "reason": reason}, scored)


def _brier_scores(
    scored: object,
    asked: Sequence[tuple[float, str]],
    censoring: tuple[object | None, str | Sequence[str]],
    landmark: float | None,
) -> Columns:
    """The Brier score at each time, reading some columns of predictions after the other."""
    names, times = strata_names(censoring[1]), [time for time, _ in asked]

    def part(pairs: Sequence[tuple[float, str]]) -> Histories:
        columns = {"survival": [column for _, column in pairs], "censoring_by": names}
        return read_scored(scored, columns, landmark)

    found = part(asked[:FIRST_COLUMNS])
    weighting = censoring_weighting(found, "brier_score", censoring[0], names, landmark)
    errors = _squared_errors(found, weighting, asked[:FIRST_COLUMNS])
    many = max(1, CELLS // found.duration.size)
    for first in range(FIRST_COLUMNS, len(asked), many):
        pairs = asked[first : first + many]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RetentionWarning)  # said already
            here = part(pairs)
        errors += _squared_errors(here, weighting, pairs)
    points, fates = weighting.points(times), weighting.together.fates(times)
    score = np.where(points.known, np.array(errors) / found.n, np.nan)
    return {
        "time": np.array(times),
        **fates.columns,
        "n_effective": points.n_effective,
        **_scores_with_skill("brier_score", score, _reference_scores(points, weighting, times)),
        "reason": points.reason,
    }


def _squared_errors(
    found: Histories, weighting: Weighting, asked: Sequence[tuple[float, str]]
) -> list[float]:
    """The weighted sum of squared errors at each time."""
    ends = weighting.weights_of_ends(found)
    if found.weight is not None:
        ends *= found.weight
    errors = []
    others = weighting.weights_of_others(found, [time for time, _ in asked])
    for (time, column), other in zip(asked, others, strict=True):
        chance = column_of_probabilities(found, column, "survival")
        gone = found.duration <= time
        beyond = other if found.weight is None else other * found.weight
        error = np.where(gone, chance, 1 - chance)
        errors.append(float(np.where(gone, ends, beyond) @ (error * error)))
    return errors


def _reference_scores(points: Points, weighting: Weighting, times: Sequence[float]) -> Floats:
    """The Brier score of saying the Kaplan–Meier S(t) of everybody."""
    ends = weighting.together
    curve = step_functions.kaplan_meier(ends.n_churned, ends.n_at_risk)
    chance = step_functions.values_at(ends.duration, curve, times, 1.0)
    score = points.churned * chance**2 + points.still * (1 - chance) ** 2
    return np.where(points.known, score, np.nan)


def _scores_with_skill(name: str, score: Floats, reference: Floats) -> Columns:
    return {name: score, "reference": reference, "skill": 1 - intervals.ratio(score, reference)}


def _integrated_scores(points: Columns) -> Columns:
    """The points of a score joined by straight lines, the area under them over their stretch."""
    time, reasons = points["time"], points["reason"]
    stretch = time[-1] - time[0]

    def area(values: Floats) -> Floats:
        return np.array([(np.diff(time) * (values[1:] + values[:-1]) / 2).sum() / stretch])

    lacking = np.flatnonzero([why is not None for why in reasons])
    reason = f"at time {time[lacking[0]]:g}: {reasons[lacking[0]]}" if lacking.size else None
    counts = ("n_spells", "n_churned", "n_still", "n_unknown")
    return {
        "first_time": time[:1],
        "last_time": time[-1:],
        "n_times": np.array([time.size], np.int64),
        **{name: points[name][-1:] for name in counts},
        **_scores_with_skill(
            "integrated_brier_score", area(points["brier_score"]), area(points["reference"])
        ),
        "reason": np.array([reason], dtype=object),
    }


def _areas_at_times(
    found: Histories, values: NDArray[Any], weighting: Weighting, times: Sequence[float]
) -> Columns:
    """AUC and its standard error at each time, from one sort of the risks."""
    order = np.argsort(values)
    weight = None if found.weight is None else found.weight[order]
    found = replace(
        found,
        duration=found.duration[order],
        churned=found.churned[order],
        weight=weight,
        columns={name: each[order] for name, each in found.columns.items()},
    )
    ranked = values[order]
    begins = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    ends = weighting.weights_of_ends(found)
    copies = 1.0 if weight is None else weight.astype(np.float64)

    def sums_by_rank(each: Floats) -> Floats:
        return each if begins.size == each.size else np.add.reduceat(each, begins)

    cases, areas = copies * ends, []
    for time, other in zip(times, weighting.weights_of_others(found, times), strict=True):
        gone = found.duration <= time
        case, control = np.where(gone, cases, 0.0), np.where(gone, 0.0, copies * other)
        sides = [sums_by_rank(each) for each in (case, control, case * ends, control * other)]
        n = (float((copies * (case > 0)).sum()), float((copies * (control > 0)).sum()))
        areas.append(area_and_error(sides, n))
    auc, error = np.array(areas).T
    return {"auc": auc, "standard_error": error}


def area_and_error(sides: Sequence[Floats], n: tuple[float, float]) -> tuple[float, float]:
    """One AUC from the weights of cases and controls in the order of their risks.

    Its variance is that of both kinds, each from its own mean, with one degree of freedom less than
    there are of them, `n`; of a single one it is not known.
    """
    cases, controls, cases_squared, controls_squared = sides
    below, above = np.cumsum(controls), np.cumsum(cases)
    n_controls, n_cases = below[-1], above[-1]
    if not (n_cases > 0 and n_controls > 0):
        return np.nan, np.nan
    below -= controls / 2
    above -= cases / 2
    auc = float(below @ cases) / (n_cases * n_controls)
    below -= auc * n_controls  # how much better than the average a case does among the controls
    above -= (1 - auc) * n_cases
    if min(n) <= 1:
        return auc, np.nan
    spread = cases_squared @ (below * below) * n[0] / (n[0] - 1)
    spread += controls_squared @ (above * above) * n[1] / (n[1] - 1)
    return auc, float(np.sqrt(spread) / (n_cases * n_controls))

"""Whether predicted churn came true, group by group, and how far the riskiest stand out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import whole_number
from retention.frames import Columns, table_like
from retention.numerics import step_functions
from retention.survival.counts.observation import (
    time_in_words,
    unseen_of_rows,
    warn_of_unseen_stretches,
)
from retention.survival.scores.scored_tables import (
    Ends,
    Fates,
    check_landmark,
    check_times,
    column_of_predictions,
    column_of_probabilities,
    ends_of,
    places_of_values,
    read_scored,
)
from retention.tables.answer_columns import (
    differences,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories
    from retention.survival.counts.observation import Unseen

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of the spells of each group by one time.

    Attributes:
        fates: how many had ended, went on, or were no longer seen.
        churn: 1 − Kaplan–Meier at that time; NaN where it is not known.
        lower: bound of churn; NaN where nobody or everybody left.
        upper: the other bound.
        reason: why the churn is not known; None where it is.
        note: what it is given; None where it is of all.
    """

    fates: Fates
    churn: Floats
    lower: Floats
    upper: Floats
    reason: NDArray[np.object_]
    note: NDArray[np.object_]


@gives(
    "group",
    whole_numbers("group"),
    numbers("time", unit="as duration"),
    whole_numbers("n_spells", "n_churned", "n_still", "n_unknown"),
    shares("predicted", "observed", "lower", "upper"),
    differences("difference"),
    texts("reason", "note"),
)
def calibration(
    scored: IntoFrameT,
    *,
    survival: str,
    time: float,
    groups: int = 10,
    landmark: float | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of those who were said to leave with a chance of 20 %, whether a fifth did.

    Customers are put into groups of equal size by predicted churn 1 − S(time), the least first;
    equal predictions stay together, so heavy ties make fewer groups, numbered without a gap. For
    each group,

        difference = observed − predicted,

    where predicted is the mean of 1 − S(time) and observed is 1 − Kaplan–Meier at `time` within the
    group, which respects late entry and censoring. Bounds are log-log; where they miss predicted,
    chance alone hardly explains the difference.

    Args:
        scored: a table of spells (`duration`, `churned`, perhaps `entry`, `n_spells`) with the
            prediction as a column.
        survival: the column of predicted chances of lasting beyond `time`.
        time: from the start of the spell, in the unit of `duration`.
        groups: how many, 1 or more.
        landmark: look only at spells under observation at this time, from there on; the predictions
            are then chances given that. None for all.
        level: confidence of the bounds.

    Returns:
        One row per group, in the caller's kind: `group` (1 has the least predicted churn), `time`,
        `n_spells`, `n_churned` (by then), `n_still` (beyond), `n_unknown` (censored by then),
        `predicted`, `observed`, `lower`, `upper` (null where nobody or everybody left),
        `difference`, `reason` (null, or why observed is), `note` (what observed is given, where
        nobody of the group was watched at first; else null).

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a prediction is missing or not between 0 and 1.
        RetentionError: if an argument is out of its range.

    Example:
        Of the two who were thought safe none left by day 3, of the two others one: said 0.6, seen
        0.5.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [2, 5, 5, 5], "churned": [True, False, False, False],
        ...     "s3": [0.3, 0.5, 0.9, 0.8],
        ... })
        >>> table = rt.survival.calibration(scored, survival="s3", time=3, groups=2)
        >>> table[["group", "n_spells", "predicted", "observed", "difference"]].round(2)
           group  n_spells  predicted  observed  difference
        0      1         2       0.15       0.0       -0.15
        1      2         2       0.60       0.5       -0.10

    Source:
        Harrell, F. E. (2015), Regression Modeling Strategies, 2nd ed., section 20.10 (Kaplan–Meier
        in groups of predicted survival); bounds: Kalbfleisch and Prentice (2002), section 1.4.
    """
    mark = check_landmark(landmark)
    at, many = check_times(time, mark, "time")[0], whole_number("groups", groups, least=1)
    intervals.quantile_of(level)
    found = read_scored(scored, {"survival": [survival]}, mark)
    churn = 1 - column_of_probabilities(found, survival, "survival")
    number = group_of_rows(churn, found.weights, many)
    seen = _observed_in_groups(found, number, at, level)
    total = np.bincount(number, weights=churn * found.weights)
    predicted = total / seen.fates.n_spells
    return table_like(
        {
            "group": np.arange(1, predicted.size + 1, dtype=np.int64),
            "time": np.full(predicted.size, at),
            **seen.fates.columns,
            "predicted": predicted,
            "observed": seen.churn,
            "lower": seen.lower,
            "upper": seen.upper,
            "difference": seen.churn - predicted,
            "reason": seen.reason,
            "note": seen.note,
        },
        scored,
    )


@gives(
    "group",
    whole_numbers("group"),
    numbers("time", unit="as duration"),
    whole_numbers("n_spells", "n_churned", "n_still", "n_unknown"),
    shares("churn_rate", "lower", "upper"),
    numbers("churners", unit="customers"),
    numbers("lift", unit="times the average"),
    shares("cumulative_share_of_customers", "cumulative_share_of_churn"),
    numbers("cumulative_lift", unit="times the average"),
    texts("reason", "note"),
)
def lift(
    scored: IntoFrameT,
    *,
    risk: str = "risk",
    time: float,
    groups: int = 10,
    landmark: float | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """How much more churn there is among the customers with the highest predicted risk.

    Customers are put into groups of equal size by risk, the riskiest first; equal risks stay
    together, so heavy ties make fewer groups. With n_g the spells of a group and f_g its churn by
    `time` (1 − Kaplan–Meier within the group, which respects late entry and censoring),

        churners = n_g f_g,   lift = f_g / (Σ n f / Σ n),
        cumulative_share_of_churn = Σ up to g of n f / Σ n f.

    Args:
        scored: a table of spells (`duration`, `churned`, perhaps `entry`, `n_spells`) with the
            prediction as a column.
        risk: the column of predictions, higher where the customer is thought to leave sooner.
        time: from the start of the spell, in the unit of `duration`.
        groups: how many, 1 or more.
        landmark: look only at spells under observation at this time, from there on; None for all.
        level: confidence of the bounds.

    Returns:
        One row per group, in the caller's kind: `group` (1 is the riskiest), `time`, `n_spells`,
        `n_churned` (by then), `n_still` (beyond), `n_unknown` (censored by then), `churn_rate`,
        `lower`, `upper` (log-log; null where nobody or everybody left), `churners` (n_g f_g,
        spells), `lift`, `cumulative_share_of_customers`, `cumulative_share_of_churn`,
        `cumulative_lift` (the second over the first), `reason` (null, or why the rate is: then all
        that is relative to the total is null too), `note` (as in `calibration`).

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a prediction is missing.
        RetentionError: if an argument is out of its range.

    Example:
        Half of the customers hold all the churn: twice as much as without a choice.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [2, 5, 5, 5], "churned": [True, False, False, False],
        ...     "risk": [0.7, 0.5, 0.1, 0.2],
        ... })
        >>> table = rt.survival.lift(scored, time=3, groups=2)
        >>> table[["group", "n_spells", "churn_rate", "lift", "cumulative_share_of_churn"]]
           group  n_spells  churn_rate  lift  cumulative_share_of_churn
        0      1         2         0.5   2.0                        1.0
        1      2         2         0.0   0.0                        1.0

    Source:
        The lift chart of direct marketing: Blattberg, R. C., Kim, B.-D. and Neslin, S. A. (2008),
        Database Marketing, section 10.3; with Kaplan–Meier for those no longer seen.
    """
    mark = check_landmark(landmark)
    at, many = check_times(time, mark, "time")[0], whole_number("groups", groups, least=1)
    intervals.quantile_of(level)
    found = read_scored(scored, {"risk": [risk]}, mark)
    number = group_of_rows(column_of_predictions(found, risk, "risk"), found.weights, many)
    seen = _observed_in_groups(found, number.max() - number, at, level)
    n = seen.fates.n_spells
    return table_like(
        {
            "group": np.arange(1, n.size + 1, dtype=np.int64),
            "time": np.full(n.size, at),
            **seen.fates.columns,
            "churn_rate": seen.churn,
            "lower": seen.lower,
            "upper": seen.upper,
            **_lift_of_groups(n, seen.churn),
            "reason": seen.reason,
            "note": seen.note,
        },
        scored,
    )


def _lift_of_groups(n: NDArray[np.int64], churn: Floats) -> Columns:
    """How much of all churn the groups hold, in their order."""
    churners = n * churn
    customers = np.cumsum(n) / n.sum()
    share = intervals.ratio(np.cumsum(churners), churners.sum())
    return {
        "churners": churners,
        "lift": intervals.ratio(churn, churners.sum() / n.sum()),
        "cumulative_share_of_customers": customers,
        "cumulative_share_of_churn": share,
        "cumulative_lift": share / customers,
    }


def group_of_rows(values: NDArray[Any], weight: NDArray[np.int64], groups: int) -> NDArray[np.intp]:
    """The group of each row, from the least value: equal values together, none empty.

    A value belongs where the middle of its spells stands among all of them.
    """
    distinct, place = places_of_values(values)
    n = np.bincount(place, weights=weight, minlength=distinct.size)
    middle = (np.cumsum(n) - n / 2) / n.sum()
    number = np.minimum(np.floor(middle * groups), groups - 1)
    return np.asarray(places_of_values(number.astype(np.intp))[1][place])


def _observed_in_groups(
    found: Histories, number: NDArray[np.intp], time: float, level: float
) -> Observed:
    """Kaplan–Meier at one time in each group."""
    order = np.argsort(number, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(number))[:-1])
    parts_of = [_part_of_histories(found, here) for here in rows]
    seen = [_churn_of_group(part, time) for part in parts_of]
    unseen = [unseen_of_rows(part.entry, part.duration, part.churned) for part in parts_of]
    warn_of_unseen_stretches(
        [("", each, 0.0, time) for each in unseen], _WAY, table="scored", beyond=_NULL
    )
    notes = [each.condition if _is_given(each, time) else None for each in unseen]
    n = np.concatenate([fates.n_spells for fates, *_ in seen])
    parts = [np.concatenate([getattr(fates, name) for fates, *_ in seen]) for name in _PARTS]
    staying, variance = (np.array([each[i] for each in seen]) for i in (1, 2))
    reason = np.array([each[3] for each in seen], dtype=object)
    known = np.array([why is None for why in reason])
    low, high = step_functions.log_log_bounds(staying, variance, level)
    bounded = known & (staying > 0) & (staying < 1)
    return Observed(
        fates=Fates(n, *parts),
        churn=np.where(known, 1 - staying, np.nan),
        lower=np.where(bounded, 1 - high, np.nan),
        upper=np.where(bounded, 1 - low, np.nan),
        reason=reason,
        note=np.array([*notes, None], dtype=object)[:-1],
    )


_NULL = "that group is null"
_WAY = "Say landmark={until}, with predictions given that, to look on from there."
_PARTS: Sequence[str] = ("n_churned", "n_still", "n_unknown")


def _part_of_histories(found: Histories, here: NDArray[np.intp]) -> Histories:
    return replace(
        found,
        duration=found.duration[here],
        churned=found.churned[here],
        entry=None if found.entry is None else found.entry[here],
        weight=None if found.weight is None else found.weight[here],
        columns={},
    )


def _churn_of_group(found: Histories, time: float) -> tuple[Fates, float, float, str | None]:
    """The fates of one group, S(time), the variance of its logarithm, and why S is not known."""
    ends = ends_of(found)
    past = ends.duration <= time
    churned, at_risk = ends.n_churned[past], ends.n_at_risk[past]
    staying = float(step_functions.kaplan_meier(churned, at_risk)[-1]) if past.any() else 1.0
    variance = float(step_functions.greenwood_terms(churned, at_risk).sum())
    return ends.fates([time]), staying, variance, _why_no_estimate(found, ends, time)


def _why_no_estimate(found: Histories, ends: Ends, time: float) -> str | None:
    """Why Kaplan–Meier at a time cannot be had; None where it can."""
    unseen = unseen_of_rows(found.entry, found.duration, found.churned)
    hole = int(unseen.first_unknown(np.zeros(1), np.array([time]))[0])
    if hole >= 0:
        return f"{unseen.stretch_in_words(hole)}: say landmark={time_in_words(unseen.until[hole])}"
    if time == 0 and found.entry is not None and (found.entry > 0).all():
        return f"{unseen.stretch_in_words(0)}: say landmark={time_in_words(unseen.until[0])}"
    emptied = np.flatnonzero(ends.n_churned >= ends.n_at_risk)
    if emptied.size and ends.duration[emptied[0]] <= time:
        if emptied[0] < ends.duration.size - 1:
            return "all under observation at first had left before others came: say landmark="
        return None
    return "nobody of the group was followed for so long" if time > ends.duration[-1] else None


def _is_given(unseen: Unseen, time: float) -> bool:
    span = np.zeros(1), np.array([time])
    return bool(unseen.first_unknown(*span)[0] < 0 and unseen.starts_in_leading(*span)[0])

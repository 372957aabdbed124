"""Who responded: the effect of an offer in lists that grow by what it was thought to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import whole_number
from retention.experiments.response.growing_lists import (
    GrowingLists,
    Means,
    growing_lists,
    means_in_lists,
)
from retention.experiments.response.kept_in_lists import kept_in_lists
from retention.frames import table_like
from retention.survival.scores.two_arms import ARMS, TwoArms, read_two_arms
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_EACH = "as the outcome, for each customer"
_NO_ARM = {"treated": "nobody in the list was treated", "control": "everybody in it was treated"}
_NOT_SEEN = "of an arm nobody in the list was watched for so long"
_ONE = "of an arm there is one customer in the list: no bounds"
_ALIKE = "in each arm all outcomes in the list are alike: no bounds"


@dataclass(frozen=True, slots=True)
class Effects:
    """The effect in each list, its bounds, and why one of them is not known.

    Attributes:
        effect: treated less control.
        lower: its lower bound.
        upper: its upper bound.
        reason: why the effect, or its bounds, are not known; else None.
    """

    effect: Floats
    lower: Floats
    upper: Floats
    reason: NDArray[np.object_]


@gives(
    "a list, from those thought to respond most",
    shares("share"),
    whole_numbers("n", "n_treated", "n_control"),
    numbers("effect", "lower", "upper", unit=_EACH),
    numbers("list_gain", "list_gain_lower", "list_gain_upper", "random_gain", unit=_EACH),
    numbers("qini", unit="as the outcome, for each treated"),
    numbers("threshold", unit="as uplift"),
    texts("reason"),
    constants(texts("method"), numbers("time", unit="as duration")),
)
def uplift_curve(
    scored: IntoFrameT,
    *,
    uplift: str,
    treated: str,
    outcome: str | None = None,
    time: float | None = None,
    groups: int | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """What an offer did among those in whom it was thought to do most, list by list.

    Customers of an experiment, some of whom were made the offer by lot, are put in order of a score
    that says how much it will do for each, from anybody's model. Of the list of all whose score is
    s or higher, with Ȳ the mean outcome in the list, q the list's share of all, n their numbers and
    N those of the whole table:

        effect       Ȳ_treated − Ȳ_control    what the offer did, for each customer in the list
        list gain    q · effect               what making it to that list brings, for each of all
        random gain  q · effect(all)          what a list by lot of that size would bring
        qini         (Y_t − Y_c n_t / n_c) / N_t = n_t effect / N_t, after Radcliffe

    where Y_t and Y_c are sums. A score that knows nothing gives a gain along the random one; the
    last row, of everyone, is the same for every score. Risk is no such score: those at the highest
    risk need not be those whom an offer keeps.

    The outcome is a column in which higher is better (1 for those who stayed, profit); or, with
    `time=` h and spells counted from the day of assignment, to be still here at h: Ȳ is then the
    Kaplan–Meier S(h) within the list, so that those not yet watched for so long count as long as
    they were. Bounds are Newcombe's where the outcome is 0 or 1, Welch's (Student's t) where it is
    any other number, and with `time=` put together of each arm's log-log bounds, as Zou and Donner
    do; where nobody or everybody of an arm left, of Wilson's. They are of one list each, not of the
    curve as a whole: for one verdict over all lists ask `targeting_gain`.

    Customers of equal score come in together; row by row a curve would hang on the order of the
    rows. A score that was learned from these very customers flatters itself: score others.

    Args:
        scored: a row per customer of the experiment; with `time=` spells since the assignment, as
            from `spells_since(..., keep=)`: `duration`, `churned`.
        uplift: the column of scores, higher where the offer is thought to do more.
        treated: the column that is true, or 1, for those who were meant to be made the offer, and
            false, or 0, for the control.
        outcome: the column of what came of each, higher is better; not with `time`.
        time: h, in the unit of `duration`; not with `outcome`.
        groups: about how many lists, in equal steps as far as ties allow; None for one at each
            score.
        level: confidence of the bounds.

    Returns:
        One row per list, in the caller's kind, the shortest first: `share` (q), `n`, `n_treated`,
        `n_control`, `effect`, `lower`, `upper`, `list_gain`, `list_gain_lower`, `list_gain_upper`
        (q times these), `random_gain`, `qini`, `threshold` (the least score in the list), `reason`
        (why the effect is null, as where all in the list are of one arm, or its bounds are; else
        null), `method` ("newcombe", "welch" or "kaplan-meier") and `time` (null with `outcome`).
        All but shares and counts are in the unit of the outcome, with `time=` shares of 1.

    Raises:
        RetentionError: if neither or both of `outcome` and `time` are said, or an argument is out
            of its range.
        ColumnError: if a column is missing or holds no numbers.
        ContentError: if the table is empty, a value is missing, a customer is there twice, an arm
            is empty, `treated` is not 0 or 1, or nobody of an arm was watched for so long.

    Example:
        Eight customers with four scores; of the two in whom the offer was thought to do most, the
        one who was made it stayed and the other left.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "uplift": [4, 4, 3, 3, 2, 2, 1, 1], "offered": [1, 0, 1, 0, 1, 0, 1, 0],
        ...     "stayed": [1, 0, 1, 1, 0, 0, 0, 1],
        ... })
        >>> curve = rt.experiments.uplift_curve(
        ...     scored, uplift="uplift", outcome="stayed", treated="offered"
        ... )
        >>> curve[["share", "n", "effect", "list_gain", "random_gain", "qini"]].round(4)
           share  n  effect  list_gain  random_gain  qini
        0   0.25  2  1.0000       0.25          0.0  0.25
        1   0.50  4  0.5000       0.25          0.0  0.25
        2   0.75  6  0.3333       0.25          0.0  0.25
        3   1.00  8  0.0000       0.00          0.0  0.00

    Source:
        Radcliffe, N. J. (2007), Using control groups to target on predicted lift, Direct Marketing
        Analytics Journal 1, 14–21. Bounds: Newcombe, R. G. (1998), Statistics in Medicine 17,
        873–890, method 10; Welch, B. L. (1947), Biometrika 34, 28–35; Zou, G. Y. and Donner, A.
        (2008), Statistics in Medicine 27, 1693–1702.
    """
    intervals.quantile_of(level)
    many = None if groups is None else whole_number("groups", groups, least=1)
    asked = {"uplift": uplift, "treated": treated}
    arms = read_two_arms(scored, asked, name="scored", outcome=outcome, time=time)
    lists = growing_lists(arms.columns["uplift"], arms.treated, many)
    method = _method_of(arms)
    found = _METHODS[method](arms, lists, level)
    q, n = lists.share, lists.threshold.size
    return table_like(
        {
            "share": q,
            "n": lists.n,
            "n_treated": lists.n_treated,
            "n_control": lists.n_control,
            "effect": found.effect,
            "lower": found.lower,
            "upper": found.upper,
            "list_gain": q * found.effect,
            "list_gain_lower": q * found.lower,
            "list_gain_upper": q * found.upper,
            "random_gain": q * found.effect[-1],
            "qini": found.effect * lists.n_treated / lists.n_treated[-1],
            "threshold": lists.threshold,
            "reason": found.reason,
            "method": np.full(n, method, dtype=object),
            "time": np.full(n, np.nan if time is None else float(time)),
        },
        scored,
    )


def _method_of(arms: TwoArms) -> str:
    if arms.watched is not None:
        return "kaplan-meier"
    return "newcombe" if np.isin(arms.outcome, (0.0, 1.0)).all() else "welch"


def _of_arms(arms: TwoArms, lists: GrowingLists, outcome: Floats) -> tuple[Means, Means]:
    """Means of the treated, and of the control."""
    treated, control = (means_in_lists(lists, outcome, arms.treated == arm) for arm, _ in ARMS)
    return treated, control


def _newcombe_effects(arms: TwoArms, lists: GrowingLists, level: float) -> Effects:
    """Of an outcome that is 0 or 1."""
    one, other = _of_arms(arms, lists, arms.outcome)
    found = intervals.difference_with_bounds((one.total, one.n), (other.total, other.n), level)
    return Effects(*found, _reasons_of_lists(lists))


def _welch_effects(arms: TwoArms, lists: GrowingLists, level: float) -> Effects:
    """Of any other number."""
    from scipy.special import stdtrit  # loaded late: SciPy takes longer to import than all else

    one, other = _of_arms(arms, lists, arms.outcome - arms.outcome.mean())
    parts = [each.variance / np.maximum(each.n, 1) for each in (one, other)]
    squared, several = parts[0] + parts[1], (one.n > 1) & (other.n > 1)
    spread = several & (squared > 0)
    shown = [np.where(spread, part, 1.0) for part in parts]
    ones = [np.maximum(each.n - 1, 1) for each in (one, other)]
    freedom = (shown[0] + shown[1]) ** 2 / (shown[0] ** 2 / ones[0] + shown[1] ** 2 / ones[1])
    half = np.where(spread, stdtrit(freedom, (1 + level) / 2) * np.sqrt(squared), np.nan)
    effect = one.mean - other.mean
    why = np.select([~several, ~spread], [_ONE, _ALIKE], "").astype(object)
    return Effects(effect, effect - half, effect + half, _reasons_of_lists(lists, why))


def _kept_effects(arms: TwoArms, lists: GrowingLists, level: float) -> Effects:
    """Of being still here at a time."""
    one, other = (kept_in_lists(lists, arms, arm, level) for arm, _ in ARMS)
    bounds = intervals.bounds_of_difference(
        (one.share, one.lower, one.upper), (other.share, other.lower, other.upper)
    )
    effect = one.share - other.share
    why = np.where(np.isnan(effect), _NOT_SEEN, "").astype(object)
    return Effects(effect, *bounds, _reasons_of_lists(lists, why))


def _reasons_of_lists(lists: GrowingLists, others: Any = "") -> NDArray[np.object_]:
    """Why a list has no effect: nobody of an arm is in it; or other reasons."""
    none = [lists.n_treated == 0, lists.n_control == 0]
    said = np.select(none, list(_NO_ARM.values()), others).tolist()
    return np.array([why or None for why in said], dtype=object)


_METHODS: dict[str, Callable[[TwoArms, GrowingLists, float], Effects]] = {
    "kaplan-meier": _kept_effects,
    "newcombe": _newcombe_effects,
    "welch": _welch_effects,
}

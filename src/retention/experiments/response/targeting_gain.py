"""Whether a ranking finds those whom an offer moves: one number, with its bounds and a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from retention import intervals
from retention.errors import RetentionError, check_choice, is_number
from retention.experiments.response.growing_lists import (
    GrowingLists,
    growing_lists,
    means_in_lists,
    with_both_arms,
)
from retention.frames import table_like
from retention.survival.scores.two_arms import ARMS, read_two_arms
from retention.tables.answer_columns import constants, gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.scores.two_arms import TwoArms

    Floats = NDArray[np.float64]

Measure = Literal["area", "autoc", "top_share"]

_EACH = "as the outcome, for each customer"
_ALIKE = "all customers have one score: there is nothing to rank"
_FEW = f"fewer than {intervals.FEWEST} customers of an arm: no bounds that would cover"
_FEWEST_OFF = 5  # with which in simulations 4 to 6 of 100 tests of nothing found something
_SHORT = (
    f"fewer than {_FEWEST_OFF} customers of an arm are off the list: no bounds that would cover"
)
_ROUNDING = 1e-12
_SURE = "in each arm all outcomes are alike: no bounds"


@dataclass(frozen=True, slots=True)
class Functional:
    """A measure of a curve of gains, and how it moves with each of its points.

    Attributes:
        value: the measure.
        of_gain: its derivative by the gain of each list.
        of_share: its derivative by the share of each list.
    """

    value: float
    of_gain: Floats
    of_share: Floats


@gives(
    "the experiment",
    whole_numbers("n", "n_treated", "n_control"),
    numbers("targeting_gain", "standard_error", "lower", "upper", unit=_EACH),
    numbers("p_value"),
    numbers("effect", unit=_EACH),
    texts("reason"),
    constants(texts("measure"), shares("top"), numbers("time", unit="as duration")),
)
def targeting_gain(
    scored: IntoFrameT,
    *,
    uplift: str,
    treated: str,
    measure: Measure,
    outcome: str | None = None,
    time: float | None = None,
    top: float | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """How much more an offer does where a score sends it than it would by lot: one number.

    With gain(q) the gain of the list of the share q with the highest scores, as `uplift_curve`
    draws it (straight between lists, from 0 at 0), and effect(q) = gain(q) / q:

        "area"       ∫ gain(q) − q gain(1) dq        over all list lengths, for each customer
        "autoc"      ∫ effect(q) − effect(1) dq      the same, where short lists count most
        "top_share"  gain(q) − q gain(1) at q = top  of one list, for each customer of all

    each over 0 to 1, in the unit of the outcome, and 0 for a score that knows nothing. There is no
    share of a perfect ranking: nobody knows the perfect one, and the two that are in use give one
    ranking of one experiment 0.065 where "stayed" is counted and 0.038 where "left" is. The area is
    0.017 both ways.

    The error is that of the influence of each customer, in which it is counted that lists are made
    by the same customers: with c_k and b_k the derivatives of the measure by gain and share of list
    k, n_k, m_k and e_k its size, means and share of treated,

        ψ_i = Σ over lists k with i in them of
              c_k (W_i (Y_i − m_k1) / e_k − (1 − W_i)(Y_i − m_k0) / (1 − e_k) + effect_k) + b_k

    less its mean, and the variance is Σ ψ² / n². Each term of Y_i stands √(n_k/(n_k − 1)) times, as
    departures from a mean of one's own are too small, and of lists with fewer than 30 of an arm the
    mean of the first that has so many stands in. Bounds and p-value are normal.

    With `time=` the outcome is to be still here at h, and Y each one's pseudo-value: what the
    customer adds to the Kaplan–Meier S(h) of the own arm, 1 or 0 where that is known of all. A list
    of it differs a little from that of `uplift_curve`, which has a Kaplan–Meier of its own; both
    need censoring that does not hang on the score.

    Ask of one measure, chosen before: the smallest of three p-values is too small. A score that
    was learned from these very customers flatters itself.

    Args:
        scored: as in `uplift_curve`.
        uplift: the column of scores, higher where the offer is thought to do more.
        treated: the column that is true, or 1, for those meant to be made the offer, else 0.
        measure: "area", "autoc" or "top_share".
        outcome: the column of what came of each, higher is better; not with `time`.
        time: h, how long one must stay, in the unit of `duration`; not with `outcome`.
        top: the share of customers on the list, above 0 and below 1; with "top_share" alone.
        level: confidence of the bounds.

    Returns:
        One row, in the caller's kind: `n`, `n_treated`, `n_control`, `targeting_gain`,
        `standard_error`, `lower`, `upper`, `p_value` (of no gain, two-sided), `effect` (in all),
        `reason` (why there are no bounds: below 30 customers of an arm, below 5 of one off the list
        of "top_share", or nothing to rank; else null), and the conventions `measure`, `top` and
        `time`.

    Raises:
        RetentionError: if `measure` is none of the three, `top` is not said with "top_share" or is
            with another, or neither or both of `outcome` and `time` are said.
        ColumnError: if a column is missing or holds no numbers.
        ContentError: as in `uplift_curve`.

    Example:
        Eight customers with four scores: gains of 0.25 at each quarter but the last, so 0.75 · 0.25
        of area; of so few there are no bounds. Of a hundred such there are.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "uplift": [4, 4, 3, 3, 2, 2, 1, 1], "offered": [1, 0, 1, 0, 1, 0, 1, 0],
        ...     "stayed": [1, 0, 1, 1, 0, 0, 0, 1],
        ... })
        >>> asked = {"uplift": "uplift", "treated": "offered", "outcome": "stayed"}
        >>> gain = rt.experiments.targeting_gain(scored, measure="area", **asked)
        >>> gain[["targeting_gain", "effect", "reason"]]
           targeting_gain  effect                                             reason
        0          0.1875     0.0  fewer than 30 customers of an arm: no bounds t...
        >>> hundred = pd.concat([scored] * 100)
        >>> gain = rt.experiments.targeting_gain(hundred, measure="area", **asked)
        >>> gain[["targeting_gain", "lower", "upper", "p_value"]].round(4)
           targeting_gain   lower   upper  p_value
        0          0.1875  0.1769  0.1981      0.0

    Source:
        Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. and Wager, S. (2025), Evaluating
        treatment prioritization rules via rank-weighted average treatment effects, Journal of the
        American Statistical Association 120, 38–51 ("area" is its Qini, "autoc" its AUTOC);
        Radcliffe, N. J. (2007), Direct Marketing Analytics Journal 1, 14–21. Pseudo-values:
        Andersen, P. K., Klein, J. P. and Rosthøj, S. (2003), Biometrika 90, 15–27.
    """
    intervals.quantile_of(level)
    share = _checked_top(measure, top)
    asked = {"uplift": uplift, "treated": treated}
    arms = read_two_arms(scored, asked, name="scored", outcome=outcome, time=time)
    lists = with_both_arms(growing_lists(arms.columns["uplift"], arms.treated))
    found, influence, effect = _measured(arms, lists, measure, share)
    n_treated, n_control = int(lists.n_treated[-1]), int(lists.n_control[-1])
    error, why = _error_of_measure(influence, lists, share, float(np.ptp(arms.outcome)))
    half = intervals.quantile_of(level) * error
    columns = {
        "n": arms.treated.size,
        "n_treated": n_treated,
        "n_control": n_control,
        "targeting_gain": found,
        "standard_error": error,
        "lower": found - half,
        "upper": found + half,
        "p_value": float(intervals.p_value(found / error)) if error > 0 else np.nan,
        "effect": effect,
    }
    texts_of = {"reason": why, "measure": measure}
    told = {name: np.array([value]) for name, value in columns.items()}
    told |= {name: np.array([value], dtype=object) for name, value in texts_of.items()}
    told["top"] = np.array([np.nan if top is None else share])
    told["time"] = np.array([np.nan if time is None else float(time)])
    return table_like(told, scored)


def _checked_top(measure: object, top: object) -> float:
    """The share of the list that is looked at; NaN where all are."""
    check_choice("measure", measure, get_args(Measure))
    if measure != "top_share":
        if top is not None:
            raise RetentionError(
                f"`top` is the length of one list, and measure={measure!r} looks at all of them. "
                "Leave it out, or say measure='top_share'."
            )
        return float("nan")
    if not (is_number(top) and 0 < top < 1):
        raise RetentionError(
            "measure='top_share' looks at one list: say top=, its share of all customers, above 0 "
            f"and below 1, such as top=0.3; got {top!r}."
        )
    return float(top)


def _measured(
    arms: TwoArms, lists: GrowingLists, measure: str, top: float
) -> tuple[float, Floats, float]:
    """The measure, the influence of each customer on it, and the effect in all."""
    y = arms.outcome - arms.outcome.mean()
    each = [means_in_lists(lists, y, arms.treated == arm) for arm, _ in ARMS]
    q, effect = lists.share, each[0].mean - each[1].mean
    found = _functional(measure, q, q * effect, top)
    influence = _from_own_list_on(found.of_gain * effect + found.of_share)[lists.step]
    for (arm, _), part, sign in zip(ARMS, each, (1.0, -1.0), strict=True):
        here = arms.treated == arm
        # q / e_k = n_k / n · n_k / n_arm,k, over q: each of the arm stands for n / n_arm,k of all
        scale = found.of_gain * q * arms.treated.size / part.n
        settled = _first_of_many(part.n)
        scale = scale * np.sqrt(part.n[settled] / np.maximum(part.n[settled] - 1, 1))
        slope, shift = _from_own_list_on(scale), _from_own_list_on(scale * part.mean[settled])
        step = lists.step[here]
        influence[here] += sign * (slope[step] * y[here] - shift[step])
    return found.value, influence - influence.mean(), float(effect[-1])


def _first_of_many(n: Floats) -> NDArray[np.intp]:
    """For each list itself, or if it is short the first long enough for a mean to depart from."""
    first = int(np.searchsorted(n, min(float(intervals.FEWEST), n[-1])))
    return np.maximum(np.arange(n.size), first)


def _from_own_list_on(terms: Floats) -> Floats:
    """For each step the sum over the lists that it is in."""
    return np.asarray(np.cumsum(terms[::-1])[::-1])


def _error_of_measure(
    influence: Floats, lists: GrowingLists, top: float, spread: float
) -> tuple[float, str | None]:
    """The standard error, or NaN and why there is none."""
    error = float(np.sqrt((influence**2).sum()) / influence.size)
    arms = (lists.n_treated, lists.n_control)
    if lists.threshold.size < 2:
        return float("nan"), _ALIKE
    if min(arm[-1] for arm in arms) < intervals.FEWEST:
        return float("nan"), _FEW
    before = int(np.searchsorted(lists.share, top, side="left")) - 1
    if np.isfinite(top) and before >= 0 and min(a[-1] - a[before] for a in arms) < _FEWEST_OFF:
        return float("nan"), _SHORT
    return (error, None) if error > _ROUNDING * spread else (float("nan"), _SURE)


def _functional(measure: str, q: Floats, gain: Floats, top: float) -> Functional:
    """The measure of a curve that is straight between its points, from (0, 0) on."""
    share, height = np.concatenate([[0.0], q]), np.concatenate([[0.0], gain])
    if measure == "top_share":
        return _of_one_list(share, height, top)
    return _area(share, height) if measure == "area" else _autoc(share, height)


def _area(q: Floats, gain: Floats) -> Functional:
    """∫ gain − q gain(1) dq: trapezia."""
    width, height = np.diff(q), (gain[1:] + gain[:-1]) / 2
    of_gain = width / 2 + np.append(width[1:], 0.0) / 2
    of_gain[-1] -= 0.5
    of_share = height - np.append(height[1:], 0.0)
    of_share[-1] = 0.0  # the whole is the whole
    return Functional(float((width * height).sum() - gain[-1] / 2), of_gain, of_share)


def _autoc(q: Floats, gain: Floats) -> Functional:
    """∫ gain / q − gain(1) dq: where gain = a + b q between two lists, the sum of a log(q'/q).

    In the first list a is 0, and Σ b (q' − q) is gain(1).
    """
    low, high, g_low, g_high = q[1:-1], q[2:], gain[1:-1], gain[2:]
    width, ratio = high - low, np.log(high / low)
    a, slope = (g_low * high - g_high * low) / width, (g_high - g_low) / width
    of_gain, of_share = np.zeros(q.size - 1), np.zeros(q.size - 1)
    of_gain[:-1] += ratio * high / width
    of_gain[1:] -= ratio * low / width
    of_share[:-1] += -ratio * high * slope / width - a / low
    of_share[1:] += ratio * low * slope / width + a / high
    of_share[-1] = 0.0
    return Functional(float((a * ratio).sum()), of_gain, of_share)


def _of_one_list(q: Floats, gain: Floats, top: float) -> Functional:
    """gain(top) − top gain(1), straight between the lists on both sides."""
    after = int(np.searchsorted(q, top, side="left"))
    width, rest = q[after] - q[after - 1], q[after] - top
    part, slope = rest / width, _slope_around(q, gain, top, after)
    of_gain, of_share = np.zeros(q.size), np.zeros(q.size)
    of_gain[after - 1], of_gain[after] = part, 1 - part
    of_share[after - 1], of_share[after] = -slope * part, -slope * (1 - part)
    of_gain[-1] -= top
    of_share[-1] = 0.0
    value = part * gain[after - 1] + (1 - part) * gain[after] - top * gain[-1]
    return Functional(float(value), of_gain[1:], of_share[1:])


def _slope_around(q: Floats, gain: Floats, top: float, after: int) -> float:
    """How gain rises with share where the list ends: over a tenth of it, not by one customer."""
    near = min(top, 1 - top) / 10
    low = min(after - 1, int(np.searchsorted(q, top - near, side="right")) - 1)
    high = max(after, int(np.searchsorted(q, top + near, side="left")))
    return float((gain[high] - gain[low]) / (q[high] - q[low]))

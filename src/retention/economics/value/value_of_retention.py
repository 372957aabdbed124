"""What more retention is worth: five points, and of what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.economics.value.curve_or_model import (
    kept_at,
    renewal_model_of,
    sums_from,
    why_not_valued,
)
from retention.economics.value.levers import (
    OF_MODELS,
    Lever,
    Pull,
    check_lever,
    kept_in_model,
    n_capped,
    rates_of_model,
    rates_pulled,
)
from retention.economics.value.payments import (
    Length,
    Payments,
    Profit,
    Timing,
    is_amount,
    payments_to_come,
    read_profit,
)
from retention.economics.value.renewal_chances import (
    error_by_moving,
    watched_renewals,
    why_no_bounds,
)
from retention.errors import ContentError, RetentionError
from retention.frames import table_like
from retention.survival.curves.curve_tables import (
    Curve,
    curves_of,
    notes_of_spans,
    table_of_curves,
    text_column,
)
from retention.tables import CURVE, segments
from retention.tables.answer_columns import (
    amounts,
    constants,
    differences,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.repeat_buying.renewal.models import RenewalModel

    Floats = NDArray[np.float64]

_CALL = (
    "a lever moves all customers alike, so give the curve of survival_curve or a model from "
    "fit_beta_geometric"
)

_PERHAPS_CAPPED = (
    "no bounds: chance decides too much in which periods the rate can rise by all the points; a "
    "model from fit_beta_geometric has them"
)

_MOST_LOST = 0.25  # of the standard error


@gives(
    "segment",
    differences("points"),
    shares("churn_cut"),
    amounts("value_before", "value_after", "gain"),
    shares("gain_share"),
    amounts("gain_per_point", "standard_error", "lower", "upper"),
    whole_numbers("n_capped", unit="periods"),
    shares("share_forecast"),
    texts("reason", "note"),
    constants(
        texts("lever"),
        whole_numbers("horizon", unit="periods"),
        texts("timing", "length"),
        numbers("discount", unit="rate a year"),
    ),
)
def value_of_retention(  # noqa: PLR0913 - money and its conventions have no silent defaults
    curve: Any,
    *,
    lever: Lever | None = None,
    points: float | None = None,
    churn_cut: float | None = None,
    profit: Any,
    length: Length,
    discount: float,
    horizon: int,
    timing: Timing,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> Any:
    """What a new customer is worth more if fewer leave: five points, and of what.

    "Five points more retention" can mean things that differ by a factor of ten and more, so `lever`
    has no default. With r_u the retention rate of renewal u, x the points by which the first rate
    rises, and c = 1 − x / (1 − r_1) the part of the churn that is left,

    | `lever` | what changes |
    | --- | --- |
    | "rates" | r_u → min(r_u + x, 1) at every renewal: soon nobody leaves any more |
    | "hazards" | 1 − r_u → c (1 − r_u) at every renewal |
    | "customers" | each customer's own chance to leave, θ → cθ (models only) |
    | "once_as_survivors" | the next renewal only; the saved then stay as others do |
    | "once" | the next renewal only; the saved keep their own θ, which is high (models only) |

    A campaign is "once": so many would-be leavers are kept, and are who they are. The gain is
    Σ w_j (S'(t_j) − S(t_j)), with the weights of `lifetime_value`. Bounds are those of the estimate
    (delta method), with the lever taken to do what it says; no lever says what pulling it costs.
    With "rates" of a curve, chance brings some rates too near to 1 to rise by all the points: the
    gain is too low by that in the mean, and the upper bound is raised by it.

    Args:
        curve: a table of `survival_curve` in whole periods (from `renewal_periods`), or a model
            from `fit_beta_geometric` or `fit_beta_discrete_weibull`.
        lever: what changes, as above.
        points: by how much the first retention rate rises, as a share of 1: 0.05 for five points.
        churn_cut: instead of points, the part of the first churn rate that is gone, 1 − c.
        profit: what a customer who is here brings a period (currency): as in `lifetime_value`.
        length: how long a period is, as in `lifetime_value`.
        discount: effective rate a year, such as 0.1; 0 for none.
        horizon: how many periods to look ahead.
        timing: "start", "middle", "end", "arrears" or "renewal": see `lifetime_value`.
        by: the segment columns that the curve was made with.
        level: confidence of the bounds.

    Returns:
        One row per segment, in the caller's kind (of a model, one row in pandas): the `by` columns,
        `points`, `churn_cut`, `value_before`, `value_after`, `gain` (currency per new customer),
        `gain_share` (of the value before; null where that is not above 0), `gain_per_point` (the
        gain over 100 times the points), `standard_error`, `lower`, `upper` (of the gain),
        `n_capped` (periods whose rate could not rise by all the points), `share_forecast` (of the
        gain, what lies beyond the periods that were watched; 0 of a curve), `reason` (why something
        is not known; else null), `note` (what a curve under late entry is given; else null), and
        the constants `lever`, `horizon`, `timing`, `length`, `discount`.

    Raises:
        RetentionError: if the lever is none or asks more than a curve knows; if not exactly one of
            points and churn cut is given, or points are more than can be gained.
        ContentError: if the curve is not in whole periods, or the profit of an age is not known.
        ColumnError: if a table lacks a column.

    Example:
        Half of the customers leave at the first renewal, then nobody. To keep half of those for
        three years at 10 a year is worth 5 in the first two renewals; who renews pays at once.

        >>> import pandas as pd
        >>> import retention as rt
        >>> years = pd.DataFrame({"duration": [1, 3], "churned": [True, False]})
        >>> gain = rt.economics.value_of_retention(
        ...     rt.survival_curve(years), lever="hazards", churn_cut=0.5, profit=10, discount=0,
        ...     length="year", horizon=2, timing="end",
        ... )
        >>> gain[["points", "value_before", "value_after", "gain", "gain_share"]]
           points  value_before  value_after  gain  gain_share
        0    0.25          10.0         15.0   5.0         0.5

    Source:
        Reichheld, F. F. and Sasser, W. E. (1990), Zero defections, Harvard Business Review 68(5),
        105–111, asks the question; Fader and Hardie (2010), Marketing Science 29, 85–93, and Gupta,
        Lehmann and Stuart (2004), Journal of Marketing Research 41, 7–18, answer with one lever
        each. The saved: Bayes' rule, as in `residual_value`.
    """
    z = intervals.quantile_of(level)
    check_lever(lever)
    how = str(lever)
    model = renewal_model_of(curve, by, _CALL)
    pull = _pull_asked(points, churn_cut)
    asked = payments_to_come(horizon, timing, length, discount)
    names = segments(by, CURVE)
    worth = read_profit(profit, by=names, length=asked.length)
    if model is not None:
        import pandas as pd

        row = _gain_of_model(model, how, pull, asked, worth)
        return table_like(_columns_of_gains([row], [None], how, asked, z), pd.DataFrame())
    if how in OF_MODELS:
        raise RetentionError(
            "A curve does not know how customers differ: give a model from fit_beta_geometric, or "
            "say lever='once_as_survivors' or 'hazards'."
        )
    chosen = curves_of(curve, names)
    rows = [_gain_of_curve(one, how, pull, asked, worth) for one in chosen]
    notes = notes_of_spans([(one, 0.0, float(asked.due[-1])) for one in chosen])
    parts = _columns_of_gains(rows, notes, how, asked, z)
    return table_like(table_of_curves(chosen, names, parts), curve)


@dataclass(frozen=True, slots=True)
class _Gain:
    """What a lever brings: NaN where it is not known."""

    points: float = np.nan
    churn_cut: float = np.nan
    before: float = np.nan
    after: float = np.nan
    error: float = np.nan
    n_capped: float = np.nan
    forecast: float = np.nan
    lost: float = 0.0
    reason: str | None = None


def _pull_asked(points: object, churn_cut: object) -> Pull:
    """How far the lever is pulled, by the one of the two that was said."""
    if (points is None) == (churn_cut is None):
        raise RetentionError(
            "Say how far the lever is pulled, in one of two ways: points=0.05, by which the first "
            "retention rate rises, or churn_cut=0.2, the part of the churn that is gone."
        )
    name, value = ("points", points) if churn_cut is None else ("churn_cut", churn_cut)
    if not (is_amount(value) and 0 <= value <= 1):
        hint = ""
        if is_amount(value) and 1 < value <= 100:
            hint = f" For {value} {'points' if name == 'points' else '%'} say {value / 100:g}."
        raise RetentionError(f"{name} is a share of 1, from 0 on; got {value!r}.{hint}")
    number = float(value)
    return Pull(number, None) if name == "points" else Pull(None, number)


def _refuse_too_many_points(pull: Pull, first: float) -> None:
    if pull.points is not None and pull.points > 1 - first + 1e-12:
        raise RetentionError(
            f"points: the first retention rate is {first:.3f}, so at most {1 - first:.3f} can be "
            f"gained; got {pull.points:g}."
        )


def _gain_of_model(
    model: RenewalModel, lever: str, pull: Pull, asked: Payments, worth: Profit
) -> _Gain:
    weights = worth.of_payments((), asked.ages) * asked.discounts
    renewals = asked.renewals.astype(np.float64)
    steps = np.arange(1.0, max(renewals[-1], 1.0) + 1)
    rates = rates_of_model(model.theta, steps)
    _refuse_too_many_points(pull, rates[0])

    def added(theta: Floats) -> Floats:
        changed = kept_in_model(lever, theta, renewals, pull)
        return weights * (changed - kept_in_model(None, theta, renewals, pull))

    gains = added(model.theta)
    before = float(weights @ kept_in_model(None, model.theta, renewals, pull))
    foretold = float(gains[asked.renewals > watched_renewals(model)].sum())
    return _Gain(
        points=pull.points_of(rates[0]),
        churn_cut=1 - pull.left_of(rates[0]),
        before=before,
        after=before + float(gains.sum()),
        error=error_by_moving(model, lambda theta: float(added(theta).sum())),
        n_capped=n_capped(lever, rates, pull),
        forecast=foretold,
        reason=why_no_bounds(model),
    )


def _gain_of_curve(one: Curve, lever: str, pull: Pull, asked: Payments, worth: Profit) -> _Gain:
    weights = worth.of_payments(one.key, asked.ages) * asked.discounts
    last = max(int(asked.renewals[-1]), 1)
    _refuse_parts_of_periods_in_curve(one, last)
    reason = _why_no_gain(one, asked)
    if reason is not None:
        return _Gain(reason=reason)
    hazard, variance = _hazards_by_period(one, last)
    old = 1 - hazard[1:]
    _refuse_too_many_points(pull, old[0])
    new, x = rates_pulled(lever, old, pull), pull.points_of(old[0])
    before, after = (
        weights * (np.append(1.0, r.cumprod()) * (1 - hazard[0]))[asked.renewals]
        for r in (old, new)
    )
    slope = _slope_of_gain((before, after), (old, new), lever, pull, asked)
    if hazard[0] < 1:
        slope[0] = (after.sum() - before.sum()) / (1 - hazard[0])
    error = float(np.sqrt(slope**2 @ variance))
    if not error and x and one.n_churned[one.duration <= asked.due[-1]].any():
        error = np.nan  # from 1 to 0 at once says nothing of chance
    return _Gain(
        points=x,
        churn_cut=1 - pull.left_of(old[0]),
        before=float(before.sum()),
        after=float(after.sum()),
        error=error,
        n_capped=n_capped(lever, old, pull),
        forecast=0.0,
        lost=_lost_to_chance(one, asked, new, after, x) if lever == "rates" and x else 0.0,
    )


def _why_no_gain(one: Curve, asked: Payments) -> str | None:
    """Why a curve does not tell the gain, None if it does."""
    if one.unseen.leading and one.unseen.until[0] >= 1:
        return one.unseen.condition
    if np.isnan(kept_at(one, np.ones(1))[0]):
        return "the first renewal was not observed"
    # Where all have left, nobody shows what those would do who are kept.
    watched = ~np.isnan(kept_at(one, asked.due)) & (asked.due <= one.duration[-1])
    return why_not_valued(one, int(watched.sum()), asked.horizon, asked.length)


def _lost_to_chance(one: Curve, asked: Payments, pulled: Floats, terms: Floats, x: float) -> float:
    """How much of the gain is lost as chance brings rates too near to 1 to rise by all of x.

    With σ the error of a rate and δ how many of these it is from the highest that can rise by x,
    the rate after the pull is too low by σ (φ(δ) − |δ| Φ(−|δ|)) in the mean.
    """
    here = (one.duration >= 1) & (one.duration <= pulled.size)
    n, left = one.n_at_risk[here], one.n_churned[here]
    place = one.duration[here].astype(np.int64)
    lower, upper = intervals.wilson_bounds(n - left, n)
    error = (upper - lower) / (2 * intervals.quantile_of(0.95))
    apart = np.abs(1 - x - intervals.ratio(n - left, n)) / error
    density = np.exp(-(apart**2) / 2) / np.sqrt(2 * np.pi)
    lost = error * (density - apart * intervals.p_value(apart) / 2)
    later = sums_from(asked.renewals.astype(np.float64), terms, place)
    return float((lost / pulled[place - 1]) @ later)


def _refuse_parts_of_periods_in_curve(one: Curve, last: int) -> None:
    parts = (one.duration <= last) & (one.duration % 1 != 0)
    if parts.any():
        raise ContentError(
            f"curve: it has a step at {one.duration[parts][0]:g}, and a lever is pulled at whole "
            "periods. Make it of survival_curve(renewal_periods(spells, length='month')), or "
            "whatever a period is."
        )


def _hazards_by_period(one: Curve, last: int) -> tuple[Floats, Floats]:
    """The share that leaves after 0, 1, … periods, and its variance h (1 − h) / n."""
    here = one.duration <= last
    place = one.duration[here].astype(np.int64)
    hazard, variance = np.zeros(last + 1), np.zeros(last + 1)
    n = one.n_at_risk[here].astype(np.float64)
    hazard[place] = intervals.ratio(one.n_churned[here], n)
    variance[place] = hazard[place] * (1 - hazard[place]) / n
    return hazard, variance


def _slope_of_gain(
    terms: Sequence[Floats], rates: tuple[Floats, Floats], lever: str, pull: Pull, asked: Payments
) -> Floats:
    """How the gain moves with the rate of renewals 1, 2, …, behind a place for time 0.

    Through the rate itself, before and after the lever is pulled; and through the first rate, which
    says how far points and part of the churn are apart.
    """
    (before, after), (old, new) = terms, rates
    steps = np.arange(1.0, old.size + 1)
    due = asked.renewals.astype(np.float64)
    by_old, by_new = (
        np.divide(sums_from(due, each, steps), r, out=np.zeros(r.size), where=r > 0)
        for each, r in ((before, old), (after, new))
    )
    left, (more_points, more_left) = pull.left_of(old[0]), pull.slopes(old[0])
    if lever == "rates":
        free = (new < 1).astype(np.float64)
        through_first = (by_new * free).sum() * more_points
    else:
        free = np.full(old.size, left)
        moved = by_new * -(1 - old) * more_left
        through_first = moved.sum() if lever == "hazards" else moved[0]
        if lever == "once_as_survivors":
            free[1:] = 1.0
    slope = by_new * free - by_old
    slope[0] += through_first
    return np.append(0.0, slope)


def _columns_of_gains(
    rows: Sequence[_Gain], notes: Sequence[str | None], lever: str, asked: Payments, z: float
) -> dict[str, Any]:
    before, after, error, points, lost = (
        np.array([getattr(row, name) for row in rows])
        for name in ("before", "after", "error", "points", "lost")
    )
    gain = after - before
    whole = not any(np.isnan(row.n_capped) for row in rows)
    return {
        "points": points,
        "churn_cut": np.array([row.churn_cut for row in rows]),
        "value_before": before,
        "value_after": after,
        "gain": gain,
        "gain_share": intervals.ratio(gain, before),
        "gain_per_point": intervals.ratio(gain, 100 * points),
        "standard_error": error,
        "lower": gain - z * error + np.minimum(lost, 0),
        "upper": gain + z * error + np.maximum(lost, 0),
        "n_capped": np.array([row.n_capped for row in rows], np.int64 if whole else np.float64),
        "share_forecast": intervals.ratio([row.forecast for row in rows], gain),
        "reason": text_column([row.reason for row in rows]),
        "note": text_column(notes),
        "lever": np.full(gain.size, lever, dtype=object),
        **asked.constants(gain.size),
    }

"""What one reads off a survival curve: typical lifetimes, and the chances of those still here."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ContentError, RetentionError
from retention.frames import table_like
from retention.numerics import step_functions
from retention.survival.curves.curve_tables import (
    Curve,
    curves_of,
    list_of_numbers,
    notes_of_spans,
    notes_of_values,
    table_of_curves,
    text_column,
)
from retention.tables.answer_columns import constants, gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_MIDWAY = 1e-9  # a curve that meets the level up to rounding


@gives(
    "segment",
    constants(shares("lost")),
    whole_numbers("n_spells", "n_churned"),
    numbers("lifetime", "lower", "upper", unit="as duration"),
    texts("note"),
)
def median_lifetime(
    curve: IntoFrameT, *, by: str | Sequence[str] = (), level: float = 0.95
) -> IntoFrameT:
    """How long it takes until half of the customers have left.

    The first duration at which S ≤ ½; where S is ½ over a stretch, its middle.

    Args:
        curve: a table from `survival_curve`.
        by: the segment columns that the curve was made with.
        level: confidence of the bounds, which are where the bounds of S pass ½.

    Returns:
        As `lifetime_quantile` with `lost=0.5`.

    Raises:
        as `lifetime_quantile`.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [2, 4, 7], "churned": [True, True, False]})
        >>> median = rt.median_lifetime(rt.survival_curve(spells))
        >>> float(median["lifetime"][0])
        4.0

    Source:
        Brookmeyer, R. and Crowley, J. (1982), Biometrics 38, 29–41.
    """
    return lifetime_quantile(curve, lost=0.5, by=by, level=level)


@gives(
    "segment and share",
    shares("lost"),
    whole_numbers("n_spells", "n_churned"),
    numbers("lifetime", "lower", "upper", unit="as duration"),
    texts("note"),
)
def lifetime_quantile(
    curve: IntoFrameT,
    *,
    lost: float | Sequence[float],
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """How long it takes until a share of the customers has left.

    Args:
        curve: a table from `survival_curve`.
        lost: the share that has left, between 0 and 1, or several of them.
        by: the segment columns that the curve was made with.
        level: confidence of the bounds.

    Returns:
        One row per segment and share, in the caller's kind: the `by` columns, `lost`, `n_spells`,
        `n_churned`, `lifetime` (the first duration at which S ≤ 1 − lost; where S equals it over a
        stretch, the middle of that as far as it was observed; null if so many had not left by the
        end of observation), `lower`, `upper` (where the bounds of S pass that level; null where
        they do not), `note` (what it is given, or that nobody was watched for a while before so
        many had left; else null).

    Raises:
        RetentionError: if `lost` is not between 0 and 1.
        ContentError: if the curve holds several segments that `by` does not tell apart.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [2, 4, 7], "churned": [True, True, False]})
        >>> quartile = rt.survival.lifetime_quantile(rt.survival_curve(spells), lost=0.25)
        >>> float(quartile["lifetime"][0])
        2.0

    Source:
        Brookmeyer and Crowley (1982), Biometrics 38, 29–41.
    """
    asked = list_of_numbers(lost, "lost")
    if not all(0 < share < 1 for share in asked):
        raise RetentionError(f"lost must lie between 0 and 1, such as 0.5; got {lost!r}.")
    chosen: list[Curve] = []
    ends: list[list[float]] = []
    for one in curves_of(curve, by):
        lower, upper = step_functions.log_log_bounds(one.survival, one.variance, level)
        for share in asked:
            chosen.append(one)
            ends.append(
                [_time_below(one.duration, s, 1 - share) for s in (one.survival, lower, upper)]
            )
    reached = [np.inf if np.isnan(end[0]) else end[0] for end in ends]
    notes = notes_of_spans([(one, 0.0, end) for one, end in zip(chosen, reached, strict=True)])
    parts = {
        "lost": asked * (len(chosen) // len(asked)),
        "n_spells": [one.n for one in chosen],
        "n_churned": [int(one.n_churned.sum()) for one in chosen],
        **dict(zip(("lifetime", "lower", "upper"), np.array(ends).T, strict=True)),
        "note": text_column(notes),
    }
    return table_like(table_of_curves(chosen, by, parts), curve)


@gives(
    "segment",
    numbers("horizon", unit="as duration"),
    whole_numbers("n_spells", "n_churned"),
    numbers("restricted_mean", "standard_error", "lower", "upper", unit="as duration"),
    texts("note"),
)
def restricted_mean(
    curve: IntoFrameT,
    *,
    horizon: float,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """How long customers stay on average within a horizon: the area under the curve up to it.

    With A_u the area from u to the horizon h,

        μ = ∫ from 0 to h of S(t) dt,   variance = Σ over u ≤ h of A_u² d_u / (n_u (n_u − d_u)).

    Args:
        curve: a table from `survival_curve`.
        horizon: h, in the unit of the durations.
        by: the segment columns that the curve was made with.
        level: confidence of the bounds.

    Returns:
        One row per segment, in the caller's kind: the `by` columns, `horizon`, `n_spells`,
        `n_churned` (by the horizon), `restricted_mean`, `standard_error`, `lower`, `upper` (in the
        unit of the durations; all null where nobody was observed as long as the horizon or for a
        while before it, except a stretch from 0 that ends before the horizon, past which the mean
        is given; the last three also where somebody left by the horizon and the variance is 0, as
        where all leave at once: that says nothing of chance), `note` (what it is given, or why it
        is null; else null).

    Raises:
        RetentionError: if `horizon` is not above 0.
        ContentError: if the curve holds several segments that `by` does not tell apart.

    Example:
        All of 2 days, then half of 2 days more.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [2, 6], "churned": [True, False]})
        >>> mean = rt.survival.restricted_mean(rt.survival_curve(spells), horizon=4)
        >>> float(mean["restricted_mean"][0])
        3.0

    Source:
        Klein and Moeschberger (2003), section 4.5.
    """
    z = intervals.quantile_of(level)
    chosen = _checked_curves(curve, by, horizon)
    mean, error = np.array([_mean_and_error(one, horizon) for one in chosen]).T
    parts: dict[str, Any] = {
        "horizon": np.full(len(chosen), float(horizon)),
        "n_spells": [one.n for one in chosen],
        "n_churned": [_ends_within(one, horizon) for one in chosen],
        "restricted_mean": mean,
        "standard_error": error,
        "lower": mean - z * error,
        "upper": mean + z * error,
        "note": text_column(notes_of_values([(one, 0.0, horizon) for one in chosen], mean)),
    }
    return table_like(table_of_curves(chosen, by, parts), curve)


@gives(
    "further segment",
    texts("compared_to"),
    numbers("horizon", unit="as duration"),
    whole_numbers("n_spells", "n_churned", "n_spells_compared", "n_churned_compared"),
    numbers("difference", "standard_error", "lower", "upper", unit="as duration"),
    numbers("z", "p_value"),
    texts("note"),
)
def restricted_mean_difference(
    curve: IntoFrameT, *, horizon: float, by: str | Sequence[str], level: float = 0.95
) -> IntoFrameT:
    """How much longer, within a horizon, customers of one segment stay than those of the first.

    The difference of two restricted means; segments being different customers, their variances add.

    Args:
        curve: a table from `survival_curve`.
        horizon: in the unit of the durations.
        by: the segment columns that the curve was made with. The first in sorted order is the one
            compared with.
        level: confidence of the bounds.

    Returns:
        One row a further segment, in the caller's kind: the `by` columns, the segment `compared_to`
        (its values joined by " / "), `horizon`, `n_spells` and `n_churned` (by the horizon), the
        same of the other segment in `n_spells_compared` and `n_churned_compared`, `difference`,
        `standard_error`, `lower`, `upper`, `z`, `p_value` (two-sided), `note` (as in
        `restricted_mean`, of both segments).

    Raises:
        as `restricted_mean`; ContentError if there is one segment only.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 3, 2, 3], "churned": [True, False, True, False],
        ...     "plan": ["basic", "basic", "full", "full"],
        ... })
        >>> curve = rt.survival_curve(spells, by="plan")
        >>> longer = rt.survival.restricted_mean_difference(curve, horizon=3, by="plan")
        >>> float(longer["difference"][0])
        0.5

    Source:
        Royston, P. and Parmar, M. K. B. (2013), BMC Medical Research Methodology 13, 152.
    """
    z = intervals.quantile_of(level)
    first, *others = _checked_curves(curve, by, horizon)
    if not others:
        raise ContentError("curve: there is one segment only, so nothing to compare it with.")
    mean, error = np.array([_mean_and_error(one, horizon) for one in (first, *others)]).T
    theirs, *notes = notes_of_values([(one, 0.0, horizon) for one in (first, *others)], mean)
    difference, spread = mean[1:] - mean[0], np.hypot(error[1:], error[0])
    standard = np.divide(difference, spread, out=np.full(spread.size, np.nan), where=spread > 0)
    parts: dict[str, Any] = {
        "compared_to": np.full(len(others), " / ".join(first.key), dtype=object),
        "horizon": np.full(len(others), float(horizon)),
        "n_spells": [one.n for one in others],
        "n_churned": [_ends_within(one, horizon) for one in others],
        "n_spells_compared": np.full(len(others), first.n),
        "n_churned_compared": np.full(len(others), _ends_within(first, horizon)),
        "difference": difference,
        "standard_error": spread,
        "lower": difference - z * spread,
        "upper": difference + z * spread,
        "z": standard,
        "p_value": intervals.p_value(standard),
        "note": text_column([_note_of_both(note, theirs, first) for note in notes]),
    }
    return table_like(table_of_curves(others, by, parts), curve)


@gives(
    "segment, tenure and horizon",
    numbers("tenure", "horizon", unit="as duration"),
    whole_numbers("n_at_risk", "n_churned"),
    shares("survival", "lower", "upper"),
    texts("note"),
)
def conditional_survival(
    curve: IntoFrameT,
    *,
    tenure: float | Sequence[float],
    horizon: float | Sequence[float],
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """Of those who have stayed for so long, the share still here after so much longer.

    S(tenure + horizon) / S(tenure), from the risk sets after the tenure alone:
    Π over tenure < u ≤ tenure + horizon of (1 − d_u / n_u).

    Args:
        curve: a table from `survival_curve`.
        tenure: how long they have stayed, in the unit of the durations; or several.
        horizon: how much longer; or several.
        by: the segment columns that the curve was made with.
        level: confidence of the bounds.

    Returns:
        One row per segment, tenure and horizon, in the caller's kind: the `by` columns, `tenure`,
        `horizon`, `n_at_risk` (at the first duration after the tenure), `n_churned` (within the
        horizon), `survival`, `lower`, `upper`, `note` (what it is given, or why it is null; else
        null), in the order in which these were asked. Null where nobody was observed so long, or
        for a while in between.

    Raises:
        RetentionError: if a tenure or a horizon is below 0.
        ContentError: if the curve holds several segments that `by` does not tell apart.

    Example:
        Of the two who lasted beyond day 1, one leaves on day 4.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({"duration": [1, 4, 6], "churned": [True, True, False]})
        >>> later = rt.survival.conditional_survival(rt.survival_curve(spells), tenure=1, horizon=3)
        >>> float(later["survival"][0])
        0.5

    Source:
        Klein and Moeschberger (2003), section 4.6.
    """
    asked = [
        (t, h)
        for t in list_of_numbers(tenure, "tenure")
        for h in list_of_numbers(horizon, "horizon")
    ]
    if any(t < 0 or h < 0 for t, h in asked):
        raise RetentionError("tenure and horizon are lengths of time: 0 or more.")
    chosen = [(one, t, h) for one in curves_of(curve, by) for t, h in asked]
    found = np.array([_survival_after_tenure(one, t, h) for one, t, h in chosen]).T
    survival, variance = found[2], found[3]
    lower, upper = step_functions.log_log_bounds(survival, variance, level)
    parts: dict[str, Any] = {
        "tenure": [t for _, t, _ in chosen],
        "horizon": [h for _, _, h in chosen],
        "n_at_risk": found[0].astype(np.int64),
        "n_churned": found[1].astype(np.int64),
        "survival": survival,
        "lower": lower,
        "upper": upper,
        "note": text_column(notes_of_values([(one, t, t + h) for one, t, h in chosen], survival)),
    }
    return table_like(table_of_curves([one for one, _, _ in chosen], by, parts), curve)


def _note_of_both(note: str | None, theirs: str | None, first: Curve) -> str | None:
    """What is to be said of one of two segments that are compared, and of the other."""
    other = None if theirs is None else f"{' / '.join(first.key)}: {theirs}"
    return "; ".join(each for each in (note, other) if each) or None


def _checked_curves(curve: object, by: str | Sequence[str], horizon: Any) -> list[Curve]:
    real = isinstance(horizon, Real) and not isinstance(horizon, bool)
    if not (real and 0 < horizon < np.inf):
        raise RetentionError(f"horizon must be a length of time above 0; got {horizon!r}.")
    return curves_of(curve, by)


def _mean_and_error(curve: Curve, horizon: float) -> tuple[float, float]:
    """The restricted mean and its standard error; NaN where the curve is not known that far."""
    if not curve.knows(horizon):
        return np.nan, np.nan
    curve = curve.part_up_to(horizon)
    *areas, mean = step_functions.area(curve.duration, curve.survival, horizon)
    terms = step_functions.greenwood_terms(curve.n_churned, curve.n_at_risk)
    counted = np.array(areas) > 0
    variance = float((np.array(areas)[counted] ** 2 * terms[counted]).sum())
    if not variance and _ends_within(curve, horizon):  # from 1 to 0 at once says nothing of chance
        return float(mean), np.nan
    return float(mean), float(np.sqrt(variance))


def _ends_within(curve: Curve, horizon: float) -> int:
    return int(curve.n_churned[curve.duration <= horizon].sum())


def _survival_after_tenure(
    curve: Curve, tenure: float, horizon: float
) -> tuple[float, float, float, float]:
    """At risk after the tenure, ends within the horizon, survival, variance of its logarithm."""
    after = curve.duration > tenure
    within = after & (curve.duration <= tenure + horizon)
    d, n = curve.n_churned[within], curve.n_at_risk[within]
    at_risk = float(curve.n_at_risk[after][0]) if after.any() else 0.0
    survival = float(np.prod(1 - step_functions.hazard(d, n)))
    seen = at_risk > 0 and (tenure + horizon <= curve.duration[-1] or survival == 0)
    hole = curve.unseen.first_unknown(np.array([tenure]), np.array([tenure + horizon]))[0] >= 0
    seen = seen and not hole
    variance = float(step_functions.greenwood_terms(d, n).sum())
    return at_risk, float(d.sum()), survival if seen else np.nan, variance


def _time_below(duration: NDArray[Any], survival: NDArray[np.float64], level: float) -> float:
    """The first duration at which a curve is at `level` or below; the middle where it rests."""
    known = ~np.isnan(survival)
    duration, survival = duration[known], survival[known]
    reached = np.flatnonzero(survival <= level + _MIDWAY)
    if not reached.size:
        return np.nan
    first = reached[0]
    if survival[first] < level - _MIDWAY:
        return float(duration[first])
    below = np.append(np.flatnonzero(survival < level - _MIDWAY), duration.size - 1)
    return (float(duration[first]) + float(duration[below[0]])) / 2

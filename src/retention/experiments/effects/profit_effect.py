"""Did it bring money: what customers of each arm brought in the days after, and the control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals, periods
from retention.errors import RetentionError, check_choice, is_number
from retention.experiments.effects.adjusted_means import two_means
from retention.experiments.effects.compared_arms import read_trial
from retention.experiments.effects.corrected_effects import (
    TOO_FEW_TO_LOOK,
    Difference,
    difference_with_tests,
    reading_of,
)
from retention.experiments.effects.customer_money import Asked, money_by_cell
from retention.experiments.looks.always_valid import FEWEST_ALWAYS_VALID
from retention.frames import table_like
from retention.orders import MOST
from retention.periods import whole_days
from retention.tables import TRANSACTIONS, require
from retention.tables.answer_columns import (
    constants,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.experiments.effects.adjusted_means import TwoMeans
    from retention.experiments.effects.compared_arms import Trial
    from retention.experiments.effects.corrected_effects import Correction, Peeking, Reading
    from retention.experiments.effects.customer_money import Counted, Sums
    from retention.frames import Columns

    Floats = NDArray[np.float64]

_UNIT = "currency, or orders, a customer"

PROFIT_EFFECT = (
    texts("arm", "compared_to"),
    whole_numbers("within", unit="days"),
    whole_numbers("n", "n_mature", "n_new", "n_capped"),
    numbers("mean", "sd", unit=_UNIT),
    whole_numbers("n_control", "n_mature_control", "n_new_control", "n_capped_control"),
    numbers("mean_control", "sd_control", unit=_UNIT),
    numbers("difference", "difference_lower", "difference_upper", "standard_error", unit=_UNIT),
    numbers("relative", "relative_lower", "relative_upper", unit="share of the control's"),
    numbers("z", "p_value", "p_adjusted"),
    numbers("lower_all", "upper_all", unit=_UNIT),
    numbers("p_interaction", "sample_ratio_p"),
    shares("variance_left"),
    texts("reason", "relative_reason"),
    constants(
        texts("of"),
        whole_numbers("before", unit="days"),
        numbers("cap", unit=_UNIT),
        texts("correction", "peeking"),
    ),
)


@gives("an arm beside the control (and segment)", *PROFIT_EFFECT)
def profit_effect(  # noqa: PLR0913 - a test of money has that many terms
    assignment: IntoFrameT,
    transactions: IntoFrameT,
    *,
    control: str,
    within: int,
    as_of: date | str,
    of: Counted,
    before: int | None = None,
    cap: float | None = None,
    by: str | Sequence[str] = (),
    correction: Correction = "holm",
    peeking: Peeking = "none",
    tuned_for: int | None = None,
    observed_from: date | str | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Did an offer bring money: how much more a customer of an arm brought than one of the control.

    Everybody counts in the arm to which they were assigned, offered or not, and whoever bought
    nothing counts with 0. Of a customer y is what the days 0 to within − 1 from the day of their
    assignment brought, refunds of these days taken off; customers whose days are not over by
    `as_of` are not in it yet. With Ȳ the means and s² the variances of the arms

        Δ = Ȳ_arm − Ȳ_control,   standard error = √(s²_arm/n_arm + s²_control/n_control),

    read by Student's t with Welch's degrees of freedom.

    `before` takes off what was known of customers already. With x the same sum over so many days
    before the assignment, x̄ its mean over both arms and b the slope of y on x within an arm, one
    of its own for each,

        mean_arm = Ȳ_arm + b_arm (x̄ − X̄_arm),
        variance of Δ = r²_arm/n_arm + r²_control/n_control + (b_arm − b_control)² s²_x / n

    with r² the variance that the slope leaves. `variance_left` is what that is of the variance
    without it: where next to nothing is explained it stays about 1, and no harm is done. One slope
    for both arms would be wrong where offers do more for those who bought much before. Customers
    new on the day have no before: theirs is the mean of the others, with a sign of its own that
    they are new where both arms have ten of them (`n_new`).

    Where the assignment has strata (arms were chosen within them) means and variances are of each
    stratum, weighted by its share q of both arms' customers: Σ q Ȳ and Σ q² s²/n; slopes are of the
    arm. Strata in which an arm has fewer than 10 customers are taken together. Where it has
    clusters (branches, agents) these are the units: what a customer's money differs from the mean
    of the arm (and stratum) is summed by cluster, and the variance of an arm is the sum of the
    squares of these sums, each over 1 − p for a cluster with the part p of the customers of its arm
    (and stratum), over n²: for C clusters of one size C/(C − 1) times. With `before` it is (C − K)
    / (C − K − slopes) times that for K strata. Degrees of freedom of an arm are the effective
    number of clusters, (Σn)²/Σn², less K and the slopes, put together as Welch does.

    `relative` is Δ/mean_control with Fieller's bounds: all ratios θ − 1 for which mean_arm less θ
    mean_control is not told from 0. They need a control whose mean is.

    A handful of customers can make the mean. `cap` counts what a customer brought beyond it, gains
    or losses, as the cap (and beyond cap · before/within before); `n_capped` says of how many. It
    changes the question: what was capped is not in Δ, so do not put it into `programme_value`
    without a word. Say it before you look.

    Several arms and segments are several tests: `p_adjusted` has been told so, the bounds
    `lower_all` and `upper_all` hold for all at once, `p_interaction` says whether an arm does not
    do the same in all segments. Who looks before the end says `peeking="always-valid"`, or plans
    looks and compares `z` with `look_bounds`.

    Args:
        assignment: a table from `assign_arms` or `as_assignment`; a customer stands in it once.
        transactions: a table from `as_transactions`, of the same kind. Who is not in the assignment
            is left out.
        control: the arm with which the others are compared.
        within: days that count, that of the assignment the first.
        as_of: the last observed day, itself included. What came later is not looked at.
        of: "profit", "sales" or "orders" (those that are purchases: refunds alone are none).
        before: days before the assignment whose sum is taken for what was known; None for none.
        cap: the most that counts of a customer, currency (or orders) above 0; None for no limit.
        by: segment columns of the assignment, as they stood on the day of the assignment.
        correction: of the p-values, over arms and segments: "holm", "benjamini_hochberg" or "none".
        peeking: "none", or "always-valid": bounds and p-values hold at every look at once. They
            rest on large numbers: below 200 customers (or clusters) there are none.
        tuned_for: of always-valid bounds, the number of customers (or clusters) in both arms at
            which they are narrowest.
        observed_from: the first day whose orders are known; by default that of the first order,
            before which nobody's days may be over.
        level: confidence of all bounds.

    Returns:
        One row per segment and arm other than the control, in the caller's kind, sorted: the `by`
        columns, `arm`, `compared_to`, `within` (days), `n` (customers of the arm), `n_mature`
        (whose days are over: all else is of these), `n_new` (without an order before), `n_capped`,
        `mean` (as adjusted by strata and `before`), `sd` (of what customers brought, as it is); the
        same of the control with `_control`; `difference` (mean less mean_control) with
        `difference_lower`, `difference_upper` and `standard_error`; `relative` with bounds; `z`
        (difference over its error), `p_value` (two-sided), `p_adjusted`, `lower_all`, `upper_all`
        (Bonferroni), `p_interaction` (Cochran's Q over the segments), `sample_ratio_p` (of arms so
        far from their planned sizes, in the segment), `variance_left`, `reason` (why a difference
        or its bounds are not known; else null), `relative_reason` (likewise of `relative`), and the
        conventions `of`, `before`, `cap`, `correction`, `peeking`.

    Raises:
        RetentionError: if an argument is none of what it may be, or `control` is no arm.
        ColumnError: if a column is missing or of the wrong type, as `profit` where it is asked for.
        ContentError: if a customer has two rows, a cluster is in two arms or strata, nobody's days
            are over, days of a customer or `before` lie before `observed_from`, no customer is in
            transactions, or amounts are in several currencies.

    Warns:
        RetentionWarning: if arms are not as large as planned (p < .001), or the log falls silent
            before `as_of`.

    Example:
        Three of each arm: with the offer they bought for 4, 6 and 8, without it for 1, 2 and 0.

        >>> import pandas as pd
        >>> import retention as rt
        >>> day = pd.Timestamp("2024-03-01")
        >>> assignment = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee", "Eva", "Fay"],
        ...     "arm": ["none"] * 3 + ["offer"] * 3, "assigned": day, "share": 0.5,
        ... })
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Dee", "Eva", "Fay", "Fay"],
        ...     "date": day + pd.to_timedelta([0, 5, 8, 9, 2, 3], unit="D"),
        ...     "sales": [1.0, 2.0, 4.0, 6.0, 5.0, 3.0],
        ... })
        >>> effect = rt.experiments.profit_effect(
        ...     assignment, orders, control="none", within=10, as_of="2024-03-10", of="sales"
        ... )
        >>> effect[["mean", "mean_control", "difference", "standard_error"]].round(4)
           mean  mean_control  difference  standard_error
        0   6.0           1.0         5.0           1.291

        By hand √(4/3 + 1/3). If 1,000 get the offer for 3,000 in all:

        >>> worth = rt.economics.programme_value(
        ...     effect, n_offered=1_000, value_saved=1, spend=3_000
        ... )
        >>> worth[["net_gain", "pays", "basis"]]
           net_gain      pays                   basis
        0    2000.0  not known  money that was watched

    Source:
        Welch, B. L. (1947), Biometrika 34, 28–35; Lin, W. (2013), Agnostic notes on regression
        adjustments to experimental data, Annals of Applied Statistics 7, 295–318; Fieller, E. C.
        (1954), Journal of the Royal Statistical Society B 16, 175–185; Miratrix, L. W., Sekhon,
        J. S. and Yu, B. (2013), Journal of the Royal Statistical Society B 75, 369–396
        (post-stratification); Deng, A. and others (2013), WSDM, 123–132 (sums before as covariate).
    """
    reading = reading_of(level=level, correction=correction, peeking=peeking, tuned_for=tuned_for)
    asked = _question_of_money(of, within, before, cap, as_of, observed_from)
    frame = require(transactions, TRANSACTIONS, adds="none" if of == "orders" else "all")
    answer = [column.name for part in PROFIT_EFFECT for column in part]
    trial = read_trial(
        assignment,
        frame,
        control=control,
        by=by,
        as_of=asked.as_of,
        beside_name="transactions",
        answer=answer,
    )
    sums = money_by_cell(frame, trial, asked)
    plain = _means_of(sums, trial, adjusted=False)
    found = _means_of(sums, trial, adjusted=True) if before else plain
    said = {"of": of, "correction": correction, "peeking": peeking}
    made = {
        **_counts_of_arms(sums, trial),
        **_effects(found, plain, trial, reading),
        **trial.constant_columns({**said, "within": asked.within}),
        "before": _same_in_all_rows(trial, before),
        "cap": _same_in_all_rows(trial, cap),
    }
    made["reason"] = _reasons_without_money_bounds(made, found, trial, reading)
    return table_like(trial.answer_columns(made, answer), assignment)


def _question_of_money(
    of: Counted,
    within: int,
    before: int | None,
    cap: float | None,
    as_of: date | str,
    observed_from: date | str | None,
) -> Asked:
    """The question, once it is one.

    Raises:
        RetentionError: if it is none.
    """
    check_choice("of", of, ("profit", "sales", "orders"))
    if cap is not None and not (is_number(cap) and 0 < cap <= MOST):
        raise RetentionError(
            "cap (the most that counts of a customer) must be a number above 0, or None for no "
            f"limit; got {cap!r}."
        )
    last, first = periods.observed_days(as_of, observed_from)
    return Asked(
        of,
        whole_days(within, argument="within", least=1),
        0 if before is None else whole_days(before, argument="before", least=1),
        np.inf if cap is None else float(cap),
        last,
        first,
    )


def _same_in_all_rows(trial: Trial, value: float | None) -> Floats:
    """A number that is the same in all rows, or missing in all."""
    n = trial.n_segments * (len(trial.arms) - 1)
    return np.full(n, np.nan if value is None else float(value))


def _means_of(sums: Sums, trial: Trial, *, adjusted: bool) -> list[TwoMeans]:
    """The means of both arms of each comparison."""
    ends = np.searchsorted(sums.cell, np.arange(trial.n_cells + 1))
    cells = [sums.rows(slice(*ends[i : i + 2])) for i in range(trial.n_cells)]
    return [
        two_means(cells[arm], cells[control], clustered=trial.clustered, adjusted=adjusted)
        for arm, control in zip(*trial.pairs(), strict=True)
    ]


def _counts_of_arms(sums: Sums, trial: Trial) -> Columns:
    """Customers of each arm, and with `_control` of the control, and how their money spreads."""
    n = sums.per_cell(sums.n)
    squares = intervals.squared_residuals(
        n, sums.per_cell(sums.y), sums.per_cell(sums.yy), intervals.ratio(sums.per_cell(sums.y), n)
    )
    counts = {
        "n": sums.n_assigned,
        "n_mature": n,
        "n_new": sums.per_cell(np.where(sums.new, sums.n, 0.0)),
        "n_capped": sums.per_cell(sums.n_capped),
    }
    cells: Columns = {name: values.astype(np.int64) for name, values in counts.items()}
    cells["sd"] = np.where(n > 1, np.sqrt(squares / np.maximum(n - 1, 1)), np.nan)
    arm, control = trial.pairs()
    mine = {name: values[arm] for name, values in cells.items()}
    return mine | {f"{name}_control": values[control] for name, values in cells.items()}


def _effects(
    found: list[TwoMeans], plain: list[TwoMeans], trial: Trial, reading: Reading
) -> Columns:
    """The columns of means, differences, ratios and what of the variance is left."""
    means = np.array([pair.means for pair in found]).T
    variance, before = (np.array([pair.variance for pair in each]) for each in (found, plain))
    error = np.sqrt(np.where(variance > 0, variance, np.nan))
    difference = means[0] - means[1]
    units = np.array([pair.units for pair in found])
    freedom = np.array([pair.freedom for pair in found])

    def bounds(quantiles: Floats) -> tuple[Floats, Floats]:
        return difference - quantiles * error, difference + quantiles * error

    told = Difference(difference, error, units, freedom, bounds)
    covariances = np.array([pair.covariance for pair in found])
    return {
        "mean": means[0],
        "mean_control": means[1],
        **difference_with_tests(told, trial, reading),
        **relative_to_control(means, covariances, reading.quantiles(told, reading.level)),
        "variance_left": intervals.ratio(variance, before),
    }


def relative_to_control(means: Floats, covariances: Floats, quantiles: Floats) -> Columns:
    """Δ over the mean of the control with Fieller's bounds, and why there are none.

    θ lies within them if (m₁ − θ m₀)² ≤ q² (V₁₁ − 2 θ V₁₀ + θ² V₀₀): between the roots of a
    quadratic, if m₀ itself is more than q errors from 0.
    """
    (one, other), (v11, v10, v00) = means, covariances[:, [0, 0, 1], [0, 1, 1]].T
    square = quantiles**2
    a, b, c = other**2 - square * v00, one * other - square * v10, one**2 - square * v11
    inside = b**2 - a * c
    bounded = (a > 0) & (other > 0) & (inside >= 0)
    root = np.sqrt(np.where(bounded, inside, np.nan))
    bottom = np.where(bounded, a, 1.0)
    ratio = intervals.ratio(one, other)
    reason = np.full(one.size, None, dtype=object)
    reason[np.isnan(root)] = "The control's mean is too near 0."
    reason[np.isnan(quantiles) | np.isnan(v11 + v00)] = "The difference has no bounds."
    return {
        "relative": ratio - 1,
        "relative_lower": (b - root) / bottom - 1,
        "relative_upper": (b + root) / bottom - 1,
        "relative_reason": reason,
    }


def _reasons_without_money_bounds(
    made: Columns, found: list[TwoMeans], trial: Trial, reading: Reading
) -> NDArray[np.object_]:
    """Why a difference or its bounds are not known; None where they are."""
    units = np.array([pair.units for pair in found])
    cases = {
        "There is nobody in the arm.": made["n"] == 0,
        "There is nobody in the control.": made["n_control"] == 0,
        "The days of nobody in the arm are over.": made["n_mature"] == 0,
        "The days of nobody in the control are over.": made["n_mature_control"] == 0,
        TOO_FEW_TO_LOOK: (reading.peeking == "always-valid") & (units < FEWEST_ALWAYS_VALID),
        "The clusters are too few, or all alike.": np.full(units.size, trial.clustered),
        "A single customer does not tell how much is chance.": np.minimum(
            made["n_mature"], made["n_mature_control"]
        )
        < 2,
        "All brought the same, or so nearly that it does not tell how much is chance.": True,
    }
    lacks = np.isnan(made["difference_lower"])
    conditions = [lacks & np.broadcast_to(case, lacks.shape) for case in cases.values()]
    place = np.select(conditions, range(1, len(cases) + 1), 0)
    return np.asarray(np.array([None, *cases], dtype=object)[place])

"""Rates side by side: which differ, by how much at most, and which is no worse than another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from retention import intervals
from retention.benchmarks.own.counted_rates import counted_rates
from retention.benchmarks.own.rate_differences import RatePairs, ratio_with_bounds
from retention.benchmarks.own.row_pairs import EACH_OTHER, PairsOfRows
from retention.benchmarks.own.shared_at_hand import Beside
from retention.benchmarks.own.shared_customers import (
    SUMS,
    correlation_of_rates,
    repeats_of_rest,
    shared_customers,
    warn_of_same_customers,
)
from retention.errors import ColumnError, RetentionError, check_choice, is_number
from retention.frames import Columns, table_like
from retention.names import outer_text
from retention.tables import column_names
from retention.tables.answer_columns import (
    constants,
    differences,
    flags,
    gives,
    numbers,
    shares,
    texts,
    whole_numbers,
)
from retention.wording import percent, points, signed_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.benchmarks.own.counted_rates import CountedRates

    Floats = NDArray[np.float64]

Corrected = Literal["holm", "benjamini_hochberg", "none"]

COMPARED = (
    texts("group", "other"),
    numbers("n", "count", unit="customers"),
    shares("rate", "rate_lower", "rate_upper"),
    numbers("n_other", "count_other", unit="customers"),
    shares("rate_other", "rate_other_lower", "rate_other_upper"),
    differences("difference", "difference_lower", "difference_upper"),
    numbers("rate_ratio", "rate_ratio_lower", "rate_ratio_upper", unit="share of the other's"),
    whole_numbers("n_in_both"),
    numbers("p_value", "p_adjusted", "p_no_worse", "p_equivalent"),
    texts("verdict"),
    flags("equivalent"),
    texts("finding"),
    constants(texts("figure"), differences("margin"), texts("correction")),
)


@gives("pair of groups (and segment)", *COMPARED)
def compare_rates(  # noqa: PLR0913 - what is compared, with what, and how it is read
    rates: IntoFrameT,
    *,
    of: str,
    against: str | int | date = EACH_OTHER,
    by: str | Sequence[str] = (),
    figure: str = "retention_rate",
    count: str | None = None,
    base: str | None = None,
    better: Literal["higher", "lower"] | None = None,
    margin: float | None = None,
    correction: Corrected = "holm",
    activity: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Do segments, groups or periods differ, by how much, and is one no worse than another.

    With p = k/n the rate of a group and q that of the other, l and u Wilson's bounds of each, and φ
    the correlation of the two rates, d = p − q lies between

        d − √((p − l_p)² − 2φ (p − l_p)(u_q − q) + (u_q − q)²)  and
        d + √((u_p − p)² − 2φ (u_p − p)(q − l_q) + (q − l_q)²).

    Of different customers φ = 0, and that is Newcombe's method 10. The customers of two periods are
    partly the same, and so are those of two regions where people buy in both. With the `activity`
    of which the rates were made they are counted, `n_in_both`, and

        φ = Σ over them (x − p)(y − q) / √(n p(1 − p) · m q(1 − q)),

    x and y being 1 for who was kept on the one side and on the other: if they are all the same,
    Newcombe's method 8 for pairs. Without it φ is 0, and of periods a warning says so. With
    `against="rest"` and the activity, the rest counts as so many customers as say as much, fewer
    than its n where people stand in several of its groups.

    A p-value is 1 less the level at which these bounds reach the value asked about, so that bounds
    and p never disagree: `p_value` asks about 0. All comparisons of the answer are one family:
    `p_adjusted`, `p_no_worse` and `p_equivalent` have been told of the others by `correction`. The
    bounds have not: each holds for itself.

    Without a margin the `verdict` is "better" or "worse" ("higher", "lower" where nobody knows what
    is better) if `p_adjusted` ≤ 1 − `level`, else "cannot tell". With one, "no worse" if it is sure
    that the group is worse by less than `margin`, that is `p_no_worse` ≤ (1 − level)/2; else
    "worse" if it is clearly worse; else "cannot tell". `equivalent` says that it is neither worse
    nor better by as much as `margin` (two one-sided tests, each at (1 − level)/2). That a
    difference is not clear never means that there is none: for that, say a margin.

    Args:
        rates: any answer with counts and a row per group: `retention_rate`, `outcome_kpis`,
            `churn_by`, `churn_rate`, `cohort_retention`; or your own with `count` and `base`.
        of: the column whose groups are compared: a segment column, or "period", "cohort".
        against: "each other" (all pairs), "rest" (each with all others together), or one of the
            groups, with which each of the others is compared; a day also as "2024-01-31".
        by: columns within whose values groups are compared, such as "period".
        figure: the rate: "retention_rate", "churn_rate" or, of cohorts, "rate"; with `count` and
            `base`, what you call it.
        count: column of how many (k), where it is not known of the figure.
        base: column of how many of (n).
        better: which way is better, where the catalogue does not say it of the figure.
        margin: how much worse is still no worse, a difference of shares such as 0.02. What may be
            given up is for the firm to say, before it looks.
        correction: of the p-values: "holm", "benjamini_hochberg" or "none".
        activity: the activity of which the rates were made, to count customers in both.
        level: confidence of the bounds, each for itself.

    Returns:
        One row per comparison, in the caller's kind: the `by` columns, `group` and `other`; `n`,
        `count` and `rate` of the group, `n_other`, `count_other` and `rate_other` of the other,
        with bounds (Wilson); `difference` with bounds, `rate_ratio` p/q with bounds (MOVER-R),
        `n_in_both` (customers on both sides, null without `activity`; with "rest", once for each
        other group), `p_value`, `p_adjusted`, `p_no_worse`, `p_equivalent`, `verdict`,
        `equivalent`, `finding` (a sentence), and the constants `figure`, `margin` and `correction`.
        Null where a rate is of nobody or not known.

    Raises:
        RetentionError: if `margin` is not between 0 and 1, or nobody knows which way is better.
        ColumnError: if a column is missing.
        ContentError: if several rows are of one group (say `by`), `against` is no group, or the
            rates are not those of the activity.

    Example:
        Newcombe's own: 56 of 70 and 48 of 80.

        >>> import pandas as pd
        >>> import retention as rt
        >>> kept = pd.DataFrame({"region": ["north", "south"], "kept": [56, 48], "all": [70, 80]})
        >>> asked = {"of": "region", "count": "kept", "base": "all", "better": "higher"}
        >>> found = rt.benchmarks.compare_rates(kept, figure="renewed", **asked)
        >>> found[["difference", "difference_lower", "difference_upper", "verdict"]].round(4)
           difference  difference_lower  difference_upper verdict
        0         0.2            0.0524            0.3339  better
        >>> print(found["finding"][0])
        north 80.0% against south 60.0%: +20.0 points (+5.2 to +33.4 points), better.

    Source:
        Newcombe, R. G. (1998), Statistics in Medicine 17, 873–890, method 10 and table II; of
        pairs, 17, 2635–2650, method 8. Of ratios (2016), Statistical Methods in Medical Research
        25, 1774–1778. No worse: Schuirmann, D. J. (1987), Journal of Pharmacokinetics and
        Biopharmaceutics 15, 657–680.
    """
    intervals.quantile_of(level)
    check_choice("correction", correction, ("holm", "benjamini_hochberg", "none"))
    if not isinstance(of, str):
        raise ColumnError(f"`of` names one column, whose groups are compared; got {of!r}.")
    (compared,), names = column_names(of, argument="of"), column_names(by)
    found = counted_rates(
        rates,
        {"by": names, "of": [compared]},
        figure=figure,
        counts=(count, base),
        better=better,
        steps=activity is not None,
    )
    _check_margin(margin, found)
    pairs = PairsOfRows(found, compared, names, against)
    sums = _sums_in_both(pairs, rates, activity, names)
    columns = _sides_and_difference(pairs, sums, level)
    columns |= _p_values(pairs, sums, margin, correction)
    columns |= _verdicts_of_pairs(columns, found.better, margin, level)
    columns["finding"] = np.array(_findings(columns, margin), dtype=object)
    columns["figure"] = np.full(pairs.size, figure, dtype=object)
    columns["margin"] = np.full(pairs.size, np.nan if margin is None else margin)
    columns["correction"] = np.full(pairs.size, correction, dtype=object)
    if sums is None:
        columns["n_in_both"] = np.full(pairs.size, None, dtype=object)
        warn_of_same_customers(compared, pairs.size)
    keys = {outer_text(name): found.keys[name][pairs.one] for name in names}
    order = [column.name for part in COMPARED for column in part]
    return table_like({**keys, **{name: columns[name] for name in order}}, rates)


def _check_margin(margin: float | None, found: CountedRates) -> None:
    if margin is None:
        return
    if not (is_number(margin) and 0 < margin < 1):
        raise RetentionError(
            f"`margin` is a difference of shares, such as 0.02 for two points; got {margin!r}."
        )
    if found.better == "neither":
        raise RetentionError(
            f"Which way is better of {found.figure!r} is not known: say `better='higher'` or "
            "`better='lower'`."
        )


def _sums_in_both(
    pairs: PairsOfRows, rates: object, activity: object, names: Sequence[str]
) -> Columns | None:
    """Of each comparison the sums over the customers on both sides; None if nobody counted them."""
    if activity is None:
        return None
    beside = Beside(within=names, others=None if pairs.with_rest else pairs.other)
    made = shared_customers(pairs.rates, activity, [*names, pairs.of], rates, beside)
    if not pairs.with_rest:
        return {name: made.sums_between(pairs.one, pairs.other, name) for name in SUMS}
    sums = made.sums_with_rest(pairs.cell)
    return {name: values[pairs.one] for name, values in sums.items()}


def _related_counts(pairs: PairsOfRows, sums: Columns | None) -> RatePairs:
    """The counts of both sides, with the correlation that shared customers make.

    The rest counts as many people as say as much, where some stand in several of its parts.
    """
    counted = pairs.counted_sides()
    if sums is None:
        return counted
    first, second = (counted.k, counted.n), (counted.k_other, counted.n_other)
    if pairs.rates.figure == "churn_rate":  # the sums are of those kept
        first = (counted.n - counted.k, counted.n)
        second = (counted.n_other - counted.k_other, counted.n_other)
    wider = repeats_of_rest(sums, second) if pairs.with_rest else 1.0
    phi = correlation_of_rates(sums, first, (second[0] * wider, second[1] * wider))
    return RatePairs(counted.k, counted.n, counted.k_other / wider, counted.n_other / wider, phi)


def _sides_and_difference(pairs: PairsOfRows, sums: Columns | None, level: float) -> Columns:
    found = _related_counts(pairs, sums)
    low, high = intervals.wilson_bounds(found.k, found.n, level)
    other_low, other_high = intervals.wilson_bounds(found.k_other, found.n_other, level)
    lower, upper = found.bounds_at(intervals.quantile_of(level))
    share, least, most = ratio_with_bounds(found, level)
    other = pairs.counted_sides()
    columns: Columns = {"group": pairs.labels[pairs.one], "other": pairs.other_names()}
    columns |= {"n": found.n, "count": found.k, "rate": intervals.ratio(found.k, found.n)}
    columns |= {"rate_lower": low, "rate_upper": high}
    columns |= {"n_other": other.n_other, "count_other": other.k_other}
    columns |= {"rate_other": intervals.ratio(other.k_other, other.n_other)}
    columns |= {"rate_other_lower": other_low, "rate_other_upper": other_high}
    columns |= {"difference": found.difference, "difference_lower": lower}
    columns |= {"difference_upper": upper}
    columns |= {"rate_ratio": share, "rate_ratio_lower": least}
    columns["rate_ratio_upper"] = most
    if sums is not None:
        columns["n_in_both"] = sums["n"].astype(np.int64)
    return columns


def _p_values(
    pairs: PairsOfRows, sums: Columns | None, margin: float | None, correction: Corrected
) -> Columns:
    """Of no difference, of being worse by the margin, and of being as far away either way."""
    found = _related_counts(pairs, sums)
    adjusted: Callable[[Floats], Floats] = lambda p: (  # noqa: E731
        p if correction == "none" else intervals.adjusted_p(p, correction)
    )
    p = found.p_of_none()
    columns: Columns = {"p_value": p, "p_adjusted": adjusted(p)}
    if margin is None:
        nothing = np.full(p.size, np.nan)
        return {**columns, "p_no_worse": nothing, "p_equivalent": nothing.copy()}
    above, below = found.chance_of_less(-margin), 1 - found.chance_of_less(margin)
    no_worse = above if pairs.rates.better == "higher" else below
    both = np.maximum(above, below)
    return {**columns, "p_no_worse": adjusted(no_worse), "p_equivalent": adjusted(both)}


def _verdicts_of_pairs(
    columns: Columns, better: str, margin: float | None, level: float
) -> Columns:
    clear = columns["p_adjusted"] <= 1 - level
    up = columns["difference"] > 0
    words = {"higher": ("better", "worse"), "lower": ("worse", "better")}
    high, low = words.get(better, ("higher", "lower"))
    verdict = np.where(clear, np.where(up, high, low), "cannot tell").astype(object)
    none = np.full(up.size, None, dtype=object)
    if margin is None:
        return {"verdict": verdict, "equivalent": none}
    sure = (1 - level) / 2
    worse = np.where(verdict == "worse", "worse", "cannot tell")
    verdict = np.where(columns["p_no_worse"] <= sure, "no worse", worse).astype(object)
    alike = (columns["p_equivalent"] <= sure).astype(object)
    alike[np.isnan(columns["p_value"])] = None
    return {"verdict": verdict, "equivalent": alike}


def _findings(columns: Columns, margin: float | None) -> list[str]:
    names = ("group", "rate", "other", "rate_other", "difference", "difference_lower")
    rows = zip(*(columns[n].tolist() for n in (*names, "difference_upper", "verdict")), strict=True)
    within = "" if margin is None else f" (margin {points(margin).lstrip('+')})"
    return [
        f"{group} {percent(rate)} against {other} {percent(rate_other)}: {points(apart)} "
        f"({signed_points(low)} to {points(high)}), {verdict}{within}."
        if apart == apart  # noqa: PLR0124 - NaN where a rate is not known
        else f"{group} {percent(rate)} against {other} {percent(rate_other)}: cannot tell."
        for group, rate, other, rate_other, apart, low, high, verdict in rows
    ]

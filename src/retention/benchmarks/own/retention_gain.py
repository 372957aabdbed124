"""What was gained on the year before, under each of the three names that it goes by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals, periods
from retention.benchmarks.own.counted_rates import CountedRates, counted_rates
from retention.benchmarks.own.rate_differences import RatePairs, ratio_with_bounds
from retention.benchmarks.own.shared_at_hand import Beside
from retention.benchmarks.own.shared_customers import (
    SUMS,
    correlation_of_rates,
    shared_customers,
)
from retention.errors import ColumnError
from retention.frames import Columns, table_like
from retention.names import outer_text
from retention.tables import column_names
from retention.tables.answer_columns import (
    constants,
    differences,
    gives,
    numbers,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]


@gives(
    "period that has one so much earlier (and segment)",
    times("period_before", "period"),
    numbers("n_before", "n_after", unit="customers"),
    whole_numbers("n_in_both"),
    shares("before", "after"),
    differences("gain_points", "gain_points_lower", "gain_points_upper"),
    numbers("gain_relative", "gain_relative_lower", "gain_relative_upper", unit="share of 1"),
    numbers("churn_relative", "churn_relative_lower", "churn_relative_upper", unit="share of 1"),
    constants(texts("overlap", "figure"), whole_numbers("apart")),
)
def retention_gain(
    rates: IntoFrameT,
    *,
    apart: int = 12,
    by: str | Sequence[str] = (),
    figure: str = "retention_rate",
    count: str | None = None,
    base: str | None = None,
    activity: IntoFrameT | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """How much retention has gained on the year before, in points and as a share, and churn lost.

    "Retention is up by 15 %" may be one point or ten. With p0 the retention of a period and p1 that
    of the one `apart` periods later there are three gains, and each has its name:

        gain_points    = p1 − p0                      from 80 % to 84 %: 4 points
        gain_relative  = p1/p0 − 1                    5 %
        churn_relative = (1 − p1)/(1 − p0) − 1        −20 %

    Bounds of the first are Newcombe's, those of the others MOVER-R, both made of Wilson's of p0 and
    p1. The customers of the two periods are partly the same: with the `activity` they are counted,
    and the bounds are those of `compare_rates` for rates that share customers.

    Args:
        rates: any answer with counts and a row per `period` and `step`, such as `retention_rate`,
            `outcome_kpis` or `churn_by`.
        apart: how many periods lie between: 12 of months, 4 of quarters, 1 of years.
        by: segment columns of the table.
        figure: the rate, as in `compare_rates`; of "churn_rate" retention is the complement.
        count: column of how many were kept, where it is not known of the figure.
        base: column of how many of.
        activity: the activity of which the rates were made, to count customers in both.
        level: confidence of the bounds.

    Returns:
        One row per segment and period that has one so much earlier, in the caller's kind: the `by`
        columns, `period_before`, `period`, `n_before`, `n_after`, `n_in_both` (null without
        `activity`), `before` and `after` (retention), `gain_points`, `gain_relative` and
        `churn_relative`, each with bounds, and the constants `overlap` ("counted", or "taken for
        different people": then the bounds are too wide as a rule), `figure`, `apart`. Relative to
        nothing is null: `gain_relative` where nobody was kept before, `churn_relative` where
        everybody was.

    Raises:
        RetentionError: if `apart` is not a whole number above 0.
        ColumnError: if a column is missing.
        ContentError: if several rows are of one segment and period: say `by`.

    Example:
        From 160 of 200 to 168 of 200.

        >>> import pandas as pd
        >>> import retention as rt
        >>> rates = pd.DataFrame({
        ...     "period": pd.to_datetime(["2023-01-01", "2024-01-01"]), "step": [2023, 2024],
        ...     "n_base": [200, 200], "n_retained": [160, 168],
        ... })
        >>> gain = rt.benchmarks.retention_gain(rates, apart=1)
        >>> gain[["gain_points", "gain_relative", "churn_relative"]].round(3)
           gain_points  gain_relative  churn_relative
        0         0.04           0.05            -0.2

    Source:
        Newcombe, R. G. (1998), Statistics in Medicine 17, 873–890, method 10; of ratios (2016),
        Statistical Methods in Medical Research 25, 1774–1778.
    """
    periods.check_lag(apart, argument="apart")
    quantile, names = intervals.quantile_of(level), column_names(by)
    asked: dict[str, Any] = {"figure": figure, "counts": (count, base), "steps": True}
    found = counted_rates(rates, {"by": names, "of": ["period"]}, **asked)
    if "step" not in found.keys:
        raise ColumnError.missing(
            "the table of rates", "step", "the number of the period", found.keys, "retention_rate"
        )
    later, earlier = _rows_apart(found, names, apart)
    kept = found.n - found.k if figure == "churn_rate" else found.k
    after, before = (kept[later], found.n[later]), (kept[earlier], found.n[earlier])
    n_in_both, phi = np.full(later.size, None, dtype=object), np.zeros(later.size)
    if activity is not None:
        beside = Beside(within=names, apart=apart)
        shared = shared_customers(found, activity, [*names, "period"], rates, beside)
        sums = {name: shared.sums_between(later, earlier, name) for name in SUMS}
        n_in_both, phi = sums["n"].astype(np.int64), correlation_of_rates(sums, after, before)
    pairs = RatePairs(*after, *before, phi)
    columns: Columns = {outer_text(name): found.keys[name][later] for name in names}
    columns |= {"period_before": found.keys["period"][earlier]}
    columns |= {"period": found.keys["period"][later]}
    columns |= {"n_before": pairs.n_other, "n_after": pairs.n, "n_in_both": n_in_both}
    columns |= {"before": intervals.ratio(pairs.k_other, pairs.n_other)}
    columns |= {"after": intervals.ratio(pairs.k, pairs.n)}
    lower, upper = pairs.bounds_at(quantile)
    columns |= _with_its_bounds("gain_points", (pairs.difference, lower, upper), 0.0)
    columns |= _with_its_bounds("gain_relative", ratio_with_bounds(pairs, level), 1.0)
    lost = replace(pairs, k=pairs.n - pairs.k, k_other=pairs.n_other - pairs.k_other)
    columns |= _with_its_bounds("churn_relative", ratio_with_bounds(lost, level), 1.0)
    overlap = "taken for different people" if activity is None else "counted"
    columns["overlap"] = np.full(later.size, overlap, dtype=object)
    columns["figure"] = np.full(later.size, figure, dtype=object)
    columns["apart"] = np.full(later.size, apart, np.int64)
    return table_like(columns, rates)


def _rows_apart(found: CountedRates, names: Sequence[str], apart: int) -> tuple[Rows, Rows]:
    """The rows that have one so many periods earlier, and these, by segment and period."""
    step = found.keys["step"].astype(np.int64)
    step = step - step.min(initial=0) + apart
    code = found.cells_of(names) * (int(step.max(initial=0)) + 1) + step
    order = np.argsort(code)
    if not order.size:
        return order, order
    place = np.minimum(np.searchsorted(code[order], code[order] - apart), code.size - 1)
    there = code[order][place] == code[order] - apart
    return order[there], order[place[there]]


def _with_its_bounds(
    name: str, found: tuple[Floats, Floats, Floats], less: float
) -> dict[str, Floats]:
    value, lower, upper = (values - less for values in found)
    return {name: value, f"{name}_lower": lower, f"{name}_upper": upper}

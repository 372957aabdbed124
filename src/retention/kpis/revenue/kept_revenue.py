"""What is left of a period's customers and their revenue: the sums behind NRR, GRR, logo churn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.base_and_later import activity_by_segments, base_and_later
from retention.activity.window import window_of
from retention.errors import ContentError, RetentionError, check_choice
from retention.frames import Columns, Frame, collect, count
from retention.kpis.churn.renewals import customers_up_for_renewal, periods_of_renewals
from retention.kpis.outcome.counts import (
    counts_on_grid,
    sums_without_noise,
    warn_where_all_are_gone,
)
from retention.periods import check_lag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.tables import Adds


@dataclass(frozen=True, slots=True)
class Kept:
    """What the user asked of a rate of revenue: what counts as kept, of whom, over how long.

    `counted` is "net" (later sales), "no contraction" (the larger of the two), "gross" (the
    smaller) or "customers" (no sales at all, so that currencies do not matter).
    """

    counted: str
    by: str | Sequence[str]
    lag: int
    path: str
    reactivation: str
    level: float
    renewals: object | None


_COUNTS = ("n_base", "n_retained", "n_reactivated")
_SUMS = ("sales_base", "sales_retained", "sales_squares", "sales_residuals")
_WORKING = (*_COUNTS, *_SUMS, "sales_known", "sales_least")


def sums_of_kept_revenue(activity: object, asked: Kept) -> tuple[Columns, Columns]:
    """The keys of each segment and base period, and the counts, sums and rate of what was kept.

    Raises:
        RetentionError: if a keyword has a value it cannot have.
        ContentError: if too few whole periods were observed.
    """
    check_lag(asked.lag)
    check_choice("path", asked.path, ("endpoint", "chained"))
    check_choice("reactivation", asked.reactivation, ("exclude", "include"))
    intervals.quantile_of(asked.level)
    if asked.renewals is not None and asked.reactivation == "include":
        raise RetentionError(
            "reactivation='include' counts customers who had no contract to renew: "
            "leave renewals= out, or say reactivation='exclude'."
        )
    money = asked.counted != "customers"
    adds: Adds = "within" if money else "none"
    frame, names = activity_by_segments(activity, asked.by, adds=adds, working=_WORKING)
    window = window_of(frame, empty="there is no revenue to follow")
    first, last, freq = window
    if last - asked.lag < first:
        raise ContentError(
            f"A lag={asked.lag} needs {asked.lag + 1} whole periods; the activity "
            f"covers {last - first + 1} ({periods.label(first, freq)} to "
            f"{periods.label(last, freq)})."
        )
    ends = _counts_of_kept_revenue(frame, names, freq, asked, lag=asked.lag)
    grid = periods.Window(first, last - asked.lag, freq)
    if asked.path == "endpoint":
        keys, sums = counts_on_grid(ends, names, grid)
        _warn_of_periods_without_customers(keys, sums, asked, freq)
        return keys, {**sums, **_kept_rate_columns(sums, asked)}
    links = _counts_of_kept_revenue(frame, names, freq, asked, lag=1)
    keys, sums = counts_on_grid(_counts_with_other_segments(links, ends, names, first), names, grid)
    each = periods.Window(first, last - 1, freq)
    _, single = counts_on_grid(_counts_with_other_segments(ends, links, names, first), names, each)
    _warn_of_periods_without_customers(keys, sums, asked, freq)
    rows = _chained_rate_columns(sums, single, asked, n_steps=last - first)
    return (keys, rows) if not names else _rows_of_segments_begun(keys, rows)


def _warn_of_periods_without_customers(
    keys: Columns, sums: Columns, asked: Kept, freq: str
) -> None:
    """Warn where nobody was a customer; of renewals a period without any is nothing strange."""
    if asked.renewals is None:
        steps = np.unique(keys["step"])
        base, kept = (
            sums[name].reshape(-1, steps.size).sum(axis=0) for name in ("n_base", "n_retained")
        )
        warn_where_all_are_gone(steps, base, kept, asked.lag, freq)


def products_of_rates(rates: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Products of `length` rates in a row along the last axis; what is lost wholly stays lost.

    A product is 0 from the first 0 on, even where a later rate is not known because nobody was
    left; else it is NaN where one of its rates is.

    Example:
        >>> products_of_rates(np.array([0.6, 1.0, 0.0, np.nan]), 2).tolist()
        [0.6, 0.0, 0.0]
    """
    windows = np.lib.stride_tricks.sliding_window_view(rates, length, axis=-1)
    lost = np.where(windows == 0, np.arange(length), length).min(axis=-1)
    unknown = np.where(np.isnan(windows), np.arange(length), length).min(axis=-1)
    return np.where(lost < unknown, 0.0, windows.prod(axis=-1))


def _counts_of_kept_revenue(
    frame: Frame, names: list[str], freq: str, asked: Kept, *, lag: int
) -> Columns:
    """Counts and sums of each segment and base period with customers, over `lag` periods."""
    key = ["customer_id", *names, "step"]
    pairs = base_and_later(frame, lag=lag, by=names, lost_to="segment", later=["sales"])
    base = pairs.select(*key, "s0", "s1", "retained", _returned=nw.lit(0).cast(nw.Int64))
    if asked.renewals is not None:
        dues = periods_of_renewals(asked.renewals, frame, freq, beside_what="activity")
        base = customers_up_for_renewal(base, dues, key=key, lag=lag)
    if asked.reactivation == "include":
        base = nw.concat(
            [base, _returned_customers(frame, key, lag).select(base.collect_schema().names())]
        )
    terms = _terms_of_sums(base, asked.counted, [*names, "step"])
    grouped = terms.group_by(*names, "step").agg(
        *(nw.col(name).sum() for name in (*_COUNTS, *_SUMS)),
        nw.col("sales_known").count(),
        nw.col("sales_base").min().alias("sales_least"),
    )
    found = collect(grouped.with_columns(nw.col(*_COUNTS, "sales_known").cast(nw.Int64)))
    return found | {"sales_base": sums_without_noise(found["sales_base"], found["sales_squares"])}


def _counts_with_other_segments(
    other: Columns, counted: Columns, names: list[str], first: int
) -> Columns:
    """The counts, with the segments of others among them, in which there is nothing to count."""
    empty = {name: np.zeros_like(values) for name, values in other.items()}
    empty |= {name: other[name] for name in names}
    empty["step"] = np.full_like(other["step"], first)
    # What was counted comes last and takes the place of the zeros.
    return {name: np.concatenate([empty[name], counted[name]]) for name in counted}


def _rows_of_segments_begun(keys: Columns, rows: Columns) -> tuple[Columns, Columns]:
    """Only segments with a customer in some base period, the same whatever the path."""
    n_steps = np.unique(keys["step"]).size
    there = (rows["n_base"] + rows["n_reactivated"]).reshape(-1, n_steps).sum(axis=1) > 0
    kept = np.repeat(there, n_steps)

    def table_of_segments_begun(table: Columns) -> Columns:
        return {name: values[kept] for name, values in table.items()}

    return table_of_segments_begun(keys), table_of_segments_begun(rows)


def _returned_customers(frame: Frame, key: list[str], lag: int) -> Frame:
    """Customers of the later period who were lost before the base period, and came back."""
    active = frame.filter(nw.col("active"))
    first = nw.col("step").min().over(*(name for name in key if name != "step"))
    later = active.with_columns(_first=first, step=nw.col("step") - lag)
    older = later.filter(nw.col("_first") < nw.col("step"))
    base = active.select(*key, _here=nw.lit(1))
    gone = older.join(base, on=key, how="left").filter(nw.col("_here").is_null())
    return gone.select(
        *key,
        s0=nw.lit(0.0),
        s1=nw.col("sales"),
        retained=nw.lit(0).cast(nw.Int64),
        _returned=nw.lit(1).cast(nw.Int64),
    )


def _terms_of_sums(rows: Frame, counted: str, cell: Sequence[str]) -> Frame:
    """The columns that are summed: who, their sales before, what counts of those after."""
    before, after = nw.col("s0"), nw.col("s1")
    rises, back = after > before, nw.col("_returned") == 1
    what = {
        "net": after,
        "no contraction": nw.when(rises).then(after).otherwise(before),
        "gross": nw.when(rises).then(before).otherwise(after),
        "customers": after,
    }[counted]
    kept = nw.when(back).then(after).when(nw.col("retained") == 1).then(what)
    named = rows.with_columns(
        n_base=count(~back),
        n_retained=nw.col("retained"),
        n_reactivated=nw.col("_returned"),
        sales_base=before,
        sales_retained=kept.otherwise(before * 0.0),
        sales_squares=before * before,
        sales_known=nw.when(~back & ~((nw.col("retained") == 1) & after.is_null())).then(before),
    )
    totals = named.with_columns(
        _x=nw.col("sales_base").sum().over(*cell), _y=nw.col("sales_retained").sum().over(*cell)
    )
    rate = nw.when(nw.col("_x") > 0).then(nw.col("_y") / nw.col("_x"))
    residual = nw.col("sales_retained") - rate * nw.col("sales_base")
    return totals.with_columns(sales_residuals=residual * residual)


def _kept_rate_columns(sums: Columns, asked: Kept) -> Columns:
    rate = intervals.ratio(sums["sales_retained"], sums["sales_base"])
    n = sums["n_base"] + sums["n_reactivated"]
    spread = (sums["sales_squares"], sums["sales_residuals"])
    base, level = sums["sales_base"], asked.level
    lower, upper, method = intervals.ratio_bounds(rate, base, *spread, n, level)
    if asked.counted == "gross":  # a share, where nobody's sales are below 0
        share = sums["sales_least"] >= 0
        lower = np.where(share, np.maximum(lower, 0.0), lower)
        upper = np.where(share, np.minimum(upper, 1.0), upper)
    return {"rate": rate, "lower": lower, "upper": upper, "bounds": method}


def _chained_rate_columns(sums: Columns, single: Columns, asked: Kept, *, n_steps: int) -> Columns:
    """Rates of one period multiplied over `lag` of them; their product has no bounds we know."""
    money = intervals.ratio(single["sales_retained"], single["sales_base"])
    there = single["n_retained"] + single["n_reactivated"] * (asked.reactivation == "include")
    rates = {"rate": money, "customers": intervals.ratio(there, single["n_base"])}
    products: dict[str, NDArray[Any]] = {
        name: products_of_rates(values.reshape(-1, n_steps), asked.lag).ravel()
        for name, values in rates.items()
    }
    nothing = np.full(products["rate"].size, np.nan)
    kept = products["rate"] * sums["sales_base"]
    method = np.full(nothing.size, "none: chained", dtype=object)
    bounds = {"lower": nothing, "upper": nothing, "bounds": method}
    return {**sums, **products, "sales_retained": kept, **bounds}

"""Profit by year of tenure, and why it changes from one year to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.economics.tenure.counts import (
    Cells,
    Tenure,
    cells_of_ages,
    checked_tenure,
    summed_by_cell,
)
from retention.economics.tenure.served_and_referred import referrals_by_age, with_costs_of_ages
from retention.errors import RetentionError, is_number
from retention.frames import Columns, Frame, count, table_like
from retention.orders import MOST
from retention.tables.answer_columns import amounts, constants, gives, numbers, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_COLUMNS = (
    whole_numbers("age", "n_eligible", "n_customers"),
    amounts("sales_per_customer", "profit_per_customer", "lower", "upper"),
    texts("bounds"),
    amounts("profit_per_acquired", "acquired_lower", "acquired_upper"),
    texts("acquired_bounds"),
    whole_numbers("n_both"),
    amounts("change", "cohorts", "sorting", "growth", "growth_lower", "growth_upper"),
    texts("growth_bounds"),
    amounts("returned", "volume", "margin"),
    whole_numbers("n_served"),
    amounts("cost_to_serve", "profit_after_cost_to_serve"),
    numbers("n_referred", unit="customers"),
    amounts("referral_value"),
    constants(texts("length")),
)


@gives("age (and segment)", *_COLUMNS)
def profit_by_tenure(
    tenure: IntoFrameT,
    *,
    by: str | Sequence[str] = (),
    served: IntoFrameT | None = None,
    referrals: IntoFrameT | None = None,
    referral_value: float | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Whether customers bring more the longer they stay, and what that is made of.

    Of age k, with E_k the customers of whom it was observed whole, gone or not, and H_k those of
    them who were here, `profit_per_customer` is the mean over H_k, and `profit_per_acquired` the
    mean over E_k, in which the gone bring what they brought until they left, or 0.

    The first may rise though no customer grows: those who bring little leave sooner, or later
    customers were won more cheaply. So its step from age k−1 is split, exactly:

        change = cohorts + sorting + growth + returned
        cohorts  = ȳ_{k−1}(H_{k−1} in E_k) − ȳ_{k−1}(H_{k−1})   older starts alone are seen so far
        sorting  = ȳ_{k−1}(H_{k−1} and H_k) − ȳ_{k−1}(H_{k−1} in E_k)   who left was different
        growth   = ȳ_k(H_{k−1} and H_k) − ȳ_{k−1}(H_{k−1} and H_k)      the same customers
        returned = ȳ_k(H_k) − ȳ_k(H_{k−1} and H_k)              who was not here at k−1

    and growth = volume + margin: with s the mean sales of those here at both and m their profit
    over their sales, volume = m̄ Δs and margin = s̄ Δm, bars for the mean of the two ages. What
    Reichheld calls a price premium is part of the margin: no order tells what a list price was. Of
    customers who began before the log (`started=`) ages are seen from some later one on; those who
    come in so count in `cohorts`, and not in `returned`.

    Bounds are Student's t over customers, taken for a sample of those to come; its degrees of
    freedom are their effective number (Σ|y|)² / Σy² less one, as a few may bring most. Those of
    `growth` are over the customers' own differences, with their number less one.

    Args:
        tenure: a table from `tenure_periods` or `contract_tenure`.
        by: segment columns of it, the same throughout the life of a customer.
        served: a table from `cost_to_serve`, of the same kind: then the cost of serving those here,
            too. The cost of a calendar period belongs to the age in which the period opens, that of
            the period of the start to the first age. It is the mean over those whose age lies
            wholly within the time that has costs (`n_served`).
        referrals: a table from `as_referrals`, of the same kind: whom customers won for us.
        referral_value: what one customer so won is worth (currency): the cost of winning one that
            was saved, or the profit they bring, as you see it; not both.
        level: confidence of the bounds.

    Returns:
        One row per segment and age, in the caller's kind: the `by` columns, `age`, `n_eligible`
        (customers of whom it was observed), `n_customers` (here), `sales_per_customer`,
        `profit_per_customer`, `lower`, `upper`, `bounds` (how they were made, or why there are
        none: fewer than 30 customers or 10 effective ones, or all alike), `profit_per_acquired`,
        `acquired_lower`, `acquired_upper`, `acquired_bounds`; of the step from the age before
        `n_both` (customers here at both), `change`, `cohorts`, `sorting`, `growth`, `growth_lower`,
        `growth_upper`, `growth_bounds`, `returned`, `volume`, `margin` (currency; null at the first
        age, where nobody was here, and the last two where sales are not above 0 or not known);
        `n_served`, `cost_to_serve`, `profit_after_cost_to_serve` (of those served, per customer
        here; null unless `served` is given); `n_referred` (customers won per customer here) and
        `referral_value` (that times what one is worth; null unless given); and `length`. Sorted by
        segment and age.

    Raises:
        RetentionError: if `referrals` is given without `referral_value` or it without them.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if the table is empty, of several lengths, lacks a profit, has an age of a
            customer twice, or customers are in several segments; if no customer of `served` or
            `referrals` is in it.

    Example:
        Nobody's profit grows. Bob, who brings 10 a year, leaves after the first: the mean rises
        from 20 to 30, all of it by sorting.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2022-01-01", "2022-01-01"]),
        ...     "end": pd.to_datetime([None, "2023-01-01"]),
        ...     "profit": [2.5, 10 / 12], "sales": [5.0, 5.0],
        ... })
        >>> tenure = rt.activity.contract_tenure(
        ...     contracts, as_of="2023-12-31", length="year", grace=0
        ... )
        >>> ages = rt.economics.profit_by_tenure(tenure)
        >>> ages[["age", "n_customers", "profit_per_customer", "profit_per_acquired"]]
           age  n_customers  profit_per_customer  profit_per_acquired
        0    1            2                 20.0                 20.0
        1    2            1                 30.0                 15.0
        >>> ages[["age", "change", "cohorts", "sorting", "growth", "returned"]]
           age  change  cohorts  sorting  growth  returned
        0    1     NaN      NaN      NaN     NaN       NaN
        1    2    10.0      0.0     10.0     0.0       0.0

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapter 2. The split is an identity of means.
    """
    intervals.quantile_of(level)
    worth = _worth_of_referral(referrals, referral_value)
    read = checked_tenure(tenure, by, [column.name for part in _COLUMNS for column in part])
    cells = cells_of_ages(read)
    everyone = _everyone_by_age(read, cells)
    stayed = _here_at_both(read, cells)
    answer: Columns = {
        **cells.edges,
        **_means_by_age(everyone, cells, level),
        **_parts_of_change(everyone, stayed, cells, level),
        **_costs_by_age(read, served, cells),
        **_referrals_by_age(read, referrals, worth, everyone, cells),
        "length": np.full(cells.size, cells.length, dtype=object),
    }
    return table_like(answer, tenure)


def _worth_of_referral(referrals: object, value: object) -> float:
    """What a customer won by another is worth, 0 where that is not asked."""
    if (referrals is None) != (value is None):
        raise RetentionError(
            "Say what a customer won by another is worth to you: `referral_value=`, such as your "
            "acquisition cost per customer."
            if value is None
            else "`referral_value=` goes with `referrals=`, a table from as_referrals(...)."
        )
    if value is None:
        return 0.0
    if not is_number(value):
        raise RetentionError(
            f"`referral_value` must be an amount, such as your acquisition cost; got {value!r}."
        )
    return float(value)


def _everyone_by_age(tenure: Tenure, cells: Cells) -> Columns:
    """Sums over all customers of an age, over those here, and over parts of these.

    `b` is of those here whose next age was observed as well, `c` of those here whose age before
    was. Squares are around the means of the rows.
    """
    here = nw.col("here") == 1
    far = here & (nw.col("n_complete") > nw.col("age"))
    watched = here & (nw.col("first_age") < nw.col("age"))
    y, zero = nw.col("profit"), nw.lit(0.0)
    told = here & _is_known_amount("sales")
    terms = tenure.frame.with_columns(
        _own=nw.when(here).then(y),
        _y=y,
        _s_here=nw.when(told).then(nw.col("sales")).otherwise(zero),
        _n_sales=count(told),
        _y_here=nw.when(here).then(y).otherwise(zero),
        _size=y.abs(),
        _size_here=nw.when(here).then(y.abs()).otherwise(zero),
        _y_b=nw.when(far).then(y).otherwise(zero),
        _y_c=nw.when(watched).then(y).otherwise(zero),
        _n_here=count(here),
        _n_b=count(far),
        _n_c=count(watched),
        _n_rows=count(nw.col("age") >= 1),
    )
    centred = terms.with_columns(
        _mean=nw.col("_y").mean().over(*tenure.cell), _ours=nw.col("_own").mean().over(*tenure.cell)
    )
    apart, ours = y - nw.col("_mean"), y - nw.col("_ours")
    squared = centred.with_columns(
        _yy=apart * apart, _yy_here=nw.when(here).then(ours * ours).otherwise(zero)
    )
    return summed_by_cell(squared, tenure, cells, _SUMS)


_SUMS = (
    *("_y", "_size", "_n_rows", "_yy", "_s_here", "_n_sales", "_y_here", "_size_here", "_n_here"),
    *("_yy_here", "_y_b", "_n_b", "_y_c", "_n_c"),
)


def _is_known_amount(column: str) -> nw.Expr:
    """Whether an amount is there: contracts may know a profit and no sales."""
    return (nw.col(column) >= -MOST) & (nw.col(column) <= MOST)


def _here_at_both(tenure: Tenure, cells: Cells) -> Columns:
    """Sums over those here at an age and the one before: at the one before (0), and now (1)."""
    rows = tenure.frame.filter(nw.col("here") == 1)
    before = rows.select(
        "customer_id", age=nw.col("age") + 1, _y0=nw.col("profit"), _s0=nw.col("sales")
    )
    now = rows.select("customer_id", *tenure.cell, _y1=nw.col("profit"), _s1=nw.col("sales"))
    pairs = now.join(before, on=["customer_id", "age"], how="inner")
    grown = pairs.with_columns(_d=nw.col("_y1") - nw.col("_y0"), _n=count(nw.col("age") >= 1))
    mean = nw.col("_d").mean().over(*tenure.cell)
    told = _is_known_amount("_s0") & _is_known_amount("_s1")
    centred = grown.with_columns(
        _e=nw.col("_d") - mean,
        _n_sales=count(told),
        **{
            name: nw.when(told).then(nw.col(name)).otherwise(nw.lit(0.0)) for name in ("_s0", "_s1")
        },
    )
    squared = centred.with_columns(_dd=nw.col("_e") * nw.col("_e"))
    return summed_by_cell(
        squared, tenure, cells, ("_n", "_n_sales", "_y0", "_s0", "_y1", "_s1", "_dd")
    )


def bounds_of_mean(
    mean: Floats, squares: Floats, n: Floats, level: float, effective: Floats | None = None
) -> tuple[Floats, Floats, NDArray[np.object_]]:
    """Student's bounds of a mean over n customers, and how they were made or why there are none.

    Args:
        mean: of each cell.
        squares: Σ(y − mean)².
        n: customers.
        level: confidence.
        effective: the effective number of customers, which less one is the degrees of freedom; n if
            None. Where a few bring most, a mean of as many as there are seems surer than it is.
    """
    some = n if effective is None else effective
    return intervals.ratio_bounds(mean, n, n * intervals.ratio(n, some), squares, n, level)


def _means_by_age(every: Columns, cells: Cells, level: float) -> Columns:
    here, n = every["_n_here"], cells.n_eligible.astype(np.float64)
    mean, acquired = intervals.ratio(every["_y_here"], here), intervals.ratio(every["_y"], n)
    sales = _sum_where_all_known(every["_s_here"], every["_n_sales"], here)
    rows = every["_n_rows"]
    of_rows = np.nan_to_num(intervals.ratio(every["_y"], rows))
    # Around the mean of all, those without a row among them, who bring 0.
    squares = every["_yy"] + rows * (of_rows - acquired) ** 2 + (n - rows) * acquired**2
    alone = intervals.effective_n(every["_size_here"], every["_yy_here"] + here * mean**2)
    lower, upper, bounds = bounds_of_mean(mean, every["_yy_here"], here, level, alone)
    together = intervals.effective_n(every["_size"], every["_yy"] + rows * of_rows**2)
    least, most, told = bounds_of_mean(acquired, squares, n, level, together)
    return {
        "n_customers": here.astype(np.int64),
        "sales_per_customer": intervals.ratio(sales, here),
        "profit_per_customer": mean,
        "lower": lower,
        "upper": upper,
        "bounds": bounds,
        "profit_per_acquired": acquired,
        "acquired_lower": least,
        "acquired_upper": most,
        "acquired_bounds": told,
    }


def _parts_of_change(every: Columns, stayed: Columns, cells: Cells, level: float) -> Columns:
    mean = intervals.ratio(every["_y_here"], every["_n_here"])
    seen_on = intervals.ratio(every["_y_b"], every["_n_b"])
    watched = intervals.ratio(every["_y_c"], every["_n_c"])
    n = stayed["_n"]
    then, now = intervals.ratio(stayed["_y0"], n), intervals.ratio(stayed["_y1"], n)
    before, seen_before = cells.before(mean), cells.before(seen_on)
    # Who came under observation at this age is no part of the same starts either.
    came_in = np.where(np.isnan(watched), 0.0, mean - watched)
    growth = now - then
    lower, upper, bounds = bounds_of_mean(growth, stayed["_dd"], n, level)
    return {
        "n_both": n.astype(np.int64),
        "change": mean - before,
        "cohorts": seen_before - before + came_in,
        "sorting": then - seen_before,
        "growth": growth,
        "growth_lower": lower,
        "growth_upper": upper,
        "growth_bounds": bounds,
        "returned": watched - now,
        **_volume_and_margin(stayed, n),
    }


def _volume_and_margin(stayed: Columns, n: Floats) -> Columns:
    """What growth owes to more sales, and what to more profit of each."""
    known = [_sum_where_all_known(stayed[name], stayed["_n_sales"], n) for name in ("_s0", "_s1")]
    sales = [intervals.ratio(total, n) for total in known]
    margins = [intervals.ratio(stayed[f"_y{i}"], known[i]) for i in (0, 1)]
    return {
        "volume": (margins[0] + margins[1]) / 2 * (sales[1] - sales[0]),
        "margin": (sales[0] + sales[1]) / 2 * (margins[1] - margins[0]),
    }


def _sum_where_all_known(total: Floats, n_known: Floats, n: Floats) -> Floats:
    """A sum of something that is known of all n; NaN where it is not."""
    return np.where(n_known == n, total, np.nan)


def _costs_by_age(tenure: Tenure, served: object | None, cells: Cells) -> Columns:
    """The cost of serving those here, and what it leaves of their profit."""
    unknown = np.full(cells.size, np.nan)
    names = ("n_served", "cost_to_serve", "profit_after_cost_to_serve")
    if served is None:
        return dict.fromkeys(names, unknown)
    rows = with_costs_of_ages(tenure, served)
    here = rows.filter(nw.col("here") == 1, nw.col("_covered") == 1)
    found = summed_by_cell(here, tenure, cells, ("_covered", "_cost", "profit"))
    n, cost = found["_covered"], found["_cost"]
    means = (intervals.ratio(cost, n), intervals.ratio(found["profit"] - cost, n))
    return dict(zip(names, (n.astype(np.int64), *means), strict=True))


def _referrals_by_age(
    tenure: Tenure, referrals: object | None, worth: float, every: Columns, cells: Cells
) -> Columns:
    """Customers won per customer here, and what they are worth."""
    if referrals is None:
        unknown = np.full(cells.size, np.nan)
        return {"n_referred": unknown, "referral_value": unknown}
    won = referrals_by_age(tenure, referrals)
    here = _rows_of_winners(tenure, won)
    n = intervals.ratio(summed_by_cell(here, tenure, cells, ["_won"])["_won"], every["_n_here"])
    return {"n_referred": n, "referral_value": n * worth}


def _rows_of_winners(tenure: Tenure, won: Frame) -> Frame:
    """The rows of those here who won somebody at that age."""
    here = tenure.frame.filter(nw.col("here") == 1)
    return here.join(won, on=["customer_id", "age"], how="inner")

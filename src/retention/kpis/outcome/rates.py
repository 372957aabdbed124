"""Buttle's outcome KPIs: of last period's customers, their sales and their profit, what was kept.

Every row carries the counts and sums its rates were made of. With B the customers active in the
base period, R those of them active `lag` periods later, s0 and p0 their sales and profit in the
base period, s1 and p1 in the later one:

- raw retention |R| / |B|
- sales-adjusted retention Σ_R s0 / Σ_B s0 (or s1, or min(s0, s1), above)
- profit-adjusted retention Σ_R p0 / Σ_B p0 (or p1 above)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.errors import ColumnError, check_choice
from retention.frames import Columns, collect, table_like
from retention.kpis.outcome.counts import (
    Asked,
    adjusted_rate_columns,
    adjusted_rate_table,
    count_cells,
    raw_retention_columns,
    warn_of_empty_base_periods,
)
from retention.tables.answer_columns import (
    amounts,
    constants,
    differences,
    gives,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.kpis.outcome.counts import Cells, LostTo

SalesBasis = Literal["base", "current", "capped"]
ProfitBasis = Literal["base", "current"]

_MONEY = ("sales", "profit")


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained"),
    shares("retention_rate", "lower", "upper", "churn_rate"),
    constants(whole_numbers("lag"), texts("lost_to")),
)
def retention_rate(
    activity: IntoFrameT,
    *,
    by: str | Sequence[str] = (),
    lag: int = 1,
    lost_to: LostTo = "firm",
    level: float = 0.95,
) -> IntoFrameT:
    """Of the customers of a period, the share that is still buying: raw retention |R| / |B|.

    B are the customers active in the base period, R those of B active `lag` periods later.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        by: segment columns of the activity; segments of the base period.
        lag: how many periods later, 1 or more.
        lost_to: with `by`, "firm" (a customer active anywhere is retained) or "segment" (only one
            active in the same segment).
        level: confidence of the bounds.

    Returns:
        One row per segment and base period, from the first whole period to the last with a whole
        period `lag` later (of segments in which anybody was active in one of these base periods),
        in the caller's kind: the `by` columns, `period`, `step`, `n_base` |B|,
        `n_retained` |R|, `retention_rate`, `lower`, `upper` (Wilson), `churn_rate` (its
        complement), and the conventions `lag`, `lost_to`. Rates are shares of 1; where `n_base` is
        0 they are null.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed.

    Example:
        Of two customers in January one comes back in February: 1/2.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
        ...     "sales": [10.0, 30.0, 20.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> rates = rt.retention_rate(activity)
        >>> rates[["period", "n_base", "n_retained", "retention_rate"]]
              period  n_base  n_retained  retention_rate
        0 2024-01-01       2           1             0.5

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, "raw customer
        retention rate".
    """
    cells = count_cells(activity, Asked(by, lag, lost_to, level), {})
    warn_of_empty_base_periods(cells)
    return table_like({**cells.keys, **raw_retention_columns(cells), **cells.conventions}, activity)


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained"),
    amounts("sales_base", "sales_retained"),
    shares("sales_adjusted_retention", "lower", "upper", "sales_adjusted_churn"),
    texts("bounds"),
    constants(texts("basis"), whole_numbers("lag"), texts("lost_to")),
)
def sales_adjusted_retention(
    activity: IntoFrameT,
    *,
    basis: SalesBasis = "base",
    by: str | Sequence[str] = (),
    lag: int = 1,
    lost_to: LostTo = "firm",
    level: float = 0.95,
    seed: int | None = None,
) -> IntoFrameT:
    """Of the sales to the customers of a period, the share made with those who stayed.

    With s0 a customer's sales in the base period and s1 in the later one, over the base B and the
    retained R:

    - `basis="base"`: Σ_R s0 / Σ_B s0, what the retained were worth when the period was theirs
    - `basis="current"`: Σ_R s1 / Σ_B s0, what they are worth now; growth can lift it above 1
    - `basis="capped"`: Σ_R min(s0, s1) / Σ_B s0, shrinking counted and growth not

    Bounds are Wilson's with Kish's effective number of customers where the rate is a weighted share
    (basis "base", no negative sales); else a ratio's linearisation with Student's t, or with `seed`
    a bootstrap over customers. `bounds` names what was used ("wilson", "linearised", "bootstrap"),
    or why there are none: "none: few customers" (fewer than 30), "none: few effective customers"
    (than 10), "none: all alike" (all have one ratio), or "none" (a base total not above 0).

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        basis: "base", "current" or "capped", see above.
        by: segment columns of the activity; s1 counts only sales in the same segment, so that no
            sale is counted in two.
        lag: how many periods later, 1 or more.
        lost_to: with `by`, "firm" or "segment": where a customer must be active to be retained.
        level: confidence of the bounds.
        seed: redraw customers with this seed instead of linearising.

    Returns:
        One row per segment and base period, in the caller's kind: the `by` columns, `period`,
        `step`, `n_base`, `n_retained`, `sales_base` Σ_B s0, `sales_retained` (the numerator) in
        currency, `sales_adjusted_retention`, `lower`, `upper`, `sales_adjusted_churn` (its
        complement), and the conventions `bounds`, `basis`, `lag`, `lost_to`. Rates are null where
        Σ_B s0 is not above 0; sums, where the sales of somebody are not known, and 0 where there is
        nobody.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed.

    Example:
        Ann stays with 30 of the 50 that January's customers spent.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
        ...     "sales": [30.0, 45.0, 20.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> float(rt.sales_adjusted_retention(activity)["sales_adjusted_retention"][0])
        0.6
        >>> now = rt.sales_adjusted_retention(activity, basis="current")
        >>> float(now["sales_adjusted_retention"][0])
        0.9

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, "sales-adjusted
        retention rate"; bounds: Wilson (1927), Kish (1965), Cochran (1977).
    """
    check_choice("basis", basis, ("base", "current", "capped"))
    cells = count_cells(activity, Asked(by, lag, lost_to, level, seed), {"sales": basis})
    warn_of_empty_base_periods(cells)
    return table_like(adjusted_rate_table(cells, "sales", basis), activity)


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained"),
    amounts("profit_base", "profit_retained"),
    shares("profit_adjusted_retention", "lower", "upper", "profit_adjusted_churn"),
    texts("bounds"),
    constants(texts("basis"), whole_numbers("lag"), texts("lost_to")),
)
def profit_adjusted_retention(
    activity: IntoFrameT,
    *,
    basis: ProfitBasis = "base",
    by: str | Sequence[str] = (),
    lag: int = 1,
    lost_to: LostTo = "firm",
    level: float = 0.95,
    seed: int | None = None,
) -> IntoFrameT:
    """Of the profit on the customers of a period, the share earned on those who stayed.

    With p0 a customer's profit in the base period and p1 in the later one: Σ_R p0 / Σ_B p0
    (`basis="base"`) or Σ_R p1 / Σ_B p0 (`basis="current"`). Customers may lose the firm money, so
    the rate may leave 0 to 1: above 1 it says that those who left cost more than they brought.

    Args:
        activity: a table from `customer_periods` or `contract_periods` that knows profit.
        basis: "base" or "current".
        by: segment columns of the activity.
        lag: how many periods later, 1 or more.
        lost_to: with `by`, "firm" or "segment": where a customer must be active to be retained.
        level: confidence of the bounds, made as in `sales_adjusted_retention`.
        seed: redraw customers with this seed instead of linearising.

    Returns:
        As `sales_adjusted_retention`, with `profit_base`, `profit_retained`,
        `profit_adjusted_retention` and `profit_adjusted_churn`. Rates are null where Σ_B p0 is not
        above 0; sums as well where the profit on somebody is not known.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed.

    Example:
        Bob, who leaves, cost 5 where Ann brought 20: 20 of 15.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
        ...     "sales": [30.0, 45.0, 20.0],
        ...     "profit": [20.0, 25.0, -5.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> float(rt.profit_adjusted_retention(activity)["profit_adjusted_retention"][0])
        1.3333333333333333

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, "profit-adjusted
        retention rate".
    """
    check_choice("basis", basis, ("base", "current"))
    cells = count_cells(activity, Asked(by, lag, lost_to, level, seed), {"profit": basis})
    warn_of_empty_base_periods(cells)
    return table_like(adjusted_rate_table(cells, "profit", basis), activity)


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained", "n_churned"),
    shares("churn_rate", "lower", "upper"),
    amounts("sales_base", "sales_churned"),
    shares("sales_adjusted_churn"),
    amounts("profit_base", "profit_churned"),
    shares("profit_adjusted_churn"),
    whole_numbers("n_rest", "n_rest_churned"),
    shares("rest_churn_rate", "rest_lower", "rest_upper"),
    differences("difference", "difference_lower", "difference_upper"),
    constants(whole_numbers("lag"), texts("lost_to")),
)
def churn_by(
    activity: IntoFrameT,
    *,
    by: str | Sequence[str],
    lag: int = 1,
    lost_to: LostTo = "firm",
    level: float = 0.95,
) -> IntoFrameT:
    """Where customers, their sales and their profit are lost: churn by category, region, channel.

    For each segment the complements of Buttle's three rates with basis "base": 1 − |R|/|B|,
    1 − Σ_R s0/Σ_B s0, 1 − Σ_R p0/Σ_B p0, over the customers who bought there in the base period.

    Two readings: with `lost_to="firm"` a customer is lost who buys nowhere any more, with "segment"
    also one who only moved to another segment. Segments need not add up to the firm: who buys in
    two regions is in the base of both.

    Beside each segment stands the rest: the customers of the period who were not in it, each once,
    however many other segments they were in. Of them lost is, with "firm", who is active nowhere
    any more; with "segment", who is back in none of the segments they were in. Rows of other
    segments do not add up to it where customers are in several.

    Args:
        activity: a table from `customer_periods(..., by=...)` or `contract_periods`.
        by: one segment column or several (any pair of them, say category and region).
        lag: how many periods later, 1 or more.
        lost_to: "firm" or "segment".
        level: confidence of the bounds.

    Returns:
        One row per segment and base period, in the caller's kind: the `by` columns, `period`,
        `step`, `n_base`, `n_retained`, `n_churned`, `churn_rate`, `lower`, `upper` (Wilson),
        `sales_base`, `sales_churned` (currency), `sales_adjusted_churn`, `profit_base`,
        `profit_churned`, `profit_adjusted_churn`; of the rest `n_rest`, `n_rest_churned`,
        `rest_churn_rate`, `rest_lower`, `rest_upper` (Wilson; null where everybody is in the
        segment); `difference` (churn_rate − rest_churn_rate) with `difference_lower`,
        `difference_upper` (Newcombe), and the conventions `lag`, `lost_to`.

    Raises:
        ColumnError: if `by` is empty or names no column of the activity.
        ContentError: if fewer than `lag` + 1 whole periods were observed, or `by` makes more than
            100,000 segments.

    Example:
        Ann buys in the north, then in the south: lost to the north, not to the firm.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
        ...     "sales": [30.0, 45.0, 20.0],
        ...     "region": ["north", "south", "north"],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29", by="region")
        >>> shown = ["region", "n_base", "n_churned", "churn_rate"]
        >>> rt.churn_by(activity, by="region")[shown].head(1)
          region  n_base  n_churned  churn_rate
        0  north       2          1         0.5
        >>> rt.churn_by(activity, by="region", lost_to="segment")[shown].head(1)
          region  n_base  n_churned  churn_rate
        0  north       2          2         1.0

        Ann buys bread and milk in January and comes back; Bob bought bread, Cem milk, and neither
        does. Beside bread (1 of 2 lost) the rest is Cem, who is lost: not the 1 of 2 of milk.

        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Cem", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01"] * 4 + ["2024-02-29"]),
        ...     "sales": [3.0, 2.0, 3.0, 2.0, 3.0],
        ...     "what": ["bread", "milk", "bread", "milk", "bread"],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29", by="what")
        >>> lost = rt.churn_by(activity, by="what")
        >>> lost[["what", "n_base", "churn_rate", "n_rest", "rest_churn_rate", "difference"]]
            what  n_base  churn_rate  n_rest  rest_churn_rate  difference
        0  bread       2         0.5       1              1.0        -0.5
        1   milk       2         0.5       1              1.0        -0.5

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: defection analysed
        by product category, sales territory and channel. Newcombe, R. G. (1998), Statistics in
        Medicine 17, 873–890, method 10, for the difference.
    """
    if by != "" and not by:  # a column may have no name
        raise ColumnError("churn_by needs `by=`: one segment column of the activity, or several.")
    cells = count_cells(activity, Asked(by, lag, lost_to, level), dict.fromkeys(_MONEY, "base"))
    warn_of_empty_base_periods(cells)
    rates = raw_retention_columns(cells)
    churn: Columns = {name: rates[name] for name in ("n_base", "n_retained")}
    churn["n_churned"] = rates["n_base"] - rates["n_retained"]
    churn["churn_rate"] = rates["churn_rate"]
    churn |= {"lower": 1 - rates["upper"], "upper": 1 - rates["lower"]}
    for money in _MONEY:
        rate = adjusted_rate_columns(cells, money, "base")
        churn[f"{money}_base"] = rate[f"{money}_base"]
        churn[f"{money}_churned"] = rate[f"{money}_base"] - rate[f"{money}_retained"]
        churn[f"{money}_adjusted_churn"] = rate[f"{money}_adjusted_churn"]
    churn |= difference_from_rest(cells)
    return table_like({**cells.keys, **churn, **cells.conventions}, activity)


@gives(
    "segment and base period",
    times("period"),
    whole_numbers("step", "n_base", "n_retained"),
    shares("retention_rate", "retention_rate_lower", "retention_rate_upper", "churn_rate"),
    amounts("sales_base", "sales_retained"),
    shares(
        "sales_adjusted_retention",
        "sales_adjusted_retention_lower",
        "sales_adjusted_retention_upper",
        "sales_adjusted_churn",
    ),
    texts("sales_bounds"),
    amounts("profit_base", "profit_retained"),
    shares(
        "profit_adjusted_retention",
        "profit_adjusted_retention_lower",
        "profit_adjusted_retention_upper",
        "profit_adjusted_churn",
    ),
    texts("profit_bounds"),
    constants(texts("sales_basis", "profit_basis"), whole_numbers("lag"), texts("lost_to")),
)
def outcome_kpis(
    activity: IntoFrameT,
    *,
    by: str | Sequence[str] = (),
    lag: int = 1,
    lost_to: LostTo = "firm",
    sales_basis: SalesBasis = "base",
    profit_basis: ProfitBasis = "base",
    level: float = 0.95,
) -> IntoFrameT:
    """Buttle's outcome KPIs together: customers, sales and profit kept, in one pass.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        by: segment columns of the activity.
        lag: how many periods later, 1 or more.
        lost_to: with `by`, "firm" or "segment": where a customer must be active to be retained.
        sales_basis: see `sales_adjusted_retention`.
        profit_basis: see `profit_adjusted_retention`.
        level: confidence of the bounds.

    Returns:
        One row per segment and base period, in the caller's kind: the `by` columns, `period`,
        `step`, `n_base`, `n_retained`; then for each of `retention_rate`,
        `sales_adjusted_retention` and `profit_adjusted_retention` the rate with its `…_lower` and
        `…_upper`; the complements `churn_rate`, `sales_adjusted_churn`, `profit_adjusted_churn`;
        the sums `sales_base`, `sales_retained`, `profit_base`, `profit_retained` (currency); how
        the bounds were made (`sales_bounds`, `profit_bounds`); and the conventions `sales_basis`,
        `profit_basis`, `lag`, `lost_to`.

    Raises:
        ColumnError: if it is not an activity table, or `by` names no column of it.
        ContentError: if fewer than `lag` + 1 whole periods were observed.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
        ...     "sales": [30.0, 45.0, 20.0],
        ...     "profit": [20.0, 25.0, -5.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> kpis = rt.outcome_kpis(activity).iloc[0]
        >>> print(kpis["retention_rate"], kpis["sales_adjusted_retention"])
        0.5 0.6

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9.
    """
    check_choice("sales_basis", sales_basis, ("base", "current", "capped"))
    check_choice("profit_basis", profit_basis, ("base", "current"))
    bases: dict[str, str] = {"sales": sales_basis, "profit": profit_basis}
    cells = count_cells(activity, Asked(by, lag, lost_to, level), bases)
    warn_of_empty_base_periods(cells)
    table: Columns = dict(cells.keys)
    table |= _columns_named_after_figure(raw_retention_columns(cells), "retention_rate", "")
    for money, basis in bases.items():
        table |= _columns_named_after_figure(
            adjusted_rate_columns(cells, money, basis), f"{money}_adjusted_retention", money
        )
    for money, basis in bases.items():
        table[f"{money}_basis"] = cells.constant(basis)
    return table_like({**table, **cells.conventions}, activity)


def _columns_named_after_figure(columns: Columns, figure: str, money: str) -> Columns:
    """Bounds and method named after their figure, so that several figures fit one row."""
    names = {"lower": f"{figure}_lower", "upper": f"{figure}_upper", "bounds": f"{money}_bounds"}
    return {names.get(name, name): values for name, values in columns.items()}


def difference_from_rest(cells: Cells) -> Columns:
    """Of each segment: the others of the period, those of them lost, and how far the two differ.

    Rows of segments cannot be added up to the rest: who buys in k other segments would count k
    times, and who also buys in this one would count as somebody outside it. So the customers of the
    period are counted once each, and those of the segment are taken off.

    Outside the segment lost is who is retained in no segment that they were in: with
    `lost_to="firm"` who is active nowhere, with "segment" who is back in none of their own.
    """
    steps = np.unique(cells.keys["step"])
    rows = cells.pairs.select("customer_id", *cells.names, "step", "retained")
    kept = rows.group_by("customer_id", "step").agg(nw.col("retained").max())
    base, lost = _counts_of_base_and_lost(cells, kept, (), steps)
    mine, gone = cells.sums["n_base"], cells.sums["n_base"] - cells.sums["n_retained"]
    in_no_segment = gone
    if cells.asked.lost_to == "segment":
        best = rows.with_columns(retained=nw.col("retained").max().over("customer_id", "step"))
        in_no_segment = _counts_of_base_and_lost(cells, best, cells.names, steps)[1]
    many = mine.size // max(steps.size, 1)
    n = np.tile(base, many) - mine
    x = np.tile(lost, many) - in_no_segment
    lower, upper = intervals.wilson_bounds(x, n, cells.asked.level)
    apart = intervals.difference_with_bounds((gone, mine), (x, n), cells.asked.level)
    return {
        "n_rest": n,
        "n_rest_churned": x,
        "rest_churn_rate": intervals.ratio(x, n),
        "rest_lower": lower,
        "rest_upper": upper,
        **dict(zip(("difference", "difference_lower", "difference_upper"), apart, strict=True)),
    }


def _counts_of_base_and_lost(
    cells: Cells, rows: Frame, names: Sequence[str], steps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many rows there are and how many of them are lost: by period, or by cell."""
    grouped = rows.group_by(*names, "step").agg(
        nw.len().alias("n"), nw.col("retained").sum().alias("kept")
    )
    counted = collect(grouped.with_columns(nw.col("step", "n", "kept").cast(nw.Int64)))
    at = np.searchsorted(steps, counted["step"].astype(np.int64))
    size = steps.size
    if names and size:
        place = {
            key: i
            for i, key in enumerate(_segments_of_rows(cells.keys, names, every=max(steps.size, 1)))
        }
        at += steps.size * np.array(
            [place[key] for key in _segments_of_rows(counted, names)], np.int64
        )
        size *= len(place)
    n, kept = (np.zeros(size, np.int64) for _ in range(2))
    n[at], kept[at] = counted["n"], counted["kept"]
    return n, n - kept


def _segments_of_rows(
    columns: Columns, names: Sequence[str], every: int = 1
) -> list[tuple[object, ...]]:
    """The segment of each row, or of every so many."""
    return list(zip(*(columns[name][::every].tolist() for name in names), strict=True))

"""What each customer costs to serve, against what they bring: direct costs and a share of the rest.

The costs of a period that many share are spread over the customers who are active in it, by a rule
the user names: a customer with weight w bears w / Σw of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, check_choice, count_of
from retention.frames import Columns, Frame, collect, count, in_kind_of, one_row, table_like
from retention.kpis.costs.counts import Lines, cost_lines, warn_of_costs_outside
from retention.orders import NOISE
from retention.tables.answer_columns import (
    amounts,
    constants,
    flags,
    gives,
    ids,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

Allocation = Literal["equal", "orders", "sales"]
"""How shared costs are spread over the customers who are active in the period."""

_RULES = ("equal", "orders", "sales")
_WORKING = (
    *("kind", "amount", "reason", "n_costs", "direct_cost", "allocated_cost", "cost_to_serve"),
    "allocation",
)
_UNSEEN = "outside the whole periods of the activity"
_NOBODY = "no active customer"
_WEIGHTLESS = {
    "equal": _NOBODY,
    "orders": "no active customer with orders",
    "sales": "no active customer with sales above 0",
}
_SUMS = ("active", "sales", "profit", "direct_cost", "allocated_cost", "_no_sales", "_no_profit")


@gives(
    "customer and period",
    ids("customer_id"),
    times("period"),
    whole_numbers("step"),
    flags("active"),
    amounts(
        "sales",
        "profit",
        "direct_cost",
        "allocated_cost",
        "cost_to_serve",
        "profit_after_cost_to_serve",
    ),
    flags("costs_more_than_it_brings"),
    constants(texts("allocation")),
)
def cost_to_serve(
    costs: IntoFrameT,
    activity: IntoFrameT,
    *,
    of: str | Sequence[str],
    allocation: Allocation,
    within: str | Sequence[str] = (),
) -> IntoFrameT:
    """What each customer cost to serve in each period, and what is left of their profit.

    With D the costs incurred for the customer in the period, S the costs of the period that many
    share (those without a customer), and w the customer's weight among the customers active in it:

        cost_to_serve = D + S · w / Σw
        profit_after_cost_to_serve = profit − cost_to_serve

    There is no right way to spread shared costs, so the rule is yours to name: `allocation="equal"`
    (w = 1), "orders" (w = orders in the period) or "sales" (w = sales in the period; a customer
    whose refunds exceed their purchases weighs 0, not less).

    Over several periods the columns of money add up: group by `customer_id` and sum them. Summed
    over all rows, `cost_to_serve` and the amounts of `unallocated_costs` are the costs of `of`.

    Args:
        costs: a table from `as_costs`, of the same kind as `activity`.
        activity: a table from `customer_periods`, or from `contract_periods`, whose last period was
            seen only as it opened: leave it out of sums.
        of: the kind of cost that counts, or several. Costs of winning customers are none of
            serving them.
        allocation: "equal", "orders" or "sales".
        within: columns of both tables, such as a region, within which costs are shared: those of a
            period and region among the customers active there, by what they bought there. With
            "orders", an order in two segments counts in each.

    Returns:
        One row per customer and whole period in which they bought, returned something or had a cost
        of their own, in the caller's kind: `customer_id`, `period`, `step`, `active`, `sales`,
        `profit` (null where not known; 0 for those with costs only), `direct_cost`,
        `allocated_cost`, `cost_to_serve`, `profit_after_cost_to_serve` (currency),
        `costs_more_than_it_brings` (whether the latter is below 0 by more than rounding, null where
        not known) and the convention `allocation`. Eager tables are sorted by period and customer.

    Raises:
        ColumnError: if a table lacks a column, or `within` names none of both.
        ContentError: if a table is empty, a cost lacks its kind, date or amount, `of` names a kind
            that does not occur, or `allocation="sales"` and sales are not known. A RetentionWarning
            tells of costs that nobody bears.

    Example:
        Both share the rent of 20; a repair of 40 was for Bob, who brings 30 and costs 50.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-31"]),
        ...     "sales": [60.0, 90.0],
        ...     "profit": [20.0, 30.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-01-31")
        >>> costs = pd.DataFrame({
        ...     "date": pd.to_datetime(["2024-01-31", "2024-01-15"]),
        ...     "kind": ["space", "repair"],
        ...     "amount": [20.0, 40.0],
        ...     "customer_id": [None, "Bob"],
        ... })
        >>> shared = {"of": ["space", "repair"], "allocation": "equal"}
        >>> served = rt.kpis.cost_to_serve(costs, activity, **shared)
        >>> served[["customer_id", "direct_cost", "allocated_cost", "profit_after_cost_to_serve"]]
          customer_id  direct_cost  allocated_cost  profit_after_cost_to_serve
        0         Ann          0.0            10.0                        10.0
        1         Bob         40.0            10.0                       -20.0

    Source:
        Buttle, F. and Maklan, S. (2019), Customer Relationship Management, 4th ed.: cost to serve
        in the analysis of customer profitability. The rules of allocation: practice.
    """
    spread = _bearers_of_costs(costs, activity, of, allocation, within)
    left = _costs_left_over(spread)
    where = "borne by no customer: unallocated_costs(...) shows them"
    warn_of_costs_outside(int(left["n_costs"].sum()), float(left["amount"].sum()), where)
    order = ["step", "customer_id"]
    return in_kind_of(
        _customers_and_costs(spread), activity, order=order, keep_type=("customer_id",)
    )


@gives(
    "segment, period and kind of such costs",
    times("period"),
    whole_numbers("step"),
    texts("kind", "reason"),
    whole_numbers("n_costs"),
    amounts("amount"),
    constants(texts("allocation")),
)
def unallocated_costs(
    costs: IntoFrameT,
    activity: IntoFrameT,
    *,
    of: str | Sequence[str],
    allocation: Allocation,
    within: str | Sequence[str] = (),
) -> IntoFrameT:
    """The costs that `cost_to_serve` leaves with no customer, and why.

    Costs that are shared in a period (and segment) in which nobody could bear them, and all costs
    dated outside the whole periods of the activity. A direct cost inside them is borne by its
    customer, active or not.

    Args:
        costs: as for `cost_to_serve`.
        activity: as for `cost_to_serve`.
        of: as for `cost_to_serve`.
        allocation: as for `cost_to_serve`.
        within: as for `cost_to_serve`.

    Returns:
        One row per segment, period and kind of such costs, in the caller's kind: the columns of
        `within`, `period`, `step`, `kind`, `reason`, `n_costs`, `amount` (currency), and the
        convention `allocation`. No row if each cost is borne by a customer.

    Raises:
        ColumnError: as `cost_to_serve`.
        ContentError: as `cost_to_serve`.

    Example:
        In February nobody bought.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-03-31"]),
        ...     "sales": [60.0, 90.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
        >>> costs = pd.DataFrame({
        ...     "date": pd.to_datetime(["2024-01-31", "2024-02-29"]),
        ...     "kind": ["space", "space"],
        ...     "amount": [20.0, 20.0],
        ... })
        >>> left = rt.kpis.unallocated_costs(costs, activity, of="space", allocation="equal")
        >>> left[["period", "kind", "reason", "amount"]]
              period   kind                            reason  amount
        0 2024-02-01  space  no active customer in the period    20.0

    Source:
        As `cost_to_serve`.
    """
    return table_like(
        _costs_left_over(_bearers_of_costs(costs, activity, of, allocation, within)), activity
    )


@dataclass(frozen=True, slots=True)
class _Spread:
    """Costs, who could bear the shared ones (with `_weight`), and their weight altogether."""

    lines: Lines
    bearers: Frame
    totals: Frame
    allocation: str


def _bearers_of_costs(
    costs: object,
    activity: object,
    of: str | Sequence[str],
    allocation: str,
    within: str | Sequence[str],
) -> _Spread:
    check_choice("allocation", allocation, _RULES)
    lines = cost_lines(costs, activity, of=of, by=within, argument="within", working=_WORKING)
    active = lines.activity.filter(nw.col("active"))
    if allocation == "sales":
        _refuse_unknown_sales(active)
    sales = nw.col("sales")
    weight = {
        "equal": nw.lit(1.0),
        "orders": nw.col("n_orders").cast(nw.Float64),
        "sales": nw.when(sales > 0).then(sales).otherwise(nw.lit(0.0)),
    }[allocation]
    bearers = active.select("customer_id", *lines.names, "step", _weight=weight)
    totals = bearers.group_by(*lines.names, "step").agg(nw.col("_weight").sum().alias("_total"))
    return _Spread(lines, bearers, totals, allocation)


def _refuse_unknown_sales(active: Frame) -> None:
    gaps = active.with_columns(_gap=count(nw.col("sales").is_null()))
    n = one_row(gaps.select(nw.col("_gap").sum()))["_gap"]
    if n:
        raise ContentError(
            f"activity: the sales of {count_of(int(n), 'row')} are not known, so that costs "
            "cannot be spread "
            "by them. Say allocation='equal' or 'orders'."
        )


def _customers_and_costs(spread: _Spread) -> Frame:
    """One row per customer and period: what they brought, and what they cost."""
    parts = [
        _sales_by_segment(spread),
        *([_direct_costs(spread)] if spread.lines.owned else []),
        _shares_of_costs(spread),
    ]
    columns = ["customer_id", "step", *_SUMS]
    rows = nw.concat([part.select(columns) for part in parts])
    summed = rows.group_by("customer_id", "step").agg(*(nw.col(name).sum() for name in _SUMS))
    known = summed.with_columns(
        sales=nw.when(nw.col("_no_sales") == 0).then(nw.col("sales")),
        profit=nw.when(nw.col("_no_profit") == 0).then(nw.col("profit")),
        cost_to_serve=nw.col("direct_cost") + nw.col("allocated_cost"),
    ).with_columns(
        profit_after_cost_to_serve=nw.col("profit") - nw.col("cost_to_serve"),
        _noise=(nw.col("profit").abs() + nw.col("cost_to_serve").abs()) * NOISE,
    )
    loss = nw.col("profit_after_cost_to_serve") < nw.col("_noise") * -1.0
    freq = spread.lines.window.freq
    return known.select(
        "customer_id",
        periods.period_expr("step", freq, known.implementation).alias("period"),
        nw.col("step").cast(nw.Int64),
        nw.col("active") > 0,
        *("sales", "profit", "direct_cost", "allocated_cost", "cost_to_serve"),
        "profit_after_cost_to_serve",
        nw.when(nw.col("_no_profit") == 0).then(loss).alias("costs_more_than_it_brings"),
        nw.lit(spread.allocation).alias("allocation"),
    )


def _sales_by_segment(spread: _Spread) -> Frame:
    """What customers bought, segment by segment."""
    money = ("sales", "profit")
    return spread.lines.activity.select(
        "customer_id",
        "step",
        *(nw.col(name).cast(nw.Float64) for name in money),
        active=count(nw.col("active")),
        direct_cost=nw.lit(0.0),
        allocated_cost=nw.lit(0.0),
        **{f"_no_{name}": count(nw.col(name).is_null()) for name in money},
    )


def _direct_costs(spread: _Spread) -> Frame:
    """Costs that were for one customer."""
    lines = spread.lines
    rows = lines.frame.filter(nw.col("_own") == 1, lines.is_asked, lines.is_inside)
    return _rows_of_cost_alone(rows, direct_cost=nw.col("amount"), allocated_cost=nw.lit(0.0))


def _shares_of_costs(spread: _Spread) -> Frame:
    """The shares of each customer in the costs of their periods and segments."""
    lines = spread.lines
    cell = [*lines.names, "step"]
    rows = lines.frame.filter(nw.col("_own") == 0, lines.is_asked, lines.is_inside)
    pools = rows.group_by(*cell).agg(nw.col("amount").sum().alias("_pool"))
    rates = pools.join(spread.totals.filter(nw.col("_total") > 0), on=cell, how="inner")
    borne = spread.bearers.join(rates, on=cell, how="inner")
    share = nw.col("_pool") * (nw.col("_weight") / nw.col("_total"))
    return _rows_of_cost_alone(borne, direct_cost=nw.lit(0.0), allocated_cost=share)


def _rows_of_cost_alone(rows: Frame, **costs: nw.Expr) -> Frame:
    zero = nw.lit(0).cast(nw.Int64)
    nothing = {"sales": nw.lit(0.0), "profit": nw.lit(0.0)}
    counts = dict.fromkeys(("active", "_no_sales", "_no_profit"), zero)
    return rows.select("customer_id", "step", **nothing, **counts, **costs)


def _costs_left_over(spread: _Spread) -> Columns:
    """The costs that nobody bears, by segment, period and kind."""
    lines = spread.lines
    cell = [*lines.names, "step"]
    rows = lines.frame.filter(lines.is_asked).select(*cell, "kind", "amount", "_own")
    met = rows.join(spread.totals, on=cell, how="left")
    unborne = ~lines.is_inside | ((nw.col("_own") == 0) & ~(nw.col("_total").fill_null(0.0) > 0))
    left = met.filter(unborne).with_columns(_somebody=count(~nw.col("_total").is_null()))
    grouped = left.group_by(*cell, "kind").agg(
        nw.len().alias("n_costs"), nw.col("amount").sum(), nw.col("_somebody").max()
    )
    whole = nw.col("step", "n_costs", "_somebody").cast(nw.Int64)
    return _leftovers_with_reason(collect(grouped.with_columns(whole)), spread)


def _leftovers_with_reason(found: Columns, spread: _Spread) -> Columns:
    """What is left in order, with the reason of each row."""
    lines = spread.lines
    first, last, freq = lines.window
    keys = [found[name].astype(object) for name in ("kind", *reversed(lines.names))]
    keys.insert(1, found["step"])
    codes = [np.unique(key, return_inverse=True)[1] for key in keys]
    order = np.lexsort(codes)
    found = {name: values[order] for name, values in found.items()}
    step = found["step"]
    where = " in the period and segment" if lines.names else " in the period"
    why = np.where(found["_somebody"] > 0, _WEIGHTLESS[spread.allocation] + where, _NOBODY + where)
    outside = (step < first) | (step > last)
    return {
        **{name: found[name].astype(object) for name in lines.names},
        "period": periods.first_days(step, freq),
        "step": step,
        "kind": found["kind"].astype(object),
        "reason": np.where(outside, _UNSEEN, why).astype(object),
        "n_costs": found["n_costs"],
        "amount": found["amount"],
        "allocation": np.full(step.size, spread.allocation, dtype=object),
    }

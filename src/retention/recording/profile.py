"""Rows, customers and money of a table by month: enough to see where two versions of it differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import as_lazy, collect, count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.frames import Columns

_TIMES = ("date", "period", "start")
_SUMS = ("n_rows", "n_refunds")
_MONEY = ("sales", "refunds")


def months_of(table: object, *, name: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """One entry a month in which the table has rows, in order; none for a table without a time.

    Args:
        table: the table.
        name: what messages call it.
        columns: the columns that it has.

    Returns:
        `month`, `n_customers` (of rows that are no refunds), `n_rows`, `n_refunds` (rows of sales
        below 0), `sales` (of the others) and `refunds` (their sales, below 0), in currency; 0 where
        there are no sales.
    """
    time = next((column for column in _TIMES if column in columns), None)
    if time is None:
        return []
    wanted = [each for each in (time, "customer_id", "sales") if each in columns]
    frame = as_lazy(table, name=name, only=wanted).select(*wanted)
    known = frame.filter(~nw.col(time).is_null())
    dated = known.with_columns(_day=periods.day_expr(time, frame.implementation))
    sales = nw.col("sales").cast(nw.Float64).fill_null(0.0) if "sales" in wanted else nw.lit(0.0)
    priced = dated.with_columns(_month=periods.step_expr(time, "_day", "month"), _sales=sales)
    refund = nw.col("_sales") < 0
    rows = priced.with_columns(
        n_rows=count(~nw.col(time).is_null()),
        n_refunds=count(refund),
        sales=nw.when(refund).then(nw.lit(0.0)).otherwise(nw.col("_sales")),
        refunds=nw.when(refund).then(nw.col("_sales")).otherwise(nw.lit(0.0)),
    )
    sums = [nw.col(each).sum() for each in (*_SUMS, *_MONEY)]
    named = "customer_id" in wanted
    buyer = nw.when(~refund).then(nw.col("customer_id" if named else "_month")).alias("_buyer")
    months = rows.with_columns(buyer).group_by("_month")
    found = collect(months.agg(nw.col("_buyer").n_unique(), *sums).sort("_month"))
    return [
        {
            "month": periods.label(int(month), "month"),
            "n_customers": _buyers(found, i) if named else 0,
            **{each: int(found[each][i]) for each in _SUMS},
            **{each: float(found[each][i]) for each in _MONEY},
        }
        for i, month in enumerate(found["_month"])
    ]


def _buyers(found: Columns, i: int) -> int:
    """Different customers, without the missing of refunds, which engines count as one more."""
    return int(found["_buyer"][i]) - int(found["n_refunds"][i] > 0)

"""Purchases, refunds and what was bought, as dated rows that a day's features are added up from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError
from retention.frames import as_text
from retention.orders import Together, checked_log, netted_orders
from retention.signals.known.exact_amounts import (
    exact_amount,
    exact_kind,
    exact_parts,
    with_exact_parts,
)
from retention.signals.known.known_sums import (
    ONE,
    Span,
    Told,
    ever,
    in_window,
    in_window_before,
    with_moments,
)

if TYPE_CHECKING:
    from retention.frames import Frame

_FAR = 10**9
_SALES = "_sales"


def told_by_orders(log: Frame, *, last: int, window: int, category: str | None) -> list[Told]:
    """What a log of orders tells of each day up to the last one asked for.

    Args:
        log: checked order lines.
        last: the last day asked for, as a number.
        window: days of the window that ends on a day, and of the one before.
        category: the column of what was bought, of which different values are counted.

    Raises:
        ColumnError: if `category` is no column, or holds no labels.
        ContentError: if the log is empty, begins after the last day, or holds refunds only.
    """
    lines = _lines_of_log(log, category)
    refunds = not checked_log(lines, "_day", as_of=periods.day_of(last)).only_sales
    lines = with_exact_parts(lines.filter(nw.col("_day") <= last), "sales", _SALES)
    orders = _orders_with_exact_sales(lines) if refunds else lines.with_columns(_bought=ONE)
    told = [_told_by_purchases(_exact_sales_a_day(orders, bought=1), window)]
    if refunds:
        told.append(_told_by_refunds(_exact_sales_a_day(orders, bought=0), window))
    if category is not None:
        told.append(_told_by_categories(lines, window, plain=not refunds))
    return told


def _lines_of_log(log: Frame, category: str | None) -> Frame:
    """Order lines with the number of their day and their sales."""
    schema = log.collect_schema()
    if category is not None and category not in schema:
        kept = "`as_transactions(..., keep={})`"
        raise ColumnError.unknown("category", category, schema, kept=kept)
    kind = {} if category is None else {"_category": as_text(category, schema[category])}
    return log.select(
        "customer_id",
        *(["order_id"] if "order_id" in schema else []),
        nw.col("sales").cast(nw.Float64),
        **kind,
        _day=periods.day_expr("date", log.implementation).cast(nw.Int64),
    )


def _orders_with_exact_sales(lines: Frame) -> Frame:
    return netted_orders(lines, "_day", keep=Together(sums=tuple(exact_parts(_SALES, lines))))


def _exact_sales_a_day(orders: Frame, *, bought: int) -> Frame:
    """Days on which a customer bought, or on which orders were refunds, with their sales."""
    parts = exact_parts(_SALES, orders)
    some = orders.filter(nw.col("_bought") == bought)
    days = some.group_by("customer_id", "_day").agg(*(nw.col(part).sum() for part in parts))
    whole = days.with_columns(nw.col(part).cast(exact_kind(orders)) for part in parts)
    return whole.select(
        "customer_id", _date=nw.col("_day"), _one=ONE, _sales=exact_amount(_SALES, orders)
    )


def _told_by_purchases(days: Frame, window: int) -> Told:
    """Orders, sales, and the gaps between days with a purchase."""
    before = nw.col("_date").shift(1).over("customer_id", order_by="_date")
    paired = days.with_columns(_before=before.fill_null(-_FAR).cast(nw.Int64))
    again = nw.col("_before") > -_FAR
    gap = nw.when(again).then(nw.col("_date") - nw.col("_before")).otherwise(nw.lit(0))
    rows = paired.with_columns(_gap=gap.cast(nw.Int64), _first=nw.col("_date")).with_columns(
        _gap2=nw.col("_gap") * nw.col("_gap"), _last=nw.col("_date")
    )
    spans = (
        *(ever("_n", "_one"), ever("_gaps2", "_gap2"), ever("_all", "_sales")),
        *(in_window("_orders_now", "_one"), in_window_before("_orders_before", "_one")),
        *(in_window("_sales_now", "_sales"), in_window_before("_sales_before", "_sales")),
    )
    return Told(with_moments(rows, window=window), spans, least=("_first",), most=("_last", "_gap"))


def _told_by_refunds(days: Frame, window: int) -> Told:
    """What was given back in orders that were no purchases."""
    return Told(with_moments(days, window=window), (in_window("_refunds_now", "_sales"),))


def _told_by_categories(lines: Frame, window: int, *, plain: bool) -> Told:
    """How many different things were bought: each counts from a purchase of it to the next.

    Or until it leaves the window, if that comes first.
    """
    orders = netted_orders(lines, "_day", by=("_category",), plain=plain)
    bought = orders.filter(nw.col("_bought") == 1, nw.col("_category") != "(missing)")
    days = bought.select("customer_id", "_category", "_day").unique()
    following = nw.col("_day").shift(-1).over("customer_id", "_category", order_by="_day")
    later = days.with_columns(
        _next=following.fill_null(_FAR).cast(nw.Int64), _out=nw.col("_day") + window, _one=ONE
    )
    sooner = nw.when(nw.col("_next") < nw.col("_out")).then(nw.col("_next")).otherwise("_out")
    rows = later.with_columns(_until=sooner).with_columns(
        _day_2=nw.col("_day") + window, _until_2=nw.col("_until") + window
    )
    spans = (
        Span("_breadth_now", "_one", "_day", "_until"),
        Span("_breadth_before", "_one", "_day_2", "_until_2"),
    )
    return Told(rows, spans)

"""The days on which customers bought: what spells of purchases and `gap_table` are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import keeps_tables, rows_without_repeats
from retention.log_holes import warn_of_hole
from retention.orders import Together, checked_log, lines_of_purchases, order_keys, purchases

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from retention.frames import Frame

_NOTHING = Together()

_DAY = ["customer_id", "_day"]
"""A day of a customer: without order ids, an order."""

QUIET_DAYS = 7
"""A log that falls silent no longer than this before `as_of` is not worth a warning."""


def purchase_days(
    transactions: Frame,
    *,
    as_of: date,
    keep: Mapping[str, nw.Expr],
    told: Together = _NOTHING,
    gap: int | None = None,
    way: str = "",
    since: date | None = None,
    argument: str = "as_of",
) -> Frame:
    """Each day up to `as_of` on which a customer bought: some order of that day is a purchase.

    Args:
        transactions: checked order lines.
        as_of: the last observed day.
        keep: attributes of lines that are looked at.
        told: what is told of several lines, of an order or of the purchases of a day, and what
            keeps them apart.
        gap: the shortest silence that will count as a loss, None where none does.
        way: what to say where the log has a hole, with {since} for the day after it.
        since: the first observed day, where it is known.
        argument: what the user calls the last one.

    Returns:
        `customer_id`, what keeps apart, `_day` (days since 1970-01-01) and what is told, one row
        per customer, segment and day.

    Raises:
        ContentError: if there is no order up to `as_of`, or nothing but refunds.
    """
    lines = _lines_with_day_numbers(transactions, keep)
    log = checked_log(lines, "_day", as_of=as_of, by_day=gap is not None)
    log.warn_of_silence(as_of, usual=QUIET_DAYS, argument=argument)
    if gap is not None:
        then = harm_of_hole(gap, way)
        asked: dict[str, Any] = {"as_of": as_of, "least": gap // 2, "since": since}
        warn_of_hole(lines, "_day", **asked, then=then, known=log.by_day)
    lines = lines.filter(nw.col("_day") <= periods.number_of(as_of))
    cell = ["customer_id", *told.apart, "_day"]
    if log.only_sales:
        bought = lines
    elif keeps_tables(lines) and not (told.least or told.most or told.sums):
        bought = lines_of_purchases(lines, "_day", told.apart)
    else:
        bought = purchases(lines, "_day", keep=told)
        if order_keys(lines, "_day") == cell:  # an order is a customer's day: each is there once
            return bought.select(*_DAY, *told.least, *told.most, *told.sums)
    if not told.least:
        return rows_without_repeats(bought, cell)
    return bought.group_by(*cell).agg(
        *(nw.col(name).min() for name in told.least),
        *(nw.col(name).max() for name in told.most),
        *(nw.col(name).sum() for name in told.sums),
    )


def harm_of_hole(gap: int, way: str) -> str:
    """What a hole in the log does to those who are lost after a gap, and what to do about it."""
    return f"a gap of {gap:,} days calls customers lost who are not: add what lacks, or {way}"


def _lines_with_day_numbers(transactions: Frame, keep: Mapping[str, nw.Expr]) -> Frame:
    schema = transactions.collect_schema()
    return transactions.select(
        "customer_id",
        *(["order_id"] if "order_id" in schema else []),
        nw.col("sales").cast(nw.Float64),
        **keep,
        _day=periods.day_expr("date", transactions.implementation),
    )

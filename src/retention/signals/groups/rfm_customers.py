"""When each customer bought last, on how many days, and for how much, added up exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.at_hand import lines_at_hand
from retention.activity.purchases_at_hand import days_of_purchases
from retention.errors import ColumnError, ContentError, count_of
from retention.frames import collect, frame_at_hand, is_at_hand
from retention.numerics.keyed_rows import starts_of_runs
from retention.orders import Together, checked_log, netted_orders
from retention.signals.known.exact_amounts import (
    exact_amount,
    exact_kind,
    exact_parts,
    exact_totals,
    with_exact_parts,
)
from retention.spells.days import QUIET_DAYS
from retention.tables import TRANSACTIONS, require

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Columns, Frame

Money = Literal["sales", "profit", "mean_order"]

_MONEY = "_money"


@dataclass(frozen=True, slots=True)
class RfmCustomers:
    """What is scored of each customer who bought, in the order of their ids.

    Attributes:
        customer_id: who.
        days_since_last: from the last day with a purchase to `as_of`.
        n_orders: days with a purchase.
        value: what they brought, net of refunds; or that for each of these days.
    """

    customer_id: NDArray[Any]
    days_since_last: NDArray[np.int64]
    n_orders: NDArray[np.int64]
    value: NDArray[np.float64]


def rfm_customers(
    transactions: object, *, as_of: date, window: int | None, money: Money
) -> RfmCustomers:
    """What is scored of each customer with a purchase in the window, which ends on `as_of`.

    Args:
        transactions: the caller's table.
        as_of: the last observed day.
        window: days that are looked at; None for all.
        money: what `value` is.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if nobody bought in the window, or the log is not fit to be counted.
    """
    column = "profit" if money == "profit" else "sales"
    frame = _scored_lines(transactions, column)
    found = _scored_at_hand(frame, as_of, window, column) if is_at_hand(transactions) else None
    if found is None:
        lines = _lines_of_window(frame, as_of, window)
        found = collect(_sums_per_customer(lines, column))
    if not found["customer_id"].size:
        some = "" if window is None else f"in the {count_of(window, 'day')} "
        raise ContentError(
            f"Nobody bought {some}up to `as_of` {as_of}: there are no orders, or they are refunds "
            "or sum to less than 0."
        )
    order = np.argsort(found["customer_id"], kind="stable")
    who, last, n, total = (found[name][order] for name in ("customer_id", "_last", "_n", "_total"))
    value = _as_written(total / n if money == "mean_order" else total)
    return RfmCustomers(who, periods.number_of(as_of) - last, n, value)


def _as_written(amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Amounts to 14 digits: in a computer three times 0.1 is not 0.3, and equals would be apart.

    One of whole cents but for less than half of the last digit is these cents.
    """
    size, written = np.abs(amounts), np.rint(amounts * 100) / 100
    other = np.flatnonzero((size >= 1e12) | (np.abs(amounts - written) > size * 4e-15))
    written[other] = [float(f"{amount:.14g}") for amount in amounts[other].tolist()]
    return written


def _scored_lines(transactions: object, money: str) -> Frame:
    """Order lines with the money that is scored.

    Raises:
        ColumnError: if the money that is asked for is no column.
    """
    frame = require(transactions, TRANSACTIONS, alone=True, adds="all")
    present = frame.collect_schema()
    if money not in present:
        raise ColumnError(
            "transactions (one line of an order) lacks 'profit' (contribution), which "
            '`money="profit"` scores. Say `as_transactions(..., profit="Margin")` with your column '
            'of it, or `money="sales"`.'
        )
    order = ["order_id"] if "order_id" in present else []
    return frame.select("customer_id", *order, *dict.fromkeys(("sales", money)), "date")


def _scored_at_hand(frame: Frame, as_of: date, window: int | None, money: str) -> Columns | None:
    """What is scored of customers, ascending, of a table at hand: each id is hashed once.

    None where there is something to refuse, nobody bought, or no number holds a line.
    """
    lines, last = lines_at_hand(frame, ()), periods.number_of(as_of)
    log = None if lines is None else lines.log(as_of=as_of, opens=as_of)
    if lines is None or log is None:
        return None
    inside = lines.day <= last
    inside &= True if window is None else lines.day > last - window
    lines = lines if inside.all() else lines.part(inside)
    bought = days_of_purchases(lines) if lines.day.size else None
    total = exact_totals(lines.known["customer_id"].number, lines.money[money])
    if bought is None or total is None or not bought[0].size:
        return None
    log.warn_of_silence(as_of, usual=QUIET_DAYS)
    customer, day = bought
    starts = np.flatnonzero(starts_of_runs(customer))
    n, who = np.diff(starts, append=day.size), customer[starts]
    made = {"customer_id": lines.known["customer_id"].named(who), "_n": n}
    made |= {"_last": day[starts + n - 1], "_total": total[who]}
    return collect(frame_at_hand(made, lines.engine))


def _lines_of_window(frame: Frame, as_of: date, window: int | None) -> Frame:
    """Order lines of the window, fit to be counted, with the number of their day.

    Raises:
        ContentError: if the log is not fit to be counted.
    """
    names = frame.collect_schema().names()
    amounts = [name for name in ("sales", "profit") if name in names]
    lines = frame.select(
        *(name for name in names if name not in (*amounts, "date")),
        *(nw.col(name).cast(nw.Float64) for name in amounts),
        _day=periods.day_expr("date", frame.implementation),
    )
    log = checked_log(lines, "_day", as_of=as_of)
    log.warn_of_silence(as_of, usual=QUIET_DAYS)
    last = periods.number_of(as_of)
    lines = lines.filter(nw.col("_day") <= last).with_columns(nw.col("_day").cast(nw.Int64))
    return lines if window is None else lines.filter(nw.col("_day") > last - window)


def _sums_per_customer(lines: Frame, money: str) -> Frame:
    """One row per customer who bought: the last day, how many days, and the money."""
    lines = with_exact_parts(lines, money, _MONEY)
    parts, kind = exact_parts(_MONEY, lines), exact_kind(lines)
    orders = netted_orders(lines, "_day", keep=Together(sums=tuple(parts)))
    bought = nw.when(nw.col("_bought") == 1).then(nw.col("_day"))
    days = orders.with_columns(_last=bought).group_by("customer_id", "_day")
    sums = [nw.col(part).sum() for part in parts]
    per_day = days.agg(*sums, nw.col("_bought").max(), nw.col("_last").max())
    per_day = per_day.with_columns(nw.col(part).cast(kind) for part in parts)
    rows = per_day.group_by("customer_id").agg(
        *sums, nw.col("_bought").sum(), nw.col("_last").max()
    )
    rows = rows.filter(nw.col("_bought") > 0)
    rows = rows.with_columns(nw.col(part).cast(kind) for part in parts)
    return rows.select(
        "customer_id",
        _last=nw.col("_last").cast(nw.Int64),
        _n=nw.col("_bought").cast(nw.Int64),
        _total=exact_amount(_MONEY, rows),
    )

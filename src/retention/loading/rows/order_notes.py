"""Orders that may be one and were counted as several, or the other way round."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.frames import (
    collect,
    count,
    numbers_of_values,
    numbers_rows,
    one_row,
    with_row_numbers,
)
from retention.loading.rows.columns import ROW, status_columns
from retention.loading.rows.row_checks import Note, with_flag_of
from retention.loading.rows.text import OURS, stripped_text, value_as_written
from retention.names import outer_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.loading.rows.columns import Source
    from retention.loading.rows.row_checks import Check

Who = Callable[["NDArray[Any]"], "NDArray[np.int64] | None"]
"""Gives the customers of some rows of a table at hand as numbers; None where they have none."""

_ID, _ORDER, _DATE, _SALES = (
    f"{OURS}{name}" for name in ("customer_id", "order_id", "date", "sales")
)
_PARTS = (
    "Each day counts as an order of its own. If they are one order shipped in parts, say "
    "`order_day='first'`."
)
_SHARED = (
    "Each customer's lines count as an order of their own: right where numbers begin anew in each "
    "shop or year, else look at the column {column!r}."
)
_NO_SALE = (
    *("cancelled", "canceled", "failed", "denied", "declined", "rejected", "payment error"),
    *("void", "voided", "refunded"),
)
"""What a status says of an order that brings nothing; whether it is still pending says less."""

_STATUS = f"{OURS}status"
_FIRST, _LAST, _N = f"{OURS}first_day", f"{OURS}last_day", f"{OURS}rows"
_APART = f"{OURS}apart"


def lines_dated_by_first(frame: Frame, checks: Sequence[Check]) -> Frame:
    """The lines of what was bought in one order on the day of its first, refunds on their own.

    Those that fail a check neither give nor take a day.
    """
    frame = with_flag_of(frame, checks, _APART)
    bought = (nw.col(_SALES) >= 0) & (nw.col(_APART) == 0)
    frame = frame.with_columns(nw.when(bought).then(nw.col(_DATE)).alias(_FIRST))
    frame = frame.with_columns(nw.col(_FIRST).min().over(_ID, _ORDER).alias(_FIRST))
    named = bought & ~nw.col(_ORDER).is_null()
    return frame.with_columns(
        nw.when(named).then(nw.col(_FIRST)).otherwise(nw.col(_DATE)).alias(_DATE)
    )


def order_notes(frame: Frame, column: str, who: Who) -> list[Note]:
    """Orders of one customer on several days, and order ids of several customers.

    Refunds are booked later under the order they undo, and are not looked at.

    Args:
        frame: the accepted rows.
        column: the column of orders in the user's table.
        who: the customers of some rows, of a table at hand.
    """
    at_hand = ROW in frame.collect_schema()
    if _each_order_is_one(frame, who) if at_hand else _no_order_is_odd(frame):
        return []
    odd = _oddities_of_orders(_orders_by_customer(frame))
    names = ("_split", "_split_rows", "_shared", "_shared_rows")
    found = one_row(odd.select(*(nw.col(name).sum() for name in names)))
    notes = []
    if found["_split"]:
        what = "orders of one order_id on several days"
        n, rows = int(found["_split"]), int(found["_split_rows"])
        notes.append(Note(what, rows, n, _smallest_odd_id(odd, "_split"), _PARTS))
    if found["_shared"]:
        what = "order_ids of several customers"
        n, rows = int(found["_shared"]), int(found["_shared_rows"])
        say = _SHARED.format(column=column)
        notes.append(Note(what, rows, n, _smallest_odd_id(odd, "_shared"), say))
    return notes


def _each_order_is_one(frame: Frame, who: Who) -> bool:
    """Whether the lines at hand of each order are of one customer and of one day, for certain."""
    if who(np.array([], np.int64)) is None:
        return False
    bought = frame.filter(nw.col(_SALES) > 0).select(ROW, _ORDER, _DATE).collect()
    customer = who(bought[ROW].to_numpy())
    if customer is None:
        return False
    orders = numbers_of_values(bought[_ORDER], ordered=False)
    if orders is None or orders.has_missing:
        return False
    day = periods.day_numbers(bought[_DATE].to_numpy())
    first = np.zeros(orders.size, np.int64)
    first[orders.number[::-1]] = np.arange(day.size)[::-1]
    at = first[orders.number]
    return bool((customer[at] == customer).all() and (day[at] == day).all())


def _no_order_is_odd(frame: Frame) -> bool:
    """The same of a query, where its engine has a number at hand for a customer and a day."""
    bought = _lines_bought_in_orders(frame)
    schema = {name: bought.collect_schema()[name] for name in (_ID, _FIRST)}
    if not numbers_rows(bought, schema):
        return False
    parts = with_row_numbers(bought, schema, _APART).select(_ORDER, _APART, _other=nw.col(_APART))
    orders = parts.group_by(_ORDER).agg(nw.col(_APART).min(), nw.col("_other").max())
    odd = orders.filter(nw.col(_APART) != nw.col("_other"))
    return not one_row(odd.select(nw.len().alias("n")))["n"]


def _lines_bought_in_orders(frame: Frame) -> Frame:
    """The lines of orders that have an id, but for refunds, and the days that they are of."""
    bought = frame.filter(nw.col(_SALES) > 0, ~nw.col(_ORDER).is_null())
    return bought.with_columns(periods.day_expr(_DATE, frame.implementation).alias(_FIRST))


def status_notes(source: Source, frame: Frame) -> list[Note]:
    """Sales whose status says that they are none, in columns that nobody chose rows by.

    Args:
        source: the table.
        frame: its accepted rows.
    """
    chosen = {choice.column for choice in source.choices}
    there = frame.collect_schema()
    names = [name for name in status_columns(source.schema) if name in there]
    return [note for name in names if name not in chosen for note in _notes_of_status(frame, name)]


def _notes_of_status(frame: Frame, column: str) -> list[Note]:
    status = stripped_text(nw.col(column)).str.to_lowercase()
    sold = frame.filter(nw.col(_SALES) > 0, ~nw.col(column).is_null())
    sold = sold.with_columns(status.alias(_STATUS))
    none = sold.filter(nw.col(_STATUS).is_in(_NO_SALE))
    asked = (nw.len().alias("n"), nw.col(_ID).n_unique().alias("who"), nw.col(column).min())
    found = one_row(none.select(*asked))
    if not found["n"]:
        return []
    others = sold.filter(~nw.col(_STATUS).is_in((*_NO_SALE, ""))).select(_STATUS).unique()
    left = sorted(collect(others)[_STATUS].tolist())
    meant = (
        f"`where={{{outer_text(column)!r}: {left}}}`"
        if left
        else "`where=`, the rows that are meant"
    )
    say = f"If they brought nothing, say {meant}{' or fewer of these values' * bool(left)}."
    n, who = int(found["n"]), int(found["who"])
    what = f"sales whose {outer_text(column)} is that of none"
    return [Note(what, n, who, value_as_written(found[column]), say)]


def _smallest_odd_id(odd: Frame, which: str) -> str:
    """The smallest of the order ids that are odd in one way."""
    found = one_row(odd.filter(nw.col(which) > 0).select(nw.col(_ORDER).min()))
    return value_as_written(found[_ORDER])


def _orders_by_customer(frame: Frame) -> Frame:
    """Each customer's part in each order: its first and last day, and its lines."""
    dated = _lines_bought_in_orders(frame).with_columns(nw.col(_FIRST).alias(_LAST))
    parts = dated.group_by(_ORDER, _ID).agg(
        nw.col(_FIRST).min(), nw.col(_LAST).max(), nw.len().alias(_N)
    )
    whole = parts.with_columns(nw.col(_N).cast(nw.Int64))
    split = nw.col(_FIRST) < nw.col(_LAST)
    return whole.with_columns(
        _part=count(nw.col(_N) > 0),
        _split=count(split),
        _split_rows=nw.when(split).then(nw.col(_N)).otherwise(nw.lit(0)),
    )


def _oddities_of_orders(parts: Frame) -> Frame:
    """How many parts of each order are on several days, and how many share its id."""
    sums = [nw.col(name).sum() for name in ("_part", "_split", "_split_rows", _N)]
    orders = parts.group_by(_ORDER).agg(*sums)
    shared = nw.col("_part") > 1
    return orders.with_columns(
        _shared=nw.when(shared).then(nw.col("_part")).otherwise(nw.lit(0)),
        _shared_rows=nw.when(shared).then(nw.col(_N)).otherwise(nw.lit(0)),
    )

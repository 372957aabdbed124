"""How long customers took from one order to the next, or have been waited for: counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError, whole_number
from retention.frames import (
    AFTER_ALL,
    Frame,
    as_text,
    collect,
    count,
    first_rows_in_turn,
    is_at_hand,
)
from retention.kpis.buyers.next_orders_at_hand import MISSING, Following, waits_of_lines_at_hand
from retention.numerics.codes import group_numbers
from retention.orders import Together
from retention.spells.days import purchase_days
from retention.tables import TRANSACTIONS, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from retention.frames import Columns
    from retention.numerics.codes import Key

_WHAT = ("order", "_step", "_followed", "_back", "_length")


def asked_orders(orders: int | Sequence[int]) -> tuple[int, ...]:
    """The orders from which customers are followed on, rising.

    Raises:
        RetentionError: if there is none, or one is no whole number above 0.
    """
    several = [*orders] if isinstance(orders, Iterable) else [orders]
    if not several:
        raise RetentionError(
            "orders must name one order or more: 1, the first, or several as in `orders=[1, 2, 3]`."
        )
    return tuple(sorted({whole_number("orders", one, least=1, most=10_000) for one in several}))


def counted_waits(transactions: object, asked: Following) -> Columns:
    """How many customers waited how long for their next order.

    Args:
        transactions: order lines of any engine.
        asked: whom to follow, from which order on.

    Returns:
        The segments, `order` (0 for customers who are set aside, having ordered before), `_step`
        (period of that order), `_followed` (1 or 0), `_back` (1 or 0: whether the next order came),
        `_length` (days until it, or until the last observed day), `_n`.

    Raises:
        ContentError: if nobody is left to follow.
    """
    at_hand = is_at_hand(transactions)
    frame = require(
        transactions, TRANSACTIONS, extra=asked.by, alone=True, adds="none", by_row=at_hand
    )
    found = waits_of_lines_at_hand(frame, asked) if at_hand else None
    if found is None:
        found = _waits_of_query(frame, asked)
    if not (found["order"] > 0).any():
        _refuse_nobody(found, asked)
    return found


def _refuse_nobody(found: Columns, asked: Following) -> None:
    """Refuse to follow nobody."""
    early = int(found["_n"][found["order"] == 0].sum())
    since = "" if asked.since is None else f" on {asked.since} or later"
    raise ContentError(
        f"Nobody ordered first{since} and {asked.orders[0]:,} times by {asked.until}"
        f"{f', and {early:,} had ordered before' if early else ''}: take an earlier "
        "`observed_from=`, or fewer `orders=`."
    )


def _waits_of_query(frame: Frame, asked: Following) -> Columns:
    """The same, by the user's engine."""
    schema = frame.collect_schema()
    labels = {name: as_text(name, schema[name]) for name in asked.by}
    labels = {
        name: nw.when(text != MISSING).then(text).otherwise(nw.lit(AFTER_ALL))
        for name, text in labels.items()
    }
    days = purchase_days(frame, as_of=asked.until, keep=labels, told=Together(least=asked.by))
    rows = _orders_in_turn(days, asked)
    what = [*asked.by, *_WHAT]
    counted = rows.group_by(*what).agg(nw.len().alias("_n"))
    found = collect(counted.with_columns(nw.col(*_WHAT, "_n").cast(nw.Int64)))
    for name in asked.by:
        texts = found[name].astype(object)
        found[name] = np.where(texts == AFTER_ALL, MISSING, texts)
    return found


def _orders_in_turn(days: Frame, asked: Following) -> Frame:
    """The orders that count, with the wait after each, beside the segments of the first."""
    day, until = nw.col("_day"), periods.number_of(asked.until)
    most = max(asked.orders)
    few = first_rows_in_turn(days, "customer_id", "_day", most=most, keep=asked.by)
    rows = _all_orders_in_turn(days, asked) if few is None else few.rename({"_turn": "order"})
    if asked.since is not None:
        rows = rows.with_columns(_early=count(nw.col("_first") < periods.number_of(asked.since)))
        rows = rows.filter((nw.col("_early") == 0) | (nw.col("order") == 1))
        number = nw.when(nw.col("_early") == 1).then(nw.lit(0)).otherwise(nw.col("order"))
        rows = rows.with_columns(order=number)
    rows = rows.filter(nw.col("order").is_in([0, *asked.orders]))
    followed, known = nw.col("order") > 0, ~nw.col("_after").is_null()
    length = nw.col("_after").fill_null(until).cast(nw.Int64) - day
    return _rows_with_periods(rows, asked.freq).with_columns(
        _followed=count(day + asked.within <= until),
        _back=count(followed & known),
        _length=nw.when(followed).then(length).otherwise(nw.lit(0)),
    )


def _all_orders_in_turn(days: Frame, asked: Following) -> Frame:
    """Every order with its number, the day of the next and of the first, and the first's labels."""
    day = nw.col("_day")
    after = day.shift(-1).over("customer_id", order_by="_day")
    # Counted on another column than the one in order: narwhals' pandas miscounts that one.
    turn = nw.col("_at").cum_count().over("customer_id", order_by="_day")
    rows = days.with_columns(_at=day).with_columns(order=turn.cast(nw.Int64), _after=after)
    if asked.since is not None:
        rows = rows.with_columns(_first=day.min().over("customer_id"))
    return _beside_first_labels(rows, asked)


def _beside_first_labels(rows: Frame, asked: Following) -> Frame:
    """Orders beside the segments of their customer's first one."""
    if not asked.by or asked.orders == (1,):
        return rows
    # A window, not a join of the rows to themselves, for which an engine would sort them twice.
    first = {name: nw.when(nw.col("order") == 1).then(nw.col(name)) for name in asked.by}
    rows = rows.with_columns(**first)
    return rows.with_columns(nw.col(name).min().over("customer_id") for name in asked.by)


def _rows_with_periods(rows: Frame, freq: str | None) -> Frame:
    """Orders with the number of their period; 0 where none is asked for."""
    if freq is None:
        return rows.with_columns(_step=nw.lit(0))
    dated = rows.with_columns(_date=periods.date_expr(nw.col("_day"), rows.implementation))
    return dated.with_columns(_step=periods.step_expr("_date", "_day", freq))


def waits_by_cell(found: Columns, asked: Following) -> Iterator[tuple[Key, int, int, int, Columns]]:
    """The counted waits of each segment, period and order.

    Returns:
        The segment, the step of the period, the order, how many customers of the segment are set
        aside, and `_length`, `_back`, `_followed` and `_n` of those who are followed.
    """
    segment, keys = group_numbers(found, asked.by, found["_n"].size)
    aside = found["order"] == 0
    n_aside = np.bincount(segment[aside], found["_n"][aside], len(keys)).astype(np.int64)
    order = np.lexsort([found["order"], found["_step"], segment])
    order = order[~aside[order]]
    cell = np.stack([segment[order], found["_step"][order], found["order"][order]])
    opens = np.flatnonzero(np.append(True, (np.diff(cell, axis=1) != 0).any(axis=0)))
    for rows in np.split(order, opens[1:]):
        at = rows[0]
        part = {name: found[name][rows] for name in ("_length", "_back", "_followed", "_n")}
        place = int(segment[at])
        yield (
            keys[place],
            int(found["_step"][at]),
            int(found["order"][at]),
            int(n_aside[place]),
            part,
        )

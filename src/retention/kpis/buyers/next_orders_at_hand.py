"""How long customers of a table at hand took from one order to the next: the next is the next row.

An order is here a day on which a customer bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import periods
from retention.activity.at_hand import lines_at_hand
from retention.activity.purchases_at_hand import days_of_purchases
from retention.numerics.keyed_rows import KeyedRows, cells_of_keys, starts_of_runs
from retention.orders import NOISE
from retention.spells.days import QUIET_DAYS

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from retention.activity.at_hand import LinesAtHand
    from retention.frames import Columns, Frame

    Whole = NDArray[np.int64]

MISSING = "(missing)"
"""What a segment is called that was not filled in; known ones come before it."""


@dataclass(frozen=True, slots=True)
class Following:
    """Which customers are followed, from which of their orders on.

    Attributes:
        orders: from the first, the second … on.
        by: segments, of the customer's first order.
        until: the last observed day.
        since: customers are followed who ordered first on it or later; None: all are.
        within: whether they were followed for so many days is counted; 0 where that is not asked.
        freq: the length of periods by which the order counts; None where it does not.
    """

    orders: tuple[int, ...]
    by: tuple[str, ...]
    until: date
    since: date | None
    within: int = 0
    freq: str | None = None


def waits_of_lines_at_hand(frame: Frame, asked: Following) -> Columns | None:
    """Waits for the next order counted, see `counted_waits`; None where a query must tell."""
    names = frame.collect_schema().names()
    read = [name for name in ("customer_id", "order_id", "date", "sales") if name in names]
    lines = lines_at_hand(frame.select(*read, *asked.by), asked.by)
    log = None if lines is None else lines.log(as_of=asked.until, opens=asked.until)
    if lines is None or log is None:
        return None
    seen = lines.day <= periods.number_of(asked.until)
    lines = lines if seen.all() else lines.part(seen)
    days = days_of_purchases(lines)
    if days is None:
        return None
    log.warn_of_silence(asked.until, usual=QUIET_DAYS)
    customer, day = days
    opens = np.flatnonzero(starts_of_runs(customer))
    keys = _waits_of_days(day, opens, asked)
    person = keys.pop("_person")
    labels = _first_labels(lines, customer[opens], day[opens], asked.by)
    keyed = cells_of_keys(keys | {name: numbers[person] for name, numbers in labels.items()})
    if keyed is None:
        return None
    cells, found = keyed
    for name in asked.by:
        known = lines.known[name]
        texts = np.append(np.asarray(known.named(np.arange(known.size)).to_numpy()), MISSING)
        found[name] = texts.astype(object)[found[name]]
    return {**found, "_n": cells.counts()}


def _waits_of_days(day: Whole, opens: Whole, asked: Following) -> dict[str, Whole]:
    """The wait after each order that counts, and of whom it is.

    Args:
        day: the days on which customers bought, by customer and day.
        opens: where each customer's begin.
        asked: whom to follow, from where on.
    """
    until, many = periods.number_of(asked.until), np.diff(opens, append=day.size)
    first = day[opens]
    since = np.full(opens.size, -1 if asked.since is None else periods.number_of(asked.since))
    early = (first < since) & (asked.since is not None)
    parts = [(0, np.flatnonzero(early))]
    parts += [(k, np.flatnonzero(~early & (many >= k))) for k in asked.orders]
    order = np.concatenate([np.full(who.size, k) for k, who in parts])
    person = np.concatenate([who for _, who in parts])
    place = opens[person] + np.maximum(order - 1, 0)
    back = (order > 0) & (order < many[person])
    end = np.where(back, day[np.minimum(place + 1, day.size - 1)], until)
    at = day[place]
    return {
        "order": order,
        "_step": _steps_of_orders(at, asked.freq),
        "_followed": (at + asked.within <= until).astype(np.int64),
        "_back": back.astype(np.int64),
        "_length": np.where(order > 0, end - at, 0),
        "_person": person,
    }


def _steps_of_orders(day: Whole, freq: str | None) -> Whole:
    """The period of each day."""
    if freq is None or not day.size:
        return np.zeros(day.size, np.int64)
    low, high = (periods.step_of(periods.day_of(int(one)), freq) for one in (day.min(), day.max()))
    starts = periods.first_day_numbers(periods.Window(low, high, freq))
    return np.searchsorted(starts, day, side="right") - 1 + low


def _first_labels(
    lines: LinesAtHand, people: Whole, first: Whole, by: tuple[str, ...]
) -> dict[str, Whole]:
    """For each customer the least known value of the first day's purchases, as a number.

    What is missing has the number behind the last.
    """
    if not by:
        return {}
    person = np.zeros(lines.known["customer_id"].size, np.int64)
    begun = np.full(person.size, -(2**62))
    person[people], begun[people] = np.arange(people.size), first
    who = lines.known["customer_id"].number
    there = lines.part(lines.day == begun[who])
    there = there.part(_is_of_purchase(there))
    at = person[there.known["customer_id"].number]
    labels = {}
    for name in by:
        known = there.known[name]
        missing = np.asarray(known.named(np.arange(known.size)).to_numpy()) == MISSING
        number = np.where(missing[known.number], known.size, known.number)
        labels[name] = np.full(people.size, known.size)
        np.minimum.at(labels[name], at, number)
    return labels


def _is_of_purchase(lines: LinesAtHand) -> NDArray[np.bool_]:
    """Whether each line, of one day for each customer, is of an order that is a purchase."""
    sales = lines.money["sales"]
    if not (sales < 0).any() or "order_id" not in lines.known:
        return np.ones(sales.size, bool)
    who, order = lines.known["customer_id"], lines.known["order_id"]
    _, key = np.unique(who.number * order.size + order.number, return_inverse=True)
    orders = KeyedRows(key.astype(np.int64), sales.size)
    bought = orders.sums(sales) >= orders.least_below_zero(sales) * NOISE
    return orders.of_rows(bought.astype(np.float64)) > 0

"""Who bought in which period, of a table at hand: whole numbers are sorted, texts hashed once.

It tells what a query tells of a lazy table. Orders are netted of customers with a line below 0
alone: every order of the others is a purchase.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods
from retention.frames import Numbered, frame_at_hand, numbers_of_values, rows_at_hand
from retention.numerics.keyed_rows import KeyedRows, different_keys, starts_of_runs
from retention.orders import NOISE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Frame

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

LARGEST = 2**62
"""Keys of rows are below it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows lie: a customer, then a segment, then a period, as one number.

    Attributes:
        place: of each row.
        customer: its customer.
        step: its period.
        n_customers: how many customers there are.
        n_segments: how many segments there may be.
        n_steps: how many periods there may be.
    """

    place: Whole
    customer: Whole
    step: Whole
    n_customers: int
    n_segments: int
    n_steps: int

    @property
    def n(self) -> int:
        """How many places there may be."""
        return self.n_customers * self.n_segments * self.n_steps

    @property
    def in_firm(self) -> Whole:
        """The customer and the period of each row, as one number."""
        return self.place if self.n_segments == 1 else self.customer * self.n_steps + self.step

    def part(self, rows: NDArray[Any]) -> Places:
        """Those of some rows."""
        kept = {name: getattr(self, name)[rows] for name in ("place", "customer", "step")}
        return replace(self, **kept)


def places_of_rows(
    customer: Numbered, segments: Sequence[Numbered], step: Whole, n_steps: int
) -> Places:
    """The places of rows; no number holds them where `n` is not below `LARGEST`.

    Args:
        customer: the customers of the rows.
        segments: their values in each segment column.
        step: their periods, from 0 on.
        n_steps: how many periods there may be.
    """
    place, n_segments = customer.number, 1
    for values in segments:
        place = place * values.size + values.number
        n_segments *= values.size
    place = place * n_steps + step
    return Places(place, customer.number, step, customer.size, n_segments, n_steps)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Order lines as numbers.

    Attributes:
        places: where they lie.
        order: the day in the period and the order, as one number.
        n_orders: how many of these there may be.
        sales: net revenue, currency.
    """

    places: Places
    order: Whole
    n_orders: int
    sales: Floats

    @property
    def keys(self) -> tuple[Whole, int]:
        """The place and the order of each line as one number, and how many there may be."""
        return self.places.place * self.n_orders + self.order, self.places.n * self.n_orders

    def part(self, rows: NDArray[np.bool_]) -> _Lines:
        """Some of the lines."""
        return _Lines(self.places.part(rows), self.order[rows], self.n_orders, self.sales[rows])


def purchases_at_hand(lines: Frame, by: Sequence[str], window: periods.Window) -> Frame | None:
    """One row per customer, segment and period in which there was a line.

    Args:
        lines: order lines over a pandas or Polars table: `customer_id`, `sales`, `_date` (their
            midnight), the segments as text, and perhaps `order_id` and `profit`.
        by: the segments.
        window: the periods; lines outside are left out.

    Returns:
        `customer_id`, the segments, `step`, the sums of `sales` and, if it was there, `profit`,
        `n_orders` (purchases), sorted by customer, segment and step. None where ids are of a type
        that has no numbers, or no number holds all of a segment, a customer, a day and an order.
    """
    table = rows_at_hand(lines)
    days = periods.first_day_numbers(window)
    day = periods.day_numbers(table["_date"].to_numpy()) - days[0]
    inside = (day >= 0) & (day < days[-1] - days[0])
    if not inside.all():
        table, day = table.filter(inside.tolist()), day[inside]
    names = [name for name in ("customer_id", "order_id", *by) if name in table.columns]
    known = {name: found for name in names if (found := numbers_of_values(table[name]))}
    if len(known) < len(names) or any(each.has_missing for each in known.values()):
        return None
    money = {
        name: table[name].to_numpy().astype(np.float64)
        for name in ("sales", "profit")
        if name in table.columns
    }
    read = _lines_as_numbers(known, by, day, days, money["sales"])
    if read is None:
        return None
    keys, n_orders = _purchases_by_cell(read)
    cells = KeyedRows(read.places.place, read.places.n, keys)
    sums = {name: _net_sums(cells, values) for name, values in money.items()}
    who = keys // window.n_steps
    columns: dict[str, object] = {"step": keys - who * window.n_steps + window.first_step}
    for name in reversed(by):
        who, place = np.divmod(who, known[name].size)
        columns[name] = known[name].named(place)
    columns["customer_id"] = known["customer_id"].named(who)
    columns |= sums | {"n_orders": n_orders}
    return frame_at_hand(columns, lines.implementation)


def _lines_as_numbers(
    known: Mapping[str, Numbered], by: Sequence[str], day: Whole, days: Whole, sales: Floats
) -> _Lines | None:
    """The lines by their numbers; None where no number holds all.

    Args:
        known: the numbers of customers, segments and, where they have ids, orders.
        by: the segments.
        day: of each line, counted from the first of the first period.
        days: the first day of each period and of the one after the last.
        sales: of each line.
    """
    n_steps, lengths = days.size - 1, np.diff(days)
    step = np.repeat(np.arange(n_steps), lengths)[day]
    places = places_of_rows(known["customer_id"], [known[name] for name in by], step, n_steps)
    order, n_orders = day - (days[:-1] - days[0])[step], int(lengths.max())
    if "order_id" in known:
        order, n_orders = (
            order * known["order_id"].size + known["order_id"].number,
            n_orders * known["order_id"].size,
        )
    if places.n * n_orders >= LARGEST:
        return None
    return _Lines(places, order, n_orders, sales)


def _purchases_by_cell(lines: _Lines) -> tuple[Whole, Whole]:
    """The cells in which there are lines, ascending, and how many purchases there are in each."""
    below = lines.sales < 0
    if not below.any():
        return _orders_by_cell(lines)
    customer = lines.places.customer
    refunded = np.zeros(lines.places.n_customers, bool)
    refunded[customer[below]] = True
    netted = refunded[customer]
    parts = [_orders_by_cell(lines.part(~netted)), _netted_orders_by_cell(lines.part(netted))]
    keys, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")
    return keys[order], counts[order]


def _orders_by_cell(lines: _Lines) -> tuple[Whole, Whole]:
    """The cells in which there are orders, ascending, and how many there are in each."""
    cell = different_keys(*lines.keys) // lines.n_orders
    starts = np.flatnonzero(starts_of_runs(cell))
    return cell[starts], np.diff(starts, append=cell.size)


def _netted_orders_by_cell(lines: _Lines) -> tuple[Whole, Whole]:
    """The same of customers with refunds: how many orders are purchases, see `orders`."""
    orders = KeyedRows(*lines.keys)
    total, least = orders.sums(lines.sales), orders.least_below_zero(lines.sales)
    bought = total >= least * NOISE
    cell, order = np.divmod(orders.keys, lines.n_orders)
    if lines.places.n_segments > 1:
        # An order of several segments is a purchase in one if it is one in all and there.
        who, step = np.divmod(cell, lines.places.n_steps)
        whole = who // lines.places.n_segments * lines.places.n_steps + step
        whole = whole * lines.n_orders + order
        _, place = np.unique(whole, return_inverse=True)
        every = KeyedRows(place.astype(np.int64), place.size)
        all_in_all = every.sums(total) >= every.least_below_zero(least) * NOISE
        bought &= all_in_all[place]
    keys, place = np.unique(cell, return_inverse=True)
    return keys, np.bincount(place[bought], minlength=keys.size).astype(np.int64)


def _net_sums(cells: KeyedRows, values: Floats) -> Floats:
    """The sum of an amount in each cell, 0 where it is the noise of terms that cancel."""
    total = cells.sums(values)
    if (values < 0).any():
        total[np.abs(total) <= cells.least_below_zero(values) * -NOISE] = 0.0
    return total

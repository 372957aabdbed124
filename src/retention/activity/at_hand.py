"""Who bought in which period, of a table at hand: whole numbers are sorted, texts hashed once.

It tells what a query tells of a lazy table. Orders are netted of customers with a line below 0
alone: every order of the others is a purchase.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retention import periods
from retention.frames import Numbered, frame_at_hand, numbered, rows_at_hand
from retention.numerics.cells import Cells, different_keys, starts_of_runs
from retention.orders import NOISE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Frame

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class _Lines:
    """Order lines as numbers.

    Attributes:
        cell: the segment, then the period, then the customer of each line, as one number.
        n_cells: how many of these there may be.
        n_in_segment: how many there may be in each segment.
        n_customers: how many customers there are.
        order: its day in the period and its order, as one number.
        n_orders: how many of these there may be.
        sales: net revenue, currency.
    """

    cell: Whole
    n_cells: int
    n_in_segment: int
    n_customers: int
    order: Whole
    n_orders: int
    sales: Floats

    def part(self, rows: NDArray[np.bool_]) -> _Lines:
        """Some of the lines."""
        kept = {name: getattr(self, name)[rows] for name in ("cell", "order", "sales")}
        return replace(self, **kept)


def purchases_at_hand(lines: Frame, by: Sequence[str], window: periods.Window) -> Frame | None:
    """One row per customer, segment and period in which there was a line.

    Args:
        lines: order lines over a pandas or Polars table: `customer_id`, `sales`, `_date` (their
            midnight), the segments as text, and perhaps `order_id` and `profit`.
        by: the segments.
        window: the periods; lines outside are left out.

    Returns:
        `customer_id`, the segments, `step`, the sums of `sales` and, if it was there, `profit`,
        `n_orders` (purchases), sorted by segment, step and customer. None where ids are of a type
        that has no numbers, or no number holds all of a segment, a customer, a day and an order.
    """
    table = rows_at_hand(lines)
    days = periods.first_day_number(np.arange(window.first_step, window.last_step + 2), window.freq)
    day = periods.day_numbers(table["_date"].to_numpy()) - days[0]
    inside = (day >= 0) & (day < days[-1] - days[0])
    if not inside.all():
        table, day = table.filter(inside.tolist()), day[inside]
    names = [name for name in ("customer_id", "order_id", *by) if name in table.columns]
    known = {name: found for name in names if (found := numbered(table[name]))}
    if len(known) < len(names) or not day.size:
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
    cells = Cells(read.cell, read.n_cells, keys)
    sums = {name: _net_sums(cells, values) for name, values in money.items()}
    rest, customer = np.divmod(keys, known["customer_id"].size)
    segment, step = np.divmod(rest, window.n_steps)
    labels: dict[str, object] = {}
    for name in reversed(by):
        segment, place = np.divmod(segment, known[name].size)
        labels[name] = known[name].named(place)
    columns: dict[str, object] = {
        "customer_id": known["customer_id"].named(customer),
        **{name: labels[name] for name in by},
        "step": step + window.first_step,
        **sums,
        "n_orders": n_orders,
    }
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
    customers = known["customer_id"]
    n_in_segment = n_steps * customers.size
    cell, n_cells = step * customers.size + customers.number, n_in_segment
    for name in reversed(by):
        cell += known[name].number * n_cells
        n_cells *= known[name].size
    order, n_orders = day - (days[:-1] - days[0])[step], int(lengths.max())
    if "order_id" in known:
        order, n_orders = (
            order * known["order_id"].size + known["order_id"].number,
            n_orders * known["order_id"].size,
        )
    if n_cells * n_orders >= _LARGEST:
        return None
    return _Lines(cell, n_cells, n_in_segment, customers.size, order, n_orders, sales)


def _purchases_by_cell(lines: _Lines) -> tuple[Whole, Whole]:
    """The cells in which there are lines, ascending, and how many purchases there are in each."""
    below = lines.sales < 0
    if not below.any():
        return _orders_by_cell(lines)
    refunded = np.zeros(lines.n_customers, bool)
    refunded[lines.cell[below] % lines.n_customers] = True
    netted = refunded[lines.cell % lines.n_customers]
    parts = [_orders_by_cell(lines.part(~netted)), _netted_orders_by_cell(lines.part(netted))]
    keys, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")
    return keys[order], counts[order]


def _orders_by_cell(lines: _Lines) -> tuple[Whole, Whole]:
    """The cells in which there are orders, ascending, and how many there are in each."""
    key, size = lines.cell * lines.n_orders + lines.order, lines.n_cells * lines.n_orders
    cell = different_keys(key, size) // lines.n_orders
    starts = np.flatnonzero(starts_of_runs(cell))
    return cell[starts], np.diff(starts, append=cell.size)


def _netted_orders_by_cell(lines: _Lines) -> tuple[Whole, Whole]:
    """The same of customers with refunds: how many orders are purchases, see `orders`."""
    key, size = lines.cell * lines.n_orders + lines.order, lines.n_cells * lines.n_orders
    here = Cells(key, size)
    total, least = here.sums(lines.sales), here.least_below_zero(lines.sales)
    bought = total >= least * NOISE
    if lines.n_cells > lines.n_in_segment:
        # An order of several segments is a purchase in one if it is one in all and there.
        cell, order = np.divmod(here.keys, lines.n_orders)
        whole = cell % lines.n_in_segment * lines.n_orders + order
        _, place = np.unique(whole, return_inverse=True)
        every = Cells(place.astype(np.int64), place.size)
        all_in_all = every.sums(total) >= every.least_below_zero(least) * NOISE
        bought &= all_in_all[place]
    keys, place = np.unique(here.keys // lines.n_orders, return_inverse=True)
    return keys, np.bincount(place[bought], minlength=keys.size).astype(np.int64)


def _net_sums(cells: Cells, values: Floats) -> Floats:
    """The sum of an amount in each cell, 0 where it is the noise of terms that cancel."""
    total = cells.sums(values)
    if (values < 0).any():
        total[np.abs(total) <= cells.least_below_zero(values) * -NOISE] = 0.0
    return total

"""Who bought in which period, of a table at hand: whole numbers are sorted, texts hashed once.

It tells what a query tells of a lazy table. Orders are netted of customers with a line below 0
alone: every order of the others is a purchase.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import periods
from retention.activity.at_hand import LARGEST, LinesAtHand, Places, places_of_rows
from retention.frames import FewTexts, frame_at_hand
from retention.numerics.keyed_rows import KeyedRows, different_keys, starts_of_runs
from retention.orders import NOISE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Frame

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]


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
        if self.n_orders == 1:
            return self.places.place, self.places.n
        return self.places.place * self.n_orders + self.order, self.places.n * self.n_orders

    def part(self, rows: NDArray[np.bool_]) -> _Lines:
        """Some of the lines."""
        return _Lines(self.places.part(rows), self.order[rows], self.n_orders, self.sales[rows])


def activity_at_hand(lines: LinesAtHand, by: Sequence[str], window: periods.Window) -> Frame | None:
    """One row per customer, segment and period in which there was a line.

    Args:
        lines: the order lines.
        by: the segments.
        window: the periods; lines outside are left out.

    Returns:
        The columns of activity, `by` behind the customer, sorted by customer, segment and step.
        None where no number holds a segment, a customer, a day and an order.
    """
    days = periods.first_day_numbers(window)
    inside = (lines.day >= days[0]) & (lines.day < days[-1])
    if not inside.all():
        lines = lines.part(inside)
    read = _lines_as_numbers(lines, by, days)
    if read is None:
        return None
    keys, n_orders = _purchases_by_cell(read)
    cells = KeyedRows(read.places.place, read.places.n, keys)
    sums = {name: _net_sums(cells, values) for name, values in lines.money.items()}
    who = keys // window.n_steps
    step = keys - who * window.n_steps
    labels: dict[str, object] = {}
    for name in reversed(by):
        who, place = np.divmod(who, lines.known[name].size)
        labels[name] = lines.known[name].named(place)
    columns: dict[str, object] = {"customer_id": lines.known["customer_id"].named(who)}
    columns |= {name: labels[name] for name in by}
    columns |= {
        "period": days[:-1].astype("datetime64[D]")[step],
        "step": step + window.first_step,
        "n_orders": n_orders,
        "sales": sums["sales"],
        "profit": sums.get("profit", np.full(keys.size, np.nan)),
        "active": n_orders > 0,
        "first_step": np.full(keys.size, window.first_step, np.int64),
        "last_step": np.full(keys.size, window.last_step, np.int64),
        "freq": FewTexts(np.zeros(keys.size, np.int8), (window.freq,)),
    }
    return frame_at_hand(columns, lines.engine)


def days_of_purchases(lines: LinesAtHand) -> tuple[Whole, Whole] | None:
    """The days on which customers bought, each once: by customer, then by day.

    Returns:
        The customers, by number, and the days since 1970-01-01; None where no number holds a
        customer, a day and an order.
    """
    low, sales = int(lines.day.min()), lines.money["sales"]
    n_days, order = int(lines.day.max()) - low + 1, lines.known.get("order_id")
    places = places_of_rows(lines.known["customer_id"], [], lines.day - low, n_days)
    if order is None or not (sales < 0).any():
        read = _Lines(places, np.zeros(sales.size, np.int64), 1, sales)
    else:
        read = _Lines(places, order.number, order.size, sales)
    if read.keys[1] >= LARGEST:
        return None
    keys, n_orders = _purchases_by_cell(read)
    keys = keys[n_orders > 0]
    customer = keys // n_days
    return customer, keys - customer * n_days + low


def purchases_by_day(
    lines: LinesAtHand, by: Sequence[str]
) -> tuple[dict[str, Whole], Whole] | None:
    """The customers, segments and days of lines, ascending, and how many purchases there are.

    Args:
        lines: the order lines.
        by: the segments.

    Returns:
        `customer`, `segment` (all segment columns as one number) and `day` (since 1970-01-01) of
        each; None where no number holds them and an order.
    """
    low = int(lines.day.min())
    n_days = int(lines.day.max()) - low + 1
    read = _lines_as_numbers(lines, by, np.arange(low, low + n_days + 1))
    if read is None:
        return None
    keys, n_orders = _purchases_by_cell(read)
    line = keys // n_days
    customer = line // read.places.n_segments
    found = {"customer": customer, "segment": line - customer * read.places.n_segments}
    return found | {"day": keys - line * n_days + low}, n_orders


def _lines_as_numbers(lines: LinesAtHand, by: Sequence[str], days: Whole) -> _Lines | None:
    """The lines by their places and orders; None where no number holds both.

    Args:
        lines: the lines, of these periods.
        by: the segments.
        days: the first day of each period and of the one after the last.
    """
    n_steps, lengths = days.size - 1, np.diff(days)
    day, known = lines.day - days[0], lines.known
    step = np.repeat(np.arange(n_steps), lengths)[day]
    places = places_of_rows(known["customer_id"], [known[name] for name in by], step, n_steps)
    order, n_orders = day - (days[:-1] - days[0])[step], int(lengths.max())
    if "order_id" in known:
        order = order * known["order_id"].size + known["order_id"].number
        n_orders *= known["order_id"].size
    if places.n * n_orders >= LARGEST:
        return None
    return _Lines(places, order, n_orders, lines.money["sales"])


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

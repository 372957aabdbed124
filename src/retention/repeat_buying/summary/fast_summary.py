"""The purchases of customers whose ids are whole numbers, in a table at hand: by sorting one key.

Grouping ten million orders takes an engine six times as long. Of lines none of which is negative,
every order is a purchase; where there are refunds, orders are netted before.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods
from retention.log_holes import days_of_lines
from retention.numerics.keyed_rows import KeyedRows, starts_of_runs
from retention.numerics.newton import CHUNK, chunks
from retention.orders import MOST, NOISE, Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from retention.frames import Columns

    Whole = NDArray[np.integer[Any]]

_SPARSE = 4
"""So many numbers may lie between the lowest and the highest id, for each line."""


@dataclass(frozen=True, slots=True)
class _Ids:
    """Ids as numbers from 0 on, in their order: less `low`, or as places among the `names`."""

    ids: Whole
    low: int
    size: int
    names: Whole | None

    def part(self, rows: slice) -> NDArray[np.int64]:
        """The numbers of some rows."""
        return self.ids[rows].astype(np.int64) - self.low

    def of_numbers(self, numbers: Whole) -> _Ids:
        """Those that have these numbers, one a row."""
        ids = numbers if self.names is not None else self.named(numbers)
        return replace(self, ids=ids)

    def named(self, numbers: Whole) -> Whole:
        """The ids that have these numbers."""
        if self.names is not None:
            return self.names[numbers]
        return (numbers.astype(np.int64) + self.low).astype(self.ids.dtype)


@dataclass(frozen=True, slots=True)
class Lines:
    """Order lines none of which is negative, or orders that are purchases.

    Attributes:
        customer: who bought.
        order: in which order; None where a day is an order.
        day: days since 1970-01-01.
        sales: net revenue, currency.
        log: from when to when.
        refunded: the lines as they were, customers and days, where there are refunds among them.
    """

    customer: _Ids
    order: _Ids | None
    day: NDArray[np.int32]
    sales: NDArray[Any]
    log: Log
    refunded: tuple[Whole, Whole] | None = None

    def by_day(
        self, since: int | None, until: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Callable[[int, int], int]]:
        """The days that count, with the lines of each, and how many customers some have."""
        customer, day = self.refunded or (self.customer.ids, self.day)
        return days_of_lines(day, customer, since=since, until=until)


def lines_for_sorting(found: Columns) -> Lines | None:
    """The lines, if they can be summed up by sorting; None where that is for an engine.

    Args:
        found: `customer_id`, `date`, `sales` and, where orders have ids, `order_id`.
    """
    ids = {name: found[name] for name in ("customer_id", "order_id") if name in found}
    if not all(values.dtype.kind in "iu" and values.size for values in ids.values()):
        return None
    day = _day_of_lines(found["date"], found["sales"])
    if day is None:
        return None
    numbered = {name: _numbers_of_ids(values) for name, values in ids.items()}
    first, last = periods.day_of(int(day.min())), periods.day_of(int(day.max()))
    log = Log(day.size, first, last, only_sales=bool(found["sales"].min() >= 0))
    lines = Lines(numbered["customer_id"], numbered.get("order_id"), day, found["sales"], log)
    return lines if log.only_sales else _purchases_among(lines)


def _purchases_among(lines: Lines) -> Lines | None:
    """The orders that are purchases, see `orders`; None where there is none or no number for it."""
    low, orders = int(lines.day.min()), lines.order.size if lines.order else 1
    days = int(lines.day.max()) - low + 1
    size = lines.customer.size * days * orders
    if size >= 2**63:
        return None
    every = slice(None)
    key = (lines.customer.part(every) * days + (lines.day - np.int64(low))) * orders
    if lines.order:
        key += lines.order.part(every)
    cells, sales = KeyedRows(key, size), lines.sales.astype(np.float64, copy=False)
    net = cells.sums(sales)
    bought = net >= cells.least_below_zero(sales) * NOISE
    if not bought.any():
        return None
    place, order = np.divmod(cells.keys[bought], orders)
    customer, day = np.divmod(place, days)
    return Lines(
        lines.customer.of_numbers(customer),
        lines.order.of_numbers(order) if lines.order else None,
        (day + low).astype(np.int32),
        net[bought],
        lines.log,
        refunded=(lines.customer.ids, lines.day),
    )


def summary_by_sorting(lines: Lines, *, until: int, grain: str) -> Columns | None:
    """The purchases of each customer in a few numbers, named as in `summaries`, by customer.

    Args:
        lines: the order lines, one at least up to `until`.
        until: the last day that counts.
        grain: "day" or "week".

    Returns:
        None where no number holds a customer, a day and an order.
    """
    low = int(lines.day.min())
    days = min(int(lines.day.max()), until) - low + 1
    orders = lines.order.size if lines.order else 1
    if lines.customer.size * days * orders >= 2**63 or lines.customer.size >= 2**31:
        return None
    key = _sorted_keys(lines, low, days, orders)
    bounds = np.arange(0, lines.customer.size, CHUNK) * (days * orders)
    edges = [*np.searchsorted(key, bounds.astype(key.dtype)).tolist(), key.size]
    parts = [
        _counts_by_customer(key[start:end], low, days, orders, grain)
        for start, end in itertools.pairwise(edges)
        if start < end
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    buyers = found["customer_id"]
    again = _sales_after(lines, buyers, found["_first"], until=until, grain=grain)
    return {**found, "customer_id": lines.customer.named(buyers), "_again": again}


def days_by_sorting(lines: Lines, *, until: int) -> tuple[Whole, Whole] | None:
    """The days up to `until` on which customers bought, each once: by customer, then by day.

    Returns:
        The customers, by number, and the days since 1970-01-01; None where no number holds both.
    """
    low = int(lines.day.min())
    days = min(int(lines.day.max()), until) - low + 1
    if days < 1 or lines.customer.size * days >= 2**63:
        return None
    key = _sorted_keys(replace(lines, order=None), low, days, 1)
    key = key[starts_of_runs(key)].astype(np.int64)
    customer = key // days
    return customer, key - customer * days + low


def _counts_by_customer(key: Whole, low: int, days: int, orders: int, grain: str) -> Columns:
    """The customers of some ordered keys, by number: how often, from when to when they bought."""
    key = key[starts_of_runs(key)]
    customer = key // (days * orders)
    starts = np.flatnonzero(starts_of_runs(customer))
    ends = np.append(starts[1:], key.size)
    day = (key % (days * orders) // orders).astype(np.int64) + low
    step = periods.step_of_number(day, grain)
    another = starts_of_runs(step)
    another[starts] = True
    before = np.append(0, np.cumsum(another))
    found = {
        "customer_id": customer[starts],
        "_known": before[ends] - before[starts],
        "_first": step[starts],
        "_last": step[ends - 1],
        "n_orders": ends - starts,
    }
    return {name: values.astype(np.int32) for name, values in found.items()}


def _numbers_of_ids(ids: Whole) -> _Ids:
    """Whole numbers as numbers from 0 on, few of which are nobody's."""
    low, high = int(ids.min()), int(ids.max())
    if high - low < max(_SPARSE * ids.size, 1000) and high < 2**63:
        return _Ids(ids, low, high - low + 1, None)
    names, place = np.unique(ids, return_inverse=True)
    return _Ids(place, 0, names.size, names)


def _day_of_lines(dates: NDArray[Any], sales: NDArray[Any]) -> NDArray[np.int32] | None:
    """The days of the lines, unless one has none, or no amount of money."""
    if dates.dtype.kind != "M" or sales.dtype.kind not in "iuf":
        return None
    day = np.empty(dates.size, np.int32)
    for part in chunks(dates.size):
        amounts = sales[part]
        if np.isnat(dates[part]).any() or not ((amounts >= -MOST) & (amounts <= MOST)).all():
            return None
        day[part] = periods.day_numbers(dates[part])
    return day


def _sorted_keys(lines: Lines, low: int, days: int, orders: int) -> Whole:
    """One number a line that counts: its customer, then its day, then its order."""
    small = lines.customer.size * days * orders < 2**32
    key: Whole = np.empty(lines.day.size, np.uint32 if small else np.int64)
    n = 0
    for part in chunks(lines.day.size):
        day = lines.day[part].astype(np.int64) - low
        made = (lines.customer.part(part) * days + day) * orders
        if lines.order:
            made += lines.order.part(part)
        made = made[day < days]
        key[n : n + made.size] = made
        n += made.size
    key = key[:n]
    key.sort()
    return key


def _sales_after(
    lines: Lines, buyers: Whole, first: Whole, *, until: int, grain: str
) -> NDArray[np.float64]:
    """What each customer bought for after their first day or week."""
    begun = np.zeros(lines.customer.size, np.int32)
    begun[buyers] = first
    total = np.zeros(lines.customer.size)
    for part in chunks(lines.day.size):
        customer, day = lines.customer.part(part), lines.day[part].astype(np.int64)
        again = (periods.step_of_number(day, grain) > begun[customer]) & (day <= until)
        np.add.at(total, customer[again], lines.sales[part][again])
    return total[buyers]

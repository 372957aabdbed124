"""Who was active in which period, on how many days, for the first time or again: counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.purchases_at_hand import purchases_by_day
from retention.frames import collect, count, with_first
from retention.numerics.keyed_rows import KeyedRows, starts_of_runs
from retention.orders import netted_orders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.activity.at_hand import LinesAtHand
    from retention.frames import Columns, Frame

    Whole = NDArray[np.int64]

SUMS = ("n_active", "n_orders", "n_new", "n_active_days", "_squares")
"""Whole numbers of each segment and period; `_squares` are of the days of each customer."""


def active_counts_of_query(
    lines: Frame, by: Sequence[str], window: periods.Window, *, plain: bool
) -> Columns:
    """Counts and sales of each segment and period in which there was a line, by the user's engine.

    Args:
        lines: order lines with `_date`, amounts as floats and segments as text.
        by: the segments.
        window: the periods.
        plain: whether no line is a refund.

    Returns:
        The segments, `step`, those of `SUMS`, `sales` and its squares by customer.
    """
    engine = lines.implementation
    until = lines.filter(nw.col("_date") < periods.day_literal(window.is_over, engine))
    orders = netted_orders(until, "_date", by=by, plain=plain)
    days = orders
    if "order_id" in until.collect_schema():  # else an order is a day of a customer
        days = orders.group_by("customer_id", *by, "_date").agg(
            *(nw.col(name).sum() for name in ("_bought", "sales"))
        )
    dated = days.with_columns(_day=periods.day_expr("_date", engine)).with_columns(
        step=periods.step_expr("_date", "_day", window.freq),
        _seen=nw.when(nw.col("_bought") > 0).then(nw.col("_day")),
        _active=count(nw.col("_bought") > 0),
    )
    cell = [*by, "step"]
    stepped = dated.group_by("customer_id", *cell).agg(
        *(nw.col(name).sum() for name in ("_bought", "_active", "sales")), nw.col("_seen").min()
    )
    # The first purchase is sought of customers and periods, which are fewer than their days.
    rows = with_first(stepped, "customer_id", "_seen", "_first")
    customers = rows.filter(nw.col("step") >= window.first_step)
    opens = periods.first_day_number(nw.col("step"), window.freq)
    counted = customers.with_columns(
        n_active=count(nw.col("_active") > 0),
        n_new=count((nw.col("_active") > 0) & (nw.col("_first") >= opens)),
        _squares=nw.col("_active") * nw.col("_active"),
        _sales_squares=nw.col("sales") * nw.col("sales"),
    ).rename({"_bought": "n_orders", "_active": "n_active_days"})
    money = ("sales", "_sales_squares")
    sums = counted.group_by(*cell).agg(*(nw.col(name).sum() for name in (*SUMS, *money)))
    return collect(sums.with_columns(nw.col("step", *SUMS).cast(nw.Int64)))


def active_counts_at_hand(
    lines: LinesAtHand, by: Sequence[str], window: periods.Window
) -> Columns | None:
    """The same of lines at hand; None where no number holds a segment, a customer and a day."""
    days = periods.first_day_numbers(window)
    until = lines.day < days[-1]
    lines = lines if until.all() else lines.part(until)
    made = purchases_by_day(lines, by) if until.any() else None
    if made is None:
        return None
    sizes = [lines.known[name].size for name in by]
    cells, sums = _sales_of_cells(lines, by, days)
    at, counted = _customers_of_cells(*made, days, int(np.prod(sizes, dtype=np.int64)))
    place = np.searchsorted(cells, at)
    for name, values in counted.items():
        sums[name] = np.zeros(cells.size, np.int64)
        sums[name][place] = values
    rest, step = np.divmod(cells, days.size - 1)
    labels: Columns = {}
    for name in reversed(by):
        rest, number = np.divmod(rest, lines.known[name].size)
        labels[name] = np.asarray(lines.known[name].named(number).to_numpy(), dtype=object)
    return {**labels, "step": step + window.first_step, **sums}


def _sales_of_cells(lines: LinesAtHand, by: Sequence[str], days: Whole) -> tuple[Whole, Columns]:
    """The segments and periods in which there are lines, each as one number, and their sales."""
    inside = lines.day >= days[0]
    segment, size = np.zeros(lines.day.size, np.int64), 1
    for name in by:
        segment = segment * lines.known[name].size + lines.known[name].number
        size *= lines.known[name].size
    steps = days.size - 1
    key = segment[inside] * steps + _places_of_periods(lines.day[inside], days)
    sales = lines.money["sales"][inside]
    cells = KeyedRows(key, size * steps)
    return cells.keys, {"sales": cells.sums(sales), "_sales_squares": cells.sums(sales * sales)}


def _customers_of_cells(
    found: dict[str, Whole], n_orders: Whole, days: Whole, n_segments: int
) -> tuple[Whole, Columns]:
    """The segments and periods in which somebody bought, and what is counted of these."""
    bought = n_orders > 0
    customer, segment, day = (found[name][bought] for name in ("customer", "segment", "day"))
    n_orders = n_orders[bought]
    people = np.flatnonzero(starts_of_runs(customer))
    first = np.repeat(
        np.minimum.reduceat(day, people) if people.size else day,
        np.diff(people, append=day.size),
    )
    inside = day >= days[0]
    customer, segment, day, first, n_orders = (
        values[inside] for values in (customer, segment, day, first, n_orders)
    )
    steps = days.size - 1
    step = _places_of_periods(day, days)
    starts = np.flatnonzero(starts_of_runs((customer * n_segments + segment) * steps + step))
    active_days = np.diff(starts, append=day.size)
    cells = KeyedRows((segment * steps + step)[starts], n_segments * steps)
    orders = np.add.reduceat(n_orders, starts) if starts.size else starts
    whole = {
        "n_active": cells.counts(),
        "n_orders": cells.sums(orders.astype(np.float64)),
        "n_new": cells.counts(first[starts] >= days[step[starts]]),
        "n_active_days": cells.sums(active_days.astype(np.float64)),
        "_squares": cells.sums(active_days.astype(np.float64) ** 2),
    }
    return cells.keys, {name: values.astype(np.int64) for name, values in whole.items()}


def _places_of_periods(day: Whole, days: Whole) -> Whole:
    """The place of each day's period, whose first days are known, and that after the last."""
    place = np.repeat(np.arange(days.size - 1), np.diff(days))
    return np.asarray(place[day - days[0]])

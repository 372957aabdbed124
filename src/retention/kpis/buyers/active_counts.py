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

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

SUMS = ("n_active", "n_orders", "n_new", "n_active_days", "_squares", "_orders_squares")
"""Whole numbers of each segment and period; squares are of the days and orders of each customer."""

MONEY = ("sales", "_sales_squares", "_sales_active", "_sales_orders")
"""Sums over customers: their sales, the squares of these, of active ones alone, times orders."""


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
        The segments, `step`, those of `SUMS` and those of `MONEY`.
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
    bought, active, sales = (nw.col(name) for name in ("_bought", "_active", "sales"))
    counted = customers.with_columns(
        n_active=count(active > 0),
        n_new=count((active > 0) & (nw.col("_first") >= opens)),
        _squares=active * active,
        _orders_squares=bought * bought,
        _sales_squares=sales * sales,
        _sales_active=nw.when(active > 0).then(sales).otherwise(nw.lit(0.0)),
        _sales_orders=sales * bought,
    ).rename({"_bought": "n_orders", "_active": "n_active_days"})
    sums = counted.group_by(*cell).agg(*(nw.col(name).sum() for name in (*SUMS, *MONEY)))
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
    n_segments = int(np.prod([lines.known[name].size for name in by], dtype=np.int64))
    mine, counted = _customers_of_cells(*made, days, n_segments)
    all_bought = bool((made[1] > 0).all())
    people, sales = _sales_of_buyers(lines, by, days, mine if all_bought else None)
    cells = KeyedRows(people % (n_segments * (days.size - 1)), n_segments * (days.size - 1))
    sums: Columns = {"sales": cells.sums(sales), "_sales_squares": cells.sums(sales * sales)}
    place = np.searchsorted(people, mine)
    counted |= {"_sales_active": sales[place], "_sales_orders": sales[place] * counted["n_orders"]}
    for name, values in counted.items():
        total = cells.sums(values.astype(np.float64), place)
        sums[name] = total.astype(np.int64) if name in SUMS else total
    rest, step = np.divmod(cells.keys, days.size - 1)
    labels: Columns = {}
    for name in reversed(by):
        rest, number = np.divmod(rest, lines.known[name].size)
        labels[name] = np.asarray(lines.known[name].named(number).to_numpy(), dtype=object)
    return {**labels, "step": step + window.first_step, **sums}


def _sales_of_buyers(
    lines: LinesAtHand, by: Sequence[str], days: Whole, known: Whole | None
) -> tuple[Whole, Floats]:
    """The customers, segments and periods with lines, each as one number, and their sales.

    They may be `known` already.
    """
    inside = lines.day >= days[0]
    whole, day = bool(inside.all()), lines.day
    key, size = lines.known["customer_id"].number, lines.known["customer_id"].size
    for name in by:
        key = key * lines.known[name].size + lines.known[name].number
        size *= lines.known[name].size
    steps, sales = days.size - 1, lines.money["sales"]
    if not whole:
        key, day, sales = key[inside], day[inside], sales[inside]
    people = KeyedRows(key * steps + _places_of_periods(day, days), size * steps, known)
    return people.keys, people.sums(sales)


def _customers_of_cells(
    found: dict[str, Whole], n_orders: Whole, days: Whole, n_segments: int
) -> tuple[Whole, Columns]:
    """The customers, segments and periods with a purchase, as one number, and what is counted."""
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
    step = _places_of_periods(day, days)
    key = (customer * n_segments + segment) * (days.size - 1) + step
    starts = np.flatnonzero(starts_of_runs(key))
    active_days = np.diff(starts, append=day.size)
    orders = np.add.reduceat(n_orders, starts) if starts.size else starts
    return key[starts], {
        "n_active": np.ones(starts.size, np.int64),
        "n_orders": orders,
        "n_new": first[starts] >= days[step[starts]],
        "n_active_days": active_days,
        "_squares": active_days**2,
        "_orders_squares": orders**2,
    }


def _places_of_periods(day: Whole, days: Whole) -> Whole:
    """The place of each day's period, whose first days are known, and that after the last."""
    place = np.repeat(np.arange(days.size - 1), np.diff(days))
    return np.asarray(place[day - days[0]])

"""Who was active in which period, on how many days, for the first time or again: counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.from_purchases import rows_with_steps
from retention.activity.purchases_at_hand import purchases_by_day
from retention.frames import (
    collect,
    count,
    grouped_with_days,
    keeps_tables,
    sums_beside_firsts,
    with_first,
)
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

_MOST_DAYS = {"day": 1, "week": 7, "month": 31}
"""How many days short periods have at most."""


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
    until = lines.filter(
        nw.col("_date") < periods.day_literal(window.is_over, lines.implementation)
    )
    stepped = _buyers_of_periods(until, by, window.freq, plain=plain)
    counted = stepped.with_columns(
        n_active=count(nw.col("n_active_days") > 0),
        _squares=nw.col("n_active_days") * nw.col("n_active_days"),
        _sales_squares=nw.col("sales") * nw.col("sales"),
    )
    told = [name for name in (*SUMS, "sales", "_sales_squares") if name != "n_new"]
    found = None
    if not by:
        found = sums_beside_firsts(
            counted, "customer_id", "step", came="n_active", new="n_new", sums=told
        )
    if found is None:
        came = nw.when(nw.col("n_active") > 0).then(nw.col("step"))
        rows = with_first(counted.with_columns(_came=came), "customer_id", "_came", "_first")
        rows = rows.with_columns(n_new=count(nw.col("_came") == nw.col("_first")))
        found = rows.group_by(*by, "step").agg(*(nw.col(name).sum() for name in (*told, "n_new")))
    found = found.filter(nw.col("step") >= window.first_step)
    return collect(found.with_columns(nw.col("step", *SUMS).cast(nw.Int64)))


def _buyers_of_periods(lines: Frame, by: Sequence[str], freq: str, *, plain: bool) -> Frame:
    """Each customer in each segment and period: purchases, days with one, and sales."""
    cell = ["customer_id", *by, "step"]
    by_day = "order_id" not in lines.collect_schema()  # an order is a day of a customer
    if plain and by_day and freq in _MOST_DAYS and keeps_tables(lines):
        days = rows_with_steps(lines, freq)
        found = grouped_with_days(
            days, cell, sums=["sales"], least=[], day="_day", longest=_MOST_DAYS[freq]
        )
        found = found.with_columns(n_active_days=nw.col("n_days").cast(nw.Int64))
        return found.with_columns(n_orders=nw.col("n_active_days")).drop("n_days")
    days = netted_orders(lines, "_date", by=by, plain=plain)
    if not by_day:
        days = days.group_by("customer_id", *by, "_date").agg(
            *(nw.col(name).sum() for name in ("_bought", "sales"))
        )
        days = days.with_columns(n_active_days=count(nw.col("_bought") > 0))
    # Without order ids the days on which somebody bought are the purchases, and summed once.
    told = ["n_active_days"] * (not by_day)
    stepped = rows_with_steps(days, freq).group_by(*cell)
    sums = stepped.agg(*(nw.col(name).sum() for name in ("_bought", *told, "sales")))
    whole = nw.col(*told, "_bought").cast(nw.Int64)  # DuckDB sums to 128 bits
    rows = sums.with_columns(whole).rename({"_bought": "n_orders"})
    return rows if told else rows.with_columns(n_active_days=nw.col("n_orders"))


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

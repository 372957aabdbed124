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

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

SUMS = ("n_active", "n_orders", "n_new", "n_active_days", "_squares", "_orders_squares")
"""Whole numbers of each segment and period; squares are of the days and orders of each customer."""

MONEY = ("sales", "_sales_squares", "_sales_active", "_sales_orders")
"""Sums over customers: their sales, the squares of these, of active ones alone, times orders."""

_TERMS = {
    "n_active": ("n_active",),
    "n_orders": ("n_orders",),
    "n_active_days": ("n_active_days",),
    "_squares": ("n_active_days", "n_active_days"),
    "_orders_squares": ("n_orders", "n_orders"),
    "sales": ("sales",),
    "_sales_squares": ("sales", "sales"),
    "_sales_active": ("sales", "n_active"),
    "_sales_orders": ("sales", "n_orders"),
}
"""What of each customer is multiplied, and then added up."""

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
        The segments, `step`, those of `SUMS` and those of `MONEY`.
    """
    until = lines.filter(
        nw.col("_date") < periods.day_literal(window.is_over, lines.implementation)
    )
    stepped = _buyers_of_periods(until, by, window.freq, plain=plain)
    rows = stepped.with_columns(n_active=count(nw.col("n_active_days") > 0))
    found = None
    if not by:
        found = sums_beside_firsts(
            rows, "customer_id", "step", came="n_active", new="n_new", sums=_TERMS
        )
    if found is None:
        came = nw.when(nw.col("n_active") > 0).then(nw.col("step"))
        rows = with_first(rows.with_columns(_came=came), "customer_id", "_came", "_first")
        rows = rows.with_columns(n_new=count(nw.col("_came") == nw.col("_first")))
        made = {
            name: nw.col(terms[0]) * nw.col(terms[1])
            for name, terms in _TERMS.items()
            if len(terms) > 1
        }
        sums = rows.with_columns(**made).group_by(*by, "step")
        found = sums.agg(*(nw.col(name).sum() for name in (*_TERMS, "n_new")))
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

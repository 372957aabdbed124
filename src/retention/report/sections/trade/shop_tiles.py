"""The figures a shop is run by: who bought, how often, for how much, and who came again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention import periods
from retention.catalogue import figure
from retention.errors import count_of
from retention.findings.likely_to_leave import WITHIN
from retention.frames.python_rows import rows_as_dicts
from retention.kpis.buyers.active_customers import active_customers
from retention.kpis.buyers.repeat_rate import repeat_rate
from retention.kpis.buyers.time_to_next_order import time_to_next_order
from retention.report.material import A_YEAR
from retention.report.parts import Card
from retention.report.sections.trade.tracks import (
    Track,
    cards_of_tracks,
    name_of_step,
    rate_of_enough,
)
from retention.wording import as_date, days

if TYPE_CHECKING:
    from retention.report.material import Material

Row = dict[str, Any]


def buyers_by_period(material: Material) -> Any:
    """A row per whole period. Of a log cut at the front a year passes before anybody is new."""
    asked = material.asked
    return material.once(
        "active_customers",
        lambda: active_customers(
            material.table,
            freq=asked.freq,
            as_of=asked.as_of,
            observed_from=asked.observed_from,
            washout=0 if asked.history == "whole" else A_YEAR[periods.length_of(asked.freq)],
            level=asked.level,
        ),
    )


def second_orders(material: Material) -> Any:
    """From the first order to the second; None where first orders are not known, or too few."""
    asked = material.asked
    if asked.history == "cut":
        return None
    table = material.once(
        "time_to_next_order",
        lambda: time_to_next_order(material.table, as_of=asked.as_of, level=asked.level),
    )
    rows = rows_as_dicts(table, order=("duration",))
    return table if rows and rows[0]["n_customers"] >= material.smallest else None


def rows_of_repeat_rate(material: Material) -> list[Row]:
    """By the period of the first order, those followed long enough; none where that is unknown."""
    asked = material.asked
    if asked.history == "cut":
        return []
    table = material.once(
        "repeat_rate",
        lambda: repeat_rate(
            material.table, within=WITHIN, as_of=asked.as_of, freq=asked.freq, level=asked.level
        ),
    )
    rows = rows_as_dicts(table, order=("period",))
    return [row for row in rows if row["n_followed"] == row["n_customers"]]


def cards_of_shop(material: Material) -> list[Card]:
    """Customers, sales, orders, what an order is worth, and who comes again how soon."""
    rows = rows_as_dicts(buyers_by_period(material), order=("step",))
    tracks = [*_tracks_of_buyers(material, rows), _track_of_repeats(material)]
    return [*cards_of_tracks(tracks), *_card_of_second_order(material)]


def _tracks_of_buyers(material: Material, rows: list[Row]) -> list[Track]:
    """Of each period: its customers; of enough of them what they ordered and spent."""
    freq, least, steps = material.freq, material.smallest, tuple(row["step"] for row in rows)
    told = f"in {name_of_step(steps[-1], freq)}"
    some = f"of {count_of(rows[-1]['n_active'], 'customer')} {told}"

    def track(label: str, unit: Any, names: tuple[str, ...], at_least: int, of: str) -> Track:
        rates = tuple(rate_of_enough(row, names, row["n_active"], at_least) for row in rows)
        return Track(label, unit, freq, steps, rates, of)

    value = "average_order_value"
    bounds = (value, f"{value}_lower", f"{value}_upper")
    return [
        track("Customers who bought", "count", ("n_active",), 0, told),
        track("Sales", "sum", ("sales",), least, f"from {some.removeprefix('of ')}"),
        track(figure(value).label, "mean", bounds, least, some),
        track("Orders per customer", "ratio", ("orders_per_customer",), least, some),
    ]


def _track_of_repeats(material: Material) -> Track:
    """Of the customers of a period's first orders, the share that ordered again in time."""
    rows, freq = rows_of_repeat_rate(material), material.freq
    steps = tuple(periods.step_of(as_date(row["period"]), freq) for row in rows)
    names = ("repeat_rate", "lower", "upper")
    rates = tuple(rate_of_enough(row, names, row["n_followed"], material.smallest) for row in rows)
    told = ""
    if rows:
        many = count_of(rows[-1]["n_followed"], "first order")
        told = f"of {many} in {name_of_step(steps[-1], freq)}"
    label = f"{figure('repeat_rate').label} within {days(WITHIN)}"
    return Track(label, "share", freq, steps, rates, told)


def _card_of_second_order(material: Material) -> list[Card]:
    """By when half of those who ordered once had ordered again."""
    table = second_orders(material)
    row = None if table is None else rows_as_dicts(table, order=("duration",))[0]
    if row is None or row["median_days"] is None:
        return []
    ends = [row["median_days_lower"], row["median_days_upper"]]
    bounds = "" if None in ends else f"{days(ends[0])} to {days(ends[1])}, "
    many = count_of(row["n_customers"], "first order")
    told = f"{bounds}of {many}"
    label = "Half have ordered again within"
    return [Card(label, days(row["median_days"]), told, "over the whole file")]

"""Who came in each period, how often and for how much, and how soon a first order has a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention import periods
from retention.errors import count_of
from retention.frames.python_rows import rows_as_dicts
from retention.plots.asked.buyer_plots import plot_active_customers, plot_time_to_next_order
from retention.report.drawing import pictures_of_plot
from retention.report.material import A_YEAR
from retention.report.parts import Grid, Picture, Section
from retention.report.sections.trade.shop_tiles import buyers_by_period, second_orders
from retention.wording import bounds_text, days, money, number, percent, spoken_period, with_commas

if TYPE_CHECKING:
    from retention.report.material import Material

_HEADING = "Who comes, and who comes again"
_SHOWN = 9
_TIMES = (7, 14, 30, 60, 90, 180, 365, 730)

Row = dict[str, Any]


def came_section(material: Material) -> Section:
    """Active customers, their orders and what they spent, new ones apart; then the second order."""
    table = buyers_by_period(material)
    rows = rows_as_dicts(table, order=("step",))
    grids, named = (
        [_grid_of_periods(material, rows)],
        spoken_period(rows[-1]["period"], material.freq),
    )
    if not rows[-1]["n_active"]:
        return Section("came", _HEADING, f"Nobody bought in {named}.", grids=tuple(grids))
    finding = _sentence_on_latest(material, rows)
    pictures = _picture_of_periods(material, table, rows)
    told = second_orders(material)
    curve = [] if told is None else rows_as_dicts(told, order=("duration",))
    if curve:
        finding += f" {_sentence_on_second_order(curve)}"
        grids.append(_grid_of_returns(curve))
        pictures += _picture_of_curve(material, told, curve)
    notes = tuple(_notes(material, bool(curve)))
    return Section("came", _HEADING, finding, pictures=pictures, grids=tuple(grids), notes=notes)


def _picture_of_periods(material: Material, table: Any, rows: list[Row]) -> tuple[Picture, ...]:
    first, last = rows[0], rows[-1]
    ends = " to ".join(
        f"{with_commas(row['n_active'])} in {spoken_period(row['period'], material.freq)}"
        for row in (first, last)
    )
    return pictures_of_plot(
        material,
        plot_active_customers,
        table,
        title=f"Customers who bought, by {material.freq}",
        told=f"A bar per {material.freq}, new customers hatched on top: {ends}.",
        finding=_beside_earlier(material, rows),
    )


def _picture_of_curve(material: Material, table: Any, curve: list[Row]) -> tuple[Picture, ...]:
    seen = [(time, _row_at(curve, time)) for time in _TIMES if time <= curve[-1]["duration"]]
    shares = "; ".join(f"{days(time)}: {percent(row['returned_share'])}" for time, row in seen)
    return pictures_of_plot(
        material,
        plot_time_to_next_order,
        table,
        title="Share that ordered a second time, by days since the first order",
        told=shares or "Nobody was watched for a week after a first order.",
        finding=_sentence_on_second_order(curve).removesuffix("."),
    )


def _sentence_on_latest(material: Material, rows: list[Row]) -> str:
    """The latest period: how many, beside a year before, how often, for how much, how many new."""
    row = rows[-1]
    said = _beside_earlier(material, rows)
    said += (
        f": {number(row['orders_per_customer'])} orders each, {money(row['average_order_value'])} "
        "an order"
    ) * (row["n_active"] >= material.smallest)
    if row["new_share"] is not None:
        said += f"; {percent(row['new_share'])} of them were new"
    return f"{said}."


def _beside_earlier(material: Material, rows: list[Row]) -> str:
    """How many bought in the latest period, and how many more or fewer a year before."""
    row = rows[-1]
    named = spoken_period(row["period"], material.freq)
    said = f"{count_of(row['n_active'], 'customer')} bought in {named}"
    apart = A_YEAR[periods.length_of(material.freq)]
    if len(rows) > apart and rows[-1 - apart]["n_active"]:
        before = rows[-1 - apart]
        more = row["n_active"] / before["n_active"] - 1
        then = spoken_period(before["period"], material.freq)
        how = f"{percent(abs(more))} {'more' if more > 0 else 'fewer'} than" if more else "as in"
        said += f", {how} in {then}" if more else f", {how} {then}"
    return said


def _sentence_on_second_order(curve: list[Row]) -> str:
    """By when half of those who ordered once had ordered again, or how many within a round time."""
    row = curve[0]
    if row["median_days"] is not None:
        low, high = row["median_days_lower"], row["median_days_upper"]
        known = low is not None and high is not None
        bounds = f" ({with_commas(low)} to {days(high)})" if known else ""
        half = f"{days(row['median_days'])}{bounds}"
        return f"Half of those who order once have ordered again within {half}."
    seen = [(time, _row_at(curve, time)) for time in _TIMES if time <= curve[-1]["duration"]]
    if not seen:
        return "Nobody was watched for a week after a first order."
    time, row = seen[-1]
    share = f"{percent(row['returned_share'])}{_in_brackets(row)}"
    return f"Of those who order once {share} have ordered again within {days(time)}."


def _row_at(curve: list[Row], time: float) -> Row:
    """The last row of a curve up to a time; before the first, nobody is back."""
    found = [row for row in curve if row["duration"] <= time]
    return found[-1] if found else {**curve[0], "returned_share": 0.0, "lower": None, "upper": None}


def _in_brackets(row: Row) -> str:
    if row["lower"] is None or row["upper"] is None:
        return ""
    return f" ({percent(row['lower'])} to {percent(row['upper'])})"


def _grid_of_periods(material: Material, rows: list[Row]) -> Grid:
    lines = [
        (
            spoken_period(row["period"], material.freq),
            with_commas(row["n_active"]),
            with_commas(row["n_new"]),
            with_commas(row["n_returning"]),
            percent(row["new_share"]),
            *_means_of_period(material, row),
        )
        for row in reversed(rows[-_SHOWN:])
    ]
    heads = ("New", "Returning", "New share", "Orders each", "Per order", "Per customer")
    return Grid(
        f"Customers who bought, by {material.freq}, newest first",
        (material.freq.capitalize(), "Customers", *heads),
        tuple(lines),
    )


def _means_of_period(material: Material, row: Row) -> tuple[str, str, str]:
    """Orders of a customer, what an order and a customer brought; dashes of too few customers."""
    if row["n_active"] < material.smallest:
        return number(None), money(None), money(None)
    means = money(row["average_order_value"]), money(row["sales_per_customer"])
    return number(row["orders_per_customer"]), *means


def _grid_of_returns(curve: list[Row]) -> Grid:
    lines = [
        (days(time), percent(row["returned_share"]), _bounds_in_cell(row))
        for time in _TIMES
        if time <= curve[-1]["duration"]
        for row in [_row_at(curve, time)]
    ]
    return Grid(
        f"Of {count_of(curve[0]['n_customers'], 'first order')}, the share with a second by then",
        ("After", "Ordered again", "Bounds"),
        tuple(lines),
    )


def _bounds_in_cell(row: Row) -> str:
    if row["lower"] is None or row["upper"] is None:
        return "–"
    return bounds_text(percent(row["lower"]), percent(row["upper"]))


def _notes(material: Material, has_curve: bool) -> list[str]:
    told = [
        "New is who buys for the first time in the file; returning, whoever bought before the "
        f"{material.freq}. Money is net of refunds, also of customers who bought nothing else."
    ]
    if material.asked.history == "cut":
        told.append(
            "Older orders are missing: in the first year nobody is called new, and which orders "
            "are first ones is not known."
        )
    if has_curve:
        told.append(
            "Second orders are a Kaplan–Meier curve: customers who came lately count as long as "
            "they were seen. Orders of one day are one."
        )
    return told

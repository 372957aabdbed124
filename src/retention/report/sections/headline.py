"""The headline figures, and Buttle's three rates period by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention import periods
from retention.catalogue import figure
from retention.errors import count_of
from retention.findings.changes import Rate
from retention.plots.retention_plot import plot_retention
from retention.report.drawing import pictures_of_plot
from retention.report.parts import Grid, Section
from retention.report.sections.trade.shop_tiles import cards_of_shop
from retention.report.sections.trade.subscription_tiles import cards_of_subscription
from retention.report.sections.trade.tracks import (
    Track,
    cards_of_tracks,
    change_since_earlier,
    earlier_row,
)
from retention.wording import bounds_text, percent, spoken_period, with_commas

if TYPE_CHECKING:
    from retention.report.material import Material

RATES = ("retention_rate", "sales_adjusted_retention", "profit_adjusted_retention")
_OF = {
    "retention_rate": "of the customers",
    "sales_adjusted_retention": "of their sales",
    "profit_adjusted_retention": "of their profit",
}
_ONE_PERIOD = "Only one whole {freq} was observed, so nobody can say yet who was kept."
_SHOWN = 9


def known_rates(material: Material) -> list[str]:
    """Those of the three rates that the table can tell."""
    return [name for name in RATES if any(row[name] is not None for row in material.kpis)]


def headline_section(material: Material) -> Section:
    """The latest figures, each with its bounds, its change and a small line of its past."""
    of_trade = cards_of_subscription if material.of_contracts else cards_of_shop
    cards = (*cards_of_tracks(_tracks_of_rates(material)), *of_trade(material))
    if not material.kpis:
        said = _ONE_PERIOD.format(freq=material.freq)
        return Section("headline", "Headline figures", said, cards=cards)
    row, then = material.kpis[-1], earlier_row(material)
    named = spoken_period(row["period"], material.freq)
    told = change_since_earlier(material, "retention_rate").in_words()
    against = "" if then is None else f" against {spoken_period(then['period'], material.freq)}"
    finding = (
        f"Of the {with_commas(row['n_base'])} customers of {named}, "
        f"{with_commas(row['n_retained'])} ({percent(row['retention_rate'])}) were kept: "
        f"{told}{against}."
    )
    return Section("headline", "Headline figures", finding, cards=cards)


def _tracks_of_rates(material: Material) -> list[Track]:
    """The rates that the table can tell; of contracts that of customers, revenue has its own."""
    names = known_rates(material)[: 1 if material.of_contracts else None]
    if not names:
        return []
    row, freq = material.kpis[-1], material.freq
    base = f"of {count_of(row['n_base'], 'customer')} of {spoken_period(row['period'], freq)}"
    steps = tuple(row["step"] for row in material.kpis)
    return [
        Track(
            figure(name).label,
            "share",
            freq,
            steps,
            tuple(Rate.of(row, name) for row in material.kpis),
            base,
            figure(name).better,
        )
        for name in names
    ]


def three_rates_section(material: Material) -> Section:
    """Of customers, of their sales, of their profit: what was kept."""
    freq, heading = material.freq, "What was kept: customers, sales, profit"
    if not material.kpis:
        return Section("rates", heading, _ONE_PERIOD.format(freq=freq))
    pictures = pictures_of_plot(
        material,
        plot_retention,
        material.kpi_table,
        title="What was kept, period by period",
        told=_picture_in_words(material),
        target=material.asked.goal,
        finding=_rate_in_short(material),
    )
    return Section(
        "rates",
        heading,
        _who_stays(material),
        pictures=pictures,
        grids=(_grid_of_rates(material),),
        notes=(_base_of_rates(material),),
    )


def _rate_in_short(material: Material) -> str:
    """That the rate of customers rose or fell, where the bounds allow to say so."""
    row, then = material.kpis[-1], earlier_row(material)
    now, named = percent(row[RATES[0]]), spoken_period(row["period"], material.freq)
    found = change_since_earlier(material, RATES[0])
    if then is None or found.value is None:
        return f"Retention was {now} in {named}"
    before = spoken_period(then["period"], material.freq)
    if not found.is_clear:
        return f"Retention was {now} in {named}: no clear change against {before}"
    moved = "rose" if found.value > 0 else "fell"
    return f"Retention {moved} to {now} in {named}, from {percent(then[RATES[0]])} in {before}"


def _base_of_rates(material: Material) -> str:
    """By which period a rate stands, and whether the latest one can have its rate yet."""
    freq = material.freq
    if material.of_contracts:
        return (
            f"A rate stands by the {freq} whose customers it is of: those under contract as it "
            f"opens, and of them who still is as it closes."
        )
    latest = spoken_period(periods.first_day(material.steps[1], freq), freq)
    return (
        f"A rate stands by the {freq} whose customers it is of. The latest whole {freq}, {latest}, "
        "has none: who of its customers stays is not known yet."
    )


def _who_stays(material: Material) -> str:
    """Whether those who stay are the large customers, as far as the bounds tell."""
    row = material.kpis[-1]
    raw, sales = Rate.of(row, RATES[0]), Rate.of(row, RATES[1])
    if sales.value is None:
        return f"{percent(raw.value)} of the customers were kept; their sales are not known."
    start = (
        f"With the {percent(raw.value)} of customers who stayed, {percent(sales.value)} of the "
        "sales stayed"
    )
    if not (raw.is_known and sales.is_known):
        return f"{start}; too few to say which customers stay."
    if sales.lower > raw.upper:  # type: ignore[operator]
        return f"{start}: those who leave are the smaller customers."
    if sales.upper < raw.lower:  # type: ignore[operator]
        return f"{start}: those who leave are the larger customers."
    return f"{start}: no clear difference between large and small customers."


def _picture_in_words(material: Material) -> str:
    """The picture in words."""
    last = material.kpis[-1]
    known = [row for row in material.kpis if row[RATES[0]] is not None]
    if not known:
        return f"Nothing: no {material.freq} had customers who could be kept to the next."
    first = known[0]
    parts = [
        f"{_OF[name].removeprefix('of ')}: {percent(first[name])} to {percent(last[name])}"
        for name in known_rates(material)
    ]
    begins = spoken_period(first["period"], material.freq)
    if len(material.kpis) == 1:
        only = "; ".join(part.rpartition(" to ")[0] for part in parts)
        return f"A point each, with bounds, of {begins}: {only}."
    span = f"{begins} to {spoken_period(last['period'], material.freq)}"
    return f"A line each, with bounds, from {span}. First and last: {'; '.join(parts)}."


def _grid_of_rates(material: Material) -> Grid:
    names = known_rates(material)
    rows = [
        (
            spoken_period(row["period"], material.freq),
            with_commas(row["n_base"]),
            with_commas(row["n_retained"]),
            *(cell for name in names for cell in _rate_with_bounds(row, name)),
        )
        for row in reversed(material.kpis[-_SHOWN:])
    ]
    heads = [head for name in names for head in (_OF[name].capitalize(), "Bounds")]
    return Grid(
        f"The latest {count_of(len(rows), 'row')} of base {material.freq}s, newest first",
        (material.freq.capitalize(), "Customers", "Kept", *heads),
        tuple(rows),
    )


def _rate_with_bounds(row: dict[str, Any], name: str) -> tuple[str, str]:
    rate = Rate.of(row, name)
    bounds = bounds_text(percent(rate.lower), percent(rate.upper)) if rate.is_known else "–"
    return percent(rate.value), bounds

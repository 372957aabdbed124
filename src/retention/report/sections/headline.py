"""The headline figures, and Buttle's three rates period by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention import periods
from retention.catalogue import figure
from retention.errors import count_of
from retention.findings.changes import Change, Rate, change_of_rates
from retention.plots.retention_plot import plot_retention
from retention.report.drawing import pictures_of_plot
from retention.report.material import A_YEAR
from retention.report.parts import Card, Grid, Section
from retention.wording import bounds_text, money, percent, spoken_period, with_commas

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


def earlier_row(material: Material) -> dict[str, Any] | None:
    """The row to compare the latest with: a year before, else the period before, else none."""
    kpis, apart = material.kpis, A_YEAR[periods.length_of(material.freq)]
    if len(kpis) > apart:
        return kpis[-1 - apart]
    return kpis[-2] if len(kpis) > 1 else None


def change_since_earlier(material: Material, name: str) -> Change:
    """How a rate of the latest base period differs from that of the earlier one."""
    before = earlier_row(material)
    if before is None:
        return Change(None, None, None)
    return change_of_rates(Rate.of(before, name), Rate.of(material.kpis[-1], name))


def known_rates(material: Material) -> list[str]:
    """Those of the three rates that the table can tell."""
    return [name for name in RATES if any(row[name] is not None for row in material.kpis)]


def headline_section(material: Material) -> Section:
    """The latest figures, each with its bounds, its change and a small line of its past."""
    if not material.kpis:
        said = _ONE_PERIOD.format(freq=material.freq)
        return Section("headline", "Headline figures", said)
    row, then = material.kpis[-1], earlier_row(material)
    named = spoken_period(row["period"], material.freq)
    told = change_since_earlier(material, "retention_rate").in_words()
    against = "" if then is None else f" against {spoken_period(then['period'], material.freq)}"
    finding = (
        f"Of the {with_commas(row['n_base'])} customers of {named}, "
        f"{with_commas(row['n_retained'])} ({percent(row['retention_rate'])}) were kept: "
        f"{told}{against}."
    )
    cards = [_card_of_rate(material, name) for name in known_rates(material)]
    cards.append(_card_of_customers(material))
    if any(one["sales_base"] is not None for one in material.kpis):
        cards.append(_card_of_sales(material))
    return Section("headline", "Headline figures", finding, cards=tuple(cards))


def _card_of_rate(material: Material, name: str) -> Card:
    """One rate of the latest base period."""
    rate, difference = Rate.of(material.kpis[-1], name), change_since_earlier(material, name)
    bounds = (
        f"{percent(rate.lower)} to {percent(rate.upper)}" if rate.is_known else "too few for bounds"
    )
    return Card(
        figure(name).label,
        percent(rate.value),
        bounds,
        _words_since_earlier(material, difference.in_words()),
        difference.verdict(figure(name).better),
        tuple(row[name] for row in material.kpis),
    )


def _card_of_customers(material: Material) -> Card:
    row, then = material.kpis[-1], earlier_row(material)
    return Card(
        "Customers",
        with_commas(row["n_base"]),
        f"in {spoken_period(row['period'], material.freq)}",
        _words_since_earlier(
            material, _change_in_percent(row["n_base"], then["n_base"] if then else None)
        ),
        trend=tuple(one["n_base"] for one in material.kpis),
    )


def _card_of_sales(material: Material) -> Card:
    row, then = material.kpis[-1], earlier_row(material)
    return Card(
        "Sales to them",
        money(row["sales_base"]),
        f"in {spoken_period(row['period'], material.freq)}",
        _words_since_earlier(
            material, _change_in_percent(row["sales_base"], then["sales_base"] if then else None)
        ),
        trend=tuple(one["sales_base"] for one in material.kpis),
    )


def _change_in_percent(now: float | None, before: float | None) -> str:
    """How many percent more or less: a count of all there were has no bounds."""
    if not before or now is None or before < 0:
        return "no change can be told"
    change_ = now / before - 1
    return f"{'up' if change_ > 0 else 'down'} {percent(abs(change_))}" if change_ else "unchanged"


def _words_since_earlier(material: Material, words: str) -> str:
    then = earlier_row(material)
    if then is None:
        return words
    return f"{words} since {spoken_period(then['period'], material.freq)}"


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
    )
    return Section(
        "rates",
        heading,
        _who_stays(material),
        pictures=pictures,
        grids=(_grid_of_rates(material),),
        notes=(_base_of_rates(material),),
    )


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
    first, last = material.kpis[0], material.kpis[-1]
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

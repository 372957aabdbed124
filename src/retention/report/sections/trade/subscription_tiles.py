"""The figures a subscription business is run by: recurring revenue, what is kept of it, why not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.catalogue import figure
from retention.errors import count_of
from retention.findings.changes import Rate
from retention.findings.likely_to_leave import WITHIN
from retention.frames import as_lazy, one_row
from retention.frames.python_rows import rows_as_dicts
from retention.kpis.revenue.movements import revenue_movements
from retention.kpis.revenue.rates import (
    gross_revenue_retention,
    net_revenue_retention,
    quick_ratio,
)
from retention.report.material import A_YEAR
from retention.report.parts import Card
from retention.report.sections.trade.tracks import (
    Track,
    cards_of_tracks,
    name_of_step,
    places_to_hide,
    rate_of_enough,
)
from retention.targeting.offers.due_for_renewal import due_for_renewal
from retention.wording import days, money, with_commas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.report.material import Material
    from retention.report.sections.trade.tracks import Unit

    Head = tuple[str, Unit, str]

Row = dict[str, Any]

_RECURRING = {"month": "MRR", "year": "ARR"}
_KEPT = {
    "net_revenue_retention": net_revenue_retention,
    "gross_revenue_retention": gross_revenue_retention,
}


MOVES = (
    ("New", "new", "n_new", 1),
    ("Won back", "reactivated", "n_reactivated", 1),
    ("Expansion", "expansion", "n_expanded", 1),
    ("Contraction", "contraction", "n_contracted", -1),
    ("Churned", "churned", "n_churned", -1),
)
"""Of the movements the word, the amount, the count, and whether it adds."""


def name_of_recurring(material: Material) -> str:
    """What the trade calls what contracts bring a period."""
    return _RECURRING.get(periods.length_of(material.freq), f"Revenue a {material.freq}")


def movements_of_revenue(material: Material) -> tuple[Any, list[Row]]:
    """The movements, and its rows by the period they happened in; none where sales are not known.

    What an activity of contracts says of an opening happened in the period before it: the row of
    January is what came and went in December, and its end what December closes with.
    """
    if not any(row["sales_base"] is not None for row in material.kpis):
        return None, []
    table = material.once("revenue_movements", lambda: revenue_movements(material.activity))
    rows = rows_as_dicts(table, order=("step",))
    return table, [{**row, "step": row["step"] - 1} for row in rows]


def span_of_rates(material: Material) -> int:
    """Over how many periods revenue is said to be kept: a year's, or one where less was seen."""
    first, last = material.steps
    apart = A_YEAR[periods.length_of(material.freq)]
    return apart if last + 1 - first >= apart else 1


def rows_of_kept(material: Material, name: str) -> list[Row]:
    """Net or gross revenue retention, by the period in which its time closes."""
    _, moved = movements_of_revenue(material)
    if len(moved) < 2:
        return []
    lag = span_of_rates(material)
    make = _KEPT[name]
    say: dict[str, Any] = {"lag": lag, "level": material.asked.level}
    rows = rows_as_dicts(
        material.once(name, lambda: make(material.activity, **say)), order=("step",)
    )
    return [{**row, "step": row["step"] + lag - 1} for row in rows]


def rows_of_quick_ratio(material: Material) -> list[Row]:
    """What was gained for each unit lost, by the period in which its time closes."""
    _, moved = movements_of_revenue(material)
    if len(moved) < 2:
        return []
    lag = span_of_rates(material)
    table = material.once("quick_ratio", lambda: quick_ratio(material.activity, lag=lag))
    rows = rows_as_dicts(table, order=("step",))
    return [{**row, "step": row["step"] - 1} for row in rows]


def over_the_span(material: Material) -> str:
    """Over what time rates of revenue are, in words."""
    return f"over {count_of(span_of_rates(material), material.freq)}"


def cards_of_subscription(material: Material) -> list[Card]:
    """Recurring revenue, what is kept of it, customers, what came and went, and who is due."""
    _, moved = movements_of_revenue(material)
    tracks = []
    if moved:
        revenue, customers, each = _tracks_of_base(material, moved)
        kept = [_track_of_kept(material, name) for name in _KEPT]
        tracks = [revenue, *kept, customers, each, _track_of_quick_ratio(material)]
        tracks += _tracks_of_movements(material, moved)
    return [*cards_of_tracks(tracks), *_card_of_renewals(material)]


def _track_of_rows(
    material: Material, head: Head, rows: Sequence[Row], names: tuple[str, ...]
) -> Track:
    """A figure of rows that know how many customers are behind it, `_n`: where that is enough."""
    label, unit, told = head
    steps = tuple(row["step"] for row in rows)
    rates = tuple(rate_of_enough(row, names, row["_n"] or 0, material.smallest) for row in rows)
    return Track(label, unit, material.freq, steps, rates, told)


def _tracks_of_base(material: Material, moved: list[Row]) -> list[Track]:
    """Revenue at the close of each period, its customers, and what one of them brings."""
    rows = [
        {
            **row,
            "_n": row["n_end"],
            "each": row["sales_end"] / row["n_end"] if row["n_end"] else None,
        }
        for row in moved
    ]
    last, freq = rows[-1], material.freq
    named = name_of_step(last["step"], freq)
    told = f"of {count_of(last['n_end'], 'customer')} as {named} closed"
    head: Head = (name_of_recurring(material), "sum", told)
    revenue = _track_of_rows(material, head, rows, ("sales_end",))
    everybody = tuple(Rate(float(row["n_end"]), None, None) for row in rows)
    customers = Track("Customers", "count", freq, revenue.steps, everybody, f"as {named} closed")
    arpa: Head = ("Revenue per customer (ARPA)", "sum", f"a {freq}, {told}")
    return [revenue, customers, _track_of_rows(material, arpa, rows, ("each",))]


def _track_of_kept(material: Material, name: str) -> Track:
    """Net or gross revenue retention, with its bounds."""
    rows = [{**row, "_n": row["n_base"]} for row in rows_of_kept(material, name)]
    told = f"{over_the_span(material)}, of {rows[-1]['n_base']:,} customers" if rows else ""
    return _track_of_rows(
        material, (figure(name).label, "share", told), rows, (name, "lower", "upper")
    )


def _track_of_quick_ratio(material: Material) -> Track:
    rows = [
        {**row, "_n": min(row["n_gained"], row["n_lost"])} for row in rows_of_quick_ratio(material)
    ]
    told = f"gained for each 1 lost, {over_the_span(material)}"
    head: Head = (figure("quick_ratio").label, "ratio", told)
    return _track_of_rows(material, head, rows, ("quick_ratio",))


def _hidden_moves(material: Material, row: Row) -> set[int]:
    return places_to_hide([row[n] for *_, n, _ in MOVES], material.smallest)


def _tracks_of_movements(material: Material, moved: list[Row]) -> list[Track]:
    """What new customers brought and what lost ones took, period by period."""
    found = []
    rows = [row for row in moved if row["n_start"] is not None]
    for word, name, better in (("New", "new", "higher"), ("Churned", "churned", "lower")):
        place = [move for _, move, _, _ in MOVES].index(name)
        seen = [
            {**row, "_n": 0 if place in _hidden_moves(material, row) else material.smallest}
            for row in rows
        ]
        told = ""
        if seen:
            many = count_of(int(seen[-1][f"n_{name}"]), "customer")
            told = f"of {many} in {name_of_step(seen[-1]['step'], material.freq)}"
        head: Head = (f"{word} {name_of_recurring(material)}", "sum", told)
        found.append(
            replace(_track_of_rows(material, head, seen, (f"sales_{name}",)), better=better)
        )
    return found


def renewals_due(material: Material) -> Any:
    """The contracts that end or have their anniversary soon, with what they bring a month."""
    asked = material.asked
    known = "sales" in as_lazy(material.table, name="the table").collect_schema()
    keep = ["sales"] if known else []
    return material.once(
        "due_for_renewal",
        lambda: due_for_renewal(material.table, as_of=asked.as_of, within=WITHIN, keep=keep),
    )


def _customers_due(material: Material) -> Row:
    """How many customers are due, and what they bring a month; None where that is not known."""
    frame = as_lazy(renewals_due(material), name="renewals")
    known = "sales" in frame.collect_schema()
    sums = [nw.col("customer_id").n_unique().alias("n")]
    sums += [nw.col("sales").sum()] if known else []
    return {"sales": None, **one_row(frame.select(*sums))}


def _card_of_renewals(material: Material) -> list[Card]:
    """Whose contract ends or has its anniversary in the days to come."""
    found = _customers_due(material)
    if not found["n"]:
        return []
    told = "whose contract ends or has its anniversary"
    enough = found["n"] >= material.smallest and found["sales"] is not None
    change = f"with {money(found['sales'])} a month" if enough else ""
    label = f"Renewals due in {days(WITHIN)}"
    return [Card(label, with_commas(int(found["n"])), told, change)]

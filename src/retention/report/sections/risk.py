"""Who is at risk, and what is at stake."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from retention.report import risk_rules
from retention.report.parts import Grid, Section
from retention.report.words import count, days, money, percent, several

if TYPE_CHECKING:
    from retention.report.material import Material

_HEADING = "Who is at risk, and what is at stake"
_METHODS = {
    "pareto_nbd": "a Pareto/NBD model of how often each customer buys",
    "mbg_nbd": "an MBG/NBD model of how often each customer buys",
    "inactivity": "those who were as silent before: too few to fit a model",
}


def at_risk(material: Material) -> Section:
    """Orders: who will likely buy nothing. Contracts: the chance to leave, by tenure."""
    return _by_tenure(material) if material.of_contracts else _by_chance(material)


def _by_chance(material: Material) -> Section:
    found = risk_rules.at_risk(material)
    share = found.sales / found.of_sales if found.of_sales > 0 else None
    soon = days(risk_rules.WITHIN)
    finding = (
        f"{several(found.n, 'customer')} not yet lost "
        f"{'is' if found.n == 1 else 'are'} more likely than not to buy nothing in the next {soon}"
        f"; they spent {money(found.sales)} in the last 12 months, {percent(share)} of all sales."
    )
    if not found.n:
        finding = (
            f"No customer who is not yet lost is more likely than not to buy nothing in the next "
            f"{soon}."
        )
    grids = (_chance_grid(found.rows),) if found.rows else ()
    return Section("risk", _HEADING, finding, grids=grids, notes=tuple(_chance_notes(found)))


def _chance_grid(rows: tuple[dict[str, Any], ...]) -> Grid:
    cells = [
        (
            str(row["customer_id"]),
            count(row["days"]),
            percent(row["chance"], 0),
            f"{percent(row['lower'], 0)} – {percent(row['upper'], 0)}",
            money(row["sales"]),
            money(row["stake"]),
        )
        for row in rows
    ]
    heads = ("Days silent", "Chance to buy nothing", "Bounds", "Sales of 12 months", "At stake")
    return Grid("Where most is at stake", ("Customer", *heads), tuple(cells))


def _chance_notes(found: risk_rules.AtRisk) -> list[str]:
    """Where the chances are from, and how far to trust them."""
    told, soon = found.told, days(risk_rules.WITHIN)
    notes = [
        f"Not yet lost is who bought in the last {days(found.most)}. At stake is the chance times "
        f"the sales. The chances are from {_METHODS.get(told['method'], told['method'])}."
    ]
    if told["base_rate"] is not None:
        notes.append(
            f"For comparison: of the {several(told['n_base'], 'customer')} of {soon} ago, the lost "
            f"ones among them, {percent(told['base_rate'])} have bought nothing since."
        )
    if found.unknown:
        notes.append(f"Of {several(found.unknown, 'customer')} no chance can be told.")
    return notes


def _by_tenure(material: Material) -> Section:
    rows = [r for r in risk_rules.by_tenure(material) if r["n"] >= material.smallest]
    known = [row for row in rows if row["survival"] is not None]
    if not known:
        return Section("risk", _HEADING, "Too few customers were observed long enough to say.")
    leaving = sum(row["n"] * (1 - row["survival"]) for row in known)
    finding = (
        f"Of {several(sum(row['n'] for row in known), 'customer')} under contract about "
        f"{count(leaving)} are expected to leave within {days(risk_rules.WITHIN)} if things go on "
        "as they did"
    )
    if all(row["sales"] is not None for row in known):
        stake = sum(row["sales"] * (1 - row["survival"]) for row in known)
        finding += f", with {money(stake)} of sales a month"
    return Section("risk", _HEADING, finding + ".", grids=(_tenure_grid(rows),))


def _tenure_grid(rows: list[dict[str, Any]]) -> Grid:
    """The bands of tenure, from the newest customers on."""
    ends = dict(pairwise(risk_rules.BANDS))
    lines = []
    for row in rows:
        start = int(row["tenure"])
        until = f"{start} – {ends[start] - 1} days" if start in ends else f"{start} days and more"
        chance = None if row["survival"] is None else 1 - row["survival"]
        bounds = "–"
        if row["lower"] is not None and row["upper"] is not None:
            bounds = f"{percent(1 - row['upper'])} – {percent(1 - row['lower'])}"
        cells = (count(row["n"]), money(row["sales"]), percent(chance), bounds)
        lines.append((until, *cells))
    heads = ("Customers", "Sales a month", "Chance to leave in 90 days", "Bounds")
    return Grid(
        "Customers under contract, by how long", ("Under contract for", *heads), tuple(lines)
    )

"""Who is at risk, and what is at stake."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from retention.errors import count_of
from retention.findings.likely_to_leave import (
    BANDS,
    WITHIN,
    AtRisk,
    Held,
    customers_with_stake,
    held_by_tenure,
)
from retention.report.parts import Grid, Section
from retention.wording import bounds_text, day, days, money, number, percent, with_commas

if TYPE_CHECKING:
    from retention.report.material import Material

_HEADING = "Who is at risk, and what is at stake"
_METHODS = {
    "pareto_nbd": "a Pareto/NBD model of how often each customer buys",
    "mbg_nbd": "an MBG/NBD model of how often each customer buys",
    "mbg_cnbd": "an MBG/CNBD-k model of how often each customer buys, and how regularly",
    "inactivity": "those who were as silent before",
}


def at_risk_section(material: Material) -> Section:
    """Orders: who will likely buy nothing. Contracts: the chance to leave, by tenure."""
    return _section_by_tenure(material) if material.of_contracts else _section_by_chance(material)


def _section_by_chance(material: Material) -> Section:
    asked = material.asked
    found = customers_with_stake(
        material.table,
        as_of=asked.as_of,
        gap=material.gap,
        n_rows=asked.at_risk,
        level=asked.level,
    )
    if not (found.is_telling or found.is_nobody):
        return Section("risk", _HEADING, _words_on_all(found), notes=_reasons_for_no_names(found))
    share = found.sales / found.of_sales if found.of_sales > 0 else None
    soon = days(WITHIN)
    who = "not yet lost" if material.gap is not None else f"silent for {days(found.most)} at most"
    finding = (
        f"{count_of(found.n, 'customer')} {who} "
        f"{'is' if found.n == 1 else 'are'} more likely than not to buy nothing in the next {soon}"
        f"; they spent {money(found.sales)} in the last 12 months, {percent(share)} of all sales."
    )
    if not found.n:
        finding = (
            f"No customer {'who is ' * (material.gap is not None)}{who} is more likely than not to "
            f"buy nothing in the next {soon}."
        )
    grids = (_grid_of_chances(found.rows),) if found.rows else ()
    notes = tuple(_notes_on_chances(material, found))
    return Section("risk", _HEADING, finding, grids=grids, notes=notes)


def _words_on_all(found: AtRisk) -> str:
    """What can be said of all together, where the score does not tell customers apart."""
    told, soon = found.told, days(WITHIN)
    if told["base_rate"] is None:
        return (
            f"The file is too short to say who will buy nothing in the next {soon}: by "
            f"{day(found.tested)} nobody had bought yet."
        )
    bounds = f"{percent(told['base_rate_lower'])} to {percent(told['base_rate_upper'])}"
    return (
        f"Who of the customers is at risk cannot be told. Of the "
        f"{count_of(told['n_base'], 'customer')} there had been by {day(found.tested)}, "
        f"{percent(told['base_rate'])} ({bounds}) bought nothing in the {soon} after it."
    )


def _reasons_for_no_names(found: AtRisk) -> tuple[str, ...]:
    """Why nobody is named: what the score was worth when that could be seen."""
    told = found.told
    if told["base_rate"] is None:
        return ("A score that could not be set against what came is not shown.",)
    notes = [
        f"A chance for each customer was made from what was known on {day(found.tested)}, by "
        f"{_METHODS[told['method']]}, and set against what came. It did not clearly beat the "
        f"{percent(told['base_rate'])} told of everybody: its mean squared error (Brier score) was "
        f"{_error_in_words(told['brier_score'])} against "
        f"{_error_in_words(told['brier_reference'])}. "
        "So no customer is listed, and no sales are called at risk."
    ]
    return (*notes, *_notes_on_fit(told))


def _notes_on_fit(told: dict[str, Any]) -> list[str]:
    """What the fit says of itself, where there is anything: no finding about the customers."""
    return [f"What the fit says of itself: {told['reason']}"] if told["reason"] else []


def _error_in_words(value: float | None) -> str:
    return "unknown" if value is None else number(value, 3)


def _grid_of_chances(rows: tuple[dict[str, Any], ...]) -> Grid:
    """Those with most at stake; without a column of bounds where nobody has any."""
    bounded = any(row["lower"] is not None for row in rows)
    cells = [
        (
            str(row["customer_id"]),
            with_commas(row["days"]),
            percent(row["chance"], 0),
            *([_bounds_in_words(row)] if bounded else []),
            money(row["sales"]),
            money(row["stake"]),
        )
        for row in rows
    ]
    heads = ("Days silent", "Chance to buy nothing", *(["Bounds"] if bounded else []))
    heads = ("Customer", *heads, "Sales of 12 months", "At stake")
    return Grid("Where most is at stake", heads, tuple(cells))


def _bounds_in_words(row: dict[str, Any]) -> str:
    if row["lower"] is None or row["upper"] is None:
        return "–"
    return bounds_text(percent(row["lower"], 0), percent(row["upper"], 0))


def _notes_on_chances(material: Material, found: AtRisk) -> list[str]:
    """Where the chances are from, and how far to trust them."""
    told, soon = found.told, days(WITHIN)
    who = "Not yet lost is who" if material.gap is not None else "Looked at is who"
    beat = found.is_telling * (
        " Made then, the chances would have beaten telling that of everybody: their mean squared "
        f"error (Brier score) was {_error_in_words(told['brier_score'])} against "
        f"{_error_in_words(told['brier_reference'])}."
    )
    return [
        f"{who} bought in the last {days(found.most)}. At stake is the chance times "
        f"the sales. The chances are from {_METHODS[told['method']]}.",
        f"For comparison: of the {count_of(told['n_base'], 'customer')} there had been {soon} "
        f"ago, lost ones included, {percent(told['base_rate'])} have bought nothing since.{beat}",
        *_notes_on_fit(told),
        *_notes_on_unknown(found),
    ]


def _notes_on_unknown(found: AtRisk) -> list[str]:
    """Of how many no chance is known."""
    notes = []
    if found.unknown:
        notes.append(f"Of {count_of(found.unknown, 'customer')} no chance can be told.")
    return notes


def _section_by_tenure(material: Material) -> Section:
    held, asked = [], material.asked
    if material.spells is not None:
        held = held_by_tenure(material.table, material.spells, as_of=asked.as_of, level=asked.level)
    shown = _bands_large_enough(held, material.smallest)
    n = sum(band.n - band.unknown for band in held)
    if not shown or not n:
        return Section("risk", _HEADING, "Too few customers were observed long enough to say.")
    soon = days(WITHIN)
    leaving = sum(band.leaving for band in held)
    few = "fewer than one is" if leaving < 1 else f"about {with_commas(leaving)} are"
    finding = (
        f"Of {count_of(n, 'customer')} under contract {few} expected to leave within {soon} if "
        "things go on as they did"
    )
    stakes = [band.stake for band in held if band.stake is not None]
    if len(stakes) == len(held):
        finding += f", with {money(sum(stakes))} of sales a month"
    notes = [
        "Of each customer, the share of those who left in that time among all who had stayed as "
        "long. The customers now may differ from those before."
    ]
    if unknown := sum(band.unknown for band in held):
        notes.append(
            f"Of {count_of(unknown, 'more customer')} no chance can be told: few have "
            "stayed longer."
        )
    grid = _grid_of_tenures(shown)
    return Section("risk", _HEADING, f"{finding}.", grids=(grid,), notes=tuple(notes))


def _bands_large_enough(bands: list[Held], least: int) -> list[Held]:
    """The bands, small ones with those next to them: left out, the total would tell of them."""
    shown: list[Held] = []
    for band in bands:
        if shown and shown[-1].n < least:
            shown[-1] = shown[-1].with_next(band)
        else:
            shown.append(band)
    if len(shown) > 1 and shown[-1].n < least:
        shown[-2:] = [shown[-2].with_next(shown[-1])]
    return [band for band in shown if band.n >= least]


def _grid_of_tenures(bands: list[Held]) -> Grid:
    """The bands of tenure, from the newest customers on."""
    ends = dict(pairwise(BANDS))
    lines = []
    for band in bands:
        until = f"{band.least} – {ends[band.last] - 1} days" if band.last in ends else ""
        told = band.n - band.unknown
        lines.append(
            (
                until or f"{days(band.least)} and more",
                with_commas(band.n),
                money(band.sales),
                percent(band.leaving / told if told else None),
                with_commas(band.leaving if told else None),
                money(band.stake if told else None),
            )
        )
    heads = ("Customers", "Sales a month", "Chance to leave", "Will leave", "Sales at stake")
    caption = f"Customers under contract, by how long: the next {days(WITHIN)}"
    return Grid(caption, ("Under contract for", *heads), tuple(lines))

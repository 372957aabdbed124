"""Recurring revenue of contracts: what came, grew, shrank and left, what is kept, who is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention.errors import count_of
from retention.findings.likely_to_leave import WITHIN
from retention.frames import as_lazy, in_kind_of
from retention.frames.python_rows import rows_as_dicts
from retention.plots.paper import axes
from retention.plots.paper.waterfall import Step, draw_waterfall
from retention.report.drawing import pictures_of_plot
from retention.report.parts import Grid, Picture, Section
from retention.report.sections.trade.subscription_tiles import (
    MOVES,
    movements_of_revenue,
    name_of_recurring,
    over_the_span,
    renewals_due,
    rows_of_kept,
    rows_of_quick_ratio,
    span_of_rates,
)
from retention.report.sections.trade.tracks import name_of_step, percent_change, places_to_hide
from retention.wording import UNKNOWN, days, money, number, percent, with_commas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.report.material import Material

Row = dict[str, Any]

_HEADING = "Recurring revenue: what came, grew, shrank and left"
_SHOWN = 9
_BAND = 30


def recurring_section(material: Material) -> Section:
    """What recurring revenue did in each period, and what is kept of it."""
    _, every = movements_of_revenue(material)
    rows = [row for row in every if row["n_start"] is not None]
    if not rows:
        return Section("recurring", _HEADING, "What the contracts bring is not known.")
    if rows[-1]["n_end"] < material.smallest:
        few = count_of(material.smallest, "customer")
        said = f"Fewer than {few} are under contract: what they bring is not shown."
        return Section("recurring", _HEADING, said)
    span = _sum_of_movements(rows[-span_of_rates(material) :])
    grids = [
        _grid_of_span(material, span),
        *_grids_of_movements(material, rows),
        *_grids_of_rates(material, rows),
        *_grids_of_renewals(material),
    ]
    return Section(
        "recurring",
        _HEADING,
        _sentence_on_revenue(material, rows),
        pictures=_picture_of_span(material, span),
        grids=tuple(grids),
        notes=tuple(_notes_on_revenue(material, rows)),
    )


def _sum_of_movements(rows: Sequence[Row]) -> Row:
    """Several periods together: from the start of the first to the end of the last."""
    first, last = rows[0], rows[-1]
    ends = {name: first[name] for name in ("n_start", "sales_start")}
    ends |= {name: last[name] for name in ("n_end", "sales_end", "step")}
    names = [name for _, move, n, _ in MOVES for name in (f"sales_{move}", n)]
    sums = {name: sum(row[name] for row in rows) for name in names}
    return {**ends, **sums, "first": first["step"]}


def _sentence_on_revenue(material: Material, rows: list[Row]) -> str:
    """Where revenue stands, and what is kept of it, growth counted and not."""
    row, freq = rows[-1], material.freq
    said = f"{name_of_recurring(material)} was {money(row['sales_end'])} as "
    said += f"{name_of_step(row['step'], freq)} closed, "
    said += f"{percent_change(row['sales_end'], row['sales_start'])} since the {freq} before"
    parts = []
    for name, words in (("net", "growth counted"), ("gross", "without growth")):
        kept = rows_of_kept(material, f"{name}_revenue_retention")
        if kept and kept[-1]["n_base"] >= material.smallest:
            last = kept[-1]
            rate = percent(last[f"{name}_revenue_retention"])
            known = last["lower"] is not None and last["upper"] is not None
            bounds = f"; {percent(last['lower'])} to {percent(last['upper'])}" if known else ""
            parts.append(f"{rate} ({words}{bounds})")
    if parts:
        span = count_of(span_of_rates(material), freq)
        said += f". Of what the customers of {span} ago paid, {' or '.join(parts)} is left"
    return f"{said}."


def _picture_of_span(material: Material, span: Row) -> tuple[Picture, ...]:
    """The movements of a year as a bridge; none where an amount is of too few customers."""
    if places_to_hide([span[n] for *_, n, _ in MOVES], material.smallest):
        return ()
    amounts = [(word, span[f"sales_{move}"], sign, span[n]) for word, move, n, sign in MOVES]
    moves = [Step(word, float(s), sign, float(n)) for word, s, sign, n in amounts]
    called, when = name_of_recurring(material), over_the_span(material)
    ends = [
        Step(word, float(span[f"sales_{at}"]), 0, float(span[f"n_{at}"]))
        for word, at in ((f"{called} before", "start"), (f"{called} now", "end"))
    ]

    def plot(steps: Sequence[Step], *, ax: Any) -> None:
        axes.axes_to_draw_on(ax)
        draw_waterfall(ax, steps)
        axes.set_titles(ax, f"{called} {when}: what came, grew, shrank and left")

    told = "; ".join(f"{word} {money(amount)}" for word, amount, *_ in amounts)
    start, end = money(span["sales_start"]), money(span["sales_end"])
    return pictures_of_plot(
        material,
        plot,
        [ends[0], *moves, ends[1]],
        title=f"{called} {when}",
        told=f"From {start} to {end}: {told}.",
        finding=_span_in_short(material, span),
    )


def _span_in_short(material: Material, span: Row) -> str:
    """Whether revenue grew, and whether new customers or those there were did it."""
    called, when = name_of_recurring(material), over_the_span(material)
    won = span["sales_new"] + span["sales_reactivated"]
    lost = span["sales_churned"] + span["sales_contraction"] - span["sales_expansion"]
    grew = span["sales_end"] > span["sales_start"]
    start, end = money(span["sales_start"]), money(span["sales_end"])
    said = f"{called} {'grew' if grew else 'did not grow'} {when}, from {start} to {end}: "
    what = "lost, net of growth" if lost >= 0 else "more from those there were"
    return f"{said}{money(won)} won, {money(abs(lost))} {what}"


def _cells_of_moves(row: Row, least: int) -> list[str]:
    """What each movement brought or took; a dash for too few customers."""
    hidden = places_to_hide([row[n] for *_, n, _ in MOVES], least)
    return [
        UNKNOWN if place in hidden else money(row[f"sales_{move}"])
        for place, (_, move, _, _) in enumerate(MOVES)
    ]


def _grid_of_span(material: Material, span: Row) -> Grid:
    """Of the whole time: how many moved, and what that brought or took."""
    cells = _cells_of_moves(span, material.smallest)
    lines = [
        (word, with_commas(span[n]), cell)
        for (word, _, n, _), cell in zip(MOVES, cells, strict=True)
    ]
    ends = [
        (word, with_commas(span[f"n_{at}"]), _money_of_enough(material, span, at))
        for word, at in (("As it opened", "start"), ("As it closed", "end"))
    ]
    called, freq = name_of_recurring(material), material.freq
    when = " to ".join(
        dict.fromkeys(name_of_step(step, freq) for step in (span["first"], span["step"]))
    )
    times = span["step"] - span["first"] + 1
    heads = ("What", "Customers" if times == 1 else "Customers or moves", called)
    return Grid(f"{called}, {when}", heads, (ends[0], *lines, ends[1]))


def _money_of_enough(material: Material, row: Row, at: str) -> str:
    return money(row[f"sales_{at}"]) if row[f"n_{at}"] >= material.smallest else UNKNOWN


def _is_mostly_hidden(material: Material, rows: list[Row]) -> bool:
    """Whether a table of each period's movements would be one of dashes."""
    shown = rows[-_SHOWN:]
    moved = sum(row[n] > 0 for row in shown for *_, n, _ in MOVES)
    told = sum(
        row[n] > 0 and cell != UNKNOWN
        for row in shown
        for (*_, n, _), cell in zip(MOVES, _cells_of_moves(row, material.smallest), strict=True)
    )
    return bool(2 * told < moved)


def _what_it_did(material: Material) -> str:
    called = name_of_recurring(material)
    called = called if called.isupper() else called.lower()
    return f"What {called} did in each {material.freq}"


def _grids_of_movements(material: Material, rows: list[Row]) -> list[Grid]:
    if _is_mostly_hidden(material, rows):
        return []
    lines = [
        (
            name_of_step(row["step"], material.freq),
            _money_of_enough(material, row, "start"),
            *_cells_of_moves(row, material.smallest),
            _money_of_enough(material, row, "end"),
            with_commas(row["n_end"]),
        )
        for row in reversed(rows[-_SHOWN:])
    ]
    heads = ("Opened with", *(word for word, *_ in MOVES), "Closed with", "Customers")
    caption = f"{_what_it_did(material)}, newest first"
    return [Grid(caption, (material.freq.capitalize(), *heads), tuple(lines))]


def _grids_of_rates(material: Material, rows: list[Row]) -> list[Grid]:
    """Net and gross retention, the quick ratio and revenue per customer, period by period."""
    net, gross, quick = (
        {row["step"]: row for row in found}
        for found in (
            rows_of_kept(material, "net_revenue_retention"),
            rows_of_kept(material, "gross_revenue_retention"),
            rows_of_quick_ratio(material),
        )
    )
    shown = [row for row in rows[-_SHOWN:] if row["step"] in net]
    lines = [
        (
            name_of_step(row["step"], material.freq),
            *_cells_of_rate(material, net[row["step"]], "net_revenue_retention"),
            *_cells_of_rate(material, gross[row["step"]], "gross_revenue_retention"),
            _cell_of_quick_ratio(material, quick[row["step"]]),
            _cell_of_arpa(material, row),
        )
        for row in reversed(shown)
    ]
    heads = ("Net retention", "Bounds", "Gross retention", "Bounds", "Quick ratio", "ARPA")
    caption = f"What is kept of {name_of_recurring(material)} {over_the_span(material)}"
    return [Grid(caption, (material.freq.capitalize(), *heads), tuple(lines))] if lines else []


def _cells_of_rate(material: Material, row: Row, name: str) -> tuple[str, str]:
    if row["n_base"] < material.smallest:
        return UNKNOWN, UNKNOWN
    known = row["lower"] is not None and row["upper"] is not None
    bounds = f"{percent(row['lower'])} – {percent(row['upper'])}" if known else UNKNOWN
    return percent(row[name]), bounds


def _cell_of_quick_ratio(material: Material, row: Row) -> str:
    few = min(row["n_gained"], row["n_lost"]) < material.smallest
    return UNKNOWN if few or row["quick_ratio"] is None else number(row["quick_ratio"])


def _cell_of_arpa(material: Material, row: Row) -> str:
    few = row["n_end"] < max(material.smallest, 1)
    return UNKNOWN if few else money(row["sales_end"] / row["n_end"])


def _grids_of_renewals(material: Material) -> list[Grid]:
    """Whose contract ends or has its anniversary, by how soon."""
    table = renewals_due(material)
    frame = as_lazy(table, name="renewals")
    if "sales" not in frame.collect_schema():
        return []
    banded = frame.with_columns(_band=((nw.col("days_left") - 1) // _BAND).cast(nw.Int64))
    sums = banded.group_by("_band").agg(
        nw.col("customer_id").n_unique().alias("n"), nw.col("sales").sum()
    )
    rows = rows_as_dicts(in_kind_of(sums, table, order=("_band",)), order=("_band",))
    hidden = places_to_hide([int(row["n"]) for row in rows], material.smallest)
    lines = [
        (
            f"{_BAND * int(row['_band']) + 1} – {_BAND * (int(row['_band']) + 1)} days",
            with_commas(row["n"]),
            UNKNOWN if place in hidden else money(row["sales"]),
        )
        for place, row in enumerate(rows)
    ]
    caption = f"Contracts that end or have their anniversary in the next {days(WITHIN)}"
    return [Grid(caption, ("In", "Customers", "Sales a month"), tuple(lines))] if lines else []


def _notes_on_revenue(material: Material, rows: list[Row]) -> list[str]:
    few, freq = count_of(material.smallest, "customer"), material.freq
    called = name_of_recurring(material)
    times, hidden = [], []
    if span_of_rates(material) > 1 and len(rows) > 1:
        times = [f"Over several {freq}s each move counts: who grew twice is in Expansion twice."]
    if _is_mostly_hidden(material, rows):
        why = f"most of those amounts are of fewer than {few}"
        hidden = [f"{_what_it_did(material)} is left out: {why}."]
    return [
        f"{called} is what the contracts in force bring in a {freq}. "
        "Expansion and contraction are of customers who stay; who comes back after a pause is won "
        "back. A contract that starts and ends between two closings is in neither. The quick ratio "
        "is what was gained for each 1 lost; ARPA is revenue per customer.",
        f"An amount of fewer than {few} is a dash, and so is the next smallest where that alone "
        "would give it away.",
        *times,
        *hidden,
    ]

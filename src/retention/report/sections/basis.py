"""What was read, what was set aside, and what is counted how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.catalogue import figure
from retention.errors import count_of
from retention.frames import as_lazy, one_row
from retention.frames.python_rows import rows_as_dicts
from retention.report.material import FALSE_ALARMS, GAPS, LATE_ALARMS
from retention.report.parts import Grid, Section
from retention.wording import day, days, money, percent, spoken_period, with_commas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.loading.audits import Audit
    from retention.report.material import Material

_TOTALS = ("accepted", "input")
_USED = ("retention_rate", "sales_adjusted_retention", "profit_adjusted_retention", "churn_rate")
_SEGMENTS, _CURVES = ("rate_effect", "mix_effect"), ("rate", "survival")
_SCORES, _WORTH = ("p_no_purchase",), ("cumulative_profit",)


def what_was_read_section(material: Material) -> Section:
    """How much data there is, from when to when, and which rows could not be used."""
    read = _rows_and_sales(material)
    what = "contract" if material.of_contracts else "order line"
    finding = (
        f"{count_of(read['rows'], what)} of {count_of(read['customers'], 'customer')}, "
        f"{day(material.first)} to {day(material.asked.as_of)}"
    )
    aside = [] if material.audit is None else _failed_checks(material.audit)
    if material.audit is None:
        finding += "."
    else:
        rows = sum(row["rows"] for row in aside)
        finding += (
            f"; {count_of(rows, 'row was', 'rows were') if rows else 'no row was'} set aside."
        )
    grids = [_grid_of_rows_read(material, read)]
    if aside:
        grids.append(_grid_of_failed_checks(aside))
    return Section(
        "read", "What was read", finding, grids=tuple(grids), notes=_notes_on_edges(material)
    )


def _rows_and_sales(material: Material) -> dict[str, Any]:
    """Rows, customers and sales up to `as_of`."""
    frame = as_lazy(material.table, name="the table")
    day = periods.day_expr("start" if material.of_contracts else "date", frame.implementation)
    frame = frame.filter(day <= periods.number_of(material.asked.as_of))
    found = one_row(
        frame.select(
            nw.len().alias("rows"),
            nw.col("customer_id").n_unique().alias("customers"),
            *([] if material.of_contracts else [nw.col("sales").sum()]),
        )
    )
    return {**found, "rows": int(found["rows"]), "customers": int(found["customers"])}


def _grid_of_rows_read(material: Material, read: dict[str, Any]) -> Grid:
    told = [
        ("Contracts" if material.of_contracts else "Order lines", with_commas(read["rows"])),
        ("Customers", with_commas(read["customers"])),
        ("First day", day(material.first)),
        ("Last observed day", day(material.asked.as_of)),
        *([("Sales, refunds taken off", money(read["sales"]))] if "sales" in read else []),
        ("Length of a period", material.freq),
        (f"Whole {material.freq}s observed", _whole_periods_in_words(material)),
    ]
    return Grid("What the figures are made of", ("What", "Value"), tuple(told))


def _whole_periods_in_words(material: Material) -> str:
    """How many whole periods there are, from when to when."""
    first, last = material.steps
    n = last - first + 1
    if n < 1:
        return "0"
    ends = [
        spoken_period(periods.first_day(step, material.freq), material.freq)
        for step in (first, last)
    ]
    return f"{with_commas(n)}: {ends[0] if n == 1 else ' to '.join(ends)}"


def _notes_on_edges(material: Material) -> tuple[str, ...]:
    """Which periods at the edges are not counted since they were not observed whole, and the cure.

    What lies before the first day and after the last one cannot be told from a quiet time.
    """
    freq, (first, last), asked = material.freq, material.steps, material.asked
    begins = asked.observed_from or material.first
    told = []
    if (early := periods.step_of(begins, freq)) < first:
        opens = periods.first_day(early, freq)
        what = "the first observed day is" if asked.observed_from else "the file begins on"
        told.append(
            f"{_capital_period(early, freq)} is left out: {what} {day(begins)}. If everything from "
            f"{day(opens)} on is in the file, say observed_from='{opens}'."
        )
    if (late := periods.step_of(asked.as_of, freq)) > last and late >= first:
        closes = periods.day_of(periods.first_day_number(late + 1, freq) - 1)
        if closes > asked.as_of:
            told.append(
                f"{_capital_period(late, freq)} is left out: the last observed day is "
                f"{day(asked.as_of)}. If everything up to {day(closes)} is in the file, "
                f"say as_of='{closes}'."
            )
    return tuple(told)


def _capital_period(step: int, freq: str) -> str:
    text = spoken_period(periods.first_day(step, freq), freq)
    return text[0].upper() + text[1:]


def _failed_checks(audit: Audit[Any]) -> list[dict[str, Any]]:
    """The checks that rows failed."""
    rows = rows_as_dicts(audit.summary)
    return [row for row in rows if row["rows"] and row["check"] not in _TOTALS]


def _grid_of_failed_checks(aside: list[dict[str, Any]]) -> Grid:
    rows = [
        (row["check"], with_commas(row["rows"]), with_commas(row["customers"])) for row in aside
    ]
    return Grid(
        "Rows set aside, by the first check they failed",
        ("Check", "Rows", "Customers"),
        tuple(rows),
    )


def definitions_section(material: Material) -> Section:
    """What each figure of the report means, and the rules that were used."""
    scores = () if material.of_contracts else _SCORES
    worth = _WORTH if material.knows_profit else ()
    names = [*_USED, *(_SEGMENTS if material.asked.by else ()), *_CURVES, *worth, *scores]
    rows = [(one.label, one.formula, one.source) for one in map(figure, names)]
    return Section(
        "definitions",
        "Definitions",
        "What each figure means, and by which rules it was counted.",
        grids=(Grid("Figures", ("Figure", "How it is computed", "Source"), tuple(rows), texts=3),),
        notes=tuple(rules_in_sentences(material)),
    )


def rules_in_sentences(material: Material) -> list[str]:
    """The conventions behind the figures, in sentences."""
    freq, asked = material.freq, material.asked
    active = (
        f"A customer of a {freq} is one with a contract in force as it opens; kept is who has one "
        f"as the next {freq} opens."
        if material.of_contracts
        else f"A customer of a {freq} is one with a purchase in it; kept is who buys in the next "
        f"{freq}. A refund alone is no purchase."
    )
    told = [
        active,
        f"Nothing after {day(asked.as_of)} was looked at, and {freq}s not observed whole are left "
        "out.",
        f"Bounds hold the true figure {100 * asked.level:.10g}% of the time. A change is called "
        "clear only if its bounds leave out 0; the two periods are taken for different people.",
        "A point is a percentage point: from 70% to 72% are 2 points.",
        f"Groups of fewer than {count_of(material.smallest, 'customer')} are not shown.",
    ]
    told.append(lost_rule(material))
    if asked.history == "whole":
        told.append(
            f"The file is taken to hold every {'contract' if material.of_contracts else 'order'} "
            "since the firm began; if older ones are missing, how long customers stay is wrong."
        )
    return told


def lost_rule(material: Material) -> str:
    """After how long a silence a customer counts as lost, and why then."""
    gap = material.gap
    if material.of_contracts:
        return (
            "A customer has left on the first day out of contract, unless another one starts "
            f"within {days(gap)}."
            if gap
            else "A customer has left on the first day without a contract."
        )
    if gap is None:
        return no_silence_tells(material)
    rule = f"A customer counts as lost after {days(gap)} without a purchase"
    if material.gap_row is None:
        return f"{rule}. How often that is wrong the file is too short to say."
    told = f"{rule}. {share_back_in_words(material)}"
    if not material.told_by_silence:
        return (
            f"{told}: that is more than one in four, so such a silence does not tell that somebody "
            "has left. Say a longer gap=, or leave it out and the report looks for one."
        )
    shorter = material.asked.gap is None and gap > GAPS[0]
    return f"{told}{'; the shorter silences looked at were wrong more often' * shorter}."


def no_silence_tells(material: Material) -> str:
    """That no silence tells who is lost, and how many came back after the longest looked at."""
    if material.gap_row is None:
        return "The file is too short to say after how long a silence a customer is lost."
    shorter = ", and the shorter ones looked at tell no more"
    gap = material.gap_row["gap"]
    longer = " Longer ones cannot be judged yet."
    return (
        f"No silence tells who is lost: {share_back_in_words(material, lower=True)}"
        f"{shorter * (gap > GAPS[0])}.{longer * (gap < GAPS[-1])}"
    )


def _is_back_late(row: Mapping[str, Any]) -> bool:
    """Whether few of the silent came back within a year, and most later."""
    return bool(row["false_churn_rate"] <= FALSE_ALARMS and row["came_back_share"] > LATE_ALARMS)


def share_back_in_words(material: Material, *, lower: bool = False) -> str:
    """Of those who were silent for so long, how many bought again within a year."""
    row = material.gap_row or {}
    if _is_back_late(row):
        return (
            f"{'of' if lower else 'Of'} {count_of(row['n_lost'], 'customer')} silent for "
            f"{days(row['gap'])} {percent(row['came_back_share'])} have come back since"
        )
    return (
        f"{'of' if lower else 'Of'} {count_of(row['n_followed'], 'customer')} silent for "
        f"{days(row['gap'])} and watched for {days(row['within'])} more, "
        f"{percent(row['false_churn_rate'])} came back in them"
    )

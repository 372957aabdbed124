"""How customers stay: cohort by cohort, and over the time since they came."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.findings.changes import Rate, change_of_rates
from retention.frames import as_lazy, in_kind_of
from retention.frames.python_rows import rows_as_dicts
from retention.kpis.cohorts.cohort_retention import cohort_retention
from retention.plots.cohort_plots import plot_cohorts
from retention.plots.survival_plots import plot_survival
from retention.report.drawing import Hint, pictures_of_plot
from retention.report.material import A_YEAR
from retention.report.parts import Grid, Section
from retention.report.sections.basis import lost_rule, no_silence_tells
from retention.survival.curves.kaplan_meier import survival_curve
from retention.survival.curves.typical_lifetimes import median_lifetime
from retention.wording import as_date, bounds_text, days, percent, spoken_period, with_commas

if TYPE_CHECKING:
    from retention.report.material import Material

_UNFOLLOWED = "No cohort has been followed for a whole period yet."
_COHORTS, _AGES = 16, 13
_TIMES = (30, 90, 180, 365, 730, 1095, 1825)


def cohorts_section(material: Material) -> Section:
    """Of the customers who came in the same period, the share that is back at each age."""
    table, rows = _latest_cohorts(material)
    heading = "Cohorts: are newer customers kept better?"
    if not rows:
        return Section("cohorts", heading, "No cohort is large enough to be shown.")
    if not any(row["age"] and row["observed"] for row in rows):
        return Section("cohorts", heading, _UNFOLLOWED)
    found = sorted({row["cohort"] for row in rows})
    pictures = pictures_of_plot(
        material,
        plot_cohorts,
        table,
        title=f"Share of each {material.freq}'s new customers that is back",
        told=f"A row per cohort, {len(found)} of them; a column per age in {material.freq}s. The "
        "figures stand in the table below.",
        size=(8.6, 1.3 + 0.3 * len(found)),
        hints=_hints_of_cells(material, rows, found),
    )
    return Section(
        "cohorts",
        heading,
        _latest_against_year_ago(material, rows),
        pictures=pictures,
        grids=(_grid_of_cohorts(material, rows),),
        notes=tuple(_notes_on_cohorts(rows)),
    )


def _hints_of_cells(material: Material, rows: list[dict[str, Any]], found: list[Any]) -> list[Hint]:
    """Of each observed cell its share, its bounds and of how many customers it is."""
    ages = sorted({row["age"] for row in rows})
    places = {age: place for place, age in enumerate(ages)}, {c: n for n, c in enumerate(found)}
    hints = []
    for row in rows:
        if row["observed"] and row["rate"] is not None:
            x, y = places[0][row["age"]], places[1][row["cohort"]]
            known = row["lower"] is not None and row["upper"] is not None
            bounds = f" ({percent(row['lower'])} to {percent(row['upper'])})" if known else ""
            words = (
                f"{spoken_period(row['cohort'], material.freq)}, {material.freq} {row['age']}: "
                f"{percent(row['rate'])}{bounds} of {with_commas(row['n_eligible'])} customers"
            )
            hints.append(Hint((x - 0.5, x + 0.5), (y - 0.5, y + 0.5), words))
    return hints


def _latest_cohorts(material: Material) -> tuple[Any, list[dict[str, Any]]]:
    """The latest cohorts that are large enough, and their first ages."""
    answer = cohort_retention(material.activity, level=material.asked.level)
    rows = rows_as_dicts(answer, order=("cohort", "age"))
    came = [row for row in rows if as_date(row["cohort"]) <= material.asked.as_of]
    large = sorted({row["cohort"] for row in came if row["n_cohort"] >= material.smallest})
    kept = set(large[-_COHORTS:])
    shown = [row for row in rows if row["cohort"] in kept and row["age"] < _AGES]
    frame = as_lazy(answer, name="cohorts").filter(nw.col("age") < _AGES)
    if shown:
        day = periods.day_expr("cohort", frame.implementation)
        first, last = (periods.number_of(as_date(end(kept))) for end in (min, max))
        frame = frame.filter(nw.col("n_cohort") >= material.smallest, day >= first, day <= last)
    return in_kind_of(frame, answer, order=("cohort", "age")), shown


def _latest_against_year_ago(material: Material, rows: list[dict[str, Any]]) -> str:
    """The latest cohort that was followed for a period, against the one a year before."""
    ages = [row for row in rows if row["age"] == 1 and row["observed"]]
    if not ages:
        return _UNFOLLOWED
    now, apart = ages[-1], A_YEAR[periods.length_of(material.freq)]
    came = spoken_period(now["cohort"], material.freq)
    who = f"new as {came} opened" if material.of_contracts else f"who first bought in {came}"
    if not now["start_observed"]:
        who = f"seen first in {came}, old ones among them"
    start = (
        f"Of the {with_commas(now['n_eligible'])} customers {who}, "
        f"{percent(now['rate'])} {_words_for_back(material)} one {material.freq} later"
    )
    earlier = [row for row in ages[:-1] if row["start_observed"]]
    if not earlier:
        return f"{start}."
    then = earlier[-apart] if len(earlier) >= apart else earlier[-1]
    bounds = ("rate", "lower", "upper")
    found = change_of_rates(Rate.of(then, *bounds), Rate.of(now, *bounds)).in_words()
    return f"{start}: {found} against those of {spoken_period(then['cohort'], material.freq)}."


def _words_for_back(material: Material) -> str:
    return "were still under contract" if material.of_contracts else "bought again"


def _grid_of_cohorts(material: Material, rows: list[dict[str, Any]]) -> Grid:
    by_cohort: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        by_cohort.setdefault(row["cohort"], []).append(row)
    ages = sorted({row["age"] for row in rows if row["age"]})
    lines = [
        (
            spoken_period(cohort, material.freq) + ("" if cells[0]["start_observed"] else " *"),
            with_commas(cells[0]["n_cohort"]),
            *(percent(cell["rate"], 0) for cell in cells if cell["age"]),
        )
        for cohort, cells in by_cohort.items()
    ]
    heads = ("Came in", "Customers", *(str(age) for age in ages))
    caption = f"Share back, by {material.freq}s since the first purchase"
    if material.of_contracts:
        caption = f"Share under contract, by {material.freq}s since the first"
    return Grid(caption, heads, tuple(lines))


def _notes_on_cohorts(rows: list[dict[str, Any]]) -> list[str]:
    told = ["A dash is a time not observed to its end yet: unknown, not zero."]
    if any(not row["start_observed"] for row in rows):
        told.append(
            "* The first cohort holds everybody who was seen first in the first whole period: old "
            "customers too, unless the firm began in it. Others are not compared with it."
        )
    return told


def how_long_section(material: Material) -> Section:
    """Of those who came, the share still here after each length of time."""
    heading = "How long customers stay"
    if material.spells is None:
        return Section(
            "survival",
            heading,
            no_silence_tells(material),
            notes=(_reason_for_no_curve(material),),
        )
    curve = survival_curve(material.spells, level=material.asked.level)
    every = rows_as_dicts(curve, order=("duration",))
    rows = [row for row in every if row["survival"] is not None]
    pictures = pictures_of_plot(
        material,
        plot_survival,
        curve,
        title=f"Share of customers {_words_for_here(material)}, by time since they came",
        told="; ".join(_shares_at_round_times(material, rows)) or "Nobody was seen for a month.",
        unit="days",
    )
    return Section(
        "survival",
        heading,
        _half_left_in_words(material, curve, rows),
        pictures=pictures,
        grids=(_grid_of_curve(material, rows),),
        notes=(lost_rule(material), *_notes_on_rule(material), *_notes_on_unwatched_days(every)),
    )


def _notes_on_unwatched_days(rows: list[dict[str, Any]]) -> list[str]:
    """What is to be said of days on which nobody was under observation."""
    said = dict.fromkeys(row["note"] for row in rows if row["note"])
    return [f"Days since the start: {note}." for note in said]


def _reason_for_no_curve(material: Material) -> str:
    """Why there is no curve, and what to do."""
    if material.gap_row is None:
        return "Where you know such days of silence, say gap=; without them there is no curve."
    return (
        "A curve of how long customers stay would take pauses for departures, so none is drawn. "
        "Who buys seldom may be judged by longer periods (freq=). Where you know after how many "
        "days somebody has left, say gap=."
    )


def _half_left_in_words(material: Material, curve: Any, rows: list[dict[str, Any]]) -> str:
    """When half have left; else what share is still here after the longest round time."""
    median = rows_as_dicts(median_lifetime(curve, level=material.asked.level))[0]
    silence = "" if material.of_contracts else f", {days(material.gap)} of silence included"
    lost = "are lost"
    if not (material.of_contracts or material.told_by_silence):
        lost, silence = f"fall silent for {days(material.gap)}", ", the silence included"
    if median["lifetime"] is not None:
        low, high = median["lower"], median["upper"]
        known = low is not None and high is not None
        bounds = f" ({with_commas(low)} to {days(high)})" if known else ""
        return (
            f"Half of the customers {lost} within {days(median['lifetime'])}{bounds} of coming"
            f"{silence}."
        )
    at = _rows_at_round_times(material, rows)
    if not at:
        return "Nobody was observed long enough to say."
    time, row = at[-1]
    bounds = (
        "" if row["lower"] is None else f" ({percent(row['lower'])} to {percent(row['upper'])})"
    )
    share = f"{percent(row['survival'])} of the customers are {_words_for_here(material)}"
    return f"{days(time)} after they came, {share}{bounds}."


def _rows_at_round_times(
    material: Material, rows: list[dict[str, Any]]
) -> list[tuple[int, dict[str, Any]]]:
    """The curve at round times that somebody was observed for; not before the rule can speak."""
    durations = [row["duration"] for row in rows]
    start = {"survival": 1.0, "lower": None, "upper": None, "n_at_risk": None}
    found = []
    least = 0 if material.of_contracts else material.gap or 0
    for time in (time for time in _TIMES if time >= least):
        place = bisect_right(durations, time)
        if place < len(rows):
            here = dict(rows[place - 1] if place else start)
            found.append((time, {**here, "n_at_risk": rows[place]["n_at_risk"]}))
    return found


def _shares_at_round_times(material: Material, rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"{percent(row['survival'])} after {days(time)}"
        for time, row in _rows_at_round_times(material, rows)
    ]


def _grid_of_curve(material: Material, rows: list[dict[str, Any]]) -> Grid:
    lines = [
        (
            days(time),
            percent(row["survival"]),
            "–"
            if row["lower"] is None
            else bounds_text(percent(row["lower"]), percent(row["upper"])),
            with_commas(row["n_at_risk"]),
        )
        for time, row in _rows_at_round_times(material, rows)
    ]
    here = _words_for_here(material)
    heads = ("After", here.capitalize(), "Bounds", "Observed that long")
    return Grid(f"Share of customers {here}", heads, tuple(lines))


def _words_for_here(material: Material) -> str:
    """What the curve is the share of: no louder than the silence that ends it allows."""
    if material.of_contracts or material.told_by_silence:
        return "still here"
    return f"without a silence of {days(material.gap)}"


def _notes_on_rule(material: Material) -> list[str]:
    if material.of_contracts:
        return []
    return [
        f"Nobody can be called lost before {days(material.gap)} of silence, so the curve is level "
        "until then: that is the rule, not the customers. Who came back after being called lost "
        "counts as a new customer."
    ]

"""What a test of an offer says: whether it kept customers, and what it brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, count_of
from retention.experiments.effects.profit_effect import profit_effect
from retention.experiments.effects.retention_effect import retention_effect
from retention.findings.likely_to_leave import WITHIN
from retention.frames import collect
from retention.frames.python_rows import rows_as_dicts
from retention.plots.trials.effect_plots import plot_effect
from retention.report.drawing import pictures_of_plot
from retention.report.parts import Grid, Section
from retention.tables import ASSIGNMENT, require
from retention.wording import (
    bounds_text,
    days,
    list_in_words,
    money,
    number,
    percent,
    points,
    signed_points,
    with_commas,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.report.material import Material

_KEY, _HEADING = "tested", "What the test says"


def tested_section(material: Material) -> Section:
    """Of each arm beside the control: how many more stayed, and what they brought."""
    days_watched = _days_watched(material)
    if not days_watched:
        return Section(_KEY, _HEADING, "Nobody was put into an arm of the test.")
    silence = 0 if material.of_contracts or material.gap is None else material.gap
    watched = _days_of_all(days_watched, material.control, silence)
    horizon = min(WITHIN + silence, watched)
    if material.spells is None:
        return Section(_KEY, _HEADING, "Who was lost cannot be told, so neither what kept them.")
    if horizon <= silence:
        return Section(_KEY, _HEADING, _too_early(watched, silence))
    try:
        effects = _effects_on_staying(material, horizon)
    except ContentError as refusal:
        return Section(_KEY, _HEADING, f"What the test did cannot be told. {refusal}")
    rows = rows_as_dicts(effects, order=("arm",))
    shown = [row for row in rows if min(row["n"], row["n_control"]) >= material.smallest]
    if not shown:
        return Section(_KEY, _HEADING, "Too few customers were in the test to say.")
    earned = _effects_on_money(material, min(WITHIN, watched))
    return Section(
        _KEY,
        _HEADING,
        _finding_on_arms(shown),
        pictures=() if len(shown) < len(rows) else _picture_of_arms(material, effects, shown),
        grids=(_grid_of_arms(shown), *_grids_of_money(earned, shown)),
        notes=tuple(_notes_on_test(shown, earned, silence, len(rows) - len(shown))),
    )


def _days_watched(material: Material) -> dict[str, int]:
    """For how long each arm was watched at least in part, up to the last day."""
    rows = require(material.assignment, ASSIGNMENT)
    day = periods.day_expr("assigned", rows.implementation)
    arms = rows.with_columns(_day=day).group_by("arm").agg(_first=nw.col("_day").min())
    columns, last = collect(arms), periods.number_of(material.asked.as_of)
    days = np.nan_to_num(last - columns["_first"].astype(np.float64), nan=0.0).clip(0)
    return dict(zip(map(str, columns["arm"].tolist()), days.astype(int).tolist(), strict=True))


def _days_of_all(watched: Mapping[str, int], control: str, silence: int) -> int:
    """For how long all arms were; those with which it is too early yet hold up no others."""
    started = [days for arm, days in watched.items() if arm != control and days > silence]
    return min(watched.get(control, max(watched.values())), *(started or watched.values()))


def _too_early(watched: int, silence: int) -> str:
    if not silence:
        return "It is too early to say: nobody has been watched for a day since the test began."
    return (
        f"It is too early to say: lost means silent for {days(silence)} here, and the test has "
        f"been watched for {days(watched)}."
    )


def _effects_on_staying(material: Material, horizon: int) -> Any:
    return retention_effect(
        material.assignment,
        material.spells,
        control=material.control,
        horizon=horizon,
        as_of=material.asked.as_of,
        estimator="kaplan-meier",
        level=material.asked.level,
    )


def _effects_on_money(material: Material, within: int) -> list[dict[str, Any]]:
    """What customers brought in the days after, of orders; nothing where that is not known yet."""
    if material.of_contracts or within < 1:
        return []
    try:
        found = profit_effect(
            material.assignment,
            material.table,
            control=material.control,
            within=within,
            as_of=material.asked.as_of,
            of="profit" if material.knows_profit else "sales",
            level=material.asked.level,
        )
    except ContentError:  # nobody's window is over
        return []
    return rows_as_dicts(found, order=("arm",))


def _is_clear(row: dict[str, Any]) -> bool:
    """Whether an arm differs from the control, all arms counted."""
    known = row["lower_all"] is not None and row["upper_all"] is not None
    return known and not row["lower_all"] <= 0 <= row["upper_all"]


def _finding_on_arms(rows: list[dict[str, Any]]) -> str:
    """The arm that differs most clearly, or that none does."""
    clear = [row for row in rows if _is_clear(row)]
    after = f"after {days(rows[0]['horizon'])}"
    if not clear:
        known = [row for row in rows if row["difference"] is not None]
        if not known:
            return f"How many stayed {after} cannot be compared. {rows[0]['reason']}"
        said = [f"“{row['arm']}” {_difference_in_words(row)}" for row in known]
        return f"No clear difference {after}: {list_in_words(said)}."
    best = max(clear, key=lambda row: (abs(row["z"] or 0), row["arm"]))
    return (
        f"Of the customers in “{best['arm']}” {percent(best['retention'])} were still here {after},"
        f" of “{best['compared_to']}” {percent(best['retention_control'])}: "
        f"{_difference_in_words(best)}."
    )


def _difference_in_words(row: dict[str, Any]) -> str:
    bounds = (row["lower_all"], row["upper_all"])
    if None in bounds:
        return points(row["difference"])
    ends = [signed_points(bound) for bound in bounds]
    return f"{points(row['difference'])} ({ends[0]} to {ends[1]})"


def _picture_of_arms(material: Material, effects: Any, shown: list[dict[str, Any]]) -> Any:
    told = [f"“{row['arm']}” {_difference_in_words(row)}" for row in shown]
    title = f"How many more stayed than in “{material.control}”"
    said = f"Beside “{material.control}”: {list_in_words(told)}."
    return pictures_of_plot(material, plot_effect, effects, title=title, told=said)


def _grid_of_arms(rows: list[dict[str, Any]]) -> Grid:
    """The control first, then each arm beside it."""
    first = rows[0]
    lines = [
        (
            first["compared_to"],
            with_commas(first["n_control"]),
            percent(first["retention_control"]),
            bounds_text(percent(first["lower_control"]), percent(first["upper_control"])),
            *("–", "–", "–"),
        )
    ]
    for row in rows:
        ends = (row["difference_lower"], row["difference_upper"])
        bounds = bounds_text(signed_points(ends[0]), signed_points(ends[1]))
        lines.append(
            (
                row["arm"],
                with_commas(row["n"]),
                percent(row["retention"]),
                bounds_text(percent(row["lower"]), percent(row["upper"])),
                points(row["difference"]),
                bounds,
                number(row["p_adjusted"], 3),
            )
        )
    heads = ("Arm", "Customers", "Still here", "Bounds", "More than control", "Bounds", "p")
    return Grid(f"Who was still here after {days(first['horizon'])}", heads, tuple(lines))


def _grids_of_money(earned: list[dict[str, Any]], shown: list[dict[str, Any]]) -> tuple[Grid, ...]:
    """What a customer of each arm brought."""
    arms = {row["arm"] for row in shown}
    rows = [row for row in earned if row["arm"] in arms]
    if not rows:
        return ()
    first = rows[0]
    lines = [(first["compared_to"], money(first["mean_control"]), "–", "–", "–")]
    lines += [
        (
            row["arm"],
            money(row["mean"]),
            money(row["difference"]),
            bounds_text(money(row["difference_lower"]), money(row["difference_upper"])),
            number(row["p_adjusted"], 3),
        )
        for row in rows
    ]
    what = f"{first['of'].capitalize()} of a customer in the first {days(first['within'])}"
    heads = ("Arm", "Each", "More than control", "Bounds", "p")
    return (Grid(what, heads, tuple(lines)),)


def _notes_on_test(
    rows: list[dict[str, Any]], earned: list[dict[str, Any]], silence: int, n_hidden: int
) -> list[str]:
    """Who counts where, what is not known yet, and what comes after."""
    unknown = sum(row["n_unknown"] for row in rows) + rows[0]["n_unknown_control"]
    notes = [
        "Everybody counts in the arm into which they were put, whether they took the offer or not; "
        f"{count_of(unknown, 'customer was', 'customers were')} not watched to the end and count "
        "as long as they were."
    ]
    if silence:
        notes.append(
            f"Lost means silent for {days(silence)} here, and a loss is dated to the end of the "
            "silence."
        )
    if len(rows) > 1:
        notes.append(
            "The sentence above and p have been told how many arms there are; the bounds in the "
            "table are of each arm alone."
        )
    if earned:
        notes.append(
            "What customers bring is counted of those alone whose days are over, and the cost of "
            "the offer is not in it."
        )
    notes.append("What comes after the days that were watched, this does not say.")
    if n_hidden:
        notes.append(f"{count_of(n_hidden, 'arm')} had too few customers to be shown.")
    return notes

"""What warned of those who left, and how early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import count_of
from retention.findings.likely_to_leave import WITHIN
from retention.frames import in_kind_of, one_row
from retention.frames.python_rows import rows_as_dicts
from retention.plots.paper.palette import LOOKS
from retention.plots.warning.alarm_plots import plot_leads
from retention.report.drawing import pictures_of_plot
from retention.report.parts import Grid, Picture, Section
from retention.signals.judging.alarm_kpis import alarm_kpis
from retention.signals.judging.alarm_leads import alarm_leads
from retention.signals.judging.alarms_in_spells import refuse_unsaid_alarms
from retention.tables import ALARMS, require
from retention.wording import bounds_text, days, list_in_words, number, percent, with_commas

if TYPE_CHECKING:
    from retention.frames import Frame
    from retention.report.material import Material

_HEADING = "What warned us, and how early"
_LEADS = (1, 7, 14, 30, 60, 90)


def warned_section(material: Material) -> Section:
    """Of each signal that rang: how often it was right, and of how many it warned in time."""
    if material.spells is None:
        return Section("warned", _HEADING, "Who was lost cannot be told, so neither what warned.")
    alarms, apart = _alarms_of_material(material)
    if not apart:
        return Section("warned", _HEADING, "No alarm rang in the time that the file covers.")
    asked = _terms_of_judging(material, apart)
    kpis = rows_as_dicts(alarm_kpis(alarms, material.spells, **asked), order=("signal",))
    shown = [row for row in kpis if row["precision"] is not None and row["base_precision"]]
    shown = [row for row in shown if min(row["n_alarms"], row["n_churners"]) >= material.smallest]
    if not shown:
        return Section("warned", _HEADING, "Too few alarms were followed long enough to say.")
    early = alarm_leads(alarms, material.spells, leads=_LEADS, **asked)
    names = [row["signal"] for row in shown]
    leads = [row for row in rows_as_dicts(early, order=("signal",)) if row["signal"] in names]
    return Section(
        "warned",
        _HEADING,
        _finding_on_signals(shown, asked["horizon"]),
        pictures=_picture_of_leads(material, leads, _signals_to_draw(shown)),
        grids=(_grid_of_signals(shown), _grid_of_leads(leads)),
        notes=tuple(_notes_on_alarms(material, asked["horizon"], len(kpis) - len(shown))),
    )


def _alarms_of_material(material: Material) -> tuple[Any, int]:
    """One alarm a customer, signal and day of the time covered; and how far apart they lie."""
    rung = require(material.alarms, ALARMS).select("customer_id", "date", "signal")
    refuse_unsaid_alarms(rung)
    engine = rung.implementation
    first, last = (periods.number_of(day) for day in _watched_days(material))
    rows = rung.with_columns(_day=periods.day_expr("date", engine))
    rows = rows.filter((nw.col("_day") >= first) & (nw.col("_day") <= last))
    rows = rows.group_by("customer_id", "signal", "_day").agg(nw.col("date").min())
    return _in_kind(rows, material), _days_apart(rows)


def _in_kind(rows: Frame, material: Material) -> Any:
    kept = rows.select("customer_id", "date", "signal")
    return in_kind_of(kept, material.alarms, order=["signal", "date", "customer_id"])


def _days_apart(rows: Frame) -> int:
    """The fewest days between two alarms of one customer and signal; 0 where none rang."""
    if not one_row(rows.select(nw.len().alias("n")))["n"]:
        return 0
    before = nw.col("_day").shift(1).over("customer_id", "signal", order_by="_day")
    apart = rows.with_columns(_apart=nw.col("_day") - before)
    found = one_row(apart.select(nw.col("_apart").min()))["_apart"]
    return WITHIN if found is None else int(found)


def _watched_days(material: Material) -> tuple[Any, Any]:
    return material.asked.observed_from or material.first, material.asked.as_of


def _terms_of_judging(material: Material, apart: int) -> dict[str, Any]:
    """A loss by silence comes that much later, so its alarms are followed for longer."""
    first, last = _watched_days(material)
    silence = None if material.of_contracts else material.gap
    return {
        "horizon": WITHIN + (silence or 0),
        "apart": apart,
        "as_of": last,
        "observed_from": first,
        "silence": silence,
        "level": material.asked.level,
    }


def _is_telling_signal(row: dict[str, Any]) -> bool:
    """Whether a signal was right more often than days at random, beyond its bounds."""
    return row["lower"] is not None and row["lower"] > row["base_precision"]


def _finding_on_signals(rows: list[dict[str, Any]], horizon: int) -> str:
    """The signal that was right most often beside chance, or that none was."""
    telling = [row for row in rows if _is_telling_signal(row)]
    if not telling:
        said = list_in_words([f"“{row['signal']}”" for row in rows])
        return f"Nothing warned: after {said} customers were not lost clearly more often."
    best = max(telling, key=lambda row: (row["lift"], row["signal"]))
    bounds = f"{percent(best['lower'])} to {percent(best['upper'])}"
    found = (
        f"After “{best['signal']}” {percent(best['precision'])} ({bounds}) of the customers were "
        f"lost within {days(horizon)}, of any day's customers {percent(best['base_precision'])}"
    )
    if best["recall"] is None:
        return f"{found}."
    return f"{found}; it had rung for {percent(best['recall'])} of those who were lost."


def _signals_to_draw(shown: list[dict[str, Any]]) -> list[str]:
    """As many signals as one can tell apart, those that were right most often first."""
    best = sorted(shown, key=lambda row: (-row["lift"], row["signal"]))
    return [row["signal"] for row in best[: len(LOOKS)]]


def _picture_of_leads(
    material: Material, every: list[dict[str, Any]], names: list[str]
) -> tuple[Picture, ...]:
    """The share of the lost that were warned of, by how early."""
    import pandas as pd

    rows = [row for row in every if row["signal"] in names]
    if not any(row["share_warned"] for row in rows):
        return ()
    shares = {}
    for row in rows:
        if row["lead"] == _LEADS[2] and row["share_warned"] is not None:
            shares[row["signal"]] = f"“{row['signal']}” for {percent(row['share_warned'])}"
    told = f"At least {days(_LEADS[2])} before the loss rang {list_in_words(list(shares.values()))}"
    title = "Of all who were lost, for how many it rang so early"
    if len(rows) < len(every):
        title += f": the {len(names)} signals after which most were lost"
    return pictures_of_plot(material, plot_leads, pd.DataFrame(rows), title=title, told=f"{told}.")


def _grid_of_signals(rows: list[dict[str, Any]]) -> Grid:
    lines = []
    for row in sorted(rows, key=lambda row: (-row["lift"], row["signal"])):
        known = row["lower"] is not None
        lines.append(
            (
                row["signal"],
                with_commas(row["n_alarms"]),
                percent(row["precision"]),
                bounds_text(percent(row["lower"]), percent(row["upper"])) if known else "–",
                percent(row["base_precision"]),
                percent(row["recall"]),
                percent(row["chance_recall"]),
                number(row["false_per_100_months"], 1),
            )
        )
    worth = ("Alarms", "Lost after it", "Bounds", "After any day")
    cost = ("Lost that it rang for", "By chance", "In vain, 100 customers a month")
    return Grid("What the alarms were worth", ("Signal", *worth, *cost), tuple(lines))


def _grid_of_leads(rows: list[dict[str, Any]]) -> Grid:
    """A line a signal: the share of the lost it rang for so many days ahead."""
    shares: dict[str, dict[int, str]] = {}
    for row in rows:
        shares.setdefault(row["signal"], {})[row["lead"]] = percent(row["share_warned"])
    lines = [(signal, *(told[lead] for lead in _LEADS)) for signal, told in shares.items()]
    heads = tuple(f"{days(lead)} before" for lead in _LEADS)
    return Grid(
        "Of all who were lost, for how many it rang in time", ("Signal", *heads), tuple(lines)
    )


def _notes_on_alarms(material: Material, horizon: int, n_hidden: int) -> list[str]:
    """What an alarm that is not over yet counts as, what a silence foresees, what calls change."""
    notes = [
        f"An alarm is followed for {days(horizon)}; one that could not be followed so long yet "
        "counts as far as it was. Beside each figure stands what days at random would give."
    ]
    if material.gap is not None and not material.of_contracts:
        notes.append(
            f"Lost means silent for {days(material.gap)} here, so whatever listens to silence "
            f"foresees that as it happens. Only what rang more than {days(material.gap)} before "
            "the loss rang before the last order."
        )
    notes.append(
        "If you called those for whom it rang and kept them, their alarms look in vain: whether "
        "calls keep customers only an experiment tells."
    )
    if n_hidden:
        notes.append(f"{count_of(n_hidden, 'signal')} rang too seldom to be shown.")
    return notes

"""Why customers left, as far as they told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError, count_of
from retention.frames import as_lazy, in_kind_of
from retention.frames.python_rows import rows_as_dicts
from retention.plots.reason_plots import plot_reasons
from retention.reasons.categories import NO_REASON
from retention.reasons.figures.reason_summary import reason_summary
from retention.reasons.tags.tagging import tag_reasons
from retention.report.drawing import pictures_of_plot
from retention.report.parts import Grid, Section
from retention.wording import bounds_text, percent, with_commas

if TYPE_CHECKING:
    from retention.report.material import Material

_HEADING = "Why customers left"


def why_left_section(material: Material) -> Section:
    """The reasons that customers gave, those named by enough of them."""
    answer = reason_summary(tags_of(material), base="tagged", level=material.asked.level)
    rows = [row for row in rows_as_dicts(answer) if row["category"] not in NO_REASON]
    rows.sort(key=lambda row: (-row["n_customers"], row["category"]))
    named = [row for row in rows if row["n_customers"]]
    shown = [row for row in named if row["n_customers"] >= material.smallest]
    if not shown:
        said = f"No reason was given by {count_of(material.smallest, 'customer')} or more."
        return Section("reasons", _HEADING, said)
    kept = nw.col("category").is_in([row["category"] for row in shown])
    frame = as_lazy(answer, name="reasons").filter(kept)
    pictures = pictures_of_plot(
        material,
        plot_reasons,
        in_kind_of(frame, answer, order=("category",)),
        title="Reasons named, of the customers who told one",
        told="; ".join(f"{row['label']} {percent(row['share'])}" for row in shown) + ".",
        size=(7.6, 1.4 + 0.34 * len(shown)),
    )
    grid = _grid_of_reasons(shown)
    notes = tuple(_notes_on_reasons(material, named, shown))
    return Section("reasons", _HEADING, _finding_on_reasons(shown), (), pictures, (grid,), notes)


def tags_of(material: Material) -> Any:
    """The notes' reasons up to `as_of`; notes that have been tagged already stay as they are.

    Raises:
        ColumnError: if `date` does not hold dates.
    """
    notes = material.notes
    frame = as_lazy(notes, name="notes")
    schema = frame.collect_schema()
    if "date" in schema:
        if not isinstance(schema["date"], nw.Date | nw.Datetime):
            raise ColumnError(
                "notes: 'date' must hold dates, as pd.to_datetime makes them; it holds "
                f"{schema['date']}. Convert it, or leave it out."
            )
        day = periods.day_expr("date", frame.implementation)
        seen = frame.filter(day <= periods.number_of(material.asked.as_of))
        notes = in_kind_of(seen, notes)
    return notes if "category" in schema else tag_reasons(notes)


def _finding_on_reasons(shown: list[dict[str, Any]]) -> str:
    """The reason most named, and whether that is clear."""
    first = shown[0]
    start = (
        f"{first['label']} was named by {percent(first['share'])} of the "
        f"{count_of(first['n_base'], 'customer')} who told a reason "
        f"({percent(first['lower'])} to {percent(first['upper'])})"
    )
    if len(shown) == 1:
        return f"{start}."
    second = shown[1]
    if first["lower"] > second["upper"]:
        return f"{start}, clearly more often than any other."
    return (
        f"{start}; that is not clearly more often than {second['label'].lower()} "
        f"({percent(second['share'])})."
    )


def _grid_of_reasons(shown: list[dict[str, Any]]) -> Grid:
    rows = [
        (
            row["label"],
            with_commas(row["n_customers"]),
            percent(row["share"]),
            bounds_text(percent(row["lower"]), percent(row["upper"])),
            with_commas(row["n_first"]),
            {"yes": "yes", "no": "no"}.get(row["preventable"], "–"),
        )
        for row in shown
    ]
    heads = ("Customers", "Share", "Bounds", "Named first", "Preventable, by Keaveney")
    return Grid("Reasons, of the customers who told one", ("Reason", *heads), tuple(rows))


def _notes_on_reasons(
    material: Material, named: list[dict[str, Any]], shown: list[dict[str, Any]]
) -> list[str]:
    told = [
        "Customers may name several reasons, so shares may sum to more than 100%. Who writes need "
        "not be like who does not. Reasons were found in the notes by a list of phrases, which "
        "errs now and then."
    ]
    if "category" in as_lazy(material.notes, name="notes").collect_schema():
        told[0] = told[0].partition(" Reasons were")[0]
    if hidden := len(named) - len(shown):
        few = count_of(material.smallest, "customer")
        reasons = count_of(hidden, "reason is", "reasons are")
        told.append(f"{reasons} not shown, named by fewer than {few}.")
    return told

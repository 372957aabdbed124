"""Notes that people labelled: what was written, and which categories each carries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError, count_of
from retention.frames import Columns, as_lazy, collect
from retention.names import inner_name
from retention.reasons.categories import MISSING, UNSPECIFIED, check_category
from retention.reasons.figures.primary_reasons import complete_column, places_of
from retention.reasons.notes.reading import read_notes, texts_of_notes
from retention.tables import LABELS, require

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Labelled:
    """Notes with labels, in an order that is not that of the table.

    Attributes:
        texts: what was written.
        categories: those that some note carries, in the order of `reason_categories`.
        carried: which of them (columns) each note (rows) carries.
        values: what the notes are grouped by, if by anything.
        remarks: in words, what was left out.
    """

    texts: list[str]
    categories: tuple[str, ...]
    carried: NDArray[np.bool_]
    values: NDArray[Any] | None
    remarks: tuple[str, ...]

    def only(self, kept: NDArray[np.bool_]) -> Labelled:
        """The same with some of the categories."""
        names = tuple(n for n, keep in zip(self.categories, kept, strict=True) if keep)
        return replace(self, categories=names, carried=self.carried[:, kept])


def read_labelled(notes: object, labels: object, columns: tuple[str, str, str | None]) -> Labelled:
    """The notes that have labels and a text, with both.

    Args:
        notes: a note a row.
        labels: a row per note and reason.
        columns: of the text, of the note's id and of the groups, if there are any.

    Raises:
        ColumnError: if a column is missing, or ids are text in one table and numbers in the other.
        ContentError: if there are no labels, notes with labels are not there, or have no group.
        RetentionError: if a label is no reason.
    """
    text, note_id, groups = columns
    rows = _notes_with_groups(notes, text, note_id, groups)
    texts = texts_of_notes(rows["value"], text)
    note, category = _labels_by_note(labels, rows["note_id"])
    place, names = places_of(category)
    carried = np.zeros((len(texts), len(names)), np.bool_)
    carried[note, place] = True
    has_label = carried.any(axis=1)
    blank = np.array([one is None for one in texts], np.bool_)
    chosen = np.flatnonzero(has_label & ~blank)
    if groups is not None:
        complete_column(rows["groups"][chosen], groups, "notes")
    ordered = sorted((texts[i] or "", str(rows["note_id"][i]), int(i)) for i in chosen)
    order = np.array([i for *_, i in ordered], np.intp)
    seen = carried[order].any(axis=0) & ~np.isin(names, (UNSPECIFIED, MISSING))
    return Labelled(
        [one for one, *_ in ordered],
        tuple(name for name, there in zip(names, seen, strict=True) if there),
        carried[order][:, seen],
        None if groups is None else rows["groups"][order],
        _remarks_on_left_out(int((~has_label).sum()), int((has_label & blank).sum())),
    )


def _notes_with_groups(
    notes: object, text: str, note_id: str, groups: str | None
) -> dict[str, NDArray[Any]]:
    asked = [] if groups is None else [groups]
    frame = as_lazy(notes, name="notes", by_row=True)
    schema = frame.collect_schema()
    if groups is not None and inner_name(groups) not in schema:
        raise ColumnError.unknown("groups", groups, schema)
    rows, kept = read_notes(
        notes, ("text", text), note_id=note_id, keep=asked, taken=(), name="notes"
    )
    return rows if groups is None else rows | {"groups": kept[groups]}


def _labels_by_note(
    labels: object, ids: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """Of each label the place of its note, and its category."""
    import pandas as pd

    truth = read_labels(labels)
    if (ids.dtype.kind in "iu") != (truth["note_id"].dtype.kind in "iu"):
        raise ColumnError(
            "labels: 'note_id' is text in one table and numbers in the other. Give both the same."
        )
    note = pd.Index(ids).get_indexer(pd.Index(truth["note_id"]))
    if lacking := pd.unique(truth["note_id"][note < 0]).tolist():
        raise ContentError(
            f"labels: {count_of(len(lacking), 'note with labels is', 'notes with labels are')} "
            "not among the notes, first "
            f"{lacking[0]!r}. Give the notes that were labelled."
        )
    return note, truth["category"]


def read_labels(labels: object) -> Columns:
    """Of each label its note, `note_id`, and its `category`.

    Raises:
        ColumnError: if a column is missing.
        ContentError: if there are no labels, or one lacks its note or category.
        RetentionError: if one is no reason.
    """
    truth = collect(require(labels, LABELS).select(LABELS.names))
    for name in LABELS.names:
        truth[name] = complete_column(truth[name], name, "labels")
    if not truth["note_id"].size:
        raise ContentError("labels: the table is empty.")
    said = {str(one): str(one).partition(".")[0] for one in set(truth["category"].tolist())}
    for one in sorted(set(said.values()) - {UNSPECIFIED, MISSING}):
        check_category(one, argument="labels", own=True)
    category = [said[str(one)] for one in truth["category"].tolist()]
    return truth | {"category": np.array(category, dtype=object)}


def _remarks_on_left_out(n_unlabelled: int, n_blank: int) -> tuple[str, ...]:
    said = {
        "notes have no labels and were left out.": n_unlabelled,
        "labelled notes are blank and were left out.": n_blank,
    }
    return tuple(f"{n:,} {what}" for what, n in said.items() if n)

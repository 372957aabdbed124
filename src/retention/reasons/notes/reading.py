"""Notes and codes as arrays: which note, whose, what stands in it, and what goes along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError, count_of, warn
from retention.frames import Columns, as_lazy, collect
from retention.names import columns_as_asked, inner_name
from retention.reasons.notes.words import LONGEST_NOTE
from retention.tables import refuse_taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_HALF = re.compile("[\ud800-\udfff]")


def read_notes(
    table: object,
    value: tuple[str, str],
    *,
    note_id: str,
    keep: str | Sequence[str],
    taken: Iterable[str],
    name: str,
) -> tuple[Columns, Columns]:
    """The rows of a table of notes, and apart from them the columns to keep.

    Args:
        table: one note or code a row.
        value: the argument that names the column to read, and the column.
        note_id: the column that says which note; where there is none, rows are numbered from 0.
        keep: further columns that go along.
        taken: the columns of the answer, which none of these may be named like.
        name: what messages call the table.

    Returns:
        `note_id`, `customer_id` (None everywhere where the table has none) and `value`; and the
        columns to keep. Whole numbers with gaps are Python's, so that no digit is lost.

    Raises:
        ColumnError: if a column is not there, or one to keep has a name that the answer uses.
        ContentError: if a note has no id, two have the same, or one holds half of a character (a
            surrogate without the other), which no file and no engine can hold.
    """
    kept = list(keep) if isinstance(keep, Iterable) and not isinstance(keep, str) else [keep]
    for column in kept:
        if not isinstance(column, str):
            raise ColumnError(f"keep must name columns, as text; got {column!r}.")
    frame = as_lazy(table, name=name, by_row=True)
    schema = frame.collect_schema()
    for argument, column in [value, *(("keep", one) for one in kept)]:
        if inner_name(column) not in schema:
            raise ColumnError.unknown(argument, column, schema)
    refuse_taken(kept, taken, argument="keep")
    named = [one for one in (note_id, "customer_id") if inner_name(one) in schema]
    asked = [*named, value[1], *kept]
    found = collect(frame.select(*dict.fromkeys(map(inner_name, asked))), exact=True)
    found = columns_as_asked(found, asked)
    size = found[value[1]].size
    nobody = np.full(size, None, dtype=object)
    rows = {
        "note_id": _checked_ids(found[note_id], note_id, name)
        if note_id in found
        else np.arange(size),
        "customer_id": without_nan(found.get("customer_id", nobody)),
        "value": without_nan(found[value[1]]),
    }
    _refuse_halves(rows["value"], value[1], name)
    return rows, {column: without_nan(found[column]) for column in kept}


def without_nan(values: NDArray[Any]) -> NDArray[Any]:
    """Python objects with None where something else stands for nothing."""
    if values.dtype.kind != "O":
        return values
    from pandas import isna

    whole = values.copy()
    whole[isna(values)] = None
    return whole


def true_flags(values: NDArray[Any]) -> NDArray[np.bool_]:
    """A column of true and false; what is missing is false."""
    return np.asarray(np.equal(without_nan(values), True), np.bool_)


def _refuse_halves(values: NDArray[Any], column: str, name: str) -> None:
    """Refuse texts that UTF-8 cannot write."""
    for text in values.tolist() if values.dtype.kind == "O" else ():
        if isinstance(text, str) and _HALF.search(text):
            raise ContentError(
                f"{name}: {column!r} holds half of a character, as of an emoji cut in two: "
                f"{text[:80]!r}. In pandas: .map(lambda text: text.encode('utf-8', "
                "'replace').decode(), na_action='ignore')."
            )


def _checked_ids(values: NDArray[Any], column: str, name: str) -> NDArray[Any]:
    import pandas as pd

    places, distinct = pd.factorize(values)
    if n := int((places < 0).sum()):
        raise ContentError(
            f"{name}: {count_of(n, 'row has', 'rows have')} no {column!r}. Fill it in, or leave "
            "them out."
        )
    if len(distinct) < values.size:
        counts = np.bincount(places)
        first = distinct[int(np.argmax(counts > 1))]
        raise ContentError(
            f"{name}: {column!r} must be different in every row; "
            f"{count_of(int((counts > 1).sum()), 'stands', 'stand')} "
            f"in several, first {first!r}."
        )
    return values


def texts_of_notes(values: NDArray[np.object_], column: str) -> list[str | None]:
    """The notes as texts, of each what is read of it; blank ones are None.

    Args:
        values: the column, None where nothing was written.
        column: its name.

    Raises:
        ContentError: if something else than text stands in it.

    Warns:
        RetentionWarning: if a note has more than 20,000 characters: what follows is not read.
    """
    if values.dtype.kind not in "OU" and not np.isnan(values.astype(float)).all():
        raise ContentError(f"notes: {column!r} must hold text; got {values.dtype}.")
    given = values.tolist() if values.dtype.kind in "OU" else [None] * values.size
    for value in given:
        if value is not None and not isinstance(value, str):
            raise ContentError(f"notes: {column!r} must hold text; got {value!r}.")
    too_long = sum(value is not None and len(value) > LONGEST_NOTE for value in given)
    if too_long:
        warn(
            f"{count_of(too_long, 'note has', 'notes have')} more than {LONGEST_NOTE:,} "
            "characters: what follows is not read."
        )
    return [value[:LONGEST_NOTE] if value and value.strip() else None for value in given]

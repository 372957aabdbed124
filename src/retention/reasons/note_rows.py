"""Notes and codes as arrays: which note, whose, what stands in it, and what goes along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError
from retention.frames import Columns, as_lazy, collect
from retention.tables import TAGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def read_notes(
    table: object, value: tuple[str, str], *, note_id: str, keep: str | Sequence[str], name: str
) -> Columns:
    """The rows of a table of notes: `note_id`, `customer_id`, `value` and the columns to keep.

    Args:
        table: one note or code a row.
        value: the argument that names the column to read, and the column.
        note_id: the column that says which note; where there is none, rows are numbered from 0.
        keep: further columns that go along.
        name: what messages call the table.

    Returns:
        The columns; `customer_id` is None everywhere where the table has none.

    Raises:
        ColumnError: if a column is not there, or one to keep has a name that answers use.
        ContentError: if a note has no id, or two have the same.
    """
    kept = [keep] if isinstance(keep, str) else list(keep)
    frame = as_lazy(table, name=name, by_row=True)
    schema = frame.collect_schema()
    for argument, column in [value, *(("keep", one) for one in kept)]:
        if column not in schema:
            raise ColumnError.unknown(argument, column, schema)
    for column in kept:
        if column in TAGS.names:
            raise ColumnError(f"keep: {column!r} is a name that answers use themselves. Rename it.")
    named = [one for one in (note_id, "customer_id") if one in schema]
    found = collect(frame.select(*dict.fromkeys([*named, value[1], *kept])))
    size = found[value[1]].size
    nobody = np.full(size, None, dtype=object)
    return {
        "note_id": _ids(found[note_id], note_id, name) if note_id in found else np.arange(size),
        "customer_id": without_nan(found.get("customer_id", nobody)),
        "value": without_nan(found[value[1]]),
        **{column: without_nan(found[column]) for column in kept},
    }


def without_nan(values: NDArray[Any]) -> NDArray[Any]:
    """Python objects with None where something else stands for nothing."""
    if values.dtype.kind != "O":
        return values
    from pandas import isna

    whole = values.copy()
    whole[isna(values)] = None
    return whole


def flags(values: NDArray[Any]) -> NDArray[np.bool_]:
    """A column of true and false; what is missing is false."""
    return np.asarray(np.equal(without_nan(values), True), np.bool_)


def _ids(values: NDArray[Any], column: str, name: str) -> NDArray[Any]:
    import pandas as pd

    places, distinct = pd.factorize(values)
    if n := int((places < 0).sum()):
        raise ContentError(f"{name}: {n:,} rows have no {column!r}. Fill it in, or leave them out.")
    if len(distinct) < values.size:
        counts = np.bincount(places)
        first = distinct[int(np.argmax(counts > 1))]
        raise ContentError(
            f"{name}: {column!r} must be different in every row; {int((counts > 1).sum()):,} stand "
            f"in several, first {first!r}."
        )
    return values

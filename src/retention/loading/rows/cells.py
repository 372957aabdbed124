"""Columns of Python objects, categories and the like: what a cell is beats how text is written.

A pandas column may hold numbers, times and text side by side. Where all its cells are of one kind
it gets that type; where they are not, each cell is said as text that has one reading only.
"""

from __future__ import annotations

from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any

from retention.errors import ColumnError
from retention.frames import readable_pandas
from retention.loading.rows.records import text_of_value, typed_column
from retention.loading.rows.text import column_of_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def table_and_mixed_texts(
    table: Any, roles: Mapping[str, str], kept: Iterable[str]
) -> tuple[Any, Any]:
    """A pandas table with the columns that play a part typed, and the texts of mixed ones.

    Columns that are kept stay as they are.

    Raises:
        ColumnError: if a column holds what is neither number, time, flag nor text.
    """
    made: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for role, column in roles.items():
        given = table[column]
        plain = _plain_values(role, column, given)
        if plain.dtype == object and not _is_only_text(plain):
            plain = _typed_cells(_objects_with_none(role, column, plain))
        if plain is given:
            continue
        if column in kept or (given.dtype == object and plain.dtype == "string"):
            texts[column_of_cells(column)] = _cells_as_text(plain)
        else:
            made[column] = plain
    return (table.assign(**made) if made else table), texts


def _objects_with_none(role: str, column: str, cells: Any) -> Any:
    """Python objects, None where missing."""
    try:
        return cells.astype(object).where(cells.notna(), None)
    except InvalidOperation:
        raise ColumnError(
            f"`{role}`: column {column!r} holds a signalling NaN of Python's Decimal, which cannot "
            "even be compared. Put None there first."
        ) from None


def _plain_values(role: str, column: str, values: Any) -> Any:
    """The values themselves, where pandas keeps them as categories or leaves out the commonest."""
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        return values.sparse.to_dense()
    if isinstance(dtype, pd.CategoricalDtype):
        inner = dtype.categories.dtype
        text = pd.api.types.is_string_dtype(dtype.categories)
        return values if text else _plain_values(role, column, values.astype(inner))
    if isinstance(dtype, pd.PeriodDtype):
        raise ColumnError(
            f"`{role}`: column {column!r} holds {dtype}, spans of time rather than days or labels. "
            "Convert it first: .dt.to_timestamp() for their first days, .astype(str) for labels."
        )
    if isinstance(dtype, pd.IntervalDtype) or dtype.kind == "c":
        raise ColumnError(
            f"`{role}`: column {column!r} holds {dtype}, neither numbers, days nor labels. "
            "Convert it first, such as with .astype(str)."
        )
    return readable_pandas(values, column, role)


def _typed_cells(cells: Any) -> Any:
    """Cells in the type that holds them all, else as text; times of several zones as text."""
    found = typed_column(cells.tolist())
    found.index = cells.index
    zones = {str(cell.tzinfo) for cell in cells.dropna()} if _has_zone(found) else set()
    return _cells_as_text(cells).astype("string") if len(zones) > 1 else found


def _has_zone(values: Any) -> bool:
    return getattr(values.dtype, "tz", None) is not None


def _cells_as_text(values: Any) -> Any:
    if values.dtype == "string":
        return values
    return values.astype(object).where(values.notna(), None).map(text_of_value, na_action="ignore")


def _is_only_text(values: Any) -> bool:
    from pandas.api.types import infer_dtype

    return infer_dtype(values, skipna=True) in ("string", "empty")

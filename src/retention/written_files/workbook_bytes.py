"""A workbook of tables for Excel: a sheet for each, its columns as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.errors import RetentionError
from retention.tables.answer_columns import unit_of
from retention.written_files.workbook_parts import (
    HEAD,
    MONEY,
    PLAIN,
    SHARE,
    SheetOfCells,
    cell_of_text,
    cell_of_value,
    packed_workbook,
    styles_of_workbook,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_ROWS, _WIDEST = 1_048_576, 60
_BY_UNIT = {"currency": MONEY, "share of 1": SHARE}


def workbook_bytes(sheets: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """Tables as the sheets of a workbook, their names in a row that stays in sight.

    Args:
        sheets: of each sheet its name, which Excel must take, and its columns as Python values.

    Raises:
        RetentionError: if a sheet would have more rows than Excel reads.
    """
    _refuse_long_sheets(sheets)
    made = {name: _sheet_of_columns(columns) for name, columns in sheets.items()}
    return packed_workbook(made, styles_of_workbook())


def _refuse_long_sheets(sheets: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    for name, columns in sheets.items():
        n = len(next(iter(columns.values()), ()))
        if n >= _MOST_ROWS:
            raise RetentionError(
                f"{n:,} rows for sheet {name!r}, and Excel reads {_MOST_ROWS:,} with the names: it "
                "would call the file damaged. Write .parquet or .csv."
            )


def _sheet_of_columns(columns: Mapping[str, Sequence[Any]]) -> SheetOfCells:
    """A sheet with the names of the columns above them."""
    styles = [_BY_UNIT.get(unit_of(name, columns), PLAIN) for name in columns]
    head = "".join(cell_of_text(name, HEAD) for name in columns)
    lines = [
        "".join(cell_of_value(value, style) for value, style in zip(row, styles, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    widths = [_width_of_column(name, values) for name, values in columns.items()]
    return SheetOfCells([head, *lines], widths)


def _width_of_column(name: str, values: Sequence[Any]) -> int:
    """As wide as its widest cell, within reason."""
    return min(_WIDEST, 2 + max(map(len, [name, *(str(value)[:_WIDEST] for value in values)])))

"""Excel workbooks: which sheet, which row is the header, and the cells as they were typed."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from retention.errors import ReadError, nearest_name
from retention.loading.files.encodings import other_kind
from retention.loading.files.relations import (
    Opened,
    columns_of_files,
    first_line,
    fresh_connection,
    names_by_place,
    names_spelled_alike,
    require_library,
)
from retention.loading.rows.records import table_of_rows
from retention.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Row = tuple[Any, ...]

_LOOKED_AT = 50


def open_workbooks(files: Sequence[Path], *, sheet: str | None, header_row: int | None) -> Opened:
    """Sheets of one layout as one table; numbers, dates and text as Excel holds them.

    Raises:
        ReadError: if a file is no workbook, the sheet is not clear or its header cannot be told.
        ColumnError: if two columns have one name, or the files have different columns.
    """
    require_library("openpyxl", "Reading Excel files", "excel")
    heads, rows = zip(*(_names_and_rows(path, sheet, header_row) for path in files), strict=True)
    alike = names_spelled_alike(heads)
    names, lacking = columns_of_files(zip(files, alike, strict=True))
    parts = (_reordered_rows(*part, names) for part in zip(alike, rows, strict=True))
    table = table_of_rows(list(chain.from_iterable(parts)), names)
    name = files[0].name if len(files) == 1 else f"{len(files)} files"
    return Opened(
        fresh_connection().from_df(table),
        name,
        lambda problem: ReadError(first_line(problem)),
        lacking,
    )


def _reordered_rows(names: Sequence[str], rows: list[Row], wanted: Sequence[str]) -> list[Row]:
    """The rows of one sheet with their cells in the order of all names, empty where it has none."""
    if list(names) == list(wanted):
        return rows
    place_of = {name: place for place, name in enumerate(names)}
    places = [place_of.get(name) for name in wanted]
    return [tuple(None if at is None else row[at] for at in places) for row in rows]


def _names_and_rows(
    path: Path, sheet: str | None, header_row: int | None
) -> tuple[tuple[str, ...], list[Row]]:
    """The column names of a sheet and its rows, blank rows and nameless blank columns left out."""
    with _opened_workbook(path) as book:
        chosen = _chosen_sheet(path, book, sheet)
        chosen.reset_dimensions()  # what some programs write there is wrong
        with _refusing_damage(path), progress_bar(f"reading {path.name}", " rows") as done:
            rows = [row for row in chosen.iter_rows(values_only=True) if not done(1)]
        where = f"{path}, sheet {chosen.title!r}"
    if not any(map(_filled_cells, rows)):
        raise ReadError(f"{where} is empty: it has no column names and no rows.")
    at = _place_of_header(where, rows) if header_row is None else header_row - 1
    if at >= len(rows):
        raise ReadError(f"{where} has no row {header_row}, which `header_row=` names.")
    width = max(len(row) for row in rows[at:])
    padded = [row + (None,) * (width - len(row)) for row in rows[at:] if _filled_cells(row)]
    kept = [place for place in range(width) if any(row[place] is not None for row in padded)]
    header, *lines = [tuple(row[place] for place in kept) for row in padded]
    return names_by_place(("" if cell is None else str(cell) for cell in header), where), lines


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    """Within it, whatever openpyxl raises is damage: of archive, XML, or numbers out of range."""
    try:
        yield
    except Exception as problem:
        raise ReadError(f"{path} is not a complete Excel workbook ({problem}).") from problem


@contextmanager
def _opened_workbook(path: Path) -> Iterator[Any]:
    import openpyxl

    with _refusing_damage(path), path.open("rb") as stream:
        head = stream.read(64)
    kind = None if head.startswith(b"PK") else other_kind(head)
    if kind:
        raise ReadError(f"{path} is no workbook that can be read, but {kind}.")
    if b"\0" not in head:
        raise ReadError(f"{path} is no workbook but text: if it is a table, name it .csv.")
    with _refusing_damage(path):
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        yield book
    finally:
        book.close()


def _chosen_sheet(path: Path, book: Any, sheet: str | None) -> Any:
    names = [each.title for each in book.worksheets]
    if sheet is None:
        visible = [each for each in book.worksheets if each.sheet_state == "visible"]
        if len(visible) == 1:
            return visible[0]
        raise ReadError(f"{path} has several sheets: {names}. Say which with `sheet=`.")
    if sheet not in names:
        near = nearest_name(sheet, names)
        hint = f" Did you mean {near!r}?" if near else ""
        raise ReadError(f"{path} has no sheet {sheet!r}.{hint} There is: {names}.")
    return book[sheet]


def _place_of_header(where: str, rows: Sequence[Row]) -> int:
    """The first row as full as any, if all of it is text and no row above has more than a title."""
    widths = [len(_filled_cells(row)) for row in rows[:_LOOKED_AT]]
    at = widths.index(max(widths))
    cells = _filled_cells(rows[at])
    titles = max(widths[:at], default=0) <= 1
    if not titles or not all(isinstance(cell, str) for cell in cells):
        shown = [
            f"row {n}: {_filled_cells(row)[:4]}" for n, row in enumerate(rows[: at + 1][:3], 1)
        ]
        raise ReadError(
            f"{where}: it is not clear which row holds the column names ({'; '.join(shown)}). "
            "Say `header_row=`, counted from 1."
        )
    return at


def _filled_cells(row: Row) -> list[Any]:
    return [cell for cell in row if cell is not None and cell != ""]

"""A report as a workbook: a sheet for each section, numbers as numbers, texts as texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retention.spelling import Signs, Written
from retention.written_files import workbook_parts as looks
from retention.written_files.safe_names import sheet_names_of
from retention.written_files.workbook_parts import (
    SheetOfCells,
    cell_of_text,
    cell_of_value,
    packed_workbook,
    styles_of_workbook,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.report.parts import Card, Grid, Section

_STYLES = {
    "share of 1": looks.RATE,
    "difference of shares": looks.POINTS,
    "count": looks.COUNT,
    "currency": looks.AMOUNT,
    "number": looks.NUMBER,
    "day": looks.DAY,
}
_NARROWEST, _WIDEST, _FIRST = 11, 46, 24
_OF_CARDS = ("Figure", "Value", "Of", "Change")


@dataclass(slots=True)
class _Sheet:
    """Rows as they are written, and how wide their columns are."""

    rows: list[str] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)

    def add_words(self, words: str, style: int) -> None:
        """A row with words, which may reach over the columns beside them."""
        self.rows.append(cell_of_text(words, style) if words else "")

    def add_cells(self, cells: Sequence[Any], style: int | None = None) -> None:
        """A row of cells, each as what it is, or all as texts of a style."""
        made = [
            _cell_of_report(one) if style is None else cell_of_text(one, style) for one in cells
        ]
        if style is None:
            made[0] = cell_of_text(str(cells[0]), looks.TEXT)
        self.rows.append("".join(made))
        self.widths += [_NARROWEST] * (len(cells) - len(self.widths))
        for place, one in enumerate(cells):
            self.widths[place] = max(self.widths[place], min(_WIDEST, len(str(one)) + 2))


def report_as_workbook(head: Sequence[str], sections: Sequence[Section], signs: Signs) -> bytes:
    """The whole report.

    Args:
        head: the title, and what stands beneath it.
        sections: its parts.
        signs: by which amounts are written.
    """
    names = sheet_names_of([_title_of_sheet(one) for one in sections])
    sheets = {"Report": _sheet_of_findings(head, sections)}
    sheets |= {names[_title_of_sheet(one)]: _sheet_of_section(one) for one in sections}
    return packed_workbook(sheets, styles_of_workbook(_format_of_amounts(signs)))


def _title_of_sheet(one: Section) -> str:
    return one.key.capitalize()


def _format_of_amounts(signs: Signs) -> str:
    """How Excel shows an amount: with the currency around it, its fraction as the currency has."""
    number = "#,##0" + ("." + "0" * signs.digits if signs.digits else "")
    before, after = (
        f'"{part.replace(chr(34), "")}"' if part else "" for part in (signs.before, signs.after)
    )
    return f"{before}{number}{after}"


def _sheet_of_findings(head: Sequence[str], sections: Sequence[Section]) -> SheetOfCells:
    """The first sheet: of what the report is, and what was found."""
    sheet = _Sheet()
    sheet.add_words(head[0], looks.TITLE)
    for words in head[1:]:
        sheet.add_words(words, looks.SOFT)
    sheet.add_words("", looks.SOFT)
    sheet.add_cells(("Sheet", "What was found"), looks.COLUMN)
    for one in sections:
        sheet.add_cells((_title_of_sheet(one), one.finding))
    return SheetOfCells(sheet.rows, [_FIRST, 120], (0, 1))


def _sheet_of_section(one: Section) -> SheetOfCells:
    """The heading and the finding, which stay in sight; then tiles, tables, notes."""
    sheet = _Sheet()
    sheet.add_words(one.heading, looks.TITLE)
    sheet.add_words(one.finding, looks.STRONG)
    if one.cards:
        sheet.add_words("", looks.SOFT)
        sheet.add_cells(_OF_CARDS, looks.COLUMN)
        for card in one.cards:
            sheet.add_cells(_cells_of_card(card))
    for grid in one.grids:
        _add_grid(sheet, grid)
    sheet.add_words("", looks.SOFT)
    for note in (*(picture.told for picture in one.pictures), *one.notes):
        sheet.add_words(note, looks.SOFT)
    widths = [max(_FIRST, *sheet.widths[:1]), *sheet.widths[1:]] if sheet.widths else [_FIRST]
    return SheetOfCells(sheet.rows, widths, (1, 2))


def _cells_of_card(card: Card) -> tuple[str, ...]:
    return card.label, card.value, card.told, card.change


def _add_grid(sheet: _Sheet, grid: Grid) -> None:
    """A table under its caption; bounds are two columns."""
    sheet.add_words("", looks.SOFT)
    sheet.add_words(grid.caption, looks.STRONG)
    columns = [[row[place] for row in grid.rows] for place in range(len(grid.columns))]
    split = [any(_is_pair(cell) for cell in cells) for cells in columns]
    heads = [
        name
        for head, two in zip(grid.columns, split, strict=True)
        for name in ([f"{head}: lower", f"{head}: upper"] if two else [head])
    ]
    sheet.add_cells(heads, looks.COLUMN)
    for row in grid.rows:
        cells = zip(row, split, strict=True)
        sheet.add_cells([part for cell, two in cells for part in _parts_of_cell(cell, two)])


def _is_pair(cell: str) -> bool:
    return isinstance(cell, Written) and isinstance(cell.value, tuple)


def _parts_of_cell(cell: str, two: bool) -> list[str]:
    """A cell, or the two of bounds; where none are known, both say so."""
    if not two:
        return [cell]
    if not (isinstance(cell, Written) and isinstance(cell.value, tuple)):
        return [cell, cell]
    ends = cell.split(" – ")
    return [Written(end, value, cell.unit) for end, value in zip(ends, cell.value, strict=True)]


def _cell_of_report(one: str) -> str:
    """A number as a number with its format; a period and all else as text, never as a formula."""
    if isinstance(one, Written) and one.value is not None and one.unit in _STYLES:
        return cell_of_value(_python_number(one.value), _STYLES[one.unit])
    return cell_of_text(str(one), looks.TEXT)


def _python_number(value: Any) -> Any:
    """A number of any engine as Python's own."""
    return value.item() if hasattr(value, "item") else value

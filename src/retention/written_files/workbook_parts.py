"""The parts of a workbook for Excel: the same bytes from the same cells, as no clock is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from math import isfinite
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold."""

_MOST_LETTERS, _MOST_EXACT = 32_767, 2**53
PLAIN, HEAD, DAY, MOMENT, MONEY, SHARE, TEXT = range(7)
"""How a cell is shown; text never as a formula, whatever it begins with."""

TITLE, STRONG, SOFT, COLUMN, COUNT, AMOUNT, RATE, POINTS, NUMBER, FIRST = range(7, 17)
"""How a cell of a report is shown: words, the heads of columns, numbers, the name of a row."""

_FONT = '<name val="Calibri"/></font>'
_NO_BORDER = "<border><left/><right/><top/><bottom/><diagonal/></border>"
_UNDERLINED = (
    '<border><left/><right/><top/><bottom style="thin"><color rgb="FF0B5C74"/></bottom>'
    "<diagonal/></border>"
)
_QUOTED = 'numFmtId="49" quotePrefix="1" applyNumberFormat="1"'


def styles_of_workbook(amount: str = "#,##0.00") -> str:
    """The styles of all cells, in the order of their numbers.

    Args:
        amount: the format of an amount of money in a report.
    """
    own = {
        164: "yyyy\\-mm\\-dd",
        165: "yyyy\\-mm\\-dd hh:mm",
        166: amount,
        167: "0.0%",
        168: "+0.0%;\u22120.0%;0.0%",
    }
    formats = "".join(
        f'<numFmt numFmtId="{number}" formatCode={quoteattr(code)}/>'
        for number, code in own.items()
    )
    cells = [
        _cell_style('numFmtId="0"'),
        _cell_style('numFmtId="0" applyFont="1"', font=1),
        *(_cell_style(f'numFmtId="{n}" applyNumberFormat="1"') for n in (164, 165, 4, 10)),
        _cell_style(_QUOTED),
        _cell_style(_QUOTED, font=2),
        _cell_style(_QUOTED, font=1),
        _cell_style(_QUOTED, font=3),
        _cell_style(_QUOTED, font=1, fill=2, border=1, wrap=True),
        *(_cell_style(f'numFmtId="{n}" applyNumberFormat="1"') for n in (3, 166, 167, 168, 4)),
        _cell_style(_QUOTED, font=1),
    ]
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="{len(own)}">{formats}</numFmts>'
        f'<fonts count="4"><font><sz val="11"/>{_FONT}<font><b/><sz val="11"/>{_FONT}'
        f'<font><b/><sz val="14"/>{_FONT}<font><sz val="11"/><color rgb="FF56606B"/>{_FONT}</fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid">'
        '<fgColor rgb="FFE4EEF1"/></patternFill></fill></fills>'
        f'<borders count="2">{_NO_BORDER}{_UNDERLINED}</borders><cellStyleXfs count="1">'
        '<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs><cellStyles count="1">'
        '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _cell_style(
    number: str, *, font: int = 0, fill: int = 0, border: int = 0, wrap: bool = False
) -> str:
    look = f'fontId="{font}" fillId="{fill}" borderId="{border}" xfId="0"'
    if not wrap:
        return f"<xf {number} {look}/>"
    return f'<xf {number} {look} applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf>'


@dataclass(frozen=True, slots=True)
class SheetOfCells:
    """A sheet.

    Attributes:
        rows: cells as XML, row by row, from `cell_of_value` and `cell_of_text`.
        widths: of the columns, in letters.
        frozen: how many columns and rows stay in sight.
    """

    rows: Iterable[str]
    widths: Sequence[float]
    frozen: tuple[int, int] = (0, 1)


def packed_workbook(sheets: Mapping[str, SheetOfCells], styles: str) -> bytes:
    """The workbook as bytes.

    Args:
        sheets: by their names, which Excel must take.
        styles: from `styles_of_workbook`.
    """
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": _types_of_parts(len(sheets)),
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": _names_of_sheets(list(sheets)),
        "xl/_rels/workbook.xml.rels": _relations(
            {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in numbers}
            | {"rId0": ("styles", "styles.xml")}
        ),
        "xl/styles.xml": styles,
    }
    for n, sheet in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = _sheet_as_xml(sheet)
    written = BytesIO()
    with ZipFile(written, "w") as archive:
        for name, text in parts.items():
            told = ZipInfo(name)  # of 1980: of no day
            told.compress_type = ZIP_DEFLATED
            archive.writestr(told, (_XML + text).encode("utf-8"))
    return written.getvalue()


def _sheet_as_xml(sheet: SheetOfCells) -> str:
    """A sheet; a cell says nothing of its place, which its order tells."""
    rows = "".join(f"<row>{line}</row>" for line in sheet.rows)
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{wide}" customWidth="1"/>'
        for n, wide in enumerate(sheet.widths, 1)
    )
    across, down = sheet.frozen
    split = (f'xSplit="{across}" ' if across else "") + f'ySplit="{down}"'
    pane = "bottomRight" if across else "bottomLeft"
    view = (
        f'<sheetViews><sheetView workbookViewId="0"><pane {split} topLeftCell="'
        f'{"AB"[across]}{down + 1}" activePane="{pane}" state="frozen"/></sheetView></sheetViews>'
    )
    wide = f"<cols>{widths}</cols>" if widths else ""
    return f'<worksheet xmlns="{_MAIN}">{view}{wide}<sheetData>{rows}</sheetData></worksheet>'


def _types_of_parts(n_sheets: int) -> str:
    of_sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>'
        for n in range(1, n_sheets + 1)
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>{of_sheets}</Types>'
    )


def _relations(to: Mapping[str, tuple[str, str]]) -> str:
    each = "".join(
        f'<Relationship Id="{name}" Type="{_RELATED}/{kind}" Target="{target}"/>'
        for name, (kind, target) in to.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'


def _names_of_sheets(names: list[str]) -> str:
    each = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, 1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheets>{each}</sheets></workbook>'


def cell_of_value(value: Any, style: int) -> str:
    """A value as a cell: numbers, days and true or false as such, all else as text."""
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        shown = MOMENT if isinstance(value, datetime) else DAY
        return f'<c s="{shown}"><v>{_day_of_excel(value)}</v></c>'
    exact = isinstance(value, int) and abs(value) <= _MOST_EXACT
    if exact or (isinstance(value, float) and isfinite(value)):
        return f'<c s="{style}"><v>{value!r}</v></c>'
    return cell_of_text(str(value), TEXT)


def cell_of_text(text: str, style: int) -> str:
    """A text as a cell, never as a formula, without what no workbook can hold."""
    kept = _NO_XML.sub("", text)
    if len(kept) > _MOST_LETTERS // 2:  # Excel counts letters beyond 65,535 as two
        kept = kept.encode("utf-16-le")[: 2 * _MOST_LETTERS].decode("utf-16-le", "ignore")
    plain = escape(kept)
    return f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">{plain}</t></is></c>'


def _day_of_excel(moment: date) -> str:
    """Days since 1899-12-30, as Excel counts them from March 1900 on."""
    days = moment.toordinal() - date(1899, 12, 30).toordinal()
    if not isinstance(moment, datetime):
        return str(days)
    seconds = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return repr(days + (seconds + moment.microsecond / 1e6) / 86_400)

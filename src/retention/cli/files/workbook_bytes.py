"""A workbook for Excel: the same bytes from the same tables, as no clock is read."""

from __future__ import annotations

import re
from datetime import date, datetime
from io import BytesIO
from math import isfinite
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from retention.errors import RetentionError
from retention.tables.answer_columns import unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold."""

_MOST_LETTERS, _MOST_ROWS, _WIDEST, _MOST_EXACT = 32_767, 1_048_576, 60, 2**53
_PLAIN, _HEAD, _DAY, _MOMENT, _MONEY, _SHARE, _TEXT = range(7)
"""How a cell is shown; text never as a formula, whatever it begins with."""

_BY_UNIT = {"currency": _MONEY, "share of 1": _SHARE}
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd hh:mm"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="7"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    + "".join(
        f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0" '
        'applyNumberFormat="1"/>'
        for number in (164, 165, 4, 10)
    )
    + '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" '
    'applyNumberFormat="1"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def workbook_bytes(sheets: Mapping[str, Mapping[str, Sequence[Any]]]) -> bytes:
    """Tables as the sheets of a workbook, their names in a row that stays in sight.

    Args:
        sheets: of each sheet its name, which Excel must take, and its columns as Python values.

    Raises:
        RetentionError: if a sheet would have more rows than Excel reads.
    """
    _refuse_long_sheets(sheets)
    parts = {
        "[Content_Types].xml": _types_of_parts(len(sheets)),
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": _names_of_sheets(list(sheets)),
        "xl/_rels/workbook.xml.rels": _relations(
            {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in _numbers_of(sheets)}
            | {"rId0": ("styles", "styles.xml")}
        ),
        "xl/styles.xml": _STYLES,
    }
    for n, columns in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{n}.xml"] = _sheet_of_columns(columns)
    written = BytesIO()
    with ZipFile(written, "w") as archive:
        for name, text in parts.items():
            told = ZipInfo(name)  # of 1980: of no day
            told.compress_type = ZIP_DEFLATED
            archive.writestr(told, (_XML + text).encode("utf-8"))
    return written.getvalue()


def _refuse_long_sheets(sheets: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    for name, columns in sheets.items():
        n = len(next(iter(columns.values()), ()))
        if n >= _MOST_ROWS:
            raise RetentionError(
                f"{n:,} rows for sheet {name!r}, and Excel reads {_MOST_ROWS:,} with the names: it "
                "would call the file damaged. Write .parquet or .csv."
            )


def _numbers_of(sheets: Mapping[str, object]) -> range:
    return range(1, len(sheets) + 1)


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


def _sheet_of_columns(columns: Mapping[str, Sequence[Any]]) -> str:
    """A sheet; a cell says nothing of its place, which its order tells."""
    styles = [_BY_UNIT.get(unit_of(name, columns), _PLAIN) for name in columns]
    head = "".join(_cell_of_text(name, _HEAD) for name in columns)
    lines = [
        "".join(_cell_of_value(value, style) for value, style in zip(row, styles, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
    rows = "".join(f"<row>{line}</row>" for line in [head, *lines])
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{_width_of_column(name, values)}" customWidth="1"/>'
        for n, (name, values) in enumerate(columns.items(), 1)
    )
    view = (
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
        'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    )
    wide = f"<cols>{widths}</cols>" if widths else ""
    return f'<worksheet xmlns="{_MAIN}">{view}{wide}<sheetData>{rows}</sheetData></worksheet>'


def _width_of_column(name: str, values: Sequence[Any]) -> int:
    """As wide as its widest cell, within reason."""
    return min(_WIDEST, 2 + max(map(len, [name, *(str(value)[:_WIDEST] for value in values)])))


def _cell_of_value(value: Any, style: int) -> str:
    """A value as a cell: numbers, days and true or false as such, all else as text."""
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        shown = _MOMENT if isinstance(value, datetime) else _DAY
        return f'<c s="{shown}"><v>{_day_of_excel(value)}</v></c>'
    exact = isinstance(value, int) and abs(value) <= _MOST_EXACT
    if exact or (isinstance(value, float) and isfinite(value)):
        return f'<c s="{style}"><v>{value!r}</v></c>'
    return _cell_of_text(str(value), _TEXT)


def _cell_of_text(text: str, style: int) -> str:
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

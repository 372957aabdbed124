"""How a text file is laid out: what separates its columns, and which line holds their names."""

from __future__ import annotations

import csv
import re
from functools import partial
from itertools import takewhile
from statistics import mode
from typing import TYPE_CHECKING

from retention.errors import ReadError, RetentionError
from retention.loading.files.encodings import HEAD
from retention.loading.files.relations import names_by_place
from retention.loading.rows.text import TOTALS

if TYPE_CHECKING:
    from collections.abc import Sequence, Set
    from pathlib import Path

BLANKS = " "
"""Stands for any run of blanks as the separator."""

SEPARATORS = (",", ";", "\t", "|")
"""What separates columns, as it is tried."""

SNIFFED = 100
"""So many lines tell the layout."""

_FIRST = 10
"""So many rows, names and titles among them, tell whether single quotes are quotes."""

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;|\s]*$', re.IGNORECASE)
_SINGLE = "'(?:[^']|'')*'"
_SINGLE_QUOTES = re.compile(
    rf"\ufeff?{_SINGLE}(?P<separator>[^'\w]){_SINGLE}(?:(?P=separator){_SINGLE})*\s*$"
)
_IN_SINGLE = re.compile(rf"{_SINGLE}\Z")
_NO_NAME = re.compile(r"^\W*\d|\d\D*\d|\d\d")
"""A number, a day or an amount, as no column is named beneath the title of a table."""
_TOTALS = frozenset(TOTALS)


def check_separator(separator: str | None) -> None:
    """Refuse what cannot stand between cells.

    Raises:
        RetentionError: if it is no single character, or one that has another meaning.
    """
    if separator is None or (len(separator) == 1 and separator not in '"\r\n'):
        return
    raise RetentionError(
        f"separator must be one character (' ' stands for any run of blanks); got {separator!r}."
    )


def layout_of_lines(
    path: Path, lines: Sequence[str], separator: str | None, header_row: int | None
) -> tuple[str, int, str]:
    """What separates the columns, the number of the line of their names, from 1, and the quote.

    Args:
        path: the file, for messages.
        lines: its first lines.
        separator: as it was said, or None.
        header_row: as it was said, or None.

    Raises:
        ReadError: if all lines are blank.
    """
    single = _separator_of_single_quotes(lines, header_row)
    if single is not None and separator in (None, single):
        return *_separator_and_row(path, lines, single, header_row), "'"
    separator, row = _separator_and_row(path, lines, separator, header_row)
    body = lines[row - 1 : row - 1 + SNIFFED]
    quoted = separator != BLANKS and _is_in_single_quotes(body, separator)
    return separator, row, "'" if quoted else '"'


def _separator_and_row(
    path: Path, lines: Sequence[str], separator: str | None, header_row: int | None
) -> tuple[str, int]:
    """What separates the columns, and the number of the line of their names."""
    row = header_row or _first_filled(path, lines)
    told = None if header_row else _SEPARATOR_LINE.match(lines[row - 1].strip("\ufeff"))
    if told:  # a line for Excel alone
        separator, row = separator or told[1], _first_filled(path, lines, after=row)
    body = lines[row - 1 :]
    separator = separator or _likeliest_separator(body, below=not header_row)
    if header_row or separator == BLANKS:
        return separator, row
    below = _first_below_preamble(body, separator) or _first_below_titles(body, separator)
    return separator, row - 1 + below


def _separator_of_single_quotes(lines: Sequence[str], header_row: int | None) -> str | None:
    """What stands between cells where one of the first rows has all in single quotes; else None.

    Most rows must be as wide as that one, or it is a title.
    """
    body = lines[(header_row or 1) - 1 : SNIFFED]
    first = [line for line in body if line.strip()][:_FIRST]
    found = next(
        (row for row in map(_SINGLE_QUOTES.match, first) if row and row["separator"]), None
    )
    if not found:
        return None
    (like,), rows = (_filled_rows(some, found["separator"], "'") for some in ([found[0]], body))
    fit = sum(len(row) == len(like) for row in rows)
    return found["separator"] if 2 * fit > len(rows) and not _has_double_quotes(rows) else None


def _is_in_single_quotes(lines: Sequence[str], separator: str) -> bool:
    """Whether single quotes hold separators in, so that more rows are as wide as the first.

    Or a column doubles those within, as only quotes are.
    """
    single, double = (_filled_rows(lines, separator, quote) for quote in ("'", '"'))
    if not double or len(single[0]) != len(double[0]) or len(double[0]) == 1:
        return False
    fitting = [row for row in double if len(row) == len(double[0])]
    more = sum(len(row) == len(single[0]) for row in single) - len(fitting)
    held = more > 0 and any(separator in cell for row in single for cell in row)
    doubled = more >= 0 and any(map(_has_doubled_ones, zip(*fitting[1:], strict=True)))
    return (held or doubled) and not _has_double_quotes(single)


def _has_doubled_ones(column: Sequence[str]) -> bool:
    """Whether single quotes stand about whole cells only, and some cell holds one, written twice.

    Not about names, totals and blanks. Two at both ends within may be letters, as in a wiki.
    """
    cells = [cell for cell in map(str.strip, column) if "'" in (cell[:1], cell[-1:])]
    within = [cell[1:-1] for cell in cells]
    both_ends = "''", "''"
    doubled = ("''" in cell and (cell[:2], cell[-2:]) != both_ends for cell in within)
    return all(map(_IN_SINGLE.match, cells)) and any(doubled)


def _filled_rows(lines: Sequence[str], separator: str, quote: str) -> list[list[str]]:
    return [row for row in csv.reader(lines, delimiter=separator, quotechar=quote) if any(row)]


def _has_double_quotes(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a cell that was read by single quotes opens a double one: then those are in use."""
    return any(cell.startswith('"') for row in rows for cell in row)


def names_in_line(
    path: Path, lines: Sequence[str], row: int, separator: str, quote: str
) -> tuple[str, ...]:
    """The names in a line, of which several of one name are told apart by their places.

    Raises:
        ReadError: if there is no such line, or it holds no names but numbers.
        ColumnError: if a name cannot be one.
    """
    if len(lines) < row:
        raise ReadError(f"{path} has no line {row}, which `header_row=` names.")
    rows = csv.reader(lines[row - 1 :], delimiter=separator, quotechar=quote)
    cells = lines[row - 1].split() if separator == BLANKS else next(rows)
    if all(cell.strip().replace(".", "", 1).isdigit() for cell in cells):
        raise ReadError(
            f"{path}: line {row} holds only numbers ({', '.join(cells[:5])} …), not column names. "
            "Put a line with names above."
        )
    return names_by_place(cells, f"{path}, line {row}")


def keywords_to_read(
    number: int, line: str, wanted: Set[str], separator: str, header_row: int
) -> list[str]:
    """What to say so that a line is that of the names; nothing if it holds other names.

    Args:
        number: of the line, from 1.
        line: what stands in it.
        wanted: the names, in lower case.
        separator: the one that the file was read with.
        header_row: the line that was taken for that of the names.
    """
    signs = (one for one in line if not (one.isalnum() or one.isspace() or one in "'\""))
    for sign in dict.fromkeys((separator, *SEPARATORS, *signs)):
        cells = line.split() if sign == BLANKS else next(csv.reader([line], delimiter=sign), [])
        bare = {cell.strip("\ufeff \t").casefold() for cell in cells}
        if wanted <= bare | {cell[1:-1].strip() for cell in bare if _is_quoted(cell)}:
            say = [f"`header_row={number}`"] if number != header_row else []
            return say + ([f"`separator={sign!r}`"] if sign != separator else [])
    return []


def _is_quoted(cell: str) -> bool:
    """Whether a cell stands in single quotes."""
    return len(cell) > 1 and cell[0] == cell[-1] == "'"


def _first_filled(path: Path, lines: Sequence[str], *, after: int = 0) -> int:
    """The number of the first line that is not blank: a byte-order mark alone fills none."""
    for number, line in enumerate(lines[after:], after + 1):
        if line.strip():
            return number
    raise ReadError(
        f"{path} has no column names in its first {HEAD // 1024} KB: no line there has text and "
        "ends. Is it empty, or in another encoding? Say `encoding=`."
    )


def _first_below_preamble(lines: Sequence[str], separator: str) -> int | None:
    """The line of the names beneath lines that are no row of the table, whatever fields they have.

    These are narrower than every row ("IBAN;DE89 …"), or have one cell filled and no more, or not
    half as many as the fullest row. What follows is one table, but for totals, and narrower lines
    at its foot; its first line is names, of which none looks like a number or a day, and the line
    above is not just one name short. Else it is not clear, and None.
    """
    rows = _first_rows(lines, separator)
    width = max((len(cells) for _, cells in rows if _TOTALS.isdisjoint(cells)), default=0)
    at = next((place for place, (_, cells) in enumerate(rows) if len(cells) == width), 0)
    body = list(takewhile(partial(_is_of_table, width), rows[at:]))
    foot = rows[at + len(body) :]
    if width < 2 or any(len(row) >= width and _TOTALS.isdisjoint(row) for _, row in foot):
        return None
    filled = [_n_filled(cells) for _, cells in body]
    enough = max(2, max(filled, default=0) / 2)
    above = sum(1 for _ in takewhile(lambda n: n < enough, filled))
    if len(body) - above < 2 or (not at and not above):
        return None
    number, names = body[above]
    lacks_one = at and len(rows[at - 1][1]) == width - 1 > 1 and rows[at - 1][0] == number - 1
    return None if lacks_one or any(map(_NO_NAME.search, names)) else number


def _is_of_table(width: int, row: tuple[int, list[str]]) -> bool:
    return len(row[1]) == width or not _TOTALS.isdisjoint(row[1])


def _first_rows(lines: Sequence[str], separator: str) -> list[tuple[int, list[str]]]:
    """The first rows with something in them, each with the number of the line it starts on."""
    reader, rows, start = csv.reader(lines[:SNIFFED], delimiter=separator), [], 1
    for cells in reader:
        if _n_filled(cells):
            rows.append((start, cells))
        start = reader.line_num + 1
    return rows


def _n_filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _first_below_titles(lines: Sequence[str], separator: str) -> int:
    """The line of the names: where rows are wider, a line of one field above them is a title."""
    usual = _fit_of_separator(lines, separator)[1]
    for number, line in enumerate(lines, 1):
        width = len(next(csv.reader([line], delimiter=separator), ()))
        if width > 1 or usual == 1:
            return number if width == usual else 1
    return 1


def _likeliest_separator(lines: Sequence[str], *, below: bool) -> str:
    """The separator that cuts the first rows into most fields, if possible all of them alike.

    Where none cuts them alike, the rows `below` a preamble decide.
    """
    best = max(SEPARATORS, key=partial(_fit_of_separator, lines))
    alike, usual = _fit_of_separator(lines, best)
    if below and not alike:
        widths = {
            each: len(next(csv.reader(lines[number - 1 :], delimiter=each)))
            for each in SEPARATORS
            if (number := _first_below_preamble(lines, each))
        }
        best = max(widths, key=widths.__getitem__, default=best)
        usual = widths.get(best, usual)
    if usual > 1:
        return best
    blanks = {len(line.split()) for line in lines[:SNIFFED] if line.strip()}
    return BLANKS if len(blanks) == 1 and blanks != {1} else best


def _fit_of_separator(lines: Sequence[str], separator: str) -> tuple[bool, int]:
    widths = [len(row) for row in csv.reader(lines[:SNIFFED], delimiter=separator) if row]
    usual = mode(widths or [1])
    return usual > 1 and set(widths) == {usual}, usual

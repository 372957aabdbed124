"""CSV and its kin: every column as text, every row of one length, only the separator is guessed."""

from __future__ import annotations

import codecs
import csv
import io
import re
import tempfile
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from retention.errors import ColumnError, ReadError, RetentionError
from retention.frames import sql_name
from retention.loading.files.encodings import (
    HEAD,
    UTF8,
    Survey,
    copy_plain,
    head_of,
    marked_encoding,
    other_kind,
    refusing_bytes,
    survey,
    unpacked_stream,
    warn_of_guess,
)
from retention.loading.files.layout import (
    BLANKS,
    SNIFFED,
    check_separator,
    keywords_to_read,
    layout_of_lines,
    names_in_line,
)
from retention.loading.files.relations import (
    Opened,
    columns_of_files,
    first_line,
    fresh_connection,
    names_spelled_alike,
    refusals_explained,
    sql_list_of_paths,
    sql_literal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_COPIED = (".bz2", ".zip")  # DuckDB does not unpack these
_DOUBLED = {'"': '"3 "" nails"', "'": "'O''Neill'"}
_NEVER = sql_literal("\x1c\x1d\x1e\x1f")  # stands in no file: a separator that leaves lines whole


@dataclass(frozen=True, slots=True)
class _Delimited:
    """One file as it was found."""

    path: Path
    encoding: str
    separator: str
    names: tuple[str, ...]
    header_row: int
    plain: bool
    """Whether DuckDB can read it as it lies there; if not, it reads a plain copy."""
    open_ends: bool
    """Whether some line ends with an empty field: DuckDB would let any number of them pass."""
    cells: tuple[bytes, ...]
    """Where the encoding is a guess: some cells whose letters depend on it."""
    ragged: bool = False
    """Whether lines that do not fit become rows, each of one cell that holds the whole line."""
    quote: str = '"'
    """What may stand around cells: a double quote, or a single one where the file has those."""

    @property
    def dialect(self) -> tuple[object, ...]:
        """Files that agree in this are read in one go."""
        return (self.separator, self.names, self.plain)


def open_delimited(
    files: Sequence[Path],
    *,
    encoding: str | None,
    separator: str | None,
    header_row: int | None,
    misfits: bool = False,
) -> Opened:
    """Delimited text files as one unread table of text columns.

    Args:
        files: their paths.
        encoding: as it was said, or None.
        separator: as it was said, or None.
        header_row: as it was said, or None.
        misfits: whether lines of too few or too many fields become rows of one cell.

    Raises:
        ReadError: if a file is empty, damaged, in no single encoding or has rows of unequal length.
        ColumnError: if two columns have one name, or the files have different columns.
    """
    check_separator(separator)
    found = [_layout_of_file(path, encoding, separator, header_row) for path in files]
    alike = names_spelled_alike(file.names for file in found)
    found = [replace(file, names=names) for file, names in zip(found, alike, strict=True)]
    if misfits:
        found = [replace(file, plain=False, ragged=True) for file in found]
    try:
        every, lacking = columns_of_files((file.path, file.names) for file in found)
    except ColumnError as problem:
        hint = " If these are no names, say `separator=`, the sign between columns."
        odd = any(len(file.names) == 1 or _PARTING & set("".join(file.names)) for file in found)
        raise ColumnError(problem.marked + hint * odd) from None
    guessed = [file for file in found if file.cells]
    if guessed and not misfits:  # else it was said before
        warn_of_guess(guessed[0].path, len(guessed) - 1, guessed[0].cells)
    name = files[0].name if len(files) == 1 else f"{len(files)} files"
    explain = partial(_refusal_of_csv, found)
    connection = fresh_connection()
    groups = [list(group) for _, group in groupby(found, key=lambda file: file.dialect)]
    with refusals_explained(explain):
        tables = [_scan_of_files(connection, group) for group in groups]
    parts = [
        table.project(_cells_of(every, group[0].names))
        for table, group in zip(tables, groups, strict=True)
    ]
    whole = reduce(lambda whole, part: whole.union(part), parts)
    return Opened(whole, name, explain, lacking, partial(_place_of_names, found[0]))


def _cells_of(every: Sequence[str], names: Sequence[str]) -> str:
    """All columns of all files, as a file has them: empty where it lacks one."""
    cells = {name: sql_name(name) for name in every}
    return ", ".join(
        cell if name in names else f"CAST(NULL AS VARCHAR) AS {cell}"
        for name, cell in cells.items()
    )


def _place_of_names(file: _Delimited, names: Sequence[str], missing: str) -> str:
    """Where among the first lines names stand that are no columns, and what to say to read them."""
    lines = _first_lines(file.path, head_of(file.path), file.encoding)
    for wanted in ({name.strip().casefold() for name in names}, {missing.strip().casefold()}):
        for number, line in enumerate(lines[:SNIFFED], 1):
            if all(name in line.casefold() for name in wanted):
                say = keywords_to_read(number, line, wanted, file.separator, file.header_row)
                if say:
                    return f" Line {number} has such names: say {' and '.join(say)}."
    return ""


_PARTING = set('":;|~^!*+=@\\¦\t')
"""Signs that part columns more often than they stand in a name."""


def _layout_of_file(
    path: Path, encoding: str | None, separator: str | None, header_row: int | None
) -> _Delimited:
    """Separator from the first lines, encoding from all bytes, names from the header."""
    head = head_of(path)
    told = encoding or marked_encoding(head)
    kind = other_kind(head)
    if kind:
        raise ReadError(f"{path} is no CSV, whatever its name says, but {kind}.")
    if not told:
        _refuse_other_bytes(path, head)
    lines = _first_lines(path, head, told or "latin-1")  # separators are the same in every encoding
    separator, row, quote = layout_of_lines(path, lines, separator, header_row)
    if told and codecs.lookup(told).name not in ("utf-8", "utf-8-sig"):
        seen = Survey(told, mixed_ends=False, open_ends=True)
    else:
        seen = survey(path, separator)
        if encoding and seen.encoding != UTF8:
            raise ReadError(
                f"{path} is not {encoding} text. Leave `encoding=` out, or say another."
            )
    lines = _first_lines(path, head, seen.encoding)
    names = names_in_line(path, lines, row, separator, quote)
    copied = row > 1 or separator == BLANKS or path.suffix.lower() in _COPIED or seen.mixed_ends
    plain = seen.encoding == UTF8 and not copied
    file = _Delimited(path, seen.encoding, separator, names, row, plain, seen.open_ends, seen.cells)
    if quote == '"':
        return file
    single = replace(file, plain=False, quote=quote)
    told_by_names = names != names_in_line(path, lines, row, separator, '"')
    return single if told_by_names or _is_readable(single) else file


def _refuse_other_bytes(path: Path, head: bytes) -> None:
    """Refuse bytes that are no text of one byte a letter, nor UTF-8."""
    if b"\0" in head:
        wide = "32" if 2 * head.count(0) > len(head) + 8 else "16"
        end = "le" if head[1::2].count(0) >= head[::2].count(0) else "be"
        end = "be" if wide == "32" and head[:1] == b"\0" else end
        raise ReadError(
            f"{path} is not plain text (it holds NUL bytes). If it is UTF-{wide}, say "
            f"`encoding='utf-{wide}-{end}'`; if it is a workbook or an archive, give it its proper "
            "ending."
        )
    if any(code in head for code in (b"\x1b$B", b"\x1b$@", b"\x1b(J")):
        raise ReadError(f"{path} switches its letters by escapes: say `encoding='iso2022_jp'`.")


def _first_lines(path: Path, head: bytes, encoding: str) -> list[str]:
    """The first lines of a file, all of them whole."""
    with refusing_bytes(path, encoding):
        "".encode(encoding)  # refuses what Python knows but is no encoding of text, such as base64
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    lines = list(io.StringIO(text, newline=""))
    return lines if len(head) < HEAD else lines[:-1]


def _scan_of_files(connection: DuckDBPyConnection, files: Sequence[_Delimited]) -> DuckDBPyRelation:
    """Files of one dialect, unread if DuckDB can read them where they lie."""
    if files[0].plain:
        blank = False
        for file in files:
            if file.open_ends:
                _refuse_open_ends(connection, file, file.path)
                blank = blank or _has_blank_rows(connection, file, file.path)
        return connection.sql(_query_of_csv(files, [file.path for file in files], blank=blank))
    tables = [_name_of_copy(connection, file) for file in files]
    return connection.sql(" UNION ALL ".join(f"SELECT * FROM {table}" for table in tables))


def _name_of_copy(connection: DuckDBPyConnection, file: _Delimited) -> str:
    """The name of a table on the connection with a file that DuckDB cannot read as it is."""
    ((n_tables,),) = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
    name = f"copy_{n_tables}"
    spaced = file.separator == BLANKS
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "plain.csv")
        if file.ragged or file.quote != '"':
            _copy_row_by_row(file, target)
        else:
            copy_plain(file.path, file.encoding, target, skip=file.header_row - 1, spaced=spaced)
        blank = False
        if not spaced:
            if not file.ragged:  # else every row was made to fit
                _refuse_open_ends(connection, file, target)
            blank = _has_blank_rows(connection, file, target)
        query = _query_of_csv([file], [target], blank=blank)
        connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
    return name


def _copy_row_by_row(file: _Delimited, target: Path) -> None:
    """A plain copy in which, of a ragged file, a line that does not fit is a row of one cell."""
    between = "\t" if file.separator == BLANKS else file.separator
    line = file.header_row
    with target.open("w", encoding="utf-8", newline="") as copy:
        writer = csv.writer(copy, delimiter=between, lineterminator="\n")
        try:
            for line, row in _numbered_rows(file):  # noqa: B007 - the line of a row that fails
                n_lacking = len(file.names) - len(row)
                whole = [file.separator.join(row)] + [""] * (len(file.names) - 1)
                cells = whole if row and n_lacking and file.ragged else row
                writer.writerow(re.sub("\r\n?", "\n", cell) for cell in cells)
        except csv.Error as problem:
            raise ReadError(_row_that_cannot_be_read(file, line, problem)) from problem


def _query_of_csv(files: Sequence[_Delimited], paths: Sequence[Path], *, blank: bool) -> str:
    """All rows, or where some are `blank` the others, as a spreadsheet leaves them at the end."""
    scan = f"SELECT * FROM {_read_csv_call(files, paths)}"
    cells = ", ".join(map(sql_name, files[0].names))
    return f"{scan} WHERE coalesce({cells}) IS NOT NULL" if blank else scan


def _has_blank_rows(connection: DuckDBPyConnection, file: _Delimited, path: Path) -> bool:
    """Whether some line holds separators and nothing else, be it in quotes."""
    separator = sql_literal(file.separator)
    found = connection.execute(
        f"SELECT 1 FROM {_lines_call(path)} "
        f"WHERE (suffix(line, {separator}) OR suffix(line, '\"\"')) "
        f"AND translate(line, {separator} || '\"', '') = '' LIMIT 1"
    )
    return bool(found.fetchall())


def _lines_call(path: Path) -> str:
    """DuckDB's reader of whole lines."""
    return (
        f"read_csv({sql_list_of_paths([path])}, columns = {{line: 'VARCHAR'}}, header = false, "
        f"auto_detect = false, delim = {_NEVER}, quote = '', escape = '', strict_mode = true)"
    )


def _read_csv_call(files: Sequence[_Delimited], paths: Sequence[Path]) -> str:
    """DuckDB's reader with every freedom taken from it."""
    spaced = files[0].separator == BLANKS
    columns = ", ".join(f"{sql_literal(name)}: 'VARCHAR'" for name in files[0].names)
    quote = sql_literal("" if spaced else '"')
    return (
        f"read_csv({sql_list_of_paths(paths)}, columns = {{{columns}}}, header = true, "
        "auto_detect = false, "
        f"delim = {sql_literal(chr(9) if spaced else files[0].separator)}, quote = {quote}, "
        f"escape = {quote}, nullstr = '', strict_mode = true, null_padding = false, "
        "ignore_errors = false, hive_partitioning = false)"
    )


def _refuse_open_ends(connection: DuckDBPyConnection, file: _Delimited, path: Path) -> None:
    """DuckDB lets a row be too long if its last fields are empty, as in "Smith, Jo,5," unquoted.

    Its fields then stand in the wrong columns. So DuckDB counts the separators outside quotes in
    each line that ends with one; where that is too many, or a quoted field goes on over lines, the
    exact reading decides.
    """
    separator = sql_literal(file.separator)
    quoted = sql_literal(f'(^|{re.escape(file.separator)})"(?:[^"]|"")*"')
    suspect = connection.execute(
        f"""WITH lines AS (SELECT line, regexp_replace(line, {quoted}, '\\1', 'g') AS bare
            FROM {_lines_call(path)} WHERE suffix(line, {separator}))
        SELECT 1 FROM lines WHERE length(replace(line, '"', '')) % 2 <> length(line) % 2
            OR length(bare) - length(replace(bare, {separator}, '')) >= {len(file.names)} LIMIT 1"""
    )
    if suspect.fetchall():
        wrong = _first_misfit(file)
        if wrong:
            raise ReadError(wrong)


def _refusal_of_csv(files: Sequence[_Delimited], problem: Exception) -> RetentionError:
    """What is wrong with the files, found by reading them a second time, slowly and exactly."""
    wrong = next(filter(None, map(_first_misfit, files)), None)
    return ReadError(wrong or f"{', '.join(str(f.path) for f in files[:3])}: {first_line(problem)}")


def _first_misfit(file: _Delimited) -> str | None:
    """The first row that does not fit the header, in words; None if all of them do."""
    n_names, line = len(file.names), file.header_row
    try:
        for next_line, row in _numbered_rows(file):
            if row and len(row) != n_names:
                return (
                    f"{file.path}: line {line} has {len(row)} fields where the header "
                    f"(line {file.header_row}) has {n_names}, separated by {file.separator!r}. "
                    "Correct the line, or say `separator=` or `header_row=` if the file is other. "
                    "If such lines are no rows (a total, a footer), say `incomplete='drop'` where "
                    "you name the columns: they are left out and counted."
                )
            line = next_line
    except csv.Error as problem:
        return _row_that_cannot_be_read(file, line, problem)
    return None


def _is_readable(file: _Delimited) -> bool:
    """Whether every quote that opens a cell closes it."""
    try:
        return all(True for _ in _numbered_rows(file))
    except csv.Error:
        return False


def _row_that_cannot_be_read(file: _Delimited, line: int, problem: csv.Error) -> str:
    """What is wrong with the row that starts on a line."""
    if "field limit" in str(problem):
        return (
            f"{file.path}: the row that starts on line {line} has a cell of more than "
            f"{csv.field_size_limit():,} characters. Is a quote never closed, or `separator=` "
            "another? Else leave such cells out."
        )
    return (
        f"{file.path}: the row that starts on line {line} cannot be read ({problem}). A quote that "
        f"opens a field must close it, and quotes within are doubled: {_DOUBLED[file.quote]}. "
        "Or say `separator=` or `header_row=` if the file is other."
    )


def _numbered_rows(file: _Delimited) -> Iterator[tuple[int, list[str]]]:
    """Each row from the header on, with the number of the line after it."""
    with (
        unpacked_stream(file.path) as stream,
        refusing_bytes(file.path, file.encoding),
        io.TextIOWrapper(stream, encoding=file.encoding, newline="") as text,
    ):
        for _ in range(file.header_row - 1):
            text.readline()
        if file.separator == BLANKS:
            yield from ((n, line.split()) for n, line in enumerate(text, file.header_row + 1))
            return
        reader = csv.reader(text, delimiter=file.separator, quotechar=file.quote, strict=True)
        yield from ((file.header_row + reader.line_num, row) for row in reader)

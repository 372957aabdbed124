"""An answer as CSV, JSON, Parquet, Excel or a table for people, to a file or to standard output."""

from __future__ import annotations

import json
import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.cli.settings import UsageError
from retention.frames import read_out
from retention.frames.python_rows import columns_as_lists
from retention.tables.answer_columns import unit_of
from retention.wording import UNKNOWN, is_missing, money, percent, points, with_commas
from retention.written_files.whole_files import whole_file, write_whole_bytes, write_whole_text
from retention.written_files.workbook_bytes import workbook_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from retention.cli.settings import Output

_ENDINGS = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".txt": "table",
    ".xlsx": "excel",
}
_OF_FILES_ALONE = ("parquet", "excel")
_RISKY = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes the text of a cell for a formula, and runs it."""

_RISKY_INSIDE = re.compile(r"(?<=[;\t\r\n])(?=[=+\-@])")
"""Where semicolons part columns, as in much of Europe, a cell or a row begins behind these."""

_OUR_APOSTROPHE = re.compile(r"(\A|(?<=[;\t\r\n]))'(?=[=+\-@\t\r])")

_PARTING = '",\r\n'


def write_answer(table: Any, told: Output, *, people: Sequence[str] = ()) -> None:
    """The answer in the format that was asked for, where it was asked for.

    Args:
        table: an answer, in any engine's kind.
        told: format and file.
        people: the columns that a table for people shows; default: all.

    Raises:
        UsageError: as `format_of`.
    """
    form = format_of_answer(told)
    if form == "parquet" and told.output is not None:
        _write_parquet(table, told.output)
        return
    columns = columns_as_lists(table)
    if form == "excel" and told.output is not None:
        write_whole_bytes(workbook_bytes({"answer": columns}), told.output)
        return
    shown = {name: columns[name] for name in people} if people and form == "table" else columns
    write_text(_WRITERS[form](shown), told.output)


def format_of_answer(told: Output) -> str:
    """The format that was said, or that the file's ending says.

    Raises:
        UsageError: if the ending says none, or Parquet or Excel have no file.
    """
    if told.format in _OF_FILES_ALONE and told.output is None:
        ending = next(end for end, form in _ENDINGS.items() if form == told.format)
        raise UsageError(f"--format {told.format} needs a file: say -o FILE{ending}.")
    if told.format is not None or told.output is None:
        return told.format or "table"
    try:
        return _ENDINGS[told.output.suffix.lower()]
    except KeyError:
        known = ", ".join(_ENDINGS)
        raise UsageError(
            f"-o {told.output}: no format ends in {told.output.suffix!r} (known: {known}). "
            "Say --format."
        ) from None


def refuse_overwriting(
    written: Mapping[str, Path | None],
    read: Mapping[str, Path | None],
    *,
    again: bool = False,
) -> None:
    """Refuse to write to a file that is read, one of a folder or pattern that is, or to one twice.

    Args:
        written: the files to write, by what says them.
        read: the files that are read, by what says them.
        again: whether the same run is made every night, which would find what was written: then no
            file may lie anywhere in a folder that is said, either.

    Raises:
        UsageError: if one would be overwritten, or found the next time as one of those read.
    """
    taken = {name: path for name, path in read.items() if path is not None}
    for name, path in written.items():
        if path is None:
            continue
        for other, file in taken.items():
            if again:
                _refuse_one_each_night((name, path), (other, file))
            else:
                _refuse_one_of_those_read((name, path), (other, file))
        taken[name] = path


_Said = tuple[str, Path]
"""What says a file, and the file."""


def _refuse_one_of_those_read(written: _Said, read: _Said) -> None:
    """Refuse to write to what is read, or among it."""
    (name, path), (other, file) = written, read
    to, of = _place_of(path), _place_of(file)
    if to == of:
        raise UsageError(f"{name} {path} would overwrite {other}. Name another file.")
    of_folder = of == to.parent and _ENDINGS.get(to.suffix.lower()) not in (None, "table")
    if fnmatch(str(to), str(of)) or of_folder:
        raise UsageError(
            f"{name} {path} lies among the files that are read, and would be read with "
            "them the next time. Name one in another folder."
        )


def _refuse_one_each_night(written: _Said, read: _Said) -> None:
    """Refuse to write to a file that is said again, of a pattern, or in a folder that is said."""
    (name, path), (other, file) = written, read
    to, of = _place_of(path), _place_of(file)
    if to == of or fnmatch(str(to), str(of)):
        raise UsageError(
            f"{name} {path} is {other}, too, and a night that is run again would find it "
            "overwritten. Name another file, such as one with the day in its name."
        )
    for outer, said, inner, within in ((of, other, to, name), (to, name, of, other)):
        if outer in inner.parents and not outer.is_file() and outer != Path.cwd():
            raise UsageError(
                f"{within} lies in the folder of {said}, {outer.name}, and a night that is run "
                "again would find it there. Name a file outside of that folder."
            )


def _place_of(path: Path) -> Path:
    """Where a path leads; itself if no file can have that name."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def write_text(text: str, output: Path | None) -> None:
    """The text to a file in UTF-8, or to standard output."""
    if output is None:
        _to_standard_output(text)
    else:
        write_whole_text(text, output)


def _to_standard_output(text: str) -> None:
    """In the encoding of standard output; in UTF-8 where that lacks a letter of the text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", errors="replace"))
    else:
        sys.stdout.write(text)


def csv_of_columns(columns: dict[str, list[Any]]) -> str:
    """CSV in which no text can be taken for a formula, nor for the end of its cell or row."""
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    lines = [",".join(_quoted_cell(harmless_value(value)) for value in row) or '""' for row in rows]
    return "\n".join([*lines, ""])


def _quoted_cell(value: Any) -> str:
    """A value as it stands between commas; Python's csv leaves a lone carriage return bare."""
    text = "" if value is None else str(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set(_PARTING) else text


def harmless_value(value: Any) -> Any:
    """A value for a cell: what a spreadsheet would run as a formula has an apostrophe before it."""
    if not isinstance(value, str):
        return value
    inside = _RISKY_INSIDE.sub("'", value)
    return f"'{inside}" if inside.startswith(_RISKY) else inside


def without_our_apostrophes(text: str) -> str:
    """A text as it was before `harmless_value`; one that had an apostrophe of its own loses it."""
    return _OUR_APOSTROPHE.sub("", text)


def _json_text(columns: dict[str, list[Any]]) -> str:
    """A list of records; nulls as null, days as 2024-12-31."""
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    text = json.dumps(
        records, default=lambda day: day.isoformat(), allow_nan=False, ensure_ascii=False, indent=1
    )
    return f"{text}\n"


def _write_parquet(table: Any, output: Path) -> None:
    """By DuckDB, which is always there."""
    import duckdb
    import pandas as pd

    columns: dict[str, Any] = {
        name: pd.Series(values, dtype="string") if _are_all_missing(values) else values
        for name, values in read_out(table, name="the answer").items()
    }
    try:
        with whole_file(output) as part, duckdb.connect() as connection:
            connection.from_df(pd.DataFrame(columns)).write_parquet(str(part))
    except duckdb.IOException as error:
        raise OSError(f"{output}: {error}") from None


def _are_all_missing(values: Any) -> bool:
    """Whether none of a column of texts is there: DuckDB would take it for one of no type."""
    return values.dtype == object and all(map(is_missing, values))


def _aligned_text(columns: dict[str, list[Any]]) -> str:
    """Columns under their names: shares in percent, money and counts in threes."""
    written = {
        name: [_cell_text(value, unit_of(name, columns)) for value in cells]
        for name, cells in columns.items()
    }
    text = {n: any(isinstance(v, str) for v in cells) for n, cells in columns.items()}
    wide = {name: max(map(len, [name, *cells])) for name, cells in written.items()}
    put: dict[bool, Callable[[str, int], str]] = {True: str.ljust, False: str.rjust}
    rows = [list(written), *zip(*written.values(), strict=True)]
    lines = [
        "  ".join(
            put[text[name]](cell, wide[name]) for name, cell in zip(written, row, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _cell_text(value: Any, unit: str) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        written = {"share of 1": percent, "difference of shares": points}
        return written.get(unit, money)(value)
    return (
        with_commas(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)
    )


_WRITERS: dict[str, Callable[[dict[str, list[Any]]], str]] = {
    "csv": csv_of_columns,
    "json": _json_text,
    "table": _aligned_text,
}

"""From what the user named to files, and from files of one format to one unread table."""

from __future__ import annotations

import glob
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retention.errors import ReadError, RetentionError, nearest
from retention.loading.delimited import open_delimited
from retention.loading.relations import (
    Opened,
    first_line,
    fresh_connection,
    identifier,
    listed,
    literal,
    refusing,
    same_columns,
)
from retention.loading.workbooks import open_workbooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FORMATS = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".xlsx": "excel",
    ".xlsm": "excel",
}
_PACKED = {"delimited": (".gz", ".zst", ".bz2"), "json": (".gz", ".zst")}
_OPTIONS = {
    "delimited": ("encoding", "separator", "header_row"),
    "excel": ("sheet", "header_row"),
    "parquet": (),
    "json": (),
}
_JSON_KEPT = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "BOOLEAN", "JSON")


def open_files(source: object, **options: Any) -> Opened:
    """Every file that the source names, as one unread table.

    Args:
        source: a path, a pattern, a folder, or several of them.
        options: `encoding`, `separator`, `header_row` and `sheet`, None where not said.

    Raises:
        ReadError: if there is no such file, or one cannot be read.
        RetentionError: if an option is said that has no meaning for the format.
        ColumnError: if files that are read together have different columns.
    """
    files = files_of(source)
    for path in files:
        if not path.stat().st_size:
            raise ReadError(f"{path} is empty: it has no column names and no rows.")
    formats = {format_of(path) for path in files}
    if len(formats) > 1:
        shown = sorted({path.suffix for path in files})
        raise ReadError(f"Files of several formats ({', '.join(shown)}) are read one by one.")
    (kind,) = formats
    said = {name: value for name, value in options.items() if name in _OPTIONS[kind]}
    for name, value in options.items():
        if value is not None and name not in said:
            raise RetentionError(f"{name}= says nothing about {files[0].name}. Leave it out.")
    if options["header_row"] is not None and options["header_row"] < 1:
        raise RetentionError(f"header_row counts from 1; got {options['header_row']}.")
    if kind == "delimited":
        return open_delimited(files, **said)
    if kind == "excel":
        return open_workbooks(files, **said)
    return _open_parquet(files) if kind == "parquet" else _open_json(files)


def files_of(source: object) -> list[Path]:
    """The files that a path, a pattern, a folder or several of them name, in order.

    Raises:
        ReadError: if there are none.
    """
    if isinstance(source, str | os.PathLike):
        return _named(os.fspath(source))
    try:
        several = list(source)  # type: ignore[call-overload]
    except TypeError:
        raise RetentionError(
            f"source must be a path, several paths or a query; got {type(source).__name__}."
        ) from None
    files = [path for each in several for path in files_of(each)]
    if not files:
        raise ReadError("source is empty: there is no file to read.")
    return files


def format_of(path: Path) -> str:
    """What the ending of a file's name says it is.

    Raises:
        ReadError: if it says nothing that can be read.
    """
    known = _format(path)
    if known is None:
        old = " Save it as .xlsx." if path.suffix.lower() in (".xls", ".xlsb", ".ods") else ""
        raise ReadError(
            f"{path}: cannot tell from its name what it holds.{old} "
            f"Known endings: {', '.join(_FORMATS)}, CSV also with .gz, .zst, .bz2."
        )
    return known


def _format(path: Path) -> str | None:
    ending = path.suffix.lower()
    inner = _FORMATS.get(Path(path.stem).suffix.lower(), "")
    return inner if ending in _PACKED.get(inner, ()) else _FORMATS.get(ending)


def _named(text: str) -> list[Path]:
    if "://" in text:
        raise ReadError(
            f"{text} is not on this machine. Open it with DuckDB (its httpfs extension) and pass "
            "the query with connection=."
        )
    path = Path(text).expanduser()
    if text.lstrip().lower().startswith(("select ", "with ", "from ")) and not path.exists():
        raise ReadError(f"{text[:80]!r} is a query: say connection= to run it on a database.")
    if path.is_dir():
        return _inside(path)
    if not path.exists() and glob.has_magic(text):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        files = [name for name in found if name.is_file()]
        if files:
            return files
        raise ReadError(f"No file matches {text!r}.")
    if not path.exists():
        raise _missing(path)
    return [path]


def _inside(folder: Path) -> list[Path]:
    """The readable files of a folder and the folders in it, without hidden ones and markers."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and _format(path))
    files = [
        path
        for path in found
        if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    ]
    if not files:
        known = ", ".join(_FORMATS)
        raise ReadError(f"The folder {folder} holds no file that can be read ({known}).")
    return files


def _missing(path: Path) -> ReadError:
    folder = path.parent
    if not folder.is_dir():
        return ReadError(f"There is no file {path}: the folder {folder} does not exist.")
    names = [each.name for each in folder.iterdir()]
    near = nearest(path.name, names) or nearest(path.stem, names)
    hint = f" Did you mean {near!r}?" if near else ""
    return ReadError(f"There is no file {path}.{hint}")


def _open_parquet(files: Sequence[Path]) -> Opened:
    """Parquet files, unread; their columns keep their types, the wider one where files differ."""
    for path in files:
        _check_whole(path)
    connection = fresh_connection()
    explain = partial(_explained, files)
    with refusing(explain):
        if len(files) > 1:
            same_columns(
                (path, connection.sql(f"FROM read_parquet({listed([path])})").columns)
                for path in files
            )
        relation = connection.sql(  # without union_by_name, 1.5 in a later file becomes 2
            f"SELECT * FROM read_parquet({listed(files)}, union_by_name = true, "
            "hive_types_autocast = false)"
        )
    return Opened(relation, _counted(files), explain)


def _check_whole(path: Path) -> None:
    """A Parquet file ends with its mark, which is written last."""
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
            stream.seek(max(path.stat().st_size - 4, 0))
            end = stream.read(4)
    except OSError as problem:
        raise ReadError(f"{path} cannot be read: {problem}.") from problem
    if start != b"PAR1":
        raise ReadError(f"{path} is not a Parquet file, whatever its name says.")
    if end != b"PAR1":
        raise ReadError(
            f"{path} is not a complete Parquet file (cut short or still being written)."
        )


def _open_json(files: Sequence[Path]) -> Opened:
    """Lines of JSON, unread; numbers and flags keep their types, all else is text for the door.

    DuckDB would take "01-02-2024" for a date, of January or of February as it guesses.
    """
    connection = fresh_connection()
    explain = partial(_explained, files)
    scan = f"read_json({listed(files)}, records = 'true', union_by_name = true"
    with refusing(explain):
        found = connection.sql(f"FROM {scan}, sample_size = -1)")
        types = [str(kind) if str(kind) in _JSON_KEPT else "VARCHAR" for kind in found.types]
        columns = list(zip(found.columns, types, strict=True))
        said = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns)
        mixed = [_by_cell(name) for name, kind in columns if kind == "JSON"]
        replaced = f"REPLACE ({', '.join(mixed)}) " if mixed else ""
        relation = connection.sql(f"SELECT * {replaced}FROM {scan}, columns = {{{said}}})")
    return Opened(relation, _counted(files), explain)


def _by_cell(name: str) -> str:
    """A column of several kinds as text, a fraction in the form that has one reading (1.125e0)."""
    column = identifier(name)
    text = f"{column} ->> '$'"
    fraction = f"json_type({column}) = 'DOUBLE' AND NOT contains(lower({text}), 'e')"
    return f"CASE WHEN {fraction} THEN ({text}) || 'e0' ELSE {text} END AS {column}"


def _explained(files: Iterable[Path], problem: Exception) -> RetentionError:
    said = first_line(problem)
    named = [str(path) for path in files]
    where = "" if any(name in said for name in named) else f"{', '.join(named[:3])}: "
    return ReadError(f"{where}{said}")


def _counted(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{len(files)} files"

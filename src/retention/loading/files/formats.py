"""From what the user named to files, and from files of one format to one unread table."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from retention.errors import ReadError, RetentionError, count_of, nearest_name, warn
from retention.frames import sql_name
from retention.loading.files.csv_files import open_delimited
from retention.loading.files.mistaken import door_of, refuse_options, refuse_source
from retention.loading.files.relations import (
    Opened,
    columns_of_files,
    distinct_names,
    first_line,
    fresh_connection,
    refusals_explained,
    sql_list_of_paths,
    sql_literal,
)
from retention.loading.files.workbooks import open_workbooks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_FORMATS = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".zip": "delimited",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".xlsx": "excel",
    ".xlsm": "excel",
}
_PACKED = {"delimited": (".gz", ".zst", ".bz2", ".zip"), "json": (".gz", ".zst")}
_OPTIONS = {
    "delimited": ("encoding", "separator", "header_row", "headings"),
    "excel": ("sheet", "header_row", "headings"),
    "parquet": (),
    "json": (),
}
_OLD = (".xls", ".xlsb", ".ods", ".numbers")
_QUERY = re.compile(r"\s*(select|with|from)\s", re.IGNORECASE)
_JSON_KEPT = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "BOOLEAN", "JSON")


def open_files(source: object, door: str, *, misfits: bool = False, **options: Any) -> Opened:
    """Every file that the source names, as one unread table.

    Args:
        source: a path, a pattern, a folder, or several of them.
        door: the function that was called, for messages.
        misfits: whether lines of a CSV that do not fit become rows of one cell, not a refusal.
        options: `encoding`, `separator`, `header_row`, `sheet`, `headings`, None where not said.

    Raises:
        ReadError: if there is no such file, or one cannot be read.
        RetentionError: if an option is said that has no meaning for the format.
        ColumnError: if files that are read together have different columns.
    """
    refuse_options(options)
    try:
        files = files_of(source, door)
    except OSError as problem:  # a name too long, a folder that may not be looked into
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "source"
        raise ReadError(
            f"{str(name)[:80]!r} cannot be looked for: {problem.strerror or problem}."
        ) from problem
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
    if kind == "parquet":
        return _open_parquet(files)
    if kind == "json":
        return _open_json(files)
    headings = said.pop("headings")
    if headings and len(files) > 1:
        raise RetentionError(
            f"`headings=` is of one file, and there are {len(files)}. Read them one by one."
        )
    if kind == "delimited":
        opened = open_delimited(files, **said, misfits=misfits)
    else:
        opened = open_workbooks(files, **said)
    return opened.with_headings(headings) if headings else opened


def files_of(source: object, door: str = "read_table") -> list[Path]:
    """The files that a path, a pattern, a folder or several of them name, in order.

    Raises:
        ReadError: if there are none.
        RetentionError: if it is no path, with the door that it belongs to.
    """
    if isinstance(source, str | os.PathLike):
        return _files_of_path(os.fspath(source), door)
    if not isinstance(source, Collection | Iterator) or not _may_be_paths(source):
        refuse_source(source, door)
    files = [path for each in cast("Iterable[Any]", source) for path in files_of(each, door)]
    if not files:
        raise ReadError("source is empty: there is no file to read.")
    return files


def _may_be_paths(source: object) -> bool:
    """Whether several things are given that each may be a path: not a table, a mapping, a file."""
    if isinstance(source, bytes | bytearray | Mapping) or hasattr(source, "read"):
        return False
    if hasattr(source, "__array__") or hasattr(source, "__dataframe__"):
        return False
    first = next(iter(source), None) if isinstance(source, Sequence | Set) else None
    return first is None or isinstance(first, str | os.PathLike | list | tuple)


def format_of(path: Path) -> str:
    """What the ending of a file's name says it is.

    Raises:
        ReadError: if it says nothing that can be read.
    """
    known = _format_or_none(path)
    if path.suffix.lower() in _OLD:
        raise ReadError(f"{path} is a workbook of another kind: open it and save it as .xlsx.")
    if known is None:
        raise ReadError(
            f"{path}: cannot tell from its name what it holds. "
            f"Known endings: {', '.join(_FORMATS)}, CSV also with .gz, .zst, .bz2."
        )
    return known


def _format_or_none(path: Path) -> str | None:
    ending = path.suffix.lower()
    inner = _FORMATS.get(Path(path.stem).suffix.lower(), "")
    return inner if ending in _PACKED.get(inner, ()) else _FORMATS.get(ending)


def _files_of_path(text: str | bytes, door: str) -> list[Path]:
    if isinstance(text, bytes) or "\0" in text:
        raise ReadError(f"{text[:80]!r} is no path: it is bytes, or holds a NUL character.")
    if not text.strip():
        raise ReadError("source is an empty text: say the path of a file ('.' is this folder).")
    if "://" in text:
        raise _remote_refusal(text)
    if _QUERY.match(text) and not _exists(Path(text)):
        raise ReadError(f"{text[:80]!r} is a query: say `connection=` to run it on a database.")
    if "\n" in text.strip():
        raise ReadError(
            f"{text[:40]!r} … is the text of a table, not a path. Write it to a file, or say "
            f"pandas.read_csv(io.StringIO(text)) and {door_of(door)}(df, ...)."
        )
    path = _expanded_path(text)
    if path.is_dir():
        return _files_in_folder(path)
    if not path.exists() and glob.has_magic(text):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))
        files = [name for name in found if name.is_file()]
        if files:
            return files
        raise ReadError(f"No file matches {text!r}.")
    if not path.exists():
        raise _missing_file_refusal(path)
    return [path]


def _expanded_path(text: str) -> Path:
    """A path whose "~" is the home of who runs this."""
    try:
        path = Path(text)
        return path if _exists(path) else path.expanduser()
    except RuntimeError as problem:
        raise ReadError(
            f"{text[:80]!r}: {text.partition('/')[0]!r} is no home folder. Say the whole path."
        ) from problem


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _remote_refusal(text: str) -> ReadError:
    scheme, _, rest = text.partition("://")
    if scheme.lower() == "file":
        plain = re.sub(
            rb"%([0-9a-fA-F]{2})", lambda found: bytes.fromhex(found[1].decode()), rest.encode()
        )
        return ReadError(
            f"{text} is an address: say the path, {plain.decode('utf-8', 'replace')!r}."
        )
    return ReadError(
        f"{text} is not on this machine. Open it with DuckDB (its httpfs extension) and pass "
        "the query with `connection=`."
    )


def _files_in_folder(folder: Path) -> list[Path]:
    """The readable files of a folder and the folders in it, without hidden ones and markers."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and _format_or_none(path))
    files = [path for path in found if not _is_hidden(path, folder)]
    apart = [path for path in found if path.name[0] == "_" and not _is_hidden(path.parent, folder)]
    if not files:
        known = ", ".join(_FORMATS)
        raise ReadError(f"The folder {folder} holds no file that can be read ({known}).")
    if apart:
        warn(
            f"The folder {folder} holds {count_of(len(apart), 'file')} whose name begins with _, "
            f"such as {apart[0].relative_to(folder)}: such files are left out of a folder. If they "
            f"belong to it, read {str(Path(glob.escape(str(folder))) / '*')!r}."
        )
    return files


def _is_hidden(path: Path, folder: Path) -> bool:
    """Whether a file in a folder is hidden, or of those that engines write for themselves."""
    return any(part.startswith((".", "_", "~")) for part in path.relative_to(folder).parts)


def _missing_file_refusal(path: Path) -> ReadError:
    folder = path.parent
    if not folder.is_dir():
        return ReadError(f"There is no file {path}: the folder {folder} does not exist.")
    names = [each.name for each in folder.iterdir()]
    near = nearest_name(path.name, names) or nearest_name(path.stem, names)
    hint = f" Did you mean {near!r}?" if near else ""
    if not path.suffix and len(path.parts) == 1:
        hint += " If it is a table of a database, say `connection=`."
    return ReadError(f"There is no file {path}.{hint}")


def _open_parquet(files: Sequence[Path]) -> Opened:
    """Parquet files, unread; their columns keep their types, the wider one where files differ."""
    for path in files:
        _check_whole(path)
    connection = fresh_connection()
    explain, lacking = partial(_refusal_of_damage, files), dict[str, object]()
    with refusals_explained(explain):
        if len(files) > 1:
            _, lacking = columns_of_files(
                (path, connection.sql(f"FROM read_parquet({sql_list_of_paths([path])})").columns)
                for path in files
            )
        relation = connection.sql(  # without union_by_name, 1.5 in a later file becomes 2
            f"SELECT * FROM read_parquet({sql_list_of_paths(files)}, union_by_name = true, "
            "hive_types_autocast = false)"
        )
        _refuse_renamed(connection, relation, files)
    return Opened(relation, _files_in_words(files), explain, lacking)


def _refuse_renamed(
    connection: DuckDBPyConnection, relation: DuckDBPyRelation, files: Sequence[Path]
) -> None:
    """DuckDB calls the second of two columns of one name, or of one but for case, "name_1"."""
    present = {name.casefold() for name in relation.columns}
    doubtful = [
        name
        for name in relation.columns
        if name.rpartition("_")[0].casefold() in present and name.rpartition("_")[2].isdigit()
    ]
    if doubtful:
        found = connection.sql(
            f"SELECT name FROM parquet_schema({sql_list_of_paths(files)})"
        ).fetchall()
        renamed = [name for name in doubtful if (name,) not in found]
        if renamed:
            distinct_names([renamed[0].rpartition("_")[0]] * 2, str(files[0]))


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
    explain = partial(_refusal_of_damage, files)
    scan = (  # without the threshold, rows of many alike columns are taken for one map
        f"read_json({sql_list_of_paths(files)}, records = 'true', union_by_name = true, "
        "map_inference_threshold = -1"
    )
    with refusals_explained(explain):
        found = connection.sql(f"FROM {scan}, sample_size = -1)")
        types = [str(kind) if str(kind) in _JSON_KEPT else "VARCHAR" for kind in found.types]
        columns = list(zip(found.columns, types, strict=True))
        said = ", ".join(f"{sql_literal(name)}: {sql_literal(kind)}" for name, kind in columns)
        mixed = [_mixed_column_as_text(name) for name, kind in columns if kind == "JSON"]
        replaced = f"REPLACE ({', '.join(mixed)}) " if mixed else ""
        relation = connection.sql(f"SELECT * {replaced}FROM {scan}, columns = {{{said}}})")
    return Opened(relation, _files_in_words(files), explain)


def _mixed_column_as_text(name: str) -> str:
    """A column of several kinds as text, a fraction in the form that has one reading (1.125e0)."""
    column = sql_name(name)
    text = f"{column} ->> '$'"
    fraction = f"json_type({column}) = 'DOUBLE' AND NOT contains(lower({text}), 'e')"
    return f"CASE WHEN {fraction} THEN ({text}) || 'e0' ELSE {text} END AS {column}"


def _refusal_of_damage(files: Iterable[Path], problem: Exception) -> RetentionError:
    said = first_line(problem)
    named = [str(path) for path in files]
    where = "" if any(name in said for name in named) else f"{', '.join(named[:3])}: "
    hint = " JSON is UTF-8: save it anew as that." if "encoding" in said else ""
    return ReadError(f"{where}{said.rstrip('.')}. Is the file damaged, or cut short?{hint}")


def _files_in_words(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{len(files)} files"

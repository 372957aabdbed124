"""What is given in place of a path or a query, and the door that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention.errors import RetentionError, TableError, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDINGS = (".csv", ".tsv", ".txt", ".gz", ".zst", ".zip", ".parquet", ".xlsx", ".jsonl", ".ndjson")
_PATHS = "a path, several paths, a pattern or a folder"


def refuse_source(source: object, door: str) -> None:
    """Refuse what is no path, with what to say instead; `door` is the function that was called.

    Raises:
        TableError: if it is a table already.
        RetentionError: if it is anything else.
    """
    its = door_of(door)
    kind = f"{type(source).__module__.split('.')[0]}.{type(source).__name__}"
    if _is_dataframe(source):
        raise TableError(
            f"This is a table already, of {kind}: there is nothing to read. Say {its}(df, ...)."
        )
    if isinstance(source, list | tuple) and source and _is_dataframe(source[0]):
        raise TableError(
            f"source is tables already: put them together, as pandas.concat does, and say "
            f"{its}(df, ...)."
        )
    if is_connection(source):
        raise RetentionError(
            f"source is a connection ({kind}), not {_PATHS}. Say "
            f"{door}('SELECT ...', `connection=...`): the query first, the connection by keyword."
        )
    if isinstance(source, bytes | bytearray | memoryview) or hasattr(source, "read"):
        raise RetentionError(
            f"source must be {_PATHS}; got {kind}, bytes or an open file. Say its path, or read it "
            f"yourself, as with pandas.read_csv(...), and say {its}(df, ...)."
        )
    if hasattr(source, "keys") or hasattr(source, "__array__") or _is_list_of_rows(source):
        raise RetentionError(
            f"source must be {_PATHS}; got data in Python ({kind}). Make a table of it, df = "
            f"pandas.DataFrame(...), and say {its}(df, ...)."
        )
    raise RetentionError(f"source must be {_PATHS}, or a query with `connection=`; got {kind}.")


def door_of(reader: str) -> str:
    """The door through which a table goes that a reader would have read."""
    return "as_transactions" if reader == "read_table" else reader


def refuse_swapped(source: object, connection: object, door: str) -> None:
    """Refuse a query that is no text or statement, or that stands where the connection belongs.

    Raises:
        RetentionError: says in which order they are given.
    """
    say = f"Say {door}('SELECT ...', `connection=...`)."
    if is_connection(source) and not _is_statement(source):
        raise RetentionError(
            f"source is a connection and `connection=` is {_thing_in_short(connection)}: "
            f"swapped? {say}"
        )
    if _is_dataframe(connection):
        raise RetentionError(f"`connection=` is a table, not a connection to a database. {say}")
    if hasattr(connection, "fetchall") and not hasattr(connection, "cursor"):
        raise RetentionError(f"`connection=` is a cursor: give the connection that it is of. {say}")
    if hasattr(connection, "__fspath__") or (
        isinstance(connection, str) and "://" not in connection
    ):
        path = str(connection)
        raise RetentionError(
            f"`connection={path!r}` is no URL of a database. Say `connection='sqlite:///{path}'` "
            "(with "
            f"SQLAlchemy) or connection=duckdb.connect({path!r})."
        )
    if isinstance(source, str) and source.lower().endswith(_ENDINGS):
        raise RetentionError(
            f"{_thing_in_short(source)} is a file, not a query: leave `connection=` out."
        )
    if isinstance(source, str) and source.strip():
        return
    if not _is_statement(source):
        raise RetentionError(
            "With `connection=`, source is an SQL query or the name of a table; got "
            f"{_thing_in_short(source)}"
            f". {say}"
        )


def refuse_options(said: Mapping[str, object]) -> None:
    """Refuse options of a file that are not of their kind.

    Raises:
        RetentionError: names the first.
    """
    for name, value in said.items():
        if value is None:
            continue
        if name == "header_row":
            whole_number(name, value, least=1)
        elif not isinstance(value, str):
            raise RetentionError(f"{name} must be text; got {value!r}.")


def is_connection(thing: object) -> bool:
    """Whether something looks like a connection to a database, or an engine or cursor of one."""
    kind = type(thing)
    return any(
        hasattr(kind, name) for name in ("cursor", "execute", "exec_driver_sql", "raw_connection")
    )


def _is_statement(source: object) -> bool:
    """Whether it is a statement of SQLAlchemy."""
    return type(source).__module__.startswith("sqlalchemy.") and hasattr(source, "compile")


def _is_dataframe(source: object) -> bool:
    try:
        return isinstance(nw.from_native(cast("Any", source)), nw.DataFrame | nw.LazyFrame)
    except TypeError:
        return False


def _is_list_of_rows(source: object) -> bool:
    """Whether it is a list whose first element is no path but a row or a table."""
    if not isinstance(source, list | tuple) or not source:
        return False
    return not isinstance(source[0], str) and not hasattr(source[0], "__fspath__")


def _thing_in_short(thing: object) -> str:
    text = " ".join(repr(thing).split())
    return text if len(text) <= 60 else f"{text[:60]} …"

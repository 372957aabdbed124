"""Tables that live in a database: DuckDB, whatever SQLAlchemy reaches, ADBC, any Python driver."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from retention.errors import ReadError, RetentionError
from retention.loading.files.mistaken import refuse_swapped
from retention.loading.files.relations import (
    Opened,
    distinct_names,
    first_line,
    fresh_connection,
    require_library,
)
from retention.loading.rows.records import table_of_rows
from retention.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from duckdb import DuckDBPyConnection

_TABLE_NAME = re.compile(r'[\w$]+(\.[\w$]+)*|"[^"]+"(\."[^"]+")*')
_BATCH = 50_000
_NO_CODE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
"""Texts, quoted names and comments: what stands in them is not SQL."""
_WRITES = {
    *("insert", "update", "delete", "merge", "replace", "upsert", "truncate", "copy", "import"),
    *("create", "drop", "alter", "grant", "revoke", "attach", "detach", "load", "install"),
    *("begin", "commit", "rollback", "set", "reset", "use", "vacuum", "analyze", "export"),
}
_CHANGES = re.compile(r"\b(insert\s+into|delete\s+from|update\s+[\w.]+\s+set)\b", re.IGNORECASE)
_PARAMETERS = re.compile(r"bind|parameter|placeholder", re.IGNORECASE)


def open_query(source: object, connection: object, door: str = "read_table") -> Opened:
    """The answer of a query, or a whole table by its name, through the user's connection.

    The connection is left open. DuckDB's answer stays unread; the others hold theirs in memory.

    Raises:
        ReadError: if the database refuses the query; says what it said. If it is several statements
            or one that writes: before it runs.
        RetentionError: if the connection is of no known kind, or the two are swapped.
    """
    refuse_swapped(source, connection, door)
    query = source.strip().rstrip("; \t\r\n") if isinstance(source, str) else source
    if isinstance(query, str):
        _refuse_writing(query)
    explain = partial(_refusal_of_query, source)
    with _refusals_of_driver(explain):
        if _library_of_connection(connection) in ("duckdb", "_duckdb"):
            relation = _duckdb_relation(query, cast("DuckDBPyConnection", connection))
        elif isinstance(connection, str) or _library_of_connection(connection) == "sqlalchemy":
            relation = _relation_of_rows(*_sqlalchemy_rows(query, connection))
        elif hasattr(connection, "adbc_get_info"):
            relation = _adbc_relation(query, connection)
        elif hasattr(connection, "cursor"):
            relation = _relation_of_rows(*_driver_rows(query, connection))
        else:
            raise RetentionError(
                "connection must be a DuckDB, SQLAlchemy, ADBC or Python database connection, or "
                f"an SQLAlchemy URL; got {type(connection).__module__}.{type(connection).__name__}."
            )
    return Opened(relation, "the query", explain)


def _refuse_writing(query: str) -> None:
    """Refuse, before it runs, what is more than one statement, or more than a question."""
    if "\0" in query:
        raise ReadError(f"The query {query[:80]!r} holds a NUL character.")
    plain = _NO_CODE.sub(" ", query).strip()
    if ";" in plain.rstrip("; "):
        raise ReadError(
            f"{_query_in_short(query)} is several statements. Run the others on your connection "
            "yourself, and give the one query whose answer is to be read."
        )
    word = plain.lstrip("( ").split(None, 1)[0].lower() if plain.lstrip("( ") else ""
    if not word or word in _WRITES or _CHANGES.search(plain):
        raise ReadError(
            f"{_query_in_short(query)} gives no table: it is not a query. Run it on your "
            "connection yourself, and give a SELECT, or the name of a table."
        )


def _query_in_short(source: object) -> str:
    asked = " ".join(str(source).split())
    return repr(asked if len(asked) <= 200 else asked[:200] + " …")


def _refusal_of_query(source: object, problem: Exception) -> RetentionError:
    said = (first_line(problem) or type(problem).__name__).rstrip(".") + "."
    values = _PARAMETERS.search(said)
    hint = " Parameters are not taken here: write the values into the query." if values else ""
    return ReadError(f"The database refused {_query_in_short(source)}: {said}{hint}")


@contextmanager
def _refusals_of_driver(explain: Callable[[Exception], RetentionError]) -> Iterator[None]:
    try:
        yield
    except RetentionError:
        raise
    except Exception as problem:  # each driver has its own kinds of error
        raise explain(problem) from problem


def _library_of_connection(connection: object) -> str:
    libraries = {parent.__module__.split(".")[0] for parent in type(connection).__mro__[:-1]}
    return next(iter(libraries & {"duckdb", "_duckdb", "sqlalchemy"}), "")


def _is_table_name(query: object) -> bool:
    return isinstance(query, str) and _TABLE_NAME.fullmatch(query) is not None


def _select_statement(query: object) -> str:
    return f"SELECT * FROM {query}" if _is_table_name(query) else str(query)


def _duckdb_relation(query: object, connection: DuckDBPyConnection) -> Any:
    relation = connection.sql(_select_statement(query))
    if relation is None:
        raise ReadError(f"{query!r} gives no table: it is not a query.")
    distinct_names(relation.columns, "the query")
    return relation


def _adbc_relation(query: object, connection: Any) -> Any:
    with closing(connection.cursor()) as cursor:
        cursor.execute(_select_statement(query))
        return fresh_connection().from_arrow(cursor.fetch_arrow_table())


def _driver_rows(query: object, connection: Any) -> tuple[list[str], list[Sequence[Any]]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(_select_statement(query))
        if cursor.description is None:
            raise ReadError(f"{query!r} gives no table: it is not a query.")
        return [column[0] for column in cursor.description], _fetched_rows(cursor.fetchmany)


def _sqlalchemy_rows(query: object, connection: Any) -> tuple[list[str], list[Sequence[Any]]]:
    require_library("sqlalchemy", "An SQLAlchemy URL", "sql")
    import sqlalchemy

    if isinstance(connection, str):
        engine = sqlalchemy.create_engine(connection)
        try:
            return _sqlalchemy_rows(query, engine)
        finally:
            engine.dispose()
    if isinstance(connection, sqlalchemy.Engine):
        with connection.connect() as opened:
            return _sqlalchemy_rows(query, opened)
    if _is_table_name(query):
        *schema, table = str(query).replace('"', "").rsplit(".", 1)
        found = sqlalchemy.table(table, schema=schema[0] if schema else None)
        query = sqlalchemy.select(sqlalchemy.text("*")).select_from(found)
    if isinstance(query, str):  # as it stands: a colon in it is no parameter
        answer = connection.exec_driver_sql(query)
    else:
        answer = connection.execute(query)
    return list(answer.keys()), _fetched_rows(answer.fetchmany)


def _fetched_rows(fetch: Callable[[int], Sequence[Sequence[Any]]]) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    with progress_bar("reading the query", " rows") as done:
        while batch := fetch(_BATCH):
            rows.extend(batch)
            done(len(batch))
    return rows


def _relation_of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    named = distinct_names(map(str, names), "the query")
    return fresh_connection().from_df(table_of_rows(rows, named))

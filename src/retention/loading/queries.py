"""Tables that live in a database: DuckDB, whatever SQLAlchemy reaches, ADBC, any Python driver."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from retention.errors import ColumnError, ReadError, RetentionError
from retention.loading.progress import watched
from retention.loading.relations import Opened, first_line, fresh_connection, needs
from retention.loading.rows import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from duckdb import DuckDBPyConnection

_TABLE_NAME = re.compile(r'[\w$]+(\.[\w$]+)*|"[^"]+"(\."[^"]+")*')
_BATCH = 50_000


def open_query(source: object, connection: object) -> Opened:
    """The answer of a query, or a whole table by its name, through the user's connection.

    The connection is left open. DuckDB's answer stays unread; the others hold theirs in memory.

    Raises:
        ReadError: if the database refuses the query; says what it said.
        RetentionError: if the connection is of no known kind.
    """
    query = source.strip().rstrip(";") if isinstance(source, str) else source
    explain = partial(_explained, source)
    with _refusing(explain):
        if _library(connection) in ("duckdb", "_duckdb"):
            relation = _duckdb(query, cast("DuckDBPyConnection", connection))
        elif isinstance(connection, str) or _library(connection) == "sqlalchemy":
            relation = _of_rows(*_sqlalchemy(query, connection))
        elif hasattr(connection, "adbc_get_info"):
            relation = _adbc(query, connection)
        elif hasattr(connection, "cursor"):
            relation = _of_rows(*_driver(query, connection))
        else:
            raise RetentionError(
                "connection must be a DuckDB, SQLAlchemy, ADBC or Python database connection, or "
                f"an SQLAlchemy URL; got {type(connection).__module__}.{type(connection).__name__}."
            )
    return Opened(relation, "the query", explain)


def _explained(source: object, problem: Exception) -> RetentionError:
    asked = " ".join(str(source).split())
    asked = asked if len(asked) <= 200 else asked[:200] + " …"
    said = first_line(problem) or type(problem).__name__
    return ReadError(f"The database refused {asked!r}: {said}")


@contextmanager
def _refusing(explain: Callable[[Exception], RetentionError]) -> Iterator[None]:
    try:
        yield
    except RetentionError:
        raise
    except Exception as problem:  # each driver has its own kinds of error
        raise explain(problem) from problem


def _library(connection: object) -> str:
    libraries = {parent.__module__.split(".")[0] for parent in type(connection).__mro__[:-1]}
    return next(iter(libraries & {"duckdb", "_duckdb", "sqlalchemy"}), "")


def _is_table(query: object) -> bool:
    return isinstance(query, str) and _TABLE_NAME.fullmatch(query) is not None


def _select(query: object) -> str:
    return f"SELECT * FROM {query}" if _is_table(query) else str(query)


def _duckdb(query: object, connection: DuckDBPyConnection) -> Any:
    relation = connection.sql(_select(query))
    if relation is None:
        raise ReadError(f"{query!r} gives no table: it is not a query.")
    return relation


def _adbc(query: object, connection: Any) -> Any:
    with closing(connection.cursor()) as cursor:
        cursor.execute(_select(query))
        return fresh_connection().from_arrow(cursor.fetch_arrow_table())


def _driver(query: object, connection: Any) -> tuple[list[str], list[Sequence[Any]]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(_select(query))
        if cursor.description is None:
            raise ReadError(f"{query!r} gives no table: it is not a query.")
        return [column[0] for column in cursor.description], _fetched(cursor.fetchmany)


def _sqlalchemy(query: object, connection: Any) -> tuple[list[str], list[Sequence[Any]]]:
    needs("sqlalchemy", "An SQLAlchemy URL", "sql")
    import sqlalchemy

    if isinstance(connection, str):
        engine = sqlalchemy.create_engine(connection)
        try:
            return _sqlalchemy(query, engine)
        finally:
            engine.dispose()
    if isinstance(connection, sqlalchemy.Engine):
        with connection.connect() as opened:
            return _sqlalchemy(query, opened)
    if _is_table(query):
        *schema, table = str(query).replace('"', "").rsplit(".", 1)
        found = sqlalchemy.table(table, schema=schema[0] if schema else None)
        query = sqlalchemy.select(sqlalchemy.text("*")).select_from(found)
    if isinstance(query, str):  # as it stands: a colon in it is no parameter
        answer = connection.exec_driver_sql(query)
    else:
        answer = connection.execute(query)
    return list(answer.keys()), _fetched(answer.fetchmany)


def _fetched(fetch: Callable[[int], Sequence[Sequence[Any]]]) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    with watched("reading the query", " rows") as done:
        while batch := fetch(_BATCH):
            rows.extend(batch)
            done(len(batch))
    return rows


def _of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    twice = next((name for name in names if list(names).count(name) > 1), None)
    if twice is not None:
        raise ColumnError(f"The query gives two columns named {twice!r}. Name one with AS.")
    return fresh_connection().from_df(table_of(rows, names))

"""From a file, a folder or a database to a raw table in one call.

Whatever the format, DuckDB does the reading; the answer comes in the engine the user asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retention.errors import ColumnError, RetentionError, check_choice
from retention.loading.files.databases import open_query
from retention.loading.files.formats import open_files
from retention.loading.files.relations import ENGINES, Engine, table_in_engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.loading.files.relations import Opened

_OF_FILES = ("sheet", "encoding", "separator", "header_row", "headings")


def read_table(
    source: Any,
    *,
    connection: Any = None,
    engine: Engine = "pandas",
    columns: Sequence[str] | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    header_row: int | None = None,
    headings: str | None = None,
) -> Any:
    r"""The raw table of a file or a query, with its own column names, for a look or an audit.

    Every column of a CSV is text, as it stands in the file: what is a number or a date is settled
    when its meaning is known, by `as_transactions`, `as_contracts` or an audit of theirs. Parquet,
    SQL and Excel keep their types; JSON keeps numbers and true/false. An empty CSV cell is null. A
    row of nothing but separators is left out, as a blank line is. Of columns of one name in a CSV
    or a sheet each is called by its place as well: "x (column 4)".

    Args:
        source: a path; several; a pattern such as "orders/*.csv"; a folder, read with the folders
            in it (year=2024 in a Parquet folder's name becomes a text column); or, with
            `connection`, an SQL query or a table's name. CSV (.csv .txt .tsv, also with .gz .zst
            .bz2, or alone in a .zip), Parquet (.parquet), Excel (.xlsx), JSON lines (.jsonl
            .ndjson, also with .gz .zst). Files that are read together need the same columns.
        connection: of DuckDB, SQLAlchemy (or its URL), ADBC or any Python database driver, such as
            sqlite3. It is left open.
        engine: the kind of table to give: "pandas", "polars", "pyarrow", or "duckdb", which reads
            nothing yet and later scans files larger than memory.
        columns: read only these. Default: all.
        sheet: which sheet of a workbook. Default: its only visible one.
        encoding: of a CSV. Default: by its byte-order mark; else UTF-8; else cp1252, with a warning
            that shows some words, where none of its lines with accents is UTF-8 and its words look
            like those of a Western language.
        separator: of a CSV's columns; " " stands for any run of blanks. Default: the one of , ; tab
            and | that cuts the first lines into columns, else runs of blanks.
        header_row: the line of a CSV or the row of a sheet that holds the column names, from 1.
            Default: the first line that is not blank, nor a title (one field, or one filled cell),
            nor above the table (fewer fields than its rows, or not half as many filled, as what a
            bank says of an account), nor Excel's "sep=;"; in a sheet the first row that is as full
            as any, with one title at most in each row above.
        headings: the column of a CSV or a sheet that is filled in on a row of its own, above the
            rows that it is for, as the customer in a report of an accounting system: it holds for
            each of them, up to the next row in which it is filled in. Such headings are no rows
            then; one with no row below it stays. For one file at a time.

    Returns:
        One row a line of the file. From a lazy CSV ("duckdb") a row of the wrong length is refused
        when the relation is first used, in DuckDB's words.

    Raises:
        ReadError: if there is no such file, it is empty, cut short or in no single encoding, its
            rows have different lengths, or the database refuses the query.
        ColumnError: if two columns of a query have one name, files have different columns, or one
            of `columns` is missing.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import retention as rt
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "orders.csv")
        ...     _ = path.write_text("Kunde;Datum;Betrag\n007;03.02.2024;1.234,50\n")
        ...     rt.read_table(path)
          Kunde       Datum    Betrag
        0   007  03.02.2024  1.234,50
    """
    check_choice("engine", engine, ENGINES)
    said = {"sheet": sheet, "encoding": encoding, "separator": separator, "header_row": header_row}
    said["headings"] = headings
    opened = open_source("read_table", source, connection, said)
    if columns is not None:
        wanted = [columns] if isinstance(columns, str) else list(columns)
        if not wanted or len(set(wanted)) < len(wanted):
            raise ColumnError(f"columns must name one column or more, each once; got {wanted}.")
        for name in wanted:
            if name not in opened.relation.columns:
                raise ColumnError.unknown("columns", str(name), opened.relation.columns)
        opened.refuse_lacking(wanted, asked="columns")
        opened = opened.with_columns_only(wanted)
    else:
        opened.refuse_lacking(opened.relation.columns)
    return table_in_engine(opened, engine)


def open_source(
    door: str, source: Any, connection: Any, said: Mapping[str, Any], *, misfits: bool = False
) -> Opened:
    """A file, several, or with a connection a query, not read yet.

    Args:
        door: the function that was called, for messages.
        source: a path, several, or a query.
        connection: of a database; None for files.
        said: `sheet`, `encoding`, `separator`, `header_row`, `headings`, as far as they were said.
        misfits: whether lines of a CSV that have too few fields or too many become rows of one
            cell, the whole line, for the door to set aside.

    Raises:
        RetentionError: if something is said of a query that is for files.
    """
    every = {name: said.get(name) for name in _OF_FILES}
    if connection is None:
        return open_files(source, door, misfits=misfits, **every)
    for name, value in every.items():
        if value is not None:
            raise RetentionError(f"{name}= says nothing about a query. Leave it out.")
    return open_query(source, connection, door)

"""From a file, a folder or a database to a checked table in one call.

Whatever the format, DuckDB does the reading; the answer comes in the engine the user asks for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from retention.errors import ColumnError, RetentionError, one_of
from retention.frames import as_lazy
from retention.loading.doors.contracts import as_contracts
from retention.loading.doors.transactions import as_transactions
from retention.loading.files.databases import open_query
from retention.loading.files.formats import open_files
from retention.loading.files.relations import ENGINES, Engine, Opened, in_engine, refusing
from retention.loading.rows.columns import find, names_of
from retention.loading.values.currencies import speaking

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date as Date  # noqa: N812 - date is a keyword of the doors


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
) -> Any:
    r"""The raw table of a file or a query, with its own column names, for a look or an audit.

    Every column of a CSV is text, as it stands in the file: what is a number or a date is settled
    when its meaning is known, by `as_transactions`, `as_contracts` or an audit of theirs. Parquet,
    SQL and Excel keep their types; JSON keeps numbers and true/false. An empty CSV cell is null.

    Args:
        source: a path; several; a pattern such as "orders/*.csv"; a folder, read with the folders
            in it (year=2024 in a Parquet folder's name becomes a text column); or, with
            `connection`, an SQL query or a table's name. CSV (.csv .txt .tsv, also with .gz .zst
            .bz2), Parquet (.parquet), Excel (.xlsx), JSON lines (.jsonl .ndjson, also with .gz
            .zst). Files that are read together need the same columns.
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
            Default: the first line that is not blank; in a sheet the first row that is as full as
            any, with one title at most in each row above.

    Returns:
        One row a line of the file. From a lazy CSV ("duckdb") a row of the wrong length is refused
        when the relation is first used, in DuckDB's words.

    Raises:
        ReadError: if there is no such file, it is empty, cut short or in no single encoding, its
            rows have different lengths, or the database refuses the query.
        ColumnError: if two columns have one name, files have different columns, or one of
            `columns` is missing.

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
    one_of("engine", engine, ENGINES)
    said = {"sheet": sheet, "encoding": encoding, "separator": separator, "header_row": header_row}
    opened = _opened("read_table", source, connection, said)
    if columns is not None:
        wanted = [columns] if isinstance(columns, str) else list(columns)
        if not wanted or len(set(wanted)) < len(wanted):
            raise ColumnError(f"columns must name one column or more, each once; got {wanted}.")
        for name in wanted:
            if name not in opened.relation.columns:
                raise ColumnError.unknown("columns", str(name), opened.relation.columns)
        opened = opened.only(wanted)
    return in_engine(opened, engine)


def read_transactions(
    source: Any,
    *,
    customer_id: str,
    date: str,
    sales: str | None = None,
    quantity: str | None = None,
    unit_price: str | None = None,
    profit: str | None = None,
    cost: str | None = None,
    order_id: str | None = None,
    currency: str | None = None,
    rates: Any = None,
    keep: str | Sequence[str] = (),
    refunds: str = "error",
    duplicates: str = "error",
    zero_orders: str = "error",
    order_day: str | None = None,
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    as_of: Date | str | None = None,
    connection: Any = None,
    engine: Engine = "pandas",
    sheet: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    header_row: int | None = None,
) -> Any:
    r"""Orders from a file, a folder or a database, checked: `read_table`, then `as_transactions`.

    Args:
        source: a path, several, a pattern, a folder, or with `connection` a query (`read_table`).
        customer_id: the column of who bought. This and all the columns, policies and formats down
            to `as_of` are those of `as_transactions`.
        date: the column of when it was bought.
        sales: the column of the line's net revenue, or else `quantity` and `unit_price`.
        quantity: the column of how many were bought.
        unit_price: the column of what one of them cost the customer.
        profit: the column of the line's contribution, or else `cost`.
        cost: the column of what the line cost the firm.
        order_id: the column of the order that the line belongs to.
        currency: the column of the currency of the amounts.
        rates: exchange rates that convert the amounts.
        keep: further columns to keep, under their own names.
        refunds: what to do with negative lines.
        duplicates: what to do with lines that are there twice.
        zero_orders: what to do with orders that sum to 0.
        order_day: of one order on several days: "each" or "first".
        day_first: whether 03.02.2024 is in February.
        date_format: the format of the dates, as in `datetime.strptime`.
        decimal: the decimal sign of numbers in text.
        blanks: texts that mean that an id was not filled in; () where "NA" is an id.
        tz: the time zone of the shop.
        as_of: the last observed day; a later date is refused.
        connection: of a database: see `read_table`.
        engine: the kind of table to give: "pandas", "polars", "pyarrow" or, unread, "duckdb".
        sheet: which sheet of a workbook.
        encoding: of a CSV.
        separator: of a CSV's columns.
        header_row: the line or row that holds the column names, counted from 1.

    Returns:
        The table of `as_transactions`: `customer_id`, `date`, `sales` (currency) and, where named,
        `profit` (currency), `order_id`, `currency` and the columns of `keep`.

    Raises:
        ReadError: if the file or the query cannot be read (see `read_table`).
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: lists every problem of the content at once (see `as_transactions`).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import retention as rt
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "orders.csv")
        ...     _ = path.write_text("Kunde;Datum;Betrag\nAnn;13.02.2024;1.234,50\nBob;14.02.2024;8")
        ...     rt.read_transactions(
        ...         path, customer_id="Kunde", date="Datum", sales="Betrag", decimal=","
        ...     )
          customer_id       date   sales
        0         Ann 2024-02-13  1234.5
        1         Bob 2024-02-14     8.0
    """
    roles = {
        "customer_id": customer_id,
        "date": date,
        "sales": sales,
        "quantity": quantity,
        "unit_price": unit_price,
        "profit": profit,
        "cost": cost,
        "order_id": order_id,
        "currency": currency,
    }
    one_of("engine", engine, ENGINES)
    said = {"sheet": sheet, "encoding": encoding, "separator": separator, "header_row": header_row}
    opened = _opened("read_transactions", source, connection, said)
    opened = _needed(opened, roles, keep, every=duplicates != "keep")
    door = partial(
        as_transactions,
        customer_id=customer_id,
        date=date,
        sales=sales,
        quantity=quantity,
        unit_price=unit_price,
        profit=profit,
        cost=cost,
        order_id=order_id,
        currency=currency,
        rates=rates,
        keep=keep,
        refunds=refunds,
        duplicates=duplicates,
        zero_orders=zero_orders,
        order_day=order_day,
        day_first=day_first,
        date_format=date_format,
        decimal=decimal,
        blanks=blanks,
        tz=tz,
        as_of=as_of,
    )
    return _checked(door, opened, engine)


def read_contracts(
    source: Any,
    *,
    customer_id: str,
    start: str,
    end: str,
    sales: str | None = None,
    sales_per: str | None = None,
    profit: str | None = None,
    contract_id: str | None = None,
    currency: str | None = None,
    rates: Any = None,
    keep: str | Sequence[str] = (),
    end_is: str = "error",
    trials: str = "error",
    trial: str | None = None,
    duplicates: str = "error",
    overlaps: str | None = None,
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    as_of: Date | str | None = None,
    connection: Any = None,
    engine: Engine = "pandas",
    sheet: str | None = None,
    encoding: str | None = None,
    separator: str | None = None,
    header_row: int | None = None,
) -> Any:
    """Contracts from a file, a folder or a database, checked: `read_table`, then `as_contracts`.

    Args:
        source: a path, several, a pattern, a folder, or with `connection` a query (`read_table`).
        customer_id: the column of whose contract it is. This and all the columns, policies and
            formats down to `as_of` are those of `as_contracts`.
        start: the column of the first day in force.
        end: the column of the end, empty while the contract runs.
        sales: the column of its recurring net revenue.
        sales_per: what that revenue is for: a month, a year …
        profit: the column of its recurring contribution.
        contract_id: the column of which contract it is.
        currency: the column of the currency of the amounts.
        rates: exchange rates that convert the amounts.
        keep: further columns to keep, under their own names.
        end_is: whether `end` is the last day in force or the first day out of it.
        trials: what to do with trial contracts.
        trial: the column that marks them.
        duplicates: what to do with contracts that are there twice.
        overlaps: rows of one contract that overlap in time: "keep" or "cut".
        day_first: whether 03.02.2024 is in February.
        date_format: the format of the dates, as in `datetime.strptime`.
        decimal: the decimal sign of numbers in text.
        blanks: texts that mean that an id was not filled in; () where "NA" is an id.
        tz: the time zone of the firm.
        as_of: the last observed day.
        connection: of a database: see `read_table`.
        engine: the kind of table to give: "pandas", "polars", "pyarrow" or, unread, "duckdb".
        sheet: which sheet of a workbook.
        encoding: of a CSV.
        separator: of a CSV's columns.
        header_row: the line or row that holds the column names, counted from 1.

    Returns:
        The table of `as_contracts`.

    Raises:
        ReadError: if the file or the query cannot be read (see `read_table`).
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: lists every problem of the content at once (see `as_contracts`).
    """
    roles = {
        "customer_id": customer_id,
        "start": start,
        "end": end,
        "sales": sales,
        "profit": profit,
        "contract_id": contract_id,
        "trial": trial,
        "currency": currency,
    }
    one_of("engine", engine, ENGINES)
    said = {"sheet": sheet, "encoding": encoding, "separator": separator, "header_row": header_row}
    opened = _opened("read_contracts", source, connection, said)
    opened = _needed(opened, roles, keep, every=duplicates != "keep")
    door = partial(
        as_contracts,
        customer_id=customer_id,
        start=start,
        end=end,
        sales=sales,
        sales_per=sales_per,
        profit=profit,
        contract_id=contract_id,
        currency=currency,
        rates=rates,
        keep=keep,
        end_is=end_is,
        trials=trials,
        trial=trial,
        duplicates=duplicates,
        overlaps=overlaps,
        day_first=day_first,
        date_format=date_format,
        decimal=decimal,
        blanks=blanks,
        tz=tz,
        as_of=as_of,
    )
    return _checked(door, opened, engine)


def _needed(
    opened: Opened, roles: Mapping[str, str | None], keep: str | Sequence[str], *, every: bool
) -> Opened:
    """The source with all columns, or `every` of them not being needed, only the named ones.

    A line that is there twice is one that agrees in every column of the file. A column that is
    missing is refused before anything is read. Columns that may say currencies stay, so that the
    door sees them.
    """
    present = dict.fromkeys(opened.relation.columns)
    kept = names_of(keep)
    asked = [(role, name) for role, name in roles.items() if name is not None]
    asked += [("keep", name) for name in kept]
    for role, name in asked:
        if not isinstance(name, str):
            raise ColumnError(f"{role} must be the name of a column, as text; got {name!r}.")
    found = [find(name, present, asked=role) for role, name in asked]
    if every:
        return opened
    if roles["currency"] is None:
        with refusing(opened.explain):
            found += speaking(as_lazy(opened.relation, name=opened.name, by_row=True))
    return opened.only(list(dict.fromkeys(found)))


def _checked(door: Callable[[Any], Any], opened: Opened, engine: Engine) -> Any:
    """The source's table through its door; a lazy one is first read by the door's checks."""
    table = in_engine(opened, engine)
    if engine != "duckdb":
        return door(table)
    with refusing(opened.explain, bound=True):
        return door(table)


def _opened(door: str, source: Any, connection: Any, said: Mapping[str, Any]) -> Opened:
    if connection is None:
        return open_files(source, door, **said)
    for name, value in said.items():
        if value is not None:
            raise RetentionError(f"{name}= says nothing about a query. Leave it out.")
    return open_query(source, connection, door)

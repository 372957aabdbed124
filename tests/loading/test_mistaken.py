"""What is no path, no query and no file: refused in our words, with the door it belongs to."""

from __future__ import annotations

import gzip
import io
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy

import retention as rt
from retention.cli import main

ROWS = {"customer_id": ["Ann", "Bob"], "date": ["2024-01-01", "2024-01-31"], "sales": ["1", "2"]}
ORDERS = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
CONTRACTS = {"customer_id": "customer_id", "start": "date", "end": "date"}
READERS = {"read_table": {}, "as_transactions": ORDERS, "as_contracts": CONTRACTS}


def frame() -> pd.DataFrame:
    """Two orders."""
    return pd.DataFrame(ROWS)


def a_file(folder: Path) -> Path:
    """The same as a CSV."""
    path = folder / "orders.csv"
    frame().to_csv(path, index=False)
    return path


def refusal(reader: str, source: Any, **say: Any) -> rt.RetentionError:
    """The error with which a reader answers."""
    with pytest.raises(rt.RetentionError) as refused:
        getattr(rt, reader)(source, **READERS[reader], **say)
    return refused.value


def test_a_table_in_place_of_a_path_is_shown_its_door() -> None:
    """pandas, Polars, Arrow and DuckDB: nothing is read; the door that is named takes it."""
    tables = [frame(), pl.DataFrame(ROWS), pl.LazyFrame(ROWS), pa.table(ROWS)]
    for table in [*tables, duckdb.connect().from_arrow(pa.table(ROWS))]:
        told = refusal("read_table", table)
        assert isinstance(told, rt.TableError)
        assert str(told).startswith("This is a table already")
        assert "Say as_transactions(df, ...)." in str(told)
    assert len(rt.as_transactions(frame(), **ORDERS)) == 2


@pytest.mark.parametrize("reader", ["read_table"])
@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "got builtins.NoneType"),
        (7, "got builtins.int"),
        (b"a,b\n", "Say its path"),
        (io.StringIO("a,b\n1,2\n"), "Say its path"),
        ([{"a": 1}], "pandas.DataFrame(...)"),
        ({"a": [1]}, "pandas.DataFrame(...)"),
        (np.array([[1, 2]]), "pandas.DataFrame(...)"),
        (pd.Series(["a"]), "pandas.DataFrame(...)"),
        (["orders.csv", None], "There is no file orders.csv"),
        ([frame()], "source is tables already"),
        (sqlite3.connect(":memory:"), "('SELECT ...', connection=...)"),
        (sqlalchemy.create_engine("sqlite://"), "('SELECT ...', connection=...)"),
        ([], "source is empty"),
        ("", "source is an empty text"),
        ("a,b\n1,2\n", "is the text of a table"),
        ("select *\nfrom orders", "is a query: say connection="),
        ("orders", "If it is a table of a database, say connection="),
        ("~nobody_of_this_name/a.csv", "is no home folder"),
        ("a" * 5_000, "cannot be looked for: File name too long"),
        (f"{'a' * 300}.csv", "cannot be looked for: File name too long"),
        ("a\0.csv", "holds a NUL character"),
        ("https://example.org/a.csv", "not on this machine"),
        ("file:///shop/a%20b.csv", "say the path, '/shop/a b.csv'"),
    ],
)
def test_what_is_no_path_is_told_what_it_is(reader: str, source: Any, says: str) -> None:
    """Never "there is no file customer_id", and never another library's error."""
    assert says in str(refusal(reader, source))


def test_a_path_from_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the shell would read it, unless a folder of that name stands here."""
    a_file(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert len(rt.read_table("~/orders.csv")) == 2


@pytest.mark.parametrize(
    ("say", "says"),
    [
        ({"sheet": 0}, "sheet must be text; got 0"),
        ({"encoding": 5}, "encoding must be text"),
        ({"separator": 5}, "separator must be text"),
        ({"header_row": "1"}, "header_row must be a whole number"),
        ({"header_row": 1.5}, "header_row must be a whole number"),
        ({"columns": []}, "columns must name one column or more"),
        ({"columns": ["sales", "sales"]}, "each once"),
        ({"columns": [1]}, "columns names '1', which is not a column"),
    ],
)
def test_options_of_another_kind_are_refused(tmp_path: Path, say: Any, says: str) -> None:
    """In words, not in a TypeError; one column may be named without a list."""
    assert says in str(refusal("read_table", a_file(tmp_path), **say))
    assert list(rt.read_table(a_file(tmp_path), columns="sales").columns) == ["sales"]


@pytest.mark.parametrize("name", [1, None, ["customer_id"]])
def test_a_column_is_named_by_text(tmp_path: Path, name: Any) -> None:
    """Of a role and of what is kept."""
    for say in ({"customer_id": name}, {"keep": 5}, {"keep": [5]}):
        with pytest.raises(rt.ColumnError, match="must (be the name of|name) a column"):
            rt.as_transactions(a_file(tmp_path), **(ORDERS | say))


# ----------------------------------------------------------------------------- files


def damaged(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Files that are not what their names say, and what is to be done."""
    whole = gzip.compress(frame().to_csv(index=False).encode() * 50)
    pq.write_table(pa.table(ROWS), folder / "whole.parquet")
    parquet = (folder / "whole.parquet").read_bytes()
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100
    return {
        "a.csv.gz": (b"not packed", "cut short or damaged"),
        "b.csv.gz": (whole[:-9], "cut short or damaged"),
        "c.csv.zst": (b"not packed", "cut short or damaged"),
        "d.csv": (whole, "name it .csv.gz"),
        "e.csv": (parquet, "name it .parquet"),
        "f.csv": (b"PK\x03\x04rest", "name it .xlsx"),
        "g.csv": (b"<!DOCTYPE html><html>", "web page"),
        "h.csv": (b'{"a": 1}\n', "name it .jsonl"),
        "i.xlsx": (old, "without a password"),
        "j.xlsx": (b"a,b\n1,2\n", "name it .csv"),
        "k.xlsx": (b"PK\x03\x04rest\0", "not a complete Excel workbook"),
        "l.xls": (old, "save it as .xlsx"),
        "m.xlsb": (b"PK", "save it as .xlsx"),
        "n.parquet": (b"PAR1" + b"x" * 50 + b"PAR1", "damaged"),
        "o.parquet": (parquet[: len(parquet) // 2], "cut short"),
        "p.jsonl": (b'{"a": 1}\n{"a":', "damaged, or cut short"),
        "q.jsonl": ('{"a": "Müller"}\n'.encode("cp1252"), "JSON is UTF-8"),
        "r.csv": (b"\0" * 9, "is not plain text"),
        "s.zip": (b"PK", "unpack it, and say the file in it"),
        "s.rar": (b"Rar!", "Known endings"),
    }


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    """On every engine with a ReadError that says what to do."""
    for name, (content, says) in damaged(tmp_path).items():
        path = tmp_path / name
        path.write_bytes(content)
        for engine in ("pandas", "duckdb"):
            told = refusal("read_table", path, engine=engine)
            assert isinstance(told, rt.ReadError)
            assert says in str(told), name


def test_columns_of_one_name_in_a_parquet_file_are_refused(tmp_path: Path) -> None:
    """DuckDB would call the second one "a_1"; a column really called so is none."""
    for names in (["a", "a"], ["a", "A"]):
        pq.write_table(
            pa.table([pa.array([1]), pa.array([2])], names=names), tmp_path / "x.parquet"
        )
        with pytest.raises(rt.ColumnError, match="two columns are named"):
            rt.read_table(tmp_path / "x.parquet")
    pq.write_table(pa.table({"a": [1], "a_1": [2]}), tmp_path / "x.parquet")
    assert list(rt.read_table(tmp_path / "x.parquet").columns) == ["a", "a_1"]


@pytest.mark.parametrize(
    "source", ["a" * 300, "~nobody_of_this_name/x.csv", "a\0b", "", "/dev/null"]
)
@pytest.mark.parametrize("command", ["kpis", "audit", "report"])
def test_the_command_line_never_ends_in_a_traceback(
    source: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and one message."""
    more = ["-o", str(tmp_path / "x.html")] if command == "report" else []
    assert main([command, source, *more]) == 1
    assert capsys.readouterr().err.startswith("retention: ")


# ----------------------------------------------------------------------------- queries


def connections() -> list[Any]:
    """One of each kind, with a table of two orders."""
    duck, lite = duckdb.connect(), sqlite3.connect(":memory:")
    pool = sqlalchemy.pool.StaticPool
    engine = sqlalchemy.create_engine("sqlite://", poolclass=pool)
    for run in (duck.execute, lite.execute):
        run("CREATE TABLE orders (customer_id TEXT, date TEXT, sales TEXT)")
        run("INSERT INTO orders VALUES ('Ann', '2024-01-01', '1')")
    with engine.begin() as opened:
        opened.exec_driver_sql("CREATE TABLE orders (customer_id TEXT, date TEXT, sales TEXT)")
        opened.exec_driver_sql("INSERT INTO orders VALUES ('Ann', '2024-01-01', '1')")
    return [duck, lite, engine]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT 1 AS a; SELECT 2 AS a", "is several statements"),
        ("DELETE FROM orders; SELECT * FROM orders", "is several statements"),
        ("DELETE FROM orders", "it is not a query"),
        (" /* tidy */ drop table orders", "it is not a query"),
        ("CREATE TABLE t (a INT)", "it is not a query"),
        ("WITH x AS (SELECT 1) INSERT INTO orders SELECT 1, 2, 3", "it is not a query"),
        ("-- nothing", "it is not a query"),
        ("SELECT * FROM orders WHERE sales = ?", "write the values into the query"),
        ("SELECT sales AS a, date AS a FROM orders", "two columns are named 'a'"),
        ("SELECT sales AS a, date AS A FROM orders", "two columns are named 'A'"),
        ("SELECT * FROM nowhere", "The database refused"),
        ("", "source is an SQL query or the name of a table"),
        ("orders.csv", "leave connection= out"),
        (b"SELECT 1", "source is an SQL query or the name of a table"),
        (frame(), "source is an SQL query or the name of a table"),
        (None, "source is an SQL query or the name of a table"),
    ],
)
def test_what_is_no_single_query_is_refused_before_it_runs(query: Any, says: str) -> None:
    """Whoever reads orders loses none: the table is as it was."""
    for connection in connections():
        told = refusal("as_transactions", query, connection=connection)
        assert says in str(told)
        assert len(rt.read_table("orders", connection=connection)) == 1


def test_semicolons_and_words_in_text_are_no_statements() -> None:
    """What stands in quotes or in a comment is no SQL."""
    query = "SELECT '; delete from x' AS \"a;b\" -- ; drop\n FROM orders;  "
    for connection in connections():
        assert rt.read_table(query, connection=connection)["a;b"].tolist() == ["; delete from x"]


def test_a_connection_in_the_place_of_another_thing_is_told(tmp_path: Path) -> None:
    """Swapped, closed, a cursor, a table, a path, a module."""
    duck, lite, _ = connections()
    query = "SELECT * FROM orders"
    assert "swapped?" in str(refusal("read_table", duck, connection=query))
    assert "is a table" in str(refusal("read_table", query, connection=frame()))
    assert "is a cursor" in str(refusal("read_table", query, connection=lite.cursor()))
    assert "duckdb.connect(" in str(refusal("read_table", query, connection=tmp_path / "a.db"))
    assert "'sqlite:///a.db'" in str(refusal("read_table", query, connection="a.db"))
    assert "connection must be" in str(refusal("read_table", query, connection=sqlite3))
    for connection in (duck, lite):
        connection.close()
        assert "closed" in str(refusal("read_table", query, connection=connection))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ([{"a": 1}], "pandas.DataFrame(...)"),
        ({"a": [1]}, "pandas.DataFrame(...)"),
        (b"a,b", "Say the path of the file"),
        (io.StringIO("a,b"), "Say the path of the file"),
        (sqlite3.connect(":memory:"), "read_table('SELECT ...', connection=...)"),
        (None, "got builtins.NoneType"),
    ],
)
def test_what_is_no_table_is_told_how_to_become_one(table: Any, says: str) -> None:
    """The other way round: a door for tables is given something to read."""
    with pytest.raises(rt.TableError) as refused:
        rt.as_transactions(table, **ORDERS)
    assert says in str(refused.value)

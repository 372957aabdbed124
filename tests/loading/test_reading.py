"""Reading files and queries: the same table on every engine, and a clear refusal of broken ones."""

from __future__ import annotations

import ast
import bz2
import codecs
import csv
import gzip
import io
import json
import random
import re
import sqlite3
import sys
from contextlib import nullcontext
from datetime import date, datetime
from decimal import Decimal
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.loading.files.relations import ENGINES
from retention.loading.rows.records import typed_column

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = "customer_id,date,sales\n007,2024-02-03,1.50\n008,2024-02-04,\n"
ROWS = [
    {"customer_id": "007", "date": "2024-02-03", "sales": "1.50"},
    {"customer_id": "008", "date": "2024-02-04", "sales": None},
]


def rows_of(table: Any) -> list[dict[str, Any]]:
    """The rows of a table of any engine as Python values, None where missing."""
    if isinstance(table, pd.DataFrame):
        plain = table.astype(object).where(table.notna(), None)
        return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]
    if isinstance(table, pl.DataFrame):
        return table.to_dicts()
    if not isinstance(table, pa.Table):
        table = table.to_arrow_table()
    return table.to_pylist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with an odd name."""
    path = tmp_path / "Bob's [data] 100%"
    path.mkdir()
    return path


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(folder: Path, rows: list[list[Any]], **sheets: list[list[Any]]) -> Path:
    """A workbook with these rows on its first sheet, "Orders", and further sheets by name."""
    book = openpyxl.Workbook()
    for name, lines in {"Orders": rows, **sheets}.items():
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    del book["Sheet"]
    path = folder / "orders.xlsx"
    book.save(path)
    return path


# ----------------------------------------------------------------------------- engines and CSV


@pytest.mark.parametrize("engine", ENGINES)
def test_a_csv_is_the_same_text_on_every_engine(folder: Path, engine: Any) -> None:
    """Leading zeros, trailing zeros and dates stay as written; an empty cell is missing."""
    path = written(folder, "orders.csv", PLAIN)
    table = rt.read_table(path, engine=engine)
    kinds = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}
    assert isinstance(table, kinds.get(engine, duckdb.DuckDBPyRelation))
    assert rows_of(table) == ROWS


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(folder: Path, separator: str) -> None:
    """Commas, semicolons, tabs and bars are told apart by the first lines."""
    path = written(folder, "orders.csv", PLAIN.replace(",", separator))
    assert rows_of(rt.read_table(path)) == ROWS


def test_a_decimal_comma_is_not_taken_for_the_separator(folder: Path) -> None:
    """With semicolons between columns, commas within numbers stay where they are."""
    path = written(folder, "umsatz.csv", "kunde;betrag\n1;10,50\n2;1.234,00\n")
    assert rows_of(rt.read_table(path))[1] == {"kunde": "2", "betrag": "1.234,00"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_runs_of_blanks_separate_as_in_the_cdnow_file(folder: Path, end: str, engine: Any) -> None:
    """Leading blanks and columns padded to a width, as in CDNOW_master.txt."""
    lines = [
        " customer_id  date      sales",
        " 00001 19970101  11.77",
        " 00002 19970112   7.00",
        "",
    ]
    path = written(folder, "cdnow.txt", end.join(lines))
    assert rows_of(rt.read_table(path, engine=engine)) == [
        {"customer_id": "00001", "date": "19970101", "sales": "11.77"},
        {"customer_id": "00002", "date": "19970112", "sales": "7.00"},
    ]


def test_one_column_with_blanks_in_it_stays_one_column(folder: Path) -> None:
    """Blanks separate only where every line has as many of them."""
    path = written(folder, "names.csv", "Customer ID\nAnn\nBob Miller Jr\n")
    assert list(rt.read_table(path).columns) == ["Customer ID"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("cp1252", b""),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ],
)
def test_the_encoding_is_found(folder: Path, engine: Any, encoding: str, mark: bytes) -> None:
    """UTF-8 with a mark or without, UTF-16 by its mark, else cp1252: no character is lost."""
    text = "Größe,prix €\nÄpfel,“5”\n"
    path = written(folder, "orders.csv", mark + text.encode(encoding))
    guessed = encoding == "cp1252"
    with pytest.warns(rt.RetentionWarning, match="cp1252") if guessed else nullcontext():
        found = rows_of(rt.read_table(path, engine=engine))
    assert found == [{"Größe": "Äpfel", "prix €": "“5”"}]


def test_the_encoding_is_found_by_the_last_byte_too(folder: Path) -> None:
    """One accent after megabytes of plain text decides for cp1252, and the rows arrive whole."""
    path = written(folder, "long.csv", b"a,b\n" + b"1,2\n" * 600_000 + "é,3\n".encode("cp1252"))
    with pytest.warns(rt.RetentionWarning, match="it holds 'é'"):
        table = rt.read_table(path)
    assert len(table) == 600_001
    assert table["a"].iloc[-1] == "é"


def test_a_stated_encoding_is_used(folder: Path) -> None:
    """In cp1250 the byte of cp1252's ø is ř."""
    path = written(folder, "orders.csv", "a,b\nDvořák,1\n".encode("cp1250"))
    assert rt.read_table(path, encoding="cp1250")["a"].tolist() == ["Dvořák"]
    assert rt.read_table(path, encoding="cp1252")["a"].tolist() == ["Dvoøák"]


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("é,b\n1,2\n".encode() + "é,3\n".encode("cp1252"), {}, "line 3 is not UTF-8"),
        (b"a,b\n\x81,2\n", {}, "do not look like cp1252"),
        (b"a,b\n\x81,2\n", {"encoding": "cp1252"}, "not cp1252 text"),
        ("a,b\né,2\n".encode("cp1252"), {"encoding": "utf-8"}, "is not utf-8 text"),
        ("a,b\né,2\n", {"encoding": "ascii"}, "is not ascii text"),
        ("a,b\n1,2\n", {"encoding": "klingon"}, "not an encoding that Python knows"),
        ("a,b\n1,2\n".encode("utf-16-le"), {}, "encoding='utf-16-le'"),
    ],
)
def test_a_byte_that_no_encoding_explains_is_refused(
    folder: Path, content: bytes | str, options: Any, says: str
) -> None:
    """Characters are never replaced in silence."""
    path = written(folder, "orders.csv", content)
    with pytest.raises(rt.ReadError, match=says):
        rt.read_table(path, **options)


def packed(name: str, content: bytes) -> bytes:
    """The content as the ending of the name says."""
    if name.endswith(".zst"):
        return pa.Codec("zstd").compress(content, asbytes=True)  # type: ignore[no-any-return]
    return {"gz": gzip.compress, "bz2": bz2.compress}[name.rsplit(".", 1)[1]](content)


@pytest.mark.filterwarnings("ignore:.*was read as cp1252")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.csv.zst", "ORDERS.CSV.bz2"])
def test_packed_files_are_read_as_they_are(folder: Path, name: str, engine: Any) -> None:
    """gzip, Zstandard and bzip2, also around another encoding."""
    path = written(folder, name, packed(name, PLAIN.encode()))
    assert rows_of(rt.read_table(path, engine=engine)) == ROWS
    path = written(folder, name, packed(name, "a,b\né,2\n".encode("cp1252")))
    assert rows_of(rt.read_table(path, engine=engine)) == [{"a": "é", "b": "2"}]


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.csv.zst", "orders.csv.bz2"])
def test_a_packed_file_cut_short_is_refused(folder: Path, name: str) -> None:
    """Half a download is said to be half a download."""
    lines = "".join(f"{i},{i * 7919 % 10_007}\n" for i in range(50_000))
    whole = packed(name, ("a,b\n" + lines).encode())
    path = written(folder, name, whole[: len(whole) // 2])
    with pytest.raises(rt.ReadError, match=r"not a complete .* file"):
        rt.read_table(path)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\r\n1,x\n2,y\r\n",
        "a,b\n1,x\r\n2,y",
        "a,b\r1,x\r2,y\r",
        "\n \n a , b\n1,x\n\n2,y\n\n",
        '"a","b"\n"1","x"\n"2","y"',
        '\ufeff"a" ,b\n1,x\n2,y\n',
    ],
)
def test_line_ends_blank_lines_and_padded_headers_do_no_harm(folder: Path, content: str) -> None:
    """However the lines end and the header is padded, the table is the same."""
    path = written(folder, "orders.csv", content)
    assert rows_of(rt.read_table(path)) == [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quoted_field_may_hold_separators_quotes_and_line_breaks(folder: Path, end: str) -> None:
    """As a spreadsheet writes them."""
    path = written(folder, "orders.csv", f'a,b{end}"1, ""one""","x{end}y"{end}2,{end}')
    table = rt.read_table(path)
    assert table["a"].tolist() == ['1, "one"', "2"]
    assert table["b"].iloc[0].splitlines() == ["x", "y"]


def test_a_title_above_the_header_is_skipped_when_said(folder: Path) -> None:
    """header_row= counts lines from 1, blank ones included, in every version of DuckDB."""
    path = written(folder, "orders.csv", "Report, printed 2024-03-01\n\na,b,c1\n1,2,3\n4,5,6\n")
    assert rows_of(rt.read_table(path, header_row=3))[0] == {"a": "1", "b": "2", "c1": "3"}
    path = written(folder, "orders.csv", "Report, printed\n\n12,13,14\n1,2,3\n4,5,6\n")
    with pytest.raises(rt.ReadError, match=r"line 3 has 3 fields .*header_row="):
        rt.read_table(path)
    with pytest.raises(rt.ReadError, match="has no line 9"):
        rt.read_table(path, header_row=9)
    with pytest.raises(
        rt.RetentionError, match="header_row must be a whole number, 1 or more; got 0"
    ):
        rt.read_table(path, header_row=0)


def test_nameless_columns_are_called_by_their_place(folder: Path) -> None:
    """The index that pandas writes without a name."""
    path = written(folder, "orders.csv", ",a\n0,x\n1,y\n")
    assert list(rt.read_table(path).columns) == ["unnamed_1", "a"]


@pytest.mark.parametrize("header", ["id,sales, id", "ID,sales,id"])
def test_two_columns_of_one_name_are_told_apart_by_their_places(folder: Path, header: str) -> None:
    """Padding and capital letters do not make another name; nobody gets the one for the other."""
    path = written(folder, "orders.csv", f"{header}\n1,2,3\n")
    first, sales, second = rt.read_table(path).columns
    assert [first.lower(), sales, second] == ["id (column 1)", "sales", "id (column 3)"]
    with pytest.raises(rt.ColumnError, match=r"'id' is not a column|names 'id'"):
        rt.as_transactions(path, customer_id="id", date="sales", sales="sales")


def test_a_file_without_header_is_refused(folder: Path) -> None:
    """As CDNOW_sample.txt: numbers are no column names, and the first row must not get lost."""
    path = written(
        folder, "sample.txt", " 00004 0001 19970101  2   29.33\n 00004 0001 19970118 2 29.7\n"
    )
    with pytest.raises(rt.ReadError, match=r"line 1 holds only numbers \(00004, 0001"):
        rt.read_table(path)


# ----------------------------------------------------------------------------- uneven rows


@pytest.mark.parametrize("lead", ["", "Caf\u00e9,x,y\n", '"two\nlines",x,y\n'])
@pytest.mark.parametrize(
    ("row", "count"),
    [("1,2", 2), ("1,2,3,4", 4), ("Smith, Jo,5,", 4), ("1,2,3,,", 5), ('5" pipe, 6" pipe,1,', 4)],
)
def test_a_row_of_another_length_is_refused(folder: Path, lead: str, row: str, count: int) -> None:
    """Too short and too long, also where the fields that are too many are empty."""
    path = written(folder, "orders.csv", f"a,b,c\n{lead}x,y,z\n{row}\n1,2,\n")
    line = 3 + len(lead.splitlines())
    with pytest.raises(rt.ReadError, match=rf"orders.csv: line {line} has {count} fields .* has 3"):
        rt.read_table(path)


def test_the_line_of_an_uneven_row_is_right_far_into_the_file(folder: Path) -> None:
    """The number is the file's, behind thousands of rows with line breaks in their fields."""
    path = written(folder, "orders.csv", "a,b\n" + '"x\ny",2\n' * 200_000 + "1,2,3\n")
    with pytest.raises(rt.ReadError, match="line 400002 has 3 fields"):
        rt.read_table(path)


def test_an_empty_last_column_is_no_uneven_row(folder: Path) -> None:
    """A row may end with the separator if its last field is the empty one."""
    text = 'a,b,note\n1,2,\n"x,y",2,\n"in ""quotes"", a comma",2,\n"two\nlines",3,\n4,5,"n,o"\n'
    path = written(folder, "orders.csv", text)
    assert rt.read_table(path)["note"].isna().tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("separator", ["|", "\t", ";", "^", "\\", "-"])
def test_too_long_rows_are_seen_whatever_separates(folder: Path, separator: str) -> None:
    """The separator is taken as itself, also where it means something in a pattern."""
    for rows, wrong in [(['"x,y",2,', "1,2,"], False), (['"x,y",2,', "1,2,3,"], True)]:
        text = "\n".join(["a,b,c", *rows]).replace(",", separator)
        path = written(folder, "orders.csv", text)
        if wrong:
            with pytest.raises(rt.ReadError, match="line 3 has 4 fields"):
                rt.read_table(path, separator=separator)
        else:
            assert len(rt.read_table(path, separator=separator)) == 2


@pytest.mark.parametrize("text", ['a,b\n1,"open\n2,3\n', 'a,b\n1,"3" nails\n2,3\n'])
def test_a_quote_that_never_closes_is_refused(folder: Path, text: str) -> None:
    """Else the rest of the file would be one field."""
    path = written(folder, "orders.csv", text)
    with pytest.raises(rt.ReadError, match="the row that starts on line 2 cannot be read"):
        rt.read_table(path)


@pytest.mark.parametrize("text", [" a b\n 1 2\n 1\n", " a b\n 1 2\n 1 2 3\n"])
def test_uneven_rows_between_blanks_are_refused(folder: Path, text: str) -> None:
    """Where blanks separate, a missing value cannot be seen, only counted."""
    path = written(folder, "orders.txt", text)
    with pytest.raises(rt.ReadError, match=r"line 3 has [13] fields"):
        rt.read_table(path, separator=" ")


def test_a_lazy_read_refuses_uneven_rows_when_it_is_checked(folder: Path) -> None:
    """as_transactions says it in our words, whichever engine."""
    path = written(folder, "orders.csv", PLAIN + "9,2024-02-05\n")
    for engine in ENGINES:
        with pytest.raises(rt.ReadError, match="line 4 has 2 fields"):
            rt.as_transactions(
                path, customer_id="customer_id", date="date", sales="sales", engine=engine
            )


cells = st.text(st.sampled_from('ab ,;"\n\té0'), max_size=6)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8), st.data())
def test_what_pythons_own_writer_writes_comes_back(
    tmp_path: Path, rows: list[list[str]], data: st.DataObject
) -> None:
    """Twin: any cells at all, written by the csv module, are read as they were, but blank rows."""
    text = io.StringIO()
    separator = data.draw(st.sampled_from([",", ";", "\t", "|"]))
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([["one", "two", "three"], *rows])
    path = written(tmp_path, "any.csv", text.getvalue())
    expected = [[cell or None for cell in row] for row in rows if any(row)]
    for engine in ENGINES:
        found = rows_of(rt.read_table(path, engine=engine, separator=separator))
        filled = [list(row.values()) for row in found if any(row.values())]
        assert filled == expected


def test_a_long_file_comes_back_in_order(folder: Path) -> None:
    """Megabytes read by several threads, quotes and line breaks among them."""
    chance = random.Random(2)
    rows = [[str(i), chance.choice(["x", "a,b", 'q"q', "l\nl", ""])] for i in range(300_000)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["n", "note"], *rows])
    table = rt.read_table(written(folder, "long.csv", text.getvalue()), engine="pyarrow")
    assert table["n"].to_pylist() == [row[0] for row in rows]
    assert table["note"].to_pylist() == [row[1] or None for row in rows]


# ----------------------------------------------------------------------------- which files


@pytest.mark.filterwarnings("ignore:.*was read as cp1252")
def test_several_files_are_read_as_one(folder: Path) -> None:
    """A list, a pattern and a folder name the same files; separators and encodings may differ."""
    first = written(folder, "a.csv", "id,name\n1,x\n")
    second = written(folder, "b.csv", "name;id\né;2\n".encode("cp1252"))
    expected = [{"id": "1", "name": "x"}, {"id": "2", "name": "é"}]
    for source in ([first, str(second)], str(folder.parent / "*data*" / "?.csv"), folder):
        for engine in ENGINES:
            assert rows_of(rt.read_table(source, engine=engine)) == expected


def test_files_keep_their_order(folder: Path) -> None:
    """The rows of a list of files come in the order of the list, however long they are."""
    names = ("3.csv", "1.txt", "2.csv")
    texts = [
        f"id{end}" + "".join(f"c{i}{end}" for i in range(n))
        for n, end in ((300_000, "\n"), (10, "\r\n"), (200_000, "\n"))
    ]
    files = [written(folder, name, text) for name, text in zip(names, texts, strict=True)]
    expected = [f"c{i}" for n in (300_000, 10, 200_000) for i in range(n)]
    for engine in ENGINES:
        table = rt.read_table(files, engine=engine)
        assert [row["id"] for row in rows_of(table)] == expected


def of_other_columns(folder: Path) -> list[Path]:
    """The exports of three months: a column came, another was moved, and one was renamed."""
    return [
        written(folder, "a.csv", "id,day,sales\n1,2024-01-02,10\n"),
        written(folder, "b.csv", "id;sales;day;channel\n2;20;2024-01-03;web\n"),
        written(folder, "c.csv", "id,day,amount\n3,2024-01-04,30\n"),
    ]


def test_a_door_reads_files_that_have_the_columns_it_needs(folder: Path) -> None:
    """Other columns may differ: where a file lacks one, its cells are empty."""
    a, b, c = of_other_columns(folder)
    for engine in ENGINES:
        lines = rt.as_transactions(
            [a, b], customer_id="id", date="day", sales="sales", engine=engine
        )
        assert sorted(row["sales"] for row in rows_of(lines)) == [10.0, 20.0]
    with pytest.raises(rt.ColumnError, match=r"c.csv lacks the column 'sales' .*sales= needs it"):
        rt.as_transactions([a, c], customer_id="id", date="day", sales="sales")
    with pytest.raises(rt.ColumnError, match=r"a.csv lacks the column 'channel' .*keep= needs it"):
        rt.as_transactions([a, b], customer_id="id", date="day", sales="sales", keep="channel")
    audit = rt.audit(rt.as_transactions, [a, b], customer_id="id", date="day", sales="sales")
    assert len(audit.accepted) == 2


def test_files_whose_names_differ_in_capitals_are_one_table(folder: Path) -> None:
    """They are spelled as in the first file, in text and in workbooks."""
    texts = [
        written(folder, "a.csv", "Account Name;Day;Paid\nA;2024-01-02;10\n"),
        written(folder, "b.csv", '" PAID ","account name",day\n20,B,2024-01-03\n'),
    ]
    books = [folder / f"{n}.xlsx" for n in "ab"]
    pd.DataFrame({"Account Name": ["A"], "Day": ["2024-01-02"], "Paid": [10]}).to_excel(
        books[0], index=False
    )
    pd.DataFrame({"PAID": [20], "account name": ["B"], "day": ["2024-01-03"]}).to_excel(
        books[1], index=False
    )
    for files in (texts, books):
        assert list(rt.read_table(files).columns) == ["Account Name", "Day", "Paid"]
        lines = rt.as_transactions(files, customer_id="account name", date="Day", sales="paid")
        assert lines["customer_id"].tolist() == ["A", "B"]
        assert lines["sales"].tolist() == [10.0, 20.0]


def test_files_cut_at_another_sign_are_asked_for_it(folder: Path) -> None:
    """No column is in both, as commas of amounts cut names at the wrong places."""
    files = [
        written(folder, "a.csv", "who:paid, net:day, x\nA:1,5:2024-01-02, 1\n"),
        written(folder, "b.csv", "day, x:paid, net:who\n2024-01-03, 1:2,5:B\n"),
    ]
    with pytest.raises(rt.ColumnError, match="no column is in all of the files.*separator="):
        rt.read_table(files, separator=",")
    assert list(rt.read_table(files, separator=":").columns) == ["who", "paid, net", "day, x"]
    files = [
        written(folder, "c.csv", "who^day^order #\nA^2024-01-02^#1000\nB^2024-01-03^#1001\n"),
        written(folder, "d.csv", "day^order #^who\n2024-01-03^#1002^B\n2024-01-04^#1003^A\n"),
    ]
    with pytest.raises(rt.ColumnError, match="no column is in all of the files.*separator="):
        rt.read_table(files)
    assert list(rt.read_table(files, separator="^").columns) == ["who", "day", "order #"]


def test_a_table_of_files_with_other_columns_is_read_as_the_refusal_says(folder: Path) -> None:
    """The columns that all of them have are listed, to be said; the order may differ."""
    files = of_other_columns(folder)
    with pytest.raises(rt.ColumnError, match=r"c.csv lacks the column 'sales'") as refusal:
        rt.read_table(files)
    said = re.search(r"columns=(\[.*?\])", str(refusal.value))[1]
    for engine in ENGINES:
        table = rt.read_table(files, columns=ast.literal_eval(said), engine=engine)
        assert [row["id"] for row in rows_of(table)] == ["1", "2", "3"]
    with pytest.raises(rt.ColumnError, match=r"a.csv lacks the column 'channel'"):
        rt.read_table(files[:2], columns=["id", "channel"])
    pq.write_table(pa.table({"id": [1]}), folder / "a.parquet")
    pq.write_table(pa.table({"id": [1], "x": [1]}), folder / "b.parquet")
    parquet = str(folder.parent / "*" / "*.parquet")
    with pytest.raises(rt.ColumnError, match=r"a.parquet lacks the column 'x'"):
        rt.read_table(parquet)
    assert len(rt.read_table(parquet, columns=["id"])) == 2


def test_files_without_a_common_column_are_refused(folder: Path) -> None:
    """They are of two kinds."""
    files = [written(folder, "a.csv", "id,sales\n1,2\n"), written(folder, "b.csv", "x,y\n1,2\n")]
    with pytest.raises(rt.ColumnError, match=r"b.csv has the columns \['x', 'y'\], .*Read them ap"):
        rt.read_table(files)


def test_hidden_files_and_markers_in_a_folder_are_left_out(folder: Path) -> None:
    """What Spark and file managers leave behind is no data."""
    written(folder, "a.csv", PLAIN)
    for name in ("_SUCCESS", "._a.csv", "~$b.csv", "notes.md"):
        written(folder, name, "x")
    (folder / "_delta_log").mkdir()
    written(folder / "_delta_log", "0.json", "{}")
    assert rows_of(rt.read_table(folder)) == ROWS


def test_a_table_that_begins_with_an_underscore_is_named(folder: Path) -> None:
    """It may be what an engine left behind, or an export; a pattern reads it."""
    written(folder, "a.csv", PLAIN)
    written(folder, "_b.csv", PLAIN)
    with pytest.warns(
        rt.RetentionWarning, match=r"1 file whose name begins with _, such as _b"
    ) as w:
        assert rows_of(rt.read_table(folder)) == ROWS
    pattern = re.search("read ['\"](.*)['\"]", str(w[0].message))[1]
    assert len(rows_of(rt.read_table(pattern))) == 2 * len(ROWS)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("orders.cvs", r"There is no file .*orders.cvs. Did you mean 'orders.csv'\?"),
        ("nowhere/orders.csv", "the folder .*nowhere does not exist"),
        ("*.pq", "No file matches"),
        ("empty", "holds no file that can be read"),
        ("blank.csv", "is empty"),
        ("zero.csv", "is empty"),
        ("zero.parquet", "is empty"),
        ("old.xls", "save it as .xlsx"),
        ("orders", "cannot tell from its name"),
        (["orders.csv", "some.jsonl"], "several formats"),
        ([], "there is no file to read"),
    ],
)
def test_a_source_that_is_no_file_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: Any, says: str
) -> None:
    """The nearest name is suggested, an empty file is not an empty table."""
    monkeypatch.chdir(folder)
    written(folder, "orders.csv", PLAIN)
    written(folder, "blank.csv", "\n  \n")
    for name in ("zero.csv", "zero.parquet"):
        written(folder, name, "")
    for name in ("old.xls", "orders", "some.jsonl"):
        written(folder, name, "x")
    Path("empty").mkdir()
    with pytest.raises(rt.ReadError, match=says):
        rt.read_table(source)


def test_what_is_neither_path_nor_query_is_refused(folder: Path) -> None:
    """A query without a connection, a web address, a number, options that mean nothing."""
    path = written(folder, "orders.csv", PLAIN)
    with pytest.raises(rt.ReadError, match="say connection="):
        rt.read_table("SELECT * FROM orders")
    with pytest.raises(rt.ReadError, match="not on this machine"):
        rt.read_table("s3://shop/orders.parquet")
    with pytest.raises(rt.RetentionError, match="source must be a path"):
        rt.read_table(5)
    with pytest.raises(rt.RetentionError, match=r"sheet= says nothing about orders.csv"):
        rt.read_table(path, sheet="Orders")
    with pytest.raises(rt.RetentionError, match="separator must be one character"):
        rt.read_table(path, separator=", ")
    with pytest.raises(rt.RetentionError, match="engine must be one of"):
        rt.read_table(path, engine="spark")  # type: ignore[arg-type]
    with pytest.raises(rt.ColumnError, match=r"Did you mean 'sales'"):
        rt.read_table(path, columns=["Sale"])


def test_only_the_named_columns_are_read(folder: Path) -> None:
    """In the order they are named."""
    path = written(folder, "orders.csv", PLAIN)
    for engine in ENGINES:
        table = rt.read_table(path, columns=["sales", "customer_id"], engine=engine)
        assert list(rows_of(table)[0]) == ["sales", "customer_id"]


def test_a_lazy_table_outlives_its_call(folder: Path) -> None:
    """Its connection lives as long as it does, also for a file that had to be copied."""
    path = written(folder, "orders.csv", "a,b\né,2\n".encode("cp1252"))
    lazy = rt.read_table(path, engine="duckdb", encoding="cp1252").filter("b = '2'")
    path.unlink()
    assert lazy.fetchall() == [("é", "2")]


# ----------------------------------------------------------------------------- Parquet and JSON


@pytest.mark.parametrize("engine", ENGINES)
def test_parquet_keeps_its_types(folder: Path, engine: Any) -> None:
    """Whole numbers with gaps stay whole (long ids too), dates stay dates, money stays a number."""
    path = folder / "orders.parquet"
    table = pa.table(
        {
            "id": pa.array([9007199254740993, None], pa.int64()),
            "small": pa.array([None, 200], pa.uint8()),
            "day": pa.array([date(2024, 2, 3), None]),
            "sales": pa.array([1.5, None]),
            "price": pa.array(["1.50", None]).cast(pa.decimal128(10, 2)),
            "number": pa.array(["12", None]).cast(pa.decimal128(18, 0)),
        }
    )
    pq.write_table(table, path)
    found = rt.read_table(path, engine=engine)
    row, missing = rows_of(found)
    assert row["id"] == 9007199254740993
    assert row["day"] in (date(2024, 2, 3), datetime(2024, 2, 3))
    assert (float(row["price"]), row["number"], row["sales"]) == (1.5, 12, 1.5)
    assert missing == {**dict.fromkeys(table.column_names), "small": 200}
    if engine == "pandas":
        kinds = ["Int64", "UInt8", "datetime64[us]", "float64", "float64", "Int64"]
        assert [str(kind) for kind in found.dtypes] == kinds


def test_files_whose_types_differ_take_the_wider_one(folder: Path) -> None:
    """1.5 in the second file does not become 2 because the first had whole numbers only."""
    pq.write_table(pa.table({"id": [1], "sales": [1]}), folder / "a.parquet")
    pq.write_table(pa.table({"id": ["C2"], "sales": [1.5]}), folder / "b.parquet")
    assert rows_of(rt.read_table(folder)) == [{"id": "1", "sales": 1.0}, {"id": "C2", "sales": 1.5}]


def test_parts_of_a_folder_become_columns_of_text(folder: Path) -> None:
    """region=01 keeps its zero."""
    part = folder / "year=2024" / "region=01"
    part.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1]}), part / "x.parquet")
    assert rows_of(rt.read_table(folder)) == [{"id": 1, "region": "01", "year": "2024"}]


def test_a_parquet_file_cut_short_is_refused(folder: Path) -> None:
    """Half a file, a file in other clothes, a file damaged within."""
    path = folder / "orders.parquet"
    pq.write_table(pa.table({"id": list(range(1000))}), path)
    whole = path.read_bytes()
    for engine in ENGINES:
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(rt.ReadError, match=r"not a complete Parquet file .cut short or still"):
            rt.read_table(path, engine=engine)
        path.write_bytes(b"id\n1\n")
        with pytest.raises(rt.ReadError, match="is not a Parquet file"):
            rt.read_table(path, engine=engine)
        path.write_bytes(whole[:4] + whole[-200:])
        with pytest.raises(rt.ReadError, match=r"orders\.parquet"):
            rows_of(rt.read_table(path, engine=engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["orders.jsonl", "orders.ndjson.gz", "orders.jsonl.zst"])
def test_json_lines_keep_numbers_and_leave_dates_to_the_door(
    folder: Path, name: str, engine: Any
) -> None:
    """01-02-2024 is not taken for a date behind the user's back; missing keys are missing."""
    lines = [
        {"id": "007", "day": "01-02-2024", "n": 9007199254740993, "sales": 1, "new": True},
        {"id": "008", "day": "03-02-2024", "sales": 2.5, "tags": ["a"]},
    ]
    text = "\n".join(map(json.dumps, lines)).encode()
    path = written(folder, name, text if name.endswith("l") else packed(name, text))
    first, second = rows_of(rt.read_table(path, engine=engine))
    assert first == {**lines[0], "tags": None}
    assert second == {**lines[1], "n": None, "new": None, "tags": '["a"]'}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"id": 1}\n{"id": \n', "bad.jsonl"),
        ("1\n2\n", "bad.jsonl: .*expected records"),
        ('{"id":"é"}\n'.encode("cp1252"), "bad.jsonl.*UTF-8"),
    ],
)
def test_broken_json_is_refused(folder: Path, text: str | bytes, says: str) -> None:
    """The message names the file."""
    path = written(folder, "bad.jsonl", text)
    with pytest.raises(rt.ReadError, match=says):
        rt.read_table(path)


# ----------------------------------------------------------------------------- Excel


@pytest.mark.parametrize("engine", ENGINES)
def test_a_workbook_keeps_its_numbers_and_dates(folder: Path, engine: Any) -> None:
    """Text stays text, whole numbers whole; a column with a stray word is text throughout."""
    path = workbook(
        folder,
        [
            ["id", "day", "sales", "price", "mixed"],
            ["007", datetime(2024, 2, 3), 5, 1.5, 12],
            ["008", datetime(9999, 12, 31), None, 2, "n/a"],
            [None, None, None, None, None],
        ],
    )
    assert rows_of(rt.read_table(path, engine=engine)) == [
        {"id": "007", "day": datetime(2024, 2, 3), "sales": 5, "price": 1.5, "mixed": "12"},
        {"id": "008", "day": datetime(9999, 12, 31), "sales": None, "price": 2.0, "mixed": "n/a"},
    ]


def test_a_title_above_a_sheets_header_is_skipped(folder: Path) -> None:
    """One cell above a full row of names is a title; the table may start in column B."""
    path = workbook(
        folder,
        [[None, "Sales 2024"], [], [None, "id", None, "sales"], [None, "a", None, 1], [None, "b"]],
    )
    assert rows_of(rt.read_table(path)) == [{"id": "a", "sales": 1}, {"id": "b", "sales": None}]


@pytest.mark.parametrize(
    "rows",
    [
        [["Report", "2024"], ["id", "day", "sales"], ["a", "b", 1]],
        [["id", "sales"], ["a", 1, "no name"]],
        [[2023, 2024], [1, 2]],
    ],
)
def test_an_unclear_header_is_asked_for(folder: Path, rows: list[list[Any]]) -> None:
    """Two cells above the names, more cells than names, numbers for names: say header_row=."""
    path = workbook(folder, rows)
    with pytest.raises(rt.ReadError, match=r"sheet 'Orders': it is not clear .* Say header_row="):
        rt.read_table(path)


def test_a_stated_header_row_is_taken(folder: Path) -> None:
    """Counted from 1, as Excel does."""
    path = workbook(folder, [["Report", "2024"], ["id", "day", "sales"], ["a", "b", 1]])
    assert rows_of(rt.read_table(path, header_row=2)) == [{"id": "a", "day": "b", "sales": 1}]
    with pytest.raises(rt.ReadError, match="has no row 7"):
        rt.read_table(path, header_row=7)


def test_one_of_several_sheets_must_be_named(folder: Path) -> None:
    """The message lists them; a hidden sheet is no rival."""
    path = workbook(folder, [["id"], ["a"]], Notes=[["note"], ["x"]])
    with pytest.raises(rt.ReadError, match=r"several sheets: \['Orders', 'Notes'\].*sheet="):
        rt.read_table(path)
    with pytest.raises(rt.ReadError, match=r"no sheet 'order'. Did you mean 'Orders'"):
        rt.read_table(path, sheet="order")
    assert rows_of(rt.read_table(path, sheet="Notes")) == [{"note": "x"}]
    book = openpyxl.load_workbook(path)
    book["Notes"].sheet_state = "hidden"
    book.save(path)
    assert rows_of(rt.read_table(path)) == [{"id": "a"}]


def test_workbooks_are_read_together(folder: Path) -> None:
    """Cells follow their names, and types are settled over all files."""
    first = workbook(folder, [["id", "n"], [1, 2]]).rename(folder / "a.xlsx")
    second = workbook(folder, [["n", "id"], [3, "x"]]).rename(folder / "b.xlsx")
    assert rows_of(rt.read_table([first, second])) == [{"id": "1", "n": 2}, {"id": "x", "n": 3}]


def test_a_broken_workbook_is_refused(folder: Path) -> None:
    """Half a file, a sheet with nothing on it."""
    path = workbook(folder, [["id", "ID"], ["a", "b"]])
    assert list(rt.read_table(path).columns) == ["id (column 1)", "ID (column 2)"]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(rt.ReadError, match="not a complete Excel workbook"):
        rt.read_table(path)
    with pytest.raises(rt.ReadError, match="sheet 'Orders' is empty"):
        rt.read_table(workbook(folder, []))


@pytest.mark.parametrize(
    ("module", "name", "engine", "extra"),
    [
        ("openpyxl", "orders.xlsx", "pandas", "excel"),
        ("polars", "orders.csv", "polars", "polars"),
        ("pyarrow", "orders.csv", "pyarrow", "arrow"),
        ("pyarrow", "orders.csv.zst", "pandas", "arrow"),
    ],
)
def test_a_missing_library_is_named_with_its_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, engine: Any, extra: str
) -> None:
    """The message can be pasted into a terminal."""
    path = written(folder, name, PLAIN)
    monkeypatch.setitem(sys.modules, module, None)
    says = rf"needs {module}: pip install 'retention-analytics\[{extra}\]'"
    with pytest.raises(rt.RetentionError, match=says):
        rt.read_table(path, engine=engine)


def test_pandas_and_duckdb_are_enough_for_a_csv(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyArrow makes it faster, no more."""
    path = written(folder, "orders.csv", PLAIN)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert rows_of(rt.read_table(path)) == ROWS
    written(folder, "orders.csv", PLAIN + "9\n")
    with pytest.raises(rt.ReadError, match="line 4 has 1 field"):
        rt.read_table(path)


# ----------------------------------------------------------------------------- queries


@pytest.fixture
def shop(folder: Path) -> Path:
    """A small SQLite database."""
    path = folder / "shop.db"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE orders (id INTEGER, day TEXT, sales REAL, odd)")
        lines = [(9007199254740993, "2024-02-03", 1.5, 1), (None, "2024-02-04", None, "x:y")]
        base.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", lines)
        base.execute("CREATE VIEW days AS SELECT day FROM orders")
    base.close()
    return path


SHOP = [
    {"id": 9007199254740993, "day": "2024-02-03", "sales": 1.5, "odd": "1"},
    {"id": None, "day": "2024-02-04", "sales": None, "odd": "x:y"},
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "source", ["orders", "SELECT * FROM orders WHERE odd <> ':z' ORDER BY day;"]
)
@pytest.mark.parametrize("kind", ["sqlite3", "url", "engine", "connection"])
def test_a_query_and_a_table_are_read_through_any_driver(
    shop: Path, kind: str, source: str, engine: Any
) -> None:
    """sqlite3 and SQLAlchemy: long ids stay exact beside a missing one, mixed values are text."""
    url = f"sqlite:///{shop}"
    if kind == "url":
        assert rows_of(rt.read_table(source, connection=url, engine=engine)) == SHOP
        return
    base: Any = sqlite3.connect(shop) if kind == "sqlite3" else sqlalchemy.create_engine(url)
    opened = base.connect() if kind == "connection" else base
    assert rows_of(rt.read_table(source, connection=opened, engine=engine)) == SHOP
    assert rows_of(rt.read_table(source, connection=opened)) == SHOP  # it was left open
    opened.close() if kind != "engine" else None
    base.close() if kind == "sqlite3" else base.dispose()


def test_an_sqlalchemy_statement_is_a_query_too(shop: Path) -> None:
    """Those who have one need not write it out."""
    engine = sqlalchemy.create_engine(f"sqlite:///{shop}")
    query = sqlalchemy.text("SELECT sales FROM orders WHERE id = :id").bindparams(id=SHOP[0]["id"])
    assert rows_of(rt.read_table(query, connection=engine)) == [{"sales": 1.5}]
    engine.dispose()


class ArrowDriver:
    """What every ADBC connection offers, around sqlite3, where no ADBC driver is installed."""

    def __init__(self, path: str) -> None:
        self._base = sqlite3.connect(path)

    def adbc_get_info(self) -> dict[str, str]:
        return {}

    def cursor(self) -> ArrowDriver:
        return self

    def execute(self, query: str) -> None:
        cursor = self._base.execute(query)
        names = [column[0] for column in cursor.description]
        self._rows = [dict(zip(names, row, strict=True)) for row in cursor]

    def fetch_arrow_table(self) -> Any:
        return pa.Table.from_pylist(self._rows)

    def close(self) -> None:
        """The cursor's; nothing to do."""

    def __enter__(self) -> ArrowDriver:
        return self

    def __exit__(self, *problem: object) -> None:
        self._base.close()


def adbc_drivers() -> dict[str, Callable[[str], Any]]:
    """The stand-in, and SQLite's own driver where it is installed."""
    if find_spec("adbc_driver_sqlite") is None:
        return {"stand-in": ArrowDriver}
    from adbc_driver_sqlite import dbapi

    return {"stand-in": ArrowDriver, "sqlite": dbapi.connect}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("driver", adbc_drivers().values(), ids=adbc_drivers())
def test_adbc_hands_over_its_arrow_table(
    shop: Path, driver: Callable[[str], Any], engine: Any
) -> None:
    """Types are the driver's; a table's name is enough."""
    with driver(str(shop)) as connection:
        query = "SELECT id, day, sales FROM orders"
        found = rows_of(rt.read_table(query, connection=connection, engine=engine))
        assert found == [{k: row[k] for k in ("id", "day", "sales")} for row in SHOP]
        days = rt.read_table("days", connection=connection, engine=engine)
        assert len(rows_of(days)) == 2


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("source", ["orders", "SELECT id, sales FROM orders"])
def test_duckdb_answers_on_its_own_connection(source: str, engine: Any) -> None:
    """Whole sums come as whole numbers, and a lazy answer sees what is added later."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE orders AS SELECT 1 AS id, 2.50 AS sales")
    table = rt.read_table(source, connection=connection, engine=engine)
    connection.execute("INSERT INTO orders VALUES (2, 3)")
    expected = [(1, 2.5), (2, 3.0)][: 2 if engine == "duckdb" else 1]
    assert [(row["id"], float(row["sales"])) for row in rows_of(table)] == expected
    total = rt.read_table("SELECT sum(id) AS n FROM orders", connection=connection)
    assert str(total["n"].dtype) == "int64"


def test_a_refused_query_says_what_the_database_said(shop: Path) -> None:
    """Whatever the driver calls its errors."""
    base, lake = sqlite3.connect(shop), duckdb.connect()
    engine = sqlalchemy.create_engine(f"sqlite:///{shop}")
    for connection in (base, lake, engine, f"sqlite:///{shop}"):
        with pytest.raises(rt.ReadError, match=r"refused 'SELECT \* FROM nothing': .*nothing"):
            rt.read_table("SELECT * FROM nothing", connection=connection)
    with pytest.raises(rt.ReadError, match=r"refused .*Conversion|refused .*convert"):
        rt.read_table("SELECT CAST('x' || range AS INT) FROM range(3)", connection=lake)
    with pytest.raises(rt.ColumnError, match="two columns are named 'id'"):
        rt.read_table("SELECT id, id FROM orders", connection=base)
    with pytest.raises(rt.ReadError, match="gives no table"):
        rt.read_table("CREATE TABLE t (x INT)", connection=base)
    with pytest.raises(rt.RetentionError, match="connection must be a DuckDB"):
        rt.read_table("SELECT 1", connection=5)
    with pytest.raises(rt.RetentionError, match="encoding= says nothing about a query"):
        rt.read_table("orders", connection=base, encoding="utf-8")
    base.close()
    engine.dispose()


def test_values_of_a_driver_become_columns_exactly() -> None:
    """Flags, whole numbers, decimals, dates, zoned times, bytes; several kinds at once are text."""
    noon = datetime.fromisoformat("2024-02-03T12:00:00+02:00")
    cases: list[tuple[list[Any], str, list[Any]]] = [
        ([True, None], "boolean", [True, None]),
        ([2**62 + 1, None], "Int64", [2**62 + 1, None]),
        ([2**64, 1], "string", [str(2**64), "1"]),
        ([Decimal(5), 2], "Int64", [5, 2]),
        ([Decimal("5.00"), None], "float64", [5.0, None]),
        ([Decimal("NaN"), Decimal(1)], "float64", [None, 1.0]),
        ([1, 2.5], "float64", [1.0, 2.5]),
        ([date(9999, 12, 31), None], "datetime64[us]", [pd.Timestamp(9999, 12, 31), None]),
        ([noon, None], "datetime64[us, UTC]", [noon, None]),
        ([noon, datetime(2024, 2, 3)], "string", [noon.isoformat(), "2024-02-03T00:00:00"]),
        ([True, 1], "string", ["True", "1"]),
        ([b"caf\xc3\xa9", None], "string", ["café", None]),
        ([None, None], "string", [None, None]),
        ([], "string", []),
    ]
    for values, kind, expected in cases:
        column = typed_column(values)
        assert str(column.dtype) in (kind, "str"), values
        assert [None if pd.isna(value) else value for value in column] == expected


# ----------------------------------------------------------------------------- through the doors

ORDERS = """Order;Customer;When;Item;Betrag
1;A7;29.02.2024;pen;1.234,50
1;A7;29.02.2024;ink;1.234,50
2;B8;01.03.2024;pen;10,00
"""
NAMES = {"customer_id": "Customer", "date": "When", "sales": "Betrag", "order_id": "Order"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("duplicates", ["error", "keep", "drop"])
def test_reading_orders_is_the_raw_table_through_its_door(
    folder: Path, engine: Any, duplicates: str
) -> None:
    """Identity: as_transactions of a file is that of read_table, whatever columns it spares.

    Two lines that differ only in a column nobody named are no duplicates.
    """
    path = written(folder, "orders.csv", ORDERS)
    options: dict[str, Any] = {**NAMES, "duplicates": duplicates, "decimal": ","}
    found = rt.as_transactions(path, engine=engine, **options)
    assert rows_of(found) == rows_of(
        rt.as_transactions(rt.read_table(path, engine=engine), **options)
    )
    assert [(row["customer_id"], row["sales"]) for row in rows_of(found)] == [
        ("A7", 1234.5),
        ("A7", 1234.5),
        ("B8", 10.0),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_reading_contracts_is_the_raw_table_through_its_door(folder: Path, engine: Any) -> None:
    """Identity: as_contracts of a file is that of read_table."""
    text = "who,from,to,fee,plan\nA7,2024-01-01,2024-12-31,9.90,big\nB8,2024-02-01,,5,small\n"
    path = written(folder, "contracts.csv", text)
    options: dict[str, Any] = {"customer_id": "who", "start": "from", "end": "to", "sales": "fee"}
    options |= {"sales_per": "month", "end_is": "last_day", "keep": "plan"}
    found = rt.as_contracts(path, engine=engine, **options)
    table = rt.read_table(path, engine=engine)
    assert rows_of(found) == rows_of(rt.as_contracts(table, **options))
    assert [row["plan"] for row in rows_of(found)] == ["big", "small"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_missing_column_is_refused_before_anything_is_read(folder: Path, engine: Any) -> None:
    """Its nearest name is suggested, though a later line of the file is broken."""
    path = written(folder, "orders.csv", ORDERS + "3\n")
    with pytest.raises(rt.ColumnError, match=r"sales names 'Betrg'.* Did you mean 'Betrag'\?"):
        rt.as_transactions(path, **{**NAMES, "sales": "Betrg"}, engine=engine)


def test_what_is_no_fault_of_the_file_is_not_blamed_on_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query of ours that DuckDB does not understand keeps DuckDB's error."""
    path = written(folder, "orders.csv", ORDERS)

    def broken(table: Any, *_: Any, **__: Any) -> Any:
        return table.project("nonsense").fetchall()

    monkeypatch.setattr("retention.loading.doors.transactions.source_of_rows", broken)
    with pytest.raises(duckdb.BinderException, match="nonsense"):
        rt.as_transactions(path, **NAMES, engine="duckdb")


# ----------------------------------------------------------------------------- progress


class Bar:
    """A progress bar that remembers what it was told."""

    drawn: ClassVar[list[Bar]] = []

    def __init__(self, **told: Any) -> None:
        self.told, self.done = told, 0
        self.drawn.append(self)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *problem: object) -> None:
        self.told["closed"] = True

    def update(self, amount: int) -> None:
        self.done += amount


class Terminal(io.StringIO):
    """An error stream that somebody watches."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_to_a_watching_person_only(
    folder: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal a bar counts bytes and rows; in a pipeline there is none, nor without tqdm."""
    tqdm = ModuleType("tqdm")
    tqdm.tqdm = Bar  # type: ignore[attr-defined]
    tqdm.__spec__ = ModuleSpec("tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm", tqdm)
    path = written(folder, "orders.csv", PLAIN)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert rows_of(rt.read_table(path)) == ROWS
    assert Bar.drawn == []
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert rows_of(rt.read_table(path)) == ROWS
    rt.read_table("orders", connection=f"sqlite:///{shop}")
    rt.read_table(workbook(folder, [["id"], ["a"]]))
    shown = [(bar.told["desc"], bar.done, bar.told["closed"]) for bar in Bar.drawn]
    assert shown == [
        ("checking orders.csv", len(PLAIN), True),
        ("reading orders.csv", 2, True),
        ("reading the query", 2, True),
        ("reading the query", 2, True),
        ("reading orders.xlsx", 2, True),
        ("reading orders.xlsx", 1, True),
    ]
    assert {bar.told["file"] for bar in Bar.drawn} == {sys.stderr}
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert rows_of(rt.read_table(path)) == ROWS
    assert len(Bar.drawn) == len(shown)


def test_a_title_above_the_names_is_suspected(folder: Path) -> None:
    """Where most columns have no name, the message says how to name the line of the names."""
    titled = "Orders of;2022;;\n;;;\nwho;day;sum;note\nAnn;2024-01-05;10;x\n"
    (folder / "titled.csv").write_text(titled)
    names = {"customer_id": "who", "date": "day", "sales": "sum"}
    with pytest.raises(rt.ColumnError, match="seems to be a title: say header_row="):
        rt.as_transactions(folder / "titled.csv", **names)
    assert len(rt.as_transactions(folder / "titled.csv", **names, header_row=3)) == 1


def test_a_path_in_place_of_a_table_is_told_how_it_is_read() -> None:
    """Doors read files; a figure says that one is read first."""
    with pytest.raises(rt.TableError, match=r"got the path 'orders.csv'. Read it first"):
        rt.customer_periods("orders.csv", freq="month", as_of="2024-12-31")
    with pytest.raises(rt.ReadError, match=r"There is no file orders.csv"):
        rt.as_transactions("orders.csv", customer_id="who", date="day", sales="sum")

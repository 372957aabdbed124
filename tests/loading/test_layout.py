"""What accounting systems, banks and analytics put above and below a table."""

from __future__ import annotations

import warnings
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

import retention as rt
from conftest import Engine
from retention.cli import main

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
ROWS = "who,day,paid\nA,2024-01-31,1.5\nB,2024-02-29,2.5\n"
MARKED = ROWS.replace(",", ";").replace(".", ",")
ABOVE = {
    "titles of one cell, padded": "Shop Ltd,,\nSales by customer,,\n\n" + ROWS,
    "a padded title and rows of separators": "Shop Ltd,,\n,,\n" + ROWS + ",,\n",
    "names and values of an account": "IBAN;DE89 3704\n;Stand: heute\n\nKunde;A\n\n" + MARKED,
    "more of them than rows": "a;1\nb;2\nc;3\nd;4\ne;5\nf;6\ng;7\nh;8\n\n" + MARKED,
    "comments, some with commas": "# ------\n# Purchases, all\n# 20240101-20240229\n\n" + ROWS,
    "a byte-order mark, quotes": '\ufeff"Giro";"DE89"\n""\n' + MARKED,
    "a title over lines": '"Shop\nLtd","2024"\n' + ROWS,
    "Windows line ends": ("Shop,Ltd\n\n" + ROWS).replace("\n", "\r\n"),
    "a nameless first column": "Shop,,\n" + ROWS.replace("who", "").replace("paid", "paid"),
}


@pytest.mark.parametrize("habit", ABOVE)
def test_what_stands_above_a_table_does_not_hinder(tmp_path: Path, habit):
    """Every file is read to the same two orders, eager and lazy, with no warning."""
    path = tmp_path / "orders.csv"
    path.write_text(ABOVE[habit], encoding="utf-8", newline="")
    who = "unnamed_1" if "nameless" in habit else "who"
    for engine in ("pandas", "duckdb"):
        told = rt.as_transactions(path, **NAMES | {"customer_id": who}, engine=engine)
        rows = sorted(map(tuple, Engine(engine).read(told)[["customer_id", "sales"]].to_numpy()))
        assert rows == [("A", 1.5), ("B", 2.5)]


@pytest.mark.parametrize(
    "text",
    [
        "who,day\nA,2024-01-31,1.5\nB,2024-02-29,2.5\n",
        '"who","day"\n"1","A","2024-01-31"\n"2","B","2024-02-29"\n',
        "who,day\nAnn,Jan-05-24,USD 30.00\nBob,Jan-06-24,USD 31.00\n",
        "who,day,paid\nA,2024-01-31,1.5\nB,2024-02-29,2,5\n",
    ],
)
def test_a_row_of_values_is_never_taken_for_the_names(tmp_path: Path, text):
    """A header that lacks a name, and a row with a field too many, are refused as before."""
    path = tmp_path / "orders.csv"
    path.write_text(text)
    with pytest.raises(rt.ReadError, match=r"where the header \(line 1\) has"):
        rt.read_table(path)


def test_a_column_that_alone_has_a_name_keeps_its_row_of_values(tmp_path: Path):
    """As where a spreadsheet lost the others."""
    path = tmp_path / "orders.csv"
    path.write_text("who,,\nAnn,2024-01-05,10\nBob,2024-01-06,11\n")
    assert rt.read_table(path)["who"].tolist() == ["Ann", "Bob"]


FOOT = {
    "a footer": (ROWS + '\n\n"Grand Totals (2 records)"\n\nConfidential, all of it\n', 2),
    "a balance": (ROWS + "Balance,4.0\n", 1),
    "a total with a mark": (ROWS.replace("\nA", "\n,,4.0,Grand total\nA"), 1),
    "both": ("# all\n\n" + ROWS.replace("\nA", "\n,,4.0,Grand total\nA") + "\nThe end\n", 2),
}


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
@pytest.mark.parametrize("habit", FOOT)
def test_lines_that_are_no_rows_are_refused_and_left_out_on_request(tmp_path: Path, habit, engine):
    """The refusal names the keyword, and a warning counts them; an audit hands them back."""
    text, n = FOOT[habit]
    path = tmp_path / "orders.csv"
    path.write_text(text)
    with pytest.raises(rt.ReadError, match="say incomplete='drop' where you"):
        rt.as_transactions(path, **NAMES, engine=engine)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        orders = rt.as_transactions(path, **NAMES, engine=engine, incomplete="drop")
    assert Engine(engine).read(orders)["sales"].sum() == 4.0
    (only,) = told
    assert f"{n} row{'s' * (n > 1)} of {n + 2} left out as incomplete" in str(only.message)
    audit = rt.audit(rt.as_transactions, path, **NAMES, engine=engine)
    lines = set(Engine(engine).read(audit.set_aside)["who"])
    assert lines <= {line.strip('"') for line in text.splitlines()}
    assert len(lines) == n


def test_a_row_cut_short_is_never_accepted_in_part(tmp_path: Path):
    """Though its amount can be read: the file ends within it."""
    path = tmp_path / "orders.csv"
    path.write_text("who,day,paid,note\nA,2024-01-31,1.5,x\nB,2024-02-29,2")
    audit = rt.audit(rt.as_transactions, path, **NAMES)
    assert audit.accepted["customer_id"].tolist() == ["A"]
    assert audit.set_aside["who"].tolist() == ["B,2024-02-29,2"]
    assert audit.set_aside["reason"].tolist() == ["missing date"]


def test_an_encoding_that_is_guessed_is_said_once(tmp_path: Path):
    """Though the file is opened again for the lines that do not fit."""
    path = tmp_path / "orders.csv"
    text = "who;day;paid\nJörg Müller;2024-01-31;1,5\nSüß;2024-02-29;2,5\nKontostand;4\n"
    path.write_text(text, encoding="cp1252")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        rt.as_transactions(path, **NAMES, incomplete="drop")
    assert sum("cp1252" in str(each.message) for each in told) == 1


def test_the_command_line_leaves_them_out_as_well(tmp_path: Path, capsys):
    """And its refusal names its own flag."""
    path = tmp_path / "orders.csv"
    path.write_text(FOOT["a footer"][0])
    words = ["kpis", str(path), "--customer-id", "who", "--date", "day", "--sales", "paid"]
    assert main(words) == 1
    assert "--incomplete drop" in capsys.readouterr().err
    assert main([*words, "--incomplete", "drop", "--as-of", "2024-02-29", "--format", "csv"]) == 0
    found = pd.read_csv(StringIO(capsys.readouterr().out))
    assert found["n_base"].tolist() == [1]

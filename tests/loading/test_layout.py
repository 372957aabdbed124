"""What accounting systems, banks and analytics put above, between and below the rows of a table."""

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
    "a title over lines": '"Shop\nLtd"\n' + ROWS,
    "two fields over lines": '"Shop\nLtd","2024"\n\n' + ROWS,
    "Windows line ends": ("Shop,Ltd\n\n" + ROWS).replace("\n", "\r\n"),
    "rows of separators above and below": ";;\nShop;2024\n;;\n" + MARKED + ";;\n",
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
        "who,text\nAnn,left,too dear\nBob,left,as well\n",
        "who,text,more\nAnn,left,too dear,\nBob,left,as well,\n",
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


def test_what_stands_above_may_be_filled_up_with_separators(tmp_path: Path):
    """As a spreadsheet saves it: its lines are as wide as the rows, and not half as full."""
    above = ["Umsätze", "Konto;IBAN", "Giro;DE89", "", "Letzter Kontostand;;2.500,00"]
    lines = [line + ";" * (6 - line.count(";")) for line in above]
    names = "day;kind;who;why;paid;left;unit"
    rows = ["02.01.2024;in;A;x;1,5;9,0;EUR", "31.01.2024;in;B;;2,5;;EUR"]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([*lines, names, *rows]) + "\n")
    assert rt.as_transactions(path, **NAMES)["sales"].tolist() == [1.5, 2.5]


def test_names_that_were_not_found_are_looked_for_and_the_advice_works(tmp_path: Path):
    """Where the lines above are as full as rows, the refusal tells the line that holds the name."""
    path = tmp_path / "orders.csv"
    path.write_text('\ufeffShop,Year,City\nBeans,2024,Hull\n"who","day","paid"\n' + ROWS[13:])
    with pytest.raises(rt.ColumnError, match="Line 3 has such names: say header_row=3"):
        rt.as_transactions(path, **NAMES)
    assert rt.as_transactions(path, **NAMES, header_row=3)["sales"].tolist() == [1.5, 2.5]
    with pytest.raises(rt.ColumnError) as refusal:
        rt.as_transactions(path, **NAMES | {"sales": "amount"}, header_row=3)
    assert "has such names" not in str(refusal.value)


def test_names_of_some_columns_alone_are_kept(tmp_path: Path):
    """Rows are fuller than the header, but they hold days and amounts: they are no names."""
    path = tmp_path / "orders.csv"
    path.write_text("who,,,,\nA,2024-01-31,1.5,x,y\nB,2024-02-29,2.5,x,y\n")
    assert rt.read_table(path)["who"].tolist() == ["A", "B"]


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


def test_names_that_are_not_found_are_no_lines_to_leave_out(tmp_path: Path):
    """Where the header lacks a name, the refusal is that of the file, whatever is left out."""
    path = tmp_path / "orders.csv"
    path.write_text("Account,1\nA,2024-01-31,1.5,,\nB,2024-02-29,2.5,,\n")
    with pytest.raises(rt.ReadError, match=r"line 2 has 5 fields .*header_row="):
        rt.as_transactions(path, **NAMES, incomplete="drop")


def test_a_quote_that_is_never_closed_is_refused_all_the_same(tmp_path: Path):
    """It may hold any number of rows: there is no line to leave out."""
    path = tmp_path / "orders.csv"
    path.write_text(ROWS + 'C;1\nD,2024-02-29,"x"y\n')
    with pytest.raises(rt.ReadError, match="that starts on line 5 cannot be read"):
        rt.as_transactions(path, **NAMES, incomplete="drop")
    with pytest.raises(rt.ReadError, match="that starts on line 5 cannot be read"):
        rt.audit(rt.as_transactions, path, **NAMES)


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
    days = ["--observed-from", "2024-01-01", "--as-of", "2024-02-29", "--format", "csv"]
    words = ["kpis", str(path), "--customer-id", "who", "--date", "day", "--sales", "paid"]
    assert main(words) == 1
    assert "--incomplete drop" in capsys.readouterr().err
    assert main([*words, "--incomplete", "drop", *days]) == 0
    found = pd.read_csv(StringIO(capsys.readouterr().out))
    assert found["n_base"].tolist() == [1]


# --- headings

GROUPED = """\
Shop Ltd,,,
Sales by customer,,,

,day,paid,note
Parent,,,
Ann,,,
,2024-01-31,1.5,x
,2024-02-01,2.5,
Total for Ann,,4.0,
,2024-02-02,8.0,of nobody
Bob,,,
,2024-02-03,16.0,y
TOTAL,,28.0,
Printed on a Friday,,,
"""
UNDER = {"customer_id": "unnamed_1", "date": "day", "sales": "paid", "headings": "unnamed_1"}


@pytest.mark.parametrize("engine", ["pandas", "polars", "pyarrow", "duckdb"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_headings_hold_for_the_rows_below_them(tmp_path: Path, kind, engine):
    """Up to the next row that names somebody; headings of no rows, totals and footers stay rows."""
    path = tmp_path / f"report.{kind}"
    path.write_text(GROUPED)
    if kind == "xlsx":
        sheet = pd.read_csv(StringIO(GROUPED), header=None, skip_blank_lines=False)
        sheet.to_excel(path, header=False, index=False)
    audit = rt.audit(rt.as_transactions, path, **UNDER, engine=engine)
    taken = Engine(engine).read(audit.accepted)[["customer_id", "sales"]]
    assert taken.values.tolist() == [["Ann", 1.5], ["Ann", 2.5], ["Bob", 16.0]]
    aside = Engine(engine).read(audit.set_aside)[["unnamed_1", "reason"]].fillna("")
    assert sorted(map(tuple, aside.to_numpy())) == [
        ("", "blank customer_id"),
        ("Parent", "missing date"),
        ("Printed on a Friday", "missing date"),
        ("TOTAL", "total in place of customer_id"),
        ("Total for Ann", "missing date"),
    ]


def test_ids_on_rows_of_their_own_are_asked_about_and_the_advice_works(tmp_path: Path):
    """The refusal names the keyword and the column, and once it is said, the next keyword."""
    path = tmp_path / "report.csv"
    path.write_text(GROUPED.replace(",2024-02-02,8.0,of nobody\n", ""))
    said = dict(UNDER)
    advised = {"headings": said.pop("headings")}
    with pytest.raises(rt.ContentError, match="say headings='unnamed_1' as you read the file"):
        rt.as_transactions(path, **said)
    with pytest.raises(rt.ContentError, match="TOTAL.*: incomplete='drop' leaves them out"):
        rt.as_transactions(path, **said, **advised)
    with pytest.warns(rt.RetentionWarning, match="4 rows of 7 left out as incomplete"):
        orders = rt.as_transactions(path, **said, **advised, incomplete="drop")
    assert orders.groupby("customer_id")["sales"].sum().to_dict() == {"Ann": 4.0, "Bob": 16.0}


def test_an_id_that_is_blank_by_mistake_is_not_taken_for_one_below_a_heading():
    """Some rows have both an id and a day: these are no headings."""
    table = pd.DataFrame(
        {"who": ["A", "", "B"], "day": ["2024-01-01", "2024-01-02", ""], "paid": [1.0, 2.0, 3.0]}
    )
    with pytest.raises(rt.ContentError, match="blank customer_id: 1 row, .*. Fill"):
        rt.as_transactions(table, **NAMES)


def test_headings_are_of_one_file_of_rows_in_order(tmp_path: Path):
    """Of several files, a query or Parquet they say nothing, nor of a column that is not there."""
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        path.write_text(GROUPED)
    with pytest.raises(rt.RetentionError, match="headings= is of one file, and there are 2"):
        rt.as_transactions(paths, **UNDER)
    with pytest.raises(rt.ColumnError, match="headings names 'who', which is not a column"):
        rt.read_table(paths[0], headings="who")
    with pytest.raises(rt.RetentionError, match="headings must be text"):
        rt.read_table(paths[0], headings=1)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(rt.RetentionError, match="headings= says nothing about a.parquet"):
        rt.read_table(tmp_path / "a.parquet", headings="a")
    assert rt.read_table(paths[0], headings=" Unnamed_1")["unnamed_1"].tolist().count("Ann") == 2


def test_a_file_of_headings_alone_stays_as_it_is(tmp_path: Path):
    """One column: none is above a row of others."""
    path = tmp_path / "names.csv"
    path.write_text("who\nAnn\nBob\n")
    assert rt.read_table(path, headings="who")["who"].tolist() == ["Ann", "Bob"]


# --- debit and credit


def statement(**columns):
    """A bank's two columns of amounts."""
    days = [f"{day}.01.2024" for day in (2, 3, 4, 15)]
    told = {"who": ["Ann", "Ann", "Landlord", "Bob"], "day": days}
    told |= {"Credit": ["30,00", "", "", "20,00"], "Debit": ["", "-5,00", "-900,00", ""]}
    return pd.DataFrame(told | columns)


BOTH = {"customer_id": "who", "date": "day", "sales": "Credit", "refunded": "Debit"}


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_line_of_debit_alone_is_a_refund(engine, sign, typed):
    """It is asked about as any other; sales are 30 − 5 for Ann, 20 for Bob."""
    debit = [value.replace("-", sign) for value in statement()["Debit"]]
    table = numbers(statement(Debit=debit)) if typed else statement(Debit=debit)
    with pytest.raises(rt.ContentError, match=r"refund: 2 rows.*refunds='net'") as refusal:
        rt.as_transactions(engine.table(table), **BOTH)
    assert "1 problem in" in str(refusal.value)
    kept = engine.read(rt.as_transactions(engine.table(table), **BOTH, refunds="net"))
    by_customer = kept.groupby("customer_id")["sales"].sum().to_dict()
    assert by_customer == {"Ann": 25.0, "Landlord": -900.0, "Bob": 20.0}
    paid = engine.read(rt.as_transactions(engine.table(table), **BOTH, refunds="drop"))
    assert sorted(paid["sales"]) == [20.0, 30.0]


def numbers(table):
    """The amounts as numbers, missing where nothing stands."""
    read = {name: table[name].str.replace(",", ".") for name in ("Credit", "Debit")}
    return table.assign(**{name: pd.to_numeric(text) for name, text in read.items()})


def test_a_line_of_neither_is_missing_and_one_of_both_is_their_difference():
    """And more cannot be paid back than was paid, where both are said."""
    table = statement(Credit=["30,00", "", "40,00", "20,00"], Debit=["", "", "-5,00", "0,00"])
    with pytest.raises(rt.ContentError, match=r"\(1 problem in.*\n.*missing sales: 1 row.*row 1"):
        rt.as_transactions(table, **BOTH)
    audit = rt.audit(rt.as_transactions, table, **BOTH)
    assert audit.accepted["sales"].tolist() == [30.0, 35.0, 20.0]
    table = statement(Debit=["-31,00", "-5,00", "", ""], Credit=["30,00", "", "1,00", "2,00"])
    with pytest.raises(rt.ContentError, match="refunded more than sales: 1 row, first in row 0"):
        rt.as_transactions(table, **BOTH, refunds="net")

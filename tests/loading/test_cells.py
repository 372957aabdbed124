"""What a cell is beats how text is written: numbers and days beside text stay what they are."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook

import retention as rt

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = ["pandas", "polars", "pyarrow", "duckdb"]
NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
LET_IN: Any = {"refunds": "net", "zero_orders": "count"}


def shop(**columns: Any) -> pd.DataFrame:
    """As many orders as the columns have cells, each column of Python objects."""
    n = len(next(iter(columns.values())))
    cells = {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
    return pd.DataFrame({"who": range(n), "day": "2024-01-05", "paid": 1.0} | cells)


def paid(*cells: object, **said: Any) -> list[float]:
    """What the cells of a column of amounts are worth."""
    answer: list[float] = rt.as_transactions(shop(paid=cells), **NAMES, **LET_IN, **said)[
        "sales"
    ].tolist()
    return answer


def days(*cells: object, **said: Any) -> list[str]:
    """The moments that the cells of a column of dates stand for."""
    answer = rt.as_transactions(shop(day=cells), **NAMES, **said)["date"]
    return [str(moment) for moment in answer]


# --- amounts


@pytest.mark.parametrize("said", [{}, {"decimal": ","}])
@pytest.mark.parametrize(
    "number", [1.125, -1.125, Decimal("1.125"), np.float32(1.125), 80.0, 1e-7, 1125, 1.5e20 / 1e6]
)
def test_a_number_beside_a_text_stays_that_number(number, said):
    """Whatever the text says about comma and point."""
    assert paid(number, "80,00", **said) == [float(number), 80.0]


def test_the_answer_to_the_question_about_text_is_about_text_only():
    """The cell 1.125 is 1.125 under either answer, the text "1.125" what the answer says."""
    with pytest.raises(rt.ContentError, match=r"row 1: '1.125'.* say decimal='.' or decimal=','"):
        paid(1.125, "1.125")
    assert paid(1.125, "1.125", decimal=",") == [1.125, 1125.0]
    assert paid(1.125, "1.125", decimal=".") == [1.125, 1.125]


def test_a_number_late_in_a_column_of_text_is_seen():
    """pandas and narwhals look at the first hundred cells."""
    assert paid(*["1,5"] * 120, 1.125)[-2:] == [1.5, 1.125]
    assert paid(*["7"] * 120, Decimal("2.125"))[-1] == 2.125


def test_thousands_are_never_nought():
    """Three quarters are "0.750" in a column with a decimal point, "0,750" in one with a comma."""
    assert paid("0.750", "1.125") == [0.75, 1.125]
    assert paid("0,750", "1,125", "-0,5") == [0.75, 1.125, -0.5]
    assert paid("100.250", "1.234.500") == [100250.0, 1234500.0]
    with pytest.raises(rt.ContentError, match="ambiguous sales: 2 rows"):
        paid("100.250", "1.125")
    with pytest.raises(rt.ContentError, match="sales that is not a number: 1 row.*'0.750'"):
        paid("0.750", "80,00", decimal=",")


@pytest.mark.parametrize("text", ["$100.00 €", "€100 USD", "($100.50) €", "EUR (100 USD)"])
def test_an_amount_of_two_signs_is_refused(text):
    """It is unknown which of the two it is in."""
    with pytest.raises(rt.ContentError, match="sales that is not a number: 1 row"):
        paid(text, "2.5")
    read = [paid(one, "2.5")[0] for one in ("US$ 100", "100 EUR", "(£12.5)")]
    assert read == [100.0, 100.0, -12.5]


def test_quantities_scales_and_durations_keep_their_numbers_too():
    """Every door reads its numbers alike."""
    cells = pd.Series([1.125, "2,5"], dtype=object)
    base = pd.DataFrame({"who": [1, 2], "day": "2024-01-05", "n": cells, "one": 1})
    priced = {"customer_id": "who", "date": "day", "quantity": "n", "unit_price": "one"}
    assert rt.as_transactions(base, **priced)["sales"].tolist() == [1.125, 2.5]
    asked = rt.as_surveys(
        base, customer_id="who", date="day", satisfaction="n", scale=(1, 5), decimal=","
    )
    assert asked["satisfaction"].tolist() == [1.125, 2.5]
    spells = rt.as_spells(base, duration="n", churned="one", churned_is=1)
    assert spells["duration"].tolist() == [1.125, 2.5]
    assert rt.as_wallet(base, customer_id="who", date="day", wallet="n")["wallet"].tolist() == [
        1.125,
        2.5,
    ]
    costs = rt.as_costs(base, date="day", kind="who", amount="n")
    assert costs["amount"].tolist() == [1.125, 2.5]


def test_flags_beside_text_are_read():
    """True beside "no", 1.0 beside "0"."""
    base = pd.DataFrame({"who": [1, 2], "day": "2024-01-05"})
    for cells in ([True, "no"], [1.0, "0"], [np.True_, "false"]):
        table = base.assign(f=pd.Series(cells, dtype=object))
        answered = rt.as_surveys(table, customer_id="who", date="day", spoke_well="f")
        assert answered["spoke_well"].tolist() == [1.0, 0.0]


# --- dates


def test_a_day_beside_a_text_stays_that_day():
    """4 March is never 3 April, whatever the text says about day and month."""
    cells = [dt.date(2024, 3, 4), pd.Timestamp("2024-03-04 10:30"), np.datetime64("2024-03-04")]
    read = ["2024-03-04 00:00:00", "2024-03-04 10:30:00", "2024-03-04 00:00:00"]
    assert days(*cells, "13/04/2024") == [*read, "2024-04-13 00:00:00"]
    with pytest.raises(rt.ContentError, match="row 3: '03/04/2024'.*day_first=True"):
        days(*cells, "03/04/2024")
    assert days(*cells, "03/04/2024", day_first=True) == [*read, "2024-04-03 00:00:00"]
    assert days(*cells, "04-03-24", date_format="%d-%m-%y") == [*read, "2024-03-04 00:00:00"]


def test_numbers_dates_and_text_in_one_column_have_one_answer():
    """As spreadsheets leave them: 45000 is 15 March 2023."""
    cells = [45000, dt.datetime(2024, 3, 4, 5), "2024-01-05", 45000.5]
    read = ["2023-03-15 00:00:00", "2024-03-04 05:00:00"]
    read += ["2024-01-05 00:00:00", "2023-03-15 12:00:00"]
    assert days(*cells, date_format="excel") == read
    with pytest.raises(rt.ContentError, match="unreadable date: 1 row"):
        days(*cells, "soon", date_format="excel")


def test_objects_of_one_kind_keep_every_digit():
    """Times with their microseconds, in their zone."""
    moment = dt.datetime(2024, 1, 31, 23, 30, 0, 5)
    assert days(moment, moment) == ["2024-01-31 23:30:00.000005"] * 2
    zoned = [moment.replace(tzinfo=dt.UTC)]
    with pytest.raises(rt.ColumnError, match="tz='Europe/Berlin'"):
        days(*zoned)
    assert days(*zoned, tz="Europe/Berlin") == ["2024-02-01 00:30:00.000005"]


def test_categories_and_sparse_columns_are_what_they_stand_for():
    """1.125 in a category is a number, too."""
    for cells in (pd.Categorical([1.125, 2.0]), pd.arrays.SparseArray([1.125, 2.0])):
        table = shop(paid=[0, 0]).assign(paid=cells)
        assert rt.as_transactions(table, **NAMES)["sales"].tolist() == [1.125, 2.0]
    days = pd.Categorical(pd.to_datetime(["2024-03-04", "2024-03-05"]))
    answer = rt.as_transactions(shop(paid=[1, 1]).assign(day=days), **NAMES)
    assert answer["date"].tolist() == [pd.Timestamp("2024-03-04"), pd.Timestamp("2024-03-05")]


def test_kept_columns_stay_as_they_are_and_the_table_is_not_changed():
    """A column may be read and kept at once."""
    table = shop(paid=[1.125, "80,00"])
    before = table.copy()
    kept = rt.as_transactions(table, **NAMES, keep="paid")
    assert kept["paid"].tolist() == [1.125, "80,00"]
    pd.testing.assert_frame_equal(table, before)
    audit = rt.audit(rt.as_transactions, shop(paid=[1.125, "x"]), **NAMES)
    assert audit.set_aside["paid"].tolist() == ["x"]


# --- files and databases


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook, JSON lines and a database whose columns are of several kinds."""
    folder: Path = tmp_path_factory.mktemp("mixed")
    rows = [("A", dt.datetime(2024, 3, 4), 1.125), ("B", "13/04/2024", "80,00"), ("C", None, 2.5)]
    rows[2] = ("C", dt.datetime(2024, 5, 6, 7, 8), 80.0)
    book = Workbook()
    assert book.active is not None
    for row in [tuple(NAMES.values()), *rows]:
        book.active.append(row)
    book.save(folder / "a.xlsx")
    plain = [(who, str(day), worth) for who, day, worth in rows]
    lines = [json.dumps(dict(zip(NAMES.values(), row, strict=True))) for row in plain]
    (folder / "a.jsonl").write_text("\n".join(lines), "utf-8")
    with closing(sqlite3.connect(folder / "a.db")) as connection:
        connection.execute("CREATE TABLE orders (who, day, paid)")
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", plain)
        connection.commit()
    return folder


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["a.xlsx", "a.jsonl", "a.db"])
def test_cells_of_files_and_databases_stay_what_they_are(mixed, kind, engine):
    """With and without an answer to the question about text."""
    for said in ({}, {"decimal": ","}):
        if kind == "a.db":
            with closing(sqlite3.connect(mixed / kind)) as connection:
                orders = rt.as_transactions(
                    "orders", connection=connection, **NAMES, engine=engine, **said
                )
        else:
            orders = rt.as_transactions(mixed / kind, **NAMES, engine=engine, **said)
        if engine != "pandas":
            orders = orders.df() if engine == "duckdb" else orders.to_pandas()
        orders = orders.sort_values("customer_id")  # DuckDB reads in parallel
        assert orders["sales"].tolist() == [1.125, 80.0, 80.0]
        moments = ["2024-03-04 00:00:00", "2024-04-13 00:00:00", "2024-05-06 07:08:00"]
        assert [str(moment) for moment in orders["date"]] == moments


def test_a_raw_look_at_a_mixed_column_shows_one_reading_of_each_number(mixed):
    """Python, pandas and SQL read what is shown as the same number."""
    table = rt.read_table(mixed / "a.xlsx")
    assert table["paid"].tolist() == ["1.125e0", "80,00", "80"]
    assert float(table["paid"][0]) == 1.125

"""Habits of writing: currencies of the world, minus signs, months by name, blanks, day numbers."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.tables.currency_signs import CODES, WAYS_TO_WRITE, currency_code

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
PANDAS = Engine("pandas")
LET_IN = {"refunds": "net", "zero_orders": "count"}


def audit(engine, *, paid="1.5", day="2024-01-01", **said):
    """The audit of a table in which one of the columns is given."""
    n = len(paid if isinstance(paid, list) else day)
    table = pd.DataFrame({"who": range(n), "day": day, "paid": paid, "in": "own"})
    return rt.audit(rt.as_transactions, engine.table(table), **NAMES, **LET_IN, **said)


def readings(engine, role, **given):
    """Each text with its reading, or with the reason why it is set aside."""
    (texts,) = [value for name, value in given.items() if name in ("paid", "day")]
    found = audit(engine, **given)
    good = engine.read(found.accepted).set_index("customer_id")[role].to_dict()
    bad = engine.read(found.set_aside).set_index("who")["reason"].to_dict()
    return {text: good.get(i, bad.get(i)) for i, text in enumerate(texts)}


# --- amounts

POINT = {
    "R 1,234.50": 1234.5,
    "R1 234.50": 1234.5,
    "Rs. 1,234.50": 1234.5,
    "Rs.50": 50.0,
    "Rs .50": 0.5,
    "$.50": 0.5,
    "Fr. 10.55": 10.55,
    "SFr. 10.50": 10.5,
    "Fr. -10.50": -10.5,
    "CHF 1'234.50": 1234.5,
    "CHF 1´234.50": 1234.5,
    "₹1,23,456.00": 123456.0,
    "₹ 12,34,56,789": 123456789.0,
    "-₹1,23,456.78": -123456.78,
    "RM1,234.50": 1234.5,
    "KSh 1,234.50": 1234.5,
    "GH₵1,234.50": 1234.5,
    "B/. 1,234.50": 1234.5,
    "S/. 1,234.50": 1234.5,
    "￥1,234.50": 1234.5,
    "1,234.50円": 1234.5,
    "元1,234.50": 1234.5,
    "د.إ.\u200f 12.50": 12.5,
    "\u200e-12.50 ₪": -12.5,
    "US$ 12.50": 12.5,
    "$12.50 USD": 12.5,
    "CA$12.50 CAD": 12.5,
    "eur 12.50": 12.5,
    "–1,234.50": -1234.5,
    "—1,234.51": -1234.51,
    "\u20111,234.52": -1234.52,
    "−$ 1,234.50": -1234.5,
    "1,234.50-": -1234.5,
    "1,234.50–": -1234.5,
    "1,234.50 –": -1234.5,
    "$ (1,234.50)": -1234.5,
    "(1,234.50) USD": -1234.5,
    "CHF 10.–": 10.0,
    "CHF -10.—": -10.0,
    "10,-": "sales that is not a number",
    "12.50%": "sales that is not a number",
    "12.50 km/h": "sales that is not a number",
    "$12.50 EUR": "sales that is not a number",
    "EUR.50": "sales that is not a number",
    "12.50 K": "sales that is not a number",
    "1.5 M": "sales that is not a number",
    "12.50 CR": "sales that is not a number",
    "--12.50": "sales that is not a number",
    "1,2,345.00": "sales that is not a number",
    "–": "sales that is not a number",
}
COMMA = {
    "kr 1 234,50": 1234.5,
    "1.234,50 kr": 1234.5,
    "1.234,50 kr.": 1234.5,
    "-1.234,50 kr.": -1234.5,
    "1 234,50 zł": 1234.5,
    "1 234,50 Kč": 1234.5,
    "1\u00a0234,50\u00a0Ft": 1234.5,
    "1\u202f234,50\u202f€": 1234.5,
    "1 234,50 руб.": 1234.5,
    "1 234,50 грн.": 1234.5,
    "1.234,50 лв.": 1234.5,
    "1.234,50 RSD": 1234.5,
    "₺1.234,50": 1234.5,
    "1.234,50 TL": 1234.5,
    "1.234,50 ₫": 1234.5,
    "Rp 1.234,50": 1234.5,
    "R$ 1.234,50": 1234.5,
    "€ 10,50-": -10.5,
    "10,50-€": -10.5,
    "10,50 €-": -10.5,
    "–10,50 €": -10.5,
    "10,- Kč": 10.0,
    "€ 12,--": 12.0,
    "(10,50 zł)": -10.5,
    "10 kr.-": "sales that is not a number",
    "10,50 Stk": "sales that is not a number",
}


@pytest.mark.parametrize("written", [POINT, COMMA], ids=["point", "comma"])
def test_amounts_are_read_with_the_signs_and_words_of_all_currencies(engine, written):
    """Whatever stands before or behind, and however a minus or whole amounts are written."""
    decimal = "." if written is POINT else ","
    found = readings(engine, "sales", paid=list(written), decimal=decimal, currency="in")
    assert found == written


def test_every_code_of_iso_4217_may_stand_before_or_behind():
    """In capitals or small letters, with a space or without."""
    ways = [way for code in sorted(CODES) for way in (f"{code} 1.25", f"1.25{code.lower()}")]
    assert set(readings(PANDAS, "sales", paid=ways, currency="in").values()) == {1.25}


def test_every_way_to_write_a_currency_may_stand_before_or_behind():
    """The signs and words that are listed are all read."""
    ways = [way for sign in sorted(WAYS_TO_WRITE) for way in (f"{sign} 1.25", f"1.25 {sign}")]
    assert set(readings(PANDAS, "sales", paid=ways, currency="in").values()) == {1.25}


def test_a_whole_amount_with_a_dash_decides_the_decimal_sign(engine):
    """The sign before the dash is the decimal one; where others contradict it, they are asked."""
    amounts = {"10,-": 10.0, "1.234,-": 1234.0, "1.234": 1234.0}
    assert readings(engine, "sales", paid=list(amounts)) == amounts
    mixed = dict.fromkeys(["10,-", "1.5"], "ambiguous sales")
    assert readings(engine, "sales", paid=list(mixed)) == mixed


@pytest.mark.parametrize(
    ("text", "code"),
    [("Rs.", "RS"), ("SFr.", "CHF"), ("kr.", "KR"), ("zł", "PLN"), ("Kč", "CZK"), ("د.إ", "AED")],
)
def test_a_sign_is_the_same_currency_in_an_amount_and_in_a_column(text, code):
    """With its point or without."""
    assert currency_code(text) == code == currency_code(text.replace(".", "").upper())


def test_words_of_several_currencies_are_asked_about(engine):
    """A mixture goes the way of currencies; what the refusal says to write is written and works."""
    table = pd.DataFrame({"who": [1, 2], "day": "2024-01-01", "paid": ["10,50 zł", "100,50 Kč"]})
    with pytest.raises(rt.ContentError, match="Say currency='paid'"):
        rt.as_transactions(engine.table(table), **NAMES)
    told = rt.as_transactions(
        engine.table(table), **NAMES, currency="paid", rates={"PLN": 1, "CZK": 0.2}
    )
    assert sorted(engine.read(told)["sales"]) == pytest.approx([10.5, 20.1])


WRITERS = [  # sign before, sign behind, thousands, decimals, minus before, minus behind
    ("Rs. ", "", ",", ".", "-", ""),
    ("₹", "", "lakh", ".", "-", ""),
    ("", " kr", " ", ",", "−", ""),
    ("", "\u00a0zł", "\u00a0", ",", "-", ""),
    ("", "\u202f€", "\u202f", ",", "–", ""),
    ("€ ", "", ".", ",", "", "-"),
    ("SFr. ", "", "’", ".", "", "–"),
    ("$", "", ",", ".", "(", ")"),
    ("", " kr.", ".", ",", "-", ""),
    ("R", "", " ", ",", "-", ""),
    ("د.إ.\u200f ", "", ",", ".", "\u200e-", ""),
]


def grouped(digits, separator):
    """Whole digits with their thousands apart, or as in India."""
    head, tail = digits[:-3], digits[-3:]
    step = 2 if separator == "lakh" else 3
    sign = "," if separator == "lakh" else separator
    parts = [head[max(i - step, 0) : i] for i in range(len(head), 0, -step)][::-1]
    return sign.join([*parts, tail])


@given(
    cents=st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=8),
    writer=st.sampled_from(WRITERS),
)
def test_an_amount_written_anywhere_is_read_back_or_refused(cents, writer):
    """What is read is the number that was written; where the file leaves it open, it is asked."""
    before, behind, thousands, decimal, minus, end = writer
    texts = [
        f"{minus * (n < 0)}{before}{grouped(str(abs(n) // 100), thousands)}"
        f"{decimal}{abs(n) % 100:02}{behind}{end * (n < 0)}"
        for n in cents
    ]
    found = audit(PANDAS, paid=texts, duplicates="keep")
    assert found.accepted["sales"].tolist() == [n / 100 for n in cents]


# --- dates

NOTHING = ["-", "–", "—", "0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.0000", "NULL"]


def test_dashes_and_the_day_nought_mean_that_no_date_was_filled_in(engine):
    """The date of an order is then missing; a contract without an end runs on."""
    expected = dict.fromkeys(NOTHING, "missing date")
    found = readings(engine, "date", day=[*NOTHING, "2024-02-29"])
    assert found == expected | {"2024-02-29": pd.Timestamp("2024-02-29")}
    running = pd.DataFrame(
        {"who": range(9), "from": "2024-01-01", "until": [*NOTHING, "2024-02-29"]}
    )
    told = rt.as_contracts(
        engine.table(running), customer_id="who", start="from", end="until", end_is="first_day_out"
    )
    assert int(engine.read(told)["end"].isna().sum()) == 8


@pytest.mark.parametrize(
    ("numbers", "unit", "first"),
    [
        (["45321", "45351.5"], "excel", "2024-01-30"),
        (["1704067200", "1706745600"], "epoch_s", "2024-01-01"),
        (["1704067200000", "1706745600000"], "epoch_ms", "2024-01-01"),
        (["1704067200000000", "1706745600000000"], "epoch_us", "2024-01-01"),
    ],
)
def test_numbers_as_dates_in_a_csv_are_refused_with_the_keyword_that_reads_them(
    tmp_path, numbers, unit, first
):
    """In a CSV all is text; what the refusal says to write is written, and works."""
    path = tmp_path / "orders.csv"
    path.write_text("who,day,paid\n" + "".join(f"A,{number},1.5\n" for number in numbers))
    with pytest.raises(rt.ContentError, match=f"say date_format='{unit}' .{first} to "):
        rt.as_transactions(path, **NAMES)
    for engine in ("pandas", "duckdb"):
        with pytest.raises(rt.ContentError, match=f"date_format='{unit}'"):
            rt.as_transactions(path, **NAMES, engine=engine)
    told = rt.as_transactions(path, **NAMES, date_format=unit)
    assert str(told["date"].min().date()) == first


def test_a_number_that_was_not_filled_in_is_missing_and_nothing_else():
    """To Polars NaN is the largest number; it is said once, for what it is."""
    polars = Engine("polars")
    nan = pd.DataFrame({"who": [1, 2], "day": "2024-01-01", "paid": [1.5, float("nan")]})
    import polars as pl

    table = pl.DataFrame({name: nan[name].tolist() for name in nan})
    with pytest.raises(rt.ContentError, match="1 problem in 2 rows"):
        rt.as_transactions(table, **NAMES)
    with pytest.raises(rt.ContentError, match="missing sales: 1 row"):
        rt.as_transactions(table.lazy(), **NAMES)
    found = rt.audit(rt.as_transactions, table, **NAMES)
    assert polars.read(found.set_aside)["reason"].tolist() == ["missing sales"]


# --- files

ROWS = "who,day,paid\nA,2024-01-31,1.5\nB,2024-02-29,2.5\n"
FILES = {
    "a line for Excel": "sep=;\n" + ROWS.replace(",", ";"),
    "a quoted line for Excel": '"sep=,"\r\n' + ROWS,
    "a byte-order mark and a line for Excel": "\ufeffsep=,\n" + ROWS,
    "a separator of its own": "SEP=^\n" + ROWS.replace(",", "^"),
    "rows of separators at the end": ROWS + ",,\n,,\n",
    "blank lines at the end": ROWS + "\n\n\n",
    "a title of one word": "Report\n" + ROWS,
    "several titles": "Report\n\nJanuary to March 2024\n\n" + ROWS,
    "a title and rows of separators": "Report\n" + ROWS + ",,\n",
}


@pytest.mark.parametrize("habit", FILES)
def test_what_spreadsheets_put_around_a_table_does_not_hinder(tmp_path: Path, habit):
    """Every file is read to the same two orders, eager and lazy."""
    path = tmp_path / "orders.csv"
    path.write_text(FILES[habit], encoding="utf-8", newline="")
    for engine in ("pandas", "duckdb"):
        told = rt.as_transactions(path, **NAMES, engine=engine)
        rows = sorted(map(tuple, Engine(engine).read(told)[["customer_id", "sales"]].to_numpy()))
        assert rows == [("A", 1.5), ("B", 2.5)]


def test_two_unused_columns_of_one_name_do_not_hinder(tmp_path: Path):
    """A used one is not found under its bare name; the refusal names the two to choose from."""
    path = tmp_path / "orders.csv"
    path.write_text("who,day,paid,paid,note,Note\nA,2024-01-31,1.5,2.5,x,y\n")
    with pytest.raises(rt.ColumnError, match=r"'paid \(column 3\)'"):
        rt.as_transactions(path, **NAMES)
    told = rt.as_transactions(path, **NAMES | {"sales": "paid (column 4)"}, keep="Note (column 6)")
    assert told["sales"].tolist() == [2.5]
    assert told["Note (column 6)"].tolist() == ["y"]


def packed(path: Path, **files: str) -> Path:
    """An archive of these files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize("name", ["orders.zip", "orders.csv.ZIP"])
def test_an_archive_with_one_file_is_read(tmp_path: Path, name):
    """What macOS packs beside it is no file of the user's."""
    path = packed(tmp_path / name, **{"a/orders.csv": ROWS, "__MACOSX/a/._orders.csv": "x"})
    assert rt.as_transactions(path, **NAMES)["sales"].tolist() == [1.5, 2.5]


def test_an_archive_with_several_files_or_none_is_refused(tmp_path: Path):
    """With their names; unpacked they are read."""
    two = packed(tmp_path / "two.zip", **{"a.csv": ROWS, "b.csv": ROWS})
    with pytest.raises(rt.ReadError, match=r"holds 2 files, not one: \['a.csv', 'b.csv'\]. Unpack"):
        rt.as_transactions(two, **NAMES)
    with zipfile.ZipFile(two) as archive:
        archive.extractall(tmp_path)
    both = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert len(rt.as_transactions(both, **NAMES, duplicates="keep")) == 4
    (tmp_path / "no.zip").write_text("text")
    with pytest.raises(rt.ReadError, match="not an archive that can be read"):
        rt.as_transactions(tmp_path / "no.zip", **NAMES)
    with pytest.raises(rt.ReadError, match="holds 0 files"):
        rt.as_transactions(packed(tmp_path / "none.zip"), **NAMES)


@pytest.mark.parametrize(
    "word", ["Total", "GRAND TOTAL", "Gesamt", "Summe:", "Razem", "итого", "合計"]
)
def test_total_rows_are_set_aside_and_never_summed_in(engine, word):
    """They are counted under a reason of their own; who is called so is let in by `blanks`."""
    table = pd.DataFrame(
        {"who": ["A", "B", word], "day": "2024-02-29", "paid": ["1.5", "2.5", "4.0"]}
    )
    with pytest.raises(rt.ContentError, match=r"total in place of customer_id: 1 row.*blanks=\(\)"):
        rt.as_transactions(engine.table(table), **NAMES)
    found = rt.audit(rt.as_transactions, engine.table(table), **NAMES)
    assert engine.read(found.accepted)["sales"].sum() == 4.0
    assert engine.read(found.set_aside)["reason"].tolist() == ["total in place of customer_id"]
    told = rt.as_transactions(engine.table(table), **NAMES, blanks=())
    assert len(engine.read(told)) == 3


MONTHS = {
    "15. März 2024": "2024-03-15",
    "15 févr. 2024": "2024-02-15",
    "15 fevrier 2024": "2024-02-15",
    "15 de enero de 2024": "2024-01-15",
    "15 d’abril de 2024": "2024-04-15",
    "2024. március 15.": "2024-03-15",
    "2024 m. kovo 15 d.": "2024-03-15",
    "15 Ağu 2024": "2024-08-15",
    "15-мар-2024": "2024-03-15",
    "15 января 2024 г.": "2024-01-15",
    "15 August 2024": "2024-08-15",
    "Thu, 15 Feb 2024": "2024-02-15",
    "Montag, 15. Mai 2024 10:30": "2024-05-15 10:30",
    "2024年3月5日": "2024-03-05",
    "2024年03月05日 10:30": "2024-03-05 10:30",
    "2024년 3월 5일": "2024-03-05",
    "Dezember 2024": "2024-12-01",
    "février 2024": "2024-02-01",
    "2024. március": "2024-03-01",
    "Mär 2024": "2024-03-01",
}


def test_months_by_name_are_read_in_the_languages_of_cldr(engine):
    """With days of the week, small words and accents or without; nothing else may stand there."""
    others = dict.fromkeys(["15 foo 2024", "order, 15 March 2024", "order 2024"], "unreadable date")
    expected = {text: pd.Timestamp(day) for text, day in MONTHS.items()} | others
    assert readings(engine, "date", day=list(expected)) == expected


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["15 listopada 2024", "15 grudnia 2024"], ["2024-11-15", "2024-12-15"]),  # Polish
        (["15 listopada 2024", "15 siječnja 2024"], ["2024-10-15", "2024-01-15"]),  # Croatian
    ],
)
def test_the_names_of_a_file_decide_its_language_together(engine, texts, days):
    """Listopad is November in Polish and October in Croatian; alone it is refused, not guessed."""
    read = dict(zip(texts, map(pd.Timestamp, days), strict=True))
    assert readings(engine, "date", day=texts) == read
    assert readings(engine, "date", day=texts[:1]) == {texts[0]: "unreadable date"}


def test_months_named_in_another_language_are_noted_as_months():
    """No format says such a name, so the note names none; of English ones it does, and it works."""
    table = pd.DataFrame({"who": ["A", "B"], "day": ["März 2024", "Mai 2024"], "paid": 1.0})
    with pytest.warns(rt.RetentionWarning, match="months in date.*not known") as told:
        rt.as_transactions(table, **NAMES)
    assert "date_format" not in str(told[0].message)

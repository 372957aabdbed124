"""Habits of files that were read wrongly, or refused without a word of help, once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import retention as rt

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}


def orders(folder: Path, text: str, **said):
    """The orders of a file."""
    path = folder / "orders.csv"
    path.write_text(text, encoding="utf-8")
    return rt.as_transactions(path, **(NAMES | said))


def table(**columns):
    """A table of orders in which nothing is odd but what is given."""
    n = len(next(iter(columns.values())))
    return pd.DataFrame(
        {"who": ["A"] * n, "day": ["2024-01-05"] * n, "paid": ["1.5"] * n} | columns
    )


def test_an_english_month_beside_those_of_another_language_is_of_that_language(engine):
    """In Basaa "may" is November, as the other months of the file tell; alone it is May."""
    texts = {"5 may, 2024": "2024-11-05", "5 dip, 2024": "2024-09-05", "21 kɔn, 2024": "2024-01-21"}
    read = rt.as_transactions(engine.table(table(day=list(texts))), **NAMES)
    days = pd.to_datetime(engine.read(read)["date"]).dt.strftime("%Y-%m-%d")
    assert sorted(days) == sorted(texts.values())
    alone = rt.as_transactions(engine.table(table(day=["5 may, 2024", "21 mar, 2024"])), **NAMES)
    days = pd.to_datetime(engine.read(alone)["date"]).dt.strftime("%Y-%m-%d")
    assert sorted(days) == ["2024-03-21", "2024-05-05"]


def test_a_half_of_the_day_is_no_month(engine):
    """Though "pm" is July in one language."""
    found = rt.audit(rt.as_transactions, engine.table(table(day=["21 Mar, 2024 PM 3:05"])), **NAMES)
    assert list(engine.read(found.set_aside)["reason"]) == ["unreadable date"]


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["Wed, 09 Eki 2013", "Fri, 22 Kas 2013"], ["2013-10-09", "2013-11-22"]),
        (["Fri, 22 Kas 2013"], ["2013-11-22"]),
        (["Fri, 22 Nov 2013", "Tue, 05 Mar 2013"], ["2013-11-22", "2013-03-05"]),
    ],
)
def test_a_day_of_the_week_is_never_taken_for_a_month_of_a_language_that_few_write(
    engine, texts, days
):
    """As "Fri" is a month in one language, and "Kas" a day of the week in another."""
    read = engine.read(
        rt.as_transactions(engine.table(table(day=texts)), **NAMES, duplicates="keep")
    )
    assert sorted(pd.to_datetime(read["date"]).dt.strftime("%Y-%m-%d")) == sorted(days)


@pytest.mark.parametrize("mark", ['="{}"', "'{}", ' ="{}" '])
def test_ids_that_are_marked_as_text_for_a_spreadsheet_are_what_stands_in_the_mark(engine, mark):
    """Else 00123 of one file would never meet 00123 of another."""
    marked = engine.table(table(who=[mark.format("00123"), mark.format("0042")]))
    read = engine.read(rt.as_transactions(marked, **NAMES))
    assert sorted(read["customer_id"]) == ["00123", "0042"]


def test_an_apostrophe_that_belongs_to_a_name_stays(engine):
    """A Dutch "'t Hart" is no number that was marked."""
    given = engine.table(table(who=["'t Hart", 'Bar "=1"']))
    read = engine.read(rt.as_transactions(given, **NAMES))
    assert sorted(read["customer_id"]) == ["'t Hart", 'Bar "=1"']


def test_ids_of_rows_that_are_left_out_do_not_decide_how_the_others_are_read(engine):
    """An id "17850.0" is 17850 also where names of columns, or a total, stand among the rows."""
    given = table(who=["17850.0", "who", "13047.0"], day=["2024-01-05", "day", "2024-01-06"])
    with pytest.warns(rt.RetentionWarning, match="1 row of 3 left out as incomplete"):
        read = rt.as_transactions(engine.table(given), **NAMES, incomplete="drop")
    assert sorted(engine.read(read)["customer_id"]) == ["13047", "17850"]
    found = rt.audit(rt.as_transactions, engine.table(given), **NAMES)
    assert sorted(engine.read(found.accepted)["customer_id"]) == ["13047", "17850"]


@pytest.mark.parametrize("blank", [";;;", '"";"";"";""', '"";;"";'])
@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
def test_blank_rows_are_left_out_in_quotes_or_without(tmp_path: Path, blank, engine):
    """A spreadsheet that quotes every cell quotes those of blank rows, too."""
    text = f'"who";"day";"paid";"note"\n"A";"2024-01-05";"1,5";"x"\n{blank}\n'
    read = orders(tmp_path, text, engine=engine)
    assert len(read.fetchall() if engine == "duckdb" else read) == 1


@pytest.mark.parametrize("name", ["Cur.", "currency.code", "Currency [ISO]"])
def test_a_column_that_may_say_the_currency_is_found_whatever_signs_its_name_holds(
    tmp_path: Path, name
):
    """Only the columns that are needed are read, of which this is one."""
    text = f"who,day,paid,{name}\nA,2024-01-05,1.5,EUR\nB,2024-01-05,2.5,EUR\n"
    assert orders(tmp_path, text, duplicates="keep")["sales"].tolist() == [1.5, 2.5]
    with pytest.raises(rt.ContentError, match="amounts in several currencies"):
        orders(tmp_path, text.replace("2.5,EUR", "2.5,USD"), duplicates="keep")


PLACES = {
    "separator='^'": "who^day^paid\nA^2024-01-05^1.5\n",
    "separator=':'": '"who":"day":"paid"\n"A":"2024-01-05":"1.5"\n',
    "header_row=4": "Shop,Year,City\nBeans,2024,Hull\n\nWho , day,paid\nA,2024-01-05,1.5\n",
    "header_row=2 and separator='~'": "Created~2024-01-05\nwho~day~paid\nA~2024-01-05~1.5\n",
}


@pytest.mark.parametrize("advice", PLACES)
def test_names_that_are_no_columns_are_looked_for_in_the_lines_of_the_file(tmp_path: Path, advice):
    """The refusal says where they stand; what it says to write is written, and works."""
    with pytest.raises(rt.ColumnError, match=f"has such names: say {advice.replace('^', '.')}"):
        orders(tmp_path, PLACES[advice])
    said = eval(f"dict({advice.replace(' and ', ', ')})")
    assert orders(tmp_path, PLACES[advice], **said)["sales"].tolist() == [1.5]


def test_names_that_stand_nowhere_are_refused_as_before(tmp_path: Path):
    """No advice is made up."""
    with pytest.raises(rt.ColumnError, match=r"There is: 'who', 'day', 'paid'\.$"):
        orders(tmp_path, "who,day,paid\nA,2024-01-05,1.5\n", customer_id="customer")


@pytest.mark.parametrize(("date_format", "text"), [("%d%m%Y", "25102020"), ("%m%d%Y", "10252020")])
def test_eight_digits_in_another_order_are_refused_with_the_keyword_that_reads_them(
    engine, date_format, text
):
    """As year, month and day they are no date."""
    given = engine.table(table(day=[text]))
    with pytest.raises(rt.ContentError, match=r"does not exist.*date_format='%d%m%Y' or '%m%d%Y'"):
        rt.as_transactions(given, **NAMES)
    read = engine.read(rt.as_transactions(given, **NAMES, date_format=date_format))
    assert str(read["date"].iloc[0])[:10] == "2020-10-25"


CLOCKS = {
    "2024-03-05, 15:04": "2024-03-05 15:04",
    "13.03.2024, 15:04:05": "2024-03-13 15:04:05",
    "Mar 5, 2024, 3:04 PM": "2024-03-05 15:04",
    "5 mar 2024, 3:04:05 p. m.": "2024-03-05 15:04:05",
    "13/03/2024 12:04 a.m.": "2024-03-13 00:04",
}


def test_a_comma_may_stand_before_the_clock_and_points_in_its_halves(engine):
    """As browsers and CLDR write moments."""
    given = engine.table(table(day=list(CLOCKS)))
    read = engine.read(rt.as_transactions(given, **NAMES, duplicates="keep"))
    assert sorted(pd.to_datetime(read["date"])) == sorted(map(pd.Timestamp, CLOCKS.values()))


def test_whole_amounts_with_a_dash_may_stand_in_brackets(engine):
    """The brackets are the minus, the dash stands for no cents."""
    given = engine.table(table(paid=["2.584,-", "(2.584,-)", "(€ 12,--)"]))
    read = engine.read(rt.as_transactions(given, **NAMES, refunds="net"))
    assert sorted(read["sales"]) == [-2584.0, -12.0, 2584.0]


def test_single_quotes_around_all_names_are_quotes(tmp_path: Path):
    """What separates columns may then stand in a cell, and a quote in it is doubled."""
    file = (
        "'who';'day';'paid';'note'\n'A';'2024-01-05';'1.5';'x; y'\n'O''Neill';'2024-01-06';2;''\n"
    )
    read = orders(tmp_path, file)
    assert read["customer_id"].tolist() == ["A", "O'Neill"]
    assert read["sales"].tolist() == [1.5, 2.0]
    with pytest.raises(rt.ReadError, match="line 4 has 5 fields where the header"):
        orders(tmp_path, f"{file}'B';'2024-01-07';'1';'x';'y'\n")
    with pytest.warns(rt.RetentionWarning, match="1 row of 3 left out"):
        kept = orders(tmp_path, f"{file}'Total';'3'\n", incomplete="drop")
    assert kept["sales"].tolist() == [1.5, 2.0]


def test_single_quotes_around_all_cells_of_a_row_are_quotes(tmp_path: Path):
    """Be it a row below names without any, or below a line for Excel and a title."""
    for above in ("'who','day',paid\n", "sep=,\n'who','day','paid'\n", "Orders\nwho,day,paid\n"):
        read = orders(tmp_path, f"{above}'A','2024-01-05','1.5'\n'B, C','2024-01-06','2'\n")
        assert read["customer_id"].tolist() == ["A", "B, C"]
        assert read["sales"].tolist() == [1.5, 2.0]


def test_single_quotes_where_a_cell_needs_them_are_quotes(tmp_path: Path):
    """What separates columns stands in one cell; apostrophes elsewhere stay."""
    read = orders(tmp_path, "who;day;paid;note\nO'Neill;2024-01-05;1;'x; y'\nB;2024-01-06;2;it's\n")
    assert read["customer_id"].tolist() == ["O'Neill", "B"]
    assert read["sales"].tolist() == [1.0, 2.0]
    with pytest.raises(rt.ReadError, match="line 2 has 5 fields"):
        orders(tmp_path, "who;day;paid;note\nA;2024-01-05;1;'tis; y\nB;2024-01-06;2;it's\n")


@pytest.mark.parametrize("title", ["'Jan';'Dec'", "'Shop' 'Web'", "'2024-01-01':'2024-12-31'"])
def test_a_title_in_single_quotes_is_a_title(tmp_path: Path, title):
    """No row below is as wide as it is by the sign between its quotes."""
    read = orders(tmp_path, f"{title}\nwho,day,paid\nA,2024-01-05,1\nB,2024-01-06,2\n")
    assert read["sales"].tolist() == [1.0, 2.0]


def test_single_quotes_are_letters_where_double_ones_are_quotes(tmp_path: Path):
    """Within a cell of several lines, and beside a cell whose separator nothing holds in."""
    lines = "who,day,paid,tags\nA,2024-01-05,5,\"\n'x','y'\n\"\nB,2024-01-06,6,z\n"
    assert orders(tmp_path, lines)["sales"].tolist() == [5.0, 6.0]
    lines = 'who,day,paid,tags\nE,2024-01-05,1,\'a, b\'\n"E",2024-01-06,5,z\n"F",2024-01-07,6,k\n'
    with pytest.raises(rt.ReadError, match="line 2 has 5 fields"):
        orders(tmp_path, lines)
    with pytest.warns(rt.RetentionWarning, match="1 row of 3 left out"):
        assert orders(tmp_path, lines, incomplete="drop")["customer_id"].tolist() == ["E", "F"]


def test_an_apostrophe_far_below_is_no_quote_that_never_closes(tmp_path: Path):
    """A row that only single quotes hold together is left out where they cannot be quotes."""
    rows = [f"K{n},2024-01-05,1,x" for n in range(120)]
    rows = ["who,day,paid,tags", "B,2024-01-06,2,'x, y'", *rows, "'t Hart,2024-01-07,7,y"]
    with pytest.warns(rt.RetentionWarning, match="1 row of 122 left out"):
        read = orders(tmp_path, "\n".join(rows), incomplete="drop", duplicates="keep")
    assert read["customer_id"].tolist()[-1] == "'t Hart"


def test_any_break_of_lines_may_stand_in_a_cell_in_single_quotes(tmp_path: Path):
    """It becomes a line feed, as in double ones; what is said of a quote is said of this one."""
    for sign in ("\r", "\n", "\r\n"):
        path = tmp_path / "orders.csv"
        text = f"'who','day','paid'\n'B{sign}C','2024-01-05','5'\n'D','2024-01-06','6'\n"
        path.write_bytes(text.encode())
        assert rt.as_transactions(path, **NAMES)["customer_id"].tolist() == ["B\nC", "D"]
    with pytest.raises(rt.ReadError, match="within are doubled: 'O''Neill'"):
        orders(tmp_path, "'who','day','paid'\n'O\\'Brien','2024-01-05','5'\n")


def test_single_quotes_that_double_those_within_are_quotes(tmp_path: Path):
    """A spreadsheet's tick before an id, in quotes that no cell needs: the id is 000586."""
    path = tmp_path / "orders.csv"
    path.write_text("id,day,paid\n'''000586',2024-01-02,5\n'''039520',2024-02-02,7\n")
    orders = rt.as_transactions(path, customer_id="id", date="day", sales="paid")
    assert orders["customer_id"].tolist() == ["000586", "039520"]
    path.write_text("id,day,paid\n'''000586',2024-01-02,5\n'''039520,2024-02-02,7\n")
    orders = rt.as_transactions(path, customer_id="id", date="day", sales="paid")
    assert orders["customer_id"].tolist() == ["'''000586'", "'''039520"]


@pytest.mark.parametrize(
    ("beside", "ids"),
    [
        (["id,day,paid,note"], ["000586", "039520"]),  # names once more
        (["Total,,12,", ",,,", ""], ["000586", "039520"]),
        (["-- end --"], ["000586", "039520"]),
        (["007,2024-03-02,1,'two\nlines'"], ["000586", "039520", "007"]),
        (["'D''Arcy',2024-03-02,1,"], ["000586", "039520", "D'Arcy"]),
    ],
)
def test_rows_that_need_no_quotes_do_not_make_the_others_letters(
    tmp_path: Path, beside: list[str], ids: list[str]
):
    """Names, totals, blanks and a footer have none; a cell that runs over lines has some."""
    rows = ["id,day,paid,note", "'''000586',2024-01-02,5,", "'''039520',2024-02-02,7,x", *beside]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(rows) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rt.RetentionWarning)
        orders = rt.as_transactions(
            path, customer_id="id", date="day", sales="paid", incomplete="drop"
        )
    assert orders["customer_id"].tolist() == ids


def test_names_that_double_a_quote_are_read_by_single_ones(tmp_path: Path):
    """Only the cells that hold one need any; two at both ends, as a wiki has them, are letters."""
    read = orders(tmp_path, "who,day,paid\nAnn,2024-01-05,1\n'D''Arcy',2024-01-06,2\n")
    assert read["customer_id"].tolist() == ["Ann", "D'Arcy"]
    read = orders(tmp_path, "who,day,paid\n'Ann',2024-01-05,1\n'''Bo''',2024-01-06,2\n")
    assert read["customer_id"].tolist() == ["'Ann'", "'''Bo'''"]


def test_a_footer_is_left_out_where_cells_run_over_lines(tmp_path: Path):
    """Where a line ends within a cell, and another with a separator before what is blank."""
    path = tmp_path / "orders.csv"
    text = 'who;day;paid;note;tax\nA;2024-01-05;1;"two\nlines";\nB;2024-01-06;2;x;1\n-- end --\n'
    path.write_text(text)
    with pytest.raises(rt.ReadError, match="line 5 has 1 fields .* say `?incomplete='drop'"):
        rt.as_transactions(path, customer_id="who", date="day", sales="paid")
    with pytest.warns(rt.RetentionWarning, match="1 row of 3 left out"):
        read = rt.as_transactions(
            path, customer_id="who", date="day", sales="paid", incomplete="drop"
        )
    assert read["sales"].tolist() == [1.0, 2.0]


def test_single_quotes_around_some_cells_are_letters(tmp_path: Path):
    """They are no separator either, though they stand on both sides of the names."""
    with pytest.raises(rt.ColumnError, match="Did you mean") as refused:
        orders(tmp_path, "'who','day',paid\n'A',2024-01-05,1.5\n")
    assert "separator=" not in str(refused.value)


def test_signs_that_another_encoding_writes_are_asked_for_it(tmp_path: Path):
    """In GBK 元 has the bytes of a Cyrillic letter in UTF-8, of which nothing tells them apart."""
    path = tmp_path / "orders.csv"
    path.write_bytes("who,day,paid\nA,2024-01-05,元12.50\n".encode("gbk"))
    with pytest.raises(rt.ContentError, match="'Ԫ12.50'.*right under the file's own encoding="):
        rt.as_transactions(path, **NAMES)
    assert rt.as_transactions(path, **NAMES, encoding="gbk")["sales"].tolist() == [12.5]
    path.write_text("who,day,paid\nA,2024-01-05,a lot\n")
    with pytest.raises(rt.ContentError, match="'a lot'. Correct them") as refused:
        rt.as_transactions(path, **NAMES)
    assert "encoding" not in str(refused.value)


def test_dates_that_do_not_fit_the_format_that_was_said_are_not_asked_for_one(tmp_path: Path):
    """The advice is about the format at hand."""
    for date_format, day in (("%Y-%m", "2024-03"), ("epoch_s", "1709251200")):
        with pytest.raises(rt.ContentError, match="unreadable date") as refused:
            orders(tmp_path, f"who,day,paid\nA,{day},1\nB,soon,2\n", date_format=date_format)
        assert f"not written as '{date_format}' says" in str(refused.value)
        assert "say date_format=" not in str(refused.value)


def test_files_of_one_column_each_are_asked_for_their_separator(tmp_path: Path):
    """They differ in it only because the sign between their columns is not known."""
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("who^day^paid\nA^2024-01-05^1.5\n")
    second.write_text("day^who^paid\n2024-01-05^B^2.5\n")
    with pytest.raises(rt.ColumnError, match="say separator="):
        rt.as_transactions([first, second], **NAMES)
    read = rt.as_transactions([first, second], **NAMES, separator="^")
    assert read["sales"].tolist() == [1.5, 2.5]


def test_long_ids_that_a_spreadsheet_cut_short_are_refused_since_several_became_one(engine):
    """1.23457E+17 may be anybody's; a code that merely looks alike is let in."""
    given = engine.table(table(who=["1.23457E+17", "1.23457E+17", "3E5"]))
    with pytest.raises(rt.ContentError, match="not a whole number: 2 rows.*became one"):
        rt.as_transactions(given, **NAMES, duplicates="keep")
    with pytest.warns(rt.RetentionWarning, match="2 rows of 3 left out"):
        read = rt.as_transactions(given, **NAMES, duplicates="keep", incomplete="drop")
    assert list(engine.read(read)["customer_id"]) == ["3E5"]


def test_what_a_spreadsheet_could_not_work_out_is_missing(engine):
    """A lookup that failed names no customer, and many rows would share it."""
    given = table(who=["A", "#REF!"], paid=["#DIV/0!", "1.5"], day=["#VALUE!", "2024-01-05"])
    found = rt.audit(rt.as_transactions, engine.table(given), **NAMES)
    assert sorted(engine.read(found.set_aside)["reason"]) == ["blank customer_id", "missing date"]


@pytest.mark.parametrize("day", ["2567-03-05", "1402-12-15"])
def test_years_of_other_calendars_are_said(engine, day):
    """A Thai file of 2567 is of 2024; nothing is guessed, but nobody is left unaware."""
    given = engine.table(table(who=["A", "B"], day=[day, "2024-01-05"]))
    with pytest.warns(
        rt.RetentionWarning, match="dates before 1900 or after 2199.*1 row.*Buddhist"
    ):
        rt.as_transactions(given, **NAMES)


def test_an_end_without_end_is_no_year_of_another_calendar(recwarn):
    """A contract that runs until 9999 runs."""
    given = pd.DataFrame({"who": ["A"], "from": ["2024-01-05"], "to": ["9999-12-30"]})
    rt.as_contracts(given, customer_id="who", start="from", end="to", end_is="last_day")
    assert not [one for one in recwarn if "calendar" in str(one.message)]


def test_a_whole_quantity_of_a_program_does_not_decide_how_prices_are_read(engine):
    """Beside "4.0", "81,890" may be eighty or eighty thousand: it is asked."""
    given = engine.table(table(n=["4.0", "1.0"], paid=["81,890", "59,760"]))
    names = {"customer_id": "who", "date": "day", "quantity": "n", "unit_price": "paid"}
    with pytest.raises(rt.ContentError, match="ambiguous unit_price: 2 rows.*decimal=','"):
        rt.as_transactions(given, **names)
    read = engine.read(rt.as_transactions(given, **names, decimal=","))
    assert sorted(read["sales"]) == [59.76, 327.56]


def test_a_nameless_column_that_stands_elsewhere_in_a_second_file_is_the_same(tmp_path):
    """So that a line which stands in both files is found to repeat."""
    (tmp_path / "a.csv").write_text(",who,day,paid\nred,A,2024-01-05,1.5\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("paid,,who,day\n1.5,red,A,2024-01-05\n", encoding="utf-8")
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    assert rt.read_table(files)["unnamed_1"].tolist() == ["red", "red"]
    with pytest.raises(rt.ContentError, match="exact duplicate line: 1 row"):
        rt.as_transactions(files, **NAMES)
    assert len(rt.as_transactions(files, **NAMES, duplicates="drop")) == 1


def test_two_nameless_columns_are_told_apart_by_their_places(tmp_path):
    """Nobody knows which of them is which in the other file."""
    (tmp_path / "a.csv").write_text(",who,,day,paid\nx,A,y,2024-01-05,1.5\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("who,,day,,paid\nB,x,2024-01-05,y,1.5\n", encoding="utf-8")
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(rt.ColumnError, match="lacks the column 'unnamed_1'"):
        rt.read_table(files)
    assert len(rt.read_table(files, columns=["who", "day", "paid"])) == 2

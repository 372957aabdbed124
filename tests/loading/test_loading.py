"""The door for order files: what it lets through, what it asks, and how it refuses."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.tables import TRANSACTIONS, require

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}


def shop(**columns):
    """Three clean lines; columns given take the place of these or come on top."""
    clean = {
        "who": ["Ann", "Bob", "Ann"],
        "day": pd.to_datetime(["2024-01-05 09:00", "2024-01-06 00:00", "2024-02-07 13:30"]),
        "paid": [10.0, 20.0, 30.0],
    }
    return pd.DataFrame({**clean, **columns})


def refused(table, **said):
    """The message with which a table is refused."""
    with pytest.raises(rt.ContentError) as caught:
        rt.as_transactions(table, **{**NAMES, **said})
    return str(caught.value)


# --- what goes through


def test_clean_data_need_no_further_keyword(engine):
    """Columns are renamed, typed and put in order; the kind of table stays."""
    tz = {"tz": "UTC"} if engine.name == "spark" else {}
    answer = rt.as_transactions(engine.table(shop()), **NAMES, **tz)
    assert engine.is_mine(answer)
    read = engine.read(answer, order=["date"])
    assert list(read.columns) == ["customer_id", "date", "sales"]
    assert read["customer_id"].tolist() == ["Ann", "Bob", "Ann"]
    assert read["date"].tolist() == shop()["day"].tolist()
    assert read["sales"].tolist() == [10.0, 20.0, 30.0]


def test_what_comes_out_is_fit_for_every_figure(engine):
    """The answer passes the check that each public function starts with."""
    text = shop(day=["2024-01-05", "2024-01-06", "2024-02-07"], order=[1, 2, 3], cost=[1, 2, 3])
    answer = rt.as_transactions(engine.table(text), **NAMES, order_id="order", cost="cost")
    assert list(require(answer, TRANSACTIONS).collect_schema()) == [
        *("customer_id", "date", "sales", "profit", "order_id")
    ]


def test_the_callers_table_is_not_changed():
    """Neither its values nor its columns nor its index."""
    table = shop(who=[" Ann", "Bob", "Ann "], day=["2024-01-05"] * 3).set_index(pd.Index([7, 8, 9]))
    before = table.copy(deep=True)
    answer = rt.as_transactions(table, **NAMES)
    answer["sales"] = 0.0
    pd.testing.assert_frame_equal(table, before)


def test_sales_are_quantity_times_unit_price_and_profit_is_sales_less_cost(engine):
    """Both ways of saying where the money is give the same table."""
    priced = shop(n=[2, 4, 3], price=[5.0, 5.0, 10.0], cost=[4, 15, 31], gain=[6.0, 5.0, -1.0])
    priced["day"] = priced["day"].dt.strftime("%Y-%m-%d")
    table = engine.table(priced)
    one = rt.as_transactions(table, **NAMES, profit="gain", duplicates="keep")
    names = {"customer_id": "who", "date": "day", "quantity": "n", "unit_price": "price"}
    other = rt.as_transactions(table, **names, cost="cost", duplicates="keep")
    order = ["date"]
    pd.testing.assert_frame_equal(engine.read(one, order=order), engine.read(other, order=order))


def test_kept_columns_go_through_as_they_are(engine):
    """They come last, in the order named, missing values included."""
    table = shop(day=["2024-01-05"] * 3, region=["N", None, "S"], size=[1, 2, 3])
    answer = rt.as_transactions(engine.table(table), **NAMES, keep=["size", "region"])
    read = engine.read(answer, order=["sales"])
    assert list(read.columns) == ["customer_id", "date", "sales", "size", "region"]
    assert read["region"].isna().tolist() == [False, True, False]


def test_headers_may_be_padded_or_carry_a_byte_order_mark(engine):
    """A header that differs by nothing a reader sees is found; it goes out as it was said."""
    table = shop(day=["2024-01-05"] * 3, region=["N", "S", "S"])
    table.columns = ["\ufeffwho", " day", "paid ", "\ufeff region"]
    answer = rt.as_transactions(engine.table(table), **NAMES, keep="region")
    assert list(engine.read(answer).columns) == ["customer_id", "date", "sales", "region"]


def test_an_exact_header_wins_over_a_padded_one():
    """Where both are there, the one that is written as said is meant."""
    answer = rt.as_transactions(shop(**{"paid ": [1.0, 2.0, 3.0]}), **NAMES)
    assert answer["sales"].tolist() == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("engine", ["pandas", "polars", "pyarrow"], indirect=True)
def test_rows_keep_their_order_in_eager_tables(engine):
    """Also where rows are left out by checks that look at the whole table."""
    n = 500
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"who": rng.permutation(n), "day": "2024-01-01", "paid": 1.0})
    table = pd.concat([table, table.iloc[:50], table.iloc[100:150].assign(paid=-1.0)])
    table = table.sample(frac=1, random_state=2).reset_index(drop=True)
    said = {"duplicates": "drop", "refunds": "net", "zero_orders": "drop"}
    answer = engine.read(rt.as_transactions(engine.table(table), **NAMES, **said))
    zero = table.loc[table["paid"] < 0, "who"]
    kept = table.drop_duplicates()
    assert answer["customer_id"].tolist() == kept.loc[~kept["who"].isin(zero), "who"].tolist()


def test_shuffled_rows_give_the_same_rows(engine):
    """The order of a file means nothing."""
    table = shop(day=["13/01/2024", "02/03/2024", "04/05/2024"], paid=["1,5", "1,234", "(2)"])
    said = {"refunds": "net"}
    one = rt.as_transactions(engine.table(table), **NAMES, **said)
    other = rt.as_transactions(engine.table(table.iloc[[2, 0, 1]]), **NAMES, **said)
    order = ["sales"]
    pd.testing.assert_frame_equal(engine.read(one, order=order), engine.read(other, order=order))


def test_a_narwhals_frame_comes_back_as_one():
    """Who works in narwhals stays in narwhals."""
    answer = rt.as_transactions(nw.from_native(shop()), **NAMES)
    assert isinstance(answer, nw.DataFrame)


def test_a_lazy_polars_table_is_not_collected():
    """Lazy in, lazy out."""
    import polars as pl

    answer = rt.as_transactions(pl.from_pandas(shop()).lazy(), **NAMES)
    assert isinstance(answer, pl.LazyFrame)


def test_a_clean_lazy_table_is_asked_once(monkeypatch):
    """All checks of a typed lazy table are one aggregate query."""
    import duckdb

    from retention.frames import python_rows

    queries, ask = [], python_rows.one_row
    monkeypatch.setattr(python_rows, "one_row", lambda frame: queries.append(1) or ask(frame))
    table = duckdb.connect().from_df(shop())
    rt.as_transactions(table, **NAMES, as_of="2024-12-31")
    assert len(queries) == 1


# --- ids


@pytest.mark.filterwarnings("ignore:.*differ only in leading zeros")  # told, and left as they are
@pytest.mark.parametrize(
    ("ids", "read"),
    [
        ([1, 2, 1], [1, 2, 1]),
        ([17850.0, 13047.0, 17850.0], [17850, 13047, 17850]),
        (["17850.0", "13047.0", "17850.0 "], ["17850", "13047", "17850"]),
        (["17850.0", "13047", "x"], ["17850.0", "13047", "x"]),
        ([" Ann ", "Bob\t", "\u00a0Ann"], ["Ann", "Bob", "Ann"]),
        (["007", "7", "07"], ["007", "7", "07"]),
    ],
    ids=["integers", "floats", "floats as text", "versions", "padded", "leading zeros"],
)
def test_ids_are_whole_numbers_or_text(engine, ids, read):
    """Integral floats become integers, text loses its padding, and ".0" only where all have it."""
    table = engine.table(shop(who=ids, day=["2024-01-05"] * 3))
    answer = engine.read(rt.as_transactions(table, **NAMES), order=["sales"])
    assert answer["customer_id"].tolist() == read
    whole = all(isinstance(value, int) for value in read)
    assert pd.api.types.is_integer_dtype(answer["customer_id"]) == whole


def test_categories_become_text():
    """A pandas categorical is text with a dictionary."""
    table = shop(who=pd.Categorical(["Ann", "Bob", "Ann"]))
    answer = rt.as_transactions(table, **NAMES)
    assert pd.api.types.is_string_dtype(answer["customer_id"])
    assert answer["customer_id"].tolist() == ["Ann", "Bob", "Ann"]


def test_python_objects_of_one_kind_are_read():
    """Decimals and integers as numbers, other things such as UUIDs as text."""
    objects = pd.Series([1, 2, 1], dtype=object)
    assert rt.as_transactions(shop(who=objects), **NAMES)["customer_id"].tolist() == [1, 2, 1]
    person = uuid.UUID(int=7)
    answer = rt.as_transactions(shop(who=[person] * 3), **NAMES)
    assert answer["customer_id"].tolist() == [str(person)] * 3
    money = shop(paid=[Decimal("1.5"), Decimal("2"), Decimal("2.25")])
    assert rt.as_transactions(money, **NAMES)["sales"].tolist() == [1.5, 2.0, 2.25]


def test_ids_of_mixed_types_are_refused_with_one_of_each():
    """17850 and "17850" are one customer or two: nobody can tell."""
    with pytest.raises(rt.ColumnError, match=r"mixed.*'x' \(str\), 1 \(int\)"):
        rt.as_transactions(shop(who=pd.Series([1, "x", 2], dtype=object)), **NAMES)


@pytest.mark.parametrize("ids", [pd.to_datetime(["2024-01-01"] * 3), [True, False, True]])
def test_what_is_neither_text_nor_number_is_no_id(ids):
    """Dates and flags are refused."""
    with pytest.raises(rt.ColumnError, match="customer_id: column 'who' holds"):
        rt.as_transactions(shop(who=ids), **NAMES)


@pytest.mark.parametrize("broken", [1.5, 2.0**60], ids=["fraction", "beyond exact floats"])
def test_float_ids_that_lost_digits_are_refused(engine, broken):
    """An id of 1.5 is none, and beyond 2^53 a float stands for several."""
    table = shop(who=[1.0, broken, 2.0], day=["2024-01-05"] * 3)
    assert "customer_id that is not a whole number: 1 row" in refused(engine.table(table))


def test_blank_ids_are_a_problem(engine):
    """Whatever stands for nothing is no customer."""
    blanks = ["", "  ", "nan", " NaN", "None", "NULL", "NA", "N/A", None]
    table = pd.DataFrame({"who": ["Ann", *blanks], "day": "2024-01-05", "paid": 1.0})
    assert f"blank customer_id: {len(blanks)} rows" in refused(engine.table(table))


def test_a_blank_order_id_is_a_problem_only_if_order_ids_are_named():
    """A column that was not named is not looked at."""
    table = shop(order=["1", "", "2"])
    assert "blank order_id: 1 row, first in row 1" in refused(table, order_id="order")
    rt.as_transactions(table, **NAMES)


@pytest.mark.parametrize("text", ["default", "object", "string", "string[python]", "arrow"])
def test_every_way_pandas_stores_a_column_is_read(text):
    """Nullable and Arrow types, and their own ways of being missing."""
    import pyarrow as pa

    def typed(values, dtype, arrow):
        if text == "arrow":
            return pd.array(values, dtype=pd.ArrowDtype(arrow))
        return pd.Series(values, dtype=dtype)

    texts = None if text == "default" else text
    table = pd.DataFrame(
        {
            "who": typed(["Ann", None, "Bob", "Cem"], texts, pa.string()),
            "day": typed(["2024-01-05", "2024-01-06", None, "2024-01-07"], texts, pa.string()),
            "paid": typed([1, 2, 3, None], "Int64", pa.int64()),
        }
    )
    for days in (table["day"], pd.to_datetime(table["day"])):
        audit = rt.audit(rt.as_transactions, table.assign(day=days), **NAMES, as_of="2024-01-05")
        assert audit.accepted["customer_id"].tolist() == ["Ann"]
        reasons = ["blank customer_id", "missing date", "date after as_of"]
        assert audit.set_aside["reason"].tolist() == reasons


# --- policies


def test_refunds_are_asked_about_then_netted_or_dropped(engine):
    """Rule 14: data policies have no silent defaults."""
    table = engine.table(shop(day=["2024-01-05"] * 3, paid=[10.0, -4.0, 30.0]))
    assert "refund: 1 row" in refused(table)
    net = engine.read(rt.as_transactions(table, **NAMES, refunds="net"))
    assert sorted(net["sales"]) == [-4.0, 10.0, 30.0]
    dropped = engine.read(rt.as_transactions(table, **NAMES, refunds="drop"))
    assert sorted(dropped["sales"]) == [10.0, 30.0]


def test_duplicates_are_asked_about_then_kept_or_dropped(engine):
    """A line that repeats another in every column; the first stays."""
    table = engine.table(
        shop(who=["Ann", "Ann", "Ann"], day=["2024-01-05"] * 3, paid=[1.0, 1.0, 2.0])
    )
    assert "exact duplicate line: 1 row" in refused(table)
    kept = rt.as_transactions(table, **NAMES, duplicates="keep")
    assert sorted(engine.read(kept)["sales"]) == [1.0, 1.0, 2.0]
    dropped = rt.as_transactions(table, **NAMES, duplicates="drop")
    assert sorted(engine.read(dropped)["sales"]) == [1.0, 2.0]


def test_lines_that_differ_in_an_unnamed_column_are_no_duplicates(engine):
    """Two products of one invoice may agree in customer, time and price."""
    table = shop(who=["Ann"] * 3, day=["2024-01-05"] * 3, paid=[1.0] * 3, product=["a", "b", None])
    assert len(engine.read(rt.as_transactions(engine.table(table), **NAMES))) == 3


def test_columns_of_python_objects_count_in_the_comparison():
    """Lists cannot be hashed, but they can differ."""
    table = shop(who=["Ann"] * 3, day=["2024-01-05"] * 3, paid=[1.0] * 3, tags=[[1], [2], [1]])
    assert "exact duplicate line: 1 row, first in row 2" in refused(table)


def test_zero_orders_are_asked_about_then_counted_or_dropped(engine):
    """An order is the lines of a customer on a day; 0.1 + 0.2 − 0.3 is nothing."""
    table = pd.DataFrame(
        {
            "who": ["Ann", "Ann", "Ann", "Bob", "Cem", "Cem"],
            "day": [
                "2024-01-05",
                "2024-01-05",
                "2024-01-05",
                "2024-01-05",
                "2024-01-06",
                "2024-01-07",
            ],
            "paid": [0.1, 0.2, -0.3, 0.0, 5.0, -5.0],
        }
    )
    given = engine.table(table)
    assert "zero order: 4 rows" in refused(given, refunds="net")
    said = {"refunds": "net", "zero_orders": "count"}
    assert len(engine.read(rt.as_transactions(given, **NAMES, **said))) == 6
    said = {"refunds": "net", "zero_orders": "drop"}
    dropped = engine.read(rt.as_transactions(given, **NAMES, **said))
    assert sorted(dropped["sales"]) == [-5.0, 5.0]


def test_order_ids_part_the_orders_of_a_day(engine):
    """With order ids, the lines of one order are judged, not those of the day."""
    table = shop(who=["Ann"] * 3, day=["2024-01-05"] * 3, paid=[0.0, 0.0, 5.0], order=[1, 2, 2])
    given = engine.table(table)
    rt.as_transactions(given, **NAMES, duplicates="keep")
    assert "zero order: 1 row" in refused(given, order_id="order", duplicates="keep")


def test_refunds_are_left_out_before_orders_are_summed(engine):
    """Dropped refunds do not make an order a zero order."""
    table = shop(who=["Ann"] * 3, day=["2024-01-05"] * 3, paid=[5.0, -5.0, 7.0])
    answer = rt.as_transactions(engine.table(table), **NAMES, refunds="drop")
    assert sorted(engine.read(answer)["sales"]) == [5.0, 7.0]


# --- as_of


def test_a_date_after_as_of_is_a_problem_and_as_of_itself_is_not(engine):
    """as_of is the last observed day, itself included, to its last second."""
    table = shop(day=["2024-01-05", "2024-01-06 23:59:59", "2024-01-07"])
    given = engine.table(table)
    rt.as_transactions(given, **NAMES, as_of="2024-01-07")
    assert "date after as_of: 1 row" in refused(given, as_of="2024-01-06")
    typed = engine.table(table.assign(day=pd.to_datetime(table["day"], format="ISO8601").dt.date))
    assert "date after as_of: 1 row" in refused(typed, as_of=dt.date(2024, 1, 6))


def test_as_of_before_the_first_date_is_refused():
    """Nothing was observed by then."""
    assert "as_of is 2023-01-01, before the first date" in refused(shop(), as_of="2023-01-01")


# --- refusals


def test_every_problem_is_in_one_error(engine):
    """With the rows it concerns, the first of them, and what to say."""
    table = pd.DataFrame(
        {
            "who": ["Ann", "", "Bob", "Bob", "Cem", "Cem"],
            "day": ["2024-01-05", "2024-01-06", "31/02/2023", "hello", "2024-02-01", "2024-02-01"],
            "paid": [10.0, 5.0, 5.0, 5.0, -27.5, float("nan")],
        }
    )
    message = refused(engine.table(table))
    for problem in ("blank customer_id", "unreadable date", "date that does not exist"):
        assert f"{problem}: 1 row" in message
    assert "missing sales: 1 row" in message
    assert "refund: 1 row" in message
    assert "refunds='net'" in message
    assert "audit(as_transactions, ...)" in message
    if engine.name in ("pandas", "polars", "pyarrow"):
        assert "first in row 2: '31/02/2023'" in message
        assert "first in row 4: -27.5" in message
    else:
        assert "smallest '31/02/2023'" in message


def test_a_row_is_counted_under_every_check_it_fails():
    """The error says what the file holds, not which check came first."""
    message = refused(shop(who=["", "", "Bob"], paid=[-1.0, 2.0, 3.0]))
    assert "blank customer_id: 2 rows" in message
    assert "refund: 1 row" in message


def test_an_empty_table_is_refused(engine):
    """Typed or not."""
    for table in (shop().iloc[:0], shop(day=["2024-01-05"] * 3).iloc[:0]):
        tz = {"tz": "UTC"} if engine.name == "spark" and table["day"].dtype.kind == "M" else {}
        assert "empty" in refused(engine.table(table), **tz)


def test_an_empty_table_of_objects_is_refused():
    """pd.DataFrame(columns=...) has no types at all."""
    assert "empty" in refused(pd.DataFrame(columns=["who", "day", "paid"]))


@pytest.mark.parametrize("refunds", ["error", "net", "drop"])
def test_a_table_of_refunds_only_is_refused(engine, refunds):
    """Nobody bought anything."""
    table = shop(day=["2024-01-05"] * 3, paid=[-1.0, -2.0, -3.0])
    assert "Every line is a refund" in refused(engine.table(table), refunds=refunds)


def test_nothing_left_is_refused(engine):
    """All rows are left out on request: there is no table to hand out."""
    table = shop(day=["2024-01-05"] * 3, paid=[0.0, 0.0, 0.0])
    said = {"zero_orders": "drop", "duplicates": "keep"}
    assert "nothing is left" in refused(engine.table(table), **said)


def test_where_every_row_is_incomplete_it_is_said_what_would_read_them(engine):
    """A footer asks for incomplete="drop", by which dates of another format would all go."""
    table = shop(
        who=["A", "B", "Total"], day=["1/20/26 6:41", "1/21/26 6:00", ""], paid=[1.0, 2, 3]
    )
    said = {"incomplete": "drop", "duplicates": "keep"}
    told = refused(engine.table(table), **said)
    assert "nothing is left" in told
    assert "unreadable date: 2 rows" in told
    assert "say date_format=" in told
    roles = {"customer_id": "who", "date": "day", "sales": "paid"}
    said["date_format"] = "%m/%d/%y %H:%M"
    with pytest.warns(rt.RetentionWarning, match="1 row of 3 left out"):
        read = rt.as_transactions(engine.table(table), **roles, **said)
    assert sorted(engine.read(read)["sales"]) == [1.0, 2.0]


@pytest.mark.parametrize("amount", [1e300, float("inf"), -float("inf"), -2e15])
def test_what_is_no_money_is_refused(engine, amount):
    """Infinite, or beyond 1e15."""
    table = shop(day=["2024-01-05"] * 3, paid=[1.0, amount, 2.0])
    message = refused(engine.table(table), refunds="net")
    assert "infinite or too large sales: 1 row" in message


def test_a_product_may_be_too_large():
    """The amount that counts is quantity times price."""
    names = {"customer_id": "who", "date": "day", "quantity": "n", "unit_price": "price"}
    table = shop(n=[1, 10**9, 1], price=[1.0, 1e9, 1.0])
    with pytest.raises(rt.ContentError, match="too large sales: 1 row, first in row 1: 1e\\+18"):
        rt.as_transactions(table, **names)


def test_a_missing_column_is_refused_with_the_nearest_name(engine):
    """The message knows what was probably meant."""
    table = engine.table(shop(day=["2024-01-05"] * 3))
    with pytest.raises(rt.ColumnError, match="customer_id names 'Whom'.*Did you mean 'who'"):
        rt.as_transactions(table, customer_id="Whom", date="day", sales="paid")
    with pytest.raises(rt.ColumnError, match="keep names 'paidd'.*Did you mean 'paid'"):
        rt.as_transactions(table, **NAMES, keep="paidd")


def test_an_oddly_cased_header_is_found_where_only_one_column_can_be_meant():
    """As files come out of other systems: CUSTOMERID for CustomerID."""
    table = shop(day=["2024-01-05"] * 3).rename(columns={"who": " WHO"})
    assert len(rt.as_transactions(table, **NAMES)) == 3
    with pytest.raises(rt.ColumnError, match="customer_id names 'who'"):
        rt.as_transactions(table.assign(Who=1), **NAMES)


def test_a_kept_column_may_not_hide_one_of_ours():
    """`sales` means one thing in a table of transactions."""
    with pytest.raises(rt.ColumnError, match="say as_transactions\\(..., profit=...\\)"):
        rt.as_transactions(shop(profit=[1, 2, 3]), **NAMES, keep=["profit"])
    with pytest.raises(rt.ColumnError, match="keep names a column twice"):
        rt.as_transactions(shop(region=[1, 2, 3]), **NAMES, keep=["region", "region"])


def test_duplicate_column_names_are_refused():
    """Which of the two would be meant?"""
    table = pd.DataFrame([[1, 2, 3]], columns=["who", "day", "day"])
    with pytest.raises(rt.ColumnError, match="two columns are named 'day'"):
        rt.as_transactions(table, **NAMES)


def test_what_is_no_table_is_refused():
    """A dictionary is none."""
    with pytest.raises(rt.TableError, match="got builtins.dict"):
        rt.as_transactions({"who": [1]}, **NAMES)


@pytest.mark.parametrize(
    "said",
    [
        {"sales": "paid", "quantity": "n", "unit_price": "p"},
        {"quantity": "n"},
        {},
        {"sales": "paid", "profit": "p", "cost": "n"},
    ],
)
def test_money_is_said_in_one_way(said):
    """Sales, or quantity and unit price; profit or cost."""
    table = shop(n=[1, 1, 1], p=[1.0, 1.0, 1.0])
    with pytest.raises(rt.RetentionError, match="Say"):
        rt.as_transactions(table, customer_id="who", date="day", **said)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"refunds": "yes"}, "refunds must be one of 'error', 'net', 'drop'; got 'yes'"),
        ({"duplicates": True}, "duplicates must be one of"),
        ({"zero_orders": "net"}, "zero_orders must be one of"),
        ({"decimal": ";"}, "decimal must be one of '.', ','"),
        ({"day_first": "yes"}, "day_first must be True or False"),
        ({"date_format": "epoch"}, "date_format must be one of"),
        ({"date_format": "%Q"}, "known are %Y"),
        ({"tz": "Berlin"}, "IANA time zone such as 'Europe/Berlin'"),
        ({"as_of": "soon"}, "as_of must be a day"),
    ],
)
def test_a_keyword_out_of_range_is_refused(said, match):
    """With its choices."""
    with pytest.raises(rt.RetentionError, match=match):
        rt.as_transactions(shop(day=["2024-01-05"] * 3), **NAMES, **said)


def test_columns_that_hold_no_dates_or_amounts_are_refused():
    """A flag is neither."""
    with pytest.raises(rt.ColumnError, match="date: column 'day' holds Boolean, not dates"):
        rt.as_transactions(shop(day=[True, False, True]), **NAMES)
    with pytest.raises(rt.ColumnError, match="sales: column 'paid' holds Boolean, not amounts"):
        rt.as_transactions(shop(paid=[True, False, True]), **NAMES)


@pytest.mark.parametrize("said", [{"customer_id": None}, {"date": 3}, {"keep": [7]}])
def test_a_column_name_is_text(said):
    """None and numbers are refused with the argument that was given them."""
    argument = next(iter(said))
    with pytest.raises(rt.ColumnError, match=f"{argument} must be the name of a column, as text"):
        rt.as_transactions(shop(), **{**NAMES, **said})

"""Text becomes values: amounts and dates as people write them, and what the user is asked."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import KINDS

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
LET_IN = {"refunds": "net", "zero_orders": "count"}


def read(engine, values, role, **said):
    """What becomes of each value of a column: its reading, or the reason it is set aside."""
    table = pd.DataFrame({"who": range(len(values)), "day": "2024-01-01", "paid": "1.5"})
    table[{"sales": "paid", "date": "day"}[role]] = pd.Series(values)
    audit = rt.audit(rt.as_transactions, engine.table(table), **NAMES, **LET_IN, **said)
    good = engine.read(audit.accepted).set_index("customer_id")[role].to_dict()
    bad = engine.read(audit.set_aside).set_index("who")["reason"].to_dict()
    return {value: good.get(i, bad.get(i)) for i, value in enumerate(values)}


def expect(engine, expected, role, **said):
    """Each value reads as expected."""
    assert read(engine, list(expected), role, **said) == expected


def times(expected):
    """The expected days and times as pandas has them; reasons stay."""
    return {
        value: pd.Timestamp(text) if text[0].isdigit() else text for value, text in expected.items()
    }


# --- amounts


def test_amounts_with_a_decimal_point_are_read(engine):
    """Currency signs and codes, thousands separators, accounting negatives, exponents."""
    amounts = {
        "5": 5.0,
        "1,234.50": 1234.5,
        "£1,234.50": 1234.5,
        "-£12.50": -12.5,
        "£-12.51": -12.51,
        "(12.50)": -12.5,
        "12.50-": -12.5,
        "+7.5": 7.5,
        "GBP 12.50": 12.5,
        "1,234,567": 1234567.0,
        "1'234.50": 1234.5,
        "1 234.50": 1234.5,
        "1\u00a0234.51": 1234.51,
        "  8.25 ": 8.25,
        ".5": 0.5,
        "5.": 5.0,
        "1e3": 1000.0,
        "1.5E-05": 1.5e-05,
        "−3.5": -3.5,
        "1,234": 1234.0,
    }
    expect(engine, amounts, "sales")
    expect(engine, {"12.50 EUR": 12.5, "EUR 7.25": 7.25}, "sales")
    expect(engine, {"US$ 1,000.01": 1000.01, "1,234.50 US$": 1234.5}, "sales")
    expect(engine, {"($12.51)": -12.51, "$1.50": 1.5}, "sales")


def test_amounts_with_a_decimal_comma_are_read(engine):
    """One value that allows only one reading decides for the ambiguous ones."""
    amounts = {
        "1.234,50": 1234.5,
        "1 234,50": 1234.5,
        "12,5": 12.5,
        "1.234.567": 1234567.0,
        "0,125": 0.125,
        "1.234": 1234.0,
        "-7,25 €": -7.25,
        "5": 5.0,
    }
    expect(engine, amounts, "sales")


def test_what_is_no_number_is_set_aside(engine):
    """Nothing is guessed from a text that holds a number among other things."""
    texts = [
        "12%",
        "1..2",
        "--5",
        "(5",
        "5 6",
        "1 2345",
        "SKU 12",
        "1.2.3",
        "$",
        "inf",
        "1-2",
    ]
    broken = dict.fromkeys(texts, "sales that is not a number")
    missing = dict.fromkeys(["", "nan", "N/A", None], "missing sales")
    large = dict.fromkeys(["1e300", "1e999", "1" * 20], "infinite or too large sales")
    expect(engine, {**broken, **missing, **large, "1.5": 1.5}, "sales")


def test_an_ambiguous_decimal_sign_is_asked_about(engine):
    """1,234 may be a thousand or a little more than one."""
    values = {"1,234": "ambiguous sales", "5,678": "ambiguous sales", "2": 2.0}
    expect(engine, values, "sales")
    expect(engine, {"1,234": 1234.0, "2": 2.0}, "sales", decimal=".")
    expect(engine, {"1,234": 1.234, "2": 2.0}, "sales", decimal=",")


def test_contradicting_decimal_signs_are_asked_about(engine):
    """12.5 and 12,5 in one column: a word decides, and the other reading is no number."""
    values = {"12.5": "ambiguous sales", "12,5": "ambiguous sales", "2": 2.0}
    expect(engine, values, "sales")
    said = {"12.5": 12.5, "12,5": "sales that is not a number", "2": 2.0}
    expect(engine, said, "sales", decimal=".")


def test_the_refusal_of_ambiguous_amounts_names_the_first_and_the_keyword():
    """The user is told what to say."""
    table = pd.DataFrame({"who": [1, 2], "day": ["2024-01-01"] * 2, "paid": ["7", "1,234"]})
    with pytest.raises(rt.ContentError, match="first in row 1: '1,234'.*decimal=','"):
        rt.as_transactions(table, **NAMES)


@given(st.decimals(-(10**9), 10**9, places=2))
def test_any_amount_survives_being_written(amount):
    """In English and in German, with every thousands separator."""
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    table = pd.DataFrame({"who": [1], "day": ["2024-01-01"], "paid": [english]})
    for text, decimal in ((english, "."), (german, ","), (english.replace(",", " "), ".")):
        said = {**LET_IN, "refunds": "net", "decimal": decimal}
        audit = rt.audit(rt.as_transactions, table.assign(paid=[text]), **NAMES, **said)
        assert audit.accepted["sales"].tolist() == [float(amount)]


# --- dates as text


def test_dates_are_read_as_people_write_them(engine):
    """ISO, slashes and dots, compact, English month names, and times of day."""
    dates = {
        "2024-02-29": "2024-02-29",
        "2024-2-9": "2024-02-09",
        "2024/12/31": "2024-12-31",
        "20240229": "2024-02-29",
        "2024-02-29 13:05": "2024-02-29 13:05",
        "2024-02-29T13:05:59": "2024-02-29 13:05:59",
        "2024-02-29 13:05:59.123456": "2024-02-29 13:05:59",
        "8 Nov 2016": "2016-11-08",
        "Nov 8, 2016": "2016-11-08",
        "08-NOV-2016": "2016-11-08",
        "September 8th, 2016 9:30": "2016-09-08 09:30",
        "2024-02-29 1:05 PM": "2024-02-29 13:05",
        "2024-02-29 12:05 am": "2024-02-29 00:05",
        " 2024-03-01\u00a0": "2024-03-01",
        "1950-01-01": "1950-01-01",
        "13/04/2024": "2024-04-13",
        "1/4/2024 9:05": "2024-04-01 09:05",
        "05.04.2024": "2024-04-05",
    }
    expect(engine, times(dates), "date")


def test_dates_of_one_width_are_read(engine):
    """The quick way through a column that is written alike throughout."""
    for dates in (
        {"2024-02-29 13:05:59": "2024-02-29 13:05:59", "1999-12-31 00:00:00": "1999-12-31"},
        {"29/02/2024": "2024-02-29", "01/12/2024": "2024-12-01", "2024-01-02": "2024-01-02"},
        {"04-13-2024 23:59": "2024-04-13 23:59", "04-05-2024 00:01": "2024-04-05 00:01"},
        {"20240229": "2024-02-29", "20230229": "date that does not exist", "": "missing date"},
    ):
        expect(engine, times(dates), "date")


def test_what_is_no_date_is_set_aside(engine):
    """Each with what is wrong: not there, not readable, or not in the calendar."""
    absent = ["2023-02-30", "2023-13-01", "2024-02-29 25:00", "0001-01-01", "99/99/2024"]
    unreadable = ["hello", "12/13/24", "3 Foo 2024", "2024-01-01 10:00 XM"]
    missing = ["", "NaT", "nan", None]
    dates = {
        **dict.fromkeys(absent, "date that does not exist"),
        **dict.fromkeys(unreadable, "unreadable date"),
        **dict.fromkeys(missing, "missing date"),
        "2024-01-01": "2024-01-01",
    }
    expect(engine, times(dates), "date")


def test_day_or_month_first_is_asked_where_nothing_decides(engine):
    """03/04/2024 may be in March or in April; 05/05/2024 is the same day either way."""
    dates = {"03/04/2024": "ambiguous date", "05/05/2024": "2024-05-05", "2024-01-31": "2024-01-31"}
    expect(engine, times(dates), "date")
    said = {"03/04/2024": "2024-04-03", "04/13/2024": "date that does not exist"}
    expect(engine, times(said), "date", day_first=True)
    said = {"03/04/2024": "2024-03-04", "13/04/2024": "date that does not exist"}
    expect(engine, times(said), "date", day_first=False)


def test_one_date_decides_for_all(engine):
    """If it allows only one reading and none contradicts."""
    expect(engine, times({"03/04/2024": "2024-04-03", "13/04/2024": "2024-04-13"}), "date")
    expect(engine, times({"03/04/2024": "2024-03-04", "04/13/2024": "2024-04-13"}), "date")


def test_mixed_formats_are_refused_with_one_of_each(engine):
    """Where some dates are day first and others month first, the rest could be either."""
    dates = ["13/04/2024", "04/14/2024", "03/04/2024"]
    expect(engine, dict.fromkeys(dates, "ambiguous date"), "date")
    table = pd.DataFrame({"who": [1, 2, 3], "day": dates, "paid": 1.0})
    with pytest.raises(
        rt.ContentError, match="'13/04/2024' can only be day.*'04/14/2024' only month"
    ):
        rt.as_transactions(engine.table(table), **NAMES)


def test_the_refusal_of_ambiguous_dates_names_the_first_and_the_keyword():
    """The user is told what to say."""
    days = ["2024-01-31", "05/05/2024", "03/04/2024"]
    table = pd.DataFrame({"who": [1, 2, 3], "day": days, "paid": 1.0})
    with pytest.raises(rt.ContentError, match="first in row 2: '03/04/2024'.*day_first=True"):
        rt.as_transactions(table, **NAMES)


def test_a_format_overrides(engine):
    """With two-digit years, weekdays, halves of the day, digits without separators."""
    dates = {"29.02.24": "2024-02-29", "31.12.69": "1969-12-31", "29.02.2024": "unreadable date"}
    expect(engine, times(dates), "date", date_format="%d.%m.%y")
    dates = {"Tue 08-Nov-2016 03:05 PM": "2016-11-08 15:05", "": "missing date"}
    expect(engine, times(dates), "date", date_format="%a %d-%b-%Y %I:%M %p")
    dates = {"08112016": "2016-11-08", "8112016": "unreadable date"}
    expect(engine, times(dates), "date", date_format="%d%m%Y")
    dates = {"8/11/2016|07:05:09": "2016-11-08 07:05:09"}
    expect(engine, times(dates), "date", date_format="%d/%m/%Y|%T")


@pytest.mark.filterwarnings("ignore:.*dates before 1900 or after 2199")
@given(st.dates(dt.date(1000, 1, 1), dt.date(9999, 12, 31)))
def test_any_day_survives_being_written(day):
    """In each of the ways that are read, from the year 1000 to 9999."""
    ways = ["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d %B %Y", "%b %d, %Y", "%Y/%m/%d 00:00:00"]
    texts = [
        day.strftime(way).replace(str(day.year).zfill(4), f"{day:%Y}".zfill(4)) for way in ways
    ]
    table = pd.DataFrame({"who": range(len(ways)), "day": texts, "paid": 1.0})
    answer = rt.as_transactions(table, **NAMES, day_first=True)
    assert set(answer["date"]) == {pd.Timestamp(day).as_unit("us")}


# --- dates as numbers


def test_whole_numbers_are_dates_by_a_format(engine):
    """19970101, also where missing ones made them floats."""
    dates = {19970101: "1997-01-01", 19970230: "date that does not exist", 5: "unreadable date"}
    expect(engine, times(dates), "date", date_format="%Y%m%d")
    dates = {19970101.0: "1997-01-01", None: "missing date"}
    expect(engine, times(dates), "date", date_format="%Y%m%d")


@pytest.mark.parametrize(
    ("unit", "dates"),
    [
        ("epoch_s", {0: "1970-01-01", 86399: "1970-01-01 23:59:59", -1: "1969-12-31 23:59:59"}),
        ("epoch_ms", {1709211900123: "2024-02-29 13:05:00", 10**17: "date that does not exist"}),
        ("epoch_us", {1709211900000001: "2024-02-29 13:05:00"}),
        ("epoch_ns", {1709211900123000000: "2024-02-29 13:05:00"}),
        ("excel", {45351.5: "2024-02-29 12:00", 45351.0: "2024-02-29", None: "missing date"}),
        ("excel", {"45351": "2024-02-29", "x": "unreadable date", "": "missing date"}),
    ],
)
def test_numbers_are_dates_once_their_unit_is_said(engine, unit, dates):
    """Since 1970, or as spreadsheets count days."""
    expect(engine, times(dates), "date", date_format=unit)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([19970101, 19980630], "date_format='%Y%m%d' (19970101 to 19980630)"),
        ([1709211900, 1709298300], "date_format='epoch_s' (2024-02-29 to 2024-03-01)"),
        ([45351.0, 45352.5], "date_format='excel' (2024-02-29 to 2024-03-01)"),
    ],
)
def test_numbers_without_a_unit_are_refused_with_the_choices_that_fit(engine, numbers, said):
    """Which decade they would fall in tells most units apart, but it is for the user to say."""
    table = pd.DataFrame({"who": [1, 2], "day": numbers, "paid": 1.0})
    with pytest.raises(rt.ContentError) as caught:
        rt.as_transactions(engine.table(table), **NAMES)
    assert "ambiguous date: 2 rows" in str(caught.value)
    assert said in str(caught.value)


# --- time zones


def instants(zone):
    """A summer and a winter moment that fall on different days in Berlin and in UTC."""
    moments = pd.to_datetime(["2024-01-01 23:30", "2024-07-01 22:30"]).tz_localize("UTC")
    local = moments.tz_convert(zone).as_unit("us")
    return pd.DataFrame({"who": [1, 2], "day": local, "paid": [1.0, 2.0]})


BERLIN = [pd.Timestamp("2024-01-02 00:30"), pd.Timestamp("2024-07-02 00:30")]


def test_moments_are_asked_in_whose_days_they_count(engine):
    """A purchase at half past midnight in Berlin was yesterday in UTC."""
    with pytest.raises(rt.ColumnError, match="carry the time zone .*tz='Europe/Berlin'"):
        rt.as_transactions(engine.table(instants("UTC")), **NAMES)


def test_moments_become_local_times_where_the_engine_can(engine):
    """DuckDB, Spark and Ibis keep the zone in their session: they are told how to set it."""
    table = engine.table(instants("America/New_York"))
    if engine.name in ("duckdb", "ibis", "spark"):
        with pytest.raises(rt.ColumnError, match="SET TimeZone = 'Europe/Berlin'"):
            rt.as_transactions(table, **NAMES, tz="Europe/Berlin")
    else:
        answer = engine.read(rt.as_transactions(table, **NAMES, tz="Europe/Berlin"), order=["date"])
        assert answer["date"].tolist() == BERLIN


def test_duckdb_gives_local_times_in_the_zone_of_its_session():
    """One statement on the connection is all it takes."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Europe/Berlin'")
    answer = rt.as_transactions(connection.from_df(instants("UTC")), **NAMES, tz="Europe/Berlin")
    assert sorted(answer.df()["date"]) == BERLIN


@pytest.mark.parametrize("engine", KINDS, indirect=True)  # Spark's all have the session's zone
def test_local_times_take_no_zone(engine):
    """Which zone they would be converted from is not known."""
    table = instants("UTC").assign(day=lambda t: t["day"].dt.tz_localize(None))
    with pytest.raises(rt.ColumnError, match="carry no time zone"):
        rt.as_transactions(engine.table(table), **NAMES, tz="UTC")


def test_texts_with_offsets_become_local_times(engine):
    """Also across the night the clocks change; a day without a time is a day everywhere."""
    dates = {
        "2024-01-01T23:30:00Z": "2024-01-02 00:30",
        "2024-07-01T23:30:00+00:00": "2024-07-02 01:30",
        "2024-07-01 23:30:00+0200": "2024-07-01 23:30",
        "2024-03-31 00:59:59Z": "2024-03-31 01:59:59",
        "2024-03-31 01:00:00Z": "2024-03-31 03:00",
        "2024-05-05 10:00-05:30": "2024-05-05 17:30",
        "2024-05-05": "2024-05-05",
        "2024-05-05 10:00": "ambiguous date",
    }
    expect(engine, times(dates), "date", tz="Europe/Berlin")


def test_texts_with_offsets_are_asked_in_whose_days_they_count(engine):
    """Mixed time zones have no common calendar until one is named."""
    dates = {"2024-01-01T23:30:00+05:00": "ambiguous date", "2024-05-05 10:00": "2024-05-05 10:00"}
    expect(engine, times(dates), "date")
    table = pd.DataFrame({"who": [1], "day": ["2024-01-01T23:30:00+05:00"], "paid": [1.0]})
    with pytest.raises(rt.ContentError, match="say in whose days they count, such as tz='UTC'"):
        rt.as_transactions(engine.table(table), **NAMES)


def test_python_objects_of_mixed_zones_are_read_once_a_zone_is_named():
    """pandas keeps them as objects; their text tells the offset."""
    moments = [
        dt.datetime(2024, 1, 1, 23, 30, tzinfo=ZoneInfo("UTC")),
        dt.datetime(2024, 7, 2, 1, 30, tzinfo=ZoneInfo("Asia/Kolkata")),
    ]
    table = pd.DataFrame({"who": [1, 2], "day": pd.Series(moments, dtype=object), "paid": 1.0})
    with pytest.raises(rt.ContentError, match="ambiguous date: 2 rows"):
        rt.as_transactions(table, **NAMES)
    answer = rt.as_transactions(table, **NAMES, tz="Europe/Berlin")
    assert answer["date"].tolist() == [BERLIN[0], pd.Timestamp("2024-07-01 22:00")]


def test_a_format_with_an_offset_needs_a_zone_and_only_that():
    """Each without the other makes no sense."""
    table = pd.DataFrame({"who": [1], "day": ["2024-01-01 23:30 +0100"], "paid": 1.0})
    said = {"date_format": "%Y-%m-%d %H:%M %z"}
    with pytest.raises(rt.RetentionError, match="%z, and only there"):
        rt.as_transactions(table, **NAMES, **said)
    answer = rt.as_transactions(table, **NAMES, **said, tz="UTC")
    assert answer["date"].tolist() == [pd.Timestamp("2024-01-01 22:30")]
    with pytest.raises(rt.RetentionError, match="local days: leave tz out"):
        rt.as_transactions(table.assign(day=45351), **NAMES, date_format="excel", tz="UTC")


def test_seconds_since_1970_are_counted_in_utc_and_told_in_a_zone(engine):
    """1709249400 is half past eleven at night in Greenwich, and the next day in Berlin."""
    expect(engine, times({1709249400: "2024-02-29 23:30"}), "date", date_format="epoch_s")
    said = {"date_format": "epoch_s", "tz": "Europe/Berlin"}
    expect(engine, times({1709249400: "2024-03-01 00:30"}), "date", **said)


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2035, 1, 1)))
def test_local_times_agree_with_pythons_zones(moment):
    """Whatever the season, in a zone with changing clocks on the southern half of the earth."""
    moment = moment.replace(microsecond=0)
    table = pd.DataFrame({"who": [1], "day": [f"{moment:%Y-%m-%dT%H:%M:%S}Z"], "paid": 1.0})
    answer = rt.as_transactions(table, **NAMES, tz="Australia/Sydney")
    local = moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo("Australia/Sydney"))
    assert answer["date"].tolist() == [pd.Timestamp(local.replace(tzinfo=None))]


# --- typed columns


def test_days_stay_days(engine):
    """A column of dates has no time of day to keep."""
    table = pd.DataFrame({"who": [1], "day": [dt.date(2024, 2, 29)], "paid": 1.0})
    answer = rt.as_transactions(engine.table(table), **NAMES)
    assert engine.read(answer)["date"].tolist() == [pd.Timestamp("2024-02-29")]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_come_out_in_microseconds(unit):
    """Whatever they were stored in."""
    days = pd.Series(pd.to_datetime(["2024-02-29 13:05"])).dt.as_unit(unit)
    answer = rt.as_transactions(pd.DataFrame({"who": [1], "day": days, "paid": 1.0}), **NAMES)
    assert answer["date"].dtype == "datetime64[us]"


def test_decimals_become_floats(engine):
    """Databases give money as decimals."""
    from decimal import Decimal

    table = pd.DataFrame(
        {"who": [1, 2], "day": "2024-02-29", "paid": [Decimal("1.25"), Decimal("2")]}
    )
    answer = engine.read(rt.as_transactions(engine.table(table), **NAMES), order=["sales"])
    assert answer["sales"].tolist() == [1.25, 2.0]
    assert answer["sales"].dtype == "float64"

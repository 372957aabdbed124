"""Times without an offset whose zone is known: `from_tz=`, at every door and on every engine."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import KINDS
from retention.loading import as_contacts, as_outages

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
FROM_UTC = {"from_tz": "UTC", "tz": "Europe/Berlin"}
LATE = {  # half past eleven at night in Greenwich is the next day in Berlin
    "2024-01-01 23:30:00": "2024-01-02 00:30",
    "2024-07-01 22:30:00": "2024-07-02 00:30",
    "2024-03-31 00:59:59": "2024-03-31 01:59:59",
    "2024-03-31 01:00:00": "2024-03-31 03:00",
}


def file(*days):
    """Orders at those times."""
    return pd.DataFrame({"who": range(len(days)), "day": list(days), "paid": 1.0})


def dates(engine, table, **said):
    """The dates that a door makes of them, or why a row is set aside."""
    audit = rt.audit(rt.as_transactions, engine.table(table), **NAMES, **said)
    good = engine.read(audit.accepted).set_index("customer_id")["date"].map(pd.Timestamp).to_dict()
    bad = engine.read(audit.set_aside).set_index("who")["reason"].to_dict()
    return [good.get(i, bad.get(i)) for i in range(len(table))]


def twin(text, from_tz, tz):
    """Python's own zones, with the second of two hours that read the same."""
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(from_tz), fold=1)
    return pd.Timestamp(moment.astimezone(ZoneInfo(tz)).replace(tzinfo=None))


def test_text_without_an_offset_is_moved_to_the_zone_whose_days_count(engine):
    """Beside it, an offset that is written counts, and a day without a time is that day."""
    more = {"2024-05-05": "2024-05-05", "2024-07-01T23:30:00+02:00": "2024-07-01 23:30"}
    asked = LATE | more
    found = dates(engine, file(*asked), **FROM_UTC)
    assert found == [pd.Timestamp(text) for text in asked.values()]


@pytest.mark.parametrize("engine", KINDS, indirect=True)  # Spark's all have the session's zone
def test_times_without_a_zone_are_moved_to_the_zone_whose_days_count(engine):
    """Also where the engine keeps the zone in its session; what is missing stays so."""
    table = file(*LATE, None)
    table["day"] = pd.to_datetime(table["day"])
    found = dates(engine, table, **FROM_UTC)
    assert found == [*(pd.Timestamp(text) for text in LATE.values()), "missing date"]


def test_a_format_without_an_offset_is_moved_too(engine):
    """As PayPal and GA4 write them."""
    table = file(*(f"{pd.Timestamp(text):%d.%m.%Y %H:%M:%S}" for text in LATE))
    found = dates(engine, table, **FROM_UTC, date_format="%d.%m.%Y %H:%M:%S")
    assert found == [pd.Timestamp(text) for text in LATE.values()]


def test_days_of_a_format_without_a_time_stay():
    """A day is that day everywhere."""
    made = rt.as_transactions(file("05.03.2024"), **NAMES, **FROM_UTC, date_format="%d.%m.%Y")
    assert made["date"].tolist() == [pd.Timestamp("2024-03-05")]


def test_spreadsheet_numbers_are_moved_once_their_zone_is_said(engine):
    """45351.979166… is half past eleven at night on 2024-02-29."""
    found = dates(engine, file(45351.0 + 23.5 / 24), **FROM_UTC, date_format="excel")
    assert found == [pd.Timestamp("2024-03-01 00:30")]


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2035, 1, 1)))
def test_moved_times_agree_with_pythons_zones(moment):
    """From a zone with changing clocks to one on the other half of the earth; gaps are no time."""
    text, zones = f"{moment:%Y-%m-%d %H:%M:%S}", {"from_tz": "America/New_York"}
    zones["tz"] = "Australia/Lord_Howe"  # half an hour is put back there
    wall = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York"))
    skipped = wall.astimezone(dt.UTC).astimezone(wall.tzinfo).replace(tzinfo=None) != (
        wall.replace(tzinfo=None)
    )
    table = file(text, "2024-05-05 10:00:01")
    audit = rt.audit(rt.as_transactions, table, **NAMES, **zones)
    assert len(audit.set_aside) == int(skipped)
    if not skipped:
        assert audit.accepted["date"].iloc[0] == twin(text, **zones)


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("engine", KINDS, indirect=True)
def test_an_hour_that_never_was_does_not_exist_and_one_that_came_twice_is_the_second(engine, typed):
    """2024-03-10 02:30 was skipped in New York; 2024-11-03 01:30 came at 5:30 and 6:30 in UTC."""
    table = file("2024-03-10 02:30:00", "2024-11-03 01:30:00", "2024-11-03 00:59:59")
    if typed:
        table["day"] = pd.to_datetime(table["day"])
    found = dates(engine, table, from_tz="America/New_York", tz="UTC")
    assert found == [
        "date that does not exist",
        pd.Timestamp("2024-11-03 06:30"),
        pd.Timestamp("2024-11-03 04:59:59"),
    ]


@pytest.mark.parametrize("typed", [False, True])
def test_an_hour_that_came_twice_on_two_days_is_asked_about(engine, typed):
    """5:30 and 6:30 in UTC are 23:30 and 00:30 in Denver."""
    if typed and engine.name == "spark":
        pytest.skip("Spark's times have the zone of the session")
    table = file("2024-11-03 01:30:00", "2024-11-03 02:30:00")
    if typed:
        table["day"] = pd.to_datetime(table["day"])
    said = {"from_tz": "America/New_York", "tz": "America/Denver"}
    assert dates(engine, table, **said) == ["ambiguous date", pd.Timestamp("2024-11-03 01:30")]
    with pytest.raises(rt.ContentError, match="of America/New_York was put back.*two days of tz"):
        rt.as_transactions(engine.table(table), **NAMES, **said)


@pytest.mark.parametrize("written", ["text", "times", "excel"])
def test_days_as_midnights_are_not_moved_in_silence(written):
    """Midnight in Greenwich is the evening before in New York; the advice works both ways."""
    table = file("2024-03-01 00:00:00", "2024-03-02 00:00:00")
    said = {"date_format": "excel"} if written == "excel" else {}
    if written != "text":
        table["day"] = pd.to_datetime(table["day"])
    if written == "excel":
        table["day"] = [45352.0, 45353.0]
    with pytest.raises(rt.ColumnError, match="is midnight, as if they were days") as refusal:
        rt.as_transactions(table, **NAMES, **said, from_tz="UTC", tz="America/New_York")
    assert ".dt.tz_localize('UTC')" in str(refusal.value)
    assert rt.as_transactions(table, **NAMES, **said)["date"].tolist() == [
        pd.Timestamp("2024-03-01"),
        pd.Timestamp("2024-03-02"),
    ]
    if written == "times":
        table["day"] = table["day"].dt.tz_localize("UTC")
        moved = rt.as_transactions(table, **NAMES, tz="America/New_York")
        assert moved["date"].tolist()[0] == pd.Timestamp("2024-02-29 19:00")


def test_the_refusals_of_times_without_an_offset_name_the_keyword_that_reads_them():
    """Of text, of times, of a format, of spreadsheet numbers; what they say works."""
    text, moments = file(*LATE), file(*map(pd.Timestamp, LATE))
    formatted, number = {"date_format": "%Y-%m-%d %H:%M:%S"}, {"date_format": "excel"}
    serial = file(45351.5)
    for table, said in [(text, {}), (moments, {}), (text, formatted), (serial, number)]:
        with pytest.raises(rt.RetentionError, match="such as `?from_tz='UTC'"):
            rt.as_transactions(table, **NAMES, **said, tz="Europe/Berlin")
        rt.as_transactions(table, **NAMES, **said, tz="Europe/Berlin", from_tz="UTC")


def test_a_zone_to_come_from_needs_one_to_go_to():
    """And must be one."""
    with pytest.raises(rt.RetentionError, match="such as `?tz='Europe/Berlin'"):
        rt.as_transactions(file(*LATE), **NAMES, from_tz="UTC")
    with pytest.raises(rt.RetentionError, match="from_tz must be an IANA time zone"):
        rt.as_transactions(file(*LATE), **NAMES, tz="UTC", from_tz="Berlin")


@pytest.mark.parametrize("typed", [False, True])
def test_hours_are_those_that_passed_where_the_clock_they_are_written_in_changes(typed):
    """From 00:30 to 03:30 in New York it was two hours on the night clocks were put forward."""
    frame = pd.DataFrame(
        {"who": ["Ann"], "called": "2024-03-10 00:30:00", "solved": "2024-03-10 03:30:00"}
    )
    if typed:
        frame = frame.assign(
            called=pd.to_datetime(frame["called"]), solved=pd.to_datetime(frame["solved"])
        )
    found = as_contacts(
        frame.assign(answered=frame["solved"]),
        customer_id="who",
        date="called",
        first_response="answered",
        resolved="solved",
        from_tz="America/New_York",
        tz="Europe/Berlin",
    )
    assert found["resolution_hours"].tolist() == [2.0]
    assert found["date"].tolist() == [pd.Timestamp("2024-03-10 06:30")]
    down = as_outages(
        frame, start="called", end="solved", from_tz="America/New_York", tz="Europe/Berlin"
    )
    assert (down["end"] - down["start"]).tolist() == [pd.Timedelta("2h")]


def test_an_end_that_stands_for_no_end_stays(engine):
    """9999-12-31 is no moment that a zone could move."""
    frame = pd.DataFrame(
        {
            "who": ["Ann"],
            "from": ["2024-01-01 23:30:00"],
            "until": ["9999-12-31 00:00:00"],
        }
    )
    said = {"customer_id": "who", "start": "from", "end": "until", "end_is": "last_day"}
    moved = rt.as_contracts(engine.table(frame), **said, from_tz="UTC", tz="America/New_York")
    kept = engine.read(rt.as_contracts(engine.table(frame), **said))
    assert engine.read(moved)["end"].tolist() == kept["end"].tolist()


def test_the_command_line_takes_it(tmp_path, capsys):
    """The purchase of New Year's night in Berlin is of 2024."""
    from retention.cli import main

    path = tmp_path / "orders.csv"
    file("2023-12-31 23:30:00", "2024-02-28 22:00:00", "2024-03-31 21:00:00").to_csv(
        path, index=False
    )
    said = [
        "--customer-id",
        "who",
        "--date",
        "day",
        "--sales",
        "paid",
        "--from-tz",
        "UTC",
        "--tz",
        "Europe/Berlin",
    ]
    main(["kpis", str(path), *said, "--freq", "month", "--as-of", "2024-03-31"])
    assert "2023-12" not in capsys.readouterr().out

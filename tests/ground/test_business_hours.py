"""Working hours: a calendar said once, by which answered and open contacts are both counted."""

from __future__ import annotations

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.business_hours import calendar_of
from retention.errors import ContentError, RetentionError, RetentionWarning

WEEK = {"mon-fri": "09:00-17:00", "tz": "Europe/Berlin", "holidays": ["2024-03-29", "2024-04-01"]}
TARGETS = {"first_response": 4, "resolution": 8}
SHIFTS = {"mon,wed": ["08:00-12:00", "13:00-17:30"], "sat-sun": "00:00-24:00", "holidays": []}


def helpdesk(**columns):
    """Ann was answered within two working hours; Bob wrote on Friday evening and waits."""
    log = {
        "who": ["Ann", "Bob"],
        "asked": ["2024-03-04 09:00", "2024-03-08 16:00"],
        "answered": ["2024-03-04 11:00", ""],
        "solved": ["2024-03-04 12:00", ""],
        "hours": [2.0, None],
        "until_solved": [3.0, None],
    }
    return pd.DataFrame({**log, **columns})


NAMES = {"customer_id": "who", "date": "asked"}
TIMES = {"first_response": "answered", "resolved": "solved"}
HOURS = {"first_response_hours": "hours", "resolution_hours": "until_solved"}


def asked(contacts, engine=None, **more):
    """The first answers as they stood on Sunday evening."""
    kpis = rt.kpis.service_kpis(contacts, as_of="2024-03-10", targets=TARGETS, **more)
    frame = kpis if engine is None else engine.read(kpis)
    return frame[frame["figure"] == "first_response"].iloc[0]


def worked_by_the_minute(calendar, begin, end):
    """A twin: the minutes between two moments in which the desk is open, one by one."""
    n, minute = 0, begin.to_pydatetime()
    while minute < end:
        second = minute.hour * 3600 + minute.minute * 60
        off = (minute - datetime(1970, 1, 1)).days in calendar.holidays
        n += not off and any(a <= second < b for a, b in calendar.week[minute.weekday()])
        minute += timedelta(minutes=1)
    return n * 60


def worked(engine, calendar, moments):
    """What the calendar says on an engine, in seconds since the first moment."""
    seconds = [int((pd.Timestamp(m) - pd.Timestamp(0)).total_seconds()) for m in moments]
    frame = pd.DataFrame({"row": range(len(seconds)), "at": seconds})
    table = nw.from_native(engine.table(frame)).lazy()
    found = calendar.with_worked(table, "at", "worked").to_native()
    values = engine.read(found, order=["row"])["worked"].astype("int64")
    return (values - values[0]).tolist()


@pytest.mark.parametrize("said", [WEEK, SHIFTS], ids=["office", "shifts"])
def test_working_time_is_that_counted_minute_by_minute(engine, said):
    """Over nights, weekends, holidays and a leap day, from within and from outside the hours."""
    calendar = calendar_of(said)
    moments = ["2024-02-28 07:10", "2024-02-29 09:30", "2024-03-02 12:00", "2024-03-28 16:45"]
    moments += ["2024-03-29 10:00", "2024-04-01 17:00", "2024-04-03 12:30", "2024-04-06 23:59"]
    first, *_ = at = [pd.Timestamp(moment) for moment in moments]
    twin = [worked_by_the_minute(calendar, first, moment) for moment in at]
    assert worked(engine, calendar, moments) == twin


@given(
    at=st.lists(st.integers(-400_000, 900_000), min_size=2, max_size=2).map(sorted),
    opens=st.integers(0, 23),
    days=st.sampled_from(["mon", "tue-thu", "fri-mon", "sat,sun"]),
)
def test_any_two_moments_are_as_far_apart_as_the_twin_says(at, opens, days):
    """Before 1970 too."""
    calendar = calendar_of({days: f"{opens:02d}:00-24:00", "holidays": ["1970-01-05"]})
    begin, end = (pd.Timestamp(0) + pd.Timedelta(second // 60, "min") for second in at)
    seconds = [second // 60 * 60 for second in at]
    frame = nw.from_native(pd.DataFrame({"at": seconds})).lazy()
    found = calendar.with_worked(frame, "at", "worked").collect().to_native()["worked"]
    assert int(found[1] - found[0]) == worked_by_the_minute(calendar, begin, end)


@pytest.mark.parametrize("said", [WEEK, SHIFTS, {"fri-mon": "22:00-24:00"}])
def test_a_calendar_can_be_read_again_from_its_text(said):
    """In that form it stands beside the contacts."""
    assert calendar_of(str(calendar_of(said))) == calendar_of(said)


def test_answered_and_open_contacts_are_counted_by_one_calendar(engine):
    """Bob has waited for one working hour, not for 56: of his first four nothing is known yet.

    By the wall he would have been late, and the share within four hours one half.
    """
    table = engine.table(helpdesk())
    by_wall = asked(rt.as_contacts(table, **NAMES, **TIMES), engine)
    assert (by_wall["n_open"], by_wall["share"]) == (1, 0.5)
    for names in (TIMES, HOURS):
        row = asked(rt.as_contacts(table, **NAMES, **names, business_hours=WEEK), engine)
        assert (row["n_done"], row["n_open"], row["share"]) == (1, 1, 1.0)
        assert row["median_hours"] == 2.0


def test_a_contact_that_is_late_by_the_calendar_counts_as_late():
    """Written on Thursday at 16:00, by Sunday Bob has waited nine working hours: S(4) = ½."""
    log = helpdesk(asked=["2024-03-04 09:00", "2024-03-07 16:00"])
    contacts = rt.as_contacts(log, **NAMES, **TIMES, business_hours=WEEK)
    assert asked(contacts)["share"] == 0.5


def test_of_hours_whose_clock_nobody_said_nothing_is_known_while_contacts_are_open(engine):
    """The times are null, the counts stay, and one warning says what to write; both ways work."""
    table = engine.table(helpdesk())
    contacts = rt.as_contacts(table, **NAMES, **HOURS)
    with pytest.warns(
        RetentionWarning, match=r"2 open contacts .* business_hours='always'"
    ) as told:
        row = asked(contacts, engine)
    assert len(told) == 1
    assert (row["n_contacts"], row["n_done"], row["n_open"], row["n_good"]) == (2, 1, 1, 1)
    assert row[["median_hours", "p90_hours", "share", "lower", "upper"]].isna().all()
    assert row["bounds"] == "none"
    assert asked(contacts, engine, business_hours="always")["share"] == 0.5
    own = {"mon-fri": "09:00-17:30", "tz": "Europe/Berlin"}  # as the warning writes it
    assert asked(contacts, engine, business_hours=own)["share"] == 1.0


def test_where_no_contact_is_open_the_clock_does_not_matter():
    """Nothing is asked, nothing is null."""
    contacts = rt.as_contacts(helpdesk().head(1), **NAMES, **HOURS)
    assert asked(contacts)["share"] == 1.0


def test_only_segments_with_open_contacts_lose_their_times():
    """What is known stays."""
    contacts = rt.as_contacts(helpdesk(), **NAMES, **HOURS).assign(desk=["a", "b"])
    with pytest.warns(RetentionWarning, match="2 open contacts"):
        kpis = rt.kpis.service_kpis(contacts, as_of="2024-03-10", targets=TARGETS, by="desk")
    first = kpis[kpis["figure"] == "first_response"]
    assert first["share"].tolist()[0] == 1.0
    assert first["share"].isna().tolist() == [False, True]


def test_what_was_answered_outside_working_hours_took_none():
    """Asked on Saturday, answered on Sunday: at once, by that calendar; and it was answered."""
    log = helpdesk(
        asked=["2024-03-09 10:00", "2024-03-08 16:00"],
        answered=["2024-03-10 10:00", ""],
        solved=["2024-03-10 10:00", ""],
    )
    contacts = rt.as_contacts(log, **NAMES, **TIMES, business_hours=WEEK)
    row = asked(contacts)
    assert (row["n_contacts"], row["n_done"], row["median_hours"]) == (2, 1, 0.0)


def test_holidays_are_no_working_time():
    """Thursday 28 March 2024 at 16:00 to Tuesday 2 April at 10:00: over Easter, two hours."""
    log = helpdesk(
        asked=["2024-03-28 16:00"] * 2, answered=["2024-04-02 10:00", ""], solved=["", ""]
    )
    with_easter = rt.as_contacts(log, **NAMES, **TIMES, business_hours=WEEK)
    without = rt.as_contacts(log, **NAMES, **TIMES, business_hours={**WEEK, "holidays": []})
    assert with_easter["first_response_hours"][0] == 2.0
    assert without["first_response_hours"][0] == 18.0


def test_times_with_a_zone_are_counted_on_the_clock_of_the_desk():
    """08:00 UTC in March is 09:00 in Berlin, when the desk opens; in summer it is 10:00."""
    log = helpdesk(
        asked=["2024-03-04T08:00:00Z", "2024-04-08T08:00:00Z"],
        answered=["2024-03-04T10:00:00Z", "2024-04-08T16:00:00Z"],
        solved=["", ""],
    )
    berlin = {"tz": "Europe/Berlin", "business_hours": WEEK}
    contacts = rt.as_contacts(log, **NAMES, **TIMES, **berlin)
    assert contacts["first_response_hours"].tolist() == [2.0, 7.0]
    with pytest.raises(RetentionError, match="by the clock of Europe/Berlin.*say tz='Europe/Berl"):
        rt.as_contacts(log, **NAMES, **TIMES, tz="UTC", business_hours=WEEK)


def test_classes_of_service_go_by_the_same_calendar():
    """On 29 February Bob had waited an hour since the 29th at 16:00: open, not late."""
    orders = pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob", "Ann", "Bob"],
            "date": pd.to_datetime(["2024-02-01"] * 2 + ["2024-03-31"] * 2),
            "sales": 1.0,
        }
    )
    activity = rt.customer_periods(orders, freq="month", as_of="2024-03-31")
    log = helpdesk(
        asked=["2024-02-05 09:00", "2024-02-29 16:00"],
        answered=["2024-02-05 11:00", ""],
        solved=["2024-02-05 11:00", ""],
    )
    contacts = rt.as_contacts(log, **NAMES, **TIMES, business_hours=WEEK)
    found = rt.kpis.retention_by_service(contacts, activity, targets=TARGETS)
    assert dict(zip(found["service"], found["n_base"], strict=True))["open"] == 1
    by_wall = rt.as_contacts(log, **NAMES, **TIMES)
    found = rt.kpis.retention_by_service(by_wall, activity, targets=TARGETS)
    assert dict(zip(found["service"], found["n_base"], strict=True))["outside target"] == 1
    unknown = rt.as_contacts(log.assign(hours=2.0, until_solved=2.0), **NAMES, **HOURS)
    with pytest.raises(ContentError, match="Say business_hours='always'"):
        rt.kpis.retention_by_service(unknown, activity, targets=TARGETS)
    rt.kpis.retention_by_service(unknown, activity, targets=TARGETS, business_hours="always")


def test_contacts_say_their_clock_once():
    """A second one is refused, and so are contacts of two clocks in one table."""
    contacts = rt.as_contacts(helpdesk(), **NAMES, **TIMES, business_hours=WEEK)
    assert asked(contacts, business_hours=WEEK)["share"] == 1.0
    with pytest.raises(RetentionError, match="Leave it out here"):
        asked(contacts, business_hours="always")
    other = rt.as_contacts(helpdesk(), **NAMES, **TIMES, business_hours=SHIFTS)
    with pytest.raises(ContentError, match="differ from row to row"):
        asked(pd.concat([contacts, other]))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"monday-friday": "9-5"}, "'9-5' are no hours such as '09:00-17:30'"),
        ({"weekdays": "09:00-17:00"}, "'weekdays' is no day such as"),
        ({"mon": "22:00-06:00"}, "does not end after it begins"),
        ({"mon": "09:75-10:00"}, "does not end after it begins"),
        ({"mon": "09:00-25:00"}, "does not end after it begins"),
        ({"mon": ["09:00-12:00", "11:00-13:00"]}, "overlap"),
        ({"mon-wed": "09:00-12:00", "tue": "09:00-12:00"}, "'tue' is said twice"),
        ({"tz": "Europe/Berlin"}, "no day has hours"),
        ({"mon": "09:00-12:00", "tz": "Berlin"}, "tz 'Berlin' is no IANA zone"),
        ({"mon": "09:00-12:00", "holidays": 25}, "holidays must be a list of days"),
        ({"mon": "09:00-12:00", "holidays": ["25.12."]}, "a holiday must be a day such as"),
        ({"mon": 9}, "9 are no hours"),
        (8, "got 8"),
        ("never", "'never' is no day|are no hours"),
    ],
)
def test_a_calendar_that_cannot_be_understood_is_refused(said, why):
    """In one sentence that shows one that can."""
    with pytest.raises(RetentionError, match=why):
        calendar_of(said)

"""The doors for service contacts and for outages."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from retention.loading.doors.contacts import as_contacts
from retention.loading.doors.outages import as_outages
from retention.tables import CONTACTS, OUTAGES, require

NAMES = {"customer_id": "who", "date": "called"}
HOURS = {"first_response_hours": "answer", "resolution_hours": "solution"}
TIMES = {"first_response": "answered", "resolved": "solved"}


def log(**columns):
    """Three contacts: one solved, one solved to the customer's discontent, one still waiting."""
    known = {
        "who": ["Ann", "Bob", "Cem"],
        "called": ["2024-02-28 10:00", "2024-03-01 12:00:30", "2024-03-02"],
        "answered": ["2024-02-28 10:30", "2024-03-01 13:00:30", ""],
        "solved": ["2024-03-01 10:00", "2024-03-01 18:00:30", ""],
        "answer": [0.5, 1.0, None],
        "solution": [48.0, 6.0, None],
        "happy": ["yes", "no", ""],
    }
    return pd.DataFrame({**known, **columns})


def typed(frame):
    """The same with times that are times."""
    names = ("called", "answered", "solved")
    return frame.assign(
        **{c: pd.to_datetime(frame[c].replace("", None), format="ISO8601") for c in names}
    ).astype(dict.fromkeys(names, "datetime64[us]"))


def zone(engine, written="times"):
    """Spark's times carry the zone of its session."""
    return {"tz": "UTC"} if engine.name == "spark" and written == "times" else {}


@pytest.mark.parametrize("written", ["text", "times"])
def test_times_become_the_hours_since_the_contact(engine, written):
    """Whether they are said as times, in text or typed, or as hours, across a leap day too."""
    frame = log() if written == "text" else typed(log())
    table = engine.table(frame)
    from_times = as_contacts(table, **NAMES, **TIMES, **zone(engine, written))
    wall = {"business_hours": "always", **zone(engine, written)}
    from_hours = as_contacts(table, **NAMES, **HOURS, **wall)
    assert engine.is_mine(from_times)
    found = engine.read(from_times, order=["customer_id"])
    pd.testing.assert_frame_equal(found, engine.read(from_hours, order=["customer_id"]))
    names = ["customer_id", "date", *HOURS]
    assert list(require(from_times, CONTACTS).collect_schema()) == names
    assert found["resolution_hours"].fillna(-1).tolist() == [48.0, 6.0, -1]


def test_a_solution_that_did_not_content_is_none(engine):
    """Its hours stand apart, so that the contact is censored there; flags come as 1, 0 or null."""
    table = engine.table(log(right=["y", None, "FALSE"], parts=[1.0, None, 0.0]))
    more = {"right_first_time": "right", "parts_available": "parts", "keep": "answered"}
    contacts = as_contacts(table, **NAMES, **HOURS, satisfied="happy", **more)
    found = engine.read(contacts, order=["customer_id"])
    assert found["resolution_hours"].fillna(-1).tolist() == [48.0, -1, -1]
    assert found["unsatisfied_hours"].fillna(-1).tolist() == [-1, 6.0, -1]
    assert found["right_first_time"].fillna(-1).tolist() == [1, -1, 0]
    assert found["parts_available"].fillna(-1).tolist() == [1, -1, 0]
    assert list(found)[-1] == "answered"
    schema = require(contacts, CONTACTS).collect_schema()
    assert list(schema)[:-1] == list(CONTACTS.names)


def test_flags_may_be_true_and_false():
    """As a database or a spreadsheet gives them, with and without gaps."""
    for flags in (
        [True, False, True],
        pd.array([True, False, None], dtype="boolean"),
        pd.Series([True, False, None], dtype=object),
    ):
        found = as_contacts(log(flag=flags), **NAMES, **HOURS, right_first_time="flag")
        assert found["right_first_time"].tolist()[:2] == [1, 0]


@pytest.mark.parametrize(("unrated", "counts"), [("solved", True), ("unsatisfied", False)])
def test_what_no_rating_means_is_said(unrated, counts):
    """A solution that was not rated counts, or not; without a word it is refused."""
    frame = log(happy=["", "no", ""])
    found = as_contacts(frame, **NAMES, **HOURS, satisfied="happy", unrated=unrated)
    assert found["resolution_hours"].notna().tolist() == [counts, False, False]
    assert found["unsatisfied_hours"].notna().tolist() == [not counts, True, False]
    with pytest.raises(rt.ContentError, match="solution of unknown satisfaction: 1 row, .*unrated"):
        as_contacts(frame, **NAMES, **HOURS, satisfied="happy")


REFUSED = {
    "answer before the contact: 1 row": {"answer": [0.5, -1, None]},
    "solution before the contact: 1 row": {"solution": [-48.0, 6, None]},
    "solution before the first answer: 1 row": {"solution": [0.25, 6, None]},
    "solution without a first answer: 1 row": {"solution": [48.0, 6, 9]},
    "infinite or too large first_response_hours: 1 row": {"answer": [0.5, float("inf"), None]},
    "resolution_hours that is not a number: 1 row": {"solution": ["48", "6", "soon"]},
    "missing date: 1 row": {"called": ["2024-02-28", None, "2024-03-02"]},
    "satisfied that is neither yes nor no: 1 row": {"happy": ["yes", "4", ""]},
    "satisfied without a solution: 1 row": {"happy": ["yes", "no", "yes"]},
}


@pytest.mark.parametrize("problem", REFUSED)
def test_refuses_what_cannot_have_been(problem):
    """Each problem by its name, with how many rows there are of it."""
    with pytest.raises(rt.ContentError, match=problem):
        as_contacts(log(**REFUSED[problem]), **NAMES, **HOURS, satisfied="happy")


def test_refuses_times_in_the_wrong_order(engine):
    """A solution before the contact is a fault of the log, in whatever way it is said."""
    frame = typed(log(solved=["2024-03-01 10:00", "2024-02-29 18:00", ""]))
    with pytest.raises(rt.ContentError, match="solution before the contact: 1 row"):
        as_contacts(engine.table(frame), **NAMES, **TIMES, **zone(engine))


def test_repeated_rows_are_refused_unless_it_is_said_what_they_are(engine):
    """As at the other doors."""
    table = engine.table(pd.concat([log(), log().head(1)], ignore_index=True))
    with pytest.raises(rt.ContentError, match="exact duplicate line: 1 row"):
        as_contacts(table, **NAMES, **HOURS)
    found = as_contacts(table, **NAMES, **HOURS, duplicates="drop")
    assert len(engine.read(found)) == 3


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "Say either first_response= "),
        (HOURS | TIMES, "Say either first_response= "),
        ({**TIMES, "resolution_hours": "solution"}, "Say either resolved= "),
        ({**HOURS, "unrated": "solved"}, "say satisfied="),
        ({**HOURS, "unrated": "perhaps"}, "unrated must be one of"),
        ({**HOURS, "keep": "date"}, "is a column of contacts itself"),
    ],
)
def test_refuses_arguments_that_do_not_fit_together(said, message):
    """Answers and solutions are said in one way each."""
    with pytest.raises(rt.RetentionError, match=message):
        as_contacts(log(), **NAMES, **said)


def test_refuses_a_flag_that_is_a_date():
    """A column of the wrong kind is named."""
    with pytest.raises(rt.ColumnError, match="parts_available: column 'called' holds Datetime"):
        as_contacts(typed(log()), **NAMES, **HOURS, parts_available="called")


def test_times_of_another_zone_are_read_by_the_clock_that_is_said():
    """The contact of 23:30 UTC was on the next day in Berlin; the hours are the same."""
    frame = pd.DataFrame(
        {
            "who": ["Ann"],
            "called": pd.to_datetime(["2024-03-01 23:30"]).tz_localize("UTC"),
            "answered": pd.to_datetime(["2024-03-02 00:30"]).tz_localize("UTC"),
            "solved": pd.to_datetime(["2024-03-02 01:00"]).tz_localize("UTC"),
        }
    )
    found = as_contacts(frame, **NAMES, **TIMES, tz="Europe/Berlin")
    assert found["date"].tolist() == [pd.Timestamp("2024-03-02 00:30")]
    assert found["first_response_hours"].tolist() == [1.0]


DOWN = {"start": "down", "end": "up"}


def test_outages_are_read_with_those_that_last(engine):
    """Text or times; an end that is not there is no fault."""
    frame = pd.DataFrame(
        {"down": ["2024-03-01 10:00", "2024-03-02"], "up": ["2024-03-01 16:00", ""], "at": [1, 2]}
    )
    found = as_outages(engine.table(frame), **DOWN, keep="at")
    assert engine.is_mine(found)
    assert list(require(found, OUTAGES).collect_schema()) == ["start", "end", "at"]
    read = engine.read(found, order=["at"])
    assert read["end"].isna().tolist() == [False, True]
    assert pd.Timestamp(read["start"][0]) == pd.Timestamp("2024-03-01 10:00")


def test_refuses_outages_that_end_before_they_start(engine):
    """And those of which the start is not known."""
    frame = pd.DataFrame({"down": ["2024-03-01 10:00", None], "up": ["2024-03-01 09:59", ""]})
    with pytest.raises(rt.ContentError, match=r"missing start: 1 row(.|\n)*end before start: 1"):
        as_outages(engine.table(frame), **DOWN)


def berlin(*moments):
    """The epoch seconds, the texts with an offset and the times of moments in UTC."""
    utc = [pd.Timestamp(moment, tz="UTC") for moment in moments]
    local = [moment.tz_convert("Europe/Berlin") for moment in utc]
    return {
        "epoch_s": [int(moment.timestamp()) for moment in utc],
        "text": [moment.isoformat() for moment in local],
        "times": pd.Series(utc).astype("datetime64[us, UTC]"),
    }


SPRING = ("2024-03-31 00:50", "2024-03-31 01:10")  # from 01:50 to 03:10 by the clock of Berlin
OWN_ZONE = ("duckdb", "ibis", "spark")  # of their session: no other can be asked for
AUTUMN = ("2024-10-27 00:50", "2024-10-27 01:10")  # from 02:50 to 02:10


@pytest.mark.parametrize("written", ["epoch_s", "text", "times"])
def test_hours_are_those_that_passed_where_the_clock_changes(engine, written):
    """Twenty minutes in spring and in autumn; only the date of the contact is by the clock."""
    frame = pd.DataFrame(
        {
            "who": ["Ann", "Bob"],
            "called": berlin(SPRING[0], AUTUMN[0])[written],
            "answered": berlin(SPRING[1], AUTUMN[1])[written],
            "solved": berlin(SPRING[1], AUTUMN[1])[written],
        }
    )
    said = {"date_format": "epoch_s"} if written == "epoch_s" else {}
    if written == "times" and engine.name in OWN_ZONE:
        with pytest.raises(rt.RetentionError, match="keeps the time zone in its session"):
            as_contacts(engine.table(frame), **NAMES, **TIMES, tz="Europe/Berlin")
        return
    contacts = as_contacts(engine.table(frame), **NAMES, **TIMES, tz="Europe/Berlin", **said)
    found = engine.read(contacts, order=["customer_id"])
    assert found["first_response_hours"].tolist() == [pytest.approx(1 / 3)] * 2
    assert found["resolution_hours"].tolist() == [pytest.approx(1 / 3)] * 2
    dates = [pd.Timestamp("2024-03-31 01:50"), pd.Timestamp("2024-10-27 02:50")]
    assert [pd.Timestamp(date) for date in found["date"]] == dates


@pytest.mark.parametrize("session", ["Europe/Berlin", "America/St_Johns", "UTC"])
def test_duckdb_counts_hours_that_passed_in_the_zone_of_its_session(session):
    """East and west of Greenwich, and half an hour off; three days around each change."""
    import duckdb

    called = pd.date_range("2024-03-09", "2024-11-05", freq="7h", tz="UTC").as_unit("us")
    solved = called + pd.Timedelta("20min")
    frame = pd.DataFrame({"who": "Ann", "called": called, "answered": solved, "solved": solved})
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{session}'")
    contacts = as_contacts(connection.from_df(frame), **NAMES, **TIMES, tz=session)
    found = contacts.df()["resolution_hours"]
    assert found.tolist() == [pytest.approx(1 / 3)] * len(called)


def test_times_of_a_session_in_utc_pass_as_they_are(engine):
    """DuckDB, Ibis and Spark tell instants of their own zoned times, too."""
    frame = pd.DataFrame(
        {"who": ["Ann"], "called": berlin(SPRING[0])["times"], "solved": berlin(AUTUMN[1])["times"]}
    ).assign(answered=lambda t: t["solved"])
    found = engine.read(as_contacts(engine.table(frame), **NAMES, **TIMES, tz="UTC"))
    passed = pd.Timestamp(AUTUMN[1]) - pd.Timestamp(SPRING[0])
    assert found["resolution_hours"].tolist() == [passed.total_seconds() / 3600]


def test_a_bare_day_beside_times_with_an_offset_is_its_midnight(engine):
    """By the clock that is said: from that midnight to 10 o'clock it was nine hours in spring."""
    frame = pd.DataFrame(
        {"who": ["Ann", "Bob"], "called": ["2024-03-31", "2024-03-31T00:00+01:00"]}
    ).assign(answered="2024-03-31T10:00+02:00", solved="2024-03-31T10:00+02:00")
    contacts = as_contacts(engine.table(frame), **NAMES, **TIMES, tz="Europe/Berlin")
    assert engine.read(contacts)["resolution_hours"].tolist() == [9.0, 9.0]


@pytest.mark.parametrize("written", ["epoch_s", "text", "times"])
@pytest.mark.parametrize("day", ["2024-03-31", "2024-10-27", "2024-07-01"])
def test_downtime_is_the_time_that_passed_where_the_clock_changes(engine, written, day):
    """Two interruptions that overlap, one across the change of the clock: 30 minutes in all."""
    frame = pd.DataFrame(
        {
            "down": berlin(f"{day} 00:50", f"{day} 01:05")[written],
            "up": berlin(f"{day} 01:10", f"{day} 01:20")[written],
        }
    )
    said = {"date_format": "epoch_s"} if written == "epoch_s" else {}
    if written == "times" and engine.name in OWN_ZONE:
        with pytest.raises(rt.RetentionError, match="keeps the time zone in its session"):
            as_outages(engine.table(frame), **DOWN, tz="Europe/Berlin")
        return
    outages = as_outages(engine.table(frame), **DOWN, tz="Europe/Berlin", **said)
    asked = {"freq": "day", "as_of": day, "observed_from": day}
    found = engine.read(rt.kpis.service_availability(outages, **asked))
    assert found["n_outages"].tolist() == [1]
    assert found["down_hours"].tolist() == [0.5]
    starts = sorted(pd.Timestamp(start) for start in engine.read(outages)["start"])
    assert starts[0] == pd.Timestamp(f"{day} 01:50")  # by the winter time of Berlin


@pytest.mark.parametrize("blank", ["", None, "n/a"])
@pytest.mark.parametrize(("unit", "number"), [("epoch_s", "1700000000"), ("excel", "45000")])
def test_a_blank_in_a_text_column_of_numbers_is_no_day(engine, blank, unit, number):
    """Neither 1970 nor 1899: what has no end goes on."""
    frame = pd.DataFrame({"who": ["Ann", "Bob"], "down": [number] * 2, "up": [blank, number]})
    table = engine.table(frame.assign(none=pd.Series([blank, None], dtype=object)))
    for up in ("up", "none"):
        found = engine.read(as_outages(table, start="down", end=up, keep="who", date_format=unit))
        ended = dict(zip(found["who"], found["end"].notna(), strict=True))
        assert ended == {"Ann": False, "Bob": up == "up"}
    contacts = as_contacts(
        table, customer_id="who", date="down", first_response="up", resolved="up", date_format=unit
    )
    hours = engine.read(contacts, order=["customer_id"])["resolution_hours"]
    assert hours.fillna(-1).tolist() == [-1, 0]
    contracts = rt.as_contracts(
        table, customer_id="who", start="down", end="none", date_format=unit
    )
    assert engine.read(contracts)["end"].isna().all()


@pytest.mark.parametrize("kind", ["text", "times"])
def test_a_log_without_a_row_is_of_a_service_that_was_never_down(engine, kind):
    """It comes with its columns typed, and gives an availability of 1."""
    frame = pd.DataFrame({"down": ["2024-03-01 10:00"], "up": ["2024-03-01 16:00"]})
    if kind == "times":
        frame = frame.astype("datetime64[us]")
    empty = as_outages(engine.table(frame.head(0)), **DOWN, **zone(engine, kind))
    require(empty, OUTAGES)
    asked = {"freq": "day", "as_of": "2024-03-02", "observed_from": "2024-03-01"}
    found = engine.read(rt.kpis.service_availability(empty, **asked))
    assert found["availability"].tolist() == [1.0, 1.0]


def test_an_empty_pandas_table_need_not_have_types():
    """Columns of a pandas table without rows are objects."""
    found = as_outages(pd.DataFrame({"down": [], "up": []}), **DOWN)
    assert found.dtypes.astype(str).tolist() == ["datetime64[us]"] * 2


def test_refuses_hours_that_are_lengths_of_time():
    """A column of durations is told what it should hold."""
    frame = log(answer=pd.to_timedelta([1, 2, None], unit="h"))
    with pytest.raises(rt.ColumnError, match=r"column 'answer' holds Duration.*, not hours"):
        as_contacts(frame, **NAMES, **HOURS)


def test_a_zone_is_asked_for_in_words_that_fit_any_table():
    """A contact is no purchase."""
    frame = typed(log()).assign(called=lambda t: t["called"].dt.tz_localize("UTC"))
    with pytest.raises(rt.ColumnError, match="Say in whose days they fall: tz='UTC'"):
        as_contacts(frame, **NAMES, **HOURS)

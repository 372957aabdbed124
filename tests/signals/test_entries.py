"""Entries of the day's list: against loops over contracts, contacts, invoices and alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listed_by_hand import dates_of, on_day
from retention.errors import ColumnError, ContentError, RetentionError
from retention.signals import (
    alarm_entries,
    overdue_contacts,
    overdue_invoices,
    renewal_entries,
    watchlist,
)
from retention.targeting import due_for_renewal

TODAY = 30
TARGETS = {"first_response": 24, "resolution": 60}
person = st.sampled_from(["Ann", "Bob", "Cem"])
late = st.none() | st.integers(0, 60)


def rows_of(frame):
    """Entries as (customer, day)."""
    days = (pd.to_datetime(frame["since"]) - on_day(0)).dt.days
    return list(zip(frame["customer_id"], days, strict=True))


def contacts_of(rows):
    """Contacts of (customer, hours since the first of March, hours to answer, solve, fail)."""
    who, begun, *hours = ([row[at] for row in rows] for at in range(5))
    names = ("first_response_hours", "resolution_hours", "unsatisfied_hours")
    times = pd.Series([on_day(0) + pd.Timedelta(hours=h) for h in begun], dtype="datetime64[us]")
    told = {n: pd.Series(values, dtype=float) for n, values in zip(names, hours, strict=True)}
    ids = pd.Series(who, dtype="object")
    return pd.DataFrame({"customer_id": ids, "date": times, **told})


def waiting_by_hand(rows, day):
    """(customer, first day) of contacts that are overdue on the evening of a day."""

    def is_late(row, on):
        begun, answer, solution, failure = row[1:]
        waited = 24 * (on + 1) - begun
        done = {"first_response": answer, "resolution": solution}
        ended = any(hours is not None and hours < waited for hours in (solution, failure))
        return not ended and any(
            waited > TARGETS[name] and not (hours is not None and hours < waited)
            for name, hours in done.items()
        )

    late = [row for row in rows if row[1] < 24 * (day + 1) and is_late(row, day)]
    return sorted((row[0], since_by_hand(row, day)) for row in late)


def since_by_hand(row, day):
    """The first evening of what is late on the evening of a day."""
    _, begun, answer, *_ = row
    waited = 24 * (day + 1) - begun
    open_ones = ["resolution"]
    if answer is None or answer >= waited:
        open_ones.append("first_response")
    evenings = range(begun // 24, day + 1)
    return next(
        on for on in evenings if any(24 * (on + 1) - begun > TARGETS[name] for name in open_ones)
    )


hours = st.none() | st.integers(0, 200)
contact = st.tuples(person, st.integers(24 * 22, 24 * 32), hours, hours, hours)


@given(rows=st.lists(contact, max_size=8))
def test_overdue_contacts_agree_with_loops_over_evenings(engine, rows):
    """Open, and beyond the target of what has not been done."""
    given_back = overdue_contacts(
        engine.table(contacts_of(rows)), as_of=on_day(TODAY), targets=TARGETS
    )
    assert engine.is_mine(given_back)
    assert rows_of(engine.read(given_back)) == waiting_by_hand(rows, TODAY)


def test_on_every_engine_contacts_in_words(engine):
    """Not answered, not solved, late but solved, given up, in time, and of tomorrow.

    On the evening of the 27th Bob had waited for 60 hours, which is not longer than 60.
    """
    rows = [
        ("Ann", 24 * 25, None, None, None), ("Bob", 24 * 25 + 12, 40, None, None),
        ("Cem", 24 * 25, 40, 70, None), ("Ann", 24 * 20, 1, None, 30),
        ("Bob", 24 * 30, None, None, None), ("Bob", 24 * 31, None, None, None),
    ]  # fmt: skip
    asked = {"as_of": on_day(TODAY), "targets": TARGETS}
    found = engine.read(overdue_contacts(engine.table(contacts_of(rows)), **asked))
    assert rows_of(found) == [("Ann", 26), ("Bob", 28)]
    assert set(found["reason"]) == {"overdue contact"}
    assert found["detail"].tolist() == [
        "open for 5 days, not answered (target 24 hours)",
        "open for 5 days, not solved (target 60 hours)",
    ]


def test_contacts_by_working_hours_wait_over_no_weekend():
    """Friday 28 February at 16:00, open until 17:00: by Monday's evening nine hours have passed."""
    friday = pd.Timestamp("2025-02-28 16:00")
    contacts = pd.DataFrame(
        {
            "customer_id": ["Ann"],
            "date": [friday],
            "first_response_hours": [np.nan],
            "resolution_hours": [np.nan],
            "business_hours": "mon-fri 09:00-17:00",
        }
    )
    asked = {"targets": {"first_response": 1, "resolution": 10}}
    assert not len(overdue_contacts(contacts, as_of="2025-03-02", **asked))
    found = overdue_contacts(contacts, as_of="2025-03-03", **asked)
    assert found["detail"].tolist() == ["open for 3 days, not answered (target 1 working hour)"]
    assert str(found["since"][0])[:10] == "2025-03-03"


def invoices_of(rows):
    """Invoices of (customer, day, days to pay, day of payment, amount, day we learnt of it)."""
    who, issued, term, paid, amount, known = ([row[at] for row in rows] for at in range(6))
    days = lambda numbers: pd.to_datetime(  # noqa: E731
        pd.Series([None if n is None else on_day(n) for n in numbers], dtype=object)
    ).astype("datetime64[us]")
    return pd.DataFrame(
        {
            "customer_id": pd.Series(who, dtype="object"),
            "date": dates_of(issued),
            "due": days([i + t for i, t in zip(issued, term, strict=True)]),
            "paid": days(paid),
            "amount": pd.Series(amount, dtype=float),
            "known": days(known),
        }
    )


invoice = st.tuples(
    person, st.integers(0, 33), st.integers(0, 20), late,
    st.sampled_from([-5.0, 0.0, 5.0]), st.none() | st.integers(20, 33),
)  # fmt: skip


@given(rows=st.lists(invoice, max_size=8), grace=st.integers(0, 9))
def test_overdue_invoices_agree_with_a_loop(engine, rows, grace):
    """Issued, known, owed, not paid by then, and late by more than the grace."""
    given_back = overdue_invoices(engine.table(invoices_of(rows)), as_of=on_day(TODAY), grace=grace)
    assert engine.is_mine(given_back)
    expected = sorted(
        (who, issued + term + 1)
        for who, issued, term, paid, amount, known in rows
        if amount > 0
        and issued <= TODAY
        and (known is None or known <= TODAY)
        and (paid is None or paid > TODAY)
        and issued + term + grace < TODAY
    )
    assert rows_of(engine.read(given_back)) == expected


def test_on_every_engine_invoices_in_words(engine):
    """One that is due today is not late; one that was paid tomorrow is open."""
    rows = [
        ("Ann", 0, 20, None, 1250.0, None), ("Bob", 0, 29, 31, 9.5, None),
        ("Bob", 0, 30, None, 9.5, None), ("Cem", 0, 20, 25, 9.5, None),
    ]  # fmt: skip
    asked = {"as_of": on_day(TODAY), "grace": 0}
    found = engine.read(overdue_invoices(engine.table(invoices_of(rows)), **asked))
    assert rows_of(found) == [("Ann", 21), ("Bob", 30)]
    assert found["detail"].tolist() == [
        "1,250 due on 21 Mar 2024, 10 days ago",
        "9.50 due on 30 Mar 2024, 1 day ago",
    ]


def alarms_of(rows):
    """Alarms of (customer, day, signal)."""
    who, days, signal = ([row[at] for row in rows] for at in range(3))
    texts = {"customer_id": who, "signal": signal}
    made = {name: pd.Series(values, dtype="object") for name, values in texts.items()}
    return pd.DataFrame({**made, "date": dates_of(days)})


alarm = st.tuples(person, st.integers(20, 33), st.sampled_from(["silent", "complaint"]))


@given(rows=st.lists(alarm, max_size=8), valid=st.integers(1, 9))
def test_alarm_entries_agree_with_a_loop(engine, rows, valid):
    """Those that rang on the day or in the days before it."""
    asked = {"as_of": on_day(TODAY), "valid_for": valid}
    given_back = alarm_entries(engine.table(alarms_of(rows)), **asked)
    assert engine.is_mine(given_back)
    found = engine.read(given_back)
    told = [(who, reason, day) for (who, day), reason in zip(rows_of(found), found["reason"])]  # noqa: B905
    stands = [row for row in rows if row[1] <= TODAY < row[1] + valid]
    assert told == sorted((who, signal, day) for who, day, signal in stands)


def test_on_every_engine_alarms_with_a_score_or_none(engine):
    """The score is said where it is known."""
    alarms = alarms_of([("Ann", 30, "silent"), ("Bob", 29, "silent")]).assign(score=[0.5, np.nan])
    found = engine.read(alarm_entries(engine.table(alarms), as_of=on_day(TODAY), valid_for=2))
    assert found["detail"].tolist() == ["rang on 31 Mar 2024, score 0.5", "rang on 30 Mar 2024"]


def due_of(rows, engine=None, within=30):
    """What is due on the day, of contracts of (customer, start, days in force or None)."""
    who, starts, lasts = ([row[at] for row in rows] for at in range(3))
    ends = [None if n is None else on_day(s + n) for s, n in zip(starts, lasts, strict=True)]
    contracts = pd.DataFrame(
        {
            "customer_id": pd.Series(who, dtype="object"),
            "start": dates_of(starts),
            "end": pd.to_datetime(pd.Series(ends, dtype=object)).astype("datetime64[us]"),
        }
    )
    table = contracts if engine is None else engine.table(contracts)
    return due_for_renewal(table, as_of=on_day(TODAY), within=within, since=on_day(10))


def test_on_every_engine_what_is_due_is_an_entry(engine):
    """An end, an anniversary, a lapse, and a contract that began but a week ago."""
    rows = [("Ann", -300, 340), ("Bob", -330, None), ("Cem", -300, 325), ("Dee", 23, 20)]
    found = engine.read(renewal_entries(due_of(rows, engine), within=30))
    assert found["reason"].tolist() == ["lapsing", "anniversary", "not renewed", "lapsing"]
    assert rows_of(found) == [("Ann", 10), ("Bob", 6), ("Cem", 25), ("Dee", 23)]
    assert found["detail"].tolist() == [
        "ends on 10 Apr 2024, in 10 days", "anniversary on 6 Apr 2024, in 6 days",
        "ended on 26 Mar 2024", "ends on 13 Apr 2024, in 13 days",
    ]  # fmt: skip


def test_an_entry_stands_since_the_same_day_whenever_the_list_is_made():
    """On each of the days on which it is on the list."""
    contracts = pd.DataFrame(
        {"customer_id": ["Ann"], "start": dates_of([-300]), "end": dates_of([40])}
    )
    since = [
        rows_of(
            renewal_entries(due_for_renewal(contracts, as_of=on_day(day), within=14), within=14)
        )
        for day in (26, 30, 39)
    ]
    assert since == [[("Ann", 26)]] * 3


def test_all_entries_make_one_list():
    """One under the other, they are what the list is made of."""
    day = on_day(TODAY)
    parts = [
        renewal_entries(due_of([("Ann", -300, 340)]), within=30),
        overdue_contacts(contacts_of([("Ann", 600, None, None, None)]), as_of=day, targets=TARGETS),
        overdue_invoices(invoices_of([("Bob", 0, 20, None, 9.5, None)]), as_of=day, grace=0),
        alarm_entries(alarms_of([("Cem", 30, "silent")]), as_of=day, valid_for=1),
    ]
    reasons = ["overdue contact", "overdue invoice", "silent", "lapsing"]
    found = watchlist(
        pd.concat(parts), as_of=day, severity=dict(zip(reasons, [4, 3, 2, 1], strict=True)),
        values=pd.DataFrame({"customer_id": ["Ann", "Bob", "Cem"], "value": 1.0}),
    )  # fmt: skip
    assert found["reasons"].tolist() == ["overdue contact, lapsing", "overdue invoice", "silent"]


def test_on_every_engine_a_day_without_any_trouble_has_no_entries(engine):
    """An empty table of each goes in and out."""
    day = on_day(TODAY)
    made = [
        renewal_entries(due_of([("Ann", 0, None)], engine, within=1), within=1),
        overdue_contacts(engine.table(contacts_of([])), as_of=day, targets=TARGETS),
        overdue_invoices(engine.table(invoices_of([])), as_of=day, grace=0),
        alarm_entries(engine.table(alarms_of([])), as_of=day, valid_for=1),
    ]
    for table in made:
        found = engine.read(table)
        assert found.to_dict("list") == {"customer_id": [], "reason": [], "since": [], "detail": []}


SOME_DUE = due_of([("Ann", -300, 340)])
SOME_CONTACTS = contacts_of([("Ann", 600, None, None, None)])
SOME_INVOICES = invoices_of([("Bob", 0, 20, None, 9.5, None)])
SOME_ALARMS = alarms_of([("Cem", 30, "silent")])


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: renewal_entries(SOME_DUE, within=0), RetentionError, "within"),
        (lambda: renewal_entries(SOME_DUE, within=7), ContentError, "within=7, up to 10 days"),
        (
            lambda: renewal_entries(SOME_DUE.assign(renewal="soon"), within=30), ContentError,
            "1 row say other things, such as 'soon'",
        ),
        (
            lambda: renewal_entries(SOME_DUE.assign(customer_id=None), within=30), ContentError,
            "due: 1 row has no customer_id",
        ),
        (lambda: renewal_entries(SOME_ALARMS, within=30), ColumnError, "lacks 'start'"),
        (
            lambda: overdue_contacts(SOME_CONTACTS, as_of="2024-04-01", targets={"answer": 3}),
            RetentionError, "targets must say in hours",
        ),
        (
            lambda: overdue_contacts(SOME_CONTACTS, as_of="soon", targets=TARGETS),
            RetentionError, "as_of",
        ),
        (
            lambda: overdue_contacts(
                SOME_CONTACTS.assign(first_response_hours=-1.0), as_of="2024-04-01",
                targets=TARGETS,
            ),
            ContentError, "hours below 0",
        ),
        (
            lambda: overdue_contacts(
                SOME_CONTACTS.assign(business_hours=pd.Series([None], dtype=object)),
                as_of="2024-04-01", targets=TARGETS,
            ),
            ContentError, "not by what clock they run",
        ),
        (
            lambda: overdue_contacts(
                SOME_CONTACTS.assign(date=pd.NaT), as_of="2024-04-01", targets=TARGETS
            ),
            ContentError, "contacts: 1 row has no date",
        ),
        (
            lambda: overdue_invoices(SOME_INVOICES, as_of="2024-04-01", grace=-1),
            RetentionError, "grace",
        ),
        (
            lambda: overdue_invoices(
                SOME_INVOICES.assign(amount=np.nan), as_of="2024-04-01", grace=1
            ),
            ContentError, "invoices: 1 row has no amount",
        ),
        (
            lambda: alarm_entries(SOME_ALARMS, as_of="2024-04-01", valid_for=0),
            RetentionError, "valid_for",
        ),
        (
            lambda: alarm_entries(
                SOME_ALARMS.assign(signal=pd.Series([None], dtype=object)), as_of="2024-04-01",
                valid_for=1,
            ),
            ContentError, "alarms: 1 row has no signal",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(call, error, said):
    """In the user's words."""
    with pytest.raises(error) as refused:
        call()
    assert said in str(refused.value)


def test_what_comes_about_on_the_day_itself_is_known():
    """Late since that evening, paid that day, learnt of that day."""
    day = on_day(TODAY)
    rows = [("Ann", 24 * 29 - 1, None, None, None), ("Bob", 24 * 28 + 1, 1, None, None)]
    late = overdue_contacts(contacts_of(rows), as_of=day, targets=TARGETS)
    assert rows_of(late) == [("Ann", 29), ("Bob", 30)]
    assert rows_of(
        overdue_contacts(
            contacts_of([("Ann", 24 * 29 + 1, None, None, None)]), as_of=day, targets=TARGETS
        )
    ) == [("Ann", 30)]
    bills = [("Ann", 0, 20, TODAY, 5.0, None), ("Bob", 0, 20, None, 5.0, TODAY)]
    assert rows_of(overdue_invoices(invoices_of(bills), as_of=day, grace=0)) == [("Bob", 21)]

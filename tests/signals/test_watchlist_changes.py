"""watchlist_changes: against sets, start and movements make the end, and what is refused."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listed_by_hand import SEVERITY, dates_of, entries_of, on_day, people_of, values_of
from retention.errors import ContentError, RetentionError
from retention.signals import watchlist, watchlist_changes

PEOPLE = ["Ann", "Bob", "Cem", "Dee", "Eva"]
person = st.sampled_from(PEOPLE)
entry = st.tuples(person, st.sampled_from(sorted(SEVERITY)), st.integers(0, 9))
entries = st.lists(entry, max_size=6)
outcome = st.tuples(person, st.integers(5, 25), st.sampled_from(["bought", "left"]))


def made_list(rows, day, barred=()):
    """The list of a day."""
    return watchlist(
        entries_of(rows), as_of=on_day(day), severity=SEVERITY, opted_out=people_of(barred),
        values=values_of(dict.fromkeys(PEOPLE, 1.0)),
    )  # fmt: skip


def outcomes_of(rows):
    """What became of customers: (customer, day, outcome)."""
    who, days, what = ([row[at] for row in rows] for at in range(3))
    return pd.DataFrame(
        {
            "customer_id": pd.Series(who, dtype="object"),
            "date": dates_of(days),
            "outcome": pd.Series(what, dtype="object"),
        }
    )


def by_sets(before, after, barred, outcomes, days):
    """(customer, change, why closed), from the entries of the two days."""
    worst = [
        {who: max(SEVERITY[why] for one, why, _ in rows if one == who) for who, *_ in rows}
        for rows in (before, after)
    ]
    told = []
    for who in sorted({*worst[0], *worst[1]}):
        old, new = (listed.get(who) for listed in worst)
        mine = sorted((day, what) for one, day, what in outcomes if one == who)
        why = None
        if new is None:
            what = "closed"
            within = [said for day, said in mine if days[0] <= day <= days[1]]
            why = within[-1] if within else "not known"
        elif old is None:
            what = "back" if any(day <= days[0] for day, _ in mine) else "new"
        elif who in barred[1] and who not in barred[0]:
            what = "suppressed"
        else:
            what = "same" if old == new else "worse" if new > old else "better"
        told.append((who, what, why))
    return told


@given(
    before=entries, after=entries, outcomes=st.lists(outcome, max_size=5),
    barred=st.tuples(st.sets(person, max_size=2), st.sets(person, max_size=2)),
)  # fmt: skip
def test_agrees_with_sets_and_start_plus_movements_is_end(engine, before, after, outcomes, barred):
    """On random lists: n_before + new + back − closed = n_after."""
    lists = made_list(before, 10, barred[0]), made_list(after, 20, barred[1])
    tables = [engine.table(one.sample(frac=1, random_state=1)) for one in lists]
    found = watchlist_changes(*tables, closed_by=engine.table(outcomes_of(outcomes)))
    assert engine.is_mine(found)
    read = engine.read(found)
    why = read["closed_because"].astype(object).where(read["closed_because"].notna(), None)
    told = list(zip(read["customer_id"], read["change"], why, strict=True))
    if before:  # a list of nobody does not know its day
        assert told == by_sets(before, after, barred, outcomes, (10, 20 if after else 10**9))
    n = read["change"].value_counts().reindex(["new", "back", "closed"], fill_value=0)
    assert len(lists[0]) + n["new"] + n["back"] - n["closed"] == len(lists[1])


def test_on_every_engine_two_lists_worked_by_hand(engine):
    """Each kind of change once."""
    yesterday = [
        ("Ann", "lapsing", 3), ("Bob", "lapsing", 3), ("Cem", "silent", 3), ("Dee", "silent", 3),
    ]  # fmt: skip
    today = [
        ("Bob", "overdue contact", 11), ("Cem", "lapsing", 9), ("Dee", "silent", 3),
        ("Eva", "silent", 11),
    ]  # fmt: skip
    lists = made_list(yesterday, 10), made_list(today, 11, {"Dee"})
    became = outcomes_of([("Ann", 10, "solved"), ("Ann", 11, "renewed"), ("Eva", 2, "bought")])
    made = [engine.table(each) for each in (*lists, became)]
    found = engine.read(watchlist_changes(*made[:2], closed_by=made[2]))
    told = found.astype(object).where(found.notna(), None)
    assert told["change"].tolist() == ["closed", "worse", "better", "suppressed", "back"]
    assert told["closed_because"].tolist() == ["renewed", None, None, None, None]
    assert told["reason_before"].tolist() == ["lapsing", "lapsing", "silent", "silent", None]
    assert told["reason_after"].tolist() == [
        *(None, "overdue contact", "lapsing", "silent", "silent"),
    ]
    assert told["severity_before"].tolist() == [1, 1, 2, 2, None]
    assert told["severity_after"].tolist() == [None, 3, 1, 2, 2]
    assert told["days_before"].tolist() == [7, 7, 7, 7, None]
    assert told["days_after"].tolist() == [None, 0, 2, 8, 0]
    assert told["status_after"].tolist() == [None, "call", "call", "suppressed", "call"]
    assert set(pd.to_datetime(found["as_of_before"])) == {on_day(10)}
    assert set(pd.to_datetime(found["as_of_after"])) == {on_day(11)}


def test_the_first_list_of_all_is_new():
    """Beside a list of nobody; and without outcomes nobody knows why one was closed."""
    rows = [("Ann", "lapsing", 3)]
    found = watchlist_changes(made_list([], 10), made_list(rows, 11))
    assert found["change"].tolist() == ["new"]
    closed = watchlist_changes(made_list(rows, 10), made_list([], 11))
    assert closed["closed_because"].tolist() == ["not known"]
    assert len(watchlist_changes(made_list([], 10), made_list([], 11))) == 0


def test_lists_that_cannot_be_compared_are_refused():
    """In the wrong order, of another policy, of several days, or with one customer twice."""
    one, two = made_list([("Ann", "lapsing", 3)], 10), made_list([("Bob", "silent", 3)], 11)
    with pytest.raises(RetentionError, match="not older than after"):
        watchlist_changes(two, one)
    with pytest.raises(RetentionError, match="not older than after"):
        watchlist_changes(one, one)
    other = watchlist(
        entries_of([("Ann", "lapsing", 3)]), as_of=on_day(11), severity={"lapsing": 9},
        values=values_of({"Ann": 1.0}),
    )  # fmt: skip
    with pytest.raises(RetentionError, match="before was made with severity 'lapsing=1, not"):
        watchlist_changes(one, other)
    with pytest.raises(ContentError, match="before: 2 lists in one, of 2024-03-11 to 2024-03-12"):
        watchlist_changes(pd.concat([one, two]), made_list([], 20))
    with pytest.raises(ContentError, match="after: customer 'Ann' is on the list twice"):
        watchlist_changes(made_list([], 9), pd.concat([one, one]))
    with pytest.raises(ContentError, match="closed_by: 1 row has no outcome"):
        watchlist_changes(one, two, closed_by=outcomes_of([("Ann", 10, None)]))

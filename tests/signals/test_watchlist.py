"""watchlist: against the rules written out as loops, a list by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listed_by_hand import (
    SEVERITY,
    called_by_hand,
    calls_of,
    dates_of,
    entries_of,
    on_day,
    owners_of,
    people_of,
    values_of,
)
from retention.errors import ColumnError, ContentError, RetentionError, TableError
from retention.signals import watchlist

TODAY = 30
PEOPLE = ["Ann", "Bob", "Cem", "Dee", "Eva", "Fay"]
person, days = st.sampled_from(PEOPLE), st.integers(0, TODAY)
entry = st.tuples(person, st.sampled_from(sorted(SEVERITY)), days)
amount = st.none() | st.sampled_from([0.0, 5.0, 5.0, 70.0, -3.0])


def list_of(engine, entries, worth, owners, calls, barred, rules, seed=None):
    """The list of the library, its tables on an engine, their rows shuffled."""
    made = {
        "entries": entries_of(entries), "values": values_of(worth), "owners": owners_of(owners),
        "calls": calls_of(calls), "opted_out": people_of(barred),
    }  # fmt: skip
    if seed is not None:
        made = {k: v.sample(frac=1, random_state=seed) for k, v in made.items()}
    told = {k: engine.table(v.reset_index(drop=True)) for k, v in made.items()}
    return watchlist(
        told.pop("entries"), as_of=on_day(rules["today"]), severity=SEVERITY,
        quiet_days=rules["quiet"], escalate_top=rules["top"], escalate_after=rules["after"],
        at_most=rules["at_most"], allow_unvalued=len(PEOPLE), **told,
    )  # fmt: skip


def told_of(frame):
    """What the twin tells, too."""
    why = frame["why"].astype(object).where(frame["why"].notna(), None)
    names = ("customer_id", "reason", "days", "escalate")
    return list(zip(*(frame[name] for name in names), why, strict=True))


drawn = st.tuples(
    st.lists(entry, max_size=12),
    st.dictionaries(person, amount, min_size=1),
    st.dictionaries(person, st.sampled_from(["kim", "lee"])),
    st.lists(st.tuples(person, st.integers(0, TODAY + 3)), max_size=5),
    st.sets(person, max_size=2),
)
asked = st.fixed_dictionaries(
    {
        "today": st.just(TODAY),
        "quiet": st.integers(1, 20),
        "top": st.sampled_from([0.1, 0.5, 0.7]),
        "after": st.sampled_from([{"overdue contact": 3}, {"silent": 0, "lapsing": 9}]),
        "at_most": st.integers(1, 3),
    }
)


@given(rows=drawn, rules=asked, seed=st.integers(0, 99))
def test_agrees_with_the_rules_as_loops(engine, rows, rules, seed):
    """Row by row in order, whatever the order of the rows that come in."""
    found = engine.read(list_of(engine, *rows, rules, seed))
    assert told_of(found) == called_by_hand(*rows, rules)
    called = found["status"] == "call"
    assert found["rank"][called].tolist() == list(range(1, called.sum() + 1))
    assert found["rank"][~called].isna().all()
    assert sorted(found["customer_id"]) == sorted({who for who, *_ in rows[0]})


SOME = (
    [
        ("Ann", "lapsing", 25), ("Ann", "overdue contact", 20), ("Bob", "silent", 12),
        ("Bob", "not renewed", 12), ("Cem", "overdue contact", 28), ("Dee", "lapsing", 30),
        ("Eva", "overdue contact", 1), ("Fay", "lapsing", 5),
    ],
    {"Ann": 100.0, "Bob": 20.0, "Cem": 90.0, "Dee": None, "Eva": 500.0, "Fay": 100.0, "Gus": 1.0},
    {"Ann": "kim", "Bob": "kim", "Cem": "lee", "Dee": "kim", "Fay": "kim"},
    [("Ann", 29), ("Cem", 27), ("Cem", 20), ("Fay", 31)],
    {"Eva"},
)  # fmt: skip
RULES = {
    "today": TODAY, "quiet": 7, "top": 0.2, "after": {"overdue contact": 3}, "at_most": 2,
}  # fmt: skip


def test_on_every_engine_the_list_worked_by_hand(engine):
    """The top fifth of six values is two: 500 and both of 100. Ann, though called, is escalated.

    Eva opted out. Cem was called three days ago. Kim has two calls: Ann, then Bob (2 is above 1);
    Fay and Dee are over the limit, Fay, who is worth something, first.
    """
    given_back = list_of(engine, *SOME, RULES)
    assert engine.is_mine(given_back)
    found = engine.read(given_back)
    texts = found.astype(object).where(found.notna(), None)
    assert texts["customer_id"].tolist() == ["Ann", "Bob", "Eva", "Cem", "Fay", "Dee"]
    assert texts["rank"].tolist() == [1, 2, None, None, None, None]
    assert texts["why"].tolist() == [
        *(None, None, "opted out", "called 3 days ago"),
        *["over the owner's limit of 2"] * 2,
    ]
    assert texts["reasons"].tolist()[:2] == ["overdue contact, lapsing", "not renewed, silent"]
    assert found["n_reasons"].tolist() == [2, 2, 1, 1, 1, 1]
    assert found["days"].tolist() == [10, 18, 29, 2, 25, 0]
    assert found["severity"].tolist() == [3, 2, 3, 3, 1, 1]
    assert texts["detail"][0] == "overdue contact of Ann"
    assert found["escalate"].tolist() == [True] + [False] * 5
    assert texts["escalated_to"].tolist() == ["KIM"] + [None] * 5
    assert texts["owner"].tolist() == ["kim", "kim", None, "lee", "kim", "kim"]
    assert texts["value"].tolist() == [100, 20, 500, 90, 100, None]
    calls = pd.to_datetime(found["last_call"])
    assert [calls[0], calls[3]] == [on_day(29), on_day(27)]
    assert calls.notna().sum() == 2
    assert set(pd.to_datetime(found["as_of"])) == {on_day(30)}
    assert set(found["severities"]) == {"lapsing=1, not renewed=2, overdue contact=3, silent=2"}
    assert texts["expected_loss"].tolist() == [None] * 6


def test_the_same_bytes_on_every_engine_from_shuffled_rows(engine):
    """As CSV, beside the list that pandas makes of rows in order."""

    def bytes_of(frame):
        dates = frame.select_dtypes("datetime").columns
        return frame.assign(**{n: frame[n].dt.strftime("%Y-%m-%d") for n in dates}).to_csv()

    from conftest import Engine

    plain = bytes_of(list_of(Engine("pandas"), *SOME, RULES))
    for seed in (1, 2):
        assert bytes_of(engine.read(list_of(engine, *SOME, RULES, seed))) == plain


def test_expected_losses_put_the_list_in_order():
    """Risk times value; who has no risk comes last, and of equal losses the severer first."""
    rows = [
        ("Ann", "lapsing", 1),
        ("Bob", "lapsing", 1),
        ("Cem", "silent", 9),
        ("Dee", "silent", 9),
    ]
    found = watchlist(
        entries_of(rows), as_of=on_day(9), severity=SEVERITY, order="expected_loss",
        values=values_of({"Ann": 100.0, "Bob": 50.0, "Cem": 20.0, "Dee": 900.0}),
        risk=pd.DataFrame({"customer_id": ["Ann", "Bob", "Cem"], "risk": [0.25, 0.2, 0.5]}),
    )  # fmt: skip
    assert found["customer_id"].tolist() == ["Ann", "Cem", "Bob", "Dee"]
    assert found["expected_loss"].tolist()[:3] == [25.0, 10.0, 10.0]
    assert found["expected_loss"].isna().tolist() == [False, False, False, True]


def test_what_has_stood_for_so_many_days_is_escalated():
    """On the third day, not on the second; and a call of as many days ago as are quiet is over."""
    for today, escalated in ((2, False), (3, True)):
        found = watchlist(
            entries_of([("Ann", "overdue contact", 0)]), as_of=on_day(today), severity=SEVERITY,
            values=values_of({"Ann": 5.0, "Bob": 5.0, "Cem": 1.0}), escalate_top=0.3,
            escalate_after={"overdue contact": 3},
        )  # fmt: skip
        assert found["escalate"].tolist() == [escalated]
    found = watchlist(
        entries_of([("Ann", "lapsing", 0), ("Bob", "lapsing", 0)]), as_of=on_day(9),
        severity=SEVERITY, values=values_of(WORTH), quiet_days=4,
        calls=calls_of([("Ann", 5), ("Bob", 6)]),
    )  # fmt: skip
    assert found["customer_id"].tolist() == ["Ann", "Bob"]
    assert found["status"].tolist() == ["call", "suppressed"]


def test_calls_learnt_later_are_not_known_yet():
    """A call of today that was entered tomorrow does not silence today's list."""
    calls = calls_of([("Ann", 9)])
    asked_of = {"as_of": on_day(9), "severity": SEVERITY, "quiet_days": 7}
    rows, worth = entries_of([("Ann", "lapsing", 1)]), values_of({"Ann": 1.0})
    told = watchlist(rows, values=worth, calls=calls, **asked_of)
    assert told["why"].tolist() == ["called today"]
    later = calls.assign(known=dates_of([10]))
    assert watchlist(rows, values=worth, calls=later, **asked_of)["status"].tolist() == ["call"]


def test_on_every_engine_a_day_without_trouble_is_a_list_of_nobody(engine):
    """No row, the same columns, and ids that are whole numbers stay so."""
    none = entries_of([]).astype({"customer_id": "int64"})
    worth = pd.DataFrame({"customer_id": [1, 2], "value": [1.0, 2.0]})
    asked_of = {"as_of": on_day(0), "severity": SEVERITY}
    found = engine.read(watchlist(engine.table(none), values=engine.table(worth), **asked_of))
    some = none.iloc[:0].assign(detail="x")
    filled = pd.concat([some, entries_of([(2, "silent", -1)]).astype({"customer_id": "int64"})])
    one = engine.read(watchlist(engine.table(filled), values=engine.table(worth), **asked_of))
    assert found.to_dict("list") == {name: [] for name in one}
    assert one["customer_id"].tolist() == [2]
    assert found["customer_id"].dtype.kind == "i"


def test_ids_of_another_width_find_their_customers(engine):
    """As files have them."""
    rows = entries_of([(2, "silent", 1)]).astype({"customer_id": "int32"})
    worth = pd.DataFrame({"customer_id": [2], "value": [7.0]})
    found = watchlist(
        engine.table(rows), as_of=on_day(1), severity=SEVERITY, values=engine.table(worth)
    )
    assert engine.read(found)["value"].tolist() == [7.0]


TWO = [("Ann", "lapsing", 1), ("Bob", "silent", 2)]
WORTH = {"Ann": 5.0, "Bob": 6.0}
AFTER = {"overdue contact": 3}


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"as_of": on_day(1)}, ContentError, "1 row begins after as_of 2024-03-02, the first on"),
        ({"severity": {"silent": 2}}, ContentError, "without a severity: 'lapsing'"),
        ({"severity": {}}, RetentionError, "severity must say a whole number of each reason"),
        ({"severity": {"silent": 1.5}}, RetentionError, "must be a whole number"),
        ({"severity": "high"}, RetentionError, "severity must say"),
        ({"values": values_of({"Ann": 5.0})}, ContentError, "1 customer on the list have no value"),
        ({"values": values_of({"Ann": 5.0, "Bob": None})}, ContentError, "allow_unvalued=1"),
        ({"values": values_of({"Ann": np.inf, "Bob": 1.0})}, ContentError, "a value is infinite"),
        (
            {"values": pd.concat([values_of(WORTH)] * 2)},
            ContentError,
            "values: 2 rows too many: customer 'Ann' has several",
        ),
        (
            {"values": values_of(WORTH).assign(currency=["EUR", "USD"])},
            ContentError,
            "2 currencies",
        ),
        ({"values": pd.DataFrame({"customer_id": [1], "value": [1.0]})}, ColumnError, "same type"),
        ({"allow_unvalued": -1}, RetentionError, "allow_unvalued must be a whole number"),
        ({"owners": pd.concat([owners_of({"Ann": "kim"})] * 2)}, ContentError, "'Ann' has several"),
        ({"order": "expected_loss"}, RetentionError, "say risk=, a table of customer_id and risk"),
        ({"order": "value"}, RetentionError, "order must be one of"),
        (
            {"risk": pd.DataFrame({"customer_id": ["Ann"], "risk": [40.0]})},
            ContentError,
            "say 0.4 for 40 %",
        ),
        ({"quiet_days": 3}, RetentionError, "say calls="),
        ({"quiet_days": 0, "calls": calls_of([])}, RetentionError, "quiet_days must be"),
        ({"escalate_top": 0.1}, RetentionError, "go together"),
        ({"escalate_after": AFTER}, RetentionError, "go together"),
        ({"escalate_top": 10, "escalate_after": AFTER}, RetentionError, "between 0 and 1"),
        ({"escalate_top": 0.1, "escalate_after": {"fire": 1}}, RetentionError, "has no severity"),
        ({"escalate_top": 0.1, "escalate_after": 3}, RetentionError, "escalate_after must say"),
        ({"at_most": 0}, RetentionError, "at_most must be a whole number of calls"),
        ({"opted_out": ["Ann"]}, TableError, "opted_out must be a pandas"),
        ({"calls": pd.DataFrame({"who": ["Ann"]})}, ColumnError, "calls"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed, error, said):
    """In the user's words."""
    asked_of = {"as_of": on_day(9), "severity": SEVERITY, "values": values_of(WORTH)} | changed
    with pytest.raises(error) as refused:
        watchlist(entries_of(TWO), **asked_of)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["customer_id", "reason", "since"])
def test_entries_of_nobody_or_nothing_are_refused(name):
    """Each must say whom, why and since when."""
    rows = entries_of(TWO)
    rows.loc[0, name] = None
    with pytest.raises(ContentError, match=f"entries: 1 row has no {name}"):
        watchlist(rows, as_of=on_day(9), severity=SEVERITY, values=values_of(WORTH))


def test_the_advice_on_unknown_values_works():
    """Who has none is called last."""
    found = watchlist(
        entries_of(TWO), as_of=on_day(9), severity=dict.fromkeys(SEVERITY, 1),
        values=values_of({"Bob": -4.0}), allow_unvalued=1,
    )  # fmt: skip
    assert found["customer_id"].tolist() == ["Bob", "Ann"]


def test_the_top_share_is_so_many_and_no_more():
    """Of a hundred 0.07 is seven, though a computer's 0.07 · 100 is above it; of three 0.1 is one.

    A risk of 1 is a chance, too.
    """
    for n, share, escalated in ((100, 0.07, 7), (3, 0.1, 1)):
        who = [f"c{number:03}" for number in range(n)]
        found = watchlist(
            entries_of([(one, "silent", 0) for one in who]), as_of=on_day(1), severity=SEVERITY,
            values=pd.DataFrame({"customer_id": who, "value": np.arange(1.0, n + 1)}),
            risk=pd.DataFrame({"customer_id": who, "risk": 1.0}), escalate_top=share,
            escalate_after={"silent": 1},
        )  # fmt: skip
        assert found["escalate"].sum() == escalated
        assert found["expected_loss"].tolist() == found["value"].tolist()

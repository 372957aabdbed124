"""The doors of signs: events, invoices, offers made and calls."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from retention.tables import CALLS, EVENTS, INVOICES, OFFERS_MADE, require

WHO = {"customer_id": "who", "date": "day"}
NAMES = {
    rt.loading.as_events: {**WHO, "event": "what", "amount": "minutes"},
    rt.loading.as_invoices: {
        **WHO,
        "due": "to",
        "paid": "settled",
        "amount": "owed",
        "queried": "asked",
    },
    rt.loading.as_offers_made: {**WHO, "responded": "reply"},
    rt.loading.as_calls: {**WHO, "outcome": "then"},
}
KINDS = {
    rt.loading.as_events: EVENTS,
    rt.loading.as_invoices: INVOICES,
    rt.loading.as_offers_made: OFFERS_MADE,
    rt.loading.as_calls: CALLS,
}
every_door = pytest.mark.parametrize("door", NAMES, ids=lambda door: door.__name__)


def signs(**columns):
    """Two rows of every kind of sign: Ann's is closed, Bob's is open."""
    known = {
        "who": ["Ann", "Bob"],
        "day": ["2024-01-20", "2024-02-01"],
        "what": ["login", "moved"],
        "minutes": ["1.5", None],
        "to": ["2024-02-19", "2024-02-01"],
        "settled": ["2024-01-20", None],
        "owed": ["120.50", "0"],
        "asked": ["2024-01-21", None],
        "reply": ["2024-01-20", None],
        "then": ["stays", " "],
        "learnt": ["2024-01-31", None],
    }
    return pd.DataFrame({**known, **columns})


@every_door
def test_every_engine_reads_what_warns(door, engine):
    """The columns of the kind in its order, those kept behind; what is empty is null."""
    given = signs(who=[7, 8], region=["north", None])
    found = door(engine.table(given), **NAMES[door], known="learnt", keep="region")
    assert engine.is_mine(found)
    names = [*(name for name in KINDS[door].names if name != "currency"), "region"]
    assert list(require(found, KINDS[door]).collect_schema()) == names
    rows = engine.read(found, order=["customer_id"])
    assert rows["customer_id"].tolist() == [7, 8]
    assert rows["date"].astype(str).tolist() == ["2024-01-20", "2024-02-01"]
    empty = {"amount", "paid", "queried", "responded", "outcome", "known"}
    if door is rt.loading.as_invoices:
        empty -= {"amount"}
        assert rows["amount"].tolist() == [120.5, 0.0]
    for name in empty & set(names):
        assert rows[name].isna().tolist() == [False, True], name


@every_door
def test_what_may_be_left_out_is_not_there(door):
    """An optional column that is not named is absent, not empty."""
    needed = {role: name for role, name in NAMES[door].items() if role not in _OPTIONAL[door]}
    found = require(door(signs(), **needed), KINDS[door]).collect_schema()
    assert not {*_OPTIONAL[door], "known"} & set(found)


_OPTIONAL = {
    rt.loading.as_events: ["amount"],
    rt.loading.as_invoices: ["queried"],
    rt.loading.as_offers_made: [],
    rt.loading.as_calls: ["outcome"],
}


_OF_ALL = [
    ({"who": ""}, "blank customer_id"),
    ({"day": "soon"}, "unreadable date"),
    ({"learnt": "2024-02-30"}, "known that does not exist"),
]
PROBLEMS = {
    rt.loading.as_events: [
        *_OF_ALL,
        ({"what": " N/A "}, "blank event"),
        ({"minutes": "long"}, "amount that is not a number"),
        ({"minutes": "-1e999"}, "infinite amount"),
    ],
    rt.loading.as_invoices: [
        *_OF_ALL,
        ({"owed": None}, "missing amount"),
        ({"owed": "1e16"}, "infinite or too large amount"),
        ({"owed": "-1"}, "credit note"),
        ({"to": None}, "missing due"),
        ({"to": "2024-01-19"}, "due before the invoice"),
        ({"settled": "2024-02-30"}, "paid that does not exist"),
        ({"settled": "2024-01-19"}, "paid before the invoice"),
        ({"asked": "soon"}, "unreadable queried"),
        ({"asked": "2024-01-19"}, "queried before the invoice"),
    ],
    rt.loading.as_offers_made: [
        *_OF_ALL,
        ({"reply": "soon"}, "unreadable responded"),
        ({"reply": "2024-01-19"}, "responded before the offer"),
    ],
    rt.loading.as_calls: _OF_ALL,
}


@every_door
def test_every_problem_of_a_file_stands_in_one_refusal(door):
    """And an audit sets each row aside, with its reason."""
    good = signs().iloc[0].to_dict()
    rows = [good, *({**good, **wrong} for wrong, _ in PROBLEMS[door])]
    names = {**NAMES[door], "known": "learnt"}
    with pytest.raises(rt.ContentError) as refusal:
        door(pd.DataFrame(rows), **names)
    for _, problem in PROBLEMS[door]:
        assert f"{problem}: 1 row" in str(refusal.value)
    audit = rt.audit(door, pd.DataFrame(rows), **names)
    assert len(audit.accepted) == 1
    assert audit.set_aside["reason"].tolist() == [problem for _, problem in PROBLEMS[door]]


@pytest.mark.parametrize(
    ("door", "role"), [(rt.loading.as_invoices, "paid"), (rt.loading.as_offers_made, "responded")]
)
def test_an_answer_on_the_very_day_is_never_early(door, role, engine):
    """Also where one of the two days has an hour: days are compared."""
    day = pd.to_datetime(["2024-01-20 15:00", "2024-02-01 16:00"])
    column = NAMES[door][role]
    same = signs(day=day, **{column: pd.to_datetime(["2024-01-20", None])})
    rows = engine.read(door(engine.table(same), **NAMES[door]), order=["customer_id"])
    assert rows[role].isna().tolist() == [False, True]


def test_what_is_announced_is_known_before_it_happens():
    """It is no fault of the file: the row counts from its day."""
    found = rt.loading.as_events(
        signs(learnt=["2024-01-02", None]), **NAMES[rt.loading.as_events], known="learnt"
    )
    assert found["known"].astype(str).tolist()[0] == "2024-01-02"


def test_credit_notes_are_what_is_said(engine):
    """Left out or kept below 0; they alone need not be due."""
    table = engine.table(signs(owed=[-5.0, 3.0], to=[None, "2024-02-01"]))
    names = NAMES[rt.loading.as_invoices]
    with pytest.raises(rt.ContentError, match="credits='exclude'.*credits='keep'"):
        rt.loading.as_invoices(table, **names)
    without = engine.read(rt.loading.as_invoices(table, **names, credits="exclude"))
    assert without["amount"].tolist() == [3.0]
    kept = engine.read(rt.loading.as_invoices(table, **names, credits="keep"), order=["amount"])
    assert kept["amount"].tolist() == [-5.0, 3.0]
    assert kept["due"].isna().tolist() == [True, False]
    with pytest.raises(rt.RetentionError, match="credits"):
        rt.loading.as_invoices(table, **names, credits="drop")


def test_amounts_are_converted_or_their_currency_is_told():
    """As in the other doors of money."""
    table = signs(owed=[10.0, 10.0], money=["EUR", "USD"])
    told = rt.loading.as_invoices(table, **NAMES[rt.loading.as_invoices], currency="money")
    assert told["currency"].tolist() == ["EUR", "USD"]
    rates = {"EUR": 1, "USD": 0.5}
    converted = rt.loading.as_invoices(
        table, **NAMES[rt.loading.as_invoices], currency="money", rates=rates
    )
    assert converted["amount"].tolist() == [10.0, 5.0]
    assert "currency" not in converted


@every_door
def test_duplicates_are_what_is_said(door):
    """Refused, kept, or dropped but for the first."""
    twice = pd.concat([signs(), signs().head(1)], ignore_index=True)
    with pytest.raises(rt.ContentError, match="exact duplicate line: 1 row"):
        door(twice, **NAMES[door])
    assert len(door(twice, **NAMES[door], duplicates="keep")) == 3
    assert len(door(twice, **NAMES[door], duplicates="drop")) == 2


@every_door
def test_dates_are_read_as_is_said(door):
    """The day first, by a format, or of a clock in a zone; one way for all dates of a file."""
    dates = {name: ["03/04/2024", "05/04/2024"] for name in _DATES}
    with pytest.raises(rt.ContentError, match="ambiguous date"):
        door(signs(**dates), **NAMES[door])
    found = door(signs(**dates), **NAMES[door], day_first=True)
    assert found["date"].astype(str).tolist() == ["2024-04-03", "2024-04-05"]
    found = door(signs(**dates), **NAMES[door], date_format="%m/%d/%Y")
    assert found["date"].astype(str).tolist() == ["2024-03-04", "2024-05-04"]
    late = pd.to_datetime(["2024-01-20 23:30", "2024-02-01 23:30"], utc=True)
    zoned = signs(**dict.fromkeys(_DATES, late))
    found = door(zoned, **NAMES[door], tz="Europe/Berlin")
    assert found["date"].dt.day.tolist() == [21, 2]


_DATES = ("day", "to", "settled", "asked", "reply", "learnt")


@pytest.mark.parametrize(
    ("door", "role"), [(rt.loading.as_events, "event"), (rt.loading.as_calls, "outcome")]
)
def test_codes_name_a_thing_and_decimals_do_not(door, role):
    """Whole numbers become text."""
    column = NAMES[door][role]
    assert door(signs(**{column: [1, 2]}), **NAMES[door])[role].tolist() == ["1", "2"]
    with pytest.raises(rt.ColumnError, match=f"{role}: column '{column}' holds Float64, not text"):
        door(signs(**{column: [1.5, 2.5]}), **NAMES[door])

"""The door for referrals."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
from retention.tables import REFERRALS, require

NAMES = {"customer_id": "by", "referred_id": "who", "date": "joined"}


def came(**columns):
    """Two customers who were won by Ann."""
    known = {"by": ["Ann", "Ann"], "who": ["Bob", "Cem"], "joined": ["2024-01-20", "2024-02-01"]}
    return pd.DataFrame({**known, **columns})


def test_every_engine_reads_who_was_won_by_whom(engine):
    """Two ids and a day, and what is kept; whole numbers stay so."""
    table = engine.table(came(by=[7, 7], who=[8, 9], programme=["card", None]))
    found = rt.as_referrals(table, **NAMES, keep="programme")
    assert engine.is_mine(found)
    assert list(require(found, REFERRALS).collect_schema()) == [*REFERRALS.names, "programme"]
    rows = engine.read(found, order=["referred_id"])
    assert rows["customer_id"].tolist() == [7, 7]
    assert rows["referred_id"].tolist() == [8, 9]
    assert rows["date"].astype(str).tolist() == ["2024-01-20", "2024-02-01"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"who": ["Bob", None]}, "blank referred_id: 1 row"),
        ({"by": ["", "Ann"]}, "blank customer_id: 1 row"),
        ({"joined": ["2024-01-20", "soon"]}, "unreadable date: 1 row"),
        ({"who": ["Bob", "Ann"]}, "referred by itself: 1 row"),
        ({"who": ["Bob", "Bob"], "joined": ["2024-01-20"] * 2}, "exact duplicate line: 1 row"),
    ],
)
def test_what_cannot_be_counted_is_refused(columns, message):
    """And set aside by an audit, with its reason."""
    with pytest.raises(rt.ContentError, match=message):
        rt.as_referrals(came(**columns), **NAMES)
    audit = rt.audit(rt.as_referrals, came(**columns), **NAMES)
    assert (len(audit.accepted), len(audit.set_aside)) == (1, 1)


def test_duplicates_are_what_is_said():
    """Kept, or dropped but for the first."""
    twice = came(who=["Bob", "Bob"], joined=["2024-01-20"] * 2)
    assert len(rt.as_referrals(twice, **NAMES, duplicates="keep")) == 2
    assert len(rt.as_referrals(twice, **NAMES, duplicates="drop")) == 1

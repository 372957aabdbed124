"""Pauses of contracts, from the file to the customers of each month."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt

NAMES = {
    "customer_id": "who",
    "start": "from",
    "end": "to",
    "end_is": "first_day_out",
    "sales": "paid",
    "sales_per": "month",
}
PAUSED = {"pause_start": "paused", "pause_end": "goes on"}


def file():
    """None, one that went on, one that has not, one at the start, one after the end."""
    return pd.DataFrame(
        {
            "who": list("ABCDE"),
            "from": ["2024-01-01"] * 5,
            "to": ["2024-07-01", None, None, None, "2024-03-01"],
            "paid": [10.0, 20.0, 30.0, 40.0, 50.0],
            "paused": [None, "2024-02-10", "2024-03-01", "2024-01-01", "2024-05-01"],
            "goes on": [None, "2024-04-01", None, "2024-02-01", "2024-06-01"],
        }
    )


def rows(engine, table, **said):
    """The contracts that come out, with days as text and "" for none."""
    out = engine.read(
        rt.as_contracts(engine.table(table), **NAMES, **PAUSED, **said),
        order=["customer_id", "start"],
    )
    days = [pd.to_datetime(out[name]).dt.strftime("%m-%d").fillna("") for name in ("start", "end")]
    return list(zip(out["customer_id"], *days, out["sales"], strict=True))


def test_every_engine_parts_a_paused_contract_in_what_was_in_force_before_and_after(engine):
    """A pause that reaches over an end of the contract takes off as much of it as there is."""
    assert rows(engine, file(), pauses="exclude") == [
        ("A", "01-01", "07-01", 10.0),
        ("B", "01-01", "02-10", 20.0),
        ("B", "04-01", "", 20.0),
        ("C", "01-01", "03-01", 30.0),
        ("D", "02-01", "", 40.0),
        ("E", "01-01", "03-01", 50.0),
    ]


def test_every_engine_lets_a_paused_customer_stay_for_nothing(engine):
    """The time between is a row of its own."""
    assert rows(engine, file(), pauses="include") == [
        ("A", "01-01", "07-01", 10.0),
        ("B", "01-01", "02-10", 20.0),
        ("B", "02-10", "04-01", 0.0),
        ("B", "04-01", "", 20.0),
        ("C", "01-01", "03-01", 30.0),
        ("C", "03-01", "", 0.0),
        ("D", "01-01", "02-01", 0.0),
        ("D", "02-01", "", 40.0),
        ("E", "01-01", "03-01", 50.0),
    ]


def test_the_customers_of_a_month_are_those_under_contract_and_not_paused():
    """B is away in March, C from March on; held for nothing, they count and bring nothing."""
    counted = {}
    for pauses in ("exclude", "include"):
        contracts = rt.as_contracts(file(), **NAMES, **PAUSED, pauses=pauses)
        months = rt.contract_periods(contracts, freq="month", as_of="2024-05-31")
        by_month = months.groupby("period")["sales"].agg(["size", "sum"])
        counted[pauses] = [tuple(row) for row in by_month.to_numpy()]
    assert counted["exclude"] == [(4, 110), (5, 150), (2, 50), (3, 70), (3, 70), (3, 70)]
    assert counted["include"] == [(5, 110), (5, 150), (4, 50), (4, 70), (4, 70), (4, 70)]


def test_a_short_pause_within_the_grace_is_no_churn():
    """As of any other gap between contracts."""
    contracts = rt.as_contracts(file().iloc[[1]], **NAMES, **PAUSED, pauses="exclude")
    spells = [rt.contract_spells(contracts, grace=days, as_of="2024-12-31") for days in (50, 51)]
    assert [table["churned"].tolist() for table in spells] == [[True, False], [False]]


def test_pauses_are_refused_until_it_is_said_what_they_are(engine):
    """What is advised is said, and it is."""
    with pytest.raises(rt.ContentError, match="pause: 4 rows.*pauses='exclude'"):
        rt.as_contracts(engine.table(file()), **NAMES, **PAUSED)
    assert len(rows(engine, file(), pauses="exclude")) == 6


def test_who_was_paused_all_the_time_is_counted_by_the_audit():
    """Left out with a reason, as nothing of it was ever in force."""
    table = file().assign(paused="2023-12-01").iloc[[0, 2]].assign(**{"goes on": None})
    audit = rt.audit(rt.as_contracts, table, **NAMES, **PAUSED, pauses="exclude")
    assert audit.set_aside["reason"].tolist() == ["paused from the first day to the last"] * 2
    assert len(audit.accepted) == 0


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"paused": "2024-05-01", "goes on": "2024-04-01"}, "end of a pause before its start"),
        ({"paused": None, "goes on": "2024-04-01"}, "end of a pause without its start"),
        ({"paused": "soon", "goes on": None}, "unreadable pause_start"),
    ],
)
def test_pauses_that_make_no_sense_are_refused(changed, reason):
    """Each by its name; left out as incomplete, and counted, where that is said."""
    table = pd.concat([file(), file().iloc[[0]].assign(who="X", **changed)])
    with pytest.raises(rt.ContentError, match=f"{reason}: 1 row"):
        rt.as_contracts(table, **NAMES, **PAUSED, pauses="exclude")
    with pytest.warns(rt.RetentionWarning, match=f"1 row of 6 left out.*{reason} 1"):
        out = rt.as_contracts(table, **NAMES, **PAUSED, pauses="exclude", incomplete="drop")
    assert "X" not in set(out["customer_id"])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"pauses": "exclude"}, "say `pause_start=`"),
        ({"pause_end": "goes on"}, "say `pause_start=`, too"),
        ({"pause_start": "paused", "pauses": "skip"}, "'error', 'exclude', 'include'"),
    ],
)
def test_what_does_not_go_together_is_refused(said, message):
    """And a word that is none."""
    with pytest.raises(rt.RetentionError) as refusal:
        rt.as_contracts(file(), **NAMES, **said)
    assert message.replace("`", "") in str(refusal.value).replace("`", "")

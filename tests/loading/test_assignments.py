"""The door for assignments: every engine, every check, customers in two arms, planned shares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from retention.tables import ASSIGNMENT, require

HALVES = {"control": 0.5, "offer": 0.5}
NAMES = {"customer_id": "who", "arm": "group", "assigned": "day", "shares": HALVES}
FULL = {**NAMES, "stratum": "region", "cluster": "branch", "exposed": "seen"}


def log(**columns):
    """Three customers in two arms."""
    known = {
        "who": ["Ann", "Bob", "Cem"], "group": ["offer", "control", "offer"],
        "day": ["2024-05-01", "2024-05-01", "2024-05-02"], "region": ["N", None, "S"],
        "branch": [7, 7, 8], "seen": ["2024-05-01", None, "2024-05-20"],
    }  # fmt: skip
    return pd.DataFrame({**known, **columns})


def test_every_engine_reads_an_assignment(engine):
    """With its planned shares, what is empty in a stratum, and what is kept; rows in order."""
    found = rt.loading.as_assignment(engine.table(log(plan=["x", "y", None])), **FULL, keep="plan")
    assert engine.is_mine(found)
    assert list(require(found, ASSIGNMENT).collect_schema()) == [*ASSIGNMENT.names, "plan"]
    rows = engine.read(found, order=["customer_id"])
    assert rows["arm"].tolist() == ["offer", "control", "offer"]
    assert rows["share"].tolist() == [0.5] * 3
    assert rows["stratum"].tolist() == ["N", "(missing)", "S"]
    assert rows["cluster"].tolist() == ["7", "7", "8"]
    assert rows["exposed"].isna().tolist() == [False, True, False]
    assert rows["assigned"].astype(str).tolist() == ["2024-05-01", "2024-05-01", "2024-05-02"]


def test_every_engine_leaves_out_who_was_in_two_arms_on_request(engine):
    """And of several rows of one arm keeps the earliest, wherever it stands."""
    days = ["2024-05-09", "2024-05-01", "2024-05-03", "2024-05-04", "2024-05-05"]
    twice = log().iloc[[0, 0, 1, 2, 2]].assign(day=days, seen=None)
    twice["group"] = ["offer", "offer", "control", "offer", "control"]
    twice.loc[len(twice)] = twice.iloc[2].to_dict() | {"who": "Dee"}
    table = engine.table(twice.reset_index(drop=True))
    read = engine.read(
        rt.loading.as_assignment(table, **NAMES, duplicates="drop"), order=["customer_id"]
    )
    assert read["customer_id"].tolist() == ["Ann", "Bob", "Dee"]
    assert read["assigned"].astype(str).tolist() == ["2024-05-01", "2024-05-03", "2024-05-03"]
    with pytest.raises(rt.ContentError) as refusal:
        rt.loading.as_assignment(table, **NAMES)
    said = str(refusal.value)
    assert (
        "1 customer is in more than one arm, the first is Cem (control, offer). They saw both: "
        "leave them out, or say duplicates='drop' and read sample_ratio again."
    ) in said
    assert "customer with several rows: 1 row" in said
    assert "audit(as_assignment, ...) parts such rows" in said


def test_the_advice_on_two_arms_helps():
    """Left out by hand, or dropped: the same; and `sample_ratio` reads what is left."""
    both = pd.concat([log(), log(group="control").tail(1)], ignore_index=True)
    dropped = rt.loading.as_assignment(both, **NAMES, duplicates="drop")
    by_hand = rt.loading.as_assignment(both[both["who"] != "Cem"], **NAMES)
    pd.testing.assert_frame_equal(dropped, by_hand)
    assert rt.experiments.sample_ratio(dropped)["n"].tolist() == [1, 1]
    audit = rt.audit(rt.loading.as_assignment, both, **NAMES)
    assert audit.set_aside["who"].tolist() == ["Cem", "Cem"]
    assert set(audit.set_aside["reason"]) == {"customer in more than one arm"}


WRONG = [
    ({"who": None}, "blank customer_id"),
    ({"day": None}, "missing assigned"),
    ({"day": "soon"}, "unreadable assigned"),
    ({"group": None}, "blank arm"),
    ({"group": "ofer"}, "arm without a planned share"),
    ({"branch": None}, "blank cluster"),
    ({"seen": "later"}, "unreadable exposed"),
    ({"seen": "2024-04-30"}, "exposed before assigned"),
    ({"who": "Ann", "group": "control"}, "customer in more than one arm"),
    ({"who": "Bob"}, "customer with several rows"),
]


@pytest.mark.parametrize(("changed", "reason"), WRONG, ids=[reason for _, reason in WRONG])
def test_each_fault_of_a_row_is_refused_and_can_be_left_out(changed, reason):
    """An audit sets it aside; the rest is accepted."""
    good = log(branch=["7", "7", "8"])
    row = {**good.iloc[1].to_dict(), "who": "Eva", **changed}
    table = pd.concat([good, pd.DataFrame([row])], ignore_index=True)
    with pytest.raises(rt.ContentError, match=f"{reason}: "):
        rt.loading.as_assignment(table, **FULL)
    audit = rt.audit(rt.loading.as_assignment, table, **FULL)
    assert set(audit.set_aside["reason"]) == {reason}
    left = table.drop(index=[3, *([0] if "arm" in reason and "more" in reason else [])])
    assert len(rt.loading.as_assignment(left, **FULL)) == len(audit.accepted)


def test_on_the_very_day_nobody_is_early():
    """Whatever the hour."""
    day = pd.to_datetime(["2024-05-01 15:00"] * 3)
    found = rt.loading.as_assignment(log(day=day, seen=pd.to_datetime(["2024-05-01"] * 3)), **FULL)
    assert len(found) == 3


def test_rows_that_are_left_out_put_nobody_into_a_second_arm():
    """Neither those that are not meant, nor incomplete ones."""
    more = pd.concat([log(), log(group="control", day=None).head(1)], ignore_index=True)
    with pytest.warns(rt.RetentionWarning, match="1 row of 4 left out as incomplete"):
        found = rt.loading.as_assignment(more, **NAMES, incomplete="drop")
    assert len(found) == 3
    tested = pd.concat([log().assign(kind="real"), log(group="control").assign(kind="test")])
    found = rt.loading.as_assignment(tested, **NAMES, where={"kind": "real"})
    assert len(found) == 3


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"control": 0.5, "offer": 0.4}, r"shares must sum to 1; they sum to 0\.9"),
        ({"offer": 1.0}, "two arms or more"),
        ({"control": 0.3, "offer": 0.3, "call": 0.4}, "shares names 'call', and nobody is in"),
        ("even", "shares must say the share of each arm"),
        ({"control": 0.5, None: 0.5}, "arms have names"),
    ],
)
def test_shares_that_do_not_fit_are_refused(shares, said):
    """Nor those of arms that the table does not have."""
    with pytest.raises(rt.RetentionError, match=said):
        rt.loading.as_assignment(log(), **{**NAMES, "shares": shares})


def test_arms_may_be_numbers():
    """0 and 1 become text, said as either."""
    for shares in ({0: 0.5, 1: 0.5}, {"0": 0.5, "1": 0.5}):
        found = rt.loading.as_assignment(log(group=[1, 0, 1]), **{**NAMES, "shares": shares})
        assert found["arm"].tolist() == ["1", "0", "1"]
    with pytest.raises(rt.ColumnError, match="holds Float64, not text"):
        rt.loading.as_assignment(log(group=[1.0, 0.0, 0.5]), **NAMES)


def test_there_are_two_policies_for_duplicates():
    """Nobody keeps a customer in two arms."""
    with pytest.raises(rt.RetentionError, match="duplicates must be one of 'error', 'drop'"):
        rt.loading.as_assignment(log(), **NAMES, duplicates="keep")


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["control", "offer"]), st.integers(1, 9)),
        min_size=1, max_size=14,
    )
)  # fmt: skip
def test_dropping_agrees_with_its_definition(rows):
    """By sets: customers of one arm, at their earliest row."""
    arms, first = {}, {}
    for who, arm, day in rows:
        arms.setdefault(who, set()).add(arm)
        first[who] = min(first.get(who, 99), day)
    kept = {who: first[who] for who, several in arms.items() if len(several) == 1}
    table = pd.DataFrame(rows, columns=["who", "group", "day"])
    table["day"] = [f"2024-05-0{day}" for day in table["day"]]
    present = {arm for who, some in arms.items() if who in kept for arm in some}
    if len(present) < 2:
        with pytest.raises(rt.ContentError, match=r"nothing is left|nobody is in that arm"):
            rt.loading.as_assignment(table, **NAMES, duplicates="drop")
        return
    found = rt.loading.as_assignment(table, **NAMES, duplicates="drop")
    days = np.array([day.day for day in found["assigned"]])
    assert dict(zip(found["customer_id"], days, strict=True)) == kept


def test_a_file_is_its_table(tmp_path):
    """Read by the door's own call, in the engine that was asked for."""
    path = tmp_path / "log.csv"
    log().to_csv(path, index=False, sep=";")
    expected = rt.loading.as_assignment(log(branch=["7", "7", "8"]), **FULL)
    pd.testing.assert_frame_equal(rt.loading.as_assignment(path, separator=";", **FULL), expected)
    lazy = rt.loading.as_assignment(path, separator=";", engine="duckdb", **FULL)
    assert sorted(lazy.df()["arm"]) == ["control", "offer", "offer"]
    with pytest.raises(TypeError, match="unexpected keyword argument 'share'.*'shares'"):
        rt.loading.as_assignment(path, **NAMES, share=HALVES)

"""alarm_leads: against loops over the lost, and against the recall of alarm_kpis."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from alarm_lives import alarms_of, customers, day, listed, spells_of
from conftest import Engine
from retention.signals.judging.alarm_leads import alarm_leads

LEADS = (0, 3, 7, 30)


def naive_leads(alarms, lives, terms, which):
    """{lead: who was warned, and how long before}, of all who could be warned of in full."""
    horizon, apart, first, last = terms
    lost = [(w, s, e) for w, s, e, _ in lives if e is not None and first + horizon <= e <= last]
    found = {}
    for lead in LEADS:
        ahead = max(lead, 1)
        warned = []
        for who, start, end in lost:
            before = sorted(
                end - rang
                for owner, rang in alarms
                if owner == who and max(start, first) <= rang < end and end - rang <= horizon
            )
            stood = [u for u in before if ahead <= u < ahead + apart]
            told = {"first": before[-1:], "last": before[:1], "standing": stood[:1]}[which]
            warned += [u for u in told if u >= ahead]
        found[lead] = (len(lost), len(warned), median(warned) if warned else None)
    return found


def agrees_with_loops(engine, alarms, lives, terms, which):
    """Counts and medians are those found by hand."""
    horizon, apart, first, last = terms
    answer = alarm_leads(
        engine.table(alarms_of(alarms)), engine.table(spells_of(lives, seen_to=60)),
        leads=LEADS, which=which, horizon=horizon, apart=apart, as_of=day(last),
        observed_from=day(first), silence=None,
    )  # fmt: skip
    rows = engine.read(answer, order=["lead"])
    expected = naive_leads(alarms, lives, terms, which)
    assert rows["lead"].tolist() == list(LEADS)
    for row in rows.to_dict("records"):
        n, warned, middle = expected[row["lead"]]
        assert (row["n_churners"], row["n_warned"]) == (n, warned)
        if middle is not None:
            assert row["median_among_warned"] == middle
        if n and row["lead"] <= horizon:
            assert row["share_warned"] == pytest.approx(warned / n)
            assert row["lower"] <= row["share_warned"] <= row["upper"]
        else:
            assert np.isnan(row["share_warned"])
            assert row["reason"]


life = st.tuples(st.integers(0, 40), st.none() | st.integers(1, 45))
rang = st.tuples(st.sampled_from("abcdef"), st.integers(0, 12))
SOME = (
    [("a", 5), ("a", 12), ("a", 20), ("b", 3), ("b", 30), ("c", 20), ("f", 9), ("e", 1)],
    [("a", 0, 25, "n"), ("b", 2, 33, "n"), ("c", 10, None, "n"), ("e", 3, 35, "n"),
     ("f", 9, 40, "n")],
)  # fmt: skip


@given(
    lives=st.lists(life, min_size=1, max_size=5),
    alarms=st.lists(rang, min_size=1, max_size=12, unique=True),
    terms=st.tuples(st.integers(5, 30), st.integers(1, 5), st.integers(0, 10)),
    which=st.sampled_from(["first", "last", "standing"]),
)
def test_agrees_with_loops_over_the_lost(lives, alarms, terms, which):
    """Several alarms before an end, leads beyond the horizon, alarms too close to the start."""
    told = [
        ("abcde"[i], start, None if lasted is None or start + lasted > 60 else start + lasted, "n")
        for i, (start, lasted) in enumerate(lives)
    ]
    rung = sorted((who, 5 * place) for who, place in alarms)
    agrees_with_loops(Engine("pandas"), rung, told, (*terms, 60), which)


def test_every_engine_agrees_with_loops(engine):
    """All three ways to tell how early an alarm was."""
    for which in ("first", "last", "standing"):
        agrees_with_loops(engine, *SOME, (22, 5, 2, 60), which)


SAID = {
    "horizon": 60, "apart": 30, "as_of": day(300), "observed_from": day(0), "silence": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def lots():
    """A world, and lots drawn in it each week."""
    spells = customers(1500)
    snapshots = listed(spells).assign(score=0.0)
    said = {"score": "score", "calls": 40, "apart": 30, "signal": "lots"}
    return rt.signals.ring_alarms(snapshots, **said), spells


def test_the_first_alarm_leads_to_the_recall_of_the_kpis(lots):
    """Share warned at least L days ahead is recall with `least` L, chance and value included."""
    rang, spells = lots
    worth = spells[["customer_id"]].assign(value=np.arange(len(spells)) % 7 + 1.0)
    found = alarm_leads(rang, spells, leads=(1, 7, 14, 30), values=worth, **SAID)
    for row in found.to_dict("records"):
        (kpis,) = rt.signals.alarm_kpis(
            rang, spells, least=row["lead"], values=worth, **SAID
        ).to_dict("records")
        assert row["share_warned"] == pytest.approx(kpis["recall"])
        assert row["chance_share"] == pytest.approx(kpis["chance_recall"])
        assert row["value_share"] == pytest.approx(kpis["value_recall"])
        assert (row["lower"], row["upper"]) == (kpis["recall_lower"], kpis["recall_upper"])
    shares = found["share_warned"].tolist()
    assert shares == sorted(shares, reverse=True)


def test_random_alarms_warn_as_chance_says_and_have_long_medians(lots):
    """All three ways: within the error, and the median is no merit."""
    for which in ("first", "last", "standing"):
        found = alarm_leads(*lots, leads=(7, 14, 30), which=which, **SAID)
        assert (found["share_warned"] - found["chance_share"]).abs().max() < 0.06
    first = alarm_leads(*lots, leads=0, **SAID)
    assert first["median_among_warned"][0] > 30


def test_segments_and_what_was_not_asked_for(lots):
    """Counts of segments add up; without values nulls; with silence the last order is told."""
    rang, spells = lots
    whole = alarm_leads(rang, spells, leads=[7, 30], **SAID)
    parts = alarm_leads(rang, spells, leads=[7, 30], by="region", **{**SAID, "silence": 20})
    assert parts.groupby("lead")["n_warned"].sum().tolist() == whole["n_warned"].tolist()
    assert parts["before_last_order"].tolist() == [-13, 10] * 2
    assert whole["before_last_order"].isna().all()
    assert whole[["value_lost", "value_share"]].isna().all(axis=None)


def test_what_cannot_be_told_is_refused(lots):
    """Each message."""
    for match, changed in {
        "which must be one of 'first', 'last', 'standing'": {"which": "median"},
        "leads must be a whole number of days, 0 or more; got -1": {"leads": [-1]},
        "leads: say at least one": {"leads": []},
        "leads must be a whole number of days, 0 or more; got '7'": {"leads": "7"},
    }.items():
        with pytest.raises(rt.RetentionError, match=match):
            alarm_leads(*lots, **{**SAID, **changed})
    with pytest.raises(rt.ContentError, match="fewer than apart=40 days.*say apart="):
        alarm_leads(*lots, **{**SAID, "apart": 40})

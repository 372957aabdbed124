"""ring_alarms: against loops over days, at a budget and at a threshold."""

from __future__ import annotations

from math import isnan, nan
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from retention.signals.alarms.ring_alarms import ring_alarms

FIRST = pd.Timestamp("2024-01-01")


def scores_of(rows):
    """Snapshots of (customer, day, score)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "as_of", "risk"])
    days = FIRST + pd.to_timedelta(frame["as_of"].astype(int), unit="D")
    return frame.assign(as_of=days.astype("datetime64[us]"), risk=frame["risk"].astype(float))


def lot(customer, day):
    """The lot a customer draws on a day: SplitMix64's last step on crc32 and the day."""
    whole = 2**64
    mixed = (crc32(str(customer).encode()) << 32) | (FIRST + pd.Timedelta(days=day)).toordinal()
    mixed -= pd.Timestamp("1970-01-01").toordinal()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> shift)) * factor % whole
    return mixed ^ (mixed >> 31)


def naive_top(rows, calls, apart):
    """Each day the highest, of those who did not ring lately."""
    last, rang = {}, []
    for day in sorted({day for _, day, _ in rows}):
        free = [
            (-score, lot(who, day), who)
            for who, on, score in rows
            if on == day and not isnan(score) and day - last.get(who, -(10**6)) >= apart
        ]
        for score, _, who in sorted(free)[:calls]:
            last[who] = day
            rang.append((day, who, -score))
    return sorted(rang)


def naive_threshold(rows, line, clear, apart):
    """Each customer on its own, day by day."""
    rang = []
    for who in {who for who, *_ in rows}:
        quiet, last = True, -(10**6)
        for _, day, score in sorted(row for row in rows if row[0] == who):
            if score < clear:
                quiet = True
            if quiet and score >= line and day - last >= apart:
                quiet, last = False, day
                rang.append((day, who, score))
    return sorted(rang)


def found_rows(engine, rows, **asked):
    """Alarms as (day, customer, score), sorted."""
    answer = ring_alarms(engine.table(scores_of(rows)), score="risk", signal="s", **asked)
    frame = engine.read(answer)
    assert set(frame["signal"]) <= {"s"}
    days = (pd.to_datetime(frame["date"]) - FIRST).dt.days
    return sorted(zip(days, frame["customer_id"], frame["score"], strict=True))


row = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee", "Eve"]),
    st.integers(0, 9),
    st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, nan]),
)
rows_of_days = st.lists(row, min_size=1, max_size=30, unique_by=lambda one: one[:2])
SOME = [
    ("Ann", 0, 2.0), ("Bob", 0, 2.0), ("Cem", 0, nan), ("Ann", 3, 0.5), ("Bob", 3, 1.0),
    ("Cem", 3, 1.0), ("Dee", 3, 1.0), ("Ann", 8, 2.0), ("Bob", 8, -1.0), ("Bob", 9, 2.0),
]  # fmt: skip


@given(rows=rows_of_days, calls=st.integers(1, 3), apart=st.integers(1, 6))
def test_a_budget_agrees_with_loops_over_days(rows, calls, apart):
    """Ties, unknown scores, days on which fewer are free than may ring."""
    expected = naive_top(rows, calls, apart)
    assert found_rows(Engine("pandas"), rows, calls=calls, apart=apart) == expected


@given(
    rows=rows_of_days,
    lines=st.sampled_from([(1.0, 1.0), (1.0, 0.5), (0.5, 0.0), (2.0, 2.0)]),
    apart=st.integers(1, 6),
)
def test_a_threshold_agrees_with_loops_over_customers(rows, lines, apart):
    """Scores that hover, come back within the days apart, or are not known for a while."""
    asked = {"policy": "threshold", "threshold": lines[0], "clear": lines[1], "apart": apart}
    assert found_rows(Engine("pandas"), rows, **asked) == naive_threshold(rows, *lines, apart)


def test_every_engine_agrees_with_loops(engine):
    """Both policies."""
    assert found_rows(engine, SOME, calls=1, apart=4) == naive_top(SOME, 1, 4)
    asked = {"policy": "threshold", "threshold": 1, "apart": 2}
    assert found_rows(engine, SOME, **asked) == naive_threshold(SOME, 1, 1, 2)


def test_ids_that_are_numbers_stay_numbers(engine):
    """And those of no alarm at all are of their type still."""
    ids = {"Ann": 7, "Bob": 8, "Cem": 9, "Dee": 10}
    rows = [(ids[who], day, score) for who, day, score in SOME]
    assert found_rows(engine, rows, calls=1, apart=4) == naive_top(rows, 1, 4)
    nothing = engine.table(scores_of(rows))
    empty = ring_alarms(
        nothing, score="risk", policy="threshold", threshold=99, apart=1, signal="s"
    )
    assert engine.is_mine(empty)
    read = engine.read(empty)
    assert list(read.columns) == ["customer_id", "date", "signal", "score"]
    assert not len(read)


def random_rows(n=60, days=20, seed=3):
    """Scores of many customers and days, with ties."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 12, (n, days)) / 4.0
    return [(f"c{i:02}", day, values[i, day]) for i in range(n) for day in range(days)]


def test_monotone_scores_and_shuffled_rows_make_the_same_alarms():
    """Only the order of scores counts, and never that of rows."""
    table = scores_of(random_rows())
    said = {"score": "risk", "calls": 3, "apart": 5, "signal": "s"}
    plain = ring_alarms(table, **said)
    curved = ring_alarms(table.assign(risk=np.exp(table["risk"])), **said)
    mixed = ring_alarms(table.sample(frac=1, random_state=1), **said)
    pd.testing.assert_frame_equal(mixed, plain)
    pd.testing.assert_frame_equal(curved.drop(columns="score"), plain.drop(columns="score"))
    assert plain.groupby("date").size().tolist() == [3] * 20


def test_who_ties_draws_lots_anew_each_day():
    """With equal scores every customer is called about as often, and not with the same others."""
    rows = [(f"c{i:03}", day, 1.0) for i in range(100) for day in range(200)]
    rang = ring_alarms(scores_of(rows), score="risk", calls=10, apart=1, signal="lots")
    often = rang.groupby("customer_id").size().reindex([f"c{i:03}" for i in range(100)]).fillna(0)
    chi = ((often - 20) ** 2 / (20 * 0.9)).sum()
    assert 60 < chi < 150  # 99 degrees of freedom
    together = pd.crosstab(rang["customer_id"], rang["date"])
    pairs = (together.to_numpy() @ together.to_numpy().T)[np.triu_indices(100, 1)]
    assert pairs.max() < 10  # 200 · 10 · 9 / (100 · 99) = 1.8 on average


def test_a_threshold_cannot_meet_a_budget():
    """Onsets of a random walk rise and fall with the threshold."""
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(size=(60, 100)), axis=1)
    rows = [(f"c{i:02}", day, walk[i, day]) for i in range(60) for day in range(100)]
    table, said = scores_of(rows), {"score": "risk", "policy": "threshold", "signal": "s"}
    onsets = [len(ring_alarms(table, threshold=q, apart=1, **said)) for q in (-20, 0, 10)]
    assert onsets[0] < onsets[1] > onsets[2]
    hysteresis = ring_alarms(table, threshold=0, clear=-2, apart=1, **said)
    assert len(hysteresis) < onsets[1]


def test_what_cannot_be_rung_is_refused():
    """Each message, and what it says to do."""
    table = scores_of(SOME)
    said = {"score": "risk", "calls": 1, "apart": 4, "signal": "s"}

    def refused(match, error=rt.RetentionError, table=table, **changed):
        with pytest.raises(error, match=match):
            ring_alarms(table, **{**said, **changed})

    refused(r"policy must be one of 'top', 'threshold'", policy="best")
    refused(r"policy='top' asks how much: say calls=", calls=None)
    refused(r"policy='threshold' asks how much: say threshold=", policy="threshold", calls=None)
    refused(r"threshold= says nothing where policy='top'", threshold=1)
    refused(r"calls= says nothing", policy="threshold", threshold=1)
    refused("clear is 2, above threshold 1", policy="threshold", calls=None, threshold=1, clear=2)
    refused("threshold is a score", policy="threshold", calls=None, threshold="high")
    refused("calls must be a whole number of calls, 1 or more", calls=0)
    refused("apart must be a whole number of days, 1 or more", apart=0)
    refused("signal is what the alarms are called", signal="")
    refused("Did you mean 'risk'", rt.ColumnError, score="risks")
    refused("would know the future", rt.ColumnError, score="churned",
            table=table.assign(churned=1.0))  # fmt: skip
    refused("A score is a number", rt.ColumnError, score="customer_id")
    refused("empty", rt.ContentError, table=table.iloc[:0])
    refused("1 row has no customer_id. Leave them out", rt.ContentError,
            table=table.assign(customer_id=[None, *table["customer_id"][1:]]))  # fmt: skip
    refused("2 rows have no as_of", rt.ContentError,
            table=table.assign(as_of=table["as_of"].where(table.index > 1)))  # fmt: skip
    twice = pd.concat([table, table.iloc[[3]]])
    refused(
        "1 row too many: customer 'Ann' has several on 2024-01-04", rt.ContentError, table=twice
    )
    assert len(ring_alarms(twice.drop_duplicates(["customer_id", "as_of"]), **said)) == 4


@pytest.mark.parametrize("name", ["a.b", "*", "signal", "date", '"'])
def test_a_score_may_have_any_name(name):
    """Even one of the answer's own."""
    table = scores_of(SOME).rename(columns={"risk": name})
    assert len(ring_alarms(table, score=name, calls=1, apart=4, signal="s")) == 4

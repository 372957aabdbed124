"""person_periods: every spell cut into intervals, against a loop over spells and intervals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retention.errors import ColumnError, ContentError, RetentionError
from retention.survival.counts.histories import read_spells
from retention.survival.counts.person_periods import (
    DAYS_IN,
    intervals_at_risk,
    lengths_in_days,
    person_periods,
)

ignore_unseen = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def naive_rows(spells, unit, duration_unit):
    """(customer, interval, churned): walk the intervals of each spell, one after the other."""
    length, day = Fraction(DAYS_IN[unit]), Fraction(DAYS_IN[duration_unit])
    origin = 0 if any(s["churned"] and s["duration"] == 0 for s in spells) else 1
    rows = []
    for spell in spells:
        lasted, entered = Fraction(spell["duration"]) * day, Fraction(spell["entry"]) * day
        for j in range(origin, 10_000):
            opens, closes = (j - 1) * length, j * length
            if opens >= lasted and not (j == 0 and lasted == 0):
                break
            if entered > 0 and opens < entered:
                continue
            if closes <= lasted or spell["churned"]:
                ends_here = spell["churned"] and opens < lasted <= closes
                rows.append((spell["customer_id"], j, ends_here))
    return sorted(rows)


spell = st.fixed_dictionaries(
    {
        "duration": st.sampled_from([0, 1, 7, 30, 31, 60, 61, 91, 92, 183, 365, 366, 487, 974]),
        "churned": st.booleans(),
        "entry": st.sampled_from([0, 0, 0, 1, 30, 31, 60, 100]),
    }
)
units = st.sampled_from(
    [("month", "day"), ("week", "day"), ("month", "month"), ("quarter", "month"), ("year", "week")]
)


@ignore_unseen
@given(rows=st.lists(spell, min_size=1, max_size=8), units=units)
def test_agrees_with_a_walk_along_each_spell(engine, rows, units):
    """Every row: ends, intervals seen whole, late entries, ends at 0."""
    spells = [{"customer_id": i, **row} for i, row in enumerate(rows)]
    assume(any(s["entry"] < s["duration"] or s["entry"] == 0 for s in spells))
    frame = pd.DataFrame(spells)
    unit, duration_unit = units
    answer = person_periods(engine.table(frame), unit=unit, duration_unit=duration_unit)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["customer_id", "interval"])
    assert list(found.columns) == ["customer_id", "interval", "churned"]
    expected = naive_rows(
        [s for s in spells if s["entry"] < s["duration"] or s["entry"] == 0], *units
    )
    assert list(found.itertuples(index=False, name=None)) == expected


@ignore_unseen
@given(rows=st.lists(spell, min_size=1, max_size=8), units=units)
def test_first_and_last_interval_are_those_of_the_rows(rows, units):
    """What the hazard model counts is what the table has."""
    frame = pd.DataFrame(rows).assign(customer_id=range(len(rows)))
    usable = frame[(frame["entry"] < frame["duration"]) | (frame["entry"] == 0)]
    assume(not usable.empty)
    table = person_periods(usable, unit=units[0], duration_unit=units[1])
    first, last = intervals_at_risk(read_spells(usable), lengths_in_days(*units))
    assert len(table) == np.maximum(last - first + 1, 0).sum()
    ends = table.groupby("customer_id")["interval"].agg(["min", "max"])
    seen = last >= first
    assert ends["min"].tolist() == first[seen].tolist()
    assert ends["max"].tolist() == last[seen].tolist()


def test_kept_columns_and_weights_go_along():
    """The table's own columns, unchanged; the caller's table too."""
    frame = pd.DataFrame(
        {
            "duration": [40, 70],
            "churned": [True, False],
            "n_spells": [3, 1],
            "plan": pd.Categorical(["full", "basic"]),
            "x": [1.5, None],
        }
    )
    before = frame.copy(deep=True)
    table = person_periods(frame, keep=["plan", "x"])
    pd.testing.assert_frame_equal(frame, before)
    assert list(table.columns) == ["interval", "churned", "n_spells", "plan", "x"]
    rows = table.sort_values(["n_spells", "interval"])
    assert rows["interval"].tolist() == [1, 2, 1, 2]
    assert rows["churned"].tolist() == [False, False, False, True]
    assert rows["plan"].tolist() == ["basic", "basic", "full", "full"]
    assert rows["x"].tolist()[2:] == [1.5, 1.5]


def test_spells_that_are_set_aside_have_no_rows():
    """They cannot be used in survival analysis, here neither."""
    frame = pd.DataFrame(
        {"duration": [2, 2], "churned": [True, True], "set_aside": [None, "ended before it began"]}
    )
    table = person_periods(frame, unit="month", duration_unit="month")
    assert table["interval"].tolist() == [1, 2]


def test_an_interval_under_way_has_no_row_yet():
    """Seen for 60 days: one month of 30.4375 days is over. Seen to end on day 61: in the third."""
    running = pd.DataFrame({"duration": [60, 61], "churned": [False, False]})
    assert person_periods(running)["interval"].tolist() == [1, 1, 2]
    ended = running.assign(churned=True)
    assert person_periods(ended)["interval"].tolist() == [1, 1, 2, 2, 3]


def test_nothing_seen_whole_is_an_empty_table(engine):
    """With the columns it always has."""
    frame = pd.DataFrame({"customer_id": ["Ann"], "duration": [5], "churned": [False]})
    found = engine.read(person_periods(engine.table(frame)))
    assert found.empty
    assert list(found.columns) == ["customer_id", "interval", "churned"]


ONE = pd.DataFrame({"customer_id": ["Ann"], "duration": [5], "churned": [True], "plan": ["a"]})


@pytest.mark.parametrize(
    ("spells", "asked", "error", "message"),
    [
        (ONE, {"unit": "fortnight"}, RetentionError, "unit must be one of 'day', 'week'"),
        (ONE, {"duration_unit": "hour"}, RetentionError, "duration_unit must be one of"),
        (
            ONE,
            {"unit": "day", "duration_unit": "month"},
            RetentionError,
            "unit='day' is shorter than duration_unit='month'",
        ),
        (ONE, {"keep": "plan_"}, ColumnError, "keep names 'plan_'.*Did you mean 'plan'"),
        (ONE, {"keep": "churned"}, ColumnError, "keep: 'churned' is a name that answers use"),
        (ONE, {"keep": ["plan", "plan"]}, ColumnError, "keep names a column twice"),
        (ONE.assign(duration=-1), {}, ContentError, "1 has a negative duration"),
        (ONE.iloc[:0], {}, ContentError, "Is the table empty"),
    ],
)
def test_what_cannot_be_meant_is_refused(spells, asked, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        person_periods(spells, **asked)

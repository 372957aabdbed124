"""contract_snapshots and label_churn: which relationships ran, and which ended, one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from conftest import Engine
from lasting import contracts
from watched_days import BEGIN, asked_table, day, table_of

AS_OF, GRACE = 90, 3

signed = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem"]), st.integers(0, 80), st.none() | st.integers(0, 60)
)
some_days = st.lists(st.integers(0, AS_OF - GRACE), min_size=1, max_size=5)


def spells_of(rows, observed_from=None):
    """Spells of contracts as (customer, first day, days or None)."""
    until = lambda start, n: None if n is None else day(start + n)  # noqa: E731
    table = contracts(*((who, day(start), until(start, n)) for who, start, n in rows))
    first = None if observed_from is None else day(observed_from)
    return rt.contract_spells(table, as_of=day(AS_OF), grace=GRACE, observed_from=first)


def running_on(spells, a):
    """The spells that ran on a day: (customer, spell, start, day of the end or None, last seen)."""
    found = []
    for row in spells.to_dict("records"):
        start = (row["start"].date() - BEGIN).days
        last = start + row["duration"]
        late = 0 if np.isnan(row["entry"]) else int(row["entry"])
        if row["set_aside"] == "began within the grace period":
            continue
        if start + late <= a and (a < last if row["churned"] else a <= last):
            found.append((row["customer_id"], row["spell"], start, row["churned"], last))
    return found


def naive_label(row, a, within, lead, counted):
    """The label of a spell on a day it ran, and why it is not known."""
    _, _, _, churned, last = row
    if a + lead + within + GRACE > AS_OF:
        return None, "window not over"
    if churned and last <= a + lead and not counted:
        return None, "ended within the lead"
    return float(churned and last <= a + lead + within), None


def agrees_with_each_spell(engine, rows, days, late, within, lead, in_lead):
    """Every snapshot and label is the one found by hand."""
    spells = spells_of(rows, 20 if late else None)
    starts = [row["start"].date() for row in spells.to_dict("records")]
    days = [a for a in days if day(a) >= min(starts)] or [AS_OF - GRACE]
    table = engine.table(spells)
    found = rt.signals.contract_snapshots(table, dates=[day(a) for a in days])
    asked = {"within": within, "lead": lead, "as_of": day(AS_OF), "in_lead": in_lead}
    answer = engine.read(rt.signals.label_churn(found, table, **asked))
    mine = {}
    for row in answer.to_dict("records"):
        a = (pd.Timestamp(row["as_of"]).date() - BEGIN).days
        label = None if np.isnan(row["churned"]) else row["churned"]
        why = None if pd.isna(row["label_reason"]) else row["label_reason"]
        mine[row["customer_id"], row["spell"], a] = (row["tenure"], label, why)
        ends = [pd.Timestamp(row[n]).date() for n in ("label_from", "label_to", "known_on")]
        last = a + lead + within
        assert ends == [day(a + lead + 1), day(last), day(last + GRACE)]
    expected = {
        (row[0], row[1], a): (a - row[2], *naive_label(row, a, within, lead, in_lead == "count"))
        for a in set(days)
        for row in running_on(spells, a)
    }
    assert mine == expected
    assert len(answer) == len(expected)
    return answer


@given(
    rows=st.lists(signed, max_size=7),
    days=some_days,
    late=st.booleans(),
    lead=st.integers(0, 9),
    in_lead=st.sampled_from(["leave_out", "count"]),
)
def test_agrees_with_each_spell(rows, days, late, lead, in_lead):
    """Renewals within the grace, late entry, ends within lead and window, windows not over."""
    rows = [("Dee", 0, None), *rows]
    agrees_with_each_spell(Engine("pandas"), rows, days, late, 20, lead, in_lead)


def test_every_engine_agrees_with_each_spell(engine):
    """Ends on the edges of lead and window; a second spell; one under way as watching begins."""
    rows = [("Ann", 0, 30), ("Ann", 40, None), ("Bob", 5, 45), ("Cem", 0, 20), ("Dee", 10, 46),
            ("Eva", 10, 25), ("Eva", 36, 40), ("Fay", 89, None)]  # fmt: skip
    answer = agrees_with_each_spell(
        engine, rows, [24, 25, 29, 30, 45, 70, 87], True, 20, 5, "leave_out"
    )
    assert answer["churned"].nunique() == 2


def test_of_purchases_an_end_is_known_on_the_day():
    """Ann's silence of 30 days ends on the 40th: no grace is added."""
    lines = table_of([("Ann", 0, 5.0), ("Ann", 10, 5.0), ("Bob", 70, 5.0)])
    spells = rt.purchase_spells(lines, gap=30, as_of=day(80))
    days = asked_table({("Ann", 20), ("Ann", 39), ("Ann", 40), ("Bob", 75)})
    found = rt.signals.label_churn(days, spells, within=20, as_of=day(60))
    assert found["churned"].fillna(-1).tolist() == [1, 1, -1, -1]
    reasons = found["label_reason"].fillna("").tolist()
    assert reasons == ["", "", "not a customer on that day", "window not over"]
    assert (found["known_on"] == found["label_to"]).all()
    assert set(found["plan"]) == {"basic"}


def test_a_start_that_is_not_known_has_no_tenure():
    """Of a log cut at the front, whose customers may have bought before."""
    lines = table_of([("Ann", 40, 5.0), ("Ann", 55, 5.0), ("Bob", 62, 5.0), ("Bob", 80, 5.0)])
    spells = rt.purchase_spells(lines, gap=20, as_of=day(80), observed_from=day(40))
    found = rt.signals.contract_snapshots(spells, dates=day(70))
    assert found["tenure"].fillna(-1).tolist() == [-1, 8]


def test_a_spell_not_seen_to_the_end_of_the_window_has_no_label():
    """Of spells whose observation ended at different times."""
    spells = spells_of([("Ann", 0, None), ("Bob", 0, None)])
    spells.loc[1, "duration"] = 30
    days = asked_table({("Ann", 20), ("Bob", 20)})
    found = rt.signals.label_churn(days, spells, within=20, as_of=day(AS_OF))
    assert found["churned"].fillna(-1).tolist() == [0, -1]
    assert found["label_reason"][1] == "not seen to the end of the window"


def test_refuses_days_and_spells_that_nothing_is_known_of():
    """Days before and after, spells of all silences, two that run on one day, a late as_of."""
    spells = spells_of([("Ann", 5, None), ("Bob", 8, 20)])
    ask = rt.signals.contract_snapshots
    with pytest.raises(rt.ContentError, match="but the first spell starts on 2024-01-06"):
        ask(spells, dates=[day(4), day(9)])
    with pytest.raises(rt.ContentError, match="spells were seen up to 2024-03-28 only"):
        ask(spells, dates=day(AS_OF - GRACE + 1))
    assert len(ask(spells, dates=day(AS_OF - GRACE))) == 1
    with pytest.raises(rt.RetentionError, match="name at least one day"):
        ask(spells, dates=[])
    with pytest.raises(rt.ContentError, match="spells is empty"):
        ask(spells.head(0), dates=day(9))
    lines = table_of([("Ann", 0, 5.0), ("Ann", 70, 5.0)])
    joined = rt.purchase_spells(lines, gap=20, as_of=day(75), reactivation="same_spell")
    with pytest.raises(rt.RetentionError, match="reactivation='new_spell'"):
        ask(joined, dates=day(9))
    days = asked_table({("Ann", 9)})
    label = rt.signals.label_churn
    asked = {"within": 20, "as_of": day(AS_OF)}
    with pytest.raises(rt.RetentionError, match="in_lead must be one of"):
        label(days, spells, in_lead="drop", **asked)
    with pytest.raises(rt.ContentError, match="the spells were made as of 2024-03-31"):
        label(days, spells, within=20, as_of=day(AS_OF + 1))
    with pytest.raises(rt.ContentError, match="several that run on one day, such as 'Ann'"):
        label(days, pd.concat([spells, spells.head(1)]), **asked)
    with pytest.raises(rt.RetentionError, match="reactivation='new_spell'"):
        label(days, joined, within=20, as_of=day(75))
    with pytest.raises(rt.ContentError, match="spells is empty"):
        label(days, spells.head(0), **asked)
    once = label(days, spells, **asked)
    with pytest.raises(rt.ColumnError, match="'churned' is there already"):
        label(once, spells, **asked)

"""alarm_trade_off: the same as ringing and judging each alone, beside lots and values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from alarm_lives import customers, day, listed
from retention.signals.judging.alarm_trade_off import alarm_trade_off

SAID = {
    "horizon": 60, "least": 7, "apart": 30, "as_of": day(300), "observed_from": day(0),
    "silence": None,
}  # fmt: skip


def world(n=300):
    """Scores that know something, nothing, or only who is worth much."""
    spells = customers(n)
    rng = np.random.default_rng(2)
    scores = listed(spells).merge(spells[["customer_id", "end"]])
    left = (scores["end"] - scores["as_of"]).dt.days.fillna(999)
    scores["risk"] = rng.random(len(scores)) + (left < 50) * 0.5
    scores["noise"] = rng.random(len(scores))
    values = spells[["customer_id"]].assign(value=np.arange(len(spells)) % 9 + 1.0)
    return scores.drop(columns="end"), spells, values


def by_hand(scores, spells, values, signal, calls):
    """The row that ringing and judging one score alone gives."""
    frame = scores.merge(values, how="left")
    made = {"random": 0.0, "value": frame["value"], "risk × value": frame["risk"] * frame["value"]}
    frame["score"] = made.get(signal, frame.get(signal))
    rang = rt.signals.ring_alarms(frame, score="score", calls=calls, apart=30, signal=signal)
    return rt.signals.alarm_kpis(rang, spells, values=values, **SAID).assign(calls=calls)


def test_every_engine_agrees_with_ringing_and_judging_each_alone(engine):
    """Scores as asked, times value, value and lots, at two budgets."""
    scores, spells, values = world(120)
    tables = [engine.table(table) for table in (scores, spells)]
    found = alarm_trade_off(
        *tables, signals="risk", calls=[9, 3], values=engine.table(values), **SAID
    )
    assert engine.is_mine(found)
    rows = engine.read(found)
    names = ["risk", "risk × value", "value", "random"]
    if engine.name != "spark":
        assert rows["signal"].tolist() == names * 2
    pairs = [(calls, name) for calls in (3, 9) for name in names]
    alone = pd.concat([by_hand(scores, spells, values, s, k) for k, s in pairs])
    order = ["calls", "signal"]
    pd.testing.assert_frame_equal(
        rows.sort_values(order, ignore_index=True),
        alone[list(rows.columns)].sort_values(order, ignore_index=True),
        check_dtype=False,
    )


def test_a_score_that_knows_beats_lots_and_one_that_does_not_equals_them():
    """Precision far above the base, or within its bounds; more calls warn of more."""
    scores, spells, _ = world(1500)
    found = alarm_trade_off(
        scores, spells, signals=["risk", "noise"], calls=[10, 30], **SAID
    ).set_index(["calls", "signal"])
    assert found.index.get_level_values("signal").tolist() == ["risk", "noise", "random"] * 2
    for calls in (10, 30):
        risk, noise = found.loc[(calls, "risk")], found.loc[(calls, "noise")]
        assert risk["lift"] > 1.5
        assert risk["recall"] > 1.3 * found.loc[(calls, "random")]["recall"]
        assert noise["lower"] < noise["base_precision"] < noise["upper"]
    recall = found["recall"].unstack()
    assert (recall.loc[30] > recall.loc[10]).all()
    assert found["value_recall"].isna().all()


def test_equal_values_change_nothing():
    """Times one and the same value a score rings for the same, and value_recall is recall."""
    scores, spells, values = world()
    found = alarm_trade_off(
        scores, spells, signals="risk", calls=5, values=values.assign(value=3.0), **SAID
    ).set_index("signal")
    pd.testing.assert_series_equal(found.loc["risk"], found.loc["risk × value"], check_names=False)
    pd.testing.assert_series_equal(found.loc["random"], found.loc["value"], check_names=False)
    assert found["value_recall"].tolist() == pytest.approx(found["recall"].tolist())


def test_who_has_no_value_is_not_rung_by_value_and_logarithms_have_no_product():
    """A warning tells of the latter."""
    scores, spells, values = world()
    few = values.iloc[:20]
    found = alarm_trade_off(scores, spells, signals="risk", calls=99, values=few, **SAID)
    by_value = found.set_index("signal").loc["value"]
    assert by_value["n_unvalued"] > by_value["n_churners"] - 20
    assert by_value["n_alarms"] < found.set_index("signal").loc["risk"]["n_alarms"]
    logs = scores.assign(logs=-scores["risk"])
    with pytest.warns(rt.RetentionWarning, match="'logs' falls below 0"):
        found = alarm_trade_off(logs, spells, signals="logs", calls=9, values=values, **SAID)
    assert found["signal"].tolist() == ["logs", "value", "random"]


def test_lists_that_do_not_reach_the_ends_are_told_of():
    """Nobody could be warned before the first list, nor long after the last."""
    scores, spells, _ = world(100)
    said = {"signals": "risk", "calls": 3, **SAID}
    late = scores[scores["as_of"] >= day(50)]
    with pytest.warns(rt.RetentionWarning, match="first list is of 2024-02-26, 56 days from obs"):
        alarm_trade_off(late, spells, **said)
    assert len(alarm_trade_off(late, spells, **{**said, "observed_from": "2024-02-26"}))
    early = scores[scores["as_of"] < day(200)]
    with pytest.warns(rt.RetentionWarning, match="last list is of 2024-07-15, 104 days from as_of"):
        alarm_trade_off(early, spells, **said)


def test_what_cannot_be_compared_is_refused():
    """Each message, and what it says to do."""
    scores, spells, _ = world(60)

    def refused(match, error=rt.RetentionError, scores=scores, **changed):
        with pytest.raises(error, match=match):
            alarm_trade_off(scores, spells, **{"signals": "risk", "calls": 3, **SAID, **changed})

    refused("signals: name at least one", signals=[])
    refused("signals must name", rt.ColumnError, signals=[3])
    refused("signals names 'risks'.*Did you mean 'risk'", rt.ColumnError, signals="risks")
    named = scores.rename(columns={"risk": "random"})
    refused("calls one of its own. Rename", rt.ColumnError, signals="random", scores=named)
    refused("calls must be a whole number of calls, 1 or more; got 0", calls=[3, 0])
    refused("calls: say at least one", calls=[])
    refused("apart is 5 days", apart=5)
    refused("no list lies in the observed days", rt.ContentError, as_of=day(900),
            observed_from=day(700))  # fmt: skip

"""Alarms, lists and models given what nobody expects: the same answer everywhere, or a refusal."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import retention as rt
from alarm_lives import alarms_of, day, spells_of

TERMS: dict[str, Any] = {
    "horizon": 60, "apart": 60, "as_of": day(120), "observed_from": day(0), "silence": None,
}  # fmt: skip
LIVES = [("a", 0, 100, "x"), ("b", 0, None, "y"), ("c", 0, 100, None), ("d", 0, None, "x")]
ALARMS = [("a", 60), ("b", 50), ("d", 100)]


def spells(**changed):
    """Two lost on day 100, two seen to day 120."""
    return spells_of(LIVES).assign(**changed)


def scores(**changed):
    """Two lists of four customers."""
    return pd.DataFrame(
        {
            "customer_id": [*"abcd"] * 2,
            "as_of": pd.to_datetime([day(10)] * 4 + [day(80)] * 4).astype("datetime64[us]"),
            "risk": [0.9, 0.2, 0.1, 0.3] * 2,
        }
    ).assign(**changed)


def kpis(alarms, lives, **terms):
    """What alarms are worth."""
    return rt.signals.alarm_kpis(alarms, lives, **TERMS | {"least": 7} | terms)


def trade_off(table, lives, signals="risk", **terms):
    """What lists are worth."""
    return rt.signals.alarm_trade_off(table, lives, signals=signals, calls=1, **TERMS | terms)


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_days_seen_in_part_do_not_count_on_every_engine(engine, part):
    """Some engines round halves up, some to even, some down: a day counts once it is over."""
    lasted = [100, 40 + part, 100, 101 + part]
    found, whole = (
        engine.read(kpis(engine.table(alarms_of(ALARMS)), engine.table(spells(duration=days))))
        for days in (lasted, np.floor(lasted))
    )
    assert whole["customer_months"].tolist() == [pytest.approx(341 / 30.4375)]
    assert found["n_set_aside"].tolist() == [1]
    pd.testing.assert_frame_equal(found, whole)


@pytest.mark.parametrize("lasted", [None, float("nan"), -1.0])
def test_running_spells_without_a_duration_are_refused_by_every_engine(engine, lasted):
    """Else they would be taken as seen to the last day."""
    table = spells(duration=pd.array([100, lasted, 100, 120], "Float64"))
    with pytest.raises(rt.ContentError, match="1 running row has no duration of at least 0"):
        kpis(engine.table(alarms_of(ALARMS)), engine.table(table))


def test_a_segment_may_be_called_n_on_every_engine(engine):
    """It is no column of the answer."""
    lives = engine.table(spells().rename(columns={"region": "n"}))
    found = engine.read(kpis(engine.table(alarms_of(ALARMS)), lives, by="n"))
    assert found["n"].tolist() == ["(missing)", "x", "y"]
    assert found["n_alarms"].tolist() == [0, 2, 1]


def test_nobody_of_any_value_is_worth_nothing_on_every_engine(engine):
    """A table of values without rows leaves all of them without a value."""
    empty = engine.table(pd.DataFrame({"customer_id": ["a"], "value": [1.0]}).iloc[:0])
    rung, lives = engine.table(alarms_of(ALARMS)), engine.table(spells())
    (found,) = engine.read(kpis(rung, lives, values=empty)).to_dict("records")
    assert (found["n_unvalued"], found["value_lost"]) == (2, 0)
    assert np.isnan(found["value_recall"])


def test_whoever_is_worth_nothing_is_called_last_however_high_the_score():
    """Infinity times nothing is nothing here, and the largest numbers make no noise."""
    table = scores(risk=[np.inf, 0.2, 1e308, np.nan] * 2)
    values = pd.DataFrame({"customer_id": [*"abcd"], "value": [0.0, 5.0, 1e9, 2.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = trade_off(table, spells(), values=values).set_index("signal")
    assert found.loc["risk", "value_warned"] == 0
    assert found.loc["risk × value", "value_warned"] == 1e9


def test_a_score_called_like_a_product_is_refused():
    """One of the two would stand in the other's place."""
    table = scores(**{"risk × value": 0.5})
    values = pd.DataFrame({"customer_id": ["a"], "value": [1.0]})
    asked = ["risk", "risk × value"]
    with pytest.raises(rt.ColumnError, match="one of its own. Rename the column"):
        trade_off(table, spells(), asked, values=values)
    assert trade_off(table, spells(), asked)["signal"].tolist() == [*asked, "random"]
    renamed = table.rename(columns={"risk × value": "product"})
    found = trade_off(renamed, spells(), ["risk", "product"], values=values)
    assert len(found) == 6


def test_refusals_of_a_trade_off_speak_of_scores():
    """Nobody gave it alarms."""
    with pytest.raises(rt.ColumnError, match="^scores: 'customer_id' holds Int64, in spells"):
        trade_off(scores(customer_id=[1, 2, 3, 4] * 2), spells())
    pl = pytest.importorskip("polars")
    with pytest.raises(rt.TableError, match="^scores is a pandas table beside a polars one"):
        trade_off(scores(), pl.from_pandas(spells()))


def test_lists_refuse_an_id_for_a_score_and_tell_whose_rows_are_too_many():
    """Numbers that say who are none to rank by; and an id is told as it stands in the table."""
    table = scores(customer_id=[1, 2, 3, 4] * 2)
    ring = {"calls": 1, "apart": 10, "signal": "s"}
    with pytest.raises(rt.ColumnError, match="'customer_id' says who, and is no score"):
        rt.signals.ring_alarms(table, score="customer_id", **ring)
    with pytest.raises(rt.ContentError, match="customer 1 has several on 2024-01-11"):
        rt.signals.ring_alarms(pd.concat([table, table[:1]]), score="risk", **ring)


def test_days_in_a_time_zone_are_refused_with_advice_that_works():
    """Snapshots are made of loaded tables: no door of theirs takes a time zone."""
    table = scores(as_of=scores()["as_of"].dt.tz_localize("Asia/Tokyo"))
    ring = {"score": "risk", "calls": 1, "apart": 10, "signal": "s"}
    with pytest.raises(rt.ColumnError, match=r"time zone Asia/Tokyo.*local dates without a zone"):
        rt.signals.ring_alarms(table, **ring)
    local = table.assign(as_of=table["as_of"].dt.tz_localize(None))
    assert len(rt.signals.ring_alarms(local, **ring)) == 2


def test_a_class_is_no_model():
    """Neither is what the class makes of the rows one number for each."""
    linear = pytest.importorskip("sklearn.linear_model")
    table = scores(churned=[1.0, 0.0] * 4)
    with pytest.raises(rt.RetentionError, match="must be a fitted classifier.*got the class"):
        rt.signals.model_drivers(linear.LogisticRegression, table, families={"a": "risk"}, seed=1)


def test_a_log_in_which_nobody_came_back_tells_no_rates():
    """Fitted all the same, rates run down to nothing, and everybody would ring on the first day."""
    orders = pd.DataFrame(
        {
            "customer_id": range(300),
            "date": pd.date_range("2022-01-01", periods=300, freq="3D"),
            "sales": 10.0,
        }
    )
    asked = {"as_of": "2024-06-20", "false_alarms": 3}
    with pytest.raises(rt.ContentError, match="too few customers bought again to tell"):
        rt.signals.silence_alarms(orders, **asked)
    longer = rt.as_transactions(
        rt.sample_company(200, seed=1).orders, customer_id="customer_id", date="date",
        sales="sales", refunds="net",
    )  # fmt: skip
    model = rt.repeat_buying.fit_mbg_nbd(rt.purchase_summary(longer, as_of="2024-12-31"))
    assert len(rt.signals.silence_alarms(orders, model=model, **asked)) == 300

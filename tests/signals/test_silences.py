"""silences: days from a snapshot to the next purchase, against a look at each customer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from watched_days import asked_table, day, line, naive_days, table_of

LAST = 60


def naive_silences(lines, asked, last, most):
    """(customer, day) → days, whether a purchase ended it, whether it was seen at all."""
    bought = naive_days([each for each in lines if each[1] <= last])
    rows = {}
    for who, a in asked:
        until = min(last - a, most)
        later = [n - a for n in bought.get(who, ()) if 0 < n - a <= until]
        rows[who, a] = (min(later), True, True) if later else (until, False, until > 0)
    return rows


def told_silences(found):
    """What the library says, in the same form."""
    days = (pd.to_datetime(found["as_of"]) - pd.Timestamp(day(0))).dt.days
    return {
        (who, a): (duration, bool(churned), not isinstance(why, str))
        for who, a, duration, churned, why in zip(
            found["customer_id"], days, found["duration"], found["churned"], found["set_aside"],
            strict=True,
        )
    }  # fmt: skip


question = st.tuples(st.sampled_from(["Ann", "Bob", "Cem"]), st.integers(0, LAST))


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
@given(
    lines=st.lists(line, max_size=12),
    asked=st.sets(question, min_size=1, max_size=8),
    last=st.integers(40, LAST),
    most=st.integers(1, 70),
)
def test_agrees_with_a_look_at_each_customer_and_day(lines, asked, last, most):
    """Refunds, purchases of the day itself, none, later than as_of, beyond most."""
    lines = [("Dee", 0, 5.0), ("Dee", 60, 5.0), *lines]
    asked = {(who, a) for who, a in asked if a <= last} or {("Ann", 3)}
    found = rt.signals.silences(asked_table(asked), table_of(lines), as_of=day(last), most=most)
    assert told_silences(found) == naive_silences(lines, asked, last, most)
    assert [*found.columns] == ["customer_id", "as_of", "plan", "duration", "churned", "set_aside"]
    keys = list(zip(found["customer_id"], found["as_of"], strict=True))
    assert keys == sorted(keys)


LINES = [
    *(("Ann", 0, 5.0), ("Ann", 20, 5.0), ("Bob", 10, 5.0), ("Bob", 30, -5.0), ("Bob", 44, 0.0)),
    *(("Cem", 25, 5.0), ("Dee", 59, 3.0)),
]
ASKED = {("Ann", 10), ("Ann", 20), ("Bob", 10), ("Bob", 55), ("Cem", 25), ("Cem", 60), ("Fay", 3)}


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_agrees_with_a_look_at_each_on_every_engine(engine):
    """A lazy table stays lazy; labels are left out, features stay."""
    asked = asked_table(ASKED).assign(churned=1.0, known_on=pd.Timestamp("2024-09-01"), x=2.5)
    found = rt.signals.silences(
        engine.table(asked), engine.table(table_of(LINES)), as_of=day(60), most=30
    )
    assert engine.is_mine(found)
    table = engine.read(found)
    table["as_of"] = table["as_of"].dt.tz_localize(None)  # the user's are moments on Spark, in UTC
    assert told_silences(table) == naive_silences(LINES, ASKED, 60, 30)
    names = ["customer_id", "as_of", "plan", "x", "duration", "churned", "set_aside"]
    assert [*table.columns] == names


def test_labels_of_silence_are_silences_that_go_on():
    """churned = 1 of label_silence where the silence was not over within its window, and seen."""
    orders = rt.sample_company(200, seed=7).orders
    days = ["2024-03-31", "2024-06-30", "2024-10-31"]
    seen = rt.signals.snapshots(orders, dates=days, active_within=90)
    labelled = rt.signals.label_silence(seen, orders, within=60, as_of="2024-12-31")
    found = rt.signals.silences(labelled, orders, as_of="2024-12-31", most=60)
    assert "label_to" not in found
    both = found.merge(labelled, on=["customer_id", "as_of"], suffixes=("", "_label"))
    assert (both["churned_label"] == (~both["churned"]).astype(float)).all()
    assert (found["duration"] <= 60).all()
    assert found["set_aside"].isna().all()


def test_survival_models_take_them_and_give_the_chance_of_no_purchase():
    """P(silence > w) of a Cox model without covariates is Kaplan and Meier's, of P of a label 1."""
    orders = rt.sample_company(300, seed=8).orders
    days = list(pd.date_range("2024-01-31", periods=9, freq="30D"))
    seen = rt.signals.snapshots(orders, dates=days, active_within=90)
    found = rt.signals.silences(seen, orders, as_of="2024-12-31", most=60)
    model = rt.fit_cox(found.assign(long=found["tenure"].fillna(0) > 200), covariates="long")
    asked = pd.DataFrame({"customer_id": [1, 2], "long": [True, False]})
    chance = rt.survival.predict_survival(asked, model=model, times=45, given=None)["survival"]
    labelled = rt.signals.label_silence(seen, orders, within=45, as_of="2024-12-31")
    rate = labelled["churned"].mean()
    assert chance.min() < rate < chance.max()
    assert rt.survival.fit_hazard(found, unit="week").n_spells == len(found)


def test_what_was_not_seen_is_refused_and_its_advice_holds():
    """Days after as_of, columns that mean something else, most, ids of another type."""
    orders = table_of([("Ann", 0, 5.0), ("Ann", 40, 5.0)])
    asked = asked_table({("Ann", 10), ("Ann", 30)})
    ask = rt.signals.silences
    with pytest.raises(rt.errors.ContentError, match="1 row is of a day after as_of=2024-01-21"):
        ask(asked, orders, as_of=day(20), most=30)
    assert len(ask(asked, orders, as_of=day(40), most=30)) == 2
    with pytest.raises(rt.errors.ColumnError, match="'duration'"):
        ask(asked.assign(duration=1), orders, as_of=day(40), most=30)
    with pytest.raises(rt.errors.ColumnError, match="'entry'"):
        ask(asked.assign(entry=1.0), orders, as_of=day(40), most=30)
    for most in (0, 1.5, "30"):
        with pytest.raises(rt.errors.RetentionError, match="most must be a whole number of days"):
            ask(asked, orders, as_of=day(40), most=most)
    with pytest.raises(rt.errors.ColumnError, match="customer_id"):
        ask(asked.assign(customer_id=[1, 2]), orders, as_of=day(40), most=30)
    with pytest.raises(rt.errors.ColumnError, match="lacks 'as_of'"):
        ask(asked.drop(columns="as_of"), orders, as_of=day(40), most=30)
    assert np.isfinite(ask(asked, orders, as_of=day(40), most=30)["duration"]).all()

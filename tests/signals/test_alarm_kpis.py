"""alarm_kpis: against loops over customers, a vector worked by hand, chance, and known worlds."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
import troubled
from alarm_lives import alarms_of, customers, day, listed, spells_of
from conftest import Engine
from retention.signals.judging.alarm_kpis import alarm_kpis

VECTOR = [("Ann", 0, 100, "n"), ("Bob", 0, 100, "n"), ("Cem", 0, None, "n"), ("Dee", 0, None, "n")]
RANG = [("Ann", 60), ("Cem", 50), ("Dee", 100)]
SAID = {
    "horizon": 60, "least": 7, "apart": 60, "as_of": day(120), "observed_from": day(0),
    "silence": None,
}  # fmt: skip


def kpis_of(alarms, lives, **changed):
    """The figures, a row a dictionary."""
    found = alarm_kpis(alarms_of(alarms), spells_of(lives), **{**SAID, **changed})
    return found.to_dict("records")


def test_a_vector_worked_by_hand():
    """Precision and recall 1/2, 10.376 false alarms per 100 months, chance .3682."""
    (row,) = kpis_of(RANG, VECTOR)
    assert (row["n_alarms"], row["n_hit"], row["n_late"]) == (3, 1, 0)
    assert (row["n_false"], row["n_unknown"], row["n_set_aside"]) == (1, 1, 0)
    assert row["precision"] == pytest.approx(1 / 2)
    assert row["late_share"] == 0
    assert (row["n_churners"], row["n_warned"], row["recall"]) == (2, 1, 0.5)
    assert row["customer_months"] == pytest.approx(440 / 30.4375)
    assert row["false_per_100_months"] == pytest.approx(10.376, abs=5e-4)
    assert row["chance_recall"] == pytest.approx(3 / 440 * 54)
    assert row["chance_recall"] == pytest.approx(0.3682, abs=5e-5)


def naive_kaplan_meier(times, within):
    """The share ended within so many days, from (days, ended), None where not known."""
    left = 1.0
    for v in range(1, within + 1):
        there = [time for time in times if time[0] >= v]
        if not there:
            return None if left else 1.0
        left *= 1 - sum(time == (v, True) for time in there) / len(there)
    return 1 - left


def naive_spread(alarms, within):
    """By customer, the sum of what its alarms add to the error, from (customer, days, ended)."""
    left = 1 - naive_kaplan_meier([alarm[1:] for alarm in alarms], within) if within else 1.0
    sums = {}
    for who, after, ended in alarms:
        own = 0.0
        for v in range(1, within + 1):
            there = sum(u >= v for _, u, _ in alarms)
            ends = sum(u == v and gone for _, u, gone in alarms)
            if after == v and ended:
                own += 1 / there
            if after >= v and ends:
                own -= ends / there**2
        sums[who] = sums.get(who, 0) + left * own
    return sums


def naive_bounds(alarms, least, horizon):
    """Wilson's bounds of as many trials as have the variance of sums by customer."""
    times = [alarm[1:] for alarm in alarms]
    late = naive_kaplan_meier(times, least - 1) if least > 1 else 0.0
    share = naive_kaplan_meier(times, horizon) - late
    whole, early = naive_spread(alarms, horizon), naive_spread(alarms, least - 1)
    n = len(whole)
    if n < 2:
        return None
    variance = n / (n - 1) * sum((whole[who] - early[who]) ** 2 for who in whole)
    if variance > 1e-20 and 1e-12 < share < 1 - 1e-12:
        trials = share * (1 - share) / variance
    else:
        trials = len({who for who, after, ended in alarms if ended or after >= horizon})
    z2 = NormalDist().inv_cdf(0.975) ** 2
    middle = share + z2 / (2 * trials)
    half = sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2)))
    return (middle - half) / (1 + z2 / trials), (middle + half) / (1 + z2 / trials)


def chance_day_by_day(rate, apart, window):
    """The chance of an alarm on some of so many days, by the days since the last one."""
    if rate * apart >= 1:
        return min(1, rate * window)
    free = rate / (1 - rate * (apart - 1))
    rang, calm = [rate] * (apart - 1), 1 - rate * (apart - 1)  # 1, 2, … days ago; long ago
    for _ in range(window):
        calm = calm * (1 - free) + (rang[-1] if rang else 0)
        rang = [0, *rang][: apart - 1]
    return 1 - calm - sum(rang)


def naive_kpis(alarms, lives, terms, values):
    """The figures by going through customers and days one by one."""
    horizon, least, apart, first, last = terms
    lives = [
        (w, s, e if e is not None and e <= last else None) for w, s, e, _ in lives if s <= last
    ]
    inside = []
    for who, rang in alarms:
        for owner, start, end in lives:
            until = last if end is None else end
            here = start <= rang < until or (end is None and rang == until)
            if who == owner and here and first <= rang <= last:
                inside.append((who, rang, start, end, until - rang))
    at_risk = [
        (d, (last if end is None else end) - d, end is not None)
        for _, start, end in lives
        for d in range(max(start, first), last if end is None else end)
    ]
    lost = [(w, s, e) for w, s, e in lives if e is not None and e >= first + horizon]
    warned = [
        (w, s, e)
        for w, s, e in lost
        if any(who == w and least <= e - rang <= horizon for who, rang, s_, *_ in inside if s_ == s)
    ]
    rate = len(inside) / len(at_risk) if at_risk else 0
    windows = [
        sum(max(s, first) <= e - ahead for ahead in range(least, horizon + 1)) for _, s, e in lost
    ]
    chance = [chance_day_by_day(rate, apart, w) for w in windows]
    followed = [(who, after, end is not None) for who, _, _, end, after in inside]
    times, base = [one[1:] for one in followed], [one[1:] for one in at_risk]

    def share(of):
        within = naive_kaplan_meier(of, horizon) if of else None
        late = naive_kaplan_meier(of, least - 1) if of and least > 1 else 0.0
        return None if within is None else within - late

    precision, base_precision = share(times), share(base)
    calls = sorted([sum(rang == d for _, rang, *_ in inside) for d in range(first, last + 1)])
    known = {w: values[w] for w, *_ in lost if values.get(w) is not None}
    return {
        "n_alarms": len(inside),
        "n_set_aside": len(alarms) - len(inside),
        "n_hit": sum(end and least <= after <= horizon for _, after, end in followed),
        "n_late": sum(end and after < least for _, after, end in followed),
        "n_unknown": sum(not end and after < horizon for _, after, end in followed),
        "precision": precision,
        "bounds": None if precision is None else naive_bounds(followed, least, horizon),
        "base_precision": base_precision,
        "n_churners": len(lost),
        "n_young": sum(w == 0 for w in windows),
        "n_warned": len(warned),
        "recall": len(warned) / len(lost) if lost else None,
        "chance_recall": sum(chance) / len(lost) if lost else None,
        "customer_months": len(at_risk) / 30.4375,
        "calls_per_day": len(inside) / (last - first + 1),
        "calls_p95": next(c for c in calls if sum(k <= c for k in calls) >= 0.95 * len(calls)),
        "n_unvalued": sum(w not in known for w, *_ in lost),
        "value_lost": sum(known.get(w, 0) for w, *_ in lost),
        "value_warned": sum(known.get(w, 0) for w, *_ in warned),
    }


def agrees_with_loops(engine, alarms, lives, terms, values):
    """Every figure is the one found by hand."""
    horizon, least, apart, first, last = terms
    worth = pd.DataFrame({"customer_id": list(values), "value": list(values.values())})
    answer = alarm_kpis(
        engine.table(alarms_of(alarms)),
        engine.table(spells_of(lives, seen_to=60)),
        values=engine.table(worth.astype({"value": float})),
        horizon=horizon, least=least, apart=apart, as_of=day(last), observed_from=day(first),
        silence=None,
    )  # fmt: skip
    assert engine.is_mine(answer)
    (found,) = engine.read(answer).to_dict("records")
    expected = naive_kpis(alarms, lives, terms, values)
    bounds = expected.pop("bounds")
    expected["lower"], expected["upper"] = bounds or (None, None)
    for name, value in expected.items():
        told = None if pd.isna(found[name]) else found[name]
        assert told == (value if value is None else pytest.approx(value, abs=1e-12)), name
    if found["reason"] is None or pd.isna(found["reason"]):
        whole = found["precision"] + found["late_share"] + found["false_share"]
        assert whole == pytest.approx(1)
        share = found["false_share"] * found["n_alarms"] * 100
        assert found["false_per_100_months"] * found["customer_months"] == pytest.approx(share)
    n = sum(found[name] for name in ("n_hit", "n_late", "n_false", "n_unknown"))
    assert n == found["n_alarms"]


life = st.tuples(st.integers(0, 50), st.none() | st.integers(1, 45))
rang = st.tuples(st.sampled_from("abcdef"), st.integers(0, 62))
world = st.fixed_dictionaries(
    {
        "lives": st.lists(life, min_size=1, max_size=5),
        "alarms": st.lists(rang, min_size=1, max_size=8, unique=True),
        "terms": st.tuples(st.integers(3, 25), st.integers(1, 3), st.integers(0, 20)),
        "values": st.dictionaries(st.sampled_from("abcde"), st.none() | st.integers(-5, 40)),
    }
)


def world_of(drawn):
    """Lives of customers a, b, …, and alarms at least three days apart."""
    names = "abcde"
    lives = [
        (names[i], start, None if lasted is None or start + lasted > 60 else start + lasted, "n")
        for i, (start, lasted) in enumerate(drawn["lives"])
    ]
    kept = []
    for who, when in sorted(drawn["alarms"]):
        if not kept or kept[-1][0] != who or when - kept[-1][1] >= 3:
            kept.append((who, when))
    horizon, least, first = drawn["terms"]
    return kept, lives, (horizon, least, 3, first, 60), drawn["values"] or {"a": 1}


@given(drawn=world)
def test_agrees_with_loops_over_customers_and_days(drawn):
    """Alarms of strangers, before the start, on the last day, after it; ends of every kind."""
    agrees_with_loops(Engine("pandas"), *world_of(drawn))


def test_every_engine_agrees_with_loops(engine):
    """A table with alarms and ends of every kind."""
    alarms = [("a", 5), ("a", 12), ("b", 3), ("b", 30), ("c", 20), ("f", 9), ("d", 59), ("e", 1)]
    lives = [
        ("a", 0, 25, "n"), ("b", 2, 33, "n"), ("c", 10, None, "n"), ("d", 5, None, "n"),
        ("e", 3, 5, "n"), ("g", 0, 40, "n"),
    ]  # fmt: skip
    values = {"a": 5, "b": None, "g": 20}
    agrees_with_loops(engine, alarms, lives, (20, 2, 3, 2, 60), values)


LONG = {
    "horizon": 60, "least": 7, "apart": 60, "as_of": day(300), "observed_from": day(0),
    "silence": None,
}  # fmt: skip


def test_random_alarms_have_a_lift_of_one_and_the_recall_of_chance():
    """Whoever draws lots warns as often as chance says, within the error."""
    spells = customers()
    snapshots = listed(spells).assign(score=0.0)
    lots = rt.signals.ring_alarms(snapshots, score="score", calls=60, apart=60, signal="lots")
    (row,) = alarm_kpis(lots, spells, **LONG).to_dict("records")
    assert row["n_alarms"] > 2000
    assert row["lower"] < row["base_precision"] < row["upper"]
    assert row["lift"] == pytest.approx(1, abs=0.1)
    assert row["recall_lower"] < row["chance_recall"] < row["recall_upper"]
    assert row["upper"] - row["lower"] < 0.05


def test_equal_values_give_value_recall_that_is_recall():
    """And who has none is counted, not taken for nothing in silence."""
    spells = customers(400)
    snapshots = listed(spells).assign(score=0.0)
    rang = rt.signals.ring_alarms(snapshots, score="score", calls=9, apart=60, signal="lots")
    worth = spells[["customer_id"]].assign(value=2.5)
    (row,) = alarm_kpis(rang, spells, values=worth, **LONG).to_dict("records")
    assert row["value_recall"] == pytest.approx(row["recall"])
    assert row["value_lost"] == 2.5 * row["n_churners"]
    lost = spells[spells["churned"] & (spells["end"] >= day(60))]["customer_id"]
    some = worth[worth["customer_id"] != lost.iloc[0]]
    (row,) = alarm_kpis(rang, spells, values=some, **LONG).to_dict("records")
    assert row["n_unvalued"] == 1
    (row,) = alarm_kpis(rang, spells, **LONG).to_dict("records")
    assert np.isnan(row["value_recall"])
    assert np.isnan(row["n_unvalued"])


def test_segments_add_up_and_alarms_in_no_spell_stand_apart():
    """Counts of segments sum to those of all; strangers are in "(missing)"."""
    spells = customers(400)
    rang = rt.signals.ring_alarms(
        listed(spells).assign(score=0.0), score="score", calls=9, apart=60, signal="lots"
    )
    stranger = pd.DataFrame({"customer_id": ["x"], "date": [day(9)], "signal": ["lots"]})
    both = pd.concat([rang, stranger], ignore_index=True)
    (whole,) = alarm_kpis(both, spells, **LONG).to_dict("records")
    parts = alarm_kpis(both, spells, by="region", **LONG)
    assert parts["region"].tolist() == ["(missing)", "north", "south"]
    counts = [name for name in parts if name.startswith("n_") and name != "n_unvalued"]
    assert parts[counts].sum().tolist() == [whole[name] for name in counts]
    assert parts["n_set_aside"].tolist() == [1, 0, 0]
    alone = spells[spells["region"] == "north"]
    mine = rang[rang["customer_id"].isin(alone["customer_id"])]
    pd.testing.assert_frame_equal(
        alarm_kpis(mine, alone, **LONG), parts[parts["region"] == "north"]
        .drop(columns="region").reset_index(drop=True),
    )  # fmt: skip


def test_signals_are_judged_apart_and_rows_may_be_shuffled():
    """Each signal has its own row, the same to the last bit in whatever order."""
    spells = customers(300)
    one = rt.signals.ring_alarms(
        listed(spells).assign(score=0.0), score="score", calls=9, apart=60, signal="lots"
    )
    other = one.iloc[::2].assign(signal="half")
    both = pd.concat([one, other], ignore_index=True)
    found = alarm_kpis(both, spells, **LONG)
    assert found["signal"].tolist() == ["half", "lots"]
    pd.testing.assert_frame_equal(found.iloc[1:].reset_index(drop=True),
                                  alarm_kpis(one, spells, **LONG))  # fmt: skip
    mixed = alarm_kpis(
        both.sample(frac=1, random_state=1), spells.sample(frac=1, random_state=2), **LONG
    )
    pd.testing.assert_frame_equal(mixed, found, check_exact=True)


def test_a_loss_made_by_silence_is_foreseen_by_silence():
    """All are warned two weeks ahead, nobody before the last order; silence= is asked for."""
    rng = np.random.default_rng(4)
    rows = [
        (f"c{i:03}", day(int(d)), 5.0)
        for i in range(120)
        for d in np.cumsum(rng.integers(1, 9, rng.integers(3, 90)))
        if d <= 300
    ]
    orders = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    spells = rt.purchase_spells(orders, gap=30, as_of="2024-10-27")
    weeks = [day(d) for d in range(0, 300, 7)]
    snapshots = pd.concat(
        [
            orders[orders["date"] <= when].groupby("customer_id", as_index=False)["date"].max()
            .assign(as_of=when)
            for when in weeks
        ]
    )  # fmt: skip
    snapshots["silent"] = (snapshots["as_of"] - snapshots["date"]).dt.days.astype(float)
    rang = rt.signals.ring_alarms(
        snapshots, score="silent", policy="threshold", threshold=9, apart=14, signal="silence"
    )
    said = {**LONG, "least": 14, "apart": 14, "horizon": 60}
    with pytest.warns(rt.RetentionWarning, match=r"lie 30 days after the last order.*silence=30"):
        alarm_kpis(rang, spells, **said)
    (row,) = alarm_kpis(rang, spells, **{**said, "silence": 30}).to_dict("records")
    assert row["n_churners"] > 50
    assert row["recall"] == 1
    assert row["warned_before_last"] == 0
    assert 9 <= row["delay_median"] <= 16
    with pytest.raises(rt.ContentError, match="30 days after the last order, not silence=45"):
        alarm_kpis(rang, spells, **{**said, "silence": 45})
    short = {**said, "silence": 30, "horizon": 28}
    assert np.isnan(alarm_kpis(rang, spells, **short)["warned_before_last"][0])


def test_what_was_not_seen_is_null_with_a_reason():
    """A horizon beyond the follow-up, no loss, no alarm in a spell, one customer."""
    (row,) = kpis_of(RANG, VECTOR, horizon=130, apart=130)
    assert np.isnan(row["recall"])
    assert row["recall_reason"] == "observed for 120 days, fewer than the horizon"
    assert np.isnan(row["precision"])
    assert row["reason"] == "no alarm was followed for 130 days"
    assert np.isnan(row["false_per_100_months"])
    (row,) = kpis_of([("x", 5)], VECTOR)
    assert (row["n_alarms"], row["n_set_aside"], row["reason"]) == (0, 1, "no alarm in a spell")
    assert (row["recall"], row["false_per_100_months"]) == (0, 0)
    (row,) = kpis_of([("Bob", 50)], VECTOR[1:2] + VECTOR[2:])
    assert np.isnan(row["lower"])
    assert row["precision"] == 1
    (row,) = kpis_of([("Cem", 50)], VECTOR[2:])
    assert (
        row["recall_reason"]
        == "nobody was lost from 2024-03-01 on, the first day warned of in full"
    )


def test_ends_after_as_of_are_not_known():
    """As of an earlier day the answer is that of spells made then."""
    early = {"as_of": day(80)}
    found = alarm_kpis(alarms_of(RANG), spells_of(VECTOR), **{**SAID, **early})
    then = [(who, start, None, region) for who, start, _, region in VECTOR]
    known = alarm_kpis(alarms_of(RANG), spells_of(then, seen_to=80), **{**SAID, **early})
    pd.testing.assert_frame_equal(found, known)
    assert found["n_churners"].tolist() == [0]
    assert found["n_set_aside"].tolist() == [1]


def test_contracts_are_judged_as_they_are():
    """A contract that ends after as_of runs on."""
    contracts = pd.DataFrame(
        {
            "customer_id": ["Ann", "Bob"], "start": [day(0), day(0)], "end": [day(40), None],
            "sales": 1.0,
        }
    )  # fmt: skip
    spells = rt.contract_spells(contracts, as_of=day(60).date(), grace=0)
    rang = alarms_of([("Ann", 30), ("Bob", 30)])
    said = {**SAID, "horizon": 20, "apart": 20, "as_of": day(60)}
    (row,) = alarm_kpis(rang, spells, **said).to_dict("records")
    assert (row["n_hit"], row["n_false"], row["precision"]) == (1, 1, 0.5)
    assert row["customer_months"] == pytest.approx(100 / 30.4375)


def test_what_cannot_be_judged_is_refused():
    """Each message, and what it says to do."""
    alarms, spells = alarms_of(RANG), spells_of(VECTOR)

    def refused(match, error=rt.RetentionError, alarms=alarms, spells=spells, **changed):
        with pytest.raises(error, match=match):
            alarm_kpis(alarms, spells, **{**SAID, **changed})

    def judged(alarms=alarms, spells=spells, **changed):
        return alarm_kpis(alarms, spells, **{**SAID, **changed})

    refused("apart is 5 days, fewer than least, 7.*Say apart=7 or more", apart=5)
    assert len(judged(apart=7))
    refused("least is 61 days, more than the horizon of 60", least=61)
    refused("horizon must be a whole number of days", horizon=0.5)
    refused("silence must be a whole number of days", silence="gap")
    refused("observed_from is the first day", observed_from=None)
    refused("after as_of", observed_from=day(121))
    refused("level must lie", level=95)
    close = alarms_of([*RANG, ("Cem", 60)])
    refused(
        "1 alarm rings fewer than apart=60 days after another.*on 2024-03-01 after 10 days: say "
        "apart=10, or leave out", rt.ContentError, alarms=close,
    )  # fmt: skip
    assert len(judged(alarms=close, apart=10))
    refused("after 0 days: leave out", rt.ContentError, alarms=alarms_of([*RANG, RANG[0]]))
    refused("alarms is empty", rt.ContentError, alarms=alarms.iloc[:0])
    refused("spells is empty", rt.ContentError, spells=spells.iloc[:0])
    refused("1 row has no signal", rt.ContentError,
            alarms=alarms.assign(signal=["s", "s", None]))  # fmt: skip
    refused("1 row has no customer_id or no start", rt.ContentError,
            spells=spells.assign(start=spells["start"].where(spells.index > 0)))  # fmt: skip
    refused("2 rows are churned and have no end", rt.ContentError,
            spells=spells.assign(end=pd.NaT))  # fmt: skip
    refused("2 rows have an end and are not churned", rt.ContentError,
            spells=spells.assign(churned=False))  # fmt: skip
    refused("2 rows end before they start", rt.ContentError,
            spells=spells.assign(start=day(110)))  # fmt: skip
    refused("2 running rows have no duration", rt.ContentError,
            spells=spells.assign(duration=np.where(spells["churned"], 1, np.nan)))  # fmt: skip
    twice = pd.concat([spells, spells.iloc[:1].assign(start=day(99))])
    refused("1 row is still running as the same customer's next", rt.ContentError, spells=twice)
    refused("none had started by as_of", rt.ContentError, as_of=day(-1), observed_from=day(-9))
    refused("same_spell", spells=spells.assign(reactivation="same_spell"))
    refused("Give both the same type", rt.ColumnError, alarms=alarms.assign(customer_id=1))
    refused("lacks 'churned'", rt.ColumnError, spells=spells.drop(columns="churned"))
    refused("by names 'regio'", rt.ColumnError, by="regio")
    refused("is a name that answers use", rt.ColumnError, by="signal",
            spells=spells.assign(signal="x"))  # fmt: skip
    worth = pd.DataFrame({"customer_id": ["Ann", "Ann"], "value": [1.0, 2.0]})
    refused("values: 1 row too many", rt.ContentError, values=worth)
    assert len(judged(values=worth.groupby("customer_id", as_index=False).sum()))
    refused("infinite", rt.ContentError, values=worth.iloc[:1].assign(value=np.inf))


def test_open_alarms_are_neither_false_nor_left_out():
    """Thirty worlds of known truth; tests/benchmarks/alarms.py asks a thousand."""
    made = troubled.troubled_worlds(30, 1_000, seed=6, apart=90)
    found = alarm_kpis(made["alarms"], made["spells"], **troubled.asked_of_worlds(90))
    found = found.sort_values("world", key=lambda name: name.astype(int), ignore_index=True)
    truth = made["right"].sum() / made["n"].sum()
    assert found["n_alarms"].tolist() == made["n"].tolist()
    assert found["n_unknown"].sum() > 0.4 * made["n"].sum()
    assert found["precision"].mean() == pytest.approx(truth, rel=0.05)
    assert made["hit"].sum() / made["closed"].sum() > 1.3 * truth
    assert made["hit"].sum() / made["n"].sum() < 0.8 * truth
    held = (found["lower"] <= truth) & (found["upper"] >= truth)
    assert held.sum() >= 26

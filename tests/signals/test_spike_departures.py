"""spike_departures: who leaves, what goes, what stays, and the delay of an alarm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.signals.alarms.spike_departures import spike_departures

SAID = {"as_of": "2024-12-31", "between": ("2024-03-01", "2024-04-30"), "share": 0.5, "seed": 7}


def log(n=40, seed=1):
    """A log of a year with another column, in which some come late and some go early."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"c{i:02}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(d)), 5.0 + i, f"n{d}")
        for i in range(n)
        for d in np.unique(rng.integers(100 * (i % 5 == 0), 380 - 270 * (i % 7 == 0), 40))
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "sales", "note"])
    return frame.assign(date=frame["date"].astype("datetime64[us]"))


def eligible(lines):
    """Who had bought before the first day and again after the last."""
    lines = lines[lines["date"] <= "2024-12-31"]
    span = lines.groupby("customer_id")["date"].agg(["min", "max"])
    return set(span.index[(span["min"] < "2024-03-01") & (span["max"] > "2024-04-30")])


def test_every_engine_agrees_with_loops_over_lines(engine):
    """Lines from the day on are gone, all others stay, whatever the engine."""
    lines = log()
    spiked = spike_departures(engine.table(lines), **SAID)
    assert engine.is_mine(spiked.transactions)
    truth = engine.read(spiked.truth, order=["customer_id"])
    left = dict(zip(truth["customer_id"], pd.to_datetime(truth["left_on"]), strict=True))
    who = eligible(lines)
    assert spiked.n_eligible == len(who)
    assert len(left) == spiked.n_left == round(0.5 * len(who))
    assert set(left) <= who
    assert all(pd.Timestamp("2024-03-01") <= d <= pd.Timestamp("2024-04-30") for d in left.values())
    expected = [
        line
        for line in lines.itertuples(index=False, name=None)
        if line[1] <= pd.Timestamp("2024-12-31")
        and not (line[0] in left and line[1] >= left[line[0]])
    ]
    found = engine.read(spiked.transactions, order=["customer_id", "date"])
    assert list(found.columns) == list(lines.columns)
    found["date"] = pd.to_datetime(found["date"]).dt.tz_localize(None)
    assert list(found.itertuples(index=False, name=None)) == sorted(expected)
    same = spike_departures(lines, **SAID)
    pd.testing.assert_frame_equal(
        truth.assign(left_on=pd.to_datetime(truth["left_on"])), same.truth, check_dtype=False
    )


def test_who_slows_down_keeps_a_share_of_later_days(engine):
    """The same days on every engine, about so many, and all that came before."""
    lines = log(60)
    gone = spike_departures(lines, **SAID)
    slow = spike_departures(engine.table(lines), keep=0.3, **SAID)
    found = engine.read(slow.transactions, order=["customer_id", "date"])
    found["date"] = pd.to_datetime(found["date"]).dt.tz_localize(None).astype("datetime64[us]")
    every = lines[lines["date"] <= "2024-12-31"]
    taken, stayed = len(every) - len(gone.transactions), len(found) - len(gone.transactions)
    assert 0.2 < stayed / taken < 0.4
    assert found.merge(every, how="left", indicator=True)["_merge"].eq("both").all()
    on_pandas = spike_departures(lines, keep=0.3, **SAID).transactions
    pd.testing.assert_frame_equal(found, on_pandas, check_dtype=False)


def test_the_seed_decides_and_the_order_of_rows_does_not():
    """Another seed chooses others."""
    lines = log()
    one = spike_departures(lines, **SAID)
    mixed = spike_departures(lines.sample(frac=1, random_state=3), **SAID)
    pd.testing.assert_frame_equal(one.truth, mixed.truth)
    pd.testing.assert_frame_equal(one.transactions, mixed.transactions)
    other = spike_departures(lines, **{**SAID, "seed": 8})
    assert not other.truth.equals(one.truth)
    assert f"{one.n_left} of {one.n_eligible} eligible customers" in repr(one)
    assert len(lines) == len(log())


def test_an_alarm_of_silence_finds_them_as_soon_as_the_own_pace_allows():
    """Of those for whom no alarm stood before they left, quicker buyers are found sooner."""
    orders = rt.sample_company(400, seed=2).orders
    spiked = spike_departures(
        orders, as_of="2024-12-31", between=("2024-01-01", "2024-03-31"), share=0.5, seed=1
    )
    found = rt.signals.silence_alarms(spiked.transactions, as_of="2024-12-31", false_alarms=10)
    both = spiked.truth.merge(found, on="customer_id")
    delay = (both["rings_on"] - both["left_on"]).dt.days
    calm = delay >= 0
    assert calm.sum() > 30
    quick = both["x"] > both["x"][calm].median()
    assert delay[calm & quick].median() < delay[calm & ~quick].median()
    assert 20 < delay[calm].median() < 60  # the design: 45 of departures put in, 45 of real ones


def test_what_cannot_be_spiked_is_refused():
    """Each message, and what it says to do."""
    lines = log()

    def refused(match, error=rt.RetentionError, **changed):
        with pytest.raises(error, match=match):
            spike_departures(lines, **{**SAID, **changed})

    refused("between is the first and the last day", between="2024-03-01")
    refused("say the earlier day first", between=("2024-05-01", "2024-03-01"))
    refused("both before as_of", between=("2024-05-01", "2024-12-31"))
    refused("share is how many", share=0)
    refused("share is how many", share=1.5)
    refused("keep is the share of later days", keep=1)
    refused("seed must be a whole number, 0 or more", seed=None)
    few = {"share": 0.001}
    refused(r"share of 0.001 of them is nobody. Say a larger share=", rt.ContentError, **few)
    refused("nothing was observed by then", rt.ContentError, as_of="2023-05-05",
            between=("2023-01-01", "2023-02-01"))  # fmt: skip

"""From the tables of a wholesaler to alarms, judged by a truth that is known: signs foretell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
import wholesale_truth as told
from retention import signals

FIRST, AS_OF = pd.Timestamp("2021-01-04"), pd.Timestamp("2024-12-31")
LISTS = pd.date_range(FIRST, AS_OF, freq="7D")
DAY = pd.Timedelta(days=1)
HORIZON = APART = 90
UP_TO_THE_LIST = np.arange(7.0)
"""Days until the next weekly list, all alike."""
LEARNT = np.concatenate(
    [
        np.zeros(3_000),
        1 + np.floor(-told.world.LEARNT_DAYS * np.log(1 - (np.arange(2_000) + 0.5) / 2_000)),
    ]
)
"""Days until a closing is known: six in ten on the day, the others a day or more later."""


IN_A_DAY = {"first_response": told.world.ANSWERED_AFTER_HOURS, "resolution": 1e5}
"""Hours to answer, and more than anything takes to be solved."""


@pytest.fixture(scope="module")
def wholesaler():
    """Some customers, on whom signs have been noted for a year when the lists begin."""
    return rt.samples.sample_wholesaler(1_500, seed=2, start="2020-01-01")


@pytest.fixture(scope="module")
def spells(wholesaler):
    """The true relationships, as contracts that ended on the day of leaving."""
    lasted = rt.as_contracts(
        wholesaler.truth, customer_id="customer_id", start="first_order", end="left_on",
        end_is="first_day_out",
    )  # fmt: skip
    return rt.contract_spells(lasted, as_of=AS_OF, grace=0)


@pytest.fixture(scope="module")
def lists(wholesaler, spells):
    """Each week's customers with what was known of them: invoices, events, and a number drawn."""
    who = {"customer_id": "customer_id", "date": "date"}
    invoices = rt.loading.as_invoices(
        wholesaler.invoices, **who, due="due", paid="paid", amount="amount", queried="queried"
    )
    events = rt.loading.as_events(wholesaler.events, **who, event="event", known="known")
    hours = {name: name for name in ("first_response_hours", "resolution_hours")}
    contacts = rt.as_contacts(wholesaler.contacts, **who, **hours, business_hours="always")
    orders = rt.as_transactions(wholesaler.orders, **who, sales="sales", order_id="order_id")
    days = signals.contract_snapshots(spells, dates=LISTS)
    days = signals.invoice_features(days, invoices, window=60)
    days = signals.event_features(days, events, window=60, of=["store closed", "new buyer"])
    days = signals.contact_features(days, contacts, window=60, targets=IN_A_DAY)
    days = signals.purchase_features(days, orders, window=60)
    return days.assign(drawn=np.random.default_rng(1).random(len(days)))


@pytest.fixture(scope="module")
def alarms(lists):
    """What rings by two signs, by an event that means nothing, and by lot."""
    rings = [
        ("invoice overdue", {"score": "days_overdue", "threshold": told.world.OVERDUE_DAYS}),
        ("store closed", {"score": "n_store_closed", "threshold": 1}),
        ("answered late", {"score": "n_late", "threshold": 1}),
        ("new buyer", {"score": "n_new_buyer", "threshold": 1}),
    ]
    found = [
        signals.ring_alarms(lists, policy="threshold", apart=APART, signal=signal, **terms)
        for signal, terms in rings
    ]
    rhythm = lists.assign(gaps=lists["gap_ratio"].where(lists["n_orders"] > 5))
    slow = signals.ring_alarms(rhythm, score="gaps", calls=3, apart=APART, signal="slow-down")
    by_lot = signals.ring_alarms(lists, score="drawn", calls=10, apart=APART, signal="by lot")
    return pd.concat([*found, slow, by_lot], ignore_index=True)


@pytest.fixture(scope="module")
def kpis(alarms, spells):
    """The alarms judged, ends having been seen."""
    found = signals.alarm_kpis(
        alarms, spells, horizon=HORIZON, apart=APART, as_of=AS_OF, observed_from=FIRST, silence=None
    )
    return found.set_index("signal")


@pytest.mark.parametrize(
    ("signal", "sign", "lags", "also"),
    [
        ("invoice overdue", "pays_late", told.world.OVERDUE_DAYS + UP_TO_THE_LIST, 0.0),
        ("store closed", "store_closes", np.add.outer(LEARNT, UP_TO_THE_LIST).ravel(), 0.0),
        ("answered late", "unhappy", 1 + UP_TO_THE_LIST, told.late_answers_a_year()),
    ],
)
@pytest.mark.once
def test_alarms_on_a_sign_are_as_often_right_as_the_world_says(kpis, signal, sign, lags, also):
    """The precision worked out lies within the bounds of that found, chance lies far below."""
    row = kpis.loc[signal]
    assert row["n_alarms"] > 100
    expected = told.precision_after(sign, lags, HORIZON, also=also)
    assert row["lower"] < expected < row["upper"]
    assert row["lower"] > 2.5 * row["base_precision"]


def test_slow_downs_foretell_though_chance_slows_many_as_well(kpis):
    """Gaps of five and more vary, so precision is below that of the sign, and above chance."""
    row = kpis.loc["slow-down"]
    sign = told.precision_of(told.troubled_share("slows"), HORIZON)
    assert 1.5 * row["base_precision"] < row["lower"] < row["upper"] < sign


def test_a_day_at_random_is_as_often_right_as_the_world_says(kpis):
    """A little less than among those who have been there for a year: newcomers are well."""
    settled = told.precision_of(told.SETTLED[1], HORIZON)
    new = told.chance_of_leaving(HORIZON)[0]
    base = kpis["base_precision"].iloc[0]
    assert 0.9 * settled < base < 1.05 * settled
    assert new < base


@pytest.mark.parametrize("signal", ["new buyer", "by lot"])
def test_alarms_that_mean_nothing_have_lift_one(kpis, signal):
    """Chance lies within their bounds, and so do the losses they happen upon."""
    row = kpis.loc[signal]
    assert row["lower"] < row["base_precision"] < row["upper"]
    assert row["recall_lower"] < row["chance_recall"] < row["recall_upper"]


def test_signs_find_more_of_the_lost_than_chance_and_no_more_than_gave_them(kpis):
    """Of all the lost those who left in trouble and gave the sign, and a few by accident."""
    for signal, sign in (("invoice overdue", "pays_late"), ("store closed", "store_closes")):
        row = kpis.loc[signal]
        gave = told.share_left_in_trouble() * told.share_with_sign(sign)
        assert row["recall_lower"] > 2 * row["chance_recall"]
        assert row["recall_lower"] < gave + row["chance_recall"]


def test_silent_leavers_are_not_foreseen(wholesaler, alarms):
    """No alarm on a sign rings for one who never gave it; by lot some do, and mean nothing."""
    truth = wholesaler.truth.set_index("customer_id")
    rang = alarms.groupby("signal")["customer_id"].agg(set)
    for signal, sign in (("invoice overdue", "pays_late"), ("store closed", "store_closes")):
        gave = set(wholesaler.signs.loc[wholesaler.signs["sign"] == sign, "customer_id"])
        silent = set(truth.index[truth["left"]]) - gave
        assert len(silent) > 100
        assert rang[signal] & silent == set()
        assert rang["by lot"] & silent


def test_leavers_who_gave_a_sign_in_time_are_foreseen(wholesaler, alarms):
    """Nearly all whose closed store was in the log a month before they left."""
    truth = wholesaler.truth
    closed = wholesaler.events[wholesaler.events["event"] == "store closed"]
    seen = closed["known"].fillna(closed["date"])
    warned = closed.assign(seen=seen).merge(truth[truth["store_closes"] & truth["left"]])
    in_time = warned[(warned["seen"] < warned["left_on"] - 30 * DAY) & (warned["seen"] > FIRST)]
    assert len(in_time) > 20
    rang = alarms[alarms["signal"] == "store closed"]
    assert in_time["customer_id"].isin(rang["customer_id"]).mean() > 0.95


def test_ends_through_the_door_for_spells_judge_alike(wholesaler, alarms, kpis):
    """The truth as spells that were there already gives the same figures as contracts of it."""
    truth = wholesaler.truth
    days = (truth["left_on"].fillna(AS_OF + DAY) - truth["first_order"]) / DAY
    table = truth.assign(start=truth["first_order"], end=truth["left_on"], days=days)
    spells = rt.as_spells(
        table, customer_id="customer_id", duration="days", churned="left", keep=["start", "end"]
    )
    again = signals.alarm_kpis(
        alarms, spells, horizon=HORIZON, apart=APART, as_of=AS_OF, observed_from=FIRST, silence=None
    )
    pd.testing.assert_frame_equal(again.set_index("signal"), kpis)

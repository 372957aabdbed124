"""Trials that convert and failed payments that are recovered, person by person."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

import retention as rt
from lasting import contracts
from retention.intervals import wilson_bounds

N_SHOPS = 30
AS_OF = pd.Timestamp("2024-03-31")
DAYS = [0, 7, 14, 30, 200]


@cache
def trials():
    """Small shops whose customers try, pay, pay later, had paid before, or never tried."""
    draw, rows = np.random.default_rng(2), []
    first = pd.Timestamp("2024-01-01")
    for shop in range(N_SHOPS):
        rows.append((f"{shop} Zoe", first, first + pd.Timedelta(7, "D"), True, shop))
        for who in range(7):
            day = first + pd.Timedelta(int(draw.integers(0, 100)), "D")
            over = day + pd.Timedelta(int(draw.choice([7, 14])), "D")
            if draw.random() < 0.9:
                rows.append((f"{shop} c{who}", day, over, True, shop))
            for wait in draw.choice([-20, 0, 7, 14, 16, 60], size=draw.integers(0, 3)):
                paid = day + pd.Timedelta(int(wait), "D")
                rows.append((f"{shop} c{who}", paid, None, False, shop))
            if draw.random() < 0.2:
                rows.append((f"{shop} c{who}", over, None, True, shop))
    return contracts(*rows, columns=("is_trial", "shop")).astype({"shop": str})


def trial_lives(rows):
    """For each customer with a trial: days to the first paid contract or None, days followed."""
    rows = rows[rows["start"] <= AS_OF]
    found, before = [], 0
    for _, mine in rows.groupby("customer_id"):
        tried = mine.loc[mine["is_trial"], "start"]
        if tried.empty:
            continue
        began = tried.min()
        paid = mine.loc[~mine["is_trial"], "start"]
        if (paid < began).any():
            before += 1
            continue
        took = (paid.min() - began).days if len(paid) else None
        found.append((took, (AS_OF - began).days, 1.0))
    return found, before


@cache
def trials_by_shop():
    """The lives of each shop."""
    return {shop: trial_lives(mine) for shop, mine in trials().groupby("shop")}


@cache
def payments_by_shop():
    """The failed payments of each shop."""
    return {shop: failed_lives(mine) for shop, mine in bills().groupby("shop")}


def twin_of_lives(lives, t):
    """Counts, Kaplan–Meier and the mature share at t."""
    came = [life for life in lives if life[0] is not None and life[0] <= t]
    waits = [life for life in lives if life[0] is None and life[1] < t]
    stays = 1.0
    for u in sorted({life[0] for life in came}):
        at_risk = sum((life[1] if life[0] is None else life[0]) >= u for life in lives)
        stays *= 1 - sum(life[0] == u for life in came) / at_risk
    mature = [life for life in lives if life[1] >= t]
    got = [life for life in mature if life[0] is not None and life[0] <= t]
    known = bool(mature) or stays == 0
    return len(came), len(waits), 1 - stays if known else np.nan, mature, got


def test_conversion_is_that_of_customers_looked_at_one_by_one(engine):
    """Of every shop, at every day asked about."""
    made = rt.kpis.trial_conversion(engine.table(trials()), as_of=AS_OF, days=DAYS, by="shop")
    assert engine.is_mine(made)
    found = engine.read(made, order=["shop", "days"])
    assert len(found) == N_SHOPS * len(DAYS)
    for shop, rows in found.groupby("shop"):
        lives, before = trials_by_shop()[shop]
        for row in rows.itertuples():
            came, waits, share, mature, got = twin_of_lives(lives, row.days)
            assert (row.n_trials, row.n_paid_before) == (len(lives), before)
            assert (row.n_converted, row.n_open) == (came, waits)
            assert (row.n_mature, row.n_mature_converted) == (len(mature), len(got))
            np.testing.assert_allclose(float(row.conversion_share), share, atol=1e-12)


@cache
def bills():
    """Invoices paid in time, late, after the last day, never, and credit notes."""
    draw, rows = np.random.default_rng(4), []
    for shop in range(N_SHOPS):
        rows.append((f"{shop} Zoe", pd.Timestamp("2024-01-01"), None, 5.0, shop))
        for who in range(12):
            due = pd.Timestamp("2024-01-01") + pd.Timedelta(int(draw.integers(0, 95)), "D")
            wait = draw.choice([-1, 0, 1, 3, 9, 40, None])
            paid = None if wait is None else due + pd.Timedelta(int(wait), "D")
            amount = float(draw.choice([-5, 10, 20, 90]))
            rows.append((f"{shop} c{who}", due, paid, amount, shop))
    frame = pd.DataFrame(rows, columns=["customer_id", "due", "paid", "amount", "shop"])
    frame = frame.assign(date=frame["due"], shop=frame["shop"].astype(str))
    dates = {name: pd.to_datetime(frame[name]).astype("datetime64[us]") for name in
             ("date", "due", "paid")}  # fmt: skip
    return frame.assign(**dates)


def failed_lives(rows):
    """For each failed payment: days to recovery or None, days followed, the amount."""
    found = []
    for r in rows.itertuples():
        late = pd.isna(r.paid) or r.paid > r.due
        if r.amount > 0 and late and r.due < AS_OF:
            back = not pd.isna(r.paid) and r.paid <= AS_OF
            took = (r.paid - r.due).days if back else None
            found.append((took, (AS_OF - r.due).days, r.amount))
    return found


def test_recovery_is_that_of_invoices_looked_at_one_by_one(engine):
    """Of every shop, at every day asked about, in number and amount."""
    made = rt.kpis.dunning_recovery(engine.table(bills()), as_of=AS_OF, days=DAYS, by="shop")
    assert engine.is_mine(made)
    found = engine.read(made, order=["shop", "days"])
    assert found["shop"].nunique() == N_SHOPS
    for shop, rows in found.groupby("shop"):
        lives = payments_by_shop()[shop]
        for row in rows.itertuples():
            came, waits, share, mature, got = twin_of_lives(lives, row.days)
            assert (row.n_failed, row.n_recovered, row.n_open) == (len(lives), came, waits)
            assert (row.n_mature, row.n_mature_recovered) == (len(mature), len(got))
            assert row.n_lost == len(mature) - len(got)
            np.testing.assert_allclose(float(row.recovered_share), share, atol=1e-12)
            assert row.amount_mature == sum(life[2] for life in mature)
            assert row.amount_recovered == sum(life[2] for life in got)
            assert row.amount_lost == row.amount_mature - row.amount_recovered


def test_where_all_were_followed_both_shares_and_bounds_are_one():
    """Of 40 trials 10 convert on day 14: Wilson's bounds of 10 of 40 for both."""
    rows = [(f"c{i}", "2024-01-01", "2024-01-15", True) for i in range(40)]
    rows += [(f"c{i}", "2024-01-15", None, False) for i in range(10)]
    frame = contracts(*rows, columns=("is_trial",))
    row = rt.kpis.trial_conversion(frame, as_of="2024-03-31", days=30).iloc[0]
    assert row["conversion_share"] == pytest.approx(0.25)
    assert row["mature_share"] == 0.25
    for names in (["lower", "upper"], ["mature_lower", "mature_upper"]):
        np.testing.assert_allclose(row[names].tolist(), np.ravel(wilson_bounds([10], [40])))


def test_the_curve_is_that_of_kaplan_and_meier():
    """The same durations in `survival_curve`, at every day."""
    lives = trial_lives(trials())[0]
    spells = pd.DataFrame({
        "duration": [f if t is None else t for t, f, _ in lives],
        "churned": [t is not None for t, _, _ in lives],
    })  # fmt: skip
    curve = rt.survival_curve(spells)
    found = rt.kpis.trial_conversion(trials(), as_of=AS_OF, days=range(61))
    for row in found.itertuples():
        s = curve.loc[curve["duration"] <= row.days, "survival"]
        assert 1 - row.conversion_share == pytest.approx(s.iloc[-1] if len(s) else 1.0)


@pytest.mark.parametrize("mark", [("yes", "no"), ("1", ""), (1, 0), (1.0, None), ("TRUE", None)])
def test_trials_are_marked_as_the_door_reads_them(mark):
    """True or yes or 1; empty means no."""
    frame = trials()
    marked = frame.assign(
        is_trial=pd.Series([mark[0] if t else mark[1] for t in frame["is_trial"]])
    )
    plain, other = (
        rt.kpis.trial_conversion(table, as_of=AS_OF, days=DAYS) for table in (frame, marked)
    )
    pd.testing.assert_frame_equal(plain, other)


def test_from_the_door_to_the_share():
    """`as_contracts` keeps trials, and `as_invoices` makes the table of payments."""
    listed = rt.sample_company(800, seed=1).contracts
    loaded = rt.as_contracts(
        listed, customer_id="customer_id", start="start", end="end", end_is="first_day_out",
        trial="is_trial", trials="include", keep="is_trial",
    )  # fmt: skip
    found = rt.kpis.trial_conversion(loaded, as_of="2024-12-31", days=[30, 60])
    assert (found["n_trials"] == listed["is_trial"].sum()).all()
    assert found["conversion_share"].between(0.2, 1).all()
    assert found["n_mature"].iloc[0] >= found["n_mature"].iloc[1]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda k: k.trial_conversion(trials(), as_of=AS_OF, days=[]), "days must be whole"),
        (lambda k: k.trial_conversion(trials(), as_of=AS_OF, days=[7, 7]), "days must be whole"),
        (lambda k: k.trial_conversion(trials(), as_of=AS_OF, days=2.5), "days must be whole"),
        (lambda k: k.trial_conversion(trials(), as_of=AS_OF, days="week"), "days must be whole"),
        (lambda k: k.trial_conversion(trials(), as_of=AS_OF, days=7, trial="t"), "trial.*'t'"),
        (lambda k: k.trial_conversion(trials(), as_of="2023-01-01", days=7), "no trial of a new"),
        (lambda k: k.dunning_recovery(bills(), as_of=AS_OF, days=-1), "days must be whole"),
        (lambda k: k.dunning_recovery(bills(), as_of="2023-01-01", days=1), "no payment.*failed"),
        (lambda k: k.dunning_recovery(bills(), as_of=AS_OF, days=1, by="card"), "by.*'card'"),
    ],
)
def test_what_cannot_be_followed_is_refused(ask, message):
    """In words that name the keyword."""
    with pytest.raises(rt.RetentionError) as refusal:
        ask(rt.kpis)
    assert re.search(message, str(refusal.value).replace("`", ""))


def test_many_days_need_no_more_memory_than_few():
    """Beyond the longest follow-up nothing happens, and nothing is laid out for it."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann", "Ann"],
        "start": pd.to_datetime(["2024-01-01", "2024-01-15"]),
        "end": pd.to_datetime(["2024-01-15", None]),
        "is_trial": [True, False],
    })  # fmt: skip
    found = rt.kpis.trial_conversion(contracts, as_of="2024-02-29", days=[14, 10**15])
    assert found["conversion_share"].tolist() == [1.0, 1.0]
    assert found["n_open"].tolist() == [0, 0]

"""The sample wholesaler: trouble, its signs and what they foretell are as its docstring says."""

from __future__ import annotations

import re
import zlib
from dataclasses import fields
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest

import retention as rt
import wholesale_truth as told
from retention.errors import RetentionError
from retention.samples import SampleWholesaler, sample_company, sample_wholesaler
from retention.samples.wholesale import wholesale_world as world

TABLES = [field.name for field in fields(SampleWholesaler)]
SIGNS = list(world.SIGN_CHANCE)
AS_OF = pd.Timestamp("2024-12-31")
DAY_AFTER = pd.Timestamp("2025-01-01")
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def wholesaler() -> SampleWholesaler:
    """Enough customers and years for the effects to stand out of chance."""
    return sample_wholesaler(6_000, seed=1, start="2018-01-01")


@pytest.fixture(scope="module")
def signs(wholesaler) -> pd.DataFrame:
    """Each sign with its customer's truth."""
    return wholesaler.signs.merge(wholesaler.truth, on="customer_id", validate="m:1")


def years_between(start: pd.Series, end: pd.Series) -> float:
    """All the years from starts to ends, which may be open; a day begun counts by half."""
    return float(((end.fillna(DAY_AFTER) - start) / DAY - 0.5).sum() / 365.25)


def while_showing(rows: pd.DataFrame, signs: pd.DataFrame, sign: str) -> pd.Series:
    """Whether each row falls on a whole day on which its customer gives the sign."""
    rows = rows.reset_index(names="row")
    these = signs.loc[signs["sign"] == sign, ["customer_id", "start", "end"]]
    both = rows.merge(these, on="customer_id")
    end = both["end"].fillna(DAY_AFTER)
    on = (both["date"] >= both["start"] + DAY) & (both["date"] < end - DAY)
    return rows["row"].isin(both.loc[on, "row"])


def near_showing(rows: pd.DataFrame, signs: pd.DataFrame, sign: str) -> pd.Series:
    """Whether the sign begins, ends or lasts on the day of each row."""
    wider = signs.assign(start=signs["start"] - DAY, end=signs["end"] + DAY)
    return while_showing(rows, wider, sign)


def by_chance(found: float, n: float, expected: float) -> bool:
    """Whether a share of so many is within four standard errors of what is expected."""
    return abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


# --- the same from the same seed, on every engine, for ever


def fingerprint(table: pd.DataFrame) -> int:
    """A checksum of all that the table holds, money to the cent and other numbers to six digits."""
    parts = [",".join(table)]
    for column in table:
        kind = table[column].dtype.kind
        if kind == "M":
            parts.append(table[column].dt.strftime("%Y%m%d%H%M%S").fillna("-").str.cat())
        elif kind == "f":
            parts.append("".join(f"{value:.6g}" for value in table[column]))
        else:
            parts.append("".join("-" if pd.isna(v) else str(v) for v in table[column]))
    return zlib.crc32("|".join(parts).encode())


GOLDEN_WHOLESALER = {
    "orders": 130492305,
    "invoices": 91633190,
    "events": 3847111869,
    "offers": 1793186732,
    "contacts": 4205633069,
    "surveys": 3073064005,
    "calls": 1175424866,
    "truth": 2417958446,
    "troubles": 224041512,
    "signs": 2010875128,
}
GOLDEN_COMPANY = {
    "orders": 2374762864,
    "contracts": 2112742178,
    "contacts": 1136717018,
    "costs": 4270427792,
    "surveys": 304001609,
    "wallet": 2718615145,
    "notes": 2025505494,
    "branches": 2145281933,
    "staff": 3131661187,
    "referrals": 2021327868,
    "truth": 2870610459,
}
"""Checksums of the tables of both worlds, of 100 customers and seed 7."""


@pytest.mark.parametrize(
    ("sample", "golden"),
    [(sample_wholesaler, GOLDEN_WHOLESALER), (sample_company, GOLDEN_COMPANY)],
)
def test_the_worlds_stay_as_they_are(sample, golden):
    """Figures in docs and tests rest on them: no row of either ever changes."""
    made = sample(100, seed=7)
    assert {f.name: fingerprint(getattr(made, f.name)) for f in fields(made)} == golden


def test_different_seeds_differ():
    """No table is the same for two seeds, all are for one."""
    one, again, two = (sample_wholesaler(100, seed=seed) for seed in (5, 5, 6))
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(again, name))
        assert not getattr(one, name).equals(getattr(two, name))


def as_pandas(table) -> pd.DataFrame:
    """Any engine's table with missing text and missing times each in one form."""
    for method in ("to_pandas", "df"):
        if hasattr(table, method):
            table = getattr(table, method)()
            break
    return pd.DataFrame(
        {
            name: column.astype("datetime64[us]")
            if column.dtype.kind == "M"
            else column
            if column.dtype.kind in "bfi"
            else column.astype(object).where(column.notna(), None)
            for name, column in table.items()
        }
    )


@pytest.mark.parametrize("n_customers", [1, 200])
@pytest.mark.parametrize("engine", ["polars", "pyarrow", "duckdb"])
def test_engines_hold_the_same_wholesaler(engine, n_customers):
    """The same columns, rows, order and values; also where tables are empty."""
    ours, theirs = sample_wholesaler(n_customers), sample_wholesaler(n_customers, engine=engine)
    kinds = {"polars": "polars.*DataFrame", "pyarrow": "pyarrow.*Table", "duckdb": "duckdb.*Rel"}
    made = type(theirs.orders)
    assert re.search(kinds[engine], f"{made.__module__}.{made.__name__}")
    for name in TABLES:
        pd.testing.assert_frame_equal(
            as_pandas(getattr(theirs, name)), as_pandas(getattr(ours, name)), check_dtype=False
        )


def test_it_prints_its_tables_and_is_frozen():
    """The rows of each, and none can be swapped."""
    made = sample_wholesaler(20)
    assert re.search(r"^SampleWholesaler, .*\n.*\norders .*  order_id.*\n", repr(made))
    assert re.search(r"\ntruth +20  customer_id", repr(made))
    with pytest.raises(AttributeError):
        made.orders = None


@pytest.mark.parametrize(
    ("start", "as_of"), [("2024-02-29", "2024-03-01"), ("1999-05-17", "2001-02-03")]
)
def test_nothing_happens_outside_the_window(start, as_of):
    """However short or old it is; only what is due may be so later."""
    made = sample_wholesaler(300, start=start, as_of=date.fromisoformat(as_of))
    opens, closes = pd.Timestamp(start), pd.Timestamp(as_of) + DAY
    for name in TABLES:
        dates = getattr(made, name).select_dtypes("datetime").drop(columns="due", errors="ignore")
        for column in dates:
            assert dates[column].dropna().between(opens, closes, inclusive="left").all()


# --- the chain of well, in trouble, and gone


def test_truth_is_consistent(wholesaler):
    """Who left has a day and a reason; first orders are those of the log."""
    truth = wholesaler.truth
    left = truth["left"]
    assert truth["customer_id"].is_unique
    assert truth.loc[left, ["left_on", "reason"]].notna().all(axis=None)
    assert truth.loc[~left, ["left_on", "reason"]].isna().all(axis=None)
    assert (truth["left_on"] > truth["first_order"])[left].all()
    assert not (truth["troubled_on"] > truth["left_on"]).any()
    assert (truth["troubled_on"].notna() | ~truth[SIGNS].any(axis=1)).all()
    first = wholesaler.orders.groupby("customer_id")["date"].min().dt.normalize()
    pd.testing.assert_series_equal(
        first, truth.set_index("customer_id")["first_order"], check_names=False
    )


def test_truth_tells_of_the_trouble_that_lasts_or_was_fatal(wholesaler):
    """The day it began, its signs; those that passed are counted."""
    truth = wholesaler.truth.set_index("customer_id")
    troubles = wholesaler.troubles
    now = troubles[troubles["ended_by"] != "recovery"].set_index("customer_id")
    assert now.index.is_unique
    assert truth["troubled_on"].dropna().to_dict() == now["start"].to_dict()
    passed = troubles[troubles["ended_by"] == "recovery"].groupby("customer_id").size()
    assert truth["n_recovered"].sum() == passed.sum()
    fatal = now["ended_by"] == "leaving"
    assert (truth.loc[now.index[fatal], "left_on"] == now.loc[fatal, "end"]).all()
    true = wholesaler.signs[wholesaler.signs["troubled"]]
    began = true["customer_id"].map(now["start"])
    of_now = true[true["start"] >= began]
    harmless = wholesaler.signs[~wholesaler.signs["troubled"]]
    for sign in SIGNS:
        for column, those in ((sign, of_now), (f"{sign}_anyway", harmless)):
            given = set(those.loc[those["sign"] == sign, "customer_id"])
            assert given == set(truth.index[truth[column]])


def test_trouble_comes_and_goes_at_the_rates_told(wholesaler):
    """0.30 a year of those who are well, 0.05 leave; of those in trouble 3 leave, 1 recovers."""
    truth, troubles = wholesaler.truth, wholesaler.troubles
    in_trouble = years_between(troubles["start"], troubles["end"])
    well = years_between(truth["first_order"], truth["left_on"]) - in_trouble
    fatal = (troubles["ended_by"] == "leaving").sum()
    for count, years, rate in [
        (len(troubles), well, 0.30),
        (truth["left"].sum() - fatal, well, 0.05),
        (fatal, in_trouble, 3.0),
        ((troubles["ended_by"] == "recovery").sum(), in_trouble, 1.0),
    ]:
        assert abs(count - rate * years) < 4 * np.sqrt(rate * years) + 0.01 * count


def test_signs_of_trouble_come_with_their_chances_after_their_delays(wholesaler):
    """Of troubles that last longer than the delay; all signs are over when trouble is."""
    true = wholesaler.signs[wholesaler.signs["troubled"]]
    troubles = wholesaler.troubles
    both = troubles.merge(true, on="customer_id", suffixes=("_trouble", ""))
    wait = (both["start"] - both["start_trouble"]) / DAY
    mine = both[(wait >= 0) & (both["end"].fillna(AS_OF) == both["end_trouble"].fillna(AS_OF))]
    assert len(mine) == len(true)
    lasted = (troubles["end"].fillna(DAY_AFTER) - troubles["start"]) / DAY
    for sign, delay in {"slows": 0, "pays_late": 14, "store_closes": 30, "unhappy": 7}.items():
        given = mine[mine["sign"] == sign]
        assert set((given["start"] - given["start_trouble"]) / DAY) == {delay}
        long_enough = (lasted > delay + 1).sum()
        shown = (given["end"].fillna(DAY_AFTER) > given["start"] + DAY).sum()
        assert by_chance(shown / long_enough, long_enough, world.SIGN_CHANCE[sign])


def test_harmless_signs_come_to_anybody_and_last_as_long_as_trouble(wholesaler, signs):
    """At their rates a year, for 91.3 days in the mean of those that end, at leaving at last."""
    truth = wholesaler.truth
    years = years_between(truth["first_order"], truth["left_on"])
    harmless = signs[~signs["troubled"]]
    assert not (harmless["end"] > harmless["left_on"]).any()
    for sign, rate in world.HARMLESS_A_YEAR.items():
        count = (harmless["sign"] == sign).sum()
        assert abs(count - rate * years) < 4 * np.sqrt(rate * years)
    ended = harmless["end"].notna() & (harmless["end"] != harmless["left_on"])
    lasted = years_between(harmless["start"], harmless["end"]) * 365.25
    assert lasted / ended.sum() == pytest.approx(91.3, rel=0.08)


# --- what the signs foretell


def test_the_chain_worked_out_is_that_of_many_small_steps():
    """The closed form by eigenvalues against the product of 1/64 of days; known corners."""
    step = np.eye(2) + told.CHAIN / 64
    by_steps = np.linalg.matrix_power(step, 64 * 90)
    assert told.states_after(90) == pytest.approx(by_steps, abs=1e-4)
    assert told.states_after(0) == pytest.approx(np.eye(2), abs=1e-12)
    late = told.states_after(2_000)[0]
    assert late / late.sum() == pytest.approx(told.SETTLED)


def test_the_docstring_tells_what_the_numbers_amount_to():
    """Each derived number that it prints."""
    doc = " ".join(sample_wholesaler.__doc__.split())
    well, ill = told.chance_of_leaving(90)
    year = told.precision_of(told.SETTLED[1], 365.25)
    base = told.precision_of(told.SETTLED[1], 90)
    gone = told.share_left_in_trouble()
    silent = 1 - gone * (1 - told.share_without_sign())
    begins = ", ".join(
        f"{s} {told.troubled_share(s):.3f} and {told.precision_of(told.troubled_share(s), 90):.3f}"
        for s in SIGNS
    )
    shown = ", ".join(f"{s} by {told.share_with_sign(s):.3f}" for s in SIGNS)
    of_these = f"{shown[:5]} is shown{shown[5:]}"
    for words in [
        f"well → trouble {world.TROUBLE_A_YEAR:.2f}, trouble → well {world.RECOVERY_A_YEAR:.2f}",
        f"well → gone {world.LEAVING_WELL_A_YEAR:.2f}",
        f"trouble → gone {world.LEAVING_TROUBLED_A_YEAR:.2f}",
        f"slows (0 days after, chance {world.SIGN_CHANCE['slows']:.2f})",
        *(f"{s} ({world.SIGN_DELAY[s]:.0f} days, {world.SIGN_CHANCE[s]:.2f})" for s in SIGNS[1:]),
        f"slows {world.HARMLESS_A_YEAR['slows']:.2f} times a year, "
        + ", ".join(f"{s} {world.HARMLESS_A_YEAR[s]:.2f}" for s in SIGNS[1:]),
        f"last {world.HARMLESS_DAYS:.1f} days in the mean",
        f"{100 * told.SETTLED[1]:.1f} in 100 are in trouble",
        f"{100 * year:.0f} leave within a year, {100 * base:.1f} within 90 days",
        f"{100 * ill:.1f} of those in trouble and {100 * well:.1f} of those who are well",
        begins,
        f"Of all who ever leave {gone:.3f} leave in trouble; of these {of_these}",
        f"and none by {told.share_without_sign():.3f}. So {silent:.3f} of the leavers are silent",
        f"Trouble thus lasts a quarter of a year ({365.25 / told.OUT_OF_TROUBLE:.1f} days",
    ]:
        assert words in doc


@pytest.fixture(scope="module")
def settled(signs) -> pd.DataFrame:
    """Signs that began a year after the first order and 90 days before the end of the log."""
    later = signs["start"] > signs["first_order"] + 365 * DAY
    return signs[later & (signs["start"] < AS_OF - 90 * DAY)]


@pytest.mark.parametrize("sign", SIGNS)
def test_leaving_after_a_sign_is_as_likely_as_told(settled, sign):
    """Within 90 days, of all who give it, and of those who are in trouble."""
    these = settled[settled["sign"] == sign]
    gone = (these["left_on"] - these["start"]) <= 90 * DAY
    expected = told.precision_of(told.troubled_share(sign), 90)
    assert by_chance(gone.mean(), len(these), expected)
    assert by_chance(
        gone[these["troubled"]].mean(), these["troubled"].sum(), told.chance_of_leaving(90)[1]
    )


def test_two_signs_at_a_time_are_seldom_harmless(signs, settled):
    """Nine times of ten one of them tells of trouble, where it is one time of two or three."""
    others = signs[["customer_id", "sign", "start", "end", "troubled"]]
    pairs = settled.merge(others, on="customer_id", suffixes=("", "_other"))
    pairs = pairs[(pairs["sign"] != pairs["sign_other"]) & (pairs["start_other"] <= pairs["start"])]
    both = pairs[pairs["end_other"].fillna(DAY_AFTER) > pairs["start"]]
    told_of = both["troubled"] | both["troubled_other"]
    assert told_of.mean() > 0.9
    gone = (both["left_on"] - both["start"]) <= 90 * DAY
    alone = [told.precision_of(told.troubled_share(sign), 90) for sign in SIGNS]
    assert gone.mean() > 0.08 + max(alone)


def test_leaving_without_looking_is_as_likely_as_told(wholesaler):
    """On any days, of those who have been there for a year."""
    truth = wholesaler.truth
    gone, n = 0, 0
    for day in pd.date_range("2020-01-01", "2024-09-30", freq="180D"):
        here = (truth["first_order"] < day - 365 * DAY) & ~(truth["left_on"] <= day)
        gone += (here & (truth["left_on"] <= day + 90 * DAY)).sum()
        n += here.sum()
    assert by_chance(gone / n, n, told.precision_of(told.SETTLED[1], 90))


def test_leavers_give_signs_and_keep_silent_in_the_shares_told():
    """Of those whose whole life can be seen: shares of each sign, of none, and of trouble."""
    made = sample_wholesaler(3_000, seed=3, start="1994-01-01", as_of="2023-12-31")
    truth = made.truth[made.truth["first_order"] < "2004-01-01"]
    assert truth["left"].mean() > 0.98
    leavers = truth[truth["left"]]
    troubled = leavers[leavers["troubled_on"].notna()]
    assert by_chance(len(troubled) / len(leavers), len(leavers), told.share_left_in_trouble())
    n = len(troubled)
    for sign in SIGNS:
        assert by_chance(troubled[sign].mean(), n, told.share_with_sign(sign))
    assert by_chance((~troubled[SIGNS].any(axis=1)).mean(), n, told.share_without_sign())
    fatal = made.signs[made.signs["troubled"]].merge(leavers, on="customer_id")
    lead = (fatal["left_on"] - fatal["start"])[fatal["end"] == fatal["left_on"]] / DAY
    assert lead.mean() == pytest.approx(91.3, abs=4 * 91.3 / np.sqrt(len(lead)))


# --- what can be seen


def test_slowing_customers_order_less_log_in_less_and_answer_less(wholesaler, signs):
    """Three orders in ten are left, and fewer categories in each; seasons and rates alike."""
    once = wholesaler.orders.groupby("order_id").agg(
        customer_id=("customer_id", "first"), date=("date", "first"), n=("category", "size")
    )
    slowing = signs[signs["sign"] == "slows"]
    lasted = ((slowing["end"].fillna(DAY_AFTER) - slowing["start"]) / DAY - 2).clip(lower=0)
    usual = (lasted / 365.25 * slowing["orders_per_year"]).sum()
    slow = while_showing(once, signs, "slows").to_numpy()
    assert slow.sum() / usual == pytest.approx(0.30, rel=0.08)
    assert once.loc[slow, "n"].mean() < once.loc[~slow, "n"].mean() - 0.3
    logins = wholesaler.events[wholesaler.events["event"] == "login"]
    slow = while_showing(logins, signs, "slows")
    assert slow.sum() / (24 * lasted.sum() / 365.25) == pytest.approx(0.30, rel=0.08)
    slow = while_showing(wholesaler.offers, signs, "slows")
    answered = wholesaler.offers["responded"].notna()
    old = wholesaler.offers["date"] < AS_OF - 30 * DAY
    assert answered[~slow & old].mean() == pytest.approx(0.40, rel=0.03)
    assert answered[slow & old].mean() == pytest.approx(0.12, abs=0.03)


def test_other_customers_order_at_their_own_rates(wholesaler, signs):
    """Also in the last sixty days before they leave in silence."""
    truth = wholesaler.truth
    silent = truth[truth["left"] & ~truth["customer_id"].isin(signs["customer_id"])]
    silent = silent[silent["left_on"] - silent["first_order"] > 61 * DAY]
    assert len(silent) > 300
    orders = wholesaler.orders.drop_duplicates("order_id").merge(silent, on="customer_id")
    last = orders["left_on"] - orders["date"] <= 60 * DAY
    expected = (silent["orders_per_year"] * 60 / 365.25).sum()
    assert last.sum() / expected == pytest.approx(1, abs=0.06)


def test_december_is_the_peak_and_customers_differ(wholesaler):
    """The season of the first company; rates are gamma with mean 24 and shape 2."""
    orders = wholesaler.orders.drop_duplicates("order_id")
    assert orders["date"].dt.month.value_counts().idxmax() == 12
    rate = wholesaler.truth["orders_per_year"]
    assert rate.mean() == pytest.approx(24, rel=0.03)
    assert rate.var() == pytest.approx(24**2 / 2, rel=0.1)


def test_invoices_reconcile_with_orders(wholesaler):
    """One a customer and day, due in fourteen days, all of the sales and no more."""
    invoices = wholesaler.invoices
    assert not invoices.duplicated(["customer_id", "date"]).any()
    assert (invoices["due"] - invoices["date"] == 14 * DAY).all()
    sales = wholesaler.orders.assign(date=wholesaler.orders["date"].dt.normalize())
    daily = sales.groupby(["customer_id", "date"])["sales"].sum()
    owed = invoices.set_index(["customer_id", "date"])["amount"].sort_index()
    pd.testing.assert_series_equal(daily, owed, check_names=False)
    assert (invoices["paid"] > invoices["date"]).eq(invoices["paid"].notna()).all()
    assert (invoices["queried"] > invoices["date"]).eq(invoices["queried"].notna()).all()
    assert not (invoices["queried"] > invoices["paid"]).any()


def test_only_who_pays_late_is_overdue_by_more_than_a_week(wholesaler, signs):
    """Then by 33 days in the mean; else one in ten by up to five days."""
    invoices = wholesaler.invoices.merge(wholesaler.truth[["customer_id", "left_on"]])
    left = invoices["left_on"].fillna(DAY_AFTER)
    due = pd.DataFrame(
        {"customer_id": invoices["customer_id"], "date": invoices["due"].where(
            invoices["due"] < left, left - DAY)}
    )  # fmt: skip
    overdue = (invoices["paid"].fillna(DAY_AFTER) - invoices["due"]) / DAY
    near = near_showing(due, signs, "pays_late")
    within = while_showing(due, signs, "pays_late")
    known = invoices["due"] < AS_OF - 300 * DAY
    assert within[known].sum() > 1_000
    assert (overdue[known & within] >= 8).all()
    assert overdue[known & within].mean() == pytest.approx(33 - 0.5, abs=1.5)
    assert not (overdue[~near] > 5).any()
    assert (overdue[~near & known] > 0).mean() == pytest.approx(0.10, abs=0.005)


def test_stores_close_in_the_log_as_in_truth_and_some_are_learnt_later(wholesaler, signs):
    """Each closing once, but those that nobody has learnt; other events are noise."""
    events = wholesaler.events
    closed = events[events["event"] == "store closed"]
    true = signs[signs["sign"] == "store_closes"]
    both = true.merge(closed, left_on=["customer_id", "start"], right_on=["customer_id", "date"])
    assert len(both) == len(closed)
    unknown = true[~true["customer_id"].isin(closed["customer_id"])]
    assert (unknown["start"] > AS_OF - 120 * DAY).all()
    later = closed["known"].notna()
    assert by_chance(later.mean(), len(closed), 0.40)
    wait = (closed["known"] - closed["date"])[later] / DAY
    assert wait.min() >= 1
    assert wait.mean() == pytest.approx(10.5, rel=0.1)
    assert set(events.loc[events["known"].notna(), "event"]) == {"store closed", "moved"}
    for event in ("moved", "new buyer"):
        those = events[events["event"] == event].merge(wholesaler.truth, on="customer_id")
        those = those[those["date"] > those["first_order"] + 365 * DAY]
        those = those[those["date"] < AS_OF - 90 * DAY]
        gone = (those["left_on"] - those["date"]) <= 90 * DAY
        assert by_chance(gone.mean(), len(those), told.precision_of(told.SETTLED[1], 90))


def test_the_unhappy_complain_query_and_say_so(wholesaler, signs):
    """The first contact is answered late; more follow, lower scores, more queries."""
    contacts = wholesaler.contacts
    unhappy = signs[signs["sign"] == "unhappy"]
    first = unhappy.merge(
        contacts.assign(start=contacts["date"].dt.normalize()), on=["customer_id", "start"]
    )
    hours = first.groupby(["customer_id", "start"])["first_response_hours"].max().dropna()
    assert (hours > 24).all()
    assert len(hours) == pytest.approx(len(unhappy), rel=0.01)
    days = (unhappy["end"].fillna(DAY_AFTER) - unhappy["start"]) / DAY - 2
    years = days.clip(lower=0).sum() / 365.25
    more = while_showing(contacts, signs, "unhappy").sum()
    assert more / years == pytest.approx(4.6, rel=0.1)
    surveys = wholesaler.surveys
    unhappy_then = while_showing(surveys, signs, "unhappy")
    score = surveys["satisfaction"]
    assert score[~unhappy_then].mean() - score[unhappy_then].mean() == pytest.approx(1.5, abs=0.2)
    assert (surveys["satisfaction"].notna() == surveys["answered"]).all()
    invoices = wholesaler.invoices[wholesaler.invoices["date"] < AS_OF - 30 * DAY]
    queried = invoices["queried"].notna().to_numpy()
    upset = while_showing(invoices, signs, "unhappy").to_numpy()
    assert queried[upset].mean() == pytest.approx(0.20, abs=0.03)
    assert queried[~near_showing(invoices, signs, "unhappy")].mean() == pytest.approx(
        0.02, abs=0.002
    )


@pytest.mark.parametrize(
    "name", ["orders", "invoices", "events", "offers", "contacts", "surveys", "calls"]
)
def test_nothing_is_dated_on_or_after_the_day_of_leaving(wholesaler, name):
    """Each table is in the order of time, with nothing of those who are gone."""
    table = getattr(wholesaler, name)
    assert table["date"].is_monotonic_increasing
    rows = table.merge(wholesaler.truth, on="customer_id", validate="m:1")
    assert len(rows) == len(table)
    assert not (rows["date"] >= rows["left_on"]).any()
    assert (rows["date"] >= rows["first_order"]).all()


def test_reasons_follow_the_signs(wholesaler):
    """Of need where the store closed, the service where they were unhappy, else another."""
    left = wholesaler.truth[wholesaler.truth["left"]]
    closed, upset = left["store_closes"], left["unhappy"]
    assert set(left.loc[closed, "reason"]) == {"involuntary_switching"}
    assert set(left.loc[upset & ~closed, "reason"]) == set(world.UNHAPPY_REASONS)
    assert set(left.loc[~upset & ~closed, "reason"]) == set(world.OTHER_REASONS)


# --- through the doors


def named_alike(*columns: str) -> dict[str, str]:
    """What a door is told where the file has our names."""
    return {column: column for column in ("customer_id", "date", *columns)}


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
def test_tables_pass_the_doors_as_they_are(engine):
    """Nothing to say but the columns, and the scale of the survey; no row is lost."""
    made = sample_wholesaler(300, seed=1, engine=engine)
    asked = ("satisfaction", "value_for_money", "repeat_intention", "recommend", "answered")
    hours = ("first_response_hours", "resolution_hours", "right_first_time")
    owed = ("due", "paid", "amount", "queried")
    load = rt.loading
    for table, door, columns in [
        (
            made.orders,
            partial(rt.as_transactions, keep="category"),
            ("sales", "profit", "order_id"),
        ),
        (made.contacts, rt.as_contacts, hours),
        (made.surveys, partial(rt.as_surveys, scale=(1, 5)), asked),
        (made.invoices, load.as_invoices, owed),
        (made.events, load.as_events, ("event", "known")),
        (made.offers, load.as_offers_made, ("responded",)),
        (made.calls, load.as_calls, ("outcome",)),
    ]:
        assert door(table, **named_alike(*columns)).shape[0] == table.shape[0] > 0


# --- refusals


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"n_customers": 0}, r"n_customers must be .* 1 or more; got 0\."),
        ({"seed": -1}, r"seed must be .* 0 or more; got -1"),
        ({"engine": "excel"}, r"engine must be one of 'pandas', .*; got 'excel'"),
        ({"start": "2024-12-31"}, r"start must be before as_of"),
        ({"as_of": "today"}, r"as_of must be a day such as '2024-12-31'.*got 'today'"),
    ],
)
def test_nonsense_is_refused_in_words(keywords, says):
    """What was got, and what to say instead."""
    with pytest.raises(RetentionError, match=says):
        sample_wholesaler(**keywords)

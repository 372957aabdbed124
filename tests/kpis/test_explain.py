"""Churned customers and the difference of two churn rates: sets and loops, cases, refusals."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from churn_cases import (
    JANUARY,
    a_file,
    day_of_step,
    dues,
    hundred_and_twenty,
    spells_of,
    stay,
)
from conftest import at_most
from lasting import contracts, day_number
from retention.kpis.churn.churned_customers import PARTS, churned_customers
from retention.kpis.churn.difference_items import ABOVE, BELOW
from retention.kpis.churn.explain import explain_difference
from retention.kpis.churn.rates import Convention, churn_rate
from shops import orders

CONVENTIONS = get_args(Convention)
ISSUE = ("endpoint", "start_cohort", "active_and_new", "all_cancellations")
LEFT = ["n_customers", "n_difference", "at_risk_difference", "sales_difference", "effect_on_rate"]


def of_january(convention, frame=None, **kwargs):
    """The customers behind a churn rate of January 2024, with a renewal of everybody due."""
    frame = hundred_and_twenty() if frame is None else frame
    if convention == "renewals_due":
        kwargs = {"renewals": dues(("b1", "2024-01-15")), **kwargs}
    kwargs = {name: quick(table) for name, table in kwargs.items()}
    spells = spells_of(quick(frame))
    return churned_customers(spells, convention=convention, **JANUARY, **kwargs).to_pandas()


def quick(frame):
    """As a Polars table, whose small queries are the fastest."""
    return pl.from_pandas(frame)


def january_of(table):
    """The rows of the last period."""
    return table[table["step"] == table["step"].max()].reset_index(drop=True)


def without(rows, *items):
    """The rows of all other items."""
    return rows[~rows["item"].isin(items)]


def told(a, b):
    """The difference of two tables."""
    return explain_difference(quick(a), quick(b)).to_pandas()


def explained(a, b):
    """The rows of the last period that are no totals and not alike, with their differences."""
    table = told(a, b)
    left = table[table["item"] == "unexplained"]
    assert (left[LEFT].fillna(0).abs() < 1e-12).all(axis=None)
    totals = ("a", "b", "unexplained", "counted alike", "at risk alike")
    rows = without(january_of(table), *totals)
    found = rows["n_difference"].fillna(rows["at_risk_difference"]).round(9)
    return dict(zip(zip(rows["item"], rows["line"], strict=True), found, strict=True))


def test_the_four_answers_of_one_month_are_reconciled(engine):
    """6 % and 10 %: two returned, four joined and cancelled, twenty joined the denominator."""
    frame = hundred_and_twenty().assign(sales=10.0)
    activity = rt.contract_periods(frame, **JANUARY)
    a, b = (of_january(name, frame, activity=activity) for name in ("endpoint", "active_and_new"))
    answer = explain_difference(engine.table(a), engine.table(b))
    assert engine.is_mine(answer)
    rows = january_of(engine.read(answer))
    assert rows["item"].tolist() == [
        "a", "counted alike", "returned before the close", "joined and cancelled in the period",
        "at risk alike", "joined: in the denominator", "b", "unexplained",
    ]  # fmt: skip
    assert rows["n_customers"].tolist() == [100, 6, 2, 4, 100, 20, 120, 0]
    assert rows["n_difference"].fillna(-1).tolist() == [-1, 0, 2, 4, -1, -1, -1, 0]
    assert rows["at_risk_difference"].fillna(-1).tolist() == [-1, -1, -1, -1, 0, 20, -1, 0]
    effects = [0, 0, 0.02, 0.04, 0, -0.02, 0, 0]
    np.testing.assert_allclose(rows["effect_on_rate"].fillna(0), effects, atol=1e-12)
    assert rows["churn_rate"].dropna().tolist() == [0.06, 0.10]
    assert rows["sales_difference"].fillna(-1).tolist() == [-1, 0, 20, -1, -1, -1, -1, 0]
    assert rows["n_without_sales"].fillna(-1).tolist() == [0, 0, 0, 4, -1, -1, 4, -1]
    assert set(rows["convention_a"]) == {"endpoint"}
    assert set(rows["convention_b"]) == {"active_and_new"}


def test_every_pair_of_the_four_is_explained():
    """In customers, money and rate, with money for all: orders of the same 120 customers."""
    frame = hundred_and_twenty()
    bought = zip(frame["customer_id"], frame["start"], strict=True)
    sold = orders(*((who, start, 10) for who, start in bought), ("b50", "2024-01-31", 10))
    activity = rt.customer_periods(sold, freq="month", as_of="2024-01-31")
    tables = {name: of_january(name, activity=activity) for name in ISSUE}
    rates = dict(zip(ISSUE, (0.06, 0.08, 0.10, 0.12), strict=True))
    churned = dict(zip(ISSUE, (6, 8, 12, 12), strict=True))
    for a, b in permutations(ISSUE, 2):
        table = january_of(told(tables[a], tables[b]))
        assert (table.loc[table["item"] == "unexplained", LEFT].abs() < 1e-12).all(axis=None)
        assert table["churn_rate"].dropna().tolist() == [rates[a], rates[b]]
        rows = without(table, "a", "b", "unexplained")
        assert rows["effect_on_rate"].sum() == pytest.approx(rates[b] - rates[a], abs=1e-12)
        gap = churned[b] - churned[a]
        assert (rows["n_difference"].sum(), rows["sales_difference"].sum()) == (gap, 10 * gap)
        assert rows["n_without_sales"].sum() == 0


def naive_customers(spells, step, freq):
    """What each customer did in a period: part, ends and days, in loops over spells."""
    opens, closes = (day_number(day_of_step(s, freq)) for s in (step, step + 1))
    found = {}
    for who in set(spells["customer_id"]):
        mine = spells[spells["customer_id"] == who]
        stays = [
            (day_number(r["start"]), day_number(r["end"]) if r["churned"] else 10**9)
            for r in mine.to_dict("records")
        ]
        there = any(start <= opens < end for start, end in stays)
        back = any(start <= closes < end for start, end in stays)
        joined = any(opens < start < closes for start, _ in stays)
        ends = sum(opens < end <= closes for _, end in stays)
        days = sum(max(0, min(end, closes) - max(start, opens)) for start, end in stays)
        if not (there or joined or ends):
            continue
        fate = "stayed" if not ends else "cancelled and returned" if back else "cancelled"
        part = f"{'there' if there else 'joined'}: {fate}"
        if not (there or joined):
            part = "a spell of no days"
        found[who] = (part, ends, days / (closes - opens))
    return found


def naive_counted(part, ends, time, convention):
    """How a customer counts above and below the line."""
    there, joined = part.startswith("there"), part.startswith("joined")
    left = "cancelled" in part
    return {
        "start_cohort": (int(there and left), int(there)),
        "endpoint": (int(part == "there: cancelled"), int(there)),
        "all_cancellations": (int(left), int(there)),
        "active_and_new": (int(left), int(there or joined)),
        "exposure": (ends, time),
    }[convention]


def naive_sales(frame, who, step, freq):
    """The revenue of a customer's contracts in force at an opening; None if none is."""
    opens = day_of_step(step, freq)
    mine = frame[(frame["customer_id"] == who) & (frame["start"] <= opens)]
    mine = mine[mine["end"].isna() | (mine["end"] > opens)]
    months = 7 / 30.4375 if freq == "week" else 1
    return months * mine["sales"].sum() if len(mine) else None


@settings(max_examples=at_most(20))
@given(
    stays=st.lists(stay, min_size=1, max_size=12),
    freq=st.sampled_from(["week", "month"]),
    by=st.sampled_from([(), ("region",)]),
    convention=st.sampled_from([name for name in CONVENTIONS if name != "renewals_due"]),
)
def test_each_customer_agrees_with_the_definition(stays, freq, by, convention):
    """Part, counts and money of each customer, from loops over random spells."""
    frame = a_file(stays)
    frame["sales"] = np.arange(1.0, len(frame) + 1)
    activity = rt.contract_periods(quick(frame), freq=freq, as_of="2024-03-31")
    spells = spells_of(quick(frame), "2024-03-31", keep_first="region")
    say = {"freq": freq, "as_of": "2024-03-31", "by": by, "convention": convention}
    found = churned_customers(spells, activity=activity, **say)
    found, spells = found.to_pandas(), spells.to_pandas()
    expected = []
    for step in range(found["first_step"].iloc[0], found["last_step"].iloc[0] + 1):
        for region in ("north", "south") if by else ("",):
            mine = spells[spells["region"] == region] if by else spells
            for who, did in naive_customers(mine, step, freq).items():
                counted = naive_counted(*did, convention)
                sales = naive_sales(frame, who, step, freq)
                if sales is None and not did[0].startswith("there"):
                    sales = naive_sales(frame, who, step + 1, freq)
                if any(counted):
                    expected.append((region, step, who, did[0], *counted, sales))
    columns = [*by, "step", "customer_id", "part", "n_churned", "at_risk", "sales"]
    rows = [row[0 if by else 1 :] for row in sorted(expected, key=lambda row: row[:3])]
    rows = pd.DataFrame(rows, columns=columns).astype({"sales": float})
    pd.testing.assert_frame_equal(found[columns], rows, check_dtype=False)
    assert set(found["part"]) <= set(PARTS)


@settings(max_examples=at_most(2))
@given(
    stays=st.lists(stay, min_size=6, max_size=12),
    by=st.sampled_from([(), ("region",)]),
    convention=st.sampled_from(CONVENTIONS),
)
def test_customers_add_up_to_the_churn_rate(engine, stays, by, convention):
    """Of every segment and period, for each convention, exactly."""
    frame = a_file(stays)
    spells = spells_of(frame, "2024-03-31", keep_first="region")
    say = {"freq": "month", "as_of": "2024-03-31", "by": by, "convention": convention}
    if convention == "renewals_due":
        ends = frame.dropna(subset="end").rename(columns={"end": "date"})
        say["renewals"] = ends[["customer_id", "date"]]
    key = [*by, "step"]
    rates = churn_rate(spells, **say)
    say |= {name: engine.table(say[name]) for name in ("renewals",) if name in say}
    found = engine.read(churned_customers(engine.table(spells), **say))
    summed = found.groupby(key)[["n_churned", "at_risk"]].sum().reset_index()
    both = rates[[*key, "n_churned", "at_risk"]].merge(summed, on=key, how="left").fillna(0)
    assert both["n_churned_x"].tolist() == both["n_churned_y"].tolist()
    np.testing.assert_allclose(both["at_risk_x"], both["at_risk_y"], rtol=1e-12)
    assert (found["convention"] == convention).all()
    assert not found.duplicated([*key, "customer_id"]).any()


def naive_reason(a, b, conventions):
    """Why a customer is counted in one table and not in the other, in plain words.

    Args:
        a: (part, churned, at risk) in the one table, None without a row.
        b: the same in the other one.
        conventions: of the two.
    """

    def reason(here, there, mine, side):  # noqa: PLR0911 - one a reason
        if here is None:
            who = there[0].split(":")[0]
            if mine == "renewals_due":
                return "not up for renewal"
            if mine in ("start_cohort", "endpoint") and who == "joined":
                return "joined"
            if mine == "all_cancellations" and there[0] == "joined: stayed":
                return "joined"
            return f"only in {side}: customer not there in {'ab'.replace(side, '')}"
        if here[0].split(":")[0] != there[0].split(":")[0]:
            return "there in one, joined in the other"
        if here[0].startswith("joined") and mine == "all_cancellations" and here[1]:
            return "joined"
        if here[0].endswith("stayed"):
            return f"cancelled in {side} only"
        return "left on another day than the renewal" if mine == "renewals_due" else "returned"

    above = below = None
    na, nb = (min(x[1], 1) if x else 0 for x in (a, b))
    ra, rb = (x[2] if x else 0 for x in (a, b))
    if na != nb:
        side = "a" if na else "b"
        above = reason(*((b, a, conventions[1]) if na else (a, b, conventions[0])), side)
        words = {"joined": "joined and cancelled in the period"}
        above = words.get(above, above).replace("returned", "returned before the close")
    if ra != rb:
        if ra and rb:
            below = "there in one, joined in the other"
            if a[0].split(":")[0] == b[0].split(":")[0]:
                time = "time under observation instead of heads"
                same = conventions[0] == conventions[1]
                below = "under observation for another time" if same else time
        else:
            side = "a" if ra else "b"
            below = reason(*((b, a, conventions[1]) if ra else (a, b, conventions[0])), side)
            below = {"joined": "joined: in the denominator"}.get(below, below)
    return above, below


@settings(max_examples=at_most(30))
@given(
    first=st.lists(stay, min_size=1, max_size=8),
    second=st.lists(stay, min_size=0, max_size=4),
    conventions=st.tuples(st.sampled_from(CONVENTIONS), st.sampled_from(CONVENTIONS)),
    freq=st.sampled_from(["week", "month"]),
)
def test_items_agree_with_reasons_in_plain_words(first, second, conventions, freq):
    """Each customer of two runs looked up in both, for random spells and any two conventions."""
    runs = []
    for stays, convention in ((first, conventions[0]), (first[1:] + second, conventions[1])):
        frame = a_file(stays)
        say = {"freq": freq, "as_of": "2024-03-31", "convention": convention}
        if convention == "renewals_due":
            ends = frame.dropna(subset="end").rename(columns={"end": "date"})
            say["renewals"] = quick(ends[["customer_id", "date"]])
        runs.append(churned_customers(spells_of(quick(frame), "2024-03-31"), **say))
    if any(run.is_empty() for run in runs):
        return
    found = explain_difference(*runs).to_pandas()
    left = found.loc[found["item"] == "unexplained", LEFT]
    assert (left.fillna(0).abs() < 1e-9).all(axis=None)
    expected = {}
    tables = [
        {(r["step"], r["customer_id"]): (r["part"], r["n_churned"], r["at_risk"]) for r in rows}
        for rows in (run.to_dicts() for run in runs)
    ]
    for key in {*tables[0], *tables[1]}:
        a, b = (table.get(key) for table in tables)
        above, below = naive_reason(a, b, conventions)
        na, nb = (x[1] if x else 0 for x in (a, b))
        more = max(nb - 1, 0) - max(na - 1, 0)
        for item, line, gap in (
            (above, "above", min(nb, 1) - min(na, 1)),
            ("ended more than once" if more else None, "above", more),
            (below, "below", (b[2] if b else 0) - (a[2] if a else 0)),
        ):
            if item:
                where = (key[0], item, line)
                expected[where] = expected.get(where, 0) + gap
    rows = found[~found["item"].isin(["counted alike", "at risk alike"])]
    rows = rows[rows["line"] != "total"]
    gap = rows["n_difference"].fillna(rows["at_risk_difference"])
    where = zip(rows["step"], rows["item"], rows["line"], strict=True)
    got = dict(zip(where, gap, strict=True))
    assert got == pytest.approx(expected)


@settings(max_examples=at_most(10))
@given(
    stays=st.lists(stay, min_size=1, max_size=12),
    conventions=st.permutations([name for name in CONVENTIONS if name != "renewals_due"]),
)
def test_effects_sum_to_the_difference_of_the_two_churn_rates(stays, conventions):
    """And rows a and b are those of churn_rate, per segment and period."""
    spells = spells_of(quick(a_file(stays)), "2024-03-31", keep_first="region")
    say = {"freq": "month", "as_of": "2024-03-31", "by": "region"}
    a, b = (churned_customers(spells, convention=name, **say) for name in conventions[:2])
    found = explain_difference(a, b, by="region").to_pandas().set_index(["region", "step"])
    rates = [
        churn_rate(spells, convention=name, **say).to_pandas().set_index(["region", "step"])
        for name in conventions[:2]
    ]
    rates = [table["churn_rate"] for table in rates]
    for item, rate in zip("ab", rates, strict=True):
        mine = found.loc[found["item"] == item, "churn_rate"]
        pd.testing.assert_series_equal(mine, rate.loc[mine.index])
    gone = found[(found["line"] != "total")].groupby(["region", "step"])["effect_on_rate"]
    summed = gone.sum(min_count=1)
    gap = (rates[1] - rates[0]).loc[summed.index]
    np.testing.assert_allclose(summed, gap, atol=1e-12)


def test_the_other_way_round_every_count_changes_sign():
    """The items of b to a are those of a to b."""
    frame = contracts(
        ("Ann", "2023-12-01", "2024-01-10"), ("Ann", "2024-01-20", None),
        ("Bob", "2024-01-05", "2024-01-20"), ("Cem", "2023-12-01", None),
    )  # fmt: skip
    a, b = of_january("endpoint", frame), of_january("exposure", frame)
    there, back = explained(a, b), explained(b, a)
    assert there == {key: -value for key, value in back.items()}
    assert explained(a, a) == {}


def test_money_is_that_of_the_movements(engine):
    """Sales at risk and churned of the endpoint are the start and the churned sales of MRR."""
    frame = contracts(
        ("Ann", "2023-12-01", "2024-01-10", 10.0), ("Bob", "2023-12-01", None, 20.0),
        ("Bob", "2024-01-01", None, 5.0), ("Cem", "2024-01-20", None, 40.0),
        ("Dee", "2023-12-15", "2024-03-01", 8.0), ("Eva", "2024-02-02", "2024-02-20", 99.0),
        columns=("sales",),
    )  # fmt: skip
    say = {"freq": "month", "as_of": "2024-03-01"}
    activity = engine.table(rt.contract_periods(frame, **say))
    spells = engine.table(spells_of(frame, "2024-03-01"))
    found = churned_customers(spells, convention="endpoint", activity=activity, **say)
    assert engine.is_mine(found)
    found = engine.read(found, order=["step", "customer_id"])
    moved = engine.read(rt.revenue_movements(activity), order=["step"]).iloc[1:]
    lost = (found["sales"] * found["n_churned"]).groupby(found["step"]).sum()
    assert lost.tolist() == moved["sales_churned"].tolist() == [0, 10, 8]
    assert found.groupby("step")["sales"].sum().tolist() == moved["sales_start"].tolist()


def test_money_of_orders_is_what_was_spent_when_they_last_bought():
    """Ann spends 7 in November and is lost in January; what Bob spends in January is his."""
    frame = orders(
        ("Ann", "2023-10-05", 30, "web"), ("Ann", "2023-11-05", 5, "web"),
        ("Ann", "2023-11-07", 2, "shop"), ("Bob", "2023-11-30", 9, "web"),
        ("Bob", "2024-01-02", 4, "web"), ("Bob", "2024-01-03", -1, "web"),
        ("Cem", "2024-01-08", 6, "web"), columns=("channel",),
    )  # fmt: skip
    spells = rt.purchase_spells(frame, gap=60, as_of="2024-02-05")
    say = {"freq": "month", "as_of": "2024-02-05"}
    # October, which was not seen whole, stays out
    activity = rt.customer_periods(frame, by="channel", observed_from="2023-10-05", **say)
    say["convention"] = "active_and_new"
    found = churned_customers(spells, activity=activity, **say).tail(3)
    assert found["part"].tolist() == ["there: cancelled", "there: stayed", "joined: stayed"]
    assert found["sales"].tolist() == [7.0, 3.0, 6.0]


def test_money_beyond_the_activity_is_not_known():
    """January is after the last period of the activity."""
    frame = hundred_and_twenty().assign(sales=10.0)
    activity = rt.contract_periods(frame, freq="month", as_of="2023-12-15")
    found = of_january("endpoint", frame, activity=activity)
    known = found.groupby("step")["sales"].count()
    assert known.tolist() == [100, 0]


def test_without_activity_money_is_null():
    """All its columns are there, and empty."""
    table = told(of_january("endpoint"), of_january("start_cohort"))
    assert table[["sales_churned_a", "sales_churned_b", "sales_difference"]].isna().all(axis=None)


def test_what_renewals_do():
    """Ann left before her day, Bob on it, Cem on it and is back, Dee was not due."""
    frame = contracts(
        ("Ann", "2023-12-01", "2024-01-05"), ("Ann", "2024-01-10", "2024-01-20"),
        ("Ann", "2024-01-25", None), ("Bob", "2023-12-01", "2024-01-15"),
        ("Cem", "2023-12-01", "2024-01-15"), ("Cem", "2024-01-20", None),
        ("Dee", "2023-12-01", "2024-01-09"),
    )  # fmt: skip
    days = dues(("Ann", "2024-01-12"), ("Bob", "2024-01-15"), ("Cem", "2024-01-15"))
    due = of_january("renewals_due", frame, renewals=days)
    assert explained(of_january("start_cohort", frame), due) == {
        ("not up for renewal", "above"): -1,
        ("left on another day than the renewal", "above"): -1,
        ("not up for renewal", "below"): -1,
    }
    assert explained(due, of_january("endpoint", frame)) == {
        ("returned before the close", "above"): -1,
        ("not up for renewal", "above"): 1,
        ("not up for renewal", "below"): 1,
    }
    assert explained(due, of_january("exposure", frame)) == {
        ("not up for renewal", "above"): 1,
        ("left on another day than the renewal", "above"): 1,
        ("ended more than once", "above"): 1,
        ("not up for renewal", "below"): round(8 / 31, 9),
        ("time under observation instead of heads", "below"): round(61 / 31 - 3, 9),
    }


def test_a_spell_of_no_days_is_an_item():
    """It begins and ends as the period closes: an end, but of nobody who joined or was there."""
    frame = contracts(("Ann", "2023-12-01", None), ("Bob", "2024-02-01", "2024-02-01"))
    a, b = of_january("active_and_new", frame), of_january("exposure", frame)
    assert explained(a, b) == {("a spell of no days", "above"): 1}


def test_two_runs_with_other_spells():
    """Later data: Ann's end became known, Bob's was withdrawn, Cem is gone, Dee began earlier."""
    before = contracts(
        ("Ann", "2023-12-01", None), ("Bob", "2023-12-01", "2024-01-10"),
        ("Cem", "2023-12-01", "2024-01-10"), ("Dee", "2024-01-05", "2024-01-30"),
        ("Eva", "2023-12-01", "2024-01-20"), ("Gus", "2024-01-03", None),
    )  # fmt: skip
    after = contracts(
        ("Ann", "2023-12-01", "2024-01-20"), ("Bob", "2023-12-01", None),
        ("Dee", "2023-12-20", "2024-01-30"), ("Eva", "2023-12-01", "2024-01-25"),
        ("Fay", "2023-12-01", None), ("Gus", "2023-12-03", "2024-01-09"),
    )  # fmt: skip
    found = explained(of_january("start_cohort", before), of_january("start_cohort", after))
    assert found == {
        ("only in a: customer not there in b", "above"): -1,
        ("only in b: customer not there in a", "above"): 2,
        ("cancelled in a only", "above"): -1,
        ("cancelled in b only", "above"): 1,
        ("only in a: customer not there in b", "below"): -1,
        ("only in b: customer not there in a", "below"): 3,
    }
    moved = "there in one, joined in the other"
    found = explained(of_january("active_and_new", before), of_january("start_cohort", after))
    assert found[(moved, "above")] == 1
    found = explained(of_january("all_cancellations", before), of_january("endpoint", after))
    assert found[(moved, "below")] == 1
    time = explained(of_january("exposure", before), of_january("exposure", after))
    eva = 5 / 31  # and Ann and Bob, whose ends differ
    assert time["under observation for another time", "below"] == round(eva - 12 / 31 + 22 / 31, 9)


def test_a_segment_that_was_dropped(engine):
    """Customers of the south are only in a; the rest is counted alike."""
    frame = contracts(
        ("Ann", "2023-12-01", "2024-01-10", "north"), ("Bob", "2023-12-01", None, "north"),
        ("Cem", "2023-12-01", "2024-01-10", "south"), columns=("region",),
    )  # fmt: skip
    spells = spells_of(frame, keep_first="region")
    say = {"convention": "start_cohort", **JANUARY, "by": "region"}
    a = churned_customers(spells, **say)
    b = churned_customers(spells[spells["region"] == "north"], **say)
    answer = explain_difference(engine.table(a), engine.table(b), by="region")
    table = engine.read(answer)
    south = january_of(table[table["region"] == "south"])
    said = ["a", "only in a: customer not there in b"]
    assert south["item"].tolist() == [*said, said[1], "b", "unexplained"]
    assert south["n_difference"].tolist()[1] == -1
    assert south["churn_rate"].isna().tolist() == [False, True, True, True, True]
    assert south["effect_on_rate"].isna().all()
    left = table.loc[table["item"] == "unexplained", ["n_difference", "at_risk_difference"]]
    assert (left == 0).all(axis=None)
    assert table["region"].unique().tolist() == ["north", "south"]


def test_only_periods_that_both_judge_are_compared():
    """An earlier as_of judges one month less."""
    frame = hundred_and_twenty()
    early = churned_customers(
        spells_of(frame), convention="endpoint", freq="month", as_of="2024-01-01"
    )
    found = told(early, of_january("endpoint"))
    assert found["period"].unique().tolist() == [pd.Timestamp("2023-12-01")]


def test_answers_are_sorted_and_their_columns_fixed():
    """By period, and in it by the order of items; the same columns with and without money."""
    a, b = of_january("endpoint"), of_january("exposure")
    table = told(a, b)
    assert table["step"].is_monotonic_increasing
    order = ["a", *(f"above {item}" for item in ABOVE), *(f"below {item}" for item in BELOW)]
    order += ["b", "unexplained"]
    for _, rows in table.groupby("step"):
        said = rows["item"].where(rows["line"] == "total", rows["line"] + " " + rows["item"])
        place = [order.index(item) for item in said]
        assert place == sorted(place)
    assert table["n_customers"].dtype == np.int64


@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"convention": "simple"}, "convention must be one of 'start_cohort', 'endpoint'"),
        ({"freq": "decade"}, "freq must be one of 'day', 'week'"),
        ({"by": "part"}, "'part' is a name that answers use themselves"),
        ({"by": "exposure"}, "'exposure' is a name that answers use themselves"),
        ({"convention": "renewals_due"}, "Spells do not know when contracts were up for renewal"),
        ({"freq": "week"}, "activity goes by month, the churn rate by week"),
    ],
)
def test_customers_are_refused_in_the_users_words(say, message):
    """Each wrong argument gets one sentence."""
    frame = hundred_and_twenty().assign(sales=10.0)
    activity = rt.contract_periods(frame, freq="month", as_of="2024-02-01")
    say = {"convention": "endpoint", "activity": activity, **JANUARY, **say}
    with pytest.raises(rt.RetentionError, match=message):
        churned_customers(spells_of(frame), **say)


def test_activity_is_refused_that_cannot_be_set_beside_spells():
    """Empty, in two currencies, with other ids, or of another kind of table."""
    frame = hundred_and_twenty().assign(sales=10.0)
    frame["currency"] = ["EUR", "USD"] * (len(frame) // 2)
    activity = rt.contract_periods(frame, freq="month", as_of="2024-02-01", by="currency")
    with pytest.raises(rt.ContentError, match="sales in 2 currencies, which cannot be added up"):
        of_january("endpoint", activity=activity)
    with pytest.raises(rt.ContentError, match="activity is empty"):
        of_january("endpoint", activity=activity.iloc[:0])
    with pytest.raises(rt.ColumnError, match="'customer_id' holds Int64"):
        of_january("endpoint", activity=activity.drop(columns="currency").assign(customer_id=1))
    with pytest.raises(rt.ColumnError, match="activity .* lacks 'first_step'"):
        of_january("endpoint", activity=activity.drop(columns="first_step"))


def test_tables_are_refused_that_cannot_be_compared():
    """Other freq, no period in common, several runs, repeats, other parts, or another table."""
    a, b = of_january("endpoint"), of_january("start_cohort")
    weekly = churned_customers(
        spells_of(hundred_and_twenty()), convention="endpoint", freq="week", as_of="2024-02-01"
    )
    with pytest.raises(rt.ContentError, match="a goes by month, b by week: make both with one"):
        explain_difference(a, weekly)
    with pytest.raises(rt.ContentError, match="a judges 2023-12 to 2024-01, b 2024-02 to 2024-02"):
        explain_difference(a, b.assign(first_step=24289, last_step=24289))
    with pytest.raises(rt.ContentError, match=r"b holds several runs .* endpoint to start_cohort"):
        explain_difference(a, pd.concat([a, b]))
    with pytest.raises(rt.ContentError, match="200 customers stand twice .* with no by="):
        explain_difference(pd.concat([a, a]), b)
    with pytest.raises(rt.ContentError, match="b is empty"):
        explain_difference(a, b.iloc[:0])
    with pytest.raises(rt.ContentError, match="a: 200 rows have a part that churned_customers"):
        explain_difference(a.assign(part="left"), b)
    with pytest.raises(rt.ColumnError, match=r"b \(a customer who counts .* lacks 'customer_id'"):
        explain_difference(a, rt.churn_rate(spells_of(hundred_and_twenty()), **JANUARY,
                                            convention="endpoint"))  # fmt: skip
    with pytest.raises(rt.ColumnError, match="by names 'region', which is not a column"):
        explain_difference(a, b, by="region")
    with pytest.raises(rt.ColumnError, match="'item' is a name that answers use themselves"):
        explain_difference(a, b, by="item")
    with pytest.raises(rt.RetentionError, match="the convention of a must be one of"):
        explain_difference(a.assign(convention="mine"), b)


@pytest.mark.parametrize("rows", [10, 150])
def test_large_tables_go_through_duckdb_and_back(monkeypatch, rows):
    """All of them, or the activity and the customers alone: the answer is the same."""
    frame = hundred_and_twenty().assign(sales=10.0)
    spells, activity = spells_of(frame), rt.contract_periods(frame, **JANUARY)
    assert len(spells) < 150 < len(activity)

    def answer():
        say = {**JANUARY, "activity": activity}
        a = churned_customers(spells, convention="endpoint", **say)
        return a, explain_difference(a, churned_customers(spells, convention="exposure", **say))

    small = answer()
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", rows)
    for found, expected in zip(answer(), small, strict=True):
        pd.testing.assert_frame_equal(found, expected)

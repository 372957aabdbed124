"""The churn rate of spells: each convention against sets, the case they disagree on, refusals."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import numpy as np
import pandas as pd
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
from retention.kpis.churn.rates import Convention, annualise, churn_rate
from shops import orders

CONVENTIONS = [name for name in get_args(Convention) if name != "renewals_due"]


@pytest.mark.parametrize(
    ("convention", "above", "below"),
    [
        ("endpoint", 6, 100),
        ("start_cohort", 8, 100),
        ("active_and_new", 12, 120),
        ("all_cancellations", 12, 100),
    ],
)
def test_one_month_four_answers(engine, convention, above, below):
    """6, 8, 10 and 12 % of the same customers, with the counts that tell why."""
    spells = spells_of(engine.table(hundred_and_twenty()))
    answer = churn_rate(spells, convention=convention, **JANUARY)
    assert engine.is_mine(answer)
    row = engine.read(answer, order=["step"]).iloc[-1]
    assert (row["n_churned"], row["at_risk"]) == (above, below)
    assert row["churn_rate"] == above / below
    counts = ["n_base", "n_joined", "n_cancelled", "n_returned", "n_joined_cancelled", "n_ended"]
    assert row[counts].tolist() == [100, 20, 8, 2, 4, 12]
    assert row["convention"] == convention


def test_all_cancellations_are_no_proportion():
    """It can exceed 1, and has no Wilson bounds."""
    frame = contracts(
        ("Ann", "2023-12-01", "2024-01-10"), ("Bob", "2024-01-05", "2024-01-20"),
        ("Cem", "2024-01-05", None),
    )  # fmt: skip
    row = churn_rate(spells_of(frame), convention="all_cancellations", **JANUARY).iloc[-1]
    assert row["churn_rate"] == 2.0
    assert np.isnan(row["lower"])
    assert np.isnan(row["upper"])
    assert row["bounds"] == "none: not a proportion"


@pytest.mark.parametrize(
    ("convention", "price", "service"),
    [
        ("start_cohort", 1, 0), ("endpoint", 0, 1), ("active_and_new", 2, 0),
        ("all_cancellations", 2, 0), ("exposure", 2, 2),
    ],
)  # fmt: skip
def test_of_two_ends_in_a_month_the_first_has_the_cause_but_for_the_endpoint(
    convention, price, service
):
    """Ann and Bob, who joins, leave over the price, return, and leave for good over service."""
    frame = contracts(
        ("Ann", "2023-12-01", "2024-01-10", "price"),
        ("Ann", "2024-01-12", "2024-01-20", "service"),
        ("Bob", "2024-01-05", "2024-01-08", "price"),
        ("Bob", "2024-01-10", "2024-01-15", "service"),
        ("Cem", "2023-12-01", None, None), columns=("reason",),
    )  # fmt: skip
    spells = spells_of(frame, keep_last="reason")
    for cause, n in (("price", price), ("service", service)):
        say = {"convention": convention, "causes": cause, "others": "compete", **JANUARY}
        row = churn_rate(spells, **say).iloc[-1]
        left = 1 if convention == "endpoint" else price + service
        assert (row["n_churned"], row["n_other"]) == (n, left - n)


def test_exposure_is_counted_in_customers_times_periods():
    """Ann is there all of January, Bob for its first 10 days of 31, Cem for its last 21."""
    frame = contracts(
        ("Ann", "2023-12-01", None), ("Bob", "2023-12-01", "2024-01-11"),
        ("Cem", "2024-01-11", None),
    )  # fmt: skip
    row = churn_rate(spells_of(frame), convention="exposure", **JANUARY).iloc[-1]
    assert row["at_risk"] == pytest.approx(2.0)
    assert row["churn_rate"] == pytest.approx(0.5)


def test_bounds_of_exposure_are_garwoods():
    """Of 10 events the exact 95 % limits are 4.795 and 18.390; of none, 0 and 3.689."""
    ten = [(f"c{i}", "2023-12-01", "2024-02-01" if i < 10 else None) for i in range(100)]
    rows = churn_rate(spells_of(contracts(*ten)), convention="exposure", **JANUARY)
    december, january = (rows.iloc[i] for i in (0, 1))
    assert january[["lower", "upper"]].tolist() == pytest.approx([0.04795, 0.18390], abs=1e-5)
    assert december[["lower", "upper"]].tolist() == pytest.approx([0, 0.03689], abs=1e-5)
    assert set(rows["bounds"]) == {"poisson"}


def test_wilson_bounds_of_a_proportion():
    """8 of 100: 0.0411 to 0.1500."""
    spells = spells_of(hundred_and_twenty())
    row = churn_rate(spells, convention="start_cohort", **JANUARY).iloc[-1]
    assert row[["lower", "upper"]].tolist() == pytest.approx([0.0411, 0.1500], abs=1e-4)
    assert row["bounds"] == "wilson"


def test_of_those_up_for_renewal_the_share_that_left_on_that_day(engine):
    """Four are due in January: Ann leaves, Bob renews, Cem's last day is the 31st, Dee is gone."""
    frame = contracts(
        ("Ann", "2023-01-15", "2024-01-15"), ("Bob", "2023-01-20", None),
        ("Cem", "2023-02-01", "2024-02-01"), ("Dee", "2023-01-10", "2023-12-05"),
        ("Eva", "2023-01-10", "2024-01-05"),
    )  # fmt: skip
    days = dues(
        ("Ann", "2024-01-15"), ("Bob", "2024-01-20"), ("Bob", "2024-01-25"), ("Cem", "2024-02-01"),
        ("Dee", "2024-01-10"), ("Eva", "2024-02-10"),
    )  # fmt: skip
    spells = spells_of(engine.table(frame))
    say = {"convention": "renewals_due", "renewals": engine.table(days), **JANUARY}
    found = engine.read(churn_rate(spells, **say), order=["step"])
    row = found.iloc[-1]
    assert (row["n_churned"], row["at_risk"], row["bounds"]) == (2, 3, "wilson")
    assert found.iloc[:-1]["churn_rate"].isna().all()
    assert set(found.iloc[:-1]["bounds"]) == {"none"}


def test_renewals_by_segment_have_a_row_for_each(engine):
    """Nobody of the south is due: its row is there, without a rate."""
    frame = contracts(
        ("Ann", "2023-01-15", "2024-01-15", "north"), ("Bob", "2023-01-20", None, "south"),
        columns=("region",),
    )  # fmt: skip
    spells = spells_of(engine.table(frame), keep_first="region")
    days = engine.table(dues(("Ann", "2024-01-15")))
    say = {"convention": "renewals_due", "renewals": days, "by": "region", **JANUARY}
    last = (
        engine.read(churn_rate(spells, **say), order=["region", "step"]).groupby("region").tail(1)
    )
    assert last["at_risk"].tolist() == [1, 0]
    assert last["churn_rate"].fillna(-1).tolist() == [1, -1]


def naive_counts(spells, step, freq):
    """Who was there, who came and who left, in sets of customers and loops over spells."""

    def opening(s):
        return day_number(day_of_step(s, freq))

    opens, closes = opening(step), opening(step + 1)
    rows = [
        (r["customer_id"], day_number(r["start"]), day_number(r["end"]) if r["churned"] else 10**9)
        for r in spells.to_dict("records")
    ]
    base = {c for c, start, end in rows if start <= opens < end}
    there = {c for c, start, end in rows if start <= closes < end}
    joined = {c for c, start, _ in rows if opens < start < closes} - base
    ended = [(c, start) for c, start, end in rows if opens < end <= closes]
    gone = {c for c, _ in ended}
    days = sum(max(0, min(end, closes) - max(start, opens)) for _, start, end in rows)
    return {
        "base": base, "joined": joined, "cancelled": base & gone, "back": base & gone & there,
        "joined_cancelled": joined & gone, "ended": len(ended), "lost": base - there,
        "exposure": Fraction(days, closes - opens),
    }  # fmt: skip


@settings(max_examples=at_most(12))
@given(
    stays=st.lists(stay, min_size=1, max_size=12),
    freq=st.sampled_from(["week", "month"]),
    by=st.sampled_from([(), ("region",)]),
    convention=st.sampled_from(CONVENTIONS),
)
def test_agrees_with_the_definition_in_sets(engine, stays, freq, by, convention):
    """Every count and every convention, for random contracts that end, overlap and return."""
    spells = spells_of(engine.table(a_file(stays)), "2024-03-31", keep_first="region")
    table = engine.read(spells)
    say = {"freq": freq, "as_of": "2024-03-31", "by": by}
    for row in engine.read(churn_rate(spells, convention=convention, **say)).to_dict("records"):
        mine = table[table["region"] == row["region"]] if by else table
        n = naive_counts(mine, row["step"], freq)
        counts = {
            "n_base": len(n["base"]), "n_joined": len(n["joined"]), "n_ended": n["ended"],
            "n_cancelled": len(n["cancelled"]), "n_returned": len(n["back"]),
            "n_joined_cancelled": len(n["joined_cancelled"]),
        }  # fmt: skip
        assert {name: row[name] for name in counts} == counts
        everyone = len(n["cancelled"]) + len(n["joined_cancelled"])
        expected = {
            "start_cohort": (len(n["cancelled"]), len(n["base"])),
            "endpoint": (len(n["lost"]), len(n["base"])),
            "all_cancellations": (everyone, len(n["base"])),
            "active_and_new": (everyone, len(n["base"]) + len(n["joined"])),
            "exposure": (n["ended"], n["exposure"]),
        }
        above, below = expected[convention]
        assert row["n_churned"] == above
        assert row["at_risk"] == pytest.approx(float(below))
        if below:
            assert row["churn_rate"] == pytest.approx(float(Fraction(above) / below))
        else:
            assert np.isnan(row["churn_rate"])


@settings(max_examples=at_most(15))
@given(stays=st.lists(stay, min_size=1, max_size=12), freq=st.sampled_from(["week", "month"]))
def test_endpoint_is_the_complement_of_raw_retention(stays, freq):
    """The same base and the same lost as retention_rate on contract_periods, period by period."""
    frame = a_file(stays)
    as_of = "2024-03-27"  # within a week and a month: both judge what opened before
    spells = spells_of(frame, as_of)
    churn = churn_rate(spells, convention="endpoint", freq=freq, as_of=as_of)
    kept = rt.retention_rate(rt.contract_periods(frame, freq=freq, as_of=as_of))
    pd.testing.assert_series_equal(churn["step"], kept["step"])
    pd.testing.assert_series_equal(churn["n_base"], kept["n_base"])
    np.testing.assert_allclose(churn["churn_rate"], kept["churn_rate"])
    np.testing.assert_allclose(churn["lower"], 1 - kept["upper"])


def test_the_others_are_not_the_complement_of_raw_retention():
    """Where customers return and join, only the endpoint meets 1 − retention."""
    frame = hundred_and_twenty()
    kept = rt.retention_rate(rt.contract_periods(frame, freq="month", as_of="2024-02-01"))
    spells = spells_of(frame)
    meets = {
        name: np.isclose(
            churn_rate(spells, convention=name, **JANUARY)["churn_rate"].iloc[-1],
            kept["churn_rate"].iloc[-1],
        )
        for name in CONVENTIONS
    }
    assert [name for name, same in meets.items() if same] == ["endpoint"]


def test_start_cohort_churn_is_kaplan_meier_on_calendar_time():
    """One minus the product of (1 − churn), where nobody joins after the start."""
    ends = {"2024-02-01": 5, "2024-02-11": 3, "2024-03-01": 4, "2024-04-15": 8, None: 10}
    rows = [(f"c{end}{i}", "2024-01-01", end) for end, n in ends.items() for i in range(n)]
    spells = spells_of(contracts(*rows), "2024-05-01")
    rates = churn_rate(spells, convention="start_cohort", freq="month", as_of="2024-05-01")
    curve = rt.survival_curve(spells)
    last = curve["survival"].iloc[-1]
    assert np.prod(1 - rates["churn_rate"]) == pytest.approx(last) == pytest.approx(10 / 30)


def test_an_end_on_the_first_day_of_a_month_was_a_loss_of_the_month_before():
    """And a start on that day is in the base of the new one, not a joiner of the old."""
    frame = contracts(
        ("Ann", "2024-01-01", "2024-02-01"), ("Bob", "2024-01-01", None),
        ("Cem", "2024-02-01", None),
    )  # fmt: skip
    say = {"freq": "month", "as_of": "2024-03-01", "convention": "active_and_new"}
    rows = churn_rate(spells_of(frame, "2024-03-01"), **say)
    assert rows["n_cancelled"].tolist() == [1, 0]
    assert rows["n_joined"].tolist() == [0, 0]
    assert rows["n_base"].tolist() == [2, 2]


def test_a_period_is_judged_once_its_close_is_known():
    """With as_of the last of January the ends of 1 February are not known: January waits."""
    frame = contracts(("Ann", "2023-12-01", "2024-02-01"), ("Bob", "2023-12-01", None))
    for as_of, steps in (("2024-01-31", 1), ("2024-02-01", 2)):
        spells = spells_of(frame, as_of)
        assert len(churn_rate(spells, convention="endpoint", freq="month", as_of=as_of)) == steps
    waiting = rt.contract_spells(frame, as_of="2024-02-10", grace=14)
    say = {"convention": "endpoint", "freq": "month", "as_of": "2024-02-10"}
    assert len(churn_rate(waiting, **say)) == 1


def test_nothing_after_an_earlier_as_of_is_looked_at():
    """Spells made later say the same about January as those made then."""
    frame = hundred_and_twenty()
    late = spells_of(frame, "2024-06-30")
    for name in CONVENTIONS:
        then = churn_rate(spells_of(frame), convention=name, **JANUARY)
        pd.testing.assert_frame_equal(churn_rate(late, convention=name, **JANUARY), then)


@pytest.mark.parametrize(
    ("made_on", "renewal"), [("2024-06-30", None), ("2024-06-30", "2024-02-20")]
)
def test_with_a_grace_ends_are_known_so_much_before_an_earlier_as_of(engine, made_on, renewal):
    """On 1 March an end of 15 February may still be renewed: February waits, whatever came then."""
    rows = [("Ann", "2023-12-01", "2024-02-15"), ("Bob", "2023-12-01", None)]
    rows += [("Ann", renewal, None)] if renewal else []
    then, late = (
        rt.contract_spells(engine.table(contracts(*mine)), as_of=as_of, grace=30)
        for mine, as_of in ((rows[:2], "2024-03-01"), (rows, made_on))
    )
    say = {"freq": "month", "as_of": "2024-03-01", "convention": "endpoint"}
    for counted in (churn_rate, rt.kpis.churned_customers):
        found = [engine.read(counted(spells, **say)) for spells in (then, late)]
        assert found[1]["period"].astype(str).max() == "2023-12-01"
        order = [name for name in ("customer_id", "step") if name in found[0]]
        first, second = (one.sort_values(order, ignore_index=True) for one in found)
        pd.testing.assert_frame_equal(first, second)


def test_spells_under_observation_late_count_from_then_on():
    """Contracts known from 15 January on: February is the first month that can be judged."""
    frame = contracts(("Ann", "2023-06-01", "2024-02-10"), ("Bob", "2023-06-01", None))
    spells = rt.contract_spells(frame, as_of="2024-03-01", observed_from="2024-01-15", grace=0)
    rows = churn_rate(spells, convention="start_cohort", freq="month", as_of="2024-03-01")
    assert rows["period"].tolist() == [pd.Timestamp("2024-02-01")]
    assert rows[["n_base", "n_churned"]].values.tolist() == [[2, 1]]


def test_spells_of_purchases_have_a_churn_rate(engine):
    """Who buys once on 1 January is lost 30 days later, on the 31st."""
    frame = orders(("Ann", "2023-12-20", 1), ("Ann", "2024-01-12", 1), ("Bob", "2024-01-01", 1))
    spells = rt.purchase_spells(engine.table(frame), gap=30, as_of="2024-02-05")
    found = engine.read(churn_rate(spells, convention="start_cohort", **JANUARY))
    assert found[["n_base", "n_churned"]].values.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("say", "message"),
    [
        ({"convention": "simple"}, "convention must be one of 'start_cohort', 'endpoint'"),
        ({"freq": "decade"}, "freq must be one of 'day', 'week'"),
        ({"level": 95}, "level must lie between 0 and 1"),
        ({"by": "region"}, "by names 'region', which is not a column"),
        ({"by": "spell"}, "'spell' is a column of spells itself"),
        ({"by": "exposure"}, "a name that answers use themselves"),
        ({"convention": "renewals_due"}, "Spells do not know when contracts were up for renewal"),
        ({"renewals": dues(("b1", "2024-01-01"))}, "'endpoint' does not look at it"),
        ({"freq": "year"}, r"No year can be judged: it must open on 2023-12-01 or later"),
        ({"as_of": "2023-12-31"}, r"No month can be judged: .* the next one by 2023-12-31"),
    ],
)
def test_refuses_in_the_users_words(say, message):
    """Each wrong argument gets one sentence."""
    spells = spells_of(hundred_and_twenty())
    with pytest.raises(rt.RetentionError, match=message):
        churn_rate(spells, **{"convention": "endpoint", **JANUARY, **say})


def test_refuses_spells_that_cannot_be_counted():
    """None at all, some twice, and those that look into the future."""
    spells = spells_of(hundred_and_twenty())
    say = {"convention": "endpoint", **JANUARY}
    with pytest.raises(rt.ContentError, match="spells is empty"):
        churn_rate(spells.iloc[:0], **say)
    with pytest.raises(rt.ContentError, match="122 begin before an earlier one of the same cust"):
        churn_rate(pd.concat([spells, spells]), **say)
    with pytest.raises(rt.RetentionError, match="knows of every silence"):
        churn_rate(spells.assign(reactivation="same_spell"), **say)
    with pytest.raises(rt.ColumnError, match="lacks 'spell'"):
        churn_rate(hundred_and_twenty(), **say)


def test_a_year_of_a_rate():
    """Half in half a year is three quarters in one; 2 % a month is 21.5 % a year."""
    assert annualise(0.5, 365.25 / 2) == pytest.approx(0.75)
    assert annualise(0.02, 365.25 / 12) == pytest.approx(1 - 0.98**12)
    assert annualise(0.3, 730.5) == pytest.approx(1 - np.sqrt(0.7))
    assert (annualise(0.0, 28), annualise(1.0, 28)) == (0.0, 1.0)
    assert np.isnan(annualise(float("nan"), 30))


@pytest.mark.parametrize(
    ("rate", "days", "message"),
    [
        (0.02, 7, "A churn rate of 7 days says too little about a year: take .* at least 28 days"),
        (0.02, 27.5, "at least 28 days"),
        (0.02, "month", "days must be the length of the window in days; got 'month'"),
        (2, 30, "rate must be a churn rate between 0 and 1; got 2"),
        (-0.1, 30, "between 0 and 1"),
    ],
)
def test_annualise_refuses(rate, days, message):
    """Windows shorter than a month, and what is no proportion."""
    with pytest.raises(rt.RetentionError, match=message):
        annualise(rate, days)


def test_a_large_table_with_an_empty_column_of_text_is_counted(monkeypatch):
    """Spells of which none is set aside, in objects, as pandas 2 has them, through DuckDB."""
    spells = spells_of(hundred_and_twenty()).astype({"set_aside": object})
    assert spells["set_aside"].isna().all()
    expected = churn_rate(spells, convention="endpoint", **JANUARY)
    monkeypatch.setattr("retention.frames.engines.ROUTE_ROWS", 10)
    pd.testing.assert_frame_equal(churn_rate(spells, convention="endpoint", **JANUARY), expected)

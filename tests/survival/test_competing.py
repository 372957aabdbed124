"""Aalen–Johansen and what a reason costs: against loops in fractions, lifelines and the truth."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter

import retention as rt
from conftest import at_most
from risk_by_hand import (
    Spell,
    expanded,
    frame_of,
    known,
    many,
    note,
    segments_of,
    survival_at,
    untied,
)

KEYS = ["reason", "duration", "n_at_risk", "n_churned", "n_censored"]
INCIDENCE = [
    *KEYS,
    "hazard",
    "cumulative_hazard",
    "cumulative_incidence",
    "standard_error",
    "lower",
    "upper",
    "survival",
    "observed_from",
    "note",
]
REMOVED = [*KEYS, "churn_share", "churn_share_without", "gained_share", "observed_from", "note"]

some_are_left_out = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def said(spell):
    """The reason as answers write it."""
    return spell.reason or "(missing)"


def reasons_of(spells):
    """All reasons of seen ends, sorted."""
    return sorted({said(each) for each in spells if each.churned}) or ["(missing)"]


def leaving(spells, reasons):
    """At each duration how many are at risk, and how many leave for each reason."""
    rows = []
    for time in sorted({each.duration for each in spells}):
        here = [each for each in spells if each.at_risk(time)]
        gone = [each for each in here if each.duration == time and each.churned]
        rows.append((time, len(here), [sum(said(each) == r for each in gone) for r in reasons]))
    return rows


def naive_incidence(hazards, reason):
    """F of one reason from hazards by duration and reason: the sum of S(u−) times the hazard."""
    lasting, share = Fraction(1), Fraction(0)
    for row in hazards:
        share += lasting * row[reason]
        lasting *= 1 - sum(row)
    return share


def naive_variance(rows, reason):
    """By the delta method with multinomial ends.

    F is linear in each hazard alone, so that its slope is what F gains as that hazard grows by 1.
    """
    hazards = [[Fraction(d, n) for d in ends] for _, n, ends in rows]
    share, variance = naive_incidence(hazards, reason), Fraction(0)
    for u, (_, n, _) in enumerate(rows):
        here = hazards[u]
        slopes = []
        for j in range(len(here)):
            grown = [*hazards[:u], [h + (i == j) for i, h in enumerate(here)], *hazards[u + 1 :]]
            slopes.append(naive_incidence(grown, reason) - share)
        for i, one in enumerate(here):
            for j, other in enumerate(here):
                variance += slopes[i] * slopes[j] * ((i == j) * one - one * other) / n
    return variance


def near(value, expected):
    """Equal to ten digits, or both missing."""
    if expected is None:
        return pd.isna(value)
    return value == pytest.approx(float(expected), rel=1e-10, abs=1e-12)


BOUNDS = ("lower", "upper")


@some_are_left_out
@settings(max_examples=at_most(10))
@given(spells=many)
def test_incidence_agrees_with_loops_in_fractions(engine, spells):
    """Counts, hazards, F, S and the variance for each segment and reason."""
    table = rt.survival.cumulative_incidence(engine.table(frame_of(spells)), by="plan")
    rows = iter(engine.read(table, order=["plan", "reason", "duration"]).to_dict("records"))
    reasons = reasons_of(expanded(spells))
    for name, mine in segments_of(spells).items():
        counted = leaving(mine, reasons)
        for k, reason in enumerate(reasons):
            total = Fraction(0)
            for i, (time, n, ends) in enumerate(counted):
                row, passed = next(rows), counted[: i + 1]
                assert (row["plan"], row["reason"], row["duration"]) == (name, reason, time)
                assert (row["n_at_risk"], row["n_churned"]) == (n, ends[k])
                total += Fraction(ends[k], n)
                assert near(row["hazard"], Fraction(ends[k], n))
                assert (None if pd.isna(row["note"]) else row["note"]) == note(mine, 0, time)
                if not known(mine, 0, time):
                    assert all(pd.isna(row[name]) for name in INCIDENCE[6:-2])
                    continue
                assert near(row["cumulative_hazard"], total)
                share = naive_incidence([[Fraction(d, m) for d in e] for _, m, e in passed], k)
                assert near(row["cumulative_incidence"], share)
                assert near(row["standard_error"], math.sqrt(naive_variance(passed, k)))
                assert near(row["survival"], survival_at(mine, time))
    assert next(rows, None) is None


@some_are_left_out
@settings(max_examples=at_most(10))
@given(spells=many)
def test_removing_a_reason_agrees_with_loops_in_fractions(engine, spells):
    """1 − S as it was, and with the hazard of one reason left out."""
    table = rt.survival.cause_removed(engine.table(frame_of(spells)), by="plan")
    assert engine.is_mine(table)
    read = engine.read(table, order=["plan", "reason", "duration"])
    assert list(read.columns) == ["plan", *REMOVED]
    rows = iter(read.to_dict("records"))
    reasons = reasons_of(expanded(spells))
    for mine in segments_of(spells).values():
        counted = leaving(mine, reasons)
        for k in range(len(reasons)):
            lasting = without = Fraction(1)
            for time, n, ends in counted:
                row = next(rows)
                if not known(mine, 0, time):
                    assert all(pd.isna(row[name]) for name in REMOVED[5:-2])
                    continue
                lasting *= 1 - Fraction(sum(ends), n)
                without *= 1 - Fraction(sum(ends) - ends[k], n)
                assert near(row["churn_share"], 1 - lasting)
                assert near(row["churn_share_without"], 1 - without)
                assert near(row["gained_share"], without - lasting)
    assert next(rows, None) is None


def test_the_answer_is_of_the_kind_that_was_given(engine):
    """The same kind of table and the same columns; no bounds before the first end."""
    spells = [Spell(1, True), Spell(2, True, reason="rival"), Spell(3, False, reason=None)]
    answer = rt.survival.cumulative_incidence(engine.table(frame_of(spells)))
    assert engine.is_mine(answer)
    read = engine.read(answer, order=["reason", "duration"])
    assert list(read.columns) == INCIDENCE
    assert (read[["n_at_risk", "n_churned", "n_censored", "duration"]].dtypes == "int64").all()
    absent = {n: nw.when(nw.col(n).is_null()).then(nw.lit(1)).otherwise(0) for n in BOUNDS}
    missing = nw.from_native(answer).lazy().select(**{n: e.sum() for n, e in absent.items()})
    assert engine.read(missing.to_native()).iloc[0].tolist() == [1, 1]


@some_are_left_out
@given(spells=many)
def test_survival_and_all_incidences_are_one(spells):
    """S + Σ F = 1 to 1e-12, with ties, entries and weights; Σ of the hazards is that of all."""
    table = frame_of(spells)
    left = rt.survival.cumulative_incidence(table, by="plan").groupby(["plan", "duration"])
    whole = left["cumulative_incidence"].sum() + left["survival"].first()
    assert (whole - 1).abs().max() < 1e-12
    hazards = rt.survival.cumulative_hazard(table, by="plan")["cumulative_hazard"].to_numpy()
    summed = left["cumulative_hazard"].sum(min_count=1).to_numpy()  # null where nobody was watched
    assert summed == pytest.approx(hazards, abs=1e-12, nan_ok=True)
    bounds = rt.survival.cumulative_incidence(table).dropna(subset=["lower", "upper"])
    assert bounds["cumulative_incidence"].between(bounds["lower"], bounds["upper"]).all()


@some_are_left_out
@given(spells=many)
def test_one_reason_is_kaplan_and_meier(spells):
    """F = 1 − S, the error is Greenwood's, the bounds are those of S; without it nobody leaves."""
    table = frame_of([replace(each, reason="price") for each in spells])
    left, curve = rt.survival.cumulative_incidence(table), rt.survival_curve(table)
    assert set(left["reason"]) <= {"price", "(missing)"}
    assert (1 - left["cumulative_incidence"]).to_numpy() == pytest.approx(curve["survival"])
    known = (curve["survival"] > 0) & (curve["survival"] < 1)
    pairs = [("standard_error", curve["standard_error"]), ("lower", 1 - curve["upper"])]
    for column, expected in [*pairs, ("upper", 1 - curve["lower"])]:
        assert left.loc[known, column].tolist() == pytest.approx(expected[known].tolist())
    removed = rt.survival.cause_removed(table)
    assert (removed["churn_share_without"] == 0).all()
    assert (removed["gained_share"] == removed["churn_share"]).all()


@some_are_left_out
@settings(max_examples=at_most(12))
@given(spells=many, seed=st.integers(0, 99))
def test_what_must_not_matter_does_not(spells, seed):
    """Rows that stand for several, their order, the name of the column, reasons of running ones."""
    table = frame_of(spells)
    left = rt.survival.cumulative_incidence(table, by="plan")
    alone = frame_of([replace(each, n_spells=1) for each in expanded(spells)])
    pd.testing.assert_frame_equal(rt.survival.cumulative_incidence(alone, by="plan"), left)
    table.loc[~table["churned"], "reason"] = "none of your business"
    mixed = table.sample(frac=1, random_state=seed).rename(columns={"reason": "why"})
    found = rt.survival.cumulative_incidence(mixed, by="plan", cause="why")
    pd.testing.assert_frame_equal(found, left)


@given(spells=untied)
def test_without_ties_survival_is_the_product_over_reasons(spells):
    """Then nobody leaves for two reasons at once: S = Π over k of the chance under k alone."""
    removed = rt.survival.cause_removed(frame_of(spells)).set_index(["reason", "duration"])
    reasons = reasons_of(spells)
    if reasons == ["price", "rival"]:
        alone = [1 - removed.loc[reason, "churn_share_without"] for reason in reasons]
        both = (alone[0] * alone[1]).to_numpy()
        assert both == pytest.approx((1 - removed.loc["price", "churn_share"]).to_numpy())


@settings(max_examples=at_most(10))
@given(spells=untied)
def test_lifelines_agrees_where_nothing_is_tied(spells):
    """F of AalenJohansenFitter, which draws at random only where ends are tied."""
    table = frame_of(spells)
    for reason in reasons_of(spells):
        codes = np.where(~table["churned"], 0, np.where(table["reason"] == reason, 1, 2))
        if not (codes == 1).any():
            continue
        fitter = AalenJohansenFitter(calculate_variance=False)
        fitter.fit(table["duration"], codes, event_of_interest=1)
        left = rt.survival.cumulative_incidence(table)
        mine = left[left["reason"] == reason]
        theirs = fitter.cumulative_density_["CIF_1"].loc[mine["duration"]]
        assert mine["cumulative_incidence"].tolist() == pytest.approx(theirs.tolist(), abs=1e-12)


def spells_of(durations, causes):
    """A table of durations and cause numbers, 0 for none."""
    churned = [cause > 0 for cause in causes]
    reason = [str(cause) if cause else None for cause in causes]
    return pd.DataFrame({"duration": durations, "churned": churned, "reason": reason})


def test_six_customers_two_reasons():
    """Durations 1 to 6, causes 0, 1, 1, 2, 2, 0: of either cause 0.4 have left in the end."""
    left = rt.survival.cumulative_incidence(spells_of(range(1, 7), [0, 1, 1, 2, 2, 0]))
    at_end = left[left["duration"] == 6].set_index("reason")
    assert at_end["cumulative_incidence"].to_dict() == pytest.approx({"1": 0.4, "2": 0.4})
    assert at_end["survival"].tolist() == pytest.approx([0.2, 0.2])


def test_ties_of_two_reasons_in_fractions():
    """Durations 1 2 2 3 3 3 5 6, causes 0 1 0 2 0 2 0 2: S, F1 and F2 as R's survfit has them."""
    left = rt.survival.cumulative_incidence(
        spells_of([1, 2, 2, 3, 3, 3, 5, 6], [0, 1, 0, 2, 0, 2, 0, 2])
    )
    share = left.pivot(index="duration", columns="reason", values="cumulative_incidence")
    share.insert(0, "S", left.groupby("duration")["survival"].first())
    expected = {2: (6 / 7, 1 / 7, 0), 3: (18 / 35, 1 / 7, 12 / 35), 6: (0, 1 / 7, 6 / 7)}
    for time, values in expected.items():
        assert share.loc[time].tolist() == pytest.approx(values, abs=1e-15)


def simulated(samples, n, seed):
    """Many samples of customers with two reasons, late entry, and some lost from sight."""
    rng = np.random.default_rng(seed)
    size = samples * n
    price, rival, seen = (rng.geometric(p, size) for p in (0.06, 0.03, 0.03))
    length = np.minimum(np.minimum(price, rival), seen)
    churned = np.minimum(price, rival) <= seen
    both = rng.random(size) < 0.06 / 0.09  # of those who would leave for both on one day
    because = np.where(price < rival, True, np.where(price > rival, False, both))
    entry = np.where(rng.random(size) < 0.3, rng.integers(1, 8, size), 0)
    table = pd.DataFrame({"sample": np.repeat(np.arange(samples), n), "duration": length})
    table["churned"], table["entry"] = churned, entry
    table["reason"] = np.where(because, "price", "rival")
    return table[table["entry"] < table["duration"]]


def test_the_error_is_how_the_incidence_varies():
    """Over 300 samples of 200: unbiased, with the error it says, and bounds that cover."""
    left = rt.survival.cumulative_incidence(simulated(300, 200, seed=7), by="sample")
    at = left[(left["duration"] <= 15) & (left["reason"] == "price")].groupby("sample").last()
    stay = 0.94 * 0.97
    day = 0.06 * 0.97 + 0.06 * 0.03 * (0.06 / 0.09)
    truth = day * (1 - stay**15) / (1 - stay)
    assert at["cumulative_incidence"].mean() == pytest.approx(truth, rel=0.01)
    spread = at["cumulative_incidence"].std()
    assert spread == pytest.approx(at["standard_error"].mean(), rel=0.12)
    held = at["lower"].le(truth) & at["upper"].ge(truth)
    assert 0.92 < held.mean() < 0.98


def test_a_reason_removed_is_what_then_happens_where_reasons_are_independent():
    """Of 300,000 simulated customers, those who cannot leave over the price."""
    rng = np.random.default_rng(3)
    price, rival = (rng.geometric(p, 300_000) for p in (0.05, 0.02))
    table = pd.DataFrame({"duration": np.minimum(price, rival), "churned": True})
    table["reason"] = np.where(price < rival, "price", "rival")
    removed = rt.survival.cause_removed(table).set_index(["reason", "duration"])
    assert removed.loc["price", "churn_share_without"].loc[20] == pytest.approx(
        1 - 0.98**20, abs=0.005
    )


@pytest.mark.parametrize("function", [rt.survival.cumulative_incidence, rt.survival.cause_removed])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cause": "reasn"}, "cause names 'reasn', which is not a column. Did you mean 'reason'"),
        ({"cause": "score"}, "cause: column 'score' holds Float64, not labels.*as_spells"),
        ({"by": "plam"}, "by names 'plam', which is not a column. Did you mean 'plan'"),
        ({"by": "n_censored"}, "by: 'n_censored' is a name that answers use themselves"),
        ({"by": "reason"}, "by: 'reason' is a name that answers use themselves. Rename it"),
    ],
)
def test_columns_that_cannot_be_meant_are_refused(function, change, message):
    """The message names the argument, the column and the nearest there is."""
    table = frame_of([Spell(1, True), Spell(2, False)], n_censored="a", score=1.5)
    with pytest.raises(rt.ColumnError, match=message):
        function(table, **change)


def test_a_level_out_of_range_is_refused():
    """As everywhere."""
    with pytest.raises(rt.RetentionError, match="level must lie between 0 and 1.*got 95"):
        rt.survival.cumulative_incidence(frame_of([Spell(1, True)]), level=95)


@pytest.mark.parametrize("function", [rt.survival.cumulative_incidence, rt.survival.cause_removed])
def test_a_curve_that_is_0_early_is_said(function):
    """The one spell at risk on day 1 left; two others came under observation on it."""
    spells = [Spell(1, True), Spell(4, True, entry=1), Spell(5, False, entry=1)]
    with pytest.warns(rt.RetentionWarning, match="0 from duration 1 on, as the only spell") as said:
        function(frame_of(spells))
    assert [one.filename for one in said] == [__file__]


def test_nobody_left():
    """One reason that nobody gave, so that the table has its rows."""
    left = rt.survival.cumulative_incidence(
        frame_of([Spell(1, False), Spell(2, False, plan="full")])
    )
    assert left["reason"].tolist() == ["(missing)"] * 2
    assert left["cumulative_incidence"].tolist() == [0, 0]

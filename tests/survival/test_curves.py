"""Kaplan–Meier and Nelson–Aalen: against loops, lifelines, R's printed numbers and the truth."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter, NelsonAalenFitter
from lifelines.datasets import load_leukemia, load_lung

import retention as rt
from conftest import at_most
from risk_by_hand import (
    Spell,
    expanded,
    frame_of,
    greenwood,
    known,
    many,
    note,
    observed_from,
    risk_sets,
    segments_of,
    survival_at,
)

COUNTS = ["duration", "n_at_risk", "n_churned", "n_censored", "n_entered"]
SAID = ["observed_from", "note"]
CURVE = [*COUNTS, "hazard", "survival", "standard_error", "lower", "upper", *SAID]
HAZARD = [*COUNTS, "hazard", "cumulative_hazard", "standard_error", "lower", "upper", *SAID]

some_are_left_out = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def near(value, expected):
    """Equal to twelve digits, or both missing."""
    if expected is None:
        return pd.isna(value)
    return value == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


def naive_bounds(survival, variance, level):
    """S to the power of e to the ± z σ / log S, as it stands in the books."""
    if survival == 1:
        return 1, 1
    if variance is None or survival == 0:
        return None, None
    z = NormalDist().inv_cdf((1 + level) / 2)
    spread = z * math.sqrt(variance) / math.log(survival)  # below 0, so that the signs turn
    return survival ** math.exp(-spread), survival ** math.exp(spread)


@some_are_left_out
@settings(max_examples=at_most(15))
@given(spells=many, level=st.sampled_from([0.5, 0.95]))
def test_the_curve_agrees_with_loops_over_spells(engine, spells, level):
    """Counts exactly, S in fractions, Greenwood's error and the bounds."""
    table = rt.survival_curve(engine.table(frame_of(spells)), by="plan", level=level)
    answer = engine.read(table, order=["plan", "duration"])
    rows = iter(answer.to_dict("records"))
    for name, mine in segments_of(spells).items():
        for counts in risk_sets(mine):
            row, time = next(rows), counts["duration"]
            assert {column: row[column] for column in COUNTS} == counts
            assert row["plan"] == name
            survival, variance = survival_at(mine, time), greenwood(mine, time)
            assert near(row["hazard"], counts["n_churned"] / counts["n_at_risk"])
            assert row["observed_from"] == observed_from(mine, time)
            assert (None if pd.isna(row["note"]) else row["note"]) == note(mine, 0, time)
            if not known(mine, 0, time):
                unknown = ["survival", "standard_error", "lower", "upper"]
                assert all(pd.isna(row[name]) for name in unknown)
                continue
            assert near(row["survival"], survival)
            error = None if variance is None else float(survival) * math.sqrt(variance)
            assert near(row["standard_error"], error)
            lower, upper = naive_bounds(survival, variance, level)
            assert near(row["lower"], lower)
            assert near(row["upper"], upper)
    assert next(rows, None) is None


@some_are_left_out
@settings(max_examples=at_most(10))
@given(spells=many)
def test_the_hazard_agrees_with_loops_over_spells(engine, spells):
    """Σ d/n, its variance Σ d/n², and the bounds of its logarithm."""
    answer = engine.read(
        rt.survival.cumulative_hazard(engine.table(frame_of(spells))), order=["duration"]
    )
    assert list(answer.columns) == HAZARD
    mine = expanded(spells)
    total = variance = 0.0
    for row, counts in zip(answer.to_dict("records"), risk_sets(mine), strict=True):
        assert {column: row[column] for column in COUNTS} == counts
        assert (None if pd.isna(row["note"]) else row["note"]) == note(mine, 0, row["duration"])
        if not known(mine, 0, row["duration"]):
            assert all(pd.isna(row[name]) for name in HAZARD[6:10])
            continue
        total += counts["n_churned"] / counts["n_at_risk"]
        variance += counts["n_churned"] / counts["n_at_risk"] ** 2
        spread = math.exp(1.959963984540054 * math.sqrt(variance) / total) if total else None
        assert near(row["cumulative_hazard"], total)
        assert near(row["standard_error"], math.sqrt(variance))
        assert near(row["lower"], total / spread if total else None)
        assert near(row["upper"], total * spread if total else None)


def test_answers_are_of_the_kind_that_was_given(engine):
    """The same kind of table; counts are 64-bit, durations keep their type, unknown is null."""
    spells = [Spell(1, True), Spell(2, True, plan=None), Spell(2, False, plan="full")]
    for function, columns, nulls in [
        (rt.survival_curve, CURVE, {"standard_error": 2, "lower": 2, "upper": 2}),
        (rt.survival.cumulative_hazard, HAZARD, {"standard_error": 0, "lower": 1, "upper": 1}),
    ]:
        answer = function(engine.table(frame_of(spells)), by="plan")
        assert engine.is_mine(answer)
        read = engine.read(answer, order=["plan"])
        assert list(read.columns) == ["plan", *columns]
        assert list(read["plan"]) == ["(missing)", "basic", "full"]
        assert (read[COUNTS].dtypes == "int64").all()
        absent = {n: nw.when(nw.col(n).is_null()).then(nw.lit(1)).otherwise(0) for n in nulls}
        missing = nw.from_native(answer).lazy().select(**{n: e.sum() for n, e in absent.items()})
        assert engine.read(missing.to_native()).iloc[0].to_dict() == nulls


@some_are_left_out
@given(spells=many)
def test_those_at_risk_follow_from_those_before(spells):
    """n_at_risk = the one before − its n_churned − its n_censored + n_entered, in each segment."""
    curve = rt.survival_curve(frame_of(spells), by="plan")
    for _, mine in curve.groupby("plan"):
        before = mine.shift(fill_value=0)
        left = before["n_at_risk"] - before["n_churned"] - before["n_censored"]
        assert (mine["n_at_risk"] == left + mine["n_entered"]).all()
        assert (mine["n_churned"] + mine["n_censored"]).sum() == mine["n_entered"].sum()
    assert curve["n_entered"].sum() == len(expanded(spells))


@some_are_left_out
@settings(max_examples=at_most(12))
@given(spells=many, seed=st.integers(0, 99))
def test_what_must_not_matter_does_not(spells, seed):
    """Rows that stand for several, their order, further columns, other names of the segments."""
    table = frame_of(spells)
    curve = rt.survival_curve(table, by="plan")
    alone = frame_of([replace(each, n_spells=1) for each in expanded(spells)])
    pd.testing.assert_frame_equal(rt.survival_curve(alone, by="plan"), curve)
    mixed = table.sample(frac=1, random_state=seed).assign(customer_id="Ann", spell=7)
    pd.testing.assert_frame_equal(rt.survival_curve(mixed, by="plan"), curve)
    names = {"(missing)": "1", "a b": "2", "basic": "3", "full": "4"}
    renamed = table.assign(plan=[names[each.segment] for each in spells])
    other = rt.survival_curve(renamed, by="plan")
    pd.testing.assert_frame_equal(other, curve.assign(plan=curve["plan"].map(names)))


@some_are_left_out
@settings(max_examples=at_most(12))
@given(spells=many)
def test_a_segment_is_the_curve_of_its_spells_alone(spells):
    """Whoever else is in the table."""
    spells = [each for each in spells if each.observed]
    both = rt.survival_curve(frame_of(spells).assign(one=1, yes=True), by=["one", "plan", "yes"])
    assert set(both["one"]) == {"1"}
    assert set(both["yes"]) == {"true"}
    for name, mine in both.groupby("plan"):
        here = frame_of([each for each in spells if each.segment == name])
        pd.testing.assert_frame_equal(
            mine[CURVE].reset_index(drop=True), rt.survival_curve(here), check_dtype=False
        )


def lifelines_fits(seed):
    """A table with ties, weights and entries between whole days, and what lifelines makes of it."""
    rng = np.random.default_rng(seed)
    n = 300
    table = pd.DataFrame({"duration": rng.integers(1, 25, n), "churned": rng.random(n) < 0.6})
    late = np.floor(rng.random(n) * table["duration"]) - 0.5
    table["entry"] = np.where(rng.random(n) < 0.5, late, np.nan)
    table["n_spells"] = rng.integers(1, 4, n)
    said = {"entry": table["entry"].fillna(0).clip(lower=0), "weights": table["n_spells"]}
    return table, (table["duration"], table["churned"]), said


@pytest.mark.parametrize("seed", range(3))
def test_lifelines_draws_the_same_curve(seed):
    """S and its bounds, with ties, weights and late entry (KaplanMeierFitter)."""
    table, observed, said = lifelines_fits(seed)
    fitter = KaplanMeierFitter().fit(*observed, **said)
    curve = rt.survival_curve(table)
    theirs = fitter.survival_function_["KM_estimate"].loc[curve["duration"]]
    assert curve["survival"].to_numpy() == pytest.approx(theirs.to_numpy(), abs=1e-12)
    bounds = fitter.confidence_interval_.loc[curve["duration"]].to_numpy()
    known = (curve["survival"] > 0) & (curve["survival"] < 1)
    assert known.sum() > 15
    ours = curve.loc[known, ["lower", "upper"]].to_numpy()
    assert ours == pytest.approx(bounds[known], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_lifelines_sums_the_same_hazard(seed):
    """Σ d/n, where lifelines does not smooth over ties (NelsonAalenFitter)."""
    table, observed, said = lifelines_fits(seed)
    fitter = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(*observed, **said)
    hazards = rt.survival.cumulative_hazard(table)
    theirs = fitter.cumulative_hazard_["NA_estimate"].loc[hazards["duration"]]
    assert hazards["cumulative_hazard"].to_numpy() == pytest.approx(theirs.to_numpy(), abs=1e-12)


def test_leukemia_as_in_kleinbaum_and_klein():
    """The 6-MP group: table 2.1 of Survival Analysis, a Self-Learning Text; n, d and S."""
    table = load_leukemia()
    treated = table[table["Rx"] == 0].rename(columns={"t": "duration"})
    curve = rt.survival_curve(treated.assign(churned=treated["status"] == 1))
    ends = curve[curve["n_churned"] > 0]
    assert list(ends["duration"]) == [6, 7, 10, 13, 16, 22, 23]
    assert list(ends["n_at_risk"]) == [21, 17, 15, 12, 11, 7, 6]
    printed = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert list(ends["survival"].round(4)) == printed


def test_lung_as_r_prints_it():
    """228 patients, 165 deaths, and .4092 after a year with a standard error of .0358."""
    lung = load_lung().rename(columns={"time": "duration"})
    curve = rt.survival_curve(lung.assign(churned=lung["status"] == 1))
    assert curve["n_entered"].iloc[0] == curve["n_at_risk"].iloc[0] == 228
    assert curve["n_churned"].sum() == 165
    year = curve[curve["duration"] <= 365].iloc[-1]
    assert year[["survival", "standard_error"]].astype(float).round(4).tolist() == [0.4092, 0.0358]


def test_late_entry_recovers_the_truth():
    """Of 60,000 customers with known chances, a log cut at the front shows only the lasting ones.

    Respecting the entry gives the true curve; ignoring it is far too high.
    """
    rng = np.random.default_rng(5)
    n, cut, end = 60_000, 300, 500
    start = rng.integers(0, 450, n)
    life = np.where(rng.random(n) < 0.4, rng.geometric(1 / 30, n), rng.geometric(1 / 200, n))
    seen = (start + life > cut) & (start < end)
    table = pd.DataFrame(
        {
            "entry": np.where(start < cut, cut - start, np.nan).astype(float),
            "duration": np.minimum(life, end - start),
            "churned": life <= end - start,
        }
    )[seen]
    curve = rt.survival_curve(table).set_index("duration")
    ignored = rt.survival_curve(table.drop(columns="entry")).set_index("duration")
    for day in (10, 50, 100, 200):
        truth = 0.4 * (1 - 1 / 30) ** day + 0.6 * (1 - 1 / 200) ** day
        row = curve.loc[day]
        assert abs(row["survival"] - truth) < 4 * row["standard_error"]
        assert row["standard_error"] < 0.02
        assert ignored.loc[day, "survival"] > truth + 0.05


def test_bounds_cover_at_their_level():
    """Of 500 samples of 80 with half censored, the 90 % bounds hold the truth 9 times in 10."""
    rng = np.random.default_rng(2)
    life = rng.geometric(0.1, (500, 80))
    seen = rng.geometric(0.1, (500, 80))
    table = pd.DataFrame({"sample": np.repeat(np.arange(500), 80)})
    table["duration"] = np.minimum(life, seen).ravel()
    table["churned"] = (life <= seen).ravel()
    curve = rt.survival_curve(table, by="sample", level=0.9)
    at_five = curve[curve["duration"] <= 5].groupby("sample").last()
    held = at_five["lower"].le(0.9**5) & at_five["upper"].ge(0.9**5)
    assert 0.86 < held.mean() < 0.94


def test_ten_thousand_million_spells_are_counted_exactly():
    """Weights beyond 32 bits, and the sum of their squares beyond 64."""
    table = pd.DataFrame({"duration": [1, 2], "churned": [True, False]}).assign(
        n_spells=np.array([2 * 10**9, 8 * 10**9])
    )
    curve = rt.survival_curve(table)
    assert curve["n_at_risk"].tolist() == [10**10, 8 * 10**9]
    assert curve["survival"].tolist() == [0.8, 0.8]
    assert curve["standard_error"][0] == pytest.approx(math.sqrt(0.8 * 0.2 / 10**10), rel=1e-12)


def test_decimal_durations_and_day_zero():
    """Whoever leaves on day 0 was at risk there; an entry of 0 is the origin."""
    table = pd.DataFrame(
        {"duration": [0.0, 0.5, 0.5], "churned": [True, True, False], "entry": [0.0, -3.0, np.nan]}
    )
    curve = rt.survival_curve(table)
    assert curve["n_at_risk"].tolist() == [3, 2]
    assert curve["survival"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_exact_decimals_of_a_database_are_read_as_numbers():
    """DECIMAL columns of DuckDB and Polars."""
    import duckdb
    import polars as pl

    rows = "(VALUES (1.5, true, 0.25), (2.5, false, NULL)) t(duration, churned, entry)"
    relation = duckdb.connect().sql(f"SELECT * FROM {rows}")
    assert relation.types[0] == "DECIMAL(2,1)"
    for table in (relation, relation.pl().with_columns(pl.col("duration").cast(pl.Decimal(9, 2)))):
        curve = nw.from_native(rt.survival_curve(table)).lazy().collect("pandas")
        assert curve["duration"].to_list() == [1.5, 2.5]
        assert curve["n_at_risk"].to_list() == [2, 1]

"""Medians, restricted means, conditional survival: against loops, lifelines and R's numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_lung
from lifelines.utils import restricted_mean_survival_time

import retention as rt
from conftest import at_most
from retention.numerics import step_functions
from risk_by_hand import (
    Spell,
    frame_of,
    greenwood,
    known,
    many,
    note,
    risk_sets,
    segments_of,
    survival_at,
)

some_are_left_out = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
Z = 1.959963984540054


def near(value, expected):
    """Equal to eleven digits, or both missing."""
    if expected is None:
        return pd.isna(value)
    return value == pytest.approx(float(expected), rel=1e-11, abs=1e-11)


def said(row):
    """The note of a row, None for none."""
    return None if pd.isna(row["note"]) else row["note"]


def notes_of_null(spells, start, end, value):
    """What may be said: of a value the note on its span, of none what was too short as well."""
    usual = note(spells, start, end)
    short = f"nobody was watched beyond {max(each.duration for each in spells):g}"
    if value is not None:
        return [usual]
    return [usual, f"{usual}; {short}"] if usual else [short]


def lung():
    """The lung cancer data of R's survival, by the physician's score."""
    table = load_lung().rename(columns={"time": "duration"})
    table["churned"] = table["status"] == 1
    table["score"] = table["ph.ecog"].astype("Int64")
    return table[["duration", "churned", "score"]]


def naive_passing(durations, survival, level):
    """Where a curve first is at the level or below; the middle where it rests upon it."""
    at_or_below = [t for t, s in zip(durations, survival, strict=True) if s <= level]
    below = [t for t, s in zip(durations, survival, strict=True) if s < level]
    if not at_or_below:
        return None
    if below and below[0] == at_or_below[0]:
        return Fraction(below[0])
    return Fraction(at_or_below[0] + (below[0] if below else durations[-1]), 2)


def naive_mean(spells, horizon):
    """The area under S up to the horizon, a day at a time, and its variance; None if not known."""
    last = max(each.duration for each in spells)
    if not known(spells, 0, float(horizon)):
        return None, None
    if horizon > last and survival_at(spells, last):
        return None, None

    def area(since):
        days = range(since, math.ceil(horizon))
        return sum(
            (survival_at(spells, day) * (min(day + 1, horizon) - day) for day in days), Fraction(0)
        )

    variance = Fraction(0)
    for row in risk_sets(spells):
        left = row["n_at_risk"] - row["n_churned"]
        if row["duration"] <= horizon and left:
            share = Fraction(row["n_churned"], row["n_at_risk"] * left)
            variance += area(row["duration"]) ** 2 * share
    ended = any(row["n_churned"] for row in risk_sets(spells) if row["duration"] <= horizon)
    return area(0), None if ended and not variance else variance


@some_are_left_out
@settings(max_examples=at_most(10))
@given(spells=many, lost=st.lists(st.sampled_from([0.125, 0.25, 0.5, 0.75]), min_size=1))
def test_quantiles_agree_with_loops(engine, spells, lost):
    """Of S and of its bounds, for each segment and share."""
    curve = rt.survival_curve(engine.table(frame_of(spells)), by="plan")
    quantiles = rt.survival.lifetime_quantile(curve, lost=lost, by="plan")
    assert engine.is_mine(quantiles)
    rows = iter(engine.read(quantiles).to_dict("records"))
    drawn = engine.read(curve, order=["plan", "duration"])
    for name, mine in segments_of(spells).items():
        counted = risk_sets(mine)
        durations = [row["duration"] for row in counted]
        bounds = drawn[drawn["plan"] == name]
        for share in lost:
            row = next(rows)
            assert (row["plan"], row["lost"], row["n_spells"]) == (name, share, len(mine))
            assert row["n_churned"] == sum(one["n_churned"] for one in counted)
            seen = [time for time in durations if known(mine, 0, time)]
            exact = [survival_at(mine, time) for time in seen]
            passing = naive_passing(seen, exact, 1 - Fraction(share))
            assert near(row["lifetime"], passing)
            until = math.inf if passing is None else float(passing)
            assert (None if pd.isna(row["note"]) else row["note"]) == note(mine, 0, until)
            for side in ("lower", "upper"):
                there = bounds[bounds[side].notna()]
                values = there["duration"].tolist(), there[side].tolist()
                assert near(row[side], naive_passing(*values, 1 - share) if values[0] else None)
    assert next(rows, None) is None


@some_are_left_out
@settings(max_examples=at_most(10))
@given(spells=many, horizon=st.sampled_from([1, 2, 4, 4.5, 7]))
def test_restricted_means_agree_with_loops(engine, spells, horizon):
    """The area under S day by day and its standard error."""
    curve = rt.survival_curve(engine.table(frame_of(spells)), by="plan")
    means = rt.survival.restricted_mean(curve, horizon=horizon, by="plan")
    assert engine.is_mine(means)
    read = engine.read(means, order=["plan"])
    for row, (name, mine) in zip(read.to_dict("records"), segments_of(spells).items(), strict=True):
        mean, variance = naive_mean(mine, Fraction(horizon))
        error = None if variance is None else math.sqrt(variance)
        assert (row["plan"], row["horizon"], row["n_spells"]) == (name, horizon, len(mine))
        ended = sum(each.churned and each.duration <= horizon for each in mine)
        assert row["n_churned"] == ended
        assert near(row["restricted_mean"], mean)
        assert said(row) in notes_of_null(mine, 0, horizon, mean)
        assert near(row["standard_error"], error)
        assert near(row["upper"], None if error is None else float(mean) + Z * error)


@some_are_left_out
@settings(max_examples=at_most(10))
@given(
    spells=many,
    tenure=st.lists(st.sampled_from([0, 1, 2, 2.5, 5]), min_size=1, max_size=2),
    horizon=st.sampled_from([0, 1, 3, 6]),
)
def test_conditional_survival_agrees_with_loops(engine, spells, tenure, horizon):
    """From the risk sets after the tenure alone; null where nobody was seen so long."""
    curve = rt.survival_curve(engine.table(frame_of(spells)), by="plan")
    later = rt.survival.conditional_survival(curve, tenure=tenure, horizon=horizon, by="plan")
    assert engine.is_mine(later)
    rows = iter(engine.read(later).to_dict("records"))
    for name, mine in segments_of(spells).items():
        for since in tenure:
            row, until = next(rows), since + horizon
            after = [one for one in risk_sets(mine) if one["duration"] > since]
            assert (row["plan"], row["tenure"], row["horizon"]) == (name, since, horizon)
            assert row["n_at_risk"] == (after[0]["n_at_risk"] if after else 0)
            within = [one["n_churned"] for one in after if one["duration"] <= until]
            assert row["n_churned"] == sum(within)
            exact = survival_at(mine, until, since=since)
            seen = bool(after) and (until <= after[-1]["duration"] or not exact)
            seen = seen and known(mine, since, until)
            assert near(row["survival"], exact if seen else None)
            assert said(row) in notes_of_null(mine, since, until, exact if seen else None)
            variance = greenwood(mine, until, since=since)
            if seen and 0 < exact < 1:
                spread = Z * math.sqrt(variance) / math.log(exact)
                assert near(row["lower"], exact ** math.exp(-spread))
                assert near(row["upper"], exact ** math.exp(spread))


@some_are_left_out
@given(spells=many, tenure=st.integers(0, 3), horizon=st.integers(1, 3))
def test_chances_multiply(spells, tenure, horizon):
    """S(tenure) × conditional survival = S(tenure + horizon), where all are known."""
    curve = rt.survival_curve(frame_of(spells))
    said = {"tenure": [0, tenure], "horizon": [tenure, horizon, tenure + horizon]}
    found = rt.survival.conditional_survival(curve, **said).set_index(["tenure", "horizon"])[
        "survival"
    ]
    found = found[~found.index.duplicated()]
    first, then, both = found[0, tenure], found[tenure, horizon], found[0, tenure + horizon]
    if not pd.isna([first, then, both]).any():
        assert first * then == pytest.approx(both)


def test_lung_by_score_as_r_prints_it():
    """Events, medians, quartiles; RMST to 730 days with its error (survfit, printed digits)."""
    curve = rt.survival_curve(lung(), by="score")
    medians = rt.median_lifetime(curve, by="score").iloc[1:]  # one patient has no score
    assert medians["score"].tolist() == ["0", "1", "2", "3"]
    assert medians["n_spells"].tolist() == [63, 113, 50, 1]
    assert medians["n_churned"].tolist() == [37, 82, 44, 1]
    assert medians["lifetime"].tolist() == [394, 306, 199, 118]
    quartiles = rt.survival.lifetime_quantile(curve, lost=[0.25, 0.5, 0.75], by="score")
    found = quartiles["lifetime"].to_numpy().reshape(-1, 3)[1:4].tolist()
    assert found == [[285, 394, 655], [181, 306, 550], [105, 199, 351]]
    means = rt.survival.restricted_mean(curve, horizon=730, by="score").iloc[1:4]
    assert means["restricted_mean"].round(0).tolist() == [429, 366, 256]
    assert means["standard_error"].round(1).tolist() == [32.2, 22.4, 30.0]


def test_bounds_of_the_median_follow_those_of_the_curve():
    """R's default bounds are exp(log S ± z σ); with these in the table its medians have its bounds.

    We draw log(−log S) instead, whose bounds of the whole sample's median are 284 and 361.
    """
    curve = rt.survival_curve(lung(), by="score")
    printed = {"0": (348, 574), "1": (268, 429), "2": (156, 288)}
    for score, bounds in printed.items():
        mine = curve[(curve["score"] == score) & (curve["survival"] > 0)]
        spread = np.exp(Z * mine["standard_error"] / mine["survival"])
        for bound, passed in zip(bounds, (1 / spread, spread), strict=True):
            below = mine["survival"] * passed <= 0.5
            assert mine.loc[below, "duration"].iloc[0] == bound
    whole = rt.median_lifetime(rt.survival_curve(lung())).iloc[0]
    assert whole[["lifetime", "lower", "upper"]].tolist() == [310, 284, 361]


def test_quantiles_on_flat_stretches_as_in_r():
    """test1 of R's tests/quantile.R: (6/7) × (3/5) × (1/2), with shares that meet the flats."""
    table = pd.DataFrame({"duration": [9, 1, 1, 6, 6, 8, 10]})
    table["churned"] = [True, True, False, True, True, False, False]
    curve = rt.survival_curve(table)
    lost = [1 - share for share in (13 / 14, 6 / 7, 2 / 3, 0.5, 9 / 35, 0.1)]
    found = rt.survival.lifetime_quantile(curve, lost=lost)["lifetime"]
    assert found.tolist()[:-1] == [1, 3.5, 6, 9, 9.5]
    assert pd.isna(found.iloc[-1])


@pytest.mark.parametrize("horizon", [100, 365.5, 730])
def test_lifelines_has_the_same_restricted_mean(horizon):
    """restricted_mean_survival_time of a Kaplan–Meier fit."""
    table = lung()
    fitter = KaplanMeierFitter().fit(table["duration"], table["churned"])
    mean = rt.survival.restricted_mean(rt.survival_curve(table), horizon=horizon)[
        "restricted_mean"
    ][0]
    assert mean == pytest.approx(restricted_mean_survival_time(fitter, t=horizon), rel=1e-12)


def test_the_error_of_the_restricted_mean_is_how_it_varies():
    """Over 400 samples of 150 with late entry its standard deviation is the mean error, nearly."""
    rng = np.random.default_rng(4)
    life, seen = rng.geometric(0.1, (400, 150)), rng.geometric(0.06, (400, 150))
    entry = np.where(rng.random((400, 150)) < 0.5, rng.integers(1, 6, (400, 150)), 0)
    table = pd.DataFrame({"sample": np.repeat(np.arange(400), 150), "entry": entry.ravel()})
    table["duration"] = np.minimum(life, seen).ravel()
    table["churned"] = (life <= seen).ravel()
    table = table[table["entry"] < table["duration"]]
    curve = rt.survival_curve(table, by="sample")
    means = rt.survival.restricted_mean(curve, horizon=12, by="sample").dropna(
        subset="restricted_mean"
    )
    truth = sum(0.9**day for day in range(12))
    assert means["restricted_mean"].mean() == pytest.approx(truth, rel=0.01)
    assert means["restricted_mean"].std() == pytest.approx(means["standard_error"].mean(), rel=0.1)


@some_are_left_out
@settings(max_examples=at_most(10))
@given(spells=many, horizon=st.integers(1, 5))
def test_differences_are_of_the_restricted_means(engine, spells, horizon):
    """Each segment less the first, with the errors added in squares and both counts."""
    spells = [*spells, Spell(6, False, plan="zz")]
    curve = rt.survival_curve(engine.table(frame_of(spells)), by="plan")
    table = rt.survival.restricted_mean_difference(curve, horizon=horizon, by="plan")
    assert engine.is_mine(table)
    found = engine.read(table, order=["plan"])
    first, *others = engine.read(
        rt.survival.restricted_mean(curve, horizon=horizon, by="plan"), order=["plan"]
    ).to_dict("records")
    for row, other in zip(found.to_dict("records"), others, strict=True):
        assert (row["plan"], row["compared_to"]) == (other["plan"], first["plan"])
        assert (row["n_spells"], row["n_churned"]) == (other["n_spells"], other["n_churned"])
        compared = row["n_spells_compared"], row["n_churned_compared"]
        assert compared == (first["n_spells"], first["n_churned"])
        longer = other["restricted_mean"] - first["restricted_mean"]
        error = math.hypot(other["standard_error"], first["standard_error"])
        assert near(row["difference"], None if math.isnan(longer) else longer)
        assert near(row["standard_error"], None if math.isnan(error) else error)
        z = longer / error if error else None
        assert near(row["z"], None if z is None or math.isnan(z) else z)
        if not pd.isna(row["z"]):
            assert row["p_value"] == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=1e-14)


def curve_of(*durations, plan="basic"):
    """The curve of spells that all end, at these durations."""
    return rt.survival_curve(frame_of([Spell(each, True, plan=plan) for each in durations]))


TWO = rt.survival_curve(
    frame_of([Spell(1, True), Spell(3, True), Spell(2, True, plan="full"), Spell(4, False)]),
    by="plan",
)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (
            lambda: rt.median_lifetime(TWO),
            rt.ContentError,
            "n_at_risk at duration 2 does not follow from the rows before it.*by= with its segm",
        ),
        (
            lambda: rt.survival.restricted_mean(pd.concat([TWO, TWO]), horizon=2, by="plan"),
            rt.ContentError,
            "a duration comes twice. Say by= with the segments",
        ),
        (
            lambda: rt.survival.conditional_survival(TWO.iloc[1:], tenure=1, horizon=2, by="plan"),
            rt.ContentError,
            "does not follow from the rows before it. Give the whole table",
        ),
        (lambda: rt.median_lifetime(TWO.iloc[:0]), rt.ContentError, "curve: the table is empty"),
        (
            lambda: rt.median_lifetime(TWO, by="plam"),
            rt.ColumnError,
            "by names 'plam', which is not a column. Did you mean 'plan'",
        ),
        (
            lambda: rt.median_lifetime(TWO.drop(columns="n_entered")),
            rt.ColumnError,
            "lacks 'n_entered'",
        ),
        (
            lambda: rt.median_lifetime(TWO.rename(columns={"plan": "lost"}), by="lost"),
            rt.ColumnError,
            "by: 'lost' is a name that answers use themselves",
        ),
        (
            lambda: rt.survival.lifetime_quantile(TWO, lost=50, by="plan"),
            rt.RetentionError,
            "lost must lie between 0 and 1, such as 0.5; got 50",
        ),
        (
            lambda: rt.survival.lifetime_quantile(TWO, lost=[0.5, "all"], by="plan"),
            rt.RetentionError,
            "lost must be a number, or several in a list; got",
        ),
        (
            lambda: rt.median_lifetime(TWO, by="plan", level=95),
            rt.RetentionError,
            "level must lie between 0 and 1, such as 0.95; got 95",
        ),
        *(
            (
                lambda horizon=horizon: rt.survival.restricted_mean(
                    TWO, horizon=horizon, by="plan"
                ),
                rt.RetentionError,
                "horizon must be a length of time above 0; got",
            )
            for horizon in (0, -1, math.inf, math.nan, True, "a year", [1, 2])
        ),
        (
            lambda: rt.survival.restricted_mean_difference(curve_of(1, 2), horizon=1, by=()),
            rt.ContentError,
            "there is one segment only, so nothing to compare it with",
        ),
        (
            lambda: rt.survival.conditional_survival(TWO, tenure=-1, horizon=2, by="plan"),
            rt.RetentionError,
            "tenure and horizon are lengths of time: 0 or more",
        ),
        (
            lambda: rt.survival.conditional_survival(TWO, tenure=[], horizon=2, by="plan"),
            rt.RetentionError,
            "tenure must be a number, or several in a list",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(ask, error, message):
    """The message says which argument or column, what it was and what to do."""
    with pytest.raises(error, match=message):
        ask()


def test_numbers_of_numpy_are_numbers():
    """As a loop over an array gives them."""
    mean = rt.survival.restricted_mean(curve_of(2, 4), horizon=np.int64(3))["restricted_mean"][0]
    assert mean == 2.5
    later = rt.survival.conditional_survival(
        curve_of(2, 4), tenure=np.arange(3), horizon=np.float32(1)
    )
    assert later["survival"].tolist() == [1, 0.5, 1]
    assert rt.median_lifetime(curve_of(*[np.int8(100)] * 3, 120))["lifetime"].tolist() == [100]


def test_who_all_left_at_once_tells_nothing_of_chance():
    """The mean is known, its error is not."""
    row = rt.survival.restricted_mean(curve_of(3, 3), horizon=5).iloc[0]
    assert row["restricted_mean"] == 3
    assert row[["standard_error", "lower", "upper"]].isna().all()


def test_where_nobody_was_watched_so_long_the_note_says_so():
    """A null of a mean, of a difference and of a conditional survival is given its reason."""
    spells = pd.DataFrame({"plan": list("aabb"), "duration": [2, 5, 3, 9], "churned": [1, 0, 1, 0]})
    spells["churned"] = spells["churned"].astype(bool)
    curve = rt.survival_curve(spells, by="plan")
    short = "nobody was watched beyond 5"
    mean = rt.survival.restricted_mean(curve, horizon=7, by="plan")
    assert [note if isinstance(note, str) else None for note in mean["note"]] == [short, None]
    apart = rt.survival.restricted_mean_difference(curve, horizon=7, by="plan")
    assert apart["note"][0] == f"a: {short}"
    later = rt.survival.conditional_survival(curve, tenure=[3, 6], horizon=3, by="plan")
    assert later["survival"].isna().tolist() == [True, True, False, False]
    told = [note if isinstance(note, str) else None for note in later["note"]]
    assert told == [short, short, None, None]


def test_where_all_left_a_null_has_no_such_note():
    """What is known to be 0 is no question of watching."""
    spells = pd.DataFrame({"duration": [2, 5], "churned": [True, True]})
    curve = rt.survival_curve(spells)
    mean = rt.survival.restricted_mean(curve, horizon=7)
    assert mean["restricted_mean"][0] == 3.5
    assert not isinstance(mean["note"][0], str)


def test_bounds_of_a_survival_next_to_one_do_not_overflow():
    """A customer of whom nearly nothing is known: from 0 to 1, without a warning of numpy."""
    with np.errstate(over="raise"):
        lower, upper = step_functions.log_log_bounds(1 - 1e-6, 1.0, 0.95)
    assert (float(lower), float(upper)) == (0.0, 1.0)

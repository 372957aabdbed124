"""brier_score, its integral and time_dependent_auc, against loops over spells and scikit-learn."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

import retention as rt
from retention.survival.scores import brier_and_auc
from retention.survival.scores.brier_and_auc import (
    brier_score,
    integrated_brier_score,
    time_dependent_auc,
)
from retention.survival.scores.censoring_weights import censoring_weighting
from retention.survival.scores.scored_tables import read_scored

pytestmark = pytest.mark.filterwarnings("ignore:risk. the area:retention.RetentionWarning")

BRIER = [
    "time",
    "n_spells",
    "n_churned",
    "n_still",
    "n_unknown",
    "n_effective",
    "brier_score",
    "reference",
    "skill",
    "reason",
]
INTEGRATED = [
    "first_time",
    "last_time",
    "n_times",
    "n_spells",
    "n_churned",
    "n_still",
    "n_unknown",
    "integrated_brier_score",
    "reference",
    "skill",
    "reason",
]
AUC = [
    "time",
    "n_spells",
    "n_cases",
    "n_controls",
    "n_unknown",
    "n_effective",
    "auc",
    "standard_error",
    "reason",
]
TIMES = {2: "s2", 4: "s4", 0.5: "s0"}
COLUMNS = ["duration", "churned", "n_spells", "plan", "s0", "s2", "s4"]

quarter = st.integers(0, 4).map(lambda k: k / 4)
spell = st.tuples(
    st.integers(0, 6),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from(["free", "paid"]),
    quarter,
    quarter,
    quarter,
)
tables = st.lists(spell, min_size=1, max_size=14)


def scored(*rows):
    """Rows of (duration, churned, n_spells, plan, s0, s2, s4) as a table."""
    return pd.DataFrame(rows, columns=COLUMNS)


def spells_of(frame):
    """Each spell by itself."""
    return list(frame.loc[frame.index.repeat(frame["n_spells"])].itertuples())


def product(spells, time, *, of_censoring):
    """Kaplan–Meier at a time, one duration after the other; ends before censorings."""
    left = Fraction(1)
    for u in sorted({each.duration for each in spells if each.duration <= time}):
        ended = sum(each.duration == u and each.churned for each in spells)
        censored = sum(each.duration == u and not each.churned for each in spells)
        at_risk = sum(each.duration >= u for each in spells)
        d, n = (censored, at_risk - ended) if of_censoring else (ended, at_risk)
        left *= 1 - Fraction(d, n or 1)
    return left


def naive_weights(spells, strata, time):
    """What each spell weighs at a time; None if everyone of a stratum was censored."""
    members = {
        name: [each for each in spells if strata(each) == name] for name in map(strata, spells)
    }
    if any(product(group, time, of_censoring=True) == 0 for group in members.values()):
        return None
    weights = []
    for each in spells:
        group = members[strata(each)]
        before = Fraction(2 * each.duration - 1, 2)
        if each.duration > time:
            weights.append(1 / product(group, time, of_censoring=True))
        else:
            weights.append(each.churned / product(group, before, of_censoring=True))
    effective = sum(weights) ** 2 / (sum(w * w for w in weights) or 1)
    return None if max(weights) > 10 and effective < 10 else weights


def naive_brier(spells, strata, time, column):
    """The score and that of the Kaplan–Meier curve; None where there can be none."""
    weights = naive_weights(spells, strata, time)
    if weights is None:
        return None
    curve = product(spells, time, of_censoring=False)

    def score(chance):
        errors = ((each.duration > time) - Fraction(chance(each)) for each in spells)
        return sum(w * e * e for w, e in zip(weights, errors, strict=True)) / len(spells)

    return score(lambda each: getattr(each, column)), score(lambda _: curve)


def naive_auc(spells, strata, time):
    """Over all pairs of a leaver and a stayer; None where there can be none."""
    weights = naive_weights(spells, strata, time)
    if weights is None:
        return None
    weighed = list(zip(spells, weights, strict=True))
    cases = [(-each.s2, w) for each, w in weighed if each.duration <= time and w]
    controls = [(-each.s2, w) for each, w in weighed if each.duration > time]
    if not cases or not controls:
        return None

    def wins(a, b):
        return (a > b) + Fraction(a == b, 2)

    def total(group):
        return sum(w for _, w in group)

    def share(group, of):
        return sum(w * of(r) for r, w in group) / total(group)

    auc = share(cases, lambda r: share(controls, lambda c: wins(r, c)))
    spread = sum((w * (share(controls, lambda c, r=r: wins(r, c)) - auc)) ** 2 for r, w in cases)
    others = sum((w * (share(cases, lambda c, r=r: wins(c, r)) - auc)) ** 2 for r, w in controls)
    m, n = len(cases), len(controls)
    if m == 1 or n == 1:
        return auc, None
    spread, others = spread * Fraction(m, m - 1), others * Fraction(n, n - 1)
    return auc, math.sqrt(spread / total(cases) ** 2 + others / total(controls) ** 2)


def same(value, expected):
    """Equal but for rounding, or null where there can be nothing."""
    return (
        pd.isna(value) if expected is None else value == pytest.approx(float(expected), abs=1e-12)
    )


@given(rows=tables, by=st.sampled_from([(), "plan", ["plan"]]))
def test_brier_score_agrees_with_a_loop_over_spells(engine, rows, by):
    """Score, reference and counts, with ties, weights and strata."""
    frame = scored(*rows)
    answer = engine.read(brier_score(engine.table(frame), survival=TIMES, censoring_by=by))
    spells = spells_of(frame)
    strata = (lambda each: each.plan) if by else (lambda each: "")
    assert list(answer["time"]) == [0.5, 2, 4]
    for row in answer.to_dict("records"):
        expected = naive_brier(spells, strata, row["time"], TIMES[row["time"]])
        score, reference = expected or (None, None)
        assert same(row["brier_score"], score)
        assert same(row["reference"], reference)
        assert same(row["skill"], 1 - score / reference if reference else None)
        assert pd.isna(row["reason"]) == (expected is not None)
        assert row["n_churned"] == sum(s.churned and s.duration <= row["time"] for s in spells)
        assert row["n_still"] == sum(s.duration > row["time"] for s in spells)
        assert row["n_spells"] == row["n_churned"] + row["n_still"] + row["n_unknown"]


@given(rows=tables, by=st.sampled_from([(), "plan"]))
def test_auc_agrees_with_a_loop_over_pairs(engine, rows, by):
    """AUC and its error over all pairs of a leaver and a stayer."""
    frame = scored(*rows)
    table = engine.table(frame.assign(risk=-frame["s2"]))
    answer = engine.read(time_dependent_auc(table, times=[4, 2, 0], censoring_by=by))
    spells = spells_of(frame)
    strata = (lambda each: each.plan) if by else (lambda each: "")
    assert list(answer["time"]) == [0, 2, 4]
    for row in answer.to_dict("records"):
        expected = naive_auc(spells, strata, row["time"])
        auc, error = expected or (None, None)
        assert same(row["auc"], auc)
        assert same(row["standard_error"], error)
        assert pd.isna(row["reason"]) == (expected is not None)
        assert row["n_cases"] == sum(s.churned and s.duration <= row["time"] for s in spells)
        assert row["n_controls"] == sum(s.duration > row["time"] for s in spells)


@given(rows=tables, time=st.integers(0, 7))
def test_weights_reproduce_kaplan_meier(rows, time):
    """Those beyond t add up to n S(t), the ends so far to n (1 − S(t)), on tied whole numbers."""
    frame = scored(*rows)
    found = read_scored(frame, {}, None)
    weighting = censoring_weighting(found, "a score", None, (), None)
    spells = spells_of(frame)
    points = weighting.points([time])
    gone = found.duration <= time
    other = next(weighting.weights_of_others(found, [time]))
    n = len(spells)
    curve = float(product(spells, time, of_censoring=False))
    if points.reason[0] is None or points.reason[0].startswith("the weights explode"):
        assert (~gone * found.weights).sum() * other / n == pytest.approx(curve, abs=1e-12)
        assert points.still[0] == pytest.approx(curve, abs=1e-12)
        ended = (gone * found.weights * weighting.weights_of_ends(found)).sum() / n
        assert ended == pytest.approx(1 - curve, abs=1e-12)
        assert points.churned[0] == pytest.approx(1 - curve, abs=1e-12)


@given(rows=tables)
def test_without_censoring_scores_are_those_of_scikit_learn(rows):
    """The mean squared error and the area under the ROC curve of who had left."""
    frame = scored(*rows).assign(churned=True, risk=lambda d: -d["s2"])
    gone, n = frame["duration"] <= 2, frame["n_spells"]
    score = brier_score(frame, survival="s2", times=[2])["brier_score"][0]
    assert score == pytest.approx(
        brier_score_loss(~gone, frame["s2"], sample_weight=n, pos_label=True)
    )
    auc = time_dependent_auc(frame, times=[2]).iloc[0]
    if gone.nunique() == 2:
        assert auc["auc"] == pytest.approx(roc_auc_score(gone, frame["risk"], sample_weight=n))
    else:
        assert auc["reason"] in ("nobody goes on beyond this time", "nobody had left by this time")


@given(rows=tables)
def test_rows_that_stand_for_several_spells_count_as_repeated(rows):
    """Weights give what the repeated rows give."""
    frame = scored(*rows)
    repeated = frame.loc[frame.index.repeat(frame["n_spells"])].drop(columns="n_spells")
    for score in (
        lambda table: brier_score(table, survival=TIMES),
        lambda table: time_dependent_auc(table, risk="s2", times=[1, 3]),
    ):
        pd.testing.assert_frame_equal(score(frame), score(repeated), rtol=1e-9)


@given(rows=tables)
def test_strata_add_up(rows):
    """With G by plan the score is the mean of the plans' own scores, by their spells."""
    frame = scored(*rows)
    whole = brier_score(frame, survival=TIMES, censoring_by="plan")
    parts = [brier_score(part, survival=TIMES) for _, part in frame.groupby("plan")]
    total = sum(part["brier_score"] * part["n_spells"] for part in parts) / whole["n_spells"]
    known = whole["reason"].isna() & total.notna()
    np.testing.assert_allclose(whole["brier_score"][known], total[known], atol=1e-12)


def months(rng, n):
    """Monthly contracts: whole 30-day periods, ends and censorings at the same moments."""
    rate = rng.uniform(0.02, 0.3, n)
    lifetime = rng.geometric(rate)
    watched = rng.integers(1, 13, n)
    frame = {"duration": np.minimum(lifetime, watched), "churned": lifetime <= watched}
    chances = {f"s{t}": (1 - rate) ** t for t in (3, 6, 9)}
    return pd.DataFrame({**frame, "risk": rate, **chances}), lifetime


def test_whole_months_give_what_is_seen_without_censoring():
    """On 30-day periods the scores are within 0.001 of the truth, which nobody censored."""
    frame, lifetime = months(np.random.default_rng(4), 200_000)
    answer = brier_score(frame, survival={3: "s3", 6: "s6", 9: "s9"})
    areas = time_dependent_auc(frame, times=[3, 6, 9])
    for time, score, auc in zip((3, 6, 9), answer["brier_score"], areas["auc"], strict=True):
        stays = lifetime > time
        assert score == pytest.approx(np.mean((stays - frame[f"s{time}"]) ** 2), abs=1e-3)
        assert auc == pytest.approx(roc_auc_score(~stays, frame["risk"]), abs=3e-3)


@pytest.mark.once
def test_auc_errors_are_those_of_repeated_samples():
    """Over 300 samples the mean error is the spread of the AUC, to a tenth."""
    rng = np.random.default_rng(6)
    found = [time_dependent_auc(months(rng, 300)[0], times=[6]).iloc[0] for _ in range(300)]
    spread = np.std([each["auc"] for each in found])
    assert np.mean([each["standard_error"] for each in found]) == pytest.approx(spread, rel=0.1)


def test_perfect_and_useless_predictions():
    """Who knows the future scores 0 with skill 1; the Kaplan–Meier curve has skill 0."""
    frame = pd.DataFrame({"duration": range(1, 21), "churned": True})
    frame = frame.assign(knows=(frame["duration"] > 5) * 1.0, half=0.5, curve=0.75)
    for column, score, skill in (("knows", 0, 1), ("half", 0.25, -1 / 3), ("curve", 3 / 16, 0)):
        row = brier_score(frame, survival={5: column}).iloc[0]
        assert (row["brier_score"], row["skill"]) == pytest.approx((score, skill))
    assert time_dependent_auc(frame.assign(risk=-frame["duration"]), times=[5])["auc"][0] == 1
    assert time_dependent_auc(frame.assign(risk=1), times=[5])["auc"][0] == 0.5


@given(rows=tables)
def test_integrated_score_is_the_area_under_the_points(rows):
    """Trapezoids over the stretch; null if a point is."""
    frame = scored(*rows)
    points = brier_score(frame, survival=TIMES)
    answer = integrated_brier_score(frame, survival=TIMES).iloc[0]
    time, score = points["time"].to_numpy(), points["brier_score"].to_numpy()
    expected = ((score[1:] + score[:-1]) / 2 * np.diff(time)).sum() / 3.5
    if points["reason"].isna().all():
        assert answer["integrated_brier_score"] == pytest.approx(expected)
    else:
        assert math.isnan(answer["integrated_brier_score"])
        assert answer["reason"].startswith("at time ")
    assert list(answer[["first_time", "last_time", "n_times"]]) == [0.5, 4, 3]
    assert answer["n_churned"] == points["n_churned"].iloc[-1]


def test_columns_are_read_in_turns_without_a_difference(monkeypatch):
    """Many columns of predictions are read some at a time, with the same scores."""
    rng = np.random.default_rng(7)
    frame, _ = months(rng, 200)
    survival = {t / 2: f"p{t}" for t in range(1, 16)}
    frame = frame.assign(**{name: rng.random(200) for name in survival.values()})
    whole = brier_score(frame, survival=survival)
    monkeypatch.setattr(brier_and_auc, "CELLS", 400)
    monkeypatch.setattr(brier_and_auc, "FIRST_COLUMNS", 3)
    pd.testing.assert_frame_equal(brier_score(frame, survival=survival), whole)


def test_answers_are_of_the_kind_that_was_given(engine):
    """The same kind of table, with the same columns whatever was asked."""
    frame = scored((1, True, 1, "free", 1.0, 0.5, 0.5), (5, True, 2, "paid", 1.0, 1.0, 0.5))
    table = engine.table(frame)
    for options in ({}, {"censoring_by": "plan"}, {"landmark": 0.25}, {"censoring": table}):
        for answer, columns in (
            (brier_score(table, survival=TIMES, **options), BRIER),
            (integrated_brier_score(table, survival=TIMES, **options), INTEGRATED),
            (time_dependent_auc(table, risk="s0", times=[2], **options), AUC),
        ):
            assert engine.is_mine(answer)
            assert list(engine.read(answer).columns) == columns


def test_landmark_scores_those_at_risk_from_there_on():
    """As if the table held only those who had been entered by then and went on."""
    rng = np.random.default_rng(8)
    frame, _ = months(rng, 500)
    entry = np.where(rng.random(500) < 0.4, rng.integers(0, 6, 500), 0)
    late = frame.assign(entry=np.where(entry < frame["duration"], entry, 0))
    here = late[(late["entry"] <= 2) & (late["duration"] > 2)].drop(columns="entry")
    for score in (
        lambda table, **options: brier_score(table, survival={6: "s6", 9: "s9"}, **options),
        lambda table, **options: time_dependent_auc(table, times=[6, 9], **options),
    ):
        pd.testing.assert_frame_equal(score(late, landmark=2), score(here))


def test_censoring_may_come_from_another_table(engine):
    """G from the training data, here in counted rows, by plan with gaps in its names."""
    frame = scored((2, True, 1, "free", 1, 0.5, 0.5), (5, True, 1, None, 1, 0.25, 0.5))
    training = pd.DataFrame(
        {
            "duration": [1, 9, 1, 9],
            "churned": [False, True, False, True],
            "n_spells": [1, 1, 3, 1],
            "plan": ["free", "free", "", ""],
        }
    )
    tables = engine.table(frame), engine.table(training)
    alone = engine.read(brier_score(tables[0], survival={2: "s2"}, censoring=tables[1]))
    assert alone["brier_score"][0] == pytest.approx((0.25 * 3 + 0.5625 * 3) / 2)
    answer = brier_score(tables[0], survival={2: "s2"}, censoring=tables[1], censoring_by="plan")
    assert engine.read(answer)["brier_score"][0] == pytest.approx((0.25 * 2 + 0.5625 * 4) / 2)


def test_points_without_a_score_are_null_with_the_reason():
    """Nobody followed, G not seen so long, weights out of hand: never an exception."""
    censored = pd.DataFrame({"duration": [1, 2, 3], "churned": [True, True, False], "s": 0.5})
    row = brier_score(censored, survival={3: "s"}).iloc[0]
    assert math.isnan(row["brier_score"])
    assert row["reason"] == "everyone still here was censored by this time"
    all_left = censored.assign(churned=True)
    assert brier_score(all_left, survival={9: "s"})["brier_score"][0] == 0.25
    short = pd.DataFrame({"duration": [1, 2], "churned": [False, True]})
    row = brier_score(censored, survival={2.5: "s"}, censoring=short).iloc[0]
    assert row["reason"] == "censoring was not observed for this long"
    heavy = pd.DataFrame({"duration": [1] * 98 + [5, 5], "churned": [False] * 98 + [True, True]})
    row = brier_score(heavy.assign(s=0.5), survival={2: "s"}).iloc[0]
    assert row["reason"] == "the weights explode: one spell stands for 50, all for 2.0"
    assert row["n_effective"] == pytest.approx(2)
    auc = time_dependent_auc(heavy.assign(risk=1), times=[2, 5]).iloc[1]
    assert auc["reason"] == row["reason"]


GOOD = scored((1, True, 1, "a", 1, 0.5, 0.5), (5, True, 1, "b", 1, 1, 0.5))
LATE = GOOD.assign(entry=[np.nan, 2])


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (GOOD, {"survival": {}}, rt.RetentionError, "times must name one time or more"),
        (GOOD, {"survival": ["s2"]}, rt.RetentionError, "times must say which time each column"),
        (GOOD, {"survival": ["s2"], "times": [1, 2]}, rt.RetentionError, "1 columns for 2 times"),
        (GOOD, {"times": [3]}, rt.RetentionError, "survival names no column for the time 3"),
        (GOOD, {"survival": ["s2", "s4"], "times": [2, 2.0]}, rt.RetentionError, "names 2 twice"),
        (GOOD, {"survival": {-1: "s2"}}, rt.RetentionError, "times must be a time .*; got -1"),
        (GOOD, {"survival": {np.inf: "s2"}}, rt.RetentionError, "0 or more.*; got inf"),
        (GOOD, {"survival": {True: "s2"}}, rt.RetentionError, "got True"),
        (GOOD, {"survival": {2: "S_2"}}, rt.ColumnError, "survival names 'S_2'.*mean 's2'"),
        (GOOD, {"survival": {2: "churned"}}, rt.ColumnError, "'churned', which says what happened"),
        (GOOD, {"landmark": 2}, rt.RetentionError, "must lie after landmark=2; got 0.5"),
        (GOOD, {"censoring_by": "duration"}, rt.ColumnError, "censoring_by names 'duration'"),
        (GOOD, {"censoring_by": "s0"}, rt.ColumnError, "holds 0.25, which is not a label"),
        (
            GOOD,
            {"censoring": GOOD.head(1), "censoring_by": "plan"},
            rt.ContentError,
            "censoring: no spell has plan = b, in 1 row of scored",
        ),
        (LATE, {}, rt.RetentionError, "brier_score: 1 spell of scored came under observation"),
        (GOOD, {"censoring": LATE}, rt.RetentionError, "1 spell of censoring came under obs"),
        (
            GOOD.assign(s2=[np.nan, 1]),
            {},
            rt.ContentError,
            "survival: 1 of 2 rows has no prediction in 's2'",
        ),
        (GOOD.assign(s2=[50, 100]), {}, rt.ContentError, "2 of 2 rows .* not between 0 and 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(frame, options, error, message):
    """The message says which argument, what it was and what would do."""
    frame = frame.assign(s0=frame["s0"] * 0.25)
    with pytest.raises(error, match=message):
        brier_score(frame, **{"survival": TIMES, **options})


def test_other_scores_refuse_alike():
    """One time has no area; AUC needs times, numbers, and a landmark where entry is late."""
    with pytest.raises(rt.RetentionError, match="two times or more; got 2 alone"):
        integrated_brier_score(GOOD, survival={2: "s2"})
    with pytest.raises(rt.RetentionError, match="times must name one time or more"):
        time_dependent_auc(GOOD, risk="s2", times=[])
    with pytest.raises(rt.ColumnError, match="column 'plan' must hold numbers"):
        time_dependent_auc(GOOD, risk="plan", times=[2])
    with pytest.raises(rt.RetentionError, match="time_dependent_auc: 1 spell .* Say landmark="):
        time_dependent_auc(LATE, risk="s2", times=[2])
    many = pd.DataFrame({"duration": 1, "churned": True, "s": 0.5, "id": range(1001)})
    with pytest.raises(rt.ContentError, match="censoring_by: 'id' makes 1,001 strata"):
        brier_score(many, survival={2: "s"}, censoring_by="id")


def test_the_table_stays_as_it_was():
    """Scoring changes nothing of the caller's."""
    before = GOOD.copy(deep=True)
    brier_score(GOOD, survival=TIMES, censoring_by="plan")
    time_dependent_auc(GOOD, risk="s2", times=[2])
    pd.testing.assert_frame_equal(before, GOOD)

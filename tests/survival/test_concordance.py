"""concordance: pairs in the right order, against a loop over pairs, lifelines and R."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lifelines.datasets import load_lung
from lifelines.utils import concordance_index

import retention as rt
from retention.survival.scores.concordance_index import concordance

# Tables drawn at random are in a turned order now and then; test_hints.py has the warning.
pytestmark = pytest.mark.filterwarnings("ignore:risk. the concordance:retention.RetentionWarning")

COLUMNS = [
    "method",
    "until",
    "landmark",
    "n_spells",
    "n_churned",
    "n_comparable",
    "n_concordant",
    "n_discordant",
    "n_tied_risk",
    "weight_comparable",
    "weight_concordant",
    "weight_tied_risk",
    "concordance",
    "standard_error",
    "lower",
    "upper",
    "reason",
]
COUNTS = ["n_comparable", "n_concordant", "n_discordant", "n_tied_risk"]

spell = st.tuples(
    st.integers(0, 6),
    st.booleans(),
    st.integers(0, 4),
    st.one_of(st.none(), st.integers(-1, 5)),
    st.integers(1, 3),
)
tables = st.lists(spell, min_size=1, max_size=12)


def scored(*rows, entry=True, weights=True):
    """Rows of (duration, churned, risk, entry, n_spells) as a table; entries before ends."""
    frame = pd.DataFrame(rows, columns=["duration", "churned", "risk", "entry", "n_spells"])
    frame["entry"] = frame["entry"].astype(float).where(frame["entry"] < frame["duration"])
    dropped = ([] if entry else ["entry"]) + ([] if weights else ["n_spells"])
    return frame.drop(columns=dropped)


def repeated(frame):
    """Each row as often as it says it stands for."""
    return frame.loc[frame.index.repeat(frame["n_spells"])].drop(columns="n_spells")


def ordered_pairs(frame):
    """All pairs whose first to leave is known, spell by spell, as (first, second)."""
    spells = list(repeated(frame).itertuples())
    for i, j in permutations(range(len(spells)), 2):
        a, b = spells[i], spells[j]
        follows = a.duration < b.duration or (a.duration == b.duration and not b.churned)
        entered = math.isnan(b.entry) or b.entry <= 0 or b.entry < a.duration
        if a.churned and follows and entered:
            yield i, j, a, b


def naive_staying(spells, time):
    """G(time−): the share not censored before, one duration after the other."""
    staying = Fraction(1)
    for u in sorted({each.duration for each in spells if each.duration < time}):
        censored = sum(each.duration == u and not each.churned for each in spells)
        at_risk = censored + sum(each.duration > u for each in spells)
        staying *= 1 - Fraction(censored, at_risk or 1)
    return staying


def naive(frame, until=math.inf, weight=lambda time: 1):
    """Weights of the comparable, concordant and tied pairs, C and its jackknife error."""
    n = int(frame["n_spells"].sum())
    comparable, concordant, tied = ([Fraction(0)] * n for _ in range(3))
    for i, j, a, b in ordered_pairs(frame):
        if a.duration < until:
            for k in (i, j):
                comparable[k] += weight(a.duration)
                concordant[k] += weight(a.duration) * (a.risk > b.risk)
                tied[k] += weight(a.duration) * (a.risk == b.risk)
    totals = [sum(kind) / 2 for kind in (comparable, concordant, tied)]
    if not totals[0]:
        return totals, None, None
    c = (totals[1] + totals[2] / 2) / totals[0]
    spread = sum(
        (x + y / 2 - c * z) ** 2 for x, y, z in zip(concordant, tied, comparable, strict=True)
    )
    return totals, float(c), math.sqrt(spread) / float(totals[0])


@given(rows=tables, until=st.one_of(st.none(), st.integers(0, 7)))
def test_agrees_with_a_loop_over_pairs(engine, rows, until):
    """Counts, C and its error, with ties, weights, late entry and a last time."""
    frame = scored(*rows)
    answer = engine.read(concordance(engine.table(frame), until=until)).iloc[0]
    totals, c, error = naive(frame, math.inf if until is None else until)
    counted = [answer["n_comparable"], answer["n_concordant"], answer["n_tied_risk"]]
    assert counted == totals
    assert answer["n_comparable"] == answer[COUNTS[1:]].sum()
    if c is None:
        assert math.isnan(answer["concordance"])
        assert answer["reason"] == "no two spells can be compared"
    else:
        assert answer["concordance"] == pytest.approx(c, rel=1e-12)
        assert answer["standard_error"] == pytest.approx(error, rel=1e-9, abs=1e-12)


@given(rows=tables, until=st.integers(1, 7))
def test_uno_agrees_with_a_loop_over_weighted_pairs(engine, rows, until):
    """Each pair weighs 1/G(t−)² of the one who leaves first."""
    frame = scored(*rows, entry=False)
    table = engine.table(frame)
    answer = engine.read(concordance(table, method="uno", until=until)).iloc[0]
    late = frame.assign(entry=np.nan)
    spells = list(repeated(late).itertuples())
    weights = {time: 1 / naive_staying(spells, time) ** 2 for time in set(frame["duration"])}
    totals, c, error = naive(late, until, weights.get)
    names = ["weight_comparable", "weight_concordant", "weight_tied_risk"]
    assert [answer[name] for name in names] == pytest.approx([float(each) for each in totals])
    counted = [answer["n_comparable"], answer["n_concordant"], answer["n_tied_risk"]]
    assert counted == naive(late, until)[0]
    if c is not None and not str(answer["reason"]).startswith("the weights explode"):
        assert answer["concordance"] == pytest.approx(c, rel=1e-12)
        assert answer["standard_error"] == pytest.approx(error, rel=1e-9, abs=1e-12)


@given(rows=tables)
def test_rows_that_stand_for_several_spells_count_as_repeated(rows):
    """Weights give what the repeated rows give, to the last pair."""
    frame = scored(*rows)
    weighted, plain = concordance(frame), concordance(repeated(frame))
    exact = weighted.columns[:12]
    pd.testing.assert_frame_equal(weighted[exact], plain[exact])
    pd.testing.assert_frame_equal(weighted, plain, rtol=1e-12)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 9)), min_size=2, max_size=60
    )
)
def test_equals_lifelines(rows):
    """The concordance index of lifelines on whole numbers with heavy ties."""
    frame = pd.DataFrame(rows, columns=["duration", "churned", "risk"])
    answer = concordance(frame).iloc[0]
    assume(answer["n_comparable"])
    expected = concordance_index(frame["duration"], -frame["risk"], frame["churned"])
    assert answer["concordance"] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("many", ["durations", "risks"])
def test_equals_lifelines_where_one_axis_has_far_more_values(many):
    """Ranks and times are taken apart the same way, whichever has fewer values."""
    rng = np.random.default_rng(5)
    n = 2_000
    fine, coarse = rng.normal(size=n), rng.integers(0, 7, n)
    frame = pd.DataFrame(
        {
            "duration": np.exp(fine) if many == "durations" else coarse,
            "churned": rng.random(n) < 0.6,
            "risk": coarse if many == "durations" else fine,
        }
    )
    expected = concordance_index(frame["duration"], -frame["risk"], frame["churned"])
    assert concordance(frame)["concordance"][0] == pytest.approx(expected, rel=1e-14)


def test_r_survival_lung_age_sex_ph_ecog():
    """R's concordance(coxph(Surv(time, status) ~ sex + age + ph.ecog, lung)), as R prints it.

    n= 227, Concordance= 0.6371 se= 0.02507, concordant 12544, discordant 7117, tied.x 126. The
    coefficients are R's too.
    """
    lung = load_lung().dropna(subset=["age", "sex", "ph.ecog"])
    risk = -0.552612 * lung["sex"] + 0.011067 * lung["age"] + 0.463728 * lung["ph.ecog"]
    frame = pd.DataFrame(
        {"duration": lung["time"], "churned": lung["status"] == 1, "risk": risk.round(9)}
    )
    answer = concordance(frame).iloc[0]
    assert list(answer[["n_spells", *COUNTS]]) == [227, 12544 + 7117 + 126, 12544, 7117, 126]
    assert f"{answer['concordance']:.4f} {answer['standard_error']:.5f}" == "0.6371 0.02507"


def test_five_spells_worked_by_hand():
    """Six of eight pairs are in the right order; ends at one time are not compared."""
    frame = pd.DataFrame(
        {
            "duration": [1, 2, 2, 2, 3],
            "churned": [True, True, True, False, False],
            "risk": [5, 4, 1, 3, 2],
        }
    )
    answer = concordance(frame).iloc[0]
    assert list(answer[COUNTS]) == [8, 6, 2, 0]
    assert answer["concordance"] == 0.75


@given(rows=tables)
def test_identities(rows):
    """Turned risks give 1 − C; a rising function of the risk and another order of rows, C."""
    frame = scored(*rows)
    plain = concordance(frame)
    turned = concordance(frame.assign(risk=-frame["risk"]))
    swapped = plain[["n_discordant", "n_concordant"]].set_axis(COUNTS[1:3], axis=1)
    pd.testing.assert_frame_equal(turned[COUNTS[1:3]], swapped)
    numbers = (1 - plain["concordance"], turned["concordance"])
    pd.testing.assert_series_equal(*numbers, check_exact=False, rtol=1e-12)
    pd.testing.assert_frame_equal(concordance(frame.assign(risk=np.exp(frame["risk"]))), plain)
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(concordance(shuffled), plain, rtol=1e-12)


def test_perfect_order_is_1_and_equal_risks_are_a_half():
    """The best and the indifferent prediction; no bounds where nothing varies."""
    frame = pd.DataFrame({"duration": range(1, 9), "churned": True})
    perfect = concordance(frame.assign(risk=-frame["duration"])).iloc[0]
    assert (perfect["concordance"], perfect["standard_error"]) == (1, 0)
    assert math.isnan(perfect["lower"])
    assert concordance(frame.assign(risk=3.5))["concordance"][0] == 0.5
    assert concordance(frame.assign(risk=[np.inf, *[0.0] * 6, -np.inf]))["n_tied_risk"][0] == 15


def test_infinite_and_huge_risks_keep_their_order():
    """Ranks, not differences: whole numbers beyond the reach of floats are told apart."""
    frame = pd.DataFrame(
        {"duration": [1, 2, 3], "churned": True, "risk": [2**60 + 2, 2**60 + 1, 2**60]}
    )
    assert concordance(frame)["n_concordant"][0] == 3


@given(rows=tables)
def test_uno_without_censoring_is_harrell(rows):
    """If every end was seen, all weights are 1."""
    frame = scored(*rows, entry=False).assign(churned=True)
    uno, harrell = concordance(frame, method="uno"), concordance(frame)
    pd.testing.assert_frame_equal(uno.drop(columns="method"), harrell.drop(columns="method"))


def shop(rng, n):
    """Lifetimes in whole days that depend on a risk, watched for up to 60 days."""
    risk = rng.normal(size=n)
    lifetime = rng.exponential(30 * np.exp(-0.8 * risk))
    watched = rng.uniform(0, 60, n)
    return pd.DataFrame(
        {
            "duration": np.ceil(np.minimum(lifetime, watched)).astype(int),
            "churned": np.ceil(lifetime) <= np.ceil(watched),
            "risk": risk,
        }
    )


def fading(rng, n, *, censored):
    """A risk that tells who leaves in the first ten days, and nothing about later ones."""
    lifetime = rng.integers(1, 60, n)
    watched = rng.integers(1, 60, n) if censored else np.full(n, 99)
    risk = rng.normal(size=n) + 2 * (lifetime <= 10)
    return pd.DataFrame(
        {"duration": np.minimum(lifetime, watched), "churned": lifetime <= watched, "risk": risk}
    )


def test_uno_says_what_would_be_seen_without_censoring():
    """Within three errors of C without any censoring, where Harrell's sees few late pairs."""
    rng = np.random.default_rng(2)
    whole = concordance(fading(rng, 40_000, censored=False), until=50).iloc[0]
    seen = fading(rng, 40_000, censored=True)
    uno = concordance(seen, method="uno", until=50).iloc[0]
    harrell = concordance(seen, until=50).iloc[0]
    error = math.hypot(uno["standard_error"], whole["standard_error"])
    assert abs(uno["concordance"] - whole["concordance"]) < 3 * error
    assert abs(harrell["concordance"] - whole["concordance"]) > 6 * error


@pytest.mark.once
def test_bounds_hold_the_truth_95_times_in_100():
    """400 shops of 80 customers: the bounds hold the C of a huge one as often as they say."""
    rng = np.random.default_rng(3)
    truth = concordance(shop(rng, 200_000))["concordance"][0]
    found = [concordance(shop(rng, 80)).iloc[0] for _ in range(400)]
    held = np.mean([each["lower"] <= truth <= each["upper"] for each in found])
    assert 0.92 < held < 0.98
    errors = np.mean([each["standard_error"] for each in found])
    assert errors == pytest.approx(np.std([each["concordance"] for each in found]), rel=0.1)


def test_late_entrants_are_no_partners_of_those_gone_before():
    """Bob came under observation on day 5, when Ann had left: they say nothing about each other."""
    frame = scored((3, True, 1, None, 1), (9, True, 2, 5, 1), weights=False)
    answer = concordance(frame).iloc[0]
    assert answer["n_comparable"] == 0
    assert answer["reason"] == "no two spells can be compared"


def test_landmark_keeps_those_under_observation_then():
    """Those gone by day 3 or entered after it are not scored."""
    frame = scored(
        (3, True, 9, None, 1), (9, True, 2, 4, 1), (5, True, 3, 3, 1), (6, True, 1, 0, 1)
    )
    answer = concordance(frame, landmark=3).iloc[0]
    assert list(answer[["n_spells", *COUNTS]]) == [2, 1, 1, 0, 0]
    uno = concordance(frame, landmark=3, method="uno").iloc[0]
    assert uno["weight_comparable"] == 1


def test_answer_is_of_the_kind_that_was_given(engine):
    """The same kind of table, with the same columns whatever was asked."""
    table = engine.table(scored((1, True, 2, None, 1), (2, False, 1, None, 1)))
    for options in ({}, {"method": "uno", "until": 2}, {"landmark": 0.5}):
        answer = concordance(table, **options)
        assert engine.is_mine(answer)
        assert list(engine.read(answer).columns) == COLUMNS


def test_uno_takes_the_censoring_of_another_table():
    """One of two was censored before day 2 there: a pair led on day 2 weighs 4."""
    frame = pd.DataFrame({"duration": [2, 3], "churned": True, "risk": [2, 1]})
    training = pd.DataFrame({"duration": [1, 4], "churned": [False, True]})
    answer = concordance(frame, method="uno", censoring=training).iloc[0]
    assert (answer["n_comparable"], answer["weight_comparable"]) == (1, 4)


def test_uno_is_null_where_censoring_was_not_observed():
    """The reason says what to do; the counts stand."""
    frame = pd.DataFrame({"duration": [2, 7, 9], "churned": True, "risk": [2, 1, 1]})
    training = pd.DataFrame({"duration": [1, 4], "churned": [False, True]})
    answer = concordance(frame, method="uno", censoring=training).iloc[0]
    assert answer["n_comparable"] == 3
    assert math.isnan(answer["concordance"])
    assert answer["reason"].startswith("censoring was not observed up to the last end: say until=")
    kept = concordance(frame, method="uno", censoring=training, until=5).iloc[0]
    assert pd.isna(kept["reason"])
    assert kept["weight_concordant"] == 8


def test_uno_is_null_where_the_weights_explode():
    """Of a hundred almost all are censored before the last pair, which counts for thousands."""
    frame = pd.DataFrame(
        {"duration": [1, *[2] * 97, 3, 4], "churned": [True, *[False] * 97, True, True]}
    ).assign(risk=range(100))
    answer = concordance(frame, method="uno").iloc[0]
    assert math.isnan(answer["concordance"])
    assert answer["reason"].startswith("the weights explode: one end stands for 2450")
    assert concordance(frame, method="uno", until=3)["reason"].isna().all()


GOOD = scored((1, True, 2, None, 1), (2, False, 1, None, 1))
LATE = scored((5, True, 2, 3, 1), (7, False, 1, None, 1))


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (GOOD, {"method": "gini"}, rt.RetentionError, "method must be one of 'harrell', 'uno'"),
        (GOOD, {"risk": "rsik"}, rt.ColumnError, "risk names 'rsik'.*Did you mean 'risk'"),
        (GOOD, {"risk": "duration"}, rt.ColumnError, "'duration', which says what happened"),
        (GOOD, {"risk": 3}, rt.ColumnError, "risk must name columns of the table; got 3"),
        (GOOD, {"until": -1}, rt.RetentionError, "until must be a time .*; got -1"),
        (GOOD, {"level": 95}, rt.RetentionError, "level must lie between 0 and 1"),
        (GOOD, {"censoring": GOOD}, rt.RetentionError, "censoring is for method='uno'"),
        (GOOD, {"landmark": 2}, rt.ContentError, "no spell is at risk at landmark=2"),
        (
            LATE,
            {"method": "uno"},
            rt.RetentionError,
            "Uno's concordance: 1 spell of scored came .*late|entry.*Say landmark=",
        ),
        (
            GOOD.assign(risk=[np.nan, 1.0]),
            {},
            rt.ContentError,
            "risk: 1 of 2 rows has no prediction in 'risk'",
        ),
        (GOOD.assign(risk=["high", "low"]), {}, rt.ColumnError, "column 'risk' must hold numbers"),
        (GOOD.head(0), {}, rt.ContentError, "there is none that can be used"),
    ],
)
def test_what_cannot_be_meant_is_refused(frame, options, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        concordance(frame, **options)


def test_the_table_stays_as_it_was():
    """Scoring changes nothing of the caller's."""
    frame = scored((5, True, 2, 3, 1), (7, False, 1, None, 2))
    before = frame.copy(deep=True)
    concordance(frame)
    pd.testing.assert_frame_equal(frame, before)

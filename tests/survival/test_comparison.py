"""compare_curves: against loops in fractions, lifelines, and what R prints."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_leukemia, load_lung
from lifelines.statistics import multivariate_logrank_test

import retention as rt
from conftest import at_most
from risk_by_hand import Spell, expanded, frame_of, many, segments_of

COLUMNS = ["n_spells", "n_churned", "n_expected"]
COLUMNS = [*COLUMNS, "test", "statistic", "degrees_of_freedom", "p_value", "note"]
TESTS = ["log-rank", "wilcoxon", "tarone-ware", "peto", "fleming-harrington"]

some_are_left_out = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def naive_sums(groups, test):
    """Observed less expected ends of each group, weighted, their covariance, expected ends."""
    k, lasting, modified = len(groups), Fraction(1), Fraction(1)
    excess, expected = [0.0] * k, [Fraction(0)] * k
    covariance = [[0.0] * k for _ in range(k)]
    everyone = [each for group in groups for each in group]
    for time in sorted({each.duration for each in everyone if each.churned}):
        n = [sum(each.at_risk(time) for each in group) for group in groups]
        d = [
            sum(e.at_risk(time) and e.churned and e.duration == time for e in group)
            for group in groups
        ]
        all_n, all_d = sum(n), sum(d)
        modified *= 1 - Fraction(all_d, all_n + 1)
        weights = {"log-rank": 1, "wilcoxon": all_n, "tarone-ware": all_n**0.5, "peto": modified}
        weight = float({**weights, "fleming-harrington": lasting}[test])
        lasting *= 1 - Fraction(all_d, all_n)
        for i in range(k):
            share = Fraction(n[i], all_n)
            excess[i] += weight * float(d[i] - all_d * share)
            expected[i] += all_d * share
            if all_n < 2:
                continue
            for j in range(k):
                spread = Fraction(all_d * (all_n - all_d), all_n - 1) * share
                spread *= (i == j) - Fraction(n[j], all_n)
                covariance[i][j] += weight**2 * float(spread)
    return excess, covariance, expected


def naive_statistic(excess, covariance):
    """χ² and its degrees of freedom by the generalised inverse."""
    freedom = int(np.linalg.matrix_rank(covariance, tol=1e-9))
    inverse = np.linalg.pinv(np.array(covariance), rcond=1e-9)
    return (float(excess @ inverse @ excess), freedom) if freedom else (math.nan, 0)


@some_are_left_out
@settings(max_examples=at_most(12))
@given(spells=many, test=st.sampled_from(TESTS))
def test_the_test_agrees_with_loops_in_fractions(engine, spells, test):
    """Counts, expected ends, χ² and its degrees of freedom."""
    spells = [*spells, Spell(4, True, plan="full")]
    table = rt.compare_curves(engine.table(frame_of(spells)), by="plan", test=test)
    assert engine.is_mine(table)
    answer = engine.read(table, order=["plan"])
    assert list(answer.columns) == ["plan", *COLUMNS]
    groups = segments_of(spells)
    assert list(answer["plan"]) == list(groups)
    assert list(answer["n_spells"]) == [len(group) for group in groups.values()]
    ended = [sum(each.churned for each in group) for group in groups.values()]
    assert list(answer["n_churned"]) == ended
    excess, covariance, expected = naive_sums(list(groups.values()), test)
    assert list(answer["n_expected"]) == pytest.approx([float(each) for each in expected])
    statistic, freedom = naive_statistic(np.array(excess), covariance)
    assert set(answer["degrees_of_freedom"]) == {freedom}
    assert set(answer["test"]) == {test}
    found = answer["statistic"].iloc[0]
    assert pd.isna(found) if math.isnan(statistic) else found == pytest.approx(statistic, abs=1e-9)


@some_are_left_out
@settings(max_examples=at_most(8))
@given(spells=many, test=st.sampled_from(TESTS))
def test_strata_add_up_what_loops_find_in_each(engine, spells, test):
    """Excess, covariance and expected ends are summed over the reasons as strata."""
    spells = [*spells, Spell(4, True, plan="full")]
    table = engine.table(frame_of(spells))
    answer = engine.read(rt.compare_curves(table, by="plan", strata="reason", test=test))
    names = list(segments_of(spells))
    parts = []
    for reason in {each.reason for each in spells}:
        mine = segments_of([each for each in spells if each.reason == reason])
        parts.append(naive_sums([mine.get(name, []) for name in names], test))
    excess, covariance, expected = (
        np.sum([np.array(part[i], dtype=float) for part in parts], axis=0) for i in range(3)
    )
    assert answer["n_expected"].tolist() == pytest.approx(expected.tolist())
    statistic, freedom = naive_statistic(excess, covariance)
    assert set(answer["degrees_of_freedom"]) == {freedom}
    found = answer["statistic"].iloc[0]
    assert pd.isna(found) if not freedom else found == pytest.approx(statistic, abs=1e-9)


@some_are_left_out
@settings(max_examples=at_most(12))
@given(spells=many, test=st.sampled_from(TESTS), seed=st.integers(0, 99))
def test_what_must_not_matter_does_not(spells, test, seed):
    """Rows that stand for several, their order, other names of the segments, one more stratum."""
    spells = [*spells, Spell(4, True, plan="full")]
    table = frame_of(spells)
    compared = rt.compare_curves(table, by="plan", test=test)
    alone = frame_of([replace(each, n_spells=1) for each in expanded(spells)])
    pd.testing.assert_frame_equal(rt.compare_curves(alone, by="plan", test=test), compared)
    mixed = table.sample(frac=1, random_state=seed).assign(one="x")
    found = rt.compare_curves(mixed, by="plan", test=test, strata="one")
    pd.testing.assert_frame_equal(found, compared)
    names = {"(missing)": "4", "a b": "3", "basic": "2", "full": "1"}
    other = rt.compare_curves(
        table.assign(plan=[names[each.segment] for each in spells]), by="plan", test=test
    )
    assert other["n_expected"].tolist() == pytest.approx(compared["n_expected"].tolist()[::-1])
    assert other["statistic"][0] == pytest.approx(compared["statistic"][0], nan_ok=True)


def lung():
    """The lung cancer data of R's survival."""
    table = load_lung().rename(columns={"time": "duration"})
    return table.assign(churned=table["status"] == 1).convert_dtypes()


def test_lung_by_patients_score_within_institutions_as_r_prints_it():
    """survdiff(… ~ pat.karno + strata(inst)): expected to the printed digit, χ² 21.4, p .003."""
    known = lung().dropna(subset=["pat.karno", "inst"])
    assert len(known) == 224
    compared = rt.compare_curves(known, by="pat.karno", strata="inst").set_index("pat.karno")
    compared = compared.loc[["30", "40", "50", "60", "70", "80", "90", "100"]]
    assert compared["n_spells"].tolist() == [2, 2, 4, 30, 41, 50, 60, 35]
    assert compared["n_churned"].tolist() == [1, 1, 4, 27, 31, 38, 38, 21]
    expected = [0.692, 1.099, 1.166, 16.298, 26.358, 41.938, 47.242, 26.207]
    assert compared["n_expected"].round(3).tolist() == expected
    row = compared.iloc[0]
    assert round(row["statistic"], 1) == 21.4
    assert row["degrees_of_freedom"] == 7
    assert round(row["p_value"], 3) == 0.003


def test_lung_by_sex_as_r_prints_it():
    """survdiff(… ~ sex): 112 and 53 observed, 91.6 and 73.4 expected, χ² 10.3, p .001."""
    compared = rt.compare_curves(lung(), by="sex")
    assert compared["n_churned"].tolist() == [112, 53]
    assert compared["n_expected"].round(1).tolist() == [91.6, 73.4]
    assert compared["statistic"].round(1).tolist() == [10.3, 10.3]
    assert compared["p_value"].round(3).tolist() == [0.001, 0.001]


def leukemia():
    """Remissions under 6-MP and placebo (Freireich), 21 patients each."""
    table = load_leukemia().rename(columns={"t": "duration"})
    return table.assign(churned=table["status"] == 1)


def test_leukemia_as_in_kleinbaum_and_klein():
    """χ² of five tests: 16.79, 13.46, 15.12, 14.08, 14.46; expected 19.25 and 10.75.

    The fourth is Klein and Moeschberger's Peto–Peto, of 1 − d / (n + 1); the last R's rho = 1.
    """
    printed = {"log-rank": 16.79, "wilcoxon": 13.46, "tarone-ware": 15.12, "peto": 14.08}
    printed["fleming-harrington"] = 14.46
    for test, statistic in printed.items():
        compared = rt.compare_curves(leukemia(), by="Rx", test=test)
        assert compared["n_churned"].tolist() == [9, 21]
        assert compared["n_expected"].round(2).tolist() == [19.25, 10.75]
        assert round(compared["statistic"][0], 2) == statistic


def test_peto_and_what_r_calls_so_differ():
    """To three digits 14.084, of 1 − d / (n + 1), and 14.457, of Kaplan and Meier just before."""
    found = [
        rt.compare_curves(leukemia(), by="Rx", test=test)["statistic"][0].round(3)
        for test in ("peto", "fleming-harrington")
    ]
    assert found == [14.084, 14.457]


def test_a_group_without_risk_sets_counts_for_nothing():
    """As in R's tests/difftest.R: whoever is censored before the first end has no say."""
    known = rt.compare_curves(leukemia(), by="Rx").iloc[0]
    dummy = pd.DataFrame({"duration": [0.5] * 7, "churned": False, "Rx": 2})
    more = rt.compare_curves(pd.concat([leukemia(), dummy]), by="Rx")
    assert more["n_expected"].iloc[2] == 0
    row = more.iloc[0]
    assert row["degrees_of_freedom"] == known["degrees_of_freedom"] == 1
    assert row["statistic"] == pytest.approx(known["statistic"], rel=1e-12)


def test_three_against_three():
    """10, 20, 30 against 10, 20, 50, all seen to leave: χ² .254237, p .614107."""
    table = frame_of([Spell(each, True) for each in (10, 20, 30)])
    other = frame_of([Spell(each, True, plan="full") for each in (10, 20, 50)])
    row = rt.compare_curves(pd.concat([table, other]), by="plan").iloc[0]
    assert row[["statistic", "p_value"]].astype(float).round(6).tolist() == [0.254237, 0.614107]


@pytest.mark.parametrize("test", TESTS)
def test_lifelines_has_the_same_statistic(test):
    """multivariate_logrank_test with ties and weights, test by test of the same name.

    Fleming–Harrington's curve there leaves the weights out, so that we compare without.
    """
    rng = np.random.default_rng(1)
    n = 400
    table = pd.DataFrame({"duration": rng.integers(1, 20, n), "churned": rng.random(n) < 0.6})
    table["plan"] = rng.choice(["a", "b", "c", "d"], n)
    table["n_spells"] = 1 if test == "fleming-harrington" else rng.integers(1, 4, n)
    said = {"weightings": {"log-rank": None}.get(test, test)}
    said |= {"p": 1, "q": 0} if test == "fleming-harrington" else {}
    columns = table["duration"], table["plan"], table["churned"]
    theirs = multivariate_logrank_test(*columns, weights=table["n_spells"], **said)
    row = rt.compare_curves(table, by="plan", test=test).iloc[0]
    assert row["statistic"] == pytest.approx(theirs.test_statistic, rel=1e-9)
    assert row["p_value"] == pytest.approx(theirs.p_value, rel=1e-9)
    assert row["degrees_of_freedom"] == 3


def test_segments_of_very_different_size():
    """A billion customers and fifty: the degrees of freedom are counted, χ² is that of the fifty.

    Against a crowd that does not notice them, the small segments' statistics add up.
    """
    crowd = [Spell(time, True, n_spells=10**8) for time in range(1, 10)] + [
        Spell(10, False, n_spells=10**8)
    ]
    few = [
        Spell(time, True, plan=plan)
        for plan, times in {"x": [1, 2, 2, 3, 8], "y": [2, 4, 4, 5, 5], "z": [7, 7, 8]}.items()
        for time in times
    ]
    row = rt.compare_curves(frame_of([*crowd, *few]), by="plan").iloc[0]
    apart = [
        rt.compare_curves(frame_of([*crowd, *(s for s in few if s.plan == plan)]), by="plan")
        for plan in "xyz"
    ]
    assert row["degrees_of_freedom"] == 3
    assert row["statistic"] == pytest.approx(sum(each["statistic"][0] for each in apart), rel=1e-6)


@some_are_left_out
@pytest.mark.once
def test_the_statistic_is_chi_squared_where_nothing_differs():
    """Of 150 comparisons of three alike with late entry and ties: mean 2 and variance 4, nearly."""
    rng = np.random.default_rng(11)
    length = np.minimum(life := rng.geometric(0.1, (150, 240)), seen := rng.integers(4, 25, 240))
    found = {"log-rank": [], "peto": []}
    for lasted, churned in zip(length, life <= seen, strict=True):
        table = pd.DataFrame({"duration": lasted, "churned": churned, "plan": ["a", "b", "c"] * 80})
        table = table.assign(entry=np.tile([0, 1, 2], 80))[table["duration"] > 2]
        for test, statistics in found.items():
            compared = rt.compare_curves(table, by="plan", test=test)
            statistics.append(compared["statistic"][0])
    for statistics in found.values():
        assert np.mean(statistics) == pytest.approx(2, abs=0.5)
        assert np.var(statistics) == pytest.approx(4, abs=3)


@some_are_left_out
def test_segments_that_never_meet_cannot_be_compared():
    """One ends before the other comes under observation: null, with no degree of freedom."""
    spells = [Spell(1, True), Spell(2, True), Spell(9, True, entry=5, plan="full")]
    row = rt.compare_curves(frame_of(spells), by="plan").iloc[0]
    assert row["degrees_of_freedom"] == 0
    assert row[["statistic", "p_value"]].isna().all()


@pytest.mark.parametrize("test", TESTS)
def test_a_stratum_in_which_nobody_leaves_says_nothing(test):
    """It is counted, and changes no statistic."""
    spells = [Spell(1, True), Spell(2, True, plan="full"), Spell(3, True), Spell(3, True)]
    more = [Spell(2, False, reason="rival"), Spell(4, False, plan="full", reason="rival")]
    alone = rt.compare_curves(frame_of(spells), by="plan", test=test)
    both = rt.compare_curves(frame_of([*spells, *more]), by="plan", strata="reason", test=test)
    assert both["statistic"].tolist() == alone["statistic"].tolist()
    assert (both["n_spells"] - alone["n_spells"]).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"test": "gehan"}, rt.RetentionError, "test must be one of 'log-rank', 'wil.*got 'gehan'"),
        ({"by": ()}, rt.RetentionError, "compare_curves needs by="),
        ({"by": "one"}, rt.ContentError, "by: one makes one segment only, so nothing to compare"),
        (
            {"by": "row"},
            rt.ContentError,
            "by: row makes 1,001 segments; 1,000 at most are compared",
        ),
        ({"by": "plam"}, rt.ColumnError, "Did you mean 'plan'"),
        ({"by": "statistic"}, rt.ColumnError, "'statistic' is a name that answers use themselves"),
        ({"strata": "plan"}, rt.ColumnError, "names a column twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, error, message):
    """The message says why."""
    spells = [Spell(1, True), *[Spell(2, False, plan="full")] * 1000]
    table = frame_of(spells, one="x", row=range(1001), statistic=["a", *["b"] * 1000])
    with pytest.raises(error, match=message):
        rt.compare_curves(table, **{"by": "plan", **change})

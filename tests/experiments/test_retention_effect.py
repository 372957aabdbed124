"""Retention of arms compared: by hand, by loops, within strata, by cluster, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, t, ttest_ind

import retention as rt
from conftest import at_most
from retention.errors import ColumnError, ContentError, RetentionError, RetentionWarning
from trials_by_hand import (
    day,
    greenwood,
    known_to,
    share_staying,
    trial_tables,
    variance_by_cluster,
    watched_days,
)

quiet = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
AS_OF = 40


def effect_of(people, *, horizon=10, as_of=AS_OF, control="a", estimator="kaplan-meier", **said):
    """The effect in an experiment of some people."""
    columns = {n: said.pop(n) for n in ("plan", "stratum", "cluster", "exposed") if n in said}
    assignment, spells = trial_tables(people, as_of, **columns)
    asked = {"control": control, "horizon": horizon, "as_of": day(as_of), "estimator": estimator}
    return rt.experiments.retention_effect(assignment, spells, **asked, **said)


def drawn_people(n, *, seed, rates=(0.02, 0.02), days=30, last=AS_OF):
    """As many people of arms a and b, assigned day after day, leaving at rates of a day."""
    rng = np.random.default_rng(seed)
    arms, assigned = np.arange(n) % 2, rng.integers(0, days, n)
    stay = rng.geometric(np.array(rates)[arms])
    return [
        ("ab"[a], int(s), -50, int(s + k) if s + k <= last else None)
        for a, s, k in zip(arms, assigned, stay, strict=True)
    ]


PERSON = st.tuples(
    st.sampled_from("abc"), st.integers(0, 35), st.integers(-5, 3), st.integers(1, 60)
).map(lambda p: (p[0], p[1], p[2], p[2] + p[3]))
MATURE = [("a", 0, -1, None), ("b", 0, -1, None), ("c", 0, -1, None)]


@quiet
@given(st.lists(st.tuples(PERSON, st.sampled_from("xy")), max_size=25), st.booleans())
@settings(max_examples=at_most(8))
def test_effects_agree_with_loops(drawn, mature):
    """Counts, shares, errors and bounds of each arm and segment, at a horizon of 10 days."""
    people = [*MATURE, *(person for person, _ in drawn)]
    plans = ["x"] * 3 + [plan for _, plan in drawn]
    found = effect_of(
        people, by="plan", plan=plans, estimator="mature" if mature else "kaplan-meier"
    )
    watched = watched_days(people, AS_OF)
    cells = {
        (plan, arm): [i for i in range(len(people)) if people[i][0] == arm and plans[i] == plan]
        for plan in sorted(set(plans))
        for arm in "abc"
    }
    rows = [(plan, arm) for plan in sorted(set(plans)) for arm in "bc"]
    assert list(zip(found["plan"], found["arm"], strict=True)) == rows
    for (plan, arm), row in zip(rows, found.to_dict("records"), strict=True):
        told = [told_of_arm(cells[plan, one], people, watched, mature) for one in (arm, "a")]
        for end, one in zip(("", "_control"), told, strict=True):
            for name in ("n", "n_mature", "n_churned", "n_unknown", "n_set_aside", "retention"):
                assert row[f"{name}{end}"] == pytest.approx(one[name], nan_ok=True), name
        difference = told[0]["retention"] - told[1]["retention"]
        error = np.sqrt(told[0]["variance"] + told[1]["variance"])
        assert row["difference"] == pytest.approx(difference, nan_ok=True)
        assert row["standard_error"] == pytest.approx(error, nan_ok=True)
        if not np.isnan(difference):
            z = abs(row["z"])
            assert row["p_value"] == pytest.approx(2 * norm.sf(z))
            ends = mover(*(bounds_by_hand(one, mature, z) for one in told))
            assert ends[difference < 0] == pytest.approx(0, abs=1e-9)
            lower, upper = mover(*(bounds_by_hand(one, mature) for one in told))
            assert row["difference_lower"] == pytest.approx(lower)
            assert row["difference_upper"] == pytest.approx(upper)
        assert pd.isna(row["reason"]) != np.isnan(difference)


def told_of_arm(mine, people, watched, mature):
    """What is to be said of one arm."""
    here = [watched[i] for i in mine if watched[i]]
    ripe = [watched[i] for i in mine if watched[i] and people[i][1] + 10 <= AS_OF]
    used = ripe if mature else here
    share = share_staying(used, 10) if used else np.nan
    if not (any(days >= 10 for days, _ in used) or known_to(used, 10) == len(used)):
        share = np.nan
    variance = np.nan
    n = known_to(used, 10)
    if not np.isnan(share):
        variance = greenwood(used, 10) if 0 < share < 1 else half_each_way(share, n)
    return {
        "n": len(here),
        "n_mature": len(ripe),
        "n_churned": sum(left and days <= 10 for days, left in used),
        "n_unknown": len(here) - known_to_ten(here),
        "n_set_aside": len(mine) - len(here),
        "retention": share,
        "variance": variance,
        "known": n,
    }


def known_to_ten(watched):
    """Those who left within ten days or were followed for them."""
    return sum(days >= 10 or (left and days <= 10) for days, left in watched)


def half_each_way(share, n):
    """The variance of a share of which all or nothing was seen."""
    middle = (share * n + 0.5) / (n + 1)
    return middle * (1 - middle) / (n + 1)


def bounds_by_hand(told, mature, z=1.959963984540054):
    """S with Wilson's bounds, or those of log(−log S)."""
    s, n = told["retention"], told["known"]
    if mature or s in (0, 1):
        middle, spread = (s + z * z / (2 * n)), z * np.sqrt(s * (1 - s) / n + z * z / (4 * n * n))
        return s, (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)
    theta = np.exp(z * np.sqrt(told["variance"]) / (s * np.log(s)))
    return s, s ** (1 / theta), s**theta


def mover(one, other):
    """Zou and Donner's bounds of a difference."""
    (p, low, high), (q, q_low, q_high) = one, other
    return p - q - np.hypot(p - low, q_high - q), p - q + np.hypot(high - p, q - q_low)


@quiet
@pytest.mark.parametrize("of", ["mature", "kaplan-meier"])
def test_every_engine_agrees_with_pandas(engine, of):
    """Segments, strata and clusters at once; what is lazy is counted by its engine."""
    people = [*MATURE[:2], *drawn_people(60, seed=3)]
    further = {
        "plan": [f"p{i % 3}" for i in range(62)],
        "cluster": [person[0] + str(i % 5) for i, person in enumerate(people)],
    }
    assignment, spells = trial_tables(people, AS_OF, **further)
    asked = {"control": "a", "horizon": 9, "as_of": day(AS_OF), "estimator": of, "by": "plan"}
    expected = rt.experiments.retention_effect(assignment, spells, **asked)
    given_tables = [engine.table(table) for table in (assignment, spells)]
    found = rt.experiments.retention_effect(*given_tables, **asked)
    assert engine.is_mine(found)
    read = engine.read(found, order=["plan", "arm"])
    pd.testing.assert_frame_equal(read, expected, check_dtype=False, rtol=1e-9)


def test_mature_and_kaplan_meier_are_one_where_all_were_followed():
    """S, Δ and its error, to the last bits; z as far as the bounds of both are alike."""
    people = drawn_people(200, seed=1, days=20)
    both = [effect_of(people, estimator=of) for of in ("mature", "kaplan-meier")]
    for name in ("retention", "retention_control", "difference", "standard_error"):
        assert both[0][name][0] == pytest.approx(both[1][name][0], rel=1e-12), name
    assert both[0]["z"][0] == pytest.approx(both[1]["z"][0], rel=0.05)
    assert both[0]["n_unknown"][0] == 0
    plain = both[0].loc[0]
    n, m = plain["n_mature"], plain["n_mature_control"]
    p, q = plain["retention"], plain["retention_control"]
    assert plain["standard_error"] ** 2 == pytest.approx(p * (1 - p) / n + q * (1 - q) / m)


def test_swapping_arms_negates():
    """And the bounds change places."""
    people = drawn_people(120, seed=2, rates=(0.05, 0.02))
    one, other = effect_of(people).loc[0], effect_of(people, control="b").loc[0]
    for name, swapped in (
        ("difference", "difference"), ("z", "z"), ("difference_lower", "difference_upper"),
        ("lower_all", "upper_all"),
    ):  # fmt: skip
        assert one[name] == pytest.approx(-other[swapped])
    assert 1 + one["relative_lower"] == pytest.approx(1 / (1 + other["relative_upper"]))
    assert one["p_value"] == pytest.approx(other["p_value"])


def test_other_names_another_order_and_a_third_arm_change_no_comparison():
    """But for the corrections, which know of the third."""
    people = drawn_people(120, seed=2, rates=(0.05, 0.02))
    assignment, spells = trial_tables(people, AS_OF)
    asked = {"control": "a", "horizon": 10, "as_of": day(AS_OF), "estimator": "kaplan-meier"}
    found = rt.experiments.retention_effect(assignment, spells, **asked)
    renamed = [
        table.assign(customer_id=table["customer_id"].map(lambda name: f"z{name[::-1]}"))
        for table in (assignment.iloc[::-1], spells.iloc[::-1])
    ]
    pd.testing.assert_frame_equal(rt.experiments.retention_effect(*renamed, **asked), found)
    third = effect_of([*people, *(("c", *person[1:]) for person in people[:60])])
    assert third["arm"].tolist() == ["b", "c"]
    for name in ("difference", "difference_lower", "p_value", "retention_control"):
        assert third[name][0] == pytest.approx(found[name][0])
    assert third["p_adjusted"][0] == pytest.approx(min(1, 2 * found["p_value"][0]))


def stratified_people(seed=5, n=240):
    """People of four strata with other risks, the last of seven people only."""
    strata = np.array(["u", "v", "w"])[np.arange(n) // 2 % 3].tolist()
    rates = {"u": 0.005, "v": 0.03, "w": 0.1, "few": 0.05}
    rng = np.random.default_rng(seed)
    strata += ["few"] * 7
    people = [
        ("ab"[i % 2], int(rng.integers(0, 35)), -9, int(rng.geometric(rates[stratum])))
        for i, stratum in enumerate(strata)
    ]
    late = [(a, s, f, s + k if s + k <= AS_OF else None) for a, s, f, k in people]
    return late, strata


@pytest.mark.parametrize("mature", [False, True])
def test_strata_agree_with_loops(mature):
    """Each weighted by its customers; one of seven joins the smallest of the others."""
    people, strata = stratified_people()
    found = effect_of(people, stratum=strata, estimator="mature" if mature else "kaplan-meier").loc[
        0
    ]
    watched = watched_days(people, AS_OF)
    used = [i for i in range(len(people)) if not mature or people[i][1] + 10 <= AS_OF]
    size = {s: sum(known_to([watched[i]], 10) for i in used if strata[i] == s) for s in "uvw"}
    home = min(size, key=size.get)
    strata = [home if stratum == "few" else stratum for stratum in strata]
    figures = {"a": [0.0, 0.0], "b": [0.0, 0.0]}
    for stratum in "uvw":
        weight = sum(strata[i] == stratum for i in used) / len(used)
        for arm, figure in figures.items():
            mine = [watched[i] for i in used if strata[i] == stratum and people[i][0] == arm]
            n = known_to_ten(mine)
            figure[0] += weight * share_staying(mine, 10)
            figure[1] += weight**2 * greenwood(mine, 10) * n / (n - 1)
    assert found["retention"] == pytest.approx(figures["b"][0])
    assert found["difference"] == pytest.approx(figures["b"][0] - figures["a"][0])
    error = np.sqrt(figures["a"][1] + figures["b"][1])
    assert found["standard_error"] == pytest.approx(error)


def test_one_stratum_is_none_and_strata_of_few_are_taken_together():
    """Nothing changes where all are in one, or each customer in their own."""
    people = drawn_people(80, seed=4)
    plain = effect_of(people)
    pd.testing.assert_frame_equal(effect_of(people, stratum=["all"] * 80), plain)
    pd.testing.assert_frame_equal(effect_of(people, stratum=list(range(80))), plain)


def test_clusters_of_one_size_give_students_test_of_their_shares():
    """Ten branches of twenty, all followed: p as of SciPy's Welch test, of an arm 4 degrees."""
    people = drawn_people(200, seed=6, days=20)
    people = [("ab"[i // 100], *person[1:]) for i, person in enumerate(people)]
    cluster = [f"branch {i // 20}" for i in range(200)]
    found = effect_of(people, cluster=cluster, estimator="mature").loc[0]
    stayed = np.array(
        [1.0 if days > 10 or not left else 0.0 for days, left in watched_days(people, AS_OF)]
    )
    shares = stayed.reshape(10, 20).mean(axis=1)
    told = ttest_ind(shares[5:], shares[:5], equal_var=False)
    assert found["z"] == pytest.approx(told.statistic)
    assert found["p_value"] == pytest.approx(told.pvalue)
    half = found["difference_upper"] - found["difference"]
    assert half == pytest.approx(t.ppf(0.975, told.df) * found["standard_error"])
    q, n = t.ppf(0.975, 4), found["retention"] * (1 - found["retention"])
    n /= shares[5:].var(ddof=1) / 5
    lower = (found["retention"] + q * q / (2 * n)) / (1 + q * q / n) - q * np.sqrt(
        n * found["retention"] * (1 - found["retention"]) + q * q / 4
    ) / (n + q * q)
    assert found["lower"] == pytest.approx(lower)


@pytest.mark.parametrize("nested", [False, True])
def test_clusters_agree_with_what_their_weights_move(nested):
    """Kaplan–Meier of unequal branches, in two regions or in none: numerical derivatives."""
    people = drawn_people(160, seed=7, rates=(0.03, 0.03))
    rng = np.random.default_rng(1)
    branch = rng.choice(6, 160, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    cluster = [f"{person[0]}{b}" for person, b in zip(people, branch, strict=True)]
    region = [f"r{b % 2}" if nested else "all" for b in branch]
    further = {"stratum": region} if nested else {}
    found = effect_of(people, cluster=cluster, **further).loc[0]
    watched, total = watched_days(people, AS_OF), 0.0
    size = {name: region.count(name) / 160 for name in set(region)}
    for arm in "ab":
        mine = [i for i in range(160) if people[i][0] == arm]
        picked = [[values[i] for i in mine] for values in (watched, cluster, region)]
        total += variance_by_cluster(*picked, size, 10)
    assert found["standard_error"] == pytest.approx(np.sqrt(total), rel=1e-6)


def test_single_clusters_give_no_bounds_and_say_so():
    """One branch an arm: the difference stands, chance is not known."""
    people = drawn_people(80, seed=8)
    found = effect_of(people, cluster=[person[0] for person in people]).loc[0]
    assert not np.isnan(found["difference"])
    assert np.isnan([found["difference_lower"], found["p_value"]]).all()
    assert found["reason"] == "The clusters are too few, or all alike."


def test_nobody_left_or_everybody_did():
    """Wilson's bounds on either side, and an error of half a customer each way."""
    stays = [("ab"[i % 2], 0, -5, None if i % 2 else 3) for i in range(40)]
    found = effect_of(stays).loc[0]
    assert (found["retention"], found["retention_control"], found["difference"]) == (1, 0, 1)
    assert found["lower"] == pytest.approx(20 / (20 + norm.ppf(0.975) ** 2))
    assert found["standard_error"] == pytest.approx(np.sqrt(2 * half_each_way(1, 20)))
    assert np.isnan(found["relative"])
    alike = effect_of([("ab"[i % 2], 0, -5, None) for i in range(40)]).loc[0]
    assert (alike["difference"], alike["p_value"]) == (0, 1)
    assert alike["difference_lower"] == pytest.approx(-alike["difference_upper"])


def test_the_immature_mislead_only_who_counts_them():
    """No effect, arm b assigned later: counted as staying it leads by 13 points, so by none."""
    rng = np.random.default_rng(3)
    n = 3000
    people = []
    for arm, first, last in (("a", 0, 90), ("b", 45, 118)):
        start, stay = rng.integers(first, last, n), np.ceil(rng.exponential(1 / 0.012, n))
        people += [
            (arm, int(s), -9, int(s + k) if s + k <= 120 else None)
            for s, k in zip(start, stay, strict=True)
        ]
    found = effect_of(people, horizon=60, as_of=120).loc[0]
    naive = [1 - found[f"n_churned{end}"] / found[f"n{end}"] for end in ("", "_control")]
    assert naive[0] - naive[1] > 0.1
    assert abs(found["difference"]) < 0.03
    assert found["n_unknown"] > found["n_unknown_control"]


def test_who_was_no_customer_is_set_aside_and_warned_of():
    """Gone before, not yet here, or not in the spells at all."""
    people = [*drawn_people(60, seed=9), ("a", 20, -9, 5), ("b", 20, 25, None)]
    with pytest.warns(RetentionWarning, match=r"2 customers of 62 \(3.2%\) had no running spell"):
        found = effect_of(people).loc[0]
    assert (found["n_set_aside"], found["n_set_aside_control"]) == (1, 1)
    assignment, spells = trial_tables(drawn_people(60, seed=9), AS_OF)
    asked = {"control": "a", "horizon": 10, "as_of": day(AS_OF), "estimator": "kaplan-meier"}
    with pytest.warns(RetentionWarning, match="3 customers of 60"):
        rt.experiments.retention_effect(assignment, spells.iloc[3:], **asked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effect_of(drawn_people(60, seed=9))


def test_ends_within_the_grace_period_are_not_known_yet():
    """Spells with a grace of 7 days are seen to day 33: so far goes the follow-up."""
    people = drawn_people(60, seed=9)
    assignment, _ = trial_tables(people, AS_OF)
    contracts = pd.DataFrame({
        "customer_id": assignment["customer_id"],
        "start": day(-50),
        "end": [None if end is None else day(end) for *_, end in people],
    })  # fmt: skip
    spells = rt.contract_spells(contracts, as_of=day(AS_OF), grace=7)
    asked = {"control": "a", "horizon": 10, "as_of": day(AS_OF), "estimator": "mature"}
    found = rt.experiments.retention_effect(assignment, spells, **asked).loc[0]
    assert found["n_mature"] == sum(p[0] == "b" and p[1] + 10 <= 33 for p in people)


def test_from_exposure_on():
    """The day of the offer takes the place of the assignment's; who never saw it is left out."""
    people = drawn_people(60, seed=9)
    late = [(a, s + 2, f, None if e is None or e <= s + 2 else e) for a, s, f, e in people]
    seen = pd.Series([day(p[1]) if i % 3 else pd.NaT for i, p in enumerate(late)])
    assignment, spells = trial_tables(late, AS_OF)
    assignment = assignment.assign(exposed=seen, assigned=[day(p[1]) for p in people])
    asked = {"control": "a", "horizon": 10, "as_of": day(AS_OF), "estimator": "kaplan-meier"}
    found = rt.experiments.retention_effect(assignment, spells, **asked, clock="exposed")
    alone = effect_of([p for i, p in enumerate(late) if i % 3])
    pd.testing.assert_frame_equal(found.drop(columns="clock"), alone.drop(columns="clock"))


def test_a_segment_without_an_arm_says_so():
    """Its row stands, with the reason."""
    people = drawn_people(60, seed=9)
    plans = ["x"] * 58 + ["y", "z"]
    found = effect_of(people, plan=plans, by="plan")
    told = dict(zip(found["plan"], found["reason"], strict=True))
    assert told["y"] == "There is nobody in the arm."
    assert told["z"] == "There is nobody in the control."
    assert found["difference"].isna().tolist() == [False, True, True]
    young = [*people, ("a", 35, -5, None), ("b", 36, -5, None)]
    found = effect_of(young, plan=["x"] * 60 + ["y"] * 2, by="plan")
    assert found["reason"][1] == "Nobody of the arm was assigned a horizon ago."


def test_effects_are_what_programme_value_takes():
    """As they come, several arms and segments: n_saved = N Δ, with its bounds."""
    people = drawn_people(120, seed=2, rates=(0.05, 0.02))
    people += [("c", *person[1:]) for person in people[:60]]
    found = effect_of(people, plan=["xy"[i // 2 % 2] for i in range(180)], by="plan")
    worth = rt.economics.programme_value(
        found, n_offered="n", value_saved=100, spend=50, by=["plan", "arm"]
    )
    assert worth["n_saved"].to_numpy() == pytest.approx(found["n"] * found["difference"])
    assert worth["n_saved_lower"].to_numpy() == pytest.approx(
        found["n"] * found["difference_lower"]
    )
    assert set(worth["basis"]) == {"a value for each customer kept"}


def test_looks_at_any_time_have_wider_bounds():
    """And none below 200 known customers, which the reason tells."""
    people = drawn_people(400, seed=2, rates=(0.05, 0.02))
    looks = {"peeking": "always-valid", "tuned_for": 400}
    plain, wide = effect_of(people).loc[0], effect_of(people, **looks).loc[0]
    assert wide["difference_lower"] < plain["difference_lower"]
    assert wide["difference"] == plain["difference"]
    few = effect_of(people[:150], **looks).loc[0]
    assert np.isnan(few["difference_lower"])
    assert few["reason"].startswith("Fewer than 200 are known")


@pytest.mark.parametrize(
    ("said", "words", "advice"),
    [
        (
            {"estimator": None},
            "estimator says: 'kaplan-meier' counts them",
            {"estimator": "mature"},
        ),
        ({"estimator": "naive"}, "one of 'kaplan-meier', 'mature'", {"estimator": "mature"}),
        (
            {"control": "none"},
            "The arms of the assignment are 'a' (30 customers)",
            {"control": "a"},
        ),
        ({"horizon": 0}, "horizon", {"horizon": 1}),
        (
            {"horizon": 90},
            "Nobody was assigned 90 days before 2024-02-10; the longest anyone was watched is 39 "
            "days. Take horizon=39 or wait.",
            {"horizon": 39},
        ),
        (
            {"as_of": day(30)},
            "they know of days up to 2024-02-10, after as_of 2024-01-31. Make them with "
            "as_of='2024-01-31', or say as_of='2024-02-10'",
            {"as_of": "2024-02-10"},
        ),
        ({"by": "plan"}, "by names 'plan'", {"by": ()}),
        ({"tuned_for": 400}, "peeking='always-valid'", {"peeking": "always-valid"}),
    ],
)
def test_what_is_refused_says_what_to_do_and_that_works(said, words, advice):
    """Each message by its advice."""
    people = [
        (a, s + 1, f, None if e is None or e <= s + 1 else e)
        for a, s, f, e in drawn_people(60, seed=9)
    ]
    assignment, spells = trial_tables(people, AS_OF)
    asked = {"control": "a", "horizon": 10, "as_of": day(AS_OF), "estimator": "kaplan-meier"}
    with pytest.raises(RetentionError) as raised:
        rt.experiments.retention_effect(assignment, spells, **{**asked, **said})
    assert words in str(raised.value)
    asked = {**asked, **said, **advice}
    assert len(rt.experiments.retention_effect(assignment, spells, **asked)) == 1


def test_tables_that_cannot_be_compared_are_refused():
    """Two rows of a customer, ids of another type, an empty table, foresight, named columns."""
    assignment, spells = trial_tables(drawn_people(60, seed=9), AS_OF)
    asked = {"control": "a", "horizon": 10, "as_of": day(AS_OF), "estimator": "kaplan-meier"}
    effect = rt.experiments.retention_effect
    with pytest.raises(ContentError, match="1 customer has several rows, such as 'c00000'"):
        effect(pd.concat([assignment, assignment.iloc[:1]]), spells, **asked)
    with pytest.raises(ColumnError, match="Give both the same type"):
        effect(assignment.assign(customer_id=range(60)), spells, **asked)
    with pytest.raises(ContentError, match="assignment: the table is empty"):
        effect(assignment.iloc[:0], spells, **asked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ContentError, match="no customer had a running spell"):
            effect(assignment, spells.iloc[:0], **asked)
    with pytest.raises(RetentionError, match="same_spell"):
        effect(assignment, spells.assign(reactivation="same_spell"), **asked)
    with pytest.raises(ColumnError, match="'difference' is a name that answers use"):
        effect(assignment.assign(difference="x"), spells, by="difference", **asked)
    named = assignment.assign(tenure="x", since="y", set_aside="z")
    assert len(effect(named, spells, by=["tenure", "since", "set_aside"], **asked)) == 1
    with pytest.raises(ColumnError, match="time zone"):
        effect(
            assignment.assign(assigned=assignment["assigned"].dt.tz_localize("UTC")),
            spells,
            **asked,
        )

"""Mean stays of arms compared: by loops, as survival has them, by cluster, and without bounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_lung
from scipy.stats import ttest_ind

import retention as rt
from conftest import at_most
from retention.errors import RetentionError, RetentionWarning
from trials_by_hand import FIRST, day, days_staying, trial_tables, variance_of_days, watched_days

AS_OF = 40


def effect_of(people, *, horizon=10, control="a", by=(), **further):
    """The effect on lifetimes in an experiment of some people."""
    assignment, spells = trial_tables(people, AS_OF, **further)
    asked = {"control": control, "horizon": horizon, "as_of": day(AS_OF), "by": by}
    return rt.experiments.lifetime_effect(assignment, spells, **asked)


PERSON = st.tuples(
    st.sampled_from("ab"), st.integers(0, 35), st.integers(-5, 0), st.integers(1, 60)
).map(lambda p: (p[0], p[1], p[2], p[2] + p[3]))


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
@given(st.lists(PERSON, max_size=20))
@settings(max_examples=at_most(6))
def test_mean_stays_agree_with_loops(drawn):
    """The area day by day, and its variance with each area summed anew."""
    people = [("a", 0, -1, None), ("b", 0, -1, None), *drawn]
    found, watched = effect_of(people).loc[0], watched_days(people, AS_OF)
    arms = [
        [here for person, here in zip(people, watched, strict=True) if person[0] == arm and here]
        for arm in "ba"
    ]
    means = [days_staying(arm, 10) for arm in arms]
    assert [found["restricted_mean"], found["restricted_mean_control"]] == pytest.approx(means)
    assert found["difference"] == pytest.approx(means[0] - means[1])
    variances = [variance_of_days(arm, 10) for arm in arms]
    if all(variances):
        assert found["standard_error"] == pytest.approx(np.sqrt(sum(variances)))
        half = 1.959963984540054 * np.sqrt(sum(variances))
        assert found["difference_upper"] - found["difference"] == pytest.approx(half)
    else:
        assert np.isnan(found["standard_error"])
        assert found["reason"].startswith("All customers of an arm are alike")


def test_lung_cancer_is_as_restricted_mean_difference_has_it():
    """By sex, 730 days: means, errors, bounds and p, with censored ones among them."""
    lung = load_lung()
    n, days, died = len(lung), lung["time"].astype(int), lung["status"].astype(bool)
    who, sex = [f"c{i}" for i in range(n)], lung["sex"].map({1: "men", 2: "women"})
    assignment = pd.DataFrame({"customer_id": who, "arm": sex, "assigned": FIRST})
    assignment["share"] = sex.map(sex.value_counts(normalize=True))
    spells = pd.DataFrame({
        "customer_id": who, "spell": 1, "start": FIRST, "entry": np.nan, "duration": days,
        "churned": died, "set_aside": pd.array([None] * n, dtype="string"),
        "reactivation": "new_spell",
        "end": [day(t) if left else pd.NaT for t, left in zip(days, died, strict=True)],
    })  # fmt: skip
    found = rt.experiments.lifetime_effect(
        assignment, spells, control="men", horizon=730, as_of=day(1022)
    ).loc[0]
    curve = rt.survival_curve(spells.assign(sex=sex), by="sex")
    told = rt.survival.restricted_mean_difference(curve, horizon=730, by="sex").loc[0]
    for mine, theirs in (
        ("difference", "difference"), ("standard_error", "standard_error"), ("z", "z"),
        ("difference_lower", "lower"), ("difference_upper", "upper"), ("p_value", "p_value"),
    ):  # fmt: skip
        assert found[mine] == pytest.approx(told[theirs], rel=1e-9), mine
    alone = rt.survival.restricted_mean(curve, horizon=730, by="sex")
    assert alone["restricted_mean"].tolist() == pytest.approx(
        [found["restricted_mean_control"], found["restricted_mean"]]
    )
    assert alone["lower"][0] == pytest.approx(found["lower_control"])


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_every_engine_agrees_with_pandas(engine):
    """Within strata, by segment."""
    people = [("ab"[i % 2], i * 7 % 25, -9, i * 13 % 80) for i in range(80)]
    further = {
        "plan": [f"p{i // 2 % 2}" for i in range(80)],
        "stratum": [i // 4 % 2 for i in range(80)],
    }
    assignment, spells = trial_tables(people, AS_OF, **further)
    asked = {"control": "a", "horizon": 9, "as_of": day(AS_OF), "by": "plan"}
    expected = rt.experiments.lifetime_effect(assignment, spells, **asked)
    found = rt.experiments.lifetime_effect(engine.table(assignment), engine.table(spells), **asked)
    assert engine.is_mine(found)
    read = engine.read(found, order=["plan", "arm"])
    pd.testing.assert_frame_equal(read, expected, check_dtype=False, rtol=1e-9)


def test_clusters_of_one_size_give_students_test_of_their_means():
    """Ten branches of ten, all followed."""
    rng = np.random.default_rng(1)
    stays = rng.geometric(0.06, 100)
    people = [("ab"[i // 50], 0, -9, int(k) if k <= AS_OF else None) for i, k in enumerate(stays)]
    found = effect_of(people, horizon=30, cluster=[i // 10 for i in range(100)]).loc[0]
    means = np.minimum(stays, 30).reshape(10, 10).mean(axis=1)
    told = ttest_ind(means[5:], means[:5], equal_var=False)
    assert found["difference"] == pytest.approx(means[5:].mean() - means[:5].mean())
    assert found["p_value"] == pytest.approx(told.pvalue)


def test_swapping_arms_negates_and_horizons_add_up():
    """All followed: the stay within 20 days is the mean of the days themselves."""
    rng = np.random.default_rng(2)
    people = [("ab"[i % 2], 0, -9, int(rng.integers(1, 40))) for i in range(60)]
    one, other = effect_of(people, horizon=20).loc[0], effect_of(people, horizon=20, control="b")
    assert one["difference"] == pytest.approx(-other["difference"][0])
    stays = [min(end, 20) for arm, *_, end in people if arm == "b"]
    assert one["restricted_mean"] == pytest.approx(np.mean(stays))
    assert one["standard_error"] ** 2 == pytest.approx(
        sum(np.var([min(e, 20) for a, *_, e in people if a == arm]) / 30 for arm in "ab")
    )


def test_refusals_and_warnings_are_those_of_retention():
    """A horizon beyond follow-up, customers who were none."""
    people = [("ab"[i % 2], 1, -9, 20 + i) for i in range(40)]
    with pytest.raises(RetentionError, match=r"Take horizon=39 or wait\."):
        effect_of(people, horizon=60)
    assert len(effect_of(people, horizon=39)) == 1
    with pytest.warns(RetentionWarning, match="1 customer of 41"):
        effect_of([*people, ("a", 5, -9, 2)])

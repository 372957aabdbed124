"""uplift_curve: the effect in growing lists, its bounds, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import offered_worlds
import retention as rt
from retention.experiments import uplift_curve
from retention.intervals import difference_with_bounds

ASKED = {"uplift": "score", "treated": "offered"}
VECTOR = pd.DataFrame(
    {
        "score": [4, 4, 3, 3, 2, 2, 1, 1],
        "offered": [1, 0, 1, 0, 1, 0, 1, 0],
        "stayed": [1, 0, 1, 1, 0, 0, 0, 1],
    }
)

rows = st.tuples(st.integers(1, 4), st.booleans(), st.integers(0, 9), st.booleans())
both = st.lists(rows, min_size=2, max_size=14).filter(lambda many: len({r[1] for r in many}) == 2)


def scored(many):
    """Customers: a score, the arm, an outcome or duration, and whether the end was seen."""
    return pd.DataFrame(many, columns=["score", "offered", "duration", "churned"])


def curve(table, **said):
    """The curve of customers by their score."""
    return uplift_curve(table, **ASKED, **said)


def kept(spells, time):
    """S(time) by hand: None where nobody was watched for so long."""
    staying = 1.0
    for day in sorted({d for d, gone in spells if gone and d <= time}):
        at_risk = sum(d >= day for d, _ in spells)
        staying *= 1 - sum(d == day and gone for d, gone in spells) / at_risk
    watched = any(d >= time for d, _ in spells)
    return staying if watched or (spells and staying == 0) else None


def welch_half(one, other):
    """Half the width of Welch's interval."""
    parts = [each.var(ddof=1) / each.size for each in (one, other)]
    ones = [each.size - 1 for each in (one, other)]
    freedom = sum(parts) ** 2 / sum(p * p / k for p, k in zip(parts, ones, strict=True))
    return stats.t.ppf(0.975, freedom) * np.sqrt(sum(parts))


def test_the_vector_of_eight():
    """Effects 1, 1/2, 1/3, 0; incremental customers 2, 2, 2, 0; Y_t − Y_c n_t / n_c 1, 1, 1, 0."""
    found = curve(VECTOR, outcome="stayed")
    assert found["effect"].tolist() == pytest.approx([1, 1 / 2, 1 / 3, 0])
    assert (found["effect"] * found["n"]).tolist() == pytest.approx([2, 2, 2, 0])
    assert (found["qini"] * 4).tolist() == pytest.approx([1, 1, 1, 0])
    assert found["threshold"].tolist() == [4, 3, 2, 1]
    assert found["method"].unique().tolist() == ["newcombe"]


def test_points_are_those_of_scikit_uplift_0_5_1():
    """Of 40 customers: uplift_curve and qini_curve of scikit-uplift 0.5.1, where both arms are."""
    k = np.arange(40)
    table = pd.DataFrame(
        {"score": k * 7 % 11, "offered": k * 5 % 3 == 0, "stayed": (k * k + k // 3) % 5 < 2}
    )
    found = curve(table, outcome="stayed")
    assert found["n"].tolist() == SKLIFT["n"]
    gain, qini = (found["effect"] * found["n"], found["qini"] * found["n_treated"].iloc[-1])
    assert gain.tolist() == pytest.approx(SKLIFT["uplift"], abs=1e-9)
    assert qini.tolist() == pytest.approx(SKLIFT["qini"], abs=1e-9)


SKLIFT: dict[str, list[float]] = {
    "n": [4, 8, 11, 15, 19, 22, 25, 29, 33, 36, 40],
    "uplift": [
        0.0,
        0.0,
        -3.3,
        -5.8333333333,
        -4.0714285714,
        -4.3214285714,
        -4.1666666667,
        -5.0368421053,
        -9.0,
        -7.5,
        -4.3956043956,
    ],
    "qini": [
        0.0,
        0.0,
        -1.5,
        -2.3333333333,
        -1.5,
        -1.5714285714,
        -1.5,
        -1.7368421053,
        -3.0,
        -2.5,
        -1.5384615385,
    ],
}


def test_where_an_arm_is_empty_the_effect_is_null_and_says_why():
    """Others count the missing arm as nobody who stays: an effect out of thin air."""
    table = VECTOR.assign(offered=[1, 1, 1, 0, 1, 0, 1, 0])
    found = curve(table, outcome="stayed")
    assert found["effect"].isna().tolist() == [True, False, False, False]
    assert found["reason"].iloc[0] == "everybody in it was treated"
    turned = curve(table.assign(offered=1 - table["offered"]), outcome="stayed")
    assert turned["reason"].iloc[0] == "nobody in the list was treated"
    assert turned[["qini", "list_gain", "lower"]].iloc[0].isna().all()


@given(many=both)
def test_agrees_with_the_definition_of_a_share(engine, many):
    """Each list's effect is the difference of two shares, with Newcombe's bounds."""
    table = scored(many).assign(stayed=lambda t: (t["duration"] % 2).astype(int))
    answer = curve(engine.table(table), outcome="stayed")
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["share"])
    steps = sorted({r[0] for r in many}, reverse=True)
    assert found["threshold"].tolist() == steps
    for least, (_, row) in zip(steps, found.iterrows(), strict=True):
        arms = [[r[2] % 2 for r in many if r[0] >= least and r[1] == arm] for arm in (True, False)]
        assert (row["n_treated"], row["n_control"]) == tuple(map(len, arms))
        if not all(arms):
            assert np.isnan(row["effect"]) > (row["reason"] is None)
            continue
        counts = [(sum(arm), len(arm)) for arm in arms]
        wanted = difference_with_bounds(*counts)
        assert row[["effect", "lower", "upper"]].tolist() == pytest.approx([*map(float, wanted)])
        assert row["list_gain"] == pytest.approx(row["share"] * row["effect"])
        assert row["qini"] == pytest.approx(
            (counts[0][0] - counts[1][0] * counts[0][1] / counts[1][1]) / sum(r[1] for r in many)
        )


@given(many=both)
def test_agrees_with_the_definition_of_a_mean(many):
    """Of other numbers it is a difference of means with Welch's bounds, as SciPy has them."""
    table = scored(many).assign(brought=lambda t: t["duration"] * 10.0 + 1e6)
    found = curve(table, outcome="brought")
    for least, (_, row) in zip(
        sorted({r[0] for r in many}, reverse=True), found.iterrows(), strict=True
    ):
        one, other = (
            np.array([10.0 * r[2] for r in many if r[0] >= least and r[1] == arm])
            for arm in (True, False)
        )
        if not (one.size and other.size):
            assert np.isnan(row["effect"])
            continue
        assert row["effect"] == pytest.approx(one.mean() - other.mean(), abs=1e-6)
        if min(one.size, other.size) > 1 and one.var() + other.var() > 0:
            half = welch_half(one, other)
            wanted = [row["effect"] - half, row["effect"] + half]
            assert row[["lower", "upper"]].tolist() == pytest.approx(wanted, rel=1e-6, abs=1e-6)
        else:
            assert np.isnan(row["lower"]) > ("no bounds" not in row["reason"])


@given(many=both)
def test_agrees_with_the_definition_of_staying(many):
    """With time it is a difference of Kaplan–Meier curves within the list."""
    table, time = scored(many), 4
    arms = [[(r[2], r[3]) for r in many if r[1] == arm] for arm in (True, False)]
    if None in [kept(arm, time) for arm in arms]:
        with pytest.raises(rt.ContentError, match="the longest that anyone of the"):
            curve(table, time=time)
        return
    found = curve(table, time=time)
    for least, (_, row) in zip(
        sorted({r[0] for r in many}, reverse=True), found.iterrows(), strict=True
    ):
        one, other = (
            kept([(r[2], r[3]) for r in many if r[0] >= least and r[1] == arm], time)
            for arm in (True, False)
        )
        if one is None or other is None:
            assert np.isnan(row["effect"]) > (row["reason"] is None)
        else:
            assert row["effect"] == pytest.approx(one - other)
            assert row["lower"] - 1e-12 <= row["effect"] <= row["upper"] + 1e-12


def test_welch_as_scipy_has_it():
    """SciPy's interval of two means whose variances differ."""
    table = VECTOR.assign(stayed=[3.0, 1, 4, 1, 5, 9, 2, 6], score=1)
    one, other = (table.loc[table["offered"] == arm, "stayed"] for arm in (1, 0))
    wanted = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.9)
    row = curve(table, outcome="stayed", level=0.9).iloc[0]
    assert row[["lower", "upper"]].tolist() == pytest.approx([wanted.low, wanted.high])
    assert row["method"] == "welch"


def test_of_everyone_it_is_the_difference_of_two_curves():
    """survival_curve of each arm, and MOVER of their log-log bounds."""
    made = offered_worlds.holdout(600, np.random.default_rng(1), correlation=0.3)
    last = curve(made, time=12).iloc[-1]
    survival = rt.survival_curve(made.assign(arm=made["offered"].astype(str)), by="arm")
    at = survival[survival["duration"] <= 12].groupby("arm").last()
    one, other = at.loc["True"], at.loc["False"]
    apart = one["survival"] - other["survival"]
    assert last["effect"] == pytest.approx(apart)
    down = np.hypot(one["survival"] - one["lower"], other["upper"] - other["survival"])
    assert last["lower"] == pytest.approx(apart - down)


def test_everyone_watched_gives_the_shares_that_stayed():
    """Where nobody is censored before the time, Kaplan–Meier is the share."""
    made = offered_worlds.holdout(300, np.random.default_rng(2), correlation=0.0)
    made = made[made["stayed"].eq(1) | made["churned"]]
    made = made.assign(duration=np.where(made["stayed"] == 1, 20.0, made["duration"] / 3))
    made["churned"] = made["stayed"] == 0
    by_time, by_column = curve(made, time=12, groups=5), curve(made, outcome="stayed", groups=5)
    assert by_time["effect"].tolist() == pytest.approx(by_column["effect"].tolist())
    assert by_time["method"].iloc[0] == "kaplan-meier"


def test_nobody_left_has_bounds_all_the_same():
    """Of ten who all stay it is not certain that all do."""
    table = pd.DataFrame({"score": 1, "offered": [1, 0] * 10, "duration": 9, "churned": False})
    row = curve(table, time=9).iloc[0]
    assert row["effect"] == 0
    assert row["lower"] == pytest.approx(-row["upper"])
    assert row["upper"] > 0.25


def test_the_order_of_rows_and_the_scale_of_scores_change_nothing():
    """Equal scores come in together, whichever stands first."""
    table = pd.concat([VECTOR] * 5, ignore_index=True)
    table["stayed"] = (np.arange(40) * 7 % 5 < 2).astype(int)
    plain = curve(table, outcome="stayed")
    shuffled = table.sample(frac=1, random_state=1).assign(score=lambda t: np.exp(t["score"]))
    again = curve(shuffled, outcome="stayed")
    pd.testing.assert_frame_equal(plain.drop(columns="threshold"), again.drop(columns="threshold"))


def test_turning_the_arms_round_turns_the_effect_round():
    """Treated less control, and control less treated."""
    table = pd.concat([VECTOR] * 3)
    one = curve(table, outcome="stayed")
    other = curve(table.assign(offered=1 - table["offered"]), outcome="stayed")
    assert one["effect"].tolist() == pytest.approx((-other["effect"]).tolist())
    assert one["lower"].tolist() == pytest.approx((-other["upper"]).tolist())


def test_groups_are_lists_in_equal_steps():
    """Ten of a thousand different scores; the whole is the same."""
    made = offered_worlds.holdout(1000, np.random.default_rng(3), correlation=0.3)
    few, all_of_them = curve(made, outcome="stayed", groups=10), curve(made, outcome="stayed")
    assert few["share"].tolist() == pytest.approx([k / 10 for k in range(1, 11)])
    assert few["effect"].iloc[-1] == all_of_them["effect"].iloc[-1]
    third = all_of_them[all_of_them["n"] == few["n"].iloc[2]].iloc[0]
    assert third["effect"] == pytest.approx(few["effect"].iloc[2])


def test_spells_that_stand_for_several_count_as_several():
    """n_spells is a frequency."""
    table = scored(
        [(1, True, 3, True), (1, False, 5, False), (2, True, 6, False), (2, False, 1, True)]
    )
    n = [3, 1, 2, 4]
    wide = table.loc[np.repeat(table.index, n)]
    one = curve(table.assign(n_spells=n), time=5)
    pd.testing.assert_frame_equal(one, curve(wide, time=5))


@pytest.mark.parametrize(
    ("change", "said", "message"),
    [
        ({}, {}, "Say either `outcome=`".replace("`", "")),
        ({}, {"outcome": "stayed", "time": 3}, "Say either outcome="),
        ({}, {"outcome": "gone"}, "outcome names 'gone', which is not a column"),
        ({}, {"outcome": "stayed", "groups": 0}, "groups must be a whole number, 1 or more"),
        ({}, {"outcome": "stayed", "level": 95}, "level must lie between 0 and 1"),
        ({"offered": "a"}, {"outcome": "stayed"}, "treated: column 'offered' must hold numbers or"),
        ({"offered": 2}, {"outcome": "stayed"}, "must hold 1 or true for the treated"),
        ({"offered": 1}, {"outcome": "stayed"}, "everyone of 8 was treated"),
        ({"offered": 0}, {"outcome": "stayed"}, "nobody of 8 was treated"),
        ({"score": np.nan}, {"outcome": "stayed"}, "uplift: 8 rows have no number in 'score'"),
        ({"stayed": np.inf}, {"outcome": "stayed"}, "outcome: 8 rows have no number"),
        ({"customer_id": "Ann"}, {"outcome": "stayed"}, "1 customer has several rows, such as"),
        ({"customer_id": None}, {"outcome": "stayed"}, "8 rows have no customer_id"),
        ({"stayed": 1e300}, {"outcome": "stayed"}, "column 'stayed' holds 1e\\+300"),
        ({}, {"time": 3}, "lacks .duration"),
        ({"duration": 2, "churned": False}, {"time": 3}, "time=3: the longest .* is 2. Say time=2"),
        ({"duration": 2, "churned": False}, {"time": -1}, "time must be a time since the start"),
        ({"duration": 9, "churned": False, "entry": 1}, {"time": 3}, "8 spells came under observ"),
    ],
)  # fmt: skip
def test_refuses(change, said, message):
    """A mistake of the user's, in the user's words."""
    with pytest.raises(rt.RetentionError, match=message):
        curve(VECTOR.assign(**change), **said)


def test_the_advice_of_refusals_helps():
    """The longest time that is said, and flags made of an arm's name."""
    table = VECTOR.assign(duration=2, churned=[True, False] * 4, arm=["offer", "control"] * 4)
    assert curve(table, time=2)["effect"].iloc[-1] == -1
    made = table.assign(treated=table["arm"] == "offer")
    found = uplift_curve(made, uplift="score", treated="treated", outcome="stayed")
    assert found["effect"].iloc[-1] == 0


def test_an_empty_table_is_refused(engine):
    """On every engine in one sentence."""
    with pytest.raises(rt.ContentError, match="the table is empty"):
        curve(engine.table(VECTOR.head(0)), outcome="stayed")

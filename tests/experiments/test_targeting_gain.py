"""targeting_gain: three measures of one curve, their errors, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import offered_worlds
import retention as rt
from offered_worlds import MEASURES
from retention.experiments import targeting_gain, uplift_curve

ASKED = {"uplift": "score", "treated": "offered"}
VECTOR = pd.DataFrame(
    {
        "score": [4, 4, 3, 3, 2, 2, 1, 1],
        "offered": [1, 0, 1, 0, 1, 0, 1, 0],
        "stayed": [1, 0, 1, 1, 0, 0, 0, 1],
    }
)

KEPT = ("score", "offered", "stayed", "brought")

pairs = st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(0, 4))
paired = st.lists(pairs, min_size=1, max_size=10)


def gain(table, **said):
    """The one row of an answer."""
    return targeting_gain(table, **ASKED, **{"outcome": "stayed", **said}).iloc[0]


def in_pairs(many):
    """Customers of each score in both arms, so that no list lacks one."""
    each = [((s, 1, y), (s, 0, z)) for s, y, z in many]
    return pd.DataFrame(
        [row for two in each for row in two], columns=["score", "offered", "stayed"]
    )


def integrals(table, top):
    """The three measures of the curve by their definition, on a fine grid."""
    curve = uplift_curve(table, **ASKED, outcome="stayed")
    q, height = [0.0, *curve["share"]], [0.0, *curve["list_gain"]]
    at = (np.arange(50_000) + 0.5) / 50_000
    gains, whole = np.interp(at, q, height), height[-1]
    return {
        "area": (gains - at * whole).mean(),
        "autoc": (gains / at - whole).mean(),
        "top_share": np.interp(top, q, height) - top * whole,
    }


def test_the_vector_of_eight():
    """Gains of a quarter at each quarter but the last: an area of .1875."""
    found = gain(VECTOR, measure="area")
    assert found["targeting_gain"] == pytest.approx(0.1875)
    assert found[["n", "n_treated", "n_control", "effect"]].tolist() == [8, 4, 4, 0]
    assert gain(VECTOR, measure="top_share", top=0.25)["targeting_gain"] == pytest.approx(0.25)
    half = 0.25 + 0.25 * np.log(3) + (1 * np.log(4 / 3) - 0.25)
    assert gain(VECTOR, measure="autoc")["targeting_gain"] == pytest.approx(half)


@given(many=paired, top=st.integers(1, 19).map(lambda k: k / 20))
def test_agrees_with_the_definition_on_the_curve(engine, many, top):
    """Each measure is what it says of the curve that uplift_curve draws."""
    table = in_pairs(many)
    wanted = integrals(table, top)
    for measure in MEASURES:
        more = {"top": top} if measure == "top_share" else {}
        answer = targeting_gain(
            engine.table(table), **ASKED, outcome="stayed", measure=measure, **more
        )
        assert engine.is_mine(answer)
        found = engine.read(answer)["targeting_gain"][0]
        assert found == pytest.approx(wanted[measure], abs=1e-3)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_error_is_that_of_customers_drawn_again(measure):
    """The bootstrap's standard error, of scores with few values, with many, and of money."""
    draw = np.random.default_rng(5)
    made = offered_worlds.holdout(800, draw, correlation=0.3, of=4.0)[[*KEPT]]
    for score, outcome in ((20 * made["score"]).round(), "stayed"), (made["score"], "brought"):
        table = made.assign(score=score)
        asked = {"measure": measure, "outcome": outcome, **MEASURES[measure]}
        drawn = [
            gain(table.iloc[draw.integers(0, 800, 800)], **asked)["targeting_gain"]
            for _ in range(30)
        ]
        assert gain(table, **asked)["standard_error"] == pytest.approx(np.std(drawn), rel=0.35)


def test_where_the_offer_does_nothing_nothing_is_found():
    """Few holdouts of a fixed seed; tests/benchmarks/rules.py draws a thousand."""
    alarms = offered_worlds.false_alarms(8, seed=2, n=300)
    assert alarms["false alarms"].max() <= 0.25
    assert alarms["false alarms"].mean() <= 0.1


@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_counted_in_other_words_is_the_same_gain(measure):
    """Left instead of stayed, cents instead of euros, each customer twice, scores squared."""
    made = offered_worlds.holdout(300, np.random.default_rng(6), correlation=0.3)
    asked = {"measure": measure, **MEASURES[measure]}
    plain = gain(made, **asked)
    names = ["targeting_gain", "lower", "upper"]
    left = gain(made.assign(stayed=1 - made["stayed"]), **asked)
    assert left[names].tolist() == pytest.approx(
        (-plain[["targeting_gain", "upper", "lower"]]).tolist()
    )
    cents = gain(made.assign(stayed=100.0 * made["stayed"] + 5), **asked)
    assert cents[names].tolist() == pytest.approx((100 * plain[names]).tolist())
    twice = gain(pd.concat([made, made]), **asked)
    assert twice["targeting_gain"] == pytest.approx(plain["targeting_gain"])
    assert twice["standard_error"] == pytest.approx(plain["standard_error"] / np.sqrt(2), rel=0.03)
    other = gain(
        made.assign(score=np.exp(9 * made["score"])).sample(frac=1, random_state=1), **asked
    )
    assert other[names].tolist() == pytest.approx(plain[names].tolist())


def test_with_time_it_is_that_of_the_outcome_where_all_were_watched():
    """Pseudo-values are then 1 and 0; and where some were not, the effect is Kaplan–Meier's."""
    made = offered_worlds.holdout(400, np.random.default_rng(7), correlation=0.3)
    sure = made.assign(
        duration=np.where(made["stayed"] == 1, 12.0, 5.0), churned=made["stayed"] == 0
    )
    one = targeting_gain(sure, **ASKED, measure="area", time=12).iloc[0]
    other = gain(made, measure="area")
    assert one["targeting_gain"] == pytest.approx(other["targeting_gain"])
    assert one["standard_error"] == pytest.approx(other["standard_error"])
    seen = targeting_gain(made, **ASKED, measure="area", time=12).iloc[0]
    assert seen["effect"] == pytest.approx(uplift_curve(made, **ASKED, time=12)["effect"].iloc[-1])
    assert seen["time"] == 12


def test_a_ranking_turned_round_loses_what_it_gained():
    """Where no scores are equal, the area of the opposite ranking is the opposite, nearly."""
    made = offered_worlds.holdout(2000, np.random.default_rng(8), correlation=0.3, of=12.0)
    one, other = gain(made, measure="area"), gain(made.assign(score=-made["score"]), measure="area")
    assert one["p_value"] < 0.001
    assert other["targeting_gain"] == pytest.approx(-one["targeting_gain"], rel=0.1)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (VECTOR, "fewer than 30 customers of an arm"),
        (pd.concat([VECTOR.assign(score=1)] * 20), "one score: there is nothing to rank"),
        (pd.concat([VECTOR.assign(stayed=1)] * 20), "all outcomes are alike"),
    ],
)
def test_where_there_are_no_bounds_it_says_why(table, why):
    """The gain stands; of one score it is none."""
    found = gain(table, measure="area")
    assert why in found["reason"]
    assert found[["standard_error", "lower", "upper", "p_value"]].isna().all()
    assert np.isfinite(found["targeting_gain"])
    if "one score" in why:
        assert found["targeting_gain"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"measure": "qini"}, "measure must be one of 'area', 'autoc', 'top_share'"),
        ({"measure": "area", "top": 0.3}, "top is the length of one list"),
        ({"measure": "top_share"}, "say top=, its share of all customers"),
        ({"measure": "top_share", "top": 30}, "above 0 and below 1, such as top=0.3; got 30"),
        ({"measure": "area", "time": 3}, "Say either outcome="),
        ({"measure": "area", "outcome": None}, "Say either outcome="),
        ({"measure": "area", "level": 2}, "level must lie between 0 and 1"),
    ],
)
def test_refuses(said, message):
    """A mistake of the user's, in the user's words."""
    with pytest.raises(rt.RetentionError, match=message):
        gain(VECTOR, **said)


def test_a_list_of_nearly_everyone_has_no_bounds():
    """Those off it are too few to tell how they would have done; five of each arm are enough.

    Of 200 customers in two arms and a score that knows nothing, 16 to 24 of 100 lists of the first
    99 percent had a p-value below 0.05, and 4 to 6 of lists of the first 95 percent.
    """
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"u": np.arange(200), "w": np.arange(200) % 2, "y": rng.random(200)})
    asked = {"uplift": "u", "treated": "w", "outcome": "y", "measure": "top_share"}
    near = rt.experiments.targeting_gain(table, **asked, top=0.97).iloc[0]
    assert np.isnan(near["standard_error"])
    assert near["reason"].startswith("fewer than 5 customers of an arm are off the list")
    assert np.isfinite(near["targeting_gain"])
    far = rt.experiments.targeting_gain(table, **asked, top=0.95).iloc[0]
    assert far["lower"] < far["upper"]
    ties = table.assign(u=table["u"].clip(lower=100))
    assert rt.experiments.targeting_gain(ties, **asked, top=0.97)["upper"].notna().all()


def test_what_is_nothing_but_rounding_has_no_error():
    """An outcome that is the arm itself tells nothing of chance."""
    table = pd.DataFrame({"u": np.arange(202) / 7, "w": [0, 1] * 101})
    found = rt.experiments.targeting_gain(
        table.assign(y=table["w"] * 1.0), uplift="u", treated="w", outcome="y", measure="autoc"
    ).iloc[0]
    assert np.isnan(found["p_value"])
    assert found["reason"].startswith("in each arm all outcomes are alike")

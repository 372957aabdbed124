"""profit_curve: what lists of a ranking would have brought, on censored holdouts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import retention as rt
from holdout_twins import (
    EIGHT,
    TIME,
    can_be_weighed,
    histories,
    holdout,
    offered,
    profit_by_definition,
)
from retention.errors import ColumnError, ContentError, RetentionError
from retention.targeting import Offer, offer_list, offer_profit, profit_curve
from retention.targeting.holdouts.ranked_holdout import Asked, ranked_holdout

eighths = st.integers(0, 8).map(lambda n: n / 8)
FREE = offered(making=0, taking=0)


def curve_of(table, **asked):
    """The curve of a holdout, each customer with its own worth."""
    return profit_curve(table, **{"offer": offered(), "value": "worth", "time": TIME} | asked)


@given(rows=histories, f=st.integers(0, 9), g=eighths, a=eighths, b=eighths, strata=st.booleans())
def test_agrees_with_the_definition(engine, rows, f, g, a, b, strata):
    """At each threshold: weights, each customer's value, making paid a head."""
    assume(can_be_weighed(rows, TIME, strata=strata))
    offer = Offer(making=f, taking=10, success=g, stayers_taking=a, stayers_lost=b)
    asked = {"censoring_by": "plan" if strata else ()}
    answer = curve_of(engine.table(holdout(rows)), offer=offer, **asked)
    assert engine.is_mine(answer)
    found = engine.read(answer).sort_values("share").reset_index(drop=True)
    ranks = sorted({row[2] for row in rows}, reverse=True)
    assert found["threshold"].tolist()[1:] == ranks
    n = sum(row[4] for row in rows)
    for i, least in enumerate([np.inf, *ranks]):
        row, listed = found.loc[i], [r for r in rows if r[2] >= least]
        many = sum(r[4] for r in listed)
        assert row["n_offered"] == many
        assert row["share"] == pytest.approx(many / n)
        left = sum(r[4] for r in listed if r[1] and r[0] <= TIME)
        still = sum(r[4] for r in listed if r[0] > TIME)
        fates = row[["n_churned", "n_still", "n_unknown"]].tolist()
        assert fates == [left, still, many - left - still]
        if row["reason"] is None or pd.isna(row["reason"]):
            wanted = profit_by_definition(rows, offer, TIME, least, strata=strata)
            assert row["profit_per_customer"] == pytest.approx(wanted, abs=1e-9)


@given(rows=histories)
def test_nobody_and_everyone_are_the_same_whatever_the_rank(rows):
    """P(0) = 0; at the end of every ranking stands profit_everyone; by lot it is a line."""
    assume(can_be_weighed(rows, TIME))
    table = holdout(rows)
    by_risk, other = curve_of(table), curve_of(table.assign(risk=-(table["risk"] ** 3)))
    if by_risk["reason"].notna().any():
        return
    for found in (by_risk, other):
        assert found["profit_per_customer"].iloc[0] == 0
        assert (found["profit_nobody"] == 0).all()
        ends = found["profit_per_customer"].iloc[-1]
        assert found["profit_everyone"].tolist() == pytest.approx([ends] * len(found))
        line = (found["share"] * found["profit_everyone"]).tolist()
        assert found["profit_random"].tolist() == pytest.approx(line)
    ends = [found["profit_everyone"].iloc[0] for found in (by_risk, other)]
    assert ends[0] == pytest.approx(ends[1], abs=1e-9)


@given(rows=histories)
def test_a_rank_means_its_order_alone(rows):
    """What rises with the risk ranks as the risk does."""
    assume(can_be_weighed(rows, TIME))
    table = holdout(rows)
    found = curve_of(table)
    same = curve_of(table.assign(risk=np.exp(3 * table["risk"]) - 7))
    pd.testing.assert_frame_equal(
        found.drop(columns="threshold"), same.drop(columns="threshold"), check_dtype=False
    )


@given(rows=histories, times=st.integers(2, 3))
def test_rows_that_stand_for_many_are_many_rows(rows, times):
    """And a holdout twice as large with the same customers has the same profits."""
    assume(can_be_weighed(rows, TIME))
    table = holdout(rows)
    whole = curve_of(table)
    apart = table.loc[table.index.repeat(table["n_spells"])].assign(n_spells=1)
    pd.testing.assert_frame_equal(curve_of(apart), whole)
    more = curve_of(table.assign(n_spells=times * table["n_spells"]))
    if whole["reason"].isna().all():  # else a larger one may tell what a small one does not
        for name in ("share", "profit_per_customer", "profit_random"):
            assert more[name].tolist() == pytest.approx(whole[name].tolist(), abs=1e-9)


@given(rows=histories)
def test_where_nobody_is_censored_weights_are_plain_counts_to_the_last_bit(rows):
    """Each weighs 1, whatever happens after the time."""
    table = holdout(rows)
    table["churned"] |= table["duration"] <= TIME
    asked = Asked(offered(), "risk", "worth", TIME, None, None, ())
    ranked = ranked_holdout(table, asked, "profit_curve")
    assert ranked.weight.tolist() == ranked.many.tolist()
    found = curve_of(table, offer=offered(making=0, taking=2, success=0.5))
    order = table.sort_values("risk", ascending=False, kind="stable")
    left = order["churned"] & (order["duration"] <= TIME)
    brings = np.where(left, 0.5 * (order["worth"] - 2.0), -2.0) * order["n_spells"]
    plain = brings.cumsum().to_numpy() / order["n_spells"].sum()
    last = ~order["risk"].duplicated(keep="last").to_numpy()
    assert found["profit_per_customer"].tolist()[1:] == plain[last].tolist()


@given(rows=histories)
def test_weights_add_up_to_the_number_of_customers(rows):
    """Those who left and those who went on stand for all."""
    assume(can_be_weighed(rows, TIME))
    asked = Asked(offered(), "risk", 200, TIME, None, None, ())
    ranked = ranked_holdout(holdout(rows), asked, "profit_curve")
    assert ranked.weight.sum() == pytest.approx(ranked.n)


@given(rows=histories, strata=st.booleans())
def test_redraws_that_draw_everybody_once_weigh_as_the_holdout_does(rows, strata):
    """The bounds rest on the same weights as the profits."""
    assume(can_be_weighed(rows, TIME, strata=strata))
    by = ("plan",) if strata else ()
    asked = Asked(offered(), "risk", 200, TIME, None, None, by)
    ranked = ranked_holdout(holdout(rows), asked, "profit_curve")
    again = ranked.weighing()(ranked.many)
    assert again.tolist() == pytest.approx(ranked.weight.tolist())


def test_on_every_engine_the_curve_of_eight(engine):
    """By hand: the riskiest left: (57 − 1)/8 = 7; the next stayed: less (10 + 1)/8."""
    found = engine.read(profit_curve(engine.table(EIGHT), offer=offered(), value=200, time=5))
    found = found.sort_values("share")
    wanted = [0, 7, 5.625, 12.625, 11.25, 18.25, 16.875, 23.875, 22.5]
    assert found["profit_per_customer"].tolist() == pytest.approx(wanted)
    assert found["n_offered"].tolist() == list(range(9))


def censored_holdout(draw, n):
    """Customers whose risk is known, as watched and as it was: 23 % are censored by 12."""
    risk = draw.normal(size=n)
    life = np.ceil(draw.exponential(1 / np.exp(-3.2 + 1.1 * risk)))
    watched = draw.integers(4, 30, n)
    seen = pd.DataFrame({"duration": np.minimum(life, watched), "churned": life <= watched})
    truth = pd.DataFrame({"duration": np.minimum(life, 40), "churned": life <= 40})
    return seen.assign(risk=risk), truth.assign(risk=risk)


@pytest.mark.once
def test_censored_holdouts_tell_the_truth_where_dropping_or_ignoring_them_does_not():
    """Thirty holdouts: within 2 % of the truth; dropped 28 % above it, as stayers 11 % below."""
    draw = np.random.default_rng(11)
    best = []
    for _ in range(30):
        seen, truth = censored_holdout(draw, 2_000)
        known = seen["churned"] | (seen["duration"] > 12)
        stayers = seen.assign(duration=seen["duration"].where(known, 40.0))
        tables = (truth, seen, seen[known], stayers)
        asked = {"offer": offered(), "value": 200, "time": 12, "points": 2_000}
        best.append([profit_curve(t, **asked)["profit_per_customer"].max() for t in tables])
    truth, ours, dropped, stayers = np.mean(best, axis=0)
    assert ours == pytest.approx(truth, rel=0.02)
    assert dropped / truth - 1 == pytest.approx(0.28, abs=0.03)
    assert stayers / truth - 1 == pytest.approx(-0.11, abs=0.03)


def test_bounds_cover_the_truth_and_hang_on_the_seed_not_on_the_order_of_rows():
    """Of twelve holdouts 10 or more hold the profit of everyone above a risk in their bounds."""
    draw = np.random.default_rng(5)
    sure = profit_curve(
        censored_holdout(draw, 100_000)[1], offer=offered(), value=200, time=12, points=4
    )
    threshold, truth = sure.loc[2, ["threshold", "profit_per_customer"]]
    held = 0
    for i in range(12):
        seen = censored_holdout(draw, 300)[0]
        high = seen.assign(risk=(seen["risk"] >= threshold) * 1.0)
        row = profit_curve(high, offer=offered(), value=200, time=12, seed=i).loc[1]
        assert row["lower"] < row["profit_per_customer"] < row["upper"]
        held += row["lower"] <= truth <= row["upper"]
    assert held >= 10
    seen = censored_holdout(draw, 60)[0].round(0).assign(worth=200.0)
    twice = [curve_of(table, seed=3) for table in (seen, seen.sample(frac=1, random_state=1))]
    pd.testing.assert_frame_equal(*twice)
    assert twice[0]["lower"].iloc[0] == 0
    assert curve_of(seen)["lower"].isna().all()
    assert curve_of(EIGHT.assign(worth=200.0), seed=3)["lower"][1:].isna().all()  # too few


def test_a_list_is_chosen_on_other_customers():
    """By its threshold: here 0.35 lies between two risks, so that the list ends above it."""
    other = pd.DataFrame({
        "duration": [1, 1, 9], "churned": [True, True, False], "risk": [0.9, 0.35, 0.2],
    })  # fmt: skip
    found = profit_curve(EIGHT, offer=offered(), value=200, time=5, chosen_on=other)
    assert found.loc[found["chosen"], "threshold"].tolist() == [0.4]
    nobody = other.assign(duration=9, churned=False)
    found = profit_curve(EIGHT, offer=offered(), value=200, time=5, chosen_on=nobody)
    assert found.loc[found["chosen"], "n_offered"].tolist() == [0]
    assert not profit_curve(EIGHT, offer=offered(), value=200, time=5)["chosen"].any()


def test_no_more_lists_are_shown_than_asked_for():
    """Evenly spread, nobody and everyone among them, at the profits that they have."""
    draw = np.random.default_rng(1)
    seen = censored_holdout(draw, 1_000)[0]
    all_of_them = profit_curve(seen, offer=offered(), value=200, time=12, points=1_000)
    some = profit_curve(seen, offer=offered(), value=200, time=12, points=10)
    assert some["n_offered"].tolist() == list(range(0, 1_001, 100))
    same = all_of_them[all_of_them["n_offered"].isin(some["n_offered"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, same)


def test_a_list_brings_what_the_curve_says_at_its_share():
    """offer_list by expected profit, on customers of whom it is known who left."""
    left = EIGHT["churned"].to_numpy(float)
    known = EIGHT.assign(
        customer_id=range(8), churn_probability=left, value=40.0 + 5 * np.arange(8)
    )
    expected = offer_profit(known, offer=offered())
    best = offer_list(expected)
    scored = known.assign(rank_of_list=expected["expected_profit"].to_numpy())
    asked = {"offer": offered(), "rank": "rank_of_list", "value": "value", "time": 5}
    curve = profit_curve(scored, **asked).set_index("n_offered")
    n = int(best["selected"].sum())
    total = best["cumulative_profit"].iloc[-1]
    assert curve.loc[n, "profit_per_customer"] * 8 == pytest.approx(total)


def test_spells_since_a_day_are_a_holdout():
    """The chain from spells and scores of a day to the curve, with a landmark or without."""
    contracts = pd.DataFrame({
        "customer_id": range(40), "start": pd.Timestamp("2023-01-01"),
        "end": pd.Timestamp("2023-06-01") + pd.to_timedelta(np.arange(40) * 7, unit="D"),
    })  # fmt: skip
    spells = rt.contract_spells(contracts, as_of="2023-12-31", grace=0)
    scores = contracts[["customer_id"]].assign(
        day=pd.Timestamp("2023-07-01"), risk=-contracts["customer_id"], worth=300.0
    )
    later = rt.spells.spells_since(spells, scores, since="day", keep=["risk", "worth"])
    found = profit_curve(later, offer=offered(), value="worth", time=90)
    assert found["n_offered"].iloc[-1] == later["set_aside"].isna().sum()
    assert found["profit_per_customer"].max() > found["profit_everyone"].iloc[0]
    late = profit_curve(later, offer=offered(), value="worth", time=90, landmark=30)
    assert 0 < late["n_offered"].iloc[-1] < found["n_offered"].iloc[-1]


def test_censoring_may_be_told_by_other_spells():
    """With G from a table in which nobody is censored, those censored here weigh nothing more."""
    seen = pd.DataFrame({
        "duration": [1, 2, 3, 9, 9], "churned": [True, False, True, False, False],
        "risk": [5, 4, 3, 2, 1], "worth": 200.0,
    })  # fmt: skip
    plain = curve_of(seen, censoring=EIGHT, seed=1)
    left = 0.3 * 190 / 5
    assert plain["profit_per_customer"].tolist()[1] == pytest.approx(left - 0.2)
    assert plain["profit_per_customer"].tolist()[3] == pytest.approx(2 * left - 0.6)
    own = curve_of(seen)
    assert own["profit_per_customer"].tolist()[3] > plain["profit_per_customer"].tolist()[3]


def test_where_nobody_was_followed_for_so_long_there_is_a_reason_and_no_number():
    """The counts stand."""
    seen = pd.DataFrame({"duration": [1, 2, 3], "churned": [True, False, False], "risk": [1, 2, 3]})
    found = profit_curve(seen, offer=offered(), value=200, time=5, seed=1)
    assert found["reason"].notna().all()
    for name in ("profit_per_customer", "profit_everyone", "profit_random", "lower"):
        assert found[name].isna().all()
    assert found["n_unknown"].iloc[-1] == 2
    with pytest.raises(ContentError, match="chosen_on: no list can be chosen"):
        profit_curve(EIGHT, offer=offered(), value=200, time=5, chosen_on=seen)


def test_numbers_of_the_offer_may_be_each_customers_own():
    """A dearer gift for one is that one's alone; what is assumed is told as a mean."""
    table = EIGHT.assign(gift=[10.0] * 7 + [110.0], chance=[0.3] * 7 + [0.5])
    offer = offered(taking="gift", success="chance")
    found = profit_curve(table, offer=offer, value=200, time=5)
    assert found["profit_per_customer"].iloc[1] == pytest.approx((0.5 * 90 - 1) / 8)
    assert found["success_assumed"].tolist() == pytest.approx([0.325] * 9)


@pytest.mark.parametrize(
    ("table", "asked", "error", "said"),
    [
        (EIGHT, {"offer": 3}, RetentionError, "offer must be an Offer"),
        (EIGHT, {"rank": "score"}, ColumnError, "rank names 'score', which is not a column"),
        (EIGHT, {"rank": "duration"}, ColumnError, "says what happened to the spell"),
        (EIGHT, {"rank": 3}, RetentionError, "rank must name the column"),
        (EIGHT, {"value": "worth"}, ColumnError, "value names 'worth', which is not a column"),
        (EIGHT, {"value": True}, RetentionError, "an amount, or the name of the column"),
        (EIGHT, {"time": -1}, RetentionError, "time must be a time since the start"),
        (EIGHT, {"seed": 0.5}, RetentionError, "seed must be a whole number"),
        (EIGHT, {"points": 0}, RetentionError, "points must be a whole number of lists"),
        (EIGHT, {"level": 95}, RetentionError, "level"),
        (EIGHT.assign(risk=np.nan), {}, ContentError, "risk"),
        (
            EIGHT.assign(worth=[np.nan, *range(7)]),
            {"value": "worth"},
            ContentError,
            "1 row has nothing in 'worth' (what a saved customer is worth). Fill them in or leave",
        ),
        (
            EIGHT.assign(chance=30),
            {"offer": offered(success="chance")},
            ContentError,
            "8 rows are out of range in 'chance', such as 30. success is a chance: 0 to 1. For 30 "
            "% say 0.3.",
        ),
        (EIGHT.assign(worth="much"), {"value": "worth"}, ColumnError, "must be numbers"),
        (
            EIGHT.assign(entry=0.5),
            {},
            RetentionError,
            "profit_curve: 8 spells of scored came under observation after the start",
        ),
        (EIGHT.head(0), {}, ContentError, "Is the table empty"),
        (
            EIGHT.assign(worth=200.0, currency=["EUR", "USD"] * 4),
            {"value": "worth"},
            ContentError,
            "in 2 currencies, which cannot be added up",
        ),
        (
            EIGHT,
            {"offer": offered(success=None, stayers_lost=None)},
            RetentionError,
            "leaves success and stayers_lost open",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(table, asked, error, said):
    """In the user's words."""
    with pytest.raises(error) as refused:
        profit_curve(table, **{"offer": offered(), "value": 200, "time": 5} | asked)
    assert said in str(refused.value)


def test_the_advice_of_refusals_can_be_followed():
    """A landmark where spells came under observation late; rows without a value left out."""
    late = pd.concat([EIGHT.assign(entry=0.0), EIGHT.assign(entry=3.0, duration=9)])
    found = profit_curve(late, offer=offered(), value=200, time=5, landmark=3)
    assert found["n_offered"].iloc[-1] == 12
    table = EIGHT.assign(worth=[np.nan, *[200.0] * 7])
    assert len(curve_of(table[table["worth"].notna()])) == 8

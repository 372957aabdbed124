"""Scores of predicted chances of leaving for each reason, against R and loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from competing_spells import in_r
from retention.survival.counts.histories import read_spells
from retention.survival.scores.competing.wolbers_pairs import wolbers_pairs

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
three = pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)

# R 4.2.2, riskRegression 2022.11.28, of `scored_in_r`: Score(list(m = p), formula =
#   Hist(duration, ev) ~ 1, data = d, cause = k, times = c(4, 8), metrics = c("auc", "brier"),
#   summary = "ipa", se.fit = FALSE, null.model = TRUE): AUC, Brier, Brier of the null model.
IN_R = [
    [0.4996928010849, 0.2819056230881, 0.1165378552077],
    [0.577014542341, 0.2675267758369, 0.2182548351898],
    [0.3861745158073, 0.1022554865338, 0.07723382320694],
    [0.4321690003855, 0.1628587033605, 0.146882517145],
]
SCORES = ["auc", "brier_score", "reference"]
CHANCES = {k: {t: f"{k}_{t}" for t in (4, 8)} for k in ("price", "rival")}


def scored_in_r():
    """The spells of the models with chances made without chance."""
    i = np.arange(60)
    made = {
        f"{k}_{t}": ((i * (5 + h) + t) % 11 + 1) / (13 + 20 * h)
        for h, k in enumerate(("price", "rival"))
        for t in (4, 8)
    }
    return in_r().assign(**made)


@three
def test_auc_and_brier_score_agree_with_r(engine):
    """Ties in time and in chances; 192 further numbers of 12 random tables agree to 1e-14."""
    found = engine.read(rt.survival.scores_by_reason(engine.table(scored_in_r()), chances=CHANCES))
    assert found["reason"].tolist() == ["price", "price", "rival", "rival"]
    assert found["time"].tolist() == [4, 8, 4, 8]
    assert found[SCORES].to_numpy() == pytest.approx(np.array(IN_R), rel=1e-9)
    skill = 1 - found["brier_score"] / found["reference"]
    assert found["skill"].to_numpy() == pytest.approx(skill.to_numpy())


def chance_of_staying(table, time, *, before):
    """G at a time or just before: Kaplan–Meier of censoring, ends first."""
    g, spells = 1.0, list(zip(table["duration"].tolist(), table["churned"].tolist(), strict=True))
    for u in sorted({duration for duration, _ in spells}):
        if u < time or (u == time and not before):
            at_risk = sum(duration >= u for duration, _ in spells) - spells.count((u, True))
            g *= 1 - spells.count((u, False)) / at_risk if at_risk else 1
    return g


def naive_scores(table, reason, time):
    """Brier score, area and concordance by loops over all pairs."""
    rows = list(table.itertuples())
    now = chance_of_staying(table, time, before=False)
    weight = {
        r.Index: 1 / chance_of_staying(table, r.duration, before=True) for r in rows if r.churned
    }
    p = table[f"{reason}_{time}"].tolist()
    brier, area, pairs, order, known = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in rows:
        case = i.churned and i.reason == reason and i.duration <= time
        if i.duration > time:
            brier += p[i.Index] ** 2 / now
        elif i.churned:
            brier += weight[i.Index] * (case - p[i.Index]) ** 2
        if not case:
            continue
        for j in rows:
            win = (p[i.Index] > p[j.Index]) + (p[i.Index] == p[j.Index]) / 2
            other = j.churned and j.reason != reason
            if j.duration > time or (j.duration <= time and other):
                w = weight[i.Index] * (1 / now if j.duration > time else weight[j.Index])
                pairs, area = pairs + w, area + w * win
            if i.duration < j.duration or (i.duration == j.duration and not j.churned):
                known, order = known + weight[i.Index] ** 2, order + weight[i.Index] ** 2 * win
            elif other:
                w = weight[i.Index] * weight[j.Index]
                known, order = known + w, order + w * win
    return brier / len(rows), area / pairs, order / known


def test_scores_agree_with_loops_over_pairs():
    """Of random halves of the table, with weights as well."""
    for seed in range(2):
        table = scored_in_r().sample(30, random_state=seed, ignore_index=True)
        found = rt.survival.scores_by_reason(table, chances=CHANCES)
        half = table.assign(n_spells=1 + np.arange(30) % 2)
        heavy = rt.survival.scores_by_reason(half, chances=CHANCES)
        written_out = half.loc[np.repeat(half.index, half["n_spells"])].drop(columns="n_spells")
        out = rt.survival.scores_by_reason(written_out.reset_index(drop=True), chances=CHANCES)
        pd.testing.assert_frame_equal(heavy, out, rtol=1e-10)
        for row in found.itertuples():
            naive = naive_scores(table, row.reason, int(row.time))
            told = (row.brier_score, row.auc, row.concordance)
            assert told == pytest.approx(naive, rel=1e-10)
            left = table[table["churned"] & (table["duration"] <= row.time)]
            assert row.n_churned == (left["reason"] == row.reason).sum()
            assert row.n_churned + row.n_other == len(left)
            assert row.n_still == (table["duration"] > row.time).sum()


def test_with_one_reason_scores_are_those_of_lifetimes():
    """Nobody leaves for another: Brier score, AUC and Uno's concordance."""
    table = scored_in_r().assign(reason="price")
    table["stay"] = 1 - table["price_8"]
    found = rt.survival.scores_by_reason(table, chances={"price": {8: "price_8"}}).iloc[0]
    brier = rt.survival.brier_score(table, survival={8: "stay"}).iloc[0]
    area = rt.survival.time_dependent_auc(table, risk="price_8", times=[8]).iloc[0]
    pairs = rt.survival.concordance(table, risk="price_8", method="uno", until=8.5).iloc[0]
    assert found[["brier_score", "reference", "skill"]].tolist() == pytest.approx(
        brier[["brier_score", "reference", "skill"]].tolist()
    )
    assert found[["auc", "auc_error"]].tolist() == pytest.approx(
        area[["auc", "standard_error"]].tolist()
    )
    assert found[["concordance", "concordance_lower", "concordance_upper"]].tolist() == (
        pytest.approx(pairs[["concordance", "lower", "upper"]].tolist())
    )


def test_uncensored_concordance_is_that_of_leavers_for_others_who_never_leave():
    """Wolbers' own definition: their time is put behind all, and Harrell counts the pairs."""
    table = scored_in_r().assign(churned=True)
    found = rt.survival.scores_by_reason(table, chances={"price": {20: "price_8"}}).iloc[0]
    other = table["reason"] != "price"
    never = table.assign(duration=table["duration"].where(~other, 99), churned=~other)
    pairs = rt.survival.concordance(never, risk="price_8").iloc[0]
    assert found[["concordance", "concordance_lower", "concordance_upper"]].tolist() == (
        pytest.approx(pairs[["concordance", "lower", "upper"]].tolist())
    )


def test_every_pair_is_met_at_both_of_its_spells():
    """Those who lead and those who follow are told the same sum."""
    found = read_spells(scored_in_r(), columns={"cause": ["reason"], "p": ["price_8"]})
    own = found.churned & (found.columns["reason"] == "price")
    ends = np.where(found.churned, 1.0 + np.arange(60) % 3, 0.0)
    other, chance = found.churned & ~own, found.columns["price_8"]
    pairs = wolbers_pairs(found, chance, ends, own, other)
    turned = wolbers_pairs(found, -chance, ends, own, other)
    assert pairs.concordant + turned.concordant == pytest.approx(pairs.comparable)
    some = [i for i in range(60) if own[i]]
    total = sum(
        ends[i] ** 2
        * sum(
            found.duration[j] > found.duration[i]
            or (found.duration[j] == found.duration[i] and not found.churned[j])
            for j in range(60)
        )
        + ends[i]
        * sum(ends[j] for j in range(60) if other[j] and found.duration[j] <= found.duration[i])
        for i in some
    )
    assert pairs.comparable.sum() / 2 == pytest.approx(total)


@three
def test_predictions_of_a_model_are_scored_beside_its_spells(engine):
    """`with_reason_predictions` gives what `predict_reasons` does, from a landmark too."""
    table = in_r()
    table.insert(0, "customer_id", range(60))
    model = rt.survival.fit_cause_specific(table, covariates=["x", "z"])
    scored = engine.read(
        rt.survival.with_reason_predictions(engine.table(table), model=model, times=[4, 8])
    ).sort_values("customer_id")
    said = rt.survival.predict_reasons(table, model=model, times=[4, 8], given=None)
    wide = said.pivot(index="customer_id", columns=["reason", "time"], values="reason_probability")
    for reason, by_time in CHANCES.items():
        for time, name in by_time.items():
            assert scored[name].to_numpy() == pytest.approx(wide[(reason, time)].to_numpy())
    found = rt.survival.scores_by_reason(scored, chances=CHANCES)
    assert found["skill"].abs().max() < 0.1  # covariates without a meaning
    later = rt.survival.with_reason_predictions(table, model=model, times=8, landmark=3)
    asked = table.assign(tenure=3)
    told = rt.survival.predict_reasons(asked, model=model, times=5)
    price = told.loc[told["reason"] == "price", "reason_probability"]
    assert later["price_8"].to_numpy() == pytest.approx(price.to_numpy())
    after = rt.survival.scores_by_reason(later, chances={"price": {8: "price_8"}}, landmark=3)
    assert after["n_spells"][0] == (table["duration"] > 3).sum()


def test_what_cannot_be_scored_says_why():
    """Nobody left for it, everyone did, nobody is seen so long, or there is no chance of it."""
    table = scored_in_r()
    none = rt.survival.scores_by_reason(table, chances={"moved": {8: "price_8"}}).iloc[0]
    assert none["note"] == "nobody had left for this reason by this time"
    assert none["brier_score"] > 0
    assert np.isnan(none["auc"])
    every = table.assign(churned=True, reason="price")
    found = rt.survival.scores_by_reason(every, chances={"price": {99: "price_8"}}).iloc[0]
    assert found["note"] == "everyone had left for this reason by this time"
    late = rt.survival.scores_by_reason(table, chances={"price": {99: "price_8"}}).iloc[0]
    assert np.isnan(late["brier_score"]) or late["note"] is None


@pytest.mark.parametrize(
    ("chances", "said"),
    [
        ({}, "chances must map each reason"),
        ({"price": "price_8"}, "map times to columns"),
        ({"price": {8: "x"}}, "the chance of leaving for the reason by then"),
        ({"price": {8: "nowhere"}}, "nowhere"),
        ({"price": {}}, "chances must name one time or more"),
    ],
)
def test_chances_that_are_none_are_refused(chances, said):
    """In the words of the argument."""
    with pytest.raises(rt.RetentionError, match=said):
        rt.survival.scores_by_reason(scored_in_r(), chances=chances)


def test_late_entry_is_refused_without_a_landmark():
    """G is not known before."""
    with pytest.raises(rt.RetentionError, match="landmark"):
        rt.survival.scores_by_reason(scored_in_r().assign(entry=0.5), chances=CHANCES)


def test_predictions_are_not_put_over_columns_or_before_the_landmark():
    """And a model of lifetimes has no reasons."""
    table = in_r()
    model = rt.survival.fit_cause_specific(table)
    with pytest.raises(rt.RetentionError, match="'price_8' already"):
        rt.survival.with_reason_predictions(scored_in_r(), model=model, times=8)
    with pytest.raises(rt.RetentionError, match="before the landmark"):
        rt.survival.with_reason_predictions(table, model=model, times=2, landmark=3)
    with pytest.raises(rt.RetentionError, match="fit_cause_specific"):
        rt.survival.with_reason_predictions(table, model=rt.fit_cox(table), times=2)

"""Spells of one customer depend on one another: errors by clusters, against loops and R."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from risk_by_hand import frame_of, known, many, segments_of

TESTS = ["log-rank", "wilcoxon", "tarone-ware", "peto", "fleming-harrington"]
pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

# R 4.2.2, survival 3.5-3. The table is that of `in_r`.
#   f <- survfit(Surv(duration, churned) ~ 1, data = d, cluster = who)
#   summary(f)$std.err; f$std.chaz
# and with Surv(entry, duration, churned); then
#   coxph(Surv(duration, churned) ~ plan, d, ties = "breslow", cluster = who,
#         init = c(0, 0), iter.max = 0)$rscore
# and the same with + strata(region).
KM = {
    "origin": [
        0.03036954111899,
        0.04452732289473,
        0.06406857812957,
        0.08576429269012,
        0.08729167913087,
        0.105288991712,
        0.09266544030179,
        0.08812210727803,
        0.1009242179038,
        0.08603626912304,
        0.07284731079121,
    ],
    "late": [
        0.03850017225158,
        0.05379874941853,
        0.07159877713451,
        0.09115589285587,
        0.09223630029918,
        0.1084686395275,
        0.09521031734416,
        0.08980319346704,
        0.1002756392842,
        0.08431500023453,
        0.07029445821558,
    ],
}
CHAZ = {
    "origin": [
        0.03036954111899,
        0.04762857769511,
        0.07373271036095,
        0.1070994854627,
        0.1237263303692,
        0.1669009916746,
        0.1614383270733,
        0.1723315912447,
        0.2366653708202,
        0.2843573019294,
        0.414988464993,
    ],
    "late": [
        0.03850017225158,
        0.05861577455243,
        0.08507240731163,
        0.1181277084917,
        0.1358788577652,
        0.1791706289366,
        0.1728657930171,
        0.1831392822274,
        0.2464271791293,
        0.2928284355022,
        0.4228609926111,
    ],
}
AJ = {
    "price": [
        0.02884244396847,
        0.02884244396847,
        0.04533004435225,
        0.04533004435225,
        0.06060141995454,
        0.06060141995454,
        0.06677656331533,
        0.06677656331533,
        0.07509048020202,
        0.08388758276707,
        0.08830032817088,
    ],
    "rival": [
        0.02061517723444,
        0.04054942216788,
        0.04054942216788,
        0.053015741884,
        0.053015741884,
        0.06338778351595,
        0.06338778351595,
        0.07043128558896,
        0.07432916315971,
        0.07969365420384,
        0.08928070482883,
    ],
}  # survfit(Surv(duration, ev) ~ 1, data = d, id = row)$std.err
RSCORE = (3.414138739462, 2.747945585479)


def in_r():
    """48 spells of 16 customers without chance."""
    i = np.arange(48)
    duration = 1 + (i * 7 + i // 5 * 3) % 11
    return pd.DataFrame(
        {
            "who": (i * i + i // 3) % 16,
            "duration": duration,
            "entry": np.where(i % 4 == 1, np.minimum(duration - 1, 1 + i % 3), 0),
            "churned": i % 3 != 1,
            "reason": np.where((i * 5 + i // 4) % 7 < 3, "price", "rival"),
            "plan": np.array(["a", "b", "c"])[(i * 11 + i // 6) % 3],
            "region": np.array(["n", "s"])[(i // 7) % 2],
        }
    )


def influences(spells, clusters, reasons):
    """Per cluster what log S, H and each F gain as its rows weigh more, after each duration."""
    said = [each.reason or "(missing)" for each in spells]
    lasting, log_s, chaz = 1.0, dict.fromkeys(clusters, 0.0), dict.fromkeys(clusters, 0.0)
    shares = {(c, k): 0.0 for c in clusters for k in reasons}
    found = []
    for time in sorted({each.duration for each in spells}):
        here = [i for i, each in enumerate(spells) if each.at_risk(time)]
        ends = [i for i in here if spells[i].churned and spells[i].duration == time]
        n, d = len(here), len(ends)
        for c in set(clusters):
            mine = sum(clusters[i] == c for i in here)
            excess = sum(clusters[i] == c for i in ends) - mine * d / n
            for k in reasons:
                hazard = sum(said[i] == k for i in ends) / n
                own = sum(clusters[i] == c and said[i] == k for i in ends)
                shares[c, k] += lasting * (log_s[c] * hazard + (own - mine * hazard) / n)
            log_s[c] -= excess / (n - d) if n > d else 0.0
            chaz[c] += excess / n
        lasting *= 1 - d / n
        found.append((time, lasting, dict(log_s), dict(chaz), dict(shares)))
    return found


def root_of_squares(values):
    """√Σ U²."""
    return math.sqrt(sum(value**2 for value in values))


def near(value, expected):
    """Equal to nine digits, or both missing."""
    if expected is None:
        return pd.isna(value)
    return value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def clustered(spells):
    """The table of spells, each with one of five customers."""
    who = np.array([(i * i + 1) % 5 for i in range(len(spells))])
    return frame_of(spells, who=who)


def expanded_with_clusters(spells, plan):
    """The spells of a plan one by one, each with its cluster."""
    pairs = [
        (each, (i * i + 1) % 5)
        for i, each in enumerate(spells)
        if each.observed and each.segment == plan
        for _ in range(each.n_spells)
    ]
    return [each for each, _ in pairs], [c for _, c in pairs]


@settings(max_examples=at_most(6))
@given(spells=many)
def test_errors_of_curves_agree_with_influences_in_loops(spells):
    """Survival, cumulative hazard and incidence; one cluster alone has no error."""
    table = clustered(spells)
    asked = {"by": "plan", "cluster": "who"}
    curve = rt.survival_curve(table, **asked).set_index(["plan", "duration"])
    hazard = rt.survival.cumulative_hazard(table, **asked).set_index(["plan", "duration"])
    left = rt.survival.cumulative_incidence(table, **asked)
    reasons = sorted(set(left["reason"]))
    left = left.set_index(["plan", "duration", "reason"])
    for plan in segments_of(spells):
        mine, clusters = expanded_with_clusters(spells, plan)
        alone = len(set(clusters)) < 2
        for time, lasting, log_s, chaz, shares in influences(mine, clusters, reasons):
            told = known(mine, 0, time) and not alone
            error = lasting * root_of_squares(log_s.values())
            expected = error if told and lasting > 1e-12 else None
            assert near(curve.loc[(plan, time), "standard_error"], expected)
            error = root_of_squares(chaz.values())
            assert near(hazard.loc[(plan, time), "standard_error"], error if told else None)
            for k in reasons:
                error = root_of_squares(shares[c, k] for c in set(clusters))
                found = left.loc[(plan, time, k), "standard_error"]
                assert near(found, error if told else None)


def naive_robust(groups, test):
    """Excess of each group, and for each cluster what it adds to it, row by row."""
    rows = [
        (each, c, j)
        for j, (mine, who) in enumerate(groups)
        for each, c in zip(mine, who, strict=True)
    ]
    k, lasting, modified = len(groups), 1.0, 1.0
    added: dict[int, np.ndarray] = {}
    for time in sorted({each.duration for each, _, _ in rows if each.churned}):
        here = [row for row in rows if row[0].at_risk(time)]
        ends = [row for row in here if row[0].churned and row[0].duration == time]
        n, d = len(here), len(ends)
        modified *= 1 - d / (n + 1)
        weight = {"log-rank": 1.0, "wilcoxon": n, "tarone-ware": math.sqrt(n), "peto": modified}
        w = {**weight, "fleming-harrington": lasting}[test]
        lasting *= 1 - d / n
        share = np.bincount([j for _, _, j in here], minlength=k) / n
        for row in here:
            gained = (row in ends and row[0].duration == time and row[0].churned) - d / n
            away = np.eye(k)[row[2]] - share
            added[row[1]] = added.get(row[1], np.zeros(k)) + w * gained * away
    n = len({c for _, c, _ in rows})
    products = sum(np.outer(u, u) for u in added.values())
    return sum(added.values(), np.zeros(k)), products * n / (n - 1)


@settings(max_examples=at_most(6))
@given(spells=many, test=st.sampled_from(TESTS))
def test_the_robust_test_agrees_with_loops(spells, test):
    """χ² = excess' covariance⁻ excess, with sums of rows within clusters times G / (G − 1)."""
    plans = list(segments_of(spells))
    groups = [expanded_with_clusters(spells, plan) for plan in plans]
    ask = {"by": "plan", "test": test, "cluster": "who"}
    if not 1 < len(plans) < len({c for _, who in groups for c in who}):
        with pytest.raises(rt.ContentError, match="one segment|clusters? says? too little"):
            rt.compare_curves(clustered(spells), **ask)
        return
    found = rt.compare_curves(clustered(spells), **ask)
    excess, covariance = naive_robust(groups, test)
    values, vectors = np.linalg.eigh(covariance)
    real = values > 1e-9 * max(values.max(), 1e-9)
    expected = float((((excess @ vectors)[real]) ** 2 / values[real]).sum()) if real.any() else None
    if found["degrees_of_freedom"][0] == real.sum():  # small segments may be rounding to one
        assert near(found["statistic"][0], expected)


def test_errors_agree_with_r():
    """KM and Nelson–Aalen with clusters, from the origin and with late entry."""
    table = in_r()
    early = table.drop(columns="entry")
    for given_, name in ((early, "origin"), (table, "late")):
        curve = rt.survival_curve(given_, cluster="who")["standard_error"]
        hazard = rt.survival.cumulative_hazard(given_, cluster="who")["standard_error"]
        assert curve.to_numpy()[: len(KM[name])] == pytest.approx(KM[name], rel=1e-10)
        assert hazard.to_numpy() == pytest.approx(CHAZ[name], rel=1e-10)


def test_incidence_of_rows_of_their_own_agrees_with_r():
    """R's Aalen–Johansen takes no clusters beside ids: each row is one."""
    table = in_r().drop(columns="entry").assign(row=range(48))
    left = rt.survival.cumulative_incidence(table, cluster="row")
    for reason, expected in AJ.items():
        mine = left[left["reason"] == reason]
        assert mine["standard_error"].to_numpy() == pytest.approx(expected, rel=1e-10)


def test_the_robust_test_agrees_with_r():
    """The robust score test of coxph, without and with strata; R does not correct for few."""
    table = in_r().drop(columns="entry")
    one = rt.compare_curves(table, by="plan", cluster="who")
    within = rt.compare_curves(table, by="plan", strata="region", cluster="who")
    few = table["who"].nunique() / (table["who"].nunique() - 1)
    assert one["statistic"][0] * few == pytest.approx(RSCORE[0], rel=1e-10)
    assert within["statistic"][0] * few == pytest.approx(RSCORE[1], rel=1e-10)


def test_one_cluster_alone_has_no_bounds():
    """Not even where nobody has left yet: R would say 1 to 1 there."""
    table = pd.DataFrame({"duration": [1, 2, 3], "churned": [False, True, False], "who": 1})
    curve = rt.survival_curve(table, cluster="who")
    assert curve["survival"].tolist() == [1, 0.5, 0.5]
    assert curve[["standard_error", "lower", "upper"]].isna().all(axis=None)
    several = rt.survival_curve(table.assign(who=[1, 2, 3]), cluster="who")
    assert several["lower"][0] == several["upper"][0] == 1


def shares_weighed(weights):
    """Aalen–Johansen of SIX at its last duration, with a weight for each row."""
    lasting, share = 1.0, 0.0
    for time in sorted(set(SIX["duration"])):
        here = [i for i in range(6) if SIX["duration"][i] >= time]
        n = sum(weights[i] for i in here)
        ends = [i for i in here if SIX["duration"][i] == time and SIX["churned"][i]]
        share += lasting * sum(weights[i] for i in ends if SIX["reason"][i] == "price") / n
        lasting *= 1 - sum(weights[i] for i in ends) / n
    return share


SIX = {
    "duration": [1, 1, 2, 3, 3, 4],
    "churned": [True, True, True, False, True, False],
    "reason": ["price", "price", "rival", "", "price", ""],
    "who": ["Ann", "Ann", "Bob", "Bob", "Cem", "Cem"],
}


def test_the_error_of_clustered_incidence_is_that_of_the_derivative():
    """Six rows of three customers by hand: F = 1/2, and U = 1/6, −1/6 and 0.

    R's survfit(Surv(duration, event) ~ 1, cluster = who) of several states gives √(1/24) = .2041,
    as without a cluster (survival 3.5-3 counts the clusters and does not use them); the influence
    of each row that it gives itself, summed within customers, makes the √(1/18) that stands here.
    """
    found = rt.survival.cumulative_incidence(pd.DataFrame(SIX), cluster="who")
    error = found[(found["reason"] == "price") & (found["duration"] == 4)]["standard_error"]
    moved = []
    for who in ("Ann", "Bob", "Cem"):
        up, down = (
            shares_weighed([1 + step * (each == who) for each in SIX["who"]])
            for step in (1e-5, -1e-5)
        )
        moved.append((up - down) / 2e-5)
    assert moved == pytest.approx([1 / 6, -1 / 6, 0], abs=1e-8)
    assert error.iloc[0] == pytest.approx(math.sqrt(1 / 18), rel=1e-12)


def test_every_spell_twice_in_its_cluster_says_nothing_new():
    """Errors stay, while those of independent spells shrink; n_spells is rows written out."""
    table = in_r()
    twice = pd.concat([table, table], ignore_index=True)
    for function in (rt.survival_curve, rt.survival.cumulative_incidence):
        one = function(table, cluster="who")
        for again in (
            function(twice, cluster="who"),
            function(table.assign(n_spells=2), cluster="who"),
        ):
            for name in ("standard_error", "lower", "upper"):
                assert again[name].to_numpy() == pytest.approx(one[name].to_numpy(), nan_ok=True)
    one, again = (rt.compare_curves(each, by="plan", cluster="who") for each in (table, twice))
    assert again["statistic"].to_numpy() == pytest.approx(one["statistic"].to_numpy())


def test_nothing_but_errors_changes(engine):
    """With clusters the estimates stay as they are; every engine says the same."""
    table = in_r()
    for function, sort in (
        (rt.survival_curve, ["plan", "duration"]),
        (rt.survival.cumulative_incidence, ["plan", "reason", "duration"]),
    ):
        plain = function(table, by="plan")
        here = engine.read(function(engine.table(table), by="plan", cluster="who"), order=sort)
        same = function(table, by="plan", cluster="who")
        for name in plain.columns.drop(["standard_error", "lower", "upper"]):
            pd.testing.assert_series_equal(same[name], plain[name])
        found = here["standard_error"].to_numpy(dtype=float)
        assert found == pytest.approx(same["standard_error"].to_numpy(), nan_ok=True)
    here = engine.read(
        rt.compare_curves(engine.table(table), by="plan", cluster="who"), order=["plan"]
    )
    same = rt.compare_curves(table, by="plan", cluster="who")
    assert here["statistic"][0] == pytest.approx(same["statistic"][0])


@pytest.mark.parametrize(
    ("ask", "kind", "message"),
    [
        ({"cluster": "nobody"}, rt.ColumnError, "cluster names 'nobody'"),
        ({"cluster": 3}, rt.RetentionError, "cluster must be the name of one column; got 3"),
        ({"cluster": "gaps"}, rt.ContentError, "cluster: 1 row has no 'gaps'"),
    ],
)
def test_what_is_no_cluster_is_refused(ask, kind, message):
    """In the words of the caller."""
    table = in_r().assign(gaps=[None, *map(str, range(47))])
    for function in (rt.survival_curve, rt.survival.cumulative_hazard):
        with pytest.raises(kind, match=message):
            function(table, **ask)
    with pytest.raises(kind, match=message):
        rt.survival.cumulative_incidence(table, **ask)
    with pytest.raises(kind, match=message):
        rt.compare_curves(table, by="plan", **ask)
    with pytest.raises(rt.ContentError, match="2 clusters say too little of 3 segments"):
        rt.compare_curves(table, by="plan", cluster="region")

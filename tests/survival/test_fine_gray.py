"""Fine and Gray's regression against R's crr, loops and Cox's model."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import retention as rt
from competing_spells import in_r

three = pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)

# R 4.2.2, cmprsk 2.2-11, of `in_r` with z as 0 and 1: m <- crr(duration, ev, cbind(x, z),
#   failcode = k, gtol = 1e-12); m$coef; sqrt(diag(m$var)); predict(m, rbind(c(.5, 1), c(-1, 0)))
#   at the durations 4 and 8, one customer after the other.
IN_R = {
    "price": [
        -0.000789927475526,
        -0.0372317726486,
        0.301063860581,
        0.355440965243,
        0.128974164437,
        0.307999861027,
        0.133671892844,
        0.317906234152,
    ],
    "rival": [
        0.125941314978,
        -0.331298484971,
        0.445025961145,
        0.53306896019,
        0.0725447586592,
        0.154148008525,
        0.083171603544,
        0.17554149937,
    ],
}
NEW = pd.DataFrame({"customer_id": [1, 2], "x": [0.5, -1.0], "z": [True, False]})


def fitted(table, **asked):
    """The model of the two covariates."""
    return rt.survival.fit_fine_gray(table, covariates=["x", "z"], **asked)


@three
def test_coefficients_errors_and_shares_agree_with_crr(engine):
    """Also those of 10 random tables with heavy ties, by hand: to 4e-10, the tolerance of crr."""
    model = fitted(engine.table(in_r()))
    assert model.reasons == ("price", "rival")
    found = rt.survival.predict_reasons(NEW, model=model, times=[4, 8], given=None)
    for each, (reason, told) in zip(model.models, IN_R.items(), strict=True):
        shares = found.loc[found["reason"] == reason, "reason_probability"]
        ours = [*each.coef, *each.standard_errors, *shares]
        assert ours == pytest.approx(told, rel=1e-6)
    assert found["survival"].isna().all()


def weights_and_times(table):
    """G(t−) as in crr: ends at a time are at risk of being censored then."""
    g, before = 1.0, {}
    for u in sorted(set(table["duration"])):
        before[u] = g
        here = table["duration"] == u
        g *= 1 - (here & ~table["churned"]).sum() / (table["duration"] >= u).sum()
    return before


def naive_sandwich(table, reason, beta, last):
    """Score, and the variances of the coefficients and of the baseline, row by row and time."""
    rows = list(table[["x", "z", "duration", "churned", "reason"]].itertuples(index=False))
    x = np.array([[r.x, float(r.z)] for r in rows])
    before, times = weights_and_times(table), sorted(set(table["duration"]))
    risk, n = np.exp(x @ beta), len(rows)
    case = np.array([r.churned and r.reason == reason for r in rows])
    other = np.array([r.churned and r.reason != reason for r in rows])
    t = table["duration"].to_numpy()
    w = {
        u: np.where(t >= u, 1.0, np.where(other, before[u] / np.array([before[v] for v in t]), 0))
        for u in times
    }
    eta, own, information = np.zeros((n, 2)), np.zeros(n), np.zeros((2, 2))
    lag, pull = {}, np.zeros(2)
    for u in times:
        s0 = (w[u] * risk).sum()
        mean = (w[u] * risk) @ x / s0
        d = (case & (t == u)).sum()
        martingale = (case & (t == u)) - w[u] * risk * d / s0
        eta += (x - mean) * martingale[:, None]
        information += d * ((w[u] * risk * (x - mean).T) @ (x - mean) / s0)
        if u <= last:
            own += martingale / s0
            pull += mean * d / s0
        step = (w[u] * risk * d / s0)[:, None] * np.column_stack(
            [x - mean, np.full(n, (u <= last) / s0)]
        )
        lag[u] = step
    psi = np.zeros((n, 3))
    for u in times:
        gone = other & (t < u)
        q = sum((lag[s][gone].sum(axis=0) for s in times if s >= u), np.zeros(3))
        at_risk, censored = t >= u, (t == u) & ~table["churned"].to_numpy()
        martingale = censored - at_risk * censored.sum() / at_risk.sum()
        psi += martingale[:, None] * q / at_risk.sum()
    moved = (eta + psi[:, :2]) @ np.linalg.inv(information)
    base = own + psi[:, 2] - moved @ pull
    return eta.sum(axis=0), moved, base


@pytest.mark.parametrize("cluster", [None, "who"])
def test_score_and_errors_agree_with_loops(cluster):
    """The score is 0; influences of rows, or sums of those of a cluster, make the variances."""
    table = in_r().sample(36, random_state=1, ignore_index=True).assign(who=np.arange(36) // 2)
    model = fitted(table, cluster=cluster)
    for reason, each in zip(model.reasons, model.models, strict=True):
        last = each.variance_duration[-1]
        score, moved, base = naive_sandwich(table, reason, np.array(each.coef), last)
        assert score == pytest.approx([0, 0], abs=1e-9)
        both = np.column_stack([moved, base * math.exp(-np.array(each.means) @ each.beta)])
        if cluster:
            both = pd.DataFrame(both).groupby(table["who"]).sum().to_numpy()
        error = np.sqrt((both[:, :2] ** 2).sum(axis=0))
        assert each.standard_errors == pytest.approx(error, rel=1e-8)
        # Λ at x = 0, as the loops have it
        design, none = np.zeros((1, 2)), np.zeros(1, int)
        hazard, variance = each.hazard_between(design, none, np.array([-1.0]), np.array([last]))
        naive = base if not cluster else pd.Series(base).groupby(table["who"]).sum().to_numpy()
        assert math.sqrt(variance[0]) == pytest.approx(math.sqrt((naive**2).sum()), rel=1e-6)
        assert hazard[0] > 0


def test_weights_count_as_repeated_rows():
    """Coefficients, errors, baselines and their variances."""
    table = in_r().assign(n_spells=1 + np.arange(60) % 3)
    rows = table.loc[np.repeat(table.index, table["n_spells"])].drop(columns="n_spells")
    heavy, out = fitted(table), fitted(rows.reset_index(drop=True))
    for one, other in zip(heavy.models, out.models, strict=True):
        assert one.coef == pytest.approx(other.coef, rel=1e-9)
        assert one.standard_errors == pytest.approx(other.standard_errors, rel=1e-8)
        assert one.variance == pytest.approx(other.variance, rel=1e-8)
        assert one.n_spells == other.n_spells == 120
        assert one.n_churned == other.n_churned


def test_without_censoring_it_is_cox_with_others_who_never_leave():
    """Breslow's ties; the errors are robust ones."""
    table = in_r().assign(churned=True, who=range(60))
    other = table["reason"] != "price"
    never = table.assign(duration=table["duration"].where(~other, 99), churned=~other)
    cox = rt.fit_cox(never, covariates=["x", "z"], ties="breslow", cluster="who")
    price = fitted(table).models[0]
    assert price.coef == pytest.approx(cox.coef, rel=1e-8)
    assert price.standard_errors == pytest.approx(cox.standard_errors, rel=1e-8)
    assert price.log_likelihood == pytest.approx(cox.log_likelihood)


def test_it_is_a_value_that_says_what_its_ratios_do_not_mean():
    """It prints in ten lines or fewer, and goes to JSON and back."""
    model = fitted(in_r())
    assert type(model).model_validate_json(model.model_dump_json()) == model
    assert len(str(model).splitlines()) <= 10
    assert "no effects on the rate among those still here" in " ".join(str(model).split())
    table = model.coefficients()
    assert table["reason"].tolist() == ["price", "price", "rival", "rival"]
    for cluster in (None, "plan"):
        assert rt.survival.fit_fine_gray(in_r(), cluster=cluster).models[0].coef == ()


def test_what_cannot_be_told_has_no_errors_and_a_note():
    """A constant, and a covariate that separates."""
    table = in_r().assign(one=1, sure=lambda t: t["churned"] & (t["reason"] == "price"))
    model = rt.survival.fit_fine_gray(table, covariates=["one", "sure"])
    price = model.models[0]
    assert price.status == "separated"
    assert price.coef[0] is None
    assert np.isnan(price.standard_errors).all()
    assert "'one' is a constant" in " ".join(model.notes)


@pytest.mark.filterwarnings("error")
def test_sums_above_one_are_counted():
    """Half leave for each reason, and a covariate raises both shares."""
    i = np.arange(200)
    table = pd.DataFrame(
        {
            "duration": 1 + i % 9,
            "churned": i % 11 != 0,
            "reason": np.where(i % 2 == 0, "price", "rival"),
            "x": (i % 9 < 3) * 1.0,
        }
    )
    model = rt.survival.fit_fine_gray(table, covariates="x")
    asked = pd.DataFrame({"customer_id": [1, 2], "x": [3.0, 0.0]})
    with pytest.warns(rt.RetentionWarning, match="1 row has chances that add up to more than 1"):
        found = rt.survival.predict_reasons(asked, model=model, times=9, given=None)
    assert (found["lower"] <= found["reason_probability"]).all()
    assert (found["reason_probability"] <= found["upper"]).all()


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
def test_chances_beside_spells_are_scored_and_end_with_follow_up():
    """From the start alone; who is new or beyond follow-up is told so."""
    model = fitted(in_r())
    scored = rt.survival.with_reason_predictions(in_r(), model=model, times=8)
    asked = {"price": {8: "price_8"}, "rival": {8: "rival_8"}}
    assert rt.survival.scores_by_reason(scored, chances=asked)["auc"].notna().all()
    late = rt.survival.predict_reasons(NEW, model=model, times=99, given=None)
    assert late["reason_probability"].isna().all()
    assert set(late["note"]) == {"outside what the model has seen"}
    some = NEW.assign(x=[0.5, None])
    gone = rt.survival.predict_reasons(some, model=model, times=4, given=None)
    assert gone["reason_probability"].isna().tolist() == [False, False, True, True]


def test_refusals():
    """Late entry, a reason as its own covariate, tenures and landmarks."""
    table, model = in_r(), fitted(in_r())
    with pytest.raises(rt.RetentionError, match=r"60 spells came under observation.*cause_spec"):
        fitted(table.assign(entry=0.5))
    with pytest.raises(rt.RetentionError, match="cannot be a covariate"):
        rt.survival.fit_fine_gray(table, covariates="reason")
    with pytest.raises(rt.ContentError, match="nobody's end was seen"):
        fitted(table.assign(churned=False))
    with pytest.raises(rt.RetentionError, match="say given=None"):
        rt.survival.predict_reasons(NEW.assign(tenure=1), model=model, times=4)
    with pytest.raises(rt.RetentionError, match="say landmark=None"):
        rt.survival.with_reason_predictions(table, model=model, times=4, landmark=2)


@pytest.mark.parametrize("fit", [rt.survival.fit_fine_gray, rt.survival.fit_cause_specific])
@pytest.mark.parametrize(("n_clusters", "covariates"), [(1, []), (1, ["x"]), (2, ["x", "z"])])
def test_so_few_clusters_give_no_errors_and_no_bounds(fit, n_clusters, covariates):
    """Influences of all clusters are 0 together, so one would seem to be sure: a p of 0."""
    table = in_r().assign(who=lambda each: np.arange(len(each)) % n_clusters)
    model = fit(table, covariates=covariates, cluster="who")
    assert model.coefficients()["standard_error"].isna().all()
    said = rt.survival.predict_reasons(NEW, model=model, times=4, given=None)
    assert said["reason_probability"].notna().all()
    assert said[["lower", "upper"]].isna().all(axis=None)
    if covariates:
        assert any("take more than" in note for note in model.notes)

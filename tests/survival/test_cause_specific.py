"""Cause-specific Cox models and the chances of leaving for each reason, against R and loops."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import retention as rt
from competing_spells import in_r
from retention.survival.causes.incidence_paths import chances_of_reasons, steps_of_stratum

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")

# R 4.2.2, survival 3.5-3, of the table of `in_r` and the customers of `NEW`:
#   d$ev <- factor(ifelse(d$churned, d$reason, "censor"), c("censor", "price", "rival"))
#   f <- coxph(Surv(duration, ev) ~ x + z, d, id = id, ties = "breslow"); coef(f)
#   summary(survfit(f, newdata = new), times = c(4, 9))$pstate
COEF = [0.04537437728574, -0.1338124401203, 0.2326445774495, -0.4844701160814]
INCIDENCE = [
    *(0.1340639446207, 0.08620027323045, 0.3808086528625, 0.1808210945629),
    *(0.1267017777758, 0.07615919036801, 0.368040327799, 0.1624340129194),
]
STAYING = [0.7797357821488, 0.4383702525746, 0.7971390318562, 0.4695256592817]
# riskRegression 2022.11.28: CSC(Hist(duration, st) ~ x + z, d, method = "breslow"), then
#   predict(m, newdata = new, times = 8, cause = 1, se = TRUE)$absRisk and $absRisk.se
RISK = [0.1772844750165, 0.1345424927965]
RISK_SE = [0.02939619465973, 0.03175047087087]
PAIRS = [("reason_probability", "churn_probability"), ("lower", "lower"), ("upper", "upper")]


NEW = pd.DataFrame({"customer_id": [1, 2], "tenure": [0, 3], "x": [-0.5, 1.0], "z": [False, True]})


def chances(table, model, **asked):
    """Predicted chances in pandas."""
    return rt.survival.predict_reasons(table, model=model, **asked)


def test_chances_and_coefficients_agree_with_r():
    """R's multi-state coxph and its survfit: by the matrix exponential, as here."""
    model = rt.survival.fit_cause_specific(in_r(), covariates=["x", "z"], ties="breslow")
    coef = [value for each in model.models for value in each.coef]
    assert coef == pytest.approx(COEF, rel=1e-6)
    found = chances(NEW, model, times=[4, 9], given=None)
    assert found["reason_probability"].to_numpy() == pytest.approx(INCIDENCE, rel=1e-6)
    assert found["survival"].to_numpy()[::2] == pytest.approx(STAYING, rel=1e-6)


def naive_chances(model, x, stratum, start, end):
    """Aalen–Johansen step by step, for one customer."""
    times = sorted({t for each in model.models for t in each.baselines[stratum].duration})
    staying, left = 1.0, [0.0] * len(model.models)
    for time in times:
        if not start < time <= end:
            continue
        steps = []
        for each in model.models:
            base = each.baselines[stratum]
            total = [0.0, *base.cumulative_hazard]
            here = [i for i, t in enumerate(base.duration) if t == time]
            risk = math.exp(
                sum(b * (v - m) for b, v, m in zip(each.beta, x, each.means, strict=True))
            )
            steps.append(risk * sum(total[i + 1] - total[i] for i in here))
        if sum(steps):
            fall = staying * (1 - math.exp(-sum(steps)))
            left = [a + fall * step / sum(steps) for a, step in zip(left, steps, strict=True)]
            staying -= fall
    return left, staying


@pytest.mark.parametrize("late", [False, True])
def test_chances_agree_with_loops(late):
    """Each customer, tenure, time, stratum and reason; they and survival add up to 1."""
    rng = np.random.default_rng(5)
    for _ in range(4):
        table = in_r().sample(40, random_state=int(rng.integers(99)), ignore_index=True)
        if late:
            table["entry"] = np.where(rng.random(40) < 0.2, table["duration"] // 2, 0)
        model = rt.survival.fit_cause_specific(table, covariates=["x", "z"], strata="plan")
        asked = pd.DataFrame(
            {
                "customer_id": range(12),
                "tenure": rng.integers(0, 8, 12),
                "x": rng.normal(size=12),
                "z": rng.random(12) < 0.5,
                "plan": rng.choice(["a", "b"], 12),
            }
        )
        found = chances(asked, model, times=[0, 2, 6.5]).set_index(["customer_id", "time"])
        for row in asked.itertuples():
            stratum = "ab".index(row.plan)
            follow_up = model.models[0].baselines[stratum].follow_up
            for time in (0, 2, 6.5):
                end = row.tenure + time
                here = found.loc[(row.customer_id, time)]
                if end > follow_up:
                    assert here["reason_probability"].isna().all()
                    assert set(here["note"]) == {"outside what the model has seen"}
                    continue
                left, staying = naive_chances(model, (row.x, row.z), stratum, row.tenure, end)
                told = here.set_index("reason")["reason_probability"][list(model.reasons)]
                assert told.to_numpy() == pytest.approx(left, abs=1e-12)
                assert here["survival"].to_numpy() == pytest.approx(staying, abs=1e-12)
                assert told.sum() + staying == pytest.approx(1, abs=1e-12)


def test_variances_are_those_of_small_changes():
    """By the delta method: each step of each baseline and each coefficient moved a little."""
    model = rt.survival.fit_cause_specific(in_r(), covariates=["x", "z"])
    steps = steps_of_stratum(model.models, 0)
    design, start, end = np.array([[0.5, 1.0]]), np.array([2.0]), np.array([[10.0]])
    away = design[0] - np.array(model.models[0].means)

    def moved(hazard, bent):
        risk = np.array([math.exp(away @ each.beta) for each in model.models])
        staying, left = 1.0, np.zeros(2)
        for u, time in enumerate(steps.duration):
            if 2 < time <= 10:
                # a coefficient moves the baseline too, by the drift that the model keeps
                drift = [bent[k] @ (away * hazard[k, u] - steps.drift[k, u]) for k in (0, 1)]
                step = risk * (hazard[:, u] + drift)
                fall = staying * (1 - math.exp(-step.sum()))
                left, staying = left + fall * step / step.sum(), staying - fall
        return left

    none, tiny = np.zeros((2, 2)), 1e-6
    variance = np.zeros(2)
    for k in (0, 1):
        for u in range(steps.duration.size):
            up = steps.hazard.copy()
            up[k, u] += tiny
            slope = (moved(up, none) - moved(steps.hazard, none)) / tiny
            variance += slope**2 * steps.variance[k, u]
        slopes = []
        for term in (0, 1):
            bent = none.copy()
            bent[k, term] = tiny
            slopes.append((moved(steps.hazard, bent) - moved(steps.hazard, none)) / tiny)
        slopes = np.array(slopes)
        variance += np.einsum("ia,ij,ja->a", slopes, steps.covariance[k], slopes)
    found = chances_of_reasons(model.models, steps, design, start, end)
    assert found.variance[0, 0] == pytest.approx(variance, rel=1e-4)


def test_errors_are_near_those_of_riskregression():
    """Theirs come from influences of customers, ours from martingales: alike, not the same."""
    i = np.arange(400)
    mixed = (i * 0.6180339887) % 1
    table = pd.DataFrame(
        {
            "duration": np.round(-np.log(1 - mixed * 0.95) * 10 + i / 1e4, 6),
            "churned": (i * 7) % 5 != 0,
            "reason": np.where((i * 11) % 3 == 0, "price", "rival"),
            "x": ((i * 29) % 41 - 20) / 20,
            "z": i % 2 == 0,
        }
    )
    model = rt.survival.fit_cause_specific(table, covariates=["x", "z"], ties="breslow")
    asked = np.array([[-0.5, 0.0], [1.0, 1.0]])
    steps = steps_of_stratum(model.models, 0)
    made = chances_of_reasons(model.models, steps, asked, np.full(2, -1.0), np.full((2, 1), 8.0))
    assert made.incidence[:, 0, 0] == pytest.approx(RISK, rel=5e-3)
    assert np.sqrt(made.variance[:, 0, 0]) == pytest.approx(RISK_SE, rel=3e-2)


def test_one_reason_is_the_cox_model():
    """Then the chance of leaving is that of predict_churn, bounds and all."""
    table = in_r().assign(reason="left")
    one = rt.survival.fit_cause_specific(table, covariates=["x", "z"])
    model = rt.fit_cox(table, covariates=["x", "z"])
    assert one.models[0] == model
    found = chances(NEW, one, times=6)
    churn = rt.predict_churn(NEW, model=model, within=6)
    for name, other in PAIRS:
        assert found[name].to_numpy() == pytest.approx(churn[other].to_numpy(), rel=1e-9)


def test_models_come_back_from_json_and_print():
    """A frozen value; each reason has its rows of coefficients."""
    model = rt.survival.fit_cause_specific(in_r(), covariates="x", cluster="plan")
    again = type(model).model_validate_json(model.model_dump_json())
    assert again == model
    assert model.coefficients()["reason"].tolist() == ["price", "rival"]
    assert repr(model).startswith("CauseSpecificModel of 60 spells, ends: 30 price, 15 rival")
    assert model.models[0].cluster == "plan"


def test_every_engine_says_the_same(engine):
    """Fitted and asked on its tables; `keep` and what a new label leaves out come along."""
    table = in_r().assign(customer_id=range(60))
    asked = {"covariates": ["x", "plan"], "ties": "breslow"}
    model = rt.survival.fit_cause_specific(engine.table(table), **asked)
    plain = rt.survival.fit_cause_specific(table, **asked)
    assert model.reasons == plain.reasons
    customers = pd.DataFrame(
        {"customer_id": [7, 8], "tenure": [1, 2], "x": [0.5, 0.25], "plan": ["a", "new"]}
    )
    found = engine.read(
        rt.survival.predict_reasons(engine.table(customers), model=model, times=[3], keep="plan"),
        order=["customer_id", "reason"],
    )
    assert found["reason"].tolist() == ["price", "rival"] * 2
    assert found["plan"].tolist() == ["a", "a", "new", "new"]
    assert found["reason_probability"].isna().tolist() == [False, False, True, True]
    assert "level" in found["note"][2]
    same = chances(customers, plain, times=3)["reason_probability"].to_numpy()
    assert found["reason_probability"].to_numpy(dtype=float) == pytest.approx(same, nan_ok=True)


def test_running_spells_are_predicted_and_others_not():
    """A table of spells does as well; nobody to ask about is no row."""
    table = in_r().assign(customer_id=range(60))
    model = rt.survival.fit_cause_specific(table, covariates="x")
    found = chances(table, model, times=[1, 2])
    assert len(found) == 2 * 2 * (~table["churned"]).sum()
    assert chances(table[table["churned"]], model, times=1).empty


def test_no_bounds_without_errors():
    """Nobody on plan "a" left for a rival: a chance of 0, and how sure that is nobody knows."""
    table = in_r()
    table["plan"] = np.where(table["churned"] & (table["reason"] == "rival"), "b", "a")
    model = rt.survival.fit_cause_specific(table, covariates="plan")
    assert model.status == "separated"
    found = chances(NEW.assign(plan="a"), model, times=[3, 5])
    assert found["reason_probability"].min() < 1e-6
    assert found[["lower", "upper"]].isna().all(axis=None)
    assert chances(NEW, rt.survival.fit_cause_specific(table), times=[]).empty


@pytest.mark.parametrize("asked", ["", None, ["reason"], 5])
def test_a_reason_is_one_column(asked):
    """Not a list of names, nor none at all: which was one reason, "(missing)"."""
    for function, more in (
        (rt.survival.fit_cause_specific, {}),
        (rt.survival.cumulative_incidence, {}),
        (rt.survival.compare_incidence, {"by": "plan"}),
    ):
        with pytest.raises(rt.RetentionError, match="cause must be the name of one column; got"):
            function(in_r(), cause=asked, **more)


@pytest.mark.parametrize(
    ("asked", "kind", "message"),
    [
        ({"cause": "why"}, rt.ColumnError, "cause names 'why'"),
        ({"cause": "x", "covariates": "z"}, rt.ColumnError, "cause"),
        ({"covariates": "reason"}, rt.RetentionError, "is why spells ended"),
        ({"penalty": -1}, rt.RetentionError, "penalty must be a number"),
        ({"ties": "exact"}, rt.RetentionError, "ties"),
    ],
)
def test_what_cannot_be_fitted_is_refused(asked, kind, message):
    """In the words of the caller."""
    with pytest.raises(kind, match=message):
        rt.survival.fit_cause_specific(in_r(), **{"covariates": "x", **asked})


def test_other_refusals():
    """No end, too many reasons, no such model, times before now."""
    table = in_r()
    with pytest.raises(rt.ContentError, match="nobody's end was seen"):
        rt.survival.fit_cause_specific(table.assign(churned=False))
    many = pd.DataFrame({"duration": 1, "churned": True, "reason": [f"r{i}" for i in range(51)]})
    with pytest.raises(rt.ContentError, match="holds 51 reasons of seen ends"):
        rt.survival.fit_cause_specific(many)
    with pytest.raises(rt.RetentionError, match="must come from fit_cause_.*; got CoxModel"):
        rt.survival.predict_reasons(NEW, model=rt.fit_cox(table), times=1)
    with pytest.raises(rt.RetentionError, match="times must be lengths of time"):
        chances(NEW, rt.survival.fit_cause_specific(table), times=-1)


def test_bounds_with_a_cluster_are_those_of_the_jackknife():
    """The rows of each cluster weigh a little more: what chances gain, squared and added up."""
    table = in_r().assign(who=np.arange(60) // 4, n_spells=100_000)

    def fitted_chances(spells, **asked):
        model = rt.survival.fit_cause_specific(
            spells, covariates=["x", "z"], ties="breslow", **asked
        )
        return chances(NEW, model, times=[4, 9])

    found = fitted_chances(table.assign(n_spells=1), cluster="who")
    plain, variance = fitted_chances(table)["reason_probability"].to_numpy(), np.zeros(8)
    for who in range(15):
        more = table.assign(n_spells=table["n_spells"] + (table["who"] == who))
        gained = fitted_chances(more)["reason_probability"].to_numpy() - plain
        variance += (gained * 100_000) ** 2
    share = found["reason_probability"].to_numpy()
    log = np.log(-np.log1p(-share))
    spread = 1.959963985 * np.sqrt(variance) / ((1 - share) * -np.log1p(-share))
    assert found["lower"].to_numpy() == pytest.approx(-np.expm1(-np.exp(log - spread)), rel=2e-4)
    assert found["upper"].to_numpy() == pytest.approx(-np.expm1(-np.exp(log + spread)), rel=2e-4)


def test_with_a_cluster_of_each_row_bounds_are_near_those_of_independent_spells():
    """With strata, Efron's ties and late entries; the model goes to JSON and back."""
    table = in_r().assign(who=range(60), entry=lambda t: np.where(t.index % 7 == 0, 0.5, 0))
    asked = {"covariates": ["x", "z"], "strata": "plan"}
    new = NEW.assign(plan=["a", "b"])
    alone = rt.survival.fit_cause_specific(table, **asked)
    robust = rt.survival.fit_cause_specific(table, **asked, cluster="who")
    assert type(robust).model_validate_json(robust.model_dump_json()) == robust
    one, other = (chances(new, model, times=[4, 8]) for model in (alone, robust))
    width, wide = ((each["upper"] - each["lower"]).to_numpy() for each in (one, other))
    assert one["reason_probability"].tolist() == other["reason_probability"].tolist()
    assert wide == pytest.approx(width, rel=0.35)

"""Fits whose spells depend on one another: errors by clusters, against R and loops."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.numerics.frozen import array_of_table

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
ASK = {"covariates": ["x", "plan"], "cluster": "who"}
MONTHS = {"unit": "month", "duration_unit": "month"}

# R 4.2.2, survival 3.5-3, on the table of `in_r`:
#   f <- survreg(Surv(duration, churned) ~ x + plan, d, dist = dist, cluster = who, robust = TRUE,
#                control = survreg.control(rel.tolerance = 1e-14, maxiter = 100))
#   sqrt(diag(f$var))   # intercept, x, plan, log(scale)
SURVREG = {
    "weibull": [0.149650718742, 0.0638353956003, 0.173880568858, 0.162209555561],
    "lognormal": [0.208650546841, 0.0723354559821, 0.234138327036, 0.126609414636],
    "loglogistic": [0.207035314098, 0.0749358125508, 0.200273902702, 0.147939230843],
    "exponential": [0.281068280996, 0.107590023851, 0.284688858307],
}
# The months of each spell that say something written out, then
#   f <- glm(y ~ x + plan + factor(j) - 1 + x:log(j), binomial(link), rows)
# and V crossprod(S) V with S the scores summed by `who`, V minus the inverse of the second
# derivatives: x, x:log(j), and the level of month 1 on "basic".
GLM = {
    "logit": [0.2609917691, 0.1697028988, 0.6800316453],
    "cloglog": [0.2441636188, 0.1474190749, 0.6633095373],
}


def in_r():
    """60 spells of 17 customers, the same in R."""
    i = np.arange(60)
    return pd.DataFrame(
        {
            "who": i % 17,
            "duration": 1 + (i * 7) % 11 + (i % 3 == 0) * 2,
            "churned": (i * 5) % 7 < 4,
            "x": (i * 3) % 5,
            "plan": np.where(i % 4 < 2, "basic", "full"),
            "weight": 0.5 + (i * 11) % 13 / 7,
        }
    )


def errors_of_aft(model):
    """Of intercept, coefficients and log σ."""
    return np.sqrt(np.diag(array_of_table(model.full_covariance, len(model.coef) + 2)))


@pytest.mark.parametrize("distribution", SURVREG)
def test_aft_errors_agree_with_r(distribution):
    """survreg(cluster = who, robust = TRUE)."""
    model = rt.survival.fit_aft(in_r(), distribution=distribution, **ASK)
    known = SURVREG[distribution]
    assert errors_of_aft(model)[: len(known)] == pytest.approx(known, rel=1e-9)
    plain = rt.survival.fit_aft(in_r(), distribution=distribution, covariates=["x", "plan"])
    assert model.coef == pytest.approx(plain.coef, rel=1e-12)


@pytest.mark.parametrize("link", GLM)
def test_hazard_errors_agree_with_r(link):
    """A glm of rows and the sandwich of sums by customer, levels with them."""
    model = rt.survival.fit_hazard(in_r(), link=link, varying="x", **ASK, **MONTHS)
    found = model.coefficients()["standard_error"].to_numpy()
    assert found[[0, 2]] == pytest.approx(GLM[link][:2], rel=1e-7)
    _, variance = hazard_by(model, [0.0, 0.0], 1.0)
    chance = model.hazards()["hazard"][0]
    slope = chance if link == "logit" else -math.log1p(-chance)
    assert math.sqrt(variance) == pytest.approx(slope * GLM[link][2], rel=1e-6)


def hazard_by(model, row, until):
    """The cumulative hazard of one customer by a time, and its variance."""
    start, end = np.array([-1e-300]), np.array([float(until)])
    hazard, variance = model.hazard_between(np.array([row]), np.array([0]), start, end)
    return float(hazard[0]), float(variance[0])


HAZARDS = {
    "weibull": math.exp,
    "exponential": math.exp,
    "loglogistic": lambda z: math.log1p(math.exp(z)),
    "lognormal": lambda z: -math.log(math.erfc(z / math.sqrt(2)) / 2),
}
RATES = {
    "weibull": math.exp,
    "exponential": math.exp,
    "loglogistic": lambda z: 1 / (1 + math.exp(-z)),
    "lognormal": lambda z: math.sqrt(2 / math.pi) * math.exp(-z * z / 2) / math.erfc(z / 2**0.5),
}


def aft_parts(table, distribution):
    """The log-likelihood of each spell at parameters: intercept, slope of x, log σ."""
    shape = HAZARDS[distribution]

    def parts(point):
        sigma, said = math.exp(point[2]), []
        for row in table.itertuples():
            z, z_entry = (
                (math.log(time) - point[0] - point[1] * row.x) / sigma if time > 0 else -math.inf
                for time in (row.duration, row.entry)
            )
            passed = shape(z) - (0.0 if math.isinf(z_entry) else shape(z_entry))
            said.append(row.churned * (math.log(RATES[distribution](z)) - point[2]) - passed)
        return np.array(said)

    return parts


def hazard_parts(table, levels, link):
    """The same at parameters: slope of x, then the level of each month that has one."""

    def parts(point):
        said = []
        for row in table.itertuples():
            total = 0.0
            for month in range(math.floor(row.entry) + 1, row.duration + 1):
                if month not in levels:
                    continue
                eta = point[0] * row.x + point[1 + levels.index(month)]
                odds = math.exp(eta)
                stay = -math.log1p(odds) if link == "logit" else -odds
                ends = row.churned and month == row.duration
                total += math.log(-math.expm1(stay)) if ends else stay
            said.append(total)
        return np.array(said)

    return parts


def sandwich(parts, point, who):
    """V Σ U Uᵀ V by finite differences of the likelihood of each spell."""
    n, step = len(point), 1e-4

    def moved(*places):
        there = np.array(point, float)
        for place, far in places:
            there[place] += far * step
        return parts(there)

    score = np.array([(moved((i, 1)) - moved((i, -1))) / (2 * step) for i in range(n)]).T
    summed = pd.DataFrame(score).groupby(np.array(who)).sum().to_numpy()
    curved = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            four = [a * b * moved((i, a), (j, b)).sum() for a in (1, -1) for b in (1, -1)]
            curved[i, j] = sum(four) / (4 * step**2)
    inverse = np.linalg.inv(-curved)
    return inverse @ summed.T @ summed @ inverse


def late_spells(seed):
    """45 spells of 9 customers in whole months, some entered late."""
    draw = np.random.default_rng(seed)
    n = 45
    x = draw.integers(0, 3, n)
    duration = 1 + np.minimum(draw.geometric(0.2 + 0.05 * x), 6)
    late = np.where(draw.random(n) < 0.3, 1, 0)
    return pd.DataFrame(
        {
            "who": draw.integers(0, 9, n),
            "duration": duration,
            "entry": late,
            "churned": draw.random(n) < 0.7,
            "x": x,
        }
    )


@settings(max_examples=at_most(2))
@given(st.integers(0, 10**6), st.sampled_from(sorted(HAZARDS)))
def test_aft_errors_agree_with_differences(seed, distribution):
    """With late entry, which R's survreg does not know; bounds of predictions have them."""
    table = late_spells(seed)
    ask = {"covariates": "x", "distribution": distribution}
    model = rt.survival.fit_aft(table, cluster="who", **ask)
    n = 2 if distribution == "exponential" else 3
    point = [model.intercept, model.coef[0], model.log_scale]
    parts = aft_parts(table, distribution)
    twin = sandwich(lambda some: parts([*some, 0.0][:3]), point[:n], table["who"])
    found = array_of_table(model.full_covariance, 3)[:n, :n]
    assert found == pytest.approx(twin, rel=1e-4, abs=1e-8)

    def predicted(some):
        z = (math.log(4) - some[0] - some[1]) / math.exp([*some, 0.0][2])
        return HAZARDS[distribution](z)

    gradient = differences(predicted, point[:n])
    _, variance = hazard_by(model, [1.0], 4)
    assert variance == pytest.approx(gradient @ found @ gradient, rel=1e-5)


def differences(function, point):
    """The gradient of a function, by differences."""
    made = []
    for i in range(len(point)):
        one, other = (np.array(point, float) for _ in range(2))
        one[i] += 1e-6
        other[i] -= 1e-6
        made.append((function(one) - function(other)) / 2e-6)
    return np.array(made)


@settings(max_examples=at_most(2))
@given(st.integers(0, 10**6), st.sampled_from(["logit", "cloglog"]))
def test_hazard_errors_agree_with_differences(seed, link):
    """Levels that move together and with the effects are in the bounds of predictions."""
    table = late_spells(seed)
    model = rt.survival.fit_hazard(table, covariates="x", link=link, cluster="who", **MONTHS)
    told = model.hazards().dropna(subset="level")
    levels = told["interval"].tolist()
    point = [model.coef[0], *told["level"]]
    twin = sandwich(hazard_parts(table, levels, link), point, table["who"])
    found = model.coefficients()["standard_error"][0] ** 2
    assert found == pytest.approx(twin[0, 0], rel=1e-4, abs=1e-8)

    def predicted(some):
        odds = [math.exp(some[0] * 2 + level) for level in some[1:]]
        return sum(math.log1p(each) if link == "logit" else each for each in odds)

    gradient = differences(predicted, point)
    hazard, variance = hazard_by(model, [2.0], levels[-1])
    if math.isfinite(hazard):
        assert variance == pytest.approx(gradient @ twin @ gradient, rel=1e-4)


def fits():
    """A fit of each kind, by name."""
    return {
        "aft": rt.survival.fit_aft,
        "hazard": lambda table, **ask: rt.survival.fit_hazard(table, **MONTHS, **ask),
    }


@pytest.mark.parametrize("fit", fits().values(), ids=fits())
def test_every_spell_twice_in_its_cluster_tells_nothing_new(fit):
    """Neither written out nor counted by n_spells."""
    table = in_r()
    one = fit(table, **ASK)
    for again in (
        fit(pd.concat([table, table], ignore_index=True), **ASK),
        fit(table.assign(n_spells=2), **ASK),
    ):
        assert again.standard_errors == pytest.approx(one.standard_errors, rel=1e-6)
    lone = fit(table.assign(who=np.arange(60)), **ASK).standard_errors
    copies = pd.concat([table.assign(who=np.arange(60) + 60 * k) for k in range(2)])
    assert fit(copies, **ASK).standard_errors * 2**0.5 == pytest.approx(lone, rel=1e-6)


@pytest.mark.parametrize("fit", fits().values(), ids=fits())
def test_engines_say_the_same_of_clusters(fit, engine):
    """Whatever the customers are called; a model comes back from JSON as it was."""
    table = in_r().assign(who=lambda rows: "c" + rows["who"].astype(str))
    model = fit(engine.table(table), **ASK)
    plain = fit(in_r(), **ASK)
    assert model.standard_errors == pytest.approx(plain.standard_errors, rel=1e-6)
    assert type(model).model_validate_json(model.model_dump_json()) == model
    assert model.cluster == "who"


@pytest.mark.parametrize("fit", fits().values(), ids=fits())
def test_too_few_clusters_give_no_errors_and_say_so(fit):
    """Neither of coefficients nor of predictions."""
    table = in_r().assign(who=1)
    model = fit(table, **ASK)
    assert np.isnan(model.standard_errors).all()
    assert "take more than 1 cluster." in model.notes[-1]
    asked = pd.DataFrame({"customer_id": [0], "tenure": [0], "x": [1], "plan": ["full"]})
    said = rt.survival.predict_survival(asked, model=model, times=3)
    assert said["survival"].notna().all()
    assert said[["lower", "upper"]].isna().all(axis=None)


@pytest.mark.parametrize("fit", fits().values(), ids=fits())
@pytest.mark.parametrize(
    ("cluster", "kind", "message"),
    [
        ("nobody", rt.ColumnError, "cluster names 'nobody'"),
        (3, rt.RetentionError, "cluster must be the name of one column; got 3"),
        ("gaps", rt.ContentError, "cluster: 1 row has no 'gaps'"),
    ],
)
def test_a_cluster_is_a_column_that_is_filled_in(fit, cluster, kind, message):
    """In the words of the caller."""
    table = in_r().assign(gaps=[None, *map(str, range(59))])
    with pytest.raises(kind, match=message):
        fit(table, covariates="x", cluster=cluster)

"""Weights that are no counts: fits against R, and what they must not be taken for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.numerics.frozen import array_of_table

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
ASK = {"covariates": ["x", "plan"], "sampling_weights": "weight"}
MONTHS = {"unit": "month", "duration_unit": "month"}

# R 4.2.2, survival 3.5-3, on the table of `in_r`; each row its own cluster, then by `who`:
#   f <- coxph(Surv(duration, churned) ~ x + plan, d, weights = weight, cluster = row, ties = ties,
#              control = coxph.control(eps = 1e-14, iter.max = 50))
#   coef(f); sqrt(diag(f$var))
#   survfit(f, newdata = data.frame(x = 0, plan = "basic"))$cumhaz[c(3, 8)]
#   coxph(Surv(late, duration, churned) ~ x + strata(plan), d, weights = weight, cluster = who)
COX = {
    "efron": {
        "coef": [-0.1058479650292, 0.03637405533709],
        "rows": [0.119282630426, 0.3416119877788],
        "who": [0.1341120063929, 0.3841259304726],
        "hazard": [0.1435733571179, 0.7436682356547],
        "late": [-0.1247135123321, 0.1361645208144],
    },
    "breslow": {
        "coef": [-0.1045328817467, 0.04253416117626],
        "rows": [0.1129115187906, 0.323093476276],
        "who": [0.1261755525561, 0.3569438591734],
        "hazard": [0.1407605321713, 0.7144556459786],
        "late": [-0.120202028332, 0.1259707148677],
    },
}
# f <- survreg(Surv(duration, churned) ~ x + plan, d, weights = weight / mean(weight), dist = dist)
# sqrt(diag(crossprod(rowsum(residuals(f, "dfbeta", weighted = TRUE), d$who)))). What survreg itself
# prints with robust = TRUE leaves the weights out of the scores: ten times the weights would give a
# tenth of its errors.
SURVREG = {
    "weibull": {
        "point": [2.19906128583, 0.0429766332485, -0.0394443504813, -0.829558174393],
        "who": [0.119969948284, 0.0570451656797, 0.158788796337, 0.168208526878],
        "rows": [0.116523705124, 0.0477110464822, 0.136222344801, 0.157082049735],
    },
    "lognormal": {
        "point": [1.90055977131, 0.0833963235531, 0.00812431971987, -0.36312170367],
        "who": [0.171617334336, 0.068589690725, 0.210546811498, 0.124942491514],
        "rows": [0.190589883911, 0.0703770741702, 0.192358447063, 0.150934864632],
    },
    "loglogistic": {
        "point": [1.97555998144, 0.0754234654232, -0.0456898948296, -1.00966436493],
        "who": [0.15564173362, 0.0643505298087, 0.177659132483, 0.156752885278],
        "rows": [0.169673949752, 0.0604762401208, 0.168098346213, 0.172681005425],
    },
    "exponential": {
        "point": [2.38339179323, 0.0606317698101, -0.128442988701],
        "who": [0.257426233951, 0.104342780824, 0.281236428495],
        "rows": [0.238960597589, 0.0884657007902, 0.249223779056],
    },
}
# glm(y ~ x + plan + factor(j) - 1 + x:log(j), binomial(link), rows, weights = weight), scores
# summed by `who` between two inverses of minus the second derivatives: x and x:log(j), then errors.
GLM = {
    "logit": [[-0.496355357127, 0.222858093907], [0.3595315865, 0.2317840649]],
    "cloglog": [[-0.490197682010, 0.221696227239], [0.3375804782, 0.2037882731]],
}


def in_r():
    """60 spells of 17 customers, the same in R, with weights between 0.5 and 2.2."""
    i = np.arange(60)
    duration = 1 + (i * 7) % 11 + (i % 3 == 0) * 2
    late = np.where((i + 1) % 4 == 0, 0.5, 0) * ((i + 1) % 3)
    return pd.DataFrame(
        {
            "who": i % 17,
            "duration": duration,
            "late": np.minimum(late, duration - 0.5),
            "churned": (i * 5) % 7 < 4,
            "x": (i * 3) % 5,
            "plan": np.where(i % 4 < 2, "basic", "full"),
            "weight": 0.5 + (i * 11) % 13 / 7,
        }
    )


@pytest.mark.parametrize("ties", COX)
def test_cox_agrees_with_r(ties):
    """coxph(weights = weight, robust = TRUE), by row and by customer, late and by strata."""
    known = COX[ties]
    for cluster, errors in ((None, known["rows"]), ("who", known["who"])):
        model = rt.fit_cox(in_r(), ties=ties, cluster=cluster, **ASK)
        assert model.coef == pytest.approx(known["coef"], rel=1e-10)
        assert model.standard_errors == pytest.approx(errors, rel=1e-9)
    start, end, none = np.full(2, -1.0), np.array([3.0, 8.0]), np.zeros(2, int)
    hazard, variance = model.hazard_between(np.zeros((2, 2)), none, start, end)
    assert hazard == pytest.approx(known["hazard"], rel=1e-10)
    assert np.isnan(variance).all()
    assert "no bounds" in model.notes[-1]
    late = in_r().rename(columns={"late": "entry"})
    ask = {"covariates": "x", "strata": "plan", "sampling_weights": "weight", "cluster": "who"}
    model = rt.fit_cox(late, ties=ties, **ask)
    assert [model.coef[0], model.standard_errors[0]] == pytest.approx(known["late"], rel=1e-9)


@pytest.mark.parametrize("distribution", SURVREG)
def test_aft_agrees_with_r(distribution):
    """Sandwiches of weighted dfbeta residuals, by row and by customer."""
    known = SURVREG[distribution]
    for cluster, errors in ((None, known["rows"]), ("who", known["who"])):
        model = rt.survival.fit_aft(in_r(), distribution=distribution, cluster=cluster, **ASK)
        point = [model.intercept, *model.coef, model.log_scale][: len(known["point"])]
        assert point == pytest.approx(known["point"], rel=1e-9)
        found = np.sqrt(np.diag(array_of_table(model.full_covariance, 4)))
        assert found[: len(errors)] == pytest.approx(errors, rel=1e-8)


@pytest.mark.parametrize("link", GLM)
def test_hazard_agrees_with_r(link):
    """A weighted glm of rows and its sandwich; the counts stay counts."""
    ask = {"varying": "x", "cluster": "who", "link": link, **MONTHS}
    model = rt.survival.fit_hazard(in_r(), **ASK, **ask)
    found = model.coefficients().iloc[[0, 2]]
    assert found["coef"].to_numpy() == pytest.approx(GLM[link][0], rel=1e-7)
    assert found["standard_error"].to_numpy() == pytest.approx(GLM[link][1], rel=1e-7)
    plain = rt.survival.fit_hazard(in_r(), covariates="x", **MONTHS)
    assert (model.at_risk, model.ended) == (plain.at_risk, plain.ended)
    assert (model.n_spells, model.n_churned) == (plain.n_spells, plain.n_churned)


FITS = {
    "cox": rt.fit_cox,
    "aft": rt.survival.fit_aft,
    "hazard": lambda table, **ask: rt.survival.fit_hazard(table, **MONTHS, **ask),
}
each_fit = pytest.mark.parametrize("fit", FITS.values(), ids=FITS)


@each_fit
def test_only_proportions_of_weights_matter(fit):
    """Weights that are equal are none: errors are then those of each row as its own cluster."""
    table = in_r().assign(row=np.arange(60))
    one = fit(table, **ASK)
    for factor in (1e-6, 1e6):
        again = fit(table.assign(weight=table["weight"] * factor), **ASK)
        assert again.coef == pytest.approx(one.coef, rel=1e-9)
        assert again.standard_errors == pytest.approx(one.standard_errors, rel=1e-9)
        assert again.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-9)
    equal = fit(table.assign(weight=3), **ASK)
    rows = fit(table, covariates=["x", "plan"], cluster="row")
    assert equal.coef == pytest.approx(rows.coef, rel=1e-9)
    assert equal.standard_errors == pytest.approx(rows.standard_errors, rel=1e-8)


@each_fit
def test_whole_weights_are_no_copies(fit):
    """Two customers spoken for by one are one look, two counted by n_spells are two."""
    table = in_r().assign(weight=1 + np.arange(60) % 3)
    copies = table.loc[np.repeat(table.index, table["weight"])].reset_index(drop=True)
    said = fit(table, **ASK)
    if fit is not rt.fit_cox:  # whose ties have a mean weight in R's way
        assert said.coef == pytest.approx(fit(copies, covariates=["x", "plan"]).coef, rel=1e-6)
    ask = {"covariates": ["x", "plan"], "cluster": "who"}
    spread = fit(copies, **ask).standard_errors
    told = fit(table.drop(columns="weight").assign(n_spells=table["weight"]), **ask)
    assert told.standard_errors == pytest.approx(spread, rel=1e-6)


@each_fit
def test_engines_and_json_keep_weights(fit, engine):
    """Whatever holds the table; a model comes back as it was."""
    table = in_r()
    model = fit(engine.table(table), **ASK)
    assert model.standard_errors == pytest.approx(fit(table, **ASK).standard_errors, rel=1e-9)
    assert type(model).model_validate_json(model.model_dump_json()) == model
    assert model.sampling_weights == "weight"


@each_fit
@pytest.mark.parametrize(
    ("weight", "kind", "message"),
    [
        ([np.nan, 0.0, -1.0, np.inf], rt.ContentError, "1 row has no weight; 2 rows have a weight"),
        ([np.inf, 1.0, 1.0, 1.0], rt.ContentError, "1 row has an infinite weight in 'weight'"),
        (["a", "b", "c", "d"], rt.ColumnError, "column 'weight' holds no numbers"),
    ],
)
def test_what_is_no_weight_is_refused(fit, weight, kind, message):
    """With counts, and what to do."""
    table = in_r().assign(weight=(weight * 15))
    table.loc[4:, "weight"] = weight[1] if isinstance(weight[1], str) else 1.0
    with pytest.raises(kind, match=message):
        fit(table, **ASK)


@each_fit
def test_weights_beside_copies_are_refused(fit):
    """Copies of one row would be taken for independent."""
    table = in_r().assign(n_spells=np.where(np.arange(60) < 2, 2, 1))
    with pytest.raises(rt.ContentError, match="2 rows stand for several spells"):
        fit(table, **ASK)
    with pytest.raises(rt.ColumnError, match="sampling_weights names 'pull'"):
        fit(in_r(), sampling_weights="pull")


@each_fit
@pytest.mark.parametrize("argument", ["cluster", "sampling_weights"])
def test_a_column_of_spells_is_no_weight_and_no_cluster(fit, argument):
    """It is called what it is."""
    with pytest.raises(rt.ColumnError, match=f"{argument}: 'duration' is a column of spells"):
        fit(in_r(), **{argument: "duration"})


@pytest.mark.parametrize("fit", [rt.survival.fit_fine_gray, rt.survival.fit_cause_specific])
def test_a_column_of_spells_is_no_reason(fit):
    """Nor is how long a spell lasted why it ended."""
    with pytest.raises(rt.ColumnError, match="cause: 'duration' is a column of spells"):
        fit(in_r(), covariates="x", cause="duration")


@pytest.mark.parametrize(
    "weight",
    [
        "2.5",
        pd.Timestamp("2024-01-01"),
        pd.Timedelta(days=3),
        pd.Categorical.from_codes([0] * 6, ["1"]),
    ],
)
def test_digits_in_text_and_days_are_no_weights(weight):
    """numpy would read them as numbers."""
    spells = pd.DataFrame({"duration": range(1, 7), "churned": [True, False] * 3, "x": [1, 2] * 3})
    with pytest.raises(rt.ColumnError, match="'w' holds no numbers"):
        rt.fit_cox(spells.assign(w=weight), covariates="x", sampling_weights="w")


def test_only_the_ratios_of_weights_count_however_large():
    """The sum of these is above the largest float."""
    spells = pd.DataFrame(
        {"duration": [1, 2, 3, 4, 5, 6], "churned": [True, False] * 3, "x": [1, 0, 0, 1, 0, 1]}
    )
    one, large = (
        rt.fit_cox(spells.assign(w=unit), covariates="x", sampling_weights="w")
        for unit in (1.0, 1e308)
    )
    assert large.coef == pytest.approx(one.coef)
    assert large.standard_errors == pytest.approx(one.standard_errors)

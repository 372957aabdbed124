"""from_lifelines: what lifelines fitted predicts through our functions as through its own."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import retention as rt

NAMES = ["age", "fin", "prio"]
AFT = ["WeibullAFTFitter", "LogNormalAFTFitter", "LogLogisticAFTFitter"]

pytestmark = pytest.mark.filterwarnings("ignore:Starting with pandas version 4")


def rossi():
    """432 released prisoners, as lifelines ships them."""
    from lifelines.datasets import load_rossi

    return load_rossi()[["week", "arrest", "race", *NAMES]]


def fitted(name, table=None, **asked):
    """A fitter of lifelines, fitted without its warnings."""
    import lifelines

    options = {key: asked.pop(key) for key in ("penalizer",) if key in asked}
    table = rossi().drop(columns="race") if table is None else table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(lifelines, name)(**options).fit(table, "week", "arrest", **asked)


def people(n=20):
    """Some of them, as customers who are only starting."""
    return rossi().tail(n).assign(customer_id=range(n), tenure=0).reset_index(drop=True)


def theirs(fitter, customers, times):
    """lifelines' survival, customer by customer and time by time."""
    found = fitter.predict_survival_function(customers, times=times)
    return found[customers.index].to_numpy().T.ravel()  # strata come back one after the other


WEEKS = [1, 7, 20, 37, 52]


@pytest.mark.parametrize("asked", [{}, {"penalizer": 0.1}, {"formula": "age + fin + prio"}])
def test_cox_predicts_as_lifelines_does(asked):
    """Survival at durations, to 1e-9; coefficients, errors and tests as lifelines has them."""
    fitter = fitted("CoxPHFitter", **asked)
    model = rt.survival.from_lifelines(fitter)
    found = rt.survival.predict_survival(people(), model=model, times=WEEKS)
    np.testing.assert_allclose(found["survival"], theirs(fitter, people(), WEEKS), rtol=1e-9)
    assert found[["lower", "upper"]].isna().all(axis=None)
    table = model.coefficients().set_index("term")
    np.testing.assert_allclose(table["coef"], fitter.params_[table.index], rtol=1e-12)
    np.testing.assert_allclose(table["standard_error"], fitter.standard_errors_, rtol=1e-12)
    assert model.log_likelihood == fitter.log_likelihood_
    ratio = fitter.log_likelihood_ratio_test().test_statistic
    assert model.tests()["statistic"][0] == pytest.approx(ratio)
    assert (model.n_spells, model.n_churned) == (432, 114)


def test_cox_in_strata_predicts_as_lifelines_does():
    """One stratum or two, each with a baseline of its own."""
    for strata in (["race"], ["race", "fin"]):
        fitter = fitted("CoxPHFitter", rossi(), strata=strata)
        model = rt.survival.from_lifelines(fitter)
        found = rt.survival.predict_survival(people(40), model=model, times=WEEKS[:4])
        expected = theirs(fitter, people(40), WEEKS[:4])
        np.testing.assert_allclose(found["survival"], expected, rtol=1e-9)
        assert model.strata == tuple(strata)


def test_cox_of_theirs_and_ours_are_near():
    """The same likelihood: coefficients to lifelines' own accuracy, and its own hazard test."""
    table = rossi().rename(columns={"week": "duration", "arrest": "churned"})
    table["churned"] = table["churned"] == 1
    ours = rt.fit_cox(table, covariates=["fin", "age", "prio"])
    other = rt.survival.from_lifelines(fitted("CoxPHFitter"))
    table_of = [m.coefficients().set_index("term").loc[NAMES, "coef"] for m in (ours, other)]
    np.testing.assert_allclose(table_of[0], table_of[1], rtol=1e-5)
    tests = [
        rt.survival.proportional_hazards_test(table, model=m).set_index("term")
        for m in (ours, other)
    ]
    np.testing.assert_allclose(
        tests[0]["statistic"], tests[1].loc[tests[0].index, "statistic"], rtol=1e-3
    )


def test_late_entry_is_put_right():
    """lifelines' baseline forgets it: 0.78 where the truth is 0.607. Made anew it is near that."""
    rng = np.random.default_rng(2)
    end, entry = rng.exponential(2, 6000), rng.uniform(0, 2, 6000)
    table = pd.DataFrame({"week": end, "arrest": 1, "x": rng.normal(size=6000), "entry": entry})
    table = table[end > entry]
    fitter = fitted("CoxPHFitter", table, entry_col="entry")
    model = rt.survival.from_lifelines(fitter)
    assert any("leaves late entry out of account" in note for note in model.notes)
    customers = pd.DataFrame({"customer_id": [1], "tenure": [0.01], "x": [0.0]})
    found = rt.survival.predict_survival(customers, model=model, times=1)["survival"][0]
    assert found == pytest.approx(np.exp(-0.5), abs=0.02)
    assert theirs(fitter, customers, [1.01])[0] > 0.7
    ours = rt.fit_cox(
        table.rename(columns={"week": "duration", "arrest": "churned"}).assign(churned=True),
        covariates="x",
        ties="breslow",
    )
    again = rt.survival.predict_survival(customers, model=ours, times=1)["survival"][0]
    assert found == pytest.approx(again, abs=1e-5)


def test_weights_and_clusters_are_read():
    """A row counts as often as its weight says; robust errors are those that lifelines prints."""
    rng = np.random.default_rng(0)
    table = rossi().drop(columns="race").assign(w=rng.integers(1, 4, 432), who=np.arange(432) // 2)
    fitter = fitted("CoxPHFitter", table, weights_col="w", cluster_col="who")
    model = rt.survival.from_lifelines(fitter)
    assert model.n_spells == table["w"].sum()
    assert model.cluster == "who"
    np.testing.assert_allclose(model.standard_errors, fitter.standard_errors_, rtol=1e-12)
    assert model.tests()["statistic"].isna().tolist() == [False, True, True]
    found = rt.survival.predict_survival(people(), model=model, times=WEEKS)["survival"]
    np.testing.assert_allclose(found, theirs(fitter, people(), WEEKS), rtol=1e-9)


@pytest.mark.parametrize("name", AFT)
def test_aft_predicts_as_lifelines_does(name):
    """Survival at any time to 1e-9, coefficients and errors; bounds are there too."""
    fitter = fitted(name)
    model = rt.survival.from_lifelines(fitter)
    times = [0.5, 7.3, 52, 400]
    found = rt.survival.predict_survival(people(), model=model, times=times)
    np.testing.assert_allclose(found["survival"], theirs(fitter, people(), times), rtol=1e-9)
    assert found["survival"].between(found["lower"], found["upper"]).all()
    primary = fitter.params_.index.get_level_values(0)[0]
    coef = fitter.params_[primary]
    assert dict(zip(model.terms, model.coef, strict=True)) == coef.drop("Intercept").to_dict()
    errors = fitter.standard_errors_[primary].drop("Intercept")
    np.testing.assert_allclose(model.standard_errors, errors, rtol=1e-12)
    assert model.intercept == coef["Intercept"]


@pytest.mark.parametrize("name", AFT)
def test_aft_of_theirs_and_ours_are_near(name):
    """Scale, covariance and expected lifetimes, to lifelines' own accuracy."""
    table = rossi().rename(columns={"week": "duration", "arrest": "churned"})
    table["churned"] = table["churned"] == 1
    other = rt.survival.from_lifelines(fitted(name))
    ours = rt.survival.fit_aft(table, covariates=list(other.terms), distribution=other.distribution)
    assert other.log_likelihood == pytest.approx(ours.log_likelihood, rel=1e-7)
    assert other.log_likelihood_null == pytest.approx(ours.log_likelihood_null, rel=1e-6)
    np.testing.assert_allclose(other.scale, ours.scale, rtol=1e-3)
    full = [np.array(m.full_covariance) for m in (other, ours)]
    np.testing.assert_allclose(full[0], full[1], rtol=0.02, atol=2e-5)
    stays = [
        rt.survival.expected_remaining_lifetime(people(), model=m, horizon=52)
        for m in (other, ours)
    ]
    np.testing.assert_allclose(
        stays[0]["expected_lifetime"], stays[1]["expected_lifetime"], rtol=1e-3
    )


@pytest.mark.parametrize("name", ["CoxPHFitter", *AFT])
def test_what_was_read_is_a_value_of_ours(name):
    """JSON and back, equal, and with predictions equal bit for bit."""
    model = rt.survival.from_lifelines(fitted(name))
    again = type(model).model_validate_json(model.model_dump_json())
    assert again == model
    before, after = (rt.predict_churn(people(), model=each, within=9) for each in (model, again))
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def unreadable():
    """Fitters of lifelines that cannot be read, and why."""
    import lifelines

    table = rossi().drop(columns="race")
    spline = lifelines.CoxPHFitter(baseline_estimation_method="spline", n_baseline_knots=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield "Only that of Breslow's kind", spline.fit(table, "week", "arrest")
        yield "makes 'age:fin' of other", fitted("CoxPHFitter", table, formula="age * fin")
        yield "makes 'np.log\\(age\\)' of", fitted("CoxPHFitter", table, formula="np.log(age)")
        weibull = lifelines.WeibullAFTFitter
        ancillary = weibull().fit(table, "week", "arrest", ancillary=True)
        yield "its rho_ depends on covariates.*ancillary=False", ancillary
        bare = weibull(fit_intercept=False).fit(table, "week", "arrest")
        yield "it has no intercept. Fit it with fit_intercept=True", bare
        left = weibull().fit_left_censoring(table, "week", "arrest")
        yield "only a fit to right-censored spells", left
        yield "is not fitted yet. Call its fit", lifelines.CoxPHFitter()
        yield "must be one of lifelines' CoxPHFitter.*got lifelines", lifelines.KaplanMeierFitter()
        yield "must be one of lifelines'.*got builtins.dict", {}


def test_what_cannot_be_read_is_refused():
    """Each in words that say what would do."""
    for message, fitter in unreadable():
        with pytest.raises(rt.RetentionError, match=message):
            rt.survival.from_lifelines(fitter)

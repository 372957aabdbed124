"""Models that lifelines fitted: ours predict the same from them."""

from __future__ import annotations

import lifelines
import numpy as np
import pytest
from lifelines.datasets import load_rossi

import retention as rt

TIMES = [10, 30, 52]
AFT = [lifelines.WeibullAFTFitter, lifelines.LogNormalAFTFitter, lifelines.LogLogisticAFTFitter]


@pytest.fixture(scope="module")
def rossi():
    """432 released prisoners, which lifelines ships."""
    return load_rossi()


def predicted(model, table):
    """Survival at three times, one row a customer."""
    customers = table.assign(customer_id=range(len(table)))
    answer = rt.predict_survival(model, customers, times=TIMES, given=None)
    return answer["survival"].to_numpy().reshape(-1, len(TIMES))


def theirs(fitter, table):
    """The same from lifelines."""
    return fitter.predict_survival_function(table, times=TIMES).T.loc[table.index].to_numpy()


@pytest.mark.parametrize("strata", [None, ["race"], ["race", "fin"]])
def test_a_cox_model_predicts_what_it_predicts_there(rossi, strata):
    """With strata as well, of which each has its own baseline."""
    fitter = lifelines.CoxPHFitter().fit(rossi, "week", "arrest", strata=strata)
    model = rt.from_lifelines(fitter)
    assert model.terms == tuple(fitter.params_.index)
    np.testing.assert_array_equal(model.coef, fitter.params_)
    np.testing.assert_allclose(model.standard_errors, fitter.standard_errors_, rtol=1e-12)
    np.testing.assert_allclose(predicted(model, rossi), theirs(fitter, rossi), atol=1e-12)
    assert (model.n_spells, model.n_churned) == (432, 114)


@pytest.mark.parametrize("fitter", AFT, ids=lambda fitter: fitter.__name__)
def test_an_aft_model_predicts_what_it_predicts_there(rossi, fitter):
    """All three distributions, with coefficients and errors as they are."""
    fitted = fitter().fit(rossi, "week", "arrest")
    model = rt.from_lifelines(fitted)
    location = next(name for name in ("lambda_", "mu_", "alpha_") if name in fitted.params_)
    expected = fitted.params_[location].drop("Intercept")
    assert model.terms == tuple(expected.index)
    np.testing.assert_array_equal(model.coef, expected)
    errors = fitted.standard_errors_[location].drop("Intercept")
    np.testing.assert_allclose(model.standard_errors, errors, rtol=1e-12)
    np.testing.assert_allclose(predicted(model, rossi), theirs(fitted, rossi), atol=1e-12)
    own = rt.fit_aft(
        rossi.assign(duration=rossi["week"], churned=rossi["arrest"] == 1),
        covariates=list(model.terms),
        distribution=model.distribution,
    )
    np.testing.assert_allclose(model.coef, own.coef, atol=2e-3)
    np.testing.assert_allclose(model.log_scale, own.log_scale, atol=2e-3)
    assert model.log_likelihood_null == pytest.approx(own.log_likelihood_null, abs=1e-3)


def test_the_bounds_of_its_cox_predictions_are_not_known(rossi):
    """They would need sums over risk sets that lifelines does not keep."""
    model = rt.from_lifelines(lifelines.CoxPHFitter().fit(rossi, "week", "arrest"))
    customers = rossi.head(3).assign(customer_id=range(3))
    answer = rt.predict_survival(model, customers, times=20, given=None)
    assert answer["survival"].notna().all()
    assert answer[["lower", "upper"]].isna().all().all()


def test_it_goes_to_json_and_back(rossi):
    """Like every model."""
    model = rt.from_lifelines(lifelines.WeibullAFTFitter().fit(rossi, "week", "arrest"))
    assert rt.AftModel.model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: lifelines.KaplanMeierFitter(), "reads CoxPHFitter, .*; got KaplanMeierFitter"),
        (lambda _: lifelines.CoxPHFitter(), "the CoxPHFitter is not fitted"),
        (
            lambda t: lifelines.CoxPHFitter().fit(t, "week", "arrest", formula="age * fin"),
            "fitted with a formula",
        ),
        (
            lambda t: lifelines.WeibullAFTFitter().fit(t, "week", "arrest", formula="age * fin"),
            "fitted with a formula",
        ),
        (
            lambda t: lifelines.WeibullAFTFitter().fit(t, "week", "arrest", ancillary=True),
            "rho_ depends on covariates",
        ),
    ],
)
def test_refuses_what_has_no_counterpart(rossi, make, message):
    """In the user's words."""
    fitter = make(rossi[["week", "arrest", "age", "fin"]])
    with pytest.raises(rt.RetentionError, match=message):
        rt.from_lifelines(fitter)

"""Customers that a model does not know, spells as customers, and objects that are no model."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import retention as rt

UNSEEN = "of a level that the model has not seen"
MISSING = "a covariate is missing"
PLANS = pd.DataFrame(
    {
        "duration": [1, 1, 2, 2, 1, 2, 2, 2],
        "churned": [True, True, False, False, True, False, False, False],
        "plan": ["basic"] * 4 + ["full"] * 4,
        "age": [30.0, 50.0, 40.0, 60.0, 35.0, 45.0, 55.0, 65.0],
        "web": [True, False] * 4,
    }
)
"""Half of those on "basic" leave at 1, and a quarter of those on "full"."""


def plans(covariates="plan"):
    """A hazard model whose chances can be read off the table, or another one."""
    return rt.survival.fit_hazard(
        PLANS, covariates=covariates, unit="month", duration_unit="month", link="cloglog"
    )


def asked(model, customers):
    """The answers of all functions that look ahead, and the column of each that is null."""
    return [
        (rt.survival.predict_survival(customers, model=model, times=1), "survival"),
        (rt.predict_churn(customers, model=model, within=1), "churn_probability"),
        (
            rt.survival.expected_remaining_lifetime(customers, model=model, horizon=1.5),
            "expected_lifetime",
        ),
    ]


def one_of_each(engine):
    """Two whom the model knows, one on a new plan, one without any."""
    return engine.table(
        pd.DataFrame(
            {
                "customer_id": ["a", "b", "c", "d"],
                "tenure": [0.0] * 4,
                "plan": ["basic", "new", None, "full"],
            }
        )
    )


COUNTED = (
    r"customers: 2 of 4 rows get no prediction: 1 has no 'plan'; 1 has a 'plan' that the model was "
    r"not fitted on \('new'\)\. Fill in what is missing, and fit the model on spells that have"
)


def test_a_new_level_or_none_is_null_for_that_customer_alone(engine):
    """1/2 of "basic" and 1/4 of "full" leave in the first month; the reason stands in the row."""
    with pytest.warns(rt.RetentionWarning, match=COUNTED) as caught:
        found = rt.predict_churn(one_of_each(engine), model=plans(), within=1)
    assert [each.filename for each in caught] == [__file__]
    rows = engine.read(found, order=["customer_id"])
    chance = rows["churn_probability"].tolist()
    assert [chance[0], chance[3]] == pytest.approx([1 / 2, 1 / 4])
    assert all(math.isnan(each) for each in chance[1:3])
    assert rows[["lower", "upper"]].isna().all(axis=1).tolist() == [False, True, True, False]
    assert rows["reason"].tolist()[1:3] == [UNSEEN, MISSING]
    assert rows["reason"].isna().tolist() == [True, False, False, True]


@pytest.mark.parametrize("fit", ["cox", "aft", "hazard"])
def test_every_model_and_every_question_leaves_out_that_customer_alone(fit):
    """What the others get is what they get without the strangers, to the last bit."""
    names = ["plan", "age", "web"]
    model = {
        "cox": lambda: rt.fit_cox(PLANS, covariates=names, penalty=1),
        "aft": lambda: rt.survival.fit_aft(PLANS, covariates=["age", "web"]),
        "hazard": lambda: plans("plan"),
    }[fit]()
    customers = PLANS[names].assign(customer_id=range(8), tenure=0.5)
    label = fit != "aft"
    mixed = customers.astype({"web": object})
    if label:
        mixed.loc[2, "plan"] = "new"
    else:
        mixed.loc[2, "age"] = np.nan
        mixed.loc[5, "web"] = None
    strange = [2] if label else [2, 5]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rt.RetentionWarning)
        pairs = zip(asked(model, mixed), asked(model, customers), strict=True)
    for (found, column), (alone, _) in pairs:
        assert found[column].isna().to_numpy().nonzero()[0].tolist() == strange
        assert found["reason"][strange].tolist() == [UNSEEN if label else MISSING] * len(strange)
        pd.testing.assert_frame_equal(found.drop(strange), alone.drop(strange))


def test_scores_are_asked_of_those_whom_the_model_knows():
    """Null in the spells beside them; without these rows the scores are those of the others."""
    model = rt.fit_cox(PLANS, covariates="plan")
    spells = PLANS.assign(plan=["basic"] * 4 + ["full"] * 3 + ["new"])
    said = r"spells: 1 of 8 rows gets no prediction: 1 has a 'plan' .*\('new'\)"
    with pytest.warns(rt.RetentionWarning, match=said):
        scored = rt.survival.with_predictions(spells, model=model, times=1)
    assert scored[["risk", "survival_1"]].isna().all(axis=1).tolist() == [False] * 7 + [True]
    with pytest.raises(rt.ContentError, match="1 of 8 rows has no prediction in 'risk'"):
        rt.survival.concordance(scored)
    known = scored[scored["risk"].notna()]
    alone = rt.survival.with_predictions(spells.iloc[:7], model=model, times=1)
    pd.testing.assert_frame_equal(rt.survival.concordance(known), rt.survival.concordance(alone))


def test_one_customer_alone_may_be_the_first_of_a_kind():
    """Nothing is foreign in a table of one; of several rows somebody must be known."""
    model, one = plans(), pd.DataFrame({"customer_id": ["a"], "tenure": [0], "plan": ["new"]})
    with pytest.warns(rt.RetentionWarning, match="1 of 1 row gets no prediction"):
        found = rt.predict_churn(one, model=model, within=1)
    assert found["reason"].tolist() == [UNSEEN]
    with pytest.warns(rt.RetentionWarning, match="1 of 1 row gets no prediction: 1 has no 'plan'"):
        found = rt.predict_churn(one.assign(plan=None), model=model, within=1)
    assert found["reason"].tolist() == [MISSING]


@pytest.mark.parametrize(
    ("column", "values", "error", "message"),
    [
        ("plan", ["Basic", "Full"], rt.ContentError, "there is 'Basic', 'Full'; it knows 'basic'"),
        ("plan", [None, None], rt.ContentError, "none of 2 rows has a 'plan', which the model"),
        ("plan", [None, "x"], rt.ContentError, "none of 2 rows has a 'plan' that the model was"),
        ("plan", [1.5, 2.5], rt.ColumnError, "'plan' held labels when.*'basic', 'full'; got float"),
        ("plan", [True, False], rt.ColumnError, "'plan' held labels when.*got bool"),
        ("age", ["30", "40"], rt.ColumnError, "'age' held numbers or flags when the model was"),
        ("age", [None, "40"], rt.ColumnError, "'age' held numbers or flags when the model was"),
        ("age", [30, "40"], rt.ColumnError, "'age' held numbers or flags when the model was"),
        ("age", pd.to_datetime(["2024-01-01"] * 2), rt.ColumnError, "'age' held numbers or flags"),
        ("age", [np.nan, np.nan], rt.ContentError, "none of 2 rows has a 'age', which the model"),
        ("web", ["yes", "no"], rt.ColumnError, "'web' held numbers or flags when the model was"),
        ("web", [3, 4], rt.ColumnError, "'web' held true or false when.*got 3"),
    ],
)
def test_a_foreign_or_mistyped_table_is_refused(column, values, error, message):
    """What was a label, a number or a flag in the fit is one still, and somebody is known."""
    model = rt.fit_cox(PLANS, covariates=["plan", "age", "web"], penalty=1)
    customers = PLANS.head(2).assign(customer_id=[1, 2], tenure=0).drop(columns=column)
    with pytest.raises(error, match=message):
        rt.predict_churn(customers.assign(**{column: values}), model=model, within=1)


def test_backtest_counts_whom_the_model_does_not_know():
    """Everybody of the new plan begins after the embargo: n_unpredicted, and the others scored."""
    start = pd.to_datetime(["2024-01-01"] * 40 + ["2024-05-01"] * 5)
    end = [pd.Timestamp("2024-03-01")] * 10 + [pd.Timestamp("2024-07-01")] * 10
    contracts = pd.DataFrame(
        {
            "customer_id": range(45),
            "start": start,
            "end": pd.to_datetime([*end, *[None] * 25]),
            "plan": ["basic", "full"] * 20 + ["new"] * 5,
        }
    )
    spells = rt.contract_spells(contracts, as_of="2024-12-31", grace=0, keep="plan")
    found = rt.survival.backtest(
        spells,
        fit=lambda known: rt.survival.fit_aft(known, covariates="plan", distribution="exponential"),
        cuts=["2024-06-01"],
        horizon=20,
        embargo=40,
    )
    assert found[["n_running", "n_unpredicted", "n_scored"]].to_numpy().tolist() == [[35, 5, 30]]


# Spells as customers


RUNNING = pd.DataFrame(
    {
        "customer_id": ["a", "b", "b", "c"],
        "duration": [3, 1, 1, 2],
        "churned": [False, True, False, False],
        "plan": ["basic", "full", "full", "basic"],
        "n_seats": pd.array([5, 1, None, 2], dtype="Int64"),
    }
)


def test_the_spells_of_the_fit_can_be_predicted_as_they_are(engine):
    """Of those that go on the duration is the tenure; the one that ended has no future."""
    model = rt.fit_cox(RUNNING, ties="breslow")
    here = RUNNING[~RUNNING["churned"]].rename(columns={"duration": "tenure"})
    for function, asked in (
        (rt.predict_churn, {"within": 1}),
        (rt.survival.predict_survival, {"times": [0.5, 1]}),
        (rt.survival.expected_remaining_lifetime, {"horizon": 1}),
    ):
        found = engine.read(function(engine.table(RUNNING), model=model, keep="plan", **asked))
        said = function(here, model=model, keep="plan", **asked)
        order = [name for name in ("customer_id", "time") if name in said]
        found = found.sort_values(order, ignore_index=True)
        texts = ["reason", "note"]
        found, said = (
            table.assign(**table[texts].astype(object).where(table[texts].notna(), ""))
            for table in (found, said)
        )
        pd.testing.assert_frame_equal(found, said, check_dtype=False)


def test_what_is_to_come_along_comes_along(engine):
    """Behind the answer, row by row, whole numbers with gaps too."""
    model = rt.fit_cox(RUNNING)
    given = engine.table(RUNNING)
    found = rt.predict_churn(given, model=model, within=1, keep=["n_seats", "plan"])
    rows = engine.read(found, order=["customer_id"])
    assert rows.columns.tolist()[-3:] == ["note", "n_seats", "plan"]
    assert rows["plan"].tolist() == ["basic", "full", "basic"]
    assert rows["n_seats"].fillna(-1).tolist() == [5, -1, 2]
    twice = engine.read(rt.survival.predict_survival(given, model=model, times=[1, 2], keep="plan"))
    plan_of = {"a": "basic", "b": "full", "c": "basic"}
    assert twice["plan"].tolist() == [plan_of[each] for each in twice["customer_id"]]


def test_a_tenure_that_is_there_is_taken_as_it_is():
    """Also beside a duration: then all rows are asked about, and ends play no part."""
    model = rt.fit_cox(RUNNING)
    found = rt.predict_churn(RUNNING.assign(tenure=0.5), model=model, within=1)
    assert found["tenure"].tolist() == [0.5] * 4
    assert len(rt.predict_churn(RUNNING, model=model, within=1, given=None)) == 4


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ("plam", "keep names 'plam', which is not a column. Did you mean 'plan'"),
        (["plan", "plan"], "keep names a column twice"),
        ("tenure", "keep: 'tenure' is a name that answers use themselves"),
        (3, "keep must name a column, or several in a list; got 3"),
        ([3], "keep must name columns, as text; got 3"),
    ],
)
def test_what_cannot_come_along_is_refused(keep, message):
    """With the column that is meant."""
    with pytest.raises(rt.ColumnError, match=message):
        rt.predict_churn(RUNNING, model=rt.fit_cox(RUNNING), within=1, keep=keep)


def test_customers_without_a_tenure_are_told_of_spells():
    """Three ways out: a tenure, the table of spells, or those who are only starting."""
    customers = pd.DataFrame({"customer_id": [1]})
    with pytest.raises(rt.ColumnError, match="lacks 'tenure'.*give the table of spells.*given=No"):
        rt.predict_churn(customers, model=rt.fit_cox(RUNNING), within=1)


# Objects that are no model


class Classifier:
    """As scikit-learn's look."""

    def predict_proba(self, table):
        """Chances."""
        return table


def foreign():
    """What people have at hand, and what they are told."""
    from sklearn.linear_model import LogisticRegression

    lifelines = type("CoxPHFitter", (), {"__module__": "lifelines.fitters.coxph_fitter"})
    results = type("PHRegResults", (), {"__module__": "statsmodels.duration.hazard_regression"})
    summary = pd.DataFrame({"x": [0, 1, 2, 3], "t_x": [0.0, 5, 6, 8], "T": 10.0})
    return [
        (LogisticRegression(), "got sklearn.LogisticRegression. A classifier is scored by backte"),
        (Classifier(), "A classifier is scored by backtest"),
        (lifelines(), r"got lifelines.CoxPHFitter. Read it with from_lifelines\(model\)"),
        (lifelines, r"Read it with from_lifelines\(model.fit\(...\)\)"),
        (results(), r"got statsmodels.PHRegResults. Fit one, as in model = fit_cox\(spells, cov"),
        (
            rt.survival.CoxModel,
            r"got the class CoxModel. Fit one, as in model = fit_cox\(spells, covariat",
        ),
        (rt.fit_cox, r"got the function fit_cox. Fit one, as in model = fit_cox\(spells"),
        (rt.repeat_buying.fit_mbg_nbd(summary), "A model of purchases is asked by its own methods"),
        (PLANS, "got pandas.DataFrame. The table comes first and the model by name, as in "),
        (PLANS.to_dict(), "got builtins.dict. Fit one"),
        ("cox", "got 'cox'. Fit one"),
        (None, "got None. Fit one"),
        (np.array([1.0]), "got numpy.ndarray. Fit one"),
        (
            SimpleNamespace(covariates=(), status="converged"),
            "got types.SimpleNamespace. Fit one",
        ),
    ]


def test_a_foreign_model_is_told_from_ours_everywhere():
    """One refusal, which says what is taken and how to get it; no AttributeError."""
    customers = pd.DataFrame({"customer_id": [1], "tenure": [1], "plan": "full"})
    for model, message in foreign():
        for function, asked in (
            (rt.predict_churn, {"within": 1}),
            (rt.survival.predict_survival, {"times": 1}),
            (rt.survival.expected_remaining_lifetime, {"horizon": 1}),
            (rt.survival.with_predictions, {}),
            (rt.survival.proportional_hazards_test, {}),
        ):
            with pytest.raises(rt.RetentionError, match=message) as caught:
                function(customers, model=model, **asked)
            assert "model must come from fit_cox, fit_aft, fit_hazard or from_lif" in str(caught)
    with pytest.raises(rt.RetentionError, match="must come from fit_cox, for.*got AftModel.*varyi"):
        rt.survival.proportional_hazards_test(PLANS, model=rt.survival.fit_aft(PLANS))


def test_what_cannot_fit_anything_is_told_from_a_function():
    """A fitted model, a class, a table in its place; what it gives is looked at too."""
    spells = rt.contract_spells(
        rt.sample_company(200, seed=1).contracts, as_of="2024-12-31", grace=0
    )
    known = {"cuts": ["2024-01-31"], "horizon": 30}
    for fit, message in (
        (rt.fit_cox(spells), "fit must be a function that takes spells.*got CoxModel"),
        (rt.survival.CoxModel, "got the class CoxModel"),
        (spells, "got pandas.DataFrame. The table comes first, then fit="),
        (None, "got None"),
    ):
        with pytest.raises(rt.RetentionError, match=message):
            rt.survival.backtest(spells, fit=fit, **known)
    for model, message in foreign():
        if not callable(model):
            with pytest.raises(rt.RetentionError, match=message):
                rt.survival.backtest(spells, fit=lambda spells, model=model: model, **known)
    with pytest.raises(rt.RetentionError, match="must give one chance of leaving.*got 'all'"):
        rt.survival.backtest(spells, fit=lambda _: lambda running, horizon: "all", **known)


def test_only_what_lifelines_fitted_is_read_from_it():
    """Everything else is named, with what to do instead."""
    for fitter, message in (
        (None, "fitter must be one of lifelines' CoxPHFitter, .*; got None. With fit_cox"),
        ("CoxPHFitter", "got 'CoxPHFitter'"),
        (rt.fit_cox(PLANS), "got CoxModel. It predicts as it is"),
        (PLANS, r"got pandas.DataFrame. Fit a model of the table first: fit_cox\("),
        (foreign()[0][0], "got sklearn.LogisticRegression. With fit_cox, fit_aft or fit_hazard"),
        (foreign()[3][0], r"got the class CoxPHFitter. Fit it first: CoxPHFitter\(\).fit\("),
    ):
        with pytest.raises(rt.RetentionError, match=message):
            rt.survival.from_lifelines(fitter)

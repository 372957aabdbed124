"""backtest_snapshots: fitted on what was known, scored as survival.backtest scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

import retention as rt
from retention.signals.models.calibration_line import calibration_line

LAST = "2024-12-31"
CUTS = ["2024-07-28", "2024-10-26"]


@pytest.fixture(scope="module")
def orders():
    """Two years of orders of a simulated company."""
    return rt.sample_company(500, seed=5).orders


@pytest.fixture(scope="module")
def labelled(orders):
    """Snapshots of 12 days with a label of 60 days and two features."""
    days = pd.date_range("2023-12-31", periods=11, freq="30D")
    seen = rt.signals.snapshots(orders, dates=list(days), active_within=60)
    seen = rt.signals.label_silence(seen, orders, within=60, as_of=LAST)
    draw = np.random.default_rng(1)
    late = draw.normal(seen["churned"].fillna(0.5), 1.0)
    return seen.assign(late=late, noise=np.where(draw.random(len(seen)) < 0.1, np.nan, late * 0))


def halves(table, cut):
    """Rows whose label was known on a day, and the labelled rows of the day, by masks."""
    day, known = pd.Timestamp(cut), table["churned"].notna()
    return table[known & (table["known_on"] <= day)], table[known & (table["as_of"] == day)]


def test_scores_are_those_of_a_fit_by_hand(labelled):
    """AUC, Brier score, counts and mean chance of scikit-learn on the same halves."""
    model = LogisticRegression(C=0.5)
    found = rt.signals.backtest_snapshots(labelled, fit=model, features="late", cuts=CUTS)
    for cut, row in zip(CUTS, found.itertuples(), strict=True):
        train, test = halves(labelled, cut)
        by_hand = LogisticRegression(C=0.5).fit(train[["late"]], train["churned"])
        chance = by_hand.predict_proba(test[["late"]])[:, 1]
        assert (row.cut, row.horizon, row.embargo) == (pd.Timestamp(cut), 60, 0)
        assert (row.n_fitted, row.n_fitted_churned) == (len(train), train["churned"].sum())
        assert (row.n_running, row.n_scored) == (len(test), len(test))
        assert (row.n_churned, row.n_unpredicted) == (test["churned"].sum(), 0)
        assert row.auc == pytest.approx(roc_auc_score(test["churned"], chance), abs=1e-12)
        assert row.concordance == pytest.approx(row.auc, abs=1e-12)
        assert row.brier_score == pytest.approx(brier_score_loss(test["churned"], chance))
        assert row.predicted_churn == pytest.approx(chance.mean())
        assert row.observed_churn == pytest.approx(test["churned"].mean())
        assert row.status == "predictions"
    assert not hasattr(model, "coef_")
    assert found[["reason", "note"]].isna().all(axis=None)


def test_columns_are_those_of_backtest_and_two_more(orders, labelled):
    """Rows stack: a purchase model as a function has the scores of backtest_purchases."""
    fit_model, within, cut = rt.repeat_buying.fit_mbg_nbd, 60, "2024-07-28"
    own = rt.repeat_buying.backtest_purchases(orders, fit=fit_model, cuts=cut, within=within)

    def fit(known):
        summary = rt.purchase_summary(orders, as_of=cut)
        chance = fit_model(summary).p_no_purchase(summary, within=within)
        by_id = chance.set_index("customer_id")["p_no_purchase"]
        return lambda rows: by_id.reindex(rows["customer_id"]).to_numpy()

    found = rt.signals.backtest_snapshots(labelled, fit=fit, features="late", cuts=cut)
    assert [*own.columns, "calibration_slope", "calibration_intercept"] == [*found.columns]
    same = ["cut", "horizon", "n_running", "n_scored", "n_churned", "predicted_churn"]
    same += ["observed_churn", "lower", "upper", "auc", "auc_error", "concordance"]
    same += ["concordance_lower", "brier_score", "brier_reference", "skill", "top_lift"]
    pd.testing.assert_frame_equal(own[same], found[same], check_dtype=False, rtol=1e-9)


def test_a_function_is_given_what_was_known_and_no_label_more(labelled):
    """Rows before the cut alone; labels that were not known yet are null; all columns are there."""
    given = []

    def fit(known):
        given.append(known)
        return lambda rows: np.full(len(rows), 0.5)

    cut = pd.Timestamp(CUTS[0])
    rt.signals.backtest_snapshots(labelled, fit=fit, features="late", cuts=cut)
    before = labelled[labelled["as_of"] < cut]
    known = before["churned"].where(before["known_on"] <= cut)
    assert known.isna().any()
    expected = before.assign(churned=known).reset_index(drop=True)
    pd.testing.assert_frame_equal(given[0], expected, check_dtype=False)


def test_customers_held_out_are_on_one_side(labelled):
    """A fifth is scored, the others are fitted on, together all."""
    how = {"fit": LogisticRegression(), "features": "late", "cuts": CUTS}
    both = rt.signals.backtest_snapshots(labelled, **how)
    apart = rt.signals.backtest_snapshots(labelled, holdout="customers", **how)
    folds = rt.signals.snapshot_folds(labelled, cuts=CUTS, holdout="customers", least=50)
    assert apart["n_fitted"].tolist() == [len(train) for train, _ in folds]
    assert apart["n_scored"].tolist() == [len(test) for _, test in folds]
    assert (apart["n_scored"] < both["n_scored"] / 3).all()
    assert (apart["holdout"] == "customers").all()


def simulated(n, stretch, shift, seed=3):
    """Chances that are too bold or too high by so much on the scale of log odds, and what came."""
    draw = np.random.default_rng(seed)
    odds = draw.normal(-0.5, 1.2, n)
    lost = draw.random(n) < 1 / (1 + np.exp(-odds))
    return 1 / (1 + np.exp(-(odds * stretch + shift))), lost


def test_slope_and_intercept_are_those_of_a_logistic_regression():
    """scikit-learn without penalty; with the slope at 1 the mean of chances is what came."""
    chance, lost = simulated(3000, 2.0, 0.3)
    odds = np.log(chance / (1 - chance))
    slope, intercept = calibration_line(chance, lost)
    line = LogisticRegression(C=1e9, tol=1e-10, max_iter=500).fit(odds[:, None], lost)
    assert slope == pytest.approx(line.coef_[0, 0], rel=1e-4)
    moved = 1 / (1 + np.exp(-(odds + intercept)))
    assert moved.mean() == pytest.approx(lost.mean(), abs=1e-10)


@pytest.mark.parametrize(("stretch", "shift"), [(1.0, 0.0), (2.0, 0.0), (1.0, 0.8)])
def test_bold_and_high_chances_are_told(stretch, shift):
    """Twice too bold: slope ½; too high by .8: intercept −.8."""
    slope, intercept = calibration_line(*simulated(40_000, stretch, shift))
    assert slope == pytest.approx(1 / stretch, abs=0.03)
    if stretch == 1:
        assert intercept == pytest.approx(-shift, abs=0.04)


@pytest.mark.parametrize(
    "chance",
    [[0.0, 0.2, 0.9, 0.5], [0.1, 0.2, 0.8, 0.9], [0.4] * 4],
    ids=["certain", "without a fault", "all alike"],
)
def test_a_line_that_cannot_be_had_is_null(chance):
    """Infinite log odds, a slope without bound, no slope at all."""
    slope, intercept = calibration_line(np.array(chance), np.array([False, False, True, True]))
    assert np.isnan(slope)
    assert np.isnan(intercept) == (0.0 in chance)
    assert np.isnan(calibration_line(np.array([0.2, 0.4]), np.array([True, True]))).all()


def test_engines_score_alike(engine, labelled):
    """The answer in the caller's kind, with the same numbers."""
    how = {"fit": LogisticRegression(), "features": ["late", "tenure"], "cuts": CUTS[0]}
    table = labelled.drop(columns="label_reason").dropna(subset="tenure")
    expected = rt.signals.backtest_snapshots(table, **how)
    found = rt.signals.backtest_snapshots(engine.table(table), **how)
    assert engine.is_mine(found)
    told = engine.read(found).drop(columns=["reason", "note"])
    pd.testing.assert_frame_equal(
        told, expected.drop(columns=["reason", "note"]), check_dtype=False, rtol=1e-9
    )


def test_days_without_scores_say_why(labelled):
    """One class alone, nothing known yet, a fit that is refused, nobody lost, too few."""

    def ask(table=labelled, cut=CUTS[0], **further):
        how = {"fit": LogisticRegression(), "features": "late", "cuts": cut} | further
        return rt.signals.backtest_snapshots(table, **how).iloc[0]

    def refuse(known):
        raise rt.errors.ContentError("too few for me")

    first = ask(cut="2023-12-31")
    assert (first["n_fitted"], first["status"]) == (0, "not fitted")
    assert first["reason"] == "no label was known by then"
    assert np.isnan(first["auc"])
    day = labelled["as_of"] == CUTS[0]
    stayed = labelled.assign(churned=labelled["churned"].where(day | labelled["churned"].isna(), 0))
    assert "had stayed" in ask(stayed)["reason"]
    assert ask(fit=refuse)["reason"] == "fit: too few for me"
    nobody = labelled.assign(churned=labelled["churned"].where(~day, 0))
    assert ask(nobody)["reason"] == "nobody left within the window"
    few = pd.concat([labelled[~day], labelled[day].head(4)])
    assert "fewer than 10" in ask(few)["reason"]
    silent = ask(fit=lambda known: lambda rows: np.where(rows["late"] > 0, 0.5, np.nan))
    assert silent["n_unpredicted"] == (labelled.loc[day, "late"] <= 0).sum()


def test_a_feature_of_nothing_is_refused_by_its_name(labelled):
    """Boosting breaks on it in words of arrays; here the column is named."""
    boost = HistGradientBoostingClassifier(max_iter=5)
    how = {"fit": boost, "cuts": CUTS[0]}
    table = labelled.assign(change=np.nan)
    with pytest.raises(rt.errors.ContentError, match="'change' is null in all of the [0-9,]+ rows"):
        rt.signals.backtest_snapshots(table, features=["late", "change"], **how)
    found = rt.signals.backtest_snapshots(table, features=["late", "noise"], **how)
    assert found["auc"][0] > 0.5


class Odd(ClassifierMixin, BaseEstimator):
    """A classifier that gives what it is told to."""

    def __init__(self, chance=0.5):
        self.chance = chance

    def fit(self, X, y):  # noqa: N803
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):  # noqa: N803
        return np.full((len(X), 2), self.chance)


def test_what_is_no_classifier_is_refused_and_its_advice_holds(labelled):
    """Classes, strings, fitted models, gaps, texts, infinities, numbers that are no chances."""
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    def ask(fit, features="late", table=labelled, cuts=CUTS[0], **further):
        return rt.signals.backtest_snapshots(
            table, fit=fit, features=features, cuts=cuts, **further
        )

    for wrong in (LogisticRegression, "logistic", None, 7):
        with pytest.raises(rt.errors.RetentionError, match="fit must be an unfitted classifier"):
            ask(wrong)
    with pytest.raises(rt.errors.RetentionError, match="no predict_proba"):
        ask(BaseEstimatorWithoutChances())
    with pytest.raises(rt.errors.RetentionError, match="table comes first"):
        ask(labelled)
    with pytest.raises(rt.errors.RetentionError, match="refused the rows.*impute them first"):
        ask(LogisticRegression(), features=["late", "noise"])
    assert ask(make_pipeline(SimpleImputer(), LogisticRegression()), features=["late", "noise"])[
        "auc"
    ][0]
    with pytest.raises(rt.errors.RetentionError, match="refused the rows"):
        ask(LogisticRegression(), features="plan", table=labelled.assign(plan="basic"))
    with pytest.raises(rt.errors.RetentionError, match="refused the rows"):
        ask(LogisticRegression(), table=labelled.assign(late=np.inf))
    with pytest.raises(rt.errors.ContentError, match="not between 0 and 1, such as 1.5"):
        ask(Odd(1.5))
    with pytest.raises(rt.errors.RetentionError, match="must give one number for each row"):
        ask(lambda known: lambda rows: "high")
    with pytest.raises(rt.errors.RetentionError, match="it must give one for each"):
        ask(lambda known: lambda rows: [0.5])
    with pytest.raises(rt.errors.RetentionError, match="must be a fitted classifier"):
        ask(lambda known: "a model")
    with pytest.raises(rt.errors.ColumnError, match="lacks 'known_on'"):
        ask(LogisticRegression(), table=labelled.drop(columns="known_on"))
    with pytest.raises(rt.errors.ContentError, match="no snapshot of 2024-07-29"):
        ask(LogisticRegression(), cuts="2024-07-29")
    with pytest.raises(rt.errors.RetentionError, match="holdout must be one of"):
        ask(LogisticRegression(), holdout="rows")
    with pytest.raises(rt.errors.RetentionError, match="level must lie"):
        ask(LogisticRegression(), level=2)
    assert ask(Odd(0.3))["predicted_churn"][0] == pytest.approx(0.3)


class BaseEstimatorWithoutChances:
    """What fits and predicts, without chances."""

    def fit(self, X, y):  # noqa: N803
        return self

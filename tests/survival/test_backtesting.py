"""Backtests: nothing after the cut is visible, and the scores are those of what came."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import retention as rt

AS_OF = "2024-12-31"


@pytest.fixture(scope="module")
def spells():
    """Stays of 400 customers that begin in 2022 and 2023; those of plan b end sooner."""
    rng = np.random.default_rng(3)
    n = 400
    plan = rng.choice(["a", "b"], n)
    start = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D")
    stay = np.ceil(rng.exponential(np.where(plan == "a", 900, 250), n)).astype(int)
    seen = (pd.Timestamp(AS_OF) - start).days.to_numpy()
    churned = stay <= seen
    end = start + pd.to_timedelta(np.where(churned, stay, 0), unit="D")
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:03d}" for i in range(n)],
            "spell": 1,
            "start": start.as_unit("us"),
            "end": end.where(churned).as_unit("us"),
            "entry": np.nan,
            "duration": np.where(churned, stay, seen),
            "churned": churned,
            "set_aside": pd.Series([None] * n, dtype="str"),
            "reactivation": "new_spell",
            "plan": plan,
        }
    )


def even(customers, horizon):
    """A function that says the same of everybody."""
    return np.full(len(customers), 0.25)


def saying(function):
    """A fit that learns nothing."""
    return lambda spells: function


def naive(spells, cut, horizon):
    """Who runs on the cut, and who of them leaves within the horizon, in loops."""
    day = pd.Timestamp(cut)
    running, left = [], []
    for row in spells.itertuples():
        if row.start > day or (row.churned and row.end <= day):
            continue
        running.append(row.customer_id)
        if row.churned and row.end <= day + pd.Timedelta(days=horizon):
            left.append(row.customer_id)
    return running, left


@pytest.mark.parametrize("cut", ["2022-06-30", "2023-03-31", "2024-06-30"])
def test_those_here_on_the_cut_are_scored_by_what_came(spells, cut):
    """Counts and churn are those of a loop over the customers; 0.25 of everybody scores as such."""
    row = rt.survival.backtest(spells, fit=saying(even), cuts=[cut], horizon=120).iloc[0]
    running, left = naive(spells, cut, 120)
    assert (row["n_running"], row["n_scored"]) == (len(running), len(running))
    assert row["n_churned"] == len(left)
    share = len(left) / len(running)
    assert row["observed_churn"] == pytest.approx(share, rel=1e-12)
    assert row["brier_score"] == pytest.approx(share * 0.75**2 + (1 - share) * 0.25**2, rel=1e-9)
    assert (row["predicted_churn"], row["concordance"], row["auc"]) == (0.25, 0.5, 0.5)


def test_whoever_knows_the_future_scores_without_a_fault(spells):
    """An oracle has Brier score 0, concordance 1 and AUC 1."""

    def oracle(customers, horizon):
        _, left = naive(spells, "2023-12-31", 120)
        return customers["customer_id"].isin(left).astype(float)

    row = rt.survival.backtest(spells, fit=saying(oracle), cuts=["2023-12-31"], horizon=120).iloc[0]
    assert (row["brier_score"], row["auc"], row["skill"]) == (0, 1, 1)
    assert row["top_lift"] > 3


def test_nothing_after_the_cut_is_visible_to_fit(spells):
    """Spells that end or begin later are given as they were known, whatever comes."""
    given = []

    def fit(known):
        given.append(known.reset_index(drop=True))
        return even

    rt.survival.backtest(spells, fit=fit, cuts=["2023-06-30"], horizon=90)
    day = pd.Timestamp("2023-06-30")
    later = spells.copy()
    still = later["start"].le(day) & ~(later["churned"] & later["end"].le(day))
    later.loc[still, "duration"] = (pd.Timestamp(AS_OF) - later.loc[still, "start"]).dt.days
    later.loc[still, "churned"] = False
    later.loc[still, "end"] = pd.NaT
    rt.survival.backtest(later[later["start"] <= day], fit=fit, cuts=["2023-06-30"], horizon=90)
    pd.testing.assert_frame_equal(given[0], given[1])
    assert (given[0]["start"] + pd.to_timedelta(given[0]["duration"], unit="D") <= day).all()
    assert given[0].loc[given[0]["churned"], "end"].le(day).all()


def test_an_embargo_keeps_the_last_days_from_fit(spells):
    """With 30 days of embargo `fit` sees what was known 30 days before the cut."""
    given = []

    def fit(known):
        given.append(known)
        return even

    answer = rt.survival.backtest(spells, fit=fit, cuts=["2023-06-30"], horizon=90, embargo=30)
    assert given[0]["start"].max() <= pd.Timestamp("2023-05-31")
    assert answer["embargo"].tolist() == [30]
    assert answer["n_running"][0] == len(naive(spells, "2023-06-30", 90)[0])


def test_no_customer_is_on_both_sides(spells):
    """With holdout="customers" those who are scored were not fitted on, and together all are."""
    fitted, scored = [], []

    def fit(known):
        fitted.extend(known["customer_id"])

        def say(customers, horizon):
            scored.extend(customers["customer_id"])
            return even(customers, horizon)

        return say

    rt.survival.backtest(spells, fit=fit, cuts=["2024-06-30"], horizon=90, holdout="customers")
    assert not set(fitted) & set(scored)
    assert 0.1 < len(scored) / len(naive(spells, "2024-06-30", 90)[0]) < 0.3


def test_a_model_is_asked_given_the_tenure(spells):
    """A Cox model's chances are those of predict_churn for the tenure on the cut."""
    cut = pd.Timestamp("2024-06-30")
    row = rt.survival.backtest(
        spells, fit=lambda known: rt.fit_cox(known, covariates="plan"), cuts=[cut], horizon=60
    ).iloc[0]
    assert row["status"] == "converged"
    known = spells[spells["start"] <= cut].copy()
    gone = known["churned"] & known["end"].le(cut)
    known["duration"] = known["duration"].where(gone, (cut - known["start"]).dt.days)
    known["churned"] = gone
    model = rt.fit_cox(known, covariates="plan")
    here = known[~gone].rename(columns={"duration": "tenure"})
    chance = rt.predict_churn(here, model=model, within=60)["churn_probability"]
    assert row["n_unpredicted"] == chance.isna().sum() > 0
    assert row["predicted_churn"] == pytest.approx(chance.mean(), rel=1e-12)


def test_orders_are_cut_before_spells_are_made_of_them():
    """`build` gets only rows up to the day, for the fit and for the outcome."""
    orders = rt.sample_company(300, seed=4).orders
    asked = []

    def build(known, day):
        asked.append((known["date"].max() < pd.Timestamp(day) + pd.Timedelta(days=1), day))
        return rt.purchase_spells(known, gap=90, as_of=day)

    answer = rt.survival.backtest(
        orders, fit=saying(even), build=build, cuts=["2023-12-31"], horizon=60
    )
    assert all(fine for fine, _ in asked)
    assert {str(day) for _, day in asked} == {"2023-12-31", "2024-02-29"}
    later = rt.purchase_spells(orders, gap=90, as_of="2024-02-29")
    first = rt.purchase_spells(
        orders[orders["date"] < "2024-01-01"], gap=90, as_of="2023-12-31"
    ).query("~churned")
    left = later.merge(first[["customer_id", "spell"]], on=["customer_id", "spell"])["churned"]
    assert answer["n_churned"][0] == left.sum()


def test_the_same_on_every_engine(engine, spells):
    """Counts are equal, scores agree, and the answer is of the caller's kind."""
    said = {"cuts": ["2023-12-31", "2023-03-31"], "horizon": 90}
    expected = rt.survival.backtest(
        spells, fit=lambda known: rt.fit_cox(known, covariates="plan"), **said
    )
    answer = rt.survival.backtest(
        engine.table(spells), fit=lambda known: rt.fit_cox(known, covariates="plan"), **said
    )
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["cut"])
    assert found["cut"].tolist() == expected["cut"].tolist()  # days, so without a zone on Spark
    assert found["n_scored"].tolist() == expected["n_scored"].tolist()
    for name in ("predicted_churn", "observed_churn", "concordance", "brier_score"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9)


def test_a_cut_with_nobody_to_score_says_so(spells):
    """Its scores are null, with the reason."""
    row = rt.survival.backtest(spells, fit=saying(even), cuts=["2022-01-02"], horizon=30).iloc[0]
    assert "few" in row["reason"] or "nobody" in row["reason"]
    assert np.isnan(row["brier_score"])


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"cuts": []}, "cuts: name at least one day"),
        ({"horizon": 0}, "horizon must be a whole number of days, 1 or more; got 0"),
        ({"horizon": 1.5}, "horizon must be a whole number"),
        ({"embargo": -1}, "embargo must be a whole number of days, 0 or more"),
        ({"holdout": "rows"}, "holdout must be one of 'time', 'customers'"),
        ({"cuts": ["2024-12-01"]}, "the data reach no further than 2024-12-31"),
    ],
)
def test_refuses_what_cannot_be_asked(spells, said, message):
    """In the user's words."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.survival.backtest(
            spells, fit=saying(even), **{"cuts": ["2023-12-31"], "horizon": 90, **said}
        )


def test_refuses_predictions_of_another_length(spells):
    """One chance for each running spell."""
    with pytest.raises(rt.RetentionError, match=r"gave \(1,\) predictions for"):
        rt.survival.backtest(spells, fit=saying(lambda *_: [0.5]), cuts=["2023-12-31"], horizon=90)


def test_refuses_a_table_without_dates(spells):
    """With build= the table is cut by its date."""
    with pytest.raises(rt.ContentError, match="needs a column 'date'"):
        rt.survival.backtest(
            spells,
            fit=saying(even),
            build=lambda known, day: known,
            cuts=["2023-12-31"],
            horizon=90,
        )


CONTRACTS = pd.DataFrame({
    "customer_id": [f"c{i:02}" for i in range(40)],
    "start": pd.to_datetime(["2023-01-01"] * 40),
    "end": pd.to_datetime(["2023-11-01"] * 10 + ["2024-02-01"] * 10 + [None] * 20),
    "sales": 1.0,
})  # fmt: skip


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
def test_contracts_are_cut_before_spells_are_made_of_them(engine):
    """30 run on the last of 2023; of the 10 that end by March all are known."""
    seen = []

    def build(known, day):
        seen.append(engine.read(known)["end"].notna().sum())
        return rt.contract_spells(known, as_of=day, grace=10)

    found = rt.survival.backtest(
        engine.table(CONTRACTS), build=build, cuts="2023-12-31", horizon=60,
        fit=lambda spells: lambda running, horizon: np.full(len(running), 0.3),
    )  # fmt: skip
    row = engine.read(found).iloc[0]
    assert seen == [10, 10, 20]  # of ends, on the cut (fitted, running) and after it
    assert (row["n_running"], row["n_churned"]) == (30, 10)


@pytest.mark.parametrize(
    ("said", "message"),
    [({"cuts": None}, "cuts must be a day"), ({"build": 3}, "build must be a function")],
)
def test_refuses_what_is_no_day_and_no_function(said, message):
    """Neither leaves as a TypeError."""
    asked = {"cuts": "2023-12-31", "horizon": 60, "build": None, **said}
    with pytest.raises(rt.RetentionError, match=message):
        rt.survival.backtest(CONTRACTS, fit=rt.fit_cox, **asked)


def test_a_horizon_within_the_intervals_of_the_model_is_said():
    """Survival steps down at the end of a year: in 60 days mostly nobody's year ends."""

    def build(known, day):
        return rt.contract_spells(known, as_of=day, grace=0)

    spells = build(CONTRACTS, "2024-06-30")
    model = rt.survival.fit_hazard(spells, unit="year")
    with pytest.warns(rt.RetentionWarning, match="within: 60 is shorter than the intervals .* 365"):
        rt.predict_churn(spells, model=model, within=60)
    with pytest.warns(rt.RetentionWarning, match="horizon: 60 is shorter than the intervals"):
        rt.survival.backtest(
            CONTRACTS, build=build, cuts="2023-12-31", horizon=60,
            fit=lambda spells: rt.survival.fit_hazard(spells, unit="year"),
        )  # fmt: skip
    shorter = rt.survival.fit_hazard(spells, unit="month")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rt.predict_churn(spells, model=shorter, within=60)

"""Edges of predictions and backtests that twins written from docstrings came upon."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

import retention as rt
from shops import orders

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
three = pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)


def ranked(_spells):
    """A fit that gives chances in the order of the rows."""
    return lambda running, _horizon: [i / 20 for i in range(len(running))]


@three
def test_with_a_grace_tenure_and_horizon_count_from_what_was_known(engine):
    """Fourteen contracts, seen up to 17 March on the cut; nobody could be scored, without a reason.

    Of the fourteen nine end by 16 May, 60 days later.
    """
    ends = ["2024-03-25", "2024-03-30", *(f"2024-04-{d:02d}" for d in (5, 10, 15, 20, 25, 30))]
    ends += ["2024-05-16", "2024-05-25", *[None] * 5]  # the last begins on the last day of the log
    contracts = pd.DataFrame({
        "customer_id": [f"c{i:02d}" for i in range(15)],
        "start": pd.to_datetime(["2024-01-01"] * 14 + ["2024-12-31"]), "end": pd.to_datetime(ends),
    })  # fmt: skip
    contracts["date"] = contracts["start"]
    seen = []

    def fit(_spells):
        def chances(running, _horizon):
            seen.append(running)
            return np.linspace(0, 1, len(running))

        return chances

    found = engine.read(
        rt.survival.backtest(
            engine.table(contracts),
            fit=fit,
            cuts="2024-03-31",
            horizon=60,
            build=lambda known, day: rt.contract_spells(known, as_of=day, grace=14),
        )
    ).iloc[0]
    assert (seen[0]["tenure"] == 76).all()
    assert found["n_running"] == found["n_scored"] == 14
    assert found["n_churned"] == 9
    assert found["observed_churn"] == pytest.approx(9 / 14)
    assert found[["auc", "brier_score", "lower", "upper"]].notna().all()
    assert found["reason"] is None or pd.isna(found["reason"])


@three
def test_the_last_order_after_a_cut_is_not_seen(engine):
    """Days since the last order is the first feature that anybody builds."""
    lines = orders(
        *(("a", day, 10.0) for day in ("2024-01-01", "2024-01-20", "2024-02-10", "2024-03-05")),
        *(("b", day, 10.0) for day in ("2024-01-05", "2024-01-10", "2024-05-20")),
    )
    spells = rt.purchase_spells(engine.table(lines), gap=30, as_of="2024-05-20")
    seen = []

    def fit(known):
        seen.append(engine.read(known))
        return ranked(known)

    rt.survival.backtest(spells, fit=fit, cuts=["2024-02-01"], horizon=20)
    last = seen[0].set_index("customer_id")["last_order"]
    assert pd.isna(last["a"])
    assert pd.Timestamp(last["b"]) == pd.Timestamp("2024-01-10")


def test_a_cut_that_cannot_be_fitted_says_so_and_the_others_go_on():
    """Before the first end nobody can be fitted; that is no reason to have no backtest."""
    lines = rt.sample_company(300, seed=3).orders
    made = partial(rt.purchase_spells, gap=400)
    found = rt.survival.backtest(
        lines,
        fit=rt.fit_cox,
        cuts=["2022-06-30", "2024-06-30"],
        horizon=90,
        build=lambda known, day: made(known, as_of=day),
    )
    assert found["status"].tolist() == ["not fitted", "converged"]
    assert found["reason"][0].startswith("fit: ")
    assert found["n_running"][0] > 0
    assert found["n_scored"].tolist()[0] == 0


def test_few_who_are_all_predicted_are_not_said_to_lack_a_prediction():
    """The reason spoke of others whom the model could not predict; there were none."""
    lines = orders(*((who, f"2024-0{m}-01", 5.0) for m in range(1, 6) for who in "abcdefg"))
    spells = rt.purchase_spells(lines, gap=60, as_of="2024-05-31")
    found = rt.survival.backtest(spells, fit=ranked, cuts=["2024-03-15"], horizon=20)
    assert found["n_unpredicted"].tolist() == [0]
    assert found["reason"].tolist() == ["fewer than 10 can be scored: no more were here on the cut"]


def test_a_backtest_of_purchases_tells_how_the_fit_went():
    """The status was "predictions", so that a flat or boundary fit was hidden."""
    lines = rt.sample_company(400, seed=1).orders
    cuts = ["2023-06-30", "2023-12-31"]
    seen = []

    def fit(summary):
        seen.append(rt.repeat_buying.fit_bg_nbd(summary))
        return seen[-1]

    found = rt.repeat_buying.backtest_purchases(lines, fit=fit, cuts=cuts, within=90)
    assert found["status"].tolist() == [model.status for model in seen]


def test_nothing_is_predicted_in_intervals_that_nobody_reached():
    """From day 95 on, in the fourth month of a model of three, "nobody leaves" was no knowledge."""
    spells = pd.DataFrame({"customer_id": list("abc"), "duration": [10, 40, 70], "churned": True})
    model = rt.survival.fit_hazard(spells, unit="month", duration_unit="day")
    assert model.follow_up == pytest.approx(91.3125)
    customer = pd.DataFrame({"customer_id": ["x", "y"], "tenure": [95.0, 70.0]})
    soon = rt.predict_churn(customer, model=model, within=20)
    assert np.isnan(soon["churn_probability"][0])
    assert soon["reason"][0] == "outside what the model has seen"
    assert soon["churn_probability"][1] == 0  # the third month is not over by day 90
    whole = rt.predict_churn(customer, model=model, within=91.3125 - 70)
    assert whole["churn_probability"][1] == 1
    left = rt.survival.expected_remaining_lifetime(customer, model=model, horizon=20)
    assert np.isnan(left["expected_lifetime"][0])


@three
def test_a_spell_that_is_set_aside_has_no_prediction(engine):
    """Its duration is too short a tenure: nobody knows since when the customer is here."""
    spells = pd.DataFrame({
        "customer_id": list("abcdef"), "duration": [1, 2, 2, 4, 3, 3],
        "churned": [True, True, False, False, True, False],
        "set_aside": [None, None, None, None, None, "start unknown"],
    })  # fmt: skip
    model = rt.fit_cox(engine.table(spells))
    found = engine.read(rt.predict_churn(engine.table(spells), model=model, within=1))
    found = found.sort_values("customer_id").set_index("customer_id")
    assert found.index.tolist() == ["c", "d", "f"]
    assert np.isnan(found.loc["f", "churn_probability"])
    assert found.loc["f", "reason"] == "its spell is set aside, so the tenure is not known"
    assert found.loc["c", "churn_probability"] > 0

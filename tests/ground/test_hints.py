"""Where a forgotten column had to be kept, tables without one-time buyers, and a turned sign."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import retention as rt

ORDERS = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "b", "c"],
        "date": pd.to_datetime(
            ["2024-01-05", "2024-02-05", "2024-01-07", "2024-03-05", "2024-02-20"]
        ),
        "sales": 10.0,
        "region": ["N", "N", "S", "S", "N"],
    }
)


def spells(**asked):
    """Their relationships."""
    return rt.purchase_spells(ORDERS, gap=30, as_of="2024-03-31", **asked)


def test_a_forgotten_segment_of_spells_is_told_where_to_say_it(engine):
    """What the message says to write works."""
    table = engine.table(spells())
    said = r"by names 'region', which is not a column.*purchase_spells\(..., keep='region'\)"
    with pytest.raises(rt.ColumnError, match=said):
        rt.survival_curve(table, by="region")
    kept = engine.read(rt.survival_curve(engine.table(spells(keep="region")), by="region"))
    assert set(kept["region"]) == {"N", "S"}


@pytest.mark.parametrize(
    ("ask", "argument"),
    [
        (lambda t: rt.fit_cox(t, covariates="region"), "covariates"),
        (lambda t: rt.fit_cox(t, strata="region"), "strata"),
        (lambda t: rt.survival.fit_hazard(t, covariates="region"), "covariates"),
        (lambda t: rt.compare_curves(t, by="region"), "by"),
        (lambda t: rt.survival_curve(t, by="region"), "by"),
    ],
)
def test_every_question_of_spells_tells_it(ask, argument):
    """Whatever the argument is called."""
    with pytest.raises(rt.ColumnError, match=rf"{argument} names 'region'.*keep='region'\)"):
        ask(spells())


def test_a_forgotten_segment_of_activity_is_told_where_to_say_it(engine):
    """What the message says to write works."""
    table = engine.table(ORDERS)
    activity = rt.customer_periods(
        table, freq="month", as_of="2024-03-31", observed_from="2024-01-01"
    )
    with pytest.raises(rt.ColumnError, match=r"Say customer_periods\(..., by='region'\), and as_t"):
        rt.outcome_kpis(activity, by="region")
    again = rt.customer_periods(
        table, freq="month", as_of="2024-03-31", observed_from="2024-01-01", by="region"
    )
    assert "N" in set(engine.read(rt.outcome_kpis(again, by="region"))["region"])


def test_a_near_name_is_named_instead():
    """Who mistyped it does not have to keep it."""
    with pytest.raises(rt.ColumnError, match="Did you mean 'region'.*There is: [^.]*\\.$"):
        rt.survival_curve(spells(keep="region"), by="regoin")


# Tables without one-time buyers


@pytest.mark.parametrize(
    "fit",
    [
        rt.repeat_buying.fit_bg_nbd,
        rt.repeat_buying.fit_mbg_nbd,
        rt.repeat_buying.fit_pareto_nbd,
        rt.repeat_buying.fit_bg_bb,
    ],
)
def test_a_table_without_one_time_buyers_is_noted(fit):
    """Nobody with x = 0: hardly chance; with one of them there is no note."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, 5, 60)
    table = pd.DataFrame({"x": x, "t_x": x + rng.integers(0, 3, 60).astype(float), "T": 10.0})
    notes = " ".join(fit(table).notes)
    assert "Nobody in the table bought once only (x = 0)" in notes
    assert "purchase_summary(...) of all orders" in notes
    table.loc[0, ["x", "t_x"]] = 0
    assert "bought once only" not in " ".join(fit(table).notes)


# A turned sign


TURNED = pd.DataFrame(
    {"duration": [1, 2, 3, 4], "churned": [True, True, True, False], "stay": [0.1, 0.3, 0.6, 0.9]}
)


def test_a_concordance_below_04_says_that_the_sign_may_be_turned():
    """What the warning says to write gives a concordance of 1, without a warning."""
    said = r"'stay' is 0, worse than a coin's.*scored\.assign\(stay=-scored\['stay'\]\)"
    with pytest.warns(rt.RetentionWarning, match=said) as caught:
        rt.survival.concordance(TURNED, risk="stay")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = rt.survival.concordance(TURNED.assign(stay=-TURNED["stay"]), risk="stay")
        assert again["concordance"].tolist() == [1]
        coin = rt.survival.concordance(TURNED.assign(stay=1.0), risk="stay")
    assert coin["concordance"].tolist() == [0.5]


def test_backtest_says_it_once_for_all_cuts():
    """A function that gives the chance of staying."""
    orders = rt.sample_company(1_500, seed=1).orders
    asked = {
        "build": lambda known, day: rt.purchase_spells(known, gap=120, as_of=day),
        "cuts": ["2023-09-30", "2023-12-31"],
        "horizon": 90,
    }

    def by_silence(sign):
        def fit(known):
            def chances(running, horizon):
                silent = running["tenure"] - (running["last_order"] - running["start"]).dt.days
                return 0.5 + sign * silent / 500

            return chances

        return fit

    with pytest.warns(
        rt.RetentionWarning, match="fit: on 2 of 2 cuts the concordance is below 0.4"
    ):
        rt.survival.backtest(orders, fit=by_silence(-1), **asked)
    right = rt.survival.backtest(orders, fit=by_silence(1), **asked)
    assert (right["concordance"] > 0.6).all()

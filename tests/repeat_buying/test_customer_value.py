"""customer_value: against purchases summed hour by hour, and the refusals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from buyers import CDNOW, model_of, summary_of
from conftest import at_most
from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from retention.repeat_buying.value.spend import GammaGammaModel

KINDS = [BgNbdModel, MbgNbdModel, ParetoNbdModel]
COLUMNS = [
    "customer_id",
    "horizon",
    "expected_purchases",
    "expected_spend",
    "discount_factor",
    "value",
    "reason",
]
SPEND = model_of(GammaGammaModel, (6.25, 3.74, 15.44), covariance=((None,) * 3,) * 3)
FOUR = summary_of(
    [2, 0, 26, 1],
    [30.43, 0, 30.86, 1.71],
    [38.86, 38.86, 31, 38.86],
    mean_sales=[22.35, np.nan, 40.0, 11.77],
    unit="week",
)
YEAR = 365.25 / 7


def weeks(kind):
    """The model of the CDNOW data, which is in weeks."""
    return model_of(kind, CDNOW[kind], unit="week")


def naive_values(model, table, horizon, discount, steps=300):
    """The purchases of each short step, discounted from the middle of it, of each customer."""
    x, age = table["x"].to_numpy(float), table["T"].to_numpy(float)
    alive = model.p_alive(table)["p_alive"].to_numpy()
    times = horizon * np.linspace(0, 1, steps + 1) ** 2
    until = np.array([alive * model.purchases_if_alive(model.theta, x, age, t) for t in times])
    middle = (times[1:] + times[:-1]) / 2
    return (1 + discount) ** (-middle / YEAR) @ np.diff(until, axis=0)


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_sum_over_short_steps(kind):
    """Four customers of CDNOW over five years at 15 %; spend is the model's."""
    model, horizon = weeks(kind), 260
    found = rt.repeat_buying.customer_value(
        FOUR, model=model, spend=SPEND, horizon=horizon, margin=0.3, discount=0.15
    )
    assert list(found.columns) == COLUMNS
    each = SPEND.expected_spend(FOUR)["expected_spend"]
    expected = naive_values(model, FOUR, horizon, 0.15) * each * 0.3
    np.testing.assert_allclose(found["value"], expected, rtol=5e-6)


@settings(max_examples=at_most(8))
@given(
    st.sampled_from(KINDS),
    st.floats(0.1, 500),
    st.floats(0.001, 1),
    st.floats(-1, 1),
    st.floats(1, 100),
)
def test_value_is_the_product_of_what_stands_beside_it(kind, horizon, discount, margin, spend):
    """The factor lies between that of the horizon and 1, and falls with the rate."""
    options = {"model": weeks(kind), "horizon": horizon, "margin": margin, "spend": spend}
    found = rt.repeat_buying.customer_value(FOUR, discount=discount, **options)
    product = found["expected_purchases"] * found["expected_spend"] * found["discount_factor"]
    np.testing.assert_allclose(found["value"], product * margin, rtol=1e-12)
    factor = found["discount_factor"]
    assert factor.between((1 + discount) ** (-horizon / YEAR), 1).all()
    none = rt.repeat_buying.customer_value(FOUR, discount=0, **options)
    assert (none["discount_factor"] == 1).all()
    said = weeks(kind).expected_purchases(FOUR, within=horizon)["expected_purchases"]
    np.testing.assert_allclose(none["expected_purchases"], said)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_customer_over_decades_is_worth_the_sum_as_well(kind):
    """With T = 0 the early weeks matter most, where few nodes would miss."""
    new = summary_of([0], [0], [0], unit="week")
    found = rt.repeat_buying.customer_value(
        new, model=weeks(kind), spend=1.0, horizon=1000, margin=1.0, discount=0.1
    )
    expected = naive_values(weeks(kind), new, 1000, 0.1, 600)
    np.testing.assert_allclose(found["value"], expected, rtol=1e-5)


def test_days_and_weeks_are_worth_the_same():
    """The rate is a year's, whatever the unit."""
    r, alpha, a, b = CDNOW[MbgNbdModel]
    days = FOUR.assign(t_x=FOUR["t_x"] * 7, T=FOUR["T"] * 7, unit="day")
    options = {"spend": 20.0, "margin": 0.3, "discount": 0.1}
    by_week = rt.repeat_buying.customer_value(FOUR, model=weeks(MbgNbdModel), horizon=52, **options)
    model = model_of(MbgNbdModel, (r, 7 * alpha, a, b), unit="day")
    by_day = rt.repeat_buying.customer_value(days, model=model, horizon=364, **options)
    np.testing.assert_allclose(by_day["value"], by_week["value"], rtol=1e-9)


def test_answers_in_the_kind_and_order_that_was_given(engine):
    """Same columns, same values, on every engine."""
    options = {"model": weeks(ParetoNbdModel), "spend": SPEND, "horizon": 52}
    table = rt.repeat_buying.customer_value(engine.table(FOUR), margin=0.3, discount=0.1, **options)
    assert engine.is_mine(table)
    expected = rt.repeat_buying.customer_value(FOUR, margin=0.3, discount=0.1, **options)
    found = engine.read(table, order=["customer_id"])
    names = ["customer_id", "expected_spend", "value"]
    pd.testing.assert_frame_equal(found[names], expected[names], rtol=1e-12)
    assert found["reason"].isna().all()


def test_where_the_spend_model_says_nothing_there_is_no_value():
    """With the reason in words."""
    boundless = model_of(GammaGammaModel, (6.25, 0.9, 15.44), covariance=((None,) * 3,) * 3)
    found = rt.repeat_buying.customer_value(
        FOUR, model=weeks(BgNbdModel), spend=boundless, horizon=52, margin=0.3, discount=0.1
    )
    assert math.isnan(found["value"][1])
    assert found["reason"][1].startswith("the mean has no bound")
    assert found["value"].notna().tolist() == [True, False, True, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": -1}, "horizon must be one length of time from 0 to .*; got -1"),
        ({"margin": 30}, "margin is the share of sales that is left, such as 0.3 for 30 %; got 30"),
        ({"margin": True}, "margin is the share of sales that is left"),
        ({"discount": 10}, "discount is an effective rate a year, such as 0.1 for 10 %"),
        ({"discount": -0.1}, "discount is an effective rate a year"),
        ({"spend": None}, "spend is what a purchase brings: a model from fit_gamma_gamma"),
        ({"spend": math.inf}, "spend is what a purchase brings"),
        ({"model": SPEND}, "model must be fitted, as by .*; got GammaGammaModel"),
        ({"model": model_of(BgNbdModel, CDNOW[BgNbdModel], unit="day")}, "fitted on days"),
    ],
)
def test_refusals(options, message):
    """What cannot be asked is said in the user's words."""
    asked = {"model": weeks(BgNbdModel), "spend": 20.0, "horizon": 52, "margin": 0.3}
    with pytest.raises(rt.RetentionError, match=message):
        rt.repeat_buying.customer_value(FOUR, **{**asked, "discount": 0.1, **options})


def test_opportunities_are_no_lengths_of_time():
    """So BG/BB gives a value without discount, and says why there is none with it."""
    people = summary_of([1, 2, 0, 3], [3, 4, 0, 6], [6] * 4)
    asked = {
        "model": rt.repeat_buying.fit_bg_bb(people),
        "spend": 20.0,
        "horizon": 4,
        "margin": 0.3,
    }
    found = rt.repeat_buying.customer_value(people, discount=0, **asked)
    expected = asked["model"].expected_purchases(people, within=4)["expected_purchases"]
    np.testing.assert_allclose(found["value"], expected * 6)
    with pytest.raises(rt.RetentionError, match="BG/BB model counts opportunities.*discount=0"):
        rt.repeat_buying.customer_value(people.assign(unit="week"), discount=0.1, **asked)


def test_a_rate_a_year_needs_a_unit():
    """Without discount it does not."""
    asked = {"spend": 20.0, "horizon": 52, "margin": 0.3}
    model, bare = model_of(BgNbdModel, CDNOW[BgNbdModel]), FOUR.drop(columns="unit")
    with pytest.raises(rt.RetentionError, match="neither the model nor the summary says"):
        rt.repeat_buying.customer_value(bare, model=model, discount=0.1, **asked)
    assert (
        rt.repeat_buying.customer_value(bare, model=model, discount=0, **asked)["value"]
        .notna()
        .all()
    )

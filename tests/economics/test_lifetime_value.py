"""lifetime_value: a twin in loops, printed multiples, what was seen and foretold, refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from renewers import CASE_1, HIGH_END, YEARS, cohort_drawn, model_with

TIMINGS = {
    "start": (0, 0, 0),
    "middle": (0.5, 0.5, 0),
    "end": (1, 1, 0),
    "arrears": (0, 1, 0),
    "renewal": (1, 0, 1),
}
HAND = pd.DataFrame({"duration": [1, 2, 2, 3], "churned": [True, True, True, False]})
FREE = {"acquisition_cost": 0, "length": "year", "discount": 0}
ignore_holes = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def value_of(curve, **asked):
    """The row of one segment."""
    return rt.economics.lifetime_value(curve, **asked).iloc[0]


def kept_shares(spells, times):
    """Kaplan and Meier's S at some times, None once nobody is seen so far, spell by spell."""
    last = max(duration for duration, _ in spells)
    found = []
    for time in times:
        share = Fraction(1)
        for u in sorted({d for d, churned in spells if churned and d <= time}):
            n = sum(d >= u for d, _ in spells)
            share *= 1 - Fraction(sum(d == u and churned for d, churned in spells), n)
        found.append(share if time <= last or not share else None)
    return found


@settings(max_examples=at_most(8))
@given(
    spells=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12),
    timing=st.sampled_from(list(TIMINGS)),
    horizon=st.integers(1, 7),
    profit=st.lists(st.integers(-9, 9), min_size=8, max_size=8),
    discount=st.sampled_from([0, 0.1, 1.0]),
)
def test_agrees_with_the_definition_payment_by_payment(
    engine, spells, timing, horizon, profit, discount
):
    """Value of what was observed, and of all where all was, with a profit of each age."""
    table = pd.DataFrame(spells, columns=["duration", "churned"])
    ages = pd.DataFrame({"age": range(1, 9), "profit_per_customer": map(float, profit)})
    curve = rt.survival_curve(engine.table(table))
    answer = rt.economics.lifetime_value(
        curve, profit=engine.table(ages), acquisition_cost=3, length="quarter", horizon=horizon,
        discount=discount, timing=timing,
    )  # fmt: skip
    assert engine.is_mine(answer)
    found = engine.read(answer).iloc[0]
    here, later, shift = TIMINGS[timing]
    kept = kept_shares(spells, [j + here for j in range(horizon)])
    seen = [share for share in kept if share is not None]
    total = sum(
        profit[j + shift] * float(share) * (1 + discount) ** (-(j + later) / 4)
        for j, share in enumerate(seen)
    )
    assert found["horizon_observed"] == len(seen)
    assert found["value_observed"] == pytest.approx(total, abs=1e-9)
    if len(seen) == horizon:
        assert found["value"] == pytest.approx(total, abs=1e-9)
        assert found["net"] == pytest.approx(total - 3, abs=1e-9)
        assert found["value_forecast"] == 0
        assert pd.isna(found["reason"])
    else:
        assert np.isnan([found["value"], found["value_forecast"], found["lower"]]).all()
        assert found["reason"].startswith(f"observed for {len(seen):,} quarter")


def test_is_the_vector_worked_by_hand():
    """S = 1, ¾, ¼; n = 4, 3, 1; d = 1, 2, 0: value 20 and variance 12.5 at 10 a period."""
    found = value_of(rt.survival_curve(HAND), profit=10, horizon=3, timing="start", **FREE)
    assert (found["value"], found["standard_error"] ** 2) == pytest.approx((20, 12.5))
    z = 1.959963984540054
    assert found["upper"] - found["value"] == pytest.approx(z * 12.5**0.5)


def test_with_unit_profit_it_is_the_restricted_mean_of_lung():
    """R's lung data, 730 days: 357.0733 with standard error 16.2193, to the last digit."""
    from lifelines.datasets import load_lung

    lung = load_lung()
    spells = pd.DataFrame({"duration": lung["time"], "churned": lung["status"] == 1})
    curve = rt.survival_curve(spells)
    asked = {"acquisition_cost": 0, "length": "day", "discount": 0, "timing": "start"}
    found = value_of(curve, profit=1, horizon=730, **asked)
    mean = rt.survival.restricted_mean(curve, horizon=730).iloc[0]
    assert round(found["value"], 4) == 357.0733
    assert round(found["standard_error"], 4) == 16.2193
    for mine, theirs in (("value", "restricted_mean"), ("lower", "lower"), ("upper", "upper")):
        assert found[mine] == pytest.approx(mean[theirs], rel=1e-12)


def one_rate(rate):
    """A model in which all renew with one chance, as nearly as numbers hold."""
    return model_with(1e7 * (1 - rate), 1e7 * rate)


@pytest.mark.parametrize(
    ("rate", "multiples"),
    [
        (0.6, [1.20, 1.15, 1.11, 1.07]),
        (0.7, [1.75, 1.67, 1.59, 1.52]),
        (0.8, [2.67, 2.50, 2.35, 2.22]),
        (0.9, [4.50, 4.09, 3.75, 3.46]),
    ],
)
def test_multiples_are_those_of_gupta_and_lehmann_2003(rate, multiples):
    """r / (1 + i − r) for i of 10, 12, 14 and 16 %, to the printed digits."""
    asked = {"profit": 1, "acquisition_cost": 0, "length": "year", "timing": "end"}
    found = [
        value_of(one_rate(rate), discount=i, horizon=200, **asked)["value"]
        for i in (0.10, 0.12, 0.14, 0.16)
    ]
    assert [round(value, 2) for value in found] == multiples
    np.testing.assert_allclose(
        found, [rate / (1 + i - rate) for i in (0.1, 0.12, 0.14, 0.16)], rtol=2e-6
    )


def test_textbook_formulas_are_timings():
    """With r .8 and d .1: 2.667, 3.333 and 3.667 margins; before a renewal 2.933."""
    asked = {"profit": 3, "acquisition_cost": 0, "horizon": 300, **YEARS}
    found = {timing: value_of(one_rate(0.8), timing=timing, **asked)["value"] for timing in TIMINGS}
    formulas = {
        "end": 0.8 / 0.3, "arrears": 1 / 0.3, "start": 1.1 / 0.3, "renewal": 0.8 * 1.1 / 0.3,
        "middle": 1.1**0.5 / 0.3,
    }  # fmt: skip
    for timing, formula in formulas.items():
        assert found[timing] == pytest.approx(3 * formula, rel=2e-6)


def test_a_model_says_which_share_rests_on_it():
    """Seven renewals were watched: what is paid as year 9 opens nobody has seen."""
    asked = {"profit": 1, "acquisition_cost": 0, "timing": "start", **YEARS}
    found = value_of(model_with(*HIGH_END), horizon=300, **asked)
    within = value_of(model_with(*HIGH_END), horizon=8, **asked)
    assert (found["horizon_observed"], within["horizon_observed"]) == (8, 8)
    assert found["value_observed"] == pytest.approx(within["value"])
    assert within["share_forecast"] == 0
    forecast = found["value"] - within["value"]
    assert found["value_forecast"] == pytest.approx(forecast)
    assert found["share_forecast"] == pytest.approx(forecast / found["value"])
    end = value_of(model_with(*HIGH_END), horizon=300, **{**asked, "timing": "end"})
    assert end["horizon_observed"] == 7
    late = model_with(*HIGH_END, n_at_risk=(0, 5, 5), n_churned=(0, 1, 1))
    assert value_of(late, horizon=5, **{**asked, "timing": "end"})["horizon_observed"] == 0


def test_in_the_long_run_it_is_the_hypergeometric_function():
    """Σ v^k S(k) = ₂F₁(1, b; a + b; v), a payment at once and at each renewal."""
    from scipy.special import hyp2f1

    asked = {"profit": 1, "acquisition_cost": 0, "horizon": 2000, **YEARS}
    for a, b in (HIGH_END, CASE_1, (0.01, 0.2)):
        found = value_of(model_with(a, b), timing="start", **asked)["value"]
        assert found == pytest.approx(hyp2f1(1, b, a + b, 1 / 1.1), rel=1e-10)


def test_curve_and_model_agree_within_what_was_seen():
    """A cohort of a hundred thousand, drawn from the model."""
    spells = cohort_drawn(np.random.default_rng(0), *HIGH_END, 100_000, (7, 7))
    asked = {"profit": 1, "acquisition_cost": 0, "horizon": 7, "timing": "end", **YEARS}
    curve = value_of(rt.survival_curve(spells), **asked)
    model = value_of(rt.repeat_buying.fit_beta_geometric(spells), **asked)
    assert curve["value"] == pytest.approx(model["value"], rel=2e-3)
    assert curve["lower"] < model["value"] < curve["upper"]
    assert model["standard_error"] == pytest.approx(curve["standard_error"], rel=0.1)


@settings(max_examples=at_most(8))
@given(
    a=st.floats(0.05, 50), b=st.floats(0.05, 50), horizon=st.integers(1, 60),
    timing=st.sampled_from(list(TIMINGS)), profit=st.floats(-100, 100),
)  # fmt: skip
def test_is_linear_in_profit_falls_with_the_rate_and_rises_with_the_horizon(
    a, b, horizon, timing, profit
):
    """Whatever the model and the timing."""
    model = model_with(a, b)
    asked = {"acquisition_cost": 0, "timing": timing, "length": "month"}
    unit = value_of(model, profit=1, discount=0.1, horizon=horizon, **asked)["value"]
    several = value_of(model, profit=profit, discount=0.1, horizon=horizon, **asked)["value"]
    assert several == pytest.approx(profit * unit, rel=1e-9, abs=1e-12)
    dearer = value_of(model, profit=1, discount=0.2, horizon=horizon, **asked)["value"]
    longer = value_of(model, profit=1, discount=0.1, horizon=horizon + 1, **asked)["value"]
    assert dearer <= unit <= longer


def test_where_all_stay_and_all_leave():
    """Everyone pays each time; or once, and a variance of 0 then tells nothing of chance."""
    asked = {"profit": 10, "timing": "start", **FREE}
    stay = pd.DataFrame({"duration": [4, 4], "churned": [False, False]})
    leave = pd.DataFrame({"duration": [1, 1], "churned": [True, True]})
    found = value_of(rt.survival_curve(stay), horizon=4, **asked)
    assert (found["value"], found["standard_error"]) == (40, 0)
    found = value_of(rt.survival_curve(leave), horizon=9, **asked)
    assert (found["value"], found["horizon_observed"]) == (10, 9)
    assert np.isnan(found["lower"])


@ignore_holes
def test_late_entry_is_given_and_a_hole_is_named():
    """Nobody was watched before year 2; or between years 2 and 4."""
    asked = {"profit": 10, "timing": "start", "horizon": 6, **FREE}
    late = pd.DataFrame({"duration": [3, 6], "entry": [2.0, 2.0], "churned": [True, False]})
    found = value_of(rt.survival_curve(late), **asked)
    assert found["note"] == "given still here at 2: nobody was watched before"
    assert found["value"] == 10 * (1 + 1 + 1 + 0.5 + 0.5 + 0.5)
    hole = pd.DataFrame({"duration": [2, 6], "entry": [0.0, 4.0], "churned": [False, False]})
    found = value_of(rt.survival_curve(hole), **asked)
    assert found["reason"] == "nobody was watched from 2 to 4"
    assert (found["horizon_observed"], found["value_observed"]) == (3, 30)


def test_segments_have_their_own_profit_or_share_one():
    """A table with the segment's column, one without ages, and one amount."""
    spells = pd.DataFrame({
        "duration": [2, 2, 2, 2], "churned": [False] * 4, "plan": ["a", "a", "b", None],
    })  # fmt: skip
    curve = rt.survival_curve(spells, by="plan")
    asked = {"by": "plan", "horizon": 2, "timing": "start", **FREE}
    each = pd.DataFrame({
        "plan": ["a", "a", "b", "b", "(missing)", "(missing)"], "age": [1, 2] * 3,
        "profit_per_customer": [1.0, 2, 10, 20, 100, 200],
    })  # fmt: skip
    found = rt.economics.lifetime_value(curve, profit=each, **asked)
    assert dict(zip(found["plan"], found["value"], strict=True)) == {
        "(missing)": 300, "a": 3, "b": 30
    }  # fmt: skip
    flat = pd.DataFrame({"plan": ["a", "b", "(missing)"], "profit_per_customer": [1.0, 10, 100]})
    assert rt.economics.lifetime_value(curve, profit=flat, **asked)["value"].tolist() == [
        200,
        2,
        20,
    ]
    alike = pd.DataFrame({"age": [1, 2], "profit_per_customer": [5.0, 7]})
    assert rt.economics.lifetime_value(curve, profit=alike, **asked)["value"].tolist() == [12] * 3
    aged = rt.survival_curve(spells.rename(columns={"plan": "age"}), by="age")
    with pytest.raises(rt.ColumnError, match="'age' is a column of profit itself"):
        rt.economics.lifetime_value(aged, profit=alike, **{**asked, "by": "age"})
    assert rt.economics.lifetime_value(aged, profit=6, **{**asked, "by": "age"})["value"][0] == 12
    with pytest.raises(rt.ContentError, match="no row for plan = '.missing.'"):
        rt.economics.lifetime_value(curve, profit=each[each["plan"] != "(missing)"], **asked)


@pytest.mark.parametrize(
    ("length", "share"),
    [("year", 1), ("quarter", 1 / 4), ("month", 1 / 12), ("week", 7 / 365.25), (28, 28 / 365.25)],
)
def test_the_rate_is_a_years_whatever_a_period_is(length, share):
    """A payment one period from now counts 1.1 to minus that part of a year."""
    stay = rt.survival_curve(pd.DataFrame({"duration": [2], "churned": [False]}))
    asked = {"acquisition_cost": 0, "horizon": 1, "timing": "end", "profit": 1}
    found = value_of(stay, length=length, discount=0.1, **asked)
    assert found["value"] == pytest.approx(1.1**-share)
    assert found["length"] == (length if isinstance(length, str) else "28 days")


def test_a_model_without_errors_has_no_bounds_and_says_why():
    """All left at the first renewal: a and b cannot be told."""
    model = rt.repeat_buying.fit_beta_geometric(HAND.assign(duration=1, churned=True))
    found = value_of(model, profit=1, horizon=3, timing="start", **FREE)
    assert found["value"] == pytest.approx(1, abs=1e-5)
    assert np.isnan(found["lower"])
    assert found["reason"] == " ".join(model.notes)


AGES = pd.DataFrame({"age": [1, 2, 3], "profit_per_customer": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timing": "yearly"}, "timing must be one of 'start', 'middle', 'end', 'arrears', 'ren"),
        ({"timing": None}, "timing must be one of"),
        ({"discount": 10}, "discount is an effective rate a year, such as 0.1 for 10 %.*got 10"),
        ({"discount": None}, "discount is an effective rate"),
        ({"length": "fortnight"}, "'month', 'quarter', 'year' or a whole number of days; got 'f"),
        ({"length": 0}, "length is how long a period is"),
        ({"horizon": 2.5}, "horizon must be a whole number of periods, 1 or more; got 2.5"),
        ({"horizon": 10**9}, "horizon may be 100,000 periods at most"),
        ({"acquisition_cost": -1}, "what it costs to win a customer: an amount, 0 or more; got -1"),
        ({"acquisition_cost": None}, "acquisition_cost is what it costs"),
        ({"acquisition_cost": 10**400}, "acquisition_cost is what it costs"),
        ({"profit": 1e300}, "an amount, or a table"),
        ({"profit": "sales"}, "profit is what a customer brings a period: an amount, or a table"),
        ({"profit": float("nan")}, "an amount, or a table"),
        ({"profit": True}, "an amount, or a table"),
        ({"profit": AGES.drop(columns="profit_per_customer")}, "lacks 'profit_per_customer'"),
        ({"profit": AGES.assign(age=[0, 1, 2])}, "whole numbers from 1 on"),
        ({"profit": AGES.assign(age=1)}, "an age comes twice. Say by= with the segments"),
        ({"profit": AGES.head(0)}, "profit: the table is empty"),
        ({"profit": AGES.assign(profit_per_customer=np.inf)}, "an amount is infinite"),
        ({"profit": AGES.assign(length="month")}, "of the length 'month', length= says 'year'"),
        ({"profit": AGES, "horizon": 4}, "unknown from age 4 on; take horizon=3 or name one"),
        ({"profit": AGES.tail(2)}, "unknown from age 1 on; name one amount"),
        ({"level": 95}, "level must lie between 0 and 1"),
        ({"by": "plan"}, "by.* names 'plan', which is not a column"),
    ],
)
def test_refusals(change, message):
    """What cannot be asked is said in the user's words."""
    asked = {"profit": 10, "horizon": 3, "timing": "start", **FREE, **change}
    with pytest.raises(rt.RetentionError, match=message):
        rt.economics.lifetime_value(rt.survival_curve(HAND), **asked)


def test_advice_of_refusals_works():
    """The horizon that is named, and the model that is asked for."""
    curve, asked = rt.survival_curve(HAND), {"timing": "start", **FREE}
    assert value_of(curve, profit=AGES, horizon=3, **asked)["value"] == 1 + 1.5 + 0.75
    with pytest.raises(rt.ContentError, match="take horizon=2 or"):
        value_of(curve, profit=AGES, horizon=3, **{**asked, "timing": "renewal"})
    value_of(curve, profit=AGES, horizon=2, **{**asked, "timing": "renewal"})
    model = rt.repeat_buying.fit_beta_geometric(HAND)
    assert value_of(model, profit=10, horizon=9, **asked)["value"] > 20
    for wrong, message in [
        (rt.fit_cox(HAND), "CoxModel is asked customer by customer: say residual_value"),
        ("curve", "curve must be a table of survival_curve or a model from fit_beta_geometric"),
        (HAND, "This is a table of spells. Make curve first: survival_curve"),
        (curve.head(0), "the table is empty"),
    ]:
        with pytest.raises(rt.RetentionError, match=message):
            rt.economics.lifetime_value(wrong, profit=10, horizon=3, **asked)
    with pytest.raises(rt.RetentionError, match="a model is of all its customers together"):
        rt.economics.lifetime_value(model, profit=10, horizon=3, by="plan", **asked)
    both = rt.survival_curve(pd.concat([HAND.assign(plan=p) for p in "ab"]), by="plan")
    with pytest.raises(rt.ContentError, match="a duration comes twice. Say by="):
        rt.economics.lifetime_value(both, profit=10, horizon=3, **asked)


def test_money_in_two_currencies_is_not_added():
    """Unless the currency is a segment."""
    ages = pd.concat([AGES.assign(currency=c) for c in ("EUR", "USD")])
    asked = {"horizon": 3, "timing": "start", **FREE}
    with pytest.raises(rt.RetentionError, match="currenc"):
        rt.economics.lifetime_value(rt.survival_curve(HAND), profit=ages, **asked)
    both = rt.survival_curve(
        pd.concat([HAND.assign(currency=c) for c in ("EUR", "USD")]), by="currency"
    )
    found = rt.economics.lifetime_value(both, profit=ages, by="currency", **asked)
    assert found["value"].tolist() == [3.25, 3.25]

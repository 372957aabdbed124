"""residual_value: Fader and Hardie's table 3, survivors and the saved, models of lifetimes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from renewers import CASE_1, CASE_2, HIGH_END, REGULAR, YEARS, model_with

COLUMNS = ["customer_id", "tenure", "value", "reason", "note", "whose", "horizon", "timing"]
COLUMNS += ["length", "discount"]
PAY = {"profit": 1, "horizon": 1000, **YEARS}


def customers(*tenures):
    """Customers c0, c1, … with so many renewals behind."""
    names = [f"c{i}" for i in range(len(tenures))]
    return pd.DataFrame({"customer_id": names, "tenure": tenures})


def values(*tenures, **asked):
    """What customers of these tenures are worth."""
    found = rt.economics.residual_value(customers(*tenures), **{**PAY, **asked})
    return found["value"].tolist()


TABLE_3 = {
    CASE_1: ([3.31, 3.45, 3.59, 3.72, 3.84], [3.3098, 3.4510, 3.5865, 3.7168, 3.8421]),
    CASE_2: ([7.68, 9.46, 9.86, 10.06, 10.19], [7.6815, 9.4620, 9.8560, 10.0605, 10.1924]),
}


@pytest.mark.parametrize("theta", [CASE_1, CASE_2])
def test_is_table_3_of_fader_and_hardie_2010(theta):
    """Renewals behind 0 to 4, a tenth a year, before a renewal; four digits as computed twice."""
    found = values(0, 1, 2, 3, 4, model=model_with(*theta), timing="renewal")
    printed, closer = TABLE_3[theta]
    assert [round(value, 2) for value in found] == printed
    assert [round(value, 4) for value in found] == closer


def contracts_of_cohorts(a, b):
    """Five cohorts of 10,000, won on days all over 2019 to 2023, who leave as expected."""
    kept = np.cumprod([1.0, *((b + k) / (a + b + k) for k in range(5))])
    place = np.arange(10_000)
    parts = []
    for year in range(2019, 2024):
        left = -np.diff(np.round(10_000 * kept[: 2025 - year])).astype(int)
        stays = np.repeat(np.arange(1, left.size + 1), left)
        stays = np.append(stays, np.zeros(place.size - stays.size, int))
        day = {"month": place % 12 + 1, "day": place % 28 + 1}
        start = pd.to_datetime(pd.DataFrame({"year": year, **day}))
        end = pd.to_datetime(pd.DataFrame({"year": year + stays, **day})).where(stays > 0)
        parts.append(pd.DataFrame({"start": start, "end": end}))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(customer_id=np.arange(len(table)))


@pytest.mark.parametrize("theta", [CASE_1, CASE_2])
def test_table_3_comes_from_contracts_with_ragged_starts(theta):
    """Contracts to spells to years to a fit to the value of each who is here, as it is printed."""
    contracts = contracts_of_cohorts(*theta)
    spells = rt.contract_spells(contracts, as_of="2024-12-31", grace=0)
    years = rt.repeat_buying.renewal_periods(spells, length="year")
    model = rt.repeat_buying.fit_beta_geometric(years)
    found = rt.economics.residual_value(years, model=model, timing="renewal", **PAY)
    assert len(found) == contracts["end"].isna().sum()
    by_tenure = found.groupby("tenure")["value"].agg(["min", "max"])
    np.testing.assert_array_equal(by_tenure["min"], by_tenure["max"])
    new = values(0, model=model, timing="renewal")
    found = [*new, *by_tenure["min"].loc[1:4]]
    assert [round(value, 2) for value in found] == TABLE_3[theta][0]


@pytest.mark.parametrize("theta", [HIGH_END, REGULAR, CASE_1, (0.01, 0.2)])
def test_the_saved_are_worth_the_hypergeometric_function(theta):
    """Σ v^k B(a+1, b+n+k) / B(a+1, b+n) = ₂F₁(1, b+n; a+1+b+n; v), and survivors theirs."""
    from scipy.special import hyp2f1

    (a, b), v, n = theta, 1 / 1.1, np.array([0, 1, 4, 30])
    model = model_with(*theta)
    saved = values(*(n + 1), model=model, timing="start", whose="saved")
    np.testing.assert_allclose(saved, hyp2f1(1, b + n, a + 1 + b + n, v), rtol=1e-11)
    stay = values(*(n + 1), model=model, timing="start")
    np.testing.assert_allclose(stay, hyp2f1(1, b + n + 1, a + b + n + 1, v), rtol=1e-11)


@pytest.mark.parametrize(
    ("theta", "worth", "ratios"),
    [(HIGH_END, [6.365, 3.401], [0.53, 0.63]), (REGULAR, [4.730, 1.957], [0.41, 0.58])],
)
def test_the_saved_are_worth_about_half(theta, worth, ratios):
    """At the first renewal and after four more; simulated 6.364 and 3.396 of the high end."""
    model = model_with(*theta)
    stay, saved = (
        values(1, 5, model=model, timing="start", whose=whose) for whose in ("survivors", "saved")
    )
    assert [round(stay[0], 3), round(saved[0], 3)] == worth
    assert [round(s / t, 2) for s, t in zip(saved, stay, strict=True)] == ratios


def test_would_be_leavers_who_are_drawn_are_worth_as_much():
    """Two hundred thousand chances: who would leave at renewal 3, and who would not."""
    rng = np.random.default_rng(0)
    chance = rng.beta(*HIGH_END, 200_000)
    leaves = rng.geometric(chance)
    worth = 1 / (1 - (1 - chance) / 1.1)
    model = model_with(*HIGH_END)
    for whose, mine in (("saved", leaves == 3), ("survivors", leaves > 3)):
        found = values(3, model=model, timing="start", whose=whose)[0]
        error = worth[mine].std() / mine.sum() ** 0.5
        assert abs(worth[mine].mean() - found) < 3 * error


def naive_value(theta, tenure, whose, horizon, discount):
    """Means over customers on a grid of chances, weighed by how common and by what they did."""
    a, b, c = (*theta, 1.0)[:3]
    u = (np.arange(20_000) + 0.5) / 20_000
    chance = u ** (1 / a)  # the density of θ^a is flat times (1 − θ)^(b − 1)
    weight = (1 - chance) ** (b - 1)

    def here(n):
        return (1 - chance) ** (n**c)

    now = here(tenure - 1) - here(tenure) if whose == "saved" else here(tenure)
    weight = weight * now
    return sum(
        (weight * here(tenure + k) / here(tenure)).sum() / weight.sum() * (1 + discount) ** -k
        for k in range(horizon)
    )


@settings(max_examples=at_most(8))
@given(
    a=st.floats(0.3, 4), b=st.floats(1.2, 9), c=st.sampled_from([None, 0.7, 1.0, 1.5]),
    tenure=st.integers(1, 5), whose=st.sampled_from(["survivors", "saved"]),
    horizon=st.integers(1, 6), discount=st.sampled_from([0, 0.2]),
)  # fmt: skip
def test_agrees_with_means_over_customers_on_a_grid(a, b, c, tenure, whose, horizon, discount):
    """Whoever stayed, whoever would have left, in both models."""
    theta = (a, b) if c is None else (a, b, c)
    asked = {"horizon": horizon, "discount": discount, "timing": "start", "whose": whose}
    found = values(tenure, model=model_with(*theta), **asked)[0]
    assert found == pytest.approx(naive_value(theta, tenure, whose, horizon, discount), rel=2e-3)


def test_answers_in_the_kind_and_order_on_every_engine(engine):
    """Each customer's own profit, kept columns, and a tenure that comes twice."""
    table = customers(4, 0, 4).assign(paid=[2.0, None, 10.0], plan=["b", "a", "b"])
    asked = {"model": model_with(*HIGH_END), "timing": "end", **PAY, "profit": "paid"}
    answer = rt.economics.residual_value(engine.table(table), keep="plan", **asked)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["customer_id"])
    assert list(found.columns) == [*COLUMNS, "plan"]
    one = values(4, model=model_with(*HIGH_END), timing="end")[0]
    assert found["value"].iloc[[0, 2]].tolist() == pytest.approx([2 * one, 10 * one])
    assert np.isnan(found["value"][1])
    assert found["reason"][1] == "the profit is missing"
    assert found["plan"].tolist() == ["b", "a", "b"]
    assert set(found["whose"]) == {"survivors"}


SPELLS = pd.DataFrame({
    "customer_id": [f"c{i}" for i in range(8)],
    "duration": [1, 2, 2, 3, 4, 5, 6, 6],
    "churned": [True, True, False, True, True, False, True, False],
    "x": [0.0, 1, 0, 1, 1, 0, 0, 1],
})  # fmt: skip


@pytest.mark.parametrize("timing", ["start", "middle", "end", "renewal"])
def test_of_lifetimes_it_agrees_with_the_predictions(engine, timing):
    """Σ of profit by age times the chance to be here, of a Cox model, within its follow-up."""
    model = rt.fit_cox(SPELLS, covariates="x")
    table = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "tenure": [0.0, 1.5, 5.5], "x": [0, 1, 0]}
    )
    here, later, shift = {"start": (0, 0, 0), "middle": (0.5, 0.5, 0), "end": (1, 1, 0),
                          "renewal": (1, 0, 1)}[timing]  # fmt: skip
    ages = pd.DataFrame({"age": range(1, 12), "profit_per_customer": np.arange(1.0, 12)})
    asked = {"length": "year", "discount": 0.1, "horizon": 3, "timing": timing}
    answer = rt.economics.residual_value(engine.table(table), model=model, profit=ages, **asked)
    found = engine.read(answer, order=["customer_id"])
    expected = np.zeros(3)
    for j in range(3):
        kept = rt.survival.predict_survival(table, model=model, times=j + here)["survival"]
        paid = np.floor(table["tenure"]).to_numpy() + j + 1 + shift
        expected += paid * kept.to_numpy() * 1.1 ** -(j + later)
    np.testing.assert_allclose(found["value"], expected, rtol=1e-12)
    assert found["reason"].iloc[2] == "outside what the model has seen"
    assert np.isnan(found["value"][2])


def test_of_lifetimes_the_saved_are_worth_as_much():
    """Covariates are taken to explain all."""
    model = rt.fit_cox(SPELLS)
    asked = {"model": model, "timing": "start", "horizon": 2}
    assert values(0, 1, whose="saved", **asked) == values(0, 1, **asked)


def test_a_table_of_spells_values_those_that_go_on():
    """Their duration is the tenure; of those set aside it is not known."""
    spells = SPELLS.assign(set_aside=[None] * 7 + ["the start is not known"])
    asked = {"timing": "end", **PAY, "horizon": 1}
    for model in (model_with(*HIGH_END), rt.fit_cox(SPELLS)):
        found = rt.economics.residual_value(spells, model=model, **asked)
        assert found["customer_id"].tolist() == ["c2", "c5", "c7"]
        assert found["tenure"].tolist() == [2, 5, 6]
        assert found["value"].notna().tolist() == [True, True, False]
        assert found["reason"][2] == "its spell is set aside, so the tenure is not known"


def test_where_the_profit_of_an_age_is_not_known_there_is_no_value():
    """With the age; if it is so for all, with the horizon that can be asked."""
    ages = pd.DataFrame({"age": [1, 2, 3, 4], "profit_per_customer": [1.0, 2, 3, 4]})
    asked = {**PAY, "model": model_with(*HIGH_END), "timing": "start", "profit": ages, "horizon": 3}
    found = rt.economics.residual_value(customers(0, 1, 3), **asked)
    assert found["value"].notna().tolist() == [True, True, False]
    assert found["reason"][2] == "the profit is unknown from age 5 on"
    with pytest.raises(rt.ContentError, match="unknown from age 5 on; take horizon=2 or name one"):
        rt.economics.residual_value(customers(2, 3), **asked)
    found = rt.economics.residual_value(customers(2, 3), **{**asked, "horizon": 2})
    assert found["value"].notna().tolist() == [True, False]
    cox = {**asked, "model": rt.fit_cox(SPELLS), "horizon": 2}
    found = rt.economics.residual_value(customers(0, 3.5), **cox)
    assert found["reason"].tolist()[1] == "the profit is unknown from age 5 on"
    assert found["value"].notna().tolist() == [True, False]


def test_before_a_first_renewal_nobody_is_saved():
    """Null, with the reason."""
    asked = {**PAY, "model": model_with(*HIGH_END), "timing": "start", "whose": "saved"}
    found = rt.economics.residual_value(customers(0, 1), **asked)
    assert found["reason"].tolist()[0] == "nobody is saved before a first renewal"
    assert found["value"].notna().tolist() == [False, True]


def test_a_table_without_customers_gives_one():
    """As lazily as it came."""
    asked = {**PAY, "model": model_with(*HIGH_END), "timing": "start"}
    found = rt.economics.residual_value(customers(1).head(0), **asked)
    assert (list(found.columns), len(found)) == (COLUMNS, 0)


@settings(max_examples=at_most(6))
@given(
    a=st.floats(0.05, 20), b=st.floats(0.05, 20), tenure=st.integers(1, 50),
    horizon=st.integers(1, 40),
)  # fmt: skip
def test_survivors_are_worth_more_than_the_saved_and_more_the_longer_they_stay(
    a, b, tenure, horizon
):
    """In the beta-geometric model, whose rates rise."""
    model = model_with(a, b)
    asked = {"model": model, "timing": "start", "horizon": horizon}
    one, later = values(tenure, tenure + 1, **asked)
    saved = values(tenure, whose="saved", **asked)[0]
    assert saved <= one * (1 + 1e-12)
    assert one <= later * (1 + 1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": customers(1)},
            "model must come from fit_beta_geometric, .* got pandas.DataFrame",
        ),
        ({"model": None}, "got None. Fit one, as in model = fit_beta_geometric"),
        ({"whose": "all"}, "whose must be one of 'survivors', 'saved'; got 'all'"),
        ({"profit": "paid"}, "profit.* names 'paid', which is not a column"),
        ({"profit": "customer_id"}, "'customer_id', the profit, must be numbers"),
        ({"keep": "plan"}, "keep.* names 'plan', which is not a column"),
        ({"keep": "value"}, "'value' is a name that answers use"),
        ({"timing": "never"}, "timing must be one of"),
        ({"length": None}, "length is how long a period is"),
    ],
)
def test_refusals(change, message):
    """What cannot be asked is said in the user's words."""
    asked = {**PAY, "model": model_with(*HIGH_END), "timing": "start", **change}
    with pytest.raises(rt.RetentionError, match=message):
        rt.economics.residual_value(customers(1), **asked)


def test_tenures_that_are_none_are_refused():
    """Missing, below 0, in parts; and the table that lacks them."""
    asked = {**PAY, "model": model_with(*HIGH_END), "timing": "start"}
    for table, message in [
        (customers(1, 1.5), "1 has a tenure that is no whole number of renewals; the first is 1.5"),
        (customers(1, -1), "1 has no tenure, or one below 0"),
        (customers(1.0, None), "1 has no tenure"),
        (customers(1)[["customer_id"]], "customers lacks 'tenure' .how long each has stayed"),
        (customers(1)[["tenure"]], "lacks 'customer_id'"),
        (customers(1).assign(paid=np.inf), "an amount in 'paid' is infinite"),
        ([1, 2], "customers"),
    ]:
        own = {"profit": "paid"} if "paid" in getattr(table, "columns", ()) else {}
        with pytest.raises(rt.RetentionError, match=message):
            rt.economics.residual_value(table, **{**asked, **own})


def test_model_first_is_told_the_order():
    """The table comes first."""
    with pytest.raises(rt.RetentionError, match="The table comes first and the model by name"):
        rt.economics.residual_value(
            model_with(*HIGH_END), model=customers(1), timing="start", **PAY
        )


def test_the_day_of_a_leap_year_is_no_trouble():
    """A contract of 29 February is renewed on the last of February."""
    contracts = pd.DataFrame({
        "customer_id": ["Ann"], "start": pd.to_datetime([date(2020, 2, 29)]), "end": pd.NaT,
    })  # fmt: skip
    spells = rt.contract_spells(contracts, as_of="2023-02-28", grace=0)
    years = rt.repeat_buying.renewal_periods(spells, length="year")
    asked = {**PAY, "model": model_with(*HIGH_END), "timing": "start"}
    assert rt.economics.residual_value(years, **asked)["tenure"].tolist() == [3]

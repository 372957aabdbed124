"""base_forecast: customers one by one, hand values, what has no steady state, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from renewers import CASE_1, HIGH_END, REGULAR, model_with

NOBODY = pd.DataFrame({"tenure": pd.Series([], dtype="int64"), "n_customers": []}, dtype="float64")
NOBODY = NOBODY.astype({"tenure": "int64"})
THOUSAND = pd.DataFrame({"tenure": [0], "n_customers": [1000.0]})


def ahead(base=THOUSAND, **asked):
    """The forecast in pandas."""
    return rt.economics.base_forecast(base, **asked)


def naive_forecast(base, rate_of, won, profit, costs, periods):
    """Groups of customers that age together: a renewal, then those who are won."""
    groups = [(tenure, float(n), False) for tenure, n in base]
    rows = []
    for period in range(periods):
        groups = [(t + 1, n * rate_of(t + 1), new) for t, n, new in groups]
        groups.append((0, float(won[period]), True))
        total = sum(n for _, n, _ in groups)
        paid = costs[0] * won[period] + costs[1] * total
        earned = sum(n * profit[t] for t, n, _ in groups) - paid
        rows.append((total, sum(n for _, n, new in groups if new), earned, paid))
    return rows


@settings(max_examples=at_most(8))
@given(
    base=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 50)), max_size=6),
    theta=st.sampled_from([0.0, 0.8, 1.0, HIGH_END, CASE_1, (0.5, 2.0, 1.4)]),
    won=st.lists(st.integers(0, 9), min_size=4, max_size=4),
    costs=st.tuples(st.integers(0, 5), st.integers(0, 5)),
)
def test_agrees_with_groups_that_age_together(engine, base, theta, won, costs):
    """Customers, new ones, profit by age and cost of each period."""
    profit = [3.0, 5, 4, 9, 1, 2, 8, 6, 7, 7, 1, 2]
    if isinstance(theta, float):
        model, rate_of = theta, lambda t: theta
    else:
        model = model_with(*theta)
        rates = model.retention_rate(range(1, 12))["retention_rate"].tolist()

        def rate_of(t):
            return rates[t - 1]

    table = NOBODY if not base else pd.DataFrame(base, columns=["tenure", "n_customers"])
    ages = pd.DataFrame({"age": range(1, 13), "profit_per_customer": profit})
    answer = rt.economics.base_forecast(
        engine.table(table), model=model, acquired=won, periods=4, profit=ages,
        acquisition_cost=costs[0], service_cost=costs[1], length="year", discount=0.1,
    )  # fmt: skip
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["period"])
    for row, (total, new, earned, paid) in zip(
        found.to_dict("records"),
        naive_forecast(base, rate_of, won, profit, costs, 4),
        strict=True,
    ):
        assert row["n_customers"] == pytest.approx(total, abs=1e-9)
        assert row["n_new"] == pytest.approx(new, abs=1e-9)
        assert row["n_old"] + row["n_new"] == pytest.approx(total, abs=1e-9)
        assert row["profit"] == pytest.approx(earned, abs=1e-9)
        assert row["profit_discounted"] == pytest.approx(earned * 1.1 ** -row["period"], abs=1e-9)
        assert row["n_acquired"] == won[row["period"] - 1]
        if total > 1e-9:
            assert row["cost_per_customer"] == pytest.approx(paid / total)


def test_answers_on_every_engine(engine):
    """Rows of one tenure are added up."""
    base = pd.DataFrame({"tenure": [3, 0, 3], "n_customers": [10.0, 10, 10]})
    answer = ahead(engine.table(base), model=0.8, acquired=10, periods=2)
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["period"])
    assert found["n_old"].tolist() == pytest.approx([24, 19.2])
    assert found["n_customers"].tolist() == pytest.approx([34, 37.2])
    assert found["steady_state"].tolist() == pytest.approx([50, 50])
    assert found[["profit", "market_share", "cost_per_customer", "discount"]].isna().all(axis=None)


def test_speed_is_the_news():
    """1,000, 100 new a year, 90 to 95 %: 1,226 in five years, 1,800 in 32, never 2,000."""
    found = ahead(model=0.95, acquired=100, periods=200)
    assert round(found["n_customers"][4]) == 1226
    assert int((found["n_customers"] < 1800).sum()) + 1 == 32
    assert found["steady_state"][0] == pytest.approx(2000)
    empty = ahead(NOBODY, model=0.95, acquired=100, periods=60)
    assert int((empty["n_customers"] < 1800).sum()) + 1 == 45
    same = ahead(model=0.9, acquired=100, periods=9)["n_customers"]
    np.testing.assert_allclose(same, 1000)


@pytest.mark.parametrize(("rate", "steady"), [(0.90, 0.1667), (0.95, 0.2857)])
def test_market_share_is_that_of_customers_won_and_lost(rate, steady):
    """s' = s r + (1 − s) w with w = 2 %: in the end w / (1 − r + w)."""
    market, share = 10_000, 0.1
    found = ahead(model=rate, win_rate=0.02, market=market, periods=300)
    for period in range(5):
        share = share * rate + (1 - share) * 0.02
        assert found["market_share"][period] == pytest.approx(share)
    assert round(found["market_share"].iloc[-1], 4) == steady
    assert found["steady_state"][0] / market == pytest.approx(0.02 / (1 - rate + 0.02))


def test_one_rate_for_all_loses_the_wrong_customers():
    """High end, five cohorts: of 3,877 customers 1,899 are here after ten years, not 1,087."""
    a, b = HIGH_END
    n = np.arange(5)
    kept = np.cumprod([1.0, *((b + k) / (a + b + k) for k in range(4))])
    base = pd.DataFrame({"tenure": n, "n_customers": 1000 * kept})
    assert round(base["n_customers"].sum()) == 3877
    rate = kept[1:].sum() / kept[:-1].sum()
    models = {"own": model_with(a, b), "one": float(rate)}
    left = {k: ahead(base, model=m, acquired=0, periods=10)["n_old"] for k, m in models.items()}
    assert (round(left["own"][9]), round(left["one"][9])) == (1899, 1087)


@pytest.mark.parametrize(
    ("theta", "short"), [(CASE_1, (0.122, 0.107)), ((0.067, 0.267), (0.414, 0.248))]
)
def test_one_rate_undervalues_the_base(theta, short):
    """Five cohorts of 10,000: by 12.2 and 41.4 %; each cohort's own rate still by 10.7 and 24.8."""
    a, b = theta
    n = np.arange(5)
    kept = np.cumprod([1.0, *((b + k) / (a + b + k) for k in range(4))])
    asked = {"profit": 1, "length": "year", "discount": 0.1, "timing": "renewal", "horizon": 2000}
    customers = pd.DataFrame({"customer_id": n, "tenure": n})
    true = rt.economics.residual_value(customers, model=model_with(a, b), **asked)["value"] @ kept

    def constant(r):
        return r / (1 - r / 1.1)

    one = constant(kept[1:].sum() / kept[:-1].sum()) * kept.sum()
    own = constant((b + n) / (a + b + n)) @ kept
    assert (round(1 - one / true, 3), round(1 - own / true, 3)) == short


def test_steady_state_is_where_the_forecast_goes_or_is_null_with_the_reason():
    """Case 1: 6.43 years on average; of the high end there is none."""
    found = ahead(NOBODY, model=model_with(*CASE_1), acquired=10, periods=9000)
    assert round(found["steady_state"][0] / 10, 2) == 6.43
    assert found["n_customers"].iloc[-1] == pytest.approx(found["steady_state"][0], rel=1e-6)
    for asked, why in [
        ({"model": model_with(*HIGH_END)}, "has no end where a is 1 or less; it is 0.668"),
        ({"model": model_with(*REGULAR)}, "it is 0.704"),
        ({"model": 1.0}, "nobody ever leaves"),
        ({"model": model_with(2.0, 3.0, 1.1)}, "in a beta-discrete-Weibull model has no formula"),
        ({"model": 0.9, "acquired": [1, 2]}, "not as many are won in each period"),
    ]:
        found = ahead(**{"acquired": 10, "periods": 2, **asked})
        assert found["steady_state"].isna().all()
        assert why in found["reason"][0]


@pytest.mark.parametrize("times", [(8, -0.182), (2, -0.077)])
def test_cost_per_policy_falls_as_policies_are_kept(times):
    """c_s + c_a (1 − r), from 85 to 90 %: by 18.2 or 7.7 %, as winning costs 8 or 2 years."""
    ratio, change = times
    cost = {"service_cost": 1, "acquisition_cost": ratio, "periods": 1}
    before = ahead(model=0.85, acquired=150, **cost)["cost_per_customer"][0]
    after = ahead(model=0.90, acquired=100, **cost)["cost_per_customer"][0]
    assert before == pytest.approx(1 + ratio * 0.15)
    assert round(after / before - 1, 3) == change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": 1.2}, "one retention rate of all, between 0 and 1 such as 0.9; got 1.2"),
        ({"model": "0.9"}, "model must come from fit_beta_geometric .* or be one retention rate"),
        ({"model": THOUSAND}, "The table comes first and the model by name"),
        ({"periods": 0}, "periods must be a whole number of periods, 1 or more"),
        ({"acquired": None}, "in one of two ways: acquired=100 a period, or win_rate=0.02"),
        ({"win_rate": 0.02}, "in one of two ways"),
        ({"acquired": None, "win_rate": 0.02}, "share of the market's others: say market="),
        ({"acquired": None, "win_rate": 2, "market": 9}, "win_rate is a share, 0 to 1; got 2"),
        ({"acquired": -1}, "acquired is how many customers are won a period, 0 or more"),
        ({"acquired": [1, 2]}, "one number, or 3 of them, one for each"),
        ({"acquired": "many"}, "acquired is how many"),
        ({"market": 0}, "market is how many customers it has, above 0; got 0"),
        ({"market": 500}, "market: its 500 customers are fewer than our own 910 in period 1"),
        ({"discount": 0.1}, "say how long a period is, such as length='year'"),
        ({"discount": 10, "length": "year"}, "discount is an effective rate a year"),
        ({"length": "era"}, "length is how long a period is"),
        ({"acquisition_cost": -5}, "acquisition_cost is what it costs to win"),
        ({"service_cost": "5"}, "service_cost is what it costs to serve a customer a period"),
        ({"profit": "5"}, "profit is what a customer brings"),
    ],
)
def test_refusals(change, message):
    """What cannot be asked is said in the user's words."""
    with pytest.raises(rt.RetentionError, match=message):
        ahead(**{"model": 0.9, "acquired": 10, "periods": 3, **change})


def test_bases_that_are_none_are_refused():
    """Below 0, missing, without a column; and a profit that older customers lack."""
    asked = {"model": 0.9, "acquired": 10, "periods": 3}
    for change, message in [
        ({"tenure": [-1]}, "a tenure or a number of customers is below 0"),
        ({"n_customers": [-1.0]}, "is below 0"),
        ({"n_customers": [None]}, "is missing"),
        ({"n_customers": [np.inf]}, "is infinite"),
        ({"tenure": [0.5]}, "'tenure' .* must be whole numbers"),
    ]:
        with pytest.raises(rt.RetentionError, match=message):
            ahead(THOUSAND.assign(**change), **asked)
    with pytest.raises(rt.ColumnError, match="base .* lacks 'n_customers'"):
        ahead(THOUSAND[["tenure"]], **asked)
    ages = pd.DataFrame({"age": [1, 2, 3], "profit_per_customer": [1.0, 2, 3]})
    with pytest.raises(rt.ContentError, match="profit: unknown from age 4 on; name one amount"):
        ahead(profit=ages, **asked)
    assert ahead(NOBODY, profit=ages, **asked)["profit"][2] == pytest.approx(10 + 18 + 24.3)
    assert ahead(profit=2, **asked)["profit"][0] == pytest.approx(2 * 910)

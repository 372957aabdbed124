"""expected_customers, expected_sales and backtest_outlook: authorities, identities, integrals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import retention as rt
from buyers import CDNOW, model_of
from retention.economics.outlook.backtest_outlook import backtest_outlook
from retention.economics.outlook.expected_customers import expected_customers
from retention.economics.outlook.expected_sales import expected_sales
from retention.economics.outlook.purchases_ahead import purchases_ahead
from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from retention.repeat_buying.value.spend import GammaGammaModel

KINDS = {
    ParetoNbdModel: (0.55, 10.58, 0.61, 11.67),
    BgNbdModel: (0.24, 4.41, 0.79, 2.43),
    MbgNbdModel: (0.52, 6.18, 0.89, 1.62),
}
"""Parameters near those of CDNOW, in weeks."""

TODAY = pd.DataFrame({
    "customer_id": range(5), "x": [0, 1, 2, 5, 9], "t_x": [0.0, 7.0, 30.0, 20.0, 38.0],
    "T": [38.0, 30.0, 39.0, 35.0, 38.0], "unit": "week",
    "mean_sales": [np.nan, 20.0, 35.0, 10.0, 50.0],
})  # fmt: skip
"""Five customers, some long silent."""


def model(kind, status="converged", unit="week"):
    """A model with these parameters, the logs of which have errors of a tenth."""
    made = model_of(kind, KINDS[kind], unit=unit)
    covariance = tuple(tuple(0.01 * (i == j) for j in range(4)) for i in range(4))
    return made.model_copy(update={"status": status, "covariance": covariance})


SPEND = GammaGammaModel(
    model="gamma_gamma", unit=None, parameters=(6.25, 3.74, 15.44), n_customers=946,
    n_histories=900, log_likelihood=None, status="converged",
    covariance=tuple(tuple(0.01 * (i == j) for j in range(3)) for i in range(3)),
)  # fmt: skip
"""The gamma-gamma model of CDNOW as Fader and Hardie print it."""

WEEKS = {"as_of": "2023-12-31", "freq": "week"}


def naive_moments(kind, theta, x, age, start, end):
    """P(active), E[N] and E[N(N-1)] of one who is here, as means over a grid of customers."""
    r, alpha, a, b = theta
    lam = stats.gamma(r + x, scale=1 / (alpha + age)).ppf((np.arange(900) + 0.5) / 900)[:, None]
    u = (np.arange(300) + 0.5) / 300
    if kind is ParetoNbdModel:
        leave = stats.gamma(a, scale=1 / (b + age)).ppf(u)
        speed, stays = leave + 0 * lam, 1.0
        some = lam / (lam + leave) * -np.expm1(-(lam + leave) * (end - start))
    else:
        leave = stats.beta(a, b + x + (kind is MbgNbdModel)).ppf(u)
        speed, stays = lam * leave, 1 - leave
        some = -np.expm1(-lam * (end - start))
    mean = pairs = 0.0
    span = np.linspace(start, end, 42)
    for w in (span[1:] + span[:-1]) / 2:  # a purchase at w, after how many others
        here = np.exp(-speed * w) * (span[1] - span[0])
        mean += (lam * here).mean()
        pairs += (2 * (w - start) * lam**2 * stays * here).mean()
    return [(np.exp(-speed * start) * some).mean(), mean, pairs]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_moments_are_integrals_over_the_rates_of_buying_and_leaving(kind):
    """The chance of a purchase, the mean and the pairs, by brute force, for a window to come."""
    x, age, start, end = 2.0, 39.0, 5.0, 17.0
    found = purchases_ahead(
        model(kind), np.array(KINDS[kind]), (np.array([x]), np.array([age])),
        (np.array([start]), np.array([end])),
    )  # fmt: skip
    expected = naive_moments(kind, KINDS[kind], x, age, start, end)
    assert [found.active[0], found.mean[0], found.pairs[0]] == pytest.approx(expected, rel=4e-3)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_first_period_and_all_together_are_those_of_the_model(kind):
    """1 − P(no purchase) at first; purchases add up to expected_purchases; silence never falls."""
    made = model(kind)
    ahead = expected_customers(TODAY, model=made, periods=10, acquired=0, **WEEKS)
    silent = made.p_no_purchase(TODAY, within=1)["p_no_purchase"]
    assert ahead["n_old"][0] == pytest.approx((1 - silent).sum(), rel=1e-9)
    sales = expected_sales(TODAY, model=made, spend=1.0, periods=10, acquired=0, **WEEKS)
    bought = made.expected_purchases(TODAY, within=10)["expected_purchases"].sum()
    assert sales["n_purchases"].sum() == pytest.approx(bought, rel=1e-9)
    assert sales["sales"].tolist() == pytest.approx(sales["n_purchases"].tolist())
    assert (ahead["n_old"].diff().dropna() < 0).all()


def test_fader_hardie_and_lee_s_customer_buys_1_226_times_in_39_weeks():
    """x = 2, t_x = 30.43, T = 38.86: 1.226 (2005, and the spreadsheet beside the paper)."""
    made = model_of(BgNbdModel, CDNOW[BgNbdModel], unit="week")
    one = pd.DataFrame({"customer_id": [1], "x": [2], "t_x": [30.43], "T": [38.86]})
    sales = expected_sales(
        one.assign(unit="week"), model=made, spend=1.0, periods=39, acquired=0, **WEEKS
    )
    assert f"{sales['n_purchases'].sum():.3f}" == "1.226"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_those_won_all_buy_at_first_and_then_as_new_ones_do(kind):
    """100 in the first period alone: 100 buyers, and in all the purchases of tracking."""
    made = model(kind)
    won = [100.0, *[0.0] * 7]
    ahead = expected_customers(TODAY, model=made, periods=8, acquired=won, **WEEKS)
    assert ahead["n_new"][0] == pytest.approx(100)
    assert ahead["n_new"].is_monotonic_decreasing
    sales = expected_sales(TODAY, model=made, spend=2.0, periods=8, acquired=won, **WEEKS)
    moments = np.linspace(0, 1, 401)[:-1] + 1 / 800
    later = made.purchases_of_new(made.theta, 8 - moments).mean()
    assert sales["sales_new"].sum() == pytest.approx(2 * 100 * (1 + later), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_sales_vary_as_simulated_purchases_and_amounts_do(kind):
    """Mean and variance of one customer's sales in a window, of 60,000 who have the same past."""
    rng, n = np.random.default_rng(7), 60_000
    x, age, own, start, end = 2, 39.0, 35.0, 5.0, 17.0
    r, alpha, a, b = KINDS[kind]
    rate = rng.gamma(r + x, 1 / (alpha + age), n)
    gone = np.full(n, np.inf)
    if kind is ParetoNbdModel:
        gone = rng.exponential(1 / rng.gamma(a, 1 / (b + age), n))
    leave = rng.beta(a, b + x + (kind is MbgNbdModel), n)
    bought, at, alive = np.zeros(n), np.zeros(n), np.ones(n, bool)
    while alive.any():
        at = at + rng.exponential(1 / rate)
        alive &= (at < end) & (at < gone)
        bought += alive & (at > start)
        if kind is not ParetoNbdModel:
            alive &= rng.random(n) >= leave
    p, q, v = SPEND.parameters
    nu = rng.gamma(q + p * x, 1 / (v + x * own), n)
    brought = np.where(bought > 0, rng.gamma(np.maximum(p * bought, 1e-9), 1 / nu), 0.0)
    found = purchases_ahead(
        model(kind), np.array(KINDS[kind]), (np.array([2.0]), np.array([age])),
        (np.array([start]), np.array([end])),
    )  # fmt: skip
    mean = p * (v + x * own) / (p * x + q - 1)
    shape, scale = q + p * x, v + x * own
    square = scale**2 / ((shape - 1) * (shape - 2))
    variance = found.mean * p * (p + 1) * square + found.pairs * p**2 * square
    variance = variance - found.mean**2 * mean**2
    assert brought.mean() == pytest.approx((found.mean * mean)[0], rel=0.03)
    assert brought.var() == pytest.approx(variance[0], rel=0.06)
    assert (bought > 0).mean() == pytest.approx(found.active[0], rel=0.02)


def test_bounds_are_those_of_chance_and_of_the_parameters():
    """Σ p (1 − p) plus g' C g, with the gradient by hand; null where there is no covariance."""
    made = model(BgNbdModel)
    ahead = expected_customers(TODAY, model=made, periods=1, acquired=0, **WEEKS)
    p = 1 - made.p_no_purchase(TODAY, within=1)["p_no_purchase"]
    slopes = []
    for i in range(4):
        ends = []
        for step in (1e-4, -1e-4):
            moved = made.theta
            moved[i] *= np.exp(step)
            other = made.model_copy(update={"parameters": tuple(moved.tolist())})
            ends.append((1 - other.p_no_purchase(TODAY, within=1)["p_no_purchase"]).sum())
        slopes.append((ends[0] - ends[1]) / 2e-4)
    half = 1.959964 * np.sqrt((p * (1 - p)).sum() + 0.01 * np.square(slopes).sum())
    assert ahead["upper"][0] == pytest.approx(p.sum() + half, rel=1e-6)
    assert ahead["lower"][0] == max(0.0, p.sum() - half)
    flat = expected_customers(
        TODAY, model=model(BgNbdModel, "flat"), periods=1, acquired=0, **WEEKS
    )
    assert flat[["lower", "upper"]].isna().all(axis=None)
    assert flat["bounds"][0].startswith("none: the model is flat")


def test_spend_is_each_customer_s_own():
    """Sales are Σ E[N] E[Z | x, mean], and more spread makes wider bounds."""
    made = model(ParetoNbdModel)
    sales = expected_sales(TODAY, model=made, spend=SPEND, periods=3, acquired=0, **WEEKS)
    bought = made.expected_purchases(TODAY, within=3)["expected_purchases"]
    money = SPEND.expected_spend(TODAY)["expected_spend"]
    assert sales["sales"].sum() == pytest.approx((bought * money).sum(), rel=1e-9)
    flat = expected_sales(TODAY, model=made, spend=30.0, periods=3, acquired=5, **WEEKS)
    assert (flat["upper"] > flat["sales"]).all()
    wild = SPEND.model_copy(update={"parameters": (6.25, 1.5, 15.44)})
    wide = expected_sales(TODAY, model=made, spend=wild, periods=1, acquired=0, **WEEKS)
    assert wide["bounds"][0] == "none: the spread of sales has no bound"


def test_contracts_agree_with_the_base_forecast():
    """The same customers as base_forecast has; bounds of one period are those of its renewals."""
    years = pd.DataFrame({
        "duration": [1, 2, 3, 3], "churned": [True, True, True, False],
        "n_spells": [300, 100, 50, 150],
    })  # fmt: skip
    made = rt.repeat_buying.fit_beta_geometric(years)
    spells = pd.DataFrame({"duration": [0] * 40 + [3] * 60 + [2] * 9, "churned": [False] * 109})
    spells.loc[100:, "churned"] = True
    asked = {"model": made, "periods": 6, "acquired": 20}
    ahead = expected_customers(spells, as_of="2024-12-31", freq="year", **asked)
    base = pd.DataFrame({"tenure": [0, 3], "n_customers": [40, 60]})
    forecast = rt.economics.base_forecast(base, **asked)
    for name in ("n_old", "n_new", "n_customers"):
        assert ahead[name].tolist() == pytest.approx(forecast[name].tolist())
    p = made.survival(4)["survival"][0] / made.survival(3)["survival"][0]
    q = made.survival(1)["survival"][0]
    chance = 60 * p * (1 - p) + 40 * q * (1 - q)
    assert ahead["upper"][0] - ahead["n_customers"][0] > 1.96 * np.sqrt(chance)


def test_a_backtest_counts_what_came():
    """Buyers and net sales of each quarter held out, and who was won in it, by hand."""
    orders = rt.sample_company(600, seed=3).orders
    asked = {
        "fit": rt.repeat_buying.fit_mbg_nbd, "spend": rt.repeat_buying.fit_gamma_gamma,
        "as_of": "2024-12-31", "freq": "quarter", "periods": 2, "observed_from": "2022-01-01",
    }  # fmt: skip
    table = backtest_outlook(orders, **asked)
    quarter = orders[orders["date"] >= "2024-07-01"]
    quarter = quarter.assign(step=quarter["date"].dt.quarter)
    bought = quarter.groupby(["customer_id", "order_id", "step"])["sales"].sum()
    bought = bought[bought > 0].reset_index()
    assert table["actual"].tolist() == bought.groupby("step")["customer_id"].nunique().tolist()
    first = orders[orders["sales"] > 0].groupby("customer_id")["date"].min()
    won = [((first >= f"2024-{m:02}-01") & (first < e)).sum()
           for m, e in ((7, "2024-10-01"), (10, "2025-01-01"))]  # fmt: skip
    assert table["n_acquired"].tolist() == won
    assert table["error"].tolist() == pytest.approx(
        (table["n_customers"] - table["actual"]).tolist()
    )
    inside = (table["lower"] <= table["actual"]) & (table["actual"] <= table["upper"])
    assert table["covered"].tolist() == inside.tolist()
    assert table["covered_share"][0] == inside.mean()
    alone = backtest_outlook(orders, newcomers="left_out", **asked)
    assert (alone["n_acquired"] == 0).all()
    assert (alone["actual"] < table["actual"]).all()


@pytest.mark.parametrize("newcomers", ["as_came", "left_out"])
@pytest.mark.parametrize("observed_from", [None, "2024-02-01"])
def test_what_came_agrees_with_sets_on_random_logs(newcomers, observed_from):
    """Who was left out of the summary is nobody's newcomer; lone refunds count in the sales."""
    draw = np.random.default_rng(3)
    for n in (8, 30, 60):
        day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 366, n), "D")
        orders = pd.DataFrame({
            "customer_id": draw.integers(0, 12, n), "date": day,
            "sales": draw.choice([-5, 3, 8, 20.0], n),
        })  # fmt: skip
        orders.loc[:1, "date"] = pd.to_datetime(["2024-01-01", "2024-03-01"])
        orders.loc[:1, "sales"], orders.loc[:1, "customer_id"] = 5.0, [0, 1]
        found = backtest_outlook(
            orders.groupby(["customer_id", "date"], as_index=False).sum(),
            fit=lambda _: model(BgNbdModel, unit="day"), spend=lambda _: 20.0, as_of="2024-12-31",
            freq="quarter", periods=2, newcomers=newcomers, observed_from=observed_from,
        )  # fmt: skip
        came = ["n_acquired", "actual", "sales_actual"]
        assert found[came].to_numpy().tolist() == came_by_sets(orders, newcomers, observed_from)


def came_by_sets(orders, newcomers, observed_from):
    """Won, bought and sold in the last two quarters of 2024."""
    days = orders.groupby(["customer_id", "date"])["sales"].sum()
    buys = [key for key, sales in days.items() if sales > 0]
    first = {who: min(day for other, day in buys if other == who) for who, _ in buys}
    since = pd.Timestamp(observed_from or "2024-01-01")
    gone = {who for who, day in first.items() if day < since}
    old = {who for who, day in first.items() if day < pd.Timestamp("2024-07-01")} - gone
    rows = []
    for quarter in (3, 4):
        bought = {who for who, day in buys if day.quarter == quarter} - gone
        won = {who for who in bought - old if first[who].quarter == quarter}
        held = {who for who, _ in days.index} - gone
        if newcomers == "left_out":
            bought, won, held = bought & old, set(), old
        sold = [s for (who, day), s in days.items() if who in held and day.quarter == quarter]
        rows.append([len(won), len(bought), sum(sold)])
    return rows


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"as_of": "2023-12-30"}, "within a week that ends on 2023-12-31"),
        ({"acquired": [1, 2]}, "one number, or 3 of them"),
        ({"acquired": -1}, "0 or more"),
        ({"periods": 0}, "periods"),
        ({"model": 0.9}, "fitted"),
    ],
)
def test_says_no_in_words(asked, message):
    """What cannot be."""
    given = {"model": model(BgNbdModel), "periods": 3, "acquired": 0, **WEEKS, **asked}
    with pytest.raises(rt.RetentionError, match=message):
        expected_customers(TODAY, **given)


def test_says_no_to_spend_that_is_not_known():
    """A negative mean, and what is no spend at all."""
    given = {"model": model(BgNbdModel), "periods": 3, "acquired": 0, **WEEKS}
    with pytest.raises(rt.RetentionError, match="fit_gamma_gamma, or be one amount"):
        expected_sales(TODAY, spend="20", **given)
    below = TODAY.assign(mean_sales=[np.nan, -5.0, 3.0, 3.0, 3.0])
    with pytest.raises(rt.RetentionError, match="1 customer has no expected spend"):
        expected_sales(below, spend=SPEND, **given)


def test_says_no_to_ages_of_another_unit_and_to_models_without_days():
    """Days taken for weeks would be wrong by seven; opportunities are no days."""
    given = {"periods": 3, "acquired": 0, **WEEKS}
    with pytest.raises(rt.TableError, match="must be a pandas"):
        expected_customers([1], model=model(BgNbdModel), **given)
    days = TODAY.assign(unit="day")
    for ask in (
        lambda **asked: expected_customers(days, **given, **asked),
        lambda **asked: expected_sales(days, spend=2.0, **given, **asked),
    ):
        with pytest.raises(rt.ContentError, match="ages are in days, the model was fitted on week"):
            ask(model=model(BgNbdModel))
        with pytest.raises(rt.RetentionError, match="BgBbModel knows opportunities"):
            ask(model=model_of(rt.repeat_buying.BgBbModel, (1.2, 0.75, 0.66, 2.78), unit="day"))


def test_rows_of_contracts_stand_for_as_many_as_they_say():
    """Counts as renewals are fitted on; what is not known is refused."""
    years = pd.DataFrame({
        "duration": [1, 2, 3, 3], "churned": [True, True, True, False],
        "n_spells": [300, 100, 50, 150],
    })  # fmt: skip
    asked = {"model": rt.repeat_buying.fit_beta_geometric(years), "periods": 2, "acquired": 0}
    asked |= {"as_of": "2024-12-31", "freq": "year"}
    counted = expected_customers(years, **asked)
    listed = expected_customers(years.tail(1).loc[[3] * 150].assign(n_spells=1), **asked)
    pd.testing.assert_frame_equal(counted, listed)
    for column, value in (("churned", [True] * 3 + [None]), ("n_spells", [1, 1, 1, None])):
        kind = "boolean" if column == "churned" else "Int64"
        unknown = years.assign(**{column: pd.array(value, dtype=kind)})
        with pytest.raises(rt.ContentError, match="or n_spells is missing"):
            expected_customers(unknown, **asked)

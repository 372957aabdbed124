"""The gamma-gamma model of spend: likelihood written out, shrinkage by hand, hard data."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.repeat_buying.summary.purchase_histories import Spend
from retention.repeat_buying.value.spend import log_likelihood, spend_with_sums

THETA = np.array([6.25, 3.74, 15.44])


def customers(*spent):
    """Customers as (x, mean sales)."""
    frame = pd.DataFrame(spent, columns=["x", "mean_sales"]).astype({"mean_sales": float})
    ages = {"t_x": np.where(frame["x"] > 0, 5.0, 0.0), "T": 9.0}
    return frame.assign(customer_id=[f"c{i:05}" for i in range(len(frame))], **ages)


def drawn(n, theta, seed):
    """Customers of the model, of whom some have not bought again."""
    rng = np.random.default_rng(seed)
    p, q, v = theta
    x = rng.geometric(0.35, n) - 1
    rate = rng.gamma(q, 1 / v, n)
    total = rng.gamma(np.maximum(p * x, 1e-9), 1 / rate)
    mean = np.divide(total, x, out=np.full(n, np.nan), where=x > 0)
    return customers(*zip(x, mean, strict=True))


def model_of(p, q, v, *, known=True):
    """A model with these parameters."""
    error = 0.01 if known else None
    covariance = tuple(tuple(error if i == j else 0.0 for j in range(3)) for i in range(3))
    return rt.repeat_buying.GammaGammaModel(
        unit=None,
        parameters=(p, q, v),
        covariance=covariance,
        n_customers=1,
        n_histories=1,
        log_likelihood=0.0,
        status="converged" if known else "flat",
    )


def naive_log_likelihood(theta, spent):
    """Each customer by itself."""
    p, q, v = theta
    total = 0.0
    for x, m in spent:
        total += lgamma(p * x + q) - lgamma(p * x) - lgamma(q) + q * log(v)
        total += (p * x - 1) * log(m) + p * x * log(x) - (p * x + q) * log(x * m + v)
    return total


def data_of(table):
    """Those who have bought again, as the likelihood takes them."""
    some = table[table["x"] > 0]
    n = np.ones(len(some), np.int64)
    return spend_with_sums(Spend(some["x"].to_numpy(float), some["mean_sales"].to_numpy(float), n))


spent = st.lists(st.tuples(st.integers(1, 12), st.floats(0.1, 500)), min_size=1, max_size=12)
parameters = st.tuples(st.floats(0.1, 40), st.floats(0.2, 40), st.floats(0.01, 900))


@given(rows=spent, theta=parameters)
def test_likelihood_is_that_of_each_customer(rows, theta):
    """The formula of Fader and Hardie (2013), one customer at a time."""
    value, _, _ = log_likelihood(data_of(customers(*rows)), np.array(theta))
    assert value == pytest.approx(naive_log_likelihood(theta, rows), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("theta", [THETA, np.array([0.4, 1.2, 300.0]), np.array([50.0, 30.0, 9.0])])
def test_gradient_and_hessian_are_the_slopes(theta):
    """Against central differences."""
    data = data_of(drawn(400, THETA, 0))
    _, gradient, hessian = log_likelihood(data, theta)
    steps = np.diag(theta) * 1e-5
    ends = [[log_likelihood(data, theta + s * step) for s in (1, -1)] for step in steps]
    apart = 2e-5 * theta
    slope = np.array([up[0] - down[0] for up, down in ends]) / apart
    np.testing.assert_allclose(slope, gradient, rtol=1e-6, atol=1e-6 * np.abs(gradient).max())
    bend = np.array([up[1] - down[1] for up, down in ends]) / apart[:, None]
    np.testing.assert_allclose(bend, hessian, rtol=1e-6, atol=1e-8 * np.abs(hessian).max())


def test_expected_spend_by_hand():
    """p = 2, q = 3, v = 10: mean 10; three purchases of 20 weigh 6 against 2: 17.5."""
    table = model_of(2.0, 3.0, 10.0).expected_spend(customers((0, None), (3, 20), (1, 0)))
    assert table["expected_spend"].tolist() == [10.0, 17.5, 5.0]
    assert table["reason"].isna().all()
    assert model_of(2.0, 3.0, 10.0).population_mean == 10.0


@given(rows=spent, theta=parameters)
def test_expected_spend_lies_between_the_own_mean_and_that_of_all(rows, theta):
    """Nearer to the own mean the more purchases there are: weights p x and q − 1."""
    p, q, v = theta
    model = model_of(p, q + 1, v)
    table = model.expected_spend(customers(*rows))
    for (x, m), found in zip(rows, table["expected_spend"], strict=True):
        weight = p * x / (p * x + q)
        wanted = weight * m + (1 - weight) * model.population_mean
        assert found == pytest.approx(wanted, rel=1e-9)


def test_bounds_are_those_of_the_delta_method():
    """Numeric gradients in the logs of the parameters, on the log scale."""
    table = drawn(900, THETA, 1)
    model = rt.repeat_buying.fit_gamma_gamma(table)
    few = table.head(20)
    moves = np.exp(1e-5 * np.eye(3))

    def logs(move):
        theta = tuple(model.theta * move)
        moved = model.model_copy(update={"parameters": theta})
        return np.log(moved.expected_spend(few)["expected_spend"].to_numpy())

    slope = np.array([logs(move) - logs(1 / move) for move in moves]) / 2e-5
    error = np.sqrt(((model.covariance_of_logs @ slope) * slope).sum(axis=0))
    answer = model.expected_spend(few, level=0.9)
    for end, sign in [("lower", -1), ("upper", 1)]:
        wanted = answer["expected_spend"] * np.exp(sign * 1.6448536 * error)
        np.testing.assert_allclose(answer[end], wanted, rtol=1e-6)


def test_parameters_are_recovered():
    """60,000 customers; the bounds hold the truth."""
    model = rt.repeat_buying.fit_gamma_gamma(drawn(60_000, THETA, 2))
    away = np.log(model.parameters / THETA)
    assert model.status == "converged"
    assert away @ np.linalg.solve(model.covariance_of_logs, away) < 12.8  # 1 in 200 goes beyond
    table = model.coefficients()
    assert table["parameter"].tolist() == ["p", "q", "v"]
    assert ((table["lower"] < THETA) & (table["upper"] > THETA)).all()


def test_another_currency_changes_nothing_but_v():
    """In cents, v is a hundred times as large and so is every expectation."""
    table = drawn(800, THETA, 3)
    cents = table.assign(mean_sales=table["mean_sales"] * 100)
    model, other = rt.repeat_buying.fit_gamma_gamma(table), rt.repeat_buying.fit_gamma_gamma(cents)
    np.testing.assert_allclose(other.parameters, model.theta * [1, 1, 100], rtol=1e-6)
    shift = model.n_customers * log(100)
    assert other.log_likelihood == pytest.approx(model.log_likelihood - shift, rel=1e-10)
    spend = (one.expected_spend(rows) for one, rows in [(model, table), (other, cents)])
    first, second = (answer[["expected_spend", "lower", "upper"]].to_numpy() for answer in spend)
    np.testing.assert_allclose(second, 100 * first, rtol=1e-6)


@settings(max_examples=at_most(6))
@given(rows=spent, times=st.integers(2, 4))
def test_collapsed_is_expanded(rows, times):
    """Customers who are alike count so many times."""
    table = customers(*rows)
    one, more = data_of(table), data_of(pd.concat([table] * times))
    weighted = Spend(
        *(table[name].to_numpy(float) for name in ("x", "mean_sales")), n=np.full(len(rows), times)
    )
    for data in (more, spend_with_sums(weighted)):
        value, gradient, hessian = log_likelihood(data, THETA)
        single = log_likelihood(one, THETA)
        assert value == pytest.approx(times * single[0], rel=1e-12)
        np.testing.assert_allclose(gradient, times * single[1], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(hessian, times * single[2], rtol=1e-9, atol=1e-9)


def test_those_who_have_not_bought_again_tell_nothing():
    """With or without them the fit is the same; they are given the mean of all."""
    table = drawn(500, THETA, 4)
    model = rt.repeat_buying.fit_gamma_gamma(table)
    assert rt.repeat_buying.fit_gamma_gamma(table[table["x"] > 0]) == model
    assert model.n_customers == (table["x"] > 0).sum()
    answer = model.expected_spend(table)
    assert (answer.loc[answer["x"] == 0, "expected_spend"] == model.population_mean).all()


def test_model_is_the_same_on_every_engine(engine):
    """And what to expect comes back in the caller's kind and order."""
    table = drawn(300, THETA, 5)
    here = rt.repeat_buying.fit_gamma_gamma(table)
    model = rt.repeat_buying.fit_gamma_gamma(engine.table(table))
    np.testing.assert_allclose(model.parameters, here.parameters, rtol=1e-9)
    answer = here.expected_spend(engine.table(table))
    assert engine.is_mine(answer)
    read = engine.read(answer, order=["customer_id"])
    names = ["customer_id", "x", "expected_spend", "lower", "upper", "reason"]
    assert list(read.columns) == names
    pd.testing.assert_frame_equal(
        read[names[:-1]], here.expected_spend(table)[names[:-1]], check_dtype=False
    )


HARD = {
    "all spend the same": [(1, 10), (2, 10), (3, 10), (4, 10)] * 5,
    "one customer": [(1, 5)],
    "once again each": [(1, 2), (1, 30), (1, 7), (1, 9), (1, 11)] * 6,
    "customers do not differ": [(4, 10), (4, 14), (4, 8), (4, 9), (4, 12), (4, 7)] * 3,
    "purchases do not vary": [(1, 2), (1, 60), (9, 2), (9, 60), (400, 2), (400, 60)] * 3,
    "nothing in common": [(2, 10.0**k) for k in range(-6, 7)],
    "large money": [(1, 1e12), (3, 4e12), (9, 2e12), (1, 9e12)] * 4,
    "small money": [(1, 1e-9), (3, 4e-9), (9, 2e-9), (1, 9e-9)] * 4,
}


@pytest.mark.parametrize("rows", HARD.values(), ids=HARD)
def test_hard_data_are_no_error(rows):
    """A status and a reason in words; what is expected lies within what was spent."""
    model = rt.repeat_buying.fit_gamma_gamma(customers(*rows))
    assert (model.status == "converged") == (
        not any("likelihood" in n or "tell" in n for n in model.notes)
    )
    answer = model.expected_spend(customers(*rows, (0, None)))
    known = answer["expected_spend"].dropna()
    money = [m for _, m in rows]
    assert known.between(min(money) * (1 - 1e-6), max(money) * (1 + 1e-6)).all()
    assert answer["expected_spend"].isna().tolist() == answer["reason"].notna().tolist()
    if model.status != "converged":
        assert answer[["lower", "upper"]].isna().to_numpy().all()
    assert rt.repeat_buying.GammaGammaModel.model_validate_json(model.model_dump_json()) == model


def test_where_all_spend_the_same_it_is_expected_of_all():
    """The limit, though the parameters run away."""
    model = rt.repeat_buying.fit_gamma_gamma(customers(*HARD["all spend the same"]))
    assert model.status == "boundary"
    answer = model.expected_spend(customers((0, None), (2, 10)))
    np.testing.assert_allclose(answer["expected_spend"], 10, rtol=1e-6)


def test_a_mean_without_bound_is_null_and_says_why():
    """q ≤ 1: nothing can be said of new customers, and the model notes it."""
    model = model_of(0.5, 0.8, 3.0)
    assert model.population_mean is None
    answer = model.expected_spend(customers((0, None), (1, 4), (2, -1)))
    assert answer["expected_spend"].isna().tolist() == [True, False, True]
    assert answer["expected_spend"][1] == pytest.approx(0.5 * 7 / 0.3)
    assert "p x + q ≤ 1" in answer["reason"][0]
    assert "refunds" in answer["reason"][2]
    spread = rt.repeat_buying.fit_gamma_gamma(customers(*[(3, 10.0**k) for k in range(-9, 10)]))
    assert spread.parameters[1] <= 1
    assert "no bound" in spread.notes[-1]


def test_without_errors_there_are_no_bounds():
    """A flat likelihood tells a value, not how sure it is."""
    answer = model_of(2.0, 3.0, 10.0, known=False).expected_spend(customers((3, 20)))
    assert answer["expected_spend"].tolist() == [17.5]
    assert answer[["lower", "upper"]].isna().to_numpy().all()


def test_means_of_0_or_less_are_left_out_and_counted():
    """Free orders and refunds have no gamma distribution."""
    table = drawn(300, THETA, 6)
    strange = customers((2, 0.0), (1, -3.0))
    model = rt.repeat_buying.fit_gamma_gamma(pd.concat([table, strange]))
    alike = rt.repeat_buying.fit_gamma_gamma(table)
    assert model.parameters == alike.parameters
    assert model.notes == ("Left out: 2 with mean sales of 0 or less.",)
    with pytest.raises(rt.ContentError, match="nobody has bought again for more than 0"):
        rt.repeat_buying.fit_gamma_gamma(strange)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: t.drop(columns="mean_sales"), rt.ColumnError, "lacks 'mean_sales'"),
        (lambda t: t.assign(mean_sales="a"), rt.ColumnError, "'mean_sales'.*must be numbers"),
        (lambda t: t.assign(x=t["x"] + 0.5), rt.ContentError, "x that is no whole number"),
    ],
)
def test_what_is_no_spend_is_refused(change, error, message):
    """To fit and to predict."""
    table = change(customers((1, 2), (2, 3)))
    with pytest.raises(error, match=message):
        rt.repeat_buying.fit_gamma_gamma(table)
    with pytest.raises(error, match=message):
        model_of(2.0, 3.0, 10.0).expected_spend(table)

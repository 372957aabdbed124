"""What a customer just won will do: against CLVTools, customers one by one, and histories."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy.special import betaln, gammainc, gammaln

import retention as rt
from buyers import CDNOW, histories_of, model_of
from retention.repeat_buying.buying.bg_bb import BgBbModel
from retention.repeat_buying.buying.bg_bb_likelihood import log_likelihood, ways_of_histories
from retention.repeat_buying.buying.bg_cnbd import BgCnbdModel, MbgCnbdModel
from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from retention.survival.models.covariates import Covariate

PARETO = (1.4490, 48.6361, 0.5613, 46.8844)
PUBLISHED = {
    ParetoNbdModel: (
        PARETO,
        "0.355320735985499 0.201483045097759 0.132960268255048 0.0918760353598655 "
        "0.0644933467300801 0.0455053373975178 0.0321403231911198 0.0226851442540695 "
        "0.0159896056822876 0.0112521054511459 0.00790519532715214",
    ),
    BgNbdModel: (
        (0.60731076526940431, 20.956730587210782, 1.2755434957498923, 8.8608159633882284),
        "0.338118780948308 0.232688395175698 0.137641957744916 0.087918999425211 "
        "0.058589066908671 0.0401704296995377 0.0281280207814246 0.020023047736377 "
        "0.0144455719245428 0.0105386128890488 0.00776151154455645",
    ),
}
"""P(X(104) = 0, …, 10) of CLVTools 0.12.1 on its apparel data, of customers of 104 weeks."""


@pytest.mark.parametrize("kind", list(PUBLISHED))
def test_chances_are_those_of_clvtools(kind):
    """To thirteen digits; its Pareto/NBD at rounded estimates."""
    parameters, values = PUBLISHED[kind]
    table = model_of(kind, parameters).chances_of_new(within=104, most=11)
    np.testing.assert_allclose(
        table["probability"][:11], [float(value) for value in values.split()], rtol=1e-12
    )
    assert table["probability"].sum() == pytest.approx(1, abs=1e-15)
    assert table["n_from"].tolist() == list(range(12))
    assert np.isnan(table["n_to"].iloc[-1])
    assert table["lower"].isna().all()


NEW = {
    (0, 0): 1.8057463686868325,
    (1, 0): 2.205875106667448,
    (0, 1): 2.2434833274341202,
    (1, 1): 2.9404379735055621,
}
"""Transactions of a new customer in 52 weeks, the first one counted, of CLVTools 0.12.1."""


def with_covariates():
    """The fit of CLVTools with both covariates on all of its apparel data."""
    numbers = tuple(Covariate(name=name, kind="number") for name in ("gender", "channel"))
    return model_of(
        ParetoNbdModel,
        (1.694250320230549, 85.666983821260374, 0.69849661491608395, 56.485410134736462),
        effects=(
            0.30042926570501033,
            0.55833227109832295,
            -0.66344015382652188,
            0.55436810877499687,
        ),
        buying=numbers,
        leaving=numbers,
        covariance=((None,) * 8,) * 8,
    )


@pytest.mark.parametrize("z", list(NEW))
def test_new_customers_with_covariates_are_those_of_clvtools(z):
    """And chances are those of a plain model with parameters of their own."""
    model = with_covariates()
    known = {"channel": z[1], "gender": z[0]}
    found = model.expected_of_new(within=[52, 104], covariates=known)
    assert 1 + found["expected_purchases"][0] == pytest.approx(NEW[z], rel=1e-10)
    own = model.own_parameters(model.theta, np.array([[*z, *z]], float))
    alone = model_of(ParetoNbdModel, [float(np.squeeze(each)) for each in own])
    np.testing.assert_allclose(
        model.chances_of_new(within=52, covariates=known)["probability"],
        alone.chances_of_new(within=52)["probability"],
        rtol=1e-12,
    )


def chances_by_hand(kind, theta, within, n, k=1):
    """P(X = n) as a sum over customers of each rate and way of leaving, on a grid."""
    r, alpha, one, other = theta
    u = np.linspace(-30 / r, 8, 700)[:, None] - np.log(alpha / r)
    rate = np.exp(u)
    log = r * (u + np.log(alpha)) - gammaln(r) - alpha * rate
    if kind is ParetoNbdModel:
        v = np.linspace(-30 / one, 8, 300)[None] - np.log(other / one)
        leaves = np.exp(v)
        log = log + one * (v + np.log(other)) - gammaln(one) - other * leaves
        both = rate + leaves
        stay = np.exp(-both * within + n * np.log(rate * within) - gammaln(n + 1))
        gone = leaves / both * (rate / both) ** n * gammainc(n + 1, both * within)
        value = stay + gone
    else:
        v = np.linspace(-30 / one, 30 / other, 300)[None]
        leaves, stays = 1 / (1 + np.exp(-v)), 1 / (1 + np.exp(v))
        log = log - one * np.log1p(np.exp(-v)) - other * np.log1p(np.exp(v)) - betaln(one, other)
        first = kind in (MbgNbdModel, MbgCnbdModel)
        made = gammainc(k * n, rate * within) if n else 1.0
        value = stays ** (n + first) * (made - gammainc(k * n + k, rate * within))
        if n or first:
            value = value + leaves * stays ** (n - 1 + first) * made
    return (np.exp(log) * value).sum() * (u[1] - u[0]) * (v[0, 1] - v[0, 0])


@pytest.mark.parametrize(
    ("kind", "k"), [*((kind, 1) for kind in CDNOW), (BgCnbdModel, 3), (MbgCnbdModel, 2)]
)
def test_chances_are_sums_over_customers(kind, k):
    """Of any number of purchases; they sum to 1, and their mean is what is expected."""
    theta = CDNOW.get(kind, (0.85, 1.45, 0.79, 2.42))
    model = model_of(kind, theta, **({"k": k} if k > 1 else {}))
    found = model.chances_by_number(model.theta, 39.0, 2_000)
    for n in (0, 1, 4, 9):
        assert found[n] == pytest.approx(chances_by_hand(kind, theta, 39.0, n, k), rel=1e-8)
    assert found.sum() == pytest.approx(1, abs=1e-7)
    mean = model.expected_of_new(within=39)["expected_purchases"][0]
    assert found @ np.arange(found.size) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize(
    "theta",
    [(5, 100, 50, 2), (1e5, 1e6, 0.6, 1e4), (0.01, 1, 3, 1000), (30, 1, 0.05, 0.1)],
)
def test_pareto_chances_hold_for_any_parameters(theta, scale):
    """Where customers are alike, leave at once or stay; in any unit of time."""
    model = model_of(ParetoNbdModel, np.array(theta) * [1, scale, 1, scale])
    found = model.chances_by_number(model.theta, 39.0 * scale, 6_000)
    assert found.sum() == pytest.approx(1, abs=1e-11)
    mean = model.purchases_of_new(model.theta, np.array([39.0 * scale]))[0]
    assert found @ np.arange(found.size) == pytest.approx(mean, rel=1e-11)


def test_chances_at_opportunities_are_those_of_all_histories():
    """BG/BB: the likelihoods of all histories of so many purchases, each as often as there is."""
    theta = np.array([1.2, 0.75, 0.66, 2.78])
    found = model_of(BgBbModel, theta).chances_of_new(within=6, most=7)["probability"]
    for x in range(7):
        total = 0.0
        for t_x in [0] if x == 0 else range(x, 7):
            ways = ways_of_histories(histories_of(x, t_x, 6))
            sequences = comb(t_x - 1, x - 1) if x else 1
            total += sequences * np.exp(log_likelihood(ways, theta)[0])
        assert found[x] == pytest.approx(total, rel=1e-12)
    assert found[7] == pytest.approx(0, abs=1e-14)


def test_bounds_hold_what_they_bound():
    """They widen with the level, and a time of 0 has no purchase."""
    covariance = tuple(map(tuple, (np.eye(4) / 100).tolist()))
    model = model_of(MbgNbdModel, CDNOW[MbgNbdModel], covariance=covariance, status="converged")
    narrow, wide = (model.chances_of_new(within=10, level=level) for level in (0.5, 0.99))
    assert (wide["lower"] < narrow["lower"]).all()
    assert (narrow["lower"] < narrow["probability"]).all()
    assert (narrow["probability"] < narrow["upper"]).all()
    assert (narrow["upper"] < wide["upper"]).all()
    expected = model.expected_of_new(within=[0, 10])
    assert expected["expected_purchases"][0] == 0
    assert expected["lower"][1] < expected["expected_purchases"][1] < expected["upper"][1]
    at_once = model.chances_of_new(within=0, most=1)["probability"]
    assert at_once.tolist() == pytest.approx([1, 0], abs=1e-14)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"within": -1}, "within must be one length of time"),
        ({"within": 5, "most": 0}, "most"),
        ({"within": 5, "covariates": {"age": 3}}, "fitted without any"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, said):
    """In words."""
    with pytest.raises(rt.errors.RetentionError, match=said):
        model_of(ParetoNbdModel, PARETO).chances_of_new(**asked)


def test_covariates_of_a_new_customer_are_asked_for():
    """All of them, and no other."""
    for given in (None, {"gender": 1}, {"gender": 1, "channel": 0, "age": 3}):
        with pytest.raises(rt.errors.RetentionError, match="say those that the model was fitted"):
            with_covariates().expected_of_new(within=5, covariates=given)
    with pytest.raises(rt.errors.ContentError, match="no 'gender'"):
        with_covariates().expected_of_new(within=5, covariates={"gender": None, "channel": 0})
    with pytest.raises(rt.errors.RetentionError, match="whole number of opportunities"):
        model_of(BgBbModel, (1, 1, 1, 1)).chances_of_new(within=1.5)

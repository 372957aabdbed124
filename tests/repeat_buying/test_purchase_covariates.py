"""Covariates of repeat buying: against CLVTools, each kind of customer alone, and simulation."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln, gammaln

import retention as rt
from buyers import CDNOW, model_of, summary_of
from retention.economics.outlook.base_ahead import check_model_ahead
from retention.repeat_buying.buying.bg_likelihood import BgLikelihood
from retention.repeat_buying.buying.bg_nbd import BgNbdModel, MbgNbdModel
from retention.repeat_buying.buying.gamma_rates import Moves
from retention.repeat_buying.buying.pareto_likelihood import ParetoLikelihood
from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel
from retention.repeat_buying.summary.purchase_histories import Histories
from retention.signals.days.own_rates import rates_of_purchases
from retention.survival.models.covariates import Covariate

BOTH = ("gender", "channel")
NUMBERS = tuple(Covariate(name=name, kind="number") for name in BOTH)
FITS = {
    ParetoNbdModel: rt.repeat_buying.fit_pareto_nbd,
    BgNbdModel: rt.repeat_buying.fit_bg_nbd,
    MbgNbdModel: rt.repeat_buying.fit_mbg_nbd,
}
every_kind = pytest.mark.parametrize("kind", list(FITS))
CLVTOOLS = (1.8378432988515905, 92.912351594387459, 0.59199845476420776, 49.622718245389443)
EFFECTS = (0.28587397730634528, 0.62412409604889496, -0.64299339401656497, 0.79067896096988322)
ERRORS = (0.345467, 16.966982, 0.260902, 36.250930, 0.104148, 0.104958, 0.295526, 0.305859)
"""Estimates and standard errors of CLVTools 0.12.1 on its apparel data, first 104 weeks."""


@cache
def apparel():
    """600 customers of the apparel data of CLVTools, won on 2005-01-02 and observed 104 weeks."""
    counted = pd.read_csv(Path(__file__).parents[1] / "reference/clvtools_apparel.csv", comment="#")
    rows = counted.loc[counted.index.repeat(counted.pop("n"))].reset_index(drop=True)
    days = rows.pop("days")
    return rows.assign(t_x=days / 7, T=104.0, customer_id=np.arange(600), unit="week")


@cache
def fitted(kind):
    """A fit with both covariates of both kinds."""
    return FITS[kind](apparel(), buying_covariates=BOTH, leaving_covariates=BOTH)


def moved(kind, parameters, effects, **fields):
    """A model with both covariates, as if it had been fitted."""
    nothing = ((None,) * 8,) * 8
    known = {"buying": NUMBERS, "leaving": NUMBERS, "effects": effects, "covariance": nothing}
    return model_of(kind, parameters, **{**known, "unit": "week", **fields})


def likelihood_of(kind, on, moves):
    """The likelihood that a kind of model is fitted by."""
    if kind is ParetoNbdModel:
        return ParetoLikelihood(on, moves=moves)
    return BgLikelihood(on, first_too=kind is MbgNbdModel, moves=moves)


def test_the_likelihood_is_that_of_clvtools_at_its_estimates():
    """−5821.0627090922, on 600 customers."""
    model = moved(ParetoNbdModel, CLVTOOLS, EFFECTS)
    on = model.customers_of(apparel()).histories
    value = ParetoLikelihood(on, moves=model.moves)(model.theta)[0]
    assert value == pytest.approx(-5821.0627090922117, abs=1e-9)


def test_estimates_and_errors_are_those_of_clvtools():
    """As far as it converges: ours lie higher by 2e-5 in the log-likelihood."""
    model = fitted(ParetoNbdModel)
    assert model.status == "converged"
    assert -5821.0627090922117 < model.log_likelihood < -5821.0626
    np.testing.assert_allclose([*model.parameters, *model.effects], CLVTOOLS + EFFECTS, rtol=3e-3)
    np.testing.assert_allclose(model.coefficients()["standard_error"], ERRORS, rtol=4e-3)
    names = [f"{side}: {name}" for side in ("buying", "leaving") for name in BOTH]
    assert model.coefficients()["parameter"].tolist() == ["r", "alpha", "s", "beta", *names]


PUBLISHED = {
    "p_alive": (0.94786413345444, 0.986052889819999, 0.402752640694384, 0.373339405816014),
    "expected_purchases": (
        1.79436810587341,
        1.05480777726136,
        0.206313391502705,
        0.355040153378327,
    ),
    "discounted_purchases": (
        12.7155698900573,
        8.00279709077715,
        1.56529392833355,
        2.48528735621652,
    ),
}


def test_predictions_are_those_of_clvtools():
    """Customers 1, 10, 100 and 101 at rounded estimates: 52 weeks ahead, and at 7.5 % a year."""
    table = summary_of([6, 2, 0, 1], np.array([653, 697, 0, 224]) / 7, [104.0] * 4)
    table = table.assign(gender=[0, 1, 1, 1], channel=[0, 0, 0, 1], unit="week")
    rounded = (0.2859, 0.6241, -0.6430, 0.7907)
    model = moved(ParetoNbdModel, (1.8378, 92.9123, 0.5920, 49.6227), rounded)
    rate = float(np.expm1(np.log(1.075) / 52 * 365.25 / 7))
    found = {
        "p_alive": model.p_alive(table),
        "expected_purchases": model.expected_purchases(table, within=52),
        "discounted_purchases": rt.repeat_buying.discounted_purchases(
            table, model=model, discount=rate
        ),
    }
    for name, values in PUBLISHED.items():
        np.testing.assert_allclose(found[name][name], values, rtol=1e-11)


def naive_bg(row, r, alpha, chances, *, first_too):
    """The log-likelihood of one customer by gamma functions, with a and b of their own."""
    x, t_x, age = row
    a, b = chances
    ways = [betaln(a, b + x + first_too) - betaln(a, b) - (r + x) * np.log(alpha + age)]
    if x or first_too:
        left = betaln(a + 1, b + x - 1 + first_too) - betaln(a, b)
        ways.append(left - (r + x) * np.log(alpha + t_x))
    return gammaln(r + x) - gammaln(r) + r * np.log(alpha) + np.logaddexp.reduce(ways)


def naive_sum(r, alpha, chances, effects, *, first_too, both=False):
    """The same over the apparel customers; `both` multiplies b as well, as CLVTools does."""
    z = apparel()[list(BOTH)].to_numpy(float)
    own = alpha * np.exp(-z @ np.array(effects[:2]))
    factor = np.exp(z @ np.array(effects[2:]))
    total = 0.0
    for row, scale, more in zip(apparel()[["x", "t_x", "T"]].to_numpy(), own, factor, strict=True):
        pair = (chances[0] * more, chances[1] * (more if both else 1))
        total += naive_bg(row, r, scale, pair, first_too=first_too)
    return total


def test_the_twin_of_bg_nbd_is_that_of_clvtools_where_it_multiplies_both():
    """Its estimates run away; ours, which multiply the odds of leaving, fit better."""
    effects = (0.4612080504904093, 0.56782898533329018, -1.390294175239601, -7.7785055111844654)
    value = naive_sum(
        0.66624310391411712,
        38.190864634202477,
        (4603.0506213699791, 33985.170841703461),
        effects,
        first_too=False,
        both=True,
    )
    assert value == pytest.approx(-5839.862397150664, abs=1e-6)
    assert fitted(BgNbdModel).log_likelihood > value + 0.8


@pytest.mark.parametrize("kind", [BgNbdModel, MbgNbdModel])
def test_the_likelihood_of_bg_is_the_sum_over_customers(kind):
    """By gamma functions, customer by customer."""
    model = fitted(kind)
    r, alpha, *chances = model.parameters
    by_hand = naive_sum(r, alpha, chances, model.effects, first_too=kind is MbgNbdModel)
    assert model.log_likelihood == pytest.approx(by_hand, rel=1e-10)


@every_kind
def test_histories_gathered_are_customers_one_by_one(kind):
    """The same likelihood to 1e-10, with its derivatives."""
    model = fitted(kind)
    on = model.customers_of(apparel()).histories
    assert on.n.sum() == 600
    assert on.x.size < 390
    z = apparel()[list(BOTH) * 2].to_numpy(float)
    alone = Histories(
        *(apparel()[name].to_numpy(float) for name in ("x", "t_x", "T")),
        np.ones(600, np.int64),
        "week",
        z,
    )
    gathered, each = (likelihood_of(kind, some, model.moves)(model.theta) for some in (on, alone))
    for one, other, size in zip(gathered, each, (1, 1e3, 1e4), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10 * size)


@every_kind
@pytest.mark.parametrize(("buying", "leaving"), [(2, 1), (0, 3), (3, 0)])
def test_derivatives_are_those_of_the_likelihood(kind, buying, leaving):
    """By differences, for covariates of either kind and of both."""
    rng = np.random.default_rng(3)
    x, age = rng.integers(0, 6, 30).astype(float), rng.uniform(20, 60, 30)
    t_x = np.where(x > 0, age * rng.uniform(0.05, 1, 30), 0.0)
    terms = rng.normal(size=(30, 3))
    on = Histories(x, t_x, age, rng.integers(1, 4, 30), None, terms)
    evaluate = likelihood_of(kind, on, Moves(buying, leaving, *kind.moved))
    theta = np.array([0.6, 10, 0.9, 12, 1.4, 0.6, 1.2])
    _, gradient, hessian = evaluate(theta)
    steps = np.exp(1e-5 * np.eye(7))
    both = [(evaluate(theta * step), evaluate(theta / step)) for step in steps]
    width = 2 * np.sinh(1e-5) * theta
    slopes = np.array([up[0] - down[0] for up, down in both]) / width
    curves = np.array([up[1] - down[1] for up, down in both]) / width[:, None]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-7 * np.abs(slopes).max())
    np.testing.assert_allclose(hessian, curves, rtol=1e-6, atol=1e-7 * np.abs(curves).max())


def everything_of(model, table):
    """What is said of customers, in one table."""
    found = {
        "silent": model.p_no_purchase(table, within=20)["p_no_purchase"],
        "expected": model.expected_purchases(table, within=20)["expected_purchases"],
        "alive": model.p_alive(table)["p_alive"],
    }
    if isinstance(model, ParetoNbdModel):
        found["value"] = rt.repeat_buying.customer_value(
            table, model=model, spend=20.0, horizon=26, margin=0.3, discount=0.1
        )["value"]
    return pd.DataFrame({name: values.to_numpy() for name, values in found.items()})


@every_kind
def test_each_kind_of_customer_is_one_of_a_plain_model(kind):
    """With α and β, or a, of their own; all that is said of customers is the same."""
    effects = (0.4, -0.7, 0.5, 0.3)
    model = moved(kind, CDNOW[kind], effects)
    table = apparel().iloc[::60].reset_index(drop=True)
    found = everything_of(model, table)
    place, sign = kind.moved
    for z, rows in table.groupby(list(BOTH)):
        own = np.array(CDNOW[kind])
        own[1] *= np.exp(-np.dot(effects[:2], z))
        own[place] *= np.exp(sign * np.dot(effects[2:], z))
        alone = everything_of(model_of(kind, own, unit="week"), rows)
        np.testing.assert_allclose(found.loc[rows.index], alone, rtol=1e-11)


@every_kind
def test_without_covariates_it_is_the_plain_model(kind):
    """The same value when none are named, and the same predictions when none has an effect."""
    plain = FITS[kind](apparel())
    assert FITS[kind](apparel(), buying_covariates=[], leaving_covariates=()) == plain
    idle = moved(kind, plain.parameters, (0.0,) * 4)
    table = apparel().iloc[::75].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        everything_of(idle, table), everything_of(plain, table), check_exact=True
    )
    assert fitted(kind).log_likelihood > plain.log_likelihood
    assert type(plain).model_validate_json(fitted(kind).model_dump_json()) == fitted(kind)


@every_kind
def test_units_and_labels_change_nothing(kind):
    """Twice the number and 5 more halves the effect; true or false and labels say the same."""
    table = apparel().assign(
        channel=apparel()["channel"] * 2 + 5,
        gender=apparel()["gender"] == 1,
        sex=np.where(apparel()["gender"] == 1, "m", "f"),
    )
    found, fit = fitted(kind), FITS[kind]
    scaled = fit(table, buying_covariates=BOTH, leaving_covariates=["sex", "channel"])
    assert scaled.log_likelihood == pytest.approx(found.log_likelihood, rel=1e-12)
    gamma = np.array(scaled.effects) * [1, 2, 1, 2]
    np.testing.assert_allclose(gamma, found.effects, rtol=1e-5, atol=1e-6)
    assert scaled.coefficients()["parameter"].iloc[6] == "leaving: sex=m"
    for name in ("p_alive", "lower", "upper"):
        np.testing.assert_allclose(
            scaled.p_alive(table)[name], found.p_alive(apparel())[name], rtol=1e-5
        )


def simulated(n, seed):
    """Customers as Pareto/NBD tells their story: z moves buying by 0.4 and leaving by 0.5."""
    rng = np.random.default_rng(seed)
    z, age = rng.integers(0, 2, n), rng.integers(25, 60, n).astype(float)
    rate = rng.gamma(1.2, size=n) / (9 * np.exp(-0.4 * z))
    life = rng.exponential(size=n) / (rng.gamma(1.3, size=n) / (25 * np.exp(-0.5 * z)))
    end = np.minimum(life, age)
    x = rng.poisson(rate * end)
    t_x = np.where(x > 0, end * rng.random(n) ** (1 / np.maximum(x, 1)), 0.0)
    return summary_of(x, t_x, age, z=z)


def test_a_fit_finds_what_was_simulated():
    """All six numbers together: 1 in 200 goes beyond."""
    model = rt.repeat_buying.fit_pareto_nbd(
        simulated(6_000, 4), buying_covariates="z", leaving_covariates="z"
    )
    truth = np.array([*np.log([1.2, 9, 1.3, 25]), 0.4, 0.5])
    away = np.append(np.log(model.parameters), model.effects) - truth
    assert away @ np.linalg.solve(model.covariance_of_logs, away) < 18.5


def test_many_kinds_of_customers_take_few_passes(monkeypatch):
    """9,000 customers who all differ: a part is fitted first, and all of them at most 30 times."""
    table = simulated(9_000, 5)
    table["w"] = np.random.default_rng(1).normal(size=9_000)
    passes = []
    count = ParetoLikelihood.__call__

    def counted(self, theta):
        passes.append(self.on.x.size)
        return count(self, theta)

    monkeypatch.setattr(ParetoLikelihood, "__call__", counted)
    model = rt.repeat_buying.fit_pareto_nbd(table, buying_covariates=["z", "w"])
    assert model.status == "converged"
    assert model.n_histories > 8_000
    assert 0 < sum(size == model.n_histories for size in passes) <= 10
    error = model.coefficients().set_index("parameter")
    assert abs(error.loc["buying: w", "estimate"]) < 3 * error.loc["buying: w", "standard_error"]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_other_engines_fit_the_same(engine):
    """A lazy table is counted where it is, by history and covariates."""
    table = apparel().assign(channel=np.where(apparel()["channel"] == 1, "web", "shop"))
    asked = {"buying_covariates": "channel", "leaving_covariates": "gender"}
    expected = rt.repeat_buying.fit_bg_nbd(table, **asked)
    if engine == "polars":
        given = pytest.importorskip("polars").from_pandas(table).lazy()
    else:
        given = pytest.importorskip("duckdb").connect().from_df(table)
    found = rt.repeat_buying.fit_bg_nbd(given, **asked)
    assert found.buying == expected.buying
    np.testing.assert_allclose(found.parameters, expected.parameters, rtol=1e-9)
    np.testing.assert_allclose(found.effects, expected.effects, rtol=1e-8)


SIX = summary_of([0, 1, 3, 0, 2, 5], [0, 4, 9, 0, 8, 6], [10.0] * 6).assign(
    z=[0, 1, 0, 1, 0, 1], one=1, twice=[0, 2, 0, 2, 0, 2], label=list("abcabc")
)
REFUSED = [
    (
        {"buying_covariates": "w"},
        rt.errors.ColumnError,
        "buying_covariates names 'w', which is not",
    ),
    ({"buying_covariates": "x"}, rt.errors.ColumnError, "a column of the summary itself"),
    ({"leaving_covariates": ["z", "z"]}, rt.errors.ColumnError, "names a column twice"),
    (
        {"buying_covariates": "one"},
        rt.errors.ContentError,
        "buying_covariates: 'one' is a constant",
    ),
    (
        {"leaving_covariates": ["z", "twice"]},
        rt.errors.ContentError,
        "leaving_covariates: 'twice' is a combination of 'z'",
    ),
]


@pytest.mark.parametrize(("asked", "error", "said"), REFUSED)
def test_covariates_that_cannot_be_are_refused(asked, error, said):
    """With the argument, the column and what to do."""
    with pytest.raises(error, match=said):
        rt.repeat_buying.fit_pareto_nbd(SIX, **asked)


@pytest.mark.parametrize("values", [[0, 1, None, 1, 0, 1], ["a", None, "b", "a", "b", "a"]])
def test_missing_covariates_are_refused(values):
    """When a model is fitted, and when it is asked."""
    gaps = SIX.assign(z=pd.Series(values))
    with pytest.raises(rt.errors.ContentError, match="1 row has no 'z'. Fill it in"):
        rt.repeat_buying.fit_bg_nbd(gaps, buying_covariates="z")
    model = moved(BgNbdModel, CDNOW[BgNbdModel], EFFECTS, unit=None)
    with pytest.raises(rt.errors.ContentError, match="1 row has no 'gender'"):
        model.p_alive(gaps.assign(gender=gaps["z"], channel=0))


def test_a_model_with_covariates_wants_them_of_each_customer():
    """By name; where they cannot be had, it says that a model without them is wanted."""
    model = moved(ParetoNbdModel, CLVTOOLS, EFFECTS)
    lacks = SIX.assign(gender=1)
    for ask in (
        lambda: model.p_alive(lacks),
        lambda: rt.repeat_buying.customer_value(
            lacks, model=model, spend=1.0, horizon=3, margin=0.3, discount=0
        ),
    ):
        with pytest.raises(rt.errors.ColumnError, match="'channel'"):
            ask()
    for ask in (
        lambda: model.expected_cumulative([1.0], [2.0]),
        lambda: check_model_ahead(model),
        lambda: rates_of_purchases(model),
    ):
        with pytest.raises(rt.errors.RetentionError, match="model has covariates .'gender', 'chan"):
            ask()
    labels = rt.repeat_buying.fit_mbg_nbd(SIX, buying_covariates="label")
    with pytest.raises(rt.errors.ContentError, match="a 'label' that the model was not fitted on"):
        labels.p_alive(SIX.assign(label="q"))


def test_covariates_far_from_nought_are_refused():
    """α at a covariate of 0 cannot be told where nobody is near it."""
    table = apparel().assign(when=1e6 + apparel()["channel"])
    with pytest.raises(rt.errors.ContentError, match="take a usual value from them"):
        rt.repeat_buying.fit_bg_nbd(table, buying_covariates="when")


@every_kind
@pytest.mark.parametrize("gender", [-1e4, 1e4, 1e90])
def test_covariates_far_from_those_fitted_on_are_refused(kind, gender):
    """Nothing can be computed there: it was null, or NumPy's own error."""
    model = moved(kind, CDNOW[kind], (0.4, -0.7, 0.5, 0.3))
    for ask in (
        lambda: model.p_alive(SIX.assign(gender=[gender, gender, 0, 0, 0, 0], channel=0)),
        lambda: model.expected_purchases(
            SIX.assign(gender=[0, 0, 0, 0, 0, gender], channel=0), within=5
        ),
        lambda: model.expected_of_new(within=5, covariates={"gender": gender, "channel": 0}),
        lambda: model.chances_of_new(within=5, most=3, covariates={"gender": gender, "channel": 0}),
    ):
        with pytest.raises(rt.errors.ContentError, match="far from what the model was fitted on"):
            ask()


@pytest.mark.parametrize("given", [{"gender": [0, 1], "channel": 0}, "gender", [1], 3])
def test_covariates_of_a_new_customer_are_one_value_for_each_column(given):
    """Lists, and what names no columns, are refused in words."""
    model = moved(BgNbdModel, CDNOW[BgNbdModel], EFFECTS)
    with pytest.raises(rt.errors.RetentionError, match="give one value for each column"):
        model.expected_of_new(within=5, covariates=given)


def test_a_backtest_refuses_a_model_with_covariates():
    """Whose columns the histories of its cuts have not: it says which model to give."""
    days = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-01-09", "2024-02-20"])
    orders = pd.DataFrame({"customer_id": list("aabb"), "date": days, "sales": 1.0})
    model = moved(BgNbdModel, CDNOW[BgNbdModel], EFFECTS, unit="day")
    with pytest.raises(rt.errors.RetentionError, match="Give one fitted without covariates"):
        rt.repeat_buying.backtest_purchases(
            orders, fit=lambda spells: model, cuts="2024-01-20", within=10
        )

"""fit_aft: against R's printed numbers, lifelines, and the likelihood written out in loops."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retention.errors import ContentError, RetentionError
from retention.survival.aft.model import AftModel, fit_aft
from retention.survival.models.covariates import design_from_columns

DISTRIBUTIONS = ("weibull", "exponential", "loglogistic", "lognormal")
NORMAL = NormalDist()

TOY = pd.DataFrame(
    {
        "duration": [9, 1, 1, 6, 6, 8],
        "churned": [True, True, False, True, True, False],
        "x": [0, 1, 1, 1, 0, 0],
    }
)


def cumulative(distribution, z):
    """H(z), as the books write it."""
    if distribution == "loglogistic":
        return math.log1p(math.exp(z))
    if distribution == "lognormal":
        return -math.log(NORMAL.cdf(-z))
    return math.exp(z)


def log_density(distribution, z):
    """log f(z) of the standardised logarithm of a lifetime."""
    if distribution == "loglogistic":
        return z - 2 * math.log1p(math.exp(z))
    if distribution == "lognormal":
        return math.log(NORMAL.pdf(z))
    return z - math.exp(z)


def naive_log_likelihood(spells, distribution, location, sigma):
    """Spell by spell: density where it ended, survival where not, given survival to the entry."""
    total = 0.0
    for row, mu in zip(spells.to_dict("records"), location, strict=True):
        z = (math.log(row["duration"]) - mu) / sigma
        ended = log_density(distribution, z) - math.log(sigma * row["duration"])
        one = ended if row["churned"] else -cumulative(distribution, z)
        if row.get("entry", 0) > 0:
            one += cumulative(distribution, (math.log(row["entry"]) - mu) / sigma)
        total += row.get("n_spells", 1) * one
    return total


def design_of(model, frame):
    """The covariates of a frame as the model multiplies them."""
    columns = {covariate.name: frame[covariate.name].to_numpy() for covariate in model.covariates}
    return design_from_columns(model.covariates, columns, len(frame))


def predicted(model, frame, *, start, end):
    """Cumulative hazard and variance of each row, from one time to another."""
    times = (np.full(len(frame), float(time)) for time in (start, end))
    return model.hazard_between(design_of(model, frame), np.zeros(len(frame), np.intp), *times)


def area(model, frame, *, start, horizon):
    """Expected time of each row within a horizon."""
    times = np.full(len(frame), float(start))
    return model.area_between(design_of(model, frame), np.zeros(len(frame), int), times, horizon)


def customers(n=400, *, seed=1, distribution="weibull", sigma=0.7, late=True):
    """Simulated spells with a plan and a number, censored, some of them entered late."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"plan": rng.choice(["a", "b", "c"], n), "x": rng.normal(size=n)})
    noise = {
        "weibull": lambda: np.log(rng.exponential(size=n)),
        "exponential": lambda: np.log(rng.exponential(size=n)),
        "loglogistic": lambda: rng.logistic(size=n),
        "lognormal": lambda: rng.normal(size=n),
    }[distribution]()
    mu = 2 + 0.5 * (frame["plan"] == "b") - 0.4 * (frame["plan"] == "c") + 0.3 * frame["x"]
    time, censored = np.exp(mu + sigma * noise), rng.exponential(20, n)
    frame["duration"], frame["churned"] = np.minimum(time, censored), time <= censored
    if late:
        frame["entry"] = np.where(rng.random(n) < 0.5, rng.uniform(0, 6, n), np.nan)
        frame = frame[~(frame["entry"] >= frame["duration"])]
    return frame.reset_index(drop=True)


@pytest.mark.parametrize(
    ("distribution", "intercept", "coef", "scale"),
    [
        ("weibull", 2.2373335, -0.7442249, 0.4563163),
        ("exponential", 2.442347, -1.056053, 1.0),
        ("loglogistic", 2.177208, -1.195672, 0.3847582),
        ("lognormal", 2.210, -1.268, 0.640),
    ],
)
def test_toy_of_r_survival_to_the_printed_digit(distribution, intercept, coef, scale):
    """Six spells that R's survival package prints for all four distributions."""
    model = fit_aft(TOY, covariates="x", distribution=distribution)
    tolerance = 5e-4 if distribution == "lognormal" else 1e-6
    found = (model.intercept, model.coef[0], model.scale)
    assert found == pytest.approx((intercept, coef, scale), abs=tolerance)
    assert model.status == "converged"
    assert (model.n_spells, model.n_churned) == (6, 4)


@pytest.mark.parametrize(
    ("distribution", "errors"),
    [
        ("weibull", [0.329846399355, 0.486372837645, 0.432909431520]),
        ("exponential", [0.707106781187, 1.0, 0.0]),
        ("loglogistic", [0.365142162786, 0.710774323711, 0.395623913509]),
        ("lognormal", [0.403579601881, 0.585010732137, 0.342319323174]),
    ],
)
def test_errors_of_the_toy_are_those_at_the_estimates(distribution, errors):
    """R survival 3.5-3, survreg(rel.tolerance = 1e-15), from its own estimates three times more."""
    model = fit_aft(TOY, covariates="x", distribution=distribution)
    assert np.sqrt(np.diagonal(model.full_covariance)) == pytest.approx(errors, rel=1e-9)


def lung():
    """Survival of lung cancer patients, as lifelines ships it."""
    from lifelines.datasets import load_lung

    frame = load_lung()
    return frame.assign(duration=frame["time"], churned=frame["status"] == 1)


def test_lung_of_r_survival_to_the_printed_digit():
    """Weibull on ph.ecog and sex, and without covariates."""
    frame = lung()
    model = fit_aft(frame.dropna(subset=["ph.ecog"]), covariates=["ph.ecog", "sex"])
    assert model.intercept == pytest.approx(5.8195907, abs=5e-7)
    assert model.coef == pytest.approx((-0.3557319, 0.4013684), abs=5e-7)
    assert model.scale == pytest.approx(0.7310495, abs=5e-7)
    assert model.log_likelihood == pytest.approx(-1133.1, abs=0.05)
    null = fit_aft(frame)
    assert (null.intercept, null.scale) == pytest.approx((6.034904, 0.7593936), abs=5e-6)
    assert null.log_likelihood == null.log_likelihood_null == pytest.approx(-1153.9, abs=0.05)


@pytest.mark.parametrize("distribution", ["weibull", "loglogistic", "lognormal"])
def test_agrees_with_lifelines_under_late_entry_and_weights(distribution):
    """Coefficients, errors and likelihood, once lifelines is told to go on to the end."""
    import lifelines

    name = {"weibull": "Weibull", "loglogistic": "LogLogistic", "lognormal": "LogNormal"}
    frame = customers().assign(b=lambda t: t["plan"] == "b", c=lambda t: t["plan"] == "c")
    frame = frame.drop(columns="plan").fillna({"entry": 0.0})
    frame["n_spells"] = np.arange(len(frame)) % 3 + 1
    fitter = getattr(lifelines, f"{name[distribution]}AFTFitter")()
    numeric = frame.astype({"b": float, "c": float})
    columns = {"entry_col": "entry", "weights_col": "n_spells"}
    fitter.fit(numeric, "duration", "churned", **columns, fit_options={"ftol": 1e-14})
    model = fit_aft(frame, covariates=["x", "b", "c"], distribution=distribution)
    first = fitter.params_.index[0][0]
    theirs, errors = fitter.params_[first], fitter.standard_errors_[first]
    mine = dict(zip(model.terms, model.coef, strict=True)) | {"Intercept": model.intercept}
    assert model.log_likelihood == pytest.approx(fitter.log_likelihood_, abs=1e-6)
    assert model.log_likelihood >= fitter.log_likelihood_ - 1e-9
    for term, value in mine.items():
        assert value == pytest.approx(theirs[term], abs=1e-5)
    own = model.coefficients().set_index("term")["standard_error"]
    assert own.to_dict() == pytest.approx({t: errors[t] for t in own.index}, rel=1e-4)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_lifetimes_of_one_million_in_closed_form(distribution):
    """Without covariates and censoring: means of logarithms, or one end every mean lifetime."""
    frame = pd.DataFrame({"duration": [1.0, 2.0, 4.0, 8.0], "churned": True, "n_spells": 250_000})
    model = fit_aft(frame, distribution=distribution)
    if distribution == "exponential":
        assert model.intercept == pytest.approx(math.log(15 / 4), rel=1e-12)
    if distribution in ("lognormal", "loglogistic"):  # symmetric in log 2, log 4 about log 2√2
        assert model.intercept == pytest.approx(1.5 * math.log(2), rel=1e-12)
    if distribution == "lognormal":
        assert model.scale == pytest.approx(math.log(2) * math.sqrt(1.25), rel=1e-12)
    assert model.n_spells == 1_000_000


spell = st.tuples(
    st.integers(1, 9),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from([0, 0.5]),
    st.integers(1, 3),
)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@given(rows=st.lists(spell, min_size=3, max_size=14))
def test_agrees_with_the_likelihood_written_out(distribution, rows):
    """The value is that of a loop over spells, and no point beside it has a larger one."""
    frame = pd.DataFrame(rows, columns=["duration", "churned", "x", "share", "n_spells"])
    frame["entry"] = frame["duration"] * frame["share"]
    assume(frame["churned"].any())
    model = fit_aft(frame, covariates="x", distribution=distribution)
    assume(model.status == "converged" and 0.05 < model.scale < 20)

    def at(d_intercept=0.0, d_coef=0.0, d_scale=0.0):
        location = model.intercept + d_intercept + (model.beta[0] + d_coef) * frame["x"]
        return naive_log_likelihood(frame, distribution, location, model.scale * (1 + d_scale))

    assert at() == pytest.approx(model.log_likelihood, rel=1e-9, abs=1e-9)
    for step in (1e-3, -1e-3):
        assert at(d_intercept=step) <= model.log_likelihood + 1e-9
        if model.coef[0] is not None:
            assert at(d_coef=step) <= model.log_likelihood + 1e-9
        if distribution != "exponential":
            assert at(d_scale=step) <= model.log_likelihood + 1e-9


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_collapsed_and_expanded_rows_give_the_same_fit(distribution):
    """Ten times the rows, or the same rows that stand for ten spells each."""
    few = customers(60).round({"duration": 0, "x": 0, "entry": 0})
    few = few[(few["duration"] > 0) & ~(few["entry"] >= few["duration"])]
    few["n_spells"] = np.arange(len(few)) % 5 + 1
    many = few.loc[few.index.repeat(few["n_spells"])].drop(columns="n_spells")
    many = many.sample(frac=1, random_state=3)
    for covariates in (["plan"], ["plan", "x"]):
        one, other = (
            fit_aft(t, covariates=covariates, distribution=distribution) for t in (few, many)
        )
        assert one.coef == pytest.approx(other.coef, rel=1e-11, abs=1e-12)
        assert (one.n_spells, one.n_churned) == (other.n_spells, other.n_churned)
        both = [np.array(model.full_covariance, float) for model in (one, other)]
        np.testing.assert_allclose(*both, rtol=1e-10, atol=1e-14)
        assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


def test_days_and_weeks_differ_by_the_logarithm_of_seven():
    """Another unit moves the intercept and nothing else."""
    days = customers()
    weeks = days.assign(duration=days["duration"] / 7, entry=days["entry"] / 7)
    for distribution in ("weibull", "loglogistic", "lognormal"):
        one, other = (
            fit_aft(t, covariates=["plan", "x"], distribution=distribution) for t in (days, weeks)
        )
        assert one.intercept == pytest.approx(other.intercept + math.log(7), abs=1e-9)
        assert one.coef == pytest.approx(other.coef, abs=1e-9)
        ends = one.n_churned * math.log(7)
        assert one.log_likelihood == pytest.approx(other.log_likelihood - ends, rel=1e-12)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_truth_is_found_under_late_entry(distribution):
    """Twenty thousand simulated spells: every coefficient within four standard errors."""
    sigma = 1.0 if distribution == "exponential" else 0.7
    frame = customers(20_000, seed=7, distribution=distribution, sigma=sigma)
    model = fit_aft(frame, covariates=["plan", "x"], distribution=distribution)
    found = np.array([model.intercept, *model.coef, model.log_scale])
    error = np.sqrt(np.diagonal(np.array(model.full_covariance, float)))
    truth = np.array([2, 0.5, -0.4, 0.3, math.log(sigma)])
    assert (np.abs(found - truth) <= 4 * error + 1e-12).all()
    assert (error[:-1] < 0.05).all()


def test_the_fit_is_the_same_on_every_engine(engine):
    """Whoever counts, the coefficients agree."""
    frame = customers(200).drop(columns="x").round({"duration": 1, "entry": 1})
    frame = frame[~(frame["entry"] >= frame["duration"]) & (frame["duration"] > 0)]
    expected = fit_aft(frame, covariates="plan")
    model = fit_aft(engine.table(frame), covariates="plan")
    assert model.coef == pytest.approx(expected.coef, rel=1e-11)
    assert model.terms == ("plan=b", "plan=c")
    assert fit_aft(frame, covariates="plan", reference={"plan": "b"}).terms[0] == "plan=a"


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_predictions_are_the_formula_of_the_docstring(distribution):
    """Cumulative hazard between two times, and additivity over stretches."""
    frame = customers(300)
    model = fit_aft(frame, covariates=["plan", "x"], distribution=distribution)
    mu = model.intercept + design_of(model, frame) @ model.beta
    for start, end in ((0, 3), (-1, 3), (2, 9), (5, 60)):
        hazard, variance = predicted(model, frame, start=start, end=end)
        for i in range(0, len(frame), 37):
            late, early = (
                cumulative(distribution, (math.log(t) - mu[i]) / model.scale) if t > 0 else 0.0
                for t in (end, start)
            )
            assert hazard[i] == pytest.approx(late - early, rel=1e-9)
        assert (variance > 0).all()
    through = (
        predicted(model, frame, start=2, end=5)[0] + predicted(model, frame, start=5, end=60)[0]
    )
    np.testing.assert_allclose(through, predicted(model, frame, start=2, end=60)[0], rtol=1e-10)
    longer = model.risk_score(design_of(model, frame))
    assert (np.argsort(longer) == np.argsort(-mu)).all()


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_variance_is_that_of_the_delta_method(distribution):
    """The derivatives of the cumulative hazard by differences, through the full covariance."""
    frame = customers(300)
    model = fit_aft(frame, covariates=["plan", "x"], distribution=distribution)
    point = np.array([model.intercept, *model.coef, model.log_scale])

    def hazards(values):
        given = {"intercept": values[0], "coef": tuple(values[1:-1]), "log_scale": values[-1]}
        return predicted(model.model_copy(update=given), frame, start=2, end=9)[0]

    step = 1e-5
    slopes = []
    for i in range(point.size):
        moved = np.eye(point.size)[i] * step
        slopes.append((hazards(point + moved) - hazards(point - moved)) / (2 * step))
    gradient = np.array(slopes).T
    expected = ((gradient @ np.array(model.full_covariance, float)) * gradient).sum(axis=1)
    np.testing.assert_allclose(predicted(model, frame, start=2, end=9)[1], expected, rtol=1e-6)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 2.5])
def test_expected_time_agrees_with_quadrature(distribution, sigma):
    """From new and old customers, over short and long horizons, against SciPy's quad."""
    from scipy.integrate import quad

    log_scale = 0.0 if distribution == "exponential" else math.log(sigma)
    fitted = fit_aft(TOY, distribution=distribution)
    model = fitted.model_copy(update={"intercept": 1.0, "log_scale": log_scale})
    one = TOY.iloc[:1]
    for start, horizon in ((0, 0.01), (0, 3), (0, 400), (1e-3, 3), (2, 0.5), (2, 50), (3.5, 2)):

        def survival(u, start=start):
            return math.exp(-predicted(model, one, start=start, end=start + u)[0][0])

        cuts = [0, *np.geomspace(1e-6, 1, 12) * horizon]
        expected = sum(quad(survival, *cut, epsabs=0, epsrel=1e-11)[0] for cut in pairwise(cuts))
        found = area(model, one, start=start, horizon=horizon)
        assert found[0] == pytest.approx(expected, rel=1e-7)


def test_closed_form_and_quadrature_agree_where_both_hold():
    """The Weibull's area against the log-logistic's rule applied to the Weibull."""
    from retention.survival.models import distributions

    model = fit_aft(TOY, covariates="x")
    closed = area(model, TOY, start=1.5, horizon=6)
    bare = distributions.DISTRIBUTIONS["weibull"].__class__(
        distributions.DISTRIBUTIONS["weibull"].cumulative,
        distributions.DISTRIBUTIONS["weibull"].end,
        distributions.DISTRIBUTIONS["weibull"].at_cumulative,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(distributions.DISTRIBUTIONS, "weibull", bare)
        np.testing.assert_allclose(area(model, TOY, start=1.5, horizon=6), closed, rtol=1e-8)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_expected_time_lies_between_nothing_and_the_horizon(distribution):
    """It rises with the horizon, and is the horizon itself where hardly anybody leaves."""
    frame = customers(300)
    model = fit_aft(frame, covariates=["plan", "x"], distribution=distribution)
    before = np.zeros(len(frame))
    for horizon in (1e-6, 0.1, 2.0, 30.0, 1e4):
        found = area(model, frame, start=4, horizon=horizon)
        assert (found >= before * (1 - 1e-9)).all()
        assert (found <= horizon * (1 + 1e-9)).all()
        before = found
    np.testing.assert_allclose(area(model, frame, start=4, horizon=1e-6), 1e-6, rtol=1e-5)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_json_and_back_predicts_bit_for_bit(distribution):
    """The value, its predictions, and its hash."""
    frame = customers(200)
    model = fit_aft(frame, covariates=["plan", "x"], distribution=distribution)
    again = AftModel.model_validate_json(model.model_dump_json())
    assert again == model
    assert hash(again) == hash(model)
    for one, other in zip(
        predicted(model, frame, start=1, end=9),
        predicted(again, frame, start=1, end=9),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    mine, theirs = (area(m, frame, start=1, horizon=9) for m in (model, again))
    np.testing.assert_array_equal(mine, theirs)


def test_constant_and_collinear_covariates_are_named_and_left_out():
    """The fit is the one without them; so are its predictions."""
    frame = customers(200).assign(one=3.0, twice=lambda t: 2 * t["x"] + 1)
    model = fit_aft(frame, covariates=["one", "x", "twice", "plan"])
    assert model.status == "converged"
    assert model.notes == (
        "'one' is a constant: left out.",
        "'twice' is a combination of 'x': left out.",
    )
    assert model.coef[0] is None
    assert model.coef[2] is None
    plain = fit_aft(frame, covariates=["x", "plan"])
    assert [c for c in model.coef if c is not None] == pytest.approx(plain.coef, rel=1e-9)
    for one, other in zip(
        predicted(model, frame, start=1, end=9),
        predicted(plain, frame, start=1, end=9),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-8)
    assert model.coefficients()["standard_error"].isna().tolist() == [
        True,
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_covariate_that_tells_who_leaves_is_named(distribution):
    """Nobody on plan "full" left: its coefficient has no bound, and nothing has errors."""
    frame = pd.DataFrame(
        {
            "duration": [1, 2, 3, 5, 2, 4, 6, 7],
            "churned": [True, True, True, False, False, False, False, False],
            "plan": ["basic"] * 4 + ["full"] * 4,
            "x": [1, 0, 1, 0, 1, 0, 1, 0],
        }
    )
    model = fit_aft(frame, covariates=["plan", "x"], distribution=distribution)
    assert model.status == "separated"
    assert [note for note in model.notes if "'plan=full' tells those who left" in note]
    assert all(value is None for row in model.full_covariance for value in row)
    hazard, variance = predicted(model, frame, start=0, end=5)
    assert (hazard[4:] < 1e-3).all()
    assert (hazard[:4] > 0.1).all()
    assert np.isnan(variance).all()
    assert model.coefficients()["p_value"].isna().all()


@pytest.mark.parametrize("distribution", ["weibull", "loglogistic", "lognormal"])
def test_ends_at_one_duration_are_a_flat_likelihood(distribution):
    """The spread goes to 0: a status and a note, no errors, no exception."""
    frame = pd.DataFrame({"duration": [3, 3, 2], "churned": [True, True, False]})
    model = fit_aft(frame, distribution=distribution)
    assert model.status == "flat"
    assert model.notes == ("All ends are at one duration, so their spread goes to 0.",)
    assert fit_aft(frame, distribution="exponential").status == "converged"


def test_who_was_censored_at_once_says_nothing():
    """Rows at duration 0 without an end are left out and counted in a note."""
    late = pd.concat([TOY, pd.DataFrame({"duration": [0], "churned": [False], "x": [1]})])
    model = fit_aft(late, covariates="x")
    plain = fit_aft(TOY, covariates="x")
    assert model.notes == ("1 spell censored at duration 0 says nothing: left out.",)
    assert model.model_copy(update={"notes": ()}) == plain


@pytest.mark.parametrize(
    ("spells", "asked", "error", "message"),
    [
        (TOY.assign(duration=[0, 1, 0, 0, 6, 8]), {}, ContentError, "2 ended at duration 0, whose"),
        (TOY.assign(churned=False), {}, ContentError, "nobody's end was seen"),
        (TOY, {"distribution": "gamma"}, RetentionError, "must be one of 'weibull', 'lognormal'"),
        (TOY, {"covariates": "y"}, RetentionError, "covariates names 'y', which is not a column"),
        (TOY, {"covariates": "duration"}, RetentionError, "'duration' is a column of spells"),
    ],
)
def test_what_cannot_be_fitted_is_refused(spells, asked, error, message):
    """The message says which column, how many rows and what to do."""
    with pytest.raises(error, match=message):
        fit_aft(spells, **asked)

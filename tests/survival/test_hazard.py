"""fit_hazard: against scikit-learn, a brute-force twin on rows, and Kaplan–Meier."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retention.errors import ColumnError, ContentError, RetentionError
from retention.survival.counts.person_periods import person_periods
from retention.survival.curves.kaplan_meier import survival_curve
from retention.survival.hazard.model import HazardModel, fit_hazard
from retention.survival.models.covariates import design_from_columns

LINKS = ("logit", "cloglog")


def chance(link, eta):
    """The hazard whose link is η."""
    if link == "logit":
        return 1 / (1 + math.exp(-eta))
    return 1 - math.exp(-math.exp(eta))


def months(n=600, *, seed=1, late=True, link="logit", gamma=0.0, until=24):
    """Simulated spells in whole months with a plan, a flag and a number, some entered late."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "plan": rng.choice(["a", "b", "c"], n),
            "app": rng.random(n) < 0.4,
            "x": rng.normal(size=n).round(2),
        }
    )
    eta = -2.5 + 0.5 * (frame["plan"] == "b") - 0.4 * (frame["plan"] == "c") + 0.3 * frame["x"]
    ended = np.full(n, 1_000)
    for j in range(1, until + 1):
        changing = eta + (0.4 + gamma * math.log(j)) * frame["app"]
        hazard = np.array([chance(link, value) for value in changing])
        ended = np.where((ended == 1_000) & (rng.random(n) < hazard), j, ended)
    censored = rng.integers(1, until + 1, n)
    frame["duration"], frame["churned"] = np.minimum(ended, censored), ended <= censored
    if late:
        frame["entry"] = np.where(rng.random(n) < 0.4, rng.integers(0, 6, n), 0)
        frame = frame[(frame["entry"] < frame["duration"]) | (frame["entry"] == 0)]
    return frame.reset_index(drop=True)


def expanded(frame, covariates, **units):
    """Person-periods and their design: a column per term, then a column per level with ends."""
    rows = person_periods(frame, keep=covariates, **units)
    ended = rows.groupby("interval")["churned"].agg(["any", "all"])
    own = ended.index[ended["any"] & ~ended["all"]]
    rows = rows[rows["interval"].isin(own)].reset_index(drop=True)
    columns = {"plan": [rows["plan"] == "b", rows["plan"] == "c"]} if "plan" in rows else {}
    columns |= {name: [rows[name]] for name in ("app", "x") if name in rows}
    terms = [values for name in columns for values in columns[name]]
    levels = [rows["interval"] == j for j in own]
    return rows, np.array([*terms, *levels], np.float64).T


def brute_force(link, y, design):
    """Fisher scoring on the rows, one coefficient a level."""
    beta = np.zeros(design.shape[1])
    for _ in range(60):
        eta = design @ beta
        if link == "logit":
            p = 1 / (1 + np.exp(-eta))
            slope = p * (1 - p)
        else:
            m = np.exp(eta)
            p, slope = -np.expm1(-m), m * np.exp(-m)
        weight = slope**2 / (p * (1 - p))
        score = design.T @ ((y - p) * slope / (p * (1 - p)))
        step = np.linalg.solve((design * weight[:, None]).T @ design, score)
        beta = beta + step
        if np.abs(step).max() < 1e-12:
            break
    return beta, p


def design_of(model, frame):
    """The covariates of a frame as the model multiplies them."""
    columns = {covariate.name: frame[covariate.name].to_numpy() for covariate in model.covariates}
    return design_from_columns(model.covariates, columns, len(frame))


def predicted(model, frame, *, start, end):
    """Cumulative hazard and variance of each row, from one time to another."""
    times = (np.full(len(frame), float(time)) for time in (start, end))
    return model.hazard_between(design_of(model, frame), np.zeros(len(frame), int), *times)


def area(model, frame, *, start, horizon):
    """Expected time of each row within a horizon."""
    times = np.full(len(frame), float(start))
    return model.area_between(design_of(model, frame), np.zeros(len(frame), int), times, horizon)


MONTHS = {"unit": "month", "duration_unit": "month"}


@pytest.mark.parametrize("covariates", [["plan", "app"], ["plan", "app", "x"]])
def test_logit_agrees_with_scikit_learn(covariates):
    """Coefficients and levels of its unpenalised regression on person-periods, under late entry."""
    from sklearn.linear_model import LogisticRegression

    frame = months()
    rows, design = expanded(frame, covariates, **MONTHS)
    fitter = LogisticRegression(
        C=np.inf, solver="newton-cholesky", tol=1e-12, fit_intercept=False, max_iter=200
    )
    theirs = fitter.fit(design, rows["churned"]).coef_[0]
    model = fit_hazard(frame, covariates=covariates, **MONTHS)
    n = len(model.coef)
    assert model.coef == pytest.approx(theirs[:n], abs=1e-8)
    own = [level for level in model.level if level is not None]
    assert own == pytest.approx(theirs[n:], abs=1e-8)
    assert model.status == "converged"


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("covariates", [["plan", "app"], ["plan", "app", "x"]])
def test_agrees_with_newton_on_the_rows(link, covariates):
    """Coefficients, levels, likelihood and errors of both links, on the expanded table."""
    frame = months(link=link)
    rows, design = expanded(frame, covariates, **MONTHS)
    y = rows["churned"].to_numpy(np.float64)
    beta, p = brute_force(link, y, design)
    model = fit_hazard(frame, covariates=covariates, link=link, **MONTHS)
    n = len(model.coef)
    assert model.coef == pytest.approx(beta[:n], abs=1e-9)
    assert [each for each in model.level if each is not None] == pytest.approx(beta[n:], abs=1e-9)
    log_likelihood = (y * np.log(p) + (1 - y) * np.log1p(-p)).sum()
    assert model.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)
    if link == "logit":
        covariance = np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design)
        np.testing.assert_allclose(np.array(model.covariance), covariance[:n, :n], rtol=1e-7)
    if link == "cloglog":
        bend = observed(y, design @ beta)
        covariance = np.linalg.inv(-(design * bend[:, None]).T @ design)
        np.testing.assert_allclose(np.array(model.covariance), covariance[:n, :n], rtol=1e-5)


def observed(y, eta, step=1e-4):
    """Second derivative of y log h + (1 − y) log(1 − h), by differences (cloglog)."""

    def value(at):
        m = np.exp(at)
        return y * np.log(-np.expm1(-m)) - (1 - y) * m

    return (value(eta + step) - 2 * value(eta) + value(eta - step)) / step**2


def test_without_covariates_it_is_kaplan_meier_of_the_intervals():
    """Hazards are ended / at risk, and survival the product of their complements."""
    frame = months()
    curve = survival_curve(frame)
    for link in LINKS:
        model = fit_hazard(frame, link=link, **MONTHS)
        table = model.hazards()
        expected = table["n_churned"] / table["n_at_risk"]
        np.testing.assert_allclose(table["hazard"], expected, rtol=1e-12)
        for duration, survival in zip(curve["duration"], curve["survival"], strict=True):
            hazard, _ = predicted(model, frame.iloc[:1], start=0, end=duration)
            assert math.exp(-hazard[0]) == pytest.approx(survival, rel=1e-12)
        assert model.log_likelihood == pytest.approx(model.log_likelihood_null, rel=1e-14)
        greenwood = (
            table["n_churned"] / (table["n_at_risk"] * (table["n_at_risk"] - table["n_churned"]))
        ).cumsum()
        variance = [predicted(model, frame.iloc[:1], start=0, end=j)[1][0] for j in (1, 5, 20)]
        assert variance == pytest.approx(greenwood[[0, 4, 19]].tolist(), rel=1e-9)


spell = st.fixed_dictionaries(
    {
        "duration": st.integers(0, 6),
        "churned": st.booleans(),
        "entry": st.sampled_from([0, 0, 0, 1, 2]),
        "plan": st.sampled_from(["a", "b", "c"]),
        "x": st.integers(0, 2),
        "n_spells": st.integers(1, 3),
    }
)


@pytest.mark.parametrize("link", LINKS)
@given(rows=st.lists(spell, min_size=4, max_size=20))
def test_agrees_with_the_likelihood_written_out(link, rows):
    """Counts and value are those of a loop over spells and months; no point beside it is better."""
    frame = pd.DataFrame(rows)
    frame = frame[(frame["entry"] < frame["duration"]) | (frame["entry"] == 0)]
    cells = []
    origin = 0 if (frame["churned"] & (frame["duration"] == 0)).any() else 1
    for row in frame.to_dict("records"):
        first = row["entry"] + 1 if row["entry"] else origin
        for j in range(first, row["duration"] + 1):
            ended = row["churned"] and j == row["duration"]
            cells.append((j, ended, row["plan"], row["x"], row["n_spells"]))
    assume(any(ended for _, ended, *_ in cells))
    model = fit_hazard(frame, covariates=["plan", "x"], link=link, **MONTHS)
    table = model.hazards().set_index("interval")
    for j in table.index:
        assert table["n_at_risk"][j] == sum(n for k, _, _, _, n in cells if k == j)
        assert table["n_churned"][j] == sum(n for k, ended, _, _, n in cells if k == j and ended)
    assume(model.status == "converged")
    level = dict(zip(model.intervals, model.level, strict=True))

    def value(d_plan=0.0, d_x=0.0, d_level=0.0):
        beta = dict(zip(model.terms, model.beta, strict=True))
        total = 0.0
        for j, ended, plan, x, n in cells:
            if level[j] is not None:
                eta = level[j] + d_level + beta.get(f"plan={plan}", 0) + beta["x"] * x
                eta += d_plan * (plan == "b" and "plan=b" in beta) + d_x * x
                h = chance(link, eta)
                total += n * math.log(h if ended else 1 - h)
        return total

    assert value() == pytest.approx(model.log_likelihood, rel=1e-9, abs=1e-9)
    told = dict(zip(model.terms, model.coef, strict=True))
    for step in (1e-3, -1e-3):
        assert value(d_level=step) <= model.log_likelihood + 1e-9
        if told["x"] is not None:
            assert value(d_x=step) <= model.log_likelihood + 1e-9
        if told.get("plan=b") is not None:
            assert value(d_plan=step) <= model.log_likelihood + 1e-9


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("covariates", [["plan"], ["plan", "x"]])
def test_collapsed_and_expanded_rows_give_the_same_fit(link, covariates):
    """Rows that stand for several spells, or as many rows."""
    few = months(120)
    few["n_spells"] = np.arange(len(few)) % 4 + 1
    many = few.loc[few.index.repeat(few["n_spells"])].drop(columns="n_spells")
    many = many.sample(frac=1, random_state=3)
    asked = {"covariates": covariates, "link": link, "varying": "plan", **MONTHS}
    one, other = (fit_hazard(frame, **asked) for frame in (few, many))
    assert one.coef == pytest.approx(other.coef, rel=1e-11, abs=1e-12)
    assert one.varying_coef == pytest.approx(other.varying_coef, rel=1e-11, abs=1e-12)
    assert (one.ended, one.at_risk) == (other.ended, other.at_risk)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)
    both = [np.array(model.effect_covariance) for model in (one, other)]
    np.testing.assert_allclose(*both, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("link", LINKS)
def test_few_values_and_a_value_for_each_spell_are_fitted_alike(link):
    """The counts of patterns and those of single spells are the same likelihood."""
    frame = months(300).assign(jitter=lambda t: t["x"] + np.arange(len(t)) * 1e-12)
    counts, rows = (
        fit_hazard(frame, covariates=["plan", name], link=link, **MONTHS)
        for name in ("x", "jitter")
    )
    assert counts.coef == pytest.approx(rows.coef, rel=1e-9)
    assert counts.log_likelihood == pytest.approx(rows.log_likelihood, rel=1e-11)


def test_days_are_counted_in_months_as_person_periods_does():
    """The same counts as the table; the same fit as that of its months."""
    rng = np.random.default_rng(3)
    frame = months().drop(columns="entry")
    days = frame.assign(duration=rng.integers(1, 700, len(frame)))
    model = fit_hazard(days, covariates=["plan", "app"])
    rows = person_periods(days)
    counts = rows.groupby("interval")["churned"].agg(["size", "sum"])
    assert list(model.at_risk) == counts["size"].tolist()
    assert list(model.ended) == counts["sum"].tolist()
    assert model.follow_up == pytest.approx(len(counts) * 30.4375)
    assert model.n_spells == int((days["churned"] | (days["duration"] >= 30.4375)).sum())


@pytest.mark.parametrize("link", LINKS)
def test_the_truth_is_found_under_late_entry(link):
    """Effects that last and one that changes over time, within four standard errors."""
    frame = months(20_000, seed=5, link=link, gamma=0.3)
    model = fit_hazard(frame, covariates=["plan", "app", "x"], varying="app", link=link, **MONTHS)
    found = np.array([*model.coef, *model.varying_coef])
    error = np.sqrt(np.diagonal(np.array(model.effect_covariance)))
    assert (np.abs(found - [0.5, -0.4, 0.4, 0.3, 0.3]) <= 4 * error).all()
    table = model.coefficients()
    assert table["term"].tolist() == ["plan=b", "plan=c", "app", "x", "app × log(time)"]
    assert table["reference"].tolist()[:2] == ["a", "a"]
    np.testing.assert_allclose(table["coef"], found)
    np.testing.assert_allclose(table["standard_error"], error)


def test_cloglog_is_a_cox_model_cut_into_months():
    """Exponential lifetimes in days: the log hazard ratio of continuous time is found."""
    rng = np.random.default_rng(2)
    n = 40_000
    app = rng.random(n) < 0.5
    time = rng.exponential(300 * np.exp(-0.7 * app))
    frame = pd.DataFrame({"duration": np.minimum(time, 900), "churned": time <= 900, "app": app})
    model = fit_hazard(frame, covariates="app", link="cloglog")
    assert abs(model.coef[0] - 0.7) < 4 * model.standard_errors[0]


@pytest.mark.parametrize("link", LINKS)
def test_predictions_are_products_of_months_stayed(link):
    """Months that end after the start and by the end, from any time within a month."""
    frame = months()
    asked = {"covariates": ["plan", "app", "x"], "varying": ["app", "plan"], "link": link}
    model = fit_hazard(frame, **asked, **MONTHS)
    few = frame.iloc[:8]
    effects = model.beta, np.array(model.varying_coef)
    for start, end in ((0, 3), (0, 0.9), (2, 9), (2.5, 9.5), (7, 24), (4.2, 4.8)):
        hazard, _ = predicted(model, few, start=start, end=end)
        for i, x in enumerate(design_of(model, few)):
            stayed = 1.0
            for j, level in zip(model.intervals, model.level, strict=True):
                if start < j <= end and level is not None:
                    change = math.log(j) * (x[:3] @ effects[1])
                    stayed *= 1 - chance(link, level + x @ effects[0] + change)
            assert math.exp(-hazard[i]) == pytest.approx(stayed, rel=1e-10)
    beyond = predicted(model, few, start=0, end=25)
    assert np.isnan(beyond).all()
    assert model.follow_up == 24


@pytest.mark.parametrize("link", LINKS)
def test_expected_time_is_the_area_under_the_steps(link):
    """Against a fine sum of the survival of the same model."""
    frame = months()
    model = fit_hazard(frame, covariates=["plan", "app"], varying="app", link=link, **MONTHS)
    few = frame.iloc[:6]
    for start, horizon in ((0, 5), (0, 0.5), (2.25, 7.5), (3, 21)):
        n = int(horizon * 4)
        middles = start + (np.arange(n) + 0.5) / 4
        steps = [np.exp(-predicted(model, few, start=start, end=t)[0]) for t in middles]
        expected = np.sum(steps, axis=0) / 4
        np.testing.assert_allclose(area(model, few, start=start, horizon=horizon), expected)
    assert np.isnan(area(model, few, start=3, horizon=23)).all()


@pytest.mark.parametrize("link", LINKS)
def test_variance_is_that_of_the_delta_method(link):
    """Derivatives by differences, through the covariance of all coefficients and levels."""
    frame = months(until=8)
    asked = {"covariates": ["plan", "x"], "varying": ["x"], "link": link}
    model = fit_hazard(frame, **asked, **MONTHS)
    rows, design = expanded(frame, ["plan", "x"], **MONTHS)
    drift = (rows["x"] * np.log(rows["interval"])).to_numpy()[:, None]
    design = np.concatenate([design[:, :3], drift, design[:, 3:]], axis=1)
    point = np.array([*model.coef, *model.varying_coef, *model.level])
    y = rows["churned"].to_numpy(np.float64)
    if link == "logit":
        p = 1 / (1 + np.exp(-design @ point))
        bend = -p * (1 - p)
    else:
        bend = observed(y, design @ point)
    covariance = np.linalg.inv(-(design * bend[:, None]).T @ design)
    few = frame.iloc[:10]

    def hazards(values):
        given = {
            "coef": tuple(values[:3]),
            "varying_coef": tuple(values[3:4]),
            "level": tuple(values[4:]),
        }
        return predicted(model.model_copy(update=given), few, start=2, end=7)[0]

    moves = np.eye(point.size) * 1e-5
    gradient = np.array([(hazards(point + m) - hazards(point - m)) / 2e-5 for m in moves]).T
    expected = ((gradient @ covariance) * gradient).sum(axis=1)
    found = predicted(model, few, start=2, end=7)[1]
    np.testing.assert_allclose(found, expected, rtol=1e-6 if link == "logit" else 1e-4)


@pytest.mark.parametrize("link", LINKS)
def test_json_and_back_predicts_bit_for_bit(link):
    """The value, its predictions, and its hash."""
    frame = months(200)
    model = fit_hazard(frame, covariates=["plan", "x"], varying="x", link=link, **MONTHS)
    again = HazardModel.model_validate_json(model.model_dump_json())
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


def test_who_is_at_higher_risk_stays_less_likely():
    """The score orders customers as their survival does, where effects do not change."""
    frame = months()
    model = fit_hazard(frame, covariates=["plan", "app", "x"], **MONTHS)
    score = model.risk_score(design_of(model, frame))
    hazard, _ = predicted(model, frame, start=3, end=12)
    order = np.argsort(score, kind="stable")
    assert (np.diff(hazard[order]) >= -1e-12).all()
    varying = fit_hazard(frame, covariates=["plan", "app", "x"], varying="app", **MONTHS)
    both = varying.risk_score(design_of(varying, frame)), score
    assert np.corrcoef(*both)[0, 1] > 0.95


def test_the_fit_is_the_same_on_every_engine(engine):
    """Whoever counts, the coefficients agree."""
    frame = months(200).drop(columns="x")
    expected = fit_hazard(frame, covariates=["plan", "app"], **MONTHS)
    model = fit_hazard(engine.table(frame), covariates=["plan", "app"], **MONTHS)
    assert model.terms == expected.terms == ("plan=b", "plan=c", "app")
    assert model.coef == pytest.approx(expected.coef, rel=1e-10)
    assert model.ended == expected.ended


def test_months_in_which_nobody_or_everybody_leaves_have_no_level():
    """Their hazard is exactly 0 and exactly 1; nobody survives the last."""
    frame = pd.DataFrame(
        {"duration": [1, 1, 3, 3, 3, 2], "churned": [True, False, True, True, True, False]}
    )
    model = fit_hazard(frame, **MONTHS)
    table = model.hazards()
    assert table["n_at_risk"].tolist() == [6, 4, 3]
    assert table["hazard"].tolist() == pytest.approx([1 / 6, 0.0, 1.0])
    assert [level is None for level in model.level] == [False, True, True]
    hazard, variance = predicted(model, frame.iloc[:1], start=0, end=2)
    assert math.exp(-hazard[0]) == pytest.approx(5 / 6)
    hazard, variance = predicted(model, frame.iloc[:1], start=0, end=3)
    assert np.isposinf(hazard[0])
    assert np.isnan(variance[0])
    assert area(model, frame.iloc[:1], start=0, horizon=3)[0] == pytest.approx(1 + 2 * 5 / 6)


def test_ends_at_once_are_in_interval_0():
    """Half of four leave at duration 0; those who asked from before see that drop, others not."""
    frame = pd.DataFrame({"duration": [0, 0, 0, 2], "churned": [True, True, False, True]})
    model = fit_hazard(frame, **MONTHS)
    assert model.intervals == (0, 1, 2)
    assert model.at_risk == (4, 1, 1)
    assert math.exp(-predicted(model, frame.iloc[:1], start=-1, end=0)[0][0]) == pytest.approx(0.5)
    assert predicted(model, frame.iloc[:1], start=0, end=1)[0][0] == 0
    assert area(model, frame.iloc[:1], start=-1, horizon=2)[0] == pytest.approx(0.5)


def test_constant_and_collinear_covariates_are_named_and_left_out():
    """The fit is the one without them; so are its predictions."""
    frame = months(300).assign(one=3.0, twice=lambda t: 2 * t["x"] + 1)
    model = fit_hazard(
        frame, covariates=["one", "x", "twice", "plan"], varying=["twice", "x"], **MONTHS
    )
    assert model.status == "converged"
    assert model.notes == (
        "'one' is a constant: left out.",
        "'twice' is a combination of 'x': left out.",
    )
    assert [c is None for c in model.coef] == [True, False, True, False, False]
    assert [c is None for c in model.varying_coef] == [False, True]
    plain = fit_hazard(frame, covariates=["x", "plan"], varying="x", **MONTHS)
    assert [c for c in model.coef if c is not None] == pytest.approx(plain.coef, rel=1e-9)
    for one, other in zip(
        predicted(model, frame, start=1, end=9),
        predicted(plain, frame, start=1, end=9),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-8)


@pytest.mark.parametrize("link", LINKS)
def test_a_covariate_that_tells_who_leaves_is_named(link):
    """Nobody on plan "full" left: its coefficient has no bound, and nothing has errors."""
    frame = pd.DataFrame(
        {
            "duration": [1, 2, 3, 3, 2, 3, 3, 3],
            "churned": [True, True, True, False, False, False, False, False],
            "plan": ["basic"] * 4 + ["full"] * 4,
            "x": [1, 0, 1, 0, 1, 0, 1, 0],
        }
    )
    model = fit_hazard(frame, covariates=["plan", "x"], link=link, **MONTHS)
    assert model.status == "separated"
    assert [note for note in model.notes if "'plan=full' tells those who left" in note]
    assert all(value is None for row in model.effect_covariance for value in row)
    hazard, variance = predicted(model, frame, start=0, end=3)
    assert (hazard[4:] < 1e-3).all()
    assert np.isnan(variance).all()
    assert model.coefficients()["p_value"].isna().all()


def test_what_one_month_cannot_tell_is_left_out():
    """With ends in one month only, how an effect changes over time cannot be told."""
    frame = pd.DataFrame(
        {"duration": [1] * 8, "churned": [True, True, False, False] + [True] + [False] * 3}
    ).assign(app=[True] * 4 + [False] * 4)
    model = fit_hazard(frame, covariates="app", varying="app", **MONTHS)
    assert model.coef == pytest.approx((math.log(3),), abs=1e-9)
    assert model.varying_coef == (None,)
    assert model.notes == ("Ends are in one interval only: how effects change is left out.",)


def test_if_everybody_left_at_once_nothing_is_told():
    """The hazard is 1 for all; covariates say nothing."""
    frame = pd.DataFrame({"duration": [1, 1], "churned": [True, True], "x": [1, 2]})
    model = fit_hazard(frame, covariates="x", **MONTHS)
    assert model.coef == (None,)
    assert model.hazards()["hazard"].tolist() == [1.0]
    assert model.log_likelihood == 0


@pytest.mark.parametrize(
    ("change", "asked", "error", "message"),
    [
        ({}, {"link": "probit"}, RetentionError, "link must be one of 'logit', 'cloglog'"),
        ({}, {"unit": "hour"}, RetentionError, "unit must be one of 'day'"),
        ({}, {"covariates": "x", "varying": "app"}, RetentionError, "varying names 'app', which"),
        ({}, {"covariates": "y"}, ColumnError, "covariates names 'y', which is not a column"),
        ({"churned": False}, {}, ContentError, "nobody's end was seen in an interval"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, asked, error, message):
    """The message says which argument, what it was and what would do."""
    with pytest.raises(error, match=message):
        fit_hazard(months(50).assign(**change), **{**MONTHS, **asked})

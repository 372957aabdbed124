"""fit_cox: closed forms, R's numbers, loops over customers, and data that tell nothing."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from cox_twins import Twin, at_risk, expanded, gradient, hessian, ties_galore, written_out

TOY = pd.DataFrame(
    {
        "duration": [9, 1, 1, 6, 6, 8],
        "churned": [True, True, False, True, True, False],
        "x": [0, 1, 1, 1, 0, 0],
    }
)
NAMES = ["age", "price"]
TIES = pytest.mark.parametrize("ties", ["efron", "breslow"])
seeds = st.integers(0, 10**6)


def spells(duration, churned, **columns):
    """Spells as a table."""
    return pd.DataFrame({"duration": duration, "churned": np.array(churned, bool), **columns})


def as_churn(table, duration, event):
    """A published data set under our names."""
    named = table.rename(columns={duration: "duration", event: "churned"})
    return named.assign(churned=named["churned"] == 1)


def lung():
    """228 patients of R's survival package, as lifelines ships them (status 1: died)."""
    from lifelines.datasets import load_lung

    return as_churn(load_lung(), "time", "status")


def rossi():
    """432 released prisoners, as lifelines ships them."""
    from lifelines.datasets import load_rossi

    return as_churn(load_rossi(), "week", "arrest")


def test_breslow_toy_is_the_closed_form():
    """Therneau and Grambsch, appendix E: β = log r with r = 3/2 + √33/2."""
    model = rt.fit_cox(TOY, covariates="x", ties="breslow")
    r = 1.5 + np.sqrt(33) / 2
    assert model.coef[0] == pytest.approx(np.log(r), abs=1e-10)
    assert model.log_likelihood == pytest.approx(
        2 * np.log(r) - np.log(3 * r + 3) - 2 * np.log(r + 3)
    )
    information = r / (r + 1) ** 2 + 6 * r / (r + 3) ** 2
    assert model.covariance[0][0] == pytest.approx(1 / information, rel=1e-9)


def test_efron_toy_solves_its_cubic():
    """Same source: β = 1.676857, and log L = 2β − log(3r+3) − log(r+3) − log((r+5)/2)."""
    model = rt.fit_cox(TOY, covariates="x")
    assert round(model.coef[0], 6) == 1.676857
    r = np.exp(model.coef[0])
    logs = np.log([3 * r + 3, r + 3, (r + 5) / 2])
    assert model.log_likelihood == pytest.approx(2 * np.log(r) - logs.sum())


def test_lung_by_age_and_sex_is_what_r_prints():
    """R survival 3.8: coxph(Surv(time, status) ~ age + sex, lung)."""
    model = rt.fit_cox(lung(), covariates=["age", "sex"])
    table = model.coefficients().set_index("term")
    assert table["coef"].round(6).tolist() == [0.017045, -0.513219]
    assert table["standard_error"].round(6).tolist() == [0.009223, 0.167458]
    assert model.tests()["statistic"].round(2).tolist() == [14.12, 13.47, 13.72]
    assert model.tests()["degrees_of_freedom"].tolist() == [2, 2, 2]
    assert round(model.log_likelihood, 5) == -742.84825
    assert (model.n_spells, model.n_churned) == (228, 165)
    scored = rt.survival.with_predictions(
        lung()[["duration", "churned", "age", "sex"]], model=model
    )
    assert rt.survival.concordance(scored)["concordance"].round(3).tolist() == [0.603]


def test_lung_by_performance_and_age_is_what_r_prints():
    """R survival 3.8: coxph(Surv(time, status) ~ ph.ecog + age, lung)."""
    model = rt.fit_cox(lung().dropna(subset=["ph.ecog"]), covariates=["ph.ecog", "age"])
    table = model.coefficients()
    assert table["coef"].round(6).tolist() == [0.443485, 0.011281]
    assert table["standard_error"].round(6).tolist() == [0.115831, 0.009319]
    assert model.n_spells == 227
    assert round(model.tests()["statistic"][0], 2) == 19.06


def test_rossi_is_what_r_prints():
    """Fox and Weisberg (2011), appendix on Cox regression; log-likelihood from R."""
    names = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    model = rt.fit_cox(rossi(), covariates=names)
    coef = [-0.3794222, -0.0574377, 0.3138998, -0.1497957, -0.4337039, -0.0848711, 0.0914971]
    error = [0.19138, 0.02200, 0.30799, 0.21222, 0.38187, 0.19576, 0.02865]
    table = model.coefficients()
    assert table["coef"].round(7).tolist() == coef
    assert table["standard_error"].round(5).tolist() == error
    assert round(model.log_likelihood, 5) == -658.74766
    assert round(model.tests()["statistic"][0], 2) == 33.27


def test_rossi_in_strata_is_what_r_prints():
    """R: coxph(Surv(week, arrest) ~ fin + age + wexp + mar + paro + prio + strata(race))."""
    names = ["fin", "age", "wexp", "mar", "paro", "prio"]
    model = rt.fit_cox(rossi(), covariates=names, strata="race")
    coef = [-0.3788, -0.0576, -0.1427, -0.4388, -0.0858, 0.0922]
    assert model.coefficients()["coef"].round(4).tolist() == coef
    assert model.stratum_keys == (("0",), ("1",))


def test_stanford_heart_with_changing_covariates_is_what_r_prints():
    """R: coxph(Surv(start, stop, event) ~ age + year + surgery + transplant, heart)."""
    from lifelines.datasets import load_stanford_heart_transplants

    heart = as_churn(load_stanford_heart_transplants(), "stop", "event")
    heart = heart.rename(columns={"start": "entry"})
    names = ["age", "year", "surgery", "transplant"]
    model = rt.fit_cox(heart, covariates=names)
    assert model.coefficients()["coef"].round(4).tolist() == [0.0272, -0.1463, -0.6372, -0.0103]
    clustered = rt.fit_cox(heart, covariates=names, cluster="id")
    assert clustered.coef == model.coef


@TIES
@given(seed=seeds, strata=st.booleans())
def test_coefficients_maximise_the_likelihood_written_in_loops(ties, seed, strata):
    """With entry, weights, strata and heavy ties: value, gradient 0 and Hessian by differences."""
    table = ties_galore(seed)
    within = ["plan"] if strata else []
    model = rt.fit_cox(table, covariates=NAMES, strata=within, ties=ties)
    if model.status != "converged" or None in model.coef:
        return

    twin = Twin(written_out(table), NAMES, ties=ties, within=within).log_likelihood
    information = -hessian(twin, model.coef)
    assert model.log_likelihood == pytest.approx(twin(model.coef), rel=1e-12)
    assert model.log_likelihood_null == pytest.approx(twin([0.0, 0.0]), rel=1e-12)
    assert np.abs(gradient(twin, model.coef)).max() < 1e-7 * np.sqrt(information.max())
    np.testing.assert_allclose(np.linalg.inv(np.array(model.covariance)), information, rtol=1e-5)


def test_most_of_those_small_tables_can_be_fitted():
    """The test above is not empty."""
    models = [rt.fit_cox(ties_galore(seed), covariates=NAMES, strata="plan") for seed in range(40)]
    assert sum(model.status == "converged" for model in models) > 30


@TIES
@given(seed=seeds)
def test_baseline_is_the_one_written_in_loops(ties, seed):
    """1/(S0 − l/d D0) for each end, brought from covariates of 0 to their means.

    Beyond a time at which nobody was watched it is not known, and the row says so.
    """
    table = ties_galore(seed)
    model = rt.fit_cox(table, covariates=NAMES, strata="plan", ties=ties)
    found = model.baseline()
    kept = [c or 0.0 for c in model.coef]
    lift = np.exp(np.dot(kept, model.means))
    twin = Twin(written_out(table), NAMES, ties=ties, within=["plan"])
    for (plan,), steps in twin.baseline(kept).items():
        own = found[found["plan"] == plan]
        assert own["duration"].tolist() == [time for time, _, _ in steps]
        expected = np.cumsum([added for _, added, _ in steps]) * lift
        seen = own["note"].isna().to_numpy()
        expected[~seen] = np.nan
        np.testing.assert_allclose(own["cumulative_hazard"], expected, rtol=1e-9)
        np.testing.assert_allclose(own["survival"], np.exp(-own["cumulative_hazard"]))


@TIES
@given(seed=seeds)
def test_collapsed_rows_give_what_the_rows_written_out_give(ties, seed):
    """Coefficients, errors, likelihoods and baselines, to 1e-12, with entry and strata."""
    table = ties_galore(seed, n=40)
    asked = {"covariates": NAMES, "strata": "plan", "ties": ties}
    few, many = rt.fit_cox(table, **asked), rt.fit_cox(expanded(table), **asked)
    assert few.status == many.status
    for name in ("n_spells", "n_churned", "status", "stratum_keys"):
        assert getattr(few, name) == getattr(many, name)
    if few.status != "converged":
        return
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(few.beta, many.beta, **close)
    np.testing.assert_allclose(few.standard_errors, many.standard_errors, **close)
    assert few.log_likelihood == pytest.approx(many.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(
        few.baseline()["cumulative_hazard"], many.baseline()["cumulative_hazard"], **close
    )
    for one, other in zip(few.baselines, many.baselines, strict=True):
        np.testing.assert_allclose(one.variance, other.variance, **close)
        np.testing.assert_allclose(one.drift, other.drift, rtol=1e-10, atol=1e-11)


def test_labels_are_collapsed_by_the_engine_without_a_trace():
    """A thousand customers of six kinds: a covariate of text is counted before the fit."""
    rng = np.random.default_rng(5)
    plan = rng.choice(["basic", "full", "max"], 1000)
    table = spells(rng.integers(1, 9, 1000), rng.random(1000) < 0.5, plan=plan)
    counted = table.groupby(["duration", "churned", "plan"], as_index=False).size()
    counted = counted.rename(columns={"size": "n_spells"})
    numbers = table.assign(**{level: (plan == level) * 1.0 for level in ("full", "max")})
    models = [
        rt.fit_cox(table, covariates="plan"),
        rt.fit_cox(counted, covariates="plan"),
        rt.fit_cox(numbers, covariates=["full", "max"]),
    ]
    for other in models[1:]:
        np.testing.assert_allclose(models[0].beta, other.beta, rtol=1e-11)
        np.testing.assert_allclose(models[0].standard_errors, other.standard_errors, rtol=1e-11)
        assert models[0].n_spells == other.n_spells == 1000


def test_millions_of_ends_at_one_time_are_taken_some_at_a_time():
    """Efron's terms of 2.5 million ends, against the sum of all of them at once."""
    table = spells([3, 5, 5], [True, True, False], n_spells=[2_500_000, 10, 10])
    model = rt.fit_cox(table)
    expected = np.sum(1 / (2_500_020 - np.arange(2_500_000.0)))
    assert model.baselines[0].cumulative_hazard[0] == pytest.approx(expected, rel=1e-12)


@given(seed=seeds)
def test_without_ties_efron_is_breslow(seed):
    """One end at a time: the same numbers to the last bit."""
    rng = np.random.default_rng(seed)
    table = spells(rng.permutation(30) + 1, rng.random(30) < 0.7, x=rng.normal(size=30))
    one, other = (rt.fit_cox(table, covariates="x", ties=ties) for ties in ("efron", "breslow"))
    assert one.model_copy(update={"ties": "breslow"}) == other


@given(seed=seeds, strata=st.booleans())
def test_null_model_of_breslow_is_nelson_aalen(seed, strata):
    """Without covariates the baseline is that of the counts, under the same late entry."""
    table = ties_galore(seed)
    within = ["plan"] if strata else []
    found = rt.fit_cox(table, strata=within, ties="breslow").baseline()
    counts = rt.survival.cumulative_hazard(table, by=within)
    ends = counts[counts["n_churned"] > 0].reset_index(drop=True)
    assert found["duration"].tolist() == ends["duration"].tolist()
    np.testing.assert_allclose(found["cumulative_hazard"], ends["cumulative_hazard"], rtol=1e-12)


@given(seed=seeds)
def test_null_model_of_efron_lets_ties_leave_one_by_one(seed):
    """H is ΣΣ 1/(n − l) over the d ends at each duration, under late entry."""
    table = ties_galore(seed)
    rows, total, expected = written_out(table), 0.0, []
    for time in sorted({row["duration"] for row in rows if row["churned"]}):
        n = sum(at_risk(row, time) for row in rows)
        d = sum(at_risk(row, time) and row["churned"] and row["duration"] == time for row in rows)
        total += sum(1 / (n - rank) for rank in range(d))
        expected.append(total)
    model = rt.fit_cox(table)
    np.testing.assert_allclose(model.baselines[0].cumulative_hazard, expected, rtol=1e-12)
    assert model.coefficients().empty
    assert model.tests()["p_value"].isna().all()
    assert model.log_likelihood == model.log_likelihood_null


def test_robust_errors_are_those_of_lifelines():
    """Lin and Wei's covariance without ties, where the two agree by definition."""
    from lifelines import CoxPHFitter

    rng = np.random.default_rng(3)
    table = spells(
        rng.exponential(size=300),
        rng.random(300) < 0.7,
        age=rng.normal(size=300),
        price=rng.normal(size=300),
        customer_id=rng.integers(0, 80, 300),
    )
    model = rt.fit_cox(table, covariates=NAMES, cluster="customer_id")
    other = CoxPHFitter().fit(table, "duration", "churned", cluster_col="customer_id")
    np.testing.assert_allclose(model.beta, other.params_, rtol=1e-6)
    np.testing.assert_allclose(model.standard_errors, other.standard_errors_, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*overlap")  # rows of one cluster do, on purpose
@TIES
@given(seed=seeds, strata=st.booleans())
def test_robust_errors_are_those_written_in_loops(ties, seed, strata):
    """Score residuals added up within customers who have several spells, with entry and weights."""
    table = ties_galore(seed, n=30)
    table["customer_id"] = np.random.default_rng(seed).integers(0, 12, len(table)).astype(str)
    asked = {"covariates": NAMES, "strata": ["plan"] if strata else [], "ties": ties}
    model, plain = rt.fit_cox(table, cluster="customer_id", **asked), rt.fit_cox(table, **asked)
    assert model.coef == pytest.approx(plain.coef, rel=1e-9)
    if model.status != "converged" or None in model.coef:
        return
    rows = written_out(table)
    twin = Twin(rows, NAMES, ties=ties, within=asked["strata"])
    residuals = twin.score_residuals(model.coef)
    summed = pd.DataFrame(residuals).groupby([row["customer_id"] for row in rows]).sum().to_numpy()
    inverse = np.array(plain.covariance)
    expected = inverse @ summed.T @ summed @ inverse
    np.testing.assert_allclose(model.covariance, expected, rtol=1e-6, atol=1e-9 * expected.max())
    assert np.abs(residuals.sum(axis=0)).max() < 1e-5


@pytest.mark.filterwarnings("ignore:.*overlap")  # rows of one cluster do, on purpose
def test_every_spell_twice_in_one_cluster_says_nothing_new():
    """With Breslow's ties the robust errors do not shrink, the plain ones do by √2."""
    table = ties_galore(1, n=40, weights=False)
    table["customer_id"] = range(40)
    twice = pd.concat([table, table])
    asked = {"covariates": NAMES, "ties": "breslow"}
    robust = [rt.fit_cox(each, cluster="customer_id", **asked) for each in (table, twice)]
    plain = [rt.fit_cox(each, **asked) for each in (table, twice)]
    np.testing.assert_allclose(robust[0].standard_errors, robust[1].standard_errors, rtol=1e-9)
    shrunk = plain[0].standard_errors / np.sqrt(2)
    np.testing.assert_allclose(plain[1].standard_errors, shrunk, rtol=1e-9)


@given(seed=seeds, penalty=st.sampled_from([0.1, 2.0, 50.0]))
def test_penalty_is_taken_off_the_likelihood(seed, penalty):
    """Gradient of log L − λ/2 Σ (β · standard deviation)² is 0, and a penalty tells apart all."""
    table = ties_galore(seed)
    model = rt.fit_cox(table, covariates=NAMES, penalty=penalty)
    rows = written_out(table)
    spread = pd.DataFrame(rows)[NAMES].std(ddof=0).to_numpy()

    likelihood = Twin(rows, NAMES).log_likelihood

    def twin(beta):
        return likelihood(beta) - penalty / 2 * np.sum((beta * spread) ** 2)

    assert model.status == "converged"
    assert np.abs(gradient(twin, model.coef)).max() < 1e-6
    np.testing.assert_allclose(
        np.linalg.inv(np.array(model.covariance)), -hessian(twin, model.coef), rtol=1e-5, atol=1e-6
    )
    assert model.log_likelihood == pytest.approx(likelihood(model.coef))
    assert model.tests()["p_value"].isna().all()


def test_changing_covariates_are_rows_that_begin_where_others_end():
    """A spell cut into start/stop rows with the same values changes nothing."""
    table = ties_galore(7, n=40, weights=False)
    table["entry"] = table["entry"].where(table["entry"] > 0)
    whole = rt.fit_cox(table, covariates=NAMES)
    last = (table["duration"] > 2) & (table["entry"].isna() | (table["entry"] < 2))
    head = table[last].assign(duration=2, churned=False)
    tail = table.assign(entry=table["entry"].mask(last, 2.0))
    cut = rt.fit_cox(pd.concat([head, tail]), covariates=NAMES)
    np.testing.assert_allclose(cut.beta, whole.beta, rtol=1e-9)
    np.testing.assert_allclose(cut.standard_errors, whole.standard_errors, rtol=1e-9)
    assert cut.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)


def test_late_entry_is_seen_through():
    """Simulated truth: hazard ½ e^(0.7 x), customers seen only if still there at a random time."""
    rng = np.random.default_rng(11)
    n = 60_000
    x = rng.normal(size=n)
    end, entry = rng.exponential(2 * np.exp(-0.7 * x)), rng.uniform(0, 2, n)
    entry[: n // 4] = 0  # a quarter from the start
    seen = end > entry
    last = np.minimum(end, 5.0)
    table = spells(last, end <= 5, x=x, entry=entry)[seen]
    model = rt.fit_cox(table, covariates="x")
    low, high = model.coefficients()[["lower", "upper"]].to_numpy()[0]
    assert low < 0.7 < high
    assert high - low < 0.06
    customers = pd.DataFrame({"customer_id": [1, 2], "tenure": [0.0, 1.5], "x": [0.0, 1.0]})
    found = rt.survival.predict_survival(customers, model=model, times=1)
    expected = [np.exp(-0.5), np.exp(-0.5 * np.exp(0.7))]
    np.testing.assert_allclose(found["survival"], expected, atol=0.02)


def test_lifelines_forgets_late_entry_as_it_predicts():
    """Truth e^−½ = 0.607: ours says so, lifelines says that 0.7 or more stay."""
    from lifelines import CoxPHFitter

    rng = np.random.default_rng(2)
    end, entry = rng.exponential(2, 6_000), rng.uniform(0, 2, 6_000)
    table = spells(end, True, x=rng.normal(size=end.size), entry=entry)[end > entry]
    model = rt.fit_cox(table, covariates="x")
    customers = pd.DataFrame({"customer_id": [1], "tenure": [0.01], "x": [0.0]})
    ours = rt.survival.predict_survival(customers, model=model, times=1)["survival"][0]
    other = CoxPHFitter().fit(table, "duration", "churned", entry_col="entry")
    theirs = other.predict_survival_function(customers, times=[1.0]).iloc[0, 0]
    assert ours == pytest.approx(np.exp(-0.5), abs=0.02)
    assert theirs > 0.7


def test_units_of_covariates_do_not_matter():
    """From 1e-9 to 1e9, and far from 0: coefficients scale, tests and likelihoods stay."""
    table = ties_galore(4, n=60)
    plain = rt.fit_cox(table, covariates=NAMES)
    other = table.assign(age=table["age"] * 1e9, price=table["price"] * 1e-9 + 1e-3)
    scaled = rt.fit_cox(other, covariates=NAMES)
    np.testing.assert_allclose(scaled.beta, plain.beta * [1e-9, 1e9], rtol=1e-6)
    factor = np.array([1e-9, 1e9])
    np.testing.assert_allclose(scaled.standard_errors, plain.standard_errors * factor, rtol=1e-6)
    assert scaled.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-9)
    ratios = scaled.coefficients()[["ratio", "ratio_lower", "ratio_upper"]]
    assert (ratios.isna() | np.isfinite(ratios)).all(axis=None)


def test_order_of_rows_and_names_of_customers_do_not_matter():
    """Shuffled rows give the same model."""
    table = ties_galore(9, n=60)
    one = rt.fit_cox(table, covariates=NAMES, strata="plan")
    other = rt.fit_cox(table.sample(frac=1, random_state=1), covariates=NAMES, strata="plan")
    np.testing.assert_allclose(one.beta, other.beta, rtol=1e-11)
    np.testing.assert_allclose(one.standard_errors, other.standard_errors, rtol=1e-11)


def test_reference_says_what_others_are_compared_with():
    """By default the first in alphabetical order; it stands beside each coefficient."""
    rng = np.random.default_rng(0)
    plan = rng.choice(["basic", "full", "max"], 300)
    table = spells(rng.integers(1, 20, 300), rng.random(300) < 0.6, plan=plan, age=rng.random(300))
    plain = rt.fit_cox(table, covariates=["plan", "age"])
    other = rt.fit_cox(table, covariates=["plan", "age"], reference={"plan": "max"})
    assert plain.terms == ("plan=full", "plan=max", "age")
    assert plain.coefficients()["reference"].tolist()[:2] == ["basic", "basic"]
    assert plain.coefficients()["reference"].isna().tolist() == [False, False, True]
    assert other.terms == ("plan=basic", "plan=full", "age")
    assert other.beta[0] == pytest.approx(-plain.beta[1], rel=1e-9)
    assert other.beta[1] == pytest.approx(plain.beta[0] - plain.beta[1], rel=1e-9)
    assert other.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-12)


def test_coefficients_read_as_normal_approximation():
    """z, p-value and bounds of the lung model, by their formulas."""
    row = rt.fit_cox(lung(), covariates="sex").coefficients(level=0.9).iloc[0]
    assert row["ratio"] == pytest.approx(np.exp(row["coef"]))
    assert row["z"] == pytest.approx(row["coef"] / row["standard_error"])
    assert row["upper"] - row["coef"] == pytest.approx(1.644854 * row["standard_error"], rel=1e-6)
    assert row["ratio_lower"] == pytest.approx(np.exp(row["lower"]))
    assert row["p_value"] == pytest.approx(0.00149, abs=5e-6)  # R prints 0.00149


def test_model_is_a_value():
    """JSON, pickle and hash; what it predicts is equal bit for bit."""
    table = ties_galore(3, n=60)
    model = rt.fit_cox(table, covariates=[*NAMES, "plan"], strata="plan", cluster="age")
    model = rt.fit_cox(table, covariates=NAMES, strata="plan")
    again = rt.survival.CoxModel.model_validate_json(model.model_dump_json())
    pickled = pickle.loads(pickle.dumps(model))
    assert again == model == pickled
    assert hash(again) == hash(model) == hash(pickled)
    customers = table.assign(customer_id=range(60), tenure=1)
    before, after = (
        rt.survival.predict_survival(customers, model=each, times=[1, 3]) for each in (model, again)
    )
    pd.testing.assert_frame_equal(before, after, check_exact=True)
    assert again == model == pickle.loads(pickle.dumps(model))
    with pytest.raises(ValueError, match="frozen"):
        model.ties = "breslow"


def test_a_label_in_strata_and_covariates_is_told_by_the_strata():
    """Within a stratum the label is a constant: left out by its name, and the rest is fitted."""
    table = ties_galore(3, n=80)
    model = rt.fit_cox(table, covariates=[*NAMES, "plan"], strata="plan")
    plain = rt.fit_cox(table, covariates=NAMES, strata="plan")
    assert model.status == "flat"
    said = "the ends that were seen do not tell its coefficient: left out."
    assert model.notes == (f"'plan=full': {said}",)
    assert model.coef == (*plain.coef, None)
    np.testing.assert_array_equal(model.standard_errors[:2], plain.standard_errors)


def test_engines_agree(engine):
    """Fit with entry, weights, labels, flags and strata: coefficients agree to 1e-9."""
    table = ties_galore(21, n=80)
    table["loyal"] = table["price"] > 0
    table["tariff"] = np.random.default_rng(1).choice(["a", "b", "c"], 80)
    asked = {"covariates": ["age", "loyal", "tariff", "price"], "strata": "plan"}
    here = rt.fit_cox(engine.table(table), **asked)
    there = rt.fit_cox(table, **asked)
    assert here.covariates == there.covariates
    assert here.stratum_keys == there.stratum_keys
    np.testing.assert_allclose(here.beta, there.beta, rtol=1e-9)
    np.testing.assert_allclose(here.standard_errors, there.standard_errors, rtol=1e-9)
    counted = rt.fit_cox(engine.table(table), covariates=["loyal", "tariff"], cluster="age")
    again = rt.fit_cox(table, covariates=["loyal", "tariff"], cluster="age")
    np.testing.assert_allclose(counted.beta, again.beta, rtol=1e-9)


# What data do not tell


def noisy(**columns):
    """Two hundred spells; columns are functions of (ends, random numbers)."""
    rng = np.random.default_rng(8)
    table = spells(rng.integers(1, 10, 200), rng.random(200) < 0.6, y=rng.normal(size=200))
    return table.assign(**{name: make(table, rng) for name, make in columns.items()})


def test_constants_and_combinations_are_left_out_by_name():
    """Their coefficients are null; the others are those of the model without them."""
    table = noisy(
        x=lambda t, r: r.normal(size=200), one=lambda t, r: 1.0, z=lambda t, r: 2 * t["y"] - 1
    )
    table["sum"] = table["x"] - 3 * table["y"]
    model = rt.fit_cox(table, covariates=["one", "x", "y", "sum", "z"])
    plain = rt.fit_cox(table, covariates=["x", "y"])
    assert model.status == "converged"
    assert model.notes == (
        "'one' is a constant: left out.",
        "'sum' is a combination of 'x', 'y': left out.",
        "'z' is a combination of 'y': left out.",
    )
    assert [c is None for c in model.coef] == [True, False, False, True, True]
    np.testing.assert_allclose(model.beta[1:3], plain.beta, rtol=1e-12)
    assert model.tests()["degrees_of_freedom"].tolist() == [2, 2, 2]
    assert model.coefficients().loc[[0, 3, 4], ["coef", "p_value"]].isna().all(axis=None)


@pytest.mark.parametrize("kind", ["number", "flag", "label", "other way"])
def test_perfect_separation_is_named_and_the_rest_is_fitted(kind):
    """All ends have x and no other: no bound, no error; y as if the rest were all there is."""
    make = {
        "number": lambda t, r: t["churned"] * 1.0,
        "flag": lambda t, r: t["churned"],
        "label": lambda t, r: np.where(t["churned"], "gone", "here"),
        "other way": lambda t, r: -5.0 * t["churned"],
    }
    model = rt.fit_cox(noisy(x=make[kind]), covariates=["x", "y"])
    name = "x=here" if kind == "label" else "x"
    assert model.status == "separated"
    assert model.notes == (
        f"{name!r} tells those who left from the rest without a fault: its coefficient has no "
        "bound.",
    )
    assert np.isnan(model.standard_errors[0])
    assert np.isfinite(model.standard_errors[1])
    assert np.isnan(model.tests()["statistic"][1])
    alone = noisy().assign(churned=lambda t: t["churned"])
    limit = rt.fit_cox(alone[alone["churned"]], covariates="y")
    assert model.beta[1] == pytest.approx(limit.beta[0], abs=1e-5)
    assert model.standard_errors[1] == pytest.approx(limit.standard_errors[0], rel=1e-4)
    customers = noisy(x=make[kind]).assign(customer_id=1, tenure=0)
    found = rt.survival.predict_survival(customers, model=model, times=2)
    assert found["survival"].between(0, 1).all()
    assert found[["lower", "upper"]].isna().all(axis=None)


def test_levels_in_which_nobody_ended_are_named():
    """Also if it is the reference: then all others have no bound."""
    table = noisy(x=lambda t, r: r.choice(["a", "b", "c"], 200))
    table["churned"] &= table["x"] != "a"
    first = rt.fit_cox(table, covariates=["x", "y"])
    other = rt.fit_cox(table, covariates=["x", "y"], reference={"x": "b"})
    assert [note.split("'")[1] for note in first.notes] == ["x=b", "x=c"]
    assert [note.split("'")[1] for note in other.notes] == ["x=a"]
    assert np.isfinite(other.standard_errors).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("table", "status"),
    [
        (spells([1, 2, 3, 4], [0, 1, 0, 0], x=[1.0, 2.0, 3.0, 1.0]), "converged"),
        (spells([1, 2, 3, 4], [0, 1, 0, 0], x=[1.0, 5.0, 3.0, 1.0]), "separated"),
        (spells([1, 2, 3, 4], [0, 0, 0, 1], x=[1.0, 5.0, 3.0, 1.0]), "flat"),
        (spells([3], [1], x=[1.0]), "converged"),
        (spells([3] * 5, [1] * 5, x=[1.0, 2.0, 3.0, 2.0, 1.0]), "converged"),
        (spells([0] * 5, [1, 1, 0, 0, 0], x=[1.0, 2.0, 3.0, 2.0, 1.0]), "converged"),
        (spells([5, 6, 9], [1, 1, 1], x=[1.0, 2.0, 3.0], entry=[0, 5, 8]), "flat"),
        (spells(range(9), [1] * 9, x=np.arange(9)), "separated"),
        (spells([1, 2, 3, 4], [1, 0, 1, 0], x=[1.0, 1.0, 1.0, 1.0]), "converged"),
    ],
    ids=["middle", "extreme", "last", "one", "all at once", "day 0", "alone", "x is t", "constant"],
)
@TIES
def test_the_smallest_tables_are_diagnosed_not_thrown(table, status, ties):
    """A status, and everything can be read and predicted without a warning."""
    model = rt.fit_cox(table, covariates="x", ties=ties)
    assert model.status == status
    if status in ("flat", "separated"):
        assert np.isnan(model.standard_errors).all()
        assert model.notes
    model.coefficients()
    model.tests()
    model.baseline()
    customers = table.assign(customer_id=range(len(table)), tenure=0)
    assert len(rt.predict_churn(customers, model=model, within=1)) == len(table)
    assert rt.survival.CoxModel.model_validate_json(model.model_dump_json()) == model


def test_every_customer_a_stratum_tells_nothing():
    """No risk set has two spells in it."""
    table = noisy(plan=lambda t, r: np.arange(200))
    model = rt.fit_cox(table, covariates="y", strata="plan")
    assert model.status == "flat"
    assert len(model.stratum_keys) == 200


@pytest.mark.parametrize("strength", [30.0, 150.0])
def test_huge_coefficients_are_found(strength):
    """Hazards that differ by e^1000 between customers, without a warning."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    model = rt.fit_cox(spells(rng.exponential(np.exp(-strength * x)), True, x=x), covariates="x")
    assert model.status == "converged"
    assert abs(model.beta[0] - strength) < 4 * model.standard_errors[0]
    customers = pd.DataFrame({"customer_id": range(3), "tenure": 0.0, "x": [-9.0, 0.0, 9.0]})
    found = rt.survival.predict_survival(customers, model=model, times=[0.01, 1.0])
    assert found["survival"].dropna().between(0, 1).all()
    assert rt.survival.CoxModel.model_validate_json(model.model_dump_json()) == model


def test_outliers_do_not_break_the_fit():
    """A covariate with Cauchy's tails, whose linear predictor runs over a thousand."""
    rng = np.random.default_rng(1)
    x = np.clip(rng.standard_cauchy(5000), -600, 600)
    model = rt.fit_cox(spells(rng.exponential(np.exp(-x)), True, x=x), covariates="x")
    assert model.status == "converged"
    assert abs(model.beta[0] - 1) < 4 * model.standard_errors[0]


def test_separation_both_ways_under_late_entry_is_diagnosed():
    """Risks far apart enter and leave: sums over risk sets keep their digits or say that not."""
    rng = np.random.default_rng(6)
    kind = rng.choice(["a", "b", "c"], 300)
    duration = rng.integers(2, 20, 300)
    entry = np.where(kind == "c", duration - 1, 0)
    table = spells(duration, kind == "c", kind=kind, entry=entry, y=rng.normal(size=300))
    model = rt.fit_cox(table, covariates=["kind", "y"])
    assert model.status == "separated"
    assert any("'kind=c'" in note for note in model.notes)


def test_fewer_clusters_than_terms_have_no_errors():
    """Their sums are 0 together, so that they say too little."""
    model = rt.fit_cox(noisy(s=lambda t, r: np.arange(200) % 2), covariates=["y"], cluster="s")
    assert np.isfinite(model.standard_errors).all()
    one = rt.fit_cox(noisy(s=lambda t, r: 1), covariates=["y"], cluster="s")
    assert np.isnan(one.standard_errors).all()
    assert one.notes == ("The errors of 1 coefficient take more than 1 cluster.",)
    assert one.tests()["statistic"].isna().tolist() == [False, True, False]


ONE = spells([1, 2, 3, 4], [1, 1, 0, 1], x=[1.0, 2.0, 1.0, 3.0], plan=["a", "b", "a", "b"])


@pytest.mark.parametrize(
    ("table", "change", "error", "message"),
    [
        (ONE, {"ties": "exact"}, rt.RetentionError, "ties must be one of 'efron', 'breslow'"),
        (ONE, {"penalty": -1}, rt.RetentionError, "penalty must be a number, 0 or more; got -1"),
        (ONE, {"penalty": np.inf}, rt.RetentionError, "penalty must be a number.*inf"),
        (ONE, {"penalty": True}, rt.RetentionError, "penalty must be a number.*True"),
        (ONE, {"covariates": "y"}, rt.ColumnError, "covariates names 'y', which is not a column"),
        (ONE, {"strata": "plans"}, rt.ColumnError, "strata names 'plans'.*Did you mean 'plan'"),
        (ONE, {"cluster": "id"}, rt.ColumnError, "cluster names 'id'"),
        (ONE, {"covariates": "duration"}, rt.ColumnError, "'duration' is a column of spells"),
        (ONE, {"covariates": ["x", "x"]}, rt.ColumnError, "covariates names a column twice"),
        (ONE, {"reference": {"z": "a"}}, rt.RetentionError, "reference names 'z', which is not"),
        (ONE, {"reference": {"x": "1"}}, rt.RetentionError, "'x' holds numbers or flags"),
        (
            ONE,
            {"covariates": "plan", "reference": {"plan": "c"}},
            rt.RetentionError,
            "'plan' has no level 'c'; it has 'a', 'b'",
        ),
        (ONE.assign(churned=False), {}, rt.ContentError, "nobody's end was seen"),
        (
            ONE.assign(x=[1.0, None, 2.0, None]),
            {},
            rt.ContentError,
            "2 rows have no 'x'. Fill them in",
        ),
        (
            ONE.assign(x=[1.0, np.inf, 2.0, -1e200]),
            {},
            rt.ContentError,
            "2 rows have an infinite 'x', or one above 1e100",
        ),
        (
            ONE.assign(plan=["a", None, "b", "b"]),
            {"cluster": "plan"},
            rt.ContentError,
            "cluster: 1 row has no 'plan'",
        ),
        (ONE, {"strata": "part"}, rt.ColumnError, "strata names 'part'"),
        (
            ONE.assign(part=[0.5, 1.0, 0.5, 1.0]),
            {"strata": "part"},
            rt.ColumnError,
            "strata: 'part' holds 0.5, which is not a label",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(table, change, error, message):
    """The message says which argument or column, what it was and what would do."""
    with pytest.raises(error, match=message):
        rt.fit_cox(table, **{"covariates": "x", **change})


@pytest.mark.parametrize("away", [0, 10, 10_000])
def test_separation_within_strata_is_separation(away):
    """However far the strata lie apart: whoever has 1 more than the others leaves before them."""
    table = pd.DataFrame(
        {
            "duration": [1, 2, 3, 4] * 2,
            "churned": [True, True, False, False] * 2,
            "x": np.array([1.0, 1, 0, 0, 1, 1, 0, 0]) + np.repeat([0, away], 4),
            "plan": np.repeat(["a", "b"], 4),
        }
    )
    model = rt.fit_cox(table, covariates="x", strata="plan")
    assert model.status == "separated"
    assert model.notes == (
        "'x' tells those who left from the rest without a fault: its coefficient has no bound.",
    )
    assert model.coefficients()["standard_error"].isna().all()


def test_a_perfect_order_within_strata_is_separation_and_a_fault_in_it_is_none():
    """All leave, the highest first, in both strata; z beside it is not blamed."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"duration": [*range(1, 9)] * 2, "churned": True})
    table = table.assign(x=9 - table["duration"], z=rng.normal(size=16), plan=["a"] * 8 + ["b"] * 8)
    model = rt.fit_cox(table, covariates=["x", "z"], strata="plan")
    assert model.status == "separated"
    assert len(model.notes) == 1
    assert model.notes[0].startswith("'x' tells those who left")
    table.loc[table.index[:2], "x"] = [7, 8]
    swapped = rt.fit_cox(table, covariates="x", strata="plan")
    assert swapped.status == "converged"
    assert np.isfinite(swapped.standard_errors).all()


def test_strata_that_lie_far_apart_do_not_blur_what_is_within_them():
    """x + 10⁴ in one stratum: the coefficient and its error of x without, to 1e-9."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"x": rng.normal(size=80), "plan": ["a", "b"] * 40})
    table["duration"] = rng.exponential(np.exp(-0.1 * table["x"]))
    table = table.assign(churned=rng.random(80) < 0.7)
    near = rt.fit_cox(table, covariates="x", strata="plan")
    away = table.assign(x=table["x"] + 1e3 * (table["plan"] == "b"))
    far = rt.fit_cox(away, covariates="x", strata="plan")
    assert far.coef == pytest.approx(near.coef, rel=1e-9)
    assert far.standard_errors == pytest.approx(near.standard_errors, rel=1e-9)


def test_a_baseline_that_is_no_number_is_refused():
    """Strata 10⁴ apart: the way out is the distance from the stratum's mean, which fits."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"x": rng.normal(size=80), "plan": ["a", "b"] * 40})
    table["duration"] = rng.exponential(np.exp(-0.9 * table["x"]))
    table["churned"] = True
    far = table.assign(x=table["x"] + 1e4 * (table["plan"] == "b"))
    with pytest.raises(rt.ContentError, match="'x' multiplies the risk by more than e.*distance"):
        rt.fit_cox(far, covariates="x", strata="plan")
    far["x"] -= far.groupby("plan")["x"].transform("mean")
    assert rt.fit_cox(far, covariates="x", strata="plan").status == "converged"

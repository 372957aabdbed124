"""Renewal models: Fader and Hardie's cohorts, likelihoods written out, what data cannot tell."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from math import exp, lgamma, log
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.numerics.log_beta import digamma_step, log_mean_kept, trigamma, trigamma_step
from retention.repeat_buying.renewal.likelihood import (
    beta_geometric,
    discrete_weibull,
    log_likelihood,
    read_renewals,
)

PUBLISHED = pd.read_csv(Path(__file__).parents[1] / "reference/fader_hardie_2007.csv", comment="#")
FITS = [rt.repeat_buying.fit_beta_geometric, rt.repeat_buying.fit_beta_discrete_weibull]

both = pytest.mark.parametrize("fit", FITS)


def cohort(left):
    """A cohort of which so many were left after 0, 1, 2, … periods, as spells with weights."""
    n = len(left) - 1
    ends = {"duration": range(1, n + 1), "churned": True, "n_spells": -np.diff(left)}
    here = {"duration": [n], "churned": [False], "n_spells": [left[-1]]}
    table = pd.concat([pd.DataFrame(ends), pd.DataFrame(here)], ignore_index=True)
    return table[table["n_spells"] > 0]


def customers_of(kind, years=7):
    """A thousand customers of the paper, followed for some years."""
    return cohort((10 * PUBLISHED[kind]).round().astype(int).tolist()[: years + 1])


def errors(model):
    """The standard errors of the parameters."""
    return model.coefficients()["standard_error"].tolist()


def log_survival(theta, t):
    """B(a, b + t^c) / B(a, b), from gamma functions."""
    a, b, c = theta if len(theta) == 3 else (*theta, 1.0)
    s = t**c if t else 0.0
    return lgamma(b + s) - lgamma(b) + lgamma(a + b) - lgamma(a + b + s)


def naive_log_likelihood(theta, spells):
    """Each spell by itself: what it did, given that it lasted until its entry."""
    total = 0.0
    for spell in spells.itertuples():
        here = partial(log_survival, theta)
        entry, n = getattr(spell, "entry", 0), getattr(spell, "n_spells", 1)
        if entry >= spell.duration and (entry or not spell.churned):
            continue
        lasted = here(spell.duration)
        if spell.churned:
            lasted = log(exp(here(spell.duration - 1)) - exp(lasted))
        total += n * (lasted - here(entry))
    return total


@pytest.mark.parametrize(
    ("kind", "parameters", "error", "value"),
    [
        ("high_end", [0.66808834, 3.8060949], [0.10373493, 0.78553167], -1611.158147),
        ("regular", [0.70407730, 1.18204302], [0.06559896, 0.15247563], -1680.265188),
    ],
)
def test_beta_geometric_is_that_of_fader_and_hardie_2007(kind, parameters, error, value):
    """Published .668, 3.806, −1611.2 and .704, 1.182, −1680.3; more digits as computed twice."""
    model = rt.repeat_buying.fit_beta_geometric(customers_of(kind))
    np.testing.assert_allclose(model.parameters, parameters, rtol=3e-8)
    np.testing.assert_allclose(errors(model), error, rtol=1e-6)
    assert model.log_likelihood == pytest.approx(value, abs=1e-6)
    assert (model.status, model.notes, model.n_customers) == ("converged", (), 1000)


@pytest.mark.parametrize(
    ("kind", "first", "later"),
    [
        ("high_end", 0.8507, [0.4604, 0.4358, 0.4142, 0.3951, 0.3780]),
        ("regular", 0.6267, [0.2201, 0.2044, 0.1912, 0.1799, 0.1700]),
    ],
)
def test_forecasts_are_those_of_fader_and_hardie_2007(kind, first, later):
    """Fitted on seven years, S(1) and S(8) to S(12); what came lies within 2 points."""
    table = rt.repeat_buying.fit_beta_geometric(customers_of(kind)).survival([1, *range(8, 13)])
    np.testing.assert_allclose(table["survival"], [first, *later], atol=6e-5)
    came = PUBLISHED[kind].iloc[8:13] / 100
    np.testing.assert_allclose(table["survival"].iloc[1:], came, atol=0.02)
    assert table["observed"].iloc[1:].isna().all()
    assert table["n_at_risk"].tolist() == [1000, 0, 0, 0, 0, 0]


def test_residual_lifetime_is_that_of_fader_and_hardie_2010():
    """Their closed form with ₂F₁; 7.530 at seven renewals and a tenth is what others compute."""
    from scipy.special import hyp2f1

    model = rt.repeat_buying.fit_beta_geometric(customers_of("high_end"))
    a, b = model.parameters
    left = model.expected_renewals([0, 3, 7], horizon=400, discount=0.1)
    n = left["tenure"] + 1
    formula = (b + n - 1) / (a + b + n - 1) * hyp2f1(1, b + n, a + b + n, 1 / 1.1)
    np.testing.assert_allclose(left["expected_renewals"], formula, rtol=1e-12)
    assert left["expected_renewals"][2] == pytest.approx(7.530, abs=6e-4)


def test_weibull_with_c_1_is_the_beta_geometric_model():
    """Log retention rates, gradients and Hessians in a and b."""
    period = np.arange(1.0, 40)
    for a, b in [(0.7, 3.8), (0.01, 0.2), (30.0, 500.0), (1e6, 2e7)]:
        simple = beta_geometric(np.array([a, b]), period)
        wide = discrete_weibull(np.array([a, b, 1.0]), period)
        np.testing.assert_allclose(wide[0], simple[0], rtol=1e-9)
        np.testing.assert_allclose(wide[1][:, :2], simple[1], rtol=1e-8, atol=1e-22)
        np.testing.assert_allclose(wide[2][:, :2, :2], simple[2], rtol=1e-7, atol=1e-26)


@pytest.mark.parametrize("kind", ["high_end", "regular"])
def test_weibull_fits_at_least_as_well_and_forecasts_within_a_point(kind):
    """Its likelihood is no lower; what came in years 8 to 12 is less than a point away."""
    simple, wide = (fit(customers_of(kind)) for fit in FITS)
    assert wide.log_likelihood >= simple.log_likelihood
    assert wide.parameters[2] > 1
    came = PUBLISHED[kind].iloc[8:13].to_numpy() / 100
    np.testing.assert_allclose(wide.survival(range(8, 13))["survival"], came, atol=0.01)


@pytest.mark.parametrize(
    ("kind", "parameters", "value"),
    [
        ("high_end", [0.2142533, 1.4265749, 1.7235648], -1605.3142132),
        ("regular", [0.4556140, 0.7793255, 1.2834513], -1679.6028329),
    ],
)
def test_weibull_is_at_its_maximum(kind, parameters, value):
    """As Nelder and Mead's search finds it on the likelihood written out spell by spell."""
    model = rt.repeat_buying.fit_beta_discrete_weibull(customers_of(kind))
    np.testing.assert_allclose(model.parameters, parameters, rtol=3e-7)
    assert model.log_likelihood == pytest.approx(value, abs=1e-6)
    assert naive_log_likelihood(model.parameters, customers_of(kind)) == pytest.approx(value)


def test_parameters_are_recovered():
    """200,000 customers drawn from the Weibull model, some of them seen for a few periods only."""
    rng = np.random.default_rng(0)
    n, truth = 200_000, np.array([0.6, 2.0, 1.4])
    theta = rng.beta(truth[0], truth[1], n)
    reach = rng.integers(1, 25, n)
    lasted = np.maximum(np.ceil((np.log(rng.random(n)) / np.log1p(-theta)) ** (1 / truth[2])), 1)
    spells = pd.DataFrame(
        {"duration": np.minimum(lasted, reach).astype(int), "churned": lasted <= reach}
    )
    model = rt.repeat_buying.fit_beta_discrete_weibull(spells)
    away = np.log(model.parameters / truth)
    assert model.status == "converged"
    assert away @ np.linalg.solve(model.covariance_of_logs, away) < 12.8  # 1 in 200 goes beyond
    assert model.log_likelihood > rt.repeat_buying.fit_beta_geometric(spells).log_likelihood + 100
    table = model.coefficients()
    assert ((table["lower"] < truth) & (truth < table["upper"])).all()


row = st.tuples(st.integers(0, 3), st.integers(0, 6), st.booleans(), st.integers(1, 3))
tables = st.lists(row, min_size=2, max_size=12).map(
    lambda rows: pd.DataFrame(
        [(e, max(d, int(c)), c, n) for e, d, c, n in [(0, 4, True, 1), (0, 2, False, 1), *rows]],
        columns=["entry", "duration", "churned", "n_spells"],
    )
)


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
@settings(max_examples=at_most(10))
@given(spells=tables)
def test_likelihood_is_that_of_each_spell_by_itself(spells):
    """Counted by period, or spell by spell given survival to the entry: the same."""
    for curve, theta in [(beta_geometric, (0.7, 2.5)), (discrete_weibull, (0.7, 2.5, 1.3))]:
        value, _, _ = log_likelihood(curve, read_renewals(spells), np.array(theta))
        assert value == pytest.approx(naive_log_likelihood(theta, spells), rel=1e-10)


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
@settings(max_examples=at_most(6))
@given(spells=tables)
def test_collapsed_is_expanded(spells):
    """A row that stands for three spells is three rows; the order of rows says nothing."""
    rows = spells.loc[spells.index.repeat(spells["n_spells"])].drop(columns="n_spells")
    rows = rows.sample(frac=1, random_state=0)
    one, other = read_renewals(spells), read_renewals(rows)
    assert one.n_at_risk.tolist() == other.n_at_risk.tolist()
    assert one.n_churned.tolist() == other.n_churned.tolist()
    assert one.n.sum() == other.n.sum()
    assert rt.repeat_buying.fit_beta_geometric(rows) == rt.repeat_buying.fit_beta_geometric(spells)


@pytest.mark.parametrize("curve", [beta_geometric, discrete_weibull])
@pytest.mark.parametrize("theta", [(0.7, 3.0, 1.3), (0.05, 0.4, 0.6), (40.0, 90.0, 2.2)])
def test_gradient_and_hessian_are_the_slopes(curve, theta):
    """Against central differences."""
    counted = read_renewals(customers_of("high_end"))
    at = np.array(theta[: 2 if curve is beta_geometric else 3])
    steps = np.diag(at) * 1e-5
    _, gradient, hessian = log_likelihood(curve, counted, at)
    ends = [[log_likelihood(curve, counted, at + s * step) for s in (1, -1)] for step in steps]
    apart = 2e-5 * at
    slope = np.array([(up[0] - down[0]) for up, down in ends]) / apart
    np.testing.assert_allclose(slope, gradient, rtol=1e-6)
    bend = np.array([up[1] - down[1] for up, down in ends]) / apart[:, None]
    np.testing.assert_allclose(bend, hessian, rtol=1e-6, atol=1e-7 * np.abs(hessian).max())


def test_differences_of_gamma_functions_are_theirs():
    """Against SciPy where that does not cancel, and against their limits where it does."""
    from scipy.special import betaln, polygamma, psi

    z, s = (v.ravel() for v in np.meshgrid([0.01, 0.7, 4.0, 60.0], [0.3, 1.0, 12.5, 400.0]))
    np.testing.assert_allclose(digamma_step(z, s), psi(z + s) - psi(z), rtol=2e-11)
    wanted = polygamma(1, z + s) - polygamma(1, z)
    np.testing.assert_allclose(trigamma_step(z, s), wanted, rtol=2e-11)
    np.testing.assert_allclose(trigamma(z), polygamma(1, z), rtol=1e-13)
    for a in (0.02, 1.3, 50.0):
        np.testing.assert_allclose(
            log_mean_kept(a, z, s), betaln(a, z + s) - betaln(a, z), rtol=1e-10
        )
        np.testing.assert_allclose(log_mean_kept(a, z, s), log_mean_kept(s, z, a), rtol=1e-9)
    np.testing.assert_allclose(log_mean_kept(1e12, 3e12, 2.0), 2 * np.log(0.75), rtol=1e-11)
    assert 3e20 * digamma_step(3e20, 2.0) == 2.0


@both
def test_survival_is_the_product_of_retention_rates(fit):
    """And both stand beside what was counted, which is Kaplan–Meier's curve."""
    spells = customers_of("regular")
    model = fit(spells)
    survival, rates = model.survival(range(1, 13)), model.retention_rate(range(1, 13))
    np.testing.assert_allclose(rates["retention_rate"].cumprod(), survival["survival"], rtol=1e-12)
    curve = rt.survival_curve(spells)
    np.testing.assert_allclose(survival["observed"][:7], curve["survival"], rtol=1e-12)
    assert survival["n_churned"][:7].tolist() == curve["n_churned"].tolist()
    assert rates["n_retained"][:7].tolist() == (curve["n_at_risk"] - curve["n_churned"]).tolist()
    for table, name in [(survival, "survival"), (rates, "retention_rate")]:
        assert (table["lower"] < table[name]).all()
        assert (table["upper"] > table[name]).all()


def test_retention_rate_is_the_formula_and_rises():
    """(b + t − 1) / (a + b + t − 1)."""
    model = rt.repeat_buying.fit_beta_geometric(customers_of("high_end"))
    (a, b), t = model.parameters, np.arange(1, 60)
    rates = model.retention_rate(t)["retention_rate"]
    np.testing.assert_allclose(rates, (b + t - 1) / (a + b + t - 1), rtol=1e-14)
    assert rates.is_monotonic_increasing


@both
def test_saturated_cohort_is_met_exactly(fit):
    """Two periods tell two parameters; the model is then what was counted."""
    left = [170, 85, 34, 17, 10] if fit is FITS[1] else [60, 30, 20, 15]
    table = fit(cohort(left)).survival(range(1, len(left)))
    np.testing.assert_allclose(table["survival"], table["observed"], rtol=1e-6)


@both
def test_bounds_are_those_of_the_delta_method(fit):
    """Numeric gradients in the logs of the parameters, on the scale of log-odds or of logs."""
    model = fit(customers_of("high_end"))
    moves = np.exp(1e-5 * np.eye(model.theta.size))

    def at(move):
        return model.model_copy(update={"parameters": tuple(model.theta * move)})

    def odds(value):
        return np.log(value / (1 - value))

    def log_left(model):
        return np.log(model.expected_renewals(2, horizon=9, discount=0.05)["expected_renewals"])

    asked = {"survival": odds, "retention_rate": odds, "expected_renewals": np.log}
    for name, scale in asked.items():
        by = {"horizon": 9, "discount": 0.05} if name == "expected_renewals" else {}

        def ask(model, name=name, scale=scale, by=by):
            return scale(
                getattr(model, name)([1, 7, 20], **by)[[name, "lower", "upper"]].to_numpy()
            )

        slope = np.array([ask(at(m))[:, 0] - ask(at(1 / m))[:, 0] for m in moves]) / 2e-5
        error = np.sqrt(((model.covariance_of_logs @ slope) * slope).sum(axis=0))
        middle, low, high = ask(model).T
        np.testing.assert_allclose((middle - low) / 1.959964, error, rtol=1e-5)
        np.testing.assert_allclose((high - middle) / 1.959964, error, rtol=1e-5)


def test_models_are_the_same_on_every_engine(engine):
    """From the same spells, with an entry and a weight."""
    spells = customers_of("high_end").assign(entry=[0, 1, 0, 2, 0, 0, 3, 0])
    for fit in FITS:
        assert fit(engine.table(spells)) == fit(spells)


def test_late_entry_is_compared_with_those_who_got_so_far():
    """Customers seen from their third renewal on tell the same, only less surely."""
    whole = customers_of("high_end", 12)
    late = whole[whole["duration"] > 3].assign(entry=3)
    model, other = (
        rt.repeat_buying.fit_beta_geometric(whole),
        rt.repeat_buying.fit_beta_geometric(late),
    )
    assert other.n_at_risk[:3] == (0, 0, 0)
    np.testing.assert_allclose(
        other.retention_rate(8)["retention_rate"],
        model.retention_rate(8)["retention_rate"],
        atol=0.01,
    )
    table = other.survival([2, 8])
    assert table["observed"].isna().all()
    assert other.retention_rate(8)["observed"][0] == pytest.approx(0.468 / 0.491)


HARD = {
    "all leave at the first renewal": cohort([50, 0]),
    "one who leaves at the first renewal": cohort([1, 0]),
    "nobody leaves": cohort([50, 50, 50, 50]),
    "one period only": cohort([50, 30]),
    "no customer differs": cohort([1024, 512, 256, 128, 64, 32]),
    "all leave at the fifth": cohort([100, 100, 100, 100, 100, 0]),
    "leave later and later": cohort([100, 99, 95, 80, 40, 5, 0]),
    "one at a time": cohort([3, 2, 2, 1]),
}


@both
@pytest.mark.parametrize("spells", HARD.values(), ids=HARD)
def test_hard_data_are_no_error(fit, spells):
    """A status and a reason in words; chances between 0 and 1, that fit what was seen."""
    model = fit(spells)
    assert (model.status == "converged") == (model.notes == ())
    periods = [1, 2, 5, 60]
    survival, rates = model.survival(periods), model.retention_rate(periods)
    for values in (survival["survival"], rates["retention_rate"]):
        assert values.between(0, 1).all()
    assert survival["survival"].is_monotonic_decreasing
    left = model.expected_renewals([0, 5], horizon=10, discount=0)["expected_renewals"]
    assert left.between(0, 10).all()
    if model.status != "converged":
        assert survival[["lower", "upper"]].isna().to_numpy().all()
        assert model.coefficients()["standard_error"].isna().all()
    assert type(model).model_validate_json(model.model_dump_json()) == model


@both
@pytest.mark.parametrize(
    ("name", "status", "survival"),
    [
        ("all leave at the first renewal", {"flat", "boundary"}, [0.0]),
        ("nobody leaves", {"flat", "boundary"}, [1.0, 1.0, 1.0]),
        ("one period only", {"flat"}, [0.6]),
        ("no customer differs", {"flat", "boundary"}, [0.5, 0.25, 0.125]),
    ],
)
def test_limits_are_reached(fit, name, status, survival):
    """Where the parameters run away, the predictions are those of the limit."""
    model = fit(HARD[name])
    assert model.status in status
    found = model.survival(range(1, len(survival) + 1))["survival"]
    np.testing.assert_allclose(found, survival, atol=1e-3 if "differs" in name else 1e-6)


def test_a_cohort_that_ages_needs_the_weibull():
    """Leaving later and later is beyond customers whose chances never change."""
    simple, wide = (fit(HARD["leave later and later"]) for fit in FITS)
    assert wide.log_likelihood > simple.log_likelihood + 50
    assert wide.parameters[2] > 2


# ---------------------------------------------------------------- from days to periods


def months_later(start, n):
    """The day n months after a day, or the last of a shorter month; after n times 28 days."""
    if n % 28 == 0:
        return start + timedelta(days=n)
    month = start.year * 12 + start.month - 1 + n
    ends = date(month // 12 + (month % 12 == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return ends.replace(day=min(start.day, ends.day))


def naive_periods(start, days, months, *, up):
    """Renewals up to a day; rounded up, the one under way is counted too."""
    n = 0
    while months_later(start, (n + 1) * months) <= start + timedelta(days=days):
        n += 1
    return n + (up and months_later(start, n * months) < start + timedelta(days=days))


starts = st.dates(date(2019, 12, 20), date(2020, 3, 10)) | st.sampled_from(
    [date(2019, 1, 31), date(2020, 2, 29), date(2019, 12, 31), date(2021, 8, 30)]
)
stays = st.lists(
    st.tuples(starts, st.integers(0, 800), st.integers(-50, 500), st.booleans()), max_size=12
)


@settings(max_examples=at_most(5))
@given(rows=stays, length=st.sampled_from(["month", "quarter", "year", 28]))
def test_periods_are_those_counted_on_a_calendar(engine, rows, length):
    """Month by month from the start."""
    rows = [(date(2020, 1, 31), 29, 0, True), *rows]
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:02}" for i in range(len(rows))],
            "spell": 1,
            "start": pd.to_datetime([r[0] for r in rows]).astype("datetime64[us]"),
            "end": pd.to_datetime(
                [r[0] + timedelta(days=r[1]) if r[3] else None for r in rows]
            ).astype("datetime64[us]"),
            "entry": [None if r[2] < 0 else float(r[2]) for r in rows],
            "duration": [r[1] for r in rows],
            "churned": [r[3] for r in rows],
            "set_aside": pd.Series([None] * len(rows), dtype="string").astype(object),
            "reactivation": "new_spell",
        }
    )
    if engine.name == "pandas":
        frame["set_aside"] = frame["set_aside"].astype("string")
    answer = rt.repeat_buying.renewal_periods(engine.table(frame), length=length)
    assert engine.is_mine(answer)
    read = engine.read(answer, order=["customer_id"])
    months = {"month": 1, "quarter": 3, "year": 12}.get(length, length)
    for (start, days, entry, churned), got in zip(rows, read.to_dict("records"), strict=True):
        whole = naive_periods(start, days, months, up=churned)
        assert got["duration"] == (max(whole, 1) if churned else whole)
        late = naive_periods(start, entry, months, up=True) if entry > 0 else 0
        assert got["entry"] == late
        assert pd.isna(got["set_aside"]) == (late == 0 or late < got["duration"])
        assert got["length"] == ("28 days" if length == 28 else length)


def test_months_of_contracts_bring_renewal_rates_back():
    """Monthly contracts, renewed nine times in ten whoever holds them."""
    rng = np.random.default_rng(1)
    n = 4000
    first = rng.integers(0, 12, n)
    months = rng.geometric(0.1, n)
    begin = np.datetime64("2023-01", "M") + first
    contracts = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "start": begin.astype("datetime64[us]"),
            "end": (begin + months).astype("datetime64[us]"),
        }
    )
    spells = rt.contract_spells(contracts, as_of="2023-12-31", grace=0)
    table = rt.repeat_buying.renewal_periods(spells, length="month")
    known = first + months < 12
    assert table["churned"].tolist() == known.tolist()
    assert (table["duration"] == np.where(known, months, 11 - first)).all()
    rate = rt.repeat_buying.fit_beta_geometric(table).retention_rate([1, 5])
    np.testing.assert_allclose(rate["retention_rate"], 0.9, atol=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": [1.5, 2]}, "1 last no whole number of periods; the first lasts 1.5"),
        ({"duration": [0, 2]}, "end before a first period is over"),
        ({"duration": [1, 200_000]}, "1 last more than 100,000 periods"),
        ({"entry": [0.5, 0]}, "entry that is no whole number of periods"),
        ({"duration": [-1, 2]}, "negative duration"),
        ({"duration": [0, 0], "churned": [False, False]}, "none came to the end of a period"),
        (
            {"grace": [0, 0]},
            r"contract_spells counts days.*renewal_periods\(spells, length='month'\)",
        ),
    ],
)
@both
def test_spells_that_are_no_renewals_are_refused(fit, change, message):
    """The message says which, how many, and what to do."""
    table = pd.DataFrame({"duration": [1, 2], "churned": [True, False]})
    with pytest.raises(rt.ContentError, match=message):
        fit(table.assign(**change))


def test_what_cannot_be_asked_is_refused():
    """Periods, tenures, horizons and discounts in the user's words."""
    model = rt.repeat_buying.fit_beta_geometric(customers_of("high_end"))
    for ask, message in [
        (lambda: model.survival(0), "periods must be whole numbers from 1 to 100,000.*got 0"),
        (lambda: model.survival([1, 2.5]), r"got \[1, 2.5\]"),
        (lambda: model.retention_rate("soon"), "got 'soon'"),
        (lambda: model.retention_rate([]), "one or several"),
        (lambda: model.survival(3, level=95), "level must lie between 0 and 1"),
        (lambda: model.expected_renewals(-1, horizon=3, discount=0), "tenure must be whole"),
        (lambda: model.expected_renewals(1, horizon=[1, 2], discount=0), "one number of renewals"),
        (lambda: model.expected_renewals(1, horizon=3, discount=-0.1), "discount must be a rate"),
        (lambda: model.expected_renewals(1, horizon=3, discount="a"), "discount must be a rate"),
    ]:
        with pytest.raises(rt.RetentionError, match=message):
            ask()
    for length in ("week", 0, True, 30.5):
        with pytest.raises(rt.RetentionError, match="length must be 'month', 'quarter', 'year' or"):
            rt.repeat_buying.renewal_periods(pd.DataFrame(), length=length)
    with pytest.raises(rt.ColumnError, match="lacks 'churned'"):
        rt.repeat_buying.fit_beta_geometric(pd.DataFrame({"duration": [1]}))

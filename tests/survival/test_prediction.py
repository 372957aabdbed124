"""What a fitted model says of customers: definitions in loops, bounds, and what is not known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from cox_twins import Twin, gradient, ties_galore, written_out
from retention.survival.cox import areas, baselines
from retention.survival.cox.areas import step_area
from retention.survival.models import customers_given

NAMES = ["age", "price"]
SURVIVAL = ["customer_id", "tenure", "time", "survival", "lower", "upper", "reason", "note"]
CHURN = ["customer_id", "tenure", "within", "churn_probability", "lower", "upper"]
CHURN += ["reason", "note"]
LIFETIME = ["customer_id", "tenure", "horizon", "expected_lifetime", "reason", "note"]
OUTSIDE = "outside what the model has seen"
STRANGER = "of a stratum that the model has not seen"
Z95 = 1.959963984540054


def some_customers(seed, n=12):
    """Customers of every plan, with tenures on and between the days."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "tenure": rng.choice([0, 0.5, 1, 2, 2.5, 3], n),
            "age": rng.integers(0, 3, n),
            "price": rng.normal(size=n).round(2),
            "plan": rng.choice(["basic", "full"], n),
        }
    )


def from_the_start(table):
    """Somebody of every plan is under observation all the time."""
    always = {"duration": 5, "churned": True, "age": 1, "price": 0.0, "entry": np.nan}
    more = [{**always, "n_spells": 1, "plan": plan} for plan in ("basic", "full")]
    return pd.concat([table, pd.DataFrame(more)], ignore_index=True)


def hazard_twin(twin, coef, customer, start, end):
    """The cumulative hazard between two times, and Σ Σ 1/q² of it, in loops."""

    def hazard(beta):
        steps = twin.baseline(beta)[(customer["plan"],)]
        added = sum(h for time, h, _ in steps if start < time <= end)
        return added * np.exp(np.dot(beta, [customer[name] for name in NAMES]))

    steps = twin.baseline(coef)[(customer["plan"],)]
    square = sum(v for time, _, v in steps if start < time <= end)
    own = square * np.exp(2 * np.dot(coef, [customer[name] for name in NAMES]))
    return hazard(coef), gradient(hazard, coef), own


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@given(seed=st.integers(0, 10**6))
def test_survival_and_its_bounds_are_those_written_in_loops(ties, seed):
    """With strata, entry, weights and ties: e^−ΔH; the variance by differences of H in β."""
    table = from_the_start(ties_galore(seed, n=30))
    model = rt.fit_cox(table, covariates=NAMES, strata="plan", ties=ties)
    if model.status != "converged" or None in model.coef:
        return
    twin = Twin(written_out(table), NAMES, ties=ties, within=["plan"])
    customers = some_customers(seed)
    answer = rt.survival.predict_survival(customers, model=model, times=[1, 2])
    rows = [(c, t) for c in customers.to_dict("records") for t in (1, 2)]
    assert answer["customer_id"].tolist() == [c["customer_id"] for c, _ in rows]
    assert answer["reason"].isna().all()
    for (customer, time), found in zip(rows, answer.to_dict("records"), strict=True):
        start = customer["tenure"]
        hazard, slope, own = hazard_twin(twin, model.beta, customer, start, start + time)
        assert found["survival"] == pytest.approx(np.exp(-hazard), rel=1e-9)
        if hazard == 0:
            assert (found["lower"], found["upper"]) == (1, 1)
            continue
        error = np.sqrt(own + slope @ np.array(model.covariance) @ slope) / hazard
        for side, sign in (("lower", 1), ("upper", -1)):
            bound = np.exp(-hazard * np.exp(sign * Z95 * error))
            assert found[side] == pytest.approx(bound, rel=1e-6, abs=1e-9)


@pytest.mark.once
def test_bounds_hold_the_truth_as_often_as_they_say():
    """250 samples of 200 customers or so with late entry: 95 times in 100, to chance."""
    customers = pd.DataFrame({"customer_id": [1, 2], "tenure": [0.0, 1.0], "x": [0.0, 1.0]})
    truth = np.exp(-0.5 * np.exp(0.6 * customers["x"].to_numpy()))
    rng, hits = np.random.default_rng(4), []
    for _ in range(250):
        x = rng.normal(size=300)
        end, entry = rng.exponential(2 * np.exp(-0.6 * x)), rng.uniform(-1, 1, 300)
        table = pd.DataFrame({"duration": np.minimum(end, 3), "churned": end < 3, "x": x})
        model = rt.fit_cox(table.assign(entry=entry)[end > entry], covariates="x")
        found = rt.survival.predict_survival(customers, model=model, times=1)
        hits.append((found["lower"] < truth) & (truth < found["upper"]))
    share = np.mean(hits, axis=0)
    assert ((share > 0.91) & (share < 0.99)).all()


def test_tenure_is_a_condition():
    """P(T > s + t | T > s) = S(s + t) / S(s)."""
    table = from_the_start(ties_galore(3, n=60))
    model = rt.fit_cox(table, covariates=NAMES, strata="plan")
    customers = some_customers(1)
    given_tenure = rt.survival.predict_survival(customers, model=model, times=1.5)["survival"]
    start, end = (
        np.concatenate(
            [
                rt.survival.predict_survival(
                    customers.iloc[[i]], model=model, times=time, given=None
                )["survival"]
                for i, time in enumerate(customers["tenure"] + more)
            ]
        )
        for more in (0, 1.5)
    )
    np.testing.assert_allclose(given_tenure, end / start, rtol=1e-12)


def test_those_who_only_start_may_leave_at_time_0():
    """Two of four end at duration 0: half an hazard, which tenure 0 has behind it."""
    spells = pd.DataFrame({"duration": [0, 0, 2, 2], "churned": [True, True, True, False]})
    model = rt.fit_cox(spells, ties="breslow")
    zoe = pd.DataFrame({"customer_id": ["Zoe"], "tenure": [0]})
    shares = {
        given: rt.survival.predict_survival(zoe, model=model, times=[0, 1], given=given)[
            "survival"
        ].tolist()
        for given in ("tenure", None)
    }
    assert shares["tenure"] == [1, 1]
    assert shares[None] == pytest.approx([np.exp(-0.5)] * 2)
    stay = rt.survival.expected_remaining_lifetime(zoe, model=model, horizon=2, given=None)
    assert stay["expected_lifetime"][0] == pytest.approx(2 * np.exp(-0.5))
    scored = rt.survival.with_predictions(spells, model=model, times=1)
    assert scored["survival_1"].tolist() == pytest.approx([np.exp(-0.5)] * 4)
    assert (
        rt.survival.with_predictions(spells, model=model, times=1, landmark=0)["survival_1"]
        .eq(1)
        .all()
    )


def test_churn_is_what_survival_leaves():
    """1 − S, with the bounds changed about."""
    table = from_the_start(ties_galore(3, n=60))
    model = rt.fit_cox(table, covariates=NAMES, strata="plan")
    customers = some_customers(1)
    churn = rt.predict_churn(customers, model=model, within=2, level=0.8)
    survival = rt.survival.predict_survival(customers, model=model, times=2, level=0.8)
    assert list(churn.columns) == CHURN
    np.testing.assert_allclose(churn["churn_probability"], 1 - survival["survival"])
    np.testing.assert_allclose(churn["lower"], 1 - survival["upper"])
    np.testing.assert_allclose(churn["upper"], 1 - survival["lower"])
    assert (churn["lower"] <= churn["churn_probability"]).all()
    assert set(churn["within"]) == {2}


@given(seed=st.integers(0, 10**6), horizon=st.sampled_from([0.3, 1, 2]))
def test_expected_lifetime_is_the_area_under_survival(seed, horizon):
    """Added up step by step; at tenure 0 it is the restricted mean of one who starts."""
    table = from_the_start(ties_galore(seed, n=30)).query("duration > 0")
    model = rt.fit_cox(table, covariates=NAMES, strata="plan", penalty=1)
    twin = Twin(written_out(table), NAMES, within=["plan"])
    customers = some_customers(seed)
    answer = rt.survival.expected_remaining_lifetime(customers, model=model, horizon=horizon)
    for customer, found in zip(
        customers.to_dict("records"), answer["expected_lifetime"], strict=True
    ):
        start, end = customer["tenure"], customer["tenure"] + horizon
        steps = [time for time, _, _ in twin.baseline(model.beta)[(customer["plan"],)]]
        edges = [start, *(time for time in steps if start < time < end), end]
        area = sum(
            (b - a) * np.exp(-hazard_twin(twin, model.beta, customer, start, a)[0])
            for a, b in pairwise(edges)
        )
        assert found == pytest.approx(area, rel=1e-9)
    starting = rt.survival.expected_remaining_lifetime(
        customers, model=model, horizon=horizon, given=None
    )
    new = customers["tenure"] == 0
    pd.testing.assert_series_equal(
        answer.loc[new, "expected_lifetime"], starting.loc[new, "expected_lifetime"]
    )


def test_null_model_predicts_the_curve_of_all():
    """Without covariates: e to minus Nelson and Aalen's hazard, the same for everybody."""
    spells = ties_galore(5, n=60, entry=False)
    model = rt.fit_cox(spells, ties="breslow")
    hazards = rt.survival.cumulative_hazard(spells)
    customers = some_customers(1)[["customer_id", "tenure"]]
    found = rt.survival.predict_survival(customers, model=model, times=[1, 2, 3], given=None)
    for time, share in zip(found["time"], found["survival"], strict=True):
        expected = hazards.loc[hazards["duration"] <= time, "cumulative_hazard"].max()
        assert share == pytest.approx(np.exp(-expected))
    assert set(found["tenure"]) == {0}


# Areas for millions of customers


def random_steps(rng, n, whole=False):
    """A step function of hazard with n steps, and customers of every kind."""
    duration = np.sort(rng.integers(1, 3 * n, n) if whole else rng.exponential(100, n))
    duration = np.unique(duration).astype(float)
    hazard = np.cumsum(rng.exponential(2 / duration.size, duration.size))
    return duration, hazard


def slow_areas(duration, hazard, eta, start, horizon):
    """Customer by customer, step by step."""
    found = []
    for e, s in zip(eta, start, strict=True):
        edges = np.concatenate(
            [[s], duration[(duration > s) & (duration < s + horizon)], [s + horizon]]
        )
        total = np.concatenate([[0.0], hazard])
        height = total[np.searchsorted(duration, edges[:-1], side="right")]
        found.append(float(np.diff(edges) @ np.exp(-np.exp(e) * (height - height[0]))))
    return np.array(found)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("n", [1, 7, 300, 20_000])
@pytest.mark.parametrize("width", [0.1, 2.0, 30.0])
def test_areas_from_a_table_are_those_added_up(monkeypatch, n, whole, width):
    """To a relative 1e-7, for few steps and many, near η and far, early and nearly spent."""
    rng = np.random.default_rng(n)
    duration, hazard = random_steps(rng, n, whole)
    eta = rng.normal(0, width, 60)
    start = rng.choice([0.0, *duration[:: max(1, n // 5)]], 60)
    start[::3] *= rng.random(20)
    horizon = duration[-1] / 3
    monkeypatch.setattr(areas, "_DIRECT", 0)
    monkeypatch.setattr(areas, "_CHUNK", 17)
    quick = step_area(duration, hazard, eta, start, horizon)
    slow = slow_areas(duration, hazard, eta, start, horizon)
    np.testing.assert_allclose(quick, slow, rtol=1e-7)
    monkeypatch.setattr(areas, "_DIRECT", 10**9)
    direct = step_area(duration, hazard, eta, start, horizon)
    np.testing.assert_allclose(direct, slow, rtol=1e-11)


def test_areas_where_nearly_all_hazard_lies_behind(monkeypatch):
    """After 250 units of hazard the area ahead has still seven digits."""
    rng = np.random.default_rng(0)
    duration, hazard = random_steps(rng, 2000)
    eta = np.linspace(4.0, 4.8, 50)
    behind = hazard / hazard[-1] * 299  # of those with the largest η
    start = duration[np.searchsorted(behind, np.linspace(1, 290, 50))]
    hazard *= 299 / hazard[-1] * np.exp(-4.8)
    monkeypatch.setattr(areas, "_DIRECT", 0)
    quick = step_area(duration, hazard, eta, start, 5.0)
    np.testing.assert_allclose(quick, slow_areas(duration, hazard, eta, start, 5.0), rtol=1e-7)


def test_areas_without_a_step_are_the_horizon():
    """Nobody has been seen to leave."""
    nothing = np.zeros(0)
    found = step_area(nothing, nothing, np.array([0.0, 900.0]), np.array([0.0, 3.0]), 4.0)
    assert found.tolist() == [4, 4]


def test_many_customers_get_what_few_get(monkeypatch):
    """Chunks, tables and interpolation leave no trace in what is predicted."""
    rng = np.random.default_rng(2)
    spells = pd.DataFrame(
        {
            "duration": rng.integers(1, 400, 4000),
            "churned": rng.random(4000) < 0.5,
            "x": rng.normal(size=4000),
            "plan": rng.choice(["a", "b"], 4000),
        }
    )
    model = rt.fit_cox(spells, covariates="x", strata="plan")
    n = 3000
    customers = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "tenure": rng.integers(0, 200, n),
            "x": rng.normal(size=n),
            "plan": rng.choice(["a", "b"], n),
        }
    )
    asked = {"times": [10, 150]}
    many = rt.survival.predict_survival(customers, model=model, **asked)
    stay = rt.survival.expected_remaining_lifetime(customers, model=model, horizon=150)
    monkeypatch.setattr(customers_given, "_CHUNK", 700)
    monkeypatch.setattr(areas, "_DIRECT", 10_000)
    pd.testing.assert_frame_equal(
        rt.survival.predict_survival(customers, model=model, **asked), many
    )
    again = rt.survival.expected_remaining_lifetime(customers, model=model, horizon=150)
    np.testing.assert_allclose(again["expected_lifetime"], stay["expected_lifetime"], rtol=1e-7)
    few = customers.iloc[[5, 2500]]
    pd.testing.assert_frame_equal(
        rt.survival.predict_survival(few, model=model, **asked),
        many[many["customer_id"].isin([5, 2500])].reset_index(drop=True),
    )


def test_variances_between_those_that_are_kept(monkeypatch):
    """3,000 durations, of which 1,000 keep theirs: bounds as if all did, also before the first."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=3000)
    spells = pd.DataFrame({"duration": rng.exponential(np.exp(-x)), "churned": True, "x": x})
    few = rt.fit_cox(spells, covariates="x")
    monkeypatch.setattr(baselines, "MOST_VARIANCES", 10**6)
    every = rt.fit_cox(spells, covariates="x")
    assert len(few.baselines[0].variance) == 1000
    assert len(every.baselines[0].variance) == 3000
    time = np.sort(spells["duration"])[[0, 1, 2, 500, 2000]]
    customers = pd.DataFrame({"customer_id": [1, 2], "x": [0.0, 2.0]})
    answers = [
        rt.survival.predict_survival(customers, model=m, times=time, given=None)
        for m in (few, every)
    ]
    width = [answer["upper"] - answer["lower"] for answer in answers]
    np.testing.assert_allclose(width[0], width[1], rtol=1e-2)
    assert (width[0] > 0).all()


# What is not known


def test_beyond_the_longest_duration_nothing_is_known():
    """Null with its reason, in each stratum for itself; up to it everything is known."""
    spells = pd.DataFrame(
        {"duration": [2, 4, 3, 9], "churned": [True, False] * 2, "plan": ["a", "a", "b", "b"]}
    )
    model = rt.fit_cox(spells, strata="plan")
    assert model.follow_up == 9
    customers = pd.DataFrame({"customer_id": [1, 2, 3], "tenure": 1, "plan": ["a", "b", "c"]})
    found = rt.survival.predict_survival(customers, model=model, times=[3, 4])
    assert list(found.columns) == SURVIVAL
    assert found["survival"].notna().tolist() == [True, False, True, True, False, False]
    reason = [None, OUTSIDE, None, None, STRANGER, STRANGER]
    assert [None if pd.isna(each) else each for each in found["reason"]] == reason
    assert found.loc[found["survival"].isna(), ["lower", "upper"]].isna().all(axis=None)
    churn = rt.predict_churn(customers, model=model, within=4)
    assert churn["churn_probability"].notna().tolist() == [False, True, False]
    stay = rt.survival.expected_remaining_lifetime(customers, model=model, horizon=4)
    assert list(stay.columns) == LIFETIME
    assert stay["expected_lifetime"].notna().tolist() == [False, True, False]
    assert stay["reason"].isna().tolist() == [False, True, False]


@pytest.mark.filterwarnings("ignore:customers. :retention.errors.RetentionWarning")
def test_time_in_which_nobody_was_under_observation_is_not_known():
    """Nobody was seen before 3 nor between 5 and 7: hazards there may be anything."""
    spells = pd.DataFrame(
        {"duration": [4, 5, 8, 9], "churned": True, "entry": [3, 3, 7, 7], "x": [0, 1, 0, 1]}
    )
    model = rt.fit_cox(spells, covariates="x")
    assert model.baselines[0].unseen == ((0.0, 3.0), (5.0, 7.0))
    tenure = [0, 2.5, 3, 3, 5, 7, 7.5, 6]
    length = [1, 3, 2, 2.5, 1, 2, 2, 0]
    for s, t, known in zip(
        tenure, length, [False, False, True, False, False, True, False, True], strict=True
    ):
        customers = pd.DataFrame({"customer_id": [1], "tenure": [s], "x": [0]})
        found = rt.survival.predict_survival(customers, model=model, times=t)
        assert found["survival"].notna().tolist() == [known]
        assert found["reason"].isna().tolist() == [known]
        if t:
            stay = rt.survival.expected_remaining_lifetime(customers, model=model, horizon=t)
            assert stay["expected_lifetime"].notna().tolist() == [known]


def test_a_stratum_without_ends_keeps_everybody_as_long_as_it_was_seen():
    """Nobody of plan b has been seen to leave: survival 1, bounds 1, up to its follow-up."""
    spells = pd.DataFrame(
        {"duration": [2, 4, 3], "churned": [True, True, False], "x": [0, 1, 2], "plan": list("aab")}
    )
    model = rt.fit_cox(spells, covariates="x", strata="plan", penalty=1)
    customers = pd.DataFrame({"customer_id": [1], "tenure": [1], "x": [3], "plan": ["b"]})
    found = rt.survival.predict_survival(customers, model=model, times=[2, 3])
    assert found.loc[0, ["survival", "lower", "upper"]].tolist() == [1, 1, 1]
    assert found["survival"].isna().tolist() == [False, True]


def test_days_in_a_row_leave_no_gap():
    """One spell ends on day 3, the next comes under observation after day 3."""
    spells = pd.DataFrame({"duration": [3, 6], "churned": True, "entry": [0, 3]})
    assert rt.fit_cox(spells).baselines[0].unseen == ()


def test_at_time_0_everybody_is_here():
    """Survival 1 with bounds 1; so it is before the first end."""
    model = rt.fit_cox(ties_galore(1, n=40, entry=False).query("duration > 0"), covariates=NAMES)
    found = rt.survival.predict_survival(
        some_customers(2), model=model, times=[0, 0.25], given=None
    )
    assert (found[["survival", "lower", "upper"]] == 1).all(axis=None)


def test_extreme_customers_have_survival_0_or_1():
    """Covariates far beyond the data: no warning, nothing outside 0 to 1."""
    model = rt.fit_cox(ties_galore(1, n=40, entry=False), covariates="price")
    customers = pd.DataFrame(
        {"customer_id": range(4), "tenure": 0, "price": [-1e6, 1e6, -1e99, 1e99]}
    )
    for answer in (
        rt.survival.predict_survival(customers, model=model, times=[0, 3]),
        rt.predict_churn(customers, model=model, within=3),
    ):
        share = answer[[name for name in ("survival", "churn_probability") if name in answer]]
        assert share.isin([0, 1]).all(axis=None)
        assert answer["reason"].isna().all()
    stay = rt.survival.expected_remaining_lifetime(customers, model=model, horizon=3)
    assert stay["expected_lifetime"].between(0, 3).all()


CUSTOMERS = pd.DataFrame({"customer_id": [1, 2], "tenure": [1, 2], "age": [1, 2], "plan": "full"})


@pytest.mark.parametrize(
    ("customers", "asked", "error", "message"),
    [
        (CUSTOMERS.drop(columns="customer_id"), {}, rt.ColumnError, "lacks 'customer_id'"),
        (CUSTOMERS.drop(columns="tenure"), {}, rt.ColumnError, "lacks 'tenure'.*say given=None"),
        (CUSTOMERS.drop(columns="age"), {}, rt.ColumnError, "the model names 'age', which is not"),
        (CUSTOMERS.rename(columns={"plan": "Plan"}), {}, rt.ColumnError, "Did you mean 'Plan'"),
        (CUSTOMERS.assign(tenure=[1, -1]), {}, rt.ContentError, "1 has no tenure, or one below 0"),
        (CUSTOMERS.assign(tenure=[1, np.nan]), {}, rt.ContentError, "1 has no tenure"),
        (CUSTOMERS.assign(tenure=[np.inf, np.inf]), {}, rt.ContentError, "2 have no tenure"),
        (CUSTOMERS.assign(age=np.nan), {}, rt.ContentError, "none of 2 rows has a 'age', which"),
        (
            CUSTOMERS.assign(plan=["max", "maxi"]),
            {},
            rt.ContentError,
            "none of 2 rows has a 'plan' that the model was fitted on: there is 'max', 'maxi'; "
            "it knows 'basic', 'full'. Write the labels as they were in the fit",
        ),
        (CUSTOMERS.assign(plan=[1, 2]), {}, rt.ColumnError, "'plan' held labels when.*got int64"),
        (CUSTOMERS.assign(age=["1", "2"]), {}, rt.ColumnError, "'age' held numbers or flags when"),
        (CUSTOMERS, {"times": -1}, rt.RetentionError, "times must be lengths of time, 0 or more"),
        (CUSTOMERS, {"times": "soon"}, rt.RetentionError, "times must be lengths.*got 'soon'"),
        (CUSTOMERS, {"times": [1, np.nan]}, rt.RetentionError, "times must be lengths of time"),
        (CUSTOMERS, {"level": 95}, rt.RetentionError, "level must lie between 0 and 1"),
        (CUSTOMERS, {"given": "age"}, rt.RetentionError, "given must be one of 'tenure', None"),
    ],
)
def test_customers_that_cannot_be_predicted_are_refused(customers, asked, error, message):
    """The message says what is missing, of how many, and what to do."""
    model = rt.fit_cox(ties_galore(1, n=40), covariates=["age", "plan"])
    with pytest.raises(error, match=message):
        rt.survival.predict_survival(customers, model=model, **{"times": 1, **asked})


@pytest.mark.parametrize(
    ("function", "asked", "message"),
    [
        (rt.predict_churn, {"within": [1, 2]}, r"within must be one length of time; got \[1, 2\]"),
        (rt.predict_churn, {"within": -1}, "within must be lengths of time, 0 or more; got -1"),
        (
            rt.survival.expected_remaining_lifetime,
            {"horizon": 0},
            "horizon must be one length.*above 0",
        ),
        (rt.survival.expected_remaining_lifetime, {"horizon": None}, "horizon must be lengths"),
    ],
)
def test_lengths_that_are_none_are_refused(function, asked, message):
    """One length of time where one is asked for."""
    model = rt.fit_cox(ties_galore(1, n=40), covariates=["age", "plan"])
    with pytest.raises(rt.RetentionError, match=message):
        function(CUSTOMERS, model=model, **asked)


# Tables


def test_engines_agree(engine):
    """Fit and predict on one engine: numbers to 1e-9 of pandas, in the caller's kind."""
    table = from_the_start(ties_galore(6, n=60)).assign(loyal=lambda t: t["price"] > 0)
    customers = some_customers(3).assign(loyal=lambda t: t["price"] > 0)
    asked = {"covariates": ["age", "loyal", "plan"], "strata": "plan"}
    model = rt.fit_cox(engine.table(table), **asked)
    here, there = engine.table(customers), rt.fit_cox(table, **asked)
    answers = [
        (rt.survival.predict_survival, {"times": [1, 9]}, ["customer_id", "time"]),
        (rt.predict_churn, {"within": 1}, ["customer_id"]),
        (rt.survival.expected_remaining_lifetime, {"horizon": 2}, ["customer_id"]),
    ]
    for function, lengths, order in answers:
        answer = function(here, model=model, **lengths)
        assert engine.is_mine(answer)
        found = engine.read(answer, order=order)
        expected = function(customers, model=there, **lengths).sort_values(order, ignore_index=True)
        assert list(found.columns) == list(expected.columns)
        assert found["reason"].isna().tolist() == expected["reason"].isna().tolist()
        for name in found.select_dtypes("number"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9)


def test_predictions_stand_beside_what_happened(engine):
    """with_predictions: all columns of the table, risk, and survival at each time."""
    table = from_the_start(ties_galore(6, n=20, weights=False)).drop(columns="n_spells")
    table = table.assign(customer_id=[f"c{i:02}" for i in range(len(table))])
    model = rt.fit_cox(table, covariates=NAMES, strata="plan")
    answer = rt.survival.with_predictions(
        engine.table(table), model=model, times=[2, 4.5, 99], landmark=1
    )
    assert engine.is_mine(answer)
    found = engine.read(answer, order=["customer_id"])
    assert list(found.columns) == [*table, "risk", "survival_2", "survival_4.5", "survival_99"]
    customers = table.assign(tenure=1)
    ahead = rt.survival.predict_survival(customers, model=model, times=[1, 3.5])[
        "survival"
    ].to_numpy()
    beside = found[["survival_2", "survival_4.5"]].to_numpy().ravel()
    np.testing.assert_allclose(beside, ahead, rtol=1e-9)
    assert found["survival_99"].isna().all()
    by_hand = (table[NAMES] - np.array(model.means)) @ model.beta
    np.testing.assert_allclose(found["risk"], by_hand, rtol=1e-9)


def test_the_callers_table_stays_as_it_is():
    """Types, index and values: in what is given, and in what comes back with predictions."""
    table = ties_galore(6, n=20, entry=False).assign(
        when=pd.Timestamp("2024-01-01"),
        segment=pd.Categorical(["x", "y"] * 10),
        visits=pd.array([1, None] * 10, dtype="Int64"),
    )
    table.index = pd.Index(range(100, 120), name="row")
    before = table.copy(deep=True)
    scored = rt.survival.with_predictions(table, model=rt.fit_cox(table, covariates="age"))
    pd.testing.assert_frame_equal(scored.drop(columns="risk"), before)
    scored["age"] = 99
    pd.testing.assert_frame_equal(table, before)


def test_an_answer_is_nobody_elses():
    """Ids of the answer are a copy: what is written there leaves the customers alone."""
    customers = pd.DataFrame({"customer_id": [1, 2], "tenure": [0.0, 1.0]})
    model = rt.fit_cox(ties_galore(6, n=20, entry=False))
    for answer in (
        rt.predict_churn(customers, model=model, within=1),
        rt.survival.expected_remaining_lifetime(customers, model=model, horizon=1),
    ):
        answer.loc[0, "customer_id"] = 9
        answer.loc[0, "tenure"] = 9.0
        assert customers["customer_id"].tolist() == [1, 2]
        assert customers["tenure"].tolist() == [0, 1]


def test_scores_accept_what_is_predicted():
    """The columns are those that concordance asks for."""
    table = ties_galore(6, n=60, entry=False)
    scored = rt.survival.with_predictions(
        table, model=rt.fit_cox(table, covariates=NAMES), times=[1, 2]
    )
    assert rt.survival.concordance(scored)["concordance"].between(0.5, 1).all()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"times": 1, "landmark": 2}, "times: 1 lies before the landmark 2"),
        ({"times": 1, "landmark": -1}, "landmark must be lengths of time, 0 or more; got -1"),
        ({"landmark": [1, 2]}, "landmark must be one length of time"),
        ({"times": 3}, "there is a column 'survival_3' already"),
    ],
)
def test_predictions_that_have_no_place_are_refused(asked, message):
    """Nothing of the caller's is overwritten."""
    table = ties_galore(6, n=20).assign(survival_3=0.5)
    with pytest.raises(rt.RetentionError, match=message):
        rt.survival.with_predictions(table, model=rt.fit_cox(table, covariates="age"), **asked)


def test_long_times_have_names_of_their_own():
    """Seven digits are not cut to six."""
    table = ties_galore(6, n=20, entry=False)
    scored = rt.survival.with_predictions(table, model=rt.fit_cox(table), times=[1234567, 1234568])
    assert list(scored.columns[-2:]) == ["survival_1234567", "survival_1234568"]


def test_no_customers_no_predictions(engine):
    """An empty table gives an empty one with the same columns."""
    model = rt.fit_cox(ties_galore(6, n=40), covariates="age", strata="plan")
    nobody = engine.table(some_customers(1).head(0))
    found = engine.read(rt.survival.predict_survival(nobody, model=model, times=[1, 2]))
    assert list(found.columns) == SURVIVAL
    assert len(found) == 0
    assert (
        len(engine.read(rt.survival.expected_remaining_lifetime(nobody, model=model, horizon=1)))
        == 0
    )


def test_a_model_is_printed_as_a_small_table():
    """What it was fitted on, the estimates, and what of the fit deserves a look; no dump."""
    spells = pd.DataFrame({
        "duration": [1, 2, 2, 4, 5, 6], "churned": [True, True, False, False, True, True],
        "plan": list("ababba"),
    })  # fmt: skip
    model = rt.fit_cox(spells, covariates="plan")
    lines = str(model).splitlines()
    assert lines[0] == "CoxModel of 6 spells, 4 ends: converged"
    assert lines[1].split()[:4] == ["term", "coef", "standard_error", "ratio"]
    assert lines[2].split()[0] == "plan=b"
    assert lines[2].split()[1] == f"{model.coef[0]:.4g}"
    assert lines[-2].endswith("rt.predict_churn(spells, model=model, within=90)")
    assert repr(model) == str(model)
    html = model._repr_html_()
    assert "<table" in html
    assert f"{model.coef[0]:.4g}" in html
    bought = rt.purchase_summary(rt.sample_company(300, seed=1).orders, as_of="2024-12-31")
    assert str(rt.repeat_buying.fit_bg_nbd(bought)).startswith("BgNbdModel of 300 customers: ")

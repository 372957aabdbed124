"""Sizes of tests over time, planned from a curve: authorities, twins, simulated power, refusals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

import retention as rt
from retention.errors import ColumnError, ContentError, RetentionError

size = rt.experiments.survival_test_size

MONTHLY = {"enrolment": 6, "follow_up": 12, "hazard_ratio": 0.8, "power": 0.8}


def curve_of(times, ends, left):
    """A curve table of so many ends at each time, the others censored at the last."""
    ends = np.asarray(ends)
    after = ends.sum() + left - ends.cumsum()
    first = np.arange(len(ends)) == 0
    return pd.DataFrame(
        {
            "duration": times,
            "n_at_risk": after + ends,
            "n_churned": ends,
            "n_censored": np.where(np.arange(len(ends)) == len(ends) - 1, left, 0),
            "n_entered": np.where(first, ends.sum() + left, 0),
        }
    )


def exponential(rate=0.03, until=18, steps=100):
    """The curve exp(−rate t) in fine steps."""
    times = np.arange(1, until * steps + 1) / steps
    here = np.rint(1e9 * np.exp(-rate * np.append(0, times))).astype(np.int64)
    return curve_of(times, -np.diff(here), here[-1])


def test_log_rank_is_schoenfeld_s_formula():
    """Events: HR .5 power .9 87.48; .8/.8 630.52; .75/.9 507.84 (all ends seen)."""
    everyone = curve_of([1.0], [10**9 - 1], 1)  # all but nobody leave: P is 1 for any HR near 1
    for ratio, power, events in ((0.5, 0.9, 87.48), (0.8, 0.8, 630.52), (0.75, 0.9, 507.84)):
        row = size(
            everyone, test="log-rank", enrolment=0, follow_up=1, hazard_ratio=ratio, power=power
        ).iloc[0]
        assert row["n"] - 2 <= events <= row["n"]


def test_sizes_of_an_exponential_curve_are_those_that_simulation_confirmed():
    """Rate .03 a month, HR .8: log-rank 1,902 (power .801), RMST(12) 1,452 an arm (.809)."""
    curve = exponential()
    assert size(curve, test="log-rank", **MONTHLY)["n"][0] == 1_902
    found = size(curve, test="restricted-mean", horizon=12, **MONTHLY).iloc[0]
    assert found["n_control"] == 1_452
    area = lambda rate: (1 - math.exp(-12 * rate)) / rate  # noqa: E731
    assert found["difference"] == pytest.approx(area(0.024) - area(0.03), rel=1e-3)


def test_the_planned_error_of_a_curve_difference_is_the_one_that_was_seen():
    """1,500 an arm, rates .012 and .009, 60 days, enrolled over 90, read on day 120: .01929."""
    curve = exponential(rate=0.012, until=60, steps=100)
    found = size(
        curve, test="difference", horizon=60, enrolment=90, follow_up=30, hazard_ratio=0.75, n=3_000
    ).iloc[0]
    apart = math.exp(-0.009 * 60) - math.exp(-0.012 * 60)
    assert found["difference"] == pytest.approx(apart, rel=1e-6)
    assert found["power"] == pytest.approx(norm.cdf(apart / 0.01929 - norm.ppf(0.975)), abs=1e-3)


def naive_parts(steps, ratio, enrolment, follow_up, horizon):
    """P, D₀'s mean, S and both variances of one arm: every moment of enrolment is asked."""
    moments = [(i + 0.5) / 2_000 * enrolment for i in range(2_000)] if enrolment else [0.0]
    watched = [follow_up + moment for moment in moments]
    seen = mean = variance_mean = greenwood = 0.0
    before, here = 1.0, 0.0
    for time, kept in [*steps, (horizon, None)]:
        mean += before * (min(time, horizon) - here) if time > here else 0.0
        here, before = time, before if kept is None else kept**ratio
    before = 1.0
    for time, kept in steps:
        after = kept**ratio
        share = sum(w >= time for w in watched) / len(watched)
        seen += (before - after) * share
        if before > after > 0:
            term = (before - after) / (before * after * share)
            area = sum(
                level**ratio * (min(end, horizon) - max(start, time))
                for (start, level), (end, _) in zip(steps, [*steps[1:], (horizon, 0)], strict=True)
                if min(end, horizon) > max(start, time)
            )
            greenwood, variance_mean = greenwood + term, variance_mean + area**2 * term
        before = after
    return seen, mean, before, variance_mean, before**2 * greenwood


@given(
    ends=st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any),
    left=st.integers(0, 20),
    enrolment=st.sampled_from([0, 2.5, 4]),
    follow_up=st.sampled_from([1.5, 3.0]),
    ratio=st.sampled_from([0.5, 0.8, 1.25]),
    treated=st.sampled_from([0.25, 0.5]),
)
def test_sizes_are_those_of_customers_enrolled_one_by_one(
    ends, left, enrolment, follow_up, ratio, treated
):
    """The twin sums over steps and moments of enrolment, one at a time."""
    times = np.arange(1, len(ends) + 1) / len(ends) * 1.4  # all before the follow-up ends
    curve = curve_of(times, ends, left)
    kept = 1 - np.cumsum(ends) / (sum(ends) + left)
    steps = list(zip(times.tolist(), kept.tolist(), strict=True))
    if left == 0:
        until = 1.4
    else:
        curve.loc[len(curve) - 1, "n_censored"] = 0
        last = {"duration": 9.0, "n_at_risk": left, "n_churned": 0, "n_censored": left}
        curve = pd.concat([curve, pd.DataFrame([{**last, "n_entered": 0}])], ignore_index=True)
        until = 1.5
    asked = {"enrolment": enrolment, "follow_up": follow_up, "hazard_ratio": ratio, "n": 500}
    asked |= {"shares": (1 - treated, treated)}
    arms = [naive_parts(steps, r, enrolment, follow_up, until) for r in (1.0, ratio)]
    seen, mean, kept_at, mean_variance, kept_variance = zip(*arms, strict=True)
    w, z = (1 - treated, treated), norm.ppf(0.975)
    share = w[0] * seen[0] + w[1] * seen[1]
    expected = {
        "log-rank": (math.log(ratio), 1 / (w[0] * w[1] * share)),
        "restricted-mean": (mean[1] - mean[0], mean_variance[0] / w[0] + mean_variance[1] / w[1]),
        "difference": (kept_at[1] - kept_at[0], kept_variance[0] / w[0] + kept_variance[1] / w[1]),
    }
    for test, (effect, variance) in expected.items():
        horizon = {} if test == "log-rank" else {"horizon": until}
        if not effect:  # all are gone by the horizon, or leave on it alone
            with pytest.raises(ContentError, match="By this curve nobody"):
                size(curve, test=test, **asked, **horizon)
            continue
        row = size(curve, test=test, **asked, **horizon).iloc[0]
        if variance > 0:
            power = norm.cdf(abs(effect) * math.sqrt(500 / variance) - z)
            assert row["power"] == pytest.approx(power, rel=1e-6, abs=1e-12), test
        assert row["n_events"] == pytest.approx(500 * share)
        if test != "log-rank":
            assert row["difference"] == pytest.approx(effect, abs=1e-12)


@pytest.mark.parametrize("test", ["log-rank", "restricted-mean", "difference"])
def test_three_questions_have_one_answer(test):
    """Size to power to the weakest ratio and back; arms of other shares, clusters, segments."""
    curve = exponential(steps=4)
    horizon = {} if test == "log-rank" else {"horizon": 12}
    plan = {"test": test, "enrolment": 6, "follow_up": 12, **horizon}
    row = size(curve, hazard_ratio=0.7, power=0.9, **plan).iloc[0]
    assert 0.9 <= row["power"] < 0.91
    n = int(row["n"])
    assert size(curve, hazard_ratio=0.7, n=n, **plan)["power"][0] == pytest.approx(row["power"])
    weakest = size(curve, n=n, power=row["power"], **plan)["hazard_ratio"][0]
    assert weakest == pytest.approx(0.7, rel=1e-6)
    branches = size(curve, hazard_ratio=0.7, power=0.9, cluster_size=21, icc=0.05, **plan).iloc[0]
    assert branches["n"] == pytest.approx(2 * n, abs=4)
    both = pd.concat([curve.assign(plan="a"), exponential(0.06, steps=4).assign(plan="b")])
    apart = size(both, by="plan", hazard_ratio=0.7, power=0.9, **plan)
    assert apart["plan"].tolist() == ["a", "b"]
    assert apart["n"][0] == n
    assert apart["n"][1] < n  # more leave, so that fewer customers show it


def test_no_enrolment_and_the_whole_curve_is_the_size_of_two_shares_of_unpooled_variance():
    """Nobody is censored before the horizon: S(1 − S) of each arm."""
    row = size(
        curve_of([1.0, 2.0], [10, 10], 80), test="difference", horizon=2, enrolment=0, follow_up=2,
        hazard_ratio=0.5, power=0.8,
    ).iloc[0]  # fmt: skip
    p, q = 0.8, 0.8**0.5
    need = (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * (p * (1 - p) + q * (1 - q)) / (q - p) ** 2
    assert row["n_control"] == math.ceil(need)
    assert (row["retention"], row["retention_treated"]) == pytest.approx((p, q))


def log_rank_z(time, ended, treated):
    """The log-rank statistic of many tests at once, one a row; no ties."""
    order = np.argsort(time, axis=1)
    ended, treated = (np.take_along_axis(a, order, 1) for a in (ended, treated))
    n = np.arange(time.shape[1], 0, -1)
    share = treated[:, ::-1].cumsum(1)[:, ::-1] / n
    score = (ended * (treated - share)).sum(1)
    return score / np.sqrt((ended * share * (1 - share)).sum(1))


def test_simulated_power_of_the_log_rank_test_is_the_planned_one():
    """An offer that halves leaving, planned for 80 of 100, by curves that are not exponential."""
    draw = np.random.default_rng(4)
    weibull = exponential(1.0, until=18, steps=100).assign(
        duration=lambda t: t["duration"] ** (1 / 1.5) * 10
    )
    plan = {"test": "log-rank", "enrolment": 6, "follow_up": 12}
    n = int(size(weibull, hazard_ratio=0.5, power=0.8, **plan)["n"][0])
    treated = np.tile(np.arange(n) % 2, (2_000, 1))
    exposure = draw.exponential(size=treated.shape) / np.where(treated == 1, 0.5, 1.0)
    life, watched = 10 * exposure ** (1 / 1.5), 12 + 6 * draw.random(treated.shape)
    z = log_rank_z(np.minimum(life, watched), (life <= watched).astype(float), treated)
    assert (np.abs(z) > norm.ppf(0.975)).mean() == pytest.approx(0.8, abs=0.03)


def test_a_curve_of_the_library_is_planned_from_on_any_engine(engine):
    """The answer of `survival_curve` goes in as it is, and a table of its kind comes out."""
    spells = pd.DataFrame(
        {"duration": [1, 2, 3, 3] * 20, "churned": [True, True, False, False] * 20}
    )
    curve = rt.survival_curve(engine.table(spells))
    plan = {"test": "difference", "horizon": 2, "enrolment": 1, "follow_up": 2}
    found = size(curve, hazard_ratio=0.5, power=0.8, **plan)
    assert engine.is_mine(found)
    # S 1/2 and √1/2, nobody censored before: 7.8489 (.25 + .2071) / .2071²
    assert engine.read(found)["n_control"].tolist() == [84]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"test": "cox"}, "test must be one of"),
        ({"horizon": None}, "say horizon="),
        ({"horizon": 25}, "Nobody would be watched for horizon=25"),
        ({"horizon": -1}, "horizon"),
        ({"enrolment": -1}, "enrolment"),
        ({"follow_up": "year"}, "follow_up"),
        ({"enrolment": 0, "follow_up": 0}, "both 0"),
        ({"hazard_ratio": 80}, "a fifth fewer"),
        ({"hazard_ratio": 1}, "not be 1"),
        ({"hazard_ratio": None}, "leave out the one"),
        ({"n": 100}, "leave out the one"),
        ({"test": "log-rank"}, "leave out horizon="),
        ({"power": None, "hazard_ratio": 0.8, "n": 3}, "4 or more"),
        ({"power": 0.9, "hazard_ratio": None, "n": 10}, "an offer that keeps everyone"),
        ({"hazard_ratio": 1 + 1e-9}, "too small for any test"),
        ({"by": "plan"}, "plan"),
    ],
)
def test_plans_that_cannot_be_are_refused(wrong, said):
    """What is no time, no ratio, no question, or more than the curve can tell."""
    asked = {"test": "difference", "horizon": 12, **MONTHLY} | wrong
    with pytest.raises(RetentionError, match=said):
        size(exponential(steps=1), **asked)


def test_a_curve_that_is_too_short_or_flat_is_refused():
    """The log-rank test needs it up to the last day, the others up to the horizon."""
    short = exponential(until=12, steps=1)
    with pytest.raises(ContentError, match="known up to 12 .* reads it up to 18"):
        size(short, test="log-rank", **MONTHLY)
    assert size(short, test="difference", horizon=12, **MONTHLY)["n"][0] > 0
    flat = curve_of([1.0, 20.0], [0, 0], 100)
    with pytest.raises(ContentError, match="Nobody leaves within 12"):
        size(flat, test="difference", horizon=12, **MONTHLY)
    with pytest.raises(ColumnError, match="lacks 'n_at_risk'"):
        size(flat.drop(columns="n_at_risk"), test="log-rank", **MONTHLY)
    twice = pd.concat([flat, flat])
    with pytest.raises(ContentError, match="Say by="):
        size(twice, test="log-rank", **MONTHLY)

"""proportional_hazards_test: what R prints, and the score test by differences of a twin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from cox_twins import Twin, at_risk, gradient, hessian, ties_galore, written_out

NAMES = ["age", "price"]
OVARIAN = """
59 1 72.3315 1 | 115 1 74.4932 1 | 156 1 66.4658 2 | 421 0 53.3644 1 | 431 1 50.3397 1
448 0 56.4301 2 | 464 1 56.937 2 | 475 1 59.8548 2 | 477 0 64.1753 1 | 563 1 55.1781 2
638 1 56.7562 2 | 744 0 50.1096 1 | 769 0 59.6301 2 | 770 0 57.0521 1 | 803 0 39.2712 1
855 0 43.1233 2 | 1040 0 38.8932 2 | 1106 0 44.6 1 | 1129 0 53.9068 1 | 1206 0 44.2055 1
1227 0 59.589 2 | 268 1 74.5041 2 | 329 1 43.137 1 | 353 1 63.2192 2 | 365 1 64.4247 1
377 0 58.3096 1
"""
"""Edmonson et al. (1979), Cancer Treatment Reports 63, 241–247: days, died, age, performance."""


def ovarian():
    """26 patients."""
    rows = [row.split() for row in OVARIAN.replace("\n", "|").split("|") if row.strip()]
    table = pd.DataFrame(rows, columns=["duration", "churned", "age", "ecog"]).astype(float)
    return table.assign(churned=table["churned"] == 1)


def lost_before(spells, time):
    """1 − the Kaplan–Meier survival just before a time, over all spells."""
    lasting = 1.0
    for moment in sorted({spell["duration"] for spell in spells if spell["churned"]}):
        if moment < time:
            n = sum(at_risk(spell, moment) for spell in spells)
            d = sum(s["churned"] and s["duration"] == moment for s in spells)
            lasting *= 1 - d / n
    return 1 - lasting


def mean_rank(times, time):
    """Of a time among all times, as R's rank() has it: ties at the mean of their ranks."""
    below = sum(each < time for each in times)
    return below + (times.count(time) + 1) / 2


def transforms(spells):
    """What time is turned into, for each end."""
    moments = sorted({spell["duration"] for spell in spells if spell["churned"]})
    return {
        "km": lambda time: lost_before(spells, time),
        "identity": float,
        "log": np.log,
        "event-rank": lambda time: 1 + moments.index(time),
        "rank": lambda time: mean_rank([spell["duration"] for spell in spells], time),
    }


def test_ovarian_is_what_r_prints():
    """R survival 3.8: cox.zph(coxph(Surv(futime, fustat) ~ age + ecog.ps, ovarian))."""
    model = rt.fit_cox(ovarian(), covariates=["age", "ecog"])
    table = rt.survival.proportional_hazards_test(ovarian(), model=model)
    assert table["term"].tolist() == ["age", "ecog", "(all)"]
    assert table["statistic"].round(3).tolist() == [0.698, 2.371, 3.633]
    assert table["p_value"].round(2).tolist() == [0.40, 0.12, 0.16]
    assert table["degrees_of_freedom"].tolist() == [1, 1, 2]


def test_the_two_ranks_differ_where_spells_are_censored_or_tied():
    """R ranks all durations, (1, 2½, 2½, 4) of 1, 2, 2+, 3; the other counts ends: 1, 2, 3."""
    spells = [{"duration": d, "churned": c} for d, c in ((1, 1), (2, 1), (2, 0), (3, 1))]
    raw = transforms(spells)
    assert [raw["rank"](time) for time in (1, 2, 3)] == [1, 2.5, 4]
    assert [raw["event-rank"](time) for time in (1, 2, 3)] == [1, 2, 3]
    answers = [
        rt.survival.proportional_hazards_test(
            ovarian(), model=rt.fit_cox(ovarian(), covariates="age"), transform=transform
        )["statistic"][0]
        for transform in ("rank", "event-rank")
    ]
    assert abs(answers[0] - answers[1]) > 1e-3


@pytest.mark.parametrize("transform", ["km", "identity", "log", "rank", "event-rank"])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@given(seed=st.integers(0, 10**6), strata=st.booleans())
def test_agrees_with_the_score_test_by_differences(transform, ties, seed, strata):
    """Likelihood of effects β + θ g(t): gradient and Hessian at θ = 0, with entry and weights."""
    table = ties_galore(seed, n=30)
    table["duration"] += 1
    table.loc[table["entry"] > 0, "entry"] += 1
    within = ["plan"] if strata else []
    model = rt.fit_cox(table, covariates=NAMES, strata=within, ties=ties)
    if model.status != "converged" or None in model.coef:
        return
    rows = written_out(table)
    raw = transforms(rows)[transform]
    ends = [row["duration"] for row in rows if row["churned"]]
    values = {time: raw(time) for time in set(ends)}
    size = max(1.0, *values.values())  # ranks go up to the number of spells: steps of a like size
    values = {time: value / size for time, value in values.items()}
    middle = np.mean([values[time] for time in ends])
    twin = Twin(rows, NAMES, ties=ties, within=within)

    def likelihood(point):
        return twin.log_likelihood(point[:2], point[2:], lambda time: values[time] - middle)

    point = np.array([*model.coef, 0.0, 0.0])
    score, information = gradient(likelihood, point)[2:], -hessian(likelihood, point)
    answer = rt.survival.proportional_hazards_test(table, model=model, transform=transform)
    for k, found in enumerate(answer["statistic"][:2]):
        some = information[np.ix_([0, 1, 2 + k], [0, 1, 2 + k])]
        left = 1 / np.linalg.inv(some)[2, 2]
        if left > 1e-4:
            assert found == pytest.approx(score[k] ** 2 / left, rel=1e-3, abs=1e-6)
    whole = np.linalg.inv(information)[2:, 2:]
    if np.linalg.cond(information) < 1e5:
        found = answer["statistic"].iloc[-1]
        assert found == pytest.approx(score @ whole @ score, rel=1e-3, abs=1e-6)


def test_hazards_that_are_not_proportional_are_found_out():
    """Half of the customers leave at first, the other half later on: small p; else large."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 3000)
    crossing = np.ceil(20 * rng.weibull(np.where(x == 1, 0.6, 2.0)))
    steady = np.ceil(rng.exponential(20 * np.exp(-0.5 * x)))
    p = []
    for duration in (crossing, steady):
        table = pd.DataFrame({"duration": duration, "churned": True, "x": x})
        answer = rt.survival.proportional_hazards_test(
            table, model=rt.fit_cox(table, covariates="x")
        )
        p.append(answer["p_value"].iloc[0])
    assert p[0] < 1e-10
    assert p[1] > 0.01


def test_units_do_not_matter():
    """Covariates from 1e-9 to 1e9."""
    table = ties_galore(5, n=60)
    other = table.assign(age=table["age"] * 1e9, price=table["price"] * 1e-9)
    one, two = (
        rt.survival.proportional_hazards_test(each, model=rt.fit_cox(each, covariates=NAMES))
        for each in (table, other)
    )
    np.testing.assert_allclose(one["statistic"], two["statistic"], rtol=1e-6)


def test_terms_without_errors_are_null():
    """Constants and separating covariates; the others are tested beside them."""
    table = ties_galore(5, n=60).assign(one=1.0, gone=lambda t: t["churned"])
    model = rt.fit_cox(table, covariates=["one", "gone", "age"])
    answer = rt.survival.proportional_hazards_test(table, model=model)
    assert answer["statistic"].isna().tolist() == [True, True, False, False]
    assert answer["p_value"].isna().tolist() == [True, True, False, False]
    assert answer["degrees_of_freedom"].tolist() == [1, 1, 1, 1]
    assert answer["statistic"].iloc[2] == pytest.approx(answer["statistic"].iloc[3])


def test_ends_at_one_time_say_nothing_of_change():
    """g is one number: null, without a warning."""
    table = pd.DataFrame({"duration": 3, "churned": True, "x": [1.0, 2.0, 4.0, 1.0]})
    answer = rt.survival.proportional_hazards_test(table, model=rt.fit_cox(table, covariates="x"))
    assert answer[["statistic", "p_value"]].isna().all(axis=None)


def test_penalised_models_have_no_p_value():
    """The law of the statistic is not χ² then."""
    table = ties_galore(5, n=60)
    model = rt.fit_cox(table, covariates=NAMES, penalty=3)
    answer = rt.survival.proportional_hazards_test(table, model=model)
    assert answer["statistic"].notna().all()
    assert answer["p_value"].isna().all()


def test_answer_is_of_the_kind_that_was_given(engine):
    """The same numbers from every engine, and the columns it promises."""
    model = rt.fit_cox(ovarian(), covariates=["age", "ecog"])
    answer = rt.survival.proportional_hazards_test(engine.table(ovarian()), model=model)
    assert engine.is_mine(answer)
    found = engine.read(answer)
    assert list(found.columns) == [
        "term",
        "statistic",
        "degrees_of_freedom",
        "p_value",
        "transform",
    ]
    assert sorted(found["statistic"].round(3)) == [0.698, 2.371, 3.633]
    assert set(found["transform"]) == {"km"}


@pytest.mark.parametrize(
    ("table", "covariates", "transform", "error", "message"),
    [
        (ovarian(), "age", "rang", rt.RetentionError, "transform must be one of 'km', 'rank'"),
        (ovarian(), [], "km", rt.ContentError, "no covariates, so there are no hazard ratios"),
        (
            ovarian().assign(duration=lambda t: t["duration"] - 59),
            "age",
            "log",
            rt.ContentError,
            "an end at duration 0 has no logarithm",
        ),
    ],
)
def test_what_cannot_be_tested_is_refused(table, covariates, transform, error, message):
    """The message says why."""
    model = rt.fit_cox(table, covariates=covariates)
    with pytest.raises(error, match=message):
        rt.survival.proportional_hazards_test(table, model=model, transform=transform)


def test_other_spells_than_the_models_are_refused():
    """A count tells them apart."""
    model = rt.fit_cox(ovarian(), covariates="age")
    with pytest.raises(rt.ContentError, match="there are 25, of which 11 ended; the model was"):
        rt.survival.proportional_hazards_test(ovarian().drop(index=0), model=model)

"""arm_balance: against NumPy arm by arm, on every engine; what is missing; refusals."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt

DAY = pd.Timestamp("2024-05-01")


def trial(arms):
    """An assignment with a customer for each arm said, in equal shares."""
    arms = list(arms)
    share = 1 / len(set(arms))
    return pd.DataFrame(
        {"customer_id": range(len(arms)), "arm": arms, "assigned": DAY, "share": share}
    )


def naive_difference(one, other, ddof):
    """Difference of means in pooled standard deviations; None where nothing varies."""
    if min(len(one), len(other)) <= ddof:
        return None
    spread = np.sqrt((np.var(one, ddof=ddof) + np.var(other, ddof=ddof)) / 2)
    return (np.mean(one) - np.mean(other)) / spread if spread > 1e-12 else None


def naive_balance(arms, numbers, labels):
    """By (covariate, level, arm, compared to): n, missing of both, and the difference."""
    found = {}
    for other, arm in combinations(sorted(set(arms)), 2):
        rows = {a: [i for i, x in enumerate(arms) if x == a] for a in (arm, other)}
        known = {a: [numbers[i] for i in rows[a] if numbers[i] is not None] for a in rows}
        gone = [len(rows[a]) - len(known[a]) for a in (arm, other)]
        sizes = [len(known[a]) for a in (arm, other)]
        value = naive_difference(known[arm], known[other], 1)
        found["risk", None, arm, other] = (*sizes, *gone, value)
        texts = {a: [labels[i] or "(missing)" for i in rows[a]] for a in rows}
        blank = [texts[a].count("(missing)") for a in (arm, other)]
        full = [len(rows[a]) for a in (arm, other)]
        for level in {label or "(missing)" for label in labels}:
            has = {a: [text == level for text in texts[a]] for a in rows}
            value = naive_difference(has[arm], has[other], 0)
            found["plan", level, arm, other] = (*full, *blank, value)
        if any(number is None for number in numbers):
            lacks = {a: [numbers[i] is None for i in rows[a]] for a in rows}
            value = naive_difference(lacks[arm], lacks[other], 0)
            found["risk", "(missing)", arm, other] = (*full, *gone, value)
    return found


def check_against_numpy(table, known, read, arms, numbers, labels):
    """The answer, read by an engine, is that of the loop."""
    answer = rt.experiments.arm_balance(table, known, covariates=["risk", "plan"])
    rows = read(answer).replace({np.nan: None}).to_dict("records")
    told = naive_balance(arms, numbers, labels)
    keys = [
        (row["covariate"], row["covariate_level"], row["arm"], row["compared_to"]) for row in rows
    ]
    assert len(keys) == len(told)
    for key, row in zip(keys, rows, strict=True):
        n, n_other, gone, gone_other, value = told[key]
        assert (row["n"], row["n_compared"]) == (n, n_other)
        assert (row["n_missing"], row["n_missing_compared"]) == (gone, gone_other)
        if value is None:
            assert row["standardised_difference"] is None
            assert row["reason"]
        else:
            assert row["standardised_difference"] == pytest.approx(value)
            assert row["reason"] is None
            assert row["chance_bound"] == pytest.approx(1.959964 * np.sqrt(1 / n + 1 / n_other))


lives = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.none() | st.integers(0, 4), st.none() | st.sampled_from("xy")
    ),
    min_size=2, max_size=20,
).filter(lambda rows: len({arm for arm, _, _ in rows}) > 1)  # fmt: skip


@given(rows=lives)
def test_differences_agree_with_their_definition(rows):
    """Of numbers, of each level, and of what is missing, for each two arms."""
    arms, numbers, labels = (list(part) for part in zip(*rows, strict=True))
    known = pd.DataFrame({"customer_id": range(len(rows))})
    known["risk"] = np.array([np.nan if x is None else x for x in numbers], float)
    known["plan"] = pd.Series(labels, dtype="string")
    check_against_numpy(trial(arms), known[::-1], lambda t: t, arms, numbers, labels)


def test_every_engine_agrees_with_numpy(engine):
    """Customers who are not in the second table are missing; others in it do not count."""
    arms, numbers = list("aabbab"), [1, 2, 3, None, 5, 8]
    labels = ["x", "y", "x", None, None, "y"]
    known = pd.DataFrame({"customer_id": [5, 4, 2, 1, 0, 99], "risk": [8.0, 5, 3, 2, 1, 7]})
    known["plan"] = ["y", None, "x", "y", "x", "z"]
    tables = engine.table(trial(arms)), engine.table(known)
    check_against_numpy(*tables, engine.read, arms, numbers, labels)


@pytest.mark.once
def test_random_arms_lie_within_what_chance_makes():
    """Of 200 covariates of nothing 94 to 96 in 100 are within the bound, none of it far out."""
    draw = np.random.default_rng(7)
    names = [f"x{i}" for i in range(200)]
    known = pd.DataFrame(draw.normal(size=(500, 200)), columns=names)
    known.insert(0, "customer_id", range(500))
    told = {"salt": "balance", "assigned": DAY, "method": "list"}
    found = rt.experiments.assign_arms(
        known[["customer_id"]], arms={"control": 0.3, "offer": 0.7}, **told
    )
    balance = rt.experiments.arm_balance(found, known, covariates=names)
    far = balance["standardised_difference"].abs() / balance["chance_bound"]
    assert 0.92 < (far < 1).mean() < 0.98
    assert far.max() < 2


def test_large_numbers_keep_their_digits():
    """A thousandth beside a billion: the second pass counts from the mean."""
    known = pd.DataFrame({"customer_id": range(4), "value": [1e9, 1e9 + 0.001, 1e9 + 0.002, 1e9]})
    balance = rt.experiments.arm_balance(trial("aabb"), known, covariates="value")
    one, other = known["value"][2:] - 1e9, known["value"][:2] - 1e9
    assert balance["standardised_difference"][0] == pytest.approx(
        naive_difference(one, other, 1), rel=1e-6
    )


def test_of_whole_branches_the_bound_is_theirs():
    """Two against two, however many customers they have."""
    table = trial("aaaabbbb").assign(cluster=list("kkllmmnn"))
    known = pd.DataFrame({"customer_id": range(8), "risk": range(8)})
    balance = rt.experiments.arm_balance(table, known, covariates="risk")
    assert balance["chance_bound"][0] == pytest.approx(1.959964)


def test_true_and_false_are_a_category():
    """And a column may be called like one of the way."""
    known = pd.DataFrame({"customer_id": range(4), "_arm": [True, False, False, False]})
    balance = rt.experiments.arm_balance(trial("aabb"), known, covariates="_arm")
    assert balance["covariate_level"].tolist() == ["false", "true"]
    assert balance["mean_compared"].tolist() == [0.5, 0.5]
    assert set(balance["covariate"]) == {"_arm"}


@pytest.mark.parametrize(
    ("changed", "covariates", "message"),
    [
        ({}, "risks", "Did you mean 'risk'"),
        ({}, [], "names no column"),
        ({}, "customer_id", "'customer_id' is a name that answers use"),
        ({"risk": [1.0, np.inf, 0.0]}, "risk", "'risk' holds inf, beyond what can be compared"),
        ({"risk": [1.0, -1e300, 0.0]}, "risk", r"'risk' holds -1e\+300, beyond what can be"),
        ({"risk": [DAY] * 3}, "risk", "neither a number nor a category. Make a number of it"),
        ({"customer_id": [1, 1, 2]}, "risk", "1 customer has several rows, such as 1"),
        ({"customer_id": ["0", "1", "2"]}, "risk", "Give both the same type"),
    ],
)
def test_what_cannot_be_compared_is_refused(changed, covariates, message):
    """With what to do."""
    known = pd.DataFrame({"customer_id": range(3), "risk": [1.0, 2.0, 3.0]}).assign(**changed)
    with pytest.raises(rt.RetentionError, match=message):
        rt.experiments.arm_balance(trial("aab"), known, covariates=covariates)


def test_identifiers_are_refused_as_covariates():
    """More than 1,000 levels."""
    known = pd.DataFrame({"customer_id": range(1_100)})
    known["name"] = known["customer_id"].astype(str)
    with pytest.raises(rt.ContentError, match="makes 1,100 levels, more than 1,000"):
        rt.experiments.arm_balance(trial("ab" * 550), known, covariates="name")

"""Assignments and covariates as strangers bring them: what was wrong in silence, or not refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention.errors import is_number

DAY = pd.Timestamp("2024-05-01")


def trial(n=40, **columns):
    """Every other customer with an offer."""
    who = {"customer_id": [f"c{i:02d}" for i in range(n)], "arm": ["none", "offer"] * (n // 2)}
    return pd.DataFrame({**who, "assigned": DAY, "share": 0.5, **columns})


def known(n=40, **columns):
    """What is known of the customers."""
    return pd.DataFrame({"customer_id": [f"c{i:02d}" for i in range(n)], **columns})


def balance(assignment, customers, covariates="v"):
    """The answer."""
    return rt.experiments.arm_balance(assignment, customers, covariates=covariates)


def test_arms_alike_within_but_not_between_have_no_spread(engine):
    """What rounding leaves was taken for one: differences of 150 million, by engine another."""
    n = 1001
    arm = ["none", "offer", "offer"] * n
    columns = {"customer_id": [f"c{i:04d}" for i in range(n)], "assigned": DAY, "share": 0.5}
    assignment = pd.DataFrame({**columns, "arm": arm[:n]})
    value = np.where(assignment["arm"] == "none", 0.3, 1e6 + 0.1)
    customers = pd.DataFrame({"customer_id": assignment["customer_id"], "v": value})
    found = engine.read(balance(engine.table(assignment), engine.table(customers))).iloc[0]
    assert (found["mean"], found["mean_compared"]) == (1e6 + 0.1, 0.3)
    assert (found["sd"], found["sd_compared"]) == (0, 0)
    assert np.isnan(found["standardised_difference"])
    assert found["reason"] == "all of both arms are alike"


def test_true_and_false_stay_so_beside_customers_not_known():
    """Joined in pandas they were of no type, and refused as no category."""
    customers = known(30, v=[True, False, False] * 10)
    found = balance(trial(), customers)
    assert found["covariate_level"].tolist() == ["(missing)", "false", "true"]
    assert found["n_missing"].tolist() == [5, 5, 5]
    assert found["mean"].tolist() == [0.25, 0.5, 0.25]
    with pytest.raises(rt.errors.ColumnError, match="'v' holds Datetime.*neither a number"):
        balance(trial(), known(v=DAY))


def test_strangers_are_no_customers():
    """Tables without a customer in common, or an empty one, gave rows of nothing."""
    for customers in (
        known(v=1.0).head(0),
        known(v=1.0).assign(customer_id="z" + known().iloc[:, 0]),
    ):
        with pytest.raises(rt.errors.ContentError, match="none of the 40 customers"):
            balance(trial(), customers)


@pytest.mark.parametrize("value", [1e308, -np.inf])
def test_what_is_beyond_comparison_is_said_before_it_is_added_up(value):
    """A mean of them overflowed first, with a warning of another library."""
    with pytest.raises(rt.errors.ContentError, match="'v' holds .* beyond what can be compared"):
        balance(trial(), known(v=value))


def test_a_cluster_in_several_arms_is_no_cluster():
    """It was counted once in each arm."""
    split = trial(cluster="b")
    for ask in (rt.experiments.sample_ratio, lambda table: balance(table, known(v=1.0))):
        with pytest.raises(rt.errors.ContentError, match="1 cluster has customers in several arms"):
            ask(split)
        assert ask(split.drop(columns="cluster")) is not None


def test_arms_are_named_once():
    """0 and "0" are one arm, of which one share was forgotten; NumPy's whole numbers are names."""
    plan = {"salt": "spring", "assigned": DAY, "method": "list"}
    with pytest.raises(rt.RetentionError, match="names an arm twice"):
        rt.experiments.assign_arms(known(), arms={0: 0.25, "0": 0.25, "b": 0.75}, **plan)
    arms = {np.int64(0): np.float32(0.5), np.int64(1): 0.5}
    found = rt.experiments.assign_arms(known(), arms=arms, **plan)
    assert found["arm"].value_counts().to_dict() == {"0": 20, "1": 20}


def test_numbers_of_few_digits_are_numbers():
    """Compared with the largest float, NumPy's small ones warned of an overflow."""
    assert is_number(np.float32(0.5))
    assert is_number(np.float16(0.5))
    assert not is_number(np.float32("inf"))
    assert not is_number(np.float64("nan"))
    assert not is_number(10**400)
    assert rt.experiments.sample_ratio(trial(), least_p=np.float32(0.25))["least_p"][0] == 0.25


def test_a_level_without_digits_left_is_refused():
    """(1 + level)/2 is 1: its quantile is none, and bounds were infinite."""
    with pytest.raises(rt.RetentionError, match="level must lie between 0 and 1"):
        rt.experiments.sample_ratio(trial(), level=1 - 1e-16)
    orders = known(date=DAY, sales=np.arange(40.0) ** 2)
    told = {"control": "none", "within": 1, "as_of": DAY, "of": "sales", "by": "seg"}
    assignment = trial(seg=["x", "x", "y", "y"] * 10)
    effect = rt.experiments.profit_effect(assignment, orders, **told, level=1 - 2**-52)
    assert np.isfinite(effect[["lower_all", "upper_all"]]).all(axis=None)


def test_days_that_were_over_before_the_first_order_brought_not_nothing():
    """They counted with 0, as if these customers had bought nothing."""
    assignment = trial(assigned=[DAY - pd.Timedelta(days=200)] * 4 + [DAY] * 36)
    orders = known(date=DAY, sales=5.0)[4:]
    told = {"control": "none", "within": 5, "as_of": "2024-05-05", "of": "sales"}
    with pytest.raises(rt.errors.ContentError, match="over before the first order"):
        rt.experiments.profit_effect(assignment, orders, **told)
    assert rt.experiments.profit_effect(assignment[4:], orders, **told)["mean"][0] == 5
    said = rt.experiments.profit_effect(assignment, orders, **told, observed_from="2023-01-01")
    assert said["mean"][0] == pytest.approx(5 * 18 / 20)


@pytest.mark.parametrize("name", ["None", "NA", "null", " offer "])
def test_an_arm_may_be_called_as_the_plan_calls_it(name, engine):
    """Texts that elsewhere say that nothing was filled in were blank arms, `blanks` or not."""
    log = known(4).assign(arm=[name, "b", name, "b"], day="2024-05-01")
    said = {"customer_id": "customer_id", "arm": "arm", "assigned": "day"}
    plan = {name: 0.5, "b": 0.5}
    found = engine.read(rt.loading.as_assignment(engine.table(log), **said, shares=plan))
    assert sorted(found["arm"]) == sorted([name.strip(), "b"] * 2)
    with pytest.raises(rt.RetentionError, match="names an arm twice"):
        rt.loading.as_assignment(log, **said, shares={name: 0.25, f"{name} ": 0.25, "b": 0.5})

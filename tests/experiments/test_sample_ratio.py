"""sample_ratio: published counts, every engine against a loop, segments, clusters, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

import retention as rt

SHARES = {"a": 0.5, "b": 0.3, "c": 0.2}


def assigned(arms, shares, **further):
    """An assignment with a customer for each arm said."""
    arms = list(arms)
    table = pd.DataFrame({"customer_id": range(len(arms)), "arm": arms, **further})
    return table.assign(assigned=pd.Timestamp("2024-05-01"), share=[shares[arm] for arm in arms])


def test_cookie_cats():
    """44,700 at gate 30 and 45,489 at gate 40: chi-squared 6.9024, p .0086; none at .001."""
    table = assigned(["30"] * 44_700 + ["40"] * 45_489, {"30": 0.5, "40": 0.5})
    ratio = rt.experiments.sample_ratio(table)
    assert ratio["n"].tolist() == [44_700, 45_489]
    assert ratio["expected"].tolist() == [45_094.5] * 2
    assert ratio["chi_squared"].round(4).tolist() == [6.9024] * 2
    assert ratio["p_value"].round(4).tolist() == [0.0086] * 2
    assert not ratio["mismatch"].any()
    assert rt.experiments.sample_ratio(table, least_p=0.01)["mismatch"].all()


def test_hillstrom():
    """No e-mail 21,306, men's 21,307, women's 21,387: chi-squared .2025, p .904."""
    sizes = {"none": 21_306, "men": 21_307, "women": 21_387}
    arms = [arm for arm, n in sizes.items() for _ in range(n)]
    ratio = rt.experiments.sample_ratio(assigned(arms, dict.fromkeys(sizes, 1 / 3)))
    assert ratio["chi_squared"].iloc[0] == pytest.approx(0.2025, abs=5e-5)
    assert ratio["p_value"].iloc[0] == pytest.approx(0.904, abs=5e-4)


def naive_ratio(rows, shares):
    """By (segment, arm): n, all, expected, chi-squared and p, counted one by one."""
    arms = sorted({arm for _, arm in rows})
    total = sum(shares[arm] for arm in arms)
    found = {}
    for segment in sorted({segment for segment, _ in rows}):
        n = {arm: rows.count((segment, arm)) for arm in arms}
        expected = {arm: sum(n.values()) * shares[arm] / total for arm in arms}
        distance = sum((n[arm] - expected[arm]) ** 2 / expected[arm] for arm in arms)
        p = chi2.sf(distance, len(arms) - 1)
        for arm in arms:
            found[segment, arm] = (n[arm], sum(n.values()), expected[arm], distance, p)
    return found


def check_against_loop(engine_table, read, rows):
    """The answer, read by an engine, is that of the loop."""
    ratio = read(rt.experiments.sample_ratio(engine_table, by="plan"))
    told = naive_ratio(rows, SHARES)
    keys = list(zip(ratio["plan"], ratio["arm"], strict=True))
    assert sorted(keys) == sorted(told)
    columns = ["n", "n_all", "expected", "chi_squared", "p_value"]
    for key, row in zip(keys, ratio[columns].to_numpy(float), strict=True):
        assert row.tolist() == pytest.approx(list(told[key]))


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("xy"), st.sampled_from("abc")), min_size=2, max_size=25
    ).filter(lambda rows: len({arm for _, arm in rows}) > 1)
)
def test_counts_agree_with_their_definition(rows):
    """In segments in which an arm may lack, and of arms that may be left out."""
    table = assigned([arm for _, arm in rows], SHARES, plan=[plan for plan, _ in rows])
    check_against_loop(table, lambda answer: answer, rows)


def test_every_engine_agrees_with_the_loop(engine):
    """In its own kind of table."""
    rows = [("x", "a"), ("x", "b"), ("y", "a"), ("y", "a"), ("y", "c"), ("x", "a")]
    table = assigned([arm for _, arm in rows], SHARES, plan=[plan for plan, _ in rows])
    assert engine.is_mine(rt.experiments.sample_ratio(engine.table(table)))
    check_against_loop(engine.table(table), engine.read, rows)


def test_what_assign_arms_gives_is_as_planned():
    """Of a closed list to the customer, also by stratum."""
    table = pd.DataFrame({"customer_id": range(90), "plan": list("xyz") * 30})
    said = {"salt": "spring", "assigned": "2024-05-01", "method": "list"}
    found = rt.experiments.assign_arms(table, arms=SHARES, strata="plan", **said)
    ratio = rt.experiments.sample_ratio(found, by="stratum")
    assert (ratio["n"] == ratio["expected"]).all()
    assert ratio["p_value"].tolist() == [1.0] * 9


def test_a_segment_finds_where_customers_are_lost():
    """A redirect that fails on one browser alone."""
    table = assigned("ab" * 200, {"a": 0.5, "b": 0.5}, browser=["x", "x", "y", "y"] * 100)
    table = table[(table["arm"] == "a") | (table["browser"] == "x") | (table["customer_id"] < 100)]
    ratio = rt.experiments.sample_ratio(table, by="browser").set_index("browser")
    assert ratio["mismatch"].to_dict() == {"x": False, "y": True}


def test_whole_branches_are_counted_as_units():
    """Customers of four branches are not 40 units."""
    clusters = np.repeat(["N", "S", "E", "W"], [31, 3, 3, 3])
    table = assigned("a" * 34 + "b" * 6, {"a": 0.5, "b": 0.5}, cluster=clusters)
    ratio = rt.experiments.sample_ratio(table)
    assert ratio["unit"].tolist() == ["cluster"] * 2
    assert ratio["n"].tolist() == [2, 2]
    assert ratio["n_customers"].tolist() == [34, 6]
    assert ratio["p_value"].tolist() == [1.0] * 2
    assert rt.experiments.sample_ratio(table.drop(columns="cluster"))["mismatch"].all()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"least_p": 0}, "least_p must lie between 0 and 1"),
        ({"least_p": "few"}, "least_p must lie between 0 and 1"),
        ({"level": 95}, "level must lie between 0 and 1"),
        ({"by": "plan"}, "by names 'plan', which is not a column"),
        ({"by": "arm"}, "'arm' is a name that answers use themselves"),
    ],
)
def test_wrong_questions_are_refused(said, message):
    """With what would be right."""
    with pytest.raises(rt.RetentionError, match=message):
        rt.experiments.sample_ratio(assigned("ab", SHARES), **said)


def test_a_customer_in_two_arms_is_refused():
    """And the advice helps."""
    table = assigned("aab", SHARES).assign(customer_id=[1, 2, 2])
    with pytest.raises(rt.ContentError, match=r"1 customer has several rows, such as 2\. Keep one"):
        rt.experiments.sample_ratio(table)
    assert len(rt.experiments.sample_ratio(table.drop_duplicates("customer_id", keep="last"))) == 2


@pytest.mark.parametrize("name", ["(x)", "people", "a.b", "*"])
def test_a_segment_may_have_any_name(name):
    """Also one that means something to DuckDB, or is one of the way."""
    import duckdb

    table = assigned("abab", {"a": 0.5, "b": 0.5}, **{name: list("xxyy")})
    connection = duckdb.connect()
    ratio = rt.experiments.sample_ratio(connection.from_df(table), by=name).df()
    assert sorted(ratio[name]) == list("xxyy")

"""A segment against the rest: the customers outside it, each counted once."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention as rt
from conftest import at_most
from retention.intervals import difference_with_bounds
from shops import orders

FEBRUARY = {"freq": "month", "as_of": "2024-02-29"}
REST = ["n_rest", "n_rest_churned", "rest_churn_rate"]


def grocer():
    """A shop of 1,043 customers, of whom 1,000 buy groceries and most of these other things too.

    Of the 1,000 leave 89 (8.9%), of the 43 others 12 (27.9%). Row by row the other departments are
    drugs, 1,010 customers of whom 68 leave, and meat, 300 of whom none does: 68 / 1,310, 5.2%.
    """
    bought = {f"g{i:04}": ["grocery"] for i in range(1000)} | {f"o{i}": ["drug"] for i in range(43)}
    lost = {f"g{i:04}" for i in range(89)} | {f"o{i}" for i in range(12)}
    for i in range(1000):
        bought[f"g{i:04}"] += ["drug"] * (i < 56 or i >= 89) + ["meat"] * (i >= 700)
    lines = [(who, "2024-01-01", 5, what) for who, things in bought.items() for what in things]
    lines += [(who, "2024-02-29", 5, "grocery") for who in bought if who not in lost]
    return orders(*lines, columns=("what",))


@pytest.mark.parametrize("engine", ["pandas", "polars", "pyarrow", "duckdb"], indirect=True)
def test_the_rest_are_customers_outside_the_segment_each_once(engine):
    """Groceries lose 8.9%, those who bought none 27.9%: not the 5.2% of the other rows."""
    activity = rt.customer_periods(engine.table(grocer()), by="what", **FEBRUARY)
    found = engine.read(rt.churn_by(activity, by="what"), order=["what"]).set_index("what")
    assert found.loc["grocery", ["n_base", "n_churned"]].tolist() == [1000, 89]
    assert found.loc["grocery", REST].tolist() == [43, 12, 12 / 43]
    assert found.loc["drug", REST].tolist() == [33, 33, 1.0]
    assert found.loc["meat", REST].tolist() == [743, 101, 101 / 743]
    others = found.drop("grocery")[["n_churned", "n_base"]].sum()
    assert others["n_churned"] / others["n_base"] == pytest.approx(0.052, abs=0.0005)
    assert found.loc["grocery", "difference"] == pytest.approx(0.089 - 12 / 43)
    assert found.loc["grocery", "difference_upper"] < 0


def test_the_difference_is_newcombes_and_that_of_target_customers():
    """Who bought a thing against who did not: the same question, the same answer."""
    activity = rt.customer_periods(grocer(), by="what", **FEBRUARY)
    found = rt.churn_by(activity, by="what", level=0.9).set_index("what")
    for name, row in found.iterrows():
        said = rt.kpis.target_customers(activity, target={"what": name}, level=0.9).iloc[0]
        assert row[REST].tolist() == said[REST].tolist()
        bounds = ["rest_lower", "rest_upper", "difference", "difference_lower", "difference_upper"]
        np.testing.assert_allclose(row[bounds].astype(float), said[bounds].astype(float))


def test_newcombes_example_is_his():
    """Table II of Newcombe (1998), method 10: 56/70 − 48/80 and 10/10 − 0/10."""
    for one, other, expected in (
        ((56, 70), (48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.6, 0.1705, 0.8090)),
        ((5, 56), (0, 29), (0.0893, -0.0381, 0.1926)),
        ((10, 10), (0, 10), (1.0, 0.6075, 1.0)),
    ):
        np.testing.assert_allclose(difference_with_bounds(one, other), expected, atol=5e-5)


def test_where_everybody_is_in_the_segment_there_is_no_rest():
    """Nobody outside: counts of 0, and null for what would be of them."""
    activity = rt.customer_periods(grocer().assign(all="all"), by="all", **FEBRUARY)
    row = rt.churn_by(activity, by="all").iloc[0]
    assert row[["n_rest", "n_rest_churned"]].tolist() == [0, 0]
    assert row[["rest_churn_rate", "difference", "difference_lower"]].isna().all()


lines = st.lists(
    st.tuples(
        st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
        st.sampled_from(["2024-01-05", "2024-02-05", "2024-03-05"]),
        st.integers(1, 8),
        st.sampled_from(["bread", "milk", "tea"]),
        st.sampled_from(["north", "south"]),
    ),
    min_size=6,
)


@pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
@pytest.mark.parametrize("lost_to", ["firm", "segment"])
@settings(max_examples=at_most(6))
@given(rows=lines)
def test_the_rest_agrees_with_its_definition_in_sets(lost_to, rows):
    """Outside a segment: kept is who comes back at all, or to a segment of their own."""
    table = orders(*rows, columns=("what", "where"))
    say = {"freq": "month", "as_of": "2024-03-31", "observed_from": "2024-01-01"}
    activity = rt.customer_periods(table, by=["what", "where"], **say)
    months = defaultdict(lambda: defaultdict(set))
    for who, day, _, what, where in rows:
        months[int(day[5:7])][who].add((what, where))
    found = rt.churn_by(activity, by=["what", "where"], lost_to=lost_to)
    for row in found.itertuples():
        now, later = months[row.period.month], months[row.period.month + 1]
        outside = {who for who, own in now.items() if (row.what, row.where) not in own}
        back = {who: later.get(who, set()) for who in outside}
        stay = {
            who for who in outside if back[who] & (now[who] if lost_to == "segment" else back[who])
        }
        assert (row.n_rest, row.n_rest_churned) == (len(outside), len(outside - stay))


def test_of_the_rest_lost_is_who_comes_back_to_none_of_their_own_segments():
    """Ann leaves bread and keeps milk: outside bread Bob alone is lost, outside tea nobody is."""
    table = orders(
        ("Ann", "2024-01-05", 1, "bread"), ("Ann", "2024-01-06", 1, "milk"),
        ("Bob", "2024-01-07", 1, "tea"), ("Ann", "2024-02-05", 1, "milk"), columns=("what",),
    )  # fmt: skip
    say = {"observed_from": "2024-01-01", "freq": "month", "as_of": "2024-02-29"}
    activity = rt.customer_periods(table, by="what", **say)
    found = rt.churn_by(activity, by="what", lost_to="segment").set_index("what")
    assert found["n_churned"].to_dict() == {"bread": 1, "milk": 0, "tea": 1}
    assert found["n_rest"].to_dict() == {"bread": 1, "milk": 1, "tea": 1}
    assert found["n_rest_churned"].to_dict() == {"bread": 1, "milk": 1, "tea": 0}


def test_where_segments_are_fixed_the_rest_is_the_other_rows():
    """Identity: nobody is in two, so the other rows add up to the rest, in both readings."""
    table = rt.sample_company(300, seed=4).orders
    fixed = table.assign(region=table.groupby("customer_id")["region"].transform("first"))
    say = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(fixed, by="region", **say)
    for lost_to in ("firm", "segment"):
        found = rt.churn_by(activity, by="region", lost_to=lost_to)
        for own, rest in (("n_base", "n_rest"), ("n_churned", "n_rest_churned")):
            total = found.groupby("step")[own].transform("sum")
            assert (total - found[own] == found[rest]).all()


def test_the_report_sets_a_segment_against_those_who_bought_none_there():
    """Groceries lose less than the rest, where the other rows would have said more."""
    say = {"gap": 60, "pictures": False, "by": "what"}
    report = rt.retention_report(grocer(), **FEBRUARY, **say)
    section = next(one for one in report.sections if one.key == "losses")
    cells = {row[0]: row for row in section.grids[0].rows}
    assert cells["grocery"][-2:] == ("27.9%", "loses less")
    assert cells["drug"][-2:] == ("100.0%", "loses less")
    assert cells["meat"][-2:] == ("13.6%", "loses less")
    assert section.finding == "No segment clearly loses more of its customers than the rest."
    assert any("each counted once" in note for note in section.notes)


def test_a_rest_of_few_is_not_shown():
    """Nine customers outside the segment are no more shown than a segment of nine."""
    table = grocer()
    few = table[~table["customer_id"].isin([f"o{i}" for i in range(9, 43)])]
    report = rt.retention_report(few, **FEBRUARY, gap=60, by="what", pictures=False)
    section = next(one for one in report.sections if one.key == "losses")
    grocery = next(row for row in section.grids[0].rows if row[0] == "grocery")
    assert grocery[-2:] == ("–", "too few to tell")


def test_a_bridge_of_pairs_says_that_its_total_counts_customers_in_each_segment():
    """The rate at its ends is not the firm's, so the picture does not call it that."""
    table = pd.concat([grocer(), grocer().assign(date=pd.Timestamp("2024-03-31"))])
    activity = rt.customer_periods(table, freq="month", as_of="2024-03-31", by="what")
    titles = {}
    for overlap in ("main", "pairs"):
        ax = rt.plots.plot_churn_bridge(rt.kpis.churn_bridge(activity, by="what", overlap=overlap))
        titles[overlap] = ax.get_title(loc="left") + ax.get_title()
    assert "counted in each" in titles["pairs"]
    assert "counted in each" not in titles["main"]

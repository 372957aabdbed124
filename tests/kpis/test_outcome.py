"""Buttle's outcome KPIs: against a twin in fractions, his worked example, and their identities."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention as rt
from shops import (
    a_month_with_nobody,
    buttle_example,
    everyone_leaves,
    everyone_stays,
    new_year_week,
    orders,
    refund_only,
)

FEBRUARY = {"freq": "month", "as_of": "2024-02-29"}
ignore_silence = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")


def rates(frame, figure, *, by=(), say=FEBRUARY, **kwargs):
    """The figure of a small shop on pandas."""
    return getattr(rt, figure)(rt.customer_periods(frame, by=by, **say), by=by, **kwargs)


def naive_cells(activity, lag, by, lost_to):
    """The definition in loops over customers: base, retained and their sums, as fractions."""
    rows = activity.to_dict("records")
    segment = lambda row: tuple(row[name] for name in by)  # noqa: E731
    mine = defaultdict(lambda: [False, 0, 0])
    for row in rows:
        cell = mine[row["customer_id"], row["step"], segment(row)]
        cell[0] |= row["active"]
        cell[1] += Fraction(row["sales"])
        cell[2] += Fraction(row["profit"])
    anywhere = {(customer, step) for (customer, step, _), cell in mine.items() if cell[0]}
    first, last = rows[0]["first_step"], rows[0]["last_step"]
    found = {}
    for part in {part for (_, _, part) in mine}:
        for step in range(first, last - lag + 1):
            base = [c for (c, s, p), cell in mine.items() if (s, p) == (step, part) and cell[0]]
            nothing = [False, 0, 0]
            later = {c: mine.get((c, step + lag, part), nothing) for c in base}
            kept = [
                c
                for c in base
                if (later[c][0] if lost_to == "segment" else (c, step + lag) in anywhere)
            ]
            s0 = {c: mine[c, step, part][1] for c in base}
            p0 = {c: mine[c, step, part][2] for c in base}
            found[part, step] = {
                "n_base": len(base),
                "n_retained": len(kept),
                "sales_base": sum(s0.values()),
                "sales": {
                    "base": sum(s0[c] for c in kept),
                    "current": sum(later[c][1] for c in kept),
                    "capped": sum(min(s0[c], later[c][1]) for c in kept),
                },
                "profit_base": sum(p0.values()),
                "profit": {
                    "base": sum(p0[c] for c in kept),
                    "current": sum(later[c][2] for c in kept),
                },
            }
    return found


line = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem", "Dee"]),
    st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-04-30").date()),
    st.integers(-4, 8),
    st.integers(-4, 6),
    st.sampled_from(["north", "south"]),
)


@ignore_silence
@given(
    lines=st.lists(line, min_size=1, max_size=25),
    lag=st.sampled_from([1, 2]),
    by=st.sampled_from([(), ("region",)]),
    lost_to=st.sampled_from(["firm", "segment"]),
    sales_basis=st.sampled_from(["base", "current", "capped"]),
    profit_basis=st.sampled_from(["base", "current"]),
)
def test_agrees_with_the_definition_in_sets(
    engine, lines, lag, by, lost_to, sales_basis, profit_basis
):
    """Counts are exact and money agrees, for every basis and reading."""
    frame = orders(("Ann", "2024-01-01", 1, 1, "north"), *lines, columns=("profit", "region"))
    activity = rt.customer_periods(
        engine.table(frame), freq="month", as_of="2024-04-30", by="region"
    )
    expected = naive_cells(engine.read(activity), lag, by, lost_to)
    answer = rt.outcome_kpis(
        activity,
        by=by,
        lag=lag,
        lost_to=lost_to,
        sales_basis=sales_basis,
        profit_basis=profit_basis,
    )
    assert engine.is_mine(answer)
    found = engine.read(answer)
    seen = {tuple(row[name] for name in by) for row in found.to_dict("records")}
    assert {part for part, _ in expected} >= seen
    for row in found.to_dict("records"):
        cell = expected[tuple(row[name] for name in by), row["step"]]
        assert (row["n_base"], row["n_retained"]) == (cell["n_base"], cell["n_retained"])
        assert_ratio(row["retention_rate"], cell["n_retained"], cell["n_base"])
        for money, basis in (("sales", sales_basis), ("profit", profit_basis)):
            assert row[f"{money}_base"] == pytest.approx(float(cell[f"{money}_base"]), rel=1e-9)
            assert row[f"{money}_retained"] == pytest.approx(float(cell[money][basis]), rel=1e-9)
            figure = row[f"{money}_adjusted_retention"]
            assert_ratio(figure, cell[money][basis], cell[f"{money}_base"])


def assert_ratio(found, numerator, denominator):
    """A ratio, or null where the denominator is not above 0."""
    if denominator > 0:
        assert found == pytest.approx(float(Fraction(numerator) / Fraction(denominator)), rel=1e-9)
    else:
        assert np.isnan(found)


@pytest.mark.parametrize(
    ("figure", "basis", "expected"),
    [
        ("sales_adjusted_retention", "base", 500 / 1000),
        ("sales_adjusted_retention", "current", 540 / 1000),
        ("sales_adjusted_retention", "capped", 440 / 1000),
        ("profit_adjusted_retention", "base", 100 / 150),
        ("profit_adjusted_retention", "current", 115 / 150),
    ],
)
def test_buttles_worked_example(engine, figure, basis, expected):
    """Sales 500, 200, 150, 100, 50 of whom the largest leaves: 0.50, 0.54, 0.44, 0.667, 0.767."""
    activity = rt.customer_periods(engine.table(buttle_example()), **FEBRUARY)
    answer = engine.read(getattr(rt, figure)(activity, basis=basis))
    assert answer[figure].tolist() == pytest.approx([expected], rel=1e-12)
    raw = engine.read(rt.retention_rate(activity))
    assert raw[["n_base", "n_retained", "retention_rate"]].values.tolist() == [[5, 4, 0.8]]


def test_everyone_stays_is_one_and_everyone_leaves_is_zero():
    """The ends of the range are reached exactly, bounds included."""
    stay = rates(everyone_stays(), "retention_rate").iloc[0]
    assert (stay["retention_rate"], stay["upper"], stay["churn_rate"]) == (1.0, 1.0, 0.0)
    leave = rates(everyone_leaves(), "retention_rate").iloc[0]
    assert (leave["retention_rate"], leave["lower"], leave["churn_rate"]) == (0.0, 0.0, 1.0)


def test_a_month_with_nobody_has_a_row_and_no_rate():
    """February's base is empty: counts 0, rates null, and January lost everybody."""
    say = {"freq": "month", "as_of": "2024-03-31"}
    found = rates(a_month_with_nobody(), "outcome_kpis", say=say)
    assert found["n_base"].tolist() == [1, 0]
    assert found["retention_rate"].isna().tolist() == [False, True]
    assert found["sales_adjusted_retention"].isna().tolist() == [False, True]
    assert found["retention_rate_lower"].isna().tolist() == [False, True]


def test_who_only_returns_goods_is_not_retained():
    """Bob's refund in February does not retain him."""
    assert rates(refund_only(), "retention_rate")["n_retained"].tolist() == [1]


def test_retention_runs_across_the_new_year():
    """The week after the last of the year is the next one."""
    say = {"freq": "week", "as_of": "2025-01-12"}
    assert rates(new_year_week(), "retention_rate", say=say)["n_retained"].tolist() == [1]


def test_a_base_total_that_is_not_positive_gives_null():
    """Profit of 5 and −5: there is nothing to retain a share of."""
    frame = orders(
        ("Ann", "2024-01-01", 1, 5), ("Bob", "2024-01-05", 1, -5), ("Ann", "2024-02-28", 1, 5),
        columns=("profit",),
    )  # fmt: skip
    found = rates(frame, "profit_adjusted_retention").iloc[0]
    assert found["profit_base"] == 0
    assert np.isnan(found["profit_adjusted_retention"])
    assert found["bounds"] == "none"


def test_profit_that_is_not_known_is_null_not_zero(engine):
    """Without a profit column the profit rate and its sums are null."""
    activity = rt.customer_periods(engine.table(refund_only()), **FEBRUARY)
    found = engine.read(rt.outcome_kpis(activity))
    assert (
        found[["profit_base", "profit_retained", "profit_adjusted_retention"]].isna().all(axis=None)
    )
    assert found["sales_adjusted_retention"].notna().all()


def test_segments_that_are_fixed_for_a_customer_add_up():
    """Where every customer has one region, counts and sums of regions are the firm's."""
    company = rt.sample_company(300, seed=3).orders
    home = company.groupby("customer_id")["region"].transform("first")
    say = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(company.assign(region=home), by="region", **say)
    firm = rt.outcome_kpis(activity).set_index("step")
    parts = rt.outcome_kpis(activity, by="region").groupby("step")
    for column in ("n_base", "n_retained"):
        assert parts[column].sum().equals(firm[column])
    for column in ("sales_base", "sales_retained", "profit_base", "profit_retained"):
        pd.testing.assert_series_equal(parts[column].sum(), firm[column], rtol=1e-9)


def test_splitting_lines_renaming_and_shuffling_change_nothing():
    """The rates depend on who bought how much when, not on how it was written down."""
    frame = rt.sample_company(200, seed=4).orders[["customer_id", "date", "sales", "profit"]]
    frame = frame[frame["sales"] > 0]
    say = {"freq": "quarter", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    before = rates(frame, "outcome_kpis", say=say)
    halves = pd.concat([frame, frame]).assign(
        sales=lambda t: t["sales"] / 2, profit=lambda t: t["profit"] / 2
    )
    renamed = halves.assign(customer_id="x" + halves["customer_id"].str[::-1])
    after = rates(renamed.sample(frac=1, random_state=1), "outcome_kpis", say=say)
    pd.testing.assert_frame_equal(before, after, rtol=1e-9)


def test_no_sale_is_counted_in_two_segments():
    """With basis current, what the segments keep never sums to more than the firm keeps."""
    company = rt.sample_company(300, seed=5).orders
    say = {"freq": "year", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    activity = rt.customer_periods(company, by="category", **say)
    firm = rt.sales_adjusted_retention(activity, basis="current").set_index("step")
    parts = rt.sales_adjusted_retention(activity, basis="current", by="category")
    kept = parts.groupby("step")["sales_retained"].sum()
    assert (kept <= firm["sales_retained"] * (1 + 1e-9)).all()


def test_churn_by_region_in_both_readings():
    """Who moves from north to south is lost to the north but not to the firm."""
    frame = orders(
        ("Ann", "2024-01-01", 30, "north"), ("Bob", "2024-01-20", 20, "north"),
        ("Ann", "2024-02-28", 45, "south"), columns=("region",),
    )  # fmt: skip
    activity = rt.customer_periods(frame, by="region", **FEBRUARY)
    firm = rt.churn_by(activity, by="region").set_index("region").loc["north"]
    segment = rt.churn_by(activity, by="region", lost_to="segment").set_index("region").loc["north"]
    assert (firm["n_churned"], segment["n_churned"]) == (1, 2)
    assert (firm["sales_churned"], segment["sales_churned"]) == (20.0, 50.0)
    assert firm["sales_adjusted_churn"] == 20 / 50


def test_churn_by_a_pair_of_segments_has_a_row_for_each_pair(engine):
    """Category and region together, every pair in every period, also where nobody bought."""
    frame = orders(
        ("Ann", "2024-01-01", 1, "north", "toys"), ("Bob", "2024-01-02", 1, "south", "food"),
        ("Bob", "2024-03-31", 1, "south", "toys"), columns=("region", "category"),
    )  # fmt: skip
    activity = rt.customer_periods(
        engine.table(frame), by=["region", "category"], freq="month", as_of="2024-03-31"
    )
    found = engine.read(rt.churn_by(activity, by=["region", "category"]))
    pairs = found[["region", "category"]].drop_duplicates()
    assert sorted(map(tuple, pairs.values)) == [("north", "toys"), ("south", "food")]
    assert len(found) == 2 * 2


def test_churn_is_the_complement_of_retention_with_its_bounds():
    """churn_by says the same as retention_rate, the other way round."""
    activity = rt.customer_periods(
        rt.sample_company(400, seed=6).orders,
        freq="quarter", as_of="2024-12-31", by="channel", observed_from="2022-01-01",
    )  # fmt: skip
    kept, lost = rt.retention_rate(activity, by="channel"), rt.churn_by(activity, by="channel")
    np.testing.assert_allclose(1 - kept["retention_rate"], lost["churn_rate"])
    np.testing.assert_allclose(1 - kept["upper"], lost["lower"])
    np.testing.assert_allclose(1 - kept["lower"], lost["upper"])


def test_outcome_kpis_says_what_the_three_functions_say():
    """One pass gives the same numbers as three calls."""
    activity = rt.customer_periods(
        rt.sample_company(400, seed=7).orders,
        freq="year", as_of="2024-12-31", observed_from="2022-01-01",
    )  # fmt: skip
    together = rt.outcome_kpis(activity, sales_basis="capped")
    sales = rt.sales_adjusted_retention(activity, basis="capped")
    profit = rt.profit_adjusted_retention(activity)
    for figure, alone in (("sales", sales), ("profit", profit)):
        name = f"{figure}_adjusted_retention"
        pd.testing.assert_series_equal(together[name], alone[name])
        assert together[f"{name}_lower"].tolist() == alone["lower"].tolist()
        assert together[f"{figure}_bounds"].tolist() == alone["bounds"].tolist()
        assert together[f"{figure}_basis"].tolist() == alone["basis"].tolist()


def test_bootstrap_bounds_are_the_same_on_every_engine_and_for_every_naming(engine):
    """The seed decides, not the engine, the order of rows or the customers' names."""
    company = rt.sample_company(200, seed=8).orders
    say = {"freq": "year", "as_of": "2024-12-31", "observed_from": "2022-01-01"}
    expected = rates(company, "sales_adjusted_retention", say=say, basis="current", seed=1)
    activity = rt.customer_periods(engine.table(company), **say)
    found = engine.read(rt.sales_adjusted_retention(activity, basis="current", seed=1))
    assert set(found["bounds"]) == {"bootstrap"}
    np.testing.assert_allclose(found["lower"], expected["lower"], rtol=1e-9)
    np.testing.assert_allclose(found["upper"], expected["upper"], rtol=1e-9)


def test_money_bounds_are_null_below_thirty_customers():
    """Five customers say nothing about the spread of sales, and the column says so."""
    found = rates(buttle_example(), "sales_adjusted_retention", seed=1).iloc[0]
    assert found["bounds"] == "none: few customers"
    assert np.isnan(found["lower"])
    assert np.isnan(found["upper"])


def test_a_hundred_thousand_segments_are_identifiers():
    """An order number given as a segment is refused with what it is."""
    frame = orders(*((f"c{i % 7}", "2024-01-01", 1) for i in range(100_001)))
    frame = pd.concat([frame, orders(("c1", "2024-02-29", 1))], ignore_index=True)
    activity = rt.customer_periods(frame.assign(number=frame.index), by="number", **FEBRUARY)
    with pytest.raises(rt.ContentError, match="makes 100,001 segments.*an identifier"):
        rt.churn_by(activity, by="number")


@pytest.mark.parametrize(
    ("figure", "say", "message"),
    [
        ("retention_rate", {"lag": 0}, "lag must be a whole number of periods, 1 or more; got 0"),
        ("retention_rate", {"lag": 1.5}, "lag must be a whole number"),
        ("retention_rate", {"lag": 2}, r"lag=2 needs 3 whole periods; .* 2 \(2024-01 to 2024-02\)"),
        ("retention_rate", {"level": 95}, "level must lie between 0 and 1, such as 0.95; got 95"),
        ("retention_rate", {"lost_to": "shop"}, "lost_to must be one of 'firm', 'segment'"),
        ("retention_rate", {"by": "region"}, "by names 'region', which is not a column"),
        ("sales_adjusted_retention", {"basis": "both"}, "basis must be one of 'base', 'current'"),
        (
            "profit_adjusted_retention",
            {"basis": "capped"},
            "basis must be one of 'base', 'current'",
        ),
        ("outcome_kpis", {"sales_basis": "x"}, "sales_basis must be one of"),
        ("churn_by", {"by": ()}, "churn_by needs by="),
        ("sales_adjusted_retention", {"seed": -1}, "seed must be a whole number, 0 or more"),
    ],
)
def test_refuses_in_the_users_words(figure, say, message):
    """Each wrong argument gets one sentence."""
    activity = rt.customer_periods(everyone_stays(), **FEBRUARY)
    with pytest.raises(rt.RetentionError, match=message):
        getattr(rt, figure)(activity, **say)


def test_a_year_of_days_later(engine):
    """A long lag is joined, not shifted, and gives the same."""
    frame = orders(("Ann", "2023-01-01", 1), ("Ann", "2024-01-01", 1), ("Bob", "2023-01-01", 1))
    activity = rt.customer_periods(engine.table(frame), freq="day", as_of="2024-01-01")
    found = engine.read(rt.retention_rate(activity, lag=365))
    assert found[["n_base", "n_retained"]].values.tolist() == [[2, 1]]


def test_one_period_is_too_few():
    """Retention needs a later period, and the message says how many there are."""
    activity = rt.customer_periods(everyone_stays(), freq="month", as_of="2024-01-31")
    with pytest.raises(rt.ContentError, match=r"needs 2 whole periods; the activity covers 1"):
        rt.retention_rate(activity)


def test_one_customer_has_a_rate_with_wide_bounds():
    """One of one: rate 1, and Wilson says how little that is."""
    frame = everyone_stays()
    found = rates(frame[frame["customer_id"] == "Ann"], "retention_rate").iloc[0]
    assert found["retention_rate"] == 1.0
    assert found["lower"] == pytest.approx(0.2065, abs=1e-4)


def test_orders_given_in_place_of_activity_are_refused():
    """The message names the function that makes the right table."""
    with pytest.raises(rt.ColumnError, match=r"activity .* lacks 'period' .*customer_periods"):
        rt.retention_rate(everyone_stays())

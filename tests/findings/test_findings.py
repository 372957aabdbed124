"""What figures say together: values by hand, on every engine at hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from retention import intervals
from shops import orders

pytestmark = pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning")
three = pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)


def rates(**changed):
    """Two segments in three months; of the south the second month is not there."""
    low, high = intervals.wilson_bounds([56, 48], [70, 80])
    table = pd.DataFrame({
        "seg": ["north"] * 3 + ["south"] * 2,
        "period": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01", "2024-01-01",
                                  "2024-03-01"]),
        "step": [24288, 24289, 24290, 24288, 24290],
        "retention_rate": [0.8, 0.6, 0.61, 0.5, np.nan],
        "lower": [*low, 0.50, 0.4, np.nan], "upper": [*high, 0.71, 0.6, np.nan],
    })  # fmt: skip
    return table.assign(**changed)


@three
def test_a_change_is_clear_where_its_bounds_leave_out_zero(engine):
    """56 of 70 and 48 of 80: Newcombe's 0.0524 to 0.3339, published, with the other sign."""
    found = engine.read(rt.findings.has_changed(engine.table(rates()), by="seg"))
    assert engine.is_mine(rt.findings.has_changed(engine.table(rates()), by="seg"))
    found = found.sort_values(["seg", "step"], ignore_index=True)
    assert found["seg"].tolist() == ["north", "north"]  # the south has no two months in a row
    assert found["change"].round(10).tolist() == [-0.2, 0.01]
    assert found["lower"].round(4).tolist()[0] == -0.3339
    assert found["upper"].round(4).tolist()[0] == -0.0524
    assert found["verdict"].tolist() == ["worse", "same"]
    assert found["finding"][1].startswith(
        "Raw retention rate of Mar 2024: 61.0%, no clear change ("
    )
    two = engine.read(rt.findings.has_changed(engine.table(rates()), by="seg", apart=2))
    two = two.sort_values("seg", ignore_index=True)
    assert two["verdict"].tolist() == ["worse", "unknown"]
    assert np.isnan(two["change"][1])


def test_of_churn_less_is_better():
    """The verdict goes by what is better of the figure."""
    table = rates().head(2).rename(columns={"retention_rate": "churn_rate"})
    assert rt.findings.has_changed(table, figure="churn_rate")["verdict"].tolist() == ["better"]


def test_what_cannot_be_compared_is_refused():
    """Segments that are not said, columns that are not there, a distance that is none."""
    for say, error, message in (
        ({}, rt.ContentError, "several rows per period: say by="),
        ({"by": "sg"}, rt.ColumnError, "by names 'sg'.*Did you mean 'seg'"),
        ({"by": "seg", "figure": "retention"}, rt.ColumnError, "Did you mean 'retention_rate'"),
        ({"by": "seg", "apart": 0}, rt.RetentionError, "apart must be a whole number"),
    ):
        with pytest.raises(error, match=message):
            rt.findings.has_changed(rates(), **say)
    assert rt.findings.has_changed(rates().head(1)).empty


@three
def test_the_kpis_themselves_can_be_asked(engine):
    """Each rate has bounds of its own name."""
    company = rt.sample_company(600, seed=2).orders
    window = {"observed_from": "2022-01-01", "as_of": "2024-12-31"}
    activity = rt.customer_periods(engine.table(company), freq="quarter", **window)
    kpis = rt.outcome_kpis(activity)
    for figure in ("retention_rate", "sales_adjusted_retention"):
        found = engine.read(rt.findings.has_changed(kpis, figure=figure, apart=4))
        assert len(found) == len(engine.read(kpis)) - 4
        known = found[found["lower"].notna()]
        assert len(known) > 3
        assert known["change"].between(known["lower"], known["upper"]).all()
    assert rt.findings.finding(kpis).startswith("Raw retention rate of 2024 Q3: ")


@three
def test_customers_at_risk_are_those_of_the_score_with_most_at_stake_first(engine):
    """The chance is that of churn_score, the stake the chance times a year's sales."""
    company = rt.sample_company(500, seed=1).orders
    say = {"as_of": "2024-06-30", "within": 60}
    found = engine.read(rt.findings.customers_at_risk(engine.table(company), lost_after=150, **say))
    score = rt.churn_score(company, **say).set_index("customer_id")
    likely = score[(score["p_no_purchase"] > 0.5) & (score["days_since_last"] <= 150)]
    assert set(found["customer_id"]) == set(likely.index)
    chance = likely["p_no_purchase"].reindex(found["customer_id"]).to_numpy()
    np.testing.assert_allclose(found["p_no_purchase"].to_numpy(float), chance, rtol=1e-9)
    year = company[(company["date"] > "2023-07-01") & (company["date"] < "2024-07-01")]
    spent = year.groupby("customer_id")["sales"].sum().reindex(found["customer_id"], fill_value=0)
    np.testing.assert_allclose(found["sales"].to_numpy(float), spent.to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(found["stake"].to_numpy(float), chance * spent.to_numpy(), rtol=1e-9)
    assert found["stake"].is_monotonic_decreasing
    assert "are at stake" in rt.findings.finding(found)


@three
def test_small_segments_stand_together(engine):
    """A segment of one among others could be told from the total, so the next goes with it."""
    months = ("2024-01-05", "2024-02-05")
    lines = orders(*((who, day, 1.0) for day in months for who in "abcdefghij"))
    lines["seg"] = (["n"] * 6 + ["s"] * 3 + ["w"]) * 2
    window = {"observed_from": "2024-01-01", "as_of": "2024-02-29"}
    activity = rt.customer_periods(engine.table(lines), freq="month", by="seg", **window)
    pooled = rt.findings.pool_small_segments(activity, by="seg", least=2)
    assert engine.is_mine(pooled)
    assert set(engine.read(pooled)["seg"]) == {"n", "s and smaller ones"}
    same = rt.findings.pool_small_segments(activity, by="seg", least=1)
    assert set(engine.read(same)["seg"]) == {"n", "s", "w"}


def test_a_table_says_one_sentence():
    """Of curves, reasons and rates; of anything else it says what it can speak of."""
    spells = pd.DataFrame({"duration": [1, 2, 3, 4], "churned": [True, True, False, True]})
    assert rt.findings.finding(rt.survival_curve(spells)) == "Half of them have left by 2."
    stay = rt.survival_curve(spells.assign(churned=[True, False, False, False]))
    said = "75.0% are still here after 4: more than half stay."
    assert rt.findings.finding(stay) == said
    given = pd.DataFrame({"customer_id": list("abc"), "reason": ["too_expensive"] * 2 + ["unused"]})
    tags = rt.map_reason_codes(given, scheme="stripe")
    found = rt.findings.finding(rt.reason_summary(tags, base="tagged"))
    assert found.endswith("by 2 of 3 customers (66.7%).")
    with pytest.raises(rt.ContentError, match="no sentence for this table"):
        rt.findings.finding(spells)

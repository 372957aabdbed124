"""What was gained on the year before: three names for it, by hand, its customers counted."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt

gain = rt.benchmarks.retention_gain
QUIET = pytest.mark.filterwarnings("ignore::retention.RetentionWarning")


def years(*kept_of_all, **more):
    """Rates by year: so many kept of so many."""
    kept, of_all = zip(*kept_of_all, strict=True)
    days = pd.date_range("2020-01-01", periods=len(kept), freq="YS")
    step = [2020 + i for i in range(len(kept))]
    return pd.DataFrame(
        {"period": days, "step": step, "n_base": of_all, "n_retained": kept, **more}
    )


def test_newcombes_example_has_three_gains():
    """From 48 of 80 to 56 of 70: 20 points, a third more, half the churn."""
    row = gain(years((48, 80), (56, 70)), apart=1).iloc[0]
    assert (row["before"], row["after"]) == (0.6, 0.8)
    assert row["gain_points"] == pytest.approx(0.2)
    bounds = [round(row[f"gain_points_{end}"], 4) for end in ("lower", "upper")]
    assert bounds == [0.0524, 0.3339]  # Newcombe (1998), table II
    assert row["gain_relative"] == pytest.approx(1 / 3)
    assert row["churn_relative"] == pytest.approx(-0.5)
    assert row["gain_relative_lower"] > 0
    assert row["churn_relative_upper"] < 0
    assert row["overlap"] == "taken for different people"


def test_of_churn_it_is_the_same_gain():
    """Retention is the complement."""
    table = years((48, 80), (56, 70))
    lost = table.assign(n_churned=table["n_base"] - table["n_retained"])
    columns = ["gain_points", "gain_relative", "churn_relative", "churn_relative_lower"]
    pd.testing.assert_frame_equal(
        gain(lost, figure="churn_rate", apart=1)[columns], gain(table, apart=1)[columns]
    )


def test_relative_to_nothing_is_null():
    """Nobody was kept, or everybody was, or there was nobody."""
    found = gain(years((0, 10), (10, 10), (5, 10), (0, 0)), apart=1)
    assert found["gain_relative"].isna().tolist() == [True, False, True]
    assert found["churn_relative"].isna().tolist() == [False, True, True]
    assert found["gain_points"].isna().tolist() == [False, False, True]
    assert gain(years((5, 10)), apart=1).empty
    assert gain(years((5, 10)).head(0)).empty


def test_each_segment_goes_with_itself():
    """A gap of a year makes no pair; rows in any order."""
    north = years((5, 10), (6, 10), (7, 10), seg="n")
    south = years((1, 10), (2, 10), (3, 10), seg="s").drop(index=1)
    found = gain(pd.concat([south, north]).iloc[::-1], by="seg", apart=1)
    assert found["seg"].tolist() == ["n", "n"]
    assert found["period_before"].dt.year.tolist() == [2020, 2021]
    both = gain(pd.concat([south, north]), by="seg", apart=2)
    assert both["seg"].tolist() == ["n", "s"]
    assert both["gain_points"].tolist() == pytest.approx([0.2, 0.2])


@QUIET
def test_with_the_activity_its_bounds_are_those_of_compared_rates():
    """The customers of both years are counted once, by one rule."""
    company = rt.sample_company(200, seed=1)
    activity = rt.customer_periods(company.orders, freq="quarter", as_of="2024-12-31")
    rates = rt.retention_rate(activity)
    found = gain(rates, apart=4, activity=activity)
    row = found.iloc[-1]
    days = [row["period_before"], row["period"]]
    pair = rt.benchmarks.compare_rates(
        rates[rates["period"].isin(days)], of="period", activity=activity
    ).iloc[0]
    assert row["n_in_both"] == pair["n_in_both"] > 0
    assert row["gain_points"] == pytest.approx(-pair["difference"])
    assert row["gain_points_lower"] == pytest.approx(-pair["difference_upper"])
    alone = gain(rates, apart=4).iloc[-1]
    assert alone["gain_points_lower"] < row["gain_points_lower"]
    assert (row["overlap"], row["apart"]) == ("counted", 4)


def test_what_has_no_year_before_is_refused():
    """A distance that is none, a table without steps, segments not said."""
    table = years((5, 10), (6, 10))
    for rates, said, error, message in (
        (table, {"apart": 0}, rt.RetentionError, "apart must be a whole number"),
        (table.drop(columns="step"), {}, rt.ColumnError, "lacks 'step'"),
        (pd.concat([table, table]), {}, rt.ContentError, "several rows per 'period'"),
        (table, {"activity": table, "figure": "x", "count": "n_retained", "base": "n_base"},
         rt.RetentionError, "goes with figure='retention_rate'"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            gain(rates, **{"apart": 1, **said})

"""What the main job is to Spark: two shuffles, and no product of tables."""

from __future__ import annotations

from datetime import date

import pytest

import retention as rt

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def plan_of(table):
    """How Spark will make a table."""
    return table._jdf.queryExecution().executedPlan().toString()


@pytest.fixture
def orders(spark):
    """Lines of three customers."""
    days = [date(2024, month, 5) for month in (1, 1, 2, 2, 3)]
    rows = list(zip(["A", "B", "A", "C", "B"], days, [5.0, 6.0, 7.0, 8.0, 9.0], strict=True))
    return spark.createDataFrame(rows, "who string, day date, paid double")


def test_activity_and_spells_shuffle_lines_twice_at_most_and_multiply_no_tables(orders):
    """Purchases are brought together by day, then by customer: that is all that moves."""
    lines = rt.as_transactions(orders, customer_id="who", date="day", sales="paid")
    window = {"as_of": "2024-03-31", "observed_from": "2024-01-01"}
    activity = rt.customer_periods(lines, freq="month", **window)
    spells = rt.purchase_spells(lines, gap=60, **window)
    assert activity.count() == 5
    for plan in map(plan_of, (activity, spells)):
        assert plan.count("Exchange hashpartitioning") <= 2
        assert "CartesianProduct" not in plan
        assert "BroadcastNestedLoopJoin" not in plan
        assert "ArrowEvalPython" not in plan

"""The report on who comes: its numbers are the library's, and it says what is not known."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
import shops
from parts import the_part

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning"),
]

COMPANY = rt.sample_company(300, seed=1)
SAID = {"as_of": "2024-12-31", "freq": "quarter", "pictures": False, "at_risk": 0, "gap": 180}


def orders(company=COMPANY):
    """The company's orders as a checked table."""
    return rt.as_transactions(
        company.orders, customer_id="customer_id", date="date", sales="sales",
        order_id="order_id", refunds="net",
    )  # fmt: skip


def part_of(table, **said):
    """The part of the report; None where it has none."""
    with the_part("came"):
        parts = {one.key: one for one in rt.retention_report(table, **(SAID | said)).sections}
    return parts.get("came")


def test_who_came_is_active_customers():
    """The latest quarter against a year before, row by row in the table."""
    found, table = part_of(orders()), orders()
    rows = rt.kpis.active_customers(table, freq="quarter", as_of="2024-12-31", washout=0)
    last, then = rows.iloc[-1], rows.iloc[-5]
    more = last["n_active"] / then["n_active"] - 1
    how = f"{abs(more):.1%} {'more' if more > 0 else 'fewer'} than in 2023 Q4"
    said = f"{last['n_active']:,} customers bought in 2024 Q4, {how}: "
    assert found.finding.startswith(said + f"{last['orders_per_customer']:.2f} orders each")
    assert f"{last['new_share']:.1%} of them were new" in found.finding
    assert found.grids[0].rows[0][:4] == (
        "2024 Q4", f"{last['n_active']}", f"{last['n_new']:.0f}", f"{last['n_returning']:.0f}"
    )  # fmt: skip
    assert len(found.grids[0].rows) == 9


def test_second_orders_are_time_to_next_order():
    """By when half had come back, and the curve at round times."""
    found, table = part_of(orders()), orders()
    curve = rt.kpis.time_to_next_order(table, as_of="2024-12-31")
    half = curve["median_days"].iloc[0]
    assert (
        f"Half of those who order once have ordered again within {half:.0f} days" in found.finding
    )
    at = curve[curve["duration"] <= 30].iloc[-1]
    bounds = f"{at['lower']:.1%} – {at['upper']:.1%}"
    assert ("30 days", f"{at['returned_share']:.1%}", bounds) in found.grids[1].rows


def test_of_a_log_cut_at_the_front_nobody_knows_who_is_new():
    """In its first year; nor which orders are first ones."""
    found = part_of(orders(), history="cut", observed_from="2022-01-01")
    assert "again" not in found.finding
    assert len(found.grids) == 1
    assert "Older orders are missing" in found.notes[1]
    late = orders()[lambda lines: lines["date"] >= "2024-01-01"]
    short = part_of(late, history="cut", observed_from="2024-01-01")
    assert "new" not in short.finding
    assert {row[4] for row in short.grids[0].rows} == {"–"}


def test_half_that_is_not_back_yet_is_not_told():
    """Then the share at the last round time is."""
    days = ["2024-01-01"] * 20 + ["2024-03-01"] * 5
    table = pd.DataFrame({
        "customer_id": [*range(20), *range(5)], "date": pd.to_datetime(days), "sales": 10.0,
    })  # fmt: skip
    found = part_of(table, freq="month", as_of="2024-06-30")
    assert found.finding == "Nobody bought in Jun 2024."
    found = part_of(table, freq="month", as_of="2024-03-31", gap=30)
    assert "Of those who order once 25.0% (" in found.finding
    assert "have ordered again within 90 days." in found.finding
    assert (
        part_of(table, freq="month", as_of="2024-03-31", gap=30, min_customers=21).grids[1:] == ()
    )


def test_contracts_have_no_such_part():
    """Who is under contract is told by the headline."""
    table = pd.DataFrame({
        "customer_id": ["Ann", "Bob"], "start": pd.to_datetime(["2024-01-01", "2024-02-01"]),
        "end": pd.to_datetime([None, None]),
    })  # fmt: skip
    assert part_of(table, freq="month", gap=0) is None


def test_its_pictures_are_told_in_words():
    """What they show stands beside them, for those who cannot see them."""
    table = orders()
    found = part_of(table, pictures=True)
    rows = rt.kpis.active_customers(table, freq="quarter", as_of="2024-12-31", washout=0)
    first, last = rows["n_active"].iloc[[0, -1]]
    assert f": {first} in 2022 Q1 to {last} in 2024 Q4." in found.pictures[0].told
    assert "30 days: " in found.pictures[1].told


def test_money_of_few_customers_is_not_shown():
    """A month in which three bought says how many, and not for how much."""
    rows = [(f"c{i}", day, 5) for i in range(3) for day in ("2024-01-01", "2024-02-29")]
    report = rt.retention_report(
        shops.orders(*rows), as_of="2024-02-29", freq="month", gap=60, pictures=False
    )
    part = next(one for one in report.sections if one.key == "came")
    assert [row[-2:] for row in part.grids[0].rows] == [("–", "–")] * 2
    assert "an order" not in part.finding

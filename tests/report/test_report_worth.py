"""The report on what a customer is worth: its numbers are the library's, and it is careful."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

import retention as rt
from retention.report.material import Asked, material_of_report
from retention.report.sections.worth import worth_section

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::retention.errors.RetentionWarning"),
]

COMPANY = rt.sample_company(900, seed=1)
NAMED = {name: name for name in ("customer_id", "date", "sales", "profit", "order_id")}


def orders(company=COMPANY, **changed):
    """The company's orders as a checked table."""
    named = {name: column for name, column in (NAMED | changed).items() if column}
    return rt.as_transactions(company.orders, refunds="net", **named)


def contracts(company=COMPANY):
    """Its contracts."""
    return rt.as_contracts(
        company.contracts, customer_id="customer_id", start="start", end="end", sales="sales",
        profit="profit", sales_per="month", end_is="first_day_out", trial="is_trial",
        trials="exclude", contract_id="contract_id",
    )  # fmt: skip


SAID = {
    "as_of": date(2024, 12, 31),
    "observed_from": None,
    "history": "whole",
    "freq": "quarter",
    "by": (),
    "gap": 180,
    "min_customers": 10,
    "at_risk": 0,
    "level": 0.95,
    "pictures": False,
}


def worth_of(table, **said):
    """The part of the report; None where it has none."""
    material = material_of_report(table, Asked(**(SAID | said)), None, None)
    return worth_section(material) if material.knows_profit else None


def test_it_is_part_of_the_report_where_profit_is_known():
    """Before who is at risk; sales alone are not worth anything."""
    asked = {"as_of": "2024-12-31", "freq": "quarter", "pictures": False, "at_risk": 0}
    table = contracts()
    parts = [one.key for one in rt.retention_report(table, **asked).sections]
    assert parts.index("worth") == parts.index("risk") - 1
    bare = rt.retention_report(table.drop(columns="profit"), **asked)
    assert "worth" not in [one.key for one in bare.sections]


def test_what_a_customer_brought_is_lifetime_profit():
    """The last quarter that enough customers were watched for, with its bounds."""
    table = orders()
    found = worth_of(table, discount=0.1)
    tenure = rt.activity.tenure_periods(table, as_of="2024-12-31", length="quarter")
    lifetime = rt.economics.lifetime_profit(tenure, discount=0.1, acquisition_cost=0)
    last = lifetime[lifetime["n_eligible"] >= 30].iloc[-1]
    numbers = [last[name] for name in ("cumulative_profit", "lower", "upper")]
    said = "A customer won has brought {:.2f} ({:.2f} to {:.2f}) after ".format(*numbers)
    assert found.finding.startswith(f"{said}{last['age']} quarters, those who left")
    first = lifetime.iloc[0]
    assert found.grids[0].rows[0][:2] == ("1 quarter", f"{first['n_eligible']:,}")
    assert any("Discounted at 10.0% a year." in note for note in found.notes)


def test_the_picture_is_told_in_words():
    """For those who cannot see it, with the number of the finding."""
    found = worth_of(contracts(), pictures=True)
    assert "<svg" in found.pictures[0].svg
    amount = found.finding.removeprefix("A customer won has brought ").split()[0]
    assert f"Of all who were won {amount} (" in found.pictures[0].told
    assert "of one who stays" in found.pictures[0].told


def test_five_points_are_read_three_ways():
    """Each as value_of_retention says, of the curve by years."""
    table = orders()
    found = worth_of(table)
    spells = rt.purchase_spells(table, gap=180, as_of="2024-12-31")
    curve = rt.survival_curve(rt.repeat_buying.renewal_periods(spells, length="year"))
    asked = {"points": 0.05, "profit": 1, "length": "year", "discount": 0, "timing": "start"}
    shown = [row[1] for row in found.grids[1].rows]
    for lever, share in zip(("once_as_survivors", "hazards", "rates"), shown, strict=True):
        gain = rt.economics.value_of_retention(curve, lever=lever, horizon=3, **asked)
        assert share == f"{gain['gain_share'][0]:.1%}"
    assert "in 3 years." in found.finding
    assert any("Nothing is discounted." in note for note in found.notes)
    assert any("expect less of it than the first row" in note for note in found.notes)


def test_where_two_years_were_watched_the_three_are_one():
    """There is one renewal in it."""
    late = COMPANY.orders[COMPANY.orders["date"] < "2024-02-01"]
    table = rt.as_transactions(late, refunds="net", **NAMED)
    found = worth_of(table, as_of=date(2024, 1, 31))
    assert len(found.grids[1].rows) == 1


def test_of_a_year_alone_no_five_points_are_told():
    """And the first table is by months."""
    late = COMPANY.orders[COMPANY.orders["date"] < "2023-01-01"]
    table = rt.as_transactions(late, refunds="net", **NAMED)
    found = worth_of(table, as_of=date(2022, 12, 31))
    assert [len(found.grids), found.grids[0].rows[0][0]] == [1, "1 month"]
    assert any("cannot be told" in note for note in found.notes)


def test_contracts_are_valued_by_their_own_ages():
    """With the pause that ends no relationship."""
    table = contracts()
    found = worth_of(table, gap=30)
    tenure = rt.activity.contract_tenure(table, as_of="2024-12-31", length="quarter", grace=30)
    lifetime = rt.economics.lifetime_profit(tenure, discount=0, acquisition_cost=0)
    assert found.grids[0].rows[0][3] == f"{lifetime['cumulative_profit'][0]:.2f}"


def test_a_period_without_customers_knows_no_profit():
    """Of nobody the sum is 0, whether a profit was said or not."""
    lines = rt.as_transactions(
        pd.DataFrame({"who": ["A", "A"], "day": ["2019-01-10", "2022-01-14"], "paid": [5, 6]}),
        customer_id="who", date="day", sales="paid",
    )  # fmt: skip
    assert worth_of(lines, freq="year", as_of=date(2022, 12, 31)) is None


def test_few_customers_are_too_few():
    """Said in words."""
    few = rt.sample_company(20, seed=1)
    found = worth_of(orders(few))
    assert found.finding == "Too few customers were watched long enough to say."
    assert found.grids == ()


def test_a_file_that_was_cut_values_those_who_began_in_it():
    """Older customers' first orders are not in the file."""
    table = orders()
    whole, cut = worth_of(table), worth_of(table, history="cut", observed_from=date(2023, 1, 1))
    counts = [int(part.grids[0].rows[0][1].replace(",", "")) for part in (whole, cut)]
    assert counts[1] < counts[0]


@pytest.mark.parametrize("discount", [10, -0.1, "x", None, True, float("nan")])
def test_a_discount_is_a_rate(discount):
    """Refused with what it is."""
    with pytest.raises(
        rt.RetentionError, match="discount is an effective rate a year, such as 0.1"
    ):
        rt.retention_report(contracts(), as_of="2024-12-31", freq="year", discount=discount)

"""The report's part on a test of an offer: who stayed, what they brought, how sure that is."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

import retention as rt
from parts import the_part

pytestmark = pytest.mark.once


FIRST = pd.Timestamp("2024-01-01")
SAID = {"as_of": "2024-06-30", "freq": "month", "pictures": False}


def contracts_of(n, *, leaves):
    """Customers of whom some leave 30 days after the test began."""
    ends = [FIRST + pd.Timedelta(days=61) if leaves(i) else pd.NaT for i in range(n)]
    table = pd.DataFrame({"customer_id": range(n), "start": FIRST, "end": ends})
    return rt.as_contracts(
        table, customer_id="customer_id", start="start", end="end", end_is="first_day_out"
    )


def arms_of(n, *, assigned="2024-02-01", arms=("control", "offer")):
    """Arms by turns."""
    table = pd.DataFrame({"customer_id": range(n), "assigned": pd.Timestamp(assigned)})
    names = [arms[i % len(arms)] for i in range(n)]
    return table.assign(arm=names, share=1 / len(arms))


def section(table, assignment, **said):
    """The part of the report, without its other parts."""
    with the_part("tested"):
        report = rt.retention_report(table, assignment=assignment, **(SAID | said))
    found = [part for part in report.sections if part.key == "tested"]
    assert len(found) == 1
    return found[0]


def test_an_effect_is_told_with_its_bounds():
    """Of 100 in each arm 20 leave of the offered and 40 of the others."""
    table = contracts_of(200, leaves=lambda i: i // 2 < (20 if i % 2 else 40))
    found = section(table, arms_of(200), pictures=True)
    assert found.finding.startswith(
        "Of the customers in “offer” 80.0% were still here after 90 days, of “control” 60.0%: "
        "+20.0 points ("
    )
    assert [row[:3] for row in found.grids[0].rows] == [
        ("control", "100", "60.0%"),
        ("offer", "100", "80.0%"),
    ]
    assert [picture.title for picture in found.pictures] == [
        "How many more stayed than in “control”"
    ]


def test_no_effect_is_not_talked_up():
    """As many of each arm leave."""
    table = contracts_of(200, leaves=lambda i: i // 2 < 30)
    found = section(table, arms_of(200)).finding
    assert found.startswith("No clear difference after 90 days: “offer” 0.0 points (")


def test_of_several_arms_the_sentence_counts_all():
    """Three offers, of which none is clear once all are counted, though one would be alone."""
    left = {0: 30, 1: 19, 2: 29, 3: 31}
    table = contracts_of(480, leaves=lambda i: i // 4 < left[i % 4])
    names = ("control", "a", "b", "c")
    found = section(table, arms_of(480, arms=names))
    assert found.finding.startswith("No clear difference")
    assert any("how many arms" in note for note in found.notes)
    alone = section(table, arms_of(480, arms=names).query("arm in ('control', 'a')"))
    assert alone.finding.startswith(("No clear", "Of the"))


def test_with_orders_money_is_told_beside():
    """Who was offered it buys for twice as much; and a silence of 30 days is a loss."""
    rows = [
        (i, FIRST + pd.Timedelta(days=20 * k), 10.0 * (1 + i % 2))
        for i in range(80)
        for k in range(10)
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    orders = rt.as_transactions(table, customer_id="customer_id", date="date", sales="sales")
    found = section(orders, arms_of(80), gap=30)
    money = found.grids[1]
    assert money.caption == "Sales of a customer in the first 90 days"
    assert [row[0] for row in money.rows] == ["control", "offer"]
    assert float(money.rows[1][1]) == 2 * float(money.rows[0][1]) > 0
    assert any("silent for 30 days here" in note for note in found.notes)


@pytest.mark.parametrize(
    ("assigned", "gap", "finding"),
    [
        ("2024-06-30", 0, "It is too early to say: nobody has been watched for a day"),
        ("2024-06-10", 0, "No clear difference after 20 days"),
    ],
)
def test_a_test_that_has_just_begun_is_read_as_far_as_it_goes(assigned, gap, finding):
    """Its horizon is what was watched."""
    table = contracts_of(100, leaves=lambda i: False)
    assert section(table, arms_of(100, assigned=assigned), gap=gap).finding.startswith(finding)


def test_few_customers_are_not_shown():
    """Of nine in an arm nothing is said."""
    found = section(contracts_of(18, leaves=lambda i: False), arms_of(18))
    assert found.finding == "Too few customers were in the test to say."


def test_a_control_of_another_name_is_asked_for():
    """The arms are named."""
    table = contracts_of(40, leaves=lambda i: False)
    arms = arms_of(40, arms=("nothing", "offer"))
    with pytest.raises(rt.RetentionError, match="nothing"):
        rt.retention_report(table, assignment=arms, **SAID)
    assert section(table, arms, control="nothing").grids[0].rows[0][0] == "nothing"


def test_without_a_test_there_is_no_such_part():
    """Nobody asked."""
    report = rt.retention_report(contracts_of(40, leaves=lambda i: False), **SAID)
    assert "tested" not in [part.key for part in report.sections]


def test_an_arm_that_has_not_begun_holds_up_no_other():
    """Nor is it too early to say, if one customer is to be assigned after the last day."""
    table = contracts_of(200, leaves=lambda i: i // 2 < (20 if i % 2 else 40))
    alone = section(table, arms_of(200))
    late = pd.DataFrame({"customer_id": [999], "arm": ["late"], "share": [0.2]})
    arms = arms_of(200).assign(share=0.4)
    both = section(table, pd.concat([arms, late.assign(assigned=pd.Timestamp("2024-12-01"))]))
    assert both.finding == alone.finding
    assert both.grids[0].rows[:2] == alone.grids[0].rows


def test_an_empty_assignment_is_not_called_too_early():
    """Nobody was in the test."""
    table = contracts_of(20, leaves=lambda _: False)
    found = section(table, arms_of(20).head(0))
    assert found.finding == "Nobody was put into an arm of the test."


def test_a_lazy_assignment_beside_lazy_contracts_tells_the_same():
    """With its picture."""
    table = contracts_of(60, leaves=lambda i: i % 3 == 0)
    lazy = [pl.from_pandas(each).lazy() for each in (table, arms_of(60))]
    found, expected = section(*lazy, pictures=True), section(table, arms_of(60), pictures=True)
    assert (found.finding, found.grids) == (expected.finding, expected.grids)
    assert len(found.pictures) == 1

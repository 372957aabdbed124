"""Billing systems: from an export as it comes to right figures, in Python and on the command line.

The files are invented; their columns are those of each system's public documentation.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import retention as rt
from retention.cli import main

FILES = Path(__file__).parent / "billing"
WEEK, DAY = 7 / 30.4375, 1 / 30.4375

SYSTEMS = {
    # Ann 30, Bob 5 × 12, Cem 240 a year until 20 May; Dee's trial lapses, Eve pays from 24 Feb.
    "stripe_subscriptions": (
        {
            "customer_id": "Customer ID", "contract_id": "id", "start": "Start Date (UTC)",
            "end": "Ended At (UTC)", "end_is": "first_day_out", "quantity": "Quantity",
            "unit_price": "Amount", "sales_per": "Interval", "trial_end": "Trial End (UTC)",
            "trials": "exclude",
        },
        {"as_of": "2024-06-30"},
        [[3, 3], [3, 3], [4, 4], [4, 4], [4, 3], [3, 3]],
        [110, 110, 140, 140, 140, 120, 120],
    ),
    # Ann pays 30 a month, the last time three days late; Cem's quarter of 90 is not renewed; Bob
    # pays 240 for a year from 15 January.
    "stripe_invoices": (
        {
            "customer_id": "Customer", "start": "Minimum Line Item Period Start (UTC)",
            "end": "Maximum Line Item Period End (UTC)", "end_is": "first_day_out",
            "sales": "Total", "sales_per": "term",
        },
        {"as_of": "2024-04-15", "grace": 7},
        [[2, 2], [3, 3], [3, 2]],
        [60, 80, 80, 50],
    ),
    # Ann 90 for 3 months, Bob 2 × 120 a year, Cem 10 a month until 10 March; Dee's trial lapses.
    "chargebee": (
        {
            "customer_id": "customers.id", "contract_id": "subscriptions.id",
            "start": "subscriptions.started_at", "end": "subscriptions.cancelled_at",
            "end_is": "first_day_out", "quantity": "subscriptions.plan_quantity",
            "unit_price": "subscriptions.plan_unit_price",
            "sales_per": "subscriptions.billing_period_unit",
            "sales_per_count": "subscriptions.billing_period",
            "trial_end": "subscriptions.trial_end", "trials": "exclude",
        },
        {"as_of": "2024-04-30"},
        [[3, 3], [3, 3], [3, 2], [2, 2]],
        [60, 60, 60, 50, 50],
    ),
    # Ann 30 a month, Bob 4 × 15 for six months, Cem 14 for 14 days, which is 30.4375 a month.
    "recurly": (
        {
            "customer_id": "account_code", "contract_id": "uuid", "start": "activated_at",
            "end": "expires_at", "end_is": "first_day_out", "quantity": "quantity",
            "unit_price": "unit_amount", "sales_per": "plan_interval_unit",
            "sales_per_count": "plan_interval_length", "trial_end": "trial_ends_at",
            "trials": "exclude", "tz": "UTC",
        },
        {"as_of": "2024-04-30"},
        [[3, 3], [3, 3], [3, 2], [2, 2]],
        [70.4375, 70.4375, 70.4375, 40, 40],
    ),
    # Ann 30, Bob 2 × 120 a year, Cem 7 a week until 15 March, Dee 45 a quarter from 1 February.
    "paddle": (
        {
            "customer_id": "customer_id", "contract_id": "subscription_id", "start": "started_at",
            "end": "canceled_at", "end_is": "first_day_out", "quantity": "quantity",
            "unit_price": "unit_price", "sales_per": "billing_cycle_interval",
            "sales_per_count": "billing_cycle_frequency", "trial_end": "trial_ends_at",
            "trials": "exclude", "tz": "UTC",
        },
        {"as_of": "2024-04-30"},
        [[3, 3], [4, 4], [4, 3], [3, 3]],
        [80.4375, 95.4375, 95.4375, 65, 65],
    ),
    # In cents: 3000 a month, 36000 for 12 months, 6000 for 30 days until 15 March; a trial lapses.
    "maxio": (
        {
            "customer_id": "customer_id", "contract_id": "id", "start": "created_at",
            "end": "canceled_at", "end_is": "first_day_out", "sales": "product_price_in_cents",
            "sales_per": "product_interval_unit", "sales_per_count": "product_interval",
            "trial_end": "trial_ended_at", "trials": "exclude", "tz": "America/New_York",
        },
        {"as_of": "2024-04-30"},
        [[3, 3], [3, 3], [3, 2], [2, 2]],
        [12087.5, 12087.5, 12087.5, 6000, 6000],
    ),
    # Ann 30; Bob 90, then 120 a quarter; Cem 50 for five months to June; Dee 600 for half a year.
    "zuora": (
        {
            "customer_id": "Account.AccountNumber", "contract_id": "RatePlanCharge.ChargeNumber",
            "start": "RatePlanCharge.EffectiveStartDate",
            "end": "RatePlanCharge.EffectiveEndDate", "end_is": "first_day_out",
            "sales": "RatePlanChargeTier.Price", "sales_per": "RatePlanCharge.BillingPeriod",
            "sales_per_count": "RatePlanCharge.SpecificBillingPeriod",
        },
        {"as_of": "2024-07-15"},
        [[4, 4], [4, 4], [4, 4], [4, 4], [4, 3], [3, 2]],
        [170, 170, 170, 180, 180, 170, 70],
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_export_gives_the_figures_worked_out_by_hand(system):
    """Customers at each opening, those kept, and recurring revenue a month; with no warning."""
    columns, when, kept, revenue = SYSTEMS[system]
    contracts = rt.as_contracts(str(FILES / f"{system}.csv"), **columns)
    months = rt.contract_periods(contracts, freq="month", **when)
    rates = rt.retention_rate(months)
    assert rates[["n_base", "n_retained"]].values.tolist() == kept
    assert months.groupby("step")["sales"].sum().tolist() == pytest.approx(revenue)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_command_line_gives_the_same(system, capsys):
    """Each keyword is an option of the same name."""
    columns, when, kept, revenue = SYSTEMS[system]
    said = {**columns, **when, "format": "json"}
    words = [word for name, value in said.items() for word in (_flag(name), str(value))]
    assert main(["kpis", str(FILES / f"{system}.csv"), *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [[row["n_base"], row["n_retained"]] for row in found] == kept
    assert [row["sales_base"] for row in found] == pytest.approx(revenue[:-1])


def _flag(name):
    return f"--{name.replace('_', '-')}"


CHARGES = {
    "customer_id": "Customer ID",
    "date": "Created date (UTC)",
    "sales": "Amount",
    "order_id": "id",
    "refunded": "Amount Refunded",
    "where": {"Status": "Paid"},
}


def test_charges_of_stripe_are_purchases(capsys):
    """Two of three came back, who had paid 90 of 110 in January; then Ann alone, 30 of 75."""
    path = str(FILES / "stripe_charges.csv")
    payments = rt.as_transactions(path, **CHARGES)
    when = {"as_of": "2024-03-31", "observed_from": "2024-01-01"}
    months = rt.customer_periods(payments, freq="month", **when)
    kpis = rt.outcome_kpis(months)
    assert kpis[["n_base", "n_retained"]].values.tolist() == [[3, 2], [2, 1]]
    assert kpis["sales_adjusted_retention"].tolist() == pytest.approx([90 / 110, 30 / 75])
    said = {**CHARGES, **when, "where": "Status=Paid", "format": "json"}
    words = [word for name, value in said.items() for word in (_flag(name), value)]
    assert main(["kpis", path, *words]) == 0
    assert [row["n_retained"] for row in json.loads(capsys.readouterr().out)] == [2, 1]


@pytest.mark.parametrize(
    ("system", "left_out", "named"),
    [
        ("stripe_subscriptions", "sales_per", "sales_per='month'"),
        ("stripe_subscriptions", "trials", "trials='exclude'"),
        ("stripe_subscriptions", "end_is", "end_is='first_day_out'"),
        ("recurly", "tz", "tz='UTC'"),
        ("zuora", "sales_per_count", "unreadable sales_per"),
    ],
)
def test_what_is_not_said_is_asked_for_by_name(system, left_out, named):
    """One keyword less, and the refusal names it."""
    columns = {name: value for name, value in SYSTEMS[system][0].items() if name != left_out}
    with pytest.raises(rt.RetentionError) as caught:
        rt.as_contracts(str(FILES / f"{system}.csv"), **columns)
    assert named in str(caught.value)

"""The report on tables of other engines: the same sentences and tables as on pandas."""

from __future__ import annotations

import pytest

import retention as rt

pytestmark = pytest.mark.once


SAY = {"as_of": "2024-12-31", "freq": "year", "pictures": False, "gap": 120}
SAY["observed_from"] = "2022-01-01"


@pytest.fixture(scope="module")
def on_pandas():
    """Orders and contracts, checked, their segments and their reports on pandas."""
    company = rt.sample_company(300, seed=2)
    orders = rt.as_transactions(
        company.orders[["customer_id", "date", "sales", "profit", "region"]],
        customer_id="customer_id",
        date="date",
        sales="sales",
        profit="profit",
        keep="region",
        refunds="net",
    )
    contracts = rt.as_contracts(
        company.contracts,
        customer_id="customer_id",
        start="start",
        end="end",
        end_is="first_day_out",
        sales="sales",
        profit="profit",
        sales_per="month",
        keep="plan",
    )
    given = [(orders, "region"), (contracts, "plan")]
    return [(t, by, rt.retention_report(t, **SAY, by=by).to_markdown()) for t, by in given]


@pytest.mark.parametrize("engine", ["polars", "duckdb"], indirect=True)
def test_engines_write_the_same_report(engine, on_pandas):
    """The numbers, sentences and tables do not depend on where the data is."""
    for table, by, expected in on_pandas[: 1 if engine.name == "duckdb" else None]:
        report = rt.retention_report(engine.table(table), **SAY, by=by)
        assert report.to_markdown() == expected

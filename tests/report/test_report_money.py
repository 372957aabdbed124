"""Recurring revenue and the value of cohorts in a report: the public functions' numbers."""

from __future__ import annotations

import numpy as np
import pytest

import retention as rt
from retention.report.sections.trade.tracks import places_to_hide

pytestmark = pytest.mark.once

DASH = "–"
DAYS = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
SAY = DAYS | {"freq": "month", "pictures": False}


@pytest.fixture(scope="module")
def company():
    """A small coffee roaster."""
    return rt.sample_company(400, seed=1)


@pytest.fixture(scope="module")
def contracts(company):
    """Its contracts, checked."""
    names = {"customer_id": "customer_id", "start": "start", "end": "end", "sales": "sales"}
    return rt.as_contracts(company.contracts, **names, end_is="first_day_out", sales_per="month")


@pytest.fixture(scope="module")
def activity(contracts):
    """Who was under contract as each month opened."""
    return rt.contract_periods(contracts, freq="month", **DAYS)


@pytest.fixture(scope="module")
def section(contracts):
    """What a report of all of it says of its revenue."""
    report = rt.retention_report(contracts, **SAY, min_customers=1)
    return next(one for one in report.sections if one.key == "recurring")


def grid_of(section, words):
    """The rows of the table whose caption holds these words."""
    return next(grid.rows for grid in section.grids if words in grid.caption)


def written(amount):
    """An amount as the report writes it."""
    return f"{amount:,.0f}" if abs(amount) >= 1000 else f"{amount:,.2f}"


MOVES = ("new", "reactivated", "expansion", "contraction", "churned")


def test_each_month_is_that_of_the_movements(section, activity):
    """The row of January is what December did."""
    rows = rt.revenue_movements(activity).iloc[::-1]
    for line, (_, row) in zip(grid_of(section, "newest first"), rows.iterrows(), strict=False):
        assert line[1:] == (
            written(row["sales_start"]),
            *(written(row[f"sales_{move}"]) for move in MOVES),
            written(row["sales_end"]),
            f"{row['n_end']}",
        )
    assert grid_of(section, "newest first")[0][0] == "Dec 2024"


def test_the_year_is_the_sum_of_its_months_and_balances(section, activity):
    """Start, what came and went, and end, to the last cent."""
    rows = rt.revenue_movements(activity).tail(12)
    lines = grid_of(section, "Jan 2024 to Dec 2024")
    sums = [rows[f"sales_{move}"].sum() for move in MOVES]
    assert [line[2] for line in lines[1:-1]] == [written(amount) for amount in sums]
    names = ("n_new", "n_reactivated", "n_expanded", "n_contracted", "n_churned")
    assert [line[1] for line in lines[1:-1]] == [f"{rows[name].sum():.0f}" for name in names]
    came, went = sum(sums[:3]), sum(sums[3:])
    start, end = rows["sales_start"].iloc[0], rows["sales_end"].iloc[-1]
    assert start + came - went == pytest.approx(end, rel=1e-9)
    assert (lines[0][2], lines[-1][2]) == (written(start), written(end))


def test_what_is_kept_is_that_of_the_kpis(section, activity):
    """Net, gross and quick ratio over a year, and revenue per customer."""
    line = grid_of(section, "What is kept")[0]
    net = rt.net_revenue_retention(activity, lag=12).iloc[-1]
    gross = rt.gross_revenue_retention(activity, lag=12).iloc[-1]
    quick = rt.kpis.quick_ratio(activity, lag=12).iloc[-1]
    last = rt.revenue_movements(activity).iloc[-1]
    assert line == (
        "Dec 2024",
        f"{net['net_revenue_retention']:.1%}",
        f"{net['lower']:.1%} – {net['upper']:.1%}" if net["lower"] == net["lower"] else DASH,
        f"{gross['gross_revenue_retention']:.1%}",
        f"{gross['lower']:.1%} – {gross['upper']:.1%}"
        if gross["lower"] == gross["lower"]
        else DASH,
        f"{quick['quick_ratio']:.2f}",
        written(last["sales_end"] / last["n_end"]),
    )
    assert f"{net['net_revenue_retention']:.1%} (growth counted" in section.finding


def test_renewals_by_month_are_those_of_due_for_renewal(section, contracts):
    """Customers and what they pay, by how soon."""
    due = rt.targeting.due_for_renewal(contracts, as_of="2024-12-31", within=90, keep="sales")
    band = (due["days_left"] - 1) // 30
    lines = grid_of(section, "anniversary")
    found = due.groupby(band).agg(n=("customer_id", "nunique"), sales=("sales", "sum"))
    assert [line[1:] for line in lines] == [
        (f"{row['n']:.0f}", written(row["sales"])) for _, row in found.iterrows()
    ]


def test_amounts_of_few_are_dashes_and_no_sum_gives_them_away(contracts, activity):
    """What is hidden is of nobody, or of enough together, and never one amount alone."""
    least = 2
    report = rt.retention_report(contracts, **SAY, min_customers=least)
    section = next(one for one in report.sections if one.key == "recurring")
    rows = rt.revenue_movements(activity).iloc[::-1]
    names = ("n_new", "n_reactivated", "n_expanded", "n_contracted", "n_churned")
    lines = grid_of(section, "newest first")
    assert DASH in {cell for line in lines for cell in line}
    for line, (_, row) in zip(lines, rows.iterrows(), strict=False):
        counts = [row[name] for name in names]
        hidden = [n for n, cell in zip(counts, line[2:7], strict=True) if cell == DASH]
        shown = [n for n, cell in zip(counts, line[2:7], strict=True) if cell != DASH]
        assert all(n == 0 or n >= least for n in shown)
        assert not hidden or len(hidden) > 1
        assert not shown or not hidden or sum(hidden) >= least or not any(shown)
    tiles = {card.label: card for card in report.sections[0].cards}
    first = grid_of(section, "newest first")[0]
    assert ("New MRR" in tiles) == (first[2] != DASH)
    assert ("Churned MRR" in tiles) == (first[6] != DASH)


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([10, 0, 12], set()),
        ([3, 0, 12, 40], {0, 2}),
        ([3, 4, 12, 40], {0, 1, 2}),
        ([6, 4, 12, 40], {0, 1}),
        ([3, 0, 0], {0}),
        ([], set()),
    ],
)
def test_the_next_smallest_goes_with_what_it_would_give_away(counts, hidden):
    """Until those hidden are of ten together; what is of nobody tells nothing."""
    assert places_to_hide(counts, 10) == hidden


def test_a_firm_too_small_shows_no_revenue(contracts):
    """Nor does one whose sales are not known."""
    for table, least, words in (
        (contracts, 1_000, "Fewer than 1,000 customers are under contract"),
        (contracts.drop(columns="sales"), 10, "What the contracts bring is not known"),
    ):
        report = rt.retention_report(table, **(SAY | {"freq": "year"}), min_customers=least)
        found = next(one for one in report.sections if one.key == "recurring")
        assert found.finding.startswith(words)
        assert found.grids == ()


def test_the_value_of_cohorts_is_that_of_cohort_value(company):
    """By quarters, of cohorts of enough customers."""
    names = {"customer_id": "customer_id", "date": "date", "sales": "sales", "profit": "profit"}
    orders = rt.as_transactions(company.orders, **names, refunds="net")
    report = rt.retention_report(orders, **(SAY | {"freq": "quarter"}), min_customers=25)
    part = next(one for one in report.sections if one.key == "value")
    activity = rt.customer_periods(orders, freq="quarter", **DAYS)
    values = rt.economics.cohort_value(activity, of="profit", washout=0)
    values = values[(values["n_cohort"] >= 25) & values["age"].isin([0, 1, 2, 3, 4, 8])]
    table = values.pivot_table(index="cohort", columns="age", values="value_per_customer")
    grid = part.grids[0]
    assert grid.columns[2:] == tuple(str(age) for age in table.columns)
    assert len(grid.rows) == len(table)
    for line, (_, row) in zip(grid.rows, table.iterrows(), strict=True):
        assert line[2:] == tuple(written(v) if np.isfinite(v) else DASH for v in row)
    assert "in profit after 4 quarters" in part.finding

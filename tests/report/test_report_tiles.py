"""The tiles of a report: each figure is the public function's, or it is not shown."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import retention as rt
from retention.findings.changes import Rate
from retention.report.page import whole_page
from retention.report.parts import Card, Section
from retention.report.sections.trade.tracks import Track, cards_of_tracks, signed_money

pytestmark = pytest.mark.once

SAY = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
ASK = SAY | {"freq": "month", "pictures": False}


@pytest.fixture(scope="module")
def company():
    """A small coffee roaster."""
    return rt.sample_company(300, seed=3)


@pytest.fixture(scope="module")
def orders(company):
    """Its order lines, checked."""
    names = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    return rt.as_transactions(company.orders, **names, order_id="order_id", refunds="net")


@pytest.fixture(scope="module")
def contracts(company):
    """Its contracts, checked."""
    names = {"customer_id": "customer_id", "start": "start", "end": "end", "sales": "sales"}
    return rt.as_contracts(company.contracts, **names, end_is="first_day_out", sales_per="month")


def tiles_of(report):
    """The tiles by their names."""
    return {card.label: card for card in report.sections[0].cards}


@pytest.fixture(scope="module")
def of_orders(orders):
    """The report of its orders."""
    return rt.retention_report(orders, **ASK, min_customers=1)


@pytest.fixture(scope="module")
def shop(of_orders):
    """The tiles of its orders."""
    return tiles_of(of_orders)


@pytest.fixture(scope="module")
def firm(contracts):
    """The tiles of its contracts."""
    return tiles_of(rt.retention_report(contracts, **ASK, min_customers=1))


def test_customers_sales_and_orders_are_those_of_active_customers(shop, orders):
    """Value, bounds, number of customers, and the whole past."""
    rows = rt.kpis.active_customers(orders, freq="month", washout=0, **SAY)
    last = rows.iloc[-1]
    assert shop["Customers who bought"].value == f"{last['n_active']:,}"
    assert shop["Customers who bought"].trend == tuple(rows["n_active"])
    assert shop["Sales"].value == f"{last['sales']:,.0f}"
    assert shop["Orders per customer"].value == f"{last['orders_per_customer']:.2f}"
    value = shop["Average order value"]
    assert value.value == f"{last['average_order_value']:.2f}"
    low, high = (last[f"average_order_value_{end}"] for end in ("lower", "upper"))
    assert value.told.startswith(f"{low:.2f} to {high:.2f}, of {last['n_active']} customers")
    then = rows.iloc[-13]
    change = last["sales"] / then["sales"] - 1
    assert shop["Sales"].change == f"up {change:.1%} since Dec 2023"
    before = rows.iloc[-2]["sales"]
    assert shop["Sales"].also == f"{before:,.0f} in Nov 2024: up {last['sales'] / before - 1:.1%}"


def test_who_orders_again_is_that_of_repeat_rate_and_time_to_next_order(shop, orders):
    """Of the last month whose first orders were all followed for 90 days."""
    rows = rt.kpis.repeat_rate(orders, within=90, as_of=SAY["as_of"], freq="month")
    last = rows[rows["n_followed"] == rows["n_customers"]].iloc[-1]
    card = shop["Repeat rate within 90 days"]
    assert card.value == f"{last['repeat_rate']:.1%}"
    assert card.told.startswith(f"{last['lower']:.1%} to {last['upper']:.1%}, of")
    assert f"of {last['n_followed']} first order" in card.told
    assert card.told.endswith("in Sep 2024")
    row = rt.kpis.time_to_next_order(orders, as_of=SAY["as_of"]).iloc[0]
    assert shop["Half have ordered again within"].value == f"{row['median_days']:.0f} days"


def test_recurring_revenue_is_that_of_the_movements(firm, contracts):
    """The opening of January is what December closes with."""
    activity = rt.contract_periods(contracts, freq="month", **SAY)
    rows = rt.revenue_movements(activity)
    last = rows.iloc[-1]
    assert str(last["period"].date()) == "2025-01-01"
    assert firm["MRR"].value == f"{last['sales_end']:,.0f}"
    assert firm["MRR"].told == f"of {last['n_end']} customers as Dec 2024 closed"
    assert firm["Customers"].value == f"{last['n_end']}"
    each = last["sales_end"] / last["n_end"]
    assert firm["Revenue per customer (ARPA)"].value == f"{each:.2f}"
    assert firm["New MRR"].value == f"{last['sales_new']:.2f}"
    assert firm["Churned MRR"].value == f"{last['sales_churned']:.2f}"
    assert f"of {int(last['n_churned'])} customer" in firm["Churned MRR"].told


def test_what_is_kept_of_revenue_is_that_of_the_kpis_over_a_year(firm, contracts):
    """Net, gross and the quick ratio, with their bounds."""
    activity = rt.contract_periods(contracts, freq="month", **SAY)
    for make, label in (
        (rt.net_revenue_retention, "Net revenue retention"),
        (rt.gross_revenue_retention, "Gross revenue retention"),
    ):
        row = make(activity, lag=12).iloc[-1]
        bounds = f"{row['lower']:.1%} to {row['upper']:.1%}, over 12 months"
        assert firm[label].value == f"{row[make.__name__]:.1%}"
        assert firm[label].told == f"{bounds}, of {row['n_base']} customers"
    row = rt.kpis.quick_ratio(activity, lag=12).iloc[-1]
    assert firm["Quick ratio"].value == f"{row['quick_ratio']:.2f}"


def test_renewals_are_those_of_due_for_renewal(firm, contracts):
    """How many customers, and what they pay a month."""
    say = {"as_of": SAY["as_of"], "within": 90}
    due = rt.targeting.due_for_renewal(contracts, **say, keep="sales")
    card = firm["Renewals due in 90 days"]
    assert card.value == str(due["customer_id"].nunique())
    assert card.change == f"with {due['sales'].sum():.2f} a month"


def test_money_of_too_few_customers_has_no_tile(contracts, firm):
    """What so few brought or took is not told; how many there are is, and that nobody left."""
    few = tiles_of(rt.retention_report(contracts, **ASK, min_customers=40))
    assert {"New MRR", "Churned MRR"} <= set(firm)
    assert not {"New MRR", "Quick ratio"} & set(few)
    assert few["MRR"].trend[0] is None
    none = tiles_of(rt.retention_report(contracts, **ASK, min_customers=1_000))
    assert not {"MRR", "Net revenue retention", "Revenue per customer (ARPA)"} & set(none)
    assert none["Customers"].value == firm["Customers"].value
    assert none["Renewals due in 90 days"].change == ""


def test_contracts_without_sales_have_tiles_of_customers_alone(contracts):
    """What they bring is not known, so nothing is said of it."""
    report = rt.retention_report(contracts.drop(columns="sales"), **ASK)
    assert set(tiles_of(report)) == {"Raw retention rate", "Renewals due in 90 days"}


def test_a_log_cut_at_the_front_says_nothing_of_first_orders(orders):
    """Which orders are first ones is not known."""
    report = rt.retention_report(orders, **(ASK | {"freq": "year"}), history="cut")
    assert not {"Repeat rate within 90 days", "Half have ordered again within"} & set(
        tiles_of(report)
    )


def test_a_change_is_told_no_louder_than_its_bounds_allow():
    """A mean that may have stayed, one that has not, a count, a ratio, and what has no past."""

    def card(unit, *rates, better="higher"):
        steps = tuple(range(24_000, 24_000 + len(rates)))
        made = Track("A", unit, "month", steps, tuple(Rate(*rate) for rate in rates), "x", better)
        return cards_of_tracks([made])[0]

    wide = card("mean", (10.0, 5.0, 15.0), (12.0, 7.0, 17.0))
    assert wide.change.startswith("no clear change (−5.07 to +9.07) since")
    sharp = card("mean", (10.0, 9.9, 10.1), (12.0, 11.9, 12.1))
    assert sharp.change.startswith("up by 2.00 (+1.86 to +2.14) since")
    assert (wide.verdict, sharp.verdict) == ("same", "better")
    lost = card("sum", (100.0, None, None), (150.0, None, None), better="lower")
    assert lost.change.startswith("up 50.0% since")
    assert lost.verdict == "worse"
    ratio = card("ratio", (2.0, None, None), (1.5, None, None))
    assert ratio.change.startswith("2.00 in ")
    assert ratio.verdict == "same"
    assert card("sum", (5.0, None, None)).change == "no earlier value to compare with"
    assert signed_money(-3.5) == "−3.50"
    assert cards_of_tracks([Track("A", "sum", "month", (1,), (Rate(None, None, None),))]) == []


def test_the_small_line_is_told_in_words():
    """To those who cannot see it, and to a pointer that rests on it."""
    steps, rates = (24_000, 24_001), (Rate(0.5, 0.4, 0.6), Rate(0.25, 0.2, 0.3))
    card = cards_of_tracks([Track("Kept", "share", "month", steps, rates)])[0]
    assert card.past.endswith("first 50.0%, lowest 25.0%, highest 50.0%")
    page = whole_page("T", "S", [Section("x", "X", "Y.", cards=(card, Card("B", "1", "", "")))])
    assert f'role="img" aria-label="{card.past}"' in page
    assert f"<title>{card.past}</title>" in page


def test_tiles_come_first_and_what_was_read_last(of_orders):
    """On the page the tiles stand above the findings in short."""
    page = of_orders.to_html()
    places = [page.index(f'id="{key}"') for key in ("headline", "in-short", "rates", "read")]
    assert places == sorted(places)
    assert re.findall(r'<section id="([a-z]+)"', page)[-1] == "definitions"


def test_an_arrow_tells_where_a_figure_went_and_words_whether_that_is_good():
    """Fewer lost is down and better: an arrow upwards would say that there were more."""
    card = Card("Churned MRR", "348.18", "of 13 customers", "down 18.8% since Dec 2023", "better")
    page = whole_page("T", "S", [Section("headline", "H", "F", cards=(card,))])
    assert '">▼</span> down 18.8% since Dec 2023<span class="spoken">, which is better' in page
    same = whole_page(
        "T", "S", [Section("headline", "H", "F", cards=(replace(card, verdict="same"),))]
    )
    assert "spoken" not in same.partition("</style>")[2]
    none = whole_page("T", "S", [Section("headline", "H", "F", cards=(replace(card, change=""),))])
    assert 'class="change' not in none


def test_a_table_that_would_be_of_dashes_is_left_out_with_a_word(contracts):
    """What revenue did month by month in a firm of which few move in any month."""
    few, all_told = (
        next(
            s
            for s in rt.retention_report(contracts, **ASK, min_customers=n).sections
            if s.key == "recurring"
        )
        for n in (10, 1)
    )
    caption = "What MRR did in each month, newest first"
    assert caption in [grid.caption for grid in all_told.grids]
    assert caption not in [grid.caption for grid in few.grids]
    assert "What MRR did in each month is left out" in few.notes[-1]
    assert "who grew twice is in Expansion twice" in all_told.notes[-1]
    assert "Customers or moves" in few.grids[0].columns

"""How a report is shown: chosen parts, short or full, under people's own names."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest

import retention as rt
import shops
from retention.report import Presentation

SAY = {
    "as_of": "2024-03-31",
    "freq": "month",
    "gap": 40,
    "pictures": False,
    "at_risk": 0,
    "observed_from": "2024-01-01",
}
REGIONS = ("North", "South")


@pytest.fixture(scope="module")
def orders():
    """Forty customers in two regions, of whom three in four come back each month."""
    lines = [
        (f"{region}{i}", f"2024-0{month}-28", 10.0 + i, region)
        for region in REGIONS
        for i in range(20)
        for month in (1, 2, 3)
        if (i + month) % 4
    ]
    return shops.orders(*lines, columns=("region",))


def shown(orders, by="region", **how):
    """The report of the orders, so shown."""
    return rt.retention_report(orders, **SAY, by=by, presentation=Presentation(**how))


def test_sections_are_those_asked_for_in_that_order(orders):
    """And each is the one that stands in the whole report."""
    whole = {one.key: one for one in shown(orders).sections}
    chosen = shown(orders, sections=["losses", "headline"]).sections
    assert [one.key for one in chosen] == ["losses", "headline"]
    assert chosen[1] == whole["headline"]
    assert shown(orders, sections="cohorts").sections[0].key == "cohorts"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"sections": ["headlines"]}, "sections must be one of 'headline', 'rates'"),
        ({"sections": ["reasons"]}, "'reasons' needs notes="),
        ({"sections": ["read", "read"]}, "names 'read' twice"),
        ({"sections": [3]}, "a list of texts; got 3"),
        ({"level_of_detail": "brief"}, "level_of_detail must be one of 'short', 'full'"),
        ({"labels": {"region": " "}}, "gives each name its label"),
        ({"labels": ["region"]}, "gives each name its label"),
        ({"labels": {"region": "sales"}}, "so is another column called"),
        ({"labels": {"North": "South"}}, "would call both"),
    ],
)
def test_what_cannot_be_shown_is_refused(orders, how, said):
    """In the user's words, with what there is."""
    with pytest.raises(rt.RetentionError, match=said):
        shown(orders, **how)


def test_a_label_hides_no_currency(orders):
    """Money in several currencies stays known as such."""
    table = orders.rename(columns={"region": "currency"})
    with pytest.raises(rt.RetentionError, match="hides that amounts are in several currencies"):
        shown(table, by="currency", labels={"currency": "Land"})


def test_a_short_report_has_findings_and_tiles_alone(orders):
    """No tables, no notes, no definitions; what it finds is what the full one finds."""
    full = {one.key: one for one in shown(orders).sections}
    short = shown(orders, level_of_detail="short").sections
    assert [one.key for one in short] == [key for key in full if key != "definitions"]
    for one in short:
        assert (one.finding, one.cards) == (full[one.key].finding, full[one.key].cards)
        assert not one.grids
        assert not [note for note in one.notes if not note.startswith("Careful")]
    assert shown(orders, sections="definitions", level_of_detail="short").sections[0].grids


@pytest.mark.parametrize("kind", ["pandas", "categories", "polars", "duckdb"])
def test_labels_change_names_and_no_figure(orders, kind):
    """A column and its segments go by them, in findings, tables and heads, on every engine."""
    made = {
        "pandas": lambda: orders,
        "categories": lambda: orders.astype({"region": "category"}),
        "polars": lambda: pl.from_pandas(orders),
        "duckdb": lambda: duckdb.from_df(orders),
    }[kind]()
    how = {"sections": ["losses"]}
    plain = shown(orders, **how).to_markdown()
    called = shown(made, **how, labels={"region": "Gebiet", "North": "Norden"}).to_markdown()
    assert called == plain.replace("by region", "by Gebiet").replace(
        "| region", "| Gebiet"
    ).replace("North", "Norden")
    assert "Norden" in called


def test_a_label_of_nothing_is_told_to_the_analyst_and_not_to_the_reader(orders):
    """A misspelt name is warned of; the report goes without the warning."""
    with pytest.warns(rt.RetentionWarning, match="'regoin' is the name of no column"):
        report = shown(orders, labels={"regoin": "Gebiet"})
    assert "regoin" not in report.to_html()


def test_labels_reach_the_table_that_an_audit_accepted(orders):
    """The audit stays as it was."""
    audit = rt.audit(
        rt.as_transactions,
        orders,
        customer_id="customer_id",
        date="date",
        sales="sales",
        keep="region",
    )
    report = shown(audit, sections=["read", "losses"], labels={"North": "Norden"})
    assert "Norden" in report.to_markdown()
    assert "Norden" not in set(audit.accepted["region"])

"""Tables for people: units, rounding, words; what is given stays as it is."""

from __future__ import annotations

import re
from importlib import util

import numpy as np
import pandas as pd
import pytest

import retention as rt
from pictures import tables
from retention.plots.paper.drawable_tables import DRAWABLE


def cells(table: object) -> list[list[str]]:
    """The headings and rows of the styled table as a browser gets them."""
    html = rt.plots.to_style(table, columns="full").to_html()
    rows = re.findall(r"<tr>(.*?)</tr>", html, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in rows]


def column(table: pd.DataFrame, name: str) -> list[str]:
    """One column of the styled table, under its heading."""
    place = list(table.columns).index(name)
    return [row[place] for row in cells(table)]


def test_shares_are_percent_and_headings_are_the_catalogue_s() -> None:
    """with one decimal; the bounds as well; counts in thousands."""
    table = pd.DataFrame(
        {
            "n_base": [12345],
            "retention_rate": [0.81256],
            "retention_rate_lower": [0.8],
            "lower": [0.1],
            "churn_rate": [np.nan],
        }
    )
    label = rt.catalogue.figure("retention_rate").label
    assert cells(table) == [
        [
            "Number: base",
            label,
            f"{label}, lower",
            "Lower",
            rt.catalogue.figure("churn_rate").label,
        ],
        ["12,345", "81.3%", "80.0%", "10.0%", "–"],
    ]


def test_money_differences_and_dates_are_written_by_what_they_are() -> None:
    """one number of cents in a column; points for differences; periods by their length."""
    table = pd.DataFrame(
        {
            "period": pd.to_datetime(["2024-01-01", "2024-04-01"]),
            "step": [8096, 8097],
            "sales_base": [1234.5, 7.0],
            "sales_churned": [12.345, 7.0],
            "rate_effect": [0.012, -0.05],
            "firm_change": [0.0, 0.1],
            "lag": [1, 1],
            "active": [True, False],
        }
    )
    assert column(table, "period")[1:] == ["2024 Q1", "2024 Q2"]
    assert column(table, "step")[1:] == ["8096", "8097"]
    assert column(table, "sales_base")[1:] == ["1,234", "7"]
    assert column(table, "sales_churned")[1:] == ["12.35", "7.00"]
    assert column(table, "rate_effect")[1:] == ["+1.2\u00a0points", "−5.0\u00a0points"]
    assert column(table, "firm_change")[1:] == ["0.0\u00a0points", "+10.0\u00a0points"]
    assert column(table, "active")[1:] == ["yes", "no"]
    only_day = pd.DataFrame({"date": pd.to_datetime(["2024-02-26", None])})
    assert column(only_day, "date")[1:] == ["26 Feb 2024", "–"]


def test_text_is_shown_and_not_run() -> None:
    """a customer named <script>, and a segment column of that name, are escaped."""
    table = pd.DataFrame({"customer_id": ["<script>alert(1)</script>", None], "<b>": ["x", "y"]})
    html = rt.plots.to_style(table).to_html()
    assert "<script>" not in html
    assert "<b>" not in html
    assert cells(table)[2][0] == "–"


@pytest.mark.parametrize("name", sorted({answer.plot for answer in DRAWABLE}))
def test_every_table_of_the_library_can_be_styled(name: str) -> None:
    """a row per row, a heading a column, no NaN, no 0.123456; the table is as it was."""
    table = tables()[name].head(30)
    before = table.copy()
    found = cells(table)
    assert len(found) == 1 + len(table)
    assert {len(row) for row in found} == {table.shape[1]}
    every = " ".join(cell for row in found for cell in row)
    assert not re.search(r"\bnan\b|None|NaT|\d\.\d{3,}", every)
    pd.testing.assert_frame_equal(table, before)


def test_a_table_of_any_engine_is_styled(engine) -> None:
    """the cells are the same."""
    table = tables()["plot_reasons"][["category", "n_customers", "share", "lower"]]
    assert sorted(cells(engine.table(table))) == sorted(cells(table))


def test_a_short_table_hides_steps_and_says_conventions_once() -> None:
    """Nothing is lost: what is the same in all rows stands in the caption, escaped."""
    orders = rt.sample_company(60, seed=1).orders
    activity = rt.customer_periods(
        orders, freq="quarter", observed_from="2022-01-01", as_of="2024-12-31"
    )
    html = rt.plots.to_style(rt.outcome_kpis(activity)).to_html()
    caption = re.search(r"<caption>(.*?)</caption>", html)
    assert caption
    assert "lag: 1" in caption[1]
    assert "Step" not in html
    assert "Lag" not in html
    assert len(re.findall("<th ", html)) < rt.outcome_kpis(activity).shape[1]
    with pytest.raises(rt.RetentionError, match="columns"):
        rt.plots.to_style(activity, columns="wide")  # type: ignore[arg-type]


def test_a_triangle_is_a_heatmap_in_percent() -> None:
    """The larger, the darker; a cell beyond follow-up has no colour and a dash."""
    triangle = pd.DataFrame({
        "cohort": pd.to_datetime(["2024-01-01", "2024-02-01"]), "n_cohort": [10, 20],
        "age_0": [1.0, 1.0], "age_1": [0.5, 0.25], "age_2": [0.125, np.nan],
    })  # fmt: skip
    html = rt.plots.to_style(triangle).to_html()
    assert [row[2:] for row in cells(triangle)[1:]] == [
        ["100.0%", "50.0%", "12.5%"],
        ["100.0%", "25.0%", "–"],
    ]
    assert sorted(re.findall(r"rgba\(0, 128, 128, (\S+)\)", html)) == ["0.12", "0.25", "0.50"]
    counts = rt.plots.to_style(triangle.assign(age_0=[10.0, 20.0])).to_html()
    assert "%" not in re.sub(r"<style.*?</style>", "", counts, flags=re.DOTALL)


def test_without_jinja_the_message_says_what_to_install(monkeypatch) -> None:
    """pandas needs it for styled tables, and nothing else of the library does."""
    found = util.find_spec
    hidden = lambda name, *more: None if name == "jinja2" else found(name, *more)  # noqa: E731
    monkeypatch.setattr("retention.plots.styled.find_spec", hidden)
    with pytest.raises(rt.RetentionError, match=r"needs Jinja2.*retention-analytics\[notebook\]"):
        rt.plots.to_style(pd.DataFrame({"a": [1]}))

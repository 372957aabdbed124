"""What a report leaves unsaid where its numbers do not carry it, and what it says instead."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest

import retention as rt
import shops

FEW = {"freq": "month", "pictures": False}


def sections_of(report):
    """The sections by key."""
    return {one.key: one for one in report.sections}


def random_buyers(n=150, each=12, years=4):
    """Customers who all buy at one pace, at random, for years: none leaves, none is special."""
    rng = np.random.default_rng(5)
    back = rng.integers(0, 365 * years, n * each)
    days = pd.Timestamp("2024-12-31") - pd.to_timedelta(back, "D")
    names = np.repeat([f"c{i:03}" for i in range(n)], each)
    return pd.DataFrame({"customer_id": names, "date": days, "sales": 10.0})


def monthly(n=20, months=range(1, 7), year=2024):
    """The same customers, each on the 28th of every month."""
    days = [f"{year}-{month:02}-28" for month in months]
    lines = [(f"c{i:02}", day, 10) for i in range(n) for day in (f"{year}-01-01", *days)]
    return shops.orders(*lines)


@pytest.fixture(scope="module")
def alike():
    """The report of a shop whose customers are all alike."""
    return rt.retention_report(
        random_buyers(), as_of="2024-12-31", freq="quarter", pictures=False,
        observed_from="2021-01-01",
    )  # fmt: skip


def test_nobody_is_at_risk_by_a_score_that_knew_no_better_than_the_base_rate(alike):
    """No headline of sales, no list: the base rate with its bounds, and why."""
    risk = sections_of(alike)["risk"]
    row = rt.churn_score(random_buyers(), as_of="2024-12-31", within=90).iloc[0]
    assert row["against_base"] == "not clearly better"
    said = f"{row['base_rate']:.1%} ({row['base_rate_lower']:.1%} to {row['base_rate_upper']:.1%})"
    assert risk.finding == (
        f"Who of the customers is at risk cannot be told. Of the {row['n_base']} customers there "
        f"had been by 2 Oct 2024, {said} bought nothing in the 90 days after it."
    )
    assert not risk.grids
    assert f"{row['brier_score']:.3f} against {row['brier_reference']:.3f}" in risk.notes[0]
    assert "of all sales" not in alike.to_html()


def test_no_curve_is_built_on_a_silence_after_which_most_come_back(alike):
    """All stay, so whoever was silent comes back: the share is told, and no curve drawn."""
    long = sections_of(alike)["survival"]
    table = rt.gap_table(random_buyers(), as_of="2024-12-31", gaps=[30, 60, 90, 120, 150, 180])
    judged = table[table["n_followed"] >= 30]
    assert (judged["false_churn_rate"] > 0.25).all()
    assert long.finding.startswith("No silence tells who is lost: of ")
    assert "came back in them" in long.finding
    assert not long.grids
    assert "Half of the customers" not in alike.to_markdown()


def test_a_gap_that_was_said_is_judged_too():
    """30 days of silence do not tell here; the sentences speak of silences, not of the lost."""
    say = {"as_of": "2024-12-31", "freq": "quarter", "pictures": False, "gap": 30}
    report = rt.retention_report(random_buyers(), observed_from="2021-01-01", **say)
    long = sections_of(report)["survival"]
    assert "fall silent for 30 days" in long.finding
    assert "are lost" not in long.finding
    assert any("does not tell that somebody has left" in note for note in long.notes)


def test_periods_left_out_at_the_edges_are_named_with_the_cure():
    """Of 2021 to 2024 only 2022 and 2023 are whole; what the note says to write counts all four."""
    table = random_buyers()
    table = table[(table["date"] > "2021-01-04") & (table["date"] < "2024-12-30")]
    say = {"freq": "year", "pictures": False, "gap": 365}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = sections_of(rt.retention_report(table, as_of="2024-12-30", **say))["read"]
    whole = dict(read.grids[0].rows)
    assert whole["Whole years observed"] == "2: 2022 to 2023"
    left = [note for note in read.notes if "is left out" in note]
    assert left[0].startswith("2021 is left out: the file begins on ")
    assert left[0].endswith("say observed_from='2021-01-01'.")
    assert left[1].endswith("say as_of='2024-12-31'.")
    cured = rt.retention_report(table, as_of="2024-12-31", observed_from="2021-01-01", **say)
    assert dict(sections_of(cured)["read"].grids[0].rows)["Whole years observed"] == (
        "4: 2021 to 2024"
    )
    assert not [note for note in sections_of(cured)["read"].notes if "left out" in note]


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"], indirect=True)
def test_a_month_without_any_order_between_busy_ones_is_named(engine):
    """An export lacks April: the 0 % of March is not said in silence, and the cure works."""
    table = engine.table(monthly(months=(2, 3, 5, 6)))
    say = {"freq": "month", "as_of": "2024-06-30"}
    activity = rt.customer_periods(table, **say)
    figures = (
        rt.retention_rate,
        rt.outcome_kpis,
        rt.revenue_movements,
        rt.cohort_retention,
        partial(rt.cohort_retention, cohorts="every"),
        partial(rt.lifecycle_states, lost_after=2),
        partial(rt.kpis.win_back, lost_after=1),
        partial(rt.net_revenue_retention, lag=1),
        partial(rt.gross_revenue_retention, lag=2, path="chained"),
        partial(rt.logo_churn, lag=1),
    )
    for figure in figures:
        with pytest.warns(rt.RetentionWarning, match="Nobody at all .* in 2024-04") as caught:
            figure(activity)
        assert len(caught) == 1
    assert "observed_from='2024-05-01'" in str(caught[0].message)
    after = rt.customer_periods(table, observed_from="2024-05-01", **say)
    assert engine.read(rt.retention_rate(after))["retention_rate"].tolist() == [1.0]


def test_a_hole_among_the_later_periods_is_named_as_well():
    """Over two months April is the later of February, and in no base of a table to April's end."""
    table = monthly(months=(1, 2, 3, 5))
    activity = rt.customer_periods(table, freq="month", as_of="2024-05-31")
    with pytest.warns(rt.RetentionWarning, match="Nobody at all .* in 2024-04") as caught:
        rates = rt.retention_rate(activity, lag=2)
    assert rates["retention_rate"].tolist() == [1.0, 0.0, 1.0]
    assert len(caught) == 1
    rt.retention_rate(rt.customer_periods(table, freq="month", as_of="2024-03-31"), lag=2)


def test_few_customers_who_are_all_gone_later_are_no_hole():
    """Of twelve, eleven leave every month: that nobody of the last is there says nothing."""
    rows = [
        (f"{month}-{i}", f"2024-{month + ahead:02d}-03", 1.0)
        for month in range(1, 7)
        for i in range(12)
        for ahead in ((0, 2) if i == 0 and month != 4 else (0,))
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "sales"])
    table["date"] = pd.to_datetime(table["date"])
    activity = rt.customer_periods(
        table, freq="month", observed_from="2024-01-01", as_of="2024-07-31"
    )
    rates = rt.retention_rate(activity, lag=2)
    assert rates["n_retained"].tolist() == [1, 1, 1, 0, 1]


def test_three_customers_are_no_crowd_in_whichever_cohorts_they_count():
    """With a cohort in every month each counts in many cells, and is one customer."""
    table = monthly(n=3, months=(2, 3, 4, 6, 7, 8))
    activity = rt.customer_periods(table, freq="month", as_of="2024-08-31")
    for cohorts in ("first", "every", "attribute"):
        rt.cohort_retention(activity, cohorts=cohorts)


def test_cohorts_in_brackets_of_ages_name_a_month_in_which_nobody_became_a_customer():
    """What others bought then may lack as well; by day and on or after nothing is to be said."""
    lines = [(f"{m} {i}", f"2024-{m:02}-28", 10) for m in (1, 2, 3, 5, 6) for i in range(20)]
    table = shops.orders(*lines, ("1 0", "2024-01-01", 10))
    activity = rt.customer_periods(table, freq="month", as_of="2024-06-30")
    with pytest.warns(rt.RetentionWarning, match="Nobody at all became a customer in 2024-04"):
        rt.cohort_retention(activity, kind="bracket", brackets=[0, 1, 3])
    rt.cohort_retention(activity, kind="on_or_after")


def test_a_report_of_a_file_with_a_hole_says_so_first():
    """In the first part, where careful readers look."""
    with pytest.warns(rt.RetentionWarning, match="2024-04") as caught:
        report = rt.retention_report(
            monthly(months=(2, 3, 5, 6)), as_of="2024-06-30", gap=90, **FEW
        )
    assert len(caught) == 1
    assert any("Careful: Nobody at all" in note for note in report.sections[0].notes)


@pytest.mark.parametrize(
    ("days", "freq"),
    [
        (pd.date_range("2024-12-02", "2025-01-31", freq="B"), "day"),  # closed at weekends
        (
            pd.date_range("2024-11-04", "2024-12-21").append(
                pd.date_range("2025-01-06", "2025-02-02")
            ),
            "week",
        ),
    ],
)
def test_days_off_and_the_turn_of_the_year_are_no_holes(days, freq):
    """Weekends, and two weeks about Christmas: nobody needs to be told."""
    lines = [(f"c{i:02}", str(day.date()), 10) for i in range(15) for day in days]
    table = shops.orders(*lines)
    rt.retention_rate(rt.customer_periods(table, freq=freq, as_of=days[-1].date()))


def test_a_small_shop_may_have_an_empty_month():
    """Nine customers a month: chance empties a month now and then."""
    activity = rt.customer_periods(
        monthly(n=9, months=(2, 3, 5, 6)), freq="month", as_of="2024-06-30"
    )
    assert 0.0 in rt.retention_rate(activity)["retention_rate"].tolist()


@pytest.fixture(scope="module")
def contracts():
    """Contracts of a small company, checked."""
    return rt.as_contracts(
        rt.sample_company(400, seed=2).contracts, customer_id="customer_id", start="start",
        end="end", end_is="first_day_out", sales="sales", sales_per="month", keep="plan",
    )  # fmt: skip


def test_a_report_of_contracts_does_not_miss_the_month_of_its_first_row(contracts):
    """December closes with the last day: it is there, and nothing says that it is not."""
    report = rt.retention_report(contracts, as_of="2024-12-31", **FEW)
    rates = sections_of(report)["rates"]
    assert rates.grids[0].rows[0][0] == "Dec 2024"
    assert "not known yet" not in " ".join(rates.notes)
    assert not any("Dec 2024 is left out" in note for note in sections_of(report)["read"].notes)


def test_a_month_that_has_not_closed_is_left_out_of_contracts_and_named(contracts):
    """As of 30 December nobody knows who is there as it closes."""
    report = rt.retention_report(contracts, as_of="2024-12-30", **FEW)
    assert sections_of(report)["rates"].grids[0].rows[0][0] == "Nov 2024"
    notes = sections_of(report)["read"].notes
    assert any("Dec 2024 is left out" in n and "as_of='2024-12-31'" in n for n in notes)


def test_segments_without_customers_in_the_two_periods_are_not_in_the_bridge():
    """Three customers of an old secret place: neither page, picture, table nor words name it."""
    lines = [
        (f"{place}{i:02}", f"2024-0{month}-28", 10, place)
        for place in ("A", "B")
        for i in range(30)
        for month in (1, 2, 3, 4, 5)[: 5 - i % 2]
    ]
    lines += [(f"S{i}", "2024-01-20", 10, "Secret") for i in range(3)]
    lines.append(("A00", "2024-01-01", 10, "A"))
    table = shops.orders(*lines, columns=("place",))
    say = {"as_of": "2024-05-31", "freq": "month", "by": "place", "gap": 60}
    report = rt.retention_report(table, **say)
    losses = sections_of(report)["losses"]
    assert losses.pictures
    assert any("What moved" in grid.caption for grid in losses.grids)
    assert "Secret" not in report.to_html()
    assert "Secret" not in report.to_markdown()


def test_the_bridge_plot_leaves_out_segments_with_nobody():
    """Drawn by the user's own hand too: a segment that did nothing is no row."""
    table = shops.orders(
        *((f"A{i}", f"2024-0{m}-01", 1, "A") for i in range(4) for m in (1, 2, 3)[: 3 - i % 2]),
        ("Old", "2024-01-01", 1, "old"), ("A0", "2024-04-30", 1, "A"), columns=("place",),
    )  # fmt: skip
    activity = rt.customer_periods(table, freq="month", as_of="2024-04-30", by="place")
    bridge = rt.kpis.churn_bridge(activity, by="place")
    assert set(bridge["place"]) == {"A", "old"}
    ax = rt.plots.plot_churn_bridge(bridge)
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert "A" in labels
    assert "old" not in labels


def test_the_first_cohort_is_not_called_new_nor_compared_with():
    """Who was seen first in the first month may be old: words and comparison allow for it."""
    lines = [(f"o{i:02}", day, 5) for i in range(20) for day in ("2024-01-01", "2024-02-25")]
    lines += [(f"n{i:02}", day, 5) for i in range(20) for day in ("2024-02-01", "2024-03-31")]
    say = {"gap": 60, **FEW}
    table = shops.orders(*lines)
    first = rt.retention_report(table[table["date"] < "2024-03-01"], as_of="2024-02-29", **say)
    assert "20 customers seen first in Jan 2024, old ones among them" in (
        sections_of(first)["cohorts"].finding
    )
    second = rt.retention_report(table, as_of="2024-03-31", **say)
    assert sections_of(second)["cohorts"].finding == (
        "Of the 20 customers who first bought in Feb 2024, 100.0% bought again one month later."
    )

"""The report: what its sentences say, how careful they are, and what they leave out."""

from __future__ import annotations

import pandas as pd
import pytest

import retention as rt
import shops
from retention.findings.changes import Rate, change_of_rates

OPENED = "2022-01-01"
SAY = {"as_of": "2024-12-31", "freq": "quarter", "observed_from": OPENED, "pictures": False}


def sections_of(report):
    """The sections by key."""
    return {one.key: one for one in report.sections}


def grid_of(section, caption):
    """The rows of the table whose caption holds these words."""
    return next(grid.rows for grid in section.grids if caption in grid.caption)


@pytest.fixture(scope="module")
def company():
    """A small coffee roaster."""
    return rt.sample_company(400, seed=2)


@pytest.fixture(scope="module")
def orders(company):
    """Its order lines, checked."""
    return rt.as_transactions(
        company.orders,
        customer_id="customer_id",
        date="date",
        sales="sales",
        profit="profit",
        order_id="order_id",
        keep=["region", "channel"],
        refunds="net",
    )


@pytest.fixture(scope="module")
def contracts(company):
    """Its contracts, checked."""
    return rt.as_contracts(
        company.contracts,
        customer_id="customer_id",
        start="start",
        end="end",
        end_is="first_day_out",
        sales="sales",
        sales_per="month",
        keep="plan",
    )


@pytest.fixture(scope="module")
def whole(orders, company):
    """The report of its orders."""
    return rt.retention_report(orders, **SAY, by=["region", "channel"], notes=company.notes)


def test_a_report_has_every_section(whole):
    """From the headline to what was read and the definitions, each opening with one sentence."""
    keys = [
        "headline",
        "rates",
        "came",
        "value",
        "losses",
        "cohorts",
        "survival",
        "reasons",
        "worth",
    ]
    assert list(sections_of(whole)) == [*keys, "risk", "read", "definitions"]
    for one in whole.sections:
        assert one.finding.endswith(".")
        assert "nan" not in one.finding.lower().split()
        assert "None" not in one.finding


def test_the_headline_is_that_of_the_kpis(whole, orders):
    """The report adds nothing to the numbers."""
    activity = rt.customer_periods(orders, freq="quarter", as_of="2024-12-31", observed_from=OPENED)
    last = rt.outcome_kpis(activity).iloc[-1]
    finding = sections_of(whole)["headline"].finding
    assert f"{last['n_retained']:,} ({last['retention_rate']:.1%})" in finding
    assert f"Of the {last['n_base']:,} customers of 2024 Q3" in finding
    rows = grid_of(sections_of(whole)["rates"], "newest first")
    assert rows[0][:4] == (
        *("2024 Q3", f"{last['n_base']:,}", f"{last['n_retained']:,}"),
        f"{last['retention_rate']:.1%}",
    )


def test_segments_are_those_of_churn_by(whole, orders):
    """Each segment with its counts and bounds."""
    say = {"as_of": "2024-12-31", "observed_from": OPENED, "by": "region"}
    activity = rt.customer_periods(orders, freq="quarter", **say)
    lost = rt.churn_by(activity, by="region")
    lost = lost[lost["period"] == lost["period"].max()].set_index("region")
    for name, base, churned, rate, *_ in grid_of(sections_of(whole)["losses"], "by region"):
        row = lost.loc[name]
        expected = (f"{row['n_base']:,}", f"{row['n_churned']:,}", f"{row['churn_rate']:.1%}")
        assert (base, churned, rate) == expected


def test_a_segment_loses_more_only_if_that_is_clear():
    """40 of 100 against 10 of 100 is; 4 of 10 against 1 of 10 is too few to tell."""
    say = {"as_of": "2024-02-29", "freq": "month", "by": "region", "gap": 60, "pictures": False}
    for times, verdict in ((10, "loses more"), (1, "too few to tell")):
        lines = [
            (f"{region}{i}", day, 10, region)
            for region, stay in (("A", 6), ("B", 9))
            for i in range(10 * times)
            for day in ("2024-01-01", "2024-02-29")[: 1 + (i % 10 < stay)]
        ]
        table = shops.orders(*lines, columns=("region",))
        section = sections_of(rt.retention_report(table, **say))["losses"]
        assert grid_of(section, "by region")[0][-1] == verdict
    assert section.finding.startswith("No segment clearly loses more")


def test_a_segment_is_set_against_the_rest_with_newcombes_bounds(orders):
    """At the level that allows for all segments compared, as if each were the only one."""
    fixed = orders.assign(region=orders.groupby("customer_id")["region"].transform("first"))
    report = rt.retention_report(fixed, **(SAY | {"freq": "year"}), by="region")
    say = {"freq": "year", "as_of": "2024-12-31", "observed_from": OPENED, "by": "region"}
    activity = rt.customer_periods(fixed, **say)
    for row in grid_of(sections_of(report)["losses"], "by region"):
        target = {"region": row[0]}
        found = rt.kpis.target_customers(activity, target=target, level=1 - 0.05 / 4).iloc[-1]
        low, high = found["difference_lower"], found["difference_upper"]
        clear = "loses more" if low > 0 else "loses less" if high < 0 else row[-1]
        assert row[-1] == clear
        assert (low <= 0 <= high) == (row[-1] in ("no clear difference", "too few to tell"))


def test_small_segments_stand_together(orders):
    """Below the least number no segment is shown, nor one alone that the total gives away."""
    few = orders["customer_id"].drop_duplicates().head(6)
    region = orders["region"].where(~orders["customer_id"].isin(few), "Island")
    report = rt.retention_report(orders.assign(region=region), **SAY, by="region")
    section = sections_of(report)["losses"]
    names = [row[0] for row in grid_of(section, "by region")]
    assert "Island" not in report.to_html()
    assert sum(name.endswith(" and smaller ones") for name in names) == 1
    assert len(names) == 4
    assert all(int(row[1].replace(",", "")) >= 10 for row in grid_of(section, "by region"))
    assert any("2 segments stand together" in note for note in section.notes)


def test_nothing_is_hidden_where_one_may_be_shown(orders):
    """min_customers=1 shows everybody."""
    region = orders["region"].mask(orders["customer_id"] == orders["customer_id"][0], "Island")
    say = SAY | {"as_of": "2022-12-31"}
    report = rt.retention_report(orders.assign(region=region), **say, by="region", min_customers=1)
    assert "smaller ones" not in report.to_markdown()


def test_cohorts_and_reasons_of_few_are_left_out(orders, company):
    """The least number holds for every group."""
    report = rt.retention_report(orders, **SAY, notes=company.notes, min_customers=12)
    sizes = [int(row[1]) for row in grid_of(sections_of(report)["cohorts"], "Share back")]
    named = [int(row[1]) for row in sections_of(report)["reasons"].grids[0].rows]
    assert min(sizes) >= 12
    assert min(named) >= 12
    assert any("not shown" in note for note in sections_of(report)["reasons"].notes)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (Rate(0.60, 0.50, 0.70), "no clear change (−4.1 to +24.1 points)"),
        (Rate(0.75, 0.70, 0.80), "up by 25.0 points (+13.8 to +36.2 points)"),
        (Rate(0.25, 0.20, 0.30), "down by 25.0 points (−36.2 to −13.8 points)"),
        (Rate(0.60, None, None), "+10.0 points; no change can be told for sure"),
        (Rate(None, None, None), "no change can be told"),
    ],
)
def test_a_change_is_told_no_louder_than_its_bounds_allow(after, words):
    """Against 50% between 40% and 60%."""
    assert change_of_rates(Rate(0.50, 0.40, 0.60), after).in_words() == words


def test_bounds_that_touch_zero_leave_a_change_unclear():
    """At the very edge: 0 belongs to what is possible."""
    assert change_of_rates(Rate(0.5, 0.5, 0.5), Rate(0.7, 0.5, 0.9)).lower == pytest.approx(0.0)
    edge = change_of_rates(Rate(0.5, 0.5, 0.5), Rate(0.75, 0.5, 1.0))
    assert edge.lower == 0.0
    assert not edge.is_clear
    assert edge.in_words().startswith("no clear change")
    assert edge.verdict("higher") == "same"


def test_contracts_at_risk_are_each_customer_at_their_own_tenure(contracts):
    """The sum over those in force of the chance to leave, and of what they pay times it."""
    day = pd.Timestamp("2024-12-31")
    report = rt.retention_report(contracts, as_of=day, freq="month", pictures=False)
    spells = rt.contract_spells(contracts, as_of=day, grace=0)
    curve = rt.survival_curve(spells)
    force = contracts[(contracts["start"] <= day) & ~(contracts["end"] <= day)]
    paid = force.groupby("customer_id")["sales"].sum()
    leaving = stake = 0.0
    for spell in spells[~spells["churned"] & spells["customer_id"].isin(paid.index)].itertuples():
        stays = rt.survival.conditional_survival(curve, tenure=spell.duration, horizon=90)[
            "survival"
        ][0]
        if pd.notna(stays):
            leaving += 1 - stays
            stake += (1 - stays) * paid[spell.customer_id]
    finding = sections_of(report)["risk"].finding
    assert f"about {leaving:.0f} are expected to leave" in finding
    assert f"with {stake:,.{0 if stake >= 1000 else 2}f} of sales a month" in finding


def test_the_change_of_a_wilson_rate_is_newcombes(orders):
    """The same bounds as the library gives for the churn bridge."""
    activity = rt.customer_periods(orders, freq="year", as_of="2024-12-31", observed_from=OPENED)
    kpis = rt.outcome_kpis(activity).to_dict("records")
    before, after = (Rate.of(row, "retention_rate") for row in kpis)
    found = change_of_rates(before, after)
    bridge = rt.kpis.churn_bridge(activity.assign(firm="all"), by="firm", overlap="main").iloc[-1]
    assert -found.value == pytest.approx(bridge["rate_change"])
    assert -found.upper == pytest.approx(bridge["change_lower"])
    assert -found.lower == pytest.approx(bridge["change_upper"])


def test_contracts_are_told_by_their_columns(contracts):
    """A table with starts is counted as contracts, and its risk is by tenure."""
    report = rt.retention_report(contracts, as_of="2024-12-31", freq="month", pictures=False)
    found = sections_of(report)
    assert "From contracts up to 31 Dec 2024" in report.subtitle
    assert "under contract" in found["risk"].finding
    rows = grid_of(found["risk"], "by how long")
    assert rows[0][0] == "0 – 89 days"
    activity = rt.contract_periods(contracts, freq="month", as_of="2024-12-31")
    last = rt.outcome_kpis(activity).iloc[-1]
    assert f"{last['n_retained']:,} ({last['retention_rate']:.1%})" in found["headline"].finding


def test_an_audit_tells_what_was_set_aside(company):
    """Given what a door found, the report counts the rows that could not be used."""
    audit = rt.audit(
        rt.as_transactions,
        company.orders,
        customer_id="customer_id",
        date="date",
        sales="sales",
        refunds="drop",
    )
    report = rt.retention_report(audit, **SAY)
    n = len(audit.set_aside)
    assert f"{n:,} rows were set aside" in sections_of(report)["read"].finding
    assert grid_of(sections_of(report)["read"], "set aside")[0][:2] == ("refund", f"{n:,}")


def test_a_company_that_loses_nobody_has_a_report():
    """No churn, no reason, no risk: said, not failed."""
    days = [*pd.date_range("2024-01-01", "2024-12-15", freq="MS"), pd.Timestamp("2024-12-30")]
    lines = [(f"c{i:02}", str(day.date()), 10) for i in range(30) for day in days]
    say = {"as_of": "2024-12-31", "freq": "month", "gap": 60, "pictures": False}
    report = rt.retention_report(shops.orders(*lines), **say)
    found = sections_of(report)
    assert "30 (100.0%) were kept" in found["headline"].finding
    assert "100.0% of the customers are still here" in found["survival"].finding
    assert found["risk"].finding.startswith("No customer who is not yet lost")


def test_one_period_alone_has_no_rate():
    """What cannot be known yet is said in words, and the rest of the report stands."""
    lines = [(f"c{i}", f"2024-01-{i + 10}", 10) for i in range(20)]
    report = rt.retention_report(
        shops.orders(*lines),
        as_of="2024-01-31",
        freq="month",
        observed_from="2024-01-01",
        pictures=False,
    )
    found = sections_of(report)
    assert "Only one whole month was observed" in found["headline"].finding
    assert "too short" in found["survival"].finding
    assert found["risk"].finding == (
        "The file is too short to say who will buy nothing in the next 90 days: by 2 Nov 2023 "
        "nobody had bought yet."
    )
    assert not found["risk"].grids
    assert report.to_html()


def test_who_is_at_risk_is_who_will_likely_buy_nothing(orders):
    """Not yet lost, chance of one half or more, ranked by that chance times a year's sales."""
    report = rt.retention_report(orders, **SAY, gap=180, at_risk=5)
    section = sections_of(report)["risk"]
    scores = rt.churn_score(orders, as_of="2024-12-31", within=90).set_index("customer_id")
    year = orders[orders["date"] >= pd.Timestamp("2025-01-01") - pd.Timedelta(days=365)]
    sales = year.groupby("customer_id")["sales"].sum().reindex(scores.index).fillna(0)
    here = scores[(scores["days_since_last"] <= 180) & (scores["p_no_purchase"] >= 0.5)]
    stake = (here["p_no_purchase"] * sales[here.index]).sort_values(ascending=False)
    assert section.finding.startswith(f"{len(here)} customers not yet lost are more likely")
    assert [row[0] for row in section.grids[0].rows] == stake.index[:5].tolist()
    assert float(section.grids[0].rows[0][-1].replace(",", "")) == pytest.approx(
        stake.iloc[0], abs=0.6
    )


def test_what_the_library_warns_of_stands_in_the_report():
    """Who reads it sees that the file may have ended early."""
    days = pd.date_range("2024-01-01", "2024-03-05").astype(str)
    lines = [(f"c{i % 9}", day, 10) for i, day in enumerate(days)]
    with pytest.warns(rt.RetentionWarning, match="26 days before as_of") as caught:
        report = rt.retention_report(
            shops.orders(*lines), as_of="2024-03-31", freq="month", gap=60, pictures=False
        )
    assert len(caught) == 1
    assert [note[:32] for note in report.sections[0].notes] == ["Careful: The last order is of 20"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"freq": "fortnight"}, "freq must be one of"),
        ({"history": "old"}, "history must be one of"),
        ({"min_customers": 0}, "min_customers must be a whole number, 1 or more"),
        ({"at_risk": -1}, "at_risk must be a whole number"),
        ({"gap": 1.5}, "gap must be a whole number"),
        ({"by": "planet"}, "planet"),
        ({"as_of": "soon"}, "as_of must be a day"),
    ],
)
def test_a_wrong_keyword_is_refused(orders, wrong, said):
    """One clear message."""
    with pytest.raises(rt.RetentionError, match=said):
        rt.retention_report(orders, **(SAY | wrong))


def test_a_table_of_neither_kind_is_refused():
    """With what it lacks."""
    with pytest.raises(rt.ColumnError, match="lacks 'customer_id'"):
        rt.retention_report(pd.DataFrame({"a": [1]}), **SAY)


def test_small_bands_of_tenure_stand_with_their_neighbours(contracts):
    """What is left out could be told from the total: all customers are in some band."""
    report = rt.retention_report(contracts, **SAY, min_customers=20)
    alone = rt.retention_report(contracts, **SAY, min_customers=1)
    rows, every = (grid_of(sections_of(one)["risk"], "Customers under") for one in (report, alone))
    sizes = [int(row[1]) for row in rows]
    assert min(int(row[1]) for row in every) < 20 <= min(sizes)
    assert sum(sizes) == sum(int(row[1]) for row in every)
    assert rows[0][0].split(" ")[0] == "0"
    assert rows[-1][0].split(" ")[-2:] == every[-1][0].split(" ")[-2:]


def test_a_bridge_of_too_few_is_left_out():
    """Twelve buy on the island a little, four mostly: counted once each, they are four."""
    lines = [
        (f"{place}{i}", day, 10, place)
        for place in ("A", "B")
        for i in range(40)
        for day in ("2024-01-01", "2024-02-10", "2024-03-10")[: 3 - i % 2]
    ]
    lines += [(f"A{i}", f"2024-0{m}-05", 1, "I") for i in range(8) for m in (1, 2, 3)]
    lines += [(f"I{i}", f"2024-0{m}-05", 1, "I") for i in range(4) for m in (1, 2, 3)]
    table = shops.orders(*lines, ("A0", "2024-03-31", 10, "A"), columns=("region",))
    say = {"as_of": "2024-03-31", "freq": "month", "by": "region", "gap": 60}
    for least, shown in ((10, False), (4, True)):
        report = rt.retention_report(table, **say, min_customers=least)
        losses = sections_of(report)["losses"]
        assert any("What moved" in grid.caption for grid in losses.grids) == shown
        assert bool(losses.pictures) == shown
        assert shown == any("counts each customer once" in n for n in losses.notes)


def test_the_level_of_bounds_is_told_without_rounding(orders):
    """99.5% is not 100%; scores are defined where they are used."""
    section = sections_of(rt.retention_report(orders, **SAY, level=0.995))["definitions"]
    assert any("true figure 99.5% of the time" in note for note in section.notes)
    assert "Chance of no purchase within some time" in [row[0] for row in section.grids[0].rows]


def test_notes_whose_days_are_text_are_refused_in_words(orders):
    """No type error of the engine: which column, and what to do."""
    notes = pd.DataFrame({"text": ["too expensive"], "date": ["1.5.2024"]})
    with pytest.raises(rt.ColumnError, match="notes: 'date' must hold dates"):
        rt.retention_report(orders, **SAY, notes=notes)

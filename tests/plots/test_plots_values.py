"""Bridges, models, reasons and gaps: pictures show what stands in their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import retention as rt
from pictures import (
    NAMES,
    SEEN,
    boxes,
    company,
    faults,
    plot,
    squares,
    tables,
    tags,
    ticks,
    words,
)
from retention.plots.paper.palette import BAD, GOOD

# bridges


def test_the_bars_of_a_revenue_bridge_are_the_table_s_sums() -> None:
    """heights are the amounts; each bar begins where the last ended; the last ends at 0."""
    table = tables()["plot_revenue_bridge"]
    row = table.iloc[-1]
    ax = plot("plot_revenue_bridge")
    names = ["start", "new", "reactivated", "expansion", "contraction", "churned", "end"]
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([row[f"sales_{name}"] for name in names], rel=1e-12)
    at = [row["sales_start"]]
    for bar, sign in zip(ax.patches[1:6], (1, 1, 1, -1, -1), strict=True):
        edges = (bar.get_y(), bar.get_y() + bar.get_height())
        assert edges[0 if sign > 0 else 1] == pytest.approx(at[-1], rel=1e-12)
        at.append(edges[1 if sign > 0 else 0])
    assert at[-1] == pytest.approx(row["sales_end"], rel=1e-9)
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False] * 4 + [True] * 2 + [False]
    assert f"{row['n_new']:,.0f}" in ticks(ax, "x")[1]


def test_a_period_of_a_bridge_is_chosen_by_its_first_day() -> None:
    """that period's row; the first one knows nothing of what was before; others are refused."""
    table = tables()["plot_revenue_bridge"]
    ax = plot("plot_revenue_bridge", period="2023-04-01")
    wanted = table[table["period"] == "2023-04-01"]["sales_churned"].iloc[0]
    assert ax.patches[5].get_height() == pytest.approx(wanted, rel=1e-12)
    assert "2023 Q2" in ax.get_title(loc="left")
    assert "of 2022 Q1 nothing is known" in words(plot("plot_revenue_bridge", period="2022-01-01"))
    with pytest.raises(rt.RetentionError, match=r"begins on 2023-04-02.*'2024-10-01'"):
        plot("plot_revenue_bridge", period="2023-04-02")


def test_a_churn_bridge_goes_from_one_rate_to_the_other() -> None:
    """two bars a segment, its rate and its share; they lead from the first rate to the last."""
    table = tables()["plot_churn_bridge"]
    rows = table[table["step"] == table["step"].max()]
    ax = plot("plot_churn_bridge")
    widths = [bar.get_width() for bar in ax.patches]
    order = rows.assign(
        size=rows["rate_effect"].abs() + (rows["effect"] - rows["rate_effect"]).abs()
    ).sort_values("size", ascending=False)
    np.testing.assert_allclose(widths[::2], order["rate_effect"], atol=1e-15)
    np.testing.assert_allclose(widths[1::2], order["effect"] - order["rate_effect"], atol=1e-15)
    assert ticks(ax, "y")[1:-1] == order["region"].tolist()
    colours = {
        width > 0: to_hex(bar.get_edgecolor()).upper()
        for bar, width in zip(ax.patches, widths, strict=True)
        if width
    }
    assert colours == {True: BAD, False: GOOD}  # more churn is worse
    first, last = ax.patches[0], ax.patches[-1]
    assert first.get_x() == pytest.approx(rows["total_rate_before"].iloc[0])
    assert last.get_x() + last.get_width() == pytest.approx(rows["total_rate_after"].iloc[0])
    assert rt.catalogue.figure("churn_rate").label in ax.get_title(loc="left")


def test_a_churn_bridge_of_many_segments_puts_the_least_together() -> None:
    """ten rows at most, and nothing of the change is lost."""
    table = tables()["plot_churn_bridge"]
    effects = ["rate_effect", "mix_effect", "new_effect", "gone_effect", "effect"]
    many = pd.concat(
        [
            table.assign(region=table["region"] + str(i), **{e: table[e] / 4 for e in effects})
            for i in range(4)
        ]
    )
    ax = plot("plot_churn_bridge", many, size=(7.2, 6))
    assert len(ticks(ax, "y")) == 2 + 10
    assert "7 other segments" in words(ax)
    change = many[many["step"] == many["step"].max()]["effect"].sum()
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(change)


def test_without_any_churn_a_bridge_stands_still() -> None:
    """both rates 0, all effects 0: drawn, and said so."""
    table = tables()["plot_churn_bridge"].copy()
    for column in table.columns[table.columns.str.contains("effect|total_rate")]:
        table[column] = 0.0
    ax = plot("plot_churn_bridge", table)
    assert words(ax).count("0.0\u00a0points") >= len(ticks(ax, "y")) - 2
    assert faults(ax) == []


# models and predictions


def test_a_forest_plot_has_ratios_and_bounds_on_a_logarithmic_scale() -> None:
    """points at the ratios, bars between their bounds, numbers beside, 1 as the line."""
    table = tables()["plot_coefficients"]
    ax = plot("plot_coefficients")
    assert ax.get_xscale() == "log"
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in points] == table["ratio"].tolist()
    bars = [segment for c in ax.collections for segment in c.get_segments()]
    found = np.array([[bar[0][0], bar[1][0]] for bar in bars])
    np.testing.assert_allclose(found, table[["ratio_lower", "ratio_upper"]])
    row = table.iloc[0]
    said = f"{row['ratio']:.2f} ({row['ratio_lower']:.2f} to {row['ratio_upper']:.2f})"
    assert said in words(ax)
    assert ticks(ax, "y")[0] == "plan: Office (against Light)"


def test_a_coefficient_that_is_not_known_is_said_and_endless_bounds_end_in_arrows() -> None:
    """null is words; a bound out of reach is an arrow at the edge and a number beside it."""
    table = pd.DataFrame(
        {
            "term": ["a", "b", "c"],
            "reference": None,
            "ratio": [1.1, np.nan, 0.9],
            "ratio_lower": [1.0, np.nan, 0.0],
            "ratio_upper": [1.2, np.nan, np.nan],
        }
    )
    ax = plot("plot_coefficients", table, ratio="times")
    assert "not known" in words(ax)
    assert "0.90 (<0.01 to –)" in words(ax)
    assert sorted(line.get_marker() for line in ax.lines if line.get_marker() in "<>") == ["<", ">"]
    assert "stay longer →" in ax.get_xlabel()
    with pytest.raises(rt.RetentionError, match="ratio must be one of 'hazards'"):
        plot("plot_coefficients", table, ratio="risks")


def test_calibration_has_a_point_a_group_and_the_line_of_truth() -> None:
    """predicted along x, observed along y, bounds upright, a line from corner to corner."""
    table = tables()["plot_calibration"]
    ax = plot("plot_calibration")
    truth, points = ax.lines
    np.testing.assert_array_equal(truth.get_xdata(), truth.get_ydata())
    np.testing.assert_array_equal(points.get_xydata(), table[["predicted", "observed"]])
    known = table.dropna(subset=["lower", "upper"])
    bars = [s for c in ax.collections for s in c.get_segments()]
    np.testing.assert_allclose([[s[0][1], s[1][1]] for s in bars], known[["lower", "upper"]])


def test_lift_has_a_bar_a_group_and_gain_a_curve_from_nothing_to_all() -> None:
    """heights are the lifts; the curve goes through the cumulative shares."""
    table = tables()["plot_lift"]
    bars = plot("plot_lift").patches
    assert [bar.get_height() for bar in bars] == table["lift"].tolist()
    gain = plot("plot_lift", show="gain").lines[-1].get_xydata()
    shares = ["cumulative_share_of_customers", "cumulative_share_of_churn"]
    np.testing.assert_array_equal(gain[1:], table[shares])
    assert gain[0].tolist() == [0, 0]
    with pytest.raises(rt.RetentionError, match="show must be one of 'lift', 'gain'"):
        plot("plot_lift", show="roc")


# reasons and gaps


def test_reasons_are_ranked_and_those_who_told_none_stand_hatched_at_the_foot() -> None:
    """the most named first; the widths are the shares; the bounds lie on the bars."""
    table = tables()["plot_reasons"]
    ax = plot("plot_reasons")
    named = table[table["n_customers"] > 0].copy()
    named["none"] = named["category"].isin(["unspecified", "missing", "x_switching_barrier"])
    named = named.sort_values(["none", "share"], ascending=[True, False], kind="stable")
    assert [bar.get_width() for bar in ax.patches] == named["share"].tolist()
    assert [bool(bar.get_hatch()) for bar in ax.patches] == named["none"].tolist()
    assert ticks(ax, "y")[0] == named["label"].iloc[0]
    assert f"{named['share'].iloc[0]:.1%} ({named['n_customers'].iloc[0]})" in words(ax)
    bounds = [s for c in ax.collections for s in c.get_segments()]
    np.testing.assert_allclose([[s[0][0], s[1][0]] for s in bounds], named[["lower", "upper"]])
    assert "Of 300 customers asked" in ax.get_title(loc="left")


@pytest.mark.parametrize(
    ("base", "said"), [("tagged", "that told a reason"), ("mentions", "mentions of reasons")]
)
def test_the_title_says_what_shares_of_reasons_are_of(base: str, said: str) -> None:
    """of those who told one, or of all mentions."""
    ax = plot("plot_reasons", rt.reason_summary(tags(), base=base))
    assert said in ax.get_title(loc="left").replace("\n", " ")


def test_hatching_is_explained_where_there_is_some() -> None:
    """of those who told a reason nobody told none: there is no such bar, nor a word about it."""
    for base, hatched in (("customers", True), ("tagged", False)):
        n = 300 if base == "customers" else None
        ax = plot("plot_reasons", rt.reason_summary(tags(), base=base, n_customers=n))
        assert any(bar.get_hatch() for bar in ax.patches) == hatched
        assert ("Hatched" in ax.get_xlabel()) == hatched


def test_a_reason_that_a_segment_names_more_or_less_than_all_is_marked() -> None:
    """▲ where the bounds lie above the share of all segments, ▼ where below, hatched if unknown."""
    table = tables()["plot_reasons_by_segment"].copy()
    price = table["category"] == "pricing"
    table.loc[price & (table["region"] == "north"), ["lower", "upper"]] = [0.9, 0.95]
    table.loc[price & (table["region"] == "south"), ["lower", "upper"]] = [0.0, 0.05]
    ax = plot("plot_reasons_by_segment", table)
    said = [text.get_text() for text in ax.texts]
    shares = table[price].set_index("region")["share"]
    assert f"{shares['north']:.0%} ▲" in said
    assert f"{shares['south']:.0%} ▼" in said
    table.loc[price & (table["region"] == "south"), "share"] = np.nan
    _, blank = squares(plot("plot_reasons_by_segment", table))
    assert len(blank.get_paths()) == 1


def test_eight_segments_with_long_names_stand_over_their_columns() -> None:
    """their names are wrapped, and none runs into the next."""
    table = tables()["plot_reasons_by_segment"]
    one = table[table["region"] == "north"]
    ax = rt.plots.plot_reasons_by_segment(pd.concat([one.assign(region=name) for name in NAMES]))
    try:
        assert faults(ax) == []
        assert len(ticks(ax, "x")) == 8
    finally:
        from matplotlib import pyplot

        pyplot.close(ax.figure)


def test_the_lines_of_gaps_are_the_table_s_shares() -> None:
    """three lines over the candidate gaps, named as the catalogue names them."""
    table = tables()["plot_gaps"]
    ax = plot("plot_gaps")
    shares = ["lost_share", "came_back_share", "false_churn_rate"]
    for line, share in zip(ax.lines, shares, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), table[share])
        assert rt.catalogue.figure(share).label in " ".join(words(ax).split())
    assert ticks(ax, "x") == ["30", "60", "90", "180"]


def test_tracking_has_two_lines_and_marks_where_the_forecast_begins() -> None:
    """actual and expected of each period or so far; an upright line between the two parts."""
    table = tables()["plot_tracking"]
    for show, before in (("each", ""), ("cumulative", "cumulative_")):
        ax = plot("plot_tracking", show=show)
        actual, expected, upright = ax.lines
        np.testing.assert_array_equal(actual.get_ydata(), table[f"{before}actual"])
        np.testing.assert_array_equal(expected.get_ydata(), table[f"{before}expected"])
        assert upright.get_xdata()[0] == table[table["is_holdout"]]["step"].min() - 0.5
    fitted = plot("plot_tracking", table[~table["is_holdout"]])
    assert len(fitted.lines) == 2
    with pytest.raises(rt.RetentionError, match="show must be one of 'each', 'cumulative'"):
        plot("plot_tracking", show="all")


def test_the_bars_of_tenure_are_the_parts_of_its_change() -> None:
    """added up at each age they are the diamond; each part says what it came to at the last."""
    table = tables()["plot_tenure_profit"]
    table = table[table["lower"].notna()]
    ax = plot("plot_tenure_profit")
    (diamonds,) = [line for line in ax.lines if line.get_marker() == "D"]
    change = table["profit_per_customer"] - table["profit_per_customer"].iloc[0]
    np.testing.assert_allclose(diamonds.get_ydata(), change)
    sums = dict.fromkeys(table["age"], 0.0)
    for bar in ax.patches:
        sums[round(bar.get_x() + bar.get_width() / 2)] += bar.get_height()
    np.testing.assert_allclose(list(sums.values()), change, atol=1e-9)
    said = " ".join(words(ax).split())
    for name in ("Sorting", "Growth", "Returned", "Change in all"):
        assert name in said
    assert f"{table['n_customers'].iloc[0]:,}" in said
    assert "Change since the first quarter" in said


def test_ages_of_too_few_are_left_out_of_a_picture_unless_all_are() -> None:
    """the last ages of the table have no bounds, and would say most."""
    table = tables()["plot_tenure_profit"]
    assert table["lower"].isna().any()
    (diamonds,) = [line for line in plot("plot_tenure_profit").lines if line.get_marker() == "D"]
    assert len(diamonds.get_xdata()) == table["lower"].notna().sum()
    few = table.assign(lower=np.nan)
    assert len(plot("plot_tenure_profit", few).lines[0].get_xdata()) == len(table)


def test_lifetime_profit_begins_at_its_cost_and_says_when_it_pays() -> None:
    """the line of a customer won, that of one who stays, and where each passes 0."""
    table = tables()["plot_lifetime_profit"]
    ax = plot("plot_lifetime_profit")
    won, stays = ax.lines[:2]
    np.testing.assert_allclose(won.get_ydata(), [-45.0, *table["net"]])
    np.testing.assert_allclose(stays.get_ydata(), [-45.0, *table["net_staying"]])
    found = rt.economics.break_even_tenure(table).iloc[0]
    said = words(ax).replace("\u00a0", " ")
    for name in ("break_even_acquired", "break_even_staying"):
        assert f"{found[name]:.1f} quarters" in said
    free = plot("plot_lifetime_profit", table.assign(acquisition_cost=0.0))
    assert free.get_title(loc="left") == "What a customer won has brought"
    assert "quarters" not in words(free).replace("Quarters", "")
    never = plot("plot_lifetime_profit", table.assign(net=table["net"] - 1e4, net_staying=-1.0))
    assert len([line for line in never.lines if line.get_marker() == "o"]) == 1  # that of net
    apart = pd.concat([table.assign(region="north"), table.assign(region="south")])
    several = plot("plot_lifetime_profit", apart)
    assert "One who stays" not in words(several)
    assert {"north", "south"} <= set(words(several).split())


def test_levers_have_a_bar_each_hatched_where_nobody_has_watched() -> None:
    """the bars add up to the gain; its bounds are a line at the height of its bar."""
    table = tables()["plot_levers"]
    ax = plot("plot_levers")
    ends = {}
    for bar in ax.patches:
        row = round(bar.get_y() + bar.get_height() / 2)
        ends[row] = max(ends.get(row, 0.0), bar.get_x() + bar.get_width())
    np.testing.assert_allclose([ends[row] for row in range(5)], table["gain_share"])
    hatched = [bar.get_width() for bar in ax.patches if bar.get_hatch()]
    np.testing.assert_allclose(hatched, table["gain_share"] * table["share_forecast"])
    lines = [line for part in ax.collections for line in part.get_segments()]
    assert [line[0][1] for line in lines] == [0, 1, 2, 3, 4]
    lower = table["lower"] / table["value_before"]
    np.testing.assert_allclose([line[0][0] for line in lines], lower)
    assert "+5.0 points at the first renewal" in " ".join(words(ax).split())
    assert f"+{table['gain_share'][0]:.1%}" in words(ax)
    unlike = table.assign(points=[0.05, 0.05, 0.05, 0.05, 0.1])
    said = " ".join(words(plot("plot_levers", unlike)).split())
    assert "More retention: what" in said
    assert "10.0 points" in said


def test_a_forecast_stacks_todays_customers_and_those_to_be_won() -> None:
    """two bars a period, and a line where it goes, if it goes anywhere."""
    table = tables()["plot_base_forecast"]
    ax = plot("plot_base_forecast")
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_allclose(heights, [*table["n_old"], *table["n_new"]])
    feet = [bar.get_y() for bar in ax.patches[len(table) :]]
    np.testing.assert_allclose(feet, table["n_old"])
    assert ax.lines[0].get_ydata()[0] == table["steady_state"][0]
    assert "In the end\n1,200" in words(ax)
    assert "Years from now" in words(ax)
    endless = plot("plot_base_forecast", table.assign(steady_state=np.nan, length="28 days"))
    assert not endless.lines
    assert "Periods of 28 days from now" in words(endless)


@pytest.mark.parametrize("size", [(3.4, 2.6), (10, 3)], ids=["tiny", "flat"])
def test_pictures_of_odd_sizes_are_drawn_without_a_warning(size: tuple[float, float]) -> None:
    """labels may become small, but no picture fails."""
    for name in ("plot_retention", "plot_survival", "plot_cohorts", "plot_reasons_by_segment"):
        assert boxes(plot(name, size=size))


# cohort values


def test_the_bold_line_of_cohort_values_is_all_cohorts_together() -> None:
    """it is the line of cohorts="attribute", and the ring stands where that has paid back."""
    activity = rt.customer_periods(
        rt.sample_company(300, seed=4).orders, freq="quarter", as_of="2024-12-31",
        observed_from="2022-01-01",
    )  # fmt: skip
    asked = {"of": "profit", "acquisition_cost": 45.0, "washout": 0}
    together = rt.economics.cohort_value(activity, cohorts="attribute", **asked)
    apart = rt.economics.cohort_value(activity, **asked)
    shown = [plot("plot_cohort_value", table) for table in (together, apart)]
    lines = [next(line for line in ax.lines if line.get_linewidth() == 1.9) for ax in shown]
    assert lines[1].get_ydata() == pytest.approx(together["value_per_customer"].tolist())
    assert lines[1].get_ydata() == pytest.approx(lines[0].get_ydata())
    age = rt.economics.payback_age(together)["payback_age"][0]
    assert all(f"Paid\u00a0back\u00a0at\u00a0{age:.0f}" in words(ax) for ax in shown)


def test_many_cohorts_are_lines_of_a_year() -> None:
    """a year's line is their sums over their customers; the bold one ends where half are seen."""
    activity = rt.customer_periods(
        rt.sample_company(300, seed=4).orders, freq="month", as_of="2024-12-31",
        observed_from="2022-01-01",
    )  # fmt: skip
    table = rt.economics.cohort_value(activity, of="sales", washout=0)
    ax = plot("plot_cohort_value", table)
    thin = [line for line in ax.lines if line.get_linewidth() == 0.9]
    first = table[table["cohort"].dt.year == 2022]
    seen = first[first["n_eligible"] > 0].groupby("age")[["total", "n_eligible"]]
    whole = seen.sum()[seen.size() == first.loc[first["n_cohort"] > 0, "cohort"].nunique()]
    assert len(thin) == table.loc[table["n_cohort"] > 0, "cohort"].dt.year.nunique()
    assert thin[0].get_ydata() == pytest.approx((whole["total"] / whole["n_eligible"]).tolist())
    n = table.groupby("age")["n_eligible"].sum()
    (bold,) = [line for line in ax.lines if line.get_linewidth() == 1.9]
    assert bold.get_xdata().tolist() == n.index[n >= n.max() / 2].tolist()
    assert "all won in a year" in words(ax)


def test_cohort_values_without_a_value_or_cost_are_drawn_all_the_same() -> None:
    """a table without rows says so; without a cost there is no level and no ring."""
    table = tables()["plot_cohort_value"]
    assert "the table has no rows" in words(plot("plot_cohort_value", table.iloc[:0]))
    free = table.assign(acquisition_cost=np.nan, net=np.nan)
    said = words(plot("plot_cohort_value", free))
    assert "Cost of winning" not in said
    assert "Ring" not in said


def test_an_outlook_goes_on_from_the_past() -> None:
    """what is expected with its bounds as in the table, after the past; a backtest with both."""
    table, past = tables()["plot_outlook"], active_by_quarter()
    ax = plot("plot_outlook", past=past)
    assert ax.lines[0].get_ydata().tolist() == past["n_active"].tolist()
    assert ax.lines[1].get_ydata().tolist() == table["n_customers"].tolist()
    heights = ax.collections[-1].get_paths()[0].vertices[:, 1]
    assert {*table["lower"], *table["upper"]} <= set(heights)
    assert "Customers expected in the next 6 quarters" in words(ax)
    assert faults(ax) == []
    step = table["step"].to_numpy()
    sales = table.drop(columns="n_customers").assign(sales_old=1.0, sales_new=2.0, sales=3.0)
    ax = plot("plot_outlook", sales.assign(lower=np.nan, upper=np.nan, bounds="none: flat"))
    assert "No bounds: flat" in words(ax)
    assert "Sales expected" in words(ax)
    held = pd.DataFrame({
        "period": table["period"], "step": step, "freq": "quarter", "covered": [True, False] * 3,
        "covered_share": 0.5, "sales_covered": None, **dict.fromkeys(
            ("n_customers", "lower", "upper", "actual", "sales", "sales_lower", "sales_upper",
             "sales_actual"), 50.0 + step - step[0]),
    })  # fmt: skip
    ax = plot("plot_outlook", held, past=past)
    assert "held what came in 3 of 6 quarters" in words(ax)
    assert ax.lines[0].get_ydata().tolist() == [*past["n_active"], *held["actual"]]
    assert "Sales, as expected" in words(plot("plot_outlook", held, show="sales"))


def test_an_outlook_whose_curve_reaches_nobody_for_sure_is_a_shade_and_says_so() -> None:
    """In each period some are beyond the curve: bounds were drawn as if nothing were known."""
    table = tables()["plot_outlook"].assign(n_customers=np.nan)
    ax = plot("plot_outlook", table)
    heights = ax.collections[-1].get_paths()[0].vertices[:, 1]
    assert {*table["lower"], *table["upper"]} <= set(heights)
    low, high = (round(table[name].iloc[-1]) for name in ("lower", "upper"))
    assert f"Expected {low:,} to {high:,}" in words(ax).replace("\n", " ")
    assert "the model does not reach some" in words(ax).replace("\n", " ")
    one = plot("plot_outlook", table.head(1)).collections[-1].get_paths()[0].vertices[:, 1]
    assert one.tolist() == [table["lower"][0], table["upper"][0]]
    without = table.assign(lower=np.nan, upper=np.nan)
    assert "of some, nothing is known" in words(plot("plot_outlook", without))


def test_a_past_that_does_not_lead_to_the_outlook_is_refused() -> None:
    """of other periods, or one that ends too early."""
    past = active_by_quarter()
    with pytest.raises(rt.RetentionError, match="past lacks the quarter before 2025-01-01"):
        plot("plot_outlook", past=past.head(5))
    months = past.assign(period=past["period"] + pd.offsets.MonthBegin(1))
    with pytest.raises(rt.RetentionError, match="past is not by quarter, .* freq='quarter'"):
        plot("plot_outlook", past=months)
    with pytest.raises(rt.RetentionError, match="show"):
        plot("plot_outlook", show="money")


def active_by_quarter() -> pd.DataFrame:
    """Who bought in each quarter of the company's log."""
    return rt.kpis.active_customers(company().orders, freq="quarter", **SEEN)

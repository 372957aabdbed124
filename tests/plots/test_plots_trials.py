"""Effects, power, uplift and profit of lists: pictures show what stands in their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from pictures import NAMES, faults, plot, tables, ticks, words


def said(ax):
    """All words of a picture on one line."""
    return " ".join(words(ax).split())


def bars(ax, width):
    """The ends along x of the bars of a width."""
    lines = [part for part in ax.collections if part.get_linewidths()[0] == pytest.approx(width)]
    return sorted(tuple(line[:, 0].tolist()) for part in lines for line in part.get_segments())


def line(ax, place):
    """The heights of a line."""
    return np.asarray(ax.lines[place].get_ydata(), float)


def test_an_effect_is_a_dot_with_bounds_of_its_own_and_of_all() -> None:
    """differences of the table, from the top down; thick its bounds, thin those of all at once."""
    table = tables()["plot_effect"]
    ax = plot("plot_effect")
    dots = [d for part in ax.lines if part.get_marker() == "o" for d in part.get_xdata()]
    assert sorted(dots) == sorted(table["difference"])
    pair = table[["difference_lower", "difference_upper"]]
    assert bars(ax, 4.0) == sorted(map(tuple, pair.to_numpy().tolist()))
    assert bars(ax, 1.4) == sorted(
        map(tuple, table[["lower_all", "upper_all"]].to_numpy().tolist())
    )
    assert ticks(ax, "y") == table["arm"].tolist()
    assert "of 2 comparisons 1 differs from the control beyond chance (call)" in said(ax)
    assert "Difference from control in points, after 90 days" in said(ax)


def test_an_effect_that_may_be_none_says_what_may_have_been_missed() -> None:
    """of one arm its bounds; of several, that none differs; without bounds, that there are none."""
    table = tables()["plot_effect"].tail(1)
    one = plot("plot_effect", table)
    assert "not beyond chance; letter does something between" in said(one)
    columns = ["difference_lower", "difference_upper", "lower_all", "upper_all"]
    blank = table.assign(**dict.fromkeys(columns, np.nan))
    assert "without bounds" in said(plot("plot_effect", blank))
    assert "none of them with bounds" in said(plot("plot_effect", pd.concat([blank, blank])))
    twice = plot("plot_effect", pd.concat([table, table]))
    assert "of 2 comparisons none differs" in said(twice)
    lost = table.assign(difference=np.nan)
    assert "no difference is known" in said(plot("plot_effect", lost))
    lacking = tables()["plot_effect"].assign(difference=[0.1, np.nan], reason=["", "nobody stayed"])
    assert "nobody stayed" in said(plot("plot_effect", lacking))


def test_an_effect_on_money_is_written_as_money() -> None:
    """of profit_effect: its unit, its days, and a sign."""
    start = pd.Timestamp("2024-01-01")
    arms = pd.DataFrame({"customer_id": range(80), "assigned": start, "share": 0.5})
    arms["arm"] = ["offer", "control"] * 40
    orders = arms[["customer_id"]].assign(
        date=start + pd.to_timedelta(arms["customer_id"] // 3, unit="D"),
        sales=lambda t: 1500.0 + t["customer_id"] % 7 + 9 * (t["customer_id"] % 2 == 0),
    )
    effect = rt.experiments.profit_effect(
        arms, orders, control="control", within=30, as_of="2024-01-31", of="sales"
    )
    ax = plot("plot_effect", effect)
    assert "in sales per customer, 30 days" in said(ax)
    assert "Did it work: offer +" in said(ax)
    assert faults(ax) == []


def test_an_effect_on_lifetimes_is_in_days() -> None:
    """of lifetime_effect: days of staying, of so many."""
    table = tables()["plot_effect"].drop(columns=["retention", "retention_control"])
    ax = plot("plot_effect", table.tail(1).assign(difference=3.25, difference_upper=9.5))
    assert "in days, of 90 days" in said(ax)
    assert "+3.25" in said(ax)


def test_segments_of_an_effect_stand_beside_their_arm() -> None:
    """the arm first, for long names are cut; of one arm the segments alone."""
    table = pd.concat([tables()["plot_effect"].assign(plan=name) for name in NAMES[:4]])
    ax = plot("plot_effect", table, size=(7.2, 5.2))
    assert faults(ax) == []
    assert ticks(ax, "y")[0].startswith("call, A very long")
    alone = plot("plot_effect", table[table["arm"] == "call"])
    assert ticks(alone, "y")[1] == "Short"
    assert "of 4 comparisons 4 differ" in said(alone)


def test_power_runs_through_the_rows_of_a_test() -> None:
    """rows of one difference are one line, by the normal law; another is another."""
    table = tables()["plot_power"]
    ax = plot("plot_power")
    for place, difference in enumerate((0.02, 0.05)):
        rows = table[table["difference"] == difference]
        curve, dots = ax.lines[2 * place : 2 * place + 2]
        np.testing.assert_allclose(dots.get_xydata(), rows[["n", "power"]])
        through = np.interp(rows["n"], curve.get_xdata(), curve.get_ydata())
        np.testing.assert_allclose(through, rows["power"], atol=0.003)
    assert "+2.0 points with 900 customers" in said(ax)
    assert "+5.0 points with 6,000 customers" in said(ax)


def test_power_of_one_row_is_near_the_power_of_other_sizes() -> None:
    """the line through one dot, beside what the size function says of half and twice as many."""
    size = rt.experiments.retention_test_size
    ax = plot("plot_power", size(retention=0.8, difference=0.03, power=0.8))
    curve, most = ax.lines[0], float(max(ax.lines[0].get_xdata()))
    for part in (0.3, 0.6, 0.9):
        n = int(part * most)
        exact = size(retention=0.8, difference=0.03, n=n)["power"].iloc[0]
        drawn = np.interp(n, curve.get_xdata(), curve.get_ydata())
        assert drawn == pytest.approx(exact, abs=0.01)
    assert "a test finds +3.0 points with a chance of 80.0%" in said(ax)
    assert faults(ax) == []


def test_tests_are_named_by_what_tells_them_apart() -> None:
    """differences, hazard ratios of segments, money; more than eight are refused."""
    size, curve = rt.experiments.retention_test_size, rt.survival_curve
    lives = pd.DataFrame({"duration": range(1, 41), "churned": True, "plan": ["a", "b"] * 20})
    sized = [
        rt.experiments.survival_test_size(
            curve(lives, by="plan"), test="log-rank", enrolment=5, follow_up=9, hazard_ratio=ratio,
            power=0.8, by="plan",
        )
        for ratio in (0.7, 0.8)
    ]  # fmt: skip
    ax = plot("plot_power", pd.concat(sized))
    assert "hazard ratio 0.70, a" in said(ax)
    money = rt.experiments.profit_test_size(sd=15, difference=0.5, power=0.8)
    assert "+0.50" in said(plot("plot_power", money))
    many = pd.concat([size(retention=0.8, difference=d / 100, power=0.8) for d in range(1, 10)])
    with pytest.raises(rt.ContentError, match="draws up to 8 different tests"):
        plot("plot_power", many)
    several = [size(retention=r, difference=0.02, power=0.8) for r in (0.6, 0.8)]
    assert "from 60.0%" in said(plot("plot_power", pd.concat(several)))
    assert "no number of customers" in said(plot("plot_power", money.assign(power=np.nan)))


def test_uplift_begins_with_nobody_and_ends_with_everyone() -> None:
    """gains of the table over shares, bounds shaded, lots dotted from nothing to everyone."""
    table = tables()["plot_uplift"]
    ax = plot("plot_uplift")
    np.testing.assert_allclose(line(ax, -1), [0.0, *table["list_gain"]])
    np.testing.assert_allclose(line(ax, 0), [0.0, table["effect"].iloc[-1]])
    assert ax.lines[0].get_linestyle() == ":"
    assert "of these very customers the first" in said(ax)
    effects = plot("plot_uplift", of="effect")
    np.testing.assert_allclose(line(effects, -1), table["effect"])
    assert "What the offer does to those on the list" in said(effects)
    with pytest.raises(rt.RetentionError, match="of must be one of"):
        plot("plot_uplift", of="qini")


def test_uplift_of_several_scores_names_each_line() -> None:
    """up to eight, with long names; money is no points; where nothing is gained it says so."""
    table = tables()["plot_uplift"]
    several = pd.concat([table.assign(score=name) for name in NAMES])
    ax = plot("plot_uplift", several)
    assert faults(ax) == []
    assert "(A very long segment name" in said(ax)
    money = table.assign(method="welch", **{n: table[n] * 2e4 for n in ("effect", "list_gain")})
    assert "points" not in said(plot("plot_uplift", money)).lower().replace("data points", "")
    harm = table.assign(list_gain=-table["list_gain"].abs(), effect=-table["effect"].abs())
    assert "no list gains anything" in said(plot("plot_uplift", harm))
    rising = table.assign(list_gain=np.arange(1.0, 11), effect=10.0)
    assert "no list gains more than everyone" in said(plot("plot_uplift", rising))
    assert "no effect is known" in said(plot("plot_uplift", table.assign(list_gain=np.nan)))
    long = pd.concat([table] * 400).assign(share=np.linspace(1e-3, 1, 4000))
    assert line(plot("plot_uplift", long), -1).size < 310


def test_the_profit_of_lists_is_drawn_beside_lots() -> None:
    """profits of the table, the best one ringed, lots dotted; where it was chosen is said."""
    table = tables()["plot_profit_curve"]
    ax = plot("plot_profit_curve")
    np.testing.assert_allclose(line(ax, 0), table["profit_random"])
    np.testing.assert_allclose(line(ax, 2), table["profit_per_customer"])
    best = table.loc[table["profit_per_customer"].idxmax()]
    marked = [best["share"], best["profit_per_customer"]]
    np.testing.assert_allclose(ax.lines[3].get_xydata(), [marked])
    assert f"the first {best['share']:.0%} bring" in said(ax)
    assert "(chosen on these very customers)" in said(ax)
    chosen = table.assign(chosen=np.arange(len(table)) == 4)
    other = plot("plot_profit_curve", chosen)
    assert other.lines[3].get_xdata()[0] == table["share"].iloc[4]
    assert "(chosen on other customers)" in said(other)


def test_an_offer_that_never_pays_is_made_to_nobody() -> None:
    """and of several rankings each line is named; unknown profits say why."""
    table = tables()["plot_profit_curve"]
    loss = table.assign(profit_per_customer=-table["share"], profit_random=-table["share"])
    assert "nobody, for no list brings more than nothing" in said(plot("plot_profit_curve", loss))
    several = pd.concat([table.assign(ranking=name) for name in NAMES])
    assert faults(plot("plot_profit_curve", several)) == []
    lost = table.assign(profit_per_customer=np.nan, reason="too few were followed")
    assert "too few were followed" in said(plot("plot_profit_curve", lost))
    assert "the table has no rows" in said(plot("plot_profit_curve", table.head(0)))

"""Scans, leads and what alarms cost: pictures show what stands in their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from pictures import faults, plot, scanned, tables, ticks, words


def said(ax):
    """All words of a picture on one line."""
    return " ".join(words(ax).split())


def points(ax, marker):
    """Where the points with a marker lie along x, from the top down."""
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return [np.asarray(line.get_xdata(), float).tolist() for line in lines]


def test_a_scan_shows_the_surest_groups_beside_what_they_are_held_against() -> None:
    """dots, rings and crosses stand at the rates of the table, in its order; bounds are lines."""
    table = tables()["plot_scan"]
    shown = table.dropna(subset="q_value")
    ax = plot("plot_scan")
    rings, *dots = points(ax, "o")
    assert rings == shown["rest_rate"].tolist()
    assert sorted(np.concatenate(dots)) == sorted(shown["churn_rate"])
    assert points(ax, "x") == [shown["confirmed_rate"].tolist()]
    assert [name.split(":")[0] for name in ticks(ax, "y")] == shown["condition"].tolist()
    bars = [line for part in ax.collections for line in part.get_segments()]
    assert sorted(bar[0][0] for bar in bars) == sorted(shown["lower"])
    assert f"of {len(shown)} conditions" in said(ax)
    first = shown.iloc[0]
    assert f"{first['churn_rate']:.1%} of {first['n']}" in words(ax)


def test_a_scan_of_pairs_says_that_none_differs() -> None:
    """the ring is what their conditions tell, grey what chance may have made; no crosses."""
    table = scanned(2).assign(confirmed_rate=np.nan)
    ax = plot("plot_scan", table, most=3)
    assert "none differs from what its conditions tell one by one" in said(ax)
    assert points(ax, "x") == []
    assert len(points(ax, "o")[0]) == 3
    assert " and " in ticks(ax, "y")[0].replace("\n", " ")
    sure = plot("plot_scan", table.assign(differs=table.index < 2), most=3)
    assert "2 differ from what their conditions tell one by one; the 3 surest" in said(sure)


def test_a_scan_of_odd_names_can_be_read() -> None:
    """long ones are cut, dollars stand as they are; how many are drawn is checked."""
    table = tables()["plot_scan"].copy()
    table["condition"] = "$x^2$ " + table["condition"] * 9
    ax = plot("plot_scan", table)
    assert faults(ax) == []
    assert "$x^2$" in words(ax)
    with pytest.raises(rt.RetentionError, match="most must be a whole number"):
        plot("plot_scan", most=0)
    untested = table.assign(q_value=np.nan)
    assert "no group was tested" in words(plot("plot_scan", untested))
    assert pd.isna(untested["q_value"]).all()


def test_what_calls_find_is_drawn_beside_lots() -> None:
    """a line a signal at its recall and false alarms, by calls; lots are dotted; bounds shaded."""
    table = tables()["plot_alarm_trade_off"]
    ax = plot("plot_alarm_trade_off")
    names = ["complaint", "noise", "complaint × value", "noise × value", "value", "random"]
    for line, name in zip(ax.lines, names, strict=True):
        rows = table[table["signal"] == name].sort_values("calls")
        np.testing.assert_allclose(line.get_xdata(), rows["false_per_100_months"])
        np.testing.assert_allclose(line.get_ydata(), rows["recall"])
    assert ax.lines[-1].get_linestyle() == ":"
    assert len(ax.collections) == 6
    assert "153 lost customers warned in time" in said(ax)
    assert {"By lot", "1 call", "10 calls"} <= set(words(ax).replace("\n47", "\n").split("\n"))
    few = plot("plot_alarm_trade_off", table.assign(n_churners=12))
    assert "12 lost customers warned in time: few, so read the bounds" in said(few)


def test_what_calls_find_in_money_and_in_right_alarms() -> None:
    """value has no bounds; calls along the axis are not written twice; other words are refused."""
    table = tables()["plot_alarm_trade_off"]
    money = plot("plot_alarm_trade_off", of="value", by="calls")
    first = table[table["signal"] == "complaint"]
    np.testing.assert_allclose(money.lines[0].get_xdata(), first["calls"])
    np.testing.assert_allclose(money.lines[0].get_ydata(), first["value_recall"])
    assert "14,467 that 153 lost held" in said(money)
    assert "10 calls" not in words(money)
    assert "bounds" not in words(money)
    right = plot("plot_alarm_trade_off", of="alarms")
    np.testing.assert_allclose(right.lines[0].get_ydata(), first["precision"])
    assert faults(right) == []
    for wrong in ({"of": "all"}, {"by": "months"}):
        with pytest.raises(rt.RetentionError, match="must be one of"):
            plot("plot_alarm_trade_off", **wrong)
    alone = plot("plot_alarm_trade_off", table[table["signal"] == "random"])
    assert len(alone.lines) == 1
    many = pd.concat([table.assign(signal=f"s{i}") for i in range(9)])
    with pytest.raises(rt.ContentError, match="up to 8 signals"):
        plot("plot_alarm_trade_off", many)


def test_leads_run_towards_the_end_beside_as_many_random_alarms() -> None:
    """from many days ahead to none; a dotted line of the same colour; in money too."""
    table = tables()["plot_leads"]
    ax = plot("plot_leads")
    assert ax.xaxis_inverted()
    for place, name in enumerate(("complaint", "noise")):
        rows = table[table["signal"] == name].sort_values("lead", ascending=False)
        chance, line = ax.lines[2 * place : 2 * place + 2]
        np.testing.assert_allclose(line.get_ydata(), rows["share_warned"])
        np.testing.assert_allclose(chance.get_ydata(), rows["chance_share"])
        assert chance.get_linestyle() == ":"
        assert chance.get_color() == line.get_color()
        assert f"{name}\n{rows['share_warned'].iloc[-1]:.1%}" in words(ax)
    assert "153 lost customers" in said(ax)
    money = plot("plot_leads", of="value")
    np.testing.assert_allclose(sorted(money.lines[1].get_ydata()), sorted(rows_of(table)))
    assert "that 153 lost held" in said(money)
    with pytest.raises(rt.RetentionError, match="of must be one of"):
        plot("plot_leads", of="alarms")


def rows_of(table):
    """The shares of value of the first signal."""
    return table.loc[table["signal"] == "complaint", "value_share"]

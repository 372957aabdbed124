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

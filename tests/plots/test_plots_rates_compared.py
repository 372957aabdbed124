"""Rates side by side and over time: pictures show what stands in their tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

import retention as rt
from pictures import faults, plot, tables, ticks, words
from retention import wording
from retention.plots.paper.palette import BAD, GOOD


def said(ax):
    """All words of a picture on one line."""
    return " ".join(words(ax).split())


def test_points_outside_the_band_are_ringed_and_named() -> None:
    """the rings stand at the table's rates outside, the shades reach from lower to upper."""
    table = tables()["plot_usual_band"]
    ax = plot("plot_usual_band")
    outside = table[table["outside"].isin(["below", "above"])]
    assert len(outside) == 2
    rings = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    ringed = {rate: ring.get_color() for ring in rings for rate in ring.get_ydata().tolist()}
    looks = {"below": BAD, "above": GOOD}  # of a retention rate
    assert ringed == dict(zip(outside["rate"], outside["outside"].map(looks), strict=True))
    assert "Sep 2023" in said(ax)
    assert f"2 of {table['lower'].notna().sum()} months lay outside the usual band" in said(ax)
    assert "where 99% of rates lie" in said(ax)
    assert len(ax.collections) >= table["lower"].notna().sum()


def test_the_name_of_a_ring_stands_where_the_line_does_not_go() -> None:
    """left where it rises on to the right, right where it comes from above, else in the middle."""
    table = tables()["plot_usual_band"].copy()
    for row, rate in ((24, 0.90), (25, 0.95), (26, 0.90)):
        table.loc[row, ["rate", "outside"]] = rate, "above"
    sides = {note.get_text(): note.get_ha() for note in plot("plot_usual_band", table).texts}
    named = [wording.period(table["period"][row], "month") for row in (24, 25, 26)]
    assert [sides[name] for name in named] == ["right", "center", "left"]


def test_a_band_without_news_says_so() -> None:
    """or that too little is known, or nothing."""
    days = pd.date_range("2024-01-01", periods=12)
    rates = pd.DataFrame({"period": days, "n_base": 100, "n_retained": 80})
    band = rt.benchmarks.usual_band(rates, level=0.99, spread="binomial")
    assert "none of 4 days lay outside" in said(plot("plot_usual_band", band))
    assert "too little is known yet" in said(plot("plot_usual_band", band.head(5)))
    assert "Nothing to draw" in said(plot("plot_usual_band", band.head(0)))


def test_each_comparison_is_a_row_with_its_bounds() -> None:
    """blue where it can be told from chance."""
    table = tables()["plot_compared_rates"]
    ax = plot("plot_compared_rates")
    shown = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
    assert sorted(shown) == sorted(table["difference"])
    told = int((table["verdict"] != "cannot tell").sum())
    assert f"Renewed: {told} of {len(table)} differ beyond chance" in said(ax)
    assert len(ticks(ax, "y")) == len(table)
    assert faults(ax) == []


def test_a_margin_is_a_strip_and_its_verdict_the_title() -> None:
    """of one comparison that is clear the title says it whole."""
    kept = pd.DataFrame({"g": ["a", "b"], "kept": [560, 480], "all": [700, 800]})
    asked = {"of": "g", "count": "kept", "base": "all", "figure": "renewed", "better": "higher"}
    ax = plot("plot_compared_rates", rt.benchmarks.compare_rates(kept, **asked))
    assert "Renewed: a is better than b" in said(ax)
    ax = plot("plot_compared_rates", rt.benchmarks.compare_rates(kept, margin=0.05, **asked))
    assert "Renewed: 1 of 1 is no worse by 5.0 points" in said(ax)
    assert "Strip: the margin of 5.0 points" in said(ax)
    none = rt.benchmarks.compare_rates(kept.head(1), **asked)
    assert "Nothing to draw" in said(plot("plot_compared_rates", none))

"""Our churn beside published rates: the picture shows what stands in its table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from pictures import NAMES, faults, plot, tables, ticks, words

RATES = pd.DataFrame(
    {"n_base": [1000], "n_churned": [180], "churn_rate": [0.18], "lower": [0.1575],
     "upper": [0.205]}
)  # fmt: skip


def compared(rates=RATES, **said):
    """Ours beside those that are published, over a year."""
    asked = {"convention": "endpoint", "days": 365, "period": "year", **said}
    return rt.benchmarks.compare_benchmark(rates, rt.benchmarks.published_benchmarks(), **asked)


def said(ax):
    """All words of a picture on one line."""
    return " ".join(words(ax).split())


def dots(ax):
    """Where ours stand, as rate and row."""
    every = [line.get_xydata() for line in ax.lines if line.get_marker() == "o"]
    found = np.concatenate(every)
    return found[np.argsort(found[:, 1])]


def test_a_row_is_a_benchmark_with_its_range_and_ours():
    """Rates, bounds, ranges, and what stands behind each."""
    table = compared()
    ax = plot("plot_benchmarks", table)
    rate = table["churn_rate"][0]
    assert dots(ax) == pytest.approx(np.array([(rate, row) for row in range(len(table))]))
    bars = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    low, high = table["benchmark_lower"], table["benchmark_upper"]
    wide = (high - low) > 0.01
    seen = np.array(bars)[wide.to_numpy()]
    assert seen == pytest.approx(np.column_stack([low[wide], high[wide]]))
    assert np.array(bars).mean(axis=1) == pytest.approx(((low + high) / 2).to_numpy())
    for name, standing in zip(table["benchmark"], table["benchmark_standing"], strict=True):
        assert any(name in tick and standing in tick for tick in ticks(ax, "y"))
    assert "Our churn of 18.0%: above 4 of 7 published rates; 3 not told" in said(ax)
    assert "above 9.0%" in said(ax)
    assert "not told from 20% to 40%" in said(ax)
    assert "Churn rate of a year" in said(ax)
    assert faults(ax) == []


def test_what_is_not_compared_says_why():
    """A length or a convention that is another, a rate that is not known."""
    published = rt.benchmarks.published_benchmarks()
    other = published.assign(
        convention=["not stated"] * 2 + ["endpoint"] * 3 + ["start_cohort"] * 2
    )
    table = rt.benchmarks.compare_benchmark(RATES, other, convention="endpoint", days=365)
    ax = plot("plot_benchmarks", table)
    assert "another convention" in said(ax)
    assert "another length" in said(ax)
    assert "Churn rate as measured" in said(ax)
    assert faults(ax) == []
    nothing = plot("plot_benchmarks", compared(RATES.assign(lower=np.nan, upper=np.nan)))
    assert "our rate has no bounds" in said(nothing)
    assert "not told from any of 7 published rates" in said(nothing)
    unknown = RATES.assign(churn_rate=np.nan, lower=np.nan, upper=np.nan, n_base=0, n_churned=0)
    assert "our rate is not known" in said(plot("plot_benchmarks", compared(unknown)))
    assert "the table has no rows" in said(plot("plot_benchmarks", table.head(0)))


def test_segments_of_ours_and_theirs_are_named():
    """Ours first; a benchmark's segment behind its name; long names are cut."""
    several = pd.concat([RATES.assign(plan=name) for name in NAMES[:3]], ignore_index=True)
    table = compared(several, by="plan")
    table = table[table["benchmark"] == "UK mobile"].assign(benchmark_segment="north")
    ax = plot("plot_benchmarks", table)
    assert any(tick.startswith("Short: UK mobile, north") for tick in ticks(ax, "y"))
    assert faults(ax) == []


def test_more_rows_than_can_be_read_are_refused():
    """Of a year of months and all benchmarks."""
    table = pd.concat([compared()] * 5)
    with pytest.raises(rt.ContentError, match="draws up to 30 rows; the table has 35"):
        plot("plot_benchmarks", table)
    assert len(tables()["plot_benchmarks"]) == 7

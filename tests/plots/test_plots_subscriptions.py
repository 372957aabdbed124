"""The pictures of subscriptions: points of bands, bars that end at the revenue, stacked kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from pictures import faults, plot, spells, subscribed, ticks, words

KINDS = ["voluntary_churn", "not_known_churn", "involuntary_churn"]


def test_each_band_with_an_end_has_its_point_and_bounds() -> None:
    """At the churn per period; the last band, which has no end, has none."""
    table = subscribed()["plot_churn_by_tenure"]
    ax = plot("plot_churn_by_tenure")
    shown = table[table["tenure_to"].notna()]
    assert len(shown) == len(table) - 1
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), shown["churn_per_period"])
    bars = [part for bar in ax.collections for part in bar.get_segments()]
    bounds = shown[["per_period_lower", "per_period_upper"]].to_numpy()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], bounds)
    first = shown.iloc[0]
    lost = rt.wording.percent(first["churn_rate"])
    assert ticks(ax, "x")[0] == f"0 to 1\nof {first['n_reached']}\nlost {lost}"


def test_segments_stand_beside_each_other_and_many_bands_are_named_by_their_beginning() -> None:
    """Of three plans and thirty bands, none on another."""
    asked = {"bands": range(31), "length": "month", "by": "plan"}
    ax = plot("plot_churn_by_tenure", rt.kpis.churn_by_tenure(spells(), **asked))
    assert "where each band begins" in words(ax)
    assert ticks(ax, "x")[0] == "0"
    assert len({float(line.get_xdata()[0]) for line in ax.lines}) == spells()["plan"].nunique()
    assert not faults(ax)


def test_a_band_whose_rate_is_not_known_is_said_to_be() -> None:
    """It has no point; where no band is known there is no picture."""
    table = subscribed()["plot_churn_by_tenure"].copy()
    table.loc[1, ["churn_rate", "churn_per_period"]] = np.nan
    assert "not\nknown" in words(plot("plot_churn_by_tenure", table))
    assert "no rate of a band is known" in words(plot("plot_churn_by_tenure", table.tail(1)))


@pytest.mark.parametrize("plan", [None, "Light"])
def test_the_bars_of_a_plan_lead_from_its_revenue_to_its_revenue(plan: str | None) -> None:
    """Of one plan with customers beneath, of all without, as one may have two plans."""
    table = subscribed()["plot_plan_waterfall"]
    ax = plot("plot_plan_waterfall", plan=plan)
    one = table[table["step"] == table["step"].max()]
    one = one if plan is None else one[one["plan"] == plan]
    heights = [bar.get_height() for bar in ax.patches]
    end = heights[0] + sum(heights[1:5]) - sum(heights[5:8])
    np.testing.assert_allclose([heights[0], end, heights[-1]],
                               one[["sales_start", "sales_end", "sales_end"]].sum())  # fmt: skip
    assert ticks(ax, "x")[1] == ("New" if plan is None else f"New\n{one['n_new'].iloc[0]:.0f}")
    assert ax.get_title(loc="left").startswith("All plans" if plan is None else "Light")


def test_a_waterfall_of_what_is_not_there_is_refused_or_says_so() -> None:
    """An unknown plan or period; the first period, before which nothing is known."""
    table = subscribed()["plot_plan_waterfall"]
    with pytest.raises(rt.RetentionError, match="no row of the table is of 'Gold'.*'Light'"):
        plot("plot_plan_waterfall", plan="Gold")
    with pytest.raises(rt.RetentionError, match="no period of the table begins on 1999-01-01"):
        plot("plot_plan_waterfall", period="1999-01-01")
    first = plot("plot_plan_waterfall", period=table["period"].min())
    assert "nothing is known of the quarter before" in " ".join(words(first).split())
    with pytest.raises(rt.errors.ColumnError, match="plot_plan_waterfall"):
        plot("plot_revenue_bridge", table)


def test_kinds_add_up_to_churn_and_its_bounds_stand_through_the_top() -> None:
    """Voluntary below, not known between, involuntary above; no bar where there is none."""
    table = subscribed()["plot_voluntary_churn"]
    ax = plot("plot_voluntary_churn")
    tops: dict[float, float] = {}
    for bar in ax.patches:
        middle = round(bar.get_x() + bar.get_width() / 2)
        assert bar.get_y() == pytest.approx(tops.get(middle, 0.0))
        assert bar.get_height() > 0
        tops[middle] = bar.get_y() + bar.get_height()
    rates = pd.Series(tops).reindex(table["step"]).fillna(0.0).to_numpy()
    np.testing.assert_allclose(rates, table["churn_rate"].fillna(0.0))
    assert len(ax.patches) == (table[KINDS] > 0).sum().sum()
    known = table[table["churn_rate"].notna()]
    bars = [part[:, 1] for part in ax.collections[0].get_segments()]
    np.testing.assert_allclose(bars, known[["lower", "upper"]])
    share = rt.wording.percent(known["involuntary_share"].iloc[-1])
    assert f"{share} (" in words(ax)


def test_nothing_is_drawn_of_kinds_that_nobody_knows() -> None:
    """Nor of two segments in one."""
    table = subscribed()["plot_voluntary_churn"]
    assert "no churn rate" in words(plot("plot_voluntary_churn", table.assign(churn_rate=np.nan)))
    assert "has no rows" in words(plot("plot_voluntary_churn", table.head(0)))
    both = pd.concat([table.assign(plan="a"), table.assign(plan="b")])
    with pytest.raises(rt.errors.ContentError, match="one segment"):
        plot("plot_voluntary_churn", both)

"""Pictures of revenue kept and moved over time, of states, and of who comes back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import retention as rt
from pictures import activity, company, faults, plot, tables, words

NET, GROSS = "plot_revenue_retention", "gross_revenue_retention"


def test_net_lies_above_gross_and_each_ends_where_its_table_does() -> None:
    """The lines are the columns; 100% is in the picture; beside them stands the last rate."""
    net, gross = tables()[NET], rt.gross_revenue_retention(activity(), lag=1)
    ax = plot(NET, gross=gross, target=1.1)
    lines = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) == len(net)]
    np.testing.assert_array_equal(lines[0], net["net_revenue_retention"])
    np.testing.assert_array_equal(lines[1], gross[GROSS])
    assert (lines[0] >= lines[1]).all()
    assert ax.get_ylim()[1] > 1.1
    last = f"{100 * gross[GROSS].iloc[-1]:.1f}%"
    assert f"Gross\n{last}" in words(ax)
    assert "the share kept 1 quarter later" in words(ax).replace("\n", " ")
    assert faults(ax) == []


def test_net_and_gross_are_not_taken_for_each_other() -> None:
    """Each table has its place, and segments have their own lines."""
    gross = rt.gross_revenue_retention(activity(), lag=1)
    assert "Gross revenue retention" in plot(NET, gross).get_title(loc="left")
    with pytest.raises(rt.ColumnError, match="first, and that of gross_revenue_retention as gross"):
        plot(NET, gross, gross=gross)
    with pytest.raises(rt.ColumnError, match="lacks 'gross_revenue_retention'"):
        plot(NET, gross=tables()[NET])
    two = pd.concat([tables()[NET].assign(plan=plan) for plan in "AB"], ignore_index=True)
    assert [text.get_text().split("\n")[0] for text in plot(NET, two).texts] == ["A", "B"]
    with pytest.raises(rt.ContentError, match="draws one segment"):
        plot(NET, two, gross=gross)


@pytest.mark.parametrize(("of", "end", "start"), [
    ("sales", "sales_end", "sales_start"), ("customers", "n_end", "n_start"),
])  # fmt: skip
def test_bars_add_up_to_the_change_that_the_line_draws(of: str, end: str, start: str) -> None:
    """What came less what went is the end less the start, of each period but the first."""
    table = tables()["plot_movements"].iloc[1:]
    ax = plot("plot_movements", of=of)
    change = (table[end] - table[start]).to_numpy(dtype=float)
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), change, rtol=1e-9, atol=1e-7)
    heights = pd.DataFrame(
        [(round(bar.get_x() + bar.get_width() / 2), bar.get_height()) for bar in ax.patches]
    )
    sums = heights.groupby(0)[1].sum()
    np.testing.assert_allclose(sums, change, rtol=1e-9, atol=1e-7)
    assert f"What moved {'revenue' if of == 'sales' else 'the number'}" in words(ax)


def test_movements_say_what_they_cannot_draw() -> None:
    """One period alone has no change, and only two things can be counted."""
    alone = plot("plot_movements", tables()["plot_movements"].head(1))
    assert "of no period is the one" in words(alone)
    with pytest.raises(rt.RetentionError, match="'sales'"):
        plot("plot_movements", of="profit")


def test_areas_are_as_high_as_the_states_are_large() -> None:
    """Of the last period; the line over the active; the lost only where they are asked for."""
    table = tables()["plot_lifecycle"]
    last = table[table["step"] == table["step"].max()]
    sizes = last.groupby("state")["n_customers"].sum()
    ax = plot("plot_lifecycle")
    said = words(ax)
    assert all(f"{state.capitalize()}\n{n:,}" in said for state, n in sizes.items())
    active = sizes[["new", "retained", "reactivated"]].sum()
    assert ax.lines[-1].get_ydata()[-1] == active
    without = plot("plot_lifecycle", lost=False)
    assert not any(text.get_text().startswith("Lost") for text in without.texts)
    assert "The lost are not shown" in without.get_xlabel()
    assert ax.get_ylim()[1] > without.get_ylim()[1] > active


def test_one_period_is_an_area_and_the_first_of_a_log_none() -> None:
    """The first period has no states to tell apart."""
    table = tables()["plot_lifecycle"]
    steps = np.unique(table["step"])
    two = table[table["step"] <= steps[1]]
    ax = plot("plot_lifecycle", two)
    assert np.ptp(ax.collections[0].get_paths()[0].vertices[:, 0]) == pytest.approx(0.8)
    assert "Nothing to draw" in words(plot("plot_lifecycle", table[table["step"] == steps[0]]))


def test_a_calendar_of_one_s_own_is_called_by_its_length() -> None:
    """Not by how the table names it."""
    days = rt.Calendar("90 days", ends="2024-12-31")
    bought = rt.customer_periods(
        company().orders, freq=days, as_of="2024-12-31", observed_from="2023-01-01"
    )
    ax = plot(NET, rt.net_revenue_retention(bought, lag=1))
    assert "each period's customers, the share kept 1 period later" in " ".join(words(ax).split())


def test_the_curve_of_the_lost_begins_at_nobody() -> None:
    """It is the table's, from 0 on, and says of how many losses."""
    table = tables()["plot_win_back"]
    ax = plot("plot_win_back")
    known = table["win_back_rate"].notna()
    assert ax.lines[0].get_ydata().tolist() == [0.0, *table.loc[known, "win_back_rate"]]
    assert f"({int(table['n_lost'].iloc[0]):,} lost)" in words(ax)
    assert "after 2 periods of silence" in words(ax)

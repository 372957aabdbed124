"""The pictures of buyers: bars that add up, curves that end where the table does."""

from __future__ import annotations

import numpy as np
import pytest

import retention as rt
from pictures import company, plot, tables, words


def test_bars_add_up_to_the_active_and_are_grey_where_new_is_not_known() -> None:
    """Returning, new on top, and one bar of the month in which the log begins."""
    table = tables()["plot_active_customers"]
    ax = plot("plot_active_customers")
    heights = np.array([bar.get_height() for bar in ax.patches])
    n = len(table)
    assert heights.size == 2 * n + 1
    whole = heights[:n] + heights[n : 2 * n]
    assert whole[1:].tolist() == table["n_active"].tolist()[1:]
    assert heights[-1] == table["n_active"].iloc[0]
    assert f"New\n{int(table['n_new'].iloc[-1])}" in words(ax)
    assert "On a mean day of the last month (Dec 2024)" in words(ax)


def test_a_point_marks_the_day_by_which_half_were_back() -> None:
    """One for each order, on the line of one half."""
    table = tables()["plot_time_to_next_order"]
    ax = plot("plot_time_to_next_order")
    marks = [line for line in ax.lines if len(line.get_xdata()) == 1]
    days = table.groupby("order")["median_days"].first().tolist()
    assert [float(line.get_xdata()[0]) for line in marks] == days
    assert {float(line.get_ydata()[0]) for line in marks} == {0.5}
    assert "2nd to 3rd" in words(ax)


def test_more_curves_than_can_be_told_apart_are_refused() -> None:
    """With what to do."""
    table = rt.kpis.time_to_next_order(company().orders, as_of="2024-12-31", orders=range(1, 10))
    with pytest.raises(rt.errors.ContentError, match="draws up to 8 curves.*has 9"):
        plot("plot_time_to_next_order", table)

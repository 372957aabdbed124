"""From one figure to the next: what came and went between two revenues, or two churn rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods, wording
from retention.catalogue import figure
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import BRIDGE, MOVEMENTS
from retention.plots.paper.palette import BACKGROUND, HATCH, MUTED, TOTAL, colour_of_move
from retention.plots.paper.reading import Drawn, drawn_rows
from retention.plots.paper.waterfall import Step, draw_waterfall

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

_MOVES = (
    ("new", 1, "n_new", "New"),
    ("reactivated", 1, "n_reactivated", "Came back"),
    ("expansion", 1, "n_expanded", "Bought more"),
    ("contraction", -1, "n_contracted", "Bought less"),
    ("churned", -1, "n_churned", "Lost"),
)
_SEGMENTS = 10
"""Rows of a churn bridge; further segments are put together."""

_LANE = 0.34


def plot_revenue_bridge(
    table: IntoFrame, *, period: date | str | None = None, ax: Axes | None = None
) -> Axes:
    """From the revenue of one period to that of the next: what came, grew, shrank and left.

    The first bar is what active customers spent in the period before, the last one what they spend
    in this one. Each bar between begins where the one before ended: dark ones add, hatched ones
    take away. Beneath each stands how many customers it is of.

    Args:
        table: from `revenue_movements`, of one segment.
        period: the first day of the period; by default the last one of the table.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are several segments.
        RetentionError: if there is no such period.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-10", "2024-02-12"]),
        ...     "sales": [10.0, 20.0, 15.0, 7.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> ax = rt.plots.plot_revenue_bridge(rt.revenue_movements(activity))
        >>> [float(bar.get_height()) for bar in ax.patches]
        [30.0, 7.0, 0.0, 5.0, 0.0, 20.0, 22.0]
    """
    drawn = drawn_rows(table, MOVEMENTS).alone()
    one = drawn.of_period(period)
    ax = axes.axes_to_draw_on(ax)
    title = "Revenue: what came, grew, shrank and left"
    if not drawn.size:
        return axes.say_why_empty(ax, title, "the table has no rows.")
    freq = periods.freq_of(drawn["period"], drawn["step"])
    name = wording.period(one["period"][0], freq)
    if not np.isfinite(one["sales_start"][0]):
        return axes.say_why_empty(ax, title, f"of {name} nothing is known of the {freq} before.")
    draw_waterfall(ax, _steps_of_revenue(one, name, freq))
    axes.set_titles(
        ax, f"Revenue of {name}: what came, grew, shrank and left since the {freq} before"
    )
    return ax


def plot_churn_bridge(
    table: IntoFrame, *, period: date | str | None = None, ax: Axes | None = None
) -> Axes:
    """From one churn rate to the next: what each segment did to it, by its rate and by its share.

    It is read from the top down. Each segment has two bars: the upper one, its own customers left
    more often or less; the lower, hatched one, its share of all customers changed. They begin where
    the bars above ended, so that the last ends at the rate of the later period. To the right is
    more churn: what brings it is orange, what takes it away blue. Of more than ten segments those
    that did least are put together; segments without a customer in either period are left out.

    Args:
        table: from `churn_bridge`.
        period: the first day of the later period; by default the last one of the table.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        RetentionError: if there is no such period.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem", "Dee", "Eve"],
        ...     "start": pd.to_datetime(["2024-01-01"] * 4 + ["2024-02-01"]),
        ...     "end": pd.to_datetime(["2024-01-20", "2024-02-15", None, None, None]),
        ...     "region": ["north", "north", "south", "south", "south"],
        ... })
        >>> activity = rt.contract_periods(
        ...     contracts, freq="month", as_of="2024-02-29", by="region"
        ... )
        >>> ax = rt.plots.plot_churn_bridge(rt.kpis.churn_bridge(activity, by="region"))
        >>> [float(bar.get_width()) for bar in ax.patches]
        [0.1875, -0.125, 0.0, -0.0625]
    """
    drawn = drawn_rows(table, BRIDGE)
    one = _segments_with_customers(drawn.of_period(period))
    title = "Churn: what each segment did to the rate"
    if not drawn.size or not np.isfinite(one["effect"]).any():
        why = "the rate of one of the two periods is not known."
        return axes.say_why_empty(
            axes.axes_to_draw_on(ax, across=""), title, why if drawn.size else "no rows."
        )
    freq = periods.freq_of(drawn["period"], drawn["step"])
    names, effects = _effects_by_size(one)
    ax = axes.axes_to_draw_on(ax, size=(axes.SIZE[0], 1.6 + 0.42 * (len(names) + 2)), across="x")
    before, after = float(one["total_rate_before"][0]), float(one["total_rate_after"][0])
    reached = _draw_steps(ax, names, effects, before)
    ends = [wording.period(one[column][0], freq) for column in ("period_before", "period")]
    rows = len(names) + 1
    for row, rate in ((0, before), (rows, after)):
        ax.plot([rate], [row], marker="D", color=TOTAL, markersize=7, linestyle="none", zorder=4)
    axes.name_rows(ax, [ends[0], *names, ends[1]])
    axes.set_percent_axis(ax, "x", np.array([*reached, before, after]))
    low, high = ax.get_xlim()
    ax.set_xlim(low - 0.12 * (high - low), high + 0.22 * (high - low))
    _write_effects(ax, effects, reached, (before, after))
    what = figure("churn_rate").label
    moved = wording.unbroken_text(wording.points(after - before))
    title = f"{what}, {ends[0]} to {ends[1]}: {moved}, by segment"
    share = "their share of all customers"
    if _is_counted_in_each(one):
        title = f"{title}, who is in several counted in each"
        share = "their share of these counts"
    axes.set_titles(ax, title, x=f"Upper bar: how often they leave. Hatched: {share}")
    return ax


def _segments_with_customers(one: Drawn) -> Drawn:
    """Without segments that had a customer in neither of the two periods: they did nothing."""
    return one.where(one["presence"] != "neither") if "presence" in one else one


def _is_counted_in_each(one: Drawn) -> bool:
    """Whether customers of several segments count in each: then the total is not the firm's."""
    return "overlap" in one and bool((one["overlap"] == "pairs").any())


def _steps_of_revenue(one: Drawn, name: str, freq: str) -> list[Step]:
    """The revenue before, what came and went, and the revenue after."""
    start, end = (
        Step(word, float(one[f"sales_{at}"][0]), 0, float(one[f"n_{at}"][0]))
        for word, at in ((f"{freq.capitalize()} before", "start"), (name, "end"))
    )
    moves = [
        Step(word, float(one[f"sales_{move}"][0]), sign, float(one[n][0]))
        for move, sign, n, word in _MOVES
    ]
    return [start, *moves, end]


def _effects_by_size(one: Drawn) -> tuple[list[str], NDArray[np.float64]]:
    """Segments from the largest effect down, and for each what its rate and its share did."""
    names, total = one.segments(), np.nan_to_num(one["effect"])
    rate = np.nan_to_num(one["rate_effect"])
    effects = np.stack([rate, total - rate], axis=1)
    order = np.argsort(-np.abs(effects).sum(axis=1), kind="stable")
    first, rest = order, order[:0]
    if order.size > _SEGMENTS:
        first, rest = order[: _SEGMENTS - 1], order[_SEGMENTS - 1 :]
    said = [names[place] for place in first]
    if rest.size:
        said.append(f"{rest.size:,} other segments")
        return said, np.concatenate([effects[first], effects[rest].sum(axis=0, keepdims=True)])
    return said, effects[first]


def _draw_steps(
    ax: Axes, names: Sequence[str], effects: NDArray[np.float64], before: float
) -> list[float]:
    """Draw the two bars of each segment; where each ends."""
    at, above, reached = before, 0.0, [before]
    better = figure("churn_rate").better
    line: dict[str, Any] = {"color": MUTED, "linewidth": 0.7, "zorder": 1}
    for row in range(len(names)):
        for lane, effect in enumerate(effects[row].tolist()):
            y = row + 1 + (lane - 0.5) * _LANE
            colour = colour_of_move(effect > 0, better)
            face: dict[str, Any] = {"facecolor": colour, "edgecolor": colour, "linewidth": 1.0}
            face |= {"facecolor": BACKGROUND, "hatch": HATCH} if lane else {}
            ax.barh(y, effect, left=at, height=_LANE * 0.9, zorder=2, **face)
            ax.plot([at, at], [above, y], **line)
            at, above = at + effect, y
            reached.append(at)
    ax.plot([at, at], [above, len(names) + 1], **line)
    return reached


def _write_effects(
    ax: Axes,
    effects: NDArray[np.float64],
    reached: Sequence[float],
    ends: tuple[float, float],
) -> None:
    """What each row comes to, at the right of its bars."""
    for row, both in enumerate(effects.sum(axis=1)):
        right = max(reached[2 * row : 2 * row + 3])
        moved = wording.unbroken_text(wording.points(both))
        axes.write_note(ax, moved, (right, row + 1), (6, 0), anchor="left center")
    for row, rate in ((0, ends[0]), (len(effects) + 1, ends[1])):
        axes.write_note(ax, wording.percent(rate), (rate, row), (8, 0), anchor="left center")

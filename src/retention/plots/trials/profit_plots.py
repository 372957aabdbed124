"""How far down a ranking an offer pays: the profit of each list, beside everyone and lots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import PROFIT_CURVE
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, shading_of_lines, thinned_places
from retention.plots.paper.palette import BACKGROUND, INK, LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TITLE = "How many to make the offer"
_MOST = 300
"""Points of a line: more than one can see."""


def plot_profit_curve(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """How far down a ranking an offer pays: the profit of each list, for each of all customers.

    From left to right ever more customers are made the offer, the highest rank first. The dotted
    line is what lists by lot bring: from nothing for nobody to what the offer to everyone brings.
    The ring marks the list with the highest profit, or the one that was chosen on other customers,
    where the table knows it: a list that was chosen and is judged on the same customers promises
    more than it keeps, and the title says so.

    Args:
        table: from `profit_curve`; of several rankings, their tables one below the other with a
            column of text that names the ranking.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight rankings.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> offer = rt.targeting.Offer(
        ...     making=1, taking=10, success=0.5, stayers_taking=1, stayers_lost=0
        ... )
        >>> scored = pd.DataFrame({
        ...     "duration": [1, 2, 5, 5], "churned": [True, True, False, False],
        ...     "risk": [0.9, 0.7, 0.4, 0.1],
        ... })
        >>> curve = rt.targeting.profit_curve(scored, offer=offer, value=100, time=3)
        >>> ax = rt.plots.plot_profit_curve(curve)
        >>> [float(profit) for profit in ax.lines[2].get_ydata()]
        [0.0, 11.0, 22.0, 19.25, 16.5]
    """
    drawn, ax = drawn_rows(table, PROFIT_CURVE), axes.axes_to_draw_on(ax)
    if not np.isfinite(drawn["profit_per_customer"]).any():
        why = _why_no_profit(drawn)
        return axes.say_why_empty(ax, _TITLE, why)
    parts = [(name, part.sorted_by("share")) for name, part in drawn.parts()]
    _draw_profit_by_lot(ax, parts[0][1])
    ends, heights = [], [np.zeros(1)]
    for (name, part), look in zip(parts, LOOKS, strict=False):
        shown = part.where(thinned_places(part["share"], _MOST))
        share, profit = shown["share"], shown["profit_per_customer"]
        bounds = (shown["lower"], shown["upper"])
        draw_line(ax, share, profit, bounds, look, shading_of_lines(len(parts)))
        heights += [profit, *bounds, shown["profit_random"]]
        best = _marked_list(part)
        ring: dict[str, Any] = {"markerfacecolor": BACKGROUND, "markeredgecolor": look.colour}
        at = (float(part["share"][best]), float(part["profit_per_customer"][best]))
        ax.plot(*at, marker="o", markersize=9, markeredgewidth=2.2, zorder=5, clip_on=False, **ring)
        if name:
            ends.append(End(*at, name, look.text))
    written = _set_profit_axes(ax, np.concatenate(heights))
    notes = ["Share of customers made the offer"]
    notes += [BOUNDS] * bool(np.isfinite(drawn["lower"]).any()) + ["Dotted: by lot"]
    said = "Profit for each of all customers"
    axes.set_titles(ax, _title_of_curves(parts), x=". ".join(notes), y=said)
    if len(ends) > 1:
        label_ends(ax, ends)
    else:
        _write_best(ax, parts[0][1], written)
    return ax


def _why_no_profit(drawn: Drawn) -> str:
    if not drawn.size:
        return "the table has no rows."
    return str(drawn["reason"][0]) or "no profit is known."


def _marked_list(part: Drawn) -> int:
    """The row of the list that was chosen on other customers, or else of the highest profit."""
    chosen = np.flatnonzero(part["chosen"] == 1)
    return int(chosen[0]) if chosen.size else int(np.nanargmax(part["profit_per_customer"]))


def _draw_profit_by_lot(ax: Axes, part: Drawn) -> None:
    """What lists by lot bring, and nothing."""
    line: dict[str, Any] = {"linestyle": ":", "linewidth": 1.5, "color": MUTED}
    ax.plot(part["share"], part["profit_random"], zorder=2, **line)
    ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)


def _set_profit_axes(ax: Axes, heights: Floats) -> Any:
    """Room for all that is drawn; how profits are written."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    known = heights[np.isfinite(heights)]
    low, high = float(known.min()), float(known.max())
    room = 0.06 * (high - low) or 1.0
    ax.set_ylim(low - room, high + 2 * room)
    ax.set_xlim(0.0, 1.0)
    axes.set_percent_ticks(ax.xaxis, 1.0)
    written = wording.amount_writer(max(abs(low), abs(high)))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda amount, _: wording.without_zeros(written(amount)))
    )
    return written


def _write_best(ax: Axes, part: Drawn, written: Any) -> None:
    """The share and the profit of the list that is marked, above it."""
    best = _marked_list(part)
    share, profit = float(part["share"][best]), float(part["profit_per_customer"][best])
    if share == 0:
        return
    across = "left" if share < 0.2 else "right" if share > 0.8 else "center"
    words = f"{wording.percent(share, 0)}: {written(profit)}"
    axes.write_note(ax, words, (share, profit), (0, 9), anchor=f"{across} bottom")


def _title_of_curves(parts: list[tuple[str, Drawn]]) -> str:
    """What the marked list brings, beside everyone; and on whom it was chosen."""
    name, part = max(parts, key=lambda one: _profit_of_marked(one[1]))
    best = _marked_list(part)
    profit, everyone = _profit_of_marked(part), float(part["profit_everyone"][0])
    written = wording.amount_writer(max(abs(profit), abs(everyone)))
    chosen = bool((part["chosen"] == 1).any())
    share = wording.percent(float(part["share"][best]), 0)
    by = f" ({name})" if name else ""
    beside = f"everyone {written(everyone)}"
    if not chosen and profit <= 0:
        return f"{_TITLE}: nobody, for no list brings more than nothing; {beside}"
    how = "chosen on other customers" if chosen else "chosen on these very customers"
    return f"{_TITLE}: the first {share}{by} bring {written(profit)} a customer, {beside} ({how})"


def _profit_of_marked(part: Drawn) -> float:
    return float(part["profit_per_customer"][_marked_list(part)])

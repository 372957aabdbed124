"""The groups of a scan in which customers leave unusually often, each beside the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.errors import whole_number
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import SCAN
from retention.plots.paper.lines import draw_bars
from retention.plots.paper.palette import BACKGROUND, INK, LOOKS, MUTED, PLAIN
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_OTHERS = {"rest": "the others", "main_effects": "expected by each condition alone"}
"""What a group is held against, in words."""


def plot_scan(table: IntoFrame, *, most: int = 10, ax: Axes | None = None) -> Axes:
    """Who leaves unusually often: the surest groups of a scan, each beside what it is held against.

    A dot is the churn rate of a group, the line through it its bounds, the ring what it is held
    against: the rate of all the others, or for pairs the one that is expected by each condition
    alone. A cross is the group among those held out. Grey groups differ no more than by chance. The
    title says how many groups were looked at, without which a picture of the surest misleads.

    Args:
        table: from `churn_scan`.
        most: so many groups are drawn, the surest ones.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        RetentionError: if `most` is not a whole number from 1 to 40.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> customers = pd.DataFrame({
        ...     "contract": ["month"] * 80 + ["year"] * 120,
        ...     "left": [1] * 40 + [0] * 40 + [1] * 12 + [0] * 108,
        ... })
        >>> found = rt.signals.churn_scan(customers, outcome="left", conditions="contract")
        >>> ax = rt.plots.plot_scan(found)
        >>> [float(rate) for rate in ax.lines[1].get_xdata()]
        [0.5, 0.1]
    """
    whole_number("most", most, least=1, most=40)
    drawn = drawn_rows(table, SCAN).alone()
    tested = drawn.where(np.isfinite(drawn["q_value"]) & np.isfinite(drawn["churn_rate"]))
    shown = tested.where(np.lexsort((-tested["excess"], tested["q_value"]))[:most])
    size = (axes.SIZE[0], max(2.6, 1.8 + 0.42 * shown.size))
    ax = axes.axes_to_draw_on(ax, size=size, across="x")
    if not shown.size:
        why = "no group was tested." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, "Who leaves unusually often", why)
    axes.name_rows(ax, _names_of_groups(shown), width=30)
    held_against = _draw_groups(ax, shown)
    notes = [f"Churn rate. Dot: the group, with bounds; ring: {held_against}"]
    notes += ["cross: those held out"] * bool(np.isfinite(shown["confirmed_rate"]).any())
    axes.set_titles(ax, _title_of_scan(tested, shown), x="; ".join(notes))
    return ax


def _draw_groups(ax: Axes, shown: Drawn) -> str:
    """Draw the groups, and say in words what they are held against."""
    against = str(shown["against"][0])
    other = shown["rest_rate" if against == "rest" else "expected_rate"]
    rate, bounds = shown["churn_rate"], (shown["lower"], shown["upper"])
    again, row = shown["confirmed_rate"], np.arange(shown.size, dtype=np.float64)
    axes.set_percent_axis(ax, "x", np.concatenate([rate, other, *bounds, again]))
    sure = shown["differs"] > 0
    ring: dict[str, Any] = {"markerfacecolor": BACKGROUND, "markeredgecolor": MUTED}
    ax.plot(other, row, linestyle="none", marker="o", markersize=7.5, zorder=2, **ring)
    for some, colour in ((sure, LOOKS[0].colour), (~sure, PLAIN)):
        mine = (bounds[0][some], bounds[1][some])
        draw_bars(ax, rate[some], row[some], mine, colour, across=True)
        ax.plot(
            rate[some], row[some], linestyle="none", marker="o", markersize=6.5, color=colour,
            zorder=4,
        )  # fmt: skip
    if np.isfinite(again).any():
        cross: dict[str, Any] = {"marker": "x", "markersize": 7, "markeredgewidth": 1.8}
        ax.plot(again, row, linestyle="none", color=LOOKS[1].colour, zorder=5, **cross)
    for place in range(shown.size):
        words = f"{wording.percent(rate[place])} of {wording.with_commas(shown['n'][place])}"
        colour = INK if sure[place] else MUTED
        axes.write_note(ax, words, (1, place), (8, 0), anchor="left center", colour=colour, of="y")
    return _OTHERS[against]


def _names_of_groups(shown: Drawn) -> list[str]:
    """Each group by its condition, or its two."""
    first = [f"{c}: {v}" for c, v in zip(shown["condition"], shown["value"], strict=True)]
    second = zip(shown["condition_2"], shown["value_2"], strict=True)
    also = [f" and {c}: {v}" if c else "" for c, v in second]
    return [one + other for one, other in zip(first, also, strict=True)]


def _title_of_scan(tested: Drawn, shown: Drawn) -> str:
    """How many groups were looked at, how many of them differ, and how many are drawn."""
    n, differ = int(shown["n_tested"][0]), int((tested["differs"] > 0).sum())
    pairs = bool(str(shown["condition_2"][0]))
    what = ("pair of conditions", "pairs of conditions") if pairs else ("condition", "conditions")
    looked = f"{n:,} {what[n != 1]}"
    rest = shown["against"][0] == "rest"
    if not differ:
        other = "from the others" if rest else "from what its conditions tell one by one"
        return f"Who leaves unusually often: of {looked} none differs {other} by more than chance"
    other = "from the others" if rest else "from what their conditions tell one by one"
    drawn = f"; the {shown.size:,} surest are drawn" if shown.size < n else ""
    return f"Who leaves unusually often: of {looked} {differ:,} differ {other}{drawn}"

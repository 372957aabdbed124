"""Whether predictions came true, and how far the riskiest customers stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from retention import wording
from retention.catalogue import figure
from retention.errors import check_choice
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import CALIBRATION, LIFT
from retention.plots.paper.lines import BARS, draw_bars
from retention.plots.paper.palette import LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame

Shown = Literal["lift", "gain"]


def plot_calibration(table: IntoFrame, *, ax: Axes | None = None) -> Axes:
    """Of those who were said to leave with a chance, whether as many did.

    A point is a group of customers of like predicted churn. On the dashed line what came is what
    was said; above it more left than was said, below it fewer. Where the bar, its bounds, misses
    the line, chance alone hardly explains the difference.

    Args:
        table: from `calibration`.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [2, 5, 5, 5], "churned": [True, False, False, False],
        ...     "s3": [0.3, 0.5, 0.9, 0.8],
        ... })
        >>> table = rt.survival.calibration(scored, survival="s3", time=3, groups=2)
        >>> ax = rt.plots.plot_calibration(table)
        >>> ax.get_xlabel()
        'Predicted share that leaves'
    """
    drawn = drawn_rows(table, CALIBRATION).sorted_by("group")
    ax = axes.axes_to_draw_on(ax, size=(5.2, 4.6))
    title = "Predicted churn, and what came of it"
    known = np.isfinite(drawn["observed"]) & np.isfinite(drawn["predicted"])
    if not known.any():
        why = "of no group the churn is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, title, why)
    shown = drawn.where(known)
    x, y, look = shown["predicted"], shown["observed"], LOOKS[0]
    every = np.concatenate([x, y, shown["lower"], shown["upper"], [0.0]])
    axes.set_percent_axis(ax, "x", every)
    axes.set_percent_axis(ax, "y", every)
    limits = ax.get_ylim()
    ax.plot(limits, limits, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    draw_bars(ax, x, y, (shown["lower"], shown["upper"]), look.colour)
    ax.plot(x, y, color=look.colour, marker=look.marker, markersize=6, linestyle="none", zorder=4)
    axes.write_note(
        ax, "as\npredicted", (1, limits[1]), (4, 0), anchor="left top", colour=MUTED, of="y"
    )
    n = wording.with_commas(float(np.median(shown["n_spells"])))
    x_label = "Predicted share that leaves"
    said = f"by time {shown['time'][0]:g}, in groups of about {n}"
    axes.set_titles(ax, f"{title} {said}", x=x_label, y=f"Observed share. {BARS}")
    return ax


def plot_lift(table: IntoFrame, *, show: Shown = "lift", ax: Axes | None = None) -> Axes:
    """How far the customers with the highest predicted risk stand out.

    "lift": a bar a group, the riskiest first: how many times the average churn its churn is. The
    dashed line is the average. Where bars do not fall from left to right, the prediction does not
    sort customers. "gain": the share of all churn that is found in so large a share of the
    customers, the riskiest first; the dashed line is choosing at random.

    Args:
        table: from `lift`.
        show: "lift" or "gain".
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        RetentionError: if `show` is neither of the two.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [2, 5, 5, 5], "churned": [True, False, False, False],
        ...     "risk": [0.7, 0.5, 0.1, 0.2],
        ... })
        >>> ax = rt.plots.plot_lift(rt.survival.lift(scored, time=3, groups=2))
        >>> [float(bar.get_height()) for bar in ax.patches]
        [2.0, 0.0]
    """
    check_choice("show", show, get_args(Shown))
    drawn = drawn_rows(table, LIFT).sorted_by("group")
    ax = axes.axes_to_draw_on(ax)
    name = "lift" if show == "lift" else "cumulative_share_of_churn"
    label = figure(name).label
    if not np.isfinite(drawn[name]).any():
        why = "the churn of some group is not known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, label, why)
    (_draw_lifts if show == "lift" else _draw_gains)(ax, drawn)
    when = f"churn by time {drawn['time'][0]:g}"
    if show == "lift":
        axes.set_titles(
            ax,
            f"{label}: {when}, against the average",
            x="Group of customers, the riskiest first",
            y="Times the average",
        )
    else:
        axes.set_titles(
            ax, f"{label}: {when}", x="Share of customers, the riskiest first", y="Share of churn"
        )
    return ax


def _draw_lifts(ax: Axes, drawn: Drawn) -> None:
    x, y = drawn["group"], np.nan_to_num(drawn["lift"])
    ax.bar(x, y, width=0.7, color=LOOKS[0].colour, zorder=2)
    size = min(axes.points_of("small"), axes.width_of(ax) / x.size / 2.2)
    for place, height in zip(x, drawn["lift"], strict=True):
        words = f"{height:.1f}×" if np.isfinite(height) else wording.UNKNOWN
        at = (place, float(np.nan_to_num(height)))
        axes.write_note(ax, words, at, (0, 3), anchor="center bottom", size=size)
    top = max(1.15 * float(y.max()), 1.2)
    ax.axhline(1.0, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, zorder=3)
    axes.write_note(ax, "average", (1, 1), (4, 0), anchor="left center", colour=MUTED, of="y")
    every = max(1, -(-x.size // 20))
    ax.set_xticks(x[::every], [f"{group:g}" for group in x[::every]])
    ax.set_xlim(x.min() - 0.6, x.max() + 0.6)
    ax.set_ylim(0, top)


def _draw_gains(ax: Axes, drawn: Drawn) -> None:
    x = np.append(0.0, drawn["cumulative_share_of_customers"])
    y = np.append(0.0, drawn["cumulative_share_of_churn"])
    for which in ("x", "y"):
        axes.set_percent_axis(ax, which, np.array([0.0, 1.0]), whole=True)
    ax.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    look = LOOKS[0]
    ax.plot(
        x,
        y,
        color=look.colour,
        marker=look.marker,
        markersize=5,
        linewidth=1.9,
        zorder=3,
        clip_on=False,
    )
    axes.write_note(ax, "at random", (0.72, 0.72), (6, -6), anchor="left top", colour=MUTED)

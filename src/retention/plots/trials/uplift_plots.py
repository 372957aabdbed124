"""Who responded: what an offer brings to lists of those in whom it was thought to do most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from retention import wording
from retention.errors import check_choice
from retention.plots.paper import axes
from retention.plots.paper.drawable_tables import UPLIFT
from retention.plots.paper.line_labels import End, label_ends
from retention.plots.paper.lines import BOUNDS, draw_line, shading_of_lines, thinned_places
from retention.plots.paper.palette import INK, LOOKS, MUTED
from retention.plots.paper.reading import Drawn, drawn_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from narwhals.stable.v2.typing import IntoFrame
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Measured = Literal["gain", "effect"]

_SHOWN = {
    "gain": ("list_gain", "list_gain_lower", "list_gain_upper"),
    "effect": ("effect", "lower", "upper"),
}
_TITLES = {
    "gain": "Whom to make the offer",
    "effect": "What the offer does to those on the list",
}
_MOST = 300
"""Points of a line: more than one can see."""


def plot_uplift(table: IntoFrame, *, of: Measured = "gain", ax: Axes | None = None) -> Axes:
    """What an offer brings to the most promising customers: a line of lists that grow.

    From left to right ever more customers are made the offer, those first in whom the score says it
    does most. The dotted line is what lists by lot bring; a score is worth what lies above it. The
    lists end with everyone, where all scores agree. Bounds are of one list each.

    Args:
        table: from `uplift_curve`; of several scores, their tables one below the other with a
            column of text that names the score.
        of: the "gain" for each of all customers, or the "effect" for each customer on the list.
        ax: matplotlib axes to draw on; fresh ones by default.

    Returns:
        The axes.

    Raises:
        ColumnError: if it is another table.
        ContentError: if there are more than eight scores.
        RetentionError: if `of` is none of its values.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "uplift": [4, 4, 3, 3, 2, 2, 1, 1], "offered": [1, 0, 1, 0, 1, 0, 1, 0],
        ...     "stayed": [1, 0, 1, 1, 0, 0, 0, 1],
        ... })
        >>> curve = rt.experiments.uplift_curve(
        ...     scored, uplift="uplift", outcome="stayed", treated="offered"
        ... )
        >>> ax = rt.plots.plot_uplift(curve)
        >>> [round(float(gain), 2) for gain in ax.lines[-1].get_ydata()]
        [0.0, 0.25, 0.25, 0.25, 0.0]
    """
    check_choice("of", of, get_args(Measured))
    drawn, ax = drawn_rows(table, UPLIFT), axes.axes_to_draw_on(ax)
    middle = _SHOWN[of][0]
    if not np.isfinite(drawn[middle]).any():
        why = "no effect is known." if drawn.size else "the table has no rows."
        return axes.say_why_empty(ax, _TITLES[of], why)
    parts = [(name, part.sorted_by("share")) for name, part in drawn.parts()]
    ends, heights = [], [np.zeros(1)]
    _draw_gain_by_lot(ax, parts[0][1], of)
    for (name, part), look in zip(parts, LOOKS, strict=False):
        share, values, bounds = _points_of_line(part, of)
        draw_line(ax, share, values, bounds, look, shading_of_lines(len(parts)))
        heights += [values, *_bounds_worth_seeing(share, bounds, of)]
        if name:
            # Every score ends with everyone, so a line is named where it is highest.
            at = int(np.nanargmax(values))
            ends.append(End(float(share[at]), float(values[at]), name, look.text))
    _set_gain_axes(ax, drawn, np.concatenate(heights))
    notes = ["Share of customers made the offer", BOUNDS, "Dotted: by lot"]
    axes.set_titles(ax, _title_of_uplift(parts, of), x=". ".join(notes), y=_unit_of(drawn, of))
    if len(ends) > 1:
        label_ends(ax, ends)
    return ax


def _points_of_line(part: Drawn, of: Measured) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """Shares, values and bounds of a line; a gain begins with nobody and nothing."""
    part = part.where(thinned_places(part["share"], _MOST))
    share, (values, *bounds) = part["share"], (part[name] for name in _SHOWN[of])
    if of == "effect":
        return share, values, (bounds[0], bounds[1])
    begun = [np.concatenate([[0.0], each]) for each in (share, values, *bounds)]
    return begun[0], begun[1], (begun[2], begun[3])


def _bounds_worth_seeing(
    share: Floats, bounds: tuple[Floats, Floats], of: Measured
) -> list[Floats]:
    """Bounds for which the paper has room; those of effects in the shortest lists run off it."""
    long = share >= (0.1 if of == "effect" and (share >= 0.1).any() else 0.0)
    return [each[long] for each in bounds]


def _draw_gain_by_lot(ax: Axes, part: Drawn, of: Measured) -> None:
    """What lists by lot bring: a straight line to everyone."""
    whole = float(part["effect"][-1])
    ends = ([0.0, 1.0], [0.0 if of == "gain" else whole, whole])
    line: dict[str, Any] = {"linestyle": ":", "linewidth": 1.5, "color": MUTED}
    ax.plot(*ends, zorder=2, **line)
    ax.axhline(0.0, color=INK, linewidth=0.9, zorder=1)


def _is_of_ones_and_zeros(drawn: Drawn) -> bool:
    """Whether the outcome is to have stayed, or something else that is 0 or 1."""
    return bool(str(drawn["method"][0]) != "welch")


def _set_gain_axes(ax: Axes, drawn: Drawn, heights: Floats) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    known = heights[np.isfinite(heights)]
    low, high = float(known.min()), float(known.max())
    room = 0.06 * (high - low) or 1.0
    ax.set_ylim(low - room, high + room)
    ax.set_xlim(0.0, 1.0)
    axes.set_percent_ticks(ax.xaxis, 1.0)
    scale = 100.0 if _is_of_ones_and_zeros(drawn) else 1.0
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{scale * value:,.10g}".replace("-", wording.MINUS))
    )


def _unit_of(drawn: Drawn, of: Measured) -> str:
    what = "Points" if _is_of_ones_and_zeros(drawn) else "As the outcome"
    return f"{what}, for each {'of all customers' if of == 'gain' else 'customer on the list'}"


def _writer_of_values(part: Drawn) -> Callable[[float], str]:
    if _is_of_ones_and_zeros(part):
        return wording.points
    written = wording.amount_writer(float(np.nanmax(np.abs(part["effect"]))))
    return lambda value: f"+{written(value)}" if value > 0 else written(value)


def _title_of_uplift(parts: list[tuple[str, Drawn]], of: Measured) -> str:
    """What the best list brings, beside making the offer to everyone."""
    name, part = max(parts, key=lambda one: float(np.nanmax(one[1]["list_gain"])))
    best = int(np.nanargmax(part["list_gain"]))
    write = _writer_of_values(part)
    share, everyone = float(part["share"][best]), write(float(part["effect"][-1]))
    who = f"the first {wording.percent(share, 0)}" + (f" ({name})" if name else "")
    if of == "effect" and share >= 1:
        return f"{_TITLES[of]}: {everyone} for everyone, and no list gains more"
    if of == "effect":
        effect = write(float(part["effect"][best]))
        return f"{_TITLES[of]}: {effect} for {who}, {everyone} for everyone"
    gain = float(part["list_gain"][best])
    if gain <= 0:
        return f"{_TITLES[of]}: no list gains anything; everyone {everyone}"
    if share >= 1:
        return f"{_TITLES[of]}: no list gains more than everyone, {everyone}"
    return f"{_TITLES[of]}: of these very customers {who} bring {write(gain)}, everyone {everyone}"

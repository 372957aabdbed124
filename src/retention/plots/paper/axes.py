"""The paper that pictures are drawn on: axes in one style, with percent, time or periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import wording
from retention.errors import RetentionError
from retention.plots.paper.palette import BACKGROUND, GRID, INK, MUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import NDArray

SIZE = (7.2, 4.2)
"""Of a figure of our own, in inches."""

_STRIDES = {
    "day": (1, 2, 7, 14, 28, 91, 182, 364, 728),
    "week": (1, 2, 4, 13, 26, 52, 104),
    "month": (1, 2, 3, 6, 12, 24, 60, 120),
    "quarter": (1, 2, 4, 8, 20, 40),
}
_PLAIN = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_DAYS = (1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650)


def axes_to_draw_on(
    ax: Axes | None, *, size: tuple[float, float] = SIZE, across: str = "y"
) -> Axes:
    """The caller's axes, or fresh ones on a figure of their own, in our style.

    Args:
        ax: what the caller gave.
        size: of a figure of our own, in inches.
        across: the axis whose values have lines across the paper: "x", "y" or "".

    Raises:
        RetentionError: if `ax` is something else.
    """
    from matplotlib.axes import Axes

    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=size, layout="constrained", facecolor=BACKGROUND)
    if not isinstance(ax, Axes):
        raise RetentionError(
            f"ax must be matplotlib Axes, as in figure, ax = plt.subplots(); got {ax!r}."
        )
    ax.set_facecolor(BACKGROUND)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(MUTED)
    ax.tick_params(colors=MUTED, labelcolor=INK, labelsize="small", length=3)
    ax.tick_params(axis="x", pad=6)  # clear of the lowest number along y
    ax.grid(visible=False)
    if across:
        ax.grid(visible=True, axis=across, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
        ax.set_axisbelow(True)
    return ax


def set_titles(ax: Axes, title: str, *, x: str = "", y: str = "") -> None:
    """What the picture shows above it; what its axes measure, and how to read it, beside them."""
    room = width_of(ax)
    if len(ax.figure.axes) == 1:
        left = max((len(name.get_text()) for name in ax.get_yticklabels()), default=0)
        whole = float(ax.figure.get_window_extent().width) / _dots_per_inch(ax) * 72
        room = max(room, whole - 24 - 0.6 * points_of("small") * min(left, 26))
    width = max(24, int(room / (0.58 * points_of("medium"))))
    ax.set_title(
        wording.shortened_text(title, width, 3),
        loc="left",
        fontsize="medium",
        color=INK,
        pad=10,
    )
    letter = 0.62 * points_of("small")
    ax.set_xlabel(
        wording.shortened_text(x, int(width_of(ax) / letter), 3), fontsize="small", color=MUTED
    )
    ax.set_ylabel(
        wording.shortened_text(y, int(height_of(ax) / letter), 2), fontsize="small", color=MUTED
    )


def write_note(
    ax: Axes,
    words: str,
    at: tuple[float, float],
    away: tuple[float, float] = (0.0, 0.0),
    *,
    anchor: str = "center center",
    colour: str = INK,
    size: float | None = None,
    of: Literal["data", "x", "y"] = "data",
) -> None:
    """Words near a place.

    Args:
        ax: the axes.
        words: what is said.
        at: the place.
        away: how far from it, in points to the right and up.
        anchor: which side of the words is there, and which of top, center and bottom.
        colour: of the words.
        size: of the letters in points; small by default.
        of: in which numbers the place is: those of the axes ("data"), or only along x (its height
            from 0 to 1) or y.
    """
    across, upright = anchor.split()
    coordinates: dict[str, Any] = {
        "data": "data",
        "x": ax.get_xaxis_transform(),
        "y": ax.get_yaxis_transform(),
    }
    ax.annotate(
        words,
        at,
        away,
        xycoords=coordinates[of],
        textcoords="offset points",
        ha=across,
        va=upright,
        color=colour,
        fontsize=size or points_of("small"),
        annotation_clip=False,
        parse_math=False,
    )


def say_why_empty(ax: Axes, title: str, why: str) -> Axes:
    """Axes that say in words why there is nothing to see on them."""
    set_titles(ax, title)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    words = f"Nothing to draw: {why}"
    ax.text(
        *(0.5, 0.5, wording.shortened_text(words, 44, 3)),
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=MUTED,
    )
    return ax


def set_percent_axis(ax: Axes, which: str, values: NDArray[Any], *, whole: bool = False) -> None:
    """Shares as percent along an axis, wide enough not to make noise look like news.

    Args:
        ax: the axes.
        which: "x" or "y".
        values: all that is drawn along it.
        whole: from 0 to 100%; otherwise ten points or more around what is drawn.
    """
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if whole:
        low, high = min(0.0, low), max(1.0, high)
    else:
        room = max(0.06 * (high - low), (0.1 - (high - low)) / 2)
        inside = low >= 0 and high <= 1
        low, high = (max(low - room, 0.0), high + room) if low >= 0 else (low - room, high + room)
        high = min(high, 1.0 + 0.02 * (high - low)) if inside else high
    axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    set_percent_ticks(axis, high - low)


def set_percent_ticks(axis: Axis, span: float) -> None:
    """Round shares along an axis, with no more digits than they need."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    digits = 0 if span >= 0.05 else 1 if span >= 0.005 else 2
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda share, _: wording.percent(share, digits)))


def set_calendar_axis(ax: Axes, steps: NDArray[Any], freq: str) -> None:
    """Periods along x, placed by their numbers, labelled as people write them."""
    from retention import periods

    first, last = int(steps.min()), int(steps.max())
    length, latest = periods.length_of(freq), np.datetime64("2024-02-26")
    if freq != "period":
        latest = periods.first_days([last], freq)[0]
    longest = len(wording.period(latest, freq)) + 2
    room = max(2, int(0.85 * width_of(ax) / (0.62 * points_of("small") * longest)))
    strides = _STRIDES.get(length, _PLAIN)
    span = last - first + 1
    stride = next((s for s in strides if span / s <= room), -(-span // room))
    offset = first if length in ("day", "week", "period") else 0
    ticks = [step for step in range(first, last + 1) if (step - offset) % stride == 0]
    if len(ticks) < min(2, span):
        ticks = [first, last]
    if freq == "period":
        names = [str(step) for step in ticks]
    else:
        names = [wording.period(day, freq) for day in periods.first_days(ticks, freq)]
    ax.set_xticks(ticks, names)
    ax.set_xlim(first - 0.4, last + 0.4)


def noun_of_period(freq: str) -> str:
    """What a title calls a period, whatever the calendar: "month", or "period" of so many days."""
    from retention import periods

    made_of_days = not periods.is_civil(freq) and freq.endswith("period")
    return "period" if made_of_days else periods.length_of(freq)


def set_duration_axis(ax: Axes, longest: float, unit: str | None) -> list[float]:
    """Time since the start along x; the places of its ticks."""
    days = unit in ("day", "days")
    strides = _DAYS if days else [s * 10.0**p for p in range(-2, 6) for s in (1, 2, 5)]
    room = max(2, int(width_of(ax) / (0.62 * points_of("small") * 8)))
    stride = next((s for s in strides if longest / s <= min(room, 8)), longest or 1)
    ticks = [place * stride for place in range(int(longest / stride + 1e-9) + 1)]
    ax.set_xticks(ticks, [f"{tick:,g}" if tick < 1000 else f"{tick:,.0f}" for tick in ticks])
    ax.set_xlim(0, longest or 1)
    return [float(tick) for tick in ticks]


def name_rows(ax: Axes, names: Sequence[str], *, width: int = 26) -> None:
    """Rows from the top down along y, each with its name."""
    shown = [wording.shortened_text(name, width, 2) for name in names]
    ax.set_yticks(range(len(names)), shown, parse_math=False)  # a price plan may be called $5
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)


def width_of(ax: Axes) -> float:
    """How wide axes are, in points."""
    return float(ax.get_window_extent().width / _dots_per_inch(ax) * 72)


def height_of(ax: Axes) -> float:
    """How high axes are, in points."""
    return float(ax.get_window_extent().height / _dots_per_inch(ax) * 72)


def points_of(size: str) -> float:
    """A size of letters such as "small" in points."""
    from matplotlib.font_manager import FontProperties

    return float(FontProperties(size=size).get_size_in_points())


def _dots_per_inch(ax: Axes) -> float:
    return float(ax.figure.dpi)

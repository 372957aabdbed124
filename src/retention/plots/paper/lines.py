"""Lines with their bounds: what most pictures are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from retention.plots.paper.palette import Look

    Floats = NDArray[np.float64]

BOUNDS = "Shaded: confidence bounds"
BARS = "Bars: confidence bounds"
_MANY = 26
"""Points on a line beyond which its markers would hide it."""


def draw_line(
    ax: Axes, x: Floats, y: Floats, bounds: tuple[Floats, Floats], look: Look, shading: float = 0.13
) -> None:
    """A line over its points, broken where a value is not known, with its bounds shaded.

    A point with no neighbour has its bounds as a bar instead: a shade needs two.
    """
    every = max(1, -(-x.size // _MANY))
    known = np.isfinite(y)
    line: dict[str, Any] = {"color": look.colour, "linestyle": look.style, "linewidth": 1.9}
    mark: dict[str, Any] = {"marker": look.marker, "markersize": 5, "markevery": every}
    ax.plot(x, y, **line, **mark, markeredgecolor="white", markeredgewidth=0.6, zorder=3)
    lower, upper = (np.where(known, bound, np.nan) for bound in bounds)
    ax.fill_between(x, lower, upper, color=look.colour, alpha=shading, linewidth=0, zorder=1)
    lonely = known & ~_has_known_neighbour(np.isfinite(lower) & np.isfinite(upper))
    draw_bars(ax, x[lonely], y[lonely], (lower[lonely], upper[lonely]), look.colour)
    alone = known & ~_has_known_neighbour(known)
    if every > 1 and alone.any():
        ax.plot(x[alone], y[alone], color=look.colour, linestyle="none", marker=look.marker)


def draw_bars(
    ax: Axes,
    x: Floats,
    y: Floats,
    bounds: tuple[Floats, Floats],
    colour: str,
    *,
    across: bool = False,
) -> None:
    """Bounds as bars through points, upright or `across`, where there are bounds."""
    lower, upper = bounds
    known = np.isfinite(y) & np.isfinite(lower) & np.isfinite(upper)
    if not known.any():
        return
    draw = ax.hlines if across else ax.vlines
    draw(
        (y if across else x)[known],
        lower[known],
        upper[known],
        color=colour,
        linewidth=1.4,
        zorder=3,
    )


def draw_steps(
    ax: Axes, x: Floats, y: Floats, bounds: tuple[Floats, Floats], look: Look, shading: float = 0.13
) -> None:
    """A curve that stays level until it falls, with its bounds shaded."""
    ax.step(x, y, where="post", color=look.colour, linestyle=look.style, linewidth=1.9, zorder=3)
    ax.fill_between(
        x, *bounds, step="post", color=look.colour, alpha=shading, linewidth=0, zorder=1
    )


def thinned_places(times: Floats, most: int) -> NDArray[np.intp]:
    """The places of at most so many rising times, one in each stretch of the picture.

    What stands there is exact; a step between two of them is drawn at the later one, which is less
    than a line's width away. So a picture of thousands of days stays small.
    """
    if times.size <= most:
        return np.arange(times.size)
    stretches = np.linspace(times[0], times[-1], most)
    return np.unique(np.searchsorted(times, stretches, side="right") - 1)


def shading_of_lines(n_lines: int) -> float:
    """How strongly bounds are shaded, so that one sees through those of several lines."""
    return max(0.05, 0.16 - 0.02 * n_lines)


def last_known_point(x: Floats, y: Floats) -> tuple[float, float]:
    """The last point of a line that is known; NaN where none is."""
    known = np.flatnonzero(np.isfinite(y))
    return (float(x[known[-1]]), float(y[known[-1]])) if known.size else (np.nan, np.nan)


def _has_known_neighbour(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the points that are known have a neighbour that is."""
    beside = np.zeros_like(known)
    beside[1:] |= known[:-1]
    beside[:-1] |= known[1:]
    return known & beside

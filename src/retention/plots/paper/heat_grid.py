"""A grid of cells, the darker the more, with what is not known hatched."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.plots.paper import axes
from retention.plots.paper.palette import BACKGROUND, HATCH, MUTED, heat_colour, ink_on_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def draw_cells(
    ax: Axes, cells: Floats, most: float, marks: NDArray[np.object_] | None = None
) -> None:
    """Draw shares as a grid: numbers in the cells where there is room, else a scale beside it.

    Args:
        ax: the axes; rows from the top down.
        cells: shares by row and column, NaN where not known.
        most: the share that is darkest; more is no darker.
        marks: what is said behind each number.
    """
    from matplotlib.collections import PolyCollection

    known = np.isfinite(cells)
    look: dict[str, Any] = {"edgecolors": BACKGROUND, "linewidths": 0.8}
    colours = [heat_colour(share / most) for share in cells[known]]
    ax.add_collection(
        PolyCollection(_corners_of_cells(known), facecolors=colours, **look, label="known")
    )
    blank = PolyCollection(
        _corners_of_cells(~known),
        facecolors=BACKGROUND,
        edgecolors="#B9C0C7",
        linewidths=0.0,
        hatch=HATCH,
        label="not observed",
    )
    ax.add_collection(blank)
    rows, columns = cells.shape
    ax.set_xlim(-0.5, columns - 0.5)
    ax.set_ylim(rows - 0.5, -0.5)
    for spine in ax.spines.values():
        spine.set_visible(False)
    _write_numbers(ax, cells, most, marks)


def _write_numbers(ax: Axes, cells: Floats, most: float, marks: NDArray[np.object_] | None) -> None:
    """The number of each cell, if there is room."""
    rows, columns = cells.shape
    size = axes.points_of("small")
    wide, high = axes.width_of(ax) / columns, axes.height_of(ax) / rows
    lines = 1 if marks is None else 1 + max(str(mark).count("\n") for mark in marks.ravel())
    ems = 3.2 if marks is None else 4.4
    size = min(size, wide / ems, high / (1.2 * lines))
    if size < 6:
        _draw_scale(ax, most)
        return
    for row, column in zip(*np.nonzero(np.isfinite(cells)), strict=True):
        share = float(cells[row, column])
        words = wording.percent(share, 0) + ("" if marks is None else str(marks[row, column]))
        colour = ink_on_colour(heat_colour(share / most))
        ax.text(column, row, words, ha="center", va="center", fontsize=size, color=colour)


def name_columns(ax: Axes, names: list[str]) -> None:
    """Names over columns, at the top."""
    width = int(0.8 * axes.width_of(ax) / len(names) / (0.62 * axes.points_of("small")))
    shown = [wording.shortened_text(name, max(width, 6), 3) for name in names]
    ax.set_xticks(range(len(names)), shown, parse_math=False)
    ax.tick_params(axis="x", length=0, top=False, labeltop=True, bottom=False, labelbottom=False)


def _corners_of_cells(where: NDArray[np.bool_]) -> Any:
    """The corners of the cells of a mask, row by row."""
    row, column = np.nonzero(where)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    return np.stack([column, row], axis=-1)[:, None, :] + corners


def _draw_scale(ax: Axes, most: float) -> None:
    """Which colour is which share, beside the grid."""
    from matplotlib.collections import PolyCollection

    side = ax.inset_axes((1.02, 0.0, 0.025, 1.0))
    steps = np.linspace(0.0, most, 65)
    squares = [[(0, a), (1, a), (1, b), (0, b)] for a, b in pairwise(steps)]
    colours = [heat_colour(value / most) for value in steps[:-1]]
    side.add_collection(PolyCollection(squares, facecolors=colours, edgecolors="face"))
    side.set_xlim(0, 1)
    side.set_ylim(0, most)
    side.set_xticks([])
    side.yaxis.tick_right()
    axes.set_percent_ticks(side.yaxis, most)
    side.tick_params(labelsize="small", colors=MUTED, length=2)
    for spine in side.spines.values():
        spine.set_visible(False)

"""Words at the end of lines and areas instead of a legend, moved apart so that all can be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import wording
from retention.plots.paper.axes import height_of, points_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_LINE = 1.5
"""Height of a line of text, in its size: with room to spare, if the axes shrink later."""


@dataclass(frozen=True, slots=True)
class End:
    """What is said at the end of a line.

    Attributes:
        x: where the line ends, in the axes' numbers.
        y: how high.
        text: what is said.
        colour: of the words.
    """

    x: float
    y: float
    text: str
    colour: str


def label_ends(ax: Axes, ends: Sequence[End], *, width: int = 24, reserved: float = 0.0) -> None:
    """Put the words to the right of the axes, each as near to its line as the others allow.

    To be called once the limits of the axes are final.

    Args:
        ax: the axes.
        ends: what is said of each line.
        width: letters to a line.
        reserved: points of the height that a layout will still take away from the axes.
    """
    kept = [end for end in ends if np.isfinite(end.y)]
    if not kept:
        return
    size, available = points_of("small"), max(0.9 * height_of(ax) - reserved, 40.0)
    texts = [_wrapped_text(end.text, width) for end in kept]
    if sum(text.count("\n") + 1 for text in texts) * size * _LINE > available:
        texts = [_text_on_one_line(end.text, width) for end in kept]
        size *= min(1.0, available / (len(texts) * size * _LINE))
    _write_labels(
        ax, kept, texts, size, [(t.count("\n") + 1) * size * _LINE / available for t in texts]
    )


def _write_labels(
    ax: Axes, kept: Sequence[End], texts: Sequence[str], size: float, heights: Sequence[float]
) -> None:
    """The words, each so high as a share of the axes, with a fine line to those that moved."""
    low, high = ax.get_ylim()
    wanted = [(end.y - low) / (high - low) for end in kept]
    places = places_apart(wanted, heights)
    left, right = ax.get_xlim()
    for end, text, place, want in zip(kept, texts, places, wanted, strict=True):
        short = (right - end.x) / (right - left) > 0.06  # also where the axis runs to the left
        moved = abs(place - want) > 0.5 * min(heights) or short
        line = {"arrowstyle": "-", "color": end.colour, "linewidth": 0.6, "alpha": 0.6}
        ax.annotate(
            text,
            xy=(end.x, end.y),
            xytext=(1.03, place),
            textcoords="axes fraction",
            ha="left",
            va="center",
            color=end.colour,
            fontsize=size,
            arrowprops=(line | {"relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3}) if moved else None,
            annotation_clip=False,
            parse_math=False,
        )


def places_apart(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Places from 0 to 1, near to those wanted, at which things of some height do not overlap.

    With z the places less the heights that come before them, the squared distances are least where
    z is the isotonic regression of the wanted ones (pool adjacent violators), cut off at the ends.

    Args:
        wanted: where each thing would be best.
        heights: how high each is, as a share of the room. If together they are more than 1, they
            overlap evenly.
    """
    tall = np.asarray(heights, dtype=np.float64)
    tall = tall / max(1.0, float(tall.sum()))
    order = np.argsort(np.asarray(wanted), kind="stable")
    tall = tall[order]
    before = np.concatenate([[0.0], np.cumsum((tall[1:] + tall[:-1]) / 2)])
    low, high = tall[0] / 2, 1 - tall[-1] / 2 - before[-1]
    pools: list[tuple[float, int]] = []
    for target in np.asarray(wanted, dtype=np.float64)[order] - before:
        mean, size = float(target), 1
        while pools and pools[-1][0] > mean:
            other, n = pools.pop()
            mean, size = (mean * size + other * n) / (size + n), size + n
        pools.append((mean, size))
    level = np.clip(np.repeat([m for m, _ in pools], [n for _, n in pools]), low, max(low, high))
    places = np.empty(len(order))
    places[order] = level + before
    return [float(place) for place in places]


def _text_on_one_line(text: str, width: int) -> str:
    """A text without its line breaks: what is cut is the first line, a name."""
    first, *rest = text.split("\n")
    after = "".join(f" {line}" for line in rest)
    return wording.shortened_text(first, max(width - len(after), 8)) + after


def _wrapped_text(text: str, width: int) -> str:
    """Each line of a text cut to the width, the first one on two lines if it must be."""
    first, *rest = text.split("\n")
    return "\n".join([wording.shortened_text(first, width, 2), *rest])

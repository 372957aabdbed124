"""Bars from one amount to another, each beginning where the one before ended."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import wording
from retention.plots.paper import axes
from retention.plots.paper.palette import BACKGROUND, BAD, GOOD, HATCH, MUTED, TOTAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Step:
    """A bar of a waterfall.

    Attributes:
        word: what stands beneath it.
        amount: how high it is.
        sign: 1 if it adds, −1 if it takes away, 0 of a total, which stands on the ground.
        count: whom it is of, beneath the word; NaN for nothing.
    """

    word: str
    amount: float
    sign: int
    count: float = float("nan")


def draw_waterfall(ax: Axes, steps: Sequence[Step]) -> None:
    """Bars that add are dark, those that take away hatched; the first and the last are totals."""
    start, *moves, end = steps
    level = start.amount + np.cumsum([0.0, *(step.sign * step.amount for step in moves)])
    feet = [0.0, *(min(a, b) for a, b in pairwise(level)), 0.0]
    written = wording.amount_writer(max(float(np.abs(level).max()), end.amount))
    for x, (foot, step) in enumerate(zip(feet, steps, strict=True)):
        ax.bar(x, step.amount, bottom=foot, width=0.62, zorder=2, **fill_of_bar(step.sign))
        sign = ("", "+", wording.MINUS)[step.sign]
        money = sign + written(step.amount) if step.amount else "0"
        top = max(foot, foot + step.amount)
        axes.write_note(ax, money, (x, top), (0, 3), anchor="center bottom")
    for x, at in enumerate([start.amount, *level[1:]]):
        since = x + 0.31 if steps[x].amount else x - 0.31  # through a bar of no height
        ax.plot([since, x + 0.69], [at, at], color=MUTED, linewidth=0.8, zorder=1)
    ax.set_xticks(range(len(steps)), _words_beneath(ax, steps))
    ax.tick_params(axis="x", length=0)
    ax.yaxis.set_major_formatter(lambda money, _: wording.without_zeros(written(money)))
    low, high = min(0.0, float(level.min())), max(0.0, float(level.max()))
    ax.set_ylim(low, high + 0.1 * (high - low or 1.0))  # room for the numbers over the bars
    ax.set_xlim(-0.6, len(steps) - 0.4)


def fill_of_bar(sign: int) -> dict[str, Any]:
    """How a bar that adds (1), takes away (−1) or is a total (0) is filled."""
    if sign < 0:
        return {"facecolor": BACKGROUND, "edgecolor": BAD, "hatch": HATCH, "linewidth": 1.2}
    return {"facecolor": GOOD if sign else TOTAL}


def _words_beneath(ax: Axes, steps: Sequence[Step]) -> list[str]:
    """The word of each bar on two lines, and its count under it."""
    letter = 0.6 * axes.points_of("small")
    width = int(axes.width_of(ax) / (len(steps) + 0.4) / letter)
    words = [wording.shortened_text(step.word, width, 2) for step in steps]
    counts = [f"\n{wording.with_commas(s.count)}" if np.isfinite(s.count) else "" for s in steps]
    return [word + count for word, count in zip(words, counts, strict=True)]

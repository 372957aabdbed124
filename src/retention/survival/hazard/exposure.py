"""Who was at risk in which interval and who left: counts, without a row for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError
from retention.survival.counts.person_periods import first_interval, intervals_at_risk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_CELLS = 65_536  # patterns × intervals that are worked on at a time: they fit in the cache


@dataclass(frozen=True, slots=True)
class Block:
    """Some patterns of covariates and the intervals in which one of them is at risk.

    Attributes:
        patterns: which patterns.
        columns: which of the intervals that have a level.
        at_risk: spells at risk, a row per pattern, a column per interval.
        row: for each cell in which spells ended, its pattern in the block.
        column: and its interval in the block.
        ended: how many ended there.
    """

    patterns: slice
    columns: slice
    at_risk: Floats
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    ended: Floats


@dataclass(frozen=True, slots=True)
class Exposure:
    """Intervals, the patterns of covariates, and the stretches for which they are at risk.

    An interval has a level if some, but not all, of those at risk leave in it. Stretches are sorted
    by their pattern, patterns by how long they are seen.

    Attributes:
        intervals: every interval up to the last one that was observed.
        at_risk: spells at risk in each.
        ended: spells that ended in each.
        mass: what those at risk, and those that ended, weigh in the likelihood, a row each.
        n_spells: spells with an interval at risk.
        design: one row per pattern.
        pattern: of each stretch.
        first: its first interval, counted among those that have a level.
        last: one more than its last.
        weight: how many spells it stands for, or its sampling weight.
        churned: whether they ended in its last interval.
        row: the row of the spells that each stretch is.
        edges: the patterns with which blocks begin, and how many there are.
    """

    intervals: Ints
    at_risk: Ints
    ended: Ints
    mass: Floats
    n_spells: int
    design: Floats
    pattern: NDArray[np.intp]
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    weight: Floats
    churned: NDArray[np.bool_]
    row: NDArray[np.intp]
    edges: tuple[int, ...]

    @property
    def has_level(self) -> NDArray[np.bool_]:
        """Whether some, but not all, of those at risk in an interval leave in it."""
        return np.asarray((self.ended > 0) & (self.ended < self.at_risk))

    @property
    def weights(self) -> Floats:
        """Spells times intervals with a level, for each pattern."""
        length = self.weight * (self.last - self.first)
        return np.asarray(np.bincount(self.pattern, length, self.design.shape[0]), np.float64)

    def blocks(self) -> Iterator[Block]:
        """The counts, some patterns at a time."""
        rows = np.searchsorted(self.pattern, self.edges).tolist()
        for (start, first), (stop, last) in pairwise(zip(self.edges, rows, strict=True)):
            yield self._block(slice(start, stop), slice(first, last))

    def _block(self, patterns: slice, rows: slice) -> Block:
        first, last, weight = self.first[rows], self.last[rows], self.weight[rows]
        row = self.pattern[rows] - patterns.start
        low, high = int(first.min()), int(last.max())
        n, width = patterns.stop - patterns.start, high - low + 1
        begun = np.bincount(row * width + first - low, weight, n * width)
        over = np.bincount(row * width + last - low, weight, n * width)
        at_risk = np.cumsum((begun - over).reshape(n, width), axis=1)[:, :-1]
        cell = (row * width + last - 1 - low)[self.churned[rows]]
        cells, place = np.unique(cell, return_inverse=True)
        left = weight[self.churned[rows]]
        ended = np.asarray(np.bincount(place, left, cells.size), np.float64)
        return Block(patterns, slice(low, high), at_risk, cells // width, cells % width, ended)


def exposure(spells: Histories, matrix: Floats, per_unit: tuple[float, float]) -> Exposure:
    """The counts that a hazard model is fitted on.

    Args:
        spells: the spells.
        matrix: their covariates, a column per term.
        per_unit: length of an interval and of the durations' unit, in days.

    Raises:
        ContentError: if no end was seen in an interval at risk.
    """
    first, last = intervals_at_risk(spells, per_unit)
    used = np.flatnonzero(last >= first)
    first, last, churned = first[used], last[used], spells.churned[used]
    weight = spells.weights[used]
    if not churned.any():
        raise ContentError(
            "spells: nobody's end was seen in an interval that began under observation, so nothing "
            "says how likely leaving is."
        )
    intervals, at_risk, ended = _totals_by_interval(
        first, last, weight, churned, first_interval(spells)
    )
    pull = spells.likelihood_weights[used]
    mass = np.array(_totals_by_interval(first, last, pull, churned, first_interval(spells))[1:])
    told = np.concatenate([[0], np.cumsum((ended > 0) & (ended < at_risk))])
    low, before, high = (told[j - intervals[0]] for j in (first, last, last + 1))
    says = np.flatnonzero(high > low)
    pattern, chosen = _patterns_of_rows(matrix[used[says]], high[says])
    order = np.argsort(pattern, kind="stable")
    rows = says[order]
    return Exposure(
        intervals=intervals,
        at_risk=at_risk.astype(np.int64),
        ended=ended.astype(np.int64),
        mass=mass,
        n_spells=int(weight.sum()),
        design=matrix[used[says[chosen]]],
        pattern=pattern[order],
        first=low[rows],
        last=high[rows],
        weight=pull[rows].astype(np.float64),
        churned=(churned & (before < high))[rows],
        row=used[rows],
        edges=_edges_of_blocks(pattern[order], high[rows], chosen.size),
    )


def _totals_by_interval(
    first: Ints, last: Ints, weight: NDArray[Any], churned: NDArray[np.bool_], origin: int
) -> tuple[Ints, Floats, Floats]:
    """The intervals, and for each what the spells at risk, and those that ended, weigh."""
    size = int(last.max()) - origin + 2
    begun, over, ended = (
        np.bincount(when - origin, n, size)
        for when, n in ((first, weight), (last + 1, weight), (last, weight * churned))
    )
    at_risk = np.asarray(np.cumsum(begun - over)[:-1], np.float64)
    return np.arange(origin, origin + size - 1), at_risk, np.asarray(ended[:-1], np.float64)


def _edges_of_blocks(pattern: NDArray[np.intp], last: Ints, n: int) -> tuple[int, ...]:
    """Where to cut the patterns, which are sorted by how long they are seen, into blocks."""
    longest = np.zeros(n, np.int64)
    np.maximum.at(longest, pattern, last)
    edges = [0]
    while edges[-1] < n:
        ahead = longest[edges[-1] :][: _CELLS // int(longest[edges[-1]])]
        cells = np.arange(1, ahead.size + 1) * ahead
        edges.append(edges[-1] + max(1, int(np.searchsorted(cells, _CELLS, "right"))))
    return tuple(edges)


def _patterns_of_rows(matrix: Floats, last: Ints) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row the number of its pattern, and a row for each pattern.

    Rows that agree are one pattern, unless hardly any do. Patterns are numbered by how long they
    are seen.
    """
    n = matrix.shape[0]
    code = np.zeros(n, np.intp)
    chosen = np.zeros(min(n, 1), np.intp)
    for column in matrix.T:
        values, place = np.unique(column, return_inverse=True)
        _, chosen, code = np.unique(
            code * values.size + place, return_index=True, return_inverse=True
        )
        if chosen.size > n / 2:
            code = chosen = np.arange(n)
            break
    longest = np.zeros(chosen.size, np.int64)
    np.maximum.at(longest, code, last)
    order = np.argsort(longest, kind="stable")
    number = np.empty(order.size, np.intp)
    number[order] = np.arange(order.size)
    return number[code], chosen[order]

"""The area under the survival curve of a step function of hazard, for millions of customers.

Wanted is ∫ over 0 ≤ u ≤ horizon of exp(−e^η (H(start + u) − H(start))) du for each customer's η and
start. It is smooth in η: areas are added up once for equally spaced values of η and interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.survival import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DIRECT = 2_000_000  # rows × steps that are simply added up
_CHUNK = 65_536
_MOST_CELLS = 8_192  # more steps than this are joined to cells
_POINTS = 6  # of interpolation
_SPACING = 0.06  # of η: relative errors then stay below 1e-7
_MOST_NODES = 401
_SPENT = 300.0  # behind so much hazard survival leaves the range of floats


def step_area(
    duration: Floats, hazard: Floats, eta: Floats, start: Floats, horizon: float
) -> Floats:
    """The area for each row, to a relative error below 1e-7; exact for few rows.

    Args:
        duration: where the cumulative hazard H takes its steps, ascending.
        hazard: H after each of them.
        eta: the logarithm of what it is multiplied by, one a row.
        start: where the area begins.
        horizon: how far it reaches.
    """
    found = np.empty(eta.size)
    with np.errstate(over="ignore"):
        risk = np.exp(eta)
    direct = np.ones(eta.size, np.bool_)
    if eta.size * duration.size > _DIRECT:
        nodes = _nodes(eta)
        direct = (eta < nodes[2]) | (eta > nodes[-3])
        direct |= risk * steps.at(duration, hazard, start, 0.0) > _SPENT
        rows = np.flatnonzero(~direct)
        table = _Table.of(duration, hazard, nodes, float(start.max(initial=0.0)) + horizon)
        found[rows] = table.areas(eta[rows], start[rows], horizon)
    rows = np.flatnonzero(direct)
    for some in _chunks(rows, max(1, _DIRECT // max(duration.size, 1))):
        found[some] = _added_up(duration, hazard, risk[some], start[some], horizon)
    return found


def _chunks(rows: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    for first in range(0, rows.size, size):
        yield rows[first : first + size]


def _nodes(eta: Floats) -> Floats:
    """Equally spaced values of η around most of the rows, with room for interpolation."""
    low, high = float(eta.min()), float(eta.max())
    if high - low > (_MOST_NODES - _POINTS) * _SPACING:
        middle = float(np.median(eta))
        reach = (_MOST_NODES - _POINTS) * _SPACING / 2
        low, high = middle - reach, middle + reach
    n = int(np.ceil((high - low) / _SPACING)) + _POINTS
    return np.asarray(low + _SPACING * (np.arange(n) - (_POINTS // 2 - 0.5)))


def _added_up(
    duration: Floats, hazard: Floats, risk: Floats, start: Floats, horizon: float
) -> Floats:
    """Step by step: exact, and as many numbers as there are rows and steps."""
    end = start + horizon
    edges = np.clip(duration[None, :], start[:, None], end[:, None])
    widths = np.diff(np.concatenate([start[:, None], edges, end[:, None]], axis=1), axis=1)
    behind = steps.at(duration, hazard, start, 0.0)
    heights = np.maximum(np.concatenate([[0.0], hazard])[None, :] - behind[:, None], 0.0)
    spent = np.zeros(heights.shape)
    with np.errstate(over="ignore"):
        np.multiply(risk[:, None], heights, out=spent, where=heights > 0)
    return np.asarray((widths * np.exp(-spent)).sum(axis=1))


@dataclass(frozen=True, slots=True)
class _Table:
    """Areas from each edge of a cell to the end, for each node.

    Attributes:
        duration: where H takes its steps.
        hazard: H, from 0 on, between the steps.
        integral: ∫ H from 0 to each step.
        cell: the cell that each stretch between two steps lies in.
        edge: where each cell ends.
        nodes: values of η.
        beyond: the area under exp(−e^η H) from the end of each cell to the end of all, one column a
            node.
    """

    duration: Floats
    hazard: Floats
    integral: Floats
    cell: NDArray[np.intp]
    edge: Floats
    nodes: Floats
    beyond: Floats

    @classmethod
    def of(cls, duration: Floats, hazard: Floats, nodes: Floats, end: float) -> _Table:
        """The table up to an end, behind which nothing is asked."""
        inside = int(np.searchsorted(duration, end, side="left"))
        edges = np.concatenate([[0.0], duration[:inside], [end]])
        height, width = np.concatenate([[0.0], hazard[:inside]]), np.diff(edges)
        size = -(-height.size // _MOST_CELLS)
        first = np.arange(0, height.size, size)
        span = np.maximum(np.add.reduceat(width, first), np.finfo(np.float64).tiny)
        mean = np.add.reduceat(height * width, first) / span
        away = height - np.repeat(mean, size)[: height.size]
        square = np.add.reduceat(away * away * width, first) / span
        risk = np.exp(nodes)
        area = np.exp(-mean[:, None] * risk) * (1 + square[:, None] / 2 * risk**2) * span[:, None]
        beyond = np.concatenate([np.cumsum(area[::-1], axis=0)[-2::-1], np.zeros((1, nodes.size))])
        return cls(
            duration=edges[1:-1],
            hazard=height,
            integral=np.concatenate([[0.0], np.cumsum(height * width)]),
            cell=np.arange(height.size) // size,
            edge=edges[np.append(first[1:], height.size)],
            nodes=nodes,
            beyond=beyond,
        )

    def areas(self, eta: Floats, start: Floats, horizon: float) -> Floats:
        """The areas, interpolated."""
        found = np.empty(eta.size)
        for rows in _chunks(np.arange(eta.size), _CHUNK):
            found[rows] = self._some(eta[rows], start[rows], horizon)
        return found

    def _some(self, eta: Floats, start: Floats, horizon: float) -> Floats:
        where = (eta - self.nodes[0]) / _SPACING
        first = np.clip(where.astype(np.intp) - 2, 0, self.nodes.size - _POINTS)
        behind = self.hazard[steps.passed(self.duration, start)]
        ends = [self._rest(time) for time in (start, start + horizon)]
        total = np.zeros(eta.size)
        for j, share in enumerate(_lagrange(where - first)):
            risk = np.exp(self.nodes[first + j])
            from_start, from_end = (
                np.exp(-risk * mean) * rest + self.beyond[cell, first + j]
                for cell, rest, mean in ends
            )
            total += share * (from_start - from_end) * np.exp(risk * behind)
        return total

    def _rest(self, time: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
        """The cell of each time, how much of it lies ahead, and the mean of H there."""
        step = steps.passed(self.duration, time)
        cell = self.cell[step]
        rest = self.edge[cell] - time
        if self.cell.size == self.edge.size:
            return cell, rest, self.hazard[step]
        since = np.concatenate([[0.0], self.duration])[step]
        upto = self.integral[step] + (time - since) * self.hazard[step]
        last = np.searchsorted(self.cell, cell, side="right")
        ahead = np.divide(self.integral[last] - upto, rest, out=0.0 * rest, where=rest > 0)
        return cell, rest, np.clip(ahead, self.hazard[step], self.hazard[last - 1])


def _lagrange(where: Floats) -> Iterator[Floats]:
    """The weights of equally spaced points 0, 1, … at a place among them."""
    for j in range(_POINTS):
        weight = np.ones(where.size)
        for k in range(_POINTS):
            if k != j:
                weight *= (where - k) / (j - k)
        yield weight

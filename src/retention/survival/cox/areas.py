"""The area under the survival curve of a step function of hazard, for millions of customers.

Wanted is ∫ over 0 ≤ u ≤ horizon of exp(−e^η (H(start + u) − H(start))) du for each customer's η and
start. It is smooth in η: areas are added up once for equally spaced values of η and interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.numerics import step_functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DIRECT = 2_000_000  # rows × steps that are simply added up
_CHUNK = 65_536
_MOST_CELLS = 8_192  # more steps than this are joined to cells
_FINE = 0.02  # of hazard within a cell: its area is then known to eight digits
_POINTS = 6  # of interpolation
_SPACING = 0.03  # of η
_MOST_NODES = 801
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
        table = _Table.of(duration, hazard, _nodes(eta), float(start.max()) + horizon)
        step = step_functions.n_passed(table.duration, start)
        direct = ~table.reaches(eta) | (risk * table.hazard[step] > _SPENT)
        for rows in _chunks(np.flatnonzero(~direct), _CHUNK):
            found[rows] = table.areas(eta[rows], start[rows], step[rows], horizon)
    for some in _chunks(np.flatnonzero(direct), max(1, _DIRECT // max(duration.size, 1))):
        found[some] = _area_step_by_step(duration, hazard, risk[some], start[some], horizon)
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


def _area_step_by_step(
    duration: Floats, hazard: Floats, risk: Floats, start: Floats, horizon: float
) -> Floats:
    """Step by step: exact, and as many numbers as there are rows and steps."""
    end = start + horizon
    edges = np.clip(duration[None, :], start[:, None], end[:, None])
    widths = np.diff(np.concatenate([start[:, None], edges, end[:, None]], axis=1), axis=1)
    behind = step_functions.values_at(duration, hazard, start, 0.0)
    heights = np.maximum(np.concatenate([[0.0], hazard])[None, :] - behind[:, None], 0.0)
    spent = np.zeros(heights.shape)
    with np.errstate(over="ignore"):
        np.multiply(risk[:, None], heights, out=spent, where=heights > 0)
    return np.asarray((widths * np.exp(-spent)).sum(axis=1))


@dataclass(frozen=True, slots=True)
class _Table:
    """Areas from the end of each cell to the end of all, for each node.

    A cell is a stretch between two steps; of very many steps those are joined between which H
    hardly rises. With m and v the mean and the variance of H in a cell, its area is its width times
    e^(−e^η m) (1 + e^(2η) v / 2).

    Attributes:
        duration: where H takes its steps.
        hazard: H, from 0 on, between the steps.
        integral: ∫ H from 0 to each step.
        cell: the cell that each stretch between two steps lies in.
        last: how many stretches there are up to the end of each cell.
        edge: where each cell ends.
        rise: by how much H rises within a cell at most.
        nodes: values of η.
        beyond: the area under exp(−e^η H) from the end of each cell to the end of all, one column a
            node.
    """

    duration: Floats
    hazard: Floats
    integral: Floats
    cell: NDArray[np.intp]
    last: NDArray[np.intp]
    edge: Floats
    rise: float
    nodes: Floats
    beyond: Floats

    @classmethod
    def of(cls, duration: Floats, hazard: Floats, nodes: Floats, end: float) -> _Table:
        """The table up to an end, behind which nothing is asked."""
        inside = int(np.searchsorted(duration, end, side="left"))
        edges = np.concatenate([[0.0], duration[:inside], [end]])
        height, width = np.concatenate([[0.0], hazard[:inside]]), np.diff(edges)
        rise = height[-1] / _MOST_CELLS if height.size > _MOST_CELLS else 0.0
        place = np.floor(height / rise) if rise else np.arange(height.size)
        first = np.flatnonzero(np.concatenate([[True], np.diff(place) > 0]))
        last = np.append(first[1:], height.size)
        cell = np.repeat(np.arange(first.size), last - first)
        return cls(
            duration=edges[1:-1],
            hazard=height,
            integral=np.concatenate([[0.0], np.cumsum(height * width)]),
            cell=cell,
            last=last,
            edge=edges[last],
            rise=rise,
            nodes=nodes,
            beyond=_areas_beyond(height, width, cell, first, np.exp(nodes)),
        )

    def reaches(self, eta: Floats) -> NDArray[np.bool_]:
        """Whether the table is fit for these values of η."""
        most = self.nodes[-3]
        if self.rise:
            most = min(most, np.log(_FINE / self.rise))
        return np.asarray((eta >= self.nodes[2]) & (eta <= most))

    def areas(self, eta: Floats, start: Floats, step: NDArray[np.intp], horizon: float) -> Floats:
        """The areas, interpolated, given how many steps lie behind each start."""
        where = (eta - self.nodes[0]) / _SPACING
        first = np.clip(where.astype(np.intp) - 2, 0, self.nodes.size - _POINTS)
        end = start + horizon
        ends = [
            self._rest_of_cell(start, step),
            self._rest_of_cell(end, step_functions.n_passed(self.duration, end)),
        ]
        logarithm = np.zeros(eta.size)
        for j, share in enumerate(_lagrange_weights(where - first)):
            risk = np.exp(self.nodes[first + j])
            from_start, from_end = (
                np.exp(-risk * mean) * rest + self.beyond[cell, first + j]
                for cell, rest, mean in ends
            )
            area = np.maximum(from_start - from_end, np.finfo(np.float64).tiny)
            logarithm += share * (np.log(area) + risk * self.hazard[step])
        return np.asarray(np.exp(logarithm))

    def _rest_of_cell(
        self, time: Floats, step: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], Floats, Floats]:
        """The cell of each time, how much of it lies ahead, and the mean of H there."""
        cell = self.cell[step]
        rest = self.edge[cell] - time
        if not self.rise:
            return cell, rest, self.hazard[step]
        since = np.concatenate([[0.0], self.duration])[step]
        upto = self.integral[step] + (time - since) * self.hazard[step]
        last = self.last[cell]
        ahead = np.divide(self.integral[last] - upto, rest, out=0.0 * rest, where=rest > 0)
        return cell, rest, np.clip(ahead, self.hazard[step], self.hazard[last - 1])


def _areas_beyond(
    height: Floats, width: Floats, cell: NDArray[np.intp], first: NDArray[np.intp], risk: Floats
) -> Floats:
    """The areas of the cells, added up from behind, less their own."""
    span = np.add.reduceat(width, first)
    some = np.where(span > 0, span, 1.0)
    mean = np.add.reduceat(height * width, first) / some
    variance = np.add.reduceat((height - mean[cell]) ** 2 * width, first) / some
    area = np.exp(-mean[:, None] * risk) * (1 + variance[:, None] / 2 * risk**2) * span[:, None]
    return np.concatenate([np.cumsum(area[:0:-1], axis=0)[::-1], np.zeros((1, risk.size))])


def _lagrange_weights(where: Floats) -> Iterator[Floats]:
    """The weights of equally spaced points 0, 1, … at a place among them."""
    for j in range(_POINTS):
        weight = np.ones(where.size)
        for k in range(_POINTS):
            if k != j:
                weight *= (where - k) / (j - k)
        yield weight

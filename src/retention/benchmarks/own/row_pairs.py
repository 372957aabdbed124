"""Which rows of a table of rates are compared: all pairs, each with one, or each with the rest."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.benchmarks.own.rate_differences import RatePairs
from retention.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.benchmarks.own.counted_rates import CountedRates

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

EACH_OTHER, REST = "each other", "rest"
_MOST = 100_000
"""More comparisons than this nobody reads."""


def _label_of_group(group: object) -> str:
    """A group as the answer names it: a day of any kind as 2024-01-31, true or false, a number."""
    if isinstance(group, bool | np.bool_):
        return str(group).lower()
    return str(group)[:10] if isinstance(group, date | np.datetime64) else str(group)


class PairsOfRows:
    """Which rows are compared: each row with another one, or with the rest of its cell."""

    def __init__(self, rates: CountedRates, of: str, by: Sequence[str], against: object) -> None:
        against = _label_of_group(against)
        self.rates, self.of = rates, of
        self.labels = rates.keys[of].astype(str).astype(object)
        self.cell = rates.cells_of(by)
        self.order = np.lexsort([rates.cells_of([of]), self.cell])
        self.with_rest = against == REST
        self.n_rest, self.k_rest = self._rest_of_cells()
        if against in (EACH_OTHER, REST) and (self.labels == against).any():
            raise ContentError(f"A group of {of!r} is called {against!r}. Rename it.")
        if against == EACH_OTHER:
            self.one, self.other = self._each_with_later()
        elif self.with_rest:
            self.one = self.order[self.cells_with_others()[self.order]]
            self.other = self.one
        else:
            self.one, self.other = self._each_with(against)
        self.size = self.one.size

    def cells_with_others(self) -> NDArray[np.bool_]:
        """The rows in whose cell there is another one."""
        return np.bincount(self.cell, minlength=self.cell.size)[self.cell] > 1

    def _rest_of_cells(self) -> tuple[Floats, Floats]:
        n, k = np.nan_to_num(self.rates.n), np.nan_to_num(self.rates.k)
        all_n, all_k = (np.bincount(self.cell, weights=values) for values in (n, k))
        return all_n[self.cell] - n, all_k[self.cell] - k

    def _each_with_later(self) -> tuple[Rows, Rows]:
        """Each row of a cell with those behind it."""
        sizes = np.bincount(self.cell) if self.cell.size else np.zeros(0, np.intp)
        n = int((sizes * (sizes - 1) // 2).sum())
        if n > _MOST:
            raise ContentError(
                f"{self.of!r} makes {n:,} pairs, more than {_MOST:,}. Say `against=`, one of its "
                f"groups, or `against={REST!r}`."
            )
        place = np.arange(self.order.size)
        start = np.repeat(np.cumsum(sizes) - sizes, sizes)
        behind = np.repeat(sizes, sizes) - (place - start) - 1
        one = np.repeat(place, behind)
        first = np.repeat(np.cumsum(behind) - behind, behind)
        other = one + 1 + np.arange(one.size) - first
        return self.order[one], self.order[other]

    def _each_with(self, against: str) -> tuple[Rows, Rows]:
        """Each other row of a cell with that of the group named."""
        there = np.flatnonzero(self.labels == against)
        if not there.size and self.labels.size:
            known = ", ".join(map(repr, sorted(set(self.labels.tolist()))[:8]))
            raise ContentError(
                f"`against` names {against!r}, which is no group of {self.of!r}. There is: {known};"
                f" or say {EACH_OTHER!r} or {REST!r}."
            )
        row_of = np.full(self.cell.size + 1, -1, np.intp)
        row_of[self.cell[there]] = there
        other = row_of[self.cell[self.order]]
        compared = (other >= 0) & (other != self.order)
        return self.order[compared], other[compared]

    def counted_sides(self) -> RatePairs:
        """The counts of both sides, as of different customers."""
        rates, one = self.rates, self.one
        n_other = self.n_rest[one] if self.with_rest else rates.n[self.other]
        k_other = self.k_rest[one] if self.with_rest else rates.k[self.other]
        return RatePairs(rates.k[one], rates.n[one], k_other, n_other, np.zeros(one.size))

    def other_names(self) -> NDArray[Any]:
        """The name of the other side."""
        if self.with_rest:
            return np.full(self.one.size, REST, dtype=object)
        return np.asarray(self.labels[self.other])

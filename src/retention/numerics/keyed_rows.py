"""Rows counted, summed and found by whole-number keys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Some = NDArray[np.bool_] | NDArray[np.intp]

_LARGEST = 2**62
"""Numbers that hold several are below it."""

_FEW_ROWS = 3
"""So far ahead, keys that ascend are compared row by row: cheaper than to look for them."""

_BLOCK = 2**17
"""So many rows are worked on at once: what is made of them stays small, and near the processor."""

_DENSE = 8
"""Cells are held side by side where at most so many are possible for each row."""


def starts_of_runs(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value is not the one before; the first is not."""
    changed = np.empty(values.size, bool)
    changed[:1] = True
    np.not_equal(values[1:], values[:-1], out=changed[1:])
    return changed


def different_keys(key: Whole, size: int) -> Whole:
    """The different ones of some keys from 0 to below `size`, ascending.

    They are sorted as numbers of 32 bits where these hold them, which takes half as long.
    """
    ordered = key.astype(np.uint32) if size <= 2**32 else key.copy()
    ordered.sort()
    return ordered[starts_of_runs(ordered)].astype(np.int64)


class KeyedRows:
    """The cells that rows lie in, for sums by cell.

    Attributes:
        keys: the keys of the cells in which rows lie, ascending.
    """

    def __init__(self, key: Whole, size: int, keys: Whole | None = None) -> None:
        """Take the cell of each row.

        Args:
            key: of the cell that each row lies in, from 0 to below `size`.
            size: how many there may be.
            keys: the different ones, ascending, where they are known.
        """
        if size <= max(_DENSE * key.size, 1000):
            self._place, self._n = key, size
            self.keys = np.flatnonzero(np.bincount(key, minlength=size)) if keys is None else keys
            self._at = self.keys
            return
        import pandas as pd

        self._place, found = pd.factorize(key)
        self._n = found.size
        self._at = np.argsort(found)
        self.keys = found[self._at]

    def counts(self, rows: Some | None = None) -> Whole:
        """How many rows lie in each cell, of all or of some."""
        place = self._place if rows is None else self._place[rows]
        return np.bincount(place, minlength=self._n)[self._at].astype(np.int64, copy=False)

    def sums(self, values: Floats, rows: Some | None = None) -> Floats:
        """The sum of a value in each cell, of all rows or of some, for which the values are."""
        place = self._place if rows is None else self._place[rows]
        total = np.bincount(place, values, self._n)[self._at]
        return total.astype(np.float64, copy=False)

    def sums_of_terms(self, terms: Callable[[slice], Mapping[str, Floats]]) -> dict[str, Floats]:
        """The sums in each cell of what is made of the rows, stretch by stretch.

        Args:
            terms: what there is to sum of a stretch of rows.
        """
        step = max(_BLOCK, self._n)
        found: dict[str, Floats] = {}
        for start in range(0, max(self._place.size, 1), step):
            rows = slice(start, start + step)
            for name, values in terms(rows).items():
                total: Floats = np.bincount(self._place[rows], values, self._n).astype(np.float64)
                found[name] = found[name] + total if name in found else total
        return {name: total[self._at] for name, total in found.items()}

    def of_rows(self, values: Floats) -> Floats:
        """For each row the value of its cell."""
        spread = np.zeros(self._n)
        spread[self._at] = values
        return spread[self._place]

    def least_below_zero(self, values: Floats) -> Floats:
        """The lowest value in each cell, or 0 where none is below it."""
        least = np.zeros(self._n)
        below = np.flatnonzero(values < 0)
        np.minimum.at(least, self._place[below], values[below])
        return least[self._at]


def cells_of_keys(keys: Mapping[str, Whole]) -> tuple[KeyedRows, dict[str, Whole]] | None:
    """The cells that rows with the same whole numbers lie in, and the numbers of each cell.

    None where there is no row, or no number holds them all.
    """
    if not all(values.size for values in keys.values()):
        return None
    lows = {name: int(values.min()) for name, values in keys.items()}
    widths = {name: int(values.max()) - lows[name] + 1 for name, values in keys.items()}
    if math.prod(widths.values()) >= _LARGEST:
        return None
    key = np.zeros(next(iter(keys.values())).size, np.int64)
    for name, values in keys.items():
        key *= widths[name]
        key += values
        key -= lows[name]
    cells = KeyedRows(key, math.prod(widths.values()))
    found, rest = {}, cells.keys
    for name in reversed([*keys]):
        rest, place = np.divmod(rest, widths[name])
        found[name] = place + lows[name]
    return cells, found


def row_of_key(key: Whole, size: int, wanted: Whole) -> Whole:
    """Which row has the key that is wanted; −1 where none has it.

    Args:
        key: of each row, from 0 to below `size`, each once.
        size: how many there may be.
        wanted: keys, in the same range.
    """
    ascending = bool((key[1:] > key[:-1]).all())
    if not ascending and size <= max(_DENSE * key.size, 1000):
        row = np.full(size, -1, np.int32 if key.size < 2**31 else np.int64)
        row[key] = np.arange(key.size)
        return row[wanted].astype(np.int64)
    order = None if ascending else np.argsort(key, kind="stable")
    ordered = key if order is None else key[order]
    place = np.minimum(np.searchsorted(ordered, wanted), key.size - 1)
    found = np.where(ordered[place] == wanted, place, -1)
    return found if order is None else np.where(found < 0, -1, order[found])


def row_of_later_key(key: Whole, size: int, at: NDArray[np.intp], ahead: int) -> Whole:
    """Which row has the key that lies so far above that of each of some rows; −1 where none has it.

    Where keys ascend, it is among the next `ahead` rows.

    Args:
        key: of each row, from 0 to below `size`, each once.
        size: how many there may be; no key wanted is as large.
        at: the rows for which it is asked.
        ahead: how far above, 1 or more.
    """
    wanted = key[at] + ahead
    if ahead > _FEW_ROWS or not (key[1:] > key[:-1]).all():
        return row_of_key(key, size, wanted)
    row = np.full(at.size, -1, np.int64)
    for step in range(1, ahead + 1):
        here = np.minimum(at + step, key.size - 1)
        np.copyto(row, here, where=key[here] == wanted)
    return row

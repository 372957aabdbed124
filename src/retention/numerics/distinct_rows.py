"""Rows of numbers that are alike, gathered: the different ones, and where each row went.

Every value gets a whole number, the numbers of a row make one key, and keys are counted. It goes
through the rows a stretch at a time: fresh memory costs more than the arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics.newton import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

_DENSE = 8
"""Keys are counted without sorting where at most so many are possible for each that there is."""

_LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows, gathered.

    Attributes:
        columns: the different rows, sorted by the columns in turn.
        n: how many rows there are of each.
        key: a number for each row, alike for rows that are.
        keys: the keys of the different rows, ascending.
    """

    columns: tuple[Floats, ...]
    n: Whole
    key: Whole
    keys: Whole

    def places(self) -> Whole:
        """Which of the different rows each row is."""
        size = int(self.keys[-1]) + 1
        if not _is_dense(size, self.key.size):
            return np.searchsorted(self.keys, self.key).astype(np.int64, copy=False)
        place = np.zeros(size, np.int64)
        place[self.keys] = np.arange(self.keys.size)
        return place[self.key]


def distinct_rows(columns: Sequence[Floats], each: NDArray[Any] | None = None) -> Alike:
    """The different rows of a table.

    Args:
        columns: numbers of one length, finite; one row at least.
        each: how many a row stands for; one where it is not given.
    """
    scales = [_scale_of(values) for values in columns]
    sizes = [scale.size for scale in scales]
    if math.prod(sizes) >= _LARGEST:
        return _distinct_by_sorting(columns, each)
    key = np.zeros(columns[0].size, np.int64)
    for scale, values in zip(scales, columns, strict=True):
        for part in chunks(key.size):
            key[part] *= scale.size
            key[part] += scale.code(values[part])
    keys, n = _different_keys(key, math.prod(sizes), each)
    codes = np.unravel_index(keys, sizes)
    different = (scale.values(code) for scale, code in zip(scales, codes, strict=True))
    return Alike(tuple(different), n, key, keys)


@dataclass(frozen=True, slots=True)
class _Steps:
    """Values that are whole days, or weeks of whole days: `low` is the least, in days."""

    low: float
    size: int
    days: int

    def code(self, values: Floats) -> Whole:
        return (np.rint(values * self.days) - self.low).astype(np.int64)

    def values(self, code: NDArray[np.intp]) -> Floats:
        return (self.low + code) / self.days


@dataclass(frozen=True, slots=True)
class _Listed:
    """Values of no pattern, ascending."""

    different: Floats

    @property
    def size(self) -> int:
        return self.different.size

    def code(self, values: Floats) -> Whole:
        return np.searchsorted(self.different, values).astype(np.int64, copy=False)

    def values(self, code: NDArray[np.intp]) -> Floats:
        return self.different[code]


def _scale_of(values: Floats) -> _Steps | _Listed:
    """How the values of a column are numbered, in their order."""
    least, most = float(values.min()), float(values.max())
    for days in (1, 7):
        low, size = np.rint(least * days), np.rint(most * days) - np.rint(least * days) + 1
        if _is_dense(size, values.size) and _are_whole(values, days):
            return _Steps(float(low), int(size), days)
    from pandas import unique

    return _Listed(np.sort(unique(values)))


def _are_whole(values: Floats, days: int) -> bool:
    """Whether the values are whole numbers divided by `days`."""
    parts = (values[part] for part in chunks(values.size))
    return all(bool((np.rint(part * days) / days == part).all()) for part in parts)


def _different_keys(key: Whole, size: int, each: NDArray[Any] | None) -> tuple[Whole, Whole]:
    """The different keys, ascending, and how many rows there are of each."""
    weights = None if each is None else each.astype(np.float64)  # exact up to 2^53
    if _is_dense(size, key.size):
        n = np.bincount(key, weights=weights, minlength=size).astype(np.int64)
        keys = np.flatnonzero(n).astype(np.int64, copy=False)
        return keys, n[keys]
    if weights is None:
        keys, n = np.unique(key, return_counts=True)
        return keys, n.astype(np.int64, copy=False)
    keys, place = np.unique(key, return_inverse=True)
    return keys, np.bincount(place, weights=weights).astype(np.int64)


def _distinct_by_sorting(columns: Sequence[Floats], each: NDArray[Any] | None) -> Alike:
    """The same by sorting whole rows, where no number holds a key."""
    rows, key = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    keys, n = _different_keys(key.reshape(-1).astype(np.int64), len(rows), each)
    return Alike(tuple(np.ascontiguousarray(rows.T)), n, key.reshape(-1), keys)


def _is_dense(size: float, n: int) -> bool:
    return size <= max(_DENSE * n, 1000)

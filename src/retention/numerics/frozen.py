"""Numbers as frozen models keep them: tuples, None for what cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


Numbers = tuple[float | None, ...]


def numbers(values: Numbers) -> Floats:
    """An array, NaN where a number is missing."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def table(rows: tuple[Numbers, ...], n: int) -> Floats:
    """A square array of n rows, NaN where a number is missing."""
    return np.array([numbers(row) for row in rows]).reshape(n, n)


def frozen(values: Floats) -> Numbers:
    """An array as a value may hold it: missing is None."""
    return tuple(value if np.isfinite(value) else None for value in values.tolist())


def frozen_table(values: Floats) -> tuple[Numbers, ...]:
    """A two-dimensional array as a value may hold it."""
    return tuple(frozen(row) for row in values)

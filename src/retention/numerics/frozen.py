"""Numbers as frozen models keep them: tuples, None for what cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


Numbers = tuple[float | None, ...]

Status = Literal["converged", "separated", "boundary", "flat", "not converged"]
"""How a fit ended: "separated" where a covariate tells ends from the rest without a fault and its
coefficient has no bound, "boundary" where a parameter runs to 0 or to infinity, "flat" where the
data do not tell the parameters."""


def array_of_numbers(values: Numbers) -> Floats:
    """An array, NaN where a number is missing."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def array_of_table(rows: tuple[Numbers, ...], n: int) -> Floats:
    """A square array of n rows, NaN where a number is missing."""
    return np.array([array_of_numbers(row) for row in rows]).reshape(n, n)


def frozen_numbers(values: Floats) -> Numbers:
    """An array as a value may hold it: missing is None."""
    return tuple(value if np.isfinite(value) else None for value in values.tolist())


def frozen_table(values: Floats) -> tuple[Numbers, ...]:
    """A two-dimensional array as a value may hold it."""
    return tuple(frozen_numbers(row) for row in values)


def rows_of_estimates(estimates: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """A table of estimates as text to be printed, its headings first; none if it has no row."""
    if estimates.empty:
        return ()
    headings = tuple(map(str, estimates.columns))
    return (headings, *(tuple(map(_cell_in_short, row)) for row in estimates.to_numpy()))


def _cell_in_short(value: object) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.4g}"
    return "–" if value is None else str(value)

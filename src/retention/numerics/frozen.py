"""Numbers as frozen models keep them: tuples, None for what cannot be told."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def fit_as_text(head: str, estimates: pd.DataFrame, notes: Sequence[str]) -> str:
    """A fitted model as a small table under what it was fitted on, with its notes."""
    shown = estimates.to_string(index=False, float_format=_number_in_short, na_rep="–")
    return "\n".join([head, *[shown] * (not estimates.empty), *notes])


def fit_as_html(head: str, estimates: pd.DataFrame, notes: Sequence[str]) -> str:
    """The same for a notebook."""
    table = estimates.to_html(index=False, float_format=_number_in_short, na_rep="–", border=0)
    told = [f"<p>{escape(text)}</p>" for text in (head, *notes)]
    return "\n".join([told[0], *[table] * (not estimates.empty), *told[1:]])


def _number_in_short(value: float) -> str:
    return f"{value:.4g}"

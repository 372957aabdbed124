"""What likelihoods share in which rates of buying are Gamma(r, α)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def customers_with_more(x: Floats, n: NDArray[np.int64]) -> Floats:
    """How many customers have an x of more than j, for j = 0, 1, 2 and so on."""
    counts = np.bincount(x.astype(np.int64), weights=n)
    return np.asarray(counts[::-1].cumsum()[::-1][1:])


def sum_of_log_rates(r: float, beyond: Floats) -> tuple[float, Floats, Floats]:
    """Σ over customers of Σ_{j<x} log(r + j), with derivatives: gamma functions would cancel."""
    at = r + np.arange(beyond.size)
    return (
        float(beyond @ np.log(at)),
        np.array([beyond @ (1 / at)]),
        np.array([[-(beyond @ at**-2.0)]]),
    )

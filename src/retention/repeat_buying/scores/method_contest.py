"""Which of several scores told best who would fall silent, compared customer by customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SURE = 0.95
"""How sure it must be that one is better; what bounds are asked for changes no choice."""

_WORSE = 1.01


def best_method(told: Mapping[str, Floats], silent: Floats) -> str | None:
    """The first method that none is clearly better than; None if there is none.

    The mean squared errors are compared with the lowest of them, by their differences customer by
    customer. Clearly worse is a method whose mean difference lies above 0 with its lower bound and
    is 1 % of the lowest at least: of a million customers any difference is sure.

    Args:
        told: what each method said of each customer, the preferred one first; one that had nothing
            to say of some is not compared.
        silent: 1 for a customer who bought nothing since, else 0.
    """
    errors = {
        name: (chance - silent) ** 2 for name, chance in told.items() if not np.isnan(chance).any()
    }
    if not errors:
        return None
    least = min(errors, key=lambda name: float(errors[name].mean()))
    return next(
        name
        for name in errors
        if errors[name].mean() < _WORSE * errors[least].mean()
        or not is_clearly_above(errors[name] - errors[least], _SURE)
    )


def is_clearly_above(values: Floats, level: float) -> bool:
    """Whether the mean of some values lies above 0 with its lower bound."""
    spread = float(values.std(ddof=1)) if values.size > 1 else np.inf
    least = values.mean() - intervals.quantile_of(level) * spread / np.sqrt(values.size)
    return bool(least > 0)


def mean_squared_error(told: Floats, silent: Floats) -> float:
    """Of the customers of whom something was told; NaN of none."""
    known = ~np.isnan(told)
    return float(((told - silent)[known] ** 2).mean()) if known.any() else float("nan")

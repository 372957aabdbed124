"""Whether the arms of a holdout are as large as planned; if not, customers were lost by the arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import warn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEAST_P = 0.001
"""Below it arms of other sizes than planned are no chance finding."""


def checked_ratio(treated: NDArray[np.bool_], weight: Floats) -> float:
    """The chance of arms so unequal if they were drawn as planned; a warning where it is small.

    Of each customer ±1/share has the mean 0, and of two arms of constant shares the square of
    the sum over its spread is chi-squared.

    Args:
        treated: who was treated.
        weight: one over the planned share of the own arm.
    """
    if np.allclose(1 / weight[treated], 1 / weight[treated][0]) and np.allclose(
        weight[~treated], weight[~treated][0]
    ):
        one, other = 1 / weight[treated][0], 1 / weight[~treated][0]
        planned = one / (one + other)
        spread = np.sqrt(treated.size * planned * (1 - planned))
        z = (treated.sum() - treated.size * planned) / spread
    else:
        z = (weight * np.where(treated, 1, -1)).sum() / np.sqrt((weight**2).sum())
    p = float(intervals.p_value(z))
    if p < LEAST_P:
        warn(
            f"outcomes: {int(treated.sum()):,} of {treated.size:,} were treated, which is not as "
            f"planned by `share` (p = {p:.2g}). Customers were lost, or came in, by the arm they "
            "were in, and the arms may differ for that alone: find out how before you read a gain."
            f"{_other_reading(weight)}"
        )
    return p


def _other_reading(weight: Floats) -> str:
    """What else unequal arms may come from: the share of the treated in everybody's row."""
    share = 1 / float(weight[0])
    if share == 0.5 or not np.allclose(weight, weight[0]):
        return ""
    return (
        f" Or does `share` say {share:g} of the treated in every row? It must say of the control "
        f"{1 - share:g}, the share of the own arm; or name the number, as in share={share:g}."
    )

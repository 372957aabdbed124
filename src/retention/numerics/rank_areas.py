"""The area under the ROC curve: the chance that one of a class outranks one of the other.

Rows of one customer are not independent of each other, so errors are of sums over customers:
DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, with the clusters of Obuchowski (1997),
Biometrics 53.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


def area_under_curve(values: NDArray[Any], positive: Flags) -> float:
    """The chance that a positive has the higher value than a negative, ties counted half.

    NaN where there are none of one class.

    Args:
        values: numbers, none missing.
        positive: of which class each row is.
    """
    if not (positive.any() and not positive.all()):
        return float("nan")
    return float(_shares_outranked(values, positive)[positive].mean())


def area_with_terms(values: NDArray[Any], positive: Flags) -> tuple[float, Floats]:
    """The area, and what each row adds to its error: terms that sum to 0 within each class.

    Args:
        values: as in `area_under_curve`.
        positive: likewise, with both classes.
    """
    share = _shares_outranked(values, positive)
    area = float(share[positive].mean())
    n = np.where(positive, positive.sum(), (~positive).sum())
    return area, (share - area) / n


def error_of_groups(terms: Floats, group: NDArray[np.intp]) -> float:
    """The standard error of a sum whose terms are dependent within groups, such as customers.

    Args:
        terms: of each row, of sum 0.
        group: the number of the group of each row, from 0 on.
    """
    sums = np.bincount(group, weights=terms)
    here = np.bincount(group) > 0
    n = int(here.sum())
    if n < 2:
        return float("nan")
    return float(np.sqrt(n / (n - 1) * (sums[here] ** 2).sum()))


def _shares_outranked(values: NDArray[Any], positive: Flags) -> Floats:
    """For each row the share of the other class that it is on the right side of, ties half."""
    share = np.empty(values.size)
    for here, sign in ((positive, 1), (~positive, -1)):
        others = np.sort(sign * values[~here])
        mine = sign * values[here]
        below, upto = (np.searchsorted(others, mine, side=side) for side in ("left", "right"))
        share[here] = (below + upto) / (2 * others.size)
    return share

"""Lists that grow by falling uplift, step by step: who is in them, and how each arm fares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.survival.scores.calibration_and_lift import group_of_rows
from retention.survival.scores.scored_tables import places_of_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GrowingLists:
    """The lists, each with those before it in it; customers of equal uplift come in together.

    Attributes:
        step: for each customer the list in which they come in, the first is 0.
        threshold: the least uplift in each list.
        n_treated: customers of each list that were treated.
        n_control: those that were not.
    """

    step: NDArray[np.intp]
    threshold: Floats
    n_treated: NDArray[np.int64]
    n_control: NDArray[np.int64]

    @property
    def n(self) -> NDArray[np.int64]:
        """Customers of each list."""
        return self.n_treated + self.n_control

    @property
    def share(self) -> Floats:
        """The same, of all customers."""
        return np.asarray(self.n / self.n[-1])


@dataclass(frozen=True, slots=True)
class Means:
    """Of one arm, in each list, the mean of the outcome and its variance; NaN where nobody is.

    Attributes:
        n: customers.
        total: the sum of the outcome.
        mean: total / n.
        variance: of the outcome, with n − 1; NaN below two customers.
    """

    n: Floats
    total: Floats
    mean: Floats
    variance: Floats


def growing_lists(
    uplift: Floats, treated: NDArray[np.bool_], groups: int | None = None
) -> GrowingLists:
    """The lists from the highest uplift on: one for each value, or about so many groups.

    Args:
        uplift: the score of each customer, higher where the offer is thought to do more.
        treated: who was treated.
        groups: how many lists, of equal growth as far as ties allow; None for all.
    """
    if groups is None:
        step = places_of_values(-uplift)[1]
    else:
        step = group_of_rows(-uplift, np.ones(uplift.size, np.int64), groups)
    return lists_of_steps(step, uplift, treated)


def lists_of_steps(
    step: NDArray[np.intp], uplift: Floats, treated: NDArray[np.bool_]
) -> GrowingLists:
    """The lists in which customers come in at known steps."""
    size = int(step.max()) + 1
    least = np.full(size, np.inf)
    np.minimum.at(least, step, uplift)
    n_treated = np.cumsum(np.bincount(step[treated], minlength=size))
    n_control = np.cumsum(np.bincount(step[~treated], minlength=size))
    return GrowingLists(step, least, n_treated.astype(np.int64), n_control.astype(np.int64))


def with_both_arms(lists: GrowingLists) -> GrowingLists:
    """The same, where the first lists wait until they have customers of both arms."""
    waits = int(np.argmax((lists.n_treated > 0) & (lists.n_control > 0)))
    step = np.maximum(lists.step - waits, 0)
    return GrowingLists(
        step, lists.threshold[waits:], lists.n_treated[waits:], lists.n_control[waits:]
    )


def means_in_lists(lists: GrowingLists, outcome: Floats, here: NDArray[np.bool_]) -> Means:
    """Mean and variance of one arm in each list.

    Squares are summed within each step about its own mean, and steps are put together by
    M = M₁ + M₂ + (m₂ − m₁)² n₁ n₂ / (n₁ + n₂): nothing is subtracted that is nearly equal.
    """
    size, step, y = lists.threshold.size, lists.step[here], outcome[here]
    came = np.bincount(step, minlength=size).astype(np.float64)
    sums = np.bincount(step, weights=y, minlength=size)
    own = np.divide(sums, came, out=np.zeros(size), where=came > 0)
    within = np.bincount(step, weights=(y - own[step]) ** 2, minlength=size)
    n: Floats = np.cumsum(came)
    total = np.cumsum(sums)
    before = n - came
    earlier = np.divide(total - sums, before, out=np.zeros(size), where=before > 0)
    between = np.divide(before * came, n, out=np.zeros(size), where=n > 0) * (own - earlier) ** 2
    squares = np.cumsum(within + between)
    nothing = np.full(size, np.nan)
    return Means(
        n,
        np.asarray(total, np.float64),
        np.divide(total, n, out=nothing.copy(), where=n > 0),
        np.divide(squares, n - 1, out=nothing.copy(), where=n > 1),
    )

"""Who got there within so many days, of people followed for longer and shorter times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import RetentionError
from retention.numerics import step_functions
from retention.numerics.codes import distinct_segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from retention.frames import Columns

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

DURATION, FOLLOWED, REACHED, N = "_duration", "_followed", "_reached", "_n"
"""Days until they got there or were last seen, days followed, 1 if they did, how many are alike."""


def days_after_start(days: object) -> Whole:
    """The days after the start that are asked about, ascending.

    Raises:
        RetentionError: if they are not whole numbers of at least 0, each once.
    """
    given: list[Any] = [*days] if isinstance(days, Iterable) else [days]
    whole = all(isinstance(day, Integral) and not isinstance(day, bool) for day in given)
    if not given or not whole or min(given) < 0 or len(set(given)) < len(given):
        raise RetentionError(
            f"days must be whole numbers of days, 0 or more, such as [7, 30]; got {days!r}."
        )
    return np.array(sorted(given), np.int64)


@dataclass(frozen=True, slots=True)
class Reached:
    """Counts of people who got there, by segment and day after their start.

    Attributes:
        labels: the values of each segment.
        place: which segment each row of `counted` is of.
        counted: rows of people who are alike.
        days: the days asked about.
    """

    labels: Columns
    place: Whole
    counted: Columns
    days: Whole

    @property
    def size(self) -> int:
        """How many segments there are, one if none was asked for."""
        return len(next(iter(self.labels.values()))) if self.labels else 1

    def total(self, name: str, of: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The sum of a column over the rows meant, for each segment."""
        values = self.counted[name][of].astype(np.float64)
        return np.bincount(self.place[of], values, self.size).astype(np.float64)

    def by_days(self, name: str, *, mature: bool, reached: bool) -> NDArray[np.float64]:
        """The sum of a column for each segment and day, of those followed so long, who got there.

        Args:
            name: the column.
            mature: only of people followed for so many days.
            reached: only of people who got there by then.
        """
        there, far = self.counted[REACHED] == 1, self.counted[FOLLOWED]
        took = self.counted[DURATION]
        every = np.ones(there.size, bool)
        columns = [
            self.total(
                name,
                ((far >= day) if mature else every) & ((there & (took <= day)) | (not reached)),
            )
            for day in self.days.tolist()
        ]
        return np.stack(columns, axis=1).ravel()

    def keys(self) -> Columns:
        """The segments and days of the answer."""
        found = {name: np.repeat(values, self.days.size) for name, values in self.labels.items()}
        return {**found, "days": np.tile(self.days, self.size)}

    def open_by_days(self) -> Whole:
        """How many have not got there and were not followed for so long."""
        waits = self.counted[REACHED] == 0
        far = self.counted[FOLLOWED]
        columns = [self.total(N, waits & (far < day)) for day in self.days.tolist()]
        return np.stack(columns, axis=1).ravel().astype(np.int64)

    def kaplan_meier(self, level: float) -> tuple[NDArray[np.float64], ...]:
        """The share that gets there by each day, whoever was followed less counting so long."""
        # Beyond the longest follow-up nothing happens, however many days are asked about.
        until = np.minimum(self.days, int(self.counted[DURATION].max(initial=0)))
        last = int(until[-1])
        took = np.minimum(self.counted[DURATION], last + 1).astype(np.int64)
        cell, shape = self.place * (last + 2) + took, (self.size, last + 2)
        n = self.counted[N].astype(np.float64)
        left = np.bincount(cell, n, shape[0] * shape[1]).reshape(shape)
        there = self.counted[REACHED] == 1
        came = np.bincount(cell[there], n[there], left.size).reshape(shape)
        at_risk = left[:, ::-1].cumsum(axis=1)[:, ::-1]
        stays = np.cumprod(1 - step_functions.hazard(came, at_risk), axis=1)[:, until]
        spread = np.cumsum(step_functions.greenwood_terms(came, at_risk), axis=1)[:, until]
        mature = self.by_days(N, mature=True, reached=False).reshape(stays.shape)
        known = (mature > 0) | (stays == 0)
        seen = np.where(stays > 0, mature, at_risk[:, :1])
        share = np.where(known, stays, np.nan)
        return share_gone_with_bounds(share.ravel(), spread.ravel(), seen.ravel(), level)

    def mature_columns(self, level: float) -> tuple[Whole, Whole, NDArray[Any], NDArray[Any]]:
        """Of those followed for so many days: how many, how many got there, and Wilson's bounds."""
        n = self.by_days(N, mature=True, reached=False).astype(np.int64)
        k = self.by_days(N, mature=True, reached=True).astype(np.int64)
        return n, k, *intervals.wilson_bounds(k, n, level)


def reached_of_counts(counted: Columns, names: Sequence[str], days: Whole) -> Reached:
    """Counts of people who are alike, segment by segment."""
    labels, place = distinct_segments(counted, names)
    return Reached(labels, place, counted, days)


def share_gone_with_bounds(
    stayed: ArrayLike, variance: ArrayLike, seen: ArrayLike, level: float
) -> tuple[Floats, Floats, Floats]:
    """One minus a Kaplan–Meier share S, with Wilson's bounds of the effective number of customers.

    n' is the number of which nobody censored would leave S the variance that Greenwood's sum V of
    log S gives it: S (1 − S) / n' = S² V.

    Args:
        stayed: S; NaN where it is not known.
        variance: V.
        seen: the number that counts where S is 0 or 1, and V says nothing.
        level: confidence.

    Example:
        Of ten of whom none is censored three leave: n' is 10.

        >>> share, lower, upper = share_gone_with_bounds([0.7], [3 / (10 * 7)], [7], 0.95)
        >>> print(f"{share[0]:.3f} {lower[0]:.4f} {upper[0]:.4f}")
        0.300 0.1078 0.6032

    Source:
        Rothman, K. J. (1978), Journal of Chronic Diseases 31, 557–560.
    """
    s, v = np.asarray(stayed, np.float64), np.asarray(variance, np.float64)
    inside = (s > 0) & (s < 1) & np.isfinite(v) & (v > 0)
    spread = np.where(inside, s, 1.0) * np.where(inside, v, 1.0)
    n = np.where(inside, (1 - s) / spread, np.asarray(seen, np.float64))
    lower, upper = intervals.wilson_bounds((1 - s) * n, n, level)
    known = ~np.isnan(s)
    return 1 - s, np.where(known, lower, np.nan), np.where(known, upper, np.nan)

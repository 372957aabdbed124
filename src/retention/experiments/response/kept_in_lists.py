"""The share of one arm still here at a time, in lists that grow: Kaplan–Meier within each list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.errors import RetentionError
from retention.numerics import step_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.experiments.response.growing_lists import GrowingLists
    from retention.survival.scores.two_arms import TwoArms

    Floats = NDArray[np.float64]

_AT_ONCE = 1_000_000
"""Cells, of lists by durations, that are worked out at a time."""

_MOST = 400_000_000
"""Cells in all, beyond which one would wait for minutes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one arm, the share still here in each list, and its bounds; NaN where it is not known.

    Attributes:
        n_watched: customers of each list who were seen as far as the time, still here.
        share: Kaplan–Meier S(h).
        lower: log-log, or Wilson's where nobody or everybody left.
        upper: likewise.
    """

    n_watched: NDArray[np.int64]
    share: Floats
    lower: Floats
    upper: Floats


def kept_in_lists(lists: GrowingLists, arms: TwoArms, treated: bool, level: float) -> Kept:
    """Kaplan–Meier of one arm at the time that is asked for, within each list.

    Raises:
        RetentionError: if lists and durations are too many.
    """
    assert arms.watched is not None
    here, (duration, churned, time) = arms.treated == treated, arms.watched
    size, step = lists.threshold.size, lists.step[here]
    duration, churned = duration[here], churned[here]
    times = np.unique(duration[churned & (duration <= time)])
    _refuse_too_many(size, times.size)
    share, variance = _curves_at_time(size, step, duration, churned, times)
    n = np.cumsum(np.bincount(step, minlength=size))
    watched = np.cumsum(np.bincount(step[duration >= time], minlength=size))
    known = (n > 0) & ((watched > 0) | (share <= 0))
    lower, upper = step_functions.log_log_bounds(share, variance, level)
    all_kept = intervals.wilson_bounds(watched, watched, level)[0]
    all_left = intervals.wilson_bounds(np.zeros(size), n, level)[1]
    lower = np.where(share >= 1, all_kept, np.where(share <= 0, 0.0, lower))
    upper = np.where(share <= 0, all_left, upper)
    return Kept(
        watched.astype(np.int64),
        *(np.where(known, each, np.nan) for each in (share, lower, upper)),
    )


def _refuse_too_many(n_lists: int, n_times: int) -> None:
    if n_lists * n_times > _MOST:
        raise RetentionError(
            f"A curve for each of {n_lists:,} lists over {n_times:,} durations takes too long. Say "
            "groups=100, which joins customers of nearly equal uplift."
        )


def _curves_at_time(
    size: int, step: NDArray[np.intp], duration: Floats, churned: NDArray[np.bool_], times: Floats
) -> tuple[Floats, Floats]:
    """S at the last of some times, and Greenwood's sum, in each list."""
    share, variance = np.ones(size), np.zeros(size)
    if not times.size:
        return share, variance
    order = np.argsort(step, kind="stable")
    step, duration, churned = step[order], duration[order], churned[order]
    last = np.searchsorted(times, duration, side="right") - 1  # the last time at which at risk
    ended = np.where(churned & (duration <= times[-1]), last, -1)
    chunk = max(1, _AT_ONCE // times.size)
    left, at_risk = np.zeros(times.size), np.zeros(times.size)
    for first in range(0, size, chunk):
        many = min(chunk, size - first)
        rows = slice(*np.searchsorted(step, [first, first + many]))
        place = step[rows] - first
        d = left + np.cumsum(_counts(place, ended[rows], (many, times.size)), axis=0)
        seen = _counts(place, last[rows], (many, times.size))[:, ::-1].cumsum(axis=1)[:, ::-1]
        n = at_risk + np.cumsum(seen, axis=0)
        share[first : first + many] = np.prod(1 - step_functions.hazard(d, n), axis=1)
        variance[first : first + many] = step_functions.greenwood_terms(d, n).sum(axis=1)
        left, at_risk = d[-1], n[-1]
    return share, variance


def _counts(
    row: NDArray[np.intp], column: NDArray[np.intp], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """How many there are in each cell; those in column −1 are in none."""
    inside = column >= 0
    cell = row[inside] * shape[1] + column[inside]
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

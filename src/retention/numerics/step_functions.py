"""The arithmetic of step functions: Kaplan–Meier, Nelson–Aalen and their bounds, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_MOST_WHOLE = 100_000  # up to such durations a table of whole numbers is faster than a search


def hazard(n_churned: ArrayLike, n_at_risk: ArrayLike) -> Floats:
    """The share of those at risk that ends at each duration; 0 where nobody is at risk."""
    d, n = np.asarray(n_churned, np.float64), np.asarray(n_at_risk, np.float64)
    return np.asarray(np.divide(d, n, out=np.zeros_like(d), where=n > 0))


def kaplan_meier(n_churned: ArrayLike, n_at_risk: ArrayLike) -> Floats:
    """S at each duration: the product of 1 − d/n up to it."""
    return np.asarray(np.cumprod(1 - hazard(n_churned, n_at_risk)), np.float64)


def greenwood_terms(n_churned: ArrayLike, n_at_risk: ArrayLike) -> Floats:
    """What each duration adds to the variance of log S: d / (n (n − d)); infinite where n = d."""
    d, n = np.asarray(n_churned, np.float64), np.asarray(n_at_risk, np.float64)
    left = n * (n - d)
    everyone = np.where((left <= 0) & (d > 0), np.inf, 0.0)
    return np.divide(d, left, out=everyone, where=left > 0)


def log_log_bounds(survival: ArrayLike, variance: ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Bounds of S from the normal law of log(−log S), which keeps them within 0 to 1.

    Args:
        survival: S.
        variance: the variance of log S (Greenwood's sum).
        level: confidence.

    Returns:
        Lower and upper bound: 1 where S is 1, NaN where it is 0 or the variance is not known.
    """
    return log_log_at(survival, variance, intervals.quantile_of(level))


def log_log_at(
    survival: ArrayLike, variance: ArrayLike, quantile: ArrayLike
) -> tuple[Floats, Floats]:
    """The same bounds with any z in place of the normal quantile, one for all or one each."""
    s, v = np.asarray(survival, np.float64), np.asarray(variance, np.float64)
    inside = (s > 0) & (s < 1) & np.isfinite(v)
    logarithm = np.log(np.where(inside, s, 0.5))
    spread = np.asarray(quantile) * np.sqrt(np.where(inside, v, 0.0)) / -logarithm
    edge = np.where(s == 1, 1.0, np.nan)
    with np.errstate(over="ignore"):  # a bound that is 0
        lower = np.where(inside, np.exp(logarithm * np.exp(spread)), edge)
    upper = np.where(inside, np.exp(logarithm * np.exp(-spread)), edge)
    return lower, upper


def n_passed(duration: Floats, times: Floats) -> NDArray[np.intp]:
    """How many of the ascending durations, none of them below 0, lie at or before each time."""
    last = duration[-1] if duration.size else np.inf
    if last > min(times.size, _MOST_WHOLE) or (duration != np.floor(duration)).any():
        return np.searchsorted(duration, times, side="right")
    by_whole = np.searchsorted(duration, np.arange(-1, int(last) + 1), side="right")
    return np.asarray(np.take(by_whole, np.floor(np.clip(times, -1, last)).astype(np.intp) + 1))


def values_at(duration: ArrayLike, values: ArrayLike, times: ArrayLike, before: float) -> Floats:
    """A right-continuous step function at `times`; `before` ahead of its first step."""
    steps = np.concatenate([[before], np.asarray(values, np.float64)])
    return np.asarray(steps[np.searchsorted(np.asarray(duration), np.asarray(times), "right")])


def area(duration: ArrayLike, survival: ArrayLike, horizon: float) -> Floats:
    """The area under S from each duration, cut at the horizon, up to the horizon.

    The last element is that from 0 on: the restricted mean.
    """
    cuts = np.minimum(np.concatenate([[0.0], np.asarray(duration, np.float64)]), horizon)
    heights = np.concatenate([[1.0], np.asarray(survival, np.float64)])
    pieces = heights * np.diff(np.append(cuts, horizon))
    from_each = np.cumsum(pieces[::-1])[::-1]
    return np.append(from_each[1:], from_each[0])

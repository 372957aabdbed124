"""Ends that count for several reasons in parts: Aalen and Johansen's curves with weights.

An end with m reasons counts 1/m for each. With w its weight for reason k, W_u = Σ w and Q_u = Σ w²
over the ends at duration u, n_u at risk and d_u ends in all,

    F_k(t) = Σ over u ≤ t of S(u−) W_u / n_u

Given the n_u at risk, each ends with one set of reasons or stays: a draw of many kinds. So Var(W/n)
= (Q − W²/n) / n² and Cov(W/n, d/n) = W (1 − d/n) / n², and the delta method gives

    Var F_k(t) = Σ (F(t) − F(u))² d/(n (n − d)) + S(u−)² (Q − W²/n)/n² − 2 (F(t) − F(u)) S(u−) W/n²

which is that of `cumulative_incidence` where each end has one reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics import step_functions
from retention.numerics.codes import long_table
from retention.reasons.figures.primary_reasons import BETWEEN
from retention.survival.counts.risk_sets import RiskSets, risk_sets_by_cause, warn_of_the_unseen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.frames import Columns

    Floats = NDArray[np.float64]

_NOTHING = 1e-13  # of a share or its variance: what rounding leaves of 0

SHARED = (
    *("duration", "n_at_risk", "n_churned", "churned_weight", "n_censored", "hazard"),
    *("cumulative_hazard", "cumulative_incidence", "standard_error", "lower", "upper"),
    *("survival", "churn_share_without", "gained_share", "observed_from", "note"),
)
"""The columns of the answer after the segment and the category."""


def shared_incidence(table: object, reason: str, names: list[str], level: float) -> Columns:
    """The curves of every reason in every segment, where ends may have several reasons.

    Args:
        table: spells with a column of reasons, several of them with `BETWEEN` between.
        reason: that column.
        names: segment columns.
        level: confidence of the bounds.
    """
    sets, groups = risk_sets_by_cause(table, names, cause=reason)
    warn_of_the_unseen(groups)
    each = [one.split(BETWEEN) for one in sets]
    reasons = sorted({one for some in each for one in some})
    weights = np.array([[(one in some) / len(some) for one in reasons] for some in each])
    parts = [
        (
            group.key,
            {"category": _name_column(name, group)} | _curve_of_reason(group, weights[:, k], level),
        )
        for group in groups
        for k, name in enumerate(reasons)
    ]
    return long_table(parts, names)


def _name_column(name: str, group: RiskSets) -> NDArray[Any]:
    return np.full(group.duration.size, name, dtype=object)


def _curve_of_reason(group: RiskSets, weight: Floats, level: float) -> Columns:
    """One reason's curve; `weight` says how much of an end with each set of reasons is its."""
    n, d = group.n_at_risk, group.n_churned.sum(axis=1)
    part = group.n_churned @ weight
    hazard, survival = step_functions.hazard(part, n), step_functions.kaplan_meier(d, n)
    before = np.concatenate([[1.0], survival[:-1]])
    share = np.cumsum(before * hazard)
    squares = group.n_churned @ weight**2
    variance, gone = _variance((d, n), (part, squares), before, share), 1 - share <= _NOTHING
    error = np.sqrt(np.where(variance > _NOTHING, variance, 0.0))
    # F is 1 − something that behaves like a survival: its bounds are those of that, and there are
    # none where all have left for the reason, or ends were all split alike and nobody stayed.
    logarithm = np.divide(error, 1 - share, out=np.full_like(share, np.inf), where=share < 1)
    lower, upper = step_functions.log_log_bounds(1 - share, logarithm**2, level)
    apart = (error > 0) & ~gone
    without = 1 - step_functions.kaplan_meier(d - part, n)
    values = (
        *(group.duration, n, group.n_churned @ (weight > 0).astype(np.int64), part),
        *(group.n_censored, hazard, np.cumsum(hazard), share, error),
        *(np.where(apart, 1 - upper, np.nan), np.where(apart, 1 - lower, np.nan)),
        *(survival, without, 1 - survival - without),
    )
    drawn = dict(zip(SHARED[:-2], values, strict=True))
    known = group.unseen.known(group.duration)
    for name in SHARED[SHARED.index("cumulative_hazard") : -2]:
        drawn[name] = np.where(known, drawn[name], np.nan)
    return drawn | group.observation_columns


def _variance(
    counts: tuple[NDArray[Any], NDArray[Any]],
    parts: tuple[Floats, Floats],
    before: Floats,
    f: Floats,
) -> Floats:
    """Var F(t) at each duration, its sums multiplied out so that they are running totals."""
    (d, n), (part, squares) = (one.astype(np.float64) for one in counts), parts
    some = (n > 0) & (d < n)  # where all leave, F stays as it is, so that the terms vanish
    zero = np.zeros_like(f)
    a = np.divide(d, n * (n - d), out=zero.copy(), where=some)
    b = np.divide(
        squares - step_functions.hazard(part, n) * part, n * n, out=zero.copy(), where=n > 0
    )
    c = np.divide(part, n * n, out=zero.copy(), where=some) * before
    total: Any = f**2 * np.cumsum(a) - 2 * f * np.cumsum(f * a) + np.cumsum(f**2 * a)
    total = total + np.cumsum(before**2 * b) - 2 * (f * np.cumsum(c) - np.cumsum(f * c))
    return np.asarray(np.maximum(total, 0.0))

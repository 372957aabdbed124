"""Errors of curves whose spells depend on one another: the infinitesimal jackknife by clusters.

An estimate is a function of how much each row weighs. What it gains as the rows of a cluster weigh
a little more is the influence of the cluster, U_c, and Σ_c U_c² is its variance, however the rows
of a cluster depend on one another. Between the durations at which a row of a cluster enters or ends
its influence is a straight line in a few sums that all clusters share, so that the sum of squares
takes one pass over the rows, and no array of clusters × durations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.numerics import step_functions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.counts.clustered_rows import ClusteredRows
    from retention.survival.counts.risk_sets import RiskSets

    Floats = NDArray[np.float64]
    Wide = NDArray[np.longdouble]

_ROUNDING = 1e-14  # of the terms of a sum of squares


@dataclass(frozen=True, slots=True)
class Changes:
    """What happens to the clusters, one after the other: entries and ends of rows.

    Attributes:
        place: that of the last duration at or before it, −1 if it is before all.
        at_risk: how many more spells of the cluster are at risk afterwards.
        ended: how many ends of the cluster that is, of whatever reason.
        cause: the place of the reason.
        first: the first change of the cluster of each.
        n: how many durations there are.
    """

    place: NDArray[np.intp]
    at_risk: Floats
    ended: Floats
    cause: NDArray[np.intp]
    first: NDArray[np.intp]
    n: int

    def running(self, added: NDArray[Any]) -> Wide:
        """What has been added up within the cluster after each change."""
        total = np.cumsum(added.astype(np.longdouble))
        before = np.concatenate([[np.longdouble(0)], total])
        return np.asarray(total - before[self.first])

    def sum_of_products(self, one: tuple[Wide, Any], other: tuple[Wide, Any]) -> Wide:
        """Σ over clusters of the product of two running sums, after each duration.

        Each is given with what was added at each change.
        """
        rise = one[0] * other[1] + (other[0] - other[1]) * one[1]
        per_place = np.bincount(self.place + 1, rise.astype(np.float64), minlength=self.n + 1)
        return np.asarray(np.cumsum(per_place.astype(np.longdouble))[1:])


def changes_of_clusters(one: RiskSets, rows: ClusteredRows) -> Changes:
    """Entries and ends, sorted by cluster and time."""
    n = one.duration.size
    end = np.searchsorted(one.duration, rows.duration)
    entry = np.searchsorted(one.duration, rows.entry, side="right") - 1
    place = np.concatenate([entry, end])
    order = np.argsort(np.tile(rows.member, 2) * (n + 1) + place + 1, kind="stable")
    member = np.tile(rows.member, 2)[order]
    new = np.append(True, member[1:] != member[:-1])
    return Changes(
        place=place[order],
        at_risk=np.concatenate([rows.weight, -rows.weight])[order],
        ended=np.concatenate([0.0 * rows.weight, rows.weight * rows.churned])[order],
        cause=np.tile(rows.cause, 2)[order],
        first=np.flatnonzero(new)[np.cumsum(new) - 1],
        n=n,
    )


def clustered_variance_of_log_survival(one: RiskSets, rows: ClusteredRows) -> Floats:
    """Of log S, in place of Greenwood's: a row weighs in as dN − Y h over n − d."""
    return _variance_of_sum(one, rows, (one.n_at_risk - one.n_churned.sum(axis=1)).astype(float))


def clustered_variance_of_hazard(one: RiskSets, rows: ClusteredRows) -> Floats:
    """Of the cumulative hazard: a row weighs in as dN − Y h over n."""
    return _variance_of_sum(one, rows, one.n_at_risk.astype(float))


def _variance_of_sum(one: RiskSets, rows: ClusteredRows, divisor: Floats) -> Floats:
    """Of Σ (dN − Y h) / divisor: that of a cluster is B − m A, with m of its spells at risk."""
    if rows.n_clusters < 2:
        return np.full(one.duration.size, np.nan)
    per_end = np.divide(1.0, divisor, out=np.zeros(divisor.size), where=divisor > 0)
    total = np.cumsum(step_functions.hazard(one.n_churned.sum(axis=1), one.n_at_risk) * per_end)
    found = changes_of_clusters(one, rows)
    b_added, m_added = _what_is_added(found, per_end, total)
    b, m = (found.running(b_added), b_added), (found.running(m_added), m_added)
    return _sum_beyond_rounding(
        found.sum_of_products(b, b),
        -2 * total * found.sum_of_products(b, m),
        total**2 * found.sum_of_products(m, m),
    )


def _sum_beyond_rounding(*terms: Wide) -> Floats:
    """A sum of squares from terms that cancel, 0 where nothing but rounding is left."""
    total, size = sum(terms), sum(np.abs(term) for term in terms)
    return np.asarray(np.where(total > _ROUNDING * size, total, 0.0), np.float64)


def _what_is_added(changes: Changes, per_end: Floats, total: Floats) -> tuple[Floats, Floats]:
    """What each change adds to B and to m, so that B − m A runs on without a jump but for ends."""
    so_far = np.append(total, 0.0)[changes.place]
    ending = np.append(per_end, 0.0)[changes.place]
    return changes.at_risk * so_far + changes.ended * ending, changes.at_risk


def clustered_errors_of_incidence(one: RiskSets, rows: ClusteredRows) -> list[Floats]:
    """Of the cumulative incidence of each reason.

    With the influence −S (B − m A) on S, a cluster's on F_k grows at u by

        S(u−) (dN_k − m h_k) / n − S(u−) (B − m A) h_k,

    so that it is C − B F_k + m (Q − R), where Q and R sum S(u−) A(u−) h_k and S(u−) h_k / n.
    """
    k = one.n_churned.shape[1]
    if rows.n_clusters < 2:
        return [np.full(one.duration.size, np.nan)] * k
    d, n = one.n_churned.sum(axis=1), one.n_at_risk.astype(float)
    left = n - d
    per_end = np.divide(1.0, left, out=np.zeros(left.size), where=left > 0)
    total = np.cumsum(step_functions.hazard(d, n) * per_end)
    before = np.append(1.0, step_functions.kaplan_meier(d, n))[:-1]
    found = changes_of_clusters(one, rows)
    b_added, m_added = _what_is_added(found, per_end, total)
    b, m = (found.running(b_added), b_added), (found.running(m_added), m_added)
    shared = [found.sum_of_products(*pair) for pair in ((b, b), (b, m), (m, m))]
    weight = np.divide(before, n, out=np.zeros(n.size), where=n > 0)
    made = []
    for cause in range(k):
        hazard = step_functions.hazard(one.n_churned[:, cause], n)
        share = np.cumsum(before * hazard)
        drift = np.cumsum(before * np.append(0.0, total)[:-1] * hazard - weight * hazard)
        place = _sums_at_changes(found.place, share, drift)
        jump = np.append(weight, 0.0)[found.place] * found.ended * (found.cause == cause)
        c_added = jump + b_added * place[0] - m_added * place[1]
        c = (found.running(c_added), c_added)
        made.append(_error_of_line(found, (b, m, c), shared, (share, drift)))
    return made


def _sums_at_changes(place: NDArray[np.intp], *sums: Floats) -> list[Floats]:
    """Sums at the place of each change, 0 before all."""
    return [np.append(each, 0.0)[place] for each in sums]


def _error_of_line(
    found: Changes,
    lines: Sequence[tuple[Wide, Floats]],
    shared: Sequence[Wide],
    sums: tuple[Floats, Floats],
) -> Floats:
    """√Σ (C − B F + m W)² after each duration."""
    (b, m, c), (share, drift) = lines, sums
    squares = _sum_beyond_rounding(
        found.sum_of_products(c, c),
        -2 * share * found.sum_of_products(c, b),
        2 * drift * found.sum_of_products(c, m),
        share**2 * shared[0],
        -2 * share * drift * shared[1],
        drift**2 * shared[2],
    )
    return np.sqrt(squares)

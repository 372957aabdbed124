"""Observed less expected ends of segments, whose covariance comes from sums within clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError, count_of
from retention.numerics import step_functions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.survival.counts.clustered_rows import ClusteredRows

    Floats = NDArray[np.float64]

_CELLS = 2_000_000  # rows × segments at a time


@dataclass(frozen=True, slots=True)
class ComparedStratum:
    """The segments of one stratum at the durations at which there are ends.

    Attributes:
        times: those durations.
        ended: ends, a column per segment.
        at_risk: spells at risk, likewise.
        weight: of each duration in the test.
    """

    times: NDArray[Any]
    ended: Floats
    at_risk: Floats
    weight: Floats

    @property
    def share(self) -> Floats:
        """The part of each segment in those at risk."""
        return np.asarray(self.at_risk / self.at_risk.sum(axis=1, keepdims=True))

    @property
    def weighted_hazard(self) -> Floats:
        """Weight times the hazard of all segments together."""
        total = self.ended.sum(axis=1), self.at_risk.sum(axis=1)
        return np.asarray(self.weight * step_functions.hazard(*total))


@dataclass(frozen=True, slots=True)
class _Passed:
    """Tables with a row ahead of the first duration of each stratum, one stratum after another."""

    first: NDArray[np.intp]
    weight: Floats
    share: Floats
    hazard: Floats
    expected: Floats


@dataclass(frozen=True, slots=True)
class _Scored:
    """What is needed of each row, sorted by cluster: its segment, and places in `_Passed`."""

    cluster: NDArray[np.intp]
    segment: NDArray[np.intp]
    start: NDArray[np.intp]
    end: NDArray[np.intp]
    ended: Floats
    weight: Floats


def clustered_covariance_of_excess(
    strata: Sequence[ComparedStratum], rows: Sequence[tuple[int, int, ClusteredRows]], k: int
) -> Floats:
    """The covariance of Σ weight · (observed − expected) ends, from sums within clusters.

    A row of segment j adds to them, with w the weight, h = d / n and p the segments' parts of n,

        w (e_j − p) of its own end, less Σ w h (e_j − p) over the durations at which it is at risk.

    Squares of sums that are centred at their own estimate are too small on the whole: they are
    multiplied by G / (G − 1), with G clusters.

    Args:
        strata: the segments in each stratum.
        rows: the number of the stratum and of the segment, and their rows.
        k: how many segments there are.

    Raises:
        ContentError: if there are no more clusters than segments.
    """
    passed = _tables_passed(strata, k)
    scored = _scored_rows(passed, strata, rows)
    new = np.flatnonzero(np.append(True, np.diff(scored.cluster) != 0))
    if new.size <= k:
        raise ContentError(
            f"cluster: {count_of(new.size, 'cluster says', 'clusters say')} too little of {k:,} "
            "segments. It takes more clusters than segments, and some 30 to be relied on."
        )
    covariance = np.zeros((k, k))
    edges = np.append(new, scored.cluster.size)
    size = max(1, _CELLS // k)
    low = 0
    while low < new.size:
        high = max(low + 1, int(np.searchsorted(edges, edges[low] + size, side="right")) - 1)
        sums = _scores_of_rows(passed, scored, slice(edges[low], edges[high]))
        summed = np.add.reduceat(sums, new[low:high] - edges[low], axis=0)
        covariance += summed.T @ summed
        low = high
    return np.asarray(covariance * (new.size / (new.size - 1)))


def _tables_passed(strata: Sequence[ComparedStratum], k: int) -> _Passed:
    def stacked(parts: Sequence[Floats]) -> Floats:
        return np.concatenate(
            [row for part in parts for row in (np.zeros((1, *part.shape[1:])), part)]
        )

    hazard = [each.weighted_hazard for each in strata]
    share = [each.share for each in strata]
    expected = [
        np.cumsum(h[:, None] * p, axis=0).reshape(-1, k) for h, p in zip(hazard, share, strict=True)
    ]
    return _Passed(
        first=np.cumsum([0, *(each.times.size + 1 for each in strata)])[:-1],
        weight=stacked([each.weight for each in strata]),
        share=stacked(share),
        hazard=stacked([np.cumsum(each) for each in hazard]),
        expected=stacked(expected),
    )


def _scored_rows(
    passed: _Passed,
    strata: Sequence[ComparedStratum],
    rows: Sequence[tuple[int, int, ClusteredRows]],
) -> _Scored:
    parts = []
    for stratum, segment, mine in rows:
        times, first = strata[stratum].times, passed.first[stratum]
        parts.append(
            (
                mine.cluster,
                np.full(mine.cluster.size, segment),
                first + np.searchsorted(times, mine.entry, side="right"),
                first + np.searchsorted(times, mine.duration, side="right"),
                mine.weight * mine.churned,
                mine.weight,
            )
        )
    joined = [np.concatenate(each) for each in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return _Scored(*(each[order] for each in joined))


def _scores_of_rows(passed: _Passed, scored: _Scored, rows: slice) -> Floats:
    start, end, weight = scored.start[rows], scored.end[rows], scored.weight[rows]
    own = scored.ended[rows] * passed.weight[end]
    found = weight[:, None] * (passed.expected[end] - passed.expected[start])
    found -= own[:, None] * passed.share[end]
    at_risk = weight * (passed.hazard[end] - passed.hazard[start])
    found[np.arange(own.size), scored.segment[rows]] += own - at_risk
    return np.asarray(found)

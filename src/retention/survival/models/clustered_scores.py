"""Errors where rows depend on one another: a sandwich of what each cluster adds to the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.errors import count_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]


def numbers_of_clusters(member: Places | None) -> tuple[Places, int]:
    """Clusters numbered from 0 without a gap, and how many there are; none if none are told."""
    if member is None:
        return np.zeros(0, np.intp), 0
    found, number = np.unique(member, return_inverse=True)
    return np.asarray(number, np.intp), found.size


def sums_within_clusters(values: Floats, member: Places, n: int) -> Floats:
    """For each cluster the sum of its rows, column by column.

    Args:
        values: one row per row, one column per parameter.
        member: the cluster of each row, from 0 to n − 1.
        n: how many clusters there are.
    """
    columns = [np.bincount(member, column, minlength=n) for column in values.T]
    return np.array(columns, np.float64).reshape(values.shape[1], n).T


def sandwich_covariance(covariance: Floats, scores: Floats) -> Floats:
    """V (Σ over clusters of U Uᵀ) V, with V minus the inverse Hessian and U a cluster's score.

    Without a correction for few clusters, as in R.
    """
    moved = scores @ covariance
    return np.asarray(moved.T @ moved)


def note_of_few_clusters(n_terms: int, n_clusters: int) -> list[str]:
    """What to say where sums of clusters, which are 0 together, say nothing of so many terms."""
    if n_clusters > n_terms:
        return []
    terms, clusters = count_of(n_terms, "coefficient"), count_of(n_clusters, "cluster")
    return [f"The errors of {terms} take more than {clusters}."]

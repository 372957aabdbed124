"""Which rows of a fit may depend on one another, and how much each weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.survival.counts.clustered_rows import cluster_of_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories


def columns_of_dependence(
    cluster: str | None, sampling_weights: str | None
) -> Mapping[str, Sequence[str]]:
    """The columns that are asked for, under the name of the argument that asks."""
    asked = {"cluster": cluster, "sampling_weights": sampling_weights}
    return {argument: [] if name is None else [name] for argument, name in asked.items()}


def members_of_clusters(spells: Histories, cluster: str | None) -> NDArray[np.intp] | None:
    """The cluster of each row, itself where only weights are told; None where rows count spells.

    Raises:
        ContentError: if one is missing.
    """
    if cluster is not None:
        return cluster_of_rows(spells.columns[cluster], cluster)
    return None if spells.sampling is None else np.arange(spells.duration.size)

"""Wolbers' concordance: pairs of one who left for a reason and one who had not by then.

Whoever left for another reason will never leave for this one, so it counts as going on for ever.
A pair (i, j), of which i left for the reason, is known where j goes on beyond T_i, and where j left
for another reason up to T_i. It weighs 1/G(T_i−)² in the first case, 1/(G(T_i−) G(T_j−)) in the
second, G the chance of not having been censored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.survival.scores.concordance_index import (
    count_pairs,
    pairs_ranked_higher,
    pairs_within_groups,
)
from retention.survival.scores.scored_tables import places_of_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WolbersPairs:
    """The weights of the pairs that one spell of each row is in.

    Attributes:
        comparable: of all whose order is known.
        concordant: of those in which who left has the higher chance, and half of those with equal
            chances.
    """

    comparable: Floats
    concordant: Floats

    def index_and_error(self, weight: NDArray[np.int64]) -> tuple[float, float]:
        """C, and its standard error by the infinitesimal jackknife; NaN where there is no pair."""
        total = float(weight @ self.comparable) / 2  # every pair was met at both of its spells
        if not total > 0:
            return np.nan, np.nan
        index = float(weight @ self.concordant) / 2 / total
        residual = self.concordant - index * self.comparable
        return index, float(np.sqrt(weight @ residual**2)) / total


def wolbers_pairs(
    found: Histories,
    chance: Floats,
    ends: Floats,
    leads: NDArray[np.bool_],
    other: NDArray[np.bool_],
) -> WolbersPairs:
    """The pairs of those who left for a reason with those who had not.

    Args:
        found: the spells.
        chance: predicted, of leaving for the reason.
        ends: 1/G(T−) of each seen end.
        leads: who left for the reason in time.
        other: who left for another reason.
    """
    met = count_pairs(found, chance, np.where(leads, ends**2, 0.0))
    rank = places_of_values(chance)[1].astype(np.int64)
    place = places_of_values(found.duration)[1].astype(np.int64)
    copies = found.weights.astype(np.float64)
    one, two = np.where(leads, ends, 0.0), np.where(other, ends, 0.0)
    # The end for another reason comes first, or at once: of equal times it has the larger key.
    latest = int(place.max())
    key = 2 * (latest - place) + other
    led = _followers_of_leaders(rank, key, one, two * copies)
    followed = _followers_of_leaders(
        int(rank.max()) - rank, 2 * latest + 1 - key, two, one * copies
    )
    return WolbersPairs(
        met.comparable + led[0] + followed[0],
        met.concordant + met.tied / 2 + led[1] + followed[1],
    )


def _followers_of_leaders(
    rank: NDArray[np.int64], key: NDArray[np.int64], lead: Floats, follow: Floats
) -> tuple[Floats, Floats]:
    """For each that leads what follows with a larger key; of that with a lower or equal rank.

    Where the ranks are equal it counts half.
    """
    some = (lead > 0) | (follow > 0)
    comparable, concordant = np.zeros(lead.size), np.zeros(lead.size)
    if not ((lead > 0).any() and (follow > 0).any()):
        return comparable, concordant
    rank, key, lead, follow = rank[some], key[some], lead[some], follow[some]
    follow = np.where(lead > 0, 0.0, follow)
    ahead = pairs_within_groups(np.zeros_like(key), key, lead, follow)[0]
    tied = pairs_within_groups(rank, key, lead, follow)[0]
    higher = pairs_ranked_higher(rank, key, lead, follow)
    comparable[some] = lead * ahead
    concordant[some] = np.where(lead > 0, higher, 0.0) + lead * tied / 2
    return comparable, concordant

"""A holdout in the order of a ranking: what an offer to those at its top would have brought.

Who left by a time t is seen of those who were watched for so long. At t a customer who left at
T ≤ t weighs w = 1/G(T−), one who went on beyond t weighs w = 1/G(t), one censored by t weighs 0,
with G the chance of not having been censored. With V what a saved customer is worth and the numbers
of the offer (f making, d taking, γ success, α stayers_taking, β stayers_lost), a customer brings

    γ a − b,   a = w 1[left] (V − d),   b = w 1[stayed] ((1 − β) α d + β V) + f:

making is paid for everybody, whatever is known of what became of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retention import intervals
from retention.errors import ContentError, RetentionError, whole_number
from retention.frames import as_lazy
from retention.survival.scores.censoring_weights import (
    censoring_weighting,
    strata_names,
    strata_of,
)
from retention.survival.scores.scored_tables import (
    check_landmark,
    check_times,
    column_of_predictions,
    places_of_values,
    read_scored,
)
from retention.tables import refuse_mixed
from retention.targeting.offers.offer import checked_offer
from retention.targeting.offers.offer_numbers import (
    kind_with_numbers,
    numbers_as_arrays,
    quantities_of_offer,
    value_of_saved,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories
    from retention.survival.scores.censoring_weights import Weighting
    from retention.targeting.offers.offer import Offer

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Weigh = Callable[[NDArray[Any]], Floats]

DRAWS = 999
"""How often the customers are redrawn for bounds."""

CELLS = 500_000
"""Customers that are redrawn at a time, of one draw or of several."""


class Asked(NamedTuple):
    """What is asked of a holdout, beside the table.

    Attributes:
        offer: the offer.
        rank: the column of the ranking, higher first.
        value: what a saved customer is worth, or the column in which it stands.
        time: by when leaving counts.
        landmark: from when on the customers are looked at; None for all.
        censoring: spells from which G is estimated; None for those that are scored.
        censoring_by: columns in whose strata G is estimated.
    """

    offer: Offer
    rank: str
    value: float | str
    time: float
    landmark: float | None
    censoring: object | None
    censoring_by: str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The customers of a holdout, one element a row of the table, the highest rank first.

    Attributes:
        rank: of each, falling.
        many: how many customers a row stands for.
        left: whether they were seen to leave by the time.
        still: whether they went on beyond it.
        weight: what each row weighs, for as many as it stands for; 0 where it is not known.
        of_leaver: V − d.
        of_stayer: (1 − β) α d + β V.
        success: γ.
        making: f.
        last: the last row of each list that the ranking can make; equal ranks move together.
        reason: why the holdout tells nothing; None where it does.
        weighing: makes ready what gives the weights of redrawn customers, from how often each row
            was drawn.
    """

    rank: Floats
    many: NDArray[np.int64]
    left: Flags
    still: Flags
    weight: Floats
    of_leaver: Floats
    of_stayer: Floats
    success: Floats
    making: Floats
    last: NDArray[np.intp]
    reason: str | None
    weighing: Callable[[], Weigh]

    @property
    def n(self) -> int:
        """How many customers there are."""
        return int(self.many.sum())

    @property
    def gains(self) -> Floats:
        """Σ a over each list, the empty one first, for each customer of the holdout."""
        return self.sums_over_lists(np.where(self.left, self.weight * self.of_leaver, 0.0))

    @property
    def costs(self) -> Floats:
        """Σ b over each list, the empty one first, for each customer of the holdout."""
        stayers = np.where(self.still, self.weight * self.of_stayer, 0.0)
        return self.sums_over_lists(stayers + self.many * self.making)

    @property
    def profits(self) -> Floats:
        """What each list would have brought, the empty one first, per customer of the holdout."""
        return self.sums_over_lists(self.profits_of_rows(self.weight, self.many))

    @property
    def success_assumed(self) -> float:
        """γ, on average over customers."""
        first = float(self.success[0])
        if (self.success == first).all():
            return first
        return float(self.success @ self.many) / self.n

    def profits_of_rows(self, weight: Floats, many: NDArray[Any]) -> Floats:
        """What the offer would have brought of each row."""
        outcome = np.where(self.left, self.success * self.of_leaver, -self.of_stayer)
        return np.where(self.left | self.still, weight * outcome, 0.0) - many * self.making

    def sums_over_lists(self, values: Floats) -> Floats:
        """Sums over each list, the empty one first, for each customer of the holdout."""
        sums = np.cumsum(values, axis=-1)[..., self.last]
        return np.concatenate([np.zeros((*sums.shape[:-1], 1)), sums], axis=-1) / self.n

    def counts_over_lists(self, rows: Flags | None = None) -> NDArray[np.int64]:
        """How many customers are in each list, the empty one first; of these rows alone."""
        many = self.many if rows is None else np.where(rows, self.many, 0)
        return np.concatenate([[0], np.cumsum(many)[self.last]])

    @property
    def thresholds(self) -> Floats:
        """The lowest rank in each list, NaN for the empty one."""
        return np.concatenate([[np.nan], self.rank[self.last]])

    def list_from(self, threshold: float) -> int:
        """Which list has everybody of this rank and above; the empty one where it is NaN."""
        if np.isnan(threshold):
            return 0
        return int((self.rank[self.last] >= threshold).sum())


def ranked_holdout(
    scored: object, asked: Asked, score: str, *, table: str = "scored", redrawn: bool = False
) -> Ranked:
    """The customers of a holdout in the order of a ranking.

    Args:
        scored: spells since the day of the ranking, which is one of their columns.
        asked: what is asked of them.
        score: what messages call the figure.
        table: what messages call the holdout.
        redrawn: whether customers will be redrawn: their order must then be the same whatever the
            engine, and no matter how the rows come.

    Raises:
        ColumnError: if a column is missing or holds no numbers.
        ContentError: if a number is missing or out of its range.
        RetentionError: if an argument is none of what it may be.
    """
    offer = checked_offer(asked.offer)
    if not isinstance(asked.rank, str):
        raise RetentionError(f"rank must name the column of the ranking; got {asked.rank!r}.")
    mark = check_landmark(asked.landmark)
    time = check_times([asked.time], mark, "time")[0]
    names = strata_names(asked.censoring_by)
    wanted = [value_of_saved(asked.value), *quantities_of_offer(offer)]
    own = {each.argument: [each.said] for each in wanted if isinstance(each.said, str)}
    columns = {"rank": [asked.rank], "censoring_by": names} | own
    found = read_scored(scored, columns, mark, table=table)
    kind = kind_with_numbers(wanted, table, "a customer of a holdout")
    refuse_mixed(as_lazy(scored, name=table), kind, (), apart=False)
    rank = column_of_predictions(found, asked.rank, "rank").astype(np.float64)
    weighting = censoring_weighting(found, score, asked.censoring, names, mark)
    numbers = numbers_as_arrays(found.columns, wanted, found.duration.size, table)
    order = np.argsort(-rank)
    if redrawn:
        stratum = strata_of(found, names)[1]
        alike = (*numbers.values(), found.weights, stratum, found.churned, found.duration)
        order = np.lexsort((*alike, -rank))
    made = _in_order(found, rank, weighting, numbers, (time, order))
    if asked.censoring is None:
        return made
    each = made.weight / made.many
    return replace(made, weighing=lambda: partial(np.multiply, each))


def _in_order(
    found: Histories,
    rank: Floats,
    weighting: Weighting,
    number: dict[str, Floats],
    at: tuple[float, NDArray[np.intp]],
) -> Ranked:
    """The rows sorted by rank, with what each weighs at a time."""
    time, order = at
    left, still = found.churned & (found.duration <= time), found.duration > time
    many = found.weights
    weight = np.where(left, weighting.weights_of_ends(found), 0.0)
    weight = np.where(still, next(weighting.weights_of_others(found, [time])), weight) * many
    sorted_rank = rank[order]
    taken = (1 - number["stayers_lost"]) * number["stayers_taking"] * number["taking"]
    return Ranked(
        rank=sorted_rank,
        many=many[order],
        left=left[order],
        still=still[order],
        weight=weight[order],
        of_leaver=(number["value"] - number["taking"])[order],
        of_stayer=(taken + number["stayers_lost"] * number["value"])[order],
        success=number["success"][order],
        making=number["making"][order],
        last=np.append(np.flatnonzero(sorted_rank[1:] != sorted_rank[:-1]), rank.size - 1),
        reason=weighting.points([time]).reason[0],
        weighing=partial(_weighing_anew, found, weighting, time, order),
    )


def _weighing_anew(
    found: Histories, weighting: Weighting, time: float, order: NDArray[np.intp]
) -> Weigh:
    """The weights of redrawn customers, G being estimated from those that were drawn."""
    seen = np.where(found.duration <= time, found.duration.astype(np.float64), np.inf)[order]
    left = (found.churned & (found.duration <= time))[order]
    known = left | np.isinf(seen)
    stratum = strata_of(found, weighting.names)[1][order]
    parts = []
    for rows in (np.flatnonzero(stratum == k) for k in range(len(weighting.staying))):
        place = places_of_values(seen[rows])[1]
        parts.append((rows, place, _sorted_places(place), left[rows], known[rows]))

    def weights_of_drawn(drawn: NDArray[Any]) -> Floats:
        weight = np.zeros(drawn.shape)
        for rows, place, sorting, gone, sure in parts:
            heavy = _weights_by_place(drawn[..., rows], sorting, gone)
            weight[..., rows] = np.where(sure, drawn[..., rows] * heavy[..., place], 0.0)
        return weight

    return weights_of_drawn


def _sorted_places(place: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows in the order of their places, and where each place begins there."""
    order = np.argsort(place, kind="stable")
    return order, np.searchsorted(place[order], np.arange(int(place.max()) + 1))


def _weights_by_place(
    drawn: NDArray[Any], sorting: tuple[NDArray[np.intp], NDArray[np.intp]], left: Flags
) -> Floats:
    """1/G just before the time of each place, the last one standing for all that goes on."""
    order, first = sorting
    gone = np.add.reduceat(drawn[..., order], first, axis=-1).astype(np.float64)
    ended = np.add.reduceat(np.where(left, drawn, 0)[..., order], first, axis=-1)
    exposed = np.cumsum(gone[..., ::-1], axis=-1)[..., ::-1] - ended
    lost = np.divide(gone - ended, exposed, out=np.zeros(gone.shape), where=exposed > 0)
    staying = np.cumprod(1 - lost[..., :-1], axis=-1)
    before = np.concatenate([np.ones((*gone.shape[:-1], 1)), staying], axis=-1)
    return np.asarray(np.divide(1.0, before, out=np.zeros(gone.shape), where=before > 0))


def redrawn_profits(ranked: Ranked, lists: NDArray[np.intp], seed: int, level: float) -> Floats:
    """Bounds of what some lists would have brought, by redrawing customers.

    Each draw takes as many customers as there are, with replacement, and weighs them anew; the
    lists keep their thresholds. The bounds are the outer percentiles.

    Args:
        ranked: the holdout.
        lists: which lists.
        seed: of the draws.
        level: confidence.

    Returns:
        The lower bounds, and the upper ones.
    """
    rng = np.random.default_rng(seed)
    n, chance, weigh = ranked.n, ranked.many / ranked.n, ranked.weighing()
    size = max(1, CELLS // chance.size)  # draws made at a time, to bound the memory
    found = []
    for done in range(0, DRAWS, size):
        drawn = rng.multinomial(n, chance, size=min(size, DRAWS - done))
        profit = ranked.profits_of_rows(weigh(drawn), drawn)
        found.append(ranked.sums_over_lists(profit)[:, lists])
    return np.quantile(np.concatenate(found), [(1 - level) / 2, (1 + level) / 2], axis=0)


def profit_bounds(
    ranked: Ranked, lists: NDArray[np.intp], seed: int | None, level: float
) -> tuple[Floats, Floats]:
    """Bounds of what some lists would have brought.

    NaN where there is no seed, and of lists so short that redraws would promise too much: of fewer
    than 10 customers three bounds in four would hold the truth.
    """
    n = ranked.counts_over_lists()[lists]
    told = (n == 0) | (n >= intervals.FEWEST)
    if seed is None or ranked.reason is not None:
        return (np.full(lists.size, np.nan),) * 2
    lower, upper = redrawn_profits(ranked, lists, checked_seed(seed), level)
    return np.where(told, lower, np.nan), np.where(told, upper, np.nan)


def checked_seed(seed: object) -> int:
    """The seed of the redraws that a user gave."""
    return whole_number("seed", seed, least=0, most=2**128)


def best_list(ranked: Ranked) -> int:
    """Which list would have brought most, the shortest of equals."""
    return int(np.argmax(ranked.profits))


def chosen_threshold(chosen_on: object, asked: Asked, score: str) -> float:
    """The lowest rank in the list that brings most on other customers, NaN for nobody.

    Raises:
        ContentError: if these tell nothing.
    """
    other = ranked_holdout(chosen_on, asked, score, table="chosen_on")
    if other.reason is not None:
        raise ContentError(f"chosen_on: no list can be chosen: {other.reason}.")
    return float(other.thresholds[best_list(other)])

"""Weights that make up for spells whose end could not be seen (inverse probability of censoring).

G(t) is the chance of not having been censored by t: Kaplan–Meier with censoring as the event. At
equal durations ends come before censorings, so those at risk of being censored at t are the spells
that last until t and do not end there:

    G(t) = Π over u ≤ t of (1 − c_u / (n_u − d_u)).

At time t a spell that ended at T ≤ t weighs 1/G(T−), one that goes on beyond t weighs 1/G(t), one
censored by t weighs 0. The weights of those beyond t then add up to n times the Kaplan–Meier S(t),
exactly, on tied whole numbers too.

Source: Graf, E. et al. (1999), Statistics in Medicine 18, 2529–2545; Gerds, T. A. and Schumacher,
M. (2006), Biometrical Journal 48, 1029–1040.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals
from retention.errors import ContentError, count_of
from retention.numerics import step_functions
from retention.numerics.codes import (
    MOST_LEVELS,
    filled_label_codes,
    group_numbers,
    refuse_identifier,
)
from retention.survival.counts.histories import Histories, read_spells
from retention.survival.scores.scored_tables import (
    Ends,
    ends_of,
    histories_at_landmark,
    refuse_late_entry,
)
from retention.tables.checks import given_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LARGEST = 10.0
"""A weight above this one, together with a small effective number, is an explosion."""


@dataclass(frozen=True, slots=True)
class Staying:
    """The chance of not having been censored, in one stratum: a step function of time.

    Attributes:
        time: the distinct durations.
        chance: G at each of them.
    """

    time: NDArray[Any]
    chance: Floats

    def at(self, times: ArrayLike) -> Floats:
        """G(t): NaN beyond the last observed duration, unless it is 0 there."""
        return self._nan_beyond_end(
            times, step_functions.values_at(self.time, self.chance, times, 1.0)
        )

    def before(self, times: ArrayLike) -> Floats:
        """G(t−), the chance just before."""
        ahead = np.concatenate([[1.0], self.chance])
        return self._nan_beyond_end(
            times, ahead[np.searchsorted(self.time, np.asarray(times), "left")]
        )

    def _nan_beyond_end(self, times: ArrayLike, values: Floats) -> Floats:
        return np.where((np.asarray(times) <= self.time[-1]) | (values == 0), values, np.nan)


@dataclass(frozen=True, slots=True)
class Points:
    """What the weights come to at each of some times.

    Attributes:
        churned: the sum of the weights of the ends so far, a share of all spells.
        still: the same of those who go on; S(t) where G was estimated from all that is scored.
        n_effective: how many equally weighted spells would say as much.
        reason: why there can be no score; None where there can.
    """

    churned: Floats
    still: Floats
    n_effective: Floats
    reason: NDArray[np.object_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there can be a score."""
        return np.array([why is None for why in self.reason], np.bool_)


@dataclass(frozen=True, slots=True)
class Weighting:
    """The spells that are scored and what each of them weighs.

    Attributes:
        names: the columns that make the strata.
        staying: G in each stratum.
        ends: what happened to the spells of each stratum.
        together: what happened to all spells.
    """

    names: tuple[str, ...]
    staying: tuple[Staying, ...]
    ends: tuple[Ends, ...]
    together: Ends

    def weights_of_ends(self, found: Histories) -> Floats:
        """1/G(T−) for each row whose end was seen, else 0; 0 also where G is not known."""
        weight = np.zeros(found.duration.size)
        stratum = strata_of(found, self.names)[1]
        for k, staying in enumerate(self.staying):
            ended = found.churned & (stratum == k) if len(self.staying) > 1 else found.churned
            weight[ended] = _inverse_or_zero(staying.before(found.duration[ended]))
        return weight

    def weights_of_others(self, found: Histories, times: Sequence[float]) -> Iterator[Any]:
        """1/G(t) for each row, time by time; one number where there is one stratum."""
        chance = _inverse_or_zero(np.array([staying.at(times) for staying in self.staying]))
        stratum = strata_of(found, self.names)[1]
        for now in chance.T:
            yield now[0] if now.size == 1 else now[stratum]

    def points(self, times: Sequence[float]) -> Points:
        """The sums of the weights at each time, and where they cannot be used."""
        n = int(self.together.n_gone.sum())
        totals = np.zeros((3, len(times)))
        largest, unseen = np.zeros(len(times)), np.zeros((2, len(times)), np.bool_)
        for staying, ends in zip(self.staying, self.ends, strict=True):
            parts, most, lacking = _sums_of_weights(staying, ends, np.asarray(times))
            totals, unseen = totals + parts, unseen | lacking
            largest = np.maximum(largest, most)
        churned, still, squares = totals
        effective = intervals.effective_n(churned + still, squares)
        reasons = [
            _why_no_weights(*which, most=most, effective=many)
            for *which, most, many in zip(*unseen, largest, effective, strict=True)
        ]
        return Points(churned / n, still / n, effective, np.array(reasons, dtype=object))


def censoring_weighting(
    found: Histories,
    score: str,
    censoring: object | None,
    by: str | Sequence[str],
    landmark: float | None,
) -> Weighting:
    """The weights of the spells that are scored.

    Args:
        found: the spells, those at the landmark where there is one.
        score: what messages call the score.
        censoring: the spells from which G is estimated; None for those that are scored.
        by: columns of both tables, in whose strata G is estimated.
        landmark: the time from which on all are looked at.

    Raises:
        RetentionError: if a spell came under observation late and there is no landmark.
        ContentError: if a stratum has no spells to estimate G from.
    """
    refuse_late_entry(found, score)
    names = strata_names(by)
    keys, stratum = strata_of(found, names)
    source, origin = found, stratum
    if censoring is not None:
        asked = {"censoring_by": names}
        source = read_spells(censoring, columns=asked, collapse=True, table="censoring")
        source = histories_at_landmark(source, landmark, table="censoring")
        refuse_late_entry(source, score, table="censoring")
        origin = _matched_strata(keys, stratum, *strata_of(source, names), names)
    ends = tuple(ends_of(part) for part in _split_by_stratum(found, stratum, len(keys)))
    theirs = (
        ends if censoring is None else map(ends_of, _split_by_stratum(source, origin, len(keys)))
    )
    together = ends[0] if len(ends) == 1 else ends_of(found)
    return Weighting(tuple(names), tuple(staying_of(each) for each in theirs), ends, together)


def strata_names(by: str | Sequence[str]) -> list[str]:
    """The columns that `censoring_by` names, as a list.

    Raises:
        ColumnError: if one is no text.
    """
    return given_names(by, argument="censoring_by")


def strata_of(
    found: Histories, names: Sequence[str]
) -> tuple[list[tuple[str, ...]], NDArray[np.intp]]:
    """The strata there are, sorted, and for each row the number of its own."""
    code, keys = group_numbers(
        found.columns,
        names,
        found.duration.size,
        partial(filled_label_codes, argument="censoring_by"),
    )
    refuse_identifier("censoring_by", names, len(keys), MOST_LEVELS, "strata")
    return keys, code


def staying_of(ends: Ends) -> Staying:
    """G of some spells: those who end at u were not at risk of being censored there."""
    exposed = ends.n_at_risk - ends.n_churned
    return Staying(ends.duration, step_functions.kaplan_meier(ends.n_censored, exposed))


def is_exploding(largest: float, effective: float) -> bool:
    """Whether a few heavy spells speak for all: a weight above 10, and fewer than 10 effective."""
    return largest > LARGEST and not effective >= intervals.FEWEST_EFFECTIVE


def _inverse_or_zero(chance: Floats) -> Floats:
    return np.divide(1.0, chance, out=np.zeros_like(chance), where=chance > 0)


def _sums_of_weights(
    staying: Staying, ends: Ends, times: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Of one stratum: sums of weights and squares, the largest weight, and where G fails."""
    churned = ends.n_churned
    chance = staying.before(ends.duration)
    weight = np.where(churned > 0, _inverse_or_zero(chance), 0.0)
    lacking = (churned > 0) & ~(chance > 0)
    last = np.searchsorted(ends.duration, times, side="right")

    def so_far(values: Any) -> Floats:
        return np.asarray(np.concatenate([[0.0], values])[last])

    still = ends.n_gone.sum() - so_far(np.cumsum(ends.n_gone))
    chance_now = staying.at(times)
    heavy = _inverse_or_zero(chance_now)
    squares = so_far(np.cumsum(churned * weight**2)) + still * heavy**2
    totals = np.stack([so_far(np.cumsum(churned * weight)), still * heavy, squares])
    largest = np.maximum(so_far(np.maximum.accumulate(weight)), np.where(still > 0, heavy, 0.0))
    short = so_far(np.maximum.accumulate(lacking)) > 0
    unseen = np.stack([chance_now == 0, short | ((still > 0) & np.isnan(chance_now))])
    return totals, largest, unseen


def _why_no_weights(nobody: bool, short: bool, *, most: float, effective: float) -> str | None:
    if nobody:
        return "everyone still here was censored by this time"
    if short:
        return "censoring was not observed for this long"
    if is_exploding(most, effective):
        return f"the weights explode: one spell stands for {most:.0f}, all for {effective:.1f}"
    return None


def _split_by_stratum(
    found: Histories, stratum: NDArray[np.intp], n_strata: int
) -> list[Histories]:
    """The spells of each stratum; those of stratum −1 are in none."""
    if n_strata == 1 and not stratum.any():
        return [found]
    order = np.argsort(stratum, kind="stable")
    rows = np.split(order, np.searchsorted(stratum[order], np.arange(n_strata + 1)))[1:-1]
    return [
        replace(
            found,
            duration=found.duration[here],
            churned=found.churned[here],
            weight=None if found.weight is None else found.weight[here],
            columns={},
        )
        for here in rows
    ]


def _matched_strata(
    keys: Sequence[tuple[str, ...]],
    stratum: NDArray[np.intp],
    their_keys: Sequence[tuple[str, ...]],
    their_stratum: NDArray[np.intp],
    names: Sequence[str],
) -> NDArray[np.intp]:
    """The strata of the censoring table, numbered as those of the scored one; −1 for others."""
    known = set(their_keys)
    for k, key in enumerate(keys):
        if key not in known:
            raise ContentError(
                f"censoring: no spell has {', '.join(names)} = {', '.join(key)}, in "
                f"{count_of(int((stratum == k).sum()), 'row')} of scored. Widen the table, or "
                "leave those rows out."
            )
    place = {key: k for k, key in enumerate(keys)}
    return np.array([place.get(key, -1) for key in their_keys], np.intp)[their_stratum]

"""How often the customer with the higher predicted risk is the one who leaves first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention import intervals
from retention.errors import ContentError, RetentionError, check_choice, warn
from retention.frames import Columns, table_like
from retention.survival.scores.censoring_weights import (
    censoring_weighting,
    is_exploding,
    strata_names,
)
from retention.survival.scores.scored_tables import (
    LOW,
    advice_on_reversal,
    check_landmark,
    check_time,
    column_of_predictions,
    places_of_values,
    read_scored,
)
from retention.tables.answer_columns import gives, numbers, shares, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.survival.counts.histories import Histories

Method = Literal["harrell", "uno"]

MOST_SPELLS = 3_037_000_499
"""Their pairs, counted at both ends, are the most that a whole number of 64 bits holds."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs that each spell is in, by kind; a pair counts as much as its first end weighs.

    Attributes:
        comparable: pairs whose order of leaving is known.
        concordant: of them, those in which the first to leave has the higher risk.
        tied: of them, those with equal risks.
        led: comparable pairs in which this spell is the first to leave.
    """

    comparable: NDArray[Any]
    concordant: NDArray[Any]
    tied: NDArray[Any]
    led: NDArray[Any]

    def totals(self, weight: NDArray[np.int64]) -> tuple[Any, Any, Any]:
        """How many pairs there are of each kind; every pair was met at both of its spells."""
        met = [(weight * kind).sum() for kind in (self.comparable, self.concordant, self.tied)]
        halves = [each // 2 if each.dtype.kind == "i" else each / 2 for each in met]
        return halves[0], halves[1], halves[2]


@gives(
    "scored table",
    texts("method"),
    numbers("until", "landmark", unit="as duration"),
    whole_numbers(
        "n_spells", "n_churned", "n_comparable", "n_concordant", "n_discordant", "n_tied_risk"
    ),
    numbers("weight_comparable", "weight_concordant", "weight_tied_risk", unit="pairs"),
    shares("concordance", "standard_error", "lower", "upper"),
    texts("reason"),
)
def concordance(
    scored: IntoFrameT,
    *,
    risk: str = "risk",
    method: Method = "harrell",
    until: float | None = None,
    censoring: object | None = None,
    censoring_by: str | Sequence[str] = (),
    landmark: float | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of two customers, how often the one with the higher predicted risk leaves first.

    A pair (i, j) is comparable if the end of i was seen and t_i < t_j, or t_i = t_j and j is
    censored: ends come before censorings. Two ends at one time say nothing about the order. Where
    spells came under observation late, j must have done so before t_i. With equal risks a pair
    counts half:

        C = (concordant + ½ tied in risk) / comparable.

    1 is a perfect order, ½ what a coin gets. `method="harrell"` counts pairs. That depends on who
    was censored when; `method="uno"` weighs each pair by 1/G(t_i−)², G the chance of not having
    been censored, and says what would be seen without censoring, up to `until`; where the weights
    explode (the largest is above 10, and fewer than 10 equally weighted ends would say as much) it
    is null. Counts are exact, and rows that stand for several spells count as if repeated.

    The standard error is the infinitesimal jackknife √(Σ (c_i − C p_i)²) / comparable, with c_i and
    p_i the concordant (half of the tied) and comparable pairs that spell i is in, and G taken as
    known. Several spells of one customer are taken as independent. Bounds are normal in
    log(C / (1 − C)): simulated, they cover 92 to 96 times in 100 with 30 spells or more, where
    C ± z · standard error covers 88 to 95 times.

    Args:
        scored: a table of spells (`duration`, `churned`, perhaps `entry`, `n_spells`) with the
            prediction as a column.
        risk: the column of predictions, higher where the customer is thought to leave sooner. A
            predicted lifetime or survival has to be given with its sign turned: a warning says so
            where the concordance is below 0.4.
        method: "harrell" or "uno".
        until: only ends before this time lead a pair, in the unit of `duration`; None for all.
        censoring: spells from which Uno's G is estimated, say those the model was fitted on; None
            for those that are scored.
        censoring_by: columns of both tables, in whose strata G is estimated.
        landmark: only spells under observation at this time; None for all.
        level: confidence of the bounds.

    Returns:
        One row, in the caller's kind: `method`, `until` and `landmark` (null if none), `n_spells`,
        `n_churned`, `n_comparable`, `n_concordant`, `n_discordant`, `n_tied_risk` (pairs),
        `weight_comparable`, `weight_concordant`, `weight_tied_risk` (their weights; for Harrell the
        same numbers), `concordance`, `standard_error`, `lower`, `upper` (null where C is 0 or 1),
        `reason` (null, or why the concordance is).

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a prediction is missing, or rows stand for more than 3,037,000,499 spells.
        RetentionError: if an argument is no choice, or with `method="uno"` spells came under
            observation late and there is no landmark.

    Example:
        Of six comparable pairs four are in the right order, and one is tied.

        >>> import pandas as pd
        >>> import retention as rt
        >>> scored = pd.DataFrame({
        ...     "duration": [1, 2, 3, 4], "churned": [True, True, True, False],
        ...     "risk": [0.9, 0.4, 0.6, 0.4],
        ... })
        >>> found = rt.survival.concordance(scored)
        >>> found[["n_comparable", "n_concordant", "n_discordant", "n_tied_risk", "concordance"]]
           n_comparable  n_concordant  n_discordant  n_tied_risk  concordance
        0             6             4             1            1         0.75

    Source:
        Harrell, F. E. et al. (1982), Journal of the American Medical Association 247, 2543–2546.
        Uno, H. et al. (2011), Statistics in Medicine 30, 1105–1117. Standard error: Therneau, T.
        and Atkinson, E. (2024), "Concordance", vignette of the R package survival.
    """
    check_choice("method", method, ("harrell", "uno"))
    z = intervals.quantile_of(level)
    names = strata_names(censoring_by)
    if method == "harrell" and (censoring is not None or names):
        raise RetentionError("censoring is for method='uno': Harrell's pairs are not weighted.")
    mark, last = check_landmark(landmark), None if until is None else check_time(until, "until")
    found = read_scored(scored, {"risk": [risk], "censoring_by": names}, mark)
    values = column_of_predictions(found, risk, "risk")
    leads = found.churned & (True if last is None else found.duration < last)
    pairs = count_pairs(found, values, leads.astype(np.int64))
    weighted, reason = pairs, None
    if method == "uno":
        weights = censoring_weighting(found, "Uno's concordance", censoring, names, mark)
        squares = np.where(leads, weights.weights_of_ends(found), 0.0) ** 2
        weighted = count_pairs(found, values, squares)
        reason = _why_no_concordance(found, pairs, weighted, squares)
    said = {"method": method, "until": last, "landmark": mark}
    counts = _columns_of_pairs(found, pairs, weighted)
    judged = _concordance_with_bounds(found.weights, weighted, reason, z)
    if judged["concordance"][0] < LOW:
        warn(
            advice_on_reversal(
                f"the concordance of {risk!r} is {judged['concordance'][0]:.3g}", risk
            )
        )
    return table_like(_columns_of_conventions(said) | counts | judged, scored)


def count_pairs(found: Histories, values: NDArray[Any], lead: NDArray[Any]) -> Pairs:
    """The pairs that each spell is in.

    Args:
        found: the spells.
        values: their predicted risks.
        lead: what a pair counts whose first to leave is this spell; 0 if it cannot be the first.

    Raises:
        ContentError: if the rows stand for more spells than have countable pairs.
    """
    if found.weights.astype(np.float64).sum() > MOST_SPELLS:
        raise ContentError(
            f"n_spells: the rows stand for {found.weights.astype(np.float64).sum():,.0f} spells, "
            f"whose pairs are more than can be counted; at most {MOST_SPELLS:,} can. Draw a sample "
            "of them."
        )
    rank = places_of_values(values)[1].astype(np.int64)
    key, late = _comparison_keys(found, lead > 0)
    weight = found.weights.astype(lead.dtype)
    # A spell that entered late is no partner of those who left by then: it is counted a second
    # time, negatively, as if it had been censored on entry.
    rank, follow = np.append(rank, rank[late]), np.append(weight, -weight[late])
    lead = np.append(lead, np.zeros(late.size, lead.dtype))
    led, followed = pairs_within_groups(np.zeros_like(key), key, lead, follow)
    concordant = pairs_ranked_higher(rank, key, lead, follow)
    tied = np.zeros_like(concordant)
    if rank.size and rank.max() + 1 < rank.size:
        ahead, behind = pairs_within_groups(rank, key, lead, follow)
        tied = lead * ahead + behind

    def of_rows(values: NDArray[Any]) -> NDArray[Any]:
        rows = values[: weight.size].copy()
        rows[late] -= values[weight.size :]
        return rows

    comparable = of_rows(lead * led + followed)
    return Pairs(comparable, of_rows(concordant), of_rows(tied), (lead * led)[: weight.size])


def _comparison_keys(
    found: Histories, leads: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """A number for each row such that a leading i is comparable with j if its number is smaller.

    It is how many distinct times of leading ends come before the end of a spell, or before or at
    its censoring. Behind the rows come those that entered late, as if censored on entry.
    """
    duration, place = places_of_values(found.duration)
    leading = np.bincount(place[leads], minlength=duration.size) > 0
    so_far = np.cumsum(leading)
    key = np.where(found.churned, (so_far - leading)[place], so_far[place])
    if found.entry is None:
        return key, np.zeros(0, np.intp)
    late = np.flatnonzero(np.isfinite(found.entry))
    on_entry = np.searchsorted(duration[leading], found.entry[late], side="right")
    return np.append(key, on_entry), late


def pairs_within_groups(
    group: NDArray[np.int64], key: NDArray[np.int64], lead: NDArray[Any], follow: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """In the same group: what follows with a larger key, and what leads with a smaller one."""
    code = group * (int(key.max()) + 1) + key
    order = np.argsort(code)
    code, group = code[order], group[order]
    follows = np.append(0, np.cumsum(follow[order])).astype(follow.dtype)
    leads = np.append(0, np.cumsum((lead * follow)[order])).astype(follow.dtype)
    (first, last), (group_first, group_last) = _bounds_of_runs(code), _bounds_of_runs(group)
    ahead, behind = np.empty_like(follow), np.empty_like(follow)
    ahead[order] = follows[group_last] - follows[last]
    behind[order] = leads[first] - leads[group_first]
    return ahead, behind


def _bounds_of_runs(values: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each element of a sorted array, where the run of its value begins and ends."""
    begins = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    sizes = np.diff(np.append(begins, values.size))
    return np.repeat(begins, sizes), np.repeat(begins + sizes, sizes)


def pairs_ranked_higher(
    rank: NDArray[np.int64], key: NDArray[np.int64], lead: NDArray[Any], follow: NDArray[Any]
) -> NDArray[Any]:
    """For each spell the pairs in which the smaller key has the higher rank.

    In the order of ranks these are the pairs in which a larger key comes first. The keys are told
    apart bit by bit, from the highest: among those alike so far, each 1 that comes before a 0 is
    such a pair, and a stable partition by the bit prepares the next one. Ranks and keys can change
    places, so the one with fewer values is taken apart.
    """
    if rank.max() < key.max():
        rank, key = key.max() - key, rank.max() - rank
    order = np.argsort(rank * (int(key.max()) + 1) + key)
    key, lead, follow = key[order].astype(np.int32), lead[order], follow[order]
    met = np.zeros_like(follow)
    begins = np.zeros(1, np.intp)
    for bit in reversed(range(int(key.max()).bit_length())):
        one = (key >> bit & 1).astype(np.bool_)
        sizes = np.diff(np.append(begins, key.size))
        met += _pairs_in_runs(one, lead, follow, begins, sizes)
        ones = np.add.reduceat(one, begins, dtype=np.intp)
        sizes = np.append(sizes - ones, ones)
        sizes = sizes[sizes > 0]
        begins = np.cumsum(sizes) - sizes
        to = np.append(np.flatnonzero(~one), np.flatnonzero(one))
        key, lead, follow, met, order = key[to], lead[to], follow[to], met[to], order[to]
    found = np.empty_like(met)
    found[order] = met
    return found


def _pairs_in_runs(
    one: NDArray[np.bool_],
    lead: NDArray[Any],
    follow: NDArray[Any],
    begins: NDArray[np.intp],
    sizes: NDArray[np.intp],
) -> NDArray[Any]:
    """In each run: for a 0 what follows among the 1s before it, for a 1 what leads after it."""
    followers = np.cumsum(np.where(one, follow, 0))
    leaders = np.cumsum(np.where(one, 0, lead * follow))
    before = np.where(begins > 0, followers[begins - 1], 0)
    whole = leaders[begins + sizes - 1]
    met: NDArray[Any] = np.where(
        one, np.repeat(whole, sizes) - leaders, lead * (followers - np.repeat(before, sizes))
    )
    return met


def _why_no_concordance(
    found: Histories, pairs: Pairs, weighted: Pairs, squares: NDArray[np.float64]
) -> str | None:
    """Why Uno's concordance cannot be had: an end that matters has no weight, or far too much."""
    if (squares[pairs.led > 0] == 0).any():
        return "censoring was not observed up to the last end: say until=, an earlier time"
    total = (found.weights * weighted.led).sum()
    effective = float(intervals.effective_n(total, (found.weights * weighted.led**2).sum()))
    largest = float(squares[pairs.led > 0].max(initial=0))
    if is_exploding(largest, effective):
        return (
            f"the weights explode: one end stands for {largest:.0f}, all for {effective:.1f}: "
            "say until=, an earlier time"
        )
    return None


def _columns_of_conventions(said: dict[str, Any]) -> Columns:
    """The conventions, as columns of one row."""
    return {
        name: np.array([value], dtype=object if isinstance(value, str) else np.float64)
        for name, value in said.items()
    }


def _columns_of_pairs(found: Histories, pairs: Pairs, weighted: Pairs) -> Columns:
    comparable, concordant, tied = pairs.totals(found.weights)
    weights = weighted.totals(found.weights)
    counts = {
        "n_spells": found.n,
        "n_churned": found.weights[found.churned].sum(),
        "n_comparable": comparable,
        "n_concordant": concordant,
        "n_discordant": comparable - concordant - tied,
        "n_tied_risk": tied,
    }
    names = ("weight_comparable", "weight_concordant", "weight_tied_risk")
    return {name: np.array([value], np.int64) for name, value in counts.items()} | {
        name: np.array([value], np.float64) for name, value in zip(names, weights, strict=True)
    }


def _concordance_with_bounds(
    weight: NDArray[np.int64], pairs: Pairs, reason: str | None, z: float
) -> Columns:
    """C with its standard error and bounds."""
    comparable, concordant, tied = pairs.totals(weight)
    if not comparable:
        reason = "no two spells can be compared"
    c = error = lower = upper = np.nan
    if reason is None:
        c = float((concordant + tied / 2) / comparable)
        residual = pairs.concordant + pairs.tied / 2 - c * pairs.comparable
        error = float(np.sqrt((weight * residual**2).sum()) / comparable)
        if 0 < c < 1:
            spread = np.exp(z * error / (c * (1 - c)))
            lower, upper = c / (c + (1 - c) * spread), c * spread / (c * spread + 1 - c)
    numbers = {"concordance": c, "standard_error": error, "lower": lower, "upper": upper}
    columns = {name: np.array([value], np.float64) for name, value in numbers.items()}
    return columns | {"reason": np.array([reason], dtype=object)}

"""Do as many customers leave for a reason in one segment as in another? Gray's test."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError, RetentionError
from retention.frames import Columns, table_like
from retention.numerics import step_functions
from retention.survival.counts.risk_sets import RiskSets, risk_sets_by_cause
from retention.survival.curves.log_rank import chi_squared, sorted_segments, upper_tail
from retention.tables import LIFETIMES, refuse_taken, segments
from retention.tables.answer_columns import constants, gives, numbers, texts, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Placed = tuple[int, RiskSets]  # with the place of its segment

_CELLS = 1_000_000  # durations × segments × segments at a time


@gives(
    "reason and segment",
    texts("reason"),
    whole_numbers("n_spells", "n_churned"),
    numbers("n_expected", unit="customers"),
    constants(texts("test")),
    numbers("statistic"),
    whole_numbers("degrees_of_freedom"),
    numbers("p_value"),
)
def compare_incidence(
    spells: IntoFrameT,
    *,
    by: str | Sequence[str],
    cause: str = "reason",
    strata: str | Sequence[str] = (),
) -> IntoFrameT:
    """Whether segments lose different shares of customers to each reason (Gray's test).

    The log-rank test of one reason compares hazards, of those still here. This one compares
    `cumulative_incidence`, the share of all who came: where more leave for a rival, fewer are left
    to leave over the price. At each duration u with d_u ends for the reason in all segments, one
    with n_iu at risk, Kaplan–Meier survival S_i and incidence F_i, both just before u, has

        R_i = n_iu (1 − F_i) / S_i

    at risk of it, those who left for another reason among them, and expects d_u R_i / Σ R. Observed
    less expected, with Gray's covariance under the hypothesis that all F_i are the same, give a χ²
    with one degree of freedom less than there are segments.

    Args:
        spells: as in `cumulative_incidence`; without late entry.
        by: the segment columns that are compared.
        cause: the column that says why a spell ended.
        strata: columns within whose values the segments are compared; the sums are then added.

    Returns:
        One row per reason and segment, in the caller's kind: the `by` columns, `reason`,
        `n_spells`, `n_churned` (seen ends for this reason), `n_expected` (if the same share left in
        all), and the same in each row of a reason: `test` ("gray"), `statistic` (χ²),
        `degrees_of_freedom`, `p_value`; null where nothing tells segments apart.

    Raises:
        RetentionError: if `by` is empty.
        ContentError: if there is one segment only, or more than 1,000, or spells entered late.
        and as `cumulative_incidence`.

    Example:
        Of three on each plan, all on "basic" leave over the price, and one on "full". Of 1.4 that
        "basic" would lose alike, 1/2 is of day 1, 2/5 of day 2 and 2 · 1/4 of day 3.

        >>> import pandas as pd
        >>> import retention as rt
        >>> spells = pd.DataFrame({
        ...     "duration": [1, 2, 3, 2, 3, 3], "churned": True,
        ...     "reason": ["price", "price", "price", "rival", "rival", "price"],
        ...     "plan": ["basic"] * 3 + ["full"] * 3,
        ... })
        >>> compared = rt.survival.compare_incidence(spells, by="plan")
        >>> compared[["plan", "reason", "n_churned", "n_expected"]].round(2)
            plan reason  n_churned  n_expected
        0  basic  price          3         1.4
        1   full  price          1         2.6
        2  basic  rival          0         1.1
        3   full  rival          2         0.9

    Source:
        Gray, R. J. (1988), Annals of Statistics 16, 1141–1154, with ρ = 0.
    """
    names, within = segments(by, LIFETIMES), segments(strata, LIFETIMES)
    if not names:
        raise RetentionError("compare_incidence needs by=: the segment columns to compare.")
    reasons, sets = risk_sets_by_cause(spells, [*within, *names], cause=cause)
    _refuse_entries(sets)
    keys = sorted_segments([one.key[len(within) :] for one in sets], names)
    place = {key: i for i, key in enumerate(keys)}
    placed = [(place[one.key[len(within) :]], one) for one in sets]
    strata_of = groupby(placed, key=lambda each: each[1].key[: len(within)])
    parts_of = [list(found) for _, found in strata_of]
    parts = [_columns_of_reason(parts_of, k, len(keys)) for k in range(len(reasons))]
    of_keys = {
        name: np.tile(np.array([key[i] for key in keys], object), len(reasons))
        for i, name in enumerate(names)
    }
    answer: Columns = {
        "reason": np.repeat(np.array(reasons, dtype=object), len(keys)),
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
    }
    refuse_taken(names, answer)
    return table_like(of_keys | answer, spells)


def _refuse_entries(sets: Sequence[RiskSets]) -> None:
    if n := sum(int(one.entering.sum()) for one in sets):
        raise ContentError(
            f"spells: {n:,} came under observation after their start. Gray's test compares shares "
            "of all who came, so it takes spells watched from the start: leave the others out, or "
            "compare hazards with compare_curves or fit_cause_specific."
        )


def _columns_of_reason(strata: Sequence[Sequence[Placed]], cause: int, k: int) -> Columns:
    """The columns of one reason, a row per segment."""
    excess, covariance, expected = np.zeros(k), np.zeros((k, k)), np.zeros(k)
    counts = np.zeros((2, k), np.int64)
    for placed in strata:
        one = _compared_ends(placed, cause, k)
        at_risk = one.at_risk_of_reason
        share = np.divide(one.all_ends[:, None] * at_risk, at_risk.sum(axis=1, keepdims=True))
        expected += share.sum(axis=0)
        excess += (one.ended - share).sum(axis=0)
        covariance += _gray_covariance(one)
        for i, each in placed:
            counts[:, i] += (each.n_entered.sum(), each.n_churned[:, cause].sum())
    statistic, freedom = chi_squared(excess, covariance)
    constant: dict[str, Any] = {"statistic": statistic, "degrees_of_freedom": freedom}
    return {
        "n_spells": counts[0],
        "n_churned": counts[1],
        "n_expected": expected,
        "test": np.full(k, "gray", dtype=object),
        **{name: np.full(k, value) for name, value in constant.items()},
        "p_value": np.full(k, upper_tail(statistic, freedom)),
    }


@dataclass(frozen=True, slots=True)
class _Ends:
    """The segments of a stratum at the durations at which anybody left, while somebody is at risk.

    Attributes:
        ended: for the reason, a column per segment.
        other: for others.
        at_risk: spells at risk.
        before: survival of each segment just before.
        after: and just after.
        left: the share that has left for the reason just before.
    """

    ended: Floats
    other: Floats
    at_risk: Floats
    before: Floats
    after: Floats
    left: Floats

    @property
    def all_ends(self) -> Floats:
        """Ends for the reason in all segments."""
        return np.asarray(self.ended.sum(axis=1))

    @property
    def lifted(self) -> Floats:
        """Spells at risk over survival: as many as came, less those lost sight of."""
        found = np.zeros(self.at_risk.shape)
        return np.divide(self.at_risk, self.before, out=found, where=self.at_risk > 0)

    @property
    def at_risk_of_reason(self) -> Floats:
        """Those who left for another reason among them."""
        return np.asarray(self.lifted * (1 - self.left))


def _compared_ends(placed: Sequence[Placed], cause: int, k: int) -> _Ends:
    times = np.unique(
        np.concatenate([one.duration[one.n_churned.sum(axis=1) > 0] for _, one in placed])
    )
    ended, other, at_risk = (np.zeros((times.size, k)) for _ in range(3))
    for i, one in placed:
        here = np.searchsorted(times, one.duration)
        known = np.flatnonzero(np.append(times, np.inf)[here] == one.duration)
        ended[here[known], i] = one.n_churned[known, cause]
        other[here[known], i] = one.n_churned[known].sum(axis=1) - one.n_churned[known, cause]
        at_risk[:, i] = one.at_risk(times)
    hazard = step_functions.hazard(ended + other, at_risk)
    after = np.asarray(np.cumprod(1 - hazard, axis=0), np.float64)
    ones = np.ones((1, k))
    before = np.concatenate([ones, after])[: times.size]
    left = np.cumsum(before * step_functions.hazard(ended, at_risk), axis=0)
    left = np.concatenate([0 * ones, left])[: times.size]
    return _Ends(ended, other, at_risk, before, after, left)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Durations and segments as Gray's covariance weighs them.

    Attributes:
        per_end: what an end for the reason adds to the pooled incidence, over 1 less that.
        own: variance of what ends for the reason add, by segment.
        own_pull: how far these pull the segment's own incidence along.
        others: and for the other reasons.
        others_pull: likewise.
    """

    per_end: Floats
    own: Floats
    own_pull: Floats
    others: Floats
    others_pull: Floats


def _weighed_ends(one: _Ends) -> _Weighed:
    d, total = one.all_ends, one.lifted.sum(axis=1)
    pooled = np.cumsum(d / total)
    before = np.append(0.0, pooled)[: d.size]
    ratio = np.divide(1 - pooled[:, None], one.after, out=np.zeros_like(one.after),
                      where=one.after > 0)  # fmt: skip
    some = (one.at_risk > 0) & (d > 0)[:, None]
    whole = total[:, None] * one.before - 1
    tied = 1 - np.divide(d[:, None] - 1, whole, out=np.zeros_like(whole),
                         where=(d > 1)[:, None] & (whole > 0))  # fmt: skip
    own = np.divide(tied * one.before * d[:, None], total[:, None] * one.at_risk,
                    out=np.zeros_like(whole), where=some)  # fmt: skip
    several = one.other > 1
    tied = 1 - np.divide(one.other - 1, one.at_risk - 1, out=np.zeros_like(whole), where=several)
    others = np.divide(tied * one.before**2 * one.other, one.at_risk**2, out=np.zeros_like(whole),
                       where=(one.other > 0) & (one.after > 0))  # fmt: skip
    room = total * (1 - before)
    per_end = np.divide(d, room, out=np.zeros_like(d), where=room > 0)
    return _Weighed(per_end, own, 1 - ratio, others, ratio)


def _gray_covariance(one: _Ends) -> Floats:
    """Of observed less expected ends: Gray's, with the ties of his program."""
    k = one.at_risk.shape[1]
    weighed = _weighed_ends(one)
    covariance, mixed, squares = np.zeros((k, k)), np.zeros((k, k)), np.zeros(k)
    reach = np.zeros((k, k))
    for rows in _rows_at_a_time(len(one.at_risk), k):
        lifted = one.lifted[rows]
        share = lifted / lifted.sum(axis=1, keepdims=True)
        apart = lifted[:, :, None] * (np.eye(k) - share[:, None, :])
        along = reach + np.cumsum(apart * weighed.per_end[rows, None, None], axis=0)
        own, own_pull = weighed.own[rows], weighed.own_pull[rows]
        others, others_pull = weighed.others[rows], weighed.others_pull[rows]
        pulled = apart - own_pull[:, None, :] * along
        lost = others_pull[:, None, :] * along
        covariance += np.einsum("uik,ujk,uk->ij", pulled, pulled, own, optimize=True)
        covariance += np.einsum("uik,ujk,uk->ij", lost, lost, others, optimize=True)
        mixed += np.einsum("uik,uk->ik", pulled, own_pull * own)
        mixed -= np.einsum("uik,uk->ik", lost, others_pull * others)
        squares += (own_pull**2 * own + others_pull**2 * others).sum(axis=0)
        reach = along[-1]
    both = reach @ mixed.T
    return np.asarray(covariance + (reach * squares) @ reach.T + both + both.T)


def _rows_at_a_time(n: int, k: int) -> Iterator[slice]:
    size = max(1, _CELLS // k**2)
    return (slice(low, low + size) for low in range(0, n, size))

"""The risk sets of each segment: how many are at risk, leave and enter at each duration.

A spell is at risk of ending at time t if entry < t ≤ duration; one without an entry, or with one of
0 or less, is at risk from the origin, time 0 included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, RetentionError, warn
from retention.frames import Columns, Frame, as_text, collect
from retention.numerics.codes import MOST_GROUPS, Key, group_numbers, refuse_identifier
from retention.survival.counts.histories import (
    LATE,
    N,
    counts_of_spells,
    refuse_impossible_spells,
    spell_kinds_at_hand,
    spells_under_observation,
    usable_spells,
    warn_of_doubtful_rows,
)
from retention.survival.counts.observation import (
    FROM_THERE,
    Unseen,
    unseen_of_counts,
    warn_of_unseen_stretches,
)
from retention.tables import LIFETIMES, segments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


CAUSE = "_cause"
"""The column of reasons, as text."""


@dataclass(frozen=True, slots=True)
class RiskSets:
    """The risk sets of one segment: who is at risk, leaves and enters at each duration.

    Attributes:
        key: the segment's values, in the order of `by`.
        duration: the distinct durations at which spells end or are censored, ascending.
        n_at_risk: spells with entry < duration that have lasted at least as long.
        n_churned: ends at that duration, a column per cause (one column where none was asked for).
        n_censored: spells seen no further than that.
        n_entered: spells that came under observation since the duration before.
        entries: the distinct entries after the origin, ascending.
        entering: how many spells come under observation then.
    """

    key: Key
    duration: NDArray[Any]
    n_at_risk: NDArray[np.int64]
    n_churned: NDArray[np.int64]
    n_censored: NDArray[np.int64]
    n_entered: NDArray[np.int64]
    entries: NDArray[np.float64]
    entering: NDArray[np.int64]

    @property
    def unseen(self) -> Unseen:
        """The stretches in which nobody was under observation."""
        ended = self.n_churned.sum(axis=1)
        return unseen_of_counts(
            self.duration,
            self.n_at_risk - ended - self.n_censored,
            self.entries,
            from_origin=bool(self.n_entered.sum() > self.entering.sum()),
            ended_at_start=bool(self.duration[0] <= 0 and ended[0]),
        )

    @property
    def observation_columns(self) -> Columns:
        """Since when those of each row were watched, and what is to be said of it."""
        unseen = self.unseen
        return {
            "observed_from": unseen.watched_since(self.duration),
            "note": unseen.notes(self.duration),
        }

    def at_risk(self, times: NDArray[Any]) -> NDArray[np.int64]:
        """Spells at risk at any durations, not only those at which one leaves."""
        place = np.searchsorted(self.duration, times)
        later = np.append(self.n_at_risk, 0)[place]
        # Of those at risk as the next one leaves, some have not come under observation yet.
        until = np.append(self.duration, np.inf)[place]
        joined = np.concatenate([[0], np.cumsum(self.entering)])
        ahead = np.searchsorted(self.entries, [until, times], side="left")
        return np.asarray(
            np.where(place < self.duration.size, later - joined[ahead[0]] + joined[ahead[1]], 0)
        )


def risk_sets_by_segment(spells: object, by: str | Sequence[str]) -> list[RiskSets]:
    """The risk sets of every segment, counted by the engine that holds the spells.

    Args:
        spells: a table of spells of any engine.
        by: segment columns.

    Raises:
        as `read_spells`.
    """
    _, groups = _causes_and_risk_sets(spells, by, "")
    return groups


def risk_sets_by_cause(
    spells: object, by: str | Sequence[str], *, cause: str
) -> tuple[list[str], list[RiskSets]]:
    """The causes there are, sorted, and the risk sets with a column of `n_churned` for each."""
    if not cause:  # which would ask for no reasons at all
        raise RetentionError(f"cause must be the name of one column; got {cause!r}.")
    causes, groups = _causes_and_risk_sets(spells, by, cause)
    return causes, groups


def warn_of_the_unseen(groups: Sequence[RiskSets], *, zero: bool = True) -> None:
    """One warning of what nobody observed, and one of curves that are 0 early.

    Args:
        groups: the risk sets of each segment.
        zero: whether the answer is one that stays 0 once all at risk have left.
    """
    told = [(", ".join(one.key), one.unseen, 0.0, float(one.duration[-1])) for one in groups]
    warn_of_unseen_stretches(told, FROM_THERE, table="spells")
    if zero:
        _warn_of_early_zero(groups)


def _warn_of_early_zero(groups: Sequence[RiskSets]) -> None:
    """All spells of a small early risk set ended: the curve is 0 from there on, whoever follows."""
    for group in groups:
        emptied = np.flatnonzero(group.n_churned.sum(axis=1) >= group.n_at_risk)
        known = group.unseen.known(group.duration)
        if emptied.size and emptied[0] < group.duration.size - 1 and known[emptied[0] + 1]:
            where = f" of {', '.join(group.key)}" if group.key else ""
            first, n = group.duration[emptied[0]], group.n_at_risk[emptied[0]]
            warn(
                f"The curve{where} is 0 from duration {first} on, as {_all_spells(n)} at risk "
                f"there ended, though others come under observation later. Read "
                f"conditional_survival from a tenure of {first} or more instead."
            )


def _all_spells(n: int) -> str:
    return "the only spell" if n == 1 else f"all {n:,} spells"


def _causes_and_risk_sets(
    spells: object, by: str | Sequence[str], cause: str
) -> tuple[list[str], list[RiskSets]]:
    names = segments(by, LIFETIMES)
    asked = {"by": names, **({"cause": [cause]} if cause else {})}
    frame = usable_spells(spells, asked=asked, table="spells")
    schema = frame.collect_schema()
    labels = [as_text(name, schema[name]) for name in names]
    if cause:
        labels.append(cause_as_text(cause, schema[cause]))
    frame = frame.with_columns(*labels) if labels else frame
    entries, late = _counts_of_entries(frame, names) if "entry" in schema else (None, False)
    keys = [*names, "duration", "churned", *([CAUSE] if cause else [])]
    kinds = None if late else spell_kinds_at_hand(frame, keys)
    ends = collect(counts_of_spells(frame, keys, late=late) if kinds is None else kinds)
    refuse_impossible_spells(ends, "spells")
    if late:
        ends = spells_under_observation(ends, ends[LATE], "spells")
    warn_of_doubtful_rows(
        spells, ends["duration"], None if entries is None else entries["entry"], table="spells"
    )
    causes, ends[CAUSE] = _causes_of_ends(ends, cause)
    return causes, [
        _risk_sets_of_segment(key, here, late, len(causes))
        for key, here, late in _ends_and_entries(ends, entries, names)
    ]


def cause_as_text(column: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """Why spells ended, as text in a column of its own."""
    try:
        return as_text(column, dtype).alias(CAUSE)
    except ColumnError:
        raise ColumnError(
            f"cause: column {column!r} holds {dtype}, not labels. as_spells(..., "
            f"reason={column!r}) makes text of codes."
        ) from None


def _counts_of_entries(frame: Frame, names: Sequence[str]) -> tuple[Columns, bool]:
    """How many spells come under observation when, after the origin; whether some are too late."""
    found = collect(
        counts_of_spells(frame.filter(nw.col("entry") > 0), [*names, "entry"], late=True)
    )
    in_time = found[N] - found[LATE]
    # To some engines NaN is above 0.
    kept = (in_time > 0) & ~np.isnan(found["entry"].astype(np.float64))
    entries = {name: values[kept] for name, values in {**found, N: in_time}.items()}
    return entries, bool(found[LATE].any())


def _causes_of_ends(ends: Columns, cause: str) -> tuple[list[str], NDArray[np.intp]]:
    """The causes of seen ends, and for each row the place of its cause among them."""
    size = ends["duration"].size
    code, labels = group_numbers(ends, [CAUSE] if cause else [], size)
    seen = np.unique(code[ends["churned"].astype(bool)])
    if not (cause and seen.size):
        return ["(missing)"], np.zeros(size, np.intp)
    place = np.minimum(np.searchsorted(seen, code), seen.size - 1)
    return [labels[i][0] for i in seen.tolist()], place


def _ends_and_entries(
    ends: Columns, entries: Columns | None, names: Sequence[str]
) -> Iterator[tuple[Key, Columns, Columns]]:
    """Each segment, sorted, with its ends and its entries after the origin."""
    if entries is None:
        entries = {name: ends[name][:0] for name in names}
        entries |= dict.fromkeys(("entry", N), np.zeros(0, np.int64))
    n, n_entries = ends[N].size, entries[N].size
    both = {name: np.append(ends[name], entries[name]) for name in names}
    code, keys = group_numbers(both, names, n + n_entries)
    refuse_identifier("by", names, len(keys), MOST_GROUPS, "segments")
    ended, joined = _rows_of_segments(code[:n], len(keys)), _rows_of_segments(code[n:], len(keys))
    for i, key in enumerate(keys):
        here = {name: ends[name][ended[i]] for name in ("duration", "churned", CAUSE, N)}
        yield key, here, {name: entries[name][joined[i]] for name in ("entry", N)}


def _rows_of_segments(codes: NDArray[np.intp], n_groups: int) -> list[NDArray[np.intp]]:
    """The rows of each segment."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.cumsum(np.bincount(codes, minlength=n_groups))[:-1])


def _risk_sets_of_segment(key: Key, ends: Columns, entered: Columns, n_causes: int) -> RiskSets:
    duration, place = np.unique(ends["duration"], return_inverse=True)
    column = np.where(ends["churned"].astype(bool), ends[CAUSE], n_causes)
    left = np.zeros((duration.size, n_causes + 1), np.int64)
    np.add.at(left, (place, column), ends[N])
    entries, inverse = np.unique(entered["entry"].astype(np.float64), return_inverse=True)
    entering = np.zeros(entries.size, np.int64)
    np.add.at(entering, inverse, entered[N])
    gone = left.sum(axis=1)
    joined = np.zeros(duration.size, np.int64)
    np.add.at(joined, np.searchsorted(duration, entries, side="right"), entering)
    joined[0] += gone.sum() - joined.sum()  # from the origin on
    return RiskSets(
        key=key,
        duration=duration,
        n_at_risk=np.cumsum(joined) - (np.cumsum(gone) - gone),
        n_churned=left[:, :-1],
        n_censored=left[:, -1],
        n_entered=joined,
        entries=entries,
        entering=entering,
    )

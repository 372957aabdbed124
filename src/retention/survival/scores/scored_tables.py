"""Predictions beside what came of them: how every score reads its table, times and landmark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError, RetentionError, count_of
from retention.survival.counts.histories import Histories, read_spells
from retention.survival.counts.observation import time_in_words, unseen_of_rows
from retention.tables import LIFETIMES
from retention.tables.checks import given_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LOW = 0.4
"""A concordance or area below that is hardly chance: the sign of the risk may be turned."""

_SLACK = 1e-9  # rounding that a probability may carry


@dataclass(frozen=True, slots=True)
class Ends:
    """How many spells are at risk, end and are censored at each duration there is.

    Attributes:
        duration: the distinct durations, ascending.
        n_at_risk: spells with entry < duration that have lasted at least as long.
        n_churned: ends at that duration.
        n_censored: spells seen no further than that.
    """

    duration: NDArray[Any]
    n_at_risk: NDArray[np.int64]
    n_churned: NDArray[np.int64]
    n_censored: NDArray[np.int64]

    @property
    def n_gone(self) -> NDArray[np.int64]:
        """Spells that are not at risk any more after that duration."""
        return self.n_churned + self.n_censored

    def fates(self, times: Sequence[float]) -> Fates:
        """What had become of the spells by each time; censored at that very time is unknown."""
        last = np.searchsorted(self.duration, np.asarray(times), side="right")
        n_churned = np.concatenate([[0], np.cumsum(self.n_churned)])[last]
        n_unknown = np.concatenate([[0], np.cumsum(self.n_censored)])[last]
        n_spells = np.full(last.size, self.n_gone.sum(), np.int64)
        return Fates(n_spells, n_churned, n_spells - n_churned - n_unknown, n_unknown)


@dataclass(frozen=True, slots=True)
class Fates:
    """How many spells had ended, went on, or were no longer seen, at each of some times."""

    n_spells: NDArray[np.int64]
    n_churned: NDArray[np.int64]
    n_still: NDArray[np.int64]
    n_unknown: NDArray[np.int64]

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """As columns of an answer."""
        names = ("n_spells", "n_churned", "n_still", "n_unknown")
        return {name: getattr(self, name) for name in names}


def advice_on_reversal(said: str, risk: str) -> str:
    """What to think of an order that is worse than a coin's.

    Args:
        said: how bad it is.
        risk: the column of predictions.
    """
    return (
        f"risk: {said}, worse than a coin's ½: perhaps its sign is turned. Higher must mean "
        "sooner to leave: of a predicted lifetime or chance of staying give the opposite, as in "
        f"scored.assign({risk}=-scored[{risk!r}])."
    )


def read_scored(
    scored: object,
    columns: Mapping[str, Sequence[str]],
    landmark: float | None,
    *,
    table: str = "scored",
) -> Histories:
    """The spells that are scored, with their predictions.

    Args:
        scored: a table of spells of any engine, with predictions as columns.
        columns: the columns of predictions and segments, by the argument that names them.
        landmark: only the spells under observation at that time; None for all.
        table: what messages call it.

    Raises:
        ColumnError: if a column is missing or is one of the spells' own.
        ContentError: if nobody is at risk at the landmark.
    """
    for argument, names in columns.items():
        for name in names:
            if not isinstance(name, str):
                raise ColumnError(f"{argument} must name columns of the table; got {name!r}.")
            if name in LIFETIMES.names:
                raise ColumnError(
                    f"{argument} names {name!r}, which says what happened to the spell. Name "
                    "another column."
                )
    return histories_at_landmark(
        read_spells(scored, columns=columns, table=table), landmark, table=table
    )


def histories_at_landmark(found: Histories, landmark: float | None, *, table: str) -> Histories:
    """The spells that had been entered by the landmark and went on beyond it.

    Raises:
        ContentError: if there is none.
    """
    if landmark is None:
        return found
    here = found.duration > landmark
    if found.entry is not None:
        here &= found.entry <= landmark
    if not here.any():
        raise ContentError(
            f"{table}: no spell is at risk at landmark={landmark:g}: none had come under "
            "observation by then and lasted longer. Choose another landmark."
        )
    return replace(
        found,
        duration=found.duration[here],
        churned=found.churned[here],
        entry=None,
        weight=None if found.weight is None else found.weight[here],
        columns={name: values[here] for name, values in found.columns.items()},
    )


def refuse_late_entry(found: Histories, score: str, *, table: str = "scored") -> None:
    """Refuse late entry where the chance of being censored has no meaning.

    Raises:
        RetentionError: if a spell came under observation after its origin.
    """
    if found.entry is None:
        return
    n = int(found.weights[found.entry > 0].sum())
    raise RetentionError(
        f"{score}: {count_of(n, 'spell')} of {table} came under observation after the start "
        "(entry). How "
        "many would have been censored earlier is not known, so they cannot be weighted. Say "
        "landmark=..., a time that matters to you: those under observation then are scored from "
        "there on."
    )


def column_of_predictions(found: Histories, column: str, argument: str) -> NDArray[Any]:
    """A column of predictions as numbers.

    Raises:
        ColumnError: if it does not hold numbers.
        ContentError: if some are missing.
    """
    values = found.columns[column]
    try:
        values = values.astype(np.float64) if values.dtype.kind not in "iuf" else values
    except (TypeError, ValueError):
        raise ColumnError(
            f"{argument}: column {column!r} must hold numbers, one prediction a row; "
            f"got {found.columns[column].dtype}."
        ) from None
    if values.dtype.kind == "f" and (missing := np.isnan(values)).any():
        raise ContentError(
            f"{argument}: {int(missing.sum()):,} of {count_of(values.size, 'row')} "
            f"{'has' if missing.sum() == 1 else 'have'} no prediction in {column!r}. "
            f"{_advice_on_missing(found)}"
        )
    return values


def _advice_on_missing(found: Histories) -> str:
    """What to do where predictions are missing: where nobody was watched there can be none."""
    unseen = unseen_of_rows(found.entry, found.duration, found.churned)
    if not unseen:
        return "Leave those rows out."
    last = unseen.since.size - 1
    until = time_in_words(unseen.until[last])
    return (
        f"In these spells {unseen.stretch_in_words(last)}; where that is why, score with "
        f"landmark={until} and predictions given that, as from "
        f"with_predictions(..., landmark={until}). Leave the other rows out."
    )


def column_of_probabilities(
    found: Histories, column: str, argument: str, meaning: str = "the chance of still being here"
) -> NDArray[np.float64]:
    """A column of predicted survival, or of another chance.

    Raises:
        as `column_of_predictions`.
        ContentError: if one is not between 0 and 1.
    """
    values = column_of_predictions(found, column, argument).astype(np.float64, copy=False)
    outside = (values < -_SLACK) | (values > 1 + _SLACK)
    if outside.any():
        raise ContentError(
            f"{argument}: {int(outside.sum()):,} of {count_of(values.size, 'row')} "
            f"{'has' if outside.sum() == 1 else 'have'} a prediction in "
            f"{column!r} that is not between 0 and 1, such as {values[outside][0]:g}. It must be "
            f"{meaning}, as a share of 1."
        )
    return values


def check_time(value: object, argument: str) -> float:
    """A time since the start of a spell, as a float.

    Raises:
        RetentionError: if it is not a finite number of 0 or more.
    """
    if isinstance(value, Real) and not isinstance(value, bool) and 0 <= float(value) < np.inf:
        return float(value)
    raise RetentionError(
        f"{argument} must be a time since the start, 0 or more, in the unit of duration; "
        f"got {value!r}."
    )


def check_landmark(landmark: object) -> float | None:
    """The landmark as a float; None if there is none."""
    return None if landmark is None else check_time(landmark, "landmark")


def check_times(times: object, landmark: float | None, argument: str = "times") -> list[float]:
    """The times at which to score, in the order given.

    Raises:
        RetentionError: if there is none, one is no time, is named twice or not after the landmark.
    """
    given = list(times) if isinstance(times, Iterable) and not isinstance(times, str) else [times]
    found = [check_time(time, argument) for time in given]
    if not found:
        raise RetentionError(f"{argument} must name one time or more, as in times=[30, 90].")
    if len(set(found)) < len(found):
        twice = next(time for time in found if found.count(time) > 1)
        raise RetentionError(f"{argument} names {twice:g} twice.")
    if landmark is not None and min(found) <= landmark:
        raise RetentionError(
            f"{argument}: a time is counted from the start of the spell, so it must lie after "
            f"landmark={landmark:g}; got {min(found):g}."
        )
    return found


def times_with_columns(
    survival: Mapping[float, str] | Sequence[str] | str,
    times: Sequence[float] | None,
    landmark: float | None,
) -> list[tuple[float, str]]:
    """Each time with the column of survival predicted for it, in rising order.

    Raises:
        RetentionError: if times and columns do not belong together.
    """
    if isinstance(survival, Mapping):
        asked = check_times(survival if times is None else times, landmark)
        columns = {check_time(time, "survival"): name for time, name in survival.items()}
        for time in asked:
            if time not in columns:
                raise RetentionError(f"survival names no column for the time {time:g}.")
        return sorted((time, columns[time]) for time in asked)
    names = given_names(survival, argument="survival")
    if times is None:
        raise RetentionError("times must say which time each column of survival is for.")
    asked = check_times(times, landmark)
    if len(asked) != len(names):
        raise RetentionError(
            f"survival names {len(names)} columns for {len(asked)} times: give one for each, or a "
            "mapping, as in survival={30: 's30', 90: 's90'}."
        )
    return sorted(zip(asked, names, strict=True))


def places_of_values(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The distinct values, ascending, and for each element the place of its value among them."""
    if values.dtype.kind in "iu" and values.size:
        least, most = int(values.min()), int(values.max())
        if most - least < 4 * values.size:
            shifted = values - values.dtype.type(least)
            there = np.zeros(most - least + 1, np.bool_)
            there[shifted] = True
            return np.flatnonzero(there) + least, (np.cumsum(there) - 1)[shifted]
    distinct, place = np.unique(values, return_inverse=True)
    return distinct, place


def ends_of(found: Histories) -> Ends:
    """What happened at each duration."""
    duration, place = places_of_values(found.duration)
    size, churned = duration.size, found.churned
    gone = _spells_by_place(place, found.weight, size)
    left = _spells_by_place(
        place[churned], None if found.weight is None else found.weight[churned], size
    )
    late = np.zeros(size + 1, np.int64)
    if found.entry is not None:
        entered = np.searchsorted(duration, found.entry, side="right")
        late = _spells_by_place(entered, found.weight, size + 1)
    late[0] += gone.sum() - late.sum()  # from the origin on
    before = np.concatenate([[0], np.cumsum(gone)[:-1]])
    return Ends(duration, np.cumsum(late[:-1]) - before, left, gone - left)


def _spells_by_place(
    place: NDArray[np.intp], weight: NDArray[np.int64] | None, size: int
) -> NDArray[np.int64]:
    """How many spells there are in each place."""
    counted = np.bincount(place, weights=weight, minlength=size)
    return np.rint(counted).astype(np.int64) if weight is not None else counted.astype(np.int64)

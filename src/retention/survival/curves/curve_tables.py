"""The tables that survival_curve makes, read again: a curve a segment, from its counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError, RetentionError
from retention.frames import Columns, as_text, collect
from retention.numerics import step_functions
from retention.numerics.codes import Key, group_numbers
from retention.survival.counts.observation import (
    NOTHING,
    Unseen,
    time_in_words,
    unseen_between,
    warn_of_unseen_stretches,
)
from retention.tables import CURVE, refuse_taken, require, segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


FROM_TENURE = (
    "conditional_survival(curve, tenure={until}, horizon=...) says what follows from there on."
)
"""The way out of a summary, once its warning knows until when nobody was watched."""

_ARRAYS = (*("duration", "n_at_risk", "n_churned", "n_censored", "n_entered", "observed_from"),)


@dataclass(frozen=True, slots=True)
class Curve:
    """The curve of one segment: its columns in `survival_curve`, by duration."""

    key: Key
    duration: NDArray[Any]
    n_at_risk: NDArray[np.int64]
    n_churned: NDArray[np.int64]
    n_censored: NDArray[np.int64]
    n_entered: NDArray[np.int64]
    observed_from: NDArray[Any]

    @property
    def n(self) -> int:
        """How many spells it was made of."""
        return int(self.n_entered.sum())

    @property
    def unseen(self) -> Unseen:
        """The stretches in which nobody was under observation."""
        if not self.duration.size:
            return NOTHING
        since = np.append(0.0, self.observed_from[:-1])
        place = np.flatnonzero(self.observed_from > since)
        ended = bool(self.duration[0] <= 0 and self.n_churned[0])
        before = np.append(0.0, self.duration[:-1])[place]
        return unseen_between(before, self.observed_from[place], ended_at_start=ended)

    @property
    def survival(self) -> NDArray[np.float64]:
        """S at each duration; NaN once it was not observed for a while."""
        every = step_functions.kaplan_meier(self.n_churned, self.n_at_risk)
        return np.where(self.unseen.known(self.duration), every, np.nan)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Greenwood's variance of log S at each duration."""
        return np.cumsum(step_functions.greenwood_terms(self.n_churned, self.n_at_risk))

    def knows(self, time: float) -> bool:
        """Whether somebody was observed that long and all the time, or all had left by then."""
        if self.unseen.first_unknown(np.zeros(1), np.array([time]))[0] >= 0:
            return False
        return bool(time <= self.duration[-1] or self.survival[-1] == 0)

    def part_up_to(self, time: float) -> Curve:
        """The part of the curve up to a time."""
        here = self.duration <= time
        return replace(self, **{name: getattr(self, name)[here] for name in _ARRAYS})


def curves_of(table: object, by: str | Sequence[str]) -> list[Curve]:
    """The curves of a table, one a segment, sorted.

    Raises:
        ContentError: if it holds several segments that `by` does not tell apart.
    """
    names = segments(by, CURVE)
    frame = require(table, CURVE, extra=names, alone=True)
    schema = frame.collect_schema()
    own = [name for name in CURVE.names if name in schema]
    found = collect(frame.select(*(as_text(name, schema[name]) for name in names), *own))
    duration = found["duration"]
    if not duration.size:
        raise ContentError("curve: the table is empty.")
    found.setdefault("observed_from", np.full(duration.size, np.nan))
    code, keys = group_numbers(found, names, duration.size)
    order = np.lexsort([duration, code])
    rows = np.split(order, np.cumsum(np.bincount(code))[:-1])
    made = [
        Curve(key, *(found[name][mine] for name in CURVE.names))
        for key, mine in zip(keys, rows, strict=True)
    ]
    for one in made:
        _refuse_mixed_curves(one)
    return [replace(one, observed_from=_watched_since(one)) for one in made]


def _watched_since(one: Curve) -> NDArray[np.float64]:
    """Since when each row was watched; of a table that does not say, since the row before."""
    told = one.observed_from.astype(np.float64)
    left = np.append(1, (one.n_at_risk - one.n_churned - one.n_censored)[:-1])
    place = np.where(left > 0, 0, np.arange(left.size) - 1)
    latest = np.maximum.accumulate(place)
    since = np.where(latest > 0, one.duration[latest].astype(np.float64), 0.0)
    return np.where(np.isnan(told), since, told)


def _refuse_mixed_curves(one: Curve) -> None:
    """Refuse what is not one whole curve: counts that do not follow from those before."""
    if (one.duration[1:] == one.duration[:-1]).any():
        raise ContentError(
            "curve: a duration comes twice. Say by= with the segments it was made with."
        )
    left = np.append(0, (one.n_at_risk - one.n_churned - one.n_censored)[:-1])
    wrong = np.flatnonzero(one.n_at_risk != left + one.n_entered)
    if wrong.size:
        raise ContentError(
            f"curve: n_at_risk at duration {one.duration[wrong[0]]} does not follow from the rows "
            "before it. Give the whole table of survival_curve, and by= with its segments."
        )


def list_of_numbers(value: Any, argument: str) -> list[float]:
    """One number or several, as floats.

    Raises:
        RetentionError: if it is anything else.
    """
    several = np.atleast_1d(np.asarray(value))
    if several.dtype.kind not in "iuf" or several.ndim > 1 or not several.size:
        several = np.array([np.nan])
    if not np.isfinite(several).all():
        raise RetentionError(f"{argument} must be a number, or several in a list; got {value!r}.")
    return [float(number) for number in several]


def notes_of_spans(spans: Sequence[tuple[Curve, float, float]]) -> list[str | None]:
    """What is to be said of each span of a curve, and one warning of all.

    Args:
        spans: curves, and from when to when something is asked of them.
    """
    told = [(", ".join(one.key), one.unseen, start, end) for one, start, end in spans]
    warn_of_unseen_stretches(told, FROM_TENURE, table="curve")
    return [unseen.note(start, end) for _, unseen, start, end in told]


def notes_of_values(
    spans: Sequence[tuple[Curve, float, float]], values: NDArray[np.float64]
) -> list[str | None]:
    """The same, and where a value is null although nobody left the sight: what was too short.

    Args:
        spans: curves, and from when to when something is asked of them.
        values: what was found for each; NaN where it is not known.
    """
    notes = notes_of_spans(spans)
    return [
        _note_of_short_curve(one, note) if np.isnan(value) else note
        for (one, _, _), note, value in zip(spans, notes, values, strict=True)
    ]


def _note_of_short_curve(one: Curve, note: str | None) -> str | None:
    """What is said already, unless that is no reason for a null."""
    if note and not (one.unseen.leading and note == one.unseen.condition):
        return note
    short = f"nobody was watched beyond {time_in_words(float(one.duration[-1]))}"
    return f"{note}; {short}" if note else short


def text_column(values: Sequence[str | None]) -> NDArray[np.object_]:
    """A column of texts, some of them missing."""
    return np.array([*values, None], dtype=object)[:-1]


def table_of_curves(
    chosen: Sequence[Curve], by: str | Sequence[str], parts: Mapping[str, Any]
) -> Columns:
    """A table with a row for each of the chosen curves, headed by the values of its segment."""
    names = segments(by, CURVE)
    refuse_taken(names, parts)
    keys: Columns = {
        name: np.array([one.key[i] for one in chosen], dtype=object) for i, name in enumerate(names)
    }
    return keys | {name: np.asarray(values) for name, values in parts.items()}

"""What nobody observed, and the one rule for it.

Under late entry there may be stretches of time over which no spell was at risk under observation.

- A *leading* one reaches from the start of a stay to the least entry. Whoever was seen had got past
  it: an answer that looks beyond it is given that, as R prints it, and says so.
- One *within* the time asked about, or around its end, leaves the answer unknown: null, named from
  where to where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Texts = NDArray[np.object_]

FROM_THERE = (
    "conditional_survival(survival_curve(spells), tenure={until}, horizon=...) says what follows "
    "from there on."
)
"""The way out of a curve, once its warning knows until when nobody was watched."""


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """The stretches in which nobody was under observation, in their order.

    Attributes:
        since: where each begins.
        until: where each ends: the least entry behind it.
        leading: whether the first begins with the stay itself, and no end was seen before it.
    """

    since: Floats
    until: Floats
    leading: bool

    def __bool__(self) -> bool:
        return bool(self.since.size)

    @property
    def first_inner(self) -> int:
        """The place of the first stretch that is not leading."""
        return int(self.leading)

    def first_unknown(self, start: Floats, end: Floats) -> NDArray[np.intp]:
        """The first stretch for which a span from start to end is unknown; −1 where it is known."""
        found = np.full(np.shape(end), -1)
        if not self:
            return found
        ahead = np.searchsorted(self.until, start, side="right")
        if self.leading:
            ahead = np.where((ahead == 0) & (end > self.until[0]), 1, ahead)
        begins = np.append(self.since, np.inf)[ahead]
        return np.where((end > start) & (np.maximum(begins, start) < end), ahead, found)

    def starts_in_leading(self, start: Floats, end: Floats) -> NDArray[np.bool_]:
        """Whether a span begins in the leading stretch and goes on beyond it."""
        if not self.leading:
            return np.zeros(np.shape(end), np.bool_)
        return np.asarray((start < self.until[0]) & (end > self.until[0]))

    def note(self, start: float, end: float) -> str | None:
        """What is to be said of a span; None where it was watched from end to end."""
        span = np.array([start], np.float64), np.array([end], np.float64)
        place = int(self.first_unknown(*span)[0])
        if place >= 0:
            return self.stretch_in_words(place)
        return self.condition if self.starts_in_leading(*span)[0] else None

    def stretch_in_words(self, place: int) -> str:
        """A stretch in words."""
        since, until = (time_in_words(each[place]) for each in (self.since, self.until))
        return f"nobody was watched from {since} to {until}"

    @property
    def condition(self) -> str:
        """The leading stretch in words."""
        return f"given still here at {time_in_words(self.until[0])}: nobody was watched before"

    def stretches_passed(self, duration: NDArray[Any]) -> NDArray[np.intp]:
        """How many of the stretches lie before each of some durations at which spells end."""
        return np.searchsorted(self.until, np.asarray(duration, np.float64), side="left")

    def watched_since(self, duration: NDArray[Any]) -> Floats:
        """Since when somebody was under observation without a gap, at each of some durations."""
        return np.append(0.0, self.until)[self.stretches_passed(duration)]

    def known(self, duration: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether a curve from the start on (or from the leading stretch on) reaches so far."""
        return np.asarray(self.stretches_passed(duration) <= self.first_inner)

    def notes(self, duration: NDArray[Any]) -> Texts:
        """What is to be said of a curve at each of some durations."""
        found = np.full(np.shape(duration), None, dtype=object)
        passed = self.stretches_passed(duration)
        if self.leading:
            found[passed == 1] = self.condition
        if (passed > self.first_inner).any():
            found[passed > self.first_inner] = self.stretch_in_words(self.first_inner)
        return found


NOTHING = Unseen(np.zeros(0), np.zeros(0), leading=False)
"""Somebody was under observation all the time."""


def time_in_words(time: float) -> str:
    """A time as people write it, without the last digits of rounding."""
    return f"{time:.15g}"


def unseen_between(
    since: Iterable[float], until: Iterable[float], *, ended_at_start: bool
) -> Unseen:
    """The stretches from their ends, whether or not somebody was seen to leave at time 0."""
    first, last = (np.array(list(each), np.float64) for each in (since, until))
    leading = bool(first.size and first[0] <= 0 and not ended_at_start)
    return Unseen(first, last, leading)


def unseen_of_rows(
    entry: NDArray[Any] | None, duration: NDArray[Any], churned: NDArray[Any]
) -> Unseen:
    """The stretches that some spells leave; `entry` at or below 0 is the origin."""
    if entry is None or not duration.size:
        return NOTHING
    begun = np.maximum(entry.astype(np.float64), 0.0)
    order = np.argsort(begun, kind="stable")
    begun, length = begun[order], duration.astype(np.float64)[order]
    since = np.concatenate([[0.0], np.maximum.accumulate(length)[:-1]])
    empty = np.flatnonzero(begun > since)
    ended = bool((np.asarray(churned, np.bool_) & (duration <= 0)).any())
    return unseen_between(since[empty], begun[empty], ended_at_start=ended)


def unseen_of_counts(
    duration: NDArray[Any],
    left: NDArray[np.int64],
    entries: Floats,
    *,
    from_origin: bool,
    ended_at_start: bool,
) -> Unseen:
    """The stretches that counts leave.

    Args:
        duration: the distinct durations.
        left: how many of those at risk at each go on beyond it.
        entries: the distinct entries after the origin.
        from_origin: whether somebody was at risk from time 0 on.
        ended_at_start: whether somebody was seen to leave at time 0.
    """
    if not entries.size:
        return NOTHING
    stops = duration[:-1][left[:-1] == 0].astype(np.float64)
    stops = stops if from_origin else np.append(0.0, stops)
    until = entries[np.minimum(np.searchsorted(entries, stops), entries.size - 1)]
    empty = until > stops
    return unseen_between(stops[empty], until[empty], ended_at_start=ended_at_start)


def warn_of_unseen_stretches(
    told: Sequence[tuple[str, Unseen, float, float]],
    way: str,
    *,
    table: str,
    beyond: str = "what lies beyond is null",
) -> None:
    """One warning for all that an answer leaves out.

    Args:
        told: the segment ("" for all), what was not observed, and from when to when is asked.
        way: what to write instead, with {until} for the end of the stretch.
        table: what messages call the table.
        beyond: what becomes of the answer where there is a stretch within the time asked about.
    """
    assumed, lacking = {}, {}
    for name, unseen, start, end in told:
        span = np.array([start]), np.array([end])
        place = int(unseen.first_unknown(*span)[0]) if unseen else -1
        if place >= 0:
            lacking[name] = unseen.stretch_in_words(place), unseen.until[place]
        if unseen and unseen.starts_in_leading(*span)[0]:
            assumed[name] = unseen.condition, unseen.until[0]
    found = [_first_segment_in_words(some) for some in (assumed, lacking) if some]
    if found:
        words = [words for words, _ in found]
        if lacking:
            words[-1] += f", and {beyond}"
        until = time_in_words(max(until for _, until in found))
        warn(f"{table}: {'; '.join(words)}. {way.format(until=until)}")


def _first_segment_in_words(found: dict[str, tuple[str, float]]) -> tuple[str, float]:
    """The first of several segments in words, and how many are like it."""
    name, (words, until) = next(iter(found.items()))
    more = len(found) - 1
    others = f" and {more:,} more segment{'s' * (more > 1)}" if more else ""
    where = f" (of {name}{others})" if name or more else ""
    return f"{words}{where}", until

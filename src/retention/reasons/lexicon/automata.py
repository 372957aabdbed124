"""A compiled phrase at work: where it matches in the words of a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.reasons.lexicon.phrases import ANYTHING, places_of_bits

if TYPE_CHECKING:
    from retention.reasons.lexicon.phrases import Phrase

START, END = 1, 2
_EDGES = START | END
MOST_REMEMBERED = 20_000
"""How many words, or steps, are remembered."""


class Automaton:
    """A compiled phrase at work: sets of places are bits, and what was worked out is remembered."""

    __slots__ = (
        "accepts",
        "alike",
        "before",
        "first",
        "follow",
        "last",
        "longest",
        "opening",
        "reached",
        "relevant",
        "required",
        "taken",
    )

    def __init__(self, phrase: Phrase, bit_of: dict[frozenset[str], int]) -> None:
        self.first, self.last, self.follow = phrase.first, phrase.last, phrase.follow
        self.before = [0] * len(phrase.follow)
        for place, after in enumerate(phrase.follow):
            for next_place in places_of_bits(after):
                self.before[next_place] |= 1 << place
        self.longest = _most_words(phrase.follow)
        self.accepts = [0 if kind == ANYTHING else bit_of[kind] for kind in phrase.classes]
        self.relevant = _EDGES
        for bits in self.accepts:
            self.relevant |= bits
        self.opening = sum(1 << p for p in places_of_bits(self.first) if self.accepts[p])
        self.required = 0
        for kind in phrase.required:
            self.required |= bit_of[kind]
        self.taken: dict[int, int] = {}
        self.alike: dict[int, int] = {}
        self.reached = {0: self.first}

    def places_taking(self, kind: int, mask: int) -> int:
        """The places that a word of this kind, which has this mask, may stand at."""
        seen = mask & self.relevant
        places = self.alike.get(seen)
        if places is None:
            free = not seen & _EDGES
            places = self.alike[seen] = sum(
                1 << place
                for place, bits in enumerate(self.accepts)
                if (free if bits == 0 else bits & seen)
            )
        if len(self.taken) > MOST_REMEMBERED:
            self.taken.clear()
            self.alike.clear()
        self.taken[kind] = places
        return places

    def places_reached(self, state: int) -> int:
        """The places that a further word may stand at, those of a new match among them."""
        reach = self.first
        for place in places_of_bits(state):
            reach |= self.follow[place]
        if len(self.reached) > MOST_REMEMBERED:
            self.reached.clear()
        self.reached[state] = reach
        return reach

    def matches(
        self, kinds: list[int], masks: list[int], anchors: tuple[int, int]
    ) -> list[tuple[int, int]]:
        """Where matches start and end (both included); none overlaps another.

        Args:
            kinds: of the words of a sentence.
            masks: of the same words.
            anchors: where the first and the last word stand of those of which every match has one.
        """
        found, state, taken, reached = [], 0, self.taken, self.reached
        opening, last = self.opening, self.last
        start, end = anchors[0] - self.longest + 1, anchors[1] + self.longest
        for at in range(max(start, 0), min(end, len(kinds))):
            kind = kinds[at]
            places = taken.get(kind)
            if places is None:
                places = self.places_taking(kind, masks[at])
            if not (state or places & opening):
                continue  # no match begins here: a gap at the start may be left out
            reach = reached.get(state)
            state = places & (self.places_reached(state) if reach is None else reach)
            if state & last:
                found.append((self._latest_start(kinds, masks, at, state & last), at))
                state = 0
        return found

    def _latest_start(self, kinds: list[int], masks: list[int], end: int, places: int) -> int:
        """The latest word at which a match with this end can start."""
        at = end
        while not places & self.first:
            reach = 0
            for place in places_of_bits(places):
                reach |= self.before[place]
            at -= 1
            places = reach & self.places_taking(kinds[at], masks[at])
        return at


def _most_words(follow: tuple[int, ...]) -> int:
    """How many words a match has at most: what may follow a place comes after it."""
    most = [1] * len(follow)
    for place in reversed(range(len(follow))):
        most[place] += max((most[after] for after in places_of_bits(follow[place])), default=0)
    return max(most)

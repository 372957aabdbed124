"""Finding the phrases of a lexicon in a note, in time proportional to its length."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from retention.reasons.lexicon.automata import END, MOST_REMEMBERED, START, Automaton
from retention.reasons.lexicon.lexicon import OWN_BRAND
from retention.reasons.lexicon.phrases import ANYTHING, compile_phrase
from retention.reasons.notes.words import normal_words, sentences

if TYPE_CHECKING:
    from retention.reasons.lexicon.lexicon import Entry, Lexicon
    from retention.reasons.notes.words import Word

_EDGES_BY_SIGN = {"^": START, "$": END}
_SHORT_NAME = 4
_SHORTLY = 2
_ANSWERED_BY = 2
"""Of more words, what ends with a question mark asks something and is no answer."""


class Hit(NamedTuple):
    """A phrase found: its number, the number of the sentence, and its place in the text."""

    entry: int
    sentence: int
    start: int
    end: int


class _Known(NamedTuple):
    """What is known of a word as phrases see it."""

    mask: int
    kind: int
    entries: tuple[int, ...]
    brief: tuple[int, ...]
    praises: bool
    negates: bool
    leads: int
    trails: int
    customer: bool
    excuses: bool
    breaks: bool


@dataclass(slots=True)
class _Sentence:
    """Words with what is known of each; the first and the last stand for its edges."""

    known: list[_Known]
    places: list[tuple[int, int, int]]
    brief: bool = False

    def is_praising(self) -> bool:
        """Whether a word of it praises, which no negation shortly before it turns round."""
        known, places = self.known, self.places
        return any(
            one.praises
            and not any(
                _is_negating(known, before, at) and places[before][2] == places[at][2]
                for before in range(max(at - _SHORTLY, 1), at)
            )
            for at, one in enumerate(known)
        )


class Matcher:
    """A lexicon at work; words and steps once seen are remembered."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.expand = dict(lexicon.expand)
        lists = dict(lexicon.lists)
        phrases = [compile_phrase(e.pattern, lists, self.expand) for e in lexicon.entries]
        self.bit_of: dict[frozenset[str], int] = {
            frozenset({"^"}): START,
            frozenset({"$"}): END,
        }
        self.words: dict[str, int] = {}
        self.entries: dict[str, list[int]] = {}
        self.brief: dict[str, list[int]] = {}
        for number, (phrase, entry) in enumerate(zip(phrases, lexicon.entries, strict=True)):
            for kind in (*phrase.classes, *phrase.required):
                self._give_bit(kind)
            looked_up = self.brief if entry.brief else self.entries
            for word in phrase.anchor:
                looked_up.setdefault(word, []).append(number)
        self.automata = [Automaton(phrase, self.bit_of) for phrase in phrases]
        self.rules_about: dict[str, frozenset[int]] = {}
        self.pairs = [one.split() for one in lexicon.negators if " " in one]
        self.own = {part for name in lists[OWN_BRAND] for part in normal_words(name, self.expand)}
        self.seen: dict[str, tuple[_Known, ...]] = {}
        self.kinds: dict[int, int] = {}
        self.first, self.last = (self._knowledge_of_edge(*one) for one in _EDGES_BY_SIGN.items())

    def _knowledge_of_edge(self, sign: str, bit: int) -> _Known:
        """An edge of a sentence, which a class may take besides words."""
        mask = bit | self.words.get(sign, 0)
        return _EDGE._replace(
            mask=mask,
            kind=self._kind_of_mask(mask),
            entries=tuple(self.entries.get(sign, ())),
            brief=tuple(self.brief.get(sign, ())),
        )

    def _kind_of_mask(self, mask: int) -> int:
        """A small number for all words that phrases see alike."""
        return self.kinds.setdefault(mask, len(self.kinds))

    def _give_bit(self, kind: frozenset[str]) -> None:
        if kind == ANYTHING or kind in self.bit_of:
            return
        bit = 1 << len(self.bit_of)
        self.bit_of[kind] = bit
        for word in kind:
            self.words[word] = self.words.get(word, 0) | bit

    def find(self, text: str) -> list[Hit]:
        """Every phrase in the text that no negation undoes."""
        found: list[Hit] = []
        parts = sentences(text)
        size = sum(map(len, parts))
        asks = size > _ANSWERED_BY and text.rstrip().endswith("?")
        brief = size <= self.lexicon.brief_note and not asks
        for number, words in enumerate(parts):
            self._find_in(self._sentence_of_words(words), number, found, brief=brief)
        return found

    def _find_in(
        self, sentence: _Sentence, number: int, found: list[Hit], *, brief: bool = False
    ) -> None:
        known, places = sentence.known, sentence.places
        masks, kinds = [one.mask for one in known], [one.kind for one in known]
        together = 0
        for mask in masks:
            together |= mask
        sentence.brief = brief and not sentence.is_praising()
        matched, undone = list[tuple[int, int, int]](), list[int]()
        for entry, anchors in sorted(_anchors_of_phrases(known, brief=sentence.brief).items()):
            automaton = self.automata[entry]
            if automaton.required & together != automaton.required:
                continue
            for first, last in automaton.matches(kinds, masks, anchors):
                if self._is_undone(self.lexicon.entries[entry], sentence, first, last):
                    undone.append(last)
                else:
                    matched.append((entry, first, last))
        for entry, first, last in matched:
            one = self.lexicon.entries[entry]
            if not (one.brief and one.negatable and _is_denied(sentence, first, undone)):
                start, end = places[max(first, 1)][0], places[min(last, len(places) - 2)][1]
                found.append(Hit(entry, number, start, end))

    def _is_undone(self, entry: Entry, sentence: _Sentence, first: int, last: int) -> bool:
        """Whether a negation undoes a match, or the customer did what the firm is blamed for."""
        if entry.by_firm and any(one.customer for one in sentence.known[max(first - 2, 0) : first]):
            return True
        return entry.negatable and self._is_negated(sentence, first, last)

    def _is_negated(self, sentence: _Sentence, first: int, last: int) -> bool:
        """Whether a negation stands in the match, or before it in its clause."""
        known, places = sentence.known, sentence.places
        clause = places[max(first, 1)][2]
        for at in range(max(first - self.lexicon.window, 1), last + 1):
            if _is_negating(known, at, first):
                between = range(at + 1, first)
                if at >= first or (
                    places[at][2] == clause
                    and not any(known[k].breaks for k in between)
                    and not (sentence.brief and any(known[k].praises for k in between))
                ):
                    return True
        return False

    def _sentence_of_words(self, words: list[Word]) -> _Sentence:
        known, places = [self.first], [(0, 0, -1)]
        for raw, start, end, clause in words:
            parts = self.seen.get(raw)
            if parts is None:
                parts = self._looked_up_words(raw)
            for part in parts:
                known.append(part)
                places.append((start, end, clause))
        known.append(self.last)
        places.append((0, 0, -1))
        return _Sentence(known, places)

    def _looked_up_words(self, raw: str) -> tuple[_Known, ...]:
        if len(self.seen) > MOST_REMEMBERED:
            self.seen.clear()
        words = normal_words(raw[:60], self.expand)
        named = len(words) == 1 and self._is_name(raw, words[0])
        found = tuple(self._knowledge_of_word(word, named=named) for word in words)
        self.seen[raw] = found
        return found

    def _knowledge_of_word(self, word: str, *, named: bool) -> _Known:
        keys = [word, *(word[:size] + "*" for size in range(2, len(word) + 1))]
        if word[:1].isdigit() or word[:1] in "$£€¥₹":
            keys.append("#")
        if named:
            keys.append("@name")
        mask, entries, brief = 0, set[int](), set[int]()
        for key in keys:
            mask |= self.words.get(key, 0)
            entries.update(self.entries.get(key, ()))
            brief.update(self.brief.get(key, ()))
        lexicon = self.lexicon
        return _Known(
            mask,
            self._kind_of_mask(mask),
            tuple(sorted(entries)),
            tuple(sorted(brief)),
            word in lexicon.praises,
            word in lexicon.negators,
            sum(1 << i for i, (one, _) in enumerate(self.pairs) if one == word),
            sum(1 << i for i, (_, one) in enumerate(self.pairs) if one == word),
            word in lexicon.customers,
            word in lexicon.negates_nothing,
            word in lexicon.breaks,
        )

    def _is_name(self, raw: str, word: str) -> bool:
        """Whether a word is written like a name: a capital first, or a few capitals alone."""
        if word in self.own or word in self.lexicon.not_names or not raw[0].isupper():
            return False
        return not raw.isupper() or 1 < len(raw) <= _SHORT_NAME


def _anchors_of_phrases(known: list[_Known], *, brief: bool) -> dict[int, tuple[int, int]]:
    """The phrases that may be in a sentence, and where the first and last word of each stand."""
    last: dict[int, int] = {}
    first: dict[int, int] = {}
    for at, one in enumerate(known):
        for entries in (one.entries, one.brief) if brief else (one.entries,):
            for entry in entries:
                first.setdefault(entry, at)
                last[entry] = at
    return {entry: (at, last[entry]) for entry, at in first.items()}


def _is_denied(sentence: _Sentence, first: int, undone: list[int]) -> bool:
    """Whether a negation undid what is said of a word in its clause ("staff was not rude")."""
    known, places = sentence.known, sentence.places
    return any(
        first <= end
        and places[first][2] == places[end][2]
        and not any(one.breaks for one in known[first:end])
        for end in undone
    )


def _is_negating(known: list[_Known], at: int, first: int) -> bool:
    """Whether a word negates, or is the second of two that do before the match."""
    if known[at].negates:
        return not known[min(at + 1, len(known) - 1)].excuses
    return at < first and bool(known[at - 1].leads & known[at].trails)


_EDGE = _Known(
    *(0, 0, (), ()),
    praises=False,
    negates=False,
    leads=0,
    trails=0,
    customer=False,
    excuses=False,
    breaks=False,
)


@lru_cache(maxsize=8)
def matcher_of(lexicon: Lexicon) -> Matcher:
    """The matcher of a lexicon; those last used are kept."""
    return Matcher(lexicon)

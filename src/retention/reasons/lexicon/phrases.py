"""The language of phrases: what an analyst writes, compiled to a small automaton over words.

`word` is that word, `pric*` a word that starts so, `(a|b*|two words)` one of several, `word?` or
`(…)?` may be absent, `~3` up to three words of any kind, `@price` one of a named list, `#` a number
or an amount, `@name` a word that is written like a name, `^` and `$` the start and the end of the
sentence. A phrase never reaches beyond its sentence. There are no regular expressions and nothing
repeats without bound, so reading a note takes time in proportion to its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retention.errors import ContentError
from retention.reasons.notes.words import APOSTROPHES, normal_words, plain_apostrophes, sentences

if TYPE_CHECKING:
    from collections.abc import Mapping

ANYTHING = frozenset({"~"})
"""The class of a free word in a gap."""

MOST_CHARACTERS, WIDEST_GAP, MOST_UNITS, MOST_PLACES, DEEPEST = 2_000, 20, 5_000, 400, 8

_MARK = re.compile(r"\s*(\^|\$(?![\d])|~\d+|@\w+|#|\(|\)|\||\?|[^\s()|?~@#^$]+)")
# fmt: off
_COMMON = frozenset(
    {
        "the", "a", "an", "to", "of", "in", "on", "for", "and", "or", "is", "are", "was", "be",
        "been", "it", "its", "this", "that", "i", "me", "my", "we", "our", "us", "you", "your",
        "they", "them", "their", "he", "she", "not", "no", "never", "have", "has", "had", "do",
        "does", "did", "will", "with", "at", "from", "by", "as", "so", "too", "very", "get", "got",
        "can"
    }
)
# fmt: on
"""Words in nearly every note: a phrase is looked up by another of its words where it has one."""

_EVERYWHERE = ("#", "@name", "^", "$")
"""What stands in nearly every sentence."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A compiled phrase: places, each taking one word, and which place may follow which.

    Attributes:
        text: as it was written.
        classes: the words that each place takes.
        first: the places a match may start with, as bits.
        last: those it may end with.
        follow: for each place, those that may come next.
        anchor: words of which every match has at least one.
        required: sets of words of which every match has one word each.
    """

    text: str
    classes: tuple[frozenset[str], ...]
    first: int
    last: int
    follow: tuple[int, ...]
    anchor: frozenset[str]
    required: tuple[frozenset[str], ...]


Node = tuple[str, object]
"""Of a parsed phrase: ("one", class), ("all", nodes), ("any", nodes) or ("maybe", node)."""


def compile_phrase(
    text: str, lists: Mapping[str, tuple[str, ...]], expand: Mapping[str, str]
) -> Phrase:
    """A phrase as an automaton.

    Args:
        text: the phrase.
        lists: what `@name` stands for.
        expand: what stands for what in notes, such as "can't" for "can not".

    Raises:
        ContentError: if it cannot be read, is too long, or would match without any given word.
    """
    node = _Reader(text, lists, expand).whole_node()
    builder = _Builder()
    empty, first, last = builder.add(node)
    anchor = _rarest_words(node)
    if empty or anchor is None:
        raise _phrase_error(text, "it has no word that must be there")
    if len(builder.classes) > MOST_PLACES:
        raise _phrase_error(
            text, f"it has {len(builder.classes)} places for words, {MOST_PLACES} fit"
        )
    return Phrase(
        text,
        tuple(builder.classes),
        first,
        last,
        tuple(builder.follow),
        anchor,
        tuple(_required_words(node)),
    )


def _phrase_error(text: str, why: str) -> ContentError:
    shown = text if len(text) <= 80 else text[:77] + "..."
    return ContentError(
        f"The phrase {shown!r} cannot be read: {why}. See docs/topics/reasons.md for the language."
    )


class _Reader:
    """Reads a phrase from left to right."""

    def __init__(
        self,
        text: str,
        lists: Mapping[str, tuple[str, ...]],
        expand: Mapping[str, str],
        outer: _Reader | None = None,
    ) -> None:
        self.text, self.lists, self.expand = text, lists, expand
        self.whole: _Reader = outer.whole if outer else self
        self.units = 0
        if len(text) > MOST_CHARACTERS:
            raise _phrase_error(text, f"it has {len(text)} characters, {MOST_CHARACTERS} fit")
        self.marks: list[str] = []
        at, stop = 0, len(text.rstrip())
        while at < stop:
            mark = _MARK.match(text, at)
            if mark is None:
                raise _phrase_error(text, f"there is a stray {text[at:].strip()[0]!r}")
            self.marks.append(mark.group(1))
            at = mark.end()
        self.at = 0

    def whole_node(self) -> Node:
        node = self._node_of_alternatives(0)
        if self.at < len(self.marks):
            raise _phrase_error(self.text, f"there is a stray {self.marks[self.at]!r}")
        return node

    def _next_mark(self) -> str | None:
        return self.marks[self.at] if self.at < len(self.marks) else None

    def _node_of_alternatives(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise _phrase_error(self.text, f"brackets are more than {DEEPEST} deep")
        choices = [self._node_of_sequence(depth)]
        while depth and self._next_mark() == "|":
            self.at += 1
            choices.append(self._node_of_sequence(depth))
        return node_of_any(choices)

    def _node_of_sequence(self, depth: int) -> Node:
        nodes: list[Node] = []
        while (mark := self._next_mark()) not in (None, ")", "|"):
            self.at += 1
            node = self._node_of_unit(str(mark), depth)
            if self._next_mark() == "?":
                self.at += 1
                node = ("maybe", node)
            nodes.append(node)
        if not nodes:
            raise _phrase_error(self.text, "nothing stands where a word should")
        return nodes[0] if len(nodes) == 1 else ("all", nodes)

    def _node_of_unit(self, mark: str, depth: int) -> Node:
        self.whole.units += 1
        if self.whole.units > MOST_UNITS:
            raise _phrase_error(
                self.whole.text, f"with its lists it has more than {MOST_UNITS:,} words"
            )
        if mark == "(":
            node = self._node_of_alternatives(depth + 1)
            if self._next_mark() != ")":
                raise _phrase_error(self.text, "a bracket is not closed")
            self.at += 1
            return node
        if mark.startswith("~"):
            return self._node_of_gap(int(mark[1:]))
        if mark.startswith("@") and mark != "@name":
            return self._node_of_list(mark[1:], depth)
        if mark in ("#", "^", "$", "@name"):
            return ("one", frozenset({mark}))
        if mark == "?":
            raise _phrase_error(self.text, "there is a stray '?'")
        return self._node_of_word(mark)

    def _node_of_gap(self, width: int) -> Node:
        if not 1 <= width <= WIDEST_GAP:
            raise _phrase_error(self.text, f"a gap has 1 to {WIDEST_GAP} words, not {width}")
        node: Node = ("maybe", ("one", ANYTHING))
        for _ in range(width - 1):
            node = ("maybe", ("all", [("one", ANYTHING), node]))
        return node

    def _node_of_list(self, name: str, depth: int) -> Node:
        if name not in self.lists:
            known = ", ".join(f"@{known}" for known in sorted(self.lists))
            raise _phrase_error(self.text, f"there is no list @{name}; there are {known or 'none'}")
        if depth > DEEPEST:
            raise _phrase_error(self.text, f"@{name} names itself")
        choices = []
        for entry in self.lists[name]:
            inner = _Reader(entry, self.lists, self.expand, self)
            choices.append(inner._node_of_alternatives(depth + 1))
        return node_of_any(choices) if choices else ("one", frozenset({"\0"}))

    def _node_of_word(self, mark: str) -> Node:
        parts = [part for part in re.split(r"[-‐‑/&.,:!]+", mark) if part]
        nodes: list[Node] = []
        for part in parts:
            stem = part.removesuffix("*")
            if "*" in stem or (stem != part and len(stem) < 2):
                raise _phrase_error(
                    self.text, f"{part!r}: a star follows two letters or more, at the end"
                )
            words = self._words_of_part(stem)
            if stem != part:
                nodes.append(("one", frozenset({plain_apostrophes(stem).lower() + "*"})))
            else:
                nodes += [("one", frozenset({word})) for word in words]
        if not nodes:
            raise _phrase_error(self.text, f"{mark!r} is no word")
        return nodes[0] if len(nodes) == 1 else ("all", nodes)

    def _words_of_part(self, part: str) -> list[str]:
        """The words that a note would have there: "4g" is two."""
        found = [word for sentence in sentences(part) for word, *_ in sentence]
        if "".join(found) != part.strip(APOSTROPHES):
            raise _phrase_error(
                self.text,
                f"{part!r} has signs that are no part of a word: there are no regular expressions",
            )
        return [word for one in found for word in normal_words(one, self.expand)]


def node_of_any(choices: list[Node]) -> Node:
    """One of several; those of a single word each become one class."""
    singles = [value for kind, value in choices if kind == "one" and value != ANYTHING]
    others = [choice for choice in choices if choice[0] != "one" or choice[1] == ANYTHING]
    if singles:
        merged: frozenset[str] = frozenset().union(*singles)  # type: ignore[arg-type]
        others.append(("one", merged))
    return others[0] if len(others) == 1 else ("any", others)


class _Builder:
    """Glushkov's construction: one place a word, and what may follow it."""

    def __init__(self) -> None:
        self.classes: list[frozenset[str]] = []
        self.follow: list[int] = []

    def add(self, node: Node) -> tuple[bool, int, int]:
        """Whether the node may be empty, its first and its last places."""
        kind, value = node
        if kind == "one":
            self.classes.append(value)  # type: ignore[arg-type]
            self.follow.append(0)
            bit = 1 << (len(self.classes) - 1)
            return False, bit, bit
        if kind == "maybe":
            _, first, last = self.add(value)  # type: ignore[arg-type]
            return True, first, last
        parts = [self.add(part) for part in value]  # type: ignore[attr-defined]
        return self._ends_of_chain(parts) if kind == "all" else _ends_of_either(parts)

    def _ends_of_chain(self, parts: list[tuple[bool, int, int]]) -> tuple[bool, int, int]:
        empty, first, last = parts[0]
        for is_empty, starts, ends in parts[1:]:
            for place in places_of_bits(last):
                self.follow[place] |= starts
            first |= starts if empty else 0
            last = ends | (last if is_empty else 0)
            empty = empty and is_empty
        return empty, first, last


def _ends_of_either(parts: list[tuple[bool, int, int]]) -> tuple[bool, int, int]:
    first = last = 0
    for _, starts, ends in parts:
        first, last = first | starts, last | ends
    return any(empty for empty, _, _ in parts), first, last


def places_of_bits(bits: int) -> list[int]:
    """Which bits are set, the lowest first."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def _rarest_words(node: Node) -> frozenset[str] | None:
    """The rarest words of which every match has one; None if there are none."""
    kind, value = node
    if kind == "maybe":
        return None
    if kind == "one":
        return None if value == ANYTHING or value in ({"^"}, {"$"}) else value  # type: ignore[return-value]
    found = [_rarest_words(part) for part in value]  # type: ignore[attr-defined]
    if kind == "any":
        return None if None in found else frozenset().union(*(f for f in found if f))
    known = [words for words in found if words is not None]
    return min(known, key=_frequency_of_words) if known else None


def _frequency_of_words(words: frozenset[str]) -> float:
    return sum(
        200 if word in _EVERYWHERE else 50 if word in _COMMON else 3 if word[-1] == "*" else 1
        for word in words
    )


def _required_words(node: Node) -> list[frozenset[str]]:
    kind, value = node
    if kind == "one":
        return [] if value == ANYTHING else [value]  # type: ignore[list-item]
    if kind == "all":
        return [found for part in value for found in _required_words(part)]  # type: ignore[attr-defined]
    words = _rarest_words(node)
    return [] if words is None else [words]

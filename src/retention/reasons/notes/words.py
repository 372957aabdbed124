"""A note as sentences of words, each with its place in the text as it was written."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Word = tuple[str, int, int, int]
"""A word as written, where it starts and ends in the text, and the number of its clause."""

LONGEST_NOTE = 20_000
"""How many characters of a note are read."""

APOSTROPHES = "'’‘ʼ´`′＇\ufffd"
"""What people write for an apostrophe; the last is what is left of one that was read wrongly."""

_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f])"  # accents may be characters of their own
_PIECE = re.compile(
    rf"((?:[$£€¥₹]\s?)?\d+(?:[.,:]\d+)*|{_LETTER}+(?:[{APOSTROPHES}]{_LETTER}+)*)"
    r"|([.!?…;•]+|\n\s*\n)"
    r"|([,:()–—]|\s-+\s)"
)


def sentences(text: str) -> list[list[Word]]:
    """The sentences of a text, each a list of words; punctuation ends sentences and clauses.

    A number with its currency sign is one word. A line that breaks goes on, a blank line ends the
    sentence. Offsets count characters of `text` itself, whatever lowering would do to its length.
    """
    found: list[list[Word]] = []
    words: list[Word] = []
    clause = 0
    for piece in _PIECE.finditer(text):
        kind = piece.lastindex
        if kind == 1:
            start, end = piece.span()
            words.append((text[start:end], start, end, clause))
            continue
        clause += 1
        if kind == 2 and words:
            found.append(words)
            words = []
    if words:
        found.append(words)
    return found


def plain_apostrophes(text: str) -> str:
    """The text with every apostrophe as the keyboard has it."""
    return text.translate(_PLAIN)


_PLAIN = dict.fromkeys(map(ord, APOSTROPHES), "'")


def normal_words(word: str, expand: Mapping[str, str]) -> tuple[str, ...]:
    """The word as phrases know it: lower case, plain apostrophes, "don't" as "do", "not".

    Args:
        word: as it was written.
        expand: what stands for what, such as "can't" for "can not"; "l'" stands for what a word
            begins with.
    """
    plain = unicodedata.normalize("NFKC", plain_apostrophes(word)).lower()
    if plain in expand:
        return tuple(expand[plain].split())
    if plain.endswith("n't"):
        return (plain[:-3], "not")
    before, apostrophe, after = plain.partition("'")
    if after and before + apostrophe in expand:
        return (*expand[before + apostrophe].split(), *normal_words(after, expand))
    for ending, meant in _ENDINGS:
        if plain.endswith(ending):
            return (plain[: -len(ending)], *meant)
    return (plain.replace("'", "") or plain,)


_ENDINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("'s", ()),
    ("'re", ("are",)),
    ("'ve", ("have",)),
    ("'ll", ("will",)),
    ("'m", ("am",)),
    ("'d", ("would",)),
)

"""Notes as weights of words, of pairs of words and of runs of characters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError
from retention.reasons.notes.words import normal_words, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Weights = tuple[Any, Any]

Place = tuple[str, int, int]
"""A word or a pair of words, and where it starts and ends in the text."""

_FEWEST = 2
_RUN = (3, 5)
_LONGEST = 60


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What is counted in a note.

    Attributes:
        words: words, and pairs of words of one sentence.
        characters: runs of 3 to 5 characters within a word, its edges included.
        word_idf, character_idf: how much each weighs: the rarer, the more.
    """

    words: tuple[str, ...]
    characters: tuple[str, ...]
    word_idf: Floats
    character_idf: Floats


def learn_terms(texts: Sequence[str]) -> Terms:
    """The terms that at least two of the texts hold.

    One that n of N texts hold weighs 1 + ln((1 + N) / (1 + n)).

    Raises:
        ContentError: if there are none.
    """
    found = []
    for reader in _vectorizers(None, None):
        try:
            reader.fit(texts)
        except ValueError:  # scikit-learn's words for an empty vocabulary
            raise ContentError(
                f"notes: no word stands in two of the {len(texts):,} labelled notes: there is "
                "nothing to learn from."
            ) from None
        found.append((tuple(map(str, reader.get_feature_names_out())), reader.idf_))
    (words, word_idf), (characters, character_idf) = found
    return Terms(words, characters, word_idf, character_idf)


class Reader:
    """Terms at work."""

    def __init__(self, terms: Terms) -> None:
        self.words, self.characters = _vectorizers(terms.words, terms.characters)
        self.words.idf_, self.characters.idf_ = terms.word_idf, terms.character_idf

    def weights(self, texts: Sequence[str]) -> Weights:
        """Sparse tables of the words and the characters of texts, a row per text.

        A term that stands f times in a text has 1 + ln f times its weight; then the words of each
        text, and its characters, are brought to length 1.
        """
        return self.words.transform(texts), self.characters.transform(texts)


def places_of_terms(text: str) -> Iterator[Place]:
    """The words of a text, and the pairs that stand side by side in a sentence, in order.

    Words are in small letters, "don't" is "do", "not", and numbers and amounts are all "#". Places
    are those of the text as it was written.
    """
    for sentence in sentences(text):
        before: Place | None = None
        for raw, start, end, _ in sentence:
            for part in _parts_of_word(raw):
                yield part, start, end
                if before is not None:
                    yield f"{before[0]} {part}", before[1], end
                before = (part, start, end)


@lru_cache(maxsize=20_000)
def _parts_of_word(raw: str) -> tuple[str, ...]:
    """A word as it is counted."""
    amount = raw[0].isdigit() or raw[0] in "$£€¥₹"
    return ("#",) if amount else normal_words(raw[:_LONGEST], {})


def _terms_of_text(text: str) -> list[str]:
    return [term for term, _, _ in places_of_terms(text)]


def _vectorizers(words: Sequence[str] | None, characters: Sequence[str] | None) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    said = {"sublinear_tf": True, "min_df": _FEWEST, "dtype": np.float64}
    return (
        TfidfVectorizer(analyzer=_terms_of_text, vocabulary=words, **said),
        TfidfVectorizer(analyzer="char_wb", ngram_range=_RUN, vocabulary=characters, **said),
    )

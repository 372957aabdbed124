"""Which language a note looks like, by the share of its words that only that language has."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from retention.errors import count_of, warn
from retention.reasons.categories import data_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FEWEST_WORDS = 5
"""A note of fewer words looks like no language."""

_FEWEST_KNOWN, _LEAST_SHARE, _LEAD = 2, 0.2, 2
_SIGNS = str.maketrans(dict.fromkeys(".,;:!?()\"'’", " "))


def languages_of_texts(texts: Sequence[str]) -> list[str | None]:
    """What language each text looks like, None where that cannot be told.

    A language is told where two different words or more, and a fifth of all or more, are words that
    of the languages known here only it has, and they are twice as many as those of any other.
    """
    language_of = _language_of_words()
    return [_language_of_text(text, language_of) for text in texts]


def warn_of_other_languages(told: Sequence[str | None], found: Sequence[bool], asked: str) -> None:
    """Warn of notes in languages that were not asked for.

    Args:
        told: of each note, the language that it looks like, if another than those asked for.
        found: whether a reason was found in it.
        asked: the languages that were asked for, in words.

    Warns:
        RetentionWarning: if there are such notes.
    """
    counts = Counter(one for one in told if one)
    if not counts:
        return
    n = sum(counts.values())
    silent = sum(one is not None and not any_ for one, any_ in zip(told, found, strict=True))
    said = ", ".join(f"{_NAMES[one]} ({many:,})" for one, many in counts.most_common())
    served = [one for one in counts if one in SERVED]
    said_so = f"Say language=[{asked}, {', '.join(map(repr, served))}], in place of any lexicon=. "
    do = said_so if served else ""
    if len(served) < len(counts):
        do += "For a language without a lexicon give one of yours (lexicon=) or an annotator. "
    looks = count_of(n, "different note looks", "different notes look")
    warn(
        f"{looks} like a language that was not asked for: "
        f"{said}; in {silent:,} of them no reason was found, and they stand as unspecified. {do}"
        "Leave them out of shares until they are read."
    )


SERVED = ("en", "de", "fr", "es")
"""The languages that have a lexicon."""

_NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
}


def _language_of_text(text: str, language_of: Mapping[str, str]) -> str | None:
    words = text.lower().translate(_SIGNS).split()
    if len(words) < FEWEST_WORDS:
        return None
    known = [word for word in words if word in language_of]
    counts = Counter(map(language_of.__getitem__, known)).most_common(2)
    if not counts:
        return None
    (best, most), second = counts[0], counts[1][1] if len(counts) > 1 else 0
    different = sum(language_of[word] == best for word in set(known))
    clear = different >= _FEWEST_KNOWN and most >= max(_LEAST_SHARE * len(words), _LEAD * second)
    return best if clear else None


@cache
def _language_of_words() -> dict[str, str]:
    """Words that one language alone has."""
    known = data_file("stop_words.toml")
    often = Counter(word for words in known.values() for word in words)
    return {word: one for one, words in known.items() for word in words if often[word] == 1}

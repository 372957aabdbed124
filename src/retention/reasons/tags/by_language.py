"""Tags of notes in several languages, each read with the lexicon of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from retention.errors import RetentionError, check_choice
from retention.progress import progress_bar
from retention.reasons.lexicon.finding import Tag, tag_text, tags_in_order
from retention.reasons.lexicon.matching import matcher_of
from retention.reasons.tags.note_languages import (
    SERVED,
    languages_of_texts,
    warn_of_other_languages,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.reasons.lexicon.lexicon import Lexicon
    from retention.reasons.lexicon.matching import Matcher


def languages_asked(language: str | Sequence[str] | None, *, other: str | None) -> tuple[str, ...]:
    """The languages to read notes in, without repeats; none where something else says them.

    Args:
        language: what the user said.
        other: the argument that says the language already, if there is one.

    Raises:
        RetentionError: if a language has no lexicon, or two arguments say it.
    """
    if language is None:
        return ()
    if other:
        raise RetentionError(f"Give a language or {other}, not both: {other} has its own.")
    whole = isinstance(language, str) or not isinstance(language, Iterable)
    several: list[str] = [*((language,) if whole else language)]
    if not several:
        raise RetentionError("language names none; leave it away for English.")
    for one in several:
        check_choice("language", one, SERVED)
    return tuple(dict.fromkeys(several))


def tags_by_language(
    texts: Sequence[str], lexicons: Sequence[Lexicon], min_score: float
) -> list[list[Tag]]:
    """The reasons in each text, read with the lexicon of the language that it looks like.

    Texts whose language cannot be told, such as those of a few words, are read with all, and of a
    reason found by several the strongest counts. What one language denies or praises, no other
    takes for a reason: "no bugs" is denied in German too, where "bugs" is a word.
    """
    matchers = {one.language: matcher_of(one) for one in _lexicons_read_together(lexicons)}
    told = languages_of_texts(texts)
    found = []
    with progress_bar("tagging notes", "notes", len(texts)) as done:
        for text, language in zip(texts, told, strict=True):
            own = matchers.get(language or "")
            found.append(_strongest_tags(text, [own] if own else [*matchers.values()], min_score))
            done(1)
    others = [one if one and one not in matchers else None for one in told]
    if set(matchers) <= set(SERVED):
        asked = ", ".join(map(repr, matchers))
        warn_of_other_languages(others, [bool(tags) for tags in found], asked)
    return found


def _lexicons_read_together(lexicons: Sequence[Lexicon]) -> list[Lexicon]:
    """The lexicons, each with the negations and the praise of all."""
    if len(lexicons) == 1:
        return [*lexicons]
    negators = dict.fromkeys(word for one in lexicons for word in one.negators)
    praises = dict.fromkeys(word for one in lexicons for word in one.praises)
    return [replace(one, negators=(*negators,), praises=(*praises,)) for one in lexicons]


def _strongest_tags(text: str, matchers: Sequence[Matcher], min_score: float) -> list[Tag]:
    """The reasons in a text, by whichever matcher finds each strongest."""
    if len(matchers) == 1:
        return tag_text(text, matchers[0], min_score=min_score)
    best: dict[str, Tag] = {}
    for matcher in matchers:
        for tag in tag_text(text, matcher, min_score=min_score):
            if tag.tag not in best or tag.score > best[tag.tag].score:
                best[tag.tag] = tag
    return tags_in_order([*best.values()])

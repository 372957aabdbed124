"""The reasons in texts by a model of the firm's own notes, and by the lexicon beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.progress import progress_bar
from retention.reasons.lexicon.finding import Tag, tags_in_order
from retention.reasons.model.model import (
    LEAST,
    SILENT,
    calibrated_scores,
    category_of,
    found_by_lexicon,
    loudness_of_words,
    scores_of_both,
    strengths_in_texts,
)
from retention.reasons.model.vectors import Reader, places_of_terms
from retention.reasons.notes.words import LONGEST_NOTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retention.reasons.lexicon.lexicon import Lexicon
    from retention.reasons.model.model import ReasonModel
    from retention.reasons.model.vectors import Floats

AT_ONCE = 500
"""How many texts are read at a time."""


def tags_by_model(
    texts: Sequence[str], model: ReasonModel, lexicon: Lexicon, min_score: float | None = None
) -> list[list[Tag]]:
    """The reasons in each text, strongest first.

    A category of the model is told where its probability reaches its threshold; every other one
    where the lexicon's strength reaches 0.6. What holds a customer back comes last.

    Args:
        texts: what was written; of each only the first 20,000 characters are read.
        model: from `fit_reason_model`.
        lexicon: the model's own, or any where it has none.
        min_score: the least probability and the least strength instead of these.
    """
    reader = Reader(model.terms)
    found = []
    with progress_bar("tagging notes", "notes", len(texts)) as done:
        for first in range(0, len(texts), AT_ONCE):
            some = [text[:LONGEST_NOTE] for text in texts[first : first + AT_ONCE]]
            by_lexicon = found_by_lexicon(some, lexicon)
            chance, loudest = _chances_and_loudest(model, reader, some, by_lexicon)
            for row, text in enumerate(some):
                spoken = _Spoken(model, text, chance[row], loudest[row])
                found.append(spoken.tags(by_lexicon[row], min_score))
            done(len(some))
    return found


def _chances_and_loudest(
    model: ReasonModel, reader: Reader, texts: Sequence[str], by_lexicon: list[list[Tag]]
) -> tuple[Floats, NDArray[np.intp]]:
    """The probability of each category in each text, and its loudest word."""
    chance, loudest = loudness_of_words(reader.weights(texts), model.coef, model.intercept)
    strength = None if model.lexicon is None else strengths_in_texts(by_lexicon, model.categories)
    score = scores_of_both(chance, loudest, strength)
    return calibrated_scores(score, model.slope, model.offset), loudest


class _Spoken:
    """What the model says of one text."""

    def __init__(
        self, model: ReasonModel, text: str, chance: Floats, loudest: NDArray[np.intp]
    ) -> None:
        self.model, self.text, self.chance, self.loudest = model, text, chance, loudest

    def tags(self, by_lexicon: list[Tag], min_score: float | None) -> list[Tag]:
        """Its tags, in order."""
        own = set(self.model.categories)
        least = LEAST if min_score is None else min_score
        found = [t for t in by_lexicon if category_of(t) not in own and t.score >= least]
        bounds = self.model.thresholds if min_score is None else [min_score] * len(own)
        for k, category in enumerate(self.model.categories):
            if 0 < self.chance[k] >= bounds[k]:
                beside = [tag for tag in by_lexicon if category_of(tag) == category]
                found.extend(self._tags_of_category(k, beside))
        return tags_in_order(found)

    def _tags_of_category(self, k: int, by_lexicon: list[Tag]) -> list[Tag]:
        """The tags of a category: as closely as the lexicon tells it, else by the loudest word."""
        score = float(self.chance[k])
        if by_lexicon:
            told = [tag for tag in by_lexicon if tag.score >= LEAST] or by_lexicon[:1]
            return [tag._replace(score=score) for tag in told]
        if self.loudest[k] == SILENT:
            return []
        loudest = self.model.terms.words[self.loudest[k]]
        at = next(
            (start, end) for term, start, end in places_of_terms(self.text) if term == loudest
        )
        return [Tag(self.model.categories[k], score, *at, None)]

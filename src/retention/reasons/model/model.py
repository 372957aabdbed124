"""A model of a firm's own notes: what it holds, what it says of a text, and in which words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ReadError
from retention.numerics.frozen import rows_of_estimates
from retention.printed import Printed, Shown
from retention.reasons.lexicon.finding import tag_text
from retention.reasons.lexicon.matching import matcher_of
from retention.reasons.model.model_files import (
    lexicon_as_json,
    lexicon_from_json,
    read_folder,
    write_folder,
)
from retention.reasons.model.vectors import Terms
from retention.reasons.notes.words import LONGEST_NOTE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from retention.reasons.lexicon.finding import Tag
    from retention.reasons.lexicon.lexicon import Lexicon
    from retention.reasons.model.vectors import Floats, Weights

Report = tuple[tuple[str, tuple[Any, ...]], ...]
"""The columns of a table, by name."""

SILENT = -1
"""In place of a word, where none speaks for a category."""

_SHOWN = ("category", "n_labelled", "n_tagged", "precision", "recall", "f1")

LEAST = 0.6
"""The least strength at which what a lexicon finds is told."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReasonModel(Printed):
    """A model of the reasons in a firm's own notes, from `fit_reason_model`: a frozen value.

    Attributes:
        categories: those it tells; every other category is left to the lexicon.
        thresholds: the least probability at which each is told.
        n_labelled: how many of the notes carried each.
        n_notes: labelled notes that it was fitted on.
        groups: the column whose values were kept together in a fold; null where there was none.
        n_groups: how many groups of notes there were (of notes that are alike, without `groups`).
        n_folds: in how many parts the notes were put to be judged by a model of the others.
        seed: by which they were put there.
        lexicon: whose strength is half of each score; null where it was fitted without.
        notes: in words what was left out of the fit or is not to be relied on, and why.
        terms: the words and the characters that it knows; pieces of your customers' notes.
        coef, intercept: what each says for each category (rows).
        slope, offset: how a score becomes a probability.
        told: the report's columns; `report` is the table.
    """

    categories: tuple[str, ...]
    thresholds: Floats
    n_labelled: tuple[int, ...]
    n_notes: int
    groups: str | None
    n_groups: int
    n_folds: int
    seed: int
    lexicon: Lexicon | None
    notes: tuple[str, ...]
    terms: Terms
    coef: Floats
    intercept: Floats
    slope: Floats
    offset: Floats
    told: Report

    def __post_init__(self) -> None:
        for values in self._arrays().values():
            values.setflags(write=False)

    def _shown(self) -> Shown:
        learnt = f"{len(self.categories)} categories of {self.n_notes:,} notes"
        of = self.lexicon
        beside = "alone" if of is None else f"beside Lexicon({of.language!r}, {of.version!r})"
        told = self.report
        told = told.loc[told["rule"] == "model", list(_SHOWN)]
        return Shown(
            f"ReasonModel({learnt}, {beside})",
            rows_of_estimates(told),
            notes=("of notes that it had not seen", *self.notes),
            then=("rt.tag_reasons(notes, model=model)", "model.report"),
            whole="model.report",
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReasonModel):
            return NotImplemented
        mine, theirs = self._arrays(), other._arrays()
        alike = all(np.array_equal(mine[name], theirs[name]) for name in mine)
        return alike and self._values_without_arrays() == other._values_without_arrays()

    def __hash__(self) -> int:
        return hash((self.categories, self.n_notes, self.seed, self.thresholds.tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return ReasonModel, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def report(self) -> pd.DataFrame:
        """How well the notes were told by models that had not seen them, as a pandas table.

        Returns:
            One row per rule and category, then "micro" and "macro": `rule` ("model"; "lexicon", the
            lexicon alone at a strength of 0.6; "most frequent", which always says the reason to
            leave that most notes carry) and the columns of `reason_agreement`.
        """
        import pandas as pd

        return pd.DataFrame({name: _report_column(values) for name, values in self.told})

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, as model.json and weights.npz; no code is in them.

        The first holds the words of the model, which are pieces of your customers' notes, and its
        lexicon; what was there before under these names is replaced.

        Args:
            folder: where; made where there is none.

        Raises:
            RetentionError: if it cannot be written.
        """
        write_folder(folder, self._values_without_arrays(), self._arrays())

    def _arrays(self) -> dict[str, Floats]:
        """Everything that is kept as an array."""
        own = ("thresholds", "coef", "intercept", "slope", "offset")
        found = {name: getattr(self, name) for name in own}
        return found | {name: getattr(self.terms, name) for name in _IDF}

    def _values_without_arrays(self) -> dict[str, Any]:
        """Everything else, as JSON holds it."""
        plain = ("categories", "n_labelled", "notes")
        counts = ("n_notes", "groups", "n_groups", "n_folds", "seed")
        return {
            **{name: list(getattr(self, name)) for name in plain},
            **{name: getattr(self, name) for name in counts},
            "words": list(self.terms.words),
            "characters": list(self.terms.characters),
            "lexicon": lexicon_as_json(self.lexicon),
            "report": {name: list(values) for name, values in self.told},
        }


_IDF = ("word_idf", "character_idf")


def _report_column(values: tuple[Any, ...]) -> NDArray[Any]:
    """A column of the report; a number that is not known is NaN."""
    kinds = {type(value) for value in values if value is not None}
    dtype = {str: object, bool: np.bool_, int: np.int64}.get(next(iter(kinds), float), np.float64)
    return np.array(values, dtype=dtype if len(kinds) == 1 else np.float64)


def load_reason_model(folder: str | Path) -> ReasonModel:
    """A model that was saved in a folder; it says of every note what it said before.

    Args:
        folder: that `ReasonModel.save` was given.

    Returns:
        The model, equal to the one that was saved.

    Raises:
        ReadError: if one of the two files is missing, is of something else or of another version of
            the format, or was changed or cut short since.

    Example:
        >>> import retention as rt
        >>> rt.reasons.load_reason_model("nowhere")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        retention.errors.ReadError: nowhere holds no model.json: give the folder that a model ...

    Source:
        None: it is a means.
    """
    told, numbers = read_folder(folder)
    try:
        words, characters = tuple(told.pop("words")), tuple(told.pop("characters"))
        terms = Terms(words, characters, *(numbers.pop(name) for name in _IDF))
        report = tuple((name, tuple(values)) for name, values in told.pop("report").items())
        lexicon = lexicon_from_json(told.pop("lexicon"))
        given: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in told.items()
        }
        model = ReasonModel(**(given | numbers), terms=terms, lexicon=lexicon, told=report)
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise ReadError(
            f"{folder}: model.json and weights.npz are not whole ({problem})."
        ) from None
    return model


def loudness_of_words(
    weights: Weights, coef: Floats, intercept: Floats
) -> tuple[Floats, NDArray[np.intp]]:
    """What the words of each note (rows) say for each category (columns).

    Returns:
        The chance that a logistic regression gives, and the number of the word or the pair of words
        that speaks loudest, `SILENT` where none speaks for the category.
    """
    from scipy.special import expit

    words, characters = weights
    size = words.shape[1]
    chance = expit(words @ coef[:, :size].T + characters @ coef[:, size:].T + intercept)
    loudest = np.full(chance.shape, SILENT, np.intp)
    for k, of_words in enumerate(coef[:, :size]):
        spoken = words.multiply(of_words).tocsr()
        says = np.asarray(spoken.max(axis=1).todense()).ravel() > 0
        loudest[says, k] = np.asarray(spoken.argmax(axis=1)).ravel()[says]
    return chance, loudest


def strengths_in_texts(found: Sequence[Sequence[Tag]], categories: Sequence[str]) -> Floats:
    """The strength of each category (columns) in each text (rows); 0 where it was not found."""
    place = {name: k for k, name in enumerate(categories)}
    strength = np.zeros((len(found), len(categories)))
    for row, tags in zip(strength, found, strict=True):
        for tag in tags:
            k = place.get(category_of(tag))
            if k is not None:
                row[k] = max(row[k], tag.score)
    return strength


def scores_of_both(chance: Floats, loudest: NDArray[np.intp], strength: Floats | None) -> Floats:
    """The score of each category in each note: the mean of chance and strength.

    It is 0 where nothing in the note speaks for the category: a tag needs evidence.
    """
    if strength is None:
        return np.where(loudest != SILENT, chance, 0.0)
    return np.where((loudest != SILENT) | (strength > 0), (chance + strength) / 2, 0.0)


def calibrated_scores(score: Floats, slope: Floats, offset: Floats) -> Floats:
    """The scores calibrated; 0 stays 0."""
    from scipy.special import expit

    return np.where(score > 0, expit(slope * score + offset), 0.0)


def category_of(tag: Tag) -> str:
    """The category of a tag, whatever its sub-category."""
    return tag.tag.partition(".")[0]


def found_by_lexicon(texts: Sequence[str], lexicon: Lexicon) -> list[list[Tag]]:
    """What a lexicon finds in texts, however weak."""
    matcher = matcher_of(lexicon)
    return [tag_text(text[:LONGEST_NOTE], matcher, min_score=0.0) for text in texts]

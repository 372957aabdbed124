"""Reasons in notes: which categories a note speaks of, in which words, and how strongly."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from retention.errors import RetentionError
from retention.frames import table_like, table_of_series
from retention.reasons.categories import MISSING, UNSPECIFIED
from retention.reasons.lexicon.lexicon import (
    COMPETITORS,
    OWN_BRAND,
    Lexicon,
    extend_lexicon,
    load_lexicon,
)
from retention.reasons.model.model import LEAST, ReasonModel
from retention.reasons.notes.reading import read_notes, texts_of_notes
from retention.reasons.tags.by_annotator import tags_by_annotator
from retention.reasons.tags.by_language import languages_asked, tags_by_language
from retention.reasons.tags.by_model import tags_by_model
from retention.tables import TAGS
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from narwhals.stable.v2.typing import IntoFrameT, IntoSeries

    from retention.frames import Columns
    from retention.reasons.lexicon.finding import Tag
    from retention.reasons.tags.by_annotator import Annotator


@overload
def tag_reasons(
    notes: IntoFrameT,
    *,
    text: str = ...,
    note_id: str = ...,
    lexicon: str | Path | Lexicon | None = ...,
    language: str | Sequence[str] | None = ...,
    model: ReasonModel | None = ...,
    annotator: Annotator | None = ...,
    min_score: float | None = ...,
    own_brand: Sequence[str] = ...,
    competitors: Sequence[str] = ...,
    keep: str | Sequence[str] = ...,
) -> IntoFrameT: ...


@overload
def tag_reasons(
    notes: IntoSeries | Sequence[str | None],
    *,
    text: str = ...,
    note_id: str = ...,
    lexicon: str | Path | Lexicon | None = ...,
    language: str | Sequence[str] | None = ...,
    model: ReasonModel | None = ...,
    annotator: Annotator | None = ...,
    min_score: float | None = ...,
    own_brand: Sequence[str] = ...,
    competitors: Sequence[str] = ...,
    keep: str | Sequence[str] = ...,
) -> Any: ...


@gives(TAGS)
def tag_reasons(  # noqa: PLR0913 - a door
    notes: Any,
    *,
    text: str = "text",
    note_id: str = "note_id",
    lexicon: str | Path | Lexicon | None = None,
    language: str | Sequence[str] | None = None,
    model: ReasonModel | None = None,
    annotator: Annotator | None = None,
    min_score: float | None = None,
    own_brand: Sequence[str] = (),
    competitors: Sequence[str] = (),
    keep: str | Sequence[str] = (),
) -> Any:
    """The reasons that each note tells, with the words that tell them.

    A note may tell several. The strength of a reason is 1 − Π(1 − w) over the weights w of its
    distinct phrases in the note, where of phrases that overlap only the strongest counts. It says
    how much of the note speaks for the reason and is no probability; how often tags were right is
    told under "Reasons in notes" in the docs.

    A negation before a phrase, in its clause, undoes it ("not expensive"). Rules of context, which
    are data of the lexicon, look at the whole note: a bad reaction is `response_to_failure` only
    where a failure or a complaint stands in the note, else it is a failed encounter.

    Args:
        notes: a note a row; or the texts alone, as a Series of pandas or Polars, an array or a
            list.
        text: the column of what was written; of texts alone it is not asked.
        note_id: the column that says which note; rows are numbered from 0 where there is none.
            Where there is a column `customer_id` it goes along.
        lexicon: a language, the path of a file, or what `load_lexicon` or `extend_lexicon` gave;
            None is "en", or with a model the lexicon that it was fitted with.
        language: "en", "de", "fr" or "es", or several: each note is then read with the lexicon of
            the language that it looks like, and one of few words with all. None is the lexicon's.
        model: of your own notes, from `fit_reason_model`. The categories that it knows are told
            where their probability reaches its thresholds, and that probability is the score. What
            the lexicon found of them is their sub-category and their evidence; where it found
            nothing, the evidence is the word or the pair of words that speaks loudest in the model.
            Categories that it does not know are told by the lexicon, by strength.
        annotator: a function that finds the reasons instead, around a language model or a service
            of yours (see `Annotator`); the lexicon is not asked.
        min_score: the least score that is told, 0 to 1; None is 0.6, and with a model its
            thresholds for the categories that it knows.
        own_brand: names of your firm: going to them is no competition, leaving them for another
            name is. Without it "I switched to X" is told only where X is called better or is known
            as a competitor, since X may be you.
        competitors: names of others, so that they are known in small letters too.
        keep: further columns that go along, such as segments, `date` or `spell`.

    Returns:
        One row per note and sub-category, in the caller's kind (of a Series a table of its engine,
        of a list one of pandas, notes numbered from 0 in their order): `note_id`, `customer_id`
        (null where not known),
        `category`, `subcategory`, `score` (strength, 0 to 1; with a model a probability, as far as
        the notes that it learnt from stand for these), `rank` (1 for the strongest of the note; of
        equals a bad reaction comes before the failure that it answers, what holds a customer back
        comes last; with a model, its probabilities and the strengths of categories that it does not
        know are ranked together, though they are two scales), `is_primary` (rank 1), `evidence`
        (the strongest words), `start`, `end` (where these stand in the text: `text[start:end]`, in
        characters), `phrase` (of the lexicon, that found them; else null), and the columns of
        `keep`. A note in which nothing is found has one row of category "unspecified", one that is
        null or blank has one of category "missing": every note is there. Notes keep their order.

    Raises:
        ColumnError: if there is no such column.
        ContentError: if the column holds no text, or two notes have the same id.
        RetentionError: if `min_score` is not between 0 and 1, both a model and an annotator are
            given, or a model that is none or with another lexicon than its own; if `language` has
            no lexicon, or a lexicon or a model says it already.

    Warns:
        RetentionWarning: if a note has more than 20,000 characters: what follows is not read; if
            notes of five words or more look like a language that was not asked for, with counts; if
            what an annotator answers does not hold (see `Annotator`).

    Example:
        The second note complains of a failure and of what was done about it; the third says not.

        >>> import pandas as pd
        >>> import retention as rt
        >>> notes = pd.DataFrame({"text": [
        ...     "Far too expensive for me.",
        ...     "My order arrived broken and you refused to help me.",
        ...     "It was not expensive, thank you.",
        ...     None,
        ... ]})
        >>> found = rt.tag_reasons(notes)
        >>> found[["note_id", "category", "score"]].round(2)
           note_id              category  score
        0        0               pricing   0.90
        1        1   response_to_failure   0.90
        2        1  core_service_failure   0.88
        3        2           unspecified    NaN
        4        3               missing    NaN

    Source:
        Categories: Keaveney, S. M. (1995), Journal of Marketing 59 (2), 71–82. Strength: the noisy
        or, Pearl, J. (1988), Probabilistic Reasoning in Intelligent Systems, section 4.3.2.
    """
    if min_score is not None and not (isinstance(min_score, Real) and 0 <= min_score <= 1):
        raise RetentionError(f"min_score must be between 0 and 1; got {min_score!r}.")
    if not (model is None or isinstance(model, ReasonModel)):
        raise RetentionError(
            f"model must be what fit_reason_model or load_reason_model gave; got {model!r}."
        )
    if model is not None and annotator is not None:
        raise RetentionError("Give a model or an annotator, not both.")
    other = "a lexicon" if lexicon is not None else "a model" if model is not None else None
    asked = languages_asked(language, other=other)
    known = [
        _lexicon_to_read_with(one, model, own_brand, competitors) for one in asked or [lexicon]
    ]
    notes = table_of_series(notes, text)
    rows, kept = read_notes(
        notes, ("text", text), note_id=note_id, keep=keep, taken=TAGS.names, name="notes"
    )
    texts = texts_of_notes(rows["value"], text)
    different = list(dict.fromkeys(text for text in texts if text is not None))
    told = _tags_of_texts(different, known, model, annotator, min_score)
    found = dict(zip(different, told, strict=True))
    return table_like(_columns_of_tags(rows, texts, found, kept), notes)


def _lexicon_to_read_with(
    lexicon: str | Path | Lexicon | None,
    model: ReasonModel | None,
    own_brand: Sequence[str],
    competitors: Sequence[str],
) -> Lexicon:
    """The lexicon to read with; a model's own where it has one.

    Raises:
        RetentionError: if a model was fitted with another one.
    """
    own = None if model is None else model.lexicon
    if lexicon is None:
        known = own or load_lexicon("en")
    else:
        known = lexicon if isinstance(lexicon, Lexicon) else load_lexicon(lexicon)
    if own_brand or competitors:
        known = extend_lexicon(known, own_brand=own_brand, competitors=competitors)
    if own is not None and known != own:
        raise RetentionError(
            f"model was fitted with another lexicon: {_difference_of_lexicons(own, known)}. "
            "Leave lexicon=, own_brand= and competitors= away, or fit the model anew: "
            "fit_reason_model(..., lexicon=extend_lexicon(load_lexicon('en'), own_brand=[…]))."
        )
    return known


def _difference_of_lexicons(own: Lexicon, known: Lexicon) -> str:
    """What a model's lexicon and the one asked for differ in, the first of all."""
    had, has = dict(own.lists), dict(known.lists)
    for name, argument in {OWN_BRAND: "own_brand", COMPETITORS: "competitors"}.items():
        if had.get(name) != has.get(name):
            further = [one for one in has.get(name, ()) if one not in had.get(name, ())]
            lacking = [one for one in had.get(name, ()) if one not in has.get(name, ())]
            said = f"it knew nothing of {further!r}" if further else f"it knew {lacking!r} too"
            return f"of {argument} {said}"
    had_words, has_words = (repr(each).partition("\n")[0] for each in (own, known))
    if had_words != has_words:
        return f"{had_words}, not {has_words}"
    return "phrases, lists or rules of the two differ"


def _tags_of_texts(
    texts: Sequence[str],
    lexicons: Sequence[Lexicon],
    model: ReasonModel | None,
    annotator: Annotator | None,
    min_score: float | None,
) -> list[list[Tag]]:
    """The reasons in each text, by whom was asked."""
    if model is not None:
        return tags_by_model(texts, model, lexicons[0], min_score)
    least = LEAST if min_score is None else min_score
    if annotator is not None:
        return tags_by_annotator(texts, annotator, least)
    return tags_by_language(texts, lexicons, least)


def _columns_of_tags(
    rows: Columns, texts: list[str | None], found: dict[str, list[Tag]], kept: Columns
) -> Columns:
    """The answer's columns, at least one row per note."""
    tags = [[] if text is None else found[text] for text in texts]
    counts = np.array([max(len(told), 1) for told in tags], dtype=np.int64)
    lines = [
        line for text, told in zip(texts, tags, strict=True) for line in _lines_of_note(text, told)
    ]
    of_note = np.repeat(np.arange(len(texts)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rank = np.arange(len(lines), dtype=np.int64) - first + 1
    columns = list(zip(*lines, strict=True)) if lines else [()] * 7
    category, subcategory, score, evidence, start, end, phrase = columns
    return {
        "note_id": rows["note_id"][of_note],
        "customer_id": rows["customer_id"][of_note],
        "category": np.array(category, dtype=object),
        "subcategory": np.array(subcategory, dtype=object),
        "score": np.array(score, dtype=np.float64),
        "rank": rank,
        "is_primary": rank == 1,
        "evidence": np.array(evidence, dtype=object),
        "start": np.array(start, dtype=np.float64),
        "end": np.array(end, dtype=np.float64),
        "phrase": np.array(phrase, dtype=object),
        **{name: values[of_note] for name, values in kept.items()},
    }


Line = tuple[str, str | None, float, str | None, float, float, str | None]


def _lines_of_note(text: str | None, tags: list[Tag]) -> list[Line]:
    if text is None or not tags:
        nothing = MISSING if text is None else UNSPECIFIED
        return [(nothing, None, np.nan, None, np.nan, np.nan, None)]
    return [
        (
            tag.tag.split(".")[0],
            tag.tag if "." in tag.tag else None,
            tag.score,
            text[tag.start : tag.end],
            tag.start,
            tag.end,
            tag.phrase,
        )
        for tag in tags
    ]

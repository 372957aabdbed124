"""Reasons in notes: which categories a note speaks of, in which words, and how strongly."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from retention.errors import ContentError, RetentionError, RetentionWarning
from retention.frames import table_like
from retention.loading.progress import watched
from retention.reasons.categories import MISSING, UNSPECIFIED
from retention.reasons.finding import LONGEST, Tag, tag_text
from retention.reasons.lexicon import Lexicon, extend_lexicon, load_lexicon
from retention.reasons.matching import matcher_of
from retention.reasons.note_rows import read_notes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns


def tag_reasons(
    notes: IntoFrameT,
    *,
    text: str = "text",
    note_id: str = "note_id",
    lexicon: str | Path | Lexicon = "en",
    min_score: float = 0.6,
    own_brand: Sequence[str] = (),
    competitors: Sequence[str] = (),
    keep: str | Sequence[str] = (),
) -> IntoFrameT:
    """The reasons that each note tells, with the words that tell them.

    A note may tell several. The strength of a reason is 1 − Π(1 − w) over the weights w of its
    distinct phrases in the note, where of phrases that overlap only the strongest counts. It says
    how much of the note speaks for the reason and is no probability; how often tags were right is
    told under "Reasons in notes" in the docs.

    A negation before a phrase, in its clause, undoes it ("not expensive"). Rules of context, which
    are data of the lexicon, look at the whole note: a bad reaction is `response_to_failure` only
    where a failure or a complaint stands in the note, else it is a failed encounter.

    Args:
        notes: a note a row.
        text: the column of what was written.
        note_id: the column that says which note; rows are numbered from 0 where there is none.
            Where there is a column `customer_id` it goes along.
        lexicon: a language, the path of a file, or what `load_lexicon` or `extend_lexicon` gave.
        min_score: the least strength that is told, 0 to 1.
        own_brand: names of your firm: going to them is no competition.
        competitors: names of others, so that they are known in small letters too.
        keep: further columns that go along, such as segments, `date` or `spell`.

    Returns:
        One row a note and sub-category, in the caller's kind: `note_id`, `customer_id` (null where
        not known), `category`, `subcategory`, `score` (strength, 0 to 1), `rank` (1 for the
        strongest of the note; what holds a customer back comes after all reasons to leave),
        `is_primary` (rank 1), `evidence` (the strongest words), `start`, `end` (where these stand
        in the text: `text[start:end]`, in characters), `phrase` (what found them), and the
        columns of `keep`. A note in which nothing is found has one row of category "unspecified",
        one that is null or blank has one of category "missing": every note is there. Notes keep
        their order.

    Raises:
        ColumnError: if there is no such column.
        ContentError: if the column holds no text, or two notes have the same id.
        RetentionError: if `min_score` is not between 0 and 1.

    Warns:
        RetentionWarning: if a note has more than 20,000 characters: what follows is not read.

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
    if not 0 <= min_score <= 1:
        raise RetentionError(f"min_score must be between 0 and 1; got {min_score!r}.")
    known = lexicon if isinstance(lexicon, Lexicon) else load_lexicon(lexicon)
    if own_brand or competitors:
        known = extend_lexicon(known, own_brand=own_brand, competitors=competitors)
    rows = read_notes(notes, ("text", text), note_id=note_id, keep=keep, name="notes")
    texts = _texts(rows["value"], text)
    different = list(dict.fromkeys(text for text in texts if text is not None))
    found = dict(zip(different, _found(different, known, min_score), strict=True))
    return table_like(_table(rows, texts, found), notes)


def _texts(values: NDArray[np.object_], column: str) -> list[str | None]:
    """The notes as texts; blank ones are None."""
    if values.dtype.kind not in "OU" and not np.isnan(values.astype(float)).all():
        raise ContentError(f"notes: {column!r} must hold text; got {values.dtype}.")
    given = values.tolist() if values.dtype.kind in "OU" else [None] * values.size
    for value in given:
        if value is not None and not isinstance(value, str):
            raise ContentError(f"notes: {column!r} must hold text; got {value!r}.")
    too_long = sum(value is not None and len(value) > LONGEST for value in given)
    if too_long:
        warnings.warn(
            f"{too_long:,} notes have more than {LONGEST:,} characters: what follows is not read.",
            RetentionWarning,
            stacklevel=3,
        )
    return [value if value and value.strip() else None for value in given]


def _found(texts: Sequence[str], lexicon: Lexicon, min_score: float) -> list[list[Tag]]:
    """The reasons in each text, by the lexicon."""
    matcher = matcher_of(lexicon)
    found = []
    with watched("tagging notes", "notes", len(texts)) as done:
        for text in texts:
            found.append(tag_text(text, matcher, min_score=min_score))
            done(1)
    return found


def _table(rows: Columns, texts: list[str | None], found: dict[str, list[Tag]]) -> Columns:
    """The answer's columns, at least one row a note."""
    tags = [[] if text is None else found[text] for text in texts]
    counts = np.array([max(len(told), 1) for told in tags], dtype=np.int64)
    lines = [line for text, told in zip(texts, tags, strict=True) for line in _lines(text, told)]
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
        **{name: values[of_note] for name, values in rows.items() if name not in _OWN},
    }


_OWN = ("note_id", "customer_id", "value")
Line = tuple[str, str | None, float, str | None, float, float, str | None]


def _lines(text: str | None, tags: list[Tag]) -> list[Line]:
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

"""One row per note: how strongly it speaks of each category."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.errors import ColumnError
from retention.frames import collect, table_like
from retention.reasons.categories import MISSING, UNSPECIFIED, reason_categories
from retention.reasons.notes.reading import without_nan
from retention.tables import TAGS, require
from retention.tables.answer_columns import gives, ids, shares, texts, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns

_ASKED = ("score", "rank")
_BARRIER = "x_switching_barrier"


@gives(
    "note",
    ids("note_id", "customer_id"),
    texts("primary"),
    whole_numbers("n_reasons"),
    shares(*(one.name for one in reason_categories())),
)
def note_reasons(tags: IntoFrameT) -> IntoFrameT:
    """The tags as one row per note, with a column for each category of reasons.

    The strength of a category in a note is that of its strongest sub-category, 0 where the note
    does not speak of it, and null where there is no note, or a sub-category has no score.

    Args:
        tags: a table from `tag_reasons` or `map_reason_codes`.

    Returns:
        One row per note, in the caller's kind: `note_id`, `customer_id` (null where not known),
        `primary` (the first reason; "unspecified" or "missing" where there is none), `n_reasons`
        (how many categories it speaks of, what holds a customer back not counted), then a column
        for each category of `reason_categories`, with its strength. A category of your own has no
        column, but counts. Eager tables keep the order of the notes.

    Raises:
        ColumnError: if `score` or `rank` is missing.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> notes = pd.DataFrame({"text": ["Overpriced, and I hardly use it.", None]})
        >>> wide = rt.reasons.note_reasons(rt.tag_reasons(notes))
        >>> wide[["primary", "n_reasons", "pricing", "competition", "x_no_longer_needed"]]
           primary  n_reasons  pricing  competition  x_no_longer_needed
        0  pricing          2      0.9          0.0                0.86
        1  missing          0      NaN          NaN                 NaN

    Source:
        None: it is another shape of the same table.
    """
    frame = require(tags, TAGS)
    schema = frame.collect_schema()
    for name in _ASKED:
        if name not in schema:
            raise ColumnError(f"tags lacks {name!r}: give the table of tag_reasons as it came.")
    whose = [name for name in ("customer_id",) if name in schema]
    rows = collect(frame.select("note_id", *whose, "category", *_ASKED), exact=True)
    return table_like(_columns_per_category(rows), tags)


def _columns_per_category(rows: Columns) -> Columns:
    """The answer's columns, notes in the order in which they come."""
    import pandas as pd

    place, _ = pd.factorize(rows["note_id"])
    first = np.unique(place, return_index=True)[1]
    category = rows["category"].astype(object)
    best = np.lexsort((rows["rank"].astype(np.float64), place))
    primary = best[np.unique(place[best], return_index=True)[1]]
    nobody = np.full(place.size, None, dtype=object)
    told = ~np.isin(category, [UNSPECIFIED, MISSING, _BARRIER])
    pairs = pd.DataFrame({"note": place[told], "category": category[told]}).drop_duplicates()
    size = first.size
    return {
        "note_id": rows["note_id"][first],
        "customer_id": without_nan(rows.get("customer_id", nobody))[first],
        "primary": category[primary],
        "n_reasons": np.bincount(pairs["note"], minlength=size).astype(np.int64),
        **_greatest_strengths(place, category, rows["score"].astype(np.float64), size),
    }


def _greatest_strengths(
    place: NDArray[np.intp], category: NDArray[np.object_], score: NDArray[np.float64], size: int
) -> Columns:
    """Of each category, the greatest strength in each note."""
    silent = np.zeros(size)
    silent[place[category == MISSING]] = np.nan
    found = {}
    for name in (one.name for one in reason_categories()):
        strength = silent.copy()
        of_it = category == name
        with np.errstate(invalid="ignore"):  # a score that is missing
            np.maximum.at(strength, place[of_it], score[of_it])
        found[name] = strength
    return found

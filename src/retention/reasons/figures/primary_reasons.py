"""The reasons each customer left for: the first one of their notes, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError
from retention.frames import Columns, collect
from retention.reasons.categories import MISSING, NO_REASON, UNSPECIFIED, reason_categories
from retention.reasons.notes.reading import true_flags
from retention.tables import CUSTOMER, TAGS, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ENDS = ("customer_id", "spell")
"""What says which end a note is about."""

BETWEEN = "\n"
"""What stands between several reasons of one customer."""


def primary_reasons(tags: object) -> Columns:
    """The reason of each customer in a table of tags, or of each of their spells.

    Among the tags that are reasons to leave, the primary ones come first, then the strongest, then
    those that come first in `reason_categories`.

    Returns:
        `customer_id`, `spell` if the tags have it, and `category`: one row each. Who told no reason
        to leave has "unspecified".

    Raises:
        ColumnError: if a column is missing.
        ContentError: if a customer, a spell or a category is missing.
    """
    rows, keys, owner = _ends_of_tags(tags)
    least = first_reasons(rows, owner)
    reason = rows["category"].astype(object)[least]
    told = ~np.isin(reason, NO_REASON)
    return {
        **{name: rows[name][least] for name in keys},
        "category": np.where(told, reason, UNSPECIFIED),
    }


def every_reason(tags: object) -> Columns:
    """All reasons of each customer in a table of tags, or of each of their spells.

    Returns:
        `customer_id`, `spell` if the tags have it, and `category`: the different reasons to leave
        in order, with `BETWEEN` between them, or "unspecified" where there is none.

    Raises:
        as `primary_reasons`.
    """
    rows, keys, owner = _ends_of_tags(tags)
    place, names = places_of(rows["category"])
    told = ~np.isin(rows["category"].astype(object), NO_REASON)
    owners, first = np.unique(owner, return_index=True)
    named = np.zeros((owners.size, len(names)), np.bool_)
    named[owner[told], place[told]] = True
    kind = numbered_rows(list(np.packbits(named, axis=1).T), owners.size)
    _, example = np.unique(kind, return_index=True)
    texts = [BETWEEN.join(np.array(names, dtype=object)[row]) for row in named[example]]
    reasons = np.array([text or UNSPECIFIED for text in texts], dtype=object)[kind]
    return {**{name: rows[name][first] for name in keys}, "category": reasons}


def first_reasons(rows: Columns, owner: NDArray[np.intp]) -> NDArray[np.intp]:
    """The row of the first reason of each owner, in the order of the owners' numbers.

    Args:
        rows: `category` and, where there are any, `is_primary` and `score` of each tag.
        owner: the number of whose tag each is, from 0 without gaps.
    """
    category, size = rows["category"].astype(object), owner.size
    told = ~np.isin(category, NO_REASON)
    first = rows.get("is_primary", np.ones(size, np.bool_))
    score = np.nan_to_num(rows.get("score", np.zeros(size)).astype(np.float64), nan=-1.0)
    place, _ = places_of(category)
    order = np.lexsort((place, -score, ~first, ~told, owner))
    return order[np.flatnonzero(np.diff(owner[order], prepend=-1))]


def places_of(categories: NDArray[Any]) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Where each category stands among all, and those.

    First come those of `reason_categories`, then the user's own, at last what tells no reason.
    """
    from pandas import factorize

    codes, distinct = factorize(categories)
    shipped = [one.name for one in reason_categories()]
    own = sorted(set(distinct.tolist()) - {*shipped, UNSPECIFIED, MISSING})
    names = (*shipped, *own, UNSPECIFIED, MISSING)
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[name] for name in distinct.tolist()], np.intp)[codes], names


def numbered_rows(columns: Sequence[NDArray[Any]], size: int) -> NDArray[np.intp]:
    """One number for each different row, from 0 without gaps."""
    from pandas import factorize

    number = np.zeros(size, np.intp)
    for values in columns:
        codes, distinct = factorize(values)
        number = np.asarray(factorize(number * (len(distinct) + 1) + codes)[0])
    return number


def complete_column(values: NDArray[Any], name: str, table: str = "tags") -> NDArray[Any]:
    """A column of a table in which nothing may be missing; whole numbers are whole again.

    Raises:
        ContentError: if something is missing.
    """
    from pandas import isna

    if n := int(isna(values).sum()):
        raise ContentError(
            f"{table}: {n:,} of {values.size:,} rows have no {name!r}. Fill it in, or leave those "
            "notes out."
        )
    return values.astype(np.int64) if values.dtype.kind == "f" else values


def _ends_of_tags(tags: object) -> tuple[Columns, list[str], NDArray[np.intp]]:
    """The tags, what says which end they are about, and the number of that end."""
    rows = _tag_columns(tags)
    keys = [name for name in ENDS if name in rows]
    return rows, keys, numbered_rows([rows[name] for name in keys], rows["category"].size)


def _tag_columns(tags: object) -> Columns:
    frame = require(tags, TAGS)
    schema = frame.collect_schema()
    if "customer_id" not in schema:
        raise ColumnError.missing("tags", CUSTOMER.name, "whose note", schema, TAGS.door)
    names = [name for name in (*ENDS, "category", "score", "is_primary") if name in schema]
    found = collect(frame.select(names))
    for name in names[: names.index("category") + 1]:
        found[name] = complete_column(found[name], name)
    if "is_primary" in found:
        found["is_primary"] = true_flags(found["is_primary"])
    return found

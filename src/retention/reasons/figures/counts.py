"""Who named which reasons: the counts behind every share of reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ContentError, RetentionError, whole_number
from retention.frames import Frame, as_text, collect
from retention.numerics.codes import group_numbers
from retention.reasons.categories import NO_REASON
from retention.reasons.figures.primary_reasons import (
    complete_column,
    first_reasons,
    numbered_rows,
    places_of,
)
from retention.reasons.notes.reading import true_flags
from retention.tables import TAGS, require, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

    Counts = NDArray[np.int64]
    Flags = NDArray[np.bool_]

Key = tuple[str, ...]
"""The values of a segment, in the order of `by`."""


@dataclass(frozen=True, slots=True)
class Named:
    """The customers behind a table of tags, and what each named.

    Without customers every note is one of its own. A customer with notes in two segments is one in
    each.

    Attributes:
        unit: "customers" or "notes".
        keys: the segments, sorted.
        segment: of each customer, the number of the segment.
        who: of each customer, a number that is the same in every segment.
        categories: all categories, the last two of which are "unspecified" and "missing".
        mentions: in how many notes of each customer (rows) each category (columns) is named; a
            customer who told no reason to leave has 1 under "unspecified", one of whom there is
            no note at all 1 under "missing", and nobody else has.
        first: of each customer, the place of the first reason; of no meaning where none was told.
    """

    unit: str
    keys: list[Key]
    segment: NDArray[np.intp]
    who: NDArray[np.intp]
    categories: tuple[str, ...]
    mentions: Counts
    first: NDArray[np.intp]

    @property
    def reasons(self) -> Flags:
        """Which categories are reasons to leave."""
        return is_reason_to_leave(self.categories)

    @property
    def n_told(self) -> Counts:
        """How many reasons to leave each customer told."""
        told: Counts = (self.mentions[:, self.reasons] > 0).sum(axis=1)
        return told

    def per_segment(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of customers, summed over each segment."""
        total = np.zeros((len(self.keys), *values.shape[1:]), values.dtype)
        np.add.at(total, self.segment, values)
        return total

    def with_keys(self, keys: Sequence[Key]) -> Named:
        """The same with further segments, in which nobody wrote a note."""
        every = sorted({*self.keys, *keys})
        place = np.array([every.index(key) for key in self.keys], np.intp)
        return Named(
            self.unit,
            every,
            place[self.segment],
            self.who,
            self.categories,
            self.mentions,
            self.first,
        )


def is_reason_to_leave(categories: Sequence[str]) -> Flags:
    """Which categories are reasons to leave."""
    return ~np.isin(np.array(categories, dtype=object), NO_REASON)


def named_by_customers(frame: Frame, names: Sequence[str]) -> Named:
    """What each customer named, from a table of tags that has been checked.

    Args:
        frame: the tags.
        names: its segment columns.

    Raises:
        ContentError: if the table is empty, a note or a category is missing, or only some notes say
            whose they are.
    """
    schema = frame.collect_schema()
    told = ("note_id", "customer_id", "category", "score", "is_primary")
    labels = [as_text(name, schema[name]) for name in names]
    rows = collect(frame.select(*(name for name in told if name in schema), *labels))
    size = rows["category"].size
    if not size:
        raise ContentError("tags: the table is empty.")
    if "is_primary" in rows:
        rows["is_primary"] = true_flags(rows["is_primary"])
    for name in ("note_id", "category"):
        rows[name] = complete_column(rows[name], name)
    unit = _counted_column(rows)
    segment, keys = group_numbers(rows, names, size)
    whose = numbered_rows([rows[unit]], size)
    owner = numbered_rows([segment, whose], size)
    lead = first_reasons(rows, owner)
    place, categories = places_of(rows["category"])
    note = numbered_rows([rows["note_id"]], size)
    mentions = _mentions_by_owner(note, owner, place, is_reason_to_leave(categories))
    return Named(
        {"customer_id": "customers", "note_id": "notes"}[unit],
        keys,
        segment[lead],
        whose[lead],
        categories,
        mentions,
        place[lead],
    )


def named_and_sizes(
    tags: object, by: str | Sequence[str], n_customers: object, base: str
) -> tuple[Named, dict[Key, int]]:
    """What each customer named, and how many customers each segment has, where that was said.

    Raises:
        RetentionError: if the base "customers" lacks their number.
        ContentError: as `count_named`; if a segment has fewer customers than have notes.
    """
    names = segments(by, TAGS)
    if base == "customers" and n_customers is None:
        raise RetentionError(
            "base='customers' needs n_customers=, how many customers were asked or left: without "
            "it a share would be of those who wrote. Say base='tagged' if that is meant."
        )
    named = named_by_customers(require(tags, TAGS, extra=names), names)
    if n_customers is None:
        return named, {}
    sizes = sizes_of(n_customers, named.keys, names)
    named = named.with_keys(list(sizes))
    wrote = np.bincount(named.segment, minlength=len(named.keys)).tolist()
    for key, n in zip(named.keys, wrote, strict=True):
        if n > sizes[key]:
            where = f" of {', '.join(key)}" if key else ""
            raise ContentError(
                f"n_customers{where} is {sizes[key]:,}, but tags hold {n:,} {named.unit}."
            )
    return named, sizes


def sizes_of(n_customers: object, keys: Sequence[Key], names: Sequence[str]) -> dict[Key, int]:
    """How many customers a segment has: of one number without segments, else of a mapping.

    Raises:
        RetentionError: if it is neither, lacks a segment, or says one twice.
    """
    if not names:
        return {(): whole_number("n_customers", n_customers, least=0, of="customers")}
    if not isinstance(n_customers, Mapping):
        raise RetentionError(
            "n_customers: with by, say how many customers each segment has, as "
            f"{{{', '.join(map(repr, keys[0]))}: 100, …}}; got {n_customers!r}."
        )
    found: dict[Key, int] = {}
    for key, n in n_customers.items():
        parts = tuple(map(_segment_as_text, key if isinstance(key, tuple) else (key,)))
        if len(parts) != len(names):
            raise RetentionError(f"n_customers: {key!r} does not name one of {', '.join(names)}.")
        if parts in found:
            raise RetentionError(f"n_customers says twice how many {', '.join(parts)!r} has.")
        found[parts] = whole_number(f"n_customers[{key!r}]", n, least=0, of="customers")
    if lacking := [key for key in keys if key not in found]:
        raise RetentionError(
            f"n_customers lacks {len(lacking):,} segments of the tags, first "
            f"{', '.join(lacking[0])!r}."
        )
    return found


def _segment_as_text(value: object) -> str:
    """A segment's value as tables show it: see `as_text`."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    return str(value)


def _counted_column(rows: Columns) -> str:
    """The column of what is counted: customers, or notes if none says whose it is."""
    if "customer_id" not in rows:
        return "note_id"
    from pandas import isna

    without = int(isna(rows["customer_id"]).sum())
    size = rows["customer_id"].size
    if without and without < size:
        raise ContentError(
            f"tags: {without:,} of {size:,} rows have no 'customer_id'. Fill it in, leave those "
            "notes out, or drop the column: then notes are counted."
        )
    return "note_id" if without else "customer_id"


def _mentions_by_owner(
    note: NDArray[np.intp], owner: NDArray[np.intp], place: NDArray[np.intp], reasons: Flags
) -> Counts:
    """In how many notes each owner named each category; a note names it once at most."""
    n_notes = int(note.max()) + 1
    once = np.unique((owner * reasons.size + place) * n_notes + note) // n_notes
    size = (int(owner.max()) + 1) * reasons.size
    mentions: Counts = np.bincount(once, minlength=size).reshape(-1, reasons.size)
    told = (mentions[:, reasons] > 0).any(axis=1)
    wrote = (mentions[:, :-1] > 0).any(axis=1)
    mentions[:, -2:] = np.stack([~told & wrote, ~told & ~wrote], axis=1)
    return mentions.astype(np.int64)

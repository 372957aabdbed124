"""Customers in two tables of segments, put into pairs: every pair there can be, also empty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.errors import ColumnError, ContentError
from retention.signals.groups.customer_rows import check_amounts, rows_of_customers
from retention.tables import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns

    Whole = NDArray[np.int64]
    Floats = NDArray[np.float64]


_MOST_SIGNED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SegmentPairs:
    """Who is in which segment of two tables.

    Attributes:
        ids: all customers of either, sorted.
        first: the place of each customer's segment among `rows`.
        second: likewise among `columns`.
        rows: the segments of the first table, then what those are in who are not in it.
        columns: likewise of the second.
    """

    ids: NDArray[Any]
    first: Whole
    second: Whole
    rows: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def pair(self) -> Whole:
        """The number of each customer's pair, by rows."""
        return self.first * len(self.columns) + self.second

    def counted(self, which: NDArray[np.bool_] | None = None) -> Whole:
        """How many customers are in each pair, of all or of some."""
        pair = self.pair if which is None else self.pair[which]
        return np.bincount(pair, minlength=len(self.rows) * len(self.columns))

    def added_up(self, amounts: Floats) -> Floats:
        """The sum of an amount in each pair; missing ones are nothing."""
        known = np.nan_to_num(amounts)
        sums = np.bincount(self.pair, known, minlength=len(self.rows) * len(self.columns))
        return np.asarray(sums, np.float64)

    def names_of_pairs(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The two segments of each pair."""
        rows, columns = (np.array(names, dtype=object) for names in (self.rows, self.columns))
        return np.repeat(rows, columns.size), np.tile(columns, rows.size)

    def found_in(self, table: Columns, column: str) -> Floats:
        """A number of each customer from a table with a row per customer; NaN where it has none."""
        if not table["customer_id"].size:
            return np.full(self.ids.size, np.nan)
        refuse_other_kind(self.ids, table["customer_id"], "the table of outcomes or values")
        ids, theirs = _as_one_type(self.ids, table["customer_id"])
        at = np.minimum(np.searchsorted(theirs, ids), theirs.size - 1)
        there = theirs[at] == ids
        return np.where(there, table[column][at].astype(np.float64), np.nan)


def segment_pairs(first: Columns, second: Columns, absent: tuple[str, str]) -> SegmentPairs:
    """The pairs of two tables of segments, as they were read.

    Args:
        first: `customer_id` and `segment`, a row per customer, sorted.
        second: likewise.
        absent: what those are in who are not in the first, and not in the second.
    """
    refuse_other_kind(first["customer_id"], second["customer_id"], "the second table")
    both = _as_one_type(first["customer_id"], second["customer_id"])
    ids = np.union1d(*both)
    mine, theirs = (np.searchsorted(ids, each) for each in both)
    one, rows = _places_of_segments(mine, ids.size, first["segment"], absent[0])
    two, columns = _places_of_segments(theirs, ids.size, second["segment"], absent[1])
    return SegmentPairs(ids, one, two, rows, columns)


def read_segments(table: object, name: str, *, taken: Sequence[str] = ()) -> Columns:
    """A table of segments: `customer_id`, `segment` and, where there are, `as_of` and `value`.

    Args:
        table: the caller's table.
        name: what messages call it.
        taken: names that no segment may have.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if it is empty, a customer has two rows, or a segment has a name of ours.
    """
    rows = rows_of_customers(table, replace(SEGMENTS, name=name), adds="all")
    if not rows["customer_id"].size:
        raise ContentError(f"{name} is empty: there is nobody in a segment.")
    for label in taken:
        if bool((rows["segment"] == label).any()):
            raise ContentError(
                f"{name}: a segment is named {label!r}, which the answer calls those who are not "
                "in the table. Name it otherwise."
            )
    if "value" in rows:
        check_amounts(rows["value"], name)
    return rows


def refuse_other_kind(ids: NDArray[Any], others: NDArray[Any], name: str) -> None:
    """Refuse ids that cannot be the same: numbers here, text there.

    Raises:
        ColumnError: if they are of different types.
    """
    kinds = ["whole numbers" if these.dtype.kind in "iu" else "text" for these in (ids, others)]
    if kinds[0] != kinds[1]:
        raise ColumnError(
            f"{name}: 'customer_id' holds {kinds[1]}, in the first it holds {kinds[0]}. "
            "Give both the same type."
        )


def _as_one_type(ids: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ids that can be compared: of numbers with a sign and others without numpy makes decimals.

    Raises:
        ColumnError: if one table holds ids that the type of the other cannot.
    """
    if {ids.dtype.kind, others.dtype.kind} != {"i", "u"}:
        return ids, others
    if any(these.size and int(these.max()) > _MOST_SIGNED for these in (ids, others)):
        raise ColumnError(
            "'customer_id' holds whole numbers beyond 2⁶³ in one table and such with a sign in "
            "another. Give all the same type."
        )
    return ids.astype(np.int64), others.astype(np.int64)


def _places_of_segments(
    mine: Whole, n: int, segments: NDArray[Any], absent: str
) -> tuple[Whole, tuple[str, ...]]:
    """The place of each customer's segment among all of a table, and their names."""
    labels = [*sorted({str(label) for label in segments.tolist()} - {absent}), absent]
    number = {label: place for place, label in enumerate(labels)}
    place = np.full(n, number[absent], np.int64)
    place[mine] = [number[label] for label in segments.tolist()]
    return place, tuple(labels)

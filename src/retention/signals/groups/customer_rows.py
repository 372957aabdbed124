"""Tables with a row per customer as arrays, and the pairs of segments that two of them make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, ContentError, count_of
from retention.frames import Columns, as_text, collect
from retention.numerics.keyed_rows import starts_of_runs
from retention.orders import MOST
from retention.tables import SEGMENTS, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.tables import Kind
    from retention.tables.checks import Adds

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
        at: of each row of the first table, and of the second, which customer it is.
    """

    ids: NDArray[Any]
    first: Whole
    second: Whole
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    at: tuple[Whole, Whole]

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
        ids, mine, theirs = _ids_of_both(self.ids, table["customer_id"])
        values = np.full(ids.size, np.nan)
        values[theirs] = table[column]
        return values[mine]


def rows_of_customers(table: object, kind: Kind, *, adds: Adds = "none") -> Columns:
    """The columns of a kind, as far as they are there, a row per customer, sorted by customer.

    Labels are text, the missing ones "(missing)"; numbers are floats.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a row has no customer, or a customer has two.
    """
    frame = require(table, kind, alone=True, by_row=True, adds=adds)
    present = frame.collect_schema()
    read = []
    for column in kind.columns:
        if column.name in present and column.type == "label":
            read.append(label_as_text(column.name, present[column.name], kind.name))
        elif column.name in present and column.type == "number":
            read.append(nw.col(column.name).cast(nw.Float64))
        elif column.name in present:
            read.append(nw.col(column.name))
    found = collect(frame.select(*read))
    _refuse_nobody_named(found["customer_id"], kind)
    who = found["customer_id"]
    if bool((who[1:] > who[:-1]).all()):
        return found
    order = np.argsort(who, kind="stable")
    rows = {name: values[order] for name, values in found.items()}
    _refuse_repeated(rows["customer_id"], kind)
    return rows


def label_as_text(name: str, dtype: nw.dtypes.DType, given: str) -> nw.Expr:
    """A column of labels as text.

    Args:
        name: the column.
        dtype: its type.
        given: the table or argument that a refusal tells of.

    Raises:
        ColumnError: if it holds no labels.
    """
    try:
        return as_text(name, dtype)
    except ColumnError as error:
        raise ColumnError(str(error).replace("by:", f"{given}:", 1)) from None


def check_amounts(values: NDArray[np.float64], table: str) -> None:
    """Refuse amounts that are infinite, or too large to be money.

    Raises:
        ContentError: if there are some.
    """
    if n := int((np.abs(values) > MOST).sum()):
        raise ContentError(
            f"{table}: {count_of(n, 'row has', 'rows have')} a 'value' that is no amount of money "
            "(infinite, or beyond 10¹⁵). Correct it, or leave it empty."
        )


def segment_pairs(first: Columns, second: Columns, absent: tuple[str, str]) -> SegmentPairs:
    """The pairs of two tables of segments, as they were read.

    Args:
        first: `customer_id` and `segment`, a row per customer, sorted.
        second: likewise.
        absent: what those are in who are not in the first, and not in the second.
    """
    refuse_other_kind(first["customer_id"], second["customer_id"], "the second table")
    ids, mine, theirs = _ids_of_both(first["customer_id"], second["customer_id"])
    one, rows = _places_of_segments(mine, ids.size, first["segment"], absent[0])
    two, columns = _places_of_segments(theirs, ids.size, second["segment"], absent[1])
    return SegmentPairs(ids, one, two, rows, columns, (mine, theirs))


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


def _ids_of_both(ids: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[Any], Whole, Whole]:
    """All ids of two tables that each ascend, and where those of each are among them.

    Raises:
        ColumnError: if one table holds ids that the type of the other cannot.
    """
    if np.array_equal(ids, others):
        same = np.arange(ids.size)
        return ids, same, same
    both = np.concatenate(_as_one_type(ids, others))
    order = np.argsort(both, kind="stable")  # what ascends already is merged, not sorted
    both = both[order]
    changes = starts_of_runs(both)
    place = np.empty(both.size, np.int64)
    place[order] = np.cumsum(changes) - 1
    return both[changes], place[: ids.size], place[ids.size :]


def _places_of_segments(
    mine: Whole, n: int, segments: NDArray[Any], absent: str
) -> tuple[Whole, tuple[str, ...]]:
    """The place of each customer's segment among all of a table, and their names."""
    from pandas import factorize

    codes, distinct = factorize(segments)
    labels = [*sorted({*distinct.tolist()} - {absent}), absent]
    number = {label: place for place, label in enumerate(labels)}
    place = np.full(n, number[absent], np.int64)
    place[mine] = np.array([number[label] for label in distinct.tolist()], np.int64)[codes]
    return place, tuple(labels)


def _refuse_nobody_named(ids: NDArray[Any], kind: Kind) -> None:
    from pandas import isna

    if n := int(np.count_nonzero(isna(ids))):
        raise ContentError(
            f"{kind.name}: {count_of(n, 'row has', 'rows have')} no 'customer_id'. Leave them out."
        )


def _refuse_repeated(ids: NDArray[Any], kind: Kind) -> None:
    again = ids[1:][ids[1:] == ids[:-1]]
    if again.size:
        first = again[0].item() if hasattr(again[0], "item") else again[0]
        several = count_of(np.unique(again).size, "customer has", "customers have")
        raise ContentError(
            f"{kind.name}: {several} several rows, such as {first!r}. Keep one of them."
        )

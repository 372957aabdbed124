"""Contracts of a table at hand joined to spells by arrays: as `spell_rows` tells it by a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames import Frame, frame_at_hand, numbers_of_values, rows_at_hand
from retention.numerics.keyed_rows import starts_of_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.spells.spell_rows import Kept

    Whole = NDArray[np.int64]
    Rows = NDArray[np.intp]

_LARGEST = 2**62


def contract_spells_at_hand(begun: Frame, allowed: int, kept: Kept) -> Frame | None:
    """The spells of contracts, without those columns of text set right that had nothing in a row.

    Args:
        begun: contracts of pandas or Polars in whole days: `customer_id`, `_start`, `_end` (none
            before its start) and the columns to carry along.
        allowed: a contract that starts at most so many days after an earlier one ends, continues.
        kept: the columns to carry along.

    Returns:
        What `stays_joined_to_spells` gives of them, but for `_at`, with all columns. None where
        ids are no numbers, values that are to be compared have no order, or one may change within
        a spell: the query tells, and refuses.
    """
    table = rows_at_hand(begun)
    customer = numbers_of_values(table["customer_id"]) if len(table) else None
    if customer is None or customer.has_missing:
        return None
    start, end = (table[name].cast(nw.Int64).to_numpy() for name in ("_start", "_end"))
    low = int(start.min())
    width = int(end.max()) - low + 1
    if customer.size * width >= _LARGEST:
        return None
    order = np.lexsort((start, customer.number))
    who, start, end = customer.number[order], start[order], end[order]
    # what ends of one customer lies below all of the next
    until = np.maximum.accumulate(end - low + who * width) - who * width + low
    comes = starts_of_runs(who)
    opens = comes.copy()
    opens[1:] |= start[1:] - until[:-1] > allowed
    first = np.flatnonzero(opens)
    last = np.append(first[1:], who.size) - 1
    spell = np.cumsum(opens) - 1
    if not _are_agreed(table[order] if kept.agreed else table, kept.agreed, first[spell]):
        return None
    at_first = np.flatnonzero(start == start[first][spell])
    at_last = _contracts_of_latest_ends(start, end, until[last], spell)
    picked: dict[str, Rows] = {}
    for name in kept.names:
        rows = at_last if name in kept.last else at_first
        one = _row_of_least_value(rows, spell, table[name], order)
        if one is None:
            return None
        picked[name] = one
    number = np.arange(first.size) - np.maximum.accumulate(
        np.where(comes[first], np.arange(first.size), 0)
    )
    told: dict[str, Any] = {
        "customer_id": customer.named(who[first]),
        "spell": number + 1,
        "_start": start[first],
        "_last": until[last],
    }
    told |= {name: table[name][order[picked[name]]].to_native() for name in kept.names}
    return frame_at_hand(told, begun.implementation)


def _are_agreed(table: nw.DataFrame[Any], names: Sequence[str], first: Rows) -> bool:
    """Whether each row is known to have the value of its spell's first one."""
    numbered = [numbers_of_values(table[name]) for name in names]
    return all(
        each is not None
        and not each.has_missing
        and bool((each.number == each.number[first]).all())
        for each in numbered
    )


def _contracts_of_latest_ends(start: Whole, end: Whole, last: Whole, spell: Whole) -> Rows:
    """The contracts of each spell with the latest end that began last: mostly one."""
    reaches = np.flatnonzero(end == last[spell])
    of, began = spell[reaches], start[reaches]
    closes = np.flatnonzero(np.append(of[1:] != of[:-1], True))
    found: Rows = reaches[began == began[closes][of]]
    return found


def _row_of_least_value(
    rows: Rows, spell: Whole, values: nw.Series[Any], order: Rows
) -> Rows | None:
    """Of the contracts looked at in each spell that with the least known value.

    None where values of several have no order that NumPy knows.
    """
    of = spell[rows]
    if starts_of_runs(of).all():
        return rows
    place = _places_in_order(values)
    if place is None:
        return None
    ranked = rows[np.lexsort((place[order[rows]], of))]
    return ranked[starts_of_runs(spell[ranked])]


def _places_in_order(values: nw.Series[Any]) -> Whole | None:
    """The places of values among the different ones, what is missing last."""
    found = numbers_of_values(values)
    if found is not None:
        return np.where(found.number < 0, found.size, found.number).astype(np.int64, copy=False)
    plain = values.to_numpy()
    if plain.dtype.kind not in "fbM":
        return None
    return np.unique(plain, return_inverse=True)[1].astype(np.int64)

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
        ids are no numbers, contracts that begin (or end) on one day leave open whose value is
        taken, or a value may change within a spell: the query tells, and refuses.
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
    if not _are_agreed(table[order.tolist()] if kept.agreed else table, kept.agreed, first[spell]):
        return None
    rows = dict.fromkeys(kept.first, first)
    if kept.first and _are_alike(who, start, first):
        return None
    if kept.last:
        found = _rows_of_latest_ends(start, end, until[last], spell)
        if found is None:
            return None
        rows |= dict.fromkeys(kept.last, found)
    number = np.arange(first.size) - np.maximum.accumulate(
        np.where(comes[first], np.arange(first.size), 0)
    )
    told: dict[str, Any] = {
        "customer_id": customer.named(who[first]),
        "spell": number + 1,
        "_start": start[first],
        "_last": until[last],
    }
    told |= {name: table[name][order[rows[name]].tolist()].to_native() for name in kept.names}
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


def _are_alike(who: Whole, start: Whole, first: Rows) -> bool:
    """Whether another contract begins on the first day of a spell."""
    later = first[first < who.size - 1]
    return bool(((who[later] == who[later + 1]) & (start[later] == start[later + 1])).any())


def _rows_of_latest_ends(start: Whole, end: Whole, last: Whole, spell: Whole) -> Rows | None:
    """For each spell its contract with the latest end, of several that began last; None of two."""
    reaches = np.flatnonzero(end == last[spell])
    closes = np.append(spell[reaches][1:] != spell[reaches][:-1], True)
    found = reaches[closes]
    before = np.append(-1, reaches[:-1])[closes]
    twice = (before >= 0) & (spell[before] == spell[found]) & (start[before] == start[found])
    return None if twice.any() else found

"""What each customer did in each period, of spells at hand: as the query in `counts` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.contracts_at_hand import steps_of_days
from retention.frames import frame_at_hand, numbers_of_values, rows_at_hand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from retention.frames import Frame, Numbered

    Whole = NDArray[np.int64]
    Events = Mapping[str, Whole]

_LARGEST = 2**62
_NUMBERS = ("_start", "_out", "_end", "_named")


def events_at_hand(
    days: Frame, names: list[str], window: periods.Window, never: int, after: int
) -> Frame | None:
    """The sums of a customer's starts and ends in each period; None where ids are no numbers.

    Args:
        days: spells of a pandas table in whole days, see `spell_days`.
        names: the segment columns.
        window: the periods.
        never: the day on which a running spell ends.
        after: an even place after every end, for what is no end.

    Returns:
        One row per customer, segment and period: `customer_id`, the segments, `step`, the sums
        `_came`, `_out`, `_days`, `_ended_named`, the greatest of `_mid`, `_stays`, `_based` and
        `_last_end`, and the least `_first_end`.
    """
    table = rows_at_hand(days.select("customer_id", *names, *_NUMBERS))
    known = [numbers_of_values(table[name]) for name in ("customer_id", *names)]
    labels = [each for each in known if each is not None and not each.has_missing]
    if len(labels) < len(known):
        return None
    numbers = {name: table[name].cast(nw.Int64).to_numpy() for name in _NUMBERS}
    spell, step, told = _starts_then_ends(numbers, window.freq, never, after)
    seen = np.flatnonzero(step <= window.last_step)
    spell, low = spell[seen], window.first_step - 1
    step = np.maximum(step[seen], low) - low
    sizes = [each.size for each in labels[1:]]
    n_steps = window.n_steps + 1
    if labels[0].size * int(np.prod(sizes, dtype=object)) * n_steps >= _LARGEST:
        return None
    key = labels[0].number[spell]
    for each in labels[1:]:
        key = key * each.size + each.number[spell]
    keys, cell = np.unique(key * n_steps + step, return_inverse=True)
    summed = _summed_by_cell({name: each[seen] for name, each in told.items()}, cell, keys.size)
    rest, at = np.divmod(keys, n_steps)
    marked = _named_labels(labels, names, rest) | {"step": at + low} | summed
    return frame_at_hand(marked, days.implementation)


def _named_labels(labels: list[Numbered], names: list[str], rest: Whole) -> dict[str, object]:
    """The customer and the segments of each cell."""
    found: dict[str, object] = {}
    for name, each in zip(reversed(names), reversed(labels[1:]), strict=True):
        rest, place = np.divmod(rest, each.size)
        found[name] = each.named(place)
    return {"customer_id": labels[0].named(rest)} | {name: found[name] for name in names}


def _starts_then_ends(
    numbers: Events, freq: str, never: int, after: int
) -> tuple[Whole, Whole, dict[str, Whole]]:
    """The spells' starts, then their ends: which spell, in which period, and what is told of it."""
    start, end = numbers["_start"], numbers["_end"]
    begins, goes = (steps_of_days(numbers[name] - 1, freq) + 1 for name in ("_start", "_out"))
    ends = np.flatnonzero(end < never)
    goes = np.where(end < never, goes, never)
    stays = (goes > begins).astype(np.int64)
    opens = periods.first_day_number(begins, freq)
    last = goes[ends] - 1
    since = np.maximum(start[ends], periods.first_day_number(last, freq))
    place = (end * 2 + (start == end)) * 2 + numbers["_named"]
    nothing, one = np.zeros(ends.size, np.int64), np.ones(start.size, np.int64)
    none = np.zeros(start.size, np.int64)
    told = {
        "_came": (one, nothing),
        "_out": (none, nothing + 1),
        "_days": (np.where(stays == 1, opens - start, 0), end[ends] - since),
        "_ended_named": (none, numbers["_named"][ends]),
        "_mid": ((start < opens).astype(np.int64), nothing),
        "_stays": (stays, nothing),
        "_based": (none, stays[ends]),
        "_last_end": (none - after, place[ends]),
        "_first_end": (none + after, place[ends]),
    }
    return (
        np.concatenate([np.arange(start.size), ends]),
        np.concatenate([begins - 1, last]),
        {name: np.concatenate(both) for name, both in told.items()},
    )


def _summed_by_cell(told: Events, cell: NDArray[np.intp], n: int) -> dict[str, Whole]:
    """What is told of the events of each cell, in one."""
    summed: dict[str, Whole] = {}
    for name in ("_came", "_out", "_days", "_ended_named"):
        summed[name] = np.zeros(n, np.int64)
        np.add.at(summed[name], cell, told[name])
    for name in ("_mid", "_stays", "_based", "_last_end"):
        summed[name] = np.full(n, np.iinfo(np.int64).min)
        np.maximum.at(summed[name], cell, told[name])
    summed["_first_end"] = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(summed["_first_end"], cell, told["_first_end"])
    return summed

"""Which contracts of a table at hand are due on a day: by arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import periods
from retention.frames import FewTexts, frame_at_hand, numbers_of_values, rows_at_hand

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import narwhals.stable.v2 as nw
    from numpy.typing import NDArray

    from retention.frames import Frame

    Whole = NDArray[np.int64]

RUNNING = 10_000_000
"""The day on which a running contract ends: later than any other."""

_KINDS = ("end", "lapsed", "anniversary")


def contracts_due_at_hand(
    frame: Frame, kept: Sequence[str], last: date, asked: tuple[int, date | None]
) -> Frame | None:
    """The contracts of a pandas or Polars table that are due, and were not renewed.

    Args:
        frame: the contracts.
        kept: columns that come along.
        last: the last observed day.
        asked: how many days to look ahead, and since when ends are listed.

    Returns:
        None where a start is no day, or ids are of a type that has no numbers.
    """
    table = rows_at_hand(frame.select("customer_id", "start", "end", *kept))
    starts, stops = (table[name].to_numpy() for name in ("start", "end"))
    if starts.dtype.kind != "M" or stops.dtype.kind != "M" or np.isnat(starts).any():
        return None
    begins = periods.day_numbers(starts)
    ends = np.where(np.isnat(stops), RUNNING, periods.day_numbers(stops))
    today, (within, since) = periods.number_of(last), asked
    from_day = today + 1 if since is None else periods.number_of(since)
    row = np.flatnonzero((begins <= today) & (ends >= from_day))
    years, following = _next_anniversaries(begins[row], today)
    kind = _kinds_of_contracts(ends[row], following, today, within)
    row, years, following, kind = (each[kind >= 0] for each in (row, years, following, kind))
    renewed = _renewed_rows(table["customer_id"], begins, ends, row[kind < 2])
    if renewed is None:
        return None
    stays = ~renewed[row]
    row, years, following, kind = (each[stays] for each in (row, years, following, kind))
    due = np.where(kind == 2, following, ends[row])
    few = table[row]
    columns: dict[str, Any] = {name: few[name].to_native() for name in few.columns}
    made = {
        "due": due.astype("datetime64[D]"),
        "days_left": due - today,
        "renewal": FewTexts(kind.astype(np.int8), _KINDS),
        "anniversary": np.where(kind == 2, years, np.nan),
    }
    return frame_at_hand(columns | made, frame.implementation)


def _next_anniversaries(begins: Whole, today: int) -> tuple[Whole, Whole]:
    """Which anniversary of each start is the next one after today, and its day."""
    begun = begins.astype("datetime64[D]").astype("datetime64[M]")
    turn = begins - periods.day_numbers(begun)
    tomorrow = np.datetime64(today + 1, "D")
    month = tomorrow.astype("datetime64[M]")
    at = int((tomorrow - month.astype("datetime64[D]")).astype(np.int64))
    years = ((month - begun).astype(np.int64) - (at <= turn)) // 12 + 1
    there = begun + years * 12
    last = periods.day_numbers(there + np.timedelta64(1, "M")) - 1
    return years, np.minimum(periods.day_numbers(there) + turn, last)


def _kinds_of_contracts(ends: Whole, following: Whole, today: int, within: int) -> Whole:
    """For what each contract is due, a place among the kinds; −1 for nothing."""
    far = today + within
    kind = np.where(following <= far, 2, -1)
    return np.where(ends <= today, 1, np.where(ends <= far, 0, kind))


def _renewed_rows(
    customers: nw.Series[Any], begins: Whole, ends: Whole, ended: NDArray[np.intp]
) -> NDArray[np.bool_] | None:
    """Which rows are of a contract that ends, while one that began no earlier goes on for longer.

    None where ids have no numbers.
    """
    renewed = np.zeros(begins.size, bool)
    if not ended.size:
        return renewed
    who = numbers_of_values(customers, ordered=False)
    if who is None or who.has_missing:
        return None
    wanted = np.zeros(who.size, bool)
    wanted[who.number[ended]] = True
    theirs = np.flatnonzero(wanted[who.number])
    order = np.lexsort([-ends[theirs], -begins[theirs], who.number[theirs]])
    theirs, low = theirs[order], int(ends[theirs].min())
    above = who.number[theirs] * (RUNNING - low + 1)
    latest = np.maximum.accumulate(above + ends[theirs] - low) - above + low
    renewed[theirs] = latest > ends[theirs]
    hidden = np.ones(begins.size, bool)
    hidden[ended] = False
    return np.asarray(renewed & ~hidden)

"""What became of the customers of a period, of an activity at hand: looked up, not joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.activity.at_hand import LARGEST, Places, places_of_rows
from retention.activity.window import CONSTANTS
from retention.frames import frame_at_hand, numbers_of_values, rows_at_hand
from retention.numerics.keyed_rows import row_of_key, row_of_later_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.frames import Frame, Numbered

    Rows = NDArray[np.intp]

LATER = {"sales": "s1", "profit": "p1"}
"""What later money is called beside that of the base."""


@dataclass(frozen=True, slots=True)
class LaterAtHand:
    """Who was there in each period, and whether they were `lag` periods later.

    Attributes:
        table: the rows of the activity.
        segments: their values in each segment column.
        places: where they lie; their periods from the first one on.
        first: the first period.
        base: the rows of those who are the base of a period.
        retained: for each of these, whether they were there later.
        row: the row of each of these in the later period and the same segment; −1 if there is none.
    """

    table: nw.DataFrame[Any]
    segments: Sequence[Numbered]
    places: Places
    first: int
    base: Rows
    retained: NDArray[np.bool_]
    row: Rows


def later_at_hand(
    frame: Frame, *, lag: int, by: Sequence[str], in_firm: bool, more: Sequence[str] = ()
) -> LaterAtHand | None:
    """What became of each customer of a period, of an activity of a pandas or Polars table.

    Args:
        frame: activity over the segments `by`.
        lag: how many periods later, 1 or more.
        by: the segment columns.
        in_firm: whether somebody is retained who is active in another segment.
        more: further columns that are wanted in the table.

    Returns:
        None where ids are of a type that has no numbers, or no number holds a segment, a period and
        a customer.
    """
    names = dict.fromkeys(["customer_id", *by, "step", "active", "last_step", *more])
    table = rows_at_hand(frame.select(*names))
    found = [numbers_of_values(table[name]) for name in ("customer_id", *by)]
    known = [values for values in found if values]
    if len(known) < len(found) or any(each.has_missing for each in known):
        return None
    if any(table[name].is_null().any() for name in ("step", "active", "last_step")):
        return None
    step, last = (table[name].to_numpy().astype(np.int64) for name in ("step", "last_step"))
    first = int(step.min())
    n_steps = int(step.max()) - first + 1 + lag
    places = places_of_rows(known[0], known[1:], step - first, n_steps)
    if places.n >= LARGEST:
        return None
    active = table["active"].to_numpy().astype(bool)
    there = np.arange(step.size) if in_firm else np.flatnonzero(active)
    at = np.flatnonzero((active & (step <= last - lag))[there])
    base = there[at]
    row = row_of_later_key(places.place[there], places.n, at, lag)
    row = np.where(row >= 0, there[row], -1)
    retained = row >= 0
    if in_firm:
        here, size = places.in_firm, places.n_customers * n_steps
        retained = row_of_key(here[active], size, here[base] + lag) >= 0
    return LaterAtHand(table, known[1:], places, first, base, retained, row)


def pairs_at_hand(
    frame: Frame, *, lag: int, by: Sequence[str], in_firm: bool, later: Sequence[str]
) -> Frame | None:
    """The customers active in each period and what they did later, as `base_and_later` tells it.

    Args:
        frame: as for `later_at_hand`, and so are `lag`, `by` and `in_firm`.
        lag: how many periods later.
        by: the segment columns.
        in_firm: whether somebody is retained who is active in another segment.
        later: which later money is wanted: "sales", "profit", both or none.

    Returns:
        None where there is no `later_at_hand`.
    """
    more = ("sales", "profit", *CONSTANTS)
    found = later_at_hand(frame, lag=lag, by=by, in_firm=in_firm, more=more)
    if found is None:
        return None
    table, row, retained = found.table, found.row, found.retained
    made = {"retained": retained.astype(np.int64)}
    for name in later:
        values = table[name].to_numpy().astype(np.float64)
        bought = np.where(row >= 0, values[row], 0.0)  # elsewhere alone: for 0 here
        made[LATER[name]] = np.where(retained, bought, 0.0)
    kept = table.select(
        "customer_id", *by, "step", *CONSTANTS, s0=nw.col("sales"), p0=nw.col("profit")
    )[found.base]
    columns = {name: kept[name].to_native() for name in kept.columns}
    return frame_at_hand(columns | made, frame.implementation)

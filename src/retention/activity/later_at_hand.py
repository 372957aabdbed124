"""What became of the customers of a period, of an activity at hand: looked up, not joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention.activity.at_hand import LARGEST, places_of_rows
from retention.activity.window import CONSTANTS
from retention.frames import frame_at_hand, numbers_of_values, rows_at_hand
from retention.numerics.keyed_rows import row_of_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.frames import Frame

LATER = {"sales": "s1", "profit": "p1"}
"""What later money is called beside that of the base."""


def pairs_at_hand(
    frame: Frame, *, lag: int, by: Sequence[str], in_firm: bool, later: Sequence[str]
) -> Frame | None:
    """The customers active in each period and what they did later, as `base_and_later` tells it.

    Args:
        frame: activity over the segments `by`, of a pandas or Polars table.
        lag: how many periods later, 1 or more.
        by: the segment columns.
        in_firm: whether somebody is retained who is active in another segment.
        later: which later money is wanted: "sales", "profit", both or none.

    Returns:
        None where ids are of a type that has no numbers, or no number holds a segment, a period and
        a customer.
    """
    table = rows_at_hand(
        frame.select("customer_id", *by, "step", "active", "sales", "profit", *CONSTANTS)
    )
    found = [numbers_of_values(table[name]) for name in ("customer_id", *by)]
    known = [values for values in found if values]
    if len(known) < len(found) or any(each.has_missing for each in known):
        return None
    if any(table[name].is_null().any() for name in ("step", "active", "last_step")):
        return None
    step, last = (table[name].to_numpy().astype(np.int64) for name in ("step", "last_step"))
    n_steps = int(step.max() - step.min()) + 1 + lag
    places = places_of_rows(known[0], known[1:], step - step.min(), n_steps)
    if places.n >= LARGEST:
        return None
    active = table["active"].to_numpy().astype(bool)
    base = np.flatnonzero(active & (step <= last - lag))
    there = np.arange(step.size) if in_firm else np.flatnonzero(active)
    row = row_of_key(places.place[there], places.n, places.place[base] + lag)
    retained = row >= 0
    if in_firm:
        here, size = places.in_firm, places.n_customers * n_steps
        back = row_of_key(here[active], size, here[base] + lag)
        retained = back >= 0
    made = {"retained": retained.astype(np.int64)}
    for name in later:
        values = table[name].to_numpy().astype(np.float64)
        bought = np.where(row >= 0, values[there[row]], 0.0)  # elsewhere alone: for 0 here
        made[LATER[name]] = np.where(retained, bought, 0.0)
    kept = table.select(
        "customer_id", *by, "step", *CONSTANTS, s0=nw.col("sales"), p0=nw.col("profit")
    )[base]
    columns = {name: kept[name].to_native() for name in kept.columns}
    return frame_at_hand(columns | made, frame.implementation)

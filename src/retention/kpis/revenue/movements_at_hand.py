"""The movements of every segment and period, of activity at hand: as a query tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention.activity.panel_at_hand import panel_at_hand
from retention.orders import NOISE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.activity.panel_at_hand import PanelAtHand
    from retention.frames import Columns, Frame

    Floats = NDArray[np.float64]
    Moves = Mapping[str, tuple[NDArray[np.bool_], Floats]]


def movements_at_hand(
    frame: Frame, names: Sequence[str], amounts: Mapping[str, str]
) -> Columns | None:
    """Counts and sums of each segment and period in which there is a row.

    Args:
        frame: activity over the segments, of a pandas or Polars table.
        names: the segments.
        amounts: what the sum of a movement is called, where it is not called like its count.

    Returns:
        None where a query has to tell what is wrong.
    """
    panel = panel_at_hand(frame, names, money=("sales",))
    if panel is None or not np.isfinite(panel.money["sales"]).all():
        return None
    here, gone = np.flatnonzero(panel.active), np.flatnonzero(~panel.active)
    on, off = panel.part(panel.active), panel.part(gone)
    if on.repeats or off.repeats:
        return None
    cells, found = panel.cells()
    for name, (rows, money) in _moves_of_active(on).items():
        called = "_leaving" if name == "leaving" else f"n_{name}"
        found[called] = cells.counts(here[rows])
        found[f"sales_{amounts.get(name, name)}"] = cells.sums(money[rows], here[rows])
    refunds = off.money["sales"]
    found |= {
        "n_end": cells.counts(here),
        "sales_end": cells.sums(on.money["sales"], here),
        "n_refunds_inactive": cells.counts(gone[refunds != 0]),
        "refunds_inactive": cells.sums(refunds, gone),
        "_repeated": np.zeros(cells.keys.size, np.int64),
    }
    found |= dict.fromkeys(("_row", "sales"), cells.counts())
    return found | panel.constant_columns(cells.keys.size)


def _moves_of_active(on: PanelAtHand) -> Moves:
    """Which rows of active customers are which movement, and of what amount."""
    since, sales = on.since_row_before(), on.money["sales"]
    until = np.append(since[1:], 0)[: since.size]  # to the customer's next row
    paid = np.append(0.0, sales[:-1])[: since.size]
    rise = sales - paid
    moved = (since == 1) & (np.abs(rise) > (np.abs(sales) + np.abs(paid)) * NOISE)
    return {
        "new": (since == 0, sales),
        "reactivated": (since > 1, sales),
        "expanded": (moved & (rise > 0), rise),
        "contracted": (moved & (rise < 0), -rise),
        "leaving": (until != 1, sales),
    }

"""Customers who stand in two rates at once, of an activity at hand: marked, not joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.activity.panel_at_hand import panel_at_hand
from retention.frames import as_text
from retention.numerics.keyed_rows import row_of_key
from retention.tables import ACTIVITY, require, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.activity.panel_at_hand import PanelAtHand
    from retention.frames import Columns

    Whole = NDArray[np.int64]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]

_DENSE = 8
"""Places are held side by side where at most so many are possible for each row."""


@dataclass(frozen=True, slots=True)
class BaseAtHand:
    """The customers of each segment and base period, those of one cell side by side.

    Attributes:
        cells: one row per segment and period: the segments as text, `step`, `_n`, `retained`.
        opens: where each cell begins among the customers, and where the last one ends.
        customer: their numbers.
        kept: whether they were.
        n_customers: how many there are in all.
    """

    cells: Columns
    opens: Whole
    customer: Whole
    kept: Flags
    n_customers: int

    def sums_of_pairs(self, one: Rows, other: Rows) -> Columns:
        """Over the customers of both cells of each pair, what `SUMS` names."""
        mark, kept = np.zeros(self.n_customers, np.int8), self.kept.astype(np.int8)
        found = np.zeros((one.size, 6), np.int64)
        order = np.argsort(other, kind="stable")
        opens = np.flatnonzero(np.diff(other[order], prepend=-1))
        for pairs in np.split(order, opens[1:]):
            there = self._members_of_cell(int(other[pairs[0]])) if pairs.size else slice(0, 0)
            mark[self.customer[there]] = 1 + kept[there]
            for pair in pairs.tolist():
                here = self._members_of_cell(int(one[pair]))
                # 0, 1, 2: not on the other side, lost there, kept there; 3 more: kept here.
                told = mark[self.customer[here]] + 3 * kept[here]
                found[pair] = np.bincount(told, minlength=6)
            mark[self.customer[there]] = 0
        _, lost, lost_here, _, lost_there, both = found.T
        return {
            "n": lost + lost_here + lost_there + both,
            "k": lost_there + both,
            "k_other": lost_here + both,
            "k_both": both,
        }

    def _members_of_cell(self, cell: int) -> slice:
        return slice(int(self.opens[cell]), int(self.opens[cell + 1]))


def base_at_hand(
    activity: object, by: Sequence[str], *, lag: int, lost_to: str
) -> BaseAtHand | None:
    """The customers of each segment and period, and whether they were kept, as a query tells it.

    Args:
        activity: of a pandas or Polars table.
        by: its segments.
        lag: how many periods later.
        lost_to: "firm" or "segment".

    Returns:
        None where that is for a query.
    """
    names = segments(by, ACTIVITY)
    frame = require(activity, ACTIVITY, extra=names, adds="none", by_row=True)
    schema = frame.collect_schema()
    texts = [as_text(name, schema[name]) for name in names]
    panel = panel_at_hand(frame.with_columns(*texts) if texts else frame, names)
    if panel is None:
        return None
    active = panel.part(panel.active).each_once()
    base = active.part(active.step <= panel.constants["last_step"] - lag)
    if not base.n:
        return None
    kept = _are_kept(active, base, lag, in_firm=lost_to == "firm")
    cells, named = base.cells()
    counts = cells.counts()
    opens = np.append(0, np.cumsum(counts))
    named |= {"_n": counts, "retained": cells.counts(kept)}
    number = cells.of_rows(np.arange(counts.size, dtype=np.float64))
    order = np.argsort(number.astype(np.min_scalar_type(counts.size)), kind="stable")
    customer = base.places.customer[order]
    return BaseAtHand(named, opens, customer, kept[order], base.places.n_customers)


def _are_kept(active: PanelAtHand, base: PanelAtHand, lag: int, *, in_firm: bool) -> Flags:
    """Whether the customers of the base are active again so many periods later."""
    at = base.places
    key, there, size = at.place, active.places.place, at.n
    if in_firm and at.n_segments > 1:
        key, there, size = at.in_firm, active.of_firm().places.place, at.n_customers * at.n_steps
    inside = at.step + lag < at.n_steps  # else it is the place of somebody else
    wanted = np.where(inside, key + lag, 0)
    if size > max(_DENSE * there.size, 1000):
        return np.asarray(inside & (row_of_key(there, size, wanted) >= 0))
    taken = np.zeros(size, bool)
    taken[there] = True
    found: Flags = inside & taken[wanted]
    return found

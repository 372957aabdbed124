"""Rows of customers and plans beside those of the customers themselves, of activity at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retention.activity.panel_at_hand import panel_at_hand
from retention.numerics.keyed_rows import different_keys, starts_of_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.activity.panel_at_hand import PanelAtHand
    from retention.frames import Frame

    Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlanPanel:
    """Active rows of customers, segments and plans, and the lines of customers over all plans.

    Attributes:
        rows: one per customer, segment, plan and period.
        key: the different customers, segments and periods, as ascending numbers.
        line: of which customer and segment each of these is.
        place: which of them each row belongs to.
        n_plans: how many plans there are.
        n_wide: how many segments without the plan.
    """

    rows: PanelAtHand
    key: Whole
    line: Whole
    place: NDArray[np.intp]
    n_plans: int
    n_wide: int

    @property
    def step(self) -> Whole:
        """The period of each of the `key`, counted from the first."""
        return self.key - self.line * self.rows.places.n_steps

    def since_before(self) -> Whole:
        """Periods since the line was active before; 0 where it was not."""
        since = np.zeros(self.key.size, np.int64)
        since[1:] = np.where(self.line[1:] == self.line[:-1], np.diff(self.key), 0)
        return since

    def first_step(self) -> Whole:
        """The first period of each one's line."""
        opens = np.flatnonzero(starts_of_runs(self.line))
        return np.repeat(self.step[opens], np.diff(np.append(opens, self.key.size)))


def plan_panel(active: Frame, names: Sequence[str]) -> PlanPanel | None:
    """The rows of active customers, the last of the segments being the plan.

    Returns:
        None where a query has to tell what is wrong, or no number holds them all.
    """
    rows = panel_at_hand(active, names, money=("sales",))
    if rows is None or rows.repeats or not np.isfinite(rows.money["sales"]).all():
        return None
    at, n_plans = rows.places, rows.segments[names[-1]].size
    n_wide = at.n_segments // n_plans
    line = at.customer * n_wide + rows.segment_of_rows() // n_plans
    key = line * at.n_steps + at.step
    found = different_keys(key, at.n_customers * n_wide * at.n_steps)
    place = np.arange(key.size) if found.size == key.size and n_wide == 1 else None
    if place is None or not np.array_equal(found, key):
        place = np.searchsorted(found, key)
    return PlanPanel(rows, found, found // at.n_steps, place, n_plans, n_wide)

"""Activity at hand by customer and period: what a customer did next is the next row, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retention.activity.at_hand import LARGEST, Places, places_of_rows
from retention.activity.window import CONSTANTS
from retention.frames import numbers_of_values, rows_at_hand
from retention.numerics.keyed_rows import KeyedRows, starts_of_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames import Columns, Frame, Numbered

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Rows = NDArray[np.bool_] | NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class PanelAtHand:
    """Rows of activity as numbers, in the order of customer, segment and period.

    Attributes:
        places: where they lie.
        low: the period that `places` count from.
        segments: the values of each segment column.
        active: whether the customer was.
        money: what was asked for, NaN where it is not known.
        constants: those of the activity.
    """

    places: Places
    low: int
    segments: Mapping[str, Numbered]
    active: NDArray[np.bool_]
    money: Mapping[str, Floats]
    constants: Mapping[str, Any]

    @property
    def n(self) -> int:
        """How many rows there are."""
        return self.places.place.size

    @property
    def step(self) -> Whole:
        """The period of each row."""
        return self.places.step + self.low

    @property
    def repeats(self) -> bool:
        """Whether a customer stands twice in a segment and period."""
        return not bool((self.places.place[1:] > self.places.place[:-1]).all())

    def part(self, rows: Rows) -> PanelAtHand:
        """Some of the rows, in the same order."""
        if rows.dtype == bool and rows.all():
            return self
        money = {name: values[rows] for name, values in self.money.items()}
        return replace(self, places=self.places.part(rows), active=self.active[rows], money=money)

    def each_once(self) -> PanelAtHand:
        """One row per customer, segment and period, the first of several."""
        return self.part(starts_of_runs(self.places.place))

    def of_firm(self) -> PanelAtHand:
        """One row per customer and period in which there is one, whatever the segment; no money."""
        if not self.segments:
            return self.each_once()
        at = self.places
        here, row = np.unique(at.in_firm, return_index=True)
        places = Places(here, at.customer[row], at.step[row], at.n_customers, 1, at.n_steps)
        return replace(self, places=places, segments={}, active=self.active[row], money={})

    def since_row_before(self) -> Whole:
        """Periods since the row before of the same customer and segment; 0 where there is none."""
        at = self.places
        line = at.customer if at.n_segments == 1 else at.place - at.step
        since = np.zeros(self.n, np.int64)
        np.subtract(at.step[1:], at.step[:-1], out=since[1:])
        since[1:] *= line[1:] == line[:-1]
        return since

    def segment_of_rows(self) -> Whole:
        """The segment of each row, as one number."""
        if self.places.n_segments == 1:
            return np.zeros(self.n, np.int64)
        line = self.places.place // self.places.n_steps
        return line - self.places.customer * self.places.n_segments

    def named_segments(self, number: Whole) -> Columns:
        """What segments with these numbers are called, column by column."""
        found: Columns = {}
        for name, values in reversed([*self.segments.items()]):
            number, place = np.divmod(number, values.size)
            found[name] = values.named(place).to_numpy()
        return {name: found[name] for name in self.segments}

    def cells(self) -> tuple[KeyedRows, Columns]:
        """The segment and period of each row, and the columns that name those there are."""
        n_steps = self.places.n_steps
        key = self.segment_of_rows() * n_steps + self.places.step
        cells = KeyedRows(key, self.places.n_segments * n_steps)
        named = self.named_segments(cells.keys // n_steps)
        return cells, named | {"step": cells.keys % n_steps + self.low}

    def constant_columns(self, size: int) -> Columns:
        """The constants of the activity as columns."""
        return {name: np.full(size, value) for name, value in self.constants.items()}


def panel_at_hand(
    frame: Frame, by: Sequence[str] = (), *, money: Sequence[str] = ()
) -> PanelAtHand | None:
    """Activity of a pandas or Polars table as a panel.

    Args:
        frame: the activity.
        by: its segments.
        money: "sales", "profit" or both.

    Returns:
        None where something is missing that each row has, ids are of a type that has no numbers, or
        no number holds a segment, a period and a customer.
    """
    table = rows_at_hand(frame)
    if not len(table) or not isinstance(table["freq"][0], str):
        return None
    if any(table[name].is_null().any() for name in ("step", "active", "first_step", "last_step")):
        return None
    found = {name: numbers_of_values(table[name]) for name in ("customer_id", *by)}
    known = {name: each for name, each in found.items() if each and not each.has_missing}
    if len(known) < len(found):
        return None
    step, low = table["step"].to_numpy().astype(np.int64, copy=False), int(table["step"].min())
    customer, segments = known["customer_id"], {name: known[name] for name in by}
    n_steps = int(table["step"].max()) - low + 1
    places = places_of_rows(customer, list(segments.values()), step - low, n_steps)
    if places.n >= LARGEST:
        return None
    limits = (int(table["first_step"].min()), int(table["last_step"].max()), table["freq"][0])
    panel = PanelAtHand(
        places,
        low,
        segments,
        table["active"].to_numpy().astype(bool, copy=False),
        {name: table[name].to_numpy().astype(np.float64, copy=False) for name in money},
        dict(zip(CONSTANTS, limits, strict=True)),
    )
    ordered = bool((places.place[1:] >= places.place[:-1]).all())
    return panel if ordered else panel.part(np.argsort(places.place, kind="stable"))


def rows_in_first_segments(firm: PanelAtHand, parts: PanelAtHand) -> tuple[NDArray[np.intp], Whole]:
    """Each row of customers in each segment that they were in at first, as row and segment.

    Args:
        firm: one row per customer and period.
        parts: one row per customer, segment and period, of the same customers.
    """
    first = np.zeros(firm.places.n_customers, np.int64)
    opens = starts_of_runs(firm.places.customer)
    first[firm.places.customer[opens]] = firm.places.step[opens]
    begun = parts.places.step == first[parts.places.customer]
    owner, segment = parts.places.customer[begun], parts.segment_of_rows()[begun]
    many = np.bincount(owner, minlength=first.size)
    before = np.cumsum(many) - many
    each = many[firm.places.customer]
    row = np.repeat(np.arange(firm.n), each)
    within = np.arange(row.size) - np.repeat(np.cumsum(each) - each, each)
    return row, segment[before[firm.places.customer[row]] + within]

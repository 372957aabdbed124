"""Lines and rows of a table at hand as whole numbers, by which they are sorted and found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.frames import as_text, numbers_of_values, rows_at_hand
from retention.orders import MOST, Log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Frame, Numbered

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

LARGEST = 2**62
"""Keys of rows are below it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows lie: a customer, then a segment, then a period, as one number.

    Attributes:
        place: of each row.
        customer: its customer.
        step: its period.
        n_customers: how many customers there are.
        n_segments: how many segments there may be.
        n_steps: how many periods there may be.
    """

    place: Whole
    customer: Whole
    step: Whole
    n_customers: int
    n_segments: int
    n_steps: int

    @property
    def n(self) -> int:
        """How many places there may be."""
        return self.n_customers * self.n_segments * self.n_steps

    @property
    def in_firm(self) -> Whole:
        """The customer and the period of each row, as one number."""
        return self.place if self.n_segments == 1 else self.customer * self.n_steps + self.step

    def part(self, rows: NDArray[Any]) -> Places:
        """Those of some rows."""
        kept = {name: getattr(self, name)[rows] for name in ("place", "customer", "step")}
        return replace(self, **kept)


def places_of_rows(
    customer: Numbered, segments: Sequence[Numbered], step: Whole, n_steps: int
) -> Places:
    """The places of rows; no number holds them where `n` is not below `LARGEST`.

    Args:
        customer: the customers of the rows.
        segments: their values in each segment column.
        step: their periods, from 0 on.
        n_steps: how many periods there may be.
    """
    place, n_segments = customer.number, 1
    for values in segments:
        place = place * values.size + values.number
        n_segments *= values.size
    place = place * n_steps + step
    return Places(place, customer.number, step, customer.size, n_segments, n_steps)


@dataclass(frozen=True, slots=True)
class LinesAtHand:
    """Order lines with nothing missing, as numbers.

    Attributes:
        known: their customers, their segments and, where they have ids, their orders.
        day: days since 1970-01-01.
        money: `sales` and, where it was there, `profit`.
        engine: of the table.
    """

    known: Mapping[str, Numbered]
    day: Whole
    money: Mapping[str, Floats]
    engine: nw.Implementation

    def part(self, rows: NDArray[np.bool_]) -> LinesAtHand:
        """Some of the lines."""
        known = {name: each.part(rows) for name, each in self.known.items()}
        money = {name: values[rows] for name, values in self.money.items()}
        return LinesAtHand(known, self.day[rows], money, self.engine)

    def log(self, *, as_of: date, opens: date) -> Log | None:
        """What one look tells, as `checked_log`; None where there is something to refuse.

        Args:
            as_of: the last observed day.
            opens: the first day of the period that it lies in.
        """
        first, last = int(self.day.min()), int(self.day.max())
        until, sales = periods.number_of(as_of), self.money["sales"]
        seen = sales if last <= until else sales[self.day <= until]
        if not seen.size or seen.max() < 0:
            return None
        tail = (self.day >= periods.number_of(opens)) & (self.day <= until)
        ends = periods.day_of(first), periods.day_of(last)
        return Log(sales.size, *ends, bool(sales.min() >= 0), int(np.count_nonzero(tail)))


def lines_at_hand(frame: Frame, by: Sequence[str]) -> LinesAtHand | None:
    """The lines of a pandas or Polars table; None where one lacks something, or ids no numbers.

    Args:
        frame: `customer_id`, `date`, `sales`, the segments, and perhaps `order_id` and `profit`.
        by: the segments.
    """
    schema = frame.collect_schema()
    ids = [name for name in ("customer_id", "order_id") if name in schema]
    money = [name for name in ("sales", "profit") if name in schema]
    segments = [as_text(name, schema[name]) for name in by]
    table = rows_at_hand(frame.select(*ids, "date", *money, *segments))
    amounts = {name: _amounts(table[name]) for name in money}
    moments = table["date"].to_numpy()
    if not len(table) or moments.dtype.kind != "M" or np.isnat(moments).any():
        return None
    if not all((abs(values) <= MOST).all() for values in amounts.values()):
        return None
    known = {
        name: each
        for name in (*ids, *by)
        if (each := numbers_of_values(table[name], ordered=name != "order_id"))
    }
    if len(known) < len(ids) + len(by) or any(each.has_missing for each in known.values()):
        return None
    return LinesAtHand(known, periods.day_numbers(moments), amounts, frame.implementation)


def _amounts(column: nw.Series[Any]) -> Floats:
    """A column of numbers as floats, NaN where one is missing."""
    return column.cast(nw.Float64).to_numpy().astype(np.float64, copy=False)

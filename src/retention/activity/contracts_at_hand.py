"""Who was under contract as each period opened, of a table at hand: one row is made per opening.

It tells what a query tells of a lazy table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.at_hand import LARGEST, places_of_rows
from retention.frames import FewTexts, as_text, frame_at_hand, numbers_of_values, rows_at_hand
from retention.numerics.keyed_rows import KeyedRows
from retention.orders import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.activity.window import Openings
    from retention.frames import Frame, Numbered

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ContractsAtHand:
    """Contracts with nothing missing but the end of those that run, as numbers.

    Attributes:
        known: their customers and segments.
        begins: their first day, since 1970-01-01.
        ends: their first day out; of those that run, any.
        runs: which do.
        money: `sales` and `profit` a month, where they were there.
        engine: of the table.
    """

    known: Mapping[str, Numbered]
    begins: Whole
    ends: Whole
    runs: Rows
    money: Mapping[str, Floats]
    engine: nw.Implementation

    def first_day(self, *, as_of: date) -> date | None:
        """The first day of the first; None if it lies after `as_of`."""
        first = periods.day_of(int(self.begins.min()))
        return None if first > as_of else first

    def held(self, grace: int) -> ContractsAtHand:
        """Themselves, a customer's latest in force until one that starts within the grace."""
        customer, endless = self.known["customer_id"].number, int(self.ends.max()) + 1
        low = int(min(self.begins.min(), self.ends.min()))
        width = max(endless, int(self.begins.max())) - low + 1
        ends = np.where(self.runs, endless, self.ends) - low + customer * width
        order = np.lexsort((self.begins, customer))
        start = (self.begins - low + customer * width)[order]
        # what ends of one customer lies below all of the next
        reach = np.maximum.accumulate(ends[order])
        last = np.append(start[1:] != start[:-1], True)
        start, reach = start[last], reach[last]
        pause = np.append(start[1:] - reach[:-1], 0)
        again = (pause > 0) & (pause <= grace)
        again[:-1] &= start[1:] // width == start[:-1] // width
        if not again.any():
            return self
        until = np.append(start[1:], 0)[again] % width + low
        place = np.minimum(np.searchsorted(reach[again], ends), until.size - 1)
        renewed = (reach[again][place] == ends) & ~self.runs
        return replace(self, ends=np.where(renewed, until[place], self.ends))


def contracts_at_hand(frame: Frame, by: Sequence[str]) -> ContractsAtHand | None:
    """Those of a pandas or Polars table; None where one is to be refused, or ids are no numbers.

    Args:
        frame: `customer_id`, `start`, `end`, the segments, and perhaps `sales` and `profit`.
        by: the segments.
    """
    schema = frame.collect_schema()
    money = [name for name in ("sales", "profit") if name in schema]
    segments = [as_text(name, schema[name]) for name in by]
    table = rows_at_hand(frame.select("customer_id", "start", "end", *money, *segments))
    start, end = (table[name].to_numpy() for name in ("start", "end"))
    if not len(table) or start.dtype.kind != "M" or end.dtype.kind != "M" or np.isnat(start).any():
        return None
    amounts = {
        name: table[name].cast(nw.Float64).to_numpy().astype(np.float64, copy=False)
        for name in money
    }
    sound = [(abs(values) <= MOST).all() for values in amounts.values()]
    if (end < start).any() or not all(sound):
        return None
    known = {
        name: each
        for name in ("customer_id", *by)
        if (each := numbers_of_values(table[name])) and not each.has_missing
    }
    if len(known) < 1 + len(by):
        return None
    runs = np.isnat(end)
    begins, ends = (periods.day_numbers(each) for each in (start, np.where(runs, start, end)))
    return ContractsAtHand(known, begins, ends, runs, amounts, frame.implementation)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What contracts bring to periods: a row per contract and opening, or first day."""

    contract: NDArray[np.intp]
    step: Whole
    is_first: Rows


def contract_activity_at_hand(
    contracts: ContractsAtHand, by: Sequence[str], seen: Openings
) -> Frame | None:
    """One row per customer, segment and period, as `contract_periods` gives them.

    Args:
        contracts: the contracts.
        by: the segments.
        seen: the periods whose opening was observed.

    Returns:
        The columns of activity of contracts, sorted by customer, segment and step. None where no
        number holds a segment, a customer and a period.
    """
    if seen.grace:
        contracts = contracts.held(seen.grace)
    customer = contracts.known["customer_id"]
    step = steps_of_days(contracts.begins, seen.window.freq)
    first_day = _least_of_each(customer, contracts.begins)
    parts = _parts_of_periods(contracts, step, first_day[customer.number], seen)
    low = int(parts.step.min(initial=seen.window.first_step))
    n_steps = int(parts.step.max(initial=low)) - low + 1
    known = {name: each.part(parts.contract) for name, each in contracts.known.items()}
    segments = [known[name] for name in by]
    places = places_of_rows(known["customer_id"], segments, parts.step - low, n_steps)
    if places.n >= LARGEST:
        return None
    cells = KeyedRows(places.place, places.n)
    who, at = np.divmod(cells.keys, n_steps)
    columns: dict[str, object] = {}
    for name in reversed(by):
        who, place = np.divmod(who, known[name].size)
        columns[name] = known[name].named(place)
    labels = {"customer_id": customer.named(who)} | {name: columns[name] for name in by}
    n = cells.counts(~parts.is_first)
    started = _least_of_each(customer, step)[who]
    return frame_at_hand(
        labels | _columns_of_cells(contracts, parts, cells, (at + low, n, started), seen),
        contracts.engine,
    )


def steps_of_days(days: Whole, freq: str) -> Whole:
    """The numbers of the periods that hold these days."""
    low, high = (periods.step_of(periods.day_of(int(f(days))), freq) for f in (np.min, np.max))
    firsts = periods.first_day_numbers(periods.Window(low, high, freq))
    return np.searchsorted(firsts, days, side="right") - 1 + low


def _least_of_each(customer: Numbered, values: Whole) -> Whole:
    """The least of a value for each customer."""
    least = np.full(customer.size, np.iinfo(np.int64).max)
    np.minimum.at(least, customer.number, values)
    return least


def _parts_of_periods(
    contracts: ContractsAtHand, step: Whole, first_day: Whole, seen: Openings
) -> _Parts:
    """The openings at which each is in force, and the first days of customers."""
    window, day = seen.window, contracts.begins
    comes = steps_of_days(day - 1, window.freq) + 1
    goes = steps_of_days(contracts.ends - 1, window.freq) + 1
    opens = np.maximum(comes, window.first_step)
    past = contracts.runs | (goes > window.last_step)
    n = np.maximum(np.where(past, window.last_step + 1, goes) - opens, 0)
    contract = np.repeat(np.arange(n.size), n)
    within = np.arange(contract.size) - np.repeat(np.cumsum(n) - n, n)
    opening = (step == comes) & (comes <= window.last_step)
    first = (day == first_day) & ((day <= seen.until) | opening)
    if seen.begin is not None:
        first &= (day >= seen.begin) & (step >= window.first_step)
    firsts = np.flatnonzero(first)
    is_first = np.repeat([False, True], [contract.size, firsts.size])
    steps = np.concatenate([opens[contract] + within, step[firsts]])
    return _Parts(np.concatenate([contract, firsts]), steps, is_first)


def _columns_of_cells(
    contracts: ContractsAtHand,
    parts: _Parts,
    cells: KeyedRows,
    told: tuple[Whole, Whole, Whole],
    seen: Openings,
) -> dict[str, object]:
    """The columns of activity behind the segments."""
    (step, n, started), window = told, seen.window
    months, size = periods.amount_months(window.freq), step.size
    money: dict[str, Floats] = {}
    for name in ("sales", "profit"):
        for column, rows in ((name, ~parts.is_first), (f"{name}_at_start", parts.is_first)):
            if name in contracts.money:
                amounts = contracts.money[name][parts.contract[rows]]
                money[column] = cells.sums(amounts, rows) * months
            else:
                money[column] = np.full(size, np.nan)
    return {
        "period": periods.first_days(step, window.freq),
        "step": step,
        "n_orders": n,
        "sales": money["sales"],
        "profit": money["profit"],
        "active": n > 0,
        "first_step": np.full(size, window.first_step, np.int64),
        "last_step": np.full(size, window.last_step, np.int64),
        "freq": FewTexts(np.zeros(size, np.int8), (window.freq,)),
        "started": started,
        "sales_at_start": money["sales_at_start"],
        "profit_at_start": money["profit_at_start"],
    }

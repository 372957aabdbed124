"""Orders whose sales sum to 0: bought for nothing, undone, or never meant as orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.frames import Frame, collect, is_at_hand, numbers_of_values, one_row, rows_at_hand
from retention.loading.rows.columns import ROW, Source, with_flag
from retention.loading.rows.row_checks import REASON, Check
from retention.loading.rows.text import OURS
from retention.numerics.keyed_rows import cells_of_keys
from retention.orders import NOISE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from retention.loading.read_values import Values
    from retention.loading.rows.order_notes import Who


def who_of(values: Values) -> Who:
    """The customers of some rows as numbers, or nothing where they have none."""
    return (lambda _: None) if values.customers is None else values.customers.who_of


def zero_order_check(source: Source, values: Values, policy: str) -> Check:
    """Orders that sum to 0, of the rows that pass all other checks; asked only where one could."""
    order = [f"{OURS}customer_id"] + [f"{OURS}order_id"] * ("order_id" in source.roles)

    def with_flag_if_any(
        frame: Callable[[], Frame], look: Mapping[str, bool], flag: str
    ) -> Frame | None:
        if not look["not above 0"]:
            return None
        return _with_zero_orders(source, values, frame(), order, flag)

    return Check(
        "zero order",
        source.roles["customer_id"],
        "Their sales sum to 0. Say `zero_orders='count'` (they are purchases) or "
        "`zero_orders='drop'`.",
        later=None if policy == "count" else with_flag_if_any,
        drops=policy == "drop",
        asks=True,
    )


def _lines_of_doubtful_customers(lines: Frame, values: Values, net: str) -> Frame:
    """The lines of customers who have one that is not above 0; of all where they have no number."""
    rows = collect(lines.select(ROW, net))
    who = who_of(values)(rows[ROW])
    if who is None or not who.size:
        return lines
    flagged = np.zeros(int(who.max()) + 2, bool)  # whose id is missing has the number −1, the last
    flagged[who[rows[net] <= 0]] = True
    return lines.collect().filter(flagged[who].tolist()).lazy()


def _rows_of_empty_orders(lines: Frame, order: Sequence[str], net: str) -> NDArray[np.int64] | None:
    """The lines of a table at hand whose orders sum to 0; None where ids have no numbers."""
    table = rows_at_hand(lines.select(ROW, *order, f"{OURS}day", net))
    found = [numbers_of_values(table[name], ordered=False) for name in order]
    known = [each for each in found if each]
    if len(known) < len(found):
        return None
    day, sales = (table[name].to_numpy() for name in (f"{OURS}day", net))
    numbers = {str(place): each.number for place, each in enumerate(known)}
    there = np.logical_and.reduce([number >= 0 for number in numbers.values()])
    keyed = cells_of_keys({**numbers, "day": day.astype(np.int64)})
    if keyed is None:
        return None
    cells = keyed[0]
    total, gross = cells.sums(sales), cells.sums(np.abs(sales))
    empty = cells.of_rows((np.abs(total) <= gross * NOISE).astype(np.float64)) > 0
    rows: NDArray[np.int64] = table[ROW].to_numpy()[empty & there].astype(np.int64)
    return rows


def _with_zero_orders(
    source: Source, values: Values, frame: Frame, order: Sequence[str], flag: str
) -> Frame | None:
    """The frame with a flag on the lines of orders that sum to 0; None if there is none."""
    net, gross, zero, day = (f"{OURS}{name}" for name in ("net", "gross", "zero", "day"))
    frame = frame.with_columns(periods.day_expr(f"{OURS}date", frame.implementation).alias(day))
    keys = [*order, day]
    lines = frame.filter(nw.col(REASON).is_null()).with_columns(
        nw.col(f"{OURS}sales").alias(net), nw.col(f"{OURS}sales").abs().alias(gross)
    )
    lines = _lines_of_doubtful_customers(lines, values, net) if source.eager else lines
    if is_at_hand(lines):
        found = _rows_of_empty_orders(lines, order, net)
        if found is not None:
            return with_flag(source, frame, found, flag) if found.size else None
    doubtful = lines.filter(nw.col(net) <= 0).select(*keys).unique()
    lines = lines.join(doubtful, on=keys, how="semi")
    orders = lines.group_by(*keys).agg(nw.col(net).sum(), nw.col(gross).sum())
    empty = orders.filter(nw.col(net).abs() <= nw.col(gross) * NOISE).select(*keys)
    if source.eager:
        rows = collect(lines.join(empty, on=keys, how="semi").select(ROW))[ROW]
        return with_flag(source, frame, rows.astype(np.int64), flag) if rows.size else None
    if not one_row(empty.select(nw.len().alias("n")))["n"]:
        return None
    frame = frame.join(empty.with_columns(nw.lit(1).alias(zero)), on=keys, how="left")
    usable = nw.col(REASON).is_null()
    return frame.with_columns((usable & ~nw.col(zero).is_null()).alias(flag))

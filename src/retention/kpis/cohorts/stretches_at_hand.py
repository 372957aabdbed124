"""When customers were active and for how long not, of activity at hand: as a query counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention.activity.panel_at_hand import panel_at_hand, rows_in_first_segments
from retention.numerics.keyed_rows import cells_of_keys, starts_of_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.activity.panel_at_hand import PanelAtHand
    from retention.frames import Columns, Frame

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]


def stretches_at_hand(frame: Frame, by: Sequence[str]) -> Columns | None:
    """Active periods, counted by how long ago the one before was and when the next one is.

    Args:
        frame: activity of a pandas or Polars table, of contracts at openings alone.
        by: the segments.

    Returns:
        For each segment, `step`, `_since` (periods since the one before, 0 where there is none),
        `_earlier` (from that to the one before it, 2 for more) and `_until` (periods to the next, 0
        where there is none): `n`. None where that is for a query.
    """
    panel = panel_at_hand(frame, by)
    if panel is None or not panel.active.any():
        return None
    parts = panel.part(panel.active).each_once()
    firm = parts.of_firm()
    since = firm.since_row_before()
    earlier = np.append(0, np.minimum(since[:-1], 2))
    until = np.append(since[1:], 0)
    keys = {"step": firm.step, "_since": since, "_earlier": earlier, "_until": until}
    return _counted_by_keys(firm, parts, keys)


def ages_at_hand(
    frame: Frame, by: Sequence[str], *, until: bool, money: str | None, base: bool
) -> Columns | None:
    """Customers and their money by the period in which they began, and by age.

    Args:
        frame: activity of a pandas or Polars table; of the firm where money is summed.
        by: the segments.
        until: whether a customer counts once, up to the last age.
        money: what is summed; None for customers alone.
        base: whether it is the money of the first age, not that of the age.

    Returns:
        None where that is for a query.
    """
    panel = panel_at_hand(frame, by, money=() if money is None else (money,))
    if panel is None or not panel.active.any():
        return None
    parts = panel.part(panel.active)
    if money is not None and (by or parts.repeats):
        return None
    parts = parts.each_once()
    firm = parts.of_firm()
    opens = np.flatnonzero(starts_of_runs(firm.places.customer))
    many = np.diff(opens, append=firm.n)
    age = firm.places.step - np.repeat(firm.places.step[opens], many)
    terms: dict[str, Floats] = {}
    if money is not None:
        y = firm.money[money]
        x = np.repeat(y[opens], many)
        terms = _terms_of_money(x, x if base else y)
    begun = age == 0
    cell = np.repeat(age[opens + many - 1], many) if until else age
    keys = {"_start": firm.step - age, "_cell": cell, "_begun": begun.astype(np.int64)}
    return _counted_by_keys(firm, parts, keys, terms, only=begun if until else None)


def _terms_of_money(x: Floats, y: Floats) -> dict[str, Floats]:
    """What is summed of the money of the first age and that which counts at an age."""
    unknown = np.isnan(x) | np.isnan(y)
    terms = {"_x": x, "_y": y, "_xx": x * x, "_xy": x * y, "_yy": y * y}
    known = {name: np.where(np.isnan(each), 0.0, each) for name, each in terms.items()}
    return known | {"_unknown": unknown.astype(np.float64)}


def _counted_by_keys(
    firm: PanelAtHand,
    parts: PanelAtHand,
    keys: Mapping[str, Whole],
    terms: Mapping[str, Floats] | None = None,
    only: NDArray[np.bool_] | None = None,
) -> Columns | None:
    """The rows counted and summed by segment and keys, in the segments customers were in at first.

    Args:
        firm: one row per customer and period.
        parts: one row per customer, segment and period.
        keys: whole numbers of each row of the firm.
        terms: what is summed.
        only: which rows count; None for all.
    """
    row: Any = slice(None) if only is None else np.flatnonzero(only)
    numbers = {}
    if parts.segments:
        row, segment = rows_in_first_segments(firm, parts)
        counts = slice(None) if only is None else only[row]
        row, numbers["_segment"] = row[counts], segment[counts]
    keyed = cells_of_keys(numbers | {name: values[row] for name, values in keys.items()})
    if keyed is None:
        return None
    cells, found = keyed
    counted: Columns = parts.named_segments(found.pop("_segment", cells.keys))
    counted |= {name: cells.sums(values[row]) for name, values in (terms or {}).items()}
    return counted | found | {"_n": cells.counts()} | parts.constant_columns(cells.keys.size)

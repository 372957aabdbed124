"""Rows of one customer on one scale of time: at no moment is the customer at risk twice.

Rows that all begin at 0 are stays counted from their own start, and may be as they are. A row with
an `entry` above 0 is a stretch of a longer stay, (entry, duration]: stretches must not overlap, and
behind an end that was seen none begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import warn
from retention.frames import Columns, as_lazy, collect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_WANTED = ("customer_id", "spell", "entry", "duration", "churned", "set_aside", "n_spells")
_SLACK = 1e-9  # moments that are equal but for rounding are warned of as such


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows sorted by customer and entry.

    Attributes:
        customer: whose they are.
        entry: 0 where from the origin.
        duration: until when each reaches.
        ended: whether the end was seen.
        before: of the rows of the customer before it, the one that reaches farthest; −1 for none.
    """

    customer: NDArray[Any]
    entry: Floats
    duration: Floats
    ended: NDArray[np.bool_]
    before: NDArray[np.intp]


def warn_of_overlaps(spells: object, *, table: str) -> None:
    """Warn of rows of one customer that overlap, or begin at a moment at which another churned.

    Nothing is asked of tables in which nobody entered late, or without `customer_id`. Rows with
    different numbers in a column `spell` are stays of their own.

    Args:
        spells: the caller's table.
        table: what messages call it.
    """
    given = as_lazy(spells, name=table, only=_WANTED)
    schema = given.collect_schema()
    if not {"customer_id", "entry"} <= set(schema):
        return
    frame = given
    if "set_aside" in schema:
        frame = frame.filter(nw.col("set_aside").is_null())
    keys = [name for name in ("customer_id", "spell") if name in schema]
    frame = frame.filter(~nw.col("customer_id").is_null())
    rows = frame.select(*keys, "entry", "duration", "churned")
    late = nw.when(nw.col("entry") > 0).then(1).otherwise(0).cast(nw.Int64)
    counts = (
        rows.select(*keys, _late=late)
        .group_by(*keys)
        .agg(nw.len().alias("_n"), nw.col("_late").sum())
    )
    several = counts.filter((nw.col("_n") > 1) & (nw.col("_late") > 0)).select(*keys)
    found = collect(rows.join(several, on=keys, how="inner"))
    if found["duration"].size > 1:
        _warn_of_own_rows(_rows_in_order(found, keys), table)


def _rows_in_order(found: Columns, keys: list[str]) -> _Rows:
    from pandas import factorize, isna

    place = np.zeros(found["duration"].size, np.int64)
    for name in keys:
        code, distinct = factorize(found[name])
        place = factorize(place * (len(distinct) + 1) + code)[0].astype(np.int64)
    entry, duration = (found[name].astype(np.float64) for name in ("entry", "duration"))
    entry = np.where(entry > 0, entry, 0.0)
    at_risk = (entry < duration) | (entry == 0)
    order = np.lexsort([duration, entry, place])
    order = order[at_risk[order]]
    ended = np.asarray(~isna(found["churned"]) & (found["churned"] == True), np.bool_)  # noqa: E712
    return _Rows(
        customer=found["customer_id"][order],
        entry=entry[order],
        duration=duration[order],
        ended=ended[order],
        before=_farthest_before(place[order], duration[order]),
    )


def _farthest_before(customer: NDArray[np.int64], duration: Floats) -> NDArray[np.intp]:
    """For each row the place of that row of the same customer before it that reaches farthest."""
    if not customer.size:
        return np.zeros(0, np.intp)
    distinct, rank = np.unique(duration, return_inverse=True)
    number = np.cumsum(np.append(0, np.diff(customer) != 0))  # ascending
    reach = number * distinct.size + rank
    farthest = np.where(reach == np.maximum.accumulate(reach), np.arange(reach.size), 0)
    before = np.append(-1, np.maximum.accumulate(farthest)[:-1])
    same = np.append(False, number[1:] == number[:-1])
    return np.where(same, before, -1)


def _warn_of_own_rows(rows: _Rows, table: str) -> None:
    reached = rows.duration[rows.before]
    slack = _SLACK * reached
    late = (rows.before >= 0) & (rows.entry > 0)
    twice = late & (rows.entry < reached - slack)
    after = late & ~twice & rows.ended[rows.before] & (rows.entry <= reached + slack)
    parts = []
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        parts.append(
            f"{_how_many_rows(twice, 'overlap')} another of the same customer, such as "
            f"{_span_of_row(rows, rows.before[first])} and {_span_of_row(rows, first)} of "
            f"{rows.customer[first]!s}, who is at risk twice there: end each row where the next "
            "begins"
        )
    if after.any():
        first = int(np.flatnonzero(after)[0])
        parts.append(
            f"{_how_many_rows(after, 'begin')} where another of the same customer ended "
            f"as churned, such as {_span_of_row(rows, first)} of {rows.customer[first]!s}: say "
            "churned in the last row of a stay only"
        )
    if parts:
        warn(
            f"{table}: {'; '.join(parts)}. If each row is a stay that is counted from a start of "
            "its own, number the stays of each customer in a column 'spell'."
        )


def _how_many_rows(rows: NDArray[np.bool_], verb: str) -> str:
    n = int(rows.sum())
    return f"1 row {verb}s" if n == 1 else f"{n:,} rows {verb}"


def _span_of_row(rows: _Rows, place: int | np.intp) -> str:
    return f"({rows.entry[place]:.15g}, {rows.duration[place]:.15g}]"

"""The rest: the customers of a period outside a segment, each once, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals
from retention.frames import Columns, Frame, collect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retention.kpis.cells import Cells


def against_the_rest(cells: Cells) -> Columns:
    """Of each segment: the others of the period, those of them lost, and how far the two differ.

    Rows of segments cannot be added up to the rest: who buys in k other segments would count k
    times, and who also buys in this one would count as somebody outside it. So the customers of the
    period are counted once each, and those of the segment are taken off.

    Outside the segment lost is who is retained in no segment that they were in: with
    `lost_to="firm"` who is active nowhere, with "segment" who is back in none of their own.
    """
    steps = np.unique(cells.keys["step"])
    rows = cells.pairs.select("customer_id", *cells.names, "step", "retained")
    kept = rows.group_by("customer_id", "step").agg(nw.col("retained").max())
    base, lost = _base_and_lost(cells, kept, (), steps)
    mine, gone = cells.sums["n_base"], cells.sums["n_base"] - cells.sums["n_retained"]
    in_no_segment = gone
    if cells.asked.lost_to == "segment":
        best = rows.with_columns(retained=nw.col("retained").max().over("customer_id", "step"))
        in_no_segment = _base_and_lost(cells, best, cells.names, steps)[1]
    many = mine.size // max(steps.size, 1)
    n = np.tile(base, many) - mine
    x = np.tile(lost, many) - in_no_segment
    lower, upper = intervals.wilson(x, n, cells.asked.level)
    apart = intervals.difference((gone, mine), (x, n), cells.asked.level)
    return {
        "n_rest": n,
        "n_rest_churned": x,
        "rest_churn_rate": intervals.ratio(x, n),
        "rest_lower": lower,
        "rest_upper": upper,
        **dict(zip(("difference", "difference_lower", "difference_upper"), apart, strict=True)),
    }


def _base_and_lost(
    cells: Cells, rows: Frame, names: Sequence[str], steps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many rows there are and how many of them are lost: by period, or by cell."""
    grouped = rows.group_by(*names, "step").agg(
        nw.len().alias("n"), nw.col("retained").sum().alias("kept")
    )
    counted = collect(grouped.with_columns(nw.col("step", "n", "kept").cast(nw.Int64)))
    at = np.searchsorted(steps, counted["step"].astype(np.int64))
    size = steps.size
    if names and size:
        place = {key: i for i, key in enumerate(_keys(cells.keys, names, every=max(steps.size, 1)))}
        at += steps.size * np.array([place[key] for key in _keys(counted, names)], np.int64)
        size *= len(place)
    n, kept = (np.zeros(size, np.int64) for _ in range(2))
    n[at], kept[at] = counted["n"], counted["kept"]
    return n, n - kept


def _keys(columns: Columns, names: Sequence[str], every: int = 1) -> list[tuple[object, ...]]:
    """The segment of each row, or of every so many."""
    return list(zip(*(columns[name][::every].tolist() for name in names), strict=True))

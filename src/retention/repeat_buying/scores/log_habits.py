"""What a log tells of its customers without a model: the usual gap, and who stayed silent."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import RetentionWarning
from retention.frames import Frame, collect, count, with_first
from retention.numerics.keyed_rows import starts_of_runs
from retention.repeat_buying.summary.fast_summary import days_by_sorting
from retention.spells.days import purchase_days
from retention.tables import TRANSACTIONS, require

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Columns
    from retention.repeat_buying.summary.purchase_summary import LogAtHand

_PERCENT = 95
"""Of gaps between purchases, so many in a hundred are no longer than the window."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a log tells without a model.

    Attributes:
        window: days that most gaps between purchases do not exceed; NaN if there is no gap.
        n: customers of some days ago, who had not and who had been silent beyond the window then.
        n_silent: those of them who bought nothing since.
        log_gaps: the logs of all gaps between purchases, in days, summed.
    """

    window: float
    n: NDArray[np.int64]
    n_silent: NDArray[np.int64]
    log_gaps: float

    def base(self, size: int, level: float) -> Columns:
        """The base rate and its counts, in every row."""
        n, silent = int(self.n.sum()), int(self.n_silent.sum())
        lower, upper = intervals.wilson_bounds([silent], [n], level)
        return {
            "n_base": np.full(size, n, np.int64),
            "n_base_silent": np.full(size, silent, np.int64),
            "base_rate": np.full(size, intervals.ratio([silent], [n])[0]),
            "base_rate_lower": np.full(size, lower[0]),
            "base_rate_upper": np.full(size, upper[0]),
        }


def habits_of_log(
    transactions: object, log: LogAtHand | None, observed: tuple[date | None, date], within: int
) -> Habits:
    """The window, and what came of the customers of some days ago."""
    first, last = observed
    days_at_hand = days_by_sorting(log.lines, until=periods.number_of(last)) if log else None
    if days_at_hand is not None:
        return _habits_by_sorting(*days_at_hand, observed, within)
    frame = require(transactions, TRANSACTIONS, adds="none")
    with warnings.catch_warnings():  # the summary has said it
        warnings.simplefilter("ignore", RetentionWarning)
        days = purchase_days(frame, as_of=last, keep={})
    if first is not None:
        dated = with_first(days, "customer_id", "_day", "_first")
        days = dated.filter(nw.col("_first") >= periods.number_of(first))
    length, gaps = _gaps_by_length(days)
    window = _length_of_most(length, gaps)
    n, silent = _customers_and_silent(days, periods.number_of(last) - within, window)
    return Habits(window, n, silent, float(gaps @ np.log(length)))


def _habits_by_sorting(
    customer: NDArray[np.integer[Any]],
    day: NDArray[np.integer[Any]],
    observed: tuple[date | None, date],
    within: int,
) -> Habits:
    """The same from the days of customers, in order."""
    first, last = observed
    starts = np.flatnonzero(starts_of_runs(customer))
    if first is not None:
        new = day[starts] >= periods.number_of(first)
        kept = np.repeat(new, np.diff(starts, append=day.size))
        customer, day = customer[kept], day[kept]
        starts = np.flatnonzero(starts_of_runs(customer))
    again = np.ones(day.size, bool)
    again[starts] = False
    length = np.diff(day, prepend=0)[again]
    n = np.bincount(length)
    lengths, gaps = np.flatnonzero(n), n[n > 0]
    window = _length_of_most(lengths, gaps)
    cut = periods.number_of(last) - within
    known = np.add.reduceat((day <= cut).astype(np.int64), starts) if day.size else starts
    ends = np.append(starts[1:], day.size)
    there = known > 0
    latest = day[(starts + known - 1)[there]]
    beyond = (latest < (cut - window if window == window else -np.inf)).astype(np.intp)  # noqa: PLR0124
    silent = (known == ends - starts)[there]
    return Habits(
        window,
        np.bincount(beyond, minlength=2).astype(np.int64),
        np.bincount(beyond[silent], minlength=2).astype(np.int64),
        float(gaps @ np.log(lengths)),
    )


def _gaps_by_length(days: Frame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lengths of gaps, ascending, and how many there are of each."""
    before = nw.col("_day").shift(1).over("customer_id", order_by="_day")
    gaps = days.with_columns(_gap=nw.col("_day") - before).filter(~nw.col("_gap").is_null())
    found = collect(gaps.group_by("_gap").agg(nw.len().alias("n")))
    length, n = found["_gap"].astype(np.int64), found["n"].astype(np.int64)
    order = np.argsort(length)
    return length[order], n[order]


def _length_of_most(length: NDArray[np.int64], n: NDArray[np.int64]) -> float:
    """The least of some ascending lengths that 95 in 100 do not exceed; NaN of none."""
    if not n.size:
        return float("nan")
    reached = np.cumsum(n)
    return float(length[np.searchsorted(100 * reached, _PERCENT * reached[-1])])


def _customers_and_silent(
    days: Frame, cut: int, window: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Customers of the day `cut`, and those without a purchase since.

    Both of those who had not, and who had been silent beyond the window on that day.
    """
    known = nw.col("_day") <= cut
    marked = days.with_columns(_known=nw.when(known).then(nw.col("_day")), _later=count(~known))
    each = marked.group_by("customer_id").agg(nw.col("_known").max(), nw.col("_later").sum())
    there = each.filter(~nw.col("_known").is_null())
    limit = cut - window if window == window else -np.inf  # noqa: PLR0124 - NaN: no window
    flags = there.with_columns(
        _beyond=count(nw.col("_known") < float(limit)), _none=count(nw.col("_later") == 0)
    )
    found = collect(flags.group_by("_beyond", "_none").agg(nw.len().alias("n")))
    place, none = found["_beyond"].astype(np.intp), found["_none"].astype(np.int64)
    n = found["n"].astype(np.int64)
    many, silent = (np.zeros(2, np.int64) for _ in range(2))
    np.add.at(many, place, n)
    np.add.at(silent, place, n * none)
    return many, silent

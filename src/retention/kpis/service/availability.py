"""Availability of a service: of the time it should have been there, the part it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ContentError, RetentionError
from retention.frames import Columns, Frame, as_text, collect, table_like
from retention.numerics.codes import distinct_segments
from retention.tables import OUTAGES, require, segments
from retention.tables.answer_columns import gives, numbers, shares, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_DAY = 86_400


@gives(
    "segment and period",
    times("period"),
    whole_numbers("step", "n_outages"),
    numbers("down_hours", "service_hours", unit="hours"),
    shares("availability"),
)
def service_availability(
    outages: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    observed_from: date | str,
    by: str | Sequence[str] = (),
) -> IntoFrameT:
    """Of the time a service should have been there, the part it was: 1 − downtime / service time.

    Service time is all the hours of a period, day and night. Interruptions that overlap are counted
    once, those that reach beyond a period with their part of it, and one that has not ended lasts
    to the end of `as_of`. Availability is a share of time, not of independent trials: it has no
    bounds.

    Args:
        outages: a table from `as_outages`.
        freq: length of a period: "day", "week", "month", "quarter", "year", or a `Calendar`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        observed_from: the first day from which interruptions were recorded.
        by: columns that tell services apart (shop, line, region …). They come back as text, with
            "(missing)" for those not filled in. A service that was never down has no row in the
            table, and so none in the answer.

    Returns:
        One row per service and whole period, in the caller's kind: the `by` columns, `period`,
        `step`, `n_outages` (interruptions in the period, those that overlap or touch being one, one
        that spans two periods counted in both), `down_hours`, `service_hours`, `availability`.

    Raises:
        RetentionError: if `observed_from` comes after `as_of`.
        ColumnError: if a column is missing or of the wrong type, or `by` names none.
        ContentError: if there is no whole period, or an end before its start.

    Example:
        Down from 10 to 16 o'clock, and again within that time: 18 of 24 hours are left.

        >>> import pandas as pd
        >>> import retention as rt
        >>> outages = pd.DataFrame({
        ...     "start": pd.to_datetime(["2024-03-01 10:00", "2024-03-01 12:00"]),
        ...     "end": pd.to_datetime(["2024-03-01 16:00", "2024-03-01 13:00"]),
        ... })
        >>> found = rt.kpis.service_availability(
        ...     outages, freq="day", as_of="2024-03-01", observed_from="2024-03-01"
        ... )
        >>> found[["n_outages", "down_hours", "service_hours", "availability"]]
           n_outages  down_hours  service_hours  availability
        0          1         6.0           24.0          0.75

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, process KPIs of
        retention: availability of service.
    """
    names = segments(by, OUTAGES)
    window, last = _periods_of_service(freq, as_of, observed_from)
    frame = require(outages, OUTAGES, extra=names)
    down = _outages_in_seconds(frame, names, until=last + 1)
    labels, place = distinct_segments(down, names)
    n_services = len(labels[names[0]]) if names else 1
    steps = window.steps
    edges = periods.first_day_number(np.append(steps, steps[-1] + 1), freq) * _DAY
    n, hours = _downtime_between_edges(down, place, edges, n_services)
    length = np.tile(np.diff(edges) / 3600.0, n_services)
    keys: Columns = {name: np.repeat(values, steps.size) for name, values in labels.items()}
    answer: Columns = {
        "period": np.tile(periods.first_days(steps, freq), n_services),
        "step": np.tile(steps, n_services),
        "n_outages": n,
        "down_hours": hours,
        "service_hours": length,
        "availability": 1 - intervals.ratio(hours, length),
    }
    return table_like({**keys, **answer}, outages)


def _periods_of_service(
    freq: str, as_of: object, observed_from: object
) -> tuple[periods.Window, int]:
    """The whole periods, and the number of the last day."""
    periods.check_freq(freq)
    last = periods.as_day(as_of, argument="as_of")
    first = periods.as_day(observed_from, argument="observed_from")
    if first > last:
        raise RetentionError(f"observed_from {first} comes after as_of {last}.")
    window = periods.whole_periods(first, last, freq)
    if not window.n_steps > 0:
        raise ContentError(f"There is no whole {freq} from {first} to {last}. Take a shorter freq.")
    return window, periods.number_of(last)


def _outages_in_seconds(outages: Frame, names: Sequence[str], *, until: int) -> Columns:
    """Starts and ends in seconds, up to the end of what was observed: once each, sorted."""
    schema, engine = outages.collect_schema(), outages.implementation
    start, end = (periods.second_expr(name, schema[name], engine) for name in ("start", "end"))
    labels = [as_text(name, schema[name]) for name in names]
    last = nw.lit(until * _DAY).cast(nw.Int64)
    dated = outages.select(*labels, _start=start, _end=end)
    seen = dated.filter(nw.col("_start") < last).with_columns(
        _end=nw.when(nw.col("_end") < last).then(nw.col("_end")).otherwise(last)
    )
    least = nw.col("_end").min().alias("_least")
    once = seen.group_by(*names, "_start").agg(nw.col("_end").max(), least)
    found = collect(once)
    if (found["_least"] < found["_start"]).any():
        raise ContentError("outages: an end before its start. Load the table with as_outages(...).")
    return {name: found[name] for name in (*names, "_start", "_end")}


def _downtime_between_edges(
    down: Columns, place: NDArray[np.int64], edges: NDArray[np.int64], n_services: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Interruptions and hours down between each edge and the next, of each service in turn.

    Services are laid end to end on one line, further apart than any of them is long.
    """
    start, end = down["_start"].astype(np.int64), down["_end"].astype(np.int64)
    origin = min(start.min(initial=edges[0]), edges[0])
    room = max(end.max(initial=edges[-1]), edges[-1]) - origin + 1
    order = np.argsort(start - origin + place * room, kind="stable")
    start, end = ((times - origin + place * room)[order] for times in (start, end))
    reach = np.maximum.accumulate(end)
    opens = np.append(True, start[1:] > reach[:-1])[: start.size]
    closes = np.append(opens[1:], True)[: start.size]
    lasted = start[opens] < reach[closes]
    start, end = start[opens][lasted], reach[closes][lasted]
    marks = (edges - origin)[None, :] + room * np.arange(n_services)[:, None]
    before = np.searchsorted(start, marks)
    passed = np.append(0, np.cumsum(end - start))[before]
    ahead = np.append(0, end)[before] - marks  # of the one that is on, what is still to come
    total = passed - np.maximum(ahead, 0)
    n = before[:, 1:] - np.searchsorted(end, marks[:, :-1], side="right")
    return n.ravel(), np.diff(total, axis=1).ravel() / 3600.0

"""How often each reason is named, period after period."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ColumnError, ContentError
from retention.frames import Columns, Frame, one_row, table_like
from retention.numerics.codes import long_table
from retention.reasons.figures.counts import Named, named_by_customers
from retention.tables import TAGS, require, segments
from retention.tables.answer_columns import gives, shares, texts, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

_STEP = "_step"


@gives(
    "segment, period and reason to leave",
    times("period"),
    whole_numbers("step"),
    texts("category"),
    whole_numbers("n_customers", "n_tagged", "n_wrote"),
    shares("share", "lower", "upper"),
)
def reason_trend(
    tags: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    by: str | Sequence[str] = (),
    level: float = 0.95,
) -> IntoFrameT:
    """How often each reason is named in each period, of those who told any reason in it.

    Of the n customers who told a reason to leave in a note of the period, k named this one: share =
    k / n. A customer counts in every period in which they wrote. A share may rise because others
    fall, or because other customers wrote: look at the counts, and at how many wrote.

    Args:
        tags: a table from `tag_reasons` or `map_reason_codes` with a column `date`, when the note
            was written (`keep="date"`).
        freq: length of a period: "day", "week", "month", "quarter", "year", or a `Calendar`.
        as_of: the last observed day, itself included. Given are the periods that end by it, from
            that of the first note on; later notes are not looked at.
        by: segment columns of the tags.
        level: confidence of the bounds.

    Returns:
        One row per segment, period and reason to leave that anybody named, in the caller's kind:
        the `by` columns, `period` (first day), `step`, `category`, `n_customers` (named it),
        `n_tagged` (told any reason), `n_wrote` (have a note, with a reason or without), `share`,
        `lower`, `upper` (Wilson; null where nobody told a reason).

    Raises:
        RetentionError: if `freq` or `as_of` is none.
        ColumnError: if a column is missing, or `date` is no date.
        ContentError: if tags are empty, a date is missing, no period is whole, or it is said of
            some notes only whose they are.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> given = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(["2024-01-05", "2024-01-20", "2024-02-03"]),
        ...     "reason": ["too_expensive", "unused", "too_expensive"],
        ... })
        >>> tags = rt.map_reason_codes(given, scheme="stripe", keep="date")
        >>> found = rt.reasons.reason_trend(tags, freq="month", as_of="2024-02-29")
        >>> found[["period", "category", "n_customers", "n_tagged", "share"]]
              period            category  n_customers  n_tagged  share
        0 2024-01-01             pricing            1         2    0.5
        1 2024-01-01  x_no_longer_needed            1         2    0.5
        2 2024-02-01             pricing            1         1    1.0
        3 2024-02-01  x_no_longer_needed            0         1    0.0

    Source:
        Practice.
    """
    periods.check_freq(freq)
    intervals.quantile_of(level)
    last = periods.as_day(as_of, argument="as_of")
    names = segments(by, TAGS)
    frame, window = _tags_by_period(require(tags, TAGS, extra=names), freq, last)
    named = named_by_customers(frame, [*names, _STEP])
    steps = range(window[0], window[1] + 1)
    places = {key[:-1] for key in named.keys}
    named = named.with_keys([(*key, str(step)) for key, step in product(places, steps)])
    seen = np.flatnonzero(named.reasons & (named.mentions > 0).any(axis=0))
    order = sorted(
        range(len(named.keys)), key=lambda i: (named.keys[i][:-1], _period_of_key(named, i))
    )
    parts = [(named.keys[i][:-1], _shares_of_period(named, i, seen, freq, level)) for i in order]
    return table_like(long_table(parts, names), tags)


def _tags_by_period(frame: Frame, freq: periods.Freq, last: date) -> tuple[Frame, tuple[int, int]]:
    """The tags up to the last whole period, with their periods, and the first and last of these."""
    schema = frame.collect_schema()
    if "date" not in schema:
        raise ColumnError(
            "tags lacks 'date' (when it was written). Let it go along from the notes or codes: say "
            f"{TAGS.door}(..., keep='date')."
        )
    if not isinstance(schema["date"], nw.Date | nw.Datetime):
        raise ColumnError(f"tags: 'date' must be dates; got {schema['date']}.")
    if zone := periods.zone_of(schema["date"], frame.implementation):
        raise ColumnError(f"tags: 'date' has the time zone {zone}. Give the days of your books.")
    counted = one_row(frame.select(nw.len().alias("n"), nw.col("date").count().alias("known")))
    if lacking := counted["n"] - counted["known"]:
        raise ContentError(
            f"tags: {lacking:,} of {counted['n']:,} rows have no 'date'. Fill it in, or leave "
            "those notes out."
        )
    if not counted["n"]:
        raise ContentError("tags: the table is empty.")
    dated = frame.with_columns(_day=periods.day_expr("date", frame.implementation))
    dated = dated.with_columns(periods.step_expr("date", "_day", freq).cast(nw.Int64).alias(_STEP))
    found = one_row(dated.select(nw.col("_day").min()))
    day = periods.day_of(int(found["_day"]))
    first = periods.step_of(day, freq)
    latest = periods.whole_periods(day, last, freq).last_step
    if latest < first:
        raise ContentError(
            f"No {freq} is whole: the first note is of {day}, as_of is {last}. Take a shorter freq."
        )
    return dated.filter(nw.col(_STEP) <= latest), (first, latest)


def _period_of_key(named: Named, i: int) -> int:
    return int(named.keys[i][-1])


def _shares_of_period(
    named: Named, i: int, seen: NDArray[np.intp], freq: periods.Freq, level: float
) -> Columns:
    """The shares of one segment in one period, a row per reason."""
    mentions = named.mentions[named.segment == i]
    n = (mentions[:, seen] > 0).sum(axis=0).astype(np.int64)
    told = int((mentions[:, seen] > 0).any(axis=1).sum())
    wrote = int((mentions[:, -1] == 0).sum())
    step = np.full(seen.size, _period_of_key(named, i), np.int64)
    lower, upper = intervals.wilson_bounds(n, told, level)
    return {
        "period": periods.first_days(step, freq),
        "step": step,
        "category": np.array(named.categories, dtype=object)[seen],
        "n_customers": n,
        "n_tagged": np.full(seen.size, told, np.int64),
        "n_wrote": np.full(seen.size, wrote, np.int64),
        "share": intervals.ratio(n, told),
        "lower": lower,
        "upper": upper,
    }

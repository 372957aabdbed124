"""Raw retention over the last days, as of each day: windows that roll, where periods stand still.

A purchase on day d is the last one on the days s from d on, up to the next one, and counts for n
days at most: on the days s + n its customer is in the base. Of these the customer is also in the
last window from the day of the next purchase on. So of each purchase it is enough to know the next.

Of segments, the next purchase is that in the segment. Whether a customer bought anywhere is told
by the last day of the purchases in the firm that follow one another within n days, and by the first
one after these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ContentError, check_choice
from retention.frames import as_text, collect, keeps_tables, table_like
from retention.kpis.outcome.rolling_marks import (
    customers_by_marks,
    first_purchase_day,
    nothing_bought,
)
from retention.numerics.codes import distinct_segments
from retention.orders import Together
from retention.spells.days import purchase_days
from retention.tables import TRANSACTIONS, require, segments
from retention.tables.answer_columns import constants, gives, shares, texts, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Columns, Frame
    from retention.kpis.outcome.counts import LostTo

    Days = NDArray[np.int64]

_NEVER = 10**9  # a day that does not come
_MOST_ROWS = 20_000_000
_DAYS_COUNTED = ("day", "until", "end", "next", "n")
_WORKING = ("date", "n_base", "n_retained")


@gives(
    "segment and day",
    times("date"),
    whole_numbers("n_base", "n_retained"),
    shares("retention_rate", "lower", "upper", "churn_rate"),
    constants(whole_numbers("days"), texts("lost_to")),
)
def rolling_retention(
    transactions: IntoFrameT,
    *,
    days: int,
    as_of: date | str,
    observed_from: date | str | None = None,
    by: str | Sequence[str] = (),
    freq: periods.Freq = "day",
    lost_to: LostTo = "firm",
    level: float = 0.95,
) -> IntoFrameT:
    """Of those who bought in the days before last, the share that bought in the last: day by day.

    As of day t, with windows of n days: B are the customers with a purchase on t − 2n + 1 … t − n,
    R those of B with one on t − n + 1 … t; the rate is |R| / |B|. Rates of neighbouring days share
    nearly all their purchases: a curve through them is smooth because of that, and two of them are
    independent only 2n days apart. A purchase is an order under the rules of `customer_periods`.

    With `by`, B are those with a purchase in the segment: who bought in two stands in both, and
    segments do not sum to the firm. R are those of them who then bought anywhere in the firm, or,
    `lost_to="segment"`, in the same segment.

    For sales, profit and all other figures as of one day, take periods of a `Calendar` that end on
    it: `freq=Calendar("90 days", ends=as_of)`. `retention_rate` of these says the same as a row
    here.

    Args:
        transactions: a table from `as_transactions`.
        days: n, how many days each of the two windows has: 30, 90, 365.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        observed_from: the first observed day; by default that of the first order.
        by: segment columns of the transactions (category, region, channel …). They come back as
            text, with "(missing)" for those not filled in.
        freq: as of the last day of each "day", "week", "month" … or period of a `Calendar`.
        lost_to: "firm" (retained is who buys anywhere in the firm) or "segment" (in the same
            segment).
        level: confidence of the bounds.

    Returns:
        One row per segment and day from observed_from + 2n − 1 to `as_of` (of other lengths, per
        last day of one), in the caller's kind: the `by` columns, `date`, `n_base` |B|, `n_retained`
        |R|, `retention_rate`, `lower`, `upper` (Wilson), `churn_rate` (its complement), and the
        conventions `days` and `lost_to`. Rates are shares of 1; where `n_base` is 0 they are null.
        Segments that have no customer in the base as of any of the days are left out.

    Raises:
        RetentionError: if `days` is not a whole number above 0, `lost_to` is not one of the two, or
            a day makes no sense.
        ColumnError: if a segment is not a column of the transactions, or named like one of the
            answer.
        ContentError: if fewer than 2n days were observed, or there is no purchase up to `as_of`.

    Example:
        As of the fourth, one of the two customers of the first two days was back.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"]),
        ...     "sales": [10.0, 20.0, 30.0, 20.0],
        ... })
        >>> rates = rt.kpis.rolling_retention(orders, days=2, as_of="2024-01-05")
        >>> rates[["date", "n_base", "n_retained", "retention_rate"]]
                date  n_base  n_retained  retention_rate
        0 2024-01-04       2           1             0.5
        1 2024-01-05       2           1             0.5

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, raw customer
        retention; that the windows roll is a convention of practice.
    """
    n = periods.whole_days(days, argument="days", least=1)
    periods.check_freq(freq)
    check_choice("lost_to", lost_to, ("firm", "segment"))
    intervals.quantile_of(level)
    names = segments(by, TRANSACTIONS, working=_WORKING)
    last, first = periods.observed_days(as_of, observed_from)
    frame = require(transactions, TRANSACTIONS, extra=names, adds="none")
    schema = frame.collect_schema()
    bought = purchase_days(
        frame,
        as_of=last,
        keep={name: as_text(name, schema[name]) for name in names},
        told=Together(apart=tuple(names)),
        gap=n,
        way="say `observed_from='{since}'`.",
        since=first,
    )
    in_firm = lost_to == "firm" and bool(names)
    keys, base, kept = _counted_customers(bought, (first, last), (n, freq), names, in_firm=in_firm)
    lower, upper = intervals.wilson_bounds(kept, base, level)
    rate = intervals.ratio(kept, base)
    columns: Columns = {**keys, "n_base": base, "n_retained": kept}
    columns |= {"retention_rate": rate, "lower": lower, "upper": upper, "churn_rate": 1 - rate}
    told = {"days": np.full(base.size, n), "lost_to": np.full(base.size, lost_to, dtype=object)}
    return table_like({**columns, **told}, transactions)


def _counted_customers(
    bought: Frame,
    observed: tuple[date | None, date],
    asked: tuple[int, str],
    by: Sequence[str],
    *,
    in_firm: bool,
) -> tuple[Columns, Days, Days]:
    """The segments and days, how many customers are in the base, and how many of them also after.

    Segments whose base is always empty are left out.
    """
    first, last = observed
    since = None if first is None else periods.number_of(first)
    if keeps_tables(bought):
        begin = first_purchase_day(bought, last) if since is None else since
        days = _days_asked(begin, last, *asked)
        made = customers_by_marks(bought, days, asked[0], by, in_firm=in_firm)
        if made is not None:
            if not made[1].any():
                first_purchase_day(bought, last)  # refuses if nobody ever bought
            return _rows_with_base(days, *made, by)
    counted = _days_of_purchases(bought, asked[0], by, in_firm=in_firm)
    if not counted["_day"].size:
        raise nothing_bought(last)
    begin = int(counted["_day"].min()) if since is None else since
    return _customers_as_of(_days_asked(begin, last, *asked), counted, asked[0], by)


def _days_asked(begin: int, last: date, n: int, freq: str) -> Days:
    """The days as of which there is a rate.

    Raises:
        ContentError: if there is none.
    """
    days = _last_days(begin + 2 * n - 1, periods.number_of(last), freq)
    if not days.size:
        raise ContentError(
            f"Two windows of {n:,} days, one after the other, do not fit between "
            f"{periods.day_of(begin)} and `as_of` {last}"
            f"{'' if freq == 'day' else f', with a {freq} that ends there'}. Take fewer `days=`."
        )
    return days


def _days_of_purchases(bought: Frame, n: int, by: Sequence[str], *, in_firm: bool) -> Columns:
    """From when to when a purchase is the last one that counts, and what follows it: counted.

    Returns:
        The segments, `_day`, `_until` (the next purchase, or n days later), `_end` and `_next` (as
        the room says, no later than that) and `_n`, how many purchases are alike.
    """
    day, until, who = nw.col("_day"), nw.col("_until"), ["customer_id", *by]
    rows = _days_with_firm(bought, n, by) if in_firm else bought
    after = day.shift(-1).over(*who, order_by="_day").fill_null(_NEVER).cast(nw.Int64)
    rows = rows.with_columns(_after=after)
    rows = rows.with_columns(
        _until=nw.when(nw.col("_after") < day + n).then(nw.col("_after")).otherwise(day + n)
    )
    if not in_firm:
        rows = rows.with_columns(_end=day, _next=nw.col("_after"))
    end, following = nw.col("_end"), nw.col("_next")
    clipped = rows.with_columns(
        _end=nw.when(end < until).then(end).otherwise(until),
        _next=nw.when(following < until + n).then(following).otherwise(nw.lit(_NEVER)),
    )
    found = collect(
        clipped.group_by(*by, "_day", "_until", "_end", "_next").agg(nw.len().alias("_n"))
    )
    return {
        name: values if name in by else values.astype(np.int64) for name, values in found.items()
    }


def _days_with_firm(bought: Frame, n: int, by: Sequence[str]) -> Frame:
    """Days of purchases in segments, with the last day of their run in the firm and the next one.

    Of several segments of a day the last one closes a run: the order is that of days and segments.
    """
    day, after = nw.col("_day"), nw.col("_after")

    def over_firm(values: nw.Expr) -> nw.Expr:
        return values.over("customer_id", order_by=["_day", *by])

    def first_ahead(name: str) -> nw.Expr:
        return over_firm(nw.col(name).cum_min(reverse=True)).cast(nw.Int64)

    rows = bought.with_columns(_after=over_firm(day.shift(-1)).fill_null(_NEVER).cast(nw.Int64))
    closes = after - day > n
    rows = rows.with_columns(
        _end=nw.when(closes).then(day).otherwise(nw.lit(_NEVER)),
        _next=nw.when(closes).then(after).otherwise(nw.lit(_NEVER)),
    )
    return rows.with_columns(_end=first_ahead("_end"), _next=first_ahead("_next"))


def _last_days(first: int, last: int, freq: str) -> Days:
    """The last days of periods, from the first day on that two windows fit before."""
    if freq == "day" or last < first:
        return np.arange(first, last + 1)
    steps = np.arange(
        periods.step_of(periods.day_of(first), freq),
        periods.step_of(periods.day_of(last), freq) + 1,
    )
    days = np.asarray(periods.first_day_number(steps + 1, freq)) - 1
    return days[(days >= first) & (days <= last)]


def _customers_as_of(
    asked: Days, purchases: Columns, n: int, by: Sequence[str]
) -> tuple[Columns, Days, Days]:
    """The same, of purchases and what follows them."""
    labels, place = distinct_segments(purchases, by)
    n_segments = len(labels[by[0]]) if by else 1
    _refuse_many_rows(n_segments, asked, by)
    base, kept = _counts_as_of(asked, purchases, n, place, n_segments)
    return _rows_with_base(asked, labels, base, kept, by)


def _refuse_many_rows(n_segments: int, asked: Days, by: Sequence[str]) -> None:
    if n_segments * asked.size > _MOST_ROWS:
        raise ContentError(
            f"by: {', '.join(map(repr, by))} makes {n_segments:,} segments on {asked.size:,} days, "
            "too many to hold. Put its values into classes first, or say `freq='month'`."
        )


def _rows_with_base(
    asked: Days, labels: Columns, base: Days, kept: Days, by: Sequence[str]
) -> tuple[Columns, Days, Days]:
    """The rows of counts per segment and day, without segments whose base is always empty."""
    seen = base.any(axis=1) if by else np.ones(1, bool)
    keys: Columns = {name: np.repeat(v[seen], asked.size) for name, v in labels.items()}
    keys["date"] = np.tile(asked, np.count_nonzero(seen)).astype("datetime64[D]")
    return keys, base[seen].ravel(), kept[seen].ravel()


def _counts_as_of(
    asked: Days, purchases: Columns, n: int, place: Days, n_segments: int
) -> tuple[Days, Days]:
    """For each segment and day, how many customers are in the base, and how many of them after.

    Segments follow one another on one axis of days: who came in an earlier one also left.
    """
    day, until, end, after, many = (purchases[f"_{name}"] for name in _DAYS_COUNTED)
    low = min(int(day.min()), int(asked[0]))
    span = max(int(until.max()) + n, int(asked[-1])) - low + 1
    at = np.add.outer(np.arange(n_segments) * span, asked - low)
    origin = place * span - low + n

    def count_between(opens: Days, closes: Days, rows: NDArray[np.bool_]) -> Days:
        came = _running_total(at, (origin + opens)[rows], many[rows])
        return came - _running_total(at, (origin + closes)[rows], many[rows])

    base = count_between(day, until, day <= until)
    stays = count_between(day, end, end > day)
    return base, stays + count_between(np.maximum(day, after - n), until, after - n < until)


def _running_total(asked: Days, days: Days, many: Days) -> Days:
    """How many there are by the end of each day."""
    order = np.argsort(days, kind="stable")
    totals = np.concatenate([[0], np.cumsum(many[order])])
    return totals[np.searchsorted(days[order], asked, side="right")].astype(np.int64)

"""Who bought in which period, for how much: the table that every rate is counted from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.activity.at_hand import LinesAtHand, lines_at_hand
from retention.activity.purchases_at_hand import activity_at_hand
from retention.activity.window import CONSTANTS
from retention.errors import ContentError, warn
from retention.frames import (
    Frame,
    as_text,
    collect,
    count,
    grouped_with_days,
    in_kind_of,
    is_at_hand,
    with_same_values,
)
from retention.log_holes import days_of_lines, hole_among, tell_of_hole, warn_of_hole
from retention.orders import Log, checked_log, net_sum, netted_orders, order_keys
from retention.tables import ACTIVITY, TRANSACTIONS, require, segments
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

_USUAL_SILENCE = {"day": 0, "week": 1, "month": 3, "quarter": 9, "year": 36}
"""Days without an order, a tenth of the period, that are never worth a warning."""


_HOLE = {"month": 15, "quarter": 30, "year": 60}
"""Days without an order that harm a rate though no whole period is empty."""


@gives(ACTIVITY)
def customer_periods(
    transactions: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    by: str | Sequence[str] = (),
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """What each customer did in each whole period: how many orders, for how much, active or not.

    A customer is active in a period if some order of theirs in it is a purchase. An order is the
    lines of one customer with one `order_id` on one day (without order ids: the lines of one
    customer on one day); it is a purchase if its sales sum to more than 0, or to exactly 0 where
    zero orders were let in at the door. A refund alone makes nobody active, and a later
    cancellation does not undo what was bought; both lower `sales`. With `by`, a customer is active
    in a segment if an order that is a purchase has lines there that sum to 0 or more, so that
    active in some segment is the same as active in the firm.

    Only whole periods are given: from the first that the log covers from its first day, to the last
    that ends on `as_of` or before. A warning names the period of the first order where it is left
    out, and the one that `as_of` lies in where only a few days of it lack or it holds a tenth of
    all lines. A period in which nobody bought was observed all the same, which
    is why each row carries `first_step` and `last_step`.

    Args:
        transactions: a table from `as_transactions`.
        freq: length of a period: "day", "week" (from Monday), "month", "quarter", "year", or a
            `Calendar`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        by: segment columns of the transactions (category, region, channel …). They come back as
            text, with "(missing)" for those not filled in.
        observed_from: the first observed day, where the log began before its first order or was cut
            at the front. Default: the day of the first order.

    Returns:
        One row per customer, segment and period in which there was any line, in the caller's kind:
        `customer_id`, the `by` columns, `period` (first day), `step` (its consecutive number),
        `n_orders` (purchases), `sales` and `profit` (net sums, in currency; profit null where the
        transactions have none), `active` (true or false), and the constants `first_step`,
        `last_step` and `freq`. Eager tables are sorted by customer, segment and period.

    Raises:
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no order up to `as_of`, no whole period, or amounts are in several
            currencies and `by` does not keep these apart.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-10", "2024-01-20", "2024-02-03"]),
        ...     "sales": [10.0, 30.0, 20.0, -20.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> activity[["customer_id", "period", "n_orders", "sales", "active"]]
          customer_id     period  n_orders  sales  active
        0         Ann 2024-01-01         1   10.0    True
        1         Ann 2024-02-01         1   30.0    True
        2         Bob 2024-01-01         1   20.0    True
        3         Bob 2024-02-01         0  -20.0   False

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: who counts as
        retained depends on the period, which should follow the repurchase cycle.
    """
    names = segments(by, TRANSACTIONS)
    segments(names, ACTIVITY)
    periods.check_freq(freq)
    at_hand = is_at_hand(transactions)
    frame = require(transactions, TRANSACTIONS, extra=names, alone=True, by_row=at_hand)
    read = lines_at_hand(frame, names) if at_hand else None
    lines = partial(lines_with_dates, frame, names)
    seen = observed_periods(lines, read, freq, as_of, observed_from)
    rows = None if read is None else activity_at_hand(read, names, seen.window)
    if rows is not None:
        return in_kind_of(rows, transactions, keep_type=("customer_id",), fresh=True)
    given = frame.collect_schema()
    rows = _purchases_per_period(
        _lines_of_whole_periods(lines(), seen), names, seen, by_day="order_id" not in given
    )
    answer = _columns_of_purchase_activity(rows, names, seen, given)
    order = ["customer_id", *names, "step"]
    return in_kind_of(answer, transactions, order=order, keep_type=("customer_id",))


@dataclass(frozen=True, slots=True)
class Observed:
    """What one look at the log told: the whole periods, and whether nothing is below 0.

    Of sales it is `plain` that says so, of profit `no_losses`; `since` is the first day of which
    the log tells anything, be it before the first observed one.
    """

    window: periods.Window
    plain: bool
    no_losses: bool
    since: date


def lines_with_dates(frame: Frame, by: Sequence[str]) -> Frame:
    """The lines with their day, segments as text, amounts as floats."""
    schema = frame.collect_schema()
    kept = [name for name in ("order_id", "profit") if name in schema]
    return frame.select(
        "customer_id",
        nw.col("sales").cast(nw.Float64),
        *kept,
        *(as_text(name, schema[name]) for name in by),
        _date=periods.midnight_expr("date", frame.implementation),
    )


def _lines_of_whole_periods(lines: Frame, seen: Observed) -> Frame:
    """The lines of the whole periods."""
    engine = lines.implementation
    return lines.filter(
        nw.col("_date") >= periods.day_literal(seen.window.begins, engine),
        nw.col("_date") < periods.day_literal(seen.window.is_over, engine),
    )


def observed_periods(
    lines: Callable[[], Frame],
    read: LinesAtHand | None,
    freq: str,
    as_of: date | str,
    observed_from: date | str | None,
) -> Observed:
    """What is observed of the lines, which are `read` if at hand, and warnings of the rest."""
    last, said = periods.observed_days(as_of, observed_from)
    opens = periods.first_day(periods.step_of(last, freq), freq)
    log = None if read is None else read.log(as_of=last, opens=opens)
    if log is None:
        by_day = periods.length_of(freq) in _HOLE
        log, read = _log_of_query(lines(), (opens, last), by_day=by_day), None
    start = log.first if said is None else said
    window = periods.whole_periods(start, last, freq)
    if not window.n_steps > 0:
        raise ContentError(
            f"There is no whole {freq} between {start} and `as_of` {last}. Take a shorter freq, "
            f"or {_arguments_to_say((start, last), freq)} if the data cover those days and nobody "
            "bought."
        )
    log.warn_of_silence(last, usual=_USUAL_SILENCE[periods.length_of(freq)])
    if (length := periods.length_of(freq)) in _HOLE:
        then = (
            f"what is kept from and to the {freq}s about it is too little: add what lacks, or say "
            "`observed_from='{since}'`."
        )
        least = _HOLE[length]
        if read is None:
            asked: dict[str, Any] = {"as_of": last, "since": start, "least": least}
            warn_of_hole(lines(), "_date", **asked, then=then, whole=freq, known=log.by_day)
        else:
            since, until = periods.number_of(start), periods.number_of(last)
            who = read.known["customer_id"].number
            days = days_of_lines(read.day, who, since=since, until=until)
            tell_of_hole(hole_among(*days, least=least), then=then, whole=freq)
    seen = Observed(window, log.only_sales, log.no_losses, min(log.first, start))
    _warn_of_edges(lines, log, seen, (start if observed_from is None else None, last))
    return seen


def _log_of_query(lines: Frame, tail_days: tuple[date, date], *, by_day: bool) -> Log:
    """The look at the lines of a query, those of the period that has only begun counted apart."""
    begins, ends = (periods.day_literal(day, lines.implementation) for day in tail_days)
    tail = (nw.col("_date") >= begins) & (nw.col("_date") <= ends)
    return checked_log(lines, "_date", as_of=tail_days[1], tail=tail, by_day=by_day)


def _warn_of_edges(
    lines: Callable[[], Frame], log: Log, seen: Observed, days: tuple[date | None, date]
) -> None:
    """Name the periods that are left out at the edges, where that may be news to the user.

    The first one always, for nobody said where the data begin. The last one where the days it lacks
    may have been quiet ones, or where a tenth of all lines lies in it: `as_of` was said, and every
    nightly run has a period that has only begun.

    Args:
        lines: the order lines.
        log: what the look at them told.
        seen: the whole periods.
        days: the first observed day where it was taken from the data, else None; and the last.
    """
    start, last = days
    left_out = {}
    if start is not None and periods.step_of(start, seen.window.freq) < seen.window.first_step:
        left_out["early"] = periods.step_of(start, seen.window.freq)
    open_step = periods.step_of(last, seen.window.freq)
    lacking = (
        periods.first_day_number(open_step + 1, seen.window.freq) - periods.number_of(last) - 1
    )
    usual = _USUAL_SILENCE[periods.length_of(seen.window.freq)]
    news = left_out or lacking <= usual or log.n_tail * 10 >= log.n
    if open_step > seen.window.last_step and log.n_tail and news:
        left_out["late"] = open_step
    if left_out:
        counts = _orders_outside(lines(), seen, last)
        why = {"early": f"the first order is of {start}", "late": f"`as_of` is {last}"}
        parts = [
            f"{periods.label(step, seen.window.freq)} ({counts[edge]}; {why[edge]})"
            for edge, step in left_out.items()
        ]
        edges = (start if "early" in left_out else None, last if "late" in left_out else None)
        warn(
            f"Left out, as not observed whole: {' and '.join(parts)}. If the data cover the days "
            f"that lack and nobody bought on them, {_arguments_to_say(edges, seen.window.freq)}."
        )


def _orders_outside(lines: Frame, seen: Observed, last: date) -> dict[str, str]:
    """How many orders and customers lie before the whole periods, and after them up to `last`."""
    engine, day = lines.implementation, nw.col("_date")
    early = day < periods.day_literal(seen.window.begins, engine)
    after = periods.day_literal(seen.window.is_over, engine)
    late = (day >= after) & (day <= periods.day_literal(last, engine))
    orders = lines.filter(early | late).with_columns(_late=count(late))
    orders = orders.select(*order_keys(lines, "_date"), "_late").unique()
    found = collect(
        orders.group_by("_late").agg(nw.len().alias("n"), nw.col("customer_id").n_unique())
    )
    rows = zip(*(found[name].tolist() for name in ("_late", "n", "customer_id")), strict=True)
    return {
        "late"
        if is_late
        else "early": f"{_how_many(n, 'order')} of {_how_many(customers, 'customer')}"
        for is_late, n, customers in rows
    }


def _how_many(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"


def _arguments_to_say(edges: tuple[date | None, date | None], freq: str) -> str:
    """What to say so that the periods of these days count as observed whole."""
    start, last = edges
    said = []
    if start is not None:
        first = periods.first_day(periods.step_of(start, freq), freq)
        said += [f"`observed_from='{first}'`"] * (first < start)
    if last is not None:
        end = periods.day_of(periods.first_day_number(periods.step_of(last, freq) + 1, freq) - 1)
        said += [f"`as_of='{end}'`"] * (end > last)
    return f"say {' and '.join(said)}"


def _purchases_per_period(
    lines: Frame, by: Sequence[str], seen: Observed, *, by_day: bool
) -> Frame:
    """One row per customer, segment and period, and how many purchases there were in it."""
    cell = ["customer_id", *by, "step"]
    if seen.plain and by_day:
        # Where no line is negative and a day is an order, one grouping is enough.
        days = rows_with_steps(lines, seen.window.freq)
        money = _money_columns_of_lines(lines)
        longest = int(np.diff(periods.first_day_numbers(seen.window)).max())
        rows = grouped_with_days(
            days,
            cell,
            sums=money,
            least=[name for name in money if name == "profit" and not seen.no_losses],
            day="_day",
            longest=longest,
        ).rename({"n_days": "n_orders"})
    else:
        amounts = _money_columns_of_lines(lines)
        orders = netted_orders(lines, "_date", by=by, amounts=amounts, plain=seen.plain)
        orders = rows_with_steps(orders, seen.window.freq)
        lowest = [nw.col(name).min() for name in _columns_of_least_terms(orders)]
        n_orders = nw.col("_bought").sum().alias("n_orders")
        rows = orders.group_by(*cell).agg(*_sums_of_amounts(orders), *lowest, n_orders)
    net = [net_sum(name.removeprefix("_least_"), name) for name in _columns_of_least_terms(rows)]
    return rows.with_columns(nw.col("n_orders").cast(nw.Int64), *net)


def rows_with_steps(rows: Frame, freq: str) -> Frame:
    """Rows with the number of their period; numbered late, since orders are fewer than lines."""
    dated = rows.with_columns(_day=periods.day_expr("_date", rows.implementation))
    return dated.with_columns(step=periods.step_expr("_date", "_day", freq))


def _money_columns_of_lines(table: Frame) -> list[str]:
    names = table.collect_schema().names()
    return [name for name in ("sales", "profit") if name in names]


def _sums_of_amounts(table: Frame) -> list[nw.Expr]:
    return [nw.col(name).sum() for name in _money_columns_of_lines(table)]


def _columns_of_least_terms(rows: Frame) -> list[str]:
    return [name for name in rows.collect_schema().names() if name.startswith("_least_")]


def _columns_of_purchase_activity(
    rows: Frame, by: Sequence[str], seen: Observed, schema: Mapping[str, object]
) -> Frame:
    profit = nw.col("profit") if "profit" in schema else nw.lit(None, dtype=nw.Float64)
    columns = rows.select(
        "customer_id",
        *by,
        periods.period_expr("step", seen.window.freq, rows.implementation).alias("period"),
        nw.col("step").cast(nw.Int64),
        "n_orders",
        "sales",
        profit.cast(nw.Float64).alias("profit"),
        (nw.lit(value=True) if seen.plain else nw.col("n_orders") > 0).alias("active"),
    )
    window = (seen.window.first_step, seen.window.last_step, seen.window.freq)
    return with_same_values(columns, dict(zip(CONSTANTS, window, strict=True)))

"""Purchase summaries: all that buy-till-you-die models need to know of a customer's orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError, check_choice
from retention.frames import (
    Frame,
    Numbered,
    as_lazy,
    collect,
    count,
    frame_at_hand,
    in_kind_of,
    is_at_hand,
    is_lazy,
    numbers_of_values,
    rows_at_hand,
    table_like,
    with_first,
)
from retention.log_holes import hole_among, tell_of_hole, warn_of_hole
from retention.orders import Log, checked_log, purchases
from retention.repeat_buying.summary.fast_summary import (
    Lines,
    lines_for_sorting,
    summary_by_sorting,
)
from retention.tables import PURCHASE_SUMMARY, TRANSACTIONS, require
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    ids,
    numbers,
    texts,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Sized
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

Unit = Literal["day", "week"]

_QUIET_DAYS = 7
_HOLE = (
    "customers seem silent who were not: add what lacks, or say `observed_from='{since}'`, which "
    "leaves those who were new since."
)
"""A log that falls silent no longer than this before `as_of` is not worth a warning."""


@gives(PURCHASE_SUMMARY)
def purchase_summary(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    unit: Unit = "day",
    grain: Unit = "day",
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """The purchases of each customer in a few numbers: how many, until when, observed how long.

    With d₁ < d₂ < … < dₖ the days on which the customer bought up to `as_of`,

        x = k − 1,   t_x = dₖ − d₁,   T = as_of − d₁,

        mean_sales = (sales of d₂ + … + sales of dₖ) / x.

    An order is a purchase under the rules of `customer_periods`: its lines do not sum to less than
    0 (whether there are orders of 0 was settled at the door, by `zero_orders`). Purchases of one
    day are one: whoever comes back to the till after an hour did not decide anew. `n_orders` counts
    them before that, so n_orders − x − 1 orders were merged with another (of days; without order
    ids the lines of a day are one order, and nothing is left to merge).

    Refunds within an order lower its sales. One that stands alone, as an order below 0, is no
    purchase: it changes neither x nor `mean_sales`, which says what a purchase brings when it is
    made. What comes back later belongs into the margin.

    Unit and grain are not the same. `unit` is only what ages are written in: weeks are days divided
    by 7, and every model says the same of the customer in either. `grain` is what is merged, and
    changes x: with grain="week" the purchases of a calendar week (Monday to Sunday) are one, for
    customers who split one errand over several days. d₁ … dₖ are then weeks, counted in whole ones
    up to the last that ends on `as_of` or before, and whoever bought only since then is left out.

    A first order is taken for the customer's first ever. Where the log was cut at the front this is
    wrong for those who bought before, and for them T is too short and x too small. Say
    `observed_from` some time after the log begins: customers with a purchase before it are left
    out, all others count as new. Older customers who were silent all that time are still among
    them, which nothing in the log can tell: the longer the time, the fewer.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        unit: of ages: "day" or "week".
        grain: purchases of one "day" or of one "week" are one.
        observed_from: customers with a purchase before this day are left out, since they were not
            new (with grain="week": before the first Monday from then on). Default: all are new.

    Returns:
        One row per customer, in the caller's kind: `customer_id`, `x` (repeat purchases), `t_x`
        (age at the last purchase, in `unit`; 0 if there is one only), `T` (age on `as_of`, in
        `unit`), `mean_sales` (of a repeat purchase, currency; null where x = 0), `n_orders`
        (purchases before they were merged) and `unit`. Eager tables are sorted by customer.

    Raises:
        RetentionError: if `unit` or `grain` is not one of the two, or `observed_from` comes after
            `as_of`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `as_of`, or none by a new customer. A lazy table
            is not worked out here: where only that would show it, there is no row in it.

    Example:
        Ann buys on day 1, 8 (twice) and 22 of the year, Bob once, on day 29.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-08", "2024-01-08", "2024-01-22", "2024-01-29"]
        ...     ),
        ...     "sales": [10.0, 20.0, 10.0, 40.0, 25.0],
        ...     "order_id": ["o1", "o2", "o3", "o4", "o5"],
        ... })
        >>> rt.purchase_summary(orders, as_of="2024-02-05", unit="week")
          customer_id  x  t_x    T  mean_sales  n_orders  unit
        0         Ann  2  3.0  5.0        35.0         4  week
        1         Bob  0  0.0  1.0         NaN         1  week

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting Your Customers" the Easy
        Way, Marketing Science 24(2), 275–284, section 2 (x, t_x, T); Fader, P. S., Hardie,
        B. G. S. and Lee, K. L. (2005), RFM and CLV, Journal of Marketing Research 42(4), 415–430
        (spend per repeat purchase).
    """
    require(transactions, TRANSACTIONS, adds="all")
    window = _window_of_summary(as_of, as_of, unit, grain, observed_from)
    return _counted_purchases(transactions, window, log_at_hand(transactions))


def purchase_counts(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    observed_from: date | str | None,
    log: LogAtHand | None = None,
) -> IntoFrameT:
    """A purchase summary of which nobody reads `mean_sales`, so that currencies do not matter.

    Args:
        transactions: the table.
        as_of: the last observed day.
        observed_from: the first on which a customer may be new.
        log: the lines of the table by sorting, where it has been read already.
    """
    window = _window_of_summary(as_of, as_of, "day", "day", observed_from)
    return _counted_purchases(transactions, window, log or log_at_hand(transactions))


@gives(
    "customer",
    ids("customer_id"),
    whole_numbers("x"),
    numbers("t_x", "T"),
    amounts("mean_sales"),
    whole_numbers("n_orders"),
    constants(texts("unit")),
    whole_numbers("n_holdout"),
    amounts("holdout_sales"),
    numbers("T_holdout"),
)
def split_summary(
    transactions: IntoFrameT,
    *,
    cut: date | str,
    as_of: date | str,
    unit: Unit = "day",
    grain: Unit = "day",
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """What was known of each customer by a day in the past, beside what they bought since.

    Fit on the first, compare with the second: a model that is any good says in the morning what the
    evening shows. All columns but the holdout's are those of `purchase_summary(as_of=cut)`, made
    from orders up to `cut` alone; customers who first bought after it are not in the table.

    Args:
        transactions: a table from `as_transactions`.
        cut: the last day of the calibration period, itself included.
        as_of: the last day of the holdout period, itself included.
        unit: of ages: "day" or "week".
        grain: purchases of one "day" or of one "week" are one. A week that `cut` or `as_of` falls
            into before its Sunday belongs to what comes after.
        observed_from: customers with a purchase before this day are left out.

    Returns:
        One row per customer who bought by `cut`, in the caller's kind: the columns of
        `purchase_summary`, `n_holdout` (days, or weeks, with a purchase after `cut`, up to `as_of`;
        0 where there was none), `holdout_sales` (their sales, currency, 0 where there was none) and
        `T_holdout` (length of the holdout period, in `unit`). Eager tables are sorted by customer.

    Raises:
        RetentionError: if `unit` or `grain` is not one of the two, `cut` does not come before
            `as_of`, or `observed_from` comes after `cut`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `cut`, or none by a new customer. A lazy table
            is not worked out here: where only that would show it, there is no row in it.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob", "Cem"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-22", "2024-02-12", "2024-01-29", "2024-02-19"]
        ...     ),
        ...     "sales": [10.0, 20.0, 40.0, 25.0, 30.0],
        ... })
        >>> days = {"cut": "2024-02-05", "as_of": "2024-02-19"}
        >>> split = rt.repeat_buying.split_summary(orders, unit="week", **days)
        >>> split[["customer_id", "x", "t_x", "T", "n_holdout", "holdout_sales", "T_holdout"]]
          customer_id  x  t_x    T  n_holdout  holdout_sales  T_holdout
        0         Ann  1  3.0  5.0          1           40.0        2.0
        1         Bob  0  0.0  1.0          0            0.0        2.0

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), Marketing Science 24(2), section 5:
        39 weeks of calibration, 39 weeks of holdout.
    """
    window = _window_of_summary(cut, as_of, unit, grain, observed_from)
    if window.cut >= window.last:
        raise RetentionError(
            f"cut is {cut} and `as_of` {as_of}: there is no whole {grain} between them to hold out."
        )
    frame = require(transactions, TRANSACTIONS, alone=True, adds="all")
    rows = _rows_per_customer(_purchase_steps(frame, window), window)
    length = window.age(nw.lit(window.last - window.cut)).alias("T_holdout")
    holdout = nw.col("n_holdout").cast(nw.Int64)
    answer = rows.select(*_columns_of_summary(window), holdout, "holdout_sales", length)
    return _answer_in_kind(answer, transactions, window)


@dataclass(frozen=True, slots=True)
class _Window:
    """Which days or weeks are looked at, by number, and what they are written in.

    Attributes:
        first: the first in which a new customer may start; None if any may.
        cut: the last of what is known.
        last: the last of all.
        until: the last day of all.
        grain: what the numbers count: "day" or "week".
        unit: what ages are written in.
        cut_day: the last day of what is known, as it was said.
        as_of: the last observed day.
    """

    first: int | None
    cut: int
    last: int
    until: int
    grain: str
    unit: str
    cut_day: date
    as_of: date

    @property
    def first_day(self) -> int | None:
        """The first on which a new customer may start, as a number."""
        return None if self.first is None else periods.first_day_number(self.first, self.grain)

    @property
    def holds_out(self) -> bool:
        """Whether something comes after the cut."""
        return self.last > self.cut

    def age(self, steps: nw.Expr) -> nw.Expr:
        """So many days or weeks of the grain, in the unit."""
        if self.grain == self.unit:
            return steps.cast(nw.Float64)
        days = steps * periods.DAYS[self.grain]
        # By a column: Polars takes the division by one number for a multiplication, which rounds.
        return (days / (days * 0 + periods.DAYS[self.unit])).cast(nw.Float64)

    def refuse_nobody(self, log: Log) -> None:
        """Refuse a log in which, by its first and last day, nobody new had bought by the cut."""
        if periods.step_of(log.first, self.grain) > self.cut:
            within = " in a whole week" if self.grain == "week" else ""
            raise ContentError(
                f"Nobody had bought by {self.cut_day}{within}: the first order is of {log.first}."
            )
        if self.first is not None and periods.step_of(log.last, self.grain) < self.first:
            raise ContentError(
                f"`observed_from` leaves nobody: the last order is of {log.last}. "
                "It is the first day on which a customer may have been new."
            )


def _window_of_summary(
    cut: date | str, as_of: date | str, unit: str, grain: str, observed_from: date | str | None
) -> _Window:
    check_choice("unit", unit, list(periods.DAYS))
    check_choice("grain", grain, list(periods.DAYS))
    last, end = periods.as_day(as_of, argument="as_of"), periods.as_day(cut, argument="cut")
    first = None
    if observed_from is not None:
        start = periods.as_day(observed_from, argument="observed_from")
        if start > end:
            raise RetentionError(
                f"`observed_from` is {start}, after {end}: nobody new was observed by then."
            )
        first = periods.whole_periods(start, end, grain).first_step
    known = periods.whole_periods(end, end, grain).last_step
    latest = periods.whole_periods(last, last, grain).last_step
    until = periods.first_day_number(latest + 1, grain) - 1
    return _Window(first, known, latest, until, grain, unit, end, last)


def _purchase_steps(frame: Frame, window: _Window) -> Frame:
    """Each day or week in which a customer bought, for how much, in how many orders."""
    present = frame.collect_schema()
    lines = frame.select(
        "customer_id",
        *(["order_id"] if "order_id" in present else []),
        nw.col("sales").cast(nw.Float64),
        _day=periods.day_expr("date", frame.implementation),
    )
    log = checked_log(lines, "_day", as_of=window.as_of, by_day=True)
    window.refuse_nobody(log)
    log.warn_of_silence(window.as_of, usual=_QUIET_DAYS)
    since = None if window.first_day is None else periods.day_of(window.first_day)
    asked: dict[str, Any] = {"as_of": window.as_of, "since": since, "least": _QUIET_DAYS}
    warn_of_hole(lines, "_day", **asked, then=_HOLE, known=log.by_day)
    orders = purchases(lines.filter(nw.col("_day") <= window.until), "_day", plain=log.only_sales)
    dated = orders.with_columns(
        _step=periods.step_of_number(nw.col("_day"), window.grain), n_orders=nw.lit(1, nw.Int64)
    )
    if window.grain == "day" and "order_id" not in present:
        return dated  # a day is an order
    days = dated.group_by("customer_id", "_step")
    return days.agg(nw.col("sales").sum(), nw.col("n_orders").sum())


def _rows_per_customer(steps: Frame, window: _Window) -> Frame:
    """One row per customer: when they bought first and last, how often, and for how much since."""
    dated = with_first(steps, "customer_id", "_step", "_first")
    known, zero = nw.col("_step") <= window.cut, nw.lit(0.0)
    again = known & (nw.col("_step") > nw.col("_first"))
    sums = {
        "_known": count(known),
        "_again": nw.when(again).then(nw.col("sales")).otherwise(zero),
        "n_orders": nw.when(known).then(nw.col("n_orders")).otherwise(nw.lit(0, nw.Int64)),
    }
    if window.holds_out:
        sums["n_holdout"] = count(~known)
        sums["holdout_sales"] = nw.when(~known).then(nw.col("sales")).otherwise(zero)
    limits = {"_last": nw.when(known).then(nw.col("_step"))}
    rows = dated.with_columns(**sums, **limits).group_by("customer_id")
    answer = rows.agg(
        *(nw.col(name).sum() for name in sums), nw.col("_first").min(), nw.col("_last").max()
    )
    if window.holds_out:
        answer = answer.filter(nw.col("_known") > 0)
    return _new_customers(answer, window)


def _answer_in_kind(answer: Frame, transactions: IntoFrameT, window: _Window) -> IntoFrameT:
    """The answer in the caller's kind; refused if it is at hand and empty."""
    order = ["customer_id"]
    given = in_kind_of(answer, transactions, order=order, keep_type=order)
    if not is_lazy(transactions):
        last = periods.day_of(periods.first_day_number(window.cut + 1, window.grain) - 1)
        refuse_no_customer(len(cast("Sized", given)), last, window.first is not None)
    return given


def refuse_no_customer(n: int, cut: date, observed_from: bool) -> None:
    """Refuse a summary without customers.

    Args:
        n: how many it has.
        cut: the last day that was looked at.
        observed_from: whether older customers were left out.

    Raises:
        ContentError: if there are none.
    """
    if n:
        return
    if observed_from:
        raise ContentError(
            f"`observed_from` leaves nobody: all who bought by {cut} had bought before it too. It "
            "is the first day on which a customer may have been new."
        )
    raise ContentError(
        f"Nobody had bought by {cut}: there are orders up to then, but they are refunds or sum to "
        "less than 0."
    )


@dataclass(frozen=True, slots=True)
class LogAtHand:
    """Order lines that can be summed up by sorting.

    Attributes:
        lines: their customers, days and orders as numbers.
        names: the customers' ids, where they are no numbers.
        engine: of the table.
    """

    lines: Lines
    names: Numbered | None
    engine: nw.Implementation


def log_at_hand(transactions: object) -> LogAtHand | None:
    """The lines of a table at hand as numbers, each text hashed once; None where they have none."""
    if is_lazy(transactions):
        return None
    frame = require(transactions, TRANSACTIONS, alone=True, by_row=True, adds="none")
    numbers = _numbers_of_named_ids(frame) if is_at_hand(transactions) else {}
    ids = [name for name in ("customer_id", "order_id") if name in frame.collect_schema()]
    read = frame.select(*(name for name in ids if name not in numbers), "date", "sales")
    if not all(read.collect_schema()[name].is_integer() for name in ids if name not in numbers):
        return None
    known = {name: each.number for name, each in numbers.items()}
    lines = lines_for_sorting(collect(read) | known)
    if lines is None:
        return None
    return LogAtHand(lines, numbers.get("customer_id"), frame.implementation)


def _numbers_of_named_ids(frame: Frame) -> dict[str, Numbered]:
    """Ids of text as numbers, as far as none is missing."""
    schema = frame.collect_schema()
    ids = [name for name in ("customer_id", "order_id") if isinstance(schema.get(name), nw.String)]
    if not ids:
        return {}
    table = rows_at_hand(frame.select(*ids))
    found = {name: numbers_of_values(table[name], ordered=name != "order_id") for name in ids}
    return {name: each for name, each in found.items() if each and not each.has_missing}


def _counted_purchases(
    transactions: IntoFrameT, window: _Window, log: LogAtHand | None
) -> IntoFrameT:
    """The purchases of each customer, by sorting where that is possible, else by the engine."""
    rows = None if log is None else _counts_by_sorting(log, window, transactions)
    if rows is None:
        frame = require(transactions, TRANSACTIONS, alone=True, adds="none")
        rows = _rows_per_customer(_purchase_steps(frame, window), window)
    return _answer_in_kind(rows.select(*_columns_of_summary(window)), transactions, window)


def _counts_by_sorting(log: LogAtHand, window: _Window, like: object) -> Frame | None:
    """The same without an engine, where that is possible: see `summary_by_sorting`."""
    lines = log.lines
    if lines.log.first > window.as_of or int(lines.day.min()) > window.until:
        return None  # an engine says what is wrong
    window.refuse_nobody(lines.log)
    found = summary_by_sorting(lines, until=window.until, grain=window.grain)
    if found is None:
        return None
    lines.log.warn_of_silence(window.as_of, usual=_QUIET_DAYS)
    days, n, customers = lines.by_day(window.first_day, window.until)
    tell_of_hole(hole_among(days, n, customers, least=_QUIET_DAYS), then=_HOLE)
    if log.names is not None:
        named = {"customer_id": log.names.named(found["customer_id"].astype(np.int64))}
        return _new_customers(frame_at_hand({**found, **named}, log.engine), window)
    return _new_customers(as_lazy(table_like(found, cast("Any", like)), by_row=True), window)


def _new_customers(rows: Frame, window: _Window) -> Frame:
    """The customers who were new under observation."""
    return rows if window.first is None else rows.filter(nw.col("_first") >= window.first)


def _columns_of_summary(window: _Window) -> list[nw.Expr]:
    """The columns of the answer."""
    x = (nw.col("_known") - 1).cast(nw.Int64)
    age = window.age(nw.col("_last") - nw.col("_first"))
    observed = window.age(window.cut - nw.col("_first"))
    mean = nw.when(x > 0).then(nw.col("_again") / x.cast(nw.Float64))
    return [
        nw.col("customer_id"),
        x.alias("x"),
        age.alias("t_x"),
        observed.alias("T"),
        mean.alias("mean_sales"),
        nw.col("n_orders").cast(nw.Int64),
        nw.lit(window.unit).alias("unit"),
    ]

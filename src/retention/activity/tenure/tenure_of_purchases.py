"""What customers brought in each period of their own tenure, from orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.activity.tenure.tenure_ages import (
    Ages,
    Length,
    age_of_day,
    check_length,
    columns_of_tenure,
    n_where,
    segment_texts,
    starts_with_whole_ages,
    warn_of_customers_left_out,
    with_ages_observed,
)
from retention.errors import YOURS, RetentionError
from retention.frames import AFTER_ALL, Frame, beside, in_kind_of
from retention.log_holes import warn_of_hole
from retention.orders import Log, Together, checked_log, net_sum, netted_orders
from retention.tables import (
    TENURE,
    TRANSACTIONS,
    Column,
    Kind,
    refuse_other_ids,
    refuse_several_each,
    require,
    segments,
    typed_as,
)
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

TRUE_STARTS = Kind(
    "started",
    "a customer whose relationship began before the log",
    YOURS,
    (
        Column("customer_id", "id", "who bought"),
        Column("start", "time", "the first day of the relationship"),
    ),
)

_NEVER, _NOT_TOLD = 10_000_000, -10_000_000
"""In place of the day of what is not known, later than any other."""

_QUIET = {"month": 3, "quarter": 9, "year": 36}
"""Days without an order, a tenth of the period, that are never worth a warning."""

_HOLE = {"month": 15, "quarter": 30, "year": 60}
"""Days without an order that take something from an age."""


@gives(TENURE)
def tenure_periods(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    length: Length,
    observed_from: date | str | None = None,
    started: IntoFrameT | None = None,
    by: str | Sequence[str] = (),
) -> IntoFrameT:
    """What each customer brought in the first year with us, in the second, and so on.

    Ages are counted from the customer's own start, the day of the first purchase: with L the
    length, age k runs from the start + (k−1) L to the day before the start + k L, on the same day
    of the month or the last of a shorter one. Calendar years would make the first year of everybody
    half a year on average, and a customer who always brings the same would seem to grow.

    An age is given once it is over, `as_of` included, for everybody who began early enough, gone or
    not: `n_complete` says how many are over for a customer and hangs on the start alone. What is a
    purchase, `customer_periods` says; refunds lower `sales` and `profit` at the age at which they
    are made, and lines before the first purchase are not looked at.

    Who was `here` at an age bought something in it. That is a look back: a customer who pauses for
    a year is not here in it, and may come back. Only what is counted per customer won is free of
    it. In the last year of a customer who leaves, purchases stop at some day of it; contracts know
    that day, orders do not.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        length: of a period of tenure: "month", "quarter" or "year".
        observed_from: the first day from which a first order is a first order: of a log that was
            cut at the front, some time after it begins. Customers who bought before are left out,
            and a warning counts them, unless `started` knows them. Default: the log is whole.
        started: a table of `customer_id` and `start`, of the same kind as `transactions`: the true
            first day of everybody whose relationship began before `observed_from`, gone or not. Of
            them the ages count that opened on that day or later. If it holds only those who were
            still there, what is counted per customer won is too high.
        by: columns of the transactions whose value at the start is wanted (channel, region …), so
            that a customer stays in one segment: that of the day of the first purchase, the
            smallest known one of several; "(missing)" where none is known.

    Returns:
        One row per customer and age in which there was any order, and one for the first age that
        was observed, in the caller's kind: `customer_id`, the `by` columns, `start`, `age` (1, 2,
        …), `n_orders` (purchases), `sales` and `profit` (net sums, in currency; profit null where
        the transactions have none), `here` (bought in it), the constants of the customer
        `first_age` (1, or a later one of who began before `observed_from`) and `n_complete`, and
        `length`. Eager tables are sorted by customer and age.

    Raises:
        RetentionError: if `length` is none of the three, `observed_from` comes after `as_of`, or
            `started` is given without it.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no order up to `as_of`, nobody's first age was over by then, or a
            customer brought money in several currencies.

    Example:
        Ann's second year begins on 15 May 2023. Bob's third is not over.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob", "Bob"],
        ...     "date": pd.to_datetime(
        ...         ["2022-05-15", "2023-05-14", "2023-05-15", "2022-01-31", "2024-02-01"]
        ...     ),
        ...     "sales": [10.0, 20.0, 5.0, 40.0, 50.0],
        ... })
        >>> tenure = rt.activity.tenure_periods(orders, as_of="2024-06-30", length="year")
        >>> tenure[["customer_id", "age", "n_orders", "sales", "here", "n_complete"]]
          customer_id  age  n_orders  sales  here  n_complete
        0         Ann    1         2   30.0  True           2
        1         Ann    2         1    5.0  True           2
        2         Bob    1         1   40.0  True           2

    Source:
        Reichheld, F. F. (1996), The Loyalty Effect, chapter 2: profit by year of tenure.
    """
    check_length(length)
    names = segments(by, TRANSACTIONS)
    segments(names, TENURE)
    ages = Ages(length, *periods.observed_days(as_of, observed_from))
    frame = require(transactions, TRANSACTIONS, extra=names, alone=True)
    refuse_several_each(frame, TRANSACTIONS, names)
    origins = _origins_by_customer(frame, started, ages)
    lines = _lines_with_segments(frame, names)
    log = _look_at_log(lines, ages)
    orders = _orders_by_then(lines, log, names, ages)
    starts = _starts_by_purchase(orders, origins, names)
    known = starts_with_whole_ages(with_ages_observed(_known_starts(starts, ages), ages), ages)
    rows = _orders_by_age(orders, known, names, ages, empty=origins is not None)
    order = ["customer_id", "age"]
    answer = columns_of_tenure(rows, names, ages)
    return in_kind_of(answer, transactions, order=order, keep_type=("customer_id",))


def _origins_by_customer(frame: Frame, started: object | None, ages: Ages) -> Frame | None:
    """The earliest day that `started` names for each customer, `_NOT_TOLD` if it names none."""
    if started is None:
        return None
    if ages.since is None:
        raise RetentionError(
            "`started=` says since when customers had been buying as the log began: "
            "say `observed_from=` as well."
        )
    given = require(started, TRUE_STARTS)
    refuse_other_ids(frame, given, ("transactions", "started"))
    named = typed_as(beside(frame, started, name="started"), given)
    table = named.filter(~nw.col("customer_id").is_null())
    day = periods.day_expr("start", table.implementation).cast(nw.Float64)
    dated = table.select("customer_id", _origin=nw.when(~nw.col("start").is_null()).then(day))
    begun = dated.group_by("customer_id").agg(nw.col("_origin").min())
    return begun.with_columns(nw.col("_origin").fill_null(_NOT_TOLD).cast(nw.Int64))


def _lines_with_segments(frame: Frame, by: Sequence[str]) -> Frame:
    """The lines with the number of their day, segments as text, amounts as floats."""
    schema = frame.collect_schema()
    return frame.select(
        "customer_id",
        *(["order_id"] if "order_id" in schema else []),
        *(nw.col(name).cast(nw.Float64) for name in ("sales", "profit") if name in schema),
        *segment_texts(by, schema),
        _day=periods.day_expr("date", frame.implementation),
    )


def _look_at_log(lines: Frame, ages: Ages) -> Log:
    """What one look at the lines tells, with warnings of silence and of holes."""
    log = checked_log(lines, "_day", as_of=ages.until, by_day=True)
    log.warn_of_silence(ages.until, usual=_QUIET[ages.length])
    then = (
        f"the {ages.length}s that it lies in bring too little: add what lacks, or say "
        "`observed_from='{since}'`."
    )
    asked: dict[str, Any] = {"as_of": ages.until, "since": ages.since, "least": _HOLE[ages.length]}
    warn_of_hole(lines, "_day", **asked, then=then, known=log.by_day)
    return log


def _orders_by_then(lines: Frame, log: Log, by: Sequence[str], ages: Ages) -> Frame:
    """The orders up to the last observed day."""
    seen = lines.filter(nw.col("_day") <= periods.number_of(ages.until))
    present = lines.collect_schema().names()
    amounts = [name for name in ("sales", "profit") if name in present]
    keep = Together(least=tuple(by))
    return netted_orders(seen, "_day", amounts=amounts, keep=keep, plain=log.only_sales)


def _starts_by_purchase(orders: Frame, origins: Frame | None, by: Sequence[str]) -> Frame:
    """Each customer's first purchase (`_first`), segments then, and what `started` says."""
    bought = orders.filter(nw.col("_bought") == 1)
    first = bought.group_by("customer_id").agg(nw.col("_day").min().alias("_first"))
    if by:
        there = bought.join(first, on="customer_id", how="inner")
        there = there.filter(nw.col("_day") == nw.col("_first"))
        least = [nw.col(name).min() for name in by]
        first = there.group_by("customer_id", "_first").agg(*least)
    never = nw.lit(_NEVER).cast(nw.Int64)
    mine = first.with_columns(nw.col("_first").cast(nw.Int64), _origin=never)
    if origins is None:
        return mine
    # Somebody may be in one of the two alone: nothing is joined that may lack.
    texts = dict.fromkeys(by, nw.lit(AFTER_ALL))
    others = origins.with_columns(nw.col("_origin").cast(nw.Int64), _first=never, **texts)
    columns = ["customer_id", *by, "_first", "_origin"]
    both = nw.concat([mine.select(columns), others.select(columns)])
    return both.group_by("customer_id").agg(*(nw.col(name).min() for name in columns[1:]))


def _known_starts(starts: Frame, ages: Ages) -> Frame:
    """The customers whose start is known, with the day of it (`_start`)."""
    first, origin = nw.col("_first"), nw.col("_origin")
    if ages.since is None:
        return starts.with_columns(_start=first).drop("_first", "_origin")
    after = (origin < _NEVER) & (origin > first)
    untold = (origin == _NEVER) & (first < periods.number_of(ages.since))
    early = untold | (origin == _NOT_TOLD)
    warn_of_customers_left_out(
        n_where(starts, early),
        f"they bought before {ages.words_of_since}, or `started=` names no day, and when they "
        "began is not known. Give `started=` with their true starts if you know them.",
    )
    warn_of_customers_left_out(
        n_where(starts, after), "by `started=` they began after their first order. Correct it."
    )
    start = nw.when(origin < _NEVER).then(origin).otherwise(first)
    known = starts.filter(~(after | early)).with_columns(_start=start)
    return known.drop("_first", "_origin")


def _orders_by_age(
    orders: Frame, starts: Frame, by: Sequence[str], ages: Ages, *, empty: bool
) -> Frame:
    """The orders of each customer and age together; a first age may be `empty`."""
    keys = ["customer_id", *by, "_start", "first_age", "n_complete", "age"]
    rows = orders.drop(*by).join(starts, on="customer_id", how="inner")
    rows = rows.filter(nw.col("_day") >= nw.col("_start"))
    after = rows.with_columns(_after=periods.date_expr(nw.col("_day") + 1, rows.implementation))
    aged = after.with_columns(age=age_of_day("_after", ages).cast(nw.Int64))
    seen = aged.filter(nw.col("age") >= nw.col("first_age"), nw.col("age") <= nw.col("n_complete"))
    present = seen.collect_schema().names()
    lowest = [name for name in present if name.startswith("_least_")]
    money = [name for name in ("sales", "profit") if name in present]
    if empty:
        blank = starts.with_columns(
            nw.col("first_age").alias("age"),
            nw.lit(0).cast(nw.Int64).alias("_bought"),
            *(nw.lit(0.0).alias(name) for name in (*money, *lowest)),
        )
        columns = [*keys, "_bought", *money, *lowest]
        seen = nw.concat([seen.select(columns), blank.select(columns)])
    sums = [nw.col(name).sum() for name in ("_bought", *money)]
    found = seen.group_by(*keys).agg(*sums, *(nw.col(name).min() for name in lowest))
    net = [net_sum(name.removeprefix("_least_"), name) for name in lowest]
    return found.with_columns(*net, n_orders=nw.col("_bought"), _here=nw.col("_bought"))

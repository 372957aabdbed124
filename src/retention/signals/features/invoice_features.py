"""Who pays late or questions the bill: a customer's invoices as of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.frames import count
from retention.signals.known.known_sums import ONE, Span, Told, known_sums, with_moments
from retention.signals.known.open_by_then import later_of, oldest_open
from retention.signals.known.seen_by_then import (
    DAY,
    KEYS,
    asked_and_log,
    count_or_nought,
    features_made,
    rows_by_then,
    with_day_numbers,
    with_features,
)
from retention.tables import INVOICES
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame
    from retention.signals.known.seen_by_then import Asked


_MADE = ("n_overdue", "days_overdue", "n_due", "late_payment_share", "n_queried")
_DATES = {"_date": "date", "_known": "known", "_due": "due", "_paid": "paid", "_asked": "queried"}


@gives("a customer on a day, with features", *features_made(*_MADE))
def invoice_features(
    snapshots: IntoFrameT,
    invoices: IntoFrameT,
    *,
    window: int,
    observed_from: date | str | None = None,
    suffix: str = "",
) -> IntoFrameT:
    """What each customer owed and had paid late by a day, and which bills they had questioned.

    Of day a, over the invoices of more than 0 that were issued and known by then:

        n_overdue          = those of which `due` lies before a and that were not paid by a,
        days_overdue       = a − the earliest `due` among these, 0 where there is none,
        n_due              = those of which the day after `due` falls on (a − window, a],
        late_payment_share = those among them not paid by the evening of `due` / n_due,
        n_queried          = those that the customer questioned on (a − window, a].

    An invoice that was paid after a is open on a. What is overdue counts however old it is; the
    share is of those that came due in the window, so that it can fall again. Credit notes are no
    bills and count nowhere.

    Args:
        snapshots: a table of `snapshots` or `contract_snapshots`.
        invoices: a table from `as_invoices`, of the same kind.
        window: days of the window that ends on the day, itself included, 1 or more.
        observed_from: the first day of which the table has invoices, where there were some before
            it, too: a window that begins earlier was not seen whole, and what is asked of it is
            null. Default: all that ever were are in it.
        suffix: what the names of the features end with, so that several windows can stand beside
            one another.

    Returns:
        The snapshots, in the caller's kind, with `n_overdue`, `days_overdue` (days), `n_due`,
        `late_payment_share` (null where nothing was due) and `n_queried` (null where the invoices
        do not say it). With `observed_from`, the first two are of the invoices seen. Eager tables
        are sorted by customer and day.

    Raises:
        RetentionError: if `window` is no whole number of days.
        ColumnError: if a column is missing, of the wrong type, or a feature is there already.
        ContentError: if a snapshot lacks its customer or day.
        TableError: if the two are different kinds of table.

    Example:
        On 1 March one invoice of Ann was paid two days late, one is four days overdue (its payment
        on the 3rd is not known yet), and one is not due yet.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.DataFrame({"customer_id": ["Ann"], "as_of": pd.to_datetime(["2024-03-01"])})
        >>> invoices = pd.DataFrame({
        ...     "customer_id": ["Ann"] * 3,
        ...     "date": pd.to_datetime(["2024-01-10", "2024-01-26", "2024-02-20"]),
        ...     "due": pd.to_datetime(["2024-02-09", "2024-02-26", "2024-03-20"]),
        ...     "paid": pd.to_datetime(["2024-02-11", "2024-03-03", None]),
        ...     "amount": [50.0, 60.0, 70.0],
        ... })
        >>> found = rt.signals.invoice_features(days, invoices, window=30)
        >>> found[["n_overdue", "days_overdue", "n_due", "late_payment_share"]]
           n_overdue  days_overdue  n_due  late_payment_share
        0        1.0           4.0    2.0                 1.0

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: late
        payment and queried invoices as signs of coming defection.
    """
    said = (window, observed_from, suffix)
    asked, log = asked_and_log(snapshots, invoices, INVOICES, _MADE, said)
    found = _bills_as_they_stood(asked, _dated_bills(log))
    n_due, n_queried = count_or_nought("_fell_due"), count_or_nought("_queried")
    if "queried" not in log.collect_schema().names():
        n_queried = nw.lit(None, dtype=nw.Float64)
    late_share = nw.when(n_due > 0).then(count_or_nought("_late") / n_due)
    features = {
        "n_overdue": count_or_nought("_overdue"),
        "days_overdue": count_or_nought("_since"),
        "n_due": asked.seen(n_due),
        "late_payment_share": asked.seen(late_share),
        "n_queried": asked.seen(n_queried),
    }
    return with_features(asked, [found], features, snapshots)


def _bills_as_they_stood(asked: Asked, bills: Frame) -> Frame:
    """How many of each customer's bills were overdue, had come due, were late and were queried."""
    due, paid, known = nw.col("_due"), nw.col("_paid"), nw.col("_enters")
    rows = with_moments(bills, window=asked.window).with_columns(
        _one=ONE,
        _is_late=count(paid.is_null() | (paid > due)),
        _overdue_from=later_of(due + 1, known),
        _due_no_more=due + 1 + asked.window,
        _asked_from=later_of(nw.col("_asked"), known),
        _asked_no_more=nw.col("_asked") + asked.window,
    )
    spans = (
        Span("_overdue", "_one", "_overdue_from", "_paid"),
        Span("_fell_due", "_one", "_overdue_from", "_due_no_more"),
        Span("_late", "_is_late", "_overdue_from", "_due_no_more"),
        Span("_queried", "_one", "_asked_from", "_asked_no_more"),
    )
    told = [Told(rows, spans), _oldest_in_time(rows.filter(known <= due + 1))]
    found = known_sums(asked.rows.select(*KEYS), told)
    late = _days_overdue_of_late(asked, rows.filter(known > due + 1))
    since = nw.when(nw.col("_n_open") > 0).then(DAY - nw.col("_oldest")).otherwise(nw.lit(0))
    both = found.join(late, on=list(KEYS), how="left").with_columns(_since=since.cast(nw.Float64))
    longer = nw.col("_since_late") > nw.col("_since")
    return both.with_columns(_since=nw.when(longer).then("_since_late").otherwise("_since"))


def _oldest_in_time(bills: Frame) -> Told:
    """The earliest due day of what was overdue, of bills that were known by their due day."""
    return oldest_open(bills, age="_due", value="_due", start="_overdue_from", end="_paid")


def _days_overdue_of_late(asked: Asked, bills: Frame) -> Frame:
    """How long what was overdue had been so, of the few bills that were learnt of only then."""
    open_then = nw.col("_paid").is_null() | (nw.col("_paid") > DAY)
    dated = bills.select("customer_id", "_date", "_due", "_paid", _known=nw.col("_enters"))
    beside_days = rows_by_then(asked, dated).filter(open_then)
    since = beside_days.with_columns(_since_late=DAY - nw.col("_due"))
    return since.group_by(*KEYS).agg(nw.col("_since_late").max())


def _dated_bills(log: Frame) -> Frame:
    """The invoices of more than 0 with their days as numbers."""
    there = log.collect_schema().names()
    bills = with_day_numbers(log.filter(nw.col("amount") > 0), _DATES)
    if "queried" not in there:
        bills = bills.with_columns(_asked=nw.lit(None, dtype=nw.Float64))
    names = [name for name, column in _DATES.items() if column in there or name == "_asked"]
    return bills.filter(~nw.col("_date").is_null()).select("customer_id", *names)

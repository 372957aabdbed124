"""What was open on a day, such as an unpaid bill: from when until when, and since when the oldest.

An open matter is a span of days, so that it is counted in the one pass of `known_sums`. The oldest
of them is asked for by spans, too: each counts from the day on which all older ones are closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.signals.known.known_sums import ONE, Span, Told

if TYPE_CHECKING:
    from retention.frames import Frame

FAR = 10**9
"""A day that is never asked for."""


def later_of(day: nw.Expr, known: nw.Expr) -> nw.Expr:
    """A day, or that on which it was known, if that is later; null where there is no such day."""
    in_time = nw.when(~day.is_null()).then(known)
    return nw.when(day > known).then(day).otherwise(in_time)


def earlier_of(day: nw.Expr, end: nw.Expr) -> nw.Expr:
    """A day, or an end that comes sooner; the end where there is no such day."""
    return nw.when(day < end).then(day).otherwise(end)


def oldest_open(rows: Frame, *, age: str, value: str, start: str, end: str) -> Told:
    """The value of the oldest matter that was open: `_oldest`, and whether one was: `_n_open`.

    Args:
        rows: `customer_id` and the columns that are named, all of whole numbers.
        age: what grows from the oldest to the youngest; an older one is open no later than a
            younger one.
        value: what is asked of the oldest, the less the older.
        start: the first day on which it is open.
        end: the first on which it no longer is; null if it is for good.
    """
    named = rows.select(
        "customer_id",
        _age=nw.col(age),
        _oldest=nw.col(value),
        _opens=nw.col(start),
        _closes=nw.col(end).fill_null(FAR),
    )
    each = named.group_by("customer_id", "_age").agg(
        nw.col("_oldest").min(), nw.col("_opens").min(), nw.col("_closes").max()
    )
    for name, so_far in (
        ("_reached", nw.col("_closes").cum_max()),
        ("_before", nw.col("_reached").shift(1)),
    ):
        each = each.with_columns(so_far.over("customer_id", order_by="_age").alias(name))
    alone = later_of(nw.col("_opens"), nw.col("_before").fill_null(-FAR))
    told = each.with_columns(
        _one=ONE, _oldest=nw.col("_oldest").cast(nw.Int64), _opens=alone.cast(nw.Int64)
    )
    spans = (
        Span("_n_open", "_one", "_opens", "_closes"),
        Span("_oldest", "_oldest", "_opens", "_closes"),
    )
    return Told(told, spans)

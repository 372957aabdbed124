"""The days on which customers bought: what spells of purchases and `gap_table` are made from."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError, RetentionWarning
from retention.frames import Frame, one_row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

NOISE = 1e-9
"""As in `activity.purchases`: a total counts as 0 within this share of its gross amount."""

QUIET_DAYS = 7
"""A log that falls silent no longer than this before `as_of` is not worth a warning."""


def purchase_days(transactions: Frame, *, as_of: date, keep: Mapping[str, nw.Expr]) -> Frame:
    """Each day up to `as_of` on which a customer bought: some order of that day is a purchase.

    An order is the lines of one customer with one `order_id` on one day (without order ids: the
    lines of one customer on one day); it is a purchase if its sales do not sum to less than 0.

    Args:
        transactions: checked order lines.
        as_of: the last observed day.
        keep: attributes to carry along; of several values on a day, the smallest.

    Returns:
        `customer_id`, `_day` (days since 1970-01-01) and the `keep` columns, one row a customer and
        day.

    Raises:
        ContentError: if there is no order up to `as_of`, or nothing but refunds.
    """
    lines = _numbered(transactions, keep)
    plain = _only_sales(lines, as_of)
    lines = lines.filter(nw.col("_day") <= periods.number_of(as_of))
    names = list(keep)
    bought = lines if plain else _purchases(lines, names)
    if not names:
        return bought.select("customer_id", "_day").unique()
    return bought.group_by("customer_id", "_day").agg(*(nw.col(name).min() for name in names))


def _numbered(transactions: Frame, keep: Mapping[str, nw.Expr]) -> Frame:
    schema = transactions.collect_schema()
    return transactions.select(
        "customer_id",
        *(["order_id"] if "order_id" in schema else []),
        nw.col("sales").cast(nw.Float64),
        **keep,
        _day=periods.day_expr("date", transactions.implementation),
    )


def _purchases(lines: Frame, keep: list[str]) -> Frame:
    """The orders that are purchases, once refunds are netted within each order."""
    order = ["order_id"] if "order_id" in lines.collect_schema() else []
    orders = (
        lines.with_columns(_gross=nw.col("sales").abs())
        .group_by("customer_id", *order, "_day")
        .agg(nw.col("sales").sum(), nw.col("_gross").sum(), *(nw.col(n).min() for n in keep))
    )
    return orders.filter(nw.col("sales") >= nw.col("_gross") * -NOISE)


def _only_sales(lines: Frame, as_of: date) -> bool:
    """Whether no line is a refund, once one look at the log found it fit to be used."""
    found = one_row(
        lines.select(
            nw.len().alias("n"),
            nw.col("_day").min().alias("first"),
            nw.col("_day").max().alias("last"),
            nw.col("sales").min().alias("least"),
            nw.col("sales").max().alias("most"),
        )
    )
    if not found["n"]:
        raise ContentError("transactions is empty: there is no order to start a spell.")
    first = periods.day_of(found["first"])
    if first > as_of:
        raise ContentError(
            f"as_of is {as_of}, but the first order is of {first}: nothing was observed by then."
        )
    if found["most"] < 0:
        raise ContentError("transactions holds refunds only: no purchase starts a spell.")
    _warn_of_silence(found, as_of)
    return bool(found["least"] >= 0)


def _warn_of_silence(found: dict[str, Any], as_of: date) -> None:
    """Warn when the log fell silent before `as_of` for longer than chance allows at its pace."""
    last = periods.day_of(found["last"])
    silent = (as_of - last).days
    pace = (found["last"] - found["first"]) / max(found["n"] - 1, 1)
    if silent > max(QUIET_DAYS, pace * (math.log(found["n"]) + 5)):
        warnings.warn(
            f"The last order is of {last}, {silent} days before as_of {as_of}: if the data end "
            "there, that silence looks like churn. Set as_of to the last day the data cover.",
            RetentionWarning,
            stacklevel=5,
        )

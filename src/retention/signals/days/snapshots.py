"""Who was there on a day: the customers that a warning could have been about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ContentError, RetentionError
from retention.frames import Frame, in_kind_of, one_row, with_first
from retention.periods import whole_days
from retention.signals.days.asked_days import asked_days, rows_of_days
from retention.spells.days import purchase_days
from retention.tables import TRANSACTIONS, require
from retention.tables.answer_columns import gives, ids, numbers, times

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.signals.days.asked_days import Days


@gives("a customer on a day", ids("customer_id"), times("as_of"), numbers("tenure", unit="days"))
def snapshots(
    transactions: IntoFrameT,
    *,
    dates: date | str | Sequence[date | str],
    active_within: int,
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """The customers of each day, who had bought in the `active_within` days up to it.

    A customer is in the table of day a if some purchase falls on a − active_within + 1 … a. It is
    the row to which labels (`label_silence`) and what was known that day (`purchase_features`) are
    added, and exactly whom `backtest_purchases(cuts=a, within=active_within)` scores. Customers who
    have been silent for longer are not in it: that they stay silent is easy to say. Nothing after a
    decides who is in its rows, nor what stands there. With d₁ the first purchase,

        tenure = a − d₁.

    Args:
        transactions: a table from `as_transactions`.
        dates: the days, one or several, in any order. A day named twice is one.
        active_within: days of silence after which a customer is no longer asked about, 1 or more.
        observed_from: where the log was cut at the front: customers with a purchase before this day
            were not new, so that their start was not seen and their tenure is null; see
            `purchase_summary`. Default: all are new.

    Returns:
        One row per customer and day, in the caller's kind: `customer_id`, `as_of` (the day),
        `tenure` (days since the first purchase, null where the start was not seen). Eager tables
        are sorted by customer and day.

    Raises:
        RetentionError: if there is no day in `dates`, `active_within` is no whole number of days
            above 0, or `observed_from` comes after the first of `dates`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if a day lies before the first order, or so far behind the last one that
            nobody had bought within `active_within` days; or if there are refunds only.

    Example:
        Ann bought on 1 and 11 January, Bob on the 20th. On the 31st Ann has been silent for 20
        days, which is within 30; ten days later she no longer is.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-20"]),
        ...     "sales": [10.0, 20.0, 30.0],
        ... })
        >>> rt.signals.snapshots(orders, dates=["2024-01-20", "2024-02-10"], active_within=30)
          customer_id      as_of  tenure
        0         Ann 2024-01-20    19.0
        1         Bob 2024-01-20     0.0
        2         Bob 2024-02-10    21.0

    Source:
        Landmarks: van Houwelingen, H. C. and Putter, H. (2012), Dynamic Prediction in Clinical
        Survival Analysis, chapter 2. Many days rather than one: Gattermann-Itschert, T. and
        Thonemann, U. W. (2022), European Journal of Operational Research (multi-slicing).
    """
    active = whole_days(active_within, argument="active_within", least=1)
    days = asked_days(dates)
    first = _first_observed(observed_from, days)
    frame = require(transactions, TRANSACTIONS, adds="none")
    _refuse_days_off_the_log(frame, days, active)
    last = periods.day_of(int(days[-1]))
    bought = purchase_days(frame, as_of=last, keep={}, argument="dates")
    dated = with_first(bought, "customer_id", "_day", "_first")
    rows = rows_of_days(_stays_active(dated, active), days)
    tenure = nw.when(nw.col("_first") >= first).then(nw.col("_day") - nw.col("_first"))
    answer = rows.select(
        "customer_id",
        periods.date_expr(nw.col("_day"), rows.implementation).alias("as_of"),
        tenure.cast(nw.Float64).alias("tenure"),
    )
    return in_kind_of(
        answer, transactions, order=["customer_id", "as_of"], keep_type=["customer_id"]
    )


def _first_observed(observed_from: date | str | None, days: Days) -> int:
    """The day from which on a first purchase is taken for the first ever, as a number."""
    if observed_from is None:
        return -(10**9)
    first = periods.as_day(observed_from, argument="observed_from")
    if periods.number_of(first) > int(days[0]):
        raise RetentionError(
            f"`observed_from` is {first}, after the first of `dates`, "
            f"{periods.day_of(int(days[0]))}: nothing was observed by then."
        )
    return periods.number_of(first)


def _refuse_days_off_the_log(frame: Frame, days: Days, active: int) -> None:
    """Refuse days before the first order, and those on which nobody can have been active."""
    day = periods.day_expr("date", frame.implementation)
    found = one_row(frame.select(first=day.min(), last=day.max()))
    if found["first"] is None:
        return  # an empty log is refused as one
    first, last = int(found["first"]), int(found["last"])
    if days[0] < first:
        raise ContentError(
            f"`dates` names {periods.day_of(int(days[0]))}, but the first order is of "
            f"{periods.day_of(first)}: nothing was observed by then."
        )
    if days[-1] >= last + active:
        raise ContentError(
            f"`dates` names {periods.day_of(int(days[-1]))}, but the last order is of "
            f"{periods.day_of(last)}: nobody bought in the {active:,} days up to it. Name earlier "
            "days, or a longer `active_within`."
        )


def _stays_active(bought: Frame, active: int) -> Frame:
    """Each purchase, and the first day (`_until`) on which it is not the last or is too old."""
    following = nw.col("_day").shift(-1).over("customer_id", order_by="_day")
    end = nw.col("_day") + active
    later = bought.with_columns(_next=following.fill_null(10**9).cast(nw.Int64), _end=end)
    until = nw.when(nw.col("_next") < nw.col("_end")).then(nw.col("_next")).otherwise("_end")
    return later.select("customer_id", "_first", _from=nw.col("_day"), _until=until)

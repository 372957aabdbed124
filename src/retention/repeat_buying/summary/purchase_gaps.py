"""Purchase summaries with the gaps between purchases: what tells how regularly customers buy."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import RetentionWarning
from retention.frames import beside, in_kind_of
from retention.repeat_buying.summary.purchase_summary import Unit, purchase_summary
from retention.spells.days import purchase_days
from retention.tables import PURCHASE_SUMMARY, TRANSACTIONS, require
from retention.tables.answer_columns import gives, numbers

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT


@gives("customer", PURCHASE_SUMMARY.columns, numbers("log_gaps"))
def summary_with_gaps(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    unit: Unit = "day",
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """A purchase summary that also tells how regularly each customer buys.

    With g₁ … gₓ the gaps between the days on which the customer bought,

        log_gaps = log g₁ + … + log gₓ.

    Beside x and t_x it is all that a model of regular buyers wants of the gaps: of gaps with one
    sum, those that are alike have the largest sum of logs, x log(t_x / x).

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        unit: of ages and gaps: "day" or "week".
        observed_from: customers with a purchase before this day are left out; see
            `purchase_summary`.

    Returns:
        The columns of `purchase_summary`, one row per customer, in the caller's kind, and
        `log_gaps` (sum of the natural logs of the gaps in `unit`; 0 where x = 0). Eager tables are
        sorted by customer.

    Raises:
        as `purchase_summary`.

    Example:
        Ann's gaps are 7 and 14 days, and log 7 + log 14 = log 98 = 4.585; Bob came once.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-08", "2024-01-22", "2024-01-29"]),
        ...     "sales": [10.0, 20.0, 40.0, 25.0],
        ... })
        >>> summary = rt.repeat_buying.summary_with_gaps(orders, as_of="2024-02-05")
        >>> summary[["customer_id", "x", "t_x", "T", "log_gaps"]].round(3)
          customer_id  x   t_x     T  log_gaps
        0         Ann  2  21.0  35.0     4.585
        1         Bob  0   0.0   7.0     0.000

    Source:
        Reutterer, T., Platzer, M. and Schröder, N. (2021), International Journal of Research in
        Marketing 38(1), 194–215: the likelihood of their model.
    """
    summary = purchase_summary(transactions, as_of=as_of, unit=unit, observed_from=observed_from)
    frame = require(transactions, TRANSACTIONS, alone=True, adds="none")
    with warnings.catch_warnings():  # the summary has said it
        warnings.simplefilter("ignore", RetentionWarning)
        days = purchase_days(frame, as_of=periods.as_day(as_of, argument="as_of"), keep={})
    before = nw.col("_day").shift(1).over("customer_id", order_by="_day")
    gaps = days.with_columns(_gap=(nw.col("_day") - before).cast(nw.Float64))
    gaps = gaps.filter(~nw.col("_gap").is_null())
    each = gaps.with_columns(log_gaps=(nw.col("_gap") / periods.DAYS[unit]).log())
    sums = each.group_by("customer_id").agg(nw.col("log_gaps").sum())
    joined = beside(sums, summary, name="summary").join(sums, on="customer_id", how="left")
    names = [column.name for column in PURCHASE_SUMMARY.columns]
    answer = joined.select(*names, nw.col("log_gaps").fill_null(0.0))
    return in_kind_of(answer, transactions, order=["customer_id"], keep_type=["customer_id"])

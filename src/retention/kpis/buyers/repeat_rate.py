"""How many customers order again: the share of those followed long enough, and of all by curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retention import intervals, periods
from retention.frames import Columns, table_like
from retention.kpis.buyers.next_orders import asked_orders, counted_waits, waits_by_cell
from retention.kpis.buyers.next_orders_at_hand import Following
from retention.kpis.buyers.time_to_next_order import returned_curve
from retention.numerics.codes import long_table
from retention.tables import TRANSACTIONS, segments
from retention.tables.answer_columns import constants, gives, shares, times, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray


@gives(
    "segment, period and order",
    times("period"),
    whole_numbers("order", "n_customers", "n_set_aside", "n_followed", "n_repeat"),
    shares("repeat_rate", "lower", "upper"),
    shares("returned_share", "returned_share_lower", "returned_share_upper"),
    whole_numbers("n_repeat_to_date"),
    shares("to_date_share"),
    constants(whole_numbers("within", unit="days")),
)
def repeat_rate(
    transactions: IntoFrameT,
    *,
    within: int,
    as_of: date | str,
    orders: int | Sequence[int] = 1,
    by: str | Sequence[str] = (),
    freq: periods.Freq | None = None,
    observed_from: date | str | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of the customers who ordered, the share that ordered again within so many days.

    Of those with a k-th order let F be the customers for whom it lies w days or more before
    `as_of`, so that they were followed for w days, and R those of F whose next order came on one of
    these days. Then

        repeat_rate     = |R| / |F|                  of mature customers alone
        returned_share  = 1 − S(w), Kaplan–Meier     of all: recent ones as long as they were seen
        to_date_share   = all who ordered again by as_of / all

    The first two estimate the same: where they lie far apart, recent customers behave otherwise.
    The third, which shops often call repeat purchase rate, counts everybody lost who has not come
    yet; it falls with every new customer, and is given to be compared with.

    An order is a day on which the customer bought, and what is said of a log cut at the front in
    `time_to_next_order`, which has the whole curve, holds here too.

    Args:
        transactions: a table from `as_transactions`.
        within: w, days in which the next order must come: 30, 90, 365.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        orders: k, one or several: 1 from the first order to the second.
        by: segment columns, as they were in the customer's first order, for every k. Of several
            values on that day the least known one.
        freq: also by the period in which the k-th order lies: "month", "quarter", a `Calendar` …
        observed_from: customers are followed whose first order in the table is of this day or
            later; by default all.
        level: confidence of the bounds.

    Returns:
        One row per segment, period and order for which there is a customer, in the caller's kind,
        sorted: the `by` columns, `period` (its first day; null without `freq`), `order` k,
        `n_customers` (who made a k-th order), `n_set_aside` (of the segment, who ordered before
        `observed_from`), `n_followed` |F|, `n_repeat` |R|, `repeat_rate`, `lower`, `upper`
        (Wilson), `returned_share` with `returned_share_lower`, `returned_share_upper` (from
        log(−log S); null where all or none came back), `n_repeat_to_date`, `to_date_share`, and the
        convention `within`. Shares are of 1; they are null where nobody was followed for so long.

    Raises:
        RetentionError: if `within` is no whole number of days above 0, `orders` names no order, or
            a day makes no sense.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `as_of`, or nobody to follow.

    Example:
        Ann comes back after 5 days, Bob after 10; Cem has been waited for 7 days.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Bob", "Bob", "Cem"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-06", "2024-01-01", "2024-01-11", "2024-01-13"]
        ...     ),
        ...     "sales": 10.0,
        ... })
        >>> found = rt.kpis.repeat_rate(orders, within=8, as_of="2024-01-20")
        >>> found[["n_customers", "n_followed", "n_repeat", "repeat_rate"]]
           n_customers  n_followed  n_repeat  repeat_rate
        0            3           2         1          0.5
        >>> found[["returned_share", "n_repeat_to_date", "to_date_share"]].round(4)
           returned_share  n_repeat_to_date  to_date_share
        0          0.3333                 2         0.6667

    Source:
        Conventions of practice. Kaplan, E. L. and Meier, P. (1958), Journal of the American
        Statistical Association 53, 457–481; Wilson, E. B. (1927) for the bounds.
    """
    days = periods.whole_days(within, argument="within", least=1)
    if freq is not None:
        periods.check_freq(freq)
    intervals.quantile_of(level)
    names = segments(by, TRANSACTIONS)
    last, first = periods.observed_days(as_of, observed_from)
    asked = Following(asked_orders(orders), tuple(names), last, first, days, freq)
    parts = []
    for key, step, order, n_aside, waits in waits_by_cell(
        counted_waits(transactions, asked), asked
    ):
        told = {"order": order, "n_customers": int(waits["_n"].sum()), "n_set_aside": n_aside}
        row = told | _counts_of_waits(waits, days) | _share_by_curve(waits, days, level)
        period = _first_day_of_period(step, freq)
        parts.append((key, {"period": period} | {n: np.array([v]) for n, v in row.items()}))
    return table_like(_rates_beside_counts(long_table(parts, names), days, level), transactions)


def _first_day_of_period(step: int, freq: str | None) -> NDArray[Any]:
    if freq is None:
        return np.array(["NaT"], dtype="datetime64[D]")
    return periods.first_days([step], freq)


def _counts_of_waits(waits: Columns, within: int) -> dict[str, float]:
    """How many were followed for so long, and how many of them and of all ordered again."""
    n, back = waits["_n"], waits["_back"] == 1
    followed = waits["_followed"] == 1
    return {
        "n_followed": int(n[followed].sum()),
        "n_repeat": int(n[followed & back & (waits["_length"] <= within)].sum()),
        "n_repeat_to_date": int(n[back].sum()),
    }


def _share_by_curve(waits: Columns, within: int, level: float) -> dict[str, float]:
    """The share that came back within so many days by the curve; NaN where nobody tells."""
    curve = returned_curve(waits, level)
    until = np.flatnonzero(curve["duration"] <= within)
    known = curve["duration"][-1] >= within or curve["returned_share"][-1] >= 1
    names = {"returned_share": "returned_share", "lower": "returned_share_lower"}
    names |= {"upper": "returned_share_upper"}
    if not known:
        return dict.fromkeys(names.values(), float("nan"))
    if not (until.size and curve["returned_share"][until[-1]]):
        return {**dict.fromkeys(names.values(), float("nan")), "returned_share": 0.0}
    return {name: float(curve[column][until[-1]]) for column, name in names.items()}


def _rates_beside_counts(found: Columns, within: int, level: float) -> Columns:
    """The columns in their order, with the rates of the counts."""
    lower, upper = intervals.wilson_bounds(found["n_repeat"], found["n_followed"], level)
    made = {
        "repeat_rate": intervals.ratio(found["n_repeat"], found["n_followed"]),
        "lower": lower,
        "upper": upper,
    }
    last = ["returned_share", "returned_share_lower", "returned_share_upper", "n_repeat_to_date"]
    rows = {name: values for name, values in found.items() if name not in last}
    rows |= made | {name: found[name] for name in last}
    rows["to_date_share"] = intervals.ratio(found["n_repeat_to_date"], found["n_customers"])
    return rows | {"within": np.full(lower.size, within)}

"""How long until customers order again: right-censored curves from one order to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retention import intervals
from retention.frames import Columns, table_like
from retention.kpis.buyers.next_orders import asked_orders, counted_waits, waits_by_cell
from retention.kpis.buyers.next_orders_at_hand import Following
from retention.numerics import step_functions
from retention.numerics.codes import long_table
from retention.periods import observed_days
from retention.tables import TRANSACTIONS, segments
from retention.tables.answer_columns import gives, numbers, shares, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_ROUNDING = 1e-12


@gives(
    "segment, order and duration",
    whole_numbers("order"),
    whole_numbers("duration", unit="days"),
    whole_numbers("n_at_risk", "n_returned", "n_censored"),
    shares("returned_share", "lower", "upper"),
    whole_numbers("n_customers", "n_set_aside"),
    numbers("quarter_days", "median_days", "median_days_lower", "median_days_upper", unit="days"),
)
def time_to_next_order(
    transactions: IntoFrameT,
    *,
    as_of: date | str,
    orders: int | Sequence[int] = 1,
    by: str | Sequence[str] = (),
    observed_from: date | str | None = None,
    level: float = 0.95,
) -> IntoFrameT:
    """Of those who ordered, the share that ordered again by each day after, and by when half did.

    Let t be the days from a customer's k-th order to the next, or to `as_of` where none came: then
    nobody knows how long it will take, and the customer is censored at t. With n_u the customers
    who had waited u days or longer and d_u those whose next order came after u days,

        returned_share(t) = 1 − Π over u ≤ t of (1 − d_u / n_u),

    Kaplan–Meier's estimate, in which recent customers count as long as they were seen. The share of
    all who ever ordered again by `as_of` is lower, for it counts who came yesterday as lost.

    An order is a day on which the customer bought, under the rules of `customer_periods`: several
    orders of a day are one. Lines are numbered within the table: of a log that was cut at the
    front, what looks like a first order may be a later one. Say then an `observed_from` some time
    after the cut: only customers are followed whose first order in the table is of that day or
    later, so that all of them had been silent since the cut; the others are set aside, and counted.

    Args:
        transactions: a table from `as_transactions`.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        orders: k, one or several: 1 from the first order to the second, [1, 2, 3] a curve each.
        by: segment columns of the transactions, as they were in the customer's first order
            (category, channel …), for every k. Of several values on that day the least known one.
        observed_from: see above; by default all customers are followed.
        level: confidence of the bounds.

    Returns:
        One row per segment, order and duration at which an order came or a customer was censored,
        in the caller's kind, sorted: the `by` columns, `order` k, `duration` (days), `n_at_risk`,
        `n_returned` (ordered again then), `n_censored`, `returned_share` (by then), `lower`,
        `upper` (from log(−log S); null where all came back), and of the whole curve `n_customers`
        (who made a k-th order), `n_set_aside` (of the segment, who ordered before `observed_from`),
        `quarter_days` and `median_days` (by when a quarter and half had come back, in days; null
        where so many have not), `median_days_lower`, `median_days_upper` (null where the bound of
        the curve does not reach half).

    Raises:
        RetentionError: if `orders` names no order, or a day makes no sense.
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
        >>> curve = rt.kpis.time_to_next_order(orders, as_of="2024-01-20")
        >>> curve[["duration", "n_at_risk", "n_returned", "returned_share"]].round(4)
           duration  n_at_risk  n_returned  returned_share
        0         5          3           1          0.3333
        1         7          2           0          0.3333
        2        10          1           1          1.0000
        >>> float(curve["median_days"].iloc[0])
        10.0

    Source:
        Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53,
        457–481. Bounds of the median: Brookmeyer, R. and Crowley, J. (1982), Biometrics 38, 29–41,
        on the scale of log(−log S).
    """
    intervals.quantile_of(level)
    names = segments(by, TRANSACTIONS)
    last, first = observed_days(as_of, observed_from)
    asked = Following(asked_orders(orders), tuple(names), last, first)
    parts = []
    for key, _, order, n_aside, waits in waits_by_cell(counted_waits(transactions, asked), asked):
        curve = returned_curve(waits, level)
        size, whole = curve["duration"].size, _figures_of_curve(curve)
        told = {"n_customers": waits["_n"].sum(), "n_set_aside": n_aside, **whole}
        every = {name: np.full(size, value) for name, value in told.items()}
        parts.append((key, {"order": np.full(size, order), **curve, **every}))
    return table_like(long_table(parts, names), transactions)


def returned_curve(waits: Columns, level: float) -> Columns:
    """The share that came back by each duration, with the counts behind it and bounds.

    Args:
        waits: `_length` (days), `_back` (1 or 0) and `_n` (how many waited so).
        level: confidence of the bounds.
    """
    duration, place = np.unique(waits["_length"], return_inverse=True)
    back = waits["_back"] == 1
    returned, censored = (
        np.bincount(place[rows], waits["_n"][rows], duration.size).astype(np.int64)
        for rows in (back, ~back)
    )
    gone = np.cumsum(returned + censored)
    at_risk = gone[-1] - gone + returned + censored
    survival = step_functions.kaplan_meier(returned, at_risk)
    variance = np.cumsum(step_functions.greenwood_terms(returned, at_risk))
    lower, upper = step_functions.log_log_bounds(survival, variance, level)
    return {
        "duration": duration.astype(np.int64),
        "n_at_risk": at_risk,
        "n_returned": returned,
        "n_censored": censored,
        "returned_share": 1 - survival,
        "lower": 1 - upper,
        "upper": 1 - lower,
    }


def _figures_of_curve(curve: Columns) -> dict[str, float]:
    """By when a quarter and half had come back, the latter with bounds."""
    return {
        "quarter_days": _first_day_of_share(curve, "returned_share", 0.25),
        "median_days": _first_day_of_share(curve, "returned_share", 0.5),
        "median_days_lower": _first_day_of_share(curve, "upper", 0.5),
        "median_days_upper": _first_day_of_share(curve, "lower", 0.5),
    }


def _first_day_of_share(curve: Columns, column: str, share: float) -> float:
    """The first duration at which a column reaches a share; NaN where it does not."""
    values = np.where(np.isnan(curve["upper"]), 1.0, curve["upper"])  # once all came back
    values = values if column == "upper" else curve[column]
    reached = np.flatnonzero(values >= share - _ROUNDING)
    return float(curve["duration"][reached[0]]) if reached.size else float("nan")

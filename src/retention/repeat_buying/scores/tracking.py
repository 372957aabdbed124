"""Whether a base as a whole bought as a model says, period by period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError
from retention.frames import Columns, Frame, collect, count, table_like, with_first
from retention.periods import observed_days
from retention.repeat_buying.buying.purchase_model import check_purchase_model
from retention.spells.days import purchase_days
from retention.tables import TRANSACTIONS, require
from retention.tables.answer_columns import (
    constants,
    flags,
    gives,
    numbers,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.periods import Freq
    from retention.repeat_buying.buying.purchase_model import PurchaseModel

    Whole = NDArray[np.int64]


@gives(
    "period",
    times("period"),
    whole_numbers("step"),
    constants(texts("freq")),
    whole_numbers("n_customers", "actual"),
    numbers("expected", unit="purchases"),
    whole_numbers("cumulative_actual"),
    numbers("cumulative_expected", unit="purchases"),
    flags("is_holdout"),
)
def tracking_table(
    transactions: IntoFrameT,
    *,
    model: PurchaseModel,
    as_of: date | str,
    cut: date | str | None = None,
    freq: Freq = "week",
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """How many repeat purchases a base made in each period, beside how many the model expects.

    With F the days of the first purchases by `cut` and E[X(t)] the repeat purchases that the model
    expects of anyone within t of the first,

        cumulative_expected(t) = Σ over customers of E[X(t − F)],

    before any customer is looked at, and `expected` is its increase over the period. After `cut`,
    the day up to which the model was fitted, it is a forecast: where the two lines part there, the
    base no longer buys as it did. Seasons show as waves around `expected`, which knows none.

    A purchase is a day on which a customer bought, as in x; the first of each customer is none of
    the repeat purchases. Customers won after `cut` are not followed. Days are counted whatever the
    model was fitted on: one fitted on a summary of grain="week" expects weeks with a purchase, of
    which there are fewer, and cannot be told from the table to be so. Fit it on grain="day".

    Args:
        transactions: a table from `as_transactions`.
        model: fitted on `purchase_summary(transactions, as_of=cut, observed_from=...)` of
            grain="day".
        as_of: the last observed day, itself included.
        cut: the last day that the model was fitted on. Best the last one of a period. Default:
            `as_of`, so that there is no holdout.
        freq: how long a period is: "day", "week", "month", "quarter", "year", or a `Calendar`.
        observed_from: customers with a purchase before this day are left out, as of the summary.

    Returns:
        One row per period from the first purchase to the last period that ends by `as_of`, in the
        caller's kind: `period` (its first day), `step`, `freq`, `n_customers` (won by its end),
        `actual`, `expected` (repeat purchases in the period), `cumulative_actual`,
        `cumulative_expected` (since the first day), `is_holdout` (it ends after `cut`).

    Raises:
        RetentionError: if `cut` comes after `as_of`, a day is no day, or the model is none or does
            not say its unit.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if there is no purchase up to `as_of`, nobody was won by `cut`, or no period
            is over.

    Example:
        Nobody seems to leave, so each of the two is expected to buy r/α times a day. Ann is won on
        Monday, Bob on Thursday: on Sunday they have been watched for 6 + 3 days.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann", "Bob", "Bob"],
        ...     "date": pd.to_datetime(
        ...         ["2024-01-01", "2024-01-07", "2024-01-14", "2024-01-04", "2024-01-14"]
        ...     ),
        ...     "sales": [10.0] * 5,
        ... })
        >>> model = rt.repeat_buying.fit_bg_nbd(rt.purchase_summary(orders, as_of="2024-01-14"))
        >>> r, alpha, a, b = model.parameters
        >>> print(f"{r / alpha * 9:.3f}")
        1.174
        >>> table = rt.repeat_buying.tracking_table(orders, model=model, as_of="2024-01-14")
        >>> table[["n_customers", "actual", "expected", "cumulative_expected"]].round(3)
           n_customers  actual  expected  cumulative_expected
        0            2       1     1.174                1.174
        1            2       2     1.826                3.000

    Source:
        Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), Marketing Science 24(2), figures 2
        and 3 (tracking plots).
    """
    check_purchase_model(model)
    periods.check_freq(freq)
    unit = days_of_unit(model)
    last, first = observed_days(as_of, observed_from)
    known = _last_day_of_fit(cut, last)
    frame = require(transactions, TRANSACTIONS, adds="none")
    days = purchase_days(frame, as_of=last, keep={})
    day, new, again = _counts_by_day(days, first, known)
    steps = _steps_over(day, last, freq)
    ends = np.asarray(periods.first_day_number(steps + 1, freq)) - 1
    cumulative = _totals_by_period(ends, day, again)
    some = new > 0
    ages = (day[some].max() - day[some]) / unit
    expected = model.expected_cumulative((ends - day[0]) / unit, ages, new[some])
    made: Columns = {
        "period": periods.first_days(steps, freq),
        "step": steps,
        "freq": np.full(steps.size, str(freq), dtype=object),
        "n_customers": _totals_by_period(ends, day, new),
        "actual": np.diff(cumulative, prepend=0),
        "expected": np.diff(expected, prepend=0.0),
        "cumulative_actual": cumulative,
        "cumulative_expected": expected,
        "is_holdout": ends > periods.number_of(known),
    }
    return table_like(made, transactions)


def _last_day_of_fit(cut: date | str | None, last: date) -> date:
    """The day up to which the model knew."""
    known = last if cut is None else periods.as_day(cut, argument="cut")
    if known > last:
        raise RetentionError(f"cut is {known}, after as_of {last}: the log ends before.")
    return known


def days_of_unit(model: PurchaseModel) -> int:
    """How many days the model's unit has."""
    if model.unit is None:
        raise RetentionError(
            "model does not say what its ages are in: fit it on a table of purchase_summary(...), "
            "or give the summary a column 'unit' of 'day' or 'week'."
        )
    return periods.DAYS[model.unit]


def _counts_by_day(days: Frame, first: date | None, cut: date) -> tuple[Whole, Whole, Whole]:
    """Days in order, how many followed customers each brought, and how many bought again."""
    dated = with_first(days, "customer_id", "_day", "_first")
    followed = dated.filter(nw.col("_first") <= periods.number_of(cut))
    if first is not None:
        followed = followed.filter(nw.col("_first") >= periods.number_of(first))
    fresh = followed.with_columns(_new=count(nw.col("_day") == nw.col("_first")))
    found = collect(fresh.group_by("_day").agg(nw.len().alias("n"), nw.col("_new").sum()))
    if not found["n"].size:
        since = "" if first is None else f" from {first} on and"
        raise ContentError(f"Nobody first bought{since} by {cut}: there is no base to follow.")
    order = np.argsort(found["_day"])
    day, n, new = (found[name].astype(np.int64)[order] for name in ("_day", "n", "_new"))
    return day, new, n - new


def _steps_over(day: Whole, last: date, freq: str) -> Whole:
    """The periods from the first purchase on that are over."""
    first = periods.day_of(day[0])
    latest = periods.whole_periods(first, last, freq).last_step
    steps = np.arange(periods.step_of(first, freq), latest + 1, dtype=np.int64)
    if not steps.size:
        raise ContentError(f"No {freq} since the first purchase ({first}) is over by {last}.")
    return steps


def _totals_by_period(ends: Whole, day: Whole, n: Whole) -> Whole:
    """How many there had been by the end of each period."""
    so_far = np.append(0, np.cumsum(n))
    return np.asarray(so_far[np.searchsorted(day, ends, side="right")])

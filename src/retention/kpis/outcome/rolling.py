"""Raw retention over the last days, as of each day: windows that roll, where periods stand still.

Of windows of n days, a customer with purchases on the days d is active as of day t if one lies in
the n days up to it: t − n < d ≤ t. Days that follow one another within n days make a run from its
first day s to its last one L, and the customer is active from s to L + n − 1. So what is counted of
a run are four days alone: when it enters the base and leaves it, n days later than the customer is
active, and when it is in base and window at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.errors import ContentError
from retention.frames import collect, table_like
from retention.spells.days import purchase_days
from retention.spells.spell_rows import stays_joined_to_spells
from retention.tables import TRANSACTIONS, require
from retention.tables.answer_columns import constants, gives, shares, times, whole_numbers

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

    from retention.frames import Frame

    Days = NDArray[np.int64]

_NEVER = 1e9  # a day that does not come


@gives(
    "day",
    times("date"),
    whole_numbers("n_base", "n_retained"),
    shares("retention_rate", "lower", "upper", "churn_rate"),
    constants(whole_numbers("days")),
)
def rolling_retention(
    transactions: IntoFrameT,
    *,
    days: int,
    as_of: date | str,
    observed_from: date | str | None = None,
    freq: periods.Freq = "day",
    level: float = 0.95,
) -> IntoFrameT:
    """Of those who bought in the days before last, the share that bought in the last: day by day.

    As of day t, with windows of n days: B are the customers with a purchase on t − 2n + 1 … t − n,
    R those of B with one on t − n + 1 … t; the rate is |R| / |B|. Rates of neighbouring days share
    nearly all their purchases: a curve through them is smooth because of that, and two of them are
    independent only 2n days apart. A purchase is an order under the rules of `customer_periods`.

    For sales and profit, segments and all other figures as of one day, take periods of a `Calendar`
    that end on it: `freq=Calendar("90 days", ends=as_of)`.

    Args:
        transactions: a table from `as_transactions`.
        days: n, how many days each of the two windows has: 30, 90, 365.
        as_of: the last observed day, itself included. Nothing after it is looked at.
        observed_from: the first observed day; by default that of the first order.
        freq: as of the last day of each "day", "week", "month" … or period of a `Calendar`.
        level: confidence of the bounds.

    Returns:
        One row per day from observed_from + 2n − 1 to `as_of` (of other lengths, per last day of
        one), in the caller's kind: `date`, `n_base` |B|, `n_retained` |R|, `retention_rate`,
        `lower`, `upper` (Wilson), `churn_rate` (its complement), and the convention `days`. Rates
        are shares of 1; where `n_base` is 0 they are null.

    Raises:
        RetentionError: if `days` is not a whole number above 0, or a day makes no sense.
        ContentError: if fewer than 2n days were observed, or there is no purchase up to `as_of`.

    Example:
        As of the fourth, one of the two customers of the first two days was back.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"]),
        ...     "sales": [10.0, 20.0, 30.0, 20.0],
        ... })
        >>> rates = rt.kpis.rolling_retention(orders, days=2, as_of="2024-01-05")
        >>> rates[["date", "n_base", "n_retained", "retention_rate"]]
                date  n_base  n_retained  retention_rate
        0 2024-01-04       2           1             0.5
        1 2024-01-05       2           1             0.5

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, raw customer
        retention; that the windows roll is a convention of practice.
    """
    n = periods.whole_days(days, argument="days", least=1)
    periods.check_freq(freq)
    intervals.quantile_of(level)
    last, first = periods.observed_days(as_of, observed_from)
    bought = purchase_days(
        require(transactions, TRANSACTIONS, adds="none"),
        as_of=last,
        keep={},
        gap=n,
        way="say `observed_from='{since}'`.",
        since=first,
    )
    runs = _days_of_runs(bought, n)
    begin = int(runs["_start"].min()) if first is None else periods.number_of(first)
    asked = _last_days(begin + 2 * n - 1, periods.number_of(last), freq)
    if not asked.size:
        raise ContentError(
            f"Two windows of {n:,} days, one after the other, do not fit between "
            f"{periods.day_of(begin)} and `as_of` {last}"
            f"{'' if freq == 'day' else f', with a {freq} that ends there'}. Take fewer `days=`."
        )
    base, kept = _customers_as_of(asked, runs, n)
    lower, upper = intervals.wilson_bounds(kept, base, level)
    rate = intervals.ratio(kept, base)
    columns = {"date": asked.astype("datetime64[D]"), "n_base": base, "n_retained": kept}
    columns |= {"retention_rate": rate, "lower": lower, "upper": upper, "churn_rate": 1 - rate}
    return table_like({**columns, "days": np.full(asked.size, n)}, transactions)


def _days_of_runs(bought: Frame, n: int) -> dict[str, Days]:
    """First and last day of each run, the first of the next one if that is near, how many alike."""
    day = nw.col("_day")
    stays = bought.select("customer_id", _start=day, _until=day, _at=day)
    runs = stays_joined_to_spells(stays, allowed=n, keep=())
    after = nw.col("_start").shift(-1).over("customer_id", order_by="spell")
    paired = runs.with_columns(_next=after.cast(nw.Float64).fill_null(_NEVER))
    near = nw.col("_next") - nw.col("_last") < 2 * n
    paired = paired.with_columns(
        _next=nw.when(near).then(nw.col("_next")).otherwise(nw.lit(_NEVER))
    )
    found = collect(paired.group_by("_start", "_last", "_next").agg(nw.len().alias("_n")))
    return {name: values.astype(np.int64) for name, values in found.items()}


def _last_days(first: int, last: int, freq: str) -> Days:
    """The last days of periods, from the first day on that two windows fit before."""
    if freq == "day" or last < first:
        return np.arange(first, last + 1)
    steps = np.arange(
        periods.step_of(periods.day_of(first), freq),
        periods.step_of(periods.day_of(last), freq) + 1,
    )
    days = np.asarray(periods.first_day_number(steps + 1, freq)) - 1
    return days[(days >= first) & (days <= last)]


def _customers_as_of(asked: Days, runs: dict[str, Days], n: int) -> tuple[Days, Days]:
    """How many customers are in the base as of each day, and how many of them also after it.

    A run from s to L is in the base from s + n to L + 2n − 1, and active up to L + n − 1, or again
    from the customer's next run on.
    """
    start, last, after, many = (runs[name] for name in ("_start", "_last", "_next", "_n"))
    long, back = last > start, after < last + 2 * n
    base = _running_total(asked, start + n, many) - _running_total(asked, last + 2 * n, many)
    stays = _running_total(asked, (start + n)[long], many[long])
    stays -= _running_total(asked, (last + n)[long], many[long])
    returns = _running_total(asked, after[back], many[back])
    returns -= _running_total(asked, (last + 2 * n)[back], many[back])
    return base, stays + returns


def _running_total(asked: Days, days: Days, many: Days) -> Days:
    """How many there are by the end of each day."""
    order = np.argsort(days, kind="stable")
    totals = np.concatenate([[0], np.cumsum(many[order])])
    return totals[np.searchsorted(days[order], asked, side="right")].astype(np.int64)

"""Market share: of what the whole market sells, the part that we do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.base_and_later import activity_by_segments
from retention.activity.window import window_of
from retention.errors import ContentError
from retention.frames import Columns, Frame, collect, count, table_like
from retention.tables import ACTIVITY, MARKET, refuse_apart, require
from retention.tables.answer_columns import amounts, flags, gives, shares, times, whole_numbers

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray


@gives(
    "whole period",
    times("period"),
    whole_numbers("step"),
    amounts("sales"),
    whole_numbers("n_rows"),
    amounts("market"),
    shares("market_share"),
    flags("above_market"),
)
def market_share(activity: IntoFrameT, market: IntoFrameT) -> IntoFrameT:
    """Of what the whole market sells in a period, the share that is ours: Σ sales / market.

    Both are counted, not sampled, so there are no bounds; how well the market is known is for its
    source to say.

    Args:
        activity: a table from `customer_periods`; a segmented one is first taken together.
        market: a table of `date` (any day of the period) and `market` (sales of all who sell in it,
            us included, in the currency of `activity`), of any kind. Several rows per period add
            up, so a market of months goes with activity of months, quarters or years; one of
            quarters does not go with months. The rows of a period must be complete: a month that
            has no row is missing from the market of its quarter. `n_rows` shows it.

    Returns:
        One row per whole period, in the kind of `activity`: `period`, `step`, `sales` (ours, net of
        refunds), `n_rows` (of the market in the period), `market`, `market_share` (null where the
        market is not known: no row, or one that is not filled in), and `above_market` (true where
        we sell more than the whole market, so that one of the two is wrong).

    Raises:
        ColumnError: if a table lacks a column.
        ContentError: if the activity is empty, no market falls in a period of it, or one that does
            is not above 0 or infinite.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20", "2024-02-29"]),
        ...     "sales": [30.0, 20.0, 10.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-02-29")
        >>> market = pd.DataFrame({"date": pd.to_datetime(["2024-01-01"]), "market": [500.0]})
        >>> rt.kpis.market_share(activity, market)[["period", "sales", "market", "market_share"]]
              period  sales  market  market_share
        0 2024-01-01   50.0   500.0           0.1
        1 2024-02-01   10.0     NaN           NaN

    Source:
        Buttle, F. and Maklan, S., Customer Relationship Management.
    """
    frame, _ = activity_by_segments(activity, (), adds="all")
    first, last, freq = window_of(frame, empty="there are no sales of ours")
    steps = np.arange(first, last + 1)
    ours = collect(frame.group_by("step").agg(nw.col("sales").sum()))
    sales = np.zeros(steps.size)
    sales[ours["step"].astype(np.int64) - steps[0]] = ours["sales"]
    whole = require(market, MARKET, adds="all")
    refuse_apart({ACTIVITY: require(activity, ACTIVITY, adds="none"), MARKET: whole})
    n_rows, theirs = _market_of_periods(whole, steps, freq)
    answer: Columns = {
        "period": periods.first_days(steps, freq),
        "step": steps,
        "sales": sales,
        "n_rows": n_rows,
        "market": theirs,
        "market_share": intervals.ratio(sales, theirs),
        "above_market": sales > theirs,
    }
    return table_like(answer, activity)


def _market_of_periods(
    market: Frame, steps: NDArray[np.int64], freq: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows and market of each period, NaN where it or a part of it is not known."""
    found = _market_as_filled_in(market, freq)
    inside = (found["step"] >= steps[0]) & (found["step"] <= steps[-1])
    found = {name: values[inside] for name, values in found.items()}
    if found["wrong"].sum():
        raise ContentError(
            f"market: {int(found['wrong'].sum()):,} row(s) not above 0, or infinite. Correct them, "
            "or leave out what is not known."
        )
    if not found["step"].size:
        raise ContentError(
            "market: no row falls in a period of the activity "
            f"({periods.label(int(steps[0]), freq)} to {periods.label(int(steps[-1]), freq)})."
        )
    n_rows, theirs = np.zeros(steps.size, dtype=np.int64), np.full(steps.size, np.nan)
    place = found["step"].astype(np.int64) - steps[0]
    n_rows[place] = found["n"]
    theirs[place] = np.where(found["unknown"] > 0, np.nan, found["market"].astype(float))
    return n_rows, theirs


def _market_as_filled_in(market: Frame, freq: str) -> Columns:
    """The market of each period as far as it is filled in, its rows, and how many are no good."""
    day = periods.day_expr("date", market.implementation)
    dated = market.filter(~nw.col("date").is_null()).select(
        "date", market=nw.col("market").cast(nw.Float64), _day=day
    )
    stepped = dated.with_columns(step=periods.step_expr("date", "_day", freq).cast(nw.Int64))
    known = ~(nw.col("market").is_null() | nw.col("market").is_nan())
    flagged = stepped.with_columns(
        unknown=count(~known),
        wrong=count(known & ((nw.col("market") <= 0) | (nw.col("market") == float("inf")))),
        market=nw.when(known).then(nw.col("market")).otherwise(nw.lit(0.0)),
    )
    sums = [nw.col(name).sum() for name in ("market", "unknown", "wrong")]
    return collect(flagged.group_by("step").agg(nw.len().alias("n"), *sums))

"""Share of wallet: of what customers spend on the category, the part they spend with us."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import intervals, periods
from retention.activity.base_and_later import activity_by_segments, base_and_later
from retention.activity.window import window_of
from retention.errors import ContentError
from retention.frames import Columns, Frame, beside, collect, count, table_like
from retention.orders import MOST
from retention.tables import ACTIVITY, WALLET, refuse_apart, refuse_other_ids, require
from retention.tables.answer_columns import (
    amounts,
    constants,
    gives,
    shares,
    texts,
    times,
    whole_numbers,
)

if TYPE_CHECKING:
    from narwhals.stable.v2.typing import IntoFrameT


@gives(
    "whole period",
    times("period"),
    whole_numbers("step", "n_customers", "n_with_wallet", "n_without_wallet", "n_above_wallet"),
    amounts("sales", "wallet"),
    shares("share_of_wallet", "lower", "upper"),
    texts("bounds"),
    whole_numbers("n_retained", "n_retained_with_wallet"),
    amounts("retained_sales", "retained_wallet"),
    shares("retained_share_of_wallet", "retained_lower", "retained_upper"),
    constants(whole_numbers("lag")),
)
def share_of_wallet(
    activity: IntoFrameT, wallet: IntoFrameT, *, lag: int = 1, level: float = 0.95
) -> IntoFrameT:
    """Of what our customers spend on the category, the share they spend with us.

    Over the customers active in a period whose wallet is known: Σ sales / Σ wallet. Once for all of
    them, once for the retained, those who were active `lag` periods before as well. Customers
    without a wallet figure are left out of both sums and counted.

    Args:
        activity: a table from `customer_periods`; a segmented one is first taken together.
        wallet: a table from `as_wallet`, of the same kind as `activity`: `customer_id`, `date` (any
            day of the period; several rows per period add up) and `wallet`, what the customer spent
            on the category with everyone, us included.
        lag: how many periods before, for the retained.
        level: confidence of the bounds.

    Returns:
        One row per whole period, in the caller's kind: `period`, `step`, `n_customers` (active),
        `n_with_wallet`, `n_without_wallet`, `n_above_wallet` (our sales exceed the wallet, so that
        one of the two is wrong), `sales`, `wallet` (currency, of those with a wallet),
        `share_of_wallet`, `lower`, `upper`, `bounds` (see `sales_adjusted_retention`); the same of
        the retained as `n_retained`, `n_retained_with_wallet`, `retained_sales`,
        `retained_wallet`, `retained_share_of_wallet`, `retained_lower`, `retained_upper`, null in
        the first `lag` periods, where it was not seen who had been there; and `lag`.

    Raises:
        ColumnError: if a table lacks a column.
        ContentError: if the activity is empty or no customer of it has a wallet figure.

    Example:
        Ann spends 30 of her 50 with us, Bob's wallet is not known.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-20"]),
        ...     "sales": [30.0, 20.0],
        ... })
        >>> activity = rt.customer_periods(orders, freq="month", as_of="2024-01-31")
        >>> wallet = pd.DataFrame({
        ...     "customer_id": ["Ann"], "date": pd.to_datetime(["2024-01-01"]), "wallet": [50.0]
        ... })
        >>> share = rt.share_of_wallet(activity, wallet)
        >>> share[["n_customers", "n_without_wallet", "share_of_wallet"]]
           n_customers  n_without_wallet  share_of_wallet
        0            2                 1              0.6

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9, "share of wallet";
        bounds: Cochran (1977), section 6.4.
    """
    frame, _ = activity_by_segments(activity, (), adds="all")
    first, last, freq = window_of(frame, empty="there is no customer whose wallet to share")
    theirs = require(wallet, WALLET, adds="all")
    refuse_other_ids(frame, theirs, ("activity", "wallet"))
    refuse_apart({ACTIVITY: require(activity, ACTIVITY, adds="none"), WALLET: theirs})
    spent = _wallets_by_period(beside(frame, wallet, name="wallet"), freq)
    steps = np.arange(first, last + 1)
    active = frame.filter(nw.col("active")).select("customer_id", "step", "sales")
    everyone = _share_columns(active, spent, steps, level)
    if not everyone["n_with_wallet"].sum():
        raise ContentError("No customer_id of wallet is active in the activity: do the ids agree?")
    pairs = base_and_later(frame, lag=lag, by=(), lost_to="firm").filter(nw.col("retained") == 1)
    again = pairs.select("customer_id", step=nw.col("step") + lag, sales=nw.col("s1"))
    retained = _retained_share_columns(_share_columns(again, spent, steps, level), lag)
    keys: Columns = {"period": periods.first_days(steps, freq), "step": steps}
    return table_like({**keys, **everyone, **retained, "lag": np.full(steps.size, lag)}, activity)


def _wallets_by_period(wallet: Frame, freq: str) -> Frame:
    """One wallet a customer and period."""
    engine = wallet.implementation
    dated = wallet.with_columns(_day=periods.day_expr("date", engine))
    numbered = dated.select(
        "customer_id",
        nw.col("wallet").cast(nw.Float64),
        step=periods.step_expr("date", "_day", freq),
    )
    known = numbered.filter(nw.col("wallet") >= 0, nw.col("wallet") <= MOST)
    return known.group_by("customer_id", "step").agg(nw.col("wallet").sum())


def _share_columns(people: Frame, spent: Frame, steps: np.ndarray, level: float) -> Columns:
    """Counts, sums, share and bounds of each period, over the people whose wallet is known."""
    joined = people.join(spent, on=["customer_id", "step"], how="left")
    known = ~nw.col("wallet").is_null()
    terms = joined.with_columns(
        known=count(known),
        above=count(known & (nw.col("sales") > nw.col("wallet"))),
        x=nw.col("wallet").fill_null(0.0),
        y=nw.when(known).then(nw.col("sales")).otherwise(nw.lit(0.0)),
    ).with_columns(xx=nw.col("x").sum().over("step"), yy=nw.col("y").sum().over("step"))
    rate = nw.when(nw.col("xx") > 0).then(nw.col("y") - nw.col("x") * nw.col("yy") / nw.col("xx"))
    squares = terms.with_columns(x2=nw.col("x") * nw.col("x"), e=rate).with_columns(
        e2=nw.col("e") * nw.col("e")
    )
    sums = [nw.col(name).sum() for name in ("known", "above", "x", "y", "x2", "e2")]
    grouped = squares.group_by("step").agg(nw.len().alias("n"), *sums)
    found = collect(grouped.with_columns(nw.col("n", "known", "above", "step").cast(nw.Int64)))
    grid = {name: np.zeros(steps.size, values.dtype) for name, values in found.items()}
    for name, values in found.items():
        grid[name][found["step"] - steps[0]] = values
    return _wallet_columns(grid, level)


def _wallet_columns(grid: Columns, level: float) -> Columns:
    share = intervals.ratio(grid["y"], grid["x"])
    lower, upper, method = intervals.ratio_bounds(
        share, grid["x"], grid["x2"], grid["e2"], grid["known"], level
    )
    return {
        "n_customers": grid["n"],
        "n_with_wallet": grid["known"],
        "n_without_wallet": grid["n"] - grid["known"],
        "n_above_wallet": grid["above"],
        "sales": grid["y"],
        "wallet": grid["x"],
        "share_of_wallet": share,
        "lower": lower,
        "upper": upper,
        "bounds": method,
    }


def _retained_share_columns(shares: Columns, lag: int) -> Columns:
    names = {
        "n_customers": "n_retained",
        "n_with_wallet": "n_retained_with_wallet",
        "sales": "retained_sales",
        "wallet": "retained_wallet",
        "share_of_wallet": "retained_share_of_wallet",
        "lower": "retained_lower",
        "upper": "retained_upper",
    }
    seen = np.arange(len(shares["sales"])) >= lag
    return {new: np.where(seen, shares[old], np.nan) for old, new in names.items()}

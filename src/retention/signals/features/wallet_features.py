"""Falling share of customer: what part of the wallet we had, as of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import beside
from retention.orders import MOST
from retention.signals.known.seen_by_then import (
    asked_and_log,
    features_made,
    latest_by_then,
    with_day_numbers,
    with_features,
)
from retention.tables import TRANSACTIONS, WALLET, refuse_apart, refuse_other_ids, require, typed_as
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame
    from retention.signals.known.seen_by_then import Asked


_MADE = ("share_of_wallet", "share_of_wallet_change")


@gives("a customer on a day, with features", *features_made(*_MADE))
def wallet_features(
    snapshots: IntoFrameT,
    wallet: IntoFrameT,
    *,
    transactions: IntoFrameT,
    freq: str,
    window: int,
    observed_from: date | str | None = None,
    suffix: str = "",
) -> IntoFrameT:
    """What part of each customer's spending we had by a day, and how that had changed.

    In a period of the length `freq`, share = our sales to the customer / the customer's wallet. Of
    day a, over the periods that were over by the evening of a:

        share_of_wallet        = that of the last one whose wallet is known, if it ended on
                                 (a − window, a],
        share_of_wallet_change = that − the share of the period before it with a wallet.

    A period that is under way counts for nothing, since it was not known what it would bring.

    Args:
        snapshots: a table of `snapshots` or `contract_snapshots`.
        wallet: a table from `as_wallet`, of the same kind: rows of a period add up.
        transactions: a table from `as_transactions`, of the same kind.
        freq: how long a period of the wallets is: "day", "week", "month", "quarter" or "year".
        window: days of the window that ends on the day, itself included, 1 or more.
        observed_from: the first day of which the transactions have lines, where there were some
            before it, too: a period that begins earlier has no share. Default: all that ever were
            are in it.
        suffix: what the names of the features end with, so that several windows can stand beside
            one another.

    Returns:
        The snapshots, in the caller's kind, with `share_of_wallet` (0 where nothing was bought of
        us in that period; above 1 where our sales exceed the wallet, so that one of the two is
        wrong; null where no wallet above 0 is known) and `share_of_wallet_change` (null too where
        it is the first). Eager tables are sorted by customer and day.

    Raises:
        RetentionError: if `window` is no whole number of days, or `freq` is no period.
        ColumnError: if a column is missing, of the wrong type, or a feature is there already.
        ContentError: if a snapshot lacks its customer or day, or money is in several currencies.
        TableError: if the three are different kinds of table.

    Example:
        Ann spent 50 on the category in January and in February, 30 and 20 of it with us.

        >>> import pandas as pd
        >>> import retention as rt
        >>> days = pd.DataFrame({"customer_id": ["Ann"], "as_of": pd.to_datetime(["2024-03-10"])})
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann"] * 3,
        ...     "date": pd.to_datetime(["2024-01-05", "2024-02-05", "2024-03-05"]),
        ...     "sales": [30.0, 20.0, 45.0],
        ... })
        >>> wallet = pd.DataFrame({
        ...     "customer_id": ["Ann"] * 3,
        ...     "date": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"]),
        ...     "wallet": [50.0, 50.0, 50.0],
        ... })
        >>> found = rt.signals.wallet_features(
        ...     days, wallet, transactions=orders, freq="month", window=60
        ... )
        >>> found[["share_of_wallet", "share_of_wallet_change"]].round(6)
           share_of_wallet  share_of_wallet_change
        0              0.4                    -0.2

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9:
        falling share of customer as a sign of coming defection.
    """
    periods.check_freq(freq)
    asked, spent = asked_and_log(snapshots, wallet, WALLET, _MADE, (window, observed_from, suffix))
    money = {WALLET: require(wallet, WALLET, adds="all")}
    money[TRANSACTIONS] = require(transactions, TRANSACTIONS, adds="all")
    refuse_other_ids(spent, money[TRANSACTIONS], ("wallet", "transactions"))
    refuse_apart(money)
    bought = typed_as(beside(spent, transactions, name="transactions"), money[TRANSACTIONS])
    last = latest_by_then(asked, _shares_by_period(asked, spent, bought, freq))
    features = {"share_of_wallet": nw.col("_score"), "share_of_wallet_change": nw.col("_change")}
    return with_features(asked, [last], features, snapshots)


def _shares_by_period(asked: Asked, spent: Frame, bought: Frame, freq: str) -> Frame:
    """The share of each customer and period with a wallet, dated by the last day of the period."""
    wallets = _money_by_period(spent, "wallet", freq).filter(nw.col("_wallet") > 0)
    sales = _money_by_period(bought, "sales", freq)
    both = wallets.join(sales, on=["customer_id", "_step"], how="left")
    if asked.first is not None:
        both = both.filter(periods.first_day_number(nw.col("_step"), freq) >= asked.first)
    last_day = periods.first_day_number(nw.col("_step") + 1, freq) - 1
    share = nw.col("_sales").fill_null(0.0) / nw.col("_wallet")
    return both.select("customer_id", _date=last_day.cast(nw.Float64), _score=share)


def _money_by_period(rows: Frame, amount: str, freq: str) -> Frame:
    """What an amount comes to, by customer and period; what is no money is left out."""
    dated = with_day_numbers(rows, {"_date": "date"}).filter(~nw.col("_date").is_null())
    step = periods.step_expr("date", "_date", freq).cast(nw.Int64)
    numbered = dated.select(
        "customer_id", _step=step, **{f"_{amount}": nw.col(amount).cast(nw.Float64)}
    )
    known = numbered.filter(nw.col(f"_{amount}").abs() <= MOST)
    return known.group_by("customer_id", "_step").agg(nw.col(f"_{amount}").sum())

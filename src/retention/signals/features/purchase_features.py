"""What was known of customers' buying on each day: how often, how much, how long silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import RetentionError
from retention.frames import Frame, as_lazy, collect, in_kind_of, one_row, table_like
from retention.periods import DAYS, as_day, whole_days
from retention.signals.days.asked_days import tables_together
from retention.signals.days.own_rates import own_rate, p_silence, rates_of_purchases
from retention.signals.features.purchase_history import told_by_orders
from retention.signals.known.known_sums import known_sums
from retention.tables import SNAPSHOTS, TRANSACTIONS
from retention.tables.answer_columns import (
    amounts,
    differences,
    gives,
    numbers,
    optional_columns,
    shares,
)

if TYPE_CHECKING:
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.repeat_buying.buying.purchase_model import PurchaseModel

_RHYTHM = (
    *numbers("days_since_last", unit="days"),
    *numbers("n_orders", unit="purchase days"),
    *numbers("mean_gap", "sd_gap", "longest_gap", unit="days"),
    *numbers("gap_ratio", "overrun", unit="times"),
)
_WINDOWS = (
    *numbers("orders_now", "orders_before", unit="purchase days"),
    *differences("orders_change"),
    *amounts("sales_now", "sales_before"),
    *differences("sales_change"),
)
_BREADTH = (
    *numbers("breadth_now", "breadth_before", unit="categories"),
    *differences("breadth_change"),
)
_ORDER = (
    *amounts("mean_order", "mean_order_now"),
    *differences("mean_order_change"),
    *numbers("refund_share", unit="share of 1"),
)
_BY_MODEL = (*numbers("own_rate", unit="purchases a day"), *shares("p_silence", "p_no_purchase"))
_NOTHING = 1e-9
"""What sums to less is no money: the noise of orders that cancel."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of each day.

    Attributes:
        window: days of the window that ends on it.
        first: the first observed day, as a number; long ago where the log is whole.
        model: of purchases, if there is one.
        category: the column of what was bought, if there is one.
    """

    window: int
    first: int
    model: PurchaseModel | None
    category: str | None

    @property
    def names(self) -> list[str]:
        """The features, without a suffix, in their order."""
        breadth = () if self.category is None else _BREADTH
        told = () if self.model is None else _BY_MODEL
        return [column.name for column in (*_RHYTHM, *_WINDOWS, *breadth, *_ORDER, *told)]


@gives(
    "a customer on a day, with features",
    SNAPSHOTS.columns[:2],
    _RHYTHM,
    _WINDOWS,
    optional_columns(_BREADTH),
    _ORDER,
    optional_columns(_BY_MODEL),
)
def purchase_features(
    snapshots: IntoFrameT,
    transactions: IntoFrameT,
    *,
    window: int,
    observed_from: date | str | None = None,
    model: PurchaseModel | None = None,
    category: str | None = None,
    suffix: str = "",
) -> IntoFrameT:
    """What was known of each customer's buying on the day: nothing after it is looked at.

    On day a, with purchase days d₁ < … < dₖ ≤ a, x = k − 1, t_x = dₖ − d₁, s = a − dₖ, gaps
    g₂ … gₖ between them, the window "now" of the days (a − W, a] and the one "before" it
    (a − 2W, a − W],

        mean_gap = t_x / x,   sd_gap = √(Σ (g − mean_gap)² / (x − 1)),

        gap_ratio = s / mean_gap,   overrun = s / longest_gap,

        change = (now − before) / (now + before),   −1 for all lost, 1 for nothing before,

    of orders (days with a purchase), of sales, and of breadth (different values of `category` among
    what was bought). Each change is free of the currency. A purchase is one under the rules of
    `customer_periods`, and brings its net sales; orders below 0 are refunds. With r, α of a model,

        own_rate = (r + x) / (α + t_x + s),   p_silence = ((α + t_x) / (α + t_x + s))^(r + x):

    the purchases a day to be expected of a customer who is still here, and the chance that such a
    one is silent for so long.

    What was not wholly seen is null, not 0: gaps of who bought once; "now" that begins before
    `observed_from`; "before" unless the first purchase and `observed_from` lie before all of it; a
    change of nothing; the mean of no order.

    Money is added up exactly, so that what was known of a day is the same to the last bit on a log
    that ends there and on one that goes on.

    Args:
        snapshots: a table of `snapshots` or `contract_snapshots`, or any of customers and days.
        transactions: a table from `as_transactions`, of the same kind.
        window: W, days of the window, 1 or more.
        observed_from: the first day from which the log holds all orders, where it was cut at the
            front. Default: it is whole.
        model: of `fit_pareto_nbd`, `fit_mbg_nbd` or `fit_bg_nbd`, fitted on what was known by the
            first of the days, so that nothing comes from later.
        category: the column of `transactions` that says what was bought; rows without it do not
            count.
        suffix: ends the names of the features, so that those of several windows can stand side by
            side.

    Returns:
        The snapshots, in the caller's kind, with `days_since_last` (s, days), `n_orders` (k, 0 if
        nothing was bought by then), `mean_gap`, `sd_gap`, `longest_gap` (days), `gap_ratio`,
        `overrun` (times), `orders_now`, `orders_before`, `orders_change`, `sales_now`,
        `sales_before` (currency), `sales_change`; with `category`, `breadth_now`,
        `breadth_before`, `breadth_change`; `mean_order` (sales per purchase day so far),
        `mean_order_now` (in the window), `mean_order_change` ((now − so far) / (now + so far)),
        `refund_share` (refunds of the window / its sales); with `model`, `own_rate`, `p_silence`,
        `p_no_purchase` (the model's chance of no purchase in the next `window` days; null where the
        start was not seen). Eager tables are sorted by customer and day.

    Raises:
        RetentionError: if `window` is no whole number of days above 0, `suffix` is no text, or
            `model` is no model of purchases.
        ColumnError: if a column is missing, of the wrong type, or the snapshots have one that is
            added.
        ContentError: if a snapshot lacks its customer or day, there is no order by the last day, or
            amounts are in several currencies.
        TableError: if the two are different kinds of table.

    Example:
        Ann bought for 10, 20 and 30 on 1, 11 and 31 January; on 10 February she has been silent for
        10 days, and in the last 20 days has bought once, as in the 20 before.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": ["Ann", "Ann", "Ann"],
        ...     "date": pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-31"]),
        ...     "sales": [10.0, 20.0, 30.0],
        ... })
        >>> days = rt.signals.snapshots(orders, dates="2024-02-10", active_within=30)
        >>> found = rt.signals.purchase_features(days, orders, window=20)
        >>> found[["days_since_last", "n_orders", "mean_gap", "longest_gap", "gap_ratio"]].round(3)
           days_since_last  n_orders  mean_gap  longest_gap  gap_ratio
        0             10.0       3.0      15.0         20.0      0.667
        >>> found[["orders_now", "orders_before", "orders_change", "sales_change", "mean_order"]]
           orders_now  orders_before  orders_change  sales_change  mean_order
        0         1.0            1.0            0.0           0.2        20.0

    Source:
        Buttle, F. (2009), Customer Relationship Management, chapter 9 (signs of leaving: reduced
        recency, frequency and monetary value). Rates: Schmittlein, Morrison and Colombo (1987),
        Management Science 33, 1–24.
    """
    asked = _checked_features(window, observed_from, model, category)
    if not isinstance(suffix, str):
        raise RetentionError(f"suffix must be text, such as '_90'; got {suffix!r}.")
    made = {name: f"{name}{suffix}" for name in asked.names}
    rows, log = tables_together(
        snapshots, transactions, TRANSACTIONS, adds=list(made.values()), money="all"
    )
    names = [name for name in rows.collect_schema().names() if name != "_day"]
    found = _features_of_days(rows, log, asked)
    told = found.select("customer_id", "_day", *(nw.col(n).alias(m) for n, m in made.items()))
    answer = rows.join(told, on=["customer_id", "_day"], how="left")
    order = [name for name in ("customer_id", "as_of", "spell") if name in names]
    return in_kind_of(
        answer.select(*names, *made.values()), snapshots, order=order, keep_type=names
    )


def _checked_features(
    window: int, observed_from: date | str | None, model: PurchaseModel | None, category: str | None
) -> _Asked:
    """The question, once it is one.

    Raises:
        RetentionError: if it is none.
    """
    if model is not None:
        rates_of_purchases(model)
    first = -(10**9)
    if observed_from is not None:
        first = periods.number_of(as_day(observed_from, argument="observed_from"))
    return _Asked(whole_days(window, argument="window", least=1), first, model, category)


def _features_of_days(rows: Frame, log: Frame, asked: _Asked) -> Frame:
    """Every feature of each customer and day, under its own name."""
    last = one_row(rows.select(last=nw.col("_day").max()))["last"]
    until = int(last) if last is not None else _last_day_of(log)
    told = told_by_orders(log, last=until, window=asked.window, category=asked.category)
    found = known_sums(rows, told)
    if "_refunds_now" not in found.collect_schema():
        found = found.with_columns(_refunds_now=nw.lit(0.0))
    dated = _with_rhythm(found, asked)
    made = _with_windows(dated, asked)
    return made if asked.model is None else _with_chances(made, asked.model, asked)


def _last_day_of(log: Frame) -> int:
    """The last day of the log, for snapshots of nobody; the first of all if it is empty."""
    day = periods.day_expr("date", log.implementation).max()
    return int(one_row(log.select(last=day))["last"] or 0)


def _with_rhythm(found: Frame, asked: _Asked) -> Frame:
    """How often and how regularly was bought, and how long since."""
    some, again = nw.col("_n") > 0, nw.col("_n") > 1
    day, first, latest = nw.col("_day"), nw.col("_first"), nw.col("_last")
    dated = found.with_columns(
        _s=nw.when(some).then(day - latest).cast(nw.Float64),
        _x=nw.when(some).then(nw.col("_n") - 1).cast(nw.Float64),
        _t_x=nw.when(some).then(latest - first).cast(nw.Float64),
        _T=nw.when(some & (first >= asked.first)).then(day - first).cast(nw.Float64),
        _longest=nw.when(again).then(nw.col("_gap")).cast(nw.Float64),
        _gaps2=nw.col("_gaps2").cast(nw.Float64),
    )
    x, t_x, s = nw.col("_x"), nw.col("_t_x"), nw.col("_s")
    spread = (x * nw.col("_gaps2") - t_x * t_x) / (x * (x - 1))
    return dated.with_columns(
        days_since_last=s,
        n_orders=nw.col("_n").cast(nw.Float64),
        mean_gap=nw.when(x > 0).then(t_x / x),
        sd_gap=nw.when(x > 1).then(spread**0.5),
        longest_gap=nw.col("_longest"),
        gap_ratio=nw.when(x > 0).then(s * x / t_x),
        overrun=nw.when(x > 0).then(s / nw.col("_longest")),
    )


def _with_windows(found: Frame, asked: _Asked) -> Frame:
    """What was bought in the two windows, how it changed, and what an order brings."""
    opens = nw.col("_day") - asked.window + 1
    seen_now = opens >= asked.first
    seen_before = (opens - asked.window >= asked.first) & (nw.col("_first") < opens - asked.window)
    figures = ["orders", "sales", *([] if asked.category is None else ["breadth"])]
    ends = {"now": seen_now, "before": seen_before}
    windows = found.with_columns(
        **{
            f"{name}_{end}": nw.when(seen).then(nw.col(f"_{name}_{end}")).cast(nw.Float64)
            for name in figures
            for end, seen in ends.items()
        }
    )
    changes = {f"{n}_change": _change(f"{n}_now", f"{n}_before") for n in figures}
    n, now = nw.col("_n"), nw.col("_orders_now")
    means = windows.with_columns(
        **changes,
        mean_order=nw.when(n > 0).then(nw.col("_all") / n),
        mean_order_now=nw.when(seen_now & (now > 0)).then(nw.col("_sales_now") / now),
        refund_share=nw.when(seen_now & (nw.col("_sales_now") > _NOTHING)).then(
            nw.col("_refunds_now") * -1.0 / nw.col("_sales_now")
        ),
    )
    return means.with_columns(mean_order_change=_change("mean_order_now", "mean_order"))


def _change(now: str, before: str) -> nw.Expr:
    """(now − before) / (now + before), null of nothing."""
    both = nw.col(now) + nw.col(before)
    return nw.when(both > _NOTHING).then((nw.col(now) - nw.col(before)) / both)


def _with_chances(found: Frame, model: PurchaseModel, asked: _Asked) -> Frame:
    """What a model of purchases says of each record."""
    rates = rates_of_purchases(model)
    record = (nw.col("_x"), nw.col("_t_x"), nw.col("_s"))
    rated = found.with_columns(
        own_rate=own_rate(rates, *record), p_silence=p_silence(rates, *record)
    )
    keys = ["_x", "_t_x", "_T"]
    known = found.filter(~nw.col("_T").is_null())
    chances = _chances_of_records(collect(known.select(*keys).unique()), model, asked.window)
    table = as_lazy(table_like(chances, found.to_native()), by_row=True)
    return rated.join(table, on=keys, how="left")


def _chances_of_records(records: Any, model: PurchaseModel, within: int) -> dict[str, Any]:
    """The chance of no purchase within some days, of each different record."""
    import pandas as pd

    keys = {name: np.asarray(records[name], np.float64) for name in ("_x", "_t_x", "_T")}
    if not keys["_x"].size:
        return {**keys, "p_no_purchase": keys["_x"]}
    unit = DAYS[str(model.unit)]
    summary = pd.DataFrame(
        {
            "customer_id": np.arange(keys["_x"].size),
            "x": keys["_x"].astype(np.int64),
            "t_x": keys["_t_x"] / unit,
            "T": keys["_T"] / unit,
            "unit": model.unit,
        }
    )
    said = model.p_no_purchase(summary, within=within / unit)
    return {**keys, "p_no_purchase": said["p_no_purchase"].to_numpy(np.float64)}

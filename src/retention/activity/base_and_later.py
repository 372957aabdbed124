"""What became of the customers of a period: each beside what they did `lag` periods later."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.activity.later_at_hand import LATER, pairs_at_hand
from retention.activity.window import CONSTANTS
from retention.errors import check_choice, count_of, warn
from retention.frames import (
    Frame,
    count,
    keeps_tables,
    one_row,
    orders_well,
    same_values_of,
    with_later,
    with_same_values,
)
from retention.orders import net_sum
from retention.periods import check_lag
from retention.tables import ACTIVITY, AT_START, require, segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.tables import Adds

FURTHEST_SHIFT = 12
"""Up to this lag, shifting rows is cheaper than a join."""

_BASE = {"sales": "s0", "profit": "p0"}
_PAIRED = ("retained", "s0", "s1", "p0", "p1")
"""What `base_and_later` puts beside the segments."""


def activity_by_segments(
    activity: object,
    by: str | Sequence[str],
    *,
    working: Sequence[str] = (),
    adds: Adds = "within",
    starts: bool = False,
    again: bool = False,
    by_row: bool = False,
) -> tuple[Frame, list[str]]:
    """Activity counted over exactly the segments asked for, and their names.

    A customer is active in a wider segment if active in one of its parts; sales and profit add up.
    Of contracts, only what was in force at openings, unless `starts` are wanted: then the periods
    in which first contracts began as well, and the columns that tell of them.

    Args:
        activity: an activity table of any engine.
        by: segment columns.
        working: columns that the caller makes on the way, which no segment may be named like.
        adds: over what the caller adds money up; "none" where it counts customers alone.
        starts: whether the starts of contracts are wanted as well.
        again: whether several rows may be of one customer, segment and period.
        by_row: whether a large pandas table stays in pandas.

    Raises:
        ColumnError: if a segment is not a column of the activity, or named like one of the answer.
        ContentError: if money would be added up that is in several currencies.
    """
    names = segments(by, ACTIVITY, working=(*_PAIRED, *working))
    frame = require(activity, ACTIVITY, extra=names, adds=adds, by_row=by_row)
    present = frame.collect_schema().names()
    told = [column.name for column in AT_START] if has_starts(frame) else []
    if told and not starts:
        frame = frame.filter(nw.col("active")).drop(*told)
        present, told = [name for name in present if name not in told], []
    if not again and set(present) <= {*ACTIVITY.names, *names, *told}:
        return frame, names
    rows = (
        frame.with_columns(active=count(nw.col("active")))
        .group_by("customer_id", *names, "period", "step", *CONSTANTS)
        .agg(
            nw.col("n_orders").sum(),
            nw.col("sales").sum(),
            nw.col("profit").sum(),
            nw.col("active").max(),
            nw.col("profit").count().alias("_known"),
            nw.len().alias("_rows"),
            *(nw.col(name).min().alias(f"_least_{name}") for name in ("sales", "profit")),
            *(nw.col(name).min() for name in told if name == "started"),
            *(nw.col(name).sum() for name in told if name != "started"),
        )
    )
    known = [name for name in ("profit", "profit_at_start") if name in (*ACTIVITY.names, *told)]
    profit = [
        nw.when(nw.col("_known") == nw.col("_rows")).then(nw.col(name)).alias(name)
        for name in known
    ]
    rows = rows.with_columns(*(net_sum(name, f"_least_{name}") for name in ("sales", "profit")))
    rows = rows.with_columns(*profit, active=nw.col("active") == 1)
    return rows.drop("_known", "_rows", "_least_sales", "_least_profit"), names


def has_starts(frame: Frame) -> bool:
    """Whether activity is of contracts, and has the periods in which first contracts began."""
    return {column.name for column in AT_START} <= set(frame.collect_schema().names())


def warn_of_unseen(activity: object) -> None:
    """Warn of customers who came and went between two openings, whom snapshots never see."""
    frame = require(activity, ACTIVITY, adds="none")
    if not has_starts(frame):
        return
    known = frame.filter(nw.col("started") < nw.col("last_step"))
    lives = known.with_columns(active=count(nw.col("active"))).group_by("customer_id")
    seen = lives.agg(nw.col("active").max(), nw.col("freq").min())
    unseen = seen.filter(nw.col("active") == 0)
    found = one_row(unseen.select(nw.len().alias("n"), nw.col("freq").min()))
    if n := int(found["n"]):
        warn(
            f"{count_of(n, 'customer was', 'customers were')} under contract at the opening of no "
            f"{found['freq']} and {'is' if n == 1 else 'are'} not in this table. Follow everybody "
            "from their start with cohort_retention(activity), or survival_curve("
            "contract_spells(...)); or take a shorter freq in contract_periods."
        )


def base_and_later(
    frame: Frame,
    *,
    lag: int,
    by: Sequence[str],
    lost_to: str,
    later: Sequence[str] = ("sales", "profit"),
    at_hand: bool = False,
) -> Frame:
    """The customers active in each period (the base), and what they did `lag` periods later.

    Args:
        frame: activity over the segments `by`, see `activity_by_segments`.
        lag: how many periods later, 1 or more.
        by: the segment columns.
        lost_to: "firm" counts a customer as retained who is active anywhere in the firm; "segment"
            only one who is active in the same segment.
        later: which later money is wanted: "sales", "profit", both or none.
        at_hand: whether the frame is of rows that are there, of a pandas or Polars table.

    Returns:
        One row per customer, segment and base period whose later period was observed whole:
        `customer_id`, the `by` columns, `step`, `s0` and `p0` (sales and profit in the base
        period), `retained` (1 or 0), `s1` and `p1` as far as wanted (in the later period and the
        same segment; 0 for those not retained), and the constants of the activity.
    """
    check_lag(lag)
    check_choice("lost_to", lost_to, ("firm", "segment"))
    in_firm = lost_to == "firm" and bool(by)
    if at_hand:
        pairs = pairs_at_hand(frame, lag=lag, by=by, in_firm=in_firm, later=later)
        if pairs is not None:
            return pairs
    active, same = frame.filter(nw.col("active")), same_values_of(frame)
    if in_firm:
        pairs = _pairs_of_firm(frame, active, by, lag, later)
    elif keeps_tables(frame):
        base, who = _base_of_pairs(active, by).drop(*same), ["customer_id", *by]
        money = {_BASE[name]: LATER[name] for name in later}
        pairs = with_later(base, who, "step", lag=lag, met="retained", values=money)
        pairs = with_same_values(pairs, same)
    elif orders_well(frame) and lag <= FURTHEST_SHIFT:
        pairs = _pairs_by_shifting(active, by, lag, later)
    else:
        met = _shifted_back(active, by, lag, later)
        pairs = _base_of_pairs(active, by).join(met, on=_keys_of_pairs(by), how="left")
    pairs = pairs.filter(nw.col("step") <= nw.col("last_step") - lag)
    pairs = pairs.with_columns(nw.col("retained").fill_null(0).cast(nw.Int64))
    pairs = pairs.with_columns(_later_money_of_retained(LATER[money]) for money in later)
    return with_same_values(pairs, same)


def _keys_of_pairs(by: Sequence[str]) -> list[str]:
    return ["customer_id", *by, "step"]


def _base_of_pairs(active: Frame, by: Sequence[str]) -> Frame:
    return active.select(*_keys_of_pairs(by), *CONSTANTS, s0=nw.col("sales"), p0=nw.col("profit"))


def _shifted_back(rows: Frame, by: Sequence[str], lag: int, later: Sequence[str]) -> Frame:
    """What was bought in a period, filed under the period `lag` before."""
    money = [nw.col(name).alias(LATER[name]) for name in later]
    return rows.select("customer_id", *by, *money, step=nw.col("step") - lag, retained=nw.lit(1))


def _pairs_of_firm(
    frame: Frame, active: Frame, by: Sequence[str], lag: int, later: Sequence[str]
) -> Frame:
    """Retained wherever they buy later; their later money is that of the same segment."""
    anywhere = active.select("customer_id", step=nw.col("step") - lag, retained=nw.lit(1)).unique()
    met = _base_of_pairs(active, by).join(anywhere, on=["customer_id", "step"], how="left")
    if not later:
        return met
    here = _shifted_back(frame, by, lag, later).rename({"retained": "_here"})
    met = met.join(here, on=_keys_of_pairs(by), how="left")
    elsewhere = nw.col("_here").is_null()  # who bought elsewhere, bought for 0 here
    money = [LATER[name] for name in later]
    return met.with_columns(
        nw.when(elsewhere).then(nw.lit(0.0)).otherwise(nw.col(name)).alias(name) for name in money
    ).drop("_here")


def _pairs_by_shifting(active: Frame, by: Sequence[str], lag: int, later: Sequence[str]) -> Frame:
    """The same without a join, which would count a lazy activity twice.

    A customer's rows in order of period: the one `lag` periods later, if there is one, is among the
    next `lag` rows.
    """
    ahead = {
        f"_{name}_{j}": nw.col(name).shift(-j).over("customer_id", *by, order_by="step")
        for name in ("step", *later)
        for j in range(1, lag + 1)
    }
    rows = active.with_columns(**ahead)
    met = [(nw.col(f"_step_{j}") == nw.col("step") + lag, j) for j in range(1, lag + 1)]
    money = {
        LATER[name]: nw.coalesce(*(nw.when(here).then(nw.col(f"_{name}_{j}")) for here, j in met))
        for name in later
    }
    return rows.select(
        *_keys_of_pairs(by),
        *CONSTANTS,
        s0=nw.col("sales"),
        p0=nw.col("profit"),
        **money,
        retained=reduce(add, (count(here) for here, _ in met)),  # at most one of them is met
    )


def _later_money_of_retained(money: str) -> nw.Expr:
    """Later sales of the retained, 0 for the lost; null stays null where the money is unknown."""
    known = nw.when(nw.col("retained") == 1).then(nw.col(money))
    return known.otherwise(nw.lit(0.0)).alias(money)

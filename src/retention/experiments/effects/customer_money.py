"""What the customers of each arm brought in the days after they were assigned: sums of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ColumnError, ContentError, count_of
from retention.experiments.effects.compared_arms import CLUSTER, SINCE, STRATUM
from retention.frames import Frame, collect, count
from retention.orders import checked_log, order_keys, purchases
from retention.tables import TRANSACTIONS

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from retention.experiments.effects.compared_arms import Trial

    Floats = NDArray[np.float64]

Counted = Literal["profit", "sales", "orders"]

_QUIET_DAYS = 7
_SUMS = ("y", "yy", "x", "xx", "xy", "n_capped")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is summed of a customer.

    Attributes:
        of: profit, sales or orders.
        within: days from the assignment on, its own day included.
        before: days before the assignment, 0 for none.
        cap: the most that counts of a customer, either way; infinite for no limit.
        as_of: the last observed day.
        observed_from: the first observed day, None if it is that of the first order.
    """

    of: Counted
    within: int
    before: int
    cap: float
    as_of: date
    observed_from: date | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over customers whose window is over, by cell, stratum, cluster and whether new.

    Attributes:
        cell: segment and arm of each row.
        stratum: the number of the stratum, 0 where there are none.
        cluster: that of the cluster.
        new: whether they ordered nothing before they were assigned.
        n: customers.
        y: Σ of what they brought, `yy` of its squares; `x` and `xx` likewise of before, and `xy`.
        n_capped: customers of whom a part does not count.
        n_assigned: of each cell, all customers, whether their window is over or not.
    """

    cell: NDArray[np.intp]
    stratum: NDArray[np.intp]
    cluster: NDArray[np.intp]
    new: NDArray[np.bool_]
    n: Floats
    y: Floats
    yy: Floats
    x: Floats
    xx: Floats
    xy: Floats
    n_capped: Floats
    n_assigned: Floats

    def rows(self, chosen: Any) -> Sums:
        """Some of the rows."""
        names = ("cell", "stratum", "cluster", "new", "n", *_SUMS)
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def per_cell(self, values: Floats) -> Floats:
        """The sum of values of rows, of each cell."""
        return np.bincount(self.cell, values, self.n_assigned.size).astype(np.float64)


def money_by_cell(transactions: Frame, trial: Trial, asked: Asked) -> Sums:
    """What came of the customers of a trial, summed by the engine.

    Args:
        transactions: the checked table.
        trial: the assignment beside it.
        asked: what is summed.

    Raises:
        ColumnError: if profit is asked for and not there.
        ContentError: if no window is over, orders are not known as far back as is asked, or no
            customer of the assignment is in transactions.
    """
    schema = transactions.collect_schema()
    if asked.of not in schema and asked.of != "orders":
        raise ColumnError.missing(
            "transactions", asked.of, "contribution of the line", schema, TRANSACTIONS.door
        )
    needed = ["sales"] + ["profit"] * (asked.of == "profit")
    keys = [name for name in order_keys(transactions, "date") if name != "date"]
    lines = transactions.select(*keys, "date", *needed)
    log = checked_log(lines, "date", as_of=asked.as_of)
    log.warn_of_silence(asked.as_of, usual=_QUIET_DAYS)
    told = _told_of_customers(_amounts_of_lines(lines, asked), trial, asked)
    groups = [*trial.keys, *_whereto(trial), "_new", "_over"]
    found = collect(
        told.group_by(*groups).agg(
            nw.len().alias("_n"),
            nw.col("_seen").sum(),
            nw.col("_start").min(),
            *(nw.col(f"_{name}").sum() for name in _SUMS),
        )
    )
    _refuse_what_is_not_known(found, asked, asked.observed_from or log.first)
    return _sums_from_groups(found, trial)


def _whereto(trial: Trial) -> list[str]:
    return [STRATUM] * trial.stratified + [CLUSTER] * trial.clustered


def _amounts_of_lines(transactions: Frame, asked: Asked) -> Frame:
    """`customer_id`, `_day` and `_amount` of each line, or 1 for each order that is a purchase."""
    day = periods.day_expr("date", transactions.implementation)
    money = nw.col("profit" if asked.of == "profit" else "sales").cast(nw.Float64)
    keys = [name for name in order_keys(transactions, "_day") if name != "_day"]
    lines = transactions.select(*keys, _day=day, sales=money)
    lines = lines.filter(nw.col("_day") <= periods.number_of(asked.as_of))
    if asked.of == "orders":
        lines = purchases(lines, "_day").with_columns(sales=nw.lit(1.0))
    return lines.select("customer_id", "_day", nw.col("sales").alias("_amount"))


def _told_of_customers(lines: Frame, trial: Trial, asked: Asked) -> Frame:
    """What each customer brought, before and after, its squares, and what is known of them."""
    engine = trial.frame.implementation
    people = trial.frame.with_columns(_start=periods.day_expr(SINCE, engine).cast(nw.Int64))
    days = lines.join(people.select("customer_id", "_start"), on="customer_id", how="inner")
    timed = days.with_columns(_gone=nw.col("_day") - nw.col("_start"))
    after = (nw.col("_gone") >= 0) & (nw.col("_gone") < asked.within)
    ahead = (nw.col("_gone") < 0) & (nw.col("_gone") >= -asked.before)
    split = timed.with_columns(
        _after=nw.when(after).then(nw.col("_amount")).otherwise(nw.lit(0.0)),
        _ahead=nw.when(ahead).then(nw.col("_amount")).otherwise(nw.lit(0.0)),
        _old=count(nw.col("_gone") < 0),
        _seen=nw.lit(1).cast(nw.Int64),
    )
    each = split.group_by("customer_id").agg(
        nw.col("_after").sum(),
        nw.col("_ahead").sum(),
        nw.col("_old").max(),
        nw.col("_seen").max(),
    )
    rows = people.join(each, on="customer_id", how="left").with_columns(
        nw.col("_after", "_ahead").fill_null(0.0), nw.col("_old", "_seen").fill_null(0)
    )
    until = periods.number_of(asked.as_of) - asked.within + 1
    pace = asked.cap * asked.before / asked.within if asked.before else asked.cap
    capped = rows.with_columns(
        _y=_within_cap("_after", asked.cap),
        _x=_within_cap("_ahead", pace),
        _n_capped=count((nw.col("_after") > asked.cap) | (nw.col("_after") < -asked.cap)),
        _new=count(nw.col("_old") == 0),
        _over=count(nw.col("_start") <= until),
    )
    y, x = nw.col("_y"), nw.col("_x")
    return capped.with_columns(_yy=y * y, _xx=x * x, _xy=x * y)


def _within_cap(name: str, cap: float) -> nw.Expr:
    """An amount, and the cap in its place where it is beyond it, either way."""
    value = nw.col(name)
    if not np.isfinite(cap):
        return value
    low = nw.when(value < -cap).then(nw.lit(-cap)).otherwise(value)
    return nw.when(value > cap).then(nw.lit(cap)).otherwise(low)


def _refuse_what_is_not_known(found: dict[str, Any], asked: Asked, first: date) -> None:
    """Refuse windows that nobody has yet, and days before the log began.

    Raises:
        ContentError: naming what to say instead.
    """
    if not found["_seen"].sum():
        n = int(found["_n"].sum())
        raise ContentError(
            f"transactions: none of the {count_of(n, 'customer')} of the assignment has an order "
            "in it. Are these the same customers, by the same ids?"
        )
    over = found["_over"] == 1
    earliest = int(found["_start"].min())
    if not over.any():
        longest = periods.number_of(asked.as_of) - earliest + 1
        raise ContentError(
            f"Nobody was assigned {count_of(asked.within, 'day')} before the end of {asked.as_of}; "
            f"the longest anyone was watched is {count_of(longest, 'day')}. Take "
            f"`within={longest}` or wait."
        )
    _refuse_days_before_orders(earliest, asked, first)


def _refuse_days_before_orders(earliest: int, asked: Asked, first: date) -> None:
    """Refuse customers, or days before them, of a time of which orders are not known."""
    known = periods.number_of(first)
    if asked.observed_from is not None and earliest < known:
        raise ContentError(
            f"assignment: the first customer was assigned on {periods.day_of(earliest)}, before "
            f"`observed_from` {first}: what was bought then is not known."
        )
    if earliest + asked.within <= known:
        raise ContentError(
            f"assignment: the days of the first customer, assigned on {periods.day_of(earliest)}, "
            f"were over before the first order, of {first}: what was bought then is not known. "
            "Leave out who was assigned so early, or say since when orders are known, with "
            "`observed_from=`."
        )
    if asked.before and earliest - asked.before < known:
        days = earliest - known
        take = f"Take `before={days}`" if days > 0 else "Leave `before` out"
        said, other = "`observed_from` is", ""
        if asked.observed_from is None:
            said = "the first order is of"
            other = ", or say since when orders are known, with `observed_from=`"
        raise ContentError(
            f"`before={asked.before}` reaches back to {periods.day_of(earliest - asked.before)}, "
            f"and {said} {first}. {take}{other}."
        )


def _sums_from_groups(found: dict[str, Any], trial: Trial) -> Sums:
    cell = trial.cells(found)
    none = np.zeros(cell.size, np.intp)
    sums = {name: found[f"_{name}"].astype(np.float64) for name in ("n", *_SUMS)}
    whole = Sums(
        cell=cell,
        stratum=np.unique(found[STRATUM], return_inverse=True)[1] if trial.stratified else none,
        cluster=np.unique(found[CLUSTER], return_inverse=True)[1] if trial.clustered else none,
        new=found["_new"] == 1,
        n_assigned=np.bincount(cell, sums["n"], trial.n_cells).astype(np.float64),
        **sums,
    )
    over = np.flatnonzero(found["_over"] == 1)
    order = np.lexsort([whole.new[over], whole.cluster[over], whole.stratum[over], cell[over]])
    return whole.rows(over[order])

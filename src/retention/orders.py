"""What an order is and when it is a purchase, and the look at a log before it is counted.

An order is the lines of one customer with one `order_id` on one day; without order ids, the lines
of one customer on one day. It is a purchase if its sales do not sum to less than 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, warn
from retention.frames import collect, count, one_row, rows_without_repeats

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from retention.frames import Frame

    Whole = NDArray[np.int64]

MOST = 1e15
"""Nothing beyond it is money: floats no longer tell its cents, and their squares overflow."""

NOISE = 1e-9
"""A sum is 0 within this share of its largest terms: 0.1 + 0.2 − 0.3 is nothing."""


@dataclass(frozen=True, slots=True)
class Together:
    """Which columns of several rows are told by their least value, their greatest and their sum.

    Rows that are not alike in the columns of `apart`, which are segments, are not told together.
    """

    least: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()


_NOTHING = Together()


@dataclass(frozen=True, slots=True)
class Log:
    """What one look at the order lines told.

    Attributes:
        n: how many lines there are.
        first: the first day with one.
        last: the last.
        only_sales: whether no line is a refund.
        n_tail: how many lines lie in the tail that was asked for.
        no_losses: whether no profit is below 0.
        by_day: the days with lines, as ascending numbers, and how many each has, if asked for.
    """

    n: int
    first: date
    last: date
    only_sales: bool
    n_tail: int = 0
    no_losses: bool = False
    by_day: tuple[Whole, Whole] | None = field(default=None, compare=False)

    def warn_of_silence(self, as_of: date, *, usual: int, argument: str = "as_of") -> None:
        """Warn when the log fell silent before `as_of` for longer than chance allows at its pace.

        Args:
            as_of: the last observed day.
            usual: so many days of silence are never worth a warning.
            argument: what the user calls that day.
        """
        silent = (as_of - self.last).days
        pace = (self.last - self.first).days / max(self.n - 1, 1)
        if silent > max(usual, pace * (math.log(self.n) + 5)):
            warn(
                f"The last order is of {self.last}, {silent} days before `{argument}` {as_of}: if "
                "the data end there, the last periods are incomplete and the silence looks like "
                f"churn. Set `{argument}` to the last day the data cover."
            )


def checked_log(
    lines: Frame,
    day: str,
    *,
    as_of: date,
    tail: nw.Expr | None = None,
    by_day: bool = False,
) -> Log:
    """How many lines there are, from when to when, and whether all are fit to be counted.

    Args:
        lines: order lines with `sales`.
        day: the column of their days, as dates or as numbers of days.
        as_of: the last observed day.
        tail: holds for lines that are counted apart, in `n_tail`.
        by_day: whether the lines of each day are counted in the same look.

    Raises:
        ContentError: if there is no line, none up to `as_of`, or nothing but refunds; or if lines
            lack a customer, a day or an amount.
    """
    money = [name for name in ("sales", "profit") if name in lines.collect_schema()]
    fit = {f"_{name}": count(_is_amount(name)) for name in money}
    ends = nw.lit(0) if tail is None else count(tail)
    until = periods.day_literal(as_of, lines.implementation)
    if lines.collect_schema()[day].is_numeric():
        until = nw.lit(periods.number_of(as_of))
    seen = nw.when(nw.col(day) <= until).then(nw.col("sales"))
    looked = lines.with_columns(_tail=ends, _seen=seen, **fit)
    found, days = (_look_by_day if by_day else _look_at_all)(looked, day, money)
    if not found["n"]:
        raise ContentError("transactions is empty: there is no order in it.")
    _refuse_gaps(found, ["customer_id", "date", *money], "transactions")
    first, last = _date_of_value(found["first"]), _date_of_value(found["last"])
    if first > as_of:
        raise ContentError(
            f"`as_of` is {as_of}, but the first order is of {first}: nothing was observed by then."
        )
    if found["most"] < 0:
        until_then = f" up to `as_of` {as_of}" if last > as_of else ""
        raise ContentError(f"transactions holds refunds only{until_then}: nobody bought anything.")
    at_least_0 = {name: found[f"least {name}"] >= 0 for name in money}
    tail_lines = int(found["tail"])
    return Log(
        int(found["n"]),
        first,
        last,
        at_least_0["sales"],
        tail_lines,
        at_least_0.get("profit", True),
        days,
    )


def _terms_of_look(money: Sequence[str]) -> list[nw.Expr]:
    return [
        nw.len().alias("n"),
        nw.col("_tail").sum().alias("tail"),
        nw.col("customer_id").count(),
        *(nw.col(f"_{name}").sum().alias(name) for name in money),
        *(nw.col(name).min().alias(f"least {name}") for name in money),
        nw.col("_seen").max().alias("most"),
    ]


def _look_at_all(lines: Frame, day: str, money: Sequence[str]) -> tuple[dict[str, Any], None]:
    """What is told of all lines at once."""
    ends = (nw.col(day).count().alias("date"), nw.col(day).min().alias("first"))
    return one_row(
        lines.select(*_terms_of_look(money), *ends, nw.col(day).max().alias("last"))
    ), None


def _look_by_day(
    lines: Frame, day: str, money: Sequence[str]
) -> tuple[dict[str, Any], tuple[Whole, Whole] | None]:
    """The same from what is told of each day, and the lines of each: one query for two."""
    each = collect(lines.group_by(day).agg(*_terms_of_look(money)))
    n, dated = each["n"].astype(np.int64), each[day]
    numbered = dated.dtype.kind in "iuf"
    known = ~(np.isnan(dated) if numbered else np.isnat(dated.astype("datetime64[us]")))
    found: dict[str, Any] = {
        name: int(each[name].sum()) for name in ("n", "tail", "customer_id", *money)
    }
    if not known.any():
        return found | dict.fromkeys(("date", "first", "last", "most"), 0), None
    days = dated[known].astype(np.int64) if numbered else periods.day_numbers(dated[known])
    found |= {"date": int(n[known].sum()), "first": int(days.min()), "last": int(days.max())}
    for name in ("most", *(f"least {each}" for each in money)):
        values = each[name].astype(np.float64)
        some = values[~np.isnan(values)]
        least_or_most = np.max if name == "most" else np.min
        found[name] = float(least_or_most(some)) if some.size else 0.0
    order = np.argsort(days)
    return found, (days[order], n[known][order])


def first_contract_day(contracts: Frame, *, as_of: date) -> date:
    """The first day of the first contract, once all are fit to be counted.

    Args:
        contracts: `customer_id`, `start`, `end` and, where known, `sales` and `profit`.
        as_of: the last observed day.

    Raises:
        ContentError: if there is no contract, none that starts by `as_of`, or if contracts lack a
            customer, a start or an amount, or end before they start.
    """
    present = contracts.collect_schema()
    money = [name for name in ("sales", "profit") if name in present]
    fit = {f"_{name}": count(_is_amount(name)) for name in money}
    found = one_row(
        contracts.with_columns(_backwards=count(nw.col("end") < nw.col("start")), **fit).select(
            nw.len().alias("n"),
            nw.col("customer_id", "start").count(),
            *(nw.col(f"_{name}").sum().alias(name) for name in money),
            nw.col("_backwards").sum().alias("backwards"),
            nw.col("start").min().alias("first"),
        )
    )
    if not found["n"]:
        raise ContentError("contracts is empty: there is no contract in it.")
    _refuse_gaps(found, ["customer_id", "start", *money], "contracts")
    first = _date_of_value(found["first"])
    if first > as_of:
        raise ContentError(
            f"`as_of` is {as_of}, but the first contract starts on {first}: "
            "nothing was observed by then."
        )
    if found["backwards"]:
        raise ContentError(
            f"contracts: {int(found['backwards']):,} of {found['n']:,} rows end before they start. "
            "Load the table with as_contracts(...), which names them."
        )
    return first


def _is_amount(name: str) -> nw.Expr:
    """Neither missing, nor NaN or infinite, nor too large to be money."""
    return (nw.col(name) >= -MOST) & (nw.col(name) <= MOST)


def _refuse_gaps(found: dict[str, Any], columns: list[str], table: str) -> None:
    """Refuse a table in which rows lack what every figure needs."""
    for column in columns:
        if gaps := int(found["n"] - found[column]):
            raise ContentError(
                f"{table}: {gaps:,} of {found['n']:,} rows have no usable {column!r} (missing, or "
                f"no amount of money). as_{table}(...) names them, audit(as_{table}, ...) sets "
                "them aside."
            )


def order_keys(lines: Frame, day: str) -> list[str]:
    """The columns that tell one order from another."""
    named = ["order_id"] if "order_id" in lines.collect_schema() else []
    return ["customer_id", *named, day]


def netted_orders(
    lines: Frame,
    day: str,
    *,
    by: Sequence[str] = (),
    amounts: Sequence[str] = ("sales",),
    keep: Together = _NOTHING,
    plain: bool = False,
) -> Frame:
    """One row per order, and segment of it: its net amounts, and whether it is a purchase there.

    Args:
        lines: order lines with `sales`.
        day: the column of their days.
        by: segment columns; an order of several is a purchase in one if it is one in all and there.
        amounts: what adds up, `sales` and perhaps `profit`.
        keep: attributes of lines, and what is told of them together.
        plain: whether no line is a refund, so that every order is a purchase.

    Returns:
        The keys of `order_keys`, `by`, the amounts, what is kept, `_bought` (1 or 0), the lowest
        term of each sum that may have terms below 0, as `_least_sales` and `_least_profit`.
    """
    order = order_keys(lines, day)
    signed = [name for name in amounts if name != "sales" or not plain]
    rows = lines.group_by(*order, *by).agg(
        *(nw.col(name).sum() for name in (*amounts, *keep.sums)),
        *(nw.col(name).min().alias(f"_least_{name}") for name in signed),
        *(nw.col(name).min() for name in keep.least),
        *(nw.col(name).max() for name in keep.most),
    )
    if plain:
        return rows.with_columns(_bought=nw.lit(1).cast(nw.Int64))
    bought = is_not_below_zero("sales", "_least_sales")
    if by:
        rows = rows.with_columns(
            _total=nw.col("sales").sum().over(*order),
            _lowest=nw.col("_least_sales").min().over(*order),
        )
        bought = bought & is_not_below_zero("_total", "_lowest")
    return rows.with_columns(_bought=count(bought))


def purchases(lines: Frame, day: str, *, keep: Together = _NOTHING, plain: bool = False) -> Frame:
    """The orders, and their segments, that are purchases, one row each: see `netted_orders`."""
    rows = netted_orders(lines, day, by=keep.apart, keep=keep, plain=plain)
    return rows if plain else rows.filter(nw.col("_bought") == 1)


def lines_of_purchases(lines: Frame, day: str, by: Sequence[str]) -> Frame:
    """The lines of purchases, with the lines of a purchase that has a refund taken together.

    An order without a refund is a purchase in each of its segments, and nothing is summed to know
    it: it is cheap where refunds are few, and an engine does not mind looking at lines twice.

    Args:
        lines: order lines with `sales`.
        day: the column of their days.
        by: segment columns.

    Returns:
        `customer_id`, `by` and `day`, some of them several times.
    """
    plain, mixed = lines_by_refunds(lines, day)
    kept = ["customer_id", *by, day]
    bought = purchases(mixed, day, keep=Together(apart=tuple(by)))
    return nw.concat([plain.select(*kept), bought.select(*kept)])


def lines_by_refunds(lines: Frame, day: str) -> tuple[Frame, Frame]:
    """The lines of orders without a refund, each of which is a purchase, and those of the others.

    Args:
        lines: order lines with `sales`.
        day: the column of their days.
    """
    order = order_keys(lines, day)
    refunded = rows_without_repeats(lines.filter(nw.col("sales") < 0), order)
    return lines.join(refunded, on=order, how="anti"), lines.join(refunded, on=order, how="semi")


def is_not_below_zero(total: str, least: str) -> nw.Expr:
    """A sum of at least 0, give or take the noise of adding up terms of which `least` is lowest."""
    return nw.col(total) >= nw.col(least) * NOISE


def net_sum(total: str, least: str) -> nw.Expr:
    """A sum, 0 where it is the noise of adding up terms that cancel, of which `least` is lowest."""
    noise = nw.col(total).abs() <= nw.col(least) * -NOISE
    return nw.when(noise).then(nw.lit(0.0)).otherwise(nw.col(total)).alias(total)


def _date_of_value(value: Any) -> date:
    return (
        periods.day_of(value) if isinstance(value, int) else periods.as_day(value, argument="date")
    )

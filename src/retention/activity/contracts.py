"""Who was under contract as each period opened, for how much: activity from contracts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import isqrt
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np

from retention import periods
from retention.errors import ContentError, RetentionError
from retention.frames import Frame, as_lazy, as_text, in_kind_of, table_like
from retention.orders import look_at_contracts
from retention.tables import ACTIVITY, CONTRACTS, require, segments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from narwhals.stable.v2.typing import IntoFrameT

DAYS_A_MONTH = 30.4375
"""A year of 365.25 days has twelve months."""

_MONTHS = {
    "day": 1 / DAYS_A_MONTH,
    "week": 7 / DAYS_A_MONTH,
    "month": 1.0,
    "quarter": 3.0,
    "year": 12.0,
}


def contract_periods(
    contracts: IntoFrameT,
    *,
    freq: periods.Freq,
    as_of: date | str,
    by: str | Sequence[str] = (),
    observed_from: date | str | None = None,
) -> IntoFrameT:
    """Who was under contract as each period opened, with how many contracts and for how much.

    A contract is in force from its `start` to the day before its `end`. A customer is active in a
    period if a contract is in force on its first day: start ≤ first day < end, or without an end.
    So the customers of a period are its base, those in force as it opens, and of them those are
    retained who are in force as it closes, which is as the next one opens. A contract that starts
    and ends within one period is in force at no opening.

    With m the length of a period in months (month 1, quarter 3, year 12, day 1/30.4375, week
    7/30.4375) and r the recurring revenue a month,

        sales = m · Σ r  over the customer's contracts in force at the opening,

    the amount at which the period begins, whatever happens later in it; `profit` likewise.

    Given are the periods that open from `observed_from` to the midnight that closes `as_of`: the
    last one holds `as_of`, or opens right after it where a period closes with `as_of`, so that the
    period that was observed whole can be judged. A contract whose first day out is the day after
    `as_of` is out as that period closes, unless another one in the table starts on that day. What
    starts or ends later changes nothing.

    Args:
        contracts: a table from `as_contracts`.
        freq: length of a period: "day", "week" (Monday to Sunday), "month", "quarter" or "year".
        as_of: the last observed day, itself included. Nothing after it is looked at.
        by: segment columns of the contracts (plan, region …). They come back as text, with
            "(missing)" for those not filled in.
        observed_from: the first day from which every contract in force is in the table. Default:
            the first start, so that the first period is the one that opens on it or after it. Say
            the first day of an earlier one if nobody was under contract before: whoever starts in
            it is then new in the next.

    Returns:
        One row a customer, segment and period at whose opening a contract was in force, in the
        caller's kind: `customer_id`, the `by` columns, `period` (first day), `step` (its
        consecutive number), `n_orders` (contracts in force), `sales` and `profit` (currency a
        period; null where the contracts have none), `active` (always true), and the constants
        `first_step`, `last_step` and `freq`. Eager tables are sorted by segment, period and
        customer.

    Raises:
        RetentionError: if `observed_from` comes after `as_of`.
        ColumnError: if a column is missing or of the wrong type.
        ContentError: if no contract starts by `as_of`, no period opens in the time observed, or
            amounts are in several currencies and `by` does not keep these apart.

    Example:
        Ann pays 10 a month and leaves on 15 February; Bob comes on 20 January. March closes with
        `as_of`, so who is there as April opens is known.

        >>> import pandas as pd
        >>> import retention as rt
        >>> contracts = pd.DataFrame({
        ...     "customer_id": ["Ann", "Bob"],
        ...     "start": pd.to_datetime(["2024-01-01", "2024-01-20"]),
        ...     "end": pd.to_datetime(["2024-02-15", None]),
        ...     "sales": [10.0, 20.0],
        ... })
        >>> activity = rt.contract_periods(contracts, freq="month", as_of="2024-03-31")
        >>> activity[["customer_id", "period", "n_orders", "sales"]]
          customer_id     period  n_orders  sales
        0         Ann 2024-01-01         1   10.0
        1         Ann 2024-02-01         1   10.0
        2         Bob 2024-02-01         1   20.0
        3         Bob 2024-03-01         1   20.0
        4         Bob 2024-04-01         1   20.0

    Source:
        Buttle, F. (2009), Customer Relationship Management, 2nd ed., chapter 9: customers at the
        beginning of the period who are still customers at its end.
    """
    names = segments(by, CONTRACTS)
    segments(names, ACTIVITY)
    periods.check_freq(freq)
    frame = require(contracts, CONTRACTS, extra=names, alone=True)
    seen = _observed(frame, freq, as_of, observed_from)
    opened = _at_openings(_runs(frame, names, seen), seen)
    rows = _counted(opened, names, seen)
    order = [*names, "step", "customer_id"]
    return in_kind_of(
        _described(rows, names, seen), contracts, order=order, keep_type=("customer_id",)
    )


@dataclass(frozen=True, slots=True)
class _Observed:
    """The periods whose opening was observed, and their length."""

    first_step: int
    last_step: int
    freq: str

    @property
    def n_steps(self) -> int:
        return self.last_step - self.first_step + 1


def _observed(
    frame: Frame, freq: str, as_of: date | str, observed_from: date | str | None
) -> _Observed:
    last = periods.as_day(as_of, argument="as_of")
    begin = (
        None if observed_from is None else periods.as_day(observed_from, argument="observed_from")
    )
    if begin is not None and begin > last:
        raise RetentionError(f"observed_from is {begin}, after as_of {last}: nothing was observed.")
    earliest = look_at_contracts(frame, as_of=last)
    first_step = periods.step_of(periods.day_of(periods.number_of(begin or earliest) - 1), freq) + 1
    # Where a period closes with as_of, the next one opens at that same midnight.
    last_step = periods.step_of(last + timedelta(days=1), freq)
    if first_step > last_step:
        raise ContentError(
            f"No {freq} opens between {begin or earliest} and as_of {last}. "
            "Take a shorter freq, or say observed_from= if contracts were in force before."
        )
    return _Observed(first_step, last_step, freq)


def _runs(frame: Frame, by: Sequence[str], seen: _Observed) -> Frame:
    """Each contract with the first opening at which it was seen in force, and their number."""
    schema, engine, freq = frame.collect_schema(), frame.implementation, seen.freq
    money = [name for name in ("sales", "profit") if name in schema]
    dated = frame.select(
        "customer_id",
        "start",
        *(nw.col(name).cast(nw.Float64) for name in money),
        *(as_text(name, schema[name]) for name in by),
        _open=nw.col("end").is_null(),
        _out=nw.coalesce("end", "start"),
    )
    # The first period that opens on or after a day follows the one that holds the day before.
    for name, number in (("start", "_from"), ("_out", "_to")):
        before = dated.with_columns(_day=periods.day_expr(name, engine) - 1)
        before = before.with_columns(_eve=periods.date_expr(nw.col("_day"), engine))
        next_step = periods.step_expr("_eve", "_day", freq) + 1
        dated = before.with_columns(next_step.alias(number))
    past = (nw.col("_to") > seen.last_step) | nw.col("_open")
    early = nw.col("_from") < seen.first_step
    clipped = dated.with_columns(
        _from=nw.when(early).then(nw.lit(seen.first_step)).otherwise(nw.col("_from")),
        _to=nw.when(past).then(nw.lit(seen.last_step + 1)).otherwise(nw.col("_to")),
    ).with_columns(_n=(nw.col("_to") - nw.col("_from")).cast(nw.Int64))
    return clipped.filter(nw.col("_n") > 0).select("customer_id", *by, *money, "_from", "_n")


def _at_openings(runs: Frame, seen: _Observed) -> Frame:
    """Each contract once for every opening it is in force at, numbered by `step`."""
    size = isqrt(seen.n_steps) + 1
    blocks = runs.with_columns(_length=nw.col("_n"), _n=(nw.col("_n") - 1) // size + 1)
    repeated = _repeated(blocks, (seen.n_steps - 1) // size + 1).with_columns(
        _from=nw.col("_from") + nw.col("_place") * size,
        _n=nw.col("_length") - nw.col("_place") * size,
    )
    full = nw.when(nw.col("_n") > size).then(nw.lit(size)).otherwise(nw.col("_n"))
    rest = repeated.with_columns(_n=full.cast(nw.Int64)).drop("_place", "_length")
    each = _repeated(rest, size)
    return each.with_columns(step=nw.col("_from") + nw.col("_place")).drop("_from", "_place")


def _repeated(rows: Frame, most: int) -> Frame:
    """Each row `_n` times, numbered from 0 in `_place`: a join, which every engine does well."""
    n, place = np.tril_indices(most)
    table = as_lazy(table_like({"_n": n + 1, "_place": place}, rows.to_native()), by_row=True)
    return rows.join(table, on="_n", how="inner").drop("_n")


def _counted(opened: Frame, by: Sequence[str], seen: _Observed) -> Frame:
    months = _MONTHS[seen.freq]
    present = opened.collect_schema().names()
    money = [name for name in ("sales", "profit") if name in present]
    rows = opened.group_by("customer_id", *by, "step").agg(
        *(nw.col(name).sum() for name in money), nw.len().alias("n_orders")
    )
    unknown = nw.lit(None, dtype=nw.Float64)
    amounts = {
        name: nw.col(name) * months if name in money else unknown for name in ("sales", "profit")
    }
    return rows.with_columns(**amounts)


def _described(rows: Frame, by: Sequence[str], seen: _Observed) -> Frame:
    return rows.select(
        "customer_id",
        *by,
        periods.period_expr("step", seen.freq, rows.implementation).alias("period"),
        nw.col("step").cast(nw.Int64),
        nw.col("n_orders").cast(nw.Int64),
        nw.col("sales").cast(nw.Float64),
        nw.col("profit").cast(nw.Float64),
        nw.lit(True).alias("active"),
        nw.lit(seen.first_step).cast(nw.Int64).alias("first_step"),
        nw.lit(seen.last_step).cast(nw.Int64).alias("last_step"),
        nw.lit(seen.freq).alias("freq"),
    )

"""What a table held, in few numbers: enough to see whether, where and how two versions differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.frames import collect, count
from retention.recording.fingerprint import (
    NUMBERED,
    digits_of_value,
    frame_with_numbers,
    kind_in_words,
    plain_frame,
)
from retention.tables import holds_several

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from retention.frames import Columns, Frame

_TIMES = ("date", "period", "start")
_COUNTS = ("n_rows", "n_refunds")
_MONEY = ("sales", "refunds")
_UNDATED, _LATER = -1_000_000, 1_000_000
"""Instead of a month: rows without a day, and rows after `as_of`."""


def profile_of(table: object, *, name: str, as_of: date | None) -> dict[str, Any]:
    """The columns of a table, how many rows it has, and digits that stand for its content.

    Args:
        table: the table.
        name: what messages call it.
        as_of: the last day that was looked at; rows after it are counted apart.

    Returns:
        `n_rows`, `columns` with what they hold, `digits`, and `months`, in order, one entry for
        each in which the table has rows up to `as_of`: `month`, `digits`, `n_customers` (of rows
        that are no refunds), `n_rows`, `n_refunds` (rows of sales below 0), and in currency `sales`
        (of the others; of costs, their amounts) and `refunds` (their sales, below 0); these two are
        null where rows are in several currencies, which cannot be added up.
    """
    frame = plain_frame(table, name=name)
    schema = frame.collect_schema()
    holds = {column: kind_in_words(dtype) for column, dtype in schema.items()}
    found = _sums_by_month(frame, holds, as_of)
    apart = holds_several(frame)
    marks = [
        [int(found[c][i]) for c in ("_month", "n_rows", *NUMBERED)]
        for i in _places_of_months(found)
    ]
    return {
        "n_rows": int(found["n_rows"].sum()),
        "columns": dict(sorted(holds.items())),
        "digits": digits_of_value([sorted(holds.items()), marks], 16),
        "months": [
            _month_as_data(found, i, named="customer_id" in holds)
            | dict.fromkeys(_MONEY if apart else ())
            for i in _places_of_months(found)
            if _UNDATED < found["_month"][i] < _LATER
        ],
    }


def _places_of_months(found: Columns) -> range:
    return range(len(found["_month"]))


def _sums_by_month(frame: Frame, holds: Mapping[str, str], as_of: date | None) -> Columns:
    """Sums over the rows of each month."""
    money = next((c for c in ("sales", "amount") if holds.get(c) == "number"), None)
    amount = nw.col(money).cast(nw.Float64).fill_null(0.0) if money else nw.lit(0.0)
    rows = _rows_with_month(frame_with_numbers(frame), holds, as_of).with_columns(_amount=amount)
    refund = nw.col("_amount") < (0 if money == "sales" else float("-inf"))
    buyer = nw.col("customer_id" if "customer_id" in holds else "_month")
    rows = rows.with_columns(
        _buyer=nw.when(~refund).then(buyer),
        n_rows=nw.lit(1).cast(nw.Int64),
        n_refunds=count(refund),
        sales=nw.when(refund).then(nw.lit(0.0)).otherwise(nw.col("_amount")),
        refunds=nw.when(refund).then(nw.col("_amount")).otherwise(nw.lit(0.0)),
    ).with_columns(_lacking=count(nw.col("_buyer").is_null()))
    sums = [nw.col(each).sum() for each in (*_COUNTS, *_MONEY, *NUMBERED)]
    grouped = rows.group_by("_month").agg(
        nw.col("_buyer").n_unique(), nw.col("_lacking").max(), *sums
    )
    return collect(grouped.with_columns(nw.col("_month").cast(nw.Int64)).sort("_month"))


def _rows_with_month(rows: Frame, holds: Mapping[str, str], as_of: date | None) -> Frame:
    time = next((column for column in _TIMES if holds.get(column) == "time"), None)
    if time is None:
        return rows.with_columns(_month=nw.lit(_UNDATED).cast(nw.Int64))
    dated = rows.with_columns(_day=periods.day_expr(time, rows.implementation))
    stepped = dated.with_columns(_step=periods.step_expr(time, "_day", "month"))
    last = _LATER if as_of is None else periods.number_of(as_of)
    month = nw.when(nw.col("_day") > last).then(nw.lit(_LATER)).otherwise(nw.col("_step"))
    there = nw.when(~nw.col(time).is_null()).then(month).otherwise(nw.lit(_UNDATED))
    return stepped.with_columns(_month=there.fill_null(_UNDATED).cast(nw.Int64))


def _month_as_data(found: Columns, i: int, *, named: bool) -> dict[str, Any]:
    buyers = int(found["_buyer"][i]) - int(found["_lacking"][i] > 0)
    return {
        "month": periods.label(int(found["_month"][i]), "month"),
        "digits": digits_of_value([int(found[each][i]) for each in NUMBERED], 8),
        "n_customers": buyers if named else 0,
        **{each: int(found[each][i]) for each in _COUNTS},
        **{each: round(float(found[each][i]), 6) for each in _MONEY},  # sums differ by the engine
    }

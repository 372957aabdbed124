"""Small segments put together, so that a report which is passed on singles nobody out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention import periods
from retention.activity.base_and_later import activity_by_segments
from retention.errors import ContentError, whole_number
from retention.frames import as_lazy, as_text, in_kind_of
from retention.frames.python_rows import rows_as_dicts
from retention.kpis.outcome.rates import retention_rate
from retention.names import inner_name, outer_text
from retention.tables import ACTIVITY, CONTRACT_ACTIVITY, column_names, require, says_currency
from retention.tables.answer_columns import gives

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.frames import Frame


@dataclass(frozen=True, slots=True)
class Pool:
    """Segments that stand together, and their common name."""

    names: tuple[str, ...]
    label: str


@gives(ACTIVITY)
def pool_small_segments(
    activity: IntoFrameT, *, by: str | Sequence[str], least: int = 10, apart: int = 1
) -> IntoFrameT:
    """The activity with segments that are too small to be shown put together under one name.

    A segment is too small if it has fewer than `least` customers in the latest base period or the
    one `apart` periods before it. Where those together are still too few, or one stands alone,
    which could be told from the total, the next smallest goes with them and gives its name to all:
    "<name> and smaller ones"; else they are "(smaller segments)".

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        by: its segment columns to look at, each for itself.
        least: the smallest number of customers that is shown.
        apart: how many periods earlier the period lies that the latest is compared with.

    Returns:
        The same table, in the caller's kind, with the common name in place of the small ones: one
        row per customer, period and segment, the amounts of segments put together added up, and
        `n_orders` as well: an order with lines in two of them counts twice there.

    Raises:
        RetentionError: if `least` or `apart` is not a whole number above 0.
        ColumnError: if a segment is not a column of the activity.
        ContentError: as `retention_rate`; or if `by` is the currency and one is of few customers,
            which cannot be put together with others.

    Example:
        North has three customers; South and West have one each, and go with none but each other.

        >>> import pandas as pd
        >>> import retention as rt
        >>> orders = pd.DataFrame({
        ...     "customer_id": list("abcde") * 2,
        ...     "date": pd.to_datetime(["2024-01-01"] * 5 + ["2024-02-29"] * 5),
        ...     "sales": 1.0, "region": ["North"] * 3 + ["South", "West"] + ["North"] * 3
        ...     + ["South", "West"],
        ... })
        >>> days = {"observed_from": "2024-01-01", "as_of": "2024-02-29"}
        >>> activity = rt.customer_periods(orders, freq="month", by="region", **days)
        >>> pooled = rt.findings.pool_small_segments(activity, by="region", least=2)
        >>> sorted(set(pooled["region"]))
        ['(smaller segments)', 'North']
    """
    names = column_names(by)
    frame = require(activity, ACTIVITY, extra=names, adds="none")
    fewest = whole_number("least", least, least=1, of="customers")
    periods.check_lag(apart, argument="apart")
    found = {name: small_segments(activity, name, least=fewest, apart=apart) for name in names}
    pools = {name: pool for name, pool in found.items() if pool}
    if not pools:
        return activity
    put = rows_with_one_name(frame, pools)
    others = [name for name in put.collect_schema() if name not in CONTRACT_ACTIVITY.names]
    rows, _ = activity_by_segments(put, others, adds="none", starts=True, again=True)
    order = ["customer_id", *others, "step"]
    rows = rows.with_columns(nw.col("n_orders").cast(nw.Int64))
    return in_kind_of(
        rows.select(frame.collect_schema().names()),
        activity,
        order=order,
        keep_type=("customer_id",),
    )


def small_segments(activity: Any, column: str, *, least: int, apart: int) -> Pool | None:
    """The segments that are too small to be shown in the latest base period or the one before it.

    Where these alone would still be too few, or one alone, which could be told from the total, the
    next smallest goes with them, and gives its name to all. None if no segment is too small.

    Args:
        activity: a table from `customer_periods` or `contract_periods`.
        column: the segment column.
        least: the smallest number of customers that is shown.
        apart: how many periods earlier the period lies that the latest is compared with.
    """
    rows = rows_as_dicts(retention_rate(activity, by=column), order=("step",))
    last = rows[-1]["step"]
    there = {row["step"] for row in rows}
    steps = {last, last - apart if last - apart in there else last - 1}
    sizes: dict[str, int] = {}
    for row in rows:
        if row["step"] in steps and row["n_base"]:
            name = row[outer_text(column)]
            sizes[name] = min(row["n_base"], sizes.get(name, row["n_base"]))
    hidden = _names_put_together(sizes, least)
    if not hidden:
        return None
    if says_currency(column):
        raise ContentError(
            f"Of customers who pay in {hidden[0]} there are fewer than {least}, and money in "
            f"several currencies cannot be put together: leave {column!r} out of the segments, or "
            "convert the money at the door, `rates=`."
        )
    largest = hidden[-1]
    told = f"{largest} and smaller ones" if sizes[largest] >= least else "(smaller segments)"
    return Pool(tuple(hidden), told)


def pooled_table(table: Any, small: Mapping[str, Pool]) -> Any:
    """The table, in its kind, with one name in place of the names of the small segments."""
    return in_kind_of(rows_with_one_name(as_lazy(table, name="the table"), small), table)


def rows_with_one_name(frame: Frame, small: Mapping[str, Pool]) -> Frame:
    """The rows with one name in place of the names of the small segments."""
    schema = frame.collect_schema()
    for name, pool in small.items():
        column = inner_name(name)
        text = as_text(column, schema[column])
        frame = frame.with_columns(text)
        value = nw.when(nw.col(column).is_in(list(pool.names))).then(nw.lit(pool.label))
        frame = frame.with_columns(value.otherwise(nw.col(column)).alias(column))
    return frame


def _names_put_together(sizes: Mapping[str, int], least: int) -> list[str]:
    """The names that are put together, from the smallest up."""
    rising = sorted(sizes, key=lambda name: (sizes[name], name))
    hidden = [name for name in rising if sizes[name] < least]
    while hidden and len(hidden) < len(rising):
        if len(hidden) > 1 and sum(sizes[name] for name in hidden) >= least:
            break
        hidden = rising[: len(hidden) + 1]
    return hidden

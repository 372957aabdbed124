"""Answers as Python values, so that whoever asks does not know dataframe engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention.frames.engines import Frame, one_row, read_out
from retention.wording import as_date, is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping


def conditions_met(
    frame: Frame,
    conditions: Mapping[str, nw.Expr],
    further: Mapping[str, nw.Expr] | None = None,
) -> dict[str, Any]:
    """Whether each condition holds of any row, and further totals, in one query.

    Args:
        frame: the rows.
        conditions: on a row, under the names of the answer; where it is null it does not hold.
        further: totals of the rows.
    """
    totals = [total.alias(name) for name, total in (further or {}).items()]
    if not frame.implementation.is_pandas():
        asked = [*(nw.col(name).any() for name in conditions), *totals]
        found = one_row((frame.with_columns(**conditions) if conditions else frame).select(*asked))
        return found | {name: bool(found[name]) for name in conditions}
    found = one_row(frame.select(*totals)) if totals else {}
    if conditions:  # to pandas each is a column, and a column of totals costs as much again
        rows = frame.select(**conditions).collect("pandas")
        some = len(rows) > 1 or len(frame.collect("pandas")) > 0  # literals alone make one row
        found |= {name: some and bool(rows[name].any()) for name in conditions}
    return found


def columns_as_lists(table: Any) -> dict[str, list[Any]]:
    """The columns of an answer as Python values; what is missing is None."""
    arrays = read_out(table, name="the answer")
    return {
        name: [_python_value_or_day(value) for value in values] for name, values in arrays.items()
    }


def rows_as_dicts(table: Any, *, order: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The rows of an answer as Python values, sorted by those columns: lazy ones have no order."""
    columns = columns_as_lists(table)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return sorted(rows, key=lambda row: [row[name] for name in order]) if order else rows


def _python_value_or_day(value: Any) -> Any:
    """A NumPy value as Python's own; moments at midnight as days."""
    if is_missing(value):
        return None
    if hasattr(value, "dtype") and value.dtype.kind == "M":
        value = value.astype("datetime64[us]").item()
    elif hasattr(value, "item"):
        value = value.item()
    if hasattr(value, "hour"):
        midnight = not (value.hour or value.minute or value.second or value.microsecond)
        return as_date(value) if midnight else value
    return value

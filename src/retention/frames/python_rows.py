"""Answers of the library as Python values, so that a report does not know dataframe engines."""

from __future__ import annotations

from typing import Any

from retention.frames.engines import read_out
from retention.wording import as_date, is_missing


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

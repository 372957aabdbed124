"""Columns that come alone, as tables of their engine."""

from __future__ import annotations

from typing import Any, cast

import narwhals.stable.v2 as nw


def table_of_series(values: object, column: str) -> Any:
    """A pandas or Polars Series, or a PyArrow column, as a table of one column; else what it is.

    Args:
        values: whatever the user gave.
        column: what the column is called in the table.
    """
    alone = nw.from_native(cast("Any", values), allow_series=True, pass_through=True)
    return alone.alias(column).to_frame().to_native() if isinstance(alone, nw.Series) else values

"""Columns of a whole order: filled in on its first line only, or said again on every one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention.errors import RetentionError
from retention.frames import count, one_row
from retention.loading.rows.columns import ROW, Choice, column_meant
from retention.loading.rows.text import (
    OURS,
    column_as_text,
    column_of_cells,
    is_text,
    stripped_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.frames import Frame
    from retention.loading.rows.columns import Source
    from retention.loading.rows.row_checks import Check

_ORDER, _LOW, _HIGH = (f"{OURS}{name}" for name in ("of_order", "of_order_low", "of_order_high"))
_LINE, _LAST = f"{OURS}line_of_order", f"{OURS}line_comes_last"
_FURTHER = f"{OURS}further_line"
_DIFFERS = (
    "It is not of the order as a whole: leave it out of `per_order=`, or correct those lines."
)


def filled_by_order(source: Source, names: Sequence[str]) -> Source:
    """The source with the columns of a whole order on each of its lines.

    A column that says two things within an order is a problem of these lines.

    Raises:
        RetentionError: if nobody said which lines are an order.
        ColumnError: if there is no such column.
    """
    if names and "order_id" not in source.roles:
        raise RetentionError("`per_order=` is about the lines of one order: say `order_id=`.")
    for place, name in enumerate(names):
        column = column_meant(name, source.schema, asked="per_order")
        source = _with_filled_column(source, column, f"{OURS}differs{place}")
    return source


def _with_filled_column(source: Source, column: str, flag: str) -> Source:
    """One column filled in where the other lines of an order say one thing."""
    schema, order = dict(source.schema), source.roles["order_id"]
    place = column_of_cells(column) if isinstance(schema[column], nw.Object) else column
    value = _value_of_column(source, column)
    frame = source.frame.with_columns(value.alias(place), nw.col(order).alias(_ORDER))
    if is_text(schema[column]) and place == column:
        schema[column] = nw.String()
    said = frame.select(_ORDER, nw.col(place).alias(_LOW), nw.col(place).alias(_HIGH))
    said = said.filter(~nw.col(_ORDER).is_null(), ~nw.col(_LOW).is_null())
    orders = said.group_by(_ORDER).agg(nw.col(_LOW).min(), nw.col(_HIGH).max())
    frame = frame.join(orders, on=_ORDER, how="left")
    differs = (nw.col(_LOW) < nw.col(_HIGH)).fill_null(value=False)
    empty = nw.col(place).is_null() & ~differs
    filled = nw.when(empty).then(nw.col(_LOW)).otherwise(nw.col(place))
    frame = frame.with_columns(filled.alias(place), differs.alias(flag))
    choice = Choice(f"{column} that differs within an order", column, flag, _DIFFERS)
    frame = frame.drop(_ORDER, _LOW, _HIGH)
    return replace(source, frame=frame, schema=schema, choices=[*source.choices, choice])


def _value_of_column(source: Source, column: str) -> nw.Expr:
    """What stands in a column; nothing where its text is empty, or it is no number."""
    dtype = source.schema[column]
    if is_text(dtype):
        text = column_as_text(column, dtype)
        return nw.when(stripped_text(text) != "").then(text)
    return (
        nw.when(~nw.col(column).is_nan()).then(nw.col(column))
        if dtype.is_float()
        else nw.col(column)
    )


def without_further_lines(source: Source, names: Sequence[str], amounts: Sequence[str]) -> Source:
    """The source with the further lines of each order left out, if its amounts are the order's.

    Args:
        source: the table, filled in, the rows that are meant chosen.
        names: the columns of whole orders.
        amounts: the parts that amounts play.

    Raises:
        RetentionError: if some amounts are of whole orders, and some of lines.
    """
    whole = {column_meant(name, source.schema, asked="per_order") for name in names}
    named = {role: source.roles[role] for role in amounts if role in source.roles}
    of_lines = [role for role, column in named.items() if column not in whole]
    if len(of_lines) == len(named):
        return source
    if of_lines:
        raise RetentionError(
            f"Amounts are all of the whole order or all of its lines: `per_order=` lacks "
            f"{named[of_lines[0]]!r}, the column of `{of_lines[0]}`."
        )
    frame, order = source.frame, source.roles["order_id"]
    frame = frame.with_columns(nw.lit(1).alias(_LINE), count(~source.meant).alias(_LAST))
    by = [_LAST, ROW] if source.eager else [_LAST]
    frame = frame.with_columns(nw.col(_LINE).cum_sum().over(order, order_by=by).alias(_LINE))
    further = ((nw.col(_LINE) > 1) & ~nw.col(order).is_null()).alias(_FURTHER)
    frame = frame.with_columns(further).drop(_LINE, _LAST)
    choice = Choice("further line of an order", order, _FURTHER)
    return replace(source, frame=frame, choices=[*source.choices, choice])


def hinted_checks(source: Source, checks: Sequence[Check]) -> list[Check]:
    """The checks, those of a missing value with a look at the other lines of its order."""
    if "order_id" not in source.roles:
        return list(checks)
    return [
        replace(check, advice=partial(_advice_by_order, source, check))
        if check.reason.startswith(("missing ", "blank ")) and check.fails is not None
        else check
        for check in checks
    ]


def _advice_by_order(source: Source, check: Check, frame: Frame) -> str:
    """What to do about missing values that other lines of their orders have, each of them."""
    said = check.advice if isinstance(check.advice, str) else check.advice(frame)
    order = source.roles["order_id"]
    if check.fails is None or check.shows == order:
        return said
    lines = source.rows_meant(frame).with_columns(check.fails.alias(_FURTHER))
    have = lines.filter(~nw.col(_FURTHER)).select(order).unique()
    lack = lines.filter(nw.col(_FURTHER))
    found = one_row(lack.join(have, on=order, how="anti").select(nw.len().alias("n")))
    if found["n"]:
        return said
    return (
        f"Each stands on another line of its order: name {check.shows!r} in `per_order=`, and it "
        "holds for the whole order."
    )

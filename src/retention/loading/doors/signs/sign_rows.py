"""What the doors of signs share: texts that name a thing, days that may be empty, days in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError
from retention.loading.rows.row_checks import Check, Output
from retention.loading.rows.text import BLANKS, OURS, flat_text, is_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.frames import Frame
    from retention.loading.read_values import Values
    from retention.loading.rows.columns import Source


def with_text_of(source: Source, frame: Frame, role: str) -> Frame:
    """The frame with a column that names something, as text; null where it names nothing.

    Raises:
        ColumnError: if the column holds neither text nor whole numbers.
    """
    column, name = source.roles[role], f"{OURS}{role}"
    dtype = source.schema[column]
    if not (dtype.is_integer() or is_text(dtype)):
        raise ColumnError(f"{role}: column {column!r} holds {dtype}, not text. Convert it first.")
    frame = frame.with_columns(flat_text(column, dtype).alias(f"{name}_text"))
    text = nw.col(f"{name}_text")
    return frame.with_columns(nw.when(~text.is_in(BLANKS)).then(text).alias(name))


def checks_where_filled(values: Values, *roles: str) -> list[Check]:
    """The checks of columns that may be empty: what stands in them must be read."""
    return [
        check
        for role in roles
        for check in values.checks_of(role)
        if check.reason != f"missing {role}"
    ]


def with_days_of(source: Source, frame: Frame, roles: Sequence[str]) -> Frame:
    """The frame with the numbers of the days of dates that were named."""
    return frame.with_columns(
        periods.day_expr(f"{OURS}{role}", frame.implementation).alias(f"{OURS}{role}_day")
        for role in roles
        if role in source.roles
    )


def early_check(source: Source, role: str, than: str, advice: str) -> list[Check]:
    """The check that a day is not before another; on the same day, whatever the hour, it is not."""
    if role not in source.roles:
        return []
    early = nw.col(f"{OURS}{role}_day") < nw.col(f"{OURS}date_day")
    return [Check(f"{role} before {than}", source.roles[role], advice, early)]


def columns_of_signs(source: Source, values: Values, *roles: str) -> list[Output]:
    """The customer, the columns that were named, in their order, and the kept ones."""
    named = [role for role in roles if role in source.roles]
    return [
        values.ids["customer_id"],
        *(Output(role, f"{OURS}{role}") for role in named),
        *values.currency,
        *(Output(name, column) for name, column in source.keep.items()),
    ]

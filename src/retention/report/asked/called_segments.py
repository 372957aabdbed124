"""A table whose segment columns and segments go by the names that people call them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention.errors import ContentError, RetentionError, warn
from retention.frames import as_lazy, as_text, collect, in_kind_of
from retention.loading.audits import Audit
from retention.names import inner_name, outer_text
from retention.tables import CONTRACTS, TRANSACTIONS, says_currency
from retention.wording import quoted_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retention.frames import Frame

_MEANT = {
    column.name: column.meaning or column.name
    for column in (*TRANSACTIONS.columns, *CONTRACTS.columns)
    if not column.segment
}
"""The columns that have a meaning, and which."""


def labelled_table(
    given: Any, by: tuple[str, ...], labels: Mapping[str, str]
) -> tuple[Any, tuple[str, ...]]:
    """The table, or the audit of one, and its segment columns, under their labels.

    Args:
        given: what the report is made of.
        by: its segment columns.
        labels: by the name of a segment column, or of a segment, what it is called.

    Raises:
        RetentionError: if a label is the name of another column, or hides what a currency is.
        ContentError: if two segments of a column would have one name.

    Warns:
        RetentionWarning: if a label is of nothing that is there.
    """
    if not labels:
        return given, by
    table = given.accepted if isinstance(given, Audit) else given
    frame = as_lazy(table, name="the table", by_row=True)
    columns = frame.collect_schema().names()
    there = [one for one in by if inner_name(one) in columns]
    named = {one: labels[one] for one in there if one in labels}
    _refuse_taken_names(named, [outer_text(name) for name in columns])
    segments = {name: label for name, label in labels.items() if name not in named}
    frame, found = _with_labelled_segments(frame, there, segments)
    unmet = [name for name in segments if name not in found]
    if unmet:
        warn(
            f"`labels=`: {quoted_names(unmet)} is the name of no column in by= and of no segment "
            "of one. Is it written as in the table?"
        )
    if not named and not found:
        return given, by
    frame = frame.rename({inner_name(one): inner_name(label) for one, label in named.items()})
    made = in_kind_of(frame, table)
    whole = replace(given, accepted=made) if isinstance(given, Audit) else made
    return whole, tuple(named.get(one, one) for one in by)


def _refuse_taken_names(named: Mapping[str, str], columns: list[str]) -> None:
    """Refuse labels under which a column would be taken for another one."""
    taken = Counter([*columns, *named.values()])
    for column, label in named.items():
        if taken[label] > 1 and label != column:
            raise RetentionError(
                f"`labels=` calls {column!r} {label!r}, and so is another column called. Choose "
                "another label."
            )
        if label in _MEANT:
            raise RetentionError(
                f"`labels=` calls {column!r} {label!r}, which would be taken for "
                f"{_MEANT[label]}. Choose another label."
            )
        if says_currency(label) and not says_currency(column):
            raise RetentionError(
                f"`labels=` calls {column!r} {label!r}, which would be taken for the currency of "
                "amounts. Choose another label."
            )
        if says_currency(column) and not says_currency(label):
            raise RetentionError(
                f"`labels=` calls {column!r} {label!r}, which hides that amounts are in several "
                f"currencies. Choose a label such as 'Currency'."
            )


def _with_labelled_segments(
    frame: Frame, by: list[str], segments: Mapping[str, str]
) -> tuple[Frame, set[str]]:
    """The rows with segments under their labels, and the labels that are of any."""
    found: set[str] = set()
    if not segments:
        return frame, found
    schema = frame.collect_schema()
    for name in by:
        column = inner_name(name)
        text = as_text(column, schema[column])
        there = collect(frame.select(text).unique())[column].tolist()
        meant = {value: segments[value] for value in there if value in segments}
        _refuse_alike_segments(name, there, meant)
        found |= set(meant)
        if meant:
            frame = frame.with_columns(text)
            shown = nw.col(column).replace_strict(
                list(meant), list(meant.values()), default=nw.col(column), return_dtype=nw.String
            )
            frame = frame.with_columns(shown.alias(column))
    return frame, found


def _refuse_alike_segments(column: str, there: list[str], meant: Mapping[str, str]) -> None:
    """Refuse to give two segments one name: they would be counted as one."""
    called: dict[str, str] = {}
    for value in there:
        label = meant.get(value, value)
        if label in called:
            raise ContentError(
                f"`labels=` would call both {called[label]!r} and {value!r} of {column!r} "
                f"{label!r}, and count them as one. Put them together in the table, or choose "
                "another label."
            )
        called[label] = value

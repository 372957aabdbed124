"""Which rows of a table are meant: those whose columns hold one of the values that are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from retention.errors import ColumnError, ContentError, RetentionError, check_choice, nearest_name
from retention.frames import collect
from retention.loading.order_columns import filled_by_order, without_further_lines
from retention.loading.rows.columns import CHOSEN, Choice, column_meant, source_of_table
from retention.loading.rows.text import OURS, flat_text, is_text, signs_that_occur, value_as_written
from retention.names import inner_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from retention.frames import Frame
    from retention.loading.rows.columns import Source
    from retention.tables import Kind

_ASKED: ContextVar[tuple[Mapping[str, Any], bool]] = ContextVar("rows_asked", default=({}, False))
_SHOWN = 12
"""So many values of a column are shown where one that is asked for does not occur."""


_MISSING = ("None", "nan", "NaT", "<NA>")
"""What Python's and pandas' values for an empty cell are shown as."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that rows are chosen by, as it is compared, and where nothing stands in it."""

    name: str
    dtype: nw.dtypes.DType
    value: nw.Expr
    blank: nw.Expr

    def holds(self, value: object) -> nw.Expr:
        """Where the column holds a value, as the user says it; None and "" are an empty cell."""
        if value == "" if isinstance(value, str) else str(value) in _MISSING:
            return self.blank
        key = _value_as_compared(self.dtype, value)
        return nw.lit(value=False) if key is None else (self.value == key) & ~self.blank


def values_by_column(where: object) -> dict[str, list[object]]:
    """The columns that `where=` names, each with its values in a list.

    Raises:
        RetentionError: if it is no dictionary of columns and their values.
    """
    if where is None:
        return {}
    said = dict(where) if isinstance(where, Mapping) and all(map(_is_name, where)) else {}
    listed = {name: [values] if _is_one(values) else list(values) for name, values in said.items()}
    if not listed or not all(listed.values()):
        raise RetentionError(
            "`where` must name columns, each with the values whose rows are kept, such as "
            f"`where={{'Status': ['completed', 'processing']}}`; got {where!r}."
        )
    return listed


@contextmanager
def rows_chosen(where: Mapping[str, Any], incomplete: object) -> Iterator[None]:
    """Within it, a door reads those rows of its table only that `where=` names.

    With `incomplete="drop"` it leaves out those of them that can only be corrected or left out.
    """
    check_choice("incomplete", incomplete, ("error", "drop"))
    token = _ASKED.set((where, incomplete == "drop"))
    try:
        yield
    finally:
        _ASKED.reset(token)


def source_of_rows(
    table: object,
    kind: Kind,
    roles: Mapping[str, str | None],
    keep: str | Sequence[str] | None,
    *,
    per_order: Sequence[str] = (),
    amounts: Sequence[str] = (),
) -> Source:
    """The table with its columns found, and the rows that are left out marked.

    Args:
        table: what the user gave.
        kind: what it is to become.
        roles: which column plays which part.
        keep: those that go through as they are.
        per_order: those of whole orders.
        amounts: the parts that are amounts.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a named column is missing or of a type that rows cannot be chosen by.
        ContentError: if no row holds one of the values.
    """
    asked, incomplete = _ASKED.get()
    source = source_of_table(table, kind, roles, keep, where=list(asked), per_order=per_order)
    source = replace(source, drops_incomplete=incomplete) if incomplete else source
    source = filled_by_order(source, per_order) if per_order else source
    source = with_rows_chosen(source, asked) if asked else source
    source = without_further_lines(source, per_order, amounts) if per_order else source
    marked = source.frame.with_columns(source.meant.alias(CHOSEN)) if source.choices else None
    return source if marked is None else replace(source, frame=marked)


def with_rows_chosen(source: Source, asked: Mapping[str, Any]) -> Source:
    """The source with a mark on the rows that are left out, by which column."""
    frame, choices = source.frame, []
    for place, (name, values) in enumerate(asked.items()):
        column = _column_to_compare(source, column_meant(name, source.schema, asked="where"))
        flag = f"{OURS}left_out{place}"
        frame = frame.with_columns((~_holds_any(column, values)).fill_null(value=True).alias(flag))
        _refuse_values_of_no_row(source, column, values)
        choices.append(Choice(f"{column.name} not in where", column.name, flag))
    return replace(source, frame=frame, choices=[*source.choices, *choices])


def _is_name(name: object) -> bool:
    return isinstance(name, str)


def _is_one(said: object) -> bool:
    return isinstance(said, str | bytes) or not isinstance(said, Iterable)


def _holds_any(column: _Column, values: Sequence[object]) -> nw.Expr:
    return nw.any_horizontal(*(column.holds(value) for value in values), ignore_nulls=True)


def _column_to_compare(source: Source, name: str) -> _Column:
    """A column of text, without padding and regard to case, of numbers or of true and false."""
    dtype, value = source.schema[name], nw.col(name)
    if is_text(dtype):
        value = flat_text(name, dtype).str.to_lowercase()
        return _Column(name, dtype, value, value == "")
    if dtype.is_float() or dtype.is_decimal():
        value = value.cast(nw.Float64)
        return _Column(name, dtype, value, value.is_null() | value.is_nan())
    return _Column(name, dtype, value, value.is_null())


def _value_as_compared(dtype: nw.dtypes.DType, value: object) -> Any:
    """What a value is compared as; None if no row of such a column can hold it.

    Raises:
        ColumnError: if the column is of days, times or lists.
    """
    text = "" if value is None else str(value).replace("\u00a0", " ").strip().lower()
    if is_text(dtype):
        whole = isinstance(value, float) and value.is_integer()
        return text.removesuffix(".0") if whole else text
    if isinstance(dtype, nw.Boolean):
        return {"true": True, "false": False}.get(text)
    if dtype.is_numeric():
        return _number_meant(dtype, {"true": "1", "false": "0"}.get(text, text))
    if text:
        raise ColumnError(
            f"`where` chooses by text, numbers, true and false, or an empty cell (None); it cannot "
            f"choose {value!r} in a column that holds {dtype}. Make it text first."
        )
    return None


def _number_meant(dtype: nw.dtypes.DType, text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if dtype.is_integer():
        return int(number) if number.is_integer() else None
    return number


def _refuse_values_of_no_row(source: Source, column: _Column, values: Sequence[object]) -> None:
    """Refuse a value that stands in no row: a status that is misspelt would leave out its rows."""
    asked = {f"{place}": column.holds(value) for place, value in enumerate(values)}
    found = signs_that_occur(source.frame, asked)
    lacking = [value for value, there in zip(values, found.values(), strict=True) if not there]
    if not lacking:
        return
    there = _values_of_column(source.frame, column)
    near = nearest_name(lacking[0], there) if isinstance(lacking[0], str) and lacking[0] else None
    hint = f" Did you mean {near!r}?" if near else ""
    listed = ", ".join(map(repr, there[:_SHOWN])) + (", …" if len(there) > _SHOWN else "")
    raise ContentError(
        f"{source.kind.name}: `where` asks for {lacking[0]!r} in {column.name!r}, which stands in "
        f"no row.{hint} There is: {listed or 'no value at all'}."
    )


def _values_of_column(frame: Frame, column: _Column) -> list[str]:
    """What stands in a column, as text, sorted."""
    named = inner_name(f"{OURS}value")
    text = flat_text(column.name, column.dtype) if is_text(column.dtype) else nw.col(column.name)
    rows = frame.filter(~column.blank).select(text.alias(named)).unique()
    values = collect(rows)[named].tolist()
    return [
        value if isinstance(value, str) else value_as_written(value) for value in sorted(values)
    ]

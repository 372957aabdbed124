"""The columns of the user's table: found under the names the user said, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention import periods
from retention.errors import ColumnError
from retention.frames import (
    Frame,
    as_lazy,
    beside,
    collect,
    inside,
    is_pandas,
    locked_in,
    without_json,
)
from retention.loading.rows.cells import table_and_mixed_texts
from retention.loading.rows.text import OURS, column_of_cells, value_as_written
from retention.names import inner_name, outer_text
from retention.tables.mixed_currencies import are_currency_codes, currency_columns, unnamed_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retention.tables import Kind

_YEARS = date(1900, 1, 1), date(2199, 12, 31)

SAMPLE = 20
"""So many first rows tell whether a column whose name says nothing may hold currencies."""

ROW = f"{OURS}row"
"""The position of a row in an eager table, counted from 0."""

CHOSEN = f"{OURS}chosen"
"""Whether a row is one of those that are meant, where not all are."""

_COMPUTED = {"sales", "wallet"}
"""What may be computed from other columns, so need not be named."""

_OR_WORDS = {
    "sales_per": " Or say 'month', 'quarter', 'year', another interval such as '3 months', 'term' "
    "(for the whole contract) or 'once'."
}
"""Where a keyword takes words beside the name of a column."""

_MARKS = ("\ufeff", "ï»¿")  # a byte-order mark, as UTF-8 and as cp1252 read it


@dataclass(frozen=True, slots=True)
class Choice:
    """A column by which rows are left out: why they are, and the flag of those that are.

    With `advice` they are no choice but a problem, told before all others.
    """

    reason: str
    column: str
    flag: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The user's table as a door works on it.

    `table` and `frame` have the user's columns under their inner names (see `retention.names`): the
    frame all of a lazy table; of an eager one those that are named, and `ROW`. `schema` is of all.
    `roles` says which column plays which part, `keep` which ones go through as they are, `choices`
    by which columns rows are left out; `drops_incomplete` says that those are, too, that could only
    be corrected.
    """

    table: Any
    kind: Kind
    frame: Frame
    schema: Mapping[str, nw.dtypes.DType]
    roles: Mapping[str, str]
    keep: Mapping[str, str]
    choices: Sequence[Choice] = ()
    drops_incomplete: bool = False

    def rows_meant(self, frame: Frame) -> Frame:
        """Of a frame the rows that are not left out."""
        return frame.filter(self.meant) if self.choices else frame

    def among_meant(self, condition: nw.Expr) -> nw.Expr:
        """Where a condition holds in a row that is not left out."""
        return condition & self.meant if self.choices else condition

    @property
    def meant(self) -> nw.Expr:
        """Where a row is not left out."""
        out = [nw.col(each.flag) & nw.lit(not each.advice) for each in self.choices]
        return ~nw.any_horizontal(*out, ignore_nulls=True)

    @property
    def eager(self) -> bool:
        """Whether the rows are there already, in an order."""
        return ROW in self.frame.collect_schema()


def source_of_table(
    table: object,
    kind: Kind,
    roles: Mapping[str, str | None],
    keep: str | Sequence[str] | None,
    *,
    where: Sequence[str] = (),
    per_order: Sequence[str] = (),
) -> Source:
    """The table with its columns found, before any of them is read.

    Args:
        table: what the user gave.
        kind: what it is to become.
        roles: which column plays which part.
        keep: those that go through as they are.
        where: those that rows are chosen by.
        per_order: those of whole orders.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a named column is missing, a kept one would hide one of ours, or a name
            cannot be used.
    """
    frame = as_lazy(table, name=kind.name, by_row=True)
    schema = frame.collect_schema()
    _refuse_names(kind, map(outer_text, schema))
    kept = names_to_keep(keep)
    _refuse_unsaid(kind, roles, kept)
    found = {
        role: column_meant(name, schema, asked=role)
        for role, name in roles.items()
        if name is not None
    }
    kept_as = _kept_columns(kept, kind, roles, schema)
    asked = {f"where {name}": column_meant(name, schema, asked="where") for name in where}
    for name in per_order:
        asked[f"per_order {name}"] = column_meant(name, schema, asked="per_order")
    table, frame, types = _table_by_cell(
        inside(table, name=kind.name), kind, found | asked, kept_as
    )
    return Source(table, kind, frame, types, found, kept_as)


def _table_by_cell(
    table: object, kind: Kind, roles: Mapping[str, str], keep: Mapping[str, str]
) -> tuple[object, Frame, dict[str, nw.dtypes.DType]]:
    """The table, numbered if it is eager, and its types, by what its cells are."""
    table = without_json(table)
    given = nw.from_native(cast("Any", table))
    texts: Mapping[str, Any] = {}
    if is_pandas(given):
        native, texts = table_and_mixed_texts(nw.to_native(given), roles, keep.values())
        given = nw.from_native(cast("Any", native))
    schema = dict(as_lazy(given, name=kind.name, by_row=True).collect_schema())
    mixed = [name for name in schema if column_of_cells(name) in texts]
    schema |= dict.fromkeys(mixed, nw.Object())
    _refuse_objects(given, {**roles, **keep}, schema)
    _refuse_locked_in(table, {**roles, **keep})
    if not isinstance(given, nw.DataFrame):
        return table, as_lazy(given, name=kind.name, by_row=True), schema
    used = dict.fromkeys(
        [
            *roles.values(),
            *keep.values(),
            *_likely_currency_columns(given, schema),
            *status_columns(schema),
        ]
    )
    numbered = given.select(*used).with_row_index(ROW)  # of ten thousand columns three are wanted
    if texts:
        numbered = nw.from_native(nw.to_native(numbered).assign(**texts))
    return nw.to_native(given), as_lazy(numbered, name=kind.name, by_row=True), schema


def status_columns(schema: Mapping[str, nw.dtypes.DType]) -> list[str]:
    """The columns of text whose names say that they hold how an order or a payment stands."""
    return [
        name
        for name, dtype in schema.items()
        if isinstance(dtype, nw.String)
        and bare_name(outer_text(name)).casefold().endswith("status")
    ]


def _likely_currency_columns(
    given: nw.DataFrame[Any], schema: Mapping[str, nw.dtypes.DType]
) -> list[str]:
    """The columns that may say in which currencies amounts are, by their names or first rows."""
    first = given.head(SAMPLE)
    texts = [name for name in unnamed_columns(schema) if are_currency_codes(first[name].to_list())]
    return [*currency_columns(schema), *texts]


def _refuse_locked_in(table: object, named: Mapping[str, str]) -> None:
    """DuckDB has types that it can hand to no other tool, not even to Python."""
    locked = locked_in(table)
    for role, name in named.items():
        if name in locked:
            kind, other = locked[name]
            raise ColumnError(
                f"`{role}`: column {name!r} holds {kind}, which DuckDB hands to no other tool. "
                f"Convert it first: {other}."
            )


def _refuse_objects(given: Any, named: Mapping[str, str], schema: Mapping[str, object]) -> None:
    """Polars can do nothing with Python objects, not even compare them."""
    odd = [(role, name) for role, name in named.items() if isinstance(schema[name], nw.Object)]
    if odd and not is_pandas(given):
        role, name = odd[0]
        raise ColumnError(
            f"`{role}`: column {name!r} holds Python objects (Object), whose types are not known. "
            "Make it text, numbers or dates first, such as pl.Series(values, dtype=pl.String, "
            "strict=False)."
        )


def names_to_keep(keep: str | Sequence[str] | None, asked: str = "keep") -> list[str]:
    """The columns that `keep=`, or another keyword of several, names.

    Raises:
        ColumnError: if it is neither a name nor several.
    """
    if not isinstance(keep, Iterable | None):
        raise ColumnError(f"{asked} must name a column, or several in a list; got {keep!r}.")
    return [] if keep is None else [keep] if isinstance(keep, str) else list(keep)


def _refuse_names(kind: Kind, schema: Iterable[object]) -> None:
    """Names that would hide a column of ours, or that engines cut or cannot hold."""
    for name in map(str, schema):
        if "\0" in name or name.lower().startswith(OURS):
            raise ColumnError(
                f"{kind.name}: a column cannot be named {name!r}: a name may hold no NUL character "
                f"and not start with {OURS!r}. Rename it first."
            )


def _refuse_unsaid(kind: Kind, roles: Mapping[str, str | None], keep: Sequence[object]) -> None:
    """Column names are text, and those that every table of the kind needs must be said."""
    needed = {column.name for column in kind.columns if not column.optional} - _COMPUTED
    for role, name in [*roles.items(), *(("keep", name) for name in keep)]:
        if name is None and role not in needed:
            continue
        if not isinstance(name, str):
            raise ColumnError(
                f"{role} must be the name of a column, as text; got {name!r}. A column with a "
                f"number for a name goes by its text: say {role}='{name}'."
            )


def column_meant(name: str, present: Mapping[str, object], *, asked: str) -> str:
    """The column the user meant: of exactly this name, else the only one but for padding or case.

    Raises:
        ColumnError: if there is none, with the nearest name there is.
    """
    if inner_name(name) in present:
        return inner_name(name)
    for alike in (bare_name, lambda text: bare_name(text).casefold()):
        near = [column for column in present if alike(outer_text(column)) == alike(name)]
        if len(near) == 1:
            return near[0]
    problem = ColumnError.unknown(asked, name, present)
    raise ColumnError(problem.marked + _OR_WORDS[asked]) if asked in _OR_WORDS else problem


def bare_name(name: object) -> str:
    """A column name without byte-order mark and padding."""
    text = str(name)
    for mark in _MARKS:
        text = text.strip().removeprefix(mark)
    return text.strip()


def _kept_columns(
    names: Sequence[str],
    kind: Kind,
    roles: Iterable[str],
    schema: Mapping[str, nw.dtypes.DType],
) -> dict[str, str]:
    """Kept columns: the name each goes out under, and the one it has in the user's table."""
    ours = {name.lower(): name for name in kind.names}  # engines take "Date" for "date"
    for name in names:
        if own := ours.get(bare_name(name).lower()):
            same = own == bare_name(name)
            alike = "" if same else f" but for its case ({own!r})"
            named = f"{name!r}" if own == "currency" else "..." if same and own in roles else ""
            say = f"say {kind.door}(..., {own}={named}), or " if named else ""
            raise ColumnError(
                f"keep names {name!r}, which is a column of {kind.name} itself{alike}: "
                f"{say}rename it first."
            )
    kept = {inner_name(bare_name(name)): column_meant(name, schema, asked="keep") for name in names}
    if len(kept) < len(names):
        raise ColumnError(f"`keep` names a column twice: {list(names)}.")
    return kept


def signs_of_years(source: Source, frame: Frame) -> dict[str, nw.Expr]:
    """Whether a date lies in a year that no file of today is about; ends may be without end."""
    schema = frame.collect_schema()
    dates = {role: f"{OURS}{role}" for role in source.roles if not role.endswith("end")}
    days = {
        role: periods.day_expr(name, frame.implementation)
        for role, name in dates.items()
        if name in schema and schema[name].is_temporal()
    }
    first, last = map(periods.number_of, _YEARS)
    return {f"year {role}": (day < first) | (day > last) for role, day in days.items()}


def example_in_words(frame: Frame, shows: str, first: Any) -> str:
    """The first row that fails (eager), or the smallest value that does (lazy), in words."""
    if first is None:
        return ""
    if ROW not in frame.collect_schema():
        return f"smallest {value_as_written(first)}"
    here = frame.filter(nw.col(ROW) == int(first), ~nw.col(shows).is_null())
    found = collect(here.select(value=example_value(frame, shows)))["value"].tolist()
    return f"row {int(first):,}{''.join(f': {value_as_written(value)}' for value in found)}"


def example_value(frame: Frame, shows: str) -> nw.Expr:
    """The value that an example shows; times in microseconds, which Python can write."""
    dtype = frame.collect_schema()[shows]
    nanoseconds = isinstance(dtype, nw.Datetime) and dtype.time_zone is None
    return nw.col(shows).cast(nw.Datetime("us")) if nanoseconds else nw.col(shows)


_MARK = f"{OURS}mark"


def with_flag(source: Source, frame: Frame, rows: NDArray[np.int64], flag: str) -> Frame:
    """The frame with a flag that holds on these rows, given by their positions."""
    backend = nw.from_native(cast("Any", source.table)).implementation
    marks = nw.from_dict({ROW: rows, _MARK: rows}, backend=cast("Any", backend)).to_native()
    joined = frame.join(beside(frame, marks, name="marks"), on=ROW, how="left")
    return joined.with_columns((~nw.col(_MARK).is_null()).alias(flag)).drop(_MARK)

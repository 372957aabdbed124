"""The one check that every public function starts with, and the names that users may give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, cast

import narwhals.stable.v2 as nw

from retention.errors import YOURS, ColumnError, ContentError, count_of
from retention.frames import Frame, as_lazy, one_row
from retention.names import inner_name, marked_argument
from retention.periods import zone_of
from retention.tables.makers import advice_to_make
from retention.tables.mixed_currencies import refuse_mixed, says_currency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.tables.declaring import Column, Kind, Type

Adds = Literal["within", "all", "none"]
"""Over what a figure adds money up: within its segments, over everything, or none of it."""

_SAID: Mapping[Type, str] = {
    "id": "text or whole numbers",
    "id or none": "text or whole numbers",
    "time": "dates",
    "number": "numbers",
    "integer": "whole numbers",
    "flag": "true or false",
    "text": "text",
    "label": "text",
}

_OF_NOTHING: Mapping[Type, type[nw.dtypes.DType]] = {
    "text": nw.String,
    "number": nw.Float64,
    "time": nw.Datetime,
    "id or none": nw.String,
}
"""What a column in which nothing stands is taken for, where values may be missing."""


def require(
    table: object,
    kind: Kind,
    *,
    extra: Sequence[str] = (),
    alone: bool = False,
    by_row: bool = False,
    adds: Adds = "within",
) -> Frame:
    """The table as a LazyFrame, once it is sure that it has the columns of `kind` and `extra`.

    Columns beyond those asked for stay, unless these are wanted `alone`; optional ones that are
    absent stay absent. `by_row` says that nothing is grouped: a large pandas table stays in pandas.

    Money in several currencies is refused unless the caller says that it adds up none: `adds` is
    "within" where it adds within the segments `extra`, "all" where it adds over everything whatever
    they are, and "none" where customers alone are counted.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing, named twice or of the wrong type.
        ContentError: if money would be added up that is in several currencies.
    """
    extra = [inner_name(name) for name in extra]
    wanted = {*kind.names, *extra}
    only = (lambda name: name in wanted or says_currency(name)) if alone else None
    frame = as_lazy(table, name=kind.name, by_row=by_row, only=only)
    schema = frame.collect_schema()
    for column in kind.columns:
        if column.name in schema:
            if not _has_fitting_type(column, schema[column.name]):
                frame = _with_typed_empty_column(frame, kind, column)
                schema = frame.collect_schema()
            if zone := zone_of(schema[column.name], frame.implementation):
                say = "Give local dates without a zone, by the clock your books keep."
                if kind.door.startswith("as_"):  # what is made of loaded tables knows no zone
                    say = (
                        f"Say `{kind.door}(..., tz='Europe/Berlin')` or whichever zone your books "
                        "keep."
                    )
                raise ColumnError(
                    f"{kind.name}: {column.name!r} has the time zone {zone}, in which your days "
                    f"need not begin. {say}"
                )
        elif not column.optional:
            what = f"{kind.name} ({kind.row})"
            told = advice_to_make(kind, schema)
            raise ColumnError.missing(what, column.name, column.meaning, schema, kind.door, told)
    for name in extra:
        if name not in schema:
            raise ColumnError.unknown("by", name, schema, kept=keeping(kind))
    if adds != "none":
        refuse_mixed(frame, kind, extra, apart=adds == "within")
    return frame


def keeping(kind: Kind) -> str:
    """Where a column has to be named so that such a table has it, with {} for its name."""
    doors = {"as_spells": ("purchase_spells", "contract_spells", "as_spells")}
    made = doors.get(kind.door, tuple(kind.door.split(" or ")))
    if kind.door.startswith(("customer_periods", "tenure_periods")):
        first = kind.door.split(" or ")[0]
        return f"`{first}(..., by={{}})`, and `as_transactions(..., keep={{}})` before that,"
    keep = [name for name in made if name.startswith("as_") or name.endswith("_spells")]
    return " or ".join(f"`{name}(..., keep={{}})`" for name in keep)


def segments(
    by: str | Sequence[str], kind: Kind, *, working: Iterable[str] = (), argument: str = "by"
) -> list[str]:
    """The segment columns a user asked for, as a list; none may be a column of `kind` itself.

    Args:
        by: what the user gave.
        kind: the table that has the columns.
        working: columns that are made on the way to the answer, which no segment may be named like.
        argument: what the user calls the segments.

    Raises:
        ColumnError: if one is no text, named twice, or a column that already has a meaning.
    """
    names = given_names(by, argument=argument)
    own = [column.name for column in kind.columns if not column.segment]
    for name in names:
        if name in own:
            raise ColumnError(
                f"{argument}: {name!r} is a column of {kind.name} itself, not a segment."
            )
    refuse_hidden(names, argument=argument)
    return column_names(names, answer=(*own, *working), argument=argument)


def column_names(
    asked: str | Sequence[str], *, answer: Iterable[str] = (), argument: str = "by"
) -> list[str]:
    """Columns of a table that a user asked for, as a list, none named like one of the answer.

    Raises:
        ColumnError: if one is no text, is named twice, or is a name that the answer uses itself.
    """
    names = given_names(asked, argument=argument)
    refuse_taken(names, answer, argument=argument)
    if len(set(names)) < len(names):
        raise ColumnError(f"{marked_argument(argument)} names a column twice: {names}.")
    return [inner_name(name) for name in names]


def refuse_hidden(names: Iterable[str], *, argument: str) -> None:
    """Refuse a user's columns that are named as columns on the way to an answer are: `_day`.

    Raises:
        ColumnError: at the first whose name begins so.
    """
    refuse_taken(names, [name for name in names if name.startswith("_")], argument=argument)


def given_names(asked: object, *, argument: str) -> list[str]:
    """The names that a user gave, one or several.

    Raises:
        ColumnError: if one is no text.
    """
    if asked is None:
        raise ColumnError(f"{argument} must name a column, or several in a list; got None.")
    if not isinstance(asked, Iterable):
        raise ColumnError(
            f"{argument} must name a column, or several in a list; got {asked!r}. A column with a "
            f"number for a name goes by its text: say {argument}='{asked}'."
        )
    names = [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if not isinstance(name, str):
            raise ColumnError(
                f"{argument} must name columns, as text; got {name!r}. A column with a number for "
                f"a name goes by its text: say {argument}=['{name}']."
            )
    return names


def refuse_taken(names: Iterable[str], answer: Iterable[str], *, argument: str = "by") -> None:
    """Refuse a user's columns that are named like one of the answer, in whatever case.

    To DuckDB and Spark "Share" and "share" are one name.

    Raises:
        ColumnError: at the first that is.
    """
    own = {name.lower() for name in answer}
    for name in names:
        if name.lower() in own:
            raise ColumnError(
                f"{argument}: {name!r} is a name that answers use themselves. Rename it."
            )


def refuse_other_ids(first: Frame, second: Frame, names: tuple[str, str]) -> None:
    """Refuse two tables whose customers cannot be the same: numbers in one, text in the other.

    Raises:
        ColumnError: if the ids are of different types.
    """
    mine, other = (table.collect_schema()["customer_id"] for table in (first, second))
    if mine.is_integer() != other.is_integer():
        raise ColumnError(
            f"{names[1]}: 'customer_id' holds {other}, in {names[0]} it holds {mine}. "
            "Give both the same type."
        )


def typed_as(table: Frame, checked: Frame) -> Frame:
    """A table whose times are times as in its checked form, where nothing stands in the column."""
    mine, meant = table.collect_schema(), checked.collect_schema()
    wrong = [name for name in meant if meant[name].is_temporal() and not mine[name].is_temporal()]
    return table.with_columns(nw.col(name).cast(meant[name]) for name in wrong) if wrong else table


def _has_fitting_type(column: Column, dtype: nw.dtypes.DType) -> bool:
    return {
        "id": dtype.is_integer() or isinstance(dtype, nw.String),
        "id or none": dtype.is_numeric() or isinstance(dtype, nw.String),  # pandas: 7.0 beside NaN
        "time": isinstance(dtype, nw.Date | nw.Datetime),
        "number": dtype.is_numeric(),
        "integer": dtype.is_integer(),
        "flag": isinstance(dtype, nw.Boolean),
        "text": isinstance(dtype, nw.String | nw.Categorical | nw.Enum),
        "label": not dtype.is_temporal(),
    }[column.type]


def _with_typed_empty_column(frame: Frame, kind: Kind, column: Column) -> Frame:
    """The frame with an empty column in the type it should have: engines give it any, or none.

    Raises:
        ColumnError: if the column is not empty, and so of the wrong type.
    """
    dtype = frame.collect_schema()[column.name]
    meant = _OF_NOTHING.get(column.type)
    # An older DuckDB calls the column of a bare NULL a whole number.
    empty = dtype.is_integer() or isinstance(dtype, nw.Unknown | nw.String)
    may_be = meant is not None and empty
    if not may_be or one_row(frame.select(nw.col(column.name).count().alias("n")))["n"]:
        load = "Convert it" if kind.door == YOURS else f"Make the table with {kind.door}(...)"
        if kind.door.startswith("as_"):
            load = f"Load the table with {kind.door}(...)"
        raise ColumnError(
            f"{kind.name}: {column.name!r} ({column.meaning}) must be {_SAID[column.type]}; "
            f"got {dtype}. {load}."
        )
    return frame.with_columns(nw.col(column.name).cast(cast("Any", meant)))


def refuse_repeated_customers(table: Frame, name: str = "assignment") -> None:
    """Refuse a table in which a customer stands more than once.

    Raises:
        ContentError: if one does, or a row has no customer.
    """
    if isinstance(table.collect_schema()["customer_id"], nw.Categorical | nw.Enum):
        table = table.with_columns(nw.col("customer_id").cast(nw.String))  # it has no least one
    each = table.group_by("customer_id").agg(nw.len().alias("n"))
    blank = each.filter(nw.col("customer_id").is_null()).select(n=nw.col("n").sum())
    if n := int(one_row(blank)["n"] or 0):
        raise ContentError(
            f"{name}: {count_of(n, 'row has', 'rows have')} no customer_id. Leave them out."
        )
    several = each.filter(nw.col("n") > 1)
    found = one_row(several.select(nw.len().alias("n"), first=nw.col("customer_id").min()))
    if n := int(found["n"]):
        raise ContentError(
            f"{name}: {count_of(n, 'customer has', 'customers have')} several rows, such as "
            f"{found['first']!r}. Keep one row of each."
        )

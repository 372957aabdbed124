"""What all doors share: they take a table, or a file or query to read; and an audit instead."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ParamSpec, TypedDict, TypeVar, cast

import narwhals.stable.v2 as nw

from retention.errors import (
    ColumnError,
    ContentError,
    ReadError,
    RetentionError,
    check_choice,
    nearest_name,
)
from retention.frames import as_lazy, in_kind_of
from retention.loading.audits import Audit, audit_of_reading
from retention.loading.chosen_rows import rows_chosen, values_by_column
from retention.loading.files.reading import open_source
from retention.loading.files.relations import (
    ENGINES,
    Engine,
    Opened,
    refusals_explained,
    table_in_engine,
)
from retention.loading.refusals import accepted_rows
from retention.loading.rows.columns import column_meant, names_to_keep
from retention.loading.values.currencies import likely_currency_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.row_checks import Reading

_P = ParamSpec("_P")
_T = TypeVar("_T")


class FromFile(TypedDict, total=False):
    """How a file or a query is read, where a door is given one: see `read_table`.

    Attributes:
        connection: of a database, for a query or the name of a table.
        engine: the kind of table that comes back, "pandas" if it is not said.
        sheet: of a workbook.
        encoding: of text.
        separator: of columns in text.
        header_row: the line of the names.
        headings: the column filled in on rows of their own, above those that they are for.
        where: which rows are meant, of a table, too: {"Status": ["completed", "processing"]}.
        incomplete: "drop" leaves out, of a table, too, rows that can only be corrected.
    """

    connection: Any
    engine: Engine
    sheet: str | None
    encoding: str | None
    separator: str | None
    header_row: int | None
    headings: str | None
    where: Mapping[str, Any] | None
    incomplete: str


_FILE = tuple(FromFile.__annotations__)
_DOORS: set[str] = set()
_AUDITS: ContextVar[bool] = ContextVar("audits", default=False)


def entrance(
    *columns: str, words: Mapping[str, Callable[[object], bool]] = MappingProxyType({})
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Makes a door take a file or a query as well as a table.

    Args:
        columns: the door's keywords that name columns: of a file only those are read, unless rows
            that are there twice must be told, which agree in every column.
        words: which of them take words beside names of columns, and whether a value is a word.
    """

    def door_taking_files(door: Callable[_P, _T]) -> Callable[_P, _T]:
        _DOORS.add(door.__name__)
        known = {name for name, p in signature(door).parameters.items() if p.kind != p.VAR_KEYWORD}

        @wraps(door)
        def answer_of_door(*args: _P.args, **said: _P.kwargs) -> _T:
            for name in said:
                if name not in known and name not in _FILE:
                    near = nearest_name(name, [*known, *_FILE])
                    hint = f". Did you mean {near!r}?" if near else ""
                    what = f"{door.__name__}() got an unexpected keyword argument {name!r}{hint}"
                    raise TypeError(what)
            reading: dict[str, Any] = {name: said.pop(name) for name in _FILE if name in said}
            given = [*args, *([said.pop("table")] if "table" in said else [])]
            open_door = cast("Callable[..., _T]", door)
            chosen = values_by_column(reading.pop("where", None))
            incomplete = reading.pop("incomplete", "error")
            with _refusals_in_own_words(door.__name__), rows_chosen(chosen, incomplete):
                if len(given) == 1 and (reading or _is_source(given[0])):
                    of_columns = [
                        name
                        for name in columns
                        if name not in words or not words[name](said.get(name))
                    ]
                    named = _columns_named(said, of_columns, chosen)
                    drops = incomplete == "drop"
                    return _answer_from_source(
                        open_door, said, given[0], reading, named, incomplete=drops
                    )
                return open_door(*given, **said)

        return answer_of_door

    return door_taking_files


def accepted_or_audit(reading: Reading, table: IntoFrameT) -> IntoFrameT:
    """What a door hands out: the accepted rows in the caller's kind; an audit, where one is asked.

    Raises:
        ContentError: if a row is neither accepted nor left out on request, and no audit is asked.
    """
    if _AUDITS.get():
        return cast("IntoFrameT", audit_of_reading(reading, table))
    return in_kind_of(accepted_rows(reading), table)


def audit(door: Callable[_P, _T], *args: _P.args, **keywords: _P.kwargs) -> Audit[Any]:
    """What a door would hand out, with the rows that it would refuse set aside, each with a reason.

    Args:
        door: one of the `as_…` functions.
        args: the table, or the file or query, that the door would be given.
        keywords: those of the door.

    Returns:
        An `Audit`: `accepted` (the table that the door would hand out), `set_aside` (the other
        rows, with the user's own columns and `reason`), `summary` and `notes`. Every row of the
        input is in one of the first two.

    Raises:
        RetentionError: if `door` is none of the doors, and whatever concerns the table as a whole.
        ColumnError: if the table has a column "reason" already.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> file = pd.DataFrame({
        ...     "who": ["Ann", None, "Bob", "Bob"],
        ...     "day": ["2024-02-29", "2024-03-01", "2024-02-30", "2024-03-02"],
        ...     "paid": [10.0, 20.0, 30.0, -5.0],
        ... })
        >>> roles = {"customer_id": "who", "date": "day", "sales": "paid"}
        >>> audit = rt.audit(rt.as_transactions, file, **roles)
        >>> audit
        Audit of 4 rows: 3 set aside
        check                     rows  customers  first example
        blank customer_id            1          0  row 1
        date that does not exist     1          1  row 2: '2024-02-30'
        refund                       1          1  row 3: -5.0
        accepted                     1          1
        input                        4          2
        next: audit.accepted; audit.set_aside
        >>> audit.set_aside["reason"].tolist()
        ['blank customer_id', 'date that does not exist', 'refund']
    """
    if getattr(door, "__name__", "") not in _DOORS or isinstance(door, type):
        raise RetentionError(
            f"audit takes a door first, as in audit(as_transactions, file, ...); got {door!r}."
        )
    token = _AUDITS.set(True)
    try:
        return cast("Audit[Any]", door(*args, **keywords))
    finally:
        _AUDITS.reset(token)


@contextmanager
def _refusals_in_own_words(door: str) -> Iterator[None]:
    """Within it, what no engine can hold is refused in the user's words."""
    try:
        yield
    except UnicodeEncodeError as problem:
        half = problem.object[problem.start : problem.end]
        raise ContentError(
            f"{door}: a text holds {half!r}, half of a letter, which no table can keep. Replace it "
            "first, in pandas: df[column].str.encode('utf-8', 'replace').str.decode('utf-8')."
        ) from None
    except nw.exceptions.ComputeError as problem:
        raise ColumnError(
            f"{door}: a column holds what its engine cannot work with: {problem}. Give text, "
            "numbers or dates."
        ) from None
    except OverflowError:
        raise ContentError(
            f"{door}: a number is too large for any type (beyond 1.8e308). Give ids as text, and "
            "correct amounts or leave those rows out."
        ) from None


def _is_source(table: object) -> bool:
    """Whether something is a path, or several."""
    if isinstance(table, list | tuple):
        return bool(table) and all(isinstance(each, str | os.PathLike) for each in table)
    return isinstance(table, str | os.PathLike)


def _columns_named(
    said: Mapping[str, Any], columns: Sequence[str], chosen: Iterable[str]
) -> list[tuple[str, str | None]]:
    """The columns that a door's keywords name, each with its keyword."""
    several = {name: names_to_keep(said.get(name), name) for name in ("keep", "per_order")}
    several["where"] = list(chosen)
    named = [(role, said.get(role)) for role in columns]
    return named + [(role, name) for role, names in several.items() for name in names]


def _answer_from_source(
    door: Callable[..., _T],
    said: Mapping[str, Any],
    source: Any,
    reading: Mapping[str, Any],
    named: Sequence[tuple[str, str | None]],
    *,
    incomplete: bool,
) -> _T:
    """A file's or query's table through its door; a lazy one is first read by the door's checks.

    Where rows that can only be corrected are left out or set aside, lines that do not fit are, too:
    the file is read anew, with each of them as a row that lacks all but one cell.
    """
    check_choice("engine", reading.get("engine", "pandas"), ENGINES)
    try:
        return _answer_of_reading(door, said, source, reading, named)
    except ReadError as problem:
        if not (incomplete or _AUDITS.get()):
            raise
        refused = problem
    try:
        return _answer_of_reading(door, said, source, reading, named, misfits=True)
    except ColumnError:  # what does not fit is not some lines, but what is taken for the names
        raise refused from None


def _answer_of_reading(
    door: Callable[..., _T],
    said: Mapping[str, Any],
    source: Any,
    reading: Mapping[str, Any],
    named: Sequence[tuple[str, str | None]],
    *,
    misfits: bool = False,
) -> _T:
    engine, connection = reading.get("engine", "pandas"), reading.get("connection")
    opened = open_source(door.__name__, source, connection, reading, misfits=misfits)
    twice = "duplicates" in signature(door).parameters and said.get("duplicates") != "keep"
    opened = _source_of_needed_columns(opened, named, every=twice or _AUDITS.get())
    table = table_in_engine(opened, engine)
    if engine != "duckdb":
        return door(table, **said)
    with refusals_explained(opened.explain, bound=True):
        return door(table, **said)


def _source_of_needed_columns(
    opened: Opened, named: Sequence[tuple[str, str | None]], *, every: bool
) -> Opened:
    """The source with all columns, or `every` of them not being needed, only the named ones.

    A column that is missing is refused before anything is read. Columns that may say currencies
    stay, so that the door sees them.
    """
    asked = [(role, name) for role, name in named if name is not None]
    for role, name in asked:
        if not isinstance(name, str):
            raise ColumnError(f"{role} must be the name of a column, as text; got {name!r}.")
    every_name = [name for _, name in asked]
    found = [_column_of_source(opened, role, name, every_name) for role, name in asked]
    for (role, _), name in zip(asked, found, strict=True):
        opened.refuse_lacking([name], asked=role)
    if every:
        return opened
    if ("currency", None) in named:
        with refusals_explained(opened.explain):
            found += likely_currency_columns(
                as_lazy(opened.relation, name=opened.name, by_row=True)
            )
    return opened.with_columns_only(list(dict.fromkeys(found)))


def _column_of_source(opened: Opened, role: str, name: str, every: Sequence[str]) -> str:
    """The column meant; where it is none, the place in the file that holds its name is told."""
    try:
        return column_meant(name, dict.fromkeys(opened.relation.columns), asked=role)
    except ColumnError as problem:
        raise ColumnError(problem.marked + opened.place_of(every, name)) from None

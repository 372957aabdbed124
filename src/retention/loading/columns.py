"""The columns of the user's table: found under the names the user said, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention.errors import ColumnError
from retention.frames import Frame, as_lazy
from retention.loading.text import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from retention.tables import Kind

ROW = f"{OURS}row"
"""The position of a row in an eager table, counted from 0."""

_COMPUTED = {"sales", "wallet"}
"""What may be computed from other columns, so need not be named."""

_MARKS = ("\ufeff", "ï»¿")  # a byte-order mark, as UTF-8 and as cp1252 read it


@dataclass(frozen=True, slots=True)
class Source:
    """The user's table as a door works on it.

    `frame` has the user's columns under the user's names, and `ROW` where the table is eager.
    `roles` says which column plays which part, `keep` which ones go through as they are.
    """

    table: Any
    kind: Kind
    frame: Frame
    schema: Mapping[str, nw.dtypes.DType]
    roles: Mapping[str, str]
    keep: Mapping[str, str]

    @property
    def eager(self) -> bool:
        """Whether the rows are there already, in an order."""
        return ROW in self.frame.collect_schema()


def opened(
    table: object, kind: Kind, roles: Mapping[str, str | None], keep: str | Sequence[str] | None
) -> Source:
    """The table with its columns found, before any of them is read.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a named column is missing, a kept one would hide one of ours, or a name
            cannot be used.
    """
    frame = as_lazy(table, name=kind.name, by_row=True)
    schema = frame.collect_schema()
    _refuse_names(kind, schema)
    if not isinstance(keep, Iterable | None):
        raise ColumnError(f"keep must name a column, or several in a list; got {keep!r}.")
    kept = [] if keep is None else [keep] if isinstance(keep, str) else list(keep)
    _refuse_unsaid(kind, roles, kept)
    found = {
        role: find(name, schema, asked=role) for role, name in roles.items() if name is not None
    }
    kept_as = _kept(kept, kind, roles, schema)
    given = nw.from_native(cast("Any", table))
    if isinstance(given, nw.DataFrame):
        frame = as_lazy(given.with_row_index(ROW), name=kind.name, by_row=True)
    return Source(table, kind, frame, dict(schema), found, kept_as)


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
                f"{role} must be the name of a column, as text; got {name!r}. Where columns have "
                "numbers for names, rename them first."
            )


def find(name: str, present: Mapping[str, object], *, asked: str) -> str:
    """The column the user meant: of exactly this name, else the only one but for padding or case.

    Raises:
        ColumnError: if there is none, with the nearest name there is.
    """
    if name in present:
        return name
    for alike in (bare, lambda text: bare(text).casefold()):
        near = [column for column in present if alike(column) == alike(name)]
        if len(near) == 1:
            return near[0]
    raise ColumnError.unknown(asked, name, present)


def bare(name: object) -> str:
    """A column name without byte-order mark and padding."""
    text = str(name)
    for mark in _MARKS:
        text = text.strip().removeprefix(mark)
    return text.strip()


def _kept(
    names: Sequence[str],
    kind: Kind,
    roles: Iterable[str],
    schema: Mapping[str, nw.dtypes.DType],
) -> dict[str, str]:
    """Kept columns: the name each goes out under, and the one it has in the user's table."""
    ours = {name.lower(): name for name in kind.names}  # engines take "Date" for "date"
    for name in names:
        if own := ours.get(bare(name).lower()):
            same = own == bare(name)
            alike = "" if same else f" but for its case ({own!r})"
            named = f"{name!r}" if own == "currency" else "..." if same and own in roles else ""
            say = f"say {kind.door}(..., {own}={named}), or " if named else ""
            raise ColumnError(
                f"keep names {name!r}, which is a column of {kind.name} itself{alike}: "
                f"{say}rename it first."
            )
    kept = {bare(name): find(name, schema, asked="keep") for name in names}
    if len(kept) < len(names):
        raise ColumnError(f"keep names a column twice: {list(names)}.")
    return kept

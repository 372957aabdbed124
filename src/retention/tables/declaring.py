"""What a table is declared with: its name, what one row is, its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["id", "id or none", "time", "number", "integer", "flag", "text", "label"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a named table: its name, type, meaning and unit.

    A column whose unit is a currency is money, which is never added up across several of them.
    `segment` says that `by=` may name it, `constant` that it is the same in all rows.
    """

    name: str
    type: Type
    meaning: str = ""
    unit: str = ""
    optional: bool = False
    segment: bool = False
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A named table: what one row is, the function that makes it (or `YOURS`), its columns."""

    name: str
    row: str
    door: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(column.name for column in self.columns)

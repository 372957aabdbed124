"""What a table that a plot draws is, as data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Literal

from retention.tables.answer_columns import answer_of

Holds = Literal["number", "time", "text"]

_HELD: dict[str, Holds] = {
    "number": "number",
    "integer": "number",
    "flag": "number",
    "time": "time",
}


@dataclass(frozen=True)
class Drawable:
    """A table that a plot draws.

    Attributes:
        plot: the plot.
        makers: the public functions that give such a table, as "kpis.outcome_kpis".
        row: what one row is.
        needed: its columns without which nothing can be drawn.
        never: columns by which it is another table, although it has all that is needed.
        said: of a table that no function gives: who makes it, and what its columns hold.
    """

    plot: str
    makers: tuple[str, ...]
    row: str
    needed: tuple[str, ...]
    never: tuple[str, ...] = ()
    said: tuple[str, dict[str, Holds]] | None = None

    @property
    def maker(self) -> str:
        """The functions, in words."""
        if self.said is not None:
            return self.said[0]
        return " or ".join(name.rpartition(".")[2] for name in self.makers)

    @cached_property
    def holds(self) -> dict[str, Holds]:
        """What each column holds that the functions declare: the others are segments."""
        if self.said is not None:
            return self.said[1]
        held: dict[str, Holds] = {}
        for maker in self.makers:
            wing, _, name = maker.rpartition(".")
            made = answer_of(getattr(import_module(f"retention.{wing}"), name))
            held |= {column.name: _HELD.get(column.type, "text") for column in made.columns}
        return held

"""How a value of the library shows itself: in ten lines, and as a small table in a notebook."""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass, replace
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_ROWS = 5
_MOST_NOTES = 2
_WIDTH = 100
_LONGEST_CELL = 80
_FIGURE = re.compile(r"[-−+]?[\d.,]+(e[-+]?\d+)?%?|[–-]?")
_CELL = "padding:0.2em 0.7em;text-align:"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a value says of itself, before it is text or HTML.

    Attributes:
        head: what it is, of how many, and how it ended.
        rows: the main numbers as text, a heading first; none if there are none.
        notes: what is to be known when it is read, the most important first.
        then: what to call next.
        whole: the call that gives all rows; "" where none may be left out.
    """

    head: str
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    whole: str = ""

    @property
    def body(self) -> tuple[tuple[str, ...], ...]:
        """The heading and the rows that are shown: all of them where only one would be left out."""
        few = len(self.rows) <= _MOST_ROWS + 2 or not self.whole
        return self.rows if few else self.rows[: _MOST_ROWS + 1]

    @property
    def more(self) -> tuple[str, ...]:
        """In words what is left out, then the notes."""
        left = len(self.rows) - len(self.body)
        rows = (f"… and {left:,} more: {self.whole}",) if left else ()
        n = len(self.notes) - _MOST_NOTES
        notes = (
            self.notes
            if n <= 1 or not self.whole
            else (*self.notes[:_MOST_NOTES], f"… and {n} more notes")
        )
        return rows + notes

    @property
    def are_figures(self) -> tuple[bool, ...]:
        """Of each column, whether it holds figures: they stand to the right."""
        return tuple(
            all(_FIGURE.fullmatch(cell) for cell in cells)
            for cells in zip(*self.rows[1:], strict=True)
        )


class Printed:
    """A value that shows itself: `repr` and `print` in ten lines, a notebook as a table."""

    __slots__ = ()

    @abstractmethod
    def _shown(self) -> Shown:
        """What there is to say."""

    def __repr__(self) -> str:
        """What it is, its main numbers, what to know of them and what to call next."""
        return shown_as_text(self._shown())

    def __str__(self) -> str:
        return shown_as_text(self._shown())

    def _repr_html_(self) -> str:
        return shown_as_html(self._shown())


def text_without_calls(value: Printed) -> str:
    """What a value prints, where nobody writes Python: without what to call next."""
    return shown_as_text(replace(value._shown(), then=()))


def shown_as_text(shown: Shown) -> str:
    """In lines of at most a hundred letters, columns aligned."""
    told = [line for note in shown.more for line in wrap(note, _WIDTH, subsequent_indent="  ")]
    then = [f"next: {'; '.join(shown.then)}"] * bool(shown.then)
    if then and len(then[0]) > _WIDTH:
        then = [f"{'next: ' if not n else '      '}{call}" for n, call in enumerate(shown.then)]
    head = wrap(shown.head, _WIDTH, subsequent_indent="  ")
    return "\n".join([*head, *_aligned_lines(shown), *told, *then])


def _aligned_lines(shown: Shown) -> list[str]:
    rows = [[_cell_in_line(cell) for cell in row] for row in shown.body]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    beside = list(zip(widths, shown.are_figures or [False] * len(widths), strict=True))
    return [
        "  ".join(
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, (width, figure) in zip(row, beside, strict=True)
        ).rstrip()
        for row in rows
    ]


def _cell_in_line(cell: str) -> str:
    line = " ".join(cell.split())
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def shown_as_html(shown: Shown) -> str:
    """For a notebook: every letter of the user's escaped, and nothing asked of any other place."""
    head = f"<p><strong>{escape(shown.head)}</strong></p>"
    notes = [f"<p>{escape(note)}</p>" for note in shown.more]
    calls = ", ".join(f"<code>{escape(call)}</code>" for call in shown.then)
    then = [f"<p>Next: {calls}</p>"] * bool(calls)
    return "\n".join([head, *_table_in_html(shown), *notes, *then])


def _table_in_html(shown: Shown) -> Iterable[str]:
    if not shown.rows:
        return
    sides = [
        "right" if one else "left" for one in shown.are_figures or [False] * len(shown.rows[0])
    ]
    head, *rows = shown.body
    yield "<table>"
    yield _row_in_html("th", head, sides)
    for row in rows:
        yield _row_in_html("td", row, sides)
    yield "</table>"


def _row_in_html(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    inner = "".join(
        f'<{tag} style="{_CELL}{side}">{escape(cell)}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{inner}</tr>"

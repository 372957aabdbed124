"""A report as Markdown: the same findings and tables; pictures as what can be seen on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.report.parts import Card, Grid, Section

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#$])")


def report_in_markdown(head: Sequence[str], sections: Sequence[Section]) -> str:
    """The whole report, beneath its title and what is told below that."""
    parts = [f"# {plain_words(head[0])}", *(plain_words(words) for words in head[1:])]
    for one in sections:
        parts += [f"## {plain_words(one.heading)}", f"**{plain_words(one.finding)}**"]
        parts += ["\n".join(_card_line(card) for card in one.cards)] if one.cards else []
        parts += [f"*{plain_words(pic.title)}*: {plain_words(pic.told)}" for pic in one.pictures]
        parts += [_grid_table(grid) for grid in one.grids]
        parts += [plain_words(note) for note in one.notes]
    return "\n\n".join(parts) + "\n"


def plain_words(words: str) -> str:
    """Words as they are, on one line, whatever Markdown or HTML would make of them."""
    words = re.sub(r"\s+", " ", words).replace("&", "&amp;")
    return _SPECIAL.sub(r"\\\1", words).replace("\\<", "&lt;")


def _card_line(card: Card) -> str:
    told, *changes = (plain_words(words) for words in (card.told, card.change, card.also))
    figure = f"- {plain_words(card.label)}: **{plain_words(card.value)}** ({told})"
    return "; ".join([figure, *(words for words in changes if words)])


def _grid_table(grid: Grid) -> str:
    lines = [
        f"{plain_words(grid.caption)}:\n",
        _table_line(grid.columns),
        _table_line(
            ["---" if place < grid.texts else "---:" for place in range(len(grid.columns))]
        ),
        *(_table_line([plain_words(cell) for cell in row]) for row in grid.rows),
    ]
    return "\n".join(lines)


def _table_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

"""A report as Markdown: the same findings and tables; pictures as what can be seen on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.report.parts import Card, Grid, Section

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#$])")


def text(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole report."""
    parts = [f"# {plain(title)}", plain(subtitle)]
    for one in sections:
        parts += [f"## {plain(one.heading)}", f"**{plain(one.finding)}**"]
        parts += ["\n".join(_card(card) for card in one.cards)] if one.cards else []
        parts += [f"*{plain(pic.title)}*: {plain(pic.told)}" for pic in one.pictures]
        parts += [_grid(grid) for grid in one.grids]
        parts += [plain(note) for note in one.notes]
    return "\n\n".join(parts) + "\n"


def plain(words: str) -> str:
    """Words as they are, on one line, whatever Markdown or HTML would make of them."""
    words = re.sub(r"\s+", " ", words).replace("&", "&amp;")
    return _SPECIAL.sub(r"\\\1", words).replace("\\<", "&lt;")


def _card(card: Card) -> str:
    told = (
        f"{plain(card.label)}: **{plain(card.value)}** ({plain(card.told)}), {plain(card.change)}"
    )
    return f"- {told}"


def _grid(grid: Grid) -> str:
    lines = [
        f"{plain(grid.caption)}:\n",
        _line(grid.columns),
        _line(["---" if place < grid.texts else "---:" for place in range(len(grid.columns))]),
        *(_line([plain(cell) for cell in row]) for row in grid.rows),
    ]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

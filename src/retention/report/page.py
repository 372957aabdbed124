"""A report as one HTML file: everything in it, nothing fetched, every text escaped."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from retention.report.asked.presentation import AS_IT_IS
from retention.report.drawing import line_of_past

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retention.report.asked.presentation import Presentation
    from retention.report.parts import Card, Grid, Picture, Section

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
FEW = 3
"""A table of so many columns is no wider than it must be."""

_NO_FINDING = ("headline", "read", "definitions")
"""Parts whose finding is not among those in short: the first stands above them already."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Characters that no page may hold."""

_MARKS = {"up": "▲", "down": "▼"}
"""Where a figure went; whether that is good is told by colour and in words for a screen reader."""


def whole_page(
    title: str, subtitle: str, sections: Sequence[Section], shown: Presentation = AS_IT_IS
) -> str:
    """The whole page."""
    style = files("retention.report").joinpath("style.css").read_text(encoding="utf-8")
    links = "".join(
        f'<li><a href="#{escape(one.key)}">{escape(one.heading)}</a></li>' for one in sections
    )
    first, *others = [_section_html(one) for one in sections]
    short = _findings_with_links(sections)
    above = [first, short] if sections[0].cards else [short, first]
    body = "\n".join([*above, *others])
    page = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the findings</a>
<header>{_logo_html(shown)}
<h1>{escape(title)}</h1>
<p class="subtitle">{escape(subtitle)}</p>{_own_words_html(shown)}
</header>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main id="main">
{body}
</main>
</body>
</html>
"""
    return _CONTROL.sub("\ufffd", page)


def _logo_html(shown: Presentation) -> str:
    """The logo as an image, in which nothing runs and from which nothing is fetched."""
    if not shown.logo_data:
        return ""
    return f'\n<img class="logo" src="{escape(shown.logo_data)}" alt="{escape(shown.author)}">'


def _own_words_html(shown: Presentation) -> str:
    """Who it is from, and what they say."""
    author = f'\n<p class="subtitle">{escape(shown.author)}</p>' if shown.author else ""
    return author + "".join(f"\n<p>{escape(words)}</p>" for words in shown.text)


def _findings_with_links(sections: Sequence[Section]) -> str:
    """The findings of all sections, each with a link to its evidence."""
    shown = {one.finding: one for one in reversed(sections) if one.key not in _NO_FINDING}
    lines = "\n".join(
        f'<li>{escape(one.finding)} <a href="#{escape(one.key)}" '
        f'aria-label="See {escape(one.heading)}">See more</a></li>'
        for one in reversed(shown.values())
    )
    return (
        '<section class="short" aria-labelledby="in-short">\n<h2 id="in-short">In short</h2>\n'
        f"<ul>\n{lines}\n</ul>\n</section>"
    )


def _section_html(one: Section) -> str:
    """A part; its finding is the heading of its first picture, where that has none of its own."""
    tag = "h3" if one.pictures and not one.pictures[0].finding else "p"
    parts = [
        f'<section id="{escape(one.key)}" aria-labelledby="{escape(one.key)}-heading">',
        f'<h2 id="{escape(one.key)}-heading">{escape(one.heading)}</h2>',
        f'<{tag} class="finding">{escape(one.finding)}</{tag}>',
    ]
    if one.cards:
        parts.append(f'<ul class="cards">{"".join(_card_html(card) for card in one.cards)}</ul>')
    parts += [_picture_html(picture) for picture in one.pictures]
    parts += [_grid_html(grid) for grid in one.grids]
    parts += [f'<p class="note">{escape(note)}</p>' for note in one.notes]
    return "\n".join([*parts, "</section>"])


def _card_html(card: Card) -> str:
    also = f'<p class="also">{escape(card.also)}</p>' if card.also else ""
    mark = _MARKS.get(card.change.partition(" ")[0], "■")
    told = {"better": ", which is better", "worse": ", which is worse"}.get(card.verdict, "")
    verdict = f'<span class="spoken">{told}</span>' if told else ""
    change = ""
    if card.change:
        change = (
            f'<p class="change {escape(card.verdict)}"><span aria-hidden="true">'
            f"{mark}</span> {escape(card.change)}{verdict}</p>"
        )
    return (
        f'<li class="card"><h3>{escape(card.label)}</h3><p class="value">{escape(card.value)}</p>'
        f'<p class="told">{escape(card.told)}</p>{line_of_past(card.trend, card.past)}'
        f"{change}{also}</li>"
    )


def _picture_html(picture: Picture) -> str:
    """A drawing in a box that scrolls by itself where it is too narrow for the letters."""
    heading = f"<h3>{escape(picture.finding)}</h3>" if picture.finding else ""
    return (
        f'<figure>{heading}<div class="scroll wide drawing" tabindex="0" role="group" '
        f'aria-label="{escape(picture.title)}">{picture.svg}</div></figure>'
    )


def _grid_html(grid: Grid) -> str:
    """A table in a box that scrolls by itself; its first column names the rows."""
    heads = "".join(
        f'<th scope="col"{_class_of_cell(grid, place)}>{escape(name)}</th>'
        for place, name in enumerate(grid.columns)
    )
    rows = "\n".join(_row_html(grid, row) for row in grid.rows)
    few = len(grid.columns) <= FEW and grid.texts == 1
    opening = '<table class="few">' if few else "<table>"
    wide = "" if few else " wide"
    return (
        f'<div class="scroll{wide}" tabindex="0" role="group" aria-label="{escape(grid.caption)}">'
        f"{opening}\n<caption>{escape(grid.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _row_html(grid: Grid, row: Sequence[str]) -> str:
    first = f'<th scope="row">{escape(row[0])}</th>'
    rest = "".join(
        f"<td{_class_of_cell(grid, place)}>{escape(cell)}</td>"
        for place, cell in enumerate(row)
        if place
    )
    return f"<tr>{first}{rest}</tr>"


def _class_of_cell(grid: Grid, place: int) -> str:
    return ' class="text"' if place < grid.texts else ""

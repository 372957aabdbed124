"""What a report is made of: small frozen values, without a word of HTML or Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of cells as people read them.

    Attributes:
        caption: what one row is.
        columns: their headings.
        rows: the cells, row by row; the first one names the row.
        texts: the columns, from the left, that hold text; the others hold figures.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing, and what it shows in words, for those who cannot see it.

    Attributes:
        svg: the drawing as an `svg` element.
        title: what it is.
        told: what can be seen on it.
        finding: what it shows, in one short sentence: its heading.
        figure: matplotlib's figure of it, from which other formats are made; lost in a pickle.
    """

    svg: str
    title: str
    told: str
    finding: str = ""
    figure: Any = field(default=None, compare=False, repr=False)

    def __reduce__(self) -> tuple[type[Picture], tuple[str, str, str, str]]:
        """The picture without the figure, which holds functions."""
        return Picture, (self.svg, self.title, self.told, self.finding)


@dataclass(frozen=True, slots=True)
class Card:
    """One headline figure.

    Attributes:
        label: its name.
        value: it.
        told: its bounds, or what it is of.
        change: how it moved, in words.
        verdict: "better", "worse" or "same" (also where nobody can tell).
        trend: its values over time, the last one latest, for a small line; None where unknown.
        also: what it was in the period just before, where the change is since another one.
        past: what can be seen on the small line, for those who cannot.
    """

    label: str
    value: str
    told: str
    change: str
    verdict: str = "same"
    trend: tuple[float | None, ...] = ()
    also: str = ""
    past: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report.

    Attributes:
        key: its name in links.
        heading: its heading.
        finding: one sentence: what was found.
        cards: headline figures.
        pictures: drawings.
        grids: tables.
        notes: how to read them, and what they cannot say.
    """

    key: str
    heading: str
    finding: str
    cards: tuple[Card, ...] = ()
    pictures: tuple[Picture, ...] = ()
    grids: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()

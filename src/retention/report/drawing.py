"""Pictures as SVG that stands in a page: the same bytes for the same table, and words beside it."""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass
from html import escape
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from retention.report.parts import Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from retention.report.material import Material

SIZE = (7.6, 4.0)
_SETTINGS = {"svg.hashsalt": "retention", "svg.fonttype": "none", "path.simplify": True}


@dataclass(frozen=True, slots=True)
class Hint:
    """Words over a part of a picture.

    Attributes:
        x: from where to where, in the numbers of its axis.
        y: likewise; None for the whole height.
        words: what is said there.
    """

    x: tuple[float, float]
    y: tuple[float, float] | None
    words: str


def pictures_of_plot(
    material: Material,
    plot: Callable[..., Any],
    table: Any,
    *,
    title: str,
    told: str,
    finding: str = "",
    size: tuple[float, float] = SIZE,
    hints: Sequence[Hint] = (),
    **words: Any,
) -> tuple[Picture, ...]:
    """What a plot of ours draws of a table; nothing where no pictures are wanted.

    Args:
        material: what the report is made from.
        plot: one of the plots, such as `plot_retention`.
        table: the answer it draws.
        title: what the picture is.
        told: what can be seen on it, for those who cannot.
        finding: what it shows, in one short sentence: the heading above it.
        size: in inches.
        hints: what is said of places of it, to a pointer that rests on them.
        words: further keywords of the plot.
    """
    if not material.asked.pictures:
        return ()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has more fonts
        figure = Figure(figsize=size, layout="constrained")
        ax = figure.add_subplot()
        plot(table, ax=ax, **words)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        places = _places_of_hints(ax, hints)
    svg = svg_for_page(text.getvalue(), title, told).removesuffix("</svg>")
    return (Picture(f"{svg}{places}</svg>", title, told, finding, figure),)


def _places_of_hints(ax: Axes, hints: Sequence[Hint]) -> str:
    """Clear boxes over the drawing, each with words that a browser shows without any script."""
    figure = ax.figure
    scale, tall = 72 / figure.dpi, figure.bbox.height
    found = []
    for hint in hints:
        low, high = hint.y or ax.get_ylim()
        ends = ax.transData.transform([(hint.x[0], low), (hint.x[1], high)])
        (left, bottom), (right, top) = ends.min(axis=0), ends.max(axis=0)
        box = [left, tall - top, right - left, top - bottom]
        x, y, wide, deep = (f"{scale * length:.1f}" for length in box)
        found.append(
            f'<rect x="{x}" y="{y}" width="{wide}" height="{deep}" fill="#fff" fill-opacity="0">'
            f"<title>{escape(hint.words)}</title></rect>"
        )
    return "".join(found)


def png_of_picture(picture: Picture) -> bytes | None:
    """A picture as a PNG, the same bytes from the same figure; None where that is not there."""
    if picture.figure is None:
        return None
    from matplotlib import rc_context

    content = BytesIO()
    with rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        picture.figure.set_layout_engine("none")  # as it was drawn for the page
        told = {"Software": None}
        picture.figure.savefig(content, format="png", dpi=150, metadata=told, facecolor="white")
    return content.getvalue()


def svg_for_page(svg: str, title: str, told: str) -> str:
    """An SVG file as an element of a page: named for screen readers, with ids of its own.

    Two pictures of one page must not share ids, and a style sheet in one would be that of the page.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", body, flags=re.DOTALL)
    mark = "p" + hashlib.sha256(f"{title}{body}".encode()).hexdigest()[:8]
    body = re.sub(r"<[^>]*>", lambda tag: _tag_with_own_ids(tag[0], mark), body)
    opening, rest = body.split(">", maxsplit=1)
    box = re.search(r'viewBox="[^"]+"', opening)
    names = f'role="img" aria-labelledby="{mark}-title {mark}-desc"'
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return (
        f'<svg {spaces} {box[0] if box else ""} {names} class="picture">'
        f'<title id="{mark}-title">{escape(title)}</title>'
        f'<desc id="{mark}-desc">{escape(told)}</desc>{rest.strip()}'
    )


def _tag_with_own_ids(tag: str, mark: str) -> str:
    """A tag with ids of its own; words between tags may look like ids and stay as they are."""
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{mark}-\1"', tag)
    tag = re.sub(r'((?:xlink:)?href=")#([^"]+)"', rf'\1#{mark}-\2"', tag)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{mark}-\1)", tag)


def line_of_past(values: Sequence[float | None], told: str = "") -> str:
    """A line of a figure's past, as wide as a word; gaps where it is not known.

    What it shows is told in words, to screen readers and to a pointer that rests on it; without
    words it says nothing that those beside it do not.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    wide, tall = 120.0, 28.0
    step = wide / (len(values) - 1)
    places = [
        None if v is None else (i * step + 3, 3 + tall * (1 - (v - low) / (high - low or 1)))
        for i, v in enumerate(values)
    ]
    path, pen = [], "M"
    for place in places:
        path += [] if place is None else [f"{pen}{place[0]:.1f} {place[1]:.1f}"]
        pen = "M" if place is None else "L"
    x, y = next(place for place in reversed(places) if place is not None)
    words = escape(told)
    names = f'role="img" aria-label="{words}"' if told else 'aria-hidden="true"'
    return (
        f'<svg class="spark" viewBox="0 0 126 34" {names} focusable="false">'
        f"{f'<title>{words}</title>' if told else ''}"
        f'<path d="{" ".join(path)}" fill="none"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></svg>'
    )

"""Pictures of the docs: a page that plots is run as the site is built, and shown what it drew.

Nothing of it is kept in the repository: a picture cannot be older than the code that draws it.
"""

from __future__ import annotations

import os
import re
from io import StringIO
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
DRAWS = re.compile(r"\brt\.plots\.plot_\w+\(")
_SAME = {"svg.hashsalt": "retention", "svg.fonttype": "path", "figure.max_open_warning": 0}
"""The same page gives the same bytes."""


def with_pictures(markdown: str, page: str) -> tuple[str, dict[str, str]]:
    """A page with a line for each picture behind the block that drew it, and the pictures.

    Args:
        markdown: the page.
        page: its name, for messages and for the names of the pictures.

    Returns:
        The page, and each picture's name beside the page with its SVG.
    """
    if not any(DRAWS.search(found["code"]) for found in BLOCK.finditer(markdown)):
        return markdown, {}
    shown, pictures, end = [], {}, 0
    for found, drawn in _run(markdown, page):
        shown.append(markdown[end : found.end()])
        end = found.end()
        for title, svg in drawn:
            name = f"{page}-{len(pictures) + 1}.svg"
            pictures[name] = svg
            shown.append(f"\n![{title}]({name})\n")
    return "".join([*shown, markdown[end:]]), pictures


def _run(markdown: str, page: str) -> Iterator[tuple[re.Match[str], list[tuple[str, str]]]]:
    """Each block of a page, run in order in one namespace, with the new figures of pyplot."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    namespace: dict[str, Any] = {"__name__": page}
    home = os.getcwd()
    with TemporaryDirectory() as folder, mpl.rc_context(_SAME):
        os.chdir(folder)
        try:
            for found in BLOCK.finditer(markdown):
                exec(compile(found["code"], page, "exec"), namespace)
                figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
                yield found, [_as_svg(figure) for figure in figures]
                pyplot.close("all")
        finally:
            os.chdir(home)


def _as_svg(figure: Any) -> tuple[str, str]:
    """What the picture shows, in words, and the picture."""
    said = [" ".join(ax.get_title(loc="left").split()) for ax in figure.axes]
    file = StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None}, bbox_inches="tight")
    title = "; ".join(filter(None, said)) or "A picture"
    return re.sub(r"[\[\]]", "", title), file.getvalue()

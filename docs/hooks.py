"""What the build adds to pages: tables from the library's declarations, pictures, notebooks.

A page holds a line such as {{ figures }}; the build puts the table in its place, so that the page
cannot say anything else than the library does.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File
from notebooks import rendered

import retention
from pictures import with_pictures
from retention.catalogue import FIGURES, Figure
from retention.catalogue.glossary import GLOSSARY
from retention.tables import kinds, made
from retention.tables.declaring import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page


DOCS = Path(__file__).parent


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by MkDocs once it knows the pages: the notebooks are pages too."""
    for name, content in rendered().items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Called by MkDocs for each page, before it becomes HTML."""
    made = {
        "{{ figures }}": figures,
        "{{ glossary }}": glossary,
        "{{ tables }}": named_tables,
        "{{ index }}": index,
    }
    for mark, written in made.items():
        if mark in markdown:
            markdown = markdown.replace(mark, written())
    source = PurePosixPath(page.file.src_uri)
    markdown, pictures = with_pictures(markdown, source.stem)
    for name, svg in pictures.items():
        files.append(File.generated(config, str(source.with_name(name)), content=svg))
    return markdown


def figures() -> str:
    """Every figure of the catalogue: a heading, and a small table of what it means."""
    return "\n\n".join(_figure(figure) for figure in FIGURES)


def glossary() -> str:
    """Every word, what it means here, and where more is said."""
    rows = [
        (f"**{term.word}**", term.meaning, ", ".join(term.others), f"[more](../{term.page}.md)")
        for term in GLOSSARY
    ]
    return _table(("word", "meaning", "also called", ""), rows)


def index() -> str:
    """Every public name of each module: its first sentence, and the page that uses it most."""
    pages = {
        page: page.read_text(encoding="utf-8")
        for folder in ("tutorials", "how-to", "topics", "explanation")
        for page in sorted((DOCS / folder).glob("*.md"))
        if page.stem != "which-figure"
    }
    parts = []
    for module in retention._MODULES:
        face = getattr(retention, module)
        rows = []
        for name in face.__all__:
            doc = (inspect.getdoc(getattr(face, name)) or "").partition("\n\n")[0]
            first = " ".join(doc.split()) if callable(getattr(face, name)) else ""
            uses = {page: len(re.findall(rf"\b{name}\b", text)) for page, text in pages.items()}
            page = max(uses, key=lambda each: uses[each])
            where = f"[{page.stem}](../{page.relative_to(DOCS)})" if uses[page] else ""
            rows.append((f"`{name}`", first, where))
        parts.append(f"## {module}\n\n" + _table(("name", "", "guide"), rows))
    return "\n\n".join(parts)


def named_tables() -> str:
    """Every named table: what a row is, who makes it, its columns."""
    every = [*vars(kinds).values(), *vars(made).values()]
    tables = [value for value in every if isinstance(value, Kind)]
    names = [kind.name for kind in tables]
    titles = [f"{k.name}: {k.row}" if names.count(k.name) > 1 else k.name for k in tables]
    return "\n\n".join(_kind(kind, title) for kind, title in zip(tables, titles, strict=True))


def _figure(figure: Figure) -> str:
    limits = [("" if limit is None else f"{limit:g}") for limit in (figure.low, figure.high)]
    makers = ", ".join(f"`{name.strip()}`" for name in figure.made_by.split(","))
    lines = {
        "Formula": figure.formula,
        "Unit": figure.unit,
        "Range": " to ".join(limits) if all(limits) else _one_sided(*limits),
        "Better": figure.better,
        "Given by": makers,
        "Conventions": ", ".join(f"`{name}=`" for name in figure.conventions) or "none",
        "Source": figure.source,
    }
    return f"## {figure.label}\n\n`{figure.name}`\n\n" + _table(("", ""), lines.items())


def _one_sided(low: str, high: str) -> str:
    if low:
        return f"{low} or more"
    return f"{high} or less" if high else "any number"


def _kind(kind: Kind, title: str) -> str:
    rows = [
        (f"`{column.name}`", column.type, column.meaning, column.unit, "optional" * column.optional)
        for column in kind.columns
    ]
    heading = f"## {title}\n\nOne row: {kind.row}. Made by `{kind.door}`.\n\n"
    return heading + _table(("column", "type", "meaning", "unit", ""), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    # A bar inside a cell, as in |R|, would end the cell.
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines
    )

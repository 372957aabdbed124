"""What pages are made of: the catalogue, the named tables, the index, the columns of answers."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import retention
from retention.catalogue import FIGURES, Figure
from retention.catalogue.glossary import GLOSSARY
from retention.tables import kinds, made, sign_kinds
from retention.tables.answer_columns import ANSWERS
from retention.tables.declaring import Kind
from retention.trade_words import TRADE_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DOCS = Path(__file__).parent

_HOLDS = {
    "id": "id",
    "id or none": "id",
    "time": "day",
    "number": "number",
    "integer": "whole number",
    "flag": "true or false",
    "text": "text",
    "label": "text",
}


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


def trade_words() -> str:
    """A heading of the words for each thing, so that search finds them, and what answers."""
    parts = []
    for words, name, page in TRADE_WORDS:
        guide = page.rpartition("/")[2].replace("-", " ")
        parts.append(f"### {words}\n\n`rt.{name}`: see [{guide}](../{page}.md).")
    return "\n\n".join(parts)


def more(page: str, found: re.Match[str]) -> str:
    """The public names of a module that its page does not place anywhere, so that none lacks."""
    face = getattr(retention, found[1])
    lacking = [name for name in face.__all__ if f"::: retention.{found[1]}.{name}\n" not in page]
    lines = [f"::: retention.{found[1]}.{name}" for name in lacking]
    return "\n\n".join(["## More", *lines]) if lines else ""


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
    rooms = (kinds, made, sign_kinds)
    every = [value for room in rooms for value in vars(room).values()]
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


def with_columns(told: str, path: str) -> str:
    """A docstring with a table of the columns that its function declares."""
    module, _, name = path.rpartition(".")
    if "\nReturns:\n" not in told or "\nRaises:\n" not in told or not module:
        return told
    try:
        answer = ANSWERS.get(getattr(import_module(module), name, None))
    except ImportError:  # a method of a class
        return told
    if answer is None:
        return told
    lines = ["| column | holds | unit | |", "| --- | --- | --- | --- |"]
    for column in answer.columns:
        marks = ["constant"] * column.constant + ["if there is any"] * column.optional
        cells = (f"`{column.name}`", _HOLDS[column.type], column.unit, ", ".join(marks))
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(f"    {line}" for line in [f"One row: {answer.row}.", "", *lines])
    return told.replace("\nRaises:\n", f"\nColumns:\n{table}\n\nRaises:\n", 1)

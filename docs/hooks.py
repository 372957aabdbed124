"""What the build adds to pages: tables from the library's declarations, pictures, notebooks.

A page holds a line such as {{ figures }}; the build puts the table in its place, so that the page
cannot say anything else than the library does.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gallery import REPORT, example_report, gallery_in_html, keep_picture
from mkdocs.structure.files import File
from notebooks import rendered
from written import figures, glossary, index, more, named_tables, trade_words

from pictures import with_pictures

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by MkDocs once it knows the pages: the notebooks are pages too, and a report is."""
    files.append(File.generated(config, REPORT, content=example_report()))
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
        "{{ trade words }}": trade_words,
    }
    for mark, written in made.items():
        if mark in markdown:
            markdown = markdown.replace(mark, written())
    markdown = re.sub(r"\{\{ more (\w+) \}\}", partial(more, markdown), markdown)
    source = PurePosixPath(page.file.src_uri)
    markdown, pictures = with_pictures(markdown, source.stem)
    for name, svg in pictures.items():
        files.append(File.generated(config, str(source.with_name(name)), content=svg))
        title = re.search(rf"!\[(.*)\]\({re.escape(name)}\)", markdown)
        keep_picture(str(source.with_name(name)), title[1] if title else "")
    return markdown


def on_page_context(context: dict[str, Any], page: Page, **_: Any) -> None:  # noqa: ARG001 - MkDocs
    """Called by MkDocs for each page once all are HTML: by now every picture is drawn."""
    page.content = (page.content or "").replace("<p>{{ gallery }}</p>", gallery_in_html())

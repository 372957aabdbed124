"""README and docs: what they show runs, and prints what they say it prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import documents
from documents import OUTPUT, PYTHON, ROOT, SHELL, SPARK

if TYPE_CHECKING:
    from pathlib import Path

SHOWN_COMMANDS = {
    ".ci/run",
    ".venv/bin/pytest",
    ".venv/bin/python tests/tools/documents.py --write",
}
"""Commands that the docs show, beside the two set-up commands of the README."""


def named(page: Path) -> str:
    """The page as the repository knows it."""
    return str(page.relative_to(ROOT))


def has(page: Path, info: str) -> bool:
    """Whether the page has a block of this kind."""
    return any(block.info == info for block in documents.blocks(page))


every_page = pytest.mark.parametrize("page", documents.pages(), ids=named)
plain_pages = [page for page in documents.pages() if has(page, PYTHON)]
spark_pages = [page for page in documents.pages() if has(page, SPARK)]


def disagreements(ran: list[documents.Printed]) -> list[str]:
    """The blocks whose page shows something else than they print, and what they print."""
    return [
        f"{named(printed.code.page)}:{printed.code.line} prints\n{printed.output}"
        for printed in ran
        if not printed.agrees
    ]


@pytest.mark.parametrize("page", plain_pages, ids=named)
def test_code_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    """Every python block runs, in order, and its output stands right below it."""
    monkeypatch.chdir(tmp_path)
    assert disagreements(documents.run(page, spark=False)) == []


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("page", spark_pages, ids=named)
def test_code_for_spark_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    """A page with Spark blocks runs whole, in order."""
    monkeypatch.chdir(tmp_path)
    assert disagreements(documents.run(page, spark=True)) == []


@every_page
def test_every_block_says_what_it_is(page):
    """No block escapes the run for want of a known name, or for being indented."""
    known = {PYTHON, SPARK, SHELL, OUTPUT}
    assert {block.info for block in documents.blocks(page)} <= known
    fences = re.findall(r"^\s*(?:```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(documents.blocks(page))


@every_page
def test_shown_output_belongs_to_code(page):
    """A text block stands right below the python block that printed it, and nowhere else."""
    found = documents.blocks(page)
    outputs = [place for place, block in enumerate(found) if block.info == OUTPUT]
    assert all(place and found[place - 1].info in (PYTHON, SPARK) for place in outputs)
    text = page.read_text(encoding="utf-8")
    assert [text[found[n - 1].end : found[n].start].strip() for n in outputs] == [""] * len(outputs)


def test_readme_has_one_command_for_the_main_job_and_one_for_the_tests():
    """Exactly two shell commands, which .ci/run takes from the page and runs as they stand."""
    main_job, tests = documents.shell(ROOT / "README.md")
    assert main_job.endswith("examples/main_job.py")
    assert tests.endswith(".venv/bin/pytest")


@pytest.mark.parametrize("page", documents.pages()[1:], ids=named)
def test_docs_show_only_commands_that_are_known_to_work(page):
    """A shell command in the docs is one that .ci/run runs, or .ci/run itself."""
    shown = {line for command in documents.shell(page) for line in command.splitlines()}
    assert shown <= SHOWN_COMMANDS | set(documents.shell(ROOT / "README.md"))

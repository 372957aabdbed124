"""The code blocks of README and docs: run page by page, what they print compared or written.

The convention, as docs/contributing/index.md tells it: the python blocks of a page run in order in
one namespace, and what a block prints stands in the text block right after it. Blocks opened with
{.python .spark} need Java.

    python tests/tools/documents.py --write                  rewrite every page's printed output
    python tests/tools/documents.py --write docs/explanation/engines.md  … of one page
    python tests/tools/documents.py --shell README.md        print the shell commands of a page
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
PYTHON, SPARK, SHELL, OUTPUT = "python", "{.python .spark}", "bash", "text"
FENCE = re.compile(r"^```(?P<info>[^`\n]*)\n(?P<text>.*?)^```$\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page: what it says it is, its text, where it stands."""

    page: Path
    info: str
    text: str
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Printed:
    """A block that ran: what it printed, and what the page shows, with the block that shows it."""

    code: Block
    output: str
    shown: Block | None

    @property
    def agrees(self) -> bool:
        """Whether the page shows what was printed."""
        return self.output == (tidy(self.shown.text) if self.shown else "")


def pages() -> list[Path]:
    """README and every page of the docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            found["info"].strip(),
            found["text"],
            found.start(),
            found.end(),
            text.count("\n", 0, found.start()) + 1,
        )
        for found in FENCE.finditer(text)
    ]


def shell(page: Path) -> list[str]:
    """The shell commands of a page, one a block; a trailing backslash joins lines."""
    return [
        block.text.replace("\\\n", " ").strip() for block in blocks(page) if block.info == SHELL
    ]


def run(page: Path, *, spark: bool) -> list[Printed]:
    """Run a page in the present folder; without `spark` its Spark blocks are left out.

    A page may set how pandas prints: that is for itself alone, whatever ran before or comes after.
    """
    reset_printing()
    try:
        return _run(page, spark=spark)
    finally:
        reset_printing()


def reset_printing() -> None:
    """How pandas prints by default."""
    import pandas as pd

    for option in ("precision", "width", "max_columns", "max_rows"):
        pd.reset_option(f"display.{option}")


def _run(page: Path, *, spark: bool) -> list[Printed]:
    found = blocks(page)
    text = page.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": page.stem}
    ran = []
    for block, following in zip(found, [*found[1:], None], strict=False):  # a page without any
        if block.info != PYTHON and not (spark and block.info == SPARK):
            continue
        output = StringIO()
        with redirect_stdout(output):
            # Blank lines before the code make a traceback name the line of the page.
            code = "\n" * block.line + block.text
            exec(compile(code, str(page), "exec"), namespace)
        close = following and not text[block.end : following.start].strip()
        shown = following if close and following and following.info == OUTPUT else None
        ran.append(Printed(block, tidy(output.getvalue()), shown))
    return ran


def tidy(text: str) -> str:
    """Without blanks at line ends or empty lines around it, which nobody sees."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def write(page: Path) -> None:
    """Put what the blocks of a page print into the page."""
    text = page.read_text(encoding="utf-8")
    ran = run(page, spark=find_spec("pyspark") is not None)
    for printed in reversed(ran):
        end = printed.shown.end if printed.shown else printed.code.end
        output = f"\n```{OUTPUT}\n{printed.output}\n```\n" if printed.output else ""
        text = text[: printed.code.end] + output + text[end:]
    page.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Do what the command line asks."""
    asked, named = arguments[:1], [Path(name).resolve() for name in arguments[1:]]
    if asked == ["--shell"] and named:
        sys.stdout.writelines(f"{command}\n" for page in named for command in shell(page))
    elif asked == ["--write"]:
        for page in named or pages():
            with TemporaryDirectory() as folder:
                os.chdir(folder)
                write(page)
                os.chdir(ROOT)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

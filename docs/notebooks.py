"""Notebooks of the docs: those of `examples` are run as the site is built, and shown as pages.

They are stored without output, so what a page shows was computed by the code as it is.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

EXAMPLES = Path(__file__).parent.parent / "examples"
_LONGEST = 600  # seconds a cell may take


def rendered() -> dict[str, str | bytes]:
    """Each notebook as a page, and its pictures: names below the docs, and contents."""
    made: dict[str, str | bytes] = {}
    for notebook in sorted(EXAMPLES.glob("*.ipynb")):
        made |= _page(notebook)
    return made


def _page(notebook: Path) -> dict[str, str | bytes]:
    """One notebook, run in an empty folder."""
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import MarkdownExporter

    cells = nbformat.read(notebook, as_version=4)
    with TemporaryDirectory() as folder:
        shutil.copy(notebook, folder)
        where = {"metadata": {"path": folder}}
        NotebookClient(cells, timeout=_LONGEST, kernel_name="python3", resources=where).execute()
    body, found = MarkdownExporter().from_notebook_node(
        cells, {"unique_key": notebook.stem, "output_files_dir": notebook.stem}
    )
    page = f"examples/{notebook.stem}.md"
    return {page: body} | {f"examples/{name}": data for name, data in found["outputs"].items()}

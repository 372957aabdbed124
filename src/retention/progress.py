"""A progress bar for long reads, only when a person is watching."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(
    what: str, unit: str, total: int | None = None
) -> Iterator[Callable[[int], object]]:
    """Within it, call what it gives with each amount done.

    A bar is drawn on the error stream if that is a terminal, tqdm is installed and a second has
    passed; in a pipeline, a test or a log nothing is written at all.

    Args:
        what: what is being done, such as "reading orders.csv".
        unit: what is counted, such as "rows".
        total: how much there is, if that is known.
    """
    if not sys.stderr.isatty() or find_spec("tqdm") is None:
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(
        desc=what, unit=unit, total=total, unit_scale=True, delay=1, leave=False, file=sys.stderr
    ) as bar:
        yield bar.update

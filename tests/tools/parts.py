"""One part of a report alone, where a test is about that part: the others take their time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import pytest

from retention.report.parts import Section


@contextmanager
def the_part(key: str) -> Iterator[None]:
    """Reports made meanwhile have this part and, in the place of others, nothing."""
    report = import_module("retention.report.report")
    others = [name for name in vars(report) if name.endswith("_section")]
    others.remove(f"{key}_section")
    with pytest.MonkeyPatch.context() as patch:
        for name in others:
            patch.setattr(report, name, lambda _: Section("left out", "", ""))
        yield

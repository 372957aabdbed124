"""How the reference reads docstrings: examples as code, and the columns that are declared."""

from __future__ import annotations

from typing import Any

import griffe
from written import with_columns


class ExampleSections(griffe.Extension):
    """Give the section its plural name before the docstring is parsed, and add the columns."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change one docstring."""
        if obj.docstring:
            told = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
            obj.docstring.value = with_columns(told, obj.path)

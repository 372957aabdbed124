"""The face of a module: its public names, each loaded from its room on first use."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from retention.trade_words import hint_for_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy_face(
    module: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a module that loads nothing until it is asked.

    Args:
        module: its name.
        homes: the room of each public name, beneath the module.
    """
    names = sorted(homes)

    def loaded_value(name: str) -> Any:
        if name not in homes:
            hint = hint_for_name(name, names)
            raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
        value = getattr(import_module(f"{module}.{homes[name]}"), name)
        setattr(sys.modules[module], name, value)
        return value

    return loaded_value, lambda: names, names

"""Experiments: how many customers, who gets what, and did it work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.experiments.looks.look_bounds import look_bounds as look_bounds

_HOMES: dict[str, str] = {
    "look_bounds": "looks.look_bounds",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

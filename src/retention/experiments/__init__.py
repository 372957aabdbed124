"""Experiments: how many customers, who gets what, and did it work."""

from __future__ import annotations

from retention.faces import lazy_face

_HOMES: dict[str, str] = {}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

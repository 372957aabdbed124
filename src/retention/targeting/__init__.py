"""Targeting: whom to make an offer, by what it brings."""

from __future__ import annotations

from retention.faces import lazy_face

_HOMES: dict[str, str] = {}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

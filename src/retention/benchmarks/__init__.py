"""Benchmarks: a rate beside others, published ones and our own, and whether they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

_HOMES: dict[str, str] = {}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

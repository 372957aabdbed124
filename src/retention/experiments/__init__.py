"""Experiments: how many customers, who gets what, and did it work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.experiments.arms.assign_arms import assign_arms as assign_arms

_HOMES = {
    "assign_arms": "arms.assign_arms",
    from retention.experiments.effects.retention_effect import retention_effect as retention_effect

_HOMES: dict[str, str] = {
    "retention_effect": "effects.retention_effect",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

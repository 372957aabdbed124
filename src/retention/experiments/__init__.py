"""Experiments: how many customers, who gets what, and did it work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.experiments.arms.arm_balance import arm_balance as arm_balance
    from retention.experiments.arms.assign_arms import assign_arms as assign_arms
    from retention.experiments.arms.sample_ratio import sample_ratio as sample_ratio

_HOMES = {
    "arm_balance": "arms.arm_balance",
    "assign_arms": "arms.assign_arms",
    "sample_ratio": "arms.sample_ratio",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

"""Experiments: how many customers, who gets what, and did it work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.experiments.arms.arm_balance import arm_balance as arm_balance
    from retention.experiments.arms.assign_arms import assign_arms as assign_arms
    from retention.experiments.arms.sample_ratio import sample_ratio as sample_ratio
    from retention.experiments.effects.lifetime_effect import lifetime_effect as lifetime_effect
    from retention.experiments.effects.retention_effect import retention_effect as retention_effect

_HOMES = {
    "arm_balance": "arms.arm_balance",
    "assign_arms": "arms.assign_arms",
    "lifetime_effect": "effects.lifetime_effect",
    "retention_effect": "effects.retention_effect",
    "sample_ratio": "arms.sample_ratio",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

"""Experiments: how many customers, who gets what, and did it work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.experiments.arms.arm_balance import arm_balance as arm_balance
    from retention.experiments.arms.assign_arms import assign_arms as assign_arms
    from retention.experiments.arms.sample_ratio import sample_ratio as sample_ratio
    from retention.experiments.effects.lifetime_effect import lifetime_effect as lifetime_effect
    from retention.experiments.effects.profit_effect import profit_effect as profit_effect
    from retention.experiments.effects.retention_effect import retention_effect as retention_effect
    from retention.experiments.looks.look_bounds import look_bounds as look_bounds
    from retention.experiments.planning.profit_test_size import profit_test_size as profit_test_size
    from retention.experiments.planning.retention_test_size import (
        retention_test_size as retention_test_size,
    )
    from retention.experiments.planning.survival_test_size import (
        survival_test_size as survival_test_size,
    )
    from retention.experiments.response.targeting_gain import targeting_gain as targeting_gain
    from retention.experiments.response.uplift_curve import uplift_curve as uplift_curve

_HOMES: dict[str, str] = {
    "arm_balance": "arms.arm_balance",
    "assign_arms": "arms.assign_arms",
    "lifetime_effect": "effects.lifetime_effect",
    "look_bounds": "looks.look_bounds",
    "profit_effect": "effects.profit_effect",
    "profit_test_size": "planning.profit_test_size",
    "retention_effect": "effects.retention_effect",
    "retention_test_size": "planning.retention_test_size",
    "sample_ratio": "arms.sample_ratio",
    "survival_test_size": "planning.survival_test_size",
    "targeting_gain": "response.targeting_gain",
    "uplift_curve": "response.uplift_curve",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

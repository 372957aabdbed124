"""Economics: what customers are worth as they stay, and what keeping them is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.economics.value.base_forecast import base_forecast as base_forecast
    from retention.economics.value.customer_equity import customer_equity as customer_equity
    from retention.economics.value.lifetime_value import lifetime_value as lifetime_value
    from retention.economics.value.residual_value import residual_value as residual_value
    from retention.economics.value.retention_elasticity import (
        retention_elasticity as retention_elasticity,
    )
    from retention.economics.value.value_of_retention import (
        value_of_retention as value_of_retention,
    )

_HOMES: dict[str, str] = {
    "base_forecast": "value.base_forecast",
    "customer_equity": "value.customer_equity",
    "lifetime_value": "value.lifetime_value",
    "residual_value": "value.residual_value",
    "retention_elasticity": "value.retention_elasticity",
    "value_of_retention": "value.value_of_retention",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

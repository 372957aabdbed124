"""Economics: what customers are worth as they stay, and what keeping them is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.economics.outlook.backtest_outlook import backtest_outlook as backtest_outlook
    from retention.economics.outlook.expected_customers import (
        expected_customers as expected_customers,
    )
    from retention.economics.outlook.expected_sales import expected_sales as expected_sales
    from retention.economics.programme.loyalty_link import loyalty_link as loyalty_link
    from retention.economics.programme.programme_value import programme_value as programme_value
    from retention.economics.programme.staff_and_customers import (
        staff_and_customers as staff_and_customers,
    )
    from retention.economics.tenure.break_even_tenure import break_even_tenure as break_even_tenure
    from retention.economics.tenure.cohort_value import cohort_value as cohort_value
    from retention.economics.tenure.lifetime_profit import lifetime_profit as lifetime_profit
    from retention.economics.tenure.payback_age import payback_age as payback_age
    from retention.economics.tenure.profit_by_tenure import profit_by_tenure as profit_by_tenure
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

_HOMES = {
    "backtest_outlook": "outlook.backtest_outlook",
    "base_forecast": "value.base_forecast",
    "break_even_tenure": "tenure.break_even_tenure",
    "cohort_value": "tenure.cohort_value",
    "customer_equity": "value.customer_equity",
    "expected_customers": "outlook.expected_customers",
    "expected_sales": "outlook.expected_sales",
    "lifetime_profit": "tenure.lifetime_profit",
    "lifetime_value": "value.lifetime_value",
    "loyalty_link": "programme.loyalty_link",
    "payback_age": "tenure.payback_age",
    "profit_by_tenure": "tenure.profit_by_tenure",
    "programme_value": "programme.programme_value",
    "residual_value": "value.residual_value",
    "retention_elasticity": "value.retention_elasticity",
    "staff_and_customers": "programme.staff_and_customers",
    "value_of_retention": "value.value_of_retention",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

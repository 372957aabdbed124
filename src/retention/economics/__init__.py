"""Economics: what customers are worth as they stay, and what keeping them is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.economics.programme.loyalty_link import loyalty_link as loyalty_link
    from retention.economics.programme.programme_value import programme_value as programme_value
    from retention.economics.programme.staff_and_customers import (
        staff_and_customers as staff_and_customers,
    )
    from retention.economics.tenure.break_even_tenure import break_even_tenure as break_even_tenure
    from retention.economics.tenure.lifetime_profit import lifetime_profit as lifetime_profit
    from retention.economics.tenure.profit_by_tenure import profit_by_tenure as profit_by_tenure

_HOMES = {
    "break_even_tenure": "tenure.break_even_tenure",
    "lifetime_profit": "tenure.lifetime_profit",
    "loyalty_link": "programme.loyalty_link",
    "profit_by_tenure": "tenure.profit_by_tenure",
    "programme_value": "programme.programme_value",
    "staff_and_customers": "programme.staff_and_customers",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

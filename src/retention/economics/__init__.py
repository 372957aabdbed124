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

_HOMES = {
    "loyalty_link": "programme.loyalty_link",
    "programme_value": "programme.programme_value",
    "staff_and_customers": "programme.staff_and_customers",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

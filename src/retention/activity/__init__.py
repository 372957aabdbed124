"""Who was a customer in which period, from orders and from contracts, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.activity.from_contracts import contract_periods as contract_periods
    from retention.activity.from_purchases import customer_periods as customer_periods
    from retention.activity.tenure_of_contracts import contract_tenure as contract_tenure
    from retention.activity.tenure_of_purchases import tenure_periods as tenure_periods

_HOMES = {
    "contract_periods": "from_contracts",
    "contract_tenure": "tenure_of_contracts",
    "customer_periods": "from_purchases",
    "tenure_periods": "tenure_of_purchases",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

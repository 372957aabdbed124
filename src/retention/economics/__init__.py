"""Economics: what customers are worth as they stay, and what keeping them is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.economics.tenure.break_even_tenure import break_even_tenure as break_even_tenure
    from retention.economics.tenure.lifetime_profit import lifetime_profit as lifetime_profit
    from retention.economics.tenure.profit_by_tenure import profit_by_tenure as profit_by_tenure

_HOMES: dict[str, str] = {
    "break_even_tenure": "tenure.break_even_tenure",
    "lifetime_profit": "tenure.lifetime_profit",
    "profit_by_tenure": "tenure.profit_by_tenure",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

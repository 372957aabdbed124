"""What figures say together: has a rate changed, who is at risk, which segments are too small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.findings.changed_rates import has_changed as has_changed
    from retention.findings.likely_to_leave import customers_at_risk as customers_at_risk
    from retention.findings.loyalty_cards import loyalty_card as loyalty_card
    from retention.findings.sentences import finding as finding
    from retention.findings.small_segments import pool_small_segments as pool_small_segments

_HOMES = {
    "customers_at_risk": "likely_to_leave",
    "finding": "sentences",
    "has_changed": "changed_rates",
    "loyalty_card": "loyalty_cards",
    "pool_small_segments": "small_segments",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

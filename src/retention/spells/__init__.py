"""Spells: from a customer's first purchase or contract to churn or to the end of observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.spells.gap_choice import gap_table as gap_table
    from retention.spells.of_contracts import contract_spells as contract_spells
    from retention.spells.of_purchases import purchase_spells as purchase_spells
    from retention.spells.since import spells_since as spells_since

_HOMES = {
    "contract_spells": "of_contracts",
    "gap_table": "gap_choice",
    "purchase_spells": "of_purchases",
    "spells_since": "since",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

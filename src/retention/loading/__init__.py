"""Whatever the user has, as checked tables, or one clear refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.loading.audits import Audit as Audit
    from retention.loading.doors.contacts import as_contacts as as_contacts
    from retention.loading.doors.contracts import as_contracts as as_contracts
    from retention.loading.doors.costs import as_costs as as_costs
    from retention.loading.doors.entrance import audit as audit
    from retention.loading.doors.outages import as_outages as as_outages
    from retention.loading.doors.referrals import as_referrals as as_referrals
    from retention.loading.doors.signs.assignments import as_assignment as as_assignment
    from retention.loading.doors.signs.benchmark_rates import as_benchmarks as as_benchmarks
    from retention.loading.doors.signs.calls import as_calls as as_calls
    from retention.loading.doors.signs.events import as_events as as_events
    from retention.loading.doors.signs.invoices import as_invoices as as_invoices
    from retention.loading.doors.signs.offers_made import as_offers_made as as_offers_made
    from retention.loading.doors.spells import as_spells as as_spells
    from retention.loading.doors.surveys import as_surveys as as_surveys
    from retention.loading.doors.transactions import as_transactions as as_transactions
    from retention.loading.doors.wallets import as_wallet as as_wallet
    from retention.loading.files.reading import read_table as read_table

_HOMES = {
    "Audit": "audits",
    "as_assignment": "doors.signs.assignments",
    "as_benchmarks": "doors.signs.benchmark_rates",
    "as_calls": "doors.signs.calls",
    "as_contacts": "doors.contacts",
    "as_contracts": "doors.contracts",
    "as_costs": "doors.costs",
    "as_events": "doors.signs.events",
    "as_invoices": "doors.signs.invoices",
    "as_offers_made": "doors.signs.offers_made",
    "as_outages": "doors.outages",
    "as_referrals": "doors.referrals",
    "as_spells": "doors.spells",
    "as_surveys": "doors.surveys",
    "as_transactions": "doors.transactions",
    "as_wallet": "doors.wallets",
    "audit": "doors.entrance",
    "read_table": "files.reading",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

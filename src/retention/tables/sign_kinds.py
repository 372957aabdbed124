"""The tables of early warning, declared as data: what happened, snapshots of customers, alarms."""

from __future__ import annotations

from retention.errors import YOURS
from retention.tables.declaring import Column, Kind
from retention.tables.kinds import CURRENCY

_KNOWN = Column("known", "time", "when we learnt it, null if on the day itself", optional=True)


EVENTS = Kind(
    "events",
    "something that a customer did or met",
    "as_events",
    (
        Column("customer_id", "id", "who"),
        Column("date", "time", "when it happened"),
        Column("event", "text", "what it was: login, store closed, moved, …"),
        Column("amount", "number", "how much or how long of it", optional=True),
        _KNOWN,
    ),
)


INVOICES = Kind(
    "invoices",
    "an invoice to a customer",
    "as_invoices",
    (
        Column("customer_id", "id", "who owes it"),
        Column("date", "time", "when it was issued"),
        Column("due", "time", "the last day on which it may be paid; null only on credit notes"),
        Column("paid", "time", "when it was paid, null while it is open"),
        Column("amount", "number", "what is owed, credit notes negative", "currency"),
        Column("queried", "time", "when the customer questioned it, null if never", optional=True),
        _KNOWN,
        CURRENCY,
    ),
)


OFFERS_MADE = Kind(
    "offers made",
    "an offer made to a customer",
    "as_offers_made",
    (
        Column("customer_id", "id", "to whom"),
        Column("date", "time", "when it was made"),
        Column("responded", "time", "when they answered, null if they did not"),
        _KNOWN,
    ),
)


CALLS = Kind(
    "calls",
    "one time we got in touch with a customer",
    "as_calls",
    (
        Column("customer_id", "id", "whom we called"),
        Column("date", "time", "when"),
        Column("outcome", "text", "what came of it, null where not noted", optional=True),
        _KNOWN,
    ),
)


SNAPSHOTS = Kind(
    "snapshots",
    "a customer on a day",
    "snapshots or contract_snapshots",
    (
        Column("customer_id", "id", "who"),
        Column("as_of", "time", "the day: what happened later is not known"),
        Column("tenure", "number", "days since the start, null where not seen", optional=True),
        Column("spell", "integer", "which of the customer's relationships", optional=True),
        Column("churned", "number", "the label: 1 lost, 0 not, null unknown", optional=True),
        Column("label_from", "time", "first day of the label's window", optional=True),
        Column("label_to", "time", "last day of the label's window", optional=True),
        Column("known_on", "time", "the first day on which the label is known", optional=True),
        Column("label_reason", "text", "why the label is null, null where known", optional=True),
    ),
)


ALARMS = Kind(
    "alarms",
    "a day on which a signal rang for a customer",
    YOURS,
    (
        Column("customer_id", "id", "for whom it rang"),
        Column("date", "time", "when it rang"),
        Column("signal", "text", "which signal"),
        Column("score", "number", "the score with which it rang", optional=True),
    ),
)
"""What `ring_alarms` gives, and anybody's own."""


DUE = Kind(
    "due",
    "a contract that is due",
    "due_for_renewal",
    (
        Column("customer_id", "id", "whose contract it is"),
        Column("start", "time", "when it began"),
        Column("due", "time", "when it ends or ended, or has its anniversary"),
        Column("days_left", "integer", "from the day of the list to it", "days"),
        Column("renewal", "text", "what is due: end, anniversary or lapsed"),
    ),
)


ENTRIES = Kind(
    "entries",
    "a reason to look after a customer",
    YOURS,
    (
        Column("customer_id", "id", "who is to be looked after"),
        Column("reason", "text", "why, in a word or two"),
        Column("since", "time", "the first day of that"),
        Column("detail", "text", "the same in a sentence, null for none", optional=True),
    ),
)
"""What `renewal_entries`, `overdue_contacts` and their like give, and anybody's own."""


OWNERS = Kind(
    "owners",
    "who looks after a customer",
    YOURS,
    (
        Column("customer_id", "id", "who is looked after"),
        Column("owner", "text", "by whom"),
        Column("lead", "text", "to whom it is escalated", optional=True),
    ),
)


RISKS = Kind(
    "risk",
    "how likely a customer is to leave",
    YOURS,
    (
        Column("customer_id", "id", "who"),
        Column("risk", "number", "the chance that they leave, 0 to 1", "share of 1"),
    ),
)


WATCHLIST = Kind(
    "watchlist",
    "a customer to be looked after",
    "watchlist",
    (
        Column("rank", "number", "the place in the order of calls, null if suppressed"),
        Column("customer_id", "id", "who"),
        Column("owner", "text", "who looks after them, null if nobody"),
        Column("reason", "text", "the severest reason"),
        Column("detail", "text", "the same in a sentence"),
        Column("reasons", "text", "all of them, the severest first"),
        Column("n_reasons", "integer", "how many there are"),
        Column("since", "time", "the first day of the severest"),
        Column("days", "integer", "how long it has stood", "days"),
        Column("severity", "integer", "how severe it is"),
        Column("value", "number", "what the customer is worth, null if unknown", "currency"),
        Column("risk", "number", "the chance of leaving, null if unknown", "share of 1"),
        Column("expected_loss", "number", "risk times value, null if unknown", "currency"),
        Column("last_call", "time", "when they were last called, null if never"),
        Column("escalate", "flag", "whether it goes to the lead"),
        Column("escalated_to", "text", "to whom, null if to nobody"),
        Column("status", "text", "call or suppressed"),
        Column("why", "text", "why it is suppressed, null else"),
        Column("as_of", "time", "the day of the list", constant=True),
        Column("severities", "text", "how severe reasons are", constant=True),
    ),
)


CLOSINGS = Kind(
    "closed_by",
    "what became of a customer on the list",
    YOURS,
    (
        Column("customer_id", "id", "who"),
        Column("date", "time", "when"),
        Column("outcome", "text", "what: bought, renewed, left, solved, …"),
    ),
)


SEGMENTS = Kind(
    "segments",
    "a customer's segment",
    YOURS,
    (
        Column("customer_id", "id", "who"),
        Column("segment", "label", "which segment; a missing one is (missing)"),
        Column("as_of", "time", "the day it is of", optional=True),
        Column("value", "number", "what the customer is worth", "currency", optional=True),
        CURRENCY,
    ),
)
"""What `rfm_scores`, `value_tiers` and `customer_states` give, and anybody's own."""

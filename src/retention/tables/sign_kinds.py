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

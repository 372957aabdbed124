"""The tables of offers and experiments, declared as data: who was put into which arm."""

from __future__ import annotations

from retention.tables.declaring import Column, Kind
from retention.tables.kinds import CURRENCY, CUSTOMER

ASSIGNMENT = Kind(
    "assignment",
    "a customer in an experiment",
    "assign_arms or as_assignment",
    (
        Column("customer_id", "id", "who"),
        Column("arm", "text", "what the customer was meant to get"),
        Column("assigned", "time", "the day on which the arm was chosen: all is counted from it"),
        Column("share", "number", "planned share of the arm", "share of 1"),
        Column(
            "stratum", "label", "group within which arms were chosen", optional=True, segment=True
        ),
        Column("cluster", "label", "branch or agent that has one arm as a whole", optional=True),
        Column("exposed", "time", "when the offer was seen, null if never", optional=True),
    ),
)
"""What `assign_arms` gives, and of an experiment of one's own `as_assignment`."""


OFFER_PROFITS = Kind(
    "profits",
    "a customer who may be made an offer",
    "offer_profit",
    (
        CUSTOMER,
        Column("expected_profit", "number", "what the offer is expected to bring", "currency"),
        Column("expected_taking", "number", "what it costs where it is taken", "currency"),
        Column("making", "number", "what making it costs", "currency"),
        Column("reason", "text", "why the profit is not known, null where it is", optional=True),
        CURRENCY,
    ),
)
"""What `offer_list` asks of the answer of `offer_profit`."""

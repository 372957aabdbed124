"""The tables of offers and experiments, declared as data: who was put into which arm."""

from __future__ import annotations

from retention.tables.declaring import Column, Kind

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

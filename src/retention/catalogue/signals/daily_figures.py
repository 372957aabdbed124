"""The figures of daily lists."""

from __future__ import annotations

from retention.catalogue.record import Figure

_LISTS = "Reichheld (1993), Harvard Business Review 71 (2), on State Farm's agents"

DAILY_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="severity",
        label="How severe a customer's trouble is",
        unit="whole number",
        better="neither",
        low=None,
        high=None,
        formula="the largest of the firm's own numbers among the customer's reasons of the day",
        made_by="watchlist",
        source=_LISTS,
        conventions=("severity",),
    ),
    Figure(
        name="expected_loss",
        label="Expected loss",
        unit="currency",
        better="lower",
        low=None,
        high=None,
        formula="p V; p: the chance that the customer leaves; V: what the customer is worth",
        made_by="watchlist",
        source="an expectation: the chance of a loss times its amount",
    ),
    Figure(
        name="n_waiting",
        label="Contacts that wait for too long",
        unit="contacts",
        better="lower",
        low=0,
        high=None,
        formula="the contacts of a customer that are open on the day and beyond a target",
        made_by="loyalty_card",
        source="overdue_contacts; Buttle (2009), chapter 9",
    ),
)

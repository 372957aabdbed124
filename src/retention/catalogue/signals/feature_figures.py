"""The figures of snapshots: labels and what was known on the day."""

from __future__ import annotations

from retention.catalogue.record import Figure

_BUTTLE = "Buttle (2009), Customer Relationship Management, 2nd ed., chapter 9"

FEATURE_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="late_share",
        label="Share of invoices paid late",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="invoices of a window not paid by the evening of their due day / those that came "
        "due in it",
        made_by="invoice_features",
        source=_BUTTLE,
    ),
)

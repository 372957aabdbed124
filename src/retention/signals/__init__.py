"""Signals: what was known of a customer on a day, and whether it warned of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.signals.days.label_silence import label_silence as label_silence
    from retention.signals.days.snapshots import snapshots as snapshots
    from retention.signals.features.contact_features import contact_features as contact_features
    from retention.signals.features.event_features import event_features as event_features
    from retention.signals.features.invoice_features import invoice_features as invoice_features
    from retention.signals.features.offer_and_survey_features import (
        offer_features as offer_features,
    )
    from retention.signals.features.offer_and_survey_features import (
        survey_features as survey_features,
    )
    from retention.signals.features.purchase_features import purchase_features as purchase_features
    from retention.signals.features.wallet_features import wallet_features as wallet_features

_HOMES: dict[str, str] = {
    "contact_features": "features.contact_features",
    "event_features": "features.event_features",
    "invoice_features": "features.invoice_features",
    "label_silence": "days.label_silence",
    "offer_features": "features.offer_and_survey_features",
    "purchase_features": "features.purchase_features",
    "snapshots": "days.snapshots",
    "survey_features": "features.offer_and_survey_features",
    "wallet_features": "features.wallet_features",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

"""Signals: what was known of a customer on a day, and whether it warned of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.signals.days.contract_snapshots import contract_snapshots as contract_snapshots
    from retention.signals.days.label_churn import label_churn as label_churn
    from retention.signals.days.label_silence import label_silence as label_silence
    from retention.signals.days.snapshots import snapshots as snapshots
    from retention.signals.features.purchase_features import purchase_features as purchase_features

_HOMES: dict[str, str] = {
    "contract_snapshots": "days.contract_snapshots",
    "label_churn": "days.label_churn",
    "label_silence": "days.label_silence",
    "purchase_features": "features.purchase_features",
    "snapshots": "days.snapshots",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

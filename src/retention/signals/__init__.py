"""Signals: what was known of a customer on a day, and whether it warned of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.signals.scan.churn_scan import churn_scan as churn_scan

_HOMES: dict[str, str] = {
    "churn_scan": "scan.churn_scan",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

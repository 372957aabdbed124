"""Signals: what was known of a customer on a day, and whether it warned of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.signals.alarms.ring_alarms import ring_alarms as ring_alarms
    from retention.signals.days.contract_snapshots import contract_snapshots as contract_snapshots
    from retention.signals.days.label_churn import label_churn as label_churn
    from retention.signals.days.label_silence import label_silence as label_silence
    from retention.signals.days.snapshots import snapshots as snapshots
    from retention.signals.features.purchase_features import purchase_features as purchase_features
    from retention.signals.judging.alarm_kpis import alarm_kpis as alarm_kpis
    from retention.signals.leaks.folds import snapshot_folds as snapshot_folds
    from retention.signals.leaks.leakage import leakage_check as leakage_check
    from retention.signals.leaks.screens import feature_screen as feature_screen
    from retention.signals.models.family_drivers import model_drivers as model_drivers
    from retention.signals.models.silence_lengths import silences as silences
    from retention.signals.models.snapshot_backtest import backtest_snapshots as backtest_snapshots
    from retention.signals.scan.churn_scan import churn_scan as churn_scan

_HOMES: dict[str, str] = {
    "alarm_kpis": "judging.alarm_kpis",
    "backtest_snapshots": "models.snapshot_backtest",
    "churn_scan": "scan.churn_scan",
    "contract_snapshots": "days.contract_snapshots",
    "feature_screen": "leaks.screens",
    "label_churn": "days.label_churn",
    "label_silence": "days.label_silence",
    "leakage_check": "leaks.leakage",
    "model_drivers": "models.family_drivers",
    "purchase_features": "features.purchase_features",
    "ring_alarms": "alarms.ring_alarms",
    "silences": "models.silence_lengths",
    "snapshot_folds": "leaks.folds",
    "snapshots": "days.snapshots",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

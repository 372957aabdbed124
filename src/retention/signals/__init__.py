"""Signals: what was known of a customer on a day, and whether it warned of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.signals.alarms.ring_alarms import ring_alarms as ring_alarms
    from retention.signals.alarms.silence_alarms import silence_alarms as silence_alarms
    from retention.signals.alarms.spike_departures import SpikedLog as SpikedLog
    from retention.signals.alarms.spike_departures import spike_departures as spike_departures
    from retention.signals.daily.entries import alarm_entries as alarm_entries
    from retention.signals.daily.entries import renewal_entries as renewal_entries
    from retention.signals.daily.overdue import overdue_contacts as overdue_contacts
    from retention.signals.daily.overdue import overdue_invoices as overdue_invoices
    from retention.signals.daily.watchlist import watchlist as watchlist
    from retention.signals.daily.watchlist_changes import watchlist_changes as watchlist_changes
    from retention.signals.days.contract_snapshots import contract_snapshots as contract_snapshots
    from retention.signals.days.label_churn import label_churn as label_churn
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
    from retention.signals.groups.customer_states import customer_states as customer_states
    from retention.signals.groups.expected_migrations import (
        expected_migrations as expected_migrations,
    )
    from retention.signals.groups.rfm_cuts import RfmCuts as RfmCuts
    from retention.signals.groups.rfm_cuts import rfm_cuts as rfm_cuts
    from retention.signals.groups.rfm_scores import rfm_scores as rfm_scores
    from retention.signals.groups.segment_matrix import segment_matrix as segment_matrix
    from retention.signals.groups.segment_migrations import segment_migrations as segment_migrations
    from retention.signals.groups.segment_profile import segment_profile as segment_profile
    from retention.signals.groups.value_tiers import value_tiers as value_tiers
    from retention.signals.judging.alarm_kpis import alarm_kpis as alarm_kpis
    from retention.signals.judging.alarm_leads import alarm_leads as alarm_leads
    from retention.signals.judging.alarm_trade_off import alarm_trade_off as alarm_trade_off
    from retention.signals.leaks.folds import snapshot_folds as snapshot_folds
    from retention.signals.leaks.leakage import leakage_check as leakage_check
    from retention.signals.leaks.screens import feature_screen as feature_screen
    from retention.signals.models.family_drivers import model_drivers as model_drivers
    from retention.signals.models.silence_lengths import silences as silences
    from retention.signals.models.snapshot_backtest import backtest_snapshots as backtest_snapshots
    from retention.signals.scan.churn_scan import churn_scan as churn_scan

_HOMES: dict[str, str] = {
    "RfmCuts": "groups.rfm_cuts",
    "SpikedLog": "alarms.spike_departures",
    "alarm_entries": "daily.entries",
    "alarm_kpis": "judging.alarm_kpis",
    "alarm_leads": "judging.alarm_leads",
    "alarm_trade_off": "judging.alarm_trade_off",
    "backtest_snapshots": "models.snapshot_backtest",
    "churn_scan": "scan.churn_scan",
    "contact_features": "features.contact_features",
    "contract_snapshots": "days.contract_snapshots",
    "customer_states": "groups.customer_states",
    "event_features": "features.event_features",
    "expected_migrations": "groups.expected_migrations",
    "feature_screen": "leaks.screens",
    "invoice_features": "features.invoice_features",
    "label_churn": "days.label_churn",
    "label_silence": "days.label_silence",
    "leakage_check": "leaks.leakage",
    "model_drivers": "models.family_drivers",
    "offer_features": "features.offer_and_survey_features",
    "overdue_contacts": "daily.overdue",
    "overdue_invoices": "daily.overdue",
    "purchase_features": "features.purchase_features",
    "renewal_entries": "daily.entries",
    "rfm_cuts": "groups.rfm_cuts",
    "rfm_scores": "groups.rfm_scores",
    "ring_alarms": "alarms.ring_alarms",
    "segment_matrix": "groups.segment_matrix",
    "segment_migrations": "groups.segment_migrations",
    "segment_profile": "groups.segment_profile",
    "silence_alarms": "alarms.silence_alarms",
    "silences": "models.silence_lengths",
    "snapshot_folds": "leaks.folds",
    "snapshots": "days.snapshots",
    "spike_departures": "alarms.spike_departures",
    "survey_features": "features.offer_and_survey_features",
    "value_tiers": "groups.value_tiers",
    "wallet_features": "features.wallet_features",
    "watchlist": "daily.watchlist",
    "watchlist_changes": "daily.watchlist_changes",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

"""What the trade calls things, and what answers here: for a name that lacks, and for search."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

TRADE_WORDS: tuple[tuple[str, str, str], ...] = (
    ("NRR, NDR, net dollar retention, net retention", "net_revenue_retention", "topics/revenue"),
    ("GRR, GDR, gross dollar retention", "gross_revenue_retention", "topics/revenue"),
    ("MRR, ARR, recurring revenue, MRR movements", "revenue_movements", "topics/revenue"),
    ("expansion, upsell, contraction, downgrade", "revenue_movements", "topics/revenue"),
    ("quick ratio, SaaS metrics", "revenue_movements", "how-to/subscriptions"),
    ("churn, attrition, customer churn", "churn_rate", "explanation/conventions"),
    ("revenue churn, MRR churn", "net_revenue_retention", "topics/revenue"),
    ("logo churn, subscriber churn", "logo_churn", "topics/revenue"),
    ("CRR, retention, customer retention rate", "retention_rate", "explanation/conventions"),
    ("LTV, CLV, CLTV, lifetime value", "repeat_buying.customer_value", "topics/repeat-buying"),
    (
        "customer lifetime value, profit of a lifetime",
        "economics.lifetime_profit",
        "topics/economics",
    ),
    ("CAC, payback, acquisition cost", "economics.payback_age", "topics/economics"),
    ("RFM, recency frequency monetary", "signals.rfm_scores", "topics/segments"),
    ("segmentation, customer segments", "signals.segment_profile", "topics/segments"),
    ("cohort, cohorts, cohort analysis, cohort table", "cohort_retention", "topics/cohorts"),
    ("cohort heatmap, heatmap", "plots.plot_cohorts", "how-to/plots"),
    ("retention triangle, cohort matrix", "cohort_triangle", "topics/cohorts"),
    ("retention curve, Kaplan-Meier, survival analysis", "survival_curve", "topics/survival"),
    ("Cox, hazard ratio, proportional hazards", "fit_cox", "topics/models"),
    ("churn prediction, churn model, propensity", "predict_churn", "topics/models"),
    ("churn probability, churn risk", "churn_score", "topics/repeat-buying"),
    ("at risk, customers at risk", "findings.customers_at_risk", "topics/watchlist"),
    ("BG/NBD, BTYD, buy till you die", "repeat_buying.fit_bg_nbd", "topics/repeat-buying"),
    ("Pareto/NBD, probability alive", "repeat_buying.fit_pareto_nbd", "topics/repeat-buying"),
    ("gamma-gamma, monetary value", "repeat_buying.fit_gamma_gamma", "topics/repeat-buying"),
    ("sBG, beta geometric, renewal rate", "repeat_buying.fit_beta_geometric", "topics/renewal"),
    ("DAU, MAU, WAU, DAU/MAU, stickiness, active users", "kpis.active_customers", "topics/buyers"),
    ("ARPU, ARPA, AOV, average order value", "kpis.active_customers", "topics/buyers"),
    ("repeat purchase rate, repurchase, returning customers", "kpis.repeat_rate", "topics/buyers"),
    ("second order, time between orders", "kpis.time_to_next_order", "topics/buyers"),
    ("win-back, winback, reactivation", "kpis.win_back", "topics/cohorts"),
    ("lifecycle, dormant, lapsed", "lifecycle_states", "topics/cohorts"),
    ("rolling retention, N-day retention", "kpis.rolling_retention", "how-to/which-figure"),
    ("NPS, CSAT, CES, promoter score", "kpis.voice_kpis", "topics/voice"),
    ("SLA, first response, support tickets", "kpis.service_kpis", "topics/service"),
    ("cost to serve, retention cost", "kpis.cost_to_serve", "topics/costs"),
    ("share of wallet, wallet share", "share_of_wallet", "explanation/conventions"),
    ("churn reasons, exit survey, feedback", "tag_reasons", "topics/reasons"),
    ("sentiment, text mining, classification of notes", "tag_reasons", "topics/reasons"),
    ("A/B test, split test, significance", "experiments.retention_effect", "topics/experiments"),
    ("sample size, power, MDE", "experiments.retention_test_size", "topics/experiments"),
    ("SRM, sample ratio mismatch", "experiments.sample_ratio", "topics/experiments"),
    ("uplift, Qini, persuadables", "experiments.uplift_curve", "topics/experiments"),
    ("holdout, control group", "experiments.assign_arms", "topics/experiments"),
    ("targeting, offers, next best action", "targeting.offer_list", "topics/targeting"),
    ("lift, decile, gains chart", "survival.lift", "topics/scoring"),
    ("AUC, ROC, C-index, Brier", "survival.concordance", "topics/scoring"),
    ("calibration, reliability", "survival.calibration", "topics/scoring"),
    ("feature store, features, churn features", "signals.snapshots", "topics/signals"),
    ("leakage, data leak", "signals.leakage_check", "topics/signals"),
    ("early warning, alert, alarm", "signals.ring_alarms", "topics/signals"),
    ("health score, watchlist, call list", "signals.watchlist", "topics/watchlist"),
    ("renewals, upcoming renewals", "targeting.due_for_renewal", "topics/watchlist"),
    ("benchmark, industry average", "benchmarks.compare_benchmark", "topics/benchmarks"),
    ("control chart, anomaly, outlier", "benchmarks.usual_band", "topics/rates-compared"),
    ("forecast, forecasting, outlook", "economics.expected_sales", "topics/economics"),
    ("bridge, waterfall, decomposition", "kpis.churn_bridge", "topics/bridges"),
    ("PDF, HTML report, dashboard", "retention_report", "how-to/report"),
    ("Excel, CSV, import, data quality", "as_transactions", "topics/loading"),
    ("reconcile, definitions differ", "kpis.explain_difference", "topics/differences"),
)
"""Words that mean one thing, the public name that answers, and the page that tells more."""

_VERBS = re.compile(r"^(calculate|calc|compute|get|fit|predict|plot|make)_")


def hint_for_name(name: str, known: Collection[str], *, nearest: bool = True) -> str:
    """What somebody may have meant: a word of the trade, or a name that is written nearly so.

    Args:
        name: what is not there.
        known: the names that are.
        nearest: whether names that look alike count too.

    Returns:
        ". Did you mean …?", or "" where nothing is near.
    """
    if name.startswith("_"):
        return ""
    said = _words_as_keys()
    for each in (name, _VERBS.sub("", name)):
        if (key := _key_of_word(each)) in said:
            return f". Did you mean {said[key]}?"
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.75) if nearest else []
    return f". Did you mean {near[0]}?" if near else ""


def _words_as_keys() -> dict[str, str]:
    """The public name by each word as it may be typed."""
    pairs = [(word, public) for words, public, _ in TRADE_WORDS for word in words.split(", ")]
    return {_key_of_word(word): public for word, public in reversed(pairs)}


def _key_of_word(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())

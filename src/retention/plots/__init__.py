"""Tables of figures as pictures, and as tables to be read: a table in, a matplotlib axes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.plots.asked.band_plots import plot_compared_rates as plot_compared_rates
    from retention.plots.asked.band_plots import plot_usual_band as plot_usual_band
    from retention.plots.asked.benchmark_plots import plot_benchmarks as plot_benchmarks
    from retention.plots.asked.buyer_plots import plot_active_customers as plot_active_customers
    from retention.plots.asked.buyer_plots import plot_time_to_next_order as plot_time_to_next_order
    from retention.plots.asked.life_plots import plot_lifecycle as plot_lifecycle
    from retention.plots.asked.life_plots import plot_win_back as plot_win_back
    from retention.plots.asked.migration_plots import plot_migrations as plot_migrations
    from retention.plots.asked.predicted_reason_plots import (
        plot_predicted_reasons as plot_predicted_reasons,
    )
    from retention.plots.asked.revenue_plots import plot_movements as plot_movements
    from retention.plots.asked.revenue_plots import (
        plot_revenue_retention as plot_revenue_retention,
    )
    from retention.plots.asked.segment_plots import plot_profile as plot_profile
    from retention.plots.asked.segment_plots import plot_segments as plot_segments
    from retention.plots.asked.subscription_plots import (
        plot_churn_by_tenure as plot_churn_by_tenure,
    )
    from retention.plots.asked.subscription_plots import plot_plan_waterfall as plot_plan_waterfall
    from retention.plots.asked.subscription_plots import (
        plot_voluntary_churn as plot_voluntary_churn,
    )
    from retention.plots.bridge_plots import plot_churn_bridge as plot_churn_bridge
    from retention.plots.bridge_plots import plot_revenue_bridge as plot_revenue_bridge
    from retention.plots.buying_plots import plot_gaps as plot_gaps
    from retention.plots.buying_plots import plot_tracking as plot_tracking
    from retention.plots.cohort_plots import plot_cohort_curves as plot_cohort_curves
    from retention.plots.cohort_plots import plot_cohorts as plot_cohorts
    from retention.plots.model_plots import plot_coefficients as plot_coefficients
    from retention.plots.reason_plots import plot_reasons as plot_reasons
    from retention.plots.reason_plots import plot_reasons_by_segment as plot_reasons_by_segment
    from retention.plots.retention_plot import plot_retention as plot_retention
    from retention.plots.score_plots import plot_calibration as plot_calibration
    from retention.plots.score_plots import plot_lift as plot_lift
    from retention.plots.styled import cohort_triangle as cohort_triangle
    from retention.plots.styled import to_style as to_style
    from retention.plots.survival_plots import plot_incidence as plot_incidence
    from retention.plots.survival_plots import plot_survival as plot_survival
    from retention.plots.trials.effect_plots import plot_effect as plot_effect
    from retention.plots.trials.power_plots import plot_power as plot_power
    from retention.plots.trials.profit_plots import plot_profit_curve as plot_profit_curve
    from retention.plots.trials.uplift_plots import plot_uplift as plot_uplift
    from retention.plots.warning.alarm_plots import plot_alarm_trade_off as plot_alarm_trade_off
    from retention.plots.warning.alarm_plots import plot_leads as plot_leads
    from retention.plots.warning.scan_plots import plot_scan as plot_scan
    from retention.plots.worth.cohort_value_plots import plot_cohort_value as plot_cohort_value
    from retention.plots.worth.outlook_plots import plot_outlook as plot_outlook
    from retention.plots.worth.tenure_plots import plot_lifetime_profit as plot_lifetime_profit
    from retention.plots.worth.tenure_plots import plot_tenure_profit as plot_tenure_profit
    from retention.plots.worth.value_plots import plot_base_forecast as plot_base_forecast
    from retention.plots.worth.value_plots import plot_levers as plot_levers

_HOMES = {
    "cohort_triangle": "styled",
    "plot_active_customers": "asked.buyer_plots",
    "plot_alarm_trade_off": "warning.alarm_plots",
    "plot_base_forecast": "worth.value_plots",
    "plot_benchmarks": "asked.benchmark_plots",
    "plot_calibration": "score_plots",
    "plot_churn_bridge": "bridge_plots",
    "plot_churn_by_tenure": "asked.subscription_plots",
    "plot_coefficients": "model_plots",
    "plot_cohort_curves": "cohort_plots",
    "plot_cohort_value": "worth.cohort_value_plots",
    "plot_cohorts": "cohort_plots",
    "plot_compared_rates": "asked.band_plots",
    "plot_effect": "trials.effect_plots",
    "plot_gaps": "buying_plots",
    "plot_incidence": "survival_plots",
    "plot_leads": "warning.alarm_plots",
    "plot_levers": "worth.value_plots",
    "plot_lifecycle": "asked.life_plots",
    "plot_lifetime_profit": "worth.tenure_plots",
    "plot_lift": "score_plots",
    "plot_migrations": "asked.migration_plots",
    "plot_movements": "asked.revenue_plots",
    "plot_outlook": "worth.outlook_plots",
    "plot_plan_waterfall": "asked.subscription_plots",
    "plot_power": "trials.power_plots",
    "plot_predicted_reasons": "asked.predicted_reason_plots",
    "plot_profile": "asked.segment_plots",
    "plot_profit_curve": "trials.profit_plots",
    "plot_reasons": "reason_plots",
    "plot_reasons_by_segment": "reason_plots",
    "plot_retention": "retention_plot",
    "plot_revenue_bridge": "bridge_plots",
    "plot_revenue_retention": "asked.revenue_plots",
    "plot_scan": "warning.scan_plots",
    "plot_segments": "asked.segment_plots",
    "plot_survival": "survival_plots",
    "plot_tenure_profit": "worth.tenure_plots",
    "plot_time_to_next_order": "asked.buyer_plots",
    "plot_tracking": "buying_plots",
    "plot_uplift": "trials.uplift_plots",
    "plot_usual_band": "asked.band_plots",
    "plot_voluntary_churn": "asked.subscription_plots",
    "plot_win_back": "asked.life_plots",
    "to_style": "styled",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

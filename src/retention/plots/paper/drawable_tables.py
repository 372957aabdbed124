"""The tables that plots draw, as data: who makes each, what cannot be done without, its plot."""

from __future__ import annotations

from retention.plots.paper.asked_tables import (
    ACTIVE,
    BANDS_OF_TENURE,
    BENCHMARKED,
    CAME_BACK,
    COMPARED,
    CROSSED,
    KINDS_OF_CHURN,
    LIFE_OF_BASE,
    MIGRATIONS,
    MOVES_OVER_TIME,
    NEXT_ORDER,
    PLAN_MOVES,
    PREDICTED_REASONS,
    PROFILE,
    REVENUE_KEPT,
    USUAL,
)
from retention.plots.paper.drawable import Drawable

RETENTION = Drawable(
    "plot_retention",
    (
        "kpis.outcome_kpis",
        "kpis.retention_rate",
        "kpis.sales_adjusted_retention",
        "kpis.profit_adjusted_retention",
    ),
    "a base period",
    ("period", "step", "n_base", "n_retained"),
    never=("net_revenue_retention", "gross_revenue_retention"),
)

COHORT_CELLS = Drawable(
    "plot_cohorts",
    ("kpis.cohort_retention",),
    "a cohort at an age",
    ("cohort", "freq", "age", "age_to", "n_cohort", "rate", "observed"),
)

AVERAGE = Drawable(
    "plot_cohort_curves",
    ("kpis.average_retention", "kpis.cohort_retention"),
    "an age",
    ("age", "age_to", "n_cohorts", "rate", "lower", "upper"),
)

MOVEMENTS = Drawable(
    "plot_revenue_bridge",
    ("kpis.revenue_movements",),
    "a period",
    (
        *("period", "step", "n_start", "n_new", "n_reactivated", "n_expanded", "n_contracted"),
        *("n_churned", "n_end", "sales_start", "sales_new", "sales_reactivated"),
        *("sales_expansion", "sales_contraction", "sales_churned", "sales_end"),
    ),
    never=("sales_moved_in",),
)

BRIDGE = Drawable(
    "plot_churn_bridge",
    ("kpis.churn_bridge",),
    "a segment and later base period",
    (
        *("period", "step", "period_before", "rate_effect", "mix_effect", "new_effect"),
        *("gone_effect", "effect", "total_rate_before", "total_rate_after"),
    ),
)

CURVE = Drawable(
    "plot_survival",
    ("survival.survival_curve",),
    "a duration",
    ("duration", "n_at_risk", "n_churned", "survival", "lower", "upper"),
    never=("cumulative_incidence",),
)

INCIDENCE = Drawable(
    "plot_incidence",
    ("survival.cumulative_incidence", "reasons.reason_incidence"),
    "a reason and duration",
    ("duration", "n_at_risk", "cumulative_incidence", "survival"),
)

COEFFICIENTS = Drawable(
    "plot_coefficients",
    (),
    "a coefficient",
    ("term", "reference", "ratio", "ratio_lower", "ratio_upper"),
    said=(
        "a model's coefficients()",
        {
            **dict.fromkeys(("term", "reference"), "text"),
            **dict.fromkeys(("ratio", "ratio_lower", "ratio_upper"), "number"),
        },
    ),
)

CALIBRATION = Drawable(
    "plot_calibration",
    ("survival.calibration",),
    "a group of like predicted churn",
    ("group", "time", "n_spells", "predicted", "observed", "lower", "upper"),
)

LIFT = Drawable(
    "plot_lift",
    ("survival.lift",),
    "a group of like predicted risk",
    (
        *("group", "time", "n_spells", "lift", "cumulative_share_of_customers"),
        "cumulative_share_of_churn",
    ),
)

REASONS = Drawable(
    "plot_reasons",
    ("reasons.reason_summary",),
    "a reason",
    (
        *("category", "label", "base", "n_customers", "n_mentions", "n_base", "share"),
        *("lower", "upper"),
    ),
)

REASONS_BY_SEGMENT = Drawable(
    "plot_reasons_by_segment",
    ("reasons.reasons_by_segment",),
    "a segment and reason",
    ("category", "base", "n_customers", "n_base", "share", "lower", "upper", "share_overall"),
)

GAPS = Drawable(
    "plot_gaps",
    ("spells.gap_table",),
    "a candidate gap",
    (
        *("gap", "within", "lost_share", "false_churn_rate", "came_back_share"),
        *("lost_share_lower", "lost_share_upper", "false_churn_rate_lower"),
        *("false_churn_rate_upper", "came_back_share_lower", "came_back_share_upper"),
    ),
)

TRACKING = Drawable(
    "plot_tracking",
    ("repeat_buying.tracking_table",),
    "a period",
    ("period", "step", "actual", "expected", "cumulative_actual", "cumulative_expected"),
)

TENURE_PROFIT = Drawable(
    "plot_tenure_profit",
    ("economics.profit_by_tenure",),
    "an age",
    (
        *("age", "n_customers", "profit_per_customer", "lower", "change", "cohorts", "sorting"),
        *("growth", "returned", "length"),
    ),
)

LIFETIME_PROFIT = Drawable(
    "plot_lifetime_profit",
    ("economics.lifetime_profit",),
    "an age",
    ("age", "acquisition_cost", "net", "net_lower", "net_upper", "net_staying", "length"),
)

LEVERS = Drawable(
    "plot_levers",
    ("economics.value_of_retention",),
    "a lever",
    (
        *("lever", "points", "value_before", "gain", "gain_share", "lower", "upper"),
        "share_forecast",
    ),
)

FORECAST = Drawable(
    "plot_base_forecast",
    ("economics.base_forecast",),
    "a period",
    ("period", "n_old", "n_new", "n_customers", "steady_state"),
)

AHEAD = Drawable(
    "plot_outlook",
    ("economics.expected_customers",),
    "a period",
    ("period", "step", "n_old", "n_new", "n_customers", "lower", "upper", "bounds", "freq"),
)

AHEAD_OF_SALES = Drawable(
    "plot_outlook",
    ("economics.expected_sales",),
    "a period",
    ("period", "step", "sales_old", "sales_new", "sales", "lower", "upper", "bounds", "freq"),
)

AHEAD_TESTED = Drawable(
    "plot_outlook",
    ("economics.backtest_outlook",),
    "a period held out",
    (
        *("period", "step", "n_customers", "lower", "upper", "actual", "covered", "sales"),
        *("sales_lower", "sales_upper", "sales_actual", "sales_covered", "freq"),
    ),
)

COHORT_VALUE = Drawable(
    "plot_cohort_value",
    ("economics.cohort_value",),
    "a cohort at an age",
    (
        *("cohort", "age", "n_cohort", "n_eligible", "total", "value_per_customer", "lower"),
        *("upper", "acquisition_cost", "net", "freq"),
    ),
)

SCAN = Drawable(
    "plot_scan",
    ("signals.churn_scan",),
    "a condition, or a pair of them",
    (
        *("condition", "value", "condition_2", "value_2", "n", "churn_rate", "lower", "upper"),
        *("rest_rate", "expected_rate", "excess", "q_value", "differs", "confirmed_rate"),
        *("n_tested", "against"),
    ),
)

LEADS = Drawable(
    "plot_leads",
    ("signals.alarm_leads",),
    "a signal and lead",
    (
        *("signal", "lead", "n_churners", "share_warned", "lower", "upper", "chance_share"),
        *("value_lost", "value_share"),
    ),
)

TRADE_OFF = Drawable(
    "plot_alarm_trade_off",
    ("signals.alarm_trade_off",),
    "a signal at a number of calls",
    (
        *("signal", "calls", "n_churners", "precision", "lower", "upper", "recall"),
        *("recall_lower", "recall_upper", "false_per_100_months", "value_lost", "value_recall"),
    ),
)

EFFECT = Drawable(
    "plot_effect",
    ("experiments.retention_effect", "experiments.lifetime_effect", "experiments.profit_effect"),
    "an arm beside the control",
    (
        *("arm", "compared_to", "n", "n_control", "difference", "difference_lower"),
        *("difference_upper", "p_adjusted", "reason"),
    ),
)

POWER = Drawable(
    "plot_power",
    (
        "experiments.retention_test_size",
        "experiments.survival_test_size",
        "experiments.profit_test_size",
    ),
    "a test",
    ("n", "n_control", "n_treated", "difference", "power", "level", "share_treated", "method"),
)

UPLIFT = Drawable(
    "plot_uplift",
    ("experiments.uplift_curve",),
    "a list, from those thought to respond most",
    (
        *("share", "effect", "lower", "upper", "list_gain", "list_gain_lower"),
        *("list_gain_upper", "random_gain", "method"),
    ),
)

PROFIT_CURVE = Drawable(
    "plot_profit_curve",
    ("targeting.profit_curve",),
    "a list",
    (
        *("share", "n_offered", "profit_per_customer", "lower", "upper", "profit_everyone"),
        *("profit_random", "chosen", "reason"),
    ),
)

DRAWABLE = (
    *(RETENTION, COHORT_CELLS, AVERAGE, MOVEMENTS, BRIDGE, CURVE, INCIDENCE, COEFFICIENTS),
    *(CALIBRATION, LIFT, REASONS, REASONS_BY_SEGMENT, GAPS, TRACKING),
    *(TENURE_PROFIT, LIFETIME_PROFIT, LEVERS, FORECAST, AHEAD, AHEAD_OF_SALES, AHEAD_TESTED),
    *(COHORT_VALUE, SCAN, LEADS, TRADE_OFF),
    *(EFFECT, POWER, UPLIFT, PROFIT_CURVE, BENCHMARKED, COMPARED, USUAL, ACTIVE, NEXT_ORDER),
    *(MIGRATIONS, PROFILE, CROSSED, BANDS_OF_TENURE, PLAN_MOVES, KINDS_OF_CHURN, PREDICTED_REASONS),
    *(REVENUE_KEPT, MOVES_OVER_TIME, LIFE_OF_BASE, CAME_BACK),
)

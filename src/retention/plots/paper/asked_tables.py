"""The tables that plots of the figures asked for first draw, and of rates beside rates."""

from __future__ import annotations

from retention.plots.paper.drawable import Drawable

BENCHMARKED = Drawable(
    "plot_benchmarks",
    ("benchmarks.compare_benchmark",),
    "a rate beside a benchmark",
    (
        *("churn_rate", "lower", "upper", "benchmark", "benchmark_rate", "benchmark_lower"),
        *("benchmark_upper", "benchmark_year", "benchmark_standing", "verdict", "same_convention"),
        *("difference_lower", "note", "compared_over"),
    ),
)

ACTIVE = Drawable(
    "plot_active_customers",
    ("kpis.active_customers",),
    "a period",
    ("period", "step", "n_active", "n_new", "n_returning", "stickiness"),
)

NEXT_ORDER = Drawable(
    "plot_time_to_next_order",
    ("kpis.time_to_next_order",),
    "an order and duration",
    ("order", "duration", "returned_share", "lower", "upper", "median_days"),
)

REVENUE_KEPT = Drawable(
    "plot_revenue_retention",
    ("kpis.net_revenue_retention", "kpis.gross_revenue_retention"),
    "a base period",
    ("period", "step", "n_base", "sales_base", "sales_retained", "lower", "upper", "lag", "path"),
)

GROSS_KEPT = Drawable(
    "plot_revenue_retention",
    ("kpis.gross_revenue_retention",),
    "a base period",
    (*REVENUE_KEPT.needed, "gross_revenue_retention"),
)
"""What `gross` is, beside a table of net."""

MOVES_OVER_TIME = Drawable(
    "plot_movements",
    ("kpis.revenue_movements",),
    "a period",
    (
        *("period", "step", "n_new", "n_reactivated", "n_churned", "sales_new"),
        *("sales_reactivated", "sales_expansion", "sales_contraction", "sales_churned"),
    ),
    never=("sales_moved_in",),
)

LIFE_OF_BASE = Drawable(
    "plot_lifecycle",
    ("kpis.lifecycle_states",),
    "a period and change of state",
    ("period", "step", "state_before", "state", "n_customers", "start_observed", "lost_after"),
)

CAME_BACK = Drawable(
    "plot_win_back",
    ("kpis.win_back",),
    "a time since the loss",
    (
        *("periods_since_loss", "n_lost", "n_at_risk", "n_came_back", "win_back_rate"),
        *("lower", "upper", "lost_after"),
    ),
)

COMPARED = Drawable(
    "plot_compared_rates",
    ("benchmarks.compare_rates",),
    "a pair of groups",
    (
        *("group", "other", "difference", "difference_lower", "difference_upper"),
        *("verdict", "figure", "margin"),
    ),
)

USUAL = Drawable(
    "plot_usual_band",
    ("benchmarks.usual_band",),
    "a period",
    ("period", "rate", "usual_rate", "lower", "upper", "outside", "figure", "level"),
)

PREDICTED_REASONS = Drawable(
    "plot_predicted_reasons",
    ("survival.predict_reasons",),
    "a customer, time and reason",
    ("customer_id", "time", "reason", "reason_probability", "survival"),
)

MIGRATIONS = Drawable(
    "plot_migrations",
    ("signals.segment_migrations",),
    "a pair of segments, before and after",
    ("segment_before", "segment_after", "n", "n_from", "share", "lower", "upper"),
)

EXPECTED_MIGRATIONS = Drawable(
    "plot_migrations",
    ("signals.expected_migrations",),
    "a pair of segments, before and after",
    ("segment_before", "segment_after", "expected_share", "share_of_all"),
)
"""What `expected` is; no plot draws it alone."""

PROFILE = Drawable(
    "plot_profile",
    ("signals.segment_profile",),
    "a segment and feature, or label of it",
    (
        *("segment", "feature", "label", "median", "median_rest", "share", "share_rest"),
        *("measure", "effect", "lower", "upper", "differs", "defining"),
    ),
)

CROSSED = Drawable(
    "plot_segments",
    ("signals.segment_matrix",),
    "a pair of segments",
    ("segment", "other", "n", "share", "value_share", "n_known", "churn_rate", "lower", "upper"),
)

BANDS_OF_TENURE = Drawable(
    "plot_churn_by_tenure",
    ("kpis.churn_by_tenure",),
    "a band of tenure",
    (
        *("band", "tenure_from", "tenure_to", "n_reached", "churn_rate", "churn_per_period"),
        *("per_period_lower", "per_period_upper", "length"),
    ),
)

PLAN_MOVES = Drawable(
    "plot_plan_waterfall",
    ("kpis.plan_waterfall",),
    "a plan and period",
    (
        *("plan", "period", "step", "n_start", "n_end", "sales_start", "sales_new"),
        *("sales_reactivated", "sales_moved_in", "sales_expansion", "sales_contraction"),
        *("sales_moved_out", "sales_churned", "sales_end"),
    ),
)

KINDS_OF_CHURN = Drawable(
    "plot_voluntary_churn",
    ("kpis.voluntary_churn",),
    "a period",
    (
        *("period", "step", "churn_rate", "lower", "upper", "voluntary_churn"),
        *("involuntary_churn", "not_known_churn", "involuntary_share", "share_lower"),
        "share_upper",
    ),
)

"""The tables that plots draw, as data: who makes each, its columns, the plot it goes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Holds = Literal["number", "time", "text"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A table that a plot draws.

    Attributes:
        plot: the plot.
        makers: the functions that give such a table.
        row: what one row is.
        needed: its columns without which nothing can be drawn, and what they hold.
        beside: other columns that may be there: used if they are, and no segments.
        never: columns by which it is another table, although it has all that is needed.
    """

    plot: str
    makers: tuple[str, ...]
    row: str
    needed: dict[str, Holds]
    beside: dict[str, Holds]
    never: tuple[str, ...] = ()

    @property
    def maker(self) -> str:
        """The functions, in words."""
        return " or ".join(self.makers)


def _numbers(*names: str) -> dict[str, Holds]:
    return dict.fromkeys(names, "number")


def _texts(*names: str) -> dict[str, Holds]:
    return dict.fromkeys(names, "text")


_PERIOD: dict[str, Holds] = {"period": "time", "step": "number"}
_DATED: dict[str, Holds] = {"cohort": "time", "freq": "text"}

RETENTION = Answer(
    "plot_retention",
    (
        "outcome_kpis",
        "retention_rate",
        "sales_adjusted_retention",
        "profit_adjusted_retention",
    ),
    "a base period",
    _PERIOD | _numbers("n_base", "n_retained"),
    _numbers(
        *("retention_rate", "sales_adjusted_retention", "profit_adjusted_retention", "lag"),
        *("retention_rate_lower", "sales_adjusted_retention_lower", "lower"),
        *("retention_rate_upper", "sales_adjusted_retention_upper", "upper"),
        *("profit_adjusted_retention_lower", "profit_adjusted_retention_upper"),
    )
    | _texts("bounds", "basis", "sales_bounds", "profit_bounds", "sales_basis", "profit_basis")
    | _texts("lost_to"),
)

COHORT_CELLS = Answer(
    "plot_cohorts",
    ("cohort_retention",),
    "a cohort at an age",
    _DATED | _numbers("age", "age_to", "n_cohort", "rate", "observed"),
    _texts("bounds", "kind", "measure", "basis", "cohorts", "clock", "week_start"),
)

AVERAGE = Answer(
    "plot_cohort_curves",
    ("average_retention", "cohort_retention"),
    "an age",
    _numbers("age", "age_to", "n_cohorts", "rate", "lower", "upper"),
    _texts("bounds", "weights", "kind", "measure"),
)

MOVEMENTS = Answer(
    "plot_revenue_bridge",
    ("revenue_movements",),
    "a period",
    _PERIOD
    | _numbers("n_start", "n_new", "n_reactivated", "n_expanded", "n_contracted", "n_churned")
    | _numbers("n_end", "sales_start", "sales_new", "sales_reactivated", "sales_expansion")
    | _numbers("sales_contraction", "sales_churned", "sales_end"),
    {},
)

BRIDGE = Answer(
    "plot_churn_bridge",
    ("churn_bridge",),
    "a segment and later base period",
    _PERIOD
    | {"period_before": "time"}
    | _numbers("rate_effect", "mix_effect", "new_effect", "gone_effect", "effect")
    | _numbers("total_rate_before", "total_rate_after"),
    _numbers("n_base_before", "n_base_after") | _texts("presence", "simpson", "overlap"),
)

CURVE = Answer(
    "plot_survival",
    ("survival_curve",),
    "a duration",
    _numbers("duration", "n_at_risk", "n_churned", "survival", "lower", "upper"),
    _numbers("observed_from") | _texts("note"),
    never=("cumulative_incidence",),
)

INCIDENCE = Answer(
    "plot_incidence",
    ("cumulative_incidence", "reason_incidence"),
    "a reason and duration",
    _numbers("duration", "n_at_risk", "cumulative_incidence", "survival"),
    _numbers("observed_from") | _texts("reason", "category", "several", "note"),
)

COEFFICIENTS = Answer(
    "plot_coefficients",
    ("a model's coefficients()",),
    "a coefficient",
    _texts("term", "reference") | _numbers("ratio", "ratio_lower", "ratio_upper"),
    {},
)

CALIBRATION = Answer(
    "plot_calibration",
    ("calibration",),
    "a group of like predicted churn",
    _numbers("group", "time", "n_spells", "predicted", "observed", "lower", "upper"),
    _texts("reason"),
)

LIFT = Answer(
    "plot_lift",
    ("lift",),
    "a group of like predicted risk",
    _numbers("group", "time", "n_spells", "lift", "cumulative_share_of_customers")
    | _numbers("cumulative_share_of_churn"),
    _texts("reason"),
)

REASONS = Answer(
    "plot_reasons",
    ("reason_summary",),
    "a reason",
    _texts("category", "label", "base")
    | _numbers("n_customers", "n_mentions", "n_base", "share", "lower", "upper"),
    _texts("force", "preventable", "bounds", "unit"),
)

REASONS_BY_SEGMENT = Answer(
    "plot_reasons_by_segment",
    ("reasons_by_segment",),
    "a segment and reason",
    _texts("category", "base")
    | _numbers("n_customers", "n_base", "share", "lower", "upper", "share_overall"),
    _texts("bounds", "test", "correction"),
)

GAPS = Answer(
    "plot_gaps",
    ("gap_table",),
    "a candidate gap",
    _numbers("gap", "within", "lost_share", "false_churn_rate", "came_back_share")
    | _numbers("lost_share_lower", "lost_share_upper", "false_churn_rate_lower")
    | _numbers("false_churn_rate_upper", "came_back_share_lower", "came_back_share_upper"),
    {},
)

TRACKING = Answer(
    "plot_tracking",
    ("tracking_table",),
    "a period",
    _PERIOD | _numbers("actual", "expected", "cumulative_actual", "cumulative_expected"),
    _numbers("is_holdout", "n_customers") | _texts("freq"),
)

ANSWERS = (
    *(RETENTION, COHORT_CELLS, AVERAGE, MOVEMENTS, BRIDGE, CURVE, INCIDENCE, COEFFICIENTS),
    *(CALIBRATION, LIFT, REASONS, REASONS_BY_SEGMENT, GAPS, TRACKING),
)

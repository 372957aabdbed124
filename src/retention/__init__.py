"""Customer retention and churn analytics, as pure functions over DataFrames.

    import retention as rt

Importing costs nothing: a name loads the file that holds it on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retention.activity.from_contracts import contract_periods as contract_periods
    from retention.activity.from_purchases import customer_periods as customer_periods
    from retention.catalogue import FIGURES as FIGURES
    from retention.catalogue import Figure as Figure
    from retention.catalogue import figure as figure
    from retention.errors import ColumnError as ColumnError
    from retention.errors import ContentError as ContentError
    from retention.errors import ReadError as ReadError
    from retention.errors import RetentionError as RetentionError
    from retention.errors import RetentionWarning as RetentionWarning
    from retention.errors import TableError as TableError
    from retention.kpis.churn.bridge import churn_bridge as churn_bridge
    from retention.kpis.churn.bridge import target_customers as target_customers
    from retention.kpis.churn.churned_customers import churned_customers as churned_customers
    from retention.kpis.churn.explain import explain_difference as explain_difference
    from retention.kpis.churn.rates import annualise as annualise
    from retention.kpis.churn.rates import churn_rate as churn_rate
    from retention.kpis.cohorts.cohort_retention import average_retention as average_retention
    from retention.kpis.cohorts.cohort_retention import cohort_retention as cohort_retention
    from retention.kpis.cohorts.cohort_retention import cohort_triangle as cohort_triangle
    from retention.kpis.cohorts.lifecycle import lifecycle_states as lifecycle_states
    from retention.kpis.cohorts.lifecycle import win_back as win_back
    from retention.kpis.costs.retention_costs import cost_kpis as cost_kpis
    from retention.kpis.costs.serving import cost_to_serve as cost_to_serve
    from retention.kpis.costs.serving import unallocated_costs as unallocated_costs
    from retention.kpis.costs.strategic import strategic_customers as strategic_customers
    from retention.kpis.market.market_share import market_share as market_share
    from retention.kpis.market.share_of_wallet import share_of_wallet as share_of_wallet
    from retention.kpis.outcome.rates import churn_by as churn_by
    from retention.kpis.outcome.rates import outcome_kpis as outcome_kpis
    from retention.kpis.outcome.rates import profit_adjusted_retention as profit_adjusted_retention
    from retention.kpis.outcome.rates import retention_rate as retention_rate
    from retention.kpis.outcome.rates import sales_adjusted_retention as sales_adjusted_retention
    from retention.kpis.revenue.movements import customer_movements as customer_movements
    from retention.kpis.revenue.movements import revenue_movements as revenue_movements
    from retention.kpis.revenue.rates import gross_revenue_retention as gross_revenue_retention
    from retention.kpis.revenue.rates import logo_churn as logo_churn
    from retention.kpis.revenue.rates import net_revenue_retention as net_revenue_retention
    from retention.kpis.revenue.rates import quick_ratio as quick_ratio
    from retention.kpis.service.availability import service_availability as service_availability
    from retention.kpis.service.rates import retention_by_service as retention_by_service
    from retention.kpis.service.rates import service_kpis as service_kpis
    from retention.kpis.voice.before_leaving import voice_by_outcome as voice_by_outcome
    from retention.kpis.voice.intentions import repeat_behaviour as repeat_behaviour
    from retention.kpis.voice.voice_kpis import voice_kpis as voice_kpis
    from retention.loading.doors.audits import Audit as Audit
    from retention.loading.doors.contacts import as_contacts as as_contacts
    from retention.loading.doors.contracts import as_contracts as as_contracts
    from retention.loading.doors.contracts import audit_contracts as audit_contracts
    from retention.loading.doors.costs import as_costs as as_costs
    from retention.loading.doors.outages import as_outages as as_outages
    from retention.loading.doors.spells import as_spells as as_spells
    from retention.loading.doors.surveys import as_surveys as as_surveys
    from retention.loading.doors.transactions import as_transactions as as_transactions
    from retention.loading.doors.transactions import audit_transactions as audit_transactions
    from retention.loading.doors.wallets import as_wallet as as_wallet
    from retention.loading.files.reading import read_contracts as read_contracts
    from retention.loading.files.reading import read_table as read_table
    from retention.loading.files.reading import read_transactions as read_transactions
    from retention.plots.bridge_plots import plot_churn_bridge as plot_churn_bridge
    from retention.plots.bridge_plots import plot_revenue_bridge as plot_revenue_bridge
    from retention.plots.cohort_plots import plot_cohort_curves as plot_cohort_curves
    from retention.plots.cohort_plots import plot_cohorts as plot_cohorts
    from retention.plots.gap_plot import plot_gaps as plot_gaps
    from retention.plots.model_plots import plot_coefficients as plot_coefficients
    from retention.plots.reason_plots import plot_reasons as plot_reasons
    from retention.plots.reason_plots import plot_reasons_by_segment as plot_reasons_by_segment
    from retention.plots.retention_plot import plot_retention as plot_retention
    from retention.plots.score_plots import plot_calibration as plot_calibration
    from retention.plots.score_plots import plot_lift as plot_lift
    from retention.plots.styled import to_style as to_style
    from retention.plots.survival_plots import plot_incidence as plot_incidence
    from retention.plots.survival_plots import plot_survival as plot_survival
    from retention.plots.tracking_plot import plot_tracking as plot_tracking
    from retention.reasons.agreement.reason_agreement import reason_agreement as reason_agreement
    from retention.reasons.categories import PublishedShare as PublishedShare
    from retention.reasons.categories import ReasonCategory as ReasonCategory
    from retention.reasons.categories import Subcategory as Subcategory
    from retention.reasons.categories import reason_categories as reason_categories
    from retention.reasons.figures.by_segment import reasons_by_segment as reasons_by_segment
    from retention.reasons.figures.incidence import reason_incidence as reason_incidence
    from retention.reasons.figures.reason_summary import reason_cooccurrence as reason_cooccurrence
    from retention.reasons.figures.reason_summary import reason_summary as reason_summary
    from retention.reasons.figures.trend import reason_trend as reason_trend
    from retention.reasons.learning import fit_reason_model as fit_reason_model
    from retention.reasons.lexicon.lexicon import Lexicon as Lexicon
    from retention.reasons.lexicon.lexicon import extend_lexicon as extend_lexicon
    from retention.reasons.lexicon.lexicon import load_lexicon as load_lexicon
    from retention.reasons.model.model import ReasonModel as ReasonModel
    from retention.reasons.model.model import load_reason_model as load_reason_model
    from retention.reasons.notes.redaction import redact_pii as redact_pii
    from retention.reasons.tags.by_annotator import Annotation as Annotation
    from retention.reasons.tags.by_annotator import Annotator as Annotator
    from retention.reasons.tags.by_code import map_reason_codes as map_reason_codes
    from retention.reasons.tags.note_table import note_reasons as note_reasons
    from retention.reasons.tags.prompting import reason_prompt as reason_prompt
    from retention.reasons.tags.prompting import reason_schema as reason_schema
    from retention.reasons.tags.tagging import tag_reasons as tag_reasons
    from retention.recording.comparison import compare_runs as compare_runs
    from retention.recording.recordings import Recording as Recording
    from retention.recording.recordings import recorded as recorded
    from retention.repeat_buying.buying.bg_bb import BgBbModel as BgBbModel
    from retention.repeat_buying.buying.bg_bb import fit_bg_bb as fit_bg_bb
    from retention.repeat_buying.buying.bg_nbd import BgNbdModel as BgNbdModel
    from retention.repeat_buying.buying.bg_nbd import MbgNbdModel as MbgNbdModel
    from retention.repeat_buying.buying.bg_nbd import fit_bg_nbd as fit_bg_nbd
    from retention.repeat_buying.buying.bg_nbd import fit_mbg_nbd as fit_mbg_nbd
    from retention.repeat_buying.buying.pareto_nbd import ParetoNbdModel as ParetoNbdModel
    from retention.repeat_buying.buying.pareto_nbd import fit_pareto_nbd as fit_pareto_nbd
    from retention.repeat_buying.buying.purchase_model import PurchaseModel as PurchaseModel
    from retention.repeat_buying.renewal.fit import (
        fit_beta_discrete_weibull as fit_beta_discrete_weibull,
    )
    from retention.repeat_buying.renewal.fit import fit_beta_geometric as fit_beta_geometric
    from retention.repeat_buying.renewal.models import BetaGeometricModel as BetaGeometricModel
    from retention.repeat_buying.renewal.models import DiscreteWeibullModel as DiscreteWeibullModel
    from retention.repeat_buying.renewal.models import RenewalModel as RenewalModel
    from retention.repeat_buying.renewal.renewal_periods import renewal_periods as renewal_periods
    from retention.repeat_buying.scores.backtests import backtest_purchases as backtest_purchases
    from retention.repeat_buying.scores.churn_score import churn_score as churn_score
    from retention.repeat_buying.scores.diagnostics import (
        purchase_calibration as purchase_calibration,
    )
    from retention.repeat_buying.scores.diagnostics import spend_independence as spend_independence
    from retention.repeat_buying.scores.tracking import tracking_table as tracking_table
    from retention.repeat_buying.summary.purchase_summary import (
        purchase_summary as purchase_summary,
    )
    from retention.repeat_buying.summary.purchase_summary import split_summary as split_summary
    from retention.repeat_buying.value.customer_value import customer_value as customer_value
    from retention.repeat_buying.value.spend import GammaGammaModel as GammaGammaModel
    from retention.repeat_buying.value.spend import fit_gamma_gamma as fit_gamma_gamma
    from retention.report.report import Report as Report
    from retention.report.report import retention_report as retention_report
    from retention.samples import SampleCompany as SampleCompany
    from retention.samples import sample_company as sample_company
    from retention.spells.gap_choice import gap_table as gap_table
    from retention.spells.of_contracts import contract_spells as contract_spells
    from retention.spells.of_purchases import purchase_spells as purchase_spells
    from retention.survival.counts.person_periods import person_periods as person_periods
    from retention.survival.cox.model import CoxModel as CoxModel
    from retention.survival.cox.model import fit_cox as fit_cox
    from retention.survival.cox.proportionality import (
        proportional_hazards_test as proportional_hazards_test,
    )
    from retention.survival.curves.competing_risks import cause_removed as cause_removed
    from retention.survival.curves.competing_risks import (
        cumulative_incidence as cumulative_incidence,
    )
    from retention.survival.curves.kaplan_meier import cumulative_hazard as cumulative_hazard
    from retention.survival.curves.kaplan_meier import survival_curve as survival_curve
    from retention.survival.curves.log_rank import compare_curves as compare_curves
    from retention.survival.curves.typical_lifetimes import (
        conditional_survival as conditional_survival,
    )
    from retention.survival.curves.typical_lifetimes import lifetime_quantile as lifetime_quantile
    from retention.survival.curves.typical_lifetimes import median_lifetime as median_lifetime
    from retention.survival.curves.typical_lifetimes import restricted_mean as restricted_mean
    from retention.survival.curves.typical_lifetimes import (
        restricted_mean_difference as restricted_mean_difference,
    )
    from retention.survival.hazard.model import HazardModel as HazardModel
    from retention.survival.hazard.model import fit_hazard as fit_hazard
    from retention.survival.lifelines_models import from_lifelines as from_lifelines
    from retention.survival.models.aft import AftModel as AftModel
    from retention.survival.models.aft import fit_aft as fit_aft
    from retention.survival.models.lifetime_model import LifetimeModel as LifetimeModel
    from retention.survival.models.prediction import (
        expected_remaining_lifetime as expected_remaining_lifetime,
    )
    from retention.survival.models.prediction import predict_churn as predict_churn
    from retention.survival.models.prediction import predict_survival as predict_survival
    from retention.survival.models.prediction import with_predictions as with_predictions
    from retention.survival.scores.backtesting import backtest as backtest
    from retention.survival.scores.brier_and_auc import brier_score as brier_score
    from retention.survival.scores.brier_and_auc import (
        integrated_brier_score as integrated_brier_score,
    )
    from retention.survival.scores.brier_and_auc import time_dependent_auc as time_dependent_auc
    from retention.survival.scores.calibration_and_lift import calibration as calibration
    from retention.survival.scores.calibration_and_lift import lift as lift
    from retention.survival.scores.concordance_index import concordance as concordance

_HOMES = {
    "AftModel": "survival.models.aft",
    "Annotation": "reasons.tags.by_annotator",
    "Annotator": "reasons.tags.by_annotator",
    "Audit": "loading.doors.audits",
    "BetaGeometricModel": "repeat_buying.renewal.models",
    "BgBbModel": "repeat_buying.buying.bg_bb",
    "BgNbdModel": "repeat_buying.buying.bg_nbd",
    "ColumnError": "errors",
    "ContentError": "errors",
    "CoxModel": "survival.cox.model",
    "DiscreteWeibullModel": "repeat_buying.renewal.models",
    "FIGURES": "catalogue",
    "Figure": "catalogue",
    "GammaGammaModel": "repeat_buying.value.spend",
    "HazardModel": "survival.hazard.model",
    "Lexicon": "reasons.lexicon.lexicon",
    "LifetimeModel": "survival.models.lifetime_model",
    "MbgNbdModel": "repeat_buying.buying.bg_nbd",
    "ParetoNbdModel": "repeat_buying.buying.pareto_nbd",
    "PublishedShare": "reasons.categories",
    "PurchaseModel": "repeat_buying.buying.purchase_model",
    "ReadError": "errors",
    "ReasonCategory": "reasons.categories",
    "ReasonModel": "reasons.model.model",
    "Recording": "recording.recordings",
    "RenewalModel": "repeat_buying.renewal.models",
    "Report": "report.report",
    "RetentionError": "errors",
    "RetentionWarning": "errors",
    "SampleCompany": "samples",
    "Subcategory": "reasons.categories",
    "TableError": "errors",
    "annualise": "kpis.churn.rates",
    "as_contacts": "loading.doors.contacts",
    "as_contracts": "loading.doors.contracts",
    "as_costs": "loading.doors.costs",
    "as_outages": "loading.doors.outages",
    "as_spells": "loading.doors.spells",
    "as_surveys": "loading.doors.surveys",
    "as_transactions": "loading.doors.transactions",
    "as_wallet": "loading.doors.wallets",
    "audit_contracts": "loading.doors.contracts",
    "audit_transactions": "loading.doors.transactions",
    "average_retention": "kpis.cohorts.cohort_retention",
    "backtest": "survival.scores.backtesting",
    "backtest_purchases": "repeat_buying.scores.backtests",
    "brier_score": "survival.scores.brier_and_auc",
    "calibration": "survival.scores.calibration_and_lift",
    "cause_removed": "survival.curves.competing_risks",
    "churn_bridge": "kpis.churn.bridge",
    "churn_by": "kpis.outcome.rates",
    "churn_rate": "kpis.churn.rates",
    "churn_score": "repeat_buying.scores.churn_score",
    "churned_customers": "kpis.churn.churned_customers",
    "cohort_retention": "kpis.cohorts.cohort_retention",
    "cohort_triangle": "kpis.cohorts.cohort_retention",
    "compare_curves": "survival.curves.log_rank",
    "compare_runs": "recording.comparison",
    "concordance": "survival.scores.concordance_index",
    "conditional_survival": "survival.curves.typical_lifetimes",
    "contract_periods": "activity.from_contracts",
    "contract_spells": "spells.of_contracts",
    "cost_kpis": "kpis.costs.retention_costs",
    "cost_to_serve": "kpis.costs.serving",
    "cumulative_hazard": "survival.curves.kaplan_meier",
    "cumulative_incidence": "survival.curves.competing_risks",
    "customer_movements": "kpis.revenue.movements",
    "customer_periods": "activity.from_purchases",
    "customer_value": "repeat_buying.value.customer_value",
    "expected_remaining_lifetime": "survival.models.prediction",
    "explain_difference": "kpis.churn.explain",
    "extend_lexicon": "reasons.lexicon.lexicon",
    "figure": "catalogue",
    "fit_aft": "survival.models.aft",
    "fit_beta_discrete_weibull": "repeat_buying.renewal.fit",
    "fit_beta_geometric": "repeat_buying.renewal.fit",
    "fit_bg_bb": "repeat_buying.buying.bg_bb",
    "fit_bg_nbd": "repeat_buying.buying.bg_nbd",
    "fit_cox": "survival.cox.model",
    "fit_gamma_gamma": "repeat_buying.value.spend",
    "fit_hazard": "survival.hazard.model",
    "fit_mbg_nbd": "repeat_buying.buying.bg_nbd",
    "fit_pareto_nbd": "repeat_buying.buying.pareto_nbd",
    "fit_reason_model": "reasons.learning",
    "from_lifelines": "survival.lifelines_models",
    "gap_table": "spells.gap_choice",
    "gross_revenue_retention": "kpis.revenue.rates",
    "integrated_brier_score": "survival.scores.brier_and_auc",
    "lifecycle_states": "kpis.cohorts.lifecycle",
    "lifetime_quantile": "survival.curves.typical_lifetimes",
    "lift": "survival.scores.calibration_and_lift",
    "load_lexicon": "reasons.lexicon.lexicon",
    "load_reason_model": "reasons.model.model",
    "logo_churn": "kpis.revenue.rates",
    "map_reason_codes": "reasons.tags.by_code",
    "market_share": "kpis.market.market_share",
    "median_lifetime": "survival.curves.typical_lifetimes",
    "net_revenue_retention": "kpis.revenue.rates",
    "note_reasons": "reasons.tags.note_table",
    "outcome_kpis": "kpis.outcome.rates",
    "person_periods": "survival.counts.person_periods",
    "plot_calibration": "plots.score_plots",
    "plot_churn_bridge": "plots.bridge_plots",
    "plot_coefficients": "plots.model_plots",
    "plot_cohort_curves": "plots.cohort_plots",
    "plot_cohorts": "plots.cohort_plots",
    "plot_gaps": "plots.gap_plot",
    "plot_incidence": "plots.survival_plots",
    "plot_lift": "plots.score_plots",
    "plot_reasons": "plots.reason_plots",
    "plot_reasons_by_segment": "plots.reason_plots",
    "plot_retention": "plots.retention_plot",
    "plot_revenue_bridge": "plots.bridge_plots",
    "plot_survival": "plots.survival_plots",
    "plot_tracking": "plots.tracking_plot",
    "predict_churn": "survival.models.prediction",
    "predict_survival": "survival.models.prediction",
    "profit_adjusted_retention": "kpis.outcome.rates",
    "proportional_hazards_test": "survival.cox.proportionality",
    "purchase_calibration": "repeat_buying.scores.diagnostics",
    "purchase_spells": "spells.of_purchases",
    "purchase_summary": "repeat_buying.summary.purchase_summary",
    "quick_ratio": "kpis.revenue.rates",
    "read_contracts": "loading.files.reading",
    "read_table": "loading.files.reading",
    "read_transactions": "loading.files.reading",
    "reason_agreement": "reasons.agreement.reason_agreement",
    "reason_categories": "reasons.categories",
    "reason_cooccurrence": "reasons.figures.reason_summary",
    "reason_incidence": "reasons.figures.incidence",
    "reason_prompt": "reasons.tags.prompting",
    "reason_schema": "reasons.tags.prompting",
    "reason_summary": "reasons.figures.reason_summary",
    "reason_trend": "reasons.figures.trend",
    "reasons_by_segment": "reasons.figures.by_segment",
    "recorded": "recording.recordings",
    "redact_pii": "reasons.notes.redaction",
    "renewal_periods": "repeat_buying.renewal.renewal_periods",
    "repeat_behaviour": "kpis.voice.intentions",
    "restricted_mean": "survival.curves.typical_lifetimes",
    "restricted_mean_difference": "survival.curves.typical_lifetimes",
    "retention_by_service": "kpis.service.rates",
    "retention_rate": "kpis.outcome.rates",
    "retention_report": "report.report",
    "revenue_movements": "kpis.revenue.movements",
    "sales_adjusted_retention": "kpis.outcome.rates",
    "sample_company": "samples",
    "service_availability": "kpis.service.availability",
    "service_kpis": "kpis.service.rates",
    "share_of_wallet": "kpis.market.share_of_wallet",
    "spend_independence": "repeat_buying.scores.diagnostics",
    "split_summary": "repeat_buying.summary.purchase_summary",
    "strategic_customers": "kpis.costs.strategic",
    "survival_curve": "survival.curves.kaplan_meier",
    "tag_reasons": "reasons.tags.tagging",
    "target_customers": "kpis.churn.bridge",
    "time_dependent_auc": "survival.scores.brier_and_auc",
    "to_style": "plots.styled",
    "tracking_table": "repeat_buying.scores.tracking",
    "unallocated_costs": "kpis.costs.serving",
    "voice_by_outcome": "kpis.voice.before_leaving",
    "voice_kpis": "kpis.voice.voice_kpis",
    "win_back": "kpis.cohorts.lifecycle",
    "with_predictions": "survival.models.prediction",
}

__all__ = [*sorted([*_HOMES, "__version__"])]  # noqa: PLE0604 - every public name, said once


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("retention-analytics")
    if name not in _HOMES:
        raise AttributeError(f"module 'retention' has no attribute {name!r}")
    value = getattr(import_module(f"retention.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

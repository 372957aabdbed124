"""Customer retention and churn analytics, as pure functions over DataFrames.

    import retention as rt

Importing costs nothing: a name loads the file that holds it on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retention.activity.contracts import contract_periods as contract_periods
    from retention.activity.purchases import customer_periods as customer_periods
    from retention.catalogue import FIGURES as FIGURES
    from retention.catalogue import Figure as Figure
    from retention.catalogue import figure as figure
    from retention.errors import ColumnError as ColumnError
    from retention.errors import ContentError as ContentError
    from retention.errors import ReadError as ReadError
    from retention.errors import RetentionError as RetentionError
    from retention.errors import RetentionWarning as RetentionWarning
    from retention.errors import TableError as TableError
    from retention.kpis.availability import service_availability as service_availability
    from retention.kpis.bridge import churn_bridge as churn_bridge
    from retention.kpis.bridge import target_customers as target_customers
    from retention.kpis.churn import annualise as annualise
    from retention.kpis.churn import churn_rate as churn_rate
    from retention.kpis.churned import churned_customers as churned_customers
    from retention.kpis.cohorts import average_retention as average_retention
    from retention.kpis.cohorts import cohort_retention as cohort_retention
    from retention.kpis.cohorts import cohort_triangle as cohort_triangle
    from retention.kpis.cost import cost_kpis as cost_kpis
    from retention.kpis.cost_to_serve import cost_to_serve as cost_to_serve
    from retention.kpis.cost_to_serve import unallocated_costs as unallocated_costs
    from retention.kpis.explain import explain_difference as explain_difference
    from retention.kpis.intentions import repeat_behaviour as repeat_behaviour
    from retention.kpis.lifecycle import lifecycle_states as lifecycle_states
    from retention.kpis.lifecycle import win_back as win_back
    from retention.kpis.market import market_share as market_share
    from retention.kpis.movements import customer_movements as customer_movements
    from retention.kpis.movements import revenue_movements as revenue_movements
    from retention.kpis.outcome import churn_by as churn_by
    from retention.kpis.outcome import outcome_kpis as outcome_kpis
    from retention.kpis.outcome import profit_adjusted_retention as profit_adjusted_retention
    from retention.kpis.outcome import retention_rate as retention_rate
    from retention.kpis.outcome import sales_adjusted_retention as sales_adjusted_retention
    from retention.kpis.revenue import gross_revenue_retention as gross_revenue_retention
    from retention.kpis.revenue import logo_churn as logo_churn
    from retention.kpis.revenue import net_revenue_retention as net_revenue_retention
    from retention.kpis.revenue import quick_ratio as quick_ratio
    from retention.kpis.service import retention_by_service as retention_by_service
    from retention.kpis.service import service_kpis as service_kpis
    from retention.kpis.strategic import strategic_customers as strategic_customers
    from retention.kpis.voice import voice_kpis as voice_kpis
    from retention.kpis.voice_outcomes import voice_by_outcome as voice_by_outcome
    from retention.kpis.wallet import share_of_wallet as share_of_wallet
    from retention.loading.audits import Audit as Audit
    from retention.loading.contacts import as_contacts as as_contacts
    from retention.loading.contracts import as_contracts as as_contracts
    from retention.loading.contracts import audit_contracts as audit_contracts
    from retention.loading.costs import as_costs as as_costs
    from retention.loading.lifetimes import as_spells as as_spells
    from retention.loading.outages import as_outages as as_outages
    from retention.loading.reading import read_contracts as read_contracts
    from retention.loading.reading import read_table as read_table
    from retention.loading.reading import read_transactions as read_transactions
    from retention.loading.surveys import as_surveys as as_surveys
    from retention.loading.transactions import as_transactions as as_transactions
    from retention.loading.transactions import audit_transactions as audit_transactions
    from retention.loading.wallets import as_wallet as as_wallet
    from retention.plots.bridges import plot_churn_bridge as plot_churn_bridge
    from retention.plots.bridges import plot_revenue_bridge as plot_revenue_bridge
    from retention.plots.cohorts import plot_cohort_curves as plot_cohort_curves
    from retention.plots.cohorts import plot_cohorts as plot_cohorts
    from retention.plots.gaps import plot_gaps as plot_gaps
    from retention.plots.models import plot_coefficients as plot_coefficients
    from retention.plots.reasons import plot_reasons as plot_reasons
    from retention.plots.reasons import plot_reasons_by_segment as plot_reasons_by_segment
    from retention.plots.retention import plot_retention as plot_retention
    from retention.plots.scores import plot_calibration as plot_calibration
    from retention.plots.scores import plot_lift as plot_lift
    from retention.plots.styled import to_style as to_style
    from retention.plots.survival import plot_incidence as plot_incidence
    from retention.plots.survival import plot_survival as plot_survival
    from retention.plots.tracking import plot_tracking as plot_tracking
    from retention.reasons.agreement import reason_agreement as reason_agreement
    from retention.reasons.annotating import Annotation as Annotation
    from retention.reasons.annotating import Annotator as Annotator
    from retention.reasons.by_segment import reasons_by_segment as reasons_by_segment
    from retention.reasons.categories import PublishedShare as PublishedShare
    from retention.reasons.categories import ReasonCategory as ReasonCategory
    from retention.reasons.categories import Subcategory as Subcategory
    from retention.reasons.categories import reason_categories as reason_categories
    from retention.reasons.codes import map_reason_codes as map_reason_codes
    from retention.reasons.incidence import reason_incidence as reason_incidence
    from retention.reasons.learning import fit_reason_model as fit_reason_model
    from retention.reasons.lexicon import Lexicon as Lexicon
    from retention.reasons.lexicon import extend_lexicon as extend_lexicon
    from retention.reasons.lexicon import load_lexicon as load_lexicon
    from retention.reasons.model import ReasonModel as ReasonModel
    from retention.reasons.model import load_reason_model as load_reason_model
    from retention.reasons.prompting import reason_prompt as reason_prompt
    from retention.reasons.prompting import reason_schema as reason_schema
    from retention.reasons.redaction import redact_pii as redact_pii
    from retention.reasons.summaries import reason_cooccurrence as reason_cooccurrence
    from retention.reasons.summaries import reason_summary as reason_summary
    from retention.reasons.tagging import tag_reasons as tag_reasons
    from retention.reasons.trend import reason_trend as reason_trend
    from retention.reasons.wide import note_reasons as note_reasons
    from retention.recording.comparison import compare_runs as compare_runs
    from retention.recording.record import Recording as Recording
    from retention.recording.record import recorded as recorded
    from retention.repeat_buying.backtests import backtest_purchases as backtest_purchases
    from retention.repeat_buying.bg_bb import BgBbModel as BgBbModel
    from retention.repeat_buying.bg_bb import fit_bg_bb as fit_bg_bb
    from retention.repeat_buying.bg_nbd import BgNbdModel as BgNbdModel
    from retention.repeat_buying.bg_nbd import MbgNbdModel as MbgNbdModel
    from retention.repeat_buying.bg_nbd import fit_bg_nbd as fit_bg_nbd
    from retention.repeat_buying.bg_nbd import fit_mbg_nbd as fit_mbg_nbd
    from retention.repeat_buying.checks import purchase_calibration as purchase_calibration
    from retention.repeat_buying.checks import spend_independence as spend_independence
    from retention.repeat_buying.models import PurchaseModel as PurchaseModel
    from retention.repeat_buying.pareto_nbd import ParetoNbdModel as ParetoNbdModel
    from retention.repeat_buying.pareto_nbd import fit_pareto_nbd as fit_pareto_nbd
    from retention.repeat_buying.renewal import (
        fit_beta_discrete_weibull as fit_beta_discrete_weibull,
    )
    from retention.repeat_buying.renewal import fit_beta_geometric as fit_beta_geometric
    from retention.repeat_buying.renewal_models import BetaGeometricModel as BetaGeometricModel
    from retention.repeat_buying.renewal_models import DiscreteWeibullModel as DiscreteWeibullModel
    from retention.repeat_buying.renewal_models import RenewalModel as RenewalModel
    from retention.repeat_buying.renewal_periods import renewal_periods as renewal_periods
    from retention.repeat_buying.score import churn_score as churn_score
    from retention.repeat_buying.spend import GammaGammaModel as GammaGammaModel
    from retention.repeat_buying.spend import fit_gamma_gamma as fit_gamma_gamma
    from retention.repeat_buying.summaries import purchase_summary as purchase_summary
    from retention.repeat_buying.summaries import split_summary as split_summary
    from retention.repeat_buying.tracking import tracking_table as tracking_table
    from retention.repeat_buying.value import customer_value as customer_value
    from retention.report.door import Report as Report
    from retention.report.door import retention_report as retention_report
    from retention.samples import SampleCompany as SampleCompany
    from retention.samples import sample_company as sample_company
    from retention.spells.contracts import contract_spells as contract_spells
    from retention.spells.gaps import gap_table as gap_table
    from retention.spells.purchases import purchase_spells as purchase_spells
    from retention.survival.aft import AftModel as AftModel
    from retention.survival.aft import fit_aft as fit_aft
    from retention.survival.backtesting import backtest as backtest
    from retention.survival.calibration import calibration as calibration
    from retention.survival.calibration import lift as lift
    from retention.survival.comparison import compare_curves as compare_curves
    from retention.survival.competing import cause_removed as cause_removed
    from retention.survival.competing import cumulative_incidence as cumulative_incidence
    from retention.survival.concordance import concordance as concordance
    from retention.survival.cox import CoxModel as CoxModel
    from retention.survival.cox import fit_cox as fit_cox
    from retention.survival.curves import cumulative_hazard as cumulative_hazard
    from retention.survival.curves import survival_curve as survival_curve
    from retention.survival.foreign import from_lifelines as from_lifelines
    from retention.survival.hazard import HazardModel as HazardModel
    from retention.survival.hazard import fit_hazard as fit_hazard
    from retention.survival.models import LifetimeModel as LifetimeModel
    from retention.survival.person_periods import person_periods as person_periods
    from retention.survival.prediction import (
        expected_remaining_lifetime as expected_remaining_lifetime,
    )
    from retention.survival.prediction import predict_churn as predict_churn
    from retention.survival.prediction import predict_survival as predict_survival
    from retention.survival.prediction import with_predictions as with_predictions
    from retention.survival.proportionality import (
        proportional_hazards_test as proportional_hazards_test,
    )
    from retention.survival.scoring import brier_score as brier_score
    from retention.survival.scoring import integrated_brier_score as integrated_brier_score
    from retention.survival.scoring import time_dependent_auc as time_dependent_auc
    from retention.survival.summaries import conditional_survival as conditional_survival
    from retention.survival.summaries import lifetime_quantile as lifetime_quantile
    from retention.survival.summaries import median_lifetime as median_lifetime
    from retention.survival.summaries import restricted_mean as restricted_mean
    from retention.survival.summaries import (
        restricted_mean_difference as restricted_mean_difference,
    )

_HOMES = {
    "AftModel": "survival.aft",
    "Annotation": "reasons.annotating",
    "Annotator": "reasons.annotating",
    "Audit": "loading.audits",
    "BetaGeometricModel": "repeat_buying.renewal_models",
    "BgBbModel": "repeat_buying.bg_bb",
    "BgNbdModel": "repeat_buying.bg_nbd",
    "ColumnError": "errors",
    "ContentError": "errors",
    "CoxModel": "survival.cox",
    "DiscreteWeibullModel": "repeat_buying.renewal_models",
    "FIGURES": "catalogue",
    "Figure": "catalogue",
    "GammaGammaModel": "repeat_buying.spend",
    "HazardModel": "survival.hazard",
    "Lexicon": "reasons.lexicon",
    "LifetimeModel": "survival.models",
    "MbgNbdModel": "repeat_buying.bg_nbd",
    "ParetoNbdModel": "repeat_buying.pareto_nbd",
    "PublishedShare": "reasons.categories",
    "PurchaseModel": "repeat_buying.models",
    "ReadError": "errors",
    "ReasonCategory": "reasons.categories",
    "ReasonModel": "reasons.model",
    "Recording": "recording.record",
    "RenewalModel": "repeat_buying.renewal_models",
    "Report": "report.door",
    "RetentionError": "errors",
    "RetentionWarning": "errors",
    "SampleCompany": "samples",
    "Subcategory": "reasons.categories",
    "TableError": "errors",
    "annualise": "kpis.churn",
    "as_contacts": "loading.contacts",
    "as_contracts": "loading.contracts",
    "as_costs": "loading.costs",
    "as_outages": "loading.outages",
    "as_spells": "loading.lifetimes",
    "as_surveys": "loading.surveys",
    "as_transactions": "loading.transactions",
    "as_wallet": "loading.wallets",
    "audit_contracts": "loading.contracts",
    "audit_transactions": "loading.transactions",
    "average_retention": "kpis.cohorts",
    "backtest": "survival.backtesting",
    "backtest_purchases": "repeat_buying.backtests",
    "brier_score": "survival.scoring",
    "calibration": "survival.calibration",
    "cause_removed": "survival.competing",
    "churn_bridge": "kpis.bridge",
    "churn_by": "kpis.outcome",
    "churn_rate": "kpis.churn",
    "churn_score": "repeat_buying.score",
    "churned_customers": "kpis.churned",
    "cohort_retention": "kpis.cohorts",
    "cohort_triangle": "kpis.cohorts",
    "compare_curves": "survival.comparison",
    "compare_runs": "recording.comparison",
    "concordance": "survival.concordance",
    "conditional_survival": "survival.summaries",
    "contract_periods": "activity.contracts",
    "contract_spells": "spells.contracts",
    "cost_kpis": "kpis.cost",
    "cost_to_serve": "kpis.cost_to_serve",
    "cumulative_hazard": "survival.curves",
    "cumulative_incidence": "survival.competing",
    "customer_movements": "kpis.movements",
    "customer_periods": "activity.purchases",
    "customer_value": "repeat_buying.value",
    "expected_remaining_lifetime": "survival.prediction",
    "explain_difference": "kpis.explain",
    "extend_lexicon": "reasons.lexicon",
    "figure": "catalogue",
    "fit_aft": "survival.aft",
    "fit_beta_discrete_weibull": "repeat_buying.renewal",
    "fit_beta_geometric": "repeat_buying.renewal",
    "fit_bg_bb": "repeat_buying.bg_bb",
    "fit_bg_nbd": "repeat_buying.bg_nbd",
    "fit_cox": "survival.cox",
    "fit_gamma_gamma": "repeat_buying.spend",
    "fit_hazard": "survival.hazard",
    "fit_mbg_nbd": "repeat_buying.bg_nbd",
    "fit_pareto_nbd": "repeat_buying.pareto_nbd",
    "fit_reason_model": "reasons.learning",
    "from_lifelines": "survival.foreign",
    "gap_table": "spells.gaps",
    "gross_revenue_retention": "kpis.revenue",
    "integrated_brier_score": "survival.scoring",
    "lifecycle_states": "kpis.lifecycle",
    "lifetime_quantile": "survival.summaries",
    "lift": "survival.calibration",
    "load_lexicon": "reasons.lexicon",
    "load_reason_model": "reasons.model",
    "logo_churn": "kpis.revenue",
    "map_reason_codes": "reasons.codes",
    "market_share": "kpis.market",
    "median_lifetime": "survival.summaries",
    "net_revenue_retention": "kpis.revenue",
    "note_reasons": "reasons.wide",
    "outcome_kpis": "kpis.outcome",
    "person_periods": "survival.person_periods",
    "plot_calibration": "plots.scores",
    "plot_churn_bridge": "plots.bridges",
    "plot_coefficients": "plots.models",
    "plot_cohort_curves": "plots.cohorts",
    "plot_cohorts": "plots.cohorts",
    "plot_gaps": "plots.gaps",
    "plot_incidence": "plots.survival",
    "plot_lift": "plots.scores",
    "plot_reasons": "plots.reasons",
    "plot_reasons_by_segment": "plots.reasons",
    "plot_retention": "plots.retention",
    "plot_revenue_bridge": "plots.bridges",
    "plot_survival": "plots.survival",
    "plot_tracking": "plots.tracking",
    "predict_churn": "survival.prediction",
    "predict_survival": "survival.prediction",
    "profit_adjusted_retention": "kpis.outcome",
    "proportional_hazards_test": "survival.proportionality",
    "purchase_calibration": "repeat_buying.checks",
    "purchase_spells": "spells.purchases",
    "purchase_summary": "repeat_buying.summaries",
    "quick_ratio": "kpis.revenue",
    "read_contracts": "loading.reading",
    "read_table": "loading.reading",
    "read_transactions": "loading.reading",
    "reason_agreement": "reasons.agreement",
    "reason_categories": "reasons.categories",
    "reason_cooccurrence": "reasons.summaries",
    "reason_incidence": "reasons.incidence",
    "reason_prompt": "reasons.prompting",
    "reason_schema": "reasons.prompting",
    "reason_summary": "reasons.summaries",
    "reason_trend": "reasons.trend",
    "reasons_by_segment": "reasons.by_segment",
    "recorded": "recording.record",
    "redact_pii": "reasons.redaction",
    "renewal_periods": "repeat_buying.renewal_periods",
    "repeat_behaviour": "kpis.intentions",
    "restricted_mean": "survival.summaries",
    "restricted_mean_difference": "survival.summaries",
    "retention_by_service": "kpis.service",
    "retention_rate": "kpis.outcome",
    "retention_report": "report.door",
    "revenue_movements": "kpis.movements",
    "sales_adjusted_retention": "kpis.outcome",
    "sample_company": "samples",
    "service_availability": "kpis.availability",
    "service_kpis": "kpis.service",
    "share_of_wallet": "kpis.wallet",
    "spend_independence": "repeat_buying.checks",
    "split_summary": "repeat_buying.summaries",
    "strategic_customers": "kpis.strategic",
    "survival_curve": "survival.curves",
    "tag_reasons": "reasons.tagging",
    "target_customers": "kpis.bridge",
    "time_dependent_auc": "survival.scoring",
    "to_style": "plots.styled",
    "tracking_table": "repeat_buying.tracking",
    "unallocated_costs": "kpis.cost_to_serve",
    "voice_by_outcome": "kpis.voice_outcomes",
    "voice_kpis": "kpis.voice",
    "win_back": "kpis.lifecycle",
    "with_predictions": "survival.prediction",
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

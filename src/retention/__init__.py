"""Customer retention and churn analytics, as pure functions over DataFrames.

    import retention as rt

Load     rt.as_transactions, rt.as_contracts, rt.read_table; rt.audit: what cannot be used
Who      rt.customer_periods (orders), rt.contract_periods (contracts): who was a customer when
Rates    rt.outcome_kpis, rt.retention_rate, rt.churn_by, rt.cohort_retention
Money    rt.net_revenue_retention, rt.gross_revenue_retention, rt.revenue_movements
How long rt.contract_spells, rt.purchase_spells; rt.survival_curve, rt.median_lifetime
Models   rt.fit_cox, rt.predict_churn (contracts); rt.churn_score (orders)
Why      rt.tag_reasons (notes), rt.reason_summary
All      rt.retention_report: one page to forward

rt.kpis           buyers, service, costs, voice    rt.signals      features, alarms, watchlist
rt.survival       curves, models, scores           rt.targeting    whom to make an offer
rt.repeat_buying  BG/NBD, Pareto/NBD, value        rt.experiments  sizes, arms, effects, uplift
rt.reasons        notes into counted reasons       rt.benchmarks   compared rates, usual band
rt.economics      value, payback, forecast         rt.findings     sentences that may be said
rt.plots          pictures, styled tables          rt.recording    why a number changed
rt.catalogue      what each figure means           rt.samples      firms to try it on

A table goes in, and one of the same kind comes out: pandas, Polars, PyArrow, DuckDB, Spark, Ibis.
`help(rt.retention_rate)` has the formula and an example; a word of the trade, such as `rt.nrr`,
is answered with the name here. Importing costs nothing: a name is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retention import activity as activity
    from retention import benchmarks as benchmarks
    from retention import calendars as calendars
    from retention import catalogue as catalogue
    from retention import economics as economics
    from retention import errors as errors
    from retention import experiments as experiments
    from retention import findings as findings
    from retention import kpis as kpis
    from retention import loading as loading
    from retention import plots as plots
    from retention import reasons as reasons
    from retention import recording as recording
    from retention import repeat_buying as repeat_buying
    from retention import report as report
    from retention import samples as samples
    from retention import signals as signals
    from retention import spells as spells
    from retention import survival as survival
    from retention import targeting as targeting
    from retention.activity.from_contracts import contract_periods as contract_periods
    from retention.activity.from_purchases import customer_periods as customer_periods
    from retention.calendars import Calendar as Calendar
    from retention.errors import ColumnError as ColumnError
    from retention.errors import ContentError as ContentError
    from retention.errors import ReadError as ReadError
    from retention.errors import RetentionError as RetentionError
    from retention.errors import RetentionWarning as RetentionWarning
    from retention.errors import TableError as TableError
    from retention.kpis.churn.rates import churn_rate as churn_rate
    from retention.kpis.cohorts.cohort_retention import cohort_retention as cohort_retention
    from retention.kpis.cohorts.lifecycle import lifecycle_states as lifecycle_states
    from retention.kpis.market.share_of_wallet import share_of_wallet as share_of_wallet
    from retention.kpis.outcome.rates import churn_by as churn_by
    from retention.kpis.outcome.rates import outcome_kpis as outcome_kpis
    from retention.kpis.outcome.rates import profit_adjusted_retention as profit_adjusted_retention
    from retention.kpis.outcome.rates import retention_rate as retention_rate
    from retention.kpis.outcome.rates import sales_adjusted_retention as sales_adjusted_retention
    from retention.kpis.revenue.movements import revenue_movements as revenue_movements
    from retention.kpis.revenue.rates import gross_revenue_retention as gross_revenue_retention
    from retention.kpis.revenue.rates import logo_churn as logo_churn
    from retention.kpis.revenue.rates import net_revenue_retention as net_revenue_retention
    from retention.loading.doors.contacts import as_contacts as as_contacts
    from retention.loading.doors.contracts import as_contracts as as_contracts
    from retention.loading.doors.costs import as_costs as as_costs
    from retention.loading.doors.entrance import audit as audit
    from retention.loading.doors.outages import as_outages as as_outages
    from retention.loading.doors.referrals import as_referrals as as_referrals
    from retention.loading.doors.spells import as_spells as as_spells
    from retention.loading.doors.surveys import as_surveys as as_surveys
    from retention.loading.doors.transactions import as_transactions as as_transactions
    from retention.loading.doors.wallets import as_wallet as as_wallet
    from retention.loading.files.reading import read_table as read_table
    from retention.plots.styled import cohort_triangle as cohort_triangle
    from retention.reasons.figures.reason_summary import reason_summary as reason_summary
    from retention.reasons.tags.by_code import map_reason_codes as map_reason_codes
    from retention.reasons.tags.tagging import tag_reasons as tag_reasons
    from retention.repeat_buying.scores.churn_score import churn_score as churn_score
    from retention.repeat_buying.summary.purchase_summary import (
        purchase_summary as purchase_summary,
    )
    from retention.report.report import retention_report as retention_report
    from retention.samples import sample_company as sample_company
    from retention.spells.gap_choice import gap_table as gap_table
    from retention.spells.of_contracts import contract_spells as contract_spells
    from retention.spells.of_purchases import purchase_spells as purchase_spells
    from retention.survival.cox.model import fit_cox as fit_cox
    from retention.survival.curves.kaplan_meier import survival_curve as survival_curve
    from retention.survival.curves.log_rank import compare_curves as compare_curves
    from retention.survival.curves.typical_lifetimes import median_lifetime as median_lifetime
    from retention.survival.models.prediction import predict_churn as predict_churn

_HOMES = {
    "Calendar": "calendars",
    "ColumnError": "errors",
    "ContentError": "errors",
    "ReadError": "errors",
    "RetentionError": "errors",
    "RetentionWarning": "errors",
    "TableError": "errors",
    "as_contacts": "loading.doors.contacts",
    "as_contracts": "loading.doors.contracts",
    "as_costs": "loading.doors.costs",
    "as_outages": "loading.doors.outages",
    "as_referrals": "loading.doors.referrals",
    "as_spells": "loading.doors.spells",
    "as_surveys": "loading.doors.surveys",
    "as_transactions": "loading.doors.transactions",
    "as_wallet": "loading.doors.wallets",
    "audit": "loading.doors.entrance",
    "churn_by": "kpis.outcome.rates",
    "churn_rate": "kpis.churn.rates",
    "churn_score": "repeat_buying.scores.churn_score",
    "cohort_retention": "kpis.cohorts.cohort_retention",
    "cohort_triangle": "plots.styled",
    "compare_curves": "survival.curves.log_rank",
    "contract_periods": "activity.from_contracts",
    "contract_spells": "spells.of_contracts",
    "customer_periods": "activity.from_purchases",
    "fit_cox": "survival.cox.model",
    "gap_table": "spells.gap_choice",
    "gross_revenue_retention": "kpis.revenue.rates",
    "lifecycle_states": "kpis.cohorts.lifecycle",
    "logo_churn": "kpis.revenue.rates",
    "map_reason_codes": "reasons.tags.by_code",
    "median_lifetime": "survival.curves.typical_lifetimes",
    "net_revenue_retention": "kpis.revenue.rates",
    "outcome_kpis": "kpis.outcome.rates",
    "predict_churn": "survival.models.prediction",
    "profit_adjusted_retention": "kpis.outcome.rates",
    "purchase_spells": "spells.of_purchases",
    "purchase_summary": "repeat_buying.summary.purchase_summary",
    "read_table": "loading.files.reading",
    "reason_summary": "reasons.figures.reason_summary",
    "retention_rate": "kpis.outcome.rates",
    "retention_report": "report.report",
    "revenue_movements": "kpis.revenue.movements",
    "sales_adjusted_retention": "kpis.outcome.rates",
    "sample_company": "samples",
    "share_of_wallet": "kpis.market.share_of_wallet",
    "survival_curve": "survival.curves.kaplan_meier",
    "tag_reasons": "reasons.tags.tagging",
}

_MODULES = (
    "activity",
    "benchmarks",
    "calendars",
    "catalogue",
    "economics",
    "errors",
    "experiments",
    "findings",
    "kpis",
    "loading",
    "plots",
    "reasons",
    "recording",
    "repeat_buying",
    "report",
    "samples",
    "signals",
    "spells",
    "survival",
    "targeting",
)

__all__ = [*sorted(_HOMES), *_MODULES, "__version__"]  # noqa: PLE0604 - every public name, said once


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("retention-analytics")
    if name in _MODULES:
        return import_module(f"retention.{name}")
    if name in _HOMES:
        value = getattr(import_module(f"retention.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    from retention.trade_words import hint_for_name

    faces = {} if name.startswith("_") else {m: import_module(f"retention.{m}") for m in _MODULES}
    wings = [module for module, face in faces.items() if name in face.__all__]
    every = [*__all__, *(f"{module}.{each}" for module in faces for each in faces[module].__all__)]
    hint = hint_for_name(name, every)
    where = f": it is retention.{wings[0]}.{name}" if wings else hint
    raise AttributeError(f"module 'retention' has no attribute {name!r}{where}")


def __dir__() -> list[str]:
    return __all__

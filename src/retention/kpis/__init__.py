"""The figures, one file a family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.kpis.buyers.active_customers import active_customers as active_customers
    from retention.kpis.buyers.repeat_rate import repeat_rate as repeat_rate
    from retention.kpis.buyers.time_to_next_order import time_to_next_order as time_to_next_order
    from retention.kpis.churn.bridge import churn_bridge as churn_bridge
    from retention.kpis.churn.bridge import target_customers as target_customers
    from retention.kpis.churn.churned_customers import churned_customers as churned_customers
    from retention.kpis.churn.explain import explain_difference as explain_difference
    from retention.kpis.churn.rates import annualise as annualise
    from retention.kpis.churn.rates import churn_rate as churn_rate
    from retention.kpis.cohorts.cohort_retention import average_retention as average_retention
    from retention.kpis.cohorts.cohort_retention import cohort_retention as cohort_retention
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
    from retention.kpis.outcome.rolling import rolling_retention as rolling_retention
    from retention.kpis.revenue.movements import customer_movements as customer_movements
    from retention.kpis.revenue.movements import revenue_movements as revenue_movements
    from retention.kpis.revenue.rates import gross_revenue_retention as gross_revenue_retention
    from retention.kpis.revenue.rates import logo_churn as logo_churn
    from retention.kpis.revenue.rates import net_revenue_retention as net_revenue_retention
    from retention.kpis.revenue.rates import quick_ratio as quick_ratio
    from retention.kpis.service.availability import service_availability as service_availability
    from retention.kpis.service.rates import retention_by_service as retention_by_service
    from retention.kpis.service.rates import service_kpis as service_kpis
    from retention.kpis.subscriptions.contraction_first import (
        contraction_before_leaving as contraction_before_leaving,
    )
    from retention.kpis.subscriptions.followed.churn_by_tenure import (
        churn_by_tenure as churn_by_tenure,
    )
    from retention.kpis.subscriptions.followed.dunning_recovery import (
        dunning_recovery as dunning_recovery,
    )
    from retention.kpis.subscriptions.followed.trial_conversion import (
        trial_conversion as trial_conversion,
    )
    from retention.kpis.subscriptions.plans.plan_migrations import (
        plan_migrations as plan_migrations,
    )
    from retention.kpis.subscriptions.plans.plan_waterfall import plan_waterfall as plan_waterfall
    from retention.kpis.subscriptions.resurrected import resurrected_share as resurrected_share
    from retention.kpis.subscriptions.revenue_churn import (
        logo_and_revenue_churn as logo_and_revenue_churn,
    )
    from retention.kpis.subscriptions.seat_expansion import seat_expansion as seat_expansion
    from retention.kpis.subscriptions.voluntary_churn import voluntary_churn as voluntary_churn
    from retention.kpis.voice.before_leaving import voice_by_outcome as voice_by_outcome
    from retention.kpis.voice.intentions import repeat_behaviour as repeat_behaviour
    from retention.kpis.voice.voice_kpis import voice_kpis as voice_kpis

_HOMES = {
    "active_customers": "buyers.active_customers",
    "annualise": "churn.rates",
    "average_retention": "cohorts.cohort_retention",
    "churn_bridge": "churn.bridge",
    "churn_by": "outcome.rates",
    "churn_by_tenure": "subscriptions.followed.churn_by_tenure",
    "churn_rate": "churn.rates",
    "churned_customers": "churn.churned_customers",
    "cohort_retention": "cohorts.cohort_retention",
    "contraction_before_leaving": "subscriptions.contraction_first",
    "cost_kpis": "costs.retention_costs",
    "cost_to_serve": "costs.serving",
    "customer_movements": "revenue.movements",
    "dunning_recovery": "subscriptions.followed.dunning_recovery",
    "explain_difference": "churn.explain",
    "gross_revenue_retention": "revenue.rates",
    "lifecycle_states": "cohorts.lifecycle",
    "logo_and_revenue_churn": "subscriptions.revenue_churn",
    "logo_churn": "revenue.rates",
    "market_share": "market.market_share",
    "net_revenue_retention": "revenue.rates",
    "outcome_kpis": "outcome.rates",
    "plan_migrations": "subscriptions.plans.plan_migrations",
    "plan_waterfall": "subscriptions.plans.plan_waterfall",
    "profit_adjusted_retention": "outcome.rates",
    "quick_ratio": "revenue.rates",
    "repeat_behaviour": "voice.intentions",
    "repeat_rate": "buyers.repeat_rate",
    "resurrected_share": "subscriptions.resurrected",
    "retention_by_service": "service.rates",
    "retention_rate": "outcome.rates",
    "revenue_movements": "revenue.movements",
    "rolling_retention": "outcome.rolling",
    "sales_adjusted_retention": "outcome.rates",
    "seat_expansion": "subscriptions.seat_expansion",
    "service_availability": "service.availability",
    "service_kpis": "service.rates",
    "share_of_wallet": "market.share_of_wallet",
    "strategic_customers": "costs.strategic",
    "target_customers": "churn.bridge",
    "time_to_next_order": "buyers.time_to_next_order",
    "trial_conversion": "subscriptions.followed.trial_conversion",
    "unallocated_costs": "costs.serving",
    "voice_by_outcome": "voice.before_leaving",
    "voice_kpis": "voice.voice_kpis",
    "voluntary_churn": "subscriptions.voluntary_churn",
    "win_back": "cohorts.lifecycle",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

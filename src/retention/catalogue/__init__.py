"""What each figure means, as data: docs, axis labels, report wording and property tests read it.

A record a figure. A figure is a column that some function of the library gives under that name, or
what stands in the column `figure` of a table that has a row for each.
"""

from __future__ import annotations

from retention.catalogue.asked.buyer_figures import BUYER_FIGURES
from retention.catalogue.asked.subscription_figures import SUBSCRIPTION_FIGURES
from retention.catalogue.benchmarks.own_figures import OWN_FIGURES
from retention.catalogue.benchmarks.published_figures import PUBLISHED_FIGURES
from retention.catalogue.bridge_figures import BRIDGE_FIGURES
from retention.catalogue.economics.programme_figures import PROGRAMME_FIGURES
from retention.catalogue.economics.tenure_figures import TENURE_FIGURES
from retention.catalogue.economics.value_figures import VALUE_FIGURES
from retention.catalogue.experiments.arm_figures import ARM_FIGURES
from retention.catalogue.experiments.effect_figures import EFFECT_FIGURES
from retention.catalogue.experiments.plan_figures import PLAN_FIGURES
from retention.catalogue.experiments.response_figures import RESPONSE_FIGURES
from retention.catalogue.lifetime_figures import SURVIVAL_FIGURES
from retention.catalogue.operation_figures import OPERATION_FIGURES
from retention.catalogue.outcome_figures import OUTCOME_FIGURES
from retention.catalogue.reason_figures import REASON_FIGURES
from retention.catalogue.record import Figure
from retention.catalogue.repeat_buying_figures import REPEAT_BUYING_FIGURES
from retention.catalogue.revenue_figures import REVENUE_FIGURES
from retention.catalogue.signals.alarm_figures import ALARM_FIGURES
from retention.catalogue.signals.daily_figures import DAILY_FIGURES
from retention.catalogue.signals.feature_figures import FEATURE_FIGURES
from retention.catalogue.signals.group_figures import GROUP_FIGURES
from retention.catalogue.signals.scan_figures import SCAN_FIGURES
from retention.catalogue.targeting.holdout_figures import HOLDOUT_FIGURES
from retention.catalogue.targeting.offer_figures import OFFER_FIGURES
from retention.catalogue.voice_figures import VOICE_FIGURES
from retention.errors import ColumnError

__all__ = ["FIGURES", "Figure", "figure"]

FIGURES: tuple[Figure, ...] = (
    *OUTCOME_FIGURES,
    *REVENUE_FIGURES,
    *BRIDGE_FIGURES,
    *VOICE_FIGURES,
    *OPERATION_FIGURES,
    *SURVIVAL_FIGURES,
    *REASON_FIGURES,
    *REPEAT_BUYING_FIGURES,
    *TENURE_FIGURES,
    *VALUE_FIGURES,
    *PROGRAMME_FIGURES,
    *FEATURE_FIGURES,
    *ALARM_FIGURES,
    *SCAN_FIGURES,
    *DAILY_FIGURES,
    *GROUP_FIGURES,
    *PLAN_FIGURES,
    *ARM_FIGURES,
    *EFFECT_FIGURES,
    *RESPONSE_FIGURES,
    *OFFER_FIGURES,
    *HOLDOUT_FIGURES,
    *BUYER_FIGURES,
    *OWN_FIGURES,
    *PUBLISHED_FIGURES,
    *SUBSCRIPTION_FIGURES,
)


def figure(name: str) -> Figure:
    """The record of one figure.

    Raises:
        ColumnError: if there is no figure of that name, with the nearest one.

    Example:
        >>> import retention as rt
        >>> rt.catalogue.figure("churn_rate").better
        'lower'
    """
    for record in FIGURES:
        if record.name == name:
            return record
    raise ColumnError.unknown("figure", name, [record.name for record in FIGURES])

"""What each figure means, as data: docs, axis labels, report wording and property tests read it.

A record a figure. A figure is a column that some function of the library gives under that name, or
what stands in the column `figure` of a table that has a row for each.
"""

from __future__ import annotations

from retention.catalogue.bridges import BRIDGE_FIGURES
from retention.catalogue.lifetimes import SURVIVAL_FIGURES
from retention.catalogue.operations import OPERATION_FIGURES
from retention.catalogue.outcome import OUTCOME_FIGURES
from retention.catalogue.reasons import REASON_FIGURES
from retention.catalogue.record import Figure
from retention.catalogue.repeat_buying import REPEAT_BUYING_FIGURES
from retention.catalogue.revenue import REVENUE_FIGURES
from retention.catalogue.voice import VOICE_FIGURES
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
)


def figure(name: str) -> Figure:
    """The record of one figure.

    Raises:
        ColumnError: if there is no figure of that name, with the nearest one.

    Example:
        >>> import retention as rt
        >>> rt.figure("churn_rate").better
        'lower'
    """
    for record in FIGURES:
        if record.name == name:
            return record
    raise ColumnError.unknown("figure", name, [record.name for record in FIGURES])

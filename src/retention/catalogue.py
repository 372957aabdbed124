"""What each figure means, as data: docs, axis labels, report wording and property tests read it.

A record a figure. A figure is a column that some function of the library gives under that name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retention.errors import ColumnError

__all__ = ["FIGURES", "Figure", "figure"]

_BUTTLE = "Buttle (2009), Customer Relationship Management, 2nd ed., ch. 9"


@dataclass(frozen=True, slots=True)
class Figure:
    """The meaning of one figure.

    Attributes:
        name: the column that holds it.
        label: how people write it, on an axis or in a sentence.
        unit: "share of 1", "currency", "customers", "days".
        better: "higher", "lower" or "neither".
        low: the least it can be, None if there is none.
        high: the most it can be, None if there is none.
        formula: how it is computed, each symbol explained.
        made_by: the function that gives it.
        source: where the definition stands.
    """

    name: str
    label: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    low: float | None
    high: float | None
    formula: str
    made_by: str
    source: str


_RATE_SYMBOLS = (
    "B: customers active in the base period; R: those of B active lag periods later; "
    "s0, s1 (p0, p1): a customer's sales (profit) in the base and the later period"
)

FIGURES: tuple[Figure, ...] = (
    Figure(
        name="retention_rate",
        label="Raw retention rate",
        unit="share of 1",
        better="higher",
        low=0.0,
        high=1.0,
        formula=f"|R| / |B|. {_RATE_SYMBOLS}",
        made_by="retention_rate",
        source=_BUTTLE,
    ),
    Figure(
        name="churn_rate",
        label="Customer churn rate",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"1 − |R| / |B|. {_RATE_SYMBOLS}",
        made_by="retention_rate, churn_by",
        source=_BUTTLE,
    ),
    Figure(
        name="sales_adjusted_retention",
        label="Sales-adjusted retention rate",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=(
            "Σ_R s0 / Σ_B s0 (basis base), Σ_R s1 / Σ_B s0 (current), "
            f"Σ_R min(s0, s1) / Σ_B s0 (capped). {_RATE_SYMBOLS}"
        ),
        made_by="sales_adjusted_retention",
        source=_BUTTLE,
    ),
    Figure(
        name="sales_adjusted_churn",
        label="Sales-adjusted churn rate",
        unit="share of 1",
        better="lower",
        low=None,
        high=None,
        formula="1 − sales-adjusted retention",
        made_by="sales_adjusted_retention, churn_by",
        source=_BUTTLE,
    ),
    Figure(
        name="profit_adjusted_retention",
        label="Profit-adjusted retention rate",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=f"Σ_R p0 / Σ_B p0 (basis base), Σ_R p1 / Σ_B p0 (current). {_RATE_SYMBOLS}",
        made_by="profit_adjusted_retention",
        source=_BUTTLE,
    ),
    Figure(
        name="profit_adjusted_churn",
        label="Profit-adjusted churn rate",
        unit="share of 1",
        better="lower",
        low=None,
        high=None,
        formula="1 − profit-adjusted retention",
        made_by="profit_adjusted_retention, churn_by",
        source=_BUTTLE,
    ),
    Figure(
        name="share_of_wallet",
        label="Share of wallet",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula="Σ sales / Σ wallet over the active customers whose category spending is known",
        made_by="share_of_wallet",
        source=_BUTTLE,
    ),
    Figure(
        name="retained_share_of_wallet",
        label="Share of wallet of retained customers",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula="share of wallet over those who were active lag periods before as well",
        made_by="share_of_wallet",
        source=_BUTTLE,
    ),
    Figure(
        name="lost_share",
        label="Share of customers called lost",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="called lost at some time / customers whose first order is at least gap days old",
        made_by="gap_table",
        source="a convention of practice",
    ),
    Figure(
        name="came_back_share",
        label="Share of those called lost who came back",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="ordered again by as_of / called lost at some time",
        made_by="gap_table",
        source="a convention of practice",
    ),
    Figure(
        name="false_churn_rate",
        label="False churn rate of a gap",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula="ordered within so many days of being called lost / called lost that long ago",
        made_by="gap_table",
        source="a convention of practice",
    ),
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

"""The figures of customers, sales and profit kept, and of rules for silence."""

from __future__ import annotations

from retention.catalogue.record import Figure

_BUTTLE = "Buttle (2009), Customer Relationship Management, 2nd ed., ch. 9"

_RATE_SYMBOLS = (
    "B: customers active in the base period; R: those of B active lag periods later; "
    "s0, s1 (p0, p1): a customer's sales (profit) in the base and the later period"
)

OUTCOME_FIGURES: tuple[Figure, ...] = (
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

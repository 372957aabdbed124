"""The figures of revenue that comes, grows, shrinks and goes."""

from __future__ import annotations

from retention.catalogue.record import Figure

_SYMBOLS = (
    "B: customers of the base period; R: those of B still there lag periods later; s0, s1: a "
    "customer's sales in the base and the later period"
)

REVENUE_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="net_revenue_retention",
        label="Net revenue retention",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=f"Σ_R s1 / Σ_B s0. {_SYMBOLS}",
        made_by="net_revenue_retention",
        conventions=("lag", "reactivation", "contraction", "path", "renewals"),
        source="practice of subscription firms; there is no standard",
    ),
    Figure(
        name="gross_revenue_retention",
        label="Gross revenue retention",
        unit="share of 1",
        better="higher",
        low=None,
        high=None,
        formula=f"Σ_R min(s0, s1) / Σ_B s0. {_SYMBOLS}",
        made_by="gross_revenue_retention",
        conventions=("lag", "path", "renewals"),
        source="practice of subscription firms; there is no standard",
    ),
    Figure(
        name="logo_churn",
        label="Logo churn",
        unit="share of 1",
        better="lower",
        low=None,
        high=1.0,
        formula=f"1 − |R| / |B|. {_SYMBOLS}",
        made_by="logo_churn, logo_and_revenue_churn",
        conventions=("lag", "reactivation", "path", "renewals"),
        source="practice of subscription firms; there is no standard",
    ),
    Figure(
        name="quick_ratio",
        label="Quick ratio",
        unit="times",
        better="higher",
        low=None,
        high=None,
        formula="(new + reactivated + expansion) / (contraction + churned), in currency",
        made_by="quick_ratio",
        conventions=("lag", "reactivation"),
        source="Hamid, M., Social Capital: the quick ratio of growth",
    ),
)

"""The figures of why churn changed, and who it is that leaves."""

from __future__ import annotations

from retention.catalogue.record import Figure

_SYMBOLS = (
    "w: a segment's share of the base; r: its churn rate; 0, 1: the earlier and the later period; "
    "c: the mean of the two total rates"
)
_PRACTICE = "a decomposition of practice; the halves of the interaction go to rate and mix alike"
_REICHHELD = "after Reichheld (1996), The Loyalty Effect: it is the defection of target customers"


def _effect_figure(name: str, label: str, formula: str) -> Figure:
    return Figure(
        name=name,
        label=label,
        unit="difference of shares",
        better="lower",
        low=-1.0,
        high=1.0,
        formula=f"{formula}. {_SYMBOLS}",
        made_by="churn_bridge",
        source=_PRACTICE,
        conventions=("apart", "overlap", "lag"),
    )


def _group_figure(name: str, label: str, who: str) -> Figure:
    return Figure(
        name=name,
        label=label,
        unit="share of 1",
        better="lower",
        low=0.0,
        high=1.0,
        formula=f"churned of {who} / {who} in the base period",
        made_by="target_customers",
        source=_REICHHELD,
        conventions=("target", "lag"),
    )


BRIDGE_FIGURES: tuple[Figure, ...] = (
    _effect_figure("rate_effect", "Effect of the segment's own rate", "(w0 + w1) / 2 · (r1 − r0)"),
    _effect_figure(
        "mix_effect", "Effect of the segment's weight", "(w1 − w0) · ((r0 + r1) / 2 − c)"
    ),
    _effect_figure("new_effect", "Effect of a new segment", "w1 · (r1 − c)"),
    _effect_figure(
        "overlap_effect", "Effect of customers in several segments", "change of the firm − total"
    ),
    _effect_figure("gone_effect", "Effect of a segment that went", "−w0 · (r0 − c)"),
    _group_figure(
        "target_churn_rate", "Churn rate of target customers", "the customers one wants to keep"
    ),
    _group_figure("rest_churn_rate", "Churn rate of the rest", "the other customers"),
)

"""The figures of rankings and rules on holdouts."""

from __future__ import annotations

from retention.catalogue.record import Figure

_VERBRAKEN = (
    "Verbraken, Verbeke and Baesens (2013), IEEE Transactions on Knowledge and Data Engineering "
    "25, 961–973"
)
_SYMBOLS = "P(q): profit per customer of a holdout if the top q of a ranking is made the offer"
_MADE_BY = "profit_curve, maximum_profit, expected_maximum_profit"

HOLDOUT_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="profit_everyone",
        label="Profit per customer if everyone is made the offer",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"P(1). {_SYMBOLS}",
        made_by=_MADE_BY,
        source=_VERBRAKEN,
        conventions=("offer", "value"),
    ),
    Figure(
        name="profit_random",
        label="Profit per customer if a list is drawn by lot",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"q P(1). {_SYMBOLS}",
        made_by="profit_curve, maximum_profit",
        source=_VERBRAKEN,
        conventions=("offer", "value"),
    ),
    Figure(
        name="success_assumed",
        label="Share of leavers whom the offer is assumed to keep",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula="mean of γ over customers; assumed, not measured",
        made_by=_MADE_BY,
        source=_VERBRAKEN,
        conventions=("offer",),
    ),
    Figure(
        name="rule_profit",
        label="Profit of a rule per customer",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=(
            "q (Ȳ_t − Ȳ_c) − cost. q: share of customers on the rule's list; Ȳ: mean value kept of "
            "the treated and of the control on it; cost: of making the offer and of those who take "
            "it"
        ),
        made_by="rule_profit",
        source="Hitsch, Misra and Zhang (2024), Quantitative Marketing and Economics 22",
        conventions=("time", "taken"),
    ),
)

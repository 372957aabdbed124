"""The figures of holdouts."""

from __future__ import annotations

from retention.catalogue.record import Figure

HOLDOUT_FIGURES: tuple[Figure, ...] = (
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

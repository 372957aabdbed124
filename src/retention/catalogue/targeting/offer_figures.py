"""The figures of offers and lists."""

from __future__ import annotations

from retention.catalogue.record import Figure

_NESLIN = "Neslin and others (2006), Journal of Marketing Research 43, 204–211"
_SYMBOLS = (
    "p: chance to leave; V: value of a saved one; of the offer f: making, d: taking, γ: success, "
    "α: stayers_taking, β: stayers_lost"
)

OFFER_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="expected_profit",
        label="Expected profit of an offer",
        unit="currency",
        better="higher",
        low=None,
        high=None,
        formula=f"p γ (V − d) − (1 − p) ((1 − β) α d + β V) − f. {_SYMBOLS}",
        made_by="offer_profit, offer_list",
        source=_NESLIN,
        conventions=("uplift",),
    ),
    Figure(
        name="expected_cost",
        label="Expected cost of an offer",
        unit="currency",
        better="lower",
        low=0.0,
        high=None,
        formula=f"f + d (p γ + α (1 − p) (1 − β)). {_SYMBOLS}",
        made_by="offer_list",
        source=_NESLIN,
    ),
    Figure(
        name="break_even_risk",
        label="Risk from which on an offer pays",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula=(
            "((1 − β) α d + β V + f) / (γ (V − d) + (1 − β) α d + β V), null where none from 0 to "
            f"1 parts profit from loss. {_SYMBOLS}"
        ),
        made_by="offer_profit",
        source=_NESLIN,
    ),
)

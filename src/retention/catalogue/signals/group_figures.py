"""The figures of segments and of moves between them."""

from __future__ import annotations

from retention.catalogue.record import Figure

_TREND = (
    "Goodhardt and Ehrenberg (1967), Conditional trend analysis, Journal of Marketing Research 4, "
    "155–161"
)
_LUCK = "in two windows of T days, rates of buying Gamma(r, α) among customers, none of whom leaves"

GROUP_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="expected_share",
        label="Share that would move by chance alone",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula=f"P(a in the one, b in the other) / P(a in the one); a, b: purchases {_LUCK}",
        made_by="expected_migrations",
        source=_TREND,
        conventions=("model", "days", "cuts"),
    ),
    Figure(
        name="share_of_all",
        label="Share of all who might buy",
        unit="share of 1",
        better="neither",
        low=0.0,
        high=1.0,
        formula=f"P(a in the one, b in the other); a, b: purchases {_LUCK}",
        made_by="expected_migrations",
        source=_TREND,
        conventions=("model", "days", "cuts"),
    ),
)

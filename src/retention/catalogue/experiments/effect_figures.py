"""The figures of effects."""

from __future__ import annotations

from retention.catalogue.record import Figure

EFFECT_FIGURES: tuple[Figure, ...] = (
    Figure(
        name="variance_left",
        label="Variance that what came before leaves",
        unit="share of 1",
        better="lower",
        low=0.0,
        high=None,
        formula="variance of the difference with a slope on what came before in each arm, over "
        "that without",
        made_by="profit_effect",
        source="Lin (2013), Annals of Applied Statistics 7, 295–318",
        conventions=("before",),
    ),
)

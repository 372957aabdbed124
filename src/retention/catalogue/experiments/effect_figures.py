"""The figures of effects."""

from __future__ import annotations

from retention.catalogue.record import Figure

EFFECT_FIGURES: tuple[Figure, ...] = ()

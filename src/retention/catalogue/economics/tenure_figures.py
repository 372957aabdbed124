"""The figures of profit as customers stay."""

from __future__ import annotations

from retention.catalogue.record import Figure

TENURE_FIGURES: tuple[Figure, ...] = ()

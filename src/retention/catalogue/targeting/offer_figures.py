"""The figures of offers and lists."""

from __future__ import annotations

from retention.catalogue.record import Figure

OFFER_FIGURES: tuple[Figure, ...] = ()

"""The figures of uplift."""

from __future__ import annotations

from retention.catalogue.record import Figure

RESPONSE_FIGURES: tuple[Figure, ...] = ()

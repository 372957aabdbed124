"""The figures of programmes, and of staff and customers."""

from __future__ import annotations

from retention.catalogue.record import Figure

PROGRAMME_FIGURES: tuple[Figure, ...] = ()

"""The figures of what a customer is worth."""

from __future__ import annotations

from retention.catalogue.record import Figure

VALUE_FIGURES: tuple[Figure, ...] = ()

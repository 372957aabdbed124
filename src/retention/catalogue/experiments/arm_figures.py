"""The figures of arms: their counts and balance."""

from __future__ import annotations

from retention.catalogue.record import Figure

ARM_FIGURES: tuple[Figure, ...] = ()

"""The figures of daily lists."""

from __future__ import annotations

from retention.catalogue.record import Figure

DAILY_FIGURES: tuple[Figure, ...] = ()

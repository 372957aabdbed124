"""The figures of planning a test and of looking at it early."""

from __future__ import annotations

from retention.catalogue.record import Figure

PLAN_FIGURES: tuple[Figure, ...] = ()

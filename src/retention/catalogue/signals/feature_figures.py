"""The figures of snapshots: labels and what was known on the day."""

from __future__ import annotations

from retention.catalogue.record import Figure

FEATURE_FIGURES: tuple[Figure, ...] = ()

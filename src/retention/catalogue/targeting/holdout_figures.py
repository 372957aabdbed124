"""The figures of rankings and rules on holdouts."""

from __future__ import annotations

from retention.catalogue.record import Figure

HOLDOUT_FIGURES: tuple[Figure, ...] = ()

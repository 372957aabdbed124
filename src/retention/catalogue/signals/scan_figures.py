"""The figures of model drivers, screens and scans."""

from __future__ import annotations

from retention.catalogue.record import Figure

SCAN_FIGURES: tuple[Figure, ...] = ()

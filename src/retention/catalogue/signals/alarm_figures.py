"""The figures of alarms: how right, how early, at what cost."""

from __future__ import annotations

from retention.catalogue.record import Figure

ALARM_FIGURES: tuple[Figure, ...] = ()

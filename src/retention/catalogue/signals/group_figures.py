"""The figures of segments and of moves between them."""

from __future__ import annotations

from retention.catalogue.record import Figure

GROUP_FIGURES: tuple[Figure, ...] = ()

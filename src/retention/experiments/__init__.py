"""Experiments: how many customers, who gets what, and did it work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.experiments.response.targeting_gain import targeting_gain as targeting_gain
    from retention.experiments.response.uplift_curve import uplift_curve as uplift_curve

_HOMES = {
    "targeting_gain": "response.targeting_gain",
    "uplift_curve": "response.uplift_curve",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

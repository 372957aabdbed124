"""What an answer rests on, kept beside it, so that two answers can be compared years later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention.faces import lazy_face

if TYPE_CHECKING:
    from retention.recording.comparison import compare_runs as compare_runs
    from retention.recording.recordings import Recording as Recording
    from retention.recording.recordings import recorded as recorded

_HOMES = {
    "Recording": "recordings",
    "compare_runs": "comparison",
    "recorded": "recordings",
}

__getattr__, __dir__, __all__ = lazy_face(__name__, _HOMES)

"""Rows of an eager table, found somewhere else, flagged on the frame that the door works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention.frames import beside
from retention.loading.columns import ROW
from retention.loading.text import OURS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retention.frames import Frame
    from retention.loading.columns import Source

_MARK = f"{OURS}mark"


def with_flag(source: Source, frame: Frame, rows: NDArray[np.int64], flag: str) -> Frame:
    """The frame with a flag that holds on these rows, given by their positions."""
    backend = nw.from_native(cast("Any", source.table)).implementation
    marks = nw.from_dict({ROW: rows, _MARK: rows}, backend=cast("Any", backend)).to_native()
    joined = frame.join(beside(frame, marks, name="marks"), on=ROW, how="left")
    return joined.with_columns((~nw.col(_MARK).is_null()).alias(flag)).drop(_MARK)

"""Customers who are kept apart: a fifth, the same in every backtest, that nothing is fitted on."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Holdout = Literal["time", "customers"]
"""Who is scored: all customers, later than what was fitted on, or also none who was fitted on."""

HOLDOUTS = ("time", "customers")
"""The same, to check a keyword by."""

_FOLDS = 5


def held_out(ids: Iterable[object]) -> NDArray[np.bool_]:
    """Whether customers are among the fifth that is scored; the others are fitted on.

    A checksum of the id decides, so that neither the order of rows nor the day matters.
    """
    chosen = [zlib.crc32(str(each).encode()) % _FOLDS == 0 for each in ids]
    return np.array(chosen, np.bool_)

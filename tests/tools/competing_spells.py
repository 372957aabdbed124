"""Spells that end for one of two reasons, made without chance, so that R can be asked of them."""

from __future__ import annotations

import numpy as np
import pandas as pd


def in_r():
    """60 spells without chance."""
    i = np.arange(60)
    return pd.DataFrame(
        {
            "duration": 1 + (i * 7 + i // 5 * 3) % 13,
            "churned": i % 4 != 1,
            "reason": np.where((i * 5 + i // 4) % 7 < 3, "price", "rival"),
            "x": ((i * 13) % 17 - 8) / 8,
            "z": (i * 3 + i // 7) % 5 < 2,
            "plan": np.array(["a", "b"])[(i * i // 3) % 2],
        }
    )

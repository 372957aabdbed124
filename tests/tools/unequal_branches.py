"""Branches of very unequal size whose staff and customers hang together as is known."""

from __future__ import annotations

import numpy as np
import pandas as pd


def drawn_branches(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, float]:
    """Three small branches to each large one; staff's turnover takes customers along.

    Returns:
        What is seen of them in one period, and the correlation of the true rates.
    """
    small = n * 3 // 4
    size = np.r_[rng.integers(20, 60, small), rng.integers(800, 2_000, n - small)]
    staff = np.maximum(size // 40, 3)
    turnover = np.clip(rng.normal(0.25, 0.10, n), 0.02, 0.9)
    kept = np.clip(0.85 - 0.4 * (turnover - 0.25) + rng.normal(0, 0.03, n), 0.3, 0.99)
    seen = {
        "branch": [f"b{i}" for i in range(n)],
        "step": 0,
        "n_customers": size,
        "turnover": rng.binomial(staff, turnover) / staff,
        "retention": rng.binomial(size, kept) / size,
    }
    return pd.DataFrame(seen), float(np.corrcoef(turnover, kept)[0, 1])


def branches(rng: np.random.Generator, n: int, n_periods: int) -> pd.DataFrame:
    """The same over several periods, in which branches change, and all change together."""
    size = np.maximum(20, np.exp(rng.normal(5, 0.8, n))).astype(int)[:, None]
    size = np.repeat(size, n_periods, axis=1)
    staff = np.maximum(size // 40, 3)
    year = np.linspace(-0.03, 0.03, n_periods)
    shape = (n, n_periods)
    leaves = 0.25 + rng.normal(0, 0.07, (n, 1)) + rng.normal(0, 0.07, shape) + year
    leaves = np.clip(leaves, 0.02, 0.9)
    noise = rng.normal(0, 0.03, (n, 1)) + rng.normal(0, 0.02, shape)
    kept = np.clip(0.85 - 0.4 * (leaves - 0.25) + noise + year, 0.3, 0.99)
    return pd.DataFrame(
        {
            "branch": np.repeat([f"b{i}" for i in range(n)], n_periods),
            "step": np.tile(np.arange(n_periods), n),
            "n_customers": size.ravel(),
            "staff": (1 - rng.binomial(staff, leaves) / staff).ravel(),
            "kept": (rng.binomial(size, kept) / size).ravel(),
        }
    )

"""Worlds of customers whose profit by age and whose leaving are known, as tables of tenure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

YEARS = 6.0
"""Customers begin at any moment of so many years, at whose end the books are closed."""

N_AGES = 5


def tenure_of(start: Any, life: Any, profit: Any, *, draw: Any = "all") -> pd.DataFrame:
    """A table of tenure of customers who begin at `start` and are here for `life` whole years.

    Args:
        start: years since the books were opened, one a customer.
        life: whole years.
        profit: a column a year.
        draw: to which sample each belongs.
    """
    over = np.minimum(np.floor(YEARS - start), profit.shape[1]).astype(int)
    parts = []
    for k in range(profit.shape[1]):
        here = life > k
        rows = (over > k) & (here | (k == 0))
        part = {
            "customer_id": np.flatnonzero(rows),
            "age": k + 1,
            "n_orders": 1,
            "sales": profit[rows, k] * 2,
            "profit": profit[rows, k],
            "here": here[rows],
            "n_complete": over[rows],
            "draw": np.broadcast_to(np.asarray(draw), over.shape)[rows],
        }
        parts.append(pd.DataFrame(part))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(start=pd.Timestamp("2020-01-01"), first_age=1, length="year")


def small_ones_leave_sooner(n: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Starts, lives and profits: who brings little leaves soon, and from year to year it varies."""
    start, level = rng.uniform(0, YEARS, n), rng.lognormal(3.5, 0.6, n)
    life = rng.geometric(np.clip(0.35 * (33 / level), 0.02, 0.9))
    noise = rng.gamma(4, 0.25, (n, N_AGES))
    return start, life, np.repeat(level[:, None], N_AGES, axis=1) * noise

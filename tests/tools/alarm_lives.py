"""Lives and alarms by numbers of days, as tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

FIRST = pd.Timestamp("2024-01-01")


def day(number: Any) -> Any:
    """A day by its number."""
    return FIRST + pd.Timedelta(days=number)


def spells_of(lives: Any, seen_to: int = 120) -> pd.DataFrame:
    """Spells of (customer, start, end or None, segment)."""
    rows = [
        (who, day(start), pd.NaT if end is None else day(end), end is not None, segment)
        for who, start, end, segment in lives
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", "churned", "region"])
    days = [(seen_to if end is None else end) - start for _, start, end, _ in lives]
    return frame.assign(
        duration=np.array(days, np.int64),
        start=frame["start"].astype("datetime64[us]"),
        end=frame["end"].astype("datetime64[us]"),
    )


def alarms_of(rows: Any) -> pd.DataFrame:
    """Alarms of (customer, day) or (customer, day, signal)."""
    told = [(row[0], day(row[1]), row[2] if len(row) > 2 else "s") for row in rows]
    frame = pd.DataFrame(told, columns=["customer_id", "date", "signal"])
    return frame.assign(date=frame["date"].astype("datetime64[us]"))


def customers(n: int = 2000, days: int = 300, seed: int = 1) -> pd.DataFrame:
    """Customers who join all the time and leave, some of them on every day."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, days, n)
    end = start + rng.geometric(0.004, n)
    region = np.where(np.arange(n) % 3, "north", "south")
    lives = zip(start.tolist(), end.tolist(), region.tolist(), strict=True)
    told = [(f"c{i:04}", s, e if e <= days else None, r) for i, (s, e, r) in enumerate(lives)]
    return spells_of(told, seen_to=days)


def listed(spells: pd.DataFrame, every: int = 7, days: int = 300) -> pd.DataFrame:
    """Snapshots of who is here each week."""
    parts = [
        spells[(spells["start"] <= day(d)) & ~(spells["end"] <= day(d))].assign(as_of=day(d))
        for d in range(0, days + 1, every)
    ]
    return pd.concat(parts, ignore_index=True)[["customer_id", "as_of"]]

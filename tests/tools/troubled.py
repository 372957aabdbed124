"""Worlds in which customers get into trouble, warn of it, and leave sooner: the truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

FIRST = pd.Timestamp("2024-01-01")
SEEN = 400
HORIZON = 90
LATER = 200
"""So many days after the last one seen the world goes on, to know what became of the alarms."""


def troubled_worlds(n_worlds: int, n: int, seed: int, *, apart: int) -> dict[str, Any]:
    """Spells and alarms of many worlds, as seen on day 400, and how many alarms were right.

    Customers join faster and faster. On a day 4 in 1,000 get into trouble, of whom half are heard
    of at once; 1 in 1,000 is rung for at random. In trouble, for 60 days, 8 in 1,000 leave a day,
    else 1 in 1,000. Of a customer the first alarm counts, and each next one `apart` days after the
    last that did.
    """
    rng = np.random.default_rng(seed)
    many = n_worlds * n
    start = (SEEN * rng.random(many) ** 0.4).astype(int)
    end = np.full(many, 10**6)
    trouble, last = np.zeros(many, int), np.full(many, -(10**6))
    rung: list[tuple[Any, Any]] = []
    for day in range(SEEN + LATER):
        here = np.flatnonzero((start <= day) & (end > day))
        calm = trouble[here] == 0
        trouble[here[calm & (rng.random(here.size) < 0.004)]] = 60
        heard = (trouble[here] == 60) & (rng.random(here.size) < 0.5)
        heard |= rng.random(here.size) < 0.001
        heard &= day - last[here] >= apart
        if day < SEEN:
            last[here[heard]] = day
            rung.append((here[heard], np.full(heard.sum(), day)))
        leaving = np.where(trouble[here] == 0, 0.001, 0.008)
        end[here[rng.random(here.size) < leaving]] = day + 1
        trouble[here] = np.maximum(trouble[here] - 1, 0)
    who, when = (np.concatenate(part) for part in zip(*rung, strict=True))
    world, after, known = np.arange(many) // n, end[who] - when, end[who] <= SEEN
    right = after <= HORIZON
    closed = known | (SEEN - when >= HORIZON)
    sums = {"right": right, "closed": closed, "hit": known & right, "n": np.ones(who.size, bool)}
    counts = {name: np.bincount(world[who], flags, n_worlds) for name, flags in sums.items()}
    return {
        "spells": _spells_seen(world, start, end),
        "alarms": pd.DataFrame({"customer_id": who, "date": _day(when), "signal": "heard of"}),
        **counts,
    }


def _spells_seen(world: Any, start: Any, end: Any) -> pd.DataFrame:
    known = end <= SEEN
    spells = pd.DataFrame({"customer_id": np.arange(start.size), "world": world})
    return spells.assign(
        start=_day(start),
        end=pd.Series(_day(np.minimum(end, SEEN))).where(known),
        duration=np.minimum(end, SEEN) - start,
        churned=known,
    )


def _day(number: Any) -> Any:
    return FIRST + pd.to_timedelta(number, unit="D").astype("timedelta64[us]")


def asked_of_worlds(apart: int) -> dict[str, Any]:
    """What `alarm_kpis` is told of them."""
    return {
        "horizon": HORIZON,
        "apart": apart,
        "as_of": FIRST + pd.Timedelta(days=SEEN),
        "observed_from": FIRST,
        "silence": None,
        "by": "world",
    }

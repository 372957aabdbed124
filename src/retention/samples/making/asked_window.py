"""The days that a sample world is asked to run, and its seed."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np

from retention.errors import RetentionError, whole_number
from retention.samples.world import SimulatedDays


def simulated_window(start: str | date, as_of: str | date, seed: int) -> SimulatedDays:
    """The days from `start` to `as_of`, both included, if they are such and in this order."""
    whole_number("seed", seed, least=0)
    first, last = _day_meant("start", start), _day_meant("as_of", as_of)
    if first >= last:
        raise RetentionError(
            f"start must be before as_of; got start {first} and as_of {last}. "
            "Give an earlier start or a later as_of."
        )
    return SimulatedDays.of(first, last, int(seed))


def _day_meant(argument: str, value: str | date) -> np.datetime64:
    """The day that was meant; ISO text and dates only, since NumPy would also take 'today'."""
    try:
        day = value if isinstance(value, date) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise RetentionError(
            f"{argument} must be a day such as '2024-12-31' or datetime.date(2024, 12, 31); "
            f"got {value!r}."
        ) from None
    return np.datetime64(date(day.year, day.month, day.day), "D")

"""What the tests of spells share: Kaplan and Meier by hand, and small tables of contracts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pandas as pd

EPOCH = pd.Timestamp("1970-01-01")


def day_number(value: Any) -> int:
    """Days from 1970-01-01."""
    return (pd.Timestamp(value) - EPOCH).days


def day(number: int) -> pd.Timestamp:
    """The day with this number."""
    return EPOCH + pd.Timedelta(days=int(number))


def contracts(*rows: tuple[Any, ...], columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Contracts as (customer, start, end or None, …): further values are named by `columns`."""
    frame = pd.DataFrame(rows, columns=["customer_id", "start", "end", *columns])
    dates = {
        name: pd.to_datetime(frame[name]).astype("datetime64[us]") for name in ("start", "end")
    }
    return frame.assign(**dates)


def usable(spells: pd.DataFrame) -> pd.DataFrame:
    """The spells that are not set aside."""
    return spells[spells["set_aside"].isna()]


def named(spells: pd.DataFrame) -> pd.DataFrame:
    """The spells with "" for no reason: pandas 2 knows two missing texts, None and NaN."""
    return spells.fillna({"set_aside": ""})


def kaplan_meier(spells: pd.DataFrame, until: int, *, since: int = -1) -> Fraction:
    """The share lasting beyond `until` of those that lasted beyond `since`, in counts of spells.

    A spell is at risk at t if entry < t ≤ duration (from its start where entry is missing); at
    equal durations ends come before censorings.
    """
    lasting = Fraction(1)
    entry = spells["entry"].fillna(-1)
    for t in sorted(set(spells.loc[spells["churned"], "duration"])):
        if since < t <= until:
            at_risk = ((entry < t) & (spells["duration"] >= t)).sum()
            ended = ((entry < t) & (spells["duration"] == t) & spells["churned"]).sum()
            lasting *= 1 - Fraction(int(ended), int(at_risk)) if at_risk else 1
    return lasting

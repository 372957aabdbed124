"""What the tests of churn share: small files of contracts, their spells, and days of renewal."""

from __future__ import annotations

import pandas as pd
from hypothesis import strategies as st

import retention as rt
from lasting import contracts, day

JANUARY = {"freq": "month", "as_of": "2024-02-01"}


def hundred_and_twenty():
    """Start 100; 8 cancel, of whom 2 return; 20 join, of whom 4 cancel: all within January."""
    base = [(f"b{i}", "2023-12-01", "2024-01-15" if i < 8 else None) for i in range(100)]
    back = [(f"b{i}", "2024-01-25", None) for i in range(2)]
    new = [(f"j{i}", "2024-01-10", "2024-01-28" if i < 4 else None) for i in range(20)]
    return contracts(*base, *back, *new)


def spells_of(frame, as_of="2024-02-01", **kwargs):
    """Spells of contracts without a grace period."""
    return rt.contract_spells(frame, as_of=as_of, grace=0, **kwargs)


def dues(*days):
    """Renewal days as (customer, day)."""
    frame = pd.DataFrame(days, columns=["customer_id", "date"])
    return frame.assign(date=pd.to_datetime(frame["date"]).astype("datetime64[us]"))


def day_of_step(step, freq):
    """The first day of a period."""
    if freq == "week":
        return day(step * 7 - 3)
    return pd.Timestamp(year=step // 12, month=step % 12 + 1, day=1)


some_day = st.dates(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-03-31").date())

near_opening = st.sampled_from(["2024-01-31", "2024-02-01", "2024-02-02", "2024-03-01"])

stay = st.tuples(
    st.sampled_from(["Ann", "Bob", "Cem"]),
    st.one_of(some_day, near_opening),
    st.sampled_from([1, 2, 5, 14, 31, 60, None]),
    st.sampled_from(["north", "south"]),
)


def a_file(stays):
    """Contracts from (customer, first day, days or None, region)."""
    rows = [
        (who, start, None if n is None else pd.Timestamp(start) + pd.Timedelta(days=n), region)
        for who, start, n, region in [("Zoe", "2024-01-01", 20, "north"), *stays]
    ]
    return contracts(*rows, columns=("region",))

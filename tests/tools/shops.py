"""Small named shops, so that a test reads as a sentence."""

from __future__ import annotations

from typing import Any

import pandas as pd


def orders(*lines: tuple[Any, ...], columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Order lines as (customer, day, sales, …): further values are named by `columns`."""
    frame = pd.DataFrame(lines, columns=["customer_id", "date", "sales", *columns])
    return frame.assign(
        date=pd.to_datetime(frame["date"], format="ISO8601").astype("datetime64[us]"),
        sales=frame["sales"].astype(float),
    )


def everyone_stays() -> pd.DataFrame:
    """Two customers buy in January and February 2024."""
    days = ("2024-01-01", "2024-02-10")
    return orders(*((name, day, 10) for name in ("Ann", "Bob") for day in days))


def everyone_leaves() -> pd.DataFrame:
    """Two customers buy in January 2024, another one in February."""
    return orders(("Ann", "2024-01-01", 10), ("Bob", "2024-01-31", 5), ("Cem", "2024-02-20", 5))


def a_month_with_nobody() -> pd.DataFrame:
    """Ann buys in January and March 2024; in February nobody buys."""
    return orders(("Ann", "2024-01-01", 10), ("Ann", "2024-03-25", 10))


def new_year_week() -> pd.DataFrame:
    """Ann buys in the last week of 2024, which ends in 2025, and in the one after."""
    return orders(("Ann", "2024-12-30", 10), ("Ann", "2025-01-05", 5), ("Ann", "2025-01-06", 5))


def refund_only() -> pd.DataFrame:
    """Bob buys in January and only returns in February; Ann buys in both."""
    return orders(
        ("Ann", "2024-01-01", 10),
        ("Ann", "2024-02-27", 10),
        ("Bob", "2024-01-20", 20),
        ("Bob", "2024-02-03", -20),
    )


def same_day_twice() -> pd.DataFrame:
    """Ann buys twice on one day, in two orders."""
    return orders(
        ("Ann", "2024-01-01", 10, "o1"), ("Ann", "2024-01-01", 5, "o2"), columns=("order_id",)
    )


def buttle_example() -> pd.DataFrame:
    """Five customers with sales 500, 200, 150, 100, 50; the largest leaves."""
    s0, s1 = (500, 200, 150, 100, 50), (0, 260, 150, 40, 90)
    p0, p1 = (50, 60, 40, -10, 10), (0, 80, 40, -30, 25)
    first = [(f"c{i}", "2024-01-01", s0[i], p0[i]) for i in range(5)]
    later = [(f"c{i}", "2024-02-27", s1[i], p1[i]) for i in range(5) if s1[i]]
    return orders(*first, *later, columns=("profit",))

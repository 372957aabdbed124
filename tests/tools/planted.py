"""Random companies, days and windows, honest features of them, and leaks to plant beside these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import retention as rt

PLANTED = ("sales_total", "n_orders_total", "basket_total", "average_gap_total")
"""Columns over the whole log, which nobody knew on the day."""

Build = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Drawn:
    """One random question.

    Attributes:
        orders: the log, from 2022 to 2024.
        day: the day of the snapshots.
        window: days of the features' window, and of the label.
        active: within how many days customers had bought.
    """

    orders: pd.DataFrame
    day: pd.Timestamp
    window: int
    active: int


def draw_of_build(seed: int) -> Drawn:
    """A question from a seed: a company of 30 to 150 customers, somewhere in two years."""
    draw = np.random.default_rng(seed)
    orders = rt.sample_company(int(draw.integers(30, 151)), seed=seed).orders
    day = pd.Timestamp("2022-07-01") + pd.Timedelta(days=int(draw.integers(0, 850)))
    return Drawn(orders, day, int(draw.integers(7, 120)), int(draw.integers(60, 400)))


def honest_features(drawn: Drawn) -> Build:
    """Features through snapshots and purchase_features."""

    def build(tables: dict[str, Any], day: Any) -> Any:
        orders = tables["orders"]
        seen = rt.signals.snapshots(orders, dates=day, active_within=drawn.active)
        return rt.signals.purchase_features(seen, orders, window=drawn.window, category="category")

    return build


def with_leaks(drawn: Drawn) -> Build:
    """The same, with columns over the whole log beside them."""

    def build(tables: dict[str, Any], day: Any) -> Any:
        made = honest_features(drawn)(tables, day)
        return made.merge(sums_of_whole_log(tables["orders"]), on="customer_id", how="left")

    return build


def sums_of_whole_log(orders: pd.DataFrame) -> pd.DataFrame:
    """What a query without a date gives of each customer."""
    whole = orders.groupby("customer_id")
    days = whole["date"].agg(lambda each: (each.max() - each.min()).days)
    made = {
        "sales_total": whole["sales"].sum(),
        "n_orders_total": whole.size(),
        "basket_total": whole["sales"].mean(),
        "average_gap_total": days / (whole.size() - 1).clip(lower=1),
    }
    return pd.DataFrame(made).reset_index()

"""How often the bounds of profit by tenure hold the truth, age by age.

    python tests/benchmarks/economics.py                        # 4,000 samples of 800 customers
    python tests/benchmarks/economics.py --draws 1000 --customers 300 --seed 2

Customers begin at any moment of six years, at whose end the books are closed. Who brings little
leaves soon (leaving is geometric, its chance falls with the customer's level), and what a customer
brings varies from year to year around that level: nobody grows. The truth is the mean of four
million such customers. All samples are asked at once, as segments of one table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import ages

MANY = 4_000_000
DISCOUNT = 0.1
PARTS = 8


def true_means(seed: int) -> Any:
    """The mean profit at each age of all who began, gone or not."""
    rng, total = np.random.default_rng(seed), np.zeros(ages.N_AGES)
    for _ in range(PARTS):
        _, life, profit = ages.small_ones_leave_sooner(MANY // PARTS, rng)
        total += np.where(life[:, None] > np.arange(ages.N_AGES), profit, 0.0).sum(axis=0)
    return total / MANY


def share_held(rows: Any, bounds: tuple[str, str], truth: float) -> str:
    """Of the samples that have bounds, the share whose bounds hold the truth, and their number."""
    low, high = (rows[name] for name in bounds)
    known = low.notna()
    if not known.any():
        return f"{'–':>5} of {0:>5,}"
    held = ((low <= truth) & (high >= truth))[known].mean()
    return f"{held:5.3f} of {known.sum():>5,}"


def main() -> None:
    """Draw, ask and print."""
    import retention as rt

    asked = argparse.ArgumentParser()
    for name, default in (("draws", 4_000), ("customers", 800), ("seed", 1)):
        asked.add_argument(f"--{name}", type=int, default=default)
    said = asked.parse_args()
    means = true_means(said.seed)
    sums = np.cumsum(means * (1 + DISCOUNT) ** -np.arange(float(ages.N_AGES)))
    rng = np.random.default_rng(said.seed + 1)
    start, life, profit = ages.small_ones_leave_sooner(said.draws * said.customers, rng)
    draw = np.repeat(np.arange(said.draws), said.customers)
    tenure = ages.tenure_of(start, life, profit, draw=draw)
    by_age = rt.economics.profit_by_tenure(tenure, by="draw")
    lifetime = rt.economics.lifetime_profit(
        tenure, discount=DISCOUNT, acquisition_cost=0.0, timing="start", by="draw"
    )
    print(f"{said.draws:,} samples of {said.customers:,} customers: bounds that hold the truth")
    print("age   lifetime profit      per customer won     growth (truth 0)   true lifetime profit")
    for age in range(1, ages.N_AGES + 1):
        sum_rows, rows = (table[table["age"] == age] for table in (lifetime, by_age))
        cells = (
            share_held(sum_rows, ("lower", "upper"), sums[age - 1]),
            share_held(rows, ("acquired_lower", "acquired_upper"), means[age - 1]),
            share_held(rows, ("growth_lower", "growth_upper"), 0.0),
        )
        print(f"{age:>3}   " + "      ".join(cells) + f"      {sums[age - 1]:8.2f}")


if __name__ == "__main__":
    main()

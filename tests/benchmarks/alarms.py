"""Whether what is said of alarms is true, where the truth is known.

    python tests/benchmarks/alarms.py                     # 1,000 worlds of 1,500 customers: minutes
    python tests/benchmarks/alarms.py --worlds 100 --customers 3000 --seed 2

First, of alarms of which many are still open: their true precision, that of `alarm_kpis`
(Kaplan–Meier), that of closed alarms alone, and with open ones taken for false; and how often the
bounds hold the long-run precision. Then random alarms: lift and recall against those of chance.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import troubled

PART = 50


def judged_worlds(said: argparse.Namespace, apart: int) -> pd.DataFrame:
    """A row per world: what is true of its alarms, and what is said of them."""
    import retention as rt

    parts = []
    for first in range(0, said.worlds, PART):
        many, seed = min(PART, said.worlds - first), said.seed * 1_000 + first
        made = troubled.troubled_worlds(many, said.customers, seed, apart=apart)
        found = rt.signals.alarm_kpis(
            made["alarms"], made["spells"], **troubled.asked_of_worlds(apart)
        )
        found["world"] = found["world"].astype(int)
        truths = pd.DataFrame({name: made[name] for name in ("right", "closed", "hit", "n")})
        parts.append(found.sort_values("world", ignore_index=True).join(truths))
    return pd.concat(parts, ignore_index=True)


def line_of_precision(name: str, found: pd.DataFrame) -> str:
    """Truth, what is said, what others would say, and how often the bounds hold the truth."""
    truth = (found["right"] / found["n"]).mean()
    held = ((found["lower"] <= truth) & (found["upper"] >= truth)).mean()
    closed, as_false = found["hit"] / found["closed"], found["hit"] / found["n"]
    return (
        f"{name:<16}{truth:>8.4f}{found['precision'].mean():>14.4f}{closed.mean():>14.4f}"
        f"{as_false.mean():>16.4f}{(found['n_unknown'] / found['n']).mean():>8.3f}{held:>10.3f}"
    )


def steady_spells(n: int, seed: int) -> pd.DataFrame:
    """Customers of whom as many join as leave, long before the first day and after it."""
    rng = np.random.default_rng(seed)
    start = rng.integers(-1_500, troubled.SEEN, n)
    end = start + rng.geometric(0.002, n)
    start, end = start[end > 0], end[end > 0]
    seen = np.minimum(end, troubled.SEEN)
    day = [troubled.FIRST + pd.to_timedelta(number, unit="D") for number in (start, seen)]
    known = end <= troubled.SEEN
    return pd.DataFrame({
        "customer_id": np.arange(start.size), "start": day[0],
        "end": pd.Series(day[1]).where(known), "duration": seen - start, "churned": known,
    })  # fmt: skip


def random_alarms(spells: pd.DataFrame, calls: int, apart: int) -> dict[str, Any]:
    """What is said of lots drawn by the customers of a world, a list a day."""
    import retention as rt

    days = [troubled.FIRST + pd.Timedelta(days=day) for day in range(troubled.SEEN)]
    here = [
        spells.loc[(spells["start"] <= day) & ~(spells["end"] <= day), ["customer_id"]].assign(
            as_of=day, score=0.0
        )
        for day in days
    ]
    asked = {**troubled.asked_of_worlds(apart), "by": ()}
    rang = rt.signals.ring_alarms(
        pd.concat(here, ignore_index=True), score="score", calls=calls, apart=apart, signal="lots"
    )
    found: dict[str, Any] = rt.signals.alarm_kpis(rang, spells, **asked).to_dict("records")[0]
    return found


def main() -> None:
    """Simulate, ask and print."""
    asked = argparse.ArgumentParser()
    for name, default in (("worlds", 1_000), ("customers", 1_500), ("seed", 1)):
        asked.add_argument(f"--{name}", type=int, default=default)
    said = asked.parse_args()
    print(f"{said.worlds:,} worlds of {said.customers:,} customers; alarms right within 90 days")
    print(
        f"{'alarms':<16}{'truth':>8}{'alarm_kpis':>14}{'closed only':>14}{'open as false':>16}"
        f"{'open':>8}{'covered':>10}"
    )
    for apart in (1, 90):
        name = "all" if apart == 1 else f"{apart} days apart"
        print(line_of_precision(name, judged_worlds(said, apart)), flush=True)
    growing = troubled.troubled_worlds(1, 4_000, said.seed + 77, apart=90)["spells"]
    worlds = {"steady": steady_spells(10_000, said.seed + 78), "growing": growing}
    print("\nrandom alarms, where as many join as leave, and where ever more join")
    print(f"{'base':<9}{'calls':>6}{'apart':>7}{'lift':>8}{'recall':>9}{'chance':>9}   its bounds")
    for name, spells in worlds.items():
        for calls, apart in ((5, 90), (20, 90), (20, 30), (40, 20)):
            row = random_alarms(spells, calls, apart)
            print(
                f"{name:<9}{calls:>6}{apart:>7}{row['lift']:>8.3f}{row['recall']:>9.3f}"
                f"{row['chance_recall']:>9.3f}   {row['recall_lower']:.3f} to "
                f"{row['recall_upper']:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()

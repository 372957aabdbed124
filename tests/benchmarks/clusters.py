"""How often bounds hold what is true where each customer has three spells that hang together.

    python tests/benchmarks/clusters.py [WORLDS]

Each customer draws a pace, positive stable so that hazards stay proportional over all of them, and
leaves over the price or for a rival, sooner where `x` is 1. Of the worlds the share is printed in
which bounds at .95 hold what is true, with the customers told (`cluster=`) and not, and in which
`compare_curves` at .05 tells two groups apart that chance has parted.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter

import numpy as np
import pandas as pd

import retention as rt

SPELLS, ALPHA, TIME, LONGEST = 3, 0.6, 5.0, 12
RATES = {0: {"price": 0.10, "rival": 0.05}, 1: {"price": 0.25, "rival": 0.06}}


def world(draw: np.random.Generator, n: int) -> pd.DataFrame:
    """Three spells of each of n customers, whole days, each seen for a while."""
    angle, wait = draw.uniform(0, np.pi, n), draw.exponential(size=n)
    pace = np.sin(ALPHA * angle) / np.sin(angle) ** (1 / ALPHA)
    pace *= (np.sin((1 - ALPHA) * angle) / wait) ** ((1 - ALPHA) / ALPHA)
    x, group = draw.integers(0, 2, n), draw.integers(0, 2, n)
    who = np.repeat(np.arange(n), SPELLS)
    price, rival = (np.array([RATES[i][name] for i in (0, 1)])[x] for name in ("price", "rival"))
    lasts = draw.exponential(size=who.size) / (pace * (price + rival))[who]
    seen = draw.integers(2, LONGEST + 1, who.size)  # whole days, so that no day is seen in part
    reason = np.where(draw.random(who.size) < (price / (price + rival))[who], "price", "rival")
    return pd.DataFrame({
        "customer_id": who, "duration": np.minimum(lasts, seen), "churned": lasts <= seen,
        "reason": reason, "x": x[who], "group": group[who],
    })  # fmt: skip


def share_left(x: int) -> float:
    """The true share that has left by TIME, from E e^(−s pace) = e^(−s^ALPHA)."""
    return float(1 - np.exp(-((sum(RATES[x].values()) * TIME) ** ALPHA)))


def left_over_price(x: int) -> float:
    """And over the price."""
    return share_left(x) * RATES[x]["price"] / sum(RATES[x].values())


def held(found: pd.DataFrame, truth: float) -> bool:
    """Whether the bounds of the last row by TIME hold what is true."""
    last = found[found["duration"] <= TIME].iloc[-1] if "duration" in found else found.iloc[0]
    return bool(last["lower"] <= truth <= last["upper"])


ALPHA_EFFECT = float(ALPHA * np.log(sum(RATES[1].values()) / sum(RATES[0].values())))
"""The log ratio of hazards over all customers: less than that of one customer at another x."""


def in_days(table: pd.DataFrame) -> pd.DataFrame:
    """Ends in the day in which they fall, and nobody seen for a part of a day."""
    duration, churned = table["duration"].to_numpy(), table["churned"].to_numpy()
    days = np.where(churned, np.ceil(duration), np.floor(duration)).astype(int)
    return table.assign(duration=days)


def effect_held(model: rt.survival.LifetimeModel, truth: float) -> bool:
    """Whether the bounds of its one coefficient hold what is true."""
    row = model.coefficients().iloc[0]
    return bool(row["lower"] <= truth <= row["upper"])


def seen_in_world(table: pd.DataFrame, cluster: str | None) -> dict[str, bool]:
    """Which bounds of one world hold what is true, and whether the groups seem to differ."""
    staying = 1 - (share_left(0) + share_left(1)) / 2
    curve = rt.survival_curve(table, cluster=cluster)
    ones = table[table["x"] == 1]
    hazard = rt.survival.cumulative_hazard(ones, cluster=cluster)
    causes = rt.survival.cumulative_incidence(ones, cluster=cluster)
    price = causes[causes["reason"] == "price"]
    model = rt.survival.fit_cause_specific(table, covariates="x", cluster=cluster)
    asked = pd.DataFrame({"customer_id": [0], "tenure": 0, "x": 1})
    why = rt.survival.predict_reasons(asked, model=model, times=TIME, given=None)
    compared = rt.compare_curves(table, by="group", cluster=cluster)
    aft = rt.survival.fit_aft(table, covariates="x", cluster=cluster)
    by_day = {"unit": "day", "duration_unit": "day", "link": "cloglog"}
    hazards = rt.survival.fit_hazard(in_days(table), covariates="x", cluster=cluster, **by_day)
    models = {"fit_aft": (aft, -ALPHA_EFFECT / ALPHA), "fit_hazard": (hazards, ALPHA_EFFECT)}
    return {
        "survival_curve": held(curve, staying),
        "cumulative_hazard, x 1": held(hazard, -np.log(1 - share_left(1))),
        "cumulative_incidence, x 1": held(price, left_over_price(1)),
        "predict_reasons, x 1": held(why[why["reason"] == "price"], left_over_price(1)),
        **{f"{name}, effect of x": effect_held(*one) for name, one in models.items()},
        **{
            f"predict_churn, {name}, x 1": held(
                rt.predict_churn(asked, model=one[0], within=TIME, given=None), share_left(1)
            )
            for name, one in models.items()
        },
        "compare_curves says otherwise": bool(compared["p_value"].iloc[0] < 0.05),
    }


def main() -> None:
    """A line for each function and count of customers."""
    n_worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    warnings.simplefilter("ignore", rt.errors.RetentionWarning)
    print(f"{'of ' + str(n_worlds) + ' worlds':32} {'customers':>9}  told  not told")
    for size in (40, 150):
        draw, found = np.random.default_rng(size), Counter()
        for _ in range(n_worlds):
            table = world(draw, size)
            for cluster in ("customer_id", None):
                made = seen_in_world(table, cluster)
                found.update((name, cluster) for name, yes in made.items() if yes)
        for name in made:
            told, untold = (found[name, key] / n_worlds for key in ("customer_id", None))
            print(f"{name:32} {size:9}  {told:.3f}  {untold:.3f}", flush=True)


if __name__ == "__main__":
    main()

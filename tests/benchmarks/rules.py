"""Whom to make an offer: risk is not responsiveness, and whether the bounds hold, by simulation.

    python tests/benchmarks/rules.py [--draws 1000] [--seed 1] [--n 4000]

Prints the customers saved per 1,000 offers by risk, by effect and by lot; how often the bounds of
`rule_profit`, `uplift_curve` and `targeting_gain` hold the truth (0.95 should, between 93 and 97
times in 100); how often `targeting_gain` finds something where the offer does nothing; and the
points of `uplift_curve` beside those of scikit-uplift, where that is installed.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import offered_worlds
import retention as rt
from retention.experiments import uplift_curve


def risk_and_response(n: int) -> pd.DataFrame:
    """Customers saved per 1,000 offers to 30 %, by how risk and response hang together.

    What is true of two million; and beside it what a holdout of `n` measures of the same lists.
    """
    rows = []
    for correlation in (-0.6, 0.0, 0.6):
        row = {"correlation": correlation, **offered_worlds.saved_per_thousand(correlation)}
        made = offered_worlds.holdout(n, np.random.default_rng(5), correlation=correlation)
        for name, score in (("by risk", "risk"), ("by effect", "score")):
            curve = uplift_curve(made, uplift=score, treated="offered", time=12, groups=10)
            effect, lower, upper = 1000 * curve.loc[2, ["effect", "lower", "upper"]].astype(float)
            row[f"{name}, measured"] = f"{effect:.1f} ({lower:.1f} to {upper:.1f})"
        rows.append(row)
    return pd.DataFrame(rows).round(3)


def beside_scikit_uplift(draws: int) -> str:
    """The largest difference of points where both arms are present, over tied tables."""
    if find_spec("sklift") is None:
        return "scikit-uplift is not installed: pip install scikit-uplift to compare its points."
    import sklift
    from sklift.metrics import qini_curve
    from sklift.metrics import uplift_curve as their_curve

    draw, most, points, empty = np.random.default_rng(9), 0.0, 0, 0
    for _ in range(draws):
        n = int(draw.integers(8, 400))
        score, w = draw.integers(0, 40, n) / 4, draw.integers(0, 2, n)
        y = draw.integers(0, 2, n)
        if len(set(w)) < 2:
            continue
        made = pd.DataFrame({"score": score, "w": w, "y": y})
        ours = uplift_curve(made, uplift="score", treated="w", outcome="y")
        theirs, qini = their_curve(y, score, w), qini_curve(y, score, w)
        known = np.isfinite(ours["effect"].to_numpy())
        gain = (ours["effect"] * ours["n"]).to_numpy()
        incremental = (ours["qini"] * w.sum()).to_numpy()
        apart = [np.abs(gain - theirs[1][1:]), np.abs(incremental - qini[1][1:])]
        most = max(most, *(float(each[known].max()) for each in apart))
        points, empty = points + int(known.sum()), empty + int((~known).sum())
    return (
        f"scikit-uplift {sklift.__version__}: of {points:,} points in {draws:,} tied tables the "
        f"largest difference is {most:.1e}; {empty:,} more have one arm alone, and are null here"
    )


def time_of_a_million() -> str:
    """CPU seconds of one answer of each kind on a million customers."""
    made = offered_worlds.holdout(1_000_000, np.random.default_rng(6), correlation=0.3)
    asked = offered_worlds.ASKED
    told = []
    for name, ask in {
        "uplift_curve": lambda: uplift_curve(made, outcome="stayed", **asked),
        "uplift_curve, time, 100 groups": lambda: uplift_curve(
            made.assign(duration=np.ceil(10 * made["duration"])), time=120, groups=100, **asked
        ),
        "targeting_gain": lambda: rt.experiments.targeting_gain(
            made, outcome="stayed", measure="autoc", **asked
        ),
        "rule_profit": lambda: rt.targeting.rule_profit(
            made, rules=offered_worlds.RULES, offer=offered_worlds.OFFER, treated="offered",
            share=0.5, value="value", time=12,
        ),
    }.items():  # fmt: skip
        began = time.process_time()
        ask()
        told.append(f"{name} {time.process_time() - began:.2f}")
    return "CPU seconds on a million customers: " + "; ".join(told)


def main() -> None:
    """Draw, ask, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=4000)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    print("Saved per 1,000 offers to 30 % of customers")
    print(risk_and_response(100_000).to_string(index=False), end="\n\n")
    print(beside_scikit_uplift(300), end="\n\n")
    print(time_of_a_million(), end="\n\n")
    for of in (1.0, 4.0):
        found = offered_worlds.coverage_of_bounds(asked.draws, seed=asked.seed, n=asked.n, of=of)
        print(f"Coverage, {asked.n:,} customers, effects times {of:g}, {asked.draws:,} draws")
        print(found.round(4).to_string(index=False), end="\n\n", flush=True)
    alarms = offered_worlds.false_alarms(asked.draws, seed=asked.seed + 1, n=asked.n // 2)
    print(f"The offer does nothing: {asked.n // 2:,} customers, {asked.draws:,} draws at 0.05")
    print(alarms.to_string(index=False))


if __name__ == "__main__":
    main()

"""Standardised churn and comparisons: how often bounds cover and verdicts err, and what it costs.

    python tests/benchmarks/standards.py [draws]

Draws worlds of which the truth is known, and prints for each kind of bounds how often the truth
lies within; then the CPU time of a comparison beside the plainest one of pandas.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

import retention as rt
from retention.benchmarks.published.standardised_churn import byar_bounds

_SAID = {"convention": "start_cohort", "days": 365.25}


def direct_cover(draws: int) -> None:
    """Bounds of Σ W r: from Wilson's of each segment, and ± 1.96 standard errors."""
    print("direct: how often Σ W r lies within the bounds (level .95)")
    for sizes, rates, share in (
        ((900, 100), (0.30, 0.05), (0.4, 0.6)),
        ((200, 150, 50), (0.06, 0.12, 0.30), (0.3, 0.3, 0.4)),
        ((400, 30), (0.02, 0.01), (0.5, 0.5)),
        ((40, 20, 10), (0.10, 0.05, 0.50), (0.2, 0.3, 0.5)),
    ):
        rng = np.random.default_rng(1)
        n, r, w = (np.asarray(one, float) for one in (sizes, rates, share))
        k = rng.binomial(n.astype(int), r, (draws, n.size))
        p, truth = k / n, float(w @ r)
        low, high = rt.intervals.wilson_bounds(k, np.broadcast_to(n, k.shape))
        middle = p @ w
        below = middle - np.sqrt(((w * (p - low)) ** 2).sum(axis=1))
        above = middle + np.sqrt(((w * (high - p)) ** 2).sum(axis=1))
        half = 1.96 * np.sqrt((w**2 * p * (1 - p) / n).sum(axis=1))
        ours = np.mean((below <= truth) & (truth <= above))
        plain = np.mean(np.abs(middle - truth) <= half)
        print(f"  n {sizes}, r {rates}: ours {ours:.3f}, ± 1.96 standard errors {plain:.3f}")


def indirect_cover(draws: int) -> None:
    """Bounds of O/E: Byar's, and the exact ones of a Poisson count."""
    print("indirect: how often E lies within the bounds of O (level .95)")
    for sizes, rates in (((200, 150), (0.06, 0.12)), ((900, 100), (0.40, 0.15)), ((50,), (0.04,))):
        rng = np.random.default_rng(0)
        expected = float(np.dot(sizes, rates))
        seen = rng.binomial(sizes, rates, (draws, len(sizes))).sum(axis=1)
        byar = np.array([byar_bounds(float(o)) for o in range(seen.max() + 1)])[seen]
        exact = np.column_stack(
            [np.nan_to_num(chi2.ppf(0.025, 2 * seen) / 2), chi2.ppf(0.975, 2 * seen + 2) / 2]
        )
        covers = [np.mean((b[:, 0] <= expected) & (expected <= b[:, 1])) for b in (byar, exact)]
        print(f"  E {expected:g} of {sum(sizes)}: Byar {covers[0]:.3f}, exact {covers[1]:.3f}")


def false_verdicts(draws: int) -> None:
    """How often ours is called above or below a benchmark that it is equal to."""
    print("verdicts where ours is the benchmark's rate: above or below in so many cases")
    for n, rate, half in ((1000, 0.16, 0.0), (1000, 0.16, 0.005), (200, 0.10, 0.005)):
        lost = np.random.default_rng(2).binomial(n, rate, min(draws, 4000))
        low, high = rt.intervals.wilson_bounds(lost, n)
        ours = pd.DataFrame({"n_base": n, "n_churned": lost, "churn_rate": lost / n})
        ours = ours.assign(lower=low, upper=high, draw=[str(i) for i in range(lost.size)])
        theirs = benchmark(rate, half)
        found = rt.benchmarks.compare_benchmark(ours, theirs, by="draw", **_SAID)
        print(f"  n {n}, {rate} ± {half}: {np.mean(found['verdict'] != 'cannot tell'):.4f}")


def benchmark(rate: float, half: float) -> pd.DataFrame:
    """One published rate."""
    return pd.DataFrame({
        "name": ["it"], "rate": rate, "rate_lower": rate - half, "rate_upper": rate + half,
        "days": 365.25, "convention": "start_cohort", "year": 2020, "source": "a", "standing": "a",
    })  # fmt: skip


def costs() -> None:
    """A comparison of many rates with several benchmarks, beside a cross join of pandas."""
    rng = np.random.default_rng(3)
    n = rng.integers(100, 1000, 20_000)
    lost = rng.binomial(n, 0.2)
    low, high = rt.intervals.wilson_bounds(lost, n)
    ours = pd.DataFrame({"n_base": n, "n_churned": lost, "churn_rate": lost / n})
    ours = ours.assign(lower=low, upper=high, who=[f"c{i}" for i in range(n.size)])
    theirs = pd.concat([benchmark(r, 0.005).assign(name=str(r)) for r in (0.1, 0.2, 0.3)])

    def by_library() -> Any:
        return rt.benchmarks.compare_benchmark(ours, theirs, by="who", **_SAID)

    def by_hand() -> Any:
        both = ours.merge(theirs, how="cross")
        both["difference"] = both["churn_rate"] - both["rate"]
        above = both["lower"] > both["rate_upper"]
        below = both["upper"] < both["rate_lower"]
        both["verdict"] = np.select([above, below], ["above", "below"], "cannot tell")
        return both.sort_values(["who", "name"], ignore_index=True)

    assert (by_library()["verdict"] == by_hand()["verdict"]).all()
    mine, plain = seconds(by_library), seconds(by_hand)
    print(f"20,000 rates beside 3 benchmarks: ours {mine:.3f} s, by hand {plain:.3f} s of CPU")


def seconds(work: Callable[[], Any]) -> float:
    """The least CPU time of three runs."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


if __name__ == "__main__":
    n_draws = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    direct_cover(n_draws)
    indirect_cover(n_draws)
    false_verdicts(n_draws)
    costs()

"""How often a rate lies outside its usual band while nothing has changed: worlds of three kinds.

    python tests/benchmarks/usual_bands.py [WORLDS]

In each world the true chance of staying is drawn anew for every period: the same for all
(binomial), one that moves everybody at once (overdispersed), or one of the month (seasonal, with
and without movement). The share of judged periods outside is printed beside what `level` promises.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

import retention as rt

PERIODS = 60


def worlds(
    draw: np.random.Generator, n_worlds: int, sd: float, swing: float, size: int, grows: float = 1.0
):
    """Rates of many worlds in one table: customers of a period vary by half around `size`.

    Over all periods they grow, or shrink, to so many times as many.
    """
    season = swing * np.sin(2 * np.pi * np.arange(PERIODS) / 12)
    logit = 1.4 + season + sd * draw.standard_normal((n_worlds, PERIODS))
    grown = grows ** np.linspace(0, 1, PERIODS)
    n = (draw.integers(size // 2, size * 3 // 2, (n_worlds, PERIODS)) * grown).astype(int)
    kept = draw.binomial(n, 1 / (1 + np.exp(-logit)))
    months = pd.date_range("2020-01-01", periods=PERIODS, freq="MS")
    return pd.DataFrame({
        "world": np.repeat([f"{i:05}" for i in range(n_worlds)], PERIODS),
        "period": np.tile(months, n_worlds), "n_base": n.ravel(), "n_retained": kept.ravel(),
    })  # fmt: skip


def main() -> None:
    """A line for each kind of world, size and way of asking."""
    n_worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    kinds = {
        "binomial": (0.0, 0.0, ("binomial", "none")),
        "binomial, asked as overdispersed": (0.0, 0.0, ("overdispersed", "none")),
        "overdispersed": (0.15, 0.0, ("overdispersed", "none")),
        "overdispersed, asked as binomial": (0.15, 0.0, ("binomial", "none")),
        "seasonal": (0.0, 0.4, ("binomial", "year")),
        "seasonal, asked without seasons": (0.0, 0.4, ("binomial", "none")),
        "seasonal and overdispersed": (0.15, 0.4, ("overdispersed", "year")),
    }
    print(f"{'world':34} {'size':>6} {'baseline':>13}  outside at 0.95, 0.99, 0.997")
    for name, (sd, swing, (spread, season)) in kinds.items():
        growing = (0.1, 1.0, 10.0) if name.startswith("overdispersed") else (1.0,)
        for size, grows in [(s, g) for s in (100, 1000, 5000) for g in growing]:
            table = worlds(np.random.default_rng(1), n_worlds, sd, swing, size, grows)
            for baseline in (None, 24 if season == "none" else 36):
                found = []
                for level in (0.95, 0.99, 0.997):
                    band = rt.benchmarks.usual_band(
                        table, level=level, spread=spread, season=season, baseline=baseline,
                        by="world",
                    )  # fmt: skip
                    judged = band["outside"].dropna()
                    found.append(1 - (judged == "inside").mean())
                said = "  ".join(f"{share:.4f}" for share in found)
                world = f"{name:34} {size:6} × {grows:4} {baseline or 'all'!s:>6}"
                print(f"{world}  {said}  of {len(judged):,}")


if __name__ == "__main__":
    main()

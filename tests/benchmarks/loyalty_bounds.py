"""How often the bounds of `loyalty_link` hold the truth, over a thousand draws of branches.

    python tests/benchmarks/loyalty_bounds.py

The truth is what the link is of fifty thousand branches. Bounds by redrawing units were tried as
well; they held it as rarely as 80 times in 100 where branches are unequal.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import retention as rt

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from unequal_branches import branches

DRAWS, ASKED = 1_000, {"x": "staff", "y": "kept", "by": "branch"}


def whole_truth(n_periods: int) -> pd.DataFrame:
    """The mean link of many large draws."""
    rng = np.random.default_rng(0)
    several = [
        rt.economics.loyalty_link(branches(rng, 9_000, n_periods), **ASKED) for _ in range(6)
    ]
    return pd.concat(several).groupby("comparison")[["slope", "correlation"]].mean()


def main() -> None:
    """A line for each number of branches and periods, and each comparison."""
    for n_periods in (1, 6):
        truth = whole_truth(n_periods)
        for n_units in (10, 24, 60):
            rng = np.random.default_rng(n_units)
            drawn = pd.concat(
                rt.economics.loyalty_link(branches(rng, n_units, n_periods), **ASKED)
                for _ in range(DRAWS)
            )
            for comparison, rows in drawn.groupby("comparison"):
                if rows["slope"].isna().all():
                    continue
                said = f"{n_units} branches, {n_periods} periods, {comparison}:"
                for name in ("slope", "correlation"):
                    true = truth.loc[comparison, name]
                    held = (rows[f"{name}_lower"] <= true) & (true <= rows[f"{name}_upper"])
                    said += f" {name} {true:.4f} held {held.mean():.3f}"
                print(said, flush=True)


if __name__ == "__main__":
    main()

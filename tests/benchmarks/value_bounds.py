"""How often the bounds of values and gains hold the truth, by simulation.

    python tests/benchmarks/value_bounds.py [--draws 1000] [--seed 1]

Customers leave at random at own chances, which have a beta distribution; each is watched for one
month to three years. A bound of 0.95 should hold between 93 and 97 times in 100.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from renewers import coverage_of_bounds


def main() -> None:
    """Draw, ask, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for theta, n in (((1.0, 9.0), 300), ((0.7, 3.8), 1000)):
        found = coverage_of_bounds(asked.draws, seed=asked.seed, n=n, theta=theta)
        print(f"{n} customers, θ beta{theta}, {asked.draws} draws")
        print(found.round(3).to_string(index=False), end="\n\n")


if __name__ == "__main__":
    main()

"""Planted leaks found, and none on honest builds, over random companies and days.

    python tests/benchmarks/leaks.py [--builds 200] [--seed 1]

Each build has its own company, day, window and number of customers. The honest features come
through snapshots and purchase_features; beside them four columns are planted that sum over the
whole log. Printed are how often each was found, how often an honest column was said to leak, and
what a screen by AUC alone would have said of both.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import pandas as pd

from planted import PLANTED, draw_of_build, with_leaks
from retention import signals


def main() -> None:
    """Draw, ask, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--builds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    found, screened = [], []
    for number in range(asked.builds):
        drawn = draw_of_build(asked.seed + number)
        build = with_leaks(drawn)
        tables = {"orders": drawn.orders}
        found.append(signals.leakage_check(build, tables, dates=drawn.day).assign(build=number))
        labelled = signals.label_silence(
            build(tables, drawn.day), drawn.orders, within=drawn.window, as_of="2024-12-31"
        )
        names = [column for column in found[-1]["column"] if column != "customer_id"]
        if labelled["churned"].notna().any():
            screened.append(signals.feature_screen(labelled, features=names))
    every = pd.concat(found)
    planted = every["column"].isin(PLANTED)
    print(f"{asked.builds} builds, {every['n_rows'].groupby(every['build']).max().sum():,} rows")
    print(every[planted].groupby("column")["leaks"].agg(found="sum", of="size").to_string())
    honest = every[~planted]
    n_columns, n_values = len(honest), int(honest["n_rows"].sum())
    print(f"honest: {honest['leaks'].sum()} of {n_columns:,} columns ({n_values:,} values) leak")
    screen = pd.concat(screened)
    screen["strength"] = screen["auc"].sub(0.5).abs() + 0.5
    of_planted = screen["feature"].isin(PLANTED)
    for what, part in (("planted", screen[of_planted]), ("honest", screen[~of_planted])):
        beyond = (part["strength"] > 0.95).mean()
        print(f"{what}: median AUC {part['strength'].median():.3f}, above .95 in {beyond:.1%}")


if __name__ == "__main__":
    main()

"""What `churn_scan` finds in the telecom customers that IBM published, and where nothing is.

    python tests/benchmarks/scan.py Telco-Customer-Churn.csv

The file is IBM's sample of 7,043 customers. The second part draws outcomes of which main effects
tell everything, or nothing tells anything, or few leave, and counts what is found all the same;
the last says what becomes of the best find of 800 customers.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import retention as rt
from retention import intervals
from retention.signals.scan.conditions import counted_cells
from retention.signals.scan.rows_to_scan import customers_to_scan
from retention.signals.scan.score_test import main_effects

BANDS = {"bins": [-1, 6, 12, 24, 48, 99], "labels": ["0-6", "7-12", "13-24", "25-48", "49+"]}
KEYS = ["condition", "value", "condition_2", "value_2"]
NO_CONDITIONS = ("customerID", "Churn", "tenure", "MonthlyCharges", "TotalCharges", "left")


def telco(path: str | Path) -> tuple[pd.DataFrame, list[str]]:
    """The customers, with tenure in five bands and the monthly charge in four, and the columns."""
    table = pd.read_csv(path)
    table["left"] = table["Churn"] == "Yes"
    table["tenure band"] = pd.cut(table["tenure"], **BANDS).astype(str)
    quarters = ["lowest", "low", "high", "highest"]
    table["charge band"] = pd.qcut(table["MonthlyCharges"], 4, labels=quarters).astype(str)
    table["SeniorCitizen"] = table["SeniorCitizen"].map({0: "No", 1: "Yes"})
    return table, [name for name in table if name not in NO_CONDITIONS]


def chances(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """The chance of leaving of each customer by the main effects alone."""
    rows, _ = customers_to_scan(table, "left", columns, split=False)
    cells, _ = counted_cells(rows, columns, 4)
    words = np.array(cells.value, dtype=object)[cells.met]
    keyed = pd.DataFrame(words, columns=columns).assign(chance=main_effects(cells).chance)
    return table[columns].merge(keyed, on=columns, how="left")["chance"].to_numpy()


def false_discoveries(table: pd.DataFrame, columns: list[str], draws: int, **asked: object) -> None:
    """How often something is found where there is nothing to be found."""
    pairs = asked.get("depth") == 2
    chance = chances(table, columns) if pairs else np.full(len(table), table["left"].mean())
    rng, single, some, found, n = np.random.default_rng(0), [], [], [], []
    for _ in range(draws):
        drawn = table.assign(left=rng.random(len(table)) < chance)
        scan = rt.signals.churn_scan(drawn, outcome="left", conditions=columns, **asked)
        p = scan["p_value"].dropna()
        single.append((p < 0.05).mean())
        some.append((p < 0.05).any())
        found.append(scan["differs"].any())
        n.append(scan["differs"].sum())
    what = "main effects alone, pairs" if pairs else "nothing matters, single conditions"
    print(
        f"{what}, {draws} draws: p < .05 in {np.mean(single):.4f} of rows, some p < .05 in "
        f"{np.mean(some):.3f} of draws, some q < .05 in {np.mean(found):.3f}, rows a draw "
        f"{np.mean(n):.2f}"
    )


def winners_curse(table: pd.DataFrame, columns: list[str], draws: int) -> None:
    """The best find of 800 customers, and the same among those held out and among all others."""
    rng, rows = np.random.default_rng(1), []
    asked = {"outcome": "left", "conditions": columns, "at_least": 30, "depth": 2}
    named = table.rename(columns={"customerID": "customer_id"})
    for _ in range(draws):
        place = rng.permutation(len(named))
        some, others = named.iloc[place[:800]], named.iloc[place[800:]]
        scan = rt.signals.churn_scan(some, against="rest", holdout="customers", **asked)
        best = scan.sort_values("churn_rate").dropna(subset="z").iloc[-1]
        met = others[best["condition"]] == best["value"]
        met &= others[best["condition_2"]] == best["value_2"]
        rates = (best["churn_rate"], best["confirmed_rate"], others.loc[met, "left"].mean())
        rows.append((*rates, best["n"], best["confirmed_n"]))
    found = np.nanmean(np.array(rows, float), axis=0)
    print(
        f"winner's curse, 800 customers, {draws} draws, the pair of 30 or more of whom most left: "
        "found {:.3f}, among those held out {:.3f}, among all others {:.3f} (n {:.0f}, {:.0f} held "
        "out)".format(*found)
    )


def rare_outcomes(draws: int) -> None:
    """Where few leave: single conditions and pairs of 5,000 customers that tell nothing."""
    rng, letters = np.random.default_rng(0), [0.4, 0.3, 0.2, 0.07, 0.03]
    columns = [f"c{place}" for place in range(6)]
    for rate in (0.01, 0.03, 0.1):
        found = {1: [], 2: []}
        for _ in range(draws):
            table = pd.DataFrame({c: rng.choice(list("abcde"), 5_000, p=letters) for c in columns})
            table["left"] = rng.random(5_000) < rate
            for depth, several in found.items():
                asked = {"outcome": "left", "conditions": columns, "depth": depth}
                several.append(rt.signals.churn_scan(table, **asked)["differs"].any())
        print(
            f"{rate:.0%} leave, {draws} draws: some q < .05 in {np.mean(found[1]):.3f} of draws, "
            f"of pairs in {np.mean(found[2]):.3f}"
        )


def main(path: str, draws: int = 60) -> None:
    """Print all of it."""
    table, columns = telco(path)
    asked = {"outcome": "left", "conditions": columns}
    single = rt.signals.churn_scan(table, **asked)
    print(f"telco {len(table):,}, left {table['left'].mean():.5f}")
    shown = ["condition", "value", "n", "churn_rate", "rest_rate", "difference_lower"]
    print(single[[*shown, "difference_upper", "z", "q_value"]].head(8).round(3).to_string())
    pairs = rt.signals.churn_scan(table, **asked, depth=2)
    rest = rt.signals.churn_scan(table, **asked, depth=2, against="rest")
    tested = pairs[pairs["reason"].isna()]
    same = tested[KEYS].merge(rest, on=KEYS)
    print(
        f"pairs: {len(tested):,} tested of {len(pairs):,}; unlike the rest, q < .05: "
        f"{(intervals.adjusted_p(same['p_value']) < 0.05).sum():,}; unlike their main effects: "
        f"{(tested['q_value'] < 0.05).sum():,} (p < .05: {(tested['p_value'] < 0.05).sum():,})"
    )
    print(pairs["reason"].value_counts().to_string())
    false_discoveries(table, columns, draws, depth=2)
    false_discoveries(table, columns, draws)
    rare_outcomes(draws)
    winners_curse(table, columns, draws)


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(sys.argv[1], *map(int, sys.argv[2:3]))

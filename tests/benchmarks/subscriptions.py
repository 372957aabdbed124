"""CPU seconds of the figures of subscriptions, beside the plainest pandas a good analyst writes.

    python tests/benchmarks/subscriptions.py --customers 50000

Of contracts of three plans, three to a customer, some with a pause between them: a million
contract-months at 50,000 customers. Each is the least of three runs.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

import retention as rt

AS_OF = "2025-12-31"
MONTHS = {"freq": "month", "as_of": AS_OF}


def made_contracts(customers: int) -> pd.DataFrame:
    """Three contracts of each customer, one after the other."""
    draw = np.random.default_rng(1)
    begun = 18_628 + draw.integers(0, 900, customers)  # from 2021-01-01
    length = draw.integers(30, 400, (customers, 3))
    pause = draw.integers(0, 2, customers) * 60
    zero = np.zeros(customers, int)
    start = begun[:, None] + np.c_[zero, length[:, 0], length[:, 0] + length[:, 1] + pause]
    n = customers * 3
    return pd.DataFrame({
        "customer_id": np.repeat([f"c{i:06}" for i in range(customers)], 3),
        "start": pd.to_datetime(start.ravel(), unit="D"),
        "end": pd.to_datetime((start + length).ravel(), unit="D"),
        "sales": draw.integers(1, 9, n) * 10.0,
        "plan": draw.choice(["a", "b", "c"], n),
        "reason": draw.choice(["price", "card", "other"], n),
        "seats": draw.integers(1, 30, n),
    })  # fmt: skip


def side_by_side(activity: pd.DataFrame) -> pd.DataFrame:
    """Logo, gross and net churn by a merge with the month after."""
    base = activity.loc[activity["active"], ["customer_id", "step", "sales"]]
    later = base.assign(step=base["step"] - 1)
    met = base.merge(later, on=["customer_id", "step"], how="left", suffixes=("", "_1"))
    met["lost"], met["net"] = met["sales_1"].isna(), met["sales_1"].fillna(0)
    met["gross"] = met[["sales", "net"]].min(axis=1)
    found = met.groupby("step").agg(
        n=("lost", "size"), lost=("lost", "sum"), base=("sales", "sum"), net=("net", "sum"),
        gross=("gross", "sum"),
    )  # fmt: skip
    return found.assign(logo=found["lost"] / found["n"], kept=found["net"] / found["base"])


def plan_moves(activity: pd.DataFrame) -> pd.DataFrame:
    """What came to plans, left them, grew and shrank, by two merges with the month before."""
    rows = activity.loc[activity["active"], ["customer_id", "plan", "step", "sales"]]
    key = ["customer_id", "plan", "step"]
    before = rows.assign(step=rows["step"] + 1)
    both = rows.merge(before, on=key, how="outer", suffixes=("", "_0"))
    there = rows[["customer_id", "step"]].drop_duplicates()
    both = both.merge(there.assign(now=True), on=["customer_id", "step"], how="left")
    was = there.assign(step=there["step"] + 1, was=True)
    both = both.merge(was, on=["customer_id", "step"], how="left")
    first = there.groupby("customer_id")["step"].min().rename("first")
    both = both.join(first, on="customer_id")
    came, gone = both["sales_0"].isna(), both["sales"].isna()
    both["move"] = np.select(
        [came & both["was"].notna(), came & (both["step"] > both["first"]), came,
         gone & both["now"].notna(), gone, both["sales"] > both["sales_0"],
         both["sales"] < both["sales_0"]],
        ["in", "back", "new", "out", "churned", "more", "less"], "same",
    )  # fmt: skip
    both["amount"] = (both["sales"].fillna(0) - both["sales_0"].fillna(0)).abs()
    return both.groupby(["plan", "step", "move"])["amount"].agg(["size", "sum"])


def cut_before(activity: pd.DataFrame) -> pd.DataFrame:
    """Who had paid less in one of the three months before the last one, by shifting."""
    rows = activity.loc[activity["active"], ["customer_id", "step", "sales"]]
    rows = rows.sort_values(["customer_id", "step"])
    line = rows.groupby("customer_id")
    gap = rows["step"] - line["step"].shift(1)
    rows["fell"] = (gap == 1) & (rows["sales"] < line["sales"].shift(1))
    cut = line["fell"].shift(0, fill_value=False)
    for back in (1, 2):
        cut = cut | line["fell"].shift(back, fill_value=False)
    rows["cut"] = cut
    rows["left"] = line["step"].shift(-1) != rows["step"] + 1
    rows = rows[line["step"].shift(3) == rows["step"] - 3]
    return rows.groupby(["step", "left"])["cut"].agg(["size", "sum"])


def kinds_of_churn(contracts: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """Month by month, who was there and who of them was gone, by the reason."""
    rows = []
    for first in pd.date_range("2021-02-01", "2025-12-01", freq="MS"):
        last = first + pd.DateOffset(months=1)
        there = spells[(spells["start"] <= first) & ~(spells["end"] <= first)]
        after = spells[(spells["start"] <= last) & ~(spells["end"] <= last)]
        lost = there[~there["customer_id"].isin(after["customer_id"])]
        rows.append((first, there["customer_id"].nunique(), (lost["reason"] == "card").sum()))
    return pd.DataFrame(rows)


def least_seconds(work: Callable[[], object]) -> float:
    """The least CPU seconds of three runs."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def main() -> None:
    """Run each beside the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=50_000)
    contracts = made_contracts(parser.parse_args().customers)
    by_plan = rt.contract_periods(contracts, by="plan", **MONTHS)
    months = rt.contract_periods(contracts, **MONTHS)
    spells = rt.contract_spells(contracts, as_of=AS_OF, grace=0, keep_last="reason")
    say = {"convention": "endpoint", "involuntary": "card", **MONTHS}
    pairs = {
        "logo_and_revenue_churn": (
            lambda: rt.kpis.logo_and_revenue_churn(months, lag=1), lambda: side_by_side(months)),
        "plan_waterfall": (
            lambda: rt.kpis.plan_waterfall(by_plan), lambda: plan_moves(by_plan)),
        "contraction_before_leaving": (
            lambda: rt.kpis.contraction_before_leaving(months, before=3),
            lambda: cut_before(months)),
        "voluntary_churn": (
            lambda: rt.kpis.voluntary_churn(spells, **say),
            lambda: kinds_of_churn(contracts, spells)),
    }  # fmt: skip
    print(f"{len(by_plan):,} contract-months")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (ours, plain) in pairs.items():
            mine, other = least_seconds(ours), least_seconds(plain)
            print(f"{name:28} {mine:6.2f} {other:6.2f} ratio {mine / other:5.2f}")


if __name__ == "__main__":
    main()

"""Is the outlook right? Held-out months of a real shop and of the sample company, and simulation.

    python tests/benchmarks/outlook.py                        # the sample company, and simulation
    python tests/benchmarks/outlook.py --cdnow CDNOW_master.txt
    python tests/benchmarks/outlook.py --cdnow-sample CDNOW_sample.txt
    python tests/benchmarks/outlook.py --contracts            # simulated contracts
    python tests/benchmarks/outlook.py --speed

CDNOW is the public log of Fader and Hardie (brucehardie.com/datasets): 23,570 customers who first
bought in the first quarter of 1997, followed to June 1998. The models are fitted up to a month's
end and held to the months after it. Of its sample of 2,357 customers the purchases of weeks 40 to
78 are set beside those that came.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

import retention as rt

FITS = {
    "Pareto/NBD": rt.repeat_buying.fit_pareto_nbd,
    "BG/NBD": rt.repeat_buying.fit_bg_nbd,
    "MBG/NBD": rt.repeat_buying.fit_mbg_nbd,
}


def print_backtest(name: str, lines: Any, **asked: Any) -> None:
    """Expected beside what came, of each model."""
    for model, fit in FITS.items():
        table = rt.economics.backtest_outlook(
            lines, fit=fit, spend=rt.repeat_buying.fit_gamma_gamma, **asked
        )
        off = table["error"].sum() / table["actual"].sum()
        off_sales = table["sales_error"].sum() / table["sales_actual"].sum()
        print(
            f"{name}, {model}: customers {off:+.1%}, covered {table['covered_share'][0]:.0%}; "
            f"sales {off_sales:+.1%}, covered {table['sales_covered_share'][0]:.0%}"
        )
        shown = ["period", "n_customers", "lower", "upper", "actual", "sales", "sales_actual"]
        print(table[shown].round(0).to_string(index=False))


def simulated_log(rng: np.random.Generator, n: int, days: int, kind: str) -> pd.DataFrame:
    """Orders of customers who behave as the model says, won in the first 90 days."""
    rate = rng.gamma(0.8, 1 / 30.0, n)
    spend = rng.gamma(4.0, 1 / 60.0, n)
    if kind == "Pareto/NBD":
        gone = rng.exponential(1 / rng.gamma(0.9, 1 / 100.0, n))
    leave = rng.beta(0.8, 2.5, n)
    rows = []
    for i, won in enumerate(rng.integers(0, 90, n).tolist()):
        at, day, alive = 0.0, won, True
        while alive and day < days:
            rows.append((i, day, rng.gamma(6.0, 1 / spend[i])))
            if kind == "MBG/NBD" or (kind == "BG/NBD" and day > won):
                alive = rng.random() >= leave[i]
            at += rng.exponential(1 / rate[i])
            day = won + int(np.ceil(at))
            if kind == "Pareto/NBD":
                alive = at < gone[i]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "sales"])
    frame = frame.groupby(["customer_id", "day"], as_index=False)["sales"].sum()
    return frame.assign(date=pd.Timestamp("2023-01-01") + pd.to_timedelta(frame["day"], unit="D"))


def print_coverage(kind: str, worlds: int = 40, n: int = 400) -> None:
    """How often the bounds hold what came, where customers behave as the model says."""
    inside, lies = [], []
    for seed in range(worlds):
        lines = simulated_log(np.random.default_rng(seed), n, 545, kind)
        table = rt.economics.backtest_outlook(
            lines, fit=FITS[kind], spend=rt.repeat_buying.fit_gamma_gamma,
            as_of="2024-06-30", freq="quarter", periods=2, newcomers="left_out",
        )  # fmt: skip
        inside += [(a, b) for a, b in zip(table["covered"], table["sales_covered"], strict=True)]
        lies.append(float(table["error"].sum() / table["actual"].sum()))
    known = [pair for pair in inside if not any(pd.isna(each) for each in pair)]
    customers, sales = np.array(known, float).mean(axis=0)
    print(
        f"simulated {kind}: 95 % bounds hold customers {customers:.1%}, sales {sales:.1%} of "
        f"{len(known)} quarters of {worlds} worlds; mean error {np.mean(lies):+.1%}"
    )


def print_sample(file: str) -> None:
    """Repeat purchases of weeks 40 to 78 by those of the first 39, segment by segment."""
    names = ["master_id", "customer_id", "date", "cds", "sales"]
    lines = pd.read_csv(file, sep=r"\s+", names=names, dtype=str)
    lines = lines.assign(date=pd.to_datetime(lines["date"]), sales=lines["sales"].astype(float))
    days = lines.groupby(["customer_id", "date"], as_index=False)["sales"].sum()
    days["sales"] = days["sales"].clip(lower=0.01)  # orders of 0 count there
    summary = rt.purchase_summary(days, as_of="1997-09-30", unit="week")
    summary["before"] = summary["x"].clip(upper=7)
    later = days[days["date"] > "1997-09-30"].groupby("customer_id").size()
    came = summary["customer_id"].map(later).fillna(0).groupby(summary["before"])
    print("came", came.mean().round(4).tolist(), f"{came.sum().sum():,.0f} in all")
    for name, fit in FITS.items():
        ahead = rt.economics.expected_sales(
            summary, model=fit(summary), spend=1.0, as_of="1997-09-30", freq="month", periods=9,
            acquired=0, by="before",
        )  # fmt: skip
        told = ahead.groupby("before")["n_purchases"].sum()
        each = (told.to_numpy() / came.size().to_numpy()).round(4)
        print(name, each.tolist(), f"{told.sum():,.0f} in all")


def simulated_spells(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, Any]:
    """Contracts of four years as they look at the end of 2024, and how long they last."""
    start = rng.integers(-4 * 365, 1, n)
    life = np.ceil(rng.weibull(0.8, n) * 220)
    seen = np.minimum(life, -start)
    dates = pd.Timestamp("2024-12-31") + pd.to_timedelta(start, unit="D")
    gone = life <= -start
    return pd.DataFrame({"start": dates, "duration": seen, "churned": gone}), start + life


def print_coverage_of_contracts(worlds: int = 400, n: int = 600, acquired: int = 30) -> None:
    """How often the bounds hold who is under contract, by curve and by formula."""
    fits = {"Kaplan-Meier": rt.survival_curve, "Weibull": rt.survival.fit_aft}
    closes = np.array([1, 32, 60, 91])
    for name, fit in fits.items():
        inside, beyond, lies = [], [], []
        for seed in range(worlds):
            rng = np.random.default_rng(seed)
            spells, out = simulated_spells(rng, n)
            since, until = (np.repeat(each, acquired) for each in (closes[:-1], closes[1:]))
            begun = rng.integers(since, until)
            ends = np.concatenate([out, begun + np.ceil(rng.weibull(0.8, begun.size) * 220)])
            starts = np.concatenate([np.full(n, -1), begun])
            there = [((starts < close) & (ends > close)).sum() for close in closes[1:]]
            ahead = rt.economics.expected_customers(
                spells, model=fit(spells), as_of="2024-12-31", freq="month", periods=3,
                acquired=acquired,
            )  # fmt: skip
            held = (ahead["lower"] <= there) & (there <= ahead["upper"])
            inside += held[ahead["lower"].notna()].tolist()
            beyond.append(ahead["n_beyond"].mean())
            lies.append((ahead["n_old"] + ahead["n_new"] - there).mean())
        print(
            f"simulated contracts, {name}: bounds hold {np.mean(inside):.1%} of {len(inside):,}"
            f" months with bounds of {worlds} worlds; mean error {np.mean(lies):+.2f}; "
            f"{np.mean(beyond):.2f} customers beyond"
        )


def print_speed_of_contracts(n: int = 1_000_000) -> None:
    """How long an outlook of a year takes of as many contracts."""
    spells, _ = simulated_spells(np.random.default_rng(1), n)
    spells["fee"] = 20.0
    asked = {"as_of": "2024-12-31", "freq": "month", "periods": 12, "acquired": 0}
    for name, fit in {"curve": rt.survival_curve, "formula": rt.survival.fit_aft}.items():
        model, begun = fit(spells), time.process_time()
        rt.economics.expected_customers(spells, model=model, **asked)
        middle = time.process_time()
        rt.economics.expected_sales(spells, model=model, spend="fee", **asked)
        spent = (middle - begun, time.process_time() - middle)
        print(f"{n:,} contracts, {name}: customers {spent[0]:.1f} s, sales {spent[1]:.1f} s CPU")


def print_speed(customers: int = 300_000) -> None:
    """How long an outlook of a year takes."""
    orders = rt.sample_company(customers, seed=1, engine="pyarrow").orders
    summary = rt.purchase_summary(orders, as_of="2024-12-31", observed_from="2022-01-01")
    for name, fit in FITS.items():
        model, spend = fit(summary), rt.repeat_buying.fit_gamma_gamma(summary)
        begun = time.process_time()
        rt.economics.expected_sales(
            summary, model=model, spend=spend, as_of="2024-12-31", freq="month", periods=12,
            acquired=1000,
        )  # fmt: skip
        middle = time.process_time()
        rt.economics.expected_customers(
            summary, model=model, as_of="2024-12-31", freq="month", periods=12, acquired=1000
        )
        spent = (middle - begun, time.process_time() - middle)
        print(f"{name}: sales {spent[0]:.1f} s, customers {spent[1]:.1f} s CPU")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cdnow", help="the file CDNOW_master.txt")
    parser.add_argument("--cdnow-sample", help="the file CDNOW_sample.txt")
    parser.add_argument("--contracts", action="store_true")
    parser.add_argument("--speed", action="store_true")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    if said.speed:
        print_speed()
        print_speed_of_contracts()
        return
    if said.contracts:
        print_coverage_of_contracts()
        return
    if said.cdnow_sample:
        print_sample(said.cdnow_sample)
        return
    if said.cdnow:
        names = ["customer_id", "date", "cds", "sales"]
        lines = pd.read_csv(said.cdnow, sep=r"\s+", names=names, skiprows=1, dtype=str)
        lines = lines.assign(date=pd.to_datetime(lines["date"]), sales=lines["sales"].astype(float))
        months = {"freq": "month", "periods": 9, "newcomers": "left_out"}
        print_backtest("CDNOW", lines, as_of="1998-06-30", **months)
        return
    orders = rt.sample_company(5_000, seed=1).orders
    quarters = {"freq": "quarter", "periods": 4, "observed_from": "2022-01-01"}
    print_backtest("sample company", orders, as_of="2024-12-31", **quarters)
    for kind in FITS:
        print_coverage(kind)


if __name__ == "__main__":
    main()

"""What is claimed of offers, lists and profit curves, shown on simulated customers.

    python tests/benchmarks/profit_curves.py [part, ...]

Parts: empulse, million, censored, coverage, knapsack, rules. The first two hold our figures beside
empulse's; without it (pip install empulse, in an environment of its own) they say so and go on.
"""

from __future__ import annotations

import sys
import time
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from holdout_twins import EIGHT, offered
from retention.errors import RetentionWarning
from retention.targeting import (
    expected_maximum_profit,
    maximum_profit,
    offer_list,
    offer_profit,
    profit_curve,
)

SHAPE = (6, 14)


def shown(what, *numbers):
    """A line of the output."""
    print(f"{what:<64}", *numbers, flush=True)


def oracle():
    """empulse's metrics, or None where it is not installed."""
    if find_spec("empulse") is None:
        shown("empulse is not installed here: pip install empulse==0.13.1")
        return None
    return import_module("empulse.metrics")


def holdout(left, risk):
    """Customers of whom all is known by the time 5."""
    return pd.DataFrame({"duration": np.where(left, 1, 9), "churned": left, "risk": risk})


def empulse(n=10_000):
    """EMPC of random tied tables: the largest difference between empulse's and ours."""
    metrics = oracle()
    if metrics is None:
        return
    draw = np.random.default_rng(0)
    largest, least, share = 0.0, 0.0, 0.0
    for _ in range(n):
        size = int(draw.integers(3, 60))
        risk, left = draw.integers(0, 8, size) / 8, draw.random(size) < draw.random()
        if left.all() or not left.any():
            left[0] = not left[0]
        value, taking = float(draw.uniform(50, 500)), float(draw.uniform(1, 40))
        making = float(draw.uniform(0.1, 5))
        asked = {"value": value, "time": 5, "offer": offered(taking=taking, making=making)}
        row = expected_maximum_profit(holdout(left, risk), success_shape=SHAPE, **asked).iloc[0]
        theirs = {"alpha": 6, "beta": 14, "clv": value, "incentive_cost": taking}
        theirs["contact_cost"] = making
        wanted = metrics.empc_score(left.astype(int), risk, **theirs)
        largest = max(largest, abs(row["profit_per_customer"] - wanted) / max(1, abs(wanted)))
        best = metrics.empc_score.optimal_rate(left.astype(int), risk, **theirs)
        share = max(share, abs(row["share"] - best))
        most = max(0.0, row["profit_everyone"])
        least = min(least, row["profit_per_customer"] - most)
    shown(f"{n:,} random tied tables: largest relative difference of EMPC", f"{largest:.2e}")
    shown("  largest difference of the share", f"{share:.2e}")
    shown("  least EMPC − max(0, everyone)", f"{least:.1e}")
    row = expected_maximum_profit(
        EIGHT, offer=offered(), success_shape=SHAPE, value=200, time=5
    ).iloc[0]
    y = EIGHT["churned"].astype(int).to_numpy()
    theirs = metrics.empc_score(y, EIGHT["risk"].to_numpy())
    shown("the eight: ours, empulse's", row["profit_per_customer"], theirs)


def cpu_seconds(work):
    """The least CPU seconds of three runs."""
    taken = []
    for _ in range(3):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return min(taken)


def million():
    """CPU seconds of one million customers, ours from the table and empulse's from arrays."""
    draw = np.random.default_rng(0)
    risk = draw.random(1_000_000)
    left = draw.random(1_000_000) < 0.2 * risk
    table = holdout(left, risk)
    asked = {"offer": offered(), "value": 200, "time": 5}
    expected_maximum_profit(table.head(10), success_shape=SHAPE, **asked)
    ours = cpu_seconds(lambda: expected_maximum_profit(table, success_shape=SHAPE, **asked))
    shown("EMPC of 1,000,000 customers, CPU seconds: ours", f"{ours:.2f}")
    if (metrics := oracle()) is not None:
        y = left.astype(int)
        shown("  empulse's, from arrays", f"{cpu_seconds(lambda: metrics.empc_score(y, risk)):.2f}")
    shown("  profit_curve", f"{cpu_seconds(lambda: profit_curve(table, **asked)):.2f}")
    people = pd.DataFrame({"customer_id": range(1_000_000), "churn_probability": 0.2 * risk})
    profits = offer_profit(people, offer=offered(), value=200)
    taken = cpu_seconds(lambda: offer_profit(people, offer=offered(), value=200))
    shown("  offer_profit", f"{taken:.2f}")
    shown("  offer_list, budget", f"{cpu_seconds(lambda: offer_list(profits, budget=9e5)):.2f}")


def censored_holdout(draw, n):
    """Customers whose risk is known, as watched and as it was: 23 % are censored by 12."""
    risk = draw.normal(size=n)
    life = np.ceil(draw.exponential(1 / np.exp(-3.2 + 1.1 * risk)))
    watched = draw.integers(4, 30, n)
    seen = pd.DataFrame({"duration": np.minimum(life, watched), "churned": life <= watched})
    truth = pd.DataFrame({"duration": np.minimum(life, 40), "churned": life <= 40})
    return seen.assign(risk=risk), truth.assign(risk=risk)


def censored(draws=200, n=4_000):
    """The best list of censored holdouts: weighted, the censored dropped, or taken for stayers."""
    draw = np.random.default_rng(11)
    asked = {"offer": offered(), "value": 200, "time": 12}
    best, share, unknown = [], [], []
    for _ in range(draws):
        seen, truth = censored_holdout(draw, n)
        known = seen["churned"] | (seen["duration"] > 12)
        stayers = seen.assign(duration=seen["duration"].where(known, 40.0))
        rows = [maximum_profit(t, **asked).iloc[0] for t in (truth, seen, seen[known], stayers)]
        best.append([row["profit_per_customer"] for row in rows])
        share.append([row["share"] for row in rows])
        unknown.append(1 - known.mean())
    best, share = np.array(best).mean(axis=0), np.array(share).mean(axis=0)
    shown(f"{draws} holdouts of {n:,}: censored by the time", f"{np.mean(unknown):.3f}")
    shown("best profit: truth, weighted, dropped, as stayers", best.round(2))
    shown("  off by", *(f"{100 * (each / best[0] - 1):+.1f} %" for each in best[1:]))
    shown("  share of customers to offer", share.round(3))


def coverage(draws=600, n=500):
    """How often the bounds of a list hold what it truly brings, with and without censoring."""
    draw = np.random.default_rng(5)
    asked = {"offer": offered(), "value": 200, "time": 12}
    whole = censored_holdout(draw, 1_000_000)[1]
    for name, of in (("watched to the end", 1), ("23 % censored", 0)):
        for threshold in (0.5, -0.5):
            alike = whole.assign(risk=(whole["risk"] >= threshold) * 1.0)
            truth = profit_curve(alike, **asked)["profit_per_customer"].iloc[1]
            held = 0
            for i in range(draws):
                table = censored_holdout(draw, n)[of]
                table = table.assign(risk=(table["risk"] >= threshold) * 1.0)
                row = profit_curve(table, seed=i, **asked).iloc[1]
                held += row["lower"] <= truth <= row["upper"]
            share = f"{(whole['risk'] >= threshold).mean():.2f}"
            shown(f"{draws} of {n}, {name}, top {share}: coverage", f"{held / draws:.3f}")
    chosen = 0
    for i in range(draws):
        mine, other = (censored_holdout(draw, n)[0] for _ in range(2))
        row = maximum_profit(mine, seed=i, chosen_on=other, **asked).iloc[0]
        listed = whole["risk"] >= row["threshold"]
        left = whole["churned"] & (whole["duration"] <= 12)
        truth = (np.where(left, 0.3 * 190, -10.0) - 1)[listed].sum() / len(whole)
        chosen += row["lower"] <= truth <= row["upper"]
    shown("  of the list chosen on others, 23 % censored: coverage", f"{chosen / draws:.3f}")


def knapsack(shops=60, n=400, budget=400):
    """offer_list against the best that any list within the budget brings."""
    draw = np.random.default_rng(2)
    ours, plain = [], []
    for _ in range(shops):
        cost = draw.integers(1, 30, n).astype(float)
        profit = draw.gamma(1.0, 20.0, n) - 8 - 0.3 * cost
        best = np.zeros(budget + 1)
        for brings, costs in zip(profit, cost.astype(int), strict=True):
            if brings > 0:
                best[costs:] = np.maximum(best[costs:], best[: budget + 1 - costs] + brings)
        table = pd.DataFrame({"customer_id": range(n), "expected_profit": profit})
        table = table.assign(expected_taking=cost, making=0.0)
        ours.append(offer_list(table, budget=budget)["cumulative_profit"].iloc[-1] / best[-1])
        left, brought = float(budget), 0.0
        for i in np.argsort(-profit):
            if profit[i] > 0 and cost[i] <= left:
                left, brought = left - cost[i], brought + profit[i]
        plain.append(brought / best[-1])
    shown(f"{shops} shops of {n}: share of the exact knapsack, mean and worst")
    shown("  offer_list (profit per cost)", f"{np.mean(ours):.4f} {np.min(ours):.4f}")
    shown("  by profit", f"{np.mean(plain):.4f} {np.min(plain):.4f}")


def rules(n=1_000_000):
    """The same number of offers, ranked by expected profit, value at risk, risk and value."""
    draw = np.random.default_rng(9)
    people = pd.DataFrame({
        "customer_id": range(n), "churn_probability": draw.beta(1, 4, n),
        "value": draw.lognormal(5, 0.7, n), "keeps": draw.beta(6, 14, n),
        "takes": draw.beta(8, 2, n),
    })  # fmt: skip
    offer = offered(
        making=1.5, taking=12, success="keeps", stayers_taking="takes", stayers_lost=0.01
    )
    profits = offer_profit(people, offer=offer)
    p, v = people["churn_probability"].to_numpy(), people["value"].to_numpy()
    left = draw.random(n) < p
    saved = left & (draw.random(n) < people["keeps"])
    driven = ~left & (draw.random(n) < 0.01)
    takes = ~left & ~driven & (draw.random(n) < people["takes"])
    earned = saved * (v - 12) - takes * 12 - driven * v - 1.5
    expected = profits["expected_profit"].to_numpy()
    error = earned.std() / np.sqrt(n)
    shown("a customer, expected and earned (± standard error)", f"{expected.mean():.4f}")
    shown("", f"{earned.mean():.4f} ± {error:.4f}")
    many = int((expected > 0).sum())
    ranks = {"expected profit": expected, "value at risk": p * v, "risk": p, "value": v}
    for name, rank in ranks.items():
        top = np.argsort(-rank)[:many]
        shown(f"  {many:,} offers by {name}: earned a customer", f"{earned[top].sum() / n:.3f}")
    shown("  to everyone", f"{earned.mean():.3f}")


PARTS = (empulse, million, censored, coverage, knapsack, rules)

if __name__ == "__main__":
    warnings.simplefilter("ignore", RetentionWarning)
    for part in PARTS:
        if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
            part()

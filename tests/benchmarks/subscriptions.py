"""CPU seconds of the figures of subscriptions, beside the plainest pandas a good analyst writes.

    python tests/benchmarks/subscriptions.py                     # a million contracts
    python tests/benchmarks/subscriptions.py --customers 50000
    python tests/benchmarks/subscriptions.py --only trial

Of contracts of three plans, three to a customer, the first of every other one a trial, some with a
pause between them, and of as many invoices. The plain scripts check nothing; those of times until
something happens give bounds and counts as ours do, the others bare numbers. Each is the least of
three runs in this process. At a few thousand customers a run of either side is some milliseconds,
of which ours are mostly the checks: compare at a million contracts.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from contest import print_ratios

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
        "is_trial": np.tile([True, False, False, False, False, False], n // 6 + 1)[:n],
    })  # fmt: skip


def made_invoices(contracts: pd.DataFrame) -> pd.DataFrame:
    """An invoice for each contract, of which one in five is paid late and one in ten never."""
    draw = np.random.default_rng(2)
    due = contracts["start"]
    late = pd.to_timedelta(draw.integers(1, 90, due.size), unit="D")
    paid = due.where(draw.random(due.size) < 0.7, due + late)
    return pd.DataFrame({
        "customer_id": contracts["customer_id"], "date": due, "due": due,
        "paid": paid.mask(draw.random(due.size) < 0.1), "amount": contracts["sales"],
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


def wilson(share: pd.Series | float, n: pd.Series | float) -> tuple[object, object]:
    """Bounds of a share of so many."""
    z2 = 1.959964**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return middle - half, middle + half


def greenwood(alike: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """What stays at each time that somebody ended at, and its part of the variance of the log."""
    at_risk = alike["size"][::-1].cumsum()[::-1]
    return 1 - alike["sum"] / at_risk, alike["sum"] / (at_risk * (at_risk - alike["sum"]))


def gone_with_bounds(stays: pd.Series, spread: pd.Series) -> pd.DataFrame:
    """The share gone and its bounds, of the effective number of customers."""
    n = (1 - stays) / (stays * spread)
    lower, upper = wilson(1 - stays, n)
    return pd.DataFrame({"gone": 1 - stays, "lower": lower, "upper": upper})


def share_back_by(table: pd.DataFrame, days: list[int]) -> pd.DataFrame:
    """Kaplan–Meier of whoever is there after `length` days, if at all, with bounds."""
    stays, spread = greenwood(table.groupby("length")["there"].agg(["size", "sum"]))
    at = np.searchsorted(stays.index, days, side="right") - 1
    return gone_with_bounds(stays.cumprod().iloc[at], spread.cumsum().iloc[at])


def trials_paid(contracts: pd.DataFrame) -> object:
    """Kaplan–Meier of the days from a customer's first trial to the first contract that is none."""
    seen = contracts[contracts["start"] <= AS_OF]
    trial = seen[seen["is_trial"]].groupby("customer_id")["start"].min().rename("began")
    paid = seen[~seen["is_trial"]].join(trial, on="customer_id", how="inner")
    first = paid[paid["start"] >= paid["began"]].groupby("customer_id")["start"].min()
    both = trial.to_frame().join(first)
    both["length"] = (both["start"].fillna(pd.Timestamp(AS_OF)) - both["began"]).dt.days
    both["there"] = both["start"].notna()
    mature = both[both["began"] <= pd.Timestamp(AS_OF) - pd.Timedelta(90, "D")]
    back = mature["there"] & (mature["length"] <= 90)
    return share_back_by(both, [30, 90]), back.sum(), wilson(back.mean(), back.size)


def payments_back(invoices: pd.DataFrame) -> object:
    """Kaplan–Meier of the days from a failed payment to its recovery, and the money back."""
    last = pd.Timestamp(AS_OF)
    failed = invoices[(invoices["due"] < last) & ~(invoices["paid"] <= invoices["due"])].copy()
    failed["there"] = failed["paid"] <= last
    until = failed["paid"].where(failed["there"], last)
    failed["length"] = (until - failed["due"]).dt.days
    mature = failed[failed["due"] <= last - pd.Timedelta(30, "D")]
    back = mature["there"] & (mature["length"] <= 30)
    amount = mature["amount"]
    share = amount[back].sum() / amount.sum()
    spread = np.sqrt(((amount * (back - share)) ** 2).sum()) / amount.sum()
    counts = len(failed), failed["there"].sum(), back.sum(), back.size
    return share_back_by(failed, [30]), counts, wilson(back.mean(), back.size), share, spread


def tenure_bands(spells: pd.DataFrame) -> pd.DataFrame:
    """Churn of each band of months of tenure with counts and bounds, from counts by day."""
    spells = spells.loc[spells["set_aside"].isna(), ["start", "duration", "churned"]]
    start, end = spells["start"], spells["start"] + pd.to_timedelta(spells["duration"], unit="D")
    months = (end.dt.year - start.dt.year) * 12 + end.dt.month - start.dt.month
    # As if a month had 31 days; who leaves on the day that ends one leaves in it.
    days = months * 31 + end.dt.day - start.dt.day
    alike = spells.assign(days=days).groupby("days")["churned"].agg(["size", "sum"])
    stays, spread = greenwood(alike)
    band = pd.cut(alike.index, [-1, 93, 186, 372, 744, 100_000])
    found = alike.groupby(band, observed=True).sum()
    found["n_reached"] = found["size"][::-1].cumsum()[::-1]
    stayed = stays.groupby(band, observed=True).prod()
    return found.join(gone_with_bounds(stayed, spread.groupby(band, observed=True).sum()))


def came_back(activity: pd.DataFrame) -> pd.DataFrame:
    """Who was active without having been so the month before, but earlier, by shifting."""
    rows = activity.loc[activity["active"], ["customer_id", "step", "sales"]]
    rows = rows.sort_values(["customer_id", "step"])
    rows["back"] = rows["step"] - rows.groupby("customer_id")["step"].shift(1) > 1
    rows["back_sales"] = rows["sales"] * rows["back"]
    return rows.groupby("step")[["back", "sales", "back_sales"]].agg(["size", "sum"])


def plan_to_plan(activity: pd.DataFrame) -> pd.DataFrame:
    """Customers by their plan in a month and in the next, by a merge of both."""
    rows = activity.loc[activity["active"], ["customer_id", "plan", "step", "sales"]]
    line = ["customer_id", "step"]
    states = rows.groupby(line, as_index=False).agg(
        plan=("plan", "first"), n=("plan", "size"), sales=("sales", "sum")
    )
    states["plan"] = states["plan"].where(states["n"] == 1, "several")
    first = states.groupby("customer_id")["step"].min().rename("first")
    later = states.assign(step=states["step"] - 1)
    both = states.merge(later, on=line, how="outer", suffixes=("", "_1")).join(first, "customer_id")
    new = pd.Series(np.where(both["first"] > both["step"], "new", "away"), both.index)
    both["plan"], both["plan_1"] = both["plan"].fillna(new), both["plan_1"].fillna("gone")
    return both.groupby(["step", "plan", "plan_1"])[["sales", "sales_1"]].agg(["size", "sum"])


def seats_moved(contracts: pd.DataFrame) -> pd.DataFrame:
    """Seats in force on the first of each month, and what moved between, month by day."""
    months, found = pd.date_range("2021-01-01", "2026-01-01", freq="MS"), {}
    before = pd.Series(dtype=float)
    for day in months:
        there = contracts[(contracts["start"] <= day) & ~(contracts["end"] <= day)]
        seats = there.groupby("customer_id")["seats"].sum()
        both = pd.concat([before, seats], axis=1, keys=["old", "now"]).fillna(0)
        move = both["now"] - both["old"]
        kept = (both["old"] > 0) & (both["now"] > 0)
        found[day] = {
            "new": move[both["old"] == 0].sum(), "lost": move[both["now"] == 0].sum(),
            "added": move[kept & (move > 0)].sum(), "removed": move[kept & (move < 0)].sum(),
        }  # fmt: skip
        before = seats
    return pd.DataFrame(found).T


def ends_ahead(contracts: pd.DataFrame) -> pd.DataFrame:
    """Contracts that end within 30 days or ended in the last 30, and years that are full."""
    today, days = pd.Timestamp("2023-06-30"), pd.Timedelta(30, "D")
    last = contracts.groupby("customer_id")["end"].transform("max")
    runs = (contracts["start"] <= today) & (contracts["end"] > today - days)
    ends = contracts[runs & (contracts["end"] <= today + days) & (contracts["end"] == last)]
    on = contracts[runs & (contracts["end"] > today + days)]
    start = on["start"]
    age = (today.year - start.dt.year) * 12 + today.month - start.dt.month
    years = (age - (today.day < start.dt.day)) // 12 + 1
    comes = pd.to_datetime({
        "year": start.dt.year + years, "month": start.dt.month, "day": start.dt.day.clip(upper=28)
    })  # fmt: skip
    yearly = on.assign(due=comes)[comes <= today + days]
    return pd.concat([ends.assign(due=ends["end"]), yearly]).sort_values(["due", "customer_id"])


def pairs_of_figures(customers: int) -> dict[str, tuple[Callable[[], object], ...]]:
    """Each figure, the plain script beside it."""
    contracts = made_contracts(customers)
    invoices = made_invoices(contracts)
    by_plan = rt.contract_periods(contracts, by="plan", **MONTHS)
    months = rt.contract_periods(contracts, **MONTHS)
    spells = rt.contract_spells(contracts, as_of=AS_OF, grace=0, keep_last="reason")
    print(f"{len(contracts):,} contracts, {len(by_plan):,} contract-months")
    say = {"convention": "endpoint", "involuntary": "card", **MONTHS}
    bands = {"bands": [0, 3, 6, 12, 24], "length": "month"}
    ahead = {"as_of": "2023-06-30", "within": 30, "since": "2023-06-01"}
    kpis = rt.kpis
    return {
        "logo_and_revenue_churn": (
            lambda: kpis.logo_and_revenue_churn(months, lag=1), lambda: side_by_side(months)),
        "plan_waterfall": (lambda: kpis.plan_waterfall(by_plan), lambda: plan_moves(by_plan)),
        "plan_migrations": (
            lambda: kpis.plan_migrations(by_plan, lag=1), lambda: plan_to_plan(by_plan)),
        "contraction_before_leaving": (
            lambda: kpis.contraction_before_leaving(months, before=3),
            lambda: cut_before(months)),
        "resurrected_share": (lambda: kpis.resurrected_share(months), lambda: came_back(months)),
        "voluntary_churn": (
            lambda: kpis.voluntary_churn(spells, **say),
            lambda: kinds_of_churn(contracts, spells)),
        "churn_by_tenure": (
            lambda: kpis.churn_by_tenure(spells, **bands), lambda: tenure_bands(spells)),
        "trial_conversion": (
            lambda: kpis.trial_conversion(contracts, as_of=AS_OF, days=[30, 90]),
            lambda: trials_paid(contracts)),
        "dunning_recovery": (
            lambda: kpis.dunning_recovery(invoices, as_of=AS_OF, days=30),
            lambda: payments_back(invoices)),
        "seat_expansion": (
            lambda: kpis.seat_expansion(contracts, **MONTHS), lambda: seats_moved(contracts)),
        "due_for_renewal": (
            lambda: rt.targeting.due_for_renewal(contracts, **ahead),
            lambda: ends_ahead(contracts)),
    }  # fmt: skip


def main() -> None:
    """Run each beside the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=333_334)
    parser.add_argument("--only", default="", help="figures whose name has this word")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    pairs = pairs_of_figures(said.customers)
    print_ratios({name: (plain, ours) for name, (ours, plain) in pairs.items()}, said.only)


if __name__ == "__main__":
    main()

"""What conventions of scoring make of real logs, counted.

    python tests/benchmarks/segments.py --cdnow CDNOW_master.txt --retail online_retail.csv.gz
    python tests/benchmarks/segments.py --telco telco.csv
    python tests/benchmarks/segments.py --speed            # of 3 million order lines
    python tests/benchmarks/segments.py --speed 50000      # of so many customers

CDNOW is the log of Fader and Hardie, of whose 23,502 buyers 51 in 100 bought on one day; the other
are the invoices of a UK gift wholesaler (UCI Online Retail), as far as the file goes. Counted are
the customers at each score of frequency, those scored 555, those whose three scores are others by
the other way with ties, whose frequency is another if nested, and whose score of frequency is
another where equals are split by the order of the rows and these are shuffled. Of IBM's telco
customers it is told what those on contracts by the month are like. With `--speed` each function is
set beside the plainest pandas, which checks nothing and gives bare numbers, in CPU seconds.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from contest import AS_OF, START, load, orders_file, print_ratios

WAYS = [(ties, nesting) for ties in ("cuts", "middle") for nesting in ("independent", "nested")]


def cdnow_of_file(path: str) -> tuple[pd.DataFrame, str]:
    """Purchases of more than nothing, and the last observed day."""
    names = ["customer_id", "date", "discs", "sales"]
    lines = pd.read_csv(path, sep=r"\s+", header=0, names=names)
    lines["date"] = pd.to_datetime(lines["date"].astype(str), format="%Y%m%d")
    return lines[lines["sales"] > 0], "1998-06-30"


def retail_of_file(path: str) -> tuple[pd.DataFrame, str]:
    """Lines of customers who are known, with cancellations, and the last day in the file."""
    lines = pd.read_csv(path, dtype={"InvoiceNo": str})
    lines = lines.dropna(subset="CustomerID")
    made = pd.DataFrame(
        {
            "customer_id": lines["CustomerID"].astype(int),
            "date": pd.to_datetime(lines["InvoiceDate"]),
            "sales": lines["Quantity"] * lines["UnitPrice"],
            "order_id": lines["InvoiceNo"],
        }
    )
    return made[made["sales"] != 0], str(made["date"].max().date())


def share_moved_by_shuffling(n_orders: np.ndarray[Any, Any], seed: int) -> float:
    """The share of customers whose fifth of frequency hangs on the order of the rows."""
    order = np.random.default_rng(seed).permutation(n_orders.size)
    plain, shuffled = np.empty(n_orders.size, int), np.empty(n_orders.size, int)
    plain[np.argsort(n_orders, kind="stable")] = np.arange(n_orders.size) * 5 // n_orders.size
    place = np.argsort(n_orders[order], kind="stable")
    shuffled[order[place]] = np.arange(n_orders.size) * 5 // n_orders.size
    return float((plain != shuffled).mean())


def tell_of_scores(name: str, orders: pd.DataFrame, as_of: str) -> None:
    """The counts of one log."""
    import retention as rt

    scored = {
        (ties, nesting): rt.signals.rfm_scores(orders, as_of=as_of, ties=ties, nesting=nesting)
        for ties, nesting in WAYS
    }
    print(f"{name}: {len(scored[WAYS[0]]):,} customers")
    for (ties, nesting), found in scored.items():
        counts = np.bincount(found["f"], minlength=6)[1:]
        best = (found["segment"] == "555").sum()
        print(f"  {ties:7}{nesting:12} f 1 to 5: {counts}, 555: {best:,}")
    cuts, middle = (scored[ties, "independent"] for ties in ("cuts", "middle"))
    print(f"  other code by the other ties: {(cuts['segment'] != middle['segment']).mean():.3f}")
    for ties in ("cuts", "middle"):
        flat, nested = (scored[ties, nesting]["f"] for nesting in ("independent", "nested"))
        print(f"  other f if nested, {ties}: {(flat != nested).mean():.3f}")
    print(f"  other f if shuffled: {share_moved_by_shuffling(cuts['n_orders'].to_numpy(), 1):.3f}")


def tell_of_contracts(path: str) -> None:
    """What telco customers by the month are like, beside all others."""
    import retention as rt

    columns = ["tenure", "PaymentMethod"]
    found = rt.signals.segment_profile(pd.read_csv(path), segment="Contract", columns=columns)
    for row in found[found["segment"] == "Month-to-month"].itertuples():
        half = (row.upper - row.lower) / 2 / 1.959964
        print(f"  {row.sentence}; {row.measure} {row.effect:.4f} ± {half:.4f}, q {row.q_value:.1e}")


def scored_plainly(lines: pd.DataFrame) -> pd.DataFrame:
    """Fifths of recency, frequency and money of what was bought and given back on a day."""
    dated = lines.assign(day=lines["date"].dt.normalize())
    days = dated.groupby(["customer_id", "day"], as_index=False)["sales"].sum()
    bought = days[days["sales"] >= 0]
    found = bought.groupby("customer_id").agg(last=("day", "max"), n=("day", "size"))
    found["value"] = days.groupby("customer_id")["sales"].sum()
    found["days"] = (pd.Timestamp(AS_OF) - found["last"]).dt.days
    code = ""
    for name, sign in (("days", -1), ("n", 1), ("value", 1)):
        value = found[name] * sign
        score = 1 + np.searchsorted(np.quantile(value, [0.2, 0.4, 0.6, 0.8]), value)
        code = code + pd.Series(score, found.index).astype(str)
    return found.assign(segment=code)


def states_plainly(activity: pd.DataFrame) -> pd.DataFrame:
    """New, retained, back, lapsed or lost, by the last two months of activity."""
    rows, last = activity.loc[activity["active"], ["customer_id", "step"]], activity["last_step"][0]
    steps = rows.groupby("customer_id")["step"]
    until, n = steps.max(), steps.size()
    earlier = rows[rows["step"] < last].groupby("customer_id")["step"].max().reindex(until.index)
    segment = np.select(
        [until <= last - 3, until < last, earlier.isna(), earlier == last - 1],
        ["lost", "lapsed", "new", "retained"], "reactivated",
    )  # fmt: skip
    return pd.DataFrame({"n": n, "silence": last - until, "segment": segment})


def tiers_plainly(values: pd.DataFrame) -> pd.DataFrame:
    """The best fifth, the next three tenths, and the others, ties all in, sorted by customer."""
    above = values["value"].rank(method="min", ascending=False) - 1
    n, unknown = values["value"].count(), values["value"].isna()
    tiers = [unknown, above < 0.2 * n, above < 0.5 * n]
    found = values.assign(segment=np.select(tiers, ["(unknown)", "A", "B"], "C"))
    found = found.assign(n_customers=n, n_unknown=unknown.sum(), of="customers")
    return found.sort_values("customer_id", ignore_index=True)


def pairs_plainly(one: pd.DataFrame, other: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Customers and value of each pair of segments."""
    columns = ["customer_id", "segment"]
    both = one[columns].merge(other[columns], on="customer_id", how="outer", suffixes=("", "_2"))
    both = both.merge(values, on="customer_id", how="left")
    both = both.fillna({"segment": "(missing)", "segment_2": "(missing)"})
    return both.groupby(["segment", "segment_2"])["value"].agg(["size", "sum"])


def moves_plainly(before: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
    """The share of each segment before that is in each after."""
    columns = ["customer_id", "segment"]
    both = before[columns].merge(
        after[columns], on="customer_id", how="outer", suffixes=("", "_2")
    )  # fmt: skip
    both = both.fillna({"segment": "(not yet)", "segment_2": "(gone)"})
    n = both.groupby(["segment", "segment_2"]).size()
    return n / n.groupby(level=0).transform("sum")


def profile_plainly(customers: pd.DataFrame, numbers: list[str], label: str) -> list[Any]:
    """Medians and Mann–Whitney of numbers, shares and chi-squared of labels, and q-values."""
    from scipy.stats import chi2_contingency, false_discovery_control, mannwhitneyu

    rows = []
    for state in customers["state"].unique():
        mine = customers["state"] == state
        for name in numbers:
            one, rest = customers.loc[mine, name], customers.loc[~mine, name]
            found = mannwhitneyu(one, rest)
            effect = found.statistic / len(one) / len(rest)
            rows.append((state, name, one.median(), rest.median(), effect, found.pvalue))
        counts = pd.crosstab(customers[label], mine)
        share = counts / counts.sum()
        for each in counts.index:
            p = chi2_contingency([counts.loc[each], counts.sum() - counts.loc[each]])[1]
            rows.append((state, each, share.loc[each, True], share.loc[each, False], None, p))
    return [rows, false_discovery_control([row[-1] for row in rows])]


def pairs_of_functions(lines: pd.DataFrame) -> dict[str, tuple[Callable[[], Any], ...]]:
    """Each function, the plain script before it."""
    import retention as rt

    signals, day = rt.signals, {"as_of": AS_OF}
    activity = rt.customer_periods(lines, freq="month", observed_from=START, **day)
    scored = signals.rfm_scores(lines, **day)
    values = scored[["customer_id", "value"]]
    tiers = signals.value_tiers(values)
    states = signals.customer_states(activity, lost_after=3)
    ago = signals.customer_states(activity, lost_after=3, periods_ago=12)
    named = states[["customer_id", "segment"]].rename(columns={"segment": "state"})
    people = scored.merge(named, on="customer_id")
    people["region"] = np.random.default_rng(1).choice(["n", "s", "e", "w"], len(people))
    numbers = ["n_orders", "value", "days_since_last"]
    told = {"segment": "state", "columns": [*numbers, "region"]}
    return {
        "rfm_scores": (
            lambda: scored_plainly(lines), lambda: signals.rfm_scores(lines, **day)),
        "rfm_cuts": (lambda: scored_plainly(lines), lambda: signals.rfm_cuts(lines, **day)),
        "value_tiers": (lambda: tiers_plainly(values), lambda: signals.value_tiers(values)),
        "customer_states": (
            lambda: states_plainly(activity),
            lambda: signals.customer_states(activity, lost_after=3)),
        "segment_matrix": (
            lambda: pairs_plainly(states, tiers, values),
            lambda: signals.segment_matrix(states, tiers, values=values)),
        "segment_migrations": (
            lambda: moves_plainly(ago, states),
            lambda: signals.segment_migrations(ago, states)),
        "segment_profile": (
            lambda: profile_plainly(people, numbers, "region"),
            lambda: signals.segment_profile(people, **told)),
    }  # fmt: skip


def main() -> None:
    """Both logs, as far as they are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cdnow")
    parser.add_argument("--retail")
    parser.add_argument("--telco")
    parser.add_argument("--speed", type=int, nargs="?", const=230_000, metavar="CUSTOMERS")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, path, read in (
        ("CDNOW", said.cdnow, cdnow_of_file), ("Online Retail", said.retail, retail_of_file)
    ):  # fmt: skip
        if path:
            tell_of_scores(name, *read(path))
    if said.speed:
        with orders_file(said.speed) as path:
            lines = load("pandas", path, ["customer_id", "date", "sales"])
            print_ratios(pairs_of_functions(lines))
    if said.telco:
        tell_of_contracts(said.telco)


if __name__ == "__main__":
    main()

"""What conventions of scoring make of real logs, counted.

    python tests/benchmarks/segments.py --cdnow CDNOW_master.txt --retail online_retail.csv.gz
    python tests/benchmarks/segments.py --telco telco.csv

CDNOW is the log of Fader and Hardie, of whose 23,502 buyers 51 in 100 bought on one day; the other
are the invoices of a UK gift wholesaler (UCI Online Retail), as far as the file goes. Counted are
the customers at each score of frequency, those scored 555, those whose three scores are others by
the other way with ties, whose frequency is another if nested, and whose score of frequency is
another where equals are split by the order of the rows and these are shuffled. Of IBM's telco
customers it is told what those on contracts by the month are like.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd

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


def main() -> None:
    """Both logs, as far as they are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cdnow")
    parser.add_argument("--retail")
    parser.add_argument("--telco")
    said = parser.parse_args()
    warnings.simplefilter("ignore")
    for name, path, read in (
        ("CDNOW", said.cdnow, cdnow_of_file), ("Online Retail", said.retail, retail_of_file)
    ):  # fmt: skip
        if path:
            tell_of_scores(name, *read(path))
    if said.telco:
        tell_of_contracts(said.telco)


if __name__ == "__main__":
    main()

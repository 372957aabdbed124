"""CPU of rates compared by period with their customers counted, beside plain pandas.

    python tests/benchmarks/rates_compared.py [LINES]

Both count, for the last quarter against each one before it, who stands in both bases and was kept.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd

import retention as rt


def by_hand(activity: pd.DataFrame) -> pd.DataFrame:
    """A set of pairs by merging the customers of the last quarter with those of the others."""
    active = activity.loc[activity["active"], ["customer_id", "step"]]
    later = active.assign(step=active["step"] - 1, kept=1)
    base = active.merge(later, on=["customer_id", "step"], how="left").fillna({"kept": 0})
    base = base[base["step"] < activity["last_step"].iloc[0]]
    last = base[base["step"] == base["step"].max()]
    both = base.merge(last, on="customer_id", suffixes=("", "_last"))
    both["both"] = both["kept"] * both["kept_last"]
    return both.groupby("step").agg(
        n=("kept", "size"), k=("kept", "sum"), k_last=("kept_last", "sum"), k_both=("both", "sum")
    )


def main() -> None:
    """CPU seconds of both, and their ratio."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000_000
    draw = np.random.default_rng(1)
    days = pd.Timestamp("2022-01-01") + pd.to_timedelta(draw.integers(0, 1096, n), unit="D")
    lines = {"customer_id": draw.integers(0, n // 10, n), "date": days, "sales": 1.0}
    warnings.simplefilter("ignore")
    activity = rt.customer_periods(
        pd.DataFrame(lines), freq="quarter", as_of="2024-12-31", observed_from="2022-01-01"
    )
    rates = rt.retention_rate(activity)
    last = f"{rates['period'].max():%Y-%m-%d}"
    asked = {"of": "period", "against": last, "activity": activity}
    for _ in range(2):
        start = time.process_time()
        ours = rt.benchmarks.compare_rates(rates, **asked)
        middle = time.process_time()
        plain = by_hand(activity)
        end = time.process_time()
    assert ours["n_in_both"].tolist() == plain["n"].tolist()[:-1]
    print(f"ours {middle - start:.2f} s, plain pandas {end - middle:.2f} s")
    print(f"ratio {(middle - start) / (end - middle):.2f}")


if __name__ == "__main__":
    main()

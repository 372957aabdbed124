"""Purchase summaries and fits: this library beside its peers and beside scripts by hand.

    python tests/benchmarks/repeat_buying.py summary                  # 10 million orders
    python tests/benchmarks/repeat_buying.py summary --orders 1000000
    python tests/benchmarks/repeat_buying.py fits                     # see purchase_fits.py

Each contestant runs in a process of its own on the same orders (36 customers for every 100, most
of whom buy once or twice within a year and a half, no order ids) and prints CPU time and peak
memory beyond the loaded data. Their answers are compared first. A peer that is not installed is
shown by what was recorded of it elsewhere, which says how things stand and no more.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import purchase_fits
from contest import best_of, run_one

LAST = "1998-06-30"
FULL = 10_000_000
SUMS = ["x", "t_x", "T", "mean_sales"]


@contextmanager
def orders_files(orders: int) -> Iterator[dict[str, str]]:
    """The same orders in two Parquet files: ids that are whole numbers, and ids that are text."""
    import numpy as np
    import pandas as pd

    rng, n = np.random.default_rng(1), orders * 36 // 100
    appetite = rng.gamma(0.6, size=n)
    more = rng.choice(n, orders - n, p=appetite / appetite.sum())
    customer = rng.permutation(np.concatenate([np.arange(n), more]))
    joined = rng.integers(0, 84, n)[customer]
    day = joined + (rng.random(orders) * (546 - joined)).astype(np.int64)
    frame = pd.DataFrame(
        {
            "customer_id": customer,
            "date": np.datetime64("1997-01-01", "us") + day.astype("timedelta64[D]"),
            "sales": rng.gamma(2, 15, orders).round(2),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: str(Path(folder) / f"{kind}.parquet") for kind in ("numbers", "text")}
        frame.to_parquet(paths["numbers"])
        named = "C" + frame["customer_id"].astype(str).str.zfill(8)
        frame.assign(customer_id=named).to_parquet(paths["text"])
        print(f"{orders:,} orders of {n:,} customers")
        del frame, named
        yield paths


def summary_ours(table: Any) -> Any:
    """This library's summary."""
    import retention as rt

    answer = rt.purchase_summary(table, as_of=LAST)
    if not hasattr(answer, "create"):
        return [len(answer), *answer[SUMS].sum()]
    answer.create("summary")
    sums = ", ".join(f'sum("{name}")' for name in SUMS)
    rows = table.query("lines", f"SELECT count(*), {sums} FROM summary").fetchall()
    return [float(value) for value in rows[0]]


def summary_pandas(frame: Any) -> Any:
    """The same as an analyst writes it in pandas."""
    import pandas as pd

    dated = frame.assign(day=frame["date"].dt.floor("D"))
    days = dated.groupby(["customer_id", "day"], as_index=False)["sales"].sum()
    by_customer = days.groupby("customer_id")["day"]
    later = days[days["day"] > by_customer.transform("min")]
    table = by_customer.agg(["count", "min", "max"])
    answer = pd.DataFrame({"x": table["count"] - 1})
    answer["t_x"] = (table["max"] - table["min"]).dt.days
    answer["T"] = (pd.Timestamp(LAST) - table["min"]).dt.days
    answer["mean_sales"] = later.groupby("customer_id")["sales"].mean()
    return [len(answer), *answer[SUMS].sum()]


def summary_lifetimes(frame: Any) -> Any:
    """The same by lifetimes."""
    summarise = import_module("lifetimes.utils").summary_data_from_transaction_data
    answer = summarise(
        frame, "customer_id", "date", monetary_value_col="sales", observation_period_end=LAST
    )
    return [len(answer), *answer[["frequency", "recency", "T", "monetary_value"]].sum()]


def summary_pymc(frame: Any) -> Any:
    """The same by pymc-marketing."""
    summarise = import_module("pymc_marketing.clv.utils").rfm_summary
    answer = summarise(
        frame, "customer_id", "date", monetary_value_col="sales", observation_period_end=LAST
    )
    return [len(answer), *answer[["frequency", "recency", "T", "monetary_value"]].sum()]


Contestant = tuple[str, str, Callable[[Any], Any]]

SUMMARY: dict[str, Contestant] = {
    "numbers, pandas: by hand": ("numbers", "pandas", summary_pandas),
    "numbers, pandas: lifetimes": ("numbers", "pandas", summary_lifetimes),
    "numbers, pandas: pymc_marketing": ("numbers", "pandas", summary_pymc),
    "numbers, pandas: retention": ("numbers", "pandas", summary_ours),
    "numbers, duckdb: retention": ("numbers", "duckdb", summary_ours),
    "text, pandas: by hand": ("text", "pandas", summary_pandas),
    "text, pandas: lifetimes": ("text", "pandas", summary_lifetimes),
    "text, pandas: pymc_marketing": ("text", "pandas", summary_pymc),
    "text, pandas: retention": ("text", "pandas", summary_ours),
    "text, duckdb: retention": ("text", "duckdb", summary_ours),
}

RECORDED = {
    "numbers, pandas: lifetimes": 25.9,  # 0.11.3 on the pandas it needs
    "numbers, pandas: pymc_marketing": 13.5,  # 0.19.2 on pandas 3; 15.1 for 1.3.0 on pandas 2
    "text, pandas: pymc_marketing": 24.3,  # 0.19.2 on pandas 3
}
"""CPU seconds of peers at 10 million orders of 3.6 million customers, when they last were run."""


def summary(orders: int) -> None:
    """Make the orders, run every contestant that is installed, print the ratios."""
    import numpy as np

    with orders_files(orders) as paths:
        found = {
            name: best_of(1, __file__, name, paths[ids])
            for name, (ids, _, _) in SUMMARY.items()
            if _is_installed(name)
        }
    reference = found["numbers, pandas: by hand"]["answer"]
    for name in SUMMARY:
        hand = found[name.split(",")[0] + ", pandas: by hand"]["cpu"]
        if name in found:
            row = found[name]
            np.testing.assert_allclose(row["answer"], reference, rtol=1e-9)
            shown = f"{row['cpu']:8.2f} s CPU {hand / row['cpu']:6.1f} × as fast as by hand"
            print(f"{name:34}{shown}  {row['peak'] - row['loaded']:6.2f} GB more")
        elif name in RECORDED and orders == FULL:
            print(f"{name:34}{RECORDED[name]:8.2f} s CPU, recorded elsewhere: not installed here")


def _is_installed(name: str) -> bool:
    maker = name.split(": ")[1]
    return maker in ("by hand", "retention") or find_spec(maker) is not None


def fits(_: int) -> None:
    """Every fit beside its peer; they have customers of their own."""
    purchase_fits.compared(list(purchase_fits.TASKS))


PARTS: dict[str, Callable[[int], None]] = {"summary": summary, "fits": fits}


def main() -> None:
    """The parts that were asked for, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--orders", type=int, default=FULL)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.run:
        name, path = said.run
        _, kind, script = SUMMARY[name]
        run_one(kind, script, path, None)
        return
    for part in said.parts or PARTS:
        PARTS[part](said.orders)


if __name__ == "__main__":
    main()

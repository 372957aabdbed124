"""From an order file to the three rates, door and all: this library beside the plainest scripts.

    python tests/benchmarks/whole_way.py                       # 3 million order lines
    python tests/benchmarks/whole_way.py 100000 --ids number
    python tests/benchmarks/whole_way.py --orders              # order ids and refunds, netted
    python tests/benchmarks/whole_way.py --only polars duckdb

The plain script does what most people write: customers by month, and who is there the next month.
With `--orders` the file has order ids and refunds and the script nets these by order, as the
library does. Each contestant runs in a process of its own, on one core, once on ten thousand lines
for what it imports and then on all; CPU seconds are of the best of three rounds. Their rates are
compared first.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from contest import best_of, run_one

FIRST, LAST = "2021-01-01", "2023-12-31"
AMOUNTS = {"sales": "sales", "profit": "profit"}


@contextmanager
def lines_file(n: int, ids: str, *, orders: bool) -> Iterator[str]:
    """Order lines of a tenth as many customers over three years, in a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    who = rng.integers(0, max(n // 10, 1), n)
    spread = rng.integers(0, 1095 * 86_400_000_000, n).astype("timedelta64[us]")
    columns = {
        "customer_id": pa.array(who if ids == "number" else np.char.mod("C%07d", who)),
        "date": pa.array(np.datetime64(FIRST, "us") + spread),
        "sales": pa.array(np.round(rng.gamma(2, 20, n), 2)),
    }
    if orders:
        columns["order_id"] = pa.array(np.arange(n))
        sales = columns["sales"].to_numpy()
        columns["sales"] = pa.array(np.where(rng.random(n) < 0.02, -sales, sales))
    columns["profit"] = pa.array(columns["sales"].to_numpy() * 0.3)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"lines{'_orders' * orders}.parquet")
        pq.write_table(pa.table(columns), path)
        yield path


def ours(table: Any) -> Any:
    """What a user of the library writes; how long each step took is printed to stderr."""
    import retention as rt

    names = table.columns if not hasattr(table, "collect_schema") else table.collect_schema()
    said: dict[str, Any] = {"customer_id": "customer_id", "date": "date", **AMOUNTS}
    if "order_id" in list(names):
        said |= {"order_id": "order_id", "refunds": "net"}
    times = [time.process_time()]
    lines = rt.as_transactions(table, **said)
    times.append(time.process_time())
    activity = rt.customer_periods(lines, freq="month", as_of=LAST, observed_from=FIRST)
    times.append(time.process_time())
    kpis = rt.outcome_kpis(activity)
    times.append(time.process_time())
    steps = ", ".join(f"{b - a:.2f}" for a, b in pairwise(times))
    print(f"steps: {steps}", file=sys.stderr)
    return _shown(kpis)


def _shown(kpis: Any) -> dict[str, list[float]]:
    kpis = kpis.collect() if hasattr(kpis, "collect") else kpis
    kpis = kpis.df() if hasattr(kpis, "df") else kpis
    names = ("n_base", "n_retained", "sales_adjusted_retention", "profit_adjusted_retention")
    return {name: [float(value) for value in kpis[name]] for name in names}


def plain_pandas(frame: Any) -> Any:
    """What an analyst writes in pandas."""
    frame = frame.assign(month=frame["date"].dt.to_period("M"))
    if "order_id" in frame:
        orders = frame.groupby(["customer_id", "order_id", "month"], as_index=False)[
            ["sales", "profit"]
        ].sum()
        orders["bought"] = orders["sales"] >= 0
        panel = orders.groupby(["customer_id", "month"], as_index=False).agg(
            sales=("sales", "sum"), profit=("profit", "sum"), n_orders=("bought", "sum")
        )
        panel = panel[panel["n_orders"] > 0]
    else:
        panel = frame.groupby(["customer_id", "month"], as_index=False).agg(
            sales=("sales", "sum"), profit=("profit", "sum"), n_orders=("sales", "size")
        )
    later = panel[["customer_id", "month"]].assign(month=panel["month"] - 1, kept=True)
    pairs = panel.merge(later, on=["customer_id", "month"], how="left")
    pairs["kept"] = pairs["kept"].notna()
    every = pairs.groupby("month").agg(
        n_base=("kept", "size"),
        n_retained=("kept", "sum"),
        sales=("sales", "sum"),
        profit=("profit", "sum"),
    )
    kept = pairs[pairs["kept"]].groupby("month")[["sales", "profit"]].sum()
    return {
        "n_base": every["n_base"].iloc[:-1].astype(float).tolist(),
        "n_retained": every["n_retained"].iloc[:-1].astype(float).tolist(),
        "sales_adjusted_retention": (kept["sales"] / every["sales"]).iloc[:-1].tolist(),
        "profit_adjusted_retention": (kept["profit"] / every["profit"]).iloc[:-1].tolist(),
    }


_PANEL = """panel AS (
  SELECT customer_id, year(date) * 12 + month(date) AS month, sum(sales) AS sales,
         sum(profit) AS profit, count(*) AS n_orders
  FROM lines GROUP BY ALL)"""
_NETTED = """orders AS (
  SELECT customer_id, order_id, year(date) * 12 + month(date) AS month, sum(sales) AS sales,
         sum(profit) AS profit
  FROM lines GROUP BY ALL),
panel AS (
  SELECT customer_id, month, sum(sales) AS sales, sum(profit) AS profit,
         count(*) FILTER (sales >= 0) AS n_orders
  FROM orders GROUP BY ALL HAVING n_orders > 0)"""
_RATES = """
SELECT count(*) AS n_base, count(b.month) AS n_retained,
       sum(a.sales) FILTER (b.month IS NOT NULL) / sum(a.sales) AS sales_adjusted_retention,
       sum(a.profit) FILTER (b.month IS NOT NULL) / sum(a.profit) AS profit_adjusted_retention
FROM panel a LEFT JOIN panel b ON a.customer_id = b.customer_id AND b.month = a.month + 1
GROUP BY a.month ORDER BY a.month"""


def plain_sql(relation: Any) -> Any:
    """What one writes in DuckDB's SQL."""
    panel = _NETTED if "order_id" in relation.columns else _PANEL
    rows = relation.query("lines", f"WITH {panel}{_RATES}").df().iloc[:-1]
    return {name: rows[name].astype(float).tolist() for name in rows.columns}


def plain_polars(frame: Any) -> Any:
    """What one writes in Polars."""
    import polars as pl

    lazy = frame.lazy()
    month = (pl.col("date").dt.year() * 12 + pl.col("date").dt.month()).alias("month")
    sums = [pl.col("sales").sum(), pl.col("profit").sum()]
    if "order_id" in lazy.collect_schema():
        orders = lazy.group_by("customer_id", "order_id", month).agg(sums)
        bought = (pl.col("sales") >= 0).sum().alias("n_orders")
        panel = orders.group_by("customer_id", "month").agg(*sums, bought)
        panel = panel.filter(pl.col("n_orders") > 0)
    else:
        panel = lazy.group_by("customer_id", month).agg(*sums, n_orders=pl.len())
    if isinstance(frame, pl.DataFrame):
        panel = panel.collect().lazy()
    later = panel.select("customer_id", pl.col("month") - 1, kept=pl.lit(1.0))
    pairs = panel.join(later, on=["customer_id", "month"], how="left")
    pairs = pairs.with_columns(pl.col("kept").fill_null(0.0))
    rates = pairs.group_by("month").agg(
        n_base=pl.len(),
        n_retained=pl.col("kept").sum(),
        sales_adjusted_retention=(pl.col("sales") * pl.col("kept")).sum() / pl.col("sales").sum(),
        profit_adjusted_retention=(pl.col("profit") * pl.col("kept")).sum()
        / pl.col("profit").sum(),
    )
    rows = rates.sort("month").drop("month").collect()[:-1]
    return {name: [float(value) for value in rows[name]] for name in rows.columns}


CONTESTANTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "pandas: plain": ("pandas", plain_pandas),
    "pandas: retention": ("pandas", ours),
    "duckdb: plain": ("duckdb", plain_sql),
    "duckdb: retention": ("duckdb", ours),
    "polars: plain": ("polars", plain_polars),
    "polars: retention": ("polars", ours),
    "polars_lazy: plain": ("polars_lazy", plain_polars),
    "polars_lazy: retention": ("polars_lazy", ours),
}


def main() -> None:
    """Make the lines, run every contestant, print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lines", type=int, nargs="?", default=3_000_000)
    parser.add_argument("--ids", choices=("text", "number"), default="text")
    parser.add_argument("--orders", action="store_true", help="with order ids and refunds")
    parser.add_argument("--only", nargs="*", default=(), help="engines")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.run:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # as many threads, too
        name, path = told.run
        run_one(*CONTESTANTS[name], path, columns=None, warm=10_000)
        return
    names = [n for n in CONTESTANTS if not told.only or n.split(":")[0] in told.only]
    with lines_file(told.lines, told.ids, orders=told.orders) as path:
        results = {name: best_of(told.rounds, __file__, name, path) for name in names}
    import pandas as pd

    kind = "netted by order" if told.orders else "no order ids, no refunds"
    print(f"{told.lines:,} lines, {told.ids} ids, {kind}; pandas {pd.__version__}")
    reference = results[names[0]]["answer"]
    for name, result in results.items():
        for column, values in reference.items():
            found = result["answer"][column]
            np.testing.assert_allclose(found, values, rtol=1e-9, err_msg=f"{name}: {column}")
    print(f"{'':26}{'CPU s':>8}{'× plain':>9}{'peak GB':>9}{'of it data':>12}  steps")
    for name, result in results.items():
        plain = results[name.split(":")[0] + ": plain"]["cpu"]
        print(
            f"{name:26}{result['cpu']:8.2f}{result['cpu'] / plain:9.2f}{result['peak']:9.2f}"
            f"{result['loaded']:12.2f}  {result['told']}"
        )


if __name__ == "__main__":
    main()

"""From order lines to the three rates: this library beside what one would write by hand.

    python tests/benchmarks/kpis.py                  # 10 million orders, two threads at most
    python tests/benchmarks/kpis.py --customers 100000

Each contestant runs in a process of its own, on the same generated company written to Parquet, and
prints the CPU time and the peak memory beyond the loaded data. Before that every contestant's rates
are compared: a fast wrong number does not count.
"""

from __future__ import annotations

import argparse
import time
from datetime import datetime
from typing import Any

from contest import AS_OF, START, best_of, orders_file, run_one


def ours(table: Any) -> Any:
    """What a user of the library writes."""
    import retention as rt

    activity = rt.customer_periods(table, freq="month", as_of=AS_OF, observed_from=START)
    return rt.outcome_kpis(activity)


def ours_three_calls(table: Any) -> Any:
    """The same by the three functions, from one activity table."""
    import retention as rt

    activity = rt.customer_periods(table, freq="month", as_of=AS_OF, observed_from=START)
    rates = rt.retention_rate(activity)
    sales = rt.sales_adjusted_retention(activity)["sales_adjusted_retention"]
    profit = rt.profit_adjusted_retention(activity)["profit_adjusted_retention"]
    return rates.assign(sales_adjusted_retention=sales, profit_adjusted_retention=profit)


def pandas_script(frame: Any) -> Any:
    """What an analyst writes in pandas: net the orders, take customers by month, join the next."""
    frame = frame.assign(
        day=frame["date"].dt.floor("D"), month=frame["date"].dt.to_period("M").dt.to_timestamp()
    )
    placed = ["customer_id", "order_id", "day", "month"]
    orders = frame.groupby(placed, as_index=False)[["sales", "profit"]].sum()
    orders["purchase"] = orders["sales"] >= 0
    panel = orders.groupby(["customer_id", "month"], as_index=False).agg(
        sales=("sales", "sum"), profit=("profit", "sum"), n_orders=("purchase", "sum")
    )
    active = panel[panel["n_orders"] > 0]
    later = active[["customer_id", "month"]].assign(
        month=active["month"] - _one_month(), retained=True
    )
    base = active.merge(later, on=["customer_id", "month"], how="left")
    base["retained"] = base["retained"].eq(True)
    kept = base[base["retained"]].groupby("month")
    every = base.groupby("month")
    rates = every.size().rename("n_base").to_frame()
    rates["n_retained"] = kept.size()
    rates["sales_adjusted_retention"] = kept["sales"].sum() / every["sales"].sum()
    rates["profit_adjusted_retention"] = kept["profit"].sum() / every["profit"].sum()
    rates["retention_rate"] = rates["n_retained"] / rates["n_base"]
    return rates.iloc[:-1]


def _one_month() -> Any:
    import pandas as pd

    return pd.DateOffset(months=1)


SQL = """
WITH orders AS (
  SELECT customer_id, order_id, CAST(date AS DATE) AS day, date_trunc('month', date) AS month,
         sum(sales) AS sales, sum(profit) AS profit
  FROM lines GROUP BY ALL),
panel AS (
  SELECT customer_id, month, sum(sales) AS sales, sum(profit) AS profit,
         count(*) FILTER (sales >= 0) AS n_orders
  FROM orders GROUP BY ALL),
active AS (SELECT * FROM panel WHERE n_orders > 0),
pairs AS (
  SELECT *, coalesce(lead(month) OVER (PARTITION BY customer_id ORDER BY month)
                     = month + INTERVAL 1 MONTH, false) AS retained
  FROM active)
SELECT month, count(*) AS n_base, count(*) FILTER (retained) AS n_retained,
       count(*) FILTER (retained) / count(*) AS retention_rate,
       sum(sales) FILTER (retained) / sum(sales) AS sales_adjusted_retention,
       sum(profit) FILTER (retained) / sum(profit) AS profit_adjusted_retention
FROM pairs WHERE month < DATE '2024-12-01' GROUP BY month ORDER BY month
"""


def duckdb_script(relation: Any) -> Any:
    """What one writes in DuckDB's SQL."""
    return relation.query("lines", SQL)


def polars_script(frame: Any) -> Any:
    """What one writes in Polars."""
    import polars as pl

    sums = [pl.col("sales").sum(), pl.col("profit").sum()]
    month = pl.col("date").dt.truncate("1mo")
    panel = (
        frame.lazy()
        .with_columns(day=pl.col("date").dt.date(), month=month)
        .group_by("customer_id", "order_id", "day", "month")
        .agg(sums)
        .group_by("customer_id", "month")
        .agg(*sums, n_orders=(pl.col("sales") >= 0).sum())
    )
    if isinstance(frame, pl.DataFrame):  # whoever holds a table wants one back, in order
        panel = panel.sort("month", "customer_id").collect(engine="streaming").lazy()
    active = panel.filter(pl.col("n_orders") > 0)
    later = active.select(
        "customer_id", month=pl.col("month").dt.offset_by("-1mo"), retained=pl.lit(1)
    )
    pairs = active.join(later, on=["customer_id", "month"], how="left").with_columns(
        pl.col("retained").fill_null(0)
    )
    kept = [(pl.col(m) * pl.col("retained")).sum() / pl.col(m).sum() for m in ("sales", "profit")]
    return (
        pairs.group_by("month")
        .agg(
            n_base=pl.len(),
            n_retained=pl.col("retained").sum(),
            retention_rate=pl.col("retained").mean(),
            sales_adjusted_retention=kept[0],
            profit_adjusted_retention=kept[1],
        )
        .filter(pl.col("month") < datetime(2024, 12, 1))
        .sort("month")
        .collect(engine="streaming")
    )


def _rates(answer: Any) -> dict[str, list[float]]:
    """Run what is still lazy, and give the rates as plain columns."""
    if hasattr(answer, "collect"):
        answer = answer.collect()
    if hasattr(answer, "df"):
        answer = answer.df()
    shown = ("n_base", "n_retained", "sales_adjusted_retention", "profit_adjusted_retention")
    return {column: [float(value) for value in answer[column]] for column in shown}


CONTESTANTS = {
    "pandas: by hand": ("pandas", pandas_script),
    "pandas: retention": ("pandas", ours),
    "pandas: retention, three calls": ("pandas", ours_three_calls),
    "duckdb: by hand": ("duckdb", duckdb_script),
    "duckdb: retention": ("duckdb", ours),
    "polars, LazyFrame: by hand": ("polars_lazy", polars_script),
    "polars, LazyFrame: retention": ("polars_lazy", ours),
    "polars, DataFrame: by hand": ("polars", polars_script),
    "polars, DataFrame: retention": ("polars", ours),
}


def _agree(results: dict[str, dict[str, Any]]) -> None:
    import numpy as np

    reference = results["duckdb: by hand"]["answer"]
    for name, result in results.items():
        for column, values in reference.items():
            np.testing.assert_allclose(
                result["answer"][column], values, rtol=1e-9, err_msg=f"{name}: {column}"
            )


def small_table_times() -> dict[str, float]:
    """Milliseconds a call on 1,000 order lines in pandas, median of 15."""
    import statistics

    import retention as rt

    lines = rt.sample_company(100).orders.head(1_000)
    activity = rt.customer_periods(lines, freq="month", as_of=AS_OF, observed_from=START)
    calls = {
        "customer_periods": lambda: rt.customer_periods(
            lines, freq="month", as_of=AS_OF, observed_from=START
        ),
        "retention_rate": lambda: rt.retention_rate(activity),
        "sales_adjusted_retention": lambda: rt.sales_adjusted_retention(activity),
        "profit_adjusted_retention": lambda: rt.profit_adjusted_retention(activity),
        "outcome_kpis": lambda: rt.outcome_kpis(activity),
    }
    times = {}
    for name, call in calls.items():
        spent = []
        for _ in range(15):
            start = time.perf_counter()
            call()
            spent.append(1e3 * (time.perf_counter() - start))
        times[name] = statistics.median(spent)
    return times


def main() -> None:
    """Make the company, run every contestant, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.run:
        name, path = said.run
        kind, script = CONTESTANTS[name]
        run_one(kind, lambda table: _rates(script(table)), path)
        return
    with orders_file(said.customers) as path:
        results = {name: best_of(said.rounds, __file__, name, path) for name in CONTESTANTS}
    _agree(results)
    print("all contestants agree to a relative 1e-9\n")
    print(f"{'':34}{'CPU s':>8}{'wall s':>8}{'× hand':>8}{'peak GB':>9}{'of it data':>12}")
    for name, result in results.items():
        hand = results[name.split(":")[0] + ": by hand"]["cpu"]
        print(
            f"{name:34}{result['cpu']:8.2f}{result['wall']:8.2f}{result['cpu'] / hand:8.2f}"
            f"{result['peak']:9.2f}{result['loaded']:12.2f}"
        )
    print("\n1,000 lines in pandas, ms a call:")
    for name, spent in small_table_times().items():
        print(f"  {name:30}{spent:8.1f}")


if __name__ == "__main__":
    main()

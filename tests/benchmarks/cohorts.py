"""Cohort triangle and revenue movements from order lines: this library beside scripts by hand.

    python tests/benchmarks/cohorts.py                  # 10 million orders
    python tests/benchmarks/cohorts.py --customers 100000

Each contestant runs in a process of its own on the same generated company, and prints CPU time and
peak memory beyond the loaded data. Their answers are compared first: the triangle's counts and the
movements' money to a relative 1e-9.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from contest import AS_OF, START, best_of, orders_file, run_one

PANEL = """
WITH orders AS (
  SELECT customer_id, order_id, CAST(date AS DATE) AS day,
         year(date) * 12 + month(date) AS step, sum(sales) AS sales
  FROM lines GROUP BY ALL),
panel AS (
  SELECT customer_id, step, sum(sales) AS sales FROM orders GROUP BY ALL
  HAVING count(*) FILTER (sales >= 0) > 0)
"""
TRIANGLE = f"""{PANEL},
firsts AS (SELECT customer_id, min(step) AS cohort FROM panel GROUP BY ALL)
SELECT cohort, step - cohort AS age, count(*) AS n
FROM panel JOIN firsts USING (customer_id) GROUP BY ALL ORDER BY ALL
"""
MOVEMENTS = f"""{PANEL},
pairs AS (
  SELECT *, lag(step) OVER w AS before, lag(sales) OVER w AS sales_before,
         lead(step) OVER w AS after
  FROM panel WINDOW w AS (PARTITION BY customer_id ORDER BY step)),
came AS (
  SELECT step, sum(sales) FILTER (before IS NULL) AS new,
         sum(sales) FILTER (before < step - 1) AS reactivated,
         sum(greatest(sales - sales_before, 0)) FILTER (before = step - 1) AS expansion,
         sum(greatest(sales_before - sales, 0)) FILTER (before = step - 1) AS contraction
  FROM pairs GROUP BY ALL),
gone AS (
  SELECT step + 1 AS step, sum(sales) FILTER (after IS NULL OR after > step + 1) AS churned
  FROM pairs GROUP BY ALL)
SELECT came.*, churned FROM came JOIN gone USING (step) ORDER BY step
"""


def triangle_sql(relation: Any) -> Any:
    """The triangle's counts in DuckDB's SQL."""
    return [float(row[2]) for row in relation.query("lines", TRIANGLE).fetchall()]


def movements_sql(relation: Any) -> Any:
    """The movements in DuckDB's SQL, from the second month on."""
    rows = relation.query("lines", MOVEMENTS).fetchall()
    return [float(value or 0.0) for row in rows for value in row[1:]]


def _panel(frame: Any) -> Any:
    """Active customers by month, as an analyst makes them in pandas."""
    step = frame["date"].dt.year * 12 + frame["date"].dt.month
    frame = frame.assign(day=frame["date"].dt.floor("D"), step=step)
    keys = ["customer_id", "order_id", "day", "step"]
    orders = frame.groupby(keys, as_index=False)["sales"].sum()
    orders["purchase"] = orders["sales"] >= 0
    panel = orders.groupby(["customer_id", "step"], as_index=False).agg(
        sales=("sales", "sum"), bought=("purchase", "any")
    )
    return panel[panel["bought"]]


def triangle_pandas(frame: Any) -> Any:
    """The triangle's counts as an analyst writes them in pandas."""
    panel = _panel(frame)
    cohort = panel.groupby("customer_id")["step"].transform("min")
    counts = panel.assign(cohort=cohort, age=panel["step"] - cohort)
    return counts.groupby(["cohort", "age"]).size().astype(float).tolist()


def movements_pandas(frame: Any) -> Any:
    """The movements as an analyst writes them in pandas."""
    panel = _panel(frame).sort_values(["customer_id", "step"])
    near = panel.groupby("customer_id")
    before, paid, after = near["step"].shift(), near["sales"].shift(), near["step"].shift(-1)
    stayed = before == panel["step"] - 1
    change = panel["sales"] - paid
    parts = panel[["step"]].assign(
        new=panel["sales"].where(before.isna(), 0.0),
        reactivated=panel["sales"].where(before < panel["step"] - 1, 0.0),
        expansion=change.clip(lower=0).where(stayed, 0.0),
        contraction=(-change).clip(lower=0).where(stayed, 0.0),
    )
    moves = parts.groupby("step").sum()
    left = panel[after != panel["step"] + 1]
    moves["churned"] = left.groupby(left["step"] + 1)["sales"].sum()
    return moves.iloc[1:].to_numpy().ravel().tolist()


def _activity(table: Any) -> Any:
    import retention as rt

    return rt.customer_periods(table, freq="month", as_of=AS_OF, observed_from=START)


def triangle_ours(table: Any) -> Any:
    """The same by this library, with rates, bounds and money beside the counts."""
    import retention as rt

    cohorts = rt.cohort_retention(_activity(table))
    cohorts = cohorts.df() if hasattr(cohorts, "df") else cohorts
    seen = cohorts[cohorts["n_retained"] > 0].sort_values(["cohort", "age"])
    return seen["n_retained"].astype(float).tolist()


def movements_ours(table: Any) -> Any:
    """The same by this library."""
    import retention as rt

    moves = rt.revenue_movements(_activity(table))
    moves = moves.df() if hasattr(moves, "df") else moves
    names = ["new", "reactivated", "expansion", "contraction", "churned"]
    shown = moves.sort_values("period")[[f"sales_{name}" for name in names]]
    return shown.iloc[1:].to_numpy().ravel().tolist()


CONTESTANTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "triangle, duckdb: by hand": ("duckdb", triangle_sql),
    "triangle, duckdb: retention": ("duckdb", triangle_ours),
    "triangle, pandas: by hand": ("pandas", triangle_pandas),
    "triangle, pandas: retention": ("pandas", triangle_ours),
    "movements, duckdb: by hand": ("duckdb", movements_sql),
    "movements, duckdb: retention": ("duckdb", movements_ours),
    "movements, pandas: by hand": ("pandas", movements_pandas),
    "movements, pandas: retention": ("pandas", movements_ours),
}


def main() -> None:
    """Make the company, run every contestant, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.run:
        name, path = said.run
        run_one(*CONTESTANTS[name], path)
        return
    import numpy as np

    with orders_file(said.customers) as path:
        found = {name: best_of(1, __file__, name, path) for name in CONTESTANTS}
    for name, row in found.items():
        reference = found[name.split(",")[0] + ", duckdb: by hand"]["answer"]
        np.testing.assert_allclose(row["answer"], reference[-len(row["answer"]) :], rtol=1e-9)
        hand = found[name.split(":")[0] + ": by hand"]["cpu"]
        shown = f"{row['cpu']:8.2f} s CPU {row['cpu'] / hand:6.2f} × by hand"
        print(f"{name:30}{shown}  {row['peak'] - row['loaded']:6.2f} GB more")


if __name__ == "__main__":
    main()

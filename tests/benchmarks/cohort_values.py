"""What each cohort has brought by age, from order lines: this library beside scripts by hand.

    python tests/benchmarks/cohort_values.py                     # 3 million order lines
    python tests/benchmarks/cohort_values.py --customers 100000
    python tests/benchmarks/cohort_values.py --coverage          # do the bounds hold?

Each contestant runs in a process of its own on the same generated company and prints its CPU time.
In SQL by hand there are bounds as well, in pandas by hand means alone. What is imported on first
use is not counted. The answers are compared to a relative 1e-9.
"""

from __future__ import annotations

import argparse
from typing import Any

from contest import AS_OF, START, best_of, orders_file, run_one

VALUES = """
WITH orders AS (
  SELECT customer_id, order_id, CAST(date AS DATE) AS day,
         year(date) * 12 + month(date) AS step, sum(sales) AS sales, sum(profit) AS profit
  FROM lines GROUP BY ALL),
panel AS (
  SELECT customer_id, step, sum(profit) AS profit, bool_or(sales >= 0) AS bought
  FROM orders GROUP BY ALL),
firsts AS (SELECT customer_id, min(step) AS cohort FROM panel WHERE bought GROUP BY ALL),
so_far AS (
  SELECT cohort, step - cohort AS age, profit,
         sum(profit) OVER (PARTITION BY customer_id ORDER BY step) AS c
  FROM panel JOIN firsts USING (customer_id) WHERE step >= cohort),
cells AS (
  SELECT cohort, age, sum(profit) AS profit, count(*) AS n, sum(profit * (2 * c - profit)) AS cc
  FROM so_far GROUP BY ALL)
SELECT cohort, age, n, sum(profit) OVER w AS total, sum(cc) OVER w AS squares
FROM cells WINDOW w AS (PARTITION BY cohort ORDER BY age) ORDER BY cohort, age
"""


def values_sql(relation: Any) -> Any:
    """Cumulative profit per customer and its bounds in DuckDB's SQL, netting orders."""
    rows = relation.query("lines", VALUES).fetchall()
    size = {cohort: n for cohort, age, n, _, _ in rows if age == 0}
    found = []
    for cohort, _, _, total, squares in rows:
        n = size[cohort]
        error = ((squares - total**2 / n) / (n - 1) / n) ** 0.5
        found.append((total / n - 1.96 * error, total / n, total / n + 1.96 * error))
    return [float(value) for _, value, _ in found]


def values_pandas(frame: Any) -> Any:
    """The same as an analyst writes it in pandas, netting orders as the library does."""
    step = frame["date"].dt.year * 12 + frame["date"].dt.month
    keys = ["customer_id", "order_id", "step"]
    orders = frame.assign(step=step).groupby(keys, as_index=False)[["sales", "profit"]].sum()
    first = orders[orders["sales"] > 0].groupby("customer_id")["step"].min().rename("cohort")
    since = orders.merge(first, left_on="customer_id", right_index=True)
    since = since[since["step"] >= since["cohort"]]
    since["age"] = since["step"] - since["cohort"]
    cells = since.pivot_table(index="cohort", columns="age", values="profit", aggfunc="sum")
    values = cells.fillna(0.0).cumsum(axis=1).div(first.value_counts().sort_index(), axis=0)
    last = int(step.max())
    return [row[age] for cohort, row in values.iterrows() for age in range(last - cohort + 1)]


def values_ours(table: Any) -> Any:
    """The same by this library."""
    import retention as rt

    activity = rt.customer_periods(table, freq="month", as_of=AS_OF, observed_from=START)
    values = rt.economics.cohort_value(activity, of="profit", acquisition_cost=50.0, washout=0)
    values = values.df() if hasattr(values, "df") else values
    seen = values[values["observed"]].sort_values(["cohort", "age"])
    return seen["value_per_customer"].tolist()


CONTESTANTS = {
    "duckdb: by hand": ("duckdb", values_sql),
    "duckdb: retention": ("duckdb", values_ours),
    "pandas: by hand": ("pandas", values_pandas),
    "pandas: retention": ("pandas", values_ours),
}


def print_coverage(worlds: int = 1000, n: int = 120) -> None:
    """How often the bounds hold the mean that was drawn from, at four ages, of skewed money."""
    import numpy as np

    from retention import intervals

    rng, inside = np.random.default_rng(1), np.zeros(4)
    for _ in range(worlds):
        stays = (rng.random((n, 4)) < 0.7).cumprod(axis=1)
        spent = rng.gamma(0.7, 30.0, (n, 1)) * rng.gamma(2.0, 0.5, (n, 4)) * stays
        so_far = spent.cumsum(axis=1)
        total, squares = so_far.sum(axis=0), (so_far**2).sum(axis=0)
        mean = total / n
        effective = total**2 / squares
        residuals = squares - total**2 / n
        lower, upper, _ = intervals.ratio_bounds(
            mean, np.full(4, float(n)), n * n / effective, residuals, np.full(4, float(n))
        )
        truth = 21.0 * (0.7 ** np.arange(1, 5)).cumsum()
        inside += (lower <= truth) & (truth <= upper)
    shown = ", ".join(f"{share:.1%}" for share in inside / worlds)
    print(f"95 % bounds of {n} skewed customers hold the true mean at ages 0 to 3: {shown}")


def main() -> None:
    """Make the company, run every contestant, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=300_000)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.run:
        name, path = said.run
        run_one(*CONTESTANTS[name], path, warm=100_000)
        return
    if said.coverage:
        print_coverage()
        return
    import numpy as np

    with orders_file(said.customers) as path:
        found = {name: best_of(2, __file__, name, path) for name in CONTESTANTS}
    for name, row in found.items():
        hand = found[name.split(":")[0] + ": by hand"]["cpu"]
        print(f"{name:20}{row['cpu']:8.2f} s CPU {row['cpu'] / hand:6.2f} × by hand")
    for name in ("pandas: retention", "duckdb: retention"):
        np.testing.assert_allclose(
            found[name]["answer"], found["pandas: by hand"]["answer"], rtol=1e-9
        )


if __name__ == "__main__":
    main()

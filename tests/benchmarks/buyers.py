"""Who comes and who comes again: this library beside the plainest scripts, in CPU seconds.

    python tests/benchmarks/buyers.py              # of 3 million order lines, about
    python tests/benchmarks/buyers.py 20000        # of so many customers

Each runs three times in this process, and the best counts. The scripts net what
a customer bought and gave back on a day, as the library does without order ids, check nothing and
give bare numbers, without bounds.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

from contest import AS_OF, START, load, orders_file

COLUMNS = ["customer_id", "date", "sales"]
SAID = {"as_of": AS_OF, "observed_from": START}


def active_pandas(lines: Any) -> Any:
    """Customers, orders, sales, new ones and customer-days of each month."""
    dated = lines.assign(day=lines["date"].dt.normalize())
    net = dated.groupby(["customer_id", "day"], as_index=False)["sales"].sum()
    days = net[net["sales"] >= 0]
    days = days.assign(month=days["day"].dt.to_period("M"))
    first = days.groupby("customer_id")["month"].min()
    found = days.groupby("month").agg(days=("day", "size"), active=("customer_id", "nunique"))
    sales = lines.groupby(lines["date"].dt.to_period("M"))["sales"].sum()
    return found.assign(new=first.value_counts(), sales=sales)


def active_duckdb(lines: Any) -> Any:
    """The same as SQL."""
    return lines.query(
        "o",
        """WITH days AS (SELECT customer_id, CAST(date AS DATE) AS day, sum(sales) AS sales,
             sum(sales) >= 0 AS bought FROM o GROUP BY ALL),
           whole AS (SELECT date_trunc('month', day) AS month, sum(sales) AS sales,
             count(*) FILTER (bought) AS days,
             count(DISTINCT customer_id) FILTER (bought) AS active FROM days GROUP BY ALL),
           first AS (SELECT customer_id, min(day) AS day FROM days WHERE bought GROUP BY ALL),
           new AS (SELECT date_trunc('month', day) AS month, count(*) AS new FROM first
             GROUP BY ALL)
        SELECT * FROM whole JOIN new USING (month)""",
    ).fetchall()


def next_pandas(lines: Any) -> Any:
    """Kaplan–Meier of the days from the first order to the second."""
    import numpy as np
    import pandas as pd

    dated = lines.assign(day=lines["date"].dt.normalize())
    net = dated.groupby(["customer_id", "day"], as_index=False)["sales"].sum()
    days = net[net["sales"] >= 0]
    after = days.groupby("customer_id")["day"].shift(-1)
    first = ~days["customer_id"].duplicated()
    day, after = days.loc[first, "day"], after[first]
    length = (after.fillna(pd.Timestamp(AS_OF)) - day).dt.days
    counts = pd.DataFrame({"length": length, "back": after.notna()})
    table = counts.groupby("length")["back"].agg(["size", "sum"])
    at_risk = table["size"][::-1].cumsum()[::-1]
    return 1 - np.cumprod(1 - table["sum"] / at_risk)


def next_duckdb(lines: Any) -> Any:
    """The counts of the same as SQL."""
    return lines.query(
        "o",
        f"""WITH days AS (SELECT customer_id, CAST(date AS DATE) AS day FROM o GROUP BY ALL
             HAVING sum(sales) >= 0),
           turns AS (SELECT day, lead(day) OVER w AS after, row_number() OVER w AS turn FROM days
             WINDOW w AS (PARTITION BY customer_id ORDER BY day))
        SELECT coalesce(after, DATE '{AS_OF}') - day AS length, after IS NOT NULL AS back, count(*)
        FROM turns WHERE turn = 1 GROUP BY ALL""",
    ).fetchall()


def contests() -> dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]]:
    """The scripts, each beside what of ours gives the same."""
    import retention as rt

    def active(lines: Any) -> Any:
        return rt.kpis.active_customers(lines, freq="month", **SAID)

    def following(lines: Any) -> Any:
        return rt.kpis.time_to_next_order(lines, as_of=AS_OF)

    return {
        "pandas active": (active_pandas, active),
        "pandas next order": (next_pandas, following),
        "duckdb active": (active_duckdb, lambda lines: active(lines).fetchall()),
        "duckdb next order": (next_duckdb, lambda lines: following(lines).fetchall()),
    }


def best_seconds(script: Callable[[Any], Any], lines: Any) -> float:
    """The least CPU seconds of three runs."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        script(lines)
        taken.append(time.process_time() - start)
    return min(taken)


def main() -> None:
    """Make the lines, run every contestant, print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("customers", type=int, nargs="?", default=230_000)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    with orders_file(parser.parse_args().customers) as path:
        for name, (script, ours) in contests().items():
            lines = load(name.split()[0], path, COLUMNS)
            plain, own = best_seconds(script, lines), best_seconds(ours, lines)
            print(f"{name:20}{plain:8.2f}{own:8.2f}{own / plain:8.2f}", flush=True)


if __name__ == "__main__":
    main()

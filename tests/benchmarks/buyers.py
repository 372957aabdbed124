"""Who comes and who comes again: this library beside the plainest scripts, in CPU seconds.

    python tests/benchmarks/buyers.py              # of 3 million order lines, about
    python tests/benchmarks/buyers.py 20000        # of so many customers
    python tests/benchmarks/buyers.py --coverage   # how often bounds of money hold the truth

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


def rolling_pandas(lines: Any) -> Any:
    """Retention of 90 days as of the end of each month, in each segment: as often over."""
    import pandas as pd

    bought = lines[lines["sales"] >= 0]
    rates = {}
    for day in pd.date_range("2022-06-30", AS_OF, freq="ME"):
        middle, start = day - pd.Timedelta(90, "D"), day - pd.Timedelta(180, "D")
        dates = bought["date"]
        base = bought.loc[(dates > start) & (dates <= middle), ["customer_id", "kind"]]
        back = bought.loc[(dates > middle) & (dates <= day), "customer_id"].unique()
        base = base.drop_duplicates()
        rates[day] = base["customer_id"].isin(back).groupby(base["kind"]).mean()
    return pd.DataFrame(rates)


def rolling_duckdb(lines: Any) -> Any:
    """The same as SQL."""
    return lines.query(
        "o",
        f"""WITH ends AS (SELECT unnest(generate_series(DATE '2022-07-01', DATE '{AS_OF}' + 1,
             INTERVAL 1 MONTH)) AS day),
           base AS (SELECT DISTINCT day, kind, customer_id FROM o JOIN ends
             ON date >= day - INTERVAL 180 DAY AND date < day - INTERVAL 90 DAY WHERE sales >= 0),
           back AS (SELECT DISTINCT day, customer_id, 1 AS back FROM o JOIN ends
             ON date >= day - INTERVAL 90 DAY AND date < day WHERE sales >= 0)
        SELECT day, kind, count(*), count(back) FROM base LEFT JOIN back
        USING (day, customer_id) GROUP BY ALL""",
    ).fetchall()


def in_kinds(lines: Any) -> Any:
    """The lines with a segment of four, which changes from order to order."""
    if hasattr(lines, "project"):
        return lines.project("*, CAST(day(date) % 4 AS VARCHAR) AS kind")
    return lines.assign(kind=(lines["date"].dt.day % 4).astype(str))


def contests() -> dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]]:
    """The scripts, each beside what of ours gives the same."""
    import retention as rt

    def active(lines: Any) -> Any:
        return rt.kpis.active_customers(lines, freq="month", **SAID)

    def following(lines: Any) -> Any:
        return rt.kpis.time_to_next_order(lines, as_of=AS_OF)

    def rolling(lines: Any) -> Any:
        said = {"days": 90, "freq": "month", "by": "kind"}
        return rt.kpis.rolling_retention(lines, **said, **SAID)

    return {
        "pandas rolling": (rolling_pandas, rolling),
        "duckdb rolling": (rolling_duckdb, lambda lines: rolling(lines).fetchall()),
        "pandas active": (active_pandas, active),
        "pandas next order": (next_pandas, following),
        "duckdb active": (active_duckdb, lambda lines: active(lines).fetchall()),
        "duckdb next order": (next_duckdb, lambda lines: following(lines).fetchall()),
    }


SPENDERS = {
    "gamma 4": (4.0, 1.0), "gamma 1": (1.0, 1.0), "log-normal 0.5": (0.5, 1.0),
    "log-normal 1": (1.0, 1.0), "the same, often": (1.0, 0.5),
}  # fmt: skip
"""How the size of orders differs between customers: its shape, and the part of the rate of orders
that has nothing to do with it; of the last, who spends much also comes often."""


def months_of_many(draw: Any, worlds: int, n: int, how: str) -> tuple[Any, float, float]:
    """Orders of a month in many worlds of n customers, the true spend per order and per customer.

    A customer places one order and Poisson more, of a size of their own.
    """
    import numpy as np
    import pandas as pd

    (shape, apart), size, noise = SPENDERS[how], (worlds, n), 0.3
    if how.startswith("gamma"):
        own, square = draw.gamma(shape, 1 / shape, size), 1 + 1 / shape
    else:
        own = np.exp(shape * draw.standard_normal(size) - shape**2 / 2)
        square = float(np.exp(shape**2))
    rate = draw.gamma(2.0, 0.5, size) * (apart + (1 - apart) * own)
    orders = 1 + draw.poisson(rate)
    who = np.repeat(np.arange(worlds * n), orders.ravel())
    turn = np.arange(who.size) - np.repeat(
        np.cumsum(orders.ravel()) - orders.ravel(), orders.ravel()
    )
    paid = own.ravel()[who] * np.exp(noise * draw.standard_normal(who.size) - noise**2 / 2)
    day = np.datetime64("2024-01-01") + (30 - turn % 31).astype("timedelta64[D]")
    lines = pd.DataFrame({"customer_id": who, "date": day, "sales": 20 * paid})
    lines = lines.assign(order_id=np.arange(who.size), world=(who // n).astype(str))
    per_customer = 20 * (1 + apart + (1 - apart) * square)  # E own (1 + rate)
    return lines, per_customer / 2, per_customer


def coverage() -> None:
    """How often the bounds of money hold the truth, and how skewed customers' sales are."""
    import numpy as np

    import retention as rt

    warnings.simplefilter("ignore")
    print(f"{'sales':16}{'skewness':>10}{'customers':>10}  per order, per customer")
    for how in SPENDERS:
        for n in (30, 100, 300, 1000):
            lines, *truths = months_of_many(np.random.default_rng(1), 2000, n, how)
            mine = lines.groupby("customer_id")["sales"].sum()
            told = {"by": "world", "as_of": "2024-01-31", "observed_from": "2024-01-01"}
            found = rt.kpis.active_customers(lines, **told)
            names = ("average_order_value", "sales_per_customer")
            held = [
                float(((found[f"{name}_lower"] <= true) & (true <= found[f"{name}_upper"])).mean())
                for name, true in zip(names, truths, strict=True)
            ]
            print(f"{how:16}{mine.skew():10.1f}{n:10}  {held[0]:.3f}, {held[1]:.3f}")


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
    parser.add_argument("--only", default="", help="contests whose name has this word")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    parser.add_argument("--coverage", action="store_true")
    asked = parser.parse_args()
    if asked.coverage:
        coverage()
        return
    chosen = {name: pair for name, pair in contests().items() if asked.only in name}
    with orders_file(asked.customers) as path:
        for name, (script, ours) in chosen.items():
            lines = load(name.split()[0], path, COLUMNS)
            lines = in_kinds(lines) if "rolling" in name else lines
            plain, own = best_seconds(script, lines), best_seconds(ours, lines)
            print(f"{name:20}{plain:8.2f}{own:8.2f}{own / plain:8.2f}", flush=True)


if __name__ == "__main__":
    main()

"""What snapshots and features cost, and that they stand where the literature and the wing stand.

    python tests/benchmarks/snapshots.py cost [customers]   # CPU seconds on DuckDB, 12 days
    python tests/benchmarks/snapshots.py real DATA          # CDNOW and Online Retail in a folder

"cost" draws a log (default 100,000 customers, 8 purchase days each on average, two years), asks
for 12 month ends and says what the snapshots, their labels and their features cost.
"real" says whom `snapshots` asks about beside `backtest_purchases`, compares the features of a day
on the whole log with those on the log cut on it, bit for bit, and shows what own windows measure.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

import retention as rt

MONTH_ENDS = [str(day.date()) for day in pd.date_range("2023-01-31", periods=12, freq="ME")]


def drawn_log(n: int) -> str:
    """A log of orders as a query: customers buy at their own rate until they leave."""
    draw = np.random.default_rng(1)
    rate = draw.gamma(0.8, 1 / 60, n)
    start = draw.integers(0, 365, n)
    stays = np.minimum(draw.exponential(500, n), 730 - start)
    many = draw.poisson(rate * stays) + 1
    who = np.repeat(np.arange(n), many)
    later = draw.random(who.size) * np.repeat(stays, many)
    later[np.append(0, np.cumsum(many)[:-1])] = 0
    day = (np.repeat(start, many) + later).astype(np.int64)
    lines = pd.DataFrame(
        {"who": who, "day": day, "sales": np.round(draw.lognormal(3, 1, who.size), 2)}
    )
    refund = draw.random(who.size) < 0.03
    lines["sales"] = np.where(refund, -lines["sales"], lines["sales"])
    duckdb.sql("CREATE OR REPLACE TABLE drawn AS SELECT * FROM lines")
    return """SELECT who::BIGINT AS customer_id, DATE '2022-01-01' + day::INT AS date,
        sales::DOUBLE AS sales FROM drawn"""


def cost(n: int) -> None:
    """CPU seconds of each step, on both cores together."""
    duckdb.sql("SET threads = 2")
    duckdb.sql(f"CREATE OR REPLACE TABLE orders AS {drawn_log(n)}")
    orders = duckdb.table("orders")
    lines = orders.count("*").fetchall()[0][0]
    print(f"{n:,} customers, {lines:,} order lines, {len(MONTH_ENDS)} days")
    steps = {
        "snapshots": lambda: rt.signals.snapshots(orders, dates=MONTH_ENDS, active_within=180),
        "labels": lambda: rt.signals.label_silence(
            duckdb.table("days"), orders, within=60, as_of="2023-12-31"
        ),
        "features": lambda: rt.signals.purchase_features(duckdb.table("days"), orders, window=90),
    }
    for name, step in steps.items():
        before = time.process_time()
        step().create("made")
        spent = time.process_time() - before
        rows = duckdb.table("made").count("*").fetchall()[0][0]
        if name == "snapshots":
            duckdb.sql("CREATE OR REPLACE TABLE days AS SELECT * FROM made")
        duckdb.sql("DROP TABLE made")
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{name:10} {spent:7.1f} CPU s, {rows:,} rows, at most {most:.1f} GB so far")


def cdnow(folder: Path) -> pd.DataFrame:
    """All 23,570 customers of CDNOW, orders of nothing left out."""
    table = pd.read_csv(folder / "cdnow/CDNOW_master.txt", sep=r"\s+", header=None, skiprows=1)
    table.columns = ["customer_id", "date", "n", "sales"]
    table["date"] = pd.to_datetime(table["date"].astype(str), format="%Y%m%d")
    return table.loc[table["sales"] > 0].assign(category="cd").reset_index(drop=True)


def online_retail(folder: Path) -> pd.DataFrame:
    """The lines of known customers."""
    file = next((folder / "online_retail").glob("*.csv.gz"))  # the whole of it, or a part
    table = pd.read_csv(file, parse_dates=["InvoiceDate"])
    table = table.dropna(subset=["CustomerID"])
    return pd.DataFrame({
        "customer_id": table["CustomerID"].astype("int64"),
        "date": table["InvoiceDate"].astype("datetime64[us]"),
        "sales": table["Quantity"] * table["UnitPrice"],
        "order_id": table["InvoiceNo"].astype(str),
        "category": table["StockCode"].astype(str).str[:3],
    }).reset_index(drop=True)  # fmt: skip


def real(folder: Path) -> None:
    """Whom is asked, what is known, what is measured."""
    for name, read, within in (("CDNOW", cdnow, 180), ("Online Retail", online_retail, 60)):
        table = read(folder)
        table["date"] = table["date"].astype("datetime64[us]")
        until = table["date"].max().normalize()
        cut, last = str((until - pd.Timedelta(days=within)).date()), str(until.date())
        print(f"\n{name}: {len(table):,} lines, {table['date'].min().date()} to {last}")
        show_whom(table, cut, within, last)
        show_leaks(table, cut)
        show_windows(table, cut, within, last)


def show_whom(table: pd.DataFrame, cut: str, within: int, last: str) -> None:
    """The customers of the day beside those whom the backtest of a purchase model scores."""
    days = rt.signals.snapshots(table, dates=cut, active_within=within)
    told = rt.signals.label_silence(days, table, within=within, as_of=last)
    scores = rt.repeat_buying.backtest_purchases(
        table, fit=rt.repeat_buying.fit_mbg_nbd, cuts=cut, within=within
    )
    one = scores.iloc[0]
    print(
        f"on {cut}: {len(days):,} asked about, {int(told['churned'].sum()):,} silent for {within}"
    )
    print(f"  backtest_purchases: {one['n_running']:,} scored, {one['n_churned']:,} silent")
    found = rt.signals.purchase_features(days, table, window=within)
    features = {name: found[name] for name in ("days_since_last", "gap_ratio")}
    features["orders a day"] = -found["n_orders"] / found["tenure"].clip(lower=1)
    for name, score in features.items():
        print(f"  AUC of {name}: {auc(told['churned'], score.fillna(0)):.3f}")
    print(f"  AUC of MBG/NBD (backtest_purchases): {one['auc']:.3f}")


def auc(left: pd.Series[float], score: pd.Series[float]) -> float:
    """The chance that one who left has the higher score, ties halved."""
    rank = score.rank().to_numpy()
    ones = left.to_numpy() == 1
    n, m = ones.sum(), (~ones).sum()
    return float((rank[ones].sum() - n * (n + 1) / 2) / (n * m))


def show_leaks(table: pd.DataFrame, cut: str) -> None:
    """The features of a day on the log cut on it, and on the whole log."""
    until = table[table["date"] < pd.Timestamp(cut) + pd.Timedelta(days=1)].reset_index(drop=True)
    made = []
    for log in (until, table):
        days = rt.signals.snapshots(log, dates=cut, active_within=60)
        made.append(rt.signals.purchase_features(days, log, window=60, category="category"))
    print(
        f"features of {cut} on the cut and the whole log the same, bit for bit:",
        made[0].equals(made[1]),
    )


def show_windows(table: pd.DataFrame, cut: str, within: int, last: str) -> None:
    """What a label measures in a window for all, and in windows of their own."""
    summary = rt.purchase_summary(table, as_of=cut)
    model = rt.repeat_buying.fit_pareto_nbd(summary)
    early = str((pd.Timestamp(last) - pd.Timedelta(days=2 * within)).date())
    days = rt.signals.snapshots(table, dates=early, active_within=within)
    found = rt.signals.purchase_features(days, table, window=within)
    for window, more in (("fixed", {}), ("own", {"window": "own", "model": model})):
        told = rt.signals.label_silence(found, table, within=2 * within, as_of=last, **more)
        known = told[told["churned"].notna() & (told["n_orders"] > 2)]
        slow = -known["n_orders"] / known["tenure"].clip(lower=1)
        print(
            f"{window} windows from {early}: {known['churned'].mean():.3f} silent, "
            f"{told['churned'].isna().mean():.0%} not known; AUC of slowness "
            f"{auc(known['churned'], slow):.3f}, of gap_ratio "
            f"{auc(known['churned'], known['gap_ratio'].fillna(0)):.3f}"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore", rt.RetentionWarning)
    if sys.argv[1:2] == ["real"]:
        real(Path(sys.argv[2]))
    else:
        cost(int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)

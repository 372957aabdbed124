"""The main job on a partitioned Parquet folder that is larger than the memory it may take.

    python tests/benchmarks/larger_than_memory.py                       # 50 million lines in 4 GB
    python tests/benchmarks/larger_than_memory.py 10000000 --gigabytes 1

Order lines of a tenth as many customers over three years, ids as text, lie in a folder a month
each. They go through the door, activity by month, materialised as a table of the database, the
three rates and spells, on a DuckDB connection with a memory limit, in a process of its own. Printed
are the CPU seconds and the most memory the process had after each step. The database's limit leaves
a quarter to what is not its own; going over the whole makes the exit code 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
from contest import peak

import retention as rt

FIRST, LAST = "2021-01-01", "2023-12-31"


def main() -> None:
    """Write the lines and run the job in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("n", nargs="?", type=int, default=50_000_000, help="how many lines")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="memory it may take")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.folder:
        run_job(Path(told.folder), told.gigabytes)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_lines(Path(folder), told.n)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
        print(f"{told.n:,} lines in {size / 1e9:.2f} GB of Parquet, {told.gigabytes:g} GB allowed")
        again = [sys.executable, __file__, "--folder", folder, "--gigabytes", f"{told.gigabytes}"]
        sys.exit(subprocess.run(again, check=False).returncode)


def run_job(folder: Path, gigabytes: float) -> None:
    """The main job, step by step."""
    connection = duckdb.connect(str(folder / "spill.duckdb"))
    connection.execute(f"SET memory_limit = '{0.75 * gigabytes}GB'")
    connection.execute("SET preserve_insertion_order = false")
    orders = connection.sql(
        f"SELECT * FROM read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
    )
    lines = timed(
        "door",
        lambda: rt.as_transactions(orders, customer_id="customer_id", date="date", sales="sales"),
    )
    window = {"as_of": LAST, "observed_from": FIRST}
    timed(
        "activity",
        lambda: rt.customer_periods(lines, freq="month", **window).to_table("activity"),
    )
    activity = connection.table("activity")
    rates = timed("rates", lambda: rt.outcome_kpis(activity).fetchall())
    spells = timed(
        "spells", lambda: rt.purchase_spells(lines, gap=180, **window).to_table("spells")
    )
    del spells
    curve = timed("curve", lambda: rt.survival_curve(connection.table("spells")))
    print(f"{len(rates)} months of rates, {len(curve)} steps of the curve; most {peak():.2f} GB")
    sys.exit(1 if peak() > gigabytes else 0)


def timed(step: str, run: Any) -> Any:
    """What a step gives; its CPU seconds and the most memory so far are printed."""
    start = time.process_time()
    answer = run()
    print(f"{step:<10}{time.process_time() - start:>8.1f} CPU s{peak():>8.2f} GB", flush=True)
    return answer


def write_lines(folder: Path, n: int) -> None:
    """Order lines in a folder a month each."""
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '2GB'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(
            f"""COPY (
                SELECT printf('C%08d', (hash(i) % {max(n // 10, 1)})::BIGINT) AS customer_id,
                    date, (1 + hash(i + 2) % 20_000) / 100.0 AS sales,
                    strftime(date, '%Y-%m') AS month
                FROM (
                    SELECT i, TIMESTAMP '{FIRST}' + to_seconds((hash(i + 1) % 94_608_000)::BIGINT)
                        AS date
                    FROM range({n}) AS rows(i)
                )
            ) TO '{folder}' (FORMAT parquet, PARTITION_BY (month), OVERWRITE_OR_IGNORE)"""
        )


if __name__ == "__main__":
    main()

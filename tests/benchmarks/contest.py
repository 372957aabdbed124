"""What the benchmarks on orders share: a company in a file, each contestant in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AS_OF = "2024-12-31"
START = "2022-01-01"
COLUMNS = ["customer_id", "order_id", "date", "sales", "profit"]


@contextmanager
def orders_file(customers: int) -> Iterator[str]:
    """The order lines of a generated company in a Parquet file, as long as it is needed."""
    import pyarrow.parquet as pq

    import retention as rt

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "orders.parquet")
        lines = rt.sample_company(customers, engine="pyarrow").orders
        pq.write_table(lines.select(COLUMNS), path)
        print(f"{lines.num_rows:,} order lines of {customers:,} customers, by month")
        del lines
        yield path


def load(kind: str, path: str, columns: list[str] | None = COLUMNS) -> Any:
    """The order lines, as a table of one kind; all columns where none are named."""
    if kind == "pandas":
        import pandas as pd

        return pd.read_parquet(path, columns=columns)
    if kind.startswith("polars"):
        import polars as pl

        frame = pl.read_parquet(path, columns=columns)
        return frame.lazy() if kind == "polars_lazy" else frame
    import duckdb

    lines = duckdb.connect().read_parquet(path)
    return lines if columns is None else lines.project(", ".join(columns))


def peak() -> float:
    """The most memory this process has had, in GB (ru_maxrss would count the parent's too)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e6


def run_one(
    kind: str,
    script: Callable[[Any], Any],
    path: str,
    columns: list[str] | None = COLUMNS,
    *,
    warm: int = 0,
) -> None:
    """One contestant in this process: prints its time, memory and answer as JSON.

    With `warm` the script first runs on so many rows, whoever's it is: what it imports on first use
    is another benchmark's subject.
    """
    import retention  # noqa: F401 - whoever needs it

    table = load(kind, path, columns)
    if warm:
        script(table.limit(warm) if kind == "duckdb" else table.head(warm))
    loaded, wall, cpu = peak(), time.perf_counter(), time.process_time()
    answer = script(table)
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps({**spent, "loaded": loaded, "peak": peak(), "answer": answer}))


def least_seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """The least CPU seconds of some runs in this process."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def print_ratios(pairs: Mapping[str, tuple[Callable[[], object], ...]], only: str = "") -> None:
    """CPU seconds of plain scripts, of what of ours is beside each, and the ratio.

    Args:
        pairs: by name the plain script and ours.
        only: a word that is in the names of those to run.
    """
    print(f"{'':28}{'plain':>8}{'ours':>8}{'ratio':>8}")
    for name, both in pairs.items():
        if only in name:
            plain, ours = map(least_seconds, both)
            print(f"{name:28}{plain:8.2f}{ours:8.2f}{ours / plain:8.2f}", flush=True)


def best_of(rounds: int, benchmark: str, name: str, path: str) -> dict[str, Any]:
    """What a contestant of a benchmark printed in the round of the least CPU time.

    What it said to stderr after "steps: " is `told`.
    """
    command = [sys.executable, benchmark, "--run", name, path]
    outputs = []
    for _ in range(rounds):
        run = subprocess.run(command, check=False, capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"{name}: {run.stderr}")
        said = run.stderr.split("steps: ")[1:]
        told = said[-1].splitlines()[0] if said else ""
        outputs.append(json.loads(run.stdout.splitlines()[-1]) | {"told": told})
    return min(outputs, key=lambda output: output["cpu"])

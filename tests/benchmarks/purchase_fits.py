"""Purchase models: fits of this library beside lifetimes, on the same customers.

    python tests/benchmarks/purchase_fits.py                     # a few minutes, most of them peers
    python tests/benchmarks/purchase_fits.py --only bg_84_days pareto
    python tests/benchmarks/purchase_fits.py --peer old/bin/python   # where lifetimes is installed

Each contestant runs in a process of its own on one thread, on the same generated customers, and
prints the CPU time of the fit and the peak memory beyond the loaded table. Ours checks the table,
collapses it and gives standard errors. lifetimes needs an older NumPy and pandas than this library:
with --peer it runs on a Python of its own, which needs pyarrow beside. Without, the CPU seconds
recorded of it elsewhere stand in its place, which says how things stand and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from contest import peak

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LIFE = (0.553, 74.0, 0.606, 81.7)
"""r, α, s and β of the simulated customers, a day: as of the public CDNOW data."""


def customers(n: int, days_of_winning: int) -> Any:
    """Customers watched for up to 273 days after the last was won, or for up to five years.

    Each buys and leaves at random at own rates; purchases of a day are one.
    """
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    r, alpha, s, beta = LIFE
    least = 190 if days_of_winning < 365 else 1
    age = rng.integers(least, least + days_of_winning, n)
    here = np.minimum(rng.exponential(beta / rng.gamma(s, size=n)), age)
    bought = rng.poisson(rng.gamma(r, size=n) / alpha * here)
    last = np.ceil(here * rng.random(n) ** (1 / np.maximum(bought, 1))) * (bought > 0)
    x = np.minimum(bought, last).astype(np.int64)
    sales = rng.gamma(6.25, size=n) * 15.4 / rng.gamma(3.74, size=n)
    return pd.DataFrame(
        {
            "x": x,
            "t_x": last,
            "T": age.astype(np.float64),
            "mean_sales": np.where(x > 0, sales.round(2), np.nan),
            "unit": pd.Categorical(["day"]).repeat(n),
        }
    ).astype({"unit": "str"})


def ours(name: str) -> Callable[[Any], float]:
    """The log-likelihood that this library reaches."""

    def fit(table: Any) -> float:
        return float(getattr(import_module("retention.repeat_buying"), name)(table).log_likelihood)

    return fit


def theirs(name: str, *, spend: bool = False) -> Callable[[Any], float]:
    """The log-likelihood that lifetimes reaches."""

    def fit(table: Any) -> float:
        import numpy as np

        fitter = getattr(import_module("lifetimes"), name)(penalizer_coef=0.0)
        if spend:
            some = table[table["x"] > 0]
            fitter.fit(some["x"], some["mean_sales"])
        else:
            fitter.fit(table["x"], table["t_x"], table["T"])
        n, scale = (len(some) if spend else len(table)), getattr(fitter, "_scale", 1.0)
        n = 1 if name == PARETO else n  # which alone keeps the sum, the others the mean
        found = -float(fitter._negative_log_likelihood_) * n
        return found + float(table["x"].sum() * np.log(scale))  # it fits in a time of its own

    return fit


_SHORT = 3.0
"""Seconds below which a run is short."""


@dataclass(frozen=True)
class Task:
    """One fit.

    Attributes:
        n: customers.
        days: in which they were won.
        fit: this library's function.
        peer: that of lifetimes.
        recorded: its CPU seconds elsewhere (0.11.3 on the NumPy and pandas it needs); None if it
            was not run or did not end.
        kind: of the table: "pandas" or "duckdb".
    """

    n: int
    days: int
    fit: str
    peer: str
    recorded: float | None
    kind: str = "pandas"


BG, PARETO, GAMMA = "BetaGeoFitter", "ParetoNBDFitter", "GammaGammaFitter"
FIVE_YEARS = 1_825
TASKS = {
    "bg_84_days": Task(1_000_000, 84, "fit_bg_nbd", BG, 13.2),
    "bg_five_years": Task(1_000_000, FIVE_YEARS, "fit_bg_nbd", BG, 13.2),
    "mbg": Task(100_000, 84, "fit_mbg_nbd", "ModifiedBetaGeoFitter", 1.66),
    "pareto": Task(100_000, 84, "fit_pareto_nbd", PARETO, 25.8),
    "gamma_gamma": Task(1_000_000, 84, "fit_gamma_gamma", GAMMA, 5.9),
    "bg_ten_million": Task(10_000_000, 84, "fit_bg_nbd", BG, None, "duckdb"),
    "bg_ten_million_five_years": Task(10_000_000, FIVE_YEARS, "fit_bg_nbd", BG, None, "duckdb"),
}


def _run(name: str, contestant: str, path: str) -> None:
    """One contestant, in this process: its answer, seconds and memory, as JSON."""
    import pandas as pd

    warnings.simplefilter("ignore")
    task = TASKS[name]
    fit = ours(task.fit)
    if contestant != "ours":
        fit = theirs(task.peer, spend=task.peer == GAMMA)
    fit(customers(1_000, 84))  # whatever is loaded on first use is loaded now
    if task.kind == "duckdb":
        import duckdb

        table = duckdb.connect().read_parquet(path)
    else:
        table = pd.read_parquet(path)
    loaded, cpu, wall = peak(), time.process_time(), time.perf_counter()
    answer = fit(table)
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps({**spent, "more": peak() - loaded, "answer": answer}))


def compared(names: list[str], peer_python: str | None = None) -> None:
    """Every contestant of the tasks, side by side; lifetimes by a Python that has it."""
    if peer_python is None and find_spec("lifetimes") is not None:
        peer_python = sys.executable
    for name in names:
        task = TASKS[name]
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "customers.parquet")
            customers(task.n, task.days).to_parquet(path)
            own = _contest(name, "ours", path)
            shown = f"{own['cpu']:8.2f} s CPU {own['wall']:8.2f} s wall {own['more']:6.2f} GB more"
            print(f"{name:26} retention {shown}")
            if peer_python is not None and task.kind == "pandas":
                peer = _contest(name, "lifetimes", path, python=peer_python)
                ratio, note = peer["cpu"] / own["cpu"], ""
                if own["answer"] < peer["answer"] - 1e-3:
                    sys.exit(f"{name}: lifetimes finds a higher likelihood.")
                seconds = peer["cpu"]
            elif task.recorded is None:
                continue
            else:
                seconds, ratio = task.recorded, task.recorded / own["cpu"]
                note = ", recorded elsewhere: not installed here"
            print(f"{'':26} lifetimes {seconds:8.2f} s CPU, {ratio:.0f} × ours{note}")


def _contest(
    name: str, contestant: str, path: str, *, python: str = sys.executable
) -> dict[str, float]:
    """What a contestant printed; of three runs, if short, the one of the least CPU time."""
    command = [python, __file__, "--run", name, contestant, path]
    found: list[dict[str, float]] = []
    while len(found) < 3 and (not found or found[-1]["cpu"] < _SHORT):
        done = subprocess.run(
            command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.stderr)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return min(found, key=lambda row: row["cpu"])


def main() -> None:
    """Run the tasks asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--peer", help="the Python in which lifetimes is installed")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.run:
        _run(*said.run)
        return
    compared(said.only, said.peer)


if __name__ == "__main__":
    main()

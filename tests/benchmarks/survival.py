"""Survival analysis beside lifelines and, where it is installed, scikit-survival.

    python tests/benchmarks/survival.py                 # everything, a few minutes
    python tests/benchmarks/survival.py --only cox_days curve

Every contestant runs in a process of its own on one thread, on the same generated customers, and
prints the CPU time of its second run and the peak memory beyond the loaded data. Where the answers
should be equal they are compared first: a fast wrong number does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
COVARIATES = [f"x{i}" for i in range(10)]


def customers(n: int, *, covariates: bool = False, continuous: bool = False) -> Any:
    """Customers whose stays are cut off after up to 1,500 days: about seven in ten are seen to end.

    Stays are exponential with a mean of 400 days, times e to minus the effects of ten covariates.
    """
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    design = rng.normal(size=(n, 10)) if covariates else np.zeros((n, 10))
    stay = rng.exponential(400 * np.exp(-design @ np.linspace(-0.5, 0.5, 10)))
    seen = rng.uniform(1, 1500, n)
    table = pd.DataFrame(design if covariates else {}, columns=COVARIATES if covariates else None)
    length = np.minimum(stay, seen)
    table["duration"] = length if continuous else np.ceil(length).astype(np.int64)
    table["churned"] = stay <= seen
    table["reason"] = np.where(table["churned"], rng.choice(["price", "rival", "service"], n), None)
    table["risk"] = design @ np.linspace(-0.5, 0.5, 10) + rng.normal(size=n)
    return table


def curve_ours(table: Any) -> Any:
    """Kaplan–Meier of this library."""
    import retention as rt

    return rt.survival_curve(table[["duration", "churned"]])["survival"].to_numpy()[-1]


def curve_lifelines(table: Any) -> Any:
    """Kaplan–Meier of lifelines."""
    import lifelines

    fitter = lifelines.KaplanMeierFitter().fit(table["duration"], table["churned"])
    return fitter.survival_function_.to_numpy()[-1, 0]


def curve_duckdb(table: Any) -> Any:
    """Kaplan–Meier of this library, from a relation of DuckDB on one thread."""
    import duckdb

    import retention as rt

    connection = duckdb.connect(config={"threads": 1})
    relation = connection.from_df(table[["duration", "churned"]])
    curve = rt.survival_curve(relation).order("duration").fetchnumpy()
    return curve["survival"][-1]


def cox_ours(table: Any) -> Any:
    """Efron's Cox model of this library."""
    import retention as rt

    return rt.fit_cox(table, covariates=COVARIATES).coef[0]


def cox_lifelines(table: Any) -> Any:
    """Efron's Cox model of lifelines."""
    import lifelines

    columns = [*COVARIATES, "duration", "churned"]
    return lifelines.CoxPHFitter().fit(table[columns], "duration", "churned").params_.iloc[0]


def cox_sksurv(table: Any) -> Any:
    """Efron's Cox model of scikit-survival."""
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    outcome = Surv.from_arrays(table["churned"], table["duration"])
    return CoxPHSurvivalAnalysis(ties="efron").fit(table[COVARIATES], outcome).coef_[0]


def incidence_ours(table: Any) -> Any:
    """Aalen–Johansen of this library, all three reasons."""
    import retention as rt

    found = rt.survival.cumulative_incidence(table[["duration", "churned", "reason"]])
    return found.groupby("reason")["cumulative_incidence"].last().iloc[0]


def incidence_lifelines(table: Any) -> Any:
    """Aalen–Johansen of lifelines, one reason with its variance; it breaks ties at random."""
    import lifelines

    codes = table["reason"].map({"price": 1, "rival": 2, "service": 3}).fillna(0).astype(int)
    fitter = lifelines.AalenJohansenFitter(seed=1)
    fitter.fit(table["duration"], codes, event_of_interest=1)
    return fitter.cumulative_density_.to_numpy()[-1, 0]


def concordance_ours(table: Any) -> Any:
    """Harrell's C of this library, with its standard error."""
    import retention as rt

    return rt.survival.concordance(table[["duration", "churned", "risk"]])["concordance"][0]


def concordance_lifelines(table: Any) -> Any:
    """Harrell's C of lifelines."""
    from lifelines.utils import concordance_index

    return concordance_index(table["duration"], -table["risk"], table["churned"])


def predictions_ours(table: Any) -> Any:
    """Survival of ten million customers at three horizons, with bounds."""
    import retention as rt

    model = rt.fit_cox(table.iloc[:100_000], covariates=COVARIATES[:3])
    people = table[COVARIATES[:3]].assign(
        customer_id=range(len(table)), tenure=table["duration"] % 700
    )
    begun = time.process_time()
    answer = rt.survival.predict_survival(people, model=model, times=[30, 90, 365])
    return float(answer["survival"].mean()), time.process_time() - begun


TASKS: dict[str, tuple[Callable[[], Any], dict[str, Callable[[Any], Any]], float]] = {
    "curve": (
        partial(customers, 10_000_000),
        {"ours": curve_ours, "ours_duckdb": curve_duckdb, "lifelines": curve_lifelines},
        1e-9,
    ),
    "cox_days": (
        partial(customers, 1_000_000, covariates=True),
        {"ours": cox_ours, "lifelines": cox_lifelines},
        1e-5,
    ),
    "cox_continuous": (
        partial(customers, 100_000, covariates=True, continuous=True),
        {"ours": cox_ours, "lifelines": cox_lifelines},
        1e-5,
    ),
    "cox_sksurv": (
        partial(customers, 1_000_000, covariates=True),
        {"ours": cox_ours, "sksurv": cox_sksurv},
        1e-5,
    ),
    "incidence": (
        partial(customers, 100_000),
        {"ours": incidence_ours, "lifelines": incidence_lifelines},
        0.02,
    ),
    "concordance": (
        partial(customers, 1_000_000, covariates=True),
        {"ours": concordance_ours, "lifelines": concordance_lifelines},
        1e-12,
    ),
    "predictions": (
        partial(customers, 10_000_000, covariates=True),
        {"ours": predictions_ours},
        1.0,
    ),
}
"""The data, the contestants, and how far their answers may lie apart."""


def _run(task: str, name: str) -> None:
    """One contestant, in this process: its answer, CPU seconds and memory, as JSON."""
    import resource

    warnings.simplefilter("ignore")
    load, contestants, _ = TASKS[task]
    table = load()
    function = contestants[name]
    import duckdb  # noqa: F401 - what grouping large tables loads on first use

    function(table.iloc[:1000])  # whatever is loaded on first use is loaded now
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    answer = function(table)
    spent = time.process_time() - begun
    if isinstance(answer, tuple):
        answer, spent = answer
    beyond = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6
    print(json.dumps({"answer": float(answer), "cpu": spent, "gigabytes": beyond}))


def _compared(task: str) -> None:
    """All contestants of one task, side by side."""
    _, contestants, near = TASKS[task]
    names = [name for name in contestants if name != "sksurv" or find_spec("sksurv")]
    if len(names) < 2 and task.endswith("sksurv"):
        print(f"{task}: scikit-survival is not installed")
        return
    found = {}
    for name in names:
        command = [sys.executable, __file__, "--run", task, name]
        done = subprocess.run(
            command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.stderr)
        found[name] = json.loads(done.stdout.splitlines()[-1])
    own = found["ours"]
    for name, row in found.items():
        if abs(row["answer"] - own["answer"]) > near:
            sys.exit(f"{task}: {name} says {row['answer']}, we say {own['answer']}")
        ratio = row["cpu"] / own["cpu"]
        print(
            f"{task:>15}  {name:<12} {row['cpu']:8.3f} s CPU  {row['gigabytes']:6.2f} GB more"
            f"  {ratio:8.1f} × ours"
        )


def main() -> None:
    """Run the tasks asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--run", nargs=2, metavar=("TASK", "CONTESTANT"), help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.run:
        _run(*said.run)
        return
    for task in said.only:
        _compared(task)


if __name__ == "__main__":
    main()

"""What the main job moves on Spark: jobs, shuffles, bytes shuffled per line, bytes at the driver.

    python tests/benchmarks/spark_plan.py            # 1 million order lines
    python tests/benchmarks/spark_plan.py 3000000

Order lines of a tenth as many customers over three years, in a Parquet folder of eight files, go
through the door, activity by month and the three rates, and through spells and a survival curve.
Spark's own event log says what each step moved. Nothing of a customer's may come to the driver:
what it gets must not grow with the lines, so the job is run on a tenth of the lines, too. A plan
with a product of two tables, or a driver that gets more of more lines, makes the exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import retention as rt

FIRST, LAST = "2021-01-01", "2023-12-31"
PRODUCTS = ("CartesianProduct", "BroadcastNestedLoopJoin")


@dataclass(frozen=True)
class Moved:
    """What one step of the job moved."""

    jobs: int
    shuffles: int
    shuffled: int
    at_driver: int


def main() -> None:
    """Run the job on all lines and on a tenth of them, and print what each step moved."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("n", nargs="?", type=int, default=1_000_000, help="how many order lines")
    n = parser.parse_args().n
    moved = {lines: moved_by_step(lines) for lines in (n // 10, n)}
    print(f"{'step':<12}{'lines':>12}{'jobs':>6}{'shuffles':>10}{'bytes a line':>14}{'driver':>10}")
    for step in moved[n]:
        for lines, steps in moved.items():
            of = steps[step]
            each = of.shuffled / lines
            print(
                f"{step:<12}{lines:>12,}{of.jobs:>6}{of.shuffles:>10}{each:>14.1f}{of.at_driver:>10,}"
            )
    grown = [
        step
        for step, few in moved[n // 10].items()
        if moved[n][step].at_driver > 2 * few.at_driver + 100_000
    ]
    print(f"the driver gets more of more lines in: {', '.join(grown) or 'no step'}")
    sys.exit(1 if grown else 0)


def moved_by_step(n: int) -> dict[str, Moved]:
    """What each step of the main job moves, of so many lines."""
    with tempfile.TemporaryDirectory() as folder:
        write_lines(Path(folder, "orders"), n)
        logs = Path(folder, "events")
        logs.mkdir()
        with spark_session(logs) as spark:
            spark.sparkContext.setJobGroup("reading", "reading")
            for step, run in steps_of_job(spark.read.parquet(str(Path(folder, "orders")))):
                spark.sparkContext.setJobGroup(step, step)
                run()
        (log,) = (
            file for file in logs.rglob("*") if file.is_file() and not file.name.startswith(".")
        )
        return read_events(log)


def steps_of_job(orders: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The steps of the main job; each is asked for all it gives."""
    said = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
    answers: dict[str, Any] = {}

    def keep(name: str, answer: Any) -> None:
        refuse_products(name, answer)
        answers[name] = answer

    yield "door", lambda: keep("lines", rt.as_transactions(orders, **said))
    yield (
        "activity",
        lambda: keep(
            "activity",
            rt.customer_periods(
                answers["lines"], freq="month", as_of=LAST, observed_from=FIRST
            ).cache(),
        ),
    )
    yield "rates", lambda: rt.outcome_kpis(answers["activity"]).count()
    yield (
        "spells",
        lambda: keep(
            "spells",
            rt.purchase_spells(answers["lines"], gap=180, as_of=LAST, observed_from=FIRST).cache(),
        ),
    )
    yield "curve", lambda: rt.survival_curve(answers["spells"])


def refuse_products(name: str, answer: Any) -> None:
    """Stop where a plan joins each row of a table with each of another."""
    plan = answer._jdf.queryExecution().executedPlan().toString()
    found = [kind for kind in PRODUCTS if kind in plan]
    if found:
        raise SystemExit(f"{name}: {', '.join(found)} in the plan")


def read_events(log: Path) -> dict[str, Moved]:
    """The sums of Spark's event log by the step that was named as a job's group."""
    jobs: Counter[str] = Counter()
    shuffles: Counter[str] = Counter()
    shuffled: Counter[str] = Counter()
    at_driver: Counter[str] = Counter()
    step_of: dict[int, str] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerJobStart":
            step = event["Properties"].get("spark.jobGroup.id", "")
            jobs[step] += 1
            step_of |= dict.fromkeys(event["Stage IDs"], step)
        elif event["Event"] == "SparkListenerTaskEnd":
            step, metrics = step_of[event["Stage ID"]], event["Task Metrics"]
            shuffled[step] += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
            at_driver[step] += metrics["Result Size"] * (event["Task Type"] == "ResultTask")
        elif event["Event"] == "SparkListenerStageCompleted":
            info = event["Stage Info"]
            named = {one["Name"]: one["Value"] for one in info["Accumulables"]}
            written = int(named.get("internal.metrics.shuffle.write.bytesWritten", 0))
            shuffles[step_of[info["Stage ID"]]] += written > 0
    return {
        step: Moved(jobs[step], shuffles[step], shuffled[step], at_driver[step]) for step in jobs
    }


def write_lines(folder: Path, n: int) -> None:
    """Order lines in eight files of a folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    rng = np.random.default_rng(1)
    spread = rng.integers(0, 1095 * 86_400_000_000, n).astype("timedelta64[us]")
    table = pa.table(
        {
            "customer_id": np.char.mod("C%07d", rng.integers(0, max(n // 10, 1), n)),
            "date": pa.array(np.datetime64(FIRST, "us") + spread),
            "sales": np.round(rng.gamma(2, 20, n), 2),
        }
    )
    for part, rows in enumerate(np.array_split(np.arange(n), 8)):
        pq.write_table(table.slice(rows[0], len(rows)), folder / f"part{part}.parquet")


@contextmanager
def spark_session(logs: Path) -> Iterator[Any]:
    """Spark on this machine, which logs its events in a folder."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "8",
        "spark.driver.memory": "2g",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": logs.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
    }
    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        yield spark
    finally:
        spark.stop()


if __name__ == "__main__":
    main()

"""Figures from activity and from order lines: this library beside the plainest scripts.

    python tests/benchmarks/figures.py                       # of 3 million order lines
    python tests/benchmarks/figures.py 100000 --ids number
    python tests/benchmarks/figures.py --only pandas --figures movements spells

`revenue_movements`, `lifecycle_states` and `cohort_retention` start from the activity by month,
`purchase_spells`, `purchase_summary` and `gap_table` from the lines. Each contestant runs in a
process of its own, on one core, once on ten thousand rows for what it imports and then on all; CPU
seconds are of the best of three rounds. Their answers are compared first.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from contest import best_of, load, run_one
from figures_by_hand import BY_HAND, GAP, GAPS, LOST_AFTER, WITHIN, Answer, sums_of_summary
from whole_way import FIRST, LAST, lines_file

ENGINES = ("pandas", "polars")
FROM_ACTIVITY = ("movements", "lifecycle", "cohorts")


@contextmanager
def tables_files(n: int, ids: str) -> Iterator[str]:
    """Order lines in a Parquet file, and the activity by month beside them."""
    import retention as rt

    with lines_file(n, ids, orders=False) as path:
        lines = load("pandas", path, None)
        activity = rt.customer_periods(lines, freq="month", as_of=LAST, observed_from=FIRST)
        activity.to_parquet(Path(path).with_name("activity.parquet"))
        yield path


def _floats(table: Any, names: list[str], rows: slice = slice(None)) -> Answer:
    return {name: [float(value or 0) for value in table[name]][rows] for name in names}


def movements(activity: Any) -> Answer:
    """From the second month on, as the scripts give them."""
    import retention as rt

    moves = rt.revenue_movements(activity)
    names = ("new", "reactivated", "expansion", "contraction", "churned")
    found = _floats(moves, [f"sales_{name}" for name in names], slice(1, None))
    return {name.removeprefix("sales_"): values for name, values in found.items()}


def lifecycle(activity: Any) -> Answer:
    """The states, of which the table also tells from which other each customer came."""
    import retention as rt

    flows = rt.lifecycle_states(activity, lost_after=LOST_AFTER)
    step, state, n = (np.asarray(flows[name]) for name in ("step", "state", "n_customers"))
    step = step - step.min()
    return {
        name: np.bincount(step[state == name], n[state == name], step.max() + 1).tolist()
        for name in ("new", "retained", "reactivated", "lapsed", "lost")
    }


def cohorts(activity: Any) -> Answer:
    """The counts of the triangle; rates and bounds stand beside them."""
    import retention as rt

    table = rt.cohort_retention(activity)
    return {"n": [n for n in _floats(table, ["n_retained"])["n_retained"] if n > 0]}


def spells(lines: Any) -> Answer:
    """How many spells, how many of them ended, how long they lasted in all."""
    import retention as rt

    found = rt.purchase_spells(lines, gap=GAP, as_of=LAST)
    told = (len(found), found["churned"].sum(), found["duration"].sum())
    return {"told": [float(value) for value in told]}


def summary(lines: Any) -> Answer:
    """Sums over the customers."""
    import retention as rt

    return sums_of_summary(rt.purchase_summary(lines, as_of=LAST))


def gaps(lines: Any) -> Answer:
    """The counts of each gap."""
    import retention as rt

    table = rt.gap_table(lines, as_of=LAST, gaps=GAPS, within=WITHIN)
    found = _floats(table, ["n_lost", "n_came_back", "n_followed", "n_false"])
    return {"told": [value for row in zip(*found.values(), strict=True) for value in row]}


OURS: dict[str, Callable[[Any], Answer]] = {
    "movements": movements,
    "lifecycle": lifecycle,
    "cohorts": cohorts,
    "spells": spells,
    "summary": summary,
    "gaps": gaps,
}


def _run(name: str, path: str) -> None:
    """One contestant in this process."""
    engine, figure, who = name.split(": ")
    script = OURS[figure] if who == "retention" else BY_HAND[figure][engine]
    if figure in FROM_ACTIVITY:
        path = str(Path(path).with_name("activity.parquet"))
    elif who == "plain":
        script = partial(script, as_of=LAST)
    run_one(engine, script, path, columns=None, warm=10_000)


def measured(
    path: str, engines: Sequence[str], figures: Sequence[str], rounds: int
) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Engine and figure, with what the plain script and ours took for them: their answers agree."""
    for engine in engines:
        for figure in figures:
            plain, own = (
                best_of(rounds, __file__, f"{engine}: {figure}: {who}", path)
                for who in ("plain", "retention")
            )
            for column, values in plain["answer"].items():
                found = own["answer"][column]
                np.testing.assert_allclose(found, values, rtol=1e-9, err_msg=figure)
            yield engine, figure, plain, own


def main() -> None:
    """Make the tables, run every contestant, print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lines", type=int, nargs="?", default=3_000_000)
    parser.add_argument("--ids", choices=("text", "number"), default="text")
    parser.add_argument("--only", nargs="*", default=ENGINES, help="engines")
    parser.add_argument("--figures", nargs="*", default=tuple(OURS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.run:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # as many threads, too
        _run(*told.run)
        return
    import pandas as pd

    print(f"{told.lines:,} lines, {told.ids} ids; pandas {pd.__version__}")
    print(f"{'':20}{'plain':>8}{'ours':>8}{'ratio':>8}{'peak GB':>9}{'of it data':>12}")
    with tables_files(told.lines, told.ids) as path:
        for engine, figure, plain, own in measured(path, told.only, told.figures, told.rounds):
            print(
                f"{engine + ' ' + figure:20}{plain['cpu']:8.2f}{own['cpu']:8.2f}"
                f"{own['cpu'] / plain['cpu']:8.2f}{own['peak']:9.2f}{own['loaded']:12.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

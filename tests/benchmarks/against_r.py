"""Every number that the survival wing and R both have, on random tables, side by side.

    python tests/benchmarks/against_r.py [TABLES] [SEED]

Needs Rscript with survival, cmprsk, riskRegression and prodlim, which runs once for all tables. A
comparison is one column of one answer. Differences above the tolerance are listed; those that have
a reason are counted apart, and one without makes the exit code 1.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from r_asked import Answers, Told, answers_of
from r_reasons import kind_of, reason_for_one, reasons_of
from r_tables import Drawn, drawn_tables, write_tables

TOLERANCE = 1e-6
NOTHING = 1e-6  # beside numbers below this a difference is measured by it
SHOWN = 40


@dataclass
class Tally:
    """What has been compared of one kind.

    Attributes:
        comparisons: columns of answers.
        numbers: in them.
        largest: the largest relative difference without a reason to differ.
        apart: numbers above the tolerance that have a reason, by that reason.
        unexplained: where they have none.
    """

    comparisons: int = 0
    numbers: int = 0
    largest: float = 0.0
    apart: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)


def read_answers(folder: Path) -> tuple[dict[int, Answers], dict[int, dict[str, str]]]:
    """R's numbers by table, and what it refused."""
    found: dict[int, Answers] = defaultdict(dict)
    refused: dict[int, dict[str, str]] = defaultdict(dict)
    for line in (folder / "r.txt").read_text().splitlines():
        table, call, column, numbers = line.split("|")
        if column == "refused":
            refused[int(table)][call] = numbers
        else:
            words = ["nan" if word == "NA" else word for word in numbers.split()]
            found[int(table)][call, column] = np.array(words, dtype=float)
    return found, refused


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """|a − b| over the larger of both; 0 where both are missing, infinite where one is."""
    missing = np.isnan(ours).astype(int) + np.isnan(theirs)
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), NOTHING)
        found = np.where(ours == theirs, 0.0, np.abs(ours - theirs) / size)
    return np.select([missing == 2, missing == 1], [0.0, np.inf], found)


def compare(
    drawn: Drawn,
    ours: Told,
    theirs: tuple[Answers, dict[str, str]],
    tallies: dict[str, Tally],
) -> Counter[str]:
    """All answers on one table; what only one of the two says is counted by its reason."""
    of_r, (theirs, _), single = theirs, theirs, Counter()
    for key in sorted({*ours, *theirs}):
        call, column = key
        tally, where = tallies[kind_of(call)], f"table {drawn.number} {call}: {column}"
        if key in ours and key in theirs:
            reasons = reasons_of(key, ours, theirs, drawn)
            _count(tally, where, (ours[key], theirs[key]), reasons)
        elif why := reason_for_one(key, ours, of_r, drawn):
            single[why] += 1
        else:
            tally.unexplained.append(f"{where}: said by {'us' if key in ours else 'R'} alone")
    return single


def _count(
    tally: Tally, where: str, pair: tuple[np.ndarray, np.ndarray], reasons: list[str | None]
) -> None:
    ours, theirs = pair
    if ours.shape != theirs.shape:
        tally.unexplained.append(f"{where}: {ours.size} numbers and {theirs.size}")
        return
    tally.comparisons += 1
    tally.numbers += ours.size
    differs = relative_difference(ours, theirs)
    for i in np.flatnonzero(differs > TOLERANCE):
        if reason := reasons[i]:
            tally.apart[reason] += 1
        else:
            tally.unexplained.append(f"{where}[{i}]: {ours[i]:.10g} and {theirs[i]:.10g}")
    same = differs <= TOLERANCE
    tally.largest = max(tally.largest, float(differs[same].max(initial=0.0)))


def ask_both(tables: list[Drawn], folder: Path) -> list[Told]:
    """R, in one process for all tables, while we are asked too."""
    write_tables(tables, folder)
    script = Path(__file__).with_suffix(".R")
    with subprocess.Popen(["Rscript", str(script), str(folder)]) as process:
        ours = [answers_of(each) for each in tables]
    if process.returncode:
        raise SystemExit(process.returncode)
    return ours


def report(tables: list[Drawn], tallies: dict[str, Tally], single: Counter[str]) -> None:
    """A line for each kind; then what differs, and what could not be compared."""
    kinds = Counter(kind for each in tables for kind in each.kinds)
    print(f"{len(tables)} tables: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items()))
    print(f"\n{'':34} comparisons   numbers  largest difference  with a reason  without")
    total = Tally()
    for kind, one in sorted(tallies.items()):
        apart, without = sum(one.apart.values()), len(one.unexplained)
        print(f"{kind:34} {one.comparisons:11,} {one.numbers:9,} {one.largest:19.1e} "
              f"{apart:14,} {without:8,}")  # fmt: skip
        total.comparisons += one.comparisons
        total.numbers += one.numbers
        total.apart.update(one.apart)
        total.unexplained += one.unexplained
    apart, without = sum(total.apart.values()), len(total.unexplained)
    print(f"{'all':34} {total.comparisons:11,} {total.numbers:9,} {'':19} {apart:14,} {without:8,}")
    for title, counts in (("differ with a reason", total.apart), ("said by one only", single)):
        print(f"\n{title}:")
        for reason, n in counts.most_common():
            print(f"  {n:7,}  {reason}")
    for one in sorted(tallies):
        for line in tallies[one].unexplained[:SHOWN]:
            print("unexplained:", line)


def main() -> int:
    """Draw, ask both, and compare."""
    n, seed = ([int(word) for word in sys.argv[1:]] + [224, 1][len(sys.argv) - 1 :])[:2]
    tables = list(drawn_tables(n, seed))
    tallies: dict[str, Tally] = defaultdict(Tally)
    single: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = ask_both(tables, folder)
        theirs, refused = read_answers(folder)
        print("; ".join((folder / "versions.txt").read_text().split("\n")[:-1]))
        for each, told in zip(tables, ours, strict=True):
            single += compare(each, told, (theirs[each.number], refused[each.number]), tallies)
    report(tables, tallies, single)
    return int(any(one.unexplained for one in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())

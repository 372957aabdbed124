"""Whether any combination of people's ways to write a file is read as other numbers in silence.

    python tests/benchmarks/habits.py                # 2,000 files
    python tests/benchmarks/habits.py 100000 7       # so many, of another seed
    python tests/benchmarks/habits.py 1 7 --from 413 # one of them, shown whole

Each file is a small table of orders in some combination of a writer's, a language's and a system's
habits (`tests/tools/habit_files.py`). It is read back, what a refusal or a note names is said, and
what comes out is compared with the numbers that made it. Where Babel is installed, dates are also
written in all languages of Unicode's CLDR. Printed are the counts of what came of them, the reasons
of refusals, and each fault with its file. A fault makes the exit code 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from habit_files import Made, made_file
from habit_readings import FINE, Reading, engine_of, reading_of


def shown(made: Made, number: int, engine: str, reading: Reading) -> str:
    """A file that was read otherwise, and how."""
    lines = [f"file {number} on {engine}: {reading.outcome}: {reading.why}"]
    lines += [f"  habits: {'; '.join(made.habits)}", f"  said: {made.said | reading.followed}"]
    lines += [f"  meant: {made.meant}"]
    texts = made.texts or [repr(data) for _, data in made.files]
    lines += [
        f"  {name}: {text[:400]!r}" for (name, _), text in zip(made.files, texts, strict=True)
    ]
    return "\n".join(lines)


def main() -> None:
    """Read files until all are read, and say what came of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("n", nargs="?", type=int, default=2_000, help="how many files")
    parser.add_argument("seed", nargs="?", type=int, default=0)
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of the first")
    parser.add_argument("--show", type=int, default=3, help="so many of each fault are shown")
    parser.add_argument("--refused", help="show files refused for a reason that holds this text")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    told = parser.parse_args()
    counts: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    examples: dict[tuple[str, str], list[int]] = defaultdict(list)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(told.first, told.first + told.n):
            if time.perf_counter() - started > told.seconds:
                break
            made = made_file(told.seed, number, cldr=True)
            engine = engine_of(told.seed, number)
            reading = reading_of(made, Path(folder), engine)
            counts[reading.outcome] += 1
            reasons[reading.outcome][reading.why] += 1
            places = examples[reading.outcome, reading.why]
            places.append(number)
            fault = reading.outcome not in FINE
            asked = told.refused is not None and told.refused in f"{reading.outcome} {reading.why}"
            if told.n == 1 or asked or (fault and len(places) <= told.show):
                print(shown(made, number, engine, reading), flush=True)
    seconds = time.perf_counter() - started
    print(f"{counts.total():,} files of seed {told.seed} in {seconds:.0f} s")
    for outcome, n in counts.most_common():
        print(f"{n:>8,} {outcome}")
        for why, times in reasons[outcome].most_common(40 if outcome != "right" else 0):
            print(f"{times:>16,} {why}  [{examples[outcome, why][0]}]")
    sys.exit(1 if any(outcome not in FINE for outcome in counts) else 0)


if __name__ == "__main__":
    main()

"""Whether anything has become slower beside its plainest script: against the ratios in a file.

    python tests/benchmarks/ratios.py                # 300,000 lines; exit code 1 if anything has
    python tests/benchmarks/ratios.py --write        # store those of today
    python tests/benchmarks/ratios.py --only movements "whole way"

`ratios.json` beside it has, for each engine, CPU seconds of ours over those of the plain script, of
the figures in `figures.py` and of `whole_way.py`. Machines differ more than ratios do: what is half
as much again as what is stored, and a quarter of the plain script's time more, has become slower.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import whole_way
from contest import best_of
from figures import ENGINES, OURS, measured, tables_files

STORED = Path(__file__).with_suffix(".json")
WHOLE = "whole way"
SHARE, LEAST = 1.5, 0.25
"""How far above the stored ratio chance may lift one, as a share and at least."""


def ratios(lines: int, only: Sequence[str], rounds: int) -> Iterator[tuple[str, str, float]]:
    """Engine, figure and ratio, as they are found."""
    import pandas as pd

    with tables_files(lines, "text") as path:
        names = {engine: engine for engine in ENGINES}
        names["pandas"] += f" {pd.__version__.split('.')[0]}"
        figures = [name for name in OURS if name in only]
        for engine, figure, plain, own in measured(path, ENGINES, figures, rounds):
            yield names[engine], figure, own["cpu"] / plain["cpu"]
        whole = {name.split(":")[0] for name in whole_way.CONTESTANTS if WHOLE in only}
        for engine in sorted(whole):
            plain, own = (
                best_of(rounds, whole_way.__file__, f"{engine}: {who}", path)
                for who in ("plain", "retention")
            )
            yield names.get(engine, engine), WHOLE, own["cpu"] / plain["cpu"]


def main() -> None:
    """Measure, and compare with the file or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lines", type=int, nargs="?", default=300_000)
    parser.add_argument("--only", nargs="*", default=(*OURS, WHOLE))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="store what is found")
    told = parser.parse_args()
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    slower = 0
    for engine, figure, ratio in ratios(told.lines, told.only, told.rounds):
        before = stored.setdefault(engine, {}).get(figure)
        worse = before is not None and ratio > max(before * SHARE, before + LEAST)
        slower += worse
        said = "new" if before is None else f"{before:.2f} stored{', SLOWER' * worse}"
        print(f"{engine + ' ' + figure:24}{ratio:6.2f}  {said}", flush=True)
        if told.write:
            stored[engine][figure] = round(ratio, 2)
    if told.write:
        STORED.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    sys.exit(bool(slower and not told.write))


if __name__ == "__main__":
    main()

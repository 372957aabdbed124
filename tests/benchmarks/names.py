"""Sweep strange column names over every public function that takes one, on each engine.

    python tests/benchmarks/names.py [engine …] [--names a.b '*' …]

Prints whatever ends in an exception that is no `RetentionError`, is refused, or differs from the
answer under a plain name.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import retention as rt
from conftest import KINDS, Engine
from naming import PLAIN, STEPS, STRANGE, run, same


def main() -> None:
    """Sweep, and print what is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engines", nargs="*", default=list(KINDS))
    parser.add_argument("--names", nargs="*", default=STRANGE)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for kind in asked.engines:
        engine = Engine(kind)
        plain = dict(run(PLAIN, engine))
        for step, answer in plain.items():
            if isinstance(answer, Exception):
                print(f"{kind}: {step} under a plain name: {_told(answer)}")
        for name in asked.names:
            for step, answer in run(name, engine):
                if isinstance(plain[step], Exception) or _waits(answer):
                    continue
                if isinstance(answer, Exception) or not same(plain[step], answer):
                    print(f"{kind}: {name[:40]!r} in {step}: {_told(answer)}", flush=True)


def _waits(answer: object) -> bool:
    """Whether a step lacks the answer of one before it, which has been told of already."""
    return isinstance(answer, KeyError) and answer.args[0] in STEPS


def _told(answer: object) -> str:
    if isinstance(answer, rt.RetentionError):
        return f"refused: {str(answer)[:150]}"
    if isinstance(answer, Exception):
        return f"{type(answer).__name__}: {str(answer)[:150]}"
    return "another answer"


if __name__ == "__main__":
    main()

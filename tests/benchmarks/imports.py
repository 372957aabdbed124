"""What importing the library costs, beside importing pandas: each in fresh processes, by turns.

    python tests/benchmarks/imports.py

prints the median CPU time of each and their ratio. To stay at most 1.3.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

MEASURE = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"


def spent(module: str) -> float:
    """CPU seconds of one import in a new process."""
    command = [sys.executable, "-c", MEASURE.format(module)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Import by turns, so that a busy machine is busy for both."""
    rounds = [(spent("retention"), spent("pandas")) for _ in range(15)]
    ours, theirs = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"import retention {1e3 * ours:6.1f} ms CPU")
    print(f"import pandas    {1e3 * theirs:6.1f} ms CPU")
    print(f"ratio            {ours / theirs:6.2f}")


if __name__ == "__main__":
    main()

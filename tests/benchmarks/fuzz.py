"""Whether anything that can be fed to the loaders, phrases and notes makes the library crash.

    python tests/benchmarks/fuzz.py                          # 15 seconds a target and a fuzzer
    python tests/benchmarks/fuzz.py --seconds 60 --seed 7
    python tests/benchmarks/fuzz.py --only csv --only notes

Each target runs in a process of its own, so that a crash or a hang ends it alone: first on inputs
that Hypothesis draws, then, where atheris is installed, on those that it finds by coverage. Printed
are the inputs tried, how many were answered, how many refused in the library's own words, and each
fault: another exception or warning, a crash, or an input that took more than 5 seconds. Faults are
written to `--out`, with the input and the traceback, and make the exit code 1.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path
from typing import Any

from fuzz_pieces import Target
from fuzz_targets import TARGETS
from hypothesis import HealthCheck, Phase, given, seed, settings

import retention as rt
from retention.cli.settings import UsageError

SLOW, HUNG, FUZZERS = 5.0, 60.0, ("hypothesis", "atheris")


@dataclass
class Tally:
    """What became of the inputs of one target."""

    out: Path
    tried: int = 0
    answered: int = 0
    refused: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)

    def feed(self, act: Callable[[Any, Path], object], one: Any, folder: Path) -> None:
        """One input tried; the file `input` holds it meanwhile, in case the process dies of it."""
        (self.out / "input").write_text(ascii(one))
        faulthandler.dump_traceback_later(HUNG, exit=True)
        started = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", rt.RetentionWarning)
                act(one, folder)
            self.answered += 1
        except (rt.RetentionError, UsageError):
            self.refused += 1
        except BaseException as problem:
            if isinstance(problem, KeyboardInterrupt):
                raise
            self._fault(f"{type(problem).__name__} at {_place(problem)}", one)
        took = time.perf_counter() - started
        if took > SLOW:
            self._fault(f"took {took:.0f} seconds", one)
        self.tried, self.seconds = self.tried + 1, self.seconds + took
        self.slowest = max(self.slowest, took)

    def _fault(self, what: str, one: Any) -> None:
        """The first input of each fault is kept, with what was raised."""
        self.faults[what] = self.faults.get(what, 0) + 1
        if self.faults[what] == 1:
            path = self.out / f"fault_{len(self.faults)}.txt"
            path.write_text(f"{what}\n{one!a}\n\n{ascii_lines(traceback.format_exc())}")

    def save(self) -> None:
        """The counts, for the process that asked."""
        counts = {name: value for name, value in vars(self).items() if name != "out"}
        (self.out / "tally.json").write_text(json.dumps(counts))


def ascii_lines(text: str) -> str:
    """A text that any file takes, whatever was in the input."""
    return text.encode("ascii", "backslashreplace").decode()


def _place(problem: BaseException) -> str:
    """The innermost line of the library in a traceback."""
    frames = traceback.extract_tb(problem.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}retention{os.sep}" in frame.filename]
    last = (ours or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _test(target: Target, tally: Tally, folder: Path, start: int, n: int) -> Any:
    """A Hypothesis test that never fails: what it finds goes to the tally."""

    @seed(start)
    @settings(
        max_examples=n,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.inputs)
    def test(one: Any) -> None:
        tally.feed(target.act, one, folder)

    return test


def run(name: str, fuzzer: str, seconds: float, start: int, out: Path) -> None:
    """One target in this process, until its time is over."""
    tally, ends = Tally(out), time.perf_counter() + seconds
    with tempfile.TemporaryDirectory() as folder:
        if fuzzer == "hypothesis":
            rounds = 0
            while time.perf_counter() < ends:
                _test(TARGETS[name], tally, Path(folder), start + rounds, 50)()
                rounds += 1
                tally.save()
            return
        _cover(_test(TARGETS[name], tally, Path(folder), start, 1), tally, start, ends)


def _cover(test: Any, tally: Tally, start: int, ends: float) -> None:
    """atheris turns bytes into inputs by way of the test and keeps those that reach new lines."""
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

    for module in [name for name in sys.modules if name.split(".")[0] == "retention"]:
        for made in vars(sys.modules[module]).values():
            if isfunction(made) and made.__module__ == module:
                atheris.instrument_func(made)

    def one(data: bytes) -> None:
        test.hypothesis.fuzz_one_input(data)
        if time.perf_counter() > ends:
            tally.save()
            os._exit(0)  # it would go on for ever

    atheris.Setup([sys.argv[0], f"-seed={start + 1}", "-max_len=16384", "-len_control=0"], one)
    atheris.Fuzz()


def asked(name: str, fuzzer: str, seconds: float, start: int, out: Path) -> dict[str, Any]:
    """The counts of one target, run in another process."""
    mine = out / f"{name} {fuzzer}".replace(" ", "_")
    mine.mkdir(parents=True, exist_ok=True)
    said = [
        "--run",
        name,
        fuzzer,
        "--seconds",
        str(seconds),
        "--seed",
        str(start),
        "--out",
        str(mine),
    ]
    with (mine / "log").open("wb") as log:
        code = subprocess.run(
            [sys.executable, __file__, *said], stdout=log, stderr=log, check=False
        ).returncode
    path = mine / "tally.json"
    counts: dict[str, Any] = json.loads(path.read_text()) if path.exists() else vars(Tally(mine))
    if code:
        counts["faults"] |= {f"the process died ({code}), see {mine}": 1}
    return counts


def report(name: str, fuzzer: str, counts: dict[str, Any]) -> None:
    """A line of counts, and one for each fault."""
    mean = 1_000 * counts["seconds"] / max(counts["tried"], 1)
    print(
        f"{name:22} {fuzzer:10} {counts['tried']:>8,} {counts['answered']:>8,} "
        f"{counts['refused']:>8,} {sum(counts['faults'].values()):>6,} {mean:>8.1f} "
        f"{counts['slowest']:>8.2f}",
        flush=True,
    )
    for fault, times in counts["faults"].items():
        print(f"    fault, {times:,} times: {fault}", flush=True)


def main() -> None:
    """Every target with every fuzzer that there is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="per target and fuzzer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=sorted(TARGETS), help="a target")
    parser.add_argument("--out", type=Path, help="folder for faults [a temporary one]")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.run:
        name, fuzzer = told.run
        run(name, fuzzer, told.seconds, told.seed, told.out)
        return
    out = told.out or Path(tempfile.mkdtemp(prefix="fuzz_"))
    fuzzers = [one for one in FUZZERS if find_spec(one)]
    print(f"faults go to {out}; fuzzers: {', '.join(fuzzers)}")
    print(
        f"{'target':22} {'fuzzer':10} {'tried':>8} {'answered':>8} {'refused':>8} {'faults':>6} "
        f"{'mean ms':>8} {'most s':>8}"
    )
    total = faults = 0
    for name in told.only or TARGETS:
        for fuzzer in fuzzers:
            counts = asked(name, fuzzer, told.seconds, told.seed, out)
            report(name, fuzzer, counts)
            total, faults = total + counts["tried"], faults + len(counts["faults"])
    print(f"{total:,} inputs tried, {faults:,} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

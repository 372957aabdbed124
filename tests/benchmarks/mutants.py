"""How many small faults the tests notice: a seeded sample of mutants, each tried on its own.

A mutant is the library with one expression changed: `<` for `<=`, `+` for `-`, 1 for 0. The tests
run once with coverage, so that each mutant is tried by the tests alone that run its line, the most
particular first: those that run the fewest lines altogether. Messages and declarations are left as
they are. A mutant that nothing notices is either a gap in the tests or the same program written
differently; the list says which lines to read.

    python tests/benchmarks/mutants.py --mutants 60 --seed 1

The sample is drawn by a hash of each place's file, kind and number in it, so that the same mutants
are drawn before and after a change elsewhere, of names too. `--covered FILE` keeps what the run
with coverage found.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[2]
WINGS = ("activity", "kpis", "loading/doors", "spells", "survival")
COPIED = (
    "src",
    "tests",
    "docs",
    "examples",
    "README.md",
    "pyproject.toml",
    "mkdocs.yml",
    "CHANGELOG.md",
)
AT_MOST = 100
"""Tests that a mutant is tried by, the most particular first."""
SWEEPS = ("test_names.py", "test_documents.py", "test_report", "test_new_figure.py")
"""Files whose tests run much of the library, and take minutes, to look at something else."""
PATIENCE = 900
"""Seconds after which a run is given up: the mutant does not end, which is noticed."""

OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any", "sum": "max", "first": "last",
           "floor": "ceil", "cumsum": "cumprod"}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One expression of a file, and what is written in its place."""

    file: str
    line: int
    start: int
    end: int
    kind: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.before}  →  {self.after}"

    def written_into(self, tree: Path) -> None:
        """Change the file of a copy."""
        text = (ROOT / self.file).read_bytes()
        changed = text[: self.start] + f"({self.after})".encode() + text[self.end :]
        (tree / self.file).write_bytes(changed)


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Every mutant of what a file's functions work out."""
    text = file.read_bytes()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _expressions(ast.parse(text)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        for kind, after in _changed(node):
            name, before = str(file.relative_to(ROOT)), ast.unparse(node)
            yield Mutant(name, node.lineno, start, end, kind, before, after)


def _expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """What functions work out: without defaults, annotations, refusals, warnings and docstrings."""
    functions = (ast.FunctionDef, ast.Lambda)
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Raise | ast.arguments | ast.JoinedStr | ast.AnnAssign):
            continue
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("warn", "Error")):
            continue
        if inside and isinstance(node, ast.expr):
            yield node
        body = node.body if isinstance(node, functions) else None
        children = (
            (body if isinstance(body, list) else [body]) if body else ast.iter_child_nodes(node)
        )
        waiting += [(child, inside or isinstance(node, functions)) for child in children if child]


def _changed(node: ast.expr) -> Iterator[tuple[str, str]]:
    """What can be written in an expression's place: the kind of change, and the text."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in OTHER:
            yield type(op).__name__, _with(node, ops=[OTHER[type(op)]()])
        case ast.BinOp(op=op) | ast.BoolOp(op=op) if type(op) in OTHER and not _is_text(node):
            yield type(op).__name__, _with(node, op=OTHER[type(op)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert() as op):
            yield type(op).__name__, ast.unparse(node.operand)
        case ast.Constant(value=bool() as value):
            yield "truth", repr(not value)
        case ast.Constant(value=int() | float() as value):
            yield "number", repr(value + 1)
        case ast.Call(func=ast.Attribute(value=of, attr=name)) if name in SWAPPED:
            yield name, _with(node, func=ast.Attribute(of, SWAPPED[name], ast.Load()))
        case ast.IfExp():
            yield "choice", _with(node, body=node.orelse, orelse=node.body)


def _with(node: ast.expr, **fields: object) -> str:
    changed = {name: fields.get(name, value) for name, value in ast.iter_fields(node)}
    return ast.unparse(type(node)(**changed))


def _is_text(node: ast.AST) -> bool:
    texts = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict)
    return any(
        isinstance(part, texts) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in ast.walk(node)
    )


def drawn(n: int, seed: int, lines: dict[str, set[int]]) -> list[Mutant]:
    """The mutants of covered lines whose hashes are least."""
    seen: Counter[tuple[str, str]] = Counter()
    ranked = []
    for wing in WINGS:
        for file in sorted((ROOT / "src/retention" / wing).rglob("*.py")):
            for mutant in mutants_of(file):
                key = (mutant.file, mutant.kind)
                seen[key] += 1
                if mutant.line in lines.get(mutant.file, set()):
                    text = json.dumps([seed, *key, seen[key]])
                    ranked.append((hashlib.sha256(text.encode()).hexdigest(), mutant))
    return [mutant for _, mutant in sorted(ranked, key=lambda pair: pair[0])[:n]]


def covered(tree: Path) -> dict[str, dict[str, list[int]]]:
    """The lines of each file that each test runs, by one run of all tests."""
    command = ["-q", "-n", "2", "--cov=retention", "--cov-context=test", "--cov-report="]
    subprocess.run(
        [sys.executable, "-m", "pytest", *command], cwd=tree, env=_surroundings(tree), check=True
    )
    return contexts_of(tree)


def contexts_of(tree: Path) -> dict[str, dict[str, list[int]]]:
    """What a run with coverage has left in a folder: test, file, lines."""
    from coverage import CoverageData

    data = CoverageData(basename=str(tree / ".coverage"))
    data.read()
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for file in data.measured_files():
        name = "src/retention/" + file.split("/retention/")[-1]
        for line, contexts in data.contexts_by_lineno(file).items():
            for context in contexts:
                if context.endswith("|run"):
                    found[context.removesuffix("|run")].setdefault(name, []).append(line)
    return found


def tried(mutant: Mutant, tests: list[str], tree: Path) -> str:
    """How a mutant ended: the first test that noticed it, or that none did."""
    mutant.written_into(tree)
    (tree / "chosen.txt").write_text("\n".join(tests), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--tb=no",
        "--hypothesis-profile=unshrunk",
        "@chosen.txt",
    ]
    try:
        ended = subprocess.run(
            command,
            cwd=tree,
            env=_surroundings(tree),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "noticed: it does not end"
    finally:
        shutil.copyfile(ROOT / mutant.file, tree / mutant.file)
    if ended.returncode == 0:
        return "NOT NOTICED"
    failed = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert failed or ended.returncode == 2, ended.stdout[-2000:] + ended.stderr[-2000:]
    return f"noticed: {failed[0].split(' - ')[0] if failed else 'it does not import'}"


def _surroundings(tree: Path) -> dict[str, str]:
    """The variables of a run that takes the library from a copy."""
    return {
        **os.environ,
        "PYTHONPATH": str(tree / "src"),
        "MPLBACKEND": "Agg",
        "PYTEST_ADDOPTS": "",
    }


def main() -> None:
    """Draw mutants, try each, and say how many are noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--covered", type=Path, help="read here which test runs what, or write it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(asked.workers):
            tree = Path(folder) / str(number)
            tree.mkdir()
            for name in COPIED:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
                copy(ROOT / name, tree / name)
            trees.put(tree)
        if asked.covered and asked.covered.exists():
            tests = json.loads(asked.covered.read_text(encoding="utf-8"))
        else:
            tests = covered(tree)
        if asked.covered:
            asked.covered.write_text(json.dumps(tests), encoding="utf-8")
        _report(asked, tests, trees)


def _report(
    asked: argparse.Namespace, tests: dict[str, dict[str, list[int]]], trees: SimpleQueue[Path]
) -> None:
    size = {test: sum(map(len, files.values())) for test, files in tests.items()}
    runs: dict[tuple[str, int], list[str]] = defaultdict(list)
    lines: dict[str, set[int]] = defaultdict(set)
    particular = [test for test in tests if not any(sweep in test for sweep in SWEEPS)]
    for test in sorted(particular, key=lambda test: (size[test], test)):
        for file, numbers in tests[test].items():
            lines[file].update(numbers)
            for number in numbers:
                runs[file, number].append(test)

    def run(mutant: Mutant) -> tuple[Mutant, str]:
        tree = trees.get()
        try:
            return mutant, tried(mutant, runs[mutant.file, mutant.line][:AT_MOST], tree)
        finally:
            trees.put(tree)

    noticed = 0
    mutants = drawn(asked.mutants, asked.seed, lines)
    with ThreadPoolExecutor(asked.workers) as pool:
        for mutant, ending in pool.map(run, mutants):
            noticed += ending.startswith("noticed")
            print(f"{ending[:90]:90}  {mutant}", flush=True)
    print(f"{noticed} of {len(mutants)} mutants are noticed")


if __name__ == "__main__":
    main()

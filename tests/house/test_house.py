"""The house rules that a machine can check, read off the source itself."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "src" / "retention"
FILES = sorted(HOUSE.rglob("*.py"))
FOLDERS = sorted(file.parent for file in FILES if file.name == "__init__.py")

PLAIN = {"sum", "min", "max", "mean", "count", "n_unique"}
"""Aggregations that every engine computes alike from a plain column; see the test that uses it."""
ASKING_ENGINES = {"is_pandas", "is_polars", "is_pyarrow", "is_duckdb", "is_pyspark", "is_ibis"}
CLOCKS = {"today", "now", "utcnow", "environ", "getenv", "getlocale"}


def named(file: Path) -> str:
    """The file as its folder knows it."""
    return str(file.relative_to(HOUSE))


def module(file: Path) -> str:
    """The dotted name of a file or folder."""
    parts = file.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def at(file: Path, node: ast.expr | ast.stmt) -> str:
    """Where an offender stands, and what it says."""
    return f"{named(file)}:{node.lineno} {ast.unparse(node)}"


def over(files: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """A rule that is asked of each of these files: one test, which names all that break it."""

    def tested(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            broken = []
            for file in files:
                try:
                    rule(file)
                except AssertionError as error:
                    broken.append(f"{named(file)}: {error}")
            assert broken == []

        test.__doc__ = rule.__doc__
        return test

    return tested


every_file = over(FILES)


@cache
def tree_of(file: Path) -> ast.Module:
    """A file as Python reads it."""
    return ast.parse(file.read_text(encoding="utf-8"))


def is_private(name: str) -> bool:
    """Whether a name says that it is its file's own."""
    return name.startswith("_") and not name.endswith("__")


@every_file
def test_no_private_name_crosses_a_file(file):
    """What starts with an underscore is used in its own file only."""
    tree = tree_of(file)
    imports = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("retention")
    ]
    ours = {alias.asname or alias.name for node in imports for alias in node.names}
    imported = [at(file, n) for n in imports if any(is_private(a.name) for a in n.names)]
    reached = [
        at(file, node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in ours and is_private(node.attr)
    ]
    assert imported + reached == []


@every_file
def test_imports_name_the_file_in_full(file):
    """No relative import: the floor that is reached for stands in the line."""
    imports = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.ImportFrom)]
    assert [at(file, node) for node in imports if node.level] == []


def test_every_file_has_its_floor():
    """Each folder has a contract that forbids looking upward, and the contract names all in it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    floors = {
        container: {name.strip() for layer in contract["layers"] for name in layer.split("|")}
        for contract in contracts
        if contract["type"] == "layers" and contract.get("exhaustive")
        for container in contract["containers"]
    }
    there = {
        module(folder): {
            entry.stem
            for entry in folder.iterdir()
            if (entry.suffix == ".py" and entry.stem != "__init__")
            or (entry / "__init__.py").exists()
        }
        for folder in FOLDERS
    }
    assert floors == {folder: rooms for folder, rooms in there.items() if len(rooms) > 1}


@every_file
def test_warnings_are_given_in_one_place(file):
    """`errors.warn` finds the caller's line; a level counted by hand is wrong where calls nest."""
    calls = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)]
    given = [at(file, node) for node in calls if ast.unparse(node.func) == "warnings.warn"]
    assert len(given) == (named(file) == "errors.py")


def test_no_room_is_named_for_what_does_not_fit_elsewhere():
    """No utils, no helpers, no common."""
    assert {file.stem for file in FILES} & {"utils", "util", "helpers", "common", "misc"} == set()


SAY_NOTHING = {
    *("alike", "also", "asked", "back", "both", "counted", "dated", "described", "each"),
    *("explained", "found", "gone", "held", "here", "instead", "judged", "known", "long"),
    *("made", "meant", "met", "more", "named", "nothing", "numbered", "one", "other", "placed"),
    *("plain", "read", "rest", "said", "same", "seen", "shown", "such", "there", "told"),
    *("wanted", "with", "without", "worked", "written"),
}
"""Words that do not tell what a function gives: written how, told of what, counted by whom?"""


@every_file
def test_functions_say_what_they_give(file):
    """A call reads without its function: `customers_per_period(…)`, not `counted(…)`."""
    functions = [node for node in tree_of(file).body if isinstance(node, ast.FunctionDef)]
    bare = {node.name for node in functions if node.name.strip("_") in SAY_NOTHING}
    assert bare == set()


def test_no_two_functions_share_a_name_but_for_their_role():
    """What is called the same does the same."""
    rooms = defaultdict(set)
    for file in FILES:
        for node in tree_of(file).body:
            if isinstance(node, ast.FunctionDef):
                rooms[node.name].add(named(file))
    shared = {name for name, files in rooms.items() if len(files) > 1 and not name.startswith("__")}
    assert shared <= ROLES_OF_FUNCTIONS


ROLES_OF_FUNCTIONS = {
    *("log_likelihood", "_likelihood", "_status_and_notes"),  # of each model
}


@over([file for file in FILES if not named(file).startswith(("frames/", "periods.py"))])
def test_only_frames_and_periods_ask_which_engine_it_is(file):
    """A new engine is a matter of two files."""
    asked = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute)]
    assert [at(file, node) for node in asked if node.attr in ASKING_ENGINES] == []


@every_file
def test_nothing_reads_a_clock_or_the_surroundings(file):
    """The same call gives the same answer on any day and machine."""
    asked = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Attribute)]
    assert [at(file, node) for node in asked if node.attr in CLOCKS] == []


def test_the_check_of_aggregations_sees_what_it_must():
    """A computed column inside agg() is found wherever it hides."""
    good = """
sums = [nw.col(name).sum() for name in names]
t.agg(nw.len(), nw.col("a").sum().alias("b"), *sums, c=nw.col("x").n_unique())
t.agg(*(nw.col(name).min() for name in names))
def given():
    asked = [nw.len()]
    asked += [nw.col(name).max() for name in names]
    return asked
least = nw.col("x").min().alias("least")
t.agg(*given(), least)
"""
    assert computed(ast.parse(good)) == []
    bad = """
wrong = [(nw.col(name) * 2).sum() for name in names]
def given():
    asked = [nw.len()]
    asked += wrong
    return asked
t.agg(*given())
t.agg(nw.when(nw.col("a")).then(nw.col("v")).sum())
t.agg(nw.col("a").fill_null(0).sum())
t.agg(nw.col("a").median())
t.agg(nw.col("a", "b").sum())
least = nw.col("x").abs().min()
t.agg(*wrong)
t.agg(least)
t.agg(*unknown)
t.agg(c=nw.col("a").sum() / nw.len())
"""
    assert len(computed(ast.parse(bad))) == 9


@every_file
def test_agg_takes_only_plain_columns(file):
    """A condition inside agg() is dropped without a word on pandas and PyArrow, so none is written.

    Computed columns come before the grouping, and agg() takes nw.len() and the sum, min, max, mean,
    count or n_unique of one column.
    """
    assert [at(file, node) for node in computed(tree_of(file))] == []


def computed(tree: ast.Module) -> list[ast.expr]:
    """The arguments of agg() that are more than a plain column's aggregate."""
    made = Lists(tree)
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "agg"
    ]
    given = [value for c in calls for value in (*c.args, *(each.value for each in c.keywords))]
    return [argument for argument in given if not all(map(is_plain, made.spread(argument)))]


class Lists:
    """What the lists of a file are made of, by the name or the function that holds them.

    Scopes are not told apart: all lists of one name must be fit for agg() where one of them is
    given to it.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.made: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self.made.setdefault(node.targets[0].id, []).append(node.value)
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                self.made.setdefault(node.target.id, []).append(node.value)
            if isinstance(node, ast.FunctionDef):
                returned = [
                    n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value
                ]
                self.made.setdefault(node.name, []).extend(returned)

    def spread(self, argument: ast.expr) -> list[ast.expr]:
        """The expressions an argument stands for: itself, or all that a starred list holds."""
        if isinstance(argument, ast.Starred):
            return self.inside(argument.value)
        if isinstance(argument, ast.Name) and argument.id in self.made:
            return self.made[argument.id]
        return [argument]

    def inside(self, value: ast.expr) -> list[ast.expr]:
        """The expressions that a list holds."""
        match value:
            case ast.List(elements) | ast.Tuple(elements):
                return [each for element in elements for each in self.spread(element)]
            case ast.IfExp(_, one, other):
                return [*self.inside(one), *self.inside(other)]
            case ast.ListComp(element) | ast.GeneratorExp(element):
                return [element]
            case ast.Name(name) | ast.Call(ast.Name(name)) if name in self.made:
                return [each for made in self.made[name] for each in self.inside(made)]
            case _:
                return [value]


def is_plain(expression: ast.expr) -> bool:
    """Whether it is nw.len() or nw.col(one).sum() and its like, with or without an alias."""
    match expression:
        case ast.Call(ast.Attribute(inner, "alias"), [_], []):
            return is_plain(inner)
        case ast.Call(ast.Attribute(ast.Name("nw"), "len"), [], []):
            return True
        case ast.Call(
            ast.Attribute(ast.Call(ast.Attribute(ast.Name("nw"), "col"), [column], []), name),
            [],
            [],
        ):
            return name in PLAIN and not isinstance(column, ast.Starred)
        case _:
            return False


ROLES = {"counts", "rates", "reading", "model", "fit", "likelihood"}
"""What a room may be called in any folder: one role, one name, everywhere."""


def test_no_two_rooms_have_one_name_but_for_their_role():
    """Who opens a file by its name finds one."""
    rooms = [file for file in FILES if file.name != "__init__.py" and file.stem not in ROLES]
    stems = [file.stem for file in rooms]
    assert [named(file) for file in rooms if stems.count(file.stem) > 1] == []


def lines_of_code(file: Path) -> int:
    """How many lines there are without docstrings, comments and blanks."""
    told = {
        line
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return sum(
        n not in told and bool(line.strip()) and not line.strip().startswith("#")
        for n, line in lines
    )


def test_a_room_has_three_hundred_lines_of_code_and_a_folder_ten_rooms():
    """Docstrings are not counted: they are what a room is read for."""
    rooms = [file for file in FILES if file.name != "__init__.py"]
    assert [named(file) for file in rooms if lines_of_code(file) > 300] == []
    full = {folder: sum(file.parent == folder for file in rooms) for folder in FOLDERS}
    assert [module(folder) for folder, n in full.items() if n > 10 and folder != HOUSE] == []

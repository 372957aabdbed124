"""Importing: what `import retention` loads, what it offers, and that the names are true."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import retention

ROOT = Path(__file__).parents[2]
LOADED = """
import sys
before = set(sys.modules)
{code}
print(*sorted({{name.split(".")[0] for name in set(sys.modules) - before}}))
"""
A_FIRST_RATE = """
import pandas as pd
import retention as rt
orders = pd.DataFrame({
    "customer_id": ["Ann", "Ann", "Bob"],
    "date": pd.to_datetime(["2024-01-01", "2024-02-28", "2024-01-20"]),
    "sales": [10.0, 30.0, 20.0],
})
rt.retention_rate(rt.customer_periods(orders, freq="month", as_of="2024-02-29"))
"""


def run(code: str) -> str:
    """What a fresh interpreter prints, warnings being errors."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def loaded_by(code: str) -> set[str]:
    """The libraries outside Python's own that a piece of code loads."""
    return set(run(LOADED.format(code=code)).split()) - set(sys.stdlib_module_names)


def test_import_loads_nothing_but_itself():
    """Not even pandas: whoever imports the library to look at a name pays nothing."""
    assert loaded_by("import retention") == {"retention"}


def test_import_prints_nothing():
    """A pipeline's output stays the pipeline's."""
    assert run("import retention") == ""


def test_a_first_rate_on_a_small_table_loads_no_heavy_library():
    """Only what the job needs: no engine that the user did not bring, no model, no plot."""
    heavy = {"matplotlib", "sklearn", "scipy", "lifelines", "duckdb", "polars", "pydantic"}
    assert loaded_by(A_FIRST_RATE) & heavy == set()


def faces():
    """The library and its modules."""
    return [retention, *(getattr(retention, name) for name in retention._MODULES)]


def test_every_public_name_is_there():
    """Each name of `__all__` leads somewhere; a function or class bears that name itself."""
    for face in faces():
        public = {name: getattr(face, name) for name in face.__all__}
        named = {name: getattr(value, "__name__", name) for name, value in public.items()}
        assert [name for name, own in named.items() if own.rpartition(".")[2] != name] == []


def test_public_names_are_told_once():
    """The main job comes first, then the modules; of a module, the names are sorted."""
    for face in faces():
        assert len(set(face.__all__)) == len(face.__all__)
    assert dir(retention) == sorted(retention.__all__)
    names, modules = list(retention._HOMES), list(retention._MODULES)
    assert retention.__all__ == [*sorted(names), *sorted(modules), "__version__"]
    assert 40 <= len(names) <= 50
    for face in faces()[1:]:
        assert sorted(face.__all__) == list(face.__all__)


TABLES = {"table", "transactions", "contracts", "activity", "spells", "summary", "labels"}


def test_a_type_checker_knows_what_a_table_may_be():
    """A public function says of its tables more than that they are something."""
    vague = [
        f"{function.__module__}.{function.__name__}({name})"
        for face in faces()
        for function in map(partial(getattr, face), face.__all__)
        if inspect.isfunction(function)
        for name, each in inspect.signature(function).parameters.items()
        if name in TABLES and str(each.annotation).strip("'\"") in {"Any", "object"}
    ]
    assert vague == []


def test_type_checkers_see_the_same_names_as_python():
    """The imports under TYPE_CHECKING and the lazy ones name the same homes, sorted."""
    for face in faces():
        if not hasattr(face, "_HOMES"):
            continue
        tree = ast.parse(Path(face.__file__).read_text(encoding="utf-8"))
        checked = next(node for node in tree.body if isinstance(node, ast.If))
        seen = {
            alias.name: (alias.asname, node.module)
            for node in checked.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        homes = {name: f"{face.__name__}.{room}" for name, room in face._HOMES.items()}
        homes |= dict.fromkeys(retention._MODULES, "retention") if face is retention else {}
        assert seen == {name: (name, home) for name, home in homes.items()}
        assert list(face._HOMES) == sorted(face._HOMES)


def test_what_stands_on_top_stands_in_its_module_too():
    """`rt.fit_cox` is `rt.survival.fit_cox`, and any other name says where it is."""
    for name, home in retention._HOMES.items():
        face = getattr(retention, home.partition(".")[0])
        assert getattr(face, name) is getattr(retention, name)
    with pytest.raises(AttributeError, match="it is retention.survival.fit_aft"):
        retention.fit_aft  # noqa: B018


def test_a_name_that_is_not_there_is_an_attribute_error():
    """As for any module, so that hasattr and tab completion work."""
    with pytest.raises(AttributeError, match="no attribute 'retention_rat'"):
        retention.retention_rat  # noqa: B018


def test_version_is_the_one_of_the_package():
    """One place says it: the metadata."""
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", retention.__version__)


def test_reference_pages_name_every_public_name_once():
    """What is public is documented, and nothing else is; what no page places comes last."""
    pages = sorted((ROOT / "docs" / "reference").glob("*.md"))
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    documented = re.findall(r"^::: retention\.([\w.]+)$", text, re.MULTILINE)
    named = {f"{module}.{name}" for module in retention._MODULES for name in all_of(module)}
    assert len(documented) == len(set(documented))
    assert set(documented) <= named
    last = re.findall(r"^\{\{ more (\w+) \}\}$", text, re.MULTILINE)
    assert {name for name in named - set(documented) if name.partition(".")[0] not in last} == set()


def all_of(module):
    """The public names of a module."""
    return getattr(retention, module).__all__


def test_benchmarks_ask_for_names_that_are_there():
    """They run by hand only, so a name that has moved would be noticed late."""
    for file in sorted((ROOT / "tests" / "benchmarks").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            asked = asked_of_retention(node)
            if len(asked) > 1 and asked[0] in retention._MODULES:
                assert asked[1] in all_of(asked[0]), f"{file.name}: rt.{'.'.join(asked)}"
            elif asked:
                assert hasattr(retention, asked[0]), f"{file.name}: rt.{asked[0]}"


def asked_of_retention(node):
    """The names that a piece of code asks of the package, as ("kpis", "target_customers")."""
    names = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return names if isinstance(node, ast.Name) and node.id == "rt" else []

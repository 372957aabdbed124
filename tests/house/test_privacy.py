"""What leaves the machine: nothing. And nothing that was given is run as code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import retention

SOURCES = sorted(Path(retention.__file__).parent.rglob("*.py"))
RUNS_CODE = {"eval", "exec", "compile", "__import__"}
UNSAFE = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
TALKS = {"socket", "urllib", "http", "requests", "httpx", "ftplib", "smtplib"}

WATCHED = """
import os, sys
opened = []
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise SystemExit(f"the network was asked for: {event} {args}")
    if event == "open" and isinstance(args[0], str) and set(str(args[1])) & set("wax+"):
        opened.append(args[0])
sys.addaudithook(watch)

import warnings
import retention as rt

company = rt.sample_company(300, seed=1)
names = {"customer_id": "customer_id", "date": "date", "sales": "sales"}
orders = rt.as_transactions(company.orders, **names, refunds="net", keep="region")
window = {"as_of": "2024-12-31", "observed_from": "2022-01-01"}
quarters = rt.customer_periods(orders, freq="quarter", **window)
rt.outcome_kpis(quarters)
spells = rt.purchase_spells(orders, gap=120, as_of="2024-12-31", keep_first="region")
rt.fit_cox(spells, covariates="region")
rt.tag_reasons(company.notes)
lines = rt.sample_company(300, seed=1, engine="duckdb").orders
rt.outcome_kpis(rt.customer_periods(lines, freq="quarter", **window)).fetchall()
print([name for name in opened if not name.endswith(".pyc") and "__pycache__" not in name])
"""


def _names(tree: ast.AST) -> set[str]:
    """The functions that are called by a bare name, and the modules that are imported."""
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    plain = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    part = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return called | {name.split(".")[0] for name in plain | part}


@pytest.mark.once
def test_no_file_runs_code_from_data_unpickles_or_opens_a_connection() -> None:
    """Neither eval nor pickle nor a client of any network stands in the library."""
    for source in SOURCES:
        found = _names(ast.parse(source.read_text(encoding="utf-8")))
        assert not found & (RUNS_CODE | UNSAFE | TALKS), source


def test_the_whole_way_asks_for_no_network_and_writes_no_file(tmp_path: Path) -> None:
    """From orders to models, on pandas and DuckDB, with every connection forbidden."""
    run = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"
    assert not list(tmp_path.iterdir())

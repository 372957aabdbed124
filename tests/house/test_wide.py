"""Work grows no faster than the input: counted in calls and columns, never in seconds."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

import retention as rt
from retention.loading.files.letters import Letters
from retention.loading.rows.columns import ROW, source_of_table
from retention.tables import TRANSACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = {"customer_id": "customer_id", "date": "date", "sales": "sales"}


def wide(n_columns: int, n_rows: int = 6) -> pd.DataFrame:
    """Orders with so many further columns."""
    rows = range(n_rows)
    columns = {"customer_id": [f"c{i}" for i in rows], "date": [f"2024-01-0{1 + i}" for i in rows]}
    more = {f"x{i}": ["1"] * n_rows for i in range(n_columns)}
    return pd.DataFrame(columns | {"sales": ["1.5"] * n_rows} | more)


def calls(work: Callable[[], Any]) -> int:
    """How many calls of functions it takes, of Python and of C."""
    count = 0

    def seen(_: Any, event: str, __: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    work()  # what is loaded once is loaded
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_of_many_columns_only_the_named_ones_are_worked_on() -> None:
    """The door's frame has them alone; kept columns and the lines set aside are whole."""
    frame = wide(50)
    for table in (frame, pl.from_pandas(frame)):
        source = source_of_table(table, TRANSACTIONS, NAMES, ["x7"])
        assert source.frame.columns == [ROW, *NAMES, "x7"]
        assert len(source.schema) == 53
        door = rt.as_transactions(table, **NAMES, keep="x7")
        assert list(door.columns) == [*NAMES, "x7"]
    twice = pd.concat([frame, frame.assign(x49="2"), frame.head(1)], ignore_index=True)
    audit = rt.audit(rt.as_transactions, twice, **NAMES)
    assert list(audit.set_aside.columns) == [*frame.columns, "reason"]
    assert len(audit.set_aside) == 1  # the last column tells the others apart


@pytest.mark.parametrize("work", ["table", "file", "duplicates"])
def test_work_grows_with_the_columns_and_no_faster(tmp_path: Path, work: str) -> None:
    """Twice the columns are at most about twice the calls: each further one costs the same."""

    def doing(n: int) -> Callable[[], Any]:
        frame = wide(n)
        if work == "duplicates":
            twice = pd.concat([frame, frame], ignore_index=True)
            return lambda: rt.as_transactions(twice, **NAMES, duplicates="drop")
        if work == "table":
            return lambda: rt.as_transactions(frame, **NAMES)
        path = tmp_path / f"{n}.csv"
        frame.to_csv(path, index=False)
        return lambda: rt.as_transactions(path, **NAMES)

    few, some, many = (calls(doing(n)) for n in (15, 30, 60))
    assert many - some <= 2.4 * (some - few) + 1_000
    assert (many - some) / 30 < (4_000 if work == "duplicates" else 1_500)


def test_lines_of_many_alike_values_are_rows_and_no_map(tmp_path: Path) -> None:
    """From two hundred columns of one type on, DuckDB would take a line of JSON for one map."""
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(json.dumps({f"x{i}": 1 for i in range(300)}) + "\n" for _ in range(3)))
    assert rt.read_table(path).shape == (3, 300)


def test_long_words_and_cells_are_looked_at_once() -> None:
    """A cell of a hundred thousand letters with one accent at its end is one word."""
    letters = Letters()
    letters.count_words(b"a" * 100_000 + b"\xe9," + b"b" * 100_000 + b",\xe9t" + b"c" * 100_000)
    assert letters.speak_for_western
    assert len(letters.cells) == 2

"""Types that an engine holds and another has never heard of: read rightly, or refused in words."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import retention as rt

NAMES = {"customer_id": "who", "date": "day", "sales": "paid"}
BASE = pd.DataFrame(
    {"who": ["a", "b"], "day": pd.to_datetime(["2024-01-03", "2024-02-05"]), "paid": [1.5, 2.0]}
)

ARROW = {
    "wide decimals": pa.array([Decimal("1.125"), Decimal(2)], pa.decimal256(60, 30)),
    "half floats": pa.array([np.float16(1.125), np.float16(2)], pa.float16()),
    "seconds beyond the calendar": pa.array([10**9, 10**15], pa.timestamp("s")),
    "days beyond the calendar": pa.array([0, 2**30], pa.date32()),
    "lengths of time": pa.array([1, 2], pa.duration("s")),
    "clock": pa.array([1, 2], pa.time64("us")),
    "views": pa.array(["1.5", "2.25"], pa.string_view()),
    "views of bytes": pa.array([b"a", b"b"], pa.binary_view()),
    "structures": pa.array([{"a": 1}, {"a": 2}]),
    "whole numbers beyond 2**63": pa.array([2**63 + 5, 1], pa.uint64()),
    "calendar spans": pa.array([(1, 2, 3), (1, 1, 1)], pa.month_day_nano_interval()),
    "runs": pa.RunEndEncodedArray.from_arrays([1, 2], pa.array([1.125, 2.0])),
    "numbers in a dictionary": pa.array([1.125, 2.0]).dictionary_encode(),
}
POLARS = {
    "Int128": pl.Series([1, 2], dtype=pl.Int128),
    "Object": pl.Series([1.5, "x"], dtype=pl.Object),
    "structures": pl.Series([{"a": 1}, {"a": 2}]),
    "clock": pl.Series([dt.time(1), dt.time(2)]),
}
PANDAS: dict[str, Any] = {
    "spans": pd.period_range("2024-01-01", periods=2, freq="D"),
    "intervals": pd.interval_range(0, 2),
    "complex": [1j, 2j],
    "half floats": np.array([1.125, 2], "float16"),
    "far years": np.array(["2024-01-01", "20000-01-01"], "datetime64[s]"),
    "signalling": pd.Series([Decimal("sNaN"), Decimal(1)], dtype=object),
    "huge": pd.Series([10**30, 2], dtype=object),
}
DUCKDB = ("1::UHUGEINT", "1::HUGEINT", "TIMETZ '01:00+01'", "uuid()", "MAP{'a':1}", "'a'::BLOB")


def tables(role: str) -> dict[str, Any]:
    """A small shop of every engine, one of its columns of each odd type."""
    column = NAMES[role]
    arrow = pa.Table.from_pandas(BASE, preserve_index=False)
    polars = pl.from_pandas(BASE)
    place = arrow.column_names.index(column)
    made: dict[str, Any] = {
        f"pyarrow {n}": arrow.set_column(place, column, a) for n, a in ARROW.items()
    }
    made |= {f"polars {n}": polars.with_columns(s.alias(column)) for n, s in POLARS.items()}
    made |= {f"pandas {n}": BASE.assign(**{column: values}) for n, values in PANDAS.items()}
    for name, values in ARROW.items():
        backed = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([values])))
        made[f"pandas over arrow {name}"] = BASE.assign(**{column: backed})
    connection = duckdb.connect()
    for cast in DUCKDB:
        rows = connection.from_df(BASE)
        made[f"duckdb {cast}"] = rows.query("b", f"SELECT * REPLACE ({cast} AS {column}) FROM b")
    return made


@pytest.mark.parametrize("role", list(NAMES))
def test_nothing_but_our_errors_leaves_a_door_or_a_figure(role):
    """Each type in each part: an answer, or a refusal in words."""
    words = {"who": "customer_id", "day": "date", "paid": "sales"}
    for table in tables(role).values():
        with suppress(rt.RetentionError):
            rt.as_transactions(table, **NAMES)
        renamed = table
        if isinstance(table, pd.DataFrame):
            renamed = table.rename(columns=words)
        elif isinstance(table, pl.DataFrame):
            renamed = table.rename(words)
        elif isinstance(table, pa.Table):
            renamed = table.rename_columns([words[name] for name in table.column_names])
        else:
            continue
        with suppress(rt.RetentionError):
            rt.customer_periods(
                renamed, freq="month", as_of="2024-03-31", observed_from="2024-01-01"
            )


@pytest.mark.parametrize(
    "name", ["wide decimals", "half floats", "runs", "numbers in a dictionary"]
)
def test_numbers_of_odd_types_are_these_numbers(name):
    """In PyArrow, and in pandas over it."""
    read = tables("sales")
    backed = rt.as_transactions(read[f"pandas over arrow {name}"], **NAMES)
    assert backed["sales"].tolist() == [1.125, 2.0]
    if name != "runs":
        assert rt.as_transactions(read[f"pyarrow {name}"], **NAMES)["sales"].to_pylist() == [
            1.125,
            2.0,
        ]


def test_seconds_beyond_the_calendar_are_refused_with_the_likely_cause():
    """Milliseconds that were taken for seconds; taken rightly they are days."""
    with pytest.raises(rt.ColumnError, match="'day' holds moments outside the years 1 to 9999"):
        rt.as_transactions(tables("date")["pyarrow seconds beyond the calendar"], **NAMES)
    table = pa.Table.from_pandas(BASE, preserve_index=False)
    anew = pa.array([1_704_240_000_000, 1_707_091_200_000], pa.timestamp("ms"))
    answer = rt.as_transactions(table.set_column(1, "day", anew), **NAMES)
    assert answer["date"].to_pylist()[0] == dt.datetime(2024, 1, 3)


def test_what_duckdb_hands_to_nobody_is_refused_with_the_cast():
    """And with the cast it is an id."""
    with pytest.raises(rt.ColumnError, match=r"UHUGEINT.* CAST\(who AS HUGEINT\)"):
        rt.as_transactions(tables("customer_id")["duckdb 1::UHUGEINT"], **NAMES)
    rows = tables("customer_id")["duckdb 1::UHUGEINT"]
    cast = rows.project("CAST(who AS HUGEINT) AS who, day, paid")
    assert rt.as_transactions(cast, **NAMES).fetchall()[0][0] == 1


def test_python_objects_in_polars_are_refused_with_the_way_out():
    """Polars can do nothing with them."""
    with pytest.raises(rt.ColumnError, match="dtype=pl.String, strict=False"):
        rt.as_transactions(tables("sales")["polars Object"], **NAMES)
    mixed = pl.Series([1.5, "2.25"], dtype=pl.String, strict=False)
    table = pl.from_pandas(BASE).with_columns(mixed.alias("paid"))
    assert rt.as_transactions(table, **NAMES)["sales"].to_list() == [1.5, 2.25]


@pytest.mark.parametrize("lazy", [False, True])
def test_milliseconds_beyond_the_calendar_are_refused_in_polars(lazy):
    """Polars itself would panic, which no program can catch as an error."""
    far = pl.Series([10**17, 0]).cast(pl.Datetime("ms"))
    table = pl.DataFrame({"who": ["A", "B"], "day": far, "paid": [1.0, 2.0]})
    table = table.lazy() if lazy else table
    with pytest.raises(rt.ColumnError, match="'day' holds moments outside the years 1 to 9999"):
        rt.as_transactions(table, customer_id="who", date="day", sales="paid")
    near = table.with_columns(day=pl.Series([0, 86_400_000]).cast(pl.Datetime("ms")))
    rt.as_transactions(near, customer_id="who", date="day", sales="paid")

"""Queries written out for an engine that has a faster way than the one all engines have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary
from zlib import crc32

import narwhals.stable.v2 as nw

from retention.frames.column_labels import sql_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from retention.frames.engines import Frame

_BITS = 62

HALF_WORD = 31
"""Marks are counted two by two: so many bits of a sum belong to the first one."""

_SAME: WeakKeyDictionary[Any, Mapping[str, int | str]] = WeakKeyDictionary()
"""What every row of a DuckDB relation says, for as long as there is the relation."""


def grouped_with_days(
    rows: Frame,
    keys: Sequence[str],
    *,
    sums: Sequence[str],
    least: Sequence[str],
    day: str,
    longest: int,
) -> Frame:
    """One row per group: sums, lowest values as `_least_…`, and how many different days.

    DuckDB counts different values in a hash table per group, which costs five times as much as the
    group; days of one period of up to 62 are bits of a whole number instead.

    Args:
        rows: rows without a missing value.
        keys: the columns of the groups, in each of which lie days of one period.
        sums: columns that are added up.
        least: columns whose lowest value is wanted.
        day: the column of days, as numbers since 1970-01-01.
        longest: how many days a period has at most.

    Returns:
        `keys`, `sums`, `_least_…` and `n_days`.
    """
    if not (rows.implementation.is_duckdb() and longest <= _BITS):
        return rows.group_by(*keys).agg(
            *(nw.col(name).sum() for name in sums),
            *(nw.col(name).min().alias(f"_least_{name}") for name in least),
            nw.col(day).n_unique().alias("n_days"),
        )
    groups = ", ".join(map(sql_name, keys))
    bit = f"1::BIGINT << (({sql_name(day)} % {_BITS} + {_BITS}) % {_BITS})::INT"
    told = [
        groups,
        *(f"sum({sql_name(name)}) AS {sql_name(name)}" for name in sums),
        *(f"min({sql_name(name)}) AS {sql_name(f'_least_{name}')}" for name in least),
        f"bit_count(bit_or({bit})) AS n_days",
    ]
    found = cast("Any", rows.to_native()).aggregate(", ".join(told), groups)
    return cast("Frame", nw.from_native(found))


def with_first(frame: Frame, key: str, order: str, first: str, value: str | None = None) -> Frame:
    """Each row beside the least `order` of its key (`first`), and the `value` there (`_x`).

    No key has two rows of the same order. DuckDB computes a table that is joined to itself twice
    unless told to keep it; kept, the join is cheaper than a window.
    """
    if not frame.implementation.is_duckdb():
        least = frame.with_columns(nw.col(order).min().over(key).alias(first))
        if value is None:
            return least
        there = nw.when(nw.col(order) == nw.col(first)).then(nw.col(value))
        return least.with_columns(_x=there).with_columns(_x=nw.col("_x").max().over(key))
    x, joined = "", ""
    if value is not None:
        x, joined = f', x."{value}" AS _x', f'JOIN a x ON x."{key}" = f.k AND x."{order}" = f.o'
    view = _view_name(frame, first)
    query = f"""WITH a AS MATERIALIZED (SELECT * FROM {view}),
        f AS (SELECT "{key}" AS k, min("{order}") AS o FROM a GROUP BY ALL)
        SELECT a.*, f.o AS "{first}"{x} FROM a JOIN f ON a."{key}" = f.k {joined}"""
    return cast("Frame", nw.from_native(cast("Any", frame.to_native()).query(view, query)))


def sums_beside_firsts(
    frame: Frame, key: str, at: str, *, came: str, new: str, sums: Mapping[str, Sequence[str]]
) -> Frame | None:
    """Sums of each `at`, and for how many keys it is the least one at which `came` is above 0.

    A relation is computed once, and its rows are not joined to what is told of their keys. What is
    multiplied is not kept. None where that is for the query that all engines have.

    Args:
        frame: rows with nothing missing.
        key: the column of keys.
        at: a whole number by which the rows are grouped.
        came: a column of whole numbers.
        new: the name of the count.
        sums: what is added up, by its name: columns, multiplied.
    """
    if not frame.implementation.is_duckdb():
        return None
    at, by, came, new = (sql_name(name) for name in (at, key, came, new))
    told = ", ".join(
        f"sum({' * '.join(map(sql_name, terms))}) AS {sql_name(name)}"
        for name, terms in sums.items()
    )
    view = _view_name(frame, "_new")
    query = f"""WITH a AS MATERIALIZED (SELECT * FROM {view}),
        n AS (SELECT {at}, {told} FROM a GROUP BY {at}),
        f AS (SELECT min({at}) AS o FROM a WHERE {came} > 0 GROUP BY {by}),
        m AS (SELECT o, count(*) AS n FROM f GROUP BY o)
        SELECT n.*, coalesce(m.n, 0) AS {new} FROM n LEFT JOIN m ON n.{at} = m.o"""
    return cast("Frame", nw.from_native(cast("Any", frame.to_native()).query(view, query)))


def first_rows_in_turn(
    frame: Frame, key: str, order: str, *, most: int, keep: Sequence[str]
) -> Frame | None:
    """The first rows of each key, numbered from 1 on, beside the `order` of the next and the first.

    No key has two rows of the same order. A window sorts all the rows of every key, which costs
    twice as much as to hold the few first ones.

    Args:
        frame: rows with nothing missing.
        key: the column of keys.
        order: the column by which the rows of a key follow one another.
        most: so many rows of each key are wanted.
        keep: columns that are told as the first row of the key has them.

    Returns:
        `key`, `order`, `keep`, `_turn`, `_after` (null of the last row of a key) and `_first`. None
        where that is for the query that all engines have.
    """
    if not (frame.implementation.is_duckdb() and most <= _BITS):
        return None
    at, by = sql_name(order), sql_name(key)
    told = "".join(f", arg_min({sql_name(name)}, {at}) AS {sql_name(name)}" for name in keep)
    kept = "".join(f", {sql_name(name)}" for name in keep)
    view = _view_name(frame, "_turn")
    query = f"""WITH f AS (SELECT {by}, min({at}, {most + 1}) AS _turns{told} FROM {view}
          GROUP BY {by})
        SELECT {by}, _turns[_i] AS {at}{kept}, _i AS _turn, _turns[_i + 1] AS _after,
          _turns[1] AS _first
        FROM f, range(1, {most + 1}) AS _places(_i) WHERE _i <= len(_turns)"""
    return cast("Frame", nw.from_native(cast("Any", frame.to_native()).query(view, query)))


def counts_of_marks(
    frame: Frame,
    key: str,
    by: Sequence[str],
    *,
    at: str,
    marks: Mapping[str, NDArray[Any]],
    anywhere: bool,
) -> Frame | None:
    """How many keys have each mark of a first kind, and how many of these the same of a second one.

    Marks are bits of whole numbers: a key has those of all its rows. No row is sorted, nor held
    beside another of its key. None where the engine is not DuckDB.

    Args:
        frame: rows with nothing missing.
        key: the column of keys.
        by: the columns in each of whose values keys are counted.
        at: a whole number that tells the marks of a row.
        marks: `at`, and for each word j of 62 marks `_a{j}` of the first kind and `_b{j}` of the
            second. A value of `at` that is not there has none.
        anywhere: whether a key has a mark of the second kind that it has elsewhere.

    Returns:
        Columns `by`, and for each word and i below 31 `_a{j}_{i}` and `_b{j}_{i}`: counts of the
        mark i, and of the mark i + 31 as so many times 2³¹.
    """
    if not frame.implementation.is_duckdb():
        return None
    words = [name for name in marks if name.startswith("_a")]
    pairs = [(one, one.replace("_a", "_b")) for one in words]
    names = "".join(f"{sql_name(name)}, " for name in by)
    told = [name for name in marks if name != at]
    listed = ", ".join(f"unnest({values.tolist()}::BIGINT[]) AS {n}" for n, values in marks.items())
    every = ", ".join(f"bit_or({name}) AS {name}" for name in told)
    whole = ", ".join(f"bit_or({two}) AS {two}" for _, two in pairs)
    source = "f" if anywhere else "p"
    both = ", ".join(f"{one}, p.{one} & {source}.{two} AS {two}" for one, two in pairs)
    firm = f"JOIN f ON p.{sql_name(key)} = f.{sql_name(key)}" if anywhere else ""
    fields = 1 + (1 << HALF_WORD)
    sums = ", ".join(
        f"coalesce(sum(({name} >> {i}) & {fields}), 0)::BIGINT AS {name}_{i}"
        for name in told
        for i in range(HALF_WORD)
    )
    query = f"""WITH d AS (SELECT {listed}),
        p AS MATERIALIZED (SELECT {sql_name(key)}, {names}{every}
          FROM {_view_name(frame, "_marks")} JOIN d USING ({at}) GROUP BY ALL),
        f AS (SELECT {sql_name(key)}, {whole} FROM p GROUP BY ALL),
        r AS (SELECT {names}{both} FROM p {firm}
          WHERE {" OR ".join(f"{one} <> 0" for one in words)})
        SELECT {names}{sums} FROM r {"GROUP BY ALL" if by else ""}"""
    rows = cast("Any", frame.to_native())
    return cast("Frame", nw.from_native(rows.query(_view_name(frame, "_marks"), query)))


def rows_without_repeats(frame: Frame, columns: Sequence[str]) -> Frame:
    """The different values that some columns have together.

    Of a DuckDB relation narwhals numbers them in a window, which costs more than a group.
    """
    if not frame.implementation.is_duckdb():
        return frame.select(*columns).unique()
    return frame.group_by(*columns).agg(nw.len().alias("_rows")).select(*columns)


def with_same_values(frame: Frame, values: Mapping[str, int | str]) -> Frame:
    """The frame with columns that say the same in every row, which is remembered of a relation.

    A relation never changes, and what it says everywhere need not be kept, joined and grouped.
    """
    if not values:
        return frame
    literals = {
        name: nw.lit(value) if isinstance(value, str) else nw.lit(value).cast(nw.Int64)
        for name, value in values.items()
    }
    wide = frame.with_columns(**literals)
    if frame.implementation.is_duckdb():
        _SAME[wide.to_native()] = dict(values)
    return wide


def same_values_of(frame: Frame) -> Mapping[str, int | str]:
    """What is known to be the same in every row of a frame, by column; mostly nothing."""
    return _SAME.get(frame.to_native(), {}) if frame.implementation.is_duckdb() else {}


def skips_branches(frame: Frame) -> bool:
    """Whether a branch of when and then costs only the rows that come to it."""
    return frame.implementation.is_duckdb()


def keeps_tables(frame: Frame) -> bool:
    """Whether the engine can be told to keep a table that is joined to itself: see `with_later`."""
    return frame.implementation.is_duckdb()


def with_later(
    frame: Frame, keys: Sequence[str], order: str, *, lag: int, met: str, values: Mapping[str, str]
) -> Frame:
    """Each row of a DuckDB relation beside the row of the same keys and of `order` + `lag`.

    No two rows are of the same keys and `order`. The relation is computed once: DuckDB keeps it for
    the join, on disk where memory does not hold it.

    Args:
        frame: the rows.
        keys: the columns that agree.
        order: a whole number.
        lag: how much greater it is there.
        met: the name of a column that says whether there is such a row, 1 or 0.
        values: columns of that row, missing where there is none, and what they are called.
    """
    there = [f"{sql_name(order)} - {lag} AS {sql_name(order)}"]
    there += [sql_name(key) for key in keys]
    there += [f"{sql_name(name)} AS {sql_name(called)}" for name, called in values.items()]
    on = [f"a.{sql_name(name)} = b.{sql_name(name)}" for name in (*keys, order)]
    told = ["a.*", f"(b.{sql_name(order)} IS NOT NULL)::BIGINT AS {sql_name(met)}"]
    told += [f"b.{sql_name(called)}" for called in values.values()]
    view = _view_name(frame, met)
    query = f"""WITH a AS MATERIALIZED (SELECT * FROM {view}),
        b AS (SELECT {", ".join(there)} FROM a)
        SELECT {", ".join(told)} FROM a LEFT JOIN b ON {" AND ".join(on)}"""
    return cast("Frame", nw.from_native(cast("Any", frame.to_native()).query(view, query)))


def _view_name(frame: Frame, made: str) -> str:
    """What a query calls the rows of a relation beside which it makes a column.

    It is of its own: older versions cannot nest one name, and read what stands under it only later.
    """
    rows = cast("Any", frame.to_native()).sql_query()
    return f"retention_rows_{made}_{crc32(rows.encode())}"

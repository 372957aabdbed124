"""Tables of whatever engine as LazyFrames of narwhals, and queries back as arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, TableError
from retention.frames.arrow import (
    calendar_refusal,
    is_in_calendar,
    readable_column,
    readable_pandas,
)
from retention.frames.column_labels import inside
from retention.frames.connections import private_connection
from retention.names import outer_text
from retention.wording import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

Frame = nw.LazyFrame[Any]
"""What every function works on inside: a narwhals LazyFrame over the user's engine."""

Columns = dict[str, "NDArray[Any]"]
"""A small result on its way to the user: column names and NumPy arrays of one length."""

Only = Callable[[str], bool] | Sequence[str] | None
"""Which columns of a table are wanted: all, these, or those with such a name."""

ROUTE_ROWS = 2_000_000
"""From this many rows on, a pandas table is grouped by DuckDB (see tests/benchmarks/kpis.py)."""

_HEAD = 1000
"""So many rows are looked at before all are, whether anything stands in a column."""

_LOCKED_IN = {
    "UHUGEINT": "HUGEINT",
    "BIGNUM": "DOUBLE",
    "VARINT": "DOUBLE",
    "TIME WITH TIME ZONE": "VARCHAR",
}
_SEVERAL = "UNION("
_SERVED = {
    nw.Implementation.PANDAS,
    nw.Implementation.POLARS,
    nw.Implementation.PYARROW,
    nw.Implementation.DUCKDB,
    nw.Implementation.PYSPARK,
    nw.Implementation.PYSPARK_CONNECT,
    nw.Implementation.IBIS,
}


def as_lazy(
    table: object, *, name: str = "table", by_row: bool = False, only: Only = None
) -> Frame:
    """Any supported table as a LazyFrame of narwhals.

    Args:
        table: a pandas, Polars, PyArrow, DuckDB, PySpark or Ibis table, or a narwhals frame of one.
        name: what messages call it.
        by_row: true where the work goes row by row, so that a large pandas table stays in pandas.
        only: of a table that goes to DuckDB, the columns that are wanted, as far as there are any;
            or which names are.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if two of its columns have the same name.
    """
    native = nw.to_native(table, pass_through=True)
    _refuse_repeated_columns(native, name)
    try:
        engine = nw.from_native(cast("Any", native)).implementation
    except TypeError:
        raise _no_table_refusal(native, name) from None
    if engine not in _SERVED:
        raise _no_table_refusal(native, name)
    native = inside(native, name=name)
    if engine.is_pandas():
        native = _readable_pandas_table(_with_plain_index(native), name)
        if not by_row and len(native) >= ROUTE_ROWS:
            return _duckdb_scan(_blank_as_text(native[_wanted_columns(native.columns, only, name)]))
    elif engine.is_pyarrow():
        return _duckdb_scan(
            _readable_arrow_table(
                native.select(_wanted_columns(native.column_names, only, name)), name
            )
        )
    elif engine.is_polars():
        _refuse_far_moments(native, name)
    else:
        _wanted_columns(native.columns, None, name)
    return cast("Frame", nw.from_native(native).lazy())


def beside(frame: Frame, table: object, *, name: str) -> Frame:
    """A second table of the caller's on the engine of the first, so that they can be joined.

    Raises:
        TableError: if the two are different kinds of table.
    """
    given = nw.to_native(table, pass_through=True)
    eager = isinstance(nw.from_native(cast("Any", given)), nw.DataFrame)
    if frame.implementation.is_duckdb() and eager:
        named = inside(given, name=name)
        return cast("Frame", nw.from_native(on_connection_of(frame.to_native(), named)))
    other = as_lazy(given, name=name, by_row=True)
    if other.implementation != frame.implementation:
        raise TableError(
            f"{name} is a {other.implementation.value} table beside a "
            f"{frame.implementation.value} one: give both as the same kind."
        )
    if frame.implementation.is_duckdb():
        _refuse_strangers(frame, other, name)
    return other


def is_pandas(table: object) -> bool:
    """Whether a table is of pandas, whose columns may hold Python objects of several kinds."""
    return engine_and_eagerness(table)[0].is_pandas()


def locked_in(table: object) -> dict[str, tuple[str, str]]:
    """Columns of types that DuckDB hands to no other tool: the type, and what to make of it."""
    if not engine_and_eagerness(table)[0].is_duckdb():
        return {}
    native = cast("Any", nw.to_native(table, pass_through=True))
    types = zip(native.columns, map(str, native.types), strict=True)
    return {
        name: (kind, _advice_on_locked_type(kind).format(name))
        for name, kind in types
        if kind in _LOCKED_IN or kind.startswith(_SEVERAL)
    }


def _advice_on_locked_type(kind: str) -> str:
    """What to make of such a column, with {} for its name."""
    if kind.startswith(_SEVERAL):
        tag = kind.removeprefix(_SEVERAL).split(" ")[0]
        return f"union_extract({{}}, '{tag}')"
    return f"CAST({{}} AS {_LOCKED_IN[kind]})"


def without_json(table: object) -> object:
    """A relation whose columns of JSON hold what stands in it, as text: "A" is A."""
    if not engine_and_eagerness(table)[0].is_duckdb():
        return table
    native = cast("Any", nw.to_native(table, pass_through=True))
    types = list(map(str, native.types))
    if "JSON" not in types:
        return table
    quoted = ['"' + name.replace('"', '""') + '"' for name in native.columns]
    kinds = zip(quoted, types, strict=True)
    said = [f"{name} ->> '$' AS {name}" if kind == "JSON" else name for name, kind in kinds]
    return native.project(", ".join(said))


def is_lazy(table: object) -> bool:
    """Whether a table is a query, whose rows have no order, rather than rows at hand."""
    return not engine_and_eagerness(table)[1]


def answers_at_once(frame: Frame) -> bool:
    """Whether a further question to a query costs no more than its answer: no errand, no plan."""
    return frame.implementation.is_duckdb() or frame.implementation.is_polars()


def collect(frame: Frame, *, exact: bool = False) -> Columns:
    """Run the query and bring its answer into Python as NumPy arrays; a missing number is NaN.

    Args:
        frame: the query.
        exact: whether whole numbers of which some are missing come as Python's, with None, so that
            no digit is lost: for ids and what only goes along.
    """
    engine = frame.implementation
    if engine.is_duckdb():
        found = cast("Any", frame.to_native()).fetchnumpy()
        return {name: _unmasked_array(values, exact) for name, values in found.items()}
    if engine.is_spark_like():
        frame = _by_the_clock_of_the_session(frame)
    table = frame.collect(
        "pandas" if engine.is_pandas() else "polars" if engine.is_polars() else "pyarrow"
    )
    return {name: _array_of_series(table[name], exact) for name in table.columns}


def read_out(table: object, *, name: str = "table") -> Columns:
    """All columns of a table as NumPy arrays, under the names that its owner gave them."""
    return {outer_text(each): values for each, values in collect(as_lazy(table, name=name)).items()}


def one_row(frame: Frame) -> dict[str, Any]:
    """The single row of an aggregate query, as Python values; missing is None."""
    row = {name: values[0] for name, values in collect(frame).items()}
    return {name: _python_value(value) for name, value in row.items()}


def count(condition: nw.Expr) -> nw.Expr:
    """1 where the condition holds, else 0, as a signed 64-bit integer: counts are sums of it."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)


def added_up(terms: Sequence[nw.Expr]) -> nw.Expr:
    """The sum of expressions, of which there is one at least, added in pairs of pairs.

    One after the other, those of a thousand columns would lie deeper than Python can follow.
    """
    while len(terms) > 1:
        pairs = [reduce(add, terms[i : i + 2]) for i in range(0, len(terms), 2)]
        terms = pairs
    return terms[0]


def has_wide_numbers(frame: Frame) -> bool:
    """Whether the engine adds up whole numbers of 128 bits as readily as those of 64."""
    return frame.implementation.is_duckdb()


def orders_well(frame: Frame) -> bool:
    """Whether the engine had better walk rows in order than join a table to itself.

    A SQL engine computes both sides of such a join anew; pandas and Polars join faster than they
    shift.
    """
    return not (frame.implementation.is_pandas() or frame.implementation.is_polars())


def as_text(column: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """A segment column as text, the missing ones named "(missing)", so that every engine agrees.

    Raises:
        ColumnError: if it holds decimals, times or anything else that is not a label.
    """
    value = nw.col(column)
    if isinstance(dtype, nw.Boolean):
        value = nw.when(value).then(nw.lit("true")).when(~value).then(nw.lit("false"))
    elif dtype.is_integer() or isinstance(dtype, nw.Categorical | nw.Enum | nw.Unknown):
        value = value.cast(nw.String)  # unknown is the type of a column in which nothing stands
    elif not isinstance(dtype, nw.String):
        raise ColumnError(
            f"by: column {column!r} holds {dtype}, not labels. A segment is text, a whole number "
            f"or true/false: {_advice_on_labels(dtype)}."
        )
    named = nw.when(value != "").then(value)
    return named.fill_null("(missing)").alias(column)


def _advice_on_labels(dtype: nw.dtypes.DType) -> str:
    """What to do about a column that holds no labels; pandas makes such of labels with gaps."""
    classes = "put it into classes first"
    if dtype.is_float():
        return f"whole numbers with gaps need .astype('Int64') in pandas; else {classes}"
    if isinstance(dtype, nw.Object):
        return "say .astype('boolean'), .astype('Int64') or .astype('string') in pandas"
    return classes


def engine_and_eagerness(table: object) -> tuple[nw.Implementation, bool]:
    """The engine of a table, and whether its rows are at hand (eager) or a query."""
    try:
        frame = nw.from_native(cast("Any", table))
    except TypeError:
        raise _no_table_refusal(table, "the table") from None
    return frame.implementation, isinstance(frame, nw.DataFrame)


def on_connection_of(relation: object, table: object, types: Mapping[str, str] = {}) -> Any:
    """An eager table as a relation on the connection of another one, some columns of a given type.

    DuckDB finds Python variables by name, but only after the user's own tables: hence the name.
    """
    retention_table_of_the_caller = table  # noqa: F841 - DuckDB reads it by its name
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
    replaced = f" REPLACE ({columns})" if columns else ""
    query = f"SELECT *{replaced} FROM retention_table_of_the_caller"
    return cast("Any", relation).query("retention_relation_beside", query)


def _wanted_columns(present: Iterable[str], only: Only, table: str) -> list[str]:
    """DuckDB and Spark do not tell "Sales" from "sales"; nor do they know every type of pandas."""
    asked = only if callable(only) else None if only is None else only.__contains__
    wanted = [name for name in present if asked is None or asked(name)]
    seen: dict[str, str] = {}
    for name in wanted:
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise ColumnError(
                f"{table}: columns {other!r} and {name!r} differ by case alone, and this engine "
                "takes them for one. Rename or drop one of them."
            )
    return wanted


def _refuse_strangers(frame: Frame, other: Frame, name: str) -> None:
    """DuckDB joins only what lives on one connection, and says so only once the query is built."""
    import duckdb

    first, second = (cast("Any", table.to_native()).limit(0) for table in (frame, other))
    try:
        first.set_alias("first").cross(second.set_alias("second"))
    except duckdb.InvalidInputException:
        raise TableError(
            f"{name} is on another DuckDB connection than the table beside it, or that is no "
            "DuckDB table: give both as the same kind, on one connection."
        ) from None


def _duckdb_scan(table: object) -> Frame:
    """A pandas or PyArrow table as a DuckDB relation, on a connection that lives with it."""
    connection = private_connection()
    scan: Any = connection.from_arrow if _is_arrow(table) else connection.from_df
    return cast("Frame", nw.from_native(scan(table)))


def _refuse_far_moments(table: Any, name: str) -> None:
    """Refuse a Polars table whose milliseconds leave the calendar, at which Polars panics."""
    frame = nw.from_native(table).lazy()
    kinds = frame.collect_schema().items()
    coarse = [n for n, kind in kinds if isinstance(kind, nw.Datetime) and kind.time_unit == "ms"]
    for column in coarse:
        stamp = nw.col(column).dt.timestamp("ms")
        found = one_row(frame.select(least=stamp.min(), most=stamp.max()))
        if found["most"] is not None and not is_in_calendar(found["least"], found["most"]):
            raise calendar_refusal(column, name)


def _with_plain_index(table: Any) -> Any:
    """A pandas table whose rows are numbered from 0: itself if they are, for older ones copy."""
    import pandas as pd

    index = table.index
    plain = isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1
    return table if plain and index.name is None else table.reset_index(drop=True)


def _readable_pandas_table(table: Any, name: str) -> Any:
    """A pandas table in types that Arrow and pandas have all functions for."""
    kinds = table.dtypes.items()
    odd = [n for n, kind in kinds if kind.kind in "Mf" or hasattr(kind, "pyarrow_dtype")]
    read = {column: readable_pandas(table[column], column, name) for column in odd}
    changed = {c: values for c, values in read.items() if values.dtype != table[c].dtype}
    return table.assign(**changed) if changed else table


def _readable_arrow_table(table: Any, name: str) -> Any:
    """A PyArrow table in types that DuckDB knows."""
    for place, column in enumerate(table.column_names):
        given = table.column(place)
        read = readable_column(given, column, name)
        if read is not given:
            table = table.set_column(place, column, read)
    return table


def _blank_as_text(table: Any) -> Any:
    """A pandas table whose columns of nothing but missing objects are text.

    DuckDB would call them whole numbers.
    """
    objects = [name for name in table.columns if table[name].dtype == object]
    blank = [name for name in objects if _holds_nothing(table[name])]
    return table.astype(dict.fromkeys(blank, "string")) if blank else table


def _holds_nothing(values: Any) -> bool:
    """Whether nothing stands in a pandas column; most have something in the first rows."""
    first = values.head(_HEAD).first_valid_index()
    return first is None and values.first_valid_index() is None


def _is_arrow(table: object) -> bool:
    return type(table).__module__.split(".")[0] == "pyarrow"


def _by_the_clock_of_the_session(frame: Frame) -> Frame:
    """Spark's moments by the clock by which it tells their days: NumPy would have them in UTC."""
    kinds = frame.collect_schema().items()
    moments = [name for name, kind in kinds if isinstance(kind, nw.Datetime) and kind.time_zone]
    return frame.with_columns(nw.col(*moments).cast(nw.Datetime("us"))) if moments else frame


def _array_of_series(series: nw.Series[Any], exact: bool) -> NDArray[Any]:
    if isinstance(series.dtype, nw.Int128 | nw.UInt128):  # NumPy has none of these
        if exact:
            return np.array(series.to_list(), dtype=object)
        series = series.cast(nw.Float64)
    if exact and series.dtype.is_integer() and series.is_null().any():
        whole = series.fill_null(0).to_numpy().astype(object)
        whole[series.is_null().to_numpy()] = None
        return whole
    values = series.to_numpy()
    if isinstance(series.dtype, nw.Boolean) and values.dtype == object:  # pandas says NA
        values = values.copy()
        values[series.is_null().to_numpy()] = None
    return values


def _unmasked_array(values: Any, exact: bool) -> NDArray[Any]:
    if not np.ma.is_masked(values):
        return np.asarray(values)
    if values.dtype.kind in "iu" and not exact:
        values = values.astype(np.float64)
    missing = {"f": np.nan, "M": np.datetime64("NaT")}.get(values.dtype.kind)
    return cast(
        "NDArray[Any]",
        values.filled(missing) if missing is not None else np.where(values.mask, None, values.data),
    )


def _python_value(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]")  # nanoseconds would come as a bare number
    value = value.item() if isinstance(value, np.generic) else value
    return None if is_missing(value) else value


def _refuse_repeated_columns(native: object, name: str) -> None:
    """Other engines do not allow it."""
    where = {"pandas": "columns", "pyarrow": "column_names"}
    columns: Iterable[object] = getattr(
        native, where.get(type(native).__module__.split(".")[0], ""), ()
    )
    seen: set[object] = set()
    for column in columns:
        if column in seen:
            raise ColumnError(
                f"{name}: two columns are named {column!r}. Rename or drop one of them."
            )
        seen.add(column)


def _no_table_refusal(native: object, name: str) -> TableError:
    said = f"{name} must be a pandas, Polars, PyArrow, DuckDB, PySpark or Ibis table; got "
    if isinstance(native, str | PathLike):
        return TableError(f"{said}the path {str(native)!r}. Read it first, with read_table(...).")
    kind = type(native)
    got = f"{said}{kind.__module__.split('.')[0]}.{kind.__qualname__}."
    if hasattr(kind, "cursor") or hasattr(kind, "raw_connection"):
        return TableError(
            f"{got} Read from it first, with read_table('SELECT ...', `connection=...`)."
        )
    if isinstance(native, bytes) or hasattr(native, "read"):
        return TableError(f"{got} Say the path of the file, with read_table(...).")
    if isinstance(native, list | tuple | dict) or hasattr(kind, "__array__"):
        return TableError(f"{got} Make a table of it first, with pandas.DataFrame(...).")
    return TableError(got)

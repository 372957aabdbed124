"""The only place that knows dataframe engines.

Inside the library every table is a narwhals LazyFrame, whatever the user brought; the grouping
happens where the data is, and the answer goes back in the caller's kind: pandas in, pandas out;
Polars, PyArrow, DuckDB, PySpark and Ibis likewise; what came lazy goes back lazy.

A pandas table of `ROUTE_ROWS` rows or more, and any PyArrow table, is grouped by DuckDB on a fresh
connection of its own and comes back as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.errors import ColumnError, TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from narwhals.stable.v2.typing import IntoFrameT
    from numpy.typing import NDArray

Frame = nw.LazyFrame[Any]
"""What every function works on inside: a narwhals LazyFrame over the user's engine."""

Columns = dict[str, "NDArray[Any]"]
"""A small result on its way to the user: column names and NumPy arrays of one length."""

ROUTE_ROWS = 2_000_000
"""From this many rows on, a pandas table is grouped by DuckDB (see tests/benchmarks/kpis.py)."""

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
    table: object, *, name: str = "table", by_row: bool = False, only: Sequence[str] | None = None
) -> Frame:
    """Any supported table as a LazyFrame of narwhals.

    Args:
        table: a pandas, Polars, PyArrow, DuckDB, PySpark or Ibis table, or a narwhals frame of one.
        name: what messages call it.
        by_row: true where the work goes row by row, so that a large pandas table stays in pandas.
        only: of a table that goes to DuckDB, the columns that are wanted, as far as there are any.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if two of its columns have the same name.
    """
    native = nw.to_native(table, pass_through=True)
    _refuse_repeated_columns(native, name)
    try:
        frame = nw.from_native(cast("Any", native))
    except TypeError:
        raise _not_a_table(native, name) from None
    engine = frame.implementation
    if engine not in _SERVED:
        raise _not_a_table(native, name)
    if engine.is_pandas():
        native = native.reset_index(drop=True)
        if not by_row and len(native) >= ROUTE_ROWS:
            return _scan(_blank_as_text(native[_wanted(native.columns, only)]))
        return cast("Frame", nw.from_native(native).lazy())
    if engine.is_pyarrow():
        return _scan(native.select(_wanted(native.column_names, only)))
    return cast("Frame", frame.lazy())


def _wanted(present: Iterable[str], only: Sequence[str] | None) -> list[str]:
    """DuckDB does not tell "Sales" from "sales", and does not know every type of pandas."""
    return [name for name in present if only is None or name in only]


def beside(frame: Frame, table: object, *, name: str) -> Frame:
    """A second table of the caller's on the engine of the first, so that they can be joined.

    Raises:
        TableError: if the two are different kinds of table.
    """
    given = nw.to_native(table, pass_through=True)
    eager = isinstance(nw.from_native(cast("Any", given)), nw.DataFrame)
    if frame.implementation.is_duckdb() and eager:
        return cast("Frame", nw.from_native(_on_connection_of(frame.to_native(), given)))
    other = as_lazy(given, name=name, by_row=True)
    if other.implementation != frame.implementation:
        raise TableError(
            f"{name} is a {other.implementation.value} table beside a "
            f"{frame.implementation.value} one: give both as the same kind."
        )
    if frame.implementation.is_duckdb():
        _refuse_strangers(frame, other, name)
    return other


def _refuse_strangers(frame: Frame, other: Frame, name: str) -> None:
    """DuckDB joins only what lives on one connection, and says so only once the query is built."""
    import duckdb

    first, second = (cast("Any", table.to_native()).limit(0) for table in (frame, other))
    try:
        first.set_alias("first").cross(second.set_alias("second"))
    except duckdb.InvalidInputException:
        raise TableError(
            f"{name} is on another DuckDB connection: open both tables on one."
        ) from None


def in_kind_of(
    frame: Frame, like: IntoFrameT, *, order: Sequence[str] = (), keep_type: Sequence[str] = ()
) -> IntoFrameT:
    """The answer as the caller's kind of table: eager ones sorted by `order`, lazy ones left lazy.

    Args:
        frame: the answer.
        like: the table the caller gave.
        order: columns that an eager answer is sorted by.
        keep_type: columns that go back to the type they had in a pandas table.
    """
    engine, eager = _kind(like)
    if not eager:
        return cast("IntoFrameT", _rewrapped(frame.to_native(), like))
    if order:
        frame = frame.sort(*order)
    native = (
        _restored(_to_pandas(frame), like, keep_type)
        if engine.is_pandas()
        else frame.collect("polars" if engine.is_polars() else "pyarrow").to_native()
    )
    return cast("IntoFrameT", _rewrapped(native, like))


@dataclass(frozen=True, slots=True)
class FewTexts:
    """A column in which few different texts stand, over and over: it takes a byte a row.

    Attributes:
        place: which of the texts stands in each row; −1 for none.
        texts: the texts.
    """

    place: NDArray[np.int8]
    texts: tuple[str, ...]

    def spelled_out(self) -> NDArray[Any]:
        """The text of each row."""
        return np.array([*self.texts, None], dtype=object)[self.place]


def table_like(made: Mapping[str, NDArray[Any] | FewTexts], like: IntoFrameT) -> IntoFrameT:
    """A table, already computed, in the caller's kind; NaN becomes a missing value.

    Columns of Python objects hold text; one in which nothing stands is text as well.
    """
    engine, eager = _kind(like)
    if engine.is_pandas() or engine.is_duckdb():
        return cast("IntoFrameT", _rewrapped(_pandas_like(made, like), like))
    columns = {n: v.spelled_out() if isinstance(v, FewTexts) else v for n, v in made.items()}
    native = nw.to_native(like, pass_through=True)
    if engine.is_polars():
        import polars as pl

        small: Any = pl.DataFrame(
            {n: v.tolist() if v.dtype.kind == "O" else v for n, v in columns.items()},
            nan_to_null=True,
            schema_overrides={n: pl.String for n, v in columns.items() if _blank(v)},
        )
        small = small if eager else small.lazy()
    elif engine.is_pyarrow():
        small = _arrow(columns)
    elif engine.is_ibis():
        import ibis

        small = ibis.memtable(_arrow(columns))
    else:
        small = cast("Any", native).sparkSession.createDataFrame(_arrow(columns))
    return cast("IntoFrameT", _rewrapped(small, like))


def _pandas_like(made: Mapping[str, NDArray[Any] | FewTexts], like: object) -> Any:
    """The table in pandas or on the connection of a DuckDB relation, copied no more than must be.

    An array that the caller's table holds as well is copied.
    """
    import pandas as pd

    text: Any = pd.Series(["a"]).dtype
    few = {name: values for name, values in made.items() if isinstance(values, FewTexts)}
    many = {name: values for name, values in made.items() if not isinstance(values, FewTexts)}
    blank = {name: values for name, values in many.items() if _blank(values)}
    few |= {n: FewTexts(np.full(v.size, -1, np.int8), ()) for n, v in blank.items()}
    columns: dict[str, Any] = {name: _own(many[name]) for name in many if name not in blank}
    columns |= {  # thirty times as fast as from Python objects
        name: pd.Series([*values.texts, ""], dtype=text).array.take(values.place, allow_fill=True)
        for name, values in few.items()
    }
    small = pd.DataFrame({name: columns[name] for name in made}, copy=False)
    dates = small.select_dtypes("datetime").columns
    small = small.astype(dict.fromkeys(dates, "datetime64[us]"))
    if not _kind(like)[0].is_duckdb():
        return small
    types = dict.fromkeys(dates, "DATE") | dict.fromkeys(few, "VARCHAR")
    return _on_connection_of(nw.to_native(like, pass_through=True), small, types)


def beside_columns(given: Columns, made: Columns, like: IntoFrameT) -> IntoFrameT:
    """The caller's table with further columns, one value a row; NaN becomes a missing value.

    Args:
        given: all columns of a lazy table, whose rows come in any order, as they were collected.
        made: the further columns, in the order of `given`, or of an eager table.
        like: the table.
    """
    engine, eager = _kind(like)
    native: Any = nw.to_native(like, pass_through=True)
    if not eager:
        return table_like(given | made, like)
    if engine.is_pandas():
        wide = native.assign(**made)
    elif engine.is_polars():
        import polars as pl

        wide = native.with_columns(
            pl.Series(name, values, nan_to_null=True) for name, values in made.items()
        )
    else:
        wide, further = native, _arrow(made)
        for name in further.column_names:
            wide = wide.append_column(name, further[name])
    return cast("IntoFrameT", _rewrapped(wide, like))


def is_lazy(table: object) -> bool:
    """Whether a table is a query, whose rows have no order, rather than rows at hand."""
    return not _kind(table)[1]


def collect(frame: Frame) -> Columns:
    """Run the query and bring its answer into Python as NumPy arrays; a missing number is NaN."""
    engine = frame.implementation
    if engine.is_duckdb():
        found = cast("Any", frame.to_native()).fetchnumpy()
        return {name: _unmasked(values) for name, values in found.items()}
    table = frame.collect(
        "pandas" if engine.is_pandas() else "polars" if engine.is_polars() else "pyarrow"
    )
    return {name: table[name].to_numpy() for name in table.columns}


def one_row(frame: Frame) -> dict[str, Any]:
    """The single row of an aggregate query, as Python values; missing is None."""
    row = {name: values[0] for name, values in collect(frame).items()}
    return {name: _python_value(value) for name, value in row.items()}


def count(condition: nw.Expr) -> nw.Expr:
    """1 where the condition holds, else 0, as a signed 64-bit integer: counts are sums of it."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)


def orders_well(frame: Frame) -> bool:
    """Whether the engine had better walk rows in order than join a table to itself.

    A SQL engine computes both sides of such a join anew; pandas and Polars join faster than they
    shift.
    """
    return not (frame.implementation.is_pandas() or frame.implementation.is_polars())


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
    view = f"retention_rows_{first}"  # of its own: older versions cannot nest one name
    query = f"""WITH a AS MATERIALIZED (SELECT * FROM {view}),
        f AS (SELECT "{key}" AS k, min("{order}") AS o FROM a GROUP BY ALL)
        SELECT a.*, f.o AS "{first}"{x} FROM a JOIN f ON a."{key}" = f.k {joined}"""
    rows = cast("Any", frame.to_native()).query(view, query)
    return cast("Frame", nw.from_native(rows))


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
            f"by: column {column!r} holds {dtype}, not labels. "
            "A segment is text, a whole number or true/false: put it into classes first."
        )
    named = nw.when(value != "").then(value)
    return named.fill_null("(missing)").alias(column)


def _own(values: NDArray[Any]) -> NDArray[Any]:
    """An array that a table may keep without copying it: nobody else holds its memory."""
    return values if values.flags.owndata and values.flags.writeable else values.copy()


def _on_connection_of(relation: object, table: object, types: Mapping[str, str] = {}) -> Any:
    """An eager table as a relation on the connection of another one, some columns of a given type.

    DuckDB finds Python variables by name, but only after the user's own tables: hence the name.
    """
    retention_table_of_the_caller = table  # noqa: F841 - DuckDB reads it by its name
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
    replaced = f" REPLACE ({columns})" if columns else ""
    query = f"SELECT *{replaced} FROM retention_table_of_the_caller"
    return cast("Any", relation).query("retention_relation_beside", query)


def _blank(values: NDArray[Any]) -> bool:
    """Whether it is a column of Python objects in which nothing stands."""
    nothing: Any = None
    return values.dtype.kind == "O" and not bool((values != nothing).any())


def _kind(table: object) -> tuple[nw.Implementation, bool]:
    frame = nw.from_native(cast("Any", table))
    return frame.implementation, isinstance(frame, nw.DataFrame)


def _rewrapped(native: object, like: object) -> object:
    """A narwhals frame for a caller who gave one, else the native table."""
    wrapped = isinstance(like, nw.DataFrame | nw.LazyFrame)
    return nw.from_native(cast("Any", native)) if wrapped else native


def _scan(table: object) -> Frame:
    """A pandas or PyArrow table as a DuckDB relation, on a fresh connection that lives with it."""
    import duckdb

    connection = duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    connection.execute("SET TimeZone = 'UTC'")
    scan: Any = connection.from_arrow if _is_arrow(table) else connection.from_df
    return cast("Frame", nw.from_native(scan(table)))


def _blank_as_text(table: Any) -> Any:
    """A pandas table whose columns of nothing but missing objects are text.

    DuckDB would call them whole numbers.
    """
    objects = [name for name in table.columns if table[name].dtype == object]
    blank = [name for name in objects if table[name].first_valid_index() is None]
    return table.astype(dict.fromkeys(blank, "string")) if blank else table


def _is_arrow(table: object) -> bool:
    return type(table).__module__.split(".")[0] == "pyarrow"


def _arrow(columns: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    def array(values: Any) -> Any:
        return pa.array(values, type=pa.string() if _blank(values) else None, from_pandas=True)

    return pa.table({name: array(values) for name, values in columns.items()})


def _to_pandas(frame: Frame) -> Any:
    if not frame.implementation.is_duckdb():
        return frame.collect("pandas").to_native().reset_index(drop=True)
    if find_spec("pyarrow"):  # eleven times faster than DuckDB's own way at ten million rows
        table = frame.collect("pyarrow").to_native().to_pandas(date_as_object=False)
    else:
        table = cast("Any", frame.to_native()).df()
    dates = table.select_dtypes("datetime").columns
    return table.astype(dict.fromkeys(dates, "datetime64[us]"))


def _restored(table: Any, like: Any, names: Sequence[str]) -> Any:
    given = nw.to_native(like, pass_through=True)
    types = {n: given[n].dtype for n in names if table[n].dtype != given[n].dtype}
    return table.astype(types) if types else table


def _unmasked(values: Any) -> NDArray[Any]:
    if not np.ma.is_masked(values):
        return np.asarray(values)
    if values.dtype.kind in "iu":
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
    return None if value is None or value != value else value  # noqa: PLR0124 - NaN and NaT


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


def _not_a_table(native: object, name: str) -> TableError:
    kind = type(native)
    return TableError(
        f"{name} must be a pandas, Polars, PyArrow, DuckDB, PySpark or Ibis table; "
        f"got {kind.__module__.split('.')[0]}.{kind.__qualname__}."
    )

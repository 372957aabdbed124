"""What every file and query becomes first: a DuckDB relation, and from there the user's engine."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, cast

from retention.errors import ColumnError, ContentError, RetentionError
from retention.frames import private_connection, sql_name
from retention.loading.rows.columns import column_meant
from retention.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection, DuckDBPyRelation

Engine = Literal["pandas", "polars", "pyarrow", "duckdb"]
"""The kinds of table a file can be read into."""

ENGINES: tuple[Engine, ...] = ("pandas", "polars", "pyarrow", "duckdb")

_GROUPED = "rows_and_headings"
_NAMED, _OTHERS, _AT, _HEADS, _HEADING = (
    f"retention_{each}" for each in ("named", "others", "at", "heads", "heading")
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that is open but not yet read, and what to say if reading it fails.

    `lacking` holds the columns that some file does not have, each with the first such file; they
    are empty in its rows.
    `place_of` says where columns that it lacks are to be found, with the keywords to write.
    """

    relation: DuckDBPyRelation
    name: str
    explain: Callable[[Exception], RetentionError]
    lacking: Mapping[str, object] = field(default_factory=dict)
    place_of: Callable[[Sequence[str], str], str] = lambda _, __: ""

    def refuse_lacking(self, columns: Iterable[str], *, asked: str = "") -> None:
        """Refuse a column that is needed and that some file does not have.

        Args:
            columns: those that are needed.
            asked: the keyword that names them, if one does.

        Raises:
            ColumnError: names the first, and a file without it.
        """
        for name in columns:
            if name in self.lacking:
                shared = [each for each in self.relation.columns if each not in self.lacking]
                needs = (
                    f"`{asked}=` needs it: name it alike in all of them, or read that one apart."
                    if asked
                    else f"To read what all of them have, say `columns={shared}`."
                )
                raise ColumnError(
                    f"{self.lacking[name]} lacks the column {name!r} that other files have. {needs}"
                )

    def with_columns_only(self, columns: Sequence[str]) -> Opened:
        """The same source, of which nothing but these columns is read."""
        return replace(self, relation=self.relation.project(", ".join(map(sql_name, columns))))

    def with_headings(self, name: str) -> Opened:
        """The same source with a column's headings on each of the rows below them.

        A heading is a row of which no other cell is filled, above one of which others are. It holds
        up to the next row in which its column is filled, such as a total.

        Raises:
            ColumnError: if there is no such column.
        """
        columns = self.relation.columns
        column = column_meant(name, dict.fromkeys(columns), asked="headings")
        filled = {each: f"trim(coalesce({sql_name(each)}::VARCHAR, '')) <> ''" for each in columns}
        has_heading = filled.pop(column)
        others = " OR ".join(filled.values()) or "false"
        with refusals_explained(self.explain):
            self.relation.query("whole", f"CREATE TEMP TABLE {_GROUPED} AS FROM whole")
            table = self.relation.query(
                "grouped",
                f"""WITH filled AS (
                    SELECT *, {has_heading} AS {_NAMED}, {others} AS {_OTHERS},
                        rowid AS {_AT}
                    FROM {_GROUPED}
                ), known AS (
                    SELECT *, {_NAMED} AND NOT {_OTHERS} AND NOT
                        coalesce(lead({_NAMED}) OVER (ORDER BY {_AT}), true) AS {_HEADS} FROM filled
                ), below AS (
                    SELECT *, last_value(CASE WHEN {_HEADS} THEN {sql_name(column)}::VARCHAR
                        WHEN {_NAMED} THEN '' END IGNORE NULLS) OVER (ORDER BY {_AT}) AS {_HEADING}
                    FROM known
                )
                SELECT * EXCLUDE ({_NAMED}, {_OTHERS}, {_AT}, {_HEADS}, {_HEADING}) REPLACE (
                    CASE WHEN {_NAMED} THEN {sql_name(column)}::VARCHAR
                    ELSE nullif({_HEADING}, '') END AS {sql_name(column)})
                FROM below WHERE NOT {_HEADS} ORDER BY {_AT}""",
            )
        return replace(self, relation=cast("DuckDBPyRelation", table))


@contextmanager
def refusals_explained(
    explain: Callable[[Exception], RetentionError], *, bound: bool = False
) -> Iterator[None]:
    """Within it, what DuckDB says of a broken source is said in the user's words.

    Args:
        explain: what to say instead.
        bound: true once the source is open: a query that does not fit it is then no fault of the
            source, and goes through as it is.
    """
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError) as problem:  # Arrow's stream hides the one in the other
        if bound and isinstance(problem, duckdb.BinderException):
            raise
        raise explain(problem) from problem


def fresh_connection() -> DuckDBPyConnection:
    """A connection of its own that never types a column of pandas by a sample of it."""
    return private_connection(pandas_analyze_sample="0")


def sql_literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_list_of_paths(paths: Iterable[Path]) -> str:
    """Paths as an SQL list, taken as they are: to DuckDB "*", "?" and "[" would be patterns."""
    plain = ("".join(f"[{c}]" if c in "*?[" else c for c in str(path)) for path in paths)
    return f"[{', '.join(map(sql_literal, plain))}]"


def first_line(problem: Exception) -> str:
    """What DuckDB said, without its advice, which is about DuckDB's own options."""
    said = str(problem).strip().split("\n", 1)[0]
    return said.split(" Error: ", 1)[-1].strip()


def require_library(module: str, what: str, extra: str) -> None:
    """Refuse, with the command to install it, what a missing library is needed for."""
    if find_spec(module) is None:
        raise RetentionError(
            f"{what} needs {module}: pip install 'retention-analytics[{extra}]'; "
            f"from a clone, pip install '.[{extra}]'"
        )


def distinct_names(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Column names without padding and byte-order marks, none of them empty, none of them twice.

    A nameless column (an index that pandas wrote) is called after its place: "unnamed_1".

    Raises:
        ColumnError: if two columns have one name, small and capital letters taken as the same, or
            one holds a NUL character, at which DuckDB would cut it.
    """
    plain = [name.strip().strip("\ufeff").strip() for name in names]
    found = tuple(name or f"unnamed_{place}" for place, name in enumerate(plain, 1))
    seen: set[str] = set()
    for name in found:
        if "\0" in name:
            raise ColumnError(f"{where}: column name {name!r} holds NUL: is this the encoding?")
        if name.casefold() in seen:
            also = ", in SQL with AS" if where == "the query" else ""
            raise ColumnError(f"{where}: two columns are named {name!r}. Rename one of them{also}.")
        seen.add(name.casefold())
    return found


def names_by_place(names: Iterable[str], where: str) -> tuple[str, ...]:
    """Names of columns of which several of one name are told apart by their places.

    Both of two columns "x" are renamed, "x (column 4)" and "x (column 7)": who does not need them
    is not hindered, and nobody is given the one for the other.

    Raises:
        ColumnError: as `distinct_names` does.
    """
    plain = [name.strip().strip("\ufeff").strip() for name in names]
    folded = Counter(name.casefold() for name in plain)
    apart = [
        f"{name} (column {place})" if name and folded[name.casefold()] > 1 else name
        for place, name in enumerate(plain, 1)
    ]
    return distinct_names(apart, where)


def names_spelled_alike(files: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """The names of each file, spelled as in the first that has them, whatever their capitals.

    A nameless column, one in each file, is one column wherever it stands.
    """
    spelled: dict[str, str] = {}
    named = [tuple(spelled.setdefault(name.casefold(), name) for name in names) for names in files]
    nameless = [_nameless_columns(names) for names in named]
    if {len(found) for found in nameless} != {1}:
        return named
    first = nameless[0][0]
    return [
        tuple(first if name == found[0] else name for name in names)
        for names, found in zip(named, nameless, strict=True)
    ]


def _nameless_columns(names: Sequence[str]) -> list[str]:
    """Those that are called after their place."""
    return [name for place, name in enumerate(names, 1) if name == f"unnamed_{place}"]


def columns_of_files(
    names: Iterable[tuple[object, Sequence[str]]],
) -> tuple[list[str], dict[str, object]]:
    """All columns of several files, as they come, and the first file without each that one lacks.

    Raises:
        ColumnError: if two files have no column in common.
    """
    listed = [(file, dict.fromkeys(found)) for file, found in names]
    every = list(dict.fromkeys(name for _, found in listed for name in found))
    lacking: dict[str, object] = {}
    for name in every:
        without = [file for file, found in listed if name not in found]
        lacking |= {name: without[0]} if without else {}
    if every and len(lacking) == len(every):
        (first, some), *rest = listed
        file, others = next(each for each in rest if some.keys() - each[1].keys())
        raise ColumnError(
            f"{file} has the columns {list(others)[:10]}, {first} has {list(some)[:10]}: no column "
            "is in all of the files. Read them apart."
        )
    return every, lacking


def table_in_engine(opened: Opened, engine: Engine) -> Any:
    """The source read into the engine's own table; for DuckDB it stays unread."""
    if engine == "duckdb":
        return opened.relation
    if engine != "pandas":
        require_library(engine, f"`engine={engine!r}`", "arrow" if engine == "pyarrow" else engine)
        require_library("pyarrow", f"`engine={engine!r}`", "arrow")
    with refusals_explained(opened.explain):
        if find_spec("pyarrow") is None:
            return opened.relation.df()
        table = _arrow_table_of_source(opened)
    if engine == "polars":
        import polars as pl

        return pl.from_arrow(table)
    return _pandas_table_of_arrow(table) if engine == "pandas" else table


def _arrow_table_of_source(opened: Opened) -> Any:
    """Batch by batch, so that a watching person sees rows come in; not slower than all at once."""
    import pyarrow as pa

    batches = []
    with (
        progress_bar(f"reading {opened.name}", " rows") as done,
        pa.RecordBatchReader.from_stream(opened.relation) as reader,
    ):
        for batch in reader:
            batches.append(batch)
            done(batch.num_rows)
        return pa.Table.from_batches(batches, reader.schema)


def _pandas_table_of_arrow(table: Any) -> Any:
    """In pandas' types; whole numbers with gaps stay whole, decimals become floats."""
    import pyarrow as pa

    for place, each in enumerate(table.schema):
        if pa.types.is_decimal(each.type):
            table = table.set_column(place, each.name, _column_without_decimals(table[place]))
    frame = table.to_pandas(date_as_object=False)
    for name in frame.columns:
        if pa.types.is_integer(table[name].type) and table[name].null_count:
            frame[name] = table[name].to_pandas(types_mapper=_nullable_dtype)
    for name in frame.select_dtypes("datetime").columns:
        try:
            frame[name] = frame[name].astype("datetime64[us]")
        except ValueError as problem:  # pandas' OutOfBoundsDatetime
            raise ContentError(
                f"Column {name!r} holds a date that no calendar has, such as infinity: {problem}. "
                "Make it null in the query, or say `engine='duckdb'` and audit the rows."
            ) from None
    return frame


def _nullable_dtype(kind: Any) -> Any:
    from pandas.api.types import pandas_dtype

    return pandas_dtype(str(kind).capitalize().replace("Uint", "UInt"))


def _column_without_decimals(column: Any) -> Any:
    """Decimals as whole numbers where they are declared whole and fit, else as floats."""
    import pyarrow as pa

    if column.type.scale == 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            pass
    return column.cast(pa.float64())

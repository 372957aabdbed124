"""The columns of a table under other names: inner ones on the way in, the user's on the way out.

Names are set by position, since an engine that misreads a name cannot be asked for it by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from retention.errors import ColumnError
from retention.names import inner_names, outer_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def inside(native: Any, *, name: str) -> Any:
    """The caller's table with names that no engine reads as anything but names.

    In pandas a column may be labelled with a number, a date or a tuple: it goes by its text.

    Raises:
        ColumnError: if two labels are one text, such as 0 and "0".
    """
    native = nw.to_native(native, pass_through=True)
    given = _labels_of_table(native)
    names = inner_names(given)
    if names == given:
        return native
    if len(set(names)) < len(names):
        twice = next(each for i, each in enumerate(names) if each in names[:i])
        alike = " and ".join(repr(g) for g, each in zip(given, names, strict=True) if each == twice)
        raise ColumnError(
            f"{name}: two columns are named {twice!r} ({alike}). Rename or drop one of them."
        )
    return _table_renamed(native, names)


def outside(native: Any) -> Any:
    """A table made inside, with the names that the user knows."""
    given = _labels_of_table(native)
    names = [outer_text(name) if isinstance(name, str) else name for name in given]
    return native if names == given else _table_renamed(native, names)


def _labels_of_table(native: Any) -> list[Any]:
    kind = type(native).__module__.split(".")[0]
    if kind == "polars":
        return list(native.collect_schema())
    return list(native.column_names if kind == "pyarrow" else native.columns)


def _table_renamed(native: Any, names: Sequence[str]) -> Any:
    engine = nw.from_native(cast("Any", native)).implementation
    if engine.is_pandas():
        return native.set_axis(names, axis="columns")
    if engine.is_pyarrow():
        return native.rename_columns(list(names))
    if engine.is_duckdb():
        return native.project(", ".join(f"#{i} AS {sql_name(n)}" for i, n in enumerate(names, 1)))
    if engine.is_pyspark() or engine.is_pyspark_connect():
        return native.toDF(*names)
    pairs = zip(_labels_of_table(native), names, strict=True)
    if engine.is_polars():
        return native.rename({old: new for old, new in pairs if old != new})
    return native.rename({new: old for old, new in pairs if old != new})  # Ibis


def sql_name(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'

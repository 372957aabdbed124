"""Texts as whole numbers that are the same on every engine, so that what they stand in adds up."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw
import numpy as np

from retention.frames.column_labels import sql_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from retention.frames.engines import Frame

AFTER_ALL = "\U0010fffd"
"""After every other text: in place of a missing one while the least of several is sought, since
pandas 2 cannot compare None."""

_DIGITS = 7  # of 16: 28 bits


def with_text_numbers(frame: Frame, numbers: Mapping[str, str]) -> Frame:
    """The frame with further columns: from 1 on for each text, 0 where there is none.

    Args:
        frame: any frame.
        numbers: the name of the further column, for each column of text. Of the text it is the
            first 28 bits of its MD5, read as a number, plus 1.
    """
    if not numbers:
        return frame
    engine, native = frame.implementation, cast("Any", frame.to_native())
    if engine.is_duckdb():
        columns = ", ".join(
            f"{_sql_text_number(name)} AS {sql_name(new)}" for name, new in numbers.items()
        )
        return cast("Frame", nw.from_native(native.project(f"*, {columns}")))
    if engine.is_ibis():
        made = {
            new: _ibis_text_number(native[name].cast("string")) for name, new in numbers.items()
        }
        return cast("Frame", nw.from_native(native.mutate(**made)))
    if engine.is_pyspark():
        return cast("Frame", nw.from_native(_spark_with_numbers(native, numbers)))
    table = frame.collect()
    made = {new: _numbers_of_texts(table[name].to_numpy()) for name, new in numbers.items()}
    backend = table.implementation
    series = [nw.new_series(new, values, backend=backend) for new, values in made.items()]
    return table.with_columns(*series).lazy()


def _sql_text_number(name: str) -> str:
    text = f"CAST({sql_name(name)} AS VARCHAR)"
    return f"coalesce(CAST('0x' || substr(md5({text}), 1, {_DIGITS}) AS BIGINT) + 1, 0)"


def _ibis_text_number(text: Any) -> Any:
    return ("0x" + text.hexdigest("md5").substr(0, _DIGITS)).cast("int64").fill_null(-1) + 1


def _spark_with_numbers(table: Any, numbers: Mapping[str, str]) -> Any:
    from pyspark.sql import functions as sf

    for name, new in numbers.items():
        digits = sf.substring(sf.md5(sf.col(f"`{name}`").cast("string")), 1, _DIGITS)
        number = sf.conv(digits, 16, 10).cast("long") + 1
        table = table.withColumn(new, sf.coalesce(number, sf.lit(0).cast("long")))
    return table


def _numbers_of_texts(texts: NDArray[Any]) -> NDArray[np.int64]:
    """The numbers of texts at hand: each different text is looked at once."""
    import pandas as pd

    place, different = pd.factorize(np.asarray(texts, dtype=object))
    found = [int(hashlib.md5(f"{t}".encode()).hexdigest()[:_DIGITS], 16) + 1 for t in different]
    return np.append(np.array(found, dtype=np.int64), 0)[place]


def table_of_series(values: object, column: str) -> Any:
    """A Series, an array, or a list of texts as a table of one column; else what it is.

    A list and an array of numpy become a pandas table, others one of their kind.

    Args:
        values: whatever the user gave.
        column: what the column is called in the table.
    """
    if isinstance(values, list | tuple) or (isinstance(values, np.ndarray) and values.ndim == 1):
        import pandas as pd

        return pd.DataFrame({column: pd.Series(list(values), dtype=object)})
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and isinstance(values, arrow.Array):
        values = arrow.chunked_array([values])
    alone = nw.from_native(cast("Any", values), allow_series=True, pass_through=True)
    return alone.alias(column).to_frame().to_native() if isinstance(alone, nw.Series) else values

"""The only place that knows dataframe engines.

Inside the library every table is a narwhals LazyFrame, whatever the user brought; the grouping
happens where the data is, and the answer goes back in the caller's kind: pandas in, pandas out;
Polars, PyArrow, DuckDB, PySpark and Ibis likewise; what came lazy goes back lazy.

A pandas table of `ROUTE_ROWS` rows or more, and any PyArrow table, is grouped by DuckDB on a
connection of its own and comes back as it was.
"""

from retention.frames.answers import FewTexts, beside_columns, in_kind_of, table_like
from retention.frames.arrow import readable_pandas
from retention.frames.column_labels import inside, outside, sql_name
from retention.frames.connections import private_connection
from retention.frames.engines import (
    Columns,
    Frame,
    added_up,
    answers_at_once,
    as_lazy,
    as_text,
    beside,
    collect,
    count,
    has_wide_numbers,
    is_lazy,
    is_pandas,
    locked_in,
    one_row,
    orders_well,
    read_out,
    without_json,
)
from retention.frames.numbered import (
    Numbered,
    frame_at_hand,
    is_at_hand,
    numbers_of_values,
    rows_at_hand,
)
from retention.frames.python_rows import conditions_met
from retention.frames.row_numbers import (
    MOST_SORTED,
    numbers_of_texts,
    numbers_rows,
    rows_may_repeat,
    with_row_numbers,
)
from retention.frames.texts import AFTER_ALL, table_of_series, with_text_numbers
from retention.frames.written_queries import (
    HALF_WORD,
    counts_of_marks,
    first_rows_in_turn,
    grouped_with_days,
    keeps_tables,
    rows_without_repeats,
    same_values_of,
    skips_branches,
    sums_beside_firsts,
    with_first,
    with_later,
    with_same_values,
)

__all__ = [
    "AFTER_ALL",
    "HALF_WORD",
    "MOST_SORTED",
    "Columns",
    "FewTexts",
    "Frame",
    "Numbered",
    "added_up",
    "answers_at_once",
    "as_lazy",
    "as_text",
    "beside",
    "beside_columns",
    "collect",
    "conditions_met",
    "count",
    "counts_of_marks",
    "first_rows_in_turn",
    "frame_at_hand",
    "grouped_with_days",
    "has_wide_numbers",
    "in_kind_of",
    "inside",
    "is_at_hand",
    "is_lazy",
    "is_pandas",
    "keeps_tables",
    "locked_in",
    "numbers_of_texts",
    "numbers_of_values",
    "numbers_rows",
    "one_row",
    "orders_well",
    "outside",
    "private_connection",
    "read_out",
    "readable_pandas",
    "rows_at_hand",
    "rows_may_repeat",
    "rows_without_repeats",
    "same_values_of",
    "skips_branches",
    "sql_name",
    "sums_beside_firsts",
    "table_like",
    "table_of_series",
    "with_first",
    "with_later",
    "with_row_numbers",
    "with_same_values",
    "with_text_numbers",
    "without_json",
]

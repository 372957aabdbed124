"""The door for interruptions of a service: from when to when it was down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import narwhals.stable.v2 as nw

from retention.loading.chosen_rows import source_of_rows
from retention.loading.dates import time_zones
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.read_values import read_values
from retention.loading.rows.row_checks import Check, Output, Reading
from retention.loading.rows.text import OURS, Written
from retention.tables import OUTAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.columns import Source


@entrance("start", "end")
def as_outages(
    table: IntoFrameT,
    *,
    start: str,
    end: str,
    keep: str | Sequence[str] = (),
    day_first: bool | None = None,
    date_format: str | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """The interruptions of your service, checked and typed: for `service_availability`.

    One row is one interruption. Rows may overlap or repeat one another: time that is down twice is
    down once. A log without a row is one of a service that was never down.

    The checks, in this order: a start that is missing, cannot be read, could be read in two ways or
    does not exist; likewise an end, which may be missing; an end before its start. Text is read as
    in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        start: column of when the service went down; a day without a time is its midnight.
        end: column of when it was back, empty while it is down.
        keep: further columns to keep as they are, such as which service it was.
        day_first: whether 03/04/2024 is in April.
        date_format: how times are written (see `as_transactions`).
        tz: for times that carry a time zone: the zone in whose winter time they are given, all the
            year. A clock that is put forward and back has days of 23 and 25 hours, and would make
            interruptions seem longer or shorter than they were; on this one the difference of two
            times is the time that passed, and every day has 24 hours, which begin in summer an
            hour off midnight. Times without a zone are taken as they are.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, as in `as_transactions`.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `start`, `end` and the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> log = pd.DataFrame({"down": ["2024-03-01 10:00"], "up": ["2024-03-01 16:00"]})
        >>> rt.as_outages(log, start="down", end="up")
                        start                 end
        0 2024-03-01 10:00:00 2024-03-01 16:00:00
    """
    source = source_of_rows(table, OUTAGES, {"start": start, "end": end}, keep)
    written = Written(day_first, date_format, None, tz, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_outages(source, written), table)


def _reading_of_outages(source: Source, written: Written) -> Reading:
    values = read_values(source, written, id_roles=(), date_roles=("start", "end"), amount_roles=())
    frame = time_zones.with_instants(source, values.frame, ("start", "end"), written.tz)
    if written.tz is not None:
        frame = time_zones.with_even_clock(frame, ("start", "end"), written.tz)
    advice = "It was back before it went down: correct them or leave those rows out."
    early = nw.col(f"{OURS}end_at") < nw.col(f"{OURS}start_at")
    return Reading(
        source=source,
        frame=frame,
        checks=[
            *values.checks_of("start"),
            *(check for check in values.checks_of("end") if check.reason != "missing end"),
            Check("end before start", source.roles["end"], advice, early),
        ],
        outputs=[
            Output("start", f"{OURS}start"),
            Output("end", f"{OURS}end"),
            *(Output(name, column) for name, column in source.keep.items()),
        ],
        repeats=False,
        may_be_empty=True,
    )

"""The door for events: what customers did or met, by name and day."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Unpack

import narwhals.stable.v2 as nw

from retention.errors import check_choice
from retention.loading.chosen_rows import source_of_rows
from retention.loading.doors.entrance import FromFile, accepted_or_audit, entrance
from retention.loading.doors.signs.sign_rows import (
    checks_where_filled,
    columns_of_signs,
    with_text_of,
)
from retention.loading.read_values import read_values
from retention.loading.rows.duplicates import duplicate_check
from retention.loading.rows.identity import id_notes
from retention.loading.rows.row_checks import Check, Reading
from retention.loading.rows.text import OURS, Written
from retention.tables import EVENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from narwhals.stable.v2.typing import IntoFrameT

    from retention.loading.rows.columns import Source

_FILL = "Say what happened, or leave those rows out."
_FINITE = "Correct them or leave those rows out."
_BEYOND = 1e300  # text that says more than any number can hold is read as this


@entrance("customer_id", "date", "event", "amount", "known")
def as_events(
    table: IntoFrameT,
    *,
    customer_id: str,
    date: str,
    event: str,
    amount: str | None = None,
    known: str | None = None,
    keep: str | Sequence[str] = (),
    duplicates: str = "error",
    day_first: bool | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    blanks: Sequence[str] | None = None,
    tz: str | None = None,
    from_tz: str | None = None,
    **file: Unpack[FromFile],
) -> IntoFrameT:
    """What your customers did or met, checked and typed: for `event_features`.

    One row is one event of one customer: a login, a call to the technicians, a store near them that
    closed, a change of address. Events of all kinds stand in one table, told apart by name.

    The checks, in this order: blank customer_id; a date that is missing, cannot be read, could be
    read in two ways or does not exist; a blank event; an amount that is no number, could be read in
    two ways or is infinite; likewise a date in `known`, which may be missing; exact duplicates.
    Text is read as in `as_transactions`.

    Args:
        table: a pandas, Polars (eager or lazy), PyArrow, DuckDB, PySpark or Ibis table, which is
            not changed; or a file, several, a folder, or with `connection` a query (`read_table`).
        customer_id: column of whose event it is: text or whole numbers.
        date: column of when it happened.
        event: column of what it was: text, or whole numbers that become text.
        amount: column of how much or how long of it, such as minutes; empty where not measured.
        known: column of when you learnt of it, where that may be later than `date` (it was entered
            a week on, or came with a file of the month); empty where it was known on the day. What
            was known before it happened, as a move that is announced, counts from `date` all the
            same: a row counts on a day once both have come.
        keep: further columns to keep as they are, such as the device.
        duplicates: rows that repeat an earlier one: "error", "keep", or "drop" all but the first.
        day_first: whether 03/04/2024 is in April.
        date_format: how dates are written (see `as_transactions`).
        decimal: the decimal sign of amounts in text, "." or ",".
        blanks: texts that mean that an id was not filled in, beside an empty cell: () where "NA" or
            "None" is somebody's id. Default: NA, N/A, NULL, None, nan, totals and their like.
        tz: for times that carry a time zone: in whose local days they fall.
        from_tz: of times without an offset, the zone whose clock they show, such as "UTC": they are
            moved to that of `tz`, as in `as_transactions`.
        file: of a file or a query: `connection`, `engine`, `sheet`, `encoding`, `separator`,
            `header_row` and `headings`, as in `read_table`. Of any table: `where`, the rows that
            are meant, by the values of their columns, {"Status": ["completed", "processing"]}: None
            is an empty cell, case does not matter, a value that stands in no row is refused; and
            `incomplete`: "drop" leaves out rows that can only be corrected, and a warning counts
            them.

    Returns:
        A table of the same kind, lazy if yours is: `customer_id`, `date`, `event` and, where named,
        `amount` and `known` (each null where empty), and the columns of `keep`.

    Raises:
        TableError: if it is not a table of a supported engine.
        ColumnError: if a column is missing or cannot carry its meaning.
        ContentError: if the table is empty or has any problem in its rows.

    Example:
        >>> import pandas as pd
        >>> import retention as rt
        >>> log = pd.DataFrame({
        ...     "who": ["Ann", "Bob"],
        ...     "day": ["2024-01-20", "2024-02-01"],
        ...     "what": ["login", "moved"],
        ... })
        >>> rt.loading.as_events(log, customer_id="who", date="day", event="what")
          customer_id       date  event
        0         Ann 2024-01-20  login
        1         Bob 2024-02-01  moved
    """
    check_choice("duplicates", duplicates, ("error", "keep", "drop"))
    roles = {"customer_id": customer_id, "date": date, "event": event}
    source = source_of_rows(table, EVENTS, roles | {"amount": amount, "known": known}, keep)
    written = Written(day_first, date_format, decimal, tz, blanks, from_tz=from_tz).checked()
    return accepted_or_audit(_reading_of_events(source, written, duplicates), table)


def _reading_of_events(source: Source, written: Written, duplicates: str) -> Reading:
    values = read_values(
        source,
        written,
        id_roles=("customer_id",),
        date_roles=("date", "known"),
        amount_roles=("amount",),
    )
    frame = with_text_of(source, values.frame, "event")
    unnamed = nw.col(f"{OURS}event").is_null()
    checks = [
        *values.checks_of("customer_id", "date"),
        Check("blank event", source.roles["event"], _FILL, unnamed),
        *checks_where_filled(values, "amount"),
    ]
    if "amount" in source.roles:
        amount = nw.col(f"{OURS}amount")
        number = nw.when(~amount.is_nan()).then(amount)
        frame = frame.with_columns(number.alias(f"{OURS}amount"))
        infinite = amount.abs() >= _BEYOND
        checks += [Check("infinite amount", source.roles["amount"], _FINITE, infinite)]
    return Reading(
        source=source,
        frame=frame,
        checks=[
            *checks,
            *checks_where_filled(values, "known"),
            duplicate_check(source, duplicates),
        ],
        outputs=columns_of_signs(source, values, "date", "event", "amount", "known"),
        notes=partial(id_notes, source),
        repeats=duplicates != "keep",
        shuffled=values.shuffled,
    )
